"""The output for people: tables, a live view, and plots of a job."""

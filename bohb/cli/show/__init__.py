"""What a person sees of a job: tables, a live view, and plots."""

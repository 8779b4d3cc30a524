"""One run of a job's command: its process, what it reports, and what becomes of that."""

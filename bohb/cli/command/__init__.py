"""One run of a job's command: its process, its reports, and the trial that they are written to."""

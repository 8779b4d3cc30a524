"""Job files: what to run and what to tune, in our own words or Polyaxon's."""

from bohb.cli.jobs.job import SINGLE_RUNG, Job, Metric, Schedule
from bohb.cli.jobs.kinds import stored_values
from bohb.cli.jobs.reader import read_job
from bohb.cli.jobs.stopping import Policy, Target

__all__ = [
    "SINGLE_RUNG",
    "Job",
    "Metric",
    "Policy",
    "Schedule",
    "Target",
    "read_job",
    "stored_values",
]

"""Job files: a command to run and parameters to tune, in our own format or that of Polyaxon."""

from bohb.cli.jobs.job import Job, json_schema
from bohb.cli.jobs.kinds import stored_values
from bohb.cli.jobs.parts import Metric
from bohb.cli.jobs.reader import read_job
from bohb.cli.jobs.schedule import SINGLE_RUNG, JobSchedule
from bohb.cli.jobs.stopping import Policy, Target

__all__ = [
    "SINGLE_RUNG",
    "Job",
    "JobSchedule",
    "Metric",
    "Policy",
    "Target",
    "json_schema",
    "read_job",
    "stored_values",
]

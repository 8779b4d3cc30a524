"""Job files: a command to run and parameters to tune, in our own format or that of Polyaxon."""

from bohb.cli.jobs.command import GENERAL
from bohb.cli.jobs.job import Job, json_schema
from bohb.cli.jobs.kinds import stored_values
from bohb.cli.jobs.parts import Metric
from bohb.cli.jobs.reader import read_job
from bohb.cli.jobs.schedule import SINGLE_RUNG, JobSchedule
from bohb.cli.jobs.stopping import RULES, Policy, Target, Truncation

__all__ = [
    "GENERAL",
    "RULES",
    "SINGLE_RUNG",
    "Job",
    "JobSchedule",
    "Metric",
    "Policy",
    "Target",
    "Truncation",
    "json_schema",
    "read_job",
    "stored_values",
]

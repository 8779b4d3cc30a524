"""Job files: a command to run and parameters to tune, in our own format or that of Polyaxon."""

from bohb.cli.jobs.command import GENERAL
from bohb.cli.jobs.job import Job, json_schema
from bohb.cli.jobs.kinds import stored_values
from bohb.cli.jobs.parts import Metric
from bohb.cli.jobs.reader import read_job
from bohb.cli.jobs.stopping import Policy, Target, Truncation

__all__ = [
    "GENERAL",
    "Job",
    "Metric",
    "Policy",
    "Target",
    "Truncation",
    "json_schema",
    "read_job",
    "stored_values",
]

"""The options of one call of `optimize`, checked, on their way from the user to the loop."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bohb import arguments
from bohb.errors import LegTimeoutError, WorkerLostError
from bohb.executors import Executor
from bohb.study.limits import Limits


@dataclass(frozen=True, slots=True)
class Options:
    """What a user asked for in one call of `optimize`.

    Attributes
    ----------
    limits
        How much may start.
    timeout
        Seconds after which everything ends; None for no limit.
    in_total
        Whether the limits count for all calls together.
    executor
        What runs the legs.
    leg_timeout
        The seconds that a leg may take; None for no limit.
    max_retries
        How often a leg is given out again after its worker was lost, or after it has raised an
        exception of `retry_on`.
    retry_on
        Exceptions of the objective that may come by chance.
    max_failures
        The share of evaluations that may fail; None for all.
    max_paused
        The most generators that may wait in memory; None for no limit.
    max_open_brackets
        The most brackets that may be unfinished at the same time; None for no limit.
    catch
        Exceptions of the objective that fail their trial only.
    callbacks
        Called with the study and each finished trial.
    gc_after_trial
        Whether garbage is collected after each leg.
    show_progress_bar
        Whether a bar is shown.
    join
        Whether to work for another process that optimises the study.
    lease
        The seconds of silence after which this process counts as dead.
    keep
        Of how many finished trials the checkpoints are kept; None for all.
    """

    limits: Limits
    timeout: float | None
    in_total: bool
    executor: Executor
    leg_timeout: float | None
    max_retries: int
    retry_on: tuple[type[Exception], ...]
    max_failures: float | None
    max_paused: int | None
    max_open_brackets: int | None
    catch: tuple[type[Exception], ...]
    callbacks: tuple[Callable[[Any, Any], None], ...]
    gc_after_trial: bool
    show_progress_bar: bool
    join: bool
    lease: float
    keep: int | None = None

    @property
    def caught(self) -> tuple[type[Exception], ...]:
        """All exceptions of a leg that fail its trial only, also if it is late or lost."""
        return (*self.catch, LegTimeoutError, WorkerLostError)

    def __post_init__(self) -> None:
        if self.leg_timeout is not None:
            arguments.positive("leg_timeout", self.leg_timeout)
        arguments.count("max_retries", self.max_retries, least=0)
        if self.max_failures is not None:
            arguments.share("max_failures", self.max_failures)
        if self.max_paused is not None:
            arguments.count("max_paused", self.max_paused, least=0)
        if self.max_open_brackets is not None:
            arguments.count("max_open_brackets", self.max_open_brackets)
        arguments.flag("gc_after_trial", self.gc_after_trial)
        arguments.flag("show_progress_bar", self.show_progress_bar)
        arguments.flag("join", self.join)
        arguments.positive("lease", self.lease)

"""A plan that fits into the time there is: what is run, and what is given up for it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from bohb.errors import ArgumentError
from bohb.hyperband import Plan, PlanPace, makespan
from bohb.hyperband.duration import duration_as_text
from bohb.pruners import SchedulePruner, from_settings

_MOST_ROUNDS = 1000


@dataclass(frozen=True, slots=True)
class FittedPlan:
    """What can be run in the time there is. It is made to be printed.

    Attributes
    ----------
    pruner
        The pruner of a study that fits; the study's own, unless a bound had to change.
    plan
        What is run, with its time.
    n_rounds, n_brackets
        The limit for `optimize`; one of the two is None.
    timeout
        The seconds that there are.
    gave_up
        What was given up, in words.

    Examples
    --------
    >>> import bohb
    >>> study = bohb.create_study(pruner=bohb.HyperbandPruner(1, 27))
    >>> fitted = study.fit_plan(timeout=1800, n_workers=4, seconds_per_unit=10)
    >>> fitted.limits, fitted.gave_up
    ({'n_rounds': 1}, ())
    """

    pruner: SchedulePruner
    plan: Plan
    n_rounds: int | None
    n_brackets: int | None
    timeout: float
    gave_up: tuple[str, ...]

    @property
    def limits(self) -> dict[str, int]:
        """The limit as an argument of `optimize`: ``study.optimize(train, **fitted.limits)``."""
        given = {"n_rounds": self.n_rounds, "n_brackets": self.n_brackets}
        return {name: value for name, value in given.items() if value is not None}

    def __str__(self) -> str:
        limits = ", ".join(f"{name}={value}" for name, value in self.limits.items())
        lines = [
            f"into {duration_as_text(self.timeout)} fits: {self.pruner!r}, optimize({limits})",
            *(f"given up: {each}" for each in self.gave_up),
            "",
            str(self.plan),
        ]
        return "\n".join(lines)

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        """Show the text in a notebook."""
        printer.text(str(self))


def paced(plan: Plan, n_workers: int, seconds_per_unit: float) -> Plan:
    """Return a plan with the time it takes."""
    pace = PlanPace(
        n_workers,
        seconds_per_unit,
        makespan(plan, n_workers, continued=True) * seconds_per_unit,
        makespan(plan, n_workers, continued=False) * seconds_per_unit,
        float(plan.longest_chain_continued) * seconds_per_unit,
        float(plan.longest_chain_restarted) * seconds_per_unit,
    )
    return dataclasses.replace(plan, pace=pace)


def fit_plan(
    pruner: SchedulePruner,
    timeout: float,
    n_workers: int,
    seconds_per_unit: float,
    *,
    continued: bool,
) -> FittedPlan:
    """Return what fits into `timeout`.

    As many rounds as fit; or else as many brackets of a round, those that start on low rungs
    first; or else the same with a higher `min_resource`, and at last with a lower `max_resource`.
    """

    def fits(plan: Plan) -> bool:
        return makespan(plan, n_workers, continued=continued) * seconds_per_unit <= timeout

    for candidate, gave_up in _candidates(pruner):
        plan = candidate.plan()
        if fits(plan):
            n_rounds = _most_rounds(candidate, fits)
            plan = paced(candidate.plan(n_rounds), n_workers, seconds_per_unit)
            return FittedPlan(candidate, plan, n_rounds, None, timeout, gave_up)
        for n_brackets in reversed(range(1, len(plan.brackets))):
            part = dataclasses.replace(plan, brackets=plan.brackets[:n_brackets], adaptive=False)
            if fits(part):
                left_out = [f"{bracket.resources[0]:g}" for bracket in plan.brackets[n_brackets:]]
                more = (
                    f"the brackets that start at {' and '.join(left_out)}, which guard against "
                    "low rungs that mislead",
                )
                part = paced(part, n_workers, seconds_per_unit)
                # These brackets and no others: an adaptive study may begin with the one at the top.
                fixed = from_settings({**candidate.settings(), "adaptive": False})
                return FittedPlan(fixed, part, None, n_brackets, timeout, gave_up + more)
    raise ArgumentError(
        f"timeout must be at least the time of one trial at the lowest resource, "
        f"{pruner.levels[0]:g} units of {seconds_per_unit:g} s, got {timeout:g}"
    )


def _most_rounds(pruner: SchedulePruner, fits: Callable[[Plan], bool]) -> int:
    """Return the largest number of rounds that fits, given that one does."""
    low, high = 1, 2
    while high <= _MOST_ROUNDS and fits(pruner.plan(high)):
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(pruner.plan(middle)) else (low, middle)
    return low


def _candidates(pruner: SchedulePruner) -> Iterator[tuple[SchedulePruner, tuple[str, ...]]]:
    """Yield pruners that take ever less, with what is given up by each."""
    yield pruner, ()
    settings, levels = pruner.settings(), pruner.levels
    for level in levels[1:]:
        raised = {**settings, "min_resource": level}
        yield from_settings(raised), (f"the rungs below {level:g}",)
    for place in reversed(range(len(levels) - 1)):
        lowered = {**settings, "min_resource": levels[0], "max_resource": levels[place]}
        yield from_settings(lowered), (f"training beyond {levels[place]:g}",)

"""The plan: what a study will do and what it costs, known before it does anything."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bohb.hyperband.bracket import Bracket
from bohb.hyperband.duration import duration_as_text
from bohb.hyperband.ladder import Resource
from bohb.hyperband.promotion import n_replaced

# So many results at the top let the bracket there start, as soon as they let the Gaussian process.
N_SEEN_AT_TOP = 2


@dataclass(frozen=True, slots=True)
class PlanPace:
    """How long a plan takes, if a unit of resource always takes as long.

    Attributes
    ----------
    n_workers
        How many legs run at the same time.
    seconds_per_unit
        The seconds that a trial takes for a unit of resource.
    seconds_continued, seconds_restarted
        The seconds from the first leg to the last, if a promoted trial goes on from where it stood,
        and if it trains from the start again.
    least_continued, least_restarted
        The seconds that no number of workers can undercut: those of the longest chain of legs.

    Examples
    --------
    >>> print(PlanPace(4, 60.0, 1200.0, 1380.0, 540.0, 780.0))
    time with 4 workers and 60 s a unit: 20 min continued, 23 min restarted
    time with any number of workers: at least 9 min continued, 13 min restarted
    """

    n_workers: int
    seconds_per_unit: float
    seconds_continued: float
    seconds_restarted: float
    least_continued: float
    least_restarted: float

    def __str__(self) -> str:
        workers = "1 worker" if self.n_workers == 1 else f"{self.n_workers} workers"
        return (
            f"time with {workers} and {self.seconds_per_unit:g} s a unit: "
            f"{duration_as_text(self.seconds_continued)} continued, "
            f"{duration_as_text(self.seconds_restarted)} restarted\n"
            "time with any number of workers: at least "
            f"{duration_as_text(self.least_continued)} continued, "
            f"{duration_as_text(self.least_restarted)} restarted"
        )


@dataclass(frozen=True, slots=True)
class Plan:
    """The schedule of a study as a value: printed and costed before anything runs.

    Attributes
    ----------
    brackets
        All brackets, in the order in which they start unless the plan is adaptive.
    reduction_factor
        Of this many trials in a rung, one is promoted.
    n_rounds
        How many passes through all brackets the plan holds.
    asynchronous
        Whether trials are promoted without waiting for their rung. Promotions made on little
        evidence may then come on top of the numbers of the plan.
    adaptive
        Whether the bracket at the top of each round starts as soon as two trials were evaluated at
        the top, unless the plan is asynchronous, and a bracket after the first round starts at the
        top if that pays, as `bohb.hyperband.pays_to_start_at_top` says. It has fewer
        trials then, and uses no more resource.
    pace
        How many workers there are, and how long the plan takes them; None if that was not asked.

    Examples
    --------
    >>> from bohb.hyperband import ladder, make_plan
    >>> plan = make_plan(ladder(1, 81, 3), 3)
    >>> [bracket.n_trials for bracket in plan.brackets]
    [81, 27, 9, 6, 5]
    >>> plan.n_trials, plan.n_evaluations, plan.resource_restarted
    (128, 187, 1701)
    >>> print(plan)
    Hyperband, 1 round of 5 brackets, reduction factor 3
    <BLANKLINE>
    resource     1   3  9  27  81 | trials  evaluations  continued  restarted
    bracket 0   81  27  9   3   1 |     81          121        297        405
    bracket 1       27  9   3   1 |     27           40        243        324
    bracket 2           9   3   1 |      9           13        189        243
    bracket 3               6   2 |      6            8        270        324
    bracket 4                   5 |      5            5        405        405
    total                         |    128          187       1404       1701
    <BLANKLINE>
    continued: resource if a promoted trial goes on from where it stood
    restarted: resource if it trains from the start again (21 % more)
    longest chain of legs, which no number of workers can shorten: 81 continued, 121 restarted
    """

    brackets: tuple[Bracket, ...]
    reduction_factor: float
    n_rounds: int = 1
    asynchronous: bool = False
    adaptive: bool = False
    pace: PlanPace | None = None

    @property
    def brackets_per_round(self) -> int:
        """The number of brackets in each round."""
        return len(self.brackets) // self.n_rounds

    def bracket(self, index: int, *, at_top: bool = False) -> Bracket:
        """Return the bracket of this number, counted through all rounds.

        Parameters
        ----------
        index
            The number; the brackets of the plan repeat.
        at_top
            Whether it starts at the top in place of the level that was planned.
        """
        planned = self.brackets[index % len(self.brackets)]
        return planned.at_top() if at_top else planned

    def limited_to(self, n_trials: int) -> Plan:
        """Return the plan, as one round, in which only the first `n_trials` trials start.

        Examples
        --------
        >>> from bohb.hyperband import ladder, make_plan
        >>> limited = make_plan(ladder(1, 9, 3), 3).limited_to(10)
        >>> [bracket.sizes for bracket in limited.brackets]
        [(9, 3, 1), (1, 1)]
        """
        left, brackets = n_trials, []
        for bracket in self.brackets:
            size = min(left, bracket.n_trials)
            if size > 0:
                brackets.append(bracket.with_trials(size, self.reduction_factor))
            left -= size
        return Plan(tuple(brackets), self.reduction_factor, 1, self.asynchronous, self.adaptive)

    @property
    def is_population(self) -> bool:
        """Whether its brackets are populations."""
        return self.brackets[0].is_population

    @property
    def n_before_model(self) -> int:
        """How many trials of the first bracket begin before the model's turn.

        As long as a model has seen nothing above the lowest rung, it proposes the last fifth only.
        """
        first = self.brackets[0]
        return first.n_trials - first.n_trials // 5 if len(first.sizes) > 1 else 0

    @property
    def shares_places(self) -> bool:
        """Whether trials from before the model's turn get their share of the promotions.

        An asynchronous schedule has seen more than the lowest rung after a few trials.
        """
        return self.n_before_model > 0 and not self.asynchronous and not self.is_population

    @property
    def n_starting(self) -> int:
        """The number of trials that start on the lowest rung of their bracket."""
        return sum(bracket.n_trials for bracket in self.brackets)

    @property
    def n_trials(self) -> int:
        """The number of configurations that are tried: children in a population count too."""
        children = [
            n_replaced(bracket.n_trials, self.reduction_factor) * (len(bracket.sizes) - 1)
            for bracket in self.brackets
            if bracket.is_population
        ]
        return self.n_starting + sum(children)

    @property
    def n_evaluations(self) -> int:
        """The number of evaluations: one trial at one resource each."""
        return sum(bracket.n_evaluations for bracket in self.brackets)

    @property
    def resource_continued(self) -> Resource:
        """The total resource if a promoted trial goes on from where it stood."""
        return _tidy(sum(bracket.resource(continued=True) for bracket in self.brackets))

    @property
    def resource_restarted(self) -> Resource:
        """The total resource if a promoted trial is trained from the start again."""
        return _tidy(sum(bracket.resource(continued=False) for bracket in self.brackets))

    @property
    def longest_chain_continued(self) -> Resource:
        """The resource that must be spent one unit after the other, however many workers there are.

        It belongs to a trial that climbs from the lowest rung to the top and goes on from where
        it stood each time.
        """
        return max(bracket.resources[-1] for bracket in self.brackets)

    @property
    def longest_chain_restarted(self) -> Resource:
        """The longest chain if the trial is trained from the start on each rung."""
        if self.is_population:
            return self.longest_chain_continued
        return _tidy(max(sum(bracket.resources) for bracket in self.brackets))

    def __str__(self) -> str:
        return _table(self)

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        """Show the table in a terminal of IPython."""
        printer.text(str(self))

    def _repr_html_(self) -> str:
        """Show the table in a notebook."""
        return _html_table(self)


def _tidy(resource: Resource) -> Resource:
    """Return a sum of resources without the rounding error of floats."""
    return resource if isinstance(resource, int) else float(f"{resource:.12g}")


def _population_rows(plan: Plan) -> list[tuple[str, str]]:
    """Return the table of a plan of populations, which have too many rungs for columns."""
    bracket = plan.brackets[0]
    shown = [_number(resource) for resource in bracket.resources]
    if len(shown) > _MOST_SHOWN:
        shown = [*shown[:3], "...", shown[-1]]
    replaced = n_replaced(bracket.n_trials, plan.reduction_factor)
    words = f"{_count(replaced, 'trial')} after each interval by children of the best"
    return [
        ("intervals", f"{len(bracket.sizes)}, to resource {', '.join(shown)}"),
        ("replaced", words),
        ("trials", str(plan.n_trials)),
        ("evaluations", str(plan.n_evaluations)),
        ("resource", _number(plan.resource_continued)),
    ]


_MOST_SHOWN = 8  # resources of a population


def _cells(plan: Plan) -> tuple[list[list[str]], list[list[str]]]:
    """Return the cells of the table of a plan: those of the rungs, and those of the costs."""
    per_round = plan.brackets[: plan.brackets_per_round]
    levels = max((bracket.resources for bracket in per_round), key=len)
    rows = [["resource", *map(_number, levels)]]
    totals = [["trials", "evaluations", "continued", "restarted"]]
    for index, bracket in enumerate(per_round):
        empty = [""] * (len(levels) - len(bracket.sizes))
        rows.append([f"bracket {index}", *empty, *map(str, bracket.sizes)])
        totals.append(
            [
                str(bracket.n_trials),
                str(bracket.n_evaluations),
                _number(bracket.resource(continued=True)),
                _number(bracket.resource(continued=False)),
            ]
        )
    rows.append(["total" if plan.n_rounds == 1 else f"total of {plan.n_rounds} rounds"])
    rows[-1] += [""] * len(levels)
    totals.append(
        [
            str(plan.n_trials),
            str(plan.n_evaluations),
            _number(plan.resource_continued),
            _number(plan.resource_restarted),
        ]
    )
    return rows, totals


def _table(plan: Plan) -> str:
    """Return the brackets of a plan as a table of text, with their costs."""
    if plan.is_population:
        rows = _population_rows(plan)
        width = max(len(text.partition(",")[0].partition(" ")[0]) for _, text in rows)
        lines = []
        for name, text in rows:
            number, _, words = text.partition(" ")
            lines.append(f"{name:<11}  {number.rjust(width)} {words}".rstrip())
        return "\n".join([_title(plan), "", *lines, "", *_notes(plan)])
    pairs = zip(*map(_align, _cells(plan)), strict=True)
    body = "\n".join(f"{left} | {right}" for left, right in pairs)
    return "\n".join([_title(plan), "", body, "", *_notes(plan)])


def _html_table(plan: Plan) -> str:
    """Return the same as a table of HTML."""
    if plan.is_population:
        rows = (f"<tr><th>{name}</th><td>{text}</td></tr>" for name, text in _population_rows(plan))
        notes = "<br>".join(_notes(plan))
        return f"<b>{_title(plan)}</b><table>{''.join(rows)}</table>{notes}"
    lines = []
    for order, (left, right) in enumerate(zip(*_cells(plan), strict=True)):
        kind = "td" if order else "th"
        lines.append("".join(f"<{kind}>{cell}</{kind}>" for cell in (*left, *right)))
    body = "".join(f"<tr>{line}</tr>" for line in lines)
    return f"<b>{_title(plan)}</b><table>{body}</table>{'<br>'.join(_notes(plan))}"


def _title(plan: Plan) -> str:
    if plan.is_population:
        kind = "Asynchronous population" if plan.asynchronous else "Population"
        n_trials = _count(plan.brackets[0].n_trials, "trial")
        return f"{kind} based training, {_count(plan.n_rounds, 'round')} of {n_trials} at a time"
    n_brackets = plan.brackets_per_round
    kind = "Hyperband" if n_brackets > 1 else "Successive halving"
    return (
        f"{'Asynchronous ' + kind[0].lower() + kind[1:] if plan.asynchronous else kind}, "
        f"{_count(plan.n_rounds, 'round')} of {_count(n_brackets, 'bracket')}, "
        f"reduction factor {plan.reduction_factor:g}"
    )


def _notes(plan: Plan) -> list[str]:
    if plan.is_population:
        longest = _number(plan.longest_chain_continued)
        notes = [
            "children go on from the checkpoints of their parents",
            f"longest chain of legs, which no number of workers can shorten: {longest}",
        ]
        if plan.asynchronous:
            notes.append("asynchronous: fewer children may come, above all with few workers")
        return notes if plan.pace is None else [*notes, *str(plan.pace).splitlines()]
    more = plan.resource_restarted / plan.resource_continued - 1
    notes = [
        "continued: resource if a promoted trial goes on from where it stood",
        f"restarted: resource if it trains from the start again ({100 * more:.0f} % more)",
        "longest chain of legs, which no number of workers can shorten: "
        f"{_number(plan.longest_chain_continued)} continued, "
        f"{_number(plan.longest_chain_restarted)} restarted",
    ]
    if plan.pace is not None:
        notes += str(plan.pace).splitlines()
    if plan.asynchronous:
        notes.append("asynchronous: promotions made on little evidence may come on top")
    top = plan.brackets_per_round - 1
    # Two brackets bring one trial each to the top: if there are no more, it is their turn anyway.
    if plan.adaptive and not plan.asynchronous and top > N_SEEN_AT_TOP:
        notes.append(
            f"adaptive: bracket {top} starts early, as soon as {N_SEEN_AT_TOP} trials were "
            f"evaluated at {_number(plan.brackets[0].resources[-1])}"
        )
    if plan.adaptive and plan.n_rounds > 1:
        order = "" if plan.asynchronous else "the bracket at the top comes first, and "
        notes.append(
            f"adaptive: after the first round {order}a bracket starts at the top if that pays, "
            "with fewer trials and no more resource"
        )
    return notes


def _align(rows: list[list[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell.ljust(width) if column == 0 and not cell[:1].isdigit() else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]


def _number(resource: Resource) -> str:
    return str(resource) if isinstance(resource, int) else f"{resource:.6g}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")

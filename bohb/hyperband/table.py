"""A plan as text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bohb.hyperband.ladder import Resource

if TYPE_CHECKING:
    from bohb.hyperband.plan import Plan


def table_of(plan: Plan) -> str:
    """Return the brackets of a plan as a table, with what they cost."""
    per_round = plan.brackets[: len(plan.brackets) // plan.n_rounds]
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
    body = "\n".join(
        f"{left} | {right}" for left, right in zip(_align(rows), _align(totals), strict=True)
    )
    more = plan.resource_restarted / plan.resource_continued - 1
    kind = "Hyperband" if len(per_round) > 1 else "Successive halving"
    lines = [
        f"{'Asynchronous ' + kind[0].lower() + kind[1:] if plan.asynchronous else kind}, "
        f"{_count(plan.n_rounds, 'round')} of {_count(len(per_round), 'bracket')}, "
        f"reduction factor {plan.reduction_factor:g}",
        "",
        body,
        "",
        "continued: resource if a promoted trial goes on from where it stood",
        f"restarted: resource if it trains from the start again ({more:.0%} more)".replace(
            "%", " %"
        ),
        "longest chain of legs, which no number of workers can shorten: "
        f"{_number(plan.longest_chain_continued)} continued, "
        f"{_number(plan.longest_chain_restarted)} restarted",
    ]
    if plan.asynchronous:
        lines.append("asynchronous: promotions made on little evidence may come on top")
    return "\n".join(lines)


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

"""The records of legs: which one was given last, its marks, and what is known of those before."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any, NamedTuple

from optuna.trial import FrozenTrial

from bohb.history import LEG_ATTRIBUTE, Origin, birth_of, leg_of
from bohb.hyperband import Decision, Leg, Plan


class LegMarks(NamedTuple):
    """The mark of a leg, and that of the leg before it in the same trial.

    An empty text stands for a leg of version 0.1.0, which had no marks, and None for no leg.
    """

    now: str | None = ""
    before: str | None = None

    @classmethod
    def of(cls, trial: FrozenTrial) -> LegMarks:
        """Return the marks that are stored with a trial."""
        leg = trial.system_attrs.get(LEG_ATTRIBUTE)
        if leg is None:  # a study without brackets: no trial runs twice, so its beginning marks it
            return cls(str(trial.datetime_start), None)
        return cls(leg.get("mark", ""), leg.get("before"))

    def next(self) -> LegMarks:
        """Return the marks of the leg that comes after this one."""
        return LegMarks(secrets.token_hex(16), self.now)


NO_LEG = LegMarks(None, None)


class Span(NamedTuple):
    """When a leg ran, and where.

    Attributes
    ----------
    began
        When it began, in seconds since 1970.
    seconds
        How long it ran.
    worker
        The host and the process in which it ran.
    """

    began: float
    seconds: float
    worker: str


@dataclass(frozen=True, slots=True)
class LegRecord:
    """What is written of the legs of one trial.

    Attributes
    ----------
    leg
        The leg that was given last.
    marks
        What tells this leg and the one before it from all others.
    spans
        The spans of the trial's legs, from its lowest rung on, as far as they have come to an end;
        None for a leg whose span is not known.
    decisions
        What the promotions of the trial were decided by, from its lowest rung on; None for one
        that is not known.
    origin
        Where its configuration comes from; None if that is not known.
    birth
        The parent of a child in a population, and the rung on which the child began; else None.
    """

    leg: Leg
    marks: LegMarks
    spans: tuple[Span | None, ...] = ()
    decisions: tuple[Decision | None, ...] = ()
    origin: Origin | None = None
    birth: tuple[int, int] | None = None

    @classmethod
    def of(cls, trial: FrozenTrial, plan: Plan) -> LegRecord:
        """Return the record that is stored with a trial of a bracket."""
        return cls(
            leg_of(trial, plan),
            LegMarks.of(trial),
            spans_of(trial),
            decisions_of(trial),
            origin_of(trial),
            birth_of(trial),
        )

    def followed_by(self, leg: Leg, decision: Decision) -> LegRecord:
        """Return the record of the same trial once it has been given its next `leg`."""
        unknown = (None,) * (leg.rung - 1 - len(self.decisions))  # of an earlier version
        decisions = (*self.decisions, *unknown, decision)
        return LegRecord(leg, self.marks.next(), self.spans, decisions, self.origin, self.birth)


def origin_of(trial: FrozenTrial) -> Origin | None:
    """Return where the configuration of a trial comes from, as it is stored with the trial."""
    written: list[Any] | None = (trial.system_attrs.get(LEG_ATTRIBUTE) or {}).get("origin")
    return None if written is None else Origin(*written)


def decisions_of(trial: FrozenTrial) -> tuple[Decision | None, ...]:
    """Return what the promotions of a trial were decided by, as it is stored with the trial."""
    written: list[Any] = (trial.system_attrs.get(LEG_ATTRIBUTE) or {}).get("decisions", [])
    return tuple(None if each is None else _decision(*each) for each in written)


def _decision(rank: int, n_ranked: int, n_kept: int, cut: Any, n_reserved: int = 0) -> Decision:
    # JSON has lists only.
    cut = tuple(cut) if isinstance(cut, list) else cut
    return Decision(rank, n_ranked, n_kept, cut, n_reserved)


def spans_of(trial: FrozenTrial) -> tuple[Span | None, ...]:
    """Return the spans that are stored with a trial, from its lowest rung on."""
    written: list[Any] = (trial.system_attrs.get(LEG_ATTRIBUTE) or {}).get("spans", [])
    return tuple(None if each is None else Span(*each) for each in written)

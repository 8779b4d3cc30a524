"""The records of evaluations: how they ranked, where the cuts lay, when and where they ran."""

from __future__ import annotations

import dataclasses
import datetime
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from optuna.trial import FrozenTrial, TrialState

from bohb.errors import MissingDependencyError
from bohb.history import (
    DROPPED,
    FAILED,
    FINISHED,
    LEG_ATTRIBUTE,
    PAUSED,
    PRUNED,
    Scale,
    Value,
    as_tuple,
    began_in_models_turn,
    final_value,
    first_of,
    is_finite,
    is_paused,
    standing,
)
from bohb.hyperband import (
    Decision,
    Loss,
    Plan,
    Resource,
    decision,
    n_replaced,
    promotable,
    sort_losses,
)
from bohb.store.legs import decisions_of, origin_of, spans_of

if TYPE_CHECKING:
    import pandas as pd

RungOutcome: TypeAlias = Literal["promoted", "paused", "dropped", "pruned", "failed", "finished"]


@dataclass(frozen=True, slots=True)
class EvaluationRecord:
    """One trial at one resource: how it did, how it ranked there, and what became of it.

    Attributes
    ----------
    number
        The trial's number.
    bracket, rung
        Where it was evaluated; None for a trial that was added from elsewhere.
    resource
        The total resource.
    value
        As the objective gave it, in the first objective if there are several; NaN where the
        evaluation failed.
    outcome
        What became of the trial after it: ``"promoted"``, ``"paused"``, ``"dropped"`` by its rung,
        ``"pruned"`` by its objective, ``"failed"``, or ``"finished"`` at the highest resource.
    rank, n_ranked
        Its place among the trials of its rung that have a value, 1 for the best, and their number:
        when it was promoted, or else by now. None where the evaluation failed.
    n_kept, cut
        How many of those go on, and the value of the worst one that does. None where nothing was
        decided: of a trial that is paused, has failed, or is at the highest resource. With several
        objectives no single value is the cut, and it is None.
    n_reserved
        How many of these places were kept for trials from before the model's turn. It is 0 but on
        the lowest rung of the first bracket, and None where `n_kept` is.
    proposed_by
        Where the trial's configuration comes from: ``"prior"``, ``"densities"`` or ``"Gaussian
        process"`` for what `BOHBSampler` proposes, ``"queue"`` for what was enqueued, ``"default"``
        for the default of the space, and the class of any other sampler. None if that is not known,
        as after a process was killed in the first leg of the trial.
    began, ended
        When the leg to this resource ran, in local time; None if that is not known.
    worker
        The host and the process in which it ran; None if that is not known.
    params
        The trial's configuration.
    values
        The values in all objectives, if there are several; else empty.
    cost
        What the trial had cost in all by then; None if the objective has not reported it.

    Examples
    --------
    >>> import bohb
    >>> study = bohb.create_study(pruner=bohb.SuccessiveHalvingPruner(1, 3))
    >>> study.optimize(lambda trial: trial.suggest_float("x", 0, 1) + trial.number)
    >>> first = study.evaluations()[0]
    >>> first.outcome, first.rank, first.n_ranked, first.cut == first.value
    ('promoted', 1, 3, True)
    """

    number: int
    bracket: int | None
    rung: int | None
    resource: Resource
    value: float
    outcome: RungOutcome
    rank: int | None
    n_ranked: int | None
    n_kept: int | None
    cut: float | None
    n_reserved: int | None
    proposed_by: str | None
    began: datetime.datetime | None
    ended: datetime.datetime | None
    worker: str | None
    params: dict[str, Any] = field(repr=False)
    values: tuple[float, ...] = ()
    cost: float | None = None


def evaluations(
    trial: FrozenTrial, scale: Scale, plan: Plan
) -> list[tuple[int | None, int | None, Resource, float]]:
    """Return bracket, rung, resource and value of each evaluation of `trial`, lowest rung first.

    A failed evaluation has the value NaN. A trial added from elsewhere has no bracket and no rung.
    Of several objectives the value is the first.
    """
    return [
        (bracket, rung, resource, first_of(value))
        for bracket, rung, resource, value in _evaluated(trial, scale, plan)
    ]


def _evaluated(trial: FrozenTrial, scale: Scale, plan: Plan) -> _Evaluated:
    """Return the same with the values of all objectives."""
    place = standing(trial, scale, plan)
    if place is None:
        value = final_value(trial)
        if trial.state != TrialState.COMPLETE or value is None:
            return []
        return [(None, None, scale.levels[-1], value)]
    resources = plan.bracket(place.bracket, at_top=place.at_top).resources
    return [
        (place.bracket, rung, resources[rung], math.nan if loss is None else scale.loss(loss))
        for rung, loss in enumerate(place.losses, place.first_rung)
    ]


def evaluation_records(
    trials: Iterable[FrozenTrial], scale: Scale, plan: Plan
) -> list[EvaluationRecord]:
    """Return the records of all evaluations, in the order of the trials and of their rungs."""
    found = [(trial, _evaluated(trial, scale, plan)) for trial in trials]
    rungs = _Rungs(scale, plan)
    for trial, evaluated in found:
        rungs.add(trial, evaluated)
    return [record for trial, evaluated in found for record in rungs.records(trial, evaluated)]


class _Rungs:
    """The rankings of all rungs, by which the evaluations on them are judged."""

    def __init__(self, scale: Scale, plan: Plan) -> None:
        self._scale = scale
        self._plan = plan
        # By bracket and rung: loss and trial, and how many were dropped.
        self._rankings: defaultdict[_Place, list[tuple[Loss, int]]] = defaultdict(list)
        self._n_dropped: Counter[_Place] = Counter()
        self._models: set[int] = set()  # the trials that were begun in the model's turn
        self._ranks: dict[_Place, dict[int, int]] = {}
        self._decisions: dict[_Place, Decision] = {}  # for the best trial of each rung

    def add(self, trial: FrozenTrial, evaluated: _Evaluated) -> None:
        if began_in_models_turn(trial):
            self._models.add(trial.number)
        for bracket, rung, _, value in evaluated:
            if is_finite(value):
                self._rankings[bracket, rung].append((self._scale.loss(value), trial.number))
        if evaluated and _outcome_of_last(trial) == DROPPED:
            self._n_dropped[evaluated[-1][:2]] += 1

    def records(self, trial: FrozenTrial, evaluated: _Evaluated) -> Iterator[EvaluationRecord]:
        if not evaluated:
            return
        outcomes = _outcomes(trial, len(evaluated))
        spans, decisions = spans_of(trial), decisions_of(trial)
        origin = origin_of(trial)
        for order, (bracket, rung, resource, value) in enumerate(evaluated):
            outcome = outcomes[order]
            span = _at(spans, order if rung is None else rung)
            judged = None
            if bracket is not None and is_finite(value):
                stored = _at(decisions, rung or 0) if outcome == "promoted" else None
                judged = stored or self._decision((bracket, rung), trial.number)
            is_decided = judged is not None and outcome in ("promoted", DROPPED)
            yield EvaluationRecord(
                trial.number,
                bracket,
                rung,
                resource,
                first_of(value),
                outcome,
                None if judged is None else judged.rank,
                None if judged is None else judged.n_ranked,
                judged.n_kept if judged and is_decided else None,
                self._cut(judged) if judged and is_decided else None,
                judged.n_reserved if judged and is_decided else None,
                None if origin is None else origin.source,
                None if span is None else _moment(span.began),
                None if span is None else _moment(span.began + span.seconds),
                None if span is None else span.worker,
                trial.params,
                as_tuple(value) if self._scale.further else (),
                self._scale.cost_at(resource, trial),
            )

    def _cut(self, decision: Decision) -> float | None:
        return None if isinstance(decision.cut, tuple) else self._scale.loss(decision.cut)

    def _decision(self, place: _Place, number: int) -> Decision:
        """Return how a trial ranks on a rung by what is known now."""
        if place not in self._decisions:
            ranking = sort_losses(self._rankings[place])
            self._ranks[place] = {number: rank for rank, (_, number) in enumerate(ranking, 1)}
            models = self._models if place == (0, 0) else ()
            best = ranking[0][1]
            self._decisions[place] = decision(ranking, models, self._n_kept(place), best)
        return dataclasses.replace(self._decisions[place], rank=self._ranks[place][number])

    def _n_kept(self, place: _Place) -> int:
        n_ranked = len(self._rankings[place])
        if self._plan.is_population:
            return n_ranked - n_replaced(n_ranked, self._plan.reduction_factor)
        if self._plan.asynchronous:
            return promotable(n_ranked, self._plan.reduction_factor, final=True)
        return n_ranked - self._n_dropped[place]


_Place: TypeAlias = tuple[int | None, int | None]
_Evaluated: TypeAlias = list[tuple[int | None, int | None, Resource, Value]]


def _at(known: Sequence[Any], place: int) -> Any:
    return known[place] if place < len(known) else None


def _moment(seconds: float) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(seconds)


def _outcomes(trial: FrozenTrial, n_evaluations: int) -> list[RungOutcome]:
    """Return what became of a trial after each of its evaluations, of which there is one."""
    promoted: list[RungOutcome] = ["promoted"] * (n_evaluations - 1)
    return [*promoted, _outcome_of_last(trial)]


def _outcome_of_last(trial: FrozenTrial) -> RungOutcome:
    if trial.state == TrialState.RUNNING:
        return PAUSED if is_paused(trial) else "promoted"
    if trial.state == TrialState.PRUNED:
        # What is written of a trial of version 0.1.0 does not tell why it was pruned.
        own = trial.system_attrs[LEG_ATTRIBUTE]["state"] == PRUNED
        return PRUNED if own else DROPPED
    return FINISHED if trial.state == TrialState.COMPLETE else FAILED


def evaluations_dataframe(records: Iterable[EvaluationRecord]) -> pd.DataFrame:
    """Return one row per record; a configuration has one column per parameter."""
    try:
        import pandas as pd  # importing it takes longer than importing all of bohb
    except ImportError as error:
        raise MissingDependencyError(
            "evaluations_dataframe() needs pandas: pip install 'bohb[pandas]'"
        ) from error
    fields = [each.name for each in dataclasses.fields(EvaluationRecord)]
    columns = [name for name in fields if name not in ("params", "values")]
    rows = [
        {name: getattr(record, name) for name in columns}
        | {f"values_{place}": value for place, value in enumerate(record.values)}
        | {f"params_{name}": value for name, value in record.params.items()}
        for record in records
    ]
    frame = pd.DataFrame(rows, columns=None if rows else columns)
    return frame.astype(dict.fromkeys(("rank", "n_ranked", "n_kept", "n_reserved"), "Int64"))

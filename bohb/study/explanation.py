"""The explanation of a trial: why it was tried, how it ranked, and why it went no further."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from optuna.trial import FrozenTrial, TrialState

from bohb.history import FIXED_PARAMS, LEG_ATTRIBUTE, Origin, birth_of, is_paused, leg_of
from bohb.hyperband import Plan, Resource
from bohb.store.legs import origin_of
from bohb.study.evaluation_records import EvaluationRecord
from bohb.study.results import failure_of


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a trial was tried, how it did on each of its rungs, and what became of it.

    It is made to be printed.

    Attributes
    ----------
    number
        The trial's number.
    bracket
        The number of its bracket; None if it is in none.
    origin
        Where its configuration comes from; None if that is not known.
    evaluations
        Its evaluations, lowest rung first.
    state
        What has become of it, in words.
    params
        Its configuration.
    parent
        The trial from whose checkpoint it went on, in a population; else None.
    is_added
        Whether it was added from elsewhere, as by `Study.add_trials_from`.
    enqueued
        The names of the parameters whose values were given by `Study.enqueue_trial`.

    Examples
    --------
    >>> import bohb
    >>> study = bohb.create_study(pruner=bohb.SuccessiveHalvingPruner(1, 3))
    >>> study.enqueue_trial({"x": 0.75})
    >>> study.optimize(lambda trial: trial.suggest_float("x", 0.75, 1) + trial.number)
    >>> print(study.explain(0))
    Trial 0 of bracket 0 has finished at resource 3 with value 0.75.
    It was enqueued by enqueue_trial.
    Resource 1: value 0.75, rank 1 of 3; the best goes on, down to 0.75: promoted
    Resource 3: value 0.75, rank 1 of 1, finished
    Its parameters: x=0.75
    """

    number: int
    bracket: int | None
    origin: Origin | None
    evaluations: tuple[EvaluationRecord, ...]
    state: str
    params: dict[str, Any]
    parent: int | None = None
    is_added: bool = False
    enqueued: tuple[str, ...] = ()

    def __str__(self) -> str:
        place = "" if self.bracket is None else f" of bracket {self.bracket}"
        params = ", ".join(f"{name}={value!r}" for name, value in self.params.items())
        born = "" if self.parent is None else f" from the checkpoint of trial {self.parent}"
        went_on = f", which went on{born}," if born else ""
        return "\n".join(
            [
                f"Trial {self.number}{place}{went_on} {self.state}.",
                *([] if self.is_added else [f"It was {self._origin_in_words()}."]),
                *(_evaluation_in_words(each) for each in self.evaluations),
                f"Its parameters: {params or 'none yet'}",
            ]
        )

    def _origin_in_words(self) -> str:
        origin = self.origin
        left_out = self.params.keys() - set(self.enqueued)
        is_whole = origin is not None and not left_out
        if not self.enqueued or is_whole or (origin is not None and origin.source == "default"):
            return _origin_in_words(origin)
        given = f"enqueued by enqueue_trial with {', '.join(self.enqueued)}"
        if not left_out:
            return given
        is_known = origin is not None and origin.source != "queue"
        chosen = _origin_in_words(origin) if is_known else "chosen by the sampler"
        return f"{given}; what was left out was {chosen}"

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        """Show the text in a notebook."""
        printer.text(str(self))


def explain(trial: FrozenTrial, evaluations: Sequence[EvaluationRecord], plan: Plan) -> Explanation:
    """Return the explanation of `trial`, which has these `evaluations`."""
    bracket = evaluations[-1].bracket if evaluations else None
    birth = birth_of(trial)
    running = None
    is_added = _is_added(trial)
    if trial.state == TrialState.RUNNING and not is_paused(trial) and not is_added:
        leg = leg_of(trial, plan)
        bracket, running = leg.bracket, leg.resource
    return Explanation(
        trial.number,
        bracket,
        origin_of(trial),
        tuple(evaluations),
        _state_in_words(trial, evaluations, running),
        trial.params,
        None if birth is None else birth[0],
        is_added,
        () if birth is not None else tuple(trial.system_attrs.get(FIXED_PARAMS, ())),
    )


def _is_added(trial: FrozenTrial) -> bool:
    """Return whether a trial was added from elsewhere: it never had a leg, and was not enqueued."""
    attributes = trial.system_attrs
    is_queued = trial.state == TrialState.WAITING and FIXED_PARAMS in attributes
    return LEG_ATTRIBUTE not in attributes and not is_queued


def _state_in_words(
    trial: FrozenTrial, evaluations: Sequence[EvaluationRecord], running: Resource | None
) -> str:
    if trial.state == TrialState.WAITING:
        return "waits in the queue"
    if running is not None:
        return f"is being trained to resource {running:g}"
    if _is_added(trial):
        if not trial.state.is_finished():
            return "runs elsewhere, and belongs to no bracket"
        steps = trial.intermediate_values
        values = trial.values or [steps[step] for step in sorted(steps)[-1:]]
        shown = f" with {_in_words(values)}" if values else ""
        return f"was added from elsewhere{shown}, and belongs to no bracket"
    if not evaluations:
        return f"has no evaluation, and is {trial.state.name}"
    last = evaluations[-1]
    where = f"at resource {last.resource:g}"
    if last.outcome == "failed":
        return f"has failed {where}: {failure_of(trial) or 'no reason is stored'}"
    if last.outcome == "pruned":
        return f"was pruned by its objective on its way to resource {last.resource:g}"
    word = {"paused": "is paused", "dropped": "was dropped", "finished": "has finished"}
    return f"{word.get(last.outcome, last.outcome)} {where} with {_value_in_words(last)}"


def _origin_in_words(origin: Origin | None) -> str:
    if origin is None:
        return "proposed by somebody whose name was not stored yet when its first leg was cut off"
    if origin.source == "prior":
        known = f"{origin.n_evaluated} had been evaluated by then"
        return f"drawn from the prior, not proposed by a model ({known})"
    if origin.source == "queue":
        return "enqueued by enqueue_trial"
    if origin.source == "default":
        return "the default configuration of the space"
    if origin.source == "perturbation" and origin.resource is not None:
        return f"perturbed from its parent's values at resource {origin.resource:g}"
    if origin.source == "population model" and origin.resource is not None:
        return (
            f"chosen by the {origin.source} to gain most from resource {origin.resource:g} on, "
            f"from {origin.n_evaluated} intervals"
        )
    if origin.n_evaluated is None:
        return f"proposed by {origin.source}"
    level = "" if origin.resource is None else f" to be good at resource {origin.resource:g}"
    return f"chosen by the {origin.source}{level}, from {origin.n_evaluated} evaluated trials"


def _value_in_words(evaluation: EvaluationRecord) -> str:
    return _in_words(evaluation.values or [evaluation.value])


def _in_words(values: Sequence[float]) -> str:
    noun = "value" if len(values) == 1 else "values"
    return f"{noun} {', '.join(f'{each:.6g}' for each in values)}"


def _evaluation_in_words(evaluation: EvaluationRecord) -> str:
    resource = f"Resource {evaluation.resource:g}:"
    if evaluation.rank is None:
        return f"{resource} {evaluation.outcome}"
    rank = f"{_value_in_words(evaluation)}, rank {evaluation.rank} of {evaluation.n_ranked}"
    if evaluation.n_kept is None:
        return f"{resource} {rank}, {evaluation.outcome}"
    kept = f"the best {evaluation.n_kept} go on" if evaluation.n_kept != 1 else "the best goes on"
    if evaluation.n_reserved:
        kept = (
            f"{evaluation.n_kept} go on, {evaluation.n_reserved} of them in any case from before "
            "the model's turn"
        )
    if evaluation.cut is not None:
        kept += f", down to {evaluation.cut:.6g}"
    return f"{resource} {rank}; {kept}: {evaluation.outcome}"

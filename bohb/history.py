"""The one translator between Optuna's trials and the records of the schedules and of the model.

A trial's leg is written into the trial's system attribute ``bohb:leg``: its bracket, its rung, and
whether it is running, paused, finished, dropped, pruned or failed. The trial's losses are its
intermediate values. Everything else is computed from these two. Optuna's intermediate values are
single numbers: where there are several objectives they are those of the first, and the system
attribute ``bohb:values:<step>`` has all of them. What a trial has cost by a step, if its objective
reports that, is in ``bohb:cost:<step>``.
"""

from __future__ import annotations

import bisect
import contextlib
import itertools
import math
import operator
import threading
import weakref
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, TypeAlias, TypeVar, overload

import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.samplers import BaseSampler, GridSampler
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from bohb.errors import ArgumentError, ArgumentTypeError, ReportError
from bohb.hyperband import Bracket, Leg, Loss, Plan, Resource, Standing
from bohb.model import Categorical, Numeric, Observations, Parameter, Proposal, Table

LEG_ATTRIBUTE = "bohb:leg"
VALUES_ATTRIBUTE = "bohb:values:"
COST_ATTRIBUTE = "bohb:cost:"
_ROUNDING = 1e-9  # of a range: what lies so little beyond it lies within
FIXED_PARAMS = "fixed_params"  # Optuna's own, of trials whose values were given beforehand
RUNNING: Final = "running"
PAUSED: Final = "paused"
# What a trial's last leg has come to, once the trial has finished.
FINISHED: Final = "finished"
DROPPED: Final = "dropped"
PRUNED: Final = "pruned"
FAILED: Final = "failed"


# What an objective gives: a number, or one for each objective if there are several.
Value: TypeAlias = Loss
V = TypeVar("V", float, Value)


def to_parameter(distribution: BaseDistribution, name: str = "distribution") -> Parameter:
    """Return what the model knows of Optuna's `distribution`, which an error calls `name`."""
    if isinstance(distribution, CategoricalDistribution):
        return Categorical(len(distribution.choices))
    if isinstance(distribution, (FloatDistribution, IntDistribution)):
        low, high = float(distribution.low), float(distribution.high)
        if not math.isfinite(high - low):
            raise ArgumentError(
                f"{name} must have a range whose width is finite, got {distribution!r}"
            )
        # A single value is a grid of one: without a step its range would have no width. The step
        # grows with the value, so that rounding does not swallow it.
        if low == high:
            return Numeric(low, low, step=max(abs(low), 1.0))
        return Numeric(low, high, distribution.log, distribution.step)
    raise ArgumentTypeError(
        f"{name} must be one of Optuna's three kinds of distributions, got {distribution!r}"
    )


def to_model(distribution: BaseDistribution, value: Any) -> float:
    """Return a parameter's `value` as the model counts it: a choice by its index."""
    return distribution.to_internal_repr(value)


def contains(distribution: BaseDistribution, value: Any) -> bool:
    """Return whether `value` is one that the parameter can have."""
    try:
        internal = distribution.to_internal_repr(value)
    except (ValueError, TypeError):
        return False
    return distribution._contains(internal)


def as_declared(distribution: BaseDistribution, value: Any) -> Any:
    """Return a `value` of the parameter with the type that its distribution gives it."""
    return from_model(distribution, to_model(distribution, value))


def from_model(distribution: BaseDistribution, value: float) -> Any:
    """Return the value that an objective gets for the model's `value`."""
    if isinstance(distribution, CategoricalDistribution):
        return distribution.choices[round(value)]
    if isinstance(distribution, IntDistribution):
        # The floats of large integers are rounded, and may lie beyond the ends of the range.
        return min(max(round(value), distribution.low), distribution.high)
    return float(value)


def end_before(distribution: BaseDistribution, value: float) -> float | None:
    """Return the end of a range of numbers beyond which `value` lies; None if it lies within.

    A range may depend on another parameter, so that a trial may not hold what was proposed to it.
    """
    if not isinstance(distribution, (FloatDistribution, IntDistribution)):
        return None
    margin = _ROUNDING * (distribution.high - distribution.low)
    if value < distribution.low - margin:
        return distribution.low
    return distribution.high if value > distribution.high + margin else None


@dataclass(frozen=True, slots=True)
class Scale:
    """The rule by which resources and losses are written into a trial's intermediate values.

    With a ladder of integers a step is the resource itself, or one less in a trial whose loop
    counts from 0. Steps of Optuna are integers, so with any other ladder the step is the level.

    Attributes
    ----------
    levels
        The ladder; empty if the pruner has none.
    maximize
        Whether larger values are better. Losses are always minimised.
    is_best
        Whether a trial is judged by the best of its values so far, in place of the last.
    further
        Whether larger values are better in each objective after the first.
    """

    levels: tuple[Resource, ...]
    maximize: bool = False
    is_best: bool = False
    further: tuple[bool, ...] = ()

    @property
    def n_levels(self) -> int:
        """The number of levels that the model tells apart.

        Without a ladder there are two: trials that were pruned, and complete ones.
        """
        return len(self.levels) or 2

    @property
    def whole(self) -> bool:
        """Whether resources are counted in whole units."""
        return not self.levels or isinstance(self.levels[0], int)

    @overload
    def loss(self, value: float) -> float: ...
    @overload
    def loss(self, value: Value) -> Value: ...
    def loss(self, value: Value) -> Value:
        """Return the loss that `value` stands for, or the value that a loss stands for.

        A single one is that of the first objective.
        """
        if isinstance(value, tuple):
            turned = zip(value, (self.maximize, *self.further), strict=True)
            return tuple(-each if maximize else each for each, maximize in turned)
        return -value if self.maximize else value

    def finite_loss(self, value: Value) -> Loss | None:
        """Return the loss that `value` stands for; None if it is not finite in all objectives."""
        return self.loss(value) if is_finite(value) else None

    def used(self, step: int, steps: Mapping[int, Value]) -> Resource:
        """Return the resource that a trial has used at `step`, one of its `steps`."""
        if not self.whole:
            return self.levels[min(step, len(self.levels) - 1)]
        return step + 1 if 0 in steps else step

    def step(self, resource: Resource, steps: Mapping[int, Value]) -> int:
        """Return the step at which a trial with these `steps` has used `resource`."""
        if not self.whole:
            return self.levels.index(resource)
        return int(resource) - 1 if 0 in steps else int(resource)

    def level(self, resource: Resource) -> int | None:
        """Return the highest level of the ladder that is not above `resource`, if there is one."""
        place = bisect.bisect_right(self.levels, resource)
        return place - 1 if place else None

    def is_top(self, resource: Resource) -> bool:
        """Return whether `resource` is the highest of the ladder."""
        return resource == self.levels[-1]

    def step_of_report(self, step: Any) -> int:
        """Return the step to be stored for the `step` of a report.

        Where resources are not whole, an objective reports the resource of a level, and the
        level is stored.
        """
        if isinstance(step, bool) or not isinstance(step, (int, float)):
            if not hasattr(step, "__index__") and not hasattr(step, "__float__"):
                raise ArgumentTypeError(f"step must be a number, got {step!r}")
            step = step.__index__() if hasattr(step, "__index__") else float(step)
        if not self.whole:
            for level, resource in enumerate(self.levels):
                if math.isclose(step, resource, rel_tol=1e-9):
                    return level
            hint = ""
            if all(resource == int(resource) for resource in self.levels):
                hint = ". If they count something, give the pruner both bounds as integers"
            raise ReportError(
                f"step must be one of the resources {list(self.levels)}, got {step!r}: a study "
                "whose resources are not integers takes reports at its levels only, such as "
                f"trial.resource{hint}"
            )
        if step != int(step) or step < 0:
            raise ReportError(f"step must be an integer of at least 0, got {step!r}")
        return int(step)

    def judged_step(self, resource: Resource, steps: Mapping[int, Value]) -> int | None:
        """Return the first step at which a trial has used `resource` or more, if there is one."""
        reached = [step for step in steps if self.used(step, steps) >= resource]
        return min(reached, default=None)

    def value_at(self, resource: Resource, steps: Mapping[int, V]) -> V | None:
        """Return the first value reported at `resource` or after, or None if there is none."""
        step = self.judged_step(resource, steps)
        return None if step is None else self.judged(steps)[step]

    def judged(self, steps: Mapping[int, V]) -> Mapping[int, V]:
        """Return the values that a trial with these `steps` is judged by, at each of them."""
        if not self.is_best:
            return steps
        best, found = math.nan, {}
        for step in sorted(steps):
            found[step] = best = self.better(best, first_of(steps[step]))
        return found

    def better(self, one: float, other: float) -> float:
        """Return the better one of two values; a NaN is worse than any other."""
        if math.isnan(one) or math.isnan(other):
            return other if math.isnan(one) else one
        return max(one, other) if self.maximize else min(one, other)

    def loss_at(self, resource: Resource, steps: Mapping[int, V]) -> V | None:
        """Return the loss at `resource`; None if there is none or it is not finite."""
        value = self.value_at(resource, steps)
        return None if value is None or not is_finite(value) else self.loss(value)

    def values(self, trial: FrozenTrial) -> Mapping[int, Value]:
        """Return the values of `trial` by step, each with those of all objectives."""
        steps = trial.intermediate_values
        if not self.further:
            return steps
        found: dict[int, Value] = {}
        for step in tuple(steps):  # the trial's thread may be adding to them
            known = trial.system_attrs.get(f"{VALUES_ATTRIBUTE}{step}")
            if known is not None:
                found[step] = tuple(known)
        return found

    def cost_at(self, resource: Resource, trial: FrozenTrial) -> float | None:
        """Return what `trial` had cost when it had used `resource`; None if that is not known."""
        step = self.judged_step(resource, trial.intermediate_values)
        return None if step is None else trial.system_attrs.get(f"{COST_ATTRIBUTE}{step}")


def scale_of(study: optuna.Study) -> Scale:
    """Return the scale of `study`, whatever its pruner."""
    maximize, *further = (each == StudyDirection.MAXIMIZE for each in study.directions)
    is_best = getattr(study.pruner, "value", "last") == "best"
    return Scale(tuple(getattr(study.pruner, "levels", ())), maximize, is_best, tuple(further))


def is_finite(value: Value) -> bool:
    """Return whether a value is finite in all of its objectives."""
    return all(map(math.isfinite, value)) if isinstance(value, tuple) else math.isfinite(value)


def as_tuple(value: Value) -> tuple[float, ...]:
    """Return the value in each objective."""
    return value if isinstance(value, tuple) else (value,)


def first_of(value: Value) -> float:
    """Return the value in the first objective."""
    return as_tuple(value)[0]


def final_value(trial: FrozenTrial) -> Value | None:
    """Return the value that a trial has finished with, in all objectives; None without one."""
    values = trial.values
    if not values:
        return None
    return tuple(values) if len(values) > 1 else values[0]


def standing(trial: FrozenTrial, scale: Scale, plan: Plan) -> Standing | None:
    """Return where `trial` stands in its bracket; None if it is in none."""
    leg = trial.system_attrs.get(LEG_ATTRIBUTE)
    if leg is None or trial.state == TrialState.WAITING:
        return None
    index, at_top = leg["bracket"], leg.get("at_top", False)
    bracket = plan.bracket(index, at_top=at_top)
    parent, first = birth_of(trial) or (None, 0)
    values = scale.values(trial)
    below = [scale.loss_at(resource, values) for resource in bracket.resources[first : leg["rung"]]]
    # A process may have been killed when it had written that the leg was over, and not yet that the
    # trial was. What it was dropped for is decided again; what it finished with is not known.
    pending = not (trial.state.is_finished() or leg["state"] in (PAUSED, DROPPED))
    here = () if pending else (_loss_on_rung(trial, bracket, leg["rung"], scale),)
    losses, is_over = (*below, *here), trial.state.is_finished()
    of_model = leg.get("in_models_turn", False)
    return Standing(trial.number, index, losses, pending, at_top, first, parent, is_over, of_model)


def began_in_models_turn(trial: FrozenTrial) -> bool:
    """Return whether `trial` was begun in the model's turn."""
    return bool((trial.system_attrs.get(LEG_ATTRIBUTE) or {}).get("in_models_turn", False))


def birth_of(trial: FrozenTrial) -> tuple[int, int] | None:
    """Return the parent of a child in a population and the rung it began on; else None."""
    written = (trial.system_attrs.get(LEG_ATTRIBUTE) or {}).get("birth")
    return None if written is None else (int(written[0]), int(written[1]))


def is_paused(trial: FrozenTrial) -> bool:
    """Return whether `trial` waits between two legs."""
    leg = trial.system_attrs.get(LEG_ATTRIBUTE) or {}
    return not trial.state.is_finished() and leg.get("state") == PAUSED


def leg_of(trial: FrozenTrial, plan: Plan) -> Leg:
    """Return the last leg of a trial that is in a bracket."""
    written = trial.system_attrs[LEG_ATTRIBUTE]
    index, rung, at_top = written["bracket"], written["rung"], written.get("at_top", False)
    resources = plan.bracket(index, at_top=at_top).resources
    previous = resources[rung - 1] if rung else 0
    of_model = written.get("in_models_turn", False)
    return Leg(
        trial.number, index, rung, resources[rung], previous, at_top, in_models_turn=of_model
    )


def _loss_on_rung(trial: FrozenTrial, bracket: Bracket, rung: int, scale: Scale) -> Value | None:
    state = trial.system_attrs[LEG_ATTRIBUTE]["state"]
    if trial.state.is_finished() and state == RUNNING:
        return None  # somebody else has ended it, and nobody knows how far it was
    # A trial that somebody else has ended while it was paused competes with what it had by then.
    if state != PAUSED and trial.state == TrialState.FAIL:
        return None
    final = final_value(trial)
    if state != PAUSED and trial.state == TrialState.COMPLETE and final is not None:
        return scale.loss(final)  # what was returned, whatever was reported before
    return scale.loss_at(bracket.resources[rung], scale.values(trial))


def _losses_by_level(trial: FrozenTrial, scale: Scale) -> dict[int, Value]:
    """Return the losses of `trial` by level of the ladder, for the model.

    A level has a loss if there is a report at it, or above it and below the next one. Without a
    ladder a pruned trial has its last report as the loss of level 0, and a complete trial has the
    loss of level 1.
    """
    if trial.state == TrialState.FAIL:
        return {}
    steps = dict(scale.values(trial))  # a copy: the trial's thread may be adding to them
    losses = _first_by_level(steps, scale) if scale.levels else {}
    final = final_value(trial)
    if trial.state == TrialState.COMPLETE and final is not None:
        if is_finite(final):
            losses[scale.n_levels - 1] = scale.loss(final)
    elif trial.state == TrialState.PRUNED and steps and not scale.levels:
        last = steps[max(steps)]
        if is_finite(last):
            losses[0] = scale.loss(last)
    return losses


def _first_by_level(steps: Mapping[int, Value], scale: Scale) -> dict[int, Value]:
    """Return the loss of the first finite report on each level."""
    losses: dict[int, Value] = {}
    steps = scale.judged(steps)
    in_order = sorted(steps)
    ends = [scale.step(resource, steps) for resource in scale.levels]
    places = [bisect.bisect_left(in_order, end) for end in ends]
    for level, (begin, end) in enumerate(itertools.pairwise([*places, len(in_order)])):
        finite = (step for step in in_order[begin:end] if is_finite(steps[step]))
        step = next(finite, None)
        if step is not None:
            losses[level] = scale.loss(steps[step])
    return losses


def costs_by_step(trial: FrozenTrial) -> dict[int, float]:
    """Return what `trial` had cost at each step at which it has reported that."""
    return {
        int(key.removeprefix(COST_ATTRIBUTE)): float(cost)
        for key, cost in tuple(trial.system_attrs.items())  # the trial's thread may add to them
        if key.startswith(COST_ATTRIBUTE)
    }


def _costs_by_level(trial: FrozenTrial, scale: Scale) -> dict[int, float]:
    """Return the logarithms of what `trial` had cost, by level, as far as that is known."""
    known = costs_by_step(trial)
    if not known:
        return {}
    steps = dict(trial.intermediate_values)  # a copy: the trial's thread may be adding to them
    reached = {
        level: scale.judged_step(resource, steps) for level, resource in enumerate(scale.levels)
    }
    return {level: math.log(known[step]) for level, step in reached.items() if step in known}


class Origin(NamedTuple):
    """Where the configuration of a trial comes from.

    Attributes
    ----------
    source
        ``"prior"``, ``"densities"``, ``"Gaussian process"``, ``"forest"`` or ``"evolution"`` for
        what `BOHBSampler` proposes, ``"queue"`` for what was enqueued, ``"default"`` for the
        default of the space, ``"perturbation"`` or ``"population model"`` for a child in a
        population, and the name of its class for any other sampler.
    resource
        The resource at which the model expects it to be good; None for all alike.
    n_evaluated
        How many trials had been evaluated by then; None where that played no part.
    """

    source: str
    resource: Resource | None = None
    n_evaluated: int | None = None


class History:
    """All trials of a study as the model sees them, in a table that is kept and grows.

    A trial that has finished or is paused is translated once, when the model asks next. Trials
    under way are translated each time it asks, so that what they have suggested so far counts.
    """

    def __init__(self, scale: Scale) -> None:
        self.scale = scale
        self._tables = [Table() for _ in range(1 + len(scale.further))]
        self._costs = Table()  # the logarithms of what each trial had cost, by level
        self._settled: set[int] = set()  # the trials that have finished or are paused
        self._n_finished = 0  # so many trials at the front need not be looked at again
        self._live: dict[int, FrozenTrial] = {}  # the trials under way
        self._unread: dict[int, FrozenTrial] = {}  # settled, and not translated yet
        # The values that were proposed to trials that are not finished, as the model counts them:
        # they stand for what a live trial has not asked for yet, or could not have.
        self._proposed: dict[int, Mapping[str, float]] = {}
        self._origins: dict[int, Origin] = {}  # of live trials
        # By parameter: the two newest trials that asked for it, by number, and the distributions
        # they asked with. The second one is needed where the first is left out.
        self._distributions: dict[str, list[tuple[int, BaseDistribution]]] = {}
        self._lock = threading.RLock()

    def refresh(self, trials: Sequence[FrozenTrial]) -> None:
        """Take in all of `trials` that were not finished at the last look."""
        # Another thread may have read its `trials` earlier, when a trial that is settled by now
        # was still running. What is settled stays.
        with self._lock:
            for trial in trials[self._n_finished :]:
                if trial.number not in self._settled:
                    if trial.state.is_finished():
                        self.observe(trial)
                    elif trial.state == TrialState.RUNNING:
                        self.watch(trial)
            while self._n_finished < len(trials) and trials[self._n_finished].state.is_finished():
                self._n_finished += 1

    def watch(self, trial: FrozenTrial) -> None:
        """Take in a trial under way; it is looked at again whenever the model asks."""
        with self._lock:
            self._settled.discard(trial.number)
            self._unread.pop(trial.number, None)
            self._live[trial.number] = trial

    def observe(self, trial: FrozenTrial) -> None:
        """Take in a trial as it is now: it has finished, or has come to the end of a leg."""
        with self._lock:
            self._live.pop(trial.number, None)
            self._origins.pop(trial.number, None)
            self._settled.add(trial.number)
            self._unread[trial.number] = trial

    def expect(self, number: int, proposal: Proposal, n_evaluated: int) -> None:
        """Take in what was proposed to a trial, so that it counts before the trial asks for it."""
        with self._lock:
            if number not in self._settled:
                level, levels = proposal.level, self.scale.levels
                resource = None if level is None or not levels else levels[level]
                self._proposed[number] = proposal.config
                self._origins[number] = Origin(proposal.source, resource, n_evaluated)

    def proposed(self, number: int) -> Mapping[str, float]:
        """Return what was proposed to a trial that is not finished, as the model counts it."""
        return self._proposed.get(number, {})

    def origin(self, number: int) -> Origin | None:
        """Return where the proposal to a live trial comes from; None if nothing was proposed."""
        return self._origins.get(number)

    @contextlib.contextmanager
    def observations(self, *, without: int) -> Iterator[Observations]:
        """Yield what is known of all trials but the one numbered `without`, in their order.

        The history stays locked until the caller is done, for the arrays are those of its table.
        Of several objectives it is the first.
        """
        with self.objectives(without=without) as found:
            yield found[0]

    @contextlib.contextmanager
    def objectives(self, *, without: int) -> Iterator[Sequence[Observations]]:
        """Yield the observations of each objective, which differ in their losses alone."""
        with self._lock:
            self._read()
            for trial in self._live.values():
                self._write(trial)
            yield [table.view(without=without) for table in self._tables]

    @contextlib.contextmanager
    def costs(self, *, without: int) -> Iterator[Observations]:
        """Yield the logarithms of what trials had cost in place of their losses.

        A trial of which no cost is known counts as one that has failed.
        """
        with self._lock:
            self._read()
            yield self._costs.view(without=without)

    def distributions(self, *, without: int) -> dict[str, BaseDistribution]:
        """Return the joint space: every parameter as it was last asked for.

        What only the trial numbered `without` has asked for is left out: a trial that is run again
        must find what it found the first time.
        """
        with self._lock:
            self._read()
            for trial in self._live.values():
                self._learn(trial)
            found = {}
            for name in sorted(self._distributions):
                others = [d for number, d in self._distributions[name] if number != without]
                if others:
                    found[name] = others[0]
            return found

    def _read(self) -> None:
        """Translate the trials that were settled since the model asked last."""
        for trial in self._unread.values():
            self._write(trial)
            if trial.state.is_finished():
                self._proposed.pop(trial.number, None)
        self._unread.clear()

    def _write(self, trial: FrozenTrial) -> None:
        self._learn(trial)
        distributions = dict(trial.distributions)  # a copy: the trial's thread may add to them
        proposed = self.proposed(trial.number)
        values = dict(proposed) if trial.number in self._live else {}
        for name, value in dict(trial.params).items():
            if name in distributions:
                values[name] = to_model(distributions[name], value)
                # A proposal beyond the range was tried, with the end of the range in its place. If
                # it counted as this end alone, it would be proposed again and again.
                if name in proposed and end_before(distributions[name], proposed[name]) is not None:
                    values[name] = proposed[name]
        losses = _losses_by_level(trial, self.scale)
        failed = trial.state.is_finished() and not losses
        each = {level: as_tuple(loss) for level, loss in losses.items()}
        for objective, table in enumerate(self._tables):
            own = {level: loss[objective] for level, loss in each.items()}
            table.put(trial.number, values, own, failed=failed)
        costs = _costs_by_level(trial, self.scale)
        if costs:
            self._costs.put(trial.number, values, costs)

    def _learn(self, trial: FrozenTrial) -> None:
        for name, distribution in dict(trial.distributions).items():
            known = self._distributions.setdefault(name, [])
            if all(number != trial.number for number, _ in known):
                known.append((trial.number, distribution))
                known.sort(key=operator.itemgetter(0), reverse=True)
                del known[2:]


class Histories:
    """The histories of studies, for a sampler: each is kept as long as its study lives."""

    def __init__(self) -> None:
        self._kept: weakref.WeakKeyDictionary[optuna.Study, History] = weakref.WeakKeyDictionary()
        self._making = threading.Lock()  # all threads must share one history

    def __reduce__(self) -> tuple[type[Histories], tuple[()]]:
        return Histories, ()  # a copy reads the studies anew

    def of(self, study: optuna.Study) -> History:
        """Return the history of `study` as of now."""
        study = unwrapped(study)
        own = getattr(study, "_history", None)
        if isinstance(own, History):
            return own  # the study keeps its own up to date, without reading the storage
        scale = scale_of(study)
        with self._making:
            if study not in self._kept or self._kept[study].scale != scale:
                self._kept[study] = History(scale)  # new, or another pruner was set
            history = self._kept[study]
        history.refresh(trials_of(study))
        return history


def trials_of(study: optuna.Study) -> list[FrozenTrial]:
    """Return the trials of `study` as Optuna's own samplers read them: once per trial, uncopied."""
    return study._get_trials(deepcopy=False, use_cache=True)


def n_configurations(sampler: BaseSampler) -> int | None:
    """Return how many configurations a sampler has to propose; None if there is no end to them."""
    return sampler._n_min_trials if isinstance(sampler, GridSampler) else None


def has_constraints(sampler: BaseSampler) -> bool:
    """Return whether a sampler was given a function of constraints."""
    return getattr(sampler, "_constraints_func", None) is not None


def forget_cached_trials(study: optuna.Study) -> None:
    """Let the samplers of this thread read the trials of `study` anew."""
    study._thread_local.cached_all_trials = None


def live_trial(trial: optuna.Trial) -> FrozenTrial:
    """Return the record that `trial` itself keeps up to date while its objective runs."""
    return trial._cached_frozen_trial


def as_sampled(trial: optuna.Trial) -> FrozenTrial:
    """Return `trial` as samplers get it, to be changed at will."""
    latest = trial._get_latest_trial()
    latest.params, latest.distributions = dict(latest.params), dict(latest.distributions)
    return latest


def unwrapped(study: optuna.Study) -> optuna.Study:
    """Return the real study where Optuna's own HyperbandPruner hands out a part of it."""
    return getattr(study, "_study", study)

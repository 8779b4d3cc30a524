"""The pruners: Optuna's interface over the schedules."""

from __future__ import annotations

import abc
import functools
import inspect
import logging
import math
import warnings
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar, Literal, TypeAlias, get_args

import optuna
from optuna.pruners import BasePruner
from optuna.trial import FrozenTrial, TrialState

from bohb import arguments
from bohb.errors import ArgumentError, ArgumentTypeError, SettingsError
from bohb.history import Scale, scale_of
from bohb.hyperband import (
    Bracket,
    BracketSizes,
    Plan,
    Resource,
    Schedule,
    intervals,
    ladder,
    make_plan,
    make_population_plan,
    make_successive_halving_plan,
    promotable,
    schedule_class_for,
)

Judged: TypeAlias = Literal["last", "best"]

BRACKET_ATTRIBUTE = "bohb:bracket"

_logger = logging.getLogger(__name__)


class SchedulePruner(BasePruner, abc.ABC):
    """A pruner that knows its whole schedule beforehand.

    In a `bohb.Study` trials pause at their rung and the best are promoted. In a plain
    `optuna.Study` the same object can only prune, as Optuna never goes on with a pruned trial.
    """

    _kind: ClassVar[str]  # the name of this kind of pruner in a study's settings

    def __init__(
        self,
        levels: tuple[Resource, ...],
        max_resource: Resource,
        reduction_factor: float,
        asynchronous: bool,
        value: Judged,
    ) -> None:
        self.value = arguments.one_of("value", value, get_args(Judged))
        self.levels = levels
        self.max_resource = max_resource
        self.reduction_factor = reduction_factor
        self.asynchronous = arguments.flag("asynchronous", asynchronous)
        self._has_told = False  # of reports beyond the highest rung

    @abc.abstractmethod
    def plan(self, n_rounds: int = 1) -> Plan:
        """Return the plan of `n_rounds` passes through all brackets."""

    @functools.cached_property
    def first_round(self) -> Plan:
        """The plan of one pass through all brackets, as `plan` makes it.

        Examples
        --------
        >>> HyperbandPruner(1, 27).first_round.brackets[0].sizes
        (27, 9, 3, 1)
        """
        return self.plan()

    @property
    def trials_per_round(self) -> int:
        """How many trials start in one pass through all brackets."""
        return self.first_round.n_starting

    def settings(self) -> dict[str, Any]:
        """Return the arguments this pruner was made with, and its kind, as plain values."""
        names = inspect.signature(type(self)).parameters
        return {"kind": self._kind, **{name: getattr(self, name) for name in names}}

    def __repr__(self) -> str:
        given = ", ".join(f"{k}={v!r}" for k, v in self.settings().items() if k != "kind")
        return f"{type(self).__name__}({given})"

    @property
    def schedule_class(self) -> type[Schedule]:
        """The kind of schedule that a study runs for this pruner."""
        return schedule_class_for(self.first_round)

    def prune(self, study: optuna.Study, trial: FrozenTrial) -> bool:
        """Return whether `trial`, which has just reported, should stop.

        A plain `optuna.Study` asks this. The trial's number decides its bracket, in the
        plan's proportions. At each rung the trial is compared with those of its bracket that got
        there so far: it goes on if it is in the top one in `reduction_factor`, or the best.
        """
        if not trial.intermediate_values:
            return False
        scale = scale_of(study)
        index = self._note_bracket(study, trial)
        bracket = self.first_round.brackets[index]
        rung = _rung_just_reached(trial, bracket, scale)
        self._tell_if_beyond(trial, scale)
        if rung is None:
            return False
        resource = bracket.resources[rung]
        loss = scale.loss_at(resource, trial.intermediate_values)
        if loss is None:
            return True  # not a finite number: it never competes
        if rung == len(bracket.resources) - 1:
            return False
        losses = [loss]
        for other in study.get_trials(deepcopy=False):  # as they are now, not at the trial's start
            if other.number != trial.number and self.bracket_index(other.number) == index:
                other_loss = scale.loss_at(resource, other.intermediate_values)
                if other_loss is not None and other.state != TrialState.FAIL:
                    losses.append(other_loss)
        return sum(other < loss for other in losses) >= self._n_kept(len(losses))

    def _n_kept(self, n_ranked: int) -> int:
        """Return how many of a rung's trials go on in a plain study."""
        return max(1, promotable(n_ranked, self.reduction_factor))

    def _tell_if_beyond(self, trial: FrozenTrial, scale: Scale) -> None:
        """Say once that reports beyond the highest rung come to no rung of their own."""
        step = max(trial.intermediate_values)
        if self._has_told or scale.used(step, trial.intermediate_values) <= self.max_resource:
            return
        self._has_told = True
        _logger.warning(
            "Trial %d reported step %s, which is beyond max_resource=%s, where nothing is pruned: "
            "raise max_resource, or report in the unit that it counts, such as epochs in place of "
            "batches.",
            trial.number,
            step,
            self.max_resource,
        )

    def bracket_index(self, number: int) -> int:
        """Return the bracket that the trial of this number belongs to in a plain Optuna study.

        Of as many trials in a row as one round has, each bracket gets just its planned number.
        The brackets are well mixed, so that fewer trials come near the plan's proportions too.
        """
        return self._bracket_by_place[number % len(self._bracket_by_place)]

    @functools.cached_property
    def _bracket_by_place(self) -> list[int]:
        planned = [
            index
            for index, bracket in enumerate(self.first_round.brackets)
            for _ in range(bracket.n_trials)
        ]
        stride = _mixing_stride(len(planned))
        return [planned[place * stride % len(planned)] for place in range(len(planned))]

    def _note_bracket(self, study: optuna.Study, trial: FrozenTrial) -> int:
        index = self.bracket_index(trial.number)
        if BRACKET_ATTRIBUTE not in trial.system_attrs:
            study._storage.set_trial_system_attr(trial._trial_id, BRACKET_ATTRIBUTE, index)
        return index


class LadderPruner(SchedulePruner):
    """A pruner whose brackets climb a ladder of resources, each the same multiple of the last."""

    def __init__(
        self,
        min_resource: Resource,
        max_resource: Resource,
        reduction_factor: float,
        asynchronous: bool,
        value: Judged,
    ) -> None:
        levels = ladder(min_resource, max_resource, reduction_factor)
        self.min_resource = arguments.positive("min_resource", min_resource)
        top = arguments.positive("max_resource", max_resource)
        factor = arguments.positive("reduction_factor", reduction_factor)
        super().__init__(levels, top, factor, asynchronous, value)
        if len(self.levels) == 1 and min_resource < max_resource:
            warnings.warn(
                f"min_resource={min_resource} times reduction_factor={reduction_factor} is more "
                f"than max_resource={max_resource}: there is a single rung, and nothing is ever "
                "promoted",
                stacklevel=3,
            )


class HyperbandPruner(LadderPruner):
    """Hyperband: brackets of successive halving, each trading trials against resource.

    Parameters
    ----------
    min_resource
        The least resource a trial is judged by. The lowest rung may lie above it.
    max_resource
        The most that one trial is given: epochs, rows, seconds. Always the total of a trial,
        never an increment. If both are integers, so are all rungs.
    reduction_factor
        Of this many trials in a rung one is promoted; 3 by default.
    bracket_sizes
        The formula for how many trials start in each bracket. For resources from 1 to 81,
        ``"hpbandster"``, the default, as in the BOHB authors' implementation, gives 81, 27, 9, 6
        and 5 trials; ``"li2018"``, the formula of the Hyperband paper, gives 81, 34, 15, 8 and 5.
    asynchronous
        Promote without waiting for the rung to be complete (ASHA); off by default.
    adaptive
        Begin the bracket at the top of each round as soon as two trials were evaluated at the top,
        before others that have not begun, unless it is `asynchronous`. Let a bracket after the
        first round start at the top, with fewer trials and no more resource, as soon as the
        configurations that start there are good enough without the screening of low rungs. On by
        default. Off, brackets begin from low first levels to high ones, every round is the first
        one again, and the plan of many rounds is known in every detail beforehand. It has no
        effect in a plain `optuna.create_study`.
    value
        What a trial is judged by on a rung: its ``"last"`` value, or the ``"best"`` one so far, for
        objectives that keep the best checkpoint of a training that gets worse again.

    Attributes
    ----------
    levels
        The resources of the ladder, lowest first.
    min_resource, max_resource, reduction_factor, bracket_sizes, asynchronous, adaptive, value
        As they were given.

    Raises
    ------
    ArgumentError
        If a resource is not positive and finite, `min_resource` is above `max_resource`,
        `reduction_factor` is not greater than 1, or `bracket_sizes` or `value` is not one of the
        two.

    Notes
    -----
    In `bohb.create_study` trials pause and the best are promoted, as in Li et al. (2018). In a
    plain `optuna.create_study` this pruner can only prune.

    Examples
    --------
    >>> plan = HyperbandPruner(min_resource=1, max_resource=81).plan()
    >>> [bracket.sizes for bracket in plan.brackets]
    [(81, 27, 9, 3, 1), (27, 9, 3, 1), (9, 3, 1), (6, 2), (5,)]
    """

    _kind = "hyperband"

    def __init__(
        self,
        min_resource: Resource,
        max_resource: Resource,
        reduction_factor: float = 3,
        bracket_sizes: BracketSizes = "hpbandster",
        asynchronous: bool = False,
        adaptive: bool = True,
        value: Judged = "last",
    ) -> None:
        super().__init__(min_resource, max_resource, reduction_factor, asynchronous, value)
        self.bracket_sizes = bracket_sizes
        self.adaptive = arguments.flag("adaptive", adaptive)
        self.plan()  # raises an error if there are no such bracket_sizes

    def plan(self, n_rounds: int = 1) -> Plan:
        """Return the plan of passes through all brackets.

        Parameters
        ----------
        n_rounds
            How many passes.
        """
        return make_plan(
            self.levels,
            self.reduction_factor,
            bracket_sizes=self.bracket_sizes,
            n_rounds=arguments.count("n_rounds", n_rounds),
            asynchronous=self.asynchronous,
            adaptive=self.adaptive,
        )


class SuccessiveHalvingPruner(LadderPruner):
    """Successive halving: one bracket, which starts on the lowest rung.

    Parameters
    ----------
    min_resource, max_resource, reduction_factor, asynchronous, value
        As for `HyperbandPruner`.
    n_trials
        How many trials start in the bracket; None for as many as leave one at the top.

    Raises
    ------
    ArgumentError
        As for `HyperbandPruner`, or if `n_trials` is less than 1.

    Notes
    -----
    In `bohb.create_study` trials pause and the best are promoted, with `asynchronous` as in ASHA
    (Li et al. 2020). In a plain `optuna.create_study` this pruner can only prune.

    Examples
    --------
    >>> SuccessiveHalvingPruner(1, 81, n_trials=40).plan().brackets[0].sizes
    (40, 13, 4, 1, 1)
    """

    _kind = "successive halving"

    def __init__(
        self,
        min_resource: Resource,
        max_resource: Resource,
        reduction_factor: float = 3,
        *,
        n_trials: int | None = None,
        asynchronous: bool = False,
        value: Judged = "last",
    ) -> None:
        super().__init__(min_resource, max_resource, reduction_factor, asynchronous, value)
        self.n_trials = None if n_trials is None else arguments.count("n_trials", n_trials)

    def plan(self, n_rounds: int = 1) -> Plan:
        """Return the plan of one bracket or several, one after the other.

        Parameters
        ----------
        n_rounds
            How many brackets.
        """
        return make_successive_halving_plan(
            self.levels,
            self.reduction_factor,
            n_trials=self.n_trials,
            n_rounds=arguments.count("n_rounds", n_rounds),
            asynchronous=self.asynchronous,
        )


Explore: TypeAlias = Literal["perturb", "model"]


class PopulationPruner(SchedulePruner):
    """Population based training: schedules of values, found while a population is trained.

    All members are trained an `interval` at a time. After each, the worst are dropped, and as many
    new trials begin, each from the checkpoint of one of the best and with other values. What the
    best trial has at the end was trained with a schedule of values, which `Study.lineage` returns.

    The objective must save into ``trial.checkpoint_dir`` before it reports, and go on from there at
    ``trial.previous_resource``, which is above 0 in a child from the start.

    Parameters
    ----------
    max_resource
        What each member is trained for in all.
    interval
        The resource between two decisions; the last interval may be shorter.
    population
        How many trials are trained side by side.
    truncation
        The share of the population that is replaced after each interval, at least one.
    explore
        Where a child's values come from. ``"perturb"``: those of its parent, perturbed, as
        published. ``"model"``: a Gaussian process of what an interval has gained, given the
        values and the loss before, proposes them; choices are perturbed.
    factors
        What numbers are multiplied with to perturb them, one of them by lot.
    resample_probability
        The share of values that are drawn from the whole range instead.
    asynchronous
        Judge each trial as soon as it has come to the end of an interval, among those that were
        there before, so that no worker waits for the slowest; off by default.
    value
        What a trial is judged by: its ``"last"`` value, or the ``"best"`` one so far.

    Attributes
    ----------
    levels
        The resources after each interval.
    max_resource, interval, population, truncation, explore, factors, resample_probability
        As they were given; and `asynchronous` and `value`.

    Raises
    ------
    ArgumentError
        If `interval` is not positive or above `max_resource`, `population` is less than 2,
        `truncation` is not above 0 and at most 0.5, a factor is not positive, or
        `resample_probability` is not between 0 and 1.

    Notes
    -----
    The rules are those of Jaderberg et al. (2017), *Population Based Training of Neural Networks*,
    section 3 and appendix A; the model is that of population based bandits (Parker-Holder, Nguyen
    & Roberts 2020). In a plain `optuna.create_study` this pruner can only stop the worst.

    Examples
    --------
    >>> plan = PopulationPruner(max_resource=100, interval=10, population=10).plan()
    >>> plan.n_trials, plan.resource_continued
    (28, 1000)
    """

    _kind = "population"

    def __init__(
        self,
        max_resource: Resource,
        interval: Resource,
        population: int = 16,
        *,
        truncation: float = 0.2,
        explore: Explore = "perturb",
        factors: Sequence[float] = (0.8, 1.2),
        resample_probability: float = 0.25,
        asynchronous: bool = False,
        value: Judged = "last",
    ) -> None:
        top = arguments.positive("max_resource", max_resource)
        self.interval = arguments.positive("interval", interval)
        self.population = arguments.count("population", population, least=2)
        self.truncation = arguments.positive("truncation", truncation)
        if self.truncation > _MOST_REPLACED:
            raise ArgumentError(
                f"truncation must be at most {_MOST_REPLACED}, so that there are as many parents "
                f"as children, got {truncation!r}"
            )
        self.explore = arguments.one_of("explore", explore, get_args(Explore))
        if not isinstance(factors, Iterable) or isinstance(factors, str):
            raise ArgumentTypeError(f"factors must be a list of numbers, got {factors!r}")
        self.factors = [arguments.positive("factors", factor) for factor in factors]
        self.resample_probability = arguments.share("resample_probability", resample_probability)
        self._has_warned = False
        levels = intervals(self.interval, top)
        super().__init__(levels, top, 1 / self.truncation, asynchronous, value)

    def plan(self, n_rounds: int = 1) -> Plan:
        """Return the plan of one population or several, one after the other.

        Parameters
        ----------
        n_rounds
            How many populations.
        """
        return make_population_plan(
            self.levels,
            self.population,
            self.reduction_factor,
            n_rounds=arguments.count("n_rounds", n_rounds),
            asynchronous=self.asynchronous,
        )

    def prune(self, study: optuna.Study, trial: FrozenTrial) -> bool:
        """Return whether `trial`, which has just reported, should stop in a plain Optuna study.

        The worst of each interval are pruned there, and nobody takes their place: Optuna has no
        trials that go on from the checkpoints of others. The logger `bohb` says so once.
        """
        if not self._has_warned:
            self._has_warned = True
            _logger.warning(
                "A PopulationPruner only prunes in a study of Optuna, which has no children: make "
                "the study by bohb.create_study to train a population."
            )
        return super().prune(study, trial)

    def _n_kept(self, n_ranked: int) -> int:
        return max(1, n_ranked - promotable(n_ranked, self.reduction_factor))


_MOST_REPLACED = 0.5


def from_settings(settings: Mapping[str, Any]) -> SchedulePruner:
    """Return the pruner that has these settings.

    Examples
    --------
    >>> from_settings(HyperbandPruner(1, 9).settings()).max_resource
    9
    """
    given = dict(settings)
    if given.get("kind") == HyperbandPruner._kind:
        given.setdefault("adaptive", False)  # as all were before version 0.2.0
    known = (HyperbandPruner, SuccessiveHalvingPruner, PopulationPruner)
    kinds: dict[str, type[SchedulePruner]] = {pruner._kind: pruner for pruner in known}
    kind = given.pop("kind", None)
    if kind not in kinds:
        raise SettingsError(
            f"the study's pruner must be one of {sorted(kinds)}, got {kind!r}: it may have been "
            "begun with a newer version of bohb"
        )
    return kinds[kind](**given)


def _rung_just_reached(trial: FrozenTrial, bracket: Bracket, scale: Scale) -> int | None:
    """Return the highest rung that the last report of `trial` was the first to reach."""
    steps = trial.intermediate_values
    *_, last = in_order = sorted(steps)
    now = scale.used(last, steps)
    before = scale.used(in_order[-2], steps) if len(in_order) > 1 else 0
    rungs = [i for i, resource in enumerate(bracket.resources) if before < resource <= now]
    return rungs[-1] if rungs else None


def _mixing_stride(n: int) -> int:
    """Return a number without common divisor with `n`, near `n` divided by the golden ratio.

    Steps of this length, counted modulo `n`, visit each place once and spread evenly meanwhile.
    """
    near = max(1, round(n * 0.6180339887498949))
    return next(stride for stride in range(near, near + n) if math.gcd(stride, n) == 1)

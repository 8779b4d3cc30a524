"""Advice: what the evaluations of a study say of its schedule, its space and its objective."""

from __future__ import annotations

import logging
import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from optuna.distributions import BaseDistribution, CategoricalDistribution
from optuna.trial import FrozenTrial

from bohb.history import Scale, to_model, to_parameter
from bohb.hyperband import Plan
from bohb.model import Numeric
from bohb.model.arrays import FloatArray
from bohb.store.ledger import Ledger
from bohb.study.evaluation_records import evaluations
from bohb.study.limits import Limits

_FEWEST_PAIRS = 8  # trials that were evaluated on two rungs, for a statement about these
_DISAGREES = 0.2  # two rungs disagree if their rank correlation is surely lower
_FEWEST_ON_RUNG = 9
_FEWEST_PROMOTED = 4  # evaluations, for the statement that none of them has gained
_FEWEST_CURVES, _FEWEST_REPORTS, _RISE = 4, 9, 0.1  # learning curves, and how much they rise
_TIED_SHARE = 0.5  # so many of the lowest rung have the same value if it tells nothing
_FEWEST_BEST = 8  # of the best trials, for a statement about where they lie
_BEST_SHARE = 0.1
_AT_END, _CROWD = 0.02, 0.6  # the share of the range, and of the best trials within it
_FEWEST_VALUES = 20  # that a parameter has, or its ends are no rare ones
_FEWEST_EVALUATIONS, _MOST_FAILED = 9, 1 / 3
_NORMAL_95 = 1.96
_FIRST_LOOK, _LAST_LOOK, _LOOKS_APART = 30, 5000, 4  # evaluations, and a factor


_logger = logging.getLogger("bohb.study")


@dataclass(frozen=True, slots=True)
class Advice:
    """One thing that the author of a study should know, with what to do about it.

    Attributes
    ----------
    kind
        What it is about, in one or two words; a study says each kind once.
    text
        What was seen, and what to do.

    Examples
    --------
    >>> import bohb
    >>> study = bohb.create_study(pruner=bohb.HyperbandPruner(1, 9))
    >>> study.optimize(lambda trial: trial.suggest_float("x", 0, 1) * 0)
    >>> [advice.kind for advice in study.advice()]
    ['lowest rung', 'no gain']
    """

    kind: str
    text: str


class Adviser:
    """Logs advice during the calls of `optimize` on one study, each kind once.

    It looks at few moments, ever further apart, so that a study of many short legs takes no longer.
    """

    def __init__(self, ledger: Ledger, scale: Scale) -> None:
        self._ledger = ledger
        self._scale = scale
        self._said: set[str] = set()
        self._next = _FIRST_LOOK

    def begin(self, limits: Limits, plan: Plan, n_started: int) -> None:
        """Say if a call is limited to less than the first bracket."""
        n_planned = plan.brackets[0].n_trials
        if limits.n_trials is not None and n_started == 0 and limits.n_trials < n_planned:
            self._say(
                Advice(
                    "limit",
                    f"n_trials={limits.n_trials} is less than the {n_planned} trials of the first "
                    "bracket: its rungs hold fewer trials than planned. study.fit_plan proposes "
                    "bounds for the time there is",
                )
            )

    def look(self, n_evaluations: int, plan: Plan, *, is_end: bool = False) -> None:
        """Look at what was evaluated so far, if it is time to."""
        is_due = n_evaluations >= self._next or (is_end and n_evaluations >= _FIRST_LOOK)
        if not is_due or n_evaluations > _LAST_LOOK:
            return
        self._next = _LOOKS_APART * n_evaluations
        trials = self._ledger.trials()
        for advice in advice_on(trials, self._scale, plan):
            self._say(advice)

    def _say(self, advice: Advice) -> None:
        if advice.kind not in self._said:
            self._said.add(advice.kind)
            _logger.warning("%s.", advice.text)


def advice_on(trials: Sequence[FrozenTrial], scale: Scale, plan: Plan) -> list[Advice]:
    """Return what is to be said of a study with these trials."""
    losses: defaultdict[int, dict[int, float]] = defaultdict(dict)  # by level and trial
    n_evaluations = n_failed = 0
    for trial in trials:
        for bracket, _, resource, value in evaluations(trial, scale, plan):
            n_evaluations += 1
            n_failed += math.isnan(value)
            if bracket is not None and math.isfinite(value):
                losses[scale.levels.index(resource)][trial.number] = scale.loss(value)
    if scale.further:  # the rest is about how the trials rank by a single loss
        return list(_failures(n_failed, n_evaluations))
    return [
        *_failures(n_failed, n_evaluations),
        *_lowest_rung(losses, scale),
        *_disagreements(losses, scale),
        *_no_gain(losses, scale),
        *_bounds(trials, losses, scale),
        *_rising_curves(trials, scale),
    ]


def _failures(n_failed: int, n_evaluations: int) -> Iterator[Advice]:
    if n_evaluations >= _FEWEST_EVALUATIONS and n_failed > _MOST_FAILED * n_evaluations:
        yield Advice(
            "failures",
            f"{n_failed} of {n_evaluations} evaluations have failed: study.explain(number) says "
            "why, max_failures of optimize ends a call in time, and a smaller range keeps away "
            "from what cannot work",
        )


def _lowest_rung(losses: Mapping[int, Mapping[int, float]], scale: Scale) -> Iterator[Advice]:
    """Say if the trials of the lowest rung are promoted by their age, as most are alike."""
    if len(scale.levels) < 2 or len(losses.get(0, ())) < _FEWEST_ON_RUNG:
        return
    values = [float(f"{loss:.6g}") for loss in losses[0].values()]
    value, count = Counter(values).most_common(1)[0]
    if count > _TIED_SHARE * len(values):
        yield Advice(
            "lowest rung",
            f"{count} of {len(values)} trials have the same value, {scale.loss(value):g}, at "
            f"resource {scale.levels[0]:g}, which tells nothing of them: raise min_resource to "
            f"{scale.levels[1]:g}, or let the objective return something finer",
        )


def _disagreements(losses: Mapping[int, Mapping[int, float]], scale: Scale) -> Iterator[Advice]:
    """Say which neighbouring rungs rank trials otherwise; only promoted ones have both values."""
    for low, high in zip(range(len(scale.levels)), range(1, len(scale.levels)), strict=False):
        both = sorted(losses.get(low, {}).keys() & losses.get(high, {}).keys())
        if len(both) < _FEWEST_PAIRS:
            continue
        pair = [[losses[level][number] for number in both] for level in (low, high)]
        found = rank_correlation(*pair)
        if math.isnan(found):
            continue
        centre = math.atanh(min(max(found, -0.999), 0.999))
        # Fieller, Hartley & Pearson 1957, for the variance of a rank correlation.
        margin = _NORMAL_95 * math.sqrt(1.06 / (len(both) - 3))
        lower, upper = math.tanh(centre - margin), math.tanh(centre + margin)
        if upper < _DISAGREES:
            yield Advice(
                f"ranks at {scale.levels[low]:g}",
                f"resource {scale.levels[low]:g} ranks trials otherwise than {scale.levels[high]:g}"
                f" does: their rank correlation is {found:.2f} (95 % interval {lower:.2f} to "
                f"{upper:.2f}, n = {len(both)}): raise min_resource to {scale.levels[high]:g}",
            )


def rank_correlation(one: Sequence[float], other: Sequence[float]) -> float:
    """Return Spearman's rank correlation; NaN where the values of one side are all alike.

    SciPy has the same in a module that takes a second to import, which each study would wait for.

    Examples
    --------
    >>> rank_correlation([1.0, 2.0, 3.0], [5.0, 7.0, 6.0])
    0.5
    """
    if min(len(set(one)), len(set(other))) < 2:
        return math.nan
    return float(np.corrcoef(_ranks(one), _ranks(other))[0, 1])


def _ranks(values: Sequence[float]) -> FloatArray:
    """Return the ranks of values, those that are alike in the middle of their places."""
    _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    return np.asarray((np.cumsum(counts) - (counts - 1) / 2)[places])


def _no_gain(losses: Mapping[int, Mapping[int, float]], scale: Scale) -> Iterator[Advice]:
    gains = []
    for level in range(len(scale.levels) - 1):
        lower, higher = losses.get(level, {}), losses.get(level + 1, {})
        gains += [lower[number] - higher[number] for number in lower.keys() & higher.keys()]
    if len(gains) >= _FEWEST_PROMOTED and max(gains) <= 0:
        yield Advice(
            "no gain",
            f"none of {len(gains)} promoted evaluations was better than the one before: look "
            "whether the objective trains as far as trial.resource says. Where the resource is the "
            "size of a sample that may be as it should",
        )


def _bounds(
    trials: Sequence[FrozenTrial], losses: Mapping[int, Mapping[int, float]], scale: Scale
) -> Iterator[Advice]:
    """Say at which ends of their ranges the best trials crowd."""
    best = _best_trials(trials, losses)
    distributions: dict[str, BaseDistribution] = {}
    for trial in best:
        distributions.update(trial.distributions)
    for name, distribution in sorted(distributions.items()):
        if isinstance(distribution, CategoricalDistribution):
            continue
        parameter = to_parameter(distribution, repr(name))
        if not isinstance(parameter, Numeric) or parameter.n_values < _FEWEST_VALUES:
            continue
        values = [
            to_model(distribution, trial.params[name]) for trial in best if name in trial.params
        ]
        if len(values) < _FEWEST_BEST:
            continue
        units = parameter.encode(np.array(values, dtype=float))
        for end, share in (
            (distribution.low, float(np.mean(units <= _AT_END))),  # type: ignore[attr-defined]
            (distribution.high, float(np.mean(units >= 1 - _AT_END))),  # type: ignore[attr-defined]
        ):
            if share >= _CROWD:
                yield Advice(
                    f"range of {name}",
                    f"{share:.0%} of the best {len(values)} trials have {name!r} at the end of its "
                    f"range, {end:g}: widen the range there",
                )


def _best_trials(
    trials: Sequence[FrozenTrial], losses: Mapping[int, Mapping[int, float]]
) -> list[FrozenTrial]:
    """Return the best tenth of the trials, those at the highest level first."""
    found: dict[int, None] = {}  # in order
    n_evaluated = len({number for level in losses.values() for number in level})
    count = max(_FEWEST_BEST, round(_BEST_SHARE * n_evaluated))
    for level in sorted(losses, reverse=True):
        ranked = sorted(losses[level], key=lambda number: (losses[level][number], number))
        found.update(dict.fromkeys(ranked))
        if len(found) >= count:
            break
    return [trials[number] for number in list(found)[:count]]


def _rising_curves(trials: Sequence[FrozenTrial], scale: Scale) -> Iterator[Advice]:
    """Say if the longest trainings get worse again, by a tenth of what they had gained."""
    if scale.is_best or not scale.whole:
        return
    curves = []
    for trial in trials:
        steps = trial.intermediate_values
        curves.append([scale.loss(steps[s]) for s in sorted(steps) if math.isfinite(steps[s])])
    longest = max(map(len, curves), default=0)
    curves = [curve for curve in curves if len(curve) >= max(longest / 2, _FEWEST_REPORTS)]
    n_rising = sum(curve[-1] - min(curve) > _RISE * (curve[0] - min(curve)) for curve in curves)
    if len(curves) >= _FEWEST_CURVES and n_rising > len(curves) / 2:
        yield Advice(
            "rising curves",
            f"{n_rising} of the {len(curves)} longest trainings end worse than they had been: if "
            'the objective keeps its best checkpoint, give the pruner value="best"',
        )

"""The lineage of a population: what a child's values are, and whose checkpoint it goes on from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from optuna.distributions import BaseDistribution
from optuna.trial import FrozenTrial

from bohb.errors import ObjectiveError
from bohb.history import Origin, Scale, birth_of, first_of, from_model, standing, to_model
from bohb.hyperband import Leg, Plan, Resource
from bohb.model.intervals import FEWEST_INTERVALS, Intervals
from bohb.model.perturbation import perturbed
from bohb.model.space import Space
from bohb.pruners import PopulationPruner, SchedulePruner
from bohb.remote.dispatch import seed_of
from bohb.samplers import joint_space, one_blas_thread
from bohb.store.checkpoints import copy_checkpoint, keep_copy, remove_copy
from bohb.store.legs import LegMarks
from bohb.store.stored_study import StoredStudy
from bohb.study.evaluation_records import evaluations

_PERTURBED, _BY_MODEL = "perturbation", "population model"


class Lineage:
    """Gives children in a population their values and their checkpoints.

    Parameters
    ----------
    study, pruner, seed
        The study, its pruner, and the seed of the values.
    """

    def __init__(
        self, study: StoredStudy, pruner: PopulationPruner, scale: Scale, seed: int
    ) -> None:
        self._study = study
        self._pruner = pruner
        self._scale = scale
        self._seed = seed

    def values(
        self, leg: Leg, parent: FrozenTrial, trials: Sequence[FrozenTrial]
    ) -> tuple[dict[str, Any], Origin]:
        """Return the values of a new child of `parent` that is given `leg`, and their origin."""
        distributions = dict(parent.distributions)
        space = joint_space(distributions, self._study.space)
        given = {n: to_model(d, parent.params[n]) for n, d in distributions.items()}
        row = space.encode_named(given)
        rng = np.random.default_rng(np.random.SeedSequence((self._seed, len(trials))))
        found = perturbed(
            space,
            row,
            rng,
            factors=self._pruner.factors,
            resample_probability=self._pruner.resample_probability,
        )
        source, n_known = _PERTURBED, None
        if self._pruner.explore == "model":
            known = self._intervals(space, trials)
            loss = self._scale.loss_at(leg.previous_resource, parent.intermediate_values)
            if len(known) >= FEWEST_INTERVALS and loss is not None:
                from bohb.model.bandit import promising  # it needs SciPy, which is slow to import

                with one_blas_thread():
                    level = leg.rung / len(self._pruner.levels)
                    found = promising(space, found, known, level, loss, rng)
                source, n_known = _BY_MODEL, len(known)
        named = space.named(found)
        values = {name: from_model(d, named[name]) for name, d in _active(distributions, named)}
        return values, Origin(source, leg.previous_resource, n_known)

    def _intervals(self, space: Space, trials: Sequence[FrozenTrial]) -> Intervals:
        """Return what each interval has gained for which that is known, oldest trial first."""
        plan = self._pruner.plan()
        losses: dict[int, dict[int, float]] = {}
        rows, level, before, after = [], [], [], []
        for trial in trials:
            place = standing(trial, self._scale, plan)
            if place is None:
                continue
            mine = {
                rung: first_of(loss)
                for rung, loss in enumerate(place.losses, place.first_rung)
                if loss is not None
            }
            losses[trial.number] = dict(mine)
            if place.parent is not None:
                inherited = losses.get(place.parent, {}).get(place.first_rung - 1)
                if inherited is not None:
                    mine[place.first_rung - 1] = inherited
            given = {
                name: to_model(distribution, trial.params[name])
                for name, distribution in trial.distributions.items()
            }
            for rung in sorted(mine.keys() & {rung + 1 for rung in mine}):
                rows.append(space.encode_named(given))
                level.append(rung / len(self._pruner.levels))
                before.append(mine[rung - 1])
                after.append(mine[rung])
        shape = (len(rows), len(space.parameters))
        units = np.array(rows, dtype=float).reshape(shape)
        return Intervals(units, np.array(level), np.array(before), np.array(after))

    def hand_on(self, number: int, marks: LegMarks, parent: int, rung: int, of: LegMarks) -> None:
        """Let the directory of a child begin as a copy of its parent's.

        Raises
        ------
        ObjectiveError
            If the parent has no checkpoint.
        """
        root = self._study.checkpoint_root
        at = rung - 1 if self._pruner.asynchronous else None
        if not copy_checkpoint(root, parent, of, number, marks, kept_at=at):
            raise ObjectiveError(
                f"trial {number} was to go on from the checkpoint of trial {parent}, which has "
                "none: with PopulationPruner an objective must save into trial.checkpoint_dir "
                "before it reports, and go on from there at trial.previous_resource"
            )

    def keep_copy(self, number: int, marks: LegMarks, rung: int) -> None:
        """Keep what a good trial of an asynchronous population has, as it goes on at once."""
        keep_copy(self._study.checkpoint_root, number, marks, rung)

    def remove_copies(self, copies: Iterable[tuple[int, int]]) -> None:
        """Remove what was kept of some trials on some rungs."""
        for number, rung in copies:
            remove_copy(self._study.checkpoint_root, number, rung)


def lineage_of(study: StoredStudy, pruner: SchedulePruner, scale: Scale) -> Lineage | None:
    """Return the lineage of a study whose pruner trains a population; None of any other."""
    if not isinstance(pruner, PopulationPruner):
        return None
    return Lineage(study, pruner, scale, seed_of(study))


def _active(
    distributions: Mapping[str, BaseDistribution], named: Mapping[str, float]
) -> list[tuple[str, BaseDistribution]]:
    return [(name, each) for name, each in distributions.items() if name in named]


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of a training, during which its values stayed the same.

    Attributes
    ----------
    number
        The trial that was trained in it.
    begin, end
        The resource before and after it, in all.
    params
        Its values.

    Examples
    --------
    >>> Stretch(number=4, begin=0, end=10, params={"rate": 0.1}).end
    10
    """

    number: int
    begin: Resource
    end: Resource
    params: dict[str, Any]


def stretches(
    trials: Sequence[FrozenTrial], number: int, scale: Scale, plan: Plan
) -> list[Stretch]:
    """Return what a trial was trained with from its oldest ancestor on, in order."""
    by_number = {trial.number: trial for trial in trials}
    found: list[Stretch] = []
    at: int | None = number
    until: Resource | None = None
    while at is not None:
        trial = by_number[at]
        parent, first = birth_of(trial) or (None, 0)
        evaluated = evaluations(trial, scale, plan)
        begin: Resource = plan.brackets[0].resources[first - 1] if first else 0
        if until is None:
            until = evaluated[-1][2] if evaluated else begin
        found.append(Stretch(at, begin, until, dict(trial.params)))
        at, until = parent, begin
    return found[::-1]

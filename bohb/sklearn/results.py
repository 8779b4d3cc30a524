"""The results of a search, read from its study."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from optuna.trial import FrozenTrial

from bohb.dimensions import described
from bohb.errors import SettingsError
from bohb.history import scale_of
from bohb.hyperband import Bracket, Plan
from bohb.sklearn.candidates import Candidates
from bohb.sklearn.evaluation import Scoring, evaluation_key
from bohb.study import Study, evaluations

Record = dict[str, Any]


@dataclass(frozen=True)
class Evaluated:
    """One candidate as far as it was trained at one time.

    Attributes
    ----------
    trial, bracket, rung, resource
        The number of the candidate's trial, and the rung and the resource at which it stood.
    counts_to
        The highest resource at which the same score counts: above `resource` if the score had
        stopped rising, and the candidate was promoted without being trained any more.
    trained
        How far it was trained: less than `counts_to` if its score had stopped rising.
    params
        The estimator's parameters.
    folds
        Times and scores by fold; empty if the evaluation was lost.
    finished
        When it was done, in seconds since 1970; None if it was lost.
    """

    trial: int
    bracket: int
    rung: int
    resource: int
    counts_to: int
    trained: int
    params: Record
    folds: Sequence[Record]
    finished: float | None


def evaluated(study: Study, candidates: Candidates) -> list[Evaluated]:
    """Return all that was evaluated, bracket by bracket and rung by rung, trials in their order."""
    plan, scale = study.plan(), scale_of(study)
    found: list[Evaluated] = []
    for trial in study.get_trials(deepcopy=False):
        params = _params(study, candidates, trial)
        for bracket, rung, resource, value in evaluations(trial, scale, plan):
            if bracket is not None and rung is not None:
                trained, record = _last_record(trial, int(resource), value)
                if found and (found[-1].trial, found[-1].trained) == (trial.number, trained):
                    found[-1] = replace(found[-1], counts_to=int(resource))
                    continue
                found.append(
                    Evaluated(
                        trial.number,
                        bracket,
                        rung,
                        int(resource),
                        int(resource),
                        trained,
                        params,
                        record.get("folds", ()),
                        record.get("finished"),
                    )
                )
    return sorted(found, key=lambda one: (one.bracket, one.rung, one.trial))


def _params(study: Study, candidates: Candidates, trial: FrozenTrial) -> Record:
    """Return the estimator's parameters of a trial; none if it was never scored.

    Raises
    ------
    SettingsError
        If they are not those that it was evaluated with.
    """
    records = [trial.user_attrs[evaluation_key(resource)] for resource in _trained(trial)]
    if not records:
        return {}
    params = candidates.params_of(trial)
    if records[0]["params"] != described(params):
        raise SettingsError(
            f"study {study.study_name!r} has evaluated trial {trial.number} with "
            f"{records[0]['params']}, got {described(params)} for it: param_distributions must "
            "give the same for the same trial, and depend on nothing else"
        )
    return params


def _trained(trial: FrozenTrial) -> list[int]:
    """Return the resources at which a trial was scored."""
    prefix = evaluation_key(0)[:-1]
    return [int(key[len(prefix) :]) for key in trial.user_attrs if key.startswith(prefix)]


def _last_record(trial: FrozenTrial, resource: int, value: float) -> tuple[int, Record]:
    """Return how far a trial was trained for `resource`, and what was kept of that.

    A trial that stopped early has a value at `resource` all the same; one that was lost has NaN.
    """
    reached = max((one for one in _trained(trial) if one <= resource), default=None)
    if reached is None or (reached < resource and math.isnan(value)):
        return resource, {}
    return reached, trial.user_attrs[evaluation_key(reached)]


def fold_results(found: Sequence[Evaluated], n_splits: int, error_score: Any) -> list[Record]:
    """Return one record per evaluation and fold, as scikit-learn's searches collect them.

    A fold without scores gets `error_score`, for each of the metrics that other folds have.
    """
    lost = {"fit_time": np.nan, "score_time": np.nan, "fit_error": None}
    records = [dict(fold) for one in found for fold in (one.folds or [lost] * n_splits)]
    for kind in ("test_scores", "train_scores"):
        known = next((record[kind] for record in records if record.get(kind) is not None), 0.0)
        missing = error_score
        if isinstance(known, Mapping):
            missing = dict.fromkeys(known, error_score)
        for record in records:
            if record.get(kind) is None:
                record[kind] = missing
    return records


def ranks(means: Sequence[float], resources: Sequence[int]) -> np.ndarray[Any, np.dtype[np.int32]]:
    """Return the places of evaluations, from 1: by resource, then by mean score.

    Scores of candidates that were trained to different extents do not compare: the best is the best
    of those at the largest resource. Scores that are not finite come last.

    Examples
    --------
    >>> ranks([0.9, 0.7, 0.8, float("nan")], [1, 9, 9, 9]).tolist()
    [3, 2, 1, 4]
    """
    scores = np.asarray(means, dtype=float)
    is_finite = np.isfinite(scores)
    keys = [
        (not finite, -resource, -score if finite else 0.0)
        for finite, resource, score in zip(is_finite, resources, scores, strict=True)
    ]
    # Reversed, so that equal keys share the first of their places.
    place = {key: index + 1 for index, key in reversed(list(enumerate(sorted(keys))))}
    return np.array([place[key] for key in keys], dtype=np.int32)


def history(found: Sequence[Evaluated], scoring: Scoring) -> list[Record]:
    """Return one record per evaluation that was done, in the order of time."""
    done = sorted((one for one in found if one.finished is not None), key=_finished)
    records = []
    begun = min((_finished(one) - _seconds(one) for one in done), default=0.0)
    for one in done:
        records.append(
            {
                "trial": one.trial,
                "bracket": one.bracket,
                "rung": one.rung,
                "resource": one.trained,
                "params": one.params,
                "score": scoring.value(one.folds),
                "fit_time": sum(fold["fit_time"] for fold in one.folds),
                "score_time": sum(fold["score_time"] for fold in one.folds),
                "elapsed_wall_time": _finished(one) - begun,
            }
        )
    return records


def by_model(records: Sequence[Record], key: str = "trial") -> dict[Any, list[Record]]:
    """Return the records of each model, by what they have under `key`."""
    found: dict[Any, list[Record]] = {}
    for record in records:
        found.setdefault(record[key], []).append(record)
    return found


def planned(plan: Plan, name: str, *, continued: bool) -> Record:
    """Return what a search will do: models and training in all, and for each bracket."""
    return _metadata(
        name,
        [
            (bracket.n_trials, int(bracket.resource(continued=continued)), bracket.resources)
            for bracket in plan.brackets
        ],
    )


def done(found: Sequence[Evaluated], plan: Plan, name: str, *, continued: bool) -> Record:
    """Return what a search has done, in the form of `planned`."""
    brackets: list[Bracket] = [
        plan.bracket(index) for index in range(max((one.bracket for one in found), default=-1) + 1)
    ]
    parts = []
    for index, bracket in enumerate(brackets):
        mine = [one for one in found if one.bracket == index]
        trained = {(one.trial, one.trained) for one in mine if one.folds}
        if continued:
            spent = sum(dict(sorted(trained)).values())  # only the furthest of each trial
        else:
            spent = sum(resource for _, resource in trained)
        parts.append((len({one.trial for one in mine}), spent, bracket.resources))
    return _metadata(name, parts)


def _metadata(name: str, brackets: Sequence[tuple[int, int, Sequence[Any]]]) -> Record:
    unit = "partial_fit_calls" if name == "partial_fit" else "resource"
    return {
        "n_models": sum(n_models for n_models, _, _ in brackets),
        unit: sum(spent for _, spent, _ in brackets),
        "brackets": [
            {"bracket": index, "n_models": n_models, unit: spent, "decisions": list(decisions)}
            for index, (n_models, spent, decisions) in enumerate(brackets)
        ],
    }


def _finished(one: Evaluated) -> float:
    return one.finished or 0.0


def _seconds(one: Evaluated) -> float:
    return float(sum(fold["fit_time"] + fold["score_time"] for fold in one.folds))


def best_of(results: Mapping[str, Any], refit: Any, metric: str) -> int:
    """Return the index of the best evaluation.

    Raises
    ------
    TypeError, IndexError
        As in scikit-learn, if `refit` is a function that does not return one.
    """
    if not callable(refit):
        return int(np.argmin(results[f"rank_test_{metric}"]))
    index = refit(results)
    if not isinstance(index, (int, np.integer)):
        raise TypeError(f"refit must return an index of cv_results_, got {index!r}")
    if not 0 <= index < len(results["params"]):
        raise IndexError(
            f"refit must return an index below {len(results['params'])}, got {index!r}"
        )
    return int(index)

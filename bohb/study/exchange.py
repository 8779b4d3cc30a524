"""The exchange with other runs: earlier results as trials of a study, and HpBandSter's files."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.trial import FrozenTrial, TrialState, create_trial

from bohb import arguments
from bohb.errors import ArgumentError, ArgumentTypeError
from bohb.history import Scale, contains, scale_of
from bohb.hyperband import Resource
from bohb.model.proposer import MODELS
from bohb.spaces import SearchSpace, native
from bohb.study.evaluation_records import EvaluationRecord

if TYPE_CHECKING:
    import pandas as pd
    from ConfigSpace import ConfigurationSpace

Source: TypeAlias = "optuna.Study | pd.DataFrame | str | Path"

_PARAMS, _VALUES = "params_", "values_"
_SPACE = "configspace.json"  # which we write beside HpBandSter's files


@dataclass
class EarlierTrial:
    """A configuration of an earlier run, with its values by resource, None for the highest.

    A data frame has the same in a cell for a parameter that is missing and for one whose value is
    None. The names of these are `empty`.
    """

    params: dict[str, Any]
    values: dict[Resource | None, float] = field(default_factory=dict)
    distributions: dict[str, BaseDistribution] = field(default_factory=dict)
    empty: frozenset[str] = frozenset()


def read_earlier(source: Source, *, maximize: bool) -> list[EarlierTrial]:
    """Return the trials of an earlier run.

    Raises
    ------
    ArgumentError
        If it has another direction, lacks what is needed, or cannot be read.
    ArgumentTypeError
        If it is none of the kinds that are known.
    """
    if isinstance(source, optuna.Study):
        return list(_of_study(source, maximize=maximize))
    if isinstance(source, (str, Path)):
        return list(_of_hpbandster(Path(source), maximize=maximize))
    if arguments.comes_from("pandas", source):
        return list(_of_frame(source))
    raise ArgumentTypeError(
        "source must be a study, a data frame, or the directory with configs.json and results.json "
        f"of HpBandSter, got {source!r}"
    )


def _of_study(study: optuna.Study, *, maximize: bool) -> Iterator[EarlierTrial]:
    scale = scale_of(study)
    shown = [direction.name.lower() for direction in study.directions]
    if len(shown) != 1:
        raise ArgumentError(
            f"source must be a study of one direction, got one with {' and '.join(shown)}"
        )
    if scale.maximize != maximize:
        wanted = "maximize" if maximize else "minimize"
        raise ArgumentError(f"source must have direction {wanted}, got a study to {shown[0]}")
    for trial in study.get_trials(deepcopy=False):
        if trial.state in (TrialState.FAIL, TrialState.WAITING):
            continue
        found = EarlierTrial(dict(trial.params), {}, dict(trial.distributions))
        steps = trial.intermediate_values
        for step, value in sorted(steps.items()):
            found.values[scale.used(step, steps)] = value
        if trial.state == TrialState.COMPLETE and trial.value is not None:
            found.values[scale.levels[-1] if scale.levels else None] = trial.value
        yield found


def _of_frame(frame: pd.DataFrame) -> Iterator[EarlierTrial]:
    columns = [str(name) for name in frame.columns]
    names = [name.removeprefix(_PARAMS) for name in columns if name.startswith(_PARAMS)]
    if any(name.startswith(_VALUES) for name in columns):
        raise ArgumentError(
            f"source must have one value for each row, got several columns {_VALUES}*"
        )
    if "value" not in columns or not names:
        raise ArgumentError(
            "source must have a column value and columns params_*, as evaluations_dataframe() and "
            f"trials_dataframe() have, got {columns}"
        )
    trials: defaultdict[Any, list[Any]] = defaultdict(list)
    for row, record in enumerate(frame.to_dict("records")):
        trials[record.get("number", row)].append(record)
    for records in trials.values():
        given = {name: native(records[-1][_PARAMS + name]) for name in names}
        params = {name: value for name, value in given.items() if not _is_missing(value)}
        found = EarlierTrial(params, empty=frozenset(given.keys() - params.keys()))
        for record in records:
            resource = native(record.get("resource"))
            if not _is_missing(record["value"]) and _is_final(record):
                key = None if _is_missing(resource) else arguments.number("resource", resource)
                found.values[key] = arguments.number("value", native(record["value"]))
        yield found


def _is_final(record: Mapping[Any, Any]) -> bool:
    """Return whether a row has a value of a resource, or that of a trial that is complete.

    `trials_dataframe` has the last value of a trial that was pruned without its resource.
    """
    return "resource" in record or str(record.get("state", "COMPLETE")) == "COMPLETE"


def _is_missing(value: Any) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))


def _of_hpbandster(directory: Path, *, maximize: bool) -> Iterator[EarlierTrial]:
    try:
        configs = [json.loads(line) for line in _lines(directory / "configs.json")]
        results = [json.loads(line) for line in _lines(directory / "results.json")]
        known = _distributions_beside(directory)
        found = {tuple(key): EarlierTrial(dict(each), {}, known) for key, each, *_ in configs}
        for key, budget, _, result, *_ in results:
            value = _value_of(result, maximize=maximize)
            if value is not None:
                whole = int(budget) if float(budget).is_integer() else float(budget)
                found[tuple(key)].values[whole] = value
    except ArgumentError:
        raise
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ArgumentError(
            "source must be a directory with configs.json and results.json as HpBandSter writes "
            f"them, got {str(directory)!r}: {type(error).__name__}: {error}"
        ) from error
    yield from found.values()


def _value_of(result: Any, *, maximize: bool) -> float | None:
    """Return the value of a result of HpBandSter: its loss, or what our files have beside it."""
    loss = result.get("loss") if isinstance(result, dict) else result
    if loss is None or not maximize:
        return None if loss is None else float(loss)
    info = result.get("info") if isinstance(result, dict) else None
    if not isinstance(info, dict) or info.get("value") != -loss:
        raise ArgumentError(
            "source must be a run that maximizes, got one of HpBandSter, which minimizes"
        )
    return -float(loss)


def _distributions_beside(directory: Path) -> dict[str, BaseDistribution]:
    """Return the distributions of a run whose space we have written beside it; else none."""
    path = directory / _SPACE
    if not path.exists():
        return {}
    from ConfigSpace import ConfigurationSpace  # takes long to import

    from bohb.configspace import search_space

    return dict(search_space(ConfigurationSpace.from_json(path)).distributions)


def _lines(path: Path) -> list[str]:
    return [line for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def as_trials(
    earlier: Sequence[EarlierTrial], scale: Scale, space: SearchSpace | None
) -> list[FrozenTrial]:
    """Return what can be added to a study of this scale and space.

    Parameters that the space does not have, and values that it does not allow, are left out; so is
    a trial of which nothing is left.
    """
    known = dict(space.distributions) if space else _guessed(earlier)
    trials = []
    for each in earlier:
        distributions = known if space else {**known, **each.distributions}
        params = {
            name: value
            for name, value in each.params.items()
            if name in distributions and contains(distributions[name], value)
        }
        if space is not None:
            given = {**params, **{name: None for name in each.empty if _may_be_none(name, known)}}
            params = {name: v for name, v in given.items() if space.is_active(name, given)}
        made = _trial(params, distributions, each.values, scale) if params else None
        if made is not None:
            trials.append(made)
    return trials


def _may_be_none(name: str, distributions: Mapping[str, BaseDistribution]) -> bool:
    return name in distributions and contains(distributions[name], None)


def _trial(
    params: Mapping[str, Any],
    distributions: Mapping[str, BaseDistribution],
    values: Mapping[Resource | None, float],
    scale: Scale,
) -> FrozenTrial | None:
    """Return a finished trial with the values that have a place on the ladder, if there are any."""
    finite = {resource: value for resource, value in values.items() if math.isfinite(value)}
    top = scale.levels[-1] if scale.levels else None
    final = finite.pop(None, None)
    if final is None and top is not None:
        final = finite.get(top)
    steps = {}
    for resource, value in finite.items():
        is_on_ladder = resource is not None and scale.levels and resource <= scale.levels[-1]
        if is_on_ladder and (scale.whole or resource in scale.levels):
            steps[scale.step_of_report(resource)] = value
    if final is None and (not steps or not scale.levels):
        return None
    return create_trial(
        state=TrialState.PRUNED if final is None else TrialState.COMPLETE,
        value=final,
        params=dict(params),
        distributions={name: distributions[name] for name in params},
        intermediate_values=steps,
    )


def _guessed(earlier: Sequence[EarlierTrial]) -> dict[str, BaseDistribution]:
    """Return distributions that hold all values that are seen, for those that have none."""
    seen: defaultdict[str, list[Any]] = defaultdict(list)
    for each in earlier:
        for name, value in each.params.items():
            if name not in each.distributions:
                seen[name].append(value)
    return {name: _distribution_of(values) for name, values in seen.items()}


def _distribution_of(values: Sequence[Any]) -> BaseDistribution:
    if any(isinstance(value, bool) or not isinstance(value, (int, float)) for value in values):
        return CategoricalDistribution(tuple(dict.fromkeys(values)))
    if all(isinstance(value, int) for value in values):
        return IntDistribution(min(values), max(values))
    return FloatDistribution(float(min(values)), float(max(values)))


def write_hpbandster(
    path: Path,
    evaluations: Sequence[EvaluationRecord],
    scale: Scale,
    configuration_space: ConfigurationSpace,
) -> Path:
    """Write evaluations into the files of HpBandSter, and the space beside them."""
    configs: dict[int, str] = {}
    results = []
    for each in evaluations:
        key = [each.bracket or 0, 0, each.number]
        info = {"model_based_pick": each.proposed_by in MODELS}
        configs.setdefault(each.number, json.dumps([key, each.params, info]))
        times = {
            "submitted": _seconds(each, "began"),
            "started": _seconds(each, "began"),
            "finished": _seconds(each, "ended"),
        }
        result = None
        if math.isfinite(each.value):
            result = {"loss": scale.loss(each.value), "info": {"value": each.value}}
        error = None if result is not None else "the evaluation failed"
        results.append(json.dumps([key, float(each.resource), times, result, error]))
    try:
        path.mkdir(parents=True, exist_ok=True)
        _write_lines(path / "configs.json", configs.values())
        _write_lines(path / "results.json", results)
        configuration_space.to_json(path / _SPACE)
    except OSError as error:
        raise ArgumentError(f"directory must be one that can be written to: {error}") from error
    return path


def _write_lines(path: Path, lines: Iterable[str]) -> None:
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def _seconds(evaluation: EvaluationRecord, name: str) -> float:
    moment = getattr(evaluation, name)
    return 0.0 if moment is None else float(moment.timestamp())


def configuration_space_of(
    space: SearchSpace | None, trials: Iterable[FrozenTrial]
) -> ConfigurationSpace:
    """Return the space of a study for ConfigSpace: as it was declared, or as it was suggested."""
    if space is not None and space.source is not None:
        return cast("ConfigurationSpace", space.source)
    from bohb.configspace import configuration_space  # ConfigSpace takes long to import

    distributions: dict[str, BaseDistribution] = dict(space.distributions) if space else {}
    for trial in trials:
        distributions.update(trial.distributions)
    return configuration_space(distributions)

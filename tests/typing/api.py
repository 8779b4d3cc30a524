"""Plain uses of the public surface, checked by mypy in its strict mode and never run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import ConfigSpace
import optuna

import bohb


def loop(trial: bohb.Trial) -> float:
    rate: float = trial.suggest_float("rate", 1e-5, 1, log=True)
    for epoch in range(1, 82):
        trial.report(rate / epoch, epoch)
        if trial.should_prune():
            raise bohb.TrialPruned
    return rate


def resource(trial: bohb.Trial) -> float:
    directory: Path = trial.checkpoint_dir
    total = 0.0
    for unit in range(trial.previous_resource, trial.resource):
        total += unit
    return total + len(list(directory.iterdir()))


def generator(trial: bohb.Trial) -> Iterator[float]:
    while True:
        yield trial.suggest_float("x", 0, 1)


def uses() -> None:
    study: bohb.Study = bohb.create_study(
        storage=Path("study.journal"),
        sampler=bohb.BOHBSampler(seed=0),
        pruner=bohb.HyperbandPruner(min_resource=1, max_resource=81, reduction_factor=3),
        direction="minimize",
    )
    plan: bohb.Plan = study.plan(n_rounds=2)
    sizes: tuple[int, ...] = plan.brackets[0].sizes
    study.optimize(loop, n_trials=3, timeout=1.5, n_jobs=2, catch=(ValueError,))
    study.optimize(resource, n_rounds=1, show_progress_bar=True)
    study.optimize(generator, total_resource=100)
    trial: bohb.Trial = study.ask()
    frozen: optuna.trial.FrozenTrial = study.tell(trial, 0.5)
    value: float = study.incumbent().value
    plain = optuna.create_study(
        sampler=bohb.BOHBSampler(), pruner=bohb.SuccessiveHalvingPruner(1, 9, asynchronous=True)
    )


def spaces() -> None:
    declared = ConfigSpace.ConfigurationSpace({"x": (0.0, 1.0), "kind": ["a", "b"]}, seed=0)
    study = bohb.create_study(space=declared, sampler=bohb.BOHBSampler(seed=0, model="density"))
    again = bohb.create_study(space={"x": optuna.distributions.FloatDistribution(0, 1)})
    found: bohb.Study = bohb.load_study(
        study_name="digits", storage="sqlite:///study.db", space=declared
    )
    study.enqueue_trial({"x": 0.5})
    config: Mapping[str, object] = study.ask().config

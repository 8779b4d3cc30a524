"""Running the study of a search, and telling the user how it goes."""

from __future__ import annotations

import math
import warnings
from typing import Any

from bohb.executors import Executor
from bohb.history import LEG_ATTRIBUTE
from bohb.sklearn.objective import SearchObjective, quiet_about_convergence
from bohb.study import Study
from bohb.study.conductor import forget_objective


def run_search(
    study: Study,
    objective: SearchObjective,
    *,
    n_rounds: int,
    timeout: float | None,
    executor: Executor,
    max_paused: int | None,
    verbose: float,
    label: str,
) -> None:
    """Run what is left to be done of a search.

    Raises
    ------
    KeyboardInterrupt
        After Ctrl-C, of which `optimize` makes no exception.
    """
    whole = study.plan(n_rounds)
    plan = objective.candidates.limit(whole)
    limit: dict[str, Any] = {"n_rounds": n_rounds}
    if plan.n_trials < whole.n_trials:
        limit = {"n_trials": plan.n_trials}
        warnings.warn(
            f"param_distributions has only {plan.n_trials} candidates, fewer than the "
            f"{whole.n_trials} of the plan: all of them are tried",
            stacklevel=3,
        )
    level = math.ceil(verbose)
    if level > 0:
        print(f"[CV{label}] resource: {objective.resource.name}\n{plan}")
    try:
        with quiet_about_convergence():  # for all threads of this process
            study.optimize(
                objective.function,
                **limit,
                in_total=True,
                timeout=timeout,
                executor=executor,
                max_paused=max_paused,
                callbacks=[_Announcer(label)] if level > 1 else None,
                show_progress_bar=level > 0,
            )
    finally:
        forget_objective(study)  # it holds the data
    if study.was_cut_off:
        raise KeyboardInterrupt


class _Announcer:
    """Prints a line for each candidate that is done with."""

    def __init__(self, label: str) -> None:
        self._label = label

    def __call__(self, study: Study, trial: Any) -> None:
        steps = trial.intermediate_values
        reached = max(steps, default=0)
        bracket = trial.system_attrs[LEG_ATTRIBUTE]["bracket"]
        print(
            f"[CV{self._label}, bracket={bracket}] trial {trial.number}: "
            f"{trial.state.name.lower()} at {reached}, score {steps.get(reached, math.nan):.6g}"
        )

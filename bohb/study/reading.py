"""The study as it is read: its plan, its results, and what they tell. Nothing here changes it."""

from __future__ import annotations

import dataclasses
import html
import importlib
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from optuna.pruners import BasePruner
from optuna.samplers import BaseSampler
from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial, TrialState

from bohb import arguments
from bohb.errors import (
    ArgumentError,
    NoResultError,
)
from bohb.history import scale_of
from bohb.hyperband import Plan
from bohb.objective.finished_trial import FinishedTrial
from bohb.pruners import SchedulePruner
from bohb.spaces import SearchSpace
from bohb.store.checkpoints import Checkpoints
from bohb.store.ledger import OPEN_CALL
from bohb.store.legs import LegMarks
from bohb.store.stored_study import StoredStudy
from bohb.study.advice import Advice, advice_on
from bohb.study.compatibility import (
    schedule_pruner_of,
)
from bohb.study.evaluation_records import (
    EvaluationRecord,
    evaluation_records,
    evaluations_dataframe,
)
from bohb.study.exchange import (
    configuration_space_of,
    write_hpbandster,
)
from bohb.study.explanation import Explanation, explain
from bohb.study.faults import Failure, most_frequent
from bohb.study.fitting import FittedPlan, fit_plan, paced
from bohb.study.lineage import Stretch, stretches
from bohb.study.results import Incumbent, failure_of, find_incumbent

if TYPE_CHECKING:
    import pandas as pd


class StudyReading(StoredStudy):
    """All of a study that reads: what `bohb.Study` says of its plan and of what has happened."""

    def __init__(
        self,
        study_name: str,
        storage: str | BaseStorage,
        sampler: BaseSampler | None,
        pruner: BasePruner | None,
        space: SearchSpace | None,
    ) -> None:
        super().__init__(study_name, storage, sampler, pruner, space)
        self._checkpoints = Checkpoints(self._ledger)

    def __getstate__(self) -> dict[Any, Any]:
        state = super().__getstate__()
        del state["_checkpoints"]  # a copy makes new ones
        return state

    def __setstate__(self, state: dict[Any, Any]) -> None:
        super().__setstate__(state)
        self._checkpoints = Checkpoints(self._ledger)

    def plan(
        self,
        n_rounds: int = 1,
        *,
        n_workers: int | None = None,
        seconds_per_unit: float | None = None,
    ) -> Plan:
        """Return the schedule as a table, before anything runs: brackets, rungs, trials, costs.

        Parameters
        ----------
        n_rounds
            How many passes through all brackets.
        n_workers
            How many legs run at the same time; None for 1.
        seconds_per_unit
            How long a trial takes for a unit of resource. With it the plan says how long it takes,
            and what no number of workers can undercut (`Plan.pace`).

        Raises
        ------
        ArgumentError
            If the study's pruner has no plan, a number is not positive, or there are workers
            without `seconds_per_unit`.

        Examples
        --------
        >>> import bohb
        >>> study = bohb.create_study(pruner=bohb.HyperbandPruner(1, 9))
        >>> study.plan().n_trials, study.plan(n_rounds=2).n_trials
        (15, 30)
        >>> print(study.plan(n_workers=4, seconds_per_unit=60).pace)
        time with 4 workers and 60 s a unit: 20 min continued, 23 min restarted
        time with any number of workers: at least 9 min continued, 13 min restarted
        """
        plan = schedule_pruner_of(self, "plan()").plan(n_rounds)
        if seconds_per_unit is None:
            if n_workers is not None:
                raise ArgumentError(
                    f"n_workers needs seconds_per_unit, got n_workers={n_workers!r} without it"
                )
            return plan
        n_workers = arguments.count("n_workers", 1 if n_workers is None else n_workers)
        return paced(plan, n_workers, arguments.positive("seconds_per_unit", seconds_per_unit))

    def fit_plan(
        self,
        *,
        timeout: float,
        seconds_per_unit: float,
        n_workers: int = 1,
        continued: bool = False,
    ) -> FittedPlan:
        """Return what can be run in the time there is, and what is given up for it.

        It proposes as many rounds as fit. Where not even one does, it proposes the brackets of a
        round that start on the lowest rungs; where not even the first one does, a higher
        `min_resource`; and at last a lower `max_resource`.

        Parameters
        ----------
        timeout
            The seconds there are.
        seconds_per_unit
            How long a trial takes for a unit of resource.
        n_workers
            How many legs run at the same time.
        continued
            Whether promoted trials go on from where they stood: those of generators do, and those
            that use their checkpoints.

        Raises
        ------
        ArgumentError
            If the study's pruner has no plan, a number is not positive, or not even one trial at
            the lowest resource fits.

        Examples
        --------
        >>> import bohb
        >>> study = bohb.create_study(pruner=bohb.HyperbandPruner(1, 81))
        >>> fitted = study.fit_plan(timeout=7200, n_workers=4, seconds_per_unit=12)
        >>> fitted.limits, fitted.plan.n_trials
        ({'n_rounds': 1}, 128)
        >>> study.fit_plan(timeout=3600, n_workers=4, seconds_per_unit=12).limits
        {'n_brackets': 3}
        """
        pruner = schedule_pruner_of(self, "fit_plan()")
        return fit_plan(
            pruner,
            arguments.positive("timeout", timeout),
            arguments.count("n_workers", n_workers),
            arguments.positive("seconds_per_unit", seconds_per_unit),
            continued=arguments.flag("continued", continued),
        )

    @property
    def was_cut_off(self) -> bool:
        """Whether the last call of `optimize` was cut off: by Ctrl-C, an exception or a kill.

        The next call takes it up. While a call runs it is True as well.
        """
        return self._ledger.read(OPEN_CALL) is not None

    def export_hpbandster(self, directory: str | Path) -> Path:
        """Write the files of HpBandSter, which its own tools and DeepCAVE read.

        Parameters
        ----------
        directory
            Gets ``configs.json``, ``results.json`` and ``configspace.json``. Losses are minimised
            there; the value of a study that maximises is in the info of each result.

        Returns
        -------
        pathlib.Path
            The directory.

        Raises
        ------
        ArgumentError
            If the study's pruner has no rungs, or the directory cannot be written to.

        Examples
        --------
        >>> import bohb, tempfile
        >>> study = bohb.create_study(pruner=bohb.HyperbandPruner(1, 9))
        >>> study.optimize(lambda trial: trial.suggest_float("x", 0, 1) / trial.resource)
        >>> with tempfile.TemporaryDirectory() as directory:
        ...     sorted(path.name for path in study.export_hpbandster(directory).iterdir())
        ['configs.json', 'configspace.json', 'results.json']
        """
        directory = arguments.path("directory", directory)
        own = [each for each in self.evaluations() if each.bracket is not None]
        space = configuration_space_of(self.space, self.get_trials(deepcopy=False))
        return write_hpbandster(directory, own, scale_of(self), space)

    def incumbent(self) -> Incumbent:
        """Return the trial with the best value at the highest resource reached so far.

        Raises
        ------
        NoResultError
            If nothing has been evaluated yet.
        ArgumentError
            If the study's pruner has no resources; `best_trial` is what counts then.

        Examples
        --------
        >>> import bohb
        >>> study = bohb.create_study(pruner=bohb.HyperbandPruner(1, 9))
        >>> study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=4)
        >>> incumbent = study.incumbent()
        >>> incumbent.resource, incumbent.value == incumbent.params["x"]
        (9, True)
        """
        incumbent = self._find_incumbent()
        if incumbent is None:
            raise NoResultError(
                f"study {self.study_name!r} has no incumbent: no trial has a finite value yet"
                f"{self._failures_in_words()}"
            )
        return dataclasses.replace(incumbent, checkpoint_dir=self.checkpoint_dir(incumbent.number))

    def checkpoint_dir(self, number: int) -> Path | None:
        """Return the checkpoint directory of a trial; None if it has none.

        Parameters
        ----------
        number
            The trial's number.

        Raises
        ------
        ArgumentError
            If the study has no such trial.

        Examples
        --------
        >>> import bohb
        >>> def objective(trial):
        ...     x = trial.suggest_float("x", 0, 1)
        ...     (trial.checkpoint_dir / "model.txt").write_text(str(x))
        ...     return x
        >>> study = bohb.create_study(pruner=bohb.HyperbandPruner(1, 9))
        >>> study.optimize(objective, keep="best")
        >>> best = study.incumbent()
        >>> (best.checkpoint_dir / "model.txt").read_text() == str(best.value)
        True
        >>> sum(study.checkpoint_dir(number) is not None for number in range(15))
        1
        """
        trial = self._trial_of(number)
        return self._checkpoints.directory_of(trial.number, LegMarks.of(trial))

    def _trial_of(self, number: int) -> FrozenTrial:
        trials = self.get_trials(deepcopy=False)
        if arguments.count("number", number, least=0) < len(trials):
            return trials[number]
        raise ArgumentError(
            f"number must be that of a trial, got {number}: the study has {len(trials)} trials"
        )

    def _failures_in_words(self) -> str:
        trials = self.get_trials(deepcopy=False)
        noted = (failure_of(trial) for trial in trials)
        failures = [Failure.of_text(text) for text in noted if text is not None]
        if not failures:
            return ""
        all_or_some = "All" if len(failures) == len(trials) else f"{len(failures)} of the"
        return f". {all_or_some} {len(trials)} trials have failed, {most_frequent(failures)}"

    def _find_incumbent(self) -> Incumbent | None:
        plan = schedule_pruner_of(self, "incumbent()").plan()
        return find_incumbent(self.get_trials(deepcopy=False), scale_of(self), plan)

    @property
    def best_trial(self) -> FrozenTrial:
        """The best trial at the highest resource; an objective can be called with it again.

        Beside what Optuna's trial has it has `resource`, `previous_resource`, `config` and
        `checkpoint_dir`.

        Raises
        ------
        NoResultError
            If no trial has come that far.

        Examples
        --------
        >>> import bohb
        >>> def objective(trial):
        ...     return trial.suggest_float("x", 0, 1) + 1 / trial.resource
        >>> study = bohb.create_study(pruner=bohb.HyperbandPruner(1, 9))
        >>> study.optimize(objective)
        >>> study.best_trial.resource, objective(study.best_trial) == study.best_value
        (9, True)
        """
        return FinishedTrial.of(super().best_trial, self)

    @property
    def best_trials(self) -> list[FrozenTrial]:
        """The front of a study of several directions, at the highest resource.

        These are the trials than which no other one is better in every objective. An objective can
        be called with each of them again, as with `best_trial`.

        Examples
        --------
        >>> import bohb
        >>> def objective(trial):
        ...     x = trial.suggest_float("x", 0, 1)
        ...     return x + 1 / trial.resource, 1 - x
        >>> study = bohb.create_study(
        ...     directions=["minimize", "minimize"], pruner=bohb.HyperbandPruner(1, 9)
        ... )
        >>> study.optimize(objective)
        >>> all(objective(trial) == tuple(trial.values) for trial in study.best_trials)
        True
        """
        return [FinishedTrial.of(trial, self) for trial in super().best_trials]

    def _get_best_trial(self, deepcopy: bool) -> FrozenTrial:
        if not isinstance(self.pruner, SchedulePruner):
            return super()._get_best_trial(deepcopy)
        try:
            return super()._get_best_trial(deepcopy)
        except ValueError as error:
            complete = f"evaluated at max_resource={self.pruner.max_resource}"
            if self.get_trials(deepcopy=False, states=(TrialState.COMPLETE,)):
                reason = f"of those {complete} none is feasible"
            else:
                reason = f"none is COMPLETE, which means {complete}"
            if self._find_incumbent() is not None:
                reason += ". The best at the highest resource reached so far is study.incumbent()"
            else:
                reason += self._failures_in_words()
            raise NoResultError(f"study {self.study_name!r} has no best trial: {reason}") from error

    def evaluations_dataframe(self) -> pd.DataFrame:
        """Return one row per trial and resource at which it was evaluated.

        The columns are the attributes of `bohb.study.EvaluationRecord`, with one column
        ``params_*`` per parameter. They say how each evaluation ranked on its rung, where the cut
        lay, what became of the trial, when and where it ran, and who proposed it.

        Raises
        ------
        ArgumentError
            If the study's pruner has no rungs.
        MissingDependencyError
            If pandas is not installed.

        Examples
        --------
        >>> import bohb
        >>> study = bohb.create_study(pruner=bohb.HyperbandPruner(1, 9))
        >>> study.optimize(lambda trial: trial.suggest_float("x", 0, 1))
        >>> study.evaluations_dataframe().groupby("resource").size().to_dict()
        {1: 9, 3: 6, 9: 5}
        """
        schedule_pruner_of(self, "evaluations_dataframe()")
        return evaluations_dataframe(self.evaluations())

    def evaluations(self) -> list[EvaluationRecord]:
        """Return all evaluations, one for each trial and resource at which it was evaluated.

        They come in the order of the trials, and those of a trial lowest resource first.

        Raises
        ------
        ArgumentError
            If the study's pruner has no rungs.

        Examples
        --------
        >>> import bohb
        >>> study = bohb.create_study(pruner=bohb.HyperbandPruner(1, 9))
        >>> study.optimize(lambda trial: trial.suggest_float("x", 0, 1))
        >>> best = min(study.evaluations(), key=lambda evaluation: evaluation.value)
        >>> best.rank, best.value == best.params["x"]
        (1, True)
        """
        plan = schedule_pruner_of(self, "evaluations()").plan()
        return evaluation_records(self.get_trials(deepcopy=False), scale_of(self), plan)

    def report(self, path: str | Path) -> Path:
        """Write a report of the study into a file: one page of HTML, which needs no network.

        It has the incumbent and what it is compared with, what was saved against full trainings,
        all pictures of `bohb.visualization`, the ten best trials, the advice, the failures, and
        what is needed to do it again.

        Parameters
        ----------
        path
            The file.

        Returns
        -------
        pathlib.Path
            The file.

        Raises
        ------
        MissingDependencyError
            If matplotlib or Jinja is not installed (``bohb[report]``).
        ArgumentError
            If the study's pruner has no rungs, or the file cannot be written.

        Examples
        --------
        >>> import bohb, tempfile
        >>> study = bohb.create_study(pruner=bohb.HyperbandPruner(1, 9))
        >>> study.optimize(lambda trial: trial.suggest_float("x", 0, 1) / trial.resource)
        >>> with tempfile.TemporaryDirectory() as directory:
        ...     study.report(f"{directory}/run.html").stat().st_size > 10_000
        True
        """
        # The report lies above the study, and is looked for only when it is asked for.
        write_report: Callable[[StudyReading, str | Path], Path]
        write_report = importlib.import_module("bohb.report").write_report
        return write_report(self, path)

    def _repr_html_(self) -> str:
        """Show where the study stands in a notebook."""
        states = Counter(trial.state.name for trial in self.get_trials(deepcopy=False))
        counts = ", ".join(f"{count} {name}" for name, count in states.items()) or "none yet"
        rows = [("pruner", repr(self.pruner)), ("sampler", repr(self.sampler)), ("trials", counts)]
        best = self._find_incumbent() if isinstance(self.pruner, SchedulePruner) else None
        if best is not None:
            value = f"{best.value:.6g} of trial {best.number} at resource {best.resource:g}"
            rows += [("best", value), ("with", repr(best.params))]
        body = "".join(
            f"<tr><th>{name}</th><td style='text-align:left'>{html.escape(text)}</td></tr>"
            for name, text in rows
        )
        return f"<b>Study {html.escape(self.study_name)}</b><table>{body}</table>"

    def lineage(self, number: int | None = None) -> list[Stretch]:
        """Return the schedule of values that a trial was trained with, from its oldest ancestor on.

        Outside of a population a trial has no ancestor, and its schedule one part.

        Parameters
        ----------
        number
            The trial's number; None for the incumbent.

        Raises
        ------
        ArgumentError
            If there is no such trial, or the study's pruner has no resources.
        NoResultError
            If the incumbent is asked for, and nothing has been evaluated yet.

        Examples
        --------
        >>> import bohb
        >>> def objective(trial):
        ...     rate = trial.suggest_float("rate", 0.1, 0.9)
        ...     file = trial.checkpoint_dir / "loss.txt"
        ...     loss = float(file.read_text()) if file.exists() else 1.0
        ...     loss *= rate ** (trial.resource - trial.previous_resource)
        ...     file.write_text(str(loss))
        ...     return loss
        >>> pruner = bohb.PopulationPruner(max_resource=3, interval=1, population=4)
        >>> study = bohb.create_study(sampler=bohb.BOHBSampler(seed=0), pruner=pruner)
        >>> study.optimize(objective)
        >>> [(stretch.begin, stretch.end) for stretch in study.lineage()]
        [(0, 1), (1, 3)]
        """
        plan = schedule_pruner_of(self, "lineage()").plan()
        found = self._trial_of(self.incumbent().number if number is None else number)
        return stretches(self.get_trials(deepcopy=False), found.number, scale_of(self), plan)

    def advice(self) -> list[Advice]:
        """Return what the evaluations say of the schedule, the space and the objective.

        Such as: neighbouring rungs that rank trials otherwise, a lowest rung that tells nothing,
        the best trials at an end of a range, many failures, trainings that gain nothing or that get
        worse again. `optimize` logs each kind once, as a warning of the logger `bohb.study`.

        Raises
        ------
        ArgumentError
            If the study's pruner has no rungs.

        Examples
        --------
        >>> import bohb
        >>> study = bohb.create_study(
        ...     sampler=bohb.BOHBSampler(seed=0), pruner=bohb.HyperbandPruner(1, 27)
        ... )
        >>> def objective(trial):
        ...     return trial.suggest_float("x", 1, 2) / trial.resource
        >>> study.optimize(objective, n_rounds=2)
        >>> [advice.kind for advice in study.advice()]
        ['range of x']
        """
        plan = schedule_pruner_of(self, "advice()").plan()
        return advice_on(self.get_trials(deepcopy=False), scale_of(self), plan)

    def explain(self, number: int) -> Explanation:
        """Return why a trial was tried, how it ranked on each rung, and what became of it.

        Parameters
        ----------
        number
            The trial's number.

        Raises
        ------
        ArgumentError
            If the study has no such trial, or its pruner has no rungs.

        Examples
        --------
        >>> import bohb
        >>> study = bohb.create_study(pruner=bohb.HyperbandPruner(1, 9))
        >>> study.enqueue_trial({"x": 0.75})
        >>> study.optimize(lambda trial: trial.suggest_float("x", 0.5, 1) / trial.resource)
        >>> text = str(study.explain(0))
        >>> print(text.splitlines()[1])
        It was enqueued by enqueue_trial.
        """
        plan = schedule_pruner_of(self, "explain()").plan()
        trial = self._trial_of(number)
        found = [each for each in self.evaluations() if each.number == number]
        return explain(trial, found, plan)

    @property
    def checkpoint_root(self) -> Path:
        """The directory that holds the checkpoint directories of the trials."""
        return self._checkpoints.root

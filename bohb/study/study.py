"""The study: Optuna's own, with trials that pause and are promoted."""

from __future__ import annotations

import concurrent.futures
import copy
import dataclasses
import html
import importlib
import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from numbers import Integral
from pathlib import Path
from typing import TYPE_CHECKING, Any

import optuna
from optuna.distributions import (
    BaseDistribution,
    _convert_old_distribution_to_new_distribution,
)
from optuna.pruners import BasePruner
from optuna.samplers import BaseSampler
from optuna.storages import BaseStorage, InMemoryStorage
from optuna.trial import FrozenTrial, TrialState

from bohb import arguments
from bohb.errors import (
    ArgumentError,
    ArgumentTypeError,
    NoResultError,
    TrialStateError,
)
from bohb.executors import Executor, executor_for
from bohb.history import LEG_ATTRIBUTE, History, has_constraints, is_paused, scale_of
from bohb.hyperband import Plan, Resource
from bohb.objective.finished_trial import FinishedTrial
from bohb.objective.generator import is_generator_function, without_legs
from bohb.objective.leg_state import leg_state_of
from bohb.objective.trial import Trial, warn_of_constraints
from bohb.pruners import SchedulePruner
from bohb.samplers import BOHBSampler
from bohb.spaces import SearchSpace, native
from bohb.store.checkpoints import Checkpoints
from bohb.store.ledger import OPEN_CALL
from bohb.store.legs import LegMarks
from bohb.store.stored_study import StoredStudy
from bohb.store.values import check_attribute, check_json
from bohb.study.advice import Advice, advice_on
from bohb.study.compatibility import (
    refuse_blind_sampler,
    refuse_without_plan,
    schedule_pruner_of,
)
from bohb.study.evaluation_records import (
    EvaluationRecord,
    evaluation_records,
    evaluations_dataframe,
)
from bohb.study.exchange import (
    Source,
    as_trials,
    configuration_space_of,
    read_earlier,
    write_hpbandster,
)
from bohb.study.explanation import Explanation, explain
from bohb.study.faults import Failure, most_frequent
from bohb.study.fitting import FittedPlan, fit_plan, paced
from bohb.study.keeping import Keep, checked_keep
from bohb.study.limits import Limits
from bohb.study.options import Options
from bohb.study.results import Incumbent, failure_of, find_incumbent
from bohb.study.session import Session

if TYPE_CHECKING:
    import pandas as pd
    from distributed import Client


class Study(StoredStudy):
    """One optimisation problem with its whole stored history.

    Made by `bohb.create_study` and `bohb.load_study`. It is an `optuna.Study`: plots, dataframes,
    storages and the dashboard work on it. With a `bohb.HyperbandPruner` or a
    `bohb.SuccessiveHalvingPruner` its trials pause at their rungs and the best are promoted.
    With any other pruner it does what Optuna does.

    A paused trial is RUNNING for Optuna, a trial at the highest resource COMPLETE, a trial that
    was not promoted PRUNED.

    Attributes
    ----------
    space
        The parameters, where the study was made with ``space=``; None where they are only known
        from what the objective suggests.

    Examples
    --------
    >>> import bohb
    >>> study = bohb.create_study(
    ...     sampler=bohb.BOHBSampler(seed=0), pruner=bohb.HyperbandPruner(1, 27)
    ... )
    >>> study.optimize(lambda trial: trial.suggest_float("x", 0, 1) ** 2 + 1 / trial.resource)
    >>> study.best_params["x"] < 0.1, study.best_trial.intermediate_values.keys() <= {1, 3, 9, 27}
    (True, True)
    """

    def __init__(
        self,
        study_name: str,
        storage: str | BaseStorage,
        sampler: BaseSampler | None = None,
        pruner: BasePruner | None = None,
        space: SearchSpace | None = None,
    ) -> None:
        super().__init__(study_name, storage, sampler, pruner, space)
        if sampler is None and len(self.directions) == 1:
            self.sampler = BOHBSampler()
        self._checkpoints = Checkpoints(self._ledger)
        self._session = Session(self, self._checkpoints)

    def __repr__(self) -> str:
        return f"<bohb.Study {self.study_name!r}, {self.sampler!r}, {self.pruner!r}>"

    def __getstate__(self) -> dict[Any, Any]:
        state = super().__getstate__()
        del state["_session"], state["_checkpoints"]  # a copy makes new ones
        return state

    def __setstate__(self, state: dict[Any, Any]) -> None:
        super().__setstate__(state)
        self._checkpoints = Checkpoints(self._ledger)
        self._session = Session(self, self._checkpoints)

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

    def optimize(
        self,
        func: Callable[[Any], Any],
        n_trials: int | None = None,
        timeout: float | None = None,
        n_jobs: int = 1,
        catch: Iterable[type[Exception]] | type[Exception] = (),
        callbacks: Iterable[Callable[..., None]] | None = None,
        gc_after_trial: bool = False,
        show_progress_bar: bool = False,
        *,
        n_rounds: int | None = None,
        n_brackets: int | None = None,
        total_resource: Resource | None = None,
        in_total: bool = False,
        executor: Executor | concurrent.futures.Executor | Client | None = None,
        leg_timeout: float | None = None,
        max_retries: int = 1,
        retry_on: Iterable[type[Exception]] | type[Exception] = (),
        max_failures: float | None = None,
        max_paused: int | None = None,
        max_open_brackets: int | None = None,
        keep: Keep = "all",
        join: bool = True,
        lease: float = 60.0,
    ) -> None:
        """Tune `func`.

        At most one of `n_trials`, `n_rounds`, `n_brackets` and `total_resource` is given; without
        any of them and without `timeout` one round is run. When the limit is reached no new trial
        starts, and the open brackets are finished with what they hold. A call that was cut off,
        by Ctrl-C, an exception or the end of its process, is taken up by the next one: its limit
        counts from where the first began. After Ctrl-C everything that has finished is kept, and
        KeyboardInterrupt goes on; `bohb.signals_interrupt` lets SIGTERM and SIGHUP do the same.

        Legs that were given out by `ask` and not told are left alone, and their bracket stays open.

        Parameters
        ----------
        func
            The objective, a function of a `Trial`, in one of three styles. It reports and asks
            `trial.should_prune()` as it trains; or trains up to `trial.resource` and returns; or
            is a generator that yields its value after each unit of resource, or reports it at
            resources of its choice and yields nothing.
        n_trials
            Configurations to start; with 0 only what is open is finished.
        timeout
            Seconds after which everything ends where it stands; None for no limit. Legs end at
            their next report. Five seconds later those in other processes are ended if the executor
            can do that, and abandoned if it cannot. Threads cannot be ended: their legs are waited
            for. Trials stay paused, and can be continued by another call.
        n_jobs
            Legs to run at the same time, in threads; -1 for as many as there are processors.
        catch
            Exceptions of the objective that only fail their trial. Others also end the call.
        callbacks
            Called with the study and each finished trial, as in Optuna.
        gc_after_trial
            Whether to run Python's garbage collection after each trial, and in brackets after each
            leg.
        show_progress_bar
            Whether to show a bar with the incumbent; a call that has joined another one shows how
            many legs it has run.
        n_rounds
            Passes through all brackets; 1 if neither another limit nor `timeout` is given.
        n_brackets
            Brackets to start.
        total_resource
            Resource to use at most, including what it takes to finish brackets that were left
            open before; counted as `plan().resource_continued` for generators and
            `plan().resource_restarted` for functions. At least what it takes to bring one trial to
            the highest resource. With an asynchronous pruner, promotions made on little evidence
            may come on top.
        in_total
            Whether the limit counts for all calls together. A script that is run again then does
            what is left to be done.
        executor
            What runs the legs, instead of `n_jobs` threads: any pool of `concurrent.futures`, a
            ``Client`` of Dask, or one of `bohb.executors`. It is not shut down.
        leg_timeout
            Seconds that a leg may take; None for no limit. One that takes longer ends at its next
            report, and its trial fails. One that does not report is ended five seconds later where
            the executor can do that; if it comes back before, its result counts.
        max_retries
            How often a leg is given out again after its worker has died, or after an exception of
            `retry_on`; then its trial fails.
        retry_on
            Exceptions of the objective that come by chance, such as those of a connection or of a
            full GPU. A trial that failed by one would never be proposed again, however good it is.
        max_failures
            The share of this call's evaluations that may fail, once there are ten; None for all.
        max_paused
            The most generators that may wait in memory; None for no limit. Those of the worst
            trials are closed first, and trained from the start again if their trials are promoted.
        max_open_brackets
            The most brackets that may be unfinished at the same time. None lets free workers begin
            with later brackets as long as the limits allow.
        keep
            Which checkpoint directories of trials that were dropped or have finished stay:
            ``"all"``, that of the ``"best"`` one, or those of so many of the best. The others are
            removed as the study goes. Trials that are paused keep theirs, and so do those that
            have failed.
        join
            Whether to work for another process or thread if it is optimising the study: this call
            then runs legs for that one, whose limits hold, and returns when its call has ended.
            False refuses instead, and lets nobody join this call.
        lease
            The seconds of silence after which a process counts as dead: its legs are given to
            others, and if it was leading another one leads. On the same machine a process that
            has died is noticed at once.

        Raises
        ------
        CallEndedError
            If this call has joined another one, which was ended by an exception elsewhere.
        KeyboardInterrupt
            After Ctrl-C, here or in a worker.
        ArgumentError
            If an argument is out of its range, two limits are given, or the executor's workers
            are other processes and `func` cannot be pickled.
        ExecutorError
            If the executor can run no more legs.
        TooManyFailuresError
            If a larger share of evaluations fails than `max_failures` allows.
        StudyOwnedError
            If another live process or thread is optimising the study and `join` is False, or this
            is called from the study's own objective.
        SettingsError
            If the pruner is not the one that the study was begun with.
        StorageError
            If the storage fails.
        ObjectiveError
            If the objective gives something that is not a number. This and every other exception
            of the objective fails its trial, and ends the call unless it is in `catch`.

        Examples
        --------
        >>> import bohb
        >>> def objective(trial):
        ...     x = trial.suggest_float("x", 0, 1)
        ...     return (x - 0.3) ** 2 + 1 / trial.resource
        >>> study = bohb.create_study(
        ...     sampler=bohb.BOHBSampler(seed=1), pruner=bohb.HyperbandPruner(1, 9)
        ... )
        >>> study.optimize(objective)
        >>> len(study.trials), study.incumbent().resource
        (15, 9)
        """
        if not callable(func):
            raise ArgumentTypeError(f"func must be callable, got {func!r}")
        catch = arguments.exceptions("catch", catch)
        callbacks = arguments.functions("callbacks", callbacks)
        refuse_blind_sampler(self)
        if not isinstance(self.pruner, SchedulePruner):
            refuse_without_plan(
                self.pruner,
                n_rounds=n_rounds,
                n_brackets=n_brackets,
                total_resource=total_resource,
                in_total=in_total or None,
                executor=executor,
                leg_timeout=leg_timeout,
                max_retries=None if max_retries == 1 else max_retries,
                retry_on=retry_on or None,
                max_failures=max_failures,
                max_paused=max_paused,
                max_open_brackets=max_open_brackets,
                keep=None if keep == "all" else keep,
            )
            super().optimize(
                without_legs(func, timeout),
                n_trials,
                timeout,
                n_jobs,
                catch,
                callbacks,
                gc_after_trial,
                show_progress_bar,
            )
            return
        limits = Limits.from_arguments(
            self.plan(),
            continued=is_generator_function(func),
            n_trials=n_trials,
            n_rounds=n_rounds,
            n_brackets=n_brackets,
            total_resource=total_resource,
            timeout=timeout,
            in_total=arguments.flag("in_total", in_total),
        )
        options = Options(
            limits,
            timeout,
            in_total,
            executor_for(executor, n_jobs),
            leg_timeout,
            max_retries,
            arguments.exceptions("retry_on", retry_on),
            max_failures,
            max_paused,
            max_open_brackets,
            catch,
            tuple(callbacks),
            gc_after_trial,
            show_progress_bar,
            join,
            lease,
            checked_keep(keep),
        )
        if has_constraints(self.sampler):
            warn_of_constraints()
        self._session.optimize(func, options)

    def stop(self, *, now: bool = False) -> None:
        """Let `optimize` end after the legs under way. Called by an objective or a callback.

        Trials stay paused, and another call goes on with them.

        Parameters
        ----------
        now
            Let the legs under way end at their next report.

        Examples
        --------
        >>> import bohb
        >>> def is_enough(study, trial):
        ...     if len(study.trials) == 4:
        ...         study.stop()
        >>> study = bohb.create_study(pruner=bohb.HyperbandPruner(1, 1))
        >>> study.optimize(
        ...     lambda trial: trial.suggest_float("x", 0, 1), n_trials=10, callbacks=[is_enough]
        ... )
        >>> len(study.trials)
        4
        """
        if not self._session.stop(now=now):
            optuna.Study.stop(self)

    @property
    def storage_patience(self) -> float:
        """The seconds for which a storage that is away is tried again; 30 by default.

        After that the call ends with a StorageError, and the next one goes on. The logger `bohb`
        says that it waits.

        Raises
        ------
        ArgumentError
            If it is set to a number that is negative or not finite.
        """
        return self._ledger.patience.seconds

    @storage_patience.setter
    def storage_patience(self, seconds: float) -> None:
        given = arguments.number("storage_patience", seconds)
        if not 0 <= given < math.inf:
            raise ArgumentError(f"storage_patience must be at least 0 and finite, got {seconds!r}")
        self._ledger.patience.seconds = given

    @property
    def was_cut_off(self) -> bool:
        """Whether the last call of `optimize` was cut off: by Ctrl-C, an exception or a kill.

        The next call takes it up. While a call runs it is True as well.
        """
        return self._ledger.read(OPEN_CALL) is not None

    def ask(self, fixed_distributions: dict[str, BaseDistribution] | None = None) -> Trial:
        """Return a trial to be trained to its `resource`: a new one, or one that was promoted.

        Never waits: while a rung is not complete, trials of the next bracket come. A leg that was
        asked for and not told when its process died is given out again.

        Parameters
        ----------
        fixed_distributions
            Distributions by name, of parameters to be suggested at once.

        Raises
        ------
        StudyOwnedError
            If another live process or thread is optimising the study.
        SettingsError
            If the pruner is not the one that the study was begun with.
        StorageError
            If the storage fails.

        Examples
        --------
        >>> import bohb
        >>> study = bohb.create_study(
        ...     sampler=bohb.BOHBSampler(seed=0), pruner=bohb.SuccessiveHalvingPruner(1, 3)
        ... )
        >>> for _ in range(4):
        ...     trial = study.ask()
        ...     frozen = study.tell(trial, trial.suggest_float("x", 0, 1))
        >>> trial.number == study.best_trial.number, trial.previous_resource, trial.resource
        (True, 1, 3)
        """
        refuse_blind_sampler(self)
        if not isinstance(self.pruner, SchedulePruner):
            trial = Trial._of(super().ask(), self)
            leg_state_of(trial).fill()
        else:
            trial = self._session.ask()
        for name, distribution in (fixed_distributions or {}).items():
            trial._suggest(name, _convert_old_distribution_to_new_distribution(distribution))
        return trial

    def tell(
        self,
        trial: optuna.Trial | int,
        values: Any = None,
        state: TrialState | None = None,
        skip_if_finished: bool = False,
    ) -> FrozenTrial:
        """Say how a trial from `ask` did at its `resource`.

        Parameters
        ----------
        trial
            The trial or its number.
        values
            Its value at `trial.resource`. A value that is not finite fails the trial.
        state
            PRUNED pauses the trial if it has a value at its resource, and prunes it otherwise. FAIL
            fails it. COMPLETE and None take `values`.
        skip_if_finished
            Do nothing if the trial was told before, so that it is finished or paused, instead of
            raising an error.

        Returns
        -------
        FrozenTrial
            The trial as it is now; RUNNING if it is paused.

        Raises
        ------
        TrialStateError
            If the trial is not under way.
        ArgumentError
            If `state` is none of these, or does not go with `values`.
        ObjectiveError
            If `values` is not a number.
        StudyOwnedError, SettingsError, StorageError
            As in `ask`.

        Examples
        --------
        >>> import bohb
        >>> study = bohb.create_study(pruner=bohb.HyperbandPruner(1, 9))
        >>> trial = study.ask()
        >>> study.tell(trial, trial.suggest_float("x", 0, 1)).state.name  # paused at resource 1
        'RUNNING'
        """
        if not isinstance(self.pruner, SchedulePruner):
            return super().tell(trial, values, state, skip_if_finished)
        if not isinstance(trial, (optuna.Trial, Integral)):
            raise ArgumentTypeError(f"trial must be a trial or its number, got {trial!r}")
        number = trial.number if isinstance(trial, optuna.Trial) else int(trial)
        told = self._session.tell(number, values, state)
        if told is None:
            return self._not_under_way(number, skip_if_finished)
        return self._ledger.trial(told._trial_id)

    def _not_under_way(self, number: int, skip_if_finished: bool) -> FrozenTrial:
        found = [trial for trial in self.get_trials() if trial.number == number]
        was_told = found and (found[0].state.is_finished() or is_paused(found[0]))
        if was_told and skip_if_finished:
            return found[0]
        state = found[0].state.name if found else "not in the study"
        if state == "RUNNING":
            state = "paused, or not from this study's ask"
        raise TrialStateError(f"tell needs a trial that is under way, got trial {number}: {state}")

    def enqueue_trial(
        self,
        params: dict[str, Any],
        user_attrs: dict[str, Any] | None = None,
        skip_if_exists: bool = False,
    ) -> None:
        """Let a coming trial have these values; the sampler proposes those that are left out.

        Parameters
        ----------
        params
            Values by name.
        user_attrs
            User attributes of the trial.
        skip_if_exists
            Do nothing if a trial with the same `params` exists.

        Raises
        ------
        ArgumentError
            If the study was made with a space and no configuration has `params`: a name or a value
            is not in it, they are forbidden together, or one is not active with the others.
        ArgumentTypeError
            If `params` is no dict, or the study has a storage that cannot hold a value.

        Examples
        --------
        >>> import bohb
        >>> study = bohb.create_study(pruner=bohb.HyperbandPruner(1, 3))
        >>> study.enqueue_trial({"x": 0.25})
        >>> study.optimize(
        ...     lambda trial: trial.suggest_float("x", 0, 1) + trial.suggest_float("y", 0, 1)
        ... )
        >>> study.trials[0].params["x"]
        0.25
        """
        if not isinstance(params, Mapping):
            raise ArgumentTypeError(f"params must be a dict of values by name, got {params!r}")
        params = {name: native(value) for name, value in params.items()}
        if self.space is not None:
            params = self.space.typed(params)
        if not isinstance(self._storage, InMemoryStorage):
            for name, value in params.items():
                check_json(f"params[{name!r}]", value)
            for name, value in (user_attrs or {}).items():
                check_attribute(name, value)
        super().enqueue_trial(params, user_attrs, skip_if_exists)

    def add_trial(self, trial: FrozenTrial) -> None:
        """Add a trial from elsewhere. The model learns from it; the brackets do not count it.

        If it is COMPLETE, `incumbent` and `evaluations_dataframe` count it at the highest resource.

        Parameters
        ----------
        trial
            A trial of another study, or one made by `optuna.trial.create_trial`; it is copied.

        Raises
        ------
        ArgumentError
            If the study was made with a space and no configuration has the trial's parameters, or
            its pruner has brackets and the trial's value is not finite.

        Examples
        --------
        >>> import bohb
        >>> before = bohb.create_study(pruner=bohb.HyperbandPruner(1, 3))
        >>> before.optimize(lambda trial: trial.suggest_float("x", 0, 1))
        >>> study = bohb.create_study(pruner=bohb.HyperbandPruner(1, 3))
        >>> study.add_trial(before.best_trial)
        >>> study.best_value == before.best_value
        True
        """
        trial = copy.deepcopy(trial)
        if self.space is not None:
            self.space.check(trial.params)
        if isinstance(self.pruner, SchedulePruner) and not all(
            math.isfinite(value) for value in trial.values or ()
        ):
            raise ArgumentError(f"trial must have a value that is finite, got {trial.value}")
        trial.system_attrs.pop(LEG_ATTRIBUTE, None)  # its bracket is that of another study
        super().add_trial(trial)
        self._session.notice_added()

    def add_trials_from(self, source: Source) -> int:
        """Let the model learn from the results of an earlier run, which no bracket counts.

        Values count at the resource at which they were observed. Parameters that this study's space
        does not have, and values that it does not allow, are left out. A trial that lacks
        parameters counts less: for the model it lies at a distance from complete configurations.

        Parameters
        ----------
        source
            A study of `bohb` or of Optuna with the same direction; a data frame with the columns
            ``value`` and ``params_*``, and maybe ``resource`` and ``number``, as
            `evaluations_dataframe` makes it; or the directory in which HpBandSter has left its
            ``configs.json`` and ``results.json``. Without a resource a value counts at the highest.

        Returns
        -------
        int
            How many trials were added.

        Raises
        ------
        ArgumentError
            If the source has another direction, or cannot be read.
        ArgumentTypeError
            If it is none of these.

        Examples
        --------
        >>> import bohb
        >>> def objective(trial):
        ...     return trial.suggest_float("x", 0, 1) + 1 / trial.resource
        >>> before = bohb.create_study(pruner=bohb.HyperbandPruner(1, 9))
        >>> before.optimize(objective)
        >>> study = bohb.create_study(pruner=bohb.HyperbandPruner(1, 27))
        >>> study.add_trials_from(before), len(study.evaluations())
        (15, 0)
        """
        scale = scale_of(self)
        earlier = as_trials(read_earlier(source, maximize=scale.maximize), scale, self.space)
        for trial in earlier:
            super().add_trial(trial)
        self._session.notice_added()
        return len(earlier)

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
        own = [each for each in self.evaluations() if each.bracket is not None]
        space = configuration_space_of(self.space, self.get_trials(deepcopy=False))
        return write_hpbandster(directory, own, scale_of(self), space)

    @property
    def _history(self) -> History | None:
        """The history that `BOHBSampler` reads; None where it has to read the storage itself."""
        return self._session.history

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
        noted = (failure_of(trial) for trial in self.get_trials(deepcopy=False))
        failures = [Failure.of_text(text) for text in noted if text is not None]
        return f". {most_frequent(failures)}" if failures else ""

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
        write_report: Callable[[Study, str | Path], Path]
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
        >>> study.optimize(lambda trial: trial.suggest_float("x", 1, 2) / trial.resource)
        >>> [advice.kind for advice in study.advice()]
        ['range of x']
        """
        evaluations = self.evaluations()
        return advice_on(self.get_trials(deepcopy=False), evaluations, scale_of(self))

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


def checkpoints_of(study: Study) -> Checkpoints:
    """Return the checkpoints of a study, for a caller that places them elsewhere."""
    return study._checkpoints


def silence_failures(study: Study) -> None:
    """Let a study log no failures of its trials, for a caller that tells of them in another way."""
    study._session.logs_failures = False


def release_objective(study: Study) -> None:
    """Let go of the objective that a study optimised last, and of the generators that wait in it.

    The study keeps both for another call; they may hold much memory.
    """
    study._session.forget_objective()

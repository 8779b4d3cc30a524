"""The study: Optuna's own, with trials that pause and are promoted."""

from __future__ import annotations

import concurrent.futures
import copy
import math
from collections.abc import Callable, Iterable
from numbers import Integral
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
    TrialStateError,
)
from bohb.executors import Executor, executor_for
from bohb.history import LEG_ATTRIBUTE, History, has_constraints, is_paused, scale_of
from bohb.hyperband import Resource
from bohb.objective.generator import is_generator_function, without_legs
from bohb.objective.leg_state import leg_state_of
from bohb.objective.trial import Trial, warn_of_constraints
from bohb.pruners import SchedulePruner
from bohb.samplers import BOHBSampler
from bohb.spaces import SearchSpace, native
from bohb.store.checkpoints import Checkpoints
from bohb.store.values import check_attribute, check_json
from bohb.study.compatibility import (
    refuse_blind_sampler,
    refuse_without_plan,
)
from bohb.study.exchange import (
    Source,
    as_trials,
    read_earlier,
)
from bohb.study.keeping import Keep, checked_keep
from bohb.study.limits import Limits
from bohb.study.options import Options
from bohb.study.reading import StudyReading
from bohb.study.session import Session

if TYPE_CHECKING:
    from distributed import Client


class Study(StudyReading):
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
        self._session = Session(self, self._checkpoints)

    def __repr__(self) -> str:
        return f"<bohb.Study {self.study_name!r}, {self.sampler!r}, {self.pruner!r}>"

    def __getstate__(self) -> dict[Any, Any]:
        state = super().__getstate__()
        del state["_session"]  # a copy makes a new one
        return state

    def __setstate__(self, state: dict[Any, Any]) -> None:
        super().__setstate__(state)
        self._session = Session(self, self._checkpoints)

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
        total_cost: float | None = None,
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

        At most one of `n_trials`, `n_rounds`, `n_brackets`, `total_resource` and `total_cost` is
        given; without any of them and without `timeout` one round is run. When the limit is
        reached no new trial starts, and the open brackets are finished with what they hold. A call
        that was cut off, by Ctrl-C, an exception or the end of its process, is taken up by the
        next one: its limit counts from where the first began. After Ctrl-C everything that has
        finished is kept, and KeyboardInterrupt goes on; `bohb.signals_interrupt` lets SIGTERM and
        SIGHUP do the same.

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
        total_cost
            Cost to spend at most, in the unit of ``trial.report(..., cost=...)``, which must be
            called at each rung. No new trial starts once what was spent and what it is expected to
            cost to finish the open brackets, at the mean cost so far, come to more than this.
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
                total_cost=total_cost,
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
            total_cost=total_cost,
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
            self._checked_keep(keep),
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

    def ask(self, fixed_distributions: dict[str, BaseDistribution] | None = None) -> Trial:
        """Return a trial to be trained to its `resource`: a new one, or one that was promoted.

        Never waits: while a rung is not complete, trials of the next bracket come. Only this study
        object can tell the trial. A leg that was asked for and not told when the object was
        deleted, or its process died, is given out again.

        Parameters
        ----------
        fixed_distributions
            Distributions by name, of parameters to be suggested at once.

        Raises
        ------
        StudyOwnedError
            If another live process or thread is optimising the study, or another study object has
            asked for trials that it has not told.
        ArgumentTypeError
            If `fixed_distributions` is no dict of distributions.
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
        given = arguments.dictionary(
            "fixed_distributions", fixed_distributions or {}, "distributions"
        )
        for name, distribution in given.items():
            if not isinstance(distribution, BaseDistribution):
                raise ArgumentTypeError(
                    f"fixed_distributions[{name!r}] must be a distribution of Optuna, got "
                    f"{arguments.shown(distribution)}"
                )
        refuse_blind_sampler(self)
        if not isinstance(self.pruner, SchedulePruner):
            trial = Trial._of(super().ask(), self)
            leg_state_of(trial).fill()
        else:
            trial = self._session.ask()
        for name, distribution in given.items():
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
            state = "paused, run by optimize, or asked for by another study object"
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
            If `params` or `user_attrs` is no dict with names as keys, or the study has a storage
            that cannot hold a value.

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
        arguments.dictionary("params", params, "values")
        arguments.dictionary("user_attrs", user_attrs or {}, "attributes")
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
            its pruner has brackets and the trial's value is not finite, or its number of values is
            not that of the study's directions.
        ArgumentTypeError
            If `trial` is none.

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
        if not isinstance(trial, FrozenTrial):
            raise ArgumentTypeError(
                "trial must be one that has been made, as by optuna.trial.create_trial, got "
                f"{arguments.shown(trial)}"
            )
        if trial.values is not None and len(trial.values) != len(self.directions):
            raise ArgumentError(
                f"trial must have {len(self.directions)} values, one for each direction of the "
                f"study, got {trial.values}"
            )
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
        if source is self:
            raise ArgumentError("source must be another study, got this one")
        scale = scale_of(self)
        if scale.further:
            raise ArgumentError(
                "add_trials_from() needs a study of one direction, as the results of others have "
                f"one value, got one of {1 + len(scale.further)}"
            )
        earlier = as_trials(read_earlier(source, maximize=scale.maximize), scale, self.space)
        for trial in earlier:
            super().add_trial(trial)
        self._session.notice_added()
        return len(earlier)

    def _checked_keep(self, keep: Keep) -> int | None:
        most = checked_keep(keep)
        if most is not None and len(self.directions) > 1:
            raise ArgumentError(
                f"keep must be 'all' in a study of {len(self.directions)} directions, where no "
                f"trial is the best, got {keep!r}"
            )
        return most

    @property
    def _history(self) -> History | None:
        """The history that `BOHBSampler` reads; None where it has to read the storage itself."""
        return self._session.history


def checkpoints_of(study: Study) -> Checkpoints:
    """Return the checkpoints of a study, for a caller that places them elsewhere."""
    return study._checkpoints


def silence_failures(study: Study) -> None:
    """Let a study log no failures of its trials, and no limit that its first bracket exceeds.

    This is for a caller that tells of both in its own words.
    """
    study._session.logs_failures = False


def release_objective(study: Study) -> None:
    """Let go of the objective that a study optimised last, and of the generators that wait in it.

    The study keeps both for another call; they may hold much memory.
    """
    study._session.forget_objective()

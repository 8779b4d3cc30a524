"""The dispatch: the way of a leg to an executor, and of its result back into the study."""

from __future__ import annotations

import abc
import contextlib
import secrets
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

import cloudpickle

from bohb.errors import ArgumentError, ExecutorError, WorkerLostError
from bohb.executors import Executor
from bohb.history import as_sampled, forget_cached_trials, live_trial
from bohb.objective.leg_state import leg_state_of
from bohb.objective.objective import LegResult, Objective, Outcome
from bohb.objective.stop import StopSignal
from bohb.objective.trial import Trial
from bohb.remote.mailbox import Mailbox
from bohb.remote.result import PortableError, RemoteResult, write_down
from bohb.remote.worker import Assignment, EndOfCall
from bohb.samplers import BOHBSampler
from bohb.store.ledger import SEED, TrialOverError
from bohb.store.stored_study import StoredStudy, ledger_of, sent_along


def dispatch_of(
    study: StoredStudy,
    objective: Objective,
    executor: Executor,
    stop: StopSignal,
    leg_timeout: float | None,
) -> Dispatch:
    """Return the dispatch of `objective` on `executor`.

    Raises
    ------
    ArgumentError
        If the executor needs an objective that can be pickled, and this one cannot be.
    """
    if executor.is_local:
        return LocalDispatch(objective, executor)
    return RemoteDispatch(study, objective, executor, stop, leg_timeout)


class Dispatch(abc.ABC):
    """The way of an objective's legs to one executor and back, in one call of `optimize`."""

    def __init__(self, objective: Objective, executor: Executor) -> None:
        self.objective = objective
        self.executor = executor

    @property
    @abc.abstractmethod
    def continues(self) -> bool:
        """Whether a promoted trial goes on from where it stood."""

    @abc.abstractmethod
    def submit(self, trial: Trial, keep: Callable[[], frozenset[int]]) -> Future[Any]:
        """Give the leg of `trial` to the executor; `keep` returns whose generators are kept."""

    @abc.abstractmethod
    def result(self, future: Future[Any], trial: Trial) -> LegResult:
        """Return the result of a leg that is done, after all that it wrote is in the study."""

    @abc.abstractmethod
    def keep_only(self, keep: Callable[[], frozenset[int]]) -> None:
        """Let go of the generators that are not to wait any more."""

    def salvage(self, future: Future[Any], trial: Trial) -> None:  # noqa: B027 - legs may write
        """Write into the study what is known of a leg that will not come back."""

    def worker_for(self, trial: Trial) -> Hashable:
        """Return the worker in which the generator of `trial` waits, if one does."""
        return None

    def stop(self) -> None:  # noqa: B027 - legs of this process see the stop signal themselves
        """Let the legs under way end at their next report."""

    def close(self, keep: frozenset[int]) -> None:  # noqa: B027 - not all have anything to end
        """Note that the call is over; the generators of the trials to `keep` go on waiting."""


@dataclass(frozen=True)
class _LocalTask:
    """One leg in this process, on the study's own trial."""

    objective: Objective
    trial: Trial
    number: int
    resource: float
    previous_resource: float

    def __call__(self, shared: Callable[[], Any]) -> LegResult:
        forget_cached_trials(self.trial.study)
        return self.objective.run_leg(self.trial)


class LocalDispatch(Dispatch):
    """Legs in the memory of this process: the objective has the study's own trial."""

    @property
    def continues(self) -> bool:
        """Whether the objective is a generator, which waits in memory."""
        return self.objective.continues

    def submit(self, trial: Trial, keep: Callable[[], frozenset[int]]) -> Future[Any]:
        """Let the executor run the objective on `trial`."""
        leg = leg_state_of(trial).needed_leg("leg")
        resources = leg.resource, leg.previous_resource
        return self.executor.submit(_LocalTask(self.objective, trial, trial.number, *resources))

    def result(self, future: Future[Any], trial: Trial) -> LegResult:
        """Return the result; the leg itself has written all else into the study."""
        error = _error_of(future)
        if error is not None:
            return LegResult(Outcome.LOST, error=error)
        result: LegResult = future.result()
        return result

    def keep_only(self, keep: Callable[[], frozenset[int]]) -> None:
        """Close the generators that are not to wait any more."""
        if self.objective.n_paused:
            self.objective.keep_only(keep())


class RemoteDispatch(Dispatch):
    """Legs outside this process. What they need travels there, and what they did travels back."""

    def __init__(
        self,
        study: StoredStudy,
        objective: Objective,
        executor: Executor,
        stop: StopSignal,
        leg_timeout: float | None,
    ) -> None:
        super().__init__(objective, executor)
        self._study = study
        self._ledger = ledger_of(study)
        self._stop = stop
        self._leg_timeout = leg_timeout
        self._shared = executor.share(_pickled(objective.function, study, executor))
        self._seed = seed_of(study)
        self._mailbox = Mailbox(study.checkpoint_root, study.study_name)
        self._names: dict[Future[Any], str] = {}

    @property
    def continues(self) -> bool:
        """Whether the objective is a generator, and waits where its next leg can be sent."""
        return self.objective.continues and self.executor.is_sticky

    def worker_for(self, trial: Trial) -> Hashable:
        """Return the worker in which the generator of `trial` waits, if one does."""
        return self.objective.places.get(trial.number)

    def submit(self, trial: Trial, keep: Callable[[], frozenset[int]]) -> Future[Any]:
        """Send the leg of `trial` to the executor."""
        places = self.objective.places
        state = leg_state_of(trial)
        leg = state.needed_leg("leg")
        proposed, seed = sent_along(trial.study, trial.number) or ({}, self._seed)
        if leg.rung == 0 and not proposed:
            proposed = proposed_for(trial)
        assignment = Assignment(
            study_name=self._study.study_name,
            objective=self.objective.token,
            sequence=next(self.objective.sequence),
            keep=keep() if self.objective.continues or places else frozenset(),
            leg=leg,
            scale=state.scale,
            marks=state.marks,
            frozen=live_trial(trial),
            proposed=proposed,
            seed=seed,
            checkpoint_root=self._study.checkpoint_root,
            mailbox=self._mailbox.directory,
            seconds_left=self._stop.seconds_left(),
            leg_timeout=self._leg_timeout,
            keeps_generator=self.executor.is_sticky,
        )
        worker = places.pop(trial.number, None)
        future = self.executor.submit(assignment, self._shared, worker)
        self._names[future] = assignment.name
        return future

    def result(self, future: Future[Any], trial: Trial) -> LegResult:
        """Return the result, and write into the study what the leg has written in its worker."""
        error = _error_of(future)
        if error is not None:
            self.salvage(future, trial)
            return LegResult(Outcome.LOST, error=error)
        returned: RemoteResult = future.result()
        if returned.outcome is Outcome.NOT_BEGUN and returned.error is not None:
            self._names.pop(future)
            return LegResult(Outcome.INTERRUPTED, error=self._cannot_load(returned.error))
        self._mailbox.forget(self._names.pop(future))
        if returned.is_paused:
            self.objective.places[trial.number] = self.executor.worker_of(future)
        try:
            write_down(returned.writes, trial, self._ledger)
        except TrialOverError:
            return LegResult(Outcome.OVER)
        if returned.wants_stop == "interrupt":
            return LegResult(Outcome.INTERRUPTED, error=KeyboardInterrupt("in a worker"))
        if returned.wants_stop is not None:
            self._stop.tell(now=returned.wants_stop == "now")
        return returned.result()

    def _cannot_load(self, reason: PortableError) -> ExecutorError:
        error = ExecutorError(
            f"the workers of {type(self.executor).__name__} cannot load the objective: "
            f"{reason.line}. "
            "What it needs must be installed where they are; a module of one's own can be sent by "
            "Dask's upload_file, by Ray's runtime_env, or with "
            "cloudpickle.register_pickle_by_value(module)"
        )
        error.__cause__ = reason.restored()
        return error

    def salvage(self, future: Future[Any], trial: Trial) -> None:
        """Write into the study what a leg has left in its mailbox."""
        with contextlib.suppress(TrialOverError):
            write_down(self._mailbox.take(self._names.pop(future)), trial, self._ledger)

    def keep_only(self, keep: Callable[[], frozenset[int]]) -> None:
        """Forget where generators wait that are not kept; the next legs tell their workers."""
        places = self.objective.places
        if places:
            for number in places.keys() - keep():
                del places[number]

    def stop(self) -> None:
        """Let the legs under way end at their next report."""
        self._mailbox.stop()

    def close(self, keep: frozenset[int]) -> None:
        """Tell the workers that the call is over."""
        try:
            self.executor.tell_all(end_of(self.objective, keep))
        finally:
            self._mailbox.close()


def end_of(objective: Objective, keep: frozenset[int] = frozenset()) -> EndOfCall:
    """Return the message by which workers keep only the generators of the trials to `keep`."""
    keep = keep & objective.places.keys()
    return EndOfCall(objective.token, keep, next(objective.sequence))


def _error_of(future: Future[Any]) -> WorkerLostError | None:
    """Return why a leg is lost, if it is."""
    if future.cancelled():
        return WorkerLostError("the leg was cancelled by its executor")
    error = future.exception()
    if error is None or isinstance(error, WorkerLostError):
        return error
    # Dask and Ray write whole paragraphs into such errors, and the first line says what happened.
    reason = str(error).strip().partition("\n")[0]
    lost = WorkerLostError(f"the leg was lost with its worker: {type(error).__name__}: {reason}")
    lost.__cause__ = error
    return lost


def _pickled(function: Callable[[Any], Any], study: StoredStudy, executor: Executor) -> bytes:
    try:
        return bytes(cloudpickle.dumps((function, study.space)))
    except Exception as error:  # whatever the objects inside the objective raise
        raise ArgumentError(
            f"func must be picklable for {type(executor).__name__}, whose "
            f"workers are other processes, got {function!r}: {error}. Make what cannot be pickled "
            "(open files, locks, connections) inside it, or use threads: n_jobs"
        ) from error


def seed_of(study: StoredStudy) -> int:
    """Return the seed from which workers draw: the sampler's, or one that is kept in the study."""
    if isinstance(study.sampler, BOHBSampler):
        return study.sampler.seed
    ledger = ledger_of(study)
    seed = ledger.read(SEED)
    if seed is None:
        seed = secrets.randbits(32)
        ledger.write(SEED, seed)
    return int(seed)


def proposed_for(trial: Trial) -> dict[str, Any]:
    """Return what the sampler proposes for the parameters that other trials have had.

    A worker cannot ask the sampler, so each of them is proposed here, before it is known whether
    the objective will suggest it. The trial that the sampler sees has the values proposed so far.
    """
    study = trial.study
    frozen = as_sampled(trial)
    proposed = {
        name: value for name, value in trial.relative_params.items() if name not in frozen.params
    }
    relative = trial.relative_search_space or {}
    frozen.params.update(proposed)
    frozen.distributions.update({name: relative[name] for name in proposed})
    history = study._history
    known = history.distributions(without=trial.number) if history else {}
    for name, distribution in known.items():
        if name not in frozen.params and not distribution.single():
            value = study.sampler.sample_independent(study, frozen, name, distribution)
            proposed[name] = frozen.params[name] = value
            frozen.distributions[name] = distribution
    return proposed

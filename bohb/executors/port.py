"""The port: the interface between a study and whatever runs its legs."""

from __future__ import annotations

import abc
import contextlib
import math
import queue
import threading
import time
from collections.abc import Callable, Hashable, Iterable
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from bohb.errors import ExecutorError

if TYPE_CHECKING:
    from typing_extensions import Self

T_co = TypeVar("T_co", covariant=True)
T = TypeVar("T")

_SLICE_SECONDS = 0.5


class Task(Protocol[T_co]):
    """One leg, as an executor sees it: something to call, and how much work it is.

    It never raises: what the objective raises is part of its result. A future that ends with
    an exception says that the leg is lost, with its worker or on the way.
    """

    @property
    def number(self) -> int:
        """The trial's number."""
        ...

    @property
    def resource(self) -> float:
        """How far the trial is to be trained."""
        ...

    @property
    def previous_resource(self) -> float:
        """How far it was trained before."""
        ...

    def __call__(self, shared: Callable[[], Any]) -> T_co:
        """Run the leg; `shared` returns the value that `Executor.share` was given."""
        ...


class Executor(abc.ABC):
    """Runs legs: in this thread, in threads, in processes or on a cluster.

    To write your own, implement `n_workers` and `start`; the rest has defaults.

    Examples
    --------
    >>> from concurrent.futures import Future
    >>> class Immediate(Executor):
    ...     is_local = True
    ...     n_workers = 1
    ...     def start(self, task, shared, worker):
    ...         future = Future()
    ...         future.set_result(task(lambda: shared))
    ...         return future
    >>> import bohb
    >>> study = bohb.create_study(pruner=bohb.HyperbandPruner(1, 3))
    >>> study.optimize(lambda trial: trial.suggest_float("x", 0, 1), executor=Immediate())
    >>> len(study.trials)
    5
    """

    is_local: bool = False
    """Whether legs run in this process and may use its memory; else they are pickled."""

    is_sticky: bool = False
    """Whether a leg can be sent to the worker that ran another one, by its name."""

    is_simulated: bool = False
    """Whether its clock is not that of the world, so that nobody else can work beside it."""

    grace_seconds: float = 5.0
    """The seconds that a leg has to end by itself when it is told to, before it is killed."""

    def __init__(self) -> None:
        self._finished: queue.SimpleQueue[Future[Any]] = queue.SimpleQueue()
        self._use = threading.Lock()

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """Return this executor itself: it stands for workers, of which there are no copies."""
        return self

    def open(self) -> None:
        """Take hold of the executor for one call of `optimize`.

        Raises
        ------
        ExecutorError
            If another call has it.
        """
        if not self._use.acquire(blocking=False):
            raise ExecutorError(
                f"executor must not be used by two calls of optimize at once, got a "
                f"{type(self).__name__} that is in use: make another one"
            )

    def close(self) -> None:
        """Give back what was held for the legs of one call of `optimize`."""
        try:
            self._release()
        finally:
            # A leg that ends later puts its future into the old queue, which nobody reads.
            self._finished = queue.SimpleQueue()
            with contextlib.suppress(RuntimeError):  # it was not opened
                self._use.release()

    def _release(self) -> None:  # noqa: B027 - not all hold anything
        """Give back what is held."""

    @property
    @abc.abstractmethod
    def n_workers(self) -> int:
        """How many legs can run at the same time. It may change at any moment."""

    def submit(self, task: Task[T], shared: Any = None, worker: Hashable = None) -> Future[T]:
        """Take `task` to be run with `shared`, on that `worker` if it is still there."""
        future = self.start(task, shared, worker)
        future.add_done_callback(self._finished.put)
        return future

    @abc.abstractmethod
    def start(self, task: Task[T], shared: Any, worker: Hashable) -> Future[T]:
        """Take `task` to be run, and return its future.

        Parameters
        ----------
        task
            Called in the worker with a function that returns what was shared; returns the result.
        shared
            What `share` returned, or None.
        worker
            The name of the worker that should run it, as `worker_of` gave it; None for any.

        Returns
        -------
        Future
            It has what the task returns. One that ends with an exception, or is cancelled, says
            that the leg was lost.
        """

    def wait(self, timeout: float | None = None) -> list[Future[Any]]:
        """Return the futures that are done since the last call, in that order.

        Waits for at least one of them, but not longer than `timeout` seconds; None waits for ever.
        """
        deadline = math.inf if timeout is None else time.monotonic() + timeout
        while self._finished.empty() and (left := deadline - time.monotonic()) > 0:
            # The wait is cut into slices, because Ctrl-C cannot interrupt a long one everywhere.
            with contextlib.suppress(queue.Empty):
                return [self._finished.get(timeout=min(left, _SLICE_SECONDS)), *self._rest()]
        return self._rest()

    def nudge(self) -> None:
        """Let `wait` return soon, as something else has come up."""
        self._finished.put(Future())

    def _rest(self) -> list[Future[Any]]:
        finished = []
        while not self._finished.empty():
            finished.append(self._finished.get())
        return finished

    def share(self, value: bytes) -> Any:
        """Return what `submit` is to be given for `value`, which is a pickled objective."""
        return value

    def worker_of(self, future: Future[Any]) -> Hashable:
        """Return the name of the worker that runs or ran the task of `future`, if it is known."""
        return None

    def has_begun(self, future: Future[Any]) -> bool:
        """Return whether the task of `future` has begun to run, and waits for no worker."""
        return True

    def n_attempts(self, future: Future[Any]) -> int:
        """Return how many attempts at its leg a lost `future` has used up.

        That is 0 if it was lost through no fault of its own.
        """
        return 1

    def tell_all(self, function: Callable[[], None]) -> None:  # noqa: B027 - not all can
        """Let the workers that are outside this process call `function`, as far as possible."""

    def has_room(self, worker: Hashable) -> bool:
        """Return whether a task for `worker` can be sent now; it can if the worker is gone."""
        return True

    def kill(self, futures: Iterable[Future[Any]]) -> set[Future[Any]]:
        """End the tasks of `futures` where they stand, and return those that cannot be ended."""
        return {future for future in futures if not future.cancel()}

    def now(self) -> float:
        """Return the seconds on this executor's clock."""
        return time.monotonic()


def constant(value: T) -> Callable[[], T]:
    """Return a function that returns `value`: what was shared within this process."""
    return lambda: value

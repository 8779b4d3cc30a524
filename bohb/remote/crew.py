"""The crew: what the processes that work on one study write for each other into its storage.

One process leads: it decides, and gives legs to the others. Each of the others has a place, a small
number, and two attributes of the study, each of them written by one side alone: its note says who
it is, that it lives, and what came of its legs; its orders say what it is to run. All of it is
JSON, and it does not grow: a result is dropped from the note once it is out of the orders.
"""

from __future__ import annotations

import os
import socket
import time
import traceback
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from optuna.storages import InMemoryStorage
from optuna.storages.journal import JournalStorage

from bohb.errors import RemoteError
from bohb.history import as_tuple
from bohb.hyperband import Leg
from bohb.machine import machine_name, process_exists
from bohb.objective.objective import LegResult, Outcome, text_of
from bohb.remote.result import stand_in
from bohb.store.ledger import Ledger
from bohb.store.legs import LegMarks, Span

if TYPE_CHECKING:
    from typing_extensions import Self

CALL = "bohb:ended"  # the call of `optimize` that has ended last, and the error that it ended with
_NOTE, _ORDERS = "bohb:worker:", "bohb:orders:"
_PAUSE, _PAUSE_IN_FILE = 1.0, 0.25  # seconds
_LONGEST_TEXT = 1500  # characters of a traceback that travel

Ending: TypeAlias = Literal["soon", "now"]


def longest_pause(ledger: Ledger) -> float:
    """Return the longest time between two looks: to look into a file disturbs nobody else."""
    is_cheap = isinstance(ledger.storage, (InMemoryStorage, JournalStorage))
    return _PAUSE_IN_FILE if is_cheap else _PAUSE


def note_key(place: int) -> str:
    """Return the attribute of the study that the worker at `place` writes."""
    return f"{_NOTE}{place}"


def orders_key(place: int) -> str:
    """Return the attribute of the study by which the worker at `place` is told what to do."""
    return f"{_ORDERS}{place}"


@dataclass(frozen=True, slots=True)
class WrittenError:
    """An exception as it can be written: no object of another process is ever unpickled.

    Attributes
    ----------
    kinds
        The names of its class and of the classes above it.
    text
        What it says.
    described
        The end of its traceback.
    """

    kinds: list[str]
    text: str
    described: str

    @classmethod
    def of(cls, error: BaseException) -> Self:
        """Return `error` as it can be written."""
        described = "".join(traceback.format_exception(error))
        return cls(
            [_name_of(kind) for kind in type(error).__mro__],
            text_of(error)[:_LONGEST_TEXT],
            described[-_LONGEST_TEXT:],
        )

    def restored(self, known: Sequence[type[Exception]]) -> Exception:
        """Return an exception of the first of the `known` classes that it belongs to.

        Where it belongs to none, it is a RemoteError. Its cause has the traceback.
        """
        name = self.kinds[0].rpartition(":")[2]
        kind = next((each for each in known if _name_of(each) in self.kinds), None)
        error = stand_in(kind, name, self.text, f"{name}: {self.text}")
        error.__cause__ = RemoteError(f"\n\n{self.described}")
        return error


def _name_of(kind: type) -> str:
    return f"{kind.__module__}:{kind.__qualname__}"


@dataclass(frozen=True, slots=True)
class Order:
    """One leg that a worker is to run.

    Attributes
    ----------
    token
        Tells this order from every other one, also from an earlier one for the same leg.
    trial_id
        Optuna's id of the trial.
    leg, marks
        The leg, and what tells it from other legs of the trial.
    proposed
        What the sampler proposes for parameters that other trials have had.
    seed
        The seed of the random streams from which all other parameters are drawn.
    """

    token: str
    trial_id: int
    leg: Leg
    marks: LegMarks
    proposed: dict[str, Any]
    seed: int

    def written(self) -> dict[str, Any]:
        """Return the order as JSON has it."""
        return {**asdict(self), "marks": list(self.marks)}

    @classmethod
    def read(cls, written: Mapping[str, Any]) -> Self:
        """Return the order that was written."""
        return cls(
            **{
                **written,
                "leg": Leg(**written["leg"]),
                "marks": LegMarks(*written["marks"]),
            }
        )


@dataclass(frozen=True, slots=True)
class Done:
    """What came of an order.

    Attributes
    ----------
    token
        That of the order.
    outcome, value
        As in `LegResult`.
    failure
        The exception that ended the leg, if the objective raised one.
    span
        When and where the leg ran.
    is_waiting
        Whether the generator of the trial waits in the worker.
    """

    token: str
    outcome: str
    value: str | None = None
    failure: WrittenError | None = None
    span: Span | None = None
    is_waiting: bool = False

    @classmethod
    def of(cls, token: str, result: LegResult, *, is_waiting: bool) -> Self:
        """Return the result of the order of this token as it can be written."""
        failed = result.outcome in (Outcome.FAILED, Outcome.LOST)
        return cls(
            token,
            result.outcome.name,
            # As a text: JSON has no infinity.
            None if result.value is None else " ".join(map(repr, as_tuple(result.value))),
            WrittenError.of(result.error) if failed and result.error is not None else None,
            result.span,
            is_waiting,
        )

    def result(self, known: Sequence[type[Exception]]) -> LegResult:
        """Return the result, with an exception of one of the `known` classes if it is of any."""
        values = tuple(map(float, (self.value or "").split()))
        value = values[0] if len(values) == 1 else values or None
        return LegResult(
            Outcome[self.outcome],
            value,
            None if self.failure is None else self.failure.restored(known),
            self.span,
        )

    def written(self) -> dict[str, Any]:
        """Return this as JSON has it."""
        return {name: value for name, value in asdict(self).items() if value is not None}

    @classmethod
    def read(cls, written: Mapping[str, Any]) -> Self:
        """Return what was written."""
        failure, span = written.get("failure"), written.get("span")
        return cls(
            **{
                **written,
                "failure": None if failure is None else WrittenError(**failure),
                "span": None if span is None else Span(*span),
            }
        )


@dataclass(slots=True)
class Note:
    """What a worker says of itself.

    Attributes
    ----------
    token
        Tells this worker from every other one that has had its place.
    host, machine, pid, since
        Where it runs, and since when.
    room
        How many legs it runs at the same time; none before the place is known to be its own.
    lease
        The seconds of silence after which it counts as dead.
    beat
        When it was last known to live, in seconds since 1970.
    call
        The call of `optimize` that it has joined.
    done
        What came of its orders, as long as the orders stand.
    waiting
        The trials whose generators wait in it.
    shown
        The last finished trial that its callbacks were shown, by its count in the orders.
    wants_stop
        How soon the study is to end, if its objective or a callback has called `study.stop()`.
    has_left
        Whether it has left.
    """

    call: str
    room: int
    lease: float
    token: str = field(default_factory=lambda: uuid.uuid4().hex)
    host: str = field(default_factory=socket.gethostname)
    machine: str = field(default_factory=machine_name)
    pid: int = field(default_factory=os.getpid)
    since: float = field(default_factory=time.time)
    beat: float = field(default_factory=time.time)
    done: list[Done] = field(default_factory=list)
    waiting: list[int] = field(default_factory=list)
    shown: int = 0
    wants_stop: Ending | None = None
    has_left: bool = False

    def written(self) -> dict[str, Any]:
        """Return the note as JSON has it."""
        plain = {each.name: getattr(self, each.name) for each in fields(self)}
        return {**plain, "done": [each.written() for each in self.done]}

    @classmethod
    def read(cls, written: Mapping[str, Any]) -> Self:
        """Return the note that was written."""
        return cls(**{**written, "done": [Done.read(each) for each in written["done"]]})

    @property
    def is_alive(self) -> bool:
        """Whether the worker is known to live; on this machine its process must exist."""
        if self.has_left or time.time() - self.beat > self.lease:
            return False
        return self.machine != machine_name() or process_exists(self.pid)


@dataclass(slots=True)
class Orders:
    """What the worker at one place is told.

    Attributes
    ----------
    worker
        The token of the worker that they are for.
    orders
        The legs that it is to run.
    finished
        Trials that have finished after their last leg ran there, each with a count: they are shown
        to the callbacks.
    stop
        Whether the legs are to end at their next report.
    """

    worker: str
    orders: list[Order] = field(default_factory=list)
    finished: list[tuple[int, int]] = field(default_factory=list)
    stop: bool = False

    def written(self) -> dict[str, Any]:
        """Return the orders as JSON has them."""
        return {
            "worker": self.worker,
            "orders": [order.written() for order in self.orders],
            "finished": self.finished,
            "stop": self.stop,
        }

    @classmethod
    def read(cls, written: Mapping[str, Any]) -> Self:
        """Return the orders that were written."""
        return cls(
            written["worker"],
            [Order.read(each) for each in written["orders"]],
            [(count, number) for count, number in written["finished"]],
            written["stop"],
        )


def notes_in(attributes: Mapping[str, Any]) -> dict[int, Note]:
    """Return the notes among the attributes of a study, by place; also of those who are gone."""
    found = {}
    for key, written in attributes.items():
        if key.startswith(_NOTE) and written is not None:
            found[int(key[len(_NOTE) :])] = Note.read(written)
    return found


def orders_in(attributes: Mapping[str, Any], place: int) -> Orders | None:
    """Return the orders for the worker at `place`."""
    written = attributes.get(orders_key(place))
    return None if written is None else Orders.read(written)

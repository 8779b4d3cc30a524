"""The result of a leg that comes back from a worker, with all that the leg has written."""

from __future__ import annotations

import pickle
import traceback
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, cast

import cloudpickle

from bohb.errors import RemoteError
from bohb.history import Value, live_trial
from bohb.objective.objective import LegResult, Outcome, text_of
from bohb.objective.trial import Trial
from bohb.remote.mailbox import Write
from bohb.store.ledger import Ledger
from bohb.store.legs import Span

if TYPE_CHECKING:
    from typing_extensions import Self


@dataclass(frozen=True)
class PortableError:
    """An exception on its way from a worker to the study.

    Attributes
    ----------
    error, kind
        The exception and its class, pickled; None where that cannot be unpickled again.
    text
        The message of the exception.
    line
        The message with the name of the exception's class.
    described
        The traceback as text.
    """

    error: bytes | None
    kind: bytes | None
    text: str
    line: str
    described: str

    @classmethod
    def of(cls, error: BaseException) -> Self:
        """Return `error` in a form that can travel."""
        return cls(
            _pickled(error),
            _pickled(type(error)),
            text_of(error),
            "".join(traceback.format_exception_only(error)).strip(),
            "".join(traceback.format_exception(error)),
        )

    def restored(self) -> Exception:
        """Return the exception as it was, else one of its class, else a RemoteError.

        Its cause has the traceback in the worker.
        """
        error = _unpickled(self.error)
        if not isinstance(error, Exception):
            kind = _unpickled(self.kind)
            error = stand_in(kind, getattr(kind, "__qualname__", ""), self.text, self.line)
        error.__cause__ = RemoteError(f"\n\n{self.described}")
        return error


def stand_in(kind: Any, qualified: str, text: str, line: str) -> Exception:
    """Return an exception of the class `kind`, under a `qualified` name, that says `text`.

    `catch` must recognise it. It is made without `__init__`, whose arguments are not known. Where
    it cannot be made it is a RemoteError that says `line`.
    """
    try:
        names = {"__module__": kind.__module__, "__qualname__": qualified}
        made = type(qualified.rpartition(".")[2], (kind,), {**names, "__str__": lambda _: text})
        return cast(Exception, made.__new__(made, text))
    except Exception:  # the class is not known here, or cannot be made in this way
        return RemoteError(line)


@dataclass(frozen=True)
class RemoteResult:
    """What a worker gives back for one leg.

    Attributes
    ----------
    outcome, value, error, span
        As in `LegResult`, with an error that can travel.
    writes
        All that the leg has written about its trial, in order.
    is_paused
        Whether its generator waits in the worker.
    wants_stop
        How soon the study is to end, if the objective called `trial.study.stop()`; or
        ``"interrupt"`` if it raised KeyboardInterrupt, which the study is then to raise.
    """

    outcome: Outcome
    value: Value | None = None
    error: PortableError | None = None
    writes: tuple[Write, ...] = ()
    is_paused: bool = False
    wants_stop: Literal["soon", "now", "interrupt"] | None = None
    span: Span | None = None

    def result(self) -> LegResult:
        """Return the result in the form that legs in the study's own process give it."""
        error = None if self.error is None else self.error.restored()
        return LegResult(self.outcome, self.value, error, self.span)


def write_down(writes: Iterable[Write], trial: Trial, ledger: Ledger) -> None:
    """Write into the study what a leg in a worker has written about `trial` there.

    What the study has already is left out: a leg that is run again writes the same once more.
    """
    trial_id, frozen = trial._trial_id, live_trial(trial)
    for kind, key, value, *more in writes:
        if kind == "param":
            if key not in frozen.params:
                ledger.set_param(trial_id, key, value, more[0])
                frozen.distributions[key] = more[0]
                frozen.params[key] = more[0].to_external_repr(value)
        elif kind == "value":
            if frozen.intermediate_values.get(key) != value:
                ledger.set_value(trial_id, key, value)
                frozen.intermediate_values[key] = value
        elif kind == "user_attr":
            ledger.set_user_attr(trial_id, key, value)
            frozen.user_attrs[key] = value
        elif frozen.system_attrs.get(key) != value:
            ledger.set_system_attr(trial_id, key, value)
            frozen.system_attrs = {**frozen.system_attrs, key: value}


def _pickled(value: Any) -> bytes | None:
    """Return `value` as bytes; None if it cannot be pickled, or not be unpickled again."""
    try:
        data = bytes(cloudpickle.dumps(value))
    except Exception:  # whatever the methods of somebody's class raise
        return None
    return None if _unpickled(data) is None else data


def _unpickled(data: bytes | None) -> Any:
    """Return what was pickled; None if it cannot be unpickled here."""
    try:
        return None if data is None else pickle.loads(data)  # noqa: S301 - our own have written it
    except Exception:  # whatever the methods of somebody's class raise
        return None

"""What comes back from a worker: how a leg ended, and all that it has written of its trial."""

from __future__ import annotations

import pickle
import traceback
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, cast

import cloudpickle

from bohb.errors import RemoteError
from bohb.study.exchange import Write
from bohb.study.objective import LegResult, Outcome, text_of

if TYPE_CHECKING:
    from typing_extensions import Self


@dataclass(frozen=True)
class PortableError:
    """An exception on its way from a worker to the study.

    Attributes
    ----------
    error, kind
        The exception and its class, pickled; None for what cannot be brought back from that.
    text
        What it says.
    line
        The same with the name of its class.
    described
        Its traceback as text.
    """

    error: bytes | None
    kind: bytes | None
    text: str
    line: str
    described: str

    @classmethod
    def of(cls, error: Exception) -> Self:
        """Return `error` such that it can travel."""
        return cls(
            _pickled(error),
            _pickled(type(error)),
            text_of(error),
            "".join(traceback.format_exception_only(error)).strip(),
            "".join(traceback.format_exception(error)),
        )

    def restored(self) -> Exception:
        """Return the exception as it was, else as one of its class, else a RemoteError.

        Its cause has the traceback in the worker.
        """
        error = _unpickled(self.error)
        if not isinstance(error, Exception):
            error = self._of_its_kind()
        error.__cause__ = RemoteError(f"\n\n{self.described}")
        return error

    def _of_its_kind(self) -> Exception:
        """Return an exception of the same class, as `catch` sees it, without its contents."""
        kind, text = _unpickled(self.kind), self.text
        try:
            names = {"__module__": kind.__module__, "__qualname__": kind.__qualname__}
            stand_in = type(kind.__name__, (kind,), {**names, "__str__": lambda _: text})
            return cast(Exception, stand_in.__new__(stand_in, text))
        except Exception:  # there is no such class here, or it wants more
            return RemoteError(self.line)


@dataclass(frozen=True)
class Returned:
    """What a worker gives back for one leg.

    Attributes
    ----------
    outcome
        How the leg ended.
    writes
        What it has written of its trial, in order.
    error
        The exception that ended it, if one did.
    is_paused
        Whether its generator waits in the worker.
    wants_stop
        How soon, if the objective called `trial.study.stop()`.
    """

    outcome: Outcome
    writes: list[Write]
    error: PortableError | None = None
    is_paused: bool = False
    wants_stop: Literal["soon", "now"] | None = None

    def result(self) -> LegResult:
        """Return how the leg ended, as the study's own legs say it."""
        return LegResult(self.outcome, None if self.error is None else self.error.restored())


def _pickled(value: Any) -> bytes | None:
    """Return `value` as bytes; None if it cannot be pickled, or not be brought back from that."""
    try:
        data = bytes(cloudpickle.dumps(value))
    except Exception:  # whatever the methods of somebody's class raise
        return None
    return None if _unpickled(data) is None else data


def _unpickled(data: bytes | None) -> Any:
    """Return what was pickled, or None if that cannot be done here."""
    try:
        return None if data is None else pickle.loads(data)  # noqa: S301 - our own have written it
    except Exception:  # whatever the methods of somebody's class raise
        return None

"""The ledger: every write of a study into its storage, and what is read back to go on."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import math
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from optuna.distributions import BaseDistribution
from optuna.exceptions import StorageInternalError, UpdateFinishedTrialError
from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial, TrialState, create_trial

from bohb.errors import BohbError, StorageError, StudyOwnedError
from bohb.history import FIXED_PARAMS, LEG_ATTRIBUTE, PAUSED, RUNNING
from bohb.hyperband import Leg
from bohb.store.legs import LegMarks, LegRecord
from bohb.store.opening import without_secrets
from bohb.store.patience import Patience
from bohb.store.values import check_storable

ERROR_ATTRIBUTE = "bohb:error"
SETTINGS = "bohb:settings"
CLOSED = "bohb:closed"
OPEN_CALL = "bohb:call"
CALL_LIMITS = "limits"  # a key of the open call
LEASE = "bohb:owner"
SEED = "bohb:seed"
CHECKPOINT_ROOT = "bohb:checkpoint_root"
CHECKPOINT_MARK = "bohb:checkpoint_mark"

SHOWN_STANDING = "bohb:standing"  # a user attribute, which Optuna's tools show

_LONGEST_TEXT = 2000  # characters; the columns of databases have limits of their own


T = TypeVar("T")


class TrialOverError(StorageError):
    """Somebody else has ended the trial that was to be written to, such as in the dashboard."""


class Ledger:
    """Writes what happens to one study into its storage, one fact at a time.

    Each write leaves a storage that a restarted study can go on from: a leg is noted before it
    runs, its values as they come, its end when it is over.

    Parameters
    ----------
    storage, study_id, study_name
        Optuna's storage and the study in it.

    Attributes
    ----------
    patience
        How long a storage that is away is waited for.
    fence, fenced_from
        Called before each write from a moment on, on the clock of `time.monotonic`. It raises an
        error if another process holds the lease by then.
    """

    def __init__(self, storage: BaseStorage, study_id: int, study_name: str) -> None:
        self.storage = storage
        self.study_id = study_id
        self.study_name = study_name
        self.patience = Patience()
        self.fence: Callable[[], None] = _open
        self.fenced_from = math.inf

    def __getstate__(self) -> dict[str, Any]:
        return {
            **self.__dict__,
            "fence": _open,
            "fenced_from": math.inf,
        }  # a copy in another process holds no lease

    def trials(self) -> list[FrozenTrial]:
        """Return all trials of the study, uncopied."""
        return self.carry_out(
            "read the trials", lambda: self.storage.get_all_trials(self.study_id, deepcopy=False)
        )

    def trial(self, trial_id: int) -> FrozenTrial:
        """Return one trial as the storage has it."""
        return self.carry_out("read a trial", lambda: self.storage.get_trial(trial_id))

    def know(self, trial_id: int) -> None:
        """Let the storage know a trial that another process has made.

        Optuna's databases take parameters only of trials that this process has made or read.
        """
        known = getattr(self.storage, "_trial_id_to_study_id_and_number", None)
        if known is not None and trial_id not in known:
            self.trials()

    def create_trial(self, record: LegRecord, fixed: Mapping[str, Any] | None = None) -> int:
        """Write a new trial that has been given a leg, and return its id.

        `fixed` are values that it is to have for its parameters, as `enqueue_trial` gives them.
        """
        attributes = {LEG_ATTRIBUTE: _leg_attribute(record, RUNNING)}
        if fixed is not None:
            attributes[FIXED_PARAMS] = dict(fixed)
        shown = {SHOWN_STANDING: shown_place(record.leg)}
        template = create_trial(state=TrialState.RUNNING, system_attrs=attributes, user_attrs=shown)
        attempts = itertools.count()

        def create() -> int:
            if next(attempts):  # the storage may have taken it, and failed only after that
                for trial in self.storage.get_all_trials(self.study_id, deepcopy=False):
                    if LegMarks.of(trial) == record.marks:
                        return trial._trial_id
            return self.storage.create_new_trial(self.study_id, template)

        trial_id = self._write("create a trial", create)
        try:
            self.check_lease()
        except StudyOwnedError:  # this process was stopped while the storage took the trial
            self._disown(trial_id)
            raise
        return trial_id

    def _disown(self, trial_id: int) -> None:
        """Take a trial out of its bracket, and end it: whoever leads now knows nothing of it."""

        def disown() -> None:
            self.storage.set_trial_system_attr(trial_id, LEG_ATTRIBUTE, None)
            self.storage.set_trial_state_values(trial_id, TrialState.FAIL)

        self.carry_out("end a trial that came too late", disown)

    def begin_waiting_trial(self, record: LegRecord) -> int | None:
        """Give a leg to the oldest trial that was enqueued and return its id, or None.

        The leg is written before the state. After a kill between the two the trial still waits in
        the queue; in the other order it would run and belong to no bracket.
        """
        waiting = self.carry_out(
            "read the trials that were enqueued",
            lambda: self.storage.get_all_trials(
                self.study_id, deepcopy=False, states=(TrialState.WAITING,)
            ),
        )
        if not waiting:
            return None
        trial_id = waiting[0]._trial_id
        self.begin_leg(trial_id, record)
        self.set_state(trial_id, TrialState.RUNNING)
        return trial_id

    def begin_leg(self, trial_id: int, record: LegRecord) -> None:
        """Write that a trial has been given a leg."""
        self._set_trial_attribute(trial_id, LEG_ATTRIBUTE, _leg_attribute(record, RUNNING))

    def pause(self, trial_id: int, record: LegRecord) -> None:
        """Write that a trial has come to the end of its leg and waits there."""
        self._set_trial_attribute(trial_id, LEG_ATTRIBUTE, _leg_attribute(record, PAUSED))

    def end_leg(self, trial_id: int, record: LegRecord, end: str) -> None:
        """Write what the last leg of a trial has come to, before the trial gets its state."""
        self._set_trial_attribute(trial_id, LEG_ATTRIBUTE, _leg_attribute(record, end))

    def set_param(
        self, trial_id: int, name: str, value: float, distribution: BaseDistribution
    ) -> None:
        """Write the value that a trial has for a parameter, in Optuna's internal representation.

        Raises
        ------
        ArgumentError
            If the parameter has choices that the storage cannot hold.
        """
        check_storable(name, distribution, self.storage)
        self._write(
            f"write parameter {name!r}",
            lambda: self.storage.set_trial_param(trial_id, name, value, distribution),
        )

    def set_user_attr(self, trial_id: int, key: str, value: Any) -> None:
        """Write a user attribute of a trial."""
        self._write(
            f"write user attribute {key!r}",
            lambda: self.storage.set_trial_user_attr(trial_id, key, value),
        )

    def set_system_attr(self, trial_id: int, key: str, value: Any) -> None:
        """Write a system attribute of a trial."""
        self._set_trial_attribute(trial_id, key, value)

    def set_value(self, trial_id: int, step: int, value: float) -> None:
        """Write the value of a trial at `step`, in place of any that was there."""
        self._write(
            "write a report",
            lambda: self.storage.set_trial_intermediate_value(trial_id, step, value),
        )

    def set_state(
        self, trial_id: int, state: TrialState, values: Sequence[float] | None = None
    ) -> None:
        """Write the state of a trial. Once it is finished it cannot be changed any more."""
        attempts = itertools.count()

        def put() -> None:
            # A storage that has taken a state, and failed only after that, refuses it now.
            if not next(attempts) or self.storage.get_trial(trial_id).state != state:
                self.storage.set_trial_state_values(trial_id, state, values)

        self._write(f"write that a trial is {state.name}", put)

    def note_error(self, trial_id: int, message: str) -> None:
        """Write why a trial failed. Of a long text the beginning and the end are kept."""
        if len(message) > _LONGEST_TEXT:
            half = _LONGEST_TEXT // 2
            message = f"{message[: half - 5]} ... {message[-half:]}"
        self._set_trial_attribute(trial_id, ERROR_ATTRIBUTE, message)

    def read(self, key: str) -> Any:
        """Return what the study has under `key`, or None."""
        return self.attributes(key).get(key)

    def attributes(self, name: str = "the attributes") -> dict[str, Any]:
        """Return all that the study has under keys; `name` says in an error what was wanted."""
        # A copy: a storage in memory returns what other threads go on writing into.
        return self.carry_out(
            f"read {name}", lambda: dict(self.storage.get_study_system_attrs(self.study_id))
        )

    def write(self, key: str, value: Any) -> None:
        """Write `value`, which JSON must be able to hold, under `key` of the study."""
        self._write(
            f"write {key}", lambda: self.storage.set_study_system_attr(self.study_id, key, value)
        )

    def read_lease(self) -> dict[str, Any] | None:
        """Return the lease as the storage has it now, without waiting for the storage."""
        found: dict[str, Any] | None = self.carry_out(
            f"read {LEASE}",
            lambda: self.storage.get_study_system_attrs(self.study_id).get(LEASE),
            waits=False,
        )
        return found

    def write_lease(self, value: dict[str, Any]) -> None:
        """Write the lease, which needs no lease, without waiting for the storage."""
        self.carry_out(
            f"write {LEASE}",
            lambda: self.storage.set_study_system_attr(self.study_id, LEASE, value),
            waits=False,
        )

    def closed(self) -> dict[int, int]:
        """Return the brackets that were closed early, with their numbers of trials."""
        return {int(index): count for index, count in (self.read(CLOSED) or {}).items()}

    def close(self, closed: dict[int, int]) -> None:
        """Write that these brackets get no more trials than they have."""
        together = {**self.closed(), **closed}
        self.write(CLOSED, {str(index): count for index, count in together.items()})

    def _set_trial_attribute(self, trial_id: int, key: str, value: Any) -> None:
        self._write(
            f"write {key}", lambda: self.storage.set_trial_system_attr(trial_id, key, value)
        )

    def _write(self, action: str, call: Callable[[], T]) -> T:
        """Let the storage take something, as long as this process holds the lease."""

        def write() -> T:
            self.check_lease()
            return call()

        try:
            return self.carry_out(action, write)
        except StorageError:
            with contextlib.suppress(StorageError):
                self.check_lease()  # it may have failed because somebody else has gone on
            raise

    def check_lease(self) -> None:
        """Raise StudyOwnedError if this process has not beaten for long, and lost the lease."""
        if time.monotonic() > self.fenced_from:
            self.carry_out("look who leads", self.fence)

    def carry_out(self, action: str, call: Callable[[], T], *, waits: bool = True) -> T:
        """Return what `call` returns. If the storage is away, it is called again for some time.

        Raises
        ------
        StorageError
            If the storage fails; the message says what the `action` was.
        """
        try:
            result = call()
        except Exception as error:  # storages are plug-ins, so it is not known what they raise
            try:
                return self.patience.retry(call, error, waits=waits)
            except BohbError:
                raise
            except Exception as last:
                raise self.failure(action, last) from last
        self.patience.has_given_up = False
        return result

    def ride_out(self, action: str, call: Callable[[], T]) -> T:
        """Return what a call of Optuna's returns, which reaches the storage without this ledger.

        It is tried again for some time like all others. What Optuna raises for other reasons is
        raised as it is: a trial that is finished, or a distribution that the storage refuses, which
        the proxy of gRPC tells by the same class of errors by which it says that it is away.
        """
        try:
            return self.patience.carry_out(call)
        except (StorageInternalError, OSError) as error:
            raise self.failure(action, error) from error

    def failure(self, action: str, error: Exception) -> StorageError:
        """Return the error that says what could not be done to the storage, and why."""
        while error.__cause__ is not None and isinstance(error.__cause__, Exception):
            error = error.__cause__  # the words of the database's driver say most
        if isinstance(error, KeyError):  # this is how storages say that there is no such record
            return StorageError(
                f"could not {action} of study {self.study_name!r}: it is not in the storage any "
                f"more ({error})"
            )
        if isinstance(error, UpdateFinishedTrialError):
            return TrialOverError(
                f"could not {action} of study {self.study_name!r}: the trial was ended elsewhere"
            )
        details = getattr(error, "details", None)  # gRPC keeps its reason there
        said = str(details()) if callable(details) else str(error)
        reason = said.partition("\n")[0].rstrip(". ")
        return StorageError(
            f"could not {action} of study {self.study_name!r}: {type(error).__name__}: "
            f"{without_secrets(reason, self.storage)}. What the storage had taken before "
            "is still in it; once it works again, the next call goes on from there."
        )


def _open() -> None:
    """Let every write pass: the fence of a study whose lease nobody holds."""


def shown_place(leg: Leg) -> str:
    """Return in words where a leg is, for Optuna's tools."""
    return f"bracket {leg.bracket}, rung {leg.rung}, resource {leg.resource:g}"


def _leg_attribute(record: LegRecord, state: str) -> dict[str, Any]:
    attribute = {
        "bracket": record.leg.bracket,
        "rung": record.leg.rung,
        "state": state,
        "mark": record.marks.now,
        "before": record.marks.before,
    }
    if record.leg.at_top:
        attribute["at_top"] = True
    if record.leg.in_models_turn:
        attribute["in_models_turn"] = True
    if record.birth is not None:
        attribute["birth"] = list(record.birth)
    if record.spans:
        attribute["spans"] = [
            span and (round(span.began, 3), round(span.seconds, 3), span.worker)
            for span in record.spans
        ]
    if record.decisions:
        attribute["decisions"] = [
            decision and dataclasses.astuple(decision) for decision in record.decisions
        ]
    if record.origin is not None:
        attribute["origin"] = list(record.origin)
    return attribute

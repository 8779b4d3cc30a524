"""Every error that `bohb` raises on purpose.

::

    BohbError
    ├── ArgumentError            an argument's value is wrong       (also a ValueError)
    │   └── ArgumentTypeError    an argument's type is wrong        (also a TypeError)
    ├── ObjectiveError           an objective gave no number        (also both of them)
    ├── ReportError              a report that cannot be taken      (also a ValueError)
    ├── JobError                 a job file is wrong                (also a ValueError)
    ├── CommandError             a command of a job failed
    ├── LegError                 a leg that did not come to its end
    │   ├── LegTimeoutError      it took longer than leg_timeout    (also a TimeoutError)
    │   └── WorkerLostError      its worker died or was lost
    ├── RemoteError              an objective's exception that cannot leave its worker as it is
    ├── StudyError
    │   ├── UnknownStudyError    the storage has no such study      (also a KeyError)
    │   ├── AmbiguousStudyError  several studies could be meant     (also a ValueError)
    │   ├── NoResultError        there is no such result yet        (also a ValueError)
    │   ├── TrialStateError      the trial is not in a state for it (also a ValueError)
    │   ├── StudyOwnedError      somebody else is optimising it     (also a RuntimeError)
    │   ├── CallEndedError       another process has ended the call with an exception
    │   ├── SamplerError         the sampler failed while it was asked for a value
    │   ├── SettingsError        the study was begun with other settings
    │   ├── ExecutorError        the executor can run no more legs
    │   ├── TooManyFailuresError more evaluations failed than max_failures allows
    │   ├── DuplicateStudyError  the name is taken (in `bohb.study`; also Optuna's error)
    │   └── StorageError         the storage failed; what it had taken is kept
    └── MissingDependencyError   an optional library is missing     (also an ImportError)
"""

from __future__ import annotations


class BohbError(Exception):
    """The root of all errors raised by `bohb`."""

    _is_named = True  # whether the record of a failed trial begins with the name of the class


class ArgumentError(BohbError, ValueError):
    """An argument has a value that cannot be used."""


class ArgumentTypeError(ArgumentError, TypeError):
    """An argument is of a type that cannot be used."""


class ObjectiveError(BohbError, TypeError, ValueError):
    """The objective returned, yielded or reported something that is not a number."""


class ReportError(BohbError, ValueError):
    """A report has a step or a value that cannot be taken."""


class JobError(BohbError, ValueError):
    """A job file cannot be used; the message begins with the file and the line."""


class CommandError(BohbError):
    """The command of a job failed, or gave no value of its metric."""

    _is_named = False  # whoever wrote the command knows no classes of ours


class LegError(BohbError):
    """A leg did not come to its end, for a reason that is not its objective's alone."""


class LegTimeoutError(LegError, TimeoutError):
    """A leg took longer than `leg_timeout`."""


class WorkerLostError(LegError):
    """The worker of a leg died, or its result was lost on the way."""


class RemoteError(BohbError):
    """An exception of an objective that cannot leave its worker as it is; it has its text."""


class StudyError(BohbError):
    """Something is wrong with a study as a whole."""


class UnknownStudyError(StudyError, KeyError):
    """The storage has no study of this name."""

    __str__ = Exception.__str__  # a KeyError would show its message in quotes


class AmbiguousStudyError(StudyError, ValueError):
    """The storage has several studies, or none, and no name says which is meant."""


class NoResultError(StudyError, ValueError):
    """The study has no result of the kind that was asked for."""


class TrialStateError(StudyError, ValueError):
    """The trial is not in a state in which this can be done to it."""


class StudyOwnedError(StudyError, RuntimeError):
    """Another live process or thread, or an outer call, is optimising this study."""


class CallEndedError(StudyError):
    """The call of `optimize` was ended by an exception in another process, which is the cause."""


class SamplerError(StudyError):
    """The sampler failed while it was asked for a value; the trial is not to blame."""


class SettingsError(StudyError):
    """The study in the storage was begun with other settings."""


class ExecutorError(StudyError):
    """The executor can run no more legs. Everything that has finished is kept."""


class TooManyFailuresError(StudyError):
    """A larger share of the evaluations failed than `max_failures` allows."""


class StorageError(StudyError):
    """The storage failed. Everything it had taken before is still in it."""


class MissingDependencyError(BohbError, ImportError):
    """An optional library is needed and is not installed."""

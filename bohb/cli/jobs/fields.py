"""The base of the parts of a job file, which are models of pydantic, and the types of fields.

pydantic finds all faults at once and derives the JSON schema that editors use. The error messages
are put into our own words.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PlainValidator,
    ValidationError,
    model_validator,
)
from pydantic_core import ErrorDetails, InitErrorDetails, PydanticCustomError
from typing_extensions import Self

from bohb import arguments
from bohb.cli.jobs.command import GENERAL, Template
from bohb.cli.jobs.document import (
    NAME,
    Fault,
    is_meant,
    no_keys,
    not_known,
    not_one_of,
)
from bohb.errors import ArgumentError, ArgumentTypeError

_MOST = 1_000_000
_NAME = re.compile(r"[A-Za-z_][\w-]*")

P = TypeVar("P", bound="Part")


class FieldError(ArgumentError):
    """A fault at a place within the part or the value that is checked.

    Parameters
    ----------
    place
        The name of the field that is at fault, or the keys and indices that lead to it.
    """

    def __init__(self, place: str | tuple[str | int, ...], message: str) -> None:
        super().__init__(message)
        self.place = (place,) if isinstance(place, str) else place


class Part(BaseModel):
    """A part of a document that has keys. A key without a value counts as missing."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, arbitrary_types_allowed=True, use_attribute_docstrings=True
    )

    @model_validator(mode="wrap")
    @classmethod
    def _read(cls, data: Any, handler: Callable[[Any], Self]) -> Self:
        """Read the part, and put all its faults into our words."""
        if not isinstance(data, Mapping):
            raise ArgumentTypeError(no_keys(data))
        known = [field.alias or name for name, field in cls.model_fields.items()]
        unknown = {key: not_known(key, known) for key in data if key not in known}
        details = [_detail((key,), message) for key, message in unknown.items()]
        made = None
        try:
            made = handler({k: v for k, v in data.items() if k in known and v is not None})
            details += [_detail(fault.place, str(fault)) for fault in made.faults()]
        except ValidationError as error:
            for found in error.errors(include_url=False):
                # A key that is misspelt is reported as unknown, and not as missing once more.
                if found["type"] != "missing" or not is_meant(found["loc"][-1], unknown.values()):
                    details.append(_reworded(found))
        if made is None or details:
            raise ValidationError.from_exception_data(cls.__name__, details)
        return made

    def faults(self) -> Iterator[FieldError]:
        """Yield the faults of fields that are right by themselves but do not fit together."""
        yield from ()


def read_part(model: type[P], value: Any) -> tuple[P | None, list[Fault]]:
    """Return the content of a document as an instance of `model`, or None and all its faults."""
    try:
        return model.model_validate(value), []
    except ValidationError as error:
        found = error.errors(include_url=False)
        return None, [Fault(tuple(each["loc"]), _text(each)) for each in found]


def _detail(place: tuple[str | int, ...], message: str) -> InitErrorDetails:
    return InitErrorDetails(
        type=PydanticCustomError("fault", "{text}", {"text": message}), loc=place, input=None
    )


def _reworded(error: ErrorDetails) -> InitErrorDetails:
    cause = error.get("ctx", {}).get("error")
    place = error["loc"]
    if isinstance(cause, FieldError):
        place = (*place, *cause.place)
    elif place[-1:] == ("[key]",):  # pydantic's mark for a key that is wrong, not its value
        place = place[:-1]
    return _detail(place, _text(error))


def _text(error: ErrorDetails) -> str:
    """Return the message of an error of pydantic."""
    if error["type"] == "missing":
        return f"{NAME} is missing"
    if error["type"] == "dict_type":
        return no_keys(error["input"])
    if error["type"] == "list_type":
        return f"{NAME} must be a list, got {error['input']!r}"
    cause = error.get("ctx", {}).get("error")
    return error["msg"] if cause is None else str(cause)


# The types of fields: each check takes a name and a value, and raises ArgumentError


def checked_by(check: Callable[..., Any], schema: Any, **options: Any) -> Any:
    """Return an annotation that makes ``check(name, value)`` the only validation of a field.

    `schema` is the type that the JSON schema shows for the field.
    """

    def checked(value: Any) -> Any:
        try:
            return check(NAME, value, **options)
        except ArithmeticError as error:  # a number beyond what a float holds
            raise ArgumentError(f"{NAME} cannot be used: {error}") from error

    return PlainValidator(checked, json_schema_input_type=schema)


def _that_is(
    wanted: str,
    fits: Callable[[Any], bool],
    first: Callable[[str, Any], Any] = lambda _, value: value,
) -> Callable[[str, Any], Any]:
    """Return the check that a value is as `wanted`, after a `first` check."""

    def check(name: str, value: Any) -> Any:
        given = first(name, value)
        if not fits(given):
            raise ArgumentError(f"{name} must be {wanted}, got {value!r}")
        return given

    return check


text_of = _that_is("a string", lambda value: isinstance(value, str) and value != "")
_flag = _that_is("true or false", lambda value: isinstance(value, bool))
_whole = _that_is(
    "an integer", lambda value: isinstance(value, int) and not isinstance(value, bool)
)
_finite = _that_is("finite", math.isfinite, arguments.number)
_factor = _that_is("greater than 1", lambda value: 1 < value < math.inf, arguments.number)
_percent = _that_is(
    "greater than 0 and less than 100", lambda value: 0 < value < 100, arguments.number
)


def _count(name: str, value: Any) -> int:
    """Return a count that is small enough to be planned."""
    given = arguments.count(name, value)
    if given > _MOST:
        raise ArgumentError(f"{name} must be at most {_MOST}, got {value!r}")
    return given


def n_jobs(name: str, value: Any) -> int:
    """Return a number of commands to run at the same time; -1 stands for one per processor."""
    if value == -1 or (isinstance(value, int) and not isinstance(value, bool) and value > 0):
        return int(value)
    raise ArgumentError(
        f"{name} must be a number of commands, or -1 for one per processor, got {value!r}"
    )


def parameter_name(name: str, value: Any) -> str:
    """Return `value`, which must be a name that a command can use for a value."""
    if not isinstance(value, str) or not _NAME.fullmatch(value):
        raise ArgumentError(
            f"{name} must have a name that begins with a letter or _ and has only letters, "
            f"digits, _ and -, got {value!r}"
        )
    if value in GENERAL:
        raise ArgumentError(
            f"{name} needs another name: {{{{ {value} }}}} stands for something else"
        )
    return value


def _job_name(name: str, value: Any) -> str:
    given = str(text_of(name, value))
    if os.sep in given or given != given.strip():
        raise ArgumentError(f"{name} must have no {os.sep} and no blanks around it, got {given!r}")
    return given


def _pattern(name: str, value: Any) -> re.Pattern[str]:
    try:
        return re.compile(text_of(name, value))
    except re.error as error:
        raise ArgumentError(
            f"{name} must be a regular expression, got {value!r}: {error}"
        ) from error


def _template(name: str, value: Any) -> Template:
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise ArgumentTypeError(f"{name} must be a string, got {value!r}")
    return Template.parse(str(value))


def one_of(name: str, value: Any, *, choices: Sequence[str]) -> str:
    """Return `value`, which must be one of `choices`."""
    if value not in choices:
        raise ArgumentError(f"{name} {not_one_of(value, choices)}")
    return str(value)


Text = Annotated[str, checked_by(text_of, str)]
Flag = Annotated[bool, checked_by(_flag, bool)]
Number = Annotated[float, checked_by(arguments.number, float)]
Finite = Annotated[float, checked_by(_finite, float)]
Positive = Annotated[float, checked_by(arguments.positive, Annotated[float, Field(gt=0)])]
Share = Annotated[float, checked_by(arguments.share, Annotated[float, Field(ge=0, le=1)])]
Percent = Annotated[float, checked_by(_percent, Annotated[float, Field(gt=0, lt=100)])]
Factor = Annotated[float, checked_by(_factor, Annotated[float, Field(gt=1)])]
Whole = Annotated[int, checked_by(_whole, int)]
Count = Annotated[int, checked_by(arguments.count, Annotated[int, Field(ge=1)])]
CountFromZero = Annotated[int, checked_by(arguments.count, Annotated[int, Field(ge=0)], least=0)]
Budget = Annotated[int, checked_by(_count, Annotated[int, Field(ge=1, le=_MOST)])]
Jobs = Annotated[int, checked_by(n_jobs, Annotated[int, Field(ge=-1)])]
JobName = Annotated[str, checked_by(_job_name, str)]
Pattern = Annotated[re.Pattern[str], checked_by(_pattern, str)]
TemplateText = Annotated[Template, checked_by(_template, str | int | float)]
Direction = Annotated[
    Literal["minimize", "maximize"],
    checked_by(one_of, Literal["minimize", "maximize"], choices=("minimize", "maximize")),
]


def of_kind(name: str, value: Any, *, models: Mapping[str, type[P]]) -> P:
    """Return `value` as one of `models`, which its key ``kind`` names."""
    if not isinstance(value, Mapping):
        raise ArgumentTypeError(no_keys(value))
    if value.get("kind") is None:
        raise FieldError("kind", f"{NAME} is missing: one of {', '.join(models)}")
    try:
        kind = one_of(NAME, value["kind"], choices=tuple(models))
    except ArgumentError as error:
        raise FieldError("kind", str(error)) from error
    return models[kind].model_validate(dict(value))

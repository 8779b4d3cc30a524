"""The base of the parts of a job file, which are models of pydantic, and the types of fields.

pydantic finds all faults at once and derives the JSON schema that editors use. Its error messages
are put into our own words.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PlainValidator,
    ValidationError,
    WrapValidator,
    model_validator,
)
from pydantic_core import ErrorDetails, InitErrorDetails, PydanticCustomError
from typing_extensions import Self

from bohb.cli.jobs.command import GENERAL, Template
from bohb.cli.jobs.document import NAME, is_meant, no_keys, not_known, not_one_of
from bohb.errors import ArgumentError

Place: TypeAlias = tuple[str | int, ...]


class FieldError(ArgumentError):
    """A fault at a place within the part that is checked: the keys and indices that lead to it."""

    def __init__(self, message: str, *place: str | int) -> None:
        super().__init__(message)
        self.place = place


class Part(BaseModel):
    """A part of a document that has keys. A key without a value counts as missing."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        strict=True,
        arbitrary_types_allowed=True,
        use_attribute_docstrings=True,
    )

    @model_validator(mode="wrap")
    @classmethod
    def _read(cls, data: Any, handler: Callable[[Any], Self]) -> Self:
        """Read the part, and put all its faults into our words."""
        if not isinstance(data, dict):
            raise ArgumentError(no_keys(data))
        known = [field.alias or name for name, field in cls.model_fields.items()]
        unknown = {key: not_known(key, known) for key in data if key not in known}
        faults: list[tuple[Place, str]] = [((key,), text) for key, text in unknown.items()]
        try:
            made = handler({k: v for k, v in data.items() if k in known and v is not None})
            faults += [(fault.place, str(fault)) for fault in made.faults()]
        except ValidationError as error:
            # A key that is misspelt is reported as unknown, and not as missing once more.
            faults += [
                reworded(each)
                for each in error.errors(include_url=False)
                if each["type"] != "missing" or not is_meant(each["loc"][-1], unknown.values())
            ]
        if faults:
            details = [_detail(place, text) for place, text in faults]
            raise ValidationError.from_exception_data(cls.__name__, details)
        return made

    def faults(self) -> Iterator[FieldError]:
        """Yield the faults of fields that are right by themselves but do not fit together."""
        yield from ()


def _detail(place: Place, text: str) -> InitErrorDetails:
    fault = PydanticCustomError("fault", "{text}", {"text": text})
    return InitErrorDetails(type=fault, loc=place, input=None)


def reworded(error: ErrorDetails) -> tuple[Place, str]:
    """Return the place and the message of an error of pydantic."""
    place, given, context = error["loc"], error["input"], error.get("ctx", {})
    cause = context.get("error")
    match error["type"]:
        case "fault" | "value_error":
            place = (*place, *getattr(cause, "place", ()))
            return place, error["msg"] if cause is None else str(cause)
        case "missing":
            return place, f"{NAME} is missing"
        case "dict_type" | "model_attributes_type":
            return place, no_keys(given)
        case "union_tag_invalid":
            choices = re.findall("'(.*?)'", context["expected_tags"])
            return (*place, "kind"), not_one_of(given["kind"], choices)
        case "literal_error":
            return place, not_one_of(given, re.findall("'(.*?)'", context["expected"]))
        case "bool_type":
            return place, f"{NAME} must be true or false, got {given!r}"
    wanted = re.sub(r"^\w+ should |(?<=item) after validation, not \d+", "", error["msg"])
    for theirs, ours in _WORDS.items():
        wanted = wanted.replace(theirs, ours)
    return place, f"{NAME} must {wanted}, got {given!r}"


_WORDS = {  # of pydantic, and what we say in their place
    "a valid integer": "an integer",
    "a valid ": "a ",
    "less than or equal to": "at most",
    "greater than or equal to": "at least",
    "have at least 1 item": "have at least one value",
}


def made_by(make: Callable[[Any], Any], wanted: str) -> PlainValidator:
    """Return the validator that takes what `make` returns; the value is to be as `wanted`."""

    def made(value: Any) -> Any:
        try:
            return make(value)
        except (AttributeError, TypeError, ValueError, re.error) as error:
            why = f": {error}" if isinstance(error, re.error) else ""
            raise ArgumentError(f"{NAME} must be {wanted}, got {value!r}{why}") from error

    return PlainValidator(made, json_schema_input_type=str)


def _parameter_name(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z_][\w-]*", value):
        raise ArgumentError(
            f"{NAME} must have a name that begins with a letter or _ and has only letters, "
            f"digits, _ and -, got {value!r}"
        )
    if value in GENERAL:
        raise ArgumentError(
            f"{NAME} needs another name: {{{{ {value} }}}} stands for something else"
        )
    return value


def _job_name(value: str) -> str:
    if os.sep in value or value != value.strip():
        raise ArgumentError(f"{NAME} must have no {os.sep} and no blanks around it, got {value!r}")
    return value


def _template(value: Any) -> Template:
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise ArgumentError(f"{NAME} must be a string, got {value!r}")
    return Template.parse(str(value))


def n_jobs(value: Any, name: str = NAME) -> int:
    """Return a number of commands to run at the same time; -1 stands for one per processor."""
    if isinstance(value, bool) or not isinstance(value, int) or not (value == -1 or value > 0):
        raise ArgumentError(
            f"{name} must be a number of commands, or -1 for one per processor, got {value!r}"
        )
    return value


def needs_kind(kinds: Iterable[str]) -> Callable[[Any], Any]:
    """Return the check that a part says of which of these kinds it is."""

    def checked(value: Any) -> Any:
        if isinstance(value, dict) and value.get("kind") is None:
            raise FieldError(f"{NAME} is missing: one of {', '.join(kinds)}", "kind")
        return value

    return checked


def _bounded(low: float, high: float) -> WrapValidator:
    """Return the validator that names both bounds where a number is beyond one of them."""

    def checked(value: Any, check: Callable[[Any], Any]) -> Any:
        try:
            return check(value)
        except ValidationError as error:
            if isinstance(value, bool) or not isinstance(value, (int, float)):
                raise
            message = f"{NAME} must be between {low:g} and {high:g}, got {value!r}"
            raise ArgumentError(message) from error

    return WrapValidator(checked)


_AS_WRITTEN = WrapValidator(lambda value, check: (check(value), value)[1])  # 9 stays an integer

Number = Annotated[float, _AS_WRITTEN]
Finite = Annotated[float, Field(allow_inf_nan=False), _AS_WRITTEN]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False), _AS_WRITTEN]
Factor = Annotated[float, Field(gt=1, allow_inf_nan=False), _AS_WRITTEN]
Percent = Annotated[float, Field(gt=0, lt=100), _bounded(0, 100)]
Share = Annotated[float, Field(ge=0, le=1), _bounded(0, 1)]
Count = Annotated[int, Field(ge=1)]
CountFromZero = Annotated[int, Field(ge=0)]
Budget = Annotated[int, Field(ge=1, le=1_000_000)]
Text = Annotated[str, Field(min_length=1)]
Direction = Literal["minimize", "maximize"]
Jobs = Annotated[int, PlainValidator(lambda value: n_jobs(value), json_schema_input_type=int)]
JobName = Annotated[Text, AfterValidator(_job_name)]
ParameterName = Annotated[str, AfterValidator(_parameter_name)]
Pattern = Annotated[re.Pattern[str], made_by(re.compile, "a regular expression")]
TemplateText = Annotated[
    Template, PlainValidator(_template, json_schema_input_type=str | int | float)
]

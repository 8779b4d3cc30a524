"""The public surface: every name that users can hold on to, and what importing it brings along.

What the packages hand on in ``__all__`` is public, with the parameters of its functions and the
members of its classes. All of it stands in ``public_surface.txt``. Where that is meant to change::

    python tests/test_public_surface.py > tests/public_surface.txt
"""

from __future__ import annotations

import importlib
import inspect
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import optuna
import pytest
import typer

import bohb
import bohb.study
from bohb import errors
from bohb.cli.app import app

LISTING = Path(__file__).with_name("public_surface.txt")
SOURCE = Path(bohb.__file__).parent
PACKAGES = [
    "bohb",
    "bohb.study",
    "bohb.executors",
    "bohb.sklearn",
    "bohb.visualization",
    "bohb.visualization.plotly",
    "bohb.hyperband",
    "bohb.model",
    "bohb.errors",
]


def public(package: str) -> list[tuple[str, object]]:
    module = importlib.import_module(package)
    kinds = (name for name, value in vars(module).items() if isinstance(value, type))
    return [(name, getattr(module, name)) for name in sorted(getattr(module, "__all__", kinds))]


def is_ours(kind: object) -> bool:
    return getattr(kind, "__module__", "").partition(".")[0] == "bohb"


LISTED = {value for package in PACKAGES for _, value in public(package) if inspect.isclass(value)}


def signature(function: object) -> str:
    """Return the parameters of a function by name, those after a star by keyword only."""
    shown = []
    for parameter in inspect.signature(function).parameters.values():
        if parameter.name in ("self", "cls"):
            continue
        if parameter.kind is parameter.KEYWORD_ONLY and "*" not in shown:
            shown.append("*")
        star = {parameter.VAR_POSITIONAL: "*", parameter.VAR_KEYWORD: "**"}.get(parameter.kind, "")
        shown.append(f"{star}{parameter.name}")
    return f"({', '.join(shown)})"


def members(kind: type) -> Iterator[str]:
    """Give the public members of a class of ours, without those of a base that has its own."""
    found: dict[str, object] = {}
    for base in reversed(kind.__mro__):
        if is_ours(base) and (base is kind or base not in LISTED):
            found.update(vars(base))
            found.update(dict.fromkeys(inspect.get_annotations(base)))
    for name, member in sorted(found.items()):
        if not name.startswith("_"):
            function = getattr(member, "__func__", member)
            yield f".{name}{signature(function) if inspect.isfunction(function) else ''}"


def lines_of(package: str) -> Iterator[str]:
    for name, value in public(package):
        whole = f"{package}.{name}"
        if package != "bohb" and name in bohb.__all__:
            yield f"{whole} = bohb.{name}"
        elif not is_ours(value):
            yield whole
        elif inspect.isfunction(value):
            yield whole + signature(value)
        elif issubclass(value, Exception):
            yield f"{whole}({', '.join(base.__name__ for base in value.__bases__)})"
        else:
            yield whole + signature(value)
            yield from (whole + member for member in members(value))


def commands() -> Iterator[str]:
    """Give the commands of the command line, with their arguments and options."""
    group = typer.main.get_command(app)
    for name, command in sorted(group.commands.items()):
        words = ["/".join(parameter.opts) for parameter in command.params]
        yield f"$ bohb {name} {' '.join(words)}"


def attributes() -> list[str]:
    """Return the keys of all that is written into a storage."""
    sources = [path.read_text() for path in SOURCE.rglob("*.py")]
    return sorted({key for text in sources for key in re.findall(r'"(bohb:\w+)', text)})


def surface() -> str:
    lines = [line for package in PACKAGES for line in lines_of(package)]
    return "\n".join([*lines, *commands(), *attributes()]) + "\n"


def test_every_public_name_is_listed():
    now, listed = surface().splitlines(), LISTING.read_text().splitlines()
    appeared, gone = sorted({*now} - {*listed}), sorted({*listed} - {*now})
    assert (appeared, gone) == ([], [])
    assert now == listed


def test_every_attribute_in_a_storage_is_explained():
    page = (SOURCE.parent / "docs" / "concepts" / "storage.md").read_text()
    assert [key for key in attributes() if f"`{key}`" not in page] == []


def test_every_public_name_is_in_the_reference():
    page = (SOURCE.parent / "docs" / "reference.md").read_text()
    whole = set(re.findall(r"automodule:: (\S+)", page))
    assert "bohb.errors" in whole
    names = {
        name
        for package in PACKAGES
        if package not in whole
        for name, value in public(package)
        if is_ours(value) and (package == "bohb" or name not in bohb.__all__)
    }
    names -= {kind.__name__ for kind in vars(errors).values() if isinstance(kind, type)}
    assert names - {*re.findall(r":: bohb\.(?:\w+\.)?(\w+)", page)} == set()


MADE_BY_FUNCTIONS = {bohb.Study, bohb.Trial}  # nobody calls these classes
RECORDS = {"Evaluation", "Incumbent", "Leg", "Minimum", "Standing"}  # nothing to show
INTERFACES = {"Schedule", "Task"}
DOCUMENTED = [
    pytest.param(value, id=f"{package}.{name}")
    for package in PACKAGES
    for name, value in public(package)
    if package not in ("bohb.model", "bohb.errors")
    and (inspect.isclass(value) or inspect.isfunction(value))
    and is_ours(value)
    and not (inspect.isclass(value) and issubclass(value, Exception))
]


@pytest.mark.parametrize("value", DOCUMENTED)
def test_a_public_docstring_tells_all_parameters_and_has_an_example(value):
    told = inspect.getdoc(value)
    if value not in MADE_BY_FUNCTIONS:
        # A line of names, as NumPy's style has it, possibly several of them.
        names = re.findall(r"^([\w*, \\\n]+)\n    \S", told, re.MULTILINE)
        listed = {name for line in names for name in re.findall(r"\w+", line)}
        taken = set(inspect.signature(value).parameters) - {"self", "args", "kwargs"}
        assert taken - listed == set()
    if value.__name__ not in RECORDS | INTERFACES:
        assert ">>>" in told


def test_objects_show_no_more_than_is_listed():
    listed = set(re.findall(r"\w+", LISTING.read_text()))
    study, plain = bohb.create_study(pruner=bohb.HyperbandPruner(1, 3)), optuna.create_study()
    for ours, optunas in ((study, plain), (study.ask(), plain.ask())):
        more = {name for name in dir(ours) if not name.startswith("_")} - {*dir(optunas)}
        assert more - listed == set()
    for thing in (bohb.BOHBSampler(), study.pruner):
        assert {name for name in vars(thing) if not name.startswith("_")} - listed == set()


def test_importing_bohb_imports_nothing_heavy():
    program = (
        "import sys, bohb; "
        "print([name for name in ('ConfigSpace', 'statsmodels', 'pandas', 'matplotlib', 'sklearn', "
        "'scipy', 'sqlalchemy') if name in sys.modules])"
    )
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, check=True, text=True
    )
    assert run.stdout.strip() == "[]"


def test_every_error_is_a_bohb_error_and_drawn_in_the_tree():
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type)]
    for kind in (*kinds, bohb.study.DuplicateStudyError):
        assert issubclass(kind, bohb.BohbError)
        assert kind is bohb.BohbError or kind.__name__ in errors.__doc__


if __name__ == "__main__":
    print(surface(), end="")

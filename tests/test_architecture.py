"""The house: its floors are drawn whole, and its names and first lines say what is there."""

from __future__ import annotations

import ast
from collections import Counter
from pathlib import Path

import floors
import pytest

import bohb

ROOT = Path(__file__).parent.parent
SOURCE = Path(bohb.__file__).parent
MODULES = sorted(SOURCE.rglob("*.py"))
PAGE = (ROOT / "docs" / "architecture.md").read_text()


def test_every_room_is_on_a_floor_and_explained():
    rooms = {path.stem for path in SOURCE.iterdir() if path.suffix == ".py" or path.is_dir()}
    rooms = {name for name in rooms if not name.startswith("_") and name != "py"}
    assert {name for floor in floors.layers() for name in floor} == rooms
    assert rooms <= floors.WORDS.keys()


def test_the_picture_of_the_floors_is_drawn_from_the_code(tmp_path):
    floors.draw(tmp_path / "floors.png")
    assert (tmp_path / "floors.png").read_bytes().startswith(b"\x89PNG")
    imports = floors.imports([name for floor in floors.layers() for name in floor])
    assert imports["store"] >= {"spaces"}
    assert imports["study"] >= {"remote"}
    assert "study" not in imports["store"]


def test_what_the_page_on_the_architecture_names_is_there():
    names = {word.rstrip("/") for word in PAGE.replace("`", " ").split() if word.endswith(".py")}
    gone = [name for name in names if not list(SOURCE.rglob(name)) and not (ROOT / name).exists()]
    assert gone == []


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_the_first_line_of_a_module_says_what_it_is(module):
    told = ast.get_docstring(ast.parse(module.read_text()))
    if module.name == "_version.py":
        return
    asking = ("What", "How", "Who", "Where", "When", "Whether", "Which", "Why")
    assert told
    assert told.split()[0] not in asking


def test_no_two_classes_share_a_name():
    names = Counter(
        node.name
        for module in MODULES
        for node in ast.walk(ast.parse(module.read_text()))
        if isinstance(node, ast.ClassDef)
    )
    assert [name for name, count in names.items() if count > 1] == []

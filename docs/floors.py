"""Draw the floors of the package from its code: the rooms, their sizes, and who imports whom.

    python docs/floors.py [docs/pictures/floors.svg]

The floors are those of the contract that `make lint` holds the imports to. An arrow leads from a
room to one that it imports; arrows are left out where a longer way says the same.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import grimp
import matplotlib as mpl
import matplotlib.pyplot as plt

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[1]
WORDS = {
    "cli": "the command line",
    "report": "one page of a study",
    "visualization": "pictures",
    "sklearn": "searches for scikit-learn",
    "integration": "callbacks for frameworks",
    "study": "decides what is done next",
    "remote": "a leg outside this process",
    "objective": "one leg of one trial",
    "store": "every read and every write",
    "across_levels": "Optuna's evolutionary samplers",
    "samplers": "Optuna's sampler",
    "pruners": "Optuna's pruners",
    "configspace": "from ConfigSpace",
    "dimensions": "one parameter, stored",
    "spaces": "declared parameters",
    "history": "between Optuna's trials and ours",
    "hyperband": "who is promoted",
    "model": "what is tried next",
    "executors": "run legs",
    "arguments": "checks",
    "logs": "messages on stderr",
    "machine": "processes here",
    "errors": "one tree",
}


@dataclass(frozen=True)
class Room:
    """A package or module just below `bohb`, and where its box is drawn."""

    name: str
    n_lines: int
    left: float
    bottom: float

    width = 2.6
    height = 0.72

    @property
    def top(self) -> tuple[float, float]:
        return self.left + self.width / 2, self.bottom + self.height

    @property
    def foot(self) -> tuple[float, float]:
        return self.left + self.width / 2, self.bottom


def layers() -> list[list[str]]:
    """Return the names of the rooms, the highest floor first."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    contracts = settings["tool"]["importlinter"]["contracts"]
    (contract,) = [contract for contract in contracts if contract["type"] == "layers"]
    return [[name.strip() for name in floor.split("|")] for floor in contract["layers"]]


def n_lines(name: str) -> int:
    """Return how many lines the code of a room has."""
    package = ROOT / "bohb" / name
    files = package.rglob("*.py") if package.is_dir() else [package.with_suffix(".py")]
    return sum(len(file.read_text().splitlines()) for file in files)


def imports(names: list[str]) -> dict[str, set[str]]:
    """Return the rooms that each room imports, without those that it reaches by another one."""
    graph = grimp.build_graph("bohb")
    found = {name: set[str]() for name in names}
    for name in names:
        whole = f"bohb.{name}"
        for module in {whole, *graph.find_descendants(whole)}:
            for imported in graph.find_modules_directly_imported_by(module):
                other = imported.split(".")[1] if "." in imported else ""
                if other in found and other != name:
                    found[name].add(other)
    reached = {name: _reached(name, found) for name in names}
    return {
        name: {other for other in own if not any(other in reached[way] for way in own - {other})}
        for name, own in found.items()
    }


def _reached(name: str, found: dict[str, set[str]]) -> set[str]:
    below = set(found[name])
    for other in found[name]:
        below |= _reached(other, found)
    return below


def rooms() -> dict[str, Room]:
    """Return all rooms, each floor centred."""
    floors = layers()
    placed = {}
    for level, floor in enumerate(reversed(floors)):
        width = len(floor) * Room.width + (len(floor) - 1) * 0.6
        for index, name in enumerate(floor):
            left = -width / 2 + index * (Room.width + 0.6)
            placed[name] = Room(name, n_lines(name), left, level * 1.15)
    return placed


def draw(path: Path) -> None:
    """Draw the picture into a file."""
    mpl.use("agg")
    mpl.rcParams["svg.hashsalt"] = "bohb"  # the same picture each time
    placed = rooms()
    height = len(layers()) * 0.78
    figure, axes = plt.subplots(figsize=(8, height), layout="constrained")
    for room in placed.values():
        box = mpl.patches.FancyBboxPatch(
            (room.left, room.bottom),
            room.width,
            room.height,
            boxstyle="round,pad=0.02,rounding_size=0.08",
            facecolor="#e8f0f7",
            edgecolor="#2b5c8a",
            zorder=2,
        )
        axes.add_patch(box)
        x, y = room.top
        title = f"{room.name}  ({room.n_lines})"
        axes.text(x, y - 0.24, title, ha="center", va="center", size=10, zorder=3)
        style = {"ha": "center", "va": "center", "size": 7.5, "color": "#444444", "zorder": 3}
        axes.text(x, y - 0.52, WORDS[room.name], **style)
    for name, others in imports(list(placed)).items():
        for other in sorted(others):
            (x, y), (other_x, other_y) = placed[name].foot, placed[other].top
            # An arrow past other floors goes round the boxes that lie between.
            bend = 0.0 if y - other_y < 1 else 0.22 if other_x >= x else -0.22
            style = {"arrowstyle": "-|>", "color": "#777777", "shrinkA": 1, "shrinkB": 1}
            style["connectionstyle"] = f"arc3,rad={bend}"
            axes.annotate("", (other_x, other_y), (x, y), arrowprops=style, zorder=1)
    axes.autoscale_view()
    axes.set_axis_off()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)
    plt.close(figure)


if __name__ == "__main__":
    draw(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs" / "pictures" / "floors.svg")

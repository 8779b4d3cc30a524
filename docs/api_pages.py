"""Write a page for each class and function that docs/reference.md lists, and an index of them.

python docs/api_pages.py [docs/api]
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

SOURCE = Path(__file__).parent / "reference.md"

# What may still change in a minor version; everything else keeps to semantic versioning.
PROVISIONAL = (
    "bohb.AcrossLevels",
    "bohb.PopulationPruner",
    "bohb.executors.SimulatedExecutor",
    "bohb.integration.",
    "bohb.study.FittedPlan",
    "bohb.study.Stretch",
    "bohb.visualization.plotly.",
)
_DIRECTIVE = re.compile(r"^\.\. auto(\w+):: (\S+)\n((?:   :.*\n)*)", re.MULTILINE)


def write(directory: Path) -> None:
    """Write all pages into a directory."""
    directory.mkdir(exist_ok=True)
    index = ["# Reference", "", "One page for each class and function."]
    for section in SOURCE.read_text().split("\n## ")[1:]:
        title, _, text = section.partition("\n")
        found = _DIRECTIVE.findall(text)
        if not found:
            continue
        index += ["", f"## {title}", ""]
        prose = re.sub(r"```\{eval-rst\}.*?```", "", text, flags=re.DOTALL).strip()
        if prose:
            index += [prose, ""]
        names = []
        for kind, name, options in found:
            names.append(name)
            _write_if_new(directory / f"{name}.md", _page(kind, name, options))
        index += [f"- [`{name}`]({name}.md)" for name in names]
        index += ["", "```{toctree}", ":hidden:", *names, "```"]
    _write_if_new(directory / "index.md", "\n".join(index) + "\n")


def _page(kind: str, name: str, options: str) -> str:
    mark = ""
    if name.startswith(PROVISIONAL):
        mark = "```{admonition} Provisional\nThis may change in a minor version.\n```\n\n"
    short = name.removeprefix("bohb.")
    return f"# {short}\n\n{mark}```{{eval-rst}}\n.. auto{kind}:: {name}\n{options}```\n"


def _write_if_new(path: Path, text: str) -> None:
    if not path.exists() or path.read_text() != text:
        path.write_text(text)


if __name__ == "__main__":
    write(Path(*sys.argv[1:] or [SOURCE.parent / "api"]))

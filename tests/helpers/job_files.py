"""Job files and scripts for the tests."""

from __future__ import annotations

import textwrap
from pathlib import Path

from pydantic import ValidationError

from bohb.cli.jobs.fields import reworded

COMMAND = '"{{ python }} train.py --lr={{ lr }} --epochs={{ epochs }}"'
RESOURCE = "resource: {name: epochs, max: 9}"
OWN = f"""
command: {COMMAND}
metric: loss
{RESOURCE}
params:
  lr: {{kind: uniform, low: 0, high: 1}}
seed: 0
"""
RANDOM = OWN.replace(RESOURCE, "method: random\nlimits: {n_trials: 3}")  # {{ epochs }} to be set

# Reports after each epoch, and goes on from where it stood.
SCRIPT = """
import argparse, json, os, pathlib

parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float)
parser.add_argument("--epochs", type=int)
options = parser.parse_args()
state = pathlib.Path(os.environ["BOHB_CHECKPOINT_DIR"]) / "epoch"
done = int(state.read_text()) if state.exists() else 0
for epoch in range(done + 1, options.epochs + 1):
    print(json.dumps({"step": epoch, "loss": abs(options.lr - 0.3) + 1 / epoch}))
state.write_text(str(options.epochs))
with open("epochs-trained", "a") as file:
    file.write("x" * (options.epochs - done))
"""


def write(directory: Path, text: str = OWN, script: str = SCRIPT, name: str = "job.yml") -> Path:
    """Write a job file with its script into a directory, and return the path of the file."""
    directory.mkdir(exist_ok=True)
    (directory / "train.py").write_text(textwrap.dedent(script))
    path = directory / name
    path.write_text(textwrap.dedent(text))
    return path


def part_of(model, document):
    """Return the content of a document as an instance of `model`, or raise the error of a file."""
    try:
        return model.model_validate(document.value)
    except ValidationError as error:
        for place, text in map(reworded, error.errors()):
            document.at(*place).refuse(text)
        raise document.error() from None

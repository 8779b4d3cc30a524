"""DeepCAVE opens what a study exports.

Its newest release, 1.4.1, takes Python below 3.11 and an older ConfigSpace than ours, so that it
has an environment of its own. BOHB_DEEPCAVE_PYTHON names the interpreter of one that has
``deepcave`` and ``hpbandster``; without it the test is skipped.
"""

import json
import os
import subprocess

import pytest

import bohb

PYTHON = os.environ.get("BOHB_DEEPCAVE_PYTHON")
OPENS = """
import json, sys
from pathlib import Path
from deepcave.runs.converters.bohb import BOHBRun
run = BOHBRun.from_path(Path(sys.argv[1]))
rows = [[trial.budget, trial.costs[0]] for trial in run.history]
print(json.dumps({"budgets": run.get_budgets(), "rows": rows, "names": list(run.configspace)}))
"""


@pytest.mark.skipif(PYTHON is None, reason="BOHB_DEEPCAVE_PYTHON names no interpreter")
@pytest.mark.parametrize("direction", ["minimize", "maximize"])
def test_deepcave_opens_an_exported_study(tmp_path, direction):
    sign = 1 if direction == "minimize" else -1

    def objective(trial):
        if trial.number == 3:
            raise ValueError
        x, n = trial.suggest_float("x", 0, 1), trial.suggest_int("n", 1, 5)
        kind = trial.suggest_categorical("kind", ["a", "b"])
        return sign * ((x - 0.4) ** 2 + n / 9 + (kind == "b") + 1 / trial.resource)

    study = bohb.create_study(
        direction=direction,
        sampler=bohb.BOHBSampler(seed=0),
        pruner=bohb.HyperbandPruner(1, 27),
    )
    study.optimize(objective, catch=ValueError)
    command = [PYTHON, "-W", "ignore", "-c", OPENS, str(study.export_hpbandster(tmp_path))]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=120)
    run = json.loads(done.stdout.splitlines()[-1])
    assert set(run["budgets"]) >= {1, 3, 9, 27}
    assert set(run["names"]) == {"x", "n", "kind"}
    assert len(run["rows"]) == len(study.evaluations())
    best = min(cost for budget, cost in run["rows"] if budget == 27)
    assert best == pytest.approx(sign * study.best_value)

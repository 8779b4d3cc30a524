"""Long and hard: many trials in one process, and a study that is killed again and again.

    python benchmarks/endurance.py trials --n-trials 20000
    python benchmarks/endurance.py kills --n-kills 200

`trials` prints the time and the memory that each tenth of a study costs, beside those of a plain
study of Optuna that keeps the same values. `kills` starts a study with four worker processes on a
journal file, kills it (SIGKILL) at a random moment, from before its workers have begun to after
they have evaluated something, and starts it again. After each kill all that was evaluated before
must still be there as it was; in the end the study must equal one that was never interrupted. Both
take minutes and are not part of ``make bench``.
"""

from __future__ import annotations

import argparse
import json
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import optuna
import pandas as pd
import psutil

import bohb
from bohb.executors import ProcessExecutor

SAMPLERS = {
    "random": lambda: bohb.BOHBSampler(seed=0, random_fraction=1.0),
    "density": lambda: bohb.BOHBSampler(seed=0, model="density"),
    "auto": lambda: bohb.BOHBSampler(seed=0),
}


# Many trials


def loss(trial: optuna.Trial) -> float:
    x, n = trial.suggest_float("x", -5, 5), trial.suggest_int("n", 1, 100, log=True)
    kind = trial.suggest_categorical("kind", ["a", "b", "c"])
    return (x - 1) ** 2 + abs(n - 10) / 10 + (kind == "a")


def loop(trial: bohb.Trial) -> float:
    value = loss(trial)
    for epoch in range(1, 82):
        trial.report(value + 1 / epoch, epoch)
        if trial.should_prune():
            raise bohb.TrialPruned
    return value


class Meter:
    """A callback that notes what each tenth of a study costs."""

    def __init__(self, n_trials: int) -> None:
        self._tenth = max(1, n_trials // 10)
        self._process = psutil.Process()
        self._count, self._began = 0, time.process_time()
        self._memory = self._process.memory_info().rss

    def __call__(self, study: optuna.Study, trial: optuna.trial.FrozenTrial) -> None:
        self._count += 1
        if self._count % self._tenth == 0:
            now, memory = time.process_time(), self._process.memory_info().rss
            print(
                f"{self._count:>8,}  {1000 * (now - self._began) / self._tenth:>12.2f}  "
                f"{(memory - self._memory) / 1000 / self._tenth:>12.2f}  {memory / 1e6:>6.0f}",
                flush=True,
            )
            self._began, self._memory = time.process_time(), memory


def run_trials(n_trials: int, sampler: str) -> None:
    header = "  trials  ms per trial  kB per trial  MB in all"
    print(f"bohb, {sampler}\n{header}")
    study = bohb.create_study(sampler=SAMPLERS[sampler](), pruner=bohb.HyperbandPruner(1, 81))
    study.optimize(loop, n_trials=n_trials, callbacks=[Meter(n_trials)])
    n_reports = sum(len(trial.intermediate_values) for trial in study.trials) / len(study.trials)
    print(f"Optuna alone, with {n_reports:.0f} reports for each trial\n{header}")

    def same(trial: optuna.Trial) -> float:
        value = loss(trial)
        for epoch in range(round(n_reports)):
            trial.report(value, epoch)
        return value

    plain = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    plain.optimize(same, n_trials=n_trials, callbacks=[Meter(n_trials)])


# A study that is killed

N_WORKERS = 4
N_ROUNDS = 160  # some 40 of its 10,400 evaluations between two kills
PRUNER = bohb.HyperbandPruner(1, 27)
UNIT_SECONDS = 0.02
TRAINING_SECONDS = 2.0  # a study is killed at the latest so long after its first evaluation
SPACE = {"x": optuna.distributions.FloatDistribution(0, 1)}


def units(trial: bohb.Trial) -> float:
    x = trial.params["x"]
    with (trial.checkpoint_dir / "units.txt").open("a") as file:
        for unit in range(trial.previous_resource + 1, trial.resource + 1):
            time.sleep(UNIT_SECONDS)
            trial.report((x - 0.3) ** 2 + 1 / unit, unit)
            file.write(f"{unit}\n")
            file.flush()
            if trial.should_prune():
                raise bohb.TrialPruned
    return (x - 0.3) ** 2 + 1 / trial.resource


def study_in(directory: Path | None) -> bohb.Study:
    return bohb.create_study(
        study_name="killed",
        storage=None if directory is None else directory / "study.journal",
        sampler=SAMPLERS["random"](),
        pruner=PRUNER,
        space=SPACE,
        load_if_exists=True,
        checkpoint_root=None if directory is None else directory / "checkpoints",
    )


def live(directory: Path) -> None:
    """Run the study, until it ends or this process does."""
    study = study_in(directory)
    print("begun", flush=True)
    study.optimize(units, n_rounds=N_ROUNDS, in_total=True, executor=ProcessExecutor(N_WORKERS))
    print("done", flush=True)


def evaluations(study: bohb.Study) -> pd.DataFrame:
    return study.evaluations_dataframe().sort_values(["number", "rung"]).reset_index(drop=True)


def seconds_to_first(command: list[str]) -> float:
    """Return how long such a study takes on this machine until something is evaluated."""
    with tempfile.TemporaryDirectory() as name:
        process = subprocess.Popen([*command[:-1], name], stdout=subprocess.PIPE)
        process.stdout.readline()
        began = time.monotonic()
        while evaluations(study_in(Path(name))).empty:
            time.sleep(0.1)
        process.kill()
        process.communicate()
        return time.monotonic() - began


def check_kept(before: pd.DataFrame, after: pd.DataFrame) -> None:
    merged = before.merge(after, on=["number", "rung"], suffixes=("", "_after"))
    assert len(merged) == len(before)
    assert (merged["value"] == merged["value_after"]).all()
    assert (merged["params_x"] == merged["params_x_after"]).all()


def run_kills(n_kills: int, seed: int) -> None:
    whole = study_in(None)
    whole.optimize(
        lambda trial: (trial.params["x"] - 0.3) ** 2 + 1 / trial.resource, n_rounds=N_ROUNDS
    )
    expected = evaluations(whole)
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        command = [sys.executable, __file__, "live", str(directory)]
        latest = seconds_to_first(command) + TRAINING_SECONDS
        moments = np.random.default_rng(seed).uniform(0, latest, n_kills)
        before, n_ended = pd.DataFrame({"number": [], "rung": [], "value": [], "params_x": []}), 0
        for kills, moment in enumerate(moments, start=1):
            process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
            process.stdout.readline()
            workers = psutil.Process(process.pid).children(recursive=True)
            time.sleep(moment)
            workers += psutil.Process(process.pid).children(recursive=True)
            process.send_signal(signal.SIGKILL)
            n_ended += b"done" in process.communicate()[0]
            _, alive = psutil.wait_procs(workers, timeout=10)
            assert not alive, f"workers live on: {alive}"
            after = evaluations(study_in(directory))
            check_kept(before, after)
            before = after
            if kills % 20 == 0:
                print(f"{kills} kills, {len(after)} of {len(expected)} evaluations", flush=True)
        output = subprocess.run(command, capture_output=True, check=True, text=True).stdout
        assert output.endswith("done\n")
        study = study_in(directory)
        assert evaluations(study).equals(expected)
        n_trained = sum(
            len(file.read_text().splitlines())
            for file in directory.glob("checkpoints/*/*/units.txt")
        )
        planned = study.plan(N_ROUNDS)
        report = {
            "kills": n_kills,
            "of a study that had ended": n_ended,
            "trials": len(study.trials),
            "planned trials": planned.n_trials,
            "evaluations": len(evaluations(study)),
            "planned evaluations": planned.n_evaluations,
            "units trained": n_trained,
            "planned units": planned.resource_continued,
            "directories of legs left": len(list(directory.glob("checkpoints/*/legs-*"))),
        }
        print(json.dumps(report, indent=2))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    trials = commands.add_parser("trials")
    trials.add_argument("--n-trials", type=int, default=20_000)
    trials.add_argument("--sampler", choices=SAMPLERS, default="random")
    kills = commands.add_parser("kills")
    kills.add_argument("--n-kills", type=int, default=200)
    kills.add_argument("--seed", type=int, default=0)
    commands.add_parser("live").add_argument("directory", type=Path)
    arguments = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    if arguments.command == "trials":
        run_trials(arguments.n_trials, arguments.sampler)
    elif arguments.command == "kills":
        run_kills(arguments.n_kills, arguments.seed)
    else:
        live(arguments.directory)


if __name__ == "__main__":
    main()

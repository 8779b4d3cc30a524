"""Many processes on one study: how well they are used, what a leg costs, and how fast one succeeds.

    python benchmarks/crew.py [--storages journal sqlite postgresql] [--processes 1 8]
        [--seconds 5] [--trials 48] [--successions 30] [--growth 10000]

Each process runs legs that sleep. The share is that of the workers' time between the first leg's
begin and the last one's end that was spent in legs; the machinery is what remains of it per leg.
With `--growth` eight processes run so many legs of 50 ms, and the last tenth is compared to the
second.
The servers are begun here, on a free port, where they are installed.
"""

from __future__ import annotations

import argparse
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import optuna

import bohb

sys.path.append(str(Path(__file__).parent.parent / "tests" / "helpers"))

SPACE = {"x": optuna.distributions.FloatDistribution(0, 1)}


def storage_of(name: str) -> str | Path:
    return name if "://" in name else Path(name)


def study_in(storage: str) -> bohb.Study:
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return bohb.create_study(
        study_name="crew",
        storage=storage_of(storage),
        sampler=bohb.BOHBSampler(seed=0, random_fraction=1.0),
        pruner=bohb.HyperbandPruner(1, 1),
        space=SPACE,
        load_if_exists=True,
    )


def work(storage: str, seconds: float, n_trials: int, lease: float) -> None:
    def objective(trial: bohb.Trial) -> float:
        time.sleep(seconds)
        return trial.suggest_float("x", 0, 1)

    study = study_in(storage)
    study.optimize(objective, n_trials=n_trials, in_total=True, lease=lease, max_retries=9)


def start(storage: str, seconds: float, n_trials: int, lease: float) -> subprocess.Popen:
    arguments = [sys.executable, __file__, "--work", storage, str(seconds), str(n_trials)]
    return subprocess.Popen([*arguments, str(lease)])


def spans_in(storage: str) -> np.ndarray:
    """Return begin and seconds of each leg, sorted by begin, shape (n, 2)."""
    trials = study_in(storage).trials
    spans = [span for t in trials for span in t.system_attrs["bohb:leg"].get("spans", []) if span]
    return np.array(sorted((span[0], span[1]) for span in spans))


def use(storage: str, n_processes: int, seconds: float, n_trials: int) -> dict[str, float]:
    processes = [start(storage, seconds, n_trials, 60) for _ in range(n_processes)]
    assert not any(process.wait() for process in processes)
    spans = spans_in(storage)
    assert len(spans) == n_trials
    ends = spans.sum(axis=1)
    # At the end workers run out of legs, which is no fault of the machinery.
    until = np.sort(ends)[-n_processes]
    begun = spans[:, 0] < until
    busy = np.minimum(ends, until)[begun] - spans[begun, 0]
    # The first legs begin one after another, as the processes do.
    begin = np.sort(spans[:, 0])[min(n_processes, len(spans)) - 1]
    busy = np.clip(np.minimum(ends, until) - np.maximum(spans[:, 0], begin), 0, None)
    share = busy.sum() / (n_processes * (until - begin))
    n_legs = busy.sum() / seconds
    return {"share": share, "ms_per_leg": 1000 * (1 - share) * seconds * n_legs / share / n_legs}


def growth(storage: str, n_trials: int, n_processes: int = 8) -> tuple[float, float]:
    """Return how many milliseconds a leg takes from process to process, in two tenths."""
    seconds = 0.05
    processes = [start(storage, seconds, n_trials, 60) for _ in range(n_processes)]
    assert not any(process.wait() for process in processes)
    begins = spans_in(storage)[:, 0]
    assert len(begins) == n_trials
    tenth = n_trials // 10
    # The first legs of all begin one after another, as the processes do.
    first = begins[2 * tenth - 1] - begins[tenth]
    last = begins[-1] - begins[-tenth]
    return tuple(1000 * (n_processes * took / (tenth - 1) - seconds) for took in (first, last))


def succession(storage: str, lease: float) -> float:
    """Return the seconds from the death of the leading process to the next leg begun."""
    first = start(storage, 0.2, 60, lease)
    while not Path(str(storage)).exists() if "://" not in storage else False:
        time.sleep(0.05)
    time.sleep(3)
    second = start(storage, 0.2, 60, lease)
    time.sleep(4)
    killed = time.time()
    first.send_signal(signal.SIGKILL)
    first.wait()
    assert second.wait() == 0
    begins = spans_in(storage)[:, 0]
    return float(begins[begins > killed].min() - killed)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--storages", nargs="+", default=["journal", "sqlite", "postgresql"])
    parser.add_argument("--processes", nargs="+", type=int, default=[1, 8])
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--trials", type=int, default=48)
    parser.add_argument("--successions", type=int, default=0)
    parser.add_argument("--growth", type=int, default=0)
    parser.add_argument("--work", nargs=4)
    arguments = parser.parse_args()
    if arguments.work:
        storage, seconds, n_trials, lease = arguments.work
        work(storage, float(seconds), int(n_trials), float(lease))
        return
    from servers import SERVERS

    for kind in arguments.storages:
        with tempfile.TemporaryDirectory(prefix="bohb-", ignore_cleanup_errors=True) as directory:
            server = SERVERS[kind](Path(directory) / "s") if kind in SERVERS else None
            if server is not None:
                server.begin()
            for run, n_processes in enumerate(arguments.processes):
                place = {"journal": f"{directory}/{run}.journal"}
                place["sqlite"] = f"sqlite:///{directory}/{run}.db"
                storage = server.url if server is not None else place[kind]
                if server is not None and run:
                    optuna.delete_study(study_name="crew", storage=storage)
                found = use(storage, n_processes, arguments.seconds, arguments.trials)
                print(
                    f"{kind:12}{n_processes:3} processes, legs of {arguments.seconds:g} s: "
                    f"{found['share']:.1%} in legs, {found['ms_per_leg']:.0f} ms besides each",
                    flush=True,
                )
            if arguments.growth:
                if server is not None:
                    optuna.delete_study(study_name="crew", storage=server.url)
                storage = server.url if server is not None else place[kind].replace("0.", "g.")
                first, last = growth(storage, arguments.growth)
                print(
                    f"{kind:12}{arguments.growth} trials: besides each leg {first:.0f} ms in the "
                    f"second tenth, {last:.0f} ms in the last",
                    flush=True,
                )
            if arguments.successions and server is None and kind == "journal":
                times = [
                    succession(f"{directory}/s{run}.journal", 60)
                    for run in range(arguments.successions)
                ]
                print(
                    f"{kind:12}succession: median {statistics.median(times):.2f} s, "
                    f"worst {max(times):.2f} s of {len(times)}",
                    flush=True,
                )
            if server is not None:
                server.stop(signal.SIGKILL if kind == "mariadb" else signal.SIGINT)


if __name__ == "__main__":
    main()

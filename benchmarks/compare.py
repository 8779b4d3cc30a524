"""All contestants on all tasks, each in an environment of its own, with results that are kept.

    python benchmarks/compare.py install [--contestants ...]
    BOHB_YAHPO_DATA=... python benchmarks/compare.py run [--contestants ...] [--families ...]
        [--seeds 10] [--jobs 2]
    python benchmarks/compare.py table
    python benchmarks/compare.py page

`install` makes the environments that are needed, beside the results. `run` does what is not done
yet, and can be ended and begun again at any time. `table` shows the results that are there, and
`page` writes them into benchmarks/results.json.gz and makes docs/benchmarks.md of that file. The
directory of all this is that of `--directory`, or benchmarks/_runs. `protocol.py` says what is
measured, and `contestants.py` who takes part.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import importlib.metadata
import json
import os
import subprocess
import sys
import time
import venv
import warnings
from pathlib import Path

from contestants import CONTESTANTS, PACKAGES
from protocol import FAMILIES, Recorder, suite

HERE = Path(__file__).parent
COMMON = ["onnxruntime", "scikit-learn"]  # what the tasks need


def python_of(environment: str, directory: Path) -> str:
    """Return the interpreter of an environment; that of bohb is the one that runs this."""
    if environment == "bohb":
        return sys.executable
    return str(directory / "environments" / environment / "bin" / "python")


def install(environment: str, directory: Path) -> None:
    place = directory / "environments" / environment
    if environment == "bohb" or (place / "installed").exists():
        return
    print(f"installing {environment}", flush=True)
    venv.create(place, with_pip=True, clear=True)
    command = [python_of(environment, directory), "-m", "pip", "install", "--quiet"]
    subprocess.run([*command, *PACKAGES[environment][1], *COMMON], check=True)
    (place / "installed").touch()


def run_one(name: str, family: str, index: int, seed: int) -> dict:
    """Run a contestant on a task in this environment, and return what is kept of it."""
    warnings.simplefilter("ignore")  # of networks that diverge, and of other libraries
    tasks, moments = suite(family)
    contestant, recorder = CONTESTANTS[name], Recorder(tasks[index], moments)
    begin = time.perf_counter()
    contestant.run(recorder, seed)
    package = PACKAGES[contestant.environment][0]
    return {
        "contestant": name,
        "family": family,
        "task": recorder.task.name,
        "seed": seed,
        "scores": {moment: recorder.after[moment] for moment in moments},
        "seconds": round(time.perf_counter() - begin, 2),
        "version": importlib.metadata.version(package),
    }


def call(name: str, family: str, index: int, seed: int, directory: Path, timeout: float) -> str:
    """Run the same in the environment of the contestant, and return it as a line of JSON."""
    interpreter = python_of(CONTESTANTS[name].environment, directory)
    command = [interpreter, __file__, "one", name, family, str(index), str(seed)]
    # Several runs at a time share the processors.
    alone = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"}
    environ = {**os.environ, **alone}
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=timeout, check=True, env=environ
        )
    except subprocess.CalledProcessError as error:
        return json.dumps({"error": f"{name} {family} {index} {seed}: {error.stderr[-600:]}"})
    except subprocess.TimeoutExpired:
        return json.dumps({"error": f"{name} {family} {index} {seed}: longer than {timeout:g} s"})
    return done.stdout.strip().splitlines()[-1]


def results(directory: Path) -> list[dict]:
    """Return all results that are there."""
    path = directory / "results.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def run(arguments: argparse.Namespace) -> None:
    directory = arguments.directory
    directory.mkdir(parents=True, exist_ok=True)
    done = {(r["contestant"], r["task"], r["seed"]) for r in results(directory)}
    # One seed of all after another, so that what is there at any time can be compared.
    todo = [
        (name, family, index, seed)
        for seed in range(arguments.seeds)
        for family in arguments.families
        for index, task in enumerate(suite(family)[0])
        for name in arguments.contestants
        if (name, task.name, seed) not in done
    ]
    for environment in {CONTESTANTS[name].environment for name, *_ in todo}:
        install(environment, directory)
    with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
        futures = [pool.submit(call, *each, directory, arguments.timeout) for each in todo]
        for count, future in enumerate(concurrent.futures.as_completed(futures), 1):
            line = future.result()
            if "error" in json.loads(line):
                print(json.loads(line)["error"], file=sys.stderr, flush=True)
                continue
            with (directory / "results.jsonl").open("a") as file:
                file.write(line + "\n")
            print(f"{count} of {len(todo)}", end="\r", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--directory", type=Path, default=HERE / "_runs")
    commands = parser.add_subparsers(dest="command", required=True)
    for command in ("install", "run"):
        added = commands.add_parser(command)
        added.add_argument("--contestants", nargs="+", choices=CONTESTANTS, default=[*CONTESTANTS])
        added.add_argument("--families", nargs="+", choices=FAMILIES, default=[*FAMILIES])
        added.add_argument("--seeds", type=int, default=10)
        added.add_argument("--jobs", type=int, default=os.cpu_count())
        added.add_argument("--timeout", type=float, default=3600, help="seconds for one run")
    commands.add_parser("table")
    commands.add_parser("page")
    one = commands.add_parser("one")
    for name, kind in [("name", str), ("family", str), ("index", int), ("seed", int)]:
        one.add_argument(name, type=kind)
    arguments = parser.parse_args()
    if arguments.command == "one":
        found = run_one(arguments.name, arguments.family, arguments.index, arguments.seed)
        print(json.dumps(found))
    elif arguments.command == "table":
        from report import tables

        print(tables(results(arguments.directory)))
    elif arguments.command == "page":
        import report

        if results(arguments.directory):
            report.pack(results(arguments.directory), HERE / "results.json.gz")
        further = report.further_tables(HERE / "further.json")
        report.write_page(report.read(HERE / "results.json.gz"), HERE.parent / "docs", further)
    elif arguments.command == "install":
        for name in arguments.contestants:
            install(CONTESTANTS[name].environment, arguments.directory)
    else:
        run(arguments)


if __name__ == "__main__":
    main()

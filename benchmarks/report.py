"""Tables and pictures of the results that `compare.py` has kept."""

from __future__ import annotations

import gzip
import json
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from contestants import CONTESTANTS

LEAST = 1e-5  # a smaller regret counts as this one
TITLES = {
    "surrogates": "Surrogates and functions: mean log10 of the normalised regret",
    "training": "Real training: mean rank of the loss",
}


def read(path: Path) -> list[dict]:
    """Return results that were packed."""
    with gzip.open(path, "rt") as file:
        return json.load(file)


def pack(results: Sequence[dict], path: Path) -> None:
    """Keep results, compressed, in an order that does not depend on when they were made."""
    ordered = sorted(results, key=lambda r: (r["contestant"], r["family"], r["task"], r["seed"]))
    text = json.dumps(ordered, separators=(",", ":"))
    path.write_bytes(gzip.compress(text.encode(), mtime=0))


def scores(results: Sequence[dict], family: str) -> dict[str, dict[tuple[str, int], np.ndarray]]:
    """Return the scores of each contestant by task and seed, shape (moments,)."""
    found: dict[str, dict[tuple[str, int], np.ndarray]] = defaultdict(dict)
    for result in results:
        if result["family"] == family:
            values = np.array(list(result["scores"].values()), dtype=float)
            found[result["contestant"]][result["task"], result["seed"]] = values
    return found


def moments(results: Sequence[dict], family: str) -> list[str]:
    return next(list(r["scores"]) for r in results if r["family"] == family)


def log_regret(found: dict) -> dict:
    """Return log10 of the regrets, with the best known loss lowered by what any run has found."""
    lowest: dict[str, float] = defaultdict(float)
    for by_run in found.values():
        for (task, _), values in by_run.items():
            lowest[task] = min(lowest[task], values.min())
    return {
        name: {
            (task, seed): np.log10(np.maximum((values - lowest[task]) / (1 - lowest[task]), LEAST))
            for (task, seed), values in by_run.items()
        }
        for name, by_run in found.items()
    }


def ranks(found: dict) -> dict:
    """Return the rank of each contestant among those that have run a task with a seed, from 1."""
    ranked: dict[str, dict[tuple[str, int], np.ndarray]] = defaultdict(dict)
    runs = set.intersection(*(set(by_run) for by_run in found.values()))
    for key in sorted(runs):
        together = np.array([found[name][key] for name in found])
        below = (together[:, None, :] > together[None, :, :]).sum(axis=1)
        equal = (together[:, None, :] == together[None, :, :]).sum(axis=1)
        for name, each in zip(found, below + (equal + 1) / 2, strict=True):
            ranked[name][key] = each
    return ranked


def means(
    by_run: dict[tuple[str, int], np.ndarray], n_tasks: int
) -> tuple[np.ndarray, np.ndarray, int] | None:
    """Return the mean over tasks and seeds, its standard error over seeds, and the number of seeds.

    Only seeds of which all tasks were run count; None stands for none.
    """
    by_seed: dict[int, list[np.ndarray]] = defaultdict(list)
    for (_, seed), values in by_run.items():
        by_seed[seed].append(values)
    whole = [np.mean(values, axis=0) for values in by_seed.values() if len(values) == n_tasks]
    if not whole:
        return None
    error = np.std(whole, axis=0, ddof=1) / np.sqrt(len(whole)) if len(whole) > 1 else np.nan
    mean = np.mean(whole, axis=0)
    return mean, np.broadcast_to(error, mean.shape), len(whole)


def summaries(results: Sequence[dict], family: str) -> tuple[dict[str, tuple], int]:
    """Return what `means` says of each contestant that has run all tasks, and their number.

    Losses are shown as ranks, which count on the tasks that all contestants have run.
    """
    found = scores(results, family)
    shown = log_regret(found) if family == "surrogates" else ranks(found)
    n_tasks = len({task for by_run in shown.values() for task, _ in by_run})
    each = {name: means(by_run, n_tasks) for name, by_run in shown.items()}
    return {name: summary for name, summary in each.items() if summary is not None}, n_tasks


def table(results: Sequence[dict], family: str) -> str:
    """Return one table in Markdown, the best at the largest budget first."""
    rows, n_tasks = summaries(results, family)
    header = ["", *moments(results, family), "tasks x seeds"]
    lines = [f"| {' | '.join(header)} |", "|---" * len(header) + "|"]
    for name, (mean, error, n_seeds) in sorted(rows.items(), key=lambda r: r[1][0][-1]):
        cells = [_with_error(m, e, 2) for m, e in zip(mean, error, strict=True)]
        label = CONTESTANTS[name].label
        lines.append(f"| {label} | {' | '.join(cells)} | {n_tasks} x {n_seeds} |")
    return "\n".join(lines)


def _with_error(mean: float, error: float, digits: int) -> str:
    """Return a mean with its standard error, if there is more than one seed."""
    if np.isnan(error):
        return f"{mean:.{digits}f}"
    return f"{mean:.{digits}f} ± {error:.{digits}f}"


def losses(results: Sequence[dict], family: str = "training") -> str:
    """Return the mean loss of each contestant by task, at the largest budget, in Markdown."""
    found = scores(results, family)
    tasks = sorted({task for by_run in found.values() for task, _ in by_run})
    lines = [f"| | {' | '.join(tasks)} |", "|---" * (len(tasks) + 1) + "|"]
    for name, by_run in found.items():
        cells = []
        for task in tasks:
            last = [values[-1] for (other, _), values in by_run.items() if other == task]
            error = np.std(last, ddof=1) / np.sqrt(len(last)) if len(last) > 1 else np.nan
            cells.append(_with_error(np.mean(last), error, 4) if last else "")
        lines.append(f"| {CONTESTANTS[name].label} | {' | '.join(cells)} |")
    return "\n".join(lines)


def differences(results: Sequence[dict], one: str, other: str, family: str = "training") -> str:
    """Return by task how much lower the loss of `one` is than that of `other`, in Markdown.

    A difference is shown in its standard errors: it is negative where `one` is better.
    """
    found = scores(results, family)
    tasks = sorted({task for task, _ in found.get(one, {})} & {t for t, _ in found.get(other, {})})
    costs = moments(results, family)
    lines = [f"| | {' | '.join(costs)} | seeds |", "|---" * (len(costs) + 2) + "|"]
    for task in tasks:
        mine, theirs = (
            np.array([values for (each, _), values in found[name].items() if each == task])
            for name in (one, other)
        )
        n_seeds = min(len(mine), len(theirs))
        error = np.sqrt(mine.var(0, ddof=1) / len(mine) + theirs.var(0, ddof=1) / len(theirs))
        cells = [f"{each:+.1f}" for each in (mine.mean(0) - theirs.mean(0)) / error]
        lines.append(f"| {task} | {' | '.join(cells)} | {n_seeds} |")
    return "\n".join(lines)


def versions(results: Sequence[dict]) -> str:
    """Return which version of each package was run."""
    found = sorted({(CONTESTANTS[r["contestant"]].environment, r["version"]) for r in results})
    return ", ".join(f"{environment} {version}" for environment, version in found)


def tables(results: Sequence[dict]) -> str:
    """Return all tables."""
    parts = []
    for family, title in TITLES.items():
        if any(result["family"] == family for result in results):
            parts += [f"## {title}", table(results, family)]
    return "\n\n".join([*parts, f"Versions: {versions(results)}."])


PAGE = """\
# Benchmarks

This page is written by `python benchmarks/compare.py page` from `benchmarks/results.json.gz`, which
holds the score of every run.

{tables}

![scores over the cost](benchmarks.png)

## What is measured

{protocol}

## What it does not show

- The surrogates are smooth and free of noise, which flatters a Gaussian process. Of the functions
  one is noisy and one is made of choices.
- Parameters of branches that are not taken are ignored, and ranges that depend on others are taken
  whole, for those who know neither: in the tasks *logistic regression*, *pipelines* and
  *convolutions*.
- Whoever is not named with workers runs one evaluation after another. All have the settings that
  their authors give them, and reduction factor 3 unless another is named.
- Sixteen workers together spend a cost of 20 in little more than the time of one full training, and
  the results of what is under way are not known. Of the 8 full trainings that they begin within
  that cost, half are of configurations that were proposed before any full result was known. One
  after another there are 14, and of half of them 6 full results or more were known (22 runs). So a
  part of the distance between the two rows is the price of the time that is saved.
- A mean is over those seeds of which all tasks were run; the last column says how many. Fewer seeds
  than ten leave differences of 0.1 to 0.2 within the noise.

## The loss after {last} full trainings

{losses}

## The default and Hyperband, by task

The loss of the default less that of Hyperband with random configurations, in standard errors of
this difference: below -2 the default is better, above 2 it is worse.

{differences}

{further}
"""


def further_tables(path: Path) -> str:
    """Return the tables of comparisons that have no common protocol, as they were stored."""
    if not path.exists():
        return ""
    parts = []
    for each in json.loads(path.read_text()).values():
        lines = [f"## {each['title']}", "", each["text"], ""]
        lines += [f"| {' | '.join(each['columns'])} |", f"|{'---|' * len(each['columns'])}"]
        lines += [f"| {' | '.join(row)} |" for row in each["rows"]]
        parts.append("\n".join(lines))
    return "\n\n".join(parts)


def store_further(path: Path, key: str, table: dict) -> None:
    """Keep one such comparison in place of what was kept of it."""
    known = json.loads(path.read_text()) if path.exists() else {}
    path.write_text(json.dumps({**known, key: table}, indent=2) + "\n")


def write_page(results: Sequence[dict], directory: Path, further: str = "") -> None:
    """Write the page of the documentation, with its picture."""
    import protocol

    has_training = any(result["family"] == "training" for result in results)
    rules = (protocol.__doc__ or "").partition("\n\n")[2].strip()
    page = PAGE.format(
        tables=tables(results),
        protocol=rules,
        last=moments(results, "training")[-1] if has_training else "all",
        losses=losses(results) if has_training else "",
        differences=differences(results, "default", "hyperband") if has_training else "",
        further=further,
    )
    (directory / "benchmarks.md").write_text(page)
    draw(results, directory / "benchmarks.png")


def draw(results: Sequence[dict], path: Path) -> None:
    """Draw the score over the cost, surrogates beside real training.

    Of our own contestants only those that others are measured by are drawn.
    """
    import matplotlib.pyplot as plt

    drawn = [
        name
        for name, contestant in CONTESTANTS.items()
        if contestant.environment != "bohb" or name in ("default", "hyperband", "random")
    ]

    families = [f for f in TITLES if any(result["family"] == f for result in results)]
    figure, all_axes = plt.subplots(
        1, len(families), figsize=(6 * len(families), 5), layout="constrained", squeeze=False
    )
    for axes, family in zip(all_axes[0], families, strict=True):
        x = np.array(moments(results, family), dtype=float)
        rows, _ = summaries(results, family)
        for index, name in enumerate(drawn):
            if name in rows:
                mean, error, _ = rows[name]
                (line,) = axes.plot(
                    x,
                    mean,
                    label=CONTESTANTS[name].label,
                    linewidth=2.5 if name == "default" else 1.2,
                    linestyle="-" if CONTESTANTS[name].environment == "bohb" else "--",
                    color=plt.get_cmap("tab10")(index),
                )
                axes.fill_between(x, mean - error, mean + error, color=line.get_color(), alpha=0.15)
        axes.set(xscale="log", xlabel="full evaluations", title=TITLES[family])
        axes.set_xticks(x, [f"{each:g}" for each in x])
        axes.minorticks_off()
    handles, labels = all_axes[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4, fontsize="small")
    figure.savefig(path, dpi=110)
    plt.close(figure)

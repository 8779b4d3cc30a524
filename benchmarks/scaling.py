"""How well simulated workers are used: real studies on a virtual clock.

Each leg takes its resource times a lognormal factor, so that some take ten times as long as
others. For each number of workers the table has

- the share of worker time used until the last trial has started, which is what a schedule can do;
- the share of worker time used until the last leg has ended, when most workers have nothing left;
- how many times faster the run is than with one worker, and the most it could be: no synchronous
  bracket can end before the slowest legs of its rungs have run one after another, and no trial
  before its own legs have.

    python benchmarks/scaling.py --rounds 200
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict
from dataclasses import dataclass, field

import numpy as np
import optuna

import bohb
from bohb.executors import SimulatedExecutor, Task

WORKERS = (1, 4, 16, 64, 256, 1024, 4096)


def objective(trial: bohb.Trial) -> float:
    return trial.suggest_float("x", 0, 1) + 1 / trial.resource


@dataclass
class Clockwork:
    """Gives each leg its duration, and notes what was going on when the last trial started."""

    sigma: float
    executor: SimulatedExecutor | None = None
    share_while_starting: float = 1.0
    seconds: dict[tuple[int, int], float] = field(default_factory=dict)

    def duration(self, leg: Task[object]) -> float:
        assert self.executor is not None
        if leg.previous_resource == 0 and self.executor.now() > 0:
            self.share_while_starting = self.executor.utilization
        rng = np.random.default_rng([leg.number, int(leg.resource)])
        seconds = rng.lognormal(0, self.sigma) * (leg.resource - leg.previous_resource)
        self.seconds[leg.number, int(leg.resource)] = float(seconds)
        return float(seconds)


@dataclass(frozen=True)
class Run:
    seconds: float
    work: float
    share: float
    share_while_starting: float
    longest_chain: float
    per_evaluation: float


def run(n_workers: int, n_rounds: int, *, asynchronous: bool, sigma: float) -> Run:
    study = bohb.create_study(
        sampler=optuna.samplers.RandomSampler(seed=0),
        pruner=bohb.HyperbandPruner(1, 81, reduction_factor=3, asynchronous=asynchronous),
    )
    clockwork = Clockwork(sigma)
    executor = clockwork.executor = SimulatedExecutor(n_workers, clockwork.duration)
    began = time.perf_counter()
    study.optimize(objective, n_rounds=n_rounds, executor=executor)
    passed = time.perf_counter() - began
    return Run(
        executor.now(),
        sum(clockwork.seconds.values()),
        executor.utilization,
        clockwork.share_while_starting,
        longest_chain(study, clockwork.seconds, asynchronous=asynchronous),
        passed / len(clockwork.seconds),
    )


def longest_chain(
    study: bohb.Study, seconds: dict[tuple[int, int], float], *, asynchronous: bool
) -> float:
    """Return the time of the legs that had to run one after another, whatever the workers."""
    slowest: defaultdict[tuple[int, int], float] = defaultdict(float)
    for trial in study.get_trials(deepcopy=False):
        bracket = trial.system_attrs["bohb:leg"]["bracket"]
        for resource in trial.intermediate_values:
            place = (trial.number if asynchronous else bracket, resource)
            slowest[place] = max(slowest[place], seconds[trial.number, resource])
    chains: defaultdict[int, float] = defaultdict(float)
    for (place, _), longest in slowest.items():
        chains[place] += longest
    return max(chains.values())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--sigma", type=float, default=1.0)
    parser.add_argument("--workers", type=int, nargs="*", default=WORKERS)
    arguments = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    print(f"R=81, eta=3, {arguments.rounds} rounds, lognormal durations, sigma {arguments.sigma:g}")
    for asynchronous in (False, True):
        print("\nasynchronous" if asynchronous else "\nsynchronous")
        print("workers  while starting  in all  speed-up  at most  ms per evaluation")
        for n_workers in arguments.workers:
            one = run(n_workers, arguments.rounds, asynchronous=asynchronous, sigma=arguments.sigma)
            fastest = max(one.work / n_workers, one.longest_chain)
            print(
                f"{n_workers:>7}  {one.share_while_starting:>14.1%}  {one.share:>6.1%}  "
                f"{one.work / one.seconds:>8.1f}  {one.work / fastest:>7.1f}  "
                f"{1000 * one.per_evaluation:>17.2f}",
                flush=True,
            )


if __name__ == "__main__":
    main()

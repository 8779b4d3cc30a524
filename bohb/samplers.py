"""The sampler: Optuna's interface over the models."""

from __future__ import annotations

import contextlib
import functools
import logging
import secrets
import threading
import warnings
import weakref
import zlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
import optuna
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.trial import FrozenTrial, TrialState
from threadpoolctl import ThreadpoolController

from bohb import arguments
from bohb.errors import ArgumentError
from bohb.history import (
    FIXED_PARAMS,
    LEG_ATTRIBUTE,
    Histories,
    History,
    began_in_models_turn,
    contains,
    end_before,
    from_model,
    scale_of,
    to_model,
    to_parameter,
    unwrapped,
)
from bohb.hyperband import Plan
from bohb.model import Observations, Proposer, Space
from bohb.model.scalarisation import scalarised
from bohb.model.tried import is_used_up
from bohb.model.trust import first_round_share, knows_lowest_only
from bohb.spaces import SearchSpace

_logger = logging.getLogger(__name__)

Model: TypeAlias = Literal["auto", "gp", "forest", "density", "evolution", "falkner2018"]

# The limits of "auto". In a study that can afford more trials, 20 ms for each would be felt; and
# with more parameters the Gaussian process found no better configurations than the densities.
_MAX_OBSERVATIONS = 2000
_MAX_PARAMETERS = 64

_WITH_COSTS = ("auto", "gp", "forest")  # models that rank by the improvement for each cost

_CONSTRAINTS = "constraints"  # with which the names of Optuna's attributes for them begin
_WEIGHTS = "weights of the objectives"  # no parameter's name may draw the same random numbers


class BOHBSampler(BaseSampler):
    """Proposes configurations from all that was evaluated so far, at any resource.

    It works in `bohb.create_study` and in a plain `optuna.create_study`. The proposal of a trial
    is a function of the study's history, the seed and the trial's number, so that a resumed study
    goes on as the uninterrupted one would have. In a study of several directions the objectives
    are weighed anew for each trial, at random (Knowles 2006, *ParEGO*).

    Parameters
    ----------
    seed
        Makes proposals repeatable. None draws a seed from the operating system.
    model
        The model that proposes; ``"auto"`` by default.

        ``"auto"``
            ``"gp"`` for up to 64 parameters and 2,000 evaluated trials, ``"density"`` beyond.
        ``"gp"``
            Candidates come from the density model and the prior, and a Gaussian process over the
            evaluations at all levels ranks them by their expected improvement (Jones, Schonlau &
            Welch 1998, eq. 15) at the highest. It finds better configurations than the densities
            alone and takes about 20 ms a proposal. Until two trials have reached the highest level,
            ``"density"`` proposes, except for the last fifth of the first bracket.
        ``"forest"``
            The same with a random forest in place of the Gaussian process, as in SMAC (Hutter, Hoos
            & Leyton-Brown 2011), which needs scikit-learn. It takes 30 to 150 ms a proposal.
        ``"density"``
            The proposal is the candidate whose density among the good configurations is largest
            in relation to that among the others. Each trial is judged at the highest level it was
            evaluated at. A proposal takes three to five milliseconds, however many trials there
            are.
        ``"evolution"``
            Differential evolution over the best of the highest level that has four trials, as in
            DEHB (Awad, Mallik & Hutter 2021). A proposal takes a millisecond.
        ``"falkner2018"``
            The model as it was published (Falkner, Klein & Hutter 2018), to compare with.
    random_fraction
        The share of configurations drawn from the prior, whatever was observed. It keeps the
        guarantee of Hyperband (Falkner, Klein & Hutter 2018, section 4) at little cost. None
        means 1 in the first four fifths of the first bracket and 0 in the last, as long as nothing
        was evaluated above the lowest rung; then 0.5 in the first round of brackets while training
        further makes trials no better, and else 0.2 in those of them that start below the top, so
        that the model sees at every level what it has not chosen itself; otherwise 0.05 for
        ``"gp"``, which explores by itself, and 0.1 for ``"density"``; for ``"gp"`` at least the
        share of what it takes for noise; always 0.15 for ``"evolution"``; and the published 1/3 for
        ``"falkner2018"``. 1 gives plain Hyperband.
    n_candidates
        How many draws compete for each proposal. None means 256 for ``"density"``; 384 for
        ``"gp"``, a third of them from the densities, to which variations of the best are added; and
        the published 64 for ``"falkner2018"``.
    min_observations
        How many trials must have been evaluated before the model is used. None means, for d
        parameters, ``min(d + 2, 10)`` for the densities, 10 for the Gaussian process, and the
        published d + 1 at one resource for ``"falkner2018"``.
    per_cost
        Whether the Gaussian process and the forest rank candidates by their expected improvement
        for each unit of expected cost (Snoek, Larochelle & Adams 2012, section 3.2). The costs are
        those of ``trial.report(..., cost=...)``; as long as fewer than five trials have any, they
        do not count. Off by default.

    Raises
    ------
    MissingDependencyError
        If scikit-learn is not installed and `model` is ``"forest"``.
    ArgumentError
        If `model` is not one of those, `random_fraction` is not between 0 and 1, a count is
        not positive, or `per_cost` is set with a `model` that knows no costs.

    Examples
    --------
    >>> import optuna, bohb
    >>> optuna.logging.set_verbosity(optuna.logging.WARNING)
    >>> study = optuna.create_study(sampler=bohb.BOHBSampler(seed=0))
    >>> study.optimize(lambda trial: (trial.suggest_float("x", -5, 5) - 2) ** 2, n_trials=40)
    >>> abs(study.best_params["x"] - 2) < 0.1
    True
    """

    def __init__(
        self,
        seed: int | None = None,
        *,
        model: Model = "auto",
        random_fraction: float | None = None,
        n_candidates: int | None = None,
        min_observations: int | None = None,
        per_cost: bool = False,
    ) -> None:
        if seed is None:
            seed = secrets.randbits(64)
        self._seed = arguments.count("seed", seed, least=0)
        self._model: Model = arguments.one_of("model", model, get_args(Model))
        if model == "forest":
            import bohb.model.forest  # noqa: F401 - tells at once if scikit-learn is missing
        self._options: dict[str, Any] = {}
        if random_fraction is not None:
            share = arguments.share("random_fraction", random_fraction)
            self._options["random_fraction"] = share
        if n_candidates is not None:
            self._options["n_candidates"] = arguments.count("n_candidates", n_candidates)
        if min_observations is not None:
            count = arguments.count("min_observations", min_observations)
            self._options["min_observations"] = count
        self._per_cost = arguments.flag("per_cost", per_cost)
        if per_cost and model not in _WITH_COSTS:
            raise ArgumentError(
                f"per_cost needs a model that knows costs, one of {', '.join(_WITH_COSTS)}, got "
                f"model={model!r}"
            )
        self._histories = Histories()
        self._used_up: weakref.WeakSet[optuna.Study] = weakref.WeakSet()
        self._has_warned = False

    def __repr__(self) -> str:
        given = {"seed": self._seed, "model": self._model, **self._options}
        if self._per_cost:
            given["per_cost"] = True
        return f"BOHBSampler({', '.join(f'{name}={value!r}' for name, value in given.items())})"

    @property
    def seed(self) -> int:
        """The seed that all proposals are drawn from."""
        return self._seed

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_used_up": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update({**state, "_used_up": weakref.WeakSet()})

    def infer_relative_search_space(
        self, study: optuna.Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        """Return the joint space known so far, without the parameters that have one value only."""
        learned = self._histories.of(study).distributions(without=trial.number)
        found = {name: d for name, d in learned.items() if not d.single()}
        declared = _declared(study)
        return {**declared.distributions, **found} if declared else found

    def sample_relative(
        self, study: optuna.Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Return values that should be tried together."""
        if not search_space:
            return {}
        history = self._histories.of(study)
        space = joint_space(search_space, _declared(study))
        given = _model_values(trial.system_attrs.get(FIXED_PARAMS, {}), search_space)
        if len(given) == len(search_space):
            return {}  # all was given beforehand
        rng = self._rng(trial.number)
        with self._observations(history, trial) as observations:
            proposer = self._proposer(study, trial, observations)
            proposal = proposer.propose(space, observations, given, rng)
            # Noted before another thread has its turn, whose proposal must keep away from this.
            history.expect(trial.number, proposal, int(observations.is_evaluated.sum()))
            self._tell_if_used_up(study, space, observations, proposal.config)
        values = proposal.config
        return {name: from_model(search_space[name], value) for name, value in values.items()}

    def sample_independent(
        self,
        study: optuna.Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        """Return a value for a parameter that was not proposed, given those the trial has.

        Where the value that was proposed lies beyond the range, it is the nearest end of it.
        """
        history = self._histories.of(study)
        proposed = history.proposed(trial.number)
        if param_name in proposed:
            end = end_before(param_distribution, proposed[param_name])
            if end is not None:
                return end
        given = {name: d for name, d in trial.distributions.items() if not d.single()}
        space = joint_space({**given, param_name: param_distribution}, None)
        fixed = _model_values(trial.params, given)
        rng = self._rng(trial.number, param_name)
        with self._observations(history, trial) as observations:
            proposer = self._proposer(study, trial, observations)
            value = proposer.propose_one(param_name, space, observations, fixed, rng)
        return from_model(param_distribution, value)

    def after_trial(
        self,
        study: optuna.Study,
        trial: FrozenTrial,
        state: TrialState,
        values: Sequence[float] | None,
    ) -> None:
        """Warn once if trials have constraints; in brackets they warn themselves."""
        is_new = not self._has_warned and LEG_ATTRIBUTE not in trial.system_attrs
        if is_new and any(key.startswith(_CONSTRAINTS) for key in trial.system_attrs):
            self._has_warned = True
            warnings.warn(
                "BOHBSampler does not look at constraints: a trial that is not feasible competes "
                "with the others. Raise optuna.TrialPruned in it instead; the sampler learns where "
                "trials are pruned without a value.",
                stacklevel=2,
            )

    @property
    def _is_random(self) -> bool:
        """Whether the density model makes all proposals, and makes them at random.

        The published model is no such case: its random proposals may repeat what was tried.
        """
        return self._model != "falkner2018" and self._options.get("random_fraction") == 1.0

    @property
    def takes_turns(self) -> bool:
        """Whether the model waits for its turn in the first bracket, as `random_fraction` says."""
        is_as_published = self._model in ("falkner2018", "evolution")
        return not is_as_published and "random_fraction" not in self._options

    def _tell_if_used_up(
        self,
        study: optuna.Study,
        space: Space,
        observations: Observations,
        values: Mapping[str, float],
    ) -> None:
        """Say once for each study that all of its configurations were tried."""
        study = unwrapped(study)
        if study not in self._used_up and is_used_up(space, observations, values):
            self._used_up.add(study)
            _logger.warning(
                "All configurations of study %r were tried. From here on the most promising ones "
                "are evaluated again, which helps only if the objective is noisy.",
                study.study_name,
            )

    @contextlib.contextmanager
    def _observations(self, history: History, trial: FrozenTrial) -> Iterator[Observations]:
        """Yield the observations for a proposal to `trial`, while BLAS uses a single thread.

        On matrices of a few hundred rows many threads take up to ten times as long as one. The
        number of BLAS's threads belongs to the whole process, so that only one proposal is made at
        a time.
        """
        # A program may let NumPy raise errors, but a term that vanishes is none in a model.
        quiet = np.errstate(divide="warn", over="warn", under="ignore", invalid="warn")
        with _proposing, quiet, contextlib.ExitStack() as stack:
            if not self._is_random:
                stack.enter_context(one_blas_thread())
            objectives = stack.enter_context(history.objectives(without=trial.number))
            # All proposals to a trial weigh the objectives alike.
            yield scalarised(objectives, self._rng(trial.number, _WEIGHTS))

    def _proposer(
        self, study: optuna.Study, trial: FrozenTrial, observations: Observations
    ) -> Proposer:
        number = trial.number
        # Imported here so that `import bohb` and the start of workers take little time.
        if self._model == "falkner2018":
            from bohb.model.falkner2018 import Falkner2018Proposer

            return Falkner2018Proposer(**self._options)
        from bohb.model.density import DensityProposer

        pruner = unwrapped(study).pruner
        reduction_factor = float(getattr(pruner, "reduction_factor", 3.0))
        options: dict[str, Any] = dict(self._options)
        turn: bool | None = None
        first: Plan | None = getattr(pruner, "first_round", None)
        if first is not None and number < first.n_starting and "random_fraction" not in options:
            turn = _turn_of(trial, first)
            at_top = _starts_at_top(trial, first)
            of_first = first_round_share(observations, turn=turn, at_top=at_top)
            if of_first is not None:
                options["random_fraction"] = of_first
        density = DensityProposer(**options, reduction_factor=reduction_factor)
        if self._model == "density" or self._is_random:
            return density
        if self._model == "evolution":
            from bohb.model.evolution import EvolutionProposer

            share = {k: v for k, v in self._options.items() if k == "random_fraction"}
            return EvolutionProposer(density, **share)
        n_levels = scale_of(unwrapped(study)).n_levels
        options["heeds_noise"] = "random_fraction" not in self._options
        options["is_its_turn"] = bool(turn) and knows_lowest_only(observations)
        if self._per_cost:
            with self._histories.of(study).costs(without=number) as log_costs:
                options["log_costs"] = log_costs
        if self._model == "forest":
            from bohb.model.forest import ForestProposer

            return ForestProposer(density, n_levels=n_levels, **options)
        from bohb.model.gaussian_process import GaussianProcessProposer

        if self._model == "auto":
            options |= {"max_observations": _MAX_OBSERVATIONS, "max_parameters": _MAX_PARAMETERS}
        return GaussianProcessProposer(density, n_levels=n_levels, **options)

    def _rng(self, number: int, name: str | None = None) -> np.random.Generator:
        """Return the random numbers of a trial, or those of a parameter that is sampled alone."""
        key = [self._seed, number]
        if name is not None:
            key.append(1 + zlib.crc32(name.encode()))
        return np.random.default_rng(np.random.SeedSequence(key))


_proposing = threading.Lock()  # held while a proposal is made


def _turn_of(trial: FrozenTrial, first: Plan) -> bool | None:
    """Return whether it is the model's turn in the first bracket; None in a later one."""
    leg = trial.system_attrs.get(LEG_ATTRIBUTE)
    if first.n_before_model == 0:
        return None
    if leg is not None and first.shares_places:
        return began_in_models_turn(trial) if leg["bracket"] == 0 else None
    if trial.number >= first.brackets[0].n_trials:
        return None
    return trial.number >= first.n_before_model


def _starts_at_top(trial: FrozenTrial, first: Plan) -> bool:
    """Return whether a trial is known to be in a bracket that the plan starts at the top."""
    leg = trial.system_attrs.get(LEG_ATTRIBUTE)
    return leg is not None and len(first.bracket(leg["bracket"]).sizes) == 1


@functools.cache
def _blas() -> ThreadpoolController:
    """Return the control over the threads of NumPy's and SciPy's linear algebra."""
    import scipy.linalg  # noqa: F401 - it loads a library of its own

    return ThreadpoolController()


def one_blas_thread() -> contextlib.AbstractContextManager[Any]:
    """Let BLAS use a single thread, which on small matrices takes a tenth of the time."""
    limited: contextlib.AbstractContextManager[Any] = _blas().limit(limits=1, user_api="blas")
    return limited


def _declared(study: optuna.Study) -> SearchSpace | None:
    """Return the space that a `bohb.Study` was made with; None if there is none."""
    return getattr(unwrapped(study), "space", None)


def joint_space(
    distributions: Mapping[str, BaseDistribution], declared: SearchSpace | None
) -> Space:
    """Return the space of these parameters, with what was declared of them.

    Conditions and clauses about a parameter that is not among these are left out. Optuna's
    `PartialFixedSampler` asks for such a part of a space.
    """
    known = declared.model if declared else Space({})
    names = [name for name in known.parameters if name in distributions]
    names += sorted(name for name in distributions if name not in known.parameters)
    return Space(
        {
            name: known.parameters.get(name) or to_parameter(distributions[name], repr(name))
            for name in names
        },
        {
            name: condition
            for name, condition in known.conditions.items()
            if {name, *condition.names} <= set(names)
        },
        [clause for clause in known.forbidden if set(clause.names) <= set(names)],
        is_declared=declared is not None,
    )


def _model_values(
    values: Mapping[str, Any], distributions: Mapping[str, BaseDistribution]
) -> dict[str, float]:
    """Return the values of the parameters that the model knows, as it counts them."""
    return {
        name: to_model(distribution, values[name])
        for name, distribution in distributions.items()
        if name in values and contains(distribution, values[name])
    }

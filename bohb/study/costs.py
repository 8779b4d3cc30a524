"""The costs of a study: what its objective says it has spent, and what the rest may cost."""

from __future__ import annotations

from collections.abc import Iterable

from optuna.trial import FrozenTrial

from bohb.errors import ObjectiveError
from bohb.history import Scale, costs_by_step, standing
from bohb.hyperband import Leg, Plan, Resource

_MOST_FAILED = 10  # so many failures without any cost end a call: it would never know its end


class Costs:
    """What the evaluations of a study have cost, in the unit that its objective reports.

    Legs that go on from where a trial stood cost the difference to what it had cost before; legs
    that begin anew cost all of it.

    Attributes
    ----------
    n_unknown
        How many evaluations with a value have reported no cost.
    n_failed
        How many failed evaluations have reported none.
    """

    def __init__(self) -> None:
        self.n_unknown = self.n_failed = 0
        # The cost of all legs and their resource, if each goes on and if each begins anew.
        self._spent = {True: 0.0, False: 0.0}
        self._resource: dict[bool, Resource] = {True: 0, False: 0}
        # The resource of legs that failed before they told a cost.
        self._unpriced: dict[bool, Resource] = {True: 0, False: 0}

    def note(self, trial: FrozenTrial, leg: Leg, scale: Scale, *, failed: bool = False) -> None:
        """Take the cost of a leg that is over.

        A leg that has `failed` cost what the trial reported last; without that it counts as the
        mean of the others.
        """
        previous = leg.previous_resource
        before = scale.cost_at(previous, trial) if previous else None
        cost = _last_cost(trial, before) if failed else scale.cost_at(leg.resource, trial)
        if cost is None and not failed:
            self.n_unknown += 1
            return
        self.n_failed += cost is None
        for continued in (True, False):
            used = leg.resource - previous if continued else leg.resource
            if cost is None:
                self._unpriced[continued] += used
            else:
                self._spent[continued] += cost - (before or 0.0) if continued else cost
                self._resource[continued] += used

    def spent(self, *, continued: bool) -> float:
        """Return what all legs have cost that have ended."""
        return self._spent[continued] + self.expected(
            self._unpriced[continued], continued=continued
        )

    def expected(self, resource: Resource, *, continued: bool) -> float:
        """Return what so much resource will cost, at the mean of the legs that have ended."""
        used = self._resource[continued]
        return self._spent[continued] * resource / used if used else 0.0

    def require_known(self) -> None:
        """Raise ObjectiveError if an evaluation has reported no cost, or all have failed so far."""
        if self.n_unknown or (self.n_failed >= _MOST_FAILED and not any(self._resource.values())):
            n_without = self.n_unknown + self.n_failed
            raise ObjectiveError(
                f"total_cost needs the cost of each evaluation, got {n_without} without: call "
                "trial.report(value, step, cost=...) with what the trial has cost so far"
            )


def _last_cost(trial: FrozenTrial, before: float | None) -> float | None:
    """Return the highest cost that a trial has reported, if that is more than `before`."""
    known = costs_by_step(trial).values()
    return max((cost for cost in known if cost > (before or 0.0)), default=None)


def costs_so_far(trials: Iterable[FrozenTrial], scale: Scale, plan: Plan) -> Costs:
    """Return what all evaluations of these trials have cost."""
    costs = Costs()
    for trial in trials:
        place = standing(trial, scale, plan)
        if place is None:
            continue
        resources = plan.bracket(place.bracket, at_top=place.at_top).resources
        for rung, loss in enumerate(place.losses, place.first_rung):
            previous = resources[rung - 1] if rung else 0
            leg = Leg(trial.number, place.bracket, rung, resources[rung], previous)
            costs.note(trial, leg, scale, failed=loss is None)
    return costs

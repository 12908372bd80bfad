"""What held cars would be doing by their own rule: the controller's estimate of the counterfactual, car by car.

From the moment a car is held its rule's plan is lived on paper: the same battery, the same charger, no dispatch. It
uses what a charger knows (the car's SoC when it was taken, its rule's orders) and nothing of the future.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from evsim._battery import charge
from evsim._population import Population
from evsim._units import SECONDS_PER_HOUR, Bools, Floats, Ints, Who, rows_where
from evsim.strategies._orders import Orders

_ROUNDING = 1e-9
"""So little of a battery is rounding."""


class Plan(NamedTuple):
    """Orders of some cars as columns (m,), by car and then start; each ends at the latest where the car's next begins.

    who : user; start, stop [s]; max_kw, until_soc : as in `Orders`; rank : the how manieth of its car
    """

    who: Who
    start: Floats
    stop: Floats
    max_kw: Floats
    until_soc: Floats
    rank: Ints

    def of(self, rows: Bools | Ints) -> Plan:
        """Some of the orders."""
        who, start, stop, max_kw, until_soc, rank = self
        return Plan(who[rows], start[rows], stop[rows], max_kw[rows], until_soc[rows], rank[rows])


def plan_of(given: Sequence[tuple[Who, Orders]]) -> Plan:
    """The plan in some orders; each comes with the users that its rows are about."""
    if not given:
        none = np.zeros(0)
        return Plan(none.astype(np.int64), none, none, none, none, none.astype(np.int64))
    who = np.concatenate([user[orders.row] for user, orders in given])
    names = ("start", "stop", "max_kw", "until_soc")
    start, stop, max_kw, until_soc = (np.concatenate([getattr(o, name) for _, o in given]) for name in names)
    order = np.lexsort((start, who))
    who, start, stop = who[order], start[order], stop[order]
    follows = np.append(who[1:] == who[:-1], False)
    after = np.append(start[1:], np.inf)
    stop = np.where(follows, np.minimum(stop, after), stop)
    rank = np.arange(len(who)) - np.searchsorted(who, who)
    return Plan(who, start, stop, max_kw[order], until_soc[order], rank)


def joined(plans: Sequence[Plan]) -> Plan:
    """Plans of different cars as one."""
    return Plan(*(np.concatenate(column) for column in zip(*plans, strict=True)))


def follow(people: Population, plan: Plan, soc: Floats, since_s: Floats | float, to_s: Floats | float) -> Floats:
    """Live a plan from one instant to another; returns the energy at the meter (n_users,) [kWh], negative if given.

    soc : (n_users,) on paper, and changed; since_s, to_s : one for all, or (n_users,)
    """
    kwh = np.zeros(len(soc))
    since, to = np.broadcast_to(since_s, soc.shape), np.broadcast_to(to_s, soc.shape)
    for rank in range(int(plan.rank.max(initial=-1)) + 1):
        part = plan.of(plan.rank == rank)
        hours = (np.minimum(part.stop, to[part.who]) - np.maximum(part.start, since[part.who])) / SECONDS_PER_HOUR
        part, hours = part.of(hours > 0), hours[hours > 0]
        takes, gives = rows_where(part.max_kw > 0), rows_where(part.max_kw < 0)
        if len(takes):
            who = part.who[takes]
            kw = np.minimum(part.max_kw[takes], people.charger_kw[who])
            done = charge(people.curve, people.wiring(who), soc[who], kw, part.until_soc[takes], hours[takes])
            goal = part.until_soc[takes]
            soc[who] = np.where(np.abs(goal - done.soc) < _ROUNDING, goal, done.soc)  # else a rule sees a need
            kwh[who] += done.import_kwh
        if len(gives):
            who = part.who[gives]
            given = given_kwh(people, who, soc[who], -part.max_kw[gives], part.until_soc[gives], hours[gives])
            soc[who] -= given / (people.discharging_efficiency[who] * people.capacity_kwh[who])
            kwh[who] -= given
    return kwh


def given_kwh(people: Population, who: Who, soc: Floats, kw: Floats, floor_soc: Floats, hours: Floats) -> Floats:
    """(m,) energy at the meter that cars can give back in some time, down to a floor or their reserve [kWh]."""
    floor = np.maximum(floor_soc, people.v2g_reserve_soc[who])
    there = np.maximum(soc - floor, 0.0) * people.capacity_kwh[who] * people.discharging_efficiency[who]
    return np.asarray(np.minimum(np.minimum(kw, people.discharge_kw[who]) * hours, there))

"""Who gets ready for a dispatch that has been announced."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from evsim._battery import charge
from evsim._dispatch.office import Office, Round
from evsim._dispatch.ranges import may_matter
from evsim._dispatch.seen import LEAST_KW, SOC_ROUNDING, Call, Seen
from evsim._dispatch.shadows import Plan
from evsim._units import Bools, Floats, rows_where
from evsim.strategies._parts import Talk


class _Ahead(NamedTuple):
    """What cars could do ahead of a dispatch; each (m,) but the plan, which is that of free cars.

    useful_kw : what each would add to it; is_due : whether there is something to be done now; kw, until_soc : what, and
    for those who are held already; must_charge : whether they cannot wait for it
    """

    plan: Plan
    useful_kw: Floats
    is_due: Bools
    kw: Floats
    until_soc: Floats
    must_charge: Bools


def prepare(office: Office, call: Call, now: Round) -> Talk[None]:
    """Decide who gets ready, and how. A turn-down needs nothing; what is charged ahead would not be under a limit."""
    held, seen, action = office.held, now.seen, call.word.action
    if action == "turn_down" or (action == "discharge" and office.is_limited):
        return
    asked, is_out = office.is_asked(call, seen)
    is_ours = held.dispatch(seen.who) == call.dispatch
    rows = rows_where(asked & ~is_out & ~now.is_taken & (is_ours | may_matter(action, seen.cars)))
    part, is_mine = seen.of(rows), is_ours[rows]
    ahead = (_before_discharge if action == "discharge" else _before_turn_up)(office, call, part)
    granted_kw = yield from office.turns.granted_kw(call, part.who, is_mine, ahead.useful_kw)
    chosen = is_mine | ((granted_kw > LEAST_KW) & ahead.is_due)
    held.hold(call.act, part.who[chosen], ahead.plan)
    now.take(rows[chosen])
    late = is_mine & (ahead.must_charge | held.is_let_go[part.who])
    held.is_let_go[part.who[late]] = True
    office.want(call, now, part, chosen & ~late, ahead.kw, ahead.until_soc, "prepare")
    office.want(call, now, part, late, part.cars.charger_kw, part.cars.target_soc, "refill")


def _before_discharge(office: Office, call: Call, part: Seen) -> _Ahead:
    """Cars that their own plan does not have charged by the start charge now, for as long as it will serve.

    Those who have that much go on as their rule would.
    """
    cars, start_s = part.cars, float(call.act.start_s)
    stays = (cars.discharge_kw > 0) & (cars.expected_departure > start_s)
    needs = cars.discharge_kw * call.window_h / (cars.discharging_efficiency * cars.capacity_kwh)
    goal = np.minimum(cars.v2g_reserve_soc + needs, cars.target_soc)
    plan, soc, (kwh, _) = office.held.forecast(part, part.until_s, start_s)
    lacks = cars.soc < goal
    return _Ahead(
        plan=plan,
        useful_kw=np.where(stays, cars.discharge_kw, 0.0),
        is_due=lacks & (soc < goal - SOC_ROUNDING),
        kw=np.where(lacks, cars.charger_kw, kwh / part.hours),
        until_soc=np.where(lacks, goal, cars.target_soc),
        must_charge=np.zeros(len(cars), np.bool_),
    )


def _before_turn_up(office: Office, call: Call, part: Seen) -> _Ahead:
    """Cars that would have charged before the window, and can wait for it, wait."""
    cars, people, start_s = part.cars, office.people, float(call.act.start_s)
    has_room = cars.soc < cars.target_soc
    can_wait = has_room & part.is_ready_after(cars.soc, start_s)
    plan, _, (_, kwh) = office.held.forecast(part, start_s, float(call.act.planned_end_s))
    window_h = np.full(len(part.who), call.window_h)
    most = charge(people.curve, people.wiring(part.who), cars.soc, cars.charger_kw, cars.target_soc, window_h)
    return _Ahead(
        plan=plan,
        useful_kw=np.where(can_wait, np.maximum(most.import_kwh - kwh, 0.0) / call.window_h, 0.0),
        is_due=can_wait,
        kw=np.zeros(len(cars)),
        until_soc=cars.target_soc,
        must_charge=has_room & ~can_wait,
    )

"""What cars could deliver of each action until the next decision, and still be ready when they usually leave."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

import numpy as np

from evsim._battery import charge
from evsim._dispatch.record import Response
from evsim._dispatch.seen import LEAST_KW, Seen
from evsim._dispatch.settings import Action
from evsim._dispatch.shadows import given_kwh
from evsim._population import Population
from evsim._units import Anything, Bools, Floats
from evsim.strategies import Observation


class Range(NamedTuple):
    """What cars could do until the next decision; each (m,).

    shadow_kw : their mean power by their rule; most_kw : the most they can deliver, as a difference from that
    has_choice : whether they may serve at all; why_not : the response of those who cannot
    must_charge : whether they would be late if they waited for the next decision
    """

    shadow_kw: Floats
    most_kw: Floats
    has_choice: Bools
    why_not: Anything
    must_charge: Bools

    @property
    def can(self) -> Bools:
        """(m,) who could deliver something."""
        return self.has_choice & (self.most_kw > LEAST_KW)


RangeOf: TypeAlias = Callable[[Population, Seen, Floats], Range]

CANNOT = {
    "turn_down": Response.NOTHING_TO_TURN_DOWN,
    "turn_up": Response.NOTHING_TO_TURN_UP,
    "discharge": Response.CANNOT_DISCHARGE,
}
"""What free cars answer that do not come into question."""


def may_matter(action: Action, cars: Observation) -> Bools:
    """(n,) free cars whose rule and battery are worth a look: to the others nothing can be done, whatever their rule.

    A turn-down asks all: rules may charge cars further than to their target.
    """
    if action == "turn_down":
        return np.ones(len(cars), np.bool_)
    can_give = cars.discharge_kw > 0
    return can_give if action == "discharge" else can_give | (cars.soc < cars.target_soc)


def range_of(action: Action, people: Population, part: Seen, shadow_kw: Floats) -> Range:
    """What cars could do about an action; shadow_kw : (m,) their mean power by their rule [kW]."""
    return _RANGES[action](people, part, shadow_kw)


def _of_turn_up(people: Population, part: Seen, shadow_kw: Floats) -> Range:
    most_kw = charged_kw(people, part, part.cars.charger_kw) - shadow_kw
    why_not = np.full(len(part.who), Response.NOTHING_TO_TURN_UP, np.uint8)
    return Range(shadow_kw, most_kw, most_kw > LEAST_KW, why_not, np.zeros(len(part.who), np.bool_))


def _of_turn_down(people: Population, part: Seen, shadow_kw: Floats) -> Range:  # noqa: ARG001 - one form for all
    cars = part.cars
    can_wait = part.is_ready_after(cars.soc)
    is_idle = can_wait | (shadow_kw <= LEAST_KW)
    why_not = np.where(is_idle, np.uint8(Response.NOTHING_TO_TURN_DOWN), np.uint8(Response.WOULD_MISS_READY_BY))
    return Range(shadow_kw, np.maximum(shadow_kw, 0.0), can_wait, why_not, ~can_wait & (cars.soc < cars.target_soc))


def _of_discharge(people: Population, part: Seen, shadow_kw: Floats) -> Range:
    cars, hours = part.cars, part.hours
    can_wait, has_v2g = part.is_ready_after(cars.soc), cars.discharge_kw > 0
    kwh = given_kwh(people, part.who, cars.soc, cars.discharge_kw, np.zeros(len(cars)), hours)
    after = cars.soc - kwh / (cars.discharging_efficiency * cars.capacity_kwh)
    gives = (kwh > 0) & part.is_ready_after(after)
    why_not = np.full(len(cars), Response.WOULD_MISS_READY_BY, np.uint8)
    why_not[can_wait & (kwh <= 0)] = Response.BELOW_RESERVE
    why_not[~has_v2g] = Response.CANNOT_DISCHARGE
    most_kw = np.maximum(np.where(gives, kwh / hours, 0.0) + shadow_kw, 0.0)
    must_charge = ~can_wait & (cars.soc < cars.target_soc)
    return Range(shadow_kw, np.where(has_v2g, most_kw, 0.0), has_v2g & can_wait, why_not, must_charge)


_RANGES: dict[Action, RangeOf] = {"turn_down": _of_turn_down, "turn_up": _of_turn_up, "discharge": _of_discharge}


def charged_kw(people: Population, part: Seen, max_kw: Floats) -> Floats:
    """(m,) mean power of cars that charge to their target with up to `max_kw` (m,), until the next decision [kW]."""
    cars, hours = part.cars, part.hours
    done = charge(people.curve, people.wiring(part.who), cars.soc, max_kw, cars.target_soc, hours)
    return done.import_kwh / hours

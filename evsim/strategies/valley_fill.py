"""Fill the valleys of demand: the fleet's total as flat as the cars that are here allow."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, NamedTuple

import numpy as np

from evsim._units import SECONDS_PER_HOUR, SECONDS_PER_MINUTE, Anything, Floats, Ints, pieces
from evsim.strategies._base import FleetStrategy
from evsim.strategies._fleet import LEAST_KW, Claims, by_user, in_turn, pressure
from evsim.strategies._observation import Observation
from evsim.strategies._orders import Orders
from evsim.strategies._valley import counted, flattest_now, taken_by

_HORIZON_H = 48
"""How far a plan looks [h]: two nights; a car that stays longer, or charges longer, is planned as if until then."""
_PIECE = 32_768
"""Cars looked at together, so that what is known of them stays in the processor's cache."""
_SLACK = 1e-9
"""A valley is a wish and no limit: rounding shall not cut a car that just fits, nor see a taper where there is none."""


class ValleyFill(FleetStrategy):
    """The flattest total power, of the cars and of the demand beside them if that is given, over the time to come.

    At each decision it plans for all connected cars the draw whose sum of squares with the demand is least (exactly:
    see `_valley`), and takes the first slot of that plan. Who would be late otherwise gets what it must have. The rest
    goes to the cars with the least laxity, at full power and one after the other, so that few switch; the last of them
    gets what is left, if that is not below the 1.4 kW of 6 A.

    It believes that everybody leaves when they usually do, that a car draws the same power until it is full (the mean
    of what its curve allows), and that nobody else will come: each decision corrects what the last could not know. So
    the first cars of an evening charge at a level that the later ones raise, and who leaves earlier than usual goes
    with less.

    The wrong choice for a fleet that pays by the price (it sees none), for a cable with a limit (flat is not low: see
    `FleetLimit`), and for a handful of cars, whose least power is coarser than the plan.
    """

    name: ClassVar[str] = "valley_fill"
    sees_full_cars: ClassVar[bool] = False

    def orders(self, cars: Observation) -> Iterator[Orders]:
        """Full power for the most pressed, as many as fill the valley; 0 kW for who must stop for them."""
        rows = (cars.soc < cars.target_soc).nonzero()[0]
        in_order = by_user(cars.user_id, rows)
        if not len(rows):
            return
        if len(rows) < len(cars) or in_order is not rows:
            yield from self._orders_of(cars.of(in_order), in_order, cars)
        else:
            yield from self._orders_of(cars, rows, cars)

    def _orders_of(self, needy: Observation, rows: Ints, cars: Observation) -> Iterator[Orders]:
        """The orders of cars that need energy, by user, which are `rows` of all."""
        looks = [self._look(needy.of(piece)) for piece in pieces(len(needy), _PIECE)]
        wanted_kw, must_kw, when, charger_kw, is_charging = (
            np.concatenate(column) for column in zip(*(look.by_car for look in looks), strict=True)
        )
        valley_kw = self._valley_kw(cars, sum(look.counts for look in looks[1:]) + looks[0].counts)
        left_kw = valley_kw * (1 + _SLACK) - must_kw.sum()
        granted_kw = must_kw + in_turn(when, wanted_kw - must_kw, needy.user_id, left_kw, LEAST_KW)
        power = np.where(granted_kw < wanted_kw * (1 - _SLACK), granted_kw, charger_kw)
        told = (granted_kw > 0) | is_charging
        yield cars.orders(which=rows[told], max_kw=power[told], reason="valley")

    @property
    def _slot_s(self) -> int:
        return self.decide_every_minutes * SECONDS_PER_MINUTE

    def _look(self, cars: Observation) -> _Look:
        """What some cars need, ask for and can wait for."""
        slot_h = self._slot_s / SECONDS_PER_HOUR
        most_slots = int(_HORIZON_H // slot_h)
        charger_kw = cars.charger_kw
        energy_kwh = (cars.target_soc - cars.soc) * cars.capacity_kwh / cars.efficiency
        needs_h = np.minimum(cars.hours_to(cars.target_soc), _HORIZON_H)  # some curves never end
        np.maximum(needs_h, energy_kwh / charger_kw, out=needs_h)
        slots = np.clip((cars.expected_departure - cars.now) / self._slot_s, 1, most_slots).astype(np.int64)
        full_kw = _full_kw(cars, energy_kwh, needs_h, slot_h)
        wanted_kw = np.minimum(energy_kwh / slot_h, full_kw)
        must_kw = _must_kw(wanted_kw, full_kw * (needs_h / slot_h - (slots - 1)))
        claims = Claims(wanted_kw, slots * np.float64(slot_h), needs_h, cars.is_charging, cars.user_id)
        when = pressure("least_laxity", claims, slot_h)
        counts = counted(energy_kwh, energy_kwh / needs_h * slot_h, slots, most_slots)
        return _Look((wanted_kw, must_kw, when, charger_kw, cars.is_charging), counts)

    def _valley_kw(self, cars: Observation, counts: Floats) -> float:
        """What the flattest plan draws until the next decision [kW]."""
        n_slots = int(counts[1].sum(axis=1).nonzero()[0].max())
        slot_h, demand_kwh = self._slot_s / SECONDS_PER_HOUR, np.zeros(n_slots)
        if cars.demand_kw is not None:
            edges = cars.now.min() + np.arange(n_slots + 1, dtype=np.float64) * self._slot_s
            demand_kwh = cars.demand_kw.mean(edges[:-1], edges[1:]) * slot_h
        return flattest_now(demand_kwh, taken_by(counts[:, : n_slots + 1, : n_slots + 1])) / slot_h


class _Look(NamedTuple):
    """Some cars as the plan needs them: columns by car (n,), and their count by deadline and need."""

    by_car: tuple[Anything, ...]
    counts: Floats


def _full_kw(cars: Observation, energy_kwh: Floats, needs_h: Floats, slot_h: float) -> Floats:
    """(n,) mean power of each while it draws all it can in the next slot [kW]: less than the charger's if it tapers."""
    full_kw = cars.charger_kw.copy()
    rows = (needs_h * full_kw > energy_kwh * (1 + _SLACK)).nonzero()[0]
    if len(rows):
        some, kwh = cars.of(rows), np.minimum(energy_kwh, full_kw * slot_h)[rows]
        soc = np.minimum(some.soc + kwh * some.efficiency / some.capacity_kwh, some.target_soc)
        hours = np.minimum(some.hours_to(soc), needs_h[rows])
        full_kw[rows] = kwh / np.maximum(hours, kwh / some.charger_kw)
    return full_kw


def _must_kw(wanted_kw: Floats, due_kw: Floats) -> Floats:
    """(n,) power without which full power in all later slots is too little [kW]: none, or what a charger can give."""
    must_kw = np.minimum(np.maximum(due_kw, LEAST_KW), wanted_kw)
    return np.where(due_kw > _SLACK, must_kw, 0.0)

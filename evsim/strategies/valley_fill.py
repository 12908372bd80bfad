"""Fill the valleys of demand: the fleet's total as flat as the cars that are here allow."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import ClassVar, NamedTuple

import numpy as np

from evsim._units import SECONDS_PER_HOUR, SECONDS_PER_MINUTE, Anything, Bools, Floats, Ints, pieces
from evsim.strategies._base import FleetStrategy
from evsim.strategies._fleet import LEAST_KW, Claims, Tally, Turn, granted_in_turn, pressure, tallied, turns
from evsim.strategies._observation import Observation
from evsim.strategies._orders import NEVER, Orders
from evsim.strategies._parts import as_one
from evsim.strategies._valley import counted, flattest_now, taken_by

_HORIZON_H = 48
"""How far a plan looks [h]: two nights; a car that stays longer, or charges longer, is planned as if until then."""
_PIECE = 32_768
"""Cars looked at together, so that what is known of them stays in the processor's cache."""
_PER_UNIT = 2.0**24
"""Energies [kWh] and powers [kW] are added up as whole multiples of a 2**24th: exactly, up to 500 GWh and 500 GW."""
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
    can_hurry: ClassVar[bool] = True
    sees_full_cars: ClassVar[bool] = False

    @property
    def decides_in_parts(self) -> bool:
        """The plan needs no more of a part than its counts."""
        return True

    def orders(self, cars: Observation) -> Iterable[Orders]:
        """Full power for the most pressed, as many as fill the valley; 0 kW for who must stop for them."""
        return as_one(self, cars)

    def look(self, cars: Observation) -> tuple[_Summary, _Memory]:
        """What the cars of a part need, ask for and can wait for."""
        looked = [self._look(cars, piece) for piece in pieces(len(cars), _PIECE)]
        looks = [look for look, _ in looked if len(look.row)]
        if not looks:
            return _NOTHING, _Memory(looks, _NOTHING.tally.when, _NOTHING.demand_kwh)
        counts = sum((some for _, some in looked[1:]), looked[0][1])
        n_slots = int(counts[1].sum(axis=1).nonzero()[0].max())
        when = np.concatenate([look.when for look in looks])
        wish_kw = np.concatenate([look.wanted_kw - look.must_kw for look in looks])
        summary = _Summary(
            counts=counts[:, : n_slots + 1, : n_slots + 1],
            demand_kwh=self._demand_kwh(cars, n_slots),
            must_kw=sum(float(_whole(look.must_kw).sum()) for look in looks),
            tally=tallied(when, wish_kw),
        )
        return summary, _Memory(looks, when, wish_kw)

    def agree(self, summaries: Sequence[_Summary]) -> list[Turn]:
        """Whose turn it is in each part, when the plan is made for all."""
        demand_kwh = max((part.demand_kwh for part in summaries), key=len)
        if not len(demand_kwh):
            return turns([part.tally for part in summaries], 0.0)
        counts = np.zeros((2, len(demand_kwh) + 1, len(demand_kwh) + 1))
        for part in summaries:
            width = len(part.demand_kwh) + 1
            counts[:, :width, :width] += part.counts
        valley_kw = flattest_now(demand_kwh, taken_by(counts)) * SECONDS_PER_HOUR / self._slot_s
        left_kw = valley_kw * (1 + _SLACK) - sum(part.must_kw for part in summaries)
        return turns([part.tally for part in summaries], left_kw)

    def orders_of(self, cars: Observation, memory: _Memory, verdict: Turn) -> Iterator[Orders]:
        """The orders for the cars of a part."""
        user_id = _NO_ROWS
        if verdict.taken_kw is not None:
            user_id = cars.user_id[np.concatenate([look.row for look in memory.looks])]
        granted_kw = granted_in_turn(verdict, memory.when, memory.wish_kw, user_id, LEAST_KW)
        first = 0
        for look in memory.looks:
            end = first + len(look.row)
            yield from look.orders(granted_kw[first:end])
            first = end

    @property
    def _slot_s(self) -> int:
        return self.decide_every_minutes * SECONDS_PER_MINUTE

    def _look(self, everybody: Observation, piece: slice) -> tuple[_Look, Floats]:
        """What those cars of a piece want that need energy, and their counts by deadline and need (see `counted`)."""
        cars = everybody.of(piece)
        needy = (cars.soc < cars.target_soc).nonzero()[0]
        if len(needy) < len(cars):
            cars = cars.of(needy)
        slot_h = self._slot_s / SECONDS_PER_HOUR
        most_slots = int(_HORIZON_H // slot_h)
        energy_kwh = cars.target_soc - cars.soc
        energy_kwh *= cars.capacity_kwh
        energy_kwh /= cars.efficiency
        needs_h = cars.hours_to(cars.target_soc)
        np.minimum(needs_h, _HORIZON_H, out=needs_h)  # some curves never end
        np.maximum(needs_h, energy_kwh / cars.charger_kw, out=needs_h)
        stay = cars.expected_departure - cars.now
        stay /= self._slot_s
        slots = np.clip(stay, 1, most_slots, out=stay).astype(np.int64)
        full_kw = _full_kw(cars, energy_kwh, needs_h, slot_h)
        wanted_kw = np.minimum(energy_kwh / slot_h, full_kw)
        full_kw *= needs_h / slot_h - (slots - 1)
        must_kw = _must_kw(wanted_kw, full_kw)
        claims = Claims(wanted_kw, slots * np.float64(slot_h), needs_h, cars.is_charging, needy)
        when = pressure("least_laxity", claims, slot_h)
        per_slot_kwh = np.divide(energy_kwh, needs_h, out=needs_h)
        per_slot_kwh *= slot_h
        counts = counted(_whole(energy_kwh), np.maximum(_whole(per_slot_kwh), 1 / _PER_UNIT), slots, most_slots)
        columns = cars.charger_kw, cars.is_charging, cars.target_soc, cars.now
        return _Look(piece.start + needy, wanted_kw, must_kw, when, *columns), counts

    def _demand_kwh(self, cars: Observation, n_slots: int) -> Floats:
        """(n_slots,) what everything else draws in the slots to come [kWh]; 0 where that is not known."""
        if cars.demand_kw is None:
            return np.zeros(n_slots)
        edges = cars.now.min() + np.arange(n_slots + 1, dtype=np.float64) * self._slot_s
        return cars.demand_kw.mean(edges[:-1], edges[1:]) * (self._slot_s / SECONDS_PER_HOUR)


class _Look(NamedTuple):
    """Some cars of a part that need energy, and what they want; each (n,).

    row : of all that were asked about; when : of `pressure`
    """

    row: Ints
    wanted_kw: Floats
    must_kw: Floats
    when: Anything
    charger_kw: Floats
    is_charging: Bools
    target_soc: Floats
    now: Floats

    def orders(self, granted_kw: Floats) -> Iterator[Orders]:
        """The orders when so much is granted beyond what each must have (n,) [kW]."""
        granted_kw = granted_kw + self.must_kw
        told = ((granted_kw > 0) | self.is_charging).nonzero()[0]
        if not len(told):
            return
        granted_kw = granted_kw[told]
        power = np.where(granted_kw < self.wanted_kw[told] * (1 - _SLACK), granted_kw, self.charger_kw[told])
        columns = self.row[told], power, self.target_soc[told], self.now[told], np.full(len(told), NEVER)
        yield Orders(*columns, reason="valley", stop_reason="order_ended")


class _Memory(NamedTuple):
    """What a part remembers of its look: piece by piece, and as columns, the pressure and the wish [kW] of each car."""

    looks: list[_Look]
    when: Anything
    wish_kw: Floats


class _Summary(NamedTuple):
    """What the others need to know of a part.

    counts : (2, T + 1, T + 1) of `counted`, for as many slots as its cars stay; demand_kwh : (T,) in them
    must_kw : what its cars must have [kW]; tally : what they wish beyond that
    """

    counts: Floats
    demand_kwh: Floats
    must_kw: float
    tally: Tally


_NO_ROWS = np.zeros(0, np.int64)
_NOTHING = _Summary(np.zeros((2, 1, 1)), np.zeros(0), 0.0, Tally(_NO_ROWS, np.zeros(0), np.zeros(0)))


def _whole(amount: Floats) -> Floats:
    """(n,) amounts as multiples of a fraction of a unit: their sum does not depend on how a fleet is cut."""
    rounded = amount * _PER_UNIT
    np.rint(rounded, out=rounded)
    rounded /= _PER_UNIT
    return rounded


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
    must_kw = np.zeros(len(due_kw))
    rows = (due_kw > _SLACK).nonzero()[0]
    must_kw[rows] = np.minimum(np.maximum(due_kw[rows], LEAST_KW), wanted_kw[rows])
    return must_kw

"""A limit for the whole fleet, around the rules that its cars follow."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, NamedTuple, get_args

import numpy as np

from evsim._errors import StrategyError
from evsim._units import SECONDS_PER_HOUR, SECONDS_PER_MINUTE, Anything, Bools, Floats, Ints
from evsim.strategies._base import DECIDE_EVERY_MINUTES, Asked, ChargingStrategy, ask, is_built_in
from evsim.strategies._fleet import (
    LATER,
    LEAST_KW,
    Claims,
    ShareBy,
    Turn,
    exact_sum,
    fit,
    granted_in_turn,
    pressure,
    share,
    tallied,
    turns,
)
from evsim.strategies._observation import Observation
from evsim.strategies._orders import NEVER, Orders
from evsim.strategies._parts import as_one

_REASON = "fleet_limit"
_MOST_DECISIONS = 96
"""How far ahead energy is counted; two days of half-hours, and what is due later is due then."""
_GRAINS_PER_KWH = 2.0**24
"""Energies are added up as whole multiples of a 2**24th kWh: exactly, up to 500 GWh."""
_HAIR = 1e-12
"""Room for the rounding of a sum."""


@dataclass(frozen=True)
class FleetLimit:
    """At no instant more than `limit_kw` for all cars together, whatever their own rules want.

    limit_kw : the most power of all connected cars [kW]
    share_by : who gets it when all want more: "earliest_deadline", "least_laxity" or "equally" (see `share`)
    rules : each archetype's own rule, in their order; those that share a rule object are asked together
    minimum_kw : a car gets at least this, or its smaller wish, or nothing [kW]
    decide_every_minutes : how often the limit is shared anew

    At each decision every rule is asked anew about its cars, and what it orders for any time until the next decision is
    what a car wants: the most of it, all that time. So the sum of all orders that stand is never above the limit.

    Where the limit binds, a car that would be full before the next decision fills up slowly instead, so that it does
    not hold power that it does not use. And power is not left over for later where later it will be missing: what is
    due by each deadline must fit under the limit until then, so at least the energy that does not must flow now
    (earliest-deadline scheduling: Liu and Layland 1973, J. ACM 20, 46). If the rules want less than that, cars whose
    rule waits by choice (`can_hurry`: not a timer) charge too, the most pressed first.

    Power that cars give back is neither cut nor counted: it makes no room for others.

    It believes that people leave when they usually do. The wrong choice where a car must have its energy
    whatever the others do (a guard belongs into the rule inside, and no rule is obeyed beyond the limit), and
    for flattening: up to its limit a fleet may peak (see `ValleyFill`).
    """

    limit_kw: float
    share_by: ShareBy = "earliest_deadline"
    rules: tuple[ChargingStrategy, ...] = ()
    minimum_kw: float = LEAST_KW
    decide_every_minutes: int = DECIDE_EVERY_MINUTES

    name: ClassVar[str] = "fleet_limit"
    asked: ClassVar[Asked] = "every_step"
    idle_reason: ClassVar[str] = "rule_pauses"

    def __post_init__(self) -> None:
        """Raise a `StrategyError` for settings that make no sense."""
        if not self.limit_kw >= 0:
            raise StrategyError(f"fleet_limit: limit_kw is {self.limit_kw:g}; a power of 0 kW or more")
        if self.share_by not in get_args(ShareBy):
            raise StrategyError(f"fleet_limit: share_by is {self.share_by!r}; one of {', '.join(get_args(ShareBy))}")

    @property
    def sees_full_cars(self) -> bool:
        """Only a rule of somebody's own may want to charge beyond the target."""
        return not all(map(is_built_in, self.rules))

    @property
    def needs(self) -> tuple[str, ...]:
        """Signals that the rules inside cannot do without."""
        return tuple(sorted({signal for rule in self.rules for signal in getattr(rule, "needs", ())}))

    @property
    def decides_in_parts(self) -> bool:
        """Not for equal shares, which compare all with all, nor when a rule inside weighs cars itself."""
        return self.share_by != "equally" and all(rule.asked != "every_step" for rule in self.rules)

    def orders(self, cars: Observation) -> Iterable[Orders]:
        """What the rules order until the next decision, cut to the limit; 0 kW for who must stop for others."""
        return as_one(self, cars)

    def look(self, cars: Observation) -> tuple[_Part, _Look]:
        """What the rules order for the cars of a part, how pressed these are, and what is due by when."""
        near = list(self._wanted_until(cars, cars.now + self._interval_s))
        slow = [self._slowed(cars, orders) for orders in near]
        slow_kw, gives = _most(slow, len(cars)), _gives(near, len(cars))
        waits = (slow_kw == 0) & ~gives & (cars.soc < cars.target_soc) & self._can_hurry(cars)
        claims = self._claims(cars, np.where(waits, cars.charger_kw, slow_kw))
        when = pressure(self.share_by, claims, self._interval_h).astype(np.int32)
        when += np.int32(LATER) * waits
        part = _Part(
            wanted_kw=exact_sum(_most(near, len(cars))),
            slow_kw=exact_sum(slow_kw),
            claims=claims if self.share_by == "equally" else tallied(when, claims.wanted_kw),
            due_kwh=self._due_kwh(cars, counts=waits | gives | (slow_kw > 0)),
        )
        return part, _Look(near, slow, claims, waits, when)

    def agree(self, summaries: Sequence[_Part]) -> list[Any]:
        """Whose turn it is in each part, or what each car is granted [kW]; None: all have what their rules want."""
        must_kw = self._must_kw(np.sum([part.due_kwh for part in summaries], axis=0))
        wanted_kw, slow_kw = (sum(sum(getattr(part, name)) for part in summaries) for name in ("wanted_kw", "slow_kw"))
        if must_kw <= wanted_kw and fit((part.wanted_kw for part in summaries), self.limit_kw):
            return [None] * len(summaries)
        capacity_kw = min(self.limit_kw, max(slow_kw * (1 + _HAIR), must_kw))
        if self.share_by == "equally":
            return [share("equally", part.claims, capacity_kw, self._interval_h, self.minimum_kw) for part in summaries]
        return list(turns([part.claims for part in summaries], capacity_kw))

    def orders_of(self, cars: Observation, memory: _Look, verdict: Turn | Floats | None) -> Iterator[Orders]:
        """The orders of the rules, cut to what is granted, and power for who cannot wait though its rule would."""
        near, slow, claims, waits, when = memory
        if verdict is None:
            yield from near
            return
        granted_kw = (
            granted_in_turn(verdict, when, claims.wanted_kw, claims.user_id, self.minimum_kw)
            if isinstance(verdict, Turn)
            else verdict
        )
        for orders in slow:
            granted = granted_kw[orders.row]
            is_full = orders.max_kw <= granted
            yield from _of(orders, is_full)
            is_cut = (granted > 0) & ~is_full
            yield from _of(replace(orders, max_kw=granted, reason=_REASON), is_cut)
        hurries = waits & (granted_kw > 0)
        if hurries.any():
            yield cars.orders(which=hurries, max_kw=granted_kw, reason=_REASON)
        pauses = claims.is_charging & ~waits & (claims.wanted_kw > 0) & (granted_kw == 0) & ~_gives(near, len(cars))
        if pauses.any():
            yield cars.orders(which=pauses, max_kw=0.0, reason=_REASON)

    def _slowed(self, cars: Observation, orders: Orders) -> Orders:
        """Orders with no more power than fills a car until the next decision, or the order's own end."""
        row, now = orders.row, cars.now[orders.row]
        hours = (np.minimum(orders.stop, now + self._interval_s) - np.maximum(orders.start, now)) / SECONDS_PER_HOUR
        needs_kwh = (orders.until_soc - cars.soc[row]) * cars.capacity_kwh[row] / cars.efficiency[row]
        enough_kw = np.maximum(needs_kwh / hours, np.minimum(self.minimum_kw, orders.max_kw))
        slowed_kw = np.where(orders.max_kw > 0, np.minimum(orders.max_kw, enough_kw), orders.max_kw)
        return replace(orders, max_kw=slowed_kw)

    def _can_hurry(self, cars: Observation) -> Bools:
        """(n,) whose rule lets them charge before it would."""
        return np.array([getattr(rule, "can_hurry", False) for rule in self.rules], np.bool_)[cars.archetype]

    def _due_kwh(self, cars: Observation, counts: Bools) -> Floats:
        """(T + 1,) energy at the meter by the number of decisions until it is due [kWh], added up exactly."""
        needs_kwh = np.maximum(cars.target_soc - cars.soc, 0.0) * cars.capacity_kwh / cars.efficiency * counts
        left = np.clip((cars.expected_departure - cars.now) / self._interval_s, 1, _MOST_DECISIONS).astype(np.int64)
        possible_kwh = np.minimum(needs_kwh, cars.charger_kw * (self._interval_h * left))
        grains = np.rint(possible_kwh * _GRAINS_PER_KWH)
        return np.bincount(left, grains, _MOST_DECISIONS + 1) / _GRAINS_PER_KWH

    def _must_kw(self, due_kwh: Floats) -> float:
        """The least power until the next decision with which all that is due after it fits under the limit [kW]."""
        later_kwh = self.limit_kw * self._interval_h * np.arange(1, _MOST_DECISIONS)
        return float(np.max(np.cumsum(due_kwh)[2:] - later_kwh)) / self._interval_h

    def _wanted_until(self, cars: Observation, until_s: Floats) -> Iterator[Orders]:
        """The orders of the rules that begin before an instant (n,), with no more than the charger's power.

        One that goes on after it is without end: the next decision ends it.
        """
        for rule, rows in self._shares_of_rules(cars):
            is_all = len(rows) == len(cars)
            part = cars if is_all else cars.of(rows)
            for orders in ask(rule, part, part.now):
                row = orders.row if is_all else rows[orders.row]
                power = np.minimum(orders.max_kw, cars.charger_kw[row])
                stop = np.where(orders.stop > until_s[row], NEVER, orders.stop)
                lives = (orders.until_soc > cars.soc[row]) & (power > 0) | (power < 0)
                lives &= orders.start < until_s[row]
                yield from _of(replace(orders, row=row, max_kw=power, stop=stop), lives)

    def _shares_of_rules(self, cars: Observation) -> Iterator[tuple[ChargingStrategy, Ints]]:
        """Each rule and the rows it decides about."""
        if len(self.rules) <= int(cars.archetype.max(initial=-1)):
            raise StrategyError(
                f"fleet_limit has {len(self.rules)} rules for {len(cars.archetype_names)} archetypes; give one for each"
            )
        first = [next(i for i, other in enumerate(self.rules) if other is rule) for rule in self.rules]
        rule_of = np.array(first, np.int64)[cars.archetype]
        for i in sorted(set(first)):
            rows = (rule_of == i).nonzero()[0]
            if len(rows):
                yield self.rules[i], rows

    @property
    def _interval_s(self) -> int:
        return self.decide_every_minutes * SECONDS_PER_MINUTE

    @property
    def _interval_h(self) -> float:
        return self._interval_s / SECONDS_PER_HOUR

    def _claims(self, cars: Observation, wanted_kw: Floats) -> Claims:
        is_laxity = self.share_by == "least_laxity"
        return Claims(
            wanted_kw=wanted_kw,
            leaves_h=(cars.expected_departure - cars.now) / SECONDS_PER_HOUR,
            needs_h=cars.hours_to(cars.target_soc) if is_laxity else np.zeros(len(cars)),
            is_charging=cars.is_charging,
            user_id=cars.user_id,
        )


class _Part(NamedTuple):
    """What is told of a part of the fleet.

    wanted_kw, slow_kw : all that its rules want, and would want of cars that fill up slowly (coarse and rest) [kW]
    claims : by pressure, or car by car where shares are equal; due_kwh : (T + 1,) by decisions until it is due
    """

    wanted_kw: tuple[float, float]
    slow_kw: tuple[float, float]
    claims: Any
    due_kwh: Floats


class _Look(NamedTuple):
    """A part: what its rules order until the next decision, as they are and slowed; what each car claims; who waits by
    its rule; and the pressure (n,).
    """

    near: list[Orders]
    slow: list[Orders]
    claims: Claims
    waits: Bools
    when: Anything


def _most(given: Sequence[Orders], n: int) -> Floats:
    """(n,) the most power that is ordered for each of `n` cars [kW]."""
    most_kw = np.zeros(n)
    for orders in given:
        row = orders.row
        if (row[1:] > row[:-1]).all():
            most_kw[row] = np.maximum(most_kw[row], orders.max_kw)
        else:
            np.maximum.at(most_kw, row, orders.max_kw)
    return most_kw


def _gives(given: Sequence[Orders], n: int) -> Bools:
    """(n,) who is ordered to give power back."""
    gives = np.zeros(n, np.bool_)
    for orders in given:
        gives[orders.row[orders.max_kw < 0]] = True
    return gives


def _of(orders: Orders, rows: Bools) -> Iterator[Orders]:
    """Some of the orders (a mask), if it is any."""
    if rows.all():
        if len(rows):
            yield orders
        return
    which = rows.nonzero()[0]
    if len(which):
        yield replace(
            orders,
            row=orders.row[which],
            max_kw=orders.max_kw[which],
            until_soc=orders.until_soc[which],
            start=orders.start[which],
            stop=orders.stop[which],
        )

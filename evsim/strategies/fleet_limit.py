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
    LEAST_KW,
    Claims,
    ShareBy,
    Tally,
    Turn,
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


@dataclass(frozen=True)
class FleetLimit:
    """At no instant more than `limit_kw` for all cars together, whatever their own rules want.

    limit_kw : the most power of all connected cars [kW]
    share_by : who gets it when all want more: "earliest_deadline", "least_laxity" or "equally" (see `share`)
    rules : each archetype's own rule, in their order; those that share a rule object are asked together
    minimum_kw : a car gets at least this, or its smaller wish, or nothing [kW]
    decide_every_minutes : how often the limit is shared anew

    At each decision every rule is asked anew about its cars, and what it orders for any time until the next decision is
    what a car wants: the most of it, all that time. So the sum of all orders that stand is never above the limit, and
    some of the limit goes unused when a car is full, leaves, or waits inside an interval. A shorter one shares better.

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

    def look(self, cars: Observation) -> tuple[Tally | Claims, _Look]:
        """What the rules order for the cars of a part, and how pressed these are."""
        near = list(self._wanted_until(cars, cars.now + self.decide_every_minutes * SECONDS_PER_MINUTE))
        claims = self._claims(cars, _most(near, len(cars)))
        if self.share_by == "equally":
            return claims, _Look(near, claims, claims.user_id)
        when = pressure(self.share_by, claims, self._interval_h)
        return tallied(when, claims.wanted_kw), _Look(near, claims, when)

    def agree(self, summaries: Sequence[Any]) -> list[Any]:
        """Whose turn it is in each part; or what each car is granted [kW], of equal shares, when there is one part."""
        if self.share_by != "equally":
            return list(turns(summaries, self.limit_kw))
        (claims,) = summaries
        return [share(self.share_by, claims, self.limit_kw, self._interval_h, self.minimum_kw)]

    def orders_of(self, cars: Observation, memory: _Look, verdict: Turn | Floats) -> Iterator[Orders]:
        """The orders of the rules, cut to what is granted."""
        near, claims, when = memory
        granted_kw = (
            granted_in_turn(verdict, when, claims.wanted_kw, claims.user_id, self.minimum_kw)
            if isinstance(verdict, Turn)
            else verdict
        )
        for orders in near:
            granted = granted_kw[orders.row]
            is_full = orders.max_kw <= granted
            yield from _of(orders, is_full)
            is_cut = (granted > 0) & ~is_full
            yield from _of(replace(orders, max_kw=granted, reason=_REASON), is_cut)
        pauses = claims.is_charging & (claims.wanted_kw > 0) & (granted_kw == 0)
        if pauses.any():
            yield cars.orders(which=pauses, max_kw=0.0, reason=_REASON)

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
                lives = (orders.start < until_s[row]) & (orders.until_soc > cars.soc[row]) & (power > 0)
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
    def _interval_h(self) -> float:
        return self.decide_every_minutes * SECONDS_PER_MINUTE / SECONDS_PER_HOUR

    def _claims(self, cars: Observation, wanted_kw: Floats) -> Claims:
        is_laxity = self.share_by == "least_laxity"
        return Claims(
            wanted_kw=wanted_kw,
            leaves_h=(cars.expected_departure - cars.now) / SECONDS_PER_HOUR,
            needs_h=cars.hours_to(cars.target_soc) if is_laxity else np.zeros(len(cars)),
            is_charging=cars.is_charging,
            user_id=cars.user_id,
        )


class _Look(NamedTuple):
    """A part: what the rules order until the next decision, what that makes its cars claim, and their pressure (n,)."""

    near: list[Orders]
    claims: Claims
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

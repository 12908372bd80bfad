"""What goes round any strategy: margins, minimums, the owner's button, and the law's random delay."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, cast

import numpy as np
from pydantic import BaseModel, ConfigDict

from evsim._chance import Purpose
from evsim._typed_in.settings import Kw, Minutes, Percent, Plain, setting
from evsim._units import SECONDS_PER_HOUR, SECONDS_PER_MINUTE, Bools, Floats
from evsim.strategies._base import ChargingStrategy, ask
from evsim.strategies._observation import Observation
from evsim.strategies._orders import NEVER, Orders, some_of

MOST_DELAY_S = 1800
"""The longest random delay that the Electric Vehicles (Smart Charge Points) Regulations 2021 let be set."""
_MOST_MARGIN_MINUTES = 720
_MOST_KW = 500
_PERCENT = 100
_ROUNDING_S = 1e-6
"""So much of an instant is rounding."""


class Guards(BaseModel):
    """Settings that stand beside those of any strategy; each is off by default."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    minimum_soc_percent: Percent = setting(
        "A car under this charges at once, whatever its rule would choose.", "%", 0, ge=0, le=_PERCENT
    )
    margin_minutes: Minutes = setting(
        "How long before the expected departure a rule wants to be done.", "min", 0, ge=0, le=_MOST_MARGIN_MINUTES
    )
    boost_percent: Percent = setting(
        "Share of days on which the owner presses 'charge now'.", "%", 0, ge=0, le=_PERCENT
    )
    minimum_kw: Kw = setting(
        "The smallest power that is ordered, at the meter; smaller orders are raised to it. 6 A are 1.4 kW.",
        "kW",
        0,
        ge=0,
        le=_MOST_KW,
    )
    random_delay_seconds: Plain = setting(
        "Starts and changes of power wait for up to so long, each car as its luck has it (GB regulations: 600).",
        "s",
        0,
        ge=0,
        le=MOST_DELAY_S,
    )

    @property
    def are_off(self) -> bool:
        """Whether there is nothing to guard."""
        return self == Guards()


class Guarded:
    """A strategy with guards round it: outside, it is the strategy.

    From the outside in: an owner who presses the button gets full power at once; a car under the minimum SoC charges up
    to it at once; for the rest the strategy is asked, with the margin taken off the expected departure. The law's
    delay is waived for an owner's button only.
    """

    def __init__(self, inner: ChargingStrategy, guards: Guards) -> None:
        self.inner, self.guards = inner, guards

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the strategy has
        if name.startswith("__") or name in ("inner", "guards"):
            raise AttributeError(name)
        return getattr(self.inner, name)

    def orders(self, cars: Observation) -> Iterator[Orders]:
        """The strategy's orders, guarded."""
        wants = cars.soc < cars.target_soc
        plain = np.ones(len(cars), np.bool_)
        if self.guards.boost_percent:
            pressed = cars.luck(Purpose.BOOST) < self.guards.boost_percent / _PERCENT
            boosted = wants & pressed
            plain &= ~(boosted | (pressed & (cars.discharge_kw > 0)))  # nor is what it has charged sold
            yield cars.orders(which=boosted, reason="boost")
        delay = self._delay(cars)
        seen = cars
        if self.guards.minimum_soc_percent:
            low, reached = self._under_minimum(cars, delay)
            low &= plain
            yield from self._up_to_minimum(cars, low, delay)
            has_more = low & (cars.target_soc > self._minimum) & (self.inner.asked != "every_step")
            plain &= ~low | has_more
            seen = cars.but(
                now=np.where(low, reached, cars.now),
                soc=np.where(low, self._minimum, cars.soc),
                v2g_reserve_soc=np.maximum(cars.v2g_reserve_soc, self._minimum),
            )
        early = self.guards.margin_minutes * SECONDS_PER_MINUTE + delay
        if early.any():
            seen = seen.but(expected_departure=seen.expected_departure - early)
        yield from self._of_strategy(cars, seen, plain, delay)

    # ---- the least that a car should hold

    @property
    def _minimum(self) -> float:
        return self.guards.minimum_soc_percent / _PERCENT

    def _under_minimum(self, cars: Observation, delay: Floats) -> tuple[Bools, Floats]:
        """(n,) who is under the minimum, and when full power reaches it, in whole seconds [s]."""
        goal = np.minimum(np.full(len(cars), self._minimum), cars.target_soc)
        needs_s = cars.hours_to(goal) * SECONDS_PER_HOUR
        reached = cars.now + np.where(cars.is_charging, 0.0, delay) + needs_s
        return needs_s > _ROUNDING_S, np.ceil(reached - _ROUNDING_S)

    def _up_to_minimum(self, cars: Observation, low: Bools, delay: Floats) -> Iterator[Orders]:
        """Full power at once, for cars under the minimum."""
        goal = np.minimum(np.full(len(cars), self._minimum), cars.target_soc)
        begins = cars.now + np.where(cars.is_charging, 0.0, delay)
        yield cars.orders(which=low, until_soc=goal, start=begins, reason="minimum_soc", stop_reason="minimum_reached")

    # ---- the strategy itself

    def _of_strategy(self, cars: Observation, seen: Observation, plain: Bools, delay: Floats) -> Iterator[Orders]:
        rows = np.flatnonzero(plain)
        if not len(rows):
            return
        since = seen.now
        if len(rows) < len(cars):
            seen = seen.of(rows)
        for orders in ask(self.inner, seen, seen.now):
            ours = replace(orders, row=rows[orders.row])
            if self.guards.minimum_kw:
                raised = np.maximum(ours.max_kw, self.guards.minimum_kw)
                ours = replace(ours, max_kw=np.where(ours.max_kw > 0, raised, ours.max_kw))
            yield from self._delayed(cars, ours, since[ours.row], delay)

    # ---- the law's delay

    def _delay(self, cars: Observation) -> Floats:
        """(n,) how long the law would have a car wait today [s]."""
        most = self.guards.random_delay_seconds
        return np.floor(cars.luck(Purpose.RANDOM_DELAY) * most) if most else np.zeros(len(cars))

    def _delayed(self, cars: Observation, orders: Orders, since: Floats, delay: Floats) -> Iterator[Orders]:
        """Starts and changes of power wait; a car that charges goes on meanwhile, as before, unless it is to sell.

        since : (m,) when the strategy takes over: now, or when the minimum is reached
        """
        if not self.guards.random_delay_seconds:
            yield orders
            return
        row = orders.row
        follows_minimum = since > cars.now[row]
        goes_on = (cars.is_charging[row] | follows_minimum) & (orders.start <= since)
        power = np.where(follows_minimum, cars.charger_kw[row], cars.order_kw[row])
        is_same = goes_on & (np.minimum(orders.max_kw, cars.charger_kw[row]) == power)
        if (orders.max_kw < 0).any():
            is_same |= (cars.order_kw[row] == orders.max_kw) & (orders.max_kw < 0) & (orders.start <= since)
        start = orders.start + np.where(is_same | (orders.max_kw == 0), 0.0, delay[row])
        kept = start < orders.stop
        yield some_of(replace(orders, start=start), kept)
        changes = goes_on & ~is_same & (start > orders.start) & (orders.max_kw > 0)
        meanwhile = replace(orders, max_kw=power, stop=np.where(kept, NEVER, orders.stop))
        yield some_of(meanwhile, changes)


def guarded(inner: ChargingStrategy, guards: Guards) -> ChargingStrategy:
    """A strategy with its guards, or as it is where they are off."""
    return inner if guards.are_off else cast("ChargingStrategy", Guarded(inner, guards))

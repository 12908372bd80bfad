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
from evsim.strategies._orders import Orders

MOST_DELAY_S = 1800
"""The longest random delay that the Electric Vehicles (Smart Charge Points) Regulations 2021 let be set."""
_MOST_MARGIN_MINUTES = 720
_MOST_KW = 500
_PERCENT = 100


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
            boosted = wants & (cars.luck(Purpose.BOOST) < self.guards.boost_percent / _PERCENT)
            plain &= ~boosted
            yield cars.orders(which=boosted, reason="boost")
        delay = self._delay(cars)
        if self.guards.minimum_soc_percent:
            low = plain & wants & (cars.soc < self.guards.minimum_soc_percent / _PERCENT)
            begins = cars.now + np.where(cars.is_charging, 0.0, delay)
            reached = self._reached(cars, begins)
            yield from self._up_to_minimum(cars, low, begins, reached)
            has_more = low & (cars.target_soc > self.guards.minimum_soc_percent / _PERCENT)
            plain &= ~low | (has_more & (self.inner.asked != "every_step"))
            later = np.where(low, reached, cars.now)
            charged = np.where(low, np.minimum(self.guards.minimum_soc_percent / _PERCENT, cars.target_soc), cars.soc)
            delay = np.where(low, 0.0, delay)
            seen = cars.but(now=later, soc=charged)
        else:
            seen = cars
        if self.guards.margin_minutes:
            margin = self.guards.margin_minutes * SECONDS_PER_MINUTE
            seen = seen.but(expected_departure=seen.expected_departure - margin)
        yield from self._of_strategy(cars, seen, plain, delay)

    def _reached(self, cars: Observation, begins: Floats) -> Floats:
        """(n,) when full power from `begins` reaches the minimum SoC, in whole seconds [s]."""
        minimum = np.full(len(cars), self.guards.minimum_soc_percent / _PERCENT)
        return np.ceil(begins + cars.hours_to(minimum) * SECONDS_PER_HOUR)

    def _up_to_minimum(self, cars: Observation, low: Bools, begins: Floats, reached: Floats) -> Iterator[Orders]:
        """Full power at once, for cars under the minimum."""
        ends = low & (cars.target_soc <= self.guards.minimum_soc_percent / _PERCENT)
        yield cars.orders(which=ends, start=begins, reason="minimum_soc")
        goes_on = low & ~ends
        yield cars.orders(
            which=goes_on, start=begins, stop=reached, reason="minimum_soc", stop_reason="minimum_reached"
        )

    def _of_strategy(self, cars: Observation, seen: Observation, plain: Bools, delay: Floats) -> Iterator[Orders]:
        rows = np.flatnonzero(plain)
        if not len(rows):
            return
        if len(rows) < len(cars):
            seen = seen.of(rows)
        for orders in ask(self.inner, seen, seen.now):
            ours = replace(orders, row=rows[orders.row])
            if self.guards.minimum_kw:
                raised = np.maximum(ours.max_kw, self.guards.minimum_kw)
                ours = replace(ours, max_kw=np.where(ours.max_kw > 0, raised, 0.0))
            yield from self._delayed(cars, ours, delay)

    # ---- the law's delay

    def _delay(self, cars: Observation) -> Floats:
        """(n,) how long the law would have a car wait today [s]."""
        most = self.guards.random_delay_seconds
        return np.floor(cars.luck(Purpose.RANDOM_DELAY) * most) if most else np.zeros(len(cars))

    def _delayed(self, cars: Observation, orders: Orders, delay: Floats) -> Iterator[Orders]:
        """Starts wait; a car that charges goes on meanwhile, as before."""
        if not self.guards.random_delay_seconds:
            yield orders
            return
        row = orders.row
        charger = cars.charger_kw[row]
        goes_on = cars.is_charging[row] & (orders.start <= cars.now[row])
        is_same = goes_on & (np.minimum(orders.max_kw, charger) == cars.order_kw[row])
        start = orders.start + np.where(is_same, 0.0, delay[row])
        kept = start < orders.stop
        yield _some(replace(orders, start=start), kept)
        changes = goes_on & ~is_same & (start > orders.start)
        meanwhile = replace(orders, max_kw=cars.order_kw[row], stop=np.minimum(start, orders.stop))
        yield _some(meanwhile, changes)


def _some(orders: Orders, which: Bools) -> Orders:
    columns = {name: getattr(orders, name)[which] for name in ("row", "max_kw", "until_soc", "start", "stop")}
    return replace(orders, **columns)


def guarded(inner: ChargingStrategy, guards: Guards) -> ChargingStrategy:
    """A strategy with its guards, or as it is where they are off."""
    return inner if guards.are_off else cast("ChargingStrategy", Guarded(inner, guards))

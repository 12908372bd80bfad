"""Charge evenly over the whole stay."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from evsim._typed_in.settings import Kw, setting
from evsim._units import SECONDS_PER_HOUR, Floats, rows_where
from evsim.strategies._base import Strategy
from evsim.strategies._fleet import LEAST_KW
from evsim.strategies._observation import Observation
from evsim.strategies._orders import Orders

_MOST_TRIES = 60
_CLOSE_H = 1e-6
"""A target reached so little before the departure is reached at the departure: 4 ms."""


class Balanced(Strategy):
    """The one power that reaches the target just at the expected departure, taper included.

    It takes the usual departure for the real one: who leaves early goes with less, in proportion. The wrong choice
    where prices change, or where charging wastes more at low power, which is not modelled (assumption A4).
    """

    name: ClassVar[str] = "balanced"
    can_hurry: ClassVar[bool] = True
    minimum_kw: Kw = setting(
        "The least power: where an even one would be less, the target is reached early.",
        "kW",
        LEAST_KW,
        ge=0,
        le=500,
    )

    def orders(self, cars: Observation) -> Orders:
        """Start now, at the even power."""
        power = np.minimum(np.maximum(even_kw(cars), self.minimum_kw), cars.charger_kw)
        return cars.orders(which=rows_where(cars.soc < cars.target_soc), max_kw=power, reason="arrived")


def even_kw(cars: Observation) -> Floats:
    """(n,) the least power that reaches the target by the expected departure; the charger's where none does [kW]."""
    hours = (cars.expected_departure - cars.now) / SECONDS_PER_HOUR
    power = cars.charger_kw.copy()
    able = rows_where((cars.soc < cars.target_soc) & (cars.hours_to(cars.target_soc) < hours))
    if not len(able):
        return power
    fit = cars.of(able)
    flat = (fit.target_soc - fit.soc) * fit.capacity_kwh / (fit.efficiency * hours[able])
    slow = rows_where(fit.hours_to(fit.target_soc, flat) > hours[able] + _CLOSE_H)
    power[able] = flat
    if len(slow):
        power[able[slow]] = _solve(fit.of(slow), flat[slow], hours[able[slow]])
    return power


def _solve(cars: Observation, too_little: Floats, hours: Floats) -> Floats:
    """(n,) the power that takes `hours` to the target [kW], more than `too_little` (n,) and less than the charger's.

    The time is a convex, rising function of x = 1 / power, so a chord meets `hours` on the side of too much power. The
    false position method, with Illinois' halving of the end that stays (Dowell & Jarratt 1971, doi:10.1007/BF01934364).
    """
    fast, slow = 1 / cars.charger_kw, 1 / too_little
    early = cars.hours_to(cars.target_soc) - hours
    late = cars.hours_to(cars.target_soc, too_little) - hours
    side = np.zeros(len(cars))
    for _ in range(_MOST_TRIES):
        x = fast + (slow - fast) * early / (early - late)
        miss = cars.hours_to(cars.target_soc, 1 / x) - hours
        is_early = miss <= 0
        late = np.where(is_early, np.where(side < 0, late / 2, late), miss)
        early = np.where(is_early, miss, np.where(side > 0, early / 2, early))
        fast, slow = np.where(is_early, x, fast), np.where(is_early, slow, x)
        side = np.where(is_early, -1.0, 1.0)
        if (np.abs(miss) <= _CLOSE_H).all():
            break
    return 1 / x

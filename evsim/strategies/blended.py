"""Charge when money and carbon together cost least."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from evsim._typed_in.settings import Plain, setting
from evsim.strategies._base import Asked, Strategy
from evsim.strategies._observation import Observation
from evsim.strategies._orders import Orders
from evsim.strategies._slots import best_slots

_CARBON_PRICE = 264.0
"""UK central carbon value for appraisal, 2026, in GBP of 2020 (BEIS, Valuation of greenhouse gas emissions, 2 September
2021, annex 1: 256 in 2024 and 280 in 2030, 4 more each year)."""
_TONNES_PER_G = 1e-6


class Blended(Strategy):
    """Full power in the hours before the expected departure when the price, with a price on carbon, is lowest.

    It assumes what `cheapest` and `greenest` assume. A price of electricity holds some of the price of carbon already
    (the emissions trading of power stations), which is then counted twice: lower the setting, or use `cheapest`, where
    that matters.
    """

    name: ClassVar[str] = "blended"
    can_hurry: ClassVar[bool] = True
    asked: ClassVar[Asked] = "at_news"
    needs: ClassVar[tuple[str, ...]] = ("import_price", "carbon_intensity")
    carbon_price_gbp_per_tonne: Plain = setting(
        "What a tonne of CO2 is worth avoiding: 0 is cheapest; the larger, the greener.",
        "GBP/t",
        _CARBON_PRICE,
        ge=0,
        le=100_000,
    )

    def orders(self, cars: Observation) -> Iterator[Orders]:
        """The best hours of each stay."""
        per_g = self.carbon_price_gbp_per_tonne * _TONNES_PER_G
        return best_slots(cars, "best_slot", (cars.import_price, 1.0), (cars.carbon_intensity, per_g))

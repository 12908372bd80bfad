"""Charge when electricity is cheapest: what a charger does that knows tomorrow's prices."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from evsim.strategies._base import Asked, Strategy
from evsim.strategies._observation import Observation
from evsim.strategies._orders import Orders
from evsim.strategies._slots import best_slots


class Cheapest(Strategy):
    """Full power in the cheapest hours before the expected departure; planned anew whenever prices are published.

    It takes the driver's usual departure for the real one, and estimates for prices where none are published yet: who
    often leaves early, or needs the car at short notice, is better served by `immediate`. It takes all hours of
    charging for alike, which they are not near 100%, where power tapers: there it is a little dearer than need be.
    """

    name: ClassVar[str] = "cheapest"
    can_hurry: ClassVar[bool] = True
    asked: ClassVar[Asked] = "at_news"
    needs: ClassVar[tuple[str, ...]] = ("import_price",)

    def orders(self, cars: Observation) -> Iterator[Orders]:
        """The cheapest hours of each stay."""
        return best_slots(cars, "cheap_slot", (cars.import_price, 1.0))

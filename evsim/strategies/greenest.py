"""Charge when electricity is cleanest."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from evsim.strategies._base import Asked, Strategy
from evsim.strategies._observation import Observation
from evsim.strategies._orders import Orders
from evsim.strategies._slots import best_slots


class Greenest(Strategy):
    """Full power in the hours of lowest carbon intensity before the expected departure, planned anew at every forecast.

    It takes the usual departure for the real one, and the grid's average intensity for what a car's own demand causes:
    the wrong choice for asking what charging adds to emissions, which is the marginal plant's, or where money decides.
    """

    name: ClassVar[str] = "greenest"
    can_hurry: ClassVar[bool] = True
    asked: ClassVar[Asked] = "at_news"
    needs: ClassVar[tuple[str, ...]] = ("carbon_intensity",)

    def orders(self, cars: Observation) -> Iterator[Orders]:
        """The cleanest hours of each stay."""
        return best_slots(cars, "green_slot", (cars.carbon_intensity, 1.0))

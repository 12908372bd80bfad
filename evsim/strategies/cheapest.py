"""Charge when electricity is cheapest: what a charger does that knows tomorrow's prices."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from evsim._typed_in.settings import Switch, setting
from evsim.strategies._arbitrage import slots_and_trades
from evsim.strategies._base import Asked, Strategy
from evsim.strategies._observation import Observation
from evsim.strategies._orders import Orders
from evsim.strategies._slots import best_slots


class Cheapest(Strategy):
    """Full power in the cheapest hours before the expected departure; planned anew whenever prices are published.

    Cars that can give power back, where export has a price, also sell in the dearest hours and charge that much more in
    cheap ones, when what they earn is more than losses and wear cost (see `_trades`).

    It takes the driver's usual departure for the real one, and estimates for prices where none are published yet: who
    often leaves early, or needs the car at short notice, is better served by `immediate`. It takes all hours of
    charging for alike, which they are not near 100%, where power tapers: there it is a little dearer than need be.
    """

    name: ClassVar[str] = "cheapest"
    can_hurry: ClassVar[bool] = True
    asked: ClassVar[Asked] = "at_news"
    needs: ClassVar[tuple[str, ...]] = ("import_price",)
    sell: Switch = setting(
        "Whether cars that can give power back sell it where that pays; it needs export_price.",
        "true or false",
        default=True,
    )

    def orders(self, cars: Observation) -> Iterator[Orders]:
        """The cheapest hours of each stay, and the dearest to sell in."""
        price, paid = cars.import_price, cars.export_price
        if self.sell and price is not None and paid is not None:
            return slots_and_trades(cars, price, paid)
        return best_slots(cars, "cheap_slot", (price, 1.0))

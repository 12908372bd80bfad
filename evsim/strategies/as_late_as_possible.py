"""Charge as late as the target allows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import numpy as np

from evsim._units import SECONDS_PER_HOUR, rows_where
from evsim.strategies._base import Strategy
from evsim.strategies._observation import Observation
from evsim.strategies._orders import Orders


class AsLateAsPossible(Strategy):
    """Full power from the latest moment that still reaches the target by the expected departure, taper included.

    It takes the usual departure for the real one and keeps no reserve: the wrong choice for anybody who may leave
    early. Good for a battery that ages when it stands full. Who stays on is charged until the target all the same.
    """

    name: ClassVar[str] = "as_late_as_possible"
    can_hurry: ClassVar[bool] = True

    def orders(self, cars: Observation) -> Iterator[Orders]:
        """Start now, or when just enough time is left."""
        need_s = cars.hours_to(cars.target_soc) * SECONDS_PER_HOUR
        latest = np.floor(cars.expected_departure - need_s)  # orders are carried out at the next whole second
        is_late = latest <= cars.now
        hurries, waits = rows_where(is_late & (need_s > 0)), rows_where(~is_late & (need_s > 0))
        if len(hurries):
            yield cars.orders(which=hurries, reason="arrived")
        if len(waits):
            yield cars.orders(which=waits, start=latest[waits], reason="latest_start")

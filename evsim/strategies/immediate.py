"""Charge on arrival: what a charger does that decides nothing."""

from __future__ import annotations

from typing import ClassVar

from evsim.strategies._base import Strategy
from evsim.strategies._observation import Observation
from evsim.strategies._orders import Orders


class Immediate(Strategy):
    """Full power from plug-in until the target."""

    name: ClassVar[str] = "immediate"

    def orders(self, cars: Observation) -> Orders:
        """Start now."""
        return cars.orders(reason="arrived")

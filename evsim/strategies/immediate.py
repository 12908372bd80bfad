"""Charge on arrival: what a charger does that decides nothing."""

from __future__ import annotations

from typing import ClassVar

from evsim.strategies._base import Observation, Orders, Strategy


class Immediate(Strategy):
    """Full power from plug-in until the target."""

    name: ClassVar[str] = "immediate"

    def orders(self, cars: Observation) -> Orders:
        """Start now."""
        return cars.orders(reason="arrived")

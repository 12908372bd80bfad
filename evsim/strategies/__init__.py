"""Charging rules: one a file, each with its settings. See `Strategy` for how to write one."""

from __future__ import annotations

from evsim.strategies._base import (
    Car,
    ChargingStrategy,
    FleetStrategy,
    Order,
    PerCarStrategy,
    Strategy,
    ask,
    check_asked,
    is_built_in,
)
from evsim.strategies._files import load_strategies
from evsim.strategies._observation import Observation, Sight
from evsim.strategies._orders import NEVER, Orders
from evsim.strategies.as_late_as_possible import AsLateAsPossible
from evsim.strategies.balanced import Balanced
from evsim.strategies.blended import Blended
from evsim.strategies.cheapest import Cheapest
from evsim.strategies.greenest import Greenest
from evsim.strategies.immediate import Immediate
from evsim.strategies.scheduled import Scheduled
from evsim.strategies.valley_fill import ValleyFill

BUILT_IN: dict[str, type[ChargingStrategy]] = {
    rule.name: rule
    for rule in (Immediate, Scheduled, AsLateAsPossible, Balanced, Cheapest, Greenest, Blended, ValleyFill)
}
"""The strategies every config can name."""

__all__ = [
    "BUILT_IN",
    "NEVER",
    "AsLateAsPossible",
    "Balanced",
    "Blended",
    "Car",
    "ChargingStrategy",
    "Cheapest",
    "FleetStrategy",
    "Greenest",
    "Immediate",
    "Observation",
    "Order",
    "Orders",
    "PerCarStrategy",
    "Scheduled",
    "Sight",
    "Strategy",
    "ValleyFill",
    "ask",
    "check_asked",
    "is_built_in",
    "load_strategies",
]

"""What a strategy answers."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from evsim._units import Bools, Floats, Ints

NEVER = np.inf
"""A stop time that never comes: the order ends with its target or with the plug."""


@dataclass(frozen=True, slots=True)
class Orders:
    """What a strategy wants: for each row, power up to `max_kw` until `until_soc`, from `start` to `stop`.

    row : (m,) rows of the observation; a row may come more than once (charge, pause, charge), in time order
    max_kw : (m,) the most power, at the meter [kW]; more than the charger gives is the charger's power. Negative: so
    much is given back, down to `until_soc` and never below the reserve; nothing by a car that cannot
    until_soc : (m,) [0-1]
    start, stop : (m,) [s since the run's start]; `stop` may be `NEVER`
    reason, stop_reason : why charging starts, and why it stops when `stop` comes first

    A car with no order does not charge.
    """

    row: Ints
    max_kw: Floats
    until_soc: Floats
    start: Floats
    stop: Floats
    reason: str
    stop_reason: str


def some_of(orders: Orders, which: Bools) -> Orders:
    """Some of the orders (a mask)."""
    columns = {name: getattr(orders, name)[which] for name in ("row", "max_kw", "until_soc", "start", "stop")}
    return replace(orders, **columns)

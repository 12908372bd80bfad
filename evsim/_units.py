"""Constants, the shapes of columns, and the sign convention.

Import from the grid is positive and measured at the meter; export is a second, also positive,
column. State of charge (`soc`) is a fraction 0-1 of usable capacity; percentages exist only in what
people type and read.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

SECONDS_PER_MINUTE = 60
SECONDS_PER_HOUR = 3_600
SECONDS_PER_DAY = 86_400
HOURS_PER_DAY = 24
USUAL_PERIODS = 48
"""Settlement periods of a local day on which no clock changes."""
DAYS_PER_YEAR = 365
"""The year of the archetype sheet: its kWh per plug-in are miles / 365 / efficiency / frequency."""

SOC_TOLERANCE = 1e-9
"""Two states of charge closer than this are the same (60 kWh x 1e-9 = 0.06 mWh)."""

ENERGY_TOLERANCE_KWH = 1e-6
"""The largest energy a user's books may be out by."""

Floats: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.int64]
Bools: TypeAlias = NDArray[np.bool_]
Who: TypeAlias = NDArray[np.int64]
"""User indices: the rows of a `Population` that a verb acts on."""
Anything: TypeAlias = NDArray[Any]

PIECE = 65_536


def rows_where(mask: Anything) -> Ints:
    """The rows where a column (n,) is true, or not 0: `flatnonzero` without its detours, which small crowds feel."""
    return mask.nonzero()[0]


def pieces(n: int, size: int = PIECE) -> Iterator[slice]:
    """Slices that cover n rows: long work on columns goes piece by piece, so that it stays in the processor's cache."""
    return (slice(i, min(i + size, n)) for i in range(0, n, size))

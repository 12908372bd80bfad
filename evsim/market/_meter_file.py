"""Readings of real meters, from a file of half-hours."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from evsim._errors import ConfigError
from evsim._typed_in.faults import show
from evsim.market._half_hours import read_half_hours
from evsim.market._readings import LONDON, MOST_PERIODS, PORTFOLIO, Readings

MOST_DAYS = 4_000
"""Some eleven years; more is a mistyped date."""
_MOST_CELLS = 400_000_000
"""Half-hours in memory: 3.2 GB."""


def read_meters(path: Path, timezone: str = LONDON) -> Readings:
    """The readings of a CSV: net energy by meter and half-hour. Raises ConfigError.

    Headers are `meter_id, start_utc, kwh` or `meter_id, settlement_date, settlement_period, kwh`; without `meter_id`
    there is one meter, called "meter". Half-hours without a row are missing.
    """
    rows = read_half_hours(path, "kwh", timezone)
    first, last = rows.day.min(), rows.day.max()
    n_days = int((last - first).astype(np.int64)) + 1
    if n_days > MOST_DAYS:
        raise ConfigError(f"{path}: days from {first} to {last}, {n_days:,} of them; is a date mistyped?")
    if n_days * MOST_PERIODS * len(rows.meters) > _MOST_CELLS:
        text = f"{len(rows.meters):,} meters x {n_days:,} days do not fit in memory; split the file by meter"
        raise ConfigError(f"{path}: {text}")
    if PORTFOLIO in rows.meters:
        raise ConfigError(f"{path}: a meter is called {show(PORTFOLIO)}, which means all of them; rename it")
    readings = Readings.none_of(rows.meters, first, n_days, timezone)
    readings.kwh[rows.meter, (rows.day - first).astype(np.int64), rows.period - 1] = rows.kwh
    return readings

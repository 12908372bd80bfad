"""Baselines that are read from files: what was nominated, and the profile of a reference asset."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from evsim._dispatch.methods import FixedProfile
from evsim._errors import ConfigError, name_some
from evsim._recorded.numbers import read_numbers
from evsim._recorded.table import open_table
from evsim._typed_in.faults import show
from evsim._typed_in.files import CannotReadError, read_bytes
from evsim._units import USUAL_PERIODS, Floats
from evsim.market._half_hours import HalfHours, read_half_hours
from evsim.market._readings import MOST_PERIODS

_VALUE = "baseline_kwh"
_PERIOD, _KWH = "settlement_period", "kwh"


@dataclass(frozen=True, eq=False)
class Nominations:
    """What a file says of meters, or of the portfolio."""

    rows: HalfHours

    def of(self, meters: Sequence[str], day: np.datetime64) -> Floats:
        """(n_meters, 50) what is nominated for a date [kWh], NaN where nothing is."""
        place = {name: i for i, name in enumerate(meters)}
        row_of = np.array([place.get(name, -1) for name in self.rows.meters], np.int64)
        kwh = np.full((len(meters), MOST_PERIODS), np.nan)
        rows = np.flatnonzero((self.rows.day == day) & (row_of[self.rows.meter] >= 0))
        kwh[row_of[self.rows.meter[rows]], self.rows.period[rows] - 1] = self.rows.kwh[rows]
        return kwh


def read_nominations(file: str, timezone: str) -> Nominations:
    """The nominations of a CSV; it is read again only when it has changed. Raises ConfigError."""
    try:
        stamp = os.stat(file)  # noqa: PTH116 - a Path would stumble over a NUL
        return _read(file, timezone, (stamp.st_mtime_ns, stamp.st_size))
    except (OSError, ValueError):
        return _read(file, timezone, (0, 0))


@lru_cache(maxsize=4)
def _read(file: str, timezone: str, _stamp: tuple[int, int]) -> Nominations:
    return Nominations(read_half_hours(Path(file), _VALUE, timezone))


def profile_in(method: FixedProfile) -> Floats:
    """(48,) energy of one asset by half-hour of the clock [kWh]. Raises ConfigError."""
    if method.kwh is not None:
        return np.array(method.kwh, np.float64)
    try:
        return _read_profile(str(method.file))
    except CannotReadError as error:
        raise ConfigError(f"{method.file}: {error}") from None


def _read_profile(file: str) -> Floats:
    data = read_bytes(file)
    if not data.strip():
        raise CannotReadError(
            f"the file is empty; a profile has the headers {_PERIOD},{_KWH} and {USUAL_PERIODS} lines"
        )
    table = open_table(data)
    headers = [header.casefold() for header in table.headers]
    if not {_PERIOD, _KWH} <= set(headers):
        there = ", ".join(map(show, table.headers))
        raise CannotReadError(f"line {table.header_line}: the headers are {there}; write {_PERIOD},{_KWH}")
    at = headers.index(_PERIOD), headers.index(_KWH)
    found = np.full(USUAL_PERIODS, np.nan)
    for lines, rows in table.blocks():
        for line, cells in zip(lines, rows, strict=True):
            period, kwh = (cells[i].strip() if i < len(cells) else "" for i in at)
            (number,), (is_bad,) = read_numbers([kwh])
            if is_bad or np.isnan(number):
                raise CannotReadError(f"line {line} has {_KWH} {show(kwh)}: not a number")
            if not (period.isascii() and period.isdigit() and 1 <= int(period) <= USUAL_PERIODS):
                raise CannotReadError(f"line {line} has {_PERIOD} {show(period)}: number them 1 to {USUAL_PERIODS}")
            if not np.isnan(found[int(period) - 1]):
                raise CannotReadError(f"line {line}: {_PERIOD} {period} is there twice; leave one of them out")
            found[int(period) - 1] = number
    missing = (np.flatnonzero(np.isnan(found)) + 1).tolist()
    if missing:
        raise CannotReadError(f"no {_PERIOD} {name_some(missing)}; a profile has all of 1 to {USUAL_PERIODS}")
    return found

"""Half-hourly readings of meters by local day and settlement period, and what a clock says of such a day.

A settlement period is a half-hour of the local day, numbered from midnight: 1 to 48, to 46 where clocks go forward
and to 50 where they go back.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, TypeAlias, cast
from zoneinfo import ZoneInfo

import numpy as np

from evsim._clock import EPOCH, epoch_s
from evsim._units import Anything, Bools, Floats, Ints, pieces

LONDON = "Europe/London"
PERIOD_S = 1_800
"""A settlement period of Great Britain [s]."""
PERIOD_MINUTES = 30
MOST_PERIODS = 50
PORTFOLIO = "portfolio"
"""In place of a meter's name: all of them together."""
METERS_AT_ONCE = 4_096
"""Rows that are worked on together; more only leave the processor's cache."""

Date: TypeAlias = "str | dt.date | np.datetime64"
"""A local date: ISO text, date or datetime64."""


@dataclass(frozen=True, eq=False)
class Readings:
    """Net energy of meters: import less export, by settlement period of the local day.

    meters : names, one for each row
    days : (n_days,) datetime64[D], consecutive local dates, rising
    kwh : (n_meters, n_days, 50) float64 or float32 [kWh]; NaN where a reading is missing or there is no such period
    n_periods : (n_days,) how many half-hours the clock gives each day
    timezone : whose clock
    """

    meters: tuple[str, ...]
    days: Anything
    kwh: Anything = field(repr=False)
    n_periods: Ints = field(repr=False)
    timezone: str = LONDON

    @classmethod
    def none_of(
        cls, meters: Sequence[str], first: Date, n_days: int, timezone: str = LONDON, dtype: type = np.float64
    ) -> Readings:
        """Meters without any reading yet, to be filled in.

        dtype : float32 takes half the memory: 1.2 GB for 100,000 meters and 61 days. Sums are float64 all the same
        """
        days = as_day(first) + np.arange(n_days)
        kwh: Anything = np.full((len(meters), n_days, MOST_PERIODS), np.nan, dtype)
        return cls(tuple(meters), days, kwh, count_periods(days, timezone), timezone)

    def index(self, day: Date) -> int | None:
        """Where a date stands in `days`; None when it is not among them."""
        if not len(self.days):
            return None
        at = int((as_day(day) - self.days[0]).astype(np.int64))
        return at if 0 <= at < len(self.days) else None

    def place(self, utc_s: Ints) -> tuple[Ints, Ints]:
        """Where instants [s since 1970] are: index of the day, which may lie outside `days`, and period 1 to 50."""
        day, period, _ = settlement(utc_s, self.timezone)
        return (day - self.days[0]).astype(np.int64), period

    def of_day(self, day: Date) -> Floats:
        """(n_meters, 50) what was metered on a date [kWh]; all NaN when it is not among `days`."""
        at = self.index(day)
        if at is None:
            return np.full((len(self.meters), MOST_PERIODS), np.nan)
        return np.asarray(self.kwh[:, at, :], np.float64)

    def totals(self) -> Floats:
        """(n_meters, n_days) net energy of each day [kWh]; NaN where a half-hour is missing."""
        found = np.empty((len(self.meters), len(self.days)))
        for rows in pieces(len(self.meters), METERS_AT_ONCE):
            for at, n in enumerate(self.n_periods.tolist()):
                found[rows, at] = day_total(self.kwh[rows, at, :n])
        return found

    def is_missing(self, day: Date) -> Bools:
        """(n_meters, 50) half-hours of a date that exist and are not read."""
        missing = np.isnan(self.of_day(day))
        missing[:, periods_in(day, self.timezone) :] = False
        return missing


def day_total(kwh: Anything) -> Floats:
    """(m,) energy of a day, period after period in float64 [kWh]; NaN where one is missing.

    kwh : (m, n_periods)
    The order is fixed, so that whoever adds the same rows has the same total.
    """
    total = np.zeros(len(kwh))
    for column in kwh.T:
        total += column
    return total


def as_day(day: Date) -> np.datetime64:
    """A date as datetime64[D]."""
    found: np.datetime64 = np.datetime64(cast("Any", day), "D")
    return found


def as_date(day: Date) -> dt.date:
    """A date as Python has it."""
    found: dt.date = as_day(day).astype(object)
    return found


# ---- what the clock says of a day


def midnights(days: Anything, timezone: str) -> Ints:
    """(n,) when local dates begin, UTC [s since 1970]."""
    zone = ZoneInfo(timezone)
    numbers = days.astype("datetime64[D]").astype(np.int64).tolist()
    starts = (dt.datetime.combine(EPOCH + dt.timedelta(days=n), dt.time()) for n in numbers)
    return np.array([epoch_s(start, zone) for start in starts], np.int64)


def count_periods(days: Anything, timezone: str) -> Ints:
    """(n,) settlement periods of consecutive local dates."""
    edges = midnights(np.append(days, days[-1:] + 1), timezone)
    return np.diff(edges) // PERIOD_S


@lru_cache(maxsize=1024)
def _clock_of(day: np.datetime64, timezone: str) -> tuple[int, ...]:
    (midnight, next_midnight), zone = midnights(np.array([day, day + 1]), timezone).tolist(), ZoneInfo(timezone)
    shown = (dt.datetime.fromtimestamp(at, zone) for at in range(midnight, next_midnight, PERIOD_S))
    return tuple(60 * at.hour + at.minute for at in shown)


def clock_minutes(day: Date, timezone: str) -> Ints:
    """(n_periods,) what the clock shows when each period of a date begins [minutes after midnight]."""
    return np.array(_clock_of(as_day(day), timezone), np.int64)


def periods_in(day: Date, timezone: str) -> int:
    """How many settlement periods a date has."""
    return len(_clock_of(as_day(day), timezone))


def same_clock(day: Date, other: Date, timezone: str) -> Ints:
    """For each period of `day`, the index of the period of `other` that begins at the same time by the clock.

    Returns (n_periods of `day`,); -1 where the clock of `other` skips that time. Of two periods of `other` at one
    time, the first. So 18:00 is compared with 18:00, also across a clock change.
    """
    first = {minute: i for i, minute in reversed(list(enumerate(_clock_of(as_day(other), timezone))))}
    return np.array([first.get(minute, -1) for minute in _clock_of(as_day(day), timezone)], np.int64)


def settlement(utc_s: Ints, timezone: str) -> tuple[Anything, Ints, Bools]:
    """Local dates (n,) datetime64[D], periods (n,) 1 to 50 of instants [s since 1970], and which begin a period."""
    if not len(utc_s):
        return np.empty(0, "datetime64[D]"), np.empty(0, np.int64), np.empty(0, bool)
    utc = utc_s.astype("datetime64[s]").astype("datetime64[D]")
    days = np.arange(utc.min() - 1, utc.max() + 2)
    starts = midnights(days, timezone)
    at = np.searchsorted(starts, utc_s, side="right") - 1
    since = utc_s - starts[at]
    return days[at], since // PERIOD_S + 1, since % PERIOD_S == 0

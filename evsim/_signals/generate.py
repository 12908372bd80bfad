"""Values that follow from the local clock: a constant, a time-of-use table, a typical year."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from evsim._clock import Clock
from evsim._errors import name_some
from evsim._series import Series
from evsim._signals.faulty import MOST_NAMED, FaultySourceError
from evsim._signals.periods import Period, seconds_of
from evsim._units import SECONDS_PER_DAY, SECONDS_PER_HOUR, SECONDS_PER_MINUTE, Bools, Floats, Ints

if TYPE_CHECKING:
    from evsim._signals.rows import Rows

MARGIN_DAYS = 10
"""Before the warm-up and after the end: a week for estimates, and a long stay that begins on the last day."""
HALF_HOURS = 48
MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
_HALF_HOUR_S = SECONDS_PER_HOUR // 2
_WINDOW_S = SECONDS_PER_HOUR // 4
"""Offsets of local time are whole quarters of an hour."""
_DAYS_PER_WEEK, _FIRST_WEEKEND_DAY, _WEEKDAY_OF_1970 = 7, 5, 3
"""1970 began on a Thursday; Monday is 0."""


@lru_cache(maxsize=8)
def wider(clock: Clock) -> Clock:
    """The same clock with some days before the warm-up and after the end."""
    n = MARGIN_DAYS * SECONDS_PER_DAY // clock.step_s
    return replace(clock, n_warm_up_steps=clock.n_warm_up_steps + n, n_steps=clock.n_steps + n)


def constant(value: float, clock: Clock) -> Series:
    """One value throughout."""
    wide = wider(clock)
    return Series.constant(value, wide.warm_up_s, wide.end_s)


def time_of_use(periods: tuple[Period, ...], weekend: tuple[Period, ...], clock: Clock) -> Series:
    """The values of periods of the local day; on Saturdays and Sundays those of `weekend`.

    It is the wall clock that counts: an hour that occurs twice has the same values twice.
    """
    bounds = np.array(sorted({seconds_of(since) for since, _, _ in (*periods, *weekend)} | {0}), np.int64)
    wide = wider(clock)
    edges = _edges(wide, bounds)
    day, second = wide.local(edges[:-1])
    is_weekend = (day + _WEEKDAY_OF_1970) % _DAYS_PER_WEEK >= _FIRST_WEEKEND_DAY
    values = np.where(is_weekend, _look_up(weekend, second), _look_up(periods, second))
    begins = np.append(True, values[1:] != values[:-1])
    return Series(np.append(edges[:-1][begins], edges[-1]).astype(np.float64), values[begins])


def typical_year(rows: Rows, clock: Clock) -> Series:
    """The mean of each month and local half-hour of a file, on the dates of a run.

    Raises FaultySourceError when the file lacks a month that the run needs.
    """
    means = month_means(rows, clock.timezone)
    wide = wider(clock)
    edges = _edges(wide, np.arange(HALF_HOURS) * _HALF_HOUR_S)
    day, second = wide.local(edges[:-1])
    month = day.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64) % len(MONTHS)
    half = (second // _HALF_HOUR_S).astype(np.int64)
    values = means[month, half]
    lacks = np.isnan(values)
    needed = (edges[1:] > 0) & (edges[:-1] < clock.end_s)
    _check_months(means, month[lacks & needed], half[lacks & needed])
    a, b = _stretch(lacks, needed)
    return Series(edges[a : b + 1].astype(np.float64), values[a:b])


def month_means(rows: Rows, timezone: str) -> Floats:
    """(12, 48) time-weighted means by month and local half-hour; NaN where the file has nothing."""
    from evsim._recorded.wall_clock import WallClock
    from evsim._signals.rows import FOREVER_S

    last = int(rows.end[-1]) if rows.end[-1] < FOREVER_S else int(rows.start[-1]) + rows.resolution_s
    end = np.minimum(rows.end, last)
    grid = np.arange(rows.start[0] // _WINDOW_S, -(-last // _WINDOW_S) + 1) * _WINDOW_S
    edges = np.unique(np.concatenate((rows.start, end, grid[[0, -1]]))).astype(np.float64)
    row = np.searchsorted(rows.start, edges[:-1], side="right") - 1
    is_there = (row >= 0) & (edges[:-1] < end[row])
    at = grid.astype(np.float64)
    total = np.diff(Series(edges, np.where(is_there, rows.actual[row], 0.0))._upto(at))
    covered = np.diff(Series(edges, is_there.astype(np.float64))._upto(at))
    wall = WallClock(timezone, int(grid[0]), int(grid[-1])).wall_s(grid[:-1])
    month = wall.astype("datetime64[s]").astype("datetime64[M]").astype(np.int64) % len(MONTHS)
    cell = month * HALF_HOURS + wall % SECONDS_PER_DAY // _HALF_HOUR_S
    n_cells = len(MONTHS) * HALF_HOURS
    weight = np.bincount(cell, covered, n_cells)
    mean = np.bincount(cell, total, n_cells) / np.where(weight > 0, weight, np.nan)
    return np.asarray(mean).reshape(len(MONTHS), HALF_HOURS)


def _edges(wide: Clock, seconds_of_day: Ints) -> Ints:
    """Instants at which the wall clock shows one of some times of day, or is changed; and both ends of the clock."""
    first, last = wide.warm_up_s, wide.end_s
    days = np.arange(int(wide.local(first)[0]) - 1, int(wide.local(last)[0]) + 2)
    wall = (days[:, None] * SECONDS_PER_DAY + seconds_of_day).ravel() - wide.start_epoch_s
    changes, offsets = wide._offsets
    shown = [wall - offset for offset in np.unique(offsets)]
    at = np.concatenate((*shown, changes[1:] - wide.start_epoch_s, [first, last]))
    return np.unique(at[(at >= first) & (at <= last)])


def _look_up(periods: tuple[Period, ...], second: Floats) -> Floats:
    """(n,) the values of periods, which cover the day once, at seconds after midnight."""
    by_start = sorted((seconds_of(since), value) for since, _, value in periods)
    starts, values = (np.array(column, np.float64) for column in zip(*by_start, strict=True))
    return np.asarray(values[np.searchsorted(starts, second, side="right") - 1])


def _check_months(means: Floats, month: Ints, half: Ints) -> None:
    if not len(month):
        return
    empty = np.all(np.isnan(means), axis=1).tolist()
    lacking = dict.fromkeys(
        MONTHS[m] if empty[m] else f"{MONTHS[m]} at {_time(h)}"
        for m, h in zip(month.tolist(), half.tolist(), strict=True)
    )
    text = f"no value for {name_some(lacking, MOST_NAMED)}, which the run needs of a typical year"
    raise FaultySourceError.at(("file",), f"{text}; give a file that has them, or run in other months")


def _time(half: int) -> str:
    hour, second = divmod(half * _HALF_HOUR_S, SECONDS_PER_HOUR)
    return f"{hour:02d}:{second // SECONDS_PER_MINUTE:02d}"


def _stretch(lacks: Bools, needed: Bools) -> tuple[int, int]:
    """The values around the run that are there without a break."""
    run = np.flatnonzero(needed)
    bad = np.flatnonzero(lacks)
    before, after = bad[bad < run[0]], bad[bad > run[-1]]
    return (int(before[-1]) + 1 if len(before) else 0), (int(after[0]) if len(after) else len(lacks))

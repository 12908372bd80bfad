"""Rows of a file as they were read, and the stretches of time for which their values hold."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from evsim._errors import name_some
from evsim._recorded.times import BAD, BLANK, LOCAL, Times
from evsim._recorded.wall_clock import WallClock
from evsim._signals.faulty import MOST_NAMED, FaultySourceError, utc_text
from evsim._units import SECONDS_PER_DAY, SECONDS_PER_HOUR, Bools, Floats, Ints

FOREVER_S = 7_258_118_400
"""The year 2200: where a row ends that is not said to."""

Where = Callable[[int], str]
"""How a message calls a row: `line 5`, or `results[3]`."""


@dataclass(frozen=True, eq=False)
class Rows:
    """Values with the stretches for which they hold: in order, not overlapping, maybe with holes.

    start, end : (n,) UTC [s since 1970]; actual, told : (n,) what was, what was published of it, in the file's unit
    resolution_s : the most common length; forecast_used : (n,) where an actual value was missing and is the forecast
    """

    start: Ints
    end: Ints
    actual: Floats
    told: Floats
    resolution_s: int
    forecast_used: Bools


def instants(times: Times, timezone: str, where: Where, *, is_utc: bool) -> Ints:
    """UTC instants of times, of which some may be local.

    A local time that occurs twice is the first of the two when it is there once; there twice, it is both.
    Raises FaultySourceError when one does not exist.
    """
    is_local = (times.kind == LOCAL) & (not is_utc)
    if not is_local.any():
        return times.seconds
    who = np.flatnonzero(is_local)
    wall = times.seconds[who]
    found = WallClock(timezone, int(wall.min()), int(wall.max())).instants(wall)
    skipped = who[~found.exists]
    if len(skipped):
        named = name_some([f"{utc_text(times.seconds[i])[:-1]} ({where(int(i))})" for i in skipped], MOST_NAMED)
        text = f"{named}: no such time in {timezone}, where clocks go forward over it"
        raise FaultySourceError.at(("file",), f'{text}; if the times are UTC, say "timezone": "UTC"')
    made = times.seconds.copy()
    made[who] = np.where(_is_second(wall, found.first != found.second), found.second, found.first)
    return made


def _is_second(wall: Ints, is_double: Bools) -> Bools:
    """Which wall-clock times that occur twice are there for the second time, in the order of time."""
    second = np.zeros(len(wall), bool)
    double = np.flatnonzero(is_double)
    if not len(double):
        return second
    is_newest_first = bool(wall[0] > wall[-1])
    in_time = double[::-1] if is_newest_first else double
    order = in_time[np.argsort(wall[in_time], kind="stable")]
    repeats = np.append(False, wall[order][1:] == wall[order][:-1])
    second[order[repeats]] = True
    return second


def check_times(times: Times, show_cell: Callable[[int], str], where: Where, *, may_be_blank: bool = False) -> None:
    """Raise FaultySourceError when a time cannot be read."""
    bad = np.flatnonzero((times.kind == BAD) | ((times.kind == BLANK) & (not may_be_blank)))
    if len(bad):
        named = name_some([f"{where(int(i))} has {show_cell(int(i))}" for i in bad], MOST_NAMED)
        text = f"{named}: not a date with a time; write it as 2026-01-12T18:30Z"
        raise FaultySourceError.at(("file",), text)


def lay_out(start: Ints, end: Floats | None, actual: Floats, told: Floats, where: Where) -> Rows:
    """Rows in the order of time, each with its end; rows without a value leave a hole.

    end : (n,) UTC [s since 1970], NaN where a row holds until the next; None where the spacing of rows says
    actual, told : (n,), NaN where there is none
    Raises FaultySourceError when two overlap.
    """
    order = np.argsort(start, kind="stable")
    start, actual, told = start[order], actual[order], told[order]
    if end is None:
        until = start + _held(start)
    else:
        end = end[order]
        _check_ends(start, end, order, where)
        until = np.where(np.isfinite(end), end, np.append(start[1:], FOREVER_S)).astype(np.int64)
    _check_overlaps(start, until, order, where)
    resolution = _most_common((until - start)[until < FOREVER_S])
    forecast_used = np.isnan(actual) & ~np.isnan(told)
    actual = np.where(forecast_used, told, actual)
    is_there = ~np.isnan(told) & ~np.isnan(actual)
    if not is_there.any():
        raise FaultySourceError.at(("file",), "no row has a value")
    return Rows(
        start=start[is_there],
        end=until[is_there],
        actual=actual[is_there],
        told=told[is_there],
        resolution_s=resolution,
        forecast_used=forecast_used[is_there],
    )


def _held(start: Ints) -> Ints:
    """How long each row holds [s]: until the next one, or as long as rows there do, when that comes later.

    Rows have the most common distance. An even spacing of up to an hour that goes on for a day counts too, as where a
    file of half-hours begins with hours.
    """
    if len(start) < 2:
        raise FaultySourceError.at(
            ("file",), "one row alone does not say how long it holds; give a constant, or an end"
        )
    apart = np.diff(start)
    common = _most_common(apart[apart > 0])
    slack = SECONDS_PER_HOUR if common >= SECONDS_PER_DAY else 0  # local days of 25 hours
    begins = np.append(0, np.flatnonzero(np.diff(apart)) + 1)
    lasts = np.diff(np.append(begins, len(apart)))
    is_stretch = np.repeat((apart[begins] <= SECONDS_PER_HOUR) & (apart[begins] * lasts >= SECONDS_PER_DAY), lasts)
    usual = np.where(is_stretch, apart, common)
    before = np.append(usual[:1], usual)
    held = np.where((apart <= common + slack) | is_stretch, apart, np.minimum(apart, before[:-1]))
    return np.append(held, before[-1])


def _most_common(lengths: Ints) -> int:
    """The most common of lengths; the shorter of two as common; half an hour of none."""
    if not len(lengths):
        return SECONDS_PER_HOUR // 2
    values, counts = np.unique(lengths, return_counts=True)
    return int(values[counts.argmax()])


def _check_ends(start: Ints, end: Floats, order: Ints, where: Where) -> None:
    wrong = np.flatnonzero(end <= start)
    if len(wrong):
        named = name_some([f"{where(int(order[i]))} ends {utc_text(end[i])}" for i in wrong], MOST_NAMED)
        text = f"{named}, not after its start; is a column of ends mapped that is none?"
        raise FaultySourceError.at(("file",), text)


def _check_overlaps(start: Ints, end: Ints, order: Ints, where: Where) -> None:
    clash = np.flatnonzero(end[:-1] > start[1:])
    same = np.flatnonzero(start[:-1] == start[1:])
    clash = np.union1d(clash, same)
    if not len(clash):
        return

    def both(i: int) -> str:
        rows = sorted((int(order[i]), int(order[i + 1])))
        return f"{utc_text(start[i + 1])} ({where(rows[0])} and {where(rows[1])})"

    text = f"several values from {name_some([both(i) for i in clash.tolist()], MOST_NAMED)}; keep one of each"
    raise FaultySourceError.at(("file",), text)

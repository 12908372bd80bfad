"""Local days and times of day: which instants of a run a question is about.

A day here is a night's: it begins at noon. A time before noon is on the morning after, so that "plugged in from 17:00
to 19:00 and full by 05:00" is one evening and its morning. A window belongs to the day in which it begins.
"""

from __future__ import annotations

import datetime as dt
import math
from typing import NamedTuple, Self

import numpy as np
from pydantic_core import PydanticCustomError

from evsim._clock import Clock
from evsim._errors import ConfigError
from evsim._typed_in.faults import show
from evsim._typed_in.values import as_number, as_time
from evsim._units import HOURS_PER_DAY, SECONDS_PER_DAY, SECONDS_PER_HOUR, SECONDS_PER_MINUTE, Ints

NOON_S = SECONDS_PER_DAY // 2
CELL_MINUTES = 15
"""Power is held in every quarter of an hour of a window, and in shorter parts where it is no multiple of that."""
_MOST_MINUTES = HOURS_PER_DAY * SECONDS_PER_HOUR // SECONDS_PER_MINUTE


class TimeOfDay(NamedTuple):
    """A local clock time, seconds after midnight."""

    second: int

    @classmethod
    def typed(cls, given: object, name: str) -> Self:
        """What somebody typed for the option or argument `name`. Raises ConfigError."""
        try:
            time: dt.time = as_time(given)
        except PydanticCustomError as error:
            raise ConfigError(f"{name}: {error.message()}") from None
        return cls((time.hour * 60 + time.minute) * SECONDS_PER_MINUTE + time.second)

    def __str__(self) -> str:
        """`17:00`."""
        return clock_text(self.second)


class Window(NamedTuple):
    """From a time of day to another; one that is not later is on the next day."""

    begin: TimeOfDay
    end: TimeOfDay

    @classmethod
    def typed(cls, begin: object, end: object, name: str) -> Self:
        """What somebody typed. Raises ConfigError when the window has no length."""
        window = cls(TimeOfDay.typed(begin, name), TimeOfDay.typed(end, name))
        if window.begin == window.end:
            raise ConfigError(f"{name}: {window} has no length; give an end that differs from the beginning")
        return window

    @property
    def minutes(self) -> float:
        """Its length by the clock on the wall [min]."""
        return (self.end.second - self.begin.second) % SECONDS_PER_DAY / SECONDS_PER_MINUTE

    def __str__(self) -> str:
        """`17:00-19:00`."""
        return f"{self.begin}-{self.end}"


def typed_minutes(given: object, name: str) -> float:
    """A length of time somebody typed: `60`, `"60min"`, `"1.5h"` [min]. Raises ConfigError."""
    text, factor, unit = given, 1, "min"
    if isinstance(given, str) and given.strip().casefold().endswith("h"):
        factor, unit = SECONDS_PER_HOUR // SECONDS_PER_MINUTE, "h"
    elif isinstance(given, str) and given.strip().casefold().endswith("minutes"):
        text = given.strip()[: -len("utes")]
    try:
        minutes = as_number(text, unit) * factor
    except PydanticCustomError as error:
        raise ConfigError(f"{name}: {error.message()}") from None
    if not 1 <= minutes <= _MOST_MINUTES or minutes != int(minutes):
        raise ConfigError(f"{name}: {show(given)} will not do; give whole minutes, 1 to {_MOST_MINUTES:,}, as in 60min")
    return minutes


def typed_number(given: object, name: str, unit: str, most: float = math.inf) -> float:
    """A number over 0, or of % from 0, that somebody typed. Raises ConfigError."""
    try:
        number = as_number(given, unit)
    except PydanticCustomError as error:
        raise ConfigError(f"{name}: {error.message()}") from None
    if not 0 <= number <= most or (unit != "%" and number == 0):
        wanted = f"0 to {most:g} [{unit}]" if math.isfinite(most) else f"over 0 [{unit}]"
        raise ConfigError(f"{name}: {show(given)} will not do; give {wanted}")
    return number


def clock_text(second: float) -> str:
    """`17:00`, or `17:00:30`."""
    minutes, seconds = divmod(round(second) % SECONDS_PER_DAY, SECONDS_PER_MINUTE)
    return f"{minutes // 60:02d}:{minutes % 60:02d}" + (f":{seconds:02d}" if seconds else "")


def days_of(clock: Clock) -> Ints:
    """The local days that a run touches, days since 1970-01-01; the noon before it begins may be the first's."""
    first, last = clock.local(np.array([0, clock.end_s]))[0]
    return np.arange(int(first) - 1, int(last) + 1)


def at_time(clock: Clock, days: Ints, time: TimeOfDay) -> Ints:
    """(n_days,) run seconds of a time of day, on a day that begins at noon."""
    return clock.instant(days + (time.second < NOON_S), time.second)


def window_on(clock: Clock, days: Ints, window: Window) -> tuple[Ints, Ints]:
    """(n_days,) run seconds at which a window begins, and ends."""
    date = days + (window.begin.second < NOON_S)
    return clock.instant(date, window.begin.second), clock.instant(
        date + (window.end.second <= window.begin.second), window.end.second
    )


def cells(begin_s: int, end_s: int) -> Ints:
    """The edges of the equal parts of a window in which power is held [s]: quarters of an hour, or shorter."""
    part = math.gcd(CELL_MINUTES * SECONDS_PER_MINUTE, end_s - begin_s)
    return np.arange(begin_s, end_s + 1, part)

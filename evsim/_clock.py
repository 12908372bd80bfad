"""The clock of a run: UTC inside, local wall-clock time at the door.

Inside a run every instant is a number of seconds since the run's reported start; the warm-up has
negative seconds. People live by the kitchen clock, so times of day go through `zoneinfo`.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias
from zoneinfo import ZoneInfo

import numpy as np

from evsim._units import SECONDS_PER_DAY, SECONDS_PER_HOUR, SECONDS_PER_MINUTE, Anything, Floats, Ints

EPOCH = dt.date(1970, 1, 1)
Moment: TypeAlias = "str | dt.datetime | np.datetime64"
"""An instant a person types: ISO text, datetime or datetime64; without an offset it is UTC."""

_SCAN_HOURS = 6
_MARGIN_DAYS = 14


def epoch_s(local: dt.datetime, zone: ZoneInfo) -> int:
    """The UTC instant of a local wall-clock time [s since 1970]; the first of two, as `zoneinfo` has it."""
    return round(local.replace(tzinfo=zone).timestamp())


@dataclass(frozen=True)
class Clock:
    """The time axis of a run.

    start_epoch_s : the reported start, UTC [s since 1970]
    step_s : length of a step [s]
    n_warm_up_steps, n_steps : steps lived before the start, and reported after it
    timezone : name of the local time zone
    """

    start_epoch_s: int
    step_s: int
    n_warm_up_steps: int
    n_steps: int
    timezone: str

    @classmethod
    def of(cls, start: dt.datetime, days: int, step_minutes: int, timezone: str, warm_up_days: int = 0) -> Clock:
        """The clock of a run that ends at the same wall-clock time `days` after `start` (local).

        A week with a clock change therefore has 334 or 338 half-hours.
        """
        zone = ZoneInfo(timezone)
        first = epoch_s(start, zone)
        step_s = step_minutes * SECONDS_PER_MINUTE
        last = epoch_s(start + dt.timedelta(days=days), zone)
        warm = epoch_s(start - dt.timedelta(days=warm_up_days), zone)
        return cls(first, step_s, (first - warm) // step_s, (last - first) // step_s, timezone)

    @property
    def warm_up_s(self) -> int:
        """Where the warm-up begins [s], zero or negative."""
        return -self.n_warm_up_steps * self.step_s

    @property
    def end_s(self) -> int:
        """The end of the run [s]."""
        return self.n_steps * self.step_s

    @property
    def step_h(self) -> float:
        """Length of a step [h]."""
        return self.step_s / SECONDS_PER_HOUR

    @cached_property
    def times(self) -> Anything:
        """(n_steps,) starts of the reported steps, datetime64[s], UTC."""
        return self.to_utc(np.arange(self.n_steps, dtype=np.int64) * self.step_s)

    @cached_property
    def _offsets(self) -> tuple[Ints, Ints]:
        """UTC instants [s since 1970] from which an offset holds (the first: always), and the offsets [s]."""
        zone = ZoneInfo(self.timezone)

        def offset(at: int) -> int:
            shift = dt.datetime.fromtimestamp(at, zone).utcoffset()
            return 0 if shift is None else int(shift.total_seconds())

        margin = _MARGIN_DAYS * SECONDS_PER_DAY
        first = self.start_epoch_s + self.warm_up_s - margin
        last = self.start_epoch_s + self.end_s + margin
        starts, offsets = [first], [offset(first)]
        for probe in range(first, last, _SCAN_HOURS * SECONDS_PER_HOUR):
            lo, hi = probe, probe + _SCAN_HOURS * SECONDS_PER_HOUR
            if offset(hi) == offset(lo):
                continue
            while hi - lo > 1:
                middle = (lo + hi) // 2
                lo, hi = (middle, hi) if offset(middle) == offset(lo) else (lo, middle)
            starts.append(hi)
            offsets.append(offset(hi))
        return np.array(starts, np.int64), np.array(offsets, np.int64)

    def instant(self, day: Ints | int, second_of_day: Ints | int) -> Ints:
        """Run seconds of local wall-clock times.

        day : days since 1970-01-01 of the local date; second_of_day : after local midnight, and may
        leave the day (negative, or over 86,400). A time that exists twice is its first; one that
        does not exist is as long after midnight as if the clocks had not changed (both as `zoneinfo` with fold=0).
        """
        midnight = np.asarray(day, np.int64) * SECONDS_PER_DAY
        second = np.asarray(second_of_day, np.int64)
        starts, offsets = self._offsets
        if len(starts) == 1:
            return np.asarray(midnight - (offsets[0] + self.start_epoch_s) + second)
        changes = starts[1:] + np.maximum(offsets[:-1], offsets[1:])
        wall = midnight + second
        return np.asarray(wall - offsets[np.searchsorted(changes, wall, side="right")] - self.start_epoch_s)

    def local(self, at_s: Floats | Ints | float) -> tuple[Ints, Floats]:
        """Local date (days since 1970-01-01) and seconds after local midnight by the wall clock."""
        utc = np.asarray(at_s, np.float64) + self.start_epoch_s
        starts, offsets = self._offsets
        wall = utc + offsets[np.searchsorted(starts[1:], utc, side="right")]
        day = np.floor_divide(wall, SECONDS_PER_DAY).astype(np.int64)
        return day, wall - day * SECONDS_PER_DAY

    def to_utc(self, at_s: Floats | Ints | int) -> Anything:
        """Run seconds as datetime64[s], UTC."""
        whole = np.asarray(at_s).astype(np.int64)
        return (whole + self.start_epoch_s).astype("datetime64[s]")

    def run_seconds(self, utc: Anything) -> Ints:
        """Run seconds of instants, datetime64[s], UTC."""
        return utc.astype("datetime64[s]").astype(np.int64) - self.start_epoch_s

    def seconds(self, moment: Moment) -> float:
        """Run seconds of an instant a person typed; without an offset it is UTC.

        Raises ValueError when it is not an instant: ISO 8601 text, a datetime or a datetime64.
        """
        if isinstance(moment, str):
            moment = dt.datetime.fromisoformat(moment)
        if isinstance(moment, dt.datetime):
            aware = moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)
            return aware.timestamp() - self.start_epoch_s
        if not isinstance(moment, np.datetime64) or np.isnat(moment):
            raise ValueError(f"{moment!r} is not an instant; give ISO text, a datetime or a datetime64, in UTC")
        return float((moment - np.datetime64(0, "s")) / np.timedelta64(1, "s")) - self.start_epoch_s

    def local_text(self, at: np.datetime64) -> str:
        """`2026-01-14T18:30+00:00`: an instant by the wall clock."""
        return self._local_moment(at).isoformat(timespec="minutes")

    def local_words(self, at: np.datetime64) -> str:
        """`Wed 14 Jan 18:30`: an instant by the wall clock."""
        return f"{self._local_moment(at):%a %d %b %H:%M}"

    def _local_moment(self, at: np.datetime64) -> dt.datetime:
        return dt.datetime.fromtimestamp(int(at.astype("datetime64[s]").astype(np.int64)), ZoneInfo(self.timezone))

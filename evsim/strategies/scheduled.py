"""Charge only inside a local window: the timer in the car or on the wall."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from functools import lru_cache
from typing import ClassVar

import numpy as np
from pydantic import field_validator

from evsim._clock import Clock
from evsim._typed_in.settings import TimeOfDay, setting
from evsim._units import SECONDS_PER_DAY, SECONDS_PER_HOUR, SECONDS_PER_MINUTE, Floats
from evsim.strategies._base import Strategy
from evsim.strategies._observation import Observation
from evsim.strategies._orders import Orders

_MARGIN_DAYS = 3
"""Stays begin before the run and end after it."""
_MOST_OVERSTAY_S = 2 * SECONDS_PER_DAY
"""Nobody stays so much longer than expected: who comes home just before usually leaving leaves with the next outing."""

_SHEETS_WINDOW = (dt.time(0, 30), dt.time(4, 30))
"""Our choice: what the timers of the archetype sheet's "Scheduled charging" are set to."""


class Scheduled(Strategy):
    """Full power inside a daily window of local time, until the target; the window may span midnight.

    A timer does not know when anybody leaves: it opens every night for as long as the car stays.
    """

    name: ClassVar[str] = "scheduled"
    window: tuple[TimeOfDay, TimeOfDay] = setting(
        "When charging is allowed: [from, to]. May span midnight.", "local time", _SHEETS_WINDOW
    )

    @field_validator("window")
    @classmethod
    def _has_length(cls, window: tuple[dt.time, dt.time]) -> tuple[dt.time, dt.time]:
        if window[0] == window[1]:
            raise ValueError("the window begins and ends at the same time; give it a length, or use immediate")
        return window

    def orders(self, cars: Observation) -> Iterator[Orders]:
        """One order for each window that opens while the car may be there."""
        opening, closing = self._windows(cars.clock)
        now, leaves = cars.now[:, None], np.maximum(cars.expected_departure, cars.now)[:, None]
        near = slice(closing.searchsorted(now.min(), "right"), opening.searchsorted(leaves.max() + _MOST_OVERSTAY_S))
        opening, closing = opening[near], closing[near]
        inside, day = np.nonzero((opening <= now) & (now < closing))
        came = cars.plugged_in_at[inside] >= opening[day]
        for rows, reason in ((came, "arrived"), (~came, "window_open")):
            if rows.any():
                stop = closing[day[rows]]
                yield cars.orders(which=inside[rows], stop=stop, reason=reason, stop_reason="window_closed")
        waits, day = np.nonzero((now < opening) & (opening < leaves + _MOST_OVERSTAY_S))
        if len(waits):
            start, stop = opening[day], closing[day]
            yield cars.orders(which=waits, start=start, stop=stop, reason="window_open", stop_reason="window_closed")

    def _windows(self, clock: Clock) -> tuple[Floats, Floats]:
        opens_s, closes_s = (_seconds(time) for time in self.window)
        return _openings(clock, opens_s, closes_s if closes_s > opens_s else closes_s + SECONDS_PER_DAY)


@lru_cache(maxsize=64)
def _openings(clock: Clock, opens_s: int, closes_s: int) -> tuple[Floats, Floats]:
    """(n,) when a window opens and closes on all days of a run [s]; one that a clock change swallows is left out."""
    first, last = clock.local(np.array([clock.warm_up_s, clock.end_s], np.float64))[0]
    days = np.arange(first - _MARGIN_DAYS, last + _MARGIN_DAYS)
    opening, closing = clock.instant(days, opens_s), clock.instant(days, closes_s)
    exists = opening < closing
    return opening[exists].astype(np.float64), closing[exists].astype(np.float64)


def _seconds(time: dt.time) -> int:
    return time.hour * SECONDS_PER_HOUR + time.minute * SECONDS_PER_MINUTE + time.second

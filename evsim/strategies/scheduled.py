"""Charge only inside a local window: the timer in the car or on the wall."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import ClassVar

import numpy as np
from pydantic import field_validator

from evsim._typed_in.settings import TimeOfDay, setting
from evsim._units import SECONDS_PER_DAY, SECONDS_PER_HOUR, SECONDS_PER_MINUTE, Floats
from evsim.strategies._base import Observation, Orders, Strategy


class Scheduled(Strategy):
    """Full power inside a daily window of local time, until the target; the window may span midnight.

    A timer does not know when anybody leaves: it opens every night for as long as the car stays.
    """

    name: ClassVar[str] = "scheduled"
    window: tuple[TimeOfDay, TimeOfDay] = setting(
        "When charging is allowed: [from, to]. May span midnight.", "local time"
    )

    @field_validator("window")
    @classmethod
    def _has_length(cls, window: tuple[dt.time, dt.time]) -> tuple[dt.time, dt.time]:
        if window[0] == window[1]:
            raise ValueError("the window begins and ends at the same time; give it a length, or use immediate")
        return window

    def orders(self, cars: Observation) -> Iterator[Orders]:
        """One order for each window that opens while the car may be there."""
        opening, closing = self._windows(cars)
        now, leaves = cars.now[:, None], np.maximum(cars.expected_departure, cars.now)[:, None]
        inside, day = np.nonzero((opening <= now) & (now < closing))
        if len(inside):
            yield cars.orders(which=inside, stop=closing[day], reason="arrived", stop_reason="window_closed")
        waits, day = np.nonzero((now < opening) & (opening < leaves + SECONDS_PER_DAY))
        if len(waits):
            start, stop = opening[day], closing[day]
            yield cars.orders(which=waits, start=start, stop=stop, reason="window_open", stop_reason="window_closed")

    def _windows(self, cars: Observation) -> tuple[Floats, Floats]:
        """(n_days,) when the window opens and closes on the days around these cars' stays [s]."""
        opens_s, closes_s = (_seconds(time) for time in self.window)
        if closes_s <= opens_s:
            closes_s += SECONDS_PER_DAY
        ends = max(cars.expected_departure.max(), cars.now.max()) + SECONDS_PER_DAY
        first, last = cars.clock.local(np.array([cars.now.min(), ends]))[0]
        days = np.arange(first - 1, last + 1)
        opening, closing = cars.clock.instant(days, opens_s), cars.clock.instant(days, closes_s)
        exists = opening < closing
        return opening[exists].astype(np.float64), closing[exists].astype(np.float64)


def _seconds(time: dt.time) -> int:
    return time.hour * SECONDS_PER_HOUR + time.minute * SECONDS_PER_MINUTE + time.second

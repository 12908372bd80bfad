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
        clock = cars.clock
        opens_s, closes_s = (_seconds(time) for time in self.window)
        if closes_s <= opens_s:
            closes_s += SECONDS_PER_DAY
        horizon = np.maximum(cars.expected_departure, cars.now) + SECONDS_PER_DAY
        first, last = clock.local(np.array([cars.now.min(), horizon.max()]))[0]
        days = np.arange(first - 1, last + 1)
        opening, closing = clock.instant(days, opens_s), clock.instant(days, closes_s)
        for opens, closes in zip(opening.tolist(), closing.tolist(), strict=True):
            if opens < closes and closes > cars.now.min():
                yield from self._in_window(cars, opens, closes, horizon)

    @staticmethod
    def _in_window(cars: Observation, opens: float, closes: float, horizon: Floats) -> Iterator[Orders]:
        waits = (cars.now < opens) & (opens < horizon)
        if waits.any():
            yield cars.orders(which=waits, start=opens, stop=closes, reason="window_open", stop_reason="window_closed")
        inside = (opens <= cars.now) & (cars.now < closes)
        if inside.any():
            yield cars.orders(which=inside, stop=closes, reason="arrived", stop_reason="window_closed")


def _seconds(time: dt.time) -> int:
    return time.hour * SECONDS_PER_HOUR + time.minute * SECONDS_PER_MINUTE + time.second

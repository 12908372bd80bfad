"""Between the wall clock of a place and UTC, a whole column at once."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from evsim._clock import Clock
from evsim._units import SECONDS_PER_DAY, Bools, Ints


class Instants(NamedTuple):
    """UTC instants [s since 1970] of wall-clock times: the first, the second where it occurs twice; whether at all."""

    first: Ints
    second: Ints
    exists: Bools


class WallClock:
    """The clock on a wall, over a stretch of time.

    timezone : name of the place; first_s, last_s : the stretch [s since 1970], to within a day
    """

    def __init__(self, timezone: str, first_s: int, last_s: int) -> None:
        n_days = (last_s - first_s) // SECONDS_PER_DAY + 1
        self._starts, self._offsets = Clock(first_s, SECONDS_PER_DAY, 0, n_days, timezone)._offsets

    def instants(self, wall_s: Ints) -> Instants:
        """What a wall-clock time means: nothing in the hour that clocks skip, two instants in the one they repeat."""
        before, after, at = self._offsets[:-1], self._offsets[1:], self._starts[1:]
        early = self._offsets[np.searchsorted(at + np.maximum(before, after), wall_s, side="right")]
        late = self._offsets[np.searchsorted(at + np.minimum(before, after), wall_s, side="right")]
        return Instants(wall_s - early, np.maximum(wall_s - early, wall_s - late), early >= late)

    def wall_s(self, utc_s: Ints) -> Ints:
        """What the clock shows [s since 1970, as if it were UTC]."""
        return utc_s + self._offsets[np.searchsorted(self._starts[1:], utc_s, side="right")]

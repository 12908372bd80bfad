"""The trips in progress: what each car on the road still has to drive."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from evsim._units import Bools, Floats, Ints, Who, rows_where


class Trips(NamedTuple):
    """Cars on the road; each (n,), users at most once.

    at, end : up to when the trip is driven, and when it ends [s]; kwh, miles : what is left of it;
    kwh_after : of the day's other trip, when that is still to come
    """

    who: Who
    at: Floats
    end: Floats
    kwh: Floats
    miles: Floats
    kwh_after: Floats

    def of(self, rows: Ints | slice) -> Trips:
        """The same for some rows."""
        return Trips._make(column[rows] for column in self)

    def plus(self, other: Trips) -> Trips:
        """With more cars."""
        if not len(other.who):
            return self
        if not len(self.who):
            return other
        return Trips._make(np.concatenate(pair) for pair in zip(self, other, strict=True))

    def upto(self, to_s: float) -> Stretch:
        """What is driven until `to_s`."""
        share = (to_s - self.at) / (self.end - self.at)
        np.minimum(share, 1.0, out=share)
        return Stretch(np.minimum(self.end, to_s), self.end <= to_s, self.kwh * share, self.miles * share)

    def after(self, stretch: Stretch) -> Trips:
        """Those that are not over, with what is left of them."""
        rows = rows_where(~stretch.is_over)
        kwh, miles = self.kwh[rows] - stretch.kwh[rows], self.miles[rows] - stretch.miles[rows]
        return Trips(self.who[rows], stretch.until[rows], self.end[rows], kwh, miles, self.kwh_after[rows])


class Stretch(NamedTuple):
    """What is driven in one go; each (n,): until when [s], whether that ends the trip, how much."""

    until: Floats
    is_over: Bools
    kwh: Floats
    miles: Floats

    def of(self, rows: Ints) -> Stretch:
        """The same for some rows."""
        return Stretch._make(column[rows] for column in self)


NO_TRIPS = Trips(np.zeros(0, np.int64), *(np.zeros(0) for _ in range(5)))

"""Values on the clock: prices, carbon intensity, demand; and what is known of them when.

A `Series` is a staircase: each value holds from one instant to the next. A `Signal` is a series that becomes known
bit by bit: what is published is known, and of what is not yet, only how such times have been of late.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from evsim._clock import Clock
from evsim._units import SECONDS_PER_HOUR, Floats, Ints

ESTIMATE_DAYS = 7
"""Of how many days the mean is taken, at each time of day, for a value that is not published yet."""
HORIZON_DAYS = 3
"""How far an estimate reaches past what is published; a plan that looks further is made again by then."""
_ESTIMATE_DECIMALS = 9
"""Means of the same values in another order are the same value: ties stay ties."""
_GRID_S = SECONDS_PER_HOUR // 2
"""Of the estimates: a settlement period."""


@dataclass(frozen=True, eq=False)
class Series:
    """A staircase: `values[i]` holds from `edges[i]` until `edges[i + 1]`; before and after, the first and the last.

    edges : (m + 1,) rising instants [s since the run's start]; values : (m,)
    """

    edges: Floats
    values: Floats

    @classmethod
    def constant(cls, value: float, first_s: float, end_s: float) -> Series:
        """One value throughout."""
        return cls(np.array([first_s, end_s], np.float64), np.array([value], np.float64))

    def __len__(self) -> int:
        return len(self.values)

    def at(self, at_s: Floats) -> Floats:
        """(n,) values at instants."""
        return self.values[self._slot(at_s)]

    def mean(self, since: Floats, to: Floats) -> Floats:
        """(n,) time-weighted means from `since` to `to` (n,), since < to."""
        return np.asarray((self._upto(to) - self._upto(since)) / (to - since))

    def between(self, first_s: float, end_s: float) -> Series:
        """The part from `first_s` to `end_s`, with edges there."""
        a = int(np.searchsorted(self.edges[1:-1], first_s, side="right"))
        b = int(np.searchsorted(self.edges[1:-1], end_s, side="left"))
        edges = np.concatenate(([first_s], self.edges[a + 1 : b + 1], [end_s]))
        return Series(edges, self.values[a : b + 1])

    def _slot(self, at_s: Floats) -> Ints:
        return np.searchsorted(self.edges[1:-1], at_s, side="right")

    def _upto(self, at_s: Floats) -> Floats:
        """(n,) what has added up from the first edge to instants [value x s]."""
        slot = self._slot(at_s)
        return self._sums[slot] + self.values[slot] * (at_s - self.edges[slot])

    @cached_property
    def _sums(self) -> Floats:
        return np.concatenate(([0.0], np.cumsum(self.values * np.diff(self.edges))))


@dataclass(frozen=True, eq=False)
class Known(Series):
    """What is known of a signal at some moment: published until `published_until` [s], estimated after it."""

    published_until: float = np.inf


@dataclass(frozen=True, eq=False)
class Signal:
    """A series that becomes known in time.

    actual : what it was; told : what is published of it, which may have been a forecast
    published_at_s : when, in seconds after local midnight, the next local day becomes known; None: all is known always
    """

    clock: Clock
    actual: Series
    told: Series
    published_at_s: int | None = None
    _known: dict[int, Known] = field(default_factory=dict, repr=False)

    @cached_property
    def news(self) -> Ints:
        """Instants of the run, warm-up included, at which something becomes known [s]."""
        if self.published_at_s is None:
            return np.zeros(0, np.int64)
        first, last = self.clock.local(np.array([self.clock.warm_up_s, self.clock.end_s], np.float64))[0]
        return self.clock.instant(np.arange(first - 1, last + 1), self.published_at_s)

    def known_at(self, at_s: float) -> Known:
        """What is known at an instant: changing what is published later changes nothing of it."""
        if self.published_at_s is None:
            return Known(self.told.edges, self.told.values)
        today = int(self.clock.local(at_s)[0])
        has_news = at_s >= int(self.clock.instant(today, self.published_at_s))
        last = today + has_news
        if last not in self._known:
            if len(self._known) > 1:  # time goes forward
                self._known.clear()
            self._known[last] = self._published(last)
        return self._known[last]

    def _published(self, last: int) -> Known:
        """What is known when all is published up to the end of a local day."""
        clock, told = self.clock, self.told
        until = float(min(max(int(clock.instant(last + 1, 0)), told.edges[0]), told.edges[-1]))
        end = max(float(clock.instant(last + 1 + HORIZON_DAYS, 0)), until + _GRID_S)  # it may begin later than that
        starts = np.arange(until, end, _GRID_S)
        guess = self._estimate(starts, until)
        if until <= told.edges[0]:
            return Known(np.append(starts, end), guess, until)
        past = told.between(float(told.edges[0]), until)
        return Known(np.concatenate((past.edges, starts[1:], [end])), np.concatenate((past.values, guess)), until)

    def _estimate(self, at_s: Floats, until: float) -> Floats:
        """Means, at the local times of day of `at_s` (n,), of the last days that are published; 0 without any."""
        first = float(self.told.edges[0])
        day, second = self.clock.local(at_s)
        last = int(self.clock.local(until - 1)[0])
        total, count = np.zeros(len(at_s)), np.zeros(len(at_s))
        for back in range(ESTIMATE_DAYS):
            then = self.clock.instant(np.full(len(day), last - back), second.astype(np.int64)).astype(np.float64)
            is_told = (then >= first) & (then < until)
            total[is_told] += self.told.at(then[is_told])
            count += is_told
        overall = float(total.sum() / count.sum()) if count.any() else 0.0
        means = np.where(count > 0, total / np.maximum(count, 1), overall)
        return np.asarray(np.round(means, _ESTIMATE_DECIMALS), np.float64)


@dataclass(frozen=True, eq=False)
class Signals:
    """The signals of a run; None where there is none.

    import_price, export_price [GBP/kWh]; carbon_intensity [g/kWh]; demand_kw : of everything but the cars [kW]
    """

    import_price: Signal | None = None
    export_price: Signal | None = None
    carbon_intensity: Signal | None = None
    demand_kw: Signal | None = None

    NAMES = ("import_price", "export_price", "carbon_intensity", "demand_kw")

    def known_at(self, name: str, at_s: float) -> Known | None:
        """What is known of one of them at an instant."""
        signal: Signal | None = getattr(self, name)
        return None if signal is None else signal.known_at(at_s)

    @cached_property
    def news(self) -> Ints:
        """Instants at which something becomes known [s], rising."""
        told = [signal.news for signal in map(self.__getattribute__, self.NAMES) if signal is not None]
        return np.unique(np.concatenate(told)) if told else np.zeros(0, np.int64)


NO_SIGNALS = Signals()

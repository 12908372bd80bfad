"""Firm power: what a run's cars could deliver for the whole of a window, on most days."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from evsim._clock import Clock
from evsim._errors import ConfigError
from evsim._results import Results
from evsim._units import SECONDS_PER_MINUTE, Anything, Floats, Ints
from evsim.analysis._envelope import LENGTHS, Frames, firm_of
from evsim.analysis._film import Film
from evsim.analysis._fleets import KINDS, Fleets
from evsim.analysis._local_days import Window, cells

_HALF = 0.5


@dataclass(frozen=True, eq=False, repr=False)
class Firm:
    """Blocks that could be held for the whole of a window, day by day.

    kinds : as in `Envelope`; window : in words, local; minutes : its length by the wall clock
    confidence : share of the days [0-1]
    days : (n_days,) local dates, datetime64[D], on which the run holds the whole window
    kw : (n_kinds, n_days) [kW at the meter]
    most_kw : (n_kinds, n_days) the least of its quarter-hours taken each alone, with the cars that are there then:
        more cannot be had, however lucky [kW]
    lengths : [min] from the window's beginning; by_length_kw : (n_kinds, n_lengths) firm [kW]
    """

    kinds: tuple[str, ...]
    window: str
    minutes: float
    confidence: float
    days: Anything
    kw: Floats
    most_kw: Floats
    lengths: tuple[int, ...]
    by_length_kw: Floats

    def __repr__(self) -> str:
        """One line."""
        return f"<Firm: {self.window} on {self.confidence:.0%} of {len(self.days):,} days>"

    def firm_kw(self, kind: str) -> float:
        """What there is on `confidence` of the days [kW]: of n the k-th best, k = ceil(confidence n)."""
        return firm_of(self._of(kind), self.confidence)

    def median_kw(self, kind: str) -> float:
        """What there is on half of the days [kW]."""
        return firm_of(self._of(kind), _HALF)

    def best_kw(self, kind: str) -> float:
        """The best day [kW]."""
        return float(self._of(kind).max())

    def worst_kw(self, kind: str) -> float:
        """The worst day [kW]."""
        return float(self._of(kind).min())

    def most_firm_kw(self, kind: str) -> float:
        """The same rule for `most_kw` [kW]."""
        return firm_of(self.most_kw[self.kinds.index(kind)], self.confidence)

    def _of(self, kind: str) -> Floats:
        return np.asarray(self.kw[self.kinds.index(kind)])

    @property
    def days_wanted(self) -> int:
        """How many days it takes to speak of that confidence: of fewer, not even one may fail."""
        return math.ceil(1 / (1 - self.confidence) - 1e-9) if self.confidence < 1 else len(self.days)


def firm(results: Results, begin: object, end: object, confidence: float = 0.9, name: str = "window") -> Firm:
    """What could be delivered from one local time to another, day by day.

    confidence : share of the days on which it must be there [0-1]
    name : what the window is called where it is typed
    Raises ConfigError when a time is faulty, or no day of the run holds the window.
    """
    window = Window.typed(begin, end, name)
    if not 0 < confidence <= 1:
        raise ConfigError(f"confidence: {confidence:g} is not a share; give over 0, at most 1, as in 0.9")
    begins, ends, days = _windows(results.clock, window)
    if not len(days):
        raise ConfigError(f"simulation.days: the run holds no whole {window}; give more days, as in --days 28")
    fleets, frames = Fleets(results), Frames(Film(results), 512)
    lengths = tuple(sorted({*LENGTHS, int(window.minutes)}))
    kw, most_kw = (np.full((len(KINDS), len(days)), np.nan) for _ in range(2))
    by_length = np.full((len(KINDS), len(days), len(lengths)), np.nan)
    for day, (first, last) in enumerate(zip(begins.tolist(), ends.tolist(), strict=True)):
        edges = cells(first, last)
        shown = frames.at(edges)
        kw[:, day] = fleets.blocks(shown)
        alone = [fleets.blocks(shown[i : i + 2]) for i in range(len(shown) - 1)]
        most_kw[:, day] = np.maximum(np.min(alone, axis=0), kw[:, day])
        for i, length in enumerate(lengths):
            until = first + length * SECONDS_PER_MINUTE
            if until <= results.clock.end_s:
                by_length[:, day, i] = fleets.blocks(frames.at(cells(first, until)))
    return Firm(
        kinds=KINDS,
        window=str(window),
        minutes=window.minutes,
        confidence=confidence,
        days=days.astype("datetime64[D]"),
        kw=kw,
        most_kw=most_kw,
        lengths=lengths,
        by_length_kw=np.apply_along_axis(firm_of, 1, by_length, confidence),
    )


def _windows(clock: Clock, window: Window) -> tuple[Ints, Ints, Ints]:
    """Where the window begins and ends on each local date of its beginning, of those that the run holds whole [s]."""
    first, last = clock.local(np.array([0, clock.end_s]))[0]
    days = np.arange(int(first), int(last) + 1)
    begin = clock.instant(days, window.begin.second)
    end = clock.instant(days + (window.end.second <= window.begin.second), window.end.second)
    within = (begin >= 0) & (end <= clock.end_s) & (end > begin)
    return begin[within], end[within], days[within]

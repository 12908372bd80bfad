"""Ways of looking at the time of a run: step by step, or, when it is long, day by day and as an average day.

A view is a set of bins; every step belongs to one. Nothing else is computed for a picture.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np

from evsim._clock import Clock
from evsim._units import SECONDS_PER_DAY, Floats, Ints
from evsim.plots import _calendar as calendar
from evsim.plots import _words as words

MOST_DAYS_BY_STEP = 15
"""A run of more days than this is drawn day by day: its steps could not be told apart."""


_LEAST_DAYS_IN = 1.5
_DAYS_SHARE = 0.4
"""Of the width, for the days of a long run; the rest is for the average day, where more happens."""


@dataclass(frozen=True)
class View:
    """Bins of time, drawn along one axis.

    name : what the axis shows; empty when its labels say so
    share : of a picture's width, what it wants beside others [0-1]
    edges : (n + 1,) where bins begin and end on the axis [s]
    states_at : (n,) where the mean of states at the ends of a bin's steps is drawn [s]
    bin : (n_steps,) the bin of each step; none is empty
    draw_axis : draws the time axis of a panel; returns its rows of labels
    has_marks : whether moments of a day can be told apart
    is_round : whether the axis ends where it begins
    """

    name: str
    share: float
    edges: Floats
    states_at: Floats
    bin: Ints
    draw_axis: Callable[..., int]
    has_marks: bool = True
    is_round: bool = False

    @cached_property
    def _order(self) -> Ints:
        return np.argsort(self.bin, kind="stable")

    @cached_property
    def _starts(self) -> Ints:
        return np.searchsorted(self.bin[self._order], np.arange(len(self.states_at)))

    @property
    def column(self) -> tuple[float, float]:
        """Its share of the width, and where its axis ends [s]: a column of panels."""
        return self.share, float(self.edges[-1])

    def states(self, column: Floats) -> tuple[Floats, Floats]:
        """Where on the axis states (n_steps, ...) are drawn [s], and their means there: (n + 1,), (n + 1, ...).

        No state is known at the very beginning: it is the one at the end of a round axis, else that of the first bin.
        """
        means = self.mean(column)
        first = means[-1:] if self.is_round else means[:1]
        return np.append(self.edges[0], self.states_at), np.concatenate([first, means])

    def mean(self, column: Floats) -> Floats:
        """The mean in each bin of a column (n_steps, ...): (n, ...)."""
        counts = np.bincount(self.bin).reshape(-1, *(1,) * (column.ndim - 1))
        return np.add.reduceat(column[self._order], self._starts, axis=0) / counts

    def highest(self, column: Floats) -> Floats:
        """The highest in each bin of a column (n_steps, ...): (n, ...)."""
        return np.maximum.reduceat(column[self._order], self._starts, axis=0)

    def marks(self, steps: Ints, states: Floats) -> tuple[Floats, Floats]:
        """Where on the axis some steps end [s], and the mean there of their states.

        states : one for each of `steps`
        """
        bins, which = np.unique(self.bin[steps], return_inverse=True)
        return self.states_at[bins], np.bincount(which, weights=states) / np.bincount(which)


def views_of(clock: Clock, width_in: float = math.inf) -> tuple[View, ...]:
    """The views that show a run well: its steps, or its days and the average day; or, with little width [in], that."""
    if clock.end_s <= MOST_DAYS_BY_STEP * SECONDS_PER_DAY:
        return (_by_step(clock),)
    average = _average_day(clock)
    return (_by_day(clock), average) if width_in * _DAYS_SHARE >= _LEAST_DAYS_IN else (average,)


def steps_before(clock: Clock, second_of_day: int) -> Ints:
    """(m,) for each local day, the last step that ends no later than this time of day [s].

    A day without one is left out.
    """
    first, last = (int(day) for day in clock.local(np.array([0, clock.end_s]))[0])
    at = clock.instant(np.arange(first, last + 1), second_of_day)
    steps = at[(at >= clock.step_s) & (at <= clock.end_s)] // clock.step_s - 1
    return np.unique(steps)


def _by_step(clock: Clock) -> View:
    edges = np.arange(clock.n_steps + 1, dtype=np.float64) * clock.step_s
    draw = partial(calendar.draw_run, clock=clock, has_nights=True)
    return View("", 1.0, edges, edges[1:], np.arange(clock.n_steps), draw)


def _by_day(clock: Clock) -> View:
    """Days from the run's time of day to the next: so nights of a run that starts at noon are whole."""
    first, second = clock.local(0)
    last = clock.local(clock.end_s)[0]
    begins = clock.instant(np.arange(int(first), int(last) + 1), int(second))
    begins = begins[begins < clock.end_s]
    edges = np.append(begins, clock.end_s).astype(np.float64)
    bins = np.searchsorted(begins, np.arange(clock.n_steps) * clock.step_s, side="right") - 1
    draw = partial(calendar.draw_run, clock=clock, has_nights=False)
    name = f"day by day, from {words.hour(float(second))}"
    return View(name, _DAYS_SHARE, edges, (edges[1:] + edges[:-1]) / 2, bins, draw, has_marks=False)


def _average_day(clock: Clock) -> View:
    """All days on top of one another, from noon to noon by the local clock."""
    seconds = clock.local(np.arange(clock.n_steps) * clock.step_s)[1]
    phase = np.round(seconds - calendar.NOON_S).astype(np.int64) % SECONDS_PER_DAY
    found, bins = np.unique(phase // clock.step_s, return_inverse=True)
    edges = np.append(found, found[-1] + 1) * float(clock.step_s)
    return View("average day", 1 - _DAYS_SHARE, edges, edges[1:], bins, calendar.draw_day, is_round=True)

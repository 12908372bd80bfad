"""Everybody at an instant, read from the log: in how much time depends on the events, and not on users x steps."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from evsim._event_kinds import EventKind
from evsim._results import Results
from evsim._units import SECONDS_PER_HOUR, Anything, Bools, Floats, Ints


class Frame(NamedTuple):
    """All users at an instant `at_s` of the run [s]; columns are (n_users,).

    soc : state of charge [0-1], wherever the car is; straight between two events, as in a user's own log
    net_kwh : import less export since the run began [kWh at the meter]
    net_kw : power that flows now [kW at the meter], import positive: the mean until the user's next event
    next_soc : SoC at that event [0-1]
    since_s, until_s : when the stay at the plug began, and when it really ends [s]. Of who is not plugged in both are
        NaN, and `until_s` is inf for a stay that outlasts the run
    target_soc : of this stay, or the last one [0-1]
    """

    at_s: int
    soc: Floats
    net_kwh: Floats
    net_kw: Floats
    next_soc: Floats
    since_s: Floats
    until_s: Floats
    target_soc: Floats

    @property
    def is_plugged_in(self) -> Bools:
        """(n_users,) whether the plug is in."""
        return ~np.isnan(self.since_s)

    def stays_until(self, end_s: float) -> Bools:
        """(n_users,) whether the plug is in, and stays in until `end_s` [s]."""
        return self.is_plugged_in & (self.until_s >= end_s)


class Film:
    """Frames of a run. Asked for in rising order, each costs what has happened since the last one."""

    def __init__(self, results: Results) -> None:
        events, people = results.events, results.users
        order, self._bounds = events.by_user()
        self._at = events.column("at_s")[order]
        self._soc = events.column("soc")[order]
        self._kind = events.column("event")[order]
        net = events.column("import_kwh")[order].astype(np.float64) - events.column("export_kwh")[order]
        self._net_kwh = np.cumsum(net)
        self._net_before = self._net_kwh[self._bounds[:-1]] - net[self._bounds[:-1]]
        self._now_s, self._last = 0, self._bounds[:-1].copy()
        self._target_soc = people.target_soc
        self._find_stays(results, events.column("user")[order])

    def _find_stays(self, results: Results, user: Anything) -> None:
        """Number the stays at the plug: of each event, the stay that has last begun."""
        begins, ends = (np.flatnonzero(self._kind == kind) for kind in (EventKind.PLUG_IN, EventKind.PLUG_OUT))
        self._stay = np.cumsum(self._kind == EventKind.PLUG_IN, dtype=np.int32) - 1
        self._first_stay = np.searchsorted(begins, self._bounds[:-1])
        self._begin_s = self._at[begins].astype(np.float64)
        self._end_s = np.full(len(begins), np.inf)
        self._end_s[self._stay[ends]] = self._at[ends]
        self._stay_target = results.target_soc_of(user[begins], self._at[begins].astype(np.int64))

    def at(self, at_s: int) -> Frame:
        """Everybody at an instant [s]; what happens at that very instant has happened."""
        row = self._rows(at_s)
        after = np.minimum(row + 1, len(self._at) - 1)
        has_next = row + 1 < self._bounds[1:]
        since_s, until_s, target = self._stays_of(row, at_s)
        here, there = self._at[row].astype(np.float64), self._at[after].astype(np.float64)
        span = np.where(has_next, there - here, 0.0)
        share = np.divide(at_s - here, span, out=np.zeros(len(row)), where=span > 0)
        soc, kwh = self._soc[row].astype(np.float64), self._net_kwh[row]
        more = np.where(has_next, self._net_kwh[after] - kwh, 0.0)
        goes_on = has_next & (self._kind[after] != EventKind.PLUG_IN)
        next_soc = np.where(goes_on, self._soc[after].astype(np.float64), soc)
        kw = np.divide(more * SECONDS_PER_HOUR, span, out=np.zeros(len(row)), where=span > 0)
        net_kwh = kwh - self._net_before + share * more
        return Frame(at_s, soc + share * (next_soc - soc), net_kwh, kw, next_soc, since_s, until_s, target)

    def _rows(self, at_s: int) -> Ints:
        """(n_users,) the last event of each that is not after an instant: of those who have one since, by bisection."""
        if at_s < self._now_s:
            self._last = self._bounds[:-1].copy()
        self._now_s, end = at_s, self._bounds[1:] - 1
        who = np.flatnonzero(self._at[np.minimum(self._last + 1, end)] <= np.int32(at_s))
        low, high = self._last[who], end[who]
        while (low < high).any():
            middle = (low + high + 1) // 2
            is_past = self._at[middle] <= np.int32(at_s)
            low, high = np.where(is_past, middle, low), np.where(is_past, high, middle - 1)
        self._last[who] = low
        return self._last.copy()

    def _stays_of(self, row: Ints, at_s: int) -> tuple[Floats, Floats, Floats]:
        stay = self._stay[row]
        has_had = stay >= self._first_stay
        which = np.where(has_had, stay, 0)
        if not len(self._begin_s):
            nothing = np.full(len(row), np.nan)
            return nothing, nothing, self._target_soc
        is_in = has_had & (self._end_s[which] > at_s)
        since_s = np.where(is_in, self._begin_s[which], np.nan)
        until_s = np.where(is_in, self._end_s[which], np.nan)
        return since_s, until_s, np.where(has_had, self._stay_target[which], self._target_soc)


def mean_kw(frames: list[Frame], who: Anything) -> Floats:
    """(m, n_frames - 1) mean net power of some users between frames [kW at the meter], import positive."""
    kwh = np.stack([frame.net_kwh[who] for frame in frames], axis=1)
    hours = np.diff([frame.at_s for frame in frames]) / SECONDS_PER_HOUR
    return np.asarray(np.diff(kwh, axis=1) / hours)

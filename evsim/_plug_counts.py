"""When cars are plugged in and out, and how charged they come home: the events of a run, counted for its pictures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from evsim._days import Days
from evsim._event_kinds import EventKind
from evsim._units import PIECE, SECONDS_PER_DAY, SECONDS_PER_MINUTE, Anything, Floats, Ints

if TYPE_CHECKING:
    from evsim._clock import Clock
    from evsim._events import EventStore
    from evsim._results import Results

WORKING, OFF = 0, 1
"""Kinds of days: working days; weekends and bank holidays."""
_KINDS = 2
_COUNTED = (EventKind.PLUG_IN, EventKind.PLUG_OUT)
MINUTES_PER_DAY = SECONDS_PER_DAY // SECONDS_PER_MINUTE
SOC_LEVELS = 1000
_ROUNDING = 1e-3
"""Of a level: a SoC that float32 keeps a hair under a level is at it."""


class PlugCounts(NamedTuple):
    """Plug-ins and plug-outs of a run. Cars that are plugged in as it starts have been so before, and do not count.

    days : (2,) how many days of each kind the run has, parts included
    plug_ins, plug_outs : (n_archetypes, 2, 1440) by kind of day and minute, both by the local clock
    plug_in_soc : (n_archetypes, 1001) plug-ins by SoC, to a tenth of a percent
    """

    days: Floats
    plug_ins: Ints
    plug_outs: Ints
    plug_in_soc: Ints


class _Batch(NamedTuple):
    """Events of one kind, each (m,): when, whose, and the SoC."""

    kind: EventKind
    at_s: Anything
    user: Anything
    soc: Anything


def plug_counts(results: Results) -> PlugCounts:
    """Count the plug-ins and plug-outs of a run: one pass over its events, and nothing for each user."""
    events, n_groups = results.events, len(results.archetypes)
    place = _places(results)
    days = np.bincount(place // MINUTES_PER_DAY, minlength=_KINDS) * SECONDS_PER_MINUTE / SECONDS_PER_DAY
    moments = {kind: np.zeros((n_groups, _KINDS, MINUTES_PER_DAY), np.int64) for kind in _COUNTED}
    socs = np.zeros((n_groups, SOC_LEVELS + 1), np.int64)

    def count(total: Ints, group: Ints, cell: Ints) -> None:
        n = total.size // n_groups
        total += np.bincount(group * n + cell, minlength=total.size).reshape(total.shape)

    for batch in _batches(events):
        group = events.archetype[batch.user]
        minute = batch.at_s.astype(np.int64) // SECONDS_PER_MINUTE
        count(moments[batch.kind], group, place[np.minimum(minute, len(place) - 1)])
        if batch.kind == EventKind.PLUG_IN:
            count(socs, group, np.floor(batch.soc * np.float64(SOC_LEVELS) + _ROUNDING).astype(np.int64))
    return PlugCounts(days, moments[EventKind.PLUG_IN], moments[EventKind.PLUG_OUT], socs)


def _batches(events: EventStore) -> Iterator[_Batch]:
    """Plug-ins and plug-outs, some thousands at a time.

    Group by group, because laying out the columns of a large run in fresh memory would take longer than the counting.
    """
    start = events.reason_code("run_start")
    waiting: list[tuple[Anything | float, ...]] = []
    n_waiting = 0
    for group in events.parts("event", "reason", "at_s", "user", "soc"):
        event, user = group[0], group[3]
        is_many = isinstance(event, np.ndarray)
        if any((event == kind).any() for kind in _COUNTED) if is_many else event in _COUNTED:
            waiting.append((len(user), *group))
            n_waiting += len(user)
        if n_waiting >= PIECE:
            yield from _sorted_out(waiting, start)
            waiting, n_waiting = [], 0
    if waiting:
        yield from _sorted_out(waiting, start)


def _sorted_out(groups: Sequence[tuple[Anything | float, ...]], start: int) -> Iterator[_Batch]:
    """Groups of events by kind, without those that restate how the run starts."""
    lengths, *columns = zip(*groups, strict=True)
    event, reason, at_s, user, soc = (_joined(column, lengths) for column in columns)
    for kind in _COUNTED:
        rows = np.flatnonzero((event == kind) & (reason != start))
        yield _Batch(kind, at_s[rows], user[rows], soc[rows])


def _joined(column: Sequence[Any], lengths: Sequence[Any]) -> Anything:
    """One column of several; a number stands for as many as its group has."""
    parts = zip(column, lengths, strict=True)
    return np.concatenate([part if isinstance(part, np.ndarray) else np.full(n, part) for part, n in parts])


def _places(results: Results) -> Ints:
    """(n_minutes,) where each minute of a run is counted: its minute of the local day, after those of earlier kinds."""
    clock: Clock = results.clock
    scenario = results.scenario
    day, second = clock.local(np.arange(0, clock.end_s, SECONDS_PER_MINUTE))
    calendar = Days(scenario.behaviour, scenario.simulation.holiday_region)
    first = int(day[0])
    kinds = [WORKING if calendar.day(number).is_working else OFF for number in range(first, int(day[-1]) + 1)]
    return np.array(kinds)[day - first] * MINUTES_PER_DAY + (second // SECONDS_PER_MINUTE).astype(np.int64)

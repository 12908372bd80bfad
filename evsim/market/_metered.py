"""What each user's energy was worth, read off the log: energy times what a signal was when it flowed.

An event's energy flowed evenly between the same user's previous event and this one. A car that charges reports at
every step boundary, so that is never longer than a step: where a signal changes only at these, its value in the
step is enough. Where it changes within steps, the log is sorted by user, to know the previous event.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

import numpy as np

from evsim._clock import Clock
from evsim._events import EventStore
from evsim._series import Series
from evsim._units import Anything, Floats, Ints, pieces

_Flow: TypeAlias = tuple[Ints, Floats, Anything, Anything]
"""Energies: whose (m,), how much (m,) [kWh], and between which instants [s], each (m,) or (1,) for all."""


def metered(events: EventStore, column: str, signals: Sequence[Series | None]) -> tuple[Floats, ...]:
    """Each user's energy, and its sum times each signal; all (n_users,), NaN for a signal there is not.

    column : `import_kwh` or `export_kwh`
    Returns energy at the meter [kWh], and for each signal [kWh x its unit].
    """
    clock, n = events.clock, len(events.archetype)
    steady = all(series is None or is_steady_in_steps(series, clock) for series in signals)
    values = [None if series is None else _values(series, clock, steady=steady) for series in signals]
    kwh_of = np.zeros(n)
    worth = [np.full(n, np.nan) if value is None else np.zeros(n) for value in values]
    for user, kwh, since, to in (_as_appended if steady else _by_user)(events, column):
        np.add.at(kwh_of, user, kwh)
        for total, value in zip(worth, values, strict=True):
            if value is not None:
                np.add.at(total, user, kwh * value(since, to))
    return kwh_of, *worth


def is_steady_in_steps(series: Series, clock: Clock) -> bool:
    """Whether a series changes at step boundaries of the run only."""
    changes = series.edges[1:-1][np.diff(series.values) != 0]
    return bool((changes[(changes > 0) & (changes < clock.end_s)] % clock.step_s == 0).all())


def _values(series: Series, clock: Clock, *, steady: bool) -> Callable[[Anything, Anything], Floats]:
    """What gives the means of a series between instants that lie within a step."""
    if not steady:
        return series.mean
    by_step = series.at(np.arange(clock.n_steps, dtype=np.float64) * clock.step_s)
    return lambda _, to: by_step[np.maximum(to - 1, 0) // clock.step_s]


def _as_appended(events: EventStore, column: str) -> Iterator[_Flow]:
    """All energies; when they began to flow within their step is not told."""
    for user, at, kwh in events.parts("user", "at_s", column):
        if not isinstance(kwh, np.ndarray) and not kwh:
            continue
        kwh_each = np.broadcast_to(kwh, user.shape)
        for rows in pieces(len(user)):
            to = at[rows] if isinstance(at, np.ndarray) else np.array([at], np.int64)
            yield user[rows].astype(np.int64), kwh_each[rows].astype(np.float64), to, to


def _by_user(events: EventStore, column: str) -> Iterator[_Flow]:
    """All energies, user by user. A user's first event is the report at the start, with none."""
    if not any(np.any(kwh) for (kwh,) in events.parts(column)):
        return
    order, _ = events.by_user()
    at_s, user, kwh, step_s = events.column("at_s"), events.column("user"), events.column(column), events.clock.step_s
    for piece in pieces(len(order)):
        rows = order[max(piece.start - 1, 0) : piece.stop]
        flowed = np.flatnonzero(kwh[rows[1:]])
        before, now = rows[flowed], rows[flowed + 1]
        to = at_s[now].astype(np.float64)
        since = np.minimum(np.maximum(at_s[before], (to - 1) // step_s * step_s), to - 1)
        yield user[now].astype(np.int64), kwh[now].astype(np.float64), since, to

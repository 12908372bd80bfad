"""What the meters of a run read: net energy by settlement period, from the event log."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeAlias

import numpy as np

from evsim._results import Results
from evsim._units import Anything, Floats, Ints, pieces
from evsim.market._readings import PERIOD_S, Readings

_LARGE = 60_000_000
"""From so many readings on they are kept as float32, which holds a half-hour of an event log without loss."""

_Flow: TypeAlias = tuple[Ints, Floats, Anything, Anything]
"""Net energies: whose (m,), how much (m,) [kWh], and between which instants of the run [s]."""


def readings_of(runs: Sequence[Results], users: Ints | None = None) -> Readings:
    """The net readings [kWh] of runs that follow one another, of the same people.

    users : whose; everybody's by default. Half-hours that no run has lived in full are missing.
    Between two events energy is spread evenly: exact where steps begin and end with half-hours, or power is constant.
    """
    first, last = runs[0].clock, runs[-1].clock
    n_users = len(runs[0].users)
    users = np.arange(n_users) if users is None else users
    zone = first.timezone
    begin_day = np.datetime64("1970-01-01", "D") + int(first.local(0.0)[0])
    end_day = np.datetime64("1970-01-01", "D") + int(last.local(float(last.end_s) - 1)[0])
    n_days = int((end_day - begin_day).astype(np.int64)) + 1
    kind = np.float32 if len(users) * n_days * 50 > _LARGE else np.float64
    names = tuple(map(str, users.tolist()))
    made = Readings.none_of(names, begin_day, n_days, zone, kind)
    row = np.full(n_users, -1)
    row[users] = np.arange(len(users))
    for run in runs:
        _fill(made, run, row)
    return made


def _fill(readings: Readings, run: Results, row: Ints) -> None:
    """Add what a run has metered; row : (n_users,) of each user's readings, or -1."""
    clock = run.clock
    first, end = -(-clock.start_epoch_s // PERIOD_S), (clock.start_epoch_s + clock.end_s) // PERIOD_S
    begins = np.arange(first - 1, end + 1)
    day, period = readings.place(begins * PERIOD_S)
    is_whole = (begins >= first) & (begins < end)
    n_days = len(readings.days)
    cell = np.where(is_whole & (day >= 0) & (day < n_days), day * readings.kwh.shape[2] + period - 1, -1)
    by_meter = readings.kwh.reshape(len(readings.meters), -1)
    lived = cell[cell >= 0]
    by_meter[:, lived] = 0.0
    flat, width = readings.kwh.reshape(-1), by_meter.shape[1]
    for user, kwh, since, to in _flows(run):
        mine = row[user]
        a = (since + clock.start_epoch_s) // PERIOD_S - begins[0]
        b = (to + clock.start_epoch_s - 1) // PERIOD_S - begins[0]
        for k in range(int((b - a).max(initial=-1)) + 1):
            edge = (begins[0] + a + k) * PERIOD_S - clock.start_epoch_s
            part = np.minimum(to, edge + PERIOD_S) - np.maximum(since, edge)
            where = cell[np.minimum(a + k, len(cell) - 1)]
            rows = np.flatnonzero((part > 0) & (mine >= 0) & (where >= 0))
            share = kwh[rows] * (part[rows] / (to[rows] - since[rows]))
            np.add.at(flat, mine[rows] * width + where[rows], share.astype(flat.dtype))


def _flows(run: Results) -> Iterator[_Flow]:
    """All energies of a run and when they flowed, by whole seconds."""
    events, step_s = run.events, run.clock.step_s
    if run.clock.start_epoch_s % PERIOD_S == 0 and PERIOD_S % step_s == 0:
        for user, at, taken, given in events.parts("user", "at_s", "import_kwh", "export_kwh"):
            if not _is_any(taken) and not _is_any(given):
                continue
            for some in pieces(len(user)):
                to = np.broadcast_to(at, user.shape)[some].astype(np.int64)
                yield user[some].astype(np.int64), _net(taken, given, len(user), some), to - 1, to
        return
    order, _ = events.by_user()
    at_s, user = events.column("at_s"), events.column("user")
    taken, given = events.column("import_kwh"), events.column("export_kwh")
    for piece in pieces(len(order)):
        rows = order[max(piece.start - 1, 0) : piece.stop]
        flowed = np.flatnonzero((taken[rows[1:]] != 0) | (given[rows[1:]] != 0))
        before, now = rows[flowed], rows[flowed + 1]
        to = at_s[now].astype(np.int64)
        since = np.minimum(np.maximum(at_s[before], (to - 1) // step_s * step_s), to - 1)
        yield user[now].astype(np.int64), taken[now].astype(np.float64) - given[now], since, to


def _is_any(column: Anything | float) -> bool:
    return isinstance(column, np.ndarray) or bool(column)


def _net(taken: Anything | float, given: Anything | float, n: int, rows: slice) -> Floats:
    into, out = (np.broadcast_to(column, n)[rows].astype(np.float64) for column in (taken, given))
    return np.asarray(into - out)


def net_kwh_between(run: Results, since_s: float, to_s: float) -> Floats:
    """(n_users,) net energy between two instants of a run [kWh], spread evenly between events."""
    step_s = run.clock.step_s
    if since_s % step_s == 0 and to_s % step_s == 0:
        return _between_steps(run, since_s, to_s)
    n = len(run.users)
    return net_kwh_while(run, np.full(n, float(since_s)), np.full(n, float(to_s)))


def net_kwh_while(run: Results, since_s: Floats, to_s: Floats) -> Floats:
    """The same with instants of its own for each user (n_users,); nothing where these are not in order."""
    step_s, events = run.clock.step_s, run.events
    total = np.zeros(len(run.users))
    order, _ = events.by_user()
    at_s, user = events.column("at_s"), events.column("user")
    taken, given = events.column("import_kwh"), events.column("export_kwh")
    first, last = float(since_s.min()), float(to_s[np.isfinite(to_s)].max(initial=0.0)) + step_s
    for piece in pieces(len(order)):
        rows = order[max(piece.start - 1, 0) : piece.stop]
        to = at_s[rows[1:]].astype(np.float64)
        flowed = (taken[rows[1:]] != 0) | (given[rows[1:]] != 0)
        in_reach = np.flatnonzero((to > first) & (to < last) & flowed)
        before, now, to = rows[in_reach], rows[in_reach + 1], to[in_reach]
        since, who = np.minimum(np.maximum(at_s[before], (to - 1) // step_s * step_s), to - 1), user[now]
        share = np.maximum(np.minimum(to, to_s[who]) - np.maximum(since, since_s[who]), 0.0) / (to - since)
        np.add.at(total, who, (taken[now].astype(np.float64) - given[now]) * share)
    return total


def _between_steps(run: Results, since_s: float, to_s: float) -> Floats:
    """The same between step boundaries, at which cars with power report: their energies simply add up."""
    total = np.zeros(len(run.users))
    for user, at, taken, given in run.events.parts("user", "at_s", "import_kwh", "export_kwh"):
        if not _is_any(taken) and not _is_any(given):
            continue
        for rows in pieces(len(user)):
            when = np.broadcast_to(at, user.shape)[rows]
            mine = (when > since_s) & (when <= to_s)
            if mine.any():
                np.add.at(total, user[rows][mine], _net(taken, given, len(user), rows)[mine])
    return total


def by_step(run: Results, users: Ints) -> tuple[Floats, Floats]:
    """(n_steps,) import and export of some users in each step of a run [kWh]."""
    clock, is_one = run.clock, np.zeros(len(run.users), np.bool_)
    is_one[users] = True
    sums = np.zeros(clock.n_steps), np.zeros(clock.n_steps)
    for user, at, *energies in run.events.parts("user", "at_s", "import_kwh", "export_kwh"):
        for rows in pieces(len(user)):
            mine = is_one[user[rows]]
            if not mine.any():
                continue
            step = np.maximum(np.broadcast_to(at, user.shape)[rows][mine].astype(np.int64) - 1, 0) // clock.step_s
            for total, kwh in zip(sums, energies, strict=True):
                if _is_any(kwh):
                    part = np.broadcast_to(kwh, user.shape)[rows][mine].astype(np.float64)
                    np.add(total, np.bincount(step, part, clock.n_steps), out=total)
    return sums

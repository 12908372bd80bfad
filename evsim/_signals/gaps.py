"""A file's values on the clock of a run: what is missing is a fault, or is filled by a rule with a name."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from evsim._clock import Clock
from evsim._signals.faulty import MOST_NAMED, FaultySourceError, name_instants, utc_text
from evsim._signals.generate import wider
from evsim._signals.rows import Rows
from evsim._units import SECONDS_PER_DAY, SECONDS_PER_HOUR, SECONDS_PER_MINUTE, Floats, Ints

MOST_FILLED_DAYS = 7
"""A longer hole is not a gap in a file but the wrong file."""
_DAYS_BEFORE = {"same_time_day_before": 1, "same_time_week_before": 7}
_NO_FILL = 'say how they are filled: "fill": "previous"'


class Covered(NamedTuple):
    """Values without holes over the run, and over what joins it.

    edges : (m + 1,) [s since the run's start]; actual, told : (m,)
    filled : (n,) instants that the file lacks [s since the run's start]; slot_s : how long each is [s]
    n_forecast_used : for how many of the run's values a forecast stands, the actual one not being there
    """

    edges: Ints
    actual: Floats
    told: Floats
    filled: Ints
    slot_s: int
    n_forecast_used: int


class _Hole(NamedTuple):
    """From one instant until another there is no value; `after` is the row before it, or -1."""

    since: int
    until: int
    after: int


def cover(rows: Rows, clock: Clock, fill: str | None) -> Covered:
    """The values of a run and its warm-up. Raises FaultySourceError when some are missing and no rule fills them.

    A file may begin within the warm-up: before it, nothing is known.
    """
    start, end = rows.start - clock.start_epoch_s, rows.end - clock.start_epoch_s
    first, last = int(start[0]), int(end[-1])
    _check_meets(first, last, clock)
    since = max(first, clock.warm_up_s) if first <= 0 else 0
    holes = _holes(start, end, since, clock.end_s)
    slot_s = rows.resolution_s if rows.resolution_s <= SECONDS_PER_HOUR else SECONDS_PER_HOUR // 2
    value = np.column_stack((rows.actual, rows.told))
    filled = np.zeros(0, np.int64)
    used = rows.forecast_used
    if holes and fill is None:
        raise FaultySourceError.at(("file",), _lacks(holes, slot_s, since, first, last, clock))
    if holes and fill is not None:
        start, end, value, filled = _fill(start, end, value, holes, slot_s, fill, clock)
        used = np.isin(start, rows.start[rows.forecast_used] - clock.start_epoch_s)
        filled = filled[(filled + slot_s > since) & (filled < clock.end_s)]
    is_lived = (end > 0) & (start < clock.end_s)
    edges, kept = _joined(start, end, since, clock)
    return Covered(edges, value[kept, 0], value[kept, 1], filled, slot_s, int(np.count_nonzero(used & is_lived)))


def _check_meets(first: int, last: int, clock: Clock) -> None:
    """Raise FaultySourceError when a file is of other times than the run."""
    if first < clock.end_s and last > 0:
        return
    epoch = clock.start_epoch_s
    file = f"is of {utc_text(epoch + first)} to {utc_text(epoch + last)}"
    run = f"the run of {utc_text(epoch)} to {utc_text(epoch + clock.end_s)}"
    remedy = 'set simulation.start, or make a typical year of it: "repeat": "by_month_and_hour"'
    raise FaultySourceError.at(("file",), f"{file}, {run}; {remedy}")


def _holes(start: Ints, end: Ints, since: int, until: int) -> list[_Hole]:
    """Where there is no value between two instants; holes within the file in full length."""
    holes = []
    if start[0] > since:
        holes.append(_Hole(since, int(start[0]), -1))
    inside = np.flatnonzero((end[:-1] < start[1:]) & (end[:-1] < until) & (start[1:] > since))
    holes += [_Hole(int(end[i]), int(start[i + 1]), int(i)) for i in inside]
    if end[-1] < until:
        holes.append(_Hole(int(end[-1]), until, len(end) - 1))
    return holes


def _lacks(holes: list[_Hole], slot_s: int, since: int, first: int, last: int, clock: Clock) -> str:
    """What is missing, and what to do."""
    spans = [(max(hole.since, since), min(hole.until, clock.end_s)) for hole in holes]
    n = sum(-((a - b) // slot_s) for a, b in spans)
    named = np.concatenate([np.arange(a, min(b, a + MOST_NAMED * slot_s), slot_s) for a, b in spans[:MOST_NAMED]])
    epoch = clock.start_epoch_s
    more = f" and {n - MOST_NAMED:,} more" if n > MOST_NAMED else ""
    times = "time" if n == 1 else "times"
    text = f"no value for {n:,} {times} {slot_s / SECONDS_PER_MINUTE:g} min: "
    text += f"{name_instants(epoch + named[:MOST_NAMED])}{more}; "
    if first > since:
        return f"{text}the file begins {utc_text(epoch + first)}, the run {utc_text(epoch)}; let the run begin later"
    if last < clock.end_s:
        end = f"the file ends {utc_text(epoch + last)}, the run {utc_text(epoch + clock.end_s)}"
        return f"{text}{end}; let the run end sooner, or {_NO_FILL}"
    return f"{text}give a file that has them, or {_NO_FILL}"


def _fill(
    start: Ints, end: Ints, value: Floats, holes: list[_Hole], slot_s: int, rule: str, clock: Clock
) -> tuple[Ints, Ints, Floats, Ints]:
    """The rows with those of the holes between them, and the starts of the latter."""
    made: dict[int, Floats] = {}
    starts, ends = [start], [end]
    for hole in holes:
        if hole.until - hole.since > MOST_FILLED_DAYS * SECONDS_PER_DAY:
            days = (hole.until - hole.since) / SECONDS_PER_DAY
            text = f"no value for {days:,.0f} days from {utc_text(clock.start_epoch_s + hole.since)}"
            raise FaultySourceError.at(("file",), f"{text}; at most {MOST_FILLED_DAYS} days on end can be filled")
        at = np.arange(hole.since, hole.until, slot_s)
        made |= _between(hole, at, value, rule) or _as_before(at, start, end, value, made, rule, clock)
        starts.append(at)
        ends.append(np.append(at[1:], hole.until))
    filled = np.concatenate(starts[1:])
    values = np.concatenate((value, [made[at] for at in filled.tolist()]))
    all_starts = np.concatenate(starts)
    order = np.argsort(all_starts)
    return all_starts[order], np.concatenate(ends)[order], values[order], filled


def _between(hole: _Hole, at: Ints, value: Floats, rule: str) -> dict[int, Floats]:
    """Values made of those on both sides of a hole; none where the rule asks for others."""
    if rule in _DAYS_BEFORE:
        return {}
    has_next = rule == "previous" or hole.after + 1 < len(value)
    if hole.after < 0 or not has_next:
        side = "before" if hole.after < 0 else "after"
        raise FaultySourceError.at(("fill",), f'"{rule}" needs a value {side} the hole, and the file has none')
    before = value[hole.after]
    step = 0.0 if rule == "previous" else (value[hole.after + 1] - before) / (len(at) + 1)
    return {t: before + (k + 1) * step for k, t in enumerate(at.tolist())}


def _as_before(
    at: Ints, start: Ints, end: Ints, value: Floats, made: dict[int, Floats], rule: str, clock: Clock
) -> dict[int, Floats]:
    """Values of the same local time some days before, which may have been filled themselves."""
    wide = wider(clock)
    day, second = wide.local(at)
    then = wide.instant(day - _DAYS_BEFORE[rule], second.astype(np.int64))
    row = np.searchsorted(start, then, side="right") - 1
    is_there = (row >= 0) & (then < end[row])
    found: dict[int, Floats] = {}
    for t, before, i, there in zip(at.tolist(), then.tolist(), row.tolist(), is_there.tolist(), strict=True):
        earlier = value[i] if there else found.get(before, made.get(before))
        if earlier is None:
            lacking, needed = (utc_text(clock.start_epoch_s + moment) for moment in (t, before))
            text = f'"{rule}" needs a value of {needed} to fill {lacking}, and the file has none; "previous" needs less'
            raise FaultySourceError.at(("fill",), text)
        found[t] = earlier
    return found


def _joined(start: Ints, end: Ints, since: int, clock: Clock) -> tuple[Ints, slice]:
    """Edges of the rows that join the run without a hole, to some days on both sides; and which rows these are."""
    wide = wider(clock)
    breaks = np.flatnonzero(end[:-1] < start[1:])
    a = int(np.append(-1, breaks)[np.searchsorted(start[breaks + 1], since, side="right")]) + 1 if len(breaks) else 0
    later = breaks[end[breaks] >= clock.end_s]
    b = int(later[0]) + 1 if len(later) else len(start)
    a = max(a, int(np.searchsorted(start, wide.warm_up_s, side="right")) - 1)
    b = min(b, int(np.searchsorted(start, wide.end_s, side="left")))
    edges = np.append(start[a:b], end[b - 1])
    return np.clip(edges, wide.warm_up_s, wide.end_s), slice(a, b)

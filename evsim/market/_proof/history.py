"""What a proof tells of the days before: which were looked at, and what was read on them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from evsim._units import USUAL_PERIODS, Anything, Bools, Floats, Ints, pieces
from evsim.market._proof.methods import History
from evsim.market._readings import METERS_AT_ONCE, Date, Readings, as_day, day_total, same_clock

NO_READINGS, EVENT_DAY, CLOCK_CHANGE, OTHER_KIND = "no_readings", "event_day", "clock_change", "other_kind"
"""Why a day is left out for every meter."""


def earlier_days(readings: Readings, day: Date, history: History, event_days: Sequence[str]) -> Iterator[list[Any]]:
    """Each day of the look-back, the latest first, and why it is left out; None where it may be used."""
    events, candidates = {as_day(event) for event in event_days}, set(history.candidates.tolist())
    for back in range(1, history.look_back_days + 1):
        earlier = as_day(day) - back
        at = readings.index(earlier)
        why: str | None = OTHER_KIND
        if at is None:
            why = NO_READINGS
        elif earlier in events:
            why = EVENT_DAY
        elif history.skips_clock_changes and readings.n_periods[at] != USUAL_PERIODS:
            why = CLOCK_CHANGE
        elif at in candidates:
            why = None
        yield [str(earlier), why]


def rows_of_history(readings: Readings, day: Date, history: History, periods: Ints) -> Iterator[dict[str, Any]]:
    """For each meter: the days found, the latest first, with totals and half-hours; and those with a half-hour missing.

    periods : of the window on that day. Half-hours are those at the same time by the clock; None where it skips that.
    """
    numbers = np.concatenate([periods, np.array(history.before, np.int64)])
    days = [str(readings.days[at]) for at in history.candidates]
    source = [same_clock(day, readings.days[at], readings.timezone)[numbers - 1] for at in history.candidates]
    for rows in pieces(len(readings.meters), METERS_AT_ONCE):
        found, gaps = _looked_at(readings, rows, history)
        total, kwh = _read(readings, rows, history, found, source, len(numbers))
        for i in range(rows.stop - rows.start):
            at = np.flatnonzero(found[i])
            read = [[v if v == v else None for v in half_hours] for half_hours in kwh[i, at].tolist()]  # noqa: PLR0124
            row = {
                "days": [days[j] for j in at.tolist()],
                "day_kwh": total[i, at].tolist(),
                "kwh": [half_hours[: len(periods)] for half_hours in read],
            }
            if history.before:
                row["earlier_before_kwh"] = [half_hours[len(periods) :] for half_hours in read]
            missing = np.flatnonzero(gaps[i]).tolist()
            row["missing"] = {days[j]: _gaps(readings, rows.start + i, int(history.candidates[j])) for j in missing}
            yield row


def _looked_at(readings: Readings, rows: slice, history: History) -> tuple[Bools, Bools]:
    """(m, n_candidates) days that are whole, as many as are wanted, and days that are not whole among these."""
    whole = np.empty((rows.stop - rows.start, len(history.candidates)), bool)
    for j, at in enumerate(history.candidates.tolist()):
        cells: Anything = readings.kwh[rows, at, : readings.n_periods[at]]
        whole[:, j] = ~np.isnan(cells).any(axis=1)
    count = whole.cumsum(axis=1)
    return whole & (count <= history.n_days), ~whole & (count < history.n_days)


def _read(
    readings: Readings, rows: slice, history: History, found: Bools, source: Sequence[Ints], n_numbers: int
) -> tuple[Floats, Floats]:
    """(m, n_candidates) totals of the days found, and (m, n_candidates, n_numbers) their half-hours; NaN elsewhere."""
    total = np.full(found.shape, np.nan)
    kwh = np.full((*found.shape, n_numbers), np.nan)
    for j, at in enumerate(history.candidates.tolist()):
        who = np.flatnonzero(found[:, j])
        if not len(who):
            continue
        cells: Anything = readings.kwh[rows, at, : readings.n_periods[at]][who]
        total[who, j] = day_total(cells)
        there = np.flatnonzero(source[j] >= 0)
        kwh[who[:, None], j, there[None, :]] = cells[:, source[j][there]]
    return total, kwh


def _gaps(readings: Readings, meter: int, at: int) -> list[list[int]]:
    """First and last settlement period of each run of missing ones."""
    missing = np.flatnonzero(np.isnan(readings.kwh[meter, at, : readings.n_periods[at]])) + 1
    runs = np.split(missing, np.flatnonzero(np.diff(missing) > 1) + 1)
    return [[int(run[0]), int(run[-1])] for run in runs]

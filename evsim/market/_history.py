"""Which earlier days a baseline is the mean of, meter by meter, and that mean.

Meters differ in which days they have whole, so every step is a column over meters. Days are gone through from the
latest, and no further than some meter needs.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import NamedTuple, TypeAlias

import numpy as np

from evsim._days import bank_holidays
from evsim._dispatch.methods import HistoryMethod, Rule
from evsim._typed_in.values import COMMON_REGION, NO_HOLIDAYS
from evsim._units import USUAL_PERIODS, Anything, Bools, Floats, Ints, pieces
from evsim.market._readings import (
    METERS_AT_ONCE,
    MOST_PERIODS,
    Date,
    Readings,
    as_date,
    as_day,
    day_total,
    periods_in,
    same_clock,
)

IsHoliday: TypeAlias = Callable[[dt.date], bool]
_FIRST_WEEKEND_DAY = 5
_SAME_TOTAL_DECIMALS = 9
"""Daily totals that differ by less than a millionth of a watt-hour are a tie, in whatever order they were added."""


class Mean(NamedTuple):
    """What earlier days say of a day.

    kwh : (n_meters, 50) their mean, NaN where there is none; used : (n_meters, n_days) which days it is of
    n_found : (n_meters,) candidates that were looked at; kind : "working day"; least : how many are needed
    """

    kwh: Floats
    used: Bools
    n_found: Ints
    kind: str
    least: int


def holidays_of(region: str = COMMON_REGION) -> IsHoliday:
    """What says whether a date is a bank holiday of a region ("GB-ENG", "NO"); of "none", no date is."""
    known = None if region == NO_HOLIDAYS else region
    return lambda date: date in _holidays(known, date.year)


@lru_cache(maxsize=256)
def _holidays(region: str | None, year: int) -> frozenset[dt.date]:
    return bank_holidays(region, year)


def is_of_first_kind(method: HistoryMethod, day: Date, is_holiday: IsHoliday) -> bool:
    """Whether a date is Monday to Friday and, where the method heeds them, no bank holiday."""
    date = as_date(day)
    return date.weekday() < _FIRST_WEEKEND_DAY and not (method.heeds_holidays and is_holiday(date))


def candidates(
    method: HistoryMethod, readings: Readings, day: Date, event_days: Iterable[Date], is_holiday: IsHoliday
) -> Ints:
    """Days that may be used, as indices into `readings.days`, the latest first; a meter must have them whole."""
    target, events = as_day(day), {as_day(event) for event in event_days}
    kind = is_of_first_kind(method, target, is_holiday)
    found = []
    for back in range(1, method.look_back_days + 1):
        at = readings.index(target - back)
        if at is None or target - back in events:
            continue
        if method.skips_clock_changes and readings.n_periods[at] != USUAL_PERIODS:
            continue
        if is_of_first_kind(method, target - back, is_holiday) == kind:
            found.append(at)
    return np.array(found, np.int64)


def mean_of_days(
    method: HistoryMethod, readings: Readings, day: Date, event_days: Iterable[Date], is_holiday: IsHoliday
) -> Mean:
    """The mean of each meter's days; NaN and no day used where there are too few."""
    kind = is_of_first_kind(method, day, is_holiday)
    rule = method.rule(is_working=kind)
    latest_first = candidates(method, readings, day, event_days, is_holiday)
    n = len(readings.meters)
    kwh, used = np.full((n, MOST_PERIODS), np.nan), np.zeros((n, len(readings.days)), bool)
    n_found = np.zeros(n, np.int64)
    for rows in pieces(n, METERS_AT_ONCE):
        chosen, n_found[rows] = _most_recent(readings, rows, latest_first, rule)
        if rule.n_dropped:
            chosen = _middle(readings, rows, chosen, latest_first[::-1], rule.n_dropped)
        used[rows] = chosen
        kwh[rows] = _mean(readings, rows, chosen, day)
    return Mean(kwh, used, n_found, method.kinds[0 if kind else 1], rule.least)


def _most_recent(readings: Readings, rows: slice, latest_first: Ints, rule: Rule) -> tuple[Bools, Ints]:
    """(m, n_days) the days of each meter, none where they are too few; and (m,) how many there were."""
    n = rows.stop - rows.start
    chosen, count = np.zeros((n, len(readings.days)), bool), np.zeros(n, np.int64)
    for at in latest_first.tolist():
        wanting = np.flatnonzero(count < rule.n)
        if not len(wanting):
            break
        cells: Anything = readings.kwh[rows, at, : readings.n_periods[at]]
        whole = wanting[~np.isnan(cells if len(wanting) == n else cells[wanting]).any(axis=1)]
        chosen[whole, at] = True
        count[whole] += 1
    chosen[count < rule.least] = False
    return chosen, count


def _middle(readings: Readings, rows: slice, chosen: Bools, by_date: Ints, n_dropped: int) -> Bools:
    """Without the days of lowest and highest daily total; of days with the same total, the earlier counts as lower."""
    days = by_date[chosen[:, by_date].any(axis=0)]
    total = np.full((len(chosen), len(days)), np.inf)
    for i, at in enumerate(days.tolist()):
        who = np.flatnonzero(chosen[:, at])
        cells = readings.kwh[rows, at, : readings.n_periods[at]]
        total[who, i] = np.round(day_total(cells[who]), _SAME_TOTAL_DECIMALS)
    order = total.argsort(axis=1, kind="stable")
    rank = np.empty_like(order)
    np.put_along_axis(rank, order, np.arange(len(days))[None, :], axis=1)
    n_kept = chosen.sum(axis=1) - n_dropped
    kept = np.zeros_like(chosen)
    kept[:, days] = (rank >= n_dropped) & (rank < n_kept[:, None])
    return kept


def _mean(readings: Readings, rows: slice, chosen: Bools, day: Date) -> Floats:
    """(m, 50) mean by time of the clock, added in float64 from the earliest day to the latest."""
    n_periods = periods_in(day, readings.timezone)
    total, count = np.zeros((len(chosen), n_periods)), np.zeros((len(chosen), n_periods))
    for at in np.flatnonzero(chosen.any(axis=0)).tolist():
        cells: Anything = readings.kwh[rows, at]
        who = chosen[:, at]
        from_period = same_clock(day, readings.days[at], readings.timezone)
        there = from_period >= 0
        if there.all() and (np.diff(from_period) == 1).all() and who.all():
            total += cells[:, :n_periods]
            count += 1
        else:
            total[np.ix_(who, there)] += cells[np.ix_(who, from_period[there])]
            count[np.ix_(who, there)] += 1
    mean = np.full((len(chosen), MOST_PERIODS), np.nan)
    np.divide(total, count, out=mean[:, :n_periods], where=count > 0)
    return mean

"""Baselines by name: what a market takes a meter's half-hours to have been without a dispatch.

The methods and their settings are in `evsim/_dispatch/methods.py`, what days are used in `_history.py`;
docs/baselines.md says where their numbers come from.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from evsim._dispatch.methods import Bl01, FixedProfile, HistoryMethod, Method, Nominated
from evsim._errors import ConfigError
from evsim._units import Anything, Bools, Floats, Ints
from evsim.market._history import IsHoliday, holidays_of, mean_of_days
from evsim.market._readings import MOST_PERIODS, PORTFOLIO, Date, Readings, as_day, periods_in, same_clock

if TYPE_CHECKING:
    from evsim.market._nominated import Nominations

_USUAL_DAY = np.datetime64("2001-01-01", "D")
"""A day without a clock change: a profile of 48 half-hours is laid out by its clock."""
_NOT_NOMINATED = "not nominated"


@dataclass(frozen=True, eq=False)
class Baseline:
    """The baseline of a day, for each meter.

    method : how it was made; day : datetime64[D]; meters : names; n_periods : half-hours of the day
    kwh : (n_meters, 50) net energy by settlement period [kWh]; NaN past the day's end, and where nothing is known
    days, used : (n_days,) and (n_meters, n_days) the days whose mean it is
    is_sufficient : (n_meters,) False where the method had too little to go by; there the baseline is what was metered
    adjustment_kwh : (n_meters,) in-day adjustment of every half-hour of the window [kWh]; 0 without one
    is_adjusted : (n_meters,) whether there is one
    n_found : (n_meters,) earlier days that could be used, as far as they were looked for
    kind, n_needed : what these are ("working day") and how many are needed; "" and 0 for methods without
    nominated_portfolio : (50,) what was said of the portfolio as a whole [kWh], or None
    """

    method: Method
    day: np.datetime64
    meters: tuple[str, ...]
    n_periods: int
    kwh: Floats = field(repr=False)
    days: Anything = field(repr=False)
    used: Bools = field(repr=False)
    is_sufficient: Bools = field(repr=False)
    adjustment_kwh: Floats = field(repr=False)
    is_adjusted: Bools = field(repr=False)
    n_found: Ints = field(repr=False)
    kind: str
    n_needed: int
    nominated_portfolio: Floats | None = field(default=None, repr=False)

    @cached_property
    def portfolio(self) -> Floats:
        """(50,) all meters together [kWh]: the sum, meter after meter, of those that are known.

        Where the portfolio as a whole is nominated it is that, and NaN in half-hours for which nothing was said.
        """
        if self.nominated_portfolio is not None:
            return self.nominated_portfolio
        total = np.add.reduce(np.nan_to_num(self.kwh), axis=0)
        total[self.n_periods :] = np.nan
        return np.asarray(total)

    def days_used(self, meter: int) -> Anything:
        """(k,) datetime64[D], the days whose mean a meter's baseline is, in their order."""
        return np.asarray(self.days[self.used[meter]])

    def note(self, meter: int) -> str:
        """Why a meter's baseline is what was metered; empty where it is not."""
        if self.is_sufficient[meter]:
            return ""
        if not self.n_needed:
            return _NOT_NOMINATED
        return f"{self.n_found[meter]} of {self.n_needed} {self.kind}s"


def baseline(
    method: Method,
    readings: Readings,
    day: Date,
    event_days: Iterable[Date] = (),
    is_holiday: IsHoliday | None = None,
    window: Sequence[int] | None = None,
) -> Baseline:
    """The baseline of a local date by a named method, for each meter.

    event_days : dates that are no example of usual behaviour
    is_holiday : whether a date is a bank holiday; those of England by default
    window : settlement periods of the event, one after the other; only the in-day adjustment needs it
    The date need not be among those of the readings; then only what is metered on it is unknown.
    Raises ConfigError when an in-day adjustment has no window, the window is none, or a file cannot be used.
    """
    day = as_day(day)
    n_periods = periods_in(day, readings.timezone)
    check_window(window, n_periods)
    metered = readings.of_day(day)
    if isinstance(method, HistoryMethod):
        return _of_history(method, readings, day, metered, event_days, is_holiday or holidays_of(), window)
    if isinstance(method, Nominated):
        from evsim.market._nominated import read_nominations

        return _of_nominations(method, read_nominations(method.file, readings.timezone), readings, day, metered)
    each = np.zeros((len(readings.meters), n_periods))
    if isinstance(method, FixedProfile) and len(readings.meters):
        from evsim.market._nominated import profile_in

        n_assets = len(readings.meters) if method.n_assets is None else method.n_assets
        from_period = same_clock(day, _USUAL_DAY, readings.timezone)
        each += profile_in(method)[from_period] * (n_assets / len(readings.meters))
    return _made(method, readings, day, each)


def check_window(window: Sequence[int] | None, n_periods: int) -> None:
    """Raise ConfigError when a window is not some settlement periods of the day, one after the other."""
    if window is None:
        return
    periods = [int(period) for period in window]
    if not periods or periods != list(range(periods[0], periods[0] + len(periods))):
        raise ConfigError(f"window {periods}: settlement periods one after the other, as in [35, 36] for 17:00-18:00")
    if periods[0] < 1 or periods[-1] > n_periods:
        raise ConfigError(f"window {periods}: the day has the settlement periods 1 to {n_periods}")


def _made(method: Method, readings: Readings, day: np.datetime64, each: Floats) -> Baseline:
    """A baseline that no earlier days are needed for. each : (n_meters, n_periods) [kWh]."""
    n = len(readings.meters)
    kwh = np.full((n, MOST_PERIODS), np.nan)
    kwh[:, : each.shape[1]] = each
    return Baseline(
        method=method,
        day=day,
        meters=readings.meters,
        n_periods=each.shape[1],
        kwh=kwh,
        days=readings.days,
        used=np.zeros((n, len(readings.days)), bool),
        is_sufficient=np.ones(n, bool),
        adjustment_kwh=np.zeros(n),
        is_adjusted=np.zeros(n, bool),
        n_found=np.zeros(n, np.int64),
        kind="",
        n_needed=0,
    )


def _of_history(
    method: HistoryMethod,
    readings: Readings,
    day: np.datetime64,
    metered: Floats,
    event_days: Iterable[Date],
    is_holiday: IsHoliday,
    window: Sequence[int] | None,
) -> Baseline:
    mean = mean_of_days(method, readings, day, event_days, is_holiday)
    n, n_periods = len(readings.meters), periods_in(day, readings.timezone)
    is_sufficient = mean.n_found >= mean.least
    adjustment, is_adjusted = np.zeros(n), np.zeros(n, bool)
    if isinstance(method, Bl01) and method.in_day_adjustment:
        if window is None:
            raise ConfigError("in_day_adjustment: on, but no window is given; say which half-hours the event has")
        adjustment, is_adjusted = _adjustment(method, metered - mean.kwh, int(window[0]) - 1)
        mean.kwh[:, window[0] - 1 : window[-1]] += adjustment[:, None]
    kwh = mean.kwh
    unknown = np.isnan(kwh)
    kwh[unknown] = metered[unknown]
    kwh[:, n_periods:] = np.nan
    return Baseline(
        method=method,
        day=day,
        meters=readings.meters,
        n_periods=n_periods,
        kwh=kwh,
        days=readings.days,
        used=mean.used,
        is_sufficient=is_sufficient,
        adjustment_kwh=adjustment,
        is_adjusted=is_adjusted,
        n_found=mean.n_found,
        kind=mean.kind,
        n_needed=mean.least,
    )


def _adjustment(method: Bl01, difference: Floats, first: int) -> tuple[Floats, Bools]:
    """(n_meters,) mean of actual less unadjusted over the half-hours before the event [kWh], and where there is one.

    difference : (n_meters, 50); first : index of the event's first period
    All these half-hours must be of the day itself and read, else a meter is not adjusted.
    """
    end = first - method.adjustment_gap_periods
    begin = end - method.adjustment_periods
    if begin < 0:
        return np.zeros(len(difference)), np.zeros(len(difference), bool)
    total = np.zeros(len(difference))
    for column in difference[:, begin:end].T:
        total += column
    is_known = ~np.isnan(total)
    return np.where(is_known, total / method.adjustment_periods, 0.0), is_known


def _of_nominations(
    method: Nominated, found: Nominations, readings: Readings, day: np.datetime64, metered: Floats
) -> Baseline:
    """Half-hours that are not nominated are as metered; where the portfolio is nominated, a meter's are unknown."""
    said, whole = found.of(readings.meters, day), found.of((PORTFOLIO,), day)[0]
    has_whole = bool(np.isfinite(whole).any())
    known = said if has_whole else np.where(np.isnan(said), metered, said)
    made = _made(method, readings, day, known[:, : periods_in(day, readings.timezone)])
    is_nominated: Bools = np.logical_or.reduce(np.isfinite(said), axis=1)
    return replace(made, is_sufficient=is_nominated, nominated_portfolio=whole if has_whole else None)

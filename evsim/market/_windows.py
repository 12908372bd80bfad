"""When a dispatch served, and what that is in settlement periods."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from evsim._units import SECONDS_PER_HOUR, Anything, Floats, Ints
from evsim.market._readings import PERIOD_S, midnights, settlement

_UPWARD = "turn_up"


@dataclass(frozen=True)
class Window:
    """A time in which a dispatch served.

    start_utc, end_utc : ISO 8601, as in `2026-01-14T17:00:00Z`; action : `discharge`, `turn_down` or `turn_up`
    target_kw : None where as much was asked for as can be; pence_per_kwh : what is paid
    """

    start_utc: str
    end_utc: str
    action: str
    target_kw: float | None
    pence_per_kwh: float

    @property
    def start_s(self) -> int:
        """When it begins [s since 1970]."""
        return seconds_of(self.start_utc)

    @property
    def end_s(self) -> int:
        """When it ends [s since 1970]."""
        return seconds_of(self.end_utc)


def seconds_of(utc: str) -> int:
    """An instant in ISO 8601 [s since 1970]; without an offset it is UTC."""
    moment = dt.datetime.fromisoformat(utc)
    return round((moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)).timestamp())


def utc_text(at_s: int) -> str:
    """`2026-01-14T17:00:00Z`: an instant [s since 1970]."""
    return f"{dt.datetime.fromtimestamp(at_s, dt.UTC):%Y-%m-%dT%H:%M:%S}Z"


@dataclass(frozen=True, eq=False)
class Periods:
    """The settlement periods that windows touch, in time order; columns (m,).

    day : local date, datetime64[D]; period : 1 to 50; start_s : [s since 1970]
    sign : of baseline less metered: 1 for turn-down and discharge, -1 for turn-up
    instructed_kwh : NaN where a window has no target; pence_per_kwh : what is paid
    """

    day: Anything
    period: Ints
    start_s: Ints
    sign: Floats
    instructed_kwh: Floats
    pence_per_kwh: Floats

    def by_day(self) -> list[tuple[np.datetime64, Ints]]:
        """Each local date with its periods."""
        return [(day, self.period[self.day == day]) for day in np.unique(self.day)]


def periods_of(windows: Sequence[Window], timezone: str) -> Periods:
    """The settlement periods that windows touch.

    Where windows of both directions touch one period, which an edit can bring about, the one that is in it for longest
    tells its direction (of equals, the later), and only those of that direction count. Its price is their mean by time.
    """
    starts = sorted({start for window in windows for start in _touched(window, timezone)})
    start_s = np.array(starts, np.int64)
    day, period, _ = settlement(start_s, timezone)
    terms = np.array([_terms(windows, start) for start in starts]).reshape(len(starts), 3)
    return Periods(day, period, start_s, *terms.T)


def windows_by_day(windows: Sequence[Window], timezone: str) -> dict[np.datetime64, range]:
    """What `baseline(..., window=)` is to be given: for each local date, the first to the last period touched."""
    days = periods_of(windows, timezone).by_day()
    return {day: range(int(periods[0]), int(periods[-1]) + 1) for day, periods in days}


def _touched(window: Window, timezone: str) -> range:
    """When the periods begin that a window touches [s since 1970]."""
    day, period, _ = settlement(np.array([window.start_s]), timezone)
    first = int(midnights(day, timezone)[0]) + (int(period[0]) - 1) * PERIOD_S
    return range(first, window.end_s, PERIOD_S)


def _terms(windows: Sequence[Window], start: int) -> tuple[float, float, float]:
    """Sign, instructed energy [kWh] and price [p/kWh] of the period that begins at an instant."""
    inside = [(min(w.end_s, start + PERIOD_S) - max(w.start_s, start), w) for w in windows]
    inside = [(seconds, w) for seconds, w in inside if seconds > 0]
    _, _, is_up = max((seconds, w.start_s, w.action == _UPWARD) for seconds, w in inside)
    inside = [(seconds, w) for seconds, w in inside if (w.action == _UPWARD) == is_up]
    instructed = price = 0.0
    for seconds, w in inside:
        instructed += np.nan if w.target_kw is None else w.target_kw * (seconds / SECONDS_PER_HOUR)
        price += w.pence_per_kwh * seconds
    prices = {w.pence_per_kwh for _, w in inside}
    mean = prices.pop() if len(prices) == 1 else price / sum(seconds for seconds, _ in inside)
    return -1.0 if is_up else 1.0, instructed, mean

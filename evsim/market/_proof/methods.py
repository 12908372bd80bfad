"""What a proof needs to know of a baseline's method: the only place here that knows the methods' settings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from evsim._dispatch.methods import Bl01, FixedProfile, HistoryMethod, Method, Nominated
from evsim._units import Floats, Ints
from evsim.market._history import candidates, holidays_of, is_of_first_kind
from evsim.market._readings import PORTFOLIO, Date, Readings, as_day

__all__ = ["Method", "History", "settings_of", "history_of", "nominated_in"]


class History(NamedTuple):
    """What of its history a method looks at for a day.

    kind : what the day is called; look_back_days : how far back; n_days : how many days like it are wanted
    skips_clock_changes : whether days of a clock change are left out
    candidates : days like it, as indices into the readings' days, the latest first
    before : settlement periods of the in-day adjustment; none without one
    """

    kind: str
    look_back_days: int
    n_days: int
    skips_clock_changes: bool
    candidates: Ints
    before: tuple[int, ...]


def settings_of(method: Method) -> dict[str, Any]:
    """A method's name and numbers, ready for JSON; a profile from a file is told with them."""
    told: dict[str, Any] = method.model_dump(mode="json")
    if isinstance(method, FixedProfile):
        from evsim.market._nominated import profile_in

        told["kwh"] = profile_in(method).tolist()
    return told


def history_of(
    method: Method, readings: Readings, day: Date, event_days: Sequence[str], holidays: str, first_period: int
) -> History | None:
    """What a method looks at; None for one that needs no earlier days. first_period : of the window, on that day."""
    if not isinstance(method, HistoryMethod):
        return None
    is_holiday = holidays_of(holidays)
    is_working = is_of_first_kind(method, day, is_holiday)
    return History(
        method.kinds[0 if is_working else 1],
        method.look_back_days,
        method.rule(is_working=is_working).n,
        method.skips_clock_changes,
        candidates(method, readings, day, event_days, is_holiday),
        _before(method, first_period),
    )


def _before(method: HistoryMethod, first_period: int) -> tuple[int, ...]:
    if not (isinstance(method, Bl01) and method.in_day_adjustment):
        return ()
    end = first_period - method.adjustment_gap_periods
    begin = end - method.adjustment_periods
    return tuple(range(begin, end)) if begin >= 1 else ()


def nominated_in(method: Method, readings: Readings, day: Date) -> tuple[Floats, Floats] | None:
    """(n_meters, 50) and (50,) what was nominated for meters and for the portfolio [kWh]; None for other methods."""
    if not isinstance(method, Nominated):
        return None
    from evsim.market._nominated import read_nominations

    found = read_nominations(method.file, readings.timezone)
    return found.of(readings.meters, as_day(day)), found.of((PORTFOLIO,), as_day(day))[0]

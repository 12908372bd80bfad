"""What a verifier knows of dates by itself: clocks, settlement periods, kinds of day."""

from __future__ import annotations

import datetime as dt
from functools import cache
from zoneinfo import ZoneInfo

from evsim._days import bank_holidays
from evsim._typed_in.values import NO_HOLIDAYS

PERIOD_S = 1_800
_ONE_DAY = dt.timedelta(days=1)
_FIRST_WEEKEND_DAY = 5


def seconds(utc: str) -> int:
    """An instant in ISO 8601 [s since 1970]."""
    return round(dt.datetime.fromisoformat(utc).timestamp())


def utc_text(at_s: int) -> str:
    """An instant [s since 1970] in ISO 8601."""
    return f"{dt.datetime.fromtimestamp(at_s, dt.UTC):%Y-%m-%dT%H:%M:%S}Z"


class Almanac:
    """The days of a time zone, with the bank holidays of a region. Raises ValueError when one of them is unknown."""

    def __init__(self, timezone: str, holidays: str) -> None:
        try:
            self._zone = ZoneInfo(timezone)
        except (OSError, ValueError, KeyError):
            raise ValueError(f"no time zone {timezone}") from None
        self._region = None if holidays == NO_HOLIDAYS else holidays
        try:
            bank_holidays(self._region, 2001)
        except Exception:  # noqa: BLE001 - whatever a calendar says of a region that it does not know
            raise ValueError(f"no bank holidays of {holidays}") from None
        self.minutes = cache(self._minutes)
        self.is_holiday = cache(self._is_holiday)
        self.sources = cache(self._sources)

    def midnight_s(self, day: str) -> int:
        """When a date begins [s since 1970]."""
        return round(dt.datetime.combine(dt.date.fromisoformat(day), dt.time(), self._zone).timestamp())

    def _minutes(self, day: str) -> tuple[int, ...]:
        """What the clock shows when each settlement period of a date begins [minutes after midnight]."""
        first, end = self.midnight_s(day), self.midnight_s(self.before(day, -1))
        moments = [dt.datetime.fromtimestamp(at, self._zone) for at in range(first, end, PERIOD_S)]
        return tuple(60 * moment.hour + moment.minute for moment in moments)

    def n_periods(self, day: str) -> int:
        """How many settlement periods a date has."""
        return len(self.minutes(day))

    def _sources(self, day: str, earlier: str) -> tuple[int | None, ...]:
        """For each period of a date, that of an earlier one at the same time by the clock; None where it is skipped."""
        there = self.minutes(earlier)
        return tuple(there.index(minute) + 1 if minute in there else None for minute in self.minutes(day))

    def instant(self, moment: object) -> int | None:
        """An instant in ISO 8601, by the clock or with an offset [s since 1970]; None when it is none."""
        try:
            told = dt.datetime.fromisoformat(str(moment))
            return round((told if told.tzinfo else told.replace(tzinfo=self._zone)).timestamp())
        except (ValueError, OverflowError):
            return None

    def place(self, at_s: int) -> tuple[str, int]:
        """Date and settlement period of an instant."""
        day = dt.datetime.fromtimestamp(at_s, self._zone).date().isoformat()
        return day, (at_s - self.midnight_s(day)) // PERIOD_S + 1

    @staticmethod
    def before(day: str, n_days: int) -> str:
        """The date some days before another."""
        return (dt.date.fromisoformat(day) - n_days * _ONE_DAY).isoformat()

    def _is_holiday(self, day: str) -> bool:
        date = dt.date.fromisoformat(day)
        return date in bank_holidays(self._region, date.year)

    def is_working(self, day: str, *, heeds_holidays: bool) -> bool:
        """Whether a date is Monday to Friday and, where they are heeded, no bank holiday."""
        is_weekend = dt.date.fromisoformat(day).weekday() >= _FIRST_WEEKEND_DAY
        return not is_weekend and not (heeds_holidays and self.is_holiday(day))

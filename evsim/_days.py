"""What kind of day each date is: working day or not, how much is driven on it, and how much a mile takes.

Both are scaled by calendar year: over a year, the mean day drives the sheet's miles and the mean mile takes the
sheet's energy, however many Sundays and bank holidays the year has.
"""

from __future__ import annotations

import datetime as dt
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from evsim._clock import EPOCH

if TYPE_CHECKING:
    from evsim._behaviour import Behaviour

_FIRST_WEEKEND_DAY = 5
_BEST_TEMPERATURE_C = 20.0
_LOSS_PER_DEGREE = 0.01
_MOST_LOST = 0.5
TEMPERATURE_C = (6.4, 6.7, 7.0, 7.8, 10.6, 13.7, 15.4, 16.3, 14.9, 12.3, 9.4, 7.4)
"""Mean air temperature of Great Britain by month, January first [C]: our means of hourly values of the five years 2020
to 2024 (the temperature published with the half-hourly carbon intensity of the grid)."""


def miles_per_kwh_factor(temperature_c: float) -> float:
    """How far a kWh carries at an air temperature, as a fraction of how far it does at 20 C.

    1 - min(0.5, 0.01 |T - 20|): a percent for each degree is an illustration (assumption A11); that no more than
    half is lost is Geotab's finding for extreme cold.
    """
    return 1 - min(_MOST_LOST, _LOSS_PER_DEGREE * abs(temperature_c - _BEST_TEMPERATURE_C))


CONSUMPTION_BY_MONTH = tuple(1 / miles_per_kwh_factor(t) for t in TEMPERATURE_C)
"""Energy for a mile, January first, as a multiple of that at 20 C."""


class Day(NamedTuple):
    """A local date: its number (days since 1970), whether it is a working day, and its factors.

    p_drive : probability that a car is driven; miles : of a driving day, as a multiple of miles_per_year / 365;
    consumption : energy for a mile, as a multiple of the sheet's
    """

    number: int
    is_working: bool
    p_drive: float
    miles: float
    consumption: float


class _Year(NamedTuple):
    holidays: frozenset[dt.date]
    miles: float
    consumption: float


class Days:
    """The calendar that people live by.

    holidays : the region whose bank holidays are like weekends ("GB-ENG"), or None
    """

    def __init__(self, behaviour: Behaviour, holidays: str | None) -> None:
        self._region = holidays
        self._season = behaviour.season
        p_weekday, p_weekend = behaviour.p_drive_weekday, behaviour.p_drive_weekend
        self._p_drive = {True: p_weekday, False: p_weekend}
        self._miles = {True: float(p_weekday > 0), False: behaviour.weekend_mileage_factor * (p_weekend > 0)}
        self._years: dict[int, _Year] = {}

    def day(self, number: int) -> Day:
        """The day `number` days after 1970-01-01."""
        date = EPOCH + dt.timedelta(days=number)
        year = self._year(date.year)
        working = _is_working(date, year.holidays)
        p_drive = self._p_drive[working]
        miles = self._miles[working] / p_drive / year.miles if self._miles[working] else 0.0
        return Day(number, working, p_drive, miles, self._consumption[date.month - 1] / year.consumption)

    @cached_property
    def _consumption(self) -> tuple[float, ...]:
        return CONSUMPTION_BY_MONTH if self._season else (1.0,) * len(CONSUMPTION_BY_MONTH)

    def _year(self, year: int) -> _Year:
        """Means over a calendar year: of the miles of a day, and of the consumption of a mile."""
        if year not in self._years:
            holidays = bank_holidays(self._region, year)
            first = dt.date(year, 1, 1)
            n_days = (dt.date(year + 1, 1, 1) - first).days
            dates = [first + dt.timedelta(days=i) for i in range(n_days)]
            miles = [self._miles[_is_working(date, holidays)] for date in dates]
            total = sum(miles)
            consumed = sum(m * self._consumption[date.month - 1] for m, date in zip(miles, dates, strict=True))
            self._years[year] = _Year(holidays, total / n_days, consumed / total if total else 1.0)
        return self._years[year]


def _is_working(date: dt.date, holidays: frozenset[dt.date]) -> bool:
    return date.weekday() < _FIRST_WEEKEND_DAY and date not in holidays


def bank_holidays(region: str | None, year: int) -> frozenset[dt.date]:
    """The public holidays of a region ("GB-ENG", "NO") in a year; none of None."""
    if region is None:
        return frozenset()
    from holidays import country_holidays

    country, _, part = region.partition("-")
    return frozenset(country_holidays(country, subdiv=part or None, years=year))

"""The calendar: what kind of day it is, and years that drive the sheet's miles and take its energy."""

from __future__ import annotations

import datetime as dt

import oracle_diary
import pytest
from worlds import row, scenario

from evsim._behaviour import Behaviour
from evsim._days import CONSUMPTION_BY_MONTH, TEMPERATURE_C, Days, bank_holidays, miles_per_kwh_factor

EPOCH = dt.date(1970, 1, 1)
LIVES = [
    {},
    {"p_drive_weekday": 1, "p_drive_weekend": 1, "weekend_mileage_factor": 1},
    {"p_drive_weekend": 0},
    {"p_drive_weekday": 0},
    {"weekend_mileage_factor": 0},
    {"p_drive_weekday": 0.3, "p_drive_weekend": 0.9, "weekend_mileage_factor": 4.5},
    {"season": False},
]
YEARS = [2024, 2025, 2026, 2100]


def year_of(year, holidays="GB-ENG", **behaviour):
    """Every day of a calendar year."""
    days = Days(Behaviour(**behaviour), holidays)
    first, end = ((dt.date(y, 1, 1) - EPOCH).days for y in (year, year + 1))
    return [days.day(number) for number in range(first, end)]


def day_of(date, holidays="GB-ENG", **behaviour):
    return Days(Behaviour(**behaviour), holidays).day((dt.date.fromisoformat(date) - EPOCH).days)


@pytest.mark.parametrize("year", YEARS)
@pytest.mark.parametrize("holidays", ["GB-ENG", "NO", None])
@pytest.mark.parametrize("life", LIVES, ids=str)
def test_the_mean_day_of_a_year_drives_the_sheets_miles(life, holidays, year):
    days = year_of(year, holidays, **life)
    assert sum(day.p_drive * day.miles for day in days) / len(days) == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("year", YEARS)
@pytest.mark.parametrize("holidays", ["GB-ENG", None])
@pytest.mark.parametrize("life", LIVES, ids=str)
def test_the_mean_mile_of_a_year_takes_the_sheets_energy(life, holidays, year):
    days = year_of(year, holidays, **life)
    miles = [day.p_drive * day.miles for day in days]
    energy = sum(m * day.consumption for m, day in zip(miles, days, strict=True))
    assert energy / sum(miles) == pytest.approx(1, abs=1e-12)


def test_a_leap_year_has_a_day_more():
    assert (len(year_of(2024)), len(year_of(2026))) == (366, 365)
    assert sum(day.is_working for day in year_of(2024, None)) == 262


@pytest.mark.parametrize("life", LIVES, ids=str)
@pytest.mark.parametrize("holidays", ["GB-ENG", "NO", "none"])
def test_the_calendar_is_the_oracles(life, holidays):
    made = scenario(row(), holidays=holidays, driving=True, **life)
    naive, days = oracle_diary.Calendar(made), Days(made.behaviour, made.simulation.holiday_region)
    for n in range(0, 2_000, 3):
        date = dt.date(2023, 11, 20) + dt.timedelta(days=n)
        day = days.day((date - EPOCH).days)
        assert (day.is_working, day.p_drive) == (naive.is_working(date), naive.p_drive(date))
        assert day.consumption == pytest.approx(naive.consumption(date), rel=1e-12)
        assert day.p_drive * day.miles == pytest.approx(naive.miles(date), rel=1e-12)


def test_weekends_have_their_multiple_of_a_working_days_miles():
    weekday, sunday = (day_of(date, weekend_mileage_factor=0.4) for date in ("2026-06-05", "2026-06-07"))
    assert sunday.p_drive * sunday.miles == pytest.approx(0.4 * weekday.p_drive * weekday.miles)


@pytest.mark.parametrize(
    ("date", "holidays", "is_working"),
    [
        ("2026-01-12", "GB-ENG", True),
        ("2026-01-17", "GB-ENG", False),
        ("2026-01-18", None, False),
        ("2026-12-25", "GB-ENG", False),
        ("2026-12-25", None, True),
        ("2026-12-28", "GB-ENG", False),
        ("2026-04-03", "GB-ENG", False),
        ("2026-04-06", "GB-SCT", True),
        ("2026-05-17", "NO", False),
        ("2027-05-17", "NO", False),
        ("2027-05-17", "GB-ENG", True),
    ],
)
def test_weekends_and_bank_holidays_are_no_working_days(date, holidays, is_working):
    assert day_of(date, holidays).is_working == is_working


def test_england_has_eight_bank_holidays_from_monday_to_friday_and_nowhere_has_none():
    assert sum(date.weekday() < 5 for date in bank_holidays("GB-ENG", 2026)) == 8
    assert bank_holidays(None, 2026) == frozenset()


def test_a_percent_of_range_is_lost_for_each_degree_from_twenty_and_never_more_than_half():
    assert [miles_per_kwh_factor(t) for t in (20, 0, 25, -40, 80)] == pytest.approx([1, 0.8, 0.95, 0.5, 0.5])


def test_the_cold_months_take_more():
    assert len(TEMPERATURE_C) == len(CONSUMPTION_BY_MONTH) == 12
    assert CONSUMPTION_BY_MONTH[0] == max(CONSUMPTION_BY_MONTH) == pytest.approx(1 / 0.864)
    assert CONSUMPTION_BY_MONTH[7] == min(CONSUMPTION_BY_MONTH)

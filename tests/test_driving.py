"""Trips, exactly as a person computes them: everybody alike, every day the same, clock times to the second."""

from __future__ import annotations

import numpy as np
import pytest
from worlds import ALIKE, FLAT, row, run, scheduled

TEN_MILES_A_DAY = 3_650
LEG = 5 / 3.5  # kWh of five miles
BUSY = {"battery_kwh": 20, "charger_kw": 22}
AT_35_MPH = {"average_speed_mph": 35, "curve": FLAT}


def drive(*rows, **settings):
    """A run of people who are all alike and drive every day."""
    return run(*rows, **({"holidays": "none"} | ALIKE | settings))


def told(results, *kinds, user=0):
    """(UTC time, event, reason, SoC) of the events that are not reports, or of those kinds."""
    log = [e for e in results.users[user].log if (e.event in kinds if kinds else e.event != "report")]
    return [(str(e.at)[5:16].replace("T", " "), e.event, e.reason, e.soc) for e in log]


def same(found, expected):
    """The same events, SoC to 1e-6."""
    assert [event[:3] for event in found] == [event[:3] for event in expected]
    assert [event[3] for event in found] == pytest.approx([event[3] for event in expected], abs=1e-6)


def miles_on(day, **settings):
    """Miles of one day, from midnight to midnight."""
    made = drive(row(miles_per_year=TEN_MILES_A_DAY), start=f"{day}T00:00", days=1, **settings)
    return made.users.driven_miles[0]


# ---- a day


def test_ten_miles_a_day_are_two_trips_of_ten_minutes_at_thirty_miles_an_hour():
    full, home = 0.8, 0.8 - 2 * LEG / 60
    same(
        told(drive(row(miles_per_year=TEN_MILES_A_DAY), days=1), "trip_start", "trip_end", "plug_in", "plug_out"),
        [
            ("01-12 17:50", "trip_start", "homeward", full - LEG / 60),
            ("01-12 18:00", "trip_end", "arrived", home),
            ("01-12 18:00", "plug_in", "habit", home),
            ("01-13 07:00", "plug_out", "habit", full),
            ("01-13 07:00", "trip_start", "outward", full),
            ("01-13 07:10", "trip_end", "arrived", full - LEG / 60),
        ],
    )


def test_an_evening_brings_back_what_the_day_has_taken():
    results = drive(row(miles_per_year=TEN_MILES_A_DAY), days=1)
    session = results.users[0].log.sessions()[0]
    seconds = 2 * LEG / 0.9 / 7 * 3_600
    assert session.import_kwh == pytest.approx(2 * LEG / 0.9, abs=1e-6)
    assert (session.charge_stop - session.charge_start).astype(int) == np.ceil(seconds)
    assert results.users.driven_kwh[0] == pytest.approx(2 * LEG)
    assert results.users.driven_miles[0] == pytest.approx(10)
    assert not results.users.public_kwh.any()


def test_on_the_road_a_car_reports_at_every_step_and_is_on_a_straight_line():
    """Forty minutes out: half past seven is three quarters of it."""
    results = drive(row(miles_per_year=4 * TEN_MILES_A_DAY), days=1)
    at = {str(e.at)[5:16]: (e.event, e.soc) for e in results.users[0].log if e.event in ("report", "trip_end")}
    assert at["01-13T07:30"] == ("report", pytest.approx(0.8 - 0.75 * 4 * LEG / 60, abs=1e-6))
    assert at["01-13T07:40"] == ("trip_end", pytest.approx(0.8 - 4 * LEG / 60, abs=1e-6))
    assert results.mean_soc[38, 0] == pytest.approx(0.8 - 0.75 * 4 * LEG / 60, abs=1e-12)


def test_a_car_is_away_from_leaving_until_it_is_home():
    away = drive(row(miles_per_year=TEN_MILES_A_DAY), start="2026-01-12T00:00", days=1, users=3).n_away[:, 0]
    assert away.tolist() == [0] * 14 + [3] * 22 + [0] * 12


def test_a_car_under_way_when_the_run_begins_is_so_from_the_first_instant():
    """Twelve hours of driving, 05:00 to 11:00 and 12:00 to 18:00: half of the way home is left at 15:00."""
    settings = {"start": "2026-01-12T15:00", "days": 1}
    one = row(miles_per_year=360 * 365, battery_kwh=1_000, plug_out_time="05:00")
    for warm_up in (0, 3):
        results = drive(one, warm_up=warm_up, **settings)
        first = [event for event in told(results) if event[1] != "public_charge"][:2]
        assert [event[:2] for event in first] == [("01-12 15:00", "trip_start"), ("01-12 18:00", "trip_end")]
        assert results.n_away[:6, 0].tolist() == [1] * 6
        assert results.users.driven_miles[0] == pytest.approx(90 + 180 + 90)


def test_a_car_is_counted_away_once_when_a_run_without_warm_up_begins_on_its_way_out():
    one = row(miles_per_year=120 * 365)  # 07:00 to 09:00
    away = drive(one, start="2026-01-12T08:00", days=1, warm_up=0, users=2).n_away[:, 0]
    assert away[:21].tolist() == [2] * 20 + [0]


def test_a_night_shift_drives_out_in_the_afternoon_and_home_in_the_morning():
    shift = row(miles_per_year=TEN_MILES_A_DAY, plug_in_time="09:00", plug_out_time="17:00")
    assert [event[:3] for event in told(drive(shift, days=1)) if "charge" not in event[1]] == [
        ("01-12 12:00", "plug_in", "run_start"),
        ("01-12 17:00", "plug_out", "habit"),
        ("01-12 17:00", "trip_start", "outward"),
        ("01-12 17:10", "trip_end", "arrived"),
        ("01-13 08:50", "trip_start", "homeward"),
        ("01-13 09:00", "trip_end", "arrived"),
        ("01-13 09:00", "plug_in", "habit"),
    ]


def test_always_plugged_in_goes_out_at_one_and_straight_back_on_the_plug():
    always = row(miles_per_year=TEN_MILES_A_DAY, plug_in_time="00:00", plug_out_time="23:59")
    assert [event[:3] for event in told(drive(always, days=1)) if "charge" not in event[1]] == [
        ("01-12 12:00", "plug_in", "run_start"),
        ("01-12 13:00", "plug_out", "habit"),
        ("01-12 13:00", "trip_start", "outward"),
        ("01-12 13:10", "trip_end", "arrived"),
        ("01-12 13:10", "trip_start", "homeward"),
        ("01-12 13:20", "trip_end", "arrived"),
        ("01-12 13:20", "plug_in", "habit"),
    ]


def test_always_plugged_in_without_a_trip_is_unplugged_for_the_sheets_minute():
    always = row(miles_per_year=0, plug_in_time="00:00", plug_out_time="23:59")
    assert [event[:2] for event in told(drive(always, days=1))[1:]] == [
        ("01-12 23:59", "plug_out"),
        ("01-13 00:00", "plug_in"),
    ]


def test_who_drives_longer_than_the_sheet_is_away_comes_home_late():
    """Twelve hours at 30 mph, from 07:00, where the sheet has them home at 18:00."""
    far = row(miles_per_year=360 * 365, battery_kwh=500)
    events = told(drive(far, days=2), "trip_start", "trip_end", "plug_in", "plug_out")
    assert [event[:2] for event in events[:5]] == [
        ("01-12 12:00", "trip_start"), ("01-12 13:00", "trip_end"), ("01-12 13:00", "trip_start"),
        ("01-12 19:00", "trip_end"), ("01-12 19:00", "plug_in"),
    ]  # fmt: skip


def test_a_day_of_a_clock_change_is_driven_by_the_kitchen_clock():
    results = drive(row(miles_per_year=TEN_MILES_A_DAY), start="2026-03-28T12:00", days=1)
    assert [event[0] for event in told(results, "trip_start")] == ["03-28 17:50", "03-29 06:00"]


# ---- charging in public


def test_a_driver_buys_just_what_the_rest_of_the_day_needs_and_ends_at_the_reserve():
    """40 kWh a day out of 20: 14 until 08:24, 18 to the brim, 18 until 17:12, and the last 8; 26 in public."""
    results = drive(row(miles_per_year=140 * 365, **BUSY), start="2026-01-12T06:00", days=1, **AT_35_MPH)
    same(
        told(results, "public_charge", "trip_end"),
        [
            ("01-12 08:24", "public_charge", "reserve_reached", 1.0),
            ("01-12 09:00", "trip_end", "arrived", 0.7),
            ("01-12 17:12", "public_charge", "reserve_reached", 0.5),
            ("01-12 18:00", "trip_end", "arrived", 0.1),
        ],
    )
    assert results.users.public_kwh[0] == pytest.approx(26)
    assert results.users.driven_kwh[0] == pytest.approx(40)


def test_a_driver_may_buy_to_the_brim_again_and_again():
    results = drive(row(miles_per_year=280 * 365, **BUSY), start="2026-01-12T06:00", days=1, **AT_35_MPH)
    same(
        told(results, "public_charge", "trip_end"),
        [
            ("01-12 08:24", "public_charge", "reserve_reached", 1.0),
            ("01-12 10:12", "public_charge", "reserve_reached", 1.0),
            ("01-12 11:00", "trip_end", "arrived", 0.6),
            ("01-12 15:00", "public_charge", "reserve_reached", 1.0),
            ("01-12 16:48", "public_charge", "reserve_reached", 0.7),
            ("01-12 18:00", "trip_end", "arrived", 0.1),
        ],
    )
    assert results.users.public_kwh[0] == pytest.approx(66)


def test_a_day_that_needs_little_more_than_the_battery_holds_buys_little():
    """16 kWh of a battery that gives 14: two kWh, at 15/16 of the way."""
    results = drive(row(miles_per_year=56 * 365, **BUSY), start="2026-01-12T06:00", days=1, **AT_35_MPH)
    ((when, _, _, soc),) = told(results, "public_charge")
    assert (when, soc) == ("01-12 17:48", pytest.approx(0.2, abs=1e-6))
    assert results.users.public_kwh[0] == pytest.approx(2)


@pytest.mark.parametrize(("reserve", "when", "kwh"), [(0, "01-12 08:36", 24), (50, "01-12 07:36", 34)])
def test_the_reserve_is_the_configured_one(reserve, when, kwh):
    settings = {"start": "2026-01-12T06:00", "days": 1, "public_reserve_percent": reserve} | AT_35_MPH
    results = drive(row(miles_per_year=140 * 365, **BUSY), **settings)
    assert told(results, "public_charge")[0][0] == when
    assert results.users.public_kwh[0] == pytest.approx(kwh)
    assert results.users.soc.min() >= 0


@pytest.mark.parametrize("step", [1, 10, 60])
def test_no_rounding_takes_an_empty_battery_below_nothing(step):
    """A reserve of 0 and a day that ends there, whatever pieces its trips are driven in."""
    rows = [row(miles_per_year=30_001 + 777 * i, battery_kwh=11 + i / 7) | {"name": f"{i}"} for i in range(5)]
    rows = [one | {"population_percent": 20} for one in rows]
    results = drive(*rows, users=10, days=4, step=step, public_reserve_percent=0, charging=scheduled("01:00", "01:20"))
    assert results.events.column("soc").min() >= 0
    assert results.users.public_kwh.min() > 0


def test_what_is_bought_on_a_trip_that_began_before_the_run_is_for_the_whole_way_home():
    """05:00 to 11:00 out, 12:00 to 18:00 home, 10 kWh an hour out of 200: from 08:00 there are 90 to drive."""
    one = row(miles_per_year=420 * 365, battery_kwh=200, plug_out_time="05:00", plug_in_soc_percent=15)
    results = drive(one, start="2026-01-12T08:00", days=1, warm_up=0, **AT_35_MPH)
    ((when, _, _, soc), *_) = told(results, "public_charge")
    assert (when, soc) == ("01-12 09:00", pytest.approx((80 + 20) / 200))


# ---- kinds of days


def test_a_weekend_day_has_its_factor_and_the_year_its_miles():
    """2026 has 104 weekend days: ten miles a day are 10 x 365 / 313 on the others when weekends have half."""
    monday, saturday = (miles_on(day, weekend_mileage_factor=0.5) for day in ("2026-01-12", "2026-01-17"))
    assert (monday, saturday) == (pytest.approx(3_650 / 313), pytest.approx(3_650 / 313 / 2))


@pytest.mark.parametrize("day", ["2026-12-25", "2026-04-03", "2026-12-28"])
def test_a_bank_holiday_is_driven_like_a_weekend(day):
    """Christmas Day (a Friday), Good Friday, and the Monday instead of Boxing Day; 2026 has eight such days."""
    assert miles_on(day, weekend_mileage_factor=0.5, holidays="GB-ENG") == pytest.approx(1_825 / (253 + 0.5 * 112))
    assert miles_on(day, weekend_mileage_factor=0.5, holidays="none") == pytest.approx(3_650 / 313)


def test_easter_monday_is_no_bank_holiday_in_scotland():
    english, scottish = (miles_on("2026-04-06", weekend_mileage_factor=0, holidays=h) for h in ("GB-ENG", "GB-SCT"))
    assert (english, scottish) == (0, pytest.approx(3_650 / 252, rel=0.01))


def test_miles_that_are_not_driven_at_weekends_are_driven_on_working_days():
    """All 3,650 miles on the 261 working days of 2026."""
    settings = {"p_drive_weekend": 0}
    assert miles_on("2026-01-12", **settings) == pytest.approx(3_650 / 261)
    assert miles_on("2026-01-17", **settings) == 0


def test_who_drives_on_half_of_the_days_drives_twice_as_far_on_them():
    settings = {"users": 400, "start": "2026-01-12T00:00", "days": 1, "p_drive_weekday": 0.5, "p_drive_weekend": 0.5}
    results = drive(row(miles_per_year=TEN_MILES_A_DAY), **settings)
    miles = results.users.driven_miles
    assert set(np.round(miles, 9)) == {0.0, 20.0}
    assert (miles > 0).mean() == pytest.approx(0.5, abs=4 * 0.5 / 20)


def test_a_mile_in_january_takes_more_than_a_mile_in_the_mean():
    """By hand: 1 / (1 - 0.136) at 6.4 C, over the mean of 1 / (1 - 0.01 (20 - T)) over the days of 2026."""
    days = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
    celsius = (6.4, 6.7, 7.0, 7.8, 10.6, 13.7, 15.4, 16.3, 14.9, 12.3, 9.4, 7.4)
    mean = sum(n / (1 - 0.01 * (20 - t)) for n, t in zip(days, celsius, strict=True)) / 365
    results = drive(row(miles_per_year=TEN_MILES_A_DAY), start="2026-01-12T00:00", days=1, season=True)
    assert results.users.driven_miles[0] == pytest.approx(10)
    assert results.users.driven_kwh[0] == pytest.approx(2 * LEG / 0.864 / mean)


def test_without_a_season_a_mile_takes_the_sheets_energy_in_any_month():
    for month in (1, 7):
        results = drive(row(miles_per_year=TEN_MILES_A_DAY), start=f"2026-{month:02}-12T00:00", days=1)
        assert results.users.driven_kwh[0] == pytest.approx(2 * LEG)


# ---- people


def test_targets_of_the_survey_are_shared_out_as_drivers_chose_them():
    """27% at 100% and 28% at 80%, of Centre for Net Zero's survey."""
    targets = drive(users=4_000, days=1, target_soc="survey").users.target_soc
    assert (targets == 1.0).mean() == pytest.approx(0.268, abs=4 * np.sqrt(0.268 * 0.732 / 4_000))
    assert (targets == 0.8).mean() == pytest.approx(0.284, abs=4 * np.sqrt(0.284 * 0.716 / 4_000))
    assert (targets.min(), targets.max()) == (0.6, 1.0)


def test_a_car_is_charged_to_its_own_drivers_target():
    results = drive(users=60, days=2, target_soc="survey")
    for user in results.users:
        first = user.log.sessions()[0]
        assert first.plug_out_soc == pytest.approx(user.target_soc, abs=1e-6)


def test_people_of_a_kind_drive_as_differently_as_configured():
    """A standard deviation of 0.3 of the mean, over 4,000 people."""
    settings = {"users": 4_000, "days": 1, "start": "2026-01-12T00:00", "miles_cv_between_users": 0.3}
    miles = drive(row(miles_per_year=TEN_MILES_A_DAY), **settings).users.driven_miles
    assert miles.mean() == pytest.approx(10, abs=4 * 3 / np.sqrt(4_000))
    assert miles.std() == pytest.approx(3, rel=0.06)


def test_one_persons_days_differ_as_configured():
    settings = {"users": 4_000, "days": 1, "start": "2026-01-12T00:00", "miles_cv_between_days": 0.7}
    miles = drive(row(miles_per_year=TEN_MILES_A_DAY), **settings).users.driven_miles
    assert miles.mean() == pytest.approx(10, abs=4 * 7 / np.sqrt(4_000))
    assert miles.std() == pytest.approx(7, rel=0.1)

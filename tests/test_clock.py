"""The clock against `zoneinfo`, on the days that are not 24 hours long and the places with odd offsets."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evsim._clock import EPOCH, Clock

WEEKS = [
    ("Europe/London", dt.datetime(2026, 3, 26, 12)),
    ("Europe/London", dt.datetime(2026, 10, 22, 12)),
    ("Australia/Sydney", dt.datetime(2026, 4, 2, 12)),
    ("Australia/Sydney", dt.datetime(2026, 10, 1, 12)),
    ("Australia/Lord_Howe", dt.datetime(2026, 4, 2, 12)),
    ("Australia/Lord_Howe", dt.datetime(2026, 10, 1, 12)),
    ("America/New_York", dt.datetime(2026, 3, 5, 12)),
    ("America/New_York", dt.datetime(2026, 10, 29, 12)),
    ("Asia/Kathmandu", dt.datetime(2026, 5, 1, 12)),
    ("UTC", dt.datetime(2026, 5, 1, 12)),
]
QUARTER_HOUR_S = 900


def day_number(day):
    return (day - EPOCH).days


def clock(start="2026-01-12T12:00", zone="Europe/London", days=7, step=30, warm_up=0):
    return Clock.of(dt.datetime.fromisoformat(start), days, step, zone, warm_up)


def utc_s(local, zone):
    return local.replace(tzinfo=ZoneInfo(zone)).timestamp()


@pytest.mark.parametrize(("zone", "start"), WEEKS)
def test_every_quarter_hour_of_a_week_is_where_zoneinfo_has_it_gaps_and_folds_included(zone, start):
    time = Clock.of(start, 7, 30, zone)
    for quarter in range(7 * 96):
        local = start.replace(hour=0) + dt.timedelta(minutes=15 * quarter)
        second = local.hour * 3600 + local.minute * 60
        found = int(time.instant(day_number(local.date()), second)) + time.start_epoch_s
        assert found == utc_s(local, zone), local


@pytest.mark.parametrize(("zone", "start"), WEEKS)
def test_the_wall_clock_of_every_quarter_hour_is_what_zoneinfo_shows(zone, start):
    time = Clock.of(start, 7, 30, zone)
    at = np.arange(0, time.end_s, QUARTER_HOUR_S)
    days, seconds = time.local(at)
    for t, day, second in zip(at.tolist(), days.tolist(), seconds.tolist(), strict=True):
        shown = dt.datetime.fromtimestamp(t + time.start_epoch_s, ZoneInfo(zone))
        assert (day, second) == (day_number(shown.date()), shown.hour * 3600 + shown.minute * 60)


@pytest.mark.parametrize(
    ("start", "steps"), [("2026-03-28T12:00", 334), ("2026-10-24T12:00", 338), ("2026-01-12T12:00", 336)]
)
def test_a_london_week_ends_at_the_same_wall_clock_time(start, steps):
    time = clock(start)
    assert time.n_steps == steps
    end = dt.datetime.fromisoformat(start) + dt.timedelta(days=7)
    assert time.local_text(time.to_utc(time.end_s)).startswith(end.isoformat(timespec="minutes"))


@pytest.mark.parametrize(("start", "steps"), [("2026-03-29T00:00", 46), ("2026-10-25T00:00", 50)])
def test_a_clock_change_day_has_46_or_50_half_hours(start, steps):
    assert clock(start, days=1).n_steps == steps


def test_a_warm_up_over_a_clock_change_begins_at_the_same_wall_clock_time():
    assert clock("2026-03-30T12:00", warm_up=2).n_warm_up_steps == 94


@pytest.mark.parametrize("step", [1, 5, 10, 15, 20, 30, 60])
def test_a_day_has_1440_minutes_whatever_the_step(step):
    assert clock(days=1, step=step).n_steps * step == 1440


def test_step_starts_are_utc():
    times = clock("2026-07-01T12:00", days=1).times
    assert (str(times[0]), str(times[-1])) == ("2026-07-01T11:00:00", "2026-07-02T10:30:00")


def test_seconds_outside_the_day_belong_to_its_neighbours():
    time, day = clock(), day_number(dt.date(2026, 1, 14))
    assert time.instant(day, -3600) == time.instant(day - 1, 23 * 3600)
    assert time.instant(day, 90_000) == time.instant(day + 1, 3600)


@given(st.integers(0, 7 * 86_400))
def test_an_instant_becomes_local_and_comes_back_outside_the_fold(at):
    time = clock("2026-03-28T12:00")
    day, second = time.local(float(at))
    assert time.instant(day, second.astype(np.int64)) == at


def test_run_seconds_become_utc_and_come_back():
    time = clock()
    assert [time.seconds(at) for at in time.times[:3]] == [0.0, 1800.0, 3600.0]


@pytest.mark.parametrize(
    "moment",
    [
        "2026-07-01T12:00",
        "2026-07-01T12:00:00Z",
        "2026-07-01T13:00+01:00",
        dt.datetime(2026, 7, 1, 12),
        dt.datetime(2026, 7, 1, 13, tzinfo=ZoneInfo("Europe/London")),
        np.datetime64("2026-07-01T12:00"),
        np.datetime64("2026-07-01T12:00:00.000000000"),
    ],
)
def test_an_instant_can_be_typed_in_many_ways_and_without_offset_is_utc(moment):
    assert clock("2026-07-01T12:00").seconds(moment) == 3600.0


def test_a_date_alone_is_its_midnight():
    assert clock("2026-01-12T12:00").seconds(np.datetime64("2026-01-13")) == 12 * 3600


def test_words_that_are_no_instant_are_refused():
    with pytest.raises(ValueError, match="tomorrow"):
        clock().seconds("tomorrow")

"""When people come and go, and with which SoC: exact by hand with all spreads 0, and spread as configured."""

from __future__ import annotations

import datetime as dt
from itertools import pairwise
from statistics import NormalDist
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from worlds import FLAT, row, run, scheduled, story, utc

from evsim._plug_times import DAY_SD_MINUTES, HABIT_SD_MINUTES, PLUG_IN, PLUG_OUT

DIFFERING = {"habit": HABIT_SD_MINUTES, "day": DAY_SD_MINUTES}
ALWAYS = row("Always plugged-in", plug_in_time="00:00", plug_out_time="23:59")


def sessions_of(results, user=0):
    return results.users[user].log.sessions()


def local_times(results, which):
    """(n_sessions,) local seconds after midnight of whole sessions' plug-ins or plug-outs, and whose they are."""
    table = results.events.sessions()
    when = getattr(table, which)
    known = ~np.isnat(when) & (table.plug_in > results.times[0])
    return (when[known] - results.times[0]).astype(np.int64), table.user[known]


# ---- a run by hand


def test_an_exact_run_of_one_day_is_what_a_person_computes():
    """60 kWh from 68 to 80% at 7 kW and 90%: 8 kWh from 18:00 to 19:08:34.3, and nothing else."""
    results = run(days=1, users=10)
    powers = {str(t)[11:16]: kw for t, kw in zip(results.times, results.import_kw[:, 0], strict=True) if kw}
    assert powers == pytest.approx({"18:00": 70.0, "18:30": 70.0, "19:00": 20.0}, abs=1e-9)
    assert results.n_charging[:, 0].tolist() == [0] * 12 + [10, 10] + [0] * 34
    assert results.n_plugged_in[:, 0].tolist() == [0] * 12 + [10] * 26 + [0] * 10
    assert results.mean_soc[11:16, 0].tolist() == pytest.approx([0.8, 0.7325, 0.785, 0.8, 0.8], abs=1e-12)
    assert (results.peak.kw, str(results.peak.at)) == (pytest.approx(70.0), "2026-01-12T18:00:00")
    assert results.import_kwh[0] == pytest.approx(80.0)
    assert (results.n_sessions.tolist(), results.n_users.tolist()) == ([10], [10])


def test_with_no_spread_every_time_is_exact_to_the_second():
    for session in sessions_of(run(row(plug_in_time="18:07:30", plug_out_time="07:00:59"), days=3)):
        assert str(session.plug_in)[11:] == "18:07:30"
        assert str(session.plug_out)[11:] == "07:00:59"


def test_a_day_stay_leaves_on_the_same_day():
    first = sessions_of(run(row(plug_in_time="09:00", plug_out_time="17:30"), start="2026-01-12T00:00"))[0]
    assert (first.plug_in, first.plug_out) == tuple(utc("2026-01-12T09:00", "2026-01-12T17:30"))


def test_always_plugged_in_is_connected_for_all_but_a_minute_a_day():
    results = run(ALWAYS, start="2026-01-12T12:00", days=3)
    listed = sessions_of(results)
    assert [str(s.plug_out)[5:16] for s in listed[:-1]] == ["01-12T23:59", "01-13T23:59", "01-14T23:59"]
    assert [str(s.plug_in)[5:16] for s in listed] == ["01-12T12:00", "01-13T00:00", "01-14T00:00", "01-15T00:00"]
    assert results.n_plugged_in.sum() == 144 - 3  # the three steps that end in the minute away


def test_always_plugged_in_with_spreads_is_still_one_session_a_day():
    results = run(ALWAYS, days=10, users=50, habit=45, day=30)
    assert results.n_sessions[0] == pytest.approx(50 * 11, abs=50)
    assert results.n_plugged_in.mean() / 50 > 0.9


# ---- where the SoC comes from


def test_on_the_sheet_every_plug_in_finds_the_sheets_soc():
    assert [s.plug_in_soc for s in sessions_of(run(days=4))] == pytest.approx([0.68] * 4)


def test_on_the_sheet_the_days_driving_is_implied_and_booked():
    people = run(days=4, users=2).users
    assert people.driven_kwh.tolist() == pytest.approx([4 * 7.2] * 2)


def test_carried_charges_once_to_the_target_and_stays_there():
    results = run(days=3, soc="carried", warm_up=7)
    listed = sessions_of(results)
    assert [s.import_kwh for s in listed] == pytest.approx([8.0, 0, 0])
    assert [s.plug_in_soc for s in listed] == pytest.approx([0.68, 0.8, 0.8])
    assert results.mean_soc[-1, 0] == pytest.approx(0.8)


def test_carried_starts_with_every_battery_at_the_sheets_soc():
    results = run(days=3, soc="carried", warm_up=7, users=20, habit=45, day=30)
    assert [next(iter(user.log)).soc for user in results.users] == pytest.approx([0.68] * 20)


def test_carried_books_no_driving():
    assert not run(days=3, soc="carried").users.driven_kwh.any()


def test_carried_and_plugged_in_at_the_start_charges_from_the_first_instant():
    results = run(soc="carried", start="2026-01-12T20:00")
    events = [(at, event) for at, event, _ in story(results.users[0].log)[:2]]
    assert events == [("2026-01-12T20:00:00", "plug_in"), ("2026-01-12T20:00:00", "charge_start")]
    assert results.import_kw[0, 0] == pytest.approx(7.0)


def test_a_car_above_its_target_does_not_charge():
    results = run(row(plug_in_soc_percent=90))
    assert results.import_kwh[0] == 0
    assert not results.n_charging.any()


def test_a_stay_too_short_leaves_below_the_target():
    first = sessions_of(run(row(plug_in_soc_percent=10, plug_out_time="20:00"), curve=FLAT))[0]
    assert first.plug_out_soc == pytest.approx(0.1 + 12.6 / 60)
    assert first.import_kwh == pytest.approx(14.0)


# ---- spreads


def test_a_habit_is_a_persons_own_and_for_good():
    """From Monday noon to Friday noon: weekends have a shape of their own."""
    times, user = local_times(run(users=30, days=4, habit=45), "plug_in")
    of_day = times % 86_400
    for u in range(30):
        assert len(set(of_day[user == u])) == 1
    assert len(set(of_day)) > 25


def test_a_day_spread_is_drawn_anew_every_day():
    times, user = local_times(run(users=1, days=12, day=30), "plug_in")
    assert len(set(times % 86_400)) == len(times) == len(user)


def published(table, working, sd):
    """Mean and standard deviation of a published shape, scaled to `sd` minutes of habit and day together."""
    middles = (np.arange(20_000) + 0.5) / 20_000
    z = np.array([NormalDist().inv_cdf(p) for p in middles])
    minutes = np.interp(z, table[working].z, table[working].minutes) * sd / np.hypot(HABIT_SD_MINUTES, DAY_SD_MINUTES)
    return minutes.mean(), minutes.std()


@pytest.mark.parametrize(("which", "usual", "table"), [("plug_in", 18, PLUG_IN), ("plug_out", 7, PLUG_OUT)])
@pytest.mark.parametrize(("habit", "day"), [(45, 0), (0, 30), (45, 30), (75, 130)])
@pytest.mark.parametrize(("start", "working"), [("2026-01-12T02:00", True), ("2026-01-17T02:00", False)])
def test_times_are_spread_as_the_published_shapes_are(which, usual, table, habit, day, start, working):
    """From Monday 02:00, and from Saturday, for two days; draws that fall too early are drawn again."""
    results = run(users=2_000, days=2, habit=habit, day=day, start=start)
    times, _ = local_times(results, which)
    minutes = (times / 60 + int(start[11:13]) * 60 - usual * 60 + 720) % 1440 - 720
    mean, sd = published(table, working, np.hypot(habit, day))
    assert minutes.std() == pytest.approx(sd, rel=0.06)
    assert minutes.mean() == pytest.approx(mean, abs=4 * sd / np.sqrt(len(minutes) / 2) + 1)


@pytest.mark.parametrize("settings", [{"habit": 75, "day": 130, "times": "exact"}, {"habit": 0, "day": 0}])
def test_exact_times_are_the_sheets_on_all_days(settings):
    for session in sessions_of(run(days=7, users=3, **settings)):
        assert str(session.plug_in)[11:] == "18:00:00"
        assert session.plug_out is None or str(session.plug_out)[11:] == "07:00:00"


def test_people_leave_later_at_weekends():
    table = run(users=500, days=7, **DIFFERING).events.sessions()
    out = table.plug_out[~np.isnat(table.plug_out)]
    hour = (out - out.astype("datetime64[D]")).astype(float) / 3_600
    weekend = (out.astype("datetime64[D]").astype(int) + 3) % 7 >= 5
    assert np.median(hour[weekend]) - np.median(hour[~weekend]) == pytest.approx(165 / 60, abs=0.25)


def test_people_leave_later_on_a_bank_holiday_too():
    def medians(holidays):
        table = run(users=500, start="2026-12-25T00:00", days=1, holidays=holidays, **DIFFERING).events.sessions()
        out = table.plug_out[~np.isnat(table.plug_out)]
        return np.median((out - np.datetime64("2026-12-25T00:00")).astype(float)) / 3_600

    assert medians("GB-ENG") - medians("none") == pytest.approx(165 / 60, abs=0.3)


def test_spreads_shrink_with_a_window_under_six_hours():
    """Away for three hours: half the spread."""
    times, _ = local_times(
        run(row(plug_in_time="13:00", plug_out_time="10:00"), users=2_000, days=2, day=30), "plug_out"
    )
    mean, sd = published(PLUG_OUT, True, 15)
    minutes = (times / 60 + 120 + 720) % 1440 - 720
    assert (minutes.mean(), minutes.std()) == (pytest.approx(mean, abs=1), pytest.approx(sd, rel=0.06))


def test_nobody_comes_home_before_leaving_or_in_less_time_than_the_trips_take():
    results = run(row(miles_per_year=20_000), users=300, days=7, driving=True, habit=180, day=180)
    for user in results.users:
        told = [e for e in user.log if e.event in ("trip_start", "trip_end", "plug_in")]
        for before, after in pairwise(told):
            assert before.at <= after.at
            assert (before.event, after.event) not in {("trip_start", "trip_start"), ("trip_end", "trip_end")}


def test_coming_and_going_are_independent():
    table = run(users=3_000, days=1, habit=45, day=30).events.sessions()
    whole = ~np.isnat(table.plug_out)
    correlation = np.corrcoef(table.plug_in[whole].astype(float), table.plug_out[whole].astype(float))[0, 1]
    assert abs(correlation) < 0.08


def test_however_wide_the_spread_a_plug_stays_in_and_out_for_a_minute():
    table = run(
        row(plug_in_time="12:00", plug_out_time="12:30"), users=300, days=6, habit=180, day=180
    ).events.sessions()
    whole = ~np.isnat(table.plug_out) & (table.plug_in > np.datetime64("2026-01-12T12:00"))
    assert (table.plug_out[whole] - table.plug_in[whole]).min() >= np.timedelta64(60, "s")
    same = table.user[1:] == table.user[:-1]
    assert (table.plug_in[1:][same] - table.plug_out[:-1][same]).min() >= np.timedelta64(60, "s")


def test_no_plug_in_strays_more_than_half_a_day():
    table = run(users=2_000, days=3, habit=180, day=180).events.sessions()
    usual = np.datetime64("2026-01-13T18:00")
    first_of_day = np.abs(table.plug_in - usual) <= np.timedelta64(12, "h")
    whole = ~np.isnat(table.plug_out) & first_of_day
    assert (table.plug_out[whole] - table.plug_in[whole]).max() <= np.timedelta64(37, "h")


# ---- how often


@pytest.mark.parametrize("frequency", [0.2, 0.5, 0.9])
def test_people_plug_in_as_often_as_configured(frequency):
    users, days = 500, 20
    n = run(row(plug_in_frequency_per_day=frequency), users=users, days=days, start="2026-01-12T08:00").n_sessions[0]
    evenings = users * days
    assert n / evenings == pytest.approx(frequency, abs=4 * np.sqrt(frequency * (1 - frequency) / evenings))


def test_once_a_day_is_every_day():
    assert run(users=50, days=5).n_sessions[0] == 50 * 5


# ---- clock changes


@pytest.mark.parametrize(("start", "steps"), [("2026-03-28T12:00", 334), ("2026-10-24T12:00", 338)])
def test_a_clock_change_week_has_334_or_338_half_hours_and_seven_sessions(start, steps):
    results = run(users=4, days=7, start=start)
    assert (results.import_kw.shape, results.n_sessions.tolist()) == ((steps, 1), [28])


@pytest.mark.parametrize("start", ["2026-03-28T12:00", "2026-10-24T12:00"])
def test_people_keep_to_the_kitchen_clock_through_a_clock_change(start):
    zone = ZoneInfo("Europe/London")
    for session in sessions_of(run(days=6, start=start)):
        for at, usual in ((session.plug_in, dt.time(18)), (session.plug_out, dt.time(7))):
            assert at.item().replace(tzinfo=dt.UTC).astimezone(zone).time() == usual


@pytest.mark.parametrize(("start", "hours"), [("2026-03-28T12:00", 12), ("2026-10-24T12:00", 14)])
def test_a_night_of_a_clock_change_is_an_hour_shorter_or_longer(start, hours):
    first = sessions_of(run(start=start))[0]
    assert first.plug_out - first.plug_in == np.timedelta64(hours, "h")


@pytest.mark.parametrize(("start", "kwh"), [("2026-03-28T12:00", 7.0), ("2026-10-24T12:00", 21.0)])
def test_a_timer_from_midnight_to_two_gives_an_hour_less_or_more(start, kwh):
    charging = scheduled("00:00", "02:00")
    assert sessions_of(run(row(plug_in_soc_percent=10), start=start, charging=charging))[0].import_kwh == pytest.approx(
        kwh
    )


@pytest.mark.parametrize("start", ["2026-03-28T12:00", "2026-10-24T12:00"])
def test_energy_is_conserved_through_a_clock_change(start):
    results = run(users=50, days=7, start=start, habit=45, day=30, charging=scheduled("00:30", "04:30"))
    assert results.certificate.max_residual_kwh < 1e-6

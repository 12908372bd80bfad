"""The portrait of the drivers: by hand on worlds small enough for paper, and recounted from the logs of a crowd."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass, field

import numpy as np
import pytest
from rich.console import Console
from worlds import FLAT, config, row, scheduled

from evsim import Scenario, simulate
from evsim._outputs import summary
from evsim._portrait import Quartiles, _quartiles
from evsim._reports.run import _drivers, _sessions, _totals
from evsim._stays import SHORT_BY_SOC

EXACT = {
    "driving": True, "times": "exact", "season": False, "miles_cv_between_users": 0, "miles_cv_between_days": 0,
    "p_drive_weekday": 1, "p_drive_weekend": 1, "weekend_mileage_factor": 1, "average_speed_mph": 30,
}  # fmt: skip
"""Everybody drives the sheet's miles every day, and is on time."""

CAR = {"miles_per_year": 30 * 365, "efficiency_miles_per_kwh": 3, "battery_kwh": 50, "charger_kw": 5}
"""30 miles a day are 10 kWh, 20% of the battery; two trips of 15 miles take half an hour each."""


def drive(*rows, behaviour=None, **settings):
    """What a run of people leaves who drive exactly as the sheet says; a flat curve and no losses by default."""
    typed = config(*rows, **({"curve": FLAT, "efficiency": 1.0, "warm_up": 3} | settings))
    typed["behaviour"] = EXACT | (behaviour or {})
    return simulate(Scenario.from_dict(typed))


def same(value):
    return Quartiles(*(pytest.approx(value, abs=1e-6) for _ in range(3)))


# ---- by hand


@pytest.fixture(scope="module")
def week():
    """Mon 12 Jan 12:00 to Mon 19 Jan 12:00: seven nights, 18:00 to 07:00, each from 60% to 80% in two hours."""
    return drive(row(**CAR), users=2, days=7)


def test_miles_and_energy_driven_are_the_sheets(week):
    told = week.portrait_of_all
    # two people, seven days of 30 miles: one trip home on the first day and one out on the last make the seventh
    assert told.miles == pytest.approx(2 * 7 * 30)
    assert told.miles_per_day == pytest.approx(30)
    assert told.miles_per_year == pytest.approx(30 * 365)
    assert told.driven_kwh == pytest.approx(2 * 7 * 10)
    assert told.kwh_per_year == pytest.approx(3650)


def test_plug_ins_are_one_a_day_and_find_what_the_day_left(week):
    told = week.portrait_of_all
    assert (told.plug_ins, told.plug_ins_per_day) == (14, 1.0)
    assert told.plug_in_soc == same(0.6)


def test_whole_sessions_are_those_of_the_seven_nights(week):
    told = week.portrait_of_all
    assert (told.whole_sessions, told.cut_sessions, told.departures) == (14, 0, 14)
    assert (told.session_kwh, told.plugged_in_h) == (same(10.0), same(13.0))
    assert told.charging_h == Quartiles(*(pytest.approx(2.0, abs=1 / 3600) for _ in range(3)))


def test_time_is_shared_as_the_clock_says(week):
    told = week.portrait_of_all
    assert told.plugged_in_share == pytest.approx(13 / 24)  # 18:00 to 07:00
    assert told.away_share == pytest.approx(11 / 24)  # 07:00 to 18:00
    assert told.charging_share == pytest.approx(2 / 24, abs=1 / 86400)


def test_with_a_battery_that_suffices_nothing_is_bought_in_public_and_nobody_is_short(week):
    told = week.portrait_of_all
    assert (told.public_kwh, told.public_share) == (0, 0)
    assert (told.below_target.users, told.below_target.departures, told.below_target.kwh) == (0, 0, 0)


def test_losses_are_between_the_meter_and_the_battery():
    told = drive(row(**CAR), days=7, efficiency=0.8).portrait_of_all
    assert told.session_kwh == same(12.5)  # 10 / 0.8
    assert told.import_kwh == pytest.approx(7 * 12.5)
    assert told.home_kwh == pytest.approx(70)
    assert told.import_kwh_per_year == pytest.approx(365 * 12.5)


def test_time_that_a_timer_waits_is_not_charging():
    told = drive(row(**CAR), days=7, charging=scheduled("00:30", "04:30")).portrait_of_all
    assert told.charging_h == Quartiles(*(pytest.approx(2.0, abs=1 / 3600) for _ in range(3)))
    assert told.plugged_in_h == same(13.0)


def test_a_run_that_begins_at_night_restates_a_session_that_is_no_plug_in():
    # from 20:00 to 20:00 two days later: cut at the start, whole on the second evening, cut at the end
    results = drive(row(**CAR), days=2, start="2026-01-12T20:00")
    told = results.portrait_of_all
    assert results.n_sessions.sum() == 3
    assert (told.plug_ins, told.plug_ins_per_day, told.departures) == (2, 1.0, 2)
    assert (told.whole_sessions, told.cut_sessions) == (1, 2)
    assert told.plugged_in_share == pytest.approx((11 + 13 + 2) / 48)
    assert told.away_share == pytest.approx(22 / 48)
    assert told.charging_share == pytest.approx((2 + 2) / 48, abs=2 / 172_800)  # 18:00 to 20:00, thrice less the first


def test_a_day_that_begins_at_work_is_away_until_the_evening():
    told = drive(row(**CAR), days=1, start="2026-01-12T12:00").portrait_of_all
    assert told.away_share == pytest.approx((6 + 5) / 24)  # 12:00 to 18:00, 07:00 to 12:00


def test_who_leaves_short_is_told_in_kwh_and_miles():
    # at home with 60%; half an hour of 5 kW brings it to 65% by 07:00: 15% of 50 kWh are 7.5 kWh, or 22.5 miles
    own = row(**CAR, plug_in_soc_percent=60)
    results = drive(own, users=2, days=1, warm_up=0, start="2026-01-12T19:00", charging=scheduled("00:30", "01:00"))
    told = results.portrait_of_all
    assert (told.below_target.users, told.below_target.departures, told.below_target_share) == (2, 2, 1.0)
    assert told.below_target.kwh == pytest.approx(15, abs=1e-5)
    assert told.below_target.miles == pytest.approx(45, abs=1e-4)
    assert told.to_dict()["below_target"]["miles_per_departure"] == pytest.approx(22.5, abs=1e-4)


def test_a_person_short_on_several_days_is_one_user():
    told = drive(row(**CAR), days=7, charging=scheduled("00:30", "01:00")).portrait_of_all
    assert told.below_target.users == 1
    assert told.below_target.departures == 7
    assert told.to_dict()["below_target"]["departures_percent"] == 100


def test_days_longer_than_the_battery_are_driven_on_public_energy():
    # 90 miles a day are 30 kWh; of a battery of 20, 80% less the reserve of 10% are 14; the other 16 come from the road
    far = row(**CAR | {"miles_per_year": 90 * 365, "battery_kwh": 20})
    told = drive(far, days=7).portrait_of_all
    assert told.miles_per_day == pytest.approx(90)
    assert told.home_kwh + told.public_kwh == pytest.approx(told.driven_kwh)
    assert told.public_share == pytest.approx(16 / 30)


def test_with_driving_off_no_miles_are_told_and_energy_is_the_sheets():
    told = drive(days=7, behaviour={"driving": False}).portrait_of_all
    assert (told.miles, told.miles_per_year, told.away_share) == (None, None, None)
    assert told.plug_in_soc == same(0.68)
    assert told.kwh_per_year == pytest.approx(0.12 * 60 * 365)


# ---- recounted


@pytest.fixture(scope="module")
def crowd():
    """A hundred people of three kinds, as different from one another as the defaults have it."""
    rows = [
        row("a", 50),
        row("b", 30, plug_in_frequency_per_day=0.4, miles_per_year=28105),
        row("c", 20, plug_in_time="22:00", plug_out_time="09:00", battery_kwh=30, miles_per_year=20000),
    ]
    typed = config(*rows, users=100, days=5, warm_up=7, start="2026-03-26T21:15", charging=scheduled("00:30", "02:30"))
    typed["behaviour"] = {"target_soc": "survey"}
    return simulate(Scenario.from_dict(typed))


@dataclass
class Recount:
    """The same from the logs, one person and one event after the other; seconds [s]."""

    kwh: list = field(default_factory=list)
    plugged_h: list = field(default_factory=list)
    charging_h: list = field(default_factory=list)
    soc: list = field(default_factory=list)
    short_kwh: list = field(default_factory=list)
    short_users: set = field(default_factory=set)
    plugged_s: float = 0
    charging_s: float = 0
    away_s: float = 0

    def add(self, people, i, begin, end):
        user, target, capacity = people[i], people.target_soc[i], people.capacity_kwh[i]
        events = list(user.log)
        ins = [i for i, event in enumerate(events) if event.event == "plug_in"]
        stays = [events[i:j] for i, j in zip(ins, [*ins, len(events)][1:], strict=True)]
        for session, stay in zip(user.log.sessions(), stays, strict=True):
            out = end if session.plug_out is None else session.plug_out
            plugged_s, charging_s = seconds(session.plug_in, out), between(stay, "charge_start", "charge_stop", end)
            self.plugged_s += plugged_s
            self.charging_s += charging_s
            is_new = stay[0].reason != "run_start"
            if is_new:
                self.soc.append(session.plug_in_soc)
            if session.plug_out is None:
                continue
            if target - session.plug_out_soc > SHORT_BY_SOC:
                self.short_kwh.append((target - session.plug_out_soc) * capacity)
                self.short_users.add(user.user_id)
            if is_new:
                self.kwh.append(session.import_kwh)
                self.plugged_h.append(plugged_s / 3600)
                self.charging_h.append(charging_s / 3600)
        self.away_s += away(events, begin, end, is_away=people.is_away[i])


def seconds(begin, end):
    return float((end - begin) / np.timedelta64(1, "s"))


def between(events, starts, stops, end):
    """Seconds from each start to the stop after it, or to the end of all."""
    total, since = 0.0, None
    for event in events:
        if event.event == starts:
            since = event.at
        elif event.event == stops:
            total, since = total + seconds(since, event.at), None
    return total + (0 if since is None else seconds(since, end))


def away(events, begin, end, *, is_away):
    """Seconds from each trip outward to the end of the trip homeward, or to the end of all."""
    trips = [event for event in events if event.event in {"trip_start", "trip_end"}]
    total, since = 0.0, begin if (is_away and not trips) or (trips and trips[0].reason != "outward") else None
    for event, then in zip(trips, [*trips[1:], None], strict=True):
        is_last_trip = not is_away if then is None else then.reason == "outward"
        if event.reason == "outward":
            since = event.at
        elif event.event == "trip_end" and is_last_trip:
            total, since = total + seconds(since, event.at), None
    return total + (0 if since is None else seconds(since, end))


@pytest.mark.parametrize("which", ["a", "b", "c", "all"])
def test_a_portrait_is_what_the_logs_of_its_people_tell(crowd, which):
    (told,) = [portrait for portrait in (*crowd.portrait, crowd.portrait_of_all) if portrait.name == which]
    due, people, begin, end = Recount(), crowd.users, crowd.times[0], crowd.clock.to_utc(crowd.clock.end_s)
    for i, user in enumerate(people):
        if which in {user.archetype, "all"}:
            due.add(people, i, begin, end)
    for spread, values in (
        (told.session_kwh, due.kwh), (told.plugged_in_h, due.plugged_h), (told.charging_h, due.charging_h),
        (told.plug_in_soc, due.soc),
    ):  # fmt: skip
        found = (spread.p25, spread.median, spread.p75)
        assert found == pytest.approx(np.quantile(values, [0.25, 0.5, 0.75]), abs=1e-5)
    assert (told.whole_sessions, told.plug_ins) == (len(due.kwh), len(due.soc))
    assert (told.below_target.users, told.below_target.departures) == (len(due.short_users), len(due.short_kwh))
    assert told.below_target.kwh == pytest.approx(sum(due.short_kwh), abs=1e-4)
    time_s = told.users * crowd.clock.end_s
    shares = (told.plugged_in_share, told.charging_share, told.away_share)
    assert [share * time_s for share in shares] == pytest.approx([due.plugged_s, due.charging_s, due.away_s])


def test_shares_of_time_are_near_the_counts_at_the_ends_of_steps(crowd):
    told, n = crowd.portrait_of_all, crowd.n_users.sum()
    assert told.plugged_in_share == pytest.approx(crowd.n_plugged_in.sum(axis=1).mean() / n, abs=0.01)
    assert told.charging_share == pytest.approx(crowd.n_charging.sum(axis=1).mean() / n, abs=0.01)
    assert told.away_share == pytest.approx(crowd.n_away.sum(axis=1).mean() / n, abs=0.01)


def test_all_is_the_archetypes_together(crowd):
    told, parts = crowd.portrait_of_all, crowd.portrait
    for name in (
        "users",
        "plug_ins",
        "departures",
        "whole_sessions",
        "cut_sessions",
        "miles",
        "driven_kwh",
        "import_kwh",
    ):
        assert getattr(told, name) == pytest.approx(sum(getattr(part, name) for part in parts))
    assert told.whole_sessions + told.cut_sessions == crowd.n_sessions.sum()
    assert told.below_target.miles == pytest.approx(sum(part.below_target.miles for part in parts))


def test_the_portrait_is_the_same_when_the_log_has_been_laid_out(crowd):
    again = simulate(crowd.scenario)
    for name in ("at_s", "user", "event", "reason", "soc", "import_kwh"):
        again.events.column(name)
    assert again.portrait == crowd.portrait


def test_step_length_changes_no_portrait(crowd):
    typed = crowd.scenario.to_dict()
    typed["simulation"]["step_minutes"] = 5
    told, other = crowd.portrait_of_all, simulate(Scenario.from_dict(typed)).portrait_of_all
    assert (told.plug_ins, told.whole_sessions) == (other.plug_ins, other.whole_sessions)
    assert told.plugged_in_share == pytest.approx(other.plugged_in_share, abs=1e-9)
    assert told.away_share == pytest.approx(other.away_share, abs=1e-9)
    assert told.session_kwh.median == pytest.approx(other.session_kwh.median, abs=1e-5)


def test_quartiles_are_numpys():
    for n in (1, 2, 3, 4, 5, 10, 101):
        values = np.random.default_rng(n).random(n)
        found = _quartiles(values.copy(), 1.0)
        assert (found.p25, found.median, found.p75) == pytest.approx(np.quantile(values, [0.25, 0.5, 0.75]))


# ---- nobody and nothing


def test_of_nobody_nothing_is_told():
    results = drive(row("some", 100, **CAR), row("none", 0, **CAR), days=1)
    told = results.portrait[1]
    assert (told.users, told.plug_ins, told.miles) == (0, 0, 0)
    ratios = (
        told.miles_per_year, told.kwh_per_year, told.plug_ins_per_day, told.public_share, told.plugged_in_share,
        told.charging_share, told.away_share, told.below_target_share, told.plug_in_soc, told.session_kwh,
        told.plugged_in_h, told.charging_h,
    )  # fmt: skip
    assert set(ratios) == {None}


def test_a_run_without_a_whole_session_has_no_medians():
    told = drive(row(**CAR), days=1, start="2026-01-12T20:00").portrait_of_all
    assert (told.whole_sessions, told.cut_sessions) == (0, 2)
    assert (told.session_kwh, told.plugged_in_h, told.charging_h) == (None, None, None)
    assert told.plug_in_soc == same(0.6)


def test_the_summary_holds_the_portrait_of_each_and_of_all(crowd):
    told = json.loads(json.dumps(summary(crowd), allow_nan=False))
    assert [kind["portrait"] for kind in told["archetypes"]] == [part.to_dict() for part in crowd.portrait]
    assert told["population"]["portrait"]["plug_in_soc_percent"]["median"] == pytest.approx(
        100 * crowd.portrait_of_all.plug_in_soc.median
    )
    empty = drive(row("some", 100, **CAR), row("none", 0, **CAR), days=1)
    assert "NaN" not in json.dumps(summary(empty), allow_nan=False)


# ---- printed


def printed(table, results, width):
    """The lines of a table on a terminal."""
    console = Console(width=width, file=io.StringIO(), highlight=False)
    console.print(table(results, width))
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


@pytest.mark.parametrize("width", [48, 60, 80, 100, 160])
@pytest.mark.parametrize("table", [_totals, _drivers, _sessions])
def test_a_printed_table_fits_its_terminal_and_cuts_nothing(crowd, table, width):
    lines = printed(table, crowd, width)
    assert max(map(len, lines)) <= width
    assert "\N{HORIZONTAL ELLIPSIS}" not in "".join(lines)
    assert [line.split()[0] for line in lines[-4:]] == ["a", "b", "c", "all"]


def test_the_drivers_are_printed_in_the_units_of_the_sheet(week):
    lines = printed(_drivers, week, 100)
    assert lines[-1].split() == ["all", "10,950", "3,650", "1.00", "54%", "0%", "0", "0", "0"]


def test_sessions_are_printed_with_medians_and_quartiles(week):
    lines = printed(_sessions, week, 100)
    medians = ["all", "60%", "(60-60)", "10.0", "(10.0-10.0)", "13.0", "(13.0-13.0)", "2.0", "(2.0-2.0)"]
    assert lines[-1].split() == medians


def test_a_narrow_terminal_loses_quartiles_before_medians(week):
    assert printed(_sessions, week, 72)[-1].split() == ["all", "60%", "10.0", "(10.0-10.0)", "13.0", "2.0"]


def test_with_driving_off_no_miles_are_printed():
    text = "\n".join(printed(_drivers, drive(days=1, behaviour={"driving": False}), 100))
    assert "a year" in text
    assert "miles\na year" not in text
    assert "public" not in text


def test_what_nobody_did_is_printed_as_a_dash():
    results = drive(row("some", 100, **CAR), row("none", 0, **CAR), days=1)
    assert printed(_drivers, results, 100)[-2].split() == ["none", "-", "-", "-", "-", "-", "0", "0", "0"]
    assert printed(_sessions, results, 100)[-2].split() == ["none", "-", "-", "-", "-"]

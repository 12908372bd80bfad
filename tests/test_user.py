"""One person by hand: every lever and every report, with numbers a person can check."""

from __future__ import annotations

import math

import numpy as np
import pytest
from worlds import row, run

from evsim import LeverError, UserArchetype


@pytest.fixture
def people():
    """Three of the sheet's average drivers: 60 kWh, 7 kW, 90%, at 68%; the clock begins on 2026-01-01T00:00Z."""
    return UserArchetype(**row("Average (UK)")).spawn(3)


@pytest.fixture
def user(people):
    return people[1]


def everything(people):
    """All that a lever could change."""
    columns = {name: value.copy() for name, value in vars(people).items() if isinstance(value, np.ndarray)}
    return columns, len(people.events), people.now_s


def refused(people, pull, why):
    """Pull a lever that must not move, and see that nothing did."""
    columns, n_events, now = everything(people)
    with pytest.raises(LeverError, match=why) as caught:
        pull()
    after, n_events_after, now_after = everything(people)
    assert (n_events_after, now_after) == (n_events, now)
    assert all((after[name] == columns[name]).all() for name in columns)
    return str(caught.value)


def told(user):
    return [(str(e.at)[11:], e.event, round(e.soc, 5), round(e.import_kwh, 4)) for e in user.log]


# ---- levers and reports


def test_a_new_user_is_away_at_the_archetypes_soc(user):
    assert (user.soc, user.is_plugged_in, user.is_charging, user.power_kw) == (0.68, False, False, 0.0)


def test_a_user_knows_who_they_are_and_what_they_have(user):
    assert (user.user_id, user.archetype) == (1, "Average (UK)")
    assert (user.target_soc, user.capacity_kwh, user.charger_kw) == (0.8, 60.0, 7.0)


def test_plugging_in_lets_nothing_flow(people, user):
    user.plug_in()
    people.wait(hours=5)
    assert (user.is_plugged_in, user.is_charging, user.power_kw, user.soc) == (True, False, 0.0, 0.68)


def test_an_hour_at_7_kw_and_90_percent_stores_6_3_kwh(people, user):
    user.plug_in()
    user.start_charging(7)
    people.wait(hours=1)
    assert user.soc == pytest.approx(0.68 + 6.3 / 60, abs=1e-12)
    assert user.log.energy_kwh() == pytest.approx(7.0, rel=1e-6)


def test_charging_without_a_power_is_at_the_chargers(user):
    user.plug_in()
    user.start_charging()
    assert (user.is_charging, user.power_kw) == (True, 7.0)


def test_a_lower_power_is_kept(people, user):
    user.plug_in()
    user.start_charging(2.5)
    people.wait(minutes=30)
    assert user.power_kw == 2.5
    assert user.log.energy_kwh() == pytest.approx(1.25, rel=1e-6)


def test_power_follows_the_charge_curve_above_80_percent(people, user):
    user.plug_in()
    user.start_charging(7, until_soc=1.0)
    people.wait(hours=7.2 / 6.3 + 12 / 4.41 * math.log(6.3 / 4.095))
    assert user.soc == pytest.approx(0.9, abs=1e-9)
    assert user.power_kw == pytest.approx(7 * 0.65, abs=1e-6)


def test_charging_ends_at_its_goal_at_the_second_foreseen(people, user):
    user.plug_in()
    user.start_charging(7, until_soc=0.8)
    people.wait(hours=3)
    assert (user.soc, user.is_charging, user.is_plugged_in) == (0.8, False, True)
    assert [str(at) for at in user.log.charge_stops()] == ["2026-01-01T01:08:35"]  # 4,114.29 s
    assert user.log.energy_kwh() == pytest.approx(8.0, rel=1e-6)


def test_stopping_keeps_the_plug_in_and_the_soc(people, user):
    user.plug_in()
    user.start_charging(7)
    people.wait(minutes=20)
    user.stop_charging()
    people.wait(hours=5)
    assert (user.is_plugged_in, user.is_charging) == (True, False)
    assert user.soc == pytest.approx(0.68 + 2.1 / 60, abs=1e-12)


def test_unplugging_stops_the_charge_first(people, user):
    user.plug_in()
    user.start_charging(7)
    people.wait(minutes=20)
    user.plug_out()
    assert (user.is_plugged_in, user.is_charging) == (False, False)
    assert [(e.event, e.reason) for e in user.log][-2:] == [("charge_stop", "unplugged"), ("plug_out", "by_hand")]


def test_driving_takes_its_energy_from_the_battery(user):
    user.drive(7.2)
    assert user.soc == pytest.approx(0.68 - 0.12, abs=1e-12)


def test_driving_all_there_is_leaves_an_empty_battery(user):
    user.drive(0.68 * 60)
    assert user.soc == 0.0


def test_a_new_power_changes_a_charge_in_progress(people, user):
    user.plug_in()
    user.start_charging(7)
    people.wait(minutes=30)
    user.start_charging(3.5)
    people.wait(minutes=30)
    assert user.power_kw == 3.5
    assert user.log.energy_kwh() == pytest.approx(3.5 + 1.75, rel=1e-6)
    assert [e.event for e in user.log].count("power_change") == 1
    assert len(user.log.charge_starts()) == 1


def test_the_same_order_again_changes_nothing_and_logs_nothing(people, user):
    user.plug_in()
    user.start_charging(3.5, until_soc=0.8)
    people.wait(minutes=30)
    n = len(user.log)
    user.start_charging(3.5, until_soc=0.8)
    assert len(user.log) == n
    people.wait(minutes=30)
    assert user.log.energy_kwh() == pytest.approx(3.5, rel=1e-6)


def test_an_evening_by_hand_is_told_by_the_log(people, user):
    people.wait(hours=18)
    user.plug_in()
    user.start_charging(7, until_soc=0.8)
    people.wait(minutes=30)
    people.wait(hours=1)
    user.plug_out()
    user.drive(6)
    assert told(user)[-7:] == [
        ("18:00:00", "plug_in", 0.68, 0.0),
        ("18:00:00", "charge_start", 0.68, 0.0),
        ("18:30:00", "report", 0.7325, 3.5),
        ("19:08:35", "charge_stop", 0.8, 4.5),
        ("19:30:00", "plug_out", 0.8, 0.0),
        ("19:30:00", "trip_start", 0.8, 0.0),
        ("19:30:00", "trip_end", 0.7, 0.0),
    ]


def test_each_user_reports_the_soc_at_the_start(people):
    people[0].plug_in()
    assert [next(iter(user.log))[1:4] for user in people] == [("report", "run_start", pytest.approx(0.68))] * 3


def test_a_log_read_before_anything_happened_goes_on_to_grow(user):
    before = len(user.log)
    user.plug_in()
    assert len(user.log) == before + 1
    user.plug_out()
    assert len(user.log) == before + 2


def test_what_one_does_is_not_in_the_log_of_another(people):
    n = len(people[2].log)
    people[0].plug_in()
    people[0].start_charging(7)
    people.wait(hours=1)
    assert len(people[2].log) == n


def test_a_user_shows_their_state_in_words(user):
    user.plug_in()
    assert repr(user) == "<User 1 (Average (UK)): 68.0%, plugged in>"


# ---- a window on a row


def test_a_user_writes_through_to_the_columns(people):
    people[1].plug_in()
    people[1].start_charging(7)
    people.wait(hours=1)
    assert people.is_plugged_in.tolist() == people.is_charging.tolist() == [False, True, False]
    assert people.soc.tolist() == [0.68, people[1].soc, 0.68]


def test_the_columns_write_through_to_the_user(people, user):
    people.soc[1] = 0.25
    assert user.soc == 0.25


def test_two_windows_on_one_row_are_the_same_person(people):
    people[1].plug_in()
    assert people[1].is_plugged_in


def test_a_negative_index_counts_from_the_end(people):
    assert people[-1].user_id == 2


@pytest.mark.parametrize("index", [3, -4])
def test_an_index_beyond_the_people_is_an_index_error(people, index):
    with pytest.raises(IndexError):
        people[index]


def test_iteration_gives_every_user_in_order(people):
    assert [user.user_id for user in people] == [0, 1, 2]
    assert len(people) == 3


# ---- levers that cannot move


def test_plugging_in_twice_is_refused(people, user):
    user.plug_in()
    assert "user 1 is plugged in already" in refused(people, user.plug_in, "plug it out first")


def test_plugging_out_when_out_is_refused(people, user):
    refused(people, user.plug_out, "not plugged in")


def test_charging_while_unplugged_is_refused(people, user):
    refused(people, lambda: user.start_charging(7), "not plugged in; plug it in")


@pytest.mark.parametrize("kw", [0, -1, math.nan])
def test_charging_without_power_is_refused(people, user, kw):
    user.plug_in()
    refused(people, lambda: user.start_charging(kw), "max_kw must be over 0")


@pytest.mark.parametrize("kw", [7.001, 22, math.inf])
def test_charging_over_the_chargers_power_is_refused(people, user, kw):
    user.plug_in()
    refused(people, lambda: user.start_charging(kw), "charger")


@pytest.mark.parametrize("until", [1.01, 80, -0.1, math.nan, math.inf])
def test_charging_to_an_impossible_soc_is_refused(people, user, until):
    user.plug_in()
    refused(people, lambda: user.start_charging(7, until_soc=until), "until_soc is 0 to 1")


@pytest.mark.parametrize("until", [0.0, 0.5, 0.68])
def test_charging_to_a_soc_that_is_reached_is_refused(people, user, until):
    user.plug_in()
    refused(people, lambda: user.start_charging(7, until_soc=until), "nothing to charge")


def test_charging_a_full_battery_is_refused(people, user):
    user.plug_in()
    people.soc[1] = 1.0
    refused(people, lambda: user.start_charging(7), "nothing to charge")


def test_changing_a_charge_to_an_impossible_power_is_refused_and_the_charge_goes_on(people, user):
    user.plug_in()
    user.start_charging(5)
    people.wait(minutes=30)
    refused(people, lambda: user.start_charging(8), "charger")
    assert user.power_kw == 5


def test_stopping_when_idle_is_refused(people, user):
    refused(people, user.stop_charging, "not charging")
    user.plug_in()
    refused(people, user.stop_charging, "not charging")


def test_driving_while_plugged_in_is_refused(people, user):
    user.plug_in()
    refused(people, lambda: user.drive(1), "plug it out before driving")


@pytest.mark.parametrize("kwh", [40.9, 1e9, math.inf])
def test_driving_more_than_is_stored_is_refused(people, user, kwh):
    refused(people, lambda: user.drive(kwh), "too little charge")


@pytest.mark.parametrize("kwh", [-1, math.nan])
def test_driving_a_negative_energy_is_refused(people, user, kwh):
    refused(people, lambda: user.drive(kwh), "0 or more")


@pytest.mark.parametrize("hours", [-1.0, math.nan])
def test_time_does_not_go_backwards(people, hours):
    with pytest.raises((ValueError, LeverError)):
        people.wait(hours=hours)


def test_the_people_of_a_run_that_is_over_do_not_move():
    results = run(days=1)
    with pytest.raises(LeverError, match="over"):
        results.users[0].plug_in()
    with pytest.raises(ValueError, match="read-only"):
        results.import_kw[:] = 0


def test_nobody_waits_past_the_end_of_the_clock():
    with pytest.raises(LeverError, match="left on this clock"):
        UserArchetype(**row()).spawn(1).wait(hours=24 * 400)

"""Cars that give power back: by hand, by law, and beside the naive simulator."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import ClassVar

import numpy as np
import oracle_whims
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_crew import assert_the_same
from test_laws import STEPS, logs, written
from test_oracle import agree, configs
from test_user import refused
from worlds import FLAT, config, row, run, scenario

import evsim._simulator as simulator
from evsim import Scenario, Simulator, Strategy, UserArchetype, simulate
from evsim._crew import can_fork
from evsim._event_kinds import EventKind

OUT = 0.87 / 0.9
"""What is left of 87% there and back, when 90% is lost on the way in."""
V2G = {"v2g_percent": 100, "discharge_kw": 5}


@pytest.fixture
def people():
    """Three drivers of 60 kWh and 7 kW at 68% who give back up to 5 kW, down to 30%, from 2026-01-01T00:00Z on."""
    return UserArchetype(**row("A", **V2G)).spawn(3)


@pytest.fixture
def user(people):
    people[1].plug_in()
    return people[1]


def told(user):
    """A log from the first plug-in on: when, what, why, SoC, kWh in and out."""
    rows = [
        (str(e.at)[11:], e.event, e.reason, round(e.soc, 5), round(e.import_kwh, 4), round(e.export_kwh, 4))
        for e in user.log
    ]
    return rows[1:]


def out_of(people):
    """What the books are out by [kWh]."""
    store = people.events
    return np.abs(people.residual_kwh(store.import_kwh_by_user(), store.export_kwh_by_user())).max()


# ---- by hand


def test_ten_kwh_at_the_meter_take_more_out_of_the_battery(people, user):
    people.discharging_efficiency[:] = 0.95
    user.start_discharging()
    people.wait(hours=2)
    assert (0.68 - user.soc) * 60 == pytest.approx(10 / 0.95, abs=1e-12)
    assert user.log.export_kwh() == pytest.approx(10, abs=1e-6)
    assert user.log.energy_kwh() == 0


def test_the_way_out_is_what_87_percent_leave_of_the_way_in(people):
    assert people.discharging_efficiency.tolist() == pytest.approx([OUT] * 3)


def test_a_round_trip_loses_what_both_ways_lose(people, user):
    user.start_discharging(5, until_soc=0.4)
    people.wait(hours=10)
    user.start_charging(7, until_soc=0.68)
    people.wait(hours=10)
    assert user.soc == 0.68
    assert user.log.export_kwh() / user.log.energy_kwh() == pytest.approx(0.87, rel=1e-6)


def test_power_at_the_meter_is_negative_while_a_car_gives_it_back(people, user):
    user.start_discharging(3)
    assert (user.is_discharging, user.is_charging, user.power_kw) == (True, False, -3.0)
    assert repr(user) == "<User 1 (A): 68.0%, discharging>"
    people.wait(minutes=30)
    assert user.log.power_kw("2026-01-01T00:00", "2026-01-01T00:30") == pytest.approx(-3, rel=1e-6)
    assert user.log.power_kw("2026-01-01T00:10") == pytest.approx(-3, rel=1e-6)


def test_without_a_power_a_car_gives_back_all_it_can(user):
    user.start_discharging()
    assert user.power_kw == -5.0


def test_power_out_of_a_battery_does_not_taper(people, user):
    people.soc[1] = 1.0
    user.start_discharging()
    people.wait(hours=1)
    assert user.soc == pytest.approx(1 - 5 / OUT / 60, abs=1e-12)
    assert user.power_kw == -5.0


def test_it_stops_at_the_reserve_at_the_second_foreseen(people, user):
    user.start_discharging()
    people.wait(hours=8)
    assert (user.soc, user.is_discharging, user.is_plugged_in, user.power_kw) == (0.3, False, True, 0.0)
    seconds = 0.38 * 60 * OUT / 5 * 3600  # 15,869 s and a bit
    last = list(user.log)[-1]
    assert (last.event, last.reason) == ("discharge_stop", "v2g_reserve")
    assert (last.at - np.datetime64("2026-01-01T00:00:00")).astype(int) == math.ceil(seconds)
    assert user.log.export_kwh() == pytest.approx(0.38 * 60 * OUT, abs=1e-6)


def test_it_stops_at_a_higher_goal_for_the_orders_own_reason(people, user):
    user.start_discharging(5, until_soc=0.5)
    people.wait(hours=8)
    assert user.soc == 0.5
    assert list(user.log)[-1].reason == "by_hand"


def test_a_reserve_of_nothing_empties_the_battery_and_no_more():
    people = UserArchetype(**row("A", v2g_reserve_soc_percent=0, **V2G)).spawn(1)
    people[0].plug_in()
    people[0].start_discharging()
    people.wait(hours=30)
    assert (people[0].soc, list(people[0].log)[-1].reason) == (0.0, "v2g_reserve")
    assert out_of(people) < 1e-9


def test_an_evening_of_both_ways_is_told_by_the_log(people, user):
    user.start_charging(7)
    people.wait(minutes=30)
    user.start_discharging(5)
    people.wait(minutes=45)
    user.start_charging(3.5)
    people.wait(minutes=15)
    user.stop_charging()
    fall = 5 * 0.25 / OUT / 60
    assert told(user) == [
        ("00:00:00", "plug_in", "by_hand", 0.68, 0, 0),
        ("00:00:00", "charge_start", "by_hand", 0.68, 0, 0),
        ("00:30:00", "report", "step_end", 0.7325, 3.5, 0),
        ("00:30:00", "charge_stop", "by_hand", 0.7325, 0, 0),
        ("00:30:00", "discharge_start", "by_hand", 0.7325, 0, 0),
        ("01:15:00", "report", "step_end", round(0.7325 - 3 * fall, 5), 0, 3.75),
        ("01:15:00", "discharge_stop", "by_hand", round(0.7325 - 3 * fall, 5), 0, 0),
        ("01:15:00", "charge_start", "by_hand", round(0.7325 - 3 * fall, 5), 0, 0),
        ("01:30:00", "report", "step_end", round(0.7325 - 3 * fall + 0.875 * 0.9 / 60, 5), 0.875, 0),
        ("01:30:00", "charge_stop", "by_hand", round(0.7325 - 3 * fall + 0.875 * 0.9 / 60, 5), 0, 0),
    ]
    assert out_of(people) < 1e-9


def test_more_power_is_a_change_and_no_new_start(people, user):
    user.start_discharging(2)
    people.wait(hours=1)
    user.start_discharging(4, until_soc=0.4)
    people.wait(hours=1)
    kinds = [e.event for e in user.log]
    assert (kinds.count("discharge_start"), kinds.count("power_change"), kinds.count("discharge_stop")) == (1, 1, 0)
    assert user.log.export_kwh() == pytest.approx(6, abs=1e-6)


def test_the_same_order_again_logs_nothing(people, user):
    user.start_discharging(2)
    people.wait(minutes=30)
    n = len(user.log)
    user.start_discharging(2)
    assert len(user.log) == n


def test_stopping_keeps_the_plug_in_and_the_soc(people, user):
    user.start_discharging()
    people.wait(hours=1)
    soc = user.soc
    user.stop_discharging()
    people.wait(hours=5)
    assert (user.is_plugged_in, user.is_discharging, user.soc) == (True, False, soc)


def test_unplugging_stops_it_first(people, user):
    user.start_discharging()
    people.wait(hours=1)
    user.plug_out()
    assert (user.is_plugged_in, user.is_discharging) == (False, False)
    assert [(e.event, e.reason) for e in user.log][-2:] == [("discharge_stop", "unplugged"), ("plug_out", "by_hand")]


def test_one_session_holds_both_ways(people, user):
    user.start_discharging()
    people.wait(hours=1)
    user.start_charging()
    people.wait(hours=1)
    user.plug_out()
    (session,) = user.log.sessions()
    assert (session.import_kwh, session.export_kwh) == (pytest.approx(7, abs=1e-6), pytest.approx(5, abs=1e-6))
    assert str(session.charge_start) == "2026-01-01T01:00:00"


def test_the_log_says_when_it_started_and_stopped(people, user):
    user.start_discharging()
    people.wait(hours=1)
    user.stop_discharging()
    assert [str(at)[11:] for at in user.log.discharge_starts()] == ["00:00:00"]
    assert [str(at)[11:] for at in user.log.discharge_stops()] == ["01:00:00"]


def test_energy_between_two_instants_is_that_of_its_way(people, user):
    user.start_discharging()
    people.wait(hours=1)
    user.start_charging()
    people.wait(hours=1)
    assert user.log.export_kwh("2026-01-01T00:30", "2026-01-01T01:30") == pytest.approx(2.5, abs=1e-6)
    assert user.log.energy_kwh("2026-01-01T00:30", "2026-01-01T01:30") == pytest.approx(3.5, abs=1e-6)


# ---- levers that cannot move


@pytest.mark.parametrize("kw", [0, -1, math.nan])
def test_giving_back_without_power_is_refused(people, user, kw):
    refused(people, lambda: user.start_discharging(kw), "without power; give it more than 0 kW")


@pytest.mark.parametrize("kw", [5.001, 7, math.inf])
def test_giving_back_more_than_the_car_can_is_refused(people, user, kw):
    refused(people, lambda: user.start_discharging(kw), "less power than that; see discharge_kw")


@pytest.mark.parametrize("until", [1.01, 80, -0.1, math.nan, math.inf])
def test_giving_back_down_to_an_impossible_soc_is_refused(people, user, until):
    refused(people, lambda: user.start_discharging(5, until_soc=until), "until_soc is 0 to 1")


@pytest.mark.parametrize("until", [0.68, 0.9, 1.0])
def test_giving_back_what_is_not_there_is_refused(people, user, until):
    refused(people, lambda: user.start_discharging(5, until_soc=until), "nothing to give")


@pytest.mark.parametrize("soc", [0.3, 0.1])
def test_giving_back_under_the_reserve_is_refused(people, user, soc):
    people.soc[1] = soc
    refused(people, user.start_discharging, "nothing to give")


def test_giving_back_while_unplugged_is_refused(people):
    refused(people, people[0].start_discharging, "user 0 is not plugged in; plug it in before discharging")


def test_a_car_that_cannot_is_refused():
    people = UserArchetype(**row()).spawn(1)
    people[0].plug_in()
    assert people[0].discharge_kw == 0
    refused(people, people[0].start_discharging, "cannot give power back; see v2g_percent")


def test_a_refused_lever_leaves_the_other_way_as_it_was(people, user):
    user.start_charging(7)
    people.wait(minutes=20)
    refused(people, lambda: user.start_discharging(6), "discharge_kw")
    refused(people, user.stop_discharging, "not discharging")
    assert user.power_kw == 7
    user.start_discharging()
    refused(people, lambda: user.start_charging(8), "charger")
    refused(people, user.stop_charging, "not charging")
    assert user.power_kw == -5


def test_a_power_that_is_no_number_is_refused(people, user):
    refused(people, lambda: user.start_discharging("5 kW"), "not a number")


def test_driving_while_giving_back_is_refused(people, user):
    user.start_discharging()
    refused(people, lambda: user.drive(1), "plug it out before driving")


# ---- runs


class Evening(Strategy):
    """Gives back from 18:00 UTC of the first days until 21:00, and charges from then on."""

    name: ClassVar[str] = "evening"

    def orders(self, cars):
        day = 24 * 3600
        at = cars.now // day * day + 6 * 3600  # runs begin at noon
        yield cars.orders(max_kw=-5, until_soc=0, start=np.maximum(at, cars.now), stop=np.maximum(at + 10_800, at + 1))
        yield cars.orders(start=np.maximum(at + 10_800, cars.now))


class Through(Strategy):
    """Gives back as long as the car stays."""

    name: ClassVar[str] = "through"

    def orders(self, cars):
        return cars.orders(max_kw=-0.5, until_soc=0, reason="dear_slot")


def v2g(**changes):
    return row("A", plug_in_time="17:00", **(V2G | changes))


def test_a_fleet_gives_back_in_the_evening_and_charges_after_it():
    results = run(v2g(), own=Evening, users=10, curve=FLAT)
    kw = results.export_kw[:, 0]
    assert kw[12:18] == pytest.approx([50] * 6, abs=1e-9)
    assert not kw[:12].any()
    assert results.n_charging[12, 0] == 0
    assert results.import_kw[18, 0] == pytest.approx(70, abs=1e-9)
    (first, *_) = results.users[0].log.sessions()
    assert first.export_kwh == pytest.approx(15, abs=1e-6)
    assert first.import_kwh * 0.9 == pytest.approx(0.12 * 60 + 15 / OUT, abs=1e-6)


@pytest.mark.parametrize("start", ["2026-01-12T12:00", "2026-03-28T12:00", "2026-10-24T12:00"])
def test_it_goes_on_through_midnight_and_a_clock_change(start):
    results = run(v2g(), own=Through, start=start, days=1, warm_up=1)
    (session,) = results.users[0].log.sessions()
    hours = (session.plug_out - session.plug_in).astype(int) / 3600
    assert session.export_kwh == pytest.approx(hours / 2, abs=1e-6)
    assert [e.event for e in results.users[0].log].count("discharge_start") == 1


def test_what_flows_out_when_the_run_begins_is_stated_again():
    results = run(v2g(), own=Through, start="2026-01-12T22:00", days=1, warm_up=1)
    first = [(e.event, e.reason) for e in results.users[0].log][:3]
    assert first == [("report", "run_start"), ("plug_in", "run_start"), ("discharge_start", "run_start")]
    assert results.export_kw[0, 0] == pytest.approx(0.5, abs=1e-9)


def test_what_flows_out_when_the_run_ends_is_counted_up_to_then():
    results = run(v2g(), own=Through, start="2026-01-12T22:00", days=1, warm_up=1)
    (_, last) = results.users[0].log.sessions()
    assert last.plug_out is None
    assert last.export_kwh == pytest.approx(0.5 * 5, abs=1e-6)
    assert results.users[0].is_discharging
    assert results.certificate.max_residual_kwh < 1e-6


# ---- laws


def whimsical(given_config, seed, asked="at_plug_in", horizon_s=9_000):
    """A world of whims whose cars can give power back."""
    for kind in given_config["archetypes"]:
        kind |= {"v2g_percent": 80, "discharge_kw": [None, 3.0, 30.0][seed % 3], "v2g_reserve_soc_percent": 25}
    given_config["charging"] = {"strategy": "whims"}
    rule = type("TheseWhims", (oracle_whims.Whims,), {"seed": seed, "asked": asked, "horizon_s": horizon_s})
    return Scenario.from_dict(given_config, strategies={"whims": rule})


@given(configs(), st.integers(0, 999), st.sampled_from(["at_plug_in", "every_step"]))
def test_the_laws_hold_however_whimsically_cars_charge_and_give_back(given_config, seed, asked):
    results = simulate(whimsical(given_config, seed, asked))
    people, store, step_h = results.users, results.events, results.clock.step_h
    assert results.certificate.max_residual_kwh < 1e-7
    assert store.import_kwh_by_step() == pytest.approx(results.import_kw * step_h, abs=1e-5)
    assert store.export_kwh_by_step() == pytest.approx(results.export_kw * step_h, abs=1e-5)
    can_give = np.bincount(people.archetype, people.discharge_kw, len(results.archetypes))
    assert (results.export_kw <= can_give + 1e-9).all()
    for column in (results.import_kw, results.export_kw, store.column("import_kwh"), store.column("export_kwh")):
        assert not np.signbit(column).any(), "nothing is ever negative, not even a zero"
    assert not (store.column("import_kwh").astype(bool) & store.column("export_kwh").astype(bool)).any()
    for user in people:
        events = list(user.log)
        reserve = float(people.v2g_reserve_soc[user.user_id])
        for before, event in pairwise(events):
            hours = (event.at - before.at) / np.timedelta64(1, "h")
            assert event.export_kwh <= user.discharge_kw * (hours + 1e-9) + 1e-6
            if event.export_kwh:
                taken = event.export_kwh / people.discharging_efficiency[user.user_id]
                assert (before.soc - event.soc) * user.capacity_kwh == pytest.approx(taken, abs=2e-5)
                assert event.soc >= reserve - 1e-7


@given(configs(), st.integers(0, 999))
def test_the_log_of_a_whimsical_charger_is_in_order(given_config, seed):
    results = simulate(whimsical(given_config, seed))
    for user in results.users:
        events = [e for e in user.log if e.event != "report"]
        follows = {
            "plug_in": {"charge_start", "discharge_start", "plug_out"},
            "charge_start": {"power_change", "charge_stop"},
            "discharge_start": {"power_change", "discharge_stop"},
            "power_change": {"power_change", "charge_stop", "discharge_stop"},
            "charge_stop": {"charge_start", "discharge_start", "plug_out"},
            "discharge_stop": {"charge_start", "discharge_start", "plug_out"},
        }
        flows = None
        for before, after in pairwise(events):
            assert before.at <= after.at
            assert after.event in follows.get(before.event, {"plug_in"})
            kind, _, edge = after.event.rpartition("_")
            if kind in ("charge", "discharge"):
                assert flows == (kind if edge == "stop" else None)
                flows = kind if edge == "start" else None


CROWD = [
    row("A", 50, **V2G),
    row("B", 30, plug_in_frequency_per_day=0.4, battery_kwh=40, target_soc_percent=95, v2g_percent=50),
    row("C", 20, plug_in_time="22:00", plug_out_time="09:00", charger_kw=3.6, v2g_percent=70, discharge_kw=11),
]


def crowd(step=30, users=40):
    told = config(*CROWD, users=users, days=3, step=step, habit=40, day=25, start="2026-03-27T12:00")
    return Scenario.from_dict(told | {"charging": {"strategy": "whims"}}, strategies={"whims": FleetsWhims})


class FleetsWhims(oracle_whims.Whims):
    """The same at the same instant, for whoever it is."""

    seed: ClassVar[int] = 3
    horizon_s: ClassVar[int] = 7_001
    is_personal: ClassVar[bool] = False


@pytest.mark.parametrize("step", STEPS[:-1])
def test_the_length_of_a_step_changes_nothing_that_is_given_back(step):
    fine, hourly = (simulate(crowd(s, users=20)) for s in (step, 60))
    ours, theirs = fine.events.sessions(), hourly.events.sessions()
    for name in ("user", "plug_in", "plug_out", "charge_start", "charge_stop"):
        assert np.array_equal(getattr(ours, name), getattr(theirs, name), equal_nan=name != "user"), name
    for name in ("plug_in_soc", "plug_out_soc", "import_kwh", "export_kwh"):
        assert getattr(ours, name) == pytest.approx(getattr(theirs, name), abs=2e-6, nan_ok=True), name
    for user, other in zip(fine.users, hourly.users, strict=True):
        changes, others = (
            [(e.at, e.event, e.reason) for e in log if e.event != "report"] for log in (user.log, other.log)
        )
        assert changes == others
    means = fine.export_kw.reshape(-1, 60 // step, 3).mean(axis=1)
    assert hourly.export_kw == pytest.approx(means, abs=1e-6)
    assert hourly.export_kwh.sum() > 100


def test_a_user_alone_gives_back_as_in_a_crowd():
    one = row("A", plug_in_frequency_per_day=0.7, v2g_percent=50)
    alone, among = (simulate(scenario(one, users=n, days=3, habit=45, day=30, own=FleetsWhims)) for n in (1, 300))
    assert logs(alone, 1) == logs(among, 1)
    assert among.users.discharge_kw.any()
    assert not among.users.discharge_kw.all()


@pytest.mark.parametrize("size", [7, 16, 50])
def test_the_size_of_a_block_changes_no_byte_of_what_is_given_back(size, monkeypatch, tmp_path):
    whole = simulate(crowd(users=100))
    monkeypatch.setattr(simulator, "_BLOCK_SIZE", size)
    blocks = simulate(crowd(users=100))
    ours, theirs = written(whole, tmp_path / "whole"), written(blocks, tmp_path / "blocks")
    assert {name: ours[name] == theirs[name] for name in ours} == dict.fromkeys(ours, True)
    assert blocks.export_kw == pytest.approx(whole.export_kw, rel=1e-12, abs=1e-12)


@pytest.mark.skipif(not can_fork(), reason="this system does not fork, or has one core")
def test_processes_give_back_what_one_would_have(monkeypatch):
    monkeypatch.setattr(simulator, "_LEAST_TO_SHARE", 10)
    monkeypatch.setattr(simulator, "is_built_in", lambda _: True)
    lived = []
    for forks in (False, True):
        monkeypatch.setattr(simulator, "can_fork", lambda forks=forks: forks)
        lived.append(simulate(crowd(users=90)))
    one, several = lived
    assert_the_same(one, several)
    assert one.export_kw.tobytes() == several.export_kw.tobytes()
    assert one.users.is_discharging.tobytes() == several.users.is_discharging.tobytes()


def test_advancing_step_by_step_gives_back_the_same():
    stepped = Simulator(crowd())
    while not stepped.is_over:
        stepped.advance()
    ours, theirs = stepped.run(), simulate(crowd())
    assert ours.export_kw == pytest.approx(theirs.export_kw, rel=1e-12, abs=1e-12)
    assert logs(ours, 40) == logs(theirs, 40)


@pytest.mark.parametrize("changes", [{"v2g_percent": 0}, {"v2g_percent": 0, "discharge_kw": 9}])
def test_nobody_who_can_give_back_is_as_if_nobody_had_thought_of_it(changes, tmp_path):
    plain = simulate(scenario(row("A"), users=30, habit=45, day=30))
    able = simulate(scenario(row("A", **changes), users=30, habit=45, day=30))
    assert written(plain, tmp_path / "plain") == written(able, tmp_path / "able")


def test_cars_that_can_and_never_do_leave_no_trace(tmp_path):
    plain, able = (
        simulate(scenario(row("A", v2g_percent=p), users=30, habit=45, day=30, driving=True)) for p in (0, 100)
    )
    assert written(plain, tmp_path / "plain") == written(able, tmp_path / "able")


def test_who_can_give_back_is_luck_and_more_of_them_are_the_same_and_more():
    fewer, more = (scenario(row("A", v2g_percent=p), users=2_000, seed=4) for p in (20, 60))
    can, could = (Simulator(made).population.discharge_kw > 0 for made in (fewer, more))
    assert (can.mean(), could.mean()) == (pytest.approx(0.2, abs=0.03), pytest.approx(0.6, abs=0.03))
    assert could[can].all()


def test_a_car_that_cannot_is_paused_by_an_order_to_give_back():
    results = run(v2g(v2g_percent=0), own=Evening, users=2)
    assert not results.export_kw.any()
    assert results.import_kwh.sum() > 0


@settings(max_examples=20)
@given(st.floats(0.5, 1.0), st.floats(0.5, 1.0), st.floats(0.5, 22.0), st.floats(0.31, 0.65))
def test_a_round_trip_loses_exactly_one_less_the_product_of_the_efficiencies(way_in, way_out, kw, down_to):
    people = UserArchetype(**row("A", v2g_percent=100, discharge_kw=22)).spawn(1)
    people.efficiency[:], people.discharging_efficiency[:] = way_in, way_out
    people._soc_per_kwh[:] = way_in / people.capacity_kwh
    user = people[0]
    user.plug_in()
    user.start_discharging(kw, until_soc=down_to)
    people.wait(hours=100)
    user.start_charging(7, until_soc=0.68)
    people.wait(hours=100)
    assert user.soc == 0.68
    assert user.log.export_kwh() == pytest.approx(way_in * way_out * user.log.energy_kwh(), rel=1e-6)


# ---- beside the naive one


@pytest.mark.parametrize("seed", range(30))
def test_any_world_of_whims_agrees_with_the_naive_one(seed):
    made, kind = oracle_whims.world(seed)
    agree(made, kind)


def test_the_worlds_of_whims_give_back_and_turn_round():
    """So that the tests above are of something."""
    turned = exported = 0
    for seed in range(6):
        results = simulate(oracle_whims.world(seed)[0])
        exported += results.export_kwh.sum()
        kind, at, user = (
            results.events.column(name)[results.events.by_user()[0]] for name in ("event", "at_s", "user")
        )
        turns = (kind[:-1] == EventKind.CHARGE_STOP) & (kind[1:] == EventKind.DISCHARGE_START)
        turned += int((turns & (at[1:] == at[:-1]) & (user[1:] == user[:-1])).sum())
    assert exported > 100
    assert turned > 10

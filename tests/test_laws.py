"""The laws of the model, on worlds that hypothesis makes up."""

from __future__ import annotations

import datetime as dt
from itertools import pairwise
from typing import ClassVar

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle_diary import Calendar
from oracle_diary import Diary as OracleDiary
from test_oracle import configs, driving_configs
from worlds import row, run, scenario, scheduled

import evsim._simulator as simulator
from evsim import Scenario, Strategy, simulate
from evsim._event_kinds import EventKind
from evsim._outputs import write_csv, write_events
from evsim._plug_in_rule import Habit

STEPS = [1, 5, 10, 15, 30, 60]
MIXED = [
    row("A", 50),
    row("B", 30, plug_in_frequency_per_day=0.4, battery_kwh=40, target_soc_percent=95, plug_in_soc_percent=20),
    row("C", 20, plug_in_time="22:00", plug_out_time="09:00", charger_kw=3.6, plug_in_soc_percent=50),
]
TIMER = {"strategy": "immediate", "by_archetype": {"C": scheduled("00:40", "04:20")}}


def written(results, folder):
    """The bytes of a run's tables."""
    folder.mkdir(exist_ok=True)
    write_csv(results.timeseries, folder / "timeseries.csv")
    write_csv(results.sessions, folder / "sessions.csv")
    write_events(results, folder / "events.parquet")
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


# ---- conservation, bounds


@given(configs())
def test_energy_is_conserved_for_every_user(config):
    assert simulate(Scenario.from_dict(config)).certificate.max_residual_kwh < 1e-6


@given(configs())
def test_what_the_events_say_was_stored_is_what_they_say_was_imported(config):
    """Recomputed from the log alone: while a car charges, SoC rises by efficiency x energy / capacity."""
    results = simulate(Scenario.from_dict(config))
    for user in results.users:
        events = list(user.log)
        for before, event in pairwise(events):
            rise = 0.0 if event.event == "plug_in" else event.soc - before.soc
            stored = results.users.efficiency[user.user_id] * event.import_kwh
            assert rise * user.capacity_kwh == pytest.approx(stored, abs=2e-5)


@given(configs())
def test_soc_stays_between_empty_and_full(config):
    soc = simulate(Scenario.from_dict(config)).events.column("soc")
    assert 0 <= soc.min() <= soc.max() <= 1


@given(configs())
def test_soc_never_passes_the_target(config):
    results = simulate(Scenario.from_dict(config))
    user, soc = results.events.column("user"), results.events.column("soc").astype(float)
    first = np.array([archetype.plug_in_soc for archetype in results.scenario.archetypes])
    most = np.maximum(results.users.target_soc, first[results.users.archetype])
    assert (soc <= most[user] + 1e-6).all()


@given(configs())
def test_power_is_never_negative_and_never_over_the_chargers_that_draw_it(config):
    results = simulate(Scenario.from_dict(config))
    chargers = np.bincount(results.users.archetype, results.users.charger_kw, minlength=len(results.archetypes))
    assert results.import_kw.min() >= 0
    assert (results.import_kw <= chargers + 1e-9).all()


@given(configs())
def test_no_step_of_a_user_holds_more_energy_than_the_charger_can_give(config):
    results = simulate(Scenario.from_dict(config))
    for user in results.users:
        events = list(user.log)
        for before, event in pairwise(events):
            hours = (event.at - before.at) / np.timedelta64(1, "h")
            assert event.import_kwh <= user.charger_kw * (hours + 1e-9) + 1e-6


@given(configs())
def test_nobody_charges_unplugged_and_nobody_is_counted_twice(config):
    results = simulate(Scenario.from_dict(config))
    assert (results.n_charging <= results.n_plugged_in).all()
    assert (results.n_plugged_in <= results.n_users).all()


@given(configs())
def test_quantiles_are_in_order_and_the_mean_is_among_the_users(config):
    results = simulate(Scenario.from_dict(config))
    p10, p50, p90 = np.moveaxis(results.soc_quantiles, 2, 0)
    assert (p10 <= p50).all()
    assert (p50 <= p90).all()
    assert ((results.mean_soc >= -1e-12) & (results.mean_soc <= 1 + 1e-12)).all()


@given(configs())
def test_the_time_series_holds_the_energy_of_the_events(config):
    results = simulate(Scenario.from_dict(config))
    assert results.events.import_kwh_by_step() == pytest.approx(results.import_kw * results.clock.step_h, abs=1e-5)


# ---- step length


def by_step(step, **changes):
    return run(*MIXED, users=20, days=3, step=step, habit=40, day=25, start="2026-03-27T12:00", **changes)


@pytest.mark.parametrize("charging", [None, TIMER, scheduled("00:40", "04:20")], ids=["immediate", "both", "timer"])
@pytest.mark.parametrize("step", STEPS[:-1])
def test_the_length_of_a_step_changes_no_session(step, charging):
    fine, hourly = (by_step(s, charging=charging).events.sessions() for s in (step, 60))
    for name in ("user", "plug_in", "plug_out", "charge_start", "charge_stop"):
        assert np.array_equal(getattr(fine, name), getattr(hourly, name), equal_nan=name != "user"), name
    for name in ("plug_in_soc", "plug_out_soc", "import_kwh"):
        assert getattr(fine, name) == pytest.approx(getattr(hourly, name), abs=1e-6, nan_ok=True), name


@pytest.mark.parametrize("soc", ["sheet", "carried"])
def test_half_hours_are_the_means_of_their_minutes(soc):
    fine, coarse = (by_step(s, charging=TIMER, soc=soc) for s in (1, 30))
    means = fine.import_kw.reshape(-1, 30, 3).mean(axis=1)
    assert coarse.import_kw == pytest.approx(means, abs=1e-6)
    assert coarse.mean_soc == pytest.approx(fine.mean_soc[29::30], abs=1e-9)
    assert (coarse.n_plugged_in == fine.n_plugged_in[29::30]).all()


# ---- a user and the crowd


def logs(results, n):
    return [list(user.log) for user, _ in zip(results.users, range(n), strict=False)]


@pytest.mark.parametrize("crowd", [5, 1000])
def test_a_user_alone_is_the_same_user_in_a_crowd(crowd):
    settings = {"habit": 45, "day": 30, "days": 3}
    one = row(plug_in_frequency_per_day=0.7)
    assert logs(run(one, users=1, **settings), 1) == logs(run(one, users=crowd, **settings), 1)


@pytest.mark.parametrize("size", [7, 16, 50])
def test_the_size_of_a_block_changes_no_byte(size, monkeypatch, tmp_path):
    world = scenario(*MIXED, users=100, days=3, habit=45, day=30, charging=TIMER)
    whole = written(simulate(world), tmp_path / "whole")
    monkeypatch.setattr(simulator, "_BLOCK_SIZE", size)
    blocks = written(simulate(world), tmp_path / "blocks")
    for name in whole:
        assert blocks[name] == whole[name], name


@pytest.mark.parametrize("size", [7, 16, 50])
def test_the_size_of_a_block_changes_totals_by_no_more_than_the_order_of_a_sum(size, monkeypatch):
    world = scenario(*MIXED, users=100, days=3, habit=45, day=30, charging=TIMER)
    whole = simulate(world)
    monkeypatch.setattr(simulator, "_BLOCK_SIZE", size)
    blocks = simulate(world)
    for name in ("n_plugged_in", "n_charging", "soc_quantiles"):
        assert (getattr(blocks, name) == getattr(whole, name)).all(), name
    for name in ("import_kw", "mean_soc"):
        assert getattr(blocks, name) == pytest.approx(getattr(whole, name), rel=1e-12, abs=1e-12), name


def test_the_order_of_archetypes_changes_nothing_but_whose_luck_is_whose():
    one, other = (run(*rows, users=40, charging=TIMER) for rows in (MIXED, MIXED[::-1]))
    shuffled = [other.archetypes.index(name) for name in one.archetypes]
    assert other.import_kw[:, shuffled][:, [0, 2]] == pytest.approx(one.import_kw[:, [0, 2]], abs=1e-9)
    assert (other.n_plugged_in[:, shuffled][:, [0, 2]] == one.n_plugged_in[:, [0, 2]]).all()


def test_twice_the_people_draw_exactly_twice_the_power_when_all_are_alike():
    rows = [MIXED[0] | {"population_percent": 80}, MIXED[2]]
    one, two = (run(*rows, users=n, charging=TIMER) for n in (50, 100))
    assert two.import_kw == pytest.approx(2 * one.import_kw, rel=1e-12)


def test_twice_the_people_draw_about_twice_the_power_when_they_differ():
    one, two = (run(*MIXED, users=n, days=5, habit=45, day=30, charging=TIMER) for n in (2_000, 4_000))
    assert two.import_kwh.sum() == pytest.approx(2 * one.import_kwh.sum(), rel=0.02)


def test_splitting_a_kind_of_people_in_two_changes_nothing_when_all_are_alike():
    whole = run(row("A"), users=40)
    halves = run(row("A1", 50), row("A2", 50), users=40)
    assert halves.import_kw.sum(axis=1) == pytest.approx(whole.import_kw.sum(axis=1), abs=1e-9)


# ---- matched futures and repetition


def test_another_rule_leaves_everybodys_comings_and_goings_as_they_were():
    a, b = (run(*MIXED, users=50, days=3, habit=45, day=30, charging=c).events.sessions() for c in (None, TIMER))
    assert (a.user == b.user).all()
    assert (a.plug_in == b.plug_in).all()
    assert np.array_equal(a.plug_out, b.plug_out, equal_nan=True)


def test_the_same_seed_gives_the_same_bytes(tmp_path):
    world = scenario(*MIXED, users=50, habit=45, day=30, charging=TIMER)
    assert written(simulate(world), tmp_path / "a") == written(simulate(world), tmp_path / "b")


def test_another_seed_gives_another_run():
    one, other = (run(users=20, habit=45, seed=seed).import_kw for seed in (1, 2))
    assert not np.allclose(one, other)


@pytest.mark.parametrize("size", [7, 100], ids=["in blocks", "in one"])
def test_running_a_simulator_that_is_over_gives_the_same_again(size, monkeypatch):
    monkeypatch.setattr(simulator, "_BLOCK_SIZE", size)
    made = simulator.Simulator(scenario(*MIXED, users=30, habit=45))
    first = made.run()
    n, kwh = len(first.events), first.import_kwh.copy()
    again = made.run()
    assert (len(again.events), again.import_kwh.tolist()) == (n, kwh.tolist())


def test_advancing_step_by_step_is_running():
    world = scenario(*MIXED, users=30, habit=45, day=30, charging=TIMER)
    stepped = simulator.Simulator(world)
    while not stepped.is_over:
        stepped.advance()
    ours, theirs = stepped.run(), simulate(world)
    assert ours.import_kw == pytest.approx(theirs.import_kw, rel=1e-12, abs=1e-12)
    assert logs(ours, 30) == logs(theirs, 30)


def test_progress_is_told_and_ends_at_the_end():
    told = []
    simulate(scenario(days=1, warm_up=1), progress=lambda done, of: told.append((done, of)))
    assert told[-1] == (96, 96)
    assert told == sorted(told)


# ---- warm-up


@pytest.mark.parametrize("warm_up", [3, 7, 30])
@pytest.mark.parametrize("start", ["2026-01-12T12:00", "2026-01-13T01:00", "2026-03-29T05:00"])
def test_a_longer_warm_up_changes_nothing_when_all_days_are_alike(warm_up, start, tmp_path):
    rows = [MIXED[0] | {"population_percent": 80}, MIXED[2]]
    worlds = [scenario(*rows, users=20, start=start, warm_up=n, charging=TIMER) for n in (2, warm_up)]
    short, long = (written(simulate(world), tmp_path / str(i)) for i, world in enumerate(worlds))
    assert short == long


@pytest.mark.parametrize("warm_up", [0, 1, 7])
def test_a_car_that_is_plugged_in_when_the_run_starts_is_so_from_the_first_instant(warm_up):
    results = run(start="2026-01-12T22:00", warm_up=warm_up, users=3)
    assert results.n_plugged_in[0, 0] == 3
    for user in results.users:
        assert user.log.sessions()[0].plug_in == results.times[0]


def test_a_warm_up_is_not_reported():
    results = run(warm_up=7)
    assert results.events.column("at_s").min() == 0
    assert len(results.import_kw) == 96


@settings(max_examples=20)
@given(st.integers(1, 6), st.integers(1, 400))
def test_any_small_population_of_the_sheet_can_be_run(n, seed):
    """Some archetypes then have nobody in them."""
    rows = [row(name, share) for name, share in zip("ABCDEF", (40, 30, 10, 10, 9, 1), strict=True)]
    results = run(*rows, users=n, days=1, seed=seed)
    nobody = results.n_users == 0
    assert not results.import_kw[:, nobody].any()
    assert ((results.soc_quantiles >= 0) & (results.soc_quantiles <= 1) | np.isnan(results.soc_quantiles)).all()


# ---- rules that steer


class Full(Strategy):
    """Charging on arrival, said anew every step."""

    name: ClassVar[str] = "full"
    asked: ClassVar[str] = "every_step"

    def orders(self, cars):
        return cars.orders(reason="arrived")


class Restless(Strategy):
    """Another order every ten minutes, or none, some of them for a part of the step."""

    name: ClassVar[str] = "restless"
    asked: ClassVar[str] = "every_step"

    def orders(self, cars):
        mood = (cars.now // 600 + cars.user_id) % 4
        yield cars.orders(which=mood == 1, max_kw=2.0)
        some = mood == 2
        yield cars.orders(which=some, start=cars.now[some] + 100.25, stop=cars.now[some] + 400.75)
        yield cars.orders(which=mood == 3, until_soc=0.5, stop=cars.now[mood == 3] + 60)


def steered(config, rule):
    return simulate(Scenario.from_dict(config | {"charging": {"strategy": rule.name}}, strategies={rule.name: rule}))


@settings(max_examples=15)
@given(configs())
def test_full_power_said_every_step_is_charging_from_the_step_after_arrival(config):
    ours, theirs = steered(config, Full), simulate(Scenario.from_dict(config | {"charging": {"strategy": "immediate"}}))
    mine, others = ours.events.sessions(), theirs.events.sessions()
    for name in ("plug_in", "plug_out"):
        assert np.array_equal(getattr(mine, name), getattr(others, name), equal_nan=True), name
    begun = ~np.isnat(mine.charge_start)
    since_start = (mine.plug_in[begun] - ours.times[0]).astype(np.int64)
    step_s = ours.clock.step_s
    assert ((mine.charge_start[begun] - ours.times[0]).astype(np.int64) == -(-since_start // step_s) * step_s).all()


def test_a_fleet_limit_holds_in_every_step_whoever_arrives_inside_it():
    class Shared(Strategy):
        name: ClassVar[str] = "shared"
        asked: ClassVar[str] = "every_step"

        def orders(self, cars):
            needy = np.flatnonzero(cars.soc < cars.target_soc)
            share = np.minimum(cars.charger_kw, 50 / max(len(needy), 1))
            return cars.orders(which=needy, max_kw=share)

    results = run(row(plug_in_soc_percent=30), users=100, days=2, habit=45, day=30, own=Shared)
    assert results.import_kw.sum(axis=1).max() <= 50 + 1e-9
    assert results.import_kwh.sum() > 500


@settings(max_examples=15)
@given(configs())
def test_however_restless_a_rule_the_logs_tell_it_in_order_and_lose_no_energy(config):
    results = steered(config, Restless)
    assert results.certificate.max_residual_kwh < 1e-6
    assert results.events.import_kwh_by_step() == pytest.approx(results.import_kw * results.clock.step_h, abs=1e-5)
    for user in results.users:
        events = [e for e in user.log if e.event != "report"]
        assert all(before.at <= after.at for before, after in pairwise(events))
        for before, after in pairwise(events):
            follows = {"plug_in": {"charge_start", "plug_out"}, "charge_stop": {"charge_start", "plug_out"}}
            follows |= {event: {"power_change", "charge_stop"} for event in ("charge_start", "power_change")}
            assert after.event in follows.get(before.event, {"plug_in"})


# ---- cars that are driven

DRIVERS = [
    row("A", 40),
    row("B", 30, plug_in_frequency_per_day=0.4, battery_kwh=40, target_soc_percent=95, miles_per_year=20_000),
    row("C", 20, plug_in_time="00:00", plug_out_time="23:59", charger_kw=3.6),
    row("D", 10, battery_kwh=20, miles_per_year=60_000, plug_in_time="22:00", plug_out_time="09:00"),
]
ON_THE_ROAD = {"driving": True, "habit": 75, "day": 130, "start": "2026-03-27T12:00", "target_soc": "survey"}


def by_trips(results):
    """What was driven and charged in public, told without the reports at step ends."""
    events, order = results.events, np.lexsort((results.events.column("at_s"), results.events.column("user")))
    kinds = [EventKind.PLUG_IN, EventKind.PLUG_OUT, EventKind.TRIP_START, EventKind.TRIP_END, EventKind.PUBLIC_CHARGE]
    order = order[np.isin(events.column("event")[order], kinds)]
    return [events.column(name)[order] for name in ("user", "at_s", "event", "soc")]


@settings(max_examples=20)
@given(driving_configs())
def test_of_drivers_too_energy_is_conserved_and_soc_stays_between_empty_and_full(config):
    """Recomputed from the books and the log: what went in less what was driven is what the battery has more."""
    results = simulate(Scenario.from_dict(config))
    people, soc = results.users, results.events.column("soc")
    assert results.certificate.max_residual_kwh < 1e-6
    assert 0 <= soc.min() <= soc.max() <= 1
    imported = results.events.import_kwh_by_user()
    first = np.array([next(iter(user.log)).soc for user in people])
    stored = (people.soc - first) * people.capacity_kwh
    books = people.efficiency * imported + people.public_kwh - people.driven_kwh
    assert stored == pytest.approx(books, abs=1e-7 * people.capacity_kwh.max() + 1e-5)


@settings(max_examples=20)
@given(driving_configs())
def test_soc_rises_only_while_charging_or_at_a_charge_in_public(config):
    results = simulate(Scenario.from_dict(config))
    for user in results.users:
        charging = False
        for before, event in pairwise(user.log):
            charging = (charging or before.event == "charge_start") and before.event != "charge_stop"
            if event.soc > before.soc + 1e-7:
                assert charging or event.event == "public_charge"


@settings(max_examples=20)
@given(driving_configs())
def test_a_trip_lies_between_a_plug_out_and_the_next_plug_in_and_no_two_overlap(config):
    for user in simulate(Scenario.from_dict(config)).users:
        plugged = driving = False
        for event in user.log:
            if event.event == "plug_in":
                assert not plugged
                assert not driving
                plugged = True
            elif event.event == "plug_out":
                plugged = False
            elif event.event == "trip_start":
                assert not plugged
                assert not driving
                driving = True
            elif event.event in ("trip_end", "public_charge"):
                assert driving
                driving = event.event == "public_charge"


@settings(max_examples=20)
@given(driving_configs())
def test_miles_over_the_time_on_the_road_are_the_average_speed_to_the_rounding_of_a_second(config):
    results = simulate(Scenario.from_dict(config))
    mph, end = (
        results.scenario.behaviour.average_speed_mph,
        results.times[-1] + np.timedelta64(results.clock.step_s, "s"),
    )
    for user, miles in zip(results.users, results.users.driven_miles, strict=True):
        starts = [e.at for e in user.log if e.event == "trip_start"]
        ends = [e.at for e in user.log if e.event == "trip_end"]
        ends += [end] * (len(starts) - len(ends))
        seconds = sum((b - a).astype(float) for a, b in zip(starts, ends, strict=True))
        assert miles == pytest.approx(seconds * mph / 3_600, abs=0.5 * mph / 3_600 * len(starts) + 1e-9)


def test_a_days_miles_are_what_was_drawn():
    """By the naive diary, for twenty whole days."""
    made = scenario(*DRIVERS, users=20, days=20, **(ON_THE_ROAD | {"start": "2026-01-12T04:00", "habit": 0, "day": 0}))
    results, calendar = simulate(made), Calendar(made)
    first = made.simulation.start.date()
    for user, miles in enumerate(results.users.driven_miles):
        archetype = made.archetypes[results.users.archetype[user]]
        if archetype.name in "AB":  # the others may be out at four in the morning
            diary = OracleDiary(made, archetype, user, calendar)
            days = [diary.outing(first + dt.timedelta(days=i)) for i in range(20)]
            assert miles == pytest.approx(sum(2 * day.leg_miles for day in days if day.leg_s), abs=1e-6)


@pytest.mark.parametrize("charging", [None, scheduled("00:40", "04:20")], ids=["immediate", "timer"])
def test_the_length_of_a_step_changes_no_trip_no_session_and_no_charge_in_public(charging):
    def lived(step):
        return run(*DRIVERS, users=30, days=4, step=step, charging=charging, **ON_THE_ROAD)

    hourly = lived(60)
    for step in (1, 10, 30):
        fine = lived(step)
        for ours, theirs in zip(by_trips(fine)[:3], by_trips(hourly)[:3], strict=True):
            assert np.array_equal(ours, theirs)
        assert by_trips(fine)[3] == pytest.approx(by_trips(hourly)[3], abs=1e-6)
        for name in ("charge_start", "charge_stop"):
            ours, theirs = (getattr(results.events.sessions(), name) for results in (fine, hourly))
            assert np.array_equal(ours, theirs, equal_nan=True), name
        for name in ("driven_miles", "driven_kwh", "public_kwh", "soc"):
            assert getattr(fine.users, name) == pytest.approx(getattr(hourly.users, name), abs=1e-7), name
        assert fine.import_kwh == pytest.approx(hourly.import_kwh, abs=1e-6)


@pytest.mark.parametrize("crowd", [5, 1000])
def test_a_driver_alone_is_the_same_driver_in_a_crowd(crowd):
    """Alone among an archetype's people; frequency under 1, so that the habit is solved too."""
    one = row(plug_in_frequency_per_day=0.4, miles_per_year=25_000)
    alone, among = (run(one, users=n, days=5, **ON_THE_ROAD) for n in (1, crowd))
    assert logs(alone, 1) == logs(among, 1)
    assert alone.users.public_kwh[0] == among.users.public_kwh[0]


@pytest.mark.parametrize("size", [7, 16, 50])
def test_the_size_of_a_block_changes_nothing_for_drivers(size, monkeypatch, tmp_path):
    world = scenario(*DRIVERS, users=100, days=3, charging=TIMER, **ON_THE_ROAD)
    whole = simulate(world)
    monkeypatch.setattr(simulator, "_BLOCK_SIZE", size)
    blocks = simulate(world)
    ours, theirs = written(blocks, tmp_path / "blocks"), written(whole, tmp_path / "whole")
    for name in ("sessions.csv", "events.parquet"):
        assert ours[name] == theirs[name], name
    for name in ("n_plugged_in", "n_charging", "n_away", "soc_quantiles"):
        assert (getattr(blocks, name) == getattr(whole, name)).all(), name
    for name in ("import_kw", "mean_soc"):
        assert getattr(blocks, name) == pytest.approx(getattr(whole, name), rel=1e-12, abs=1e-12), name
    for name in ("driven_miles", "driven_kwh", "public_kwh"):
        assert (getattr(blocks.users, name) == getattr(whole.users, name)).all(), name


def test_advancing_step_by_step_is_running_for_drivers_too():
    world = scenario(*DRIVERS, users=30, days=2, charging=TIMER, **ON_THE_ROAD)
    stepped = simulator.Simulator(world)
    while not stepped.is_over:
        stepped.advance()
    ours, theirs = stepped.run(), simulate(world)
    assert logs(ours, 30) == logs(theirs, 30)
    assert (ours.n_away == theirs.n_away).all()


@pytest.mark.parametrize("n_days", [1, 3])
def test_a_longer_run_begins_like_a_shorter_one(n_days):
    short, long = (run(*DRIVERS, users=40, days=n, **ON_THE_ROAD | {"start": "2026-01-12T12:00"}) for n in (n_days, 6))
    end = n_days * 86_400
    for name in ("at_s", "user", "event", "soc"):
        columns = []
        for results in (short, long):
            at, user = (results.events.column(column) for column in ("at_s", "user"))
            order = np.lexsort((at, user))
            columns.append(results.events.column(name)[order[at[order] < end]])
        assert np.array_equal(*columns), name
    n = n_days * 48
    assert short.import_kw == pytest.approx(long.import_kw[:n], rel=1e-12, abs=1e-12)
    assert (short.n_away == long.n_away[:n]).all()


def test_another_rule_leaves_every_trip_and_departure_as_it_was():
    rows = [one | {"plug_in_frequency_per_day": 1} for one in DRIVERS]
    runs = [run(*rows, users=60, days=4, charging=c, **ON_THE_ROAD) for c in (None, scheduled("00:40", "04:20"))]
    for ours, theirs in zip(*(by_trips_alone(results) for results in runs), strict=True):
        assert np.array_equal(ours, theirs)
    assert runs[0].users.driven_miles == pytest.approx(runs[1].users.driven_miles, rel=1e-12)
    assert not np.array_equal(runs[0].import_kw, runs[1].import_kw)


def by_trips_alone(results):
    """When everybody plugs in and out, sets off and arrives."""
    user, at, event, _ = by_trips(results)
    rows = event != EventKind.PUBLIC_CHARGE
    return user[rows], at[rows], event[rows]


# ---- what a warm-up forgets


def beginning_at(soc, monkeypatch, *rows, **settings):
    """A run whose warm-up begins with every battery at `soc`."""

    def put(_, luck, *__):
        return np.full(len(luck), soc)

    with monkeypatch.context() as patch:
        patch.setattr(Habit, "first_soc", put)
        return run(*rows, **(ON_THE_ROAD | settings))


def story_of(results):
    return [[(e.at, e.event, e.reason, e.soc) for e in user.log] for user in results.users]


def test_once_everybody_has_been_charged_it_does_not_matter_how_the_warm_up_began(monkeypatch):
    """People who plug in every night, and whose nights are long enough."""
    rows = [row("A", 60), row("B", 40, target_soc_percent=95, miles_per_year=15_000)]
    low, high = (beginning_at(soc, monkeypatch, *rows, users=40, days=3, warm_up=7) for soc in (0.1, 1.0))
    assert story_of(low) == story_of(high)
    assert low.import_kw == pytest.approx(high.import_kw, rel=1e-12, abs=1e-12)


def test_people_who_seldom_plug_in_forget_too_since_who_has_less_plugs_in_first(monkeypatch):
    """Whoever plugs in on the same evening in both lives has one and the same life from there on."""
    seldom = row(plug_in_frequency_per_day=0.2)
    differ = []
    for warm_up in (1, 14, 60, 120):
        low, high = (
            story_of(beginning_at(soc, monkeypatch, seldom, users=50, days=2, warm_up=warm_up)) for soc in (0.15, 0.8)
        )
        differ.append(sum(ours != theirs for ours, theirs in zip(low, high, strict=True)))
    assert differ[0] > 40
    assert differ == sorted(differ, reverse=True)
    assert differ[-1] == 0


# ---- looking on


def test_a_simulator_shows_people_as_they_are_between_its_steps():
    stepped = simulator.Simulator(scenario(users=3, warm_up=0))
    for _ in range(13):
        stepped.advance()
    user = stepped.population[1]
    assert (user.is_charging, user.power_kw, user.soc) == (True, 7.0, pytest.approx(0.7325))
    assert [e.event for e in user.log] == ["report", "plug_in", "charge_start", "report"]

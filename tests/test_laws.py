"""The laws of the model, on worlds that hypothesis makes up."""

from __future__ import annotations

from itertools import pairwise
from typing import ClassVar

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_oracle import configs
from worlds import row, run, scenario, scheduled

import evsim._simulator as simulator
from evsim import Scenario, Strategy, simulate
from evsim._outputs import write_csv, write_events

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
    assert (ours.import_kw == theirs.import_kw).all()
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


@settings(max_examples=25)
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


@settings(max_examples=25)
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


# ---- looking on


def test_a_simulator_shows_people_as_they_are_between_its_steps():
    stepped = simulator.Simulator(scenario(users=3, warm_up=0))
    for _ in range(13):
        stepped.advance()
    user = stepped.population[1]
    assert (user.is_charging, user.power_kw, user.soc) == (True, 7.0, pytest.approx(0.7325))
    assert [e.event for e in user.log] == ["report", "plug_in", "charge_start", "report"]

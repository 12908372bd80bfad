"""The simulator beside a naive one, on random configs: everything they both say must agree."""

from __future__ import annotations

import math

import numpy as np
import oracle
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from worlds import ALIKE, config, row, scenario, scheduled

from evsim import Scenario, simulate

QUARTERS = [f"{h:02}:{m:02}" for h in range(24) for m in (0, 15, 30, 45)]
STARTS = ["2026-01-12T12:00", "2026-01-12T00:00", "2026-01-12T19:30", "2026-03-28T12:00", "2026-10-24T12:00"]
STARTS += ["2026-12-24T12:00", "2024-02-28T07:30", "2026-04-02T17:00", "2026-12-31T03:00"]
MILEAGES = [0, 3_650, 9_435, 28_000, 80_000]
PLACES = ["Europe/London", "Europe/London", "America/New_York", "Asia/Kathmandu"]

clock_times = st.sampled_from(QUARTERS)
stays = st.one_of(
    st.sampled_from([("18:00", "07:00"), ("00:00", "23:59"), ("09:00", "17:00"), ("22:10", "22:05")]),
    st.tuples(clock_times, clock_times).filter(lambda pair: pair[0] != pair[1]),
)
curves = st.sampled_from(
    [
        [[0, 100], [100, 100]],
        [[0, 100], [80, 100], [100, 30]],
        [[0, 50], [20, 100], [60, 80], [80, 90], [100, 5]],
        [[0, 100], [50, 100], [100, 0]],
    ]
)
rules = st.one_of(
    st.just({"strategy": "immediate"}),
    st.tuples(clock_times, clock_times).filter(lambda pair: pair[0] != pair[1]).map(lambda pair: scheduled(*pair)),
)


@st.composite
def rows(draw, name, percent, mileages):
    plug_in, plug_out = draw(stays)
    return row(
        name,
        percent,
        miles_per_year=draw(st.sampled_from(mileages)),
        battery_kwh=draw(st.sampled_from([20, 60, 72.5, 100])),
        charger_kw=draw(st.sampled_from([2.3, 3.6, 7, 7.4, 22])),
        plug_in_frequency_per_day=draw(st.sampled_from([1, 1, 0.9, 0.5, 0.2])),
        plug_in_time=plug_in,
        plug_out_time=plug_out,
        plug_in_soc_percent=draw(st.sampled_from([0, 18, 37.5, 52, 68, 79])),
        target_soc_percent=draw(st.sampled_from([60, 80, 90, 99])),
        efficiency_miles_per_kwh=draw(st.sampled_from([3.5, 3.5, 2.1])),
    )


@st.composite
def worlds(draw, *, drives, **behaviour):
    """Configs of up to three archetypes and seven users, who live by `behaviour`.

    Nobody asks for 100% of a battery whose curve ends at nothing: whether it is full is then a matter of the last bit.
    """
    shares = draw(st.sampled_from([(100,), (50, 50), (40, 40, 20)]))
    names = "ABC"[: len(shares)]
    charging, curve = draw(rules), draw(curves)
    if len(names) > 1:
        charging = charging | {"by_archetype": {"B": draw(rules)}}
    return config(
        *(draw(rows(name, share, MILEAGES if drives else [9_435])) for name, share in zip(names, shares, strict=True)),
        users=draw(st.integers(len(names) * 2, 7)),
        start=draw(st.sampled_from(STARTS)),
        zone=draw(st.sampled_from(PLACES)),
        days=draw(st.integers(1, 3)),
        step=draw(st.sampled_from([10, 15, 20, 30, 60])),
        seed=draw(st.integers(0, 2**64 - 1)),
        warm_up=draw(st.integers(0, 3)),
        habit=draw(st.sampled_from([0, 0, 25, 75, 180])),
        day=draw(st.sampled_from([0, 0, 25, 130, 180])),
        efficiency=draw(st.sampled_from([1.0, 0.9, 0.85])),
        curve=curve,
        charging=charging,
        holidays=draw(st.sampled_from([None, "none", "GB-ENG", "GB-SCT", "NO"])),
        target_soc="survey" if curve[-1][1] and draw(st.integers(0, 2)) == 0 else "sheet",
        driving=drives,
        **{key: draw(values) for key, values in behaviour.items()},
    )


def configs():
    """Worlds in which nobody drives."""
    return worlds(drives=False, soc=st.sampled_from(["sheet", "sheet", "carried"]))


def driving_configs():
    """Worlds in which cars are driven, some of them far more than a battery holds."""
    return worlds(
        drives=True,
        average_speed_mph=st.sampled_from([18.5, 22, 30, 30, 70]),
        miles_cv_between_users=st.sampled_from([0, 0.3, 0.3, 1.5]),
        miles_cv_between_days=st.sampled_from([0, 0.7, 0.7, 3]),
        p_drive_weekday=st.sampled_from([1, 0.9, 0.5, 0.25]),
        p_drive_weekend=st.sampled_from([1, 0.67, 0.2, 0]),
        weekend_mileage_factor=st.sampled_from([1, 0.9, 0, 2.5]),
        season=st.booleans(),
        public_reserve_percent=st.sampled_from([0, 10, 10, 25, 50]),
        times=st.sampled_from(["spread", "spread", "spread", "exact"]),
    )


def whole(t):
    """The second in which something falls, as it is logged."""
    return round(t) if abs(t - round(t)) < 1e-6 else math.ceil(t)


def at(second):
    return np.datetime64(second, "s")


def expected_sessions(person, start, end):
    """What a user's sessions should be, as (plug_in, plug_out, SoCs, charge_start, charge_stop, kWh in and out)."""
    for stay in person.stays:
        if stay.plug_out < start or stay.plug_in >= end or (stay.plug_out == start == stay.plug_in):
            continue
        first_soc = person.soc(start) if stay.plug_in < start else stay.soc
        charges = [c for c in stay.charges if c.stop > start or (c.stop == start and c.why == "unplugged")]
        charges = [c for c in charges if c.start < end]
        over = stay.plug_out < end
        last = charges[-1] if charges else None
        stopped = last is not None and (last.stop < end or (last.stop == end and last.why != "unplugged"))
        yield (
            at(max(stay.plug_in, start)),
            at(stay.plug_out) if over else None,
            first_soc,
            person.soc(stay.plug_out) if over else None,
            at(max(charges[0].start, start)) if charges else None,
            at(whole(last.stop)) if stopped else None,
            sum(person.kwh_of(c, start, end) for c in charges),
            sum(person.given_kwh_of(give, start, end) for give in stay.gives),
        )


def agree(made: Scenario, kind=oracle.Person):
    """Run both and compare all they say; returns what the real one left."""
    results, people = simulate(made), oracle.live(made, kind)
    start, end = oracle.start_and_end(made)
    for person, user in zip(people, results.users, strict=True):
        agree_about_sessions(person, user, start, end)
        agree_about_trips(person, user, start, end)
        i, (miles, kwh) = user.user_id, person.driven(start, end)
        if made.behaviour.driving:
            bought = sum(kwh for *_, kwh in person.public(start, end))
            assert results.users.driven_miles[i] == pytest.approx(miles, abs=1e-6)
            assert results.users.driven_kwh[i] == pytest.approx(kwh, abs=1e-6)
            assert results.users.public_kwh[i] == pytest.approx(bought, abs=1e-6)
        assert results.users.soc[i] == pytest.approx(person.soc(end), abs=1e-7)
        assert results.users.target_soc[i] == person.target
    step_s = 60 * made.simulation.step_minutes
    group = results.users.archetype.tolist()
    for k in range(results.clock.n_steps):
        t0, t1 = start + k * step_s, start + (k + 1) * step_s
        for g in range(len(results.archetypes)):
            mine = [p for p, of in zip(people, group, strict=True) if of == g]
            socs = sorted(p.soc(t1) for p in mine)
            assert results.import_kw[k, g] == pytest.approx(sum(p.kwh(t0, t1) for p in mine) * 3600 / step_s, abs=1e-6)
            given_kw = sum(p.given_kwh(t0, t1) for p in mine) * 3600 / step_s
            assert results.export_kw[k, g] == pytest.approx(given_kw, abs=1e-6)
            assert results.n_plugged_in[k, g] == sum(p.is_plugged_in(t1) for p in mine)
            assert results.n_charging[k, g] == sum(p.is_charging(t1) for p in mine)
            assert results.n_away[k, g] == sum(p.is_away(t1) for p in mine)
            assert results.mean_soc[k, g] == pytest.approx(sum(socs) / len(socs), abs=1e-6)
            for q, share in enumerate((0.1, 0.5, 0.9)):
                holder = socs[math.ceil(share * len(socs) - 1e-9) - 1]
                assert results.soc_quantiles[k, g, q] == pytest.approx(holder, abs=0.0005 + 1e-9)
    return results


def agree_about_sessions(person, user, start, end):
    ours, theirs = user.log.sessions(), list(expected_sessions(person, start, end))
    assert len(ours) == len(theirs)
    for s, expected in zip(ours, theirs, strict=True):
        assert (s.plug_in, s.plug_out, s.charge_start, s.charge_stop) == tuple(expected[i] for i in (0, 1, 4, 5))
        assert s.plug_in_soc == pytest.approx(expected[2], abs=1e-6)
        assert s.plug_out_soc == (None if expected[3] is None else pytest.approx(expected[3], abs=1e-6))
        assert s.import_kwh == pytest.approx(expected[6], abs=3e-6)
        assert s.export_kwh == pytest.approx(expected[7], abs=3e-6)


def agree_about_trips(person, user, start, end):
    """Trips and charges in public, from the log; those at the borders of the run are compared by SoC and books."""
    if not person.behaviour.driving:
        return
    log = [e for e in user.log if e.reason in ("outward", "homeward") and e.at > at(start)]
    ours = [(e.at, e.reason, e.soc) for e in log]
    assert ours == [(at(t), why, pytest.approx(soc, abs=1e-6)) for t, why, soc in person.departures if start < t < end]
    ours = [(e.at, e.soc) for e in user.log if e.event == "trip_end"]
    assert ours == [(at(t), pytest.approx(soc, abs=1e-6)) for t, soc in person.arrivals if start < t <= end]
    ours = [(e.at, e.soc) for e in user.log if e.event == "public_charge" and e.at > at(start)]
    stops = [
        (at(whole(t)), pytest.approx(soc, abs=1e-6)) for t, soc, _ in person.public(start, end) if whole(t) > start
    ]
    assert ours == stops


@settings(max_examples=40)
@given(configs())
def test_any_world_without_trips_agrees_with_the_naive_one(given_config):
    agree(Scenario.from_dict(given_config))


@settings(max_examples=40)
@given(driving_configs())
def test_any_world_of_drivers_agrees_with_the_naive_one(given_config):
    agree(Scenario.from_dict(given_config))


@pytest.mark.parametrize("start", ["2026-03-28T12:00", "2026-10-24T12:00"])
@pytest.mark.parametrize("window", [("00:30", "04:30"), ("01:15", "01:45"), ("23:40", "01:20")])
def test_a_timer_over_a_clock_change_agrees_with_the_naive_one(start, window):
    agree(scenario(row(plug_in_soc_percent=20), users=2, start=start, charging=scheduled(*window)))


def test_a_curve_that_ends_at_nothing_agrees_with_the_naive_one():
    agree(scenario(row(target_soc_percent=100), curve=[[0, 100], [80, 100], [100, 0]]))


def test_one_minute_steps_agree_with_the_naive_one():
    agree(scenario(row(), days=1, step=1, users=2, habit=30, day=30))


def test_a_timer_opens_for_as_long_as_a_car_stays_though_it_was_expected_to_leave_at_once():
    """Somebody home from a trip at 12:55, five minutes before the usual early afternoon; the stay is 33 hours."""
    car = row(
        battery_kwh=20, charger_kw=2.3, plug_in_frequency_per_day=0.9, plug_in_time="22:10", plug_out_time="22:05"
    )
    settings = {
        "start": "2026-04-02T17:00",
        "zone": "Asia/Kathmandu",
        "step": 15,
        "seed": 1509,
        "warm_up": 1,
        "day": 180,
    }
    life = {"driving": True, "average_speed_mph": 70, "p_drive_weekday": 0.25, "p_drive_weekend": 0.2,
            "miles_cv_between_users": 0.3, "miles_cv_between_days": 0, "target_soc": "survey"}  # fmt: skip
    agree(scenario(car, users=6, charging=scheduled("15:15", "21:00"), **settings, **life))


@pytest.mark.parametrize("warm_up", [0, 1, 9])
@pytest.mark.parametrize("start", ["2026-01-12T07:40", "2026-01-12T12:00", "2026-01-12T17:40"])
def test_a_run_that_begins_in_the_middle_of_trips_agrees_with_the_naive_one(start, warm_up):
    """On the way out, away, and on the way home, with too little in the battery."""
    car = row(miles_per_year=30_000, battery_kwh=30, plug_in_soc_percent=20, plug_in_frequency_per_day=0.5)
    agree(scenario(car, users=12, days=1, start=start, warm_up=warm_up, driving=True, habit=20, day=20))


def test_a_year_end_agrees_with_the_naive_one():
    """Factors are by calendar year: 31 December of 2024 and 1 January of 2025."""
    car = row(plug_in_frequency_per_day=0.6)
    agree(scenario(car, users=4, days=3, start="2024-12-31T00:00", driving=True, habit=75, day=130))


def test_an_exact_world_of_drivers_agrees_with_the_naive_one():
    agree(scenario(row(miles_per_year=20_000, battery_kwh=25), users=2, days=3, **ALIKE))

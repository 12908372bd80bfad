"""The simulator beside a naive one, on random configs: everything they both say must agree."""

from __future__ import annotations

import math

import numpy as np
import oracle
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from worlds import config, row, scenario, scheduled

from evsim import Scenario, simulate

QUARTERS = [f"{h:02}:{m:02}" for h in range(24) for m in (0, 15, 30, 45)]
STARTS = ["2026-01-12T12:00", "2026-01-12T00:00", "2026-01-12T19:30", "2026-03-28T12:00", "2026-10-24T12:00"]
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
def rows(draw, name, percent):
    plug_in, plug_out = draw(stays)
    return row(
        name,
        percent,
        battery_kwh=draw(st.sampled_from([20, 60, 72.5, 100])),
        charger_kw=draw(st.sampled_from([2.3, 3.6, 7, 7.4, 22])),
        plug_in_frequency_per_day=draw(st.sampled_from([1, 1, 0.5, 0.2])),
        plug_in_time=plug_in,
        plug_out_time=plug_out,
        plug_in_soc_percent=draw(st.sampled_from([0, 18, 37.5, 52, 68, 79])),
        target_soc_percent=draw(st.sampled_from([60, 80, 90, 99])),
    )


@st.composite
def configs(draw):
    shares = draw(st.sampled_from([(100,), (50, 50), (40, 40, 20)]))
    names = "ABC"[: len(shares)]
    spread = draw(st.sampled_from([0, 0, 25, 90]))
    charging = draw(rules)
    if len(names) > 1:
        charging = charging | {"by_archetype": {"B": draw(rules)}}
    return config(
        *(draw(rows(name, share)) for name, share in zip(names, shares, strict=True)),
        users=draw(st.integers(len(names) * 2, 7)),
        start=draw(st.sampled_from(STARTS)),
        zone=draw(st.sampled_from(PLACES)),
        days=draw(st.integers(1, 3)),
        step=draw(st.sampled_from([10, 15, 20, 30, 60])),
        seed=draw(st.integers(0, 2**64 - 1)),
        warm_up=draw(st.integers(0, 3)),
        habit=spread,
        day=spread,
        soc=draw(st.sampled_from(["sheet", "sheet", "carried"])),
        efficiency=draw(st.sampled_from([1.0, 0.9, 0.85])),
        curve=draw(curves),
        charging=charging,
    )


def whole(t):
    """The second in which something falls, as it is logged."""
    return round(t) if abs(t - round(t)) < 1e-6 else math.ceil(t)


def at(second):
    return np.datetime64(second, "s")


def expected_sessions(person, start, end):
    """What a user's sessions should be, as (plug_in, plug_out, SoCs, charge_start, charge_stop, kWh)."""
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
        )


def agree(made: Scenario):
    """Run both and compare all they say."""
    results, people = simulate(made), oracle.live(made)
    start, end = oracle.start_and_end(made)
    for person, user in zip(people, results.users, strict=True):
        ours, theirs = user.log.sessions(), list(expected_sessions(person, start, end))
        assert len(ours) == len(theirs)
        for s, expected in zip(ours, theirs, strict=True):
            assert (s.plug_in, s.plug_out, s.charge_start, s.charge_stop) == tuple(expected[i] for i in (0, 1, 4, 5))
            assert s.plug_in_soc == pytest.approx(expected[2], abs=1e-6)
            assert s.plug_out_soc == (None if expected[3] is None else pytest.approx(expected[3], abs=1e-6))
            assert s.import_kwh == pytest.approx(expected[6], abs=3e-6)
    step_s = 60 * made.simulation.step_minutes
    group = results.users.archetype.tolist()
    for k in range(results.clock.n_steps):
        t0, t1 = start + k * step_s, start + (k + 1) * step_s
        for g in range(len(results.archetypes)):
            mine = [p for p, of in zip(people, group, strict=True) if of == g]
            socs = sorted(p.soc(t1) for p in mine)
            assert results.import_kw[k, g] == pytest.approx(sum(p.kwh(t0, t1) for p in mine) * 3600 / step_s, abs=1e-6)
            assert results.n_plugged_in[k, g] == sum(p.is_plugged_in(t1) for p in mine)
            assert results.n_charging[k, g] == sum(p.is_charging(t1) for p in mine)
            assert results.mean_soc[k, g] == pytest.approx(sum(socs) / len(socs), abs=1e-6)
            for q, share in enumerate((0.1, 0.5, 0.9)):
                holder = socs[math.ceil(share * len(socs) - 1e-9) - 1]
                assert results.soc_quantiles[k, g, q] == pytest.approx(holder, abs=0.0005 + 1e-9)


@settings(max_examples=80)
@given(configs())
def test_any_world_agrees_with_the_naive_one(given_config):
    agree(Scenario.from_dict(given_config))


@pytest.mark.parametrize("start", ["2026-03-28T12:00", "2026-10-24T12:00"])
@pytest.mark.parametrize("window", [("00:30", "04:30"), ("01:15", "01:45"), ("23:40", "01:20")])
def test_a_timer_over_a_clock_change_agrees_with_the_naive_one(start, window):
    agree(scenario(row(plug_in_soc_percent=20), users=2, start=start, charging=scheduled(*window)))


def test_a_curve_that_ends_at_nothing_agrees_with_the_naive_one():
    agree(scenario(row(target_soc_percent=100), curve=[[0, 100], [80, 100], [100, 0]]))


def test_one_minute_steps_agree_with_the_naive_one():
    agree(scenario(row(), days=1, step=1, users=2, habit=30, day=30))

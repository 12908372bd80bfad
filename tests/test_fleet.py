"""Rules for a whole fleet: sharing a power, filling a valley, and keeping a limit."""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import LinearConstraint, minimize
from worlds import FLAT, TAPER, config, row, run, story

from evsim import Scenario, Strategy, StrategyError, simulate
from evsim._clock import Clock
from evsim._series import Known
from evsim.strategies import NEVER, FleetStrategy, Immediate, Observation, Scheduled, Sight, ValleyFill
from evsim.strategies._fleet import (
    KEEPS_ITS_TURN_H,
    LEAST_KW,
    Claims,
    granted_in_turn,
    pressure,
    share,
    tallied,
    turns,
)
from evsim.strategies._valley import flattest, flattest_now, takes
from evsim.strategies.fleet_limit import FleetLimit
from evsim.testing import check_strategy

KINDS = ("earliest_deadline", "least_laxity", "equally")
EMPTY = row(plug_in_soc_percent=30)  # needs 33 kWh at the meter, 4 h 46 at 7 kW
HOUR = 3600.0


def claims(wanted, leaves=None, needs=None, *, charging=False, users=None):
    n = len(wanted)
    full = [np.full(n, value) if np.ndim(value) == 0 else np.array(value) for value in (charging,)]
    return Claims(
        np.array(wanted, float),
        np.array(range(1, n + 1) if leaves is None else leaves, float),
        np.zeros(n) if needs is None else np.array(needs, float),
        full[0],
        np.arange(n) if users is None else np.array(users),
    )


# ---- sharing, by hand


def test_the_earliest_deadline_is_served_first_and_the_next_gets_what_is_left():
    assert share("earliest_deadline", claims([7, 7, 7], [3, 1, 2]), 10).tolist() == [0, 7, 3]


def test_what_is_left_goes_to_nobody_when_it_is_less_than_six_ampere():
    assert share("earliest_deadline", claims([7, 7, 7]), 8.3).tolist() == [7, 0, 0]
    assert share("earliest_deadline", claims([7, 7, 7]), 8.5).tolist() == [7, 1.5, 0]


def test_a_wish_below_the_minimum_may_be_granted_in_full():
    assert share("earliest_deadline", claims([7, 1, 7]), 8.3).tolist() == [7, 1, 0]


def test_the_least_laxity_is_served_first_not_the_earliest_deadline():
    late_and_empty = claims([7, 7], leaves=[3, 8], needs=[1, 7])
    assert share("least_laxity", late_and_empty, 7).tolist() == [0, 7]
    assert share("earliest_deadline", late_and_empty, 7).tolist() == [7, 0]


def test_a_car_that_charges_keeps_its_turn_until_another_is_much_more_pressed():
    for ahead_h, served in ((KEEPS_ITS_TURN_H - 0.1, [0, 7]), (KEEPS_ITS_TURN_H + 0.1, [7, 0])):
        two = claims([7, 7], leaves=[10 - ahead_h, 10], charging=[False, True])
        assert share("least_laxity", two, 7).tolist() == served


def test_a_car_that_cannot_wait_takes_the_turn_of_one_that_can():
    two = claims([7, 7], leaves=[3.4, 3.6], needs=[3, 3], charging=[False, True])
    assert share("least_laxity", two, 7, interval_h=0.5).tolist() == [7, 0]


def test_of_two_that_cannot_wait_the_one_that_charges_goes_on():
    two = claims([7, 7], leaves=[2.8, 2.9], needs=[3, 3], charging=[False, True])
    assert share("least_laxity", two, 7).tolist() == [0, 7]


def test_equal_shares_leave_to_others_what_one_does_not_want():
    assert share("equally", claims([2, 7, 7]), 10).tolist() == [2, 4, 4]


def test_when_equal_shares_would_be_too_small_the_earliest_deadlines_have_them():
    granted = share("equally", claims([7] * 10, leaves=range(10, 0, -1)), 5)
    assert np.flatnonzero(granted).tolist() == [7, 8, 9]
    assert granted[7:] == pytest.approx(5 / 3)


def test_a_capacity_that_just_fits_is_used_up():
    """Ten times 7.4 is 74.00000000000001 when it is added up."""
    for kind in KINDS:
        assert share(kind, claims([7.4] * 10), 74.0).tolist() == [7.4] * 10
        assert share(kind, claims([1.4] * 11), 14.0).tolist().count(1.4) == 10


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_shared_of_nothing_and_among_nobody(kind):
    assert share(kind, claims([7, 7]), 0).tolist() == [0, 0]
    assert share(kind, claims([]), 10).tolist() == []
    assert share(kind, claims([0, 7]), 10).tolist() == [0, 7]


# ---- sharing: laws


@st.composite
def crowds(draw):
    n = draw(st.integers(0, 60))
    luck = np.random.default_rng(draw(st.integers(0, 2**32)))
    wanted = luck.choice([0.0, 0.7, 1.4, 2.3, 3.6, 7.0, 7.4, 22.0, 7.36], n)
    wanted = np.where(luck.random(n) < 0.3, luck.random(n) * 11, wanted)
    leaves, needs = luck.choice([luck.normal(8, 6, n), np.full(n, 4.0)]), luck.random(n) * 6
    return Claims(wanted, leaves, needs, luck.random(n) < 0.3, luck.permutation(n))


fractions = st.one_of(st.floats(0, 1.2), st.sampled_from([0.0, 0.5, 1.0]))


@settings(max_examples=300)
@given(st.sampled_from(KINDS), crowds(), fractions)
def test_no_more_is_granted_than_there_is_nor_than_is_wanted(kind, cars, fraction):
    capacity = float(cars.wanted_kw.sum()) * fraction
    granted = share(kind, cars, capacity)
    assert math.fsum(granted) <= capacity
    assert (granted <= cars.wanted_kw).all()
    assert ((granted == 0) | (granted >= np.minimum(LEAST_KW, cars.wanted_kw))).all()


@settings(max_examples=200)
@given(st.sampled_from(KINDS), crowds(), fractions, st.integers(0, 2**32))
def test_it_does_not_matter_how_cars_are_listed(kind, cars, fraction, seed):
    capacity = float(cars.wanted_kw.sum()) * fraction
    order = np.random.default_rng(seed).permutation(len(cars.wanted_kw))
    assert np.array_equal(
        share(kind, Claims(*(column[order] for column in cars)), capacity), share(kind, cars, capacity)[order]
    )


@settings(max_examples=200)
@given(st.sampled_from(KINDS), crowds(), fractions, fractions)
def test_more_capacity_never_lowers_what_is_granted_in_all(kind, cars, one, other):
    less, more = (float(cars.wanted_kw.sum()) * fraction for fraction in sorted((one, other)))
    assert share(kind, cars, less).sum() <= share(kind, cars, more).sum() + 1e-9


@settings(max_examples=200)
@given(st.sampled_from(KINDS), crowds(), fractions)
def test_less_than_the_least_power_goes_unused_while_somebody_waits(kind, cars, fraction):
    capacity = float(cars.wanted_kw.sum()) * fraction
    left = capacity - share(kind, cars, capacity).sum()
    assert left < LEAST_KW + 1e-9 or left == pytest.approx(capacity - cars.wanted_kw.sum())


@settings(max_examples=200)
@given(crowds(), fractions)
def test_equal_shares_are_equal(cars, fraction):
    granted = share("equally", cars, float(cars.wanted_kw.sum()) * fraction)
    assert len(set(granted[(granted > 0) & (granted < cars.wanted_kw)].tolist())) <= 1


@settings(max_examples=200)
@given(crowds(), fractions)
def test_equal_shares_waste_nothing_when_all_can_have_the_least(cars, fraction):
    capacity = float(cars.wanted_kw.sum()) * fraction
    if np.minimum(cars.wanted_kw, LEAST_KW).sum() < capacity:
        granted = math.fsum(share("equally", cars, capacity))
        assert granted == pytest.approx(min(capacity, cars.wanted_kw.sum()), rel=1e-13)


cuts = st.lists(st.integers(0, 60), max_size=5)


@settings(max_examples=300)
@given(st.sampled_from(KINDS[:2]), crowds(), fractions, cuts)
def test_a_power_is_shared_the_same_however_a_fleet_is_cut(kind, cars, fraction, cut):
    capacity = float(cars.wanted_kw.sum()) * fraction
    by_user = np.argsort(cars.user_id)
    parts = [Claims(*(column[rows] for column in cars)) for rows in np.split(by_user, sorted(cut))]
    when = [pressure(kind, part, 0.5) for part in parts]
    verdicts = turns([tallied(w, part.wanted_kw) for w, part in zip(when, parts, strict=True)], capacity)
    granted = [
        granted_in_turn(turn, w, part.wanted_kw, part.user_id, LEAST_KW)
        for turn, w, part in zip(verdicts, when, parts, strict=True)
    ]
    assert np.array_equal(np.concatenate(granted), share(kind, cars, capacity)[by_user])


@given(st.integers(0, 2**32), st.integers(1, 5_000))
def test_tallies_add_up_without_rounding(seed, n):
    luck = np.random.default_rng(seed)
    when, kw = luck.integers(0, 3, n), luck.random(n) * luck.choice([1e-12, 1e-3, 1.0, 22.0], n)
    order = luck.permutation(n)
    one, other = tallied(when, kw), tallied(when[order], kw[order])
    assert all(map(np.array_equal, one, other))
    for w, coarse, rest in zip(*one, strict=True):
        assert 0 <= coarse + rest - math.fsum(kw[when == w]) <= 1e-15 * n


@given(st.sampled_from(KINDS))
def test_a_large_crowd_is_granted_its_capacity_and_not_a_milliwatt_more(kind):
    luck, n = np.random.default_rng(7), 100_000
    wanted = luck.random(n) * 22
    many = Claims(wanted, luck.random(n) * 20, luck.random(n) * 5, luck.random(n) < 0.3, luck.permutation(n))
    granted = share(kind, many, 0.37 * wanted.sum())
    assert -LEAST_KW < math.fsum(granted) - 0.37 * wanted.sum() <= 0


# ---- the valley, by hand


def plan(demand, *cars):
    """The flattest profile for cars of (kWh, kWh a slot, slots)."""
    energy, slot, slots = (np.array(column, float) for column in zip(*cars, strict=True))
    return flattest(np.array(demand, float), takes(energy, slot, slots.astype(np.int64), len(demand)))


def test_two_cars_that_are_here_for_equally_long_draw_a_flat_line():
    assert plan([0] * 4, (7, 3.5, 4), (5, 3.5, 4)) == pytest.approx([3] * 4)


def test_a_valley_is_filled_to_a_level():
    assert plan([4, 1, 1, 4], (4, 3, 4)) == pytest.approx([0, 2, 2, 0])


def test_a_charger_may_be_too_weak_for_a_valley():
    assert plan([4, 1, 1, 4], (4, 1.5, 4)) == pytest.approx([0.5, 1.5, 1.5, 0.5])


def test_who_leaves_first_is_charged_first():
    assert plan([0] * 3, (3, 3, 1), (3, 3, 3)) == pytest.approx([3, 1.5, 1.5])


def test_what_cannot_be_had_in_time_is_drawn_as_fast_as_can_be():
    assert plan([0] * 3, (100, 2, 2)) == pytest.approx([2, 2, 0])


def test_a_car_that_needs_all_its_slots_leaves_the_others_room_around_it():
    assert plan([0, 5, 0], (6, 2, 3), (4, 4, 3)) == pytest.approx([4, 2, 4])


# ---- the valley, against another way to the optimum


def optimum(demand, energy, slot, slots):
    """The same by a general solver, with one variable for each car and slot."""
    n, width = len(energy), len(demand)
    most = slot[:, None] * (np.arange(width) < slots[:, None])
    energy = np.minimum(energy, most.sum(axis=1))
    sums = LinearConstraint(np.kron(np.eye(n), np.ones(width)), energy, energy)

    def squares(x):
        total = demand + x.reshape(n, width).sum(axis=0)
        return total @ total, np.tile(2 * total, n)

    start = most * (energy / np.maximum(most.sum(axis=1), 1e-12))[:, None]
    bounds = [(0, top) for top in most.ravel()]
    found = minimize(
        squares, start.ravel(), jac=True, bounds=bounds, constraints=sums, method="SLSQP",
        options={"ftol": 1e-15, "maxiter": 1000},
    )  # fmt: skip
    return found.x.reshape(n, width).sum(axis=0)


def one_after_the_other(demand, energy, slot, slots):
    """The same by filling each car's water against all others', until nothing moves: block coordinate descent."""
    own = np.zeros((len(energy), len(demand)))
    for _ in range(5_000):
        before = own.copy()
        for i, d in enumerate(slots):
            rest = (demand + own.sum(axis=0) - own[i])[:d]
            bends = np.sort(np.concatenate((rest, rest + slot[i])))
            held = np.clip(bends[:, None] - rest, 0, slot[i]).sum(axis=1)
            own[i, :d] = np.clip(np.interp(energy[i], held, bends) - rest, 0, slot[i])
        if np.abs(own - before).max() < 1e-13:
            break
    return own.sum(axis=0)


@st.composite
def fleets(draw, most_cars=7, most_slots=9):
    n, width = draw(st.integers(1, most_cars)), draw(st.integers(1, most_slots))
    luck = np.random.default_rng(draw(st.integers(0, 2**32)))
    demand = luck.random(width) * draw(st.sampled_from([0, 1, 10]))
    slot, slots = luck.choice([1.0, 0.7, 2.2, 3.5], n), luck.integers(1, width + 1, n)
    energy = luck.choice([luck.random(n) * slot * slots * 1.2, slot * luck.integers(1, 6, n)])
    return demand, energy, slot, slots


@settings(max_examples=40)
@given(fleets(most_cars=4, most_slots=6))
def test_the_plan_is_the_optimum_of_a_general_solver(fleet):
    demand, energy, slot, slots = fleet
    ours, theirs = flattest(demand, takes(energy, slot, slots, len(demand))), optimum(*fleet)
    assert ours.sum() == pytest.approx(theirs.sum())
    assert np.sum((demand + ours) ** 2) == pytest.approx(np.sum((demand + theirs) ** 2), rel=1e-6)
    assert ours == pytest.approx(theirs, abs=1e-3 * max(ours.max(), 1))


@settings(max_examples=150)
@given(fleets())
def test_the_plan_is_where_cars_end_that_fill_valleys_one_after_the_other(fleet):
    demand, energy, slot, slots = fleet
    ours = flattest(demand, takes(energy, slot, slots, len(demand)))
    assert ours == pytest.approx(one_after_the_other(*fleet), rel=1e-6, abs=1e-7)


@settings(max_examples=100)
@given(fleets(most_cars=40, most_slots=60))
def test_the_first_slot_alone_is_that_of_the_whole_plan(fleet):
    demand, energy, slot, slots = fleet
    taken = takes(energy, slot, slots, len(demand))
    assert flattest_now(demand, taken) == flattest(demand, taken)[0]


@settings(max_examples=60)
@given(fleets(most_cars=40, most_slots=60), st.integers(0, 59), st.floats(0, 5))
def test_a_plan_draws_less_where_others_draw_more(fleet, at, more):
    demand, energy, slot, slots = fleet
    taken, raised = takes(energy, slot, slots, len(demand)), demand.copy()
    raised[at % len(demand)] += more
    one, other = flattest(demand, taken), flattest(raised, taken)
    assert other[at % len(demand)] <= one[at % len(demand)] + 1e-9
    assert other.sum() == pytest.approx(one.sum())


# ---- a fleet that is seen


def seen(demand=None, **columns):
    """An observation of cars of 60 kWh and 7 kW that take 90%, at 18:00, until 07:00; SoC 50%, target 80%."""
    n = max(len(np.atleast_1d(column)) for column in columns.values())
    usual = {
        "now": 0.0, "user_id": np.arange(n), "archetype": 0, "soc": 0.5, "target_soc": 0.8, "capacity_kwh": 60.0,
        "charger_kw": 7.0, "efficiency": 0.9, "is_charging": False, "order_kw": 0.0, "plugged_in_at": 0.0,
        "expected_departure": 13 * HOUR,
    }  # fmt: skip
    filled = {name: np.array(np.broadcast_to(value, n)) for name, value in (usual | columns).items()}

    def hours(soc, to, max_kw):
        straight = np.maximum(to - soc, 0) * filled["capacity_kwh"] / filled["efficiency"] / np.maximum(max_kw, 1)
        return np.where(to < 1, straight, np.inf)

    known = None if demand is None else Known(np.arange(len(demand) + 1) * HOUR, np.array(demand, float))
    clock = Clock(1_768_240_800, 1800, 0, 96, "Europe/London")
    return Observation(n, Sight(lambda name: filled[name].copy(), hours, lambda _: known, None), clock, ("A", "B"))


def powers(rule, cars):
    """(n,) the power that each car is ordered now."""
    power = np.zeros(len(cars))
    for orders in rule.orders(cars):
        power[orders.row] = np.minimum(orders.max_kw, cars.charger_kw[orders.row])
    return power


def test_as_many_cars_charge_as_fill_the_valley():
    """26 cars of 20 kWh in 13 h are 40 kW: five cars at full power, and one with the rest."""
    power = powers(ValleyFill(), seen(user_id=np.arange(26)))
    assert sorted(power[power > 0].tolist()) == pytest.approx([5, 7, 7, 7, 7, 7])


def test_a_valley_that_comes_later_is_waited_for():
    assert not powers(ValleyFill(), seen([500] * 4 + [0] * 9, user_id=np.arange(26))).any()


def test_a_valley_that_is_now_is_filled():
    power = powers(ValleyFill(), seen([0] * 3 + [500] * 10, user_id=np.arange(26)))
    assert power.sum() == pytest.approx(26 * 20 / 3)


def test_the_most_pressed_fill_the_valley():
    power = powers(ValleyFill(), seen(expected_departure=(13 - np.arange(12) / 2) * HOUR))
    assert np.flatnonzero(power).tolist() == list(range(12 - np.count_nonzero(power), 12))


def test_only_the_last_one_served_is_turned_down_while_nobody_is_late():
    kw = np.array([3.6, 7.0, 7.4, 11.0] * 10)
    power = powers(ValleyFill(), seen(charger_kw=kw, soc=np.linspace(0.3, 0.7, 40)))
    assert np.count_nonzero((power > 0) & (power < kw)) <= 1


def test_who_would_be_late_otherwise_gets_what_it_must_have():
    """20 kWh are 2 h 51 at 7 kW: of 3 h all but 8.6 minutes are needed, and with 3 h to spare none yet."""
    power = powers(ValleyFill(), seen([500] + [0] * 12, expected_departure=np.array([3, 6]) * HOUR))
    assert power == pytest.approx([7 - 2 * (3 * 7 - 20), 0])


def test_the_last_of_a_battery_that_is_never_quite_full_is_charged_before_its_car_leaves():
    power = powers(ValleyFill(), seen(soc=np.array([0.99]), target_soc=1.0, expected_departure=HOUR))
    assert power.tolist() == [7]


def test_who_should_have_left_already_charges_at_full_power():
    power = powers(ValleyFill(), seen(expected_departure=np.array([-HOUR, 13 * HOUR, 13 * HOUR])))
    assert power[0] == 7


def test_a_full_car_fills_no_valley():
    assert not powers(ValleyFill(), seen(soc=np.array([0.8, 0.9]))).any()
    assert list(ValleyFill().orders(seen(soc=np.array([0.8])))) == []


def test_a_car_that_must_stop_for_a_valley_is_told_why():
    (orders,) = ValleyFill().orders(seen([500] * 4 + [0] * 9, is_charging=np.array([True, False])))
    assert (orders.row.tolist(), orders.max_kw.tolist(), orders.reason) == ([0], [0], "valley")


@given(st.integers(0, 2**32), st.integers(1, 60))
def test_a_valley_is_filled_the_same_however_cars_are_listed(seed, n):
    luck = np.random.default_rng(seed)
    columns = {
        "soc": luck.random(n), "charger_kw": luck.choice([3.6, 7.0, 7.4], n), "user_id": luck.permutation(n),
        "is_charging": luck.random(n) < 0.5, "expected_departure": luck.normal(8, 5, n) * HOUR,
    }  # fmt: skip
    order = luck.permutation(n)
    one = powers(ValleyFill(), seen(**columns))
    other = powers(ValleyFill(), seen(**{name: column[order] for name, column in columns.items()}))
    assert np.array_equal(one[order], other)


@given(st.integers(0, 2**32), st.integers(1, 60), st.booleans(), cuts)
def test_a_valley_is_filled_the_same_however_a_fleet_is_cut(seed, n, has_demand, cut):
    luck, rule = np.random.default_rng(seed), ValleyFill()
    columns = {
        "soc": luck.random(n), "charger_kw": luck.choice([3.6, 7.0, 7.36], n), "user_id": np.arange(n),
        "is_charging": luck.random(n) < 0.5, "expected_departure": luck.normal(8, 5, n) * HOUR,
    }  # fmt: skip
    demand = luck.random(30) * 100 if has_demand else None
    whole = seen(demand, **columns)
    parts = [whole.of(rows) for rows in np.split(np.arange(n), sorted(cut))]
    looks = [rule.look(part) for part in parts]
    verdicts = rule.agree([summary for summary, _ in looks])
    power = [np.zeros(len(part)) for part in parts]
    for part, (_, memory), verdict, kw in zip(parts, looks, verdicts, power, strict=True):
        for orders in rule.orders_of(part, memory, verdict):
            kw[orders.row] = orders.max_kw
    assert np.array_equal(np.concatenate(power), powers(rule, whole))


def test_valley_fill_keeps_the_contract():
    check_strategy(ValleyFill())


# ---- whole runs


def fleet_run(rule, *rows, users=100, curve=FLAT, **settings):
    """Three days of people who come and go when they like."""
    settings = {"days": 3, "habit": 60, "day": 0} | settings
    return run(*(rows or [EMPTY]), users=users, curve=curve, charging={"default": rule}, **settings)


def total_kw(results):
    return results.import_kw.sum(axis=1)


def test_a_filled_valley_has_a_much_lower_peak_on_the_same_luck():
    ours, plain = fleet_run(ValleyFill()), fleet_run(Immediate())
    assert ours.peak.kw < 0.5 * plain.peak.kw
    assert np.sum(total_kw(ours) ** 2) < 0.6 * np.sum(total_kw(plain) ** 2)
    assert ours.import_kwh == pytest.approx(plain.import_kwh, rel=1e-9)


def test_a_filled_valley_is_as_flat_as_can_be_when_all_are_here():
    """Everybody from 18:00 to 07:00: 100 cars of 33.3 kWh in 13 h are 256.4 kW, within the least power of a charger."""
    night = total_kw(fleet_run(ValleyFill(), habit=0))[12:38]
    assert night == pytest.approx(100 * 30 / 0.9 / 13, abs=LEAST_KW)


def test_a_taper_costs_a_filled_valley_next_to_no_energy():
    full = row(plug_in_soc_percent=40, target_soc_percent=100)
    ours, plain = (fleet_run(rule, full, curve=TAPER) for rule in (ValleyFill(), Immediate()))
    assert ours.import_kwh == pytest.approx(plain.import_kwh, rel=0.001)
    assert ours.peak.kw < 0.65 * plain.peak.kw


@pytest.mark.parametrize("rule", [ValleyFill(), FleetLimit(120, "least_laxity", (Immediate(),))], ids=lambda r: r.name)
def test_a_battery_that_is_never_quite_full_is_charged_all_the_same(rule):
    full = row(plug_in_soc_percent=60, target_soc_percent=100)
    results = fleet_run(rule, full, users=20, curve=[[0, 100], [80, 100], [100, 0]])
    assert results.events.sessions().plug_out_soc[:20].min() > 0.97


def test_cars_take_turns_and_do_not_flutter():
    results = fleet_run(ValleyFill())
    starts = [sum(event == "charge_start" for _, event, _ in story(user.log)) for user in results.users]
    assert np.mean(starts) / 3 < 2.5


@pytest.mark.parametrize("share_by", KINDS)
@pytest.mark.parametrize("step", [10, 30])
def test_a_limit_holds_in_every_step_and_is_used(share_by, step):
    rule = FleetLimit(150, share_by, (Immediate(),), decide_every_minutes=30)
    total = total_kw(fleet_run(rule, habit=60, day=45, step=step, curve=TAPER))
    assert total.max() <= 150 * (1 + 1e-12)
    assert total.max() > 148
    assert total.sum() * step / 60 > 5_000


def test_a_limit_holds_from_minute_to_minute():
    rule = FleetLimit(150, "equally", (Scheduled(window=("20:10", "05:50")),))
    total = total_kw(fleet_run(rule, day=45, step=1, days=1))
    assert 148 < total.max() <= 150 * (1 + 1e-12)


def test_a_limit_above_all_chargers_changes_nothing():
    class Full(Strategy):
        name: ClassVar[str] = "full"
        asked: ClassVar[str] = "every_step"

        def orders(self, cars):
            return cars.orders(reason="arrived")

    limited, free = (fleet_run(rule) for rule in (FleetLimit(700, "equally", (Immediate(),)), Full()))
    assert np.array_equal(limited.import_kw, free.import_kw)
    assert limited.events.reasons == free.events.reasons


def test_a_limit_of_nothing_charges_nobody():
    assert fleet_run(FleetLimit(0, rules=(Immediate(),))).import_kwh.sum() == 0


def test_each_archetype_keeps_its_rule_inside_a_limit():
    rows = row("A", 50, plug_in_soc_percent=60), row("B", 50, plug_in_soc_percent=60)
    rule = FleetLimit(100, "least_laxity", (Immediate(), Scheduled(window=("00:30", "04:30"))))
    results = fleet_run(rule, *rows, habit=0, days=1)
    by_hour = results.import_kw.reshape(24, 2, 2).sum(axis=1)
    assert by_hour[6:12, 0].sum() > 0
    assert by_hour[6:12, 1].sum() == 0
    assert by_hour[13:16, 1].sum() > 0
    assert total_kw(results).max() <= 100 * (1 + 1e-12)


def test_a_window_that_opens_inside_an_interval_opens_on_time():
    rule = FleetLimit(70, rules=(Scheduled(window=("00:45", "02:10")),))
    log = fleet_run(rule, users=1, habit=0, days=1).users[0].log
    told = [(at[11:16], event, why) for at, event, why in story(log) if event.startswith("charge")]
    assert told == [("00:45", "charge_start", "window_open"), ("02:10", "charge_stop", "window_closed")]


def test_a_car_that_is_cut_says_so():
    results = fleet_run(FleetLimit(10, rules=(Immediate(),)), users=2, habit=0, days=1)
    begun = {(event, why) for user in results.users for _, event, why in story(user.log)}
    assert {("charge_start", "arrived"), ("charge_start", "fleet_limit")} <= begun


def test_a_rule_for_the_fleet_may_be_inside_a_limit():
    limited, free = (fleet_run(rule) for rule in (FleetLimit(200, rules=(ValleyFill(),)), ValleyFill()))
    assert total_kw(free).max() > 200
    assert total_kw(limited).max() <= 200 * (1 + 1e-12)


@pytest.mark.parametrize("share_by", KINDS)
def test_a_limit_keeps_the_contract(share_by):
    timer = Scheduled(window=("23:10", "05:50"))
    check_strategy(FleetLimit(50, share_by, (Immediate(), timer, ValleyFill())))


def test_orders_beyond_the_next_decision_are_dropped_and_those_that_pass_it_have_no_end():
    class Twice(Strategy):
        name: ClassVar[str] = "twice"

        def orders(self, cars):
            yield cars.orders(stop=cars.now + 600)
            yield cars.orders(start=cars.now + 1200, stop=cars.now + 2400, max_kw=3.0)
            yield cars.orders(start=cars.now + 1800)

    told = [o for o in FleetLimit(5, rules=(Twice(),)).orders(seen(soc=np.array([0.5]))) if len(o.row)]
    assert [(o.start[0], o.stop[0], o.max_kw[0], o.reason) for o in told] == [
        (0, 600, 5.0, "fleet_limit"),
        (1200, NEVER, 3.0, "ordered"),
    ]


def test_who_has_no_need_takes_nothing_of_a_limit():
    power = powers(FleetLimit(7, rules=(Immediate(),)), seen(soc=np.array([0.8, 0.5])))
    assert power.tolist() == [0, 7]


def test_a_car_that_must_stop_for_a_limit_is_told_why():
    two = seen(is_charging=np.array([False, True]), expected_departure=np.array([6 * HOUR, 9 * HOUR]))
    *_, last = FleetLimit(7, rules=(Immediate(),)).orders(two)
    assert (last.row.tolist(), last.max_kw.tolist(), last.reason) == ([1], [0], "fleet_limit")


@given(st.integers(0, 2**32), st.integers(1, 60), st.sampled_from(KINDS), fractions)
def test_a_limit_does_the_same_however_cars_are_listed(seed, n, share_by, fraction):
    luck = np.random.default_rng(seed)
    columns = {
        "soc": luck.random(n), "charger_kw": luck.choice([3.6, 7.0, 7.4], n), "user_id": luck.permutation(n),
        "is_charging": luck.random(n) < 0.5, "expected_departure": luck.normal(8, 5, n) * HOUR,
        "archetype": luck.integers(0, 2, n),
    }  # fmt: skip
    limit_kw = float(columns["charger_kw"].sum() * fraction)
    rule = FleetLimit(limit_kw, share_by, (Immediate(), Scheduled(window=("16:00", "19:00"))))
    order = luck.permutation(n)
    one = powers(rule, seen(**columns))
    assert np.array_equal(one[order], powers(rule, seen(**{name: column[order] for name, column in columns.items()})))
    assert math.fsum(one) <= limit_kw


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: FleetLimit(-1), "limit_kw is -1"),
        (lambda: FleetLimit(math.nan), "limit_kw is nan"),
        (lambda: FleetLimit(1, "fairly"), "share_by is 'fairly'; one of earliest_deadline"),
        (lambda: list(FleetLimit(1).orders(seen(soc=np.array([0.5])))), "0 rules for 2 archetypes"),
    ],
)
def test_a_limit_that_makes_no_sense_is_a_strategy_error(make, said):
    with pytest.raises(StrategyError, match=said):
        make()


def test_a_fault_of_a_rule_inside_names_that_rule():
    class Faulty(FleetStrategy):
        name: ClassVar[str] = "faulty"

        def orders(self, cars):
            return cars.orders(max_kw=-np.inf)

    with pytest.raises(StrategyError, match="faulty"):
        list(FleetLimit(1, rules=(Faulty(),)).orders(seen(soc=np.array([0.5]))))


def test_a_limit_needs_what_its_rules_need():
    class Priced(Strategy):
        name: ClassVar[str] = "priced"
        needs: ClassVar[tuple[str, ...]] = ("import_price",)

    assert FleetLimit(1, rules=(Priced(), Immediate(), Priced())).needs == ("import_price",)


def test_valley_fill_can_be_named_in_a_config():
    made = Scenario.from_dict(config(charging={"strategy": "valley_fill", "decide_every_minutes": 60}))
    assert made.to_dict()["charging"] == {"strategy": "valley_fill", "decide_every_minutes": 60}
    assert simulate(made).import_kwh.sum() > 0

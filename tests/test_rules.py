"""The rules that know how long charging takes and what it costs: by hand, by law, and against linear programmes."""

from __future__ import annotations

import datetime as dt
from typing import ClassVar

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some
from scipy.optimize import linprog
from worlds import TAPER, row, run, story

from evsim import ConfigError, Strategy, StrategyError, bills
from evsim._battery import ChargeCurve, Wiring, charge
from evsim._clock import Clock
from evsim._series import Known
from evsim.strategies import (
    BUILT_IN,
    NEVER,
    AsLateAsPossible,
    Balanced,
    Blended,
    Cheapest,
    Greenest,
    Immediate,
    Observation,
    Scheduled,
    Sight,
    ask,
)
from evsim.testing import check_strategy

HOUR = 3600.0
CLOCK = Clock.of(dt.datetime(2026, 1, 12, 18), 7, 30, "Europe/London")
FLAT = ChargeCurve.from_percent([(0, 100), (100, 100)])
BENT = ChargeCurve.from_percent([(0, 100), (80, 100), (100, 30)])
NEW_RULES = (AsLateAsPossible(), Balanced(), Cheapest(), Greenest(), Blended())
BY_SLOTS = (Cheapest(), Greenest(), Blended())
USUAL = {
    "now": 0.0, "user_id": 0, "archetype": 0, "soc": 0.2, "target_soc": 0.5, "capacity_kwh": 70.0, "charger_kw": 7.0,
    "efficiency": 1.0, "is_charging": False, "plugged_in_at": 0.0, "expected_departure": 10 * HOUR,
}  # fmt: skip
"""A car that rises by 10% an hour and needs three of the ten hours it stays."""


def stairs(*values, hours=1.0, first=0.0):
    """What is known of a signal: values one after the other, `hours` each."""
    return Known(first + np.arange(len(values) + 1) * hours * HOUR, np.array(values, np.float64))


def cars(n=1, *, curve=FLAT, price=None, carbon=None, **columns):
    """Cars as a strategy sees them: the usual one, with changes."""
    all_of = {name: np.broadcast_to(columns.get(name, usual), n).copy() for name, usual in USUAL.items()}
    wiring = Wiring(all_of["charger_kw"], all_of["efficiency"] / all_of["capacity_kwh"])
    signals = {"import_price": price, "carbon_intensity": carbon}

    def hours(soc, to, max_kw):
        return charge(curve, wiring, soc, np.minimum(max_kw, wiring.charger_kw), to, np.full(n, np.inf)).hours

    sight = Sight(lambda name: all_of[name].copy(), hours, signals.get, lambda _: np.full(n, 0.5))
    return Observation(n, sight, CLOCK, ("A",))


def lines(rule, seen):
    """The checked orders as {row: [(start, stop, kW, reason), ...]} [h], in time order."""
    told = {}
    for orders in ask(rule, seen, seen.now):
        assert (orders.until_soc == seen.target_soc[orders.row]).all()
        columns = (orders.row, orders.start / HOUR, orders.stop / HOUR, orders.max_kw)
        for car, *line in zip(*(column.tolist() for column in columns), strict=True):
            told.setdefault(car, []).append((*line, orders.reason))
    return {car: sorted(mine) for car, mine in sorted(told.items())}


def hours(rule, seen, car=0):
    """When a car charges by a rule: [(start, stop), ...] [h]."""
    return [line[:2] for line in lines(rule, seen).get(car, [])]


def crowd(luck, n=40, *, curve=BENT, **signals):
    """Cars of many kinds, with short stays and long ones, full batteries and empty ones."""
    now = np.sort(luck.integers(0, 20 * 3600, n)).astype(np.float64)
    return cars(
        n, curve=curve, now=now, user_id=np.arange(n), soc=luck.random(n), target_soc=np.maximum(luck.random(n), 0.1),
        capacity_kwh=luck.uniform(20, 110, n), charger_kw=luck.choice([2.3, 7.0, 7.4, 22.0], n),
        efficiency=luck.uniform(0.85, 0.95, n), expected_departure=now + luck.integers(-3600, 40 * 3600, n), **signals,
    )  # fmt: skip


def noisy(luck, n=130):
    """Half-hours of prices or the like, some below zero, many of them equal."""
    return stairs(*np.round(luck.normal(0.15, 0.15, n), 2), hours=0.5)


# ---- as late as possible


def test_the_latest_start_leaves_just_the_time_that_the_target_takes():
    assert lines(AsLateAsPossible(), cars()) == {0: [(7.0, NEVER, np.inf, "latest_start")]}


def test_the_latest_start_counts_the_taper():
    seen = cars(curve=BENT, soc=0.5, target_soc=1.0)
    taper_h = 70 / 7 * 0.2 / 0.7 * np.log(1 / 0.3)
    assert hours(AsLateAsPossible(), seen)[0][0] == pytest.approx(10 - 3 - taper_h, abs=1 / HOUR)


def test_who_is_late_already_starts_now():
    assert lines(AsLateAsPossible(), cars(expected_departure=2 * HOUR)) == {0: [(0.0, NEVER, np.inf, "arrived")]}


def test_the_latest_start_is_a_whole_second_so_that_nothing_is_lost_when_it_is_carried_out():
    seen = cars(charger_kw=6.1)
    ((start, _),) = hours(AsLateAsPossible(), seen)
    assert start * HOUR == np.floor(10 * HOUR - 21 / 6.1 * HOUR)


def test_the_latest_start_reaches_the_target_by_the_time_the_car_leaves():
    results = run(row(target_soc_percent=100), own=AsLateAsPossible, days=1)
    session = results.users[0].log.sessions()[0]
    assert session.plug_out_soc == pytest.approx(1.0, abs=1e-7)
    assert story(results.users[0].log)[-2][0][11:16] in {"06:59", "07:00"}


@given(some.integers(0, 10_000))
def test_a_latest_start_is_never_later_than_the_time_needed_before_leaving(seed):
    seen = crowd(np.random.default_rng(seed))
    need = seen.hours_to(seen.target_soc)
    for car, ((start, stop, _, reason),) in lines(AsLateAsPossible(), seen).items():
        spare = seen.expected_departure[car] / HOUR - need[car] - start
        assert stop == NEVER
        assert (0 <= spare < 1 / HOUR) if reason == "latest_start" else spare < 1 / HOUR


# ---- balanced


def test_balanced_power_is_the_energy_over_the_stay():
    seen = cars(target_soc=0.8, efficiency=0.9)
    assert lines(Balanced(), seen) == {0: [(0.0, NEVER, pytest.approx(42 / 0.9 / 10), "arrived")]}


def test_balanced_power_is_not_under_the_least_a_charger_can_give():
    assert lines(Balanced(), cars(target_soc=0.3))[0][0][2] == 1.4
    assert lines(Balanced(minimum_kw=0), cars(target_soc=0.3))[0][0][2] == pytest.approx(0.7)


def test_balanced_power_is_not_over_the_chargers():
    assert lines(Balanced(), cars(expected_departure=HOUR))[0][0][2] == 7.0
    assert lines(Balanced(minimum_kw=3), cars(charger_kw=2.3))[0][0][2] == 2.3


def test_balanced_power_is_full_where_the_driver_should_have_left_already():
    assert lines(Balanced(), cars(now=11 * HOUR))[0][0][2] == 7.0


def test_balanced_power_allows_for_the_taper():
    """At 4 kW power falls below the order at 92.245%; by hand, flat to there and then the closed form."""
    meets = 0.8 + 0.2 * (1 - 4 / 7) / 0.7
    stay = 70 * (meets - 0.5) / 4 + 70 / 7 * 0.2 / 0.7 * np.log(4 / 7 / 0.3)
    seen = cars(curve=BENT, soc=0.5, target_soc=1.0, expected_departure=stay * HOUR)
    assert lines(Balanced(), seen)[0][0][2] == pytest.approx(4, rel=1e-6)


@given(some.integers(0, 10_000), some.lists(some.integers(20, 100), min_size=2, max_size=6))
def test_balanced_charging_ends_when_the_car_is_expected_to_leave(seed, shares):
    curve = ChargeCurve.from_percent(list(zip(np.linspace(0, 100, len(shares)), shares, strict=True)))
    seen = crowd(np.random.default_rng(seed), curve=curve)
    need = seen.hours_to(seen.target_soc)
    stay = (seen.expected_departure - seen.now) / HOUR
    power = np.zeros(len(seen))
    for car, ((_, _, kw, _),) in lines(Balanced(minimum_kw=0), seen).items():
        power[car] = kw
    takes = seen.hours_to(seen.target_soc, power)
    assert takes[power > 0] == pytest.approx(np.maximum(need, stay)[power > 0], abs=1e-5)
    assert (seen.soc[power == 0] >= seen.target_soc[power == 0]).all()


def test_balanced_charging_lasts_all_night_in_a_run():
    results = run(row(plug_in_soc_percent=30, target_soc_percent=95), own=Balanced, days=1, curve=TAPER)
    session = results.users[0].log.sessions()[0]
    assert session.plug_out_soc == pytest.approx(0.95, abs=1e-6)
    drawn = results.import_kw[12:38, 0]
    assert drawn[:20] == pytest.approx(drawn[0])


# ---- cheapest, by hand


def test_the_cheapest_hours_are_filled_and_adjoining_ones_are_one_order():
    price = stairs(0.3, 0.3, 0.1, 0.12, 0.3, 0.05, 0.3, 0.3, 0.3, 0.3)
    assert lines(Cheapest(), cars(price=price)) == {
        0: [(2.0, 4.0, np.inf, "cheap_slot"), (5.0, NEVER, np.inf, "cheap_slot")]
    }


def test_of_equal_prices_the_earliest_is_taken():
    assert hours(Cheapest(), cars(price=stairs(*[0.2] * 10))) == [(0.0, NEVER)]
    twice = stairs(0.3, 0.1, 0.3, 0.1, 0.3, 0.1, 0.3, 0.1, 0.3, 0.3)
    assert hours(Cheapest(), cars(price=twice)) == [(1.0, 2.0), (3.0, 4.0), (5.0, NEVER)]


def test_a_part_joins_the_hour_before_it():
    price = stairs(0.3, 0.1, 0.2, 0.3, 0.3, 0.3, 0.3, 0.3, 0.3, 0.3)
    assert hours(Cheapest(), cars(price=price, soc=0.35)) == [(1.0, NEVER)]


def test_a_part_joins_the_hour_after_it_where_nothing_is_before_it():
    price = stairs(0.3, 0.2, 0.1, 0.3, 0.3, 0.3, 0.3, 0.3, 0.3, 0.3)
    assert hours(Cheapest(), cars(price=price, soc=0.35)) == [(pytest.approx(1.5), NEVER)]


def test_a_part_between_two_hours_joins_the_first():
    price = stairs(0.3, 0.1, 0.2, 0.1, 0.3, 0.3, 0.3, 0.3, 0.3, 0.3)
    assert hours(Cheapest(), cars(price=price, soc=0.25)) == [(1.0, pytest.approx(2.5)), (3.0, NEVER)]


def test_an_hour_used_whole_joins_both_its_neighbours():
    price = stairs(0.3, 0.1, 0.2, 0.1, 0.3, 0.3, 0.3, 0.3, 0.3, 0.3)
    assert hours(Cheapest(), cars(price=price)) == [(1.0, NEVER)]


def test_a_part_alone_begins_with_its_hour():
    price = stairs(0.3, 0.1, 0.3, 0.3, 0.2, 0.3, 0.3, 0.3, 0.3, 0.3)
    assert hours(Cheapest(), cars(price=price, soc=0.35)) == [(1.0, 2.0), (4.0, NEVER)]
    early = stairs(0.3, 0.2, 0.3, 0.3, 0.1, 0.3, 0.3, 0.3, 0.3, 0.3)
    assert hours(Cheapest(), cars(price=early, soc=0.35)) == [(1.0, pytest.approx(1.5)), (4.0, NEVER)]


def test_on_a_two_rate_tariff_what_the_cheap_hours_do_not_hold_comes_just_before_them():
    price = stairs(0.3, 0.3, 0.3, 0.3, 0.3, 0.3, 0.1, 0.1, 0.3, 0.3)
    assert hours(Cheapest(), cars(price=price)) == [(5.0, NEVER)]


def test_a_stay_begins_and_ends_inside_a_price():
    price = stairs(0.1, 0.3, 0.3, 0.3, 0.1)
    seen = cars(price=price, now=0.25 * HOUR, expected_departure=4.5 * HOUR, soc=0.4)
    assert hours(Cheapest(), seen) == [(0.25, 1.0), (4.0, NEVER)]


def test_prices_below_zero_are_ordinary():
    price = stairs(0.1, -0.2, 0.1, 0.0, -0.1, 0.3, 0.3, 0.3, 0.3, 0.3)
    assert hours(Cheapest(), cars(price=price)) == [(1.0, 2.0), (3.0, NEVER)]


def test_the_last_price_holds_beyond_what_is_known():
    assert hours(Cheapest(), cars(price=stairs(0.3, 0.2, 0.1))) == [(2.0, NEVER)]


def test_estimates_are_used_as_they_are():
    price = stairs(0.3, 0.3, 0.1, 0.2, 0.3, 0.15, 0.3, 0.3, 0.3, 0.3)
    guess = Known(price.edges, price.values, published_until=HOUR)
    assert hours(Cheapest(), cars(price=guess)) == hours(Cheapest(), cars(price=price))


@pytest.mark.parametrize("departure", [-5 * HOUR, 0.0, HOUR, 3 * HOUR])
@pytest.mark.parametrize("rule", BY_SLOTS)
def test_a_stay_too_short_or_over_is_charged_at_once_until_the_target(rule, departure):
    price = stairs(0.5, 0.1, 0.5, 0.1)
    seen = cars(price=price, carbon=price, expected_departure=departure)
    assert lines(rule, seen) == {0: [(0.0, NEVER, np.inf, "short_stay")]}


@pytest.mark.parametrize("rule", NEW_RULES)
@pytest.mark.parametrize("soc", [0.5, 0.9])
def test_a_car_at_its_target_gets_no_orders(rule, soc):
    price = stairs(0.3, 0.1)
    for departure in (10 * HOUR, 0.0, -HOUR):
        assert lines(rule, cars(price=price, carbon=price, soc=soc, expected_departure=departure)) == {}


def test_the_taper_counts_in_the_hours_that_are_bought():
    """From 80% to 100% takes 3.44 h where a flat curve takes 2."""
    price = stairs(*np.linspace(0.4, 0.1, 10))
    seen = cars(price=price, curve=BENT, soc=0.8, target_soc=1.0)
    assert hours(Cheapest(), seen)[0][0] == pytest.approx(10 - 10 * 0.2 / 0.7 * np.log(1 / 0.3))


def test_without_prices_all_hours_are_alike():
    assert hours(Cheapest(), cars()) == [(0.0, NEVER)]


# ---- greenest and blended, by hand


def test_the_greenest_hours_are_those_of_least_carbon():
    carbon = stairs(200, 150, 90, 80, 95, 150, 200, 200, 200, 200)
    assert lines(Greenest(), cars(carbon=carbon)) == {0: [(2.0, NEVER, np.inf, "green_slot")]}


def test_the_price_of_carbon_decides_between_money_and_carbon():
    """1 p/kWh is 100 g/kWh at GBP 100 a tonne: the second hour is 2 p dearer and 150 g cleaner than the first."""
    price, carbon = stairs(0.20, 0.22, 0.30), stairs(250, 100, 250)
    seen = cars(price=price, carbon=carbon, soc=0.4, expected_departure=3 * HOUR)
    assert [hours(Blended(carbon_price_gbp_per_tonne=p), seen) for p in (0, 130, 140)] == [
        [(0.0, NEVER)],
        [(0.0, NEVER)],
        [(1.0, NEVER)],
    ]
    assert lines(Blended(), seen)[0][0][3] == "best_slot"


def test_prices_and_carbon_may_change_at_different_times():
    price, carbon = stairs(0.2, 0.1, hours=2), stairs(400, 100, 400, hours=1.5)
    seen = cars(price=price, carbon=carbon, soc=0.4, expected_departure=4 * HOUR)
    assert hours(Blended(carbon_price_gbp_per_tonne=100), seen) == [(2.0, NEVER)]


@given(some.integers(0, 10_000))
def test_blended_without_a_price_on_carbon_is_cheapest_and_with_a_huge_one_greenest(seed):
    luck = np.random.default_rng(seed)
    signals = {"price": noisy(luck), "carbon": noisy(luck)}
    seen = crowd(luck, **signals)
    plain = {car: [line[:2] for line in mine] for car, mine in lines(Cheapest(), seen).items()}
    free = {
        car: [line[:2] for line in mine] for car, mine in lines(Blended(carbon_price_gbp_per_tonne=0), seen).items()
    }
    assert free == plain
    only_carbon = cars(carbon=signals["carbon"])
    assert hours(Blended(), only_carbon) == hours(Greenest(), only_carbon)


# ---- laws of all three


def stretches(rule, seen):
    """Row, start and stop [s] of every order, the last of a car ended when its need is filled."""
    need = seen.hours_to(seen.target_soc)
    told = {}
    for car, mine in lines(rule, seen).items():
        left = need[car]
        told[car] = []
        for start, stop, *_ in mine:
            end = min(stop, start + left)
            told[car].append((start * HOUR, end * HOUR))
            left -= end - start
    return told


@given(some.integers(0, 10_000))
def test_the_hours_ordered_are_the_hours_needed_before_the_car_leaves(seed):
    luck = np.random.default_rng(seed)
    seen = crowd(luck, price=noisy(luck))
    need, stay = seen.hours_to(seen.target_soc) * HOUR, seen.expected_departure - seen.now
    told = stretches(Cheapest(), seen)
    assert set(told) == set(np.flatnonzero(seen.soc < seen.target_soc).tolist())
    for car, mine in told.items():
        times = np.array(mine)
        assert (times[1:, 0] > times[:-1, 1]).all()
        assert np.diff(times).sum() == pytest.approx(need[car], abs=1e-3)
        assert (
            times[-1, 1] <= max(seen.expected_departure[car], seen.now[car] + need[car]) + 1e-3
            or need[car] >= stay[car]
        )


def naive_plan(price, since, until, need):
    """What one car should do, slot by slot, as naively as can be: [(start, stop), ...] [s]."""
    joined = []
    for opens, closes, value in zip(price.edges[:-1], price.edges[1:], price.values, strict=True):
        begin, end = max(opens, since), min(closes, until)
        if begin >= end:
            continue
        if joined and joined[-1][2] == value:
            joined[-1][1] = end
        else:
            joined.append([begin, end, value])
    chosen = {}
    for i in sorted(range(len(joined)), key=lambda i: (joined[i][2], i)):
        if need > 1e-6:
            chosen[i] = min(need, joined[i][1] - joined[i][0])
            need -= chosen[i]
    plan = []
    for i in sorted(chosen):
        begin, end, _ = joined[i]
        if i + 1 in chosen and i - 1 not in chosen:
            begin = end - chosen[i]
        end = begin + chosen[i]
        if plan and abs(plan[-1][1] - begin) < 1e-6:
            begin, _ = plan.pop()
        plan.append((begin, end))
    return plan


@given(some.integers(0, 10_000))
def test_the_plan_is_that_of_one_who_thinks_of_one_car_and_one_slot_at_a_time(seed):
    luck = np.random.default_rng(seed)
    price = stairs(*luck.choice([-0.1, 0.0, 0.1, 0.2], 90), hours=luck.choice([0.25, 0.5, 1.0]))
    seen = crowd(luck, curve=luck.choice([FLAT, BENT]), price=price)
    need = seen.hours_to(seen.target_soc) * HOUR
    endless = Known(np.append(price.edges[:-1], 1e7), price.values)
    for car, mine in lines(Cheapest(), seen).items():
        if mine[0][3] == "short_stay":
            continue
        naive = np.array(naive_plan(endless, seen.now[car], seen.expected_departure[car], need[car])) / HOUR
        told = np.array([line[:2] for line in mine])
        assert told[-1, 1] == NEVER
        assert told[:, 0] == pytest.approx(naive[:, 0], abs=1e-8)
        assert told[:-1, 1] == pytest.approx(naive[:-1, 1], abs=1e-8)


@given(some.integers(0, 10_000))
def test_how_a_series_is_cut_changes_nothing(seed):
    luck = np.random.default_rng(seed)
    price = noisy(luck)
    cuts = np.unique(np.concatenate((price.edges, luck.integers(0, int(price.edges[-1]), 40))))
    finer = Known(cuts, price.at(cuts[:-1]))
    state = luck.bit_generator.state
    plain = lines(Cheapest(), crowd(luck, price=price))
    luck.bit_generator.state = state
    assert lines(Cheapest(), crowd(luck, price=finer)) == plain


@given(some.integers(0, 10_000), some.floats(-1, 1))
def test_a_standing_surcharge_on_every_hour_changes_nothing(seed, more):
    luck = np.random.default_rng(seed)
    price = stairs(*luck.permutation(130) / 100, hours=0.5)
    dearer = Known(price.edges, price.values + more)
    state = luck.bit_generator.state
    plain = lines(Cheapest(), crowd(luck, price=price))
    luck.bit_generator.state = state
    assert lines(Cheapest(), crowd(luck, price=dearer)) == plain


@pytest.mark.parametrize("rule", NEW_RULES, ids=lambda rule: rule.name)
@given(seed=some.integers(0, 10_000))
def test_a_car_alone_gets_what_it_gets_in_a_crowd(rule, seed):
    luck = np.random.default_rng(seed)
    seen = crowd(luck, price=noisy(luck), carbon=noisy(luck))
    together = lines(rule, seen)
    for car in luck.choice(40, 4, replace=False).tolist():
        alone = lines(rule, seen.of(np.array([car]))).get(0, [])
        assert len(alone) == len(together.get(car, []))
        for one, other in zip(alone, together.get(car, []), strict=True):
            assert one[:3] == pytest.approx(other[:3], rel=1e-9)


@pytest.mark.parametrize("rule", BY_SLOTS, ids=lambda rule: rule.name)
def test_many_cars_get_what_a_few_get(rule):
    """More than are planned at a time."""
    luck = np.random.default_rng(5)
    signals = {"price": noisy(luck), "carbon": noisy(luck)}
    many = crowd(luck, n=20_000, **signals)
    together = lines(rule, many)
    some_of = np.array([0, 8_191, 8_192, 10_000, 19_999])
    few = lines(rule, many.of(some_of))
    assert [few.get(i, []) for i in range(5)] == [together.get(car, []) for car in some_of.tolist()]


# ---- the contract


@pytest.mark.parametrize("rule", BUILT_IN.values(), ids=BUILT_IN)
def test_every_built_in_rule_keeps_the_contract(rule):
    check_strategy(rule())


class Unprepared(Strategy):
    """Chooses by a price without a word of needing it."""

    name: ClassVar[str] = "unprepared"

    def orders(self, cars):
        return cars.orders(start=cars.now + (cars.import_price.at(cars.now) > 0) * HOUR)


class Prepared(Unprepared):
    """The same with that word."""

    needs: ClassVar[tuple[str, ...]] = ("import_price",)


class OfDemand(Strategy):
    """A rule that needs the one signal that strategies and configs call by different names."""

    name: ClassVar[str] = "of_demand"
    needs: ClassVar[tuple[str, ...]] = ("demand_kw",)

    def orders(self, cars):
        return cars.orders(start=cars.now + (cars.demand_kw.at(cars.now) > 20) * HOUR)


def test_a_rule_has_to_say_which_signals_it_cannot_do_without():
    check_strategy(Prepared())
    with pytest.raises(StrategyError, match="'NoneType' object has no attribute 'at'"):
        check_strategy(Unprepared())


def test_a_rule_that_needs_demand_is_content_with_that_of_the_config():
    check_strategy(OfDemand())
    with pytest.raises(ConfigError, match='chooses by demand, and there is none; add "demand"'):
        run(own=OfDemand)


@pytest.mark.parametrize("rule", BUILT_IN.values(), ids=BUILT_IN)
def test_every_built_in_rule_says_what_it_needs_and_when_it_is_asked(rule):
    assert rule.asked in {"at_plug_in", "at_news", "every_step"}
    assert set(rule.needs) <= set(Observation.SIGNALS)
    assert rule.name in BUILT_IN


def test_a_timer_is_set_to_the_sheets_hours_by_default():
    assert Scheduled().window == (dt.time(0, 30), dt.time(4, 30))


# ---- in a run


def wave():
    """A price of each half-hour [p/kWh]: dear at 18:00, cheap at 06:00, and every second one 6 p dearer."""
    begins = [f"{half // 2:02d}:{half % 2 * 30:02d}" for half in range(48)]
    values = 20 + 10 * np.cos((np.arange(48) - 36) / 24 * np.pi) + 3 * (-1.0) ** np.arange(48)
    return {"import_price": list(zip(begins, [*begins[1:], "00:00"], values.tolist(), strict=True))}


def test_a_plan_is_carried_out_to_the_second_and_reaches_its_target():
    car = row(plug_in_soc_percent=43.21, charger_kw=6.9)
    log = run(car, own=Cheapest, days=1, signals=wave()).users[0].log
    told = [(at[11:], event, why) for at, event, why in story(log) if event.startswith("charge")]
    assert log.sessions()[0].plug_out_soc == pytest.approx(0.8, abs=1e-7)
    assert [event for _, event, _ in told] == ["charge_start", "charge_stop"] * (len(told) // 2)
    assert {why for _, event, why in told if event == "charge_start"} == {"cheap_slot"}
    assert [why for _, event, why in told if event == "charge_stop"] == ["slot_over"] * (len(told) // 2 - 1) + [
        "target_reached"
    ]


def test_cheapest_costs_less_than_a_timer_which_costs_less_than_at_once_in_a_run():
    cost = []
    for rule in (Cheapest, Scheduled, Immediate):
        results = run(row(plug_in_soc_percent=40), own=rule, signals=wave())
        cost.append(bills(results).total.import_cost_gbp)
    assert cost == sorted(set(cost))


# ---- against linear programmes


def naive_cost(seen, rule, value):
    """What each car's energy is worth up to its expected departure, by the orders alone, slot by slot."""
    totals = []
    planned = lines(rule, seen)
    for car in range(len(seen)):
        left_kwh = max(
            float((seen.target_soc[car] - seen.soc[car]) * seen.capacity_kwh[car] / seen.efficiency[car]), 0.0
        )
        total, leaves = 0.0, float(seen.expected_departure[car])
        for start_h, stop_h, max_kw, _ in planned.get(car, []):
            kw = min(max_kw, float(seen.charger_kw[car]))
            at, stop = start_h * HOUR, min(stop_h * HOUR, leaves)
            while at < stop and left_kwh > 0:
                slot = min(max(int(np.searchsorted(value.edges, at, side="right")) - 1, 0), len(value) - 1)
                end = min(stop, float(value.edges[slot + 1])) if slot + 1 < len(value) else stop
                kwh = min(kw * (end - at) / HOUR, left_kwh)
                total += kwh * float(value.values[slot])
                left_kwh -= kwh
                at = end
        totals.append(total)
    return totals


def best_cost(seen, value):
    """The least that the fleet's energy can be worth: a linear programme over energy by car and slot."""
    worth, most, car_of = [], [], []
    energy = np.maximum((seen.target_soc - seen.soc) * seen.capacity_kwh / seen.efficiency, 0.0)
    for car in range(len(seen)):
        begins, ends = seen.now[car], max(seen.expected_departure[car], seen.now[car])
        there_h = np.maximum(np.minimum(value.edges[1:], ends) - np.maximum(value.edges[:-1], begins), 0.0) / HOUR
        worth += value.values.tolist()
        most += (there_h * seen.charger_kw[car]).tolist()
        car_of += [car] * len(value)
    most, car_of = np.array(most), np.array(car_of)
    there = np.bincount(car_of, most, len(seen))
    belongs = (car_of[None, :] == np.arange(len(seen))[:, None]).astype(float)
    bounds = list(zip(np.zeros(len(most)), most, strict=True))
    solved = linprog(worth, A_eq=belongs, b_eq=np.minimum(energy, there), bounds=bounds, method="highs")
    assert solved.success
    return solved.fun


@given(some.integers(0, 10_000))
def test_cheapest_costs_what_the_linear_programme_says_is_least(seed):
    luck = np.random.default_rng(seed)
    price = noisy(luck)
    seen = crowd(luck, n=8, curve=FLAT, price=price)
    assert sum(naive_cost(seen, Cheapest(), price)) == pytest.approx(best_cost(seen, price), abs=1e-6)


@given(some.integers(0, 10_000))
def test_greenest_emits_what_the_linear_programme_says_is_least(seed):
    luck = np.random.default_rng(seed)
    carbon = stairs(*luck.integers(20, 300, 70), hours=1)
    seen = crowd(luck, n=8, curve=FLAT, carbon=carbon)
    emitted = sum(naive_cost(seen, Greenest(), carbon))
    assert emitted == pytest.approx(best_cost(seen, carbon), rel=1e-9, abs=1e-3)  # [g]


@given(some.integers(0, 10_000), some.floats(0, 1000))
def test_blended_costs_what_the_linear_programme_says_is_least(seed, per_tonne):
    luck = np.random.default_rng(seed)
    price, carbon = noisy(luck), stairs(*luck.integers(20, 300, 90), hours=0.75)
    edges = np.unique(np.concatenate((price.edges, carbon.edges)))
    both = Known(edges, price.at(edges[:-1]) + per_tonne / 1e6 * carbon.at(edges[:-1]))
    seen = crowd(luck, n=8, curve=FLAT, price=price, carbon=carbon)
    paid = sum(naive_cost(seen, Blended(carbon_price_gbp_per_tonne=per_tonne), both))
    assert paid == pytest.approx(best_cost(seen, both), abs=1e-6)

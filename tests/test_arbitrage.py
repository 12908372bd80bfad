"""Cars that sell what they hold when it is dear: by hand, by law, against linear programmes, and end to end."""

from __future__ import annotations

import datetime as dt
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some
from scipy.optimize import linprog
from test_honesty import DAYS, START, events_before, prices
from worlds import FLAT, config, row

from evsim import Scenario, bills, simulate
from evsim._battery import ChargeCurve, Wiring, charge
from evsim._clock import Clock
from evsim._series import Known
from evsim.strategies import NEVER, Cheapest, Observation, Sight, ask
from evsim.strategies._trades import Prices, Traders, best_trades

HOUR = 3600.0
CLOCK = Clock.of(dt.datetime(2026, 1, 12, 18), 7, 30, "Europe/London")
EVEN = ChargeCurve.from_percent([(0, 100), (100, 100)])
BENT = ChargeCurve.from_percent([(0, 100), (80, 100), (100, 30)])
USUAL = {
    "now": 0.0, "user_id": 0, "archetype": 0, "soc": 0.5, "target_soc": 0.5, "capacity_kwh": 60.0, "charger_kw": 7.5,
    "efficiency": 0.8, "is_charging": False, "is_discharging": False, "order_kw": 0.0, "plugged_in_at": 0.0,
    "expected_departure": 3 * HOUR, "discharge_kw": 4.5, "discharging_efficiency": 0.75, "v2g_reserve_soc": 0.2,
    "wear_gbp_per_kwh": 0.05,
}  # fmt: skip
"""A car that rises by 10% in an hour of charging and falls by 10% in an hour of selling; it has what it needs."""


def stairs(*values, hours=1.0):
    return Known(np.arange(len(values) + 1) * hours * HOUR, np.array(values, np.float64))


def cars(n=1, *, curve=EVEN, buy=None, sell=None, **columns):
    """Cars as a rule sees them: the usual one, with changes."""
    usual = USUAL | {"flat_to_soc": curve.is_flat_to}
    all_of = {name: np.broadcast_to(columns.get(name, value), n).copy() for name, value in usual.items()}
    wiring = Wiring(all_of["charger_kw"], all_of["efficiency"] / all_of["capacity_kwh"])

    def hours(soc, to, max_kw):
        return charge(curve, wiring, soc, np.minimum(max_kw, wiring.charger_kw), to, np.full(n, np.inf)).hours

    known = {"import_price": buy, "export_price": sell}
    return Observation(
        n, Sight(lambda name: all_of[name].copy(), hours, known.get, lambda _: np.full(n, 0.5)), CLOCK, ("A",)
    )


def lines(seen, rule=None):
    """The checked orders as {row: [(start [h], stop [h], kW, until, reason), ...]}, in time order."""
    told = {}
    for orders in ask(rule or Cheapest(), seen, seen.now):
        columns = orders.row, orders.start / HOUR, orders.stop / HOUR, orders.max_kw, orders.until_soc
        for car, *line in zip(*(column.tolist() for column in columns), strict=True):
            told.setdefault(car, []).append((*line, orders.reason))
    return {car: sorted(mine) for car, mine in sorted(told.items())}


def buys(start, stop, until=0.5):
    return (start, stop, np.inf, until, "cheap_slot")


def sells(start, stop, reserve=0.2):
    return (start, stop, -4.5, reserve, "dear_slot")


# ---- by hand: a kWh sold costs 1 / 0.75 out of the battery, and that 1 / 0.8 at the meter and 5 p each of wear


def test_it_sells_in_the_dear_hour_and_buys_back_in_the_cheap_one():
    """6 kWh out of the battery earn 6 x (0.75 x 40 - 5) = 150 p, and cost 6 / 0.8 x 10 = 75 p."""
    seen = cars(buy=stairs(0.4, 0.1, 0.2), sell=stairs(0.4, 0.3, 0.3))
    assert lines(seen) == {0: [sells(0, 1), buys(1, NEVER)]}


@pytest.mark.parametrize(("export", "is_sold"), [(0.3999, False), (0.4, False), (0.4001, True)])
def test_the_spread_must_beat_losses_and_wear(export, is_sold):
    """Bought at 20 p, a kWh in the battery is 25 p; sold at 40 p, it is 30 - 5. The cheap hour is needed anyway."""
    seen = cars(buy=stairs(0.4, 0.1, 0.2), sell=stairs(export, 0, 0), target_soc=0.6)
    bought = buys(1, NEVER, 0.6)
    assert lines(seen) == {0: [sells(0, 1), bought] if is_sold else [bought]}


def test_it_sells_down_to_the_reserve_and_no_further():
    seen = cars(buy=stairs(0.4, 0.1, 0.2), sell=stairs(0.4, 0, 0), soc=0.25, target_soc=0.25)
    assert lines(seen) == {0: [sells(0, 0.5), buys(1, NEVER, 0.25)]}


def test_it_charges_ahead_in_a_cheap_hour_to_sell_in_a_dear_one():
    """Hour 0 at 5 p is sold at 40 p in hour 1; hours 2 and 3 charge what the driver needs."""
    seen = cars(
        buy=stairs(0.05, 0.4, 0.1, 0.1), sell=stairs(0, 0.4, 0, 0), soc=0.3, target_soc=0.5, expected_departure=4 * HOUR
    )
    assert lines(seen) == {0: [buys(0, 1), sells(1, 2), buys(2, NEVER)]}


def test_it_never_charges_over_the_target_to_sell_more():
    seen = cars(buy=stairs(0.01, 0.4, 0.1), sell=stairs(0, 0.4, 0))
    assert lines(seen) == {0: [sells(1, 2), buys(2, NEVER)]}


def test_where_no_time_is_left_to_buy_back_nothing_is_sold():
    seen = cars(buy=stairs(0.1, 0.1, 0.4), sell=stairs(0, 0, 5.0))
    assert lines(seen) == {}


def test_of_equally_dear_hours_the_earlier_is_sold_in_and_of_equally_cheap_ones_the_earlier_bought():
    buy, sell = stairs(*[0.4, 0.3] * 2, 0.1, 0.2, 0.1), stairs(0.4, 0.1, 0.4, 0.1, 0, 0, 0)
    seen = cars(buy=buy, sell=sell, soc=0.3, target_soc=0.3, expected_departure=7 * HOUR)
    assert lines(seen) == {0: [sells(0, 1), buys(4, NEVER, 0.3)]}


def test_a_part_of_a_sale_joins_the_sale_after_it():
    """15% can be sold: all of hour 1 and half of hour 0, the half before it."""
    buy, sell = stairs(0.4, 0.4, 0.1, 0.1, 0.1), stairs(0.4, 0.45, 0, 0, 0)
    seen = cars(buy=buy, sell=sell, soc=0.35, target_soc=0.35, expected_departure=5 * HOUR)
    assert lines(seen) == {0: [sells(0.5, 2), buys(2, NEVER, 0.35)]}


def test_it_is_not_paid_for_sales_in_hours_below_zero():
    """To charge and discharge in turns would earn 10 p for each kWh lost; that is no arbitrage, and it does not."""
    seen = cars(buy=stairs(-0.1, -0.1, -0.1), sell=stairs(0.1, 0.1, 0.1), wear_gbp_per_kwh=0.0)
    assert lines(seen) == {}


def test_it_does_not_go_round_in_circles_where_export_earns_more_than_import_costs():
    """Bought at 10 p and sold at 30 p in one hour. But what the dear hour fetches is more than the cheap one costs."""
    assert lines(cars(buy=stairs(0.1, 0.1, 0.1), sell=stairs(0.3, 0.3, 0.3))) == {}
    seen = cars(buy=stairs(0.3, 0.1, 0.1), sell=stairs(0.3, 0.3, 0.3))
    assert lines(seen) == {0: [sells(0, 1), buys(1, NEVER)]}


def test_a_car_under_its_reserve_charges_to_it_as_it_would_and_trades_then():
    """Two of the three cheap hours are for 10% to 30%; hour 5 sells what hour 4 bought more, and hour 6 restores it."""
    buy, sell = stairs(0.5, 0.1, 0.5, 0.1, 0.1, 0.5, 0.15), stairs(0.5, 0, 0.5, 0, 0, 0.5, 0)
    seen = cars(buy=buy, sell=sell, soc=0.1, target_soc=0.4, v2g_reserve_soc=0.3, expected_departure=7 * HOUR)
    assert lines(seen) == {0: [buys(1, 2, 0.4), buys(3, 5, 0.4), sells(5, 6, 0.3), buys(6, NEVER, 0.4)]}


def test_a_car_that_tapers_trades_until_it_charges_beyond_full_power():
    """It sells an hour's worth; 3.23 h at full power, of which 1.23 are for 80% to 90%, end with the stay."""
    buy, sell = stairs(0.5, 0.1, 0.1, 0.09, 0.09, 0.09), stairs(0.5, 0, 0, 0, 0, 0.9)
    seen = cars(curve=BENT, buy=buy, sell=sell, soc=0.7, target_soc=0.9, expected_departure=6 * HOUR)
    assert lines(seen) == {0: [sells(0, 1), buys(pytest.approx(6 - 3.2308, abs=1e-3), NEVER, 0.9)]}


def test_a_car_that_may_not_trade_for_want_of_room_does_not():
    """0.3 kWh between reserve and target are not worth a relay's click."""
    seen = cars(buy=stairs(0.4, 0.1, 0.1), sell=stairs(0.4, 0, 0), v2g_reserve_soc=0.495)
    assert lines(seen) == {}


# ---- when it is what it was


def noisy(luck, n=130):
    """Half-hours of prices, some below zero, many of them equal."""
    return stairs(*np.round(luck.normal(0.15, 0.15, n), 2), hours=0.5)


def crowd(luck, n=40, *, curve=EVEN, **more):
    """Cars of many kinds, with short stays and long ones, full batteries and empty ones; half of them can sell."""
    now = np.sort(luck.integers(0, 20 * 3600, n)).astype(np.float64)
    columns = {
        "now": now, "user_id": np.arange(n), "soc": luck.random(n), "target_soc": np.maximum(luck.random(n), 0.1),
        "capacity_kwh": luck.uniform(20, 110, n), "charger_kw": luck.choice([2.3, 7.0, 7.4, 22.0], n),
        "efficiency": luck.choice([0.85, 0.9], n), "expected_departure": now + luck.integers(-3600, 40 * 3600, n),
        "discharge_kw": luck.choice([0.0, 3.5, 7.0, 11.0], n, p=[0.4, 0.2, 0.2, 0.2]),
        "discharging_efficiency": luck.choice([0.9, 0.967], n), "v2g_reserve_soc": luck.choice([0.0, 0.2, 0.3], n),
        "wear_gbp_per_kwh": luck.choice([0.0, 0.03], n), "buy": noisy(luck), "sell": noisy(luck),
    }  # fmt: skip
    return cars(n, curve=curve, **columns | more)


def answer(rule, seen):
    """All orders, to the byte."""
    return [
        (
            *(getattr(orders, name).tobytes() for name in ("row", "max_kw", "until_soc", "start", "stop")),
            orders.reason,
            orders.stop_reason,
        )
        for orders in ask(rule, seen, seen.now)
    ]


@pytest.mark.parametrize(
    "less", [{"sell": None}, {"discharge_kw": 0.0}, {"wear_gbp_per_kwh": 10.0}, {"v2g_reserve_soc": 1.0}], ids=str
)
@given(seed=some.integers(0, 10_000))
def test_without_a_price_a_way_or_a_reason_to_sell_orders_are_those_of_a_rule_that_does_not(less, seed):
    seen = crowd(np.random.default_rng(seed), curve=BENT, **less)
    assert answer(Cheapest(), seen) == answer(Cheapest(sell=False), seen)


@given(some.integers(0, 10_000))
def test_cars_that_cannot_sell_get_what_they_get_where_others_can(seed):
    seen = crowd(np.random.default_rng(seed), curve=BENT)
    plain, mixed = lines(seen, Cheapest(sell=False)), lines(seen)
    for car in np.flatnonzero(seen.discharge_kw == 0).tolist():
        assert mixed.get(car) == plain.get(car)


def test_an_export_price_is_not_made_of_an_import_price():
    with_sales = lines(cars(buy=stairs(0.9, 0.1, 0.1), sell=stairs(0.9, 0.1, 0.1)))
    assert with_sales == {0: [sells(0, 1), buys(1, NEVER)]}
    assert lines(cars(buy=stairs(0.9, 0.1, 0.1))) == {}


# ---- laws


class Lived:
    """What becomes of one car that follows its orders until it is expected to leave."""

    def __init__(self, seen, mine, curve, *, car):
        self.soc, self.low, self.high, self.gbp = float(seen.soc[car]), 1.0, 0.0, 0.0
        efficiency, capacity = float(seen.efficiency[car]), float(seen.capacity_kwh[car])
        out, wear = float(seen.discharging_efficiency[car]), float(seen.wear_gbp_per_kwh[car])
        wiring = Wiring(seen.charger_kw[car : car + 1], seen.efficiency[car : car + 1] / capacity)
        edges = np.union1d(seen.import_price.edges, seen.export_price.edges)
        ends = [*(start * HOUR for start, *_ in mine[1:]), np.inf][: len(mine)]
        for (start, stop, kw, until, _), end in zip(mine, ends, strict=True):
            a, b = start * HOUR, min(stop * HOUR, end, seen.expected_departure[car])
            cuts = [a, *edges[(edges > a) & (edges < b)], b]
            for since, to in pairwise(cuts):
                h, before = max(to - since, 0.0) / HOUR, self.soc
                if kw > 0:
                    done = charge(
                        curve, wiring, np.array([before]), wiring.charger_kw, np.array([until]), np.array([h])
                    )
                    self.soc = float(done.soc[0])
                    kwh = (self.soc - before) * capacity / efficiency
                    self.gbp += kwh * float(seen.import_price.at(np.array([since]))[0])
                else:
                    self.soc = max(min(before, until), before + kw * h / out / capacity)
                    kwh = (before - self.soc) * capacity
                    self.gbp -= kwh * (out * float(seen.export_price.at(np.array([since]))[0]) - wear)
                    self.low = min(self.low, self.soc)
                self.high = max(self.high, self.soc)


def both_lives(seen, curve):
    """Each car that sells: what becomes of it, and what would without selling."""
    plain = lines(seen, Cheapest(sell=False))
    for car, mine in lines(seen).items():
        if any(line[4] == "dear_slot" for line in mine):
            yield car, Lived(seen, mine, curve, car=car), Lived(seen, plain.get(car, []), curve, car=car)


A_SECOND_GBP = 22 / 3600 * 0.6


@pytest.mark.parametrize("curve", [EVEN, BENT], ids=["flat", "taper"])
@given(seed=some.integers(0, 10_000))
def test_a_car_that_sells_stays_within_its_limits_and_leaves_with_what_it_would_have(curve, seed):
    """But for what it holds over its target, which it need not buy back."""
    seen = crowd(np.random.default_rng(seed), 15, curve=curve)
    for car, sold, kept in both_lives(seen, curve):
        assert sold.low >= seen.v2g_reserve_soc[car] - 1e-12
        assert sold.high <= max(seen.target_soc[car], seen.soc[car])
        assert sold.soc >= min(kept.soc, seen.target_soc[car]) - 1e-9


@given(some.integers(0, 10_000))
def test_selling_never_loses_money_when_prices_come_true(seed):
    """But for a second of full power at the ends of each stretch, as orders are for whole seconds."""
    seen, gained_gbp = crowd(np.random.default_rng(seed), 15), 0.0
    plans = lines(seen)
    for car, sold, kept in both_lives(seen, EVEN):
        assert sold.gbp <= kept.gbp + 2 * len(plans[car]) * A_SECOND_GBP
        gained_gbp += kept.gbp - sold.gbp
    assert gained_gbp > 0 or not any(line[4] == "dear_slot" for mine in plans.values() for line in mine)


@given(some.integers(0, 10_000))
def test_no_car_buys_and_sells_at_once_and_none_turns_round_in_a_price(seed):
    seen = crowd(np.random.default_rng(seed))
    for mine in lines(seen).values():
        for one, other in pairwise(mine):
            assert one[1] <= other[0]
            assert one[4] != other[4] or other[0] - one[1] > 1 / HOUR
            if one[4] != other[4] and other[0] - one[1] < 1e-6:
                edge = other[0] * HOUR
                assert np.abs(np.append(seen.import_price.edges, seen.export_price.edges) - edge).min() < 1


@given(some.integers(0, 10_000))
def test_a_car_alone_gets_what_it_gets_in_a_crowd(seed):
    luck = np.random.default_rng(seed)
    seen = crowd(luck)
    together = lines(seen)
    for car in luck.choice(40, 5, replace=False).tolist():
        alone = lines(seen.of(np.array([car]))).get(0, [])
        assert [line[4] for line in alone] == [line[4] for line in together.get(car, [])]
        for one, other in zip(alone, together.get(car, []), strict=True):
            assert one[:2] == pytest.approx(other[:2], rel=1e-9)


@given(some.integers(0, 10_000))
def test_how_the_prices_are_cut_changes_nothing(seed):
    luck = np.random.default_rng(seed)
    state = luck.bit_generator.state
    plain = crowd(luck, 10)
    cut = {}
    for name, price in (("buy", plain.import_price), ("sell", plain.export_price)):
        edges = np.unique(np.concatenate((price.edges, luck.integers(0, int(price.edges[-1]), 40))))
        cut[name] = Known(edges, price.at(edges[:-1]))
    luck.bit_generator.state = state
    assert lines(crowd(luck, 10, **cut)) == lines(plain)


# ---- against a linear programme


def traders(luck, n):
    """Cars with room to trade, and time to."""
    capacity, since = luck.uniform(20, 80, n), luck.uniform(0, 5 * HOUR, n)
    least = capacity * luck.uniform(0, 0.5, n)
    most = least + (capacity - least) * luck.uniform(0.1, 1, n)
    first, in_kw = least + (most - least) * luck.random(n), luck.choice([3.3, 6.3, 10.0], n)
    until = np.minimum(since + (most - first) / in_kw * HOUR + luck.uniform(10, 20 * HOUR, n), 30 * HOUR)
    return Traders(
        since, until, first, most, least, most, in_kw, luck.choice([2.0, 3.5, 7.2, 11.0], n),
        luck.choice([0.85, 0.9, 1.0], n), luck.choice([0.8, 0.967, 1.0], n), luck.choice([0.0, 0.03, 0.1], n),
    )  # fmt: skip


def worth(given, who, i):
    """What a kWh in the battery costs, and what one out of it earns, in each slot; never more than it costs."""
    buy = given.buy_gbp / who.efficiency[i]
    return buy, np.minimum(given.sell_gbp * who.discharging_efficiency[i] - who.wear_gbp[i], buy)


def least_gbp(given, who, i):
    """The least that a car can pay: energy into and out of the battery in each slot, both within its time."""
    n = len(given.buy_gbp)
    there_h = np.minimum(given.edges[1:], who.until[i]) - np.maximum(given.edges[:-1], who.since[i])
    buy, sell = worth(given, who, i)
    upto, each = np.tril(np.ones((n, n))), np.eye(n)
    room, reserve = who.most_kwh[i] - who.first_kwh[i], who.first_kwh[i] - who.least_kwh[i]
    solved = linprog(
        np.concatenate((buy, -sell)),
        A_ub=np.block([[upto, -upto], [-upto, upto], [each / who.in_kw[i], each / who.out_kw[i]]]),
        b_ub=np.concatenate((np.full(n, room), np.full(n, reserve), np.maximum(there_h, 0) / HOUR)),
        A_eq=[[1.0] * n + [-1.0] * n],
        b_eq=[who.last_kwh[i] - who.first_kwh[i]],
        method="highs",
    )
    assert solved.success
    return solved.fun


def paid_gbp(given, who, i, mine):
    """What the trades of a car cost; they keep every limit."""
    buy, sell = worth(given, who, i)
    total, kwh, then = 0.0, who.first_kwh[i], who.since[i]
    for start, stop, is_sale in mine:
        assert then - 1e-6 <= start < stop <= who.until[i] + 1e-6
        there_h = np.maximum(np.minimum(given.edges[1:], stop) - np.maximum(given.edges[:-1], start), 0) / HOUR
        total += -who.out_kw[i] * (there_h @ sell) if is_sale else who.in_kw[i] * (there_h @ buy)
        kwh += (-who.out_kw[i] if is_sale else who.in_kw[i]) * (stop - start) / HOUR
        assert who.least_kwh[i] - 1e-6 <= kwh <= who.most_kwh[i] + 1e-6
        then = stop
    assert kwh == pytest.approx(who.last_kwh[i], abs=1e-6)
    return total


@pytest.mark.parametrize("kind", ["smooth", "of few levels", "flat export"])
def test_trades_cost_what_a_linear_programme_says_is_least(kind):
    n_sell = 0
    for seed in range(12):
        luck = np.random.default_rng([seed, len(kind)])
        buy = luck.choice([0.1, 0.2, 0.3, -0.05], 60) if kind == "of few levels" else luck.normal(0.2, 0.15, 60)
        sell = np.full(60, 0.15) if kind == "flat export" else buy * 0.9 + luck.normal(0, 0.05, 60)
        given, who = Prices(np.arange(61) * 1800.0, buy, sell), traders(luck, 12)
        made = best_trades(given, who)
        for i in range(12):
            mine = made.of(made.row == i)
            paid = paid_gbp(given, who, i, zip(mine.start, mine.stop, mine.is_sale, strict=True))
            assert paid == pytest.approx(least_gbp(given, who, i), abs=1e-6)
            n_sell += bool(mine.is_sale.any())
    assert n_sell > 60


# ---- end to end


def seller(**changes):
    """A car that rises and falls by 10% an hour, and has what it needs."""
    return row(charger_kw=7.5, discharge_kw=4.5, v2g_percent=100, plug_in_soc_percent=80) | changes


def evening(*rows, charging=None, curve=FLAT, **settings):
    """Nights with one dear evening, 18:00 to 20:00, and a cheap hours from midnight."""
    made = config(
        *(rows or [seller()]), efficiency=0.8, curve=curve, charging=charging or {"strategy": "cheapest"}, **settings
    )
    made["battery"] |= {"discharging_efficiency": 0.75, "wear_pence_per_kwh": 5}
    made["import_price"] = [
        ["18:00", "20:00", 40],
        ["20:00", "00:00", 30],
        ["00:00", "05:00", 10],
        ["05:00", "18:00", 30],
    ]
    made["export_price"] = [["18:00", "20:00", 40], ["20:00", "18:00", 2]]
    return made


def tell(results, user=0):
    """A log as (time of day, event, reason, SoC %), without its reports."""
    log = [event for event in results.users[user].log if event.event != "report"]
    return [(str(e.at)[11:16], e.event, e.reason, round(100 * e.soc, 4)) for e in log]


def lived(given):
    return simulate(Scenario.from_dict(given))


def test_a_night_of_trade_from_the_config_to_the_bill():
    """12 kWh out of the battery are 9 kWh at 40 p; 12 kWh into it are 15 kWh at 10 p."""
    results = lived(evening(days=1))
    assert tell(results) == [
        ("18:00", "plug_in", "habit", 80),
        ("18:00", "discharge_start", "dear_slot", 80),
        ("20:00", "discharge_stop", "slot_over", 60),
        ("00:00", "charge_start", "cheap_slot", 60),
        ("02:00", "charge_stop", "target_reached", 80),
        ("07:00", "plug_out", "habit", 80),
    ]
    bill = bills(results).total
    assert (bill.import_kwh, bill.export_kwh) == (pytest.approx(15, abs=1e-5), pytest.approx(9, abs=1e-5))
    assert (bill.import_cost_gbp, bill.export_income_gbp) == (
        pytest.approx(1.5, abs=1e-6),
        pytest.approx(3.6, abs=1e-6),
    )
    assert bill.net_cost_gbp == pytest.approx(-2.1, abs=1e-6)
    assert results.certificate.max_residual_kwh < 1e-6


@pytest.mark.parametrize(
    "without",
    [
        lambda made: made.pop("export_price"),
        lambda made: made["charging"].update(sell=False),
        lambda made: made["battery"].update(wear_pence_per_kwh=40),
        lambda made: made["archetypes"][0].update(v2g_percent=0),
    ],
    ids=["no export price", "not to sell", "wear", "no V2G"],
)
def test_a_run_without_reason_to_sell_sells_nothing(without):
    made = evening()
    assert lived(made).export_kwh.sum() == pytest.approx(18, abs=1e-4)
    without(made)
    assert lived(made).export_kwh.sum() == 0


@pytest.mark.parametrize("step", [5, 15, 60])
def test_trades_do_not_depend_on_the_length_of_a_step(step):
    settings = {
        "users": 12,
        "days": 3,
        "habit": 60,
        "day": 60,
        "driving": True,
        "curve": [[0, 100], [80, 100], [100, 30]],
    }
    rows = (
        seller(population_percent=50),
        seller(name="B", population_percent=50, target_soc_percent=95, v2g_reserve_soc_percent=45),
    )
    one, other = (lived(evening(*rows, **settings, step=minutes)) for minutes in (30, step))
    assert one.export_kwh.sum() > 20
    assert other.sessions["export_kwh"] == pytest.approx(one.sessions["export_kwh"], abs=1e-6)
    assert other.sessions["import_kwh"] == pytest.approx(one.sessions["import_kwh"], abs=1e-6)


def test_people_who_sell_leave_with_what_they_would_have_and_pay_less():
    settings = {"users": 40, "days": 5, "habit": 60, "driving": True}
    sold, kept = (lived(evening(charging={"strategy": "cheapest", "sell": s}, **settings)) for s in (True, False))
    socs = [[s.plug_out_soc for user in run.users for s in user.log.sessions() if s.plug_out] for run in (sold, kept)]
    assert socs[0] == pytest.approx(socs[1], abs=2e-4)
    ours, theirs = bills(sold).total, bills(kept).total
    wear = 0.05 * ours.export_kwh / 0.75
    assert ours.net_cost_gbp + wear < theirs.net_cost_gbp - 100
    assert sold.certificate.max_residual_kwh < 1e-6


def honest(tmp_path, changed_from):
    """30 people who trade by prices that are published day by day; other ones from an instant on."""
    buy = prices(tmp_path / f"buy_{changed_from}.csv", changed_from)
    sell = prices(tmp_path / f"sell_{changed_from}.csv", changed_from, seed=5)
    car = seller(plug_in_time="17:00", plug_out_time="08:00", target_soc_percent=90)
    made = config(car, users=30, days=DAYS, start=f"{START:%Y-%m-%dT%H:%M}", warm_up=3, driving=True, habit=30)
    return lived(made | {"import_price": buy, "export_price": sell, "charging": {"strategy": "cheapest"}})


def test_prices_that_are_published_later_change_no_trade_before(tmp_path):
    friday, published = (dt.datetime(2026, 1, day, hour, tzinfo=dt.UTC) for day, hour in ((16, 0), (15, 16)))
    one, other = honest(tmp_path, None), honest(tmp_path, friday)
    assert one.export_kwh.sum() > 500
    assert events_before(one, published) == (events_before(other, published)[0], events_before(one, published)[1])
    end = START + dt.timedelta(days=DAYS)
    assert events_before(one, end)[0] != events_before(other, end)[0]


# ---- guards


def guarded(**guards):
    return lived(evening(charging={"strategy": "cheapest"} | guards, days=1))


def test_the_least_power_is_no_bound_to_what_is_given_back():
    assert tell(guarded(minimum_kw=6)) == tell(lived(evening(days=1)))


def test_it_sells_nothing_under_the_minimum_soc():
    """From 80% to 70%, an hour, and the hour of 18:00 is as dear as that of 19:00."""
    told = tell(guarded(minimum_soc_percent=70))
    assert told[1:4] == [
        ("18:00", "discharge_start", "dear_slot", 80),
        ("19:00", "discharge_stop", "slot_over", 70),
        ("00:00", "charge_start", "cheap_slot", 70),
    ]


def test_a_car_under_the_minimum_charges_to_it_and_sells_nothing_of_that():
    given = evening(
        seller(plug_in_soc_percent=50), charging={"strategy": "cheapest", "minimum_soc_percent": 60}, days=1
    )
    told = [line[1:3] for line in tell(lived(given))]
    assert ("charge_start", "minimum_soc") in told
    assert ("discharge_start", "dear_slot") not in told


def test_an_owner_who_wants_charge_now_sells_nothing():
    assert guarded(boost_percent=100).export_kwh.sum() == 0
    given = evening(seller(plug_in_soc_percent=70, plug_in_time="14:00"), charging={"strategy": "cheapest"}, days=2)
    assert lived(given).export_kwh.sum() > 10
    given["charging"]["boost_percent"] = 100
    assert lived(given).export_kwh.sum() == 0


def test_a_sale_waits_for_the_laws_delay_and_ends_when_it_would():
    told = tell(guarded(random_delay_seconds=1800))
    assert "18:00" < told[1][0] < "18:30"
    assert told[2][:3] == ("20:00", "discharge_stop", "slot_over")
    assert "00:00" < told[3][0] < "00:30"
    assert told[4][3] == 80


def test_a_margin_lets_it_be_done_earlier():
    """With a margin of 6 h, until 01:00, an hour is left to buy back in at 10 p; at 30 p it does not pay."""
    told = tell(guarded(margin_minutes=360))
    assert [line[:2] for line in told[1:5]] == [
        ("18:00", "discharge_start"),
        ("19:00", "discharge_stop"),
        ("00:00", "charge_start"),
        ("01:00", "charge_stop"),
    ]


# ---- a limit for the fleet


@pytest.mark.parametrize("share_by", ["earliest_deadline", "least_laxity", "equally"])
@pytest.mark.parametrize(
    "guards", [{}, {"random_delay_seconds": 600, "minimum_kw": 2, "minimum_soc_percent": 40}], ids=str
)
def test_a_limit_cuts_what_cars_draw_and_not_what_they_give(share_by, guards):
    """20 cars at 4.5 kW give 90 kW; they draw no more than 60 kW, and are full in the morning."""
    rule = {"strategy": "cheapest", "fleet_limit_kw": 60, "share_by": share_by} | guards
    results = lived(evening(charging=rule, users=20, days=2, curve=[[0, 100], [80, 100], [100, 30]]))
    assert results.import_kw.sum(axis=1).max() <= 60 * (1 + 1e-9)
    assert results.export_kw.sum(axis=1).max() == pytest.approx(90)
    assert results.export_kwh.sum() == pytest.approx(20 * 2 * 9, rel=0.02 if not guards else 0.2)
    left_with = [s.plug_out_soc for user in results.users for s in user.log.sessions() if s.plug_out]
    assert min(left_with) > (0.7 if guards else 0.8 - 1e-4)


def test_a_limit_far_above_all_changes_no_trade():
    free, limited = (
        lived(evening(charging={"strategy": "cheapest"} | more)) for more in ({}, {"fleet_limit_kw": 1000})
    )
    assert tell(limited) == tell(free)

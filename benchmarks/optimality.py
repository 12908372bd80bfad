"""Print how near the charging rules come to the best that is possible, by linear programmes.

    python benchmarks/optimality.py                   all tables, about half a minute
    python benchmarks/optimality.py --only cheapest   one of them
    python benchmarks/optimality.py --nights 20

Needs scipy (requirements-dev.txt). Nothing is asserted: with a flat charge curve the rules are the optimum, which
tests/test_rules.py shows; where the curve bends, this shows what is left on the table. Another table is another
function in `TABLES`.
"""

from __future__ import annotations

import argparse
import csv
import datetime as dt
import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
from scipy.optimize import linprog

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from evsim._battery import ChargeCurve, Wiring, charge
from evsim._clock import Clock
from evsim._series import Known
from evsim._units import SECONDS_PER_HOUR, Anything, Floats
from evsim.strategies import ChargingStrategy, Cheapest, Observation, Sight, ask

AGILE = ROOT.parent / "shared" / "data" / "prices" / "agile_2023_regionN_SouthScotland.csv"
SEED = 20260112
CLOCK = Clock.of(dt.datetime(2026, 1, 12, 18), 1, 30, "UTC")  # noqa: DTZ001 - local, by contract
STAY_H = 13
"""18:00 to 07:00, as the sheet's average driver."""
CURVE = ChargeCurve.from_percent([(0, 100), (80, 100), (100, 30)])
CAPACITY_KWH, CHARGER_KW, EFFICIENCY = 60.0, 7.0, 0.9
DISCHARGING_EFFICIENCY, RESERVE, WEAR_GBP = 0.87 / EFFICIENCY, 0.3, 0.03
N_TANGENTS = 1_001


# ---- prices: half-hours from 18:00 to 07:00 [GBP/kWh]


def invented_nights(n: int) -> list[Known]:
    """Dearest in the early evening, with noise from one half-hour to the next."""
    luck = np.random.default_rng(SEED)
    hour = np.arange(2 * STAY_H) / 2 + 18
    wave = 0.2 + 0.1 * np.cos((hour - 18) / 24 * 2 * np.pi)
    return [_stairs(wave + luck.normal(0, 0.05, len(hour))) for _ in range(n)]


def agile_nights(n: int, path: Path, column: str = "import_p_per_kwh_inc_vat") -> list[Known]:
    """Nights of a year of Agile prices, evenly spread; those with a missing half-hour are left out."""
    with path.open(encoding="utf-8", newline="") as file:
        price = {row["from_local"]: float(row[column]) / 100 for row in csv.DictReader(file)}
    evenings = sorted({text[:10] for text in price})[:-1]
    nights = []
    for evening in evenings:
        starts = np.datetime64(f"{evening}T18:00") + np.arange(2 * STAY_H) * np.timedelta64(30, "m")
        values = [price.get(str(start)) for start in starts]
        known = [value for value in values if value is not None]
        if len(known) == len(values):
            nights.append(_stairs(np.array(known)))
    return nights[:: max(len(nights) // n, 1)][:n]


def _stairs(values: Floats) -> Known:
    return Known(np.arange(len(values) + 1, dtype=np.float64) * 1800, values)


# ---- one car, one night


def one_car(soc: float, target: float, price: Known, export: Known | None = None) -> Observation:
    """The sheet's average car, as a rule sees it; it can give back what it can draw."""
    columns: dict[str, Anything] = {
        "now": np.zeros(1), "user_id": np.zeros(1, np.int64), "archetype": np.zeros(1, np.int64),
        "soc": np.array([soc]), "target_soc": np.array([target]), "capacity_kwh": np.array([CAPACITY_KWH]),
        "charger_kw": np.array([CHARGER_KW]), "efficiency": np.array([EFFICIENCY]),
        "is_charging": np.zeros(1, np.bool_), "order_kw": np.zeros(1), "plugged_in_at": np.zeros(1),
        "discharge_kw": np.array([CHARGER_KW]), "discharging_efficiency": np.array([DISCHARGING_EFFICIENCY]),
        "v2g_reserve_soc": np.array([RESERVE]), "wear_gbp_per_kwh": np.array([WEAR_GBP]),
        "flat_to_soc": np.array([CURVE.is_flat_to]),
        "expected_departure": np.array([STAY_H * SECONDS_PER_HOUR], np.float64),
    }  # fmt: skip
    wiring = Wiring(columns["charger_kw"], columns["efficiency"] / columns["capacity_kwh"])

    def hours(soc: Floats, to: Floats, max_kw: Floats) -> Floats:
        return charge(CURVE, wiring, soc, np.minimum(max_kw, CHARGER_KW), to, np.array([np.inf])).hours

    known = {"import_price": price, "export_price": export}
    sight = Sight(lambda name: columns[name].copy(), hours, known.get, lambda _: np.array([0.5]))
    return Observation(1, sight, CLOCK, ("average",))


def paid(rule: ChargingStrategy, soc: float, target: float, price: Known) -> float:
    """What a car pays by a rule's orders up to its departure, its taper integrated exactly [GBP]."""
    car = one_car(soc, target, price)
    wiring, total = Wiring(car.charger_kw, car.efficiency / car.capacity_kwh), 0.0
    planned = sorted((float(o.start[i]), float(o.stop[i])) for o in ask(rule, car, car.now) for i in range(len(o.row)))
    now_soc = car.soc
    for start, stop in planned:
        edges = np.concatenate(([start], price.edges[(price.edges > start) & (price.edges < stop)]))
        for a, b in zip(edges, [*edges[1:], min(stop, STAY_H * SECONDS_PER_HOUR)], strict=True):
            hours = np.array([max(b - a, 0.0) / SECONDS_PER_HOUR])
            done = charge(CURVE, wiring, now_soc, car.charger_kw, car.target_soc, hours)
            now_soc = done.soc
            total += float(done.import_kwh[0] * price.at(np.array([a]))[0])
    if abs(now_soc[0] - target) > 1e-6:
        raise SystemExit(f"{rule.name} leaves a car at {now_soc[0]:.6f} instead of {target}")
    return total


def least(soc: float, target: float, price: Known) -> float:
    """The least a car could pay for its target, whatever its power from moment to moment [GBP].

    In one slot of price a SoC s can become anything up to g(s), what full power makes of it, and a kWh costs the same
    all along. The charge curve is concave and so is g, with g'(s) = f(g) / f(s): a linear programme over the SoC at the
    borders of slots, under tangents of g, is the optimum but for what lies between two tangents (under 0.001 p).
    """
    n, slot_h = len(price), float(np.diff(price.edges)[0]) / SECONDS_PER_HOUR
    touch = np.linspace(soc, target, N_TANGENTS)
    wiring = Wiring(np.full(N_TANGENTS, CHARGER_KW), np.full(N_TANGENTS, EFFICIENCY / CAPACITY_KWH))
    after = charge(CURVE, wiring, touch, wiring.charger_kw, np.ones(N_TANGENTS), np.full(N_TANGENTS, slot_h)).soc
    slope = np.where(after < 1, CURVE.share_at(after) / CURVE.share_at(touch), 0.0)
    slope, level = np.unique(np.round([slope, after - slope * touch], 12), axis=1)
    ends, begins = np.eye(n), np.eye(n, k=-1)  # pick the SoC after and before each slot out of those after all slots
    first = np.eye(n)[0] * soc
    most = [(ends - m * begins, level_m + m * first) for m, level_m in zip(slope, level, strict=True)]
    kwh = CAPACITY_KWH / EFFICIENCY
    solved = linprog(
        kwh * price.values @ (ends - begins),
        A_ub=np.vstack([*(left for left, _ in most), begins - ends]),
        b_ub=np.concatenate([*(right for _, right in most), -first]),
        bounds=[(soc, target)] * (n - 1) + [(target, target)],
        method="highs",
    )
    if not solved.success:
        raise SystemExit(f"no optimum: {solved.message}")
    return float(solved.fun - kwh * price.values @ first)


# ---- one car that sells too


def paid_by_seller(soc: float, target: float, price: Known, export: Known) -> tuple[float, float]:
    """What a car pays by the orders of `cheapest`, less what it earns, and its wear [GBP]; and what it gives [kWh]."""
    car = one_car(soc, target, price, export)
    wiring, total, given_kwh = Wiring(car.charger_kw, car.efficiency / car.capacity_kwh), 0.0, 0.0
    made = [(o, i) for o in ask(Cheapest(), car, car.now) for i in range(len(o.row))]
    now_soc, end_s = car.soc, STAY_H * SECONDS_PER_HOUR
    for order, i in sorted(made, key=lambda one: float(one[0].start[one[1]])):
        start, stop, kw = float(order.start[i]), min(float(order.stop[i]), end_s), float(order.max_kw[i])
        edges = np.concatenate(([start], price.edges[(price.edges > start) & (price.edges < stop)], [stop]))
        for a, b in pairwise(edges):
            hours, at = np.array([max(b - a, 0.0) / SECONDS_PER_HOUR]), np.array([a])
            if kw > 0:
                done = charge(CURVE, wiring, now_soc, car.charger_kw, car.target_soc, hours)
                now_soc, total = done.soc, total + float(done.import_kwh[0] * price.at(at)[0])
            else:
                out_kwh = -kw * hours / DISCHARGING_EFFICIENCY
                now_soc = now_soc - out_kwh / CAPACITY_KWH
                total += float(out_kwh[0] * (WEAR_GBP - DISCHARGING_EFFICIENCY * export.at(at)[0]))
                given_kwh += float(-kw * hours[0])
    if now_soc[0] < target - 1e-6 or now_soc[0] > max(soc, target) + 1e-6:
        raise SystemExit(f"a seller leaves at {now_soc[0]:.6f} instead of {target}")
    return total, given_kwh


def least_of_seller(soc: float, target: float, price: Known, export: Known) -> float:
    """The least a car could pay, as `least`, if it may sell too; never for more than a purchase would cost [GBP]."""
    n, slot_h = len(price), float(np.diff(price.edges)[0]) / SECONDS_PER_HOUR
    high = max(soc, target)
    touch = np.linspace(RESERVE, high, N_TANGENTS)
    wiring = Wiring(np.full(N_TANGENTS, CHARGER_KW), np.full(N_TANGENTS, EFFICIENCY / CAPACITY_KWH))
    after = charge(CURVE, wiring, touch, wiring.charger_kw, np.ones(N_TANGENTS), np.full(N_TANGENTS, slot_h)).soc
    slope = np.where(after < 1, CURVE.share_at(after) / CURVE.share_at(touch), 0.0)
    slope, level = np.unique(np.round([slope, after - slope * touch], 12), axis=1)
    some = np.unique(np.linspace(0, len(slope) - 1, 200).astype(int))
    upto, before, each, none = np.tril(np.ones((n, n))), np.tril(np.ones((n, n)), -1), np.eye(n), np.zeros((n, n))
    rows, most = [], []
    for m, level_m in zip(slope[some], level[some], strict=True):  # before + bought <= level_m + m before
        rows.append(np.hstack(((1 - m) * before + each, (m - 1) * before)))
        most.append(np.full(n, level_m + (m - 1) * soc))
    rows += [np.hstack((upto, -upto)), np.hstack((-upto, upto)), np.hstack((none, each))]
    most += [np.full(n, high - soc), np.full(n, soc - RESERVE)]
    most += [np.full(n, CHARGER_KW / DISCHARGING_EFFICIENCY * slot_h / CAPACITY_KWH)]
    buy = CAPACITY_KWH / EFFICIENCY * price.values
    sell = np.minimum(CAPACITY_KWH * (DISCHARGING_EFFICIENCY * export.values - WEAR_GBP), buy)
    solved = linprog(
        np.concatenate((buy, -sell)),
        A_ub=np.vstack(rows),
        b_ub=np.concatenate(most),
        A_eq=[[1.0] * n + [-1.0] * n],
        b_eq=[target - soc],
        method="highs",
    )
    if not solved.success:
        raise SystemExit(f"no optimum: {solved.message}")
    return float(solved.fun)


# ---- tables


def cheapest(options: argparse.Namespace) -> None:
    """What `cheapest` pays against the cheapest plan there is, with a charge curve that falls from 80% to 100%."""
    nights = {"invented": invented_nights(options.nights)}
    if options.prices.is_file():
        nights["Agile"] = agile_nights(options.nights, options.prices)
    else:
        print(f"(no {options.prices}: real prices are left out)")
    columns = f"{'paid':>9} {'gap':>9} {'largest':>9}   (GBP a night)   gap"
    print(f"{'prices':<10} {'nights':>6} {'from':>5} {'to':>5} {columns}")
    for name, prices in nights.items():
        for soc, target in ((0.68, 1.0), (0.68, 0.9), (0.68, 0.8), (0.2, 1.0), (0.2, 0.9), (0.2, 0.8)):
            have = np.array([paid(Cheapest(), soc, target, price) for price in prices])
            best = np.array([least(soc, target, price) for price in prices])
            gap = have - best
            print(
                f"{name:<10} {len(gap):>6} {soc:>5.0%} {target:>5.0%} {have.mean():>9.4f} {gap.mean():>9.5f} "
                f"{gap.max():>9.4f} {gap.sum() / abs(best.sum()):>22.3%}"
            )


def arbitrage(options: argparse.Namespace) -> None:
    """What `cheapest` pays where it can sell, against the cheapest plan there is, and against not selling."""
    if not options.prices.is_file():
        print(f"(no {options.prices}: there are no other prices of export)")
        return
    bought = agile_nights(options.nights, options.prices)
    sold = agile_nights(options.nights, options.prices, "export_p_per_kwh")
    print(
        f"{'nights':>6} {'from':>5} {'to':>5} {'kept':>8} {'sold':>8} {'best':>8} {'got':>6}   (GBP a night)   kWh sold"
    )
    for soc, target in ((0.68, 0.8), (0.8, 0.8), (0.4, 0.8), (0.78, 0.9), (0.88, 1.0), (0.5, 1.0)):
        pairs = list(zip(bought, sold, strict=True))
        kept = np.array([paid(Cheapest(sell=False), soc, target, price) if soc < target else 0.0 for price in bought])
        have, given_kwh = np.array([paid_by_seller(soc, target, *pair) for pair in pairs]).T
        best = np.array([least_of_seller(soc, target, *pair) for pair in pairs])
        got = (kept - have).sum() / (kept - best).sum()
        print(
            f"{len(have):>6} {soc:>5.0%} {target:>5.0%} {kept.mean():>8.4f} {have.mean():>8.4f} {best.mean():>8.4f} "
            f"{got:>6.1%} {given_kwh.mean():>26.2f}"
        )


TABLES: dict[str, Callable[[argparse.Namespace], None]] = {"cheapest": cheapest, "arbitrage": arbitrage}


def main() -> None:
    """Print the tables."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--only", choices=TABLES, help="one table")
    options.add_argument("--nights", type=int, default=120, help="nights of each kind of price")
    options.add_argument("--prices", type=Path, default=AGILE, help="a CSV of Agile prices")
    chosen = options.parse_args()
    for name, table in TABLES.items():
        if chosen.only in (None, name):
            print(f"\n{(table.__doc__ or name).splitlines()[0]}")
            table(chosen)


if __name__ == "__main__":
    main()

"""Print how far valley_fill is from the best that is possible for who knows everything, and what a decision costs.

    python benchmarks/fleet_optimality.py            a quarter of a minute
    python benchmarks/fleet_optimality.py --largest 200

The best: the same energy for each session, between the first decision after plug-in and the real plug-out, with the
arrivals and departures of all days known beforehand, at the charger's power even where the battery tapers; the least
sum of squares of the total, and with it the least peak (what sessions can draw together is the base polytope of a
polymatroid, so the flattest total is flattest in every sense). It is found car by car against the others until nothing
moves, and proved by its duality gap. Gaps are those of half-hourly means over the days of the run. `punctual` people
come and leave as they usually do; the others do not.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from evsim import Results, Scenario, simulate
from evsim._battery import ChargeCurve, Wiring, charge
from evsim._clock import Clock
from evsim._units import SECONDS_PER_HOUR, Floats
from evsim.strategies import Observation, Sight, ValleyFill
from evsim.strategies._fleet import Claims, share
from evsim.strategies.fleet_limit import FleetLimit
from evsim.strategies.immediate import Immediate

CONFIG = ROOT / "config_json.json"
SIZES = (20, 200, 2_000)
DAYS = 3
CURVES = {"flat": [[0, 100], [100, 100]], "taper": [[0, 100], [80, 100], [100, 30]]}
CROWD = 300_000
REPEATS = 5
MOST_SWEEPS = 200
PROOF = 1e-4


def run(users: int, curve: str, *, punctual: bool, rule: str) -> Results:
    """Some days of the default people, all of whom follow one rule; with a taper, all charge until they are full."""
    config = json.loads(CONFIG.read_text())
    config |= {"population_size": users, "charging": {"strategy": rule}}
    config["simulation"]["days"] = DAYS
    config["battery"] = config.get("battery", {}) | {"charge_curve": CURVES[curve]}
    if punctual:
        config["behaviour"] = config.get("behaviour", {}) | {"plug_time_day_sd_minutes": 0}
    if curve == "taper":
        for person in config["archetypes"]:
            person["target_soc_percent"] = 100
    return simulate(Scenario.from_dict(config))


def sessions_of(results: Results) -> tuple[Floats, Floats]:
    """(m,) energy of each session [kWh] and (m, n_steps) the most it could draw in each step [kWh]."""
    clock, sessions = results.clock, results.events.sessions()
    first = np.maximum(clock.run_seconds(sessions.plug_in), 0)
    first = -(-first // clock.step_s) * clock.step_s
    gone = np.isnat(sessions.plug_out)
    last = np.where(gone, clock.end_s, np.minimum(clock.run_seconds(sessions.plug_out), clock.end_s))
    starts = np.arange(clock.n_steps) * clock.step_s
    here = np.minimum(last[:, None], starts + clock.step_s) - np.maximum(first[:, None], starts)
    most = np.maximum(here, 0) / SECONDS_PER_HOUR * results.users.charger_kw[sessions.user][:, None]
    return np.minimum(sessions.import_kwh, most.sum(axis=1)), most


def flattest_of_all(energy: Floats, most: Floats) -> tuple[Floats, float]:
    """(n_steps,) the flattest total of sessions whose times are all known [kWh], and how much better one could be."""
    rows = [np.flatnonzero(row) for row in most]
    caps = [row[at] for row, at in zip(most, rows, strict=True)]
    drawn = [cap * (kwh / max(cap.sum(), 1e-9)) for cap, kwh in zip(caps, energy, strict=True)]
    total = np.zeros(most.shape[1])
    for at, own in zip(rows, drawn, strict=True):
        total[at] += own
    gap = np.inf
    for _ in range(MOST_SWEEPS):
        for i, (at, cap) in enumerate(zip(rows, caps, strict=True)):
            if energy[i] > 0:
                rest = total[at] - drawn[i]
                drawn[i] = _fill(rest, cap, float(energy[i]))
                total[at] = rest + drawn[i]
        cheapest = sum(
            float(total[at] @ _cheapest(total[at], cap, float(kwh)))
            for at, cap, kwh in zip(rows, caps, energy, strict=True)
        )
        gap = 2 * (float(total @ total) - cheapest) / float(total @ total)
        if gap < PROOF:
            break
    return total, gap


def _fill(rest: Floats, cap: Floats, kwh: float) -> Floats:
    """Water in a vessel with lids: rest + x as level as can be, 0 <= x <= cap, sum x = kwh."""
    bends = np.concatenate((rest, rest + cap))
    order = np.argsort(bends)
    slope = np.cumsum(np.concatenate((np.ones(len(rest)), -np.ones(len(rest))))[order])
    bends = bends[order]
    held = np.concatenate(([0.0], np.cumsum(slope[:-1] * np.diff(bends))))
    return np.clip(np.interp(kwh, held, bends) - rest, 0, cap)


def _cheapest(price: Floats, cap: Floats, kwh: float) -> Floats:
    """Where the energy would go if each kWh cost the total as it is."""
    order = np.argsort(price, kind="stable")
    own = np.zeros(len(price))
    own[order] = np.diff(np.minimum(np.cumsum(cap[order]), kwh), prepend=0.0)
    return own


def print_gaps(largest: int) -> None:
    """Print the gaps of all sizes."""
    print(f"{DAYS} days of the default people; ratios to the best with everything known")
    print(
        f"{'users':>6} {'curve':>6} {'people':>9} {'squares':>8} {'peak':>6} {'immediate':>17} {'kWh given':>10}"
        f" {'starts/session':>15} {'proof':>8} {'s':>5}"
    )
    for users in (size for size in SIZES if size <= largest):
        for curve in CURVES:
            for punctual in (True, False):
                began = time.perf_counter()
                ours, plain = (run(users, curve, punctual=punctual, rule=r) for r in ("valley_fill", "immediate"))
                best, gap = flattest_of_all(*sessions_of(ours))
                mine, other = (r.import_kw.sum(axis=1) * r.clock.step_h for r in (ours, plain))
                starts = int((ours.events.column("event") == 2).sum()) / int(ours.n_sessions.sum())
                print(
                    f"{users:>6,} {curve:>6} {'punctual' if punctual else 'as usual':>9} {_squares(mine, best):>8.3f} "
                    f"{mine.max() / best.max():>6.3f} {_squares(other, best):>8.2f} {other.max() / best.max():>8.2f} "
                    f"{mine.sum() / other.sum():>10.3f} {starts:>15.2f} {gap:>8.0e} {time.perf_counter() - began:>5.1f}"
                )


def _squares(one: Floats, other: Floats) -> float:
    return float(one @ one) / float(other @ other)


def crowd(n: int) -> Observation:
    """Cars at half past ten in the evening, made up."""
    luck = np.random.default_rng(1)
    columns: dict[str, Any] = {
        "now": np.full(n, 37_800.0),
        "user_id": np.arange(n),
        "archetype": np.zeros(n, np.int64),
        "soc": luck.uniform(0.3, 0.9, n),
        "target_soc": luck.choice([0.8, 0.8, 1.0], n),
        "capacity_kwh": luck.choice([40.0, 60.0, 80.0], n),
        "charger_kw": luck.choice([3.6, 7.0, 7.4, 11.0], n),
        "efficiency": np.full(n, 0.9),
        "is_charging": luck.random(n) < 0.2,
        "order_kw": np.zeros(n),
        "plugged_in_at": np.full(n, 30_000.0),
        "expected_departure": 37_800.0 + luck.normal(8.5, 1.5, n) * SECONDS_PER_HOUR,
    }
    wiring = Wiring(columns["charger_kw"], columns["efficiency"] / columns["capacity_kwh"])
    curve, forever = ChargeCurve.from_percent([(0, 100), (80, 100), (100, 30)]), np.full(n, np.inf)

    def hours(soc: Floats, to: Floats, max_kw: Floats) -> Floats:
        return charge(curve, wiring, soc, max_kw, to, forever).hours

    sight = Sight(lambda name: columns[name], hours, lambda _name: None, lambda _why: np.zeros(n))
    return Observation(n, sight, Clock(0, 1800, 0, 96, "Europe/London"), ("A",))


def print_costs() -> None:
    """Print the time of one decision about a large crowd."""
    everybody, nobody = np.arange(CROWD), np.zeros(CROWD, np.bool_)
    luck = np.random.default_rng(2)
    wanted = luck.choice([3.6, 7.0, 7.4, 11.0], CROWD)
    claims = Claims(wanted, luck.uniform(0, 15, CROWD), luck.uniform(0, 6, CROWD), nobody, everybody)
    print(f"\none decision about {CROWD:,} connected cars, least of {REPEATS}")
    for by in ("earliest_deadline", "least_laxity", "equally"):
        print(f"  share by {by:<18} {_least_ms(lambda by=by: share(by, claims, wanted.sum() / 3)):>7.1f} ms")
    print(f"  valley_fill                 {_least_ms(lambda: list(ValleyFill().orders(crowd(CROWD)))):>7.1f} ms")
    limit = FleetLimit(wanted.sum() / 3, "earliest_deadline", (Immediate(),))
    print(f"  fleet_limit round immediate {_least_ms(lambda: list(limit.orders(crowd(CROWD)))):>7.1f} ms")
    print(f"  (making them up             {_least_ms(lambda: crowd(CROWD)):>7.1f} ms, in both of the above)")


def _least_ms(work: Any) -> float:  # noqa: ANN401 - anything that can be called
    times = []
    for _ in range(REPEATS):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return min(times) * 1_000


def main() -> None:
    """Print the figures."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--largest", type=int, default=SIZES[-1], help="leave out larger populations")
    print_gaps(options.parse_args().largest)
    print_costs()


if __name__ == "__main__":
    main()

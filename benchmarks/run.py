"""Print what evsim costs: time and memory against size, start-up against its own imports, queries.

    python benchmarks/run.py            all of it, about a minute
    python benchmarks/run.py --largest 100000

Ratios are of figures taken in turn in one go, because machines drift. Nothing is asserted but counts.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CONFIG = ROOT / "config_json.json"
SIZES = (1_000, 10_000, 100_000, 1_000_000)
WEEK, YEAR = 7, 365
REPEATS = 5


def measure_size(users: int, days: int = WEEK) -> dict[str, float]:
    """Simulate some days of `users` people who charge on arrival; the log stays in memory."""
    import resource

    from evsim import Scenario, simulate

    size = [("population_size", str(users)), ("simulation.days", str(days))]
    overrides = [*size, ("charging.by_archetype", "{}")]
    scenario = Scenario.from_file(CONFIG, overrides)
    simulate(Scenario.from_file(CONFIG, [("population_size", "100")]))
    began = time.perf_counter()
    results = simulate(scenario)
    seconds = time.perf_counter() - began
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    steps = users * results.clock.n_steps
    return {
        "users": users,
        "days": days,
        "seconds": seconds,
        "ns_per_user_step": seconds / steps * 1e9,
        "events": len(results.events),
        "peak_mb": peak_mb,
        "residual_kwh": results.certificate.max_residual_kwh,
    }


def measure_queries() -> dict[str, float]:
    """Ask all users of the default run for their energy in an interval; the total must be the time series'."""
    import numpy as np

    from evsim import Scenario, simulate

    results = simulate(Scenario.from_file(CONFIG))
    began = time.perf_counter()
    total = sum(user.log.energy_kwh("2026-01-14T17:00", "2026-01-14T19:00") for user in results.users)
    seconds = time.perf_counter() - began
    evening = np.datetime64("2026-01-14T17:00", "s"), np.datetime64("2026-01-14T19:00", "s")
    hours = (results.times >= evening[0]) & (results.times < evening[1])
    series = float(results.import_kw[hours].sum() * results.clock.step_h)
    if abs(total - series) > 1e-3:
        raise SystemExit(f"the logs say {total} kWh, the time series {series} kWh")
    return {"queries_ms": 1000 * seconds}


def in_new_process(*arguments: str) -> dict[str, float]:
    """Measure in a process of its own, so that one figure does not warm up another."""
    command = [sys.executable, str(Path(__file__)), *arguments]
    here = {**os.environ, "PYTHONPATH": str(ROOT)}
    ran = subprocess.run(command, check=True, capture_output=True, text=True, env=here)  # noqa: S603 - ourselves
    figures: dict[str, float] = json.loads(ran.stdout)
    return figures


def wall(command: list[str]) -> float:
    """Seconds that a whole process takes."""
    began = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True, cwd=ROOT)  # noqa: S603 - the commands below
    return time.perf_counter() - began


def compare(name: str, ours: list[str], yardstick: str) -> None:
    """Print whole processes against the imports they cannot do without, taken in turn."""
    imports = [sys.executable, "-c", yardstick]
    wall(ours), wall(imports)
    pairs = [(wall(ours), wall(imports)) for _ in range(REPEATS)]
    ratio = statistics.median(a / b for a, b in pairs)
    mine, theirs = (statistics.median(column) for column in zip(*pairs, strict=True))
    print(f"{name:<34} {mine:6.2f} s   {theirs:5.2f} s   {ratio:5.2f} x   ({yardstick})")


def main() -> None:
    """Print the figures."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--largest", type=int, default=SIZES[-1], help="leave out larger populations")
    options.add_argument("--size", type=int, help=argparse.SUPPRESS)
    options.add_argument("--days", type=int, default=WEEK, help=argparse.SUPPRESS)
    options.add_argument("--queries", action="store_true", help=argparse.SUPPRESS)
    chosen = options.parse_args()
    if chosen.size:
        print(json.dumps(measure_size(chosen.size, chosen.days)))
        return
    if chosen.queries:
        print(json.dumps(measure_queries()))
        return
    print("simulate(): 7 days of warm-up, half-hours, all behaviours on, immediate, log in memory")
    print(f"{'users':>10} {'days':>5} {'s':>8} {'ns/user-step':>13} {'events':>12} {'peak MB':>8} {'residual kWh':>13}")
    for users, days in [(SIZES[0], YEAR), *((size, WEEK) for size in SIZES)]:
        if users <= chosen.largest:
            row = in_new_process("--size", str(users), "--days", str(days))
            print(
                f"{users:>10,} {days:>5} {row['seconds']:>8.3f} {row['ns_per_user_step']:>13.1f} "
                f"{row['events']:>12,.0f} {row['peak_mb']:>8,.0f} {row['residual_kwh']:>13.0e}"
            )
    print("\nwhole processes on the default scenario, and their yardstick (medians, taken in turn)")
    with tempfile.TemporaryDirectory() as folder:
        run = [sys.executable, "run_simulator.py", "--quiet", "--out", folder]
        compare("run_simulator.py", run, "import matplotlib.pyplot")
        compare("  --no-plots --no-events", [*run, "--no-plots", "--no-events"], "import numpy, pydantic")
    print(f"\n1,000 users asked for their energy in 2 hours: {in_new_process('--queries')['queries_ms']:.0f} ms")


if __name__ == "__main__":
    main()

"""Hold a year of 2,000 people to the laws of the year, and print what they did.

    python benchmarks/year.py
    python benchmarks/year.py --users 300 --days 60

The laws are in `tests/year.py`: energy is conserved for each user to 1e-6 kWh, the sheet's miles are driven within
sampling error, SoC stays between 0 and 1, and sessions and trips are consistent with the event streams. A broken one
is an AssertionError.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]
CONFIG = ROOT / "config_json.json"
SAMPLE_OF_DRIVERS = 0.01
"""How near the solved habit comes to its frequency: it samples drivers and seasons (tests/test_habits.py)."""


def main() -> None:
    """Run and check."""
    import yearly  # type: ignore[import-not-found] # in tests/, which is on the path from here on

    from evsim import Scenario, simulate

    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--users", type=int, default=2_000)
    options.add_argument("--days", type=int, default=365)
    chosen = options.parse_args()
    settings = {"population_size": chosen.users, "simulation.days": chosen.days, "simulation.start": "2026-01-01T00:00"}
    scenario = Scenario.from_file(CONFIG, [(key, str(value)) for key, value in settings.items()])
    began = time.perf_counter()
    results = simulate(scenario)
    lived = time.perf_counter()
    figures = yearly.check(results)
    print(
        f"{chosen.users:,} users, {chosen.days} days: {lived - began:.1f} s, "
        f"and {time.perf_counter() - lived:.1f} s to check"
    )
    print(f"{len(results.events):,} events, {figures['sessions']:,} sessions; ", end="")
    print(f"largest error of a user's energy {results.certificate.max_residual_kwh:.0e} kWh; ", end="")
    print(f"miles and kWh within {figures['worst_miles_error']:.1f} standard errors of the sheet's")
    miles, _, kwh = yearly.expected_driving(results)
    print(f"{'archetype':<30} {'miles':>8} {'sheet':>8} {'kWh':>7} {'sheet':>7} {'plug-ins/day':>13} {'public':>7}")
    people, plug_ins, public = results.users, yearly.plug_ins_per_day(results), yearly.public_share(results)
    for g, archetype in enumerate(scenario.archetypes):
        mine = people.archetype == g
        driven, used = people.driven_miles[mine].mean(), people.driven_kwh[mine].mean()
        often, error = plug_ins[g]
        print(
            f"{archetype.name:<30} {driven:8,.0f} {miles[g]:8,.0f} {used:7,.0f} {kwh[g]:7,.0f} {often:13.4f} "
            f"{public[g]:7.2%}"
        )
        configured = archetype.plug_in_frequency_per_day
        whole_year = chosen.days % 365 == 0
        if whole_year and abs(often - configured) > yearly.ERRORS_ALLOWED * error + SAMPLE_OF_DRIVERS * configured:
            raise AssertionError(f"{archetype.name} plugs in {often:.4f} times a day, not {configured:g}")


if __name__ == "__main__":
    main()

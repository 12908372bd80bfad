"""Print what a BL01-style baseline of many meters costs.

    python benchmarks/baselines.py
    python benchmarks/baselines.py --meters 10000

Made-up readings of 60 days and the day itself, in float32; then a working day and one of a weekend, with whole days
and with a half-hour missing on a tenth of them, and with the in-day adjustment. Peak memory is that of the process, the
readings included. The first meters are counted again by hand, one half-hour at a time.
"""

from __future__ import annotations

import argparse
import resource
import sys
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from evsim.market import Baseline, Readings, baseline, method_named

DAYS = 60
FIRST, WORKING, WEEKEND = "2023-01-22", "2023-03-23", "2023-03-19"
WINDOW = (35, 36)
P_GAP = 0.1
CHECKED = 50
KB_PER_GB = 1e6
"""What `ru_maxrss` counts on Linux."""


def made_up(n: int) -> Readings:
    """Readings of n meters."""
    luck = np.random.default_rng(1)
    readings = Readings.none_of([f"m{i}" for i in range(n)], FIRST, DAYS + 1, dtype=np.float32)
    for at, n_periods in enumerate(readings.n_periods.tolist()):
        readings.kwh[:, at, :n_periods] = luck.random((n, n_periods), np.float32)
    return readings


def check(found: Baseline, readings: Readings) -> None:
    """Count the first meters again, outside the window."""
    for meter in range(min(CHECKED, len(readings.meters))):
        days = found.used[meter].nonzero()[0].tolist()
        values = [float(readings.kwh[meter, day, 0]) for day in days]
        expected = sum(values) / len(values)
        if abs(found.kwh[meter, 0] - expected) > 1e-9:
            raise SystemExit(f"meter {meter}: {found.kwh[meter, 0]} is not {expected}")


def main() -> None:
    """Make the readings, and time the baselines."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--meters", type=int, default=100_000)
    readings = made_up(options.parse_args().meters)
    print(f"{len(readings.meters):,} meters, {DAYS} days and the day: {readings.kwh.nbytes / 1e9:.2f} GB of readings")
    print(f"{'method':<16} {'day':<8} {'readings':<8} {'s':>5} {'days a meter':>13} {'kWh':>13} {'GB at most':>11}")
    for is_whole in (True, False):
        if not is_whole:
            luck = np.random.default_rng(2)
            readings.kwh[:, :, 20][luck.random(readings.kwh.shape[:2]) < P_GAP] = np.nan
        for name, adjusted in (("bl01", False), ("bl01", True), ("mid_8_of_10", False), ("saving_sessions", False)):
            method = method_named(name, {"in_day_adjustment": True} if adjusted else {})
            for kind, day in (("working", WORKING), ("weekend", WEEKEND)):
                began = time.perf_counter()
                found = baseline(method, readings, day, window=WINDOW if adjusted else None)
                total_kwh = float(np.nansum(found.portfolio))
                seconds = time.perf_counter() - began
                check(found, readings)
                memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / KB_PER_GB
                print(
                    f"{name + ' adjusted' * adjusted:<16} {kind:<8} {'whole' if is_whole else 'gaps':<8} "
                    f"{seconds:>5.2f} "
                    f"{found.used.sum() / len(found.meters):>13.2f} {total_kwh:>13,.0f} {memory:>11.2f}"
                )


if __name__ == "__main__":
    main()

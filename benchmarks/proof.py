"""Print what writing and verifying the proof of a dispatch costs.

    python benchmarks/proof.py
    python benchmarks/proof.py --meters 100000

Made-up readings of 60 days and the day itself, a window of an hour, a tenth of the days with a half-hour missing, and
some orders for each asset. Each method is written and verified; verifying is a process of its own, as on the command
line, so its seconds are whole and its memory is its own. What it says is asserted.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from evsim.market import (
    Evidence,
    Method,
    Orders,
    Readings,
    Window,
    baseline,
    holidays_of,
    method_named,
    windows_by_day,
    write_proof,
)

DAYS = 60
FIRST = "2023-01-22"
WORKING = Window("2023-03-23T17:00:00Z", "2023-03-23T18:00:00Z", "discharge", 20_000.0, 100.0)
KNOWN, KNOWN_S = "2023-03-23T15:00:00Z", 1_679_583_600
P_GAP = 0.1
ORDERS = 4
CASES: tuple[tuple[str, dict[str, bool]], ...] = (
    ("bl01", {}),
    ("bl01", {"in_day_adjustment": True}),
    ("mid_8_of_10", {}),
    ("saving_sessions", {}),
    ("zero", {}),
)
KB_PER_MB = 1e3
VERIFY = """
import sys
from pathlib import Path
from evsim.market import verify_proof

if not verify_proof(Path(sys.argv[1])).agrees:
    raise SystemExit("it does not agree")
print(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0])
"""
"""Linux says what a process took at most; `ru_maxrss` would count the memory of who started it, too."""


def made_up(n: int) -> Readings:
    """Readings of n meters."""
    luck = np.random.default_rng(1)
    readings = Readings.none_of([f"m{i}" for i in range(n)], FIRST, DAYS + 1)
    for at, n_periods in enumerate(readings.n_periods.tolist()):
        readings.kwh[:, at, :n_periods] = luck.random((n, n_periods))
        if at < DAYS:
            gaps = np.flatnonzero(luck.random(n) < P_GAP)
            readings.kwh[gaps, at, luck.integers(0, n_periods, len(gaps))] = np.nan
    return readings


def evidence_of(readings: Readings, method: Method) -> Evidence:
    """A dispatch of all of them."""
    n = len(readings.meters)
    made = [
        baseline(method, readings, day, (), holidays_of(), window)
        for day, window in windows_by_day([WORKING], readings.timezone).items()
    ]
    at = (KNOWN_S + np.repeat(np.arange(ORDERS), n) * 2_400).astype("datetime64[s]")
    orders = Orders(at, np.tile(np.arange(n), ORDERS), np.full(n * ORDERS, -3.3), ["dispatch"] * (n * ORDERS))
    word = {"known_utc": KNOWN, "action": "discharge", "target_kw": 20_000.0, "pence_per_kwh": 100.0}
    return Evidence(
        dispatch_id=f"made-up-{method.name}",
        words=[word],
        windows=[WORKING],
        closed_utc=WORKING.end_utc,
        method=method,
        archetypes=["Average (UK)"] * n,
        responses=["took_part"] * n,
        orders=orders,
        readings=readings,
        baselines=made,
        event_days=(),
        holidays="GB-ENG",
    )


def verified(folder: Path) -> tuple[float, float]:
    """Verify in a process of its own: seconds, starting it included, and the most memory that it took [MB]."""
    began = time.perf_counter()
    done = subprocess.run(  # noqa: S603 - ourselves
        [sys.executable, "-c", VERIFY, str(folder)], cwd=ROOT, check=True, capture_output=True, text=True
    )
    return time.perf_counter() - began, float(done.stdout) / KB_PER_MB


def main() -> None:
    """Write and verify a proof by each method."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--meters", type=int, default=10_000)
    n = options.parse_args().meters
    readings = made_up(n)
    print(f"{n:,} meters, {DAYS} days of history, {ORDERS * n:,} orders")
    print(f"{'method':<24} {'write s':>8} {'MB':>7} {'verify s':>9} {'MB of memory at most':>21}")
    for name, settings in CASES:
        evidence = evidence_of(readings, method_named(name, settings))
        with tempfile.TemporaryDirectory() as folder:
            began = time.perf_counter()
            proof = write_proof(Path(folder), evidence)
            write_s = time.perf_counter() - began
            size = sum(path.stat().st_size for path in proof.folder.iterdir()) / 1e6
            verify_s, most = verified(proof.folder)
        label = f"{name}{' + adjustment' if settings else ''}"
        print(f"{label:<24} {write_s:>8.1f} {size:>7.1f} {verify_s:>9.1f} {most:>21,.0f}")


if __name__ == "__main__":
    main()

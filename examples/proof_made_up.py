"""Prove a dispatch with meters of one's own: three made-up cars, asked to give back 6 kW on a Wednesday from 17:00.

    python -m examples.proof_made_up
    python -m evsim verify outputs/proof_made_up

One of them is not at home, and one lost a half-hour of its readings the week before. The look-back is shorter than the
market's, so that all of it fits on a page.
"""

import shutil
from pathlib import Path

import numpy as np

from evsim.market import (
    Evidence,
    Orders,
    Readings,
    Window,
    baseline,
    holidays_of,
    method_named,
    windows_by_day,
    write_proof,
)

OUT = Path("outputs/proof_made_up")
METERS = ["car-1", "car-2", "car-3"]
WINDOW = Window("2026-01-14T17:00:00Z", "2026-01-14T18:00:00Z", "discharge", 6.0, 100.0)
EVENT_DAYS = ["2026-01-08"]
GIVEN_BACK = {"car-1": -1.6, "car-3": -1.5}


def made_up_readings() -> Readings:
    """Net kWh by half-hour: a little all day, and in the window what was given back."""
    readings = Readings.none_of(METERS, "2025-12-31", 15)
    for m, name in enumerate(METERS):
        for d, day in enumerate(readings.days):
            readings.kwh[m, d, :48] = 0.125 * (1 + (3 * m + 2 * d) % 5)
            if str(day) == "2026-01-14" and name in GIVEN_BACK:
                readings.kwh[m, d, 34:36] = GIVEN_BACK[name]  # periods 35 and 36 begin at 17:00 and 17:30
    readings.kwh[2, readings.index("2026-01-09"), 19] = np.nan
    return readings


def main() -> None:
    """Make the baseline, gather the evidence, write the proof."""
    readings = made_up_readings()
    method = method_named("bl01", {"look_back_days": 14, "n_working": 5})
    baselines = [
        baseline(method, readings, day, EVENT_DAYS, holidays_of("GB-ENG"), periods)
        for day, periods in windows_by_day([WINDOW], readings.timezone).items()
    ]
    orders = Orders(
        at_utc=np.array(["2026-01-14T17:00:00", "2026-01-14T17:00:00", "2026-01-14T18:00:00"], "datetime64[s]"),
        asset=np.array([0, 2, 0]),
        kw=np.array([-3.2, -3.0, np.nan]),
        reason=["dispatch", "dispatch", "dispatch_over"],
    )
    word = {"known_utc": "2026-01-14T15:00:00Z", "action": "discharge", "target_kw": 6.0, "pence_per_kwh": 100.0}
    evidence = Evidence(
        dispatch_id="evening-1",
        words=[word],
        windows=[WINDOW],
        closed_utc=WINDOW.end_utc,
        method=method,
        archetypes=["Average (UK)"] * 3,
        responses=["took_part", "not_plugged_in", "took_part"],
        orders=orders,
        readings=readings,
        baselines=baselines,
        event_days=EVENT_DAYS,
        holidays="GB-ENG",
    )
    shutil.rmtree(OUT, ignore_errors=True)
    proof = write_proof(OUT, evidence)
    totals = evidence.settlement.totals
    print(f"{proof.folder}: {totals['delivered_kwh']:.2f} kWh delivered, {totals['payment_gbp']:.2f} GBP")
    print(f"keep this outside: {proof.manifest_sha256}")


if __name__ == "__main__":
    main()

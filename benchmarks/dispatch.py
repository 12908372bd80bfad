"""A week of 100,000 people with one dispatch, and its twin: `python benchmarks/dispatch.py [USERS]`.

Each round lives both, so that a noisy machine slows both: compare the ratio. It stops where the target was not met.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from evsim import Scenario, simulate
from evsim.market import Twins

USERS, ROUNDS, V2G_PERCENT, CLOSE_KWH = 100_000, 3, 20, 1e-3
EVENING = {"id": "evening", "start": "2026-01-14T18:00", "end": "2026-01-14T19:00"}


def scenario(users: int, action: str) -> Scenario:
    """The default week, with a fifth of the cars able to give back and a fifth of a kW asked of each."""
    config = json.loads((ROOT / "config_json.json").read_text(encoding="utf-8"))
    config["population_size"] = users
    for archetype in config["archetypes"]:
        archetype["v2g_percent"] = V2G_PERCENT
    config["dispatches"] = [{**EVENING, "action": action, "target_kw": users / 5}]
    return Scenario.from_dict(config)


def main() -> None:
    """Print seconds with and without, both together, and the ratio, for each action."""
    users = int(sys.argv[1]) if len(sys.argv) > 1 else USERS
    for action in ("turn_down", "discharge"):
        asked = scenario(users, action)
        for _ in range(ROUNDS):
            begins = time.perf_counter()
            run = simulate(asked)
            between = time.perf_counter()
            twin = simulate(asked.without_dispatches())
            ends = time.perf_counter()
            with_s, without_s = between - begins, ends - between
            told = Twins(run, twin).truth(run.dispatches[0])
            if abs(told.delivered_kwh - users / 5) > CLOSE_KWH:
                sys.exit(f"{action}: {told.delivered_kwh:,.3f} kWh delivered of {users / 5:,.0f}")
            print(
                f"{action:<10} {users:,} users: with {with_s:.2f} s, twin {without_s:.2f} s, together "
                f"{ends - begins:.2f} s, ratio {with_s / without_s:.2f}"
            )


if __name__ == "__main__":
    main()

"""The smallest real worlds: scenarios in one line, and the command line in another."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np

from evsim import Results, Scenario, simulate

ROOT = Path(__file__).parent.parent
FLAT = [[0, 100], [100, 100]]
TAPER = [[0, 100], [80, 100], [100, 30]]


ALIKE = {
    "driving": True, "times": "exact", "p_drive_weekday": 1, "p_drive_weekend": 1, "miles_cv_between_users": 0,
    "miles_cv_between_days": 0, "weekend_mileage_factor": 1, "season": False,
}  # fmt: skip
"""Behaviour of people who drive, all alike and every day the same."""


def row(name="A", percent=100, **changes):
    """The sheet's average driver (60 kWh, 7 kW, 18:00 to 07:00, 68% to 80%), with changes."""
    return {
        "name": name,
        "population_percent": percent,
        "miles_per_year": 9435,
        "battery_kwh": 60,
        "efficiency_miles_per_kwh": 3.5,
        "plug_in_frequency_per_day": 1,
        "charger_kw": 7,
        "plug_in_time": "18:00",
        "plug_out_time": "07:00",
        "target_soc_percent": 80,
        "plug_in_soc_percent": 68,
    } | changes


def config(
    *rows,
    users=1,
    start="2026-01-12T12:00",
    days=2,
    step=30,
    zone="Europe/London",
    seed=1,
    warm_up=2,
    habit=0,
    day=0,
    soc="sheet",
    efficiency=0.9,
    curve=TAPER,
    charging=None,
    driving=False,
    holidays=None,
    signals=None,
    **behaviour,
):
    """A whole config; by default one user, two days from noon, nobody drives, and everybody exact to the second.

    holidays : "none", "GB-ENG", ...; left to evsim's default by None. signals : prices and the like, by their keys.
    Whatever else is given is behaviour.
    """
    return {
        "simulation": {
            "start": start, "days": days, "step_minutes": step, "timezone": zone, "seed": seed,
            "warm_up_days": warm_up,
        } | ({} if holidays is None else {"holidays": holidays}),
        "population_size": users,
        "archetypes": list(rows) or [row()],
        "behaviour": {
            "driving": driving, "plug_time_habit_sd_minutes": habit, "plug_time_day_sd_minutes": day,
            "soc_at_plug_in": soc,
        } | behaviour,
        "battery": {"charging_efficiency": efficiency, "charge_curve": curve},
        "charging": charging or {"strategy": "immediate"},
    } | (signals or {})  # fmt: skip


def scenario(*rows, own=None, **settings):
    """The same as a Scenario; `own` is a strategy class that everybody's chargers follow."""
    if own is None:
        return Scenario.from_dict(config(*rows, **settings))
    settings["charging"] = {"strategy": own.name}
    return Scenario.from_dict(config(*rows, **settings), strategies={own.name: own})


def run(*rows, own=None, **settings) -> Results:
    """What such a run leaves."""
    return simulate(scenario(*rows, own=own, **settings))


def scheduled(opens, closes):
    """The rule that charges only inside a window."""
    return {"strategy": "scheduled", "window": [opens, closes]}


def utc(*texts):
    """Instants, UTC."""
    return [np.datetime64(text, "s") for text in texts]


def story(log, *, but=("report",)):
    """A log as (UTC time, event, reason), without its reports."""
    return [(str(e.at), e.event, e.reason) for e in log if e.event not in but]


def command(*arguments, cwd, **env):
    """Run Python on `arguments` with evsim in reach; text of both streams is kept."""
    return subprocess.run(
        [sys.executable, *map(str, arguments)],
        cwd=cwd,
        env=environment(**env),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def environment(**more):
    """This process's environment, with evsim in reach of Python."""
    return {**os.environ, "PYTHONPATH": str(ROOT), **more}

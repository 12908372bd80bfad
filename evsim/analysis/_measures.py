"""What is measured of a run, so that runs can stand beside one another: one number, or text, under one name each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, TypeAlias

import numpy as np

from evsim._event_kinds import EventKind
from evsim._results import Results
from evsim._units import SECONDS_PER_HOUR, SECONDS_PER_MINUTE, Floats
from evsim.market import bills, has_bills

Measured: TypeAlias = dict[str, float | str]
"""By name, in the order of `MEASURES`."""

EVENING_H = (16, 19)
"""The hours in which Great Britain's grid is fullest: the red band of distribution tariffs, local time."""
_PERCENT = 100


class Measure(NamedTuple):
    """A name, its unit, and what it means."""

    name: str
    unit: str
    meaning: str


PHYSICAL = (
    Measure("n_users", "people", "how many there are"),
    Measure("import_kwh", "kWh", "drawn over the run, at the meter"),
    Measure("export_kwh", "kWh", "given back over the run, at the meter"),
    Measure("peak_kw", "kW", "the highest mean import of one step, everybody together"),
    Measure("peak_at_local", "ISO 8601", "start of that step by the wall clock; empty when nothing is drawn"),
    Measure("admd_kw", "kW", "after-diversity maximum demand: the peak of the mean of all users, peak_kw / n_users"),
    Measure("load_factor", "0-1", "mean import over the run / peak_kw"),
    Measure("import_16_to_19_percent", "%", "of import_kwh, what is drawn from 16:00 to 19:00 local time"),
    Measure("busiest_start_local", "HH:MM", "local minute in which most charges start or go on; empty without any"),
    Measure("busiest_start_percent", "%", "of all those starts, the share of that minute"),
    Measure("n_sessions", "sessions", "plug-ins, those in progress at the start included"),
    Measure("mean_plug_in_soc_percent", "%", "mean SoC at the plug-ins that happened in the run"),
    Measure("n_users_short", "people", "users who left below their target at least once"),
    Measure("short_kwh", "kWh", "what all such departures missed, battery side"),
    Measure("short_miles", "miles", "how far that drives; unknown of recorded sessions"),
    Measure("public_kwh", "kWh", "charged in public, battery side"),
)
"""Of every run."""

MONEY = (
    Measure("import_cost_gbp", "GBP", "import at the prices of its time"),
    Measure("gbp_per_user_year", "GBP", "import less export, for one user and 365 days such as these"),
    Measure("mean_p_per_kwh", "p/kWh", "import_cost_gbp / import_kwh"),
)
"""Of runs that know import prices."""

CARBON = (
    Measure("carbon_kg", "kg", "CO2 of import, at the carbon intensity of its time"),
    Measure("g_per_kwh", "g/kWh", "carbon_kg / import_kwh"),
)
"""Of runs that know carbon intensity."""

MEASURES = (*PHYSICAL, *MONEY, *CARBON)


def measures(results: Results) -> Measured:
    """What `MEASURES` says, of a run; NaN where nothing is known, and no prices or carbon where the config has none."""
    total_kw = results.import_kw.sum(axis=1)
    import_kwh, n_users = float(results.import_kwh.sum()), int(results.n_users.sum())
    peak, everybody = results.peak, results.portrait_of_all
    short = everybody.below_target
    busiest, busiest_share = _busiest_start(results)
    return {
        "n_users": n_users,
        "import_kwh": import_kwh,
        "export_kwh": float(results.export_kwh.sum()),
        "peak_kw": peak.kw,
        "peak_at_local": results.clock.local_text(peak.at) if peak.kw > 0 else "",
        "admd_kw": _ratio(peak.kw, n_users),
        "load_factor": _ratio(float(total_kw.mean()), peak.kw),
        "import_16_to_19_percent": _PERCENT * _ratio(_in_the_evening_kwh(results, total_kw), import_kwh),
        "busiest_start_local": busiest,
        "busiest_start_percent": _PERCENT * busiest_share,
        "n_sessions": int(results.n_sessions.sum()),
        "mean_plug_in_soc_percent": _PERCENT * _mean_plug_in_soc(results),
        "n_users_short": short.users,
        "short_kwh": short.kwh,
        "short_miles": np.nan if short.miles is None else short.miles,
        "public_kwh": everybody.public_kwh,
        **_bills(results),
    }


def rounded(measured: Mapping[str, float | str]) -> Measured:
    """Numbers to nine digits, so that sums taken in another order are written the same.

    A tie is rounded away from zero, and what is a hair under one is a tie.
    """
    return {
        name: float(f"{value * (1 + 1e-12):.9g}") if isinstance(value, float) else value
        for name, value in measured.items()
    }


def _in_the_evening_kwh(results: Results, total_kw: Floats) -> float:
    """Import from 16:00 to 19:00 by the wall clock [kWh]; a step that is partly in them counts in proportion."""
    clock = results.clock
    _, second = clock.local(np.arange(clock.n_steps) * clock.step_s)
    begin_s, end_s = (hour * SECONDS_PER_HOUR for hour in EVENING_H)
    inside_s = np.minimum(second + clock.step_s, end_s) - np.maximum(second, begin_s)
    return float((total_kw * inside_s.clip(0)).sum() / SECONDS_PER_HOUR)


def _busiest_start(results: Results) -> tuple[str, float]:
    """The local minute in which most charges start or go on, as `HH:MM`, and its share of them [0-1]."""
    events, clock = results.events, results.clock
    at = events.column("at_s")[events.column("event") == EventKind.CHARGE_START]
    if not len(at):
        return "", np.nan
    minute = (clock.local(at.astype(np.float64))[1] // SECONDS_PER_MINUTE).astype(np.int64)
    count = np.bincount(minute)
    busiest = int(np.argmax(count))
    hour, rest = divmod(busiest, SECONDS_PER_HOUR // SECONDS_PER_MINUTE)
    return f"{hour:02d}:{rest:02d}", float(count[busiest] / len(at))


def _mean_plug_in_soc(results: Results) -> float:
    """Over the plug-ins that happened in the run [0-1]."""
    log = results.events
    is_new = (log.column("event") == EventKind.PLUG_IN) & (log.column("reason") != log.reason_code("run_start"))
    return _ratio(float(log.column("soc")[is_new].sum(dtype=np.float64)), int(is_new.sum()))


def _bills(results: Results) -> dict[str, float]:
    """What the import cost, and emitted."""
    if not has_bills(results):
        return {}
    total, signals, told = bills(results).total, results.signals, {}
    if signals.import_price is not None:
        told["import_cost_gbp"] = _known(total.import_cost_gbp)
        told["gbp_per_user_year"] = _known(total.net_cost_gbp_per_year)
        told["mean_p_per_kwh"] = _known(total.mean_import_p_per_kwh)
    if signals.carbon_intensity is not None:
        told["carbon_kg"] = _known(total.carbon_kg)
        told["g_per_kwh"] = _known(total.mean_g_per_kwh)
    return told


def _known(value: float | None) -> float:
    return np.nan if value is None else value


def _ratio(total: float, count: float) -> float:
    return total / count if count else np.nan

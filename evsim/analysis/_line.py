"""A run as one line among those it is compared with: what it costs, emits and asks of the network."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from evsim._event_kinds import EventKind
from evsim._results import Results
from evsim._series import Signal
from evsim._units import SECONDS_PER_DAY, SECONDS_PER_MINUTE, Floats
from evsim.analysis._measures import measures

_PERCENT = 100


@dataclass(frozen=True)
class Line:
    """One run in numbers; NaN where nothing is known, as of a cost without a price.

    import_kwh, export_kwh : over the run, at the meter [kWh]; public_kwh : charged elsewhere [kWh, battery side]
    gbp_per_user_year : import less export, at the rate of the run for 365 days [GBP]
    p_per_kwh, g_per_kwh : means over what is imported [p/kWh, gCO2/kWh]
    peak_kw, peak_at_s : the highest mean power of a step [kW], and where that step begins [s]
    admd_kw : the same for each user [kW]; load_factor_percent : mean power of the peak's
    short_kwh, short_miles, short_users : missing to the target at departures [kWh, battery side]; and of how many
    evening_percent : of the import, what is drawn from 16:00 to 19:00 local time
    start_s, start_percent : the local minute at which most charges start or go on [s after midnight], and their share
    """

    n_users: int
    import_kwh: float
    export_kwh: float
    public_kwh: float
    gbp_per_user_year: float
    p_per_kwh: float
    g_per_kwh: float
    peak_kw: float
    peak_at_s: float
    admd_kw: float
    load_factor_percent: float
    short_kwh: float
    short_miles: float
    short_users: int
    evening_percent: float
    start_s: float
    start_percent: float


def line_of(results: Results) -> Line:
    """The line of a run that is over."""
    clock, found = results.clock, measures(results)
    start_s, start_share = _common_start(results)

    def number(name: str) -> float:
        return float(found.get(name, math.nan))

    return Line(
        n_users=int(number("n_users")),
        import_kwh=number("import_kwh"),
        export_kwh=number("export_kwh"),
        public_kwh=number("public_kwh"),
        gbp_per_user_year=number("gbp_per_user_year"),
        p_per_kwh=number("mean_p_per_kwh"),
        g_per_kwh=number("g_per_kwh"),
        peak_kw=number("peak_kw"),
        peak_at_s=float(clock.seconds(results.peak.at)),
        admd_kw=number("admd_kw"),
        load_factor_percent=_PERCENT * number("load_factor"),
        short_kwh=number("short_kwh"),
        short_miles=number("short_miles"),
        short_users=int(number("n_users_short")),
        evening_percent=number("import_16_to_19_percent"),
        start_s=start_s,
        start_percent=_PERCENT * start_share,
    )


def step_means(signal: Signal, results: Results) -> Floats:
    """(n_steps,) a signal's mean over each step."""
    edges = np.arange(results.clock.n_steps + 1, dtype=np.float64) * results.clock.step_s
    return signal.actual.mean(edges[:-1], edges[1:])


def _common_start(results: Results) -> tuple[float, float]:
    """The local minute at which most charges start or go on [s after midnight], and their share [0-1]."""
    events, clock = results.events, results.clock
    at = events.column("at_s")[events.column("event") == EventKind.CHARGE_START]
    if not len(at):
        return math.nan, math.nan
    minute = (clock.local(at.astype(np.float64))[1] // SECONDS_PER_MINUTE).astype(np.int64)
    count = np.bincount(minute, minlength=SECONDS_PER_DAY // SECONDS_PER_MINUTE)
    busiest = int(np.argmax(count))
    return float(busiest * SECONDS_PER_MINUTE), float(count[busiest] / len(at))

"""Made-up dispatches with all that is to be proven of them; no simulation is needed."""

from __future__ import annotations

import datetime as dt

import numpy as np

from evsim.market import Evidence, Orders, Readings, Window, baseline, holidays_of, method_named, windows_by_day
from evsim.market._windows import seconds_of, utc_text

WINDOW = ("2023-03-23T17:00:00Z", "2023-03-23T18:00:00Z")
"""A Thursday; periods 35 and 36."""
SUNDAY = ("2023-03-19T17:00:00Z", "2023-03-19T18:00:00Z")
EVENTS = ("2023-03-15", "2023-03-21")


def window(start=WINDOW[0], end=WINDOW[1], action="turn_down", target_kw=None, pence=100.0):
    return Window(start, end, action, target_kw, pence)


def readings_of(kwh_of, meters=3, first="2023-01-20", last="2023-03-31", timezone="Europe/London"):
    """Meters whose half-hours are kwh_of(meter, date, period); None is missing."""
    n_days = (dt.date.fromisoformat(last) - dt.date.fromisoformat(first)).days + 1
    made = Readings.none_of([f"m{i}" for i in range(meters)], first, n_days, timezone)
    for d, n in enumerate(made.n_periods.tolist()):
        for m in range(meters):
            values = [kwh_of(m, str(made.days[d]), p + 1) for p in range(n)]
            made.kwh[m, d, :n] = [np.nan if value is None else value for value in values]
    return made


def lucky(seed=1, p_missing=0.0):
    """Half-hours by luck, between -0.5 and 1.5 kWh."""
    luck = np.random.default_rng(seed)

    def kwh(_m, _day, _p):
        return None if luck.random() < p_missing else luck.random() * 2 - 0.5

    return kwh


def word_of(one, known, **more):
    """An instruction as it was received."""
    return {
        "known_utc": known, "id": "evening-1", "start": one.start_utc, "end": one.end_utc, "action": one.action,
        "target_kw": one.target_kw, "pence_per_kwh": one.pence_per_kwh, **more,
    }  # fmt: skip


def evidence(
    method="bl01",
    settings=None,
    readings=None,
    windows=None,
    events=EVENTS,
    holidays="GB-ENG",
    responses=None,
    orders=None,
    closed=None,
    words=None,
):
    """A dispatch of three meters, of which the second did not take part."""
    windows = [window()] if windows is None else windows
    readings = readings_of(lucky()) if readings is None else readings
    chosen = method_named(method, settings)
    n = len(readings.meters)
    start = windows[0].start_s if windows else seconds_of(WINDOW[0])
    made = [
        baseline(chosen, readings, day, events, holidays_of(holidays), periods)
        for day, periods in windows_by_day(windows, readings.timezone).items()
    ]
    if responses is None:
        responses = ["not_plugged_in" if i == 1 else "took_part" for i in range(n)]
    if orders is None:
        took = [i for i in range(n) if responses[i] == "took_part"]
        orders = [(start - 1800, i, 0.0, "prepare") for i in took] + [(start, i, -3.3, "dispatch") for i in took]
        end = windows[-1].end_s if windows else start
        orders += [(end, i, np.nan, "dispatch_over") for i in took]
    at, asset, kw, reason = (list(column) for column in zip(*orders, strict=True)) if orders else ([], [], [], [])
    return Evidence(
        dispatch_id="evening-1",
        words=words or [word_of(one, utc_text(start - 7200)) for one in windows or [window()]],
        windows=windows,
        closed_utc=closed or (windows[-1].end_utc if windows else utc_text(start)),
        method=chosen,
        archetypes=["Average (UK)", 'Never home, \u00e9lan "x"', "Average (UK)"][:n] + ["Average (UK)"] * (n - 3),
        responses=responses,
        orders=Orders(
            np.array(at, np.int64).astype("datetime64[s]"), np.array(asset, np.int64), np.array(kw, float), reason
        ),
        readings=readings,
        baselines=made,
        event_days=events,
        holidays=holidays,
        config_hash="0123456789ab",
    )

"""Archetypes that describe recorded people, so that tables, pictures and rules know them."""

from __future__ import annotations

from typing import Any

import numpy as np

from evsim._recorded.judge import TARGET_SOC
from evsim._recorded.sessions import RecordedSessions
from evsim._recorded.wall_clock import WallClock
from evsim._units import HOURS_PER_DAY, SECONDS_PER_DAY, SECONDS_PER_HOUR, SECONDS_PER_MINUTE, Ints

GRAIN_S = 15 * SECONDS_PER_MINUTE
"""Usual times are told to the quarter of an hour."""
LEAST_KNOWN = 10
"""So many departures must have been seen before they tell what is usual."""
USUAL_PLUG_OUT_S = 7 * SECONDS_PER_HOUR
"""Till then: the sheet's 07:00, which is also where CNZ's plug-outs of weekdays are most frequent."""
LEAST_PLUG_INS_PER_DAY = 0.001
ANY_MILES_PER_KWH = 3.5
"""The sheet's; it says nothing here, since no mile is driven."""
_N_GRAINS = SECONDS_PER_DAY // GRAIN_S


def stand_ins(recorded: RecordedSessions, timezone: str, efficiency: float) -> list[dict[str, Any]]:
    """A row of the archetype sheet for each kind of people: its share, and the middle of what its people have.

    timezone : of the wall clock by which usual times are told; efficiency : of charging [0-1]
    """
    wall = WallClock(timezone, int(recorded.plug_in_s.min()), int(recorded.plug_out_s.max()))
    kind = recorded.archetype[recorded.user]
    n_days = max(1.0, float(recorded.plug_out_s.max() - recorded.plug_in_s.min()) / SECONDS_PER_DAY)
    rows = []
    for i, name in enumerate(recorded.archetype_names):
        users, sessions = recorded.archetype == i, kind == i
        n_users, n_sessions = int(users.sum()), int(sessions.sum())
        plug_in, plug_out = (usual_grain(wall.wall_s(at[sessions])) for at in (recorded.plug_in_s, recorded.plug_out_s))
        battery_kwh = float(np.median(recorded.battery_kwh[users]))
        stored = float(np.median(recorded.energy_kwh[sessions])) * efficiency / battery_kwh
        rows.append(
            {
                "name": name,
                "population_percent": 100 * n_users / recorded.n_users,
                "miles_per_year": 0,
                "battery_kwh": battery_kwh,
                "efficiency_miles_per_kwh": ANY_MILES_PER_KWH,
                "plug_in_frequency_per_day": min(1.0, max(LEAST_PLUG_INS_PER_DAY, n_sessions / n_users / n_days)),
                "charger_kw": float(np.median(recorded.charger_kw[users])),
                "plug_in_time": _clock(plug_in),
                "plug_out_time": _clock(plug_out - (plug_out == plug_in)),
                "target_soc_percent": 100 * TARGET_SOC,
                "plug_in_soc_percent": max(0.0, 100 * (TARGET_SOC - stored)),
            }
        )
    return rows


def usual_grain(wall_s: Ints) -> int:
    """The quarter-hour of the day that is nearest to all times together, round the clock (their circular median)."""
    return int(_nearest(np.bincount(_grain(wall_s), minlength=_N_GRAINS)))


def usual_so_far(wall_s: Ints, day: Ints, days: Ints) -> Ints:
    """(n_days,) second of the day that has been usual before each of `days`, of times at `wall_s` on `day` (n,).

    Before `LEAST_KNOWN` times are known it is `USUAL_PLUG_OUT_S`.
    """
    place = np.searchsorted(days, day, side="right")  # the first of the days that comes after it
    counts = np.zeros((len(days) + 1, _N_GRAINS), np.int64)
    np.add.at(counts, (place, _grain(wall_s)), 1)
    known = counts.cumsum(axis=0)[:-1]
    return np.where(known.sum(axis=1) < LEAST_KNOWN, USUAL_PLUG_OUT_S, _nearest(known) * GRAIN_S)


def _grain(wall_s: Ints) -> Ints:
    return (wall_s + GRAIN_S // 2) // GRAIN_S % _N_GRAINS


def _nearest(counts: Ints) -> Ints:
    """(...,) the grain nearest to all that are counted (..., n_grains)."""
    places = np.arange(_N_GRAINS)
    apart = np.abs(places[:, None] - places[None, :])
    return np.asarray((counts @ np.minimum(apart, _N_GRAINS - apart)).argmin(axis=-1))


def _clock(grain: int) -> str:
    """`18:15`."""
    second = grain % _N_GRAINS * GRAIN_S
    return f"{second // SECONDS_PER_HOUR % HOURS_PER_DAY:02d}:{second % SECONDS_PER_HOUR // SECONDS_PER_MINUTE:02d}"

"""Which recorded rows can have happened: each by itself, then those of a user together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np

from evsim._recorded.headers import Column
from evsim._recorded.rows import NOBODY, TIMES, Recorded
from evsim._recorded.settings import BATTERY_LIMITS_KWH
from evsim._recorded.times import LOCAL
from evsim._recorded.wall_clock import Instants, WallClock
from evsim._units import SECONDS_PER_HOUR, SECONDS_PER_MINUTE, Bools, Floats, Ints

RATINGS_KW = (1.4, 2.3, 3.7, 7.4, 11.0, 22.0)
"""Usual home chargers: 6, 10, 16 and 32 A on one phase of 230 V, 16 and 32 A on three (IEC 61851-1, mode 2 and 3)."""
VOLTAGE_MARGIN = 1.1
"""Public grids may have 10% over their nominal voltage (EN 50160), and as much more power flows."""
ROUNDING_S = SECONDS_PER_MINUTE
"""Times are often cut to the minute (Trondheim's are), so that a stay may have been this much longer."""
TARGET_SOC = 0.8
"""Where recorded sessions end: the target of the archetype sheet, below which power does not fall."""
_ALIKE = 1 + 1e-9


@dataclass(frozen=True)
class Judged:
    """The sessions that are kept, in the order of user, plug-in.

    row : (n,) index of the row; plug_in_s, plug_out_s : (n,) UTC [s since 1970]
    """

    row: Ints
    plug_in_s: Ints
    plug_out_s: Ints


def hours_for_fit(plug_in_s: Ints, plug_out_s: Ints) -> Floats:
    """The longest that stays may have lasted, their times being rounded [h]."""
    return (plug_out_s - plug_in_s + ROUNDING_S) / SECONDS_PER_HOUR


def least_battery_kwh(energy_kwh: Floats, efficiency: float) -> Floats:
    """The battery that takes an energy at the meter between 0 and the target [kWh]."""
    return energy_kwh * efficiency / TARGET_SOC


def judge(
    rows: Recorded, columns: Mapping[str, Column], timezone: str, charger_kw: float | None, efficiency: float
) -> Judged:
    """Leave out what cannot have been; what is left is in order, and does not overlap for a user."""
    came, went = _instants(rows, columns, timezone)
    with np.errstate(over="ignore"):
        rows.reject(went <= came, "plug_out_not_after_plug_in", lambda i: _no_stay(came[i], went[i]))
        _leave_out_what_does_not_fit(rows, came, went, _known_charger_kw(rows, charger_kw), efficiency)
    energy = rows.number["energy_kwh"]
    order = np.lexsort((rows.line, energy, went, came, rows.user))
    order = order[rows.is_fine[order]]
    _leave_out_repeated(rows, order, came, went)
    order = order[rows.is_fine[order]]
    _leave_out_overlapping(rows, order, came, went)
    order = order[rows.is_fine[order]]
    return Judged(order, came[order], went[order])


def text_of(at_s: int) -> str:
    """`2018-12-21T09:20:00Z`."""
    return f"{np.datetime64(int(at_s), 's')}Z"


def _instants(rows: Recorded, columns: Mapping[str, Column], timezone: str) -> tuple[Ints, Ints]:
    """Plug-in and plug-out in UTC; a plug-out that occurs twice is the second where the first is before plug-in."""
    is_local = {key: (rows.kind[key] == LOCAL) & rows.is_fine & (not columns[key].is_utc) for key in TIMES}
    walls = np.concatenate([rows.seconds[key][is_local[key]] for key in TIMES])
    wall = WallClock(timezone, int(walls.min()), int(walls.max())) if len(walls) else None
    came, went = (_meant(rows.seconds[key], is_local[key], wall) for key in TIMES)
    for key, found in zip(TIMES, (came, went), strict=True):
        rows.reject(~found.exists, "no_such_time", partial(_skipped, rows.seconds[key], timezone))
    return came.first, np.where(went.first < came.first, went.second, went.first)


def _meant(seconds: Ints, is_local: Bools, wall: WallClock | None) -> Instants:
    """What times mean, of which some are by the wall clock and the others UTC."""
    if wall is None:
        return Instants(seconds, seconds, np.ones(len(seconds), bool))
    first, second, exists = wall.instants(seconds)
    return Instants(np.where(is_local, first, seconds), np.where(is_local, second, seconds), exists | ~is_local)


def _skipped(wall_s: Ints, timezone: str, i: int) -> str:
    return f"{text_of(wall_s[i])[:-1]} does not exist in {timezone}: clocks go forward over it"


def _no_stay(came: int, went: int) -> str:
    return f"plug-out {text_of(went)} is not after plug-in {text_of(came)}"


def _known_charger_kw(rows: Recorded, default_kw: float | None) -> Floats:
    """(n,) each row's user's charger: the largest that the file says, else the config's, else the largest usual one."""
    told = rows.number["charger_kw"]
    largest = np.zeros(len(rows.user_names))
    given = rows.is_fine & ~np.isnan(told)
    np.maximum.at(largest, rows.user[given], told[given])
    largest[largest == 0] = RATINGS_KW[-1] if default_kw is None else default_kw
    return largest[rows.user]


def _leave_out_what_does_not_fit(rows: Recorded, came: Ints, went: Ints, charger_kw: Floats, efficiency: float) -> None:
    energy, hours = rows.number["energy_kwh"], hours_for_fit(came, went)
    stay_h = (went - came) / SECONDS_PER_HOUR

    def too_fast(i: int) -> str:
        return (
            f"{energy[i]:,.6g} kWh in {stay_h[i]:,.4g} h is {energy[i] / stay_h[i]:,.4g} kW; "
            f"the charger gives at most {charger_kw[i]:g} kW"
        )

    def too_much(i: int) -> str:
        need = energy[i] * efficiency / TARGET_SOC
        return f"{energy[i]:,.6g} kWh needs a battery of {need:,.4g} kWh; at most {BATTERY_LIMITS_KWH[1]:,} are allowed"

    rows.reject(energy > charger_kw * hours * _ALIKE, "does_not_fit", too_fast)
    rows.reject(least_battery_kwh(energy, efficiency) > BATTERY_LIMITS_KWH[1], "does_not_fit", too_much)


def _leave_out_repeated(rows: Recorded, order: Ints, came: Ints, went: Ints) -> None:
    """The same user, times and energy once more; where rows have no user, the same times and energy."""
    user, energy = np.where(rows.is_alone, NOBODY, rows.user), rows.number["energy_kwh"]
    if rows.is_alone.any():
        order = order[np.lexsort((rows.line[order], energy[order], went[order], came[order], user[order]))]
    a, b = order[:-1], order[1:]
    same = (user[a] == user[b]) & (came[a] == came[b]) & (went[a] == went[b]) & (energy[a] == energy[b])
    first = order[np.maximum.accumulate(np.where(np.append(False, same), 0, np.arange(len(order))))]
    source = dict(zip(b[same].tolist(), rows.line[first[1:][same]].tolist(), strict=True))
    rows.reject(_at(b[same], len(rows.line)), "duplicate", lambda i: f"the same session as in line {source[i]}")


def _leave_out_overlapping(rows: Recorded, order: Ints, came: Ints, went: Ints) -> None:
    """A session that begins before the last kept one of its user has ended; touching ends are fine."""
    a, b = order[:-1], order[1:]
    clash = (rows.user[a] == rows.user[b]) & (came[b] < went[a])
    suspects = np.zeros(len(rows.user_names), bool)
    suspects[rows.user[b[clash]]] = True
    who = order[suspects[rows.user[order]]]
    during: dict[int, int] = {}
    last, last_user, until = -1, -1, 0
    for i, user, start, end in zip(
        who.tolist(), rows.user[who].tolist(), came[who].tolist(), went[who].tolist(), strict=True
    ):
        if user == last_user and start < until:
            during[i] = last
        else:
            last, last_user, until = i, user, end

    def tell(i: int) -> str:
        other = during[i]
        return f"begins {text_of(came[i])}, before the session of line {rows.line[other]} ends, {text_of(went[other])}"

    rows.reject(_at(np.array(list(during), np.int64), len(rows.line)), "overlap", tell)


def _at(who: Ints, n: int) -> Bools:
    chosen = np.zeros(n, bool)
    chosen[who] = True
    return chosen

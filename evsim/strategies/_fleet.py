"""Sharing a power among cars that want it, for one interval between two decisions.

Pure functions of what is seen now. Cars are told apart by their user number alone: the order in which they are listed
changes nothing. What is shared is the power that is *allowed*: a car that is full before the interval ends leaves its
share unused until the next decision.
"""

from __future__ import annotations

import math
from typing import Literal, NamedTuple, TypeAlias

import numpy as np

from evsim._units import Anything, Bools, Floats, Ints

ShareBy: TypeAlias = Literal["earliest_deadline", "least_laxity", "equally"]

LEAST_KW = 1.4
"""The smallest power worth granting: 6 A, the least charge current of IEC 61851 [kW]."""
KEEPS_ITS_TURN_H = 2.0
"""By how much a car that charges already counts as more pressed than one that waits [h].

Our choice: laxity sinks by an hour an hour for who waits and stands still for who charges, so that two like cars change
places no sooner than after `h` hours, and at every decision without it. Measured with `valley_fill` on 2,000 of the
default people: 2.9 starts a session with 0 h, 1.3 with 1 h, 1.0 with 2 h, 0.9 with 4 h; the peak rises by 0,
0.4, 0.8 and 2.6%.
"""
_MINUTES_PER_HOUR = 60
_BIAS = 2**15
"""Pressure is counted in whole minutes and kept within 22 days either way: 16 bits, which sort in linear time."""
_FAR_MINUTES = 2**15 - 1 - 512
"""Room is left for what a turn is worth."""
_STEPS_PER_KW = 2.0**20
_CLOSE = 1e-9
"""Where a sum comes closer to a capacity than this share of it, it is taken again without rounding."""
_HAIR = 0.25
"""Of the last binary digit of a capacity: a sum that is over by less is rounded to the capacity."""


class Claims(NamedTuple):
    """What some cars want, and how pressed they are; each (n,).

    wanted_kw : the most power each can use [kW]; 0 where it wants none
    leaves_h : time to the expected departure [h], negative when it has passed
    needs_h : time to the target at full power [h]
    is_charging : whether power flows already
    user_id : who
    """

    wanted_kw: Floats
    leaves_h: Floats
    needs_h: Floats
    is_charging: Bools
    user_id: Ints


def share(
    by: ShareBy, claims: Claims, capacity_kw: float, interval_h: float = 0.5, minimum_kw: float = LEAST_KW
) -> Floats:
    """(n,) power granted [kW]; its sum (`math.fsum`) is never above the capacity.

    by : "earliest_deadline" and "least_laxity" (time that is left less time that is needed) give cars their full wish
    in that order, and the first that does not fit what is left; "equally" gives all the same, and who wants less less.
    capacity_kw : what there is [kW]; interval_h : time to the next decision [h]
    minimum_kw : nobody gets less but 0, or the whole of a smaller wish [kW]; where equal shares would fall below it,
    only as many as can have it are served, the earliest deadlines first

    With "least_laxity", a car that charges keeps its turn (`KEEPS_ITS_TURN_H`), unless one that waits cannot wait for
    the next decision. Least laxity first: Dertouzos and Mok 1989, IEEE Trans. Software Eng. 15, 1497.
    """
    wanted_kw = claims.wanted_kw
    if by != "equally":
        return in_turn(pressure(by, claims, interval_h), wanted_kw, claims.user_id, capacity_kw, minimum_kw)
    if not len(wanted_kw) or capacity_kw <= 0:
        return np.zeros(len(wanted_kw))
    if _fits(wanted_kw, capacity_kw):
        return wanted_kw.copy()
    if _fits(np.minimum(wanted_kw, minimum_kw), capacity_kw):
        return np.minimum(wanted_kw, _level(wanted_kw, capacity_kw, minimum_kw))
    rows = by_user(claims.user_id, np.arange(len(wanted_kw)))
    order = rows[np.argsort(pressure(by, claims, interval_h)[rows], kind="stable")]
    granted = np.zeros(len(wanted_kw))
    granted[order] = _first_equally(wanted_kw[order], capacity_kw, minimum_kw)
    return granted


def pressure(by: ShareBy, claims: Claims, interval_h: float) -> Anything:
    """(n,) how late each may be served, in minutes: 16 bits that only compare; lower ones come first.

    By least laxity: those who cannot wait for the next decision, then the others, in each part those on turn
    `KEEPS_ITS_TURN_H` before who waits.
    """
    hours = claims.leaves_h - claims.needs_h if by == "least_laxity" else claims.leaves_h * 1.0
    hours *= _MINUTES_PER_HOUR
    np.floor(hours, out=hours)
    minutes = np.clip(hours, -_FAR_MINUTES, _FAR_MINUTES, out=hours).astype(np.int32)
    if by == "least_laxity":
        keeps = round(KEEPS_ITS_TURN_H * _MINUTES_PER_HOUR)
        cannot_wait = minutes < interval_h * _MINUTES_PER_HOUR
        minutes -= keeps * claims.is_charging
        minutes -= 2 * keeps * cannot_wait
    return (minutes + _BIAS).astype(np.uint16)


def in_turn(when: Anything, wanted_kw: Floats, user_id: Ints, capacity_kw: float, minimum_kw: float) -> Floats:
    """(n,) the full wish of the first, what is left to the next, nothing to the rest [kW].

    when : (n,) of `pressure`; of those that are equal the lowest user number comes first
    """
    if not len(when) or capacity_kw <= 0:
        return np.zeros(len(when))
    if _fits(wanted_kw, capacity_kw):
        return wanted_kw.copy()
    upto = np.cumsum(np.bincount(when, wanted_kw))
    surely = capacity_kw * (1 - len(when) * np.finfo(np.float64).eps)  # running sums are rounded
    last = int(np.searchsorted(upto, surely, side="right"))
    granted = np.where(when < last, wanted_kw, 0.0)
    turn = by_user(user_id, (when == last).nonzero()[0])
    before = float(upto[last - 1]) if last else 0.0
    n_full = int(np.searchsorted(before + np.cumsum(wanted_kw[turn]), 2 * capacity_kw - surely, side="right"))
    granted[turn[:n_full]] = wanted_kw[turn[:n_full]]
    while (left := _left(capacity_kw, granted)) < 0:
        n_full -= 1
        granted[turn[n_full]] = 0.0
    if n_full < len(turn):
        wish = float(wanted_kw[turn[n_full]])
        is_safe = left >= capacity_kw or left <= capacity_kw / 2  # adding it is rounded to the capacity
        rest = wish if wish <= left + _HAIR * math.ulp(capacity_kw) else left if is_safe else math.nextafter(left, 0)
        granted[turn[n_full]] = rest if rest >= min(minimum_kw, wish) else 0.0
    return granted


def by_user(user_id: Ints, rows: Ints) -> Ints:
    """Rows in the order of user numbers: sums and ties shall not depend on how cars are listed."""
    user = user_id[rows]
    return rows if (user[1:] > user[:-1]).all() else rows[np.argsort(user, kind="stable")]


def _first_equally(wanted_kw: Floats, capacity_kw: float, minimum_kw: float) -> Floats:
    """(n,) the same for the first that can have the minimum; smaller wishes in full, nothing to the rest."""
    n, _ = _how_many(np.minimum(wanted_kw, minimum_kw), capacity_kw)
    granted = np.zeros(len(wanted_kw))
    granted[:n] = np.minimum(wanted_kw[:n], _level(wanted_kw[:n], capacity_kw, minimum_kw))
    return granted


def _how_many(wanted_kw: Floats, capacity_kw: float) -> tuple[int, float]:
    """How many of the first a capacity is enough for, and what they leave of it [kW]."""
    roughly = capacity_kw * (1 + len(wanted_kw) * np.finfo(np.float64).eps)  # running sums are rounded
    n = int(np.searchsorted(np.cumsum(wanted_kw), roughly, side="right"))
    while (left := _left(capacity_kw, wanted_kw[:n])) < 0:
        n -= 1
    return n, left


def _level(wanted_kw: Floats, capacity_kw: float, least_kw: float) -> float:
    """The share at which those who want more use up the capacity with those who want less; all can have the least."""
    if not len(wanted_kw) or _fits(wanted_kw, capacity_kw):
        return math.inf
    rising = np.sort(wanted_kw)
    sharing = np.arange(len(rising), 0, -1)
    levels = (capacity_kw - np.cumsum(rising) + rising) / sharing
    first = int(np.argmax(np.append(levels[:-1] <= rising[:-1], True)))
    level = float(levels[first])
    while (left := _left(capacity_kw, np.minimum(rising, level))) < 0:
        level = math.nextafter(level + left / sharing[first], 0)
    return max(level, least_kw)


def _fits(wanted_kw: Floats, capacity_kw: float) -> bool:
    spare = capacity_kw - float(wanted_kw.sum())
    return spare >= 0 if abs(spare) > _CLOSE * capacity_kw else _left(capacity_kw, wanted_kw) >= 0


def _left(capacity_kw: float, granted_kw: Floats) -> float:
    """What is left of a capacity [kW]; 0 when less than a hair is missing.

    Without rounding on the way: sums of whole milliwatts (nearly: 2**-20 kW) are exact, and the rest is tiny. It is
    `math.fsum` in a tenth of its time.
    """
    coarse = np.rint(granted_kw * _STEPS_PER_KW) / _STEPS_PER_KW
    left = math.fsum((capacity_kw, -float(coarse.sum()), -float((granted_kw - coarse).sum())))
    return left if left < -_HAIR * math.ulp(capacity_kw) else max(left, 0.0)

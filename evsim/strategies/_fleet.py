"""Sharing a power among cars that want it, for one interval between two decisions.

Pure functions of what is seen now. Cars are told apart by their user number alone: the order in which they are listed
changes nothing. What is shared is the power that is *allowed*: a car that is full before the interval ends leaves its
share unused until the next decision.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
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
_FINE_PER_KW = 2.0**52
LATER = 2**17
"""Added to a pressure: behind all others."""
_EVERYBODY = 2**18
"""More than any pressure."""
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
        minutes -= np.int32(keeps) * claims.is_charging
        minutes -= np.int32(2 * keeps) * cannot_wait
    return (minutes + _BIAS).astype(np.uint16)


def in_turn(when: Anything, wanted_kw: Floats, user_id: Ints, capacity_kw: float, minimum_kw: float) -> Floats:
    """(n,) the full wish of the first, what is left to the next, nothing to the rest [kW].

    when : (n,) of `pressure`; of those that are equal the lowest user number comes first
    """
    (turn,) = turns([tallied(when, wanted_kw)], capacity_kw)
    return granted_in_turn(turn, when, wanted_kw, user_id, minimum_kw)


class Tally(NamedTuple):
    """The wishes of a part of a fleet by pressure; each (m,), for the pressures that occur, rising.

    coarse_kw, rest_kw : their sum is the wish (see `_in_two`) [kW]; tallies add up without rounding
    """

    when: Ints
    coarse_kw: Floats
    rest_kw: Floats


class Turn(NamedTuple):
    """Who is served of a part: all of a lower pressure than `upto`, and of those at it some or nobody.

    taken_kw : what more pressed cars, and those of the same pressure in parts before, take of the capacity
    (coarse and rest) [kW]; None when none of this pressure is left for this part
    """

    upto: int
    capacity_kw: float = 0.0
    taken_kw: tuple[float, float] | None = None


def tallied(when: Anything, wanted_kw: Floats) -> Tally:
    """Wishes (n,) counted by `pressure` (n,)."""
    first = int(when.min()) if len(when) else 0
    row = (when - first).astype(np.intp)
    coarse_kw, rest_kw = (np.bincount(row, part) for part in _in_two(wanted_kw))
    rows = ((coarse_kw != 0) | (rest_kw != 0)).nonzero()[0]
    return Tally(rows + first, coarse_kw[rows], rest_kw[rows])


def turns(tallies: Sequence[Tally], capacity_kw: float) -> list[Turn]:
    """Who is served of each part, when the parts follow one another by user number."""
    if capacity_kw <= 0:
        return [Turn(0)] * len(tallies)
    whens, coarses, rests = zip(*tallies, strict=True)
    when, row = np.unique(np.concatenate(whens), return_inverse=True)
    coarse_kw, rest_kw = (np.bincount(row, np.concatenate(part)).cumsum() for part in (coarses, rests))
    n = _n_that_fit(coarse_kw, rest_kw, capacity_kw)
    if n == len(when):
        return [Turn(_EVERYBODY)] * len(tallies)
    taken = (float(coarse_kw[n - 1]), float(rest_kw[n - 1])) if n else (0.0, 0.0)
    return _turns_at(int(when[n]), tallies, capacity_kw, taken)


def _turns_at(last: int, tallies: Sequence[Tally], capacity_kw: float, taken: tuple[float, float]) -> list[Turn]:
    """The same, when the capacity is used up among cars of a pressure, and more pressed ones take some of it [kW]."""
    found = [Turn(last)] * len(tallies)
    for i, tally in enumerate(tallies):
        mine = tally.when == last
        after = taken[0] + float(tally.coarse_kw[mine].sum()), taken[1] + float(tally.rest_kw[mine].sum())
        if _left_after(capacity_kw, *after) < 0:
            found[i] = Turn(last, capacity_kw, taken)
            break
        found[i], taken = Turn(last + 1), after
    return found


def exact_sum(kw: Floats) -> tuple[float, float]:
    """The sum of powers, coarse and rest [kW]: sums of parts add up to the sum of all."""
    coarse, rest = _in_two(kw)
    return float(coarse.sum()), float(rest.sum())


def fit(sums: Iterable[tuple[float, float]], capacity_kw: float) -> bool:
    """Whether a capacity is enough for all together."""
    coarse, rest = zip(*sums, strict=True)
    return _left_after(capacity_kw, sum(coarse), sum(rest)) >= 0


def granted_in_turn(turn: Turn, when: Anything, wanted_kw: Floats, user_id: Ints, minimum_kw: float) -> Floats:
    """(n,) what each of a part is granted [kW]."""
    granted = np.where(when < turn.upto, wanted_kw, 0.0)
    if turn.taken_kw is None:
        return granted
    capacity_kw = turn.capacity_kw
    rows = by_user(user_id, (when == turn.upto).nonzero()[0])
    coarse_kw, rest_kw = (
        np.cumsum(np.append(taken, part)) for taken, part in zip(turn.taken_kw, _in_two(wanted_kw[rows]), strict=True)
    )
    n = _n_that_fit(coarse_kw[1:], rest_kw[1:], capacity_kw)
    granted[rows[:n]] = wanted_kw[rows[:n]]
    if n < len(rows):
        left, wish = _left_after(capacity_kw, float(coarse_kw[n]), float(rest_kw[n])), float(wanted_kw[rows[n]])
        is_safe = left >= capacity_kw or left <= capacity_kw / 2  # adding it is rounded to the capacity
        rest = min(wish, left if is_safe else math.nextafter(left, 0))
        granted[rows[n]] = rest if rest >= min(minimum_kw, wish) else 0.0
    return granted


def _n_that_fit(coarse_kw: Floats, rest_kw: Floats, capacity_kw: float) -> int:
    """How many of some running sums, which rise, are within a capacity."""
    n = int(np.searchsorted(coarse_kw + rest_kw, capacity_kw, side="right"))  # their sum is rounded
    while n < len(coarse_kw) and _left_after(capacity_kw, float(coarse_kw[n]), float(rest_kw[n])) >= 0:
        n += 1
    while n and _left_after(capacity_kw, float(coarse_kw[n - 1]), float(rest_kw[n - 1])) < 0:
        n -= 1
    return n


def _in_two(kw: Floats) -> tuple[Floats, Floats]:
    """Powers (n,) in whole multiples of 2**-20 kW (a milliwatt), and the rest of each, in multiples of 2**-52 kW.

    Up to 8 GW and 4 million cars, either adds up without rounding, whatever the order. A power of 1 kW or more has no
    finer digits, and less is rounded up: a sum may be too large by 2e-16 kW a car, and is never too small.
    """
    coarse = np.rint(kw * _STEPS_PER_KW)
    coarse /= _STEPS_PER_KW
    rest = kw - coarse
    rest *= _FINE_PER_KW
    np.ceil(rest, out=rest)
    rest /= _FINE_PER_KW
    return coarse, rest


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
    """What is left of a capacity [kW]; 0 when less than a hair is missing. It is `math.fsum` in a tenth of its time."""
    coarse, rest = _in_two(granted_kw)
    return _left_after(capacity_kw, float(coarse.sum()), float(rest.sum()))


def _left_after(capacity_kw: float, coarse_kw: float, rest_kw: float) -> float:
    """What two sums leave of a capacity [kW]; 0 when less than a hair is missing."""
    left = math.fsum((capacity_kw, -coarse_kw, -rest_kw))
    return left if left < -_HAIR * math.ulp(capacity_kw) else max(left, 0.0)

"""The flattest total that a fleet can draw: a convex optimum, found exactly.

    k, T   slots from now, and how many        D_k  demand of everything else in slot k [kWh]
    E_i    what car i still takes [kWh]        L_k  what the cars draw in slot k [kWh]
    u_i    the most it takes in a slot [kWh]   d_i  slots until it leaves: it may charge in 0 .. d_i - 1

Cars that are all here now can draw a total L, and no other, when for every set S of slots

    sum of L over S  <=  f(S) = sum_i min(E_i, u_i |S and {0 .. d_i - 1}|),   with equality for all slots

f is submodular, and the condition is exact: it is max-flow min-cut of cars that feed slots (where all leave at once, it
is the sorted test of Panda and Tindemans 2023, arXiv 2310.02729). The least sum of (D_k + L_k)^2 over that polytope
is found by *decomposition* (Fujishige 1980, Math. Oper. Res. 5, 186; Groenevelt 1991, Eur. J. Oper. Res. 54, 227):
fill all slots to one level; where some set of them got more than it can take, take the set that is over by most, give
it all that it can take, and go on in it and in the rest, each for itself.

Because windows are nested, f(S) needs only how many slots of S lie before each deadline, and the set that is over by
most is found slot by slot: T steps on a column of T numbers. Nothing is rounded to a grid but deadlines. Not
modelled: arrivals to come, and power that falls as a battery fills.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np

from evsim._units import Bools, Floats, Ints

_TOLERANCE = 1e-12
"""Of all energy: a set that is over by less is not over."""
Part: TypeAlias = tuple[Bools, Bools]
"""Slots that are settled already and have first claim on the cars (T,), and the slots in question (T,)."""


def takes(energy_kwh: Floats, slot_kwh: Floats, slots: Ints, n_slots: int) -> Floats:
    """(T + 1, T + 1) what the cars that leave after d slots take in c of them: sum of min(E_i, u_i c) [kWh].

    energy_kwh, slot_kwh, slots : E_i, u_i > 0 and 1 <= d_i <= n_slots, each (n,)
    """
    return taken_by(counted(energy_kwh, slot_kwh, slots, n_slots))


def counted(energy_kwh: Floats, slot_kwh: Floats, slots: Ints, n_slots: int) -> Floats:
    """(2, T + 1, T + 1) energy and power of cars [kWh] by deadline and full slots of charge; such tables add up."""
    width = n_slots + 1
    full = np.minimum(energy_kwh / slot_kwh, slots).astype(np.int64)
    full += slots * width
    return np.stack([np.bincount(full, w, width * width).reshape(width, width) for w in (energy_kwh, slot_kwh)])


def taken_by(counts: Floats) -> Floats:
    """The table of `takes` for counted cars."""
    energy, power = counts
    charged = np.cumsum(energy, axis=1) - energy
    charging = np.cumsum(power[:, ::-1], axis=1)[:, ::-1]
    return np.asarray(charged + np.arange(len(energy)) * charging)


def flattest(demand_kwh: Floats, taken: Floats) -> Floats:
    """(T,) what the cars draw in each slot [kWh], so that the sum of squares of the total is least.

    demand_kwh : (T,) of everything else; taken : (T + 1, T + 1) of `takes`
    """
    profile = np.zeros(len(demand_kwh))
    parts = [_whole(len(demand_kwh))]
    while parts:
        part = parts.pop()
        filled, tight = _fill(demand_kwh, taken, part)
        if tight is None:
            profile[part[1]] = filled[part[1]]
        else:
            parts += _split(part, tight)
    return profile


def flattest_now(demand_kwh: Floats, taken: Floats) -> float:
    """The first slot of `flattest` [kWh], at a fraction of its price."""
    part = _whole(len(demand_kwh))
    while True:
        filled, tight = _fill(demand_kwh, taken, part)
        if tight is None:
            return float(filled[0])
        inside, outside = _split(part, tight)
        part = inside if tight[0] else outside


def _whole(n_slots: int) -> Part:
    return np.zeros(n_slots, np.bool_), np.ones(n_slots, np.bool_)


def _split(part: Part, tight: Bools) -> tuple[Part, Part]:
    """A set that gets all it can take, and the other slots of a part, which get what the set leaves."""
    settled, free = part
    return (settled, tight), (settled | tight, free & ~tight)


def _fill(demand_kwh: Floats, taken: Floats, part: Part) -> tuple[Floats, Bools | None]:
    """(T,) draw that brings the slots of a part to one level [kWh], and the set that is over by most, if one is."""
    settled, free = part
    before = _most(taken, settled)
    energy = _most(taken, settled | free) - before
    filled = (energy + demand_kwh[free].sum()) / free.sum() - demand_kwh
    room, tight = _tightest(filled, taken, part)
    scale = taken[:, -1].sum() + np.abs(demand_kwh).sum()
    is_over = room < before - _TOLERANCE * scale and tight.any() and (tight != free).any()
    return filled, tight if is_over else None


def _most(taken: Floats, slots: Bools) -> float:
    """f(S): what the cars take in a set of slots (T,) at most [kWh]."""
    return float(taken[np.arange(1, len(taken)), np.cumsum(slots)].sum())


def _tightest(filled: Floats, taken: Floats, part: Part) -> tuple[float, Bools]:
    """The least of f(settled and S) - filled(S) over sets S of free slots [kWh], and where it is (T,).

    `least[c]` is the least over the slots seen so far with c of them in the set.
    """
    settled, free = part
    least = np.full(len(taken), np.inf)
    least[0] = 0.0
    with_it = np.full_like(least, np.inf)
    chosen = np.zeros((len(free), len(taken)), np.bool_)
    for k, row in enumerate(taken[1:]):
        if settled[k] or free[k]:
            np.subtract(least[:-1], filled[k] if free[k] else 0.0, out=with_it[1:])
            chosen[k] = with_it < least if free[k] else True
            least = np.where(chosen[k], with_it, least)
        least += row
    c = int(np.argmin(least))
    room, tight = float(least[c]), np.zeros(len(free), np.bool_)
    for k in range(len(free) - 1, -1, -1):
        tight[k] = chosen[k, c] and free[k]
        c -= int(chosen[k, c])
    return room, tight

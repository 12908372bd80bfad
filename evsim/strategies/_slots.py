"""The best hours of a stay: what the rules that follow a price have in common.

    slot      a stretch of one value of the series; neighbours of equal value are one slot
    rank      a slot's place among all, the best first; of equal ones the earlier
    marginal  the worst slot that a car uses, mostly a part of it only

With one power throughout, time is energy, and the best way to fill the hours needed is to take the best slots: a linear
programme with one constraint is solved by sorting (Dantzig 1957, doi:10.1287/opre.5.2.266). Where the charge curve
bends hours are not alike, and this is near the best, not the best (measured by `benchmarks/optimality.py`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from evsim._series import Known, Series
from evsim._units import SECONDS_PER_HOUR, Anything, Bools, Floats, Ints, pieces, rows_where
from evsim.strategies._observation import Observation
from evsim.strategies._orders import NEVER, Orders

_ROUNDING_S = 1e-6
"""So much of a slot, or of a need, is rounding."""
_PIECE = 8_192
"""Cars at a time, so that their slots stay in the processor's cache; measured."""


class Stretches(NamedTuple):
    """When cars charge; each (m,), by car and then in time order: row of the car, start and stop [s]."""

    row: Ints
    start: Floats
    stop: Floats


def best_slots(cars: Observation, reason: str, *weighted: tuple[Known | None, float]) -> Iterator[Orders]:
    """Full power in the best hours before the expected departure: those with the lowest sum of some series.

    weighted : (what is known of a signal, its weight); one of which nothing is known is alike at all hours

    A car's last order runs until the target, which takes up what is lost when instants become seconds. A car whose stay
    is too short charges at once, and until the target if it stays on.
    """
    now, leaves = cars.now, cars.expected_departure
    need_s = cars.hours_to(cars.target_soc) * SECONDS_PER_HOUR
    hurries = rows_where((need_s > 0) & (need_s >= leaves - now))
    if len(hurries):
        yield cars.orders(which=hurries, reason="short_stay")
    waits = rows_where((need_s > _ROUNDING_S) & (need_s < leaves - now))
    if len(waits):
        now, leaves = now[waits], leaves[waits]
        value = _sum(weighted, float(now.min()), float(leaves.max()))
        car, start, stop = best_stretches(value, now, leaves, need_s[waits], cars.is_charging[waits])
        stop[np.append(car[1:] != car[:-1], True)] = NEVER
        yield cars.orders(which=waits[car], start=start, stop=stop, reason=reason, stop_reason="slot_over")


def best_stretches(
    value: Series, since: Floats, until: Floats, need_s: Floats, is_charging: Bools | None = None
) -> Stretches:
    """The stretches that fill `need_s` with the lowest values of a series between `since` and `until`.

    since, until, need_s : (n,) [s], 0 < need_s < until - since, within the series
    is_charging : (n,) for whom there is a stretch before `since`; for nobody by default

    Of the marginal slot a car uses the part that joins the stretch before it; else the part that joins the one after
    it; else the first part. What adjoins is one stretch.
    """
    slots = _merged(value)
    found = []
    for piece in pieces(len(since), _PIECE):
        on = is_charging[piece] if is_charging is not None else np.zeros(piece.stop - piece.start, np.bool_)
        row, start, stop = _stretches(slots, since[piece], until[piece], need_s[piece], on)
        found.append((row + piece.start, start, stop))
    return Stretches(*(np.concatenate(columns) for columns in zip(*found, strict=True)))


def _stretches(slots: Series, since: Floats, until: Floats, need_s: Floats, is_charging: Bools) -> Stretches:
    order = np.argsort(slots.values, kind="stable")
    n_used, over_s = _fill(slots, order, since, until, need_s)
    is_used = _used(slots, order, n_used, since, until)
    begins, ends = is_used[:-1].copy(), is_used[:-1] & ~is_used[1:]
    begins[1:] &= ~is_used[:-2]

    marginal, car = order[n_used - 1], np.arange(len(since))
    low, high = np.maximum(since, slots.edges[marginal]), np.minimum(until, slots.edges[marginal + 1])
    part_s = high - low - over_s
    is_part = over_s > _ROUNDING_S
    is_late = is_part & is_used[marginal + 1, car] & ~is_used[marginal - 1, car] & ~(is_charging & (low == since))
    breaks = rows_where(is_part & ~is_late & is_used[marginal + 1, car])  # between the part and what follows
    ends[marginal[breaks], breaks] = begins[marginal[breaks] + 1, breaks] = True

    row, slot = _by_car(begins)
    start = np.maximum(since[row], slots.edges[slot])
    at = rows_where(is_late[row] & (slot == marginal[row]))
    start[at] = (high - part_s)[row[at]]
    row, slot = _by_car(ends)
    stop = np.minimum(until[row], slots.edges[slot + 1])
    at = rows_where((is_part & ~is_late)[row] & (slot == marginal[row]))
    stop[at] = (low + part_s)[row[at]]
    return Stretches(row, start, stop)


def _fill(slots: Series, order: Ints, since: Floats, until: Floats, need_s: Floats) -> tuple[Anything, Floats]:
    """(n,) how many of the slots in `order`, the best first, fill the need, and by how much they are more [s]."""
    left_s, n_used = need_s.copy(), np.zeros(len(since), np.int32)
    for slot in order.tolist():
        needs = left_s > _ROUNDING_S
        if not needs.any():
            break
        np.add(n_used, needs, out=n_used)
        there_s = np.minimum(until, slots.edges[slot + 1])
        there_s -= np.maximum(since, slots.edges[slot])
        np.maximum(there_s, 0.0, out=there_s)
        there_s *= needs  # nothing more for those who have enough
        left_s -= there_s
    return n_used, -left_s


def _used(slots: Series, order: Ints, n_used: Anything, since: Floats, until: Floats) -> Bools:
    """(slots + 1, n) whether a car uses a slot; the last row stands for what is beside the first and the last slot."""
    is_used = np.zeros((len(slots) + 1, len(since)), np.bool_)
    used = is_used[:-1]
    np.less(np.argsort(order).astype(n_used.dtype)[:, None], n_used, out=used)
    used &= since < slots.edges[1:, None]
    used &= until > slots.edges[:-1, None]
    return is_used


def _by_car(mask: Bools) -> tuple[Ints, Ints]:
    """Car and slot where a mask (slots, cars) is true, by car and then in time order."""
    flat = rows_where(np.ascontiguousarray(mask.T).ravel())
    return flat // len(mask), flat % len(mask)


def _merged(series: Series) -> Series:
    """The same with equal neighbours made one, so that what is found does not depend on how a series is cut."""
    is_new = np.append(True, series.values[1:] != series.values[:-1])
    return Series(np.append(series.edges[:-1][is_new], series.edges[-1]), series.values[is_new])


def _sum(weighted: tuple[tuple[Known | None, float], ...], first_s: float, end_s: float) -> Series:
    """The weighted sum of what is known, from one instant to another."""
    known = [(signal.between(first_s, end_s), weight) for signal, weight in weighted if signal is not None]
    if not known:
        return Series.constant(0.0, first_s, end_s)
    edges = np.unique(np.concatenate([part.edges for part, _ in known]))
    return Series(edges, sum((weight * part.at(edges[:-1]) for part, weight in known), np.zeros(len(edges) - 1)))

"""What is due in which step: appointments sorted once, taken step by step."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from evsim._units import Anything, Ints


class Batch(NamedTuple):
    """Appointments sorted by step: rows bounds[i] to bounds[i + 1] are those of step `first_step + i`."""

    first_step: int
    bounds: list[int]
    columns: tuple[Anything, ...]


def batch(step_s: int, at_s: Anything, *others: Anything, rows: Ints | None = None) -> Batch:
    """Sort appointments at `at_s` (n,) [s] and what goes with them; those of one step keep their order.

    rows : which of them, all by default
    """
    columns = (at_s, *others)
    if rows is not None:
        at_s = at_s[rows]
    if not len(at_s):
        return Batch(0, [0], tuple(column[:0] for column in columns))
    step = (at_s // step_s).astype(np.int64)
    first = int(step.min())
    step -= first
    bounds = np.concatenate(([0], np.cumsum(np.bincount(step))))
    order = np.argsort(step.astype(np.uint16) if len(bounds) < 1 << 16 else step, kind="stable")
    if rows is not None:
        order = rows[order]
    return Batch(first, bounds.tolist(), tuple(column[order] for column in columns))


class Agenda:
    """Appointments of users, bucketed by step: adding sorts once, taking is a slice.

    The first column is always the instant [s]; the others are whatever goes with it, of the given kinds.
    """

    def __init__(self, kinds: tuple[type, ...]) -> None:
        self._none: tuple[Anything, ...] = tuple(np.zeros(0, kind) for kind in kinds)
        self._batches: list[Batch] = []

    def add(self, batch: Batch) -> None:
        """Enter appointments."""
        if len(batch.bounds) > 1:
            self._batches.append(batch)

    def take(self, first: int, end: int) -> tuple[Anything, ...]:
        """The columns of what is due in steps `first` to `end`; steps must be taken in order."""
        due, over = [], False
        for start, bounds, columns in self._batches:
            a, b, last = first - start, end - start, len(bounds) - 1
            if b >= last:
                b, over = last, True
            if b > 0 and bounds[a := max(a, 0)] < bounds[b]:
                due.append(tuple(column[bounds[a] : bounds[b]] for column in columns))
        if over:
            self._batches = [one for one in self._batches if end - one.first_step < len(one.bounds) - 1]
        if not due:
            return self._none
        return due[0] if len(due) == 1 else tuple(np.concatenate(parts) for parts in zip(*due, strict=True))

"""Intervals cut at step boundaries, so that many steps can be lived in one go."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from evsim._units import Bools, Floats, Ints, rows_where


class Split(NamedTuple):
    """The parts of some intervals, one interval after the other; each (m,) but the last two (n,).

    row : whose part it is; until : where it ends [s]; step : the one it lies in; is_cut : whether it ends at a boundary
    that the interval goes on from; first, last : the parts of each interval
    """

    row: Ints
    until: Floats
    step: Ints
    is_cut: Bools
    first: Ints
    last: Ints

    def before(self, at_start: Floats, at_end: Floats) -> Floats:
        """(m,) what something is where parts begin, given where they end (m,) and where intervals begin (n,)."""
        value = np.empty(len(self.row))
        value[1:] = at_end[:-1]
        value[self.first] = at_start
        return value


def by_step(since: Floats, to: Floats, step_s: int, goes_on: Bools) -> Split:
    """Cut intervals from `since` to `to` (n,) [s], since < to, into parts that lie in one step each.

    goes_on : (n,) whether an interval that ends on a boundary is cut there (it goes on), or just ends
    """
    first_cut = np.floor_divide(since, step_s).astype(np.int64) + 1
    last = np.floor_divide(to, step_s).astype(np.int64)
    is_on_boundary = last * step_s == to
    n_parts = np.where(is_on_boundary, last - first_cut + 1, last - first_cut + 2)
    end = np.cumsum(n_parts)
    begin = end - n_parts
    row = np.repeat(np.arange(len(to)), n_parts)
    number = (first_cut - begin)[row] + np.arange(len(row))
    boundary = number * float(step_s)
    until = np.minimum(boundary, to[row])
    is_cut = boundary == until
    is_cut[end[rows_where(~goes_on)] - 1] = False
    return Split(row, until, number - 1, is_cut, begin, end - 1)

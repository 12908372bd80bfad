"""What is to happen inside one step, and which of it comes first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple, TypeAlias

import numpy as np

from evsim._units import PIECE, Anything, Bools, Ints, pieces

_SEVERAL = -1

Columns: TypeAlias = tuple[Anything, ...]

_WHOLE, _REAL = np.int64, np.float64
LEAVE = (_WHOLE, _WHOLE)
"""Kinds of the columns of a leaving: instant [s], user."""
ARRIVE = (_WHOLE, _WHOLE)
"""Of an arrival: instant [s], user."""
START = (_REAL, _WHOLE, _REAL, _REAL, _REAL, _REAL, _WHOLE, _WHOLE)
"""Of a start: instant [s], user, when it was asked for [s], max_kw, until_soc, stop [s], reason, stop reason."""


def nothing(kinds: tuple[type, ...]) -> Columns:
    """Columns without rows."""
    return tuple(np.zeros(0, kind) for kind in kinds)


def join(parts: Iterable[Columns], kinds: tuple[type, ...]) -> Columns:
    """Columns one after the other."""
    listed = [part for part in parts if len(part[0])]
    if not listed:
        return nothing(kinds)
    return listed[0] if len(listed) == 1 else tuple(np.concatenate(column) for column in zip(*listed, strict=True))


def in_pieces(part: Columns) -> Iterator[Columns]:
    """Columns a piece at a time."""
    n = len(part[0])
    if n <= PIECE:
        if n:
            yield part
        return
    for piece in pieces(n):
        yield tuple(column[piece] for column in part)


class Changes(NamedTuple):
    """Leavings, arrivals and starts, each as columns that begin with instant and user."""

    outs: Columns
    ins: Columns
    starts: Columns

    def __bool__(self) -> bool:
        return bool(len(self.outs[0]) or len(self.ins[0]) or len(self.starts[0]))

    def plus_starts(self, starts: Columns) -> Changes:
        """With more starts."""
        return self._replace(starts=join((self.starts, starts), START)) if len(starts[0]) else self

    def earliest(self, upto: float, scratch: Ints) -> tuple[Changes, Changes]:
        """Each user's first change if it is not after `upto`, and all the others.

        At one instant leaving comes first, then arriving, then starting. `scratch` (n_users,) is overwritten.
        Only users with several changes are sorted.
        """
        if upto == np.inf and not len(self.starts[0]) and not (len(self.outs[0]) and len(self.ins[0])):
            return self, NOTHING  # nobody leaves or arrives twice in a row
        who = np.concatenate([part[1] for part in self])
        rows = np.arange(len(who))
        scratch[who] = rows
        not_last = np.flatnonzero(scratch[who] != rows)
        if upto == np.inf and not len(not_last):
            return self, NOTHING
        at = np.concatenate([part[0] for part in self])
        lengths = [len(part[0]) for part in self]
        chosen = at <= upto
        if len(not_last):
            scratch[who[not_last]] = _SEVERAL
            several = np.flatnonzero(scratch[who] == _SEVERAL)
            kind = np.repeat([0, 1, 2], lengths)[several]
            in_order = several[np.lexsort((kind, at[several], who[several]))]
            chosen[in_order[1:][who[in_order[1:]] == who[in_order[:-1]]]] = False
        masks = np.split(chosen, np.cumsum(lengths)[:-1])
        return self._where(masks), self._where([~mask for mask in masks])

    def _where(self, masks: Sequence[Bools]) -> Changes:
        rows = [np.flatnonzero(mask) for mask in masks]
        return Changes(*(tuple(column[i] for column in part) for part, i in zip(self, rows, strict=True)))


NOTHING = Changes(nothing(LEAVE), nothing(ARRIVE), nothing(START))

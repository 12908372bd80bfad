"""What is to happen inside one step, and which of it comes first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple, TypeAlias

import numpy as np

from evsim._units import PIECE, Anything, Bools, Floats, Ints, pieces, rows_where

Columns: TypeAlias = tuple[Anything, ...]

_WHOLE, _REAL = np.int64, np.float64
LEAVE = (_WHOLE, _WHOLE, _WHOLE, _REAL, _REAL, _REAL)
"""Kinds of the columns of a departure: instant [s], user, length of the trip [s] (0: none), its miles and kWh, and the
kWh of the trip home."""
HOMEWARD = LEAVE[:-1]
"""The same of setting off for home, without the last."""
ARRIVE = (_WHOLE, _WHOLE, _REAL)
"""Of an arrival: instant [s], user, luck of the decision to plug in."""
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


def one_by_one(part: Columns) -> Iterator[Columns]:
    """Columns in which each user stands once: everybody's first row in time, then everybody's second, and so on."""
    order = np.lexsort((part[0], part[1]))
    who = part[1][order]
    number = np.arange(len(who)) - np.searchsorted(who, who)
    for i in range(int(number.max(initial=-1)) + 1):
        rows = order[number == i]
        yield tuple(column[rows] for column in part)


class Changes(NamedTuple):
    """Departures, settings off for home, arrivals and starts, each as columns that begin with instant and user."""

    outs: Columns
    homes: Columns
    ins: Columns
    starts: Columns

    def __bool__(self) -> bool:
        return any(len(part[0]) for part in self)

    def plus_starts(self, starts: Columns) -> Changes:
        """With more starts."""
        return self._replace(starts=join((self.starts, starts), START)) if len(starts[0]) else self

    def before_deciding(self, instant: float) -> Changes:
        """Those not after an instant, but for the starts of that instant, which a decision may replace."""
        return self._where([*(part[0] <= instant for part in self[:-1]), self.starts[0] < instant])

    def after(self, instant: float) -> Changes:
        """The others."""
        return self._where([*(part[0] > instant for part in self[:-1]), self.starts[0] >= instant])

    def untangled(self, scratch: Floats) -> tuple[Changes, Changes]:
        """Those that may be carried out kind by kind (departures, settings off, arrivals, starts), and the rest.

        The rest are all changes of users who arrive, or start to charge, before they leave, or start twice.
        `scratch` (n_users,) holds -inf before and after.
        """
        outs, _, ins, starts = self
        if not len(starts[0]) and not (len(outs[0]) and len(ins[0])):
            return self, NOTHING  # nobody leaves or arrives twice in a row
        scratch[outs[1]] = outs[0]  # of a user who leaves twice, the later one, which was entered later
        tangled = [part[1][rows_where(part[0] < scratch[part[1]])] for part in (ins, starts)]
        scratch[outs[1]] = -np.inf
        if len(starts[0]):
            scratch[starts[1]] = np.arange(len(starts[1]))
            tangled.append(starts[1][rows_where(scratch[starts[1]] != np.arange(len(starts[1])))])
            scratch[starts[1]] = -np.inf
        who = np.concatenate(tangled)
        if not len(who):
            return self, NOTHING
        scratch[who] = 0.0
        masks = [scratch[part[1]] == 0.0 for part in self]
        scratch[who] = -np.inf
        return self._where([~mask for mask in masks]), self._where(masks)

    def in_turns(self) -> list[Changes]:
        """The same in turns to be carried out one after the other, each kind by kind: a departure begins a new turn.

        At one instant leaving comes first, then setting off for home, arriving, and starting.
        """
        who = np.concatenate([part[1] for part in self])
        at = np.concatenate([part[0] for part in self])
        lengths = [len(part[0]) for part in self]
        kind = np.repeat(np.arange(len(self)), lengths)
        in_order = np.lexsort((kind, at, who))
        begins = kind[in_order] == 0
        first = np.searchsorted(who[in_order], who[in_order])
        begins[first] = False
        so_far = np.cumsum(begins)
        turn = np.empty(len(who), np.int64)
        turn[in_order] = so_far - so_far[first]
        parts = np.split(turn, np.cumsum(lengths)[:-1])
        return [self._where([part == i for part in parts]) for i in range(int(turn.max(initial=-1)) + 1)]

    def starts_before_leaving(self, starts: Columns, scratch: Floats) -> Columns:
        """Those of some starts that come before their user's departure here; `scratch` as above."""
        scratch[self.outs[1]] = self.outs[0]
        leaves = scratch[starts[1]]
        scratch[self.outs[1]] = -np.inf
        rows = rows_where((leaves == -np.inf) | (starts[0] < leaves))
        return tuple(column[rows] for column in starts)

    def _where(self, masks: Sequence[Bools]) -> Changes:
        rows: list[Ints] = [rows_where(mask) for mask in masks]
        return Changes(*(tuple(column[i] for column in part) for part, i in zip(self, rows, strict=True)))


NOTHING = Changes(nothing(LEAVE), nothing(HOMEWARD), nothing(ARRIVE), nothing(START))

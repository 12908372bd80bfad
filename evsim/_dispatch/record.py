"""What a desk has decided, kept for the proof: orders as they were sent, and how each car answered."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import numpy as np

from evsim._dispatch.book import Act, Book, Told
from evsim._dispatch.settings import Dispatch
from evsim._units import Anything, Bools, Floats, Ints, Who


class Response(enum.IntEnum):
    """How a car answered a dispatch; of several answers in a window the last, but having taken part stays."""

    NOT_ASKED = 0
    NOT_PLUGGED_IN = 1
    OPTED_OUT = 2
    CANNOT_DISCHARGE = 3
    BELOW_RESERVE = 4
    WOULD_MISS_READY_BY = 5
    NOTHING_TO_TURN_DOWN = 6
    NOTHING_TO_TURN_UP = 7
    BUSY = 8
    NOT_NEEDED = 9
    TOOK_PART = 10

    @property
    def label(self) -> str:
        """The name in files: `not_plugged_in`, ..."""
        return self.name.lower()


class Note(enum.IntFlag):
    """What else a reader of a proof needs to know of a car that took part."""

    NONE = 0
    LEFT_EARLY = 1
    """It was unplugged while it was delivering."""
    RESERVE_REACHED = 2
    """Its battery came down to its reserve within the window."""
    HAD_TO_CHARGE = 4
    """It had to charge within the window, to be ready when it usually leaves."""

    @property
    def labels(self) -> tuple[str, ...]:
        """The names in files: `left_early`, ..."""
        return tuple(note.name.lower() for note in Note if note and note in self and note.name)


class Sent(NamedTuple):
    """Orders that were sent, as columns (m,), in time order.

    dispatch : its number; at_s [s]; user : index; kw : most power at the meter [kW], negative to give back, 0 to pause,
    NaN: the car's own rule decides again; reason : index into `REASONS`
    """

    dispatch: Ints
    at_s: Ints
    user: Ints
    kw: Floats
    reason: Ints


Record: TypeAlias = "tuple[Sent, Anything, Anything]"
"""Orders that were sent, and (n_dispatches, n_users) responses and notes."""

REASONS = ("prepare", "dispatch", "refill", "dispatch_over")


@dataclass(frozen=True, eq=False, repr=False)
class Lived:
    """A dispatch as the run lived it.

    told : its words and what came of them; words : these as in the config; sent : the orders for it
    responses : (n_users,) `Response` of each; notes : (n_users,) `Note` of those who took part
    """

    told: Told
    words: tuple[Dispatch, ...]
    sent: Sent
    responses: Anything
    notes: Anything

    def __repr__(self) -> str:
        """One line."""
        return f"<Lived: {self.id}, {len(self.windows):,} windows, {len(self.sent.user):,} orders>"

    @property
    def id(self) -> str:
        """Its name."""
        return self.told.id

    @property
    def word(self) -> Dispatch:
        """The last word of it that the fleet acted on; the last that was given, if it acted on none."""
        acts = self.windows or self.told.acts
        return self.word_of(acts[-1].word) if acts else self.words[-1]

    def word_of(self, row: int) -> Dispatch:
        """The word that is a row of the config."""
        return self.words[self.told.words.index(row)]

    @property
    def windows(self) -> tuple[Act, ...]:
        """When it served, and by which word."""
        return tuple(act for act in self.told.acts if act.end_s > act.start_s)


def lived(book: Book, sent: Sent, responses: Anything, notes: Anything) -> tuple[Lived, ...]:
    """Each dispatch of a book with its part of the record."""
    found = []
    for i, told in enumerate(book.told):
        rows = sent.dispatch == i
        mine = Sent(*(column[rows] for column in sent))
        found.append(Lived(told, tuple(book.words[row] for row in told.words), mine, responses[i], notes[i]))
    return tuple(found)


class Decided:
    """The record of a block's desk.

    is_asked : (n_dispatches, n_users) whose cars are asked at all
    """

    def __init__(self, is_asked: Bools) -> None:
        n_users = is_asked.shape[1]
        self.responses = np.where(is_asked, Response.NOT_PLUGGED_IN, Response.NOT_ASKED).astype(np.uint8)
        self._notes = np.zeros(is_asked.shape, np.uint8)
        self._last_kw = np.full(n_users, np.nan)
        self._last_for = np.full(n_users, -1)
        self._parts: list[tuple[Anything, ...]] = []

    def order(self, dispatch: int, at_s: Floats | float, who: Who, kw: Floats | float, reason: str) -> None:
        """Note orders (m,), but for those that stand already."""
        kw = np.broadcast_to(kw, who.shape)
        at = np.broadcast_to(at_s, who.shape)
        same = (kw == self._last_kw[who]) | (np.isnan(kw) & np.isnan(self._last_kw[who]))
        new = ~(same & (self._last_for[who] == dispatch))
        if new.any():
            n = int(new.sum())
            code = np.full(n, REASONS.index(reason))
            self._parts.append((np.full(n, dispatch), at[new].astype(np.int64), who[new].copy(), kw[new], code))
        self._last_kw[who], self._last_for[who] = kw, dispatch

    def respond(self, dispatch: int, who: Who, response: Anything | Response) -> None:
        """Note how cars answered."""
        row = self.responses[dispatch]
        kept = row[who] == Response.TOOK_PART
        row[who] = np.where(kept, row[who], response)

    def note(self, dispatch: Ints | int, who: Who, note: Note) -> None:
        """Note something more about cars."""
        self._notes[dispatch, who] |= np.uint8(note)

    @property
    def notes(self) -> Anything:
        """(n_dispatches, n_users) `Note` of those who took part."""
        return np.where(self.responses == Response.TOOK_PART, self._notes, np.uint8(Note.NONE))

    def sent(self) -> Sent:
        """All orders, in time order, then by user."""
        if not self._parts:
            none = np.zeros(0, np.int64)
            return Sent(none, none, none, np.zeros(0), none)
        columns = [np.concatenate(column) for column in zip(*self._parts, strict=True)]
        order = np.lexsort((columns[0], columns[2], columns[1]))
        return Sent(*(column[order] for column in columns))

    @property
    def as_told(self) -> Record:
        """All of it."""
        return self.sent(), self.responses, self.notes

    def take_from_child(self, told: Record) -> None:
        """Be the record that a child of this process has kept."""
        sent, self.responses, self._notes = told
        self._parts = [tuple(sent)]


def joined_records(parts: Sequence[Record], first_users: Sequence[int]) -> Record:
    """The records of blocks whose users begin at some numbers, as one."""
    moved = [sent._replace(user=sent.user + first) for (sent, _, _), first in zip(parts, first_users, strict=True)]
    columns = [np.concatenate(column) for column in zip(*moved, strict=True)]
    order = np.lexsort((columns[0], columns[2], columns[1]))
    responses, notes = (np.concatenate([part[i] for part in parts], axis=1) for i in (1, 2))
    return Sent(*(column[order] for column in columns)), responses, notes

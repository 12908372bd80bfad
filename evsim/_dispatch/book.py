"""Which word of a dispatch stands when: the rules for edits, cancellations and windows that do not fit the run.

    notice    the earliest of the fleet's knowing of a word: `notice_minutes` before its start, or when it was given
              (`updated_at`) if that is later
    stands    from its notice until a later word of the same dispatch is given
    serves    within its window, while it stands, until it is cancelled
    closed    over, or cancelled: nothing said of it afterwards counts

Instants are whole run seconds; what lies outside the run is cut off.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple
from zoneinfo import ZoneInfo

import numpy as np

from evsim._clock import Clock
from evsim._dispatch.settings import Dispatch, utc_s
from evsim._units import SECONDS_PER_MINUTE, Bools

DECIDE_EVERY_S = 5 * SECONDS_PER_MINUTE
"""While a dispatch serves, who delivers is decided anew so often. Our choice: a sixth of a settlement period."""
PREPARE_EVERY_S = 15 * SECONDS_PER_MINUTE
"""The same while it is prepared for."""


class Act(NamedTuple):
    """What one word of a dispatch asks for, and when; all [s].

    dispatch : number of the dispatch, by first mention; word : its row in the config
    known_s : when the fleet knows; prepares from then to start_s, serves from start_s to end_s
    end_s may be start_s or before: then it is only prepared for
    planned_end_s : the end as far as the fleet knows; later words and cancellations come as a surprise
    """

    dispatch: int
    word: int
    known_s: int
    start_s: int
    end_s: int
    planned_end_s: int

    def next_decision_s(self, at_s: float) -> int:
        """When it is decided about next, as far as the fleet knows."""
        if at_s < self.start_s:
            return min(_next(self.known_s, PREPARE_EVERY_S, at_s), self.start_s)
        return min(_next(self.start_s, DECIDE_EVERY_S, at_s), self.planned_end_s)

    @property
    def prepares_until_s(self) -> int:
        """Until when it is prepared for: its start, unless something has ended it before."""
        return min(self.start_s, self.end_s)


def _next(first_s: int, every_s: int, at_s: float) -> int:
    return first_s + (int(at_s - first_s) // every_s + 1) * every_s


@dataclass(frozen=True)
class Told:
    """A dispatch with every word of it.

    id : its name; words : rows in the config in the order in which they were given; acts : what came of those that
    stand some time in the run; closed_s : when it closed [s]; notes : what did not count, as sentences
    """

    id: str
    words: tuple[int, ...]
    acts: tuple[Act, ...]
    closed_s: int
    notes: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Book:
    """All dispatches of a run, on its clock.

    words : the config's rows; told : a dispatch each; asked : (n_words, n_archetypes) whose cars each word asks
    """

    words: tuple[Dispatch, ...]
    told: tuple[Told, ...]
    asked: Bools
    clock: Clock

    @classmethod
    def of(cls, dispatches: Sequence[Dispatch], archetypes: Sequence[str], clock: Clock) -> Book:
        """The book of a config's dispatches."""
        by_id: dict[str, list[int]] = {}
        for i, one in enumerate(dispatches):
            by_id.setdefault(one.id, []).append(i)
        asked = np.array([[d.archetypes is None or a in d.archetypes for a in archetypes] for d in dispatches])
        told = [_told(number, rows, dispatches, clock) for number, rows in enumerate(by_id.values())]
        return cls(tuple(dispatches), tuple(told), asked.reshape(len(dispatches), len(archetypes)), clock)

    @property
    def is_asked(self) -> Bools:
        """(n_dispatches, n_archetypes) whose cars each dispatch asks while it serves."""
        asked = np.zeros((len(self.told), self.asked.shape[1]), np.bool_)
        for act in self.acts:
            if act.end_s > act.start_s:
                asked[act.dispatch] |= self.asked[act.word]
        return asked

    @property
    def acts(self) -> tuple[Act, ...]:
        """All that is asked for, in the order in which the fleet comes to know of it; of equals, the config's."""
        every = [act for one in self.told for act in one.acts]
        return tuple(sorted(every, key=lambda act: (act.known_s, act.word)))

    @property
    def instants(self) -> tuple[int, ...]:
        """When who does what is decided [s], rising."""
        found: set[int] = set()
        for act in self.acts:
            found.update(range(act.known_s, act.prepares_until_s, PREPARE_EVERY_S))
            found.update(range(act.start_s, act.end_s, DECIDE_EVERY_S))
            found.update((act.known_s, act.start_s, act.end_s) if act.end_s > act.start_s else (act.known_s, act.end_s))
        return tuple(sorted(at for at in found if 0 <= at < self.clock.end_s))


class _Word(NamedTuple):
    """One word of a dispatch, in run seconds.

    row : in the config; given_s : when it was given, long ago where that is not told; notice_s : its length
    """

    row: int
    given_s: int
    start_s: int
    end_s: int
    cancelled_s: int
    notice_s: int

    @property
    def closes_s(self) -> int:
        """When it closes if nothing follows: at its end or when it is cancelled, but not before it is given."""
        return max(min(self.end_s, self.cancelled_s), self.given_s)

    @property
    def known_s(self) -> int:
        """When the fleet may act on it."""
        return max(self.given_s, self.start_s - self.notice_s)


_LONG_AGO, _NEVER = -(2**62), 2**62


def _told(number: int, rows: Sequence[int], dispatches: Sequence[Dispatch], clock: Clock) -> Told:
    words = sorted((_word(row, dispatches[row], clock) for row in rows), key=lambda word: word.given_s)
    standing, notes = words[:1], []
    for word in words[1:]:
        if word.given_s >= standing[-1].closes_s:
            notes.append(f"dispatches[{word.row}] was given after it had closed, and does not count")
        else:
            standing.append(word)
    acts = [
        act
        for word, after in zip(standing, [*standing[1:], None], strict=True)
        if (act := _act(number, word, word.closes_s if after is None else after.given_s, clock)) is not None
    ]
    notes += _out_of_the_run(standing[-1], acts, clock)
    return Told(dispatches[rows[0]].id, tuple(w.row for w in words), tuple(acts), standing[-1].closes_s, tuple(notes))


def known_s(one: Dispatch, clock: Clock) -> int:
    """When the fleet may act on a word, were it to stand [s]."""
    return _word(0, one, clock).known_s


def _word(row: int, one: Dispatch, clock: Clock) -> _Word:
    zone = ZoneInfo(clock.timezone)

    def second(moment: dt.datetime | None, otherwise: int) -> int:
        return otherwise if moment is None else utc_s(moment, zone) - clock.start_epoch_s

    return _Word(
        row=row,
        given_s=second(one.updated_at, _LONG_AGO),
        start_s=second(one.start, 0),
        end_s=second(one.end, 0),
        cancelled_s=second(one.cancelled_at, _NEVER),
        notice_s=round(one.notice_minutes * SECONDS_PER_MINUTE),
    )


def _act(number: int, word: _Word, until_s: int, clock: Clock) -> Act | None:
    """What comes of a word that stands until an instant; None where nothing does within the run."""
    known_s, end_s = max(word.known_s, 0), min(word.closes_s, until_s, clock.end_s)
    if known_s >= end_s:
        return None
    start_s, planned_end_s = (min(max(at, known_s), clock.end_s) for at in (word.start_s, word.end_s))
    return Act(number, word.row, known_s, start_s, end_s, planned_end_s)


def _out_of_the_run(last: _Word, acts: Sequence[Act], clock: Clock) -> Iterable[str]:
    """What the run does not show of a dispatch, as sentences."""
    if last.closes_s <= 0:
        yield "it closed before the run began, and never acts"
    elif not acts and last.start_s >= clock.end_s:
        yield "it begins after the run, and never acts"
    elif not acts:
        yield "it was called off before its notice, and never acts"
    elif acts[-1].end_s == clock.end_s < last.closes_s:
        yield "the run ends before it does"
    elif all(act.end_s <= act.start_s for act in acts):
        yield "it was called off before it began; what was prepared was for nothing"
    if acts and last.start_s < 0:
        yield "it began before the run, and acts from the run's start"

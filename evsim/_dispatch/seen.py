"""What a decision is made from, and what it comes to: cars as they are seen, a call, and orders."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from evsim._dispatch.book import Act, Book
from evsim._dispatch.settings import Dispatch
from evsim._units import SECONDS_PER_HOUR, Bools, Floats, Ints, Who
from evsim.strategies import Observation

LEAST_KW = 1e-9
"""Less than that is rounding."""
SOC_ROUNDING = 1e-9
_LEAST_S = 1.0


class Call(NamedTuple):
    """What a dispatch wants of the fleet for some time.

    act : when; word : the word of the dispatch that stands then
    asked : (n_archetypes,) whose cars it asks
    """

    act: Act
    word: Dispatch
    asked: Bools

    @property
    def dispatch(self) -> int:
        """Its number."""
        return self.act.dispatch

    @property
    def window_h(self) -> float:
        """For how long it will serve, as far as the fleet knows [h]."""
        return (self.act.planned_end_s - self.act.start_s) / SECONDS_PER_HOUR


def calls_of(book: Book) -> list[Call]:
    """All of a run, the first known first."""
    return [Call(act, book.words[act.word], book.asked[act.word]) for act in book.acts]


class Will(NamedTuple):
    """What is to be done with held cars: orders as columns (m,).

    who : user; at_s : from when; max_kw : at the meter, 0 to pause, negative to give back; until_soc [0-1]
    reason : one for all
    """

    who: Who
    at_s: Floats
    max_kw: Floats
    until_soc: Floats
    reason: str


class Seen:
    """Connected cars at the moment of deciding: what is observed, whom, when (n,) and until when it stands [s]."""

    def __init__(self, cars: Observation, who: Who, now: Floats, until_s: float) -> None:
        self.cars, self.who, self.now, self.until_s = cars, who, now, until_s

    @property
    def hours(self) -> Floats:
        """(n,) for how long a decision stands [h]."""
        return np.maximum(self.until_s - self.now, _LEAST_S) / SECONDS_PER_HOUR

    def of(self, rows: Ints) -> Seen:
        """Some of them."""
        return Seen(self.cars.of(rows), self.who[rows], self.now[rows], self.until_s)

    def is_ready_after(self, soc: Floats, after_s: float = -np.inf) -> Bools:
        """(n,) whether charging from `soc` at the next decision (or later) still reaches the target in time."""
        cars = self.cars
        needs_s = cars.but(soc=soc).hours_to(cars.target_soc) * SECONDS_PER_HOUR
        return np.asarray(needs_s <= cars.expected_departure - max(after_s, self.until_s))

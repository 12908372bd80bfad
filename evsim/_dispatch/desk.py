"""Who does what about dispatches: prepares, delivers, and lets cars go again.

A car is *held* while it is prepared for a dispatch or serves one: its own rule does not decide. Its rule's plan goes on
on paper (`held`), and what the car delivers is that plan's power less its own. Each decision is meant to stand until
the next that is foreseen (a later word of a dispatch is not), and is taken from what chargers know at that moment.

    free       not held
    preparing  held for a dispatch that has been announced (`preparing`)
    serving    held within its window (`serving`); a dispatch that serves takes over the cars of one that has just ended
    let go     it had to charge, to be ready in time; it is held to account, and charges

Rules that are asked again meanwhile are asked about held cars as they are on paper, so all others fare as they would
have done.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import NamedTuple

import numpy as np

from evsim._dispatch.book import Book
from evsim._dispatch.held import AskRules, Held
from evsim._dispatch.office import Office, Round
from evsim._dispatch.preparing import prepare
from evsim._dispatch.record import Decided, Note
from evsim._dispatch.seen import Call, Seen, Will, calls_of
from evsim._dispatch.serving import serve
from evsim._dispatch.turns import Luck, Turns
from evsim._errors import InvariantError
from evsim._population import Population
from evsim._units import Floats, Who
from evsim.strategies import Observation
from evsim.strategies._parts import Talk


class Decision(NamedTuple):
    """What comes of a decision: orders for cars that are held, and cars that are held no more."""

    wills: list[Will]
    released: Who


class Desk:
    """Decides about the users of a block.

    book : the dispatches; people : whom; ask_rules : what cars would do by themselves; luck : uniforms by purpose
    is_limited : whether a limit stands for the whole fleet
    `held` : the cars that are held; `decided` : the record
    """

    def __init__(
        self, book: Book, people: Population, ask_rules: AskRules, luck: Luck, *, is_limited: bool = False
    ) -> None:
        self._people, self._end_s = people, book.clock.end_s
        self._instants, self._calls = book.instants, calls_of(book)
        self.held = Held(people, book, ask_rules)
        self.decided = Decided(book.is_asked[:, people.archetype])
        self._office = Office(people, self.held, Turns(len(people), luck), self.decided, is_limited)
        self._serving: list[Call] = []
        self._coming: list[Call] = []
        self._until_s = 0.0

    def instants_between(self, since_s: float, to_s: float) -> list[int]:
        """When to decide, from one instant to before another [s]."""
        return list(self._instants[bisect_left(self._instants, since_s) : bisect_left(self._instants, to_s)])

    @property
    def is_idle(self) -> bool:
        """Whether no dispatch acts, as far as has been decided, and nobody is held."""
        return not (self._serving or self._coming or len(self.held.who))

    def decide(self, at_s: float, cars: Observation, who: Who) -> Talk[Decision]:
        """Decide for all connected cars, until the next instant at which that is done; agrees with other parts."""
        self.keep_account(at_s)
        self._turn_to(at_s)
        acting = [call.dispatch for call in (*self._serving, *self._coming)]
        seen, was_held = Seen(cars, who, np.full(len(who), at_s), self._until_s), self.held.who
        now = Round(seen, self.held.is_orphan(who, acting), np.zeros(len(who), np.bool_))
        for call in self._serving:
            yield from serve(self._office, call, now)
        self._let_go(who[now.is_orphan & ~now.is_taken], at_s)
        for call in self._coming:
            yield from prepare(self._office, call, now)
        stays = np.zeros(len(self._people), np.bool_)
        stays[who[now.is_taken]] = True
        self._let_go(self.held.who[~stays[self.held.who]], at_s)
        return Decision(now.wills, was_held[~stays[was_held]])

    def greet(self, cars: Observation, who: Who, now: Floats) -> list[Will]:
        """Hold newcomers at the plug for dispatches that want as much as can be; the others wait for a decision."""
        self._give_up(who)
        nobody = np.zeros(len(who), np.bool_)
        met = Round(Seen(cars, who, now, self._until_s), nobody, now >= self._until_s)
        for calls, step in ((self._serving, serve), (self._coming, prepare)):
            for call in calls:
                if call.word.target_kw is None:
                    _without_a_word(step(self._office, call, met))
        return met.wills

    def keep_account(self, at_s: float) -> None:
        """Bring what is on paper to an instant; cars that have been unplugged since are held no more."""
        self._give_up(self.held.unplugged())
        self.held.live_to(at_s)

    def _turn_to(self, at_s: float) -> None:
        """Find what acts from now on, and until when."""
        acts = [(call, call.act) for call in self._calls]
        self._serving = [call for call, act in acts if act.start_s <= at_s < act.end_s]
        self._coming = [call for call, act in acts if act.known_s <= at_s < act.prepares_until_s]
        nexts = [call.act.next_decision_s(at_s) for call in (*self._serving, *self._coming)]
        self._until_s = float(min([*nexts, self._end_s]))

    def _let_go(self, who: Who, at_s: float) -> None:
        """Cars whose own rule decides again."""
        number = self.held.dispatch(who)
        for one in np.unique(number).tolist():
            self.decided.order(one, at_s, who[number == one], np.nan, "dispatch_over")
        self.held.free(who)

    def _give_up(self, who: Who) -> None:
        """Cars that have been unplugged; of those that were delivering that is noted."""
        left = who[self.held.holds(who) & self.held.serves[who]]
        self.decided.note(self.held.dispatch(left), left, Note.LEFT_EARLY)
        self.held.free(who)


def _without_a_word(talk: Talk[None]) -> None:
    """Hear the end of a talk that has nothing to agree on."""
    for _ in talk:
        raise InvariantError("a dispatch without a target has nothing to agree on; a bug of evsim, please report it")

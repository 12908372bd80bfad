"""Cars that are held for dispatches, and what they would be doing by their own rule: on paper.

A *held* car's own rule does not decide about it. From the moment it is taken, its rule's plan is lived on paper
(`shadows`), and rules that are asked again about it see it as it is there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np

from evsim._dispatch.book import Act, Book
from evsim._dispatch.seen import Seen
from evsim._dispatch.shadows import Plan, follow, joined, plan_of
from evsim._population import Population
from evsim._units import Bools, Floats, Ints, Who, rows_where
from evsim.strategies import Orders
from evsim.strategies._orders import some_of

AskRules: TypeAlias = Callable[[Who, Floats], Sequence[tuple[Who, Orders]]]
"""What the rules of cars would have them do from an instant on; the users that rows are about come with the orders."""

_FREE = -1


class Held:
    """The held cars among some people.

    people : whom; book : what they may be held for; ask_rules : what cars would do by themselves
    `serves`, `is_let_go` : (n_users,) whether a held car delivers, and whether it had to charge
    """

    def __init__(self, people: Population, book: Book, ask_rules: AskRules) -> None:
        self._people, self._ask = people, ask_rules
        n = len(people)
        self._dispatch_of_word = np.full(len(book.words) + 1, _FREE)  # the last is that of no word
        for number, told in enumerate(book.told):
            self._dispatch_of_word[list(told.words)] = number
        self._word = np.full(n, _FREE, np.int32)
        self._since_plug = np.zeros(n)
        self.serves, self.is_let_go = np.zeros(n, np.bool_), np.zeros(n, np.bool_)
        self._soc = np.zeros(n)
        self._plan = plan_of([])
        self._lived_to_s = 0.0

    # ---- who is held

    @property
    def who(self) -> Who:
        """Held cars."""
        return rows_where(self._word != _FREE)

    def holds(self, who: Who) -> Bools:
        """(m,) whether they are held."""
        return np.asarray(self._word[who] != _FREE)

    def dispatch(self, who: Who) -> Ints:
        """(m,) number of the dispatch that each is held for; -1 for free cars."""
        numbers: Ints = self._dispatch_of_word[self._word[who]]
        return numbers

    def is_orphan(self, who: Who, acting: Sequence[int]) -> Bools:
        """(m,) held for another dispatch than those that act."""
        ended = np.ones(len(self._dispatch_of_word) + 1, np.bool_)
        ended[[*acting, _FREE]] = False
        return np.asarray(ended[self.dispatch(who)])

    def unplugged(self) -> Who:
        """Held cars that have left the plug since they were taken."""
        who, people = self.who, self._people
        stays: Bools = people.is_plugged_in[who] & (people.plugged_in_at[who] == self._since_plug[who])
        return who[rows_where(~stays)]

    def hold(self, act: Act, who: Who, plan: Plan) -> None:
        """Hold cars, free ones from now on with their plan on paper; those held already keep theirs."""
        new = who[~self.holds(who)]
        if len(new):
            self._plan_anew(new, plan.of(self._among(new)[plan.who]))
            self._soc[new] = self._people.soc[new]
            self._since_plug[new] = self._people.plugged_in_at[new]
        self.is_let_go[who[self._word[who] != act.word]] = False
        self._word[who], self.serves[who] = act.word, False

    def free(self, who: Who) -> None:
        """Let the rules of cars decide again."""
        self._word[who], self.serves[who] = _FREE, False

    def _among(self, who: Who) -> Bools:
        """(n_users,) whether each is one of some."""
        mine = np.zeros(len(self._word), np.bool_)
        mine[who] = True
        return mine

    # ---- on paper

    def live_to(self, at_s: float) -> None:
        """Live the plans of held cars up to an instant; those of others are forgotten."""
        is_held = self._word != _FREE
        self._plan = self._plan.of(is_held[self._plan.who])
        if is_held.any():
            since = np.maximum(self._lived_to_s, self._since_plug)
            follow(self._people, self._plan, self._soc, since, np.maximum(since, at_s))
        self._lived_to_s = at_s

    def soc_and_kw(self, who: Who, at_s: float) -> tuple[Floats, Floats]:
        """(m,) SoC and ordered power [kW] of cars by their rules; of free cars, as they really are."""
        held = rows_where(self.holds(who))
        soc, kw = self._people.soc[who], self._people.order_kw(who)
        soc[held], kw[held] = self._soc[who[held]], self.orders(who[held], at_s)[0]
        return soc, kw

    def orders(self, who: Who, at_s: float) -> tuple[Floats, Floats]:
        """(m,) most power [kW] and SoC to stop at that stand on paper, also of cars that have just been freed."""
        kw, until_soc = np.zeros(len(self._word)), np.zeros(len(self._word))
        goes = self._plan.of((self._plan.start <= at_s) & (at_s < self._plan.stop))
        soc, gives = self._soc[goes.who], goes.max_kw < 0
        goes = goes.of(np.where(gives, soc > goes.until_soc, soc < goes.until_soc))
        kw[goes.who], until_soc[goes.who] = np.minimum(goes.max_kw, self._people.charger_kw[goes.who]), goes.until_soc
        return kw[who], until_soc[who]

    def take_orders(self, who: Who, given: Sequence[Orders]) -> None:
        """Take what rules have just ordered for held cars among `who` as their plan."""
        held = self.holds(who)
        self._plan_anew(who[held], plan_of([(who, some_of(one, held[one.row])) for one in given]))

    def _plan_anew(self, who: Who, plan: Plan) -> None:
        self._plan = joined([self._plan.of(~self._among(who)[self._plan.who]), plan])

    def forecast(self, cars: Seen, *instants: float) -> tuple[Plan, Floats, list[Floats]]:
        """Plans of free cars; SoC (m,) of all by their rule at the last instant, and (m,) energy on the way to each.

        Energy at the meter [kWh], negative if given back: from now to the first instant, and from each to the next.
        """
        who, held = cars.who, self.holds(cars.who)
        fresh = who[~held]
        plan = plan_of(self._ask(fresh, cars.now[~held]))
        soc = self._soc.copy()
        soc[fresh] = self._people.soc[fresh]
        both = joined([self._plan.of(self._among(who[held])[self._plan.who]), plan])
        since, kwh = np.zeros(len(soc)), []
        since[who] = cars.now
        for instant in instants:
            kwh.append(follow(self._people, both, soc, since, instant)[who])
            since[who] = instant
        return plan, soc[who], kwh

    def soc_at_departure(self, who: Who, plan: Plan, since_s: float, to_s: Floats) -> tuple[Floats, Floats]:
        """(m,) SoC at later instants of cars that have just been freed: by their plan on paper, and by a new one."""
        on_paper, really = self._soc.copy(), self._people.soc.copy()
        ends = np.full(len(on_paper), since_s)
        ends[who] = to_s
        follow(self._people, self._plan.of(self._among(who)[self._plan.who]), on_paper, since_s, ends)
        follow(self._people, plan, really, since_s, ends)
        return on_paper[who], really[who]

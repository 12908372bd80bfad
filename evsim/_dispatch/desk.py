"""Who does what about dispatches: prepares, delivers, and lets cars go again.

A car is *held* while it is prepared for a dispatch or serves one: its own rule does not decide. Its rule's plan goes on
on paper (`shadows`), and what the car delivers is that plan's power less its own. Each decision is meant to stand until
the next that is foreseen (a later word of a dispatch is not), and is taken from what chargers know at that moment.

    free       not held
    preparing  held for a dispatch that has been announced
    serving    held within its window; a dispatch that serves takes over the cars of one that has just ended
    let go     it had to charge, to be ready in time; it is held to account, and charges

Rules that are asked again meanwhile are asked about held cars as they are on paper, so all others fare as they would
have done.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, TypeAlias
from zlib import crc32

import numpy as np

from evsim._battery import charge
from evsim._chance import Purpose
from evsim._dispatch.book import Act, Book
from evsim._dispatch.record import Decided, Note, Response
from evsim._dispatch.settings import Dispatch
from evsim._dispatch.shadows import Plan, follow, given_kwh, joined, plan_of
from evsim._dispatch.sharing import DESK, Offer
from evsim._errors import InvariantError
from evsim._population import Population
from evsim._units import SECONDS_PER_HOUR, Anything, Bools, Floats, Ints, Who, rows_where
from evsim.strategies import Observation, Orders
from evsim.strategies._fleet import exact_sum, granted_in_turn, tallied
from evsim.strategies._orders import some_of
from evsim.strategies._parts import Said, Talk

AskRules: TypeAlias = Callable[[Who, Floats], Sequence[tuple[Who, Orders]]]
"""What the rules of cars would have them do from an instant on; the users that rows are about come with the orders."""
Luck: TypeAlias = Callable[[Purpose, int], Floats]

_FREE = -1
_LEAST_KW = 1e-9
"""Less than that is rounding."""
_SOC_ROUNDING = 1e-9
_FAIR_KWH, _MOST_FAIR, _DRAWS = 0.5, 1023, 64
"""Cars that have delivered less so far come first, in bands of so many kWh; within a band they are drawn by lot."""


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


class Decision(NamedTuple):
    """What comes of a decision: orders for cars that are held, and cars that are held no more."""

    wills: list[Will]
    released: Who


class _Range(NamedTuple):
    """What cars could do until the next decision; each (m,).

    shadow_kw : their mean power by their rule; most_kw : the most they can deliver, as a difference from that
    can : whether they have a choice at all; why_not : the response of those who have none
    must_charge : whether they would be late if they waited for the next decision
    """

    shadow_kw: Floats
    most_kw: Floats
    can: Bools
    why_not: Anything
    must_charge: Bools


class _Ahead(NamedTuple):
    """What cars could do ahead of a dispatch; each (m,) but the plan, which is that of free cars.

    useful_kw : what each would add to it; is_due : whether there is something to be done now; kw, until_soc : what, and
    for those who are held already; must_charge : whether they cannot wait for it
    """

    plan: Plan
    useful_kw: Floats
    is_due: Bools
    kw: Floats
    until_soc: Floats
    must_charge: Bools


class Desk:
    """Decides about the users of a block.

    book : the dispatches; people : whom; ask_rules : what cars would do by themselves; luck : uniforms by purpose
    is_limited : whether a limit stands for the whole fleet
    """

    def __init__(
        self, book: Book, people: Population, ask_rules: AskRules, luck: Luck, *, is_limited: bool = False
    ) -> None:
        self._book, self._people, self._ask, self._luck = book, people, ask_rules, luck
        self._is_limited = is_limited
        self.instants, self._acts = book.instants, book.acts
        n = len(people)
        self._dispatch_of = np.zeros(len(book.words), np.int64)
        for number, told in enumerate(book.told):
            self._dispatch_of[list(told.words)] = number
        self.word = np.full(n, _FREE, np.int32)
        """(n,) the word of a dispatch that each is held for, or -1."""
        self._since_plug = np.zeros(n)
        self._serves, self._is_let_go = np.zeros(n, np.bool_), np.zeros(n, np.bool_)
        self._soc = np.zeros(n)  # on paper
        self._plan = plan_of([])
        self._delivered_kwh = np.zeros(n)
        self._decided_at_s = 0.0
        self._acting: tuple[list[Act], list[Act]] = ([], [])
        self._until_s = 0.0
        self.decided = Decided(book.is_asked[:, people.archetype])

    # ---- what the controller asks

    @property
    def is_held(self) -> Bools:
        """(n_users,) whether a car's own rule does not decide about it."""
        return np.asarray(self.word != _FREE)

    def instants_between(self, since_s: float, to_s: float) -> list[int]:
        """When to decide, from one instant to before another [s]."""
        return list(self.instants[bisect_left(self.instants, since_s) : bisect_left(self.instants, to_s)])

    def decide(self, at_s: float, cars: Observation, who: Who) -> Talk[Decision]:
        """Decide for all connected cars, until the next instant at which that is done; agrees with other parts."""
        self.keep_account(at_s)
        self._acting = self._acts_at(at_s)
        plans = [act.next_decision_s(at_s) for acts in self._acting for act in acts]
        self._until_s = float(min([*plans, self._book.clock.end_s]))
        was_held = self.is_held
        seen = _Seen(cars, who, np.full(len(who), at_s), self._until_s)
        taken, wills = np.zeros(len(who), np.bool_), []
        for act in self._acting[0]:
            given, mine = yield from self._serve(act, seen, taken)
            wills += given
            taken |= mine
        self._let_go(who[self._is_orphan(who) & ~taken], at_s)
        for act in self._acting[1]:
            given, mine = yield from self._prepare(act, seen, taken)
            wills += given
            taken |= mine
        kept = np.zeros(len(self.word), np.bool_)
        kept[who[taken]] = True
        self._let_go(rows_where(self.is_held & ~kept), at_s)
        return Decision(wills, rows_where(was_held & ~kept))

    def greet(self, cars: Observation, who: Who, now: Floats) -> list[Will]:
        """Hold newcomers at the plug for dispatches that want as much as can be; the others wait for a decision."""
        self._note_early_leavers(who)
        self.word[who] = _FREE
        serving, coming = self._acting
        acts = [act for act in (*serving, *coming) if self._word_of(act).target_kw is None]
        if not acts:
            return []
        seen, taken, wills = _Seen(cars, who, now, self._until_s), now >= self._until_s, []
        for act in acts:
            step = self._serve if act in serving else self._prepare
            given, mine = _without_a_word(step(act, seen, taken))
            wills += given
            taken |= mine
        return wills

    def _let_go(self, who: Who, at_s: float) -> None:
        """Cars whose own rule decides again."""
        if not len(who):
            return
        number = self._dispatch_of[self.word[who]]
        for one in np.unique(number).tolist():
            self.decided.order(one, at_s, who[number == one], np.nan, "dispatch_over")
        self.word[who], self._serves[who] = _FREE, False

    def soc_at_departure(self, who: Who, plan: Plan, since_s: float, to_s: Floats) -> tuple[Floats, Floats]:
        """(m,) SoC at later instants of cars that have just been let go: by their plan on paper, and by a new one."""
        on_paper, really = self._soc.copy(), self._people.soc.copy()
        ends = np.full(len(on_paper), since_s)
        ends[who] = to_s
        mine = np.zeros(len(on_paper), np.bool_)
        mine[who] = True
        follow(self._people, self._plan.of(mine[self._plan.who]), on_paper, since_s, ends)
        follow(self._people, plan, really, since_s, ends)
        return on_paper[who], really[who]

    # ---- what rules are asked about held cars

    def as_on_paper(self, who: Who, at_s: float) -> tuple[Floats, Floats]:
        """(m,) SoC and ordered power [kW] of cars by their rules; of free cars, as they really are."""
        held = rows_where(self.word[who] != _FREE)
        soc, kw = self._people.soc[who], self._people.order_kw(who)
        soc[held], kw[held] = self._soc[who[held]], self._orders_on_paper(at_s)[0][who[held]]
        return soc, kw

    def orders_on_paper(self, who: Who, at_s: float) -> tuple[Floats, Floats]:
        """(m,) most power [kW] and SoC to stop at that stand on paper of cars that have just been let go."""
        kw, until_soc = self._orders_on_paper(at_s)
        return kw[who], until_soc[who]

    def _orders_on_paper(self, at_s: float) -> tuple[Floats, Floats]:
        kw, until_soc = np.zeros(len(self.word)), np.zeros(len(self.word))
        plan = self._plan
        goes = plan.of((plan.start <= at_s) & (at_s < plan.stop))
        soc, gives = self._soc[goes.who], goes.max_kw < 0
        goes = goes.of(np.where(gives, soc > goes.until_soc, soc < goes.until_soc))
        kw[goes.who], until_soc[goes.who] = np.minimum(goes.max_kw, self._people.charger_kw[goes.who]), goes.until_soc
        return kw, until_soc

    def plan_anew(self, who: Who, given: Sequence[Orders]) -> None:
        """Take what rules have just ordered for held cars among `who` as their plan on paper."""
        held = self.word[who] != _FREE
        if not held.any():
            return
        is_new = np.zeros(len(self.word), np.bool_)
        is_new[who[held]] = True
        orders = [(who, some_of(one, held[one.row])) for one in given]
        self._plan = joined([self._plan.of(~is_new[self._plan.who]), plan_of(orders)])

    # ---- keeping account

    def keep_account(self, at_s: float) -> None:
        """Bring what is on paper to an instant; cars that have been unplugged since are held no more."""
        held = rows_where(self.word != _FREE)
        is_here = self._people.is_plugged_in[held] & (self._people.plugged_in_at[held] == self._since_plug[held])
        left = held[~is_here]
        self._note_early_leavers(left)
        self.word[left] = _FREE
        self._live_on_paper(at_s)

    def _note_early_leavers(self, who: Who) -> None:
        """Cars that were delivering when they were unplugged."""
        left = who[(self.word[who] != _FREE) & self._serves[who]]
        self.decided.note(self._dispatch_of[self.word[left]], left, Note.LEFT_EARLY)
        self._serves[who] = False

    def _is_orphan(self, who: Who) -> Bools:
        """(m,) held for a dispatch that has ended."""
        acting = [act.dispatch for acts in self._acting for act in acts]
        word = self.word[who]
        return np.asarray((word != _FREE) & ~np.isin(self._dispatch_of[word], acting))

    def _is_mine(self, act: Act, who: Who) -> Bools:
        """(m,) held for this dispatch, by whatever word."""
        word = self.word[who]
        return np.asarray((word != _FREE) & (self._dispatch_of[word] == act.dispatch))

    def _live_on_paper(self, at_s: float) -> None:
        """Bring the plans of held cars to an instant."""
        held = self.word != _FREE
        self._plan = self._plan.of(held[self._plan.who])
        if held.any():
            since = np.maximum(self._decided_at_s, self._since_plug)
            follow(self._people, self._plan, self._soc, since, np.maximum(since, at_s))
        self._decided_at_s = at_s

    def _acts_at(self, at_s: float) -> tuple[list[Act], list[Act]]:
        """Those that serve at an instant and those that are prepared for, the first known first."""
        serving = [act for act in self._acts if act.start_s <= at_s < act.end_s]
        coming = [act for act in self._acts if act.known_s <= at_s < act.prepares_until_s]
        return serving, coming

    def _word_of(self, act: Act) -> Dispatch:
        return self._book.words[act.word]

    def _hold(self, act: Act, who: Who, plan: Plan) -> None:
        """Hold cars, free ones from now on with their plan on paper; those held already keep theirs."""
        fresh = self.word[who] == _FREE
        new = who[fresh]
        if len(new):
            is_new = np.zeros(len(self.word), np.bool_)
            is_new[new] = True
            self._plan = joined([self._plan.of(~is_new[self._plan.who]), plan.of(is_new[plan.who])])
            self._soc[new] = self._people.soc[new]
            self._since_plug[new] = self._people.plugged_in_at[new]
            self._is_let_go[new] = False
        changes = self.word[who] != act.word
        self._is_let_go[who[changes]] = False
        self.word[who], self._serves[who] = act.word, False

    # ---- serving

    def _serve(self, act: Act, seen: _Seen, taken: Bools) -> Talk[tuple[list[Will], Bools]]:
        """Who delivers until the next decision; returns orders and (n,) who is held."""
        word, who = self._word_of(act), seen.who
        asked = self._book.asked[act.word][seen.cars.archetype]
        out = asked & self._has_opted_out(act, who)
        mine = (self._is_mine(act, who) | self._is_orphan(who)) & ~taken
        busy = asked & taken
        rows = rows_where(asked & ~out & ~taken)
        part = seen.of(rows)
        plan, _, (kwh,) = self._on_paper(part, self._until_s)
        can_do = self._range(word.action, part, kwh / part.hours)
        is_mine = mine[rows]
        let_go = is_mine & (can_do.must_charge | self._is_let_go[part.who])
        free = can_do.can & ~let_go & (can_do.most_kw > _LEAST_KW)
        refill_kw = self._refill_kw(part, can_do.shadow_kw)
        bound = is_mine & ~free if word.action == "turn_up" else let_go
        bound_kw = self._bound_kw(word.action, part, can_do, bound, refill_kw)
        wanted_kw = np.where(free, can_do.most_kw, 0.0)
        when = self._turns(act, part.who, is_mine)
        if word.target_kw is None:
            granted_kw = wanted_kw
        else:
            verdict = yield Said(DESK, Offer(word.target_kw, exact_sum(bound_kw), tallied(when, wanted_kw)))
            granted_kw = granted_in_turn(verdict, when, wanted_kw, part.who, 0.0)
        delivers = granted_kw > _LEAST_KW
        stays = is_mine | delivers
        self._hold(act, part.who[stays], plan)
        self._serves[part.who[delivers]], self._is_let_go[part.who[let_go]] = True, True
        self._delivered_kwh[part.who] += granted_kw * part.hours
        wills = list(self._wills(act, word, part, can_do, granted_kw, stays & ~let_go))
        if let_go.any():
            wills.append(self._will(act, part, let_go, refill_kw, part.cars.target_soc, "refill"))
        self._note_responses(act, seen, part, out, busy, can_do, delivers)
        noted = {Note.HAD_TO_CHARGE: let_go}
        if word.action == "discharge":
            noted[Note.RESERVE_REACHED] = is_mine & (part.cars.soc <= part.cars.v2g_reserve_soc + _SOC_ROUNDING)
        for note, rows_of_it in noted.items():
            self.decided.note(act.dispatch, part.who[rows_of_it], note)
        held = np.zeros(len(who), np.bool_)
        held[rows[stays]] = True
        return wills, held

    def _on_paper(self, part: _Seen, *instants: float) -> tuple[Plan, Floats, list[Floats]]:
        """Plans of free cars; SoC (m,) of all by their rule at the last instant, and (m,) energy on the way to each.

        Energy at the meter [kWh], negative if given back: from now to the first instant, and from each to the next.
        """
        who, is_free = part.who, self.word[part.who] == _FREE
        fresh = who[is_free]
        plan = plan_of(self._ask(fresh, part.now[is_free]))
        soc = self._soc.copy()
        soc[fresh] = self._people.soc[fresh]
        mine = np.zeros(len(self.word), np.bool_)
        mine[who[~is_free]] = True
        both = joined([self._plan.of(mine[self._plan.who]), plan])
        since, kwh = np.zeros(len(self.word)), []
        since[who] = part.now
        for instant in instants:
            kwh.append(follow(self._people, both, soc, since, instant)[who])
            since[who] = instant
        return plan, soc[who], kwh

    def _range(self, action: str, part: _Seen, shadow_kw: Floats) -> _Range:
        """What cars could deliver until the next decision, and still be ready when they usually leave."""
        cars, hours = part.cars, part.hours
        can_wait = part.is_ready_after(cars.soc)
        must_charge = ~can_wait & (cars.soc < cars.target_soc)
        why_not = np.full(len(part.who), Response.WOULD_MISS_READY_BY, np.uint8)
        if action == "turn_up":
            wiring = self._people.wiring(part.who)
            done = charge(self._people.curve, wiring, cars.soc, cars.charger_kw, cars.target_soc, hours)
            most_kw = done.import_kwh / hours - shadow_kw
            why_not[:] = Response.NOTHING_TO_TURN_UP
            return _Range(shadow_kw, most_kw, most_kw > _LEAST_KW, why_not, np.zeros(len(cars), np.bool_))
        if action == "turn_down":
            why_not[can_wait | (shadow_kw <= _LEAST_KW)] = Response.NOTHING_TO_TURN_DOWN
            return _Range(shadow_kw, np.maximum(shadow_kw, 0.0), can_wait, why_not, must_charge)
        kwh = given_kwh(self._people, part.who, cars.soc, cars.discharge_kw, np.zeros(len(cars)), hours)
        after = cars.soc - kwh / (cars.discharging_efficiency * cars.capacity_kwh)
        gives = (kwh > 0) & part.is_ready_after(after)
        has_v2g = cars.discharge_kw > 0
        why_not[can_wait & (kwh <= 0)] = Response.BELOW_RESERVE
        why_not[~has_v2g] = Response.CANNOT_DISCHARGE
        most_kw = np.maximum(np.where(gives, kwh / hours, 0.0) + shadow_kw, 0.0)
        return _Range(shadow_kw, np.where(has_v2g, most_kw, 0.0), has_v2g & can_wait, why_not, must_charge)

    def _refill_kw(self, part: _Seen, shadow_kw: Floats) -> Floats:
        """(m,) power of cars that are let go [kW]: the charger's, but under a limit no more than their rule's."""
        return np.maximum(shadow_kw, 0.0) if self._is_limited else part.cars.charger_kw

    def _bound_kw(self, action: str, part: _Seen, can_do: _Range, bound: Bools, kw: Floats) -> Floats:
        """(m,) what held cars deliver that charge without a choice [kW]: the reverse of what they delivered before."""
        wiring, cars = self._people.wiring(part.who), part.cars
        charged = charge(self._people.curve, wiring, cars.soc, kw, cars.target_soc, part.hours).import_kwh
        sign = -1.0 if action == "turn_up" else 1.0
        return np.where(bound, sign * (can_do.shadow_kw - charged / part.hours), 0.0)

    def _wills(
        self, act: Act, word: Dispatch, part: _Seen, can_do: _Range, granted_kw: Floats, stays: Bools
    ) -> Iterator[Will]:
        """The orders of those who serve: their rule's power less what they are granted to deliver."""
        cars = part.cars
        if word.action == "turn_up":
            full = granted_kw >= can_do.most_kw - _LEAST_KW
            kw = np.where(full, cars.charger_kw, np.clip(can_do.shadow_kw + granted_kw, 0.0, cars.charger_kw))
            yield self._will(act, part, stays, kw, cars.target_soc, "dispatch")
            return
        kw = can_do.shadow_kw - granted_kw
        kw = np.where(np.abs(kw + cars.discharge_kw) < _LEAST_KW, -cars.discharge_kw, kw)
        kw[np.abs(kw) < _LEAST_KW] = 0.0
        until_soc = np.where(kw < 0, cars.v2g_reserve_soc, cars.target_soc)
        yield self._will(act, part, stays, kw, until_soc, "dispatch")

    # ---- preparing

    def _prepare(self, act: Act, seen: _Seen, taken: Bools) -> Talk[tuple[list[Will], Bools]]:
        """Who gets ready for a dispatch that has been announced; returns orders and (n,) who is held."""
        word, who = self._word_of(act), seen.who
        held = np.zeros(len(who), np.bool_)
        if word.action == "turn_down" or (word.action == "discharge" and self._is_limited):
            return [], held  # pausing needs no preparation; and what is charged ahead would not be under the limit
        asked = self._book.asked[act.word][seen.cars.archetype] & ~self._has_opted_out(act, who) & ~taken
        rows = rows_where(asked)
        part, is_mine = seen.of(rows), self._is_mine(act, who[rows])
        ahead = self._before_discharge(act, part) if word.action == "discharge" else self._before_turn_up(act, part)
        granted_kw = ahead.useful_kw
        if word.target_kw is not None:
            when = self._turns(act, part.who, is_mine)
            verdict = yield Said(DESK, Offer(word.target_kw, (0.0, 0.0), tallied(when, ahead.useful_kw)))
            granted_kw = granted_in_turn(verdict, when, ahead.useful_kw, part.who, 0.0)
        chosen = is_mine | ((granted_kw > _LEAST_KW) & ahead.is_due)
        if not chosen.any():
            return [], held
        self._hold(act, part.who[chosen], ahead.plan)
        held[rows[chosen]] = True
        late = is_mine & (ahead.must_charge | self._is_let_go[part.who])
        self._is_let_go[part.who[late]] = True
        wills = [self._will(act, part, chosen & ~late, ahead.kw, ahead.until_soc, "prepare")]
        if late.any():
            wills.append(self._will(act, part, late, part.cars.charger_kw, part.cars.target_soc, "refill"))
        return wills, held

    def _before_discharge(self, act: Act, part: _Seen) -> _Ahead:
        """Cars that their own plan does not have charged by the start charge now, for as long as it will serve.

        Those who have that much go on as their rule would.
        """
        cars = part.cars
        stays = (cars.discharge_kw > 0) & (cars.expected_departure > act.start_s)
        hours = (act.planned_end_s - act.start_s) / SECONDS_PER_HOUR
        needs = cars.discharge_kw * hours / (cars.discharging_efficiency * cars.capacity_kwh)
        goal = np.minimum(cars.v2g_reserve_soc + needs, cars.target_soc)
        plan, soc, (kwh, _) = self._on_paper(part, self._until_s, float(act.start_s))
        lacks = cars.soc < goal
        return _Ahead(
            plan=plan,
            useful_kw=np.where(stays, cars.discharge_kw, 0.0),
            is_due=lacks & (soc < goal - _SOC_ROUNDING),
            kw=np.where(lacks, cars.charger_kw, kwh / part.hours),
            until_soc=np.where(lacks, goal, cars.target_soc),
            must_charge=np.zeros(len(cars), np.bool_),
        )

    def _before_turn_up(self, act: Act, part: _Seen) -> _Ahead:
        """Cars that would have charged before the window, and can wait for it, wait."""
        cars, hours = part.cars, (act.planned_end_s - act.start_s) / SECONDS_PER_HOUR
        has_room = cars.soc < cars.target_soc
        can_wait = has_room & part.is_ready_after(cars.soc, after_s=float(act.start_s))
        plan, _, (_, kwh) = self._on_paper(part, float(act.start_s), float(act.planned_end_s))
        wiring, window = self._people.wiring(part.who), np.full(len(part.who), hours)
        most = charge(self._people.curve, wiring, cars.soc, cars.charger_kw, cars.target_soc, window).import_kwh
        return _Ahead(
            plan=plan,
            useful_kw=np.where(can_wait, np.maximum(most - kwh, 0.0) / hours, 0.0),
            is_due=can_wait,
            kw=np.zeros(len(cars)),
            until_soc=cars.target_soc,
            must_charge=has_room & ~can_wait,
        )

    # ---- odds and ends

    def _has_opted_out(self, act: Act, who: Who) -> Bools:
        word = self._word_of(act)
        if not word.opt_out_percent:
            return np.zeros(len(who), np.bool_)
        return np.asarray(self._luck(Purpose.OPT_OUT, crc32(word.id.encode()))[who] < word.opt_out_percent / 100)

    def _turns(self, act: Act, who: Who, is_mine: Bools) -> Ints:
        """(m,) who comes first: those who serve already, then who has delivered less so far, then by lot."""
        lot = self._luck(Purpose.TURN, crc32(self._word_of(act).id.encode()))[who]
        band = np.minimum(self._delivered_kwh[who] / _FAIR_KWH, _MOST_FAIR).astype(np.int64)
        when = 1 + band * _DRAWS + (lot * _DRAWS).astype(np.int64)
        when[is_mine] = 0
        return when

    def _will(self, act: Act, part: _Seen, rows: Bools, kw: Floats, until_soc: Floats, reason: str) -> Will:
        """Orders for some cars, noted where they are new."""
        who = part.who[rows]
        self.decided.order(act.dispatch, part.now[rows], who, kw[rows], reason)
        return Will(who, part.now[rows], kw[rows], until_soc[rows], reason)

    def _note_responses(
        self,
        act: Act,
        seen: _Seen,
        part: _Seen,
        out: Bools,
        busy: Bools,
        can_do: _Range,
        delivers: Bools,
    ) -> None:
        """What each connected car answered, for the proof."""
        note = self.decided.respond
        note(act.dispatch, seen.who[out], Response.OPTED_OUT)
        note(act.dispatch, seen.who[busy], Response.BUSY)
        cannot = ~can_do.can | (can_do.most_kw <= _LEAST_KW)
        note(act.dispatch, part.who[cannot], can_do.why_not[cannot])
        note(act.dispatch, part.who[~cannot & ~delivers], Response.NOT_NEEDED)
        note(act.dispatch, part.who[delivers], Response.TOOK_PART)


class _Seen:
    """Connected cars at the moment of deciding: what is observed, whom, when (n,) and until when it stands [s]."""

    def __init__(self, cars: Observation, who: Who, now: Floats, until_s: float) -> None:
        self.cars, self.who, self.now, self.until_s = cars, who, now, until_s

    @property
    def hours(self) -> Floats:
        """(n,) for how long a decision stands [h]."""
        return np.maximum(self.until_s - self.now, 1.0) / SECONDS_PER_HOUR

    def of(self, rows: Ints) -> _Seen:
        """Some of them."""
        return _Seen(self.cars.of(rows), self.who[rows], self.now[rows], self.until_s)

    def is_ready_after(self, soc: Floats, after_s: float | None = None) -> Bools:
        """(n,) whether charging from `soc` at the next decision (or later) still reaches the target in time."""
        cars = self.cars
        needs_s = cars.but(soc=soc).hours_to(cars.target_soc) * SECONDS_PER_HOUR
        left_s = cars.expected_departure - (self.until_s if after_s is None else max(after_s, self.until_s))
        return np.asarray(needs_s <= left_s)


def _without_a_word(talk: Talk[tuple[list[Will], Bools]]) -> tuple[list[Will], Bools]:
    """The end of a talk that has nothing to agree on."""
    try:
        next(talk)
    except StopIteration as end:
        told: tuple[list[Will], Bools] = end.value
        return told
    raise InvariantError("a dispatch without a target has nothing to agree on; a bug of evsim, please report it")

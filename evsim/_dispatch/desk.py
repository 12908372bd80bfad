"""Who does what about dispatches: prepares, delivers, and lets cars go again.

A car is *held* while it is prepared for a dispatch or serves one: its own rule does not decide. Its rule's plan goes on
on paper (`shadows`), and what the car delivers is that plan's power less its own. Each decision stands until the next
(`Book.instants`) and is taken from what chargers know at that moment.

    free       not held
    preparing  held for a dispatch that has been announced
    serving    held within its window
    let go     it had to charge, to be ready in time; it is held to account, and charges
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, TypeAlias
from zlib import crc32

import numpy as np

from evsim._battery import charge
from evsim._chance import Purpose
from evsim._dispatch.book import Act, Book
from evsim._dispatch.record import Decided, Response
from evsim._dispatch.settings import Dispatch
from evsim._dispatch.shadows import Plan, follow, given_kwh, joined, plan_of
from evsim._dispatch.sharing import DESK, Offer
from evsim._errors import InvariantError
from evsim._population import Population
from evsim._units import SECONDS_PER_HOUR, Anything, Bools, Floats, Ints, Who, rows_where
from evsim.strategies import Observation, Orders
from evsim.strategies._fleet import exact_sum, granted_in_turn, tallied
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
_TURNS = (_MOST_FAIR + 1) * _DRAWS


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
    """

    shadow_kw: Floats
    most_kw: Floats
    can: Bools
    why_not: Anything


class _Ahead(NamedTuple):
    """What cars could do ahead of a dispatch; each (m,) but the plan, which is that of free cars.

    useful_kw : what each would add to it; is_due : whether there is something to be done now, and what: kw, until_soc
    """

    plan: Plan
    useful_kw: Floats
    is_due: Bools
    kw: Floats
    until_soc: Floats


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
        self.instants = book.instants
        n = len(people)
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
        self.decided = Decided(len(book.told), n)

    # ---- what the controller asks

    @property
    def is_held(self) -> Bools:
        """(n_users,) whether a car's own rule does not decide about it."""
        return np.asarray(self.word != _FREE)

    def instants_between(self, since_s: float, to_s: float) -> list[int]:
        """When to decide, from one instant to before another [s]."""
        return [at for at in self.instants if since_s <= at < to_s]

    def decide(self, at_s: float, cars: Observation, who: Who) -> Talk[Decision]:
        """Decide for all connected cars, until the next instant at which that is done; agrees with other parts."""
        self._forget_who_left(who)
        self._live_on_paper(at_s)
        self._acting = self._acts_at(at_s)
        self._until_s = next((float(at) for at in self.instants if at > at_s), float(self._book.clock.end_s))
        was_held = self.word.copy()
        now = np.full(len(who), at_s)
        seen = _Seen(cars, who, now, self._until_s)
        taken, wills = np.zeros(len(who), np.bool_), []
        for act in self._acting[0]:
            given, mine = yield from self._serve(act, seen, taken)
            wills += given
            taken |= mine
        for act in self._acting[1]:
            given, mine = yield from self._prepare(act, seen, taken)
            wills += given
            taken |= mine
        kept = np.zeros(len(self.word), np.bool_)
        kept[who[taken]] = True
        released = rows_where((was_held != _FREE) & ~kept)
        self._let_go(released, at_s)
        return Decision(wills, released)

    def greet(self, cars: Observation, who: Who, now: Floats) -> list[Will]:
        """Hold newcomers at the plug for dispatches that want as much as can be; the others wait for a decision."""
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
        for number in np.unique(self.word[who]).tolist():
            rows = who[self.word[who] == number]
            self.decided.order(self._number_of(number), at_s, rows, np.nan, "dispatch_over")
        self.word[who] = _FREE

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

    # ---- keeping account

    def _forget_who_left(self, who: Who) -> None:
        """Cars that have been unplugged since are held no more."""
        is_here = np.zeros(len(self.word), np.bool_)
        is_here[who] = self._people.plugged_in_at[who] == self._since_plug[who]
        self.word[~is_here] = _FREE

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
        acts = self._book.acts
        serving = [act for act in acts if act.start_s <= at_s < act.end_s]
        coming = [act for act in acts if act.known_s <= at_s < act.prepares_until_s]
        return serving, coming

    def _word_of(self, act: Act) -> Dispatch:
        return self._book.words[act.word]

    def _number_of(self, word: int) -> int:
        """Which dispatch a word is about."""
        return next(i for i, told in enumerate(self._book.told) if word in told.words)

    def _hold(self, act: Act, who: Who, plan: Plan, *, serves: bool) -> None:
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
        self.word[who], self._serves[who] = act.word, serves

    # ---- serving

    def _serve(self, act: Act, seen: _Seen, taken: Bools) -> Talk[tuple[list[Will], Bools]]:
        """Who delivers until the next decision; returns orders and (n,) who is held."""
        word, who = self._word_of(act), seen.who
        asked = self._book.asked[act.word][seen.cars.archetype]
        out = asked & self._has_opted_out(act, who)
        mine = self.word[who] == act.word
        busy = asked & taken & ~mine
        rows = rows_where(asked & ~out & ~taken)
        part = seen.of(rows)
        plan, _, kwh = self._on_paper(part, self._until_s)
        can_do = self._range(word.action, part, kwh / part.hours)
        is_mine = mine[rows]
        let_go = is_mine & ~can_do.can & (part.cars.soc < part.cars.target_soc) & (word.action != "turn_up")
        let_go |= is_mine & self._is_let_go[part.who]
        free = can_do.can & ~let_go & (can_do.most_kw > _LEAST_KW)
        bound_kw = self._bound_kw(word.action, part, can_do, is_mine, let_go, free)
        wanted_kw = np.where(free, can_do.most_kw, 0.0)
        when = self._turns(act, part.who, is_mine)
        if word.target_kw is None:
            granted_kw = wanted_kw
        else:
            verdict = yield Said(DESK, Offer(word.target_kw, exact_sum(bound_kw), tallied(when, wanted_kw)))
            granted_kw = granted_in_turn(verdict, when, wanted_kw, part.who, 0.0)
        delivers = granted_kw > _LEAST_KW
        stays = is_mine | delivers
        self._hold(act, part.who[stays], plan, serves=True)
        self._is_let_go[part.who[let_go]] = True
        self._delivered_kwh[part.who] += granted_kw * part.hours
        wills = list(self._wills(act, word, part, can_do, granted_kw, stays & ~let_go))
        if let_go.any():
            wills.append(self._will(act, part, let_go, part.cars.charger_kw, part.cars.target_soc, "refill"))
        self._note_responses(act, seen, part, out, busy, can_do, delivers)
        held = np.zeros(len(who), np.bool_)
        held[rows[stays]] = True
        return wills, held

    def _on_paper(self, part: _Seen, *instants: float) -> tuple[Plan, Floats, Floats]:
        """Plans of free cars; SoC (m,) of all by their rule at the last instant, and the energy on the last way there.

        Energy at the meter [kWh], negative if given back; from now, or from the last instant but one.
        """
        who, is_free = part.who, self.word[part.who] == _FREE
        fresh = who[is_free]
        plan = plan_of(self._ask(fresh, part.now[is_free]))
        soc = self._soc.copy()
        soc[fresh] = self._people.soc[fresh]
        mine = np.zeros(len(self.word), np.bool_)
        mine[who[~is_free]] = True
        both = joined([self._plan.of(mine[self._plan.who]), plan])
        since, kwh = np.zeros(len(self.word)), np.zeros(len(self.word))
        since[who] = part.now
        for instant in instants:
            kwh = follow(self._people, both, soc, since, instant)
            since[who] = instant
        return plan, soc[who], kwh[who]

    def _range(self, action: str, part: _Seen, shadow_kw: Floats) -> _Range:
        """What cars could deliver until the next decision, and still be ready when they usually leave."""
        cars, hours = part.cars, part.hours
        can_wait = part.is_ready_after(cars.soc)
        why_not = np.full(len(part.who), Response.WOULD_MISS_READY_BY, np.uint8)
        if action == "turn_up":
            wiring = self._people.wiring(part.who)
            done = charge(self._people.curve, wiring, cars.soc, cars.charger_kw, cars.target_soc, hours)
            most_kw = done.import_kwh / hours - shadow_kw
            why_not[:] = Response.NOTHING_TO_TURN_UP
            return _Range(shadow_kw, most_kw, most_kw > _LEAST_KW, why_not)
        if action == "turn_down":
            why_not[can_wait | (shadow_kw <= _LEAST_KW)] = Response.NOTHING_TO_TURN_DOWN
            return _Range(shadow_kw, np.maximum(shadow_kw, 0.0), can_wait, why_not)
        kwh = given_kwh(self._people, part.who, cars.soc, cars.discharge_kw, np.zeros(len(cars)), hours)
        after = cars.soc - kwh / (cars.discharging_efficiency * cars.capacity_kwh)
        gives = (kwh > 0) & part.is_ready_after(after)
        has_v2g = cars.discharge_kw > 0
        why_not[can_wait & (kwh <= 0)] = Response.BELOW_RESERVE
        why_not[~has_v2g] = Response.CANNOT_DISCHARGE
        most_kw = np.where(gives, kwh / hours, 0.0) + np.maximum(shadow_kw, 0.0)
        return _Range(shadow_kw, np.where(has_v2g, most_kw, 0.0), has_v2g & can_wait, why_not)

    def _bound_kw(self, action: str, part: _Seen, can_do: _Range, is_mine: Bools, let_go: Bools, free: Bools) -> Floats:
        """(m,) what held cars without a choice deliver [kW]: mostly the reverse of what they have delivered before."""
        wiring, cars, hours = self._people.wiring(part.who), part.cars, part.hours
        bound = is_mine & ~free
        charged = charge(self._people.curve, wiring, cars.soc, cars.charger_kw, cars.target_soc, hours).import_kwh
        really_kw = np.where(let_go | (action == "turn_up"), charged / hours, 0.0)
        sign = -1.0 if action == "turn_up" else 1.0
        return np.where(bound, sign * (can_do.shadow_kw - really_kw), 0.0)

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
        is_whole = granted_kw >= can_do.most_kw - _LEAST_KW
        kw[is_whole] = np.minimum(can_do.shadow_kw, 0.0)[is_whole]
        if word.action == "discharge":
            kw[is_whole] = (np.maximum(can_do.shadow_kw, 0.0) - can_do.most_kw)[is_whole]
            near = np.abs(kw + cars.discharge_kw) < _LEAST_KW
            kw[near] = -cars.discharge_kw[near]
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
        rows = rows_where(asked & ~self._serves[who])
        part = seen.of(rows)
        ahead = self._before_discharge(act, part) if word.action == "discharge" else self._before_turn_up(act, part)
        granted_kw = ahead.useful_kw
        if word.target_kw is not None:
            when = self._turns(act, part.who, self.word[part.who] == act.word)
            verdict = yield Said(DESK, Offer(word.target_kw, (0.0, 0.0), tallied(when, ahead.useful_kw)))
            granted_kw = granted_in_turn(verdict, when, ahead.useful_kw, part.who, 0.0)
        chosen = ((granted_kw > _LEAST_KW) | (self.word[part.who] == act.word)) & ahead.is_due
        if not chosen.any():
            return [], held
        self._hold(act, part.who[chosen], ahead.plan, serves=False)
        held[rows[chosen]] = True
        return [self._will(act, part, chosen, ahead.kw, ahead.until_soc, "prepare")], held

    def _before_discharge(self, act: Act, part: _Seen) -> _Ahead:
        """Cars whose own plan does not have them charged by the start charge now, for as long as it will serve."""
        cars = part.cars
        stays = (cars.discharge_kw > 0) & (cars.expected_departure > act.start_s)
        hours = (act.end_s - act.start_s) / SECONDS_PER_HOUR
        needs = cars.discharge_kw * hours / (cars.discharging_efficiency * cars.capacity_kwh)
        goal = np.minimum(cars.v2g_reserve_soc + needs, cars.target_soc)
        plan, soc, _ = self._on_paper(part, float(act.start_s))
        is_late = (self.word[part.who] == act.word) | (soc < goal - _SOC_ROUNDING)
        useful_kw = np.where(stays, cars.discharge_kw, 0.0)
        return _Ahead(plan, useful_kw, is_late & (cars.soc < goal), cars.charger_kw, goal)

    def _before_turn_up(self, act: Act, part: _Seen) -> _Ahead:
        """Cars that would have charged before the window, and can wait for it, wait."""
        cars, hours = part.cars, (act.end_s - act.start_s) / SECONDS_PER_HOUR
        can_wait = (cars.soc < cars.target_soc) & part.is_ready_after(cars.soc, after_s=float(act.start_s))
        plan, _, kwh = self._on_paper(part, float(act.start_s), float(act.end_s))
        wiring, window = self._people.wiring(part.who), np.full(len(part.who), hours)
        most = charge(self._people.curve, wiring, cars.soc, cars.charger_kw, cars.target_soc, window).import_kwh
        useful_kw = np.where(can_wait, np.maximum(most - kwh, 0.0) / hours, 0.0)
        return _Ahead(plan, useful_kw, can_wait, np.zeros(len(part.who)), cars.target_soc)

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

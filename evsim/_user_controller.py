"""Who decides: plugs many users in and out, asks their strategy, and pulls the levers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import numpy as np

from evsim._agenda import Agenda, batch
from evsim._battery import hours_between
from evsim._chance import Purpose
from evsim._changes import (
    ARRIVE,
    HOMEWARD,
    LEAVE,
    NOTHING,
    START,
    Changes,
    Columns,
    in_pieces,
    join,
    nothing,
    one_by_one,
)
from evsim._clock import Clock
from evsim._dispatch.record import Decided
from evsim._dispatch.sharing import agreed_by_all
from evsim._errors import InvariantError
from evsim._flows import ROUNDING_S, Order
from evsim._population import Population
from evsim._series import NO_SIGNALS, Signals
from evsim._trips import Trips
from evsim._units import SECONDS_PER_DAY, SECONDS_PER_HOUR, SECONDS_PER_MINUTE, Anything, Floats, Ints, Who, rows_where
from evsim.strategies import ChargingStrategy, Observation, Orders, Sight, ask, check_asked
from evsim.strategies._parts import InParts, Talk, ask_part, can_split, together

if TYPE_CHECKING:
    from evsim._diary import Appointments
    from evsim._homecoming import Homecoming


Luck: TypeAlias = Callable[[Purpose, int], Floats]
"""(n_users,) uniforms of a purpose and a day."""


def no_luck(purpose: Purpose, day: int) -> Floats:
    """For people who are steered by hand."""
    raise InvariantError(f"nobody draws {purpose.name.lower()} of day {day}")


_SEEN_AS_THEY_ARE = frozenset(
    (
        "archetype",
        "soc",
        "target_soc",
        "capacity_kwh",
        "charger_kw",
        "efficiency",
        "is_charging",
        "plugged_in_at",
        "discharge_kw",
        "discharging_efficiency",
        "v2g_reserve_soc",
        "wear_gbp_per_kwh",
        "is_discharging",
    )
)


class UserController:
    """Orchestrates the users of a population through the steps of a clock.

    population, book, clock : whom, when they come and go, and the time axis
    strategies : one for each archetype, in order; archetypes may share one
    homecoming : who plugs in on arrival
    signals : prices and the like; luck : (day, purpose) -> (n_users,) uniforms
    `decided` : the record of what was decided about dispatches; None without any
    """

    def __init__(
        self,
        population: Population,
        book: Appointments,
        clock: Clock,
        strategies: Sequence[ChargingStrategy],
        homecoming: Homecoming,
        signals: Signals = NO_SIGNALS,
        luck: Luck = no_luck,
    ) -> None:
        self.population = population
        self.decided: Decided | None = None
        self._signals, self._luck = signals, luck
        self._clock, self._book, self._homecoming = clock, book, homecoming
        self._strategies = each_once(strategies)
        number = {id(s): i for i, s in enumerate(self._strategies)}
        self._strategy_of = np.array([number[id(s)] for s in strategies])
        for strategy in self._strategies:
            check_asked(strategy)
        self._steers = [s.asked == "every_step" for s in self._strategies]
        self._is_part = [steers and can_split(s) for s, steers in zip(self._strategies, self._steers, strict=True)]
        self._interval_s = [decides_every_s(s, clock.step_s) for s in self._strategies]
        self._wants_news = [s.asked == "at_news" for s in self._strategies]
        self._news = {int(at) for at in acted_on(signals.news)}
        self._departures, self._homeward, self._arrivals = Agenda(LEAVE), Agenda(HOMEWARD), Agenda(ARRIVE)
        self._starts = Agenda(START)
        n = len(population)
        self._has_order = np.zeros(n, np.bool_)
        self._asked_at = np.full(n, -np.inf)
        self._asks_again = any(self._steers) or any(self._wants_news)
        self._expected = np.zeros(n if self._asks_again else 0)
        self._scratch = np.full(n, -np.inf)
        self._next_day = int(clock.local(clock.warm_up_s)[0]) - 2
        self._next_day_due = -np.inf
        self._has_begun = False
        self._step_ends_at, self._known_s = 0, 0.0
        code = population.events.reason_code
        self._habit, self._run_start = code("habit"), code("run_start")
        self._outward, self._back = code("outward"), code("homeward")

    def step(self, k: int, n: int = 1) -> None:
        """The same as `parley`, when these people are the whole fleet."""
        together([self.parley(k, n)], partial(agreed_by_all, self._strategies))

    def parley(self, k: int, n: int = 1) -> Talk[None]:
        """Decide everything that happens in `n` steps from step `k` (negative in the warm-up); power flows in `elapse`.

        1 unplug those who leave, and drive; 2 plug in those who arrive and choose to; 3 observe; 4 ask the
        strategies; 5 start, stop or re-power. Each at its own instant, and for each user in the order of those
        instants. A strategy that is to be asked again about all its cars is asked when the first step begins, and one
        that steers a fleet of which these people are a part agrees with the other parts.
        """
        t0, end = k * self._clock.step_s, k + n
        self._step_ends_at = end * self._clock.step_s
        self._known_s = acted_on(np.array([t0 - SECONDS_PER_HOUR + 1]))[0]
        self._enter_new_days()
        self.population.road.travel(float(self._step_ends_at))
        outs, homes, ins = (agenda.take(k, end) for agenda in (self._departures, self._homeward, self._arrivals))
        changes = Changes(outs, homes, ins, self._starts.take(k, end))
        due = self._due(t0)
        for at in sorted({*self._calls(t0), *([t0] if due else [])}):
            first, changes = changes.before_deciding(at), changes.after(at)
            first = first._replace(starts=self._still_meant(first.starts))
            changes = changes.plus_starts(self._carry_out(first, at))
            changes = changes.plus_starts((yield from self._decide(at, due if at == t0 else [])))
        self._carry_out(changes._replace(starts=self._still_meant(changes.starts)), np.inf)

    def _due(self, t0: int) -> list[int]:
        """The strategies to be asked now about all their cars."""
        has_news = t0 in self._news
        return [
            i
            for i, steers in enumerate(self._steers)
            if (steers and t0 % self._interval_s[i] == 0) or (has_news and self._wants_news[i])
        ]

    def _carry_out(self, changes: Changes, upto: float) -> Columns:
        """Make the changes, for each user in order; returns the starts that come of them after an instant."""
        plain, tangled = changes.untangled(self._scratch)
        put_off = [self._carry_out_by_kind(plain, upto)]
        turns = tangled.in_turns() if tangled else []
        for now, after in pairwise([*turns, NOTHING]):
            starts = after.starts_before_leaving(self._carry_out_by_kind(now, -np.inf), self._scratch)
            in_time = starts[0] <= upto
            self._start_in_order(tuple(column[in_time] for column in starts))
            put_off.append(tuple(column[~in_time] for column in starts))
        return join(put_off, START)

    def _carry_out_by_kind(self, now: Changes, upto: float) -> Columns:
        """First departures, then settings off for home, arrivals, starts; returns the new starts after an instant."""
        for outs in in_pieces(now.outs):
            self._leave(*outs)
        for homes in in_pieces(now.homes):
            self._go_home(*homes)
        new = join([self._arrive(*ins) for ins in in_pieces(now.ins)], START)
        in_time = new[0] <= upto
        self._start_in_order(now.starts)
        self._start_in_order(tuple(column[in_time] for column in new))
        return tuple(column[~in_time] for column in new)

    # ---- 1, 2: leaving and arriving

    def _enter_new_days(self) -> None:
        """Enter each day's outings a day before it begins, so that an early one is not missed."""
        while self._next_day_due < self._step_ends_at:
            for entries in self._book.entries(self._next_day):
                self._departures.add(entries.departures)
                self._homeward.add(entries.homeward)
                self._arrivals.add(entries.arrivals)
            self._next_day += 1
            self._next_day_due = float(self._clock.instant(self._next_day, -SECONDS_PER_DAY))
        if not self._has_begun:
            self._has_begun = True
            at_home, on_the_way = self._book.opening()
            self._arrivals.add(at_home)
            self.population.away(on_the_way, float(self._clock.warm_up_s), goes=True)

    def _leave(self, at: Ints, who: Who, leg_s: Ints, leg_miles: Floats, leg_kwh: Floats, kwh_after: Floats) -> None:
        """Unplug those who are plugged in; those who drive set off on the first of their two trips."""
        people, when = self.population, at.astype(np.float64)
        plugged = rows_where(people.is_plugged_in[who])
        if len(plugged) == len(who):
            people.plug_out(who, when, self._habit)
        elif len(plugged):
            people.plug_out(who[plugged], when[plugged], self._habit)
        drives = rows_where(leg_s)
        if not len(drives):
            return
        trips = Trips(who, when, when + leg_s, leg_kwh, leg_miles, kwh_after)
        if len(drives) < len(who):
            trips = trips.of(drives)
        people.away(trips.who, trips.at, goes=True)
        people.road.set_off(trips, float(self._step_ends_at), self._outward)

    def _go_home(self, at: Ints, who: Who, leg_s: Ints, leg_miles: Floats, leg_kwh: Floats) -> None:
        """Set off on the second trip."""
        when = at.astype(np.float64)
        trips = Trips(who, when, when + leg_s, leg_kwh, leg_miles, np.zeros(len(who)))
        self.population.road.set_off(trips, float(self._step_ends_at), self._back)

    def _arrive(self, at: Ints, who: Who, luck: Floats) -> Columns:
        """Plug in and ask, but for rules that steer: they see newcomers with all the others, when the next step begins.

        Returns the starts that fall later in this step.
        """
        people = self.population
        back = rows_where(people.is_away[who])
        if len(back):
            people.away(who[back], at[back], goes=False)
        rows = self._homecoming.plugs_in(people, who, at, luck)
        if not isinstance(rows, slice):
            at, who = at[rows], who[rows]
        if not len(who):
            return nothing(START)
        now = at.astype(np.float64)
        reason: Anything | int = self._habit
        if at.min() <= self._clock.warm_up_s:
            reason = np.where(at > self._clock.warm_up_s, self._habit, self._run_start)
        people.plug_in(who, now, reason)
        if self._asks_again:
            self._expected[who] = np.nan
        who, now = self._greet(who, now)
        asked = [(i, rows) for i, rows in self._by_strategy(who) if not self._steers[i]]
        return join([self._ask(i, who[rows], now[rows]) for i, rows in asked], START)

    # ---- 3, 4: observing and asking

    def _by_strategy(self, who: Who) -> Iterator[tuple[int, Any]]:
        """Each strategy's number and the rows of `who` it decides about."""
        if not len(who):
            return
        if len(self._strategies) == 1:
            yield 0, slice(None)
            return
        mine = self._strategy_of[self.population.archetype[who]]
        for i in range(len(self._strategies)):
            rows = rows_where(mine == i)
            if len(rows):
                yield i, rows

    def _ask(self, i: int, who: Who, now: Floats) -> Columns:
        """Ask strategy `i` and act on its answer; returns the starts later in this step."""
        return self._act_on(self._answer(i, who, now), who, now)

    def _act_on(self, given: Sequence[Orders], who: Who, now: Floats) -> Columns:
        """Start what starts at the moment of asking (n,), note the rest; returns the starts later in this step."""
        code, later = self.population.events.reason_code, []
        self._asked_at[who] = now
        for orders in given:
            user, reason = who[orders.row], code(orders.reason)
            start, stop = by_the_second(orders.start), by_the_second(orders.stop)
            order = Order(orders.max_kw, orders.until_soc, stop, code(orders.stop_reason))
            waits = start > now[orders.row]
            if not waits.any():
                self._begin(user, start, order, reason)
                continue
            at_once, waiting = rows_where(~waits), rows_where(waits)
            self._begin(user[at_once], start[at_once], order.of(at_once), reason)
            asked_at = now[orders.row[waiting]]
            later.append(as_starts(start[waiting], user[waiting], asked_at, order.of(waiting), reason))
        return self._note(join(later, START))

    def _observe(self, who: Who, now: Floats) -> Observation:
        return Observation(len(who), self._sight(who, now), self._clock, self.population.archetype_names)

    def _sight(self, who: Who, now: Floats) -> Sight:
        """What can be seen of cars at the moment of asking (n,) [s]."""
        people = self.population

        def read(name: str) -> Anything:
            column: Anything
            if name == "expected_departure":
                return self._expected_departure(who)
            if name == "order_kw":
                return people.order_kw(who)
            if name == "flat_to_soc":
                return np.full(len(who), people.curve.is_flat_to)
            if name in _SEEN_AS_THEY_ARE:
                column = getattr(people, name)[who]
                return column
            return now.copy() if name == "now" else who + people.first_user

        def luck(purpose: Purpose) -> Floats:
            day, _ = self._clock.local(people.plugged_in_at[who])
            drawn = np.empty(len(who))
            for one in np.unique(day).tolist():
                rows = rows_where(day == one)
                drawn[rows] = self._luck(purpose, one)[who[rows]]
            return drawn

        return Sight(
            read=read,
            hours=lambda soc, to, max_kw: hours_between(people.curve, people.wiring(who), soc, to, max_kw),
            known=lambda name: self._signals.known_at(name, self._known_s),
            luck=luck,
            part=lambda rows: self._sight(who[rows], now[rows]),
        )

    def _expected_departure(self, who: Who) -> Floats:
        """When connected cars usually leave [s]; found once a stay where they are asked about again and again."""
        plugged_in_at = self.population.plugged_in_at
        if not self._asks_again:
            return self._book.expected_plug_out(who, plugged_in_at[who])
        unknown = who[np.isnan(self._expected[who])]
        if len(unknown):
            self._expected[unknown] = self._book.expected_plug_out(unknown, plugged_in_at[unknown])
        return self._expected[who]

    def _ask_again(self, due: Sequence[int], t0: float) -> Talk[Columns]:
        """Ask strategies about all their connected cars: the answer replaces the last."""
        people, starts = self.population, []
        asked = people.is_plugged_in
        if not any(getattr(self._strategies[i], "sees_full_cars", True) for i in due):
            asked = asked & ((self._soc_by_rule(t0) < people.target_soc) | (people.discharge_kw > 0))
        connected = rows_where(asked)
        mine = dict(self._by_strategy(connected))
        for i in due:
            who = connected[mine.get(i, slice(0))]
            now, free = np.full(len(who), t0), self._free(who)
            self._has_order[free] = False
            if self._is_part[i]:
                given = yield from ask_part(i, cast("InParts", self._strategies[i]), self._by_rule(who, now, t0), now)
            elif len(who):
                given = ask(self._strategies[i], self._by_rule(who, now, t0), now)
            else:
                continue
            starts.append(self._act_on(self._for_free(who, given), who, now))
            idle = free[people.has_power(free) & ~self._has_order[free]]
            if len(idle):
                reason = getattr(self._strategies[i], "idle_reason", "no_order")
                people.stop_power(idle, t0, people.events.reason_code(reason))
        return join(starts, START)

    def _answer(self, i: int, who: Who, now: Floats) -> list[Orders]:
        return ask(self._strategies[i], self._observe(who, now), now)

    # ---- what dispatches change (`_dispatched`)

    def _calls(self, t0: int) -> Sequence[int]:  # noqa: ARG002 - there are none
        """When, from an instant on and before the steps end, there is more to decide than rules are asked about [s]."""
        return ()

    def _decide(self, at: int, due: Sequence[int]) -> Talk[Columns]:
        """Decide at an instant, at which some strategies are due; returns the starts later in this step."""
        return (yield from self._ask_again(due, float(at)))

    def _greet(self, who: Who, now: Floats) -> tuple[Who, Floats]:
        """Newcomers whose rules are to be asked, and when they came."""
        return who, now

    def _soc_by_rule(self, at: float) -> Floats:  # noqa: ARG002 - it is now
        """(n_users,) SoC as rules are to see it."""
        return self.population.soc

    def _by_rule(self, who: Who, now: Floats, at: float) -> Observation:  # noqa: ARG002 - it is now
        """Cars as rules are to see them."""
        return self._observe(who, now)

    def _free(self, who: Who) -> Who:
        """Cars whose rules decide."""
        return who

    def _for_free(self, who: Who, given: Sequence[Orders]) -> Sequence[Orders]:  # noqa: ARG002 - all are free
        """The orders for cars whose rules decide."""
        return given

    # ---- 5: starting

    def _note(self, starts: Columns) -> Columns:
        """Keep starts of later steps, which stay, replug or a later answer may yet undo; returns those of this one."""
        if not len(starts[0]):
            return starts
        soon = rows_where(starts[0] < self._step_ends_at)
        later = rows_where(starts[0] >= self._step_ends_at)
        self._starts.add(batch(self._clock.step_s, *(column[later] for column in starts)))
        return tuple(column[soon] for column in starts)

    def _still_meant(self, starts: Columns) -> Columns:
        """Noted starts of cars that have stayed on the plug until now, and that no later answer has replaced."""
        if not len(starts[0]):
            return starts
        who, asked_at = starts[1], starts[2]
        rows = rows_where(self.population.is_plugged_in[who] & (self._asked_at[who] == asked_at))
        return tuple(column[rows] for column in starts)

    def _start_in_order(self, starts: Columns) -> None:
        """Begin noted charges; those of one car one after the other."""
        plain, several = NOTHING._replace(starts=starts).untangled(self._scratch)
        for piece in in_pieces(plain.starts):
            self._start(*piece)
        for piece in one_by_one(several.starts):
            self._start(*piece)

    def _start(
        self,
        at: Floats,
        who: Who,
        asked_at: Floats,
        max_kw: Floats,
        until_soc: Floats,
        stop_at: Floats,
        reason: Ints,
        stop_reason: Ints,
    ) -> None:
        """Begin noted charges of cars that have stayed since they were asked about."""
        people = self.population
        stays = people.is_plugged_in[who] & (people.plugged_in_at[who] <= asked_at)
        people.settle(who[stays], at[stays])  # not those who have come anew: their charge may be ahead of `at`
        for code in set(reason[stays].tolist()):
            rows = rows_where(stays & (reason == code))
            order = Order(max_kw[rows], until_soc[rows], stop_at[rows], stop_reason[rows])
            self._begin(who[rows], at[rows], order, code)

    def _begin(self, who: Who, at: Floats, order: Order, reason: int) -> None:
        """Let power flow, if there is something to charge or give, with no more than is possible; 0 kW is a pause."""
        people = self.population
        order = order._replace(max_kw=np.minimum(order.max_kw, people.charger_kw[who]))
        gives = rows_where(order.max_kw < 0)
        if len(gives):
            order = self._can_give(who, order, gives)
        pauses = rows_where((order.max_kw == 0) & people.has_power(who))
        if len(pauses):
            people.stop_power(who[pauses], at[pauses], reason)
        soc = people.soc[who]
        can = (soc < order.until_soc) & (order.max_kw > 0)
        if len(gives):
            can |= (soc > order.until_soc) & (order.max_kw < 0)
        can &= order.stop_at > at
        self._has_order[who] = can
        can &= ~people.has_order(who, order)
        if not can.all():
            rows = rows_where(can)
            who, at, order = who[rows], at[rows], order.of(rows)
        if not len(gives):
            if len(who):
                people.start_charging(who, at, order, reason)
            return
        ways = (order.max_kw > 0, people.start_charging), (order.max_kw < 0, people.start_discharging)
        for goes, start in ways:
            rows = rows_where(goes)
            if len(rows):
                start(who[rows], at[rows], order.of(rows), reason)

    def _can_give(self, who: Who, order: Order, gives: Ints) -> Order:
        """The order with no more power out of batteries than cars have, and down to their reserve; else a pause."""
        people, max_kw, until_soc = self.population, order.max_kw.copy(), order.until_soc.copy()
        until_soc[gives] = np.maximum(until_soc[gives], people.v2g_reserve_soc[who[gives]])
        most_kw = np.where(people.soc[who[gives]] > until_soc[gives], people.discharge_kw[who[gives]], 0.0)
        max_kw[gives] = np.maximum(max_kw[gives], -most_kw)
        return order._replace(max_kw=max_kw, until_soc=until_soc)


def each_once(strategies: Sequence[ChargingStrategy]) -> list[ChargingStrategy]:
    """The strategies of archetypes, which may share one, without repetition."""
    return list({id(s): s for s in strategies}.values())


def by_the_second(at_s: Floats) -> Floats:
    """Instants as events tell them: the next whole second, unless only rounding is missing to one."""
    return np.ceil(at_s - ROUNDING_S)


def decides_every_s(strategy: ChargingStrategy, step_s: int) -> int:
    """How often a strategy that steers is asked [s]."""
    minutes = getattr(strategy, "decide_every_minutes", None)
    return step_s if minutes is None else int(minutes) * SECONDS_PER_MINUTE


def acted_on(news: Ints) -> Ints:
    """When news is acted on [s]: with the full hour (of the run), which is a step's beginning whatever its length."""
    return -(-news // SECONDS_PER_HOUR) * SECONDS_PER_HOUR


def as_starts(at: Floats, who: Who, asked_at: Floats, order: Order, reason: int) -> Columns:
    codes = np.full(len(who), reason), np.full(len(who), order.stop_reason)
    return (at, who, asked_at, order.max_kw, order.until_soc, order.stop_at, *codes)

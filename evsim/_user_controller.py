"""Who decides: plugs many users in and out, asks their strategy, and pulls the levers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from evsim._agenda import Agenda, batch
from evsim._battery import charge
from evsim._changes import ARRIVE, LEAVE, START, Changes, Columns, in_pieces, join
from evsim._clock import Clock
from evsim._flows import Order
from evsim._population import Population
from evsim._units import SECONDS_PER_DAY, Anything, Floats, Ints, Who
from evsim.strategies import ChargingStrategy, Observation, ask, check_asked

if TYPE_CHECKING:
    from evsim._diary import Diary

_HALF_DAY_S = SECONDS_PER_DAY // 2


class UserController:
    """Orchestrates the users of a population through the steps of a clock.

    population, diary, clock : whom, when they come and go, and the time axis
    strategies : one for each archetype, in order; archetypes may share one
    soc_on_arrival : (n_archetypes,) SoC each arriving car is brought to [0-1], or None to carry it on
    """

    def __init__(
        self,
        population: Population,
        diary: Diary,
        clock: Clock,
        strategies: Sequence[ChargingStrategy],
        soc_on_arrival: Floats | None = None,
    ) -> None:
        self.population = population
        self._clock, self._soc_on_arrival = clock, soc_on_arrival
        self._strategies = list({id(s): s for s in strategies}.values())
        number = {id(s): i for i, s in enumerate(self._strategies)}
        self._strategy_of = np.array([number[id(s)] for s in strategies])
        for strategy in self._strategies:
            check_asked(strategy)
        self._steers = [s.asked == "every_step" for s in self._strategies]
        self._plug_outs, self._plug_ins, self._starts = Agenda(LEAVE), Agenda(ARRIVE), Agenda(START)
        n = len(population)
        self._has_order = np.zeros(n, np.bool_)
        self._scratch = np.zeros(n, np.int64)
        self._next_day = int(clock.local(clock.warm_up_s)[0]) - 2
        self._next_day_due = -np.inf
        self._diary = diary
        self._step_ends_at = 0
        self._habit = population.events.reason_code("habit")
        self._run_start = population.events.reason_code("run_start")

    @property
    def steers(self) -> bool:
        """Whether a strategy is asked every step."""
        return any(self._steers)

    def step(self, k: int, n: int = 1) -> None:
        """Decide everything that happens in `n` steps from step `k` (negative in the warm-up); power flows in `elapse`.

        1 unplug those who leave; 2 plug in those who arrive; 3 observe; 4 ask the strategies; 5 start, stop
        or re-power. Each at its own instant, and for each user in the order of those instants. More than one step
        at a time is for the warm-up, where nobody looks, and not for strategies that steer every step.
        """
        t0, end = k * self._clock.step_s, k + n
        self._step_ends_at = end * self._clock.step_s
        self._enter_new_days()
        changes = Changes(self._plug_outs.take(k, end), self._plug_ins.take(k, end), self._starts.take(k, end))
        if self.steers:
            changes = self._carry_out(changes, t0)
            changes = changes.plus_starts(self._steer(t0))
        self._carry_out(changes, np.inf)

    def _carry_out(self, changes: Changes, upto: float) -> Changes:
        """Make the changes up to an instant, one a user at a time; returns those after it."""
        while changes:
            now, changes = changes.earliest(upto, self._scratch)
            if not now:
                break
            for outs in in_pieces(now.outs):
                self._leave(*outs)
            for starts in in_pieces(now.starts):
                self._start(*starts)
            for ins in in_pieces(now.ins):
                changes = changes.plus_starts(self._arrive(*ins))
        return changes

    # ---- 1, 2: leaving and arriving

    def _enter_new_days(self) -> None:
        """Enter each day's appointments half a day before it begins, so that an early one is not missed."""
        while self._next_day_due < self._step_ends_at:
            day = self._diary.entries(self._next_day)
            self._plug_ins.add(day.plug_ins)
            self._plug_outs.add(day.plug_outs)
            self._next_day += 1
            self._next_day_due = float(self._clock.instant(self._next_day, -_HALF_DAY_S))

    def _leave(self, at: Ints, who: Who) -> None:
        self.population.plug_out(who, at.astype(np.float64), self._habit)

    def _arrive(self, at: Ints, who: Who) -> Columns:
        """Plug in and ask, but for rules that steer: they see newcomers with all the others, when the next step begins.

        Returns the starts that fall later in this step.
        """
        now, people = at.astype(np.float64), self.population
        if self._soc_on_arrival is not None:
            people.arrive_with(who, self._soc_on_arrival[people.archetype[who]])
        reason: Anything | int = self._habit
        if at.min() <= self._clock.warm_up_s:
            reason = np.where(at > self._clock.warm_up_s, self._habit, self._run_start)
        people.plug_in(who, now, reason)
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
            rows = np.flatnonzero(mine == i)
            if len(rows):
                yield i, rows

    def _ask(self, i: int, who: Who, now: Floats) -> Columns:
        """Ask strategy `i`, start what starts now, note the rest; returns the starts later in this step."""
        code, later = self.population.events.reason_code, []
        for orders in ask(self._strategies[i], self._observe(who, now), now):
            user, reason = who[orders.row], code(orders.reason)
            start, stop = np.ceil(orders.start), np.ceil(orders.stop)  # events are told by the second
            order = Order(orders.max_kw, orders.until_soc, stop, code(orders.stop_reason))
            waits = start > now[orders.row]
            if not waits.any():
                self._begin(user, start, order, reason)
                continue
            at_once, waiting = np.flatnonzero(~waits), np.flatnonzero(waits)
            self._begin(user[at_once], start[at_once], order.of(at_once), reason)
            asked_at = now[orders.row[waiting]]
            later.append(_as_starts(start[waiting], user[waiting], asked_at, order.of(waiting), reason))
        return self._note(join(later, START), lasting=not self._steers[i])

    def _observe(self, who: Who, now: Floats) -> Observation:
        people = self.population
        columns = {
            "archetype": people.archetype,
            "soc": people.soc,
            "target_soc": people.target_soc,
            "capacity_kwh": people.capacity_kwh,
            "charger_kw": people.charger_kw,
            "efficiency": people.efficiency,
            "is_charging": people.is_charging,
            "plugged_in_at": people.plugged_in_at,
        }

        def read(name: str) -> Anything:
            if name == "expected_departure":
                return self._diary.expected_plug_out(who, people.plugged_in_at[who])
            if name in columns:
                return columns[name][who]
            return (now if name == "now" else who).copy()

        def hours_to(soc: Floats) -> Floats:
            wiring, forever = people.wiring(who), np.full(len(who), np.inf)
            return charge(people.curve, wiring, people.soc[who], wiring.charger_kw, soc, forever).hours

        return Observation(len(who), read, hours_to, self._clock, people.archetype_names)

    def _steer(self, t0: float) -> Columns:
        """Ask the strategies that steer every step about all their connected cars: the answer replaces the last."""
        people, due = self.population, []
        connected = np.flatnonzero(people.is_plugged_in)
        for i, rows in self._by_strategy(connected):
            if not self._steers[i]:
                continue
            who = connected[rows]
            self._has_order[who] = False
            due.append(self._ask(i, who, np.full(len(who), float(t0))))
            idle = who[people.is_charging[who] & ~self._has_order[who]]
            if len(idle):
                people.stop_charging(idle, float(t0), people.events.reason_code("no_order"))
        return join(due, START)

    # ---- 5: starting

    def _note(self, starts: Columns, *, lasting: bool) -> Columns:
        """Keep starts of later steps, if they will last till then; returns those of this one."""
        if not len(starts[0]):
            return starts
        soon = np.flatnonzero(starts[0] < self._step_ends_at)
        if lasting:
            later = np.flatnonzero(starts[0] >= self._step_ends_at)
            self._starts.add(batch(self._clock.step_s, *(column[later] for column in starts)))
        return tuple(column[soon] for column in starts)

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
        people.settle(who, at)
        stays = people.is_plugged_in[who] & (people.plugged_in_at[who] <= asked_at)
        for code in set(reason[stays].tolist()):
            rows = np.flatnonzero(stays & (reason == code))
            order = Order(max_kw[rows], until_soc[rows], stop_at[rows], stop_reason[rows])
            self._begin(who[rows], at[rows], order, code)

    def _begin(self, who: Who, at: Floats, order: Order, reason: int) -> None:
        """Begin charges, if there is something to charge, with no more than the charger's power."""
        people = self.population
        charger_kw = people.charger_kw[who]
        order = order._replace(max_kw=np.minimum(order.max_kw, charger_kw))
        can = (people.soc[who] < order.until_soc) & (order.max_kw > 0) & (order.stop_at > at)
        if self.steers:
            self._has_order[who] = can
        if not can.all():
            rows = np.flatnonzero(can)
            who, at, order = who[rows], at[rows], order.of(rows)
        if len(who):
            people.start_charging(who, at, order, reason)


def _as_starts(at: Floats, who: Who, asked_at: Floats, order: Order, reason: int) -> Columns:
    codes = np.full(len(who), reason), np.full(len(who), order.stop_reason)
    return (at, who, asked_at, order.max_kw, order.until_soc, order.stop_at, *codes)

"""Who decides: plugs many users in and out, asks their strategy, and pulls the levers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from evsim._agenda import Agenda, batch
from evsim._battery import charge
from evsim._changes import ARRIVE, LEAVE, START, Changes, Columns, join, nothing
from evsim._clock import Clock
from evsim._flows import Order
from evsim._population import Population
from evsim._units import SECONDS_PER_DAY, Anything, Floats, Ints, Who
from evsim.strategies import ChargingStrategy, Observation, Orders, ask

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
        self._steers = [s.asked == "every_step" for s in self._strategies]
        self._plug_outs, self._plug_ins, self._starts = Agenda(LEAVE), Agenda(ARRIVE), Agenda(START)
        n = len(population)
        self._expected_plug_out = np.zeros(n)
        self._generation = np.zeros(n, np.int64)  # of orders: one of an earlier generation is void
        self._has_order = np.zeros(n, np.bool_)
        self._scratch = np.zeros(n, np.int64)
        self._next_day = int(clock.local(clock.warm_up_s)[0]) - 2
        self._diary = diary
        self._step_ends_at = 0
        self._habit = population.events.reason_code("habit")

    def step(self, k: int) -> None:
        """Decide everything that happens in step `k` (negative in the warm-up); power flows in `elapse`.

        1 unplug those who leave; 2 plug in those who arrive; 3 observe; 4 ask the strategies; 5 start, stop
        or re-power. Each at its own instant inside the step, and for each user in the order of those instants.
        """
        t0 = k * self._clock.step_s
        self._step_ends_at = t0 + self._clock.step_s
        self._enter_new_days()
        changes = Changes(self._plug_outs.take(k), self._plug_ins.take(k), self._starts.take(k))
        if any(self._steers):
            changes = self._carry_out(changes, t0)
            changes = changes.plus_starts(self._steer(t0))
        self._carry_out(changes, np.inf)

    def _carry_out(self, changes: Changes, upto: float) -> Changes:
        """Make the changes up to an instant, one a user at a time; returns those after it."""
        while changes:
            now, changes = changes.earliest(upto, self._scratch)
            if not now:
                break
            for piece in now.in_pieces():
                self._leave(*piece.outs)
                self._start(*piece.starts)
                changes = changes.plus_starts(self._arrive(*piece.ins, asks_all=upto == np.inf))
        return changes

    # ---- 1, 2: leaving and arriving

    def _enter_new_days(self) -> None:
        """Enter each day's appointments half a day before it begins, so that an early one is not missed."""
        while self._clock.instant(self._next_day, -_HALF_DAY_S) < self._step_ends_at:
            day = self._diary.entries(self._next_day)
            self._plug_ins.add(day.plug_ins)
            self._plug_outs.add(day.plug_outs)
            self._next_day += 1

    def _leave(self, at: Ints, who: Who) -> None:
        if len(who):
            self.population.plug_out(who, at.astype(np.float64), self._habit)
            self._generation[who] += 1

    def _arrive(self, at: Ints, who: Who, expected_plug_out: Ints, *, asks_all: bool) -> Columns:
        """Plug in and ask; returns the starts that fall later in this step."""
        if not len(who):
            return nothing(START)
        now, people = at.astype(np.float64), self.population
        if self._soc_on_arrival is not None:
            people.arrive_with(who, self._soc_on_arrival[people.archetype[who]])
        people.plug_in(who, now, self._habit)
        self._expected_plug_out[who] = expected_plug_out
        asked = [(i, rows) for i, rows in self._by_strategy(who) if asks_all or not self._steers[i]]
        return join([self._ask(i, who[rows], now[rows]) for i, rows in asked], START)

    # ---- 3, 4: observing and asking

    def _by_strategy(self, who: Who) -> Iterator[tuple[int, Any]]:
        """Each strategy's number and the rows of `who` it decides about."""
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
        later = []
        for orders in ask(self._strategies[i], self._observe(who, now), now):
            starts = self._as_starts(orders, who)
            waits = orders.start > now[orders.row]
            if waits.any():
                later.append(tuple(column[waits] for column in starts))
                starts = tuple(column[~waits] for column in starts)
            self._start(*starts)
        return self._note(join(later, START))

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
            "expected_departure": self._expected_plug_out,
        }

        def read(name: str) -> Anything:
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
            self._generation[who] += 1
            self._has_order[who] = False
            due.append(self._ask(i, who, np.full(len(who), float(t0))))
            idle = who[people.is_charging[who] & ~self._has_order[who]]
            if len(idle):
                people.stop_charging(idle, float(t0), people.events.reason_code("no_order"))
        return join(due, START)

    # ---- 5: starting

    def _as_starts(self, orders: Orders, who: Who) -> Columns:
        user = who[orders.row]
        code, n = self.population.events.reason_code, len(user)
        return (
            orders.start,
            user,
            self._generation[user],
            np.minimum(orders.max_kw, self.population.charger_kw[user]),
            orders.until_soc,
            orders.stop,
            np.full(n, code(orders.reason)),
            np.full(n, code(orders.stop_reason)),
        )

    def _note(self, starts: Columns) -> Columns:
        """Keep starts of later steps; returns those of this one."""
        if not len(starts[0]):
            return starts
        soon = starts[0] < self._step_ends_at
        self._starts.add(batch(self._clock.step_s, *(column[~soon] for column in starts)))
        return tuple(column[soon] for column in starts)

    def _start(
        self,
        at: Floats,
        who: Who,
        generation: Ints,
        max_kw: Floats,
        until_soc: Floats,
        stop: Floats,
        reason: Ints,
        stop_reason: Ints,
    ) -> None:
        """Start charges whose order still stands and has something to charge."""
        if not len(who):
            return
        people = self.population
        people.settle(who, at)
        stands = (generation == self._generation[who]) & (people.soc[who] < until_soc) & (max_kw > 0)
        if any(self._steers):
            self._has_order[who] = stands
        columns = (who, at, max_kw, until_soc, stop, stop_reason, reason)
        if not stands.all():
            columns = tuple(column[stands] for column in columns)
        who, at, max_kw, until_soc, stop, stop_reason, reason = columns
        for code in set(reason.tolist()) if len(who) else ():
            alike = slice(None) if (reason == code).all() else reason == code
            order = Order(max_kw[alike], until_soc[alike], stop[alike], stop_reason[alike])
            people.start_charging(who[alike], at[alike], order, code)

"""Who decides where the market has a say: the controller of people who are sent dispatches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from evsim._battery import hours_between
from evsim._changes import START, Columns, join
from evsim._clock import Clock
from evsim._dispatch.book import Book
from evsim._dispatch.desk import Desk
from evsim._dispatch.seen import Will
from evsim._dispatch.shadows import plan_of
from evsim._flows import Order
from evsim._population import Population
from evsim._series import Signals
from evsim._units import SECONDS_PER_HOUR, Floats, Who, rows_where
from evsim._user_controller import Luck, UserController, as_starts, by_the_second
from evsim.strategies import ChargingStrategy, Observation, Orders
from evsim.strategies._orders import some_of
from evsim.strategies._parts import Talk
from evsim.strategies.fleet_limit import FleetLimit

if TYPE_CHECKING:
    from evsim._diary import Appointments
    from evsim._homecoming import Homecoming

_SHORT_BY_SOC = 1e-4
"""A dispatch has left a battery short when it is out by more than that [0-1]."""


class DispatchedController(UserController):
    """Takes cars from their rules while a desk wants them, carries out what it wants, and gives them back.

    dispatches : what the market wants; the rest as of a `UserController`. Dispatches are decided about at instants of
    their own, after the rules have been asked.
    """

    def __init__(
        self,
        population: Population,
        book: Appointments,
        clock: Clock,
        strategies: Sequence[ChargingStrategy],
        homecoming: Homecoming,
        signals: Signals,
        luck: Luck,
        dispatches: Book,
    ) -> None:
        super().__init__(population, book, clock, strategies, homecoming, signals, luck)
        is_limited = any(isinstance(strategy, FleetLimit) for strategy in strategies)
        self._desk = Desk(dispatches, population, self._rules_would, luck, is_limited=is_limited)
        self.decided = self._desk.decided
        self._asks_again, self._expected = True, np.zeros(len(population))

    # ---- at instants of their own

    def _calls(self, t0: int) -> Sequence[int]:
        return self._desk.instants_between(t0, self._step_ends_at)

    def _decide(self, at: int, due: Sequence[int]) -> Talk[Columns]:
        self._desk.keep_account(float(at))
        starts = [(yield from self._ask_again(due, float(at)))] if due else []
        if self._calls(at)[:1] == [at]:
            starts.append((yield from self._dispatch(float(at))))
        return join(starts, START)

    # ---- rules see held cars as they are on paper

    def _soc_by_rule(self, at: float) -> Floats:
        """(n_users,) SoC by the rules of cars: of those that a dispatch holds, on paper."""
        return self._desk.held.soc_and_kw(np.arange(len(self.population)), at)[0]

    def _by_rule(self, who: Who, now: Floats, at: float) -> Observation:
        """Cars as rules are to see them: those that a dispatch holds as they are on paper."""
        cars = self._observe(who, now)
        if not self._desk.held.holds(who).any():
            return cars
        soc, kw = self._desk.held.soc_and_kw(who, at)
        return cars.but(soc=soc, order_kw=kw, is_charging=kw > 0, is_discharging=kw < 0)

    def _free(self, who: Who) -> Who:
        """Cars that no dispatch holds."""
        return who[~self._desk.held.holds(who)]

    def _for_free(self, who: Who, given: Sequence[Orders]) -> Sequence[Orders]:
        """The orders for cars that no dispatch holds; those for the others go on paper."""
        if not (held := self._desk.held.holds(who)).any():
            return given
        self._desk.held.take_orders(who, given)
        return [some_of(orders, ~held[orders.row]) for orders in given]

    # ---- dispatches

    def _dispatch(self, at: float) -> Talk[Columns]:
        """Decide about dispatches at an instant; returns the starts of cars that are let go."""
        people, desk = self.population, self._desk
        who = rows_where(people.is_plugged_in)
        people.settle(who, at)
        wills, released = yield from desk.decide(at, self._observe(who, np.full(len(who), at)), who)
        self._carry_out_wills(wills)
        return self._release(released[people.is_plugged_in[released]], at)

    def _greet(self, who: Who, now: Floats) -> tuple[Who, Floats]:
        """Newcomers that no dispatch holds, and when they came."""
        desk = self._desk
        if desk.is_idle:
            return who, now
        self._carry_out_wills(desk.greet(self._observe(who, now), who, now))
        free = rows_where(~desk.held.holds(who))
        return who[free], now[free]

    def _carry_out_wills(self, wills: Sequence[Will]) -> None:
        """Begin what is wanted of held cars; what their rule had planned is void."""
        code = self.population.events.reason_code
        for will in wills:
            self._asked_at[will.who] = will.at_s
            endless = np.full(len(will.who), np.inf)
            order = Order(will.max_kw, will.until_soc, endless, code("dispatch_over"))
            self._begin(will.who, will.at_s, order, code(will.reason))

    def _release(self, who: Who, at: float) -> Columns:
        """Let rules decide again about cars, and see that these are filled.

        Rules that steer do so at their turn; until then what they have ordered on paper stands.
        """
        people = self.population
        self._has_order[who] = False
        steered = who[np.array(self._steers)[self._strategy_of[people.archetype[who]]]]
        if len(steered):
            self._take_from_paper(steered, at)
        plans = [
            (i, mine, self._answer(i, mine, np.full(len(mine), at)))
            for i, rows in self._by_strategy(who)
            if not self._steers[i]
            for mine in (who[rows],)
        ]
        refill, starts = self._refill(plans, at), []
        begins = np.full(len(people), np.inf)
        begins[refill.who] = refill.at_s
        for _, mine, given in plans:
            kept = [some_of(orders, orders.start <= begins[mine[orders.row]]) for orders in given]
            starts.append(self._act_on(kept, mine, np.full(len(mine), at)))
        if len(refill.who):
            code = people.events.reason_code
            order = Order(refill.max_kw, refill.until_soc, np.full(len(refill.who), np.inf), code("order_ended"))
            asked_at = np.full(len(refill.who), at)
            starts.append(self._note(as_starts(refill.at_s, refill.who, asked_at, order, code(refill.reason))))
        idle = who[people.has_power(who) & ~self._has_order[who]]
        if len(idle):
            people.stop_power(idle, at, people.events.reason_code("dispatch_over"))
        return join(starts, START)

    def _take_from_paper(self, who: Who, at: float) -> None:
        """Carry out what rules that steer have ordered meanwhile for cars that are let go."""
        code, now = self.population.events.reason_code, np.full(len(who), at)
        kw, until_soc = self._desk.held.orders(who, at)
        order = Order(kw, until_soc, np.full(len(who), np.inf), code("order_ended"))
        self._asked_at[who] = now
        self._begin(who, now, order, code("dispatch_over"))

    def _refill(self, plans: Sequence[tuple[int, Who, Sequence[Orders]]], at: float) -> Will:
        """Charging at the last moment for cars whose rule would leave them with less than without the dispatch."""
        people, desk = self.population, self._desk
        who = np.concatenate([np.zeros(0, np.int64), *(mine for _, mine, _ in plans)])
        plan = plan_of([(mine, orders) for _, mine, given in plans for orders in given])
        leaves = self._expected_departure(who)
        due, reached = desk.held.soc_at_departure(who, plan, at, leaves)
        short = rows_where((due - reached > _SHORT_BY_SOC) & (leaves > at))
        who, due = who[short], due[short]
        hours = hours_between(people.curve, people.wiring(who), people.soc[who], due, people.charger_kw[who])
        begins = np.maximum(by_the_second(leaves[short] - hours * SECONDS_PER_HOUR), at)
        return Will(who, begins, people.charger_kw[who], due, "refill")

    def _rules_would(self, who: Who, now: Floats) -> list[tuple[Who, Orders]]:
        """What the rules of cars would have them do from now on; of rules that steer, what they have ordered."""
        found = []
        for i, rows in self._by_strategy(who):
            mine, since = who[rows], now[rows]
            given = [self._as_ordered(mine, since)] if self._steers[i] else self._answer(i, mine, since)
            found += [(mine, orders) for orders in given]
        return found

    def _as_ordered(self, who: Who, now: Floats) -> Orders:
        """The orders that stand, as they would be given now."""
        cars = self._observe(who, now)
        until_soc = np.where(cars.order_kw < 0, cars.v2g_reserve_soc, cars.target_soc)
        return cars.orders(which=cars.order_kw != 0, max_kw=cars.order_kw, until_soc=until_soc)

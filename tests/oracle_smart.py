"""The naive simulator's smart chargers: one plain object per user, who plans a stay by sorting a list of prices.

Written from docs/strategies.md, docs/series.md and the docstrings of the rules, not from their code. It knows the
prices that are published so far and the mean of the last seven days beyond, plans anew at every publication, and
carries a plan out piece by piece. From evsim it takes the uniforms of `Chance`; from `oracle` who comes and goes when.
"""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar
from zoneinfo import ZoneInfo

import oracle
from oracle import Car, Person, Stay
from oracle_diary import DAY_S, HALF_DAY_S, HOUR_S, between, epoch, tables

from evsim._chance import Chance, Purpose

HALF_HOUR_S = 1_800
ESTIMATED_DAYS = 7
SEEN_DAYS = 3
BY_NEWS = ("cheapest", "greenest")
NOTHING_S = 1e-6  # so much of a need [s] is rounding


@dataclass
class Prices:
    """A file's values: `rows` of (from, value), each `length_s` long; published_at [s after midnight], None: always."""

    rows: list[tuple[int, float]]
    length_s: int
    published_at: int | None
    zone: ZoneInfo
    run_start: int

    def __post_init__(self):
        self.by_start = dict(self.rows)
        self.first, self.end = self.rows[0][0], self.rows[-1][0] + self.length_s

    def actual(self, t):
        """The value at an instant; before the file begins and after it ends, the first and the last."""
        t = min(max(t, self.first), self.end - 1)
        return self.by_start[self.first + (t - self.first) // self.length_s * self.length_s]

    def acted_on(self, t):
        """The first full hour of the run from then on."""
        return self.run_start - (self.run_start - t) // HOUR_S * HOUR_S

    def news(self, since, until):
        """When something is published and acted on, between two instants."""
        if self.published_at is None:
            return []
        day, found = self.day(since) - dt.timedelta(days=2), []
        while epoch(day, 0, self.zone) <= until + DAY_S:
            at = self.acted_on(epoch(day, self.published_at, self.zone))
            if since < at < until:
                found.append(at)
            day += dt.timedelta(days=1)
        return found

    def day(self, t):
        return dt.datetime.fromtimestamp(t, self.zone).date()

    def known(self, now, since, until):
        """Slots (from, to, value) between two instants, as they are known at `now`."""
        last = None
        if self.published_at is not None:
            last = self.day(now) - dt.timedelta(days=1)
            while self.acted_on(epoch(last, self.published_at, self.zone)) <= now:
                last += dt.timedelta(days=1)
        edge = math.inf
        if last is not None:
            edge = max(min(epoch(last + dt.timedelta(days=1), 0, self.zone), self.end), self.first)
            last = self.day(edge - 1)
        at, slots = self.first + (int(since) - self.first) // HALF_HOUR_S * HALF_HOUR_S, []
        while at < until:
            value = self.actual(at) if at < edge else self.guess(at, last, edge)
            slots.append((max(at, since), min(at + HALF_HOUR_S, until), value))
            at += HALF_HOUR_S
        return slots

    def guess(self, at, last, edge):
        """The mean at that time of day over the last days that are published."""
        told = self.told_at(at, last, edge)
        if not told:  # of that time of day: then what is known of others
            told = [v for i in range(144) for v in self.told_at(edge + i * HALF_HOUR_S, last, edge)]
        total = 0.0
        for value in told:
            total += value
        return total / len(told) if told else 0.0

    def told_at(self, at, last, edge):
        local = dt.datetime.fromtimestamp(at, self.zone)
        second = (local.hour * 60 + local.minute) * 60
        then = [epoch(last - dt.timedelta(days=back), second, self.zone) for back in range(ESTIMATED_DAYS)]
        return [self.actual(t) for t in then if self.first <= t < edge]


def merged(slots):
    """Neighbours of one value are one slot."""
    found = []
    for a, b, value in slots:
        if found and found[-1][2] == value and found[-1][1] == a:
            found[-1] = (found[-1][0], b, value)
        else:
            found.append((a, b, value))
    return found


def best(slots, need_s):
    """Stretches (from, to) that fill a need in the best slots, the earlier of equals first.

    Of the last one taken: the part that joins the stretch before it, else that which joins the one after, else the
    first.
    """
    slots, used = merged(slots), {}
    for i in sorted(range(len(slots)), key=lambda i: (slots[i][2], slots[i][0])):
        if need_s <= NOTHING_S:
            break
        a, b, _ = slots[i]
        take = min(b - a, need_s)
        need_s -= take
        is_part = b - a - take > NOTHING_S
        is_late = is_part and i + 1 in used and i - 1 not in used
        used[i] = (b - take, b) if is_late else (a, a + take) if is_part else (a, b)
    joined = []
    for i in sorted(used):
        a, b = used[i]
        if joined and a - joined[-1][1] <= NOTHING_S:
            joined[-1] = (joined[-1][0], b)
        else:
            joined.append((a, b))
    return joined


@dataclass
class Wish:
    """Power from one instant to another [s since 1970], or until a SoC."""

    start: float
    stop: float
    kw: float
    goal: float = math.inf


def weak(car, kw):
    """The same car on less power."""
    points = []
    for (s1, p1), (s2, p2) in pairwise(car.points):
        points.append((s1, min(p1, kw)))
        if (p1 - kw) * (p2 - kw) < 0:
            points.append((s1 + (s2 - s1) * (kw - p1) / (p2 - p1), kw))
    points.append((car.points[-1][0], min(car.points[-1][1], kw)))
    other = Car.__new__(Car)
    other.capacity_kwh, other.efficiency, other.points = car.capacity_kwh, car.efficiency, points
    return other


class SmartPerson(Person):
    """One user whose charger follows `rules[archetype]` (as in a config) by what `signals` are known to be."""

    rules: ClassVar[dict]
    signals: ClassVar[dict]

    def __init__(self, scenario, archetype, number, calendar, habit):
        super().__init__(scenario, archetype, number, calendar, habit)
        self.rule_of_charger, self.number = self.rules[archetype.name], number
        self.chance, self.kwh_of_stays = Chance(scenario.simulation.seed), []
        self.prices = self.signals.get("carbon" if self.rule_name == "greenest" else "price")

    @property
    def rule_name(self):
        return self.rule_of_charger["strategy"]

    def guard(self, name):
        return self.rule_of_charger.get(name, 0)

    def luck(self, purpose, plug_in):
        day = dt.datetime.fromtimestamp(plug_in, self.zone).date()
        return float(self.chance.uniform(purpose, 1, (day - dt.date(1970, 1, 1)).days, self.number)[0])

    def usually_leaves(self, t):
        """When they usually leave next, after `t`."""
        diary, day = self.diary, dt.datetime.fromtimestamp(t, self.zone).date() - dt.timedelta(days=1)
        while True:
            wall = diary.leaves
            if diary.spread:
                xs, ys = (c.tolist() for c in tables.PLUG_OUT[diary.calendar.is_working(day)])
                habit = diary.parts[0] * diary.z(Purpose.HABIT_PLUG_OUT) if diary.parts[0] else 0.0
                moved = 60 * diary.spread * between(habit, xs, ys)
                wall = round(wall + min(max(moved, -HALF_DAY_S), HALF_DAY_S))
            if epoch(day, wall, self.zone) > t:
                return epoch(day, wall, self.zone)
            day += dt.timedelta(days=1)

    def stay(self, plug_in, plug_out, soc):
        made, on = Stay(plug_in, plug_out, soc), None
        asks = [plug_in]
        if self.rule_name in BY_NEWS:
            asks += self.prices.news(plug_in, plug_out)
        leaves = self.usually_leaves(plug_in)
        for t, end in pairwise([*asks, plug_out]):
            plan = self.plan(t, soc, on, leaves, plug_in)
            soc, on = self.carry_out(made, plan, end, soc)
        self.stays.append(made)
        self.kwh_of_stays.append((soc - made.soc) * self.car.capacity_kwh / self.car.efficiency)
        return soc

    def kwh_of_stay(self, i):
        return self.kwh_of_stays[i]

    def carry_out(self, made, plan, end, soc):
        """Until `end`; returns the SoC then, and with what power it still charges."""
        on = None
        for wish, after in pairwise([*sorted(plan, key=lambda w: w.start), Wish(math.inf, math.inf, 0)]):
            begins, stop = math.ceil(wish.start), wish.stop if math.isinf(wish.stop) else math.ceil(wish.stop)
            stop = min(stop, math.ceil(after.start) if after.start < math.inf else math.inf)
            until = min(stop, end)
            if begins >= until or soc >= self.target:
                continue
            car, goal = weak(self.car, wish.kw), min(wish.goal, self.target)
            reached = begins + car.hours(soc, goal) * HOUR_S
            if reached <= until:
                made.charges.append((begins, reached))
                soc = goal
                continue
            soc = car.soc_after(soc, (until - begins) / HOUR_S, goal)
            made.charges.append((begins, until))
            if stop > end:
                on = wish.kw
        return soc, on

    # ---- what to wish

    def plan(self, now, soc, on, leaves, plug_in):
        if soc >= self.target:
            return []
        full = self.car.charger_kw
        pressed = self.guard("boost_percent") / 100
        if pressed and self.luck(Purpose.BOOST, plug_in) < pressed:
            return [Wish(now, math.inf, full)]
        delay = math.floor(self.luck(Purpose.RANDOM_DELAY, plug_in) * self.guard("random_delay_seconds"))
        least = self.guard("minimum_soc_percent") / 100
        asked_at, begun = now, []
        if soc < least - 1e-9:
            begins = now + (0 if on else delay)
            if self.target <= least:
                return [Wish(begins, math.inf, full)]
            asked_at = math.ceil(begins + self.car.hours(soc, least) * HOUR_S)
            begun, soc, on = [Wish(begins, asked_at, full, least)], least, full
        leaves -= 60 * self.guard("margin_minutes") + delay
        wishes = getattr(self, self.rule_name)(asked_at, soc, leaves, now)
        for wish in wishes:
            goes_on = on is not None and wish.start <= asked_at and wish.kw == on
            if not goes_on and not (begun and wish.start <= asked_at):
                wish.start += delay
        return begun + [wish for wish in wishes if wish.start < wish.stop]

    def need_s(self, soc):
        return self.car.hours(soc, self.target) * HOUR_S

    def immediate(self, now, soc, leaves, asked):  # noqa: ARG002
        return [Wish(now, math.inf, self.car.charger_kw)]

    def as_late_as_possible(self, now, soc, leaves, asked):  # noqa: ARG002
        latest = math.floor(leaves - self.need_s(soc))
        return [Wish(max(latest, now), math.inf, self.car.charger_kw)]

    def balanced(self, now, soc, leaves, asked):  # noqa: ARG002
        hours, low, high = (leaves - now) / HOUR_S, 0.0, self.car.charger_kw
        if self.car.hours(soc, self.target) < hours:
            for _ in range(60):
                middle = (low + high) / 2
                late = weak(self.car, middle).hours(soc, self.target) > hours
                low, high = (middle, high) if late else (low, middle)
        least = self.rule_of_charger.get("minimum_kw", 1.4)
        return [Wish(now, math.inf, min(max(high, least), self.car.charger_kw))]

    def scheduled(self, now, soc, leaves, asked):  # noqa: ARG002
        opens, closes = (60 * (60 * int(t[:2]) + int(t[3:])) for t in self.rule_of_charger["window"])
        closes += DAY_S if closes <= opens else 0
        day, found = dt.datetime.fromtimestamp(now, self.zone).date() - dt.timedelta(days=1), []
        for n in range(6):
            a, b = (epoch(day + dt.timedelta(days=n), s, self.zone) for s in (opens, closes))
            if max(a, now) < b:
                found.append(Wish(max(a, now), b, self.car.charger_kw))
        return found

    def cheapest(self, now, soc, leaves, asked):
        need = self.need_s(soc)
        if need >= leaves - now:
            return [Wish(now, math.inf, self.car.charger_kw)]
        stretches = best(self.prices.known(asked, now, leaves), need)
        wishes = [Wish(a, b, self.car.charger_kw) for a, b in stretches]
        wishes[-1].stop = math.inf
        return wishes

    greenest = cheapest


def live(scenario, rules, signals):
    """Every user of a scenario, having lived it."""
    return oracle.live(scenario, type("Smart", (SmartPerson,), {"rules": rules, "signals": signals}))

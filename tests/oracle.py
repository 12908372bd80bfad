"""A second simulator, as naive as possible, to run beside the real one.

One plain object per user, loops, and its own everything: local times by `zoneinfo`, energy by the integral of
1 / power over SoC, SoC after a time by bisection of that integral, trips singly. It reads the Scenario, the draws of
`Chance` and published tables (`oracle_diary`), and of evsim's solved habits two things only: the numbers of the
rule that says whether somebody plugs in, and the SoC with which a settled life begins.
"""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

import numpy as np
from oracle_diary import DAY_S, EPOCH, HOUR_S, Calendar, Diary, epoch, seconds_of

from evsim._chance import Chance, Purpose
from evsim._days import Days
from evsim._plug_in_rule import Habit
from evsim._spawn import TARGET_SHARES, TARGET_SOCS, targets_of

WHOLE_S = 1e-6
SAME_SOC = 1e-9


@dataclass
class Charge:
    """Power from `start` to `stop` [s since 1970], SoC from `soc` to `end_soc`; why it ended."""

    start: float
    soc: float
    stop: float
    end_soc: float
    why: str


@dataclass
class Give:
    """Power out of the battery: SoC falls evenly from `soc` to `end_soc` between two instants [s since 1970]."""

    start: float
    soc: float
    stop: float
    end_soc: float


@dataclass
class Drive:
    """SoC falls evenly from `soc` to `end_soc` between two instants [s since 1970], over `miles`."""

    start: float
    soc: float
    stop: float
    end_soc: float
    miles: float


@dataclass
class Jump:
    """SoC is put to `end_soc` at once: by a charge in public, of `kwh`, or by the sheet."""

    start: float
    end_soc: float
    kwh: float


@dataclass
class Stay:
    """A session: from `plug_in` to `plug_out` [s since 1970], with its charges and what it gave back."""

    plug_in: int
    plug_out: int
    soc: float
    charges: list[Charge] = field(default_factory=list)
    gives: list[Give] = field(default_factory=list)


class Car:
    """A battery on a charger: everything about power."""

    def __init__(self, archetype, battery):
        self.capacity_kwh, self.efficiency = archetype.battery_kwh, battery.charging_efficiency
        self.efficiency_out = battery.discharging_efficiency
        self.charger_kw = archetype.charger_kw
        self.points = [(s / 100, p / 100 * archetype.charger_kw) for s, p in battery.charge_curve]

    def hours(self, low, high):
        """Time to charge from one SoC to another at full power: the integral of C / (e P(s)) ds [h]."""
        total = 0.0
        for (s1, p1), (s2, p2) in zip(self.points, self.points[1:], strict=False):
            a, b = max(low, s1), min(high, s2)
            if a >= b:
                continue
            slope = (p2 - p1) / (s2 - s1)
            pa, pb = p1 + slope * (a - s1), p1 + slope * (b - s1)
            if abs(pb - pa) < 1e-9 * pa:
                share = (b - a) / ((pa + pb) / 2)
            else:
                share = (b - a) * math.log(pb / pa) / (pb - pa) if pb > 0 else math.inf
            total += share * self.capacity_kwh / self.efficiency
        return total

    def soc_after(self, soc, hours, goal):
        """The SoC that takes `hours` to reach, by bisection; at most `goal`."""
        if hours <= 0:
            return soc
        if self.hours(soc, goal) <= hours:
            return goal
        low, high = soc, goal
        for _ in range(45):
            middle = (low + high) / 2
            low, high = (middle, high) if self.hours(soc, middle) <= hours else (low, middle)
        return low


class Person:
    """One user: when they come and go, and what their car and charger do."""

    def __init__(self, scenario, archetype, number, calendar, habit):
        self.archetype, self.car = archetype, Car(archetype, scenario.battery)
        self.behaviour, self.zone = scenario.behaviour, ZoneInfo(scenario.simulation.timezone)
        self.timer = scenario.strategy_of(archetype.name)
        self.diary = Diary(scenario, archetype, number, calendar)
        self.target = self._target(Chance(scenario.simulation.seed), number)
        self.reserve = self.behaviour.public_reserve_percent / 100
        self.rule = habit.rule
        self.stays: list[Stay] = []
        self.moves: list[Charge | Give | Drive | Jump] = []
        self.aways: list[tuple[int, int]] = []
        self.departures: list[tuple[int, str, float]] = []
        self.arrivals: list[tuple[int, float]] = []

    def _target(self, chance, number):
        if self.behaviour.target_soc == "sheet":
            return self.archetype.target_soc_percent / 100
        luck, upto = chance.uniform(Purpose.TARGET_SOC, 1, first_user=number)[0], 0.0
        for soc, share in zip(TARGET_SOCS, TARGET_SHARES, strict=True):
            upto += share / sum(TARGET_SHARES)
            if luck <= upto:
                return soc
        return TARGET_SOCS[-1]

    # ---- living

    def live(self, begin, end, first_soc):
        """From `begin`, at home or out as the diary has it, until `end` is past."""
        self.begin, self.first_soc = begin, first_soc
        soc, plugged_at, luck, is_home = first_soc, None, 0.0, True
        day = dt.datetime.fromtimestamp(begin, self.zone).date() - dt.timedelta(days=2)
        has_begun = False
        while True:
            trip = self.diary.outing(day)
            day += dt.timedelta(days=1)
            if trip.arrive < begin:
                luck = trip.luck
                continue
            if not has_begun:
                has_begun, is_home = True, trip.leave > begin
                if is_home:
                    soc, plugged_at = self.at_the_door(begin, soc, luck)
            if plugged_at is not None:
                soc = self.stay(plugged_at, trip.leave, soc)
            if trip.leave >= end:
                return
            if trip.leg_s:
                self.aways.append((trip.leave, trip.arrive))
                for leaves, why, after in (
                    (trip.leave, "outward", trip.leg_kwh),
                    (trip.arrive - trip.leg_s, "homeward", 0.0),
                ):
                    self.departures.append((leaves, why, soc))
                    soc = self.drive(leaves, trip, soc, after)
                    self.arrivals.append((leaves + trip.leg_s, soc))
            soc, plugged_at = self.at_the_door(trip.arrive, soc, trip.luck)

    def at_the_door(self, t, soc, luck):
        """Plug in or not; returns SoC, and when it was plugged in or None."""
        need = max(1.5 * self.diary.mean_kwh() / self.car.capacity_kwh, 0.2)
        share = (0.8 - soc) / (0.8 - min(need, 0.75))
        p = self.rule.anyway
        if self.rule.keen and share > 0:
            p += self.rule.keen * min(share, 1.0) ** self.rule.n
        if luck >= p:
            return soc, None
        if not self.behaviour.driving and self.behaviour.soc_at_plug_in == "sheet":
            soc = self.archetype.plug_in_soc_percent / 100
            self.moves.append(Jump(t, soc, 0.0))
        return soc, t

    def drive(self, start, trip, soc, kwh_after):
        """One of a day's trips, stopping to charge whenever the battery is down to the reserve; returns the SoC."""
        stop, capacity = start + trip.leg_s, self.car.capacity_kwh
        now, left = max(start, self.begin), trip.leg_kwh / capacity
        if stop <= now:
            return soc
        left *= (stop - now) / trip.leg_s  # of a trip on which the warm-up begins
        per_s = trip.leg_kwh / capacity / trip.leg_s
        miles_per_s, after = trip.leg_miles / trip.leg_s, kwh_after / capacity
        while soc - left < self.reserve - SAME_SOC:
            run = max(soc - self.reserve, 0.0)
            until = now + run / per_s
            if run:
                self.moves.append(Drive(now, soc, until, soc - run, (until - now) * miles_per_s))
            soc, now, left = soc - run, until, left - run
            full = min(left + after + self.reserve, 1.0)
            self.moves.append(Jump(now, full, (full - soc) * capacity))
            soc = full
        self.moves.append(Drive(now, soc, stop, max(soc - left, 0.0), (stop - now) * miles_per_s))
        return self.moves[-1].end_soc

    def windows(self, plug_in, plug_out):
        """When the timer lets power flow during a stay, as (from, to, why it would end then)."""
        if self.timer.name == "immediate":
            return [(plug_in, plug_out, "unplugged")]
        opens, closes = (seconds_of(t) for t in self.timer.window)
        closes += DAY_S if closes <= opens else 0
        day = dt.datetime.fromtimestamp(plug_in, self.zone).date() - dt.timedelta(days=1)
        found = []
        while epoch(day, 0, self.zone) <= plug_out:
            found.append((epoch(day, opens, self.zone), epoch(day, closes, self.zone)))
            day += dt.timedelta(days=1)
        return [
            (max(a, plug_in), min(b, plug_out), "window_closed" if b <= plug_out else "unplugged")
            for a, b in found
            if max(a, plug_in) < min(b, plug_out)
        ]

    def stay(self, plug_in, plug_out, soc):
        """Live one stay; returns the SoC at its end."""
        made, goal = Stay(plug_in, plug_out, soc), self.target
        for begins, ends, why in self.windows(plug_in, plug_out):
            if soc >= goal:
                break
            reached = begins + self.car.hours(soc, goal) * HOUR_S
            if abs(reached - round(reached) if math.isfinite(reached) else 1) < WHOLE_S:
                reached = round(reached)
            if reached <= ends:
                made.charges.append(Charge(begins, soc, reached, goal, "target_reached"))
            else:
                end_soc = self.car.soc_after(soc, (ends - begins) / HOUR_S, goal)
                made.charges.append(Charge(begins, soc, ends, end_soc, why))
            soc = made.charges[-1].end_soc
        self.stays.append(made)
        self.moves += made.charges
        return soc

    # ---- questions

    def soc(self, t):
        """SoC at `t`, just before what happens then."""
        known = self.first_soc
        for move in self.moves:
            if move.start >= t:
                break
            known = self._soc_in(move, t)
        return known

    def _soc_in(self, move, t):
        if isinstance(move, Jump) or t >= move.stop:
            return move.end_soc
        if isinstance(move, Give | Drive):
            return move.soc + (move.end_soc - move.soc) * (t - move.start) / (move.stop - move.start)
        return self.car.soc_after(move.soc, (t - move.start) / HOUR_S, move.end_soc)

    def kwh(self, t0, t1):
        """Energy at the meter between two instants."""
        return sum(self.kwh_of(charge, t0, t1) for stay in self.stays for charge in stay.charges)

    def kwh_of(self, charge, t0, t1):
        a, b = max(charge.start, t0), min(charge.stop, t1)
        if a >= b:
            return 0.0
        low, high = (self._soc_in(charge, t) for t in (a, b))
        return (high - low) * self.car.capacity_kwh / self.car.efficiency

    def given_kwh(self, t0, t1):
        """Energy given back at the meter between two instants."""
        return sum(self.given_kwh_of(give, t0, t1) for stay in self.stays for give in stay.gives)

    def given_kwh_of(self, give, t0, t1):
        a, b = max(give.start, t0), min(give.stop, t1)
        if a >= b:
            return 0.0
        high, low = (self._soc_in(give, t) for t in (a, b))
        return (high - low) * self.car.capacity_kwh * self.car.efficiency_out

    def driven(self, t0, t1):
        """Miles and kWh on the road between two instants."""
        miles = kwh = 0.0
        for move in self.moves:
            if isinstance(move, Drive) and max(move.start, t0) < min(move.stop, t1):
                share = (min(move.stop, t1) - max(move.start, t0)) / (move.stop - move.start)
                miles += share * move.miles
                kwh += share * (move.soc - move.end_soc) * self.car.capacity_kwh
        return miles, kwh

    def public(self, t0, t1):
        """Charges in public, as (instant, SoC after it, kWh), from `t0` on and before `t1`."""
        return [(m.start, m.end_soc, m.kwh) for m in self.moves if isinstance(m, Jump) and m.kwh and t0 <= m.start < t1]

    def is_plugged_in(self, t):
        """Just before what happens at `t`."""
        return any(stay.plug_in < t <= stay.plug_out for stay in self.stays)

    def is_away(self, t):
        """Driven off and not home yet, just before what happens at `t`."""
        return any(leave < t <= arrive for leave, arrive in self.aways)

    def is_charging(self, t):
        """Just before what happens at `t`; a charge that ends by itself at `t` has ended."""
        return any(
            charge.start < t and (t < charge.stop or (t == charge.stop and charge.why == "unplugged"))
            for stay in self.stays
            for charge in stay.charges
        )


def start_and_end(scenario):
    """The reported run [s since 1970]."""
    run = scenario.simulation
    zone = ZoneInfo(run.timezone)
    return tuple(round((run.start + dt.timedelta(days=d)).replace(tzinfo=zone).timestamp()) for d in (0, run.days))


def live(scenario, kind=Person):
    """Every user of a scenario, having lived it: a list of Person (or another `kind`), in order of user number."""
    run, behaviour = scenario.simulation, scenario.behaviour
    zone, calendar = ZoneInfo(run.timezone), Calendar(scenario)
    is_carried = not behaviour.driving and behaviour.soc_at_plug_in == "carried"
    warm_up = dt.timedelta(days=0 if is_carried else run.warm_up_days)
    begin = round((run.start - warm_up).replace(tzinfo=zone).timestamp())
    first_day = (run.start - warm_up).date()
    days = Days(behaviour, None if run.holidays == "none" else run.holidays)
    today = days.day((first_day - EPOCH).days)
    people = []
    of_all = zip(
        scenario.archetypes, scenario.n_users_by_archetype, targets_of(scenario.archetypes, behaviour), strict=True
    )
    for archetype, n, targets in of_all:
        habit = Habit(archetype, behaviour, days, today.number, targets)
        for _ in range(n):
            person = kind(scenario, archetype, len(people), calendar, habit)
            soc = archetype.plug_in_soc_percent / 100
            if warm_up and behaviour.driving:
                luck = Chance(run.seed).uniform(Purpose.FIRST_SOC, 1, first_user=len(people))
                kwh, target = np.array([person.diary.mean_kwh()]), np.array([person.target])
                soc = float(habit.first_soc(luck, kwh, target, today)[0])
            elif warm_up:  # it begins between two sessions: charged
                soc = max(soc, person.target)
            person.live(begin, start_and_end(scenario)[1], soc)
            people.append(person)
    return people

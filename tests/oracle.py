"""A second simulator, as naive as possible, to run beside the real one.

One plain object per user, loops, and its own everything: local times by `zoneinfo`, energy by the integral of
1 / power over SoC, SoC after a time by bisection of that integral. It reads the Scenario and the draws of
`Chance`, and nothing else of evsim.
"""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from evsim._chance import Chance, Purpose

DAY_S, HOUR_S, HALF_DAY_S, LEAST_STAY_S = 86_400, 3_600, 43_200, 60
WHOLE_S = 1e-6


@dataclass
class Charge:
    """Power from `start` to `stop` [s since 1970], SoC from `soc` to `end_soc`; why it ended."""

    start: float
    soc: float
    stop: float
    end_soc: float
    why: str


@dataclass
class Stay:
    """A session: from `plug_in` to `plug_out` [s since 1970], with its charges."""

    plug_in: int
    plug_out: int
    soc: float
    charges: list[Charge] = field(default_factory=list)


class Car:
    """A battery on a charger: everything about power."""

    def __init__(self, archetype, battery):
        self.capacity_kwh, self.efficiency = archetype.battery_kwh, battery.charging_efficiency
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
    """One user: when they come and go, and what their charger does."""

    def __init__(self, archetype, car, rule, zone):
        self.archetype, self.car, self.rule, self.zone = archetype, car, rule, zone
        self.first_soc = archetype.plug_in_soc_percent / 100
        self.stays: list[Stay] = []

    def windows(self, plug_in, plug_out):
        """When the rule lets power flow during a stay, as (from, to, why it would end then)."""
        if self.rule.name == "immediate":
            return [(plug_in, plug_out, "unplugged")]
        opens, closes = (t.hour * 3600 + t.minute * 60 + t.second for t in self.rule.window)
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
        made = Stay(plug_in, plug_out, soc)
        goal = self.archetype.target_soc_percent / 100
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
        return soc

    def soc(self, t):
        """SoC at `t`, just before what happens then."""
        known = self.first_soc
        for stay in self.stays:
            if stay.plug_in >= t:
                break
            known = stay.soc
            for charge in stay.charges:
                if charge.start < t:
                    hours = (min(t, charge.stop) - charge.start) / HOUR_S
                    known = (
                        charge.end_soc if t >= charge.stop else self.car.soc_after(charge.soc, hours, charge.end_soc)
                    )
        return known

    def kwh(self, t0, t1):
        """Energy at the meter between two instants."""
        return sum(self.kwh_of(charge, t0, t1) for stay in self.stays for charge in stay.charges)

    def kwh_of(self, charge, t0, t1):
        a, b = max(charge.start, t0), min(charge.stop, t1)
        if a >= b:
            return 0.0
        low, high = (self.car.soc_after(charge.soc, (t - charge.start) / HOUR_S, charge.end_soc) for t in (a, b))
        return (high - low) * self.car.capacity_kwh / self.car.efficiency

    def is_plugged_in(self, t):
        """Just before what happens at `t`."""
        return any(stay.plug_in < t <= stay.plug_out for stay in self.stays)

    def is_charging(self, t):
        """Just before what happens at `t`; a charge that ends by itself at `t` has ended."""
        return any(
            charge.start < t and (t < charge.stop or (t == charge.stop and charge.why == "unplugged"))
            for stay in self.stays
            for charge in stay.charges
        )


def epoch(day, second, zone):
    """The instant of a local wall-clock time [s since 1970]."""
    midnight = dt.datetime.combine(day, dt.time())
    return round((midnight + dt.timedelta(seconds=second)).replace(tzinfo=zone).timestamp())


def seconds_of(time):
    return time.hour * 3600 + time.minute * 60 + time.second


def live(scenario):
    """Every user of a scenario, having lived it: a list of Person, in order of user number."""
    people, number = [], 0
    for archetype, n in zip(scenario.archetypes, scenario.n_users_by_archetype, strict=True):
        for _ in range(n):
            people.append(_lived(scenario, archetype, number))
            number += 1
    return people


def start_and_end(scenario):
    """The reported run [s since 1970]."""
    run = scenario.simulation
    zone = ZoneInfo(run.timezone)
    return tuple(round((run.start + dt.timedelta(days=d)).replace(tzinfo=zone).timestamp()) for d in (0, run.days))


def _lived(scenario, archetype, number):
    run, behaviour = scenario.simulation, scenario.behaviour
    zone, chance = ZoneInfo(run.timezone), Chance(run.seed)
    person = Person(archetype, Car(archetype, scenario.battery), scenario.strategy_of(archetype.name), zone)
    on_sheet = behaviour.soc_at_plug_in == "sheet"
    warm_up = dt.timedelta(days=run.warm_up_days if on_sheet else 0)
    if warm_up:  # it begins between two sessions: charged
        person.first_soc = max(person.first_soc, archetype.target_soc_percent / 100)
    begin = round((run.start - warm_up).replace(tzinfo=zone).timestamp())
    end = start_and_end(scenario)[1]
    centre = [seconds_of(archetype.plug_in_time), seconds_of(archetype.plug_out_time)]
    centre[1] += DAY_S if centre[1] <= centre[0] else 0
    habit_sd, day_sd = 60 * behaviour.plug_time_habit_sd_minutes, 60 * behaviour.plug_time_day_sd_minutes

    def normal(purpose, day=0):
        return chance.normal(purpose, 1, day, first_user=number)[0]

    habits = [habit_sd * normal(p) if habit_sd else 0 for p in (Purpose.HABIT_PLUG_IN, Purpose.HABIT_PLUG_OUT)]
    soc, last_out = archetype.plug_in_soc_percent / 100, -math.inf
    day = dt.datetime.fromtimestamp(begin, zone).date() - dt.timedelta(days=2)
    while day <= (run.start + dt.timedelta(days=run.days + 1)).date():
        n = (day - dt.date(1970, 1, 1)).days
        times = []
        for usual, habit, purpose in zip(centre, habits, (Purpose.DAY_PLUG_IN, Purpose.DAY_PLUG_OUT), strict=True):
            wall = usual + habit + (day_sd * normal(purpose, n) if day_sd else 0)
            times.append(epoch(day, round(min(max(wall, usual - HALF_DAY_S), usual + HALF_DAY_S)), zone))
        day += dt.timedelta(days=1)
        plug_in = max(times[0], last_out + LEAST_STAY_S)
        plug_out = max(times[1], plug_in + LEAST_STAY_S)
        if chance.uniform(Purpose.PLUG_IN_EVENING, 1, n, number)[0] >= archetype.plug_in_frequency_per_day:
            continue
        last_out = plug_out
        if plug_out <= begin or plug_in >= end:
            continue
        if on_sheet:
            soc = archetype.plug_in_soc_percent / 100
        soc = person.stay(max(plug_in, begin), plug_out, soc)
    return person

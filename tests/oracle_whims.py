"""Chargers of whims, in the real simulator and in the naive one: now they charge, now they give back, at random.

A whim is (start, stop, kW, goal) in run seconds, of a negative power to give back. `whims` makes them up; `Whims` hands
them to evsim as orders; `WhimsicalPerson` carries them out one by one, as naively as possible.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

import numpy as np
from oracle import HOUR_S, WHOLE_S, Charge, Give, Person, Stay, start_and_end
from oracle_smart import weak
from worlds import config, row

from evsim import Scenario, Strategy
from evsim._chance import Chance, Purpose

ALL_THERE_IS = 1e6
CURVES = [[[0, 100], [100, 100]], [[0, 100], [80, 100], [100, 30]], [[0, 60], [30, 100], [60, 80], [100, 10]]]
STARTS = ["2026-01-12T12:00", "2026-03-28T12:00", "2026-10-24T12:00", "2026-02-01T00:00", "2026-06-03T19:30"]


def whims(seed, user, now, horizon_s):
    """What comes to the mind of a charger that is asked at `now` [s]: some wishes, one after the other."""
    luck = np.random.default_rng([seed, user, int(now) + 10**9])
    wishes, start = [], now + int(luck.choice([0, 0, luck.integers(1, horizon_s)]))
    for _ in range(luck.integers(0, 6)):
        kw = float(luck.choice([0.0, 1.7, 3.5, ALL_THERE_IS, -1.3, -4.0, -ALL_THERE_IS, -ALL_THERE_IS]))
        goal = float(luck.choice([0.45, 0.7, 0.8, 0.95] if kw > 0 else [0.0, 0.0, 0.35, 0.52, 0.66]))
        stop = float(luck.choice([math.inf, start + luck.integers(1, horizon_s)]))
        wishes.append((float(start), stop, kw, goal))
        start += int(luck.integers(1, horizon_s)) if math.isinf(stop) or luck.random() < 0.5 else int(stop - start)
    return wishes


class Whims(Strategy):
    """Orders at random, for the whole stay; `is_personal`: each user has whims of its own."""

    name: ClassVar[str] = "whims"
    seed: ClassVar[int]
    horizon_s: ClassVar[int]
    is_personal: ClassVar[bool] = True

    def orders(self, cars):
        users = cars.user_id if self.is_personal else np.zeros(len(cars), np.int64)
        asked = zip(users.tolist(), cars.now.tolist(), strict=True)
        made = [whims(self.seed, user, now, self.horizon_s) for user, now in asked]
        for i in range(max(map(len, made), default=0)):
            which = np.array([row for row, wishes in enumerate(made) if len(wishes) > i])
            start, stop, kw, goal = np.array([made[row][i] for row in which]).T
            yield cars.orders(which=which, max_kw=kw, until_soc=goal, start=start, stop=stop)


@dataclass
class Flow:
    """Power that flows: since when [s since 1970] and with what SoC, up to what power, to what goal, and until when."""

    start: float
    soc: float
    kw: float
    goal: float
    stop: float


class WhimsicalPerson(Person):
    """One user whose charger follows its whims."""

    whims_of: ClassVar[type[Whims]]

    def __init__(self, scenario, archetype, number, calendar, habit):
        super().__init__(scenario, archetype, number, calendar, habit)
        self.number, self.run_start = number, start_and_end(scenario)[0]
        self.step_s = 60 * scenario.simulation.step_minutes
        luck = float(Chance(scenario.simulation.seed).uniform(Purpose.V2G, 1, first_user=number)[0])
        can_give = luck < archetype.v2g_percent / 100
        self.give_kw = (archetype.discharge_kw or archetype.charger_kw) if can_give else 0.0
        self.floor = archetype.v2g_reserve_soc_percent / 100
        self.cars = {}

    def stay(self, plug_in, plug_out, soc):
        self.made, self.flow, self.now_soc = Stay(plug_in, plug_out, soc), None, soc
        steers = self.whims_of.asked == "every_step"
        asks = [plug_in]
        if steers:
            first = self.run_start - (self.run_start - plug_in) // self.step_s * self.step_s
            asks = list(range(first, plug_out, self.step_s))
        for asked_at, upto in pairwise([*asks, plug_out]):
            self.pass_time(asked_at)
            wishes = whims(self.whims_of.seed, self.number, asked_at - self.run_start, self.whims_of.horizon_s)
            if steers and not (wishes and wishes[0][0] + self.run_start == asked_at and self.can(asked_at, wishes[0])):
                self.end_flow(asked_at)
            for wish in wishes:
                begins = round(wish[0]) + self.run_start
                if begins < upto:
                    self.pass_time(begins)
                    self.obey(begins, wish)
        self.pass_time(plug_out)
        self.end_flow(plug_out)
        self.stays.append(self.made)
        return self.now_soc

    def can(self, at, wish):
        """Whether a wish finds anything to do."""
        _, stop, kw, goal = wish
        kw, goal = self.possible(kw, goal)
        return stop + self.run_start > at and ((kw > 0 and self.now_soc < goal) or (kw < 0 and self.now_soc > goal))

    def possible(self, kw, goal):
        return (max(kw, -self.give_kw), max(goal, self.floor)) if kw < 0 else (min(kw, self.car.charger_kw), goal)

    def obey(self, at, wish):
        """0 kW, and giving what is not there, ends what flows; charging a full car leaves it as it is."""
        kw, goal = self.possible(wish[2], wish[3])
        if kw == 0 or (kw < 0 and self.now_soc <= goal):
            self.end_flow(at)
        elif self.can(at, wish):
            self.end_flow(at)
            self.flow = Flow(at, self.now_soc, kw, goal, wish[1] + self.run_start)

    def pass_time(self, t):
        """Let power flow until `t`; a flow that is over by then ends by itself."""
        flow = self.flow
        if flow is None or t <= flow.start:
            return
        if flow.kw > 0:
            hours = self.weakened(flow.kw).hours(flow.soc, flow.goal)
        else:
            hours = (flow.soc - flow.goal) * self.car.capacity_kwh * self.car.efficiency_out / -flow.kw
        reached = flow.start + hours * HOUR_S
        if math.isfinite(reached) and abs(reached - round(reached)) < WHOLE_S:
            reached = round(reached)
        if min(reached, flow.stop) <= t:
            self.record(min(reached, flow.stop), flow.goal if reached <= flow.stop else None, "by itself")
            self.flow = None
        else:
            self.now_soc = self.soc_of_flow(t)

    def end_flow(self, t):
        if self.flow is not None:
            if t > self.flow.start:
                self.record(t, None, "unplugged")
            self.flow = None

    def record(self, stop, end_soc, why):
        flow = self.flow
        self.now_soc = self.soc_of_flow(stop) if end_soc is None else end_soc
        if flow.kw > 0:
            self.moves.append(Charge(flow.start, flow.soc, stop, self.now_soc, why))
            self.cars[id(self.moves[-1])] = self.weakened(flow.kw)
            self.made.charges.append(self.moves[-1])
        else:
            self.moves.append(Give(flow.start, flow.soc, stop, self.now_soc))
            self.made.gives.append(self.moves[-1])

    def soc_of_flow(self, t):
        flow, hours = self.flow, (t - self.flow.start) / HOUR_S
        if flow.kw > 0:
            return self.weakened(flow.kw).soc_after(flow.soc, hours, flow.goal)
        return flow.soc + flow.kw * hours / self.car.efficiency_out / self.car.capacity_kwh

    def weakened(self, kw):
        return self.car if kw >= self.car.charger_kw else weak(self.car, kw)

    def _soc_in(self, move, t):
        if isinstance(move, Charge) and t < move.stop:
            return self.cars[id(move)].soc_after(move.soc, (t - move.start) / HOUR_S, move.end_soc)
        return super()._soc_in(move, t)


def world(seed):
    """A random world of whimsical chargers, and the naive people who live in it."""
    luck = np.random.default_rng([seed, 5])
    drives, steers = bool(luck.integers(2)), bool(luck.integers(2))
    kinds = [_kind(luck, name, 100 / n) for n in [int(luck.integers(1, 3))] for name in "AB"[:n]]
    step = int(luck.choice([5, 10, 15, 20, 30, 60]))
    given = config(
        *kinds, users=len(kinds) * 3, start=str(luck.choice(STARTS)), days=int(luck.integers(1, 4)), step=step,
        zone=str(luck.choice(["Europe/London", "Europe/London", "America/New_York"])), driving=drives,
        seed=int(luck.integers(2**31)), warm_up=int(luck.integers(0, 4)), habit=int(luck.choice([0, 75])),
        day=int(luck.choice([0, 130])), curve=CURVES[luck.integers(len(CURVES))],
        efficiency=float(luck.choice([1.0, 0.9])), charging={"strategy": "whims"},
        **({} if drives else {"soc": str(luck.choice(["sheet", "carried"]))}),
    )  # fmt: skip
    if luck.integers(2):
        given["battery"]["discharging_efficiency"] = float(luck.choice([1.0, 0.8]))
    horizon_s = int(luck.choice([60 * step + 1, 3_000])) if steers else int(luck.choice([3_000, 20_000]))
    says = {"seed": seed, "horizon_s": horizon_s, "asked": "every_step" if steers else "at_plug_in"}
    rule = type("TheseWhims", (Whims,), says)
    made = Scenario.from_dict(given, strategies={"whims": rule})
    return made, type("ThisPerson", (WhimsicalPerson,), {"whims_of": rule})


def _kind(luck, name, percent):
    times = [("18:00", "07:00"), ("17:20", "08:05"), ("15:10", "16:40"), ("22:30", "06:00"), ("13:30", "09:30")]
    comes, leaves = times[luck.integers(len(times))]
    return row(
        name, percent, plug_in_time=comes, plug_out_time=leaves, battery_kwh=float(luck.choice([20, 40, 77])),
        charger_kw=float(luck.choice([2.3, 7, 11])), plug_in_soc_percent=float(luck.choice([12, 52, 68, 91])),
        target_soc_percent=float(luck.choice([80, 98])), miles_per_year=float(luck.choice([9_435, 18_000])),
        plug_in_frequency_per_day=float(luck.choice([1, 1, 0.5])), v2g_percent=float(luck.choice([0, 60, 100, 100])),
        discharge_kw=luck.choice([None, None, 3.0, 15.0]), v2g_reserve_soc_percent=float(luck.choice([0, 30, 50])),
    )  # fmt: skip

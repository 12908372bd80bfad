"""The naive simulator's calendar and diary: what kind of day it is, and when one person leaves and is home again.

Its own calendar, its own log-normal (by integration), its own interpolation and normal distribution. Of evsim it
reads the Scenario, the uniforms of `Chance`, and the published tables: `_plug_times`, `TEMPERATURE_C`.
"""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from statistics import NormalDist
from zoneinfo import ZoneInfo

import holidays

from evsim import _plug_times as tables
from evsim._chance import Chance, Purpose
from evsim._days import TEMPERATURE_C

DAY_S, HOUR_S, HALF_DAY_S, LEAST_STAY_S = 86_400, 3_600, 43_200, 60
EARLY_AFTERNOON_S, WINDOW_TO_VARY_S = 13 * HOUR_S, 6 * HOUR_S
MOST_Z = 3.0
NORMAL = NormalDist()
EPOCH = dt.date(1970, 1, 1)


# ---- time


def epoch(day, second, zone):
    """The instant of a local wall-clock time [s since 1970]."""
    midnight = dt.datetime.combine(day, dt.time())
    return round((midnight + dt.timedelta(seconds=second)).replace(tzinfo=zone).timestamp())


def seconds_of(time):
    return time.hour * 3600 + time.minute * 60 + time.second


# ---- shapes


def normal_cdf(z):
    """By straight lines between points 1/256 apart, as `_shapes` has it; test_shapes.py says how little that is."""
    z = min(max(z, -8.0), 8.0)
    low = math.floor(z * 256)
    left, right = (math.erfc(-k / 256 / math.sqrt(2)) / 2 for k in (low, low + 1))
    return left + (right - left) * (z * 256 - low)


def between(x, xs, ys):
    """A rising line through points, level beyond its ends."""
    if x <= xs[0]:
        return ys[0]
    for (x0, x1), (y0, y1) in zip(pairwise(xs), pairwise(ys), strict=True):
        if x <= x1:
            return y0 + (y1 - y0) * (x - x0) / (x1 - x0)
    return ys[-1]


def _moment(sigma):
    """E exp(sigma min(z, 3)) by Simpson's rule, and the point mass at the cap."""
    n, low = 3_000, -12.0
    h = (MOST_Z - low) / n
    total = 0.0
    for i in range(n + 1):
        z = low + i * h
        weight = 1 if i in (0, n) else 4 if i % 2 else 2
        total += weight * math.exp(sigma * z - z * z / 2)
    return total * h / 3 / math.sqrt(2 * math.pi) + math.exp(sigma * MOST_Z) * math.erfc(MOST_Z / math.sqrt(2)) / 2


@cache
def capped_log_normal(cv):
    """(sigma, mean) of exp(sigma min(z, 3)) whose standard deviation is cv of its mean."""
    low, high = 0.0, 6.0
    for _ in range(50 if cv else 0):
        middle = (low + high) / 2
        spread = math.sqrt(max(0.0, _moment(2 * middle) / _moment(middle) ** 2 - 1))
        low, high = (middle, high) if spread < cv else (low, middle)
    return (low, _moment(low)) if cv else (0.0, 1.0)


def multiplier(z, cv):
    """A draw with mean 1 and that spread."""
    sigma, mean = capped_log_normal(cv)
    return math.exp(sigma * min(z, MOST_Z)) / mean


# ---- the calendar


@cache
def bank_holidays(region, year):
    if region == "none":
        return frozenset()
    country, _, part = region.partition("-")
    return frozenset(holidays.country_holidays(country, subdiv=part or None, years=[year]))


def is_working(day, region):
    return day.weekday() < 5 and day not in bank_holidays(region, day.year)


class Calendar:
    """What a day is like: `miles` of a mean day as a multiple of the year's, `consumption` of a mile likewise."""

    def __init__(self, scenario):
        self.behaviour, self.region = scenario.behaviour, scenario.simulation.holidays
        self.years = {}

    def is_working(self, day):
        return is_working(day, self.region)

    def p_drive(self, day):
        return self.behaviour.p_drive_weekday if self.is_working(day) else self.behaviour.p_drive_weekend

    def _share(self, day):
        if not self.p_drive(day):
            return 0.0
        return 1.0 if self.is_working(day) else self.behaviour.weekend_mileage_factor

    def _need(self, day):
        """Energy for a mile, as a multiple of that at 20 C: a percent of range lost for each degree away from it."""
        if not self.behaviour.season:
            return 1.0
        return 1 / (1 - min(0.5, abs(TEMPERATURE_C[day.month - 1] - 20) / 100))

    def _year(self, year):
        if year not in self.years:
            days = [dt.date(year, 1, 1)]
            while (following := days[-1] + dt.timedelta(days=1)).year == year:
                days.append(following)
            miles = sum(self._share(day) for day in days)
            self.years[year] = miles / len(days), sum(self._share(day) * self._need(day) for day in days) / miles
        return self.years[year]

    def miles(self, day):
        """Of a mean day of that kind, driving or not."""
        return self._share(day) / self._year(day.year)[0]

    def consumption(self, day):
        return self._need(day) / self._year(day.year)[1]


# ---- one person's days


@dataclass
class Outing:
    """From leaving to coming home [s since 1970]: two trips of `leg_s`, each with its miles and kWh; luck at home."""

    leave: int
    arrive: int
    leg_s: int
    leg_miles: float
    leg_kwh: float
    luck: float


class Diary:
    """One person's outings, drawn a day at a time."""

    def __init__(self, scenario, archetype, number, calendar):
        run, behaviour = scenario.simulation, scenario.behaviour
        self.behaviour, self.archetype, self.number, self.calendar = behaviour, archetype, number, calendar
        self.zone, self.chance = ZoneInfo(run.timezone), Chance(run.seed)
        self.leaves, self.comes = seconds_of(archetype.plug_out_time), seconds_of(archetype.plug_in_time)
        self.comes += DAY_S if self.comes <= self.leaves else 0
        self.away_s = self.comes - self.leaves
        spread = behaviour.times == "spread"
        habit, day = behaviour.plug_time_habit_sd_minutes * spread, behaviour.plug_time_day_sd_minutes * spread
        self.total_s = 60 * math.sqrt(habit**2 + day**2)
        self.parts = (60 * habit / self.total_s, 60 * day / self.total_s) if self.total_s else (0.0, 0.0)
        published = math.sqrt(tables.HABIT_SD_MINUTES**2 + tables.DAY_SD_MINUTES**2)
        room = min(self.away_s, DAY_S - self.away_s, WINDOW_TO_VARY_S) / WINDOW_TO_VARY_S
        self.spread = self.total_s / 60 / published * room
        home_again = self.comes % DAY_S  # is it at home at 13:00, by the sheet?
        waits = (EARLY_AFTERNOON_S - home_again) % DAY_S
        self.is_home_at_13 = waits < DAY_S - self.away_s
        self.own_miles = 1.0
        if behaviour.driving and behaviour.miles_cv_between_users:
            self.own_miles = multiplier(self.z(Purpose.USER_MILES), behaviour.miles_cv_between_users)
        self.miles_per_day = archetype.miles_per_year / 365 * self.own_miles if behaviour.driving else 0.0
        self.home_since = -math.inf

    def uniform(self, purpose, n=0):
        return float(self.chance.uniform(purpose, 1, n, self.number)[0])

    def z(self, purpose, n=0):
        return NORMAL.inv_cdf(self.uniform(purpose, n))

    def mean_kwh(self):
        """A mean day's driving over the year."""
        return self.miles_per_day / self.archetype.efficiency_miles_per_kwh

    def miles(self, day, n):
        mean, p = self.calendar.miles(day) * self.miles_per_day, self.calendar.p_drive(day)
        cv = self.behaviour.miles_cv_between_days
        if not mean:
            return 0.0
        if cv == 0 and p == 1:
            return mean
        luck = self.uniform(Purpose.DAY_MILES, n)
        if luck >= p:
            return 0.0
        return mean / p * multiplier(NORMAL.inv_cdf(min(luck / p, 1 - 2**-53)), cv)

    def draw(self, day, n, usual, table, purpose, habit_purpose, earliest):
        """A time around `usual`, not before `earliest`: one that is, is drawn anew from what comes after it."""
        if not self.spread:
            return max(epoch(day, usual, self.zone), earliest)
        xs, ys = (column.tolist() for column in table[self.calendar.is_working(day + dt.timedelta(seconds=usual))])
        habit_part, day_part = self.parts
        habit = habit_part * self.z(habit_purpose) if habit_part else 0.0

        def at(z):
            moved = 60 * self.spread * between(z, xs, ys)
            return epoch(day, round(usual + min(max(moved, -HALF_DAY_S), HALF_DAY_S)), self.zone)

        luck = self.uniform(purpose, n)
        when = at(habit + (day_part * NORMAL.inv_cdf(luck) if day_part else 0.0))
        if when < earliest and day_part:
            minutes = (earliest - epoch(day, usual, self.zone)) / 60 / self.spread
            bound = between(minutes, ys, xs)
            p = max(normal_cdf((bound - habit) / day_part), luck)
            when = at(habit + day_part * NORMAL.inv_cdf(min(p + luck / p * (1 - p), 1 - 2**-53)))
        return max(when, earliest)

    def outing(self, day):
        """The one that begins on a local day; days must be asked for in order."""
        n, ready = (day - EPOCH).days, self.home_since + LEAST_STAY_S
        miles = self.miles(day, n)
        leg_s = round(miles / 2 / self.behaviour.average_speed_mph * HOUR_S)
        away = max(2 * leg_s, LEAST_STAY_S)
        if self.is_home_at_13 and 2 * leg_s > self.away_s:
            habit_part, day_part = self.parts
            z = habit_part * self.z(Purpose.HABIT_PLUG_OUT) if habit_part else 0.0
            z += day_part * self.z(Purpose.DAY_PLUG_OUT, n) if day_part else 0.0
            eve = day if self.leaves >= EARLY_AFTERNOON_S else day - dt.timedelta(days=1)
            leave = max(epoch(eve, round(EARLY_AFTERNOON_S + self.total_s * z / 2), self.zone), ready)
            arrive = leave + away
        else:
            out, back = tables.PLUG_OUT, tables.PLUG_IN
            leave = self.draw(day, n, self.leaves, out, Purpose.DAY_PLUG_OUT, Purpose.HABIT_PLUG_OUT, ready)
            arrive = self.draw(day, n, self.comes, back, Purpose.DAY_PLUG_IN, Purpose.HABIT_PLUG_IN, leave + away)
        self.home_since = arrive
        luck = 0.0 if self.archetype.plug_in_frequency_per_day >= 1 else self.uniform(Purpose.PLUG_IN_EVENING, n)
        kwh = miles / 2 / self.archetype.efficiency_miles_per_kwh * self.calendar.consumption(day)
        return Outing(leave, arrive, leg_s, miles / 2, kwh, luck)

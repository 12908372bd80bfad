"""How people live from day to day: what an archetype has in common, what a person keeps, and the draws of a day."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from evsim import _plug_times as plug_times
from evsim._chance import Chance, Purpose, normal_quantile
from evsim._clock import Clock
from evsim._days import Day, Days
from evsim._shapes import CappedLogNormal, Offsets, normal_cdfs
from evsim._units import (
    DAYS_PER_YEAR,
    SECONDS_PER_DAY,
    SECONDS_PER_HOUR,
    SECONDS_PER_MINUTE,
    Floats,
    Ints,
    rows_where,
)

if TYPE_CHECKING:
    from evsim._behaviour import Behaviour
    from evsim._user_archetype import UserArchetype

FARTHEST_S = 12 * SECONDS_PER_HOUR
"""No draw moves a plug-in or plug-out by more than this from the archetype's time (assumption A9)."""

WINDOW_TO_VARY_S = 6 * SECONDS_PER_HOUR
"""Spreads shrink in proportion where an archetype's time away, or at home, is shorter than this (assumption A14)."""

EARLY_AFTERNOON_S = 13 * SECONDS_PER_HOUR
"""When a car leaves that is not away for long enough at its usual time (assumption A14)."""

_AFTERNOON_SPREAD = 0.5
_ALMOST_ONE = 1 - 2.0**-53


class Kind:
    """What the outings of an archetype's people have in common.

    leave_s, home_s : the sheet's times, after the midnight of the day on which the outing begins [s]; home_day : how
    many midnights lie between; away_s : how long the sheet is away [s]; spread : what offsets are multiplied by
    early_s : the early afternoon before leave_s; may_leave_early : whether they are at home then
    """

    def __init__(self, archetype: UserArchetype, behaviour: Behaviour, scale: float) -> None:
        self.leave_s = archetype.plug_out_s
        self.home_s = archetype.plug_in_s
        if self.home_s <= self.leave_s:
            self.home_s += SECONDS_PER_DAY
        self.home_day = self.home_s // SECONDS_PER_DAY
        self.away_s = self.home_s - self.leave_s
        shorter = min(self.away_s, SECONDS_PER_DAY - self.away_s)
        self.spread = scale * min(1.0, shorter / WINDOW_TO_VARY_S)
        at_home_s = (EARLY_AFTERNOON_S - self.home_s) % SECONDS_PER_DAY
        self.may_leave_early = at_home_s < SECONDS_PER_DAY - self.away_s
        self.early_s = EARLY_AFTERNOON_S - (SECONDS_PER_DAY if self.leave_s < EARLY_AFTERNOON_S else 0)
        self.miles_per_day = archetype.miles_per_year / DAYS_PER_YEAR if behaviour.driving else 0.0
        usual_drive_s = self.miles_per_day / behaviour.average_speed_mph * SECONDS_PER_HOUR
        self.leaves_early = self.may_leave_early and usual_drive_s > self.away_s
        self.kwh_per_mile = 1 / archetype.efficiency_miles_per_kwh
        self.is_choosy = archetype.plug_in_frequency_per_day < 1

    def moved(self, shape: Offsets, z: Floats) -> Floats:
        """How far times are moved from the archetype's [s]."""
        if not self.spread:
            return np.zeros_like(z)
        moved = shape.of(z)
        moved *= self.spread * SECONDS_PER_MINUTE
        return np.clip(moved, -FARTHEST_S, FARTHEST_S, out=moved)


class Ways:
    """What people keep for good, drawn once: their habits and their share of the miles.

    habit_out, habit_in : (n,) how unusual their times are, in standard deviations of all that moves a time, or None;
    miles : (n,) multiplier of yearly mileage, or None; day_part : the share of a day's luck in the same deviations
    """

    def __init__(self, behaviour: Behaviour, chance: Chance, first_user: int, n: int) -> None:
        self._chance, self._first_user, self._n = chance, first_user, n
        habit, day = behaviour.habit_sd_minutes, behaviour.day_sd_minutes
        total = float(np.hypot(habit, day))
        self.scale = total / float(np.hypot(plug_times.HABIT_SD_MINUTES, plug_times.DAY_SD_MINUTES))
        self._habit_part, self.day_part = (habit / total, day / total) if total else (0.0, 0.0)
        self._total_s = total * SECONDS_PER_MINUTE
        self.habit_out = self._habits(Purpose.HABIT_PLUG_OUT)
        self.habit_in = self._habits(Purpose.HABIT_PLUG_IN)
        self.miles = self._multipliers(behaviour)
        self.ready_by_s = self._ready_by() if behaviour.ready_by == "survey" else None

    def _normal(self, purpose: Purpose) -> Floats:
        return self._chance.normal(purpose, self._n, first_user=self._first_user)

    def _habits(self, purpose: Purpose) -> Floats | None:
        return self._habit_part * self._normal(purpose) if self._habit_part else None

    def _multipliers(self, behaviour: Behaviour) -> Floats | None:
        if not (behaviour.driving and behaviour.miles_cv_between_users):
            return None
        return CappedLogNormal.with_cv(behaviour.miles_cv_between_users).of(self._normal(Purpose.USER_MILES))

    def _ready_by(self) -> Ints:
        """(n,) the ready-by time each has typed [s after midnight]."""
        upto = np.cumsum(plug_times.READY_BY_SHARES)
        luck = self._chance.uniform(Purpose.READY_BY, self._n, first_user=self._first_user)
        minutes = np.array(plug_times.READY_BY_MINUTES, np.int64)
        return minutes[np.searchsorted(upto[:-1] / upto[-1], luck)] * SECONDS_PER_MINUTE

    def afternoon_s(self, z: Floats) -> Floats:
        """How far from 13:00 those leave who leave in the early afternoon [s]."""
        return _AFTERNOON_SPREAD * self._total_s * z

    def usual_plug_out_s(self, kind: Kind, here: slice, shape: Offsets) -> Ints:
        """When some people of a kind usually leave [s after midnight]."""
        habit = np.zeros(here.stop - here.start) if self.habit_out is None else self.habit_out[here]
        early, late = kind.early_s + self.afternoon_s(habit), kind.leave_s + kind.moved(shape, habit)
        return np.rint(early if kind.leaves_early else late).astype(np.int64)


class Luck:
    """The draws of one day for users who follow one another, made once for all archetypes among them."""

    def __init__(self, chance: Chance, today: Day, daily: CappedLogNormal, first_user: int, n: int) -> None:
        self._chance, self._today, self._daily = chance, today, daily
        self._first_user, self._n = first_user, n
        self._uniforms: dict[Purpose, Floats] = {}
        self._normals: dict[Purpose, Floats] = {}

    def uniform(self, purpose: Purpose) -> Floats:
        """(n,) the draw itself."""
        if purpose not in self._uniforms:
            self._uniforms[purpose] = self._chance.uniform(purpose, self._n, self._today.number, self._first_user)
        return self._uniforms[purpose]

    def normal(self, purpose: Purpose) -> Floats:
        """(n,) the same as standard normals."""
        if purpose not in self._normals:
            self._normals[purpose] = normal_quantile(self.uniform(purpose))
        return self._normals[purpose]

    @cached_property
    def miles(self) -> Floats | float:
        """(n,) today's miles as a multiple of a driving day's mean: 0 for those who do not drive.

        One draw for both: under p_drive the car is driven, and the draw divided by p_drive is a uniform again.
        """
        p_drive = self._today.p_drive
        if not self._daily.sigma and p_drive == 1:
            return 1.0
        luck = self.uniform(Purpose.DAY_MILES)
        drawn = self._daily.of(normal_quantile(np.minimum(luck / p_drive, _ALMOST_ONE)))
        drawn *= luck < p_drive
        return drawn


class Draw:
    """The draws of one day for some users of a kind: `here` among all, `mine` among those of the luck."""

    def __init__(
        self, ways: Ways, kind: Kind, clock: Clock, days: Days, today: Day, luck: Luck, here: slice, mine: slice
    ) -> None:
        self._ways, self._kind, self._clock, self._days, self._today = ways, kind, clock, days, today
        self._luck, self._here, self._mine = luck, here, mine

    def uniform(self, purpose: Purpose) -> Floats:
        """One for each user."""
        return self._luck.uniform(purpose)[self._mine]

    def miles(self) -> Floats:
        """What each car drives: nothing, or the day's mean, times the user's own multiplier, times the day's luck."""
        n = self._here.stop - self._here.start
        mean = self._kind.miles_per_day * self._today.miles
        if not mean:
            return np.zeros(n)
        drawn = self._luck.miles
        miles = np.full(n, mean) if isinstance(drawn, float) else mean * drawn[self._mine]
        if self._ways.miles is not None:
            miles *= self._ways.miles[self._here]
        return miles

    def departures(self, earliest: Ints) -> Ints:
        """When they leave, not before `earliest`."""
        habit = self._ways.habit_out
        return self._instants(plug_times.PLUG_OUT, self._kind.leave_s, 0, habit, Purpose.DAY_PLUG_OUT, earliest)

    def arrivals(self, earliest: Ints) -> Ints:
        """When they are home, not before `earliest`."""
        kind, habit = self._kind, self._ways.habit_in
        return self._instants(plug_times.PLUG_IN, kind.home_s, kind.home_day, habit, Purpose.DAY_PLUG_IN, earliest)

    def _instants(
        self,
        shapes: Mapping[bool, Offsets],
        usual_s: int,
        days_on: int,
        habits: Floats | None,
        purpose: Purpose,
        earliest: Ints,
    ) -> Ints:
        kind, day, part = self._kind, self._today.number, self._ways.day_part
        if not kind.spread:
            return np.maximum(self._clock.instant(day, usual_s), earliest)
        shape = shapes[self._days.day(day + days_on).is_working if days_on else self._today.is_working]
        habit = np.zeros(len(earliest)) if habits is None else habits[self._here]
        z = part * self._luck.normal(purpose)[self._mine] + habit if part else habit
        at = self._at(usual_s, shape, z)
        late = rows_where(at < earliest)
        if part and len(late):
            z = self._drawn_again(shape, usual_s, self.uniform(purpose)[late], habit[late], earliest[late])
            at[late] = self._at(usual_s, shape, z)
        return np.maximum(at, earliest, out=at)

    def _at(self, usual_s: int, shape: Offsets, z: Floats) -> Ints:
        wall = np.rint(usual_s + self._kind.moved(shape, z)).astype(np.int64)
        return self._clock.instant(self._today.number, wall)

    def _drawn_again(self, shape: Offsets, usual_s: int, luck: Floats, habit: Floats, earliest: Ints) -> Floats:
        """Standard normals from the part of the distribution that falls after `earliest`, with the same luck.

        Below its bound, a uniform divided by the bound is a uniform again.
        """
        part = self._ways.day_part
        off = earliest - self._clock.instant(self._today.number, usual_s)
        bound = shape.z_at(off / (self._kind.spread * SECONDS_PER_MINUTE))
        p = np.maximum(normal_cdfs((bound - habit) / part), luck)
        again = np.minimum(p + luck / p * (1 - p), _ALMOST_ONE)
        return part * normal_quantile(again) + habit

    def too_short_away(self, leg_s: Ints) -> Ints:
        """Rows whose trips take longer than the sheet is away, where leaving in the early afternoon helps."""
        if not self._kind.may_leave_early:
            return np.zeros(0, np.int64)
        return rows_where(2 * leg_s > self._kind.away_s)

    def afternoons(self, rows: Ints) -> Ints:
        """When they leave in the early afternoon before the sheet's plug-out."""
        ways, z = self._ways, np.zeros(len(rows))
        if ways.habit_out is not None:
            z += ways.habit_out[self._here][rows]
        if ways.day_part:
            z += ways.day_part * self._luck.normal(Purpose.DAY_PLUG_OUT)[self._mine][rows]
        wall = np.rint(self._kind.early_s + ways.afternoon_s(z)).astype(np.int64)
        return self._clock.instant(self._today.number, wall)

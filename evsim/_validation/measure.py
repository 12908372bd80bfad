"""What a run did, in the terms of the facts: by person, by hour of the day, by group of cars."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from evsim._event_kinds import EventKind
from evsim._results import Results
from evsim._units import (
    DAYS_PER_YEAR,
    HOURS_PER_DAY,
    SECONDS_PER_DAY,
    SECONDS_PER_HOUR,
    Anything,
    Bools,
    Floats,
    Ints,
    pieces,
)
from evsim._validation.rows import Estimate, mean

DAYS_PER_WEEK = 7
_FIRST_WEEKEND_DAY = 5
_WEEKDAY_OF_1970 = 3
_N_GROUPS = 200
_LOG_ROUNDING = 1e-6
_LEAST_CHARGE_KWH = 0.1
"""A stay with less than this at the meter is none in the session data, which were cleaned of such."""


class Measured:
    """A run, measured. Columns by person are (n_users,); by stay (n_stays,), by user and then time.

    drawn_kwh, given_kwh : import and export of each person [kWh at the meter]
    home_kwh : what stays in the battery of that [kWh, battery side]
    """

    def __init__(self, results: Results) -> None:
        self.results = results
        self.people = people = results.users
        self.n_users = len(people)
        self.years = results.clock.end_s / SECONDS_PER_DAY / DAYS_PER_YEAR
        self.stays = stays = results.events.sessions()
        start = results.times[0] if len(results.times) else np.datetime64("NaT")
        self.began_in_run = stays.plug_in > start
        self.drawn_kwh, self.given_kwh = people.events.import_kwh_by_user(), people.events.export_kwh_by_user()
        self.home_kwh = self.drawn_kwh * people.efficiency - self.given_kwh / people.discharging_efficiency

    # ---- by person

    def per_user(self, values: Floats | Bools, rows: Bools | None = None) -> Floats:
        """(n_users,) sums of a column of stays, or of those of `rows`."""
        user = self.stays.user if rows is None else self.stays.user[rows]
        weights = values if rows is None else values[rows]
        return np.bincount(user, weights.astype(np.float64), self.n_users).astype(np.float64)

    @cached_property
    def n_stays(self) -> Floats:
        """Plug-ins within the run, of each person."""
        return self.per_user(self.began_in_run)

    @cached_property
    def charging_h(self) -> Floats:
        """Hours for which power flowed into the battery."""
        events, end_s = self.results.events, self.results.clock.end_s
        kind, at, user = (events.column(name) for name in ("event", "at_s", "user"))
        total = np.zeros(self.n_users)
        for what, sign in ((EventKind.CHARGE_START, -1.0), (EventKind.CHARGE_STOP, 1.0)):
            rows = np.flatnonzero(kind == what)
            total += np.bincount(user[rows], weights=sign * at[rows], minlength=self.n_users)
        total += end_s * self.people.is_charging
        return total / SECONDS_PER_HOUR

    @cached_property
    def charges(self) -> Bools:
        """(n_stays,) whether a stay charged more than a hundred watt-hours."""
        return self.stays.import_kwh > _LEAST_CHARGE_KWH

    @cached_property
    def is_whole(self) -> Bools:
        """(n_stays,) whether a stay began and ended within the run."""
        return self.began_in_run & ~np.isnat(self.stays.plug_out)

    @cached_property
    def connected_h(self) -> Floats:
        """(n_stays,) from plug-in to plug-out, or to the run's end [h]."""
        end = self.results.clock.to_utc(self.results.clock.end_s)
        out = np.where(np.isnat(self.stays.plug_out), end, self.stays.plug_out)
        return np.asarray((out - self.stays.plug_in).astype(np.int64) / SECONDS_PER_HOUR)

    @cached_property
    def leaves_low(self) -> Bools:
        """(n_stays,) whether a car left below its target."""
        target = self.people.target_soc[self.stays.user]
        return np.asarray(self.is_whole & (self.stays.plug_out_soc < target - _LOG_ROUNDING))

    @cached_property
    def gaps_h(self) -> Floats:
        """Hours from each plug-in of a person to the next."""
        user, at = self.stays.user, self.stays.plug_in
        same = (user[1:] == user[:-1]) & self.began_in_run[:-1]
        return np.asarray((at[1:] - at[:-1])[same].astype(np.int64) / SECONDS_PER_HOUR)

    # ---- by hour of the day

    def local(self, at: Anything) -> tuple[Ints, Ints]:
        """Local weekday (0 is Monday) and hour of instants."""
        clock = self.results.clock
        day, second = clock.local(at.astype(np.int64) - clock.start_epoch_s)
        return (day + _WEEKDAY_OF_1970) % DAYS_PER_WEEK, (second // SECONDS_PER_HOUR).astype(np.int64)

    def by_hour(self, at: Anything, rows: Bools, *, weekday: bool | None = None) -> Floats:
        """(24,) share of instants in each local hour [%]; of Monday to Friday, of the weekend, or of all days."""
        when = at[rows]
        day, hour = self.local(when[~np.isnat(when)])
        if weekday is not None:
            hour = hour[(day < _FIRST_WEEKEND_DAY) == weekday]
        count = np.bincount(hour, minlength=HOURS_PER_DAY)
        return np.asarray(100 * count / max(count.sum(), 1))

    # ---- by group

    def admd_kw(self, sizes: list[int], days: int) -> dict[int, Estimate]:
        """After-diversity maximum demand of random groups: size to the mean of their peaks [kW a car].

        Each group's peak is the highest mean power of a step in the first `days` of the run. Cars are drawn without
        replacement, the same at each call.
        """
        kw = self._first_steps_kw(days)
        luck = np.random.default_rng(self.results.scenario.simulation.seed)
        found = {}
        for size in sizes:
            if size > self.n_users:
                continue
            groups = [luck.choice(self.n_users, size, replace=False) for _ in range(_N_GROUPS)]
            peaks = np.array([kw[who].mean(axis=0).max() for who in groups])
            found[size] = mean(peaks)
        return found

    def _first_steps_kw(self, days: int) -> Floats:
        """(n_users, n_steps) mean power at the meter [kW]."""
        events, clock = self.results.events, self.results.clock
        n_steps = min(clock.n_steps, days * SECONDS_PER_DAY // clock.step_s)
        kw = np.zeros(self.n_users * n_steps)
        at, user, kwh = (events.column(name) for name in ("at_s", "user", "import_kwh"))
        for piece in pieces(len(events)):
            step = np.maximum(at[piece] - 1, 0) // clock.step_s
            rows = np.flatnonzero((step < n_steps) & (kwh[piece] > 0))
            place = user[piece][rows].astype(np.int64) * n_steps + step[rows]
            np.add.at(kw, place, kwh[piece][rows].astype(np.float64))
        kw /= clock.step_h
        return kw.reshape(self.n_users, n_steps)


def median_h(share: Floats, first: int) -> float:
    """The median of a distribution over hours of the day [h], counted from hour `first`."""
    turned = np.roll(share, -first)
    upto = np.cumsum(turned)
    if not upto[-1]:
        return float("nan")
    half = upto[-1] / 2
    hour = int(np.searchsorted(upto, half))
    into = (half - (upto[hour] - turned[hour])) / turned[hour]
    return float((first + hour + into) % HOURS_PER_DAY)


def mode_h(share: Floats) -> int:
    """The hour with the largest share."""
    return int(np.argmax(share))


def total_variation(one: Floats, other: Floats) -> float:
    """The share that would have to move to make two distributions equal [%]."""
    return float(np.abs(one / max(one.sum(), 1e-12) - other / max(other.sum(), 1e-12)).sum() * 50)


def window(share: Floats, hours: tuple[int, int]) -> Floats:
    """Only the hours from the first to the second, which may be over midnight."""
    first, end = hours
    n = (end - first) % HOURS_PER_DAY
    return np.roll(share, -first)[:n]

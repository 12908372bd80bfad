"""Through the day: how many cars are plugged in, could be turned down, could be turned up, could discharge."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evsim._clock import Clock
from evsim._population import Population
from evsim._results import Results
from evsim._units import SECONDS_PER_DAY, SECONDS_PER_HOUR, SECONDS_PER_MINUTE, Anything, Floats, Ints
from evsim.analysis._film import Film, Frame
from evsim.analysis._readiness import SOC_MARGIN, Readiness, appointments, hours_left

STATES = ("plugged_in", "turn_down", "turn_up", "discharge")
HALF_HOUR_S = 30 * SECONDS_PER_MINUTE
N_STARTS = SECONDS_PER_DAY // HALF_HOUR_S
PAUSE_S = SECONDS_PER_HOUR
"""How long a car must be able to pause, or to give, and still be ready: the longest of GB's usual products."""
_FULL = 0.99
"""Drawing at full power is drawing so much of it: inside a step of a tapering charge the log has its mean."""
_KW_MARGIN = 1e-6
_BAND = 0.8


@dataclass(frozen=True, eq=False, repr=False)
class Possible:
    """Cars at each local half-hour of each day of a run.

    archetypes : names, in config order; n_users : (n_archetypes,)
    days : (n_days,) local dates, datetime64[D]; starts_s : (48,) seconds after midnight
    can_discharge : how many cars can at all
    cars : (n_days, 48, 4, n_archetypes) of each of `STATES`; NaN where the run has no such moment
    """

    archetypes: tuple[str, ...]
    n_users: Ints
    days: Anything
    starts_s: Ints
    can_discharge: int
    cars: Floats

    def __repr__(self) -> str:
        """One line."""
        return f"<Possible: {int(self.n_users.sum()):,} users, {len(self.days):,} days>"

    @property
    def mean(self) -> Floats:
        """(48, 4, n_archetypes) over the days; NaN where no day has such a moment."""
        n = (~np.isnan(self.cars)).sum(axis=0)
        return np.asarray(np.divide(np.nansum(self.cars, axis=0), n, out=np.full(n.shape, np.nan), where=n > 0))

    @property
    def total(self) -> Floats:
        """(n_days, 48, 4) of all archetypes together."""
        return np.asarray(self.cars.sum(axis=3))

    @property
    def band(self) -> tuple[Floats, Floats]:
        """(48, 4) each: what holds the middle 80% of the days, all archetypes together.

        Of n days, as many as fit in a tenth are left out at either end; none of less than ten.
        """
        ordered = np.sort(self.total, axis=0)
        n = (~np.isnan(ordered)).sum(axis=0)
        out = np.floor(n * (1 - _BAND) / 2 + 1e-9).astype(np.int64)
        low, high = out, np.maximum(n - 1 - out, 0)
        least, most = (np.take_along_axis(ordered, i[None], axis=0)[0] for i in (low, high))
        return least, most


def possible(results: Results) -> Possible:
    """Count what cars could do at each local half-hour of the run.

    Cars that are plugged in;
    could be turned down: draw power, and could pause for an hour and still be ready;
    could be turned up: are under their target, and do not draw all their charger can give;
    could discharge: are able to, have more than their reserve, and after an hour of giving, or when at the reserve,
    could still be ready.

    To be ready is to reach one's target by the departure that is expected, at the charger's full power.
    """
    clock = results.clock
    film, readiness, book = Film(results), Readiness(results.users), appointments(results)
    days, instants = half_hours(clock)
    cars = np.full((len(days), N_STARTS, len(STATES), len(results.archetypes)), np.nan)
    for at in np.unique(instants[(instants >= 0) & (instants < clock.end_s)]).tolist():
        frame = film.at(at)
        who = np.flatnonzero(frame.is_plugged_in)
        counts = _counts(results, frame, who, readiness, hours_left(book, who, at, at + PAUSE_S))
        cars[instants == at] = counts
    return Possible(
        archetypes=results.archetypes,
        n_users=results.n_users,
        days=days.astype("datetime64[D]"),
        starts_s=np.arange(N_STARTS) * HALF_HOUR_S,
        can_discharge=int((results.users.discharge_kw > 0).sum()),
        cars=cars,
    )


def half_hours(clock: Clock) -> tuple[Ints, Ints]:
    """The local dates of a run (n_days,), and the instant of each half-hour of each [s], (n_days, 48).

    One that the clock skips is before the run.
    """
    first, last = clock.local(np.array([0, clock.end_s - 1]))[0]
    days, wall = np.arange(int(first), int(last) + 1)[:, None], np.arange(N_STARTS) * HALF_HOUR_S
    at = clock.instant(days, wall)
    return days[:, 0], np.where(clock.local(at)[1] == wall, at, -1)


def _counts(results: Results, frame: Frame, who: Ints, readiness: Readiness, left_h: Floats) -> Ints:
    """(4, n_archetypes) of those who are plugged in."""
    people: Population = results.users
    soc, target, kw = frame.soc[who], frame.target_soc[who], frame.net_kw[who]
    can_pause = (kw > _KW_MARGIN) & readiness.is_ready(who, soc, target, left_h)
    full_kw = _FULL * people.charger_kw[who] * readiness.least_share(soc, frame.next_soc[who])
    has_room = (soc < target - SOC_MARGIN) & (kw < full_kw)
    reserve, gives_kw = people.v2g_reserve_soc[who], people.discharge_kw[who]
    given = gives_kw * (PAUSE_S / SECONDS_PER_HOUR) / (people.discharging_efficiency[who] * people.capacity_kwh[who])
    after = np.maximum(soc - given, np.minimum(reserve, soc))
    can_give = (gives_kw > 0) & (soc > reserve + SOC_MARGIN) & readiness.is_ready(who, after, target, left_h)
    masks = (np.ones(len(who), np.bool_), can_pause, has_room, can_give)
    n = len(results.archetypes)
    return np.stack([np.bincount(people.archetype[who[mask]], minlength=n) for mask in masks])

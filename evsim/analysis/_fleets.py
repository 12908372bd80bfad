"""The fleets that cars make over a window: what each could do instead of what it does in the run.

Everything is on the careful side. A car counts if it is plugged in throughout. It goes one way in a window, charging
or giving, so that no path through the battery is impossible. It must be able to reach its target by the departure
that is *expected*, at its charger's full power; who would not do so even in the run is left as it is. Where the charge
curve bends, its power is the least on the way. Charging and giving have each their own losses.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from evsim._diary import Appointments
from evsim._population import Population
from evsim._results import Results
from evsim._units import SECONDS_PER_HOUR, Bools, Floats, Ints
from evsim.analysis._deliverable import Fleet, largest_block
from evsim.analysis._film import Frame, mean_kw
from evsim.analysis._readiness import SOC_MARGIN, Readiness, appointments, expected_departure

KINDS = ("turn_down", "discharge", "both", "turn_up")
"""Drawing less; giving back; either; drawing more."""
_KW_MARGIN = 1e-6
_KWH_MARGIN = 1e-4
"""The log's rounding: energies to 2^-24 of a step's, SoC of a battery to 0.00001 kWh."""


class _Cars(NamedTuple):
    """Cars that are plugged in throughout a window, each (m,), and what they do in the run.

    own_kw : (m, T) mean net power of each step; needs_soc : at the window's end, to be ready in time [0-1]
    is_ready : whether it has that in the run
    """

    who: Ints
    own_kw: Floats
    soc: Floats
    target_soc: Floats
    needs_soc: Floats
    is_ready: Bools


class Fleets:
    """Makes fleets of the people of a run, and says what they can hold."""

    def __init__(self, results: Results) -> None:
        self._people: Population = results.users
        self._book: Appointments = appointments(results)
        self._readiness = Readiness(results.users)
        self._asked_at, self._expected = -1, np.zeros(0)

    def blocks(self, frames: list[Frame]) -> list[float]:
        """The largest block of each of `KINDS` [kW], over the window whose equal steps are between these frames."""
        cars = self._cars(frames)
        step_h = (frames[1].at_s - frames[0].at_s) / SECONDS_PER_HOUR
        window = len(frames) - 1, step_h
        less, gives, more = self._less(cars, *window), self._gives(cars, *window), self._more(cars, *window)
        pauses, exports = _keeps_low(less, cars.own_kw) & (cars.own_kw >= -_KW_MARGIN).all(axis=1), self._exports(cars)
        exports &= _keeps_low(gives, cars.own_kw)
        rises = _keeps_high(more, cars.own_kw)
        pauses, exports = pauses & cars.is_ready, exports & cars.is_ready
        idle = np.minimum(cars.own_kw, 0.0)
        either = _joined(less.of(pauses & ~exports), gives.of(exports))
        own = cars.own_kw
        return [
            largest_block(less.of(pauses), own[pauses].sum(axis=0)),
            largest_block(gives.of(exports), idle[exports].sum(axis=0)),
            largest_block(either, own[pauses | exports].sum(axis=0)),
            largest_block(more.of(rises), own[rises].sum(axis=0), rises=True),
        ]

    def _cars(self, frames: list[Frame]) -> _Cars:
        first, last = frames[0], frames[-1]
        who = np.flatnonzero(first.stays_until(last.at_s) & self._matters(first, last))
        target, left_h = first.target_soc[who], (self._leaves_at(first)[who] - last.at_s) / SECONDS_PER_HOUR
        needs = self._readiness.least_soc(who, target, left_h)
        is_ready = last.soc[who] >= needs - SOC_MARGIN
        return _Cars(who, mean_kw(frames, who), first.soc[who], target, needs, is_ready)

    def _matters(self, first: Frame, last: Frame) -> Bools:
        """(n_users,) who draws or gives in the window, or could: a full car that cannot give does neither."""
        flows = (last.net_kwh != first.net_kwh) | (last.soc != first.soc)
        has_room = first.soc < first.target_soc - SOC_MARGIN
        return np.asarray(flows | has_room | (self._people.discharge_kw > 0))

    def _leaves_at(self, frame: Frame) -> Floats:
        """(n_users,) when each is expected to leave, asked at a frame [s]; that instant, of who is not plugged in."""
        if self._asked_at != frame.at_s:
            self._asked_at, who = frame.at_s, np.flatnonzero(frame.is_plugged_in)
            self._expected = np.full(len(self._people), float(frame.at_s))
            self._expected[who] = expected_departure(self._book, who, frame.at_s)
        return self._expected

    def _less(self, cars: _Cars, n_steps: int, step_h: float) -> Fleet:
        """Charging, no more than is needed to be ready: from nothing to the least power on the way there."""
        per_kwh = self._soc_per_kwh(cars.who)
        own_kwh = cars.own_kw.sum(axis=1) * step_h
        needs = np.clip((cars.needs_soc - cars.soc) / per_kwh, 0.0, np.maximum(own_kwh, 0.0))
        share = self._readiness.least_share(cars.soc, cars.soc + needs * per_kwh)
        most_kw = self._people.charger_kw[cars.who] * share
        return Fleet(np.zeros(len(needs)), most_kw, needs, np.full(len(needs), np.inf), n_steps, step_h)

    def _gives(self, cars: _Cars, n_steps: int, step_h: float) -> Fleet:
        """Giving, down to the reserve or to what a refill by the expected departure begins from."""
        people, who = self._people, cars.who
        floor = np.maximum(people.v2g_reserve_soc[who], cars.needs_soc)
        gives_kwh = np.maximum(cars.soc - floor, 0.0) * people.capacity_kwh[who] * people.discharging_efficiency[who]
        nothing = np.zeros(len(who))
        return Fleet(-people.discharge_kw[who], nothing, -gives_kwh, nothing, n_steps, step_h)

    def _more(self, cars: _Cars, n_steps: int, step_h: float) -> Fleet:
        """Charging, up to the target."""
        per_kwh, charger_kw = self._soc_per_kwh(cars.who), self._people.charger_kw[cars.who]
        room = np.maximum(cars.target_soc - cars.soc, 0.0)
        reach = np.minimum(room, n_steps * step_h * charger_kw * per_kwh)
        most_kw = charger_kw * self._readiness.least_share(cars.soc, cars.soc + reach)
        nothing = np.zeros(len(room))
        return Fleet(nothing, most_kw, np.full(len(room), -np.inf), room / per_kwh, n_steps, step_h)

    def _exports(self, cars: _Cars) -> Bools:
        """Cars that have something to give, and in the run go one way only."""
        people, who, own = self._people, cars.who, cars.own_kw
        floor = np.maximum(people.v2g_reserve_soc[who], cars.needs_soc)
        one_way = (own >= -_KW_MARGIN).all(axis=1) | (own <= _KW_MARGIN).all(axis=1)
        return (people.discharge_kw[who] > 0) & (cars.soc > floor + SOC_MARGIN) & one_way

    def _soc_per_kwh(self, who: Ints) -> Floats:
        return self._people.wiring(who).soc_per_kwh


def _keeps_low(fleet: Fleet, own_kw: Floats) -> Bools:
    """(m,) whether what each does in the run is within its own lower bounds."""
    taken = np.cumsum(np.sort(own_kw, axis=1), axis=1) * fleet.step_h
    return np.asarray((taken >= fleet.least_kwh() - _KWH_MARGIN).all(axis=1))


def _keeps_high(fleet: Fleet, own_kw: Floats) -> Bools:
    """The same of its upper bounds."""
    taken = np.cumsum(np.sort(own_kw, axis=1)[:, ::-1], axis=1) * fleet.step_h
    return np.asarray((taken <= fleet.most_kwh() + _KWH_MARGIN).all(axis=1))


def _joined(one: Fleet, other: Fleet) -> Fleet:
    """Two fleets as one."""
    return Fleet(
        min_kw=np.concatenate([one.min_kw, other.min_kw]),
        max_kw=np.concatenate([one.max_kw, other.max_kw]),
        min_kwh=np.concatenate([one.min_kwh, other.min_kwh]),
        max_kwh=np.concatenate([one.max_kwh, other.max_kwh]),
        n_steps=one.n_steps,
        step_h=one.step_h,
    )

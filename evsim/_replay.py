"""Real sessions lived again: the same controller, with appointments from a file instead of a diary."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from evsim._agenda import Batch, batch
from evsim._battery import ChargeCurve, Wiring, charge
from evsim._clock import Clock
from evsim._diary import Entries
from evsim._population import Population
from evsim._recorded.judge import TARGET_SOC
from evsim._recorded.stand_in import usual_so_far
from evsim._recorded.wall_clock import WallClock
from evsim._units import SECONDS_PER_DAY, SECONDS_PER_HOUR, Floats, Ints, Who

if TYPE_CHECKING:
    from evsim._config.parts import Battery
    from evsim._recorded.sessions import RecordedSessions


class Replay:
    """The recorded sessions that begin within a run, for users `first` to `end`: a book and a homecoming in one.

    A session without a recorded SoC begins as far under `TARGET_SOC` as its energy fills; one with a SoC ends as far
    above that. Energy comes first: where the battery has no such room, or charges too slowly when it is nearly full
    (the curve is an assumption), a session with a SoC begins as one without. Between sessions a battery that comes back
    emptier has been driven, a fuller one charged elsewhere.
    """

    def __init__(
        self,
        recorded: RecordedSessions,
        battery: Battery,
        clock: Clock,
        first: int,
        end: int,
    ) -> None:
        self._clock = clock
        plug_in, plug_out = (at - clock.start_epoch_s for at in (recorded.plug_in_s, recorded.plug_out_s))
        mine = (recorded.user >= first) & (recorded.user < end)
        rows = np.flatnonzero(mine & (plug_in >= 0) & (plug_in < clock.end_s))
        self._user, self._plug_in, self._plug_out = recorded.user[rows] - first, plug_in[rows], plug_out[rows]
        self._soc, self._target = first_and_target_soc(recorded, battery, rows)
        self._next = np.searchsorted(self._user, np.arange(end - first))
        self._kind = recorded.archetype[first:end]
        self._first_day, self._usual_s = _usual_so_far(recorded, clock)
        self._is_entered = False

    def entries(self, day: int) -> list[Entries]:  # noqa: ARG002 - all are entered on the first
        """All sessions, on the first day asked for."""
        rows = np.arange(0 if self._is_entered else len(self._user))
        self._is_entered = True
        step_s, who, nothing = self._clock.step_s, self._user[rows], np.zeros(len(rows))
        no_leg = np.zeros(len(rows), np.int64)
        none = np.zeros(0, np.int64)
        departures = batch(step_s, self._plug_out[rows], who, no_leg, nothing, nothing, nothing)
        homeward = batch(step_s, none, none, none, np.zeros(0), np.zeros(0))
        return [Entries(departures, homeward, batch(step_s, self._plug_in[rows], who, nothing))]

    def opening(self) -> tuple[Batch, Who]:
        """Nobody is known to be at home, or on the way, before a first session."""
        none = np.zeros(0, np.int64)
        return batch(self._clock.step_s, none, none, np.zeros(0)), none

    def expected_plug_out(self, who: Who, at_s: Floats) -> Floats:
        """The next time after `at_s` (n,) [s] that the clock shows what has been the usual plug-out of one's kind."""
        day, second = self._clock.local(at_s)
        usual = self._usual_s[self._kind[who], np.clip(day - self._first_day, 0, self._usual_s.shape[1] - 1)]
        return self._clock.instant(day + (second >= usual), usual).astype(np.float64)

    def plugs_in(self, people: Population, who: Who, at: Ints, luck: Floats) -> Ints | slice:  # noqa: ARG002 - a record
        """All: each brings the SoC and the target of its next session."""
        rows = self._next[who]
        self._next[who] += 1
        people.arrive_with(who, at.astype(np.float64), self._soc[rows])
        people.target_soc[who] = self._target[rows]
        return slice(None)


def _usual_so_far(recorded: RecordedSessions, clock: Clock) -> tuple[int, Ints]:
    """The run's first local day, and (n_kinds, n_days) the usual plug-out of the days before each [s of the day]."""
    wall = WallClock(clock.timezone, int(recorded.plug_in_s.min()), int(recorded.plug_out_s.max()))
    day, second = np.divmod(wall.wall_s(recorded.plug_out_s), SECONDS_PER_DAY)
    first, last = clock.local(np.array([0.0, clock.end_s]))[0]
    days, kind = np.arange(first, last + 1), recorded.archetype[recorded.user]
    usual = [usual_so_far(second[kind == i], day[kind == i], days) for i in range(len(recorded.archetype_names))]
    return int(first), np.array(usual)


def first_and_target_soc(recorded: RecordedSessions, battery: Battery, rows: Ints) -> tuple[Floats, Floats]:
    """(n,) SoC at plug-in and target of some sessions [0-1]: apart by the energy that was recorded."""
    user, efficiency = recorded.user[rows], battery.charging_efficiency
    capacity, charger_kw = recorded.battery_kwh[user], recorded.charger_kw[user]
    rise = recorded.energy_kwh[rows] * efficiency / capacity
    first, target = np.maximum(TARGET_SOC - rise, 0.0), np.full(len(rows), TARGET_SOC)
    told = np.flatnonzero(recorded.soc[rows] + rise <= 1.0)  # a NaN is not
    soc = recorded.soc[rows[told]]
    wiring, forever = Wiring(charger_kw[told], efficiency / capacity[told]), np.full(len(told), np.inf)
    curve = ChargeCurve.from_percent(battery.charge_curve)
    hours = charge(curve, wiring, soc, wiring.charger_kw, soc + rise[told], forever).hours
    stay_h = (recorded.plug_out_s - recorded.plug_in_s)[rows[told]] / SECONDS_PER_HOUR
    in_time = hours <= np.maximum(stay_h, rise[told] / (wiring.soc_per_kwh * wiring.charger_kw))
    first[told[in_time]] = soc[in_time]
    target[told[in_time]] = (soc + rise[told])[in_time]
    return first, target


def targets_at(recorded: RecordedSessions, battery: Battery, user: Ints, plug_in_epoch_s: Ints) -> Floats:
    """(n,) target [0-1] of the recorded sessions of users that begin at UTC instants [s since 1970]."""
    targets = first_and_target_soc(recorded, battery, np.arange(len(recorded.user)))[1]
    span = int(max(recorded.plug_in_s.max(), np.max(plug_in_epoch_s, initial=0))) + 1
    key, sought = recorded.user * span + recorded.plug_in_s, user.astype(np.int64) * span + plug_in_epoch_s
    return targets[np.searchsorted(key, sought)]


def spawn_recorded(recorded: RecordedSessions, battery: Battery, clock: Clock) -> Population:
    """The users of recorded sessions, unplugged, at the SoC of their first one."""
    n = len(recorded.user_names)
    rows = np.searchsorted(recorded.user, np.arange(n))
    soc, target = first_and_target_soc(recorded, battery, rows)
    return Population(
        archetype=recorded.archetype.copy(),
        archetype_names=recorded.archetype_names,
        capacity_kwh=recorded.battery_kwh.copy(),
        charger_kw=recorded.charger_kw.copy(),
        efficiency=np.full(n, battery.charging_efficiency),
        target_soc=target,
        soc=soc,
        curve=ChargeCurve.from_percent(battery.charge_curve),
        clock=clock,
    )


__all__ = ["Replay", "first_and_target_soc", "spawn_recorded"]

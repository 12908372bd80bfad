"""When people come and go: the appointments of every day, drawn for all users at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from evsim._agenda import Batch, batch
from evsim._chance import MOST_SD, Chance, Purpose
from evsim._clock import Clock
from evsim._units import SECONDS_PER_DAY, SECONDS_PER_HOUR, SECONDS_PER_MINUTE, Floats, Ints, Who

if TYPE_CHECKING:
    from evsim._behaviour import Behaviour
    from evsim._user_archetype import UserArchetype

SHORTEST_STAY_S = SECONDS_PER_MINUTE
"""However the draws fall, a plug stays in, and out, for at least a minute (assumption A9)."""

FARTHEST_S = 12 * SECONDS_PER_HOUR
"""No draw moves a plug-in or plug-out by more than this from the archetype's time (assumption A9)."""

_BLOCK = 32_768


class Appointments(NamedTuple):
    """The sessions that begin on one local day; each (m,), instants in run seconds."""

    who: Who
    plug_in: Ints
    plug_out: Ints


class Day(NamedTuple):
    """The same, sorted for the agenda: (plug_in, who) and (plug_out, who)."""

    plug_ins: Batch
    plug_outs: Batch


class Diary:
    """Draws each day's plug-ins and plug-outs; days must be asked for in order.

    Times are the archetype's local times, give or take a habit (normal, per user, for good) and a daily
    spread (normal, per user and day). Below one plug-in a day, each evening is one with that probability.

    archetype : (n,) index of each user's; first_user : the first one's number in the whole population
    """

    def __init__(
        self,
        archetypes: Sequence[UserArchetype],
        archetype: Ints,
        behaviour: Behaviour,
        clock: Clock,
        chance: Chance,
        first_user: int = 0,
    ) -> None:
        self._clock, self._chance, self._first_user = clock, chance, first_user
        self._n = n = len(archetype)
        self._day_sd_s = behaviour.plug_time_day_sd_minutes * SECONDS_PER_MINUTE
        habit_sd_s = behaviour.plug_time_habit_sd_minutes * SECONDS_PER_MINUTE
        plug_in = np.array([a.plug_in_s for a in archetypes], np.float64)
        plug_out = np.array([a.plug_out_s for a in archetypes], np.float64)
        plug_out[plug_out <= plug_in] += SECONDS_PER_DAY
        self._centre = [plug_in[archetype], plug_out[archetype]]
        self._usual = [centre.copy() for centre in self._centre]
        if habit_sd_s:
            self._usual[0] += habit_sd_s * chance.normal(Purpose.HABIT_PLUG_IN, n, first_user=first_user)
            self._usual[1] += habit_sd_s * chance.normal(Purpose.HABIT_PLUG_OUT, n, first_user=first_user)
        strays = max(np.abs(usual - centre).max() for usual, centre in zip(self._usual, self._centre, strict=True))
        self._may_stray = bool(strays + MOST_SD * self._day_sd_s > FARTHEST_S)
        self._frequency = np.array([a.plug_in_frequency_per_day for a in archetypes])[archetype]
        self._always = bool((self._frequency >= 1).all())
        self._last_plug_out = np.full(n, np.iinfo(np.int64).min // 2)

    def entries(self, day: int) -> Day:
        """One day, ready for the agenda; a stay in progress when the run begins, begins with it."""
        stays, begin, step_s = self.day(day), self._clock.warm_up_s, self._clock.step_s
        if len(stays.who) and int(stays.plug_in.min()) < begin:
            last = stays.plug_out > begin
            stays = Appointments(*(column[last] for column in stays))
            np.maximum(stays.plug_in, begin, out=stays.plug_in)
        return Day(
            batch(step_s, stays.plug_in, stays.who),
            batch(step_s, stays.plug_out, stays.who),
        )

    def day(self, day: int) -> Appointments:
        """The sessions whose plug-in belongs to local day `day` (days since 1970-01-01)."""
        columns = Appointments(*(np.empty(self._n, np.int64) for _ in Appointments._fields))
        n = 0
        for first in range(0, self._n, _BLOCK):
            block = self._block(day, first)
            here = slice(n, n := n + len(block.who))
            for column, part in zip(columns, block, strict=True):
                column[here] = part
        return Appointments(*(column[:n] for column in columns))

    def expected_plug_out(self, who: Who, at_s: Floats) -> Floats:
        """When users usually leave next, after `at_s` (n,) [s]: what a charger has learnt, and not when they will."""
        usual = np.rint(self._usual[1][who]).astype(np.int64) % SECONDS_PER_DAY
        day, second = self._clock.local(at_s)
        return self._clock.instant(day + (second >= usual), usual).astype(np.float64)

    def _block(self, day: int, first: int) -> Appointments:
        """The same for one block of users: its arrays stay in the processor's cache."""
        here = slice(first, min(first + _BLOCK, self._n))
        who = np.arange(here.start, here.stop)
        plug_in = self._instants(day, 0, Purpose.DAY_PLUG_IN, here)
        plug_out = self._instants(day, 1, Purpose.DAY_PLUG_OUT, here)
        last = self._last_plug_out[here]
        np.maximum(plug_in, last + SHORTEST_STAY_S, out=plug_in)
        np.maximum(plug_out, plug_in + SHORTEST_STAY_S, out=plug_out)
        if self._always:
            last[:] = plug_out
            return Appointments(who, plug_in, plug_out)
        luck = self._chance.uniform(Purpose.PLUG_IN_EVENING, len(who), day, self._first_user + here.start)
        goes = np.flatnonzero(luck < self._frequency[here])
        last[goes] = plug_out[goes]
        return Appointments(who[goes], plug_in[goes], plug_out[goes])

    def _instants(self, day: int, which: int, purpose: Purpose, here: slice) -> Ints:
        wall: Floats = self._usual[which][here]
        if self._day_sd_s:
            wall = wall + self._day_sd_s * self._chance.normal(purpose, len(wall), day, self._first_user + here.start)
        if self._may_stray:
            centre = self._centre[which][here]
            wall = np.clip(wall, centre - FARTHEST_S, centre + FARTHEST_S)
        return self._clock.instant(day, np.rint(wall).astype(np.int64))

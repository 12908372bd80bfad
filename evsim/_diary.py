"""When people come and go: the outings of every day, drawn for all users at once."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeAlias

import numpy as np

from evsim import _plug_times as plug_times
from evsim._agenda import Batch, batch
from evsim._chance import Chance, Purpose
from evsim._clock import Clock
from evsim._days import Day, Days
from evsim._shapes import CappedLogNormal
from evsim._units import SECONDS_PER_HOUR, SECONDS_PER_MINUTE, Anything, Floats, Ints, Who, rows_where
from evsim._ways import Draw, Kind, Luck, Ways

if TYPE_CHECKING:
    from evsim._behaviour import Behaviour
    from evsim._user_archetype import UserArchetype

SHORTEST_STAY_S = SECONDS_PER_MINUTE
"""However the draws fall, a plug stays in, and out, for at least a minute (assumption A9)."""

_BLOCK = 16_384
_LONG_AGO = np.iinfo(np.int64).min // 2


class Outings(NamedTuple):
    """One outing of each user, on one local day; each (m,), instants in run seconds.

    leave, arrive : when the car goes and is home again; leg_s : how long each of its two trips takes [s], 0 for a
    car that is not driven; leg_miles, leg_kwh : what each takes; luck : of the decision to plug in on return
    """

    who: Who
    leave: Ints
    arrive: Ints
    leg_s: Ints
    leg_miles: Floats
    leg_kwh: Floats
    luck: Floats


class Entries(NamedTuple):
    """The same, sorted for the agenda.

    departures : (when, who, leg_s, leg_miles, leg_kwh, kWh of the trip home); homeward : the same without the last;
    arrivals : (when, who, luck)
    """

    departures: Batch
    homeward: Batch
    arrivals: Batch


class Appointments(Protocol):
    """Where a controller reads when people come and go; days are asked for in order."""

    def entries(self, day: int) -> Iterable[Entries]:
        """What local day `day` (days since 1970-01-01) brings, from the beginning of the warm-up on."""
        ...

    def opening(self) -> tuple[Batch, Who]:
        """Once its first days have been asked for, how the warm-up begins.

        Returns the arrivals (begin, who, luck) of those who are at home, and who is on the way with a car.
        """
        ...

    def expected_plug_out(self, who: Who, at_s: Floats) -> Floats:
        """When users usually leave next, after `at_s` (n,) [s]: what a charger knows, and not when they will."""
        ...


class Diary:
    """Draws each day's outings; days must be asked for in order.

    An outing begins with the plug-out of a day and ends with the plug-in that follows it; all its miles are driven in
    two trips, one after leaving and one before coming home. Times are the archetype's, moved by a
    habit (per user, for good) and a luck (per user and day), shaped as in `_plug_times`; a time that would fall before
    the one that must come first is drawn again from those that fall after it, with the same luck.

    archetype : (n,) index of each user's; first_user : the first one's number in the whole population
    """

    def __init__(
        self,
        archetypes: Sequence[UserArchetype],
        archetype: Ints,
        behaviour: Behaviour,
        days: Days,
        clock: Clock,
        chance: Chance,
        first_user: int = 0,
    ) -> None:
        self._days, self._clock, self._chance, self._first_user = days, clock, chance, first_user
        self._n = n = len(archetype)
        self._speed = behaviour.average_speed_mph
        self._ways = Ways(behaviour, chance, first_user, n)
        self._kinds = [Kind(a, behaviour, self._ways.scale) for a in archetypes]
        self._daily = CappedLogNormal.with_cv(behaviour.miles_cv_between_days)
        self._chunks = _chunks(archetype)
        self._home_since = np.full(n, _LONG_AGO)
        self._is_out, self._drives = np.zeros(n, np.bool_), np.zeros(n, np.bool_)
        self._luck_at_home = np.zeros(n)

    def mean_kwh_per_day(self) -> Floats:
        """(n,) each user's mean driving over a year [kWh a day]."""
        mean = np.ones(self._n) if self._ways.miles is None else self._ways.miles.copy()
        for here, index in self._runs():
            mean[here] *= self._kinds[index].miles_per_day * self._kinds[index].kwh_per_mile
        return mean

    def _runs(self) -> list[tuple[slice, int]]:
        return [run for _, runs in self._chunks for run in runs]

    # ---- for the controller

    def entries(self, day: int) -> Iterator[Entries]:
        """One day, ready for the agenda, some users at a time: so it is sorted in the processor's cache."""
        return map(self._sorted_entries, self.day(day))

    def _sorted_entries(self, outings: Outings) -> Entries:
        step_s, begin = self._clock.step_s, self._clock.warm_up_s
        who, leg = outings.who, outings[3:6]
        out: Columns = (outings.leave, who, *leg, outings.leg_kwh)
        back: Columns = (outings.arrive - outings.leg_s, who, *leg)
        driven, late = rows_where(outings.leg_s), None
        if len(who) and int(outings.leave.min()) <= begin:
            self._note_before(outings, begin)
            late = rows_where(outings.arrive >= begin)
            out, back = _from(begin, out, np.arange(len(who))), _from(begin, back, driven)
            driven = np.arange(len(back[0]))
        home = batch(step_s, outings.arrive, who, outings.luck, rows=late)
        return Entries(batch(step_s, *out), batch(step_s, *back, rows=driven), home)

    def _note_before(self, outings: Outings, begin: int) -> None:
        """Remember who is out, and with what luck those at home came home, when the warm-up begins."""
        left, back = rows_where(outings.leave <= begin), rows_where(outings.arrive < begin)
        self._is_out[outings.who[left]] = True
        leg_s = outings.leg_s[left]
        self._drives[outings.who[left]] = (leg_s > 0) & (outings.leave[left] + leg_s <= begin)  # the others set off yet
        self._is_out[outings.who[back]] = False
        self._luck_at_home[outings.who[back]] = outings.luck[back]

    def opening(self) -> tuple[Batch, Who]:
        """Those who are at home when the warm-up begins, and those who are on the way."""
        who = rows_where(~self._is_out)
        begin = np.full(len(who), self._clock.warm_up_s)
        return batch(self._clock.step_s, begin, who, self._luck_at_home[who]), rows_where(self._is_out & self._drives)

    def expected_plug_out(self, who: Who, at_s: Floats) -> Floats:
        """When users usually leave next, after `at_s` (n,) [s]: what a charger has learnt, and not when they will."""
        first, last = (int(self._clock.local(at)[0]) for at in (at_s.min(), at_s.max()))
        found = np.full(len(who), np.inf)
        for day in range(first - 1, last + 3):
            wall = self._usual_plug_out[self._days.day(day).is_working][who]
            usual = self._clock.instant(day, wall)
            rows = rows_where((usual > at_s) & (found == np.inf))
            found[rows] = usual[rows]
            if np.isfinite(found).all():
                break
        return found

    @cached_property
    def _usual_plug_out(self) -> dict[bool, Ints]:
        """(n,) usual, or typed, seconds after midnight, by whether it is a working day."""
        if self._ways.ready_by_s is not None:
            return {True: self._ways.ready_by_s, False: self._ways.ready_by_s}
        usual = {}
        for working, shape in plug_times.PLUG_OUT.items():
            usual[working] = np.empty(self._n, np.int64)
            for here, index in self._runs():
                usual[working][here] = self._ways.usual_plug_out_s(self._kinds[index], here, shape)
        return usual

    # ---- a day

    def day(self, day: int) -> Iterator[Outings]:
        """The outings that begin on local day `day` (days since 1970-01-01), some users at a time."""
        today = self._days.day(day)
        for chunk, runs in self._chunks:
            n, first = chunk.stop - chunk.start, chunk.start
            luck = Luck(self._chance, today, self._daily, first + self._first_user, n)
            parts = []
            for here, index in runs:
                mine = slice(here.start - first, here.stop - first)
                draw = Draw(self._ways, self._kinds[index], self._clock, self._days, today, luck, here, mine)
                parts.append(self._outings(today, here, self._kinds[index], draw))
            yield parts[0] if len(parts) == 1 else Outings._make(map(np.concatenate, zip(*parts, strict=True)))

    def _outings(self, today: Day, here: slice, kind: Kind, draw: Draw) -> Outings:
        """Those of some users of a kind: their arrays stay in the processor's cache."""
        last = self._home_since[here]
        leave = draw.departures(last + SHORTEST_STAY_S)
        miles = draw.miles()
        leg_s = np.rint(miles * (0.5 * SECONDS_PER_HOUR / self._speed)).astype(np.int64)
        np.maximum(leg_s, miles > 0, out=leg_s)  # the shortest trip takes a second
        early = draw.too_short_away(leg_s)
        if len(early):
            leave[early] = np.maximum(draw.afternoons(early), last[early] + SHORTEST_STAY_S)
        home_by = leave + np.maximum(2 * leg_s, SHORTEST_STAY_S)
        arrive = draw.arrivals(home_by)
        if len(early):
            arrive[early] = home_by[early]
        last[:] = arrive
        leg_miles = 0.5 * miles
        leg_kwh = leg_miles * (kind.kwh_per_mile * today.consumption)
        luck = draw.uniform(Purpose.PLUG_IN_EVENING) if kind.is_choosy else np.zeros(len(last))
        return Outings(np.arange(here.start, here.stop), leave, arrive, leg_s, leg_miles, leg_kwh, luck)


Columns: TypeAlias = tuple[Anything, ...]


def _from(begin: int, trips: Columns, rows: Ints) -> Columns:
    """Some trips (when, who, leg_s, leg_miles, leg_kwh, ...) from an instant on: of one under way, what is left."""
    at, leg_s = trips[0][rows], trips[2][rows]
    rows = rows[(at >= begin) | (at + leg_s > begin)]
    when, who, leg_s, miles, kwh, *others = (column[rows] for column in trips)
    past = np.maximum(begin - when, 0)
    left = 1 - past / np.maximum(leg_s, 1)
    return when + past, who, leg_s - past, miles * left, kwh * left, *others


def _chunks(archetype: Ints) -> list[tuple[slice, list[tuple[slice, int]]]]:
    """Users in chunks that stay in the processor's cache, and in each the runs of users of one archetype."""
    found = []
    for first in range(0, len(archetype), _BLOCK):
        kinds = archetype[first : first + _BLOCK]
        borders = [0, *(rows_where(np.diff(kinds)) + 1).tolist(), len(kinds)]
        runs = [(slice(first + a, first + b), int(kinds[a])) for a, b in itertools.pairwise(borders)]
        found.append((slice(first, first + len(kinds)), runs))
    return found


__all__ = ["SHORTEST_STAY_S", "Appointments", "Diary", "Entries", "Outings"]

"""The log read once, from front to back: every stay at the plug, and how each user's time was spent.

Reading it as it was appended takes a small part of the time of `EventStore.sessions`. It leans on what the verbs of
`Population` keep to: a user's events are in order, and a large group names each user once as a rule.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import NamedTuple, TypeAlias

import numpy as np

from evsim._event_kinds import EventKind
from evsim._events import EventStore, stable_order
from evsim._population import Population
from evsim._units import Anything, Floats, Ints

_Part: TypeAlias = Anything | float
"""A column of an appended group, or the number that all of it have."""

_Rows: TypeAlias = Anything | slice

SHORT_BY_SOC = 1e-6
"""A departure is short of its target by more than this [0-1]: the log keeps SoC as float32, right to 0.00000006."""


class PerUser(NamedTuple):
    """What adds up over the run, each (n_users,).

    plugged_s, charging_s, discharging_s : time plugged in, with power flowing into the battery, out of it [s]
    away_s : driven off and not home yet [s]
    n_departures, n_short : plug-outs, and those below target; short_kwh : what these missed [kWh, battery side]
    """

    plugged_s: Floats
    charging_s: Floats
    discharging_s: Floats
    away_s: Floats
    n_departures: Floats
    n_short: Floats
    short_kwh: Floats


class Values:
    """Columns of values that belong to archetypes, kept in the order of these: no sort is needed."""

    def __init__(self, n_archetypes: int, n_columns: int) -> None:
        self._n_columns = n_columns
        self._parts: list[list[tuple[Anything, ...]]] = [[] for _ in range(n_archetypes)]

    def add(self, archetype: Ints, *columns: Anything) -> None:
        """Add rows (m,); those of one archetype stand together as a rule."""
        if not len(archetype):
            return
        if (archetype == archetype[0]).all():
            self._parts[archetype[0]].append(columns)
            return
        for i in np.flatnonzero(np.bincount(archetype)):
            rows = np.flatnonzero(archetype == i)
            self._parts[i].append(tuple(column[rows] for column in columns))

    def laid_out(self) -> tuple[list[Anything], Ints]:
        """The columns, and where in them each archetype begins, (n_archetypes + 1,)."""
        lengths = [sum(len(part[0]) for part in parts) for parts in self._parts]
        parts = list(itertools.chain.from_iterable(self._parts)) or [tuple(np.zeros(0) for _ in range(self._n_columns))]
        columns = [np.concatenate([part[i] for part in parts]) for i in range(self._n_columns)]
        return columns, np.append(0, np.cumsum(lengths))


class LogReader:
    """Reads the log of a run that is over.

    per_user : what adds up; arrivals : SoC [0-1, float32] at each plug-in that happened in the run, not at those in
    progress when it began (`run_start`); whole : of each session with both ends in the run, import [kWh at the
    meter], plug-in to plug-out and time in which power flowed into the battery [s, int32]

    target_soc_of : given users and when they plugged in [s], the targets of these sessions [0-1]
    """

    def __init__(self, people: Population, target_soc_of: Callable[[Ints, Ints], Floats]) -> None:
        n, n_archetypes = len(people), len(people.archetype_names)
        self._people, self._archetype, self._target_soc_of = people, people.archetype, target_soc_of
        self._restated, self._outward = (people.events.reason_code(why) for why in ("run_start", "outward"))
        self.arrivals, self.whole = Values(n_archetypes, 1), Values(n_archetypes, 3)
        self._plugged_in_at, self._is_whole = np.zeros(n), np.zeros(n, np.bool_)
        self._charging_s, self._home_since, self._home_s = np.zeros(n), np.zeros(n), np.zeros(n)
        self._kwh, self._kwh_at_plug_in = np.zeros(n), np.zeros(n)
        self._scratch = np.zeros(n, np.int64)
        self.per_user = PerUser(*(np.zeros(n) for _ in PerUser._fields))
        self._read(people.events)
        self._close(float(people.clock.end_s))

    def _read(self, events: EventStore) -> None:
        for event, user, at, reason, soc, kwh in events.parts("event", "user", "at_s", "reason", "soc", "import_kwh"):
            if self._names_each_once(user):
                if isinstance(kwh, np.ndarray):
                    self._kwh[user] += kwh
                self._take(event, user, at, reason, soc, None)
            else:
                self._read_in_turns(event, user, at, reason, soc, kwh)

    def _names_each_once(self, user: Anything) -> bool:
        rows = np.arange(len(user))
        self._scratch[user] = rows
        return bool((self._scratch[user] == rows).all())

    def _read_in_turns(self, *part: _Part) -> None:
        """Read a group that names users several times: first each one's first event that is no report, and so on."""
        event, user, at, reason, soc, kwh = np.broadcast_arrays(*part)
        order = stable_order(user)
        who = user[order]
        first = np.searchsorted(who, who)
        upto = np.cumsum(kwh[order], dtype=np.float64)
        total = self._kwh[who] + upto - np.where(first > 0, upto[first - 1], 0.0)
        self._kwh[who] = total  # the last of each stays
        told = np.flatnonzero(event[order] != EventKind.REPORT)
        if not len(told):
            return
        turn = np.arange(len(told)) - np.searchsorted(who[told], who[told])
        in_turn = np.argsort(turn, kind="stable")
        for rows in np.split(told[in_turn], np.cumsum(np.bincount(turn))[:-1]):
            i = order[rows]
            self._take(event[i], user[i], at[i], reason[i], soc[i], total[rows])

    def _take(
        self, event: _Part, user: Anything, at: _Part, reason: _Part, soc: Anything, total: Anything | None
    ) -> None:
        """Events of users, each once; total : their import up to then [kWh], or None: as noted."""
        for kind, rows in _by_kind(event):
            who, when = user[rows], _of(at, rows)
            kwh = self._kwh[who] if total is None else total[rows]
            if kind == EventKind.PLUG_IN:
                self._plug_in(who, when, _of(reason, rows) != self._restated, soc[rows], kwh)
            elif kind == EventKind.CHARGE_START:
                self._charging_s[who] -= when
            elif kind == EventKind.CHARGE_STOP:
                self._charging_s[who] += when
            elif kind == EventKind.DISCHARGE_START:
                self.per_user.discharging_s[who] -= when
            elif kind == EventKind.DISCHARGE_STOP:
                self.per_user.discharging_s[who] += when
            elif kind == EventKind.PLUG_OUT:
                self._plug_out(who, when, soc[rows], kwh)
            elif kind == EventKind.TRIP_START:
                self._drive_off(who, when, _of(reason, rows) == self._outward)
            elif kind == EventKind.TRIP_END:
                self._home_since[who] = when  # or at work since: then the trip home puts it right

    def _plug_in(self, who: Anything, when: _Part, is_new: _Part, soc: Anything, kwh: Anything) -> None:
        self._plugged_in_at[who], self._is_whole[who] = when, is_new
        self._charging_s[who], self._kwh_at_plug_in[who] = 0.0, kwh
        rows = _where(is_new)
        self.arrivals.add(self._archetype[who[rows]], soc[rows])

    def _plug_out(self, who: Anything, when: _Part, soc: Anything, kwh: Anything) -> None:
        mine, charging_s, since = self.per_user, self._charging_s[who], self._plugged_in_at[who]
        plugged_s = when - since
        mine.plugged_s[who] += plugged_s
        mine.charging_s[who] += charging_s
        mine.n_departures[who] += 1
        rows = _where(self._is_whole[who])
        columns = kwh - self._kwh_at_plug_in[who], plugged_s.astype(np.int32), charging_s.astype(np.int32)
        self.whole.add(self._archetype[who[rows]], *(column[rows] for column in columns))
        missing = self._target_soc_of(who, since.astype(np.int64)) - soc
        short = np.flatnonzero(missing > SHORT_BY_SOC)
        late = who[short]
        mine.n_short[late] += 1
        mine.short_kwh[late] += missing[short] * self._people.capacity_kwh[late]

    def _drive_off(self, who: Anything, when: _Part, is_from_home: _Part) -> None:
        rows = _where(is_from_home)
        who = who[rows]
        self._home_s[who] += _of(when, rows) - self._home_since[who]

    def _close(self, end_s: float) -> None:
        """Count what is in progress when the run ends."""
        mine, people = self.per_user, self._people
        mine.plugged_s[:] += people.is_plugged_in * (end_s - self._plugged_in_at)
        mine.charging_s[:] += people.is_plugged_in * (self._charging_s + end_s * people.is_charging)
        mine.discharging_s[:] += end_s * people.is_discharging
        mine.away_s[:] = end_s - self._home_s - ~people.is_away * (end_s - self._home_since)


def _by_kind(event: _Part) -> Iterator[tuple[int, _Rows]]:
    """The kinds in a group but for reports, and their rows."""
    if not isinstance(event, np.ndarray):
        yield int(event), slice(None)
    elif event[0] == event[-1] and (event == event[0]).all():
        yield int(event[0]), slice(None)
    else:
        rows = np.flatnonzero(event != EventKind.REPORT)
        kinds = event[rows]
        yield from ((kind, rows[kinds == kind]) for kind in np.flatnonzero(np.bincount(kinds)).tolist())


def _where(holds: _Part) -> _Rows:
    """The rows for which it holds, which is mostly all of them."""
    if np.all(holds):
        return slice(None)
    return np.flatnonzero(holds) if isinstance(holds, np.ndarray) else slice(0)


def _of(part: _Part, rows: _Rows) -> _Part:
    """Some rows of a part, or the number that all have."""
    return part[rows] if isinstance(part, np.ndarray) else part

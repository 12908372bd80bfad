"""The event streams: append-only columns for all users, and the log of one user as a view of them.

An event's energy is what passed the meter since the same user's previous event, so energies simply add
up. Each user's rounding to float32 is carried to its next event, so a sum over a log is right to
one rounding, however many events it has.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from evsim._clock import Clock, Moment
from evsim._units import SECONDS_PER_HOUR, Anything, Floats, Ints, pieces

if TYPE_CHECKING:
    import pyarrow as pa


class EventKind(enum.IntEnum):
    """What happened; within an instant, causes come before effects."""

    REPORT = 0
    PLUG_IN = 1
    CHARGE_START = 2
    POWER_CHANGE = 3
    CHARGE_STOP = 4
    PLUG_OUT = 5
    TRIP_START = 6
    TRIP_END = 7
    PUBLIC_CHARGE = 8

    @property
    def label(self) -> str:
        """The name in files: `plug_in`, `charge_start`, ..."""
        return self.name.lower()


KNOWN_REASONS = (
    "by_hand",
    "run_start",
    "step_end",
    "habit",
    "arrived",
    "target_reached",
    "unplugged",
    "window_open",
    "window_closed",
    "ordered",
    "order_ended",
    "no_order",
)
"""Reasons with a fixed code; a strategy's own are added behind them as they are first used."""

_MOST_REASONS = 256
_INDEX_AT_ONCE = 1 << 20
_SCANS_BEFORE_INDEX = 4
_LOW_BITS = 16


class Event(NamedTuple):
    """One row of a log: instant (UTC), what, why, SoC after it [0-1], energy at the meter since the last row [kWh]."""

    at: np.datetime64
    event: str
    reason: str
    soc: float
    import_kwh: float
    export_kwh: float


class Session(NamedTuple):
    """Plug-in to plug-out; what has not happened by the run's end is None. SoC [0-1], energy at the meter [kWh]."""

    plug_in: np.datetime64
    plug_out: np.datetime64 | None
    plug_in_soc: float
    plug_out_soc: float | None
    charge_start: np.datetime64 | None
    charge_stop: np.datetime64 | None
    import_kwh: float
    export_kwh: float


class Sessions(NamedTuple):
    """All sessions as columns, each (n,), by user and then time; `NaT` and NaN where an end is open.

    user : index; plug_in, plug_out, charge_start (first), charge_stop (last) : datetime64[s] UTC;
    plug_in_soc, plug_out_soc : [0-1]; import_kwh, export_kwh : at the meter [kWh]
    """

    user: Ints
    plug_in: Anything
    plug_out: Anything
    plug_in_soc: Floats
    plug_out_soc: Floats
    charge_start: Anything
    charge_stop: Anything
    import_kwh: Floats
    export_kwh: Floats


_COLUMNS = {
    "at_s": np.int32,
    "user": np.int32,
    "event": np.uint8,
    "reason": np.uint8,
    "soc": np.float32,
    "import_kwh": np.float32,
    "export_kwh": np.float32,
}


class EventStore:
    """All streams as columns; append-only, never edited.

    A value that is the same for a whole appended group (the instant of a report, a reason, no energy) is kept
    once: about 12 bytes an event instead of 22, because touching fresh memory is what a large run pays
    most for. A column is laid out in full when it is first read.
    """

    def __init__(self, clock: Clock, archetype: Ints, archetype_names: Sequence[str]) -> None:
        self.clock = clock
        self.archetype, self.archetype_names = archetype, tuple(archetype_names)
        self.reasons: list[str] = list(KNOWN_REASONS)
        self._codes = {name: code for code, name in enumerate(self.reasons)}
        self._lengths: list[int] = []
        self._parts: dict[str, list[Anything | float]] = {name: [] for name in _COLUMNS}
        self._whole: dict[str, Anything] = {}
        self._n = 0
        self._index: tuple[int, Ints, Ints] | None = None
        self._n_scans = 0

    def __len__(self) -> int:
        return self._n

    def append(
        self,
        at_s: Anything | float,
        user: Anything,
        event: EventKind,
        reason: Anything | int,
        soc: Anything,
        import_kwh: Anything | float = 0.0,
        export_kwh: Anything | float = 0.0,
    ) -> None:
        """Append one event for each of `user` (m,); the others are (m,) or the same for all."""
        if not len(user):
            return
        self._lengths.append(len(user))
        self._n += len(user)
        row = (at_s, user, event, reason, soc, import_kwh, export_kwh)
        for (name, kind), value in zip(_COLUMNS.items(), row, strict=True):
            part = value.astype(kind) if isinstance(value, np.ndarray) else value
            self._parts[name].append(part)

    @classmethod
    def joined(cls, stores: Sequence[EventStore]) -> EventStore:
        """One store of several, whose users follow one another; the parts are taken over, not copied."""
        archetype = np.concatenate([store.archetype for store in stores])
        whole = cls(stores[0].clock, archetype, stores[0].archetype_names)
        first = 0
        for store in stores:
            code = np.array([whole.reason_code(name) for name in store.reasons], np.uint8)
            same = (code == np.arange(len(code))).all()
            for user in store._parts["user"]:
                np.add(user, np.int32(first), out=user)
            if not same:
                store._parts["reason"] = [code[part] for part in store._parts["reason"]]
            for name, parts in store._parts.items():
                whole._parts[name] += parts
            whole._lengths += store._lengths
            whole._n += len(store)
            first += len(store.archetype)
        return whole

    def column(self, name: str) -> Anything:
        """One column, in order of appending: at_s, user, event, reason, soc, import_kwh or export_kwh."""
        laid_out = self._whole.get(name)
        if laid_out is None or len(laid_out) < self._n:
            laid_out = np.empty(self._n, _COLUMNS[name])
            at = 0
            for length, part in zip(self._lengths, self._parts[name], strict=True):
                laid_out[at : at + length] = part
                at += length
            laid_out.flags.writeable = False
            self._whole[name] = laid_out
            self._parts[name] = list(np.split(laid_out, np.cumsum(self._lengths)[:-1])) if self._n else []
        return laid_out

    def parts(self, *names: str) -> Iterator[tuple[Any, ...]]:
        """The columns group by group as appended: arrays (m,), or a number where all the group has the same."""
        return zip(*(self._parts[name] for name in names), strict=True)

    def reason_code(self, name: str) -> int:
        """The code of a reason, adding it when it is new (at most 256 in a run)."""
        code = self._codes.get(name)
        if code is None:
            if len(self.reasons) == _MOST_REASONS:
                raise ValueError(f"a run can hold {_MOST_REASONS} different reasons; {name!r} would be one more")
            code = self._codes[name] = len(self.reasons)
            self.reasons.append(name)
        return code

    # ---- one user

    def of(self, user: int) -> EventLog:
        """The log of one user."""
        if self._index is None or self._index[0] != self._n:
            self._n_scans += 1
            if self._n_scans <= _SCANS_BEFORE_INDEX and self._n > _INDEX_AT_ONCE:
                return EventLog(self, np.flatnonzero(self.column("user") == user))
        order, bounds = self.by_user()
        return EventLog(self, order[bounds[user] : bounds[user + 1]])

    def by_user(self) -> tuple[Ints, Ints]:
        """Rows sorted by user (and within a user as appended), and where each user's begin; made once.

        Returns (order (n,), bounds (n_users + 1,)): user u's rows are order[bounds[u]:bounds[u + 1]].
        """
        if self._index is None or self._index[0] != self._n:
            user = self.column("user")
            order = stable_order(user)
            n_users = len(self.archetype)
            bounds = np.zeros(n_users + 1, np.int64)
            np.cumsum(np.bincount(user, minlength=n_users), out=bounds[1:])
            self._index = (self._n, order, bounds)
        return self._index[1], self._index[2]

    # ---- all users

    def import_kwh_by_user(self) -> Floats:
        """(n_users,) energy at the meter [kWh] of each user, summed from the events."""
        total = np.zeros(len(self.archetype))
        for user, kwh in self.parts("user", "import_kwh"):
            if isinstance(kwh, np.ndarray):
                np.add.at(total, user, kwh.astype(np.float64))
        return total

    def import_kwh_by_step(self) -> Floats:
        """(n_steps, n_archetypes) energy at the meter [kWh] in each step, summed from the events.

        An event's energy flowed in the step that ends at or after it.
        """
        return self._by_step("import_kwh")

    def export_kwh_by_step(self) -> Floats:
        """The same for export [kWh]."""
        return self._by_step("export_kwh")

    def _by_step(self, column: str) -> Floats:
        total = np.zeros((self.clock.n_steps, len(self.archetype_names)))
        at_s, user, kwh = self.column("at_s"), self.column("user"), self.column(column)
        for piece in pieces(self._n):
            step = np.maximum(at_s[piece] - 1, 0) // self.clock.step_s
            np.add.at(total, (step, self.archetype[user[piece]]), kwh[piece].astype(np.float64))
        return total

    def sessions(self) -> Sessions:
        """Every session of every user, by user and then time."""
        order, _ = self.by_user()
        kind = self.column("event")[order]
        first = np.flatnonzero(kind == EventKind.PLUG_IN)
        n = len(first)
        number = np.cumsum(kind == EventKind.PLUG_IN) - 1
        at = self.clock.to_utc(self.column("at_s")[order])
        soc = self.column("soc")[order].astype(np.float64)

        def instants(rows: Ints) -> Anything:
            when = np.full(n, np.datetime64("NaT"), "datetime64[s]")
            when[number[rows]] = at[rows]
            return when

        out = np.flatnonzero(kind == EventKind.PLUG_OUT)
        starts = np.flatnonzero(kind == EventKind.CHARGE_START)
        stops = np.flatnonzero(kind == EventKind.CHARGE_STOP)
        plug_out_soc = np.full(n, np.nan)
        plug_out_soc[number[out]] = soc[out]
        still_on = np.zeros(n, np.int64)
        np.add.at(still_on, number[starts], 1)
        np.subtract.at(still_on, number[stops], 1)
        charge_stop = instants(stops)
        charge_stop[still_on > 0] = np.datetime64("NaT")

        def energies(name: str) -> Floats:
            if n == 0:
                return np.zeros(0)
            return np.add.reduceat(self.column(name)[order], first, dtype=np.float64)

        return Sessions(
            self.column("user")[order][first].astype(np.int64),
            at[first],
            instants(out),
            soc[first],
            plug_out_soc,
            instants(starts[::-1]),
            charge_stop,
            energies("import_kwh"),
            energies("export_kwh"),
        )

    def in_time_order(self) -> Ints:
        """(n,) rows by instant, then user, then as appended."""
        order, _ = self.by_user()
        return order[stable_order(self.column("at_s")[order])]

    def to_arrow(self) -> pa.Table:
        """The streams as an Arrow table, by time and then user, with the columns of `events.parquet`."""
        from evsim._arrow import events_table

        return events_table(self)


def stable_order(keys: Anything) -> Ints:
    """A stable argsort of non-negative int32 keys, by 16 bits at a time (numpy's radix sort)."""
    low = (keys & ((1 << _LOW_BITS) - 1)).astype(np.uint16)
    order = np.argsort(low, kind="stable")
    high = (keys >> _LOW_BITS).astype(np.uint16)
    if not high.any():
        return order
    return order[np.argsort(high[order], kind="stable")]


class EventLog:
    """One user's stream: a view of the store's columns, as it is when you ask.

    Instants are typed as ISO text, datetime or datetime64, in UTC unless they carry an offset.
    """

    def __init__(self, store: EventStore, rows: Ints) -> None:
        self._store = store
        self._rows = rows

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[Event]:
        columns = (self._of(name).tolist() for name in ("event", "reason", "soc", "import_kwh", "export_kwh"))
        for at, kind, reason, soc, taken, given in zip(self.times, *columns, strict=True):
            yield Event(at, EventKind(kind).label, self._store.reasons[reason], soc, taken, given)

    def __repr__(self) -> str:
        return f"<EventLog: {len(self)} events>"

    def _of(self, column: str) -> Anything:
        return self._store.column(column)[self._rows]

    @property
    def times(self) -> Anything:
        """(n,) instants of the events, datetime64[s], UTC."""
        return self._store.clock.to_utc(self._of("at_s"))

    def energy_kwh(self, start: Moment | None = None, end: Moment | None = None) -> float:
        """Energy imported between two instants [kWh at the meter]; the whole log by default.

        Between two events the energy is spread evenly: exact at step boundaries and wherever power
        is constant, close inside a step of a tapering charge.
        """
        return self._between("import_kwh", start, end)

    def export_kwh(self, start: Moment | None = None, end: Moment | None = None) -> float:
        """Energy exported between two instants [kWh at the meter]."""
        return self._between("export_kwh", start, end)

    def power_kw(self, at: Moment, end: Moment | None = None) -> float:
        """Mean net power (import less export) [kW at the meter] from `at` to `end`, or power at the instant `at`.

        At an instant at which power changes it is the power after the change.
        """
        clock = self._store.clock
        if end is None:
            return self._power_at(clock.seconds(at))
        hours = (clock.seconds(end) - clock.seconds(at)) / SECONDS_PER_HOUR
        if hours <= 0:
            raise ValueError(f"the interval from {at} to {end} has no length; give an end after the start")
        return (self.energy_kwh(at, end) - self.export_kwh(at, end)) / hours

    def _power_at(self, at_s: float) -> float:
        times = self._seconds
        i = int(np.searchsorted(times, at_s, side="right"))
        if i in (0, len(times)) or times[i] == times[i - 1]:
            return 0.0
        net = float(self._of("import_kwh")[i]) - float(self._of("export_kwh")[i])
        return net * SECONDS_PER_HOUR / float(times[i] - times[i - 1])

    def soc(self, at: Moment) -> float:
        """State of charge at an instant [0-1]; straight between two events of a charge or a trip."""
        times, soc = self._seconds, self._of("soc").astype(np.float64)
        at_s = self._store.clock.seconds(at)
        if not len(times) or at_s < times[0]:
            raise ValueError(f"the log begins at {self.times[0] if len(times) else 'no time'}; {at} is before it")
        i = int(np.searchsorted(times, at_s, side="right"))
        if i == len(times) or self._of("event")[i] == EventKind.PLUG_IN:
            return float(soc[i - 1])
        return float(np.interp(at_s, times[i - 1 : i + 1], soc[i - 1 : i + 1]))

    def charge_starts(self) -> Anything:
        """When charging started, datetime64[s], UTC."""
        return self._when(EventKind.CHARGE_START)

    def charge_stops(self) -> Anything:
        """When charging stopped, datetime64[s], UTC."""
        return self._when(EventKind.CHARGE_STOP)

    def sessions(self) -> list[Session]:
        """Plug-in to plug-out, in order; an open end is None."""
        kinds = self._of("event")
        begins = np.flatnonzero(kinds == EventKind.PLUG_IN)
        ends = np.append(begins, len(kinds))[1:]
        return [self._session(kinds, int(a), int(b)) for a, b in zip(begins, ends, strict=True)]

    def _session(self, kinds: Anything, first: int, end: int) -> Session:
        def at(kind: EventKind, which: int) -> int | None:
            rows = np.flatnonzero(kinds[first:end] == kind)
            return first + int(rows[which]) if len(rows) else None

        out, on, off = at(EventKind.PLUG_OUT, 0), at(EventKind.CHARGE_START, 0), at(EventKind.CHARGE_STOP, -1)
        again = at(EventKind.CHARGE_START, -1)
        if off is not None and again is not None and again > off:
            off = None
        times, soc = self.times, self._of("soc")
        return Session(
            times[first],
            None if out is None else times[out],
            float(soc[first]),
            None if out is None else float(soc[out]),
            None if on is None else times[on],
            None if off is None else times[off],
            float(self._of("import_kwh")[first:end].sum(dtype=np.float64)),
            float(self._of("export_kwh")[first:end].sum(dtype=np.float64)),
        )

    @cached_property
    def _seconds(self) -> Ints:
        return self._of("at_s").astype(np.int64)

    def _when(self, kind: EventKind) -> Anything:
        return self.times[self._of("event") == kind]

    def _between(self, column: str, start: Moment | None, end: Moment | None) -> float:
        energy = self._of(column)
        if start is None and end is None:
            return float(energy.sum(dtype=np.float64))
        clock, times = self._store.clock, self._seconds
        if not len(times):
            return 0.0
        total = np.cumsum(energy, dtype=np.float64)
        before = float(np.interp(clock.seconds(start), times, total)) if start is not None else 0.0
        upto = float(np.interp(clock.seconds(end), times, total)) if end is not None else float(total[-1])
        return upto - before

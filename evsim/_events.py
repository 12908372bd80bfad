"""The event streams of all users: append-only columns.

An event's energy is what passed the meter since the same user's previous event, so energies simply add
up. Each user's rounding to float32 is carried to its next event, so a sum over a log is right to
one rounding, however many events it has.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from evsim._clock import Clock
from evsim._errors import InvariantError, StrategyError
from evsim._event_kinds import KNOWN_REASONS, EventKind
from evsim._event_log import EventLog
from evsim._pages import Pages
from evsim._units import Anything, Floats, Ints, pieces

if TYPE_CHECKING:
    import pyarrow as pa

_MOST_REASONS = 256
_INDEX_AT_ONCE = 1 << 20
_FEW, _OPEN = 1 << 10, 1 << 14
"""Groups of events up to this size are collected, and up to so many events in one part."""
_SCANS_BEFORE_INDEX = 4
_LOW_BITS = 16


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
        self._pages: Pages | None = None
        self._open = {name: np.empty(_OPEN, kind) for name, kind in _COLUMNS.items()}
        self._n_open = 0
        self._n = 0
        self._index: tuple[int, Ints, Ints] | None = None
        self._n_scans = 0

    def __len__(self) -> int:
        return self._n

    def __repr__(self) -> str:
        return f"<EventStore: {self._n:,} events of {len(self.archetype):,} users>"

    def append(
        self,
        at_s: Anything | float,
        user: Anything,
        event: Anything | EventKind,
        reason: Anything | int,
        soc: Anything,
        import_kwh: Anything | float = 0.0,
        export_kwh: Anything | float = 0.0,
    ) -> None:
        """Append one event for each of `user` (m,); the others are (m,) or the same for all."""
        n = len(user)
        if not n:
            return
        row = (at_s, user, event, reason, soc, import_kwh, export_kwh)
        if n <= _FEW:
            self._append_few(n, row)
            return
        self._close()
        self._lengths.append(n)
        self._n += n
        for (name, kind), value in zip(_COLUMNS.items(), row, strict=True):
            part = self._own(value, kind) if isinstance(value, np.ndarray) else value
            self._parts[name].append(part)

    def _own(self, value: Anything, kind: type) -> Anything:
        """A copy of a column, in the kind and the memory in which it is kept."""
        if self._pages is None:
            return value.astype(kind)
        part = self._pages.empty(len(value), kind)
        part[:] = value
        return part

    def keep_in(self, pages: Pages) -> None:
        """Keep what is appended from now on in memory that processes share."""
        self._pages = pages

    def for_parent(self) -> tuple[Any, ...]:
        """What the parent of this process needs to know of the log, which lies in shared memory."""
        self._close()
        pages = self._pages
        if pages is None:
            raise InvariantError("a log that is not shared cannot be handed to another process")
        parts = {
            name: [pages.place_of(part) if isinstance(part, np.ndarray) else (part,) for part in column]
            for name, column in self._parts.items()
        }
        return self._lengths, parts, self.reasons

    def take_from_child(self, told: tuple[Any, ...]) -> None:
        """Be the log that a child has kept in the shared memory."""
        self._lengths, parts, reasons = told
        for name in reasons[len(self.reasons) :]:
            self.reason_code(name)
        pages, self._pages = self._pages, None
        if pages is None:
            raise InvariantError("a log that is not shared cannot be taken from another process")
        memory, self._n = pages.whole(), sum(self._lengths)
        for name, kind in _COLUMNS.items():
            self._parts[name] = [
                part[0] if isinstance(part, tuple) else np.frombuffer(memory, kind, length, part)
                for length, part in zip(self._lengths, parts[name], strict=True)
            ]

    def _append_few(self, n: int, row: tuple[Any, ...]) -> None:
        """Collect small groups, which would cost more to keep apart."""
        if self._n_open + n > _OPEN:
            self._close()
        here = slice(self._n_open, self._n_open + n)
        for column, value in zip(self._open.values(), row, strict=True):
            column[here] = value
        self._n_open += n
        self._n += n

    def _close(self) -> None:
        """Make one part of the small groups collected so far."""
        if self._n_open:
            self._lengths.append(self._n_open)
            for name, column in self._open.items():
                self._parts[name].append(self._own(column[: self._n_open], column.dtype.type))
            self._n_open = 0

    @classmethod
    def joined(cls, stores: Sequence[EventStore]) -> EventStore:
        """One store of several, whose users follow one another; the parts are taken over, not copied."""
        archetype = np.concatenate([store.archetype for store in stores])
        whole = cls(stores[0].clock, archetype, stores[0].archetype_names)
        first = 0
        for store in stores:
            store._close()
            code = np.array([whole.reason_code(name) for name in store.reasons], np.uint8)
            same = (code == np.arange(len(code))).all()
            for user in store._arrays("user"):
                np.add(user, np.int32(first), out=user)
            if not same:
                store._parts["reason"] = [code[np.asarray(part, np.int64)] for part in store._parts["reason"]]
            for name, parts in store._parts.items():
                whole._parts[name] += parts
            whole._lengths += store._lengths
            whole._n += len(store)
            first += len(store.archetype)
        return whole

    def column(self, name: str) -> Anything:
        """One column, in order of appending: at_s, user, event, reason, soc, import_kwh or export_kwh."""
        self._close()
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

    def _arrays(self, name: str) -> list[Anything]:
        return [part for part in self._parts[name] if isinstance(part, np.ndarray)]

    def parts(self, *names: str) -> Iterator[tuple[Any, ...]]:
        """The columns group by group as appended: arrays (m,), or a number where all the group has the same."""
        self._close()
        return zip(*(self._parts[name] for name in names), strict=True)

    def reason_code(self, name: str) -> int:
        """The code of a reason, adding it when it is new (at most 256 in a run)."""
        code = self._codes.get(name)
        if code is None:
            if len(self.reasons) == _MOST_REASONS:
                raise StrategyError(
                    f"a run can hold {_MOST_REASONS} different reasons, and {name!r} would be one more; "
                    "a reason is a word, and not a number or a name"
                )
            code = self._codes[name] = len(self.reasons)
            self.reasons.append(name)
        return code

    # ---- one user

    def of(self, user: int) -> EventLog:
        """The log of one user; raises IndexError when there is no such user."""
        user = range(len(self.archetype))[user]
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
        return self._by_user("import_kwh")

    def export_kwh_by_user(self) -> Floats:
        """The same for export [kWh]."""
        return self._by_user("export_kwh")

    def _by_user(self, column: str) -> Floats:
        total = np.zeros(len(self.archetype))
        for user, kwh in self.parts("user", column):
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
        is_first = kind == EventKind.PLUG_IN
        first = np.flatnonzero(is_first)
        n = len(first)
        number = np.cumsum(is_first, dtype=np.int32) - 1

        def rows(what: EventKind) -> Ints:
            return np.flatnonzero(kind == what)

        def at(rows: Ints) -> Anything:
            return self.clock.to_utc(self.column("at_s")[order[rows]])

        def soc(rows: Ints) -> Floats:
            return self.column("soc")[order[rows]].astype(np.float64)

        def instants(rows: Ints) -> Anything:
            when = np.full(n, np.datetime64("NaT", "s"), "datetime64[s]")
            when[number[rows]] = at(rows)
            return when

        def energies(name: str) -> Floats:
            kwh = self.column(name)
            if n == 0 or not kwh.any():
                return np.zeros(n)
            return np.add.reduceat(kwh[order], first, dtype=np.float64)

        out, starts, stops = (
            rows(what) for what in (EventKind.PLUG_OUT, EventKind.CHARGE_START, EventKind.CHARGE_STOP)
        )
        plug_out_soc = np.full(n, np.nan)
        plug_out_soc[number[out]] = soc(out)
        still_on = np.bincount(number[starts], minlength=n) - np.bincount(number[stops], minlength=n)
        charge_stop = instants(stops)
        charge_stop[still_on > 0] = np.datetime64("NaT", "s")
        return Sessions(
            self.column("user")[order[first]].astype(np.int64),
            at(first),
            instants(out),
            soc(first),
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

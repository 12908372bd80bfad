"""The log of one user: a view of the event store, with the questions one asks of it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from evsim._clock import Moment
from evsim._event_kinds import EventKind
from evsim._units import SECONDS_PER_HOUR, Anything, Ints

if TYPE_CHECKING:
    from evsim._events import EventStore


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

    def discharge_starts(self) -> Anything:
        """When power began to flow out of the battery, datetime64[s], UTC."""
        return self._when(EventKind.DISCHARGE_START)

    def discharge_stops(self) -> Anything:
        """When power ceased to flow out of the battery, datetime64[s], UTC."""
        return self._when(EventKind.DISCHARGE_STOP)

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
        return self.times[np.flatnonzero(self._of("event") == kind)]

    def _between(self, column: str, start: Moment | None, end: Moment | None) -> float:
        energy = self._of(column)
        if start is None and end is None:
            return float(energy.sum(dtype=np.float64))
        clock, times = self._store.clock, self._seconds
        if start is not None and end is not None and clock.seconds(end) < clock.seconds(start):
            raise ValueError(f"the interval from {start} to {end} ends before it begins; give an end after the start")
        if not len(times):
            return 0.0
        total = np.cumsum(energy, dtype=np.float64)
        before = float(np.interp(clock.seconds(start), times, total)) if start is not None else 0.0
        upto = float(np.interp(clock.seconds(end), times, total)) if end is not None else float(total[-1])
        return upto - before

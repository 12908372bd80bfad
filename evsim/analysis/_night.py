"""One driver's night, the same under every variant: which driver, and what happened."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from evsim._clock import Clock
from evsim._event_kinds import EventKind
from evsim._results import Results
from evsim._series import Signal
from evsim._units import SECONDS_PER_DAY, SECONDS_PER_HOUR, Floats

_NOON_S = SECONDS_PER_DAY // 2
_LEAST_KWH = 0.1
"""A session with less at the meter is none worth looking at: our choice, as in a validation."""


class Example(NamedTuple):
    """The driver who is looked at, and from when to when [s of the run].

    n_whole : how many drivers had a whole session then; by the energy of theirs, this one is in the middle
    """

    user: int
    begin_s: int
    end_s: int
    n_whole: int


@dataclass(frozen=True)
class Night:
    """A driver's night under one variant; instants are seconds from its beginning.

    edges : (n + 1,) rising, and power_kw : (n,) the mean power between them [kW at the meter; negative where it is
    given back]
    soc_at, soc : (m,) state of charge [0-1], straight between two instants
    plug_ins, plug_outs : the instants of either
    import_kwh, export_kwh : at the meter [kWh]; cost_gbp : what these cost less what they earn, NaN without a price
    """

    archetype: str
    charger_kw: float
    edges: Floats
    power_kw: Floats
    soc_at: Floats
    soc: Floats
    plug_ins: Floats
    plug_outs: Floats
    import_kwh: float
    export_kwh: float
    cost_gbp: float


def example_of(results: Results) -> Example | None:
    """The driver in the middle, by the energy of their session, of those with a whole one in the run's first night.

    That night is the first from noon to noon that lasts 24 hours; of a run that has none, its first day. None when
    nobody charges then.
    """
    begin_s, end_s = _night_of(results.clock)
    found = results.events.sessions()
    came, left = (results.clock.run_seconds(at) for at in (found.plug_in, found.plug_out))
    is_whole = ~np.isnat(found.plug_out) & (came >= begin_s) & (left <= end_s) & (found.import_kwh > _LEAST_KWH)
    is_whole &= came > 0
    rows = np.flatnonzero(is_whole)
    if not len(rows):
        return None
    by_energy = rows[np.argsort(found.import_kwh[rows], kind="stable")]
    user = int(found.user[by_energy[(len(rows) - 1) // 2]])
    return Example(user, begin_s, end_s, len(np.unique(found.user[rows])))


def night_of(results: Results, example: Example) -> Night | None:
    """That driver's night in a run; None when there is no such driver."""
    if not 0 <= example.user < len(results.users):
        return None
    begin, end = example.begin_s, example.end_s
    events = results.events
    rows = events.of(example.user)._rows
    at = events.column("at_s")[rows].astype(np.float64)
    kind, soc = events.column("event")[rows], events.column("soc")[rows].astype(np.float64)
    edges = np.unique(np.concatenate(([begin], at[(at > begin) & (at < end)], [end]))).astype(np.float64)
    drawn, given = (
        np.diff(np.interp(edges, at, np.cumsum(events.column(name)[rows], dtype=np.float64)))
        for name in ("import_kwh", "export_kwh")
    )
    soc_at, soc = _levels(at, soc, kind)
    inside = (soc_at > begin) & (soc_at < end)
    ends = np.interp([begin, end], soc_at, soc)
    during = (at >= begin) & (at <= end) & (at > 0)  # at 0 a stay that began before the run is told again
    cost = _worth(results.signals.import_price, edges, drawn)
    if given.any():
        cost -= _worth(results.signals.export_price, edges, given)
    return Night(
        archetype=results.archetypes[int(results.users.archetype[example.user])],
        charger_kw=float(results.users.charger_kw[example.user]),
        edges=edges - begin,
        power_kw=(drawn - given) / np.diff(edges) * SECONDS_PER_HOUR,
        soc_at=np.concatenate(([0.0], soc_at[inside] - begin, [float(end - begin)])),
        soc=np.concatenate((ends[:1], soc[inside], ends[1:])),
        plug_ins=at[during & (kind == EventKind.PLUG_IN)] - begin,
        plug_outs=at[during & (kind == EventKind.PLUG_OUT)] - begin,
        import_kwh=float(drawn.sum()),
        export_kwh=float(given.sum()),
        cost_gbp=cost,
    )


def _worth(price: Signal | None, edges: Floats, kwh: Floats) -> float:
    """Energy at the prices of its time [GBP]; NaN without a price."""
    return np.nan if price is None else float((price.actual.mean(edges[:-1], edges[1:]) * kwh).sum())


def _levels(at: Floats, soc: Floats, kind: Floats) -> tuple[Floats, Floats]:
    """Instants and SoC between which it is straight: a plug-in may find another SoC than the log's last."""
    jumps = np.flatnonzero(kind[1:] == EventKind.PLUG_IN) + 1
    return np.insert(at, jumps, at[jumps]), np.insert(soc, jumps, soc[jumps - 1])


def _night_of(clock: Clock) -> tuple[int, int]:
    """From when to when the night is that is looked at [s]."""
    first, last = (int(day) for day in clock.local(np.array([0, clock.end_s], np.float64))[0])
    noons = clock.instant(np.arange(first, last + 2), _NOON_S)
    fits = (noons[:-1] >= 0) & (noons[1:] <= clock.end_s) & (np.diff(noons) == SECONDS_PER_DAY)
    if fits.any():
        begin = int(noons[int(np.argmax(fits))])
        return begin, begin + SECONDS_PER_DAY
    return 0, min(clock.end_s, SECONDS_PER_DAY)

"""What a run leaves: frozen, and read by everything downstream."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Unpack

import numpy as np

from evsim._clock import Clock
from evsim._dispatch.record import Lived
from evsim._event_kinds import EventKind
from evsim._events import EventStore
from evsim._plug_counts import PlugCounts, plug_counts
from evsim._population import Population
from evsim._portrait import Portrait, portraits
from evsim._series import Signals
from evsim._tables import Table, sessions_table, timeseries_table
from evsim._units import ENERGY_TOLERANCE_KWH, Anything, Floats, Ints

if TYPE_CHECKING:
    from evsim._scenario import Scenario
    from evsim.analysis._assets import Assets, Questions


@dataclass(frozen=True)
class Certificate:
    """The proof a run gives of itself.

    max_residual_kwh : the largest error in one user's energy balance; worst_user : whose
    min_soc, max_soc : over all events [0-1]
    events_less_series_kwh : energy in the event log less energy in the time series, of import or of export, whichever
    is further out
    """

    max_residual_kwh: float
    worst_user: int
    min_soc: float
    max_soc: float
    events_less_series_kwh: float

    def to_dict(self) -> dict[str, float]:
        """As it stands in `summary.json`."""
        return asdict(self)

    def faults(self, n_users: int) -> list[str]:
        """The laws that do not hold, as sentences; none when all is well.

        The log keeps float32, one rounding a user: its total may be out by that much.
        """
        checks = (
            (
                self.max_residual_kwh <= ENERGY_TOLERANCE_KWH,
                f"user {self.worst_user}'s energy is out by {self.max_residual_kwh:g} kWh",
            ),
            (
                self.min_soc >= 0 and self.max_soc <= 1,
                f"SoC goes from {self.min_soc:.6%} to {self.max_soc:.6%}",
            ),
            (
                abs(self.events_less_series_kwh) <= ENERGY_TOLERANCE_KWH * n_users,
                f"the event log and the time series differ by {self.events_less_series_kwh:g} kWh",
            ),
        )
        return [text for holds, text in checks if not holds]


@dataclass(frozen=True)
class Peak:
    """The highest mean power of one step: kW at the meter, and the step's start (UTC)."""

    kw: float
    at: np.datetime64


@dataclass(frozen=True, repr=False)
class Results:
    """What a run leaves.

    Arrays are (n_steps, n_archetypes): powers are means over the step at the meter [kW], counts and SoC [0-1]
    are at the step's end, just before what happens at that instant; `n_away` is who has driven off and is not home yet.
    The last axis of `soc_quantiles`
    (n_steps, n_archetypes, 3) is the SoC that 10, 50 and 90% of the users are at or under.
    """

    scenario: Scenario
    clock: Clock
    archetypes: tuple[str, ...]
    n_users: Ints
    import_kw: Floats
    export_kw: Floats
    n_plugged_in: Ints
    n_charging: Ints
    n_away: Ints
    mean_soc: Floats
    soc_quantiles: Floats
    users: Population
    certificate: Certificate
    dispatches: tuple[Lived, ...] = ()
    timings: dict[str, float] = field(default_factory=dict)

    def __repr__(self) -> str:
        """One line: who, how long, how much."""
        days, users = self.scenario.simulation.days, int(self.n_users.sum())
        return (
            f"<Results: {users:,} users, {days:,} days, {self.import_kwh.sum():,.0f} kWh, {self.peak.kw:,.0f} kW peak>"
        )

    @property
    def times(self) -> Anything:
        """(n_steps,) step starts, datetime64[s], UTC."""
        return self.clock.times

    @property
    def events(self) -> EventStore:
        """All event streams, as columns."""
        return self.users.events

    @cached_property
    def signals(self) -> Signals:
        """Prices, carbon intensity and demand."""
        return self.scenario.signals_on(self.clock)

    @cached_property
    def timeseries(self) -> Table:
        """One row for each step and archetype, with the columns of `timeseries.csv`."""
        return timeseries_table(self)

    @cached_property
    def sessions(self) -> Table:
        """One row for each plug-in, with the columns of `sessions.csv`."""
        return sessions_table(self)

    @cached_property
    def plug_counts(self) -> PlugCounts:
        """Plug-ins and plug-outs by archetype, kind of day, time of day and SoC."""
        return plug_counts(self)

    def without_people(self) -> Results:
        """The same without users and events, but with what pictures count of them: small, however many users."""
        people: Any = None
        light = replace(self, users=people)
        light.__dict__.update(plug_counts=self.plug_counts, _portraits=self._portraits, signals=self.signals)
        return light

    @cached_property
    def _portraits(self) -> tuple[Portrait, ...]:
        return portraits(self)

    @property
    def portrait(self) -> tuple[Portrait, ...]:
        """What the people of each archetype drove, charged and missed; worked out when first asked for."""
        return self._portraits[:-1]

    @property
    def portrait_of_all(self) -> Portrait:
        """The same of everybody together."""
        return self._portraits[-1]

    def assets(self, **questions: Unpack[Questions]) -> Assets:
        """Which cars can do what, on which days; `evsim.analysis.assets` says what may be asked, and how.

        results.assets(can_give_kw=3, for_minutes=60, at="17:00", still_ready=True).counts
        """
        from evsim.analysis._assets import assets

        return assets(self, **questions)

    def target_soc_of(self, user: Ints, plug_in_s: Anything) -> Floats:
        """(n,) SoC to stop at [0-1] of the sessions of users that begin at instants [s]."""
        recorded = self.scenario.recorded
        if recorded is None:
            return self.users.target_soc[user]
        from evsim._replay import targets_at

        return targets_at(recorded, self.scenario.battery, user, plug_in_s + self.clock.start_epoch_s)

    @cached_property
    def n_sessions(self) -> Ints:
        """(n_archetypes,) plug-ins, those in progress at the start included."""
        user = self.events.column("user")[self.events.column("event") == EventKind.PLUG_IN]
        return np.bincount(self.users.archetype[user], minlength=len(self.archetypes))

    @cached_property
    def import_kwh(self) -> Floats:
        """(n_archetypes,) energy drawn over the run [kWh at the meter]."""
        return np.asarray(self.import_kw.sum(axis=0) * self.clock.step_h)

    @cached_property
    def export_kwh(self) -> Floats:
        """(n_archetypes,) energy given back over the run [kWh at the meter]."""
        return np.asarray(self.export_kw.sum(axis=0) * self.clock.step_h)

    @cached_property
    def peak(self) -> Peak:
        """The population's peak import."""
        return self._peak_of(self.import_kw.sum(axis=1))

    @cached_property
    def peaks(self) -> tuple[Peak, ...]:
        """Each archetype's own peak import."""
        return tuple(self._peak_of(column) for column in self.import_kw.T)

    @cached_property
    def export_peak(self) -> Peak:
        """The population's peak export."""
        return self._peak_of(self.export_kw.sum(axis=1))

    @cached_property
    def export_peaks(self) -> tuple[Peak, ...]:
        """Each archetype's own peak export."""
        return tuple(self._peak_of(column) for column in self.export_kw.T)

    def _peak_of(self, kw: Floats) -> Peak:
        at = int(np.argmax(kw))
        return Peak(float(kw[at]), self.times[at])

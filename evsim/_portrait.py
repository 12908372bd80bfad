"""A portrait of the drivers: what a run's people drive, how they plug in and charge, and who leaves short.

`docs/conventions.md` says what each number means. Of nobody, and of nothing that happened, it says None.
"""

from __future__ import annotations

import itertools
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from evsim._stays import LogReader, Values
from evsim._units import DAYS_PER_YEAR, SECONDS_PER_HOUR, Anything

if TYPE_CHECKING:
    from evsim._results import Results

ALL = "all"
"""The name under which all archetypes are taken together."""


@dataclass(frozen=True)
class Quartiles:
    """A quarter, half and three quarters of the values are at or under these; between two values, in proportion."""

    p25: float
    median: float
    p75: float


@dataclass(frozen=True)
class BelowTarget:
    """Departures (plug-outs) with less than the target in the battery.

    users : how many different people, at least once; departures : how often; kwh : missing, in all [kWh, battery side];
    miles : what that drives, at the sheet's miles per kWh; None for recorded sessions, which know no miles
    """

    users: int
    departures: int
    kwh: float
    miles: float | None


@dataclass(frozen=True)
class Portrait:
    """What the people of one archetype, or all together, did in the run.

    days : local days of the run; a year is 365 of them, and the run's rate for a year is no forecast of one
    miles : driven in all [miles]; None with driving off, when no trip is driven
    driven_kwh, home_kwh, public_kwh : out of batteries by driving, into them at home and in public [kWh, battery side];
        of recorded sessions, what is driven is not known: None
    given_kwh : out of batteries to be given back [kWh, battery side]
    gained_kwh : more in batteries at the run's end than at its start [kWh], None like `driven_kwh`. The balance:
        home_kwh - given_kwh + public_kwh - driven_kwh
    import_kwh, export_kwh : at home [kWh at the meter]
    plug_ins : that happened in the run, not those in progress at its start
    departures : plug-outs in the run
    whole_sessions : with both ends in the run; cut_sessions : all others, in progress at the run's start or end
    plug_in_soc : at each of `plug_ins` [0-1]
    session_kwh, plugged_in_h, charging_h : of each whole session: import [kWh at the meter], plug-in to plug-out [h],
        time in which power flowed into the battery [h]. One in which nothing was charged counts with 0. Stays that
        are long beside the run are cut more often than short ones, and so come short in these
    plugged_in_share, charging_share, discharging_share, away_share : of all the people's time in the run [0-1], exact
        to the second; away
        is driven off and not home yet, None with driving off
    below_target : who left short
    """

    name: str
    users: int
    days: int
    miles: float | None
    driven_kwh: float | None
    home_kwh: float
    public_kwh: float
    given_kwh: float
    gained_kwh: float | None
    import_kwh: float
    export_kwh: float
    plug_ins: int
    departures: int
    whole_sessions: int
    cut_sessions: int
    plug_in_soc: Quartiles | None
    session_kwh: Quartiles | None
    plugged_in_h: Quartiles | None
    charging_h: Quartiles | None
    plugged_in_share: float | None
    charging_share: float | None
    discharging_share: float | None
    away_share: float | None
    below_target: BelowTarget

    def _per_day(self, total: float | None) -> float | None:
        return None if total is None else _ratio(total, self.users * self.days)

    def _per_year(self, total: float | None) -> float | None:
        return None if total is None else _ratio(total * DAYS_PER_YEAR, self.users * self.days)

    @property
    def miles_per_day(self) -> float | None:
        """Miles per user and day."""
        return self._per_day(self.miles)

    @property
    def miles_per_year(self) -> float | None:
        """Miles per user in 365 days as these: the sheet's `miles_per_year`."""
        return self._per_year(self.miles)

    @property
    def kwh_per_year(self) -> float | None:
        """Driving per user in 365 days as these [kWh, battery side]: the sheet's `kwh_per_year`."""
        return self._per_year(self.driven_kwh)

    @property
    def import_kwh_per_year(self) -> float | None:
        """Import per user in 365 days as these [kWh at the meter]."""
        return self._per_year(self.import_kwh)

    @property
    def export_kwh_per_year(self) -> float | None:
        """Export per user in 365 days as these [kWh at the meter]."""
        return self._per_year(self.export_kwh)

    @property
    def plug_ins_per_day(self) -> float | None:
        """Plug-ins per user and day: the sheet's `plug_in_frequency_per_day`."""
        return self._per_day(self.plug_ins)

    @property
    def public_share(self) -> float | None:
        """Of the energy charged into batteries, the share charged in public [0-1]."""
        return _ratio(self.public_kwh, self.public_kwh + self.home_kwh)

    @property
    def below_target_share(self) -> float | None:
        """Of the departures, the share below target [0-1]."""
        return _ratio(self.below_target.departures, self.departures)

    def to_dict(self) -> dict[str, Any]:
        """As it stands in `summary.json`: percentages, and None where nothing is known."""
        short = self.below_target
        return {
            "miles": self.miles,
            "miles_per_user_and_day": self.miles_per_day,
            "miles_per_user_and_year": self.miles_per_year,
            "driven_kwh": self.driven_kwh,
            "driven_kwh_per_user_and_year": self.kwh_per_year,
            "import_kwh_per_user_and_year": self.import_kwh_per_year,
            "export_kwh_per_user_and_year": self.export_kwh_per_year,
            "home_battery_kwh": self.home_kwh,
            "given_back_battery_kwh": self.given_kwh,
            "public_kwh": self.public_kwh,
            "gained_battery_kwh": self.gained_kwh,
            "public_percent": _percent(self.public_share),
            "plug_ins": self.plug_ins,
            "plug_ins_per_user_and_day": self.plug_ins_per_day,
            "plug_in_soc_percent": _spread(self.plug_in_soc, 100.0),
            "whole_sessions": self.whole_sessions,
            "cut_sessions": self.cut_sessions,
            "session_kwh": _spread(self.session_kwh),
            "plugged_in_hours": _spread(self.plugged_in_h),
            "charging_hours": _spread(self.charging_h),
            "plugged_in_percent": _percent(self.plugged_in_share),
            "charging_percent": _percent(self.charging_share),
            "discharging_percent": _percent(self.discharging_share),
            "away_percent": _percent(self.away_share),
            "departures": self.departures,
            "below_target": {
                "users": short.users,
                "departures": short.departures,
                "departures_percent": _percent(self.below_target_share),
                "kwh": short.kwh,
                "kwh_per_departure": _ratio(short.kwh, short.departures),
                "miles": short.miles,
                "miles_per_departure": None if short.miles is None else _ratio(short.miles, short.departures),
            },
        }


def portraits(results: Results) -> tuple[Portrait, ...]:
    """A portrait of each archetype, and behind them one of all together."""
    scenario, people, log = results.scenario, results.users, LogReader(results.users, results.target_soc_of)
    drives = scenario.behaviour.driving and scenario.recorded is None

    def total(by_user: Anything) -> list[float]:
        return with_all(np.bincount(people.archetype, by_user, len(results.archetypes)))

    sums = {name: total(column) for name, column in log.per_user._asdict().items()}
    n_short_users, n_plugged_in = total(log.per_user.n_short > 0), total(people.is_plugged_in)
    miles, driven_kwh, public_kwh = map(total, (people.driven_miles, people.driven_kwh, people.public_kwh))
    per_kwh = np.array([archetype.efficiency_miles_per_kwh for archetype in scenario.archetypes])
    short_miles = with_all(np.array(sums["short_kwh"][:-1]) * per_kwh)
    import_kwh, export_kwh = with_all(results.import_kwh), with_all(results.export_kwh)
    gained_kwh, n_users = total(people.gained_kwh()), with_all(results.n_users)
    n_plug_ins, (plug_in_soc,) = _spreads(log.arrivals, 1.0)
    n_whole, (session_kwh, plugged_in_h, charging_h) = _spreads(log.whole, 1.0, SECONDS_PER_HOUR, SECONDS_PER_HOUR)

    def share(i: int, seconds: str) -> float | None:
        return _ratio(sums[seconds][i], n_users[i] * results.clock.end_s)

    return tuple(
        Portrait(
            name=name,
            users=int(n_users[i]),
            days=scenario.simulation.days,
            miles=miles[i] if drives else None,
            driven_kwh=driven_kwh[i] if scenario.recorded is None else None,
            home_kwh=import_kwh[i] * scenario.battery.charging_efficiency,
            public_kwh=public_kwh[i],
            given_kwh=export_kwh[i] / scenario.battery.discharging_efficiency,
            gained_kwh=gained_kwh[i] if scenario.recorded is None else None,
            import_kwh=import_kwh[i],
            export_kwh=export_kwh[i],
            plug_ins=n_plug_ins[i],
            departures=int(sums["n_departures"][i]),
            whole_sessions=n_whole[i],
            cut_sessions=int(sums["n_departures"][i] + n_plugged_in[i]) - n_whole[i],
            plug_in_soc=plug_in_soc[i],
            session_kwh=session_kwh[i],
            plugged_in_h=plugged_in_h[i],
            charging_h=charging_h[i],
            plugged_in_share=share(i, "plugged_s"),
            charging_share=share(i, "charging_s"),
            discharging_share=share(i, "discharging_s"),
            away_share=share(i, "away_s") if drives else None,
            below_target=BelowTarget(
                int(n_short_users[i]),
                int(sums["n_short"][i]),
                sums["short_kwh"][i],
                short_miles[i] if scenario.recorded is None else None,
            ),
        )
        for i, name in enumerate((*results.archetypes, ALL))
    )


def with_all(by_archetype: Anything) -> list[float]:
    """Each archetype's, and behind them the sum."""
    return [*by_archetype.tolist(), float(by_archetype.sum())]


def _spreads(values: Values, *units: float) -> tuple[list[int], list[list[Quartiles | None]]]:
    """Of each archetype, and behind them of all: how many values, and quartiles of each column in its unit."""
    columns, begins = values.laid_out()
    counts = [*np.diff(begins).tolist(), int(begins[-1])]
    parts = [slice(*ends) for ends in itertools.pairwise(begins)]
    spreads = (
        [*(_quartiles(column[part], unit) for part in parts), _quartiles(column, unit)]
        for column, unit in zip(columns, units, strict=True)
    )
    return counts, list(spreads)


def _quartiles(values: Anything, unit: float) -> Quartiles | None:
    """In multiples of `unit`, linear between two values; sorts `values`, which is faster than numpy's `quantile`."""
    if not len(values):
        return None
    values.sort()
    place = np.array([0.25, 0.5, 0.75]) * (len(values) - 1)
    below = np.floor(place).astype(np.int64)
    low, high = (values[i].astype(np.float64) for i in (below, np.ceil(place).astype(np.int64)))
    return Quartiles(*((low + (high - low) * (place - below)) / unit).tolist())


def _ratio(total: float, count: float) -> float | None:
    return float(total / count) if count else None


def _percent(share: float | None) -> float | None:
    return None if share is None else 100 * share


def _spread(quartiles: Quartiles | None, unit: float = 1.0) -> dict[str, float] | None:
    return None if quartiles is None else {name: unit * value for name, value in asdict(quartiles).items()}

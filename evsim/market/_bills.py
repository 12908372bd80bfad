"""What each user pays, earns and emits: the energy of the event log at the prices and carbon intensity it flowed at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np

from evsim._portrait import ALL, with_all
from evsim._results import Results
from evsim._series import Series, Signal
from evsim._tables import Table
from evsim._units import DAYS_PER_YEAR, Floats, Ints
from evsim.market._metered import metered
from evsim.market._signal_facts import PENCE_PER_GBP

_G_PER_KG = 1_000
_KEPT = "_bills"


@dataclass(frozen=True)
class Bill:
    """What one user, or several together, pay, earn and emit in a run; None where there is no such signal.

    name : the archetype, or "all"; users, days : how many, for how many local days
    import_kwh, export_kwh : at the meter [kWh]
    import_cost_gbp : of import; export_income_gbp : for export; net_cost_gbp : the first less the second [GBP].
        Who exports nothing has earned nothing, whether there is a price of it or not
    net_cost_gbp_per_year : of each user on average, in 365 days as these
    carbon_kg : of import, at the intensity of the grid when it flowed [kg CO2]
    exported_carbon_kg : the same of export. It is not taken off `carbon_kg`: what export saves is what it displaces,
        which the intensity, a mean of all that generates, does not tell
    mean_import_p_per_kwh, mean_g_per_kwh : for each kWh of import; None without any
    """

    name: str
    users: int
    days: int
    import_kwh: float
    export_kwh: float
    import_cost_gbp: float | None
    export_income_gbp: float | None
    net_cost_gbp: float | None
    net_cost_gbp_per_year: float | None
    carbon_kg: float | None
    exported_carbon_kg: float | None
    mean_import_p_per_kwh: float | None
    mean_g_per_kwh: float | None

    def to_dict(self) -> dict[str, Any]:
        """As it stands in `summary.json`."""
        return asdict(self)


@dataclass(frozen=True, eq=False)
class Bills:
    """The bills of a run, a column each (n_users,); NaN where there is no such signal. See `Bill`.

    archetypes : names; archetype : (n_users,) index of each user's; days : local days of the run
    """

    archetypes: tuple[str, ...]
    archetype: Ints
    days: int
    import_kwh: Floats
    export_kwh: Floats
    import_cost_gbp: Floats
    export_income_gbp: Floats
    carbon_kg: Floats
    exported_carbon_kg: Floats

    def __len__(self) -> int:
        return len(self.archetype)

    def __repr__(self) -> str:
        return f"<Bills of {len(self):,} users>"

    def of(self, user: int) -> Bill:
        """The bill of one user; raises IndexError when there is no such user."""
        user = range(len(self))[user]
        sums = {name: column[user : user + 1] for name, column in self._columns.items()}
        return self._bills((self.archetypes[self.archetype[user]],), np.ones(1, np.int64), sums)[0]

    @property
    def by_archetype(self) -> tuple[Bill, ...]:
        """The bill of each archetype, in config order."""
        return self._together[:-1]

    @property
    def total(self) -> Bill:
        """The bill of everybody."""
        return self._together[-1]

    @cached_property
    def table(self) -> Table:
        """One row for each user, with the columns of `bills.csv`."""
        shown = self._columns | _derived(self._columns)
        names = (
            "import_kwh", "export_kwh", "import_cost_gbp", "export_income_gbp", "net_cost_gbp",
            "mean_import_p_per_kwh", "carbon_kg", "mean_g_per_kwh",
        )  # fmt: skip
        return Table(
            {
                "user_id": np.arange(len(self)),
                "archetype": np.array(self.archetypes, object)[self.archetype],
                **{name: shown[name] for name in names},
            }
        )

    @property
    def _columns(self) -> dict[str, Floats]:
        names = (
            "import_kwh", "export_kwh", "import_cost_gbp", "export_income_gbp", "carbon_kg", "exported_carbon_kg",
        )  # fmt: skip
        return {name: getattr(self, name) for name in names}

    @cached_property
    def _together(self) -> tuple[Bill, ...]:
        n = len(self.archetypes)
        sums = {
            name: np.array(with_all(np.bincount(self.archetype, column, n))) for name, column in self._columns.items()
        }
        users = np.bincount(self.archetype, minlength=n)
        return self._bills((*self.archetypes, ALL), np.append(users, users.sum()), sums)

    def _bills(self, names: tuple[str, ...], users: Ints, sums: Mapping[str, Floats]) -> tuple[Bill, ...]:
        derived = _derived(sums)
        per_year = _ratio(DAYS_PER_YEAR * derived["net_cost_gbp"], users * self.days)
        columns = {**sums, **derived, "net_cost_gbp_per_year": per_year}
        told = {name: [None if np.isnan(x) else float(x) for x in column] for name, column in columns.items()}
        rows = (dict(zip(told, row, strict=True)) for row in zip(*told.values(), strict=True))
        return tuple(Bill(name, int(n), self.days, **row) for name, n, row in zip(names, users, rows, strict=True))


def bills(results: Results) -> Bills:
    """What each user pays, earns and emits; worked out when first asked for, and kept with the results.

    Prices and intensities are those that came true, whatever was known of them beforehand.
    """
    kept = vars(results)
    if _KEPT not in kept:
        kept[_KEPT] = _made(results)
    found: Bills = kept[_KEPT]
    return found


def has_bills(results: Results) -> bool:
    """Whether there is a price or a carbon intensity to make bills of."""
    signals = results.signals
    return any(s is not None for s in (signals.import_price, signals.export_price, signals.carbon_intensity))


def _made(results: Results) -> Bills:
    events, signals = results.events, results.signals
    carbon = _actual(signals.carbon_intensity)
    import_kwh, cost, emitted_g = metered(events, "import_kwh", (_actual(signals.import_price), carbon))
    export_kwh, income, exported_g = metered(events, "export_kwh", (_actual(signals.export_price), carbon))
    columns = import_kwh, export_kwh, cost, income, emitted_g / _G_PER_KG, exported_g / _G_PER_KG
    for column in columns:
        column.flags.writeable = False
    return Bills(results.archetypes, results.users.archetype, results.scenario.simulation.days, *columns)


def _actual(signal: Signal | None) -> Series | None:
    return None if signal is None else signal.actual


def _derived(sums: Mapping[str, Floats]) -> dict[str, Floats]:
    """What follows from the sums: net costs, and means for each kWh."""
    kwh, cost = sums["import_kwh"], sums["import_cost_gbp"]
    return {
        "net_cost_gbp": cost - np.where(sums["export_kwh"] > 0, sums["export_income_gbp"], 0.0),
        "mean_import_p_per_kwh": _ratio(PENCE_PER_GBP * cost, kwh),
        "mean_g_per_kwh": _ratio(_G_PER_KG * sums["carbon_kg"], kwh),
    }


def _ratio(total: Floats, count: Floats | Ints) -> Floats:
    """NaN of nothing."""
    return np.asarray(np.divide(total, count, out=np.full(len(total), np.nan), where=count > 0))

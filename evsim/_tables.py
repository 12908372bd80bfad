"""The tables of a run: columns under the names they have in the files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np

from evsim._units import Anything

if TYPE_CHECKING:
    import pyarrow as pa

    from evsim._results import Results


class Table(Mapping[str, Anything]):
    """Columns of equal length, in file order; a missing value is NaN or NaT."""

    def __init__(self, columns: Mapping[str, Anything]) -> None:
        self._columns = dict(columns)

    def __getitem__(self, name: str) -> Anything:
        return self._columns[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._columns)

    def __len__(self) -> int:
        return len(self._columns)

    @property
    def n_rows(self) -> int:
        """How many rows there are."""
        return len(next(iter(self._columns.values()))) if self._columns else 0

    def __repr__(self) -> str:
        return f"<Table of {self.n_rows:,} rows: {', '.join(self)}>"

    def to_arrow(self) -> pa.Table:
        """The same as an Arrow table."""
        from evsim._arrow import table

        return table(self._columns)


def timeseries_table(results: Results) -> Table:
    """One row for each step and archetype: powers over the step [kW at the meter], counts and SoC [%] at its end."""
    n_steps, n_groups = results.import_kw.shape
    percent = 100 * results.soc_quantiles
    return Table(
        {
            "start_utc": np.repeat(results.times, n_groups),
            "archetype": np.tile(np.array(results.archetypes, object), n_steps),
            "n_users": np.tile(results.n_users, n_steps),
            "n_plugged_in": results.n_plugged_in.ravel(),
            "n_charging": results.n_charging.ravel(),
            "import_kw": results.import_kw.ravel(),
            "export_kw": results.export_kw.ravel(),
            "mean_soc_percent": 100 * results.mean_soc.ravel(),
            "p10_soc_percent": percent[:, :, 0].ravel(),
            "p50_soc_percent": percent[:, :, 1].ravel(),
            "p90_soc_percent": percent[:, :, 2].ravel(),
        }
    )


def sessions_table(results: Results) -> Table:
    """One row for each plug-in, by time and then user."""
    found = results.events.sessions()
    rows = np.lexsort((found.user, found.plug_in))
    user = found.user[rows]
    return Table(
        {
            "user_id": user,
            "archetype": np.array(results.archetypes, object)[results.users.archetype[user]],
            "plug_in_utc": found.plug_in[rows],
            "plug_out_utc": found.plug_out[rows],
            "plug_in_soc_percent": 100 * found.plug_in_soc[rows],
            "plug_out_soc_percent": 100 * found.plug_out_soc[rows],
            "target_soc_percent": 100 * results.target_soc_of(user, results.clock.run_seconds(found.plug_in[rows])),
            "charge_start_utc": found.charge_start[rows],
            "charge_stop_utc": found.charge_stop[rows],
            "import_kwh": found.import_kwh[rows],
            "export_kwh": found.export_kwh[rows],
        }
    )

"""Tables as Arrow, which pandas, polars and DuckDB read without copying."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from evsim._event_kinds import EventKind

if TYPE_CHECKING:
    from evsim._events import EventStore

_INSTANT = pa.timestamp("s", tz="UTC")


def table(columns: Mapping[str, Any]) -> pa.Table:
    """An Arrow table of numpy columns; datetime64 becomes UTC instants, and NaN and NaT become null."""
    return pa.table({name: _array(column) for name, column in columns.items()})


def _array(column: Any) -> pa.Array:
    values = np.asarray(column)
    if values.dtype.kind == "M":
        return pa.array(values, type=pa.timestamp("s")).cast(_INSTANT)
    return pa.array(values, from_pandas=values.dtype.kind == "f")


def named(codes: Any, names: Sequence[str]) -> pa.DictionaryArray:
    """Codes and what they stand for, as a dictionary column."""
    return pa.DictionaryArray.from_arrays(pa.array(codes), pa.array(list(names), pa.string()))


def events_table(store: EventStore) -> pa.Table:
    """The event streams, by time and then user, with the columns of `events.parquet`."""
    order = store.in_time_order()
    user = store.column("user")[order]
    return pa.table(
        {
            "at_utc": _array(store.clock.to_utc(store.column("at_s")[order])),
            "user_id": pa.array(user),
            "archetype": named(store.archetype[user].astype(np.int16), store.archetype_names),
            "event": named(store.column("event")[order], [kind.label for kind in EventKind]),
            "reason": named(store.column("reason")[order].astype(np.int16), store.reasons),
            "soc_percent": pa.array(store.column("soc")[order] * np.float32(100)),
            "import_kwh": pa.array(store.column("import_kwh")[order]),
            "export_kwh": pa.array(store.column("export_kwh")[order]),
        }
    )

"""From a source's file to its rows, in the unit of a run."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from evsim._errors import name_some
from evsim._signals.csv_rows import read_csv
from evsim._signals.faulty import MOST_NAMED, FaultySourceError, utc_text
from evsim._signals.json_rows import looks_like_json, read_json_rows
from evsim._signals.rows import Rows
from evsim._signals.settings import Source
from evsim._typed_in.faults import Fault, and_then, show
from evsim._typed_in.files import NO_SUCH_FILE, CannotReadError, read_bytes

MOST_BYTES = 200_000_000
"""Some five million rows: fifty years of five minutes."""


@dataclass(frozen=True, eq=False)
class Reading:
    """What a source's file holds.

    rows : in the unit of a run; unit : of the file; sha256 : of its bytes; remarks : what somebody should know of it
    """

    rows: Rows
    unit: str
    sha256: str
    remarks: tuple[str, ...] = ()


def read_source(source: Source, key: str, timezone: str) -> Reading:
    """What the file of a source holds. Raises FaultySourceError, whose faults name the file.

    timezone : where times without an offset are local, if the source does not say
    """
    file = source.file or ""
    name = show(Path(file).name or file)
    try:
        return _read(source, file, key, timezone)
    except CannotReadError as error:
        is_strange = str(error).startswith(NO_SUCH_FILE) and not Path(file).suffix
        text = and_then(str(error), f"for a value {source.quantity.example}" if is_strange else "")
        raise FaultySourceError.at(("file",), f"{name}: {text}") from None
    except FaultySourceError as error:
        faults = [Fault(f.path, f.text if f.path == ("unit",) else f"{name}: {f.text}") for f in error.faults]
        raise FaultySourceError(faults) from None


def _read(source: Source, file: str, key: str, timezone: str) -> Reading:
    from hashlib import sha256

    data = read_bytes(file, MOST_BYTES)
    digest = sha256(data).hexdigest()
    if source.sha256 not in (None, digest):
        raise CannotReadError('has changed since "sha256" was noted; remove that setting to take it as it is')
    remarks: tuple[str, ...] = ()
    said: str | None
    if looks_like_json(data):
        if source.columns is not None:
            raise FaultySourceError.at(("columns",), "a JSON file has no columns; leave them out")
        rows, said, remarks = read_json_rows(data, source.quantity)
    else:
        rows, said = read_csv(data, source, key, timezone)
    if said is not None and source.unit not in (None, said):
        text = f"{show(source.unit)}, but the file {show(Path(file).name)} says {said}; leave unit out"
        raise FaultySourceError.at(("unit",), text)
    unit = said or source.unit_meant
    return Reading(_in_run_unit(rows, source, unit), unit, digest, remarks)


def _in_run_unit(rows: Rows, source: Source, unit: str) -> Rows:
    """Converted once; raises FaultySourceError where a value cannot be."""
    factor = source.quantity.units[unit]
    low, high = source.quantity.can_be
    actual, told = rows.actual * factor, rows.told * factor
    is_odd = (actual < low) | (actual > high)
    bad = np.flatnonzero(is_odd | (told < low) | (told > high))
    if len(bad):
        worst = np.where(is_odd, rows.actual, rows.told)
        named = name_some([f"{worst[i]:.10g} {unit} from {utc_text(rows.start[i])}" for i in bad], MOST_NAMED)
        raise FaultySourceError.at(("file",), f"{named}: {source.quantity.why_not(worst[bad[0]], unit)}")
    return replace(rows, actual=actual, told=told)

"""A table of runs, in a file: how compare.csv and sweep.csv are written alike."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from evsim._tables import Table
from evsim._units import Anything
from evsim.analysis._measures import MEASURES, Measured, rounded


def measured_columns(measured: Sequence[Measured]) -> dict[str, Anything]:
    """A column for each measure that any of the runs has, with nine digits."""
    rows = [rounded(row) for row in measured]
    known = [measure.name for measure in MEASURES if any(measure.name in row for row in rows)]
    return {name: column([row.get(name, np.nan) for row in rows]) for name in known}


def column(values: Sequence[Any]) -> Anything:
    """Whole numbers, numbers or texts: whichever all values are."""
    if all(isinstance(value, int) for value in values):
        return np.array(values, np.uint64 if max(values) > np.iinfo(np.int64).max else np.int64)
    if all(isinstance(value, int | float) for value in values):
        return np.array(values, np.float64)
    return np.array([_text(value) for value in values], object)


def write_csv(table: Table, path: Path) -> None:
    """UTF-8, a point for decimals, empty where nothing is known."""
    import csv

    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(table)
        writer.writerows(zip(*(map(_text, cells.tolist()) for cells in table.values()), strict=True))


def _text(value: object) -> str:
    if isinstance(value, float):
        return "" if np.isnan(value) else np.format_float_positional(value, trim="-")
    return str(value)

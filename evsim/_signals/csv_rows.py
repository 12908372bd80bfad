"""Values in a CSV file: a column of instants and one of values."""

from __future__ import annotations

from functools import partial

import numpy as np

from evsim._errors import name_some
from evsim._recorded.numbers import read_numbers
from evsim._recorded.table import Table, open_table
from evsim._recorded.times import BLANK, read_times
from evsim._signals.faulty import MOST_NAMED, FaultySourceError
from evsim._signals.headers import Found, find_columns
from evsim._signals.rows import Rows, check_times, instants, lay_out
from evsim._signals.settings import Source
from evsim._signals.slashed_dates import with_dots
from evsim._typed_in.faults import Fault, show
from evsim._typed_in.files import CannotReadError
from evsim._units import Floats

_PIECE = 1 << 16
"""Cells that are read at once; more only take memory."""
_NO_VALUES = "no values; after the line of headers comes a line for each"
_UTF_16_MARKS = (b"\xff\xfe", b"\xfe\xff")


def read_csv(data: bytes, source: Source, key: str, timezone: str) -> tuple[Rows, str | None]:
    """The rows of a file for a signal, and the unit its header says.

    Raises FaultySourceError or CannotReadError.
    """
    _check_is_table(data)
    table = open_table(data)
    found, faults = find_columns(table.headers, source.mapped(), key, source.quantity)
    if found is None:
        at = f"line {table.header_line}: "
        raise FaultySourceError([Fault(fault.path or ("file",), at + fault.text) for fault in faults])
    lines, starts, ends, values = _cells(table, found)

    def where(i: int) -> str:
        return f"line {lines[i]:,}"

    zone = source.timezone or timezone
    dated, ended = with_dots(starts, ends, where)
    times = read_times(dated)
    check_times(times, lambda i: show(starts[i]), where)
    start = instants(times, zone, where, is_utc=found.start.is_utc)
    end = None
    if found.end is not None:
        end = np.full(len(start), np.nan)
        said = read_times(ended)
        check_times(said, lambda i: show(ends[i]), where, may_be_blank=True)
        there = said.kind != BLANK
        some = said._replace(seconds=said.seconds[there], kind=said.kind[there])
        rows = np.flatnonzero(there)
        end[there] = instants(some, zone, lambda i: where(int(rows[i])), is_utc=found.end.is_utc)
    value = _numbers(values, found, lines)
    return lay_out(start, end, value, value, where), found.unit


def _check_is_table(data: bytes) -> None:
    """Raise CannotReadError for what is no table of values."""
    if not data.strip():
        raise CannotReadError("the file is empty; values have a line of headers and a line each")
    if b"\0" in data and not data.startswith(_UTF_16_MARKS):
        raise CannotReadError("not a text file; save the values as CSV (UTF-8)")
    if len(data.strip().splitlines()) < 2:
        raise CannotReadError(_NO_VALUES)


def _cells(table: Table, found: Found) -> tuple[list[int], list[str], list[str], list[str]]:
    """Lines, and the cells of starts, ends and values; a row of too many cells is a fault."""
    lines: list[int] = []
    starts, ends, values = list[str](), list[str](), list[str]()
    crowded: list[str] = []
    width = len(table.headers)
    end_at = -1 if found.end is None else found.end.at
    for at, rows in table.blocks():
        for line, cells in zip(at, rows, strict=True):
            if len(cells) > width and any(cell.strip() for cell in cells[width:]):
                crowded.append(f"line {line:,}")
            whole = [*cells, *[""] * (width - len(cells))]
            lines.append(line)
            starts.append(whole[found.start.at].strip())
            values.append(whole[found.value.at].strip())
            ends.append(whole[end_at].strip() if end_at >= 0 else "")
    if crowded:
        text = f"{name_some(crowded, MOST_NAMED)}: more cells than the {width} headers; is a decimal comma unquoted?"
        raise FaultySourceError.at(("file",), text)
    if not lines:
        raise CannotReadError(_NO_VALUES)
    return lines, starts, ends, values


def _numbers(cells: list[str], found: Found, lines: list[int]) -> Floats:
    """The values, NaN where a cell is blank."""
    pieces = [read_numbers(cells[i : i + _PIECE]) for i in range(0, len(cells), _PIECE)]
    is_bad = np.concatenate([bad for _, bad in pieces])
    tell = partial(_no_number, cells, found, lines)
    if is_bad.any():
        named = name_some([tell(i) for i in np.flatnonzero(is_bad).tolist()], MOST_NAMED)
        raise FaultySourceError.at(("file",), f"{named}: not a number; leave the cell empty where there is no value")
    return np.concatenate([values for values, _ in pieces])


def _no_number(cells: list[str], found: Found, lines: list[int], i: int) -> str:
    return f"line {lines[i]:,} has {show(found.value.header)} {show(cells[i])}"

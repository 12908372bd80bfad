"""The cells of a large CSV, in columns, and what is wrong with one by its line.

Cells that come again and again (names, times, dates) are kept once each. Lines are only counted when something is
wrong: a file may hold millions of rows.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from evsim._errors import ConfigError, name_some
from evsim._recorded.numbers import read_numbers
from evsim._recorded.table import Table, open_table
from evsim._typed_in.faults import nearest, printable, show
from evsim._typed_in.files import CannotReadError, read_bytes
from evsim._units import Anything, Floats, Ints

MOST_BYTES = 4_000_000_000
"""What is larger does not fit a laptop's memory; keep it in columns, and use `evsim.market` from Python."""
_UTF_16_MARKS = (b"\xff\xfe", b"\xfe\xff")
_HEAD_BYTES = 1 << 20
_NO_VALUE = ["", "null", "NULL", "None", "none", "nan", "NaN", "NA", "N/A", "n/a", "#N/A", "-"]
_MOST_NAMED = 3
_NOTHING = "no readings; after the line of headers comes a line for each"


class CellFile:
    """A file of readings, open. Whatever is wrong with it is a ConfigError that names the file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._table = _open(read_bytes(path, MOST_BYTES))
        except CannotReadError as error:
            raise self.fault(str(error)) from None
        self.headers = [header.casefold().replace(" ", "_").replace("-", "_") for header in self._table.headers]

    def check_headers(self, needed: Sequence[str], optional: str, forms: str) -> None:
        """Raise what is wrong with the headers. forms : what they may be, in words."""
        at = f"line {self._table.header_line}"
        for name in (*needed, optional):
            if self.headers.count(name) > 1:
                raise self.fault(f"{at}: two columns are called {show(name)}; rename one")
        missing = [name for name in needed if name not in self.headers]
        if missing:
            near = nearest(missing[0], set(self.headers) - set(needed)) if len(missing) == 1 else None
            meant = "" if near is None else show(self._table.headers[self.headers.index(near)])
            likely = f"; is it {meant}? Then rename that" if meant else f"; write {forms}"
            there = name_some(map(show, self._table.headers), 2 * _MOST_NAMED)
            raise self.fault(f"{at}: no column {' and no '.join(map(show, missing))}; the headers are {there}{likely}")

    def columns(self, names: Sequence[str], number: str) -> dict[str, Any]:
        """Arrow columns of texts by header, each text kept once; but for `number`, whose texts differ anyhow."""
        import pyarrow as pa
        from pyarrow import csv as arrow_csv

        table = self._table
        is_utf_8 = table.encoding == "utf-8-sig"
        data = table.data if is_utf_8 else table.data.decode(table.encoding).encode()
        columns = [f"c{i}" for i in range(len(self.headers))]
        at = {name: columns[self.headers.index(name)] for name in names}
        kept_once = pa.dictionary(pa.int32(), pa.string())
        try:
            found = arrow_csv.read_csv(
                pa.BufferReader(data),
                read_options=arrow_csv.ReadOptions(column_names=columns, skip_rows=table.header_line),
                parse_options=arrow_csv.ParseOptions(delimiter=table.delimiter),
                convert_options=arrow_csv.ConvertOptions(
                    include_columns=list(at.values()),
                    column_types={c: pa.string() if n == number else kept_once for n, c in at.items()},
                    strings_can_be_null=True,
                    null_values=_NO_VALUE,
                ),
            )
        except pa.ArrowInvalid as error:
            raise self._no_table(str(error)) from None
        if not found.num_rows:
            raise self.fault(_NOTHING)
        found = found.unify_dictionaries()
        return {name: found.column(c).combine_chunks() for name, c in at.items()}

    def numbers(self, cells: Any, name: str) -> Floats:
        """(n,) values of a column, NaN where a cell is empty; a decimal comma is understood."""
        found = _cast(cells)
        if found is None:
            found, is_bad = read_numbers([(text or "").strip() for text in cells.to_pylist()])
        else:
            is_bad = np.isinf(found)
        self.tell(is_bad, cells, name, "not a number; leave the cell empty where there is no reading")
        return found

    def tell(self, is_bad: Anything, cells: Any, name: str, text: str) -> None:
        """Raise what is wrong with some cells (n,) of a column, if there are any."""
        rows = np.flatnonzero(is_bad)
        if not len(rows):
            return
        first = rows[:_MOST_NAMED].tolist()
        named = []
        for line, row in zip(self.lines_of(first), first, strict=True):
            cell = cells[row].as_py()
            named.append(
                f"line {line:,} has {name} {show(cell)}" if cell is not None else f"line {line:,} has no {name}"
            )
        more = f" and {len(rows) - _MOST_NAMED:,} more" if len(rows) > _MOST_NAMED else ""
        raise self.fault(f"{', '.join(named)}{more}: {text}")

    def lines_of(self, rows: Sequence[int]) -> list[int]:
        """The lines on which rows begin, in their order."""
        line_of = dict.fromkeys(rows, 0)
        for row, (line, _) in enumerate(self._rows()):
            if row in line_of:
                line_of[row] = line
            if row >= max(rows):
                break
        return [line_of[row] for row in rows]

    def fault(self, text: str) -> ConfigError:
        """An error that names the file."""
        return ConfigError(f"{self._path}: {text}")

    def _no_table(self, reason: str) -> ConfigError:
        """Why Arrow cannot read it: most often a row of another length."""
        width = len(self.headers)
        try:
            for line, cells in self._rows():
                if len(cells) != width:
                    why = "is a decimal comma unquoted?" if len(cells) > width else "was the file saved whole?"
                    return self.fault(f"line {line:,}: {len(cells)} cells under {width} headers; {why}")
        except csv.Error as error:
            reason = f"{error}; is a quote unclosed?"
        return self.fault(f"not readable as CSV: {printable(reason)}")

    def _rows(self) -> Iterator[tuple[int, list[str]]]:
        """(line, cells) of each row, as Arrow counts rows."""
        text = io.StringIO(self._table.data.decode(self._table.encoding), newline="")
        reader, line = csv.reader(text, delimiter=self._table.delimiter, strict=True), 1
        for cells in reader:
            if cells and line > self._table.header_line:
                yield line, cells
            line = reader.line_num + 1


def codes_of(cells: Any) -> tuple[Ints, list[str]]:
    """For each row the number of its text, -1 where there is none; and the texts, stripped, the last of them empty."""
    texts = [(text or "").strip() for text in cells.dictionary.to_pylist()]
    codes = cells.indices.fill_null(-1).to_numpy().astype(np.int64)
    texts.append("")  # so that -1 has one too
    is_text = np.array([bool(text) for text in texts])
    return np.where(is_text[codes], codes, -1), texts


def _cast(cells: Any) -> Floats | None:
    """(n,) values of texts, when all of them are plain numbers with a decimal point, or all with a comma."""
    import pyarrow as pa
    from pyarrow import compute

    for has_comma in (False, True):
        with suppress(pa.ArrowInvalid):
            texts = compute.replace_substring(cells, ",", ".") if has_comma else cells
            found: Floats = texts.cast(pa.float64()).to_numpy(zero_copy_only=False)
            return found
    return None


def _open(data: bytes) -> Table:
    if not data.strip():
        raise CannotReadError("the file is empty; readings have a line of headers and a line each")
    if b"\0" in data and not data.startswith(_UTF_16_MARKS):
        raise CannotReadError("not a text file; save the readings as CSV (UTF-8)")
    if len(data[:_HEAD_BYTES].strip().splitlines()) == 1:
        raise CannotReadError(_NOTHING)
    return open_table(data)

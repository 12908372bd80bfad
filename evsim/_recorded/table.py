"""A file of separated values, read in blocks of rows, each with its line."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass

from evsim._typed_in.files import CannotReadError

_DELIMITERS = ",;\t|"
_UTF_16_MARKS = (b"\xff\xfe", b"\xfe\xff")
_PIECE_BYTES = 1 << 20
_BLOCK = 1 << 14
"""Rows that are texts at once; more only take memory."""
_SEP = "sep="

Rows = list[list[str]]


@dataclass(frozen=True)
class Table:
    """A file whose first line with anything in it names the columns.

    headers : as they are written, without blanks around them; header_line : their line
    """

    data: bytes
    encoding: str
    delimiter: str
    headers: tuple[str, ...]
    header_line: int

    def blocks(self) -> Iterator[tuple[list[int], Rows]]:
        """Lines and cells of the rows, some ten thousand at a time. Raises CannotReadError."""
        lines: list[int] = []
        rows: Rows = []
        for line, cells in _rows(self.data, self.encoding, self.delimiter):
            if line <= self.header_line:
                continue
            lines.append(line)
            rows.append(cells)
            if len(rows) == _BLOCK:
                yield lines, rows
                lines, rows = [], []
        if rows:
            yield lines, rows


def open_table(data: bytes) -> Table:
    """The table in a file's bytes. Raises CannotReadError when it is none."""
    encoding = _encoding(data)
    head = data[:_PIECE_BYTES].decode(encoding, "ignore").splitlines()
    lines = [line for line in head if line.strip()]
    if not lines:
        raise CannotReadError("the file is empty; sessions have a line of headers and a line each")
    marked = lines[0].casefold().startswith(_SEP) and len(lines[0]) > len(_SEP)
    named = lines[marked] if len(lines) > marked else ""
    delimiter = lines[0][len(_SEP)] if marked else max(_DELIMITERS, key=named.count)
    rows = _rows(data, encoding, delimiter)
    if marked:
        next(rows, None)
    line, headers = next(rows, (0, []))
    if next(rows, None) is None:
        raise CannotReadError("no sessions; after the line of headers comes a line for each")
    return Table(data, encoding, delimiter, tuple(header.strip() for header in headers), line)


def _rows(data: bytes, encoding: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """(line it begins on, cells) of each row that holds something."""
    text = io.TextIOWrapper(io.BytesIO(data), encoding, newline="")
    reader = csv.reader(text, delimiter=delimiter, strict=True)
    line = 1
    try:
        for cells in reader:
            if cells and (cells[0].strip() or any(cell.strip() for cell in cells)):
                yield line, cells
            line = reader.line_num + 1
    except csv.Error as error:
        raise CannotReadError(f"line {line} is not readable as CSV: {error}; is a quote unclosed?") from None


def _encoding(data: bytes) -> str:
    """How spreadsheets save text: UTF-8, UTF-16 with its mark, or Windows' cp1252."""
    is_16 = data.startswith(_UTF_16_MARKS)
    for encoding in ["utf-16"] if is_16 else ["utf-8-sig", "cp1252"] if b"\0" not in data else []:
        decoder = codecs.getincrementaldecoder(encoding)()
        try:
            for at in range(0, len(data), _PIECE_BYTES):
                decoder.decode(data[at : at + _PIECE_BYTES])
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            continue
        return encoding
    raise CannotReadError("not a text file; save the sessions as CSV (UTF-8)")

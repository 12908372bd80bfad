"""The archetype sheet: its own column headers, and the sheet saved as CSV.

A header is known by its letters and digits alone, so `Battery (kWh)` and `battery_kwh` are one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from evsim._typed_in.faults import did_you_mean, show
from evsim._typed_in.json_source import Path

_HEADERS: dict[str, str] = {
    "name": "archetype archetypename",
    "population_percent": "percentofpopulation populationpct pctpopulation percentpopulation",
    "miles_per_year": "milesyr milesyear milesperyr annualmiles annualmileage mileage",
    "battery_kwh": "battery batterycapacitykwh batterysizekwh",
    "efficiency_miles_per_kwh": "efficiency efficiencymikwh efficiencymileskwh efficiencymiperkwh",
    "plug_in_frequency_per_day": "pluginfrequency pluginfrequencyday pluginsperday",
    "charger_kw": "charger chargerpowerkw",
    "plug_in_time": "plugin",
    "plug_out_time": "plugout unplugtime",
    "target_soc_percent": "targetsoc targetsocpct",
    "v2g_percent": "v2g v2gshare percentv2g",
    "discharge_kw": "discharge dischargepowerkw",
    "v2g_reserve_soc_percent": "v2greserve v2greservesoc",
    "kwh_per_year": "kwhyear kwhyr",
    "kwh_per_plug_in": "kwhplugin",
    "plug_in_soc_percent": "pluginsoc pluginsocpct socatplugin",
    "soc_requirement_percent": "socrequirement socrequirementpct",
    "charging_duration_hours": "chargingduration chargingdurationhrs chargingdurationh chargingdurationhr",
}
KEYS = tuple(_HEADERS)
_KEY_OF = {alias: key for key, aliases in _HEADERS.items() for alias in (key.replace("_", ""), *aliases.split())}
_OPTIONAL = KEYS[KEYS.index("v2g_percent") :]
_IGNORED = "id"
_IGNORED_START = "derived"
_DELIMITERS = ",;\t|"
_UTF_16_MARKS = (b"\xff\xfe", b"\xfe\xff")


def key_of(header: str) -> str | None:
    """The setting that a column header means."""
    letters = "".join(c for c in header.casefold().replace("%", "percent") if c.isalnum())
    return _KEY_OF.get(letters)


def rename(row: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str], dict[str, str]]:
    """A row under its settings' names; how it named each; and headers that mean the same as an earlier one."""
    renamed: dict[str, Any] = {}
    named: dict[str, str] = {}
    repeated: dict[str, str] = {}
    for header, value in row.items():
        key = header if header in KEYS else (key_of(header) or header)
        if key in named:
            repeated[header] = named[key]
            continue
        renamed[key], named[key] = value, header
    return renamed, named, repeated


@dataclass
class Sheet:
    """The rows of a sheet, where each stands, and what is wrong with the sheet itself.

    rows : one mapping for each archetype, under settings' names; values are texts
    lines : the line of each value, addressed by (row, key)
    headers : the header that named a key; header_places : `column 4`, or `line 4` of an upright sheet
    faults : (line, text); 0 for the file as a whole
    spoilt_rows : rows of which nothing more can be said
    """

    rows: list[dict[str, str]] = field(default_factory=list)
    lines: dict[Path, int] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    header_places: dict[str, str] = field(default_factory=dict)
    faults: list[tuple[int, str]] = field(default_factory=list)
    spoilt_rows: set[int] = field(default_factory=set)

    @property
    def is_usable(self) -> bool:
        """Whether each column is known, so that its rows can be judged."""
        return bool(self.rows) and len(self.faults) == len(self.spoilt_rows)


def read_sheet(data: bytes) -> Sheet:
    """The archetypes of a CSV file: separated by commas, semicolons or tabs, upright or as columns."""
    sheet = Sheet()
    text = _decode(data, sheet)
    table = _table(text, sheet)
    if not sheet.faults and len(table) < 2:
        sheet.faults.append((0, "no archetypes; a sheet has a line of headers and a line for each archetype"))
    if sheet.faults:
        return sheet
    if _known(row[1][0] for row in table) > _known(table[0][1]):
        _fill_from_columns(sheet, table)
    else:
        _fill_from_rows(sheet, table)
    _note_missing_columns(sheet, table[0][0])
    return sheet


def _note_missing_columns(sheet: Sheet, line: int) -> None:
    if not sheet.headers:
        sheet.faults[:] = [(line, "none of these headers is known; is it the archetype sheet?")]
    missing = [show(key) for key in KEYS if key not in sheet.headers and key not in _OPTIONAL]
    if missing and len(sheet.faults) == len(sheet.spoilt_rows):
        sheet.faults.append((line, f"no column for {', '.join(missing)}"))


def _decode(data: bytes, sheet: Sheet) -> str:
    """Text as spreadsheets save it: UTF-8, UTF-16 with its mark, or Windows' cp1252."""
    encodings = ["utf-16"] if data.startswith(_UTF_16_MARKS) else ["utf-8-sig", "cp1252"]
    for encoding in encodings if b"\0" not in data or "utf-16" in encodings else []:
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    sheet.faults.append((0, "not a text file; save the sheet as CSV (UTF-8)"))
    return ""


def _table(text: str, sheet: Sheet) -> list[tuple[int, list[str]]]:
    """(line, cells) of every line that is not empty."""
    import csv

    delimiter, lines = "", text.splitlines(keepends=True)
    skipped = 0
    if lines and lines[0].casefold().startswith("sep="):
        delimiter, skipped = lines[0][4:5], 1
    head = next((line for line in lines[skipped:] if line.strip()), "")
    delimiter = delimiter.strip("\r\n") or max(_DELIMITERS, key=head.count)
    reader = csv.reader(lines[skipped:], delimiter=delimiter, strict=True)
    table = []
    line = skipped + 1
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                table.append((line, [cell.strip() for cell in cells]))
            line = skipped + reader.line_num + 1
    except csv.Error as error:
        sheet.faults.append((line, f"not readable as CSV: {error}; is a quote unclosed?"))
    return table


def _known(headers: Iterable[str]) -> int:
    return sum(key_of(header) is not None for header in headers)


def _is_ignored(header: str) -> bool:
    plain = header.casefold().strip()
    return plain in (_IGNORED, "") or plain.startswith(_IGNORED_START)


def _key_for(sheet: Sheet, header: str, line: int, place: str) -> str | None:
    """The setting of a header, or None with a fault unless it is one to ignore."""
    key = key_of(header)
    if key is None:
        if not _is_ignored(header):
            sheet.faults.append((line, f"column {show(header)}: no such setting{did_you_mean(header, KEYS)}"))
        return None
    if key in sheet.headers:
        first = f"{show(sheet.headers[key])} ({sheet.header_places[key]})"
        sheet.faults.append((line, f"{show(header)} ({place}) means the same as {first}; keep one"))
        return None
    sheet.headers[key], sheet.header_places[key] = header, place
    return key


def _put(sheet: Sheet, row: int, key: str | None, cell: str, line: int) -> None:
    if key is not None and cell:
        sheet.rows[row][key] = cell
        sheet.lines[(row, key)] = line


def _fill_from_rows(sheet: Sheet, table: list[tuple[int, list[str]]]) -> None:
    line, headers = table[0]
    keys = [_key_for(sheet, header, line, f"column {at}") for at, header in enumerate(headers, 1)]
    for row, (line, cells) in enumerate(table[1:]):
        sheet.rows.append({})
        sheet.lines[(row,)] = line
        if any(cells[len(keys) :]):
            sheet.faults.append((line, f"{len(cells)} cells where there are {len(keys)} headers; is a comma unquoted?"))
            sheet.spoilt_rows.add(row)
        for key, cell in zip(keys, cells, strict=False):
            _put(sheet, row, key, cell, line)


def _fill_from_columns(sheet: Sheet, table: list[tuple[int, list[str]]]) -> None:
    n = max(len(cells) for _, cells in table) - 1
    sheet.rows.extend({} for _ in range(n))
    for at, (line, cells) in enumerate(table):
        is_names = at == 0 and key_of(cells[0]) is None
        key = _key_for(sheet, "name" if is_names else cells[0], line, f"line {line}")
        for row, cell in enumerate(cells[1:]):
            sheet.lines.setdefault((row,), line)
            _put(sheet, row, key, cell, line)
    sheet.rows = [row for row in sheet.rows if row] if not any(sheet.rows[-1:]) else sheet.rows

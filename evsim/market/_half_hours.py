"""A file of half-hourly energy, a row for each meter and half-hour, in either of two forms.

meter_id, start_utc, kwh                            by the instant at which the half-hour begins
meter_id, settlement_date, settlement_period, kwh   by local date and half-hour of that day
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from evsim._recorded.times import BAD, BLANK, read_times
from evsim._typed_in.faults import show
from evsim._units import Anything, Floats, Ints
from evsim.market._csv_cells import CellFile, codes_of
from evsim.market._readings import MOST_PERIODS, count_periods, settlement

ONLY_METER = "meter"
"""The name of the one meter of a file without a column for it."""
_METER, _START, _DATE, _PERIOD = "meter_id", "start_utc", "settlement_date", "settlement_period"
_DATE_LENGTH = len("2023-03-23")
_SPARSE = 64
"""Half-hours for each row from which a table of all of them is no longer the quickest way to find doubles."""
_A_FEW = 1 << 20


@dataclass(frozen=True, eq=False)
class HalfHours:
    """The rows of a file.

    meters : names, in the order in which they come
    meter : (n,) index of each row's; day : (n,) local date, datetime64[D]; period : (n,) 1 to 50
    kwh : (n,) [kWh], NaN where a cell is empty
    """

    meters: tuple[str, ...]
    meter: Ints
    day: Anything
    period: Ints
    kwh: Floats


def read_half_hours(path: Path, value: str, timezone: str) -> HalfHours:
    """The rows of a file. Raises ConfigError, with line, value and remedy, when something is wrong with one.

    value : the header of the energies; timezone : whose local days have settlement periods
    """
    file = CellFile(path)
    by_start = _START in file.headers
    needed = [_START, value] if by_start else [_DATE, _PERIOD, value]
    forms = f"{_METER}, {_START}, {value} or {_METER}, {_DATE}, {_PERIOD}, {value}"
    file.check_headers(needed, _METER, forms)
    has_meter = _METER in file.headers
    cells = file.columns([*([_METER] if has_meter else []), *needed], value)
    kwh = file.numbers(cells[value], value)
    names, meter = _meters(file, cells[_METER]) if has_meter else ((ONLY_METER,), np.zeros(len(kwh), np.int64))
    if by_start:
        day, period = _by_instant(file, cells[_START], timezone)
    else:
        day, period = _by_number(file, cells[_DATE], cells[_PERIOD], timezone)
    found = HalfHours(names, meter, day, period, kwh)
    _check_once(file, found)
    return found


def _meters(file: CellFile, cells: Any) -> tuple[tuple[str, ...], Ints]:
    codes, texts = codes_of(cells)
    file.tell(codes < 0, cells, _METER, "name the meter of each reading, or leave the column out")
    place = {name: i for i, name in enumerate(dict.fromkeys(filter(None, texts)))}
    return tuple(place), np.array([place.get(text, -1) for text in texts], np.int64)[codes]


def _by_instant(file: CellFile, cells: Any, timezone: str) -> tuple[Anything, Ints]:
    """Local dates and periods of instants; a time without an offset is UTC, as the header says."""
    codes, texts = codes_of(cells)
    file.tell(codes < 0, cells, _START, "each reading says when its half-hour begins")
    times = read_times(texts[:-1])
    is_bad = (times.kind == BAD) | (times.kind == BLANK)
    file.tell(is_bad[codes], cells, _START, "not a date with a time; write it as 2023-03-23T17:00Z")
    day, period, begins = settlement(times.seconds, timezone)
    text = f"not the beginning of a half-hour; readings begin at :00 and :30 in {timezone}"
    file.tell(~begins[codes], cells, _START, text)
    return day[codes], period[codes]


def _by_number(file: CellFile, dates: Any, periods: Any, timezone: str) -> tuple[Anything, Ints]:
    day_code, day_texts = codes_of(dates)
    file.tell(day_code < 0, dates, _DATE, "each reading says its local date")
    times = read_times([f"{text}T00:00" if len(text) == _DATE_LENGTH else "?" for text in day_texts[:-1]])
    file.tell((times.kind == BAD)[day_code], dates, _DATE, "not a date; write it as 2023-03-23")
    days = times.seconds.astype("datetime64[s]").astype("datetime64[D]")
    code, texts = codes_of(periods)
    number = np.array([int(text) if _is_whole(text) else 0 for text in texts], np.int64)
    is_bad = ((number < 1) | (number > MOST_PERIODS))[code]
    file.tell(is_bad, periods, _PERIOD, f"number the half-hours of the local day from 1, at most to {MOST_PERIODS}")
    most = np.array([count_periods(days[i : i + 1], timezone)[0] for i in range(len(days))], np.int64)
    day, period = days[day_code], number[code]
    over = np.flatnonzero(period > most[day_code])
    if len(over):
        i = int(over[0])
        text = f"{_PERIOD} {period[i]} on {day[i]}, which has {most[day_code[i]]} in {timezone}"
        raise file.fault(f"line {file.lines_of([i])[0]:,}: {text}; number the half-hours of the local day from 1")
    return day, period


def _is_whole(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= len(str(MOST_PERIODS))


def _check_once(file: CellFile, found: HalfHours) -> None:
    """Raise what half-hour of a meter is there twice."""
    first, n = found.day.min(), len(found.meters)
    n_cells = (int((found.day.max() - first).astype(np.int64)) + 1) * MOST_PERIODS * n
    place = ((found.day - first).astype(np.int64) * MOST_PERIODS + found.period - 1) * n + found.meter
    if n_cells <= _SPARSE * len(place) + _A_FEW:
        is_there = np.zeros(n_cells, bool)
        is_there[place] = True
        if int(is_there.sum()) == len(place):
            return
    order = np.argsort(place, kind="stable")
    again = np.flatnonzero(place[order][1:] == place[order][:-1])
    if len(again):
        i, j = int(order[again[0]]), int(order[again[0] + 1])
        what = f"meter {show(found.meters[found.meter[i]])}, {found.day[i]} period {found.period[i]}"
        one, other = file.lines_of([i, j])
        raise file.fault(f"lines {one:,} and {other:,}: two readings of {what}; leave one of them out")

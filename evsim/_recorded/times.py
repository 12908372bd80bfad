"""Dates with times as files have them, a whole column at once.

A column is looked at as a matrix of characters, so that a layout is a few comparisons of columns; what has no
common layout is read one by one.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from evsim._recorded.numbers import is_blank
from evsim._units import SECONDS_PER_DAY, SECONDS_PER_HOUR, SECONDS_PER_MINUTE, Anything, Bools, Ints

BAD, BLANK, LOCAL, UTC = range(4)
"""What a text turned out to be: no time, nothing, a wall-clock time, or an instant."""
YEARS = (1970, 2100)

_WIDTH = 40
_LAYOUTS = (
    "yyyy-mm-dd hh:ii:ss",
    "yyyy-mm-ddThh:ii:ss",
    "yyyy-mm-ddThh:ii:ssZ",
    "yyyy-mm-dd hh:ii:ss±oo:pp",
    "yyyy-mm-ddThh:ii:ss±oo:pp",
    "yyyy-mm-dd hh:ii",
    "yyyy-mm-ddThh:ii",
    "dd.mm.yyyy hh:ii",
    "dd.mm.yyyy hh:ii:ss",
    "www, dd bbb yyyy hh:ii:ss GMT",
)
"""y m d h i s: digits of year, month, day, hour, minute, second; o p: of the offset; b: month's name; w: weekday's."""
_DIGITS = "ymdhisop"
_ZERO = np.uint32(ord("0"))
_LETTERS = "wb"
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_LEAST_ISO = 12
_DOTTED = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4}),? (\d{1,2}):(\d\d)(?::(\d\d))?", re.ASCII)
_MAIL = re.compile(r"[A-Za-z]{3}, \d{1,2} [A-Za-z]{3} \d{4} \d\d:\d\d:\d\d (GMT|UTC|[+-]\d{4})", re.ASCII)


class Times(NamedTuple):
    """seconds : (n,) since 1970, of the wall clock or UTC; kind : (n,) BAD, BLANK, LOCAL or UTC."""

    seconds: Ints
    kind: Ints


def read_times(cells: Sequence[str]) -> Times:
    """The times in a column of texts; fractions of a second are cut off."""
    seconds, kind = np.zeros(len(cells), np.int64), np.zeros(len(cells), np.int64)
    width = min(_WIDTH, max(map(len, cells), default=0) or 1)
    codes = np.ascontiguousarray(np.array(cells, f"U{width}").view(np.uint32).reshape(len(cells), width).T)
    length = np.fromiter(map(len, cells), np.int64, len(cells))
    left = np.arange(len(cells))
    for layout in _LAYOUTS:
        who = left[length[left] == len(layout)]
        if not len(who):
            continue
        fits, at = _read(codes if len(who) == len(cells) else codes[:, who], layout)
        seconds[who[fits]] = at[fits]
        kind[who[fits]] = LOCAL if layout[-1] in "si" else UTC
        left = left[kind[left] == BAD]
    for i in left.tolist():
        seconds[i], kind[i] = _one(cells[i])
    return Times(seconds, kind)


def _read(codes: Anything, layout: str) -> tuple[Bools, Ints]:
    """Which rows have this layout and are real times, and their seconds."""
    fits = np.ones(codes.shape[1], bool)
    for column, c in zip(codes, layout, strict=False):
        if c in _DIGITS:
            fits &= column - _ZERO <= 9  # below zero these wrap to the top
        elif c == "±":
            fits &= (column == ord("+")) | (column == ord("-"))
        elif c not in _LETTERS:
            fits &= column == ord(c)
    part = {c: _number(codes, layout, c) for c in _DIGITS}
    if "b" in layout:
        part["m"] = _month_named(codes, layout.index("b"))
    days, is_real = _days(part["y"], part["m"], part["d"])
    fits &= is_real & (part["h"] < 24) & (part["i"] < 60) & (part["s"] < 60) & (part["o"] < 24) & (part["p"] < 60)
    clock_s = part["h"] * SECONDS_PER_HOUR + part["i"] * SECONDS_PER_MINUTE + part["s"]
    offset_s = part["o"] * SECONDS_PER_HOUR + part["p"] * SECONDS_PER_MINUTE
    if "±" in layout:
        offset_s = np.where(codes[layout.index("±")] == ord("-"), -offset_s, offset_s)
    return fits, days * SECONDS_PER_DAY + clock_s - offset_s


def _number(codes: Anything, layout: str, c: str) -> Ints:
    """The number whose digits are at the letter `c`; zero where the layout has none."""
    value = np.zeros(codes.shape[1], np.int64)
    for column, letter in zip(codes, layout, strict=False):
        if letter == c:
            value = value * 10 + (column - _ZERO)
    return value


def _month_named(codes: Anything, at: int) -> Ints:
    """1 for January; 0 for what is no month."""
    known = np.array([[ord(c) for c in name] for name in _MONTHS])
    lower = codes[at : at + known.shape[1]] | np.uint32(ord(" "))
    same = (lower[None, :, :] == known[:, :, None]).all(axis=1)
    return np.where(same.any(axis=0), same.argmax(axis=0) + 1, 0)


def _days(year: Ints, month: Ints, day: Ints) -> tuple[Ints, Bools]:
    """Days since 1970 of dates, and which of them exist."""
    is_real = (year >= YEARS[0]) & (year <= YEARS[1]) & (month >= 1) & (month <= len(_MONTHS)) & (day >= 1)
    months = np.where(is_real, (year - YEARS[0]) * len(_MONTHS) + month - 1, 0).astype("datetime64[M]")
    dates = months.astype("datetime64[D]") + np.where(is_real, day - 1, 0)
    is_real &= dates.astype("datetime64[M]") == months
    return dates.astype(np.int64), is_real


def _one(text: str) -> tuple[int, int]:
    """Any other ISO time, a dotted one with single digits, or one of a mail."""
    if is_blank(text):
        return 0, BLANK
    moment = _moment(text) if len(text) < _WIDTH else None
    if moment is None or not YEARS[0] < moment.year <= YEARS[1]:
        return 0, BAD
    kind = LOCAL if moment.tzinfo is None else UTC
    aware = moment.replace(tzinfo=dt.UTC) if moment.tzinfo is None else moment
    return int(aware.timestamp() // 1), kind


def _moment(text: str) -> dt.datetime | None:
    dotted = _DOTTED.fullmatch(text)
    try:
        if dotted:
            day, month, year, hour, minute, second = (int(part or 0) for part in dotted.groups())
            return dt.datetime(year, month, day, hour, minute, second)  # noqa: DTZ001 - local wall clock, by contract
        if _MAIL.fullmatch(text):
            from email.utils import parsedate_to_datetime

            return parsedate_to_datetime(text)
        if len(text) >= _LEAST_ISO and text[0].isdigit():
            return dt.datetime.fromisoformat(text.removesuffix(" UTC") + "+00:00" * text.endswith(" UTC"))
    except (ValueError, OverflowError):
        pass
    return None

"""Dates as a spreadsheet of Great Britain writes them: day/month/year, where they cannot be month/day/year."""

from __future__ import annotations

import re
from collections.abc import Sequence

from evsim._signals.faulty import FaultySourceError
from evsim._signals.rows import Where
from evsim._typed_in.faults import show

_SLASHED = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4}),? +(\d{1,2}):(\d\d)(?::\d\d)?", re.ASCII)
_MONTHS = 12


def with_dots(starts: Sequence[str], ends: Sequence[str], where: Where) -> tuple[Sequence[str], Sequence[str]]:
    """The times with 13/01/2026 as 13.01.2026, when all starts are so written; any others as they are.

    Raises FaultySourceError where a date may be month/day/year.
    """
    there = [cell for cell in starts if cell]
    if not there or not all(map(_SLASHED.fullmatch, there)):
        return starts, ends
    _check_is_day_first(starts, where)
    return _dotted(starts), _dotted(ends)


def _dotted(cells: Sequence[str]) -> list[str]:
    return [" ".join(cell.replace("/", ".").split()) if _SLASHED.fullmatch(cell) else cell for cell in cells]


def _check_is_day_first(cells: Sequence[str], where: Where) -> None:
    """Some first number is over 12, and no second one."""
    pairs = [(int(first), int(second)) for first, second, *_ in (cell.split("/") for cell in cells if cell)]
    if any(second > _MONTHS for _, second in pairs):
        i = next(i for i, cell in enumerate(cells) if cell and int(cell.split("/")[1]) > _MONTHS)
        text = "slashed dates are only read as day/month/year, and this is none"
        raise FaultySourceError.at(
            ("file",), f"{where(i)} has {show(cells[i])}: {text}; write it as {_iso(cells[i], 2, 1)}"
        )
    if all(first <= _MONTHS for first, _ in pairs):
        i = next(i for i, cell in enumerate(cells) if cell)
        text = "day/month or month/day? No date of the file has a day over 12"
        either = f"{_iso(cells[i], 1, 2)} or {_iso(cells[i], 2, 1)}"
        raise FaultySourceError.at(("file",), f"{where(i)} has {show(cells[i])}: {text}; write it as {either}")


def _iso(cell: str, day_at: int, month_at: int) -> str:
    """`2026-01-13T00:30`, of a slashed date whose day and month are at these places."""
    found = _SLASHED.fullmatch(cell)
    if found is None:
        return show(cell)
    return f"{found[3]}-{int(found[month_at]):02d}-{int(found[day_at]):02d}T{int(found[4]):02d}:{found[5]}"

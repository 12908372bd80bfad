"""A time-of-use table: periods of the local day, each with its value."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any, TypeAlias

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

from evsim._errors import name_some
from evsim._typed_in.faults import show, typed_fault
from evsim._typed_in.values import as_number, as_time, show_time
from evsim._units import SECONDS_PER_DAY, SECONDS_PER_HOUR, SECONDS_PER_MINUTE

MOST_PERIODS = 1_440
"""One a minute."""
_EXAMPLE = '[["00:30", "05:30", 7.5], ["05:30", "00:30", 28]]'
_MOST_NAMED = 3

Period: TypeAlias = "tuple[dt.time, dt.time, float]"


def as_periods(given: Any) -> tuple[Period, ...]:
    """Periods (from, to, value) that cover 24 hours once; one may span midnight."""
    if not isinstance(given, list | tuple) or not given:
        raise typed_fault(f"{show(given)} is not a list of periods; write {_EXAMPLE}")
    if len(given) > MOST_PERIODS:
        raise typed_fault(f"{len(given):,} periods are too many; at most {MOST_PERIODS:,} fit a day")
    periods = tuple(_period(i, period) for i, period in enumerate(given))
    wrong = _gaps_and_overlaps([(seconds_of(a), seconds_of(b)) for a, b, _ in periods])
    if wrong:
        raise typed_fault(f"{name_some(wrong, _MOST_NAMED)}; the periods must cover the 24 hours once")
    return periods


def seconds_of(time: dt.time) -> int:
    """Seconds after midnight."""
    return time.hour * SECONDS_PER_HOUR + time.minute * SECONDS_PER_MINUTE + time.second


def _period(i: int, given: Any) -> Period:
    if not isinstance(given, list | tuple) or len(given) != 3:
        raise typed_fault(f'period {i + 1}: {show(given)} is not [from, to, value], as in ["00:30", "05:30", 7.5]')
    try:
        return as_time(given[0]), as_time(given[1]), as_number(given[2])
    except ValueError as error:
        raise typed_fault(f"period {i + 1}: {error}") from None


def _gaps_and_overlaps(spans: list[tuple[int, int]]) -> list[str]:
    """Where the day has no value, or several; looked at from the first period's start, so that no gap is cut in two."""
    first = spans[0][0]
    spans = [((a - first) % SECONDS_PER_DAY, (b - a) % SECONDS_PER_DAY or SECONDS_PER_DAY) for a, b in spans]
    pieces = [(a, min(a + length, SECONDS_PER_DAY)) for a, length in spans]
    pieces += [(0, a + length - SECONDS_PER_DAY) for a, length in spans if a + length > SECONDS_PER_DAY]
    change: dict[int, int] = {0: 0, SECONDS_PER_DAY: 0}
    for a, b in pieces:
        change[a] = change.get(a, 0) + 1
        change[b] = change.get(b, 0) - 1
    found: list[tuple[int, int, bool]] = []
    n, begin = 0, 0
    for at in sorted(change):
        if n != 1 and at > begin:
            joins = found and found[-1][1:] == (begin, n > 1)
            found[-1:] = [(found[-1][0], at, n > 1)] if joins else [*found[-1:], (begin, at, n > 1)]
        n, begin = n + change[at], at
    return [
        f"{'several values' if many else 'no value'} from {_at(first + a)} to {_at(first + b)}" for a, b, many in found
    ]


def _at(second: int) -> str:
    minutes, seconds = divmod(second % SECONDS_PER_DAY, SECONDS_PER_MINUTE)
    return show_time(dt.time(*divmod(minutes, SECONDS_PER_MINUTE), seconds))


def _written(periods: tuple[Period, ...]) -> list[list[str | float]]:
    return [[show_time(a), show_time(b), value] for a, b, value in periods]


_TIME_SCHEMA = {"type": "string", "pattern": r"^([01]?\d|2[0-4]):[0-5]\d(:[0-5]\d)?$"}
PERIODS_SCHEMA = {
    "type": "array",
    "minItems": 1,
    "items": {
        "type": "array",
        "prefixItems": [_TIME_SCHEMA, _TIME_SCHEMA, {"type": "number"}],
        "minItems": 3,
        "maxItems": 3,
    },
    "examples": [[["00:30", "05:30", 7.5], ["05:30", "00:30", 28]]],
}
Periods = Annotated[
    tuple[tuple[dt.time, dt.time, float], ...],
    BeforeValidator(as_periods),
    PlainSerializer(_written, when_used="json"),
    WithJsonSchema(PERIODS_SCHEMA),
]

"""What the lines of a proof are made of, so that whatever else stands there is told and not tripped over."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, TypeAlias

Fits: TypeAlias = Callable[[Any], bool]
_MOST = 1e15
_FIRST_YEAR, _LAST_YEAR = 1971, 2099
_DATE_LENGTH = len("2026-01-14")
_PAIR = 2


def is_text(value: Any) -> bool:
    """A text."""
    return isinstance(value, str)


def is_switch(value: Any) -> bool:
    """True or false."""
    return isinstance(value, bool)


def is_number(value: Any) -> bool:
    """A number of reasonable size."""
    kind = type(value)
    return (kind is float or kind is int) and -_MOST < value < _MOST


def is_whole(value: Any) -> bool:
    """A whole number from 0."""
    return type(value) is int and 0 <= value < _MOST


def is_date(value: Any) -> bool:
    """An ISO date."""
    return isinstance(value, str) and _is_date(value)


def is_instant(value: Any) -> bool:
    """An instant, ISO 8601 in UTC."""
    return isinstance(value, str) and value.endswith("Z") and _is_instant(value)


@lru_cache(maxsize=65_536)
def _is_date(text: str) -> bool:
    try:
        return len(text) == _DATE_LENGTH and _FIRST_YEAR <= dt.date.fromisoformat(text).year <= _LAST_YEAR
    except ValueError:
        return False


@lru_cache(maxsize=65_536)
def _is_instant(text: str) -> bool:
    try:
        return _FIRST_YEAR <= dt.datetime.fromisoformat(text).year <= _LAST_YEAR
    except ValueError:
        return False


def or_empty(fits: Fits) -> Fits:
    """The same, or nothing."""
    return lambda value: value is None or fits(value)


def many(fits: Fits) -> Fits:
    """A list of such."""
    return lambda value: isinstance(value, list) and all(map(fits, value))


def _is_run(value: Any) -> bool:
    return isinstance(value, list) and len(value) == _PAIR and all(map(is_whole, value))


def _is_missing(value: Any) -> bool:
    return isinstance(value, dict) and all(is_date(day) and many(_is_run)(runs) for day, runs in value.items())


def _is_earlier_day(value: Any) -> bool:
    return isinstance(value, list) and len(value) == _PAIR and is_date(value[0]) and or_empty(is_text)(value[1])


ENERGY = or_empty(is_number)
ENERGIES = many(ENERGY)
_DATES = many(is_date)
_WHOLES = many(is_whole)

HEADER: dict[str, Fits] = {
    "proof_of": is_text,
    "schema_version": is_whole,
    "config_hash": is_text,
    "timezone": is_text,
    "holidays": is_text,
    "closed_utc": is_instant,
    "n_meters": is_whole,
    "method": lambda value: isinstance(value, dict) and is_text(value.get("method")),
    "event_days": _DATES,
}
FILE: dict[str, Fits] = {
    "name": is_text,
    "lines": is_whole,
    "bytes": is_whole,
    "sha256": is_text,
    "sha256_of_last_line": is_text,
}
TOTALS: dict[str, Fits] = {
    "n_took_part": is_whole,
    **dict.fromkeys(
        (
            "baseline_kwh", "metered_kwh", "delivered_kwh", "instructed_kwh", "accepted_kwh", "shortfall_kwh",
            "payment_gbp",
        ),
        ENERGY,
    ),
}  # fmt: skip
MANIFEST: dict[str, Fits] = {
    "header": lambda value: isinstance(value, dict),
    "sha256_of_header": is_text,
    "files": lambda value: isinstance(value, list) and all(isinstance(item, dict) for item in value),
    "totals": lambda value: isinstance(value, dict),
}
LINES: dict[str, dict[str, dict[str, Fits]]] = {
    "instruction.jsonl": {
        "received": {"known_utc": is_instant},
        "served": {
            "start_utc": is_instant,
            "end_utc": is_instant,
            "action": lambda value: value in ("discharge", "turn_down", "turn_up"),
            "target_kw": ENERGY,
            "pence_per_kwh": is_number,
        },
    },
    "orders.jsonl": {"": {"at_utc": is_instant, "meter_id": is_text, "kw": ENERGY, "reason": is_text}},
    "meters.jsonl": {
        "calendar": {"settlement_date": is_date, "periods": _WHOLES},
        "meter": {
            "settlement_date": is_date,
            "meter_id": is_text,
            "archetype": is_text,
            "metered_kwh": ENERGIES,
        },
    },
    "baseline.jsonl": {
        "": {
            "settlement_date": is_date,
            "meter_id": is_text,
            "days_used": _DATES,
            "is_sufficient": is_switch,
            "note": is_text,
            "adjustment_kwh": ENERGY,
            "baseline_kwh": ENERGIES,
        }
    },
    "delivered.jsonl": {
        "all": {
            "settlement_date": _DATES,
            "settlement_period": _WHOLES,
            "start_utc": many(is_instant),
            "n_missing": _WHOLES,
            "instructed_kwh": ENERGIES,
            "accepted_kwh": ENERGIES,
            "shortfall_kwh": ENERGIES,
            "pence_per_kwh": ENERGIES,
            "payment_gbp": ENERGIES,
            **dict.fromkeys(("baseline_kwh", "metered_kwh", "delivered_kwh"), ENERGIES),
        },
        "meter": {
            "meter_id": is_text,
            "response": is_text,
            "why": or_empty(is_text),
            "total_delivered_kwh": ENERGY,
            **dict.fromkeys(("baseline_kwh", "metered_kwh", "delivered_kwh"), ENERGIES),
        },
    },
}
"""By file and kind of row (its key `row`, where there is one)."""

CALENDAR_OF_HISTORY: dict[str, Fits] = {
    "kind": is_text,
    "before_periods": _WHOLES,
    "earlier_days": many(_is_earlier_day),
}
METER_OF_HISTORY: dict[str, Fits] = {
    "days": _DATES,
    "day_kwh": many(is_number),
    "kwh": many(ENERGIES),
    "missing": _is_missing,
}
METER_OF_ADJUSTMENT: dict[str, Fits] = {"before_kwh": ENERGIES, "earlier_before_kwh": many(ENERGIES)}
CALENDAR_OF_NOMINATED: dict[str, Fits] = {"is_portfolio_nominated": is_switch, "nominated_portfolio_kwh": ENERGIES}
METER_OF_NOMINATED: dict[str, Fits] = {"is_nominated": is_switch, "nominated_kwh": ENERGIES}


def misfit(row: Mapping[str, Any], shape: Mapping[str, Fits]) -> str | None:
    """The first key of a shape that is not there, or holds something else; None where all fits."""
    for key, fits in shape.items():
        if key not in row or not fits(row[key]):
            return key
    return None

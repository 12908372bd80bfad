"""What people type, made into values: numbers with units and commas, percentages, times, zones.

Every function takes anything and returns the value, or raises a fault that says what would do.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from math import isfinite
from numbers import Real
from typing import Any
from zoneinfo import ZoneInfo

from evsim._typed_in.faults import did_you_mean, nearest, show, told_fault, typed_fault
from evsim._units import HOURS_PER_DAY, SECONDS_PER_HOUR, SECONDS_PER_MINUTE

_MINUTES = SECONDS_PER_HOUR // SECONDS_PER_MINUTE
_NOON_H = 12
_LONGEST_NUMBER = 300
_GROUP = 3
_KILO, _MEGA = "kW", "MW"
_KILOS_PER_MEGA = 1_000
_YEARS = (1970, 2100)
_SPACES = str.maketrans("", "", " \u00a0\u202f\u2009_'")


def in_unit(unit: str) -> Callable[[Any], float]:
    """The reader of numbers of a unit: `60`, `"60"`, `"60 kWh"` and `"9,435"` are understood, and `"1 MW"` for kW."""

    def read(given: Any) -> float:
        return as_number(given, unit)

    return read


def as_number(given: Any, unit: str = "") -> float:
    """A finite number."""
    typed = given
    if isinstance(given, str):
        given = _number_in(given, unit)
    if isinstance(given, bool) or not isinstance(given, Real):
        hint = "; leave the setting out for its default" if given is None else ""
        raise typed_fault(f"{show(given)} is not a number{hint}")
    try:
        number = float(given)
    except OverflowError:
        raise typed_fault(f"{show(given)} is too large") from None
    if not isfinite(number):
        raise typed_fault(f"{show(typed)} is not a number a run can use")
    return number


def as_whole(given: Any, unit: str = "") -> int:
    """A whole number; `7.0` is 7."""
    if isinstance(given, str):
        given = _number_in(given, unit)
    if isinstance(given, int) and not isinstance(given, bool):
        return given
    number = as_number(given)
    if number != int(number):
        raise typed_fault(f"{show(given)} is not a whole number")
    return int(number)


def as_percent(given: Any) -> float:
    """A percentage: `80`, `"80"` and `"80%"` are the same."""
    return as_number(given, "%")


def _number_in(text: str, unit: str) -> int | float:
    plain = text.strip()
    factor = 1
    if unit == _KILO and plain.casefold().endswith(_MEGA.casefold()):
        plain, factor = plain[: -len(_MEGA)].rstrip(), _KILOS_PER_MEGA
    elif unit and plain.casefold().endswith(unit.casefold()):
        plain = plain[: -len(unit)].rstrip()
    if not plain:
        raise typed_fault(f"{show(text)} holds no number")
    joined = plain.translate(_SPACES) if _is_grouped(plain) else plain
    whole, *groups = joined.lstrip("+-").split(",")
    if groups and len(joined) < _LONGEST_NUMBER:
        rest = [*groups[:-1], groups[-1].split(".")[0]]
        if not whole.isdigit() or any(len(g) != _GROUP or not g.isdigit() for g in rest):
            raise typed_fault(f"{show(text)} is not a number; write a decimal point, as in {joined.replace(',', '.')}")
        joined = joined.replace(",", "")
    try:
        return int(joined) * factor
    except ValueError:
        pass
    try:
        return float(joined) * factor
    except ValueError:
        wanted = f"; plain, or with its unit: 60 or {show('60 ' + unit)}" if unit not in ("", "%") else ""
        raise typed_fault(f"{show(text)} is not a number{wanted}") from None


def _is_grouped(plain: str) -> bool:
    """Whether spaces in a number only group its digits by three."""
    return all(len(part) == _GROUP for part in plain.replace("\u00a0", " ").replace("\u202f", " ").split()[1:])


def as_switch(given: Any) -> bool:
    """`true` or `false`, also as text."""
    if isinstance(given, str) and given.strip().casefold() in ("true", "false"):
        return given.strip().casefold() == "true"
    if not isinstance(given, bool):
        raise typed_fault(f"{show(given)} is neither true nor false")
    return given


def as_name(given: Any) -> str:
    """A name on one line, without blanks around it."""
    if not isinstance(given, str):
        raise typed_fault(f"{show(given)} is not a text; write it in double quotes")
    name = given.strip()
    if not name.isprintable():
        raise typed_fault(f"{show(given)} holds a line break or another character that cannot be shown")
    return name


def as_time(given: Any) -> dt.time:
    """A time of day: `"18:00"`, `"18:00:30"`, `"6:00 PM"`, `"6pm"`, `"18.00"`; `"24:00"` is midnight."""
    if isinstance(given, dt.time) and given.tzinfo is None and not given.microsecond:
        return given
    time = _time_in(given.strip().casefold()) if isinstance(given, str) else None
    if time is None:
        raise typed_fault(f"{show(given)} is not a time of day; write it as {show(_likely_time(given))}")
    return time


def _time_in(text: str) -> dt.time | None:
    clock = text.replace("a.m.", "am").replace("p.m.", "pm")
    half = clock[-2:] if clock.endswith(("am", "pm")) else ""
    parts = clock.removesuffix(half).strip().replace(".", ":").split(":")
    if len(parts) > _GROUP or any(not (p.isascii() and p.isdigit() and len(p) <= 2) for p in parts):
        return None
    hour, minute, second = (*map(int, parts), 0, 0)[:3]
    if len(parts) == 1 and not half:
        return None
    if half:
        if not 1 <= hour <= _NOON_H:
            return None
        hour = hour % _NOON_H + (_NOON_H if half == "pm" else 0)
    if (hour, minute, second) == (HOURS_PER_DAY, 0, 0):
        hour = 0
    return dt.time(hour, minute, second) if hour < HOURS_PER_DAY and max(minute, second) < _MINUTES else None


def _likely_time(given: object) -> str:
    """The time that `18`, `1800`, `0.75` (of a day, as spreadsheets have it) or `"18h30"` may mean."""
    try:
        number = as_number(given.strip().casefold().rstrip("h") if isinstance(given, str) else given)
    except ValueError:
        digits = "".join(c if c.isdigit() else " " for c in given).split() if isinstance(given, str) else []
        number = int(digits[0][:2]) * 100 + int(digits[1][:2]) if len(digits) > 1 else -1
    minutes = -1.0
    if 0 < number < 1:
        minutes = round(number * HOURS_PER_DAY * _MINUTES)
    elif number == int(number):
        hour, minute = divmod(int(number), 100) if number > HOURS_PER_DAY else (int(number), 0)
        minutes = hour * _MINUTES + minute if minute < _MINUTES else -1
    if not 0 <= minutes < HOURS_PER_DAY * _MINUTES:
        return "18:00"
    return f"{int(minutes) // _MINUTES:02d}:{int(minutes) % _MINUTES:02d}"


def show_time(time: dt.time) -> str:
    """`18:00`, or `18:00:30`."""
    return time.isoformat("seconds" if time.second else "minutes")


def as_start(given: Any) -> dt.datetime:
    """A local wall-clock moment: `"2026-01-12T12:00"`; without a time it is midnight."""
    moment = given
    if isinstance(given, str):
        try:
            moment = dt.datetime.fromisoformat(given.strip())
        except ValueError:
            raise typed_fault(_not_a_start(given)) from None
    elif isinstance(given, dt.date) and not isinstance(given, dt.datetime):
        moment = dt.datetime.combine(given, dt.time())
    if not isinstance(moment, dt.datetime):
        raise typed_fault(_not_a_start(given))
    if moment.tzinfo is not None:
        local = show_start(moment.replace(tzinfo=None))
        raise told_fault(f"{show(given)} has an offset; it is local, in simulation.timezone: write {show(local)}")
    if not _YEARS[0] <= moment.year <= _YEARS[1]:
        raise typed_fault(f"{show(given)} is outside the years {_YEARS[0]}-{_YEARS[1]}")
    if moment.second or moment.microsecond:
        raise typed_fault(f"{show(given)} is not on a whole minute")
    return moment


def _not_a_start(given: object) -> str:
    return f'{show(given)} is not a date with a time; write year-month-day and time: "2026-01-12T12:00"'


def show_start(moment: dt.datetime) -> str:
    """`2026-01-12T12:00`."""
    return moment.isoformat(timespec="minutes")


def gap_at(moment: dt.datetime, timezone: str) -> dt.datetime | None:
    """When clocks skip over `moment` in this zone: the time they show instead."""
    zone = ZoneInfo(timezone)
    shown = moment.replace(tzinfo=zone).astimezone(dt.UTC).astimezone(zone).replace(tzinfo=None)
    return shown if shown != moment else None


def as_timezone(given: Any) -> str:
    """The name of a time zone that this machine knows."""
    if not isinstance(given, str):
        raise typed_fault(f'{show(given)} is not a text; write a place, as in "Europe/London"')
    name = given.strip()
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise told_fault(f"{show(given)} is not a time zone{_likely_zone(name)}") from None
    return name


NO_HOLIDAYS = "none"
COMMON_REGION = "GB-ENG"


def as_holidays(given: Any) -> str:
    """A region whose bank holidays are known, as in "GB-ENG" or "NO"; "none" for null."""
    if given is None or (isinstance(given, str) and given.strip().lower() == NO_HOLIDAYS):
        return NO_HOLIDAYS
    if not isinstance(given, str):
        raise typed_fault(f'{show(given)} is not a text; write a region, as in "GB-ENG", or "none"')
    if given.strip().upper() == COMMON_REGION:
        return COMMON_REGION
    from holidays import list_supported_countries

    known = list_supported_countries(include_aliases=False)
    country, dash, part = (text.strip().upper() for text in given.partition("-"))
    if country not in known:
        raise told_fault(f'{show(given)} is not a region with known bank holidays; write one as in "GB-ENG" or "NO"')
    if not dash:
        return country
    if part not in known[country]:
        parts = ", ".join(known[country]) or "none"
        raise told_fault(f"{show(given)} is not a region of {country} with holidays of its own; it has: {parts}")
    return f"{country}-{part}"


def _likely_zone(name: str) -> str:
    from zoneinfo import available_timezones

    known = available_timezones()
    zones = sorted(zone for zone in known if zone == "UTC" or ("/" in zone and not zone.startswith("Etc/")))
    if not zones:
        return "; this machine knows none: python -m pip install tzdata"
    place = name.rsplit("/", maxsplit=1)[-1].strip().replace(" ", "_").casefold()
    same = [zone for zone in zones if place and zone.rsplit("/", maxsplit=1)[-1].casefold() == place]
    if any(c.isdigit() for c in name) or place in ("bst", "gmt"):
        return '; name a place, so that its clock changes are known: "Europe/London", "Europe/Paris"'
    if same:
        return f"; did you mean {show(same[0])}?"
    if nearest(name, zones) is None:
        return '; zones are named like "Europe/London"'
    return did_you_mean(name, zones)

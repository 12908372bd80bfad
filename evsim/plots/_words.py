"""What the pictures say: titles, moments, units, and names cut to the room there is."""

from __future__ import annotations

import datetime as dt
import unicodedata
from typing import NamedTuple

import numpy as np

from evsim._clock import EPOCH, Clock
from evsim._results import Results
from evsim._units import SECONDS_PER_MINUTE

POINTS_PER_INCH = 72
_NARROW, _WIDE = " .,:;'|!()[]iljtfrI-\N{MIDDLE DOT}\N{EN DASH}", "mwMW%@"
_BOLD = 1.15
_PHRASES = {"immediate": "on arrival", "scheduled": "at set hours"}
_MOST_NAMED = 2
BETWEEN_ITEMS = "  ·  "


class Unit(NamedTuple):
    """A unit of power: its name, and how many kW it is."""

    name: str
    kw: float


_UNITS = (Unit("GW", 1e6), Unit("MW", 1e3), Unit("kW", 1.0))
_FROM_UNIT = 10
_MOST_IN_KWH = 1e6


def unit_for(kw: float) -> Unit:
    """The largest unit in which a power [kW] is 10 or more; kW for small powers."""
    return next((unit for unit in _UNITS if kw >= _FROM_UNIT * unit.kw), _UNITS[-1])


def power(kw: float) -> str:
    """A power [kW] with its unit, to four figures: `1,234 kW`, `12.35 MW`."""
    unit = unit_for(kw)
    value = kw / unit.kw
    decimals = next((places for places, least in enumerate((1000, 100, 10)) if value >= least), 2)
    return f"{value:,.{decimals}f} {unit.name}"


def energy(kwh: float) -> str:
    """An energy [kWh] with its unit: `60,114 kWh`, `60,114 MWh`."""
    return f"{kwh:,.0f} kWh" if kwh < _MOST_IN_KWH else f"{kwh / 1e3:,.0f} MWh"


def counted(n: int, noun: str) -> str:
    """`1 user`, `1,000 users`."""
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {noun}s"


def hour(second_of_day: float) -> str:
    """`07:00`, of seconds after local midnight."""
    minutes = round(second_of_day) // SECONDS_PER_MINUTE
    return f"{minutes // 60 % 24:02d}:{minutes % 60:02d}"


def date(day: int) -> dt.date:
    """The date of a day counted from 1970-01-01."""
    return EPOCH + dt.timedelta(days=day)


def moment(clock: Clock, at_s: float, *, year: bool = False) -> str:
    """`Mon 12 Jan 18:30`: the local wall-clock time of an instant of the run [s]."""
    day, second = clock.local(at_s)
    on = date(int(day))
    which_year = f" {on.year}" if year else ""
    return f"{on:%a} {on.day} {on:%b}{which_year} {hour(float(second))}"


def charging_rule(results: Results) -> str:
    """How they charge, as a phrase for a title: `charging on arrival or at set hours`."""
    charging = results.scenario.charging
    names = [charging.by_archetype.get(archetype, charging.default).name for archetype in results.archetypes]
    phrases = [_phrase(name) for name in dict.fromkeys(names)]
    if len(phrases) > _MOST_NAMED:
        return f"charging by {len(phrases)} rules"
    return f"charging {' or '.join(phrases)}"


def circumstances(results: Results) -> str:
    """The line under a title: when, what was drawn, by which rules, with which luck."""
    clock = results.clock
    first, last = (date(int(day)) for day in clock.local(np.array([0, clock.end_s]))[0])
    begins = moment(clock, 0, year=first.year != last.year)
    period = f"{begins} \N{EN DASH} {moment(clock, clock.end_s, year=True)}"
    drawn = f"{energy(float(results.import_kwh.sum()))} drawn"
    seed = f"seed {results.scenario.simulation.seed}"
    return BETWEEN_ITEMS.join((period, drawn, _rules(results), seed))


def _rules(results: Results) -> str:
    charging = results.scenario.charging
    default = clean(charging.default.name)
    rules = {clean(name): clean(rule.name) for name, rule in charging.by_archetype.items()}
    others = [f"{rule} for {name}" for name, rule in rules.items() if rule != default]
    if not others:
        return f"strategy {default}"
    if len(others) > _MOST_NAMED:
        return f"{default}, but others for {len(others)} archetypes"
    return f"{default}, but {' and '.join(others)}"


def clean(name: str) -> str:
    """A name on one line, without characters that cannot be drawn."""
    return " ".join("".join(c if c.isprintable() else " " for c in name).split())


def width_in(text: str, size_pt: float, *, is_bold: bool = False) -> float:
    """About how wide a line of text is [in], in DejaVu Sans."""
    ems = 0.0
    for c in text:
        if c in _NARROW:
            ems += 0.34
        elif c in _WIDE:
            ems += 0.93
        elif c.isascii() and not c.isupper():
            ems += 0.62
        else:
            ems += 1.0 if unicodedata.east_asian_width(c) in "WF" else 0.67
    return ems * (_BOLD if is_bold else 1) * size_pt / POINTS_PER_INCH


def shortened(name: str, room_in: float, size_pt: float, *, is_bold: bool = False) -> str:
    """A name cut in its middle, where it is longer than the room [in]: both ends tell names apart."""
    name = clean(name)
    width = width_in(name, size_pt, is_bold=is_bold)
    if width <= room_in:
        return name
    most = max(3, int(len(name) * room_in / width) - 1)
    return f"{name[: most - most // 2].rstrip()}…{name[len(name) - most // 2 :].lstrip()}"


def wrapped(text: str, room_in: float, size_pt: float, between: str = " ") -> list[str]:
    """Text broken into lines no wider than the room [in], between its items or, in a long item, its words."""
    lines: list[str] = []
    for item in text.split(between):
        longer = f"{lines[-1]}{between}{item}" if lines else item
        if width_in(longer, size_pt) <= room_in:
            lines[-1:] = [longer]
        elif width_in(item, size_pt) <= room_in:
            lines.append(item)
        elif between == " ":
            lines.append(shortened(item, room_in, size_pt))
        else:
            lines += wrapped(item, room_in, size_pt)
    return lines


def _phrase(strategy: str) -> str:
    return _PHRASES.get(strategy, f"by “{clean(strategy)}”")

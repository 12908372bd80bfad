"""What the pictures say: titles, moments, units, and names cut to the room there is."""

from __future__ import annotations

import datetime as dt
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from evsim._clock import EPOCH, Clock
from evsim._config.charging import FLEET_KEYS, Charging
from evsim._results import Results
from evsim._units import SECONDS_PER_MINUTE

POINTS_PER_INCH = 72
_NARROW, _WIDE = " .,:;'|!()[]iljtfrI-\N{MIDDLE DOT}\N{EN DASH}", "mwMW%@"
BOLD = 1.15
_LEAST_LETTERS, _MOST_CUTS = 3, 4
_PARTS = 3
"""Of a name that is cut at both ends, a third tells of its beginning."""
_PHRASES = {
    "immediate": "on arrival",
    "scheduled": "at set hours",
    "as_late_as_possible": "as late as possible",
    "balanced": "evenly through the stay",
    "cheapest": "when it is cheapest",
    "greenest": "when it is greenest",
    "blended": "when it is cheap and green",
    "valley_fill": "to fill the valley",
}
_MOST_NAMED, _MOST_SETTINGS, _MOST_SETTING_SIGNS = 2, 2, 24
_STRATEGY, _BY_ARCHETYPE = "strategy", "by_archetype"
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


def number(value: float) -> str:
    """A level of an axis: `1,500`, and a minus sign before one below zero."""
    return f"{value:,.10g}".replace("-", "\N{MINUS SIGN}")


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


def with_users(results: Results) -> list[int]:
    """The archetypes that have users, by their place in the config: those a picture shows. All, if none has."""
    return [i for i, n in enumerate(results.n_users) if n] or list(range(len(results.archetypes)))


def charging_rule(results: Results) -> str:
    """How they charge, as a phrase for a title: `charging on arrival or at set hours`."""
    charging = results.scenario.charging
    names = [charging.strategy_of(results.archetypes[i]).name for i in with_users(results)]
    phrases = [_phrase(name) for name in dict.fromkeys(names)]
    if len(phrases) > _MOST_NAMED:
        return f"charging by {len(phrases)} rules"
    return f"charging {' or '.join(phrases)}"


def circumstances(results: Results) -> str:
    """The line under a title: when, what was drawn, by which rules, with which luck."""
    how = rules(results.scenario.charging, [results.archetypes[i] for i in with_users(results)])
    drawn, given_kwh = f"{energy(float(results.import_kwh.sum()))} drawn", float(results.export_kwh.sum())
    given = (f"{energy(given_kwh)} given back",) if given_kwh else ()
    seed = f"seed {results.scenario.simulation.seed}"
    absent = len(results.archetypes) - len(with_users(results))
    limit_kw = results.scenario.charging.fleet_limit_kw
    limit = () if limit_kw is None else (f"together at most {limit_kw:,.10g} kW",)
    left_out = (f"not shown: {counted(absent, 'archetype')} without users",) if absent else ()
    return BETWEEN_ITEMS.join((period(results.clock), drawn, *given, how, *limit, seed, *left_out))


def period(clock: Clock) -> str:
    """`Mon 12 Jan 12:00 - Mon 19 Jan 2026 12:00`: what a run shows."""
    first, last = (date(int(day)) for day in clock.local(np.array([0, clock.end_s]))[0])
    begins = moment(clock, 0, year=first.year != last.year)
    return f"{begins} \N{EN DASH} {moment(clock, clock.end_s, year=True)}"


def rules(charging: Charging, archetypes: Sequence[str]) -> str:
    """Who charges by which rule: `immediate; Scheduled charging: scheduled 00:30-04:30`."""
    flat = charging.to_config()
    own = flat.pop(_BY_ARCHETYPE, {})
    for key in FLEET_KEYS:
        flat.pop(key, None)
    default = _rule(flat)
    followers: dict[str, list[str]] = {}
    for name in archetypes:
        followers.setdefault(_rule(own.get(name, flat)), []).append(clean(name))
    usual = default if default in followers else next(iter(followers), default)
    followers.pop(usual, None)
    if not followers:
        return f"strategy {usual}"
    if len(followers) > _MOST_NAMED:
        return f"{usual}; {len(followers)} other rules for {sum(map(len, followers.values()))} archetypes"
    return "; ".join((usual, *(f"{_listed(names)}: {rule}" for rule, names in followers.items())))


def _rule(flat: Mapping[str, Any]) -> str:
    """A rule as it is written in a config, shortly: its name, and its settings when they are few."""
    settings = {k: value for k, value in flat.items() if k not in {_STRATEGY, _BY_ARCHETYPE} and value is not True}
    said = ", ".join(_setting(key, value) for key, value in settings.items())
    is_short = said and len(settings) <= _MOST_SETTINGS and len(said) <= _MOST_SETTING_SIGNS
    return clean(f"{flat[_STRATEGY]} {said}" if is_short else str(flat[_STRATEGY]))


def _setting(key: str, value: Any) -> str:  # noqa: ANN401 - a setting may be anything that JSON can say
    """A setting with its name; a pair of times, as in `00:30-04:30`, needs none."""
    match value:
        case [str(begin), str(end)] if begin[:1].isdigit() and end[:1].isdigit():
            return f"{begin}\N{EN DASH}{end}"
        case _:
            return f"{key.replace('_', ' ')} {value}"


def _listed(names: Sequence[str]) -> str:
    return " and ".join(names) if len(names) <= _MOST_NAMED else f"{len(names)} archetypes"


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
    return ems * (BOLD if is_bold else 1) * size_pt / POINTS_PER_INCH


def shortened(name: str, room_in: float, size_pt: float) -> str:
    """A name cut in its middle, where it is longer than the room [in]: both ends tell names apart."""
    name = clean(name)
    if width_in(name, size_pt) <= room_in:
        return name
    cuts = (
        f"{name[: most - most // 2].rstrip()}…{name[len(name) - most // 2 :].lstrip()}"
        for most in range(len(name) - 1, _LEAST_LETTERS, -1)
    )
    least = f"{name[:2]}…{name[-1]}"
    return next((cut for cut in cuts if width_in(cut, size_pt) <= room_in), least)


def told_apart(names: Sequence[str], room_in: float, size_pt: float) -> list[str]:
    """Names cut to the room [in] so that different ones stay different, as far as there is room for that.

    Those that would look alike begin, after a little of their common beginning, where they first differ.
    """
    whole = [clean(name) for name in names]
    shown = [shortened(name, room_in, size_pt) for name in names]
    for _ in range(_MOST_CUTS):
        for look in sorted({look for look in shown if shown.count(look) > 1}):
            alike = [i for i, other in enumerate(shown) if other == look]
            for i, cut in zip(alike, _cut_where_they_differ([whole[i] for i in alike], room_in, size_pt), strict=True):
                shown[i] = cut
    return shown


def _cut_where_they_differ(names: Sequence[str], room_in: float, size_pt: float) -> Sequence[str]:
    """Names cut from the word, or if that does not tell them apart from the letter, in which they first differ."""
    letters = zip(*names, strict=False)
    shared = next((place for place, found in enumerate(letters) if len(set(found)) > 1), min(map(len, names)))
    word = names[0].rfind(" ", 0, shared) + 1
    cuts = [_cut_at(name, word, room_in, size_pt) for name in names]
    return cuts if len(set(cuts)) == len(names) else [_cut_at(name, shared, room_in, size_pt) for name in names]


def _cut_at(name: str, begin: int, room_in: float, size_pt: float) -> str:
    """A name without what stands before a place in it, but for as much as has room, and cut at its end."""
    tail = name[begin:]
    while tail and width_in(f"…{tail}…", size_pt) > room_in * (1 - 1 / _PARTS) and len(tail) > 1:
        tail = tail[:-1]
    end = "" if begin + len(tail) == len(name) else "…"
    head = ""
    while len(head) < begin and width_in(f"{head}{name[len(head)]}…{tail}{end}", size_pt) <= room_in:
        head = name[: len(head) + 1]
    return f"{head.rstrip()}{'' if len(head) == begin else '…'}{tail.rstrip()}{end}"


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

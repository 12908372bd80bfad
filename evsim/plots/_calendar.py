"""The local-time axis: what days, weeks or months are called, where they begin, and nights.

Positions are run seconds, so an hour is an hour wide, and the day of a clock change 23 or 25 of them.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np

from evsim._clock import EPOCH, Clock
from evsim._units import HOURS_PER_DAY, SECONDS_PER_DAY, SECONDS_PER_HOUR, Ints
from evsim.plots import _frame as frame
from evsim.plots import _marks as marks
from evsim.plots import _words as words
from evsim.plots._palette import NIGHT, RULE
from evsim.plots._panel import SMALL_PT, Panel, line_in

NIGHT_FROM_H, NIGHT_TO_H = 22, 6
"""What is shaded as night, by the local clock: our choice, most homes being asleep."""
NOON_S = SECONDS_PER_DAY // 2

_OFF_AXIS_IN = 0.05
_BETWEEN_IN = 0.04
_LEAST_HOUR_LABEL_IN = 0.55
_MARK_H = 6
_LEAST_DAY_WITH_MARKS_IN = 0.5
_MARK_IN = 0.05


class Level(NamedTuple):
    """One way to divide the calendar: how long a part is, where parts begin, and what they are called."""

    days: float
    widest: str
    begins: Callable[[dt.date], bool]
    label: Callable[[dt.date], str]
    is_centred: bool = True


def _months(day: dt.date, n: int) -> str:
    """The n months of a year around a day: `Apr-Jun`."""
    first = (day.month - 1) // n * n + 1
    return f"{dt.date(day.year, first, 1):%b}\N{EN DASH}{dt.date(day.year, first + n - 1, 1):%b}"


LEVELS = (
    Level(1, "Wed 30 Sep", lambda _: True, lambda day: f"{day:%a} {day.day} {day:%b}"),
    Level(1, "Wed 30", lambda _: True, lambda day: f"{day:%a} {day.day}"),
    Level(1, "Wed", lambda _: True, lambda day: f"{day:%a}"),
    Level(7, "30 Sep", lambda day: day.weekday() == 0, lambda day: f"{day.day} {day:%b}", is_centred=False),
    Level(30, "Sep", lambda day: day.day == 1, lambda day: f"{day:%b}"),
    Level(91, "May-May", lambda day: day.day == 1 and day.month % 3 == 1, partial(_months, n=3)),
    Level(182, "Jul-Dec", lambda day: day.day == 1 and day.month % 6 == 1, partial(_months, n=6)),
    Level(365, "2026", lambda day: (day.month, day.day) == (1, 1), lambda day: str(day.year)),
    Level(
        3652,
        "2026",
        lambda day: (day.year % 10, day.month, day.day) == (0, 1, 1),
        lambda day: str(day.year),
        is_centred=False,
    ),
)


class Parts(NamedTuple):
    """Consecutive parts of a run.

    edges : (n + 1,) where each begins, and the last ends [s]; days : (n,) the first of each
    """

    edges: Ints
    days: Sequence[dt.date]


def level_for(days: float, inches: float) -> Level:
    """The finest level whose names have room along an axis of so many days and inches."""

    def has_room(level: Level) -> bool:
        return inches * level.days / days >= words.width_in(level.widest, SMALL_PT) + _OFF_AXIS_IN

    return next((level for level in LEVELS if has_room(level)), LEVELS[-1])


def parts_of(clock: Clock, level: Level) -> Parts:
    """The run divided at local midnights; the first and the last part may be cut."""
    first, last = (int(day) for day in clock.local(np.array([0, clock.end_s - 1]))[0])
    days = [first, *(day for day in range(first + 1, last + 1) if level.begins(words.date(day)))]
    edges = np.append(clock.instant(np.array(days), 0), clock.end_s)
    edges[0] = 0
    return Parts(edges, [words.date(day) for day in days])


def draw_run(panel: Panel, clock: Clock, *, is_labelled: bool, has_nights: bool) -> int:
    """The time axis of a run; returns how many rows of labels stand under it."""
    width, days = panel.size.width, clock.end_s / SECONDS_PER_DAY
    level = level_for(days, width)
    parts = parts_of(clock, level)
    _rules(panel, parts.edges[1:-1])
    if has_nights:
        _nights(panel, clock)
    if not is_labelled:
        return 0
    hours = _hours_apart(width / days, (1, 2, 3, _MARK_H))
    if hours:
        at = _clock_times(clock, hours)
        _tick_marks(panel, at)
        _hour_labels(panel, at, [words.hour(second) for second in clock.local(at)[1]])
    elif width / days >= _LEAST_DAY_WITH_MARKS_IN:
        _tick_marks(panel, _clock_times(clock, _MARK_H))
    rows = 1 if hours else 0
    _part_labels(panel, clock, parts, level, rows)
    return rows + 1


def draw_day(panel: Panel, begin_s: int = NOON_S, *, is_labelled: bool) -> int:
    """The time axis of a day from noon to noon, or from another time of day [s]; returns its rows of labels."""
    _rules(panel, [SECONDS_PER_DAY - begin_s] if begin_s else [])
    night = np.array([NIGHT_FROM_H - HOURS_PER_DAY, NIGHT_TO_H]) * SECONDS_PER_HOUR - begin_s
    spans = np.clip(np.stack([night, night + SECONDS_PER_DAY]), 0, SECONDS_PER_DAY)
    marks.shade(panel, spans[spans[:, 0] < spans[:, 1]], NIGHT)
    if not is_labelled:
        return 0
    hours = _hours_apart(panel.size.width, (2, 3, _MARK_H, HOURS_PER_DAY // 2))
    at = np.arange(0, HOURS_PER_DAY + 1, hours) * SECONDS_PER_HOUR if hours else np.array([NOON_S])
    _tick_marks(panel, at)
    _hour_labels(panel, at, [words.hour(second + begin_s) for second in at])
    return 1


def name_of(clock: Clock) -> str:
    """What the time axis shows."""
    zone = words.clean(clock.timezone).replace("_", " ")
    return f"Local time, {zone} (shaded: {NIGHT_FROM_H:02d}:00 to {NIGHT_TO_H:02d}:00)"


def label_under(panel: Panel, text: str, row: int) -> None:
    """A line under the middle of the axis, below `row` rows of labels."""
    frame.below(panel, panel.x_end / 2, text, row + _BETWEEN_IN / line_in(SMALL_PT), "center")


def _hours_apart(day_in: float, choices: Sequence[int]) -> int:
    """The fewest hours between labels that fit when a day is so wide [in]; 0 when none do."""
    return next((h for h in choices if day_in * h / HOURS_PER_DAY >= _LEAST_HOUR_LABEL_IN), 0)


def _clock_times(clock: Clock, hours: int) -> Ints:
    """Instants of the run at which the local clock shows a multiple of so many hours [s]."""
    first, last = (int(day) for day in clock.local(np.array([0, clock.end_s]))[0])
    days = np.arange(first, last + 1)[:, None]
    at = np.unique(clock.instant(days, np.arange(0, HOURS_PER_DAY, hours) * SECONDS_PER_HOUR))
    return at[(at >= 0) & (at <= clock.end_s)]


def _rules(panel: Panel, at: Ints | Sequence[int]) -> None:
    marks.rules(panel, [[(x, 0.0), (x, 1.0)] for x in at], RULE, panel.along)


def _nights(panel: Panel, clock: Clock) -> None:
    first, last = (int(day) for day in clock.local(np.array([0, clock.end_s]))[0])
    days = np.arange(first - 1, last + 1)
    begins = clock.instant(days, NIGHT_FROM_H * SECONDS_PER_HOUR)
    ends = clock.instant(days + 1, NIGHT_TO_H * SECONDS_PER_HOUR)
    spans = np.clip(np.stack([begins, ends], axis=1), 0, clock.end_s)
    marks.shade(panel, spans[spans[:, 0] < spans[:, 1]], NIGHT)


def _tick_marks(panel: Panel, at: Ints) -> None:
    length = _MARK_IN / panel.size.height
    lines = [[(x, 0.0), (x, -length)] for x in at]
    marks.rules(panel, lines, RULE, panel.along)


def _hour_labels(panel: Panel, at: Ints, labels: Sequence[str]) -> None:
    """Of two that would touch, as where the clocks go forward over a label, the first."""
    apart = words.width_in("00:00", SMALL_PT) * panel.x_end / panel.size.width
    last = -apart
    for x, label in zip(at.tolist(), labels, strict=True):
        if x - last >= apart:
            frame.below(panel, float(x), label, 0, "center")
            last = x


def _part_labels(panel: Panel, clock: Clock, parts: Parts, level: Level, row: int) -> None:
    inches = panel.size.width * np.diff(parts.edges) / parts.edges[-1]
    for day, x, end, room in zip(parts.days, parts.edges, parts.edges[1:], inches, strict=False):
        names = _day_names(clock, day, level) if level.days == 1 else (level.label(day),)
        name = next((n for n in names if words.width_in(n, SMALL_PT) <= room), "")
        if name and level.is_centred:
            frame.below(panel, (x + end) / 2, name, row, "center")
        elif name:
            frame.below(panel, float(x), name, row, "left")


def _day_names(clock: Clock, day: dt.date, level: Level) -> Sequence[str]:
    """What a day may be called, the best first. That of a clock change says how long it is: `Sun 29 Mar, 23 h`."""
    names = (level.label(day), f"{day:%a} {day.day}", f"{day:%a}")
    number = (day - EPOCH).days
    length_s = float(np.diff(clock.instant(np.array([number, number + 1]), 0))[0])
    if length_s == SECONDS_PER_DAY:
        return names
    return *(f"{name}, {length_s / SECONDS_PER_HOUR:g} h" for name in names), *names

"""Small multiples: a panel for each archetype on shared scales, in config order, each under its name and a fact."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from matplotlib.axes import Axes

from evsim._results import Results
from evsim.plots import _calendar as calendar
from evsim.plots import _frame as frame
from evsim.plots import _words as words
from evsim.plots._panel import HEAD_IN, TEXT_PT, Panel, Size, line_in, panels, shared_width_in, size_of
from evsim.plots._views import View

PERCENT = 100
_WIDTH_IN, _HEIGHT_IN = 11.0, 6.4
_AROUND_IN, _PANEL_IN = 1.7, 1.45
_MOST_IN_ONE_COLUMN, _MOST_IN_TWO_COLUMNS, _MOST_COLUMNS = 3, 12, 4
_LEAST_ROW_IN = 0.7
_BASELINE_IN, _BETWEEN_IN = 0.08, 0.25
_LEAST_NAME_IN = 1.0
_USABLE_OF_LINES = 0.88
"""Of several lines, what words leave room for."""
_LEAST_HEIGHT_IN = {20: 2.0, 50: 0.4}
"""Levels so many percent apart want a panel so high."""


class Head(NamedTuple):
    """An archetype, by its place in the config, and what stands above its panel."""

    archetype: int
    name: str
    fact: str


class Spot(NamedTuple):
    """Where an archetype is drawn: its panels, and whether they stand at the left, and at the bottom, of a picture."""

    archetype: int
    panels: Sequence[Panel]
    is_left: bool
    is_bottom: bool


def new_axes(rows: int) -> Axes:
    """The Axes of a new figure with room for so many rows of panels."""
    return frame.new_axes(Size(_WIDTH_IN, max(_HEIGHT_IN, rows * _PANEL_IN + _AROUND_IN)))


def heads_of(results: Results, who: Sequence[int], facts: Sequence[str]) -> list[Head]:
    """The heads of some archetypes."""
    return [Head(i, results.archetypes[i], fact) for i, fact in zip(who, facts, strict=True)]


def grid(n: int, height_in: float = math.inf) -> tuple[int, int]:
    """Rows and columns of the panels for n archetypes: where there is little height [in], more columns."""
    columns = 1 if n <= _MOST_IN_ONE_COLUMN else 2 if n <= _MOST_IN_TWO_COLUMNS else 3
    while columns < _MOST_COLUMNS and height_in < _LEAST_ROW_IN * -(-n // columns):
        columns += 1
    return -(-n // columns), columns


def head_above_in(n: int) -> float:
    """The room that `spots` of n archetypes need above the Axes [in]."""
    return HEAD_IN if n == 1 else 0.0


def spots(ax: Axes, heads: Sequence[Head], parts: Sequence[tuple[float, float]], y_end: float) -> list[Spot]:
    """The panels of some archetypes, under their heads. One alone has the scales of the Axes, and its head above it.

    parts : of each panel of an archetype, its width beside the others, and where its scale ends
    """
    rows, columns = grid(len(heads), size_of(ax).height)
    is_alone = len(heads) == 1
    width = shared_width_in(size_of(ax).width, len(parts) * columns) / columns
    lines = 1 if is_alone else _lines_of_heads(width, heads, is_small=frame.is_small(ax))
    head_in = 0.0 if is_alone else HEAD_IN + (lines - 1) * line_in(TEXT_PT)
    places = panels(ax, rows, [*parts] * columns, y_end, head_in=head_in)
    found = []
    for place, head in enumerate(heads):
        row, column = divmod(place, columns)
        own = places[row][column * len(parts) : (column + 1) * len(parts)]
        found.append(Spot(head.archetype, own, column == 0, place + columns >= len(heads)))
    _draw_heads([spot.panels for spot in found], heads, lines)
    return found


def draw_levels(panel: Panel, *, is_labelled: bool) -> None:
    """Levels of a scale of percent that ends at 100."""
    apart = next((apart for apart, least in _LEAST_HEIGHT_IN.items() if panel.size.height >= least), PERCENT)
    ticks = range(0, PERCENT + 1, apart)
    frame.levels(panel, ticks, [f"{tick}%" for tick in ticks] if is_labelled else ())


def draw_time(panel: Panel, view: View, *, is_labelled: bool = True) -> int:
    """The time axis; returns the rows of labels under the panel."""
    rows: int = view.draw_axis(panel, is_labelled=is_labelled)
    if not (is_labelled and view.name):
        return rows
    calendar.label_under(panel, view.name, rows)
    return rows + 1


def _draw_heads(groups: Sequence[Sequence[Panel]], heads: Sequence[Head], lines: int) -> None:
    """The names of archetypes above their panels, at the left, and the facts at the right."""
    bold_pt, facts = TEXT_PT * words.BOLD, [head.fact for head in heads]
    width = min(sum(panel.size.width for panel in places) for places in groups)
    room = min(_room_in(width, fact) for fact in facts)
    if room < _LEAST_NAME_IN:
        facts, room = [""] * len(facts), width
    usable = room if lines == 1 else _USABLE_OF_LINES * lines * room
    shown = words.told_apart([head.name for head in heads], usable, bold_pt)
    for places, name, fact in zip(groups, shown, facts, strict=True):
        y = 1 + _BASELINE_IN / places[0].size.height
        text = "\n".join(words.wrapped(name, room, bold_pt)[:lines]) if lines > 1 else name
        places[0].write(0, y, text, va="bottom" if lines > 1 else "baseline", fontweight="bold")
        places[-1].write(1, y, fact, va="bottom" if lines > 1 else "baseline", ha="right")


def _room_in(width_in: float, fact: str) -> float:
    """What a name beside a fact may take of a width [in]."""
    return width_in - words.width_in(fact, TEXT_PT) - _BETWEEN_IN


def _lines_of_heads(width_in: float, heads: Sequence[Head], *, is_small: bool) -> int:
    """Two, where a name does not fit in one and there is height for two."""

    def fits(head: Head) -> bool:
        return words.width_in(words.clean(head.name), TEXT_PT, is_bold=True) <= _room_in(width_in, head.fact)

    return 1 if is_small or all(fits(head) for head in heads) else 2

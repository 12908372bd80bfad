"""How charged the cars are over time: by archetype, the mean and the band that holds 80% of the users."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from evsim._results import Results
from evsim.plots import _calendar as calendar
from evsim.plots import _frame as frame
from evsim.plots import _key as key
from evsim.plots import _marks as marks
from evsim.plots import _words as words
from evsim.plots._palette import colour
from evsim.plots._panel import HEAD_IN, TEXT_PT, Panel, Size, line_in, panels, size_of
from evsim.plots._views import View, steps_before, views_of

MOST_IN_ONE_PANEL = 3
_MOST_IN_TWO_COLUMNS, _MOST_COLUMNS = 12, 4
_LEAST_ROW_IN = 0.7
_WIDTH_IN, _HEIGHT_IN = 11.0, 6.4
_AROUND_IN, _PANEL_IN = 1.7, 1.45
_BASELINE_IN, _BETWEEN_IN = 0.08, 0.25
_LEAST_NAME_IN = 1.0
_USABLE_OF_LINES = 0.88
"""Of several lines, what words leave room for."""
_PERCENT = 100
_LEAST_HEIGHT_IN = {20: 2.0, 50: 0.4}
"""Levels so many percent apart want a panel so high."""
_KEY_LINE = "Line: mean of the users.  Band: 80% of them.  Dot, number: mean at the usual plug-out time."


def charging_curves(results: Results, ax: Axes | None = None) -> Axes:
    """State of charge over time [% of the battery], by archetype: mean and the band that holds 80% of users.

    Up to three archetypes share a panel; more get a panel each inside the Axes, in config order. A run of
    more than 15 days is drawn as daily means and an average day. Archetypes without users are left out, and
    small print in a small `ax`. Without `ax`, in a new figure. Returns the Axes.
    """
    who = words.with_users(results)
    if ax is None:
        rows = _grid(len(who))[0]
        ax = frame.new_axes(Size(_WIDTH_IN, max(_HEIGHT_IN, rows * _PANEL_IN + _AROUND_IN)))
    frame.bare(ax)
    head_in = HEAD_IN if len(who) == 1 else 0.0
    frame.heading(ax, _title(results), (words.circumstances(results), _KEY_LINE), head_in)
    if len(who) <= MOST_IN_ONE_PANEL:
        _draw_together(ax, results, who)
    else:
        _draw_apart(ax, results, who)
    return ax


def _grid(n: int, height_in: float = math.inf) -> tuple[int, int]:
    """Rows and columns of the panels for n archetypes: where there is little height [in], more columns."""
    if n <= MOST_IN_ONE_PANEL:
        return 1, 1
    columns = 2 if n <= _MOST_IN_TWO_COLUMNS else 3
    while columns < _MOST_COLUMNS and height_in < _LEAST_ROW_IN * -(-n // columns):
        columns += 1
    return -(-n // columns), columns


def _title(results: Results) -> Sequence[str]:
    cars = words.counted(results.scenario.population_size, "car")
    return f"State of charge of {cars}", words.charging_rule(results)


def _draw_together(ax: Axes, results: Results, who: Sequence[int]) -> None:
    """All archetypes in one panel, or one for each view; the key beside them, or the one name above."""
    width = frame.key_width_in(ax)
    if len(who) > 1:
        frame.reserve(ax, right_in=width)
    views = views_of(results.clock, size_of(ax).width)
    places = panels(ax, 1, [view.column for view in views], _PERCENT)[0]
    rows = 0
    for i, (panel, view) in enumerate(zip(places, views, strict=True)):
        _draw_levels(panel, is_labelled=i == 0)
        rows = _draw_time(panel, view)
        _draw_curves(panel, results, view, who)
    frame.name_axes(ax, "% charged", calendar.name_of(results.clock), "100%", rows)
    if len(who) == 1:
        _heads([places], [results.archetypes[who[0]]], [_fact(results, who[0])])
    else:
        key.draw_key(ax, [key.Entry(i, results.archetypes[i], _fact(results, i)) for i in who], width)


def _draw_apart(ax: Axes, results: Results, who: Sequence[int]) -> None:
    """A panel for each archetype, or one for each view of it, under its name."""
    rows, columns = _grid(len(who), size_of(ax).height)
    views = views_of(results.clock, size_of(ax).width / columns)
    parts = [view.column for view in views] * columns
    names, facts = [results.archetypes[i] for i in who], [_fact(results, i) for i in who]
    lines = _lines_of_heads(size_of(ax).width / columns, names, facts, is_small=frame.is_small(ax))
    grid = panels(ax, rows, parts, _PERCENT, head_in=HEAD_IN + (lines - 1) * line_in(TEXT_PT))
    groups, depth = [], 0
    for place, i in enumerate(who):
        row, column = divmod(place, columns)
        places = grid[row][column * len(views) : (column + 1) * len(views)]
        for j, (panel, view) in enumerate(zip(places, views, strict=True)):
            _draw_levels(panel, is_labelled=column + j == 0)
            depth = max(depth, _draw_time(panel, view, is_labelled=place + columns >= len(who)))
            _draw_curves(panel, results, view, [i])
        groups.append(places)
    _heads(groups, names, facts, lines)
    frame.name_axes(ax, "% charged", calendar.name_of(results.clock), "100%", depth)


def _draw_levels(panel: Panel, *, is_labelled: bool) -> None:
    apart = next((apart for apart, least in _LEAST_HEIGHT_IN.items() if panel.size.height >= least), _PERCENT)
    ticks = range(0, _PERCENT + 1, apart)
    frame.levels(panel, ticks, [f"{tick}%" for tick in ticks] if is_labelled else ())


def _draw_time(panel: Panel, view: View, *, is_labelled: bool = True) -> int:
    """The time axis; returns the rows of labels under the panel."""
    rows: int = view.draw_axis(panel, is_labelled=is_labelled)
    if not (is_labelled and view.name):
        return rows
    calendar.label_under(panel, view.name, rows)
    return rows + 1


def _draw_curves(panel: Panel, results: Results, view: View, who: Sequence[int]) -> None:
    """Mean, band and marks of some archetypes."""
    at, means = view.states(results.mean_soc)
    quantiles = view.states(results.soc_quantiles)[1]
    for i in who:
        low, high = _PERCENT * quantiles[:, i, 0], _PERCENT * quantiles[:, i, -1]
        marks.band(panel, at, low, high, i)
        marks.line(panel, at, _PERCENT * means[:, i], i)
        if view.has_marks:
            steps = steps_before(results.clock, results.scenario.archetypes[i].plug_out_s)
            marks.dots(panel, *view.marks(steps, _PERCENT * results.mean_soc[steps, i]), colour(i))


def _fact(results: Results, archetype: int) -> str:
    """The mean SoC at the usual plug-out time: `80% at 07:00`; nothing when no step ends before it."""
    second = results.scenario.archetypes[archetype].plug_out_s
    steps = steps_before(results.clock, second)
    if not len(steps):
        return ""
    soc = float(np.mean(results.mean_soc[steps, archetype]))
    return f"{_PERCENT * soc:.0f}% at {words.hour(second)}"


def _room_in(width_in: float, fact: str) -> float:
    """What a name beside a fact may take of a width [in]."""
    return width_in - words.width_in(fact, TEXT_PT) - _BETWEEN_IN


def _lines_of_heads(width_in: float, names: Sequence[str], facts: Sequence[str], *, is_small: bool) -> int:
    """Two, where a name does not fit in one and there is height for two."""
    pairs = zip(names, facts, strict=True)
    fit = (words.width_in(words.clean(n), TEXT_PT, is_bold=True) <= _room_in(width_in, fact) for n, fact in pairs)
    return 1 if is_small or all(fit) else 2


def _heads(groups: Sequence[Sequence[Panel]], names: Sequence[str], facts: Sequence[str], lines: int = 1) -> None:
    """The names of archetypes above their panels, at the left, and the facts at the right."""
    bold_pt = TEXT_PT * words.BOLD
    width = min(sum(panel.size.width for panel in places) for places in groups)
    room = min(_room_in(width, fact) for fact in facts)
    if room < _LEAST_NAME_IN:
        facts, room = [""] * len(facts), width
    usable = room if lines == 1 else _USABLE_OF_LINES * lines * room
    shown = words.told_apart(names, usable, bold_pt)
    for places, name, fact in zip(groups, shown, facts, strict=True):
        y = 1 + _BASELINE_IN / places[0].size.height
        text = "\n".join(words.wrapped(name, room, bold_pt)[:lines]) if lines > 1 else name
        places[0].write(0, y, text, va="bottom" if lines > 1 else "baseline", fontweight="bold")
        places[-1].write(1, y, fact, va="bottom" if lines > 1 else "baseline", ha="right")

"""How charged the cars are over time: by archetype, the mean and the band that holds 80% of the users."""

from __future__ import annotations

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
from evsim.plots._panel import HEAD_IN, TEXT_PT, Panel, Size, panels
from evsim.plots._views import View, steps_before, views_of

MOST_IN_ONE_PANEL = 3
_MOST_IN_TWO_COLUMNS = 12
_WIDTH_IN, _HEIGHT_IN = 11.0, 6.4
_AROUND_IN, _PANEL_IN = 1.7, 1.45
_BASELINE_IN, _BETWEEN_IN = 0.08, 0.25
_PERCENT = 100
_LEAST_HEIGHT_FOR_FIFTHS_IN = 2.0
_KEY_LINE = "Line: mean of the users.  Band: 80% of them.  Dot, number: mean at the usual plug-out time."


def charging_curves(results: Results, ax: Axes | None = None) -> Axes:
    """State of charge over time [% of the battery], by archetype: mean and the band that holds 80% of users.

    Up to three archetypes share a panel; more get a panel each inside the Axes, in config order. A run of
    more than 15 days is drawn as daily means and an average day. Without `ax`, in a new figure. Returns the
    Axes.
    """
    n = len(results.archetypes)
    rows, columns = _grid(n)
    if ax is None:
        ax = frame.new_axes(Size(_WIDTH_IN, max(_HEIGHT_IN, rows * _PANEL_IN + _AROUND_IN)))
    frame.bare(ax)
    frame.heading(ax, _title(results), (words.circumstances(results), _KEY_LINE))
    if n <= MOST_IN_ONE_PANEL:
        _draw_together(ax, results)
    else:
        _draw_apart(ax, results, rows, columns)
    return ax


def _grid(n: int) -> tuple[int, int]:
    """Rows and columns of the panels for n archetypes."""
    if n <= MOST_IN_ONE_PANEL:
        return 1, 1
    columns = 2 if n <= _MOST_IN_TWO_COLUMNS else 3
    return -(-n // columns), columns


def _title(results: Results) -> str:
    cars = words.counted(results.scenario.population_size, "car")
    return f"State of charge of {cars}, {words.charging_rule(results)}"


def _draw_together(ax: Axes, results: Results) -> None:
    """All archetypes in one panel, or one for each view; the key beside them."""
    width = frame.key_width_in(ax)
    frame.reserve(ax, right_in=width)
    views = views_of(results.clock)
    places = panels(ax, 1, [view.column for view in views], _PERCENT)[0]
    rows = 0
    for i, (panel, view) in enumerate(zip(places, views, strict=True)):
        _draw_levels(panel, is_labelled=i == 0)
        rows = _draw_time(panel, view)
        _draw_curves(panel, results, view, range(len(results.archetypes)))
    frame.name_axes(ax, "% charged", calendar.name_of(results.clock), "100%", rows)
    facts = [key.Entry(i, name, _fact(results, i)) for i, name in enumerate(results.archetypes)]
    key.draw_key(ax, facts, width)


def _draw_apart(ax: Axes, results: Results, rows: int, columns: int) -> None:
    """A panel for each archetype, or one for each view of it, under its name."""
    views = views_of(results.clock)
    shares = [(share / columns, x_end) for share, x_end in (view.column for view in views)] * columns
    grid = panels(ax, rows, shares, _PERCENT, head_in=HEAD_IN)
    n, depth = len(results.archetypes), 0
    for i, name in enumerate(results.archetypes):
        row, column = divmod(i, columns)
        places = grid[row][column * len(views) : (column + 1) * len(views)]
        for j, (panel, view) in enumerate(zip(places, views, strict=True)):
            _draw_levels(panel, is_labelled=column + j == 0)
            depth = max(depth, _draw_time(panel, view, is_labelled=i + columns >= n))
            _draw_curves(panel, results, view, [i])
        _head(places, name, _fact(results, i))
    frame.name_axes(ax, "% charged", calendar.name_of(results.clock), "100%", depth)


def _draw_levels(panel: Panel, *, is_labelled: bool) -> None:
    ticks = range(0, _PERCENT + 1, 20 if panel.size.height >= _LEAST_HEIGHT_FOR_FIFTHS_IN else 50)
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
    means, quantiles = view.mean(results.mean_soc), view.mean(results.soc_quantiles)
    for i in who:
        low, high = _PERCENT * quantiles[:, i, 0], _PERCENT * quantiles[:, i, -1]
        marks.band(panel, view.states_at, low, high, i)
        marks.line(panel, view.states_at, _PERCENT * means[:, i], i)
        if view.has_marks:
            steps = steps_before(results.clock, results.scenario.archetypes[i].plug_out_s)
            at, soc = view.marks(steps, results.mean_soc[steps, i])
            marks.dots(panel, at, _PERCENT * soc, colour(i))


def _fact(results: Results, archetype: int) -> str:
    """The mean SoC at the usual plug-out time: `80% at 07:00`; nothing when no step ends before it."""
    if not results.n_users[archetype]:
        return "no users"
    second = results.scenario.archetypes[archetype].plug_out_s
    steps = steps_before(results.clock, second)
    if not len(steps):
        return ""
    soc = float(np.mean(results.mean_soc[steps, archetype]))
    return f"{_PERCENT * soc:.0f}% at {words.hour(second)}"


def _head(places: Sequence[Panel], name: str, fact: str) -> None:
    """The archetype's name above its panels, at the left, and the fact at the right."""
    first, last = places[0], places[-1]
    room = sum(panel.size.width for panel in places) - words.width_in(fact, TEXT_PT) - _BETWEEN_IN
    shown = words.shortened(name, room, TEXT_PT, is_bold=True)
    y = 1 + _BASELINE_IN / first.size.height
    first.write(0, y, shown, va="baseline", fontweight="bold")
    last.write(1, y, fact, va="baseline", ha="right")

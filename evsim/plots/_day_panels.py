"""Panels of an average day from noon to noon, one beside another on shared scales, each under its name and a fact."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from evsim._units import SECONDS_PER_DAY, Floats
from evsim.plots import _calendar as calendar
from evsim.plots import _frame as frame
from evsim.plots import _words as words
from evsim.plots._panel import HEAD_IN, TEXT_PT, Panel, panels, size_of

_COLUMNS = 2
_BASELINE_IN, _BETWEEN_IN = 0.08, 0.25
_LEAST_WIDE_IN = 4.5
"""An Axes that is narrower has its panels under one another."""
_LEAST_HIGH_IN = 1.4
"""Panels that are as high have as many levels as a whole picture."""


def _rows_of(n: int, width_in: float) -> int:
    """Rows of n panels in a width [in]; an odd one out would leave a hole."""
    return n // _COLUMNS if n % _COLUMNS == 0 and width_in >= _LEAST_WIDE_IN else n


def day_panels(ax: Axes, heads: Sequence[tuple[str, str]], y_end: float) -> list[Panel]:
    """A panel for each (name, fact), with the levels of a scale from 0 to `y_end` and a time axis."""
    rows = _rows_of(len(heads), size_of(ax).width)
    columns = -(-len(heads) // rows)
    grid = panels(ax, rows, [(1.0, float(SECONDS_PER_DAY))] * columns, y_end, head_in=HEAD_IN)
    found = []
    for place, (name, fact) in enumerate(heads):
        row, column = divmod(place, columns)
        panel = grid[row][column]
        is_high = panel.size.height >= _LEAST_HIGH_IN
        levels = frame.round_levels(y_end) if is_high else frame.levels_in(y_end, panel.size.height)
        frame.levels(panel, levels, [f"{level:,.10g}" for level in levels] if column == 0 else ())
        calendar.draw_day(panel, is_labelled=place + columns >= len(heads))
        _write_head(panel, name, fact)
        found.append(panel)
    return found


def _write_head(panel: Panel, name: str, fact: str) -> None:
    """The name in bold, and the fact at the right where both fit."""
    y = 1 + _BASELINE_IN / panel.size.height
    width = panel.size.width
    shown = words.shortened(name, width, TEXT_PT * words.BOLD)
    panel.write(0, y, shown, va="baseline", fontweight="bold")
    taken = words.width_in(shown, TEXT_PT, is_bold=True) + _BETWEEN_IN
    if words.width_in(fact, TEXT_PT) <= width - taken:
        panel.write(1, y, fact, va="baseline", ha="right")


def from_noon(by_start: Floats) -> Floats:
    """Values (48, ...) by half-hour after midnight, from noon on."""
    return np.roll(by_start, -len(by_start) // 2, axis=0)


def edges(n: int) -> Floats:
    """(n + 1,) of n equal parts of a day [s]."""
    return np.arange(n + 1, dtype=np.float64) * (SECONDS_PER_DAY / n)

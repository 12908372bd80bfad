"""Thin strips under a picture, on its time axis: the import price, the carbon intensity."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes

from evsim._results import Results
from evsim._units import Floats
from evsim.market import SignalFacts, signal_facts
from evsim.plots import _frame as frame
from evsim.plots import _marks as marks
from evsim.plots import _words as words
from evsim.plots._palette import BELOW_ZERO, SIGNAL, SOFT
from evsim.plots._panel import SMALL_PT, Panel, Style, mirrored, part_of, size_of
from evsim.plots._views import View

_HEIGHT_IN, _HEAD_IN, _OFF_IN = 0.6, 0.3, 0.09
_LEAST_ABOVE_IN = 2.2
"""What a strip leaves to what stands above it; without that much there is none."""
_MOST_LEVELS = 3
_LEAST_UP = 0.05
"""Of what is below zero: where all is, a little is left above it."""
_SHOWN = {"import_price", "carbon_intensity"}


class Strip(NamedTuple):
    """One strip: what it shows, its means in the bins of each view, and how far these go up and down from zero."""

    name: str
    means: Sequence[Floats]
    up: float
    down: float

    @property
    def levels(self) -> Sequence[float]:
        """Round levels from its bottom to its top."""
        return frame.levels_both_ways(self.up, self.down, _MOST_LEVELS)

    @property
    def labels(self) -> Sequence[str]:
        """What its levels are called."""
        return [words.number(level) for level in self.levels]


def shown(results: Results) -> list[SignalFacts]:
    """What a picture that is large enough has strips of: what changes."""
    return [facts for facts in signal_facts(results) if facts.key in _SHOWN and facts.lowest < facts.highest]


def steady(results: Results) -> list[str]:
    """What is the same throughout, in words: it needs no strip."""
    told = (facts for facts in signal_facts(results) if facts.key in _SHOWN and facts.lowest == facts.highest)
    return [f"{facts.name} {facts.mean:.4g} {facts.unit}" for facts in told]


def strips_of(results: Results, ax: Axes, views: Sequence[View]) -> list[Strip]:
    """The strips there is room for in an Axes."""
    return [strip_of(facts.name, facts.unit, facts.by_step, views) for facts in shown(results)[: most_in(ax)]]


def strip_of(name: str, unit: str, by_step: Floats, views: Sequence[View]) -> Strip:
    """The strip of a signal.

    by_step : (n_steps,) its means in the steps of the views
    """
    means = [view.mean(by_step) for view in views]
    low, high = (float(end(list(map(end, means)))) for end in (np.min, np.max))
    down = max(0.0, -low)
    up = max(high, _LEAST_UP * down) or 1.0
    kind = ", mean" if views[0].name else ""
    return Strip(f"{name[:1].upper()}{name[1:]}{kind} [{unit}]", means, up, down)


def most_in(ax: Axes) -> int:
    """How many strips an Axes has room for."""
    return 0 if frame.is_small(ax) else max(0, int((size_of(ax).height - _LEAST_ABOVE_IN) / height_in(1)))


def height_in(n: int) -> float:
    """How high so many strips are, with their names [in]."""
    return n * (_HEIGHT_IN + _HEAD_IN)


def above(column: Panel, n: int, down: float = 0.0) -> Panel:
    """What so many strips leave of a panel; it keeps the scales of an Axes that it has for itself.

    down : how much of the scale of y lies below zero
    """
    below_in = height_in(n)
    left_in = column.size.height - below_in
    if column.data is column.ax.transData and (n or down):
        column.ax.set_ylim(-down - column.y_end * below_in / left_in, column.y_end - down)
    if not (n or down):
        return column
    return part_of(column, below_in, left_in, column.y_end)


def centre_name(ax: Axes, n: int) -> None:
    """Put the name of the y axis beside what stands above so many strips."""
    ax.yaxis.label.set_y((1 + height_in(n) / size_of(ax).height) / 2)


def draw(strips: Sequence[Strip], column: Panel, views: Sequence[View], i: int) -> int:
    """The strips of one of the views, at the bottom of its panel; returns how many rows of labels stand under them."""
    rows = 0
    for n, strip in enumerate(reversed(strips)):
        panel = part_of(column, height_in(n), _HEIGHT_IN, strip.up)
        rows += views[i].draw_axis(panel, is_labelled=n == 0)
        _draw_steps(panel, strip, views[i], strip.means[i], has_words=i == 0)
    return rows


def _draw_steps(panel: Panel, strip: Strip, view: View, means: Floats, *, has_words: bool) -> None:
    """Filled steps up from zero, and, in another colour, down from it."""
    halves = mirrored(panel, strip.up, strip.down) if strip.down else (panel,)
    told = dict(zip(strip.levels, strip.labels, strict=True))
    for half, sign, colour_ in zip(halves, (1, -1), (SIGNAL, BELOW_ZERO), strict=False):
        own = {sign * level: label for level, label in told.items() if sign * level > 0 or level == 0 < sign}
        frame.levels(half, list(own), list(own.values()) if has_words else ())
        marks.state_steps(half, view.edges, np.zeros(len(means)), np.maximum(sign * means, 0.0), colour_)
    if has_words:
        _name(panel, strip)


def _name(panel: Panel, strip: Strip) -> None:
    """What the strip shows, over its left end."""
    above_in = 1 + _OFF_IN / panel.size.height
    style: Style = {"fontsize": SMALL_PT, "va": "baseline", "color": SOFT}
    panel.write(0, above_in, strip.name, **style)
    if strip.down:
        x = words.width_in(f"{strip.name}  ", SMALL_PT) / panel.size.width
        below = f"below zero, to \N{MINUS SIGN}{strip.down:.1f}"
        panel.write(x, above_in, below, **{**style, "color": BELOW_ZERO, "fontweight": "bold"})

"""The frame of a picture: its size, the words above and beside it, and the levels inside it."""

from __future__ import annotations

import math
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from evsim.plots import _marks as marks
from evsim.plots import _words as words
from evsim.plots._palette import GRID, INK, PAPER, SOFT
from evsim.plots._panel import SMALL_PT, TEXT_PT, TITLE_PT, Panel, Size, Style, line_in, size_of, write

_LEFT_IN, _RIGHT_IN, _BOTTOM_IN, _TOP_IN = 0.8, 0.2, 0.72, 0.15
_GAP_IN = 0.1
_FIRST_BASELINE_IN = 0.21
MOST_KEY_IN, _MOST_KEY_SHARE = 2.5, 0.34
SIGN_IN = 0.08
"""What a minus sign before the levels takes of the width."""
_OFF_LABELS_PT, _OFF_TIMES_PT = 13.5, 12.0
_SMALL_TITLE_PT = 11.0
_SMALL = Size(5.5, 3.5)
_MOST_LEVELS = 6
_MOST_IN_PANEL, _LEAST_IN_PANEL, _LEAST_APART_IN = 4, 3, 0.22


def new_axes(size: Size) -> Axes:
    """The one Axes of a new figure of this size, which belongs to no window and to no global state."""
    figure = Figure(figsize=size, facecolor=PAPER)
    FigureCanvasAgg(figure)
    left, bottom = _LEFT_IN / size.width, _BOTTOM_IN / size.height
    right, top = 1 - _RIGHT_IN / size.width, 1 - _TOP_IN / size.height
    return figure.add_axes((left, bottom, right - left, top - bottom))


def is_small(ax: Axes) -> bool:
    """Whether small print would take the room of what is drawn: as in one of several Axes side by side."""
    size = size_of(ax)
    return size.width < _SMALL.width or size.height < _SMALL.height


def reserve(ax: Axes, top_in: float = 0.0, right_in: float = 0.0, left_in: float = 0.0) -> None:
    """Shrink an Axes, so that what is written above and beside it stays inside the box it was given.

    A figure with a layout engine of its own makes that room itself.
    """
    if ax.figure.get_layout_engine() is not None:
        return
    box, size = ax.get_position(), size_of(ax)
    left, width = left_in / size.width, 1 - (left_in + right_in) / size.width
    box_height = box.height * (1 - top_in / size.height)
    ax.set_position((box.x0 + box.width * left, box.y0, box.width * width, box_height))


def remark(panel: Panel, x: float, y: float, parts: Sequence[str]) -> None:
    """What matters most, in bold beyond a place in a panel: inside it, and in one line if it fits."""
    lines = [", ".join(parts)]
    if words.width_in(lines[0], TEXT_PT, is_bold=True) > panel.size.width:
        lines = list(parts)
    half = max(words.width_in(text, TEXT_PT, is_bold=True) for text in lines) / 2 / panel.size.width
    inside = min(max(x / panel.x_end, half), 1 - half)
    above = y / panel.y_end + _GAP_IN / panel.size.height
    va = "top" if panel.is_flipped else "bottom"
    panel.write(inside, above, "\n".join(lines), ha="center", va=va, fontweight="bold")


def heading(ax: Axes, title: Sequence[str], under: Sequence[str], head_in: float = 0.0) -> None:
    """The title of a picture, and lines under it; both above the Axes, in room taken from it.

    A small Axes has no lines, and of the parts of the title only those that fit in one line, and the first.

    head_in : room to leave between them and the Axes [in]
    """
    width = size_of(ax).width
    title_pt, shown = TITLE_PT, ", ".join(title)
    if is_small(ax):
        title_pt, under = _SMALL_TITLE_PT, ()
        if words.width_in(shown, title_pt, is_bold=True) > width:
            shown = title[0]
    titles = words.wrapped(shown, width, title_pt)
    lines = [line for text in under for line in words.wrapped(text, width, TEXT_PT, words.BETWEEN_ITEMS)]
    gap_in = _GAP_IN + head_in
    under_in = len(lines) * line_in(TEXT_PT) + gap_in
    reserve(ax, top_in=under_in + len(titles) * line_in(title_pt))
    height = size_of(ax).height
    ax.set_title(
        "\n".join(titles),
        loc="left",
        y=1 + under_in / height,
        pad=4,
        fontsize=title_pt,
        fontweight="bold",
        color=INK,
        parse_math=False,
    )
    write(ax, 0, 1 + gap_in / height, "\n".join(lines), va="bottom", color=SOFT)


def bare(ax: Axes) -> None:
    """No box and no ticks: what an axis needs is drawn on purpose."""
    ax.set_frame_on(False)
    ax.set_xticks([])
    ax.set_yticks([])


def levels(panel: Panel, ticks: Sequence[float], labels: Sequence[str]) -> None:
    """Thin lines across a panel, with labels if there are any."""
    marks.rules(panel, [[(0.0, tick), (1.0, tick)] for tick in ticks], GRID, panel.across)
    x = -_GAP_IN / 2 / panel.size.width
    style: Style = {"transform": panel.across, "ha": "right", "va": "center_baseline", "color": SOFT}
    for tick, label in zip(ticks, labels, strict=False):
        panel.write(x, tick, label, fontsize=SMALL_PT, **style)


def below(panel: Panel, x: float, text: str, row: float = 0, align: str = "center") -> None:
    """A label under a panel, at a place along it, below `row` rows of labels."""
    y = -(_FIRST_BASELINE_IN + row * line_in(SMALL_PT)) / panel.size.height
    style: Style = {"transform": panel.along, "va": "baseline", "ha": align, "color": SOFT}
    panel.write(x, y, text, fontsize=SMALL_PT, **style)


def levels_in(top: float, height_in: float) -> Sequence[float]:
    """Round levels from 0 to `top`, as many as can be labelled in a height [in], and a few at the most."""
    return round_levels(top, min(_MOST_IN_PANEL, max(_LEAST_IN_PANEL, int(height_in / _LEAST_APART_IN))))


def round_levels(top: float, most: int = _MOST_LEVELS) -> Sequence[float]:
    """At most so many levels from 0 to `top`, 1, 2 or 5 times a power of ten apart."""
    if top <= 0:
        return [0]
    power = 10.0 ** math.floor(math.log10(top / most))
    apart = next(power * m for m in (1, 2, 5, 10) if top / (power * m) < most)
    return [round(apart * i, 9) for i in range(int(top / apart) + 1)]


def levels_both_ways(up: float, down: float, most: int = _MOST_LEVELS) -> Sequence[float]:
    """At most so many round levels from `down` below zero up to `up`."""
    ticks = round_levels(up + down, most)
    return [*(-tick for tick in ticks[:0:-1] if tick <= down), *(tick for tick in ticks if tick <= up)]


def key_width_in(ax: Axes) -> float:
    """The room that a key beside an Axes takes [in]."""
    return min(MOST_KEY_IN, _MOST_KEY_SHARE * size_of(ax).width)


def name_axes(ax: Axes, y_name: str, x_name: str, widest_label: str, rows: int) -> None:
    """What the axes show. The names keep off the labels.

    widest_label : of the levels; rows : how many rows of labels stand under the time axis
    """
    style: Style = {"fontsize": TEXT_PT, "color": INK, "parse_math": False}
    level_pt = words.width_in(widest_label, SMALL_PT) * words.POINTS_PER_INCH
    ax.set_ylabel(y_name, labelpad=level_pt + _OFF_LABELS_PT, **style)
    if words.width_in(x_name, TEXT_PT) > size_of(ax).width or is_small(ax):
        x_name = x_name.split(" (", maxsplit=1)[0]
    ax.set_xlabel(x_name, labelpad=rows * line_in(SMALL_PT) * words.POINTS_PER_INCH + _OFF_TIMES_PT, **style)

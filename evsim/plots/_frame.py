"""The frame of a picture: its size, the words above and beside it, and the levels inside it."""

from __future__ import annotations

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
MOST_KEY_IN, _MOST_KEY_SHARE = 2.5, 0.34
_OFF_LABELS_PT = 9


def new_axes(size: Size) -> Axes:
    """The one Axes of a new figure of this size, which belongs to no window and to no global state."""
    figure = Figure(figsize=size, facecolor=PAPER)
    FigureCanvasAgg(figure)
    left, bottom = _LEFT_IN / size.width, _BOTTOM_IN / size.height
    right, top = 1 - _RIGHT_IN / size.width, 1 - _TOP_IN / size.height
    return figure.add_axes((left, bottom, right - left, top - bottom))


def reserve(ax: Axes, top_in: float = 0.0, right_in: float = 0.0) -> None:
    """Shrink an Axes, so that what is written above and beside it stays inside the box it was given.

    A figure with a layout engine of its own makes that room itself.
    """
    if ax.figure.get_layout_engine() is not None:
        return
    box, size = ax.get_position(), size_of(ax)
    ax.set_position((box.x0, box.y0, box.width * (1 - right_in / size.width), box.height * (1 - top_in / size.height)))


def remark(panel: Panel, x: float, y: float, parts: Sequence[str]) -> None:
    """What matters most, in bold above a place in a panel: inside it, and in one line if it fits."""
    lines = [", ".join(parts)]
    if words.width_in(lines[0], TEXT_PT, is_bold=True) > panel.size.width:
        lines = list(parts)
    half = max(words.width_in(text, TEXT_PT, is_bold=True) for text in lines) / 2 / panel.size.width
    inside = min(max(x / panel.x_end, half), 1 - half)
    above = y / panel.y_end + _GAP_IN / panel.size.height
    panel.write(inside, above, "\n".join(lines), ha="center", va="bottom", fontweight="bold")


def heading(ax: Axes, title: str, under: Sequence[str]) -> None:
    """The title of a picture, and lines under it; both above the Axes, in room taken from it."""
    width = size_of(ax).width
    titles = words.wrapped(title, width, TITLE_PT)
    lines = [line for text in under for line in words.wrapped(text, width, TEXT_PT, words.BETWEEN_ITEMS)]
    under_in = len(lines) * line_in(TEXT_PT) + _GAP_IN
    reserve(ax, top_in=under_in + len(titles) * line_in(TITLE_PT))
    height = size_of(ax).height
    ax.set_title(
        "\n".join(titles),
        loc="left",
        y=1 + under_in / height,
        pad=4,
        fontsize=TITLE_PT,
        fontweight="bold",
        color=INK,
        parse_math=False,
    )
    write(ax, 0, 1 + _GAP_IN / height, "\n".join(lines), va="bottom", color=SOFT)


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


def key_width_in(ax: Axes) -> float:
    """The room that a key beside an Axes takes [in]."""
    return min(MOST_KEY_IN, _MOST_KEY_SHARE * size_of(ax).width)


def name_axes(ax: Axes, y_name: str, x_name: str, widest_label: str, rows: int) -> None:
    """What the axes show. The names keep off the labels.

    widest_label : of the levels; rows : how many rows of labels stand under the time axis
    """
    style: Style = {"fontsize": TEXT_PT, "color": INK, "parse_math": False}
    level_pt = words.width_in(widest_label, SMALL_PT) * words.POINTS_PER_INCH
    ax.set_ylabel(y_name, labelpad=level_pt + 1.5 * _OFF_LABELS_PT, **style)
    ax.set_xlabel(x_name, labelpad=rows * line_in(SMALL_PT) * words.POINTS_PER_INCH + _OFF_LABELS_PT, **style)

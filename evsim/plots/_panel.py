"""Panels: rectangles of an Axes with scales of their own, and the text in and around them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, TypeAlias

from matplotlib.axes import Axes
from matplotlib.text import Text
from matplotlib.transforms import Affine2D, Transform

from evsim.plots import _words as words
from evsim.plots._palette import INK

TITLE_PT, TEXT_PT, SMALL_PT = 14.0, 10.0, 9.0
LINE_SPACING = 1.25
HEAD_IN = 0.25
_GAP_X_IN, _GAP_Y_IN = 0.42, 0.16

Style: TypeAlias = dict[str, Any]
"""Properties of an artist of matplotlib."""


class Size(NamedTuple):
    """Width and height [in]."""

    width: float
    height: float


@dataclass(frozen=True)
class Panel:
    """A rectangle of an Axes, with scales from 0 to `x_end` and from 0 to `y_end`.

    What is drawn keeps its own units, and a transform places it: `data`; `along`, where y is a share of the
    panel; `across`, where x is; `shares`, where both are. In a flipped panel, y goes down. An Axes for each panel
    would take as long to make as all that is drawn in it.
    """

    ax: Axes
    size: Size
    x_end: float
    y_end: float
    shares: Transform
    data: Transform
    along: Transform
    across: Transform
    is_flipped: bool = False

    def write(self, x: float, y: float, text: str, **style: Any) -> Text:  # noqa: ANN401 - properties of a Text
        """Text at shares of the panel, unless `style` has another transform."""
        return write(self.ax, x, y, text, **{"transform": self.shares, **style})


def size_of(ax: Axes) -> Size:
    """How large an Axes is [in]."""
    return Size(ax.bbox.width / ax.figure.dpi, ax.bbox.height / ax.figure.dpi)


def line_in(size_pt: float) -> float:
    """The height of a line of text [in]."""
    return size_pt * LINE_SPACING / words.POINTS_PER_INCH


def write(ax: Axes, x: float, y: float, text: str, **style: Any) -> Text:  # noqa: ANN401 - properties of a Text
    """Text at shares of the Axes; never read as mathematics, whatever signs a name has in it."""
    usual: Style = {"fontsize": TEXT_PT, "color": INK, "transform": ax.transAxes, "linespacing": LINE_SPACING}
    return ax.text(x, y, text, parse_math=False, **{**usual, **style})


def shared_width_in(width_in: float, n: int) -> float:
    """What n panels beside one another have of a width, without what is between them [in]."""
    return width_in - (n - 1) * _GAP_X_IN


def panels(
    ax: Axes, rows: int, columns: Sequence[tuple[float, float]], y_end: float, head_in: float = 0
) -> list[list[Panel]]:
    """Rows of panels in an Axes, `head_in` [in] of room above each; one alone has the scales of the Axes.

    columns : of each, its width beside the others, and where its scale ends
    """
    if rows == len(columns) == 1:
        return [[_whole(ax, columns[0][1], y_end)]]
    width, height = size_of(ax)
    gap_x, gap_y = _GAP_X_IN / width, _GAP_Y_IN / height
    high = (1 - (rows - 1) * gap_y) / rows
    across = (1 - (len(columns) - 1) * gap_x) / sum(share for share, _ in columns)
    grid = []
    for row in range(rows):
        bottom, left, made = (rows - 1 - row) * (high + gap_y), 0.0, []
        for share, x_end in columns:
            box = (left, bottom, share * across, high - head_in / height)
            made.append(_part(ax, box, x_end, y_end))
            left += share * across + gap_x
        grid.append(made)
    return grid


def mirrored(panel: Panel, up: float, down: float) -> tuple[Panel, Panel]:
    """A panel as two that share its time axis: one from 0 up to `up`, and under it one from 0 down to `down`."""
    share = up / (up + down)
    return _within(panel, 1 - share, share, up), _within(panel, 1 - share, share - 1, down)


def lowered(panel: Panel, down: float) -> Panel:
    """The same panel with a scale of y that begins `down` below zero, and is as long as it was."""
    if not down:
        return panel
    if panel.data is panel.ax.transData:
        panel.ax.set_ylim(-down, panel.y_end - down)
    (data, across) = (
        Affine2D().translate(0, down).scale(1 / x, 1 / panel.y_end) + panel.shares for x in (panel.x_end, 1)
    )
    return replace(panel, data=data, across=across)


def part_of(panel: Panel, base_in: float, height_in: float, y_end: float) -> Panel:
    """A part of a panel over its whole width, from `base_in` up [in], with its own scale of y."""
    return _within(panel, base_in / panel.size.height, height_in / panel.size.height, y_end)


def rescaled(panel: Panel, y_end: float) -> Panel:
    """The same panel with another scale of y."""
    if panel.data is panel.ax.transData:
        panel.ax.set_ylim(0, y_end)
        return replace(panel, y_end=y_end)
    return _placed(panel.ax, panel.shares, panel.size, panel.x_end, y_end)


def _within(panel: Panel, base: float, height: float, y_end: float) -> Panel:
    """A part of a panel from `base` up, or of a negative height down, in shares of it."""
    shares = Affine2D().scale(1, height).translate(0, base) + panel.shares
    size = Size(panel.size.width, abs(height) * panel.size.height)
    return replace(_placed(panel.ax, shares, size, panel.x_end, y_end), is_flipped=height < 0)


def _whole(ax: Axes, x_end: float, y_end: float) -> Panel:
    ax.set_xlim(0, x_end)
    ax.set_ylim(0, y_end)
    along, across = ax.get_xaxis_transform(), ax.get_yaxis_transform()
    return Panel(ax, size_of(ax), x_end, y_end, ax.transAxes, ax.transData, along, across)


def _part(ax: Axes, box: tuple[float, float, float, float], x_end: float, y_end: float) -> Panel:
    left, bottom, width, height = box
    within = size_of(ax)
    shares = Affine2D().scale(width, height).translate(left, bottom) + ax.transAxes
    size = Size(width * within.width, height * within.height)
    return _placed(ax, shares, size, x_end, y_end)


def _placed(ax: Axes, shares: Transform, size: Size, x_end: float, y_end: float) -> Panel:
    data, along, across = (Affine2D().scale(1 / x, 1 / y) + shares for x, y in ((x_end, y_end), (x_end, 1), (1, y_end)))
    return Panel(ax, size, x_end, y_end, shares, data, along, across)

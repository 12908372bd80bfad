"""The key beside the picture of a dispatch: each mark, its name, and what it comes to."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle

from evsim.plots import _words as words
from evsim.plots._dispatch_items import Item
from evsim.plots._palette import DISPATCH, PAPER, SOFT
from evsim.plots._panel import SMALL_PT, TEXT_PT, Style, line_in, size_of, write

LINES: dict[str, Style] = {
    "metered": {"linewidth": 1.5, "zorder": 2.6},
    "counterfactual": {"linewidth": 3.6, "zorder": 2.0},
    "baseline": {"linewidth": 1.6, "zorder": 2.4, "linestyle": (0, (3.5, 1.4))},
    "target": {"linewidth": 4.5, "zorder": 2.2},
}
"""Thin over thick: of lines that coincide all are seen."""
AREAS: dict[str, Style] = {
    "delivered": {},
    "undone": {"hatch": "\\\\\\\\", "edgecolor": "#2E8B72"},
    "rebound": {"hatch": "////"},
    "prepared": {"hatch": "...."},
}
WIDTH_IN = 2.75
_OFF_IN, _SAMPLE_IN, _INDENT_IN, _BETWEEN_IN = 0.2, 0.3, 0.4, 0.11
_BOX_IN = 0.16


def draw_key(ax: Axes, items: Sequence[Item]) -> None:
    """The key in the room to the right of an Axes, from the top down."""
    size = size_of(ax)
    x, y = 1 + _OFF_IN / size.width, 1.0
    text_x = x + _INDENT_IN / size.width
    for head, small, item in _blocks(items):
        _sample(ax, x, y - line_in(TEXT_PT) / 2 / size.height, item.mark)
        write(ax, text_x, y, "\n".join(head), va="top", fontweight="bold")
        y -= len(head) * line_in(TEXT_PT) / size.height
        write(ax, text_x, y, "\n".join(small), va="top", fontsize=SMALL_PT, color=SOFT)
        y -= (len(small) * line_in(SMALL_PT) + _BETWEEN_IN) / size.height


def height_in(items: Sequence[Item]) -> float:
    """How high the key is [in]."""
    return sum(
        len(head) * line_in(TEXT_PT) + len(small) * line_in(SMALL_PT) + _BETWEEN_IN for head, small, _ in _blocks(items)
    )


def _blocks(items: Sequence[Item]) -> list[tuple[list[str], list[str], Item]]:
    """The lines of each: its head, and what is in small print."""
    room = WIDTH_IN - _OFF_IN - _INDENT_IN
    found = []
    for item in items:
        small = [line for text in item.small for line in words.wrapped(text, room, SMALL_PT)]
        found.append((words.wrapped(item.head, room / words.BOLD, TEXT_PT), small, item))
    return found


def _sample(ax: Axes, x: float, y: float, mark: str) -> None:
    size = size_of(ax)
    style: Style = {"transform": ax.transAxes, "clip_on": False}
    if mark in LINES:
        line = Line2D([x, x + _SAMPLE_IN / size.width], [y, y], color=DISPATCH[mark], **style, **LINES[mark])
        line.set_solid_capstyle("butt")
        ax.add_artist(line)
    elif mark:
        width, height = _SAMPLE_IN / size.width, _BOX_IN / size.height
        look: Style = {"facecolor": DISPATCH[mark], "linewidth": 0, "edgecolor": PAPER, **AREAS[mark]}
        ax.add_artist(Rectangle((x, y - height / 2), width, height, **style, **look))

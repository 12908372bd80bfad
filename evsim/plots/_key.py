"""The key beside a picture: one swatch and name for each archetype, in the order of what is drawn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from evsim.plots import _words as words
from evsim.plots._palette import PAPER, SOFT, colour, hatch
from evsim.plots._panel import TEXT_PT, Style, line_in, size_of, write

_SWATCH_IN, _INDENT_IN, _OFF_IN, _BETWEEN_IN = 0.15, 0.24, 0.18, 0.07
_MOST_LINES = 3
_USABLE_OF_LINES = 0.88
"""Of several lines, what words leave room for."""


class Entry(NamedTuple):
    """An archetype in the key: its place in the config, its name, and a fact about it (or nothing)."""

    archetype: int
    name: str
    fact: str = ""


def draw_key(ax: Axes, entries: Sequence[Entry], width_in: float) -> None:
    """The key in the room to the right of an Axes, `width_in` wide [in], from the top down."""
    size = size_of(ax)
    room = width_in - _OFF_IN - _INDENT_IN
    blocks = _that_fit(entries, room, size.height)
    x, y = 1 + _OFF_IN / size.width, 1.0
    for entry, lines in blocks:
        _swatch(ax, x, y, entry.archetype)
        text = "\n".join([*lines, entry.fact] if entry.fact else lines)
        write(ax, x + _INDENT_IN / size.width, y, text, va="top")
        y -= _height_in(lines, entry) / size.height
    if len(blocks) < len(entries):
        more = f"and {len(entries) - len(blocks)} more"
        write(ax, x + _INDENT_IN / size.width, y, more, va="top", color=SOFT)


def height_in(entries: Sequence[Entry], width_in: float) -> float:
    """How high the key is when nothing is left out [in]."""
    room = width_in - _OFF_IN - _INDENT_IN
    lines = _lines(entries, room, _MOST_LINES)
    return sum(_height_in(own, entry) for own, entry in zip(lines, entries, strict=True))


def _that_fit(entries: Sequence[Entry], room_in: float, height: float) -> list[tuple[Entry, Sequence[str]]]:
    """Names on as many lines as there is height for; of too many, the last are left out."""
    blocks: list[tuple[Entry, Sequence[str]]] = []
    for most in range(_MOST_LINES, 0, -1):
        blocks = list(zip(entries, _lines(entries, room_in, most), strict=True))
        if sum(_height_in(lines, entry) for entry, lines in blocks) <= height:
            return blocks
    fits = int((height - line_in(TEXT_PT)) / _height_in(blocks[0][1], blocks[0][0]))
    return blocks[: max(1, fits)]


def _lines(entries: Sequence[Entry], room_in: float, most: int) -> Sequence[Sequence[str]]:
    """The names, each on at most so many lines."""
    usable = room_in if most == 1 else _USABLE_OF_LINES * most * room_in
    names = words.told_apart([entry.name for entry in entries], usable, TEXT_PT)
    return [words.wrapped(name, room_in, TEXT_PT)[:most] for name in names]


def _height_in(lines: Sequence[str], entry: Entry) -> float:
    return (len(lines) + bool(entry.fact)) * line_in(TEXT_PT) + _BETWEEN_IN


def _swatch(ax: Axes, x: float, y: float, archetype: int) -> None:
    size = size_of(ax)
    corner = (x, y - _SWATCH_IN / size.height)
    sides = (_SWATCH_IN / size.width, _SWATCH_IN / size.height)
    style: Style = {
        "facecolor": colour(archetype),
        "hatch": hatch(archetype),
        "edgecolor": PAPER,
        "linewidth": 0,
    }
    ax.add_patch(Rectangle(corner, *sides, transform=ax.transAxes, clip_on=False, **style))

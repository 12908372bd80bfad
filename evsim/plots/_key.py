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
_AFTER_IN, _OFF_ROW_IN = 0.2, 0.13
_MOST_LINES = 3
_USABLE_OF_LINES = 0.88
"""Of several lines, what words leave room for."""


class Entry(NamedTuple):
    """An archetype in the key: its place in the config, and its name."""

    archetype: int
    name: str


def draw_key(ax: Axes, entries: Sequence[Entry], width_in: float) -> None:
    """The key in the room to the right of an Axes, `width_in` wide [in], from the top down."""
    size = size_of(ax)
    room = width_in - _OFF_IN - _INDENT_IN
    blocks = _that_fit(entries, room, size.height)
    x, y = 1 + _OFF_IN / size.width, 1.0
    for entry, lines in blocks:
        _swatch(ax, x, y, entry.archetype)
        write(ax, x + _INDENT_IN / size.width, y, "\n".join(lines), va="top")
        y -= _height_in(lines) / size.height
    if len(blocks) < len(entries):
        more = f"and {len(entries) - len(blocks)} more"
        write(ax, x + _INDENT_IN / size.width, y, more, va="top", color=SOFT)


def draw_row(ax: Axes, entries: Sequence[tuple[str, str]], above_in: float) -> None:
    """A key in rows above an Axes, `above_in` [in] from it: names and their colours."""
    size = size_of(ax)
    for row, line in enumerate(reversed(_rows_of(entries, size.width))):
        left, y = 0.0, 1 + (above_in + _OFF_ROW_IN + row * line_in(TEXT_PT)) / size.height
        for name, colour_ in line:
            _box(ax, left / size.width, y, {"facecolor": colour_})
            write(ax, (left + _INDENT_IN) / size.width, y, name, va="baseline")
            left += _wide_in(name)


def row_height_in(ax: Axes, entries: Sequence[tuple[str, str]]) -> float:
    """How high the key in rows is [in]."""
    return len(_rows_of(entries, size_of(ax).width)) * line_in(TEXT_PT) + _OFF_ROW_IN - _BETWEEN_IN


def _rows_of(entries: Sequence[tuple[str, str]], room_in: float) -> list[list[tuple[str, str]]]:
    """As many names in each row as have room."""
    rows: list[list[tuple[str, str]]] = [[]]
    left = 0.0
    for entry in entries:
        if rows[-1] and left + _wide_in(entry[0]) - _AFTER_IN > room_in:
            rows.append([])
            left = 0.0
        rows[-1].append(entry)
        left += _wide_in(entry[0])
    return rows


def _wide_in(name: str) -> float:
    return _INDENT_IN + words.width_in(name, TEXT_PT) + _AFTER_IN


def height_in(entries: Sequence[Entry], width_in: float) -> float:
    """How high the key is when nothing is left out [in]."""
    room = width_in - _OFF_IN - _INDENT_IN
    return sum(_height_in(lines) for lines in _lines(entries, room, _MOST_LINES))


def _that_fit(entries: Sequence[Entry], room_in: float, height: float) -> list[tuple[Entry, Sequence[str]]]:
    """Names on as many lines as there is height for; of too many, the last are left out."""
    blocks: list[tuple[Entry, Sequence[str]]] = []
    for most in range(_MOST_LINES, 0, -1):
        blocks = list(zip(entries, _lines(entries, room_in, most), strict=True))
        if sum(_height_in(lines) for _, lines in blocks) <= height:
            return blocks
    fits = int((height - line_in(TEXT_PT)) / _height_in(blocks[0][1]))
    return blocks[: max(1, fits)]


def _lines(entries: Sequence[Entry], room_in: float, most: int) -> Sequence[Sequence[str]]:
    """The names, each on at most so many lines."""
    usable = room_in if most == 1 else _USABLE_OF_LINES * most * room_in
    names = words.told_apart([entry.name for entry in entries], usable, TEXT_PT)
    return [words.wrapped(name, room_in, TEXT_PT)[:most] for name in names]


def _height_in(lines: Sequence[str]) -> float:
    return len(lines) * line_in(TEXT_PT) + _BETWEEN_IN


def _swatch(ax: Axes, x: float, y: float, archetype: int) -> None:
    look: Style = {"facecolor": colour(archetype), "hatch": hatch(archetype)}
    _box(ax, x, y - _SWATCH_IN / size_of(ax).height, look)


def _box(ax: Axes, x: float, y: float, look: Style) -> None:
    size = size_of(ax)
    sides = (_SWATCH_IN / size.width, _SWATCH_IN / size.height)
    style: Style = {"edgecolor": PAPER, "linewidth": 0, **look}
    ax.add_patch(Rectangle((x, y), *sides, transform=ax.transAxes, clip_on=False, **style))

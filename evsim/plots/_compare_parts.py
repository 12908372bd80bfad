"""What the pictures of a comparison share: colours and lines of variants, the words under a title, stacked panels."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np

from evsim.analysis import Comparison
from evsim.plots import _words as words
from evsim.plots._panel import Panel, _within

_SOLID_VARIANTS = 4
_DASHES: Sequence[object] = ("solid", (0, (4, 1.5)), (0, (1.2, 1.2)), (0, (5, 1.5, 1.2, 1.5)))

_WINDOW = re.compile(r'\["(\d\d:\d\d)", ?"(\d\d:\d\d)"\]')

LineStyle: TypeAlias = object
"""A line style of matplotlib."""

BACKDROP, BACKDROP_LINE = "#e8e3d6", "#8a7a4f"
"""Of a signal: sand, no variant's colour."""


def line_style(variant: int) -> LineStyle:
    """Solid for the first four variants; then lines are also told apart by their dashes."""
    return _DASHES[variant // _SOLID_VARIANTS % len(_DASHES)]


def shown(name: str) -> str:
    """A variant's name, to be broken before its settings; a window as `22:30-05:30`."""
    return _WINDOW.sub("\\1\N{EN DASH}\\2", words.clean(name)).replace("+", " +").replace(",", ", ")


def circumstances(comparison: Comparison, *, of_whom: bool = True) -> str:
    """The line under a title: when, of how many users, with which luck."""
    clock = comparison.clock
    first, last = (words.date(int(day)) for day in clock.local(np.array([0, clock.end_s]))[0])
    begins = words.moment(clock, 0, year=first.year != last.year)
    period = f"{begins} \N{EN DASH} {words.moment(clock, clock.end_s, year=True)}"
    return words.BETWEEN_ITEMS.join((period, *((users(comparison),) if of_whom else ()), luck(comparison)))


def ways(comparison: Comparison) -> str:
    """How the variants differ, as the end of a title."""
    n = len(comparison.names)
    if not comparison.is_about_charging:
        return f"under {words.counted(n, 'config')}"
    return f"charging in {words.counted(n, 'way')}"


def users(comparison: Comparison) -> str:
    """`1,000 users`, of several configs `500 to 1,000 users`."""
    least, most = min(comparison.n_users), max(comparison.n_users)
    return words.counted(most, "user") if least == most else f"{least:,} to {words.counted(most, 'user')}"


def luck(comparison: Comparison) -> str:
    """`the same luck for all: seed 1`."""
    seeds = comparison.seeds
    return f"the same luck for all: {'seed' if len(seeds) == 1 else 'seeds'} " + (
        f"{seeds[0]}" if len(seeds) == 1 else f"{seeds[0]} to {seeds[-1]}"
    )


def stacked(panel: Panel, lower: float, gap_in: float, ends: tuple[float, float]) -> tuple[Panel, Panel]:
    """A panel as two, one above the other on the same axis along: the lower one a share of the height.

    gap_in : between them [in]; ends : where the scales of y end, of the upper one first
    """
    gap = gap_in / panel.size.height
    upper = _within(panel, lower + gap, 1 - lower - gap, ends[0])
    return upper, _within(panel, 0, lower, ends[1])

"""The time axis of the picture of a dispatch: what of it is shown, its windows, its notice, and the words over them."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from evsim._clock import Clock
from evsim._units import SECONDS_PER_DAY, Ints
from evsim.market._dispatch_view import DispatchView
from evsim.market._readings import PERIOD_S
from evsim.plots import _calendar as calendar
from evsim.plots import _dispatch_facts as facts
from evsim.plots import _marks as marks
from evsim.plots import _words as words
from evsim.plots._palette import INK, WINDOW
from evsim.plots._panel import SMALL_PT, TEXT_PT, Panel, Style, line_in, part_of

ROW_IN, BESIDE_IN = 0.2, 0.06
"""A row of words over the lines, and how far words keep from what they are beside."""
_MOST_BEFORE_S = SECONDS_PER_DAY
"""So much at most is shown before it starts, however long the notice was. Our choice."""


class Shown(NamedTuple):
    """What is shown of a view: its half-hours from one on, on an axis that begins there.

    edges : (n + 1,) [s on the axis]; rows : which half-hours of the view
    """

    clock: Clock
    first_s: int
    edges: Ints
    rows: slice
    unit: words.Unit


def shown_of(view: DispatchView) -> Shown:
    """What is shown of a view, and the unit of power that suits it."""
    clock, starts = view.clock, view.starts_s
    earliest = min(window.start_s for window in view.windows) - _MOST_BEFORE_S
    row = int(np.searchsorted(starts, earliest, side="right")) - 1
    rows = slice(max(row, 0), len(starts))
    first = int(starts[rows][0])
    edges = np.append(starts[rows], starts[-1] + PERIOD_S) - first
    own = replace(clock, start_epoch_s=clock.start_epoch_s + first, step_s=PERIOD_S, n_steps=len(edges) - 1)
    lines = np.concatenate(
        [kw[rows] for kw in (view.metered_kw, view.twin_kw, view.baseline_kw, facts.target_kw(view))]
    )
    return Shown(own, first, edges, rows, words.unit_for(float(np.nanmax(np.abs(lines), initial=0.0))))


def draw_time(panel: Panel, view: DispatchView, shown: Shown, *, top: float, is_labelled: bool = False) -> int:
    """Days, nights, and up to a share of the panel the windows; returns how many rows of labels stand under it."""
    rows = calendar.draw_run(panel, shown.clock, is_labelled=is_labelled, has_nights=True)
    lower = part_of(panel, 0.0, top * panel.size.height, 1.0)
    ends = [[at - shown.first_s for at in span] for span in facts.spans(view)]
    marks.shade(lower, ends, WINDOW)
    marks.rules(lower, [[(x, 0.0), (x, 1.0)] for span in ends for x in span], INK, lower.along, zorder=1.5)
    return rows


def mark_notice(panel: Panel, view: DispatchView, shown: Shown, *, top: float) -> None:
    """When the fleet came to know of it, a line up to a share of the panel; none where that is not shown."""
    if _has_notice(view, shown):
        x = view.known_s - shown.first_s
        look: Style = {"linestyles": [(0, (1.5, 2))], "linewidths": 1.2, "zorder": 1.5}
        marks.rules(panel, [[(x, 0.0), (x, top)]], INK, panel.along, **look)


def _has_notice(view: DispatchView, shown: Shown) -> bool:
    return shown.first_s <= view.known_s < facts.spans(view)[0].start_s


def write_over(panel: Panel, view: DispatchView, shown: Shown) -> None:
    """In rows from the top: what was delivered, the local times of the windows, and when it was known."""
    per_s = panel.size.width / panel.x_end
    served = [[(at - shown.first_s) * per_s for at in span] for span in facts.spans(view)]
    _row(panel, 0, (served[0][0] + served[-1][1]) / 2, facts.delivered(view), is_bold=True)
    first, taken = np.inf, -np.inf
    for (begin, end), span in zip(served, facts.spans(view), strict=True):
        names = facts.dated(view, span), facts.times(view, span)
        text = names[0] if words.width_in(names[0], SMALL_PT) < end - begin else names[1]
        half = words.width_in(text, SMALL_PT) / 2
        middle = max((begin + end) / 2, taken + half + 2 * BESIDE_IN)
        if middle - half <= end:
            taken = _row(panel, 1, middle, text)
            first = min(first, taken - 2 * half)
    if _has_notice(view, shown):
        _write_notice(panel, facts.known(view, has_day=False), (view.known_s - shown.first_s) * per_s, first)
    elif view.known_s < shown.first_s:
        _row(panel, 2, 0.0, f"\N{LEFTWARDS ARROW} {facts.known(view, has_day=True)}")


def _write_notice(panel: Panel, text: str, at_in: float, free_in: float) -> None:
    """Left of its line; else over it, where that row is free up to `free_in` [in]; else right of it."""
    wide = words.width_in(text, SMALL_PT)
    if at_in > wide + BESIDE_IN:
        _row(panel, 2, at_in - wide / 2 - BESIDE_IN, text)
    elif max(at_in + wide / 2, wide) < free_in:
        _row(panel, 1, at_in, text)
    else:
        _row(panel, 2, at_in + wide / 2 + BESIDE_IN, text)


def _row(panel: Panel, row: int, middle_in: float, text: str, *, is_bold: bool = False) -> float:
    """Words in a row from the top, about a place along the panel and inside it; returns where they end [in]."""
    size_pt = TEXT_PT if is_bold else SMALL_PT
    half = words.width_in(text, size_pt, is_bold=is_bold) / 2
    inside = min(max(middle_in, half), panel.size.width - half)
    y = 1 - (row * ROW_IN + (ROW_IN - line_in(size_pt)) / 2) / panel.size.height
    style: Style = {"fontsize": size_pt, "ha": "center", "va": "top", "zorder": 4}
    panel.write(inside / panel.size.width, y, text, fontweight="bold" if is_bold else "normal", **style)
    return inside + half

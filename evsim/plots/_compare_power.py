"""Power over time under several variants, each with its peak, above the price that some of them follow."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import StepPatch

from evsim._units import SECONDS_PER_MINUTE
from evsim.analysis import Backdrop, Comparison
from evsim.plots import _calendar as calendar
from evsim.plots import _compare_parts as parts
from evsim.plots import _frame as frame
from evsim.plots import _marks as marks
from evsim.plots import _words as words
from evsim.plots._palette import SOFT, colour
from evsim.plots._panel import SMALL_PT, TEXT_PT, Panel, Size, Style, line_in, panels, size_of, write
from evsim.plots._views import View, views_of

_WIDTH_IN, _HEIGHT_IN, _AROUND_IN = 11.5, 6.4, 1.9
_HEADROOM = 1.06
_STRIP_IN, _MOST_STRIP, _STRIP_GAP_IN = 0.8, 0.25, 0.14
_OFF_IN, _SAMPLE_IN, _INDENT_IN, _BETWEEN_IN = 0.18, 0.3, 0.4, 0.12
_MOST_LINES = 3
_LINE_PT = 1.8


def compare_power(comparison: Comparison, ax: Axes | None = None) -> Axes:
    """Power of everybody at the meter [kW, MW or GW], a line of steps for each variant, with the first seed.

    Peaks are pointed at, and named in the key. The price of import [p/kWh], or else the carbon intensity, stands
    beneath. A run of more than 15 days is drawn as the highest step of each day and as an average day. Without `ax`, in
    a new figure. Returns the Axes.
    """
    width = frame.MOST_KEY_IN
    if ax is None:
        high = _key_height_in(comparison, width) + (_STRIP_IN if comparison.backdrop is not None else 0.0)
        ax = frame.new_axes(Size(_WIDTH_IN, max(_HEIGHT_IN, _AROUND_IN + high)))
    width = frame.key_width_in(ax)
    frame.bare(ax)
    frame.heading(ax, (f"Power drawn by {parts.users(comparison)}", parts.ways(comparison)), _under(comparison))
    frame.reserve(ax, right_in=width)
    _draw_views(ax, comparison, views_of(comparison.clock, size_of(ax).width))
    _draw_key(ax, comparison, width)
    return ax


def _under(comparison: Comparison) -> Sequence[str]:
    lines = [parts.circumstances(comparison, of_whom=False)]
    if comparison.seeds[1:]:
        lines.append(f"Drawn: seed {comparison.seeds[0]}.")
    return lines


def _draw_views(ax: Axes, comparison: Comparison, views: Sequence[View]) -> None:
    """The lines in each view on the same levels, and beneath them the backdrop."""
    peaks = [row[0].measures.peak_kw for row in comparison.outcomes]
    unit, back = words.unit_for(max(peaks)), comparison.backdrop
    top = max(peaks) / unit.kw
    levels = frame.round_levels(top)
    labels, rows = [f"{level:,.10g}" for level in levels], 0
    places = panels(ax, 1, [view.column for view in views], _HEADROOM * (top or 1))[0]
    for i, (panel, view) in enumerate(zip(places, views, strict=True)):
        upper = panel
        if back is not None:
            upper, lower = parts.stacked(panel, _strip(ax), _STRIP_GAP_IN, (panel.y_end, _end_of(back)))
            _draw_backdrop(lower, view, back, is_labelled=i == 0)
        frame.levels(upper, levels, () if i else labels)
        rows = view.draw_axis(panel, is_labelled=True)
        _draw_lines(upper, comparison, view, unit.kw)
        if view.name:
            calendar.label_under(panel, _name_of(view, comparison), rows)
            rows += 1
        if i == 0:
            _point_at_peaks(upper, comparison, view, unit.kw)
    name = f"Power at the meter [{unit.name}]"
    frame.name_axes(ax, name, calendar.name_of(comparison.clock), max(labels, key=len), rows)


def _strip(ax: Axes) -> float:
    """How much of the height the backdrop has [0-1]."""
    return min(_STRIP_IN / size_of(ax).height, _MOST_STRIP)


def _name_of(view: View, comparison: Comparison) -> str:
    minutes = words.counted(comparison.clock.step_s // SECONDS_PER_MINUTE, "minute")
    return f"{view.name}: mean" if view.is_round else f"highest {minutes} of each day"


def _draw_lines(panel: Panel, comparison: Comparison, view: View, unit_kw: float) -> None:
    for i, row in enumerate(comparison.outcomes):
        kw = row[0].import_kw
        tops = (view.mean(kw) if view.is_round or not view.name else view.highest(kw)) / unit_kw
        look: Style = {"edgecolor": colour(i), "linestyle": parts.line_style(i), "linewidth": _LINE_PT}
        look |= {"baseline": None, "fill": False, "zorder": 2}
        panel.ax.add_artist(StepPatch(tops, view.edges, transform=panel.data, **look))


def _point_at_peaks(panel: Panel, comparison: Comparison, view: View, unit_kw: float) -> None:
    for i, row in enumerate(comparison.outcomes):
        mine = row[0].measures
        if mine.peak_kw > 0:
            bin_ = view.bin[int(mine.peak_at_s) // comparison.clock.step_s]
            middle = float(view.edges[bin_] + view.edges[bin_ + 1]) / 2
            marks.pointer(panel, middle, mine.peak_kw / unit_kw, colour(i))


def _end_of(back: Backdrop) -> float:
    """Where the scale of a signal ends; one that falls below zero is drawn from its lowest."""
    return float(back.values.max() - _base_of(back)) * _HEADROOM or 1.0


def _base_of(back: Backdrop) -> float:
    return min(0.0, float(back.values.min()))


def _draw_backdrop(panel: Panel, view: View, back: Backdrop, *, is_labelled: bool) -> None:
    """The signal as filled steps, with its lowest and highest value."""
    base = _base_of(back)
    tops = view.mean(back.values) - base
    look: Style = {"facecolor": parts.BACKDROP, "edgecolor": parts.BACKDROP_LINE, "linewidth": 0.8, "zorder": 0.9}
    look |= {"baseline": np.full(len(tops), -base), "fill": True}
    panel.ax.add_artist(StepPatch(tops, view.edges, transform=panel.data, **look))
    if not is_labelled:
        return
    ends = sorted({0.0, float(back.values.max()), base})
    frame.levels(panel, [end - base for end in ends], [f"{end:,.0f}" for end in ends])


# ---- the key


def _key_height_in(comparison: Comparison, width_in: float) -> float:
    return sum(_height_in(lines) for lines in _names(comparison, width_in))


def _draw_key(ax: Axes, comparison: Comparison, width_in: float) -> None:
    """For each variant its line, its name, its peak and when that is; and what the strip is."""
    size, y = size_of(ax), 1.0
    x = 1 + _OFF_IN / size.width
    for i, lines in enumerate(_names(comparison, width_in)):
        _sample(ax, x, y, i)
        write(ax, x + _INDENT_IN / size.width, y, "\n".join(lines), va="top", fontweight="bold")
        below = y - len(lines) * line_in(TEXT_PT) / size.height
        write(ax, x + _INDENT_IN / size.width, below, _fact(comparison, i), va="top", fontsize=SMALL_PT, color=SOFT)
        y -= _height_in(lines) / size.height
    if comparison.backdrop is not None:
        of = "" if comparison.is_about_charging else f" of {words.shortened(comparison.names[0], 1.2, TEXT_PT)}"
        text = f"{comparison.backdrop.name}{of}\n[{comparison.backdrop.unit}]"
        write(ax, x, _strip(ax) / 2, text, va="center", color=parts.BACKDROP_LINE)


def _fact(comparison: Comparison, variant: int) -> str:
    lines = [row[0].import_kw for row in comparison.outcomes]
    mine = comparison.outcomes[variant][0].measures
    if mine.peak_kw <= 0:
        return "no power is drawn"
    if any(np.array_equal(lines[variant], other) for other in lines[variant + 1 :]):
        return "hidden by the same line\nof another below"
    is_long = len(views_of(comparison.clock)) > 1
    return f"peak {words.power(mine.peak_kw)}\n{words.moment(comparison.clock, mine.peak_at_s, year=is_long)}"


def _names(comparison: Comparison, width_in: float) -> list[list[str]]:
    room = width_in - _OFF_IN - _INDENT_IN
    bold_pt = TEXT_PT * words.BOLD
    names = words.told_apart([parts.shown(name) for name in comparison.names], 0.85 * _MOST_LINES * room, bold_pt)
    return [words.wrapped(name, room, bold_pt)[:_MOST_LINES] for name in names]


def _height_in(lines: Sequence[str]) -> float:
    return len(lines) * line_in(TEXT_PT) + 2 * line_in(SMALL_PT) + _BETWEEN_IN


def _sample(ax: Axes, x: float, y: float, variant: int) -> None:
    size = size_of(ax)
    middle = y - line_in(TEXT_PT) / 2 / size.height
    look: Style = {"color": colour(variant), "linestyle": parts.line_style(variant), "linewidth": 2.2}
    ends = [x, x + _SAMPLE_IN / size.width]
    ax.add_artist(Line2D(ends, [middle, middle], transform=ax.transAxes, clip_on=False, **look))

"""Power over time under several variants, each with its peak, above the price that some of them follow."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import StepPatch

from evsim._units import SECONDS_PER_MINUTE
from evsim.analysis import Comparison
from evsim.plots import _calendar as calendar
from evsim.plots import _compare_parts as parts
from evsim.plots import _frame as frame
from evsim.plots import _marks as marks
from evsim.plots import _strip as strip
from evsim.plots import _words as words
from evsim.plots._palette import colour
from evsim.plots._panel import SMALL_PT, TEXT_PT, Panel, Size, Style, line_in, panels, size_of, write
from evsim.plots._views import View, views_of

_WIDTH_IN, _HEIGHT_IN, _AROUND_IN = 11.5, 6.4, 1.9
_HEADROOM = 1.06
_OFF_IN, _SAMPLE_IN, _INDENT_IN, _BETWEEN_IN = 0.18, 0.3, 0.4, 0.12
_LINE_PT, _THICKER_PT, _LEAST_ROOM_PT, _MOST_ROOM_PT = 1.6, 1.2, 1.5, 3.2
"""A line is thicker by so much for each one over it that nearly coincides with it, as far as steps have room [pt]."""
_NEAR, _OFTEN = 0.03, 0.3
"""Nearly coincide: so near, as a share of the highest peak, in such a share of the steps in which power is drawn."""


def compare_power(comparison: Comparison, ax: Axes | None = None) -> Axes:
    """Power of everybody at the meter [kW, MW or GW], a line of steps for each variant, with the first seed.

    Peaks are pointed at, and named in the key. Under it, where they change and there is room, strips show the price of
    import [p/kWh], and the carbon intensity, where a rule goes by it or there is no price. A run of more than 15 days
    is drawn as the highest step of each day and as an average day. Without `ax`, in a new figure. Returns the Axes.
    """
    shown = [signal for signal in parts.signals(comparison) if parts.changes(signal.values)]
    if ax is None:
        strips_in = strip.height_in(len(shown))
        needed_in = _AROUND_IN + _key_height_in(comparison, frame.MOST_KEY_IN)
        ax = frame.new_axes(Size(_WIDTH_IN, max(_HEIGHT_IN + strips_in, needed_in)))
    width = frame.key_width_in(ax)
    frame.bare(ax)
    frame.heading(ax, (f"Power drawn by {parts.users(comparison)}", parts.ways(comparison)), _under(comparison))
    frame.reserve(ax, right_in=width)
    views = views_of(comparison.clock, size_of(ax).width)
    name_of = partial(parts.name_of, comparison)
    strips = [strip.strip_of(name_of(s), s.unit, s.values, views) for s in shown[: strip.most_in(ax)]]
    looks = _looks(comparison, _step_pt(ax, views[-1]))
    _draw_views(ax, comparison, views, strips, looks)
    _draw_key(ax, comparison, width, looks)
    return ax


def _under(comparison: Comparison) -> Sequence[str]:
    steady = [signal for signal in parts.signals(comparison) if not parts.changes(signal.values)]
    said = [parts.said_of(signal, signal.values) for signal in steady]
    lines = [words.BETWEEN_ITEMS.join((parts.circumstances(comparison, of_whom=False), *said))]
    if comparison.seeds[1:]:
        lines.append(f"Drawn: seed {comparison.seeds[0]}.")
    return lines


def _draw_views(
    ax: Axes, comparison: Comparison, views: Sequence[View], strips: Sequence[strip.Strip], looks: Sequence[Style]
) -> None:
    """The lines in each view on the same levels, and the strips under them."""
    peaks = [row[0].measures.peak_kw for row in comparison.outcomes]
    unit = words.unit_for(max(peaks))
    top = max(peaks) / unit.kw
    levels = frame.round_levels(top)
    labels, rows = [f"{level:,.10g}" for level in levels], 0
    columns = panels(ax, 1, [view.column for view in views], _HEADROOM * (top or 1))[0]
    for i, (column, view) in enumerate(zip(columns, views, strict=True)):
        panel = strip.above(column, len(strips))
        frame.levels(panel, levels, () if i else labels)
        rows = view.draw_axis(panel, is_labelled=not strips)
        rows += strip.draw(strips, column, views, i)
        _draw_lines(panel, comparison, view, unit.kw, looks)
        if view.name:
            calendar.label_under(column, _name_of(view, comparison), rows)
            rows += 1
        if i == 0:
            _point_at_peaks(panel, comparison, view, unit.kw)
    name = f"Power at the meter [{unit.name}]"
    labels += [label for one in strips for label in one.labels]
    frame.name_axes(ax, name, calendar.name_of(comparison.clock), max(labels, key=len), rows)
    strip.centre_name(ax, len(strips))


def _step_pt(ax: Axes, view: View) -> float:
    """About how wide a step of a view is drawn [pt]."""
    return view.share * size_of(ax).width / (len(view.edges) - 1) * words.POINTS_PER_INCH


def _name_of(view: View, comparison: Comparison) -> str:
    minutes = words.counted(comparison.clock.step_s // SECONDS_PER_MINUTE, "minute")
    return f"{view.name}: mean" if view.is_round else f"highest {minutes} of each day"


def _draw_lines(panel: Panel, comparison: Comparison, view: View, unit_kw: float, looks: Sequence[Style]) -> None:
    for i, (row, look) in enumerate(zip(comparison.outcomes, looks, strict=True)):
        kw = row[0].import_kw
        tops = (view.mean(kw) if view.is_round or not view.name else view.highest(kw)) / unit_kw
        style: Style = {"baseline": None, "fill": False, "edgecolor": colour(i), "zorder": 2}
        panel.ax.add_artist(StepPatch(tops, view.edges, transform=panel.data, **style, **look))


def _looks(comparison: Comparison, step_pt: float) -> list[Style]:
    """How lines are drawn, so that all of several that nearly coincide are seen: thin and dashed over thick.

    step_pt : how wide a step is drawn; much thicker lines would fill what is between them
    """
    n = len(comparison.names)
    hiding = _hiding(comparison)
    over, under = [0] * n, [0] * n
    for i in reversed(range(n)):
        over[i] = max((over[j] + 1 for j in range(i + 1, n) if hiding[i][j]), default=0)
    for j in range(n):
        under[j] = max((under[i] + 1 for i in range(j) if hiding[i][j]), default=0)
    room_pt = min(max(step_pt, _LEAST_ROOM_PT), _MOST_ROOM_PT)
    apart_pt = min(_THICKER_PT, room_pt / (max(over) or 1))
    return [{"linewidth": _LINE_PT + apart_pt * over[i], "linestyle": parts.line_style(i, under[i])} for i in range(n)]


def _hiding(comparison: Comparison) -> list[list[bool]]:
    """Of each line, which others nearly coincide with it where it is not near zero."""
    lines = [row[0].import_kw for row in comparison.outcomes]
    near_kw = _NEAR * max(row[0].measures.peak_kw for row in comparison.outcomes)
    found = []
    for line in lines:
        at = line > near_kw
        n_near = [np.count_nonzero(abs(other[at] - line[at]) <= near_kw) for other in lines]
        found.append([bool(n > _OFTEN * np.count_nonzero(at)) for n in n_near])
    return found


def _point_at_peaks(panel: Panel, comparison: Comparison, view: View, unit_kw: float) -> None:
    for i, row in enumerate(comparison.outcomes):
        mine = row[0].measures
        if mine.peak_kw > 0:
            bin_ = view.bin[int(mine.peak_at_s) // comparison.clock.step_s]
            middle = float(view.edges[bin_] + view.edges[bin_ + 1]) / 2
            marks.pointer(panel, middle, mine.peak_kw / unit_kw, colour(i))


# ---- the key


def _key_height_in(comparison: Comparison, width_in: float) -> float:
    return sum(_height_in(label) for label in _labels(comparison, width_in))


def _draw_key(ax: Axes, comparison: Comparison, width_in: float, looks: Sequence[Style]) -> None:
    """For each variant its line, its name, its peak and when that is."""
    size, y = size_of(ax), 1.0
    x = 1 + _OFF_IN / size.width
    for i, (label, look) in enumerate(zip(_labels(comparison, width_in), looks, strict=True)):
        _sample(ax, (x, y), i, look)
        beside = x + _INDENT_IN / size.width
        parts.write_label(partial(write, ax), (beside, y), label, size.height)
        write(ax, beside, y - label.height_in / size.height, _fact(comparison, i), va="top", fontsize=SMALL_PT)
        y -= _height_in(label) / size.height


def _fact(comparison: Comparison, variant: int) -> str:
    lines = [row[0].import_kw for row in comparison.outcomes]
    mine = comparison.outcomes[variant][0].measures
    if mine.peak_kw <= 0:
        return "no power is drawn"
    peak = f"peak {words.power(mine.peak_kw)}"
    if any(np.array_equal(lines[variant], other) for other in lines[variant + 1 :]):
        return f"{peak}, hidden by\nthe same line of another"
    is_long = len(views_of(comparison.clock)) > 1
    return f"{peak}\n{words.moment(comparison.clock, mine.peak_at_s, year=is_long)}"


def _labels(comparison: Comparison, width_in: float) -> list[parts.Label]:
    return parts.labels(comparison.names, width_in - _OFF_IN - _INDENT_IN)


def _height_in(label: parts.Label) -> float:
    return label.height_in + 2 * line_in(SMALL_PT) + _BETWEEN_IN


def _sample(ax: Axes, at: tuple[float, float], variant: int, look: Style) -> None:
    size, (x, y) = size_of(ax), at
    middle = y - line_in(TEXT_PT) / 2 / size.height
    style: Style = {"color": colour(variant), "transform": ax.transAxes, "clip_on": False}
    ends = [x, x + _SAMPLE_IN / size.width]
    ax.add_artist(Line2D(ends, [middle, middle], **style, **look))

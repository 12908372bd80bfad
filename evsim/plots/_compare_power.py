"""Power over time under several variants, each with its peak, above the price that some of them follow."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

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
from evsim.plots._panel import SMALL_PT, TEXT_PT, Panel, Size, Style, line_in, lowered, panels, size_of, write
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

    Where cars give power back it is the net: what is drawn less what is given back, negative where that is more.

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
    what = "Net power of" if _gives(comparison) else "Power drawn by"
    frame.heading(ax, (f"{what} {parts.users(comparison)}", parts.ways(comparison)), _under(comparison))
    frame.reserve(ax, right_in=width, left_in=frame.SIGN_IN if _bottom_kw(comparison) else 0.0)
    views = views_of(comparison.clock, size_of(ax).width)
    name_of = partial(parts.name_of, comparison)
    strips = [strip.strip_of(name_of(s), s.unit, s.values, views) for s in shown[: strip.most_in(ax)]]
    looks = _looks(comparison, _step_pt(ax, views[-1]))
    _draw_views(ax, comparison, views, strips, looks)
    _draw_key(ax, comparison, width, looks)
    return ax


class _Peak(NamedTuple):
    """The highest power of a line [kW], and the start of its step [s]."""

    kw: float
    at_s: float


def _peaks(comparison: Comparison) -> list[_Peak]:
    """Of each line: of the net, where something is given back."""
    found = []
    for row in comparison.outcomes:
        mine, net_kw = row[0].measures, row[0].net_kw
        at = int(np.argmax(net_kw))
        net = _Peak(float(net_kw[at]), at * comparison.clock.step_s)
        found.append(net if row[0].export_kw.any() else _Peak(mine.peak_kw, mine.peak_at_s))
    return found


def _gives(comparison: Comparison) -> bool:
    """Whether anybody gives power back."""
    return any(row[0].export_kw.any() for row in comparison.outcomes)


def _bottom_kw(comparison: Comparison) -> float:
    """How far the lines go below zero [kW]."""
    return max(0.0, *(-float(row[0].net_kw.min()) for row in comparison.outcomes))


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
    top_kw, bottom_kw = max(peak.kw for peak in _peaks(comparison)), _bottom_kw(comparison)
    unit = words.unit_for(max(top_kw, bottom_kw))
    top, bottom = top_kw / unit.kw, bottom_kw / unit.kw
    levels = frame.levels_both_ways(top, bottom)
    labels, rows = [words.number(level) for level in levels], 0
    up, down = _HEADROOM * (top or 1), _HEADROOM * bottom
    columns = panels(ax, 1, [view.column for view in views], up + down)[0]
    for i, (column, view) in enumerate(zip(columns, views, strict=True)):
        panel = lowered(strip.above(column, len(strips), down), down)
        frame.levels(panel, levels, () if i else labels)
        rows = view.draw_axis(panel, is_labelled=not strips)
        rows += strip.draw(strips, column, views, i)
        if down:
            marks.zero(panel)
        _draw_lines(panel, comparison, view, unit.kw, looks)
        if view.name:
            calendar.label_under(column, _name_of(view, comparison), rows)
            rows += 1
        if i == 0:
            _point_at_peaks(panel, comparison, view, unit.kw)
    name = f"{'Net power' if _gives(comparison) else 'Power'} at the meter [{unit.name}]"
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
        kw = row[0].net_kw
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
    lines = [row[0].net_kw for row in comparison.outcomes]
    near_kw = _NEAR * max(peak.kw for peak in _peaks(comparison))
    found = []
    for line in lines:
        at = np.abs(line) > near_kw
        n_near = [np.count_nonzero(abs(other[at] - line[at]) <= near_kw) for other in lines]
        found.append([bool(n > _OFTEN * np.count_nonzero(at)) for n in n_near])
    return found


def _point_at_peaks(panel: Panel, comparison: Comparison, view: View, unit_kw: float) -> None:
    for i, peak in enumerate(_peaks(comparison)):
        if peak.kw > 0:
            bin_ = view.bin[int(peak.at_s) // comparison.clock.step_s]
            middle = float(view.edges[bin_] + view.edges[bin_ + 1]) / 2
            marks.pointer(panel, middle, peak.kw / unit_kw, colour(i))


# ---- the key


def _key_height_in(comparison: Comparison, width_in: float) -> float:
    return sum(_height_in(comparison, label) for label in _labels(comparison, width_in))


def _draw_key(ax: Axes, comparison: Comparison, width_in: float, looks: Sequence[Style]) -> None:
    """For each variant its line, its name, its peak and when that is."""
    size, y = size_of(ax), 1.0
    x = 1 + _OFF_IN / size.width
    for i, (label, look) in enumerate(zip(_labels(comparison, width_in), looks, strict=True)):
        _sample(ax, (x, y), i, look)
        beside = x + _INDENT_IN / size.width
        parts.write_label(partial(write, ax), (beside, y), label, size.height)
        write(ax, beside, y - label.height_in / size.height, _fact(comparison, i), va="top", fontsize=SMALL_PT)
        y -= _height_in(comparison, label) / size.height


def _fact(comparison: Comparison, variant: int) -> str:
    lines = [row[0].net_kw for row in comparison.outcomes]
    mine, lowest_kw = _peaks(comparison)[variant], float(lines[variant].min())
    if mine.kw <= 0 and lowest_kw >= 0:
        return "no power is drawn"
    peak = f"peak {words.power(mine.kw)}"
    lowest = f"\nlowest \N{MINUS SIGN}{words.power(-lowest_kw)}" if lowest_kw < 0 else ""
    if any(np.array_equal(lines[variant], other) for other in lines[variant + 1 :]):
        return f"{peak}, hidden by\nthe same line of another{lowest}"
    is_long = len(views_of(comparison.clock)) > 1
    return f"{peak}\n{words.moment(comparison.clock, mine.at_s, year=is_long)}{lowest}"


def _labels(comparison: Comparison, width_in: float) -> list[parts.Label]:
    return parts.labels(comparison.names, width_in - _OFF_IN - _INDENT_IN)


def _height_in(comparison: Comparison, label: parts.Label) -> float:
    n_facts = 3 if _bottom_kw(comparison) else 2
    return label.height_in + n_facts * line_in(SMALL_PT) + _BETWEEN_IN


def _sample(ax: Axes, at: tuple[float, float], variant: int, look: Style) -> None:
    size, (x, y) = size_of(ax), at
    middle = y - line_in(TEXT_PT) / 2 / size.height
    style: Style = {"color": colour(variant), "transform": ax.transAxes, "clip_on": False}
    ends = [x, x + _SAMPLE_IN / size.width]
    ax.add_artist(Line2D(ends, [middle, middle], **style, **look))

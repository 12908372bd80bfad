"""The picture of a dispatch: what the meters read and what they would have, and the SoC of those that took part."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import StepPatch

from evsim.market._dispatch_view import DispatchView
from evsim.market._readings import PERIOD_S
from evsim.plots import _calendar as calendar
from evsim.plots import _dispatch_axis as axis
from evsim.plots import _dispatch_facts as facts
from evsim.plots import _dispatch_items as items
from evsim.plots import _dispatch_key as key
from evsim.plots import _frame as frame
from evsim.plots import _marks as marks
from evsim.plots import _words as words
from evsim.plots._multiples import PERCENT
from evsim.plots._palette import DISPATCH, INK, PAPER, SOFT
from evsim.plots._panel import SMALL_PT, TEXT_PT, Panel, Size, Style, panels, part_of

_WIDTH_IN, _HEIGHT_IN, _AROUND_IN = 12.5, 7.4, 1.95
_SOC_IN, _BETWEEN_IN, _NAME_IN = 1.45, 0.42, 0.09
_BOLD_IN = 1.5
"""A title is bold, and wider than it is broken for: so much of the key's room is left to it."""
_N_ROWS = 3
"""Rows of words over the highest of the lines."""
_WINDOW_FROM_IN = 2 * axis.ROW_IN
"""The window begins under what is said of it."""
_SLACK = 1.06
"""What is below zero ends a little above the bottom."""
_LEAST_EXPORT_IN = 0.22
_LOW_PERCENT = 22
"""Under this, words at the bottom of the SoC would be in its way."""


def dispatch_picture(view: DispatchView, ax: Axes | None = None) -> Axes:
    """Net power of the meters that count [kW, MW or GW], by half-hours, and under it the mean SoC of who took part [%].

    Lines of steps: metered, counterfactual, the named baseline, and the target in the window as its share of each
    half-hour. Filled between metered and counterfactual: delivered in half-hours that the window touches, rebound after
    it, and prepared before it or between two. Export is below zero. Without `ax`, in a new figure. Returns the Axes.
    """
    told = items.items(view)
    if ax is None:
        ax = frame.new_axes(Size(_WIDTH_IN, max(_HEIGHT_IN, _AROUND_IN + key.height_in(told))))
    frame.bare(ax)
    frame.reserve(ax, right_in=_BOLD_IN)
    frame.heading(ax, facts.title(view), facts.under(view))
    frame.reserve(ax, right_in=key.WIDTH_IN - _BOLD_IN)
    shown = axis.shown_of(view)
    whole = panels(ax, 1, [(1.0, float(shown.edges[-1]))], 1.0)[0][0]
    power_in = whole.size.height - _SOC_IN - _BETWEEN_IN
    labels = _draw_power(part_of(whole, _SOC_IN + _BETWEEN_IN, power_in, 1.0), view, shown)
    rows = _draw_soc(part_of(whole, 0, _SOC_IN, PERCENT), view, shown)
    key.draw_key(ax, told)
    when = calendar.name_of(shown.clock)
    frame.name_axes(ax, f"Net power, half-hourly mean [{shown.unit.name}]", when, max((*labels, "100%"), key=len), rows)
    ax.yaxis.label.set_y(1 - power_in / 2 / whole.size.height)
    return ax


# ---- power


def _draw_power(panel: Panel, view: DispatchView, shown: axis.Shown) -> Sequence[str]:
    """Lines, areas, the window and the notice; returns the labels of the levels."""
    lines = {
        "counterfactual": view.twin_kw,
        "target": facts.target_kw(view),
        "baseline": view.baseline_kw,
        "metered": view.metered_kw,
    }
    drawn = {name: kw[shown.rows] / shown.unit.kw for name, kw in lines.items()}
    values = np.concatenate(list(drawn.values()))
    high, low = float(np.nanmax(values, initial=0.0)), float(np.nanmin(values, initial=0.0))
    high, down = high if high > low else 1.0, -_SLACK * low
    words_in = _N_ROWS * axis.ROW_IN
    up = high + (high + down) * words_in / (panel.size.height - words_in)
    down_in = panel.size.height * down / (up + down)
    above = part_of(panel, down_in, panel.size.height - down_in, up)
    labels = _draw_levels(above, high, down)
    top = 1 - _WINDOW_FROM_IN / panel.size.height
    axis.draw_time(panel, view, shown, top=top)
    axis.mark_notice(panel, view, shown, top=top)
    _draw_areas(above, view, shown)
    for name, kw in drawn.items():
        look: Style = {"edgecolor": DISPATCH[name], "baseline": None, "fill": False, **key.LINES[name]}
        if np.isfinite(kw).any():
            steps = StepPatch(kw, shown.edges, transform=above.data, **look)
            steps.set_capstyle("butt")
            panel.ax.add_artist(steps)
    marks.rules(above, [[(0.0, 0.0), (1.0, 0.0)]], SOFT, above.across, linewidths=1.1, zorder=1.9)
    if down_in >= _LEAST_EXPORT_IN:
        _say_export(above)
    axis.write_over(panel, view, shown)
    return labels


def _draw_areas(panel: Panel, view: DispatchView, shown: axis.Shown) -> None:
    for name, where in facts.areas(view).items():
        twin, metered = view.twin_kw / shown.unit.kw, view.metered_kw / shown.unit.kw
        top = np.where(where & (twin != metered), metered, np.nan)[shown.rows]
        if np.isfinite(top).any():
            look: Style = {"facecolor": DISPATCH[name], "linewidth": 0, "edgecolor": PAPER, **key.AREAS[name]}
            shape: Style = {"baseline": twin[shown.rows], "fill": True, "zorder": 1.0}
            panel.ax.add_artist(StepPatch(top, shown.edges, transform=panel.data, **shape, **look))


def _draw_levels(above: Panel, high: float, down: float) -> list[str]:
    """Round levels up and down from zero, with labels."""
    ticks = frame.round_levels(high + down)
    apart = ticks[1] - ticks[0] if len(ticks) > 1 else high
    n_up, n_down = int(high / apart), int(down / apart)
    levels = [round(apart * i, 9) for i in range(-n_down, n_up + 1)]
    labels = [f"{level:,.10g}".replace("-", "\N{MINUS SIGN}") for level in levels]
    frame.levels(above, levels, labels)
    return labels


def _say_export(above: Panel) -> None:
    """What is below zero, at its right end."""
    x = 1 - axis.BESIDE_IN / above.size.width
    y = axis.BESIDE_IN / above.size.height * above.y_end
    style: Style = {"transform": above.across, "fontsize": SMALL_PT, "color": SOFT, "ha": "right"}
    above.write(x, -y, "export", va="top", **style)


# ---- state of charge


def _draw_soc(panel: Panel, view: DispatchView, shown: axis.Shown) -> int:
    """Mean SoC with and without the dispatch, at the ends of half-hours; returns the rows of labels under it."""
    frame.levels(panel, (0, 50, 100), ("0%", "50%", "100%"))
    rows = axis.draw_time(panel, view, shown, top=1.0, is_labelled=True)
    whose = "SoC of the one" if view.n_took_part == 1 else f"Mean SoC of the {view.n_took_part:,}"
    name = f"{whose} that took part, with the dispatch and without [%]"
    if not view.n_took_part:
        name = "Mean SoC of those that took part [%]"
        why = words.wrapped(f"nobody took part: {', '.join(items.reasons(view))}", panel.size.width, TEXT_PT)
        panel.write(0.5, 0.25, "\n".join(why), ha="center", va="center")
    panel.write(0, 1 + _NAME_IN / panel.size.height, name, fontsize=SMALL_PT, va="baseline", color=SOFT)
    for soc, mark in ((view.twin_mean_soc, "counterfactual"), (view.mean_soc, "metered")):
        look: Style = {"color": DISPATCH[mark], "solid_joinstyle": "round", **key.LINES[mark]}
        panel.ax.add_artist(Line2D(shown.edges[1:], PERCENT * soc[shown.rows], transform=panel.data, **look))
    if view.n_took_part:
        _say_soc(panel, view, shown)
    return rows


def _say_soc(panel: Panel, view: DispatchView, shown: axis.Shown) -> None:
    """The two at the end of the half-hour in which it ended."""
    end = max(window.end_s for window in view.windows)
    at = min(int(np.searchsorted(view.starts_s + PERIOD_S, end)), len(view.starts_s) - 1)
    x = float(view.starts_s[at] + PERIOD_S - shown.first_s)
    with_, without = (PERCENT * float(soc[at]) for soc in (view.mean_soc, view.twin_mean_soc))
    marks.dots(panel, [x, x], [without, with_], INK)
    text = f"at {facts.time(view, shown.first_s + x)}: {with_:.0f}%, without it {without:.0f}%"
    half = words.width_in(text, TEXT_PT, is_bold=True) / 2
    per_s = panel.size.width / panel.x_end
    middle = x * per_s + half + 2 * axis.BESIDE_IN
    if middle + half > panel.size.width:
        begin = facts.spans(view)[-1].start_s - shown.first_s
        middle = max(begin * per_s - half - 2 * axis.BESIDE_IN, half)
    is_low = min(with_, without) < _LOW_PERCENT
    y, va = (0.95, "top") if is_low else (0.05, "bottom")
    panel.write(middle / panel.size.width, y, text, ha="center", va=va, fontweight="bold", zorder=4)

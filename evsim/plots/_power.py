"""Power of the whole population over time, stacked by archetype, with its peak."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from evsim._results import Results
from evsim._units import SECONDS_PER_MINUTE
from evsim.plots import _calendar as calendar
from evsim.plots import _frame as frame
from evsim.plots import _key as key
from evsim.plots import _marks as marks
from evsim.plots import _strip as strip
from evsim.plots import _words as words
from evsim.plots._palette import INK
from evsim.plots._panel import Panel, Size, panels, size_of
from evsim.plots._views import View, views_of

_WIDTH_IN, _HEIGHT_IN, _AROUND_IN = 11.0, 6.0, 1.8
_HEADROOM = 1.16
"""Room above the peak for its words, as a multiple of the peak."""


def power_by_archetype(results: Results, ax: Axes | None = None) -> Axes:
    """Power at the meter [kW, MW or GW], stacked by archetype from the bottom in config order, with its peak.

    Filled steps are means over the step. A run of more than 15 days is drawn day by day and as an average
    day, each with a line for the highest step. Strips under it show the import price and the carbon intensity,
    where these change and there is room. Archetypes without users are left out, and small print in a small
    `ax`. Without `ax`, in a new figure. Returns the Axes.
    """
    who = words.with_users(results)
    entries = [key.Entry(i, results.archetypes[i]) for i in who][::-1]
    if ax is None:
        needed_in = _AROUND_IN + key.height_in(entries, frame.MOST_KEY_IN)
        height_in = max(_HEIGHT_IN + strip.height_in(len(strip.shown(results))), needed_in)
        ax = frame.new_axes(Size(_WIDTH_IN, height_in))
    frame.bare(ax)
    width = frame.key_width_in(ax) if len(who) > 1 else 0.0
    views = views_of(results.clock, size_of(ax).width - width)
    frame.heading(ax, _title(results), _under(results, views, who))
    frame.reserve(ax, right_in=width)
    _draw_views(ax, results, views, who)
    if len(who) > 1:
        key.draw_key(ax, entries, width)
    return ax


def _title(results: Results) -> Sequence[str]:
    users = words.counted(results.scenario.population_size, "user")
    return f"Power drawn by {users}", words.charging_rule(results)


def _under(results: Results, views: Sequence[View], who: Sequence[int]) -> Sequence[str]:
    """The lines under the title; the one archetype that is alone is named there."""
    alone = [words.clean(results.archetypes[who[0]])] if len(who) == 1 else []
    circumstances = words.BETWEEN_ITEMS.join((*alone, words.circumstances(results), *strip.steady(results)))
    if not views[0].name:
        return (circumstances,)
    minutes = results.clock.step_s // SECONDS_PER_MINUTE
    key_line = f"Filled: mean power.  Grey line: highest {words.counted(minutes, 'minute')}."
    return circumstances, key_line


def _draw_views(ax: Axes, results: Results, views: Sequence[View], who: Sequence[int]) -> None:
    """The stack in each view, on the same levels; the peak in the first. Under it prices and the like."""
    unit = words.unit_for(results.peak.kw)
    top = results.peak.kw / unit.kw
    levels = frame.round_levels(top)
    labels = [f"{level:,.10g}" for level in levels]
    strips = strip.strips_of(results, ax, views)
    columns = panels(ax, 1, [view.column for view in views], _HEADROOM * (top or 1))[0]
    places = [strip.above(column, len(strips)) for column in columns]
    rows = 0
    for i, (panel, view) in enumerate(zip(places, views, strict=True)):
        frame.levels(panel, levels, () if i else labels)
        rows = view.draw_axis(panel, is_labelled=not strips)
        rows += strip.draw(strips, columns[i], views, i)
        _draw_stack(panel, results, view, who, unit.kw)
        if view.name:
            calendar.label_under(columns[i], view.name, rows)
            rows += 1
    _mark_peak(places[0], results, views[0], unit.kw)
    name = f"Power at the meter [{unit.name}]"
    labels += [label for one in strips for label in one.labels]
    frame.name_axes(ax, name, calendar.name_of(results.clock), max(labels, key=len), rows)
    strip.centre_name(ax, len(strips))


def _draw_stack(panel: Panel, results: Results, view: View, who: Sequence[int], unit_kw: float) -> None:
    """Filled steps on top of one another; where bins hold many steps, also a line for the highest."""
    tops = np.cumsum(view.mean(results.import_kw[:, who]) / unit_kw, axis=1)
    base = np.zeros(len(tops))
    for i, top in zip(who, tops.T, strict=True):
        marks.filled_steps(panel, view.edges, base, top, i)
        base = top
    if view.name:
        highest = view.highest(results.import_kw.sum(axis=1)) / unit_kw
        marks.step_line(panel, view.edges, highest)


def _mark_peak(panel: Panel, results: Results, view: View, unit_kw: float) -> None:
    """A pointer at the peak, its power and its local time above it."""
    clock, peak = results.clock, results.peak
    if peak.kw <= 0:
        panel.write(0.5, 0.5, "no power is drawn", ha="center", va="center")
        return
    at_s = clock.seconds(peak.at)
    bin_ = view.bin[int(at_s) // clock.step_s]
    x, y = float(view.edges[bin_] + view.edges[bin_ + 1]) / 2, peak.kw / unit_kw
    marks.pointer(panel, x, y, INK)
    parts = (f"peak {words.power(peak.kw)}", words.moment(clock, at_s, year=bool(view.name)))
    frame.remark(panel, x, y, parts)

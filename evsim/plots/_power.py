"""Power of the whole population over time, stacked by archetype, with its peak; below zero what is given back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes

from evsim._results import Peak, Results
from evsim._units import SECONDS_PER_MINUTE, Floats
from evsim.plots import _calendar as calendar
from evsim.plots import _frame as frame
from evsim.plots import _key as key
from evsim.plots import _marks as marks
from evsim.plots import _strip as strip
from evsim.plots import _words as words
from evsim.plots._palette import INK
from evsim.plots._panel import Panel, Size, lowered, mirrored, panels, size_of
from evsim.plots._views import View, views_of

_WIDTH_IN, _HEIGHT_IN, _AROUND_IN = 11.0, 6.0, 1.8
_HEADROOM = 1.16
"""Room above the peak for its words, as a multiple of the peak."""
_WORDS_IN = 0.5
"""The same where power goes both ways: so much at either end."""
_MIXED = 0.02
"""Where power goes both ways at once, and the lesser is over so much of the greatest, there is a line of the net."""


class _Scale(NamedTuple):
    """The axis of power: its unit, and how far it goes up and down from zero in it."""

    unit: words.Unit
    up: float
    down: float


def power_by_archetype(results: Results, ax: Axes | None = None) -> Axes:
    """Power at the meter [kW, MW or GW], stacked by archetype from the bottom in config order, with its peak.

    Export is stacked below zero, downwards in the same order and colours, with its own peak. A dark line is import less
    export, where there are both at once. Without export nothing lies below zero.

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
    frame.reserve(ax, right_in=width, left_in=frame.SIGN_IN if results.export_kw.any() else 0.0)
    _draw_views(ax, results, views, who)
    if len(who) > 1:
        key.draw_key(ax, entries, width)
    return ax


def _title(results: Results) -> Sequence[str]:
    users = words.counted(results.scenario.population_size, "user")
    what = "drawn and given back" if results.export_kw.any() else "drawn"
    return f"Power {what} by {users}", words.charging_rule(results)


def _under(results: Results, views: Sequence[View], who: Sequence[int]) -> Sequence[str]:
    """The lines under the title; the one archetype that is alone is named there."""
    alone = [words.clean(results.archetypes[who[0]])] if len(who) == 1 else []
    circumstances = words.BETWEEN_ITEMS.join((*alone, words.circumstances(results), *strip.steady(results)))
    said = []
    if views[0].name:
        minutes = results.clock.step_s // SECONDS_PER_MINUTE
        said.append(f"Filled: mean power.  Grey line: highest {words.counted(minutes, 'minute')}.")
    if results.export_kw.any():
        said.append("Below zero: given back.")
        if not all(np.isnan(_net(results, view)).all() for view in views):
            said.append("Dark line: drawn less given back.")
    return (circumstances, "  ".join(said)) if said else (circumstances,)


def _net(results: Results, view: View) -> Floats:
    """(n_bins,) what is drawn less what is given back [kW], NaN where it is not seen that both are at once."""
    least = _MIXED * max(results.peak.kw, results.export_peak.kw)
    drawn, given = (view.mean(kw.sum(axis=1)) for kw in (results.import_kw, results.export_kw))
    return np.where(np.minimum(drawn, given) > least, drawn - given, np.nan)


def _draw_views(ax: Axes, results: Results, views: Sequence[View], who: Sequence[int]) -> None:
    """The stacks in each view, on the same levels; the peaks in the first. Under it prices and the like."""
    strips = strip.strips_of(results, ax, views)
    scale = _scale(results, size_of(ax).height - strip.height_in(len(strips)))
    levels = frame.levels_both_ways(results.peak.kw / scale.unit.kw, results.export_peak.kw / scale.unit.kw)
    labels = [words.number(level) for level in levels]
    columns = panels(ax, 1, [view.column for view in views], scale.up + scale.down)[0]
    places = [strip.above(column, len(strips), scale.down) for column in columns]
    rows = 0
    for i, (panel, view) in enumerate(zip(places, views, strict=True)):
        frame.levels(lowered(panel, scale.down), levels, () if i else labels)
        rows = view.draw_axis(panel, is_labelled=not strips)
        rows += strip.draw(strips, columns[i], views, i)
        _draw_both_ways(panel, results, view, who, scale)
        if view.name:
            calendar.label_under(columns[i], view.name, rows)
            rows += 1
        if scale.down:
            marks.zero(lowered(panel, scale.down))
            marks.net_line(lowered(panel, scale.down), view.edges, _net(results, view) / scale.unit.kw)
    _mark_peaks(places[0], results, views[0], scale)
    name = f"Power at the meter [{scale.unit.name}]"
    labels += [label for one in strips for label in one.labels]
    frame.name_axes(ax, name, calendar.name_of(results.clock), max(labels, key=len), rows)
    strip.centre_name(ax, len(strips))


def _scale(results: Results, height_in: float) -> _Scale:
    """Room for the peaks and their words, in a height [in]."""
    peak_kw, given_kw = results.peak.kw, results.export_peak.kw
    unit = words.unit_for(max(peak_kw, given_kw))
    if not given_kw:
        return _Scale(unit, _HEADROOM * (peak_kw / unit.kw or 1), 0.0)
    share = min(_WORDS_IN / height_in, 1 - 1 / _HEADROOM)
    room_kw = share * (peak_kw + given_kw) / (1 - 2 * share)
    return _Scale(unit, (peak_kw + room_kw) / unit.kw, (given_kw + room_kw) / unit.kw)


def _halves(panel: Panel, scale: _Scale) -> tuple[Panel, Panel | None]:
    """What is above zero in a panel, and what is below it, if anything is."""
    return mirrored(panel, scale.up, scale.down) if scale.down else (panel, None)


def _draw_both_ways(panel: Panel, results: Results, view: View, who: Sequence[int], scale: _Scale) -> None:
    """Import up from zero, export down from it."""
    above, below = _halves(panel, scale)
    _draw_stack(above, results.import_kw, view, who, scale.unit.kw)
    if below is not None:
        _draw_stack(below, results.export_kw, view, who, scale.unit.kw)


def _draw_stack(panel: Panel, kw: Floats, view: View, who: Sequence[int], unit_kw: float) -> None:
    """Filled steps on top of one another; where bins hold many steps, also a line for the highest."""
    tops = np.cumsum(view.mean(kw[:, who]) / unit_kw, axis=1)
    base = np.zeros(len(tops))
    for i, top in zip(who, tops.T, strict=True):
        marks.filled_steps(panel, view.edges, base, top, i)
        base = top
    if view.name:
        highest = view.highest(kw.sum(axis=1)) / unit_kw
        marks.step_line(panel, view.edges, highest)


def _mark_peaks(panel: Panel, results: Results, view: View, scale: _Scale) -> None:
    """The peaks of import and of export, if there are any."""
    above, below = _halves(panel, scale)
    if results.peak.kw > 0:
        _mark_peak(above, results, results.peak, "peak", view, scale.unit.kw)
    else:
        above.write(0.5, 0.5, "no power is drawn", ha="center", va="center")
    if below is not None:
        _mark_peak(below, results, results.export_peak, "most given back", view, scale.unit.kw)


def _mark_peak(panel: Panel, results: Results, peak: Peak, what: str, view: View, unit_kw: float) -> None:
    """A pointer at a peak, its power and its local time beyond it."""
    clock = results.clock
    at_s = clock.seconds(peak.at)
    bin_ = view.bin[int(at_s) // clock.step_s]
    x, y = float(view.edges[bin_] + view.edges[bin_ + 1]) / 2, peak.kw / unit_kw
    marks.pointer(panel, x, y, INK)
    parts = (f"{what} {words.power(peak.kw)}", words.moment(clock, at_s, year=bool(view.name)))
    frame.remark(panel, x, y, parts)

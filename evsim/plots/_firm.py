"""Firm power by half-hour of the day and length of product."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from evsim._results import Results
from evsim._units import SECONDS_PER_DAY, SECONDS_PER_MINUTE, Floats
from evsim.analysis._envelope import Envelope, envelope, place_of
from evsim.analysis._firm import Firm
from evsim.analysis._local_days import NOON_S
from evsim.plots import _calendar as calendar
from evsim.plots import _day_panels as day_panels
from evsim.plots import _frame as frame
from evsim.plots import _key as key
from evsim.plots import _marks as marks
from evsim.plots import _words as words
from evsim.plots._panel import Panel, Size

_WIDTH_IN, _HEIGHT_IN = 11.0, 6.8
NAMES = {
    "turn_down": "Turn-down: drawing less",
    "discharge": "Discharge: giving back",
    "both": "Both together",
    "turn_up": "Turn-up: drawing more",
}
_ORDER = ("turn_down", "discharge", "both", "turn_up")
SHADES = ("#c6dbef", "#6baed6", "#2171b5", "#08306b")
"""One hue from light to dark: the longer a product, the less of it there is, so the darker lie inside the lighter."""
_MARK = "#D55E00"
"""Of a window: it is seen on white and on the darkest blue."""
_LEAST_KW = 0.05
"""A kind of which there is never so much is left out."""
_HEADROOM, _MARGIN_IN, _PERCENT = 1.06, 0.12, 100


def firm_power(
    results: Results,
    ax: Axes | None = None,
    held: Envelope | None = None,
    confidence: float = 0.9,
    asked: Firm | None = None,
) -> Axes:
    """The power that could be held from each half-hour, for each length, on most days [kW, MW or GW at the meter].

    A panel for each kind, from noon to noon by the local clock, beside what the run itself draws. A kind of which
    there is none at any time is left out.

    held : what `envelope` says of the run, where that is done; confidence : share of the days [0-1]
    asked : a window to mark, with its firm power
    Returns the Axes.
    """
    known = envelope(results) if held is None else held
    firm_kw = known.firm_kw(confidence)
    kinds = _kinds(known, firm_kw)
    if ax is None:
        ax = frame.new_axes(Size(_WIDTH_IN, _HEIGHT_IN))
    frame.bare(ax)
    entries = _key(known.minutes)
    row_in = key.row_height_in(ax, entries)
    frame.heading(ax, _title(results, confidence), _under(results, known, confidence), row_in)
    frame.reserve(ax, right_in=_MARGIN_IN)
    key.draw_row(ax, entries, 0.0)
    most = float(np.nanmax(firm_kw, initial=0.0))
    unit = words.unit_for(most)
    heads = [(NAMES[kind], _fact(kind, firm_kw[known.kinds.index(kind)], known, asked)) for kind in kinds]
    top = _HEADROOM * (most / unit.kw or 1.0)
    for panel, kind in zip(day_panels.day_panels(ax, heads, top), kinds, strict=True):
        if asked is not None:
            _mark_window(panel, asked)
        _draw_lengths(panel, firm_kw[known.kinds.index(kind)] / unit.kw)
    frame.name_axes(ax, f"Power beside the run's own [{unit.name}]", calendar.name_of(results.clock), f"{top:,.0f}", 1)
    return ax


def _kinds(known: Envelope, firm_kw: Floats) -> list[str]:
    """Those of which there is any; both together only where there are both."""
    has = {kind: float(np.nanmax(firm_kw[known.kinds.index(kind)], initial=0.0)) > _LEAST_KW for kind in _ORDER}
    has["both"] &= has["turn_down"] and has["discharge"]
    return [kind for kind in _ORDER if has[kind]] or [_ORDER[0]]


def _title(results: Results, confidence: float) -> Sequence[str]:
    cars = words.counted(results.scenario.population_size, "car")
    return f"Power that {cars} can hold on {_PERCENT * confidence:g}% of days", words.charging_rule(results)


def _under(results: Results, known: Envelope, confidence: float) -> Sequence[str]:
    n = int(known.n_days.max())
    days = f"There on {place_of(n, confidence)} of {words.counted(n, 'day')}"
    return (words.circumstances(results), f"Held from each half-hour on, for the whole of a product.  {days}.")


def _key(minutes: Sequence[int]) -> list[tuple[str, str]]:
    return [(f"for {length:g} min", SHADES[i % len(SHADES)]) for i, length in enumerate(minutes)]


def _draw_lengths(panel: Panel, firm: Floats) -> None:
    """One over the other, the shortest first."""
    for i, top in enumerate(firm.T):
        values = np.nan_to_num(day_panels.from_noon(top))
        marks.shaded_steps(panel, day_panels.edges(len(top)), values, SHADES[i % len(SHADES)])


def _fact(kind: str, firm: Floats, known: Envelope, asked: Firm | None) -> str:
    """What the window has; or the most that is held for an hour, and when."""
    if asked is not None:
        kw = asked.firm_kw(kind)
        return f"{asked.window}: {words.power(kw) if kw > 0 else '0 kW'}"
    length = min(len(known.minutes) - 1, 2)
    best = int(np.nanargmax(firm[:, length]))
    return f"most: {words.power(float(firm[best, length]))} for {known.minutes[length]} min at {_hour(known, best)}"


def _hour(known: Envelope, start: int) -> str:
    """`18:00`, of a half-hour of an envelope."""
    return words.hour(float(known.starts_s[start]))


def _mark_window(panel: Panel, asked: Firm) -> None:
    """Lines where the window begins and ends."""
    hour, minute = map(int, asked.window.split("-", maxsplit=1)[0].split(":")[:2])
    begin = ((hour * 60 + minute) * SECONDS_PER_MINUTE - NOON_S) % SECONDS_PER_DAY
    end = begin + asked.minutes * SECONDS_PER_MINUTE
    at = [float(x % SECONDS_PER_DAY) for x in (begin, end)]
    marks.rules(panel, [[(x, 0.0), (x, 1.0)] for x in at], _MARK, panel.along, linewidths=1.6, zorder=2)

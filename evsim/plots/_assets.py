"""Through the day: how many cars are plugged in, and what they could do."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from evsim._results import Results
from evsim._units import Floats
from evsim.analysis._possible import HALF_HOUR_S, STATES, Possible, possible
from evsim.plots import _calendar as calendar
from evsim.plots import _day_panels as day_panels
from evsim.plots import _frame as frame
from evsim.plots import _key as key
from evsim.plots import _marks as marks
from evsim.plots import _words as words
from evsim.plots._panel import Panel, Size

_WIDTH_IN, _HEIGHT_IN, _AROUND_IN = 11.0, 6.8, 2.0
_NAMES = {
    "plugged_in": "Plugged in",
    "turn_down": "Could be turned down",
    "turn_up": "Could be turned up",
    "discharge": "Could discharge",
}
_HEADROOM, _MARGIN_IN = 1.04, 0.12
_DOWN = "Down: draws power, could pause for an hour and be ready."
_UP = "Up: under its target, not at full power."
_DISCHARGE = "Discharge: for an hour, and be ready."
_KEY_LINE = "Filled: the mean day.  Between the dark lines: 80% of the days."


def assets_by_hour(results: Results, ax: Axes | None = None, counted: Possible | None = None, asked: str = "") -> Axes:
    """How many cars are plugged in, could be turned down, up, or discharge, by half-hour of the day [cars].

    A panel each, from noon to noon by the local clock: the mean over the days, stacked by archetype in config order,
    and the band that holds the middle 80% of the days. A panel that no car could ever be in is left out.

    counted : what `possible` counts of the run, where that is done; asked : a line about what was asked
    Archetypes without users are left out, and small print in a small `ax`. Returns the Axes.
    """
    counts = possible(results) if counted is None else counted
    who = words.with_users(results)
    entries = [key.Entry(i, results.archetypes[i]) for i in who][::-1]
    if ax is None:
        needed_in = _AROUND_IN + key.height_in(entries, frame.MOST_KEY_IN)
        ax = frame.new_axes(Size(_WIDTH_IN, max(_HEIGHT_IN, needed_in)))
    frame.bare(ax)
    width = frame.key_width_in(ax) if len(who) > 1 else 0.0
    frame.heading(ax, _title(results), _under(results, counts, who, asked))
    frame.reserve(ax, right_in=width or _MARGIN_IN)
    _draw(ax, results, counts, who)
    if len(who) > 1:
        key.draw_key(ax, entries, width)
    return ax


def _title(results: Results) -> Sequence[str]:
    cars = words.counted(results.scenario.population_size, "car")
    return f"What {cars} could do through the day", words.charging_rule(results)


def _under(results: Results, counts: Possible, who: Sequence[int], asked: str) -> Sequence[str]:
    alone = [words.clean(results.archetypes[who[0]])] if len(who) == 1 else []
    first = words.BETWEEN_ITEMS.join((*alone, words.circumstances(results)))
    meaning = "  ".join((_DOWN, _UP, *([_DISCHARGE] if counts.can_discharge else [])))
    return (first, *([asked] if asked else []), meaning, _KEY_LINE)


def _draw(ax: Axes, results: Results, counts: Possible, who: Sequence[int]) -> None:
    shown = [i for i, state in enumerate(STATES) if state != "discharge" or counts.can_discharge]
    mean, (low, high) = counts.mean, counts.band
    total = mean.sum(axis=2)
    top = max(1.0, float(np.nanmax(high)))
    heads = [(_NAMES[STATES[i]], _fact(total[:, i])) for i in shown]
    edges = day_panels.edges(len(mean))
    for panel, i in zip(day_panels.day_panels(ax, heads, _HEADROOM * top), shown, strict=True):
        _draw_stack(panel, edges, day_panels.from_noon(mean[:, i]), who)
        marks.spread(panel, edges, day_panels.from_noon(low[:, i]), day_panels.from_noon(high[:, i]))
    frame.name_axes(ax, "Cars", calendar.name_of(results.clock), f"{top:,.0f}", 1)


def _draw_stack(panel: Panel, edges: Floats, mean: Floats, who: Sequence[int]) -> None:
    base = np.zeros(len(mean))
    for i in who:
        marks.filled_steps(panel, edges, base, base + mean[:, i], i)
        base = base + mean[:, i]


def _fact(total: Floats) -> str:
    """When most could, and how many."""
    if not np.nanmax(total):
        return "none at any time"
    most = int(np.nanargmax(total))
    return f"most: {_number(float(total[most]))} at {words.hour(most * HALF_HOUR_S)}"


def _number(mean: float) -> str:
    return f"{mean:,.0f}" if mean >= 9.95 else f"{mean:.1f}"  # noqa: PLR2004 - rounds to 10.0

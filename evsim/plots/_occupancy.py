"""What the cars are doing over time, by archetype: charging, plugged in and idle, at home, away."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from evsim._results import Results
from evsim._units import Floats
from evsim.plots import _calendar as calendar
from evsim.plots import _frame as frame
from evsim.plots import _key as key
from evsim.plots import _marks as marks
from evsim.plots import _multiples as multiples
from evsim.plots import _words as words
from evsim.plots._multiples import PERCENT
from evsim.plots._palette import STATES
from evsim.plots._panel import Panel, size_of
from evsim.plots._views import View, views_of

_NAMES = {
    "charging": "charging",
    "idle": "plugged in, not charging",
    "home": "at home, not plugged in",
    "away": "away",
}
_NAMES_WITHOUT_TRIPS = {**_NAMES, "home": "not plugged in"}
"""Where nobody drives off, it is not known who is at home."""


def occupancy(results: Results, ax: Axes | None = None) -> Axes:
    """Shares of an archetype's cars over time [%]: charging, plugged in and idle, at home unplugged, away.

    Filled steps on top of one another, which are the state at the end of each step; a panel for each archetype,
    in config order. A run of more than 15 days is drawn as daily means and an average day. Archetypes without
    users are left out, and small print in a small `ax`. Without `ax`, in a new figure. Returns the Axes.
    """
    who = words.with_users(results)
    if ax is None:
        ax = multiples.new_axes(multiples.grid(len(who))[0])
    frame.bare(ax)
    above_in, entries = multiples.head_above_in(len(who)), _key(results)
    frame.heading(ax, _title(results), (words.circumstances(results),), above_in + key.row_height_in(ax, entries))
    key.draw_row(ax, entries, above_in)
    _draw(ax, results, multiples.heads_of(results, who, [_fact(results, i) for i in who]))
    return ax


def _title(results: Results) -> Sequence[str]:
    cars = words.counted(results.scenario.population_size, "car")
    return f"Plugged in, charging or away: {cars}", words.charging_rule(results)


def _key(results: Results) -> list[tuple[str, str]]:
    """Names and colours of the states that there are."""
    has_trips = bool(results.n_away.any())
    names = _NAMES if has_trips else _NAMES_WITHOUT_TRIPS
    return [(names[state], colour) for state, colour in STATES.items() if has_trips or state != "away"]


def _draw(ax: Axes, results: Results, heads: Sequence[multiples.Head]) -> None:
    """A panel for each archetype, or one for each view of it."""
    _, columns = multiples.grid(len(heads), size_of(ax).height)
    views = views_of(results.clock, size_of(ax).width / columns)
    tops = _tops(results)
    depth = 0
    for spot in multiples.spots(ax, heads, [view.column for view in views], PERCENT):
        for i, (panel, view) in enumerate(zip(spot.panels, views, strict=True)):
            multiples.draw_levels(panel, is_labelled=spot.is_left and i == 0)
            depth = max(depth, multiples.draw_time(panel, view, is_labelled=spot.is_bottom))
            _draw_states(panel, view, tops[:, spot.archetype])
    frame.name_axes(ax, "% of cars", calendar.name_of(results.clock), "100%", depth)


def _tops(results: Results) -> Floats:
    """(n_steps, n_archetypes, 4) where each state of the stack ends, from the bottom up [%]."""
    at_home = results.n_users - results.n_away
    tops = np.stack([results.n_charging, results.n_plugged_in, at_home, at_home + results.n_away], axis=2)
    return PERCENT * tops / np.maximum(results.n_users, 1)[:, None]


def _draw_states(panel: Panel, view: View, tops: Floats) -> None:
    base = np.zeros(len(view.states_at))
    for top, colour in zip(view.mean(tops).T, STATES.values(), strict=True):
        marks.state_steps(panel, view.edges, base, top, colour)
        base = top


def _fact(results: Results, archetype: int) -> str:
    """How many of the cars charge at once, when most do."""
    most = float(results.n_charging[:, archetype].max()) / max(1, int(results.n_users[archetype]))
    share = f"{PERCENT * most:.0f}%" if most * 2 * PERCENT >= 1 or not most else "<1%"
    return f"up to {share} charging at once"

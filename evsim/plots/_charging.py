"""How charged the cars are over time: by archetype, the mean and the band that holds 80% of the users."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from evsim._results import Results
from evsim._units import SECONDS_PER_DAY, SECONDS_PER_HOUR
from evsim.plots import _calendar as calendar
from evsim.plots import _frame as frame
from evsim.plots import _marks as marks
from evsim.plots import _multiples as multiples
from evsim.plots import _words as words
from evsim.plots._multiples import PERCENT
from evsim.plots._palette import colour
from evsim.plots._panel import Panel, size_of
from evsim.plots._views import View, steps_before, views_of

_CLOSE_S = SECONDS_PER_HOUR
_KEY_LINE = "Line: mean of the users.  Band: 80% of them.  Dots, numbers: mean at the usual plug-in and plug-out."


def charging_curves(results: Results, ax: Axes | None = None) -> Axes:
    """State of charge over time [% of the battery], by archetype: mean and the band that holds 80% of users.

    Each archetype has a panel inside the Axes, in config order: bands on top of one another could not be told apart.
    A run of more than 15 days is drawn as daily means and an average day. Archetypes without users are left out, and
    small print in a small `ax`. Without `ax`, in a new figure. Returns the Axes.
    """
    who = words.with_users(results)
    if ax is None:
        ax = multiples.new_axes(multiples.grid(len(who))[0])
    frame.bare(ax)
    under = words.circumstances(results), _KEY_LINE
    frame.heading(ax, _title(results), under, multiples.head_above_in(len(who)))
    _draw(ax, results, who)
    return ax


def _title(results: Results) -> Sequence[str]:
    cars = words.counted(results.scenario.population_size, "car")
    return f"State of charge of {cars}", words.charging_rule(results)


def _draw(ax: Axes, results: Results, who: Sequence[int]) -> None:
    """A panel for each archetype, or one for each view of it, under its name."""
    _, columns = multiples.grid(len(who), size_of(ax).height)
    views = views_of(results.clock, size_of(ax).width / columns)
    heads = multiples.heads_of(results, who, [_fact(results, i) for i in who])
    depth = 0
    for spot in multiples.spots(ax, heads, [view.column for view in views], PERCENT):
        for i, (panel, view) in enumerate(zip(spot.panels, views, strict=True)):
            multiples.draw_levels(panel, is_labelled=spot.is_left and i == 0)
            depth = max(depth, multiples.draw_time(panel, view, is_labelled=spot.is_bottom))
            _draw_curve(panel, results, view, spot.archetype)
    frame.name_axes(ax, "% charged", calendar.name_of(results.clock), "100%", depth)


def _draw_curve(panel: Panel, results: Results, view: View, archetype: int) -> None:
    """Mean, band and marks of an archetype."""
    soc = PERCENT * results.mean_soc[:, archetype]
    at, means = view.states(soc)
    quantiles = PERCENT * view.states(results.soc_quantiles[:, archetype])[1]
    marks.band(panel, at, quantiles[:, 0], quantiles[:, -1], archetype)
    marks.line(panel, at, means, archetype)
    if view.has_marks:
        for second in _moments(results, archetype):
            steps = steps_before(results.clock, second)
            marks.dots(panel, *view.marks(steps, soc[steps]), colour(archetype))


def _moments(results: Results, archetype: int) -> list[int]:
    """The usual plug-in and plug-out times [s after midnight] that steps end before; the latter alone, if close."""
    row = results.scenario.archetypes[archetype]
    apart = (row.plug_out_s - row.plug_in_s) % SECONDS_PER_DAY
    is_close = min(apart, SECONDS_PER_DAY - apart) < _CLOSE_S
    both = [row.plug_out_s] if is_close else [row.plug_in_s, row.plug_out_s]
    return [second for second in both if len(steps_before(results.clock, second))]


def _fact(results: Results, archetype: int) -> str:
    """The mean SoC at the usual plug-in and plug-out times: `62% at 18:00, 78% at 07:00`."""

    def soc(second: int) -> float:
        return float(np.mean(results.mean_soc[steps_before(results.clock, second), archetype]))

    seconds = _moments(results, archetype)
    return ", ".join(f"{PERCENT * soc(second):.0f}% at {words.hour(second)}" for second in seconds)

"""One driver's night under each variant: power and state of charge, with the price behind."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import StepPatch

from evsim._units import SECONDS_PER_DAY, Floats
from evsim.analysis import Backdrop, Comparison, Example, Night
from evsim.plots import _calendar as calendar
from evsim.plots import _compare_parts as parts
from evsim.plots import _frame as frame
from evsim.plots import _marks as marks
from evsim.plots import _multiples as multiples
from evsim.plots import _words as words
from evsim.plots._multiples import PERCENT, Head
from evsim.plots._palette import INK, SOFT, colour
from evsim.plots._panel import SMALL_PT, Panel, Style, size_of, write

_HEADROOM = 1.18
_RIGHT_IN = 0.62
_ALPHA = 0.55
_LEAST_LABELLED_IN = 0.65
_CLOSE_IN = 1.0


def compare_night(comparison: Comparison, ax: Axes | None = None) -> Axes:
    """A driver's power [kW at the meter] and state of charge [%] in one night, a panel for each variant.

    The driver is the one in the middle, by the energy of the session under the first variant, of all whose session in
    that night is whole. Without anybody, the picture says so. Without `ax`, in a new figure. Returns the Axes.
    """
    heads = _heads(comparison)
    if ax is None:
        ax = multiples.new_axes(multiples.grid(len(heads))[0])
    frame.bare(ax)
    example = comparison.example
    if example is None:
        frame.heading(ax, ("One driver's night",), (parts.circumstances(comparison),))
        write(ax, 0.5, 0.5, "nobody charges in the first night of the run", ha="center", va="center")
        return ax
    frame.heading(ax, _title(comparison, example), _under(comparison, example), multiples.head_above_in(len(heads)))
    frame.reserve(ax, right_in=_RIGHT_IN)
    _draw(ax, comparison, example, heads)
    return ax


def _title(comparison: Comparison, example: Example) -> Sequence[str]:
    night = next(night for night in comparison.nights if night is not None)
    return f"One night of user {example.user} ({words.clean(night.archetype)})", parts.ways(comparison)


def _under(comparison: Comparison, example: Example) -> Sequence[str]:
    """Which night, why this driver, and what is drawn."""
    clock = comparison.clock
    first = words.shortened(parts.shown(comparison.names[0]), 2.0, SMALL_PT)
    who = (
        f"the middle one, by energy charged with {first}, of {words.counted(example.n_whole, 'driver')} "
        "who came and left that night"
    )
    begin, end = words.moment(clock, example.begin_s), words.moment(clock, example.end_s, year=True)
    line = words.BETWEEN_ITEMS.join((f"{begin} \N{EN DASH} {end}", f"seed {comparison.seeds[0]}", who))
    back = comparison.backdrop
    behind = ""
    if back is not None:
        low, high = (f"{end:,.0f}" for end in _range_of(back, comparison, example))
        behind = f"  Behind: {back.name}, {low} to {high} {back.unit}."
    return line, f"Filled: power.  Line: % charged.  Upright lines: plugged in and out.{behind}"


def _heads(comparison: Comparison) -> list[Head]:
    return [
        Head(i, parts.shown(name), _fact(night))
        for i, (name, night) in enumerate(zip(comparison.names, comparison.nights, strict=True))
    ]


def _fact(night: Night | None) -> str:
    """`12.3 kWh, £0.92`; how full the car left."""
    if night is None:
        return "no such driver"
    facts = [f"{night.import_kwh:.1f} kWh"]
    if math.isfinite(night.cost_gbp):
        facts.append(f"£{night.cost_gbp:.2f}")
    if len(night.plug_outs):
        facts.append(f"leaves at {PERCENT * _soc_at(night, float(night.plug_outs[-1])):.0f}%")
    return ", ".join(facts)


def _soc_at(night: Night, at: float) -> float:
    return float(np.interp(at, night.soc_at, night.soc))


def _draw(ax: Axes, comparison: Comparison, example: Example, heads: Sequence[Head]) -> None:
    clock, nights = comparison.clock, comparison.nights
    charger_kw = max(night.charger_kw for night in nights if night is not None)
    begin = round(float(clock.local(example.begin_s)[1]))
    _, columns = multiples.grid(len(heads), size_of(ax).height)
    levels, rows = frame.round_levels(charger_kw, 4), 0
    labels = [f"{level:,.10g}" for level in levels]
    for spot in multiples.spots(ax, heads, [(1.0, float(SECONDS_PER_DAY))], _HEADROOM * charger_kw):
        panel, night = spot.panels[0], nights[spot.archetype]
        if comparison.backdrop is not None:
            _draw_backdrop(panel, comparison, example)
        frame.levels(panel, levels, labels if spot.is_left else ())
        rows = max(rows, calendar.draw_day(panel, begin, is_labelled=spot.is_bottom))
        if spot.archetype % columns == columns - 1 or spot.archetype == len(heads) - 1:
            _label_soc(panel, charger_kw)
        if night is not None:
            _draw_night(panel, night, spot.archetype, charger_kw, begin)
    name = words.clean(clock.timezone).replace("_", " ")
    when = f"Local time, {name} (shaded: {calendar.NIGHT_FROM_H:02d}:00 to {calendar.NIGHT_TO_H:02d}:00)"
    frame.name_axes(ax, "Power at the meter [kW]", when, max(labels, key=len), rows)
    size = size_of(ax)
    write(ax, 1 + (_RIGHT_IN - 0.04) / size.width, 0.5, "% charged", rotation=90, ha="right", va="center")


def _label_soc(panel: Panel, charger_kw: float) -> None:
    """The scale of the state of charge, at the right: full is at the charger's power."""
    style: Style = {"transform": panel.across, "ha": "left", "va": "center_baseline", "color": SOFT}
    for percent in (0, 50, 100):
        y = charger_kw * percent / PERCENT
        panel.write(1 + 0.05 / panel.size.width, y, f"{percent}%", fontsize=SMALL_PT, **style)


def _draw_night(panel: Panel, night: Night, variant: int, charger_kw: float, begin_s: int) -> None:
    look: Style = {"facecolor": colour(variant), "edgecolor": colour(variant), "alpha": _ALPHA, "linewidth": 0.8}
    power = StepPatch(night.power_kw, night.edges, baseline=0, fill=True, transform=panel.data, zorder=1.5, **look)
    panel.ax.add_artist(power)
    style: Style = {"color": INK, "linewidth": 1.6, "zorder": 2.5}
    panel.ax.add_artist(Line2D(night.soc_at, charger_kw * night.soc, transform=panel.data, **style))
    moments = [(float(at), "in") for at in night.plug_ins] + [(float(at), "out") for at in night.plug_outs]
    if moments:
        marks.rules(panel, [[(at, 0.0), (at, 1.0)] for at, _ in moments], INK, panel.along, zorder=2, linewidths=1.0)
    _label_moments(panel, moments, begin_s)


def _label_moments(panel: Panel, moments: Sequence[tuple[float, str]], begin_s: int) -> None:
    """`in 18:07` beside the line of a plug-in, outside of the stay, as far as there is room."""
    if panel.size.height < _LEAST_LABELLED_IN:
        return
    per_in = panel.x_end / panel.size.width
    taken: list[float] = []
    for at, what in moments:
        is_in = what == "in"
        text = f"{what} {words.hour((at + begin_s) % SECONDS_PER_DAY)}"
        wide = words.width_in(text, SMALL_PT) * per_in
        to_left = is_in if wide + 0.05 * per_in < (at if is_in else panel.x_end - at) else not is_in
        if any(abs(at - other) < _CLOSE_IN * per_in for other in taken):
            continue
        taken.append(at)
        x = at / panel.x_end + (-0.05 if to_left else 0.05) / panel.size.width
        panel.write(x, 0.99, text, ha="right" if to_left else "left", va="top", fontsize=SMALL_PT)


def _draw_backdrop(panel: Panel, comparison: Comparison, example: Example) -> None:
    """The signal as filled steps over the height of the panel."""
    back, step_s = comparison.backdrop, comparison.clock.step_s
    if back is None:
        return
    steps, edges = _steps(example, step_s)
    values = back.values[steps]
    low, high = min(0.0, float(values.min())), max(0.0, float(values.max()))
    tops = (values - low) / ((high - low) or 1.0) * panel.y_end
    look: Style = {"facecolor": parts.BACKDROP, "edgecolor": "none", "linewidth": 0, "zorder": 0.3}
    panel.ax.add_artist(StepPatch(tops, edges, baseline=0, fill=True, transform=panel.data, **look))


def _range_of(back: Backdrop, comparison: Comparison, example: Example) -> tuple[float, float]:
    values = back.values[_steps(example, comparison.clock.step_s)[0]]
    return float(values.min()), float(values.max())


def _steps(example: Example, step_s: int) -> tuple[slice, Floats]:
    """The steps of the night, and their edges from its beginning [s]."""
    first, end = example.begin_s // step_s, -(-example.end_s // step_s)
    edges = np.arange(first, end + 1) * float(step_s) - example.begin_s
    return slice(first, end), np.clip(edges, 0, example.end_s - example.begin_s)

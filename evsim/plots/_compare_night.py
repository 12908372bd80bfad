"""One driver's night under each variant: power and state of charge, with the price below."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import StepPatch

from evsim._units import SECONDS_PER_DAY, Floats
from evsim.analysis import Comparison, Example, Night
from evsim.plots import _calendar as calendar
from evsim.plots import _compare_heads as heads
from evsim.plots import _compare_parts as parts
from evsim.plots import _frame as frame
from evsim.plots import _marks as marks
from evsim.plots import _multiples as multiples
from evsim.plots import _strip as strip
from evsim.plots import _words as words
from evsim.plots._multiples import PERCENT
from evsim.plots._palette import INK, SOFT, colour
from evsim.plots._panel import (
    HEAD_IN,
    SMALL_PT,
    Panel,
    Size,
    Style,
    lowered,
    panels,
    part_of,
    shared_width_in,
    size_of,
    write,
)  # fmt: skip
from evsim.plots._views import View

_WIDTH_IN, _HEIGHT_IN, _AROUND_IN, _ROW_IN = 11.0, 6.4, 1.7, 1.45
_SIDES_IN = 1.0
"""What a new figure has at the left and right of an Axes."""
_HEADROOM = 1.18
_HEADROOM_BELOW, _MOST_LEVELS = 1.06, 4
_RIGHT_IN = 0.72
_ALPHA = 0.55
_LEAST_LABELLED_IN = 0.65
_CLOSE_IN = 1.0


class _Below(NamedTuple):
    """The strips under each column of panels, their view of the night, and what is said of signals above them."""

    strips: Sequence[strip.Strip]
    view: View
    said: str

    @property
    def height_in(self) -> float:
        """How high they are together [in]."""
        return strip.height_in(len(self.strips))


def compare_night(comparison: Comparison, ax: Axes | None = None) -> Axes:
    """A driver's power [kW at the meter] and state of charge [%] in one night, a panel for each variant.

    The driver is the one in the middle, by the energy of the session under the first variant, of all whose session in
    that night is whole. Under the panels, where they change and there is room, strips show the price of import [p/kWh],
    and the carbon intensity, where a rule goes by it or there is no price. Without anybody, the picture says so.
    Without `ax`, in a new figure. Returns the Axes.
    """
    example = comparison.example
    if ax is None:
        ax = _new_axes(comparison, example)
    frame.bare(ax)
    if example is None:
        frame.heading(ax, ("One driver's night",), (parts.circumstances(comparison),))
        write(ax, 0.5, 0.5, "nobody charges in the first night of the run", ha="center", va="center")
        return ax
    n, is_small = len(comparison.names), frame.is_small(ax)
    below = _below(comparison, example, strip.most_in(ax))
    _raise(ax, below.height_in)
    above = heads.heads_of(comparison, _panel_in(ax, n), is_small=is_small)
    under = _under(comparison, example, below.said)
    frame.heading(ax, _title(comparison, example), under, heads.height_in(above) if n == 1 else 0.0)
    frame.reserve(ax, right_in=_RIGHT_IN)
    _draw(ax, comparison, example, below)
    return ax


def _new_axes(comparison: Comparison, example: Example | None) -> Axes:
    """The Axes of a new figure with room for the panels, what stands over each, and the strips under them."""
    n = len(comparison.names)
    rows, columns = multiples.grid(n)
    above = heads.heads_of(comparison, _share_of(_WIDTH_IN - _SIDES_IN - _RIGHT_IN, columns), is_small=False)
    shown = 0 if example is None else len(_below(comparison, example, n + 1).strips)
    panels_in = rows * (_ROW_IN + heads.height_in(above) - HEAD_IN)
    return frame.new_axes(Size(_WIDTH_IN, max(_HEIGHT_IN, _AROUND_IN + panels_in) + strip.height_in(shown)))


def _share_of(width_in: float, columns: int) -> float:
    """How wide each of some columns of panels is [in]."""
    return shared_width_in(width_in, columns) / columns


def _panel_in(ax: Axes, n: int) -> float:
    """How wide each of n panels will be [in], before there is room taken for the % at their right."""
    size = size_of(ax)
    return _share_of(size.width - _RIGHT_IN, multiples.grid(n, size.height)[1])


def _raise(ax: Axes, by_in: float) -> None:
    """Take room from the bottom of an Axes, as `frame.reserve` does from its other sides."""
    if ax.figure.get_layout_engine() is None:
        box, share = ax.get_position(), by_in / size_of(ax).height
        ax.set_position((box.x0, box.y0 + share * box.height, box.width, (1 - share) * box.height))


def _title(comparison: Comparison, example: Example) -> Sequence[str]:
    night = next(night for night in comparison.nights if night is not None)
    return f"One night of user {example.user} ({words.clean(night.archetype)})", parts.ways(comparison)


def _under(comparison: Comparison, example: Example, said: str) -> Sequence[str]:
    """Which night, why this driver, and what is drawn."""
    clock = comparison.clock
    first = words.shortened(parts.in_line(comparison.names[0]), 2.0, SMALL_PT)
    who = (
        f"the middle one, by energy charged with {first}, of {words.counted(example.n_whole, 'driver')} "
        "who came and left that night"
    )
    begin, end = words.moment(clock, example.begin_s), words.moment(clock, example.end_s, year=True)
    line = words.BETWEEN_ITEMS.join((f"{begin} \N{EN DASH} {end}", f"seed {comparison.seeds[0]}", who))
    gives = any(night is not None and night.export_kwh for night in comparison.nights)
    power = "power, below zero given back" if gives else "power"
    drawn = f"Filled: {power}.  Line: % charged.  Upright lines: plugged in and out."
    return line, words.BETWEEN_ITEMS.join((drawn, said) if said else (drawn,))


def _below(comparison: Comparison, example: Example, most: int) -> _Below:
    """At most so many strips, and the words about all signals."""
    edges, steps = _steps(example, comparison.clock.step_s)
    draw = partial(calendar.draw_day, begin_s=_begin_s(comparison, example))
    view = View("", 1.0, edges, edges[1:], np.arange(len(edges) - 1), draw)
    signals = [(signal, signal.values[steps]) for signal in parts.signals(comparison)]
    shown = [(signal, values) for signal, values in signals if parts.changes(values)][:most]
    strips = [strip.strip_of(parts.name_of(comparison, s), s.unit, values, (view,)) for s, values in shown]
    told = "; ".join(parts.said_of(signal, values) for signal, values in signals)
    said = f"Below: {told}." if strips else f"{told[:1].upper()}{told[1:]}."
    return _Below(strips, view, said if told else "")


def _steps(example: Example, step_s: int) -> tuple[Floats, slice]:
    """The edges of the steps of the night, from its beginning [s], and which steps these are."""
    first, end = example.begin_s // step_s, -(-example.end_s // step_s)
    edges = np.arange(first, end + 1) * float(step_s) - example.begin_s
    return np.clip(edges, 0, example.end_s - example.begin_s), slice(first, end)


def _begin_s(comparison: Comparison, example: Example) -> int:
    """The time of day at which the night begins [s]."""
    return round(float(comparison.clock.local(example.begin_s)[1]))


def _draw(ax: Axes, comparison: Comparison, example: Example, below: _Below) -> None:
    clock, nights = comparison.clock, comparison.nights
    n, is_small = len(nights), frame.is_small(ax)
    charger_kw = max(night.charger_kw for night in nights if night is not None)
    begin = _begin_s(comparison, example)
    rows, columns = multiples.grid(n, size_of(ax).height)
    above = heads.heads_of(comparison, _share_of(size_of(ax).width, columns), is_small=is_small)
    shares = [(1.0, float(SECONDS_PER_DAY))] * columns
    down = _HEADROOM_BELOW * max(0.0, -min(float(night.power_kw.min()) for night in nights if night is not None))
    places = panels(ax, rows, shares, _HEADROOM * charger_kw + down, heads.height_in(above))
    levels = frame.levels_both_ways(charger_kw, down, _MOST_LEVELS)
    labels = [words.number(level) for level in levels]
    for i, night in enumerate(nights):
        row, column = divmod(i, columns)
        panel = lowered(places[row][column], down)
        highest = max(head.height_in for head in above[row * columns : (row + 1) * columns])
        heads.draw(panel, above[i], night, highest)
        frame.levels(panel, levels, () if column else labels)
        if down:
            marks.zero(panel)
        calendar.draw_day(panel, begin, is_labelled=i + columns >= n and not below.strips)
        if column == columns - 1 or i == n - 1:
            _label_soc(panel, charger_kw)
        if night is not None:
            _draw_night(panel, night, i, charger_kw, begin)
    _draw_below(places[-1], below)
    _name_axes(ax, calendar.name_of(clock), [*labels, *(label for one in below.strips for label in one.labels)], below)


def _draw_below(columns: Sequence[Panel], below: _Below) -> None:
    """The strips under each column, with words at the left of the first."""
    if not below.strips:
        return
    strips = [one._replace(means=list(one.means) * len(columns)) for one in below.strips]
    for i, panel in enumerate(columns):
        room = part_of(panel, -below.height_in, panel.size.height + below.height_in, panel.y_end)
        strip.draw(strips, room, (below.view,) * len(columns), i)


def _name_axes(ax: Axes, when: str, labels: Sequence[str], below: _Below) -> None:
    """What the axes show, outside of the strips; these hang below the Axes, and are not cut off there."""
    frame.name_axes(ax, "Power at the meter [kW]", when, max(labels, key=len), 1)
    ax.xaxis.labelpad += below.height_in * words.POINTS_PER_INCH
    write(ax, 1 + _RIGHT_IN / size_of(ax).width, 0.5, "% charged", rotation=90, ha="right", va="center")
    for artist in (*ax.collections, *ax.patches):
        artist.set_clip_on(False)


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

"""The marks a picture is made of: lines, bands, filled steps, dots.

They are added as bare artists, because the limits of every axis are set on purpose: finding them from the
data would take as long as drawing it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.colors import to_rgba
from matplotlib.lines import Line2D
from matplotlib.markers import CARETDOWN, CARETUP
from matplotlib.patches import StepPatch
from matplotlib.transforms import Transform

from evsim._units import Floats, Ints
from evsim.plots._palette import FAINT, INK, PAPER, colour, hatch
from evsim.plots._panel import Panel, Style

_BAND_ALPHA, _BAR_ALPHA, _SPREAD_ALPHA = 0.25, 0.4, 0.12
POINTER_PT = 7.0
Spans = Sequence[Sequence[float]] | Floats | Ints
"""Pairs of numbers: where each span begins and ends."""


def line(panel: Panel, x: Floats, y: Floats, archetype: int) -> None:
    """A line through states, in the archetype's colour."""
    look: Style = {"color": colour(archetype), "linewidth": 1.6, "solid_joinstyle": "round"}
    panel.ax.add_artist(Line2D(x, y, transform=panel.data, **look))


def pointer(panel: Panel, x: float, y: float, colour_: str) -> None:
    """A small triangle that stands on its tip, beyond a place: it hides nothing of what it points at."""
    shape: Style = {"marker": CARETUP if panel.is_flipped else CARETDOWN, "markersize": POINTER_PT}
    look: Style = {"color": colour_, "markeredgewidth": 0, **shape}
    panel.ax.add_artist(Line2D([x], [y], transform=panel.data, linestyle="none", clip_on=False, zorder=3, **look))


def dots(panel: Panel, x: Sequence[float] | Floats, y: Sequence[float] | Floats, colour_: str) -> None:
    """Dots that stand out from what they mark."""
    shape: Style = {"linestyle": "none", "marker": "o", "markersize": 5, "clip_on": False, "zorder": 3}
    look: Style = {"color": colour_, "markeredgewidth": 0.8, "markeredgecolor": PAPER}
    panel.ax.add_artist(Line2D(x, y, transform=panel.data, **shape, **look))


def band(panel: Panel, x: Floats, low: Floats, high: Floats, archetype: int) -> None:
    """What lies between two lines, in the archetype's colour; nothing where there is no number."""
    there = ~np.isnan(low)
    corners = np.concatenate([np.stack([x, low], 1)[there], np.stack([x, high], 1)[there][::-1]])
    look: Style = {"facecolors": colour(archetype), "alpha": _BAND_ALPHA, "linewidths": 0}
    panel.ax.add_artist(PolyCollection([corners], transform=panel.data, **look))


def filled_steps(panel: Panel, edges: Floats, base: Floats, top: Floats, archetype: int) -> None:
    """What lies between two lines of steps, in the archetype's colour."""
    look: Style = {"facecolor": colour(archetype), "hatch": hatch(archetype), "edgecolor": PAPER}
    shape: Style = {"baseline": base, "fill": True, "linewidth": 0}
    panel.ax.add_artist(StepPatch(top, edges, transform=panel.data, **shape, **look))


def state_steps(panel: Panel, edges: Floats, base: Floats, top: Floats, colour_: str) -> None:
    """What lies between two lines of steps, in the colour of a state, under nights and midnights."""
    look: Style = {"facecolor": colour_, "linewidth": 0, "zorder": 0.4, "baseline": base, "fill": True}
    panel.ax.add_artist(StepPatch(top, edges, transform=panel.data, **look))


def bars(panel: Panel, edges: Floats, top: Floats, archetype: int) -> None:
    """Steps from the bottom of a panel, in the archetype's colour: light, so that what is marked in them is seen."""
    hue = to_rgba(colour(archetype))
    look: Style = {"facecolor": (*hue[:3], _BAR_ALPHA), "edgecolor": hue, "hatch": hatch(archetype), "linewidth": 1.2}
    panel.ax.add_artist(StepPatch(top, edges, transform=panel.data, baseline=0, fill=True, **look))


def step_line(panel: Panel, edges: Floats, top: Floats) -> None:
    """A thin grey line of steps."""
    style: Style = {"baseline": None, "fill": False, "edgecolor": FAINT, "linewidth": 0.7}
    panel.ax.add_artist(StepPatch(top, edges, transform=panel.data, **style))


def net_line(panel: Panel, edges: Floats, net: Floats) -> None:
    """A dark line of steps over what is stacked both ways, with a light edge; none where it is NaN."""
    style: Style = {"baseline": None, "fill": False, "zorder": 2}
    for hue, wide in ((PAPER, 2.6), (INK, 1.2)):
        panel.ax.add_artist(StepPatch(net, edges, transform=panel.data, edgecolor=hue, linewidth=wide, **style))


def rules(panel: Panel, lines: Sequence[Spans], colour_: str, transform: Transform, **look: Any) -> None:  # noqa: ANN401 - properties of lines
    """Thin straight lines from point to point, behind what is drawn unless `look` says otherwise."""
    style: Style = {"colors": colour_, "linewidths": 0.8, "zorder": 0.7, "clip_on": False, **look}
    panel.ax.add_artist(LineCollection(lines, transform=transform, **style))


def zero(panel: Panel) -> None:
    """A line at zero across a panel, where that is not its bottom; over what is filled."""
    rules(panel, [[(0.0, 0.0), (1.0, 0.0)]], FAINT, panel.across, zorder=1.5)


def upright(panel: Panel, x: float, top: float, **look: Any) -> None:  # noqa: ANN401 - as above
    """A dark line across a panel, from its bottom to a level, over what is drawn."""
    rules(panel, [[(x, 0.0), (x, top)]], INK, panel.data, **{"zorder": 2, "linewidths": 1.8, **look})


def shade(panel: Panel, spans: Spans, colour_: str) -> None:
    """The background between some places along a panel."""
    boxes = [[(a, 0.0), (a, 1.0), (b, 1.0), (b, 0.0)] for a, b in spans]
    style: Style = {"facecolors": colour_, "linewidths": 0, "zorder": 0.5}
    panel.ax.add_artist(PolyCollection(boxes, transform=panel.along, **style))


def spread(panel: Panel, edges: Floats, low: Floats, high: Floats) -> None:
    """A band of steps between two dark lines, over what is drawn and hardly hiding it."""
    look: Style = {"facecolor": INK, "alpha": _SPREAD_ALPHA, "linewidth": 0, "zorder": 2, "fill": True, "baseline": low}
    panel.ax.add_artist(StepPatch(high, edges, transform=panel.data, **look))
    for side in (low, high):
        line: Style = {"baseline": None, "fill": False, "edgecolor": INK, "linewidth": 0.7, "zorder": 2}
        panel.ax.add_artist(StepPatch(side, edges, transform=panel.data, **line))


def shaded_steps(panel: Panel, edges: Floats, top: Floats, colour_: str) -> None:
    """Steps from the bottom of a panel, over those drawn before."""
    look: Style = {"facecolor": colour_, "linewidth": 0, "baseline": 0, "fill": True}
    panel.ax.add_artist(StepPatch(top, edges, transform=panel.data, **look))

"""The colours of the pictures: one for each archetype, in config order, the same in every picture.

The twelve are from the colour-blind safe sets of Okabe & Ito (2008) and Paul Tol (2021), chosen and ordered
so that the first six are at least 12 apart, and all twelve 10 (CIEDE2000), to normal, protanopic and
deuteranopic eyes (simulated after Machado et al. 2009).
"""

from __future__ import annotations

COLOURS = (
    "#0072B2",
    "#E69F00",
    "#882255",
    "#88CCEE",
    "#117733",
    "#CC79A7",
    "#332288",
    "#BB5566",
    "#FFAABB",
    "#DDCC77",
    "#663333",
    "#44BB99",
)
HATCHES = (None, "////", "....", "xxxx", "----", "oo")
"""Past the twelfth archetype colours return, hatched."""

INK = "#1f2328"
SOFT = "#57606a"
FAINT = "#8c959f"
RULE = "#c9ced4"
GRID = "#e4e7eb"
NIGHT = "#4c658c14"
"""Translucent, so that it also darkens what lies under it."""
PAPER = "#ffffff"


STATES = {"charging": "#D55E00", "idle": "#F6C9A0", "home": "#A9B4C0", "away": "#E8ECF0"}
"""What a car is doing. Warm is plugged in, and cool is not; none is the colour of an archetype."""

SIGNAL, BELOW_ZERO = "#b3bbc4", "#1a7f37"
"""A price or an intensity, which is nobody's and no state; and what of it is negative."""

DISPATCH = {
    "metered": INK,
    "counterfactual": "#56B4E9",
    "baseline": "#AA3377",
    "target": "#D55E00",
    "delivered": "#7FC8B0",
    "undone": "#B9E0D3",
    "rebound": "#F4B183",
    "prepared": "#D3D8DE",
}
"""What a picture of a dispatch is made of: lines, and what lies between them."""
WINDOW = "#ddcc7733"
"""When a dispatch serves; translucent like a night."""


def colour(archetype: int) -> str:
    """The colour of the archetype at this place in the config."""
    return COLOURS[archetype % len(COLOURS)]


def hatch(archetype: int) -> str | None:
    """The hatch of the archetype at this place in the config; none for the first twelve."""
    return HATCHES[archetype // len(COLOURS) % len(HATCHES)]

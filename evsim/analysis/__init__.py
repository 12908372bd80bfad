"""Questions asked of several runs: what is measured of each, rules side by side with the same luck, and sweeps."""

from __future__ import annotations

from evsim.analysis._compare import Backdrop, Comparison, Estimate, Variant, compare
from evsim.analysis._line import Line
from evsim.analysis._measures import MEASURES, Measure, measures
from evsim.analysis._night import Example, Night
from evsim.analysis._remarks import remarks
from evsim.analysis._runs import Outcome
from evsim.analysis._spelling import strategy_variants

__all__ = [
    "MEASURES",
    "Measure",
    "measures",
    "compare",
    "remarks",
    "strategy_variants",
    "Variant",
    "Comparison",
    "Line",
    "Estimate",
    "Outcome",
    "Backdrop",
    "Example",
    "Night",
]

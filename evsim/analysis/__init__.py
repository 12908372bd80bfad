"""Questions asked of runs: who can do what, how much can be sold; and of several side by side, what differs."""

from __future__ import annotations

from evsim.analysis._assets import Assets, Count, assets
from evsim.analysis._compare import Backdrop, Comparison, Estimate, Variant, compare
from evsim.analysis._deliverable import Fleet, is_deliverable, largest_block
from evsim.analysis._envelope import Envelope, envelope
from evsim.analysis._firm import Firm, firm
from evsim.analysis._line import Line
from evsim.analysis._measures import MEASURES, Measure, measures
from evsim.analysis._night import Example, Night
from evsim.analysis._possible import Possible, possible
from evsim.analysis._remarks import remarks
from evsim.analysis._runs import Outcome
from evsim.analysis._spelling import strategy_variants

__all__ = [
    "assets",
    "Assets",
    "Count",
    "possible",
    "Possible",
    "envelope",
    "Envelope",
    "firm",
    "Firm",
    "Fleet",
    "is_deliverable",
    "largest_block",
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

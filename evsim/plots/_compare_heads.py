"""What stands over the panels of a comparison: the name of a variant, and what its driver's night came to."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from evsim.analysis import Comparison, Night
from evsim.plots import _compare_parts as parts
from evsim.plots import _frame as frame
from evsim.plots import _words as words
from evsim.plots._multiples import PERCENT
from evsim.plots._panel import HEAD_IN, TEXT_PT, Panel, line_in

_BETWEEN_IN, _OFF_IN = 0.25, 0.06


def heads_of(comparison: Comparison, width_in: float, *, is_small: bool) -> list[parts.Label]:
    """The names over panels, beside the facts; in a small picture without settings, and in one line."""
    facts = [_fact(night) for night in comparison.nights]
    room = width_in - max(words.width_in(fact, TEXT_PT) for fact in facts) - _BETWEEN_IN
    if is_small:
        names = words.told_apart([parts.in_line(name) for name in comparison.names], width_in, TEXT_PT * words.BOLD)
        return [parts.Label([name], []) for name in names]
    rules = parts.labels(comparison.names, room)
    settings = parts.labels(comparison.names, width_in, words.BETWEEN_ITEMS)
    return [parts.Label(rule.rule, own.settings) for rule, own in zip(rules, settings, strict=True)]


def height_in(heads: Sequence[parts.Label]) -> float:
    """How high the highest head is [in]."""
    return max(head.height_in for head in heads) + HEAD_IN - line_in(TEXT_PT)


def draw(panel: Panel, head: parts.Label, night: Night | None, base_in: float) -> None:
    """The name at the left, and the fact at the right of its first line.

    base_in : how high the highest head of the row is, by which all begin at one height [in]
    """
    top = 1 + (base_in + _OFF_IN) / panel.size.height
    parts.write_label(panel.write, (0, top), head, panel.size.height)
    if not frame.is_small(panel.ax):
        panel.write(1, top, _fact(night), ha="right", va="top")


def _fact(night: Night | None) -> str:
    """`12.3 kWh, £0.92`; what was given back, and how full the car left."""
    if night is None:
        return "no such driver"
    facts = [f"{night.import_kwh:.1f} kWh"]
    if night.export_kwh:
        facts.append(f"{night.export_kwh:.1f} back")
    if math.isfinite(night.cost_gbp):
        facts.append(f"£{night.cost_gbp:.2f}")
    if len(night.plug_outs):
        facts.append(f"leaves at {PERCENT * _soc_at(night, float(night.plug_outs[-1])):.0f}%")
    return ", ".join(facts)


def _soc_at(night: Night, at: float) -> float:
    return float(np.interp(at, night.soc_at, night.soc))

"""How the parts of a fleet agree who delivers a dispatch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from evsim.strategies._fleet import Tally, Turn, turns
from evsim.strategies._parts import Said, agreed

DESK = -1
"""In the place of a rule's number: what is said is about a dispatch."""


class Offer(NamedTuple):
    """What a part of the fleet can do about a target.

    target_kw : of all parts together; bound_kw : what cars deliver that have no choice (coarse and rest; negative where
    they work against it) [kW]; tally : what others could, by turn
    """

    target_kw: float
    bound_kw: tuple[float, float]
    tally: Tally


def share_out(offers: Sequence[Offer]) -> list[Turn]:
    """Whose turn it is in each part, so that all together deliver the target and no more."""
    bound_kw = sum(offer.bound_kw[0] for offer in offers) + sum(offer.bound_kw[1] for offer in offers)
    return turns([offer.tally for offer in offers], offers[0].target_kw - bound_kw)


def agreed_by_all(rules: Sequence[Any], said: Sequence[Said]) -> Sequence[Any]:
    """The verdicts on what all parts speak of: a rule, or a dispatch."""
    if said[0].rule == DESK:
        return share_out([one.summary for one in said])
    return agreed(rules, said)

"""The battery and its charger: pure functions on arrays.

    s   state of charge [0-1]            C   usable capacity [kWh]
    q   the order: most power [kW]       c   the charger's power [kW]
    f   charge curve: share of c at s    e   efficiency: stored per drawn [0-1]

Power at the meter is min(q, c f(s)), f piecewise linear, so a charge is a chain of segments: *flat*
(power q) or *sloped* (power follows f). Each is solved exactly. In a sloped segment the battery's
power is P(s) = m s + n and s(t) = (s0 + n/m) exp(m t / C) - n/m, written with expm1 and log1p so that
nothing is lost as m goes to 0. Not modelled: temperature, ageing, a voltage behind the charge
curve (assumptions A4, A5).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from evsim._units import Bools, Floats, Ints, rows_where


@dataclass(frozen=True, eq=False)
class ChargeCurve:
    """The most power as a share of the charger's, against state of charge; linear between points.

    soc : (k,) rising from 0 to 1
    share : (k,) [0-1]; only the last may be 0, and then a full battery is approached and never reached
    """

    soc: Floats
    share: Floats

    @classmethod
    def from_percent(cls, points: Sequence[tuple[float, float]]) -> ChargeCurve:
        """The curve of the config: points of (SoC %, % of charger power)."""
        soc, share = np.array(points, np.float64).T / 100
        return cls(np.ascontiguousarray(soc), np.ascontiguousarray(share))

    @cached_property
    def is_flat_to(self) -> float:
        """The SoC up to which the share is that of an empty battery."""
        level = np.append(self.share == self.share[0], False)
        return float(self.soc[np.argmin(level) - 1])

    def share_at(self, soc: Floats) -> Floats:
        """(n,) share of the charger's power at `soc` [0-1]."""
        return np.interp(soc, self.soc, self.share)


class Wiring(NamedTuple):
    """What stays the same while a car charges; each (n,).

    charger_kw : the charger's power, c [kW]
    soc_per_kwh : rise of SoC for a kWh at the meter, e / C [1/kWh]
    """

    charger_kw: Floats
    soc_per_kwh: Floats

    def of(self, rows: Bools | Ints) -> Wiring:
        """The same for some rows."""
        return Wiring(self.charger_kw[rows], self.soc_per_kwh[rows])


class Charge(NamedTuple):
    """What a charge did; each (n,): the SoC after it [0-1], how long power flowed [h], energy at the meter [kWh]."""

    soc: Floats
    hours: Floats
    import_kwh: Floats


class Segment(NamedTuple):
    """The segment a battery is in, for power up to q; each (n,).

    end_soc : where it ends [0-1]
    share : power at the SoC asked about, as a share of the charger's
    slope : d(share)/d(soc); 0 where power is constant
    """

    end_soc: Floats
    share: Floats
    slope: Floats


def segment(curve: ChargeCurve, soc: Floats, order_share: Floats) -> Segment:
    """The segment that begins at or contains `soc` (n,), for orders of `order_share` = q / c (n,).

    A battery put exactly on the end of a segment is in the next one. Which side of the order a
    segment lies on is read at its middle, where rounding cannot mislead.
    """
    piece = np.searchsorted(curve.soc[1:-1], soc, side="right")
    s0, f0 = curve.soc[piece], curve.share[piece]
    slope = ((curve.share[1:] - curve.share[:-1]) / (curve.soc[1:] - curve.soc[:-1]))[piece]
    with np.errstate(divide="ignore", invalid="ignore"):
        crossing = s0 + (order_share - f0) / slope
    end = curve.soc[piece + 1]
    end = np.where((soc < crossing) & (crossing < end), crossing, end)
    capped = f0 + slope * ((soc + end) / 2 - s0) >= order_share
    share = np.minimum(order_share, f0 + slope * (soc - s0))
    return Segment(end, share, np.where(capped, 0.0, slope))


def charge(curve: ChargeCurve, wiring: Wiring, soc: Floats, max_kw: Floats, until_soc: Floats, hours: Floats) -> Charge:
    """Charge for at most `hours` (n,) [h; may be inf], up to `until_soc` (n,), with power up to `max_kw` (n,).

    Exact: crosses the segments of the curve one after the other and never passes `until_soc`. A
    battery at or above `until_soc`, or without power, is left alone.
    """
    reached, used = soc.copy(), np.zeros_like(soc)
    rows = rows_where((soc < until_soc) & (hours > 0) & (max_kw > 0))
    while len(rows):
        wire = wiring.of(rows)
        part = segment(curve, reached[rows], np.minimum(max_kw[rows] / wire.charger_kw, 1.0))
        goal = np.minimum(part.end_soc, until_soc[rows])
        left = hours[rows] - used[rows]
        needed = _hours_in_segment(part, wire, goal - reached[rows])
        arrives = needed <= left
        after = _soc_in_segment(part, wire, reached[rows], left)
        reached[rows] = np.where(arrives, goal, np.minimum(after, goal))
        used[rows] += np.minimum(needed, left)
        rows = rows[arrives & (goal < until_soc[rows])]
    return Charge(reached, used, (reached - soc) / wiring.soc_per_kwh)


def hours_between(curve: ChargeCurve, wiring: Wiring, soc: Floats, to: Floats, max_kw: Floats) -> Floats:
    """(n,) time from one SoC to another with power up to `max_kw` (n,) [h]; 0 where reached, inf without power."""
    kw = np.minimum(max_kw, wiring.charger_kw)
    if float(to.max(initial=0.0)) <= curve.is_flat_to and float(kw.min(initial=1.0)) > 0:
        flat_kw = np.minimum(kw, wiring.charger_kw * curve.share[0])
        return np.asarray(np.maximum(to - soc, 0.0) / (wiring.soc_per_kwh * flat_kw))
    hours = charge(curve, wiring, soc, kw, to, np.full(len(soc), np.inf)).hours
    return np.where((soc < to) & (kw <= 0), np.inf, hours)


def _hours_in_segment(part: Segment, wire: Wiring, rise: Floats) -> Floats:
    """Time to rise by `rise` [0-1] inside one segment [h]: (C/m) ln(1 + m rise / P), or C rise / P."""
    with np.errstate(divide="ignore", invalid="ignore"):
        x = part.slope * rise / part.share
        stretch = np.where(x == 0, 1.0, np.log1p(np.maximum(x, -1.0)) / x)
    return rise / (wire.soc_per_kwh * wire.charger_kw * part.share) * stretch


def _soc_in_segment(part: Segment, wire: Wiring, soc: Floats, hours: Floats) -> Floats:
    """SoC after `hours` inside one segment: s + (P/m)(exp(m t/C) - 1), or s + P t/C."""
    per_share = wire.soc_per_kwh * wire.charger_kw * hours
    with np.errstate(invalid="ignore", over="ignore"):
        x = part.slope * per_share
        stretch = np.where(x == 0, 1.0, np.expm1(x) / np.where(x == 0, 1.0, x))
        return np.where(np.isinf(hours), part.end_soc, soc + part.share * per_share * stretch)

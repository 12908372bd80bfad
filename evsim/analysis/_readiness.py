"""Being ready in time: how long a car takes to its target, and from how little it still gets there."""

from __future__ import annotations

import numpy as np

from evsim._battery import ChargeCurve
from evsim._chance import Chance
from evsim._days import Days
from evsim._diary import Appointments, Diary
from evsim._population import Population
from evsim._replay import Replay
from evsim._results import Results
from evsim._units import SECONDS_PER_HOUR, Bools, Floats, Who

SOC_MARGIN = 1e-6
"""The log keeps SoC as float32, right to 0.00000006: what is closer than this is there."""
_HOUR_MARGIN = 1 / SECONDS_PER_HOUR
"""A second: the log keeps instants to one."""


class Readiness:
    """Who would be ready, if its charger gave all it can from some moment on.

    Time at full power from SoC a to b is C / (e c) (G(b) - G(a)), with G(s) the integral of 1 / f from 0 to s, of the
    charge curve f: in closed form on each of its straight pieces, and so is its inverse.
    """

    def __init__(self, people: Population) -> None:
        curve: ChargeCurve = people.curve
        self._curve = curve
        self._share_per_h = people.wiring(np.arange(len(people))).soc_per_kwh * people.charger_kw
        self._slope = np.diff(curve.share) / np.diff(curve.soc)
        self._upto = np.concatenate([[0.0], np.cumsum(self._inside(np.arange(len(self._slope)), curve.soc[1:]))])

    def _inside(self, piece: Who, soc: Floats) -> Floats:
        """G from the beginning of a piece of the curve."""
        slope, first, rise = self._slope[piece], self._curve.share[piece], soc - self._curve.soc[piece]
        with np.errstate(divide="ignore", invalid="ignore"):
            bent = np.log1p(np.maximum(slope * rise / first, -1.0)) / slope
        return np.where(slope == 0, rise / first, bent)

    def _g(self, soc: Floats) -> Floats:
        piece = np.clip(np.searchsorted(self._curve.soc, soc, side="right") - 1, 0, len(self._slope) - 1)
        return np.asarray(self._upto[piece] + self._inside(piece, soc))

    def _soc_of(self, g: Floats) -> Floats:
        piece = np.clip(np.searchsorted(self._upto, g, side="right") - 1, 0, len(self._slope) - 1)
        slope, first, left = self._slope[piece], self._curve.share[piece], g - self._upto[piece]
        with np.errstate(divide="ignore", invalid="ignore"):
            bent = first * np.expm1(slope * left) / slope
        return np.asarray(self._curve.soc[piece] + np.where(slope == 0, first * left, bent))

    def hours_to(self, who: Who, soc: Floats, target: Floats) -> Floats:
        """(m,) time to get from one SoC to another at full power [h]; 0 when there, inf when it never gets there."""
        there = soc >= target - SOC_MARGIN
        rise = self._g(target) - self._g(np.minimum(soc, target - SOC_MARGIN))
        return np.where(there, 0.0, rise / self._share_per_h[who])

    def is_ready(self, who: Who, soc: Floats, target: Floats, hours: Floats) -> Bools:
        """(m,) whether the target is reached in so many hours [h]."""
        return self.hours_to(who, soc, target) <= np.maximum(hours, 0.0) + _HOUR_MARGIN

    def least_soc(self, who: Who, target: Floats, hours: Floats) -> Floats:
        """(m,) the lowest SoC from which the target is reached in so many hours [h]; the target where none is."""
        g = self._g(target) - np.maximum(hours, 0.0) * self._share_per_h[who]
        found = self._soc_of(np.where(np.isfinite(g), np.maximum(g, 0.0), 0.0))
        return np.where(np.isfinite(g), np.minimum(found, target), target)

    def least_share(self, low: Floats, high: Floats) -> Floats:
        """(m,) the least share of a charger's power anywhere between two SoC."""
        least = np.minimum(self._curve.share_at(low), self._curve.share_at(high))
        for soc, share in zip(self._curve.soc, self._curve.share, strict=True):
            least = np.where((low < soc) & (soc < high), np.minimum(least, share), least)
        return least


def appointments(results: Results) -> Appointments:
    """Who knows when people usually leave: what their chargers knew in the run."""
    scenario, people, clock = results.scenario, results.users, results.clock
    if scenario.recorded is not None:
        return Replay(scenario.recorded, scenario.battery, clock, 0, len(people))
    days = Days(scenario.behaviour, scenario.simulation.holiday_region)
    chance = Chance(scenario.simulation.seed)
    return Diary(scenario.archetypes, people.archetype, scenario.behaviour, days, clock, chance)


def expected_departure(book: Appointments, who: Who, now_s: int) -> Floats:
    """(m,) when each is expected to leave [s], by what is usual; asked `now_s`."""
    if not len(who):
        return np.zeros(0)
    return book.expected_plug_out(who, np.full(len(who), float(now_s)))


def hours_left(book: Appointments, who: Who, now_s: int, from_s: int) -> Floats:
    """(m,) from an instant to the departure that is expected [h]; asked `now_s`."""
    return np.asarray((expected_departure(book, who, now_s) - from_s) / SECONDS_PER_HOUR)

"""What a fleet can deliver exactly: any profile, or the largest block, over a window of equal steps.

    p    power of the fleet at the meter [kW], import positive      T    steps of the window
    Pmin, Pmax  power of one car [kW]                                dt   length of a step [h]
    Emin, Emax  energy that one car takes over the window [kWh]

A profile p can be shared out among cars that are plugged in throughout iff, for every n from 1 to T,

    dt (sum of the n largest p) <= u_n = sum over cars of min(n dt Pmax, Emax - (T - n) dt Pmin)
    dt (sum of the n smallest p) >= l_n = sum over cars of max(n dt Pmin, Emin - (T - n) dt Pmax)

(Panda and Tindemans 2023, arXiv:2310.02729). Of one car these are bounds of a polymatroid, and those of a sum of cars
are the sums: so it holds for Pmin under 0 as well. Then, however, it is the energy *over the window* that is bounded,
and not the charge *within* it. A car that only charges, or only gives, is fullest or emptiest at the end, and
nothing is lost. One that may do both in one window could be asked to give before it has charged: for such a car the
formula says what is necessary, and not what is enough. `_fleets` makes none.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from evsim._units import Anything, Bools, Floats

TOLERANCE_KWH = 1e-9


@dataclass(frozen=True, eq=False)
class Fleet:
    """Cars that are plugged in throughout a window; columns are (n_cars,).

    min_kw, max_kw : power at the meter [kW], negative to give; min_kwh, max_kwh : energy taken over the window [kWh]
    n_steps, step_h : the window, and the length of its steps [h]
    """

    min_kw: Floats
    max_kw: Floats
    min_kwh: Floats
    max_kwh: Floats
    n_steps: int
    step_h: float

    def __len__(self) -> int:
        return len(self.min_kw)

    def of(self, rows: Anything) -> Self:
        """The same of some cars."""
        powers, energies = (self.min_kw[rows], self.max_kw[rows]), (self.min_kwh[rows], self.max_kwh[rows])
        return type(self)(*powers, *energies, self.n_steps, self.step_h)

    def least_kwh(self) -> Floats:
        """(n_cars, T) the least that each takes in any n steps [kWh], n from 1: l_n."""
        n = np.arange(1, self.n_steps + 1) * self.step_h
        late = self.min_kwh[:, None] - (self.n_steps * self.step_h - n) * self.max_kw[:, None]
        return np.asarray(np.maximum(n * self.min_kw[:, None], late))

    def most_kwh(self) -> Floats:
        """(n_cars, T) the most that each takes in any n steps [kWh], n from 1: u_n."""
        n = np.arange(1, self.n_steps + 1) * self.step_h
        late = self.max_kwh[:, None] - (self.n_steps * self.step_h - n) * self.min_kw[:, None]
        return np.asarray(np.minimum(n * self.max_kw[:, None], late))

    def can_exist(self) -> Bools:
        """(n_cars,) whether there is anything that each can do."""
        window_h = self.n_steps * self.step_h
        low, high = np.maximum(self.min_kwh, window_h * self.min_kw), np.minimum(self.max_kwh, window_h * self.max_kw)
        return np.asarray((self.min_kw <= self.max_kw) & (low <= high + TOLERANCE_KWH))


def is_deliverable(profile_kw: Floats, fleet: Fleet) -> bool:
    """Whether a fleet can have this power (T,) [kW at the meter], import positive, in every step: exactly this."""
    up = np.sort(profile_kw) * fleet.step_h
    smallest, largest = np.cumsum(up), np.cumsum(up[::-1])
    low, high = fleet.least_kwh().sum(axis=0), fleet.most_kwh().sum(axis=0)
    fits = (smallest >= low - TOLERANCE_KWH) & (largest <= high + TOLERANCE_KWH)
    return bool(fleet.can_exist().all() and fits.all())


def largest_block(fleet: Fleet, own_kw: Floats | float = 0.0, *, rises: bool = False) -> float:
    """The largest constant power [kW] by which a fleet can be under its own in every step of the window.

    own_kw : (T,) what it would have drawn [kW at the meter]; 0 for what it can export
    rises : by which it can be over it instead
    Under it by at least so much: a car that must take more elsewhere takes it, and one that must take less takes less.
    0 when there are no cars, or it cannot even do as it would have.
    """
    own = np.sort(np.broadcast_to(np.asarray(own_kw, np.float64), fleet.n_steps)) * fleet.step_h
    n_h = np.arange(1, fleet.n_steps + 1) * fleet.step_h
    if rises:
        room = fleet.most_kwh().sum(axis=0) - np.cumsum(own[::-1])
    else:
        room = np.cumsum(own) - fleet.least_kwh().sum(axis=0)
    return max(0.0, float((room / n_h).min()))

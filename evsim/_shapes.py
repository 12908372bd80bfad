"""Shapes of draws: what a uniform or a standard normal becomes."""

from __future__ import annotations

import math
from functools import cache
from typing import NamedTuple

import numpy as np

from evsim._units import Floats

MOST_Z = 3.0
"""A capped log-normal draw goes no further than three standard deviations of its logarithm: 1 in 740 is cut to that."""

_HALVINGS = 60
_MOST_SIGMA = 6.0
_GRID = np.linspace(-8.0, 8.0, 4_097)


def normal_cdf(z: float) -> float:
    """The standard normal's distribution function."""
    return math.erfc(-z / math.sqrt(2)) / 2


@cache
def _cdf_on_grid() -> Floats:
    return np.array([normal_cdf(z) for z in _GRID])


def normal_cdfs(z: Floats) -> Floats:
    """The same for many, interpolated between points 1/256 apart: right to 1e-6."""
    return np.interp(z, _GRID, _cdf_on_grid())


class CappedLogNormal(NamedTuple):
    """A log-normal multiplier whose mean is 1, cut off at `MOST_Z`: exp(sigma min(z, MOST_Z)) / mean."""

    sigma: float
    mean: float

    @classmethod
    def with_cv(cls, cv: float) -> CappedLogNormal:
        """The one with a standard deviation of `cv`, found by bisection of the closed form."""
        low, high = 0.0, _MOST_SIGMA
        for _ in range(_HALVINGS if cv else 0):
            middle = (low + high) / 2
            low, high = (middle, high) if _cv(middle) < cv else (low, middle)
        sigma = low if cv else 0.0
        return cls(sigma, _moment(sigma))

    def of(self, z: Floats) -> Floats:
        """The multipliers of standard normals `z`."""
        drawn = np.minimum(z, MOST_Z)
        drawn *= self.sigma
        np.exp(drawn, out=drawn)
        drawn /= self.mean
        return drawn


def _moment(sigma: float) -> float:
    """E exp(sigma min(z, K)) = exp(sigma^2 / 2) Phi(K - sigma) + exp(sigma K) Phi(-K)."""
    return math.exp(sigma**2 / 2) * normal_cdf(MOST_Z - sigma) + math.exp(sigma * MOST_Z) * normal_cdf(-MOST_Z)


def _cv(sigma: float) -> float:
    return math.sqrt(max(0.0, _moment(2 * sigma) / _moment(sigma) ** 2 - 1))


class Offsets(NamedTuple):
    """A distribution of minutes, as a rising line through points: standard normal `z` becomes `minutes`."""

    z: Floats
    minutes: Floats

    def of(self, z: Floats) -> Floats:
        """Minutes of standard normals."""
        return np.interp(z, self.z, self.minutes)

    def z_at(self, minutes: Floats) -> Floats:
        """The standard normals that become `minutes`; beyond the ends, those of the ends."""
        return np.interp(minutes, self.minutes, self.z)

"""Many runs beside one another: what is measured of each, and sweeps over settings and seeds."""

from __future__ import annotations

from evsim.analysis._measures import MEASURES, Measure, measures

__all__ = ["MEASURES", "Measure", "measures"]

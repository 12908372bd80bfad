"""A run as one line among those it is compared with."""

from __future__ import annotations

import math
from dataclasses import dataclass

from evsim._results import Results
from evsim.analysis._measures import Measured, measures


@dataclass(frozen=True)
class Line:
    """What `MEASURES` says of a run, and when its peak is.

    told : by name, as `measures` has it
    peak_at_s : where the highest step begins [s of the run]
    """

    told: Measured
    peak_at_s: float

    @classmethod
    def of(cls, results: Results) -> Line:
        """The line of a run that is over."""
        return cls(measures(results), float(results.clock.seconds(results.peak.at)))

    def number(self, name: str) -> float:
        """A measure; NaN where nothing is known, as of a cost without a price."""
        return float(self.told.get(name, math.nan))

    @property
    def peak_kw(self) -> float:
        """The highest mean power of a step [kW at the meter]."""
        return self.number("peak_kw")

"""What a comparison is made of: estimates with their error, rows, sections."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from evsim._units import Floats

AGREES = "agrees"
SURE = 3.0
"""A difference of up to three standard errors may be luck: of a hundred such rows, none is expected beyond."""


class Estimate(NamedTuple):
    """A number measured on a sample of people, and its standard error (nan when unknown)."""

    value: float
    error: float = math.nan


def ratio(upper: Floats, lower: Floats) -> Estimate:
    """sum(upper) / sum(lower) over people, (n,) each, with the error that people who differ cause (linearised)."""
    n, total = len(lower), float(lower.sum())
    if not total:
        return Estimate(math.nan)
    value = float(upper.sum()) / total
    if n == 1:  # one person says nothing of others
        return Estimate(value)
    rest = upper - value * lower
    return Estimate(value, math.sqrt(n / (n - 1) * float(rest @ rest)) / total)


def mean(values: Floats) -> Estimate:
    """The mean over people."""
    return ratio(values, np.ones(len(values)))


@dataclass(frozen=True)
class Row:
    """One number of a run beside the one it is compared with.

    error : standard error of `measured`, by how people differ, or nan; verdict : whether they agree, or why not
    """

    what: str
    unit: str
    measured: float
    expected: float
    verdict: str
    error: float = math.nan
    decimals: int = 1

    @property
    def difference(self) -> float:
        """How much more the run has."""
        return self.measured - self.expected

    def to_dict(self) -> dict[str, Any]:
        """As it stands in JSON; what is not known is null."""
        numbers = {
            "measured": self.measured,
            "standard_error": self.error,
            "expected": self.expected,
            "difference": self.difference,
        }
        known = {key: value if math.isfinite(value) else None for key, value in numbers.items()}
        return {"what": self.what, "unit": self.unit, **known, "verdict": self.verdict}


def agrees(measured: Estimate, expected: float) -> bool:
    """Whether luck may explain the difference."""
    room = 0.0 if math.isnan(measured.error) else SURE * measured.error
    return abs(measured.value - expected) <= max(room, 1e-9 * abs(expected))


def row(what: str, unit: str, found: Estimate, expected: float, miss: str, decimals: int) -> Row:
    """An estimate beside what is expected; `miss` is the verdict when luck does not explain the difference."""
    verdict = AGREES if agrees(found, expected) else miss
    return Row(what, unit, found.value, expected, verdict, found.error, decimals)


@dataclass(frozen=True)
class Section:
    """Rows with one source. notes : what is to be said of all of them; groups : a heading for each block of rows."""

    title: str
    source: str
    groups: dict[str, list[Row]]
    notes: list[str] = field(default_factory=list)
    hours: dict[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """As it stands in JSON."""
        rows = {name: [row.to_dict() for row in rows] for name, rows in self.groups.items()}
        more = {"by_hours": self.hours} if self.hours else {}
        return {"title": self.title, "source": self.source, "rows": rows, **more, "notes": self.notes}

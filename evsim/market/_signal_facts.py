"""What is told of a run's prices and carbon intensity: their means, and what they are step by step."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from evsim._results import Results
from evsim._series import Series
from evsim._units import Floats
from evsim.market._metered import is_steady_in_steps

PENCE_PER_GBP = 100
_SHOWN = (
    ("import_price", "import price", "p/kWh", PENCE_PER_GBP),
    ("export_price", "export price", "p/kWh", PENCE_PER_GBP),
    ("carbon_intensity", "carbon intensity", "g/kWh", 1),
)
"""Signals that have to do with energy: as they are called in a config and in words, and as they are shown."""


@dataclass(frozen=True, eq=False)
class SignalFacts:
    """A signal over a run, in the unit in which people read it.

    key : its name in the config; name, unit : in words; label : where its values are from, empty when not known
    by_step : (n_steps,) its mean in each step; mean : over the run, each moment alike
    lowest, highest : of its values in the run; they may lie inside a step
    """

    key: str
    name: str
    unit: str
    label: str
    by_step: Floats = field(repr=False)
    mean: float
    lowest: float
    highest: float

    def to_dict(self) -> dict[str, Any]:
        """As it stands in `summary.json`, beside what the config says of it."""
        unit = self.unit.replace("/", "_per_").lower()
        return {f"{name}_{unit}": getattr(self, name) for name in ("mean", "lowest", "highest")}


def signal_facts(results: Results) -> tuple[SignalFacts, ...]:
    """Import price, export price and carbon intensity of a run; those there are."""
    notes = signal_notes(results)
    found = []
    for key, name, unit, times in _SHOWN:
        signal = getattr(results.signals, key)
        if signal is not None:
            actual = signal.actual.between(0.0, float(results.clock.end_s))
            low, high = float(actual.values.min()), float(actual.values.max())
            means = times * _by_step(actual, results)
            mean = times * float(np.average(actual.values, weights=np.diff(actual.edges)))
            label = str(notes.get(key, {}).get("label", ""))
            found.append(SignalFacts(key, name, unit, label, means, mean, times * low, times * high))
    return tuple(found)


def signal_notes(results: Results) -> dict[str, dict[str, Any]]:
    """What the config says of where each signal is from."""
    return results.scenario.signal_notes


def _by_step(series: Series, results: Results) -> Floats:
    """(n_steps,) the mean in each step."""
    edges = np.arange(results.clock.n_steps + 1, dtype=np.float64) * results.clock.step_s
    if is_steady_in_steps(series, results.clock):
        return series.at(edges[:-1])
    return series.mean(edges[:-1], edges[1:])

"""Charging rules beside the rest of a config: what they choose by must be there, and they decide when a step begins."""

from __future__ import annotations

from collections.abc import Container, Iterator

from evsim._config.charging import Charging
from evsim._typed_in.faults import Fault, show
from evsim._typed_in.json_source import Path
from evsim.strategies._base import ChargingStrategy

_KEYS = {"demand_kw": "demand"}


def key_of(signal: str) -> str:
    """The key in a config of a signal, by the name that strategies know it by."""
    return _KEYS.get(signal, signal)


def unfit_rules(charging: Charging, sources: Container[str], step_minutes: int) -> Iterator[Fault]:
    """Faults of rules that are fine by themselves.

    sources : keys of the signals that the config has; step_minutes : length of a step [min]
    """
    for path, rule in _rules(charging):
        for signal in getattr(rule, "needs", ()):
            key = key_of(signal)
            if key not in sources:
                yield Fault(
                    (*path, "strategy"), f"{show(rule.name)} chooses by {key}, and there is none; add {show(key)}"
                )
        minutes = getattr(rule, "decide_every_minutes", None)
        if minutes is not None and minutes % step_minutes:
            longer = -(-minutes // step_minutes) * step_minutes
            yield Fault(
                (*path, "decide_every_minutes"),
                f"{minutes} is not a multiple of simulation.step_minutes, {step_minutes}; {longer} is",
            )


def _rules(charging: Charging) -> Iterator[tuple[Path, ChargingStrategy]]:
    yield ("charging",), charging.default
    for name, rule in charging.by_archetype.items():
        yield ("charging", "by_archetype", name), rule

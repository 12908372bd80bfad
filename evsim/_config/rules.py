"""Charging rules beside the rest of a config: what they choose by must be there, and they decide when a step begins."""

from __future__ import annotations

from collections.abc import Container, Iterator

from evsim._config.charging import Charging
from evsim._typed_in.faults import Fault, show
from evsim._typed_in.json_source import Path
from evsim._units import SECONDS_PER_MINUTE
from evsim.strategies._base import DECIDE_EVERY_MINUTES, ChargingStrategy
from evsim.strategies._guards import Guarded

_KEYS = {"demand_kw": "demand"}


def key_of(signal: str) -> str:
    """The key in a config of a signal, by the name that strategies know it by."""
    return _KEYS.get(signal, signal)


def unfit_rules(charging: Charging, sources: Container[str], step_minutes: int) -> Iterator[Fault]:
    """Faults of rules that are fine by themselves.

    sources : keys of the signals that the config has; step_minutes : length of a step [min]
    """
    for path, rule in rules(charging):
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
        yield from _too_long_a_delay(charging, path, rule)
    if charging.fleet_limit_kw is not None and DECIDE_EVERY_MINUTES % step_minutes:
        text = f"is shared every {DECIDE_EVERY_MINUTES} min, which steps of {step_minutes} min do not divide"
        yield Fault(("charging", "fleet_limit_kw"), f"{text}; set simulation.step_minutes to a divisor of 30")


def _too_long_a_delay(charging: Charging, path: Path, rule: ChargingStrategy) -> Iterator[Fault]:
    """A start that waits for longer than until the next decision would be forgotten there, and wait anew."""
    minutes = getattr(rule, "decide_every_minutes", None)
    if minutes is None and charging.fleet_limit_kw is not None:
        minutes = DECIDE_EVERY_MINUTES
    if isinstance(rule, Guarded) and minutes is not None:
        delay, between = rule.guards.random_delay_seconds, minutes * SECONDS_PER_MINUTE
        if delay > between:
            text = f"{delay:g} is longer than the {between} s between two decisions about the fleet; at most that"
            yield Fault((*path, "random_delay_seconds"), text)


def rules(charging: Charging) -> Iterator[tuple[Path, ChargingStrategy]]:
    """Where each rule stands in a config, and the rule."""
    yield ("charging",), charging.default
    for name, rule in charging.by_archetype.items():
        yield ("charging", "by_archetype", name), rule

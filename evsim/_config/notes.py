"""Settings of the charging that are possible and probably not meant: they do nothing, or are fractions for percent."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from evsim._config.charging import FLEET_KEYS, Charging
from evsim._config.rules import rules
from evsim._errors import name_some
from evsim._typed_in.faults import show, show_path
from evsim._typed_in.json_source import Path
from evsim._user_archetype import UserArchetype
from evsim.strategies._base import ChargingStrategy, is_built_in
from evsim.strategies._guards import Guarded, Guards

_PERCENT = 100
_MOST_NAMED = 3
_LIMIT, _SHARE_BY = FLEET_KEYS


def notes_on(charging: Charging, archetypes: Sequence[UserArchetype], *, own_targets: bool) -> Iterator[str]:
    """What is to be said of the rules and of the fleet's limit.

    archetypes : those of the config; none where sessions are lived again
    own_targets : whether people charge to the targets of their archetypes
    """
    for path, rule in rules(charging):
        own = path[-1] if len(path) > 1 else None
        ruled = [a for a in archetypes if (a.name if a.name in charging.by_archetype else None) == own]
        if isinstance(rule, Guarded):
            yield from _fractions(path, rule.guards)
            if own_targets:
                yield from _never_decides(path, rule.guards, ruled)
        yield from _always_full_power(path, rule, ruled)
    yield from _fleets(charging, archetypes)


def fraction_note(path: Path, percent: float) -> str | None:
    """The question whether a percentage under 1 is meant as a fraction."""
    if not 0 < percent < 1:
        return None
    return f"{show_path(path)} is {percent:g} of 100; is {_PERCENT * percent:g} meant?"


def _fractions(path: Path, guards: Guards) -> Iterator[str]:
    for key in ("minimum_soc_percent", "boost_percent"):
        note = fraction_note((*path, key), getattr(guards, key))
        if note is not None:
            yield note


def _never_decides(path: Path, guards: Guards, ruled: Sequence[UserArchetype]) -> Iterator[str]:
    least = guards.minimum_soc_percent
    full = [f"{show(a.name)} ({a.target_soc_percent:g})" for a in ruled if least >= a.target_soc_percent]
    if least and full:
        whose = f"the target of {name_some(full, _MOST_NAMED)}"
        where = show_path((*path, "minimum_soc_percent"))
        yield f"{where}: {least:g} is not under {whose}; the rule never decides there"


def _always_full_power(path: Path, rule: ChargingStrategy, ruled: Sequence[UserArchetype]) -> Iterator[str]:
    least = _minimum_kw(rule)
    most = max((a.charger_kw for a in ruled), default=least)
    if least > most:
        where = show_path((*path, "minimum_kw"))
        yield f"{where}: {least:g} is over every charger_kw, {most:g} at most; every order is of full power"


def _minimum_kw(rule: Any) -> float:
    """The least that a rule orders, by its guard or, of evsim's own, by itself [kW]."""
    guard = rule.guards.minimum_kw if isinstance(rule, Guarded) else 0.0
    return float(guard or (getattr(rule, "minimum_kw", 0.0) if is_built_in(rule) else 0.0))


def _fleets(charging: Charging, archetypes: Sequence[UserArchetype]) -> Iterator[str]:
    limit = charging.fleet_limit_kw
    if limit is None:
        if _SHARE_BY in charging.model_fields_set:
            yield f"charging.{_SHARE_BY}: not used without {_LIMIT}"
        return
    from evsim.strategies._fleet import LEAST_KW

    weakest = min((a.charger_kw for a in archetypes), default=LEAST_KW)
    if limit < min(LEAST_KW, weakest):
        text = f"{limit:g} is under {LEAST_KW:g} kW (6 A), the least that a car gets; nobody can charge"
        yield f"charging.{_LIMIT}: {text}"

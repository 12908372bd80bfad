"""Charging rules as they are spelled to be compared: `scheduled`, `cheapest+random_delay_seconds=600`."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

from evsim._config.charging import FLEET_KEYS, Charging, Strategies, guards_of
from evsim._config.override import Override, value_of
from evsim._errors import ConfigError
from evsim._scenario import Scenario
from evsim._typed_in.faults import Fault, did_you_mean, report, show, show_path
from evsim.analysis._compare import Variant

USUAL = ("immediate", "scheduled", "cheapest", "greenest", "valley_fill")
"""What is compared when nothing is named: those of them for which the config has what they need."""
AS_CONFIGURED = "as_configured"
"""The config's own rules, each for its archetypes."""

Read: TypeAlias = Callable[[Sequence[Override]], Scenario]
"""Reads the config anew, with some settings changed."""

_OPTION, _CHARGING, _STRATEGY, _BY_ARCHETYPE = "--strategies", "charging", "strategy", "by_archetype"
_NOT_OF_A_RULE = {
    _STRATEGY: "stands before the first +, as in cheapest+margin_minutes=60",
    _BY_ARCHETYPE: "a rule is everybody's here; write those of single archetypes in the config, and compare "
    f"{AS_CONFIGURED}, or two configs",
}
_OPENS, _CLOSES, _QUOTE = "[{(", "]})", '"'
_SETTING = re.compile(r"([^\W\d]\w*)=(.*)", re.DOTALL)


class _Rule(NamedTuple):
    """A variant's rule: how it was spelled, and what stands in the config for it; None: what stands there now.

    heir_of : the archetype whose settings it has where none are spelled
    """

    spelled: str
    flat: dict[str, Any] | None
    heir_of: str | None = None


def strategy_variants(spelled: str | None, read: Read, strategies: Strategies) -> tuple[list[Variant], list[str]]:
    """The scenario of each rule, and notes on what a reader would not expect.

    spelled : rules with commas between them; None for the usual ones
    read : reads the config with some settings changed; strategies : the rules that it may name
    A rule is everybody's: those of single archetypes are dropped. Settings that the config has for a rule of that name
    are its own until it is spelled with others; a limit of the fleet and the guards of everybody's rule stay, whatever
    the rule. Raises ConfigError with every fault.
    """
    base = read(())
    own = base.charging.to_config()
    if spelled is None:
        rules, notes = _usual(own, base, strategies)
    else:
        rules, notes = _spelled(spelled, own, base, strategies)
    notes += [f"{r.spelled}: with the settings of archetype {show(r.heir_of)}" for r in rules if r.heir_of]
    if own.get(_BY_ARCHETYPE) and any(rule.flat is not None for rule in rules):
        notes.append(
            f"each rule is everybody's; the config's rules for single archetypes are in {AS_CONFIGURED!r} alone"
        )
    return [Variant(rule.spelled, _scenario(rule, base, read)) for rule in rules], notes


def _scenario(rule: _Rule, base: Scenario, read: Read) -> Scenario:
    if rule.flat is None:
        return base
    return read([(_CHARGING, json.dumps(rule.flat), f"{_OPTION} {rule.spelled}")])


def _usual(own: Mapping[str, Any], base: Scenario, strategies: Strategies) -> tuple[list[_Rule], list[str]]:
    rules, notes = [], []
    for name in USUAL:
        if name in strategies:
            rule = _rule(name, name, {}, own, strategies)
            why = [text for _, text in _faults(rule, base, strategies)]
            if why:
                notes.append(f"{name} is left out: {why[0]}")
            else:
                rules.append(rule)
    return rules, notes


def _spelled(
    spelled: str, own: Mapping[str, Any], base: Scenario, strategies: Strategies
) -> tuple[list[_Rule], list[str]]:
    rules, told = [], []
    times = Counter(part.strip() for part in split(spelled, ","))
    for text in times:
        name, *settings = (part.strip() for part in split(text, "+"))
        given, wrong = _given(settings)
        if name == AS_CONFIGURED:
            rules.append(_Rule(text, None))
            wrong = [f"{AS_CONFIGURED} takes no settings; change those of the config with --set"] if settings else []
        elif not name or name not in strategies:
            wrong = [f"{show(name)} is no strategy{_meant(name, strategies)} (one of your own: --strategy-file)"]
        elif not wrong:
            rules.append(_rule(text, name, given, own, strategies))
            told += _faults(rules[-1], base, strategies)
        told += [(text or '""', what) for what in wrong]
    if told:
        raise ConfigError(report(_OPTION, told))
    return rules, [f"{text}: named {n} times, compared once" for text, n in times.items() if n > 1]


def _meant(name: str, strategies: Strategies) -> str:
    """What an unknown name may mean, and what there is."""
    options = [*strategies, AS_CONFIGURED]
    hint = did_you_mean(name, options)
    return hint if "; there " in hint else f"{hint} There are {', '.join(options)}" if hint else ""


def _given(settings: Sequence[str]) -> tuple[dict[str, Any], list[str]]:
    """The settings of a spelling, and what is wrong with it."""
    given: dict[str, Any] = {}
    for text in settings:
        found = _SETTING.fullmatch(text)
        if found is None:
            return {}, [
                f"{show(text)} is no setting; write a name and a value, as in cheapest+random_delay_seconds=600"
            ]
        if found[1] in _NOT_OF_A_RULE:
            return {}, [f"{found[1]}: {_NOT_OF_A_RULE[found[1]]}"]
        given[found[1]] = value_of(found[2].strip())
    return given, []


def _rule(spelled: str, name: str, given: Mapping[str, Any], own: Mapping[str, Any], strategies: Strategies) -> _Rule:
    """A rule with the settings it is given, and otherwise those that the config has for it, and for all rules."""
    kept = _settings_in(own, name)
    heir_of = _owner(own, name) if kept.keys() - given.keys() else None
    for_all = (*FLEET_KEYS, *_guards_in(own, name, strategies))
    shared = {key: own[key] for key in for_all if key in own}
    return _Rule(spelled, {_STRATEGY: name, **shared, **kept, **given}, heir_of)


def _guards_in(own: Mapping[str, Any], name: str, strategies: Strategies) -> list[str]:
    """What may stand round everybody's rule in the config, and round this one; a rule's own setting is no guard."""
    theirs = guards_of(strategies[own[_STRATEGY]]) if own[_STRATEGY] in strategies else ()
    return [key for key in guards_of(strategies[name]) if key in theirs]


def _settings_in(own: Mapping[str, Any], name: str) -> dict[str, Any]:
    """The settings that a config has for a rule of this name: everybody's, or the first archetype's."""
    owner = _owner(own, name)
    flat = own if owner is None else own[_BY_ARCHETYPE][owner]
    if flat[_STRATEGY] != name:
        return {}
    return {key: value for key, value in flat.items() if key not in {_STRATEGY, _BY_ARCHETYPE}}


def _owner(own: Mapping[str, Any], name: str) -> str | None:
    """The first archetype that has a rule of this name when not everybody has it."""
    if own[_STRATEGY] == name:
        return None
    return next((who for who, flat in own.get(_BY_ARCHETYPE, {}).items() if flat[_STRATEGY] == name), None)


def _faults(rule: _Rule, base: Scenario, strategies: Strategies) -> list[tuple[str, str]]:
    """What keeps a rule from being made, or from knowing what it needs."""
    made, faults = Charging.prepare(rule.flat, strategies)
    if faults:
        return [(rule.spelled, _sentence(fault)) for fault in faults]
    needs = getattr(made["default"], "needs", ())
    missing = [need for need in needs if getattr(base.signals_on(base.simulation.clock()), need, None) is None]
    named = " and ".join(need.replace("_", " ") for need in missing)
    return [(rule.spelled, f"it needs {named}, which the config does not give")] if missing else []


def _sentence(fault: Fault) -> str:
    return f"{show_path(fault.path)}: {fault.text}" if fault.path else fault.text


def split(text: str, mark: str) -> Iterator[str]:
    """The parts of a text between marks, but for those in brackets or quotes, and a `+` before a digit, as in 1e+3."""
    depth, is_quoted, first = 0, False, 0
    for i, c in enumerate(text):
        if c == _QUOTE and text[i - 1 : i] != "\\":
            is_quoted = not is_quoted
        elif not is_quoted:
            depth += (c in _OPENS) - (c in _CLOSES)
            if c == mark and depth <= 0 and not (mark == "+" and text[i + 1 : i + 2].isdigit()):
                yield text[first:i]
                first = i + 1
    yield text[first:]

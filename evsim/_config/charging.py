"""Which charging rule each archetype's chargers follow: the settings.

In a config a rule is written flat: `{"strategy": "scheduled", "window": ["00:30", "04:30"]}`; in Python it is
a strategy object.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, BeforeValidator, Field, PrivateAttr, model_serializer
from pydantic_core import ValidationError, to_jsonable_python

from evsim._typed_in.faults import NO_SUCH_SETTING, Fault, did_you_mean, faults_of, nearest, printable, show
from evsim._typed_in.json_source import Path
from evsim._typed_in.settings import Settings, setting
from evsim._typed_in.values import in_unit
from evsim.strategies._base import ChargingStrategy
from evsim.strategies._guards import Guarded, Guards, guarded

DEFAULT_STRATEGY = "immediate"
_NAME = "strategy"
_BY_ARCHETYPE = "by_archetype"
_MOST_LIMIT_KW = 1e9
_LEVERS = ("name", "asked", "orders")

_GivenLimitKw: TypeAlias = Annotated[float, Field(gt=0, le=_MOST_LIMIT_KW), BeforeValidator(in_unit("kW"))] | None

Strategies = Mapping[str, Callable[..., Any]]
"""The strategy classes that a config may name."""


def built_in() -> Strategies:
    """The strategies that come with evsim, by name."""
    from evsim.strategies import BUILT_IN

    return BUILT_IN


def _default() -> ChargingStrategy:
    made: ChargingStrategy = built_in()[DEFAULT_STRATEGY]()
    return made


class Fleet(Settings):
    """What is for all cars together."""

    fleet_limit_kw: _GivenLimitKw = setting(
        "The most power that all cars together may draw, in every step.", "kW", None
    )
    share_by: Literal["earliest_deadline", "least_laxity", "equally"] = setting(
        "Who goes first when fleet_limit_kw does not suffice for all.", "choice", "earliest_deadline"
    )


FLEET_KEYS = tuple(Fleet.model_fields)
_OF_ALL = (_BY_ARCHETYPE, *FLEET_KEYS)


class Charging(Fleet):
    """The charging rule of everybody, and of archetypes that have their own; and what is for the whole fleet."""

    default: ChargingStrategy = Field(default_factory=_default)
    by_archetype: dict[str, ChargingStrategy] = Field(default_factory=dict)
    _settings: dict[str, Any] = PrivateAttr(default_factory=dict)

    @classmethod
    def prepare(cls, given: Any, context: Any) -> tuple[Any, list[Fault]]:
        """From the flat form of a config to strategy objects."""
        if isinstance(given, Mapping) and ("default" in given or not given):
            return given, []
        strategies = context if isinstance(context, Mapping) else built_in()
        own = given.get(_BY_ARCHETYPE, {}) if isinstance(given, Mapping) else {}
        rest = {k: v for k, v in given.items() if k not in _OF_ALL} if isinstance(given, Mapping) else given
        fleet = {k: v for k, v in given.items() if k in FLEET_KEYS} if isinstance(given, Mapping) else {}
        default, faults = build(rest, (), strategies)
        made = {}
        if not isinstance(own, Mapping):
            faults.append(
                Fault(
                    (_BY_ARCHETYPE,),
                    f'{show(own)} where an object belongs: {{"archetype": {{"strategy": ...}}}}',
                )
            )
            own = {}
        for name, rule in own.items():
            misplaced = _fleets_own(rule, (_BY_ARCHETYPE, name))
            if misplaced:
                faults += misplaced
                continue
            made[name.strip()], wrong = build(rule, (_BY_ARCHETYPE, name), strategies)
            faults += wrong
        if faults or default is None:
            return fleet, faults
        return {"default": default, _BY_ARCHETYPE: _alike_as_one(default, made), **fleet}, []

    def strategy_of(self, archetype: str) -> ChargingStrategy:
        """The rule that an archetype's chargers follow."""
        return self.by_archetype.get(archetype, self.default)

    @model_serializer(mode="plain")
    def to_config(self) -> dict[str, Any]:
        """The flat form of a config."""
        flat = settings_of(self.default)
        if self.fleet_limit_kw is not None:
            flat |= {"fleet_limit_kw": self.fleet_limit_kw, "share_by": self.share_by}
        if self.by_archetype:
            flat[_BY_ARCHETYPE] = {name: settings_of(rule) for name, rule in self.by_archetype.items()}
        return flat

    def __eq__(self, other: object) -> bool:
        """Equal when the same is written in the config."""
        return isinstance(other, Charging) and self.to_config() == other.to_config()

    def __hash__(self) -> int:
        return hash(json.dumps(self.to_config(), sort_keys=True, default=str))


def _alike_as_one(default: ChargingStrategy, others: Mapping[str, Any]) -> dict[str, ChargingStrategy]:
    """Rules that are written alike are one rule: a fleet's sees all its cars."""
    known = {_written(default): default}
    return {name: known.setdefault(_written(rule), rule) for name, rule in others.items()}


def _written(rule: ChargingStrategy) -> str:
    return json.dumps(settings_of(rule), sort_keys=True, default=str)


def settings_of(rule: ChargingStrategy) -> dict[str, Any]:
    """A strategy as it is written in a config."""
    if isinstance(rule, Guarded):
        return settings_of(rule.inner) | rule.guards.model_dump(mode="json", exclude_defaults=True)
    if isinstance(rule, BaseModel):
        settings = rule.model_dump(mode="json")
    else:
        kept = getattr(rule, "__dict__", {})
        settings = {key: value for key, value in kept.items() if not key.startswith("_")}
    plain = to_jsonable_python(settings, serialize_unknown=True)
    return {_NAME: rule.name, **{key: value for key, value in plain.items() if key != _NAME}}


def build(rule: Any, path: Path, strategies: Strategies) -> tuple[ChargingStrategy | None, list[Fault]]:
    """The strategy object of a rule, or the faults of its settings."""
    if not isinstance(rule, Mapping):
        if all(hasattr(rule, lever) for lever in _LEVERS):
            return rule, []
        meant = rule if isinstance(rule, str) and rule in strategies else DEFAULT_STRATEGY
        return None, [Fault(path, f'{show(rule)} where a rule belongs; write {{"strategy": "{meant}"}}')]
    name = rule.get(_NAME, DEFAULT_STRATEGY)
    if not isinstance(name, str) or name not in strategies:
        text = f"{show(name)} is not a strategy{_likely(name, strategies)} (one of your own comes with --strategy-file)"
        return None, [Fault((*path, _NAME), text)]
    settings = {key: value for key, value in rule.items() if key != _NAME}
    around = {key: settings.pop(key) for key in guards_of(strategies[name]) if key in settings}
    made, faults = _construct(strategies[name], name, settings)
    try:
        guards = Guards.model_validate(around)
    except ValidationError as error:
        return None, [Fault((*path, *fault.path), fault.text) for fault in (*faults, *faults_of(error, Guards))]
    if made is None and not faults:
        faults = [Fault((), f"the strategy file's {show(name)} did not give a strategy")]
    if _NAME not in rule:
        faults = [_without_name(fault, strategies) for fault in faults]
    if made is not None:
        made = guarded(made, guards)
    faults = [_with_guards_in_mind(fault, strategies[name]) for fault in faults]
    return made, [Fault((*path, *fault.path), fault.text) for fault in faults]


def guards_of(make: Callable[..., Any]) -> tuple[str, ...]:
    """The guards that may stand beside a strategy's settings: all but those of which it has its own."""
    return tuple(name for name in Guards.model_fields if name not in getattr(make, "model_fields", {}))


def _with_guards_in_mind(fault: Fault, make: Callable[..., Any]) -> Fault:
    """An unknown setting may be a guard's name misspelt."""
    if not fault.text.startswith(NO_SUCH_SETTING) or len(fault.path) != 1:
        return fault
    options = (*getattr(make, "model_fields", ()), *guards_of(make), *_OF_ALL)
    if fault.text != NO_SUCH_SETTING and nearest(fault.path[0], options) is None:
        return fault
    return Fault(fault.path, NO_SUCH_SETTING + did_you_mean(fault.path[0], options))


def _fleets_own(rule: Any, path: Path) -> list[Fault]:
    """Settings of the whole fleet that stand with one archetype."""
    if not isinstance(rule, Mapping):
        return []
    return [
        Fault((*path, key), f"is for the whole fleet; write it in charging, beside {show(_BY_ARCHETYPE)}")
        for key in FLEET_KEYS
        if key in rule
    ]


def _likely(name: object, strategies: Strategies) -> str:
    """The strategy that is probably meant, or all that there are."""
    names = ", ".join(show(option) for option in strategies)
    return did_you_mean(name, strategies) or f"; there are {names}"


def _construct(
    make: Callable[..., Any], name: str, settings: dict[str, Any]
) -> tuple[ChargingStrategy | None, list[Fault]]:
    model = make if isinstance(make, type) and issubclass(make, BaseModel) else None
    made: Any
    try:
        made = make(**settings) if model is None else model.model_validate(settings)
    except ValidationError as error:
        return None, faults_of(error, model or Settings)
    except Exception as error:  # noqa: BLE001 - somebody's own code may raise anything
        return None, [Fault((), printable(f"strategy {show(name)} refuses these settings: {error}"))]
    missing = [lever for lever in _LEVERS if not hasattr(made, lever)]
    if missing:
        return None, [Fault((), f"strategy {show(name)} has no {' and no '.join(missing)}")]
    return made, []


def _without_name(fault: Fault, strategies: Strategies) -> Fault:
    """A fault of the default strategy's settings, when another strategy has such a setting."""
    setting = fault.path[0] if fault.path else None
    owners: Iterable[str] = [name for name, make in strategies.items() if setting in getattr(make, "model_fields", {})]
    hints = " or ".join(f'"strategy": {show(name)}' for name in owners)
    if not hints:
        return fault
    return Fault(
        fault.path,
        f'not a setting of "{DEFAULT_STRATEGY}", which is meant when no strategy is named; add {hints}',
    )

"""The JSON Schema of the config, so that editors help; generated from the models."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from evsim._config.charging import DEFAULT_STRATEGY, FLEET_KEYS, Charging, Fleet, built_in, guards_of
from evsim._scenario import Scenario
from evsim._signals.periods import PERIODS_SCHEMA
from evsim._signals.settings import SOURCES
from evsim.strategies._guards import Guards

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_DEFS = "$defs"
_CHARGING = Charging.__name__
_RULE = "ChargingRule"


class _Schema(GenerateJsonSchema):
    """pydantic's generator, for the config as it is written rather than as it is held."""

    schema_dialect = DIALECT

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        if schema["cls"] is Charging:
            return {"title": _CHARGING}
        return super().model_schema(schema)


def schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a config: each key with description, unit, default and range."""
    made = Scenario.model_json_schema(schema_generator=_Schema)
    made = {
        "$schema": DIALECT,
        "title": "evsim config",
        **{k: v for k, v in made.items() if k not in ("title", "$schema")},
    }
    strategies = _strategy_schemas(made[_DEFS])
    made[_DEFS][_RULE] = {"description": "A charging rule with its settings.", "anyOf": strategies}
    made[_DEFS][_CHARGING] = _charging_schema(strategies)
    made["properties"] = {"$schema": _editor_key(), **made["properties"]}
    _accept_a_sheet(made["properties"]["archetypes"])
    _give_parts_defaults(made)
    _accept_sessions(made)
    _accept_sources(made)
    _accept_dispatches(made)
    cleaned: dict[str, Any] = _without_titles(made)
    return cleaned


def schema_text() -> str:
    """`config_schema.json`, as it stands in the repository."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


def _editor_key() -> dict[str, Any]:
    return {
        "type": "string",
        "description": "Where editors find this schema; a run does not read it.",
        "unit": "file",
        "default": "./config_schema.json",
        "minLength": 1,
    }


def _accept_a_sheet(archetypes: dict[str, Any]) -> None:
    listed = {key: archetypes.pop(key) for key in ("type", "items", "minItems") if key in archetypes}
    file = {"type": "string", "minLength": 1, "description": "Name of a CSV file with the archetype sheet."}
    archetypes["anyOf"] = [listed, file]
    archetypes["unit"] = "archetypes"


def _accept_sessions(made: dict[str, Any]) -> None:
    """Sessions instead of archetypes: a file's name, or an object; their columns may stand beside them."""
    properties = made["properties"]
    file = {"type": "string", "minLength": 1, "description": "Name of a CSV file with a real session in each row."}
    parts = [part for part in properties["sessions"]["anyOf"] if "$ref" in part]
    properties["sessions"]["anyOf"] = [file, *({"type": "object", **part} for part in parts), {"type": "null"}]
    made[_DEFS]["Sessions"]["properties"]["columns"]["default"] = {}
    columns = {"$ref": f"#/{_DEFS}/Columns", "description": "The same as sessions.columns.", "default": {}}
    names = list(properties)
    at = names.index("sessions") + 1
    made["properties"] = {**{name: properties[name] for name in names[:at]}, "columns": columns}
    made["properties"] |= {name: properties[name] for name in names[at:]}
    made["oneOf"] = [{"required": [name]} for name in ("archetypes", "sessions")]
    made["required"] = [name for name in made["required"] if name != "archetypes"]
    if not made["required"]:
        del made["required"]


def _accept_sources(made: dict[str, Any]) -> None:
    """A source of values: a number, a time-of-use table, a file's name, or an object that says more."""
    table = {**PERIODS_SCHEMA, "description": "Periods of the local day, [from, to, value]."}
    file = {"type": "string", "minLength": 1, "description": "Name of a CSV or JSON file."}
    for key, kind in SOURCES.items():
        source = made["properties"][key]
        low, high = (limit / kind.quantity.units[kind.quantity.default] for limit in kind.quantity.can_be)
        number = {"type": "number", "minimum": low, "maximum": high, "description": "One value throughout."}
        parts = [{"type": "object", **part} for part in source["anyOf"] if "$ref" in part]
        source["anyOf"] = [number, table, file, *parts, {"type": "null"}]
        columns = made[_DEFS][kind.__name__]["properties"]["columns"]
        columns["anyOf"] = [{"type": "object", **part} if "$ref" in part else part for part in columns["anyOf"]]


def _accept_dispatches(made: dict[str, Any]) -> None:
    """A list of dispatches, or a file of them."""
    dispatches = made["properties"]["dispatches"]
    listed = {key: dispatches.pop(key) for key in ("type", "items") if key in dispatches}
    listed["minItems"] = 0
    file = {"type": "string", "minLength": 1, "description": "Name of a JSON file with dispatches."}
    dispatches["anyOf"] = [listed, file]


def _give_parts_defaults(made: dict[str, Any]) -> None:
    """A part that is left out has all its defaults; and pydantic leaves out what the part says itself."""
    for name, part in made["properties"].items():
        if "$ref" in part:
            part["description"] = Scenario.model_fields[name].description
            part.setdefault("default", {"strategy": DEFAULT_STRATEGY} if name == "charging" else {})


def _strategy_schemas(definitions: dict[str, Any]) -> list[dict[str, Any]]:
    """Each built-in strategy's own settings, then any strategy of somebody's own."""
    named, guards = [], Guards.model_json_schema(schema_generator=_Schema)["properties"]
    for name, make in built_in().items():
        own: dict[str, Any] = {"type": "object", "properties": {}}
        if isinstance(make, type) and issubclass(make, BaseModel):
            own = make.model_json_schema(schema_generator=_Schema)
            definitions.update(own.pop(_DEFS, {}))
        naming = {
            "const": name,
            "description": "Name of the charging rule.",
            "unit": "choice",
            "default": name,
        }
        settings = {
            key: {"unit": "as described", **value} for key, value in own["properties"].items() if key != "strategy"
        }
        settings |= {key: guards[key] for key in guards_of(make)}
        required = [key for key in own.get("required", []) if key != "strategy"]
        one = {
            "type": "object",
            "description": (make.__doc__ or name).strip().split("\n")[0],
            "properties": {"strategy": naming, **settings},
            "required": required if name == DEFAULT_STRATEGY else ["strategy", *required],
            "additionalProperties": False,
        }
        named.append(one)
    return [*named, _own_strategy(list(built_in()))]


def _own_strategy(taken: list[str]) -> dict[str, Any]:
    naming = {
        "type": "string",
        "description": "Name of a strategy of your own, from --strategy-file.",
        "unit": "choice",
        "minLength": 1,
        "not": {"enum": taken},
    }
    return {
        "type": "object",
        "description": "A strategy of your own, with its settings.",
        "properties": {"strategy": naming},
        "required": ["strategy"],
    }


def _charging_schema(strategies: list[dict[str, Any]]) -> dict[str, Any]:
    """A rule, and beside its settings the rules of single archetypes, and what is for the whole fleet."""
    of_all = Fleet.model_json_schema(schema_generator=_Schema)["properties"]
    fleet = {key: of_all[key] for key in FLEET_KEYS}
    own = {
        "type": "object",
        "description": "Archetypes with a rule of their own, by name.",
        "unit": "rules",
        "default": {},
        "additionalProperties": {"$ref": f"#/{_DEFS}/{_RULE}"},
    }
    return {
        "description": "The charging rule, and those of single archetypes.",
        "anyOf": [{**one, "properties": {**one["properties"], "by_archetype": own, **fleet}} for one in strategies],
    }


def _without_titles(part: Any, is_names: bool = False) -> Any:
    """The schema without the titles that only repeat the keys."""
    if isinstance(part, Mapping):
        return {
            key: _without_titles(value, key in ("properties", _DEFS) and not is_names)
            for key, value in part.items()
            if is_names or key != "title" or value == "evsim config"
        }
    return [_without_titles(item) for item in part] if isinstance(part, list) else part

"""The JSON Schema that editors read."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from evsim._config.schema import schema, schema_text
from evsim._user_archetype import UserArchetype
from evsim.strategies import BUILT_IN

ROOT = Path(__file__).parent.parent
RANGES = {
    "minimum",
    "exclusiveMinimum",
    "maximum",
    "enum",
    "const",
    "pattern",
    "minLength",
    "minItems",
    "not",
    "format",
}
COMPUTED = ("plug_in_soc_percent", "Simulation.holidays", "discharging_efficiency")


def properties(part: Any, at: str = "") -> Iterator[tuple[str, dict[str, Any], bool]]:
    """(path, property, whether it must be given) of every key of the config."""
    if isinstance(part, dict):
        instead = part.get("oneOf", [])
        for key, value in part.get("properties", {}).items():
            yield f"{at}.{key}", value, any(key in option.get("required", []) for option in [part, *instead])
        for key, value in part.items():
            yield from properties(value, f"{at}.{key}")
    elif isinstance(part, list):
        for i, item in enumerate(part):
            yield from properties(item, f"{at}[{i}]")


EVERY = list(properties(schema()))


def test_the_schema_in_the_repository_is_current() -> None:
    assert (ROOT / "config_schema.json").read_text(encoding="utf-8") == schema_text()


@pytest.mark.parametrize(("path", "key", "is_required"), EVERY, ids=[path for path, _, _ in EVERY])
def test_every_key_has_a_description_a_unit_a_default_and_a_range(
    path: str, key: dict[str, Any], *, is_required: bool
) -> None:
    assert key["description"]
    assert "default" in key or is_required or path.endswith(COMPUTED)
    if "$ref" in key:
        return
    assert key["unit"]
    options = key.get("anyOf", [key])
    plain = [option for option in options if option.get("type") not in ("boolean", "null", "object")]
    assert all(RANGES & option.keys() for option in plain)


def test_the_default_file_names_the_schema_and_uses_only_its_keys() -> None:
    config = json.loads((ROOT / "config_json.json").read_text())
    made = schema()
    assert config["$schema"] == "./config_schema.json"
    assert set(config) <= set(made["properties"])
    for row in config["archetypes"]:
        assert set(row) <= set(made["$defs"]["UserArchetype"]["properties"])


def test_the_schema_accepts_a_list_of_archetypes_or_a_file_name() -> None:
    kinds = {option["type"] for option in schema()["properties"]["archetypes"]["anyOf"]}
    assert kinds == {"array", "string"}


def test_the_schema_knows_each_built_in_strategy_and_leaves_room_for_others() -> None:
    options = schema()["$defs"]["Charging"]["anyOf"]
    names = [option["properties"]["strategy"].get("const", "own") for option in options]
    assert names == [*BUILT_IN, "own"]
    assert all("by_archetype" in option["properties"] for option in options)


def test_every_reference_leads_somewhere() -> None:
    made = schema()
    for name in re.findall(r'"#/\$defs/(\w+)"', json.dumps(made)):
        assert name in made["$defs"]


def test_the_schema_asks_for_what_a_row_needs() -> None:
    required = [name for name, field in UserArchetype.model_fields.items() if field.is_required()]
    assert schema()["$defs"]["UserArchetype"]["required"] == required


def test_the_schema_asks_for_archetypes_or_sessions() -> None:
    made = schema()
    assert made["oneOf"] == [{"required": ["archetypes"]}, {"required": ["sessions"]}]
    config = json.loads((ROOT / "examples" / "replay.json").read_text())
    assert set(config) <= set(made["properties"])
    assert set(config["columns"]) <= set(made["$defs"]["Columns"]["properties"])

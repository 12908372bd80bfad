"""Whatever is in the file: a scenario or a ConfigError, never anything else."""

from __future__ import annotations

import json
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evsim._config.sheet import read_sheet
from evsim._config.source import ConfigSource
from evsim._errors import ConfigError
from evsim._scenario import Scenario
from evsim._typed_in.json_source import read_json

DEFAULT = Path(__file__).parent.parent / "config_json.json"
DATA = DEFAULT.read_bytes()
SNIPPETS = [
    b'"',
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b":",
    b"-",
    b"\\",
    b"\\u",
    b"NaN",
    b"1e999",
    b"//",
    b"/*",
    b"'",
    b"\n",
    b"\t",
]
SNIPPETS += [b"\x00", b"\xff", b"null", b"true", b"0", b"9" * 30, b"\xe2\x80\x9c", b"%", b" ", b"=", b";"]
KEYS = [
    "simulation",
    "days",
    "start",
    "timezone",
    "archetypes",
    "name",
    "population_percent",
    "battery_kwh",
    "charging",
]
KEYS += [
    "strategy",
    "window",
    "by_archetype",
    "battery",
    "charge_curve",
    "behaviour",
    "plug_in_time",
    "outputs",
    "$schema",
]
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["18:00", "60", "%"])
)
TREES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=4), inner, max_size=5)
    ),
    max_leaves=25,
)
EDITS = st.lists(
    st.tuples(st.integers(0, len(DATA)), st.integers(0, 12), st.sampled_from(SNIPPETS) | st.binary(max_size=3)),
    min_size=1,
    max_size=4,
)
LONGEST_MESSAGE = 30_000
FAST = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@FAST
@given(EDITS)
def test_any_edit_of_the_default_file_gives_a_scenario_or_a_config_error(
    tmp_path: Path, edits: list[tuple[int, int, bytes]]
) -> None:
    data = DATA
    for at, n, put in edits:
        data = data[:at] + put + data[at + n :]
    path = tmp_path / "config.json"
    path.write_bytes(data)
    said = ""
    try:
        assert isinstance(Scenario.from_file(path), Scenario)
    except ConfigError as error:
        said = str(error)
    assert all(c.isprintable() or c == "\n" for c in said)
    assert len(said) < LONGEST_MESSAGE


@FAST
@given(TREES)
def test_any_tree_gives_a_scenario_or_a_config_error(tree: object) -> None:
    try:
        assert isinstance(Scenario.from_dict(tree), Scenario)  # type: ignore[arg-type]
    except ConfigError as error:
        str(error).encode()


@FAST
@given(
    st.dictionaries(st.sampled_from(KEYS), TREES, max_size=6),
    st.sampled_from(["archetypes", "charging", "battery"]),
)
def test_any_part_of_the_default_config_can_be_anything(part: dict[str, object], key: str) -> None:
    config = {**json.loads(DATA), key: part}
    try:
        assert isinstance(Scenario.from_dict(config), Scenario)
    except ConfigError as error:
        str(error).encode()


@FAST
@given(st.text(max_size=30), st.text(max_size=10))
def test_any_override_gives_a_scenario_or_a_config_error(path: str, value: str) -> None:
    try:
        ConfigSource.of_file(DEFAULT).scenario(Scenario, [(path, value)], None)
    except ConfigError as error:
        str(error).encode()


@FAST
@given(TREES)
def test_what_json_writes_is_read_back(tree: object) -> None:
    try:
        text = json.dumps(tree, allow_nan=False)
    except ValueError:
        return
    document = read_json(text)
    surrogates = any("\ud800" <= c <= "\udfff" for c in json.dumps(tree, ensure_ascii=False))
    if not surrogates:
        assert document.is_whole
        assert not document.slips
        assert document.value == tree


@FAST
@given(st.text(max_size=60) | st.text("{}[]\",:\\/*#'\n 0a-.e", max_size=40))
def test_the_reader_agrees_with_json_on_what_is_valid(text: str) -> None:
    document = read_json(text)
    try:
        value = json.loads(text, parse_constant=_refuse)
    except ValueError:
        assert document.slips
        return
    if not document.slips:
        assert document.is_whole
        assert document.value == value


def _refuse(word: str) -> float:
    raise ValueError(word)


@FAST
@given(st.binary(max_size=200) | st.text('name,;"\n\t18:00%battery_kwh ', max_size=120).map(str.encode))
def test_any_bytes_are_a_sheet_or_have_faults(data: bytes) -> None:
    sheet = read_sheet(data)
    assert sheet.rows or sheet.faults

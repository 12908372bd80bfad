"""Dispatches as they are typed: in the config, in a file of ours, or by a virtual power plant's interface."""

from __future__ import annotations

import json
import random

import pytest
from dispatch_worlds import asks
from worlds import ROOT, command, config, row

from evsim import ConfigError, Scenario

ONE = asks("17:00", "18:00")
VPP = {
    "start_time": "2026-01-06T08:00:00+0000",
    "end_time": "2026-01-06T09:00:00+0000",
    "import_export": "export",
    "updated_at": "2026-01-05T12:00:00+0000",
    "pence_per_kwh": 100,
}


def read(dispatches, **settings):
    return Scenario.from_dict(config(row(), **settings) | {"dispatches": dispatches})


def told(dispatches, **settings):
    """The lines of the one error, without the first."""
    with pytest.raises(ConfigError) as caught:
        read(dispatches, **settings)
    return [line.strip() for line in str(caught.value).splitlines()[1:]]


def file_of(folder, value):
    path = folder / "dispatches.json"
    path.write_text(value if isinstance(value, str) else json.dumps(value, indent=1), encoding="utf-8")
    return str(path)


# ---- forms


def test_a_dispatch_may_say_no_more_than_id_window_and_action():
    (made,) = read([ONE]).dispatches
    assert (made.target_kw, made.notice_minutes, made.archetypes, made.opt_out_percent) == (None, 120, None, 0)
    assert (made.pence_per_kwh, made.updated_at, made.cancelled_at) == (0, None, None)


def test_a_whole_dispatch_comes_back_as_it_was_typed():
    whole = ONE | {
        "target_kw": 500.0, "notice_minutes": 45.0, "archetypes": ["A"], "opt_out_percent": 5.0,
        "pence_per_kwh": 100.0, "updated_at": "2026-01-14T12:00", "cancelled_at": "2026-01-14T12:30Z",
    }  # fmt: skip
    assert read([whole]).to_dict()["dispatches"] == [whole]


def test_units_and_spellings_are_understood():
    (made,) = read([ONE | {"target_kw": "0.5 MW", "opt_out_percent": "5%", "action": "Turn-Down"}]).dispatches
    assert (made.target_kw, made.opt_out_percent, made.action) == (500, 5, "turn_down")


@pytest.mark.parametrize("within", [None, "dispatches", "events", "results", "data"])
def test_a_file_holds_a_list_bare_or_in_an_object(tmp_path, within):
    listed = [ONE, VPP]
    path = file_of(tmp_path, listed if within is None else {within: listed})
    assert read(path).dispatches == read(listed).dispatches


def test_a_file_lies_beside_its_config(tmp_path):
    file_of(tmp_path, [ONE])
    (tmp_path / "config.json").write_text(json.dumps(config(row()) | {"dispatches": "dispatches.json"}))
    assert [one.id for one in Scenario.from_file(tmp_path / "config.json").dispatches] == ["one"]


def test_a_virtual_power_plants_event_is_a_dispatch_in_utc():
    (made,) = read([VPP]).dispatches
    assert (made.id, made.action, made.pence_per_kwh) == ("export-2026-01-06T0800", "discharge", 100)
    again = made.model_dump(mode="json")
    assert (again["start"], again["end"]) == ("2026-01-06T08:00Z", "2026-01-06T09:00Z")
    assert again["updated_at"] == "2026-01-05T12:00Z"
    assert read([VPP | {"import_export": "import"}]).dispatches[0].action == "turn_up"
    assert read([VPP | {"id": "mine", "target_kw": 3}]).dispatches[0].id == "mine"


def test_a_virtual_power_plants_later_word_is_an_edit_of_the_same_dispatch():
    later = VPP | {"end_time": "2026-01-06T10:00:00+0000", "updated_at": "2026-01-05T13:00:00+0000"}
    made = read([VPP, later])
    assert len({one.id for one in made.dispatches}) == 1
    assert len(made.dispatches_on(made.simulation.clock()).told) == 1


def test_rows_of_a_file_that_say_the_same_twice_are_one(tmp_path):
    assert len(read(file_of(tmp_path, [VPP, ONE, VPP])).dispatches) == 2


def test_offsets_are_instants():
    far = ONE | {"start": "2026-01-14T22:30+05:30", "end": "2026-01-14T13:00-05:00"}
    near = ONE | {"start": "2026-01-14T17:00Z", "end": "2026-01-14T18:00Z"}
    assert read([far]).dispatches == read([near]).dispatches


def test_the_hash_of_a_config_is_that_of_what_its_file_says(tmp_path):
    assert read(file_of(tmp_path, [ONE])).config_hash == read([ONE]).config_hash
    assert read([ONE]).config_hash != read([ONE | {"target_kw": 1}]).config_hash


def test_a_local_time_that_comes_twice_is_the_first():
    autumn = [ONE | {"start": "2026-10-25T01:30", "end": "2026-10-25T02:00"}]
    assert_lasts(autumn, minutes=90)
    second = [ONE | {"start": "2026-10-25T01:30Z", "end": "2026-10-25T02:00"}]
    assert_lasts(second, minutes=30)


def test_a_window_over_the_spring_change_is_an_hour_shorter():
    assert_lasts([ONE | {"start": "2026-03-29T00:30", "end": "2026-03-29T02:30"}], minutes=60)


def assert_lasts(dispatches, minutes):
    start = dispatches[0]["start"][:10]
    made = read(dispatches, start=f"{start}T00:00")
    (act,) = made.dispatches_on(made.simulation.clock()).acts
    assert act.end_s - act.start_s == minutes * 60


# ---- faults

FAULTS = {
    "no id": ({"id": None}, "dispatches[0].id: "),
    "an empty id": ({"id": ""}, '"" names a folder'),
    "an id out of the folder": ({"id": "../x"}, '"../x" names a folder: up to 60 letters, digits'),
    "an id of points": ({"id": ".."}, '".." names a folder'),
    "an id that ends in a point": ({"id": "a."}, '"a." names a folder'),
    "a long id": ({"id": "a" * 61}, "names a folder: up to 60"),
    "a number for an id": ({"id": 5}, "write it in double quotes"),
    "no such action": ({"action": "drain"}, '"discharge", "turn_down", "turn_up"'),
    "a list of actions": ({"action": ["turn_up"]}, "is no action"),
    "ends as it starts": ({"end": "2026-01-14T17:00"}, '"2026-01-14T17:00" is not after the start'),
    "ends before, by an offset": ({"end": "2026-01-14T16:00Z"}, "is not after the start on the clock of Europe/London"),
    "a day": ({"start": "2026-01-14"}, 'write "2026-01-14T17:00" by the local clock'),
    "a time": ({"start": "17:00"}, "is not a date with a time"),
    "a compact date": ({"start": "20260114T1700"}, "is not a date with a time"),
    "a number": ({"start": 1768410000}, "is not a date with a time"),
    "no such day": ({"start": "2026-02-30T17:00"}, "is not a date with a time"),
    "long ago": ({"start": "1066-10-14T09:00"}, "is outside the years 1971-2099"),
    "at the edge of time": ({"end": "9999-12-31T23:59-14:00"}, "is outside the years 1971-2099"),
    "parts of a second": ({"start": "2026-01-14T17:00:00.5"}, "is not on a whole second"),
    "a start that is skipped": (
        {"start": "2026-03-29T01:30", "end": "2026-03-29T03:00"}, 'write "2026-03-29T02:30"',
    ),
    "an edit that is skipped": ({"updated_at": "2026-03-29T01:30"}, "updated_at: "),
    "called off in a gap": ({"cancelled_at": "2026-03-29T01:30"}, "cancelled_at: "),
    "no power": ({"target_kw": 0}, "0 is not over 0"),
    "less than none": ({"target_kw": -5}, "-5 is not over 0"),
    "endless power": ({"target_kw": float("inf")}, "target_kw"),
    "power in kWh": ({"target_kw": "5 kWh"}, "target_kw"),
    "a negative notice": ({"notice_minutes": -1}, "-1 is under 0"),
    "a year of notice": ({"notice_minutes": 525_600}, "is over 20,160"),
    "all and more": ({"opt_out_percent": 101}, "101 is over 100"),
    "nobody's archetype": ({"archetypes": ["Z"]}, 'no archetype "Z"'),
    "nobody at all": ({"archetypes": []}, "an empty list; at least 1 is needed"),
    "an archetype that is no list": ({"archetypes": "A"}, "where a list [ ] belongs"),
    "a fortune": ({"pence_per_kwh": 1e9}, "is over 1,000,000"),
    "a slip": ({"target": 5}, 'did you mean "target_kw"?'),
    "said twice": ({"start_time": "2026-01-14T16:00"}, 'start_time: "start" says that too'),
    "two directions": ({"import_export": "export"}, 'import_export: "action" says that too'),
}  # fmt: skip


@pytest.mark.parametrize(("change", "words"), FAULTS.values(), ids=FAULTS)
def test_a_fault_is_one_line_with_place_value_and_remedy(change, words):
    lines = told([ONE | change])
    assert len(lines) == 1, lines
    assert lines[0].startswith("dispatches[0]")
    assert words in lines[0]


@pytest.mark.parametrize("way", [None, "both", 5, ["export"], {"a": 1}])
def test_an_event_goes_one_way_or_the_other(way):
    (line,) = told([VPP | {"import_export": way}])
    assert line.startswith("dispatches[0].import_export: ")
    assert line.endswith('is neither "export" nor "import"')


def test_all_faults_of_all_dispatches_are_told_together():
    lines = told([ONE | {"target_kw": -1}, ONE | {"id": "two", "action": "x", "end": "never"}, 5])
    assert [line.split(":")[0] for line in lines] == [
        "dispatches[0].target_kw", "dispatches[1].end", "dispatches[1].action", "dispatches[2]",
    ]  # fmt: skip


def test_the_same_id_without_a_later_word_is_a_fault():
    (line,) = told([ONE, ONE | {"target_kw": 4}])
    assert line.startswith('dispatches[1].id: "one" is dispatches[0] too; an edit has a later updated_at')
    stamped = ONE | {"updated_at": "2026-01-14T12:00"}
    (line,) = told([ONE, stamped, stamped | {"updated_at": "2026-01-14T12:00Z", "target_kw": 4}])
    assert line.startswith("dispatches[2].id")


def test_two_ids_that_differ_in_capitals_are_one_folder():
    (line,) = told([ONE, ONE | {"id": "One"}])
    assert "only in capitals" in line


def test_a_turn_up_does_not_go_with_a_limit():
    limited = {"strategy": "immediate", "fleet_limit_kw": 50}
    (line,) = told([asks("17:00", "18:00", "turn_up")], charging=limited)
    assert line.startswith("dispatches[0].action: a turn_up would draw beyond charging.fleet_limit_kw")


@pytest.mark.parametrize("given", [5, {"a": 1}, None, True])
def test_dispatches_are_a_list_or_a_file(given):
    (line,) = told(given)
    assert line.startswith("dispatches: ")


# ---- files


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "dispatches.json"),
        ("{", "dispatches.json line 1"),
        ("[{]", "dispatches.json line 1"),
        ("5", "no list of dispatches, nor an object with one as"),
        ('{"rows": []}', 'as "dispatches" or "events" or "results" or "data"'),
        ("[5]", "dispatches.json line 1: [0]"),
        ('[\n{"id": "a"}\n]', "dispatches.json line 2: [0].start: missing"),
        ("\x00\x01", "dispatches.json"),
    ],
)
def test_a_faulty_file_is_told_with_its_line(tmp_path, text, words):
    lines = told(file_of(tmp_path, text))
    assert all(line.startswith("dispatches: dispatches.json") for line in lines)
    assert words in " ".join(lines)


def test_a_file_that_is_not_there_is_told(tmp_path):
    (line,) = told(str(tmp_path / "none.json"))
    assert "none.json: no such file" in line


@pytest.mark.parametrize("seed", range(60))
def test_a_damaged_file_is_read_or_told_and_never_more(tmp_path, seed):
    luck = random.Random(seed)  # noqa: S311 - no secret
    whole = [ONE, VPP, ONE | {"updated_at": "2026-01-14T12:00", "target_kw": 5, "archetypes": ["A"]}]
    data = bytearray(json.dumps({"dispatches": whole}, indent=1).encode())
    for _ in range(luck.choice([1, 1, 2, 5])):
        at, kind = luck.randrange(len(data)), luck.randrange(4)
        if kind == 0:
            data[at] = luck.randrange(256)
        elif kind == 1:
            del data[at : at + luck.choice([1, 9, 200])]
        elif kind == 2:
            data[at:at] = luck.choice([b'"', b"{", b"]", b"null", b"-1e999", b"\xff\xfe", b"[[[["])
        else:
            data = data[:at] or bytearray(b" ")
    path = tmp_path / "dispatches.json"
    path.write_bytes(data)
    assert_is_taken_or_told(str(path))


def assert_is_taken_or_told(dispatches):
    said = ""
    try:
        read(dispatches)
    except ConfigError as error:
        said = str(error)
    assert all(c.isprintable() or c == "\n" for c in said)


JUNK = [None, True, -1, 0, 1e400, float("nan"), "", "x", "2026-01-14T17:00", "2026-13-01T00:00", [], {}, ["A"], 10**400]


@pytest.mark.parametrize("seed", range(60))
def test_whatever_stands_for_a_setting_is_taken_or_told(seed):
    luck = random.Random(seed)  # noqa: S311 - no secret
    rows = [dict(luck.choice([ONE, VPP])) for _ in range(luck.choice([1, 2]))]
    for one in rows:
        for key in luck.sample([*one, "target_kw", "notice_minutes", "archetypes", "id", "action"], 2):
            one[key] = luck.choice(JUNK)
    assert_is_taken_or_told(rows)


# ---- the command line, the schema


def test_a_fault_ends_the_command_with_status_2_and_nothing_is_written(tmp_path):
    given = config(row()) | {"dispatches": [ONE | {"action": "drain"}]}
    (tmp_path / "config.json").write_text(json.dumps(given, indent=1))
    done = command(ROOT / "run_simulator.py", "config.json", "--out", "out", cwd=tmp_path)
    assert done.returncode == 2
    assert "dispatches[0].action" in done.stderr
    assert "line " in done.stderr
    assert "Traceback" not in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["config.json"]


def test_the_schema_knows_every_setting_of_a_dispatch():
    from evsim._dispatch.settings import Dispatch

    schema = json.loads((ROOT / "config_schema.json").read_text(encoding="utf-8"))
    within = json.dumps(schema["properties"]["dispatches"])
    name = next(key for key in schema["$defs"] if key == "Dispatch")
    assert f"#/$defs/{name}" in within
    assert set(schema["$defs"][name]["properties"]) >= set(Dispatch.model_fields)


def test_the_schema_takes_what_the_config_takes():
    jsonschema = pytest.importorskip("jsonschema")
    schema = json.loads((ROOT / "config_schema.json").read_text(encoding="utf-8"))
    for dispatches in ([ONE | {"target_kw": 5}], "some.json"):
        jsonschema.validate(config(row()) | {"dispatches": dispatches}, schema)
    for dispatches in (5, [ONE | {"action": "drain"}], [ONE | {"foo": 1}]):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(config(row()) | {"dispatches": dispatches}, schema)

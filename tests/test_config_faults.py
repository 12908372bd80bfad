"""The ways people break a config, and what they are told: the place, what was found, what would do."""

from __future__ import annotations

import json
import os
import re
import time
from pathlib import Path

import pytest

from evsim._errors import ConfigError
from evsim._scenario import Scenario

DEFAULT = Path(__file__).parent.parent / "config_json.json"
TEXT = DEFAULT.read_text()
WINDOW = '"window": ["00:30", "04:30"]'


def told(path: object, *overrides: tuple[str, str] | tuple[str, str, str]) -> str:
    with pytest.raises(ConfigError) as caught:
        Scenario.from_file(path, overrides=overrides)  # type: ignore[arg-type]
    said = str(caught.value)
    assert all(c.isprintable() or c == "\n" for c in said)
    return said


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    return tmp_path / "config_json.json"


FIELDS = [
    # simulation
    ('"days": 7', '"days": 0', ["line 5", "simulation.days: 0 is under 1", "1-24,855"]),
    ('"days": 7', '"days": -1', ["-1 is under 1"]),
    ('"days": 7', '"days": 7.5', ["7.5 is not a whole number"]),
    ('"days": 7', '"days": true', ["true is not a number"]),
    ('"days": 7', '"days": null', ["null is not a number; leave the setting out for its default"]),
    ('"days": 7', '"days": []', ["an empty list is not a number"]),
    ('"days": 7', '"days": {"a": 1}', ["an object { } is not a number"]),
    ('"days": 7', '"days": "a week"', ['"a week" is not a number']),
    ('"days": 7', '"days": ""', ['"" holds no number']),
    ('"days": 7', '"days": 36525', ["36525 is over 24,855"]),
    ('"days": 7', '"days": 1e308', ["a number of about 307 digits is over 24,855"]),
    ('"days": 7', '"day": 7', ['simulation.day: no such setting; did you mean "days"?']),
    ('"step_minutes": 30', '"step_minutes": 45', ["45 does not divide an hour; 60 does"]),
    ('"step_minutes": 30', '"step_minutes": 0', ["0 does not divide an hour; 1 does"]),
    ('"seed": 1', '"seed": -1', ["-1 is under 0"]),
    ('"seed": 1', '"seed": 18446744073709551616', ["is over 18,446,744,073,709,551,615"]),
    ('"warm_up_days": 7', '"warm_up_days": 400', ["400 is over 366"]),
    ("Europe/London", "Europe/london", ['did you mean "Europe/London"?']),
    ("Europe/London", "London", ["line 6", '"London" is not a time zone; did you mean "Europe/London"?']),
    ("Europe/London", "GMT+1", ["name a place"]),
    ("Europe/London", "BST", ["name a place"]),
    ("Europe/London", "Mars/Phobos", ['zones are named like "Europe/London"']),
    ("Europe/London", "../../etc/passwd", ["is not a time zone"]),
    ("Europe/London", "/etc/passwd", ["is not a time zone"]),
    ("Europe/London", "", ['"" is not a time zone']),
    ('"Europe/London"', "5", ["5 is not a text"]),
    ("2026-01-12T12:00", "2026-01-12T12:00Z", ["has an offset", 'write "2026-01-12T12:00"']),
    ("2026-01-12T12:00", "2026-01-12T12:00+02:00", ["has an offset", "simulation.timezone"]),
    ("2026-01-12T12:00", "12/01/2026 12:00", ["write year-month-day and time"]),
    ("2026-01-12T12:00", "2026-02-30T12:00", ["is not a date with a time"]),
    ("2026-01-12T12:00", "2026-01-12T12:00:30", ["is not on a whole minute"]),
    ("2026-01-12T12:00", "1890-01-01T00:00", ["is outside the years 1970-2100"]),
    ("2026-01-12T12:00", "2026-03-29T01:30", ["does not exist in Europe/London", 'write "2026-03-29T02:30"']),
    # people
    ('"population_size": 1000', '"population_size": 0', ["line 10", "population_size: 0 is under 1"]),
    ('"population_size": 1000', '"population_size": 1e12', ["is over 2,147,483,647"]),
    ('"population_size": 1000', '"population_siz": 1000', ['did you mean "population_size"?']),
    (
        '"battery_kwh": 60',
        '"battery_kwh": -5',
        ["line 14", "archetypes[0].battery_kwh: -5 is under 1", "[kWh]"],
    ),
    ('"battery_kwh": 60', '"battery_kwh": 1e-300', ["1e-300 is under 1"]),
    ('"battery_kwh": 60', '"battery_kwh": 60000', ["60000 is over 1,000"]),
    ('"battery_kwh": 60', '"battery_kwh": "sixty"', ['"sixty" is not a number', '60 or "60 kWh"']),
    ('"battery_kwh": 60', '"battery_kwh": "72,5"', ["write a decimal point, as in 72.5"]),
    ('"battery_kwh": 60', '"battery_kwh": "60%"', ['"60%" is not a number']),
    ('"battery_kwh": 60', '"battery_kwh": "inf"', ['"inf" is not a number a run can use']),
    ('"battery_kwh": 60', '"battery_kwh": "1e400"', ['"1e400" is not a number a run can use']),
    ('"battery_kwh": 60', '"battery_kw": 60', ['battery_kw: no such setting; did you mean "battery_kwh"?']),
    (
        '"battery_kwh": 60, ',
        "",
        ["line 13", "archetypes[0].battery_kwh: missing; usable battery capacity [kWh]"],
    ),
    ('"plug_in_frequency_per_day": 1', '"plug_in_frequency_per_day": 7', ["7 is over 1"]),
    (
        '"target_soc_percent": 80',
        '"target_soc_percent": 180',
        ["180 is over 100", "a percentage of the battery"],
    ),
    ('"target_soc_percent": 80', '"target_soc_percent": "%"', ['"%" holds no number']),
    ('"plug_in_time": "18:00"', '"plug_in_time": "25:00"', ['"25:00" is not a time of day']),
    ('"plug_in_time": "18:00"', '"plug_in_time": 18', ['18 is not a time of day; write it as "18:00"']),
    ('"plug_in_time": "18:00"', '"plug_in_time": 1830', ['write it as "18:30"']),
    ('"plug_in_time": "18:00"', '"plug_in_time": 0.75', ['write it as "18:00"']),
    ('"plug_in_time": "18:00"', '"plug_in_time": "18h30"', ['write it as "18:30"']),
    ('"plug_in_time": "18:00"', '"plug_in_time": null', ["null is not a time of day"]),
    ('"plug_in_time": "18:00"', '"plug_in_time": "07:00"', ["also plug_in_time", 'write "06:59"']),
    ("Average (UK)", "Average\\n(UK)", ["line 13", 'name: "Average\\n(UK)" holds a line break']),
    ("Average (UK)", " ", ["is empty"]),
    ("Average (UK)", "x" * 90, ["is longer than 80 characters"]),
    ("Average (UK)", "Infrequent driving", ['"Infrequent driving" is also the name of archetypes[0]']),
    ('"Average (UK)"', "5", ["5 is not a text"]),
    (
        '"population_percent": 9,',
        '"population_percent": 6,',
        ["line 12", "sums to 97, not 100", "(6) may be meant as 9"],
    ),
    (
        '"population_percent": 30',
        '"population_percent": 27',
        ['"Intelligent Octopus average" (27) may be meant as 30'],
    ),
    # the rest
    ('"driving": true', '"driving": 0', ["line 51", "behaviour.driving: 0 is neither true nor false"]),
    ('"driving": true', '"driving": true, "soc_at_plug_in": "sheat"', ['"sheat" is not "sheet" or "carried"']),
    ('"season": true', '"season": "often"', ['behaviour.season: "often" is neither true nor false']),
    ('habit_sd_minutes": 75', 'habit_sd_minutes": 300', ["300 is over 180", "0-180"]),
    ('day_sd_minutes": 130', 'day_sd_minutes": -1', ["-1 is under 0"]),
    ('"average_speed_mph": 30', '"average_speed_mph": 0', ["line 51", "0 is under 5", "5-100"]),
    ('"average_speed_mph": 30', '"average_speed_mph": 300', ["300 is over 100"]),
    ('"miles_cv_between_users": 0.3', '"miles_cv_between_users": 30', ["line 52", "30 is over 3"]),
    ('"miles_cv_between_days": 0.7', '"miles_cv_between_days": -0.7', ["-0.7 is under 0"]),
    ('"p_drive_weekday": 0.9', '"p_drive_weekday": 90', ["line 53", "90 is over 1; is 0.9 meant?"]),
    ('"p_drive_weekend": 0.67', '"p_drive_weekend": -1', ["-1 is under 0", "0-1"]),
    ('"p_drive_weekday": 0.9', '"p_drive_weekdays": 0.9', ['did you mean "p_drive_weekday"?']),
    ('"weekend_mileage_factor": 0.9', '"weekend_mileage_factor": 11', ["11 is over 10"]),
    ('"public_reserve_percent": 10', '"public_reserve_percent": 60', ["line 55", "60 is over 50"]),
    ('"times": "spread"', '"times": "exactly"', ["line 54", '"exactly" is not "spread" or "exact"']),
    ('"target_soc": "sheet"', '"target_soc": 80', ['80 is not "sheet" or "survey"']),
    ('"ready_by": "habit"', '"ready_by": "07:00"', ['"07:00" is not "habit" or "survey"']),
    (
        '"p_drive_weekday": 0.9, "p_drive_weekend": 0.67',
        '"p_drive_weekday": 0, "p_drive_weekend": 0',
        ["behaviour.p_drive_weekday: 0, and nobody drives at weekends either", 'write "driving": false'],
    ),
    (
        '"p_drive_weekday": 0.9, "p_drive_weekend": 0.67, "weekend_mileage_factor": 0.9',
        '"p_drive_weekday": 0, "weekend_mileage_factor": 0',
        ["behaviour.p_drive_weekday: 0, and nobody drives at weekends either"],
    ),
    # bank holidays
    (
        '"GB-ENG"',
        '"UK"',
        ["line 6", "simulation.holidays", '"UK" is not a region with known bank holidays', '"GB-ENG"'],
    ),
    ('"GB-ENG"', '"GB-XYZ"', ['"GB-XYZ" is not a region of GB with holidays of its own; it has: ENG, NIR, SCT, WLS']),
    ('"GB-ENG"', '"en-GB"', ['"en-GB" is not a region with known bank holidays']),
    ('"GB-ENG"', '""', ['"" is not a region with known bank holidays']),
    ('"GB-ENG"', "5", ["simulation.holidays: 5 is not a text", 'write a region, as in "GB-ENG", or "none"']),
    ('"GB-ENG"', "false", ["simulation.holidays: false is not a text"]),
    ('"GB-ENG"', "[]", ["simulation.holidays: an empty list is not a text"]),
    ("0.90", "90", ["90 is over 1; is 0.9 meant?"]),
    ("0.90", "0", ["0 is under 0.1"]),
    ("[[0, 100], [80, 100], [100, 30]]", "[[0, 100]]", ["must begin at SoC 0 and end at SoC 100"]),
    ("[[0, 100], [80, 100], [100, 30]]", "[[0, 0], [100, 30]]", ["power 0 at SoC 0"]),
    ("[[0, 100], [80, 100], [100, 30]]", "[[0, 100], [90, 5], [80, 5], [100, 3]]", ["80 follows 90"]),
    ("[[0, 100], [80, 100], [100, 30]]", "[[0, 120], [100, 30]]", ["power 120 at SoC 0"]),
    ("[[0, 100], [80, 100], [100, 30]]", "[[0, null], [100, 30]]", ["null is not a number"]),
    ("[[0, 100], [80, 100], [100, 30]]", '"flat"', ["is not a list of points"]),
    ('{"events": true}', '{"events": "maybe"}', ["line 80", '"maybe" is neither true nor false']),
    ('{"events": true}', "[]", ["outputs: an empty list where an object { } with settings belongs"]),
    # charging
    (
        '"immediate"',
        '"imediate"',
        ["line 74", 'did you mean "immediate"? (one of your own comes with --strategy-file)'],
    ),
    ('"charger_kw": 7', '"charger_kw": "7 MW"', ["7000 is over 500"]),
    (
        '"immediate"',
        '"foo"',
        ['"foo" is not a strategy; there are "immediate", "scheduled"', "--strategy-file"],
    ),
    ('"immediate"', "null", ["null is not a strategy"]),
    (
        '"strategy": "immediate",',
        WINDOW + ",",
        ['charging.window: not a setting of "immediate"', '"strategy": "scheduled"'],
    ),
    (WINDOW, '"windw": ["00:30", "04:30"]', ['windw: no such setting; did you mean "window"?']),
    (WINDOW, '"window": ["00:30"]', ["line 76", 'charging.by_archetype["Scheduled charging"].window']),
    (WINDOW, '"window": 5', ['charging.by_archetype["Scheduled charging"].window']),
    (WINDOW, '"window": ["00:30", "25:00"]', ["25:00"]),
    (
        '"Scheduled charging": {',
        '"Scheduled chargin": {',
        ['no archetype has this name; did you mean "Scheduled charging"?'],
    ),
    (
        '{"strategy": "scheduled", ' + WINDOW + "}",
        '"scheduled"',
        ['where a rule belongs; write {"strategy": "scheduled"}'],
    ),
]


@pytest.mark.parametrize(("found", "typed", "parts"), FIELDS, ids=[f"{row[1][:40]}" for row in FIELDS])
def test_a_faulty_setting_is_named_with_its_line_and_remedy(
    broken: Path, found: str, typed: str, parts: list[str]
) -> None:
    assert found in TEXT
    broken.write_text(TEXT.replace(found, typed, 1))
    said = told(broken)
    for part in (f"{broken}: 1 thing to mend", "  line ", *parts):
        assert part in said


def test_every_fault_is_in_one_message_in_the_order_of_the_file(broken: Path) -> None:
    text = TEXT.replace('"battery_kwh": 60', '"battery_kw": 60', 1).replace("9435", "9435, ", 0)
    text = text.replace('"target_soc_percent": 80, "plug_in_soc_percent": 52', '"target_soc_percent": 180')
    broken.write_text(text.replace('"population_percent": 9,', '"population_percent": 6,'))
    lines = told(broken).split("\n")
    assert lines[0] == f"{broken}: 3 things to mend"
    assert lines[1] == '  line 14  archetypes[0].battery_kw: no such setting; did you mean "battery_kwh"?'
    assert lines[2].startswith("  line 23  archetypes[1].target_soc_percent: 180 is over 100; ")
    assert lines[3].startswith("  line 12  archetypes: population_percent sums to 97, not 100; ")
    assert lines[3].endswith('"Scheduled charging" (6) may be meant as 9')


def test_at_most_twenty_faults_are_shown(broken: Path) -> None:
    rows = ",".join(f'{{"name": "{i}"}}' for i in range(30))
    broken.write_text(f'{{"archetypes": [{rows}]}}')
    said = told(broken)
    assert ": 270 things to mend" in said
    assert said.count("\n") == 21
    assert said.endswith("and 250 more")


SYNTAX = [
    (
        '"events": true}',
        '"events": true,}',
        ["line 80", "column 29: a comma before the closing }; remove it"],
    ),
    ('"population_size"', '// people\n  "population_size"', ["line 10", "JSON has no comments"]),
    ('"population_size"', '# people\n  "population_size"', ["line 10", "JSON has no comments"]),
    ('"population_size"', '/* people */ "population_size"', ["line 10", "JSON has no comments"]),
    ('"population_size"', '/* people "population_size"', ["line 10", "this comment is never closed"]),
    (
        '"population_size": 1000,',
        '"population_size": 1000',
        ["line 10", "a comma is missing at the end of this line"],
    ),
    ('"days": 7, ', '"days": 7 ', ["line 5", 'a comma is missing before "step_minutes"']),
    ('"days": 7', '"days" 7', ['a colon is missing after "days"']),
    ('"days": 7', '"days" = 7', ["a colon belongs here, not ="]),
    ('"days": 7', '"days":', ["a value belongs here"]),
    ('"days": 7', '"days"', ['"days" has no value']),
    ('"days": 7', "days: 7", ['a key needs double quotes: "days"']),
    ('"days": 7', "'days': 7", ["straight double quotes"]),
    ('"days": 7', "\u201cdays\u201d: 7", ["straight double quotes"]),
    ('"days": 7', '"days": 7, "days": 8', ["simulation.days: set twice, in line 5 and again here"]),
    ('"days": 7', '"days": NaN', ["simulation.days: NaN is not a number"]),
    ('"days": 7', '"days": -Infinity', ["-Infinity is not a number"]),
    ('"days": 7', '"days": 1e400', ["1e400 is too large"]),
    ('"days": 7', '"days": ' + "9" * 5000, ["is too large"]),
    ('"days": 7', '"days": +7', ["write 7"]),
    ('"days": 7', '"days": 07', ["write 7"]),
    ('"days": 7', '"days": 7.', ["write 7"]),
    ('"days": 7', '"days": .5', ["write 0.5"]),
    ('"days": 7', '"days": 0x7', ["0x7 is not a number"]),
    ('"days": 7', '"days": seven', ['a text needs double quotes: "seven"']),
    ('"days": 7', '"days": 7;', ["a comma"]),
    ('"miles_per_year": 9435', '"miles_per_year": 9,435', ["write 9435, not 9,435"]),
    ('"plug_in_time": "18:00"', '"plug_in_time": 18:00', ['18:00 needs double quotes: "18:00"']),
    ('"target_soc_percent": 80', '"target_soc_percent": 80%', ['80% needs double quotes: "80%"']),
    ('{"events": true}', '{"events": True}', ["JSON writes True as true"]),
    ('{"events": true}', '{"events": true}}', ["comes after the end of the config"]),
    ('{"events": true}\n}', '{"events": true}', ["line 80", "the { of line 1 is never closed"]),
    ('"plug_in_soc_percent": 68},', '"plug_in_soc_percent": 68,', ["is the { of line 13 closed?"]),
    (
        '"plug_in_soc_percent": 68}\n  ]',
        '"plug_in_soc_percent": 68\n  ]',
        ["the { of line 43 is still open: } is missing"],
    ),
    ("Average (UK)", "Average\t(UK)", ["a raw tab inside a text"]),
    ("Average (UK)", "Average\n(UK)", ["line 13", "not closed in its line"]),
    ('"Average (UK)', "Average (UK)", ["line 13"]),
    ("Average (UK)", "C:\\Users", ["a backslash in a text is written"]),
    ("Average (UK)", "\\ud800", ["half of a two-part character"]),
    ("Average (UK)", 'the "Average"', ["quote inside a text"]),
    ('"days"', '\u00a0"days"', ["an invisible character"]),
]


@pytest.mark.parametrize(("found", "typed", "parts"), SYNTAX, ids=[ascii(row[1][:40]) for row in SYNTAX])
def test_a_slip_of_json_is_named_with_its_line_and_remedy(
    broken: Path, found: str, typed: str, parts: list[str]
) -> None:
    assert found in TEXT
    broken.write_text(TEXT.replace(found, typed, 1), encoding="utf-8")
    said = told(broken)
    for part in ("  line ", "column ", *parts):
        assert part in said


def test_slips_of_json_and_faulty_settings_are_told_together(broken: Path) -> None:
    broken.write_text(TEXT.replace('"seed": 1', '"seed": NaN // why').replace('"days": 7', '"days": -7'))
    said = told(broken)
    for part in ("simulation.days: -7 is under 1", "NaN is not a number", "JSON has no comments"):
        assert part in said
    assert said.count("simulation.seed") == 1


WHOLE = [
    (b"", ["line 1", "the file is empty"]),
    (b" \n\t\n", ["the file is empty"]),
    (b"[1]", ["a list of 1 where a config belongs"]),
    (b"5", ["5 where a config belongs"]),
    (b"null", ["null where a config belongs"]),
    (b"{}", ["archetypes: missing"]),
    (b'{"archetypes": []}', ["an empty list; at least 1 is needed"]),
    (b'{"archetypes": {}}', ["an empty object { } where a list [ ] belongs"]),
    (b'{"archetypes": [5]}', ["archetypes[0]: 5 where an object { } with settings belongs"]),
    (b"[" * 100_000, ["nested more than 40 deep"]),
    (b'{"a":' * 100_000, ["nested more than 40 deep"]),
    (bytes(range(256)) * 4, ["not a text file"]),
    (TEXT.encode("utf-16"), ["this is UTF-16 text; save it as UTF-8"]),
    (TEXT.encode("utf-16-be"), ["this is UTF-16 text"]),
    (
        TEXT.replace("Average", "Averag\xe9").encode("cp1252"),
        ["line 13 holds a byte (0xe9) that is not UTF-8"],
    ),
    (b"1," * 600_000, ["comes after the end"]),
    (b"[" + b"1," * 600_000, ["more than 500,000 values"]),
]


@pytest.mark.parametrize(("data", "parts"), WHOLE, ids=[ascii(row[1][0])[:40] for row in WHOLE])
def test_a_file_that_is_no_config_is_refused_with_a_reason(broken: Path, data: bytes, parts: list[str]) -> None:
    broken.write_bytes(data)
    said = told(broken)
    for part in ("config_json.json", *parts):
        assert part in said


@pytest.mark.parametrize(
    "data",
    [b"\xef\xbb\xbf" + TEXT.encode(), TEXT.replace("\n", "\r\n").encode(), TEXT.replace("  ", "\t").encode()],
)
def test_marks_tabs_and_line_ends_of_other_systems_are_fine(broken: Path, data: bytes) -> None:
    broken.write_bytes(data)
    assert Scenario.from_file(broken) == Scenario.from_file(DEFAULT)


def test_a_missing_file_is_told_with_the_one_that_may_be_meant(broken: Path) -> None:
    broken.write_text("{}")
    assert 'did you mean "' in told(broken.with_name("config_jsn.json"))
    assert 'there is "config_json.json"' in told(broken.with_name("zzz.json"))
    assert "nor the folder" in told(broken.parent / "nowhere" / "config_json.json")


def test_what_evsim_writes_itself_is_not_suggested_as_a_config(tmp_path: Path) -> None:
    for name in ("summary.json", "config_schema.json", "sessions.csv"):
        (tmp_path / name).write_text("{}")
    assert "there " not in told(tmp_path / "zzz.json")
    assert "did you mean" not in told(tmp_path / "summry.json")
    assert "it holds" not in told(tmp_path)


def test_two_headers_that_mean_the_same_are_both_named_with_their_lines(broken: Path) -> None:
    broken.write_text(TEXT.replace('"battery_kwh": 60', '"Battery (kWh)": 60,\n"battery_kwh": 70', 1))
    lines = broken.read_text().splitlines()
    first, again = (next(i for i, line in enumerate(lines, 1) if word in line) for word in ("(kWh)", '"battery_kwh"'))
    said = told(broken)
    assert "1 thing to mend" in said
    assert (
        f'line {again}  archetypes[0].battery_kwh: means the same as "Battery (kWh)" (line {first}); keep one' in said
    )


FLAWS: dict[str, object] = {
    "values": lambda row: dict.fromkeys(row, "x"),
    "keys": lambda row: {f"{key}q": value for key, value in row.items()},
    "repeats": lambda row: {**row, "Battery (kWh)": 60},
}


@pytest.mark.parametrize("flaw", FLAWS)
def test_thousands_of_faults_are_counted_and_twenty_are_shown(broken: Path, flaw: str) -> None:
    row = json.loads(TEXT)["archetypes"][0]
    rows = [FLAWS[flaw]({**row, "name": f"kind {i}"}) for i in range(1_000)]
    broken.write_text(json.dumps({"archetypes": rows}))
    began = time.process_time()
    said = told(broken)
    assert time.process_time() - began < 10  # seconds; with time squared in the faults it were half a minute
    assert len(said.splitlines()) == 22
    assert re.search(r"and \d+,?\d+ more$", said)


def test_thousands_of_rules_for_nobody_are_told_in_time(broken: Path) -> None:
    row = json.loads(TEXT)["archetypes"][0]
    rows = [{**row, "name": f"kind {i}", "population_percent": 0.05} for i in range(2_000)]
    rules = {f"knid {i}": {"strategy": "immediate"} for i in range(2_000)}
    broken.write_text(json.dumps({"archetypes": rows, "charging": {"by_archetype": rules}}))
    began = time.process_time()
    said = told(broken)
    assert time.process_time() - began < 10  # seconds
    assert 'did you mean "kind ' in said
    assert "and 1,980 more" in said


def test_a_folder_is_told_with_the_files_it_holds(broken: Path) -> None:
    broken.write_text("{}")
    said = told(broken.parent)
    assert "a folder, not a file; it holds" in said
    assert "config_json.json" in said


def test_a_huge_file_is_refused_before_it_is_read(broken: Path) -> None:
    with broken.open("wb") as file:
        file.truncate(200_000_000)
    assert "200 MB is too large; at most 5 MB are read" in told(broken)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_is_refused_without_waiting_for_it(broken: Path) -> None:
    os.mkfifo(broken)
    assert "a pipe or a device, not a file" in told(broken)


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="this system has no /dev")
@pytest.mark.parametrize("device", ["/dev/zero", "/dev/null"])
def test_a_device_is_refused(device: str) -> None:
    assert "a pipe or a device, not a file" in told(device)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_is_told_as_such(broken: Path) -> None:
    broken.write_text("{}")
    broken.chmod(0)
    assert "no permission" in told(broken)


@pytest.mark.parametrize("path", ["a\0b", "a" * 5000, "", "a\nb.json", "\udcff"])
def test_a_path_that_cannot_be_is_told_as_such(path: str) -> None:
    assert told(path)


OVERRIDES = [
    (("simulation.days", "abc"), ["--set simulation.days=abc", '"abc" is not a number']),
    (("simulation.days", "0", "--days 0"), ["  --days 0  simulation.days: 0 is under 1"]),
    (("simulaton.days", "3"), ['simulaton: no such setting; did you mean "simulation"?']),
    (("simulation.dys", "3"), ['simulation.dys: no such setting; did you mean "days"?']),
    (("archetypes[7].battery_kwh", "50"), ["archetypes has no [7]; it has [0] to [5]"]),
    (("archetypes[Averge].battery_kwh", "5"), ['did you mean archetypes["Average (UK)"]?']),
    (("population_size.foo", "3"), ["population_size is 1000, which has no foo"]),
    (("archetypes[0].battery_kwh", "-4"), ["archetypes[0].battery_kwh: -4 is under 1"]),
    (("archetypes", "nope.csv"), ['"nope.csv": no such file']),
    (("archetypes", ""), ["archetypes: an empty text; name a CSV file of the archetype sheet"]),
    (("archetypes[0].battery_kwh", "1e-300"), ["1e-300 is under 1"]),
    (("archetypes[0].charger_kw", "0.01"), ["0.01 is under 0.1"]),
    (("archetypes[0].efficiency_miles_per_kwh", "1e-9"), ["1e-09 is under 0.1"]),
    (("archetypes[0].plug_in_frequency_per_day", "0"), ["0 is under 0.001"]),
    (("", "3"), ["is not a setting's path"]),
    (("simulation..days", "3"), ["is not a setting's path"]),
    (("simulation[", "3"), ["has a [ that is not closed"]),
    (("simulation.days", ""), ['"" holds no number']),
    (("simulation.days", "NaN"), ["is not a number a run can use"]),
    (("simulation.days", "9" * 6000), ["is not a number a run can use"]),
    (("simulation.days", "[" * 2000 + "]" * 2000), ["is not a number"]),
]


@pytest.mark.parametrize(("override", "parts"), OVERRIDES, ids=[row[0][0] + "=" + row[0][1][:10] for row in OVERRIDES])
def test_a_faulty_override_is_named_as_it_was_written(override: tuple[str, str], parts: list[str]) -> None:
    said = told(DEFAULT, override)
    for part in parts:
        assert part in said


def test_an_override_mends_what_the_file_has_wrong(broken: Path) -> None:
    broken.write_text(TEXT.replace('"days": 7', '"days": -7'))
    assert Scenario.from_file(broken, overrides=[("simulation.days", "3")]).simulation.days == 3


@pytest.mark.parametrize(
    "config",
    [
        {"archetypes": 5, 6: 7},
        {"archetypes": [{"name": "\ud800"}]},
        {"\ud800": 5},
        [],
        None,
        "text",
        {"population_size": 10**5000},
        {"simulation": {"days": float("nan")}},
        {"archetypes": [None, {}, []]},
        {"archetypes": [{1: 2}]},
        {"charging": {"by_archetype": {5: {}}}},
    ],
)
def test_a_dict_that_is_no_config_is_a_config_error(config: object) -> None:
    with pytest.raises(ConfigError):
        Scenario.from_dict(config)  # type: ignore[arg-type]


def test_a_dict_that_holds_itself_is_a_config_error() -> None:
    config: dict[str, object] = {}
    config["simulation"] = config
    with pytest.raises(ConfigError, match="nested more than 40 deep"):
        Scenario.from_dict(config)

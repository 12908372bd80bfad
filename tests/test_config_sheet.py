"""The archetype sheet, saved as CSV in the ways spreadsheets have."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest

from evsim._errors import ConfigError
from evsim._scenario import Scenario

SHEET = Path(__file__).parent.parent.parent / "shared" / "data" / "calibration" / "archetypes.csv"
COLUMNS = [
    ["", "Average (UK)", "Octopus"],
    ["% of population", "60%", "40%"],
    ["Miles/yr", "9,435", "28,105"],
    ["Battery (kWh)", "60", "72.5"],
    ["Efficiency (mi/kWh)", "3.5", "3.5"],
    ["Plug-in frequency (per day)", "1", "1"],
    ["Charger kW", "7", "7"],
    ["Plug-in time", "18:00", "18:00"],
    ["Plug-out time", "07:00", "07:00"],
    ["Target SoC", "80%", "80%"],
    ["kWh/plug-in", "7", "22"],
    ["Plug-in SoC", "68%", "52%"],
]
ROWS = [["Archetype", *[row[0] for row in COLUMNS[1:]]], *([row[i] for row in COLUMNS] for i in (1, 2))]


def as_csv(table: list[list[str]], delimiter: str = ",") -> str:
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter).writerows(table)
    return text.getvalue()


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "config.json"
    path.write_text('{"archetypes":\n "people.csv"}')
    return path


def read(config: Path, data: str | bytes) -> Scenario:
    sheet = config.with_name("people.csv")
    sheet.write_bytes(data if isinstance(data, bytes) else data.encode())
    return Scenario.from_file(config)


def told(config: Path, data: str | bytes) -> str:
    with pytest.raises(ConfigError) as caught:
        read(config, data)
    return str(caught.value)


@pytest.mark.skipif(not SHEET.exists(), reason="needs ../shared/data/calibration/archetypes.csv")
def test_the_published_sheet_works_as_it_is() -> None:
    made = Scenario.from_dict({"archetypes": str(SHEET)})
    assert made.n_users_by_archetype == (400, 300, 100, 100, 90, 10)
    assert [a.plug_in_soc_percent for a in made.archetypes] == [68, 52, 18, 73, 68, 68]
    assert all("Intelligent Octopus average" in text for text in made.warnings)
    assert len(made.warnings) == 3


@pytest.mark.parametrize(
    "data",
    [
        as_csv(ROWS),
        as_csv(COLUMNS),
        as_csv(ROWS, ";"),
        as_csv(ROWS, "\t"),
        as_csv(COLUMNS, ";"),
        "sep=;\n" + as_csv(ROWS, ";"),
        "\n\n" + as_csv(ROWS) + ",,,\n",
        b"\xef\xbb\xbf" + as_csv(ROWS).encode(),
        as_csv(ROWS, "\t").encode("utf-16"),
        as_csv([["id", *ROWS[0], "derived_x"], *(["1", *row, "9"] for row in ROWS[1:])]),
    ],
    ids=["rows", "columns", "semicolons", "tabs", "columns;", "sep=", "blank lines", "BOM", "UTF-16", "id"],
)
def test_a_sheet_is_read_however_it_was_saved(config: Path, data: str | bytes) -> None:
    made = read(config, data)
    assert made.archetype_names == ("Average (UK)", "Octopus")
    assert made.archetypes[1].miles_per_year == 28_105
    assert made.archetypes[1].plug_in_soc == 0.52
    assert made == read(config, as_csv(ROWS))


def test_names_saved_by_old_windows_programs_keep_their_accents(config: Path) -> None:
    made = read(config, as_csv(ROWS).replace("Octopus", "Pieuvré").encode("cp1252"))
    assert made.archetype_names[1] == "Pieuvré"


@pytest.mark.parametrize(
    ("data", "parts"),
    [
        (
            as_csv(ROWS).replace('"28,105"', "lots"),
            ['people.csv line 3  archetypes[1] "Miles/yr": "lots" is not a number'],
        ),
        (
            as_csv(COLUMNS).replace("72.5", "lots"),
            ['people.csv line 4  archetypes[1] "Battery (kWh)": "lots"'],
        ),
        (as_csv(ROWS).replace("72.5", ""), ["people.csv line 3  archetypes[1].battery_kwh: missing"]),
        (as_csv(ROWS).replace("72.5", "72,5"), ["people.csv line 3", "13 cells where there are 12 headers"]),
        (as_csv(ROWS).replace("72.5", '"72,5"'), ["write a decimal point, as in 72.5"]),
        (as_csv(ROWS).replace("40%", "41%"), ["line 1", "population_percent sums to 101, not 100"]),
        (
            as_csv(ROWS).replace("Charger kW", "Chargr kW"),
            ['people.csv line 1  column "Chargr kW"', '"charger_kw"?'],
        ),
        (
            as_csv(ROWS).replace("Charger kW", "battery_kwh"),
            ['line 1  "battery_kwh" (column 7) means the same as "Battery (kWh)" (column 4); keep one'],
        ),
        (
            as_csv(ROWS).replace("Charger kW", "Battery (kWh)"),
            ['line 1  "Battery (kWh)" (column 7) means the same as "Battery (kWh)" (column 4); keep one'],
        ),
        (
            as_csv([[c for c in row if c not in ("Charger kW", "7")] for row in ROWS[:1]] + [["a"]]),
            ['no column for "charger_kw"'],
        ),
        (as_csv(ROWS).replace("Octopus", '"Octopus'), ["people.csv line 3", "quote"]),
        (as_csv(ROWS[:1]), ["no archetypes"]),
        ("", ["no archetypes"]),
        ("hello\nworld\n", ["none of these headers is known"]),
        (bytes(range(256)), ["not a text file"]),
        (as_csv(ROWS).encode("utf-16-le"), ["not a text file"]),
    ],
)
def test_a_faulty_sheet_is_named_with_its_line_and_column(config: Path, data: str | bytes, parts: list[str]) -> None:
    said = told(config, data)
    for part in ("config.json: 1 thing to mend", *parts):
        assert part in said


def test_a_missing_sheet_is_named_where_the_config_names_it(config: Path) -> None:
    config.with_name("peeple.csv").write_text("")
    with pytest.raises(ConfigError, match=r'line 1  archetypes: "people.csv": no such file; did you mean'):
        Scenario.from_file(config)


def test_an_override_reaches_into_a_sheet(config: Path) -> None:
    read(config, as_csv(ROWS))
    made = Scenario.from_file(config, overrides=[("archetypes[1].battery_kwh", "50")])
    assert made.archetypes[1].battery_kwh == 50


def test_a_sheet_can_be_named_by_an_override(config: Path) -> None:
    read(config, as_csv(ROWS))
    config.write_text("{}")
    assert len(Scenario.from_file(config, overrides=[("archetypes", "people.csv")]).archetypes) == 2

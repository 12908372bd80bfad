"""A config with `sessions` instead of archetypes."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import numpy as np
import pytest

from evsim import ConfigError, Scenario
from evsim._config.footprint import estimated_bytes

HEADER = "user,user_type,plug_in,plug_out,energy_kwh"
ROWS = [
    "ann,Private,2026-03-27 18:00,2026-03-28 07:00,12",
    "ann,Private,2026-03-28 18:10,2026-03-29 07:05,10",
    "bob,Shared,2026-03-28 09:00,2026-03-28 17:00,20",
    "cyd,Private,2026-03-30 19:00,2026-03-31 00:00,8",
]
EXAMPLE = Path(__file__).parent.parent / "examples" / "replay.json"


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "real.csv").write_text("\n".join([HEADER, *ROWS]))
    return tmp_path


def scenario(folder, config=None, overrides=(), **more):
    path = folder / "config_json.json"
    path.write_text(json.dumps({"sessions": "real.csv", **more} if config is None else config, indent=1))
    return Scenario.from_file(path, overrides)


def told(folder, config=None, overrides=(), **more):
    with pytest.raises(ConfigError) as caught:
        scenario(folder, config, overrides, **more)
    said = str(caught.value)
    assert all(c.isprintable() or c == "\n" for c in said)
    return said


# ---- what sessions imply


def test_the_run_covers_the_file_unless_dates_are_typed(folder):
    whole = scenario(folder).simulation
    assert (f"{whole.start:%Y-%m-%dT%H:%M}", whole.days, whole.warm_up_days) == ("2026-03-27T00:00", 4, 0)
    days_after = scenario(folder, simulation={"start": "2026-03-28T12:00"}).simulation
    assert (days_after.start.hour, days_after.days) == (12, 3)
    typed = scenario(folder, simulation={"days": 2, "warm_up_days": 1}).simulation
    assert (typed.start.day, typed.days, typed.warm_up_days) == (27, 2, 1)
    assert scenario(folder, overrides=[("simulation.days", "9", "--days 9")]).simulation.days == 9


def test_the_run_covers_the_file_by_the_clock_of_its_place(folder):
    made = scenario(folder, sessions={"file": "real.csv", "timezone": "UTC"}, simulation={"timezone": "Asia/Tokyo"})
    assert (f"{made.simulation.start:%Y-%m-%dT%H:%M}", made.simulation.days) == ("2026-03-28T00:00", 4)
    clock = made.simulation.clock()
    assert clock.start_epoch_s <= made.recorded.plug_in_s.min()
    assert clock.start_epoch_s + clock.end_s >= made.recorded.plug_out_s.max()


def test_archetypes_stand_in_for_the_people_of_the_file(folder):
    made = scenario(folder)
    assert made.archetype_names == made.recorded.archetype_names == ("Private", "Shared")
    assert made.n_users_by_archetype == (2, 1)
    assert made.population_size == 3
    private = made.archetypes[0]
    assert (private.plug_in_time.hour, private.plug_out_time.hour) == (18, 7)
    assert (private.miles_per_year, private.target_soc_percent, private.battery_kwh) == (0, 80, 60)
    assert private.population_percent == pytest.approx(200 / 3)
    assert made.warnings == ()


def test_a_usual_time_is_found_round_midnight_and_a_car_always_leaves(folder):
    rows = [f"u{i},P,2026-01-1{i} {at},2026-01-2{i} {at},1" for i, at in enumerate(["23:50", "00:10", "00:05"])]
    (folder / "real.csv").write_text("\n".join([HEADER, *rows]))
    archetype = scenario(folder).archetypes[0]
    assert (str(archetype.plug_in_time), str(archetype.plug_out_time)) == ("00:00:00", "23:45:00")


def test_rules_of_single_archetypes_may_name_the_kinds_of_the_file(folder):
    rule = {"strategy": "scheduled", "window": ["00:30", "04:30"]}
    made = scenario(folder, charging={"strategy": "immediate", "by_archetype": {"Shared": rule}})
    assert made.strategy_of("Shared").name == "scheduled"
    assert 'did you mean "Shared"' in told(folder, charging={"by_archetype": {"Shred": rule}})


def test_rows_that_are_left_out_are_told_in_one_line(folder):
    with (folder / "real.csv").open("a") as file:
        file.write("\nann,Private,x,2026-03-28 07:00,12" * 1_000)
    assert scenario(folder).warnings == ("sessions: 1,000 of 1,004 rows are left out (1,000 not_a_time)",)


def test_sessions_outside_the_run_are_counted(folder):
    simulation = {"start": "2026-03-28T00:00", "days": 1}
    told = "sessions: 2 of 4 do not begin within the run, and are not lived"
    assert scenario(folder, simulation=simulation).warnings == (told,)


def test_fractions_of_soc_are_asked_about(folder):
    (folder / "real.csv").write_text(f"{HEADER},SoC\n{ROWS[0]},0.4\n")
    assert "are they fractions?" in scenario(folder).warnings[0]


def test_memory_is_estimated_from_the_sessions_themselves(folder):
    few = scenario(folder)
    rows = [f"u{i},P,2026-03-27 18:00,2026-03-28 07:00,12" for i in range(20_000)]
    (folder / "real.csv").write_text("\n".join([HEADER, *ROWS, *rows]))
    many = scenario(folder)
    assert estimated_bytes(many) - estimated_bytes(few) > 20_000 * 400
    with pytest.raises(ConfigError) as caught:
        many.check_fits(10_000_000)
    assert "population_size" not in str(caught.value)


# ---- the same again


def test_the_resolved_config_gives_the_same_scenario(folder):
    made = scenario(folder, columns={"user": "user"}, battery={"charging_efficiency": 0.8})
    written = json.loads(json.dumps(made.to_dict()))
    assert "archetypes" not in written
    again = Scenario.from_dict(written)
    assert again == made == pickle.loads(pickle.dumps(made))  # noqa: S301 - our own
    assert again.config_hash == made.config_hash


def test_the_hash_is_of_what_the_file_holds_and_not_of_where_it_lies(folder):
    made = scenario(folder)
    other = folder / "elsewhere"
    other.mkdir()
    (other / "real.csv").write_bytes((folder / "real.csv").read_bytes())
    assert scenario(other).config_hash == made.config_hash
    (other / "real.csv").write_text("\n".join([HEADER, *ROWS[:2], ROWS[2].replace("20", "21", 1), ROWS[3]]))
    changed = scenario(other)
    assert changed.config_hash != made.config_hash
    assert changed != made


def test_a_file_that_changed_since_a_run_is_refused(folder):
    written = scenario(folder).to_dict()
    (folder / "real.csv").write_text("\n".join([HEADER, *ROWS[:2]]))
    with pytest.raises(ConfigError, match='has changed since "sha256" was noted'):
        Scenario.from_dict(written)


def test_columns_may_stand_inside_or_beside(folder):
    (folder / "real.csv").write_text("\n".join([HEADER.replace("plug_in", "da"), *ROWS]))
    inside = scenario(folder, sessions={"file": "real.csv", "columns": {"plug_in": "da"}})
    assert inside == scenario(folder, columns={"plug_in": "da"})


def test_a_scenario_without_sessions_has_none():
    made = Scenario.from_file(Path(__file__).parent.parent / "config_json.json")
    assert made.recorded is None
    assert "sessions" not in made.to_dict()


# ---- faults


FAULTS = [
    ({"sessions": "rael.csv"}, ['sessions: "rael.csv": no such file; did you mean "', 'real.csv"?']),
    ({"sessions": ""}, ["sessions.file: ", "is empty"]),
    ({"sessions": 5}, ["sessions: 5 where an object { } with settings belongs"]),
    ({"sessions": {}}, ["sessions.file: missing"]),
    ({"sessions": {"file": "real.csv", "column": {}}}, ['sessions.column: no such setting; did you mean "columns"?']),
    ({"sessions": {"file": "real.csv", "battery_kwh": 0}}, ["sessions.battery_kwh: 0 is under 1"]),
    ({"sessions": {"file": "real.csv", "charger_kw": "x"}}, ['sessions.charger_kw: "x" is not a number']),
    ({"sessions": {"file": "real.csv", "sha256": "5"}}, ['sessions.sha256: "5" is not a SHA-256, which has 64 digits']),
    ({"sessions": {"file": "real.csv", "timezone": "Oslo"}}, ['sessions.timezone: "Oslo"', '"Europe/Oslo"?']),
    (
        {"sessions": "real.csv", "columns": {"plug_in": "plug_on"}},
        ['columns.plug_in: "real.csv" line 1', 'did you mean "plug_in"?'],
    ),
    ({"sessions": "real.csv", "columns": {"plugin": "x"}}, ['columns.plugin: no such setting; did you mean "plug_in"']),
    (
        {"sessions": {"file": "real.csv", "columns": {"user": "usr"}}},
        ['sessions.columns.user: "real.csv" line 1: no column "usr"; did you mean "user"?'],
    ),
    (
        {"sessions": "real.csv", "columns": {"plug_in": "plug_in", "plug_out": "plug_in"}},
        ['columns.plug_out: "real.csv" line 1: "plug_in" is plug_in already'],
    ),
    ({"sessions": {"file": "real.csv", "columns": {"user": "user"}}, "columns": {}}, ["columns: stands inside"]),
    ({"sessions": "real.csv", "columns": 5}, ["columns: 5 where an object { }"]),
    ({"sessions": "real.csv", "archetypes": [{}]}, ["sessions: stands beside archetypes; give one of the two"]),
    ({"sessions": "real.csv", "population_size": 1000}, ["1000, but the sessions are those of 3 users; leave"]),
    ({"sessions": "real.csv", "simulation": {"days": 0}}, ["simulation.days: 0 is under 1"]),
    ({"sessions": "real.csv", "simulation": 5}, ["simulation: 5 where an object { }"]),
]


@pytest.mark.parametrize(("config", "parts"), FAULTS, ids=[json.dumps(row[0])[:60] for row in FAULTS])
def test_a_faulty_setting_of_sessions_is_named_with_its_remedy(folder, config, parts):
    said = told(folder, config)
    for part in parts:
        assert part in said
    assert ": 1 thing to mend\n" in said


def test_faults_of_sessions_are_told_with_those_of_the_rest(folder):
    said = told(folder, {"sessions": "nope.csv", "battery": {"charging_efficiency": 9}})
    assert all(part in said for part in (": 2 things to mend", "no such file", "9 is over 1"))
    said = told(folder, {"columns": {}, "archetypes": []})
    assert all(part in said for part in (": 2 things to mend", "columns: only goes with sessions", "an empty list"))


def test_users_on_the_command_line_do_not_go_with_sessions(folder):
    said = told(folder, overrides=[("population_size", "50", "--users 50")])
    assert "1 thing to mend\n  --users 50  population_size: 50, but the sessions are those of 3 users" in said


def test_neither_archetypes_nor_sessions_is_told_with_both(folder):
    assert "(or give sessions instead)" in told(folder, {})


def test_more_days_than_a_run_can_have_are_told(folder):
    (folder / "real.csv").write_text("\n".join([HEADER, ROWS[0], ROWS[0].replace("2026", "2099").replace("ann", "x")]))
    assert "are 26,665 days; give simulation.start and simulation.days" in told(folder)
    assert scenario(folder, simulation={"days": 7}).simulation.days == 7


def test_a_million_rows_left_out_are_one_message(folder):
    with (folder / "real.csv").open("w") as file:
        file.write(HEADER + "\n" + "ann,Private,x,y,z\n" * 100_000)
    said = told(folder)
    assert "and 99,997 more" in said
    assert len(said) < 800


def test_the_example_is_lived_as_its_file_says():
    made = Scenario.from_file(EXAMPLE)
    assert made.recorded.n_rejected == {"missing": 1, "negative_energy": 1, "does_not_fit": 1, "overlap": 1}
    assert np.isfinite(made.recorded.soc).any()

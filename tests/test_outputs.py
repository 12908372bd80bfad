"""The files of a run: what is in them, and that a folder holds one whole run or another, never a mixture."""

from __future__ import annotations

import csv
import json
import signal
import subprocess
import sys
import time

import numpy as np
import pyarrow.parquet as pq
import pytest
from worlds import ROOT, command, config, environment, row, run, scheduled

from evsim import ConfigError, OutputError, Scenario, __version__, simulate
from evsim._outputs import check_folder, staged, write_tables

TIMESERIES = (
    "start_utc,archetype,n_users,n_plugged_in,n_charging,import_kw,export_kw,mean_soc_percent,"
    "p10_soc_percent,p50_soc_percent,p90_soc_percent"
)
SESSIONS = (
    "user_id,archetype,plug_in_utc,plug_out_utc,plug_in_soc_percent,plug_out_soc_percent,target_soc_percent,"
    "charge_start_utc,charge_stop_utc,import_kwh,export_kwh"
)
ROWS = [row("Average, the UK's", 60), row('The "late"', 40, plug_in_time="22:00", plug_in_soc_percent=20)]
TABLES = {"timeseries.csv", "sessions.csv", "events.parquet", "summary.json"}
REPEATABLE = ("timeseries.csv", "sessions.csv", "events.parquet")


@pytest.fixture(scope="module")
def results():
    return run(*ROWS, users=10, days=2, habit=45, day=30, charging=scheduled("00:30", "04:30"))


@pytest.fixture(scope="module")
def folder(results, tmp_path_factory):
    made = tmp_path_factory.mktemp("outputs")
    write_tables(results, made)
    return made


def read(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def config_file(folder, **settings):
    path = folder / "config.json"
    path.write_text(json.dumps(config(*ROWS, **({"users": 20, "habit": 45, "day": 30} | settings))))
    return path


def run_command(config_path, out, *more, **env):
    done = command(ROOT / "run_simulator.py", config_path, "--out", out, "--no-plots", *more, cwd=out.parent, **env)
    assert done.returncode == 0, done.stderr
    return done


# ---- what is in them


def test_a_run_writes_the_tables_of_the_contract(folder):
    assert {path.name for path in folder.iterdir()} == TABLES


@pytest.mark.parametrize(("name", "header"), [("timeseries.csv", TIMESERIES), ("sessions.csv", SESSIONS)])
def test_the_columns_are_those_of_the_contract(folder, name, header):
    assert (folder / name).read_text(encoding="utf-8").splitlines()[0] == header


def test_the_time_series_in_the_file_is_that_of_the_results(results, folder):
    rows = read(folder / "timeseries.csv")
    n_steps, n_groups = results.import_kw.shape
    assert len(rows) == n_steps * n_groups
    numbers = [name for name in rows[0] if name not in {"start_utc", "archetype"}]
    column = {name: np.array([float(r[name]) for r in rows]).reshape(n_steps, n_groups) for name in numbers}
    assert column["import_kw"] == pytest.approx(results.import_kw, abs=1e-9)
    assert (column["n_plugged_in"] == results.n_plugged_in).all()
    assert (column["n_charging"] == results.n_charging).all()
    assert column["mean_soc_percent"] == pytest.approx(100 * results.mean_soc, abs=1e-4)
    assert (column["n_users"] == results.n_users).all()
    assert not column["export_kw"].any()
    for q, name in enumerate(("p10", "p50", "p90")):
        assert column[f"{name}_soc_percent"] == pytest.approx(100 * results.soc_quantiles[:, :, q], abs=1e-4)


def test_the_time_series_has_a_row_for_each_step_and_archetype_in_config_order(results, folder):
    rows = read(folder / "timeseries.csv")
    assert [r["archetype"] for r in rows[:4]] == list(results.archetypes) * 2
    assert [r["start_utc"] for r in rows[::2]] == [f"{t}Z" for t in results.times]


def test_the_sessions_in_the_file_are_those_of_the_logs(results, folder):
    listed = {(int(r["user_id"]), r["plug_in_utc"]): r for r in read(folder / "sessions.csv")}
    n = 0
    for user in results.users:
        for session in user.log.sessions():
            n += 1
            told = listed[user.user_id, f"{session.plug_in}Z"]
            assert told["archetype"] == user.archetype
            assert told["plug_out_utc"] == ("" if session.plug_out is None else f"{session.plug_out}Z")
            assert told["charge_start_utc"] == ("" if session.charge_start is None else f"{session.charge_start}Z")
            assert float(told["import_kwh"]) == pytest.approx(session.import_kwh, abs=1e-6)
            assert float(told["target_soc_percent"]) == 80
    assert n == len(listed)


def test_an_open_session_has_empty_ends(tmp_path):
    write_tables(run(start="2026-01-12T19:00", days=1, warm_up=0), tmp_path)
    last = read(tmp_path / "sessions.csv")[-1]
    assert [last[name] for name in ("plug_out_utc", "plug_out_soc_percent", "charge_stop_utc")] == ["", "", ""]


def test_names_with_commas_and_quotes_come_back_from_the_csv(folder):
    for name in ("timeseries.csv", "sessions.csv"):
        assert {r["archetype"] for r in read(folder / name)} == {"Average, the UK's", 'The "late"'}


def test_the_events_in_the_file_are_those_of_the_store(results, folder):
    table = pq.read_table(folder / "events.parquet")
    assert table.column_names == [
        "at_utc",
        "user_id",
        "archetype",
        "event",
        "reason",
        "soc_percent",
        "import_kwh",
        "export_kwh",
    ]
    assert table.num_rows == len(results.events)
    assert sum(table["import_kwh"].to_pylist()) == pytest.approx(results.import_kwh.sum(), abs=1e-4)


def test_the_summary_holds_what_the_contract_says(results, folder):
    told = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    assert (told["evsim_version"], told["seed"]) == (__version__, 1)
    assert told["config_hash"] == results.scenario.config_hash
    assert told["population"]["import_kwh"] == pytest.approx(results.import_kwh.sum())
    assert told["population"]["peak"]["kw"] == pytest.approx(results.peak.kw)
    assert told["population"]["peak"]["start_utc"] == f"{results.peak.at}Z"
    assert [kind["name"] for kind in told["archetypes"]] == list(results.archetypes)
    assert told["certificate"]["max_residual_kwh"] < 1e-6
    assert {"schema_version", "timings"} <= set(told)


def test_the_scenario_in_the_summary_can_be_run_again(results, folder):
    told = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    again = simulate(Scenario.from_dict(told["scenario"]))
    assert (again.import_kw == results.import_kw).all()


def test_the_summary_is_strict_json(folder):
    def refuse(constant):
        raise AssertionError(constant)

    json.loads((folder / "summary.json").read_text(encoding="utf-8"), parse_constant=refuse)


def test_tables_as_arrow_have_the_columns_of_the_files(results):
    assert results.timeseries.to_arrow().column_names == TIMESERIES.split(",")
    assert results.sessions.to_arrow().column_names == SESSIONS.split(",")


# ---- the same bytes


def test_two_runs_in_two_processes_write_the_same_bytes(tmp_path):
    path = config_file(tmp_path)
    for name, hashes in (("a", "1"), ("b", "4242")):
        run_command(path, tmp_path / name, PYTHONHASHSEED=hashes)
    for name in REPEATABLE:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes(), name


# ---- one whole run or another


def half_write(place, error):
    """Write a part of a file, and fail."""
    (place / "timeseries.csv").write_text("half")
    raise error


def test_a_failed_write_leaves_the_last_good_files(tmp_path):
    (tmp_path / "timeseries.csv").write_text("good")
    before = contents(tmp_path)
    with pytest.raises(ZeroDivisionError), staged(tmp_path) as place:
        half_write(place, ZeroDivisionError())
    assert contents(tmp_path) == before


def test_a_full_disk_is_an_output_error_and_leaves_the_last_good_files(tmp_path):
    (tmp_path / "timeseries.csv").write_text("good")
    before = contents(tmp_path)
    with pytest.raises(OutputError, match="No space left"), staged(tmp_path) as place:
        half_write(place, OSError(28, "No space left on device"))
    assert contents(tmp_path) == before


def test_a_failed_first_write_leaves_no_folder(tmp_path):
    with pytest.raises(ZeroDivisionError), staged(tmp_path / "new"):
        _ = 1 / 0
    assert list(tmp_path.iterdir()) == []


def test_files_come_into_place_only_when_all_are_written(tmp_path):
    with staged(tmp_path) as place:
        (place / "summary.json").write_text("{}")
        assert not (tmp_path / "summary.json").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["summary.json"]


def test_files_of_an_earlier_run_that_this_one_does_not_make_are_removed(tmp_path):
    for name in ("power_by_archetype.png", "charging_curves.png", "events.parquet"):
        (tmp_path / name).write_text("of an earlier run")
    run_command(config_file(tmp_path), tmp_path, "--no-events", "--quiet")
    assert {path.name for path in tmp_path.iterdir()} == (TABLES - {"events.parquet"}) | {"config.json"}


def test_other_peoples_files_in_the_folder_stay(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with staged(tmp_path) as place:
        (place / "summary.json").write_text("{}")
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_a_folder_that_is_a_file_is_refused_before_the_run(tmp_path):
    path = tmp_path / "results"
    path.write_text("")
    with pytest.raises(ConfigError, match="this is a file"):
        check_folder(path)


def test_checking_a_folder_makes_none(tmp_path):
    check_folder(tmp_path / "a" / "b")
    assert list(tmp_path.iterdir()) == []


# ---- stopped in the middle


SLOW = """
import pathlib, time
from evsim import Strategy

class Slow(Strategy):
    name = "slow"
    asked = "every_step"
    def orders(self, cars):
        if cars.clock.n_warm_up_steps == 0 and len(cars) and cars.now[0] > 0:
            pathlib.Path("begun").touch()
            time.sleep(0.02)
        return cars.orders()
"""


def wait_for(found, process, seconds=30.0):
    until = time.monotonic() + seconds
    while time.monotonic() < until and process.poll() is None:
        if found():
            return
        time.sleep(0.002)
    raise AssertionError(f"it did not come so far: {process.poll()}")


def stopped(tmp_path, how, found, *arguments):
    """Start a run, stop it by a signal once `found()`, and return its exit status and what it said."""
    with subprocess.Popen(
        [sys.executable, ROOT / "run_simulator.py", *map(str, arguments), "--no-plots", "--quiet"],
        cwd=tmp_path, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        wait_for(found, process)
        process.send_signal(how)
        _, said = process.communicate(timeout=30)
    return process.returncode, said


@pytest.fixture
def lived_in(tmp_path):
    """A folder with the outputs of a small run, and a slow run's config beside it."""
    run_command(config_file(tmp_path), tmp_path / "out", "--quiet")
    return tmp_path


def stop_while_simulating(folder, how):
    (folder / "slow.py").write_text(SLOW)
    path = config_file(folder, days=30, warm_up=0, charging={"strategy": "slow"})
    more = (path, "--out", folder / "out", "--strategy-file", folder / "slow.py")
    return stopped(folder, how, (folder / "begun").exists, *more)


def stop_while_writing(folder, how):
    path = config_file(folder, users=20_000, days=4)
    return stopped(folder, how, lambda: list((folder / "out").glob(".*/*.csv")), path, "--out", folder / "out")


@pytest.mark.parametrize("stop", [stop_while_simulating, stop_while_writing])
def test_ctrl_c_leaves_the_last_good_outputs_and_says_so(lived_in, stop):
    before = contents(lived_in / "out")
    status, said = stop(lived_in, signal.SIGINT)
    assert status == 130
    assert contents(lived_in / "out") == before
    assert said.strip() == "stopped; the results of earlier runs are as they were"


def test_ctrl_c_in_a_first_run_leaves_no_folder(tmp_path):
    status, _ = stop_while_simulating(tmp_path, signal.SIGINT)
    assert status == 130
    assert not (tmp_path / "out").exists()


def test_a_killed_run_leaves_the_last_good_outputs_and_the_next_run_sweeps_up(lived_in):
    out = lived_in / "out"
    before = contents(out)
    status, _ = stop_while_writing(lived_in, signal.SIGKILL)
    assert status == -signal.SIGKILL
    assert {path.name: path.read_bytes() for path in out.iterdir() if path.is_file()} == before
    assert [path for path in out.iterdir() if path.is_dir()]
    run_command(config_file(lived_in), out, "--quiet")
    assert {path.name for path in out.iterdir()} == TABLES

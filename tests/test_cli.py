"""The command line, as people use it: statuses, messages, and that a fault changes nothing on the disk."""

from __future__ import annotations

import json
import os
import time

import pytest
from worlds import ROOT, command, config, row

from evsim import __version__, cli

GENTLE = """
from evsim import PerCarStrategy, Order

class Gentle(PerCarStrategy):
    name = "gentle"
    kw: float = 2.0

    def order(self, car):
        return Order(max_kw=self.kw)
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder to be in, with a small config of the default name."""
    (tmp_path / "config_json.json").write_text(json.dumps(config(row("A"), users=5, days=1)))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def evsim(capfd, *arguments, act=cli.main):
    """Run the command line in this process; exit status and what both streams got."""
    with pytest.raises(SystemExit) as left:
        act([str(argument) for argument in arguments])
    said = capfd.readouterr()
    return left.value.code, said.out, said.err


def run_it(capfd, *arguments):
    return evsim(capfd, *arguments, "--no-plots", act=cli.main_run)


def names(folder):
    return sorted(path.name for path in folder.rglob("*"))


def summary(folder):
    return json.loads((folder / "outputs" / "summary.json").read_text())


# ---- run


def test_a_run_needs_no_argument_and_leaves_outputs(folder, capfd):
    status, said, _ = run_it(capfd)
    assert status == 0
    assert {path.name for path in (folder / "outputs").iterdir()} == {
        "timeseries.csv", "sessions.csv", "events.parquet", "summary.json",
    }  # fmt: skip
    assert "certificate" in said


@pytest.mark.usefixtures("folder")
def test_a_run_prints_who_charged_how_much(capfd):
    line = run_it(capfd)[1].splitlines()[1]
    assert line.split() == ["A", "5", "5", "40", "8.0", "35.0", "Mon", "12", "Jan", "18:00"]


def test_a_run_in_a_pipe_shows_no_progress(folder):
    done = command(ROOT / "run_simulator.py", "--no-plots", cwd=folder)
    assert (done.returncode, done.stderr) == (0, "")
    assert "\x1b" not in done.stdout
    assert "\r" not in done.stdout


def test_quiet_prints_nothing(folder, capfd):
    assert run_it(capfd, "--quiet") == (0, "", "")
    assert summary(folder)


def test_the_module_and_the_script_write_the_same(folder, capfd):
    run_it(capfd, "--out", "one")
    done = command("-m", "evsim", "run", "--no-plots", "--out", "two", cwd=folder)
    assert done.returncode == 0
    for name in ("timeseries.csv", "sessions.csv", "events.parquet"):
        assert (folder / "one" / name).read_bytes() == (folder / "two" / name).read_bytes()


def test_no_events_writes_no_events(folder, capfd):
    run_it(capfd, "--no-events")
    assert not (folder / "outputs" / "events.parquet").exists()


def test_the_config_can_say_that_no_events_are_written(folder, capfd):
    run_it(capfd, "--set", "outputs.events=false")
    assert not (folder / "outputs" / "events.parquet").exists()


def test_out_may_be_a_folder_in_folders_that_are_not_there(folder, capfd):
    assert run_it(capfd, "--out", "a/b/c")[0] == 0
    assert (folder / "a" / "b" / "c" / "summary.json").exists()


def test_seed_users_and_days_replace_the_configs(folder, capfd):
    assert run_it(capfd, "--seed", "9", "--users", "3", "--days", "2")[0] == 0
    told = summary(folder)
    assert (told["seed"], told["population"]["users"], told["n_steps"]) == (9, 3, 96)


def test_set_replaces_any_setting(folder, capfd):
    run_it(capfd, "--set", "archetypes[0].charger_kw=3.5", "--set", "simulation.step_minutes=15")
    told = summary(folder)
    assert told["scenario"]["archetypes"][0]["charger_kw"] == 3.5
    assert told["n_steps"] == 96


def test_a_rule_of_ones_own_comes_from_its_file(folder, capfd):
    (folder / "mine.py").write_text(GENTLE)
    more = ("--strategy-file", "mine.py", "--set", "charging.strategy=gentle", "--set", "charging.kw=1.5")
    assert run_it(capfd, *more)[0] == 0
    assert summary(folder)["population"]["peak"]["kw"] == pytest.approx(5 * 1.5)


# ---- faults


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nowhere.json"], "nowhere.json"),
        (["--users", "many"], "--users many"),
        (["--users", "0"], "--users 0"),
        (["--days", "-1"], "--days -1"),
        (["--seed", "x"], "--seed x"),
        (["--set", "simulation.dais=3"], "simulation.dais"),
        (["--set", "simulation.days"], "--set simulation.days"),
        (["--set", "=3"], "--set"),
        (["--no-such-flag"], "--no-such-flag"),
        (["config_json.json", "another.json"], "another.json"),
        (["--strategy-file", "nowhere.py"], "nowhere.py"),
        (["--set", "charging.strategy=mine"], "mine"),
        (["--out", "config_json.json"], "this is a file"),
        (["--out", "config_json.json/deeper"], "config_json.json"),
    ],
)
def test_a_faulty_argument_is_status_2_names_itself_and_changes_nothing(folder, capfd, arguments, said):
    before = names(folder)
    status, out, err = run_it(capfd, *arguments)
    assert (status, out) == (2, "")
    assert said in err
    assert "Traceback" not in err
    assert names(folder) == before


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "{}", '{"archetypes": 3}', "\x00\x01", json.dumps(config(row(battery_kwh=-1)))]
)
def test_a_faulty_config_is_status_2_and_changes_nothing(folder, capfd, text):
    (folder / "config_json.json").write_text(text)
    before = names(folder)
    status, out, err = run_it(capfd)
    assert (status, out) == (2, "")
    assert "config_json.json" in err
    assert "Traceback" not in err
    assert names(folder) == before


def test_a_faulty_config_leaves_earlier_outputs_as_they_were(folder, capfd):
    run_it(capfd)
    before = {path.name: path.read_bytes() for path in (folder / "outputs").iterdir()}
    (folder / "config_json.json").write_text("{")
    assert run_it(capfd)[0] == 2
    assert {path.name: path.read_bytes() for path in (folder / "outputs").iterdir()} == before


@pytest.mark.parametrize(
    ("text", "said"),
    [("def f(:\n", "line 1: SyntaxError"), ("x = 1\n", "no strategy in it"), ("import nothing_such\n", "line 1")],
)
def test_a_faulty_strategy_file_is_status_2_and_says_where(folder, capfd, text, said):
    (folder / "mine.py").write_text(text)
    status, _, err = run_it(capfd, "--strategy-file", "mine.py")
    assert status == 2
    assert said in err
    assert "Traceback" not in err


def test_a_rule_that_fails_while_running_is_status_2_without_a_traceback(folder, capfd):
    (folder / "mine.py").write_text(GENTLE.replace("Order(max_kw=self.kw)", "1 / 0"))
    status, _, err = run_it(capfd, "--strategy-file", "mine.py", "--set", "charging.strategy=gentle")
    assert status == 2
    assert "gentle" in err
    assert "Traceback" not in err
    assert not (folder / "outputs").exists()


def test_a_rule_named_like_a_built_in_one_is_refused(folder, capfd):
    (folder / "mine.py").write_text(GENTLE.replace('"gentle"', '"immediate"'))
    status, _, err = run_it(capfd, "--strategy-file", "mine.py")
    assert status == 2
    assert "another name" in err


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="the administrator may write anywhere")
def test_a_folder_that_cannot_be_written_is_told_before_the_run(folder, capfd):
    (folder / "locked").mkdir(mode=0o500)
    status, _, err = run_it(capfd, "--out", "locked/deeper")
    assert status == 2
    assert "another folder with --out" in err


def test_a_billion_users_are_refused_at_once_with_an_estimate(folder, capfd):
    began = time.monotonic()
    status, _, err = run_it(capfd, "--users", str(10**9))
    assert status == 2
    assert "1,000,000,000 users" in err
    assert "B of memory" in err
    assert time.monotonic() - began < 5
    assert not (folder / "outputs").exists()


# ---- check, schema, version, help


def test_check_says_fine_and_writes_nothing(folder, capfd):
    before = names(folder)
    status, said, _ = evsim(capfd, "check")
    assert (status, said) == (
        0,
        "config_json.json: fine (5 people in 1 archetype, 1 day from Mon 12 Jan 2026 12:00 Europe/London)\n",
    )
    assert names(folder) == before


@pytest.mark.usefixtures("folder")
def test_check_says_which_prices_there_are(capfd):
    prices = (
        "--set",
        'import_price=[["00:30","05:30",7.5],["05:30","00:30",28]]',
        "--set",
        "carbon_intensity=120 g/kWh",
    )
    status, said, _ = evsim(capfd, "check", *prices)
    assert status == 0
    line = "import price: 2 periods of the local day; carbon intensity: one value throughout"
    assert said.splitlines()[1:] == [line]


def test_check_of_a_faulty_config_is_status_2(folder, capfd):
    (folder / "config_json.json").write_text(json.dumps(config(row(battery_kw=1))))
    status, said, err = evsim(capfd, "check")
    assert (status, said) == (2, "")
    assert "battery_kw" in err


@pytest.mark.usefixtures("folder")
def test_check_refuses_a_run_that_does_not_fit(capfd):
    assert evsim(capfd, "check", "--users", str(10**9))[0] == 2


def test_check_knows_the_rules_of_a_strategy_file(folder, capfd):
    (folder / "mine.py").write_text(GENTLE)
    assert evsim(capfd, "check", "--strategy-file", "mine.py", "--set", "charging.strategy=gentle")[0] == 0


def test_schema_prints_the_file_of_the_repository(capfd):
    status, said, _ = evsim(capfd, "schema")
    assert status == 0
    assert json.loads(said) == json.loads((ROOT / "config_schema.json").read_text())


def test_the_version_can_be_asked(capfd):
    assert evsim(capfd, "--version")[:2] == (0, f"evsim {__version__}\n")


@pytest.mark.parametrize("act", [cli.main, cli.main_run])
def test_help_says_how(capfd, act):
    status, said, _ = evsim(capfd, "--help", act=act)
    assert status == 0
    assert "Usage" in said


def test_no_verb_shows_the_verbs(capfd):
    status, out, err = evsim(capfd)
    assert status in {0, 2}
    assert all(verb in out + err for verb in ("run", "check", "schema"))


def test_an_unknown_verb_is_status_2(capfd):
    assert evsim(capfd, "simulate")[0] == 2


# ---- without the requirements


def test_without_its_requirements_the_script_says_which_command_installs_them(tmp_path):
    done = command("-S", "-E", ROOT / "run_simulator.py", cwd=tmp_path)
    assert done.returncode == 1
    assert "-m pip install -r" in done.stderr
    assert "requirements.txt" in done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []

"""Sweeps: every combination, checked first, lived once, in one table of the same bytes."""

from __future__ import annotations

import csv
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time

import psutil
import pyarrow.parquet as pq
import pytest
from worlds import ROOT, command, config, environment, row

from evsim import ConfigError, Scenario, cli, simulate
from evsim.analysis import MEASURES, measures
from evsim.analysis._grid import MOST_RUNS, Setting, plan_sweep, split_values
from evsim.analysis._sweep import jobs_that_fit

PAGE = ROOT / "docs" / "sweep.md"
SLOW = """
import os, pathlib, time
from evsim import Strategy

class Slow(Strategy):
    name = "slow"
    asked = "every_step"
    s: float = 0.02
    dies: bool = False
    fails: bool = False
    def orders(self, cars):
        if self.dies:
            os._exit(9)
        if self.fails:
            1 / 0
        pathlib.Path("begun").touch()
        time.sleep(self.s)
        return cars.orders()
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder to be in, with a small config of the default name and a slow rule."""
    (tmp_path / "config_json.json").write_text(json.dumps(config(row("A"), users=5, days=1, habit=45, day=30)))
    (tmp_path / "slow.py").write_text(SLOW)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def sweep(capfd, *arguments):
    """Sweep in this process, and in no other; exit status and what both streams got."""
    alone = [] if "--jobs" in arguments else ["--jobs", "1"]
    with pytest.raises(SystemExit) as left:
        cli.main(["sweep", *map(str, arguments), *alone])
    said = capfd.readouterr()
    return left.value.code, said.out, said.err


def rows(folder):
    with (folder / "sweep.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def names(folder):
    return sorted(path.name for path in folder.rglob("*"))


def table(folder):
    return [(folder / name).read_bytes() for name in ("sweep.csv", "sweep.parquet")]


# ---- values


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("100", ["100"]),
        ("100,1000, 1e4", ["100", "1000", "1e4"]),
        ("immediate,scheduled", ["immediate", "scheduled"]),
        ('["00:30","04:30"],["01:00","05:00"]', ['["00:30","04:30"]', '["01:00","05:00"]']),
        ('{"a":"scheduled","b":["0:30","4:30"]},{}', ['{"a":"scheduled","b":["0:30","4:30"]}', "{}"]),
        ('"a, b",c', ['"a, b"', "c"]),
        (r'"a\", b",c', [r'"a\", b"', "c"]),
        ('"]",1', ['"]"', "1"]),
        ("", [""]),
    ],
)  # fmt: skip
def test_commas_part_values_but_not_inside_brackets_and_quotes(text, values):
    assert split_values(text) == values


@pytest.mark.parametrize("text", ["1,,2", "1,", ",1", "[1,2", "1]", '"a,b', "{1"])
def test_a_list_that_is_not_whole_is_refused_and_named(text):
    with pytest.raises(ConfigError, match=re.escape(f"--set a.b={text}: ")):
        Setting.of(("a.b", text))


# ---- the plan


@pytest.mark.usefixtures("folder")
def test_every_combination_is_faced_with_the_same_seeds(capfd, folder):
    done = sweep(capfd, "--users", "2,3", "--set", "battery.charging_efficiency=0.8,0.9", "--seeds", "3")
    assert done[0] == 0
    told = rows(folder / "outputs" / "sweep")
    lists = [(r["battery.charging_efficiency"], r["population_size"], r["seed"]) for r in told]
    assert lists == [(e, n, s) for e in ("0.8", "0.9") for n in ("2", "3") for s in ("1", "2", "3")]


@pytest.mark.usefixtures("folder")
def test_a_row_tells_what_a_single_run_of_it_measures(capfd, folder):
    sweep(capfd, "--users", "2,4", "--seeds", "2", "--quiet")
    last = rows(folder / "outputs" / "sweep")[-1]
    alone = Scenario.from_file("config_json.json", [("population_size", "4"), ("simulation.seed", "2")])
    assert last["config_hash"] == alone.config_hash
    told = measures(simulate(alone))
    assert list(last)[3:] == list(told)
    for name, value in told.items():
        assert last[name] == value if isinstance(value, str) else float(last[name]) == pytest.approx(value, rel=1e-8)


@pytest.mark.usefixtures("folder")
def test_the_parquet_file_holds_the_same_with_types(capfd, folder):
    sweep(
        capfd,
        "--users",
        "2,3",
        "--set",
        'charging={"strategy":"immediate"},{"strategy":"scheduled","window":["0:30","4:30"]}',
    )
    read = pq.read_table(folder / "outputs" / "sweep" / "sweep.parquet")
    told = rows(folder / "outputs" / "sweep")
    assert read.column_names == list(told[0])
    assert [str(read.schema.field(name).type) for name in ("population_size", "seed", "charging")] == [
        "int64", "int64", "string",
    ]  # fmt: skip
    for name in ("population_size", "peak_kw", "charging"):
        assert [str(v) for v in read[name].to_pylist()] == [
            r[name] if name != "peak_kw" else str(float(r[name])) for r in told
        ]


@pytest.mark.usefixtures("folder")
def test_a_setting_that_is_null_is_an_empty_cell_among_numbers(capfd, folder):
    assert sweep(capfd, "--set", "charging.fleet_limit_kw=20,null")[0] == 0
    out = folder / "outputs" / "sweep"
    assert [r["charging.fleet_limit_kw"] for r in rows(out)] == ["20", ""]
    assert str(pq.read_table(out / "sweep.parquet").schema.field("charging.fleet_limit_kw").type) == "double"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--set", "charging.strategy=immediate,cheapest"], ["1 of 2", "charging.strategy=cheapest", "import_price"]),
        (["--users", "1,0,2,-3"], ["2 of 4", "population_size=0", "population_size=-3"]),
        (["--set", "simulation.dais=1,2"], ["2 of 2", "simulation.dais=1", "simulation.dais=2"]),
        (["nowhere.json", "--users", "1,2"], ["nowhere.json: no such file"]),
        (["--set", "archetypes=[],{}"], ["2 of 2"]),
        (
            ["--users", "40", "--set", "population_size=-1,10"],
            ["population_size: given twice", "--users 40", "--set population_size=-1,10"],
        ),
        (["--seed", "1,2", "--seeds", "2"], ["simulation.seed", "--seeds 2"]),
        (["--seed", str(2**64 - 1), "--seeds", "2"], ["largest"]),
        (["--users", ",".join(map(str, range(1, 102))), "--seeds", "100"], ["10,100 runs", f"{MOST_RUNS:,}"]),
        (["--users", "1,"], ["--users 1,"]),
        (["--users", f"3,{10**9}"], ["1 of 2", "memory"]),
        (["--seeds", "0"], ["--seeds"]),
        (["--jobs", "0"], ["--jobs"]),
        (["--out", "config_json.json"], ["this is a file"]),
    ],
)  # fmt: skip
def test_a_faulty_sweep_is_status_2_names_the_combinations_and_changes_nothing(folder, capfd, arguments, said):
    before = names(folder)
    status, out, err = sweep(capfd, *arguments)
    assert (status, out) == (2, "")
    assert [words for words in said if words not in err] == []
    assert "Traceback" not in err
    assert names(folder) == before


@pytest.mark.usefixtures("folder")
def test_of_many_faulty_combinations_a_few_are_shown(capfd):
    _, _, err = sweep(capfd, "--users", ",".join(f"-{n}" for n in range(1, 30)))
    assert "29 of 29 combinations" in err
    assert "and 26 more such messages" in err
    assert len(err.splitlines()) < 15


@pytest.mark.usefixtures("folder")
def test_the_number_of_runs_is_told_and_quiet_tells_nothing(capfd):
    _, out, err = sweep(capfd, "--users", "2,3", "--seeds", "2", "--jobs", "1")
    assert "2 combinations x 2 seeds: 4 runs to do, 1 at a time" in err
    assert "4 rows; 4 runs now, 0 from before" in out
    assert "\x1b" not in out + err
    assert sweep(capfd, "--users", "2,3", "--quiet") == (0, "", "")


def test_jobs_are_as_many_as_fit_in_memory_and_one_at_least(folder):
    runs = plan_sweep(folder / "config_json.json", [("population_size", "10,100000,200000")], 1, None).runs
    needs = sorted(run.needs_bytes for run in runs)
    assert jobs_that_fit(runs, 8, sum(needs)) == 3
    assert jobs_that_fit(runs, 8, sum(needs) - 1) == 2
    assert jobs_that_fit(runs, 2, sum(needs)) == 2
    assert jobs_that_fit(runs, 8, 1) == 1


# ---- the same bytes, whoever did what when


def test_jobs_and_resuming_do_not_change_a_byte(folder):
    more = ("--users", "2,3,50", "--set", "battery.charging_efficiency=0.8,0.9", "--seeds", "2")
    for arguments in ((*more, "--out", "one", "--jobs", "1"), (*more, "--out", "two", "--jobs", "2"),
                      ("--users", "50,2", "--seeds", "1", "--out", "three"), (*more, "--out", "three")):  # fmt: skip
        done = command("-m", "evsim", "sweep", *arguments, cwd=folder)
        assert done.returncode == 0, done.stderr
    assert "from before" in done.stdout
    assert table(folder / "one") == table(folder / "two") == table(folder / "three")


@pytest.mark.usefixtures("folder")
def test_an_enlarged_sweep_lives_only_what_is_new(capfd):
    sweep(capfd, "--users", "2,3", "--seeds", "2")
    _, out, err = sweep(capfd, "--users", "2,3,4", "--seeds", "3")
    assert "5 runs to do" in err
    assert "4 done before" in err
    assert "9 rows; 5 runs now, 4 from before" in out


@pytest.mark.usefixtures("folder")
def test_values_that_mean_the_same_are_lived_once(capfd):
    _, out, _ = sweep(capfd, "--users", "2,2.0,2")
    assert "3 rows; 1 run now" in out


@pytest.mark.usefixtures("folder")
def test_another_text_of_a_rule_is_another_run(capfd, folder):
    more = ("--strategy-file", "slow.py", "--set", "charging.strategy=slow", "--set", "charging.s=0")
    sweep(capfd, *more)
    assert "1 from before" in sweep(capfd, *more)[1]
    (folder / "slow.py").write_text(SLOW + "\n# and now different\n")
    assert "0 from before" in sweep(capfd, *more)[1]


@pytest.mark.parametrize("end", [b'{"config_hash": "12', b"\x00\xff garbage\n", b"[]\n", b"{}\n"])
def test_what_cannot_be_read_in_a_journal_is_passed_over(folder, capfd, end):
    sweep(capfd, "--users", "2,3")
    journal = folder / "outputs" / "sweep" / "sweep.journal.jsonl"
    with journal.open("ab") as file:
        file.write(end)
    assert "3 rows; 1 run now, 2 from before" in sweep(capfd, "--users", "2,3,4")[1]
    assert "3 rows; 0 runs now, 3 from before" in sweep(capfd, "--users", "2,3,4")[1]


@pytest.mark.usefixtures("folder")
def test_the_results_of_a_run_in_the_same_folder_stay(capfd, folder):
    (folder / "out").mkdir()
    (folder / "out" / "timeseries.csv").write_text("of a run")
    sweep(capfd, "--out", "out")
    assert names(folder / "out") == ["sweep.csv", "sweep.journal.jsonl", "sweep.parquet", "timeseries.csv"]


WITH_A_THREAD = """
import threading
from pathlib import Path
from evsim.analysis._grid import plan_sweep
from evsim.analysis._workers import live_all

if __name__ == "__main__":
    over = threading.Event()
    threading.Thread(target=over.wait).start()
    runs = plan_sweep(Path("config_json.json"), [("population_size", "2,3,4")], 1, None).runs
    print(sorted((one.place, one.measured["n_users"]) for one in live_all(runs, [], 2, lambda *_: None)))
    over.set()
"""


def test_where_forking_is_not_safe_processes_are_begun_anew(folder):
    (folder / "threaded.py").write_text(WITH_A_THREAD)
    done = command("-W", "error", "threaded.py", cwd=folder)
    assert (done.stdout, done.stderr) == ("[(0, 2), (1, 3), (2, 4)]\n", "")


def test_a_process_of_many_does_not_fork_a_crew_of_its_own(folder):
    (folder / "ask.py").write_text(
        "import multiprocessing\n"
        "from evsim._crew import can_fork\n"
        "def ask(pipe):\n    pipe.send(can_fork())\n"
        "if __name__ == '__main__':\n"
        "    ours, theirs = multiprocessing.get_context('spawn').Pipe()\n"
        "    p = multiprocessing.get_context('spawn').Process(target=ask, args=(theirs,))\n"
        "    p.start()\n    print(can_fork(), ours.recv())\n    p.join()\n"
    )
    here, there = command("ask.py", cwd=folder).stdout.split()
    assert there == "False"
    if sys.platform == "linux" and len(os.sched_getaffinity(0)) > 1:
        assert here == "True"


# ---- stopped in the middle


def begin(folder, *arguments):
    return subprocess.Popen(
        [sys.executable, "-m", "evsim", "sweep", *map(str, arguments)],
        cwd=folder, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def wait_for(found, seconds=30.0):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if found():
            return
        time.sleep(0.01)
    raise AssertionError("it did not come so far")


SLOWLY = ("--strategy-file", "slow.py", "--set", "charging.strategy=slow", "--days", "1", "--out", "out")


def n_noted(folder):
    journal = folder / "out" / "sweep.journal.jsonl"
    return journal.read_bytes().count(b"\n") if journal.exists() else 0


def test_ctrl_c_says_what_is_done_and_the_same_command_goes_on(folder):
    with begin(folder, *SLOWLY, "--seeds", "6", "--jobs", "2") as process:
        wait_for(lambda: n_noted(folder) >= 2)
        children = psutil.Process(process.pid).children()
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=20)
    done = n_noted(folder)
    assert process.returncode == 130
    assert f"stopped; {done} of 6 runs are done" in said
    assert "the same command goes on" in said
    assert "Traceback" not in said
    assert names(folder / "out") == ["sweep.journal.jsonl"]
    assert children
    assert not [child for child in children if child.is_running()]
    with begin(folder, *SLOWLY, "--seeds", "6", "--jobs", "2") as process:
        out, _ = process.communicate(timeout=60)
    assert f"6 rows; {6 - done} runs now, {done} from before" in out


def test_ctrl_c_with_one_job_says_the_same(folder):
    with begin(folder, *SLOWLY, "--seeds", "3", "--jobs", "1") as process:
        wait_for(lambda: n_noted(folder) >= 1)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=20)
    assert process.returncode == 130
    assert f"stopped; {n_noted(folder)} of 3 runs are done" in said


def test_after_a_kill_the_done_is_not_done_again_and_the_bytes_are_the_same(folder):
    with begin(folder, *SLOWLY, "--seeds", "5", "--jobs", "2") as process:
        wait_for(lambda: n_noted(folder) >= 2)
        children = psutil.Process(process.pid).children()
        process.kill()
        process.wait(10)
        wait_for(lambda: not any(c.is_running() and c.status() != psutil.STATUS_ZOMBIE for c in children))
    done = n_noted(folder)
    assert names(folder / "out") == ["sweep.journal.jsonl", "sweep.lock"]
    with begin(folder, *SLOWLY, "--seeds", "5", "--jobs", "2") as process:
        out, _ = process.communicate(timeout=60)
    assert f"{done} from before" in out
    again = [argument if argument != "out" else "anew" for argument in SLOWLY]
    assert command("-m", "evsim", "sweep", *again, "--seeds", "5", "--jobs", "1", cwd=folder).returncode == 0
    assert table(folder / "out") == table(folder / "anew")


def test_a_second_sweep_in_the_same_folder_is_refused_while_the_first_is_at_work(folder):
    with begin(folder, *SLOWLY, "--seeds", "4", "--jobs", "2") as process:
        wait_for((folder / "begun").exists)
        second = command("-m", "evsim", "sweep", *SLOWLY, cwd=folder)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=20)
    assert second.returncode == 2
    assert f"another sweep (process {process.pid})" in second.stderr


@pytest.mark.parametrize("left", ["", "1 0.0", "what?", "99999999 5.0"])
def test_a_lock_that_nobody_holds_is_taken(folder, capfd, left):
    (folder / "out").mkdir()
    (folder / "out" / "sweep.lock").write_text(left)
    assert sweep(capfd, "--out", "out")[0] == 0
    assert not (folder / "out" / "sweep.lock").exists()


def test_a_process_that_dies_is_told_with_its_run_and_the_journal_stays(folder):
    more = ("--set", "charging.dies=false,true", "--set", "charging.s=0,0.001", "--jobs", "2")
    done = command("-m", "evsim", "sweep", *SLOWLY, *more, cwd=folder)
    assert done.returncode == 1
    assert "charging.dies=true" in done.stderr
    assert "has died (status 9)" in done.stderr
    assert "Traceback" not in done.stderr
    assert "sweep.csv" not in names(folder / "out")
    again = command("-m", "evsim", "sweep", *SLOWLY, "--set", "charging.s=0,0.001", cwd=folder)
    assert again.returncode == 0


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_rule_that_fails_is_status_2_with_its_run(folder, jobs):
    more = ("--set", "charging.fails=false,true", "--set", "charging.s=0", "--jobs", jobs, "--seeds", "2")
    done = command("-m", "evsim", "sweep", *SLOWLY, *more, cwd=folder)
    assert done.returncode == 2
    assert "charging.fails=true, seed" in done.stderr
    assert "division by zero" in done.stderr
    assert "Traceback" not in done.stderr


# ---- the page


def test_the_page_says_what_every_column_is():
    text = PAGE.read_text(encoding="utf-8")
    assert [m.name for m in MEASURES if f"| `{m.name}` | {m.unit} |" not in text] == []


def test_the_commands_of_the_page_run(tmp_path):
    shutil.copy(ROOT / "config_json.json", tmp_path)
    text = PAGE.read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line.startswith("python -m evsim")]
    assert lines
    for line in lines:
        done = command(*shlex.split(line)[1:], cwd=tmp_path)
        assert done.returncode == 0, done.stderr
    assert len(rows(tmp_path / "outputs" / "sweep")) == 12

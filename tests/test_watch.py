"""`run --watch`: whoever saves the config sees the next run; whoever saves a faulty one sees why not."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time

import psutil
import pytest
from worlds import command, config, environment, row

HEADER = "name,population_percent,miles_per_year,battery_kwh,efficiency_miles_per_kwh,plug_in_frequency_per_day,charger_kw,plug_in_time,plug_out_time,target_soc_percent,plug_in_soc_percent"  # noqa: E501
GENTLE = """
from evsim import PerCarStrategy, Order

class Gentle(PerCarStrategy):
    name = "gentle"
    def order(self, car):
        return Order(max_kw=2.0)
"""


def text_of(users, **changes):
    return json.dumps(config(row("A"), users=users, days=1, **changes))


class Watch:
    """A run that watches, and what it says, line by line as it comes."""

    def __init__(self, folder, *arguments):
        self.process = subprocess.Popen(
            [sys.executable, "-m", "evsim", "run", "--watch", "--no-plots", *map(str, arguments)],
            cwd=folder, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        self._lines = queue.Queue()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self):
        for line in self.process.stdout:
            self._lines.put(line.rstrip("\n"))

    def hears(self, words, seconds=20.0):
        """The next line with these words in it."""
        until = time.monotonic() + seconds
        heard = []
        while time.monotonic() < until:
            try:
                heard.append(self._lines.get(timeout=0.1))
            except queue.Empty:
                continue
            if words in heard[-1]:
                return heard[-1]
        raise AssertionError(f"{words!r} was not said, but {heard}")

    def is_silent(self, seconds):
        time.sleep(seconds)
        return self._lines.empty()

    def end(self):
        self.process.send_signal(signal.SIGINT)
        status = self.process.wait(20)
        self._reader.join()
        self.process.stdout.close()
        return status


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "config_json.json").write_text(text_of(5))
    return tmp_path


@pytest.fixture
def watch(folder):
    begun = []

    def begin(*arguments):
        begun.append(Watch(folder, *arguments))
        return begun[-1]

    yield begin
    for one in begun:
        if one.process.poll() is None:
            one.end()


def save_by_rename(path, text):
    beside = path.with_suffix(".tmp")
    beside.write_text(text)
    beside.replace(path)


def test_saving_the_config_runs_it_again_in_one_line(folder, watch):
    seen = watch()
    seen.hears("certificate")
    seen.hears("watching config_json.json")
    (folder / "config_json.json").write_text(text_of(7))
    assert " 7 users" in seen.hears("users")
    save_by_rename(folder / "config_json.json", text_of(9))
    assert " 9 users" in seen.hears("users")
    assert json.loads((folder / "outputs" / "summary.json").read_text())["population"]["users"] == 9
    assert seen.is_silent(1.0)
    assert seen.end() == 130


def test_a_faulty_config_is_told_and_the_next_save_awaited(folder, watch):
    seen = watch()
    seen.hears("watching")
    before = (folder / "outputs" / "summary.json").read_bytes()
    (folder / "config_json.json").write_text(text_of(7)[:40])
    seen.hears("config_json.json")
    (folder / "config_json.json").write_text(text_of(0))
    seen.hears("population_size: 0 is under 1")
    assert (folder / "outputs" / "summary.json").read_bytes() == before
    assert seen.process.poll() is None
    (folder / "config_json.json").write_text(text_of(8))
    assert " 8 users" in seen.hears("users")


def test_a_config_that_is_faulty_at_first_is_told_and_awaited(folder, watch):
    (folder / "config_json.json").write_text("{")
    seen = watch()
    seen.hears("watching")
    (folder / "config_json.json").write_text(text_of(8))
    seen.hears(" 8 users")


def test_a_config_written_bit_by_bit_is_read_whole(folder, watch):
    seen = watch()
    seen.hears("watching")
    text = text_of(6)
    with (folder / "config_json.json").open("w") as file:
        for first in range(0, len(text), 100):
            file.write(text[first : first + 100])
            file.flush()
            time.sleep(0.02)
    assert " 6 users" in seen.hears(":")


def test_a_config_that_is_away_for_a_while_is_awaited(folder, watch):
    seen = watch()
    seen.hears("watching")
    (folder / "config_json.json").unlink()
    assert seen.is_silent(1.2)
    (folder / "config_json.json").write_text(text_of(4))
    assert " 4 users" in seen.hears(":")


def test_the_sheet_that_a_config_names_is_watched_too(folder, watch):
    def sheet(kw):
        return f"{HEADER}\nA,100,9435,60,3.5,1,{kw},18:00,07:00,80,68\n"

    (folder / "people.csv").write_text(sheet(7))
    typed = json.loads(text_of(5)) | {"archetypes": "people.csv"}
    (folder / "config_json.json").write_text(json.dumps(typed))
    seen = watch()
    seen.hears("people.csv")
    (folder / "people.csv").write_text(sheet(3.5))
    assert "peak 17.5 kW" in seen.hears("users")


def test_a_rule_of_ones_own_is_watched_too(folder, watch):
    (folder / "mine.py").write_text(GENTLE)
    seen = watch("--strategy-file", "mine.py", "--set", "charging.strategy=gentle")
    seen.hears("mine.py")
    (folder / "mine.py").write_text(GENTLE.replace("2.0", "3.0"))
    assert "peak 15 kW" in seen.hears("users")


def test_waiting_takes_next_to_no_work(watch):
    seen = watch()
    seen.hears("watching")
    process = psutil.Process(seen.process.pid)
    before = sum(process.cpu_times()[:2])
    time.sleep(2)
    assert sum(process.cpu_times()[:2]) - before < 0.2
    assert process.num_threads() <= os.cpu_count() + 2


@pytest.mark.parametrize(
    ("arguments", "said"), [(["nowhere.json"], "nothing to watch"), (["--set", "days"], "--set days")]
)
def test_what_no_save_would_mend_is_status_2(folder, arguments, said):
    done = command("-m", "evsim", "run", "--watch", "--no-plots", *arguments, cwd=folder)
    assert done.returncode == 2
    assert said in done.stderr

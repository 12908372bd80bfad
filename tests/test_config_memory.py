"""A run that does not fit is refused before it begins, with what would fit."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from evsim._config.footprint import SIMULATING_BYTES, estimated_bytes
from evsim._errors import ConfigError
from evsim._scenario import Scenario

ROOT = Path(__file__).parent.parent
DEFAULT = ROOT / "config_json.json"
MEASURE = """
import sys
from evsim import Scenario, simulate
results = simulate(Scenario.from_file(sys.argv[1]))
if len(sys.argv) > 2:
    from pathlib import Path
    from evsim._outputs import write_tables
    write_tables(results, Path(sys.argv[2]))
print(next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1])
"""
"""Prints the most memory it had [KiB]; getrusage would count that of the process which started it."""


def sized(users: int, days: int, step: int = 30) -> Scenario:
    overrides = [
        ("population_size", str(users)),
        ("simulation.days", str(days)),
        ("simulation.step_minutes", str(step)),
    ]
    return Scenario.from_file(DEFAULT, overrides=overrides)


def told(made: Scenario, available: int | None) -> str:
    with pytest.raises(ConfigError) as caught:
        made.check_fits(available)
    return str(caught.value)


def test_the_default_run_fits() -> None:
    sized(1000, 7).check_fits()


def test_a_billion_people_for_a_lifetime_are_refused_on_this_machine() -> None:
    said = told(sized(10**9, 24_855), None)
    assert "1,000,000,000 users for 24,855 days" in said
    assert " PB of memory" in said


def test_a_million_people_for_a_week_need_less_than_three_gigabytes() -> None:
    assert 0.4e9 < estimated_bytes(sized(10**6, 7)) < 3e9


def test_tables_need_several_times_the_memory_of_a_simulation() -> None:
    made = sized(10**6, 7)
    assert 3 < estimated_bytes(made, writes=True) / estimated_bytes(made) < 8
    room = 2 * estimated_bytes(made)
    made.check_fits(room)
    with pytest.raises(ConfigError, match="population_size up to"):
        made.check_fits(room, writes=True)


def test_what_is_said_to_fit_does_fit() -> None:
    said = told(sized(4 * 10**6, 30), 10**10)
    users, days = (int(n.replace(",", "")) for n in re.findall(r"up to ([\d,]+)", said))
    sized(users, 30).check_fits(10**10)
    sized(4 * 10**6, days).check_fits(10**10)
    assert estimated_bytes(sized(4 * 10**6, days + 1)) > 10**10


def test_longer_steps_are_offered_when_they_would_fit() -> None:
    made = sized(10**6, 7, step=1)
    room = estimated_bytes(made, step_minutes=60) + 1
    assert "or simulation.step_minutes of 60 would fit" in told(made, room)


def test_where_no_single_change_would_do_both_are_named() -> None:
    assert "fewer people and fewer days together" in told(sized(10**9, 24_855), 10**6)


def test_the_estimate_grows_with_people_and_days_and_finer_steps() -> None:
    base = estimated_bytes(sized(10**5, 7))
    assert estimated_bytes(sized(2 * 10**5, 7)) == pytest.approx(2 * base - SIMULATING_BYTES, rel=0.05)
    assert estimated_bytes(sized(10**5, 14)) > base
    assert estimated_bytes(sized(10**5, 7, step=5)) > base


def measured_bytes(config: dict[str, object], folder: Path, *, writes: bool) -> int:
    """The peak resident memory of a fresh process that runs a config."""
    file = folder / "config_json.json"
    file.write_text(json.dumps(config))
    arguments = [sys.executable, "-c", MEASURE, str(file), *([str(folder)] if writes else [])]
    done = subprocess.run(arguments, cwd=ROOT, capture_output=True, text=True, check=True, timeout=120)
    return int(done.stdout) * 1_024


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="other systems have no /proc")
@pytest.mark.parametrize("writes", [False, True])
@pytest.mark.parametrize(("users", "kinds"), [(30_000, None), (1_000, 400)])
def test_the_estimate_is_near_what_a_run_really_takes(
    tmp_path: Path, users: int, kinds: int | None, *, writes: bool
) -> None:
    config = sized(users, 7).to_dict()
    if kinds is not None:
        row = config["archetypes"][0]
        config["archetypes"] = [{**row, "name": f"kind {i}", "population_percent": 100 / kinds} for i in range(kinds)]
        config["charging"] = {}
    estimate = estimated_bytes(Scenario.from_dict(config), writes=writes)
    assert 0.8 < estimate / measured_bytes(config, tmp_path, writes=writes) < 2

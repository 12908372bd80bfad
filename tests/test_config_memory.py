"""A run that does not fit is refused before it begins, with what would fit."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from evsim._config.footprint import estimated_bytes
from evsim._errors import ConfigError
from evsim._scenario import Scenario

DEFAULT = Path(__file__).parent.parent / "config_json.json"


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
    assert estimated_bytes(sized(2 * 10**5, 7)) == pytest.approx(2 * base, rel=0.01)
    assert estimated_bytes(sized(10**5, 14)) > base
    assert estimated_bytes(sized(10**5, 7, step=5)) > base

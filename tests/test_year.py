"""Two months of the default people, held to the laws of the year (`benchmarks/year.py` does the whole one)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import yearly

from evsim import Scenario, simulate

DEFAULT = Path(__file__).parent.parent / "config_json.json"


@pytest.fixture(scope="module")
def results():
    """300 people from 1 March: cold days and warm ones, a clock change, and Easter."""
    settings = {"population_size": "300", "simulation.start": "2026-03-01T00:00", "simulation.days": "60"}
    settings |= {"simulation.warm_up_days": "14", "simulation.step_minutes": "60"}
    return simulate(Scenario.from_file(DEFAULT, list(settings.items())))


def test_no_users_energy_is_out_by_a_milliwatt_hour_and_soc_stays_between_empty_and_full(results):
    yearly.check_energy(results)


def test_people_drive_the_sheets_miles_and_take_the_sheets_energy(results):
    yearly.check_driving(results)


def test_every_trip_lies_between_a_plug_out_and_the_next_plug_in(results):
    yearly.check_order(results)


def test_every_session_of_the_file_is_that_of_the_event_streams(results):
    assert yearly.check_sessions(results) == results.sessions.n_rows > 300 * 50


def test_people_plug_in_as_often_as_configured(results):
    """Every day, or near 0.2 times a day: March and April are near the year's mean in what a mile takes."""
    for archetype, (mean, error) in zip(results.scenario.archetypes, yearly.plug_ins_per_day(results), strict=True):
        assert mean == pytest.approx(archetype.plug_in_frequency_per_day, abs=4 * error + 0.02), archetype.name


def test_little_is_charged_in_public(results):
    """A tenth by those who drive 77 miles a day, a few percent by those who seldom plug in, hardly any by others."""
    share = dict(zip(results.archetypes, yearly.public_share(results), strict=True))
    assert 0.02 < share.pop("Intelligent Octopus average") < 0.15
    assert 0 < share.pop("Infrequent charging") < 0.1
    assert max(share.values()) < 0.03


def test_what_is_driven_is_charged_at_home_or_in_public(results):
    """Energy at the meter, times the efficiency, is what was driven less public charging, but for the ends."""
    people = results.users
    stored = people.efficiency[0] * results.import_kwh.sum()
    driven = people.driven_kwh.sum() - people.public_kwh.sum()
    assert stored == pytest.approx(driven, abs=0.5 * people.capacity_kwh.sum())
    assert stored == pytest.approx(driven, rel=0.02)


def test_cars_are_away_by_day_and_at_home_by_night(results):
    away = results.n_away.sum(axis=1)[: 24 * 20].reshape(20, 24).mean(axis=0) / 300
    assert away[3] < 0.03
    assert away[11:16].min() > 0.5
    assert np.argmin(away) in range(1, 6)

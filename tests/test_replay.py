"""Recorded sessions, lived: what was recorded is what is delivered, wherever the stay and the charger allow it."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

from evsim import Scenario, Strategy, simulate
from evsim._outputs import summary, write_tables

TRONDHEIM = Path(__file__).parent.parent / (
    "../shared/data/calibration/ev_sessions/norway_trondheim_residential_sessions_201812_202001.csv"
)
HEADER = "user,plug_in,plug_out,energy_kwh,soc_percent,battery_kwh,charger_kw"


def lived(folder, *rows, header=HEADER, **config):
    (folder / "real.csv").write_text("\n".join([header, *rows]))
    path = folder / "config_json.json"
    path.write_text(json.dumps({"sessions": "real.csv", **config}))
    return simulate(Scenario.from_file(path))


def at(text):
    return np.datetime64(text, "s")


def test_a_session_is_lived_as_it_was_recorded(tmp_path):
    results = lived(tmp_path, "ann,2026-01-12 18:00,2026-01-13 07:00,7,50,60,7")
    (session,) = results.users[0].log.sessions()
    assert (session.plug_in, session.plug_out) == (at("2026-01-12T18:00"), at("2026-01-13T07:00"))
    assert (session.charge_start, session.charge_stop) == (
        at("2026-01-12T18:00"),
        at("2026-01-12T19:00"),
    )  # 7 kWh, 7 kW
    assert session.import_kwh == pytest.approx(7, abs=1e-6)
    assert session.plug_in_soc == pytest.approx(0.5)
    assert session.plug_out_soc == pytest.approx(0.5 + 7 * 0.9 / 60)
    assert results.sessions["target_soc_percent"].tolist() == pytest.approx([100 * (0.5 + 7 * 0.9 / 60)])
    assert results.portrait_of_all.below_target.departures == 0


def test_without_a_soc_a_session_ends_at_eighty_percent(tmp_path):
    results = lived(tmp_path, "ann,2026-01-12 18:00,2026-01-13 07:00,20,,60,7")
    (session,) = results.users[0].log.sessions()
    assert session.plug_in_soc == pytest.approx(0.8 - 20 * 0.9 / 60)
    assert session.plug_out_soc == pytest.approx(0.8)


def test_energy_comes_before_a_soc_that_leaves_no_room(tmp_path):
    results = lived(
        tmp_path,
        "ann,2026-01-12 18:00,2026-01-13 07:00,30,95,40,7",  # 27 kWh into a battery with room for 2
        "bob,2026-01-12 18:00,2026-01-12 19:00,7,80,60,7",  # there is room, but not in an hour, were it to slow down
        "cyd,2026-01-12 18:00,2026-01-13 07:00,7,80,60,7",  # all night long there is
    )
    found = [user.log.sessions()[0] for user in results.users]
    assert [s.import_kwh for s in found] == pytest.approx([30, 7, 7], abs=1e-6)
    assert [s.plug_in_soc for s in found] == pytest.approx([0.8 - 27 / 40, 0.8 - 6.3 / 60, 0.8])


def test_a_stay_a_minute_too_short_delivers_what_it_can(tmp_path):
    results = lived(tmp_path, "ann,2026-01-12 18:00,2026-01-12 19:00,7.1,,60,7")
    assert results.users[0].log.energy_kwh() == pytest.approx(7, abs=1e-6)
    assert results.portrait_of_all.below_target.kwh == pytest.approx(0.1 * 0.9, abs=1e-5)


def test_a_car_may_leave_and_come_back_at_one_instant(tmp_path):
    results = lived(
        tmp_path, "ann,2026-01-12 18:00,2026-01-12 20:00,7,,60,7", "ann,2026-01-12 20:00,2026-01-12 22:00,3,,60,7"
    )
    first, second = results.users[0].log.sessions()
    assert (first.import_kwh, second.import_kwh) == pytest.approx((7, 3), abs=1e-6)
    assert first.plug_out == second.plug_in


def test_sessions_that_do_not_begin_in_the_run_are_left_out(tmp_path):
    rows = [f"ann,2026-01-{day} 18:00,2026-01-{day} 21:00,7,,60,7" for day in (12, 13, 14)]
    results = lived(tmp_path, *rows, simulation={"start": "2026-01-13T00:00", "days": 1})
    assert [s.plug_in for s in results.users[0].log.sessions()] == [at("2026-01-13T18:00")]
    assert any("do not begin" in text or "outside" in text for text in results.scenario.warnings)


def test_a_timer_moves_recorded_energy_and_loses_none(tmp_path):
    rule = {"strategy": "scheduled", "window": ["00:30", "04:30"]}
    results = lived(tmp_path, "ann,2026-01-12 18:00,2026-01-13 07:00,14,,60,7", charging=rule)
    (session,) = results.users[0].log.sessions()
    assert (session.charge_start, session.charge_stop) == (at("2026-01-13T00:30"), at("2026-01-13T02:30"))
    assert session.import_kwh == pytest.approx(14, abs=1e-6)


def test_what_is_driven_between_records_is_not_known(tmp_path):
    portrait = lived(tmp_path, "ann,2026-01-12 18:00,2026-01-13 07:00,7,,60,7").portrait_of_all
    assert portrait.miles is portrait.driven_kwh is portrait.away_share is None
    assert portrait.import_kwh == pytest.approx(7, abs=1e-6)


def test_rejected_rows_and_names_are_in_the_files(tmp_path):
    results = lived(
        tmp_path, "bob,2026-01-12 19:00,2026-01-12 18:00,1,,,7", "ann,2026-01-12 18:00,2026-01-13 07:00,7,,60,7"
    )
    write_tables(results, tmp_path, events=False)
    rejected = list(csv.DictReader((tmp_path / "sessions_rejected.csv").read_text().splitlines()))
    assert [(row["line"], row["user"], row["reason"]) for row in rejected] == [
        ("2", "bob", "plug_out_not_after_plug_in")
    ]
    told = summary(results)["recorded_sessions"]
    assert told == {"rows": 2, "rejected": {"plug_out_not_after_plug_in": 1}, "users": ["ann"]}


@pytest.mark.parametrize("step", [1, 30, 60])
def test_what_a_run_has_written_can_be_lived_again(tmp_path, step):
    config = json.loads((Path(__file__).parent.parent / "config_json.json").read_text())
    config["simulation"] |= {"days": 3}
    first = simulate(Scenario.from_dict(config | {"population_size": 40}))
    write_tables(first, tmp_path, events=False)
    (tmp_path / "again.json").write_text(json.dumps({"sessions": "sessions.csv", "simulation": {"step_minutes": step}}))
    again = simulate(Scenario.from_file(tmp_path / "again.json"))
    whole = ~np.isnat(first.sessions["plug_out_utc"])
    recorded = first.sessions["import_kwh"][whole].sum()
    assert again.import_kwh.sum() == pytest.approx(recorded, rel=1e-4)  # an estimated charger may need a minute more
    assert again.sessions["import_kwh"].size == whole.sum()


@pytest.mark.skipif(not TRONDHEIM.exists(), reason="the data of Trondheim are not beside the project")
def test_trondheim_delivers_what_it_recorded():
    told = {"simulation": {"timezone": "Europe/Oslo"}, "sessions": str(TRONDHEIM)}
    scenario = Scenario.from_dict(told)
    results, recorded = simulate(scenario), scenario.recorded
    assert len(recorded.user) > 6_800
    sessions = results.events.sessions()
    assert np.array_equal(sessions.user, recorded.user)
    stay_h = (recorded.plug_out_s - recorded.plug_in_s) / 3600
    possible = np.minimum(recorded.energy_kwh, recorded.charger_kw[recorded.user] * stay_h)
    assert np.abs(sessions.import_kwh - possible).max() < 1e-5  # the log keeps float32


def expected(folder, rows, **config):
    """What a rule is told at each plug-in of when its driver leaves, UTC."""
    seen = []

    class Listens(Strategy):
        name: ClassVar[str] = "listens"

        def orders(self, cars):
            seen.extend(cars.clock.to_utc(cars.expected_departure).tolist())
            return []

    folder.mkdir(exist_ok=True)
    (folder / "real.csv").write_text("\n".join([HEADER, *rows]))
    simulate(Scenario.from_dict({"sessions": str(folder / "real.csv"), "charging": {"default": Listens()}, **config}))
    return [str(one) for one in seen]


def test_a_driver_is_expected_to_leave_when_such_drivers_have_left_so_far(tmp_path):
    rows = [f"ann,2026-01-{day:02d} 18:00,2026-01-{day + 1:02d} 05:30,7,50,60,7" for day in range(1, 15)]
    told = expected(tmp_path, rows)
    assert [one[11:] for one in told] == ["07:00:00"] * 11 + ["05:30:00"] * 3  # ten departures are known by the twelfth


def test_what_a_file_says_of_later_days_changes_nothing_that_was_expected_before(tmp_path):
    rows = [f"ann,2026-01-{day:02d} 18:00,2026-01-{day + 1:02d} 05:30,7,50,60,7" for day in range(1, 15)]
    later = [f"ann,2026-01-{day:02d} 18:00,2026-01-{day + 1:02d} 13:00,7,50,60,7" for day in range(15, 29)]
    told, also = expected(tmp_path / "a", rows), expected(tmp_path / "b", [*rows, *later])
    assert also[: len(told)] == told

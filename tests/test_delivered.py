"""What dispatches delivered: meters against logs, the twin against arithmetic, and what a run leaves of it."""

from __future__ import annotations

import csv
import io
import json
import shutil

import numpy as np
import pytest
from worlds import FLAT, command, config, row

from evsim import Scenario, simulate
from evsim.market import deliveries, twins
from evsim.market._dispatch_view import mean_soc
from evsim.market._metering import net_kwh_between, readings_of

EVENING = {"id": "evening", "start": "2026-01-14T18:00", "end": "2026-01-14T19:00", "action": "turn_down"}
TARIFF = [["00:30", "05:30", 10.0], ["05:30", "00:30", 30.0]]


def crowd(*dispatches, users=60, v2g=100, settlement=None, **settings):
    """People who drive and differ, and what the market asks of them."""
    kinds = [row("Near", 60, v2g_percent=v2g), row("Far", 40, miles_per_year=20000, v2g_percent=v2g)]
    given = config(*kinds, users=users, days=4, habit=60, day=60, driving=True, **settings)
    return given | {"dispatches": list(dispatches), "settlement": settlement or {"baseline": "zero"}}


def lived(*dispatches, **settings):
    """A run of a crowd."""
    return simulate(Scenario.from_dict(crowd(*dispatches, **settings)))


# ---- meters


@pytest.mark.parametrize(
    ("step", "start"), [(30, "2026-01-12T12:00"), (5, "2026-01-12T12:10"), (60, "2026-01-12T12:30")]
)
def test_a_meter_reads_what_the_log_says(step, start):
    run = lived({**EVENING, "action": "discharge"}, step=step, start=start, users=20)
    readings = readings_of([run])
    first = readings.days[0].astype("datetime64[s]")
    for user in range(0, 20, 3):
        log = run.users[user].log
        for half_hour in range(48, 4 * 48, 5):
            begins = first + np.timedelta64(1800 * half_hour, "s")
            ends = begins + np.timedelta64(1800, "s")
            read = readings.kwh[user, half_hour // 48, half_hour % 48]
            if not np.isnan(read):
                assert read == pytest.approx(log.energy_kwh(begins, ends) - log.export_kwh(begins, ends), abs=1e-6)


def test_half_hours_that_the_run_has_not_lived_are_missing():
    run = lived(EVENING, start="2026-01-12T12:10", users=2)
    first = readings_of([run]).kwh[:, 0]
    assert np.isnan(first[:, :25]).all()  # until 12:30: the half-hour from 12:00 is not lived in full
    assert not np.isnan(first[:, 25:48]).any()


def test_meters_of_runs_in_a_row_are_one():
    run = lived(EVENING, users=10)
    before = simulate(run.scenario.before(3))
    readings = readings_of([before, run])
    assert readings.days[0] == np.datetime64("2026-01-09")
    assert not np.isnan(readings.kwh[:, 1:7, :48]).any()
    net = run.import_kwh.sum() - run.export_kwh.sum() + before.import_kwh.sum() - before.export_kwh.sum()
    assert np.nansum(readings.kwh) == pytest.approx(net, abs=1e-4)


@pytest.mark.parametrize("ends", ["19:00", "18:47"])
def test_energy_between_two_instants_is_that_of_the_logs(ends):
    run = lived({**EVENING, "action": "discharge"}, users=15)
    a, b = (run.clock.seconds(f"2026-01-14T{time}") for time in ("18:00", ends))
    logs = [user.log for user in run.users]
    due = [
        log.energy_kwh("2026-01-14T18:00", f"2026-01-14T{ends}")
        - log.export_kwh("2026-01-14T18:00", f"2026-01-14T{ends}")
        for log in logs
    ]
    assert net_kwh_between(run, a, b) == pytest.approx(np.array(due), abs=1e-9)


def test_the_mean_charge_of_some_is_that_of_their_logs():
    run = lived(EVENING, users=12)
    users, at = np.array([1, 4, 9]), np.arange(3600, 3 * 86400, 1800)
    socs = [[run.users[int(u)].log.soc(np.datetime64(run.clock.to_utc(t))) for u in users] for t in at.tolist()]
    known = [run.users[int(u)].log for u in users]
    assert len(known) == 3
    steady = mean_soc(run, users, at)
    close = np.abs(steady - np.mean(socs, axis=1)) < 1e-6
    assert close.mean() > 0.95  # between the events of a trip a log is interpolated, and the mean takes the last one


# ---- the twin


def test_until_the_notice_a_run_is_its_twin_to_the_bit():
    both = twins(lived({**EVENING, "action": "discharge", "notice_minutes": 90}))
    notice = int(both.run.clock.seconds("2026-01-14T16:30")) // both.run.clock.step_s
    run, twin = both.net_kw
    assert (run[:notice] == twin[:notice]).all()
    assert (run[notice:] != twin[notice:]).any()


def test_one_paused_car_by_hand():
    """7 kW from 18:00; 12% of 60 kWh at 90% is 8 kWh, 68.6 min. Paused until 19:00, it draws them an hour later."""
    given = config(row(), curve=FLAT, signals={"import_price": TARIFF, "carbon_intensity": 200})
    given |= {"dispatches": [{**EVENING, "start": "2026-01-13T18:00", "end": "2026-01-13T19:00", "pence_per_kwh": 50}]}
    given["settlement"] = {"baseline": "zero"}
    both = twins(simulate(Scenario.from_dict(given)))
    told = both.truth(both.run.dispatches[0])
    assert told.delivered_kwh == pytest.approx(7.0, abs=1e-5)
    assert told.rebound_kwh == pytest.approx(7.0, abs=1e-5)
    assert told.rebound_peak_kw == pytest.approx(7.0, abs=1e-5)  # from 19:30, when the twin has drawn its last kWh
    assert told.rebound_cost_gbp == pytest.approx(7.0 * 0.30, abs=1e-6)
    assert told.rebound_carbon_kg == pytest.approx(7.0 * 0.2, abs=1e-6)
    assert told.net_kwh == pytest.approx(0.0, abs=1e-5)
    assert told.net_cost_gbp == pytest.approx(0.0, abs=1e-6)
    assert told.target_kwh is None


def test_a_discharge_costs_its_losses():
    both = twins(lived({**EVENING, "action": "discharge", "target_kw": 50}))
    lived_one = both.run.dispatches[0]
    told = both.truth(lived_one)
    given = float(both.run.export_kwh.sum())
    assert told.delivered_kwh == pytest.approx(50.0, abs=1e-5)
    back = both.run.scenario.battery
    lost = given * (1 / (back.charging_efficiency * back.discharging_efficiency) - 1)
    assert told.net_kwh == pytest.approx(lost, abs=0.02 * lost)  # a few leave before they are full again


def test_what_is_delivered_by_each_adds_up():
    both = twins(lived({**EVENING, "target_kw": 40}))
    one = both.run.dispatches[0]
    assert both.delivered_by_user(one).sum() == pytest.approx(both.truth(one).delivered_kwh, abs=1e-9)


def test_the_rebound_ends_where_the_next_dispatch_is_known():
    later = {**EVENING, "id": "later", "start": "2026-01-15T01:00", "end": "2026-01-15T02:00"}
    both = twins(lived(EVENING, later))
    assert both.truth(both.run.dispatches[0]).hours_after == 4.0


# ---- settling


def test_meters_are_wrong_by_the_same_share_all_the_time():
    exact = deliveries(lived(EVENING)).each[0]
    wrong = deliveries(lived(EVENING, settlement={"baseline": "zero", "meter_error_percent": 5})).each[0]
    assert (exact.evidence.readings.kwh == exact.true_readings.kwh)[~np.isnan(exact.true_readings.kwh)].all()
    with np.errstate(invalid="ignore", divide="ignore"):
        share = wrong.evidence.readings.kwh / wrong.true_readings.kwh - 1
    each = np.nanmean(share.reshape(len(share), -1), axis=1)
    assert np.nanmax(np.abs(share - each[:, None, None])) < 1e-12
    assert np.abs(each).max() <= 0.05 < 2 * np.abs(each).max()
    assert each.std() > 0.02


def test_readings_are_missing_as_often_as_asked():
    gaps = deliveries(lived(EVENING, settlement={"baseline": "zero", "missing_readings_percent": 20})).each[0]
    known = ~np.isnan(gaps.true_readings.kwh)
    lost = np.isnan(gaps.evidence.readings.kwh) & known
    assert lost.sum() / known.sum() == pytest.approx(0.2, abs=0.01)


def test_all_who_were_asked_and_have_not_opted_out_count():
    some = {**EVENING, "archetypes": ["Far"], "opt_out_percent": 50, "target_kw": 10}
    one = deliveries(lived(some)).each[0]
    run = deliveries(lived(some)).run
    far = np.flatnonzero(run.users.archetype == 1)
    assert set(one.users) < set(far)
    assert 0 < len(one.users) < len(far)
    assert len(one.settlement.meters) == len(one.users)


def test_a_baseline_that_looks_back_has_its_days():
    one = deliveries(lived(EVENING, users=20, settlement={"baseline": "bl01"})).each[0]
    (made,) = one.evidence.baselines
    assert made.is_sufficient.all()
    assert (made.used.sum(axis=1) == 10).all()
    assert one.evidence.readings.days[0] == np.datetime64("2025-11-13")


def test_without_prices_for_the_days_before_there_is_no_history_and_a_word_about_it(tmp_path):
    (tmp_path / "prices.csv").write_text(
        "start_utc,p_per_kwh\n" + "".join(f"2026-01-{day:02}T00:00Z,20\n" for day in range(4, 18)), encoding="utf-8"
    )
    given = crowd(
        EVENING, users=5, settlement={"baseline": "bl01"}, signals={"import_price": str(tmp_path / "prices.csv")}
    )
    one = deliveries(simulate(Scenario.from_dict(given))).each[0]
    assert any("prices.csv" in note for note in one.notes)
    assert one.settlement.totals["delivered_kwh"] == 0.0  # the baseline is what was metered


# ---- what a run leaves


@pytest.fixture(scope="module")
def left(tmp_path_factory):
    """A folder in which a run with two dispatches has been written."""
    folder = tmp_path_factory.mktemp("left")
    second = {
        **EVENING,
        "id": "second",
        "start": "2026-01-15T18:00",
        "end": "2026-01-15T19:00",
        "target_kw": 30,
        "pence_per_kwh": 40,
    }
    (folder / "c.json").write_text(json.dumps(crowd({**EVENING, "action": "discharge"}, second)), encoding="utf-8")
    done = command("-m", "evsim", "run", "c.json", "--out", "out", cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder, done.stdout


def test_a_run_leaves_settlement_pictures_and_proofs(left):
    folder, printed = left
    names = {path.name for path in (folder / "out").iterdir()}
    assert {"settlement.csv", "proof", "dispatch_evening.png", "dispatch_second.png"} <= names
    assert {path.name for path in (folder / "out" / "proof").iterdir()} == {"evening", "second"}
    assert "second" in printed
    done = command("-m", "evsim", "verify", "out", cwd=folder)
    assert done.returncode == 0, done.stdout


def test_the_settlement_file_by_hand(left):
    folder, _ = left
    text = (folder / "out" / "settlement.csv").read_text(encoding="utf-8")
    rows = list(csv.DictReader(io.StringIO(text)))
    second = [one for one in rows if one["dispatch_id"] == "second"]
    for period in ("37", "38"):
        (total,) = [one for one in second if one["settlement_period"] == period and one["meter_id"] == "all"]
        meters = [one for one in second if one["settlement_period"] == period and one["meter_id"] != "all"]
        assert len(meters) == 60
        delivered = sum(float(one["baseline_kwh"]) - float(one["metered_kwh"]) for one in meters)
        assert float(total["delivered_kwh"]) == pytest.approx(delivered, abs=1e-3)
        assert float(total["instructed_kwh"]) == 15.0
        accepted = min(max(float(total["delivered_kwh"]), 0.0), 15.0)
        assert float(total["accepted_kwh"]) == pytest.approx(accepted, abs=1e-5)
        assert float(total["payment_gbp"]) == pytest.approx(accepted * 0.40, abs=1e-5)


def test_the_summary_tells_of_each_dispatch(left):
    folder, _ = left
    told = json.loads((folder / "out" / "summary.json").read_text(encoding="utf-8"))["dispatches"]
    assert [one["id"] for one in told] == ["evening", "second"]
    assert sum(told[1]["responses"].values()) == 60
    assert told[1]["by_the_twin"]["delivered_kwh"] == pytest.approx(30.0, abs=1e-4)


def test_a_later_run_without_dispatches_leaves_nothing_of_them(left, tmp_path):
    folder, _ = left
    shutil.copytree(folder, tmp_path / "copy")
    done = command(
        "-m", "evsim", "run", "c.json", "--out", "out", "--set", "dispatches=[]", "--no-plots", cwd=tmp_path / "copy"
    )
    assert done.returncode == 0, done.stderr
    names = {path.name for path in (tmp_path / "copy" / "out").iterdir()}
    assert not {"settlement.csv", "proof", "dispatch_evening.png", "dispatch_second.png"} & names


def test_the_same_config_leaves_the_same_proof(left, tmp_path):
    folder, _ = left
    shutil.copy(folder / "c.json", tmp_path)
    assert (
        command(
            "-m", "evsim", "run", "c.json", "--out", "out", "--no-plots", cwd=tmp_path, PYTHONHASHSEED="7"
        ).returncode
        == 0
    )
    for path in sorted((folder / "out" / "proof").rglob("*.json*")):
        assert path.read_bytes() == (tmp_path / path.relative_to(folder)).read_bytes()


# ---- several dispatches, and long ones


@pytest.mark.parametrize(
    ("start", "end"),
    [("2026-01-13T23:00", "2026-01-14T01:00"), ("2026-01-13T18:10", "2026-01-15T06:00")],
    ids=["midnight", "three dates"],
)
def test_the_proof_of_a_window_over_several_dates_holds(tmp_path, start, end):
    given = crowd({**EVENING, "start": start, "end": end}, users=20, settlement={"baseline": "bl01"})
    (tmp_path / "c.json").write_text(json.dumps(given), encoding="utf-8")
    assert command("-m", "evsim", "run", "c.json", "--out", "o", "--no-plots", cwd=tmp_path).returncode == 0
    done = command("-m", "evsim", "verify", "o", cwd=tmp_path)
    assert done.returncode == 0, done.stdout


def test_no_day_of_a_long_dispatch_is_an_example_for_a_later_one():
    long = {**EVENING, "start": "2026-01-12T18:00", "end": "2026-01-15T19:00"}
    one = deliveries(lived(long, users=6, settlement={"baseline": "bl01"})).each[0]
    last = one.evidence.baselines[-1]
    assert last.day == np.datetime64("2026-01-15")
    assert not {np.datetime64(f"2026-01-{day}") for day in (12, 13, 14)} & set(last.days_used(0))


def test_dispatches_that_overlap_are_told_apart_by_the_twin():
    first = {**EVENING, "target_kw": 20}
    found = deliveries(lived(first, {**first, "id": "other"}, users=150))
    for one in found.each:
        assert one.truth.delivered_kwh == pytest.approx(20.0, abs=1e-4)
        assert any("settled by itself" in note for note in one.notes)


def test_a_dispatch_of_others_is_no_rebound():
    near, far = ({**EVENING, "id": name, "archetypes": [name], "target_kw": 15} for name in ("Near", "Far"))
    later = {**far, "start": "2026-01-14T20:00", "end": "2026-01-14T21:00"}
    found = deliveries(lived(near, later, users=150))
    assert [one.truth.delivered_kwh for one in found.each] == pytest.approx([15.0, 15.0], abs=1e-4)
    assert found.each[1].truth.prepared_kwh == 0.0


def test_who_served_before_an_edit_is_in_the_proof():
    first = {**EVENING, "archetypes": ["Near"], "target_kw": 20}
    second = {**first, "archetypes": ["Far"], "updated_at": "2026-01-14T18:30"}
    one = deliveries(lived(first, second, users=150)).each[0]
    assert len(one.users) == 150
    assert len(one.evidence.orders.at_utc) == len(one.lived.sent.at_s)


def test_days_before_a_recording_are_not_days_without_charging(tmp_path):
    rows = [f"car,2026-01-{day:02}T18:00:00Z,2026-01-{day + 1:02}T07:00:00Z,8" for day in range(8, 20)]
    (tmp_path / "s.csv").write_text("user_id,plug_in_utc,plug_out_utc,energy_kwh\n" + "\n".join(rows), encoding="utf-8")
    given = {
        "simulation": {"start": "2026-01-14T12:00", "days": 2},
        "sessions": str(tmp_path / "s.csv"),
        "dispatches": [EVENING],
        "settlement": {"baseline": "bl01"},
    }
    one = deliveries(simulate(Scenario.from_dict(given))).each[0]
    (made,) = one.evidence.baselines
    assert not made.is_sufficient.any()  # 9, 12 and 13 January: three working days, and five are needed
    assert any("too little history" in note for note in one.notes)


def test_who_takes_over_cars_has_not_delivered_what_they_did_before():
    """At 18:00 nobody draws, so there is nothing to turn down; a discharge inside is all the other's."""
    night = {"strategy": "scheduled", "window": ["00:30", "05:30"]}
    long = {**EVENING, "end": "2026-01-14T20:00", "target_kw": 50}
    inside = {**EVENING, "id": "inside", "start": "2026-01-14T18:30", "action": "discharge", "target_kw": 40}
    first, second = deliveries(lived(long, inside, users=150, charging=night)).each
    assert first.truth.delivered_kwh == 0.0
    assert first.truth.rebound_kwh == 0.0
    assert second.truth.delivered_kwh == pytest.approx(20.0, abs=1e-4)


def test_results_of_dispatches_say_in_a_line_what_they_are():
    found = deliveries(lived(EVENING, users=5))
    shown = [
        found,
        found.each[0],
        found.twins,
        found.each[0].lived,
        found.run.assets(plugged_in_between=("17:00", "18:00")),
    ]
    for one in map(repr, shown):
        assert one.startswith("<")
        assert "\n" not in one
    assert "evening" in repr(found.each[0])

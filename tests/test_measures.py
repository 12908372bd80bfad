"""What is measured of a run, worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from worlds import config, row, run, scheduled

from evsim import Scenario, simulate
from evsim._series import Series, Signal, Signals
from evsim.analysis import MEASURES, measures
from evsim.analysis._measures import CARBON, MONEY, PHYSICAL, rounded

FLAT = {"curve": [[0, 100], [100, 100]]}
"""One driver, two days: at 18:00 from 68% to 80% of 60 kWh, 7.2 kWh, at 7 kW and 90%: 8 kWh in 1 h 8.57 min."""


def with_signals(results, **series):
    clock = results.clock
    results.__dict__["signals"] = Signals(
        **{name: Signal(clock, values, values) for name, values in series.items()},
    )
    return results


def by_day(first, second):
    return Series(np.array([0.0, 86_400.0, 172_800.0]), np.array([first, second]))


def test_one_drivers_two_evenings_by_hand():
    told = measures(run(**FLAT))
    assert told["n_users"] == 1
    assert told["import_kwh"] == pytest.approx(16)
    assert told["export_kwh"] == 0
    assert told["peak_kw"] == pytest.approx(7)
    assert told["peak_at_local"] == "2026-01-12T18:00+00:00"
    assert told["admd_kw"] == pytest.approx(7)
    assert told["load_factor"] == pytest.approx(16 / 48 / 7)
    assert told["import_16_to_19_percent"] == pytest.approx(100 * 7 / 8)
    assert told["n_sessions"] == 2
    assert told["mean_plug_in_soc_percent"] == pytest.approx(68, abs=1e-4)
    assert (told["n_users_short"], told["short_kwh"], told["short_miles"], told["public_kwh"]) == (0, 0, 0, 0)


def test_the_peak_is_told_by_the_wall_clock():
    told = measures(run(**FLAT, start="2026-07-13T12:00"))
    assert told["peak_at_local"] == "2026-07-13T18:00+01:00"


def test_two_users_one_after_the_other_have_half_the_admd_of_one():
    late = row("B", 50, plug_in_time="22:00")
    told = measures(run(row("A", 50), late, users=2, **FLAT))
    assert (told["peak_kw"], told["admd_kw"]) == (pytest.approx(7), pytest.approx(3.5))


def test_a_step_that_is_partly_in_the_evening_counts_in_proportion():
    told = measures(run(**FLAT, start="2026-01-12T12:30", step=60))
    assert told["import_16_to_19_percent"] == pytest.approx(100 * (3.5 + 4.5 / 2) / 8)


def test_the_minute_in_which_most_charges_start_is_told_by_the_wall_clock():
    told = measures(run(row("A", 90), row("B", 10, plug_in_time="22:00"), users=10, **FLAT, start="2026-07-13T12:00"))
    assert (told["busiest_start_local"], told["busiest_start_percent"]) == ("18:00", pytest.approx(90))


def test_who_leaves_too_early_is_short_by_what_is_missing():
    told = measures(run(row(plug_out_time="18:30"), **FLAT))
    missing_kwh = 2 * (7.2 - 3.5 * 0.9)
    assert told["n_users_short"] == 1
    assert told["short_kwh"] == pytest.approx(missing_kwh, rel=1e-5)
    assert told["short_miles"] == pytest.approx(3.5 * missing_kwh, rel=1e-5)


def test_a_session_in_progress_at_the_start_counts_but_is_no_plug_in_of_the_run():
    told = measures(run(**FLAT, start="2026-01-12T20:00", days=1))
    assert told["n_sessions"] == 2
    assert told["mean_plug_in_soc_percent"] == pytest.approx(68, abs=1e-4)


def test_nothing_drawn_leaves_what_has_no_meaning_unknown():
    told = measures(run(row(plug_in_soc_percent=80)))
    assert told["peak_at_local"] == ""
    assert told["busiest_start_local"] == ""
    assert math.isnan(told["busiest_start_percent"])
    assert math.isnan(told["load_factor"])
    assert math.isnan(told["import_16_to_19_percent"])


def test_a_run_without_prices_tells_none():
    assert list(measures(run())) == [measure.name for measure in PHYSICAL]


def test_import_is_paid_at_the_price_of_its_time():
    told = measures(with_signals(run(**FLAT), import_price=by_day(0.10, 0.30)))
    assert told["import_cost_gbp"] == pytest.approx(8 * 0.10 + 8 * 0.30)
    assert told["gbp_per_user_year"] == pytest.approx(3.2 / 2 * 365)
    assert told["mean_p_per_kwh"] == pytest.approx(20)
    assert list(told) == [measure.name for measure in (*PHYSICAL, *MONEY)]


def test_carbon_is_that_of_its_time():
    told = measures(with_signals(run(**FLAT), carbon_intensity=by_day(100, 300)))
    assert told["carbon_kg"] == pytest.approx(8 * 0.1 + 8 * 0.3)
    assert told["g_per_kwh"] == pytest.approx(200)
    assert list(told) == [measure.name for measure in (*PHYSICAL, *CARBON)]


def test_a_price_that_changes_within_a_step_counts_by_its_time():
    half_past = Series(np.array([0.0, 6.5 * 3600, 172_800.0]), np.array([0.10, 0.30]))
    told = measures(with_signals(run(**FLAT, days=1, step=60), import_price=half_past))
    assert told["import_cost_gbp"] == pytest.approx(7 * 0.20 + 1 * 0.30)


def test_measures_are_those_of_the_results_of_a_crowd():
    crowd = config(row("A", 70), row("B", 30, plug_in_frequency_per_day=0.3), users=300, days=7, driving=True)
    crowd["charging"] = scheduled("00:30", "04:30")
    results = simulate(Scenario.from_dict(crowd))
    told, everybody = measures(results), results.portrait_of_all
    assert told["mean_plug_in_soc_percent"] / 100 == pytest.approx(everybody.plug_in_soc.median, abs=0.1)
    assert told["n_sessions"] >= everybody.plug_ins
    assert told["short_kwh"] == everybody.below_target.kwh
    assert told["import_kwh"] == pytest.approx(results.events.import_kwh_by_user().sum(), rel=1e-6)


def test_every_measure_has_a_unit_and_a_meaning_and_its_own_name():
    assert all(measure.unit and measure.meaning for measure in MEASURES)
    assert len({measure.name for measure in MEASURES}) == len(MEASURES)


def test_sums_that_differ_by_their_order_are_written_the_same():
    one, other = rounded({"a": 0.1 + 0.2 + 0.3, "b": "x", "c": 3}), rounded({"a": 0.3 + 0.2 + 0.1, "b": "x", "c": 3})
    assert one == other == {"a": 0.6, "b": "x", "c": 3}
    assert rounded({"a": 1.2345678949999999})["a"] == rounded({"a": 1.2345678950000001})["a"]

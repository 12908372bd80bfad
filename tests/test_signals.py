"""Prices, carbon intensity and demand: from what a config says of them to what is known when."""

from __future__ import annotations

import csv
import datetime as dt
import json
import pickle
import re
import subprocess
import sys
from collections import Counter, defaultdict
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evsim import ConfigError, Scenario
from evsim._series import NO_SIGNALS

ROOT = Path(__file__).parent.parent
DATA = ROOT.parent / "shared" / "data"
AGILE_N = DATA / "prices" / "agile_2023_regionN_SouthScotland.csv"
AGILE_D = DATA / "prices" / "agile_20221101_20231220_regionD_MerseysideNWales.csv"
CARBON = DATA / "carbon" / "gb_carbon_intensity_and_temp_hourly_2020_202509.csv"
with_prices = pytest.mark.skipif(not AGILE_N.exists(), reason="needs ../shared/data/prices")
with_carbon = pytest.mark.skipif(not CARBON.exists(), reason="needs ../shared/data/carbon")
ROW = {
    "name": "Everybody",
    "population_percent": 100,
    "miles_per_year": 9435,
    "battery_kwh": 60,
    "efficiency_miles_per_kwh": 3.5,
    "plug_in_frequency_per_day": 1,
    "charger_kw": 7,
    "plug_in_time": "18:00",
    "plug_out_time": "07:00",
    "target_soc_percent": 80,
}
WEEK = {"start": "2023-06-12T12:00", "days": 2, "warm_up_days": 1}
SMALL = {"archetypes": [ROW], "population_size": 1, "simulation": WEEK}
DAY_S = 86_400
CHEAP_NIGHT = [["00:30", "05:30", 7.5], ["05:30", "00:30", 28]]


def scenario(folder=None, overrides=(), **more):
    config = {**SMALL, **more}
    if folder is None:
        return Scenario.from_dict(config, overrides)
    path = folder / "config_json.json"
    path.write_text(json.dumps(config, indent=1))
    return Scenario.from_file(path, overrides)


def told(folder=None, overrides=(), **more):
    with pytest.raises(ConfigError) as caught:
        scenario(folder, overrides, **more)
    said = str(caught.value)
    assert all(c.isprintable() or c == "\n" for c in said)
    return said


def signal(made, name="import_price"):
    return getattr(made.signals_on(made.simulation.clock()), name)


def seconds(made, text):
    """Run seconds of a UTC instant."""
    return made.simulation.clock().seconds(np.datetime64(text))


def value_at(made, text, name="import_price"):
    """What was actual at a UTC instant."""
    return float(signal(made, name).actual.at(np.array([seconds(made, text)]))[0])


def half_hours(first, n, minutes=30):
    """Rows (instant, value) that begin at a UTC instant, with values 0, 0.1, 0.2, ..."""
    at = np.datetime64(first) + np.arange(n) * np.timedelta64(minutes, "m")
    return [f"{np.datetime_as_string(t, unit='m')}Z,{i / 10:g}" for i, t in enumerate(at)]


def write(folder, rows, header="start,price", name="prices.csv"):
    (folder / name).write_text("\n".join([header, *rows]))
    return name


def two_weeks(folder, drop=(), **more):
    """Prices of half an hour from 2023-06-05 to 2023-06-19 UTC without the rows of some instants."""
    rows = half_hours("2023-06-05T00:00", 48 * 14)
    write(folder, [row for row in rows if not row.startswith(tuple(drop))] if drop else rows, **more)
    return rows


def octopus(*rows, **more):
    """Octopus' form: newest first."""
    listed = [
        {"value_exc_vat": value / 1.05, "value_inc_vat": value, "valid_from": since, "valid_to": until, **more}
        for since, until, value in rows
    ]
    return {"count": len(listed), "next": None, "previous": None, "results": listed[::-1]}


# ---- constants and tables


def test_a_number_is_a_constant_in_pence():
    made = scenario(import_price=28.0)
    known = signal(made).known_at(0)
    assert known.at(np.array([-1e5, 0.0, 1e6])).tolist() == pytest.approx([0.28] * 3)
    assert known.published_until == np.inf
    assert made.signal_notes["import_price"]["label"] == "one value throughout"


UNITS = [
    ("import_price", "p_per_kwh", 0.30),
    ("import_price", "p/kWh", 0.30),
    ("import_price", "GBP/kWh", 30.0),
    ("import_price", "£/MWh", 0.03),
    ("export_price", "gbp_per_mwh", 0.03),
    ("carbon_intensity", "g_per_kwh", 30.0),
    ("carbon_intensity", "gCO2/kWh", 30.0),
    ("demand", "kw", 30.0),
    ("demand", "MW", 30_000.0),
]


@pytest.mark.parametrize(("key", "unit", "expected"), UNITS)
def test_a_unit_is_converted_once(key, unit, expected):
    made = scenario(**{key: {"constant": 30, "unit": unit}})
    name = "demand_kw" if key == "demand" else key
    assert value_at(made, "2023-06-13T00:00", name) == pytest.approx(expected)


@pytest.mark.parametrize(("key", "expected"), [("export_price", 0.3), ("carbon_intensity", 30), ("demand", 30)])
def test_each_signal_has_a_unit_of_its_own_when_none_is_said(key, expected):
    made = scenario(**{key: 30})
    assert value_at(made, "2023-06-13T00:00", "demand_kw" if key == "demand" else key) == pytest.approx(expected)


def test_a_table_goes_by_the_local_clock_and_may_span_midnight():
    made = scenario(import_price=CHEAP_NIGHT)
    assert value_at(made, "2023-06-12T23:29") == pytest.approx(0.28)  # 00:29 in London
    assert value_at(made, "2023-06-12T23:30") == pytest.approx(0.075)
    assert value_at(made, "2023-06-13T04:29") == pytest.approx(0.075)
    assert value_at(made, "2023-06-13T04:30") == pytest.approx(0.28)


def test_weekends_may_have_a_table_of_their_own():
    free = {"time_of_use": CHEAP_NIGHT, "weekend": [["00:00", "24:00", 0]]}
    made = scenario(import_price=free, simulation=WEEK | {"start": "2023-06-16T12:00", "days": 4})
    edges = signal(made).actual
    begins = [made.simulation.clock().local_words(t) for t in made.simulation.clock().to_utc(edges.edges[:-1])]
    free_from = [text for text, value in zip(begins, edges.values, strict=True) if value == 0]
    assert "Sat 17 Jun 00:00" in free_from
    assert all(text.startswith("Sat") for text in free_from)
    assert value_at(made, "2023-06-18T22:59") == 0
    assert value_at(made, "2023-06-18T23:00") == pytest.approx(0.28)


@pytest.mark.parametrize(("start", "cheap_h"), [("2023-10-29", 6), ("2023-03-26", 4), ("2023-06-12", 5)])
def test_a_cheap_night_of_a_clock_change_is_an_hour_longer_or_shorter(start, cheap_h):
    made = scenario(import_price=CHEAP_NIGHT, simulation={"start": start, "days": 1})
    series = signal(made).actual.between(0, made.simulation.clock().end_s)
    cheap = np.diff(series.edges)[series.values < 0.1]
    assert cheap.sum() / 3600 == cheap_h


def test_a_border_inside_the_repeated_hour_is_crossed_twice():
    table = [["01:30", "12:00", 1], ["12:00", "01:30", 2]]
    made = scenario(import_price=table, simulation={"start": "2023-10-29", "days": 1})
    shown = [value_at(made, f"2023-10-29T{at}") for at in ("00:15", "00:45", "01:15", "01:45")]
    assert shown == pytest.approx([0.02, 0.01, 0.02, 0.01])


@given(
    cuts=st.sets(st.integers(0, 1439), min_size=2, max_size=8),
    start=st.sampled_from(["2023-03-25", "2023-06-12", "2023-10-28"]),
    minutes=st.lists(st.integers(0, 3 * 1440), min_size=1, max_size=20),
)
def test_a_table_holds_what_the_wall_clock_says(cuts, start, minutes):
    times = [f"{cut // 60:02d}:{cut % 60:02d}" for cut in sorted(cuts)]
    periods = [[a, b, float(i)] for i, (a, b) in enumerate(zip(times, [*times[1:], times[0]], strict=True))]
    made = scenario(import_price={"time_of_use": periods, "unit": "gbp_per_kwh"}, simulation=WEEK | {"start": start})
    clock = made.simulation.clock()
    for minute in minutes:
        shown = clock.local_text(clock.to_utc(minute * 60))[11:16]
        expected = max((i for i, time in enumerate(times) if time <= shown), default=len(times) - 1)
        assert signal(made).actual.at(np.array([minute * 60.0]))[0] == expected


def test_what_is_generated_reaches_ten_days_past_both_ends():
    for source in (28, CHEAP_NIGHT):
        made = scenario(import_price=source)
        clock, edges = made.simulation.clock(), signal(made).actual.edges
        assert edges[[0, -1]].tolist() == [clock.warm_up_s - 10 * DAY_S, clock.end_s + 10 * DAY_S]


# ---- files


def test_rows_hold_until_the_next_and_may_come_in_any_order(tmp_path):
    rows = two_weeks(tmp_path)
    forward = scenario(tmp_path, import_price="prices.csv")
    write(tmp_path, rows[::-1])
    backward = scenario(tmp_path, import_price="prices.csv")
    assert value_at(forward, "2023-06-13T00:29") == pytest.approx(0.384)
    assert value_at(forward, "2023-06-13T00:30") == pytest.approx(0.385)
    assert signal(forward).actual.values.tolist() == signal(backward).actual.values.tolist()


@pytest.mark.parametrize("minutes", [5, 10, 15, 30, 60])
def test_rows_of_any_resolution_are_read(tmp_path, minutes):
    write(tmp_path, half_hours("2023-06-10T00:00", 5 * 1440 // minutes, minutes))
    made = scenario(tmp_path, import_price="prices.csv")
    assert np.diff(signal(made).actual.edges).tolist() == [minutes * 60] * len(signal(made).actual)
    assert made.signal_notes["import_price"]["resolution_minutes"] == minutes


def test_a_file_may_change_its_resolution(tmp_path):
    rows = [*half_hours("2023-06-09T00:00", 96, 60), *half_hours("2023-06-13T00:00", 288, 15)]
    write(tmp_path, rows)
    assert np.unique(np.diff(signal(scenario(tmp_path, import_price="prices.csv")).actual.edges)).tolist() == [
        900,
        3600,
    ]


def test_a_row_that_says_its_end_holds_until_then(tmp_path):
    rows = ["2023-01-01T00:00Z,2023-06-13T00:00Z,10", "2023-06-13T00:00Z,,20"]
    write(tmp_path, rows, "valid_from,valid_to,value_inc_vat")
    made = scenario(tmp_path, import_price="prices.csv")
    assert [value_at(made, f"2023-06-{at}") for at in ("12T23:59", "13T00:00")] == pytest.approx([0.1, 0.2])


def test_negative_prices_are_ordinary(tmp_path):
    write(tmp_path, [row.replace(",", ",-") for row in half_hours("2023-06-05T00:00", 48 * 14)])
    made = scenario(tmp_path, import_price="prices.csv")
    assert value_at(made, "2023-06-13T00:30") == pytest.approx(-0.385)


@pytest.mark.parametrize(
    ("header", "unit", "factor"),
    [
        ("Price (p/kWh)", "p_per_kwh", 0.01),
        ("price_gbp_per_mwh", "gbp_per_mwh", 0.001),
        ("£/kWh", "gbp_per_kwh", 1),
    ],
)
def test_a_header_may_say_the_unit(tmp_path, header, unit, factor):
    two_weeks(tmp_path, header=f"start,{header}")
    made = scenario(tmp_path, import_price="prices.csv")
    assert value_at(made, "2023-06-12T00:00") == pytest.approx(33.6 * factor)
    assert made.signal_notes["import_price"]["unit"] == unit


def test_columns_may_be_mapped(tmp_path):
    two_weeks(tmp_path, header="Quand,Combien")
    made = scenario(tmp_path, import_price={"file": "prices.csv", "columns": {"start": "Quand", "value": "combien"}})
    assert value_at(made, "2023-06-13T00:30") == pytest.approx(0.385)


def test_a_file_lies_beside_its_config_and_may_come_from_the_command_line(tmp_path):
    (tmp_path / "inner").mkdir()
    two_weeks(tmp_path, name="inner/prices.csv")
    made = scenario(tmp_path, import_price="inner/prices.csv")
    assert scenario(tmp_path, [("import_price", "inner/prices.csv")]) == made
    assert scenario(tmp_path, [("import_price", "28")]).import_price.constant == 28
    assert scenario(tmp_path, import_price="28").import_price.constant == 28


def test_local_times_go_by_the_clock_of_their_place(tmp_path):
    rows = [row.replace("Z", "") for row in two_weeks(tmp_path)]
    write(tmp_path, rows)
    london = scenario(tmp_path, import_price="prices.csv")
    oslo = scenario(tmp_path, import_price={"file": "prices.csv", "timezone": "Europe/Oslo"})
    assert value_at(london, "2023-06-12T23:30") == pytest.approx(0.385)
    assert value_at(oslo, "2023-06-12T22:30") == pytest.approx(0.385)


@pytest.mark.parametrize("is_newest_first", [False, True])
def test_local_times_of_the_repeated_hour_are_told_apart_by_their_order(tmp_path, is_newest_first):
    at = np.datetime64("2023-10-25T00:00") + np.arange(48 * 8) * np.timedelta64(30, "m")
    zone = ZoneInfo("Europe/London")
    local = [datetime.fromisoformat(f"{t}+00:00").astimezone(zone).strftime("%Y-%m-%d %H:%M") for t in at]
    rows = [f"{t},{i}" for i, t in enumerate(local)]
    write(tmp_path, rows[::-1] if is_newest_first else rows)
    made = scenario(
        tmp_path, import_price="prices.csv", simulation={"start": "2023-10-28", "days": 3, "warm_up_days": 1}
    )
    assert signal(made).actual.values.tolist() == pytest.approx([i / 100 for i in range(len(at))])


def test_a_repeated_hour_that_is_there_once_is_a_gap(tmp_path):
    at = np.datetime64("2023-10-25T00:00") + np.arange(48 * 8) * np.timedelta64(30, "m")
    write(tmp_path, [f"{t},{i / 10}" for i, t in enumerate(at)])
    days = {"start": "2023-10-28", "days": 3, "warm_up_days": 1}
    assert "2 times 30 min: 2023-10-29T01:00Z" in told(tmp_path, import_price="prices.csv", simulation=days)


def test_recorded_sessions_may_have_prices(tmp_path):
    two_weeks(tmp_path)
    (tmp_path / "real.csv").write_text("user,plug_in,plug_out,energy_kwh\nann,2023-06-12 18:00,2023-06-13 07:00,7")
    path = tmp_path / "config_json.json"
    path.write_text(json.dumps({"sessions": "real.csv", "import_price": "prices.csv"}))
    made = Scenario.from_file(path)
    assert value_at(made, "2023-06-13T00:30") == pytest.approx(0.385)
    path.write_text(json.dumps({"sessions": "none.csv", "import_price": "prices.csv"}))
    with pytest.raises(ConfigError, match="1 thing to mend"):
        Scenario.from_file(path)


def test_octopus_unit_rates_are_read_by_their_content(tmp_path):
    at = np.datetime64("2023-06-10T00:00") + np.arange(5 * 48 + 1) * np.timedelta64(30, "m")
    rates = octopus(*((f"{a}:00Z", f"{b}:00Z", float(i)) for i, (a, b) in enumerate(pairwise(at))))
    (tmp_path / "rates.txt").write_text(json.dumps(rates | {"next": "https://api.octopus.energy/?page=2"}))
    made = scenario(tmp_path, import_price="rates.txt")
    assert value_at(made, "2023-06-13T00:30") == pytest.approx((3 * 48 + 1) / 100)
    assert made.signal_notes["import_price"]["remarks"] == [
        "the file is one page of several; only what it holds is read"
    ]


def test_a_standing_rate_without_an_end_holds(tmp_path):
    rates = octopus(("2023-01-01T00:00:00Z", "2023-06-12T23:00:00Z", 30.0), ("2023-06-12T23:00:00Z", None, 25.0))
    (tmp_path / "rates.json").write_text(json.dumps(rates))
    made = scenario(tmp_path, import_price="rates.json", simulation=WEEK | {"days": 30})
    assert [value_at(made, f"2023-{at}") for at in ("06-12T22:59", "07-11")] == pytest.approx([0.30, 0.25])


def test_of_several_ways_to_pay_direct_debit_counts(tmp_path):
    rates = octopus(("2023-01-01T00:00:00Z", None, 30.0), payment_method="DIRECT_DEBIT")
    rates["results"] += octopus(("2023-01-01T00:00:00Z", None, 32.0), payment_method="NON_DIRECT_DEBIT")["results"]
    (tmp_path / "rates.json").write_text(json.dumps(rates))
    assert value_at(scenario(tmp_path, import_price="rates.json"), "2023-06-13") == pytest.approx(0.30)


def intensities(n=48 * 5, missing=()):
    at = np.datetime64("2023-06-10T00:00") + np.arange(n + 1) * np.timedelta64(30, "m")
    return [
        {"from": f"{a}Z", "to": f"{b}Z", "intensity": {"forecast": 200 + i, "actual": None if i in missing else i}}
        for i, (a, b) in enumerate(pairwise(at))
    ]


def test_strategies_see_the_forecast_and_the_actual_is_what_was(tmp_path):
    (tmp_path / "carbon.json").write_text(json.dumps({"data": intensities()}))
    made = scenario(tmp_path, carbon_intensity="carbon.json")
    at = np.array([seconds(made, "2023-06-13T00:30")])
    carbon = signal(made, "carbon_intensity")
    assert (carbon.actual.at(at)[0], carbon.told.at(at)[0]) == (145, 345)
    assert carbon.known_at(at[0]).at(at)[0] == 345


def test_a_forecast_stands_for_an_actual_that_is_not_there_yet(tmp_path):
    (tmp_path / "carbon.json").write_text(json.dumps({"data": intensities(missing=(145, 146, 3))}))
    made = scenario(tmp_path, carbon_intensity="carbon.json")
    assert value_at(made, "2023-06-13T00:30", "carbon_intensity") == 345
    assert made.signal_notes["carbon_intensity"]["n_forecast_for_actual"] == 2
    assert "carbon_intensity: 2 actual values are not there; their forecasts stand for them" in made.warnings


def test_a_regions_intensities_have_only_forecasts(tmp_path):
    rows = [{**row, "intensity": {"forecast": row["intensity"]["forecast"]}} for row in intensities()]
    (tmp_path / "carbon.json").write_text(json.dumps({"data": {"regionid": 3, "data": rows}}))
    assert value_at(scenario(tmp_path, carbon_intensity="carbon.json"), "2023-06-13T00:30", "carbon_intensity") == 345


# ---- gaps


def test_a_gap_of_the_run_is_one_fault_that_names_it(tmp_path):
    two_weeks(tmp_path, [f"2023-06-13T{at}" for at in ("01:00", "01:30", "05:00", "05:30", "06:00")])
    said = told(tmp_path, import_price="prices.csv")
    assert ": 1 thing to mend" in said
    assert "import_price.file: " in said
    assert "no value for 5 times 30 min: 2023-06-13T01:00Z, 2023-06-13T01:30Z, 2023-06-13T05:00Z and 2 more" in said
    assert '"fill": "previous"' in said


def test_a_gap_outside_the_run_disturbs_nobody(tmp_path):
    two_weeks(tmp_path, ["2023-06-06T12:00", "2023-06-17T12:00"])
    made = scenario(tmp_path, import_price="prices.csv")
    assert made.warnings == ()
    edges = signal(made).actual.edges
    assert edges[[0, -1]].tolist() == [seconds(made, "2023-06-06T12:30"), seconds(made, "2023-06-17T12:00")]


def test_a_gap_of_the_warm_up_counts_once_the_file_has_begun(tmp_path):
    two_weeks(tmp_path, ["2023-06-11T15:00"])
    assert "2023-06-11T15:00Z" in told(tmp_path, import_price="prices.csv")


def test_a_warm_up_before_the_file_begins_is_only_noted(tmp_path):
    write(tmp_path, half_hours("2023-06-12T00:00", 48 * 7))
    made = scenario(tmp_path, import_price="prices.csv", simulation=WEEK | {"warm_up_days": 7})
    text = "import_price: begins 2023-06-12T00:00Z; nothing is known in the 6.54 days of warm-up before"
    assert made.warnings == (text,)
    price = signal(made)
    for at in np.arange(price.clock.warm_up_s, price.clock.end_s, DAY_S / 4):
        assert np.isfinite(price.known_at(float(at)).at(np.array([at, at + DAY_S]))).all()


FILLED = {
    "previous": [385, 385],
    "interpolate": [386, 387],
    "same_time_day_before": [386 - 48, 387 - 48],
    "same_time_week_before": [386 - 336, 387 - 336],
}


@pytest.mark.parametrize("rule", FILLED)
def test_a_gap_is_filled_by_the_rule_that_the_config_names(tmp_path, rule):
    two_weeks(tmp_path, ["2023-06-13T01:00", "2023-06-13T01:30"])
    made = scenario(tmp_path, import_price={"file": "prices.csv", "fill": rule})
    filled = [1_000 * value_at(made, f"2023-06-13T{at}") for at in ("01:00", "01:30")]
    assert filled == pytest.approx(FILLED[rule])
    note = made.signal_notes["import_price"]
    assert (note["n_filled"], note["fill"]) == (2, rule)
    assert note["filled_utc"] == ["2023-06-13T01:00Z", "2023-06-13T01:30Z"]
    assert f'2 half-hours without a value are filled by "{rule}": 2023-06-13T01:00Z' in made.warnings[0]


def test_a_gap_of_two_days_is_filled_from_the_day_before_it(tmp_path):
    two_weeks(tmp_path, ["2023-06-12", "2023-06-13"])
    made = scenario(tmp_path, import_price={"file": "prices.csv", "fill": "same_time_day_before"})
    at = [1_000 * value_at(made, f"2023-06-{day}T08:30") for day in (11, 12, 13)]
    assert at == pytest.approx([6 * 48 + 17] * 3)


def test_an_empty_cell_is_a_gap(tmp_path):
    rows = two_weeks(tmp_path)
    write(tmp_path, ["2023-06-13T01:00Z," if row.startswith("2023-06-13T01:00") else row for row in rows])
    assert "no value for 1 time 30 min: 2023-06-13T01:00Z" in told(tmp_path, import_price="prices.csv")


def test_the_end_of_a_file_may_be_filled(tmp_path):
    write(tmp_path, half_hours("2023-06-05T00:00", 48 * 9))
    assert "the file ends 2023-06-14T00:00Z, the run 2023-06-14T11:00Z" in told(tmp_path, import_price="prices.csv")
    made = scenario(tmp_path, import_price={"file": "prices.csv", "fill": "same_time_day_before"})
    assert value_at(made, "2023-06-14T10:30") == pytest.approx((8 * 48 + 21) / 1_000)


# ---- a typical year


def test_a_typical_year_is_the_mean_of_each_month_and_half_hour(tmp_path):
    days = range(1, 31)
    rows = [
        f"2023-06-{d:02d} {h:02d}:{m:02d},{h + m / 100 + d / 10:g}" for d in days for h in range(24) for m in (0, 30)
    ]
    write(tmp_path, rows)
    source = {"file": "prices.csv", "repeat": "by_month_and_hour"}
    made = scenario(tmp_path, import_price=source, simulation=WEEK | {"start": "2026-06-10T12:00"})
    assert value_at(made, "2026-06-11T07:30") == pytest.approx((8.3 + 1.55) / 100)  # 08:30 in London
    assert signal(made).published_at_s is None
    label = "typical 2023 month-and-hour means, not real 2026 prices"
    assert made.warnings == (f"import_price: {label}",)
    assert made.signal_notes["import_price"]["source"] == "typical year of prices.csv"
    assert "not real 2026 prices" in made.signal_notes["import_price"]["label"]


def test_gaps_are_left_out_of_a_typical_year(tmp_path):
    rows = [row.split(",")[0] + ",5" for row in two_weeks(tmp_path, header="start,price")]
    write(tmp_path, [row for i, row in enumerate(rows) if i % 7])
    source = {"file": "prices.csv", "repeat": "by_month_and_hour", "unit": "gbp_per_kwh"}
    made = scenario(tmp_path, import_price=source, simulation=WEEK | {"start": "2030-06-10T12:00"})
    assert signal(made).actual.values.tolist() == pytest.approx([5] * len(signal(made).actual))


def test_a_month_that_a_typical_year_lacks_is_a_fault(tmp_path):
    two_weeks(tmp_path)
    source = {"file": "prices.csv", "repeat": "by_month_and_hour"}
    assert "no value for July, which the run needs" in told(
        tmp_path, import_price=source, simulation=WEEK | {"start": "2026-06-30T12:00"}
    )
    # the warm-up lies in May
    made = scenario(tmp_path, import_price=source, simulation=WEEK | {"start": "2026-06-01T12:00"})
    assert "nothing is known in the 0.5 days of warm-up before" in made.warnings[1]


# ---- what is known when


def later_changed(folder, since):
    """Two scenarios: as `two_weeks`, and with other values from an instant on."""
    rows = two_weeks(folder)
    before = scenario(folder, import_price="prices.csv")
    write(folder, [row if row < since else row + "9" for row in rows])
    return before, scenario(folder, import_price="prices.csv")


def test_what_is_published_later_changes_nothing_that_is_known_earlier(tmp_path):
    first, second = (signal(made) for made in later_changed(tmp_path, "2023-06-13T23:00"))  # local midnight
    clock = first.clock
    news = float(clock.instant(int(clock.local(seconds_of(clock, "2023-06-13T15:00"))[0]), 16 * 3600))
    for at in (clock.warm_up_s, 0, news - 1):
        a, b = first.known_at(at), second.known_at(at)
        assert a.edges.tolist() == b.edges.tolist()
        assert a.values.tolist() == b.values.tolist()
    assert first.known_at(news).values.tolist() != second.known_at(news).values.tolist()


def seconds_of(clock, text):
    return clock.seconds(np.datetime64(text))


def test_the_next_day_is_known_from_four_in_the_afternoon(tmp_path):
    two_weeks(tmp_path)
    made = scenario(tmp_path, import_price="prices.csv")
    price, clock = signal(made), made.simulation.clock()
    until = [clock.local_words(clock.to_utc(price.known_at(at).published_until)) for at in (3.9 * 3600, 4 * 3600)]
    assert until == ["Tue 13 Jun 00:00", "Wed 14 Jun 00:00"]
    assert made.signal_notes["import_price"]["published_at"] == "16:00"


def test_another_hour_of_publication_may_be_said_or_none(tmp_path):
    two_weeks(tmp_path)
    early = scenario(tmp_path, import_price={"file": "prices.csv", "published_at": "6 am"})
    always = scenario(tmp_path, import_price={"file": "prices.csv", "published_at": "Always"})
    assert signal(early).published_at_s == 6 * 3600
    assert signal(always).published_at_s is None
    assert [made.import_price.published_at for made in (early, always)] == ["06:00", "always"]


# ---- the same again


SOURCES = [28.0, CHEAP_NIGHT, "prices.csv", {"file": "prices.csv", "fill": "previous", "unit": "gbp_per_mwh"}]


@pytest.mark.parametrize("source", SOURCES, ids=str)
def test_the_resolved_config_gives_the_same_scenario(tmp_path, source):
    two_weeks(tmp_path)
    made = scenario(tmp_path, import_price=source)
    again = Scenario.from_dict(json.loads(json.dumps(made.to_dict())))
    assert again == made == pickle.loads(pickle.dumps(made))  # noqa: S301 - our own
    assert again.config_hash == made.config_hash
    assert again.signal_notes == made.signal_notes
    assert hash(again.import_price) == hash(made.import_price)


def test_the_hash_is_of_what_a_file_holds_and_not_of_where_it_lies(tmp_path):
    two_weeks(tmp_path)
    made = scenario(tmp_path, import_price="prices.csv")
    (tmp_path / "b").mkdir()
    two_weeks(tmp_path, name="b/other.csv")
    assert scenario(tmp_path, import_price="b/other.csv").config_hash == made.config_hash
    two_weeks(tmp_path, ["2023-06-18"])
    assert scenario(tmp_path, import_price="prices.csv").config_hash != made.config_hash


def test_a_file_that_changed_since_a_run_is_refused(tmp_path):
    two_weeks(tmp_path)
    written = scenario(tmp_path, import_price="prices.csv").to_dict()
    two_weeks(tmp_path, ["2023-06-18"])
    with pytest.raises(ConfigError, match='has changed since "sha256" was noted'):
        Scenario.from_dict(written)


def test_a_file_is_read_once(tmp_path):
    two_weeks(tmp_path)
    made = scenario(tmp_path, import_price="prices.csv")
    first = signal(made)
    (tmp_path / "prices.csv").unlink()
    assert signal(made) is first
    assert made.warnings == ()


def test_a_scenario_without_signals_has_none():
    made = scenario()
    assert made.signals_on(made.simulation.clock()) is NO_SIGNALS
    assert made.signal_notes == {}
    assert not {"import_price", "export_price", "carbon_intensity", "demand"} & made.to_dict().keys()


def test_a_config_without_files_imports_no_reader_of_files():
    code = (
        "import sys; from evsim import Scenario; Scenario.from_file('config_json.json');"
        "print(*(m for m in sys.modules if m.startswith(('evsim._signals.', 'evsim._recorded.'))))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    of_signals = ("settings", "periods", "quantities", "resolve", "build", "generate", "faulty")
    of_sessions = ("settings", "sessions")
    assert set(done.stdout.split()) == {
        *(f"evsim._signals.{name}" for name in of_signals),
        *(f"evsim._recorded.{name}" for name in of_sessions),
    }


def test_a_price_in_the_wrong_unit_is_asked_about():
    assert scenario(import_price=0.28).warnings == (
        "import_price: 0.28 p_per_kwh on average is unusual; is the unit gbp_per_kwh?",
    )
    assert scenario(export_price=0).warnings == ()


ODD_MEANS = [
    ("carbon_intensity", 0.2, "carbon_intensity: 0.2 g_per_kwh on average is unusual; is the unit kg_per_kwh?"),
    ("import_price", 105, "import_price: 105 p_per_kwh on average is unusual; is the unit gbp_per_mwh?"),
    ("import_price", 28, None),
    ("carbon_intensity", 20, None),
]


@pytest.mark.parametrize(("key", "value", "note"), ODD_MEANS)
def test_a_mean_that_only_makes_sense_in_another_unit_is_asked_about(tmp_path, key, value, note):
    rows = [row.split(",")[0] + f",{value}" for row in half_hours("2023-06-05T00:00", 48 * 14)]
    write(tmp_path, rows, "start,value")
    expected = () if note is None else (note,)
    assert scenario(**{key: value}).warnings == expected
    assert scenario(tmp_path, **{key: "prices.csv"}).warnings == expected


VALUES = [
    ("import_price", "28p", 28, "p_per_kwh"),
    ("import_price", "28 p/kWh", 28, "p_per_kwh"),
    ("import_price", " 28 pence ", 28, "p_per_kwh"),
    ("import_price", "£0.28", 0.28, "gbp_per_kwh"),
    ("import_price", "£0.28/kWh", 0.28, "gbp_per_kwh"),
    ("import_price", "£1,280/MWh", 1280, "gbp_per_mwh"),
    ("export_price", "-£5 per MWh", -5, "gbp_per_mwh"),
    ("export_price", "0.15 GBP/kWh", 0.15, "gbp_per_kwh"),
    ("carbon_intensity", "120 g/kWh", 120, "g_per_kwh"),
    ("carbon_intensity", "120gCO2/kWh", 120, "g_per_kwh"),
    ("carbon_intensity", "0.12 kg/kWh", 0.12, "kg_per_kwh"),
    ("demand", "300 kW", 300, "kw"),
    ("demand", "1.5 MW", 1.5, "mw"),
]


@pytest.mark.parametrize(("key", "typed", "value", "unit"), VALUES)
def test_a_value_may_be_typed_with_its_unit(tmp_path, key, typed, value, unit):
    plain = scenario(**{key: {"constant": value, "unit": unit}})
    assert scenario(tmp_path, **{key: typed}) == scenario(**{key: {"constant": typed}}) == plain
    assert scenario(overrides=[(key, typed)]).config_hash == plain.config_hash


def test_a_file_may_have_a_name_that_begins_with_a_number(tmp_path):
    two_weeks(tmp_path, name="2023_agile.csv")
    assert scenario(tmp_path, import_price="2023_agile.csv").import_price.kind == "file"
    (tmp_path / "2023_agile.csv").rename(tmp_path / "28p")
    assert scenario(tmp_path, import_price={"file": "28p"}).import_price.kind == "file"
    assert scenario(tmp_path, import_price="28p").import_price.constant == 28


def test_a_folder_may_have_a_name_that_begins_with_a_number(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = Path("2023")
    folder.mkdir()
    two_weeks(folder, name="agile")
    assert scenario(folder, import_price="agile").import_price.kind == "file"


# ---- dates of a spreadsheet


def slashed(first, n, form="%d/%m/%Y %H:%M"):
    """Rows of half an hour by the clock of London in summer, as a spreadsheet writes them."""
    at = dt.datetime.fromisoformat(first)
    return [f"{at + i * dt.timedelta(minutes=30):{form}},{i / 10:g}" for i in range(n)]


@pytest.mark.parametrize("form", ["%d/%m/%Y %H:%M", "%d/%m/%Y %H:%M:%S", "%d/%m/%Y, %H:%M"])
def test_dates_of_a_british_spreadsheet_are_day_month_year(tmp_path, form):
    rows = slashed("2023-06-05T01:00", 48 * 14, form)
    write(tmp_path, [f'"{row.rsplit(",", 1)[0]}",{row.rsplit(",", 1)[1]}' for row in rows])
    made = scenario(tmp_path, import_price="prices.csv")
    two_weeks(tmp_path, name="iso.csv")
    same = scenario(tmp_path, import_price="iso.csv")
    assert signal(made).actual.values.tolist() == signal(same).actual.values.tolist()


def test_ends_may_be_slashed_too(tmp_path):
    rows = ["1/6/2023 0:00,13/6/2023 9:00,10", "13/6/2023 9:00,,20"]
    write(tmp_path, rows, "from,to,price")
    made = scenario(tmp_path, import_price="prices.csv")
    assert [value_at(made, f"2023-06-13T0{hour}:30") for hour in (7, 8)] == pytest.approx([0.1, 0.2])


def test_dates_that_may_be_month_day_are_refused(tmp_path):
    write(tmp_path, slashed("2023-06-05T01:00", 48))
    said = told(tmp_path, import_price="prices.csv")
    assert 'line 2 has "05/06/2023 01:00": day/month or month/day? No date of the file has a day over 12' in said
    assert "write it as 2023-06-05T01:00 or 2023-05-06T01:00" in said


def test_american_dates_are_refused_with_the_form_that_is_read(tmp_path):
    write(tmp_path, slashed("2023-06-12T01:00", 96, "%m/%d/%Y %H:%M"))
    said = told(tmp_path, import_price="prices.csv")
    assert 'line 48 has "06/13/2023 00:00": slashed dates are only read as day/month/year' in said
    assert "write it as 2023-06-13T00:00" in said


# ---- faults


GOOD = half_hours("2023-06-05T00:00", 48 * 14)
H = "start,price"


def table(*rows):
    return "\n".join([H, *rows])


FAULTY = [
    # the source itself
    ({"import_price": True}, ["import_price.constant: true is not a number"]),
    ({"import_price": "x"}, ['import_price.file: "x": no such file']),
    ({"import_price": ""}, ["import_price.file: ", "is empty"]),
    ({"import_price": {}}, ['import_price: nothing is given; give one of "constant", "time_of_use" and "file"']),
    ({"import_price": {"constant": "dear"}}, ['import_price.constant: "dear" is not a number']),
    ({"import_price": {"constant": 5, "file": "p.csv"}}, ["import_price.file: stands beside constant; give one of"]),
    ({"import_price": {"konstant": 5}}, ['import_price.konstant: no such setting; did you mean "constant"?']),
    ({"import_price": {"constant": 5, "fill": "previous"}}, ["import_price.fill: only goes with file"]),
    ({"import_price": {"constant": 5, "weekend": [["00:00", "00:00", 1]]}}, ["weekend: only goes with time_of_use"]),
    ({"import_price": {"constant": 5, "unit": "kwh"}}, ['unit: "kwh" is not a unit of prices; there are p_per_kwh, ']),
    ({"demand": {"constant": 5, "unit": "p_per_kwh"}}, ['"p_per_kwh" is not a unit of demands; there are kw, mw']),
    (
        {"carbon_intensity": {"constant": 5, "unit": "g"}},
        ['"g" is not a unit of carbon intensities; there are g_per_kwh, kg_per_kwh'],
    ),
    ({"import_price": {"constant": 5, "published_at": "16:00"}}, ['"16:00", but a constant source is always known']),
    ({"import_price": {"constant": 1e12}}, ["import_price.constant: 1e+12 is over 1,000,000,000"]),
    # values that cannot be
    (
        {"import_price": 1e9},
        ["import_price.constant: 1000000000 p_per_kwh: only -100 to 100 GBP/kWh can be; is the unit another one?"],
    ),
    ({"import_price": {"constant": 280, "unit": "gbp_per_kwh"}}, ["constant: 280 gbp_per_kwh: only -100 to 100"]),
    ({"carbon_intensity": -50}, ["carbon_intensity.constant: -50 g_per_kwh: only 0 to 5,000 g/kWh can be"]),
    (
        {"demand": {"constant": 1e7, "unit": "mw"}},
        ["demand.constant: 10000000 mw: only -1,000,000,000 to 1,000,000,000"],
    ),
    (
        {"import_price": [["00:30", "05:30", 7.5], ["05:30", "00:30", 28000]]},
        ["import_price.time_of_use[1][2]: 28000 p_per_kwh: only -100 to 100 GBP/kWh can be"],
    ),
    (
        {"carbon_intensity": {"time_of_use": [["00:00", "24:00", 100]], "weekend": [["00:00", "24:00", -1]]}},
        ["carbon_intensity.weekend[0][2]: -1 g_per_kwh: only 0 to 5,000"],
    ),
    # texts that begin like values
    (
        {"import_price": "28 c/kWh"},
        [
            'import_price: "28 c/kWh" is no value in p_per_kwh or gbp_per_kwh or gbp_per_mwh; write 28, or {"constant"',
            'a file of that name is {"file": "28 c/kWh"}',
        ],
    ),
    ({"import_price": "€0.28"}, ['import_price: "€0.28" is no value in p_per_kwh or']),
    ({"import_price": "120 g/kWh"}, ['import_price: "120 g/kWh" is no value in p_per_kwh or']),
    (
        {"carbon_intensity": "120 p"},
        ['"120 p" is no value in', 'write 120, or {"constant": 0.12, "unit": "kg_per_kwh"}'],
    ),
    (
        {"import_price": "2023 Agile"},
        ['"2023 Agile" is no value', 'a file of that name is {"file": "2023 Agile"}'],
    ),
    (
        {"demand": "big"},
        ['demand.file: "big": no such file; for a value write 300, or {"constant": 0.3, "unit": "mw"}'],
    ),
    ({"import_price": "2023_agile.csv"}, ['import_price.file: "2023_agile.csv": no such file']),
    ({"import_price": {"constant": "28p", "unit": "gbp_per_kwh"}}, ['import_price.constant: "28p" is not a number']),
    ({"import_price": "£280"}, ["import_price.constant: 280 gbp_per_kwh: only -100 to 100 GBP/kWh can be"]),
    # tables
    ({"import_price": []}, ["import_price.time_of_use: an empty list is not a list of periods; write [["]),
    ({"import_price": [["00:30", "05:30"]]}, ["period 1: a list of 2 is not [from, to, value]"]),
    ({"import_price": [["00:30", "05:30", 7], ["06:00", "00:30", 28]]}, ["no value from 05:30 to 06:00; the periods"]),
    (
        {"import_price": [["00:00", "12:00", 7], ["11:00", "24:00", 28]]},
        ["several values from 11:00 to 12:00; the periods must cover the 24 hours once"],
    ),
    (
        {"import_price": [["22:00", "23:30", 1], ["01:00", "22:00", 2]]},
        ["no value from 23:30 to 01:00; the periods"],
    ),
    ({"import_price": [["0:30", "25:00", 7]]}, ['period 1: "25:00" is not a time of day; write it as']),
    ({"import_price": [["00:00", "24:00", "x"]]}, ['period 1: "x" is not a number']),
    # settings of files
    ({"import_price": {"file": "p.csv", "fill": "zero"}}, ['fill: "zero" is none of the rules; there are "previous"']),
    ({"import_price": {"file": "p.csv", "repeat": "daily"}}, ['"daily" is none of the rules; there is "by_month_and']),
    (
        {"import_price": {"file": "p.csv", "repeat": "by_month_and_hour", "fill": "previous"}},
        ["import_price.fill: does not go with repeat"],
    ),
    (
        {"import_price": {"file": "p.csv", "repeat": "by_month_and_hour", "published_at": "16:00"}},
        ['import_price.published_at: "16:00", but a typical year is always known'],
    ),
    ({"import_price": {"file": "p.csv", "published_at": "4"}}, ['published_at: "4" is not a time of day; write it as']),
    ({"import_price": {"file": "p.csv", "timezone": "BST"}}, ['import_price.timezone: "BST" is not a time zone; name']),
    ({"import_price": {"file": "p.csv", "sha256": "0" * 64}}, ['"p.csv": has changed since "sha256" was noted']),
    (
        {"import_price": {"file": "p.csv", "columns": {"value": "prise"}}},
        ['import_price.columns.value: "p.csv": line 1: no column "prise"; did you mean "price"?'],
    ),
    (
        {"import_price": {"file": "p.csv", "columns": {"start": "start", "value": "start"}}},
        ['columns.value: "p.csv": line 1: "start" is start already'],
    ),
    # the run
    (
        {"import_price": "p.csv", "simulation": WEEK | {"start": "2026-06-01"}},
        ["is of 2023-06-05T00:00Z to 2023-06-19T00:00Z, the run of 2026-05-31T23:00Z", '"repeat": "by_month_and_hour"'],
    ),
    (
        {"import_price": "p.csv", "simulation": WEEK | {"start": "2023-06-04"}},
        ["the file begins 2023-06-05T00:00Z, the run 2023-06-03T23:00Z; let the run begin later"],
    ),
    (
        {"import_price": {"file": "p.csv", "fill": "previous"}, "simulation": WEEK | {"start": "2023-06-04"}},
        ['import_price.fill: "p.csv": "previous" needs a value before the hole, and the file has none'],
    ),
    (
        {"import_price": {"file": "p.csv", "fill": "interpolate"}, "simulation": WEEK | {"start": "2023-06-18"}},
        ['"interpolate" needs a value after the hole'],
    ),
    (
        {"import_price": {"file": "p.csv", "fill": "previous"}, "simulation": WEEK | {"days": 30}},
        ["no value for 23 days from 2023-06-19T00:00Z; at most 7 days on end can be filled"],
    ),
]


@pytest.mark.parametrize(("config", "parts"), FAULTY, ids=[json.dumps(row[0])[:70] for row in FAULTY])
def test_a_faulty_source_is_named_with_its_remedy(tmp_path, config, parts):
    write(tmp_path, GOOD, name="p.csv")
    said = told(tmp_path, **config)
    for part in parts:
        assert part in said
    assert ": 1 thing to mend\n  line" in said


BAD_FILES = [
    ("", "the file is empty; values have a line of headers and a line each"),
    ("\n \n", "the file is empty"),
    (H, "no values; after the line of headers comes a line for each"),
    ("a\0b\nc", "not a text file; save the values as CSV"),
    ('start,price\n"2023-06-13,5', "line 2 is not readable as CSV"),
    (table("2023-06-13T00:00Z,5"), "one row alone does not say how long it holds"),
    (table(*GOOD[:3], "13/06/2023 05:00,7"), 'line 5 has "13/06/2023 05:00": not a date with a time; write it as'),
    (table(*GOOD[:3], ",7", "x,8", ",,"), 'line 5 has "", line 6 has "x": not a date'),
    (table(*GOOD[:3], "2023-06-05T01:30Z,dear"), 'line 5 has "price" "dear": not a number'),
    (table(*GOOD[:3], "2023-06-05T01:30Z,7,5"), "line 5: more cells than the 2 headers; is a decimal comma unquoted?"),
    (table(*GOOD, GOOD[5]), "several values from 2023-06-05T02:30Z (line 7 and line 674); keep one of each"),
    (table(*GOOD[:3], "2023-03-26T01:30,7"), "2023-03-26T01:30 (line 5): no such time in Europe/London"),
    (table(*GOOD[:3], "2023-06-05T01:30Z,99999999"), "99999999 p_per_kwh from 2023-06-05T01:30Z: only -100 to 100"),
    (table(*[row.split(",")[0] + "," for row in GOOD[:3]]), "no row has a value"),
    (
        "when,worth,x\n2023-06-13T00:00Z,1,2",
        "no column that can be the start of a row or the import price; the headers",
    ),
    ("start,price,rate\n2023-06-13T00:00Z,1,2", 'columns 2 "price" and 3 "rate" can both be value; say which'),
    ("start,price_eur_mwh\n2023-06-13T00:00Z,1", '"price_eur_mwh" is not in pounds or pence'),
    ("start,g_per_kwh\n2023-06-13T00:00Z,1", '"g_per_kwh" is in g_per_kwh; prices are in p_per_kwh or'),
    ("from,to,price\n2023-06-13T00:00Z,2023-06-12T00:00Z,1", "line 2 ends 2023-06-12T00:00Z, not after its start"),
    ("from,to,price\n2023-06-13T00:00Z,x,1", 'line 2 has "x": not a date'),
    ("{", "line 1 column 2 is not JSON: "),
    ("[]", '"results" is an empty list'),
    ('{"rates": []}', "is JSON, but not a list of values; it should be"),
    ("[" * 100_000, "is JSON, but not a list of values"),
    (json.dumps({"data": intensities(3)}), "holds carbon intensities, not prices; name another file"),
    (json.dumps(octopus(("2023-06-13", None, 5.0))), 'results[0] has "valid_from" "2023-06-13": not a date'),
    (json.dumps(octopus(("2023-06-13T00:00Z", None, True))), "results[0] has the value true: not a number, nor null"),
    (
        json.dumps(octopus(("2023-06-13T00:00Z", None, 5.0), payment_method=[1])),
        "the file begins 2023-06-13T00:00Z, the run",
    ),
    (
        json.dumps(octopus(("2023-06-13T00:00Z", None, 1))).replace(" 1,", f" {10**400},"),
        "a number of about 398 digits",
    ),
    (json.dumps({"results": [{"valid_from": "2023-06-13T00:00Z"}]}), 'results[0]: no "value_inc_vat"'),
    (
        json.dumps(octopus(*[("2023-06-12T00:00Z", "2023-06-14T00:00Z", 1.0), ("2023-06-13T00:00Z", None, 2.0)])),
        "several values from 2023-06-13T00:00Z (results[0] and results[1])",
    ),
]


@pytest.mark.parametrize(("text", "part"), BAD_FILES, ids=[part[:60] for _, part in BAD_FILES])
def test_a_faulty_file_is_one_fault(tmp_path, text, part):
    (tmp_path / "p.csv").write_text(text)
    said = told(tmp_path, import_price="p.csv")
    assert '"p.csv": ' in said
    assert part in said
    assert ": 1 thing to mend\n  line" in said


def test_a_unit_that_the_file_contradicts_is_refused(tmp_path):
    two_weeks(tmp_path, header="start,p_per_kwh")
    said = told(tmp_path, import_price={"file": "prices.csv", "unit": "gbp_per_kwh"})
    assert 'import_price.unit: "gbp_per_kwh", but the file "prices.csv" says p_per_kwh; leave unit out' in said


def test_faults_of_sources_are_told_with_those_of_the_rest(tmp_path):
    said = told(tmp_path, import_price="nope.csv", export_price={}, battery={"charging_efficiency": 9}, demand="no.csv")
    parts = (": 4 things to mend", "import_price.file", "export_price: nothing", "9 is over 1", "demand.file")
    assert all(part in said for part in parts)


def test_faulty_dates_are_told_alone(tmp_path):
    two_weeks(tmp_path)
    said = told(tmp_path, import_price="prices.csv", simulation={"start": "2026-01-12", "days": 0})
    assert ": 1 thing to mend" in said
    assert "simulation.days: 0 is under 1" in said


def test_check_judges_the_files_and_exits_with_two(tmp_path):
    two_weeks(tmp_path, ["2023-06-13T01:00"])
    config = tmp_path / "config_json.json"
    config.write_text(json.dumps({**SMALL, "import_price": "prices.csv"}))
    command = [sys.executable, "-m", "evsim", "check", str(config)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "2023-06-13T01:00Z" in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


# ---- the page


def test_every_config_of_the_page_runs(tmp_path):
    page = (ROOT / "docs" / "series.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```json\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    assert len(blocks) >= 7
    rows = half_hours("2023-06-05T00:00", 48 * 14)
    write(tmp_path, rows, name="agile.csv")
    write(tmp_path, rows[::2], "hour_start_utc,CI_actual", "carbon.csv")
    write(tmp_path, rows, "Quand,Combien", "street.csv")
    (tmp_path / "intensity.json").write_text(json.dumps({"data": intensities()}))
    for block in blocks:
        made = scenario(tmp_path, **json.loads(f"{{{block}}}"))
        assert made.signal_notes


# ---- real files


def rows_of(path):
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def year_2023(**more):
    return scenario(simulation={"start": "2023-01-01", "days": 365, "warm_up_days": 0}, **more)


@with_prices
def test_agile_of_a_year_is_read_to_the_penny():
    made = year_2023(
        import_price={"file": str(AGILE_N), "fill": "previous"}, export_price={"file": str(AGILE_N), "fill": "previous"}
    )
    actual = {name: signal(made, name).actual for name in ("import_price", "export_price")}
    rows = rows_of(AGILE_N)
    at = np.array([seconds(made, row["from_utc"].rstrip("Z")) for row in rows])
    for name, column in (("import_price", "import_p_per_kwh_inc_vat"), ("export_price", "export_p_per_kwh")):
        pence = np.array([float(row[column]) for row in rows])
        np.testing.assert_allclose(actual[name].at(at), pence / 100, atol=1e-12)
    pence = 100 * actual["import_price"].at(at)
    is_negative = pence < 0
    days = Counter(row["from_local"][:10] for row, negative in zip(rows, is_negative, strict=True) if negative)
    assert (round(pence.mean(), 2), pence.min(), pence.max()) == pytest.approx((21.91, -19.03, 68.73))
    assert (is_negative.sum(), len(days), days["2023-07-02"], days["2023-07-16"]) == (215, 42, 18, 21)


@with_prices
@pytest.mark.parametrize(
    ("date", "n_due", "n_there"), [("2023-10-29", 50, 48), ("2023-03-26", 46, 46), ("2023-07-02", 48, 48)]
)
def test_days_of_a_clock_change_have_as_many_half_hours_as_they_should(date, n_due, n_there):
    day = {"start": date, "days": 1, "warm_up_days": 0}
    made = scenario(import_price={"file": str(AGILE_N), "fill": "same_time_day_before"}, simulation=day)
    series = signal(made).actual.between(0, made.simulation.clock().end_s)
    assert len(series) == n_due
    assert n_due - made.signal_notes["import_price"]["n_filled"] == n_there


@with_prices
def test_the_gap_of_the_autumn_night_is_named():
    said = told(import_price=str(AGILE_N), simulation={"start": "2023-10-29", "days": 1})
    assert "no value for 2 times 30 min: 2023-10-29T01:00Z, 2023-10-29T01:30Z; " in said


@with_prices
def test_a_gap_is_filled_from_the_same_local_time_of_the_day_before():
    source = {"file": str(AGILE_N), "fill": "same_time_day_before"}
    made = scenario(import_price=source, simulation={"start": "2023-10-29", "days": 1})
    pence = {row["from_utc"]: float(row["import_p_per_kwh_inc_vat"]) for row in rows_of(AGILE_N)}
    # 01:00 of the clock was 00:00 UTC the day before
    assert 100 * value_at(made, "2023-10-29T01:00") == pytest.approx(pence["2023-10-28T00:00Z"])


@with_prices
def test_both_regions_load_as_they_are():
    made = scenario(import_price=str(AGILE_D), export_price=str(AGILE_N))
    assert made.warnings == ()
    assert [note["unit"] for note in made.signal_notes.values()] == ["p_per_kwh"] * 2


@with_prices
def test_a_typical_year_of_agile_is_the_mean_of_its_rows():
    source = {"file": str(AGILE_N), "repeat": "by_month_and_hour"}
    made = scenario(import_price=source, simulation={"start": "2026-01-12T12:00", "days": 7})
    pence = defaultdict(list)
    for row in rows_of(AGILE_N):
        pence[row["from_local"][5:7], row["from_local"][11:16]].append(float(row["import_p_per_kwh_inc_vat"]))
    for at in ("00:00", "04:30", "17:30"):
        assert 100 * value_at(made, f"2026-01-14T{at}") == pytest.approx(np.mean(pence["01", at]))
    means = {cell: np.mean(values) for cell, values in pence.items()}
    assert min(means.values()) > 0


@with_prices
def test_the_page_says_how_much_a_typical_year_evens_out():
    page = " ".join((ROOT / "docs" / "series.md").read_text(encoding="utf-8").split())
    cells, days, ends = defaultdict(list), defaultdict(list), defaultdict(list)
    for row in rows_of(AGILE_N):
        value, local = float(row["import_p_per_kwh_inc_vat"]), datetime.fromisoformat(row["from_local"])
        cells[local.month, local.time()].append(value)
        days[local.date()].append(value)
        ends[local.weekday() >= 5].append(value)
    typical = defaultdict(list)
    for (month, _), values in cells.items():
        typical[month].append(np.mean(values))
    spread = [np.mean([np.ptp(values) for values in group.values()]) for group in (days, typical)]
    assert f"dearest half-hour cost {spread[0]:.1f} p more than its cheapest" in page
    assert f"in its typical year {spread[1]:.1f} p" in page
    assert f"which were {np.mean(ends[False]) - np.mean(ends[True]):.1f} p cheaper" in page


@with_carbon
def test_the_carbon_file_loads_as_it_is():
    made = year_2023(carbon_intensity=str(CARBON))
    rows = [row for row in rows_of(CARBON) if row["hour_start_utc"].startswith("2023")]
    grams = np.array([float(row["CI_actual"]) for row in rows])
    at = np.arange(len(rows)) * 3600.0
    np.testing.assert_allclose(signal(made, "carbon_intensity").actual.at(at), grams)
    assert round(grams.mean()) == 149
    assert made.signal_notes["carbon_intensity"]["resolution_minutes"] == 60


@with_carbon
def test_a_run_before_the_carbon_file_has_values_is_refused():
    blank = {"start": "2020-01-02", "days": 3, "warm_up_days": 0}
    assert "carbon_intensity.file" in told(carbon_intensity=str(CARBON), simulation=blank)


@with_carbon
def test_the_carbon_file_is_lowest_at_night_and_highest_in_the_evening():
    years = {"start": "2020-06-01", "days": 1900, "warm_up_days": 0}
    made = scenario(carbon_intensity={"file": str(CARBON), "fill": "previous"}, simulation=years)
    by_hour = signal(made, "carbon_intensity").actual
    hours = np.arange(1900 * 24)
    mean = np.array([by_hour.at(hours[(hours - 1) % 24 == h] * 3600.0).mean() for h in range(24)])
    assert mean.argmin() in {2, 3}
    assert mean.argmax() in {18, 19}

"""Settlement: what a dispatch is paid for, by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from proofs import SUNDAY, lucky, readings_of, window
from worlds import ROOT

from evsim import ConfigError
from evsim._outputs import write_csv
from evsim.market import baseline, method_named, settle, windows_by_day
from evsim.market._settlement import accepted, delivered, in_turn, payment, shortfall
from evsim.market._windows import periods_of

LONDON = "Europe/London"
DAY = "2023-03-23"
HEADERS = (
    "dispatch_id,settlement_date,settlement_period,start_utc,meter_id,baseline_kwh,metered_kwh,delivered_kwh,"
    "instructed_kwh,accepted_kwh,shortfall_kwh,payment_gbp,is_missing"
)


def flat(levels, on_the_day):
    """Meters that draw a level in every half-hour, and another on the day of the dispatch."""
    return readings_of(lambda m, day, _p: on_the_day[m] if day == DAY else levels[m], meters=len(levels))


def settled(readings, *windows, method="bl01", settings=None):
    chosen = method_named(method, settings)
    made = [
        baseline(chosen, readings, day, window=periods)
        for day, periods in windows_by_day(windows, readings.timezone).items()
    ]
    return settle("evening-1", windows, readings, made)


# ---- the arithmetic


def test_delivered_is_baseline_less_metered_and_the_reverse_when_turned_up():
    usual, actual = np.array([[1.0, 1.0]]), np.array([[0.4, 1.6]])
    assert delivered(usual, actual, np.array([1.0, -1.0]), clips=False) == pytest.approx(np.array([[0.6, 0.6]]))


def test_less_than_nothing_counts_as_nothing_only_where_the_method_clips():
    usual, actual = np.array([[1.0]]), np.array([[1.5]])
    assert delivered(usual, actual, np.ones(1), clips=False)[0, 0] == -0.5
    assert delivered(usual, actual, np.ones(1), clips=True)[0, 0] == 0


@pytest.mark.parametrize(
    ("was_delivered", "instructed", "counts", "short"),
    [(3, 2, 2, 0), (1.5, 2, 1.5, 0.5), (-1, 2, 0, 3), (3, None, 3, 0), (-1, None, 0, 0)],
)
def test_no_more_than_instructed_and_no_less_than_nothing_counts(was_delivered, instructed, counts, short):
    told = np.array([np.nan if instructed is None else instructed])
    assert accepted(np.array([float(was_delivered)]), told)[0] == counts
    assert shortfall(np.array([float(was_delivered)]), told)[0] == short


def test_pence_become_pounds():
    assert payment(np.array([2.5]), np.array([40.0]))[0] == 1.0


def test_meters_are_added_one_after_the_other():
    values = np.array([1e16, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, -1e16])
    total = 0.0
    for value in values.tolist():
        total += value
    assert in_turn(values[:, None])[0] == total != values.sum()


# ---- windows and periods


def test_a_window_of_an_hour_is_two_settlement_periods():
    found = periods_of([window(target_kw=3.0)], LONDON)
    assert found.period.tolist() == [35, 36]
    assert found.instructed_kwh.tolist() == [1.5, 1.5]


def test_a_period_that_is_only_touched_is_whole_but_instructed_by_the_overlap():
    found = periods_of([window("2023-03-23T17:20:00Z", "2023-03-23T17:40:00Z", target_kw=6.0)], LONDON)
    assert found.period.tolist() == [35, 36]
    assert found.instructed_kwh.tolist() == pytest.approx([1.0, 1.0])


def test_periods_are_counted_by_the_local_clock():
    assert periods_of([window("2023-06-15T17:00:00Z", "2023-06-15T17:30:00Z")], LONDON).period.tolist() == [37]


def test_a_window_across_midnight_touches_two_dates():
    found = windows_by_day([window("2023-03-23T23:15:00Z", "2023-03-24T00:40:00Z")], LONDON)
    assert {str(day): list(periods) for day, periods in found.items()} == {
        "2023-03-23": [47, 48],
        "2023-03-24": [1, 2],
    }


def test_the_hour_that_the_clock_skips_has_no_periods():
    found = periods_of([window("2023-03-26T00:30:00Z", "2023-03-26T01:30:00Z")], LONDON)
    assert found.period.tolist() == [2, 3]


def test_an_edit_within_a_period_adds_energy_and_means_the_price():
    before = window("2023-03-23T17:00:00Z", "2023-03-23T17:10:00Z", target_kw=6.0, pence=100.0)
    after = window("2023-03-23T17:10:00Z", "2023-03-23T17:30:00Z", target_kw=3.0, pence=40.0)
    found = periods_of([before, after], LONDON)
    assert found.instructed_kwh.tolist() == pytest.approx([2.0])
    assert found.pence_per_kwh.tolist() == pytest.approx([60.0])


def test_of_two_directions_in_a_period_the_longer_stands():
    down = window("2023-03-23T17:00:00Z", "2023-03-23T17:20:00Z", target_kw=6.0)
    up = window("2023-03-23T17:20:00Z", "2023-03-23T17:30:00Z", "turn_up", target_kw=6.0, pence=7.0)
    found = periods_of([down, up], LONDON)
    assert (found.sign[0], found.instructed_kwh[0], found.pence_per_kwh[0]) == (1.0, 2.0, 100.0)


def test_of_two_directions_that_share_a_period_the_later_stands():
    down = window("2023-03-23T17:00:00Z", "2023-03-23T17:15:00Z")
    up = window("2023-03-23T17:15:00Z", "2023-03-23T17:30:00Z", "turn_up")
    assert periods_of([down, up], LONDON).sign.tolist() == [-1.0]


def test_a_window_without_a_target_leaves_the_period_without_one():
    parts = [window("2023-03-23T17:00:00Z", "2023-03-23T17:15:00Z", target_kw=2.0)]
    parts += [window("2023-03-23T17:15:00Z", "2023-03-23T17:30:00Z")]
    assert np.isnan(periods_of(parts, LONDON).instructed_kwh).tolist() == [True]


# ---- a dispatch


def test_a_dispatch_of_two_meters_by_hand():
    found = settled(flat([1.0, 0.5], [0.25, 0.75]), window(target_kw=0.8, pence=50.0))
    assert found.delivered_kwh.tolist() == [[0.75, 0.75], [-0.25, -0.25]]
    assert found.all_delivered_kwh.tolist() == [0.5, 0.5]
    assert found.accepted_kwh.tolist() == [0.4, 0.4]
    assert found.shortfall_kwh.tolist() == [0.0, 0.0]
    assert found.payment_gbp.tolist() == [0.2, 0.2]


def test_a_turn_up_by_hand():
    found = settled(flat([0.5], [2.0]), window(action="turn_up", target_kw=4.0))
    assert found.all_delivered_kwh.tolist() == [1.5, 1.5]
    assert found.shortfall_kwh.tolist() == [0.5, 0.5]


def test_a_reading_that_is_missing_delivers_nothing_and_is_counted():
    readings = flat([1.0, 1.0], [0.25, 0.25])
    readings.kwh[0, readings.index(DAY), 35] = np.nan
    found = settled(readings, window())
    assert found.delivered_kwh.tolist() == [[0.75, 0.0], [0.75, 0.75]]
    assert found.n_missing.tolist() == [0, 1]
    assert (found.all_baseline_kwh.tolist(), found.all_metered_kwh.tolist()) == ([2.0, 1.0], [0.5, 0.25])


def test_too_little_history_delivers_nothing():
    readings = readings_of(lucky(), first="2023-03-20")
    assert not settled(readings, window()).delivered_kwh.any()


def test_totals_are_the_sums_of_the_periods():
    found = settled(flat([1.0], [0.25]), window(target_kw=1.0, pence=50.0))
    assert found.totals == {
        "baseline_kwh": 2.0, "metered_kwh": 0.5, "delivered_kwh": 1.5, "instructed_kwh": 1.0, "accepted_kwh": 1.0,
        "shortfall_kwh": 0.0, "payment_gbp": 0.5,
    }  # fmt: skip


def test_without_a_target_nothing_is_instructed():
    assert settled(flat([1.0], [0.25]), window()).totals["instructed_kwh"] is None


def test_a_dispatch_that_never_served_comes_to_nothing():
    found = settle("evening-1", [], flat([1.0], [0.25]), [])
    assert found.table.n_rows == 0
    assert set(found.totals.values()) == {0.0}


def nominated(tmp_path, *rows):
    file = tmp_path / "nominated.csv"
    file.write_text("\n".join(["meter_id,settlement_date,settlement_period,baseline_kwh", *rows]) + "\n")
    return {"file": str(file)}


def test_a_nominated_portfolio_is_settled_as_a_whole(tmp_path):
    said = nominated(tmp_path, f"portfolio,{DAY},35,3", f"portfolio,{DAY},36,1")
    found = settled(flat([9.0, 9.0], [0.5, 1.0]), window(), method="nominated", settings=said)
    assert found.all_delivered_kwh.tolist() == [1.5, -0.5]
    assert np.isnan(found.delivered_kwh).all()
    assert not found.is_missing.any()


def test_a_nominated_portfolio_with_a_missing_reading_delivers_nothing(tmp_path):
    said = nominated(tmp_path, f"portfolio,{DAY},35,3", f"portfolio,{DAY},36,3")
    readings = flat([9.0, 9.0], [0.5, 1.0])
    readings.kwh[1, readings.index(DAY), 34] = np.nan
    found = settled(readings, window(), method="nominated", settings=said)
    assert found.all_delivered_kwh.tolist() == [0.0, 1.5]


def test_a_baseline_of_other_meters_is_refused():
    readings = flat([1.0, 1.0], [0.25, 0.25])
    other = baseline(method_named("zero"), replace(readings, meters=("a", "b")), DAY)
    with pytest.raises(ConfigError, match="of other meters"):
        settle("evening-1", [window()], readings, [other])


def test_a_date_without_a_baseline_is_named():
    readings = flat([1.0], [0.25])
    with pytest.raises(ConfigError, match="no baseline of 2023-03-19"):
        settle("evening-1", [window(*SUNDAY)], readings, [baseline(method_named("zero"), readings, DAY)])


# ---- the table


def test_the_table_has_the_portfolio_first_and_leaves_a_meter_without_a_share(tmp_path):
    found = settled(flat([1.0, 0.5], [0.25, 0.75]), window(target_kw=0.8, pence=50.0))
    write_csv(found.table, tmp_path / "settlement.csv")
    lines = (tmp_path / "settlement.csv").read_text().splitlines()
    assert lines[:4] == [
        HEADERS,
        "evening-1,2023-03-23,35,2023-03-23T17:00:00Z,all,1.5,1,0.5,0.4,0.4,0,0.2,0",
        "evening-1,2023-03-23,36,2023-03-23T17:30:00Z,all,1.5,1,0.5,0.4,0.4,0,0.2,0",
        "evening-1,2023-03-23,35,2023-03-23T17:00:00Z,m0,1,0.25,0.75,,,,,0",
    ]
    assert len(lines) == 1 + 2 * 3


def test_a_missing_reading_is_marked_in_the_table_and_in_its_total():
    readings = flat([1.0, 1.0], [0.25, 0.25])
    readings.kwh[0, readings.index(DAY), 35] = np.nan
    assert settled(readings, window()).table["is_missing"].tolist() == [0, 1, 0, 1, 0, 0]


def test_a_meter_called_all_is_refused():
    readings = replace(flat([1.0], [0.25]), meters=("all",))
    with pytest.raises(ConfigError, match='called "all"'):
        _ = settled(readings, window()).table


def test_every_column_of_the_settlement_is_explained():
    page = (ROOT / "docs" / "proof.md").read_text(encoding="utf-8")
    missing = [name for name in settled(flat([1.0], [0.25]), window()).table if f"`{name}`" not in page]
    assert missing == []

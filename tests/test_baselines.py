"""Named baselines: published vectors, closed forms by hand, a naive model beside them, and the command on files."""

from __future__ import annotations

import csv
import datetime as dt
import json
import math
import random
import subprocess
import sys
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from evsim import ConfigError
from evsim._dispatch.methods import AnyMethod, Bl01, FixedProfile, Mid8Of10, Nominated, SavingSessions, Zero
from evsim.market import METHODS, Readings, baseline, holidays_of, method_named
from evsim.market._history import mean_of_days
from evsim.market._meter_file import read_meters
from evsim.market._readings import METERS_AT_ONCE, clock_minutes, count_periods, same_clock, settlement

ROOT = Path(__file__).parent.parent
VECTORS = ROOT.parent / "shared" / "data" / "calibration" / "baseline"
BL01_VECTORS = VECTORS / "bl01_test_vectors_calibration.json"
SESSION_VECTORS = VECTORS / "octoplus_reference_dates_calibration.csv"
needs_bl01 = pytest.mark.skipif(not BL01_VECTORS.exists(), reason=f"needs ../shared: {BL01_VECTORS.name} is not there")
needs_sessions = pytest.mark.skipif(
    not SESSION_VECTORS.exists(), reason=f"needs ../shared: {SESSION_VECTORS.name} is not there"
)
ALIKE = 1e-9
"""kWh."""


def days_from(first, n):
    return [dt.date.fromisoformat(first) + dt.timedelta(days=i) for i in range(n)]


def readings_of(kwh_of, first="2023-01-02", n_days=90, meters=("a",), timezone="Europe/London"):
    """Meters whose half-hours are kwh_of(meter index, day index, period); None is missing."""
    made = Readings.none_of(meters, first, n_days, timezone)
    for m in range(len(meters)):
        for d in range(n_days):
            for p in range(int(made.n_periods[d])):
                value = kwh_of(m, d, p + 1)
                made.kwh[m, d, p] = np.nan if value is None else value
    return made


def flat(level_of, **given):
    """Meters whose half-hours are all alike within a day."""
    return readings_of(lambda _m, d, _p: level_of(d), **given)


def used(found, meter=0):
    return [str(day) for day in found.days_used(meter)]


# ---- published vectors


def vector(name):
    """A vector and the readings that it describes in words."""
    found = next(v for v in json.loads(BL01_VECTORS.read_text("utf-8"))["vectors"] if v["id"] == name)
    odd = {54: 9, 48: 1, 47: 3, 41: 5}
    levels = {"W10": float, "NW4": lambda i: float(odd.get(i, 1))}
    return found, flat(levels[name])


@needs_bl01
@pytest.mark.parametrize("name", ["W10", "NW4"])
def test_bl01_gives_the_published_numbers(name):
    told, readings = vector(name)
    found = baseline(Bl01(), readings, told["date"])
    assert found.kwh[0, :48] == pytest.approx([told["expected_baseline_kwh_per_slot"]] * 48, abs=ALIKE)
    assert found.used[0].sum() == told["expected_n_days"]
    middle = [text.partition(": ")[2].split(",") for text in told["days_considered"] if text.startswith("middle")]
    assert used(found) == sorted(middle[0] if middle else told["days_considered"])


@needs_bl01
def test_days_are_of_the_published_kind():
    cases = json.loads(BL01_VECTORS.read_text("utf-8"))["day_types"]["cases"]
    readings = flat(lambda _: 1, first="2013-01-01", n_days=120)
    assert len(cases) >= 4
    for day, kind in cases.items():
        assert kind.startswith(baseline(Bl01(), readings, day).kind.removesuffix(" day")), day


@needs_sessions
def test_saving_sessions_look_at_the_published_dates():
    with SESSION_VECTORS.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows
    readings = flat(lambda _: 1, first="2023-10-01", n_days=100)
    for row in rows:
        found = baseline(SavingSessions(), readings, row["session_date"], row["prior_session_day_excluded"].split())
        assert used(found) == sorted(row["expected_reference_dates"].split())


# ---- by hand: which days


def test_event_days_make_room_for_earlier_ones():
    found = baseline(Bl01(), flat(float), "2023-03-23", ["2023-03-15", "2023-03-09"])
    assert used(found) == sorted(
        f"2023-03-{d:02d}" for d in (7, 8, 10, 13, 14, 16, 17, 20, 21, 22)
    )  # 9 and 15 are left out
    assert found.kwh[0, 0] == pytest.approx((64 + 65 + 67 + 70 + 71 + 73 + 74 + 77 + 78 + 79) / 10)


@pytest.mark.parametrize(("n_days", "enough"), [(4, False), (5, True), (9, True), (10, True)])
def test_five_to_nine_working_days_are_all_used_and_four_are_too_few(n_days, enough):
    # the Friday after as many working days: 2023-01-09 is a Monday
    days = [d for d in days_from("2023-01-09", 30) if d.weekday() < 5]
    readings = flat(lambda d: d + 1, first="2023-01-09", n_days=30)
    found = baseline(Bl01(), readings, days[n_days])
    assert found.is_sufficient.tolist() == [enough]
    assert used(found) == ([str(d) for d in days[:n_days]] if enough else [])
    if not enough:
        assert found.kwh[0, :48].tolist() == [(days[n_days] - days[0]).days + 1] * 48  # as metered
        assert found.note(0) == "4 of 5 working days"


def test_three_days_of_weekends_are_too_few():
    readings = flat(
        lambda d: d + 1, first="2023-01-14", n_days=9
    )  # Saturday; Sat 21st has two before it, Sun 22nd three
    found = baseline(Bl01(), readings, "2023-01-22")
    assert found.note(0) == "3 of 4 non-working days"
    assert found.kwh[0, 0] == 9


def test_no_day_is_older_than_the_look_back():
    holidays = {d for d in days_from("2023-01-02", 90) if d.weekday() > 0}  # Mondays only work
    found = baseline(Bl01(), flat(float), "2023-03-27", is_holiday=holidays.__contains__)
    assert used(found)[0] == "2023-01-30"  # D-56; D-63 is too old
    older = baseline(Bl01(look_back_days=63), flat(float), "2023-03-27", is_holiday=holidays.__contains__)
    assert used(older)[0] == "2023-01-23"
    edge = baseline(Bl01(look_back_days=56), flat(float), "2023-03-27", is_holiday=holidays.__contains__)
    assert used(edge) == used(found)


def test_a_bank_holiday_is_a_day_of_the_weekend():
    readings = flat(lambda d: 1.0 + (d == 43), first="2023-03-01", n_days=60)  # 2023-04-13
    good_friday, easter_monday = "2023-04-07", "2023-04-10"
    found = baseline(Bl01(), readings, easter_monday)
    assert found.kind == "non-working day"
    assert baseline(Bl01(), readings, easter_monday, is_holiday=holidays_of("none")).kind == "working day"
    assert baseline(Bl01(), readings, easter_monday, is_holiday=holidays_of("GB-SCT")).kind == "working day"
    assert not {good_friday, easter_monday} & set(used(baseline(Bl01(), readings, "2023-04-14")))
    assert {good_friday, easter_monday} <= set(used(baseline(SavingSessions(), readings, "2023-04-14")))


def test_a_day_of_a_clock_change_is_no_example_but_of_a_saving_session_it_is():
    readings = flat(float, first="2023-03-01", n_days=45)
    assert "2023-03-26" not in used(baseline(Mid8Of10(n_days=4), readings, "2023-04-01"))
    assert "2023-03-26" in used(baseline(SavingSessions(), readings, "2023-04-01"))


def test_each_meter_has_its_own_whole_days():
    gaps = {(0, 79), (1, 78), (1, 77)}
    readings = readings_of(lambda m, d, p: None if (m, d) in gaps and p == 48 else d, meters=("a", "b", "c"))
    found = baseline(Bl01(), readings, "2023-03-23")
    assert [found.days_used(m)[-1].astype(object).day for m in range(3)] == [21, 22, 22]
    assert [found.days_used(m)[0].astype(object).day for m in range(3)] == [8, 7, 9]
    assert found.kwh[2, 0] == pytest.approx(72.7)


def test_of_days_with_the_same_total_the_earlier_counts_as_lower():
    # four Saturdays and Sundays of the same total, each with another shape: the middle two are those between by date
    shapes = {41: 1, 47: 2, 48: 3, 54: 4}  # the half-hour that has all the energy

    def kwh(_, d, p):
        return float(p == shapes.get(d, 40)) * (7.0 if d in shapes else 1)

    found = baseline(Bl01(), readings_of(kwh), "2023-02-26")
    assert used(found) == ["2023-02-18", "2023-02-19"]
    assert found.kwh[0, :5].tolist() == [0, 3.5, 3.5, 0, 0]


def test_totals_that_differ_by_a_rounding_are_a_tie():
    up, down = [0.1, 0.2, 0.3], [0.3, 0.2, 0.1]
    assert (0.1 + 0.2) + 0.3 > (0.3 + 0.2) + 0.1
    tenths = {41: up, 47: down, 48: down, 54: down}
    found = baseline(Bl01(), readings_of(lambda _, d, p: tenths.get(d, up)[p - 1] if p < 4 else 0), "2023-02-26")
    assert used(found) == ["2023-02-18", "2023-02-19"]


def test_mid_8_of_10_leaves_out_the_highest_and_the_lowest():
    found = baseline(Mid8Of10(), flat(lambda d: {79: 0, 70: 100}.get(d, d)), "2023-03-23")
    kept = [66, 67, 71, 72, 73, 74, 77, 78]
    assert used(found) == [str(d) for d in days_from("2023-01-02", 90) if (d - dt.date(2023, 1, 2)).days in kept]
    assert found.kwh[0, 0] == pytest.approx(sum(kept) / 8)
    short = baseline(Mid8Of10(), flat(float), "2023-01-13")
    assert short.note(0) == "8 of 10 working days"


def test_every_number_of_bl01_is_a_setting():
    readings = flat(float)
    assert len(used(baseline(Bl01(n_working=7), readings, "2023-03-23"))) == 7
    assert baseline(Bl01(least_working=3), readings, "2023-01-06").is_sufficient.all()  # 2nd: bank holiday; 3rd to 5th
    assert not baseline(Bl01(), readings, "2023-01-06").is_sufficient.any()
    assert len(used(baseline(Bl01(n_non_working=6, middle=4), readings, "2023-02-26"))) == 4
    assert len(used(baseline(Bl01(n_non_working=3, middle=3), readings, "2023-02-26"))) == 3


# ---- by hand: the adjustment


def adjusted(kwh_of, window, **settings):
    readings = readings_of(kwh_of)
    return baseline(Bl01(in_day_adjustment=True, **settings), readings, "2023-03-23", window=window)


def test_the_adjustment_is_the_mean_difference_of_three_hours_that_end_an_hour_before():
    # 17:00-18:00 are the periods 35 and 36; the six end at 16:00: 27 to 32. On the day they are 1..6 kWh over 2
    def kwh(_, d, p):
        return 2.0 if d != 80 else 2.0 + (p - 26 if 27 <= p <= 32 else 50.0)

    found = adjusted(kwh, [35, 36])
    assert found.adjustment_kwh.tolist() == [3.5]
    assert found.kwh[0, 33:37].tolist() == [2, 5.5, 5.5, 2]
    other = adjusted(kwh, [35, 36], adjustment_periods=2, adjustment_gap_periods=3)  # 30 and 31
    assert other.adjustment_kwh.tolist() == [4.5]


def test_an_adjustment_goes_down_as_well():
    found = adjusted(lambda _m, d, _p: 1.0 if d == 80 else 3.0, range(35, 37))
    assert found.adjustment_kwh.tolist() == [-2]
    assert found.portfolio[34] == 1


@pytest.mark.parametrize("window", [[8], [9]])
def test_half_hours_of_the_day_before_adjust_nothing(window):
    found = adjusted(lambda _m, d, _p: 1.0 + (d == 80), window)
    assert found.is_adjusted.tolist() == [window == [9]]
    assert found.adjustment_kwh.tolist() == [1.0 * (window == [9])]


def test_a_meter_that_is_not_read_before_the_event_is_not_adjusted():
    found = adjusted(lambda _, d, p: None if (d, p) == (80, 30) else 1.0 + (d == 80), [35])
    assert (found.is_adjusted.tolist(), found.adjustment_kwh.tolist(), found.kwh[0, 34]) == ([False], [0], 1)


def test_a_meter_without_history_is_not_adjusted():
    readings = flat(float, first="2023-03-21", n_days=3)
    found = baseline(Bl01(in_day_adjustment=True), readings, "2023-03-23", window=[35])
    assert (found.is_adjusted.tolist(), found.kwh[0, 34]) == ([False], 2)


@pytest.mark.parametrize("window", [[], [35, 37], [0], [49], [36, 35]])
def test_a_window_that_is_none_is_refused(window):
    with pytest.raises(ConfigError, match="settlement periods"):
        baseline(Bl01(), flat(float), "2023-03-23", window=window)


def test_an_adjustment_without_a_window_is_refused():
    with pytest.raises(ConfigError, match="no window is given"):
        baseline(Bl01(in_day_adjustment=True), flat(float), "2023-03-23")


# ---- by hand: clock changes


def by_clock(day_is, **given):
    """A meter whose half-hours tell what the clock shows [h]."""
    made = Readings.none_of(("a",), **given)
    for d, day in enumerate(made.days):
        minutes = clock_minutes(day, made.timezone)
        made.kwh[0, d, : len(minutes)] = minutes / 60 if day_is != str(day) else -1
    return made


@pytest.mark.parametrize(("day", "n"), [("2023-03-26", 46), ("2023-10-29", 50), ("2023-07-02", 48)])
def test_the_baseline_of_a_clock_change_goes_by_the_clock(day, n):
    first = dt.date.fromisoformat(day) - dt.timedelta(days=60)
    found = baseline(Bl01(), by_clock(day, first=first, n_days=61), day)
    assert found.n_periods == n
    assert found.kwh[0, :n].tolist() == (clock_minutes(day, "Europe/London") / 60).tolist()
    assert np.isnan(found.kwh[0, n:]).all()
    assert np.isnan(found.portfolio[n:]).all()


def test_an_hour_that_a_day_skipped_is_the_mean_of_the_others():
    readings = flat(lambda d: d, first="2023-03-18", n_days=15)  # Saturdays and Sundays: 0, 1, 7, 8 (clocks change), 14
    found = baseline(SavingSessions(), readings, "2023-04-01")
    assert used(found)[-1] == "2023-03-26"
    assert found.kwh[0, [1, 2, 3, 4]].tolist() == [4, 8 / 3, 8 / 3, 4]


def test_clocks_of_other_places_are_known():
    lengths = count_periods(np.arange("2023-03-25", "2023-03-28", dtype="datetime64[D]"), "Europe/Berlin")
    assert lengths.tolist() == [48, 46, 48]
    assert same_clock("2023-10-29", "2023-10-28", "Europe/London")[:8].tolist() == [0, 1, 2, 3, 2, 3, 4, 5]
    assert same_clock("2023-03-25", "2023-03-26", "Europe/London")[:6].tolist() == [0, 1, -1, -1, 2, 3]
    assert same_clock("2023-10-28", "2023-10-29", "Europe/London")[:6].tolist() == [0, 1, 2, 3, 6, 7]


@given(st.sampled_from(["Europe/London", "Europe/Oslo", "America/New_York"]), st.integers(0, 20_000))
def test_instants_fall_into_the_period_that_the_clock_says(timezone, half_hour):
    at = int(dt.datetime(2023, 1, 1, tzinfo=dt.UTC).timestamp()) + 1800 * half_hour
    (day,), (period,), (begins,) = settlement(np.array([at]), timezone)
    zone = ZoneInfo(timezone)
    local = dt.datetime.fromtimestamp(at, zone)
    midnight = dt.datetime.combine(local.date(), dt.time(), zone)
    assert (day.astype(object), period, begins) == (local.date(), (at - midnight.timestamp()) // 1800 + 1, True)
    assert not settlement(np.array([at + 60]), timezone)[2][0]


# ---- beside a naive model


def n_half_hours(day, zone):
    edges = [dt.datetime.combine(d, dt.time(), zone).timestamp() for d in (day, day + dt.timedelta(days=1))]
    return int(edges[1] - edges[0]) // 1800


def clock_of(day, period, zone):
    start = dt.datetime.combine(day, dt.time(), zone).timestamp() + 1800 * (period - 1)
    return dt.datetime.fromtimestamp(start, zone).time()


# meter : {date: {period: kWh}}, in which a missing half-hour has no key


def naive_days(kind, meter, day, events, holidays, zone):
    """The days whose mean one meter's baseline is; none where they are too few."""

    def is_working(d):
        return d.weekday() < 5 and (kind == "saving_sessions" or d not in holidays)

    def total(d):
        return round(math.fsum(meter[d].values()), 9)

    chosen = []
    wanted = {"bl01": (10, 4), "mid_8_of_10": (10, 10), "saving_sessions": (10, 4)}[kind][not is_working(day)]
    for back in range(1, 61):
        d = day - dt.timedelta(days=back)
        whole = len(meter.get(d, {})) == n_half_hours(d, zone)
        fine = kind == "saving_sessions" or n_half_hours(d, zone) == 48
        if whole and fine and d not in events and is_working(d) == is_working(day) and len(chosen) < wanted:
            chosen.append(d)
    if len(chosen) < (5 if kind == "bl01" and is_working(day) else wanted):
        return []
    chosen.sort()
    if kind == "mid_8_of_10" or (kind == "bl01" and not is_working(day)):
        chosen = sorted(sorted(chosen, key=total)[1:-1])
    return chosen


def naive_mean(meter, day, chosen, window, zone):
    """One meter's baseline {period: kWh}, a half-hour at a time."""
    mean = {}
    for period in range(1, n_half_hours(day, zone) + 1):
        values = []
        for d in chosen:
            same = [p for p in sorted(meter[d]) if clock_of(d, p, zone) == clock_of(day, period, zone)]
            values += [meter[d][same[0]]] if same else []
        if values:
            mean[period] = math.fsum(values) / len(values)
    if window:
        before = range(window[0] - 8, window[0] - 2)
        if before[0] >= 1 and all(p in meter.get(day, {}) for p in before):
            shift = math.fsum(meter[day][p] - mean[p] for p in before) / 6
            mean |= {p: mean[p] + shift for p in window}
    return mean


@st.composite
def worlds(draw):
    """Meters with gaps around a day, some of whose days are events or holidays; few levels, so that totals tie."""
    zone = ZoneInfo("Europe/London")
    day = dt.date(2023, 3, 26) + dt.timedelta(days=draw(st.integers(-3, 45)))
    if draw(st.booleans()):
        day += dt.timedelta(days=217)  # from 2023-10-29, less some
    luck = random.Random(draw(st.integers(0, 10**6)))  # noqa: S311 - no secret
    n_before = draw(st.sampled_from([8, 20, 64]))
    p_gap, n_levels = draw(st.sampled_from([0, 0.1, 0.5])), draw(st.sampled_from([2, 3000]))
    days = [day - dt.timedelta(days=i) for i in range(n_before, -1, -1)]
    meters = []
    for _ in range(3):
        meter = {d: {p: luck.randrange(-5, n_levels) / 1000 for p in range(1, n_half_hours(d, zone) + 1)} for d in days}
        if n_levels == 2:
            for d in days:
                level = luck.randrange(2)
                meter[d] = dict.fromkeys(meter[d], level)
        for d in days:
            if luck.random() < p_gap:
                for p in luck.sample(sorted(meter[d]), luck.choice([1, 2, 46])):
                    del meter[d][p]
        meters.append(meter)
    events = set(luck.sample(days, min(len(days), draw(st.integers(0, 12)))))
    holidays = set(luck.sample(days, draw(st.integers(0, 4))))
    window = draw(st.sampled_from([None, [35, 36], [5, 6, 7], [46]]))
    return zone, day, days, meters, events, holidays, window


@pytest.mark.parametrize("kind", ["bl01", "mid_8_of_10", "saving_sessions"])
@given(worlds())
def test_every_meter_is_as_the_naive_model_has_it(kind, world):
    zone, day, days, meters, events, holidays, window = world
    readings = readings_of(
        lambda m, d, p: meters[m][days[d]].get(p), str(days[0]), len(days), [str(i) for i in range(len(meters))]
    )
    settings = {"in_day_adjustment": True} if kind == "bl01" and window else {}
    found = baseline(method_named(kind, settings), readings, day, events, holidays.__contains__, window)
    n = n_half_hours(day, zone)
    for m, meter in enumerate(meters):
        chosen = naive_days(kind, meter, day, events, holidays, zone)
        assert used(found, m) == [str(d) for d in chosen]
        assert found.is_sufficient[m] == bool(chosen)
        expected = naive_mean(meter, day, chosen, window if settings else None, zone) if chosen else {}
        assert found.kwh[m, :n] == pytest.approx(
            [expected.get(p, meter[day].get(p, math.nan)) for p in range(1, n + 1)], abs=ALIKE, nan_ok=True
        )
    together = [math.fsum(k for k in found.kwh[:, p].tolist() if not math.isnan(k)) for p in range(n)]
    assert found.portfolio[:n] == pytest.approx(together, abs=ALIKE)


# ---- laws


def crowd(n, seed=1):
    """Meters with gaps, as many as one likes."""
    luck = np.random.default_rng(seed)
    made = Readings.none_of([str(i) for i in range(n)], "2023-01-22", 61)
    made.kwh[:, :, :48] = luck.random((n, 61, 48))
    made.kwh[luck.random((n, 61)) < 0.2, 5] = np.nan
    return made


def part_of(readings, rows):
    return Readings(
        tuple(np.array(readings.meters)[rows]), readings.days, readings.kwh[rows], readings.n_periods, readings.timezone
    )


def test_a_meter_alone_is_as_it_is_in_a_crowd():
    everybody = crowd(METERS_AT_ONCE + 3)
    for method in (Bl01(), Mid8Of10(), SavingSessions()):
        for day in ("2023-03-23", "2023-03-19"):
            found = baseline(method, everybody, day)
            rows = np.array([METERS_AT_ONCE + 1, 7, METERS_AT_ONCE - 1])
            alone = baseline(method, part_of(everybody, rows), day)
            assert np.array_equal(alone.kwh, found.kwh[rows], equal_nan=True)
            assert np.array_equal(alone.used, found.used[rows])


def test_the_portfolio_is_added_meter_after_meter_so_that_anybody_finds_the_same():
    found = baseline(Bl01(), crowd(500), "2023-03-23")
    for p in range(48):
        total = 0.0
        for m in range(500):
            total += float(found.kwh[m, p])
        assert found.portfolio[p] == total


def test_readings_of_half_the_precision_are_added_in_full():
    exact = crowd(20)
    exact.kwh[:] = np.round(exact.kwh * 1024) / 1024  # both precisions hold these
    half = Readings(exact.meters, exact.days, exact.kwh.astype(np.float32), exact.n_periods)
    for method in (Bl01(), Mid8Of10()):
        one, other = baseline(method, exact, "2023-03-19"), baseline(method, half, "2023-03-19")
        assert np.array_equal(one.kwh, other.kwh, equal_nan=True)
        assert other.kwh.dtype == np.float64


def test_what_happens_on_the_day_and_after_it_changes_nothing():
    readings = crowd(50)
    before = baseline(Bl01(), readings, "2023-03-10")
    at = readings.index("2023-03-10")
    enough = before.is_sufficient
    readings.kwh[:, at:] = 9
    assert np.array_equal(baseline(Bl01(), readings, "2023-03-10").kwh[enough], before.kwh[enough], equal_nan=True)
    assert enough.sum() > 40


def test_the_readings_are_left_as_they_are():
    readings = crowd(5)
    copy = readings.kwh.copy()
    for name in ("bl01", "mid_8_of_10", "saving_sessions", "zero"):
        found = baseline(method_named(name), readings, "2023-03-23", window=[35])
        found.kwh[:] = 7
    assert np.array_equal(copy, readings.kwh, equal_nan=True)


def test_a_day_that_is_not_read_yet_has_a_baseline_all_the_same():
    readings = flat(float)
    found = baseline(Bl01(), readings, "2023-04-03")
    assert found.is_sufficient.all()
    assert found.kwh[0, 0] == pytest.approx((77 + 78 + 79 + 80 + 81 + 84 + 85 + 86 + 87 + 88) / 10)
    unknown = baseline(Bl01(), readings, "2025-04-03")
    assert not unknown.is_sufficient.any()
    assert np.isnan(unknown.kwh).all()
    assert unknown.portfolio[:48].tolist() == [0] * 48


def test_only_saving_sessions_clip():
    assert {name for name, kind in METHODS.items() if kind.clips_delivered} == {"saving_sessions"}


def test_totals_are_of_whole_days():
    readings = readings_of(lambda _, d, p: None if (d, p) == (1, 3) else 0.5, first="2023-03-24", n_days=3)
    assert readings.totals().tolist()[0] == pytest.approx([24, math.nan, 23], nan_ok=True)
    assert readings.is_missing("2023-03-25").nonzero()[1].tolist() == [2]
    assert not readings.is_missing("2023-03-26").any()
    assert readings.index("2023-03-27") is None
    day, period = readings.place(np.array([int(dt.datetime(2023, 3, 26, 17, tzinfo=dt.UTC).timestamp())]))
    assert (day.tolist(), period.tolist()) == ([2], [35])


def test_the_mean_of_no_meters_is_no_mean():
    nobody = Readings.none_of((), "2023-01-22", 61)
    for name in ("bl01", "zero"):
        assert baseline(method_named(name), nobody, "2023-03-23").portfolio[:48].tolist() == [0] * 48
    assert mean_of_days(Bl01(), nobody, "2023-03-23", (), holidays_of()).kwh.shape == (0, 50)


# ---- methods that need no history


def test_zero_is_zero_in_each_half_hour_there_is():
    found = baseline(Zero(), flat(float), "2023-03-26")
    assert found.kwh[0, :46].tolist() == [0] * 46
    assert np.isnan(found.kwh[0, 46:]).all()


def test_a_profile_is_times_the_assets_and_goes_by_the_clock():
    profile = [float(i) for i in range(48)]
    readings = flat(float, meters=("a", "b"))
    each = baseline(FixedProfile(kwh=profile), readings, "2023-03-23")
    assert each.kwh[1, :48].tolist() == profile
    assert each.portfolio[:48].tolist() == [2 * k for k in profile]
    ten = baseline(FixedProfile(kwh=profile, n_assets=10), readings, "2023-03-26")
    assert ten.portfolio[:6].tolist() == [0, 10, 40, 50, 60, 70]  # 01:00 is skipped
    back = baseline(FixedProfile(kwh=profile), readings, "2023-10-29")
    assert back.kwh[0, :8].tolist() == [0, 1, 2, 3, 2, 3, 4, 5]


def test_a_profile_may_be_a_file(tmp_path):
    path = tmp_path / "profile.csv"
    path.write_text("settlement_period,kwh\n" + "".join(f"{p},{p / 8}\n" for p in range(48, 0, -1)), encoding="utf-8")
    found = baseline(FixedProfile(file=str(path)), flat(float), "2023-03-23")
    assert found.kwh[0, :48].tolist() == [p / 8 for p in range(1, 49)]


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("7,0.5\n", "", "no settlement_period 7;"),
        ("7,0.5\n", "7,x\n", 'line 8 has kwh "x": not a number'),
        ("7,0.5\n", "7,\n", 'line 8 has kwh "": not a number'),
        ("7,0.5\n", "6,0.5\n", "line 8: settlement_period 6 is there twice"),
        ("7,0.5\n", "49,0.5\n", 'line 8 has settlement_period "49": number them 1 to 48'),
        ("settlement_period,kwh", "period,kwh", 'the headers are "period", "kwh"; write settlement_period,kwh'),
    ],
)
def test_a_faulty_profile_says_what_would_do(tmp_path, old, new, told):
    text = "settlement_period,kwh\n" + "".join(f"{p},0.5\n" for p in range(1, 49))
    assert old in text
    path = tmp_path / "profile.csv"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        baseline(FixedProfile(file=str(path)), flat(float), "2023-03-23")
    assert str(caught.value).startswith(f"{path}: ")
    assert told in str(caught.value)


def nominated(tmp_path, *rows):
    path = tmp_path / "nominated.csv"
    text = "\n".join(["meter_id,settlement_date,settlement_period,baseline_kwh", *rows])
    path.write_text(f"{text}\n", encoding="utf-8")
    return baseline(Nominated(file=str(path)), flat(float, meters=("a", "b")), "2023-03-23")


def test_a_nomination_is_taken_at_its_word_and_elsewhere_nothing_is_delivered(tmp_path):
    found = nominated(tmp_path, "b,2023-03-23,35,1.5", "b,2023-03-22,36,9", "z,2023-03-23,35,9")
    assert found.kwh[:, 34:36].tolist() == [[80, 80], [1.5, 80]]
    assert found.is_sufficient.tolist() == [False, True]
    assert (found.note(0), found.note(1)) == ("not nominated", "")
    assert found.portfolio[34:36].tolist() == [81.5, 160]


def test_a_nomination_of_the_portfolio_says_nothing_of_its_meters(tmp_path):
    found = nominated(tmp_path, "portfolio,2023-03-23,35,150", "portfolio,2023-03-23,36,151")
    assert found.portfolio[34:36].tolist() == [150, 151]
    assert np.isnan(found.portfolio[33])
    assert np.isnan(found.kwh).all()


def test_a_file_of_nominations_that_changes_is_read_again(tmp_path):
    assert nominated(tmp_path, "b,2023-03-23,35,1.5").kwh[1, 34] == 1.5
    assert nominated(tmp_path, "b,2023-03-23,35,12.5").kwh[1, 34] == 12.5


# ---- settings


@pytest.mark.parametrize(
    ("name", "settings", "told"),
    [
        ("bl10", {}, 'method "bl10": no such method; did you mean "bl01"?'),
        ("bl01", {"n_workin": 3}, 'no such setting; did you mean "n_working"?'),
        ("bl01", {"least_working": 11}, "11 is over n_working (10)"),
        ("bl01", {"middle": 3}, "3 is not the middle of n_non_working (4)"),
        ("bl01", {"middle": 6}, "6 is not the middle of n_non_working (4)"),
        ("bl01", {"n_working": 0}, "0 is under 1"),
        ("mid_8_of_10", {"n_dropped": 5}, "5 at each end leave nothing of n_days (10)"),
        ("fixed_profile", {}, 'give either "kwh", a list of 48 numbers, or "file"'),
        ("fixed_profile", {"kwh": [1] * 48, "file": "x.csv"}, 'give either "kwh"'),
        ("fixed_profile", {"kwh": [1] * 46}, "a list of 46; a day has 48 half-hours"),
        ("nominated", {}, "file  missing"),
    ],
)
def test_settings_that_cannot_be_say_so(name, settings, told):
    with pytest.raises(ConfigError) as caught:
        method_named(name, settings)
    assert told in str(caught.value)


def test_a_method_can_be_a_part_of_a_config():
    reader = TypeAdapter(AnyMethod)
    assert reader.validate_python({"method": "mid_8_of_10", "n_days": "12"}) == Mid8Of10(n_days=12)
    assert reader.validate_python({"method": "zero"}) == Zero()
    with pytest.raises(ValidationError, match='did you mean "n_days"'):
        reader.validate_python({"method": "mid_8_of_10", "n_day": 12})


# ---- files of meters


BY_START = "meter_id,start_utc,kwh\n"
BY_NUMBER = "meter_id,settlement_date,settlement_period,kwh\n"


def file_of(tmp_path, text, name="meters.csv"):
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def some_days(n_days=12, meters=("a", "b"), kwh=lambda _m, d, i: f"{d}.{i:02d}"):
    """A file of whole days by instant, from Monday 2023-01-09; in winter local days are UTC days."""
    start = dt.datetime(2023, 1, 9, tzinfo=dt.UTC)
    return BY_START + "".join(
        f"{m},{start + dt.timedelta(days=d, minutes=30 * i):%Y-%m-%dT%H:%MZ},{kwh(m, d, i)}\n"
        for m in meters
        for d in range(n_days)
        for i in range(48)
    )


FORMS = {
    "by instant": BY_START + "b,2023-06-01T23:30Z,1.5\na,2023-06-02T00:00:00+01:00,2\n",
    "by number": BY_NUMBER + "b,2023-06-02,2,1.5\na,2023-06-02,1,2\n",
    "with a mark": "\ufeff" + BY_NUMBER + "b,2023-06-02,2,1.5\na,2023-06-02,1,2\n",
    "with semicolons": (BY_NUMBER + "b,2023-06-02,2,1@5\na,2023-06-02,1,2\n").replace(",", ";").replace("@", ","),
    "in utf-16": (BY_NUMBER + "b,2023-06-02,2,1.5\na,2023-06-02,1,2\n").encode("utf-16"),
    "with blanks": " Meter ID , Settlement Date,settlement-period,kWh\n\nb , 2023-06-02, 2, 1.5\n\na,2023-06-02,1,2 \n",
    "in another order": "kwh,note,start_utc,meter_id\n1.5,x,2023-06-01 23:30,b\n2,,2023-06-01 23:00:00,a\n",
    "with quotes": '"meter_id","start_utc","kwh"\r\n"b","2023-06-01T23:30Z","1.5"\r\n"a","2023-06-01T23:00Z","2"\r\n',
    "with an empty cell": BY_NUMBER + "b,2023-06-02,2,1.5\na,2023-06-02,1,2\na,2023-06-02,3,\nb,2023-06-02,1,NaN\n",
}


@pytest.mark.parametrize("form", FORMS)
def test_readings_come_in_several_forms(tmp_path, form):
    found = read_meters(file_of(tmp_path, FORMS[form]))
    assert (found.meters, [str(day) for day in found.days]) == (("b", "a"), ["2023-06-02"])
    assert found.kwh[:, 0, :3].tolist() == pytest.approx(
        np.array([[math.nan, 1.5, math.nan], [2, math.nan, math.nan]]), nan_ok=True
    )


def test_a_file_of_one_meter_needs_no_names_and_may_export(tmp_path):
    found = read_meters(file_of(tmp_path, "start_utc,kwh\n2023-06-01T23:30Z,-1.5\n2023-06-03T22:30Z,1e-3\n"))
    assert (found.meters, len(found.days)) == (("meter",), 2)
    assert (found.kwh[0, 0, 1], found.kwh[0, 1, 47]) == (-1.5, 0.001)
    assert np.isnan(found.kwh).sum() == 98


def test_both_hours_of_an_autumn_night_are_read(tmp_path):
    rows = "".join(f"{t:%Y-%m-%dT%H:%MZ},{i}\n" for i, t in enumerate(
        dt.datetime(2023, 10, 28, 23, tzinfo=dt.UTC) + dt.timedelta(minutes=30 * i) for i in range(50)
    ))  # fmt: skip
    found = read_meters(file_of(tmp_path, "start_utc,kwh\n" + rows))
    assert found.kwh[0].tolist() == [list(range(50))]


FAULTS = {
    "": "the file is empty",
    "meter_id,start_utc,kwh\n": "no readings; after the line of headers",
    "meter_id,start_utc,kwh\n\n \n": "no readings; after the line of headers",
    BY_START
    + "a,2023-06-02T00:00Z,1\na,2023-06-02T00:10Z,1\n": 'line 3 has start_utc "2023-06-02T00:10Z": not the beg',
    BY_START + "a,02/06/2023 00:00,1\n": 'line 2 has start_utc "02/06/2023 00:00": not a date with a time; write it as',
    BY_START + "a,,1\n": "line 2 has no start_utc",
    BY_START + "\n,2023-06-02T00:00Z,1\n": "line 3 has no meter_id",
    BY_START + "a,2023-06-02T00:00Z,1\n\nb,2023-06-02T00:00Z,1\na,2023-06-02T01:00+01:00,1\n": (
        'lines 2 and 5: two readings of meter "a", 2023-06-02 period 3; leave one of them out'
    ),
    BY_START + "a,2023-06-02T00:00Z,one\n": 'line 2 has kwh "one": not a number; leave the cell empty',
    BY_START + "a,2023-06-02T00:00Z,inf\n": 'line 2 has kwh "inf": not a number',
    BY_START + "a,2023-06-02T00:00Z,1_0\n": 'line 2 has kwh "1_0": not a number',
    BY_START + "a,2023-06-02T00:00Z,1.234,5\n": "line 2: 4 cells under 3 headers; is a decimal comma unquoted?",
    BY_START + "a,2023-06-02T00:00Z,1\na,2023-06\n": "line 3: 2 cells under 3 headers; was the file saved whole?",
    BY_START + 'a,"2023-06-02T00:00Z,1\n': "is a quote unclosed?",
    BY_NUMBER
    + "a,2023-06-02,51,1\n": 'line 2 has settlement_period "51": number the half-hours of the local day from 1',
    BY_NUMBER + "a,2023-06-02,0,1\na,2023-06-02,1.0,1\n": 'line 2 has settlement_period "0", line 3 has settlement_per',
    BY_NUMBER + "a,2023-06-02,,1\n": "line 2 has no settlement_period",
    BY_NUMBER + "a,2023-06-02,49,1\n": "line 2: settlement_period 49 on 2023-06-02, which has 48 in Europe/London",
    BY_NUMBER + "a,2023-03-26,47,1\n": "line 2: settlement_period 47 on 2023-03-26, which has 46 in Europe/London",
    BY_NUMBER + "a,02/06/2023,1,1\n": 'line 2 has settlement_date "02/06/2023": not a date; write it as 2023-03-23',
    BY_NUMBER + "a,2023-02-30,1,1\n": 'line 2 has settlement_date "2023-02-30": not a date',
    BY_NUMBER + "a,2023-06-02,1,1\na,2003-06-02,1,1\n": "is a date mistyped?",
    BY_NUMBER + "portfolio,2023-06-02,1,1\n": 'a meter is called "portfolio"',
    "meter_id,start,kwh\na,2023-06-02T00:00Z,1\n": 'line 1: no column "settlement_date" and no "settlement_period"',
    "meter_id,start_utc,kw\na,2023-06-02T00:00Z,1\n": 'line 1: no column "kwh"; the headers are "meter_id",',
    "meter_id,start_utc,kwh,kwh\na,2023-06-02T00:00Z,1,1\n": 'line 1: two columns are called "kwh"; rename one',
    b"PK\x03\x04\0\0": "not a text file; save the readings as CSV",
}


@pytest.mark.parametrize("text", FAULTS, ids=[told[:40] for told in FAULTS.values()])
def test_a_faulty_file_says_where_and_what_would_do(tmp_path, text):
    path = file_of(tmp_path, text)
    with pytest.raises(ConfigError) as caught:
        read_meters(path)
    assert FAULTS[text] in str(caught.value)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


def test_a_header_that_is_nearly_right_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r'is it "kWh used"\? Then rename that'):
        read_meters(file_of(tmp_path, "start_utc,kWh used\n2023-06-02T00:00Z,1\n"))


def test_of_many_faulty_rows_three_are_named(tmp_path):
    text = some_days(2).replace("T17:30Z,", "T17:30Z,about ")
    with pytest.raises(ConfigError) as caught:
        read_meters(file_of(tmp_path, text))
    assert 'line 37 has kwh "about 0.35", line 85 has' in str(caught.value)
    assert " and 1 more: not a number" in str(caught.value)


def test_a_file_that_is_not_there_is_told(tmp_path):
    file_of(tmp_path, "x", "meters.csv")
    with pytest.raises(ConfigError, match=r'no such file; did you mean ".*meters\.csv"'):
        read_meters(tmp_path / "meter.csv")


# ---- the command


def command(folder, *words):
    done = subprocess.run(
        [sys.executable, "-m", "evsim", "baseline", *words],
        cwd=folder, env={"PYTHONPATH": str(ROOT), "PATH": "", "COLUMNS": "100"}, capture_output=True, text=True,
        timeout=60, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout, done.stderr


def table_in(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The command on two meters, of which one is new."""
    folder = tmp_path_factory.mktemp("made")
    rows = [
        row
        for row in some_days(15, ("a", 'new, "b"')).splitlines(keepends=True)
        if not row.startswith("new") or row.split(",")[-2] >= "2023-01-18T00:00Z"
    ]
    text = "".join(rows).replace('new, "b"', '"new, ""b"""').replace("a,2023-01-17T10:00Z,8.20\n", "")
    file_of(folder, text)
    words = ["--day", "2023-01-23", "--event-days", "2023-01-13, 2023-01-19", "--in-day-adjustment", "17:00-18:00"]
    return folder, command(folder, "meters.csv", *words, "--out", "here/made.csv")


def test_the_command_writes_each_half_hour_and_the_days_used(made):
    folder, (status, _, stderr) = made
    assert (status, stderr) == (0, "")
    assert sorted(path.name for path in (folder / "here").iterdir()) == ["made.csv", "made_days.csv"]
    rows = table_in(folder / "here" / "made.csv")
    assert list(rows[0]) == ["meter_id", "settlement_date", "settlement_period", "baseline_kwh"]
    assert [(r["meter_id"], r["settlement_period"]) for r in rows] == [
        (m, str(p)) for m in ("a", 'new, "b"') for p in range(1, 49)
    ]
    assert {r["settlement_date"] for r in rows} == {"2023-01-23"}
    # of a: 9 to 12, 16, 18 and 20 January are days 0 1 2 3 7 9 11; the day itself is 14
    mean = (0 + 1 + 2 + 3 + 7 + 9 + 11) / 7
    assert float(rows[0]["baseline_kwh"]) == pytest.approx(mean, abs=ALIKE)
    assert float(rows[34]["baseline_kwh"]) == pytest.approx(14 + 0.34, abs=ALIKE)
    assert float(rows[36]["baseline_kwh"]) == pytest.approx(mean + 0.36, abs=ALIKE)
    assert float(rows[48 + 1]["baseline_kwh"]) == 14.01  # as metered


def test_the_days_used_are_told_for_each_meter(made):
    folder, _ = made
    first, second = table_in(folder / "here" / "made_days.csv")
    assert first["days_used"].split() == [f"2023-01-{d:02d}" for d in (9, 10, 11, 12, 16, 18, 20)]
    assert (first["is_sufficient"], first["n_days_used"], first["note"]) == ("true", "7", "")
    assert float(first["adjustment_kwh"]) == pytest.approx(14 - 33 / 7, abs=ALIKE)
    assert second == {
        "meter_id": 'new, "b"', "settlement_date": "2023-01-23", "is_sufficient": "false", "n_days_used": "0",
        "days_used": "", "adjustment_kwh": "0", "note": "2 of 5 working days",
    }  # fmt: skip


def test_the_command_prints_the_meters_and_what_stands_in_the_way(made):
    _, (_, printed, _) = made
    lines = printed.splitlines()
    assert lines[0] == "bl01 of Mon 23 Jan 2023, a working day; energies are of the periods 35 to 36"
    assert lines[2].split() == ["a", "7,", "09", "Jan", "to", "20", "Jan", "28.690", "28.690", "0.000", "9.286"]
    assert lines[4].split() == ["portfolio", "57.380", "57.380", "0.000", "9.286"]
    assert 'note: insufficient history: new, "b" (2 of 5 working days); the baseline there is what was metered' in lines
    assert "note: half-hours missing before: a (1 half-hour on 1 day); such a day is not used" in lines
    assert lines[-1] == "here/: made.csv, made_days.csv"


def test_the_baseline_that_was_written_can_be_nominated(made):
    folder, _ = made
    words = ("meters.csv", "--day", "2023-01-23", "--method", "nominated", "--set", "file=here/made.csv")
    status, _, _ = command(folder, *words, "--out", "again.csv", "--quiet")
    assert status == 0
    assert (folder / "again.csv").read_bytes() == (folder / "here" / "made.csv").read_bytes()


def test_of_many_meters_ten_are_shown_and_three_named(tmp_path):
    names = [f"m{i}" for i in range(1234)]
    text = BY_NUMBER + "".join(f"{m},2023-01-0{d},{p},1\n" for m in names for d in (3, 4) for p in range(1, 47))
    status, printed, _ = command(file_of(tmp_path, text).parent, "meters.csv", "--day", "2023-01-04")
    assert status == 0
    assert "m9 " in printed
    assert "m10 " not in printed
    assert "and 1,224 more\n" in printed
    assert "m2 (0 of 5 working days) and 1,231 more; the baseline there is what was metered" in printed
    assert (
        "not metered on 2023-01-04: m0 (2 half-hours), m1 (2 half-hours), m2 (2 half-hours) and 1,231 more" in printed
    )
    assert "missing before: m0 (2 half-hours on 1 day), m1" in printed
    lines = (tmp_path / "outputs" / "baseline.csv").read_text("utf-8").splitlines()
    assert lines[1:3] == ["m0,2023-01-04,1,1", "m0,2023-01-04,2,1"]
    assert lines[47:50] == ["m0,2023-01-04,47,", "m0,2023-01-04,48,", "m1,2023-01-04,1,1"]


def test_a_day_that_the_file_has_not_is_told(tmp_path):
    file_of(tmp_path, some_days(12))
    status, printed, _ = command(tmp_path, "meters.csv", "--day", "2023-01-24")
    assert status == 0
    assert "note: 2023-01-24 is not in meters.csv, which holds 2023-01-09 to 2023-01-20" in printed
    status, _, stderr = command(tmp_path, "meters.csv", "--day", "2024-01-24", "--out", "no.csv")
    assert status == 2
    assert "holds 2023-01-09 to 2023-01-20, so 2024-01-24 has too little history" in stderr
    assert not (tmp_path / "no.csv").exists()


def test_an_hour_that_comes_twice_is_twice_in_the_window(tmp_path):
    rows = [BY_NUMBER]
    for day in days_from("2023-10-01", 29):
        rows += [f"a,{day},{p},1\n" for p in range(1, (50 if day.day == 29 else 48) + 1)]
    file_of(tmp_path, "".join(rows))
    words = ("--day", "2023-10-29", "--in-day-adjustment")
    _, printed, _ = command(tmp_path, "meters.csv", *words, "01:00-02:00")
    assert "periods 3 to 6" in printed
    assert "note: not adjusted, for want of readings in the half-hours before the event: a" in printed
    _, printed, _ = command(tmp_path, "meters.csv", *words, "17:00-24:00")
    assert "periods 37 to 50" in printed


SLIPS = {
    "--method bl1 --day 2023-01-20": 'method "bl1": no such method; did you mean "bl01"?',
    "--day": "requires an argument",
    "--method zero": "--day: missing; say of which day",
    "--day 20/01/2023": '--day: "20/01/2023" is not a date; write it as 2023-03-23',
    "--day 2023-01-20 --event-days 2023-01-19,x": '--event-days: "x" is not a date',
    "--day 2023-01-20 --timezone Europe/Lundon": '"Europe/Lundon" is not a time zone; did you mean "Europe/London"?',
    "--day 2023-01-20 --holidays XX": '--holidays: "XX" is not a region',
    "--day 2023-01-20 --in-day-adjustment 17:00": 'adjustment: "17:00" is not a window; write it as 17:00-18:00',
    "--day 2023-01-20 --in-day-adjustment 17:10-18:00": "does not begin and end with half-hours",
    "--day 2023-01-20 --in-day-adjustment 18:00-17:00": "has no half-hour on 2023-01-20; write FROM before TO",
    "--day 2023-01-20 --in-day-adjustment 17-18": '"17" is not a time of day; write it as "17:00"',
    "--day 2023-01-20 --method zero --in-day-adjustment 17:00-18:00": "zero has none; leave it out",
    "--day 2023-01-20 --set n_working": "--set n_working: write a number of the method and its value",
    "--day 2023-01-20 --set n_working=x": 'n_working  "x" is not a number',
    "--day 2023-01-20 --method fixed_profile --set kwh=[1,2": '"[1,2" is not a list; write it as [0.1,0.2]',
    "--day 2023-01-20 --method nominated --set file=no.csv": "no.csv: no such file",
    "--day 2023-01-20 --out meters.csv": "meters.csv: holds the readings, and would be replaced",
    "--day 2023-01-20 --out .": "a folder; give the name of a file with --out",
}


@pytest.mark.parametrize("words", SLIPS)
def test_a_slip_is_told_and_nothing_is_written(tmp_path, words):
    path = file_of(tmp_path, some_days(12))
    before = path.read_bytes()
    status, printed, stderr = command(tmp_path, "meters.csv", *words.split())
    assert (status, printed) == (2, "")
    assert SLIPS[words] in stderr
    assert "Traceback" not in stderr
    assert [p.name for p in tmp_path.iterdir()] == ["meters.csv"]
    assert path.read_bytes() == before


def test_a_faulty_file_leaves_what_was_there(tmp_path):
    file_of(tmp_path, some_days(12).replace(",3.05\n", ",three\n"))
    file_of(tmp_path, "mine", "made.csv")
    status, _, stderr = command(tmp_path, "meters.csv", "--day", "2023-01-20", "--out", "made.csv")
    assert (status, "three" in stderr) == (2, True)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["made.csv", "meters.csv"]
    assert (tmp_path / "made.csv").read_text("utf-8") == "mine"

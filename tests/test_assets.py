"""Who can do what: by hand, beside a naive reading of each user's own log, and the laws that any answer keeps."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.patches import StepPatch
from matplotlib.text import Text
from PIL import Image
from worlds import ALIKE, FLAT, command, config, row, run, scheduled

from evsim import ConfigError, Scenario, simulate
from evsim._battery import ChargeCurve, Wiring, charge
from evsim._commands.assets import ASSETS_FILES, scenario_of
from evsim._outputs import FILES
from evsim.analysis import assets, possible
from evsim.analysis._film import Film
from evsim.analysis._readiness import Readiness, appointments
from evsim.cli import main
from evsim.plots import assets_by_hour, save_assets
from evsim.plots._palette import colour

KW, CAPACITY, EFFICIENCY = 7, 60, 0.9
OUT = 0.87 / EFFICIENCY
"""Of the sheet's average driver: plugged in from 18:00 to 07:00, from 68% to 80% in 8 kWh."""


def yes(results, **asked):
    """(n_days,) whether the first user can."""
    return results.assets(**asked).holds[0].tolist()


@pytest.fixture(scope="module")
def evening():
    """One driver for two days from noon, who charges from 18:00 to 19:08:34."""
    return run(curve=FLAT)


@pytest.fixture(scope="module")
def giver():
    return run(row(v2g_percent=100), curve=FLAT)


@pytest.fixture(scope="module")
def crowd():
    """People who differ, some of whom can discharge, and who come and go when they like."""
    rows = (
        row("A", 50, v2g_percent=50),
        row("B", 30, plug_in_time="21:00", v2g_percent=50, v2g_reserve_soc_percent=60),
        row("C", 20, miles_per_year=25000, target_soc_percent=95),
    )
    rules = {"strategy": "immediate", "by_archetype": {"B": scheduled("00:30", "04:30")}}
    return run(*rows, users=60, days=4, habit=75, day=130, driving=True, curve=FLAT, charging=rules)


# ---- by hand


@pytest.mark.parametrize(
    ("begin", "end", "answer"),
    [
        ("18:00", "19:00", True),
        ("17:59", "19:00", False),
        ("18:00", "07:00", True),
        ("18:00", "07:01", False),
        ("22:00", "02:00", True),
        ("02:00", "06:00", True),
        ("08:00", "09:00", False),
    ],
)
def test_plugged_in_means_throughout(evening, begin, end, answer):
    assert yes(evening, plugged_in_between=(begin, end)) == [answer, answer]


def test_full_means_at_target_at_that_time(evening):
    assert yes(evening, full_by="19:08") == [False, False]
    assert yes(evening, full_by="19:09") == [True, True]
    assert yes(evening, full_by="05:00") == [True, True]


@pytest.mark.parametrize(
    ("kw", "minutes", "start", "answer"),
    [
        (7, 60, "18:00", True),
        (7.01, 60, "18:00", False),
        (0.1, 60, "17:30", False),
        (0.1, 75, "18:00", True),
        (0.1, 90, "18:00", False),
        (4, 75, "18:00", True),
        (4.1, 75, "18:00", False),
    ],
)
def test_giving_is_drawing_less_in_every_quarter_of_an_hour(evening, kw, minutes, start, answer):
    """It draws 7 kW to 19:08:34, so 4 kW in the mean of its last quarter of an hour."""
    assert yes(evening, can_give_kw=kw, for_minutes=minutes, at=start) == [answer, answer]


def test_a_car_that_can_discharge_gives_what_it_draws_and_as_much_again(giver):
    assert yes(giver, can_give_kw=14, at="18:00") == [True, True]
    assert yes(giver, can_give_kw=14.1, at="18:00") == [False, False]
    assert yes(giver, can_give_kw=7, at="23:00") == [True, True]


@pytest.mark.parametrize(("minutes", "answer"), [(45, True), (60, False)])
def test_a_car_gives_down_to_its_reserve(minutes, answer):
    """68% less 7 kW / 0.967 for 45 minutes is 59%, and for an hour 56%."""
    results = run(row(v2g_percent=100, v2g_reserve_soc_percent=58), curve=FLAT)
    assert yes(results, can_give_kw=14, for_minutes=minutes, at="18:00") == [answer, answer]


@pytest.mark.parametrize(("minutes", "answer"), [(45, True), (60, False)])
def test_still_ready_is_by_the_expected_departure(minutes, answer):
    """8 kWh take 69 minutes; of two hours, 51 are left to pause in."""
    results = run(row(plug_out_time="20:00"), curve=FLAT)
    asked = {"can_give_kw": 7, "for_minutes": minutes, "at": "18:00"}
    assert yes(results, **asked) == [True, True]
    assert yes(results, **asked, still_ready=True) == [answer, answer]


def test_refilling_takes_what_was_given_with_its_losses():
    """Half an hour at 7 kW takes 3.62 kWh out of the battery, and with the 7.2 that are missing: 103 minutes."""
    soc, given = 0.68, KW * 0.5 / OUT / CAPACITY
    needs_h = (0.8 - soc + given) * CAPACITY / EFFICIENCY / KW
    late = 18 + 0.5 + needs_h
    for minute, answer in ((1, True), (-1, False)):
        at = round(late * 60) + minute
        clock = f"{at // 60:02d}:{at % 60:02d}"
        results = run(row(plug_out_time=clock, v2g_percent=100), curve=FLAT)
        asked = {"can_give_kw": 14, "for_minutes": 30, "at": "18:00", "still_ready": True}
        assert yes(results, **asked) == [answer, answer], clock


def test_taking_is_drawing_more_up_to_the_target():
    results = run(charging=scheduled("00:30", "04:30"), curve=FLAT)
    assert yes(results, can_take_kw=7, for_minutes=60, at="18:00") == [True, True]
    assert yes(results, can_take_kw=7.1, for_minutes=60, at="18:00") == [False, False]
    assert yes(results, can_take_kw=7, for_minutes=75, at="18:00") == [False, False]
    assert yes(results, can_take_kw=1, for_minutes=60, at="00:30") == [False, False]


def test_soc_is_what_the_log_says(evening):
    """At 18:30 it is 68% and 3.5 kWh x 0.9 of 60: 73.25%."""
    assert yes(evening, soc_above=73.2, soc_at="18:30") == [True, True]
    assert yes(evening, soc_above=73.3, soc_at="18:30") == [False, False]


def test_all_that_is_asked_must_hold(evening):
    assert (
        yes(evening, plugged_in_between=("18:00", "19:00"), full_by="05:00", soc_above=60, soc_at="18:00") == [True] * 2
    )
    assert yes(evening, plugged_in_between=("18:00", "19:00"), full_by="19:00") == [False, False]


def test_days_on_which_a_time_leaves_the_run_are_not_counted():
    results = run(start="2026-01-12T00:00", days=2)
    assert [str(day) for day in results.assets(plugged_in_between=("22:00", "02:00")).days] == ["2026-01-12"]
    assert [str(day) for day in results.assets(soc_above=0, soc_at="18:00").days] == ["2026-01-12", "2026-01-13"]
    assert [str(day) for day in results.assets(soc_above=0, soc_at="08:00").days] == ["2026-01-11", "2026-01-12"]
    with pytest.raises(ConfigError, match="holds no day"):
        run(start="2026-01-12T08:00", days=1).assets(plugged_in_between=("20:00", "09:00"))


def test_windows_over_a_clock_change_are_those_of_the_wall_clock():
    """Clocks go from 01:00 to 02:00, so the driver leaves an hour earlier; then the other way."""
    for start in ("2026-03-28T12:00", "2026-10-24T12:00"):
        results = run(start=start, days=1)
        assert yes(results, plugged_in_between=("18:00", "07:00")) == [True]
        assert yes(results, plugged_in_between=("18:00", "07:01")) == [False]
        assert yes(results, plugged_in_between=("00:30", "03:00")) == [True]


def test_only_the_archetypes_asked_for_count(crowd):
    both = crowd.assets(plugged_in_between=("23:00", "03:00"), archetypes=["A", "C"])
    everybody = crowd.assets(plugged_in_between=("23:00", "03:00"))
    is_b = np.array([user.archetype == "B" for user in crowd.users])
    assert not both.holds[is_b].any()
    np.testing.assert_array_equal(both.holds[~is_b], everybody.holds[~is_b])
    assert [count.name for count in both.counts] == ["A", "C", "all"]
    assert both.counts[-1].n_users == 42
    assert set(both.table["archetype"]) == {"A", "C"}


def test_counts_and_probabilities_are_sums_over_the_answers(crowd):
    found = crowd.assets(can_give_kw=2, for_minutes=30, at="19:00")
    assert 0 < found.holds.sum() < found.holds.size
    for i, count in enumerate(found.counts[:-1]):
        daily = [sum(found.holds[u, d] for u in range(60) if found.archetype[u] == i) for d in range(found.n_days)]
        assert count[1:] == (
            int((found.archetype == i).sum()), pytest.approx(np.mean(daily)), min(daily), max(daily),
            pytest.approx(np.mean(daily) / (found.archetype == i).sum()),
        )  # fmt: skip
    np.testing.assert_allclose(found.probability, found.holds.mean(axis=1))
    assert found.counts[-1].mean == pytest.approx(sum(count.mean for count in found.counts[:-1]))
    assert list(found.table) == ["user_id", "archetype", "days", "days_yes", "probability"]


# ---- a naive model of each user


def stays_at(user, at):
    """The session that a user is in at an instant, if any."""
    return [s for s in user.log.sessions() if s.plug_in <= at and (s.plug_out is None or s.plug_out > at)]


def naive(results, user, day, *, kw, minutes, hour, expected):
    """Whether user `user` can give `kw`, and be ready by `expected` [s of the run]: read from its own log."""
    log, people = results.users[user].log, results.users
    begin = np.datetime64(day) + np.timedelta64(hour, "h")
    end = begin + np.timedelta64(minutes, "m")
    stay = [s for s in log.sessions() if s.plug_in <= begin and (s.plug_out is None or s.plug_out >= end)]
    if not stay:
        return False, False
    soc, reserve = log.soc(begin), people.v2g_reserve_soc[user]
    for quarter in range(minutes // 15):
        a = begin + np.timedelta64(15 * quarter, "m")
        power = log.power_kw(a, a + np.timedelta64(15, "m")) - kw
        if power < -people.discharge_kw[user] - 1e-6:
            return False, False
        soc += (power * 0.9 if power > 0 else power / OUT) * 0.25 / people.capacity_kwh[user]
        if power < -1e-6 and soc < reserve - 1e-6:
            return False, False
    missing_kwh = max(0.0, people.target_soc[user] - soc - 1e-6) * people.capacity_kwh[user]
    missing_h = missing_kwh / 0.9 / people.charger_kw[user]
    left_h = (expected - results.clock.run_seconds(end)) / 3600
    return True, missing_h <= max(left_h, 0) + 1 / 3600


@pytest.mark.parametrize(("kw", "minutes", "hour"), [(3, 60, 18), (3, 30, 22), (8, 45, 23), (1, 120, 20)])
def test_the_answer_is_that_of_a_naive_reading_of_each_log(crowd, kw, minutes, hour):
    asked = {"can_give_kw": kw, "for_minutes": minutes, "at": f"{hour}:00"}
    plain, ready = crowd.assets(**asked), crowd.assets(**asked, still_ready=True)
    book = appointments(crowd)
    for d, day in enumerate(plain.days):
        at = float(crowd.clock.run_seconds(np.datetime64(day) + np.timedelta64(hour, "h")))
        expected = book.expected_plug_out(np.arange(60), np.full(60, at))
        found = [naive(crowd, u, day, kw=kw, minutes=minutes, hour=hour, expected=expected[u]) for u in range(60)]
        assert plain.holds[:, d].tolist() == [can for can, _ in found]
        assert ready.holds[:, d].tolist() == [can and in_time for can, in_time in found]
    assert 0 < plain.holds.sum() < plain.holds.size


def test_ready_in_fact_is_by_the_departure_that_came(crowd):
    found = crowd.assets(can_give_kw=3, for_minutes=60, at="05:00")
    for u, d in np.argwhere(found.holds):
        begin = np.datetime64(found.days[d]) + np.timedelta64(29, "h")
        stay = stays_at(crowd.users[u], begin)[0]
        if stay.plug_out is None:
            continue
        leaves = float(crowd.clock.run_seconds(stay.plug_out))
        _, in_time = naive(crowd, u, found.days[d], kw=3, minutes=60, hour=29, expected=leaves)
        assert found.ready_in_fact[u, d] == in_time
    assert np.isnan(found.ready_in_fact[~found.holds]).all()
    assert 0 < found.ready_in_fact_share < 1
    assert found.ready_in_fact_share == pytest.approx(np.nanmean(found.ready_in_fact))


def test_a_frame_is_what_each_log_says(crowd):
    film = Film(crowd)
    for at_s in (0, 3_600 * 6, 3_600 * 6 + 1_234, 3_600 * 30 + 77, 3_600 * 2, crowd.clock.end_s):
        frame, at = film.at(at_s), crowd.clock.to_utc(at_s)
        for u, user in enumerate(crowd.users):
            assert frame.soc[u] == pytest.approx(user.log.soc(at), abs=1e-7)
            net_kwh = user.log.energy_kwh(None, at) - user.log.export_kwh(None, at)
            assert frame.net_kwh[u] == pytest.approx(net_kwh, abs=1e-5)
            assert frame.net_kw[u] == pytest.approx(user.log.power_kw(at), abs=1e-4)
            stay = stays_at(user, at)
            assert frame.is_plugged_in[u] == bool(stay)
            if stay:
                ends = np.inf if stay[0].plug_out is None else float(crowd.clock.run_seconds(stay[0].plug_out))
                assert frame.until_s[u] == ends


# ---- readiness


CURVES = [[(0, 100), (80, 100), (100, 30)], [(0, 40), (20, 100), (60, 100), (100, 20)], [(0, 100), (100, 100)]]


@given(
    st.sampled_from(CURVES),
    st.floats(0, 0.99),
    st.floats(0.01, 1),
    st.floats(0, 12),
)
def test_the_least_soc_is_that_from_which_charging_just_reaches_the_target(points, soc, target, hours):
    results = run(curve=points, days=1)
    readiness, who = Readiness(results.users), np.zeros(1, np.int64)
    goal = np.array([target])
    least = readiness.least_soc(who, goal, np.array([hours]))
    wiring = Wiring(np.array([7.0]), np.array([0.9 / 60]))
    curve = ChargeCurve.from_percent(points)
    reached = charge(curve, wiring, least, wiring.charger_kw, goal, np.array([hours + 1e-9])).soc
    np.testing.assert_allclose(reached, goal, atol=1e-9)
    start = np.array([min(soc, target)])
    took = charge(curve, wiring, start, wiring.charger_kw, goal, np.array([np.inf])).hours
    np.testing.assert_allclose(readiness.hours_to(who, start, goal), took, atol=2e-5)


# ---- laws


TIMES = st.sampled_from(["12:00", "17:00", "18:30", "20:15", "23:00", "01:30", "06:00"])


@st.composite
def questions(draw):
    asked = {}
    if draw(st.booleans()):
        begin, end = draw(TIMES), draw(TIMES)
        asked["plugged_in_between"] = (begin, end if end != begin else "09:00")
    if draw(st.booleans()):
        asked["full_by"] = draw(TIMES)
    if draw(st.booleans()):
        asked |= {"soc_above": draw(st.integers(20, 90)), "soc_at": draw(TIMES)}
    if draw(st.booleans()):
        asked |= {"can_give_kw": draw(st.sampled_from([1, 3, 7, 10])), "at": draw(TIMES)}
    return asked


@given(questions(), TIMES)
def test_more_criteria_never_give_more_assets(crowd, asked, time):
    some = crowd.assets(**asked)
    more = crowd.assets(**asked | {"full_by": time, "archetypes": ["A", "B"]})
    common = np.isin(some.days, more.days)
    kept = np.isin(more.days, some.days)
    if "full_by" not in asked:
        assert (more.holds[:, kept] <= some.holds[:, common]).all()


@given(TIMES, st.integers(0, 100), st.integers(0, 100))
def test_a_higher_soc_is_asked_of_fewer(crowd, time, one, other):
    low, high = sorted((one, other))
    assert (crowd.assets(soc_above=high, soc_at=time).holds <= crowd.assets(soc_above=low, soc_at=time).holds).all()


@given(TIMES, st.floats(0.5, 14), st.floats(0.5, 14), st.sampled_from([15, 30, 60]), st.booleans())
def test_more_power_for_longer_is_given_by_fewer(crowd, time, one, other, minutes, ready):
    low, high = sorted((one, other))
    less = crowd.assets(can_give_kw=low, for_minutes=minutes, at=time, still_ready=ready)
    more = crowd.assets(can_give_kw=high, for_minutes=2 * minutes, at=time, still_ready=ready)
    common = np.isin(less.days, more.days)
    assert (more.holds <= less.holds[:, common]).all()


# ---- through the day


def test_what_is_possible_by_hand(evening):
    cars = dict(zip(("plugged_in", "turn_down", "turn_up", "discharge"), possible(evening).total[0].T, strict=True))
    half_hour = {"18:00": 36, "19:00": 38, "19:30": 39, "17:30": 35, "23:00": 46}
    assert [cars["plugged_in"][i] for i in half_hour.values()] == [1, 1, 1, 0, 1]
    assert [cars["turn_down"][i] for i in half_hour.values()] == [1, 1, 0, 0, 0]
    assert cars["turn_up"][36:].sum() == cars["discharge"][36:].sum() == 0
    waits = possible(run(charging=scheduled("00:30", "04:30"))).total[0]
    assert waits[36:, 2].tolist() == [1] * 12


def test_only_cars_that_can_be_refilled_could_discharge(giver):
    found = possible(giver).total
    assert found[0, 36:, 3].tolist() == [1] * 12
    assert found[1, :14, 3].tolist() == [1] * 10 + [0] * 4, "an hour's 7.2 kWh take 69 minutes to put back"
    full_to_reserve = run(row(v2g_percent=100, v2g_reserve_soc_percent=80), curve=FLAT)
    assert np.nansum(possible(full_to_reserve).total[:, :, 3]) == 0


def test_the_band_leaves_out_a_tenth_of_the_days_at_either_end():
    results = run(*[row("A", 100)], users=30, days=21, day=130, habit=75)
    found = possible(results)
    noon_on = found.total[:, 40, 0]
    days = np.sort(noon_on[~np.isnan(noon_on)])
    low, high = found.band
    assert len(days) == 21
    assert (low[40, 0], high[40, 0]) == (days[2], days[-3])


def test_a_half_hour_that_the_clock_skips_is_not_known():
    found = possible(run(start="2026-03-28T12:00", days=1))
    assert np.isnan(found.total[1, 2:4]).all()
    assert not np.isnan(found.total[1, 4:20]).any()


# ---- pictures


def said(ax):
    return [text.get_text() for text in ax.figure.findobj(Text) if text.get_visible() and text.get_text()]


def test_the_picture_is_what_is_possible(crowd, tmp_path):
    counted = possible(crowd)
    ax = assets_by_hour(crowd, counted=counted)
    stacks = [p for p in ax.patches if isinstance(p, StepPatch) and p.get_fill() and not p.get_alpha()]
    heights = [np.subtract(p.get_data().values, p.get_data().baseline) for p in stacks]
    mean = np.roll(counted.mean, -24, axis=0)
    np.testing.assert_allclose(np.array(heights).reshape(4, 3, 48), mean.transpose(1, 2, 0), atol=1e-9)
    words = said(ax)
    assert {"Plugged in", "Could be turned down", "Could be turned up", "Could discharge", "Cars"} <= set(words)
    assert colour(0) == "#0072B2"
    save_assets(crowd, counted, "Asked: nothing", tmp_path)
    with Image.open(tmp_path / "assets.png") as picture:
        assert picture.text["Config hash"] == crowd.scenario.config_hash
        assert len(np.unique(np.asarray(picture.convert("L")))) > 20


def test_a_panel_for_discharging_is_drawn_where_a_car_can(evening):
    assert "Could discharge" not in said(assets_by_hour(evening))


# ---- the command line


def write(path, tree):
    path.write_text(json.dumps(tree), encoding="utf-8")
    return path


@pytest.fixture
def place(tmp_path):
    tree = config(row("A", 50, v2g_percent=50), row("B", 50), users=20, days=2, **ALIKE | {"driving": True})
    write(tmp_path / "config_json.json", tree)
    return tmp_path


def ask(place, *arguments):
    return command("-m", "evsim", "assets", *arguments, cwd=place)


def test_the_command_line_answers_as_python_does(place):
    asked = ["--plugged-in-between", "18:00", "19:00", "--can-give-kw", "3", "--for", "60min", "--from", "18:00"]
    done = ask(
        place, *asked, "--still-ready", "--soc-above", "40", "--at", "18:00", "--archetype", "A", "--out", "here"
    )
    assert done.returncode == 0, done.stderr
    results = simulate(Scenario.from_file(place / "config_json.json"))
    found = assets(
        results, plugged_in_between=("18:00", "19:00"), can_give_kw=3, at="18:00", still_ready=True, soc_above=40,
        soc_at="18:00", archetypes=["A"],
    )  # fmt: skip
    with (place / "here" / "assets.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [float(line["probability"]) for line in rows] == found.probability[found.who].tolist()
    assert {line["archetype"] for line in rows} == {"A"}
    assert {line["days"] for line in rows} == {"2"}
    assert sorted(path.name for path in (place / "here").iterdir()) == sorted(ASSETS_FILES)
    words = [line.split() for line in done.stdout.splitlines()]
    assert any(line[:2] == ["A", "10"] and line[-1] == f"{100 * found.counts[0].share:.1f}%" for line in words)
    assert "expected departure" in done.stdout


def test_without_a_question_it_tells_what_is_possible_by_hour(place):
    done = ask(place)
    assert done.returncode == 0, done.stderr
    hours = [line.split()[0] for line in done.stdout.splitlines() if line[:2].isdigit() and line[2:3] == ":"]
    assert hours == [f"{(12 + hour) % 24:02d}:00" for hour in range(24)]
    assert sorted(path.name for path in (place / "outputs").iterdir()) == ["assets.png"]


@pytest.fixture
def ran(place):
    done = command("-m", "evsim", "run", "--no-plots", "--no-events", "-q", cwd=place)
    assert done.returncode == 0, done.stderr
    return place


def test_a_folder_of_a_run_answers_as_its_config_does(ran):
    asked = ["--can-give-kw", "3", "--from", "18:00", "--no-plots"]
    assert ask(ran, "outputs", *asked).returncode == 0
    beside = (ran / "outputs" / "assets.csv").read_bytes()
    assert ask(ran, *asked, "--out", "other").returncode == 0
    assert (ran / "other" / "assets.csv").read_bytes() == beside
    assert (ran / "outputs" / "summary.json").exists()
    assert set(FILES).isdisjoint(ASSETS_FILES)


def edited(ran, **changes):
    path = ran / "outputs" / "summary.json"
    write(path, json.loads(path.read_text(encoding="utf-8")) | changes)


def test_a_run_of_another_version_or_config_is_refused(ran):
    edited(ran, evsim_version="0.0.1")
    with pytest.raises(ConfigError, match=r"written by evsim 0\.0\.1"):
        scenario_of(ran / "outputs", [], None)


def test_a_run_whose_hash_differs_is_refused(ran):
    edited(ran, config_hash="0")
    with pytest.raises(ConfigError, match="config_hash differs"):
        scenario_of(ran / "outputs", [], None)


def test_a_run_whose_file_has_moved_is_refused(ran):
    scenario = json.loads((ran / "outputs" / "summary.json").read_text(encoding="utf-8"))["scenario"]
    edited(ran, scenario=scenario | {"import_price": {"file": str(ran / "gone.csv")}})
    with pytest.raises(ConfigError, match="cannot be simulated again"):
        scenario_of(ran / "outputs", [], None)


FAULTY = [
    (["--plugged-in-between", "17:00", "17:00"], "--plugged-in-between"),
    (["--plugged-in-between", "17h", "19:00"], "--plugged-in-between"),
    (["--full-by", "25:00"], "--full-by"),
    (["--can-give-kw", "3"], "--from: missing"),
    (["--can-give-kw", "-3", "--from", "17:00"], "--can-give-kw"),
    (["--can-give-kw", "three", "--from", "17:00"], "--can-give-kw"),
    (["--can-give-kw", "3", "--from", "17:00", "--for", "0"], "--for"),
    (["--can-give-kw", "3", "--from", "17:00", "--for", "90s"], "--for"),
    (["--for", "60min"], "--for"),
    (["--still-ready"], "--still-ready"),
    (["--soc-above", "60"], "--at: missing"),
    (["--at", "18:00"], "--soc-above: missing"),
    (["--soc-above", "160", "--at", "18:00"], "--soc-above"),
    (["--archetype", "AA"], 'did you mean "A"'),
    (["--days", "0"], "--days"),
    (["nowhere.json"], "nowhere.json"),
    (["empty"], "no folder of a run"),
]


@pytest.mark.parametrize(("arguments", "place_named"), FAULTY, ids=[" ".join(a) for a, _ in FAULTY])
def test_a_faulty_argument_is_told_once_and_nothing_is_written(place, arguments, place_named, monkeypatch, capsys):
    (place / "empty").mkdir()
    before = sorted(place.rglob("*"))
    monkeypatch.chdir(place)
    with pytest.raises(SystemExit) as left:
        main(["assets", *arguments])
    told = capsys.readouterr()
    assert left.value.code == 2
    assert place_named in told.err
    assert told.out == ""
    assert sorted(place.rglob("*")) == before


@pytest.mark.parametrize(
    "asked",
    [
        {"plugged_in_between": "17:00"},
        {"plugged_in_between": ("17:00",)},
        {"can_give_kw": 0, "at": "17:00"},
        {"can_give_kw": float("nan"), "at": "17:00"},
        {"can_take_kw": 3, "at": "17:00", "for_minutes": 1.5},
        {"full_by": 17},
        {"archetypes": ["D"]},
    ],
)
def test_faulty_questions_in_python_name_their_argument(crowd, asked):
    with pytest.raises(ConfigError, match=next(iter(asked)) + "|for_minutes"):
        crowd.assets(**asked)

"""The truth lab: errors that follow from the rules by hand, and a command that tells them."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import math
from dataclasses import replace

import numpy as np
import pytest
from matplotlib.text import Text
from PIL import Image
from rich.console import Console
from scipy.special import stdtrit
from worlds import ALIKE, command, config, row

from evsim import ConfigError, Scenario, simulate
from evsim._reports.baselines import definitions, headline, tables
from evsim.analysis._side_by_side import do_all
from evsim.analysis._truth_errors import cells_of, groups_of, ratio, sizes_of
from evsim.analysis._truth_lab import NON_WORKING, WORKING, baseline_errors
from evsim.analysis._truth_plan import METHODS, REPEATS, plan_lab
from evsim.analysis._truth_remarks import truth_remarks
from evsim.analysis._truth_runs import Seen, credited_kwh, live, mean_day_of
from evsim.market._baselines import baseline
from evsim.market._history import holidays_of
from evsim.market._metering import readings_of
from evsim.plots import baseline_error, save_baseline_errors

BEGIN = dt.date(2026, 1, 12)
"""A Monday."""
FULL_KWH = 7.0
"""What one of the alike draws from 18:00 to 19:00: its charger's 7 kW; it needs 8.2 kWh at the meter each day."""


def alike(*, users=1, rows=(), **settings):
    """People who all do the same every day: home at 18:00, 8.2 kWh missing, charging at once."""
    usual = {"driving": True, "curve": [[0, 100], [100, 100]], "holidays": "none", **ALIKE}
    return Scenario.from_dict(config(*rows, users=users, days=1, **usual | settings))


def spread(users=30, **settings):
    """People as they are, on the default behaviour."""
    usual = {"driving": True, "habit": 75, "day": 130, "holidays": "none"}
    return Scenario.from_dict(
        config(row("A", 60), row("B", 40, miles_per_year=20_000), users=users, days=1, **usual | settings)
    )


def asked(action="turn_down", start="2026-01-14T18:00", end="2026-01-14T19:00", **more):
    return {"dispatches": [{"id": "e", "start": start, "end": end, "action": action, **more}]}


def lab(scenario, **options):
    return baseline_errors(plan_lab(scenario, **{"window": "18:00-19:00", **options}))


def cell(errors, method, repeat="once", day_type=WORKING, n=None):
    found = errors.cell(method, repeat, day_type, errors.n_assets if n is None else n)
    assert found is not None
    return found


@pytest.fixture(scope="module")
def alike_errors():
    return lab(alike(users=12), repeats=["once", "weekly", "working_days"])


@pytest.fixture(scope="module")
def spread_errors():
    return lab(spread(), days=14)


# ---- people who are all alike, every day the same


@pytest.mark.parametrize("method", ["bl01", "mid_8_of_10", "saving_sessions", "fixed_profile"])
def test_a_mean_of_equal_days_is_right(alike_errors, method):
    """Every day of the history is the event day, so any mean of them is it."""
    found = cell(alike_errors, method)
    assert found.counterfactual_kwh == pytest.approx(FULL_KWH, abs=1e-4)
    assert found.bias_kwh == pytest.approx(0, abs=1e-4)
    assert found.mae_percent == pytest.approx(0, abs=1e-3)
    assert found.over_credit_percent == pytest.approx(0, abs=1e-3)


def test_zero_is_off_by_everything(alike_errors):
    found = cell(alike_errors, "zero")
    assert (found.bias_percent, found.mae_percent) == (-100, 100)
    assert found.bias_kwh == pytest.approx(-FULL_KWH, abs=1e-4)


def test_a_turn_down_of_all_delivers_all(alike_errors):
    assert cell(alike_errors, "bl01").delivered_kwh == pytest.approx(FULL_KWH, abs=1e-4)


@pytest.mark.parametrize(("method", "least"), [("bl01", 5), ("mid_8_of_10", 10), ("saving_sessions", 10)])
def test_every_working_day_uses_the_history_up(alike_errors, method, least):
    """Event days are no candidates: what is left are working days of the 60 before, from before the first event."""
    days = [BEGIN + dt.timedelta(k) for k in range(70)]
    working = [day for day in days if day.weekday() < 5]
    without = 0
    for day in working:
        candidates = (day - dt.timedelta(back) for back in range(1, 61))
        without += sum(one < BEGIN and one.weekday() < 5 for one in candidates) < least
    assert 0 < without < len(working)
    found = cell(alike_errors, method, "working_days")
    assert found.n_days == len(working)
    assert found.without_history_percent == pytest.approx(100 * without / len(working))
    assert found.bias_percent == pytest.approx(-100 * without / len(working), abs=1e-3)
    assert found.under_credit_percent == pytest.approx(100 * without / len(working), abs=1e-3)


def test_once_and_weekly_leave_a_history(alike_errors):
    for repeat in ("once", "weekly"):
        assert cell(alike_errors, "bl01", repeat).without_history_percent == 0


def test_on_working_days_alone_nothing_is_asked_at_weekends(alike_errors):
    assert alike_errors.cell("bl01", "working_days", NON_WORKING, 12) is None
    assert cell(alike_errors, "bl01", "weekly", NON_WORKING).n_days == 20


@pytest.mark.parametrize("repeat", ["once", "weekly", "twice_weekly"])
def test_the_runs_of_a_repeat_measure_each_day_once_and_keep_to_it(repeat):
    plan = plan_lab(alike(), repeats=[repeat])
    measured = np.concatenate([one.measured[repeat] for one in plan.runs])
    assert sorted(measured.tolist()) == plan.days.tolist()
    for one in plan.runs:
        assert set(one.measured[repeat].tolist()) <= set(one.days.tolist())
        per_week = np.bincount((one.days - plan.days[0]).astype(int) // 7)
        assert set(per_week) == ({2} if repeat == "twice_weekly" else {1})


def test_the_in_day_adjustment_adds_what_the_dispatch_has_brought_forward():
    """Cars that wait for a turn_up from 19:00 do not charge before it: their day looks lower than usual.

    Home at 16:00, each would be full at 17:10. Known at 13:00, they wait; so the six half-hours that end at 18:00
    miss 8.2 kWh, and every half-hour of the window is lowered by a sixth of it.
    """
    rows = [row(plug_in_time="16:00")]
    usual = alike(rows=rows, signals=asked("turn_up", "2026-01-14T19:00", "2026-01-14T20:00", notice_minutes=360))
    errors = baseline_errors(plan_lab(usual, days=7, methods=["bl01", "bl01_adjusted"], repeats=["once"]))
    need_kwh = 9435 / 365 / 3.5 / 0.9
    assert cell(errors, "bl01").bias_kwh == pytest.approx(0, abs=1e-4)
    assert cell(errors, "bl01_adjusted").bias_kwh == pytest.approx(-2 * need_kwh / 6, abs=1e-3)


# ---- over-credit by hand


def profiled(kwh_37, kwh_38):
    kwh = [0.0] * 48
    kwh[36:38] = [kwh_37, kwh_38]
    return {"settlement": {"baseline": {"method": "fixed_profile", "kwh": kwh}}}


def test_what_is_credited_beyond_what_was_delivered_is_over_credit():
    errors = lab(alike(signals=profiled(4, 5)), days=7, methods=["fixed_profile"], repeats=["once"])
    found = cell(errors, "fixed_profile")
    assert found.bias_kwh == pytest.approx(9 - FULL_KWH, abs=1e-4)
    assert found.over_credit_percent == pytest.approx(100 * 2 / 7, abs=1e-2)
    assert found.under_credit_percent == pytest.approx(0)
    assert found.net_credit_percent == pytest.approx(100 * 2 / 7, abs=1e-2)


def test_what_is_delivered_and_not_credited_is_under_credit():
    errors = lab(alike(signals=profiled(2, 1)), days=7, methods=["fixed_profile"], repeats=["once"])
    found = cell(errors, "fixed_profile")
    assert found.over_credit_percent == pytest.approx(0)
    assert found.under_credit_percent == pytest.approx(100 * 4 / 7, abs=1e-2)


def test_a_turn_up_is_over_credited_by_a_baseline_that_is_too_low():
    ask = asked("turn_up", "2026-01-14T19:00", "2026-01-14T20:00", notice_minutes=120)
    errors = baseline_errors(plan_lab(alike(signals=ask), days=7, methods=["bl01", "zero"], repeats=["once"]))
    found = cell(errors, "zero")
    assert found.delivered_kwh > 1
    assert found.bias_kwh == pytest.approx(-found.counterfactual_kwh)
    over = 100 * found.counterfactual_kwh / found.delivered_kwh
    assert found.over_credit_percent == pytest.approx(over)
    assert cell(errors, "bl01").over_credit_percent == pytest.approx(0, abs=1e-2)


def test_where_nothing_was_delivered_there_is_no_share():
    """At noon nobody is at home: nothing could be turned down, and nothing would have been drawn."""
    errors = lab(alike(signals=profiled(4, 5)), window="12:00-13:00", days=7, methods=["bl01"], repeats=["once"])
    found = cell(errors, "bl01")
    assert (found.counterfactual_kwh, found.delivered_kwh) == (0, 0)
    assert all(map(math.isnan, (found.bias_percent, found.mae_percent, found.over_credit_percent)))
    assert found.idle_percent == 100


def test_where_nothing_is_drawn_without_a_dispatch_errors_are_told_in_kwh():
    errors = lab(alike(signals=profiled(4, 5)), window="12:00-13:00", days=7, methods=["bl01"], repeats=["once"])
    text = printed(errors)
    assert "0.000 kWh" in text
    assert "+0.000 kWh" in text
    assert any("nothing is drawn in the window" in remark for remark in truth_remarks(errors))
    shown = texts(baseline_error(errors))
    assert "no energy to\ntake a share of" in shown
    assert "none asked\non such days" not in shown


def test_clipping_counts_no_half_hour_below_nothing():
    said, metered = np.array([[3.0, 1.0]]), np.array([[1.0, 2.0]])
    assert credited_kwh(said, metered, 1.0, clips=False).tolist() == [1.0]
    assert credited_kwh(said, metered, 1.0, clips=True).tolist() == [2.0]
    assert credited_kwh(said, metered, -1.0, clips=True).tolist() == [1.0]


# ---- measures by hand


def seen_by_hand():
    """Two assets on two Mondays; the baseline says 3 of each."""
    true = np.array([[4.0, 0.0], [2.0, 4.0]])
    metered = np.array([[1.0, 0.0], [0.0, 4.0]])
    said = np.full((1, 2, 2), 3.0)
    days = np.array(["2026-01-12", "2026-01-19"], "datetime64[D]")
    return Seen(days, true, metered, said, said - metered, np.array([[0, 1]]), np.array([0, 2]))


def cells_by_hand():
    names = ("bl01", "once", WORKING)
    return list(cells_of(seen_by_hand(), names, 0, np.ones(2, bool), 1.0, 1))


def test_errors_of_single_assets_are_summed_without_their_signs():
    alone, _ = cells_by_hand()
    assert (alone.n_assets, alone.n_groups, alone.n_days, alone.n_samples) == (1, 2, 2, 4)
    assert alone.mae_percent == pytest.approx(100 * (1 + 3 + 1 + 1) / 10)
    assert alone.bias_percent == pytest.approx(100 * (-1 + 3 + 1 - 1) / 10)
    assert alone.mae_kwh == pytest.approx(6 / 4)
    assert alone.idle_percent == 25
    assert (alone.without_history_percent, alone.n_changed) == (25, 2)


def test_errors_within_a_group_offset_one_another():
    _, both = cells_by_hand()
    assert (both.n_assets, both.n_groups) == (2, 1)
    assert both.mae_percent == pytest.approx(100 * (2 + 0) / 10)
    assert both.bias_percent == pytest.approx(20)
    assert both.bias_kwh == pytest.approx(2 / 4)


def test_over_credit_is_of_each_group_and_in_shares_of_what_was_delivered():
    """Delivered 3 and 0, then 2 and 0; credited 2 and 3, then 3 and -1."""
    alone, both = cells_by_hand()
    assert alone.delivered_kwh == pytest.approx(5 / 4)
    assert alone.over_credit_percent == pytest.approx(100 * (3 + 1) / 5)
    assert alone.under_credit_percent == pytest.approx(100 * (1 + 1) / 5)
    assert both.over_credit_percent == pytest.approx(100 * 2 / 5)
    assert both.under_credit_percent == 0
    assert alone.net_credit_percent == both.net_credit_percent == pytest.approx(40)


def test_a_confidence_takes_weeks_as_its_samples():
    """Two weeks: shares of 2/4 and 0/6 about 1/5; rests 1.2 and -1.2."""
    percent, error = ratio(np.array([[2.0], [0.0]]), np.array([[4.0], [6.0]]), np.array([0, 1]))
    assert percent == pytest.approx(20)
    assert error == pytest.approx(100 * stdtrit(1, 0.975) * math.sqrt(2 * 2 * 1.2**2) / 10, rel=1e-4)


def test_a_single_week_has_no_confidence():
    assert math.isnan(ratio(np.ones((2, 1)), np.ones((2, 1)), np.zeros(2))[1])


# ---- groups


def test_groups_of_one_shuffle_share_nobody():
    found = groups_of(105, 10, seed=1)
    assert found.shape == (100, 10)
    for first in range(0, 100, 10):
        assert len(np.unique(found[first : first + 10])) == 100


def test_alone_each_asset_is_a_group_and_together_all_are_one():
    assert groups_of(7, 1, 1).tolist() == [[i] for i in range(7)]
    assert groups_of(7, 7, 1).tolist() == [list(range(7))]


def test_groups_are_the_seeds():
    assert (groups_of(50, 10, 1) == groups_of(50, 10, 1)).all()
    assert (groups_of(50, 10, 1) != groups_of(50, 10, 2)).any()
    assert set(groups_of(200, 10, 1)[0]) != set(groups_of(200, 100, 1)[0][:10])


def test_the_largest_group_is_everybody():
    assert sizes_of(1) == (1,)
    assert sizes_of(10) == (1, 10)
    assert sizes_of(2_500) == (1, 10, 100, 1_000, 2_500)


# ---- what one run shows of many days


@pytest.mark.parametrize("day", [3, 9])
def test_a_day_among_dispatches_a_week_apart_is_the_day_with_one_dispatch(day):
    """The shortcut of `once` against a run of its own for the day, with its whole history."""
    plan = plan_lab(spread(), window="18:00-19:00", days=14, repeats=["once"])
    seen = live(plan)["once"]
    one = plan.days[day]
    assert seen.days[day] == one
    alone = readings_of([simulate(plan.asked_on([one]))])
    free = readings_of([simulate(plan.scenario)])
    window = list(plan.ask.window)
    cut = slice(window[0] - 1, window[-1])
    assert seen.n_changed[day] == 0
    np.testing.assert_allclose(seen.metered_kwh[day], alone.of_day(one)[:, cut].sum(axis=1), atol=1e-5)
    np.testing.assert_allclose(seen.true_kwh[day], free.of_day(one)[:, cut].sum(axis=1))
    mean_day = mean_day_of(free, plan.history_days)
    for i, name in enumerate(plan.methods):
        made = baseline(plan.method(name, mean_day), alone, one, (), holidays_of("none"), window)
        np.testing.assert_allclose(seen.baseline_kwh[i, day], made.kwh[:, cut].sum(axis=1), atol=1e-5)


def test_a_dispatch_that_is_still_felt_is_counted():
    """Short stays that end at other times than expected, and much to charge: some leave with less than otherwise."""
    rows = [row(plug_out_time="21:30", miles_per_year=25_000)]
    people = Scenario.from_dict(config(*rows, users=20, days=1, driving=True, habit=30, day=60, holidays="none"))
    plan = plan_lab(people, window="18:00-20:00", days=7, methods=["bl01"], repeats=["working_days"])
    seen = live(plan)["working_days"]
    run, free = simulate(plan.asked_on(seen.days)), simulate(plan.scenario)
    for day, n_changed in zip(seen.days, seen.n_changed, strict=True):
        notice = np.datetime64(f"{day}T15:59:59")
        differ = [abs(a.log.soc(notice) - b.log.soc(notice)) > 1e-6 for a, b in zip(run.users, free.users, strict=True)]
        assert n_changed == sum(differ)
    assert seen.n_changed[0] == 0 < seen.n_changed.sum()
    assert any("an earlier dispatch was still felt" in text for text in truth_remarks(baseline_errors(plan)))


def test_the_reference_profile_is_the_mean_day_of_the_history():
    plan = plan_lab(alike(users=2), window="18:00-19:00", days=7)
    mean = mean_day_of(readings_of([simulate(plan.scenario)]), plan.history_days)
    assert mean[36:40].tolist() == pytest.approx([3.5, 3.5, 9435 / 365 / 3.5 / 0.9 - 7, 0], abs=1e-4)
    assert plan.method("fixed_profile", mean).kwh == tuple(mean.tolist())


def test_meters_of_those_who_are_not_asked_do_not_count():
    rows = [row("A", 50), row("B", 50)]
    errors = lab(alike(users=8, rows=rows, signals=asked(archetypes=["B"])), days=7, repeats=["once"])
    assert errors.n_assets == 4


def test_a_dispatch_that_asks_nobody_is_told():
    rows = [row("A", 100), row("B", 0)]
    with pytest.raises(ConfigError, match="nobody is asked"):
        lab(alike(rows=rows, signals=asked(archetypes=["B"])), days=7, repeats=["once"])


def test_a_nomination_for_the_portfolio_is_shared_out_evenly(tmp_path):
    file = tmp_path / "said.csv"
    rows = [f"portfolio,2026-01-{day},{p},8" for day in range(12, 19) for p in (37, 38)]
    file.write_text("\n".join(["meter_id,settlement_date,settlement_period,baseline_kwh", *rows]) + "\n")
    own = {"settlement": {"baseline": {"method": "nominated", "file": str(file)}}}
    errors = lab(alike(users=2, signals=own), days=7, methods=["nominated"], repeats=["once"])
    assert cell(errors, "nominated").bias_kwh == pytest.approx((16 - 2 * FULL_KWH) / 2, abs=1e-4)
    assert cell(errors, "nominated", n=1).bias_kwh == pytest.approx(1, abs=1e-4)


# ---- the plan


def test_without_a_dispatch_the_evening_is_turned_down():
    ask = plan_lab(alike()).ask
    assert (ask.action, ask.clock, ask.target_kw) == ("turn_down", "17:00-19:00", None)
    assert "without a target" in headline(lab(alike(), days=7, methods=["zero"], repeats=["once"]))


def test_the_first_dispatch_says_what_is_asked():
    ask = plan_lab(alike(signals=asked("turn_up", target_kw=5, notice_minutes=30))).ask
    assert (ask.action, ask.clock, ask.target_kw, ask.notice_minutes) == ("turn_up", "18:00-19:00", 5, 30)


def test_options_stand_before_the_dispatch():
    ask = plan_lab(alike(signals=asked(target_kw=5)), window="23:00-24:00", action="turn_up").ask
    assert (ask.action, ask.clock, ask.target_kw) == ("turn_up", "23:00-24:00", 5)
    assert ask.window == (47, 48)


def test_days_of_a_clock_change_are_left_out():
    plan = plan_lab(alike(start="2026-03-23T12:00"), days=14)
    assert len(plan.days) == 13
    assert np.datetime64("2026-03-29") not in plan.days


def test_bank_holidays_are_no_working_days():
    plan = plan_lab(alike(start="2026-03-30T12:00", holidays="GB-ENG"), days=8)
    assert plan.is_working.tolist() == [True, True, True, True, False, False, False, False]


def test_the_history_reaches_as_far_back_as_the_configs_baseline():
    own = {"settlement": {"baseline": {"method": "bl01", "look_back_days": 90}}}
    plan = plan_lab(alike(signals=own))
    assert plan.history_days == 90
    assert plan.method("bl01_adjusted", np.zeros(48)).look_back_days == 90


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"window": "17-18"}, "--window"),
        ({"window": "18:10-19:00"}, "half-hours"),
        ({"window": "19:00-18:00"}, "half-hours"),
        ({"window": "18:75-19:00"}, "--window"),
        ({"action": "turn_dawn"}, 'did you mean "turn_down"'),
        ({"days": 6}, "from 7"),
        ({"days": 400}, "to 365"),
        ({"methods": ["bl1"]}, 'did you mean "bl01"'),
        ({"methods": ["nominated"]}, "nothing is nominated"),
        ({"repeats": ["dayly"]}, "no such repeat"),
        ({"repeats": []}, "--repeat"),
    ],
)
def test_a_faulty_option_is_told_with_its_remedy(options, told):
    with pytest.raises(ConfigError, match=told):
        plan_lab(alike(), **options)


@pytest.mark.parametrize(
    ("ask", "told"),
    [
        (asked(start="2026-01-14T23:30", end="2026-01-15T00:30"), "one local day"),
        (asked(start="2026-01-14T18:10"), "half-hours"),
        (asked(notice_minutes=9_000), "notice_minutes"),
    ],
)
def test_a_dispatch_the_lab_cannot_repeat_is_told(ask, told):
    with pytest.raises(ConfigError, match=told):
        plan_lab(alike(signals=ask))


def test_a_turn_up_under_a_limit_is_refused():
    limited = {"strategy": "immediate", "fleet_limit_kw": 30, "share_by": "equally"}
    with pytest.raises(ConfigError, match="fleet_limit_kw"):
        plan_lab(alike(charging=limited), action="turn_up")


# ---- side by side


def test_pieces_of_work_come_back_in_their_order():
    parts = []
    works = [lambda tell, i=i: (tell(0.5), i * i)[1] for i in range(5)]
    assert do_all(works, parts.append, 1) == [0, 1, 4, 9, 16]
    assert parts[-1] == 1.0
    assert parts == sorted(parts)


@pytest.mark.parametrize("is_shared", [True, False])
def test_what_a_piece_of_work_cannot_bear_is_raised(is_shared):
    def fails(_tell):
        raise ConfigError("too much")

    with pytest.raises(ConfigError, match="too much"):
        do_all([fails, fails], lambda _part: None, 1, is_shared=is_shared)


# ---- what is told


def test_the_same_plan_has_the_same_errors(spread_errors):
    again = lab(spread(), days=14)
    assert list(again.table) == list(spread_errors.table)
    for name, column in again.table.items():
        np.testing.assert_array_equal(column, spread_errors.table[name])


def test_another_seed_has_other_errors(spread_errors):
    other = lab(spread(seed=2), days=14, methods=["bl01"], repeats=["once"])
    assert cell(other, "bl01").mae_percent != cell(spread_errors, "bl01").mae_percent


def test_the_table_has_a_row_for_each_cell(spread_errors):
    """Of the four repeats, one asks for nothing on non-working days."""
    n_sizes = len(spread_errors.sizes)
    assert spread_errors.sizes == (1, 10, 30)
    assert spread_errors.table.n_rows == len(METHODS) * n_sizes * (2 * len(REPEATS) - 1)


def test_errors_of_independent_people_fall_with_their_number(spread_errors):
    off = [cell(spread_errors, "bl01", n=size).mae_percent for size in spread_errors.sizes]
    assert off[0] > 2 * off[1] > 2 * off[2] > 0


def printed(errors, width=120):
    console = Console(width=width, record=True, file=io.StringIO())
    for table in tables(errors, width):
        console.print(table)
    return console.export_text()


def test_the_tables_say_which_days_are_few_and_what_is_not_known(spread_errors):
    text = printed(spread_errors)
    assert "(4 days, few)" in text
    assert "(10 days, few)" in text
    assert all(method in text for method in METHODS)
    assert max(map(len, text.splitlines())) <= 120


def test_on_a_narrow_terminal_no_number_is_cut(spread_errors):
    text = printed(spread_errors, 80)
    assert "…" not in text
    assert "±" in text


def test_what_is_printed_defines_its_words(alike_errors):
    text = "\n".join(definitions(alike_errors))
    assert all(word in text for word in ("off by", "bias", "over-credit", "12 of 1 asset", "Truly delivered", "*"))


def test_remarks_say_where_history_runs_out(alike_errors):
    text = "\n".join(truth_remarks(alike_errors))
    assert "mid_8_of_10 from 0% to" in text
    assert "no history is left" in text


def texts(ax):
    return [text.get_text() for text in ax.figure.findobj(Text) if text.get_text()]


def test_the_picture_tells_methods_units_days_and_sizes(spread_errors):
    shown = texts(baseline_error(spread_errors))
    assert {"bl01", "fixed_profile", "1 asset", "30 assets", "once", "every working day"} <= set(shown)
    assert any("% of the energy" in text for text in shown)
    assert any("4 days: few" in text for text in shown)
    assert "zero" not in shown
    assert "as far off as zero " in shown


def test_the_picture_stands_on_one_method_and_one_asset():
    errors = lab(alike(), days=7, methods=["zero"], repeats=["weekly"])
    assert "1 asset" in texts(baseline_error(errors))


def test_a_mark_without_history_is_hollow(alike_errors):
    def n_hollow(errors):
        return sum(line.get_markerfacecolor() == "#ffffff" for line in baseline_error(errors).findobj(match=_is_mark))

    def _is_mark(artist):
        return type(artist).__name__ == "Line2D" and artist.get_linestyle() == "None"

    cells = [one for one in alike_errors.cells if one.n_assets == 12 and one.method != "zero"]
    assert n_hollow(alike_errors) == sum(one.without_history_percent > 0 for one in cells) > 0


def test_the_file_carries_what_it_is(spread_errors, tmp_path):
    (path,) = save_baseline_errors(spread_errors, tmp_path)
    with Image.open(path) as picture:
        assert picture.text["Config hash"] == spread_errors.config_hash
        assert "baselines" in picture.text["Title"]
        assert len(picture.convert("L").getcolors(maxcolors=1 << 20)) > 20


def test_a_few_days_more_are_advised_where_days_are_few(spread_errors):
    text = "\n".join(truth_remarks(spread_errors))
    assert "only 4 non-working days: their figures are rough; --days 70 has 20" in text
    calm = replace(spread_errors, n_days={WORKING: 50, NON_WORKING: 20})
    assert "rough" not in "\n".join(truth_remarks(calm))


# ---- the command


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("lab")
    tree = config(users=12, days=1, driving=True, habit=60, day=60)
    (place / "c.json").write_text(json.dumps(tree), encoding="utf-8")
    return place


def test_the_command_leaves_a_table_and_a_picture(folder):
    ran = command(
        "-m", "evsim", "baselines", "c.json", "--days", 14, "--repeat", "once,working_days", "--methods", "bl01,zero",
        "--window", "18:00-19:00", cwd=folder,
    )  # fmt: skip
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "bl01" in ran.stdout
    assert "turn_down 18:00-19:00" in ran.stdout
    assert sorted(path.name for path in (folder / "outputs").iterdir()) == ["baseline_error.csv", "baseline_error.png"]
    with (folder / "outputs" / "baseline_error.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 2 * 3 * 3
    assert {int(one["n_samples"]) for one in rows if one["n_assets"] == "12"} == {10, 4}


def test_quiet_says_nothing(folder):
    ran = command(
        "-m", "evsim", "baselines", "c.json", "--days", 7, "--repeat", "working_days", "--methods", "zero", "--quiet",
        "--no-plots", "--out", "q", cwd=folder,
    )  # fmt: skip
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")
    assert [path.name for path in (folder / "q").iterdir()] == ["baseline_error.csv"]


@pytest.mark.parametrize(
    "options", [("--window", "nine"), ("--methods", "x"), ("--repeat", "x"), ("--days", "3"), ("--users", "0")]
)
def test_a_fault_is_one_message_and_status_2(folder, options):
    ran = command("-m", "evsim", "baselines", "c.json", *options, "--out", "faulty", cwd=folder)
    assert ran.returncode == 2
    assert "Traceback" not in ran.stderr
    assert ran.stderr.strip()
    assert not (folder / "faulty").exists()

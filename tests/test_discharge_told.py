"""What files, tables and pictures tell of cars that give power back, and that they tell nothing where none does."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import ClassVar

import numpy as np
import pytest
from matplotlib.patches import StepPatch
from matplotlib.text import Text
from test_plots import a_figure, kinds, said, steps
from worlds import ALIKE, FLAT, row, run, scenario

from evsim import Strategy
from evsim._outputs import summary, write_csv
from evsim._reports.compare import tables
from evsim._reports.run import in_a_line, print_report
from evsim._stays import LogReader
from evsim._validation.measure import Measured
from evsim.analysis import Variant, compare
from evsim.plots import charging_curves, compare_night, compare_power, occupancy, power_by_archetype
from evsim.plots._views import views_of

V2G = {"v2g_percent": 100, "discharge_kw": 5, "plug_in_time": "16:00"}
OUT = 0.87 / 0.9
MINUS = "\N{MINUS SIGN}"


class Back(Strategy):
    """Gives back from 18:00 to 21:00 of runs that begin at noon UTC, and charges after it; who cannot, at once."""

    name: ClassVar[str] = "back"

    def orders(self, cars):
        day = 24 * 3600
        at = cars.now // day * day + 6 * 3600
        able = (cars.discharge_kw > 0) & (cars.now < at)
        yield cars.orders(which=able, max_kw=-5, until_soc=0, start=at[able], stop=at[able] + 3 * 3600)
        yield cars.orders(start=np.where(able, at + 3 * 3600, cars.now))


def crowd(n_kinds=2, **changes):
    settings = {"users": 12 * n_kinds, "days": 3, "habit": 45, "day": 30, "driving": True} | changes
    v2g = settings.pop("v2g", 60)
    rows = [row(name, 100 / n_kinds, **(V2G | {"v2g_percent": v2g})) for name in kinds(n_kinds)]
    return run(*rows, own=Back, **settings)


@pytest.fixture(scope="module")
def both():
    return crowd()


@pytest.fixture(scope="module")
def long():
    return crowd(days=30, users=60)


@pytest.fixture(scope="module")
def alike():
    """One night of two people: 3 h of 5 kW out, and in again what that took and the day's driving."""
    car = row(**V2G, target_soc_percent=80, plug_in_soc_percent=80, miles_per_year=365 * 28)
    return run(car, own=Back, users=2, days=2, curve=FLAT, **ALIKE)


# ---- tables


def test_the_balance_of_the_portrait_closes(both):
    for told in (*both.portrait, both.portrait_of_all):
        balance = told.home_kwh - told.given_kwh + told.public_kwh - told.driven_kwh
        assert balance == pytest.approx(told.gained_kwh, abs=1e-6)
        assert told.given_kwh * OUT == pytest.approx(told.export_kwh)
        assert told.given_kwh > 10


def test_the_portrait_of_a_night_can_be_worked_out_by_hand(alike):
    told = alike.portrait_of_all
    assert told.export_kwh == pytest.approx(2 * 2 * 15)
    assert told.export_kwh_per_year == pytest.approx(365 * 15)
    assert told.discharging_share == pytest.approx(3 / 24)
    assert told.session_kwh.median == pytest.approx((8 + 15 / OUT) / 0.9, abs=1e-4)
    assert told.charging_h.median == pytest.approx((8 + 15 / OUT) / 0.9 / 7, abs=1 / 3600)
    assert told.below_target.users == 0


def test_time_in_which_power_flows_out_is_cut_at_the_ends_of_the_run():
    results = run(row(**V2G), own=Back, days=1, start="2026-01-12T12:00", users=2, warm_up=0)
    whole = LogReader(results.users, results.target_soc_of).per_user
    for user, seconds in zip(results.users, whole.discharging_s, strict=True):
        on, off = user.log.discharge_starts(), user.log.discharge_stops()
        assert seconds == (off - on).astype(int).sum()
    cut = run(row(**V2G), own=Back, days=1, start="2026-01-12T12:00", users=2, warm_up=0, zone="UTC")
    assert cut.portrait_of_all.discharging_share == pytest.approx(3 / 24)


def test_the_summary_tells_what_is_given_back_and_how_high_that_goes(both):
    told = json.loads(json.dumps(summary(both)))
    everybody = told["population"]
    assert everybody["export_kwh"] == pytest.approx(both.export_kwh.sum())
    assert everybody["export_peak"]["kw"] == both.export_kw.sum(axis=1).max()
    assert everybody["portrait"]["discharging_percent"] > 1
    parts = everybody["portrait"]
    balance = parts["home_battery_kwh"] - parts["given_back_battery_kwh"] + parts["public_kwh"] - parts["driven_kwh"]
    assert balance == pytest.approx(parts["gained_battery_kwh"], abs=1e-6)
    assert [group["export_peak"]["kw"] for group in told["archetypes"]] == both.export_kw.max(axis=0).tolist()


def test_nothing_given_back_has_no_peak():
    assert summary(run(days=1))["population"]["export_peak"] is None


def test_the_printed_tables_tell_it_where_there_is_any(both, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    print_report(both, tmp_path, ["a"], 1.0)
    printed = capsys.readouterr().out
    assert f"{both.export_kwh.sum():,.0f}" in printed
    assert f"{both.export_peak.kw:,.1f}" in printed
    assert "given back:" in printed
    assert "kWh given back" in in_a_line(both)


def test_the_printed_tables_say_nothing_of_it_where_there_is_none(tmp_path, capsys):
    results = run(row(v2g_percent=100), days=1)
    print_report(results, tmp_path, ["a"], 1.0)
    printed = capsys.readouterr().out
    assert "back" not in printed
    assert "back" not in in_a_line(results)


def test_files_hold_no_minus_before_an_energy_or_a_power(both, tmp_path):
    for name, table in (("timeseries", both.timeseries), ("sessions", both.sessions)):
        write_csv(table, tmp_path / name)
        assert ",-" not in (tmp_path / name).read_text()
    assert both.timeseries["export_kw"].sum() * both.clock.step_h == pytest.approx(both.export_kwh.sum())
    assert both.sessions["export_kwh"].sum() == pytest.approx(both.export_kwh.sum(), abs=1e-4)


def test_a_validation_takes_what_is_given_back_off_what_is_charged_at_home(both):
    measured, told = Measured(both), both.portrait_of_all
    assert measured.home_kwh.sum() == pytest.approx(told.home_kwh - told.given_kwh, abs=1e-4)
    assert measured.drawn_kwh.sum() == pytest.approx(told.import_kwh, abs=1e-4)


# ---- the picture of the power


def halves_of(ax):
    """Filled stacks by whether they go up or down on paper, each in order."""
    ups, downs = [], []
    for patch in steps(ax):
        (_, low), (_, high) = patch.get_transform().transform([(0, 0), (0, 1)])
        (ups if high > low else downs).append(patch)
    return ups, downs


def heights(stack):
    return np.transpose([np.subtract(p.get_data().values, p.get_data().baseline) for p in stack])


def net_lines(ax):
    return [p for p in ax.patches if isinstance(p, StepPatch) and not p.get_fill()]


def test_import_is_stacked_up_and_export_down_on_one_scale(both):
    ups, downs = halves_of(power_by_archetype(both))
    np.testing.assert_allclose(heights(ups), both.import_kw, atol=1e-9)
    np.testing.assert_allclose(heights(downs), both.export_kw, atol=1e-9)
    assert [p.get_facecolor() for p in ups] == [p.get_facecolor() for p in downs]
    for one, other in zip(ups, downs, strict=True):
        up, down = (p.get_transform().transform([(0, 0), (0, 1)])[:, 1] for p in (one, other))
        assert up[0] == pytest.approx(down[0]), "zero is at one place"
        assert up[1] - up[0] == pytest.approx(down[0] - down[1]), "a kW is as long both ways"
    for below, above in pairwise(p.get_data() for p in downs):
        np.testing.assert_array_equal(below.values, above.baseline)


def test_the_scale_of_the_axes_is_that_of_what_is_drawn(both):
    ax = power_by_archetype(both)
    ups, _ = halves_of(ax)
    there = ups[0].get_transform().transform([(0, 0), (0, 100)])
    np.testing.assert_allclose(ax.transData.transform([(0, 0), (0, 100)]), there, atol=1e-6)


def test_the_most_given_back_is_marked_with_its_power_and_time(both):
    ax = power_by_archetype(both)
    text = next(text for text in said(ax) if text.startswith("most given back"))
    assert float(text.split()[3]) == pytest.approx(both.export_peak.kw, rel=1e-3)
    at = both.export_peak.at.astype("datetime64[m]").item()
    assert text.endswith(f"{at:%H:%M}"), "London keeps UTC in January"
    assert ax.lines[-1].get_ydata()[0] == pytest.approx(both.export_peak.kw)


def test_levels_below_zero_have_a_minus_and_zero_is_among_them(both):
    words = said(power_by_archetype(both))
    assert "0" in words
    assert any(word.startswith(MINUS) for word in words)
    assert any("Below zero: given back." in word for word in words)
    assert any("given back by" in word for word in words)


def test_the_dark_line_is_the_net_where_power_goes_both_ways():
    results = crowd(v2g=30)
    ax = power_by_archetype(results)
    line = net_lines(ax)[-1]
    drawn, given = results.import_kw.sum(axis=1), results.export_kw.sum(axis=1)
    net = line.get_data().values
    there = ~np.isnan(net)
    np.testing.assert_allclose(net[there], (drawn - given)[there], atol=1e-9)
    assert there.any()
    assert (given[there] > 0).all()
    assert (drawn[there] > 0).all()
    assert any("Dark line" in text for text in said(ax))
    zero, one = line.get_transform().transform([(0, 0), (0, 1)])[:, 1]
    up = halves_of(ax)[0][0].get_transform().transform([(0, 0), (0, 1)])[:, 1]
    assert (zero, one) == (pytest.approx(up[0]), pytest.approx(up[1]))


def test_the_days_of_a_long_run_hold_what_is_given_back(long):
    _, downs = halves_of(power_by_archetype(long))
    n = len(long.archetypes)
    by_day = heights(downs[:n]).sum(axis=1)
    hours = np.diff(views_of(long.clock)[0].edges) / 3600
    assert (by_day * hours).sum() == pytest.approx(long.export_kwh.sum())


def test_a_run_without_export_has_nothing_below_zero():
    results = run(row(v2g_percent=100), users=20, habit=45, day=30)
    ax = power_by_archetype(results)
    assert not halves_of(ax)[1]
    assert ax.get_ylim()[0] >= 0 or not any(MINUS in text for text in said(ax))
    assert not any("back" in text or "Below zero" in text for text in said(ax))


def test_a_run_that_only_gives_back_says_that_nothing_is_drawn():
    class Gives(Strategy):
        name: ClassVar[str] = "gives"

        def orders(self, cars):
            return cars.orders(max_kw=-5, until_soc=0)

    texts = said(power_by_archetype(run(row(**V2G), own=Gives, days=1, users=3, soc="carried", warm_up=0)))
    assert "no power is drawn" in texts
    assert any(text.startswith("most given back") for text in texts)


@pytest.mark.parametrize("draw", [power_by_archetype, charging_curves, occupancy])
@pytest.mark.parametrize(("n", "days"), [(1, 1), (2, 7), (12, 3), (2, 30)])
def test_words_stay_inside_and_apart(draw, n, days):
    ax = draw(crowd(n, days=days))
    figure = ax.figure
    figure.canvas.draw()
    boxes = [(t.get_text(), t.get_window_extent()) for t in figure.findobj(Text) if t.get_visible() and t.get_text()]
    for i, (text, box) in enumerate(boxes):
        assert min(box.x0, box.y0) >= 0, text
        assert box.x1 <= figure.bbox.width, text
        assert box.y1 <= figure.bbox.height, text
        for other, beside in boxes[:i]:
            assert not box.padded(-0.5).overlaps(beside.padded(-0.5)), (text, other)


@pytest.mark.parametrize("figsize", [(12, 4), (12, 6), (18, 6)])
@pytest.mark.parametrize(("n", "days"), [(1, 7), (6, 7), (1, 20)])
def test_words_never_overprint_side_by_side(n, days, figsize):
    figure = a_figure(figsize=figsize)
    left, right = figure.subplots(1, 2)
    results = crowd(n, days=days)
    power_by_archetype(results, left)
    charging_curves(results, right)
    figure.canvas.draw()
    boxes = [(t.get_text(), t.get_window_extent()) for t in figure.findobj(Text) if t.get_visible() and t.get_text()]
    for i, (text, box) in enumerate(boxes):
        for other, beside in boxes[:i]:
            assert not box.padded(-0.5).overlaps(beside.padded(-0.5)), (text, other)


# ---- comparisons


@pytest.fixture(scope="module")
def comparison():
    rows = [row("A", 100, **V2G)]
    settings = {"users": 20, "days": 3, "habit": 45, "day": 30, "driving": True}
    prices = {"import_price": 28, "export_price": 15}
    plain = scenario(*rows, signals=prices, **settings)
    able = scenario(*rows, signals=prices, own=Back, **settings)
    return compare([Variant("back", able), Variant("immediate", plain)])


def test_a_comparison_draws_the_net(comparison):
    ax = compare_power(comparison)
    first, second = net_lines(ax)[:2]
    outcomes = [one[0] for one in comparison.outcomes]
    np.testing.assert_allclose(first.get_data().values, outcomes[0].import_kw - outcomes[0].export_kw, atol=1e-9)
    np.testing.assert_allclose(second.get_data().values, outcomes[1].import_kw, atol=1e-9)
    assert outcomes[0].net_kw.min() < 0
    fact = next(text for text in said(ax) if "lowest" in text)
    lowest = float(fact.split("lowest ")[1].split()[0].replace(MINUS, "-"))
    assert lowest == pytest.approx(outcomes[0].net_kw.min(), rel=1e-3)
    assert any("Net power" in text for text in said(ax))


def test_every_line_of_a_comparison_is_on_its_scale(comparison):
    ax = compare_power(comparison)
    ax.figure.canvas.draw()
    line = net_lines(ax)[0]
    values = line.get_data().values
    low, high = line.get_transform().transform([(0, values.min()), (0, values.max())])[:, 1]
    assert ax.bbox.y0 - 1e-6 <= low <= high <= ax.bbox.y1 + 1e-6


def test_a_comparison_without_export_says_nothing_of_it():
    settings = {"users": 10, "days": 2}
    found = compare([Variant(name, scenario(row("A"), **settings)) for name in ("one", "other")])
    words = [*said(compare_power(found)), *said(compare_night(found))]
    assert not any("Net" in text or "back" in text or MINUS in text for text in words)
    headings = [column.header for table in tables(found, 200) for column in table.columns]
    assert not any("back" in str(heading) for heading in headings)


def test_the_table_of_a_comparison_has_what_is_given_back(comparison):
    headings = [str(column.header) for table in tables(comparison, 200) for column in table.columns]
    assert "kWh\nback" in headings


def test_a_night_holds_both_ways_and_what_they_cost_and_earn(comparison):
    night, other = comparison.nights
    drawn, given = (np.clip(sign * night.power_kw, 0, None) @ np.diff(night.edges) / 3600 for sign in (1, -1))
    assert (night.import_kwh, night.export_kwh) == (pytest.approx(drawn), pytest.approx(given))
    assert night.export_kwh > 1
    assert night.cost_gbp == pytest.approx(0.28 * drawn - 0.15 * given)
    assert other.export_kwh == 0
    assert any("back" in text for text in said(compare_night(comparison)))


def test_a_night_that_earns_without_a_price_costs_nobody_knows_what():
    prices = {"import_price": 28}
    able = scenario(row("A", **V2G), own=Back, users=5, days=2, signals=prices)
    (night,) = compare([Variant("back", able)]).nights
    assert night.export_kwh > 1
    assert np.isnan(night.cost_gbp)


def test_what_is_given_back_is_compared(comparison):
    outcome = comparison.outcomes[0][0]
    given_kwh = outcome.export_kw.sum() * comparison.clock.step_h
    assert comparison.means("export_kwh")[0].mean == pytest.approx(given_kwh)

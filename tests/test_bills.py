"""Bills: energy times what it cost when it flowed; by hand, by law, and beside a loop over every single event."""

from __future__ import annotations

import csv
import io
import itertools
import json
import pickle

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.colors import to_hex
from matplotlib.patches import StepPatch
from matplotlib.text import Text
from priced import every_half_hour, priced, priced_world, waves
from rich.console import Console
from worlds import FLAT, config, row, run, scheduled

from evsim import Bills, bills, simulate
from evsim._clock import Clock
from evsim._event_kinds import EventKind
from evsim._events import EventStore
from evsim._outputs import FILES, staged, summary, write_tables
from evsim._reports.run import _bills, _signal, print_report
from evsim._series import Series
from evsim.market import has_bills, signal_facts
from evsim.market._metered import is_steady_in_steps, metered
from evsim.plots import power_by_archetype
from evsim.plots._palette import BELOW_ZERO, SIGNAL
from evsim.plots._views import views_of

HEADER = (
    "user_id,archetype,import_kwh,export_kwh,import_cost_gbp,export_income_gbp,net_cost_gbp,mean_import_p_per_kwh,"
    "carbon_kg,mean_g_per_kwh"
)
KINDS = [row("Early", 60), row('Late, & "dear"', 40, plug_in_time="21:17", plug_in_soc_percent=20)]
SPREAD = {"habit": 45, "day": 30, "driving": True}


def intensity(clock):
    """A carbon intensity that is high when prices are, and never under 100 g/kWh."""
    edges, values = waves(clock, at_h=17, seed=8)
    return edges, 100 + 500 * np.abs(values)


def live(*rows, signals, **settings):
    """What a run with prices leaves."""
    return simulate(priced_world(*rows, signals=signals, **settings))


@pytest.fixture(scope="module")
def crowd():
    return live(*KINDS, users=400, days=3, signals={"import_price": waves, "carbon_intensity": intensity}, **SPREAD)


def naive(results, series):
    """(n_users,) kWh x signal, one event and one piece of the staircase at a time."""
    clock, step_s, worth = results.clock, results.clock.step_s, []
    edges = [-np.inf, *series.edges[1:-1].tolist(), np.inf]
    for user in results.users:
        total, before = 0.0, 0
        for event in user.log:
            to = int(clock.run_seconds(event.at))
            if event.import_kwh:
                since = min(max(before, (to - 1) // step_s * step_s), to - 1)
                for (first, end), value in zip(itertools.pairwise(edges), series.values.tolist(), strict=True):
                    total += event.import_kwh * value * max(0.0, min(end, to) - max(first, since)) / (to - since)
            before = to
        worth.append(total)
    return worth


# ---- by hand


def test_a_charge_over_a_change_of_price_is_split_by_time():
    # 68 to 80% of 60 kWh are 8 kWh at the meter: 18:00 to 19:08:34 at 7 kW; dear until 18:20, in a step of an hour
    dear_until = 6 * 3600 + 1200
    price = ([0, dear_until, 86400], [0.30, 0.09])
    found = bills(live(step=60, days=1, curve=FLAT, signals={"import_price": price})).of(0)
    assert found.import_kwh == pytest.approx(8, abs=1e-5)
    assert found.import_cost_gbp == pytest.approx(7 / 3 * 0.30 + (14 / 3 + 1) * 0.09, abs=1e-6)
    assert found.net_cost_gbp == found.import_cost_gbp
    assert found.mean_import_p_per_kwh == pytest.approx(100 * found.import_cost_gbp / 8, abs=1e-4)
    assert found.net_cost_gbp_per_year == pytest.approx(365 * found.import_cost_gbp)


def test_what_ends_at_a_change_of_price_is_paid_at_the_price_before():
    window = scheduled("18:00", "18:30")
    found = bills(live(days=1, curve=FLAT, charging=window, signals={"import_price": ([0, 23400, 86400], [0.10, 9])}))
    assert found.total.import_cost_gbp == pytest.approx(0.35, abs=1e-7)


def test_carbon_is_in_kg_and_its_mean_in_g():
    found = bills(live(days=1, curve=FLAT, signals={"carbon_intensity": ([0, 86400], [150])})).total
    assert (found.carbon_kg, found.mean_g_per_kwh) == pytest.approx((1.2, 150), abs=1e-5)
    assert found.import_cost_gbp is found.net_cost_gbp is found.mean_import_p_per_kwh is None


def test_a_user_who_is_paid_to_charge_has_a_negative_bill():
    found = bills(live(days=1, curve=FLAT, signals={"import_price": ([0, 86400], [-0.05])})).total
    assert found.import_cost_gbp == pytest.approx(-0.4, abs=1e-6)
    assert found.mean_import_p_per_kwh == pytest.approx(-5)


def hand_made_log():
    """Two users: the second gives 2 kWh back from 00:10 to 00:30, in a half-hour step."""
    clock = Clock(0, 1800, 0, 4, "UTC")
    log = EventStore(clock, np.array([0, 0]), ("A",))
    log.append(0.0, np.array([0, 1]), EventKind.REPORT, 0, np.array([0.5, 0.5]))
    log.append(np.array([600.0]), np.array([1]), EventKind.CHARGE_START, 0, np.array([0.5]))
    log.append(1800.0, np.array([1]), EventKind.REPORT, 0, np.array([0.4]), 0.0, np.array([2.0]))
    return log


@pytest.mark.parametrize(("change", "expected"), [(1800, 2 * 0.2), (900, 2 * (0.2 * 300 + 0.8 * 900) / 1200)])
def test_export_earns_the_price_of_when_it_flowed(change, expected):
    kwh, gbp = metered(hand_made_log(), "export_kwh", [Series(np.array([0.0, change, 7200]), np.array([0.2, 0.8]))])
    assert kwh.tolist() == [0, 2]
    assert gbp.tolist() == pytest.approx([0, expected])


def made(**changes):
    """Bills of two users, the second of whom exports."""
    columns = {"import_kwh": [4, 6], "export_kwh": [0, 2], "import_cost_gbp": [1, 2], "export_income_gbp": [0, 0.5]}
    columns |= {"carbon_kg": [0.4, 0.9], "exported_carbon_kg": [0, 0.3]} | changes
    return Bills(("A", "B"), np.array([0, 1]), 1, **{name: np.array(c, np.float64) for name, c in columns.items()})


def test_export_is_taken_off_the_bill_and_not_off_the_carbon():
    found = made()
    assert found.of(1).net_cost_gbp == found.by_archetype[1].net_cost_gbp == 1.5
    assert found.total.net_cost_gbp == 2.5
    assert (found.of(1).carbon_kg, found.of(1).exported_carbon_kg) == (0.9, 0.3)


def test_without_a_price_of_export_only_the_bills_of_those_who_export_are_unknown():
    found = made(export_income_gbp=[np.nan, np.nan])
    assert [found.of(i).net_cost_gbp for i in range(2)] == [1, None]
    assert found.of(0).export_income_gbp is None
    assert found.total.net_cost_gbp is None


def test_there_is_no_bill_of_nobody():
    with pytest.raises(IndexError):
        made().of(2)
    assert made().of(-1) == made().of(1)


# ---- laws


@pytest.mark.parametrize("late_s", [0, 450])
def test_bills_are_those_of_a_loop_over_every_event(late_s):
    def price(clock):
        edges, values = waves(clock)
        return edges + late_s, values

    results = live(*KINDS, users=12, days=2, signals={"import_price": price, "carbon_intensity": intensity}, **SPREAD)
    series = results.signals.import_price.actual
    assert is_steady_in_steps(series, results.clock) is (late_s == 0)
    np.testing.assert_allclose(bills(results).import_cost_gbp, naive(results, series), rtol=1e-12)


@given(
    step=st.sampled_from([5, 15, 30, 60]),
    changes=st.lists(st.integers(1, 2 * 86400 - 1), max_size=12, unique=True),
    values=st.lists(st.floats(-0.5, 2), min_size=13, max_size=13),
    charging=st.sampled_from([{"strategy": "immediate"}, scheduled("00:10", "03:20")]),
)
def test_changes_of_price_at_any_second_are_told_apart(step, changes, values, charging):
    edges = [0, *sorted(changes), 2 * 86400]
    price = edges, values[: len(edges) - 1]
    results = live(*KINDS, users=3, step=step, charging=charging, signals={"import_price": price}, **SPREAD)
    found, expected = bills(results).import_cost_gbp, naive(results, results.signals.import_price.actual)
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9)


def test_both_ways_through_the_log_agree(crowd):
    series = crowd.signals.import_price.actual
    far = Series(series.edges - np.where(series.edges == 1800, 1e-9, 0), series.values)
    assert not is_steady_in_steps(far, crowd.clock)
    fast, slow = (metered(crowd.events, "import_kwh", [one]) for one in (series, far))
    np.testing.assert_allclose(slow, fast, rtol=1e-9)


def test_bills_add_up_to_the_time_series(crowd):
    price = crowd.signals.import_price.actual.at(np.arange(crowd.clock.n_steps) * crowd.clock.step_s)
    expected = (crowd.import_kw * price[:, None]).sum(axis=0) * crowd.clock.step_h
    found = bills(crowd)
    assert [bill.import_cost_gbp for bill in found.by_archetype] == pytest.approx(expected, rel=1e-9)
    assert found.total.import_cost_gbp == pytest.approx(expected.sum(), rel=1e-9)
    assert found.total.import_kwh == pytest.approx(crowd.import_kwh.sum(), rel=1e-9)
    assert [bill.users for bill in found.by_archetype] == crowd.n_users.tolist()


def same_run(crowd, **signals):
    """The same people at other prices."""
    scenario = priced(crowd.scenario.to_dict(), signals)
    return bills(simulate(scenario))


def test_a_constant_price_costs_price_times_energy(crowd):
    found = same_run(crowd, import_price=lambda clock: every_half_hour(clock, [0.25]))
    np.testing.assert_array_equal(found.import_cost_gbp, 0.25 * found.import_kwh)


def test_a_price_that_is_higher_by_a_constant_costs_that_much_more_for_each_kwh(crowd):
    def higher(clock):
        edges, values = waves(clock)
        return edges, values + 0.07

    before, after = bills(crowd), same_run(crowd, import_price=higher)
    np.testing.assert_allclose(after.import_cost_gbp - before.import_cost_gbp, 0.07 * before.import_kwh, rtol=1e-9)


def test_a_bill_is_the_same_alone_and_in_a_crowd():
    alone, together = (bills(live(row(), users=n, days=2, signals={"import_price": waves}, **SPREAD)) for n in (5, 40))
    np.testing.assert_array_equal(alone.import_cost_gbp, together.import_cost_gbp[:5])


def test_bills_do_not_depend_on_the_length_of_a_step():
    found = [bills(live(*KINDS, users=20, step=s, signals={"import_price": waves}, **SPREAD)) for s in (5, 15, 30)]
    for other in found[1:]:
        np.testing.assert_allclose(other.import_cost_gbp, found[0].import_cost_gbp, atol=1e-6)


def test_bills_are_made_once(crowd):
    assert bills(crowd) is bills(crowd)


# ---- files and print


@pytest.fixture(scope="module")
def folder(crowd, tmp_path_factory):
    made_in = tmp_path_factory.mktemp("bills")
    write_tables(crowd, made_in)
    return made_in


def read(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_the_bills_in_the_file_can_be_worked_out_from_events_and_prices(crowd, folder, tmp_path):
    assert (folder / "bills.csv").read_text(encoding="utf-8").splitlines()[0] == HEADER
    signal = crowd.signals.import_price.actual
    prices = tmp_path / "prices.csv"  # as somebody else has them: UTC and GBP per kWh
    starts = crowd.clock.to_utc(signal.edges[:-1])
    prices.write_text("\n".join(["start,gbp", *(f"{at},{p!r}" for at, p in zip(starts, signal.values.tolist()))]))  # noqa: B905
    listed = read(prices)
    events = pq.read_table(folder / "events.parquet").to_pydict()
    begins = np.array([line["start"] for line in listed], "datetime64[s]")
    gbp_per_kwh = np.array([float(line["gbp"]) for line in listed])
    at = np.array([t.replace(tzinfo=None) for t in events["at_utc"]], "datetime64[s]")
    which = np.maximum(np.searchsorted(begins, at, side="left") - 1, 0)  # energy is of before the event
    cost = np.bincount(events["user_id"], np.array(events["import_kwh"], np.float64) * gbp_per_kwh[which])
    told = read(folder / "bills.csv")
    assert [float(line["import_cost_gbp"]) for line in told] == pytest.approx(cost, abs=6e-7)
    assert [line["user_id"] for line in told] == [str(i) for i in range(400)]
    assert {line["archetype"] for line in told} == {kind["name"] for kind in KINDS}
    assert {line["export_income_gbp"] for line in told} == {""}, "there is no price of export"


def test_money_is_written_to_a_ten_thousandth_of_a_penny_and_never_longer(folder):
    places = {"import_cost_gbp": 6, "mean_import_p_per_kwh": 4, "carbon_kg": 5, "mean_g_per_kwh": 3, "import_kwh": 5}
    for line in read(folder / "bills.csv"):
        assert all(len(line[name].partition(".")[2]) <= n for name, n in places.items())


def test_the_summary_has_bills_and_what_prices_were(crowd):
    told = json.loads(json.dumps(summary(crowd), allow_nan=False))
    assert told["bills"]["population"] == bills(crowd).total.to_dict()
    assert [one["name"] for one in told["bills"]["archetypes"]] == list(crowd.archetypes)
    price = told["signals"]["import_price"]
    assert price["label"] == "made by hand"
    assert price["mean_p_per_kwh"] == pytest.approx(100 * crowd.signals.import_price.actual.values.mean())
    assert price["lowest_p_per_kwh"] < price["mean_p_per_kwh"] < price["highest_p_per_kwh"]


def test_without_prices_there_are_no_bills(tmp_path):
    results = run(days=1)
    assert not has_bills(results)
    assert np.isnan(bills(results).import_cost_gbp).all()
    assert bills(results).total.import_kwh == pytest.approx(results.import_kwh.sum())
    assert not {"bills", "signals"} & set(summary(results))
    (tmp_path / "bills.csv").write_text("of an earlier run")
    with staged(tmp_path) as place:
        write_tables(results, place)
    assert not (tmp_path / "bills.csv").exists()
    assert "bills.csv" in FILES


def printed(table, width=80):
    console = Console(width=width, file=io.StringIO())
    console.print(table)
    return console.file.getvalue()


def test_the_report_has_money_and_carbon_of_each_kind_and_all(crowd):
    text = printed(_bills(crowd, 80))
    total = bills(crowd).total
    last = text.splitlines()[-1].split()
    assert last == [
        "all",
        f"{total.import_cost_gbp:,.0f}",
        f"{total.net_cost_gbp_per_year:,.0f}",
        f"{total.mean_import_p_per_kwh:.2f}",
        f"{total.carbon_kg:,.0f}",
        f"{total.mean_g_per_kwh:.0f}",
    ]
    assert "GBP a year" in text


@pytest.mark.parametrize("width", [40, 50, 60, 100])
def test_on_a_narrow_terminal_the_price_stays(crowd, width):
    lines = printed(_bills(crowd, width), width).splitlines()
    assert all(len(line) <= width for line in lines)
    assert f"{bills(crowd).total.mean_import_p_per_kwh:.2f}" in lines[-1]


def test_the_report_says_where_prices_are_from(crowd, tmp_path, capsys):
    print_report(crowd, tmp_path, ["bills.csv"], 1.0)
    lines = capsys.readouterr().out.splitlines()
    price, carbon = signal_facts(crowd)
    assert _signal(price) in lines
    assert _signal(price).startswith(f"import price: made by hand; on average {price.mean:.1f} p/kWh, from ")
    assert _signal(carbon) in lines


def test_only_carbon_makes_a_table_of_carbon():
    text = printed(_bills(live(days=1, signals={"carbon_intensity": intensity}), 80))
    assert "CO2" in text
    assert "GBP" not in text


# ---- pictures


def strips(ax):
    """The steps of strips, by colour."""
    found = {SIGNAL: [], BELOW_ZERO: []}
    for patch in ax.patches:
        if isinstance(patch, StepPatch) and to_hex(patch.get_facecolor()) in found:
            found[to_hex(patch.get_facecolor())].append(patch.get_data().values)
    return found


def said(ax):
    return [text.get_text() for text in ax.figure.findobj(Text) if text.get_visible() and text.get_text()]


def below_zero(clock):
    return waves(clock, low=-0.1)


def test_the_strips_show_the_price_and_the_carbon_of_every_step(crowd):
    ax = power_by_archetype(crowd)
    # the lower strip is drawn first
    carbon, price = strips(ax)[SIGNAL]
    np.testing.assert_allclose(price, 100 * np.maximum(crowd.signals.import_price.actual.values, 0))
    np.testing.assert_allclose(carbon, crowd.signals.carbon_intensity.actual.values)
    assert {"Import price [p/kWh]", "Carbon intensity [g/kWh]"} <= set(said(ax))


def test_prices_below_zero_go_down_in_a_colour_of_their_own():
    results = live(days=2, signals={"import_price": below_zero})
    ax = power_by_archetype(results)
    values = 100 * results.signals.import_price.actual.values
    np.testing.assert_allclose(strips(ax)[BELOW_ZERO][0], np.maximum(-values, 0))
    assert f"below zero, to \N{MINUS SIGN}{-values.min():.1f}" in said(ax)


def test_a_price_inside_steps_is_shown_as_its_mean():
    def late(clock):
        edges, values = waves(clock, low=0.1)
        return edges + 900, values

    results = live(days=1, signals={"import_price": late})
    values = results.signals.import_price.actual.values
    (facts,) = signal_facts(results)
    np.testing.assert_allclose(facts.by_step[1:], 50 * (values[:-1] + values[1:]))


def test_a_year_shows_prices_by_the_local_time_of_day():
    results = live(days=20, users=5, signals={"import_price": waves})
    (facts,) = signal_facts(results)
    by_day, average = strips(power_by_archetype(results))[SIGNAL]
    days, day = views_of(results.clock)
    np.testing.assert_allclose(by_day, days.mean(facts.by_step))
    np.testing.assert_allclose(average, day.mean(facts.by_step))
    assert "Import price, mean [p/kWh]" in said(power_by_archetype(results))


@pytest.mark.parametrize("start", ["2026-01-12T12:00", "2026-03-27T12:00"])
@pytest.mark.parametrize("days", [1, 3, 20])
@pytest.mark.parametrize("n", [1, 12])
def test_with_strips_words_stay_apart_and_inside_and_are_said_once(n, days, start):
    kinds = [row(f"{i:02d} a rather long name of an archetype", 100 / n) for i in range(n)]
    signals = {"import_price": below_zero, "carbon_intensity": intensity}
    results = live(*kinds, users=12, days=days, start=start, signals=signals)
    ax = power_by_archetype(results)
    plain = power_by_archetype(simulate(priced(results.scenario.to_dict(), {})))
    for text in set(said(plain)):
        if not text.replace(",", "").isdigit():
            assert said(ax).count(text) == said(plain).count(text), text
    figure = ax.figure
    figure.canvas.draw()
    shown = [t for t in figure.findobj(Text) if t.get_visible() and t.get_text()]
    boxes = [(t.get_text(), t.get_window_extent()) for t in shown]
    assert min(t.get_fontsize() for t in shown) >= 9
    for i, (text, box) in enumerate(boxes):
        assert figure.bbox.padded(1).contains(box.x0, box.y0), text
        assert figure.bbox.padded(1).contains(box.x1, box.y1), text
        for other, beside in boxes[:i]:
            assert not box.padded(-0.5).overlaps(beside.padded(-0.5)), (text, other)


def test_a_small_axes_has_no_strips(crowd):
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 3))
    FigureCanvasAgg(figure)
    left, _ = figure.subplots(1, 2)
    assert not any(strips(power_by_archetype(crowd, left)).values())


def test_the_scale_of_an_axes_is_that_of_its_power(crowd):
    ax = power_by_archetype(crowd)
    (stack, *_) = [p for p in ax.patches if isinstance(p, StepPatch) and to_hex(p.get_facecolor()) not in strips(ax)]
    at_zero, at_peak = stack.get_transform().transform([(0, 0), (0, crowd.peak.kw)])
    np.testing.assert_allclose(ax.transData.transform([(0, 0), (0, crowd.peak.kw)]), [at_zero, at_peak])


def test_prices_reach_the_process_that_draws(crowd):
    light = crowd.without_people()
    assert vars(light)["signals"] is crowd.signals
    again = pickle.loads(pickle.dumps(vars(light)["signals"]))  # noqa: S301 - from ourselves
    np.testing.assert_array_equal(again.import_price.actual.values, crowd.signals.import_price.actual.values)
    assert said(power_by_archetype(light)) == said(power_by_archetype(crowd))


def test_a_price_that_never_changes_is_said_and_not_drawn():
    ax = power_by_archetype(live(days=1, signals={"import_price": ([0, 86400], [0.245])}))
    assert not any(strips(ax).values())
    assert any(text.endswith("import price 24.5 p/kWh") for text in said(ax))


def test_a_config_without_prices_has_its_picture_as_before():
    results = simulate(priced(config(days=1), {}))
    assert not any(strips(power_by_archetype(results)).values())
    assert power_by_archetype(results).get_ylim()[0] == 0

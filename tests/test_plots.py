"""The pictures: what is drawn is what the Results say, in words and colours a stranger can read."""

from __future__ import annotations

import datetime as dt
import subprocess
import sys
import warnings
from dataclasses import replace
from itertools import pairwise
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.patches import StepPatch
from matplotlib.text import Text
from PIL import Image

from evsim import Scenario, simulate
from evsim._event_kinds import EventKind
from evsim._outputs import FILES
from evsim.plots import charging_curves, occupancy, plug_in_times, power_by_archetype, save_all, soc_at_plug_in
from evsim.plots._calendar import LEVELS, level_for, parts_of
from evsim.plots._palette import COLOURS, HATCHES, STATES, colour, hatch
from evsim.plots._plug_in_times import median_minute
from evsim.plots._views import views_of
from evsim.plots._words import told_apart, width_in

PICTURES = [charging_curves, power_by_archetype, plug_in_times, soc_at_plug_in, occupancy]
SIGNS = "50% of $x_1^2$ \\frac{ & <b> é 車"


def scenario(names=("A",), **settings):
    """A few users of each archetype, for two days."""
    start = settings.pop("start", "2026-01-12T12:00")
    simulation = {"start": start, "days": settings.pop("days", 2), "warm_up_days": 1}
    simulation["step_minutes"] = settings.pop("step_minutes", 30)
    simulation |= settings.pop("simulation", {})
    row = {"miles_per_year": 9435, "battery_kwh": 60, "efficiency_miles_per_kwh": 3.5, "charger_kw": 7}
    row |= {"plug_in_frequency_per_day": 1, "plug_in_time": "18:00", "plug_out_time": "07:00"}
    row |= {"target_soc_percent": 80}
    archetypes = [{"name": name, "population_percent": 100 / len(names), **row} for name in names]
    return Scenario.from_dict({"simulation": simulation, "population_size": 60, "archetypes": archetypes, **settings})


def kinds(n, length=8):
    return tuple(f"{i:02d} {'kind of people ' * 6}"[:length].strip() for i in range(n))


@pytest.fixture(scope="module")
def few():
    return simulate(scenario(kinds(3)))


@pytest.fixture(scope="module")
def many():
    return simulate(scenario(kinds(6)))


@pytest.fixture(scope="module")
def year():
    return simulate(scenario(kinds(4), days=365, step_minutes=60))


def a_figure(**settings):
    """A figure of somebody else, that really draws."""
    figure = Figure(**settings)
    FigureCanvasAgg(figure)
    return figure


def curves(ax):
    """The mean lines, without the dots."""
    return [line for line in ax.lines if line.get_linestyle() != "None"]


def steps(ax):
    return [patch for patch in ax.patches if isinstance(patch, StepPatch) and patch.get_fill()]


def halves(ax):
    """The stacks of a picture of plug-in times: plug-ins and plug-outs, of each kind of day."""
    stacks = {}
    for patch in steps(ax):
        stacks.setdefault(tuple(patch.get_transform().transform([(0, 0), (0, 1)]).ravel()), []).append(patch)
    return list(stacks.values())


def real(results, kind):
    """When it was in local time, whose it was and with which SoC [%], for each plug-in or plug-out of a run's logs."""
    zone = ZoneInfo(results.clock.timezone)
    for user in results.users:
        for event in user.log:
            if event.event == kind.label and event.reason != "run_start":
                at = event.at.astype("datetime64[s]").item().replace(tzinfo=dt.UTC).astimezone(zone)
                yield at, results.archetypes.index(user.archetype), 100 * event.soc


def said(ax):
    """Every text that is drawn."""
    return [text.get_text() for text in ax.figure.findobj(Text) if text.get_visible() and text.get_text()]


def test_the_mean_line_is_the_mean_soc_at_the_ends_of_steps(few):
    for line, soc in zip(curves(charging_curves(few)), few.mean_soc.T, strict=True):
        np.testing.assert_allclose(line.get_ydata()[1:], 100 * soc)
        np.testing.assert_array_equal(line.get_xdata(), few.clock.step_s * np.arange(few.clock.n_steps + 1))


def test_the_band_runs_from_the_tenth_to_the_ninetieth_percentile(few):
    ax = charging_curves(few)
    bands = [c for c in ax.collections if c.get_alpha()]
    for band, quantiles in zip(bands, few.soc_quantiles.transpose(1, 2, 0), strict=True):
        low, high = np.split(band.get_paths()[0].vertices[: 2 * few.clock.n_steps + 2, 1], 2)
        np.testing.assert_allclose(low[1:], 100 * quantiles[0])
        np.testing.assert_allclose(high[-2::-1], 100 * quantiles[-1])


def on_paper(line):
    """The points of a line where they are drawn [pixels]."""
    return line.get_transform().transform(line.get_xydata())


def test_more_than_three_archetypes_have_a_panel_each_in_config_order(many):
    ax = charging_curves(many)
    lines = curves(ax)
    np.testing.assert_allclose(np.transpose([line.get_ydata()[1:] for line in lines]), 100 * many.mean_soc)
    boxes = [line.get_transform().transform([(0, 0), (many.clock.end_s, 100)]) for line in lines]
    for i, (corner, _) in enumerate(boxes):
        assert all((corner >= far).any() or (near >= boxes[i][1]).any() for near, far in boxes[:i])
        assert ax.bbox.padded(1e-6).contains(*corner)


def test_panels_share_their_scales(many):
    lines = [on_paper(line) for line in curves(charging_curves(many))]
    assert len({round(np.ptp(line[:, 0]), 6) for line in lines}) == 1
    assert len({round(line[0, 0], 6) for line in lines}) == 2, "two columns"


def test_the_numbers_in_a_panel_are_the_means_at_plug_in_and_plug_out(many):
    local_s = many.clock.local((np.arange(many.clock.n_steps) + 1) * many.clock.step_s)[1]
    evening, morning = (100 * many.mean_soc[local_s == hour * 3600].mean(axis=0) for hour in (18, 7))
    found = [text for text in said(charging_curves(many)) if text.endswith("at 07:00")]
    assert found == [f"{a:.0f}% at 18:00, {b:.0f}% at 07:00" for a, b in zip(evening, morning, strict=True)]


def test_cars_that_leave_for_a_minute_have_one_number():
    config = scenario().to_dict()
    config["archetypes"][0] |= {"plug_in_time": "00:00", "plug_out_time": "23:59"}
    found = [text for text in said(charging_curves(simulate(Scenario.from_dict(config)))) if "% at " in text]
    assert len(found) == 1
    assert found[0].endswith("at 23:59")
    assert "," not in found[0]


def test_the_stack_is_the_import_of_each_archetype_in_config_order(many):
    stack = steps(power_by_archetype(many))
    heights = [np.subtract(patch.get_data().values, patch.get_data().baseline) for patch in stack]
    np.testing.assert_allclose(np.transpose(heights), many.import_kw, atol=1e-9)
    np.testing.assert_array_equal(stack[0].get_data().edges, many.clock.step_s * np.arange(many.clock.n_steps + 1))


def test_the_stack_has_no_gaps(many):
    for below, above in pairwise(patch.get_data() for patch in steps(power_by_archetype(many))):
        np.testing.assert_array_equal(below.values, above.baseline)


def test_the_peak_is_written_with_its_power_and_local_time():
    results = simulate(scenario(start="2026-06-12T12:00"))
    peak = next(text for text in said(power_by_archetype(results)) if text.startswith("peak"))
    at = results.peak.at.astype("datetime64[m]").item()
    assert float(peak.split()[1]) == pytest.approx(results.peak.kw, rel=1e-3)
    assert peak.endswith(f"{at.hour + 1:02d}:{at.minute:02d}"), "London is an hour ahead of UTC in June"


def test_the_peak_of_the_stack_is_the_peak_that_is_written(many):
    ax = power_by_archetype(many)
    assert ax.lines[-1].get_ydata()[0] == pytest.approx(many.peak.kw)
    assert steps(ax)[-1].get_data().values.max() == pytest.approx(many.peak.kw)


@pytest.fixture(scope="module")
def week():
    return simulate(scenario(kinds(4), days=7))


def half_hours(results, kind, is_working):
    """(48, n_archetypes) plug-ins or plug-outs on working or other days, as % of all on those."""
    counts = np.zeros((48, len(results.archetypes)))
    for at, archetype, _ in real(results, kind):
        if (at.weekday() < 5) == is_working:
            counts[at.hour * 2 + at.minute // 30, archetype] += 1
    return 100 * counts / counts.sum()


def test_plug_ins_go_up_and_plug_outs_down_on_working_days_and_others(week):
    drawn = halves(plug_in_times(week))
    expected = [half_hours(week, kind, on) for on in (True, False) for kind in (EventKind.PLUG_IN, EventKind.PLUG_OUT)]
    for stack, shares in zip(drawn, expected, strict=True):
        heights = [np.subtract(patch.get_data().values, patch.get_data().baseline) for patch in stack]
        np.testing.assert_allclose(np.transpose(heights), shares, atol=1e-9)
        np.testing.assert_array_equal(stack[0].get_data().edges, 1800 * np.arange(49))
    ways = [np.diff(stack[0].get_transform().transform([(0, 0), (0, 1)])[:, 1]) for stack in drawn]
    assert [way > 0 for way in ways] == [True, False, True, False]


def test_plug_ins_and_plug_outs_are_on_one_scale(week):
    ways = [
        np.diff(stack[0].get_transform().transform([(0, 0), (0, 1)])[:, 1]) for stack in halves(plug_in_times(week))
    ]
    np.testing.assert_allclose(np.abs(ways), abs(ways[0][0]))


def test_the_busiest_half_hour_and_the_median_are_written(week):
    shares = half_hours(week, EventKind.PLUG_IN, is_working=True).sum(axis=1)
    begin = 30 * int(np.argmax(shares))
    span = "\N{EN DASH}".join(f"{minute // 60:02d}:{minute % 60:02d}" for minute in (begin, begin + 30))
    words = said(plug_in_times(week))
    assert any(text.startswith(span) and f"{shares.max():.1f}".removesuffix(".0") in text for text in words)
    minutes = [60 * at.hour + at.minute for at, *_ in real(week, EventKind.PLUG_IN) if at.weekday() < 5]
    fact = next(text for text in words if "plug-ins, median" in text)
    assert fact.startswith(f"{len(minutes):,} plug-ins")
    hour, minute = map(int, fact.partition("median ")[2][:5].split(":"))
    assert 60 * hour + minute == pytest.approx(np.median(minutes), abs=20), "few people plug in after midnight"


def test_cars_plugged_in_at_the_start_are_no_plug_ins(week):
    logged = week.events.column("event") == EventKind.PLUG_IN
    assert week.plug_counts.plug_ins.sum() == week.plug_counts.plug_in_soc.sum() < logged.sum()


def test_bank_holidays_count_as_weekends():
    easter = simulate(scenario(start="2026-04-02T00:00", days=5))
    assert easter.plug_counts.days.tolist() == [1, 4]
    assert any("Weekends and bank holidays" in text for text in said(plug_in_times(easter)))


@pytest.mark.parametrize(("start", "name"), [("2026-01-13T00:00", "Working days"), ("2026-01-17T00:00", "Weekends")])
def test_a_kind_of_days_that_a_run_does_not_have_takes_no_room(start, name):
    results = simulate(scenario(start=start, simulation={"holidays": "none"}))
    ax = plug_in_times(results)
    assert len(halves(ax)) == 2
    assert [text for text in said(ax) if text in {"Working days", "Weekends"}] == [name]


def test_the_days_of_a_clock_change_are_as_long_as_they_were():
    results = simulate(scenario(start="2026-03-28T00:00"))
    assert results.plug_counts.days.tolist() == [0, 47 / 24]


@pytest.mark.parametrize(
    ("times", "expected"), [([23 * 60, 60], 0), ([600, 610, 700], 610), ([1439, 0, 1], 0), ([], None)]
)
def test_the_median_of_times_goes_round_midnight(times, expected):
    counts = np.bincount(times, minlength=1440) if times else np.zeros(1440, int)
    found = median_minute(counts)
    assert expected is None or found in {expected, *times[:1]}


def test_soc_at_plug_in_is_to_the_nearest_five_percent(week):
    drawn = [patch.get_data() for patch in steps(soc_at_plug_in(week))]
    edges = [0, *np.arange(2.5, 100, 5), 100]
    for i, data in enumerate(drawn):
        socs = [soc for _, archetype, soc in real(week, EventKind.PLUG_IN) if archetype == i]
        np.testing.assert_array_equal(data.edges, edges)
        np.testing.assert_allclose(data.values, 100 * np.histogram(socs, edges)[0] / len(socs), atol=1e-9)


def test_the_median_soc_and_those_under_a_fifth_are_written(week):
    facts = said(soc_at_plug_in(week))
    for i in range(len(week.archetypes)):
        socs = np.array([soc for _, archetype, soc in real(week, EventKind.PLUG_IN) if archetype == i])
        assert f"median {np.median(socs):.0f}%" in facts
        low = (socs < 20).sum()
        share = f"{100 * low / len(socs):.0f}%" if low >= len(socs) / 200 else "<1%" if low else "none"
        assert f"{share} of {len(socs)} plug-ins under 20%" in facts


def test_the_sheets_soc_is_marked_where_it_is_given():
    plain = scenario().to_dict()
    del plain["archetypes"][0]["plug_in_soc_percent"]
    assert not any(
        "sheet" in text for text in said(soc_at_plug_in(simulate(Scenario.from_dict(plain)))) if "%," in text
    )
    plain["archetypes"][0]["plug_in_soc_percent"] = 61.5
    assert any(text.endswith("sheet 61.5%") for text in said(soc_at_plug_in(simulate(Scenario.from_dict(plain)))))


def test_recorded_sessions_have_no_sheet(tmp_path):
    file = tmp_path / "sessions.csv"
    file.write_text("plug_in,plug_out,energy_kwh\n2026-01-12 18:00,2026-01-13 07:00,6\n")
    texts = said(soc_at_plug_in(simulate(Scenario.from_dict({"sessions": str(file)}))))
    assert not any("sheet" in text for text in texts)
    assert any(text == "median 71%" for text in texts)  # 80% less 6 kWh x 0.9 / 60 kWh


def test_the_states_of_cars_are_stacked_to_a_hundred_percent(week):
    drawn = np.array([patch.get_data().values for patch in steps(occupancy(week))]).reshape(4, 4, -1)
    n = week.n_users[:, None]
    expected = [week.n_charging.T, week.n_plugged_in.T, n - week.n_away.T, n + 0 * week.n_away.T]
    np.testing.assert_allclose(drawn.transpose(1, 0, 2), 100 * np.array(expected) / n)
    for below, above in pairwise(patch.get_data() for patch in steps(occupancy(week))[:4]):
        np.testing.assert_array_equal(below.values, above.baseline)


def test_what_most_charge_at_once_is_written(week):
    most = 100 * (week.n_charging / week.n_users).max(axis=0)
    found = [text for text in said(occupancy(week)) if text.endswith("charging at once")]
    assert found == [f"up to {percent:.0f}% charging at once" for percent in most]


def test_without_trips_nobody_is_said_to_be_at_home_or_away():
    words = said(occupancy(simulate(scenario(behaviour={"driving": False}))))
    assert "not plugged in" in words
    assert not {"away", "at home, not plugged in"} & set(words)


@pytest.mark.parametrize("draw", [plug_in_times, soc_at_plug_in])
def test_a_run_in_which_nobody_plugs_in_says_so(few, draw):
    counts = few.plug_counts
    empty = replace(few)
    empty.__dict__["plug_counts"] = counts._replace(
        plug_ins=0 * counts.plug_ins, plug_outs=0 * counts.plug_outs, plug_in_soc=0 * counts.plug_in_soc
    )
    assert {"none", "nobody plugs in"} & set(said(draw(empty)))


@pytest.mark.parametrize("draw", PICTURES)
def test_pictures_need_no_people_but_what_is_counted_of_them(few, draw):
    assert said(draw(few.without_people())) == said(draw(few))


@pytest.mark.parametrize(("times", "unit"), [(1, "kW"), (1e3, "MW"), (1e7, "GW")])
def test_power_is_in_a_unit_that_suits_it(few, times, unit):
    ax = power_by_archetype(replace(few, import_kw=few.import_kw / few.peak.kw * 90 * times))
    assert ax.get_ylabel() == f"Power at the meter [{unit}]"
    assert any(text.startswith("peak 90") and f" {unit}" in text for text in said(ax))


@pytest.mark.parametrize("draw", PICTURES)
def test_axes_say_what_they_show_and_in_which_unit(many, draw):
    ax = draw(many)
    assert "%" in ax.get_ylabel() or "[kW]" in ax.get_ylabel()
    is_of_time = draw is not soc_at_plug_in
    assert ("Local time, Europe/London" if is_of_time else "% charged") in ax.get_xlabel()


@pytest.mark.parametrize("draw", PICTURES)
def test_a_picture_says_who_when_how_and_with_which_luck(many, draw):
    words = " ".join(said(draw(many)))
    for fact in ("60 ", "charging on arrival", "Mon 12 Jan 12:00 \N{EN DASH} Wed 14 Jan 2026 12:00", "seed 1"):
        assert fact in words


def test_a_title_does_not_claim_one_rule_where_there_are_several():
    rules = {"by_archetype": {"A": {"strategy": "scheduled", "window": ["00:30", "04:30"]}}}
    ax = power_by_archetype(simulate(scenario(("A", "B"), charging=rules)))
    assert "charging at set hours or on arrival" in ax.get_title(loc="left")
    assert "strategy" not in (words := " ".join(said(ax)))
    assert "immediate; A: scheduled 00:30\N{EN DASH}04:30" in words


def test_an_archetype_has_the_same_colour_in_all_pictures(many):
    curve_colours = [to_hex(line.get_color()) for line in curves(charging_curves(many))]
    for draw in (power_by_archetype, soc_at_plug_in):
        assert [to_hex(patch.get_facecolor()) for patch in steps(draw(many))] == curve_colours
    for half in halves(plug_in_times(many)):
        assert [to_hex(patch.get_facecolor()) for patch in half] == curve_colours


def test_a_state_has_a_colour_that_is_nobodys():
    assert not set(STATES.values()) & set(COLOURS)


@pytest.mark.parametrize("room_in", [0.6, 1, 1.5, 2, 3, 5])
def test_names_that_differ_still_differ_when_they_are_cut(room_in):
    names = [f"A rather long archetype name number {i:02d}, with even more words" for i in range(12)]
    names += ["Short", "A", "A rather long beginning"]
    shown = told_apart(names, room_in, 10)
    assert len(set(shown)) == len(names)
    assert all(width_in(name, 10) <= room_in + 0.1 for name in shown)


def test_panels_of_long_names_have_different_titles():
    names = tuple(f"A rather long archetype name number {i:02d}, with even more words" for i in range(12))
    bold = [t.get_text() for t in charging_curves(simulate(scenario(names))).texts if t.get_fontweight() == "bold"]
    assert len(set(bold)) == len(names)


def test_archetypes_past_the_twelfth_are_told_apart_by_hatching():
    looks = [(colour(i), hatch(i)) for i in range(len(COLOURS) * len(HATCHES))]
    assert len(set(looks)) == len(looks)


@pytest.mark.parametrize("draw", PICTURES)
@pytest.mark.parametrize("n", [1, 4])
def test_a_name_is_never_read_as_mathematics(draw, n):
    ax = draw(simulate(scenario((SIGNS, "B", "C", "D")[:n])))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph")
        ax.figure.canvas.draw()
    assert SIGNS in [" ".join(text.splitlines()[:1]) for text in said(ax)] or SIGNS in " ".join(
        " ".join(said(ax)).split()
    )


@pytest.mark.parametrize("draw", PICTURES)
@pytest.mark.parametrize("n", [1, 3, 4, 5, 12, 14])
def test_all_words_stay_inside_the_picture(draw, n):
    ax = draw(simulate(scenario(kinds(n, length=80))))
    figure = ax.figure
    figure.canvas.draw()
    for text in figure.findobj(Text):
        if text.get_visible() and text.get_text():
            box = text.get_window_extent()
            assert box.x0 >= 0, text
            assert box.y0 >= 0, text
            assert box.x1 <= figure.bbox.width, text
            assert box.y1 <= figure.bbox.height, text


@pytest.mark.parametrize("draw", PICTURES)
def test_words_are_large_enough_to_read(many, draw):
    assert min(text.get_fontsize() for text in draw(many).figure.findobj(Text) if text.get_text()) >= 9


def test_the_key_does_not_cover_data(few):
    ax = power_by_archetype(few)
    ax.figure.canvas.draw()
    keys = [text for text in ax.texts if text.get_text() in few.archetypes]
    assert len(keys) == 3
    assert all(text.get_window_extent().x0 > ax.bbox.x1 for text in keys)


@pytest.mark.parametrize(("start", "hours"), [("2026-03-28T12:00", 23), ("2026-10-24T12:00", 25)])
def test_the_day_of_a_clock_change_is_as_long_as_it_was(start, hours):
    parts = parts_of(simulate(scenario(start=start)).clock, LEVELS[0])
    assert np.diff(parts.edges).tolist() == [12 * 3600, hours * 3600, 12 * 3600]


@pytest.mark.parametrize(("start", "says"), [("2026-03-28T12:00", "23 h"), ("2026-10-24T12:00", "25 h")])
def test_the_day_of_a_clock_change_says_how_long_it_is(start, says):
    marked = [text for text in said(power_by_archetype(simulate(scenario(start=start)))) if text.endswith(" h")]
    assert [text.rpartition(", ")[2] for text in marked] == [says]


@pytest.mark.parametrize("figsize", [(12, 4), (12, 6), (18, 6)])
@pytest.mark.parametrize(("n", "days"), [(1, 7), (3, 7), (6, 7), (12, 7), (1, 20), (6, 20)])
@pytest.mark.parametrize("pair", [PICTURES[:2], PICTURES[2:4], PICTURES[4:] + PICTURES[:1]])
def test_words_never_overprint_side_by_side(n, days, figsize, pair):
    figure = a_figure(figsize=figsize)
    left, right = figure.subplots(1, 2)
    results = simulate(scenario(kinds(n, length=20), days=days))
    pair[0](results, left)
    pair[1](results, right)
    figure.canvas.draw()
    boxes = [(t.get_text(), t.get_window_extent()) for t in figure.findobj(Text) if t.get_visible() and t.get_text()]
    for i, (text, box) in enumerate(boxes):
        for other, beside in boxes[:i]:
            assert not box.padded(-0.5).overlaps(beside.padded(-0.5)), (text, other)


@pytest.mark.parametrize(
    ("days", "inches", "label"), [(7, 9, "Mon 12 Jan"), (7, 5, "Mon 12"), (365, 7, "Jan"), (3650, 7, "2026")]
)
def test_the_calendar_names_what_there_is_room_for(days, inches, label):
    level = level_for(days, inches)
    assert level.label(np.datetime64("2026-01-12").item()) == label


def test_a_year_is_drawn_as_its_days_and_an_average_day(year):
    days, average = views_of(year.clock)
    assert len(days.states_at) == 365
    assert len(average.states_at) == 24
    highest = [patch.get_data().values for patch in power_by_archetype(year).patches if not patch.get_fill()]
    assert [len(values) for values in highest] == [365, 24]


def test_the_days_of_a_year_hold_its_energy(year):
    days, _ = views_of(year.clock)
    kwh = days.mean(year.import_kw) * np.diff(days.edges)[:, None] / 3600
    np.testing.assert_allclose(kwh.sum(axis=0), year.import_kwh)


def test_the_average_day_goes_by_the_local_clock(year):
    _, average = views_of(year.clock)
    local_h = year.clock.local(np.arange(year.clock.n_steps) * year.clock.step_s)[1] // 3600
    at_18 = year.import_kw[local_h == 18].mean(axis=0)
    np.testing.assert_allclose(average.mean(year.import_kw)[6], at_18)


def test_the_highest_line_of_a_year_reaches_its_peak(year):
    for view in views_of(year.clock):
        assert view.highest(year.import_kw.sum(axis=1)).max() == pytest.approx(year.peak.kw)


def test_a_week_without_power_says_so(few):
    ax = power_by_archetype(replace(few, import_kw=np.zeros_like(few.import_kw)))
    assert "no power is drawn" in said(ax)
    assert ax.get_ylim()[0] == 0


def test_a_long_run_in_a_small_axes_is_an_average_day(year):
    assert [len(view.states_at) for view in views_of(year.clock, 3)] == [24]


def test_two_windows_of_one_rule_are_told_apart():
    windows = {"B": ["00:30", "04:30"], "C": ["22:00", "02:00"]}
    rules = {"by_archetype": {name: {"strategy": "scheduled", "window": w} for name, w in windows.items()}}
    words = " ".join(said(power_by_archetype(simulate(scenario(("A", "B", "C"), charging=rules)))))
    assert "immediate; B: scheduled 00:30\N{EN DASH}04:30; C: scheduled 22:00\N{EN DASH}02:00" in words


@pytest.mark.parametrize("draw", [charging_curves, power_by_archetype, soc_at_plug_in])
def test_an_archetype_without_users_takes_no_room(few, draw):
    nobody = np.array([0, 30, 30])
    soc, quantiles = few.mean_soc.copy(), few.soc_quantiles.copy()
    soc[:, 0], quantiles[:, 0] = np.nan, np.nan
    ax = draw(replace(few, n_users=nobody, mean_soc=soc, soc_quantiles=quantiles))
    words = " ".join(said(ax))
    assert [name in words for name in few.archetypes] == [False, True, True]
    assert "not shown: 1 archetype without users" in words
    looks = [to_hex(line.get_color()) for line in curves(ax)] or [to_hex(p.get_facecolor()) for p in steps(ax)]
    assert looks == [colour(1).lower(), colour(2).lower()], "the others keep their colours"


@pytest.mark.parametrize(
    "settings",
    [{"days": 1}, {"days": 16}, {"step_minutes": 1}, {"start": "2026-01-12T00:00"}, {"population_size": 1}],
)
def test_every_length_and_step_can_be_drawn(settings, tmp_path):
    for path in save_all(simulate(scenario(**settings)), tmp_path):
        assert len(Image.open(path).convert("RGB").getcolors(1 << 24)) > 20


def test_a_plug_out_before_the_first_step_has_ended_is_left_out():
    ax = charging_curves(simulate(scenario(start="2026-01-12T06:50", days=1, step_minutes=60)))
    assert not any("at 07:00" in text for text in said(ax))


@pytest.mark.parametrize("layout", [None, "constrained"])
def test_pictures_compose_in_a_figure_of_somebody_else(many, layout):
    figure = a_figure(figsize=(18, 6), layout=layout)
    left, right = figure.subplots(1, 2)
    assert charging_curves(many, left) is left
    assert power_by_archetype(many, right) is right
    figure.canvas.draw()


def test_a_picture_in_given_axes_keeps_to_their_box(few):
    figure = a_figure(figsize=(18, 6))
    ax = figure.subplots(1, 2)[0]
    box = ax.get_window_extent().frozen()
    power_by_archetype(few, ax)
    figure.canvas.draw()
    assert all(text.get_window_extent().x1 <= box.x1 and text.get_window_extent().y1 <= box.y1 for text in ax.texts)


def test_the_files_open_at_150_dpi_and_know_where_they_come_from(many, tmp_path):
    paths = save_all(many, tmp_path)
    assert [path.name for path in paths] == list(FILES[: len(PICTURES)])
    for path in paths:
        with Image.open(path) as image:
            image.load()
            assert image.info["dpi"] == pytest.approx((150, 150), abs=0.1)
            assert image.text["Software"].startswith("evsim ")
            assert image.text["Config hash"] == many.scenario.config_hash
            assert "60 " in image.text["Title"]


def test_the_same_results_give_the_same_bytes(few, tmp_path):
    first = [path.read_bytes() for path in save_all(few, tmp_path)]
    assert [path.read_bytes() for path in save_all(few, tmp_path)] == first


def test_drawing_leaves_the_figure_a_person_has_open_alone():
    code = "import sys, evsim.plots; sys.exit('matplotlib.pyplot' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_evsim_does_not_load_matplotlib_until_a_picture_is_asked_for():
    code = "import sys, evsim; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

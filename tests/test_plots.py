"""The pictures: what is drawn is what the Results say, in words and colours a stranger can read."""

from __future__ import annotations

import subprocess
import sys
import warnings
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.patches import StepPatch
from matplotlib.text import Text
from PIL import Image

from evsim import Scenario, simulate
from evsim.plots import charging_curves, power_by_archetype, save_all
from evsim.plots._calendar import LEVELS, level_for, parts_of
from evsim.plots._palette import COLOURS, HATCHES, colour, hatch
from evsim.plots._views import views_of
from evsim.plots._words import told_apart, width_in

SIGNS = "50% of $x_1^2$ \\frac{ & <b> é 車"


def scenario(names=("A",), **settings):
    """A few users of each archetype, for two days."""
    start = settings.pop("start", "2026-01-12T12:00")
    simulation = {"start": start, "days": settings.pop("days", 2), "warm_up_days": 1}
    simulation["step_minutes"] = settings.pop("step_minutes", 30)
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


def test_the_number_in_a_panel_is_the_mean_at_plug_out(many):
    local_s = many.clock.local((np.arange(many.clock.n_steps) + 1) * many.clock.step_s)[1]
    expected = 100 * many.mean_soc[local_s == 7 * 3600].mean(axis=0)
    found = [text for text in said(charging_curves(many)) if text.endswith("at 07:00")]
    assert found == [f"{percent:.0f}% at 07:00" for percent in expected]


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
    assert f"{results.peak.kw:,.1f} kW" in peak or f"{results.peak.kw:,.0f} kW" in peak
    assert peak.endswith(f"{at.hour + 1:02d}:{at.minute:02d}"), "London is an hour ahead of UTC in June"


def test_the_peak_of_the_stack_is_the_peak_that_is_written(many):
    ax = power_by_archetype(many)
    assert ax.lines[-1].get_ydata()[0] == pytest.approx(many.peak.kw)
    assert steps(ax)[-1].get_data().values.max() == pytest.approx(many.peak.kw)


@pytest.mark.parametrize(("times", "unit"), [(1, "kW"), (1e3, "MW"), (1e7, "GW")])
def test_power_is_in_a_unit_that_suits_it(few, times, unit):
    ax = power_by_archetype(replace(few, import_kw=few.import_kw / few.peak.kw * 90 * times))
    assert ax.get_ylabel() == f"Power at the meter [{unit}]"
    assert any(text.startswith("peak 90") and f" {unit}" in text for text in said(ax))


@pytest.mark.parametrize("draw", [charging_curves, power_by_archetype])
def test_axes_say_what_they_show_and_in_which_unit(many, draw):
    ax = draw(many)
    assert "%" in ax.get_ylabel() or "[kW]" in ax.get_ylabel()
    assert "Local time" in ax.get_xlabel()
    assert "Europe/London" in ax.get_xlabel()


@pytest.mark.parametrize("draw", [charging_curves, power_by_archetype])
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


def test_an_archetype_has_the_same_colour_in_both_pictures(many):
    curve_colours = [to_hex(line.get_color()) for line in curves(charging_curves(many))]
    assert curve_colours == [to_hex(patch.get_facecolor()) for patch in steps(power_by_archetype(many))]


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


@pytest.mark.parametrize("draw", [charging_curves, power_by_archetype])
@pytest.mark.parametrize("n", [1, 4])
def test_a_name_is_never_read_as_mathematics(draw, n):
    ax = draw(simulate(scenario((SIGNS, "B", "C", "D")[:n])))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph")
        ax.figure.canvas.draw()
    assert SIGNS in [" ".join(text.splitlines()[:1]) for text in said(ax)] or SIGNS in " ".join(
        " ".join(said(ax)).split()
    )


@pytest.mark.parametrize("draw", [charging_curves, power_by_archetype])
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


@pytest.mark.parametrize("draw", [charging_curves, power_by_archetype])
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
def test_words_never_overprint_side_by_side(n, days, figsize):
    figure = a_figure(figsize=figsize)
    left, right = figure.subplots(1, 2)
    results = simulate(scenario(kinds(n, length=20), days=days))
    charging_curves(results, left)
    power_by_archetype(results, right)
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


@pytest.mark.parametrize("draw", [charging_curves, power_by_archetype])
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
    assert [path.name for path in paths] == ["charging_curves.png", "power_by_archetype.png"]
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

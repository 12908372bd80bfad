"""The picture of a dispatch: it draws what the view says, and says what matters, however odd the dispatch."""

import pickle
from dataclasses import replace

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import StepPatch
from matplotlib.text import Text
from PIL import Image

from evsim import Scenario, simulate
from evsim.market._delivered import deliveries
from evsim.market._dispatch_view import Window, view
from evsim.market._readings import PERIOD_S
from evsim.plots import dispatch_picture, save_dispatches
from evsim.plots._palette import DISPATCH

START = "2026-01-12T12:00"
EVENING = {"id": "evening-1", "start": "2026-01-13T18:00", "end": "2026-01-13T19:00", "action": "discharge"}
NO_BREAK = "\N{NO-BREAK SPACE}"


def seen(*dispatches, method="zero", start=START, days=2, users=60, v2g_percent=100, step_minutes=30):
    """The views of a few users' dispatches."""
    row = {"miles_per_year": 9435, "battery_kwh": 60, "efficiency_miles_per_kwh": 3.5, "charger_kw": 7}
    row |= {"plug_in_frequency_per_day": 1, "plug_in_time": "18:00", "plug_out_time": "07:00"}
    row |= {"target_soc_percent": 80, "v2g_percent": v2g_percent}
    archetypes = [{"name": name, "population_percent": 50, **row} for name in ("North", "South")]
    scenario = Scenario.from_dict(
        {
            "simulation": {"start": start, "days": days, "warm_up_days": 1, "step_minutes": step_minutes},
            "population_size": users,
            "archetypes": archetypes,
            "settlement": {"baseline": {"method": method}},
            "dispatches": list(dispatches),
        }
    )
    found = deliveries(simulate(scenario))
    seen = (view(found, one) for one in found.each)
    return [None if one is None else replace(one, delivered_kwh=40.0, payment_gbp=12.5) for one in seen]


def one(**settings):
    """The view of one dispatch, by default of 50 kW for an hour in the evening."""
    run = {
        key: settings.pop(key)
        for key in ("method", "start_of_run", "days", "users", "v2g_percent", "step_minutes")
        if key in settings
    }
    if "start_of_run" in run:
        run["start"] = run.pop("start_of_run")
    return seen({**EVENING, "target_kw": 50, **settings}, **run)[0]


@pytest.fixture(scope="module")
def evening():
    return one()


def said(ax):
    """Every text that is drawn, with plain spaces."""
    texts = [text.get_text() for text in ax.figure.findobj(Text) if text.get_visible() and text.get_text()]
    return [text.replace(NO_BREAK, " ") for text in texts]


def steps(ax, mark, *, is_filled):
    """What is drawn of the half-hours in the colour of a mark."""
    found = [patch for patch in ax.patches if isinstance(patch, StepPatch) and patch.get_fill() == is_filled]
    colours = [to_hex(patch.get_facecolor() if is_filled else patch.get_edgecolor()) for patch in found]
    return [patch.get_data() for patch, colour in zip(found, colours, strict=True) if colour == DISPATCH[mark].lower()]


def line(ax, mark):
    (found,) = steps(ax, mark, is_filled=False)
    return found


def curves(ax):
    """The two lines of the SoC."""
    return [
        it for it in ax.lines if isinstance(it, Line2D) and it.get_linestyle() != "None" and len(it.get_xdata()) > 2
    ]


def test_the_lines_are_the_power_of_the_view(evening):
    ax = dispatch_picture(evening)
    for mark, kw in (
        ("metered", evening.metered_kw),
        ("counterfactual", evening.twin_kw),
        ("baseline", evening.baseline_kw),
    ):
        np.testing.assert_array_equal(line(ax, mark).values, kw)
        np.testing.assert_array_equal(line(ax, mark).edges, PERIOD_S * np.arange(len(kw) + 1))


def test_the_target_is_the_counterfactual_less_what_was_asked_for(evening):
    inside = (evening.starts_s >= evening.windows[0].start_s) & (evening.starts_s < evening.windows[0].end_s)
    target = line(dispatch_picture(evening), "target").values
    np.testing.assert_allclose(target[inside], evening.twin_kw[inside] - 50)
    assert np.isnan(target[~inside]).all()


def test_the_target_of_a_turn_up_is_above_the_counterfactual():
    up = one(action="turn_up")
    target = line(dispatch_picture(up), "target").values
    np.testing.assert_allclose((target - up.twin_kw)[np.isfinite(target)], 50)


def test_without_a_target_no_target_is_drawn_or_told():
    ax = dispatch_picture(one(target_kw=None))
    assert not steps(ax, "target", is_filled=False)
    assert "Target" not in said(ax)
    assert "discharge as much as can be for an hour" in " ".join(said(ax))


def test_delivered_is_shaded_in_the_window_and_rebound_after_it(evening):
    ax = dispatch_picture(evening)
    end = evening.windows[0].end_s
    for mark, where in (("delivered", evening.starts_s < end), ("rebound", evening.starts_s >= end)):
        (area,) = steps(ax, mark, is_filled=True)
        there = np.isfinite(area.values)
        assert where[there].all()
        np.testing.assert_array_equal(area.values[there], evening.metered_kw[there])
        np.testing.assert_array_equal(area.baseline, evening.twin_kw)


def test_the_shaded_energy_is_what_was_delivered(evening):
    (area,) = steps(dispatch_picture(evening), "delivered", is_filled=True)
    kwh = np.nansum(area.baseline - area.values) * PERIOD_S / 3600
    assert kwh == pytest.approx(evening.truth.delivered_kwh, rel=1e-5)


def test_what_goes_the_other_way_within_the_window_is_not_shaded_as_delivered(evening):
    metered = evening.metered_kw.copy()
    at = int(np.searchsorted(evening.starts_s, evening.windows[0].start_s))
    metered[at] = evening.twin_kw[at] + 20
    ax = dispatch_picture(replace(evening, metered_kw=metered))
    (undone,) = steps(ax, "undone", is_filled=True)
    assert np.flatnonzero(np.isfinite(undone.values)).tolist() == [at]
    assert np.isnan(steps(ax, "delivered", is_filled=True)[0].values[at])
    assert "Undone 10.0 kWh" in said(ax)


def test_preparation_is_shaded_and_told():
    waits = one(action="turn_up", start="2026-01-13T21:00", end="2026-01-13T22:00", notice_minutes=180)
    ax = dispatch_picture(waits)
    (area,) = steps(ax, "prepared", is_filled=True)
    there = np.isfinite(area.values)
    assert (waits.starts_s[there] < waits.windows[0].start_s).all()
    assert (waits.starts_s[there] + PERIOD_S > waits.known_s).all()
    assert f"Prepared: {-waits.truth.prepared_kwh:.1f} kWh less" in said(ax)


def test_the_curves_are_the_mean_soc_with_and_without(evening):
    ax = dispatch_picture(evening)
    without, with_ = (curve.get_xydata().T for curve in curves(ax)[:2])
    np.testing.assert_allclose(with_[1], 100 * evening.mean_soc)
    np.testing.assert_allclose(without[1], 100 * evening.twin_mean_soc)
    np.testing.assert_array_equal(with_[0], PERIOD_S * (1 + np.arange(len(evening.starts_s))))


def test_the_soc_is_on_an_axis_from_0_to_100_percent(evening):
    assert {"0%", "50%", "100%"} <= set(said(dispatch_picture(evening)))


def test_the_picture_says_what_matters(evening):
    texts = said(dispatch_picture(evening))
    truth = evening.truth
    assert "50.0 of 50.0 kWh delivered (100%)" in texts
    together = "\n".join(texts)
    assert "settled by zero: 40.0 kWh" in together
    assert "payment £12.50" in together
    assert f"Rebound {truth.rebound_kwh:.1f} kWh" in together
    assert "more at once" in together
    assert f"{evening.n_took_part} of {evening.n_meters} took part" in together
    assert "18:00\N{EN DASH}19:00" in texts
    assert "notice 16:00" in texts
    assert "Baseline zero" in texts


def test_the_title_says_what_was_asked_for_and_when(evening):
    ax = dispatch_picture(evening)
    title = " ".join(ax.get_title(loc="left").split())
    assert title == "Dispatch evening-1: discharge 50 kW for an hour, Tue 13 Jan 18:00\N{EN DASH}19:00"


def test_a_line_under_the_title_says_dates_strategy_and_seed(evening):
    together = " ".join(said(dispatch_picture(evening)))
    for fact in ("Mon 12 Jan 12:00 \N{EN DASH} Wed 14 Jan 2026 12:00", "60 users", "strategy immediate", "seed 1"):
        assert fact in together


def test_axes_say_what_they_show_and_in_which_unit(evening):
    ax = dispatch_picture(evening)
    assert ax.get_ylabel() == "Net power, half-hourly mean [kW]"
    assert "Local time, Europe/London" in ax.get_xlabel()
    assert any(text.startswith("Mean SoC of the") and text.endswith("[%]") for text in said(ax))


def test_a_large_fleet_is_in_megawatts(evening):
    times = {name: 1e4 * getattr(evening, name) for name in ("metered_kw", "twin_kw", "baseline_kw")}
    window = replace(evening.windows[0], target_kw=5e5)
    ax = dispatch_picture(replace(evening, windows=(window,), **times))
    assert ax.get_ylabel() == "Net power, half-hourly mean [MW]"
    np.testing.assert_allclose(line(ax, "metered").values, 10 * evening.metered_kw)
    assert "500 MW less" in said(ax)
    assert "discharge 500 MW" in ax.get_title(loc="left")


def test_export_is_below_zero():
    deep = one(target_kw=None)
    ax = dispatch_picture(deep)
    assert line(ax, "metered").values.min() < 0
    assert "export" in said(ax)
    assert any(text.startswith("\N{MINUS SIGN}") for text in said(ax))


def test_a_fleet_without_export_has_none_on_its_axis():
    ax = dispatch_picture(one(action="turn_down", target_kw=20))
    assert "export" not in said(ax)
    assert not any(text.startswith("\N{MINUS SIGN}") and text[1:].isdigit() for text in said(ax))


def test_zero_is_on_the_axis_where_little_is_drawn(evening):
    ax = dispatch_picture(replace(evening, metered_kw=evening.metered_kw + 1000, twin_kw=evening.twin_kw + 1000))
    assert "0" in said(ax)


def test_an_edit_in_the_middle_is_one_window_with_two_targets():
    edit = {**EVENING, "target_kw": 20, "updated_at": "2026-01-13T18:30"}
    (both,) = seen({**EVENING, "target_kw": 50}, edit)
    assert len(both.windows) == 2
    ax = dispatch_picture(both)
    title = " ".join(ax.get_title(loc="left").split())
    assert "discharge 50 kW, then 20 kW for an hour, Tue 13 Jan 18:00\N{EN DASH}19:00" in title
    target = line(ax, "target").values
    np.testing.assert_allclose((both.twin_kw - target)[np.isfinite(target)], [50, 20])


def test_windows_apart_are_two_and_what_lies_between_is_told():
    later = {
        **EVENING,
        "start": "2026-01-13T20:00",
        "end": "2026-01-13T21:00",
        "updated_at": "2026-01-13T18:30",
        "notice_minutes": 15,
    }
    (both,) = seen({**EVENING, "target_kw": 50}, {**later, "target_kw": 20})
    ax = dispatch_picture(both)
    texts = said(ax)
    assert "in 2 windows" in " ".join(texts)
    assert {"18:00\N{EN DASH}18:30", "20:00\N{EN DASH}21:00"} <= set(texts)
    (between,) = steps(ax, "prepared", is_filled=True)
    there = both.starts_s[np.isfinite(between.values)]
    assert ((there >= both.windows[0].end_s) & (there < both.windows[1].start_s)).all()
    assert any(text.startswith("Between ") and text.endswith(" kWh") for text in texts)


def test_many_edits_are_counted(evening):
    start = evening.windows[0].start_s
    windows = tuple(Window(start + 600 * i, start + 600 * (i + 1), "turn_down", 10.0 * (i + 1)) for i in range(6))
    title = " ".join(dispatch_picture(replace(evening, windows=windows)).get_title(loc="left").split())
    assert "turn down 10 kW, edited 5 times for an hour" in title


def test_a_dispatch_nobody_took_part_in_says_so():
    noon = one(v2g_percent=0, start="2026-01-13T12:00", end="2026-01-13T13:00")
    assert noon.n_took_part == 0
    texts = said(dispatch_picture(noon))
    assert any(text.startswith("nobody took part: ") and "not plugged in" in text for text in texts)
    assert "0 of 50.0 kWh delivered (0%)" in texts
    assert "0 of 60 took part" in texts


def test_a_window_of_ten_minutes_has_its_share_of_a_half_hour():
    ten = one(start="2026-01-13T18:10", end="2026-01-13T18:20")
    ax = dispatch_picture(ten)
    target = line(ax, "target").values
    np.testing.assert_allclose((ten.twin_kw - target)[np.isfinite(target)], [50 / 3])
    assert "for 10 min" in ax.get_title(loc="left")
    assert "18:10\N{EN DASH}18:20" in said(ax)
    assert "Steps are means of whole half-hours" in " ".join(said(ax))


def test_half_hours_are_the_clocks_in_a_run_that_begins_within_one():
    late = one(start_of_run="2026-01-12T12:10", step_minutes=10)
    assert set((late.clock.local(late.starts_s)[1] % PERIOD_S).tolist()) == {0.0}
    (area,) = steps(dispatch_picture(late), "delivered", is_filled=True)
    assert np.isfinite(area.values).sum() == 2
    assert np.isfinite(late.baseline_kw).any()


def test_a_window_across_midnight_names_both_days():
    ax = dispatch_picture(one(start="2026-01-13T23:30", end="2026-01-14T00:30"))
    title = " ".join(ax.get_title(loc="left").split())
    assert title.endswith("Tue 13 Jan 23:30 \N{EN DASH} Wed 14 Jan 00:30")
    assert "23:30\N{EN DASH}00:30" in said(ax)


@pytest.mark.parametrize(
    ("run", "start", "end", "times"),
    [
        ("2026-03-28T12:00", "2026-03-29T00:30", "2026-03-29T02:30", "00:30 GMT\N{EN DASH}02:30 BST"),
        ("2026-10-24T12:00", "2026-10-25T00:30Z", "2026-10-25T01:30Z", "01:30 BST\N{EN DASH}01:30 GMT"),
    ],
)
def test_a_window_across_a_clock_change_names_both_clocks(run, start, end, times):
    ax = dispatch_picture(one(start_of_run=run, start=start, end=end))
    assert times in said(ax)
    assert "for an hour" in ax.get_title(loc="left").replace(NO_BREAK, " ")


def test_a_window_of_several_days_is_named_with_its_days():
    ax = dispatch_picture(one(action="turn_down", days=5, end="2026-01-15T18:00"))
    assert "Tue 13 Jan 18:00 \N{EN DASH} Thu 15 Jan 18:00" in said(ax)
    assert "for 48 h" in ax.get_title(loc="left")


def test_a_notice_long_before_is_named_and_not_shown():
    early = one(days=5, start="2026-01-16T18:00", end="2026-01-16T19:00", notice_minutes=4 * 24 * 60)
    ax = dispatch_picture(early)
    assert len(line(ax, "metered").values) < len(early.metered_kw)
    np.testing.assert_array_equal(line(ax, "metered").values, early.metered_kw[-len(line(ax, "metered").values) :])
    assert any(text.startswith("\N{LEFTWARDS ARROW} notice Mon 12 Jan") for text in said(ax))


def test_without_notice_none_is_marked():
    texts = said(dispatch_picture(one(notice_minutes=0)))
    assert not any(text.startswith("notice") for text in texts)
    assert "no notice" in " ".join(texts)


def test_a_fleet_of_one_is_drawn():
    ax = dispatch_picture(one(users=1, target_kw=None, start="2026-01-13T20:00", end="2026-01-13T21:00"))
    assert "1 of 1 took part" in said(ax)
    assert any(text.startswith("SoC of the one that took part") for text in said(ax))


def test_a_run_that_ends_soon_after_says_how_much_of_the_rebound_it_shows():
    texts = said(dispatch_picture(one(start="2026-01-14T09:00", end="2026-01-14T10:00")))
    assert "in 2 h after it, to the run's" in " ".join(texts)


def test_a_run_that_ends_with_the_dispatch_shows_no_rebound():
    texts = said(dispatch_picture(one(start="2026-01-14T11:00", end="2026-01-14T12:00")))
    assert "Rebound not seen" in texts


def test_those_who_are_asked_are_named():
    some = one(archetypes=["North"], opt_out_percent=20)
    together = " ".join(said(dispatch_picture(some)))
    assert "Asked: North" in together
    assert "20% have opted out" in together
    assert f"drawn: {some.n_meters} meters" in together


def test_a_baseline_that_is_not_known_is_not_drawn(evening):
    unknown = replace(evening, baseline_kw=np.full(len(evening.starts_s), np.nan), delivered_kwh=np.nan)
    unknown = replace(unknown, payment_gbp=np.nan)
    ax = dispatch_picture(unknown)
    assert not steps(ax, "baseline", is_filled=False)
    together = "\n".join(said(ax))
    assert "not known" in together
    assert "settled by zero: not known" in together
    assert "payment not known" in together
    assert "nan" not in together


def test_meters_whose_baseline_is_as_metered_are_counted(evening):
    together = " ".join(" ".join(said(dispatch_picture(replace(evening, n_without_baseline=17)))).split())
    assert "17 of 60 meters have none: as metered" in together


def test_half_hours_that_are_not_read_leave_gaps(evening):
    metered = evening.metered_kw.copy()
    metered[3:6] = np.nan
    drawn = line(dispatch_picture(replace(evening, metered_kw=metered)), "metered").values
    assert np.isnan(drawn[3:6]).all()


def odd(evening):
    """Views that want much of the words."""
    long = replace(evening, id="evening-peak-of-the-north-west-of-england_2026-01-14_18.0_v2", method="saving_sessions")
    nothing = np.zeros(len(evening.starts_s))
    return {
        "plain": evening,
        "long names": long,
        "nothing at all": replace(evening, metered_kw=nothing, twin_kw=nothing, baseline_kw=nothing),
        "many answers": replace(evening, responses={f"answer_{i}": 1000 + i for i in range(9)}, n_meters=100_000),
        "export only": replace(evening, metered_kw=nothing - 70, twin_kw=nothing - 20, baseline_kw=nothing - 10),
        "low": replace(evening, mean_soc=nothing + 0.02, twin_mean_soc=nothing + 0.1),
    }


@pytest.mark.parametrize("which", ["plain", "long names", "nothing at all", "many answers", "export only", "low"])
def test_words_stay_inside_and_off_one_another(evening, which):
    figure = dispatch_picture(odd(evening)[which]).figure
    figure.canvas.draw()
    boxes = [(t.get_text(), t.get_window_extent()) for t in figure.findobj(Text) if t.get_visible() and t.get_text()]
    for i, (text, box) in enumerate(boxes):
        assert box.x0 >= 0, text
        assert box.y0 >= 0, text
        assert box.x1 <= figure.bbox.width, text
        assert box.y1 <= figure.bbox.height, text
        for other, beside in boxes[:i]:
            assert not box.padded(-1).overlaps(beside.padded(-1)), (text, other)


def test_words_are_large_enough_to_read(evening):
    texts = dispatch_picture(evening).figure.findobj(Text)
    assert min(text.get_fontsize() for text in texts if text.get_text()) >= 9


def test_a_picture_in_given_axes_is_drawn_there(evening):
    figure = Figure(figsize=(12, 7))
    FigureCanvasAgg(figure)
    ax = figure.subplots()
    assert dispatch_picture(evening, ax) is ax


def test_each_dispatch_has_a_file_that_opens_and_knows_where_it_comes_from(tmp_path):
    views = seen(
        {**EVENING, "target_kw": 50},
        {**EVENING, "id": "Night_2.b", "start": "2026-01-14T02:00", "end": "2026-01-14T03:00", "action": "turn_up"},
    )
    assert save_dispatches(views, tmp_path) == ["dispatch_evening-1.png", "dispatch_Night_2.b.png"]
    for name, one_view in zip(("dispatch_evening-1.png", "dispatch_Night_2.b.png"), views, strict=True):
        with Image.open(tmp_path / name) as image:
            image.load()
            assert len(image.convert("RGB").getcolors(1 << 24)) > 20
            assert image.info["dpi"] == pytest.approx((150, 150), abs=0.1)
            assert image.text["Software"].startswith("evsim ")
            assert image.text["Config hash"] == one_view.scenario.config_hash
            assert image.text["Title"].startswith(f"Dispatch {one_view.id}: ")


def test_a_view_that_has_been_pickled_gives_the_same_bytes(evening, tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    (name,) = save_dispatches([evening], tmp_path / "a")
    again = pickle.loads(pickle.dumps(evening))  # noqa: S301 - our own
    save_dispatches([again], tmp_path / "b")
    assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()

"""The rule for each odd dispatch, as docs/dispatches.md states them.

Most worlds hold twenty people all alike: they come at 18:00 with 50% and charge 20 kWh at 7 kW, until 20:51.
"""

from __future__ import annotations

import numpy as np
import pytest
from dispatch_worlds import asks, at_home, events, fleet, lived, net_kw, pair, run_second
from worlds import row

from evsim._dispatch.record import REASONS, Note, Response
from evsim._event_kinds import EventKind

EVERYBODY_KW = 140.0
V2G = row("A", plug_in_soc_percent=50, v2g_percent=100)
EXACT = 1e-9


def mean(column):
    return pytest.approx(column, abs=1e-6)


def windows(results, i=0):
    """When a dispatch served [s]."""
    return [(act.start_s, act.end_s) for act in results.dispatches[i].windows]


def seconds(results, *texts):
    return [tuple(run_second(results, text) for text in pair_) for pair_ in texts]


def is_idle(dispatch, **settings):
    """Whether a run is, to the last event, the one without the dispatch."""
    both = pair(at_home(dispatch, **settings))
    assert events(both.run) == events(both.twin)
    assert both.less_kw == mean(0)
    (one,) = both.run.dispatches
    assert len(one.sent.user) == 0
    assert set(one.responses.tolist()) == {Response.NOT_ASKED}
    return one


# ---- two at a time


def test_of_two_that_overlap_both_are_delivered():
    both = pair(at_home(asks("18:30", "19:30", target_kw=40, id="a"), asks("19:00", "20:00", target_kw=30, id="b")))
    assert both.within("18:30", "19:00") == mean(40)
    assert both.within("19:00", "19:30") == mean(70)
    assert both.within("19:30", "20:00") == mean(30)


def test_a_car_that_serves_one_is_busy_for_the_other():
    both = pair(at_home(asks("18:30", "19:30", target_kw=42, id="a"), asks("19:00", "19:30", id="b")))
    assert both.responses(0)["took_part"] == both.responses(1)["busy"] == 6
    assert both.responses(1)["took_part"] == 14


def test_one_that_starts_inside_another_adds_to_it():
    both = pair(at_home(asks("18:30", "20:00", target_kw=40, id="a"), asks("19:00", "19:30", target_kw=30, id="b")))
    assert [both.within(*w).mean() for w in (("18:30", "19:00"), ("19:00", "19:30"), ("19:30", "20:00"))] == mean(
        [40, 70, 40]
    )


def test_the_one_that_is_known_first_has_the_first_call():
    late = asks("18:30", "19:30", target_kw=100, id="late", notice_minutes=0)
    early = asks("18:30", "19:30", target_kw=100, id="early", notice_minutes=60)
    both = pair(at_home(late, early))
    assert both.within("18:30", "19:30") == mean(135)  # the car that gives the last 2 of 100 kW serves one
    assert [both.responses(i)["took_part"] for i in (0, 1)] == [5, 15]


def test_of_two_that_are_known_together_the_first_in_the_config_has_the_first_call():
    both = pair(at_home(*(asks("18:30", "19:30", target_kw=100, id=name) for name in "ab")))
    assert [both.responses(i)["took_part"] for i in (0, 1)] == [15, 5]


def test_back_to_back_the_cars_go_on_and_nothing_rebounds_between():
    both = pair(at_home(asks("18:30", "19:00", target_kw=70, id="a"), asks("19:00", "20:00", target_kw=70, id="b")))
    assert both.within("18:30", "20:00") == mean(70)
    users = [{u for u, r in enumerate(one.responses) if r == Response.TOOK_PART} for one in both.run.dispatches]
    assert users[0] == users[1]


def test_back_to_back_a_smaller_one_holds_the_rebound_of_the_larger():
    both = pair(at_home(asks("18:30", "19:00", target_kw=70, id="a"), asks("19:00", "20:00", target_kw=30, id="b")))
    assert both.within("19:00", "20:00") == mean(30)


@pytest.mark.parametrize(("first", "second"), [("turn_down", "discharge"), ("discharge", "turn_down")])
def test_back_to_back_actions_may_differ(first, second):
    given = at_home(
        asks("18:30", "19:00", first, target_kw=70, id="a"),
        asks("19:00", "19:30", second, target_kw=50, id="b"),
        kinds=[V2G],
    )
    both = pair(given)
    assert both.within("18:30", "19:00") == mean(70)
    assert both.within("19:00", "19:30") == mean(50)


# ---- odd windows


def test_a_window_across_midnight_is_one_window():
    kinds = [row("A", plug_in_soc_percent=20, plug_in_time="22:00")]
    both = pair(at_home(asks("23:30", "2026-01-15T00:30", target_kw=50), kinds=kinds))
    assert both.within("23:30", "2026-01-15T00:30") == mean(50)


@pytest.mark.parametrize(
    ("start", "window", "utc"),
    [
        ("2026-03-27T12:00", ("2026-03-29T00:30", "2026-03-29T02:30"), ("2026-03-29T00:30", "2026-03-29T01:30")),
        ("2026-10-23T12:00", ("2026-10-25T00:30", "2026-10-25T02:30"), ("2026-10-24T23:30", "2026-10-25T02:30")),
    ],
    ids=["spring", "autumn"],
)
def test_a_window_across_a_clock_change_has_the_hours_of_the_clock(start, window, utc):
    kinds = [row("A", plug_in_soc_percent=27, plug_in_time="23:00")]
    both = pair(at_home(asks(*window, target_kw=50), kinds=kinds, start=start))
    within = both.within(*utc)
    assert within == mean(50)
    assert windows(both.run) == seconds(both.run, utc)


@pytest.mark.parametrize("step", [30, 60])
def test_a_window_shorter_than_a_step_and_off_the_half_hour_is_served_to_the_second(step):
    given = at_home(asks("18:37", "18:44", target_kw=50))
    given["simulation"]["step_minutes"] = step
    both = pair(given)
    assert both.less_kw.sum() * step / 60 == mean(0.0)
    assert max(both.less_kw) == mean(50 * 7 / step)


def test_a_window_of_seconds_is_served():
    both = pair(at_home(asks("18:37:10", "18:37:40", target_kw=60)))
    assert max(both.less_kw) == mean(60 * 30 / 300)


# ---- edits


def edited(change, given="17:00", **first):
    """A turn_down 18:30-19:30 of 40 kW, with a later word of it."""
    word = asks("18:30", "19:30", target_kw=40) | first
    later = word | {"updated_at": f"2026-01-14T{given}"}
    return pair(
        at_home(word, later | {k: f"2026-01-14T{v}" if k in ("start", "end") else v for k, v in change.items()})
    )


EDITS = {
    "moved before its notice": ({"start": "19:30", "end": "20:30"}, "12:00", {"18:30": 0, "19:30": 40, "20:30": 0}),
    "moved during its notice": ({"start": "19:30", "end": "20:30"}, "17:00", {"18:30": 0, "19:30": 40, "20:30": 0}),
    "moved during its window": ({"start": "19:30", "end": "20:30"}, "19:00", {"18:30": 40, "19:30": 40}),
    "begins earlier": ({"start": "18:10"}, "17:00", {"18:10": 40, "18:30": 40}),
    "lengthened": ({"end": "20:00"}, "19:00", {"18:30": 40, "19:00": 40, "19:30": 40}),
    "shortened": ({"end": "19:15"}, "19:00", {"18:30": 40, "19:00": 40}),
    "more": ({"target_kw": 90}, "19:00", {"18:30": 40, "19:00": 90}),
    "less": ({"target_kw": 10}, "19:00", {"18:30": 40, "19:00": 10}),
    "all there is": ({"target_kw": None}, "19:00", {"18:30": 40, "19:00": EVERYBODY_KW}),
}


@pytest.mark.parametrize(("change", "given", "less"), EDITS.values(), ids=EDITS)
def test_the_latest_word_stands_from_when_it_was_given(change, given, less):
    both = edited(change, given)
    for start, kw in less.items():
        first = np.datetime64(f"2026-01-14T{start}")
        assert both.within(str(first), str(first + np.timedelta64(15, "m"))) == mean(kw), start


def test_a_shortened_one_ends_when_its_last_word_says():
    both = edited({"end": "19:15"}, "19:00")
    assert windows(both.run) == seconds(both.run, ("18:30", "19:00"), ("19:00", "19:15"))
    assert max(both.within("19:15", "19:30")) < 40 - 1e-6


def test_one_shortened_to_before_now_ends_when_that_is_said():
    both = edited({"end": "18:45"}, "19:00")
    assert windows(both.run) == seconds(both.run, ("18:30", "19:00"))


def test_a_turn_down_can_become_a_discharge():
    word = asks("18:30", "19:30", target_kw=40)
    both = pair(at_home(word, word | {"action": "discharge", "updated_at": "2026-01-14T19:00"}, kinds=[V2G]))
    assert both.within("18:30", "19:30") == mean(40)
    assert both.run.export_kw.sum() > 0
    assert not both.run.export_kw[both.run.times < np.datetime64("2026-01-14T19:00")].any()


def test_an_edit_after_it_has_closed_does_not_count():
    both = edited({"start": "19:45", "end": "20:30"}, "19:30")
    assert windows(both.run) == seconds(both.run, ("18:30", "19:30"))
    (one,) = both.run.dispatches
    assert one.told.notes == ("dispatches[1] was given after it had closed, and does not count",)
    assert one.word == one.words[0]


def test_words_may_stand_in_any_order_in_the_config():
    words = [
        asks("18:30", "19:30", target_kw=40),
        asks("18:30", "19:30", target_kw=50, updated_at="18:40"),
        asks("18:30", "19:30", target_kw=60, updated_at="18:50"),
    ]
    one, other = lived(at_home(*words)), lived(at_home(*words[::-1]))
    assert events(one) == events(other)


def test_a_word_is_unknown_until_it_is_given_and_until_its_notice():
    given = asks("18:30", "19:30", "discharge", target_kw=20, updated_at="16:00", notice_minutes=300)
    (act,) = lived(at_home(given, kinds=[V2G])).dispatches[0].told.acts
    assert act.known_s == run_second(lived(at_home()), "16:00")
    (act,) = lived(at_home(given | {"notice_minutes": 45}, kinds=[V2G])).dispatches[0].told.acts
    assert act.known_s == run_second(lived(at_home()), "17:45")


def test_one_that_becomes_known_in_its_window_serves_from_then():
    both = pair(at_home(asks("18:30", "19:30", target_kw=40, updated_at="19:00")))
    assert both.within("18:30", "19:00") == mean(0)
    assert both.within("19:00", "19:30") == mean(40)


# ---- called off


@pytest.mark.parametrize("at", ["12:00", "18:00"])
def test_called_off_before_its_window_nothing_was_delivered(at):
    one = is_idle(asks("18:30", "19:30", cancelled_at=at))
    assert one.windows == ()


def test_called_off_before_its_notice_nobody_has_heard_of_it():
    one = is_idle(asks("18:30", "19:30", cancelled_at="16:30"))
    assert one.told.notes == ("it was called off before its notice, and never acts",)


def test_called_off_during_its_notice_cars_stop_to_prepare():
    late = {"strategy": "scheduled", "window": ["01:00", "06:00"]}
    kinds = [V2G | {"plug_in_soc_percent": 31}]
    word = asks("20:00", "21:00", "discharge")
    prepared = lived(at_home(word, kinds=kinds, charging=late))
    given_up = lived(at_home(word | {"cancelled_at": "2026-01-14T18:20"}, kinds=kinds, charging=late))
    at = given_up.times
    evening = (at >= np.datetime64("2026-01-14T18:20")) & (at < np.datetime64("2026-01-14T20:00"))
    assert given_up.import_kw[(at >= np.datetime64("2026-01-14T18:05")) & ~evening].sum() > 0
    assert not given_up.import_kw[evening].any()
    assert prepared.import_kw[evening].any()
    assert given_up.dispatches[0].windows == ()
    (reasons,) = {tuple(sorted({REASONS[r] for r in given_up.dispatches[0].sent.reason}))}
    assert reasons == ("dispatch_over", "prepare")


def test_called_off_in_its_window_it_delivers_until_then_and_lets_go():
    both = pair(at_home(asks("18:30", "19:30", cancelled_at="19:00")))
    assert both.within("18:30", "19:00") == mean(EVERYBODY_KW)
    assert both.within("19:00", "19:30") == mean(0)
    assert windows(both.run) == seconds(both.run, ("18:30", "19:00"))


def test_called_off_when_it_is_over_it_was_delivered():
    called_off, plain = (lived(at_home(asks("18:30", "19:30", **more))) for more in ({"cancelled_at": "19:30"}, {}))
    assert events(called_off) == events(plain)


def test_a_word_that_follows_a_cancellation_does_not_count():
    word = asks("18:30", "19:30", target_kw=40, cancelled_at="18:00")
    later = asks("18:30", "19:30", target_kw=40, updated_at="18:10")
    one = lived(at_home(word, later)).dispatches[0]
    assert one.windows == ()
    assert "dispatches[1] was given after it had closed, and does not count" in one.told.notes


def test_a_closed_dispatch_never_acts_again():
    one = lived(at_home(asks("18:30", "19:30"), days=4)).dispatches[0]
    assert one.told.closed_s == one.windows[-1].end_s
    assert one.sent.at_s.max() <= one.told.closed_s


# ---- outside the run


@pytest.mark.parametrize(
    ("start", "end", "note"),
    [
        ("2026-01-05T18:00", "2026-01-05T19:00", "it closed before the run began, and never acts"),
        ("2026-01-12T10:00", "2026-01-12T12:00", "it closed before the run began, and never acts"),
        ("2026-01-16T14:00", "2026-01-16T15:00", "it begins after the run, and never acts"),
        ("2026-02-14T18:00", "2026-02-14T19:00", "it begins after the run, and never acts"),
    ],
)
def test_outside_the_run_nothing_happens_and_that_is_said(start, end, note):
    assert is_idle(asks(start, end)).told.notes == (note,)


def test_one_that_has_begun_before_the_run_acts_from_its_start():
    results = lived(at_home(asks("2026-01-12T17:00", "2026-01-12T19:00"), start="2026-01-12T18:15"))
    assert windows(results) == [(0, 45 * 60)]
    assert results.dispatches[0].told.notes == ("it began before the run, and acts from the run's start",)
    assert not results.import_kw[:9].any()


def test_one_that_outlasts_the_run_acts_to_its_end():
    given = at_home(asks("2026-01-13T18:30", "2026-01-13T20:00", target_kw=40), start="2026-01-12T19:00", days=1)
    both = pair(given)
    assert windows(both.run) == [(int(23.5 * 3600), 24 * 3600)]
    assert both.less_kw[-6:] == mean(40)
    assert both.run.dispatches[0].told.notes == ("the run ends before it does",)


# ---- impossible ones


def test_at_an_hour_when_nobody_is_home_it_is_undelivered_because_nobody_is_plugged_in():
    both = pair(at_home(asks("12:00", "13:00", target_kw=50)))
    assert both.less_kw == mean(0)
    assert both.responses() == {"not_plugged_in": 20}


def test_without_v2g_a_discharge_is_undelivered_because_cars_cannot():
    both = pair(at_home(asks("18:30", "19:30", "discharge", target_kw=50)))
    assert both.less_kw == mean(0)
    assert both.responses() == {"cannot_discharge": 20}


def test_when_all_have_opted_out_it_is_undelivered_because_of_that():
    both = pair(at_home(asks("18:30", "19:30", opt_out_percent=100)))
    assert both.less_kw == mean(0)
    assert both.responses() == {"opted_out": 20}


def test_some_have_opted_out_for_all_words_of_a_dispatch():
    word = asks("18:30", "19:30", opt_out_percent=50)
    results = lived(at_home(word, word | {"updated_at": "2026-01-14T19:00", "pence_per_kwh": 3.0}, users=200))
    n = int((results.dispatches[0].responses == Response.OPTED_OUT).sum())
    assert 75 < n < 125
    assert n + int((results.dispatches[0].responses == Response.TOOK_PART).sum()) == 200


def test_a_target_beyond_the_fleet_gets_all_there_is():
    both = pair(at_home(asks("18:30", "19:30", target_kw=1e6)))
    assert both.within("18:30", "19:30") == mean(EVERYBODY_KW)
    assert both.responses() == {"took_part": 20}


def test_a_target_less_than_one_car_is_a_part_of_one_car():
    both = pair(at_home(asks("18:30", "19:30", target_kw=0.25)))
    assert both.within("18:30", "19:30") == mean(0.25)
    assert both.responses() == {"took_part": 1, "not_needed": 19}


def test_below_the_reserve_cars_give_nothing_back():
    late = {"strategy": "scheduled", "window": ["01:00", "06:00"]}
    kinds = [V2G | {"v2g_reserve_soc_percent": 60}]
    both = pair(at_home(asks("18:30", "19:30", "discharge", notice_minutes=0), kinds=kinds, charging=late))
    assert both.within("18:30", "19:30") == mean(0)
    assert both.responses() == {"below_reserve": 20}


def test_who_would_not_be_ready_does_not_take_part():
    kinds = [row("A", plug_in_soc_percent=50, plug_out_time="20:53")]
    both = pair(at_home(asks("18:30", "20:30"), kinds=kinds))
    assert both.responses() == {"would_miss_ready_by": 20}
    assert both.less_kw == mean(0)


def test_who_runs_out_of_time_in_the_window_charges_and_is_ready():
    kinds = [row("A", plug_in_soc_percent=50, plug_out_time="21:30")]
    both = pair(at_home(asks("18:30", "20:30"), kinds=kinds))
    one = both.run.dispatches[0]
    assert both.responses() == {"took_part": 20}
    assert set(one.notes.tolist()) == {Note.HAD_TO_CHARGE}
    for user in both.run.users:
        assert user.log.sessions()[2].plug_out_soc >= 0.8 - 1e-6


def test_full_cars_have_nothing_to_turn_up_and_idle_ones_nothing_to_turn_down():
    both = pair(at_home(asks("2026-01-15T02:00", "2026-01-15T03:00", "turn_up", notice_minutes=0)))
    assert both.responses() == {"nothing_to_turn_up": 20}
    both = pair(at_home(asks("2026-01-15T02:00", "2026-01-15T03:00")))
    assert both.responses() == {"nothing_to_turn_down": 20}


def test_cars_of_other_archetypes_are_not_asked():
    kinds = [row("A", 50, plug_in_soc_percent=50), row("B", 50, plug_in_soc_percent=50)]
    both = pair(at_home(asks("18:30", "19:30", archetypes=["B"]), kinds=kinds))
    assert both.responses() == {"not_asked": 10, "took_part": 10}
    assert both.run.import_kw[:, 0] == mean(both.twin.import_kw[:, 0])


# ---- what a car answers


def test_a_car_that_left_while_it_delivered_is_noted():
    kinds = [row("A", plug_out_time="21:30", miles_per_year=12_000)]
    given = at_home(asks("18:30", "21:30"), kinds=kinds, habit=60, day=180, driving=True, users=500, days=3)
    results = lived(given)
    (one,), start, end = results.dispatches, *windows(results)[0]
    left = {u for u, note in enumerate(one.notes) if note & Note.LEFT_EARLY}
    assert left
    store = results.events
    at_s = store.column("at_s")
    within = (store.column("event") == EventKind.PLUG_OUT) & (at_s > start) & (at_s <= end)
    assert left <= set(store.column("user")[within].tolist())
    assert all(one.responses[user] == Response.TOOK_PART for user in left)


def test_a_car_that_came_down_to_its_reserve_in_the_window_is_noted():
    kinds = [V2G | {"plug_in_soc_percent": 35, "v2g_reserve_soc_percent": 30}]
    late = {"strategy": "scheduled", "window": ["01:00", "06:00"]}
    results = lived(at_home(asks("18:30", "19:30", "discharge", notice_minutes=0), kinds=kinds, charging=late))
    assert set(results.dispatches[0].notes.tolist()) == {Note.RESERVE_REACHED}
    assert Note.RESERVE_REACHED.labels == ("reserve_reached",)
    assert (Note.LEFT_EARLY | Note.HAD_TO_CHARGE).labels == ("left_early", "had_to_charge")


# ---- preparing and afterwards


def test_cars_charge_ahead_of_a_discharge_when_their_rule_would_not_have():
    late = {"strategy": "scheduled", "window": ["01:00", "06:00"]}
    kinds = [V2G | {"plug_in_soc_percent": 31, "v2g_reserve_soc_percent": 30}]
    told, untold = (
        pair(at_home(asks("20:00", "21:00", "discharge", notice_minutes=n), kinds=kinds, charging=late))
        for n in (120, 0)
    )
    assert told.within("20:00", "21:00") == mean(EVERYBODY_KW)
    assert untold.within("20:00", "21:00").mean() < EVERYBODY_KW / 5
    assert told.run.import_kw[told.run.times < np.datetime64("2026-01-14T18:00")].sum() == mean(
        told.twin.import_kw[told.run.times < np.datetime64("2026-01-14T18:00")].sum()
    )


def test_cars_wait_for_a_turn_up_where_that_adds_to_it():
    both = pair(at_home(asks("20:30", "21:30", "turn_up")))
    assert both.within("18:00", "18:30") == mean(0)
    assert both.within("18:30", "20:30") == mean(EVERYBODY_KW)
    assert net_kw(both.run)[both.run.times >= np.datetime64("2026-01-14T20:30")][:12] == mean(EVERYBODY_KW)


def test_cars_wait_that_would_have_been_full_when_the_window_begins():
    late = pair(at_home(asks("21:00", "22:00", "turn_up", notice_minutes=240)))
    assert late.within("21:00", "22:00") == mean(-EVERYBODY_KW)


def test_a_turn_down_needs_no_preparation():
    both = pair(at_home(asks("20:00", "20:30", target_kw=70)))
    assert both.within("18:00", "20:00") == mean(0)


def test_a_car_prepares_for_a_dispatch_though_it_has_served_another():
    late = {"strategy": "scheduled", "window": ["01:00", "06:00"]}
    kinds = [V2G | {"plug_in_soc_percent": 31, "v2g_reserve_soc_percent": 30}]
    given = [asks("20:00", "21:00", "discharge", id="a")]
    given += [asks("2026-01-15T20:00", "2026-01-15T21:00", "discharge", id="b")]
    both = pair(at_home(*given, kinds=kinds, charging=late))
    assert both.within("20:00", "21:00") == mean(EVERYBODY_KW)
    assert both.within("2026-01-15T20:00", "2026-01-15T21:00") == mean(EVERYBODY_KW)


def test_what_a_timer_would_leave_empty_is_filled_by_the_usual_departure():
    early = {"strategy": "scheduled", "window": ["18:00", "21:00"]}
    both = pair(at_home(asks("18:30", "20:45"), charging=early))
    story = [e for e in events(both.run) if e[0] == 0]
    assert [e[3] for e in story if e[3] == "refill"]
    for user in both.run.users:
        assert user.log.sessions()[2].plug_out_soc == pytest.approx(0.8, abs=2e-4)


# ---- limits


@pytest.mark.parametrize("action", ["turn_down", "discharge"])
@pytest.mark.parametrize("target_kw", [None, 60])
def test_a_limit_of_the_fleet_holds_under_dispatches_too(action, target_kw):
    limited = {"strategy": "immediate", "fleet_limit_kw": 150}
    given = fleet(
        asks("19:00", "21:00", action, target_kw=target_kw, id="a"),
        asks("20:00", "22:00", "turn_down", target_kw=20, id="b"),
        charging=limited,
    )
    both = pair(given)
    assert both.run.import_kw.sum(axis=1).max() <= 150 + EXACT
    assert both.within("19:00", "20:00").mean() > 50
    assert (both.run.export_kw.sum() > 0) == (action == "discharge")


def test_cars_that_run_out_of_time_together_do_not_charge_beyond_a_limit():
    kinds = [row("A", plug_in_soc_percent=60, plug_out_time="22:30")]
    limited = {"strategy": "immediate", "fleet_limit_kw": 80}
    both = pair(at_home(asks("18:30", "22:00"), kinds=kinds, charging=limited))
    assert (both.run.dispatches[0].notes == Note.HAD_TO_CHARGE).any()
    assert both.run.import_kw.sum(axis=1).max() <= 80 + EXACT

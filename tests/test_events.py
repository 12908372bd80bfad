"""The event streams and what can be asked of them."""

from __future__ import annotations

import datetime as dt
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from worlds import row, run, scheduled, story, utc

from evsim import EventKind, EventStore
from evsim._clock import Clock
from evsim._events import KNOWN_REASONS, stable_order

KINDS = {kind.label: kind for kind in EventKind}


@pytest.fixture(scope="module")
def log():
    """One exact user: 18:00 to 07:00, 68 to 80%, from noon of 2026-01-12 for two days."""
    return run().users[0].log


@pytest.fixture(scope="module")
def crowd():
    rows = [row("A", 50), row("B", 30, plug_in_frequency_per_day=0.5, battery_kwh=40, target_soc_percent=95)]
    rows += [row("C, the third", 10, plug_in_time="22:00"), row("D", 10, plug_in_time="12:00", plug_out_time="12:40")]
    charging = {"strategy": "immediate", "by_archetype": {"C, the third": scheduled("23:30", "00:15")}}
    return run(*rows, users=120, days=4, habit=45, day=30, charging=charging)


# ---- the story of one user


def test_an_exact_evening_is_told_event_by_event(log):
    assert story(log)[:4] == [
        ("2026-01-12T18:00:00", "plug_in", "habit"),
        ("2026-01-12T18:00:00", "charge_start", "arrived"),
        ("2026-01-12T19:08:35", "charge_stop", "target_reached"),
        ("2026-01-13T07:00:00", "plug_out", "habit"),
    ]


def test_the_first_event_is_the_soc_at_the_start(log):
    first = next(iter(log))
    assert (str(first.at), first.event, first.reason) == ("2026-01-12T12:00:00", "report", "run_start")
    assert first.soc == pytest.approx(0.8)


def test_reports_fall_on_every_step_boundary_while_power_flows(log):
    reports = [str(e.at)[5:16] for e in log if e.event == "report"]
    assert reports == ["01-12T12:00", "01-12T18:30", "01-12T19:00", "01-13T18:30", "01-13T19:00"]


def test_a_charge_stop_falls_in_the_second_in_which_the_target_is_reached(log):
    """4,114.29 s after 18:00 the battery is at 80%: the stop is logged at the end of that second."""
    assert log.charge_stops().tolist() == [t.item() for t in utc("2026-01-12T19:08:35", "2026-01-13T19:08:35")]


def test_charge_starts_are_the_plug_ins_of_one_who_charges_at_once(log):
    assert log.charge_starts().tolist() == [t.item() for t in utc("2026-01-12T18:00", "2026-01-13T18:00")]


# ---- energy, power and SoC in an interval


@pytest.mark.parametrize(
    ("start", "end", "kwh"),
    [
        (None, None, 16.0),
        ("2026-01-12T12:00", "2026-01-13T12:00", 8.0),
        ("2026-01-12T18:00", "2026-01-12T18:30", 3.5),
        ("2026-01-12T18:10", "2026-01-12T18:20", 7 / 6),
        ("2026-01-12T18:10", "2026-01-12T18:50", 7 * 40 / 60),
        ("2026-01-12T17:00", "2026-01-12T18:00", 0.0),
        ("2026-01-12T20:00", "2026-01-13T06:00", 0.0),
        ("2026-01-12T19:00", None, 1.0 + 8.0),
        (None, "2026-01-12T19:00", 7.0),
        ("2020-01-01", "2030-01-01", 16.0),
        ("2020-01-01", "2021-01-01", 0.0),
        ("2030-01-01", "2031-01-01", 0.0),
    ],
)
def test_energy_in_any_interval_is_what_flowed_in_it(log, start, end, kwh):
    assert log.energy_kwh(start, end) == pytest.approx(kwh, abs=1e-6)


def test_intervals_side_by_side_add_up(log):
    edges = [f"2026-01-12T{h:02}:{m:02}" for h in range(17, 21) for m in (0, 7, 31)]
    parts = sum(log.energy_kwh(a, b) for a, b in pairwise(edges))
    assert parts == pytest.approx(log.energy_kwh(edges[0], edges[-1]), abs=1e-9)


def test_nothing_is_exported(log):
    assert log.export_kwh() == log.export_kwh("2026-01-12T18:00", "2026-01-12T19:00") == 0.0


def test_mean_power_is_energy_over_time(log):
    assert log.power_kw("2026-01-12T18:00", "2026-01-12T20:00") == pytest.approx(4.0, rel=1e-6)


@pytest.mark.parametrize(
    ("at", "kw"),
    [("17:59", 0), ("18:00", 7), ("18:17", 7), ("18:30", 7), ("19:08", 7), ("19:08:35", 0), ("23:00", 0)],
)
def test_power_at_an_instant_is_the_power_from_then_on(log, at, kw):
    assert log.power_kw(f"2026-01-12T{at}") == pytest.approx(kw, rel=2e-3)


@pytest.mark.parametrize("at", ["2020-01-01", "2030-01-01"])
def test_outside_the_run_there_is_no_power(log, at):
    assert log.power_kw(at) == 0.0


@pytest.mark.parametrize("end", ["2026-01-12T18:00", "2026-01-12T17:00"])
def test_mean_power_over_no_time_is_refused(log, end):
    with pytest.raises(ValueError, match="after the start"):
        log.power_kw("2026-01-12T18:00", end)


@pytest.mark.parametrize(
    ("at", "soc"),
    [
        ("2026-01-12T12:00", 0.8),
        ("2026-01-12T17:59:59", 0.8),
        ("2026-01-12T18:00", 0.68),
        ("2026-01-12T18:15", 0.68 + 1.575 / 60),
        ("2026-01-12T18:30", 0.7325),
        ("2026-01-13T03:00", 0.8),
        ("2026-01-13T12:00", 0.8),
        ("2030-01-01T00:00", 0.8),
    ],
)
def test_soc_can_be_asked_at_any_time(log, at, soc):
    assert log.soc(at) == pytest.approx(soc, abs=1e-6)


def test_soc_before_the_log_begins_is_refused(log):
    with pytest.raises(ValueError, match="before it"):
        log.soc("2026-01-12T11:59")


# ---- sessions


def test_sessions_are_plug_in_to_plug_out(log):
    first = log.sessions()[0]
    assert (first.plug_in, first.plug_out) == tuple(utc("2026-01-12T18:00", "2026-01-13T07:00"))
    assert (first.charge_start, first.charge_stop) == tuple(utc("2026-01-12T18:00", "2026-01-12T19:08:35"))
    assert (first.plug_in_soc, first.plug_out_soc) == (pytest.approx(0.68), pytest.approx(0.8))
    assert (first.import_kwh, first.export_kwh) == (pytest.approx(8.0), 0.0)


def test_a_session_that_the_end_of_the_run_cuts_is_open():
    last = run(days=1, start="2026-01-12T19:00", warm_up=0).users[0].log.sessions()[-1]
    assert (str(last.plug_in), last.plug_out, last.plug_out_soc) == ("2026-01-13T18:00:00", None, None)


def test_a_charge_that_the_end_of_the_run_cuts_has_no_stop():
    last = run(days=1, start="2026-01-12T19:00").users[0].log.sessions()[-1]
    assert (str(last.charge_start), last.charge_stop) == ("2026-01-13T18:00:00", None)
    assert last.import_kwh == pytest.approx(7.0)


def test_a_session_in_progress_at_the_start_begins_with_the_run():
    first = run(days=1, start="2026-01-12T18:30").users[0].log.sessions()[0]
    assert (str(first.plug_in), str(first.charge_start)) == ("2026-01-12T18:30:00", "2026-01-12T18:30:00")
    assert (first.plug_in_soc, first.import_kwh) == (pytest.approx(0.7325), pytest.approx(4.5))


def test_a_user_who_never_plugs_in_has_no_sessions():
    users = run(row(plug_in_frequency_per_day=0.001), days=1, users=5).users
    assert [user.log.sessions() for user in users] == [[]] * 5


def test_the_sessions_of_the_store_are_those_of_the_logs(crowd):
    table = crowd.events.sessions()
    listed = [(u, s) for u, user in enumerate(crowd.users) for s in user.log.sessions()]
    assert table.user.tolist() == [u for u, _ in listed]
    for name in ("plug_in", "plug_out", "charge_start", "charge_stop"):
        theirs = np.array(
            [np.datetime64("NaT", "s") if getattr(s, name) is None else getattr(s, name) for _, s in listed]
        )
        assert np.array_equal(getattr(table, name), theirs.astype("datetime64[s]"), equal_nan=True), name
    for name in ("plug_in_soc", "plug_out_soc", "import_kwh", "export_kwh"):
        theirs = np.array([getattr(s, name) for _, s in listed], float)
        assert getattr(table, name) == pytest.approx(theirs, abs=1e-6, nan_ok=True), name


# ---- all users


def test_every_user_reports_the_soc_at_the_start(crowd):
    for user in crowd.users:
        first = next(iter(user.log))
        assert (first.event, first.reason, first.at) == ("report", "run_start", crowd.times[0])


def test_energy_by_archetype_and_step_is_that_of_the_time_series(crowd):
    assert crowd.events.import_kwh_by_step() == pytest.approx(crowd.import_kw * crowd.clock.step_h, abs=1e-5)


def test_export_by_archetype_and_step_is_nothing(crowd):
    assert not crowd.events.export_kwh_by_step().any()


def test_energy_by_user_adds_up_to_the_archetypes(crowd):
    by_user = crowd.events.import_kwh_by_user()
    assert np.bincount(crowd.users.archetype, by_user) == pytest.approx(crowd.import_kwh, abs=1e-4)


def test_half_hourly_metering_of_one_user_is_exact(crowd):
    user = crowd.users[3]
    edges = np.append(crowd.times, crowd.clock.to_utc(crowd.clock.end_s))
    metered = [user.log.energy_kwh(a, b) for a, b in pairwise(edges)]
    events = [(e.at, e.import_kwh) for e in user.log]
    by_hand = [sum(kwh for at, kwh in events if a < at <= b) for a, b in pairwise(edges)]
    assert metered == pytest.approx(by_hand, abs=1e-6)


def test_no_event_has_negative_energy(crowd):
    assert crowd.events.column("import_kwh").min() >= 0


def test_within_a_log_time_never_goes_back(crowd):
    for user in crowd.users:
        assert (np.diff(user.log.times.astype(np.int64)) >= 0).all()


def test_within_a_log_causes_come_before_effects(crowd):
    for user in crowd.users:
        plugged = charging = False
        for event in user.log:
            if event.event == "plug_in":
                assert not plugged
                plugged = True
            elif event.event == "charge_start":
                assert plugged
                assert not charging
                charging = True
            elif event.event == "charge_stop":
                assert charging
                charging = False
            elif event.event == "plug_out":
                assert plugged
                assert not charging
                plugged = False


def test_every_event_says_why(crowd):
    reasons = {(e.event, e.reason) for user in crowd.users for e in user.log}
    assert reasons == {
        ("report", "run_start"), ("report", "step_end"), ("plug_in", "run_start"), ("plug_in", "habit"),
        ("charge_start", "run_start"), ("charge_start", "arrived"), ("charge_start", "window_open"),
        ("charge_stop", "target_reached"), ("charge_stop", "unplugged"), ("charge_stop", "window_closed"),
        ("plug_out", "habit"),
    }  # fmt: skip


def test_a_car_that_leaves_while_charging_stops_because_it_is_unplugged():
    log = run(row(plug_in_soc_percent=0, plug_out_time="20:00")).users[0].log
    assert story(log)[2:4] == [
        ("2026-01-12T20:00:00", "charge_stop", "unplugged"),
        ("2026-01-12T20:00:00", "plug_out", "habit"),
    ]


def test_a_window_that_closes_stops_the_charge_for_that_reason():
    log = run(charging=scheduled("00:30", "01:00")).users[0].log
    assert story(log)[1:3] == [
        ("2026-01-13T00:30:00", "charge_start", "window_open"),
        ("2026-01-13T01:00:00", "charge_stop", "window_closed"),
    ]


# ---- Arrow


def test_the_streams_as_arrow_have_the_columns_of_the_file(crowd):
    table = crowd.events.to_arrow()
    names = ["at_utc", "user_id", "archetype", "event", "reason", "soc_percent", "import_kwh", "export_kwh"]
    assert (table.column_names, table.num_rows) == (names, len(crowd.events))


def test_the_streams_as_arrow_say_what_the_logs_say(crowd):
    rows = crowd.events.to_arrow().to_pylist()
    for u in (0, 75, 119):
        mine = [(r["at_utc"].replace(tzinfo=None), r["event"], r["reason"]) for r in rows if r["user_id"] == u]
        assert mine == [(e.at.item(), e.event, e.reason) for e in crowd.users[u].log]
        assert {r["archetype"] for r in rows if r["user_id"] == u} == {crowd.users[u].archetype}


def test_the_streams_as_arrow_are_in_order_of_time_then_user(crowd):
    keys = [(r["at_utc"], r["user_id"]) for r in crowd.events.to_arrow().to_pylist()]
    assert keys == sorted(keys)


# ---- the store itself


def store(n_users=3):
    return EventStore(Clock.of(dt.datetime(2026, 1, 1), 2, 30, "UTC"), np.zeros(n_users, np.int64), ("A",))


def put(into, at, users, kind=EventKind.REPORT, kwh=0.0):
    into.append(at, np.array(users), kind, 0, np.full(len(users), 0.5), kwh)


def test_an_empty_store_has_empty_logs():
    assert (len(store()), len(store().of(1)), store().of(1).energy_kwh(), list(store().of(1))) == (0, 0, 0.0, [])


def test_a_store_that_was_read_while_empty_can_be_added_to():
    made = store()
    assert len(made.of(1)) == len(made.column("soc")) == 0
    put(made, 60.0, [0, 1])
    put(made, 90.0, [1])
    assert (len(made.of(0)), len(made.of(1)), made.column("at_s").tolist()) == (1, 2, [60, 60, 90])


def test_the_index_is_right_after_more_was_appended():
    made = store()
    put(made, 60.0, [0, 1])
    assert [len(made.of(u)) for u in range(3)] == [1, 1, 0]
    put(made, np.array([70, 80]), [2, 1], kwh=np.array([1.5, 2.5]))
    assert [len(made.of(u)) for u in range(3)] == [1, 2, 1]
    assert made.import_kwh_by_user().tolist() == [0.0, 2.5, 1.5]


def test_columns_cannot_be_edited():
    made = store()
    put(made, 60.0, [0])
    with pytest.raises(ValueError, match="read-only"):
        made.column("soc")[0] = 1


def test_a_new_reason_gets_a_code_of_its_own_and_keeps_it():
    made = store()
    code = made.reason_code("full_moon")
    assert (code, made.reason_code("full_moon"), made.reasons[code]) == (len(KNOWN_REASONS), code, "full_moon")


def test_stores_of_blocks_join_with_their_own_users_and_reasons():
    one, other = store(2), store(3)
    for made, reason in ((one, "first"), (other, "second")):
        put(made, 60.0, [0])
        made.append(90.0, np.array([1]), EventKind.PLUG_IN, made.reason_code(reason), np.array([0.5]))
    whole = EventStore.joined([one, other])
    assert whole.column("user").tolist() == [0, 1, 2, 3]
    assert [e.reason for u in (1, 3) for e in whole.of(u)] == ["first", "second"]


@given(st.lists(st.integers(0, 2**31 - 1), max_size=60))
def test_the_radix_sort_is_a_stable_sort(keys):
    array = np.array(keys, np.int32)
    assert stable_order(array).tolist() == np.argsort(array, kind="stable").tolist()


@pytest.mark.parametrize("user", [120, -121])
def test_the_log_of_nobody_is_an_index_error(crowd, user):
    with pytest.raises(IndexError):
        crowd.events.of(user)


def test_event_names_are_those_of_the_files():
    assert list(KINDS)[:6] == ["report", "plug_in", "charge_start", "power_change", "charge_stop", "plug_out"]

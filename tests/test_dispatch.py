"""The laws of dispatches, on fleets of people who differ, and against a naive model."""

from __future__ import annotations

import datetime as dt
from collections import Counter

import numpy as np
import pytest
from dispatch_worlds import (
    DAY,
    DEMAND,
    KINDS,
    PRICES,
    asks,
    at_home,
    events,
    fleet,
    lived,
    moment,
    net_kw,
    pair,
    run_second,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle_dispatch import Stay
from test_crew import assert_the_same
from test_honesty import BY_PRICE, NIGHTS, prices
from worlds import FLAT, row

from evsim import _simulator as simulator
from evsim._dispatch.record import REASONS, Response
from evsim._event_kinds import EventKind

NIGHT = "2026-01-15T02:00", "2026-01-15T03:00"
EVENING = "20:00", "21:00"
SCHEDULED = {"strategy": "scheduled", "window": ["00:30", "05:30"]}
RULES = {
    "immediate": {"strategy": "immediate"},
    "scheduled": SCHEDULED,
    "as_late_as_possible": {"strategy": "as_late_as_possible"},
    "balanced": {"strategy": "balanced"},
    "cheapest": {"strategy": "cheapest"},
    "valley_fill": {"strategy": "valley_fill"},
    "fleet_limit": {"strategy": "immediate", "fleet_limit_kw": 350},
}
ENOUGH = {
    "immediate": [("turn_down", EVENING, 60), ("discharge", EVENING, 120), ("discharge", NIGHT, 120)],
    "scheduled": [("discharge", EVENING, 120), ("turn_down", NIGHT, 60), ("turn_up", EVENING, 60)],
    "as_late_as_possible": [("discharge", EVENING, 120), ("discharge", NIGHT, 120), ("turn_up", EVENING, 60)],
    "balanced": [("turn_down", EVENING, 30), ("discharge", NIGHT, 120), ("turn_up", EVENING, 60)],
    "cheapest": [("discharge", EVENING, 120), ("turn_down", NIGHT, 60), ("turn_up", EVENING, 60)],
    "valley_fill": [("turn_down", EVENING, 30), ("discharge", NIGHT, 120), ("turn_up", EVENING, 60)],
    "fleet_limit": [("turn_down", EVENING, 60), ("discharge", EVENING, 120), ("discharge", NIGHT, 120)],
}
CASES = [(rule, *case) for rule, cases in ENOUGH.items() for case in cases]


def mean(column):
    return pytest.approx(column, abs=1e-6)


# ---- delivered


@pytest.mark.parametrize(("rule", "action", "window", "kw"), CASES, ids=str)
def test_the_fleet_delivers_the_target_and_no_more(rule, action, window, kw):
    """In each five minutes the mean: within them, cars keep a steady power that their rule would not have kept."""
    both = pair(fleet(asks(*window, action, target_kw=kw), users=150, charging=RULES[rule]))
    delivered = both.within(*window) * (-1 if action == "turn_up" else 1)
    assert len(delivered) == 12
    assert delivered == mean(kw)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("action", ["turn_down", "discharge"])
def test_nothing_rebounds_before_the_window_is_over(rule, action):
    """No target: in no five minutes of the window does the fleet draw more than it would have, but to be ready."""
    both = pair(fleet(asks(*EVENING, action), charging=RULES[rule]))
    assert (both.within(*EVENING) >= -1e-6).all()
    assert both.within(*EVENING).sum() > 0 or (rule, action) in IDLE_AT_EIGHT


IDLE_AT_EIGHT = {(rule, "turn_down") for rule in ("scheduled", "as_late_as_possible", "cheapest")}


@pytest.mark.parametrize("rule", [rule for rule in RULES if rule != "as_late_as_possible"])
def test_a_turn_down_moves_energy_and_loses_none(rule):
    """Who stays until the usual departure has what the twin has; who leaves earlier may lack some."""
    window = NIGHT if rule in ("scheduled", "cheapest") else EVENING
    given = fleet(asks(*window, target_kw=60), users=150, charging=RULES[rule])
    both = pair(given)
    assert both.within(*window).sum() > 0
    n = 0
    for user in both.run.dispatches[0].sent.user.tolist():
        ours, theirs = (session_at(results, user, window[1]) for results in both)
        if ours is None or ours.plug_out < usual_departure(both.run, user, ours):
            continue
        n += 1
        assert ours.plug_out_soc >= min(theirs.plug_out_soc, both.run.users.target_soc[user]) - 2e-4
    assert n > 5


def session_at(results, user, instant):
    """The whole session of a user around an instant, None if it is over by then."""
    at = np.datetime64(moment(instant))
    found = [s for s in results.users[user].log.sessions() if s.plug_in < at and s.plug_out is not None]
    return next((s for s in found if s.plug_out > at), None)


def usual_departure(results, user, session):
    from evsim._cast import cast

    made = cast(results.scenario, results.clock)
    book = made.part(made.people, 0)[0]
    plug_in = np.array([float(results.clock.run_seconds(np.array(session.plug_in)))])
    return results.clock.to_utc(book.expected_plug_out(np.array([user]), plug_in).astype(np.int64))[0]


@pytest.mark.parametrize("rule", ["immediate", "scheduled", "balanced"])
def test_who_served_and_stays_until_the_usual_departure_is_ready(rule):
    both = pair(fleet(asks(*NIGHT, "discharge", id="a"), asks(*EVENING, "discharge", id="b"), charging=RULES[rule]))
    n = 0
    for one in both.run.dispatches:
        for user in np.flatnonzero(one.responses == Response.TOOK_PART).tolist():
            ours, theirs = (session_at(results, user, NIGHT[1]) for results in both)
            if ours is None or theirs is None or ours.plug_out < usual_departure(both.run, user, ours):
                continue
            n += 1
            assert ours.plug_out_soc >= min(theirs.plug_out_soc, both.run.users.target_soc[user]) - 2e-4
    assert n > 10


# ---- nothing


NOTHING = {
    "all have opted out": {"opt_out_percent": 100},
    "nobody can": {"action": "discharge", "archetypes": ["A"]},
    "called off": {"cancelled_at": "12:00"},
}


@pytest.mark.parametrize("change", NOTHING.values(), ids=NOTHING)
@pytest.mark.parametrize("rule", RULES)
def test_a_dispatch_that_nobody_serves_changes_nothing(rule, change):
    kinds = (KINDS[0] | {"v2g_percent": 0}, KINDS[1])
    both = pair(fleet(asks(*EVENING, **change), kinds=kinds, charging=RULES[rule], users=60))
    assert events(both.run) == events(both.twin)
    assert np.abs(both.less_kw).max() < 1e-9


def test_cars_of_others_live_as_without_it():
    both = pair(fleet(asks(*EVENING, "discharge", archetypes=["B"])))
    assert both.run.import_kw[:, 0] == pytest.approx(both.twin.import_kw[:, 0], abs=1e-9)
    assert both.run.export_kw[:, 1].sum() > 0


def test_comings_and_goings_are_those_of_the_twin():
    both = pair(fleet(asks(*EVENING, "discharge"), asks(*NIGHT, "turn_up", id="two")))
    one, other = (results.events.sessions() for results in both)
    assert np.array_equal(one.plug_in, other.plug_in)
    assert np.array_equal(one.plug_out, other.plug_out, equal_nan=True)


# ---- bounds


@pytest.mark.parametrize("target_kw", [None, 150])
def test_no_car_goes_below_its_reserve_by_giving(target_kw):
    both = pair(fleet(asks(*EVENING, "discharge", target_kw=target_kw), asks(*NIGHT, "discharge", id="b")))
    assert both.run.certificate.max_residual_kwh < 1e-6
    store, people = both.run.events, both.run.users
    user, soc, gives = store.column("user"), store.column("soc"), store.column("export_kwh") > 0
    assert gives.any()
    assert (soc[gives] >= people.v2g_reserve_soc[user[gives]] - 1e-6).all()
    assert not people.discharge_kw[user[gives]].min() <= 0


# ---- the same, however it is computed

BUNCH = (
    asks("17:10", "17:25", target_kw=20, id="a"),
    asks("20:00", "21:07", "discharge", target_kw=100, id="b"),
    asks("20:30", "22:00", opt_out_percent=20, id="c"),
    asks("23:30", "2026-01-15T00:30", "turn_up", target_kw=60, id="d"),
    asks("23:30", "2026-01-15T00:50", "turn_up", target_kw=40, id="d", updated_at="23:47"),
)


@pytest.mark.parametrize("rule", ["immediate", "scheduled", "cheapest", "balanced"])
@pytest.mark.parametrize("step", [1, 10, 30, 60])
def test_the_length_of_a_step_does_not_matter(rule, step):
    ours, theirs = (lived(fleet(*BUNCH, users=60, step=s, charging=RULES[rule])) for s in (step, 5))
    hourly = [net_kw(results).reshape(-1, 60 // s).mean(axis=1) for results, s in ((ours, step), (theirs, 5))]
    assert hourly[0] == pytest.approx(hourly[1], abs=1e-6)
    for one, other in zip(ours.dispatches, theirs.dispatches, strict=True):
        assert np.array_equal(one.responses, other.responses)
        assert np.array_equal(one.sent.user, other.sent.user)
        assert np.array_equal(one.sent.at_s, other.sent.at_s)


def assert_decided_alike(one, other):
    for ours, theirs in zip(one.dispatches, other.dispatches, strict=True):
        assert ours.responses.tobytes() == theirs.responses.tobytes()
        assert ours.notes.tobytes() == theirs.notes.tobytes()
        for mine, yours in zip(ours.sent, theirs.sent, strict=True):
            assert mine.tobytes() == yours.tobytes()


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("size", [7, 40])
def test_the_size_of_a_block_changes_no_byte_of_what_is_decided(rule, size, monkeypatch):
    bunch = BUNCH if rule != "fleet_limit" else BUNCH[:3]
    made = fleet(*bunch, users=90, charging=RULES[rule])
    whole = lived(made)
    monkeypatch.setattr(simulator, "_BLOCK_SIZE", size)
    cut = lived(made)
    assert_decided_alike(whole, cut)
    assert_the_same(whole, cut, is_cut_alike=False)


@pytest.mark.skipif(not simulator.can_fork(), reason="this system does not fork, or has one core")
@pytest.mark.parametrize("rule", ["immediate", "valley_fill"])
def test_the_number_of_processes_changes_no_byte(rule, monkeypatch):
    monkeypatch.setattr(simulator, "_LEAST_TO_SHARE", 10)
    monkeypatch.setattr(simulator, "_CREW", 3)
    both = []
    for forks in (False, True):
        monkeypatch.setattr(simulator, "can_fork", lambda forks=forks: forks)
        both.append(lived(fleet(*BUNCH, users=90, charging=RULES[rule])))
    assert_decided_alike(*both)
    assert_the_same(*both)


# ---- fairness

TWENTY_DAYS = [str(np.datetime64("2026-01-13") + i) for i in range(20)]


def test_nobody_is_called_twice_before_all_have_been_called_once():
    """Cars all alike, so whoever is called delivers the same: more than a band of 0.5 kWh."""
    days = TWENTY_DAYS
    called = [asks(f"{day}T18:30", f"{day}T19:30", target_kw=28, id=f"d{i}") for i, day in enumerate(days)]
    results = lived(at_home(*called, days=21))
    calls = Counter()
    for one in results.dispatches:
        now = np.flatnonzero(one.responses == Response.TOOK_PART).tolist()
        assert len(now) == 4
        calls.update(now)
        counts = [calls[user] for user in range(20)]
        assert max(counts) - min(counts) <= 1
    assert set(calls.values()) == {4}


def test_with_cars_that_differ_what_each_has_delivered_stays_within_a_call_of_the_others():
    """A fifth of the fleet is needed each time. Not a law for cars that are seldom at home: these are behind."""
    days = TWENTY_DAYS
    called = [asks(f"{day}T23:00", f"{day}T23:30", target_kw=30, id=f"d{i}") for i, day in enumerate(days)]
    kinds = [row("A", plug_in_time="22:00", plug_in_soc_percent=40)]
    results = lived(at_home(*called, kinds=kinds, days=21, habit=20, day=20, users=30))
    kwh = np.zeros(30)
    for one in results.dispatches:
        took_part = one.responses == Response.TOOK_PART
        could = took_part | (one.responses == Response.NOT_NEEDED)
        newly = took_part & (kwh > 0)
        if (could & (kwh == 0)).sum() > 0:
            assert newly.sum() <= 1  # the last car of a turn delivers what is left of the target
        kwh += 3.5 * took_part
    assert kwh.max() - kwh.min() <= 3 * 3.5


# ---- no foresight


def before(results, instant):
    """Events and orders before an instant."""
    at = run_second(results, instant)
    sent = [
        row_
        for one in results.dispatches
        for row_ in zip(one.sent.at_s.tolist(), one.sent.user.tolist(), one.sent.kw.tolist(), strict=True)
        if row_[0] < at
    ]
    store = results.events
    early = store.column("at_s") < at
    names = ("at_s", "user", "event", "soc", "import_kwh", "export_kwh")
    return sorted(zip(*(store.column(name)[early].tolist() for name in names), strict=True)), str(sorted(sent))


SURPRISES = {
    "a later word": [asks("20:00", "22:00", "discharge", target_kw=100, updated_at="20:33", id="one")],
    "a later target": [asks("20:00", "22:00", "discharge", target_kw=30, updated_at="20:33", id="one")],
    "moved": [asks("23:00", "23:30", "discharge", target_kw=60, updated_at="20:33", id="one")],
    "another": [asks("20:33", "21:00", target_kw=10, notice_minutes=0, id="two")],
    "another in time": [asks("21:33", "22:30", "turn_up", notice_minutes=60, id="two")],
}


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("more", SURPRISES.values(), ids=SURPRISES)
def test_a_later_word_changes_nothing_before_it(rule, more):
    if rule == "fleet_limit" and more[0]["action"] == "turn_up":
        pytest.skip("a turn-up does not go with a limit")
    known = asks("20:00", "21:30", "discharge", target_kw=60)
    one, other = (lived(fleet(known, *some, users=80, charging=RULES[rule])) for some in ([], more))
    assert before(one, "20:33") == before(other, "20:33")


@pytest.mark.parametrize("at", ["18:33", "20:33"])
def test_a_cancellation_changes_nothing_before_it(at):
    word = asks("20:00", "21:30", "discharge", target_kw=60)
    one, other = (lived(fleet(word | more, charging=SCHEDULED)) for more in ({}, {"cancelled_at": moment(at)}))
    assert before(one, at) == before(other, at)
    assert events(one) != events(other)


def test_when_people_really_leave_and_come_changes_nothing_before():
    """Others come at 20:33 and later, of an archetype of their own: what happens before is the same."""
    word = asks("20:00", "21:30", target_kw=30)
    late = row("C", 50, plug_in_time="20:40", plug_in_soc_percent=30)
    worlds = [
        at_home(word, kinds=[row("A", 50, plug_in_soc_percent=40), late | {"plug_in_soc_percent": soc}])
        for soc in (30, 60)
    ]
    one, other = (
        [e for e in before(results, "20:40")[0] if e[1] < 10 and e[0] > run_second(results, "18:00")]
        for results in map(lived, worlds)
    )
    assert one == other
    assert one


@pytest.mark.parametrize("rule", [rule for rule in RULES if rule != "fleet_limit"])
def test_a_price_that_is_published_later_changes_nothing_before(rule, tmp_path):
    """Prices of Friday 16 January are other ones; they are published on Thursday at 21:00, in a window."""
    words = [
        asks("2026-01-15T20:00", "2026-01-15T22:30", "discharge", target_kw=60),
        asks("2026-01-15T20:30", "2026-01-15T21:30", target_kw=20, id="two"),
        asks("2026-01-15T23:00", "2026-01-16T01:00", "turn_up", id="three", notice_minutes=180),
    ]
    friday = dt.datetime(2026, 1, 16, tzinfo=dt.UTC)
    worlds = []
    for changed_from in (None, friday):
        source = prices(tmp_path / f"{changed_from is None}.csv", changed_from) | {"published_at": "21:00"}
        made = fleet(*words, users=80, charging=RULES[rule])
        worlds.append(lived(made | {"import_price": source, "demand": source | {"unit": "kw"}}))
    one, other = worlds
    assert before(one, "2026-01-15T21:00") == before(other, "2026-01-15T21:00")
    assert all(len(lived_.sent.user) for lived_ in one.dispatches[::2])
    if rule in BY_PRICE:
        assert before(one, "2026-01-16T12:00") != before(other, "2026-01-16T12:00"), "they should matter in the end"


@pytest.mark.parametrize("rule", RULES)
def test_a_real_departure_changes_nothing_of_what_is_ordered_before_it(rule, tmp_path):
    """Recorded people leave at 02:20 in place of 07:30, in the middle of a window; a later one is prepared for."""
    asked = [asks("2026-01-15T23:00", "2026-01-16T03:00", notice_minutes=60)]
    if rule != "fleet_limit":
        asked.append(asks("2026-01-16T04:00", "2026-01-16T06:00", "turn_up", id="two", notice_minutes=240))
    early = [*NIGHTS[:-3], *(line.replace("16 07:30", "16 02:20") for line in NIGHTS[-3:])]
    one, other = (replayed(tmp_path, rule, rows, asked) for rows in (NIGHTS, early))
    assert before(one, "2026-01-16T02:20") == before(other, "2026-01-16T02:20")
    assert any(len(lived_.sent.user) for lived_ in one.dispatches)
    assert events(one) != events(other)


def replayed(tmp_path, rule, rows, asked):
    """Recorded sessions lived with dispatches."""
    path = tmp_path / "real.csv"
    path.write_text("\n".join(["user,plug_in,plug_out,energy_kwh,battery_kwh,charger_kw", *rows]))
    made = {
        "simulation": {"start": "2026-01-12T12:00", "days": 6},
        "sessions": str(path),
        "import_price": PRICES,
        "demand": DEMAND,
        "charging": RULES[rule] | ({"fleet_limit_kw": 12} if rule == "fleet_limit" else {}),
        "dispatches": asked,
    }
    return lived(made)


# ---- a naive model


@pytest.mark.parametrize("action", ["turn_down", "discharge"])
@pytest.mark.parametrize("seed", range(8))
def test_a_naive_model_says_the_same_of_every_car(seed, action):
    """Energy by half-hour and car of everybody who comes and goes around the window."""
    luck = np.random.default_rng([seed, 5])
    start = f"{DAY}T{luck.integers(18, 23):02}:{luck.integers(60):02}"
    end = str(np.datetime64(start) + np.timedelta64(int(luck.choice([12, 60, 145])), "m"))
    kinds = [
        row(name, 50, plug_in_soc_percent=int(luck.integers(20, 78)), charger_kw=float(luck.choice([3.6, 7, 11])))
        | {"v2g_percent": 60, "discharge_kw": 3.0, "v2g_reserve_soc_percent": int(luck.integers(20, 50))}
        | {"plug_in_time": str(luck.choice(["17:30", "19:45"])), "plug_out_time": str(luck.choice(["23:30", "07:00"]))}
        for name in "AB"
    ]
    made = at_home(asks(start, end, action), kinds=kinds, users=40, habit=45, day=60, curve=FLAT, seed=seed + 1)
    made["simulation"]["step_minutes"] = 30
    both = pair(made)
    stays = list(naive_stays(both.twin, start))
    assert len(stays) > 20
    ours = half_hourly_kwh(both.run)
    for user, stay in stays:
        stay.live(action, run_second(both.run, start), run_second(both.run, end))
        steps = range(int(stay.plug_in // HALF_HOUR_S), int(stay.plug_out // HALF_HOUR_S) + 1)
        theirs = [stay.energy_kwh(k * HALF_HOUR_S, (k + 1) * HALF_HOUR_S) for k in steps]
        assert ours[user, list(steps)] == pytest.approx(theirs, abs=1e-6), (user, stay)


HALF_HOUR_S = 1800


def naive_stays(results, start):
    """Everybody on the plug, or soon, when the window begins: user, and the stay to be lived."""
    from evsim._cast import cast

    made, people, clock = cast(results.scenario, results.clock), results.users, results.clock
    book, at = made.part(made.people, 0)[0], np.datetime64(start)
    for user in results.users:
        for session in user.log.sessions():
            near = at - np.timedelta64(6, "h") < session.plug_in < at + np.timedelta64(3, "h")
            if session.plug_out is None or not near:
                continue
            plug_in, plug_out = (float(clock.run_seconds(np.array(t))) for t in (session.plug_in, session.plug_out))
            i = user.user_id
            yield (
                i,
                Stay(
                    plug_in=plug_in,
                    plug_out=plug_out,
                    leaves=float(book.expected_plug_out(np.array([i]), np.array([plug_in]))[0]),
                    soc=results.scenario.archetypes[people.archetype[i]].plug_in_soc,
                    target=float(people.target_soc[i]),
                    kwh=float(people.capacity_kwh[i]),
                    kw=float(people.charger_kw[i]),
                    efficiency=float(people.efficiency[i]),
                    gives_kw=float(people.discharge_kw[i]),
                    gives_efficiency=float(people.discharging_efficiency[i]),
                    reserve=float(people.v2g_reserve_soc[i]),
                ),
            )


def half_hourly_kwh(results):
    """(n_users, n_half_hours) energy at the meter, by the log."""
    store, n = results.events, results.clock.end_s // HALF_HOUR_S
    k = -(-store.column("at_s").astype(np.int64) // HALF_HOUR_S) - 1
    net = store.column("import_kwh").astype(np.float64) - store.column("export_kwh")
    found = np.zeros((len(results.users), n))
    late = k >= 0
    np.add.at(found, (store.column("user")[late], k[late]), net[late])
    return found


# ---- anything at all

ACTIONS = ["discharge", "turn_down", "turn_up"]
STARTS = np.datetime64("2026-01-12T12:00")


@st.composite
def words(draw, number):
    """A dispatch with up to two edits, some called off."""
    start = draw(st.integers(-600, 4 * 1440))
    start = start // 30 * 30 if draw(st.booleans()) else start
    found = []
    for i in range(draw(st.sampled_from([1, 1, 2, 3]))):
        moved = start + (draw(st.integers(-90, 90)) if i and draw(st.booleans()) else 0)
        one = asks(later(moved), later(moved + draw(st.sampled_from([7, 30, 60, 95, 200]))), id=f"d{number}")
        one |= {"action": draw(st.sampled_from(ACTIONS)), "notice_minutes": draw(st.sampled_from([0, 20, 120, 600]))}
        one |= {"updated_at": later(start - 300 + 137 * i + draw(st.integers(0, 90)))} if i else {}
        kw = draw(st.sampled_from([None, 5, 33.3, 80, 5000]))
        one |= {"target_kw": kw} if kw else {}
        one |= {"cancelled_at": later(moved + draw(st.integers(-200, 100)))} if draw(st.integers(0, 4)) == 0 else {}
        one |= {"archetypes": ["A"]} if draw(st.integers(0, 3)) == 0 else {}
        found.append(one | {"opt_out_percent": draw(st.sampled_from([0, 0, 0, 10, 50, 100]))})
    return found


def later(minutes):
    return str(STARTS + np.timedelta64(minutes, "m"))


@st.composite
def bunches(draw):
    rule = draw(st.sampled_from(sorted(RULES)))
    listed = [word for i in range(draw(st.integers(1, 6))) for word in draw(words(i))]
    if rule == "fleet_limit":
        listed = [word | {"action": "turn_down"} if word["action"] == "turn_up" else word for word in listed]
    steps = [5, 15, 30] if rule in ("fleet_limit", "valley_fill") else [1, 5, 15, 30, 60]
    return fleet(
        *listed, users=draw(st.integers(2, 25)), step=draw(st.sampled_from(steps)), seed=draw(st.integers(0, 2**32)),
        charging=RULES[rule] | ({"fleet_limit_kw": 50} if rule == "fleet_limit" else {}), warm_up=1,
    )  # fmt: skip


@settings(max_examples=60)
@given(bunches())
def test_whatever_is_asked_the_laws_hold(made):
    results = lived(made)
    assert results.certificate.max_residual_kwh < 1e-6
    if "fleet_limit_kw" in made["charging"]:
        assert results.import_kw.sum(axis=1).max() <= 50 + 1e-9
    held = {}
    for one in results.dispatches:
        assert (np.diff(one.sent.at_s) >= 0).all()
        spans = [(act.known_s, act.end_s) for act in one.told.acts]
        for at, user, kw, reason in zip(*(column.tolist() for column in one.sent[1:]), strict=True):
            assert any(since <= at <= until for since, until in spans), (one.id, at, spans)
            held.setdefault((one.id, user), []).append((at, kw, REASONS[reason]))
    for (name, user), orders in held.items():
        assert_is_released(results, name, user, orders)


def assert_is_released(results, name, user, orders):
    """Its last order for a dispatch lets it go, unless it has left, another has taken it over, or the run is over."""
    at, _, reason = orders[-1]
    if reason == "dispatch_over":
        return
    end = max(act.end_s for one in results.dispatches if one.id == name for act in one.told.acts)
    store = results.events
    is_out = (
        (store.column("user") == user) & (store.column("event") == EventKind.PLUG_OUT) & (store.column("at_s") >= at)
    )
    left = is_out.any() and store.column("at_s")[is_out].min() <= end
    taken = any(((one.sent.user == user) & (one.sent.at_s >= at)).any() for one in results.dispatches if one.id != name)
    assert left or taken or end >= results.clock.end_s, (name, user, orders, end)

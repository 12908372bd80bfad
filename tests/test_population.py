"""The columns and the verbs for a group."""

from __future__ import annotations

import numpy as np
import pytest
from worlds import row, scenario

from evsim import LeverError, Scenario, Simulator, UserArchetype
from evsim._flows import Order


def crowd(n=5, **changes):
    return UserArchetype(**row(**changes)).spawn(n)


def order(n, kw=7.0, until=0.8, stop=np.inf):
    return Order(np.full(n, float(kw)), np.full(n, until), np.full(n, float(stop)), 0)


def test_spawning_makes_people_of_one_kind():
    people = crowd(4, battery_kwh=72.5, plug_in_soc_percent=52)
    assert people.capacity_kwh.tolist() == [72.5] * 4
    assert people.soc.tolist() == [0.52] * 4
    assert people.archetype_names == ("A",)


def test_a_population_has_the_shares_of_the_sheet():
    rows = [row("A", 40), row("B", 30), row("C", 10), row("D", 10), row("E", 9), row("F", 1)]
    people = Simulator(Scenario.from_dict({"archetypes": rows, "population_size": 1000})).population
    assert np.bincount(people.archetype).tolist() == [400, 300, 100, 100, 90, 10]


def test_a_verb_acts_on_those_named_and_on_nobody_else():
    people, who = crowd(), np.array([1, 3])
    people.plug_in(who, 0.0)
    people.start_charging(who, np.zeros(2), order(2))
    people.elapse(1800.0)
    assert people.is_charging.tolist() == [False, True, False, True, False]
    assert people.soc.tolist() == pytest.approx([0.68, 0.7325, 0.68, 0.7325, 0.68])


def test_each_user_of_a_group_starts_at_their_own_instant():
    people, who = crowd(2), np.array([0, 1])
    people.plug_in(who, 0.0)
    people.start_charging(who, np.array([0.0, 900.0]), order(2))
    people.elapse(1800.0)
    assert people.soc.tolist() == pytest.approx([0.68 + 3.15 / 60, 0.68 + 1.575 / 60])


def test_an_order_with_an_end_stops_there():
    people, who = crowd(1), np.array([0])
    people.plug_in(who, 0.0)
    people.start_charging(who, np.zeros(1), order(1, stop=600))
    people.elapse(1800.0)
    assert people.soc[0] == pytest.approx(0.68 + 1.05 / 60)
    assert not people.is_charging[0]


def test_one_impossible_user_stops_the_whole_group_and_is_named():
    people = crowd()
    people.plug_in(np.array([2]), 0.0)
    with pytest.raises(LeverError, match=r"user 2 is plugged in already"):
        people.plug_in(np.arange(5), 0.0)
    assert people.is_plugged_in.tolist() == [False, False, True, False, False]


def test_of_many_impossible_users_three_are_named():
    with pytest.raises(LeverError, match=r"users 0, 1, 2 and 997 more: each is not plugged in"):
        crowd(1000).plug_out(np.arange(1000), 0.0)


def test_nobody_can_be_told_anything():
    people, nobody = crowd(), np.zeros(0, np.int64)
    people.plug_in(nobody, 0.0)
    people.plug_out(nobody, 0.0)
    assert not people.is_plugged_in.any()


def test_the_books_balance_for_everybody_after_a_day_by_hand():
    people = crowd()
    for user in people:
        user.plug_in()
        user.start_charging(1 + user.user_id, until_soc=0.9)
    people.wait(hours=3)
    for user in people:
        user.plug_out()
        user.drive(5)
    assert (
        np.abs(people.residual_kwh(people.events.import_kwh_by_user(), people.events.export_kwh_by_user())).max() < 1e-9
    )
    assert people.driven_kwh.tolist() == pytest.approx([5.0] * 5)


def test_many_charges_that_start_and_stop_out_of_order_keep_their_own_soc():
    people, rng = crowd(300, charger_kw=11), np.random.default_rng(1)
    people.plug_in(np.arange(300), 0.0)
    kw, begins, ends = rng.uniform(1, 11, 300), rng.uniform(0, 3000, 300), rng.uniform(3001, 6000, 300)
    now = 0.0
    moments = [(t, i, "start") for i, t in enumerate(begins)] + [(t, i, "stop") for i, t in enumerate(ends)]
    for t, i, what in sorted(moments):
        now, who = t, np.array([i])
        if what == "start":
            people.start_charging(who, np.array([now]), order(1, kw[i], until=1.0))
        else:
            people.stop_charging(who, now)
    expected = 0.68 + kw * (ends - begins) / 3600 * 0.9 / 60
    low = expected < 0.8
    assert low.sum() > 100
    assert people.soc[low] == pytest.approx(expected[low], abs=1e-12)


def test_a_simulators_population_is_the_people_of_the_scenario():
    people = Simulator(scenario(users=7)).population
    assert (len(people), people[6].archetype) == (7, "A")

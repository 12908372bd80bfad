"""The rule by which people plug in: as often as configured, seldom with a full battery, always with a low one."""

from __future__ import annotations

import datetime as dt

import numpy as np
import oracle_diary
import pytest
from worlds import row, scenario

from evsim._days import Days
from evsim._plug_in_rule import Habit, PlugInRule, need_of
from evsim._spawn import TARGET_SHARES, TARGET_SOCS, targets_of

FIRST_DAY = dt.date(2026, 1, 5)
N_USERS, N_DAYS, BURN_IN = 3_000, 365, 60
SOLVED_TO = 0.01
"""How near the solver's sample of drivers and seasons comes to all of them: a percent of the frequency."""


def solved(archetype, **behaviour):
    """(scenario, habit) of an archetype whose life begins on FIRST_DAY."""
    made = scenario(archetype, driving=True, **behaviour)
    days = Days(made.behaviour, made.simulation.holiday_region)
    (targets,) = targets_of(made.archetypes, made.behaviour)
    return made, Habit(made.archetypes[0], made.behaviour, days, (FIRST_DAY - oracle_diary.EPOCH).days, targets)


def plain_frequency(made, rule, seed=5):
    """Plug-ins a day, and its standard error, of people who live a year by the rule: nothing but dice."""
    dice, behaviour, archetype = np.random.default_rng(seed), made.behaviour, made.archetypes[0]
    calendar = oracle_diary.Calendar(made)

    def luck_of(cv, n):
        sigma, mean = oracle_diary.capped_log_normal(cv)
        return np.exp(sigma * np.minimum(dice.standard_normal(n), 3)) / mean

    own = luck_of(behaviour.miles_cv_between_users, N_USERS)
    mean_kwh = archetype.miles_per_year / 365 / archetype.efficiency_miles_per_kwh * own
    target = np.full(N_USERS, archetype.target_soc)
    if behaviour.target_soc == "survey":
        target = dice.choice(TARGET_SOCS, N_USERS, p=np.array(TARGET_SHARES) / sum(TARGET_SHARES))
    need = np.clip(1.5 * mean_kwh / archetype.battery_kwh, 0.2, 0.75)
    soc, n = target.copy(), np.zeros(N_USERS)
    for i in range(-BURN_IN, N_DAYS):
        day = FIRST_DAY + dt.timedelta(days=i)
        p = calendar.p_drive(day)
        drives = dice.random(N_USERS) < p
        miles = drives * luck_of(behaviour.miles_cv_between_days, N_USERS) * calendar.miles(day) / max(p, 1e-9)
        soc = np.maximum(soc - mean_kwh * miles * calendar.consumption(day) / archetype.battery_kwh,
                         np.minimum(soc, behaviour.public_reserve_percent / 100))  # fmt: skip
        share = (0.8 - soc) / (0.8 - need)
        p_in = np.where(share > 0, rule.keen * np.clip(share, 1e-300, 1) ** rule.n, 0) + rule.anyway
        plugs_in = dice.random(N_USERS) < p_in
        soc = np.where(plugs_in, np.maximum(soc, target), soc)
        n += plugs_in if i >= 0 else 0
    return n.mean() / N_DAYS, n.std() / N_DAYS / np.sqrt(N_USERS)


AVERAGE = {}
OCTOPUS = {"miles_per_year": 28_105, "battery_kwh": 72.5}
WORLDS = [
    ({"plug_in_frequency_per_day": 0.2}, AVERAGE, {}),
    ({"plug_in_frequency_per_day": 0.5}, AVERAGE, {}),
    ({"plug_in_frequency_per_day": 0.9}, AVERAGE, {}),
    ({"plug_in_frequency_per_day": 0.05}, AVERAGE, {}),
    ({"plug_in_frequency_per_day": 0.2, "target_soc_percent": 60}, AVERAGE, {}),
    ({"plug_in_frequency_per_day": 0.5, "target_soc_percent": 100}, AVERAGE, {}),
    ({"plug_in_frequency_per_day": 0.9, "target_soc_percent": 100}, AVERAGE, {}),
    ({"plug_in_frequency_per_day": 0.2}, AVERAGE, {"target_soc": "survey"}),
    ({"plug_in_frequency_per_day": 0.5}, OCTOPUS, {"target_soc": "survey"}),
    ({"plug_in_frequency_per_day": 0.2}, OCTOPUS, {}),
    ({"plug_in_frequency_per_day": 0.9}, OCTOPUS, {"public_reserve_percent": 25}),
    ({"plug_in_frequency_per_day": 0.3}, AVERAGE, {"miles_cv_between_users": 0, "miles_cv_between_days": 0}),
    ({"plug_in_frequency_per_day": 0.3}, AVERAGE, {"miles_cv_between_users": 1.0, "season": False}),
    ({"plug_in_frequency_per_day": 0.4}, AVERAGE, {"p_drive_weekend": 0, "weekend_mileage_factor": 0}),
]


@pytest.mark.parametrize(("how_often", "car", "behaviour"), WORLDS, ids=lambda part: str(part)[1:60])
def test_people_who_live_by_the_rule_plug_in_as_often_as_configured(how_often, car, behaviour):
    made, habit = solved(row(**how_often, **car), **behaviour)
    frequency, error = plain_frequency(made, habit.rule)
    configured = how_often["plug_in_frequency_per_day"]
    assert frequency == pytest.approx(configured, abs=4 * error + SOLVED_TO * configured)


def test_once_a_day_is_always():
    assert solved(row())[1].rule == PlugInRule()
    assert PlugInRule().p(np.array([0.0, 0.5, 1.0]), np.full(3, 0.2)).tolist() == [1.0, 1.0, 1.0]


def test_without_driving_every_evening_is_alike():
    made = scenario(row(plug_in_frequency_per_day=0.3))
    habit = Habit(made.archetypes[0], made.behaviour, Days(made.behaviour, None), 20_000, (np.array([0.8]), np.ones(1)))
    assert habit.rule == PlugInRule(anyway=0.3)


def test_a_car_that_is_never_driven_is_plugged_in_by_chance():
    assert solved(row(plug_in_frequency_per_day=0.3, miles_per_year=0))[1].rule == PlugInRule(anyway=0.3)


def test_the_rule_is_one_under_the_need_falls_above_it_and_is_nothing_at_eighty_percent():
    rule, need = solved(row(plug_in_frequency_per_day=0.3))[1].rule, np.full(6, 0.2)
    p = rule.p(np.array([0.0, 0.2, 0.35, 0.5, 0.8, 0.95]), need)
    assert p[:2].tolist() == [1.0, 1.0]
    assert 1 > p[2] > p[3] > 0
    assert p[4:].tolist() == [0.0, 0.0]
    assert p[3] == pytest.approx(0.5**rule.n)


def test_who_needs_more_plugs_in_at_a_higher_soc():
    """A day and a half of driving, at least 20%, and never so much that there is no room under 80%."""
    assert need_of(np.array([4.0, 16.0, 500.0]), 60.0) == pytest.approx([0.2, 0.4, 0.75])


def test_people_of_one_kind_with_more_miles_plug_in_more_often():
    """In a run: the tenth with most miles against the tenth with fewest."""
    results = simulated(users=600, days=40)
    table, miles = results.events.sessions(), results.users.driven_miles
    n = np.bincount(table.user, minlength=600)
    order = np.argsort(miles)
    assert n[order[-60:]].mean() > 1.5 * n[order[:60]].mean()


def test_who_plugs_in_has_less_charge_than_who_does_not():
    results = simulated(users=300, days=20)
    chosen, homecomings = [], []
    for user in results.users:
        log = list(user.log)
        homecomings += [e.soc for e in log if e.event == "trip_end"]
        chosen += [e.soc for e in log if e.event == "plug_in"]
    assert np.mean(chosen) < np.mean(homecomings) - 0.1


@pytest.mark.parametrize("frequency", [0.2, 0.5])
def test_a_settled_life_begins_as_it_goes_on(frequency):
    """The mean SoC of a morning is the same on the first day as two months on, and plug-ins are as frequent."""
    results = simulated(users=1_500, days=60, frequency=frequency, warm_up=1, season=False)
    soc = results.mean_soc[:, 0].reshape(60, 48).mean(axis=1)
    assert soc[:7].mean() == pytest.approx(soc[-14:].mean(), abs=0.02)
    n = np.bincount((results.events.sessions().plug_in - results.times[0]).astype(int) // 86_400, minlength=60)
    assert n[:7].mean() == pytest.approx(n[-14:].mean(), rel=0.1)


def simulated(*, users, days, frequency=0.3, **settings):
    from evsim import simulate

    one = row(plug_in_frequency_per_day=frequency)
    return simulate(scenario(one, users=users, days=days, driving=True, habit=75, day=130, **settings))

"""What goes round any strategy: each guard by hand, and the laws that hold for all of them."""

import numpy as np
import pytest
from worlds import FLAT, config, row, run, scenario

from evsim import ConfigError, Scenario, simulate
from evsim.testing import check_strategy

LATE = {"strategy": "scheduled", "window": ["00:30", "04:30"]}


def tell(results, user=0):
    """A log as (UTC time of day, event, reason, SoC %), without its reports."""
    log = [event for event in results.users[user].log if event.event != "report"]
    return [(str(e.at)[11:], e.event, e.reason, round(100 * e.soc, 1)) for e in log]


def with_guard(rule=LATE, **guards):
    return run(charging={**rule, **guards}, curve=FLAT, days=1)


def starts(results):
    """Local seconds after the run's start of all charge starts, and whose they are."""
    events = results.events
    on = events.column("event") == 2
    return events.column("at_s")[on], events.column("user")[on]


# ---- minimum SoC


def test_a_car_under_the_minimum_charges_at_once_up_to_it_and_then_by_its_rule():
    # 68% to 75% of 60 kWh at 6.3 kW: 4.2 kWh, 40 min; then 3 kWh from 00:30, 28 min 34.3 s
    assert tell(with_guard(minimum_soc_percent=75)) == [
        ("18:00:00", "plug_in", "habit", 68),
        ("18:00:00", "charge_start", "minimum_soc", 68),
        ("18:40:00", "charge_stop", "minimum_reached", 75),
        ("00:30:00", "charge_start", "window_open", 75),
        ("00:58:35", "charge_stop", "target_reached", 80),
        ("07:00:00", "plug_out", "habit", 80),
    ]


def test_a_car_over_the_minimum_only_follows_its_rule():
    assert tell(with_guard(minimum_soc_percent=68)) == tell(with_guard())


def test_a_minimum_over_the_target_charges_to_the_target():
    told = tell(with_guard(minimum_soc_percent=95))
    assert [what[2] for what in told] == ["habit", "minimum_soc", "target_reached", "habit"]
    assert told[2][0] == "19:08:35"


# ---- the owner's button


def test_an_owner_who_presses_the_button_gets_full_power_at_once():
    told = tell(with_guard(boost_percent=100))
    assert told[1] == ("18:00:00", "charge_start", "boost", 68)


def test_the_button_is_pressed_on_the_share_of_days_that_the_config_says():
    results = run(users=400, days=10, charging={**LATE, "boost_percent": 30})
    store = results.events
    pressed = (store.column("reason") == store.reasons.index("boost")).sum()
    sessions = results.n_sessions.sum()
    assert abs(pressed / sessions - 0.3) < 4 * np.sqrt(0.3 * 0.7 / sessions)


def test_who_presses_the_button_does_not_depend_on_the_rule_that_is_boosted():
    def boosted(rule):
        store = run(users=50, days=3, charging={**rule, "boost_percent": 30}).events
        by_button = store.column("reason") == store.reasons.index("boost")
        return set(zip(store.column("user")[by_button].tolist(), store.column("at_s")[by_button].tolist(), strict=True))

    assert boosted(LATE) == boosted({"strategy": "immediate"}) != set()


# ---- the margin


def test_a_margin_makes_a_timer_look_less_far_ahead():
    late = {"strategy": "scheduled", "window": ["06:50", "06:55"]}
    assert [what[1] for what in tell(with_guard(late))][1] == "charge_start"
    check = Scenario.from_dict(config(charging={**late, "margin_minutes": 30}))
    assert check.charging.default.guards.margin_minutes == 30


# ---- the least power


def test_orders_under_the_least_power_are_raised_to_it():
    from test_strategies import HalfPower

    def power(**guards):
        rule = {"strategy": HalfPower.name, **guards}
        made = Scenario.from_dict(config(charging=rule, curve=FLAT, days=1), strategies={HalfPower.name: HalfPower})
        return simulate(made).users[0].log.power_kw("2026-01-12T18:30")

    assert power(minimum_kw=5) == pytest.approx(5)
    assert power() == pytest.approx(3.5)


# ---- the law's delay


def test_starts_wait_for_up_to_the_random_delay_and_are_spread_over_it():
    results = run(users=500, days=1, charging={**LATE, "random_delay_seconds": 600})
    at, _ = starts(results)
    late = at - 12.5 * 3600
    assert (late >= 0).all()
    assert (late < 600).all()
    assert abs(late.mean() - 300) < 4 * 600 / np.sqrt(12 * 500)


def test_the_delay_takes_the_edge_off_the_peak_within_a_step_and_no_energy():
    sharp = run(users=500, days=2, step=1, charging=LATE)
    soft = run(users=500, days=2, step=1, charging={**LATE, "random_delay_seconds": 600})
    first = 12 * 60 + 30
    assert sharp.import_kw[first].sum() == pytest.approx(3500)
    assert soft.import_kw[first].sum() < 500
    assert soft.import_kwh.sum() == pytest.approx(sharp.import_kwh.sum(), abs=1e-6)


def test_a_delay_is_the_users_own_whoever_else_there_is():
    rule = {**LATE, "random_delay_seconds": 600}
    few, many = run(users=3, days=1, charging=rule), run(users=40, days=1, charging=rule)
    for user in range(3):
        assert tell(few, user) == tell(many, user)


def test_the_button_waives_the_delay():
    told = tell(with_guard(boost_percent=100, random_delay_seconds=600))
    assert told[1][0] == "18:00:00"


# ---- together, and in the config


def test_all_guards_together_keep_the_contract():
    guards = {
        "minimum_soc_percent": 20, "boost_percent": 10, "margin_minutes": 30, "minimum_kw": 1.4,
        "random_delay_seconds": 600,
    }  # fmt: skip
    for rule in (LATE, {"strategy": "immediate"}):
        check_strategy(scenario(charging={**rule, **guards}).charging.default)


def test_guards_that_are_off_leave_the_rule_as_it_is():
    made = scenario(charging={"strategy": "immediate", "boost_percent": 0, "margin_minutes": 0})
    assert type(made.charging.default).__name__ == "Immediate"


def test_guards_are_written_back_as_they_were_read():
    rule = {**LATE, "boost_percent": 5.0, "random_delay_seconds": 600.0}
    made = scenario(charging=rule)
    assert made.to_dict()["charging"] == rule
    assert Scenario.from_dict(made.to_dict()).config_hash == made.config_hash


def test_results_do_not_depend_on_the_step_with_guards():
    rule = {**LATE, "minimum_soc_percent": 70, "random_delay_seconds": 600, "boost_percent": 20}
    kwh = [run(users=20, days=3, step=step, charging=rule, curve=FLAT) for step in (30, 5, 60)]
    logs = [[tell(results, user) for user in range(20)] for results in kwh]
    assert logs[0] == logs[1] == logs[2]


def test_only_archetypes_whose_rule_has_guards_are_guarded():
    two = (row("A", 50), row("B", 50))
    charging = {"strategy": "immediate", "by_archetype": {"B": {**LATE, "boost_percent": 100}}}
    results = simulate(scenario(*two, users=2, charging=charging))
    assert [tell(results, user)[1][2] for user in (0, 1)] == ["arrived", "boost"]


@pytest.mark.parametrize(
    ("charging", "said"),
    [
        ({"boost_percent": 130}, "charging.boost_percent: 130 is over 100"),
        ({"random_delay_seconds": 4000}, "charging.random_delay_seconds: 4000 is over 1,800"),
        ({"margin_minutes": -5}, "charging.margin_minutes: -5 is under 0"),
        ({"minimum_kw": "lots"}, "charging.minimum_kw"),
        ({"by_archetype": {"A": {"fleet_limit_kw": 5}}}, "is for the whole fleet; write it in charging"),
        ({"fleet_limit_kw": 0}, "charging.fleet_limit_kw"),
        ({"fleet_limit_kw": 5, "share_by": "merit"}, "charging.share_by"),
        ({"random_delay": 600}, 'did you mean "random_delay_seconds"?'),
        ({"boost": 20}, 'charging.boost: no such setting; did you mean "boost_percent"?'),
        ({"strategy": "cheapest", "boost": 20}, 'did you mean "boost_percent"?'),
        ({"strategy": "balanced", "margin": 20}, 'did you mean "margin_minutes"?'),
        ({"minimum_soc": 20}, 'did you mean "minimum_soc_percent"?'),
        ({"fleet_limit": 20}, 'did you mean "fleet_limit_kw"?'),
        ({"by_archetype": {"A": {"boost": 20}}}, 'charging.by_archetype.A.boost: no such setting; did you mean "boost'),
        ({"fleet_limit_kw": "x MW"}, '"x MW" is not a number'),
    ],
)
def test_a_faulty_guard_is_one_clear_error(charging, said):
    with pytest.raises(ConfigError) as told:
        scenario(charging={"strategy": "immediate", **charging})
    assert said in str(told.value)


ODD = [
    ({"boost_percent": 0.2}, "charging.boost_percent is 0.2 of 100; is 20 meant?"),
    ({"minimum_soc_percent": 0.3}, "charging.minimum_soc_percent is 0.3 of 100; is 30 meant?"),
    (
        {"by_archetype": {"A": {**LATE, "boost_percent": 0.5}}},
        "charging.by_archetype.A.boost_percent is 0.5 of 100; is 50 meant?",
    ),
    (
        {"minimum_soc_percent": 80},
        'charging.minimum_soc_percent: 80 is not under the target of "A" (80); the rule never decides there',
    ),
    (
        {"minimum_kw": 11},
        "charging.minimum_kw: 11 is over every charger_kw, 7 at most; every order is of full power",
    ),
    (
        {"strategy": "balanced", "minimum_kw": 11},
        "charging.minimum_kw: 11 is over every charger_kw, 7 at most; every order is of full power",
    ),
    ({"share_by": "equally"}, "charging.share_by: not used without fleet_limit_kw"),
    (
        {"fleet_limit_kw": 1},
        "charging.fleet_limit_kw: 1 is under 1.4 kW (6 A), the least that a car gets; nobody can charge",
    ),
]


@pytest.mark.parametrize(("charging", "note"), ODD)
def test_a_setting_that_does_nothing_is_noted(charging, note):
    assert note in scenario(row("A"), charging={"strategy": "immediate", **charging}).warnings


@pytest.mark.parametrize(
    "charging",
    [
        {"boost_percent": 1, "minimum_soc_percent": 79, "minimum_kw": 7},
        {"boost_percent": 0, "minimum_soc_percent": 0},
        {"strategy": "balanced"},
        {"fleet_limit_kw": 1.4, "share_by": "equally"},
    ],
)
def test_a_setting_that_does_something_is_not_noted(charging):
    made = scenario(row("A"), charging={"strategy": "immediate", **charging})
    assert not [note for note in made.warnings if note.startswith("charging")]


def test_a_minimum_is_only_compared_with_those_whom_it_is_for():
    two = (row("A", 50), row("B", 50, target_soc_percent=40))
    made = scenario(
        *two, charging={"strategy": "immediate", "by_archetype": {"A": {**LATE, "minimum_soc_percent": 50}}}
    )
    assert not [note for note in made.warnings if note.startswith("charging")]


def test_a_limit_of_one_mw_is_a_thousand_kw():
    assert scenario(charging={"strategy": "immediate", "fleet_limit_kw": "1 MW"}).charging.fleet_limit_kw == 1000
    assert scenario(charging={"strategy": "immediate", "fleet_limit_kw": "0.5MW"}).charging.fleet_limit_kw == 500


def test_a_fraction_for_the_public_reserve_is_asked_about():
    made = scenario(public_reserve_percent=0.1)
    assert "behaviour.public_reserve_percent is 0.1 of 100; is 10 meant?" in made.warnings

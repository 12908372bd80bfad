"""The charging rules: the built-in ones by hand, one's own, and what becomes of those that break the contract."""

from __future__ import annotations

import dataclasses
import math
from typing import ClassVar

import numpy as np
import pytest
from worlds import FLAT, config, row, run, scenario, scheduled, story

from evsim import (
    Order,
    Orders,
    PerCarStrategy,
    Population,
    Scenario,
    Strategy,
    StrategyError,
    load_strategies,
    simulate,
)

LOW = row(plug_in_soc_percent=10)  # needs 42 kWh stored, 6 h 40 at 7 kW


def tell(results, user=0):
    """A user's charging as (UTC time, event, reason)."""
    return [(at[5:16], event, why) for at, event, why in story(results.users[user].log) if event.startswith("charge")]


# ---- immediate


def test_immediate_charges_from_plug_in_to_target():
    assert tell(run(days=1)) == [
        ("01-12T18:00", "charge_start", "arrived"),
        ("01-12T19:08", "charge_stop", "target_reached"),
    ]


# ---- scheduled


def test_a_timer_waits_for_its_window():
    assert tell(run(days=1, charging=scheduled("00:30", "04:30"))) == [
        ("01-13T00:30", "charge_start", "window_open"),
        ("01-13T01:38", "charge_stop", "target_reached"),
    ]


def test_a_timer_that_is_open_on_arrival_charges_at_once():
    assert tell(run(days=1, charging=scheduled("17:00", "18:30"))) == [
        ("01-12T18:00", "charge_start", "arrived"),
        ("01-12T18:30", "charge_stop", "window_closed"),
    ]


def test_a_window_may_span_midnight():
    assert tell(run(LOW, days=1, charging=scheduled("23:00", "01:00"))) == [
        ("01-12T23:00", "charge_start", "window_open"),
        ("01-13T01:00", "charge_stop", "window_closed"),
    ]


def test_a_window_over_midnight_that_opened_yesterday_is_open_for_one_who_arrives_after_midnight():
    late = row(plug_in_time="00:30", plug_out_time="09:00")
    assert tell(run(late, days=1, charging=scheduled("23:00", "01:00")))[0] == (
        "01-13T00:30",
        "charge_start",
        "arrived",
    )


def test_a_car_that_arrives_as_the_window_closes_waits_for_the_next():
    results = run(row(plug_out_time="17:00"), days=1, start="2026-01-12T17:30", charging=scheduled("16:00", "18:00"))
    assert tell(results)[0] == ("01-13T16:00", "charge_start", "window_open")


def test_a_car_that_arrives_as_the_window_opens_charges_at_once():
    assert tell(run(days=1, charging=scheduled("18:00", "20:00")))[0] == ("01-12T18:00", "charge_start", "arrived")


def test_a_car_that_leaves_before_the_window_opens_is_not_charged():
    results = run(days=2, charging=scheduled("08:00", "12:00"))
    assert tell(results) == []
    assert results.users[0].log.sessions()[0].plug_out_soc == pytest.approx(0.68)


def test_a_car_that_leaves_as_the_window_opens_is_not_charged():
    assert tell(run(days=2, charging=scheduled("07:00", "12:00"))) == []


def test_a_car_that_leaves_in_the_window_stops_because_it_is_unplugged():
    assert tell(run(LOW, days=1, charging=scheduled("05:00", "12:00")))[-1] == (
        "01-13T07:00",
        "charge_stop",
        "unplugged",
    )


def test_a_window_too_short_leaves_the_car_below_its_target():
    first = run(LOW, charging=scheduled("01:00", "03:00")).users[0].log.sessions()[0]
    assert (first.import_kwh, first.plug_out_soc) == (pytest.approx(14.0), pytest.approx(0.1 + 12.6 / 60))


def test_what_one_night_leaves_undone_the_next_goes_on_with():
    carried = run(LOW, days=3, soc="carried", charging=scheduled("01:00", "03:00"))
    socs = [s.plug_out_soc for s in carried.users[0].log.sessions()]
    assert socs == pytest.approx([0.31, 0.52, 0.73])


def test_a_window_that_was_waited_for_in_an_earlier_stay_is_nothing_to_the_next_one():
    """Away from 05:20 to 05:40, so that the window opens at 05:30 without the car; by 06:00 it charges for 20 minutes.

    Power falls with SoC, 7 kW x (1 - soc), so that an energy in the wrong order would show.
    """
    car = row(plug_in_time="05:40", plug_out_time="05:20", target_soc_percent=99)
    results = run(car, curve=[[0, 100], [100, 0]], efficiency=0.9, charging=scheduled("05:30", "19:30"), days=1)
    at_six = 1 - 0.32 * np.exp(-7 * 0.9 / 60 / 3)
    assert results.mean_soc[35, 0] == pytest.approx(at_six, abs=1e-12)
    assert results.import_kw[35, 0] * 0.5 == pytest.approx((at_six - 0.68) * 60 / 0.9)


def test_a_timer_opens_twice_in_a_long_stay():
    stay = row(plug_in_time="18:00", plug_out_time="17:59", plug_in_soc_percent=10)
    results = run(stay, days=1, charging=scheduled("17:30", "19:30"))
    assert tell(results) == [
        ("01-12T17:30", "charge_start", "window_open"),
        ("01-12T17:59", "charge_stop", "unplugged"),
        ("01-12T18:00", "charge_start", "arrived"),
        ("01-12T19:30", "charge_stop", "window_closed"),
    ]


@pytest.mark.parametrize(
    ("start", "opens", "closes"),
    [("2026-03-28T12:00", "00:30", "03:30"), ("2026-10-24T12:00", "23:30", "04:30")],
    ids=["spring", "autumn"],
)
def test_a_timer_goes_by_the_local_clock_through_a_clock_change(start, opens, closes):
    """00:30 to 04:30 in London is 3 h in the spring night and 5 h in the autumn night."""
    results = run(row(plug_in_soc_percent=0), start=start, days=1, charging=scheduled("00:30", "04:30"))
    assert [at[-5:] for at, _, _ in tell(results)] == [opens, closes]


def test_each_archetype_can_have_a_rule_of_its_own():
    charging = {"strategy": "immediate", "by_archetype": {"B": scheduled("02:00", "05:00")}}
    results = run(row("A", 50), row("B", 50), users=2, days=1, charging=charging)
    assert [tell(results, user)[0] for user in (0, 1)] == [
        ("01-12T18:00", "charge_start", "arrived"),
        ("01-13T02:00", "charge_start", "window_open"),
    ]


def test_the_rule_of_others_changes_nothing_for_those_who_keep_theirs():
    rows = (row("A", 50), row("B", 50))
    mixed = {"strategy": "immediate", "by_archetype": {"B": scheduled("02:00", "05:00")}}
    one, other = (run(*rows, users=20, habit=45, charging=c) for c in (None, mixed))
    assert one.import_kw[:, 0] == pytest.approx(other.import_kw[:, 0], rel=1e-12)


# ---- one's own rules


class HalfPower(Strategy):
    """All cars at once."""

    name: ClassVar[str] = "half_power"

    def orders(self, cars):
        return cars.orders(max_kw=cars.charger_kw / 2, reason="gently")


class Gentle(PerCarStrategy):
    """One car at a time, with a setting."""

    name: ClassVar[str] = "gentle"
    kw: float = 3.5

    def order(self, car):
        return Order(max_kw=self.kw, reason="gently") if car.archetype == "A" else None


class Plain:
    """No base class."""

    name = "plain"
    asked = "at_plug_in"

    def orders(self, cars):
        return cars.orders(max_kw=3.5, reason="gently")


class Steering(Strategy):
    """Every step, the same order again."""

    name: ClassVar[str] = "steering"
    asked: ClassVar[str] = "every_step"

    def orders(self, cars):
        return cars.orders(max_kw=3.5, reason="gently")


@pytest.mark.parametrize("rule", [HalfPower, Gentle, Plain, Steering])
def test_a_rule_can_be_written_in_four_ways(rule):
    results = run(own=rule, days=1)
    assert tell(results) == [
        ("01-12T18:00", "charge_start", "gently"),
        ("01-12T20:17", "charge_stop", "target_reached"),
    ]
    assert results.import_kwh[0] == pytest.approx(8.0)


def test_a_setting_of_ones_own_rule_comes_from_the_config():
    whole = config(days=1, charging={"strategy": "gentle", "kw": 1.75})
    results = simulate(Scenario.from_dict(whole, strategies={"gentle": Gentle}))
    assert tell(results)[-1] == ("01-12T22:34", "charge_stop", "target_reached")


def test_a_car_without_an_order_is_not_charged():
    assert tell(run(row("B"), own=Gentle)) == []


def test_the_same_order_again_every_step_changes_nothing():
    log = run(own=Steering, days=1).users[0].log
    assert [e.event for e in log if e.event not in {"report", "plug_in", "plug_out"}] == ["charge_start", "charge_stop"]


def test_steering_at_full_power_is_charging_at_once_for_those_who_come_when_a_step_begins():
    class Full(Strategy):
        name: ClassVar[str] = "full"
        asked: ClassVar[str] = "every_step"

        def orders(self, cars):
            return cars.orders(reason="arrived")

    rows = [row(plug_in_soc_percent=30)]
    steered, immediate = (run(*rows, own=rule, users=20) for rule in (Full, None))
    ours, theirs = steered.events.sessions(), immediate.events.sessions()
    assert ours.import_kwh == pytest.approx(theirs.import_kwh, abs=1e-5)
    assert np.array_equal(ours.charge_stop, theirs.charge_stop, equal_nan=True)


def test_a_steering_rule_sees_one_who_arrives_inside_a_step_when_the_next_begins():
    results = run(row(plug_in_time="18:10"), own=Steering, days=1)
    assert tell(results)[0] == ("01-12T18:30", "charge_start", "gently")


def test_a_rule_is_never_asked_about_nobody():
    class Curious(Strategy):
        name: ClassVar[str] = "curious"
        asked: ClassVar[str] = "every_step"

        def orders(self, cars):
            return cars.orders(max_kw=7 * cars.soc.min() / cars.soc.min())

    assert run(own=Curious, days=1).import_kwh.sum() > 0


def test_a_steering_rule_that_gives_no_more_orders_stops_the_charge():
    class OneStep(Strategy):
        name: ClassVar[str] = "one_step"
        asked: ClassVar[str] = "every_step"

        def orders(self, cars):
            return cars.orders(which=cars.now < 6.5 * 3600, reason="gently")

    assert tell(run(own=OneStep, days=1)) == [
        ("01-12T18:00", "charge_start", "gently"),
        ("01-12T18:30", "charge_stop", "no_order"),
    ]


def test_a_steering_rule_changes_the_power_of_a_charge_in_progress():
    class Falling(Strategy):
        name: ClassVar[str] = "falling"
        asked: ClassVar[str] = "every_step"

        def orders(self, cars):
            return cars.orders(max_kw=np.where(cars.now < 6.5 * 3600, 6.0, 2.0))

    results = run(own=Falling, days=1)
    assert results.import_kw[12:15, 0].tolist() == pytest.approx([6.0, 2.0, 2.0])
    assert [str(e.at)[11:16] for e in results.users[0].log if e.event == "power_change"] == ["18:30"]


def test_a_rule_can_charge_pause_and_charge_again():
    class Pausing(Strategy):
        name: ClassVar[str] = "pausing"

        def orders(self, cars):
            yield cars.orders(stop=cars.now + 600, stop_reason="pause")
            yield cars.orders(start=cars.now + 1200, reason="again")

    assert tell(run(own=Pausing, days=1)) == [
        ("01-12T18:00", "charge_start", "ordered"),
        ("01-12T18:10", "charge_stop", "pause"),
        ("01-12T18:20", "charge_start", "again"),
        ("01-12T19:18", "charge_stop", "target_reached"),
    ]


def test_a_rule_can_go_on_with_less_power_from_the_moment_a_soc_is_reached():
    class Stages(Strategy):
        name: ClassVar[str] = "stages"

        def orders(self, cars):
            part = np.full(len(cars), 0.7)
            yield cars.orders(until_soc=part)
            yield cars.orders(start=cars.now + 3600 * cars.hours_to(part), max_kw=3.5)

    log = run(own=Stages, days=1).users[0].log
    assert (np.diff(log.times.astype(np.int64)) >= 0).all()
    assert log.energy_kwh() == pytest.approx(8.0, rel=1e-6)


def test_more_power_than_the_charger_has_is_the_chargers():
    class Greedy(Strategy):
        name: ClassVar[str] = "greedy"

        def orders(self, cars):
            return cars.orders(max_kw=50, reason="arrived")

    assert tell(run(own=Greedy)) == tell(run())


def test_an_order_above_the_target_is_carried_out():
    class Full(Strategy):
        name: ClassVar[str] = "full"

        def orders(self, cars):
            return cars.orders(until_soc=1.0)

    assert run(own=Full, curve=FLAT).users[0].log.sessions()[0].plug_out_soc == pytest.approx(1.0)


def test_an_order_ends_when_the_car_leaves():
    class Tomorrow(Strategy):
        name: ClassVar[str] = "tomorrow"

        def orders(self, cars):
            return cars.orders(start=cars.now + 20 * 3600)

    assert tell(run(own=Tomorrow)) == []


# ---- what a rule is shown


def shown(look, **settings):
    """What `look(cars)` gave, each time a rule was asked."""
    seen = []

    class Looking(Strategy):
        name: ClassVar[str] = "looking"

        def orders(self, cars):
            seen.append(look(cars))
            return cars.orders()

    run(*settings.pop("rows", ()), own=Looking, days=1, warm_up=0, **settings)
    return seen


def test_a_rule_sees_what_a_charger_would_know():
    def look(cars):
        values = (
            cars.now,
            cars.user_id,
            cars.soc,
            cars.target_soc,
            cars.capacity_kwh,
            cars.charger_kw,
            cars.efficiency,
        )
        return [column.tolist() for column in values]

    assert shown(look) == [[[21600.0], [0], [0.68], [0.8], [60.0], [7.0], [0.9]]]


def test_a_rule_sees_the_usual_departure_not_the_real_one():
    """The habit is the middle of the working day's shape: 35 minutes after 07:00, on the scale of 60 in 150 minutes."""
    expected = shown(lambda cars: cars.expected_departure.tolist(), users=5, day=60)
    usual = round(35 * 60 * 60 / np.hypot(75, 130))
    assert {at for asked in expected for at in asked} == {19 * 3600.0 + usual}


def test_a_rule_expects_later_departures_at_weekends():
    """The middle of the weekend's shape: 200 minutes after 07:00."""
    expected = shown(lambda cars: cars.expected_departure.tolist(), users=5, day=60, start="2026-01-16T12:00")
    usual = round(200 * 60 * 60 / np.hypot(75, 130))
    assert {at for asked in expected for at in asked} == {19 * 3600.0 + usual}


def test_a_rule_sees_when_the_cable_went_in_and_how_long_the_target_takes():
    seen = shown(lambda cars: (cars.plugged_in_at.tolist(), cars.hours_to(cars.target_soc).tolist()))
    assert seen == [([21600.0], [pytest.approx(7.2 / 6.3)])]


def test_a_rule_sees_local_time_through_the_clock():
    assert shown(lambda cars: cars.clock.local(cars.now)[1].tolist(), start="2026-07-01T12:00") == [[18 * 3600.0]]


def test_columns_of_an_observation_cannot_be_written():
    def look(cars):
        for name in cars.COLUMNS:
            with pytest.raises(ValueError, match="read-only"):
                getattr(cars, name)[0] = 0
        return True

    assert shown(look) == [True]


def test_an_observation_cannot_be_given_other_columns():
    def look(cars):
        with pytest.raises((AttributeError, TypeError)):
            cars.soc = np.ones(1)
        return True

    assert shown(look) == [True]


def test_an_observation_knows_nothing_of_the_future_or_the_population():
    def look(cars):
        assert not {"plug_out", "departure", "next_plug_in", "population", "users"} & set(dir(cars))
        with pytest.raises(AttributeError, match="has no 'departure'"):
            _ = cars.departure
        return [value for value in vars(cars).values() if isinstance(value, Population)]

    assert shown(look) == [[]]


def test_what_a_rule_does_with_its_copies_changes_nobody():
    def look(cars):
        copy = cars.soc.copy()
        copy[:] = 1.0
        return cars.soc.tolist()

    assert shown(look) == [[0.68]]


def test_a_car_alone_shows_plain_numbers_under_the_same_names():
    seen = []

    class Looking(PerCarStrategy):
        name: ClassVar[str] = "looking"

        def order(self, car):
            seen.append((car.soc, car.charger_kw, car.archetype, car.user_id, car.is_charging, car.hours_to(0.8)))
            return Order()

    run(own=Looking, days=1, warm_up=0)
    assert seen == [(0.68, 7.0, "A", 0, False, pytest.approx(7.2 / 6.3))]
    assert [type(value) for value in seen[0]] == [float, float, str, int, bool, float]


def test_orders_are_frozen():
    orders = Orders(*(np.zeros(1) for _ in range(5)), "ordered", "order_ended")
    with pytest.raises(dataclasses.FrozenInstanceError):
        orders.row = np.ones(1)


# ---- rules that break the contract


def ones(cars, **changes):
    """Orders built by hand, with some columns replaced."""
    return dataclasses.replace(cars.orders(), **changes)


BREACHES = {
    "a row that is not there": lambda cars: ones(cars, row=np.array([len(cars)])),
    "a negative row": lambda cars: ones(cars, row=np.array([-1])),
    "the same car twice at one instant": lambda cars: cars.orders(which=np.array([0, 0])),
    "rows that are not whole numbers": lambda cars: ones(cars, row=np.array([0.0])),
    "endless power out of the battery": lambda cars: cars.orders(max_kw=-math.inf),
    "power that is not a number": lambda cars: cars.orders(max_kw=math.nan),
    "a goal in percent": lambda cars: cars.orders(until_soc=80),
    "a goal that is not a number": lambda cars: cars.orders(until_soc=math.nan),
    "a start in the past": lambda cars: cars.orders(start=cars.now - 3600),
    "a start that is not a number": lambda cars: cars.orders(start=math.nan),
    "a start that never comes": lambda cars: cars.orders(start=math.inf),
    "a stop before the start": lambda cars: cars.orders(stop=cars.now - 1),
    "a stop that is not a number": lambda cars: cars.orders(stop=math.nan),
    "columns of different lengths": lambda cars: ones(cars, max_kw=np.array([1.0, 2.0])),
    "a column of text": lambda cars: ones(cars, max_kw=np.array(["a"] * len(cars))),
    "nothing at all": lambda _cars: None,
    "columns that are lists": lambda cars: ones(cars, max_kw=[7.0]),
    "a reason that is not text": lambda cars: cars.orders(reason=3),
    "nothing": lambda _: None,
    "a number": lambda _: 7,
    "a list of numbers": lambda _: [7],
    "text": lambda _: "charge",
    "a fault of its own": lambda cars: cars.soc / cars.no_such_column,
    "a division by zero": lambda _: 1 / 0,
}


@pytest.mark.parametrize("breach", BREACHES)
@pytest.mark.parametrize("when", ["at_plug_in", "every_step"])
def test_a_rule_that_breaks_the_contract_is_a_strategy_error_that_names_it(breach, when):
    class Faulty(Strategy):
        name: ClassVar[str] = "faulty"
        asked: ClassVar[str] = when

        def orders(self, cars):
            return BREACHES[breach](cars) if len(cars) else cars.orders()

    with pytest.raises(StrategyError, match="faulty"):
        run(own=Faulty, days=1)


def test_a_rule_without_orders_says_so():
    class Empty(Strategy):
        name: ClassVar[str] = "empty"

    with pytest.raises((StrategyError, NotImplementedError), match="neither orders"):
        run(own=Empty)


# ---- rules from files


GOOD = """
from evsim import PerCarStrategy, Order, Strategy

class Slow(PerCarStrategy):
    name = "slow"
    kw: float = 2.0

    def order(self, car):
        return Order(max_kw=self.kw)

class Fast(Strategy):
    name = "fast"

    def orders(self, cars):
        return cars.orders()
"""


def file_with(text, folder):
    path = folder / "my_rules.py"
    path.write_text(text)
    return path


def test_the_rules_of_a_file_are_found_by_name(tmp_path):
    assert set(load_strategies(file_with(GOOD, tmp_path))) == {"slow", "fast"}


def test_a_rule_of_a_file_can_be_run(tmp_path):
    found = load_strategies(file_with(GOOD, tmp_path))
    made = Scenario.from_dict(config(days=1, charging={"strategy": "slow"}), strategies=found)
    assert simulate(made).import_kw.max() == pytest.approx(2.0)


PLAIN = """
class Mine:
    name = "mine"
    asked = "at_plug_in"

    def orders(self, cars):
        return cars.orders()
"""


def test_a_plain_class_in_a_file_is_a_rule(tmp_path):
    assert set(load_strategies(file_with(PLAIN, tmp_path))) == {"mine"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("def f(:\n    pass\n", "line 1: SyntaxError"),
        ("x = 1\ny = 2\nboom = x / 0\n", "line 3: ZeroDivisionError"),
        ("x = 1\nimport no_such_module_at_all\n", "line 2: ModuleNotFoundError"),
        ("x = 1\n", "no strategy in it"),
        ("from evsim import Strategy\n", "no strategy in it"),
        ("", "no strategy in it"),
        (GOOD.replace('"fast"', '"slow"'), "two strategies have the same name"),
    ],
    ids=["syntax", "runtime", "import", "none", "only imported", "empty", "same name"],
)
def test_a_faulty_file_is_a_strategy_error_that_says_where(text, said, tmp_path):
    with pytest.raises(StrategyError, match=said) as caught:
        load_strategies(file_with(text, tmp_path))
    assert "my_rules.py" in str(caught.value)


@pytest.mark.parametrize("name", ["nowhere.py", "."])
def test_a_file_that_is_not_there_is_a_strategy_error(name, tmp_path):
    with pytest.raises(StrategyError, match=r"no such file|a folder"):
        load_strategies(tmp_path / name)


def test_a_rule_that_is_not_python_is_a_strategy_error(tmp_path):
    path = tmp_path / "rules.txt"
    path.write_text("hello")
    with pytest.raises(StrategyError, match=r"\.py"):
        load_strategies(path)


def test_the_scenario_of_a_rule_of_ones_own_says_its_settings():
    whole = Scenario.from_dict(config(charging={"strategy": "gentle", "kw": 2}), strategies={"gentle": Gentle})
    assert whole.to_dict()["charging"] == {"strategy": "gentle", "kw": 2.0}


def test_a_world_can_be_made_for_a_rule():
    assert scenario(own=HalfPower).strategy_of("A").name == "half_power"


def test_a_column_of_all_cars_may_go_with_some_of_them():
    class Some(Strategy):
        name: ClassVar[str] = "some"

        def orders(self, cars):
            return cars.orders(which=cars.soc < 2, max_kw=np.minimum(cars.charger_kw, 3.5))

    assert run(own=Some, days=1).import_kw.max() == pytest.approx(3.5)


def test_too_many_reasons_are_a_strategy_error():
    class Chatty(Strategy):
        name: ClassVar[str] = "chatty"

        def orders(self, cars):
            return [cars.orders(which=np.array([i]), reason=f"r{i} {cars.now[i]}") for i in range(len(cars))]

    with pytest.raises(StrategyError, match="reasons"):
        run(own=Chatty, users=300, habit=45, day=30, days=2)


def test_a_rule_that_says_it_is_asked_sometimes_is_refused():
    class Sometimes(Strategy):
        name: ClassVar[str] = "sometimes"
        asked: ClassVar[str] = "sometimes"

        def orders(self, cars):
            return cars.orders()

    with pytest.raises(StrategyError, match="asked"):
        run(own=Sometimes)

"""A contract check that any charging strategy can be run through, built-in or your own.

from evsim.testing import check_strategy
check_strategy(MyRule())
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import numpy as np

from evsim._battery import ChargeCurve, Wiring, hours_between
from evsim._chance import Chance, Purpose
from evsim._clock import Clock
from evsim._config.rules import key_of
from evsim._errors import LeverError, StrategyError
from evsim._scenario import Scenario
from evsim._series import Known, Series, Signal
from evsim._simulator import simulate
from evsim._units import HOURS_PER_DAY, SECONDS_PER_HOUR, Floats
from evsim.strategies import ChargingStrategy, Observation, Sight, ask, check_asked

_N_CARS = 40
_SEED = 20260112
_MOST_REASONS = 64
_ORDINARY = "2026-01-12T12:00"
_STARTS = (_ORDINARY, "2026-03-28T12:00", "2026-10-24T12:00")
_PENCE = 100
_MEAN_PRICE, _SWING, _DEAREST_HOUR, _PUBLISHED_HOUR = 0.20, 0.25, 17, 16
_CURVE = ChargeCurve.from_percent([(0, 100), (80, 100), (100, 30)])


def check_strategy(strategy: ChargingStrategy) -> None:
    """Run a strategy through its contract; raises StrategyError, naming what is broken, when it does not keep it.

    Checked: it has a name and says when it is asked; its orders are valid for one car and for many, for full
    and empty batteries; it leaves what it is shown unchanged; the same cars get the same orders; a strategy asked at
    plug-in treats each car for itself, whoever else plugs in; and a simulated population keeps every law with it,
    for three ordinary days, in which only the signals are known that it `needs`, and for three in which the clocks
    change and all are known, with the same result for every length of step.
    """
    _check_levers(strategy)
    cars = _some_cars(_N_CARS)
    together = _orders(strategy, cars)
    if together != _orders(strategy, cars):
        raise StrategyError(f"strategy {strategy.name!r}: asked twice about the same cars, it answers differently")
    if strategy.asked != "every_step":
        alone = [line for row in range(_N_CARS) for line in _orders(strategy, _some_cars(_N_CARS, only=row), row)]
        if sorted(alone) != sorted(together):
            raise StrategyError(
                f"strategy {strategy.name!r}: a car's orders depend on who else plugs in; "
                'a strategy that weighs cars against one another is asked = "every_step"'
            )
    _check_in_simulation(strategy)


def _check_levers(strategy: ChargingStrategy) -> None:
    if not isinstance(strategy, ChargingStrategy):
        raise StrategyError(f"{strategy!r} is not a strategy: it needs a name, asked and orders(cars)")
    if not strategy.name:
        raise StrategyError(f'{type(strategy).__name__} has no name; give it one: name = "my_rule"')
    check_asked(strategy)


def _check_in_simulation(strategy: ChargingStrategy) -> None:
    for start in _STARTS:
        sessions = []
        goes_by_steps = strategy.asked == "every_step" and not hasattr(strategy, "decide_every_minutes")
        for step_minutes in (30,) if goes_by_steps else (30, 10):
            scenario = Scenario.from_dict(_week(strategy, start, step_minutes))
            try:
                results = simulate(scenario)
                sessions.append(results.sessions)
            except LeverError as error:
                raise StrategyError(f"strategy {strategy.name!r} in the week of {start[:10]}: {error}") from error
            if len(results.events.reasons) > _MOST_REASONS:
                raise StrategyError(
                    f"strategy {strategy.name!r} gives too many reasons; a reason is one of a few words"
                )
        for other in sessions[1:]:
            drawn, again = sessions[0]["import_kwh"], other["import_kwh"]
            if not np.allclose(drawn, again, rtol=0, atol=1e-6):
                raise StrategyError(f"strategy {strategy.name!r}: what it charges depends on the length of a step")


def _week(strategy: ChargingStrategy, start: str, step_minutes: int) -> dict[str, Any]:
    car = {
        "miles_per_year": 9435, "battery_kwh": 60, "efficiency_miles_per_kwh": 3.5, "charger_kw": 7,
        "plug_in_frequency_per_day": 1, "target_soc_percent": 90, "plug_in_soc_percent": 40,
    }  # fmt: skip
    hours = {"evenings": ("18:00", "07:00"), "late": ("23:30", "05:30"), "always": ("00:00", "23:59")}
    people = [
        {"name": name, "population_percent": share, "plug_in_time": arrives, "plug_out_time": leaves, **car}
        for (name, (arrives, leaves)), share in zip(hours.items(), (50, 30, 20), strict=True)
    ]
    needs = {key_of(signal) for signal in getattr(strategy, "needs", ())}
    return {
        "simulation": {"start": start, "days": 3, "warm_up_days": 1, "step_minutes": step_minutes},
        "population_size": 30,
        "archetypes": people,
        "charging": {"default": strategy},
        **{key: day for key, day in _made_up_signals().items() if key in needs or start != _ORDINARY},
    }


def _made_up_signals() -> dict[str, Any]:
    """Of a day, hour by hour and in the units of a config; the price of import is below zero in the small hours."""

    def day(mean: float, swing: float) -> list[tuple[str, str, float]]:
        values = (mean + swing * _wave(np.arange(HOURS_PER_DAY, dtype=np.float64))).tolist()
        return [(f"{h:02d}:00", f"{(h + 1) % HOURS_PER_DAY:02d}:00", value) for h, value in enumerate(values)]

    return {
        "import_price": day(_PENCE * _MEAN_PRICE, _PENCE * _SWING),
        "export_price": day(5, 4),
        "carbon_intensity": day(150, 100),
        "demand": day(20, 15),
    }


def _wave(hour: Floats) -> Floats:
    """(n,) from 1 in the afternoon to -1 twelve hours from then."""
    return np.asarray(np.cos((hour - _DEAREST_HOUR) / HOURS_PER_DAY * 2 * np.pi))


def _orders(strategy: ChargingStrategy, cars: Observation, first_row: int = 0) -> list[tuple[Any, ...]]:
    """What it orders, as comparable lines."""
    lines: list[tuple[Any, ...]] = []
    for orders in ask(strategy, cars, cars.now):
        columns = (orders.row + first_row, orders.max_kw, orders.until_soc, orders.start, orders.stop)
        lines += [(*line, orders.reason) for line in zip(*(c.tolist() for c in columns), strict=True)]
    return lines


def _some_cars(n: int, only: int | None = None) -> Observation:
    """Cars of many kinds: tiny and huge, empty and full, early and late, in the week of an ordinary January."""
    luck = np.random.default_rng(_SEED)
    clock = Clock.of(dt.datetime(2026, 1, 12, 12), 7, 30, "Europe/London")  # noqa: DTZ001 - local, by contract
    now = np.sort(luck.integers(0, 24 * SECONDS_PER_HOUR, n)).astype(np.float64)
    soc = luck.random(n)
    soc[:2] = 0.0, 1.0
    columns = {
        "now": now,
        "user_id": np.arange(n),
        "archetype": luck.integers(0, 2, n),
        "soc": soc,
        "target_soc": np.maximum(luck.random(n), 0.1),
        "capacity_kwh": luck.uniform(20, 110, n),
        "charger_kw": luck.choice([2.3, 7.0, 7.4, 22.0], n),
        "efficiency": luck.uniform(0.85, 0.95, n),
        "is_charging": np.zeros(n, np.bool_),
        "is_discharging": np.zeros(n, np.bool_),
        "order_kw": np.zeros(n),
        "discharge_kw": luck.choice([0.0, 5.0], n),
        "discharging_efficiency": np.full(n, 0.95),
        "v2g_reserve_soc": np.full(n, 0.3),
        "wear_gbp_per_kwh": np.full(n, 0.03),
        "flat_to_soc": np.full(n, _CURVE.is_flat_to),
        "plugged_in_at": now.copy(),
        "expected_departure": now + luck.uniform(60, 30 * SECONDS_PER_HOUR, n),
    }
    rows = np.arange(n) if only is None else np.array([only])
    here = {name: column[rows] for name, column in columns.items()}
    sight = Sight(_reader(here), _hours(here), _known(clock, float(now[0])), _luck(rows))
    return Observation(len(rows), sight, clock, ("one", "another"))


def _reader(columns: dict[str, Any]) -> Callable[[str], Any]:
    return lambda name: columns[name].copy()


def _hours(columns: dict[str, Any]) -> Callable[[Floats, Floats, Floats], Floats]:
    wiring = Wiring(columns["charger_kw"], columns["efficiency"] / columns["capacity_kwh"])
    return lambda soc, to, max_kw: hours_between(_CURVE, wiring, soc, to, max_kw)


def _known(clock: Clock, at_s: float) -> Callable[[str], Known | None]:
    """Prices of a made-up week, dearest at five in the afternoon, a few of them below zero."""
    edges = np.arange(clock.warm_up_s, clock.end_s + 1, clock.step_s).astype(np.float64)
    hour = clock.local(edges[:-1])[1] / SECONDS_PER_HOUR
    series = Series(edges, _MEAN_PRICE + _SWING * _wave(hour))
    signal = Signal(clock, series, series, _PUBLISHED_HOUR * SECONDS_PER_HOUR)
    return lambda name: signal.known_at(at_s)  # noqa: ARG005 - a price is as good as any


def _luck(rows: Any) -> Callable[[Purpose], Floats]:  # noqa: ANN401 - user numbers
    return lambda why: Chance(_SEED).uniform(why, _N_CARS)[rows]

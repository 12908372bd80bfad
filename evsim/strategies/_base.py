"""The narrow door between a charging strategy and the world.

A strategy is asked with an `Observation` (what a real charger would know about some connected cars)
and answers with `Orders`. It never sees the population, the future, or when people really leave.
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal, Protocol, TypeAlias, get_args, runtime_checkable

import numpy as np
from pydantic import BaseModel, ConfigDict

from evsim._clock import Clock
from evsim._errors import StrategyError
from evsim._series import Known
from evsim._typed_in.settings import Whole, setting
from evsim._units import Anything, Floats
from evsim.strategies._observation import Observation
from evsim.strategies._orders import NEVER, Orders

Asked: TypeAlias = Literal["at_plug_in", "at_news", "every_step"]
_OURS = "evsim.strategies."
DECIDE_EVERY_MINUTES = 30
"""A settlement period."""


@runtime_checkable
class ChargingStrategy(Protocol):
    """Anything that turns an `Observation` into `Orders`.

    `asked` says when: once for each plug-in (the orders then stand until the car leaves); at plug-in and whenever
    prices or the like are published; or when every step begins, about all connected cars. Each answer replaces the
    one before.
    """

    name: ClassVar[str]
    asked: ClassVar[Asked]

    def orders(self, cars: Observation) -> Orders | Iterable[Orders]:
        """The orders for these cars."""
        ...


class Strategy(BaseModel):
    """The usual way to write a strategy: its fields are its settings in the config.

    Subclass it, give it a `name`, and write either `orders(cars)` (all cars at once) or, in a subclass of
    `PerCarStrategy`, `order(car)` (one at a time).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: ClassVar[str] = ""
    asked: ClassVar[Asked] = "at_plug_in"
    needs: ClassVar[tuple[str, ...]] = ()
    """Signals that it cannot do without, as in `("import_price",)`."""
    can_hurry: ClassVar[bool] = False
    """Whether its cars may charge before it would have them, where a limit for the fleet leaves no room later."""
    sees_full_cars: ClassVar[bool] = True
    """Whether it is asked, when it is asked again, about cars that have reached their target too."""

    def orders(self, cars: Observation) -> Orders | Iterable[Orders]:
        """The orders for these cars."""
        raise NotImplementedError(f"strategy {self.name!r} has neither orders() nor order()")


class FleetStrategy(Strategy):
    """A strategy that weighs all connected cars against one another, at an interval of its own."""

    asked: ClassVar[Asked] = "every_step"
    decide_every_minutes: Whole = setting(
        "How often it decides: a multiple of step_minutes that divides a day.", "min", DECIDE_EVERY_MINUTES, ge=1
    )


@dataclass(frozen=True, slots=True)
class Order:
    """One car's order: see `Orders`; `start` None is now, `until_soc` None the driver's target."""

    max_kw: float = np.inf
    until_soc: float | None = None
    start: float | None = None
    stop: float = NEVER
    reason: str = "ordered"
    stop_reason: str = "order_ended"


class Car:
    """One row of an `Observation`: the same names, as plain numbers."""

    __slots__ = ("_cars", "_row")

    def __init__(self, cars: Observation, row: int) -> None:
        self._cars, self._row = cars, row

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - a number or a switch
        return getattr(self._cars, name)[self._row].item()

    @property
    def archetype(self) -> str:
        """The archetype's name."""
        return self._cars.archetype_names[int(self._cars.archetype[self._row])]

    @property
    def clock(self) -> Clock:
        """Turns seconds into local time and back."""
        return self._cars.clock

    @property
    def import_price(self) -> Known | None:
        """What is known of the price of import [GBP/kWh]."""
        return self._cars.import_price

    @property
    def export_price(self) -> Known | None:
        """What is known of the price of export [GBP/kWh]."""
        return self._cars.export_price

    @property
    def carbon_intensity(self) -> Known | None:
        """What is known of the carbon intensity [g/kWh]."""
        return self._cars.carbon_intensity

    @property
    def demand_kw(self) -> Known | None:
        """What is known of the demand of everything but the cars [kW]."""
        return self._cars.demand_kw

    def hours_to(self, soc: float) -> float:
        """Time to reach `soc` [0-1] from now at the charger's full power [h]."""
        return float(self._cars.hours_to(np.full(len(self._cars), soc))[self._row])


class PerCarStrategy(Strategy):
    """A strategy written for one car at a time: simpler, and slower (a Python call for each plug-in)."""

    def order(self, car: Car) -> Order | None:
        """The order for this car; None leaves it uncharged."""
        raise NotImplementedError(f"strategy {self.name!r} has neither orders() nor order()")

    def orders(self, cars: Observation) -> Iterable[Orders]:
        """The orders for these cars, asked one by one."""
        for row in range(len(cars)):
            order = self.order(Car(cars, row))
            if order is not None:
                yield cars.orders(
                    which=np.array([row]),
                    max_kw=order.max_kw,
                    until_soc=order.until_soc,
                    start=order.start,
                    stop=order.stop,
                    reason=order.reason,
                    stop_reason=order.stop_reason,
                )


def ask(strategy: ChargingStrategy, cars: Observation, now: Floats) -> list[Orders]:
    """The checked orders of a strategy for cars observed at `now` (n,).

    Raises StrategyError, with the place in the strategy's own file, when it breaks its contract or fails.
    """
    with blaming(strategy):
        answer = strategy.orders(cars)
        given = [answer] if isinstance(answer, Orders) else list(() if answer is None else answer)
    if answer is None:
        raise StrategyError(f"strategy {strategy.name!r} answered with nothing; return cars.orders(...), or []")
    return checked(strategy, given, now)


@contextmanager
def blaming(strategy: ChargingStrategy) -> Iterator[None]:
    """Whatever fails inside is a `StrategyError` that names the place in the strategy's own file."""
    try:
        yield
    except StrategyError:
        raise
    except Exception as error:
        place = _place_of(error, type(strategy))
        raise StrategyError(f"strategy {strategy.name!r}{place}: {type(error).__name__}: {error}") from error


def checked(strategy: ChargingStrategy, given: list[Orders], now: Floats) -> list[Orders]:
    """Orders for cars observed at `now` (n,); raises StrategyError when they break the contract."""
    for orders in given:
        _check_orders(orders, now, strategy.name)
    return given


def is_built_in(strategy: ChargingStrategy) -> bool:
    """Whether a strategy, with all that it goes round, is evsim's own and remembers nothing."""
    if not type(strategy).__module__.startswith(_OURS):
        return False
    inner = getattr(strategy, "inner", None)
    return all(map(is_built_in, getattr(strategy, "rules", ()) if inner is None else (inner,)))


def check_asked(strategy: ChargingStrategy) -> None:
    """Raise a `StrategyError` when a strategy does not say when it is asked."""
    if strategy.asked not in get_args(Asked):
        raise StrategyError(
            f'strategy {strategy.name!r}: asked is {strategy.asked!r}, not "at_plug_in", "at_news" or "every_step"'
        )


def _place_of(error: BaseException, rule: type) -> str:
    """` (my_rules.py, line 12)`: the last place in the strategy's own file that an error comes through."""
    own = getattr(sys.modules.get(rule.__module__), "__file__", None)
    lines = [line for frame, line in traceback.walk_tb(error.__traceback__) if frame.f_code.co_filename == own]
    return f" ({Path(own).name}, line {lines[-1]})" if own and lines else ""


def _check_orders(orders: Orders, now: Floats, name: str) -> None:
    """Raise a `StrategyError` that says how orders for cars observed at `now` (n,) break the contract."""
    if not isinstance(orders, Orders):
        raise StrategyError(
            f"strategy {name!r} answered with {type(orders).__name__}; answer with Orders (see cars.orders())"
        )
    columns = (orders.row, orders.max_kw, orders.until_soc, orders.start, orders.stop)
    if not all(isinstance(column, np.ndarray) and column.shape == (len(orders.row),) for column in columns):
        raise StrategyError(f"strategy {name!r}: the columns of its orders must be arrays of one length")
    if not all(column.dtype.kind in "fiu" for column in columns):
        raise StrategyError(f"strategy {name!r}: the columns of its orders must be numbers")
    if not (isinstance(orders.reason, str) and isinstance(orders.stop_reason, str)):
        raise StrategyError(f"strategy {name!r}: reason and stop_reason must be text")
    row, n = orders.row, len(now)
    if row.dtype.kind not in "iu" or ((row < 0) | (row >= n)).any():
        raise StrategyError(f"strategy {name!r}: a row is not the number of one of the {n} cars it was asked about")
    kept = (orders.max_kw > -np.inf) & (orders.until_soc >= 0) & (orders.until_soc <= 1)
    kept &= np.isfinite(orders.start) & (orders.start >= now[row]) & (orders.stop > orders.start)
    if not kept.all():
        first = int(np.argmin(kept))
        raise StrategyError(
            f"strategy {name!r}: an order of max_kw {orders.max_kw[first]:g} until_soc {orders.until_soc[first]:g} "
            f"from {orders.start[first]:g} s to {orders.stop[first]:g} s, asked at {now[row[first]]:g} s; max_kw must "
            "be a power (negative to discharge), until_soc 0 to 1, start not before the asking, and stop after start"
        )
    if (row[1:] <= row[:-1]).any() and _has_twins(row, orders.start):
        raise StrategyError(f"strategy {name!r}: two orders for one car begin at the same instant")


def _has_twins(row: Anything, start: Anything) -> bool:
    """Whether two orders are for one car and from one instant."""
    order = np.lexsort((start, row))
    row, start = row[order], start[order]
    return bool(((row[1:] == row[:-1]) & (start[1:] == start[:-1])).any())

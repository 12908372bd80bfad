"""What a strategy is asked with: what a real charger would know about some connected cars."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar, NamedTuple, TypeAlias

import numpy as np

from evsim._chance import Purpose
from evsim._clock import Clock
from evsim._series import Known
from evsim._units import Anything, Bools, Floats, Ints
from evsim.strategies._orders import NEVER, Orders

Column: TypeAlias = "np.ndarray[Any, Any]"


class Sight(NamedTuple):
    """How an observation sees the world.

    read : a column by name; hours : of charging from one SoC to another with a most power, each (n,);
    known : what is known of a signal by name; luck : (n,) uniforms of a purpose; part : the same of some rows, which
    gathers no more than them
    """

    read: Callable[[str], Column]
    hours: Callable[[Floats, Floats, Floats], Floats]
    known: Callable[[str], Known | None]
    luck: Callable[[Purpose], Floats]
    part: Callable[[Ints | slice], Sight] | None = None

    def of(self, rows: Ints | slice, n: int) -> Sight:
        """The same of some of `n` rows."""
        if self.part is not None:
            return self.part(rows)

        def hours(soc: Floats, to: Floats, max_kw: Floats) -> Floats:
            everybody = [np.zeros(n) for _ in range(3)]
            for column, some in zip(everybody, (soc, to, max_kw), strict=True):
                column[rows] = some
            return self.hours(*everybody)[rows]

        return Sight(lambda name: self.read(name)[rows], hours, self.known, lambda why: self.luck(why)[rows])

    def but(self, columns: dict[str, Column]) -> Sight:
        """The same with other values in some columns."""

        def read(name: str) -> Column:
            return columns[name].copy() if name in columns else self.read(name)

        def part(rows: Ints | slice) -> Sight:
            some = {name: column[rows] for name, column in columns.items()}
            return self.of(rows, len(next(iter(columns.values())))).but(some)

        return self._replace(read=read, part=part)


class Observation:
    """What a charger knows about the cars it is asked about; arrays of shape (n,), read-only.

    `now` [s]            the moment of asking, car by car: seconds since the run's start
    `user_id`            who: to remember a car between askings
    `archetype`          index into `archetype_names`
    `soc`                state of charge [0-1]
    `target_soc`         what the driver asked for [0-1]
    `capacity_kwh`       usable capacity [kWh]
    `charger_kw`         the most the charger draws at the meter [kW]
    `efficiency`         battery energy per energy at the meter [0-1]
    `is_charging`        whether power flows in already
    `is_discharging`     whether power flows out
    `order_kw`           the most power that is ordered while it flows, negative out of the battery; else 0 [kW]
    `discharge_kw`       the most the car gives back at the meter, 0 where it cannot [kW]
    `discharging_efficiency`  energy at the meter per battery energy [0-1]
    `v2g_reserve_soc`    below this it gives nothing back [0-1]
    `wear_gbp_per_kwh`   what a kWh out of the battery costs in wear [GBP/kWh]
    `flat_to_soc`        up to this it charges with one power, from empty [0-1]
    `plugged_in_at` [s]  when the cable went in
    `expected_departure` [s]  when the driver usually leaves; the real departure is not known

    What is known of prices and the like is a staircase (`Known`) or None: `import_price` and `export_price` [GBP/kWh],
    `carbon_intensity` [g/kWh], `demand_kw` (of everything but the cars). Later values than are published are estimates.

    `clock` turns those seconds into local time and back. `hours_to(soc)` is how long charging takes. Columns are
    gathered when first read, so an unread one costs nothing.
    """

    COLUMNS: ClassVar[tuple[str, ...]] = (
        "now",
        "user_id",
        "archetype",
        "soc",
        "target_soc",
        "capacity_kwh",
        "charger_kw",
        "efficiency",
        "is_charging",
        "is_discharging",
        "order_kw",
        "discharge_kw",
        "discharging_efficiency",
        "v2g_reserve_soc",
        "wear_gbp_per_kwh",
        "flat_to_soc",
        "plugged_in_at",
        "expected_departure",
    )
    SIGNALS: ClassVar[tuple[str, ...]] = ("import_price", "export_price", "carbon_intensity", "demand_kw")

    now: Floats
    user_id: Ints
    archetype: Ints
    soc: Floats
    target_soc: Floats
    capacity_kwh: Floats
    charger_kw: Floats
    efficiency: Floats
    is_charging: Bools
    is_discharging: Bools
    order_kw: Floats
    discharge_kw: Floats
    discharging_efficiency: Floats
    v2g_reserve_soc: Floats
    wear_gbp_per_kwh: Floats
    flat_to_soc: Floats
    plugged_in_at: Floats
    expected_departure: Floats
    import_price: Known | None
    export_price: Known | None
    carbon_intensity: Known | None
    demand_kw: Known | None
    clock: Clock
    archetype_names: tuple[str, ...]
    _n: int
    _sight: Sight

    def __init__(self, n: int, sight: Sight, clock: Clock, archetype_names: Sequence[str]) -> None:
        self.__dict__.update(_n=n, _sight=sight, clock=clock, archetype_names=tuple(archetype_names))

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"an Observation is for reading; {name} cannot be set")

    def __len__(self) -> int:
        return self._n

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - a column or a signal
        if name in Observation.SIGNALS:
            self.__dict__[name] = known = self._sight.known(name)
            return known
        if name not in Observation.COLUMNS:
            names = ", ".join((*self.COLUMNS, *self.SIGNALS))
            raise AttributeError(f"an Observation has no {name!r}; it has {names}")
        column = self._sight.read(name)
        column.flags.writeable = False
        self.__dict__[name] = column
        return column

    def hours_to(self, soc: Floats, max_kw: Floats | None = None) -> Floats:
        """Time to reach `soc` (n,) with power up to `max_kw` (n,) or the charger's [h]; 0 where it is reached."""
        return self._sight.hours(self.soc, soc, self.charger_kw if max_kw is None else max_kw)

    def luck(self, purpose: Purpose) -> Floats:
        """(n,) uniforms in (0, 1): a car's are the same all day, for one purpose, whoever else is asked about."""
        return self._sight.luck(purpose)

    def of(self, rows: Anything | slice) -> Observation:
        """The same about some of the cars (a mask, row numbers, or a slice)."""
        if isinstance(rows, slice):
            n = len(range(*rows.indices(self._n)))
        else:
            rows = np.arange(self._n)[rows]
            n = len(rows)
        return Observation(n, self._sight.of(rows, self._n), self.clock, self.archetype_names)

    def but(self, **columns: Column) -> Observation:
        """The same with other values in some columns, as in `cars.but(expected_departure=earlier)`."""
        return Observation(self._n, self._sight.but(columns), self.clock, self.archetype_names)

    def orders(
        self,
        *,
        which: Bools | Ints | None = None,
        max_kw: Floats | float = np.inf,
        until_soc: Floats | float | None = None,
        start: Floats | float | None = None,
        stop: Floats | float = NEVER,
        reason: str = "ordered",
        stop_reason: str = "order_ended",
    ) -> Orders:
        """Orders for the cars `which` (a mask or row numbers; all when left out), with usual defaults.

        A value is one for all, or a column: of the chosen cars, or of all, from which theirs are taken.

        max_kw : the most power, at the meter [kW]; full power by default, negative to give it back down to `until_soc`
        until_soc : charge no further than this [0-1]; each car's target by default
        start, stop : when [s since the run's start]; from now and without end by default
        """
        rows = np.arange(self._n) if which is None else np.arange(self._n)[which]

        def column(value: Floats | float) -> Floats:
            if isinstance(value, np.ndarray) and value.shape == (self._n,) and len(rows) != self._n:
                value = value[rows]
            filled = np.empty(len(rows))
            filled[:] = value
            return filled

        return Orders(
            row=rows,
            max_kw=column(max_kw),
            until_soc=self.target_soc[rows] if until_soc is None else column(until_soc),
            start=self.now[rows] if start is None else column(start),
            stop=column(stop),
            reason=reason,
            stop_reason=stop_reason,
        )

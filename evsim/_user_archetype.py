"""A kind of people: one row of the archetype sheet."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from pydantic import Field

from evsim._clock import Clock
from evsim._config.parts import Battery
from evsim._config.sheet import rename
from evsim._population import Population
from evsim._spawn import clock_by_hand, spawn
from evsim._typed_in.faults import Fault, printable, show
from evsim._typed_in.settings import (
    GivenHours,
    GivenKw,
    GivenKwh,
    GivenPercent,
    Kw,
    Kwh,
    Miles,
    Name,
    Percent,
    Plain,
    Settings,
    TimeOfDay,
    attempt,
    setting,
)
from evsim._typed_in.values import as_time, show_time
from evsim._units import DAYS_PER_YEAR, SECONDS_PER_HOUR, SECONDS_PER_MINUTE

MOST_NAME = 80
LEAST_BATTERY_KWH = 1.0
"""The smallest electric quadricycles hold about 5 kWh; less is kWh for MWh, or a slip."""
LEAST_CHARGER_KW = 0.1
"""A tenth of the weakest domestic socket (10 A at 100 V); less charges nothing in a night."""
LEAST_MILES_PER_KWH = 0.1
"""A laden electric lorry drives about half a mile with a kWh."""
LEAST_PLUG_INS_PER_DAY = 0.001
"""Once in three years: rarer than that nobody of a sensible population is ever seen to plug in."""
_LOOKS_LIKE_FRACTION = 1.0


def seconds_of(time: dt.time) -> int:
    """Seconds after local midnight."""
    return time.hour * SECONDS_PER_HOUR + time.minute * SECONDS_PER_MINUTE + time.second


class Formula(NamedTuple):
    """A derived column of the sheet: its value from the other columns, and the working."""

    value: float
    working: str


def _kwh_per_year(row: Mapping[str, Any]) -> Formula:
    miles, efficiency = row["miles_per_year"], row["efficiency_miles_per_kwh"]
    return Formula(miles / efficiency, f"{miles:,.10g} miles / {efficiency:g}")


def _kwh_per_plug_in(row: Mapping[str, Any]) -> Formula:
    year, frequency = _kwh_per_year(row), row["plug_in_frequency_per_day"]
    return Formula(
        year.value / DAYS_PER_YEAR / frequency,
        f"{year.working} / {DAYS_PER_YEAR} days / {frequency:g} per day",
    )


def _soc_requirement_percent(row: Mapping[str, Any]) -> Formula:
    need, battery = _kwh_per_plug_in(row), row["battery_kwh"]
    return Formula(100 * need.value / battery, f"100 x {need.working} / {battery:g} kWh")


def _plug_in_soc_percent(row: Mapping[str, Any]) -> Formula:
    need, target = _soc_requirement_percent(row), row["target_soc_percent"]
    return Formula(target - need.value, f"{target:g} - {need.working}")


def _charging_duration_hours(row: Mapping[str, Any]) -> Formula:
    need, charger = _kwh_per_plug_in(row), row["charger_kw"]
    return Formula(need.value / charger, f"{need.working} / {charger:g} kW")


FORMULAS = {
    "kwh_per_year": _kwh_per_year,
    "kwh_per_plug_in": _kwh_per_plug_in,
    "plug_in_soc_percent": _plug_in_soc_percent,
    "soc_requirement_percent": _soc_requirement_percent,
    "charging_duration_hours": _charging_duration_hours,
}
"""The derived columns of the sheet: kWh at the battery, without charging losses."""


def _derived_plug_in_soc(row: dict[str, Any]) -> float:
    """From the other columns; where one of them is faulty, which is told, anything will do."""
    try:
        return max(0.0, _plug_in_soc_percent(row).value)
    except KeyError:
        return 0.0


def last_decimal(value: float) -> float:
    """The unit of the last decimal that was given: 1 for 52, 0.1 for 2.5, 0.01 for 1.05."""
    mantissa, _, exponent = repr(value).partition("e")
    decimals = mantissa.partition(".")[2].rstrip("0")
    return float(10.0 ** min(0, int(exponent or 0) - len(decimals)))


class UserArchetype(Settings):
    """One kind of people. Derived columns of the sheet may be given; they are checked, not used."""

    name: Name = setting("What these people are called.", "text", min_length=1, max_length=MOST_NAME)
    population_percent: Percent = setting("Share of the population.", "%", ge=0, le=100)
    miles_per_year: Miles = setting("Miles driven in a year of 365 days.", "miles", ge=0, le=500_000)
    battery_kwh: Kwh = setting("Usable battery capacity.", "kWh", ge=LEAST_BATTERY_KWH, le=1_000)
    efficiency_miles_per_kwh: Plain = setting(
        "Miles driven with one kWh of the battery.", "miles/kWh", ge=LEAST_MILES_PER_KWH, le=100
    )
    plug_in_frequency_per_day: Plain = setting(
        "Plug-ins per day. 1 is every evening, 0.2 every fifth on average.", "per day", ge=LEAST_PLUG_INS_PER_DAY, le=1
    )
    charger_kw: Kw = setting("Most power of the charger, at the meter.", "kW", ge=LEAST_CHARGER_KW, le=500)
    plug_in_time: TimeOfDay = setting("Usual local time of plugging in.", "local time")
    plug_out_time: TimeOfDay = setting(
        "Usual local time of unplugging. On the next day, if it is before plug_in_time.", "local time"
    )
    target_soc_percent: Percent = setting("State of charge to stop at, a percentage of the battery.", "%", gt=0, le=100)
    plug_in_soc_percent: Percent = Field(
        default_factory=_derived_plug_in_soc,
        description="State of charge at plug-in, a percentage of the battery. Left out: "
        "target_soc_percent less what was driven since the last plug-in "
        "(miles_per_year / 365 / efficiency / frequency / battery).",
        ge=0,
        le=100,
        json_schema_extra={"unit": "%"},
    )
    v2g_percent: Percent = setting(
        "Share of these people whose car and charger can give power back (vehicle to grid).", "%", 0, ge=0, le=100
    )
    discharge_kw: GivenKw = setting(
        "Most power that such a car gives back, at the meter. Left out: charger_kw.", "kW", None, le=500
    )
    v2g_reserve_soc_percent: Percent = setting(
        "State of charge below which such a car gives nothing back.", "%", 30, ge=0, le=100
    )
    charging_duration_hours: GivenHours = setting("Derived and only checked: kwh_per_plug_in / charger_kw.", "h", None)
    kwh_per_year: GivenKwh = setting("Derived and only checked: miles_per_year / efficiency.", "kWh", None)
    kwh_per_plug_in: GivenKwh = setting("Derived and only checked: kwh_per_year / 365 / frequency.", "kWh", None)
    soc_requirement_percent: GivenPercent = setting(
        "Derived and only checked: kwh_per_plug_in / battery_kwh.", "%", None
    )

    @classmethod
    def prepare(cls, given: Any, context: Any) -> tuple[Any, list[Fault]]:  # noqa: ARG003 - not every part needs it
        """The row under its settings' names, without empty optional ones."""
        if not isinstance(given, Mapping):
            return given, []
        row, _, repeated = rename(given)
        faults = [Fault((h,), f"means the same as {show(first)}; keep one") for h, first in repeated.items()]
        return {key: value for key, value in row.items() if value is not None or key not in FORMULAS}, faults

    @classmethod
    def cross_check(cls, given: Any) -> Iterable[Fault]:
        """A car must leave at some time."""
        plug_in, plug_out = (attempt(as_time, given.get(key)) for key in ("plug_in_time", "plug_out_time"))
        if plug_in is not None and plug_in == plug_out:
            before = (dt.datetime.combine(dt.date.min, plug_in) + dt.timedelta(days=1, minutes=-1)).time()
            yield Fault(
                ("plug_out_time",),
                f'"{show_time(plug_in)}" is also plug_in_time, so the car never leaves; for a car that is '
                f'nearly always plugged in write "{show_time(before)}"',
            )

    @property
    def target_soc(self) -> float:
        """State of charge to stop at [0-1]."""
        return self.target_soc_percent / 100

    @property
    def plug_in_soc(self) -> float:
        """State of charge at plug-in [0-1]."""
        return self.plug_in_soc_percent / 100

    @property
    def plug_in_s(self) -> int:
        """Usual plug-in [s after local midnight]."""
        return seconds_of(self.plug_in_time)

    @property
    def plug_out_s(self) -> int:
        """Usual plug-out [s after local midnight]."""
        return seconds_of(self.plug_out_time)

    def spawn(self, n: int, battery: Battery | None = None, clock: Clock | None = None) -> Population:
        """`n` people of this kind, unplugged, with their battery at `plug_in_soc_percent`.

        battery : efficiency and charge curve, the config's defaults when left out; clock : the time axis of their
        log, the year 2026 in UTC when left out
        """
        people = spawn([self], [n], battery or Battery(), clock or clock_by_hand())
        people.open_books()
        return people

    @property
    def need_kwh(self) -> float:
        """What a session has to charge, at the battery [kWh]."""
        return max(0.0, self.target_soc - self.plug_in_soc) * self.battery_kwh

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is probably not meant: derived columns that disagree with the others, and odd targets."""
        return tuple(printable(text) for text in (*self._disagreements(), *self._oddities()))

    def _disagreements(self) -> Iterable[str]:
        row = {key: getattr(self, key) for key in type(self).model_fields}
        for key, formula in FORMULAS.items():
            given = row[key]
            if given is None:
                continue
            due = formula(row)
            if key == "plug_in_soc_percent" and given == 0 and due.value < 0:
                yield f"{key} is 0: a plug-in would find the battery at {due.value:.4g} = {due.working}"
            elif abs(given - due.value) >= last_decimal(given) * (1 - 1e-9):
                yield f"{key} is {given:,.10g}, but the other columns give {due.value:,.6g} = {due.working}"

    def _oddities(self) -> Iterable[str]:
        if self.target_soc_percent <= _LOOKS_LIKE_FRACTION:
            meant = 100 * self.target_soc_percent
            yield f"target_soc_percent is {self.target_soc_percent:g} of 100; is {meant:g} meant?"
        if self.v2g_percent and self.v2g_reserve_soc_percent >= self.target_soc_percent:
            yield (
                f"v2g_reserve_soc_percent ({self.v2g_reserve_soc_percent:g}) is not under target_soc_percent "
                f"({self.target_soc_percent:g}), so these cars hardly ever have anything to give"
            )
        if self.plug_in_soc_percent >= self.target_soc_percent:
            yield (
                f"plug_in_soc_percent ({self.plug_in_soc_percent:g}) is not under target_soc_percent "
                f"({self.target_soc_percent:g}), so there is nothing to charge at it"
            )

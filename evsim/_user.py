"""One person: a window onto one row of a `Population`, with the same verbs."""

from __future__ import annotations

from numbers import Real
from typing import TYPE_CHECKING

import numpy as np

from evsim._errors import LeverError
from evsim._event_log import EventLog
from evsim._flows import Order
from evsim._units import Floats, Who

if TYPE_CHECKING:
    from evsim._population import Population


class User:
    """A person with a car and a charger, who decides nothing: levers to pull and reports to read.

    Everything is read from and written to the population's columns. A lever pulled in an impossible state is a
    `LeverError` that says so and changes nothing. Time passes with `population.wait(hours=...)` or a `Simulator`.
    """

    __slots__ = ("_i", "_people")

    def __init__(self, population: Population, index: int) -> None:
        self._people = population
        self._i = index

    def __repr__(self) -> str:
        state = (
            "charging"
            if self.is_charging
            else "discharging"
            if self.is_discharging
            else "plugged in"
            if self.is_plugged_in
            else "away"
        )
        return f"<User {self._i} ({self.archetype}): {self.soc:.1%}, {state}>"

    # ---- reports

    @property
    def user_id(self) -> int:
        """The row in the population, and the `user_id` of the files."""
        return self._i

    @property
    def archetype(self) -> str:
        """The name of the archetype."""
        return self._people.archetype_names[int(self._people.archetype[self._i])]

    @property
    def soc(self) -> float:
        """State of charge [0-1]."""
        return float(self._people.soc[self._i])

    @property
    def target_soc(self) -> float:
        """What the driver asks for [0-1]."""
        return float(self._people.target_soc[self._i])

    @property
    def capacity_kwh(self) -> float:
        """Usable capacity [kWh]."""
        return float(self._people.capacity_kwh[self._i])

    @property
    def charger_kw(self) -> float:
        """The most the charger draws at the meter [kW]."""
        return float(self._people.charger_kw[self._i])

    @property
    def is_plugged_in(self) -> bool:
        """Whether the cable is in."""
        return bool(self._people.is_plugged_in[self._i])

    @property
    def is_charging(self) -> bool:
        """Whether power flows in."""
        return bool(self._people.is_charging[self._i])

    @property
    def discharge_kw(self) -> float:
        """The most the car gives back at the meter [kW]; 0 where it cannot."""
        return float(self._people.discharge_kw[self._i])

    @property
    def is_discharging(self) -> bool:
        """Whether power flows out."""
        return bool(self._people.is_discharging[self._i])

    @property
    def power_kw(self) -> float:
        """Power at the meter now [kW]; negative while the car gives it back."""
        return float(self._people.power_kw(self._who)[0])

    @property
    def log(self) -> EventLog:
        """What has happened to this user."""
        return self._people.events.of(self._i)

    # ---- levers

    def plug_in(self) -> None:
        """Connect; nothing flows yet."""
        self._people.plug_in(self._lever, self._people.now_s)

    def plug_out(self) -> None:
        """Disconnect; power that flows is stopped first."""
        self._people.plug_out(self._lever, self._people.now_s)

    def start_charging(self, kw: float | None = None, until_soc: float = 1.0) -> None:
        """Charge with at most `kw` [kW at the meter; the charger's power by default] up to `until_soc` [0-1].

        On a car that charges already this changes its power and goal; one that gives power back stops that first.
        """
        power = self.charger_kw if kw is None else kw
        order = Order(_column(power), _column(until_soc), _column(np.inf), 0)
        self._people.start_charging(self._lever, _column(self._people.now_s), order)

    def stop_charging(self) -> None:
        """Stop charging; the plug stays in."""
        self._people.stop_charging(self._lever, self._people.now_s)

    def start_discharging(self, kw: float | None = None, until_soc: float = 0.0) -> None:
        """Give back at most `kw` [kW at the meter; all the car can by default] down to `until_soc`, or its reserve.

        On a car that does so already this changes its power and goal; one that charges stops that first.
        """
        power = self.discharge_kw if kw is None else kw
        floor, reserve = _column(until_soc), self._people.v2g_reserve_soc[self._who]
        floor = np.where(floor >= 0, np.maximum(floor, reserve), floor)
        order = Order(-_column(power), floor, _column(np.inf), 0)
        self._people.start_discharging(self._lever, _column(self._people.now_s), order)

    def stop_discharging(self) -> None:
        """Stop giving power back; the plug stays in."""
        self._people.stop_discharging(self._lever, self._people.now_s)

    def drive(self, kwh: float) -> None:
        """Drive `kwh` out of the battery [kWh]."""
        self._people.drive(self._lever, self._people.now_s, _column(kwh))

    @property
    def _who(self) -> Who:
        return np.array([self._i], np.int64)

    @property
    def _lever(self) -> Who:
        """The same, for those who would change something."""
        self._people.check_open()
        return self._who


def _column(value: float) -> Floats:
    if not isinstance(value, Real):
        raise LeverError(f"{value!r} is not a number; a power is in kW, an energy in kWh, a state of charge 0 to 1")
    return np.array([value], np.float64)

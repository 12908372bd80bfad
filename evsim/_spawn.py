"""Archetypes become people."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from evsim._battery import ChargeCurve
from evsim._clock import Clock
from evsim._population import Population
from evsim._units import Floats

if TYPE_CHECKING:
    from evsim._config.parts import Battery
    from evsim._user_archetype import UserArchetype


def spawn(archetypes: Sequence[UserArchetype], counts: Sequence[int], battery: Battery, clock: Clock) -> Population:
    """`counts` users of each archetype, in that order, unplugged, at their archetype's plug-in SoC."""

    def column(values: list[float]) -> Floats:
        return np.repeat(np.array(values, np.float64), counts)

    return Population(
        archetype=np.repeat(np.arange(len(archetypes)), counts),
        archetype_names=tuple(archetype.name for archetype in archetypes),
        capacity_kwh=column([archetype.battery_kwh for archetype in archetypes]),
        charger_kw=column([archetype.charger_kw for archetype in archetypes]),
        efficiency=column([battery.charging_efficiency] * len(archetypes)),
        target_soc=column([archetype.target_soc for archetype in archetypes]),
        soc=column([archetype.plug_in_soc for archetype in archetypes]),
        curve=ChargeCurve.from_percent(battery.charge_curve),
        clock=clock,
    )


def clock_by_hand() -> Clock:
    """The clock of people who are played with by hand: the year 2026, UTC, in half-hours."""
    return Clock.of(dt.datetime(2026, 1, 1), 365, 30, "UTC")  # noqa: DTZ001 - local wall clock, by contract

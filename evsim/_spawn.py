"""Archetypes become people."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from evsim._battery import ChargeCurve
from evsim._chance import Chance, Purpose
from evsim._clock import Clock
from evsim._population import Population
from evsim._units import Floats

if TYPE_CHECKING:
    from evsim._behaviour import Behaviour
    from evsim._config.parts import Battery
    from evsim._user_archetype import UserArchetype


TARGET_SOCS = (0.60, 0.65, 0.70, 0.75, 0.80, 0.85, 0.90, 0.95, 1.00)
TARGET_SHARES = (0.5, 0.3, 2.9, 2.0, 28.4, 9.6, 26.2, 3.5, 26.8)
"""Targets that drivers chose, and their shares [%]: Centre for Net Zero, "Learning from Intelligent Octopus" (May
2022), Figure 2, summed over ready-by times and scaled to their sum."""


def targets_of(archetypes: Sequence[UserArchetype], behaviour: Behaviour) -> list[tuple[Floats, Floats]]:
    """The targets [0-1] of each archetype's people, rising, and the share of the people who have each."""
    if behaviour.target_soc == "survey":
        shares = np.array(TARGET_SHARES)
        return [(np.array(TARGET_SOCS), shares / shares.sum()) for _ in archetypes]
    return [(np.array([archetype.target_soc]), np.ones(1)) for archetype in archetypes]


def spawn(
    archetypes: Sequence[UserArchetype],
    counts: Sequence[int],
    battery: Battery,
    clock: Clock,
    behaviour: Behaviour | None = None,
    chance: Chance | None = None,
) -> Population:
    """`counts` users of each archetype, in that order, unplugged, at their archetype's plug-in SoC.

    behaviour, chance : whose targets and reserve they have, and their luck; the sheet's targets when left out
    """

    def column(values: list[float]) -> Floats:
        return np.repeat(np.array(values, np.float64), counts)

    target_soc = column([archetype.target_soc for archetype in archetypes])
    if behaviour is not None and chance is not None and behaviour.target_soc == "survey":
        (targets, shares), *_ = targets_of(archetypes, behaviour)
        luck = chance.uniform(Purpose.TARGET_SOC, len(target_soc))
        target_soc = targets[np.searchsorted(np.cumsum(shares)[:-1], luck)]
    v2g_share = column([archetype.v2g_percent / 100 for archetype in archetypes])
    can_give = (chance or Chance(0)).uniform(Purpose.V2G, len(v2g_share)) < v2g_share
    people = Population(
        archetype=np.repeat(np.arange(len(archetypes)), counts),
        archetype_names=tuple(archetype.name for archetype in archetypes),
        capacity_kwh=column([archetype.battery_kwh for archetype in archetypes]),
        charger_kw=column([archetype.charger_kw for archetype in archetypes]),
        efficiency=column([battery.charging_efficiency] * len(archetypes)),
        discharge_kw=np.where(can_give, column([a.discharge_kw or a.charger_kw for a in archetypes]), 0.0),
        discharging_efficiency=column([battery.discharging_efficiency] * len(archetypes)),
        v2g_reserve_soc=column([archetype.v2g_reserve_soc_percent / 100 for archetype in archetypes]),
        wear_gbp_per_kwh=column([battery.wear_pence_per_kwh / 100] * len(archetypes)),
        target_soc=target_soc,
        soc=column([archetype.plug_in_soc for archetype in archetypes]),
        curve=ChargeCurve.from_percent(battery.charge_curve),
        clock=clock,
    )
    if behaviour is not None:
        people.reserve_soc = behaviour.public_reserve_percent / 100
    return people


def clock_by_hand() -> Clock:
    """The clock of people who are played with by hand: the year 2026, UTC, in half-hours."""
    return Clock.of(dt.datetime(2026, 1, 1), 365, 30, "UTC")  # noqa: DTZ001 - local wall clock, by contract

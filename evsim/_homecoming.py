"""What happens at the door: the state of charge a car comes home with, and whether it is plugged in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from evsim._plug_in_rule import Habit, need_of
from evsim._population import Population
from evsim._units import Floats, Ints, Who, rows_where


class Homecoming(Protocol):
    """Decides who of those who arrive plugs in."""

    def plugs_in(self, people: Population, who: Who, at: Ints, luck: Floats) -> Ints | slice:
        """Rows of `who` that plug in; may bring their SoC first.

        at : (n,) when they arrive [s]; luck : (n,) the uniform of the decision
        """
        ...


class Drivers:
    """People who have driven home: they look at the battery, and plug in by their archetype's rule.

    habits : one for each archetype; kwh_per_day : (n_users,) what each drives on the mean day [kWh]
    """

    def __init__(self, people: Population, habits: Sequence[Habit], kwh_per_day: Floats) -> None:
        self._choosy = [(i, habit.rule) for i, habit in enumerate(habits) if habit.rule.anyway < 1]
        self._need = need_of(kwh_per_day, people.capacity_kwh) if self._choosy else np.zeros(0)

    def plugs_in(self, people: Population, who: Who, at: Ints, luck: Floats) -> Ints | slice:  # noqa: ARG002 - it does not matter when
        """All, but for those of archetypes that do not plug in every day."""
        if not self._choosy:
            return slice(None)
        archetype = people.archetype[who]
        goes = np.ones(len(who), np.bool_)
        for i, rule in self._choosy:
            rows = rows_where(archetype == i)
            goes[rows] = luck[rows] < rule.p(people.soc[who[rows]], self._need[who[rows]])
        return rows_where(goes)


class OnSheet(Drivers):
    """People without trips, whose cars come home with the sheet's SoC.

    first_soc : (n_archetypes,) plug-in SoC [0-1]
    """

    def __init__(self, people: Population, habits: Sequence[Habit], kwh_per_day: Floats, first_soc: Floats) -> None:
        super().__init__(people, habits, kwh_per_day)
        self._first_soc = first_soc

    def plugs_in(self, people: Population, who: Who, at: Ints, luck: Floats) -> Ints | slice:
        """The same; those who do are brought to the sheet's SoC."""
        rows = super().plugs_in(people, who, at, luck)
        here = who[rows]
        people.arrive_with(here, at[rows].astype(np.float64), self._first_soc[people.archetype[here]])
        return rows

"""Who lives in a scenario: the people, when they come and go, and what they do at the door."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import numpy as np

from evsim._chance import Chance, Purpose
from evsim._clock import Clock
from evsim._days import Days
from evsim._diary import Appointments, Diary
from evsim._homecoming import Drivers, Homecoming, OnSheet
from evsim._plug_in_rule import Habit
from evsim._population import Population
from evsim._spawn import spawn, targets_of

if TYPE_CHECKING:
    from evsim._recorded.sessions import RecordedSessions
    from evsim._scenario import Scenario

Part: TypeAlias = Callable[[Population, int], tuple[Appointments, Homecoming]]
"""Given a block of the people and its first user's number, their appointments and their doorstep."""


class Cast(NamedTuple):
    """The people of a scenario, unplugged, and what their controllers need to know of them, block by block."""

    people: Population
    part: Part


def cast(scenario: Scenario, clock: Clock) -> Cast:
    """The people of a scenario: its archetypes' drivers, or those of recorded sessions."""
    if scenario.recorded is not None:
        return _recorded(scenario, scenario.recorded, clock)
    return _drivers(scenario, clock)


def _recorded(scenario: Scenario, recorded: RecordedSessions, clock: Clock) -> Cast:
    from evsim._replay import Replay, spawn_recorded

    def part(people: Population, first: int) -> tuple[Appointments, Homecoming]:
        replay = Replay(recorded, scenario.battery, clock, first, first + len(people))
        return replay, replay

    return Cast(spawn_recorded(recorded, scenario.battery, clock), part)


def _drivers(scenario: Scenario, clock: Clock) -> Cast:
    """Archetypes' people; when there is a warm-up, it begins on a settled day."""
    behaviour, archetypes = scenario.behaviour, scenario.archetypes
    chance = Chance(scenario.simulation.seed)
    days = Days(behaviour, scenario.simulation.holiday_region)
    first_day = int(clock.local(clock.warm_up_s)[0])
    targets = targets_of(archetypes, behaviour)
    habits = [Habit(a, behaviour, days, first_day, goals) for a, goals in zip(archetypes, targets, strict=True)]
    first_soc = np.array([archetype.plug_in_soc for archetype in archetypes])

    def settle_in(people: Population, diary: Diary, first: int) -> None:
        """Begin between two sessions: charged, or as long ago as the long run has it."""
        if behaviour.is_on_sheet:
            np.maximum(people.soc, people.target_soc, out=people.soc)
            return
        luck, kwh = chance.uniform(Purpose.FIRST_SOC, len(people), first_user=first), diary.mean_kwh_per_day()
        for i, habit in enumerate(habits):
            rows = np.flatnonzero(people.archetype == i)
            target = people.target_soc[rows]
            people.soc[rows] = habit.first_soc(luck[rows], kwh[rows], target, days.day(first_day))

    def part(people: Population, first: int) -> tuple[Appointments, Homecoming]:
        diary = Diary(archetypes, people.archetype, behaviour, days, clock, chance, first)
        if clock.n_warm_up_steps:
            settle_in(people, diary, first)
        if behaviour.is_on_sheet:
            return diary, OnSheet(people, habits, diary.mean_kwh_per_day(), first_soc)
        return diary, Drivers(people, habits, diary.mean_kwh_per_day())

    people = spawn(archetypes, scenario.n_users_by_archetype, scenario.battery, clock, behaviour, chance)
    return Cast(people, part)

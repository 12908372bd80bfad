"""How people differ, from one another and from day to day: the settings."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator

from evsim._typed_in.faults import told_fault
from evsim._typed_in.settings import Minutes, Settings, Switch, setting

HABIT_SD_MINUTES = 45
DAY_SD_MINUTES = 30
MOST_SD_MINUTES = 180


def _not_yet(driving: bool) -> bool:
    if driving:
        raise told_fault(
            "true, but trips come with a later version; write false (the day's driving is then implied by "
            "plug_in_soc_percent)"
        )
    return driving


class Behaviour(Settings):
    """How people differ; every spread can be turned off with 0."""

    driving: Annotated[Switch, AfterValidator(_not_yet)] = setting(
        "Whether trips are driven one by one. Only false for now: the day's driving is implied by plug_in_soc_percent.",
        "true or false",
        default=False,
    )
    plug_time_habit_sd_minutes: Minutes = setting(
        "Spread of people's habitual plug-in and plug-out times around their archetype's, drawn once per "
        "person (standard deviation). 0: all keep the archetype's time.",
        "min",
        HABIT_SD_MINUTES,
        ge=0,
        le=MOST_SD_MINUTES,
    )
    plug_time_day_sd_minutes: Minutes = setting(
        "Spread of a person's times from day to day around the habit (standard deviation). 0: every day alike.",
        "min",
        DAY_SD_MINUTES,
        ge=0,
        le=MOST_SD_MINUTES,
    )
    soc_at_plug_in: Literal["sheet", "carried"] = setting(
        'Where the state of charge at plug-in comes from. "sheet": it is plug_in_soc_percent at every '
        'plug-in; "carried": only at the start, then the battery keeps what it has.',
        "choice",
        "sheet",
    )

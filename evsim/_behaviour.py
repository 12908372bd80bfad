"""How people live and differ, from one another and from day to day: the settings."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

from evsim._plug_times import DAY_SD_MINUTES, HABIT_SD_MINUTES
from evsim._typed_in.faults import Fault
from evsim._typed_in.settings import Minutes, Percent, Plain, Settings, Switch, attempt, setting
from evsim._typed_in.values import as_switch, in_unit

MOST_SD_MINUTES = 180
LEAST_MPH, MOST_MPH = 5, 100
MOST_CV = 3
MOST_WEEKEND_FACTOR = 10
MOST_RESERVE_PERCENT = 50

AVERAGE_SPEED_MPH = 30
PUBLIC_RESERVE_PERCENT = 10
P_DRIVE_WEEKDAY = 0.9
P_DRIVE_WEEKEND = 0.67
MILES_CV_BETWEEN_USERS = 0.3
MILES_CV_BETWEEN_DAYS = 0.7
WEEKEND_MILEAGE_FACTOR = 0.9
"""Where these come from: docs/assumptions.md, A17 to A21 and A23."""

_probability = in_unit("")


class Behaviour(Settings):
    """How people live; every spread can be turned off with 0, every probability with 1."""

    driving: Switch = setting(
        "Whether trips are driven one by one, so that the state of charge at plug-in is an outcome. false: the day's "
        "driving is implied by plug_in_soc_percent.",
        "true or false",
        default=True,
    )
    average_speed_mph: Plain = setting(
        "Mean speed of a trip; the two of a day each take half its miles.",
        "mph",
        AVERAGE_SPEED_MPH,
        ge=LEAST_MPH,
        le=MOST_MPH,
    )
    miles_cv_between_users: Plain = setting(
        "Spread of yearly mileage between the people of an archetype (standard deviation / mean). 0: all alike.",
        "ratio",
        MILES_CV_BETWEEN_USERS,
        ge=0,
        le=MOST_CV,
    )
    miles_cv_between_days: Plain = setting(
        "Spread of a person's miles between days of driving (standard deviation / mean). 0: all alike.",
        "ratio",
        MILES_CV_BETWEEN_DAYS,
        ge=0,
        le=MOST_CV,
    )
    p_drive_weekday: Plain = setting(
        "Probability that a car is driven on a working day. 1: every one. The year's miles stay the same.",
        "probability",
        P_DRIVE_WEEKDAY,
        ge=0,
        le=1,
    )
    p_drive_weekend: Plain = setting(
        "The same for weekends and bank holidays.", "probability", P_DRIVE_WEEKEND, ge=0, le=1
    )
    weekend_mileage_factor: Plain = setting(
        "Mean miles of a weekend day or bank holiday, as a multiple of a working day's. 1: no difference.",
        "ratio",
        WEEKEND_MILEAGE_FACTOR,
        ge=0,
        le=MOST_WEEKEND_FACTOR,
    )
    season: Switch = setting(
        "Whether a mile takes more energy in the cold months and less in the warm ones; over a year, the sheet's.",
        "true or false",
        default=True,
    )
    public_reserve_percent: Percent = setting(
        "State of charge at which a driver stops to charge in public, enough for the rest of the day's driving.",
        "%",
        PUBLIC_RESERVE_PERCENT,
        ge=0,
        le=MOST_RESERVE_PERCENT,
    )
    times: Literal["spread", "exact"] = setting(
        'Plug-in and plug-out times. "spread": around the archetype\'s, working days and weekends apart; "exact": '
        "always the archetype's clock times.",
        "choice",
        "spread",
    )
    plug_time_habit_sd_minutes: Minutes = setting(
        "Spread of people's habitual plug-in and plug-out times around their archetype's, drawn once per "
        "person (standard deviation). 0: all have the same habits.",
        "min",
        HABIT_SD_MINUTES,
        ge=0,
        le=MOST_SD_MINUTES,
    )
    plug_time_day_sd_minutes: Minutes = setting(
        "Spread of a person's times from day to day around the habit (standard deviation). 0: every working day alike, "
        "and with plug_time_habit_sd_minutes 0 weekends too.",
        "min",
        DAY_SD_MINUTES,
        ge=0,
        le=MOST_SD_MINUTES,
    )
    target_soc: Literal["sheet", "survey"] = setting(
        'Where targets come from. "sheet": target_soc_percent; "survey": each person has one of their own, '
        "from 60 to 100%, as the drivers that Centre for Net Zero asked.",
        "choice",
        "sheet",
    )
    ready_by: Literal["habit", "survey"] = setting(
        'What a charger expects of departures. "habit": the time at which the person usually leaves; "survey": the '
        "ready-by time that the person has typed, as the drivers that Centre for Net Zero asked.",
        "choice",
        "habit",
    )
    soc_at_plug_in: Literal["sheet", "carried"] = setting(
        'Only without driving: where the state of charge at plug-in comes from. "sheet": it is plug_in_soc_percent at '
        'every plug-in; "carried": only at the start, then the battery keeps what it has.',
        "choice",
        "sheet",
    )

    @property
    def habit_sd_minutes(self) -> float:
        """Spread of habits, with `times` in mind [min]."""
        return self.plug_time_habit_sd_minutes if self.times == "spread" else 0.0

    @property
    def day_sd_minutes(self) -> float:
        """Spread from day to day, with `times` in mind [min]."""
        return self.plug_time_day_sd_minutes if self.times == "spread" else 0.0

    @property
    def is_on_sheet(self) -> bool:
        """Whether each plug-in finds the sheet's state of charge, so that nothing is carried over."""
        return not self.driving and self.soc_at_plug_in == "sheet"

    @classmethod
    def cross_check(cls, given: Any) -> Iterable[Fault]:
        """Somebody must drive, on some kind of day."""
        if attempt(as_switch, given.get("driving", True)) is False:
            return
        defaults = {"p_drive_weekday": P_DRIVE_WEEKDAY, "p_drive_weekend": P_DRIVE_WEEKEND}
        weekday, weekend = (attempt(_probability, given.get(key, default)) for key, default in defaults.items())
        factor = attempt(_probability, given.get("weekend_mileage_factor", WEEKEND_MILEAGE_FACTOR))
        if weekday == 0 and (weekend == 0 or factor == 0):
            yield Fault(
                ("p_drive_weekday",),
                "0, and nobody drives at weekends either, so nobody drives the miles of the sheet; write "
                '"driving": false for cars that only charge',
                about_several=True,
            )

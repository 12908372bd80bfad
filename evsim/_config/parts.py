"""The parts of a config that are only settings: the simulation, the battery, the outputs."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from itertools import pairwise
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator, Field, PlainSerializer, WithJsonSchema

from evsim._clock import Clock, epoch_s
from evsim._typed_in.faults import Fault, show, typed_fault
from evsim._typed_in.settings import LocalStart, Plain, Region, Settings, Switch, Whole, Zone, attempt, setting
from evsim._typed_in.values import (
    COMMON_REGION,
    NO_HOLIDAYS,
    as_percent,
    as_start,
    as_timezone,
    as_whole,
    gap_at,
    show_start,
)
from evsim._units import SECONDS_PER_DAY, SECONDS_PER_MINUTE

DEFAULT_START = "2026-01-12T12:00"
DEFAULT_TIMEZONE = "Europe/London"
MOST_DAYS = (2**31 - 1) // SECONDS_PER_DAY
"""Events count seconds in 32 bits, to keep a log of millions small."""
MOST_WARM_UP_DAYS = 366
ROUND_TRIP_EFFICIENCY = 0.87
"""Meter to battery to meter: Schram et al. 2020, who measured 87.0% (79 to 88) with a V2G charger."""
WEAR_PENCE_PER_KWH = 3.0
"""Our choice: a battery of 90 GBP/kWh that lasts 3,000 full cycles loses 3 p with each kWh taken out of it."""
LEAST_EFFICIENCY = 0.1
"""Home charging is 0.8-0.95 efficient; 0.1 leaves room for every experiment, and none for a slip like 0.009."""
MINUTES_PER_HOUR = 60
STEPS = tuple(m for m in range(1, MINUTES_PER_HOUR + 1) if MINUTES_PER_HOUR % m == 0)

_PERCENT = 100


def _as_step(given: Any) -> int:
    step = as_whole(given, "min")
    if step not in STEPS:
        near = min(STEPS, key=lambda divisor: (abs(divisor - step), -divisor))
        raise typed_fault(f"{show(given)} does not divide an hour; {near} does")
    return step


def _is_pair(point: object) -> bool:
    return isinstance(point, list | tuple) and len(point) == 2


def _as_curve(given: Any) -> tuple[tuple[float, float], ...]:
    """Points (SoC %, power %), from SoC 0 to 100."""
    if not isinstance(given, list | tuple) or not all(_is_pair(point) for point in given):
        raise typed_fault(f"{show(given)} is not a list of points [SoC %, power %]")
    points = tuple((as_percent(soc), as_percent(power)) for soc, power in given)
    if len(points) < 2 or points[0][0] != 0 or points[-1][0] != _PERCENT:
        raise typed_fault("the points must begin at SoC 0 and end at SoC 100")
    for (before, _), (after, _) in pairwise(points):
        if not before < after:
            raise typed_fault(f"SoC must rise from point to point, but {after:g} follows {before:g}")
    for soc, power in points:
        if not 0 <= power <= _PERCENT or (power == 0 and soc < _PERCENT):
            raise typed_fault(f"power {power:g} at SoC {soc:g} is not over 0 and at most 100 (0 only at SoC 100)")
    return points


ChargeCurve = Annotated[
    tuple[tuple[float, float], ...],
    BeforeValidator(_as_curve),
    PlainSerializer(lambda curve: [list(point) for point in curve], when_used="json"),
    WithJsonSchema(
        {
            "type": "array",
            "minItems": 2,
            "items": {
                "type": "array",
                "minItems": 2,
                "maxItems": 2,
                "items": {"type": "number", "minimum": 0, "maximum": _PERCENT},
            },
        }
    ),
]
Step = Annotated[int, BeforeValidator(_as_step), WithJsonSchema({"type": "integer", "enum": list(STEPS)})]


def _holidays_of(given: dict[str, Any]) -> str:
    """Where the time zone tells the country, its bank holidays."""
    return COMMON_REGION if given.get("timezone") == DEFAULT_TIMEZONE else NO_HOLIDAYS


class Simulation(Settings):
    """When, how long, how finely, and with which luck."""

    start: LocalStart = setting(
        "First moment reported, by the local clock; a date alone is its midnight. Noon keeps nights whole.",
        "local time",
        DEFAULT_START,
        validate_default=True,
    )
    days: Whole = setting(
        "Days reported. Events count seconds in 32 bits, which is 24,855 days.", "days", 7, ge=1, le=MOST_DAYS
    )
    step_minutes: Step = setting("Length of a step, a divisor of 60. Results do not depend on it.", "min", 30)
    timezone: Zone = setting(
        "Where people live, so that clock changes are known (an IANA name).",
        "place",
        DEFAULT_TIMEZONE,
        min_length=1,
    )
    holidays: Region = Field(
        default_factory=_holidays_of,
        description="Bank holidays that people live like weekends: a country or a part of one, as in GB-ENG or NO "
        "(ISO 3166), or none. Left out: GB-ENG where the clock is London's, none elsewhere.",
        json_schema_extra={"unit": "place"},
    )
    seed: Whole = setting("Seed of all chance: the same seed, the same run.", "number", 1, ge=0, le=2**64 - 1)
    warm_up_days: Whole = setting(
        "Days lived before the start and not reported, so that there is no artificial first day.",
        "days",
        7,
        ge=0,
        le=MOST_WARM_UP_DAYS,
    )

    def clock(self, *, warms_up: bool = True) -> Clock:
        """The time axis of the run."""
        warm_up_days = self.warm_up_days if warms_up else 0
        return Clock.of(self.start, self.days, self.step_minutes, self.timezone, warm_up_days)

    @property
    def holiday_region(self) -> str | None:
        """Whose bank holidays there are, or None."""
        return None if self.holidays == NO_HOLIDAYS else self.holidays

    @property
    def left_over_minutes(self) -> int:
        """What is left of the run after its last whole step, where clocks change by less than a step [min]."""
        zone = ZoneInfo(self.timezone)
        length_s = epoch_s(self.start + timedelta(days=self.days), zone) - epoch_s(self.start, zone)
        return length_s // SECONDS_PER_MINUTE % self.step_minutes

    @classmethod
    def cross_check(cls, given: Any) -> Iterable[Fault]:
        """The start must exist on the local clock."""
        start = attempt(as_start, given.get("start", DEFAULT_START))
        zone = attempt(as_timezone, given.get("timezone", DEFAULT_TIMEZONE))
        shown = gap_at(start, zone) if start is not None and zone is not None else None
        if start is not None and shown is not None:
            yield Fault(
                ("start",),
                f"{show(show_start(start))} does not exist in {zone}: clocks go forward over it; "
                f"write {show(show_start(shown))}",
                about_several=True,
            )


def _discharging_efficiency_of(given: dict[str, Any]) -> float:
    """What is left of the round trip when the way in is known."""
    charging: float = given.get("charging_efficiency", 1.0)
    return min(1.0, ROUND_TRIP_EFFICIENCY / charging)


class Battery(Settings):
    """What lies between the meter and the battery, alike in all cars."""

    charging_efficiency: Plain = setting(
        "Energy that reaches the battery per energy at the meter, a fraction.",
        "fraction",
        0.90,
        ge=LEAST_EFFICIENCY,
        le=1,
    )
    discharging_efficiency: Plain = Field(
        default_factory=_discharging_efficiency_of,
        description="Energy that reaches the meter per energy taken out of the battery, a fraction. Left out: what "
        f"makes a round trip of {ROUND_TRIP_EFFICIENCY:.0%} with charging_efficiency.",
        ge=LEAST_EFFICIENCY,
        le=1,
        json_schema_extra={"unit": "fraction"},
    )
    wear_pence_per_kwh: Plain = setting(
        "What a kWh taken out of the battery to be sold costs in wear.", "p/kWh", WEAR_PENCE_PER_KWH, ge=0, le=1_000
    )
    charge_curve: ChargeCurve = setting(
        "Most power against state of charge: points [SoC %, % of charger_kw], straight lines between them.",
        "%",
        ((0.0, 100.0), (80.0, 100.0), (100.0, 30.0)),
    )


class Outputs(Settings):
    """What a run writes."""

    events: Switch = setting("Whether the event streams are written to events.parquet.", "true or false", default=True)

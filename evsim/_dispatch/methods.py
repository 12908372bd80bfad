"""The named methods of a baseline, and their settings. What each of them does is in docs/baselines.md."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, ClassVar, Literal, NamedTuple, TypeAlias

from pydantic import Field, ValidationError

from evsim._errors import ConfigError
from evsim._typed_in.faults import Fault, did_you_mean, faults_of, report, show, show_path
from evsim._typed_in.settings import Name, Plain, Settings, Switch, Whole, setting
from evsim._units import USUAL_PERIODS

_LOOK_BACK_DAYS = 60


class Rule(NamedTuple):
    """How days are chosen for one kind of day.

    n : the most recent so many candidates; least : fewer are insufficient;
    n_dropped : of those with the lowest daily total, and as many of those with the highest
    """

    n: int
    least: int
    n_dropped: int


class Method(Settings):
    """What all methods have: a name, and whether what is delivered in a half-hour is at least nothing."""

    name: ClassVar[str] = ""
    clips_delivered: ClassVar[bool] = False
    """Whether a half-hour in which less than nothing was delivered counts as nothing."""


class HistoryMethod(Method):
    """A mean of earlier days like the day itself."""

    heeds_holidays: ClassVar[bool] = True
    """Whether a bank holiday is a day of the weekend."""
    skips_clock_changes: ClassVar[bool] = True
    kinds: ClassVar[tuple[str, str]] = ("working day", "non-working day")
    """What its days of the first and of the second kind are called."""

    look_back_days: Whole = setting("How many days before the day may be used.", "", _LOOK_BACK_DAYS, ge=1, le=3_650)

    def rule(self, *, is_working: bool) -> Rule:
        """How days are chosen for a day of this kind."""
        raise NotImplementedError


class Bl01(HistoryMethod):
    """BL01-style: Elexon P376 as quoted by NESO's Demand Flexibility Service (the primary text was read in part)."""

    name: ClassVar[str] = "bl01"
    method: Literal["bl01"] = setting("Which method.", "", "bl01")
    n_working: Whole = setting("How many working days make the mean.", "", 10, ge=1)
    least_working: Whole = setting("How few working days are still enough.", "", 5, ge=1)
    n_non_working: Whole = setting("How many non-working days are looked at.", "", 4, ge=1)
    middle: Whole = setting("How many of these, the middle ones by daily total, make the mean.", "", 2, ge=1)
    in_day_adjustment: Switch = setting(
        "Whether the day's own level before the event shifts its baseline.", "", default=False
    )
    adjustment_periods: Whole = setting("Half-hours whose mean difference is the shift.", "", 6, ge=1)
    adjustment_gap_periods: Whole = setting("Half-hours between these and the event.", "", 2, ge=0)

    def verify(self) -> Iterable[Fault]:
        """Numbers that do not go together."""
        if self.least_working > self.n_working:
            yield Fault(("least_working",), f"{self.least_working} is over n_working ({self.n_working})")
        spare = self.n_non_working - self.middle
        if spare < 0 or spare % 2:
            text = f"{self.middle} is not the middle of n_non_working ({self.n_non_working})"
            yield Fault(("middle",), f"{text}; as many must be left out below as above")

    def rule(self, *, is_working: bool) -> Rule:
        """How days are chosen for a day of this kind."""
        if is_working:
            return Rule(self.n_working, self.least_working, 0)
        return Rule(self.n_non_working, self.n_non_working, (self.n_non_working - self.middle) // 2)


class Mid8Of10(HistoryMethod):
    """The middle of the most recent days of the same kind: without those of highest and lowest daily total."""

    name: ClassVar[str] = "mid_8_of_10"
    method: Literal["mid_8_of_10"] = setting("Which method.", "", "mid_8_of_10")
    n_days: Whole = setting("How many days of the same kind are looked at.", "", 10, ge=1)
    n_dropped: Whole = setting("How many of highest daily total are dropped, and of lowest.", "", 1, ge=0)

    def verify(self) -> Iterable[Fault]:
        """Numbers that do not go together."""
        if 2 * self.n_dropped >= self.n_days:
            yield Fault(("n_dropped",), f"{self.n_dropped} at each end leave nothing of n_days ({self.n_days})")

    def rule(self, *, is_working: bool) -> Rule:  # noqa: ARG002 - one rule for both kinds
        """How days are chosen for a day of this kind."""
        return Rule(self.n_days, self.n_days, self.n_dropped)


class SavingSessions(HistoryMethod):
    """Octopus Saving Sessions: a plain mean of earlier days without a session; a bank holiday is a day like others."""

    name: ClassVar[str] = "saving_sessions"
    clips_delivered: ClassVar[bool] = True
    heeds_holidays: ClassVar[bool] = False
    skips_clock_changes: ClassVar[bool] = False
    kinds: ClassVar[tuple[str, str]] = ("weekday", "weekend day")
    method: Literal["saving_sessions"] = setting("Which method.", "", "saving_sessions")
    n_weekdays: Whole = setting("How many weekdays make the mean of one.", "", 10, ge=1)
    n_weekend_days: Whole = setting("How many days of weekends make the mean of one.", "", 4, ge=1)

    def rule(self, *, is_working: bool) -> Rule:
        """How days are chosen for a day of this kind."""
        n = self.n_weekdays if is_working else self.n_weekend_days
        return Rule(n, n, 0)


class Nominated(Method):
    """What somebody said beforehand, for each meter or for the portfolio."""

    name: ClassVar[str] = "nominated"
    method: Literal["nominated"] = setting("Which method.", "", "nominated")
    file: Name = setting("CSV with meter_id, settlement_date, settlement_period, baseline_kwh.", "", min_length=1)


class FixedProfile(Method):
    """A reference day of one asset, times how many there are."""

    name: ClassVar[str] = "fixed_profile"
    method: Literal["fixed_profile"] = setting("Which method.", "", "fixed_profile")
    kwh: tuple[Plain, ...] | None = setting("Energy of one asset in each of 48 half-hours.", "kWh", None)
    file: Name | None = setting("CSV with settlement_period, kwh instead.", "", None)
    n_assets: Whole | None = setting("How many assets the meters have together; one each by default.", "", None, ge=0)

    def verify(self) -> Iterable[Fault]:
        """A profile there must be, once, and of a whole day."""
        if (self.kwh is None) == (self.file is None):
            yield Fault(("kwh",), f'give either "kwh", a list of {USUAL_PERIODS} numbers, or "file"')
        elif self.kwh is not None and len(self.kwh) != USUAL_PERIODS:
            yield Fault(("kwh",), f"a list of {len(self.kwh)}; a day has {USUAL_PERIODS} half-hours")


class Zero(Method):
    """Nothing: all that is metered counts."""

    name: ClassVar[str] = "zero"
    method: Literal["zero"] = setting("Which method.", "", "zero")


AnyMethod: TypeAlias = Annotated[
    Bl01 | Mid8Of10 | SavingSessions | Nominated | FixedProfile | Zero, Field(discriminator="method")
]
"""A method as a part of a config: which one is said by its key `method`."""

METHODS: dict[str, type[Method]] = {
    kind.name: kind for kind in (Bl01, Mid8Of10, SavingSessions, Nominated, FixedProfile, Zero)
}


def method_named(name: str, settings: Mapping[str, Any] | None = None) -> Method:
    """A method by its name, with settings of it. Raises ConfigError."""
    plain = name.strip().casefold().replace("-", "_")
    if plain not in METHODS:
        raise ConfigError(f"method {show(name)}: no such method{did_you_mean(plain, METHODS)}")
    kind = METHODS[plain]
    try:
        return kind.model_validate(dict(settings or {}))
    except ValidationError as error:
        told = [(show_path(fault.path), fault.text) for fault in faults_of(error, kind)]
        raise ConfigError(report(f"method {plain}", told)) from None

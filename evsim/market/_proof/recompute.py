"""A baseline, worked out again from the rows of a proof, one number after the other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

from evsim.market._proof.almanac import Almanac
from evsim.market._proof.rules import Choice, Rules

Row: TypeAlias = Mapping[str, Any]
Energies: TypeAlias = list[float | None]
_SAME_TOTAL_DECIMALS = 9
_USUAL_PERIODS = 48


class Recomputed(NamedTuple):
    """A meter's baseline of a day.

    days_used : ISO dates, the earliest first; adjustment_kwh : None without one; note : why there is no baseline
    """

    baseline_kwh: Energies
    days_used: Sequence[str] = ()
    is_sufficient: bool = True
    note: str = ""
    adjustment_kwh: float | None = None

    def as_row(self) -> dict[str, Any]:
        """The same by the keys of baseline.jsonl."""
        return {**self._asdict(), "days_used": list(self.days_used)}


class Day:
    """A local date that a window touches: which earlier days count, and what baselines meters have.

    periods : settlement periods of the window
    """

    def __init__(self, day: str, periods: list[int], rules: Rules, almanac: Almanac, event_days: set[str]) -> None:
        self.day, self.periods, self.rules = day, periods, rules
        self._almanac, self._events = almanac, event_days
        self._is_working = almanac.is_working(day, heeds_holidays=rules.heeds_holidays)
        self.kind = rules.kind(is_working=self._is_working)
        self.choice: Choice | None = rules.choice(is_working=self._is_working) if rules.has_history else None
        self.before = rules.before(periods[0])
        self.usable: list[str] = []

    # ---- the days before

    def why_not(self, earlier: str) -> str | None:
        """Why a day may not be used, by the calendar; None where it may."""
        if earlier in self._events:
            return "event_day"
        if self.rules.skips_clock_changes and self._almanac.n_periods(earlier) != _USUAL_PERIODS:
            return "clock_change"
        is_working = self._almanac.is_working(earlier, heeds_holidays=self.rules.heeds_holidays)
        return None if is_working == self._is_working else "other_kind"

    def faults_of_calendar(self, told: Sequence[Sequence[Any]]) -> Iterator[str]:
        """What is wrong with the earlier days as told; keeps those that may be used. told : (date, why not) pairs."""
        self.usable = []
        dates = [self._almanac.before(self.day, back) for back in range(1, self.rules.look_back_days + 1)]
        if [date for date, _ in told] != dates:
            yield f"earlier_days are not the {len(dates)} days before {self.day}, the latest first"
            return
        for date, why in told:
            should = self.why_not(date)
            if why is None and should is None:
                self.usable.append(date)
            elif why not in {should, "no_readings"}:
                yield f"{date} is told to be {why or 'usable'}; by the calendar it is {should or 'usable'}"
        has_readings = "".join("-" if why == "no_readings" else "r" for _, why in told)
        if "r-" in has_readings.lstrip("-").rstrip("-"):
            yield "days without any readings lie between days with some; readings have no such gaps"

    # ---- a meter

    def faults_of_meter(self, row: Row) -> Iterator[str]:
        """What is wrong with the days and half-hours that a meter's row tells of."""
        wanted = {"metered_kwh": self.periods, "nominated_kwh": self.periods, "before_kwh": self.before}
        for key, numbers in wanted.items():
            if key in row and len(row[key]) != len(numbers):
                yield f"{key} has {len(row[key])} half-hours; it should have {len(numbers)}"
        if self.choice is None:
            return
        if len(row["day_kwh"]) != len(row["days"]):
            yield f"{len(row['days'])} days, but {len(row['day_kwh'])} totals"
        yield from self._faults_of_half_hours(row, "kwh", self.periods)
        if self.before:
            yield from self._faults_of_half_hours(row, "earlier_before_kwh", self.before)
        yield from self._faults_of_days(row["days"], row["missing"], self.choice.n)

    def _faults_of_days(self, days: list[str], missing: Mapping[str, Any], n: int) -> Iterator[str]:
        should = [date for date in self.usable if date not in missing][:n]
        if days != should:
            there, other = ", ".join(days) or "none", ", ".join(should) or "none"
            yield f"days are {there}; by the calendar and what is missing they should be {other}"
        is_enough = bool(should) and len(should) == n
        passed = self.usable[: self.usable.index(should[-1]) + 1] if is_enough else self.usable
        for date, runs in missing.items():
            if date not in passed:
                yield f"{date} is told to have half-hours missing, but was not to be looked at"
            elif not runs or not all(1 <= first <= last <= self._almanac.n_periods(date) for first, last in runs):
                yield f"{date} is told to have half-hours missing that it does not have: {runs}"

    def _faults_of_half_hours(self, row: Row, key: str, numbers: Sequence[int]) -> Iterator[str]:
        if len(row[key]) != len(row["days"]):
            yield f"{key} tells of {len(row[key])} days; there are {len(row['days'])}"
            return
        for date, half_hours in zip(row["days"], row[key], strict=True):
            if len(half_hours) != len(numbers):
                yield f"{key} of {date} has {len(half_hours)} half-hours; it should have {len(numbers)}"
                continue
            if None in half_hours or self._almanac.n_periods(date) != _USUAL_PERIODS:
                source = self._almanac.sources(self.day, date)
                if any((v is None) != (source[p - 1] is None) for v, p in zip(half_hours, numbers, strict=True)):
                    yield f"{key} of {date} is empty where the clock has that half-hour, or is not where it has none"

    def baseline(self, row: Row, *, is_portfolio_nominated: bool) -> Recomputed:
        """A meter's baseline from its row, which has no faults."""
        metered: Energies = row["metered_kwh"]
        if self.choice is not None:
            return self._of_history(row, metered, self.choice)
        if self.rules.name == "nominated":
            said: Energies = row["nominated_kwh"]
            found = said if is_portfolio_nominated else _or_else(said, metered)
            is_said = bool(row["is_nominated"])
            return Recomputed(found, is_sufficient=is_said, note="" if is_said else "not nominated")
        if self.rules.name == "fixed_profile":
            minutes = self._almanac.minutes(self.day)
            return Recomputed([self.rules.profile(minutes[p - 1]) for p in self.periods])
        return Recomputed([0.0] * len(self.periods))

    def _of_history(self, row: Row, metered: Energies, choice: Choice) -> Recomputed:
        days: list[str] = row["days"]
        if len(days) < choice.least:
            return Recomputed(metered, is_sufficient=False, note=f"{len(days)} of {choice.least} {self.kind}s")
        at = sorted(range(len(days)), key=days.__getitem__)
        if choice.n_dropped:
            total = row["day_kwh"]
            by_total = sorted(at, key=lambda i: round(total[i], _SAME_TOTAL_DECIMALS))
            kept = set(by_total[choice.n_dropped : len(at) - choice.n_dropped])
            at = [i for i in at if i in kept]
        mean = _mean([row["kwh"][i] for i in at], len(self.periods))
        shift = None
        if self.before:
            usual = _mean([row["earlier_before_kwh"][i] for i in at], len(self.before))
            shift = _mean_difference(row["before_kwh"], usual)
        shifted = [None if value is None else value + (shift or 0.0) for value in mean]
        found = _or_else(shifted, metered)
        return Recomputed(found, [days[i] for i in at], adjustment_kwh=shift)


def _or_else(values: Energies, others: Energies) -> Energies:
    return [other if value is None else value for value, other in zip(values, others, strict=True)]


def _mean(rows: Sequence[Energies], n: int) -> Energies:
    """Means of half-hours over days, added from the earliest to the latest."""
    found: Energies = []
    for i in range(n):
        total, count = 0.0, 0
        for row in rows:
            value = row[i]
            if value is not None:
                total += value
                count += 1
        found.append(total / count if count else None)
    return found


def _mean_difference(actual: Energies, usual: Energies) -> float | None:
    """Mean of actual less usual; None when one of them is not known."""
    total = 0.0
    for one, other in zip(actual, usual, strict=True):
        if one is None or other is None:
            return None
        total += one - other
    return total / len(actual)

"""What a truth lab asks of the fleet, on which days, how often, and which runs show it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from evsim._config.footprint import estimated_bytes
from evsim._dispatch.methods import Bl01, FixedProfile, HistoryMethod, Method, Nominated, method_named
from evsim._dispatch.settings import Dispatch
from evsim._errors import ConfigError
from evsim._scenario import Scenario
from evsim._typed_in.faults import did_you_mean, show
from evsim._units import DAYS_PER_YEAR, USUAL_PERIODS, Anything, Bools, Floats
from evsim.analysis._truth_ask import MINUTES_PER_DAY, Ask, ask_of
from evsim.market._history import holidays_of, is_of_first_kind
from evsim.market._readings import as_date, count_periods

ADJUSTED = "bl01_adjusted"
"""BL01 with its in-day adjustment."""
METHODS = ("bl01", ADJUSTED, "mid_8_of_10", "saving_sessions", "fixed_profile", "zero")
ONCE, WEEKLY, TWICE_WEEKLY, WORKING_DAYS = "once", "weekly", "twice_weekly", "working_days"
REPEATS = {
    ONCE: "once",
    WEEKLY: "weekly",
    TWICE_WEEKLY: "twice a week",
    WORKING_DAYS: "every working day",
}
"""How often dispatches repeat, from the rarest, in words."""
DAYS_PER_WEEK = 7
USUAL_DAYS = 10 * DAYS_PER_WEEK
"""Our choice: 20 non-working days, and longer than the history of 60 days, so that it is seen to run out."""
USUAL_HISTORY_DAYS = 60
_PAIRS = ((0, 3), (1, 4), (2, 5), (6, 2))
"""Weekdays of two dispatches a week, Monday 0: together they are all; the last Wednesday only disturbs Sundays."""
_MOST_NOTICE_DAYS = 5


class Lived(NamedTuple):
    """A run with dispatches on `days`; measured : which of them count, for which repeats."""

    days: Anything
    measured: dict[str, Anything]


@dataclass(frozen=True, eq=False)
class Plan:
    """A truth lab before it is lived.

    scenario : the whole time, history first, with nothing asked for
    days : (n,) datetime64[D] that may have a dispatch; is_working : (n,) Monday to Friday and no bank holiday
    methods : names; repeats : names, the rarest first; history_days : undisturbed days before the first
    """

    scenario: Scenario
    ask: Ask
    days: Anything
    is_working: Bools
    methods: tuple[str, ...]
    repeats: tuple[str, ...]
    history_days: int

    def asked_on(self, days: Anything) -> Scenario:
        """The scenario with a dispatch on each of some days."""
        return self.scenario._but(dispatches=tuple(self._dispatch(as_date(day)) for day in days))

    def _dispatch(self, day: dt.date) -> Dispatch:
        begin, end = (
            dt.datetime.combine(day, dt.time()) + dt.timedelta(minutes=at) for at in (self.ask.begin, self.ask.end)
        )
        return Dispatch(
            id=f"lab-{day}",
            start=begin,
            end=end,
            action=self.ask.action,
            target_kw=self.ask.target_kw,
            notice_minutes=self.ask.notice_minutes,
            archetypes=self.ask.archetypes,
        )

    @property
    def runs(self) -> list[Lived]:
        """The runs with dispatches; together they measure every day once for each repeat.

        Weekly: one run for each day of the week, which serve `once` too. Twice a week: Monday and Thursday, Tuesday
        and Friday, Wednesday and Saturday, and Sunday with a Wednesday that is not measured again.
        """
        weekday = (self.days.astype(np.int64) + 3) % DAYS_PER_WEEK  # 1 January 1970 was a Thursday
        found = []
        spaced = [repeat for repeat in (ONCE, WEEKLY) if repeat in self.repeats]
        if spaced:
            weeks = [self.days[weekday == d] for d in range(DAYS_PER_WEEK)]
            found += [Lived(days, dict.fromkeys(spaced, days)) for days in weeks]
        if TWICE_WEEKLY in self.repeats:
            measured: set[int] = set()
            for pair in _PAIRS:
                new = [d for d in pair if d not in measured]
                measured.update(new)
                days = self.days[np.isin(weekday, pair)]
                found.append(Lived(days, {TWICE_WEEKLY: self.days[np.isin(weekday, new)]}))
        if WORKING_DAYS in self.repeats:
            days = self.days[self.is_working]
            found.append(Lived(days, {WORKING_DAYS: days}))
        return [one for one in found if len(one.days)]

    @property
    def bytes_of_a_run(self) -> int:
        """Memory that one run and its readings need."""
        return estimated_bytes(self.scenario, writes=True)

    def method(self, name: str, mean_day: Floats) -> Method:
        """A method by its name in the lab, with the config's settings where it is the config's baseline.

        mean_day : (48,) what one asset draws on a mean day [kWh], for `fixed_profile`
        """
        own = self.scenario.settlement.baseline
        if name in (Bl01.name, ADJUSTED):
            bl01 = own if isinstance(own, Bl01) else Bl01()
            return bl01.model_copy(update={"in_day_adjustment": name == ADJUSTED})
        if own.name == name:
            return own
        return FixedProfile(kwh=tuple(mean_day.tolist())) if name == FixedProfile.name else method_named(name)


def plan_lab(
    scenario: Scenario,
    window: str | None = None,
    action: str | None = None,
    days: int | None = None,
    methods: Sequence[str] | None = None,
    repeats: Sequence[str] | None = None,
) -> Plan:
    """The plan of a lab: the people of a config, and its first dispatch on many days.

    window : "17:00-18:00" by the local clock, and action : instead of the first dispatch's
    days : how many, ten weeks by default; methods, repeats : names, all by default
    The first day is that on which the config begins; the history lies before it. Raises ConfigError.
    """
    if scenario.recorded is not None:
        raise ConfigError(
            "sessions: recorded sessions cannot be lived for months before and after; a truth lab wants archetypes"
        )
    days = USUAL_DAYS if days is None else days
    if not DAYS_PER_WEEK <= days <= DAYS_PER_YEAR:
        raise ConfigError(f"--days {days}: from {DAYS_PER_WEEK}, a week, to {DAYS_PER_YEAR}")
    ask = ask_of(scenario, window, action)
    if ask.notice_minutes > _MOST_NOTICE_DAYS * MINUTES_PER_DAY:
        raise ConfigError(
            f"dispatches[0].notice_minutes: {ask.notice_minutes:,g}; the lab dispatches every week, and can tell one "
            f"from the next up to {_MOST_NOTICE_DAYS * MINUTES_PER_DAY:,} min; shorten it with --set"
        )
    chosen = _chosen_methods(scenario, methods)
    every = _chosen("--repeat", repeats, tuple(REPEATS))
    own = scenario.settlement.baseline
    history_days = max(USUAL_HISTORY_DAYS, own.look_back_days if isinstance(own, HistoryMethod) else 0)
    settings = scenario.simulation
    midnight = dt.datetime.combine(settings.start.date(), dt.time())
    first = midnight - dt.timedelta(days=history_days)
    whole = settings.model_copy(update={"start": first, "days": history_days + days})
    found = np.datetime64(settings.start.date(), "D") + np.arange(days)
    found = found[count_periods(found, settings.timezone) == USUAL_PERIODS]
    holiday = holidays_of(settings.holidays)
    is_working = np.array([is_of_first_kind(Bl01(), day, holiday) for day in found], bool)
    long = scenario._but(dispatches=(), simulation=whole)
    return Plan(long, ask, found, is_working, chosen, every, history_days)


def _chosen_methods(scenario: Scenario, methods: Sequence[str] | None) -> tuple[str, ...]:
    own = scenario.settlement.baseline
    known = (*METHODS, *([Nominated.name] if isinstance(own, Nominated) else []))
    if Nominated.name in (methods or ()) and Nominated.name not in known:
        raise ConfigError(
            "--methods nominated: nothing is nominated; give the config a file with "
            '"settlement": {"baseline": {"method": "nominated", "file": "..."}}'
        )
    return _chosen("--methods", methods, known)


def _chosen(option: str, names: Sequence[str] | None, known: Sequence[str]) -> tuple[str, ...]:
    """What was named of what there is, in the order of that; all by default."""
    given = [name.strip().casefold().replace("-", "_") for name in (known if names is None else names)]
    if not given:
        raise ConfigError(f"{option}: nothing is named; there are {', '.join(known)}")
    for name in given:
        if name not in known:
            raise ConfigError(f"{option} {show(name)}: no such {option.strip('-s')}{did_you_mean(name, known)}")
    return tuple(name for name in known if name in given)

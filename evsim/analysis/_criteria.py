"""What may be asked of a car on a day, and whether it holds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from evsim._clock import Clock
from evsim._diary import Appointments
from evsim._errors import ConfigError
from evsim._population import Population
from evsim._results import Results
from evsim._typed_in.faults import did_you_mean, show
from evsim._units import SECONDS_PER_HOUR, SECONDS_PER_MINUTE, Bools, Floats, Ints
from evsim.analysis._film import Film, Frame, mean_kw
from evsim.analysis._local_days import (
    TimeOfDay,
    Window,
    at_time,
    cells,
    typed_minutes,
    typed_number,
    window_on,
)
from evsim.analysis._readiness import SOC_MARGIN, Readiness, appointments, hours_left

_KW_MARGIN = 1e-6
"""The log's rounding."""
_PERCENT = 100


@dataclass(frozen=True)
class Criteria:
    """Questions; all must hold. None is not asked.

    plugged_in : throughout a window; full_by : at its target at a time
    give_kw, take_kw : power it must draw less, or more, than in the run [kW], from `start` for `minutes`
    still_ready : after that it can reach its target by its expected departure
    soc_above : SoC over this [0-1] at `soc_at`; archetypes : one of these
    """

    plugged_in: Window | None = None
    full_by: TimeOfDay | None = None
    give_kw: float | None = None
    take_kw: float | None = None
    minutes: float = 60
    start: TimeOfDay | None = None
    still_ready: bool = False
    soc_above: float | None = None
    soc_at: TimeOfDay | None = None
    archetypes: tuple[str, ...] | None = None

    @property
    def has_power(self) -> bool:
        """Whether a power is asked for."""
        return self.give_kw is not None or self.take_kw is not None

    @property
    def sentences(self) -> tuple[str, ...]:
        """What is asked, in words."""
        told = []
        if self.plugged_in is not None:
            told.append(f"plugged in throughout {self.plugged_in}")
        if self.full_by is not None:
            told.append(f"at target at {self.full_by}")
        for kw, verb in ((self.give_kw, "give"), (self.take_kw, "take")):
            if kw is not None:
                told.append(f"can {verb} {kw:g} kW for {self.minutes:g} min from {self.start}")
        if self.still_ready:
            told.append("then still ready by the expected departure")
        if self.soc_above is not None:
            told.append(f"SoC over {_PERCENT * self.soc_above:g}% at {self.soc_at}")
        if self.archetypes is not None:
            told.append(f"of {' or '.join(self.archetypes)}")
        return tuple(told)

    def instants(self, clock: Clock, days: Ints) -> list[Ints]:
        """(n_days, ...) the instants on which an answer rests [s]."""
        found: list[Ints] = []
        if self.plugged_in is not None:
            found += window_on(clock, days, self.plugged_in)
        if self.start is not None:
            begin = at_time(clock, days, self.start)
            found += [begin, begin + self.window_s]
        found += [at_time(clock, days, time) for time in (self.full_by, self.soc_at) if time is not None]
        if not found:
            noon = TimeOfDay(SECONDS_PER_HOUR * 12)
            found += [at_time(clock, days, noon), at_time(clock, days + 1, noon)]
        return found

    @property
    def window_s(self) -> int:
        """How long a power is to be held [s]."""
        return round(self.minutes * SECONDS_PER_MINUTE)


def criteria(
    known: Sequence[str],
    *,
    plugged_in_between: Sequence[object] | None = None,
    full_by: object = None,
    can_give_kw: object = None,
    can_take_kw: object = None,
    for_minutes: object = None,
    at: object = None,
    still_ready: bool = False,
    soc_above: object = None,
    soc_at: object = None,
    archetypes: Sequence[str] | None = None,
    called: Callable[[str], str] = str,
) -> Criteria:
    """The questions somebody typed; `known` archetypes are in the config.

    called : what an argument is called where it is typed. Raises ConfigError, with its place and what would do.
    """
    named = {name: called(name) for name in ("can_give_kw", "for_minutes", "at", "still_ready", "soc_above", "soc_at")}
    wants_power = can_give_kw is not None or can_take_kw is not None
    if wants_power and at is None:
        raise ConfigError(f"{named['at']}: missing; say from when a power is to be held, as in 17:00")
    for name, given in (("at", at), ("for_minutes", for_minutes), ("still_ready", still_ready or None)):
        if given is not None and not wants_power:
            raise ConfigError(f"{named[name]}: belongs to {named['can_give_kw']}; add it, as in 3")
    for one, other, example in (("soc_above", "soc_at", "18:00"), ("soc_at", "soc_above", "60")):
        values = {"soc_above": soc_above, "soc_at": soc_at}
        if values[one] is not None and values[other] is None:
            raise ConfigError(f"{named[other]}: missing; {named[one]} wants it, as in {example}")

    def time(name: str, given: object) -> TimeOfDay | None:
        return None if given is None else TimeOfDay.typed(given, called(name))

    def kw(name: str, given: object) -> float | None:
        return None if given is None else typed_number(given, called(name), "kW")

    percent = None if soc_above is None else typed_number(soc_above, named["soc_above"], "%", _PERCENT)
    return Criteria(
        plugged_in=_window(plugged_in_between, called("plugged_in_between")),
        full_by=time("full_by", full_by),
        give_kw=kw("can_give_kw", can_give_kw),
        take_kw=kw("can_take_kw", can_take_kw),
        minutes=60 if for_minutes is None else typed_minutes(for_minutes, named["for_minutes"]),
        start=time("at", at),
        still_ready=still_ready,
        soc_above=None if percent is None else percent / _PERCENT,
        soc_at=time("soc_at", soc_at),
        archetypes=_archetypes(archetypes, known, called("archetypes")),
    )


def _window(given: Sequence[object] | None, name: str) -> Window | None:
    if given is None:
        return None
    if isinstance(given, str) or len(given) != 2:  # noqa: PLR2004 - a beginning and an end
        raise ConfigError(f"{name}: {show(given)} is not two times of day; give two, as in 17:00 and 19:00")
    return Window.typed(given[0], given[1], name)


def _archetypes(given: Sequence[str] | None, known: Sequence[str], name: str) -> tuple[str, ...] | None:
    if given is None:
        return None
    wanted = (given,) if isinstance(given, str) else tuple(given)
    strange = next((one for one in wanted if one not in known), None)
    if strange is not None:
        raise ConfigError(f"{name}: no archetype {show(strange)}{did_you_mean(strange, known)}")
    return wanted


class Answer(NamedTuple):
    """Of all users on a day: whether all holds, and whether who must still be ready really would be.

    in_fact : (n_users,) 1 or 0 by the departure that came, NaN where the run ended before it did
    """

    holds: Bools
    in_fact: Floats


class Judge:
    """Answers criteria, day by day in rising order."""

    def __init__(self, results: Results, asked: Criteria) -> None:
        self._asked, self._clock = asked, results.clock
        self._people: Population = results.users
        self._film, self._readiness = Film(results), Readiness(results.users)
        self._book: Appointments | None = appointments(results) if asked.has_power else None
        self._is_one = np.ones(len(results.users), np.bool_)
        if asked.archetypes is not None:
            wanted = [results.archetypes.index(name) for name in asked.archetypes]
            self._is_one = np.isin(results.users.archetype, wanted)

    def answer(self, day: int) -> Answer:
        """Everybody on a day all of whose instants are in the run."""
        asked, days = self._asked, np.array([day])
        wanted: set[int] = {int(at[0]) for at in asked.instants(self._clock, days)}
        edges = self._edges(days)
        frames = {at: self._film.at(at) for at in sorted(wanted | set(edges))}
        holds = self._is_one.copy()
        in_fact = np.full(len(holds), np.nan)
        if asked.plugged_in is not None:
            begin, end = (int(at[0]) for at in window_on(self._clock, days, asked.plugged_in))
            holds &= frames[begin].stays_until(end)
        if asked.full_by is not None:
            frame = frames[int(at_time(self._clock, days, asked.full_by)[0])]
            holds &= frame.soc >= frame.target_soc - SOC_MARGIN
        if asked.soc_above is not None and asked.soc_at is not None:
            frame = frames[int(at_time(self._clock, days, asked.soc_at)[0])]
            holds &= frame.soc > asked.soc_above + SOC_MARGIN
        if edges:
            holds &= self._has_power([frames[at] for at in edges], in_fact)
        return Answer(holds, np.where(holds, in_fact, np.nan))

    def _edges(self, days: Ints) -> list[int]:
        if self._asked.start is None:
            return []
        begin = int(at_time(self._clock, days, self._asked.start)[0])
        return [int(at) for at in cells(begin, begin + self._asked.window_s)]

    def _has_power(self, frames: list[Frame], in_fact: Floats) -> Bools:
        """(n_users,) who can; notes who would be ready in fact."""
        able = np.zeros(len(in_fact), np.bool_)
        who = np.flatnonzero(frames[0].stays_until(frames[-1].at_s) & self._is_one)
        own_kw, target = mean_kw(frames, who), frames[0].target_soc[who]
        hours = (frames[1].at_s - frames[0].at_s) / SECONDS_PER_HOUR
        can, in_time, fact = np.ones((3, len(who)), np.bool_)
        to_go = hours_left(self._book, who, frames[0].at_s, frames[-1].at_s) if self._book else np.zeros(len(who))
        really = (frames[0].until_s[who] - frames[-1].at_s) / SECONDS_PER_HOUR
        for kw, sign in ((self._asked.give_kw, -1), (self._asked.take_kw, 1)):
            if kw is None:
                continue
            possible, soc = self._follow(who, frames[0].soc[who], target, own_kw + sign * kw, hours, rises=sign > 0)
            can &= possible
            in_time &= self._readiness.is_ready(who, soc, target, to_go)
            end_h = np.where(np.isinf(really), (self._clock.end_s - frames[-1].at_s) / SECONDS_PER_HOUR, really)
            fact &= self._readiness.is_ready(who, soc, target, end_h)
        able[who] = can & (in_time | (not self._asked.still_ready))
        in_fact[who] = np.where(np.isinf(really) & ~fact, np.nan, fact)
        return able

    def _follow(
        self, who: Ints, soc: Floats, target: Floats, kw: Floats, hours: float, *, rises: bool
    ) -> tuple[Bools, Floats]:
        """Whether cars can have these powers (m, T) [kW at the meter], one part after the other; and their SoC then."""
        people = self._people
        capacity, out = people.capacity_kwh[who], people.discharging_efficiency[who]
        possible = (kw >= -people.discharge_kw[who][:, None] - _KW_MARGIN).all(axis=1)
        for power in kw.T:
            stored = np.where(power > 0, power * people.efficiency[who], power / out)
            after = soc + stored * hours / capacity
            possible &= (power >= -_KW_MARGIN) | (after >= people.v2g_reserve_soc[who] - SOC_MARGIN)
            if rises:
                most = people.charger_kw[who] * self._readiness.least_share(soc, np.clip(after, soc, 1.0))
                charges = power > _KW_MARGIN
                possible &= ~charges | ((power <= most + _KW_MARGIN) & (after <= target + SOC_MARGIN))
            soc = after
        return np.asarray(possible), soc

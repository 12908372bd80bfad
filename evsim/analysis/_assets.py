"""Who can do what: the cars for which criteria hold, day by day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple, TypedDict

import numpy as np

from evsim._errors import ConfigError
from evsim._portrait import ALL
from evsim._results import Results
from evsim._tables import Table
from evsim._units import Anything, Bools, Floats, Ints
from evsim.analysis._criteria import Answer, Criteria, Judge, criteria
from evsim.analysis._local_days import days_of


class Questions(TypedDict, total=False):
    """What `assets` may be asked."""

    plugged_in_between: Sequence[object] | None
    full_by: object
    can_give_kw: object
    can_take_kw: object
    for_minutes: object
    at: object
    still_ready: bool
    soc_above: object
    soc_at: object
    archetypes: Sequence[str] | None


class Count(NamedTuple):
    """How many of a group hold the criteria on a day: mean, least and most over the days; and the share [0-1]."""

    name: str
    n_users: int
    mean: float
    least: int
    most: int
    share: float


@dataclass(frozen=True, eq=False, repr=False)
class Assets:
    """For which cars the criteria hold, on which days.

    criteria : in words; archetypes : names, in config order; archetype : (n_users,) index of each user's
    is_asked : (n_archetypes,) whether its cars were asked about; of the others all is no
    days : (n_days,) local dates, each from noon to noon, whose times are all in the run
    holds : (n_users, n_days) yes or no
    ready_in_fact : (n_users, n_days) of a yes to a power: 1 when the target would also have been reached by the
        departure that came, else 0; NaN where nothing was asked, and of a stay that outlasts the run. Else None
    """

    criteria: tuple[str, ...]
    archetypes: tuple[str, ...]
    archetype: Ints
    is_asked: Bools
    days: Anything
    holds: Bools
    ready_in_fact: Floats | None

    def __repr__(self) -> str:
        """One line."""
        return f"<Assets: {len(self.archetype):,} users, {len(self.days):,} days; {'; '.join(self.criteria)}>"

    @property
    def n_days(self) -> int:
        """How many days were judged."""
        return len(self.days)

    @cached_property
    def days_yes(self) -> Ints:
        """(n_users,) on how many days all holds."""
        return np.asarray(self.holds.sum(axis=1))

    @property
    def probability(self) -> Floats:
        """(n_users,) share of the days on which all holds [0-1]."""
        return np.asarray(self.days_yes / self.n_days)

    @property
    def ready_in_fact_share(self) -> float | None:
        """Of the yeses of which it is known, how many would be ready by the departure that came [0-1]."""
        if self.ready_in_fact is None or np.isnan(self.ready_in_fact).all():
            return None
        return float(np.nanmean(self.ready_in_fact))

    @cached_property
    def counts(self) -> tuple[Count, ...]:
        """One for each archetype that was asked about, in config order, and behind them one of all these."""
        by_day = np.zeros((len(self.archetypes), self.n_days), np.int64)
        np.add.at(by_day, self.archetype, self.holds)
        n_users = np.bincount(self.archetype, minlength=len(self.archetypes))
        asked = np.flatnonzero(self.is_asked)
        rows = [(self.archetypes[i], int(n_users[i]), by_day[i]) for i in asked]
        rows.append((ALL, int(n_users[asked].sum()), by_day.sum(axis=0)))
        return tuple(
            Count(name, n, float(yes.mean()), int(yes.min()), int(yes.max()), float(yes.mean()) / n if n else 0.0)
            for name, n, yes in rows
        )

    @property
    def table(self) -> Table:
        """One row for each user who was asked about, with the columns of `assets.csv`."""
        who = self.who
        return Table(
            {
                "user_id": who,
                "archetype": np.array(self.archetypes, object)[self.archetype[who]],
                "days": np.full(len(who), self.n_days),
                "days_yes": self.days_yes[who],
                "probability": np.round(self.probability[who], 6),
            }
        )

    @property
    def who(self) -> Ints:
        """The users who were asked about."""
        return np.flatnonzero(self.is_asked[self.archetype])


def assets(
    results: Results,
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
) -> Assets:
    """Which cars can do what on which days; all that is asked must hold.

    Times are local. A day goes from noon to noon, and a time before noon is on its morning after; a window that ends
    no later than it begins goes over midnight. Days on which a time leaves the run are not counted.

    plugged_in_between : ("17:00", "19:00"): the plug is in throughout
    full_by : "05:00": at that time the battery holds its target or more, wherever the car is
    can_give_kw, can_take_kw : for `for_minutes` (60) from `at`, the plug is in throughout, and in every quarter of an
        hour the net power at the meter can be lower, or higher, by so much than it is in the run [kW]. Lower: what it
        draws less; and, if the car can discharge, what it gives, down to its reserve. Higher: what it draws more, up
        to its target; and what it gives less
    still_ready : after that its charger, at full power, still gets it to its target by the departure that was expected
        at `at`. `ready_in_fact` says whether it would have by the departure that came
    soc_above, soc_at : at that time SoC is over so many %, wherever the car is
    archetypes : only these
    Raises ConfigError when an argument is faulty, or no day of the run holds all the times.
    """
    asked = criteria(
        results.archetypes,
        plugged_in_between=plugged_in_between,
        full_by=full_by,
        can_give_kw=can_give_kw,
        can_take_kw=can_take_kw,
        for_minutes=for_minutes,
        at=at,
        still_ready=still_ready,
        soc_above=soc_above,
        soc_at=soc_at,
        archetypes=archetypes,
    )
    return answered(results, asked)


def answered(results: Results, asked: Criteria) -> Assets:
    """What holds of a run. Raises ConfigError when no day of it holds all the times."""
    days = _days_within(results, asked)
    judge = Judge(results, asked)
    answers: list[Answer] = [judge.answer(int(day)) for day in days]
    in_fact = np.stack([answer.in_fact for answer in answers], axis=1) if asked.has_power else None
    return Assets(
        criteria=asked.sentences,
        archetypes=results.archetypes,
        archetype=results.users.archetype,
        is_asked=np.array([asked.archetypes is None or name in asked.archetypes for name in results.archetypes]),
        days=days.astype("datetime64[D]"),
        holds=np.stack([answer.holds for answer in answers], axis=1),
        ready_in_fact=in_fact,
    )


def _days_within(results: Results, asked: Criteria) -> Ints:
    """The days all of whose instants are in the run."""
    days = days_of(results.clock)
    at: Any = np.stack(asked.instants(results.clock, days))
    within = ((at >= 0) & (at <= results.clock.end_s)).all(axis=0)
    if not within.any():
        what = "; ".join(asked.sentences) or "a day from noon to noon"
        raise ConfigError(f"simulation.days: the run holds no day with all of: {what}; give more days, as in --days 7")
    return np.asarray(days[within])

"""The runs of a truth lab: what would have been, what was metered, and what each baseline says.

What can be known from one undisturbed run, and what cannot. The undisturbed run U is the counterfactual of every event
day at once. A baseline of day D looks at the days before it, and at D itself only before the window (in-day adjustment)
or where history is insufficient. So, dispatched *once*, on D alone:

    history      the days before the fleet knows of it are those of U, to the bit: both runs are the same program with
                 the same luck until then (DESIGN 4.2)
    D itself     needs a run with a dispatch on D. One run shows many of them when they are a week apart: it is the run
                 with D alone for every car whose state at the notice is again that of U. Luck is addressed by user and
                 day, and a car without a fleet-wide rule or target heeds nobody else, so from equal states follow equal
                 days. `n_changed` counts the cars for which this is not so; they are reported, and not left out

Repeated dispatches need a run for each pattern, and nothing else.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import NamedTuple

import numpy as np

from evsim._dispatch.methods import Method
from evsim._errors import ConfigError
from evsim._results import Results
from evsim._simulator import Progress, simulate
from evsim._units import SECONDS_PER_MINUTE, USUAL_PERIODS, Anything, Floats, Ints
from evsim.analysis._side_by_side import Tell, Work, do_all
from evsim.analysis._truth_ask import MINUTES_PER_DAY
from evsim.analysis._truth_plan import ONCE, Lived, Plan
from evsim.market._baselines import Baseline, baseline
from evsim.market._history import IsHoliday, holidays_of
from evsim.market._metering import readings_of
from evsim.market._readings import Readings

_SHARED_CROWD = 40_000
"""From so many users on the simulator shares a run between processes itself."""
_SOC_ROUNDING = 1e-6
"""Logs keep a state of charge as float32."""
_SECONDS = 2**32
"""A run has fewer."""
_SIMULATING = 0.75
"""Of the work on a run, about what simulating takes; baselines are the rest."""


@dataclass(frozen=True, eq=False)
class Seen:
    """The event days of one repeat, asset by asset; energies are of the window, net at the meter [kWh].

    days : (n_days,) datetime64[D]
    true_kwh, metered_kwh : (n_days, n_assets) without and with the dispatch
    baseline_kwh, credited_kwh : (n_methods, n_days, n_assets) what a method says, and what it counts as delivered
    n_insufficient : (n_methods, n_days) assets without enough history, whose baseline is what was metered
    n_changed : (n_days,) assets that at the notice were not as they would have been without earlier dispatches
    """

    days: Anything
    true_kwh: Floats
    metered_kwh: Floats
    baseline_kwh: Floats
    credited_kwh: Floats
    n_insufficient: Ints
    n_changed: Ints


class _Log(NamedTuple):
    """A run's events by asset and time.

    key : (n_events,) rising: user and second; soc [0-1]
    """

    key: Ints
    kind: Ints
    soc: Floats

    @classmethod
    def of(cls, run: Results) -> _Log:
        events = run.events
        order, _ = events.by_user()
        key = events.column("user")[order].astype(np.int64) * _SECONDS + events.column("at_s")[order]
        return cls(key, events.column("event")[order], events.column("soc")[order])

    def state(self, users: Ints, at_s: int) -> tuple[Ints, Floats]:
        """(n,) kind of the last event of users before an instant, and the state of charge [0-1] it tells."""
        last = np.maximum(
            np.searchsorted(self.key, users * _SECONDS + at_s) - 1, np.searchsorted(self.key, users * _SECONDS)
        )
        return self.kind[last].astype(np.int64), self.soc[last].astype(np.float64)


class _Undisturbed(NamedTuple):
    """The run without any dispatch; users : (n,) whose meters count; methods : to be judged."""

    log: _Log
    readings: Readings
    users: Ints
    methods: tuple[Method, ...]
    is_holiday: IsHoliday


def live(plan: Plan, progress: Progress | None = None) -> dict[str, Seen]:
    """Live all runs of a plan: what is seen of each repeat.

    progress : called with (thousandths done, 1000)
    """
    runs = plan.runs
    share = 1 / (1 + len(runs))

    def told(part: float) -> None:
        if progress is not None:
            progress(int(1000 * part), 1000)

    free = _undisturbed(plan, lambda done, total: told(share * done / total))
    works: list[Work[dict[str, Seen]]] = [partial(_lived, plan, free, one) for one in runs]
    is_shared = plan.scenario.population_size >= _SHARED_CROWD
    found = do_all(works, lambda part: told(share + (1 - share) * part), plan.bytes_of_a_run, is_shared=is_shared)
    return {
        repeat: _joined([one[repeat] for one in found if repeat in one])
        for repeat in plan.repeats
        if any(repeat in one for one in found)
    }


def _undisturbed(plan: Plan, progress: Progress) -> _Undisturbed:
    run = simulate(plan.scenario, progress)
    asked = plan.ask.archetypes
    is_asked = np.array([asked is None or name in asked for name in run.users.archetype_names])
    users = np.flatnonzero(is_asked[run.users.archetype])
    if not len(users):
        raise ConfigError("dispatches[0].archetypes: none of these has a user, so nobody is asked; name others")
    readings = readings_of([run], users)
    mean_day = mean_day_of(readings, plan.history_days)
    methods = tuple(plan.method(name, mean_day) for name in plan.methods)
    return _Undisturbed(_Log.of(run), readings, users, methods, holidays_of(plan.scenario.simulation.holidays))


def mean_day_of(readings: Readings, n_days: int) -> Floats:
    """(48,) what an asset draws in each half-hour of the first `n_days`, on average [kWh]; none of a clock change."""
    usual = np.flatnonzero(readings.n_periods[:n_days] == USUAL_PERIODS)
    return np.asarray(readings.kwh[:, usual, :USUAL_PERIODS].mean(axis=(0, 1), dtype=np.float64))


def _lived(plan: Plan, free: _Undisturbed, one: Lived, tell: Tell) -> dict[str, Seen]:
    """Live one run with dispatches, and look at the days that count."""
    run = simulate(plan.asked_on(one.days), lambda done, total: tell(_SIMULATING * done / total))
    readings, log = readings_of([run], free.users), _Log.of(run)
    n_days = sum(map(len, one.measured.values()))
    found, n_seen = {}, 0
    for repeat, days in one.measured.items():
        seen = []
        for day in days:
            if repeat == ONCE:
                seen.append(_look(plan, free, _alone(plan, free, readings, day), day, ()))
            else:
                seen.append(_look(plan, free, readings, day, [other for other in one.days if other != day]))
            n_seen += 1
            tell(_SIMULATING + (1 - _SIMULATING) * n_seen / n_days)
        changed = np.array([_n_changed(log, free, _notice_s(plan, run, day)) for day in days])
        found[repeat] = replace(_stacked(days, seen), n_changed=changed)
    return found


def _notice_s(plan: Plan, run: Results, day: np.datetime64) -> int:
    """When the fleet knows of the dispatch of a day [s of the run]."""
    begins = run.clock.instant(np.array([day.astype(np.int64)]), plan.ask.begin * SECONDS_PER_MINUTE)
    return max(0, int(begins[0]) - round(plan.ask.notice_minutes * SECONDS_PER_MINUTE))


def _alone(plan: Plan, free: _Undisturbed, readings: Readings, day: np.datetime64) -> Readings:
    """What meters read with a dispatch on a day alone: the undisturbed run's until the day on which it is known."""
    at = readings.index(day) or 0
    known = at - math.ceil(max(0.0, plan.ask.notice_minutes - plan.ask.begin) / MINUTES_PER_DAY)
    kwh = np.concatenate([free.readings.kwh[:, :known], readings.kwh[:, known : at + 1]], axis=1)
    end = at + 1
    return Readings(readings.meters, readings.days[:end], kwh, readings.n_periods[:end], readings.timezone)


def _n_changed(log: _Log, free: _Undisturbed, at_s: int) -> int:
    """Assets whose last event before an instant tells another state than without any dispatch."""
    (kind, soc), (free_kind, free_soc) = (one.state(free.users, at_s) for one in (log, free.log))
    return int(((kind != free_kind) | (np.abs(soc - free_soc) > _SOC_ROUNDING)).sum())


class _Day(NamedTuple):
    """One event day; as `Seen` has it, without the days."""

    true_kwh: Floats
    metered_kwh: Floats
    baseline_kwh: Floats
    credited_kwh: Floats
    n_insufficient: Ints


def _look(
    plan: Plan, free: _Undisturbed, readings: Readings, day: np.datetime64, event_days: Sequence[np.datetime64]
) -> _Day:
    """One event day, by every method."""
    window, sign = plan.ask.window, plan.ask.sign
    periods = slice(window[0] - 1, window[-1])
    metered = readings.of_day(day)[:, periods]
    said, credited, short = [], [], []
    for method in free.methods:
        made = baseline(method, readings, day, event_days, free.is_holiday, window)
        kwh = _each(made, metered, periods)
        said.append(kwh.sum(axis=1))
        credited.append(credited_kwh(kwh, metered, sign, clips=method.clips_delivered))
        short.append(int((~made.is_sufficient).sum()))
    true = free.readings.of_day(day)[:, periods].sum(axis=1)
    n = len(free.methods), len(free.users)
    return _Day(
        true,
        metered.sum(axis=1),
        np.array(said).reshape(n),
        np.array(credited).reshape(n),
        np.array(short, np.int64),
    )


def credited_kwh(baseline_kwh: Floats, metered_kwh: Floats, sign: float, *, clips: bool) -> Floats:
    """(n_assets,) what counts as delivered in a window [kWh]: baseline less metered, negated for a turn_up.

    baseline_kwh, metered_kwh : (n_assets, n_periods); clips : whether less than nothing in a half-hour is nothing
    """
    delivered = sign * (baseline_kwh - metered_kwh)
    return np.asarray((np.maximum(delivered, 0.0) if clips else delivered).sum(axis=1))


def _each(made: Baseline, metered: Floats, periods: slice) -> Floats:
    """(n_assets, n_periods) a baseline in the window; what was nominated for the portfolio is shared out evenly."""
    if made.nominated_portfolio is None:
        return np.asarray(made.kwh[:, periods])
    share = np.broadcast_to(made.nominated_portfolio[periods] / max(1, len(metered)), metered.shape)
    return np.where(np.isnan(share), metered, share)


def _stacked(days: Anything, seen: Sequence[_Day]) -> Seen:
    true, metered = (np.stack([getattr(one, name) for one in seen]) for name in ("true_kwh", "metered_kwh"))
    said, credited = (np.stack([getattr(one, name) for one in seen], 1) for name in ("baseline_kwh", "credited_kwh"))
    short = np.stack([one.n_insufficient for one in seen], 1)
    return Seen(days, true, metered, said, credited, short, np.zeros(len(days), np.int64))


def _joined(parts: Sequence[Seen]) -> Seen:
    """What several runs show of one repeat, by date."""
    days = np.concatenate([one.days for one in parts])
    order = np.argsort(days)

    def of(name: str, axis: int) -> Anything:
        return np.concatenate([getattr(one, name) for one in parts], axis=axis).take(order, axis=axis)

    return Seen(
        days[order],
        of("true_kwh", 0),
        of("metered_kwh", 0),
        of("baseline_kwh", 1),
        of("credited_kwh", 1),
        of("n_insufficient", 1),
        of("n_changed", 0),
    )

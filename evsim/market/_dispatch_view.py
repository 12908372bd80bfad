"""What a picture of a dispatch is drawn from: small, and picklable."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from evsim._clock import Clock
from evsim._dispatch.record import Response
from evsim._dispatch.settings import Dispatch
from evsim._results import Results
from evsim._units import SECONDS_PER_HOUR, Floats, Ints
from evsim.market._delivered import Deliveries, Delivery
from evsim.market._readings import PERIOD_S, Readings, midnights
from evsim.market._twin import REBOUND_S, Truth

_BEFORE_S = 4 * SECONDS_PER_HOUR
"""So much of the time before the notice is shown."""


@dataclass(frozen=True, eq=False)
class Window:
    """Part of a dispatch: when it served [s since the run's start], what it asked for, and how much (None: all)."""

    start_s: int
    end_s: int
    action: str
    target_kw: float | None


@dataclass(frozen=True, eq=False)
class DispatchView:
    """A dispatch as half-hourly power of the meters that count, and the SoC of those that took part.

    id, method : names; word : the last that served, as in the config
    known_s : when the fleet knew of it; windows : when it served
    n_meters, n_took_part : how many; responses : how many gave each answer
    starts_s : (n,) half-hours [s since the run's start]; metered_kw, twin_kw : (n,) net power, with and without it
    baseline_kw : (n,) by the named method, on the days of the dispatch; NaN elsewhere
    n_without_baseline : meters whose baseline is what was metered, as the method has nothing to go by
    mean_soc, twin_mean_soc : (n,) of those that took part, at the end of each half-hour [0-1]; NaN of nobody
    others : dispatches that serve in the time shown too
    truth : what it did, by the twin; delivered_kwh, payment_gbp : as settled
    """

    id: str
    action: str
    method: str
    word: Dispatch
    clock: Clock
    scenario: Any
    known_s: int
    windows: tuple[Window, ...]
    n_meters: int
    n_took_part: int
    responses: dict[str, int]
    starts_s: Ints
    metered_kw: Floats
    twin_kw: Floats
    baseline_kw: Floats
    n_without_baseline: int
    mean_soc: Floats
    twin_mean_soc: Floats
    truth: Truth
    delivered_kwh: float
    payment_gbp: float
    others: tuple[str, ...] = ()


def view(of: Deliveries, delivery: Delivery) -> DispatchView | None:
    """What is to be seen of a dispatch; None where it never served."""
    lived, clock = delivery.lived, of.run.clock
    if not lived.windows:
        return None
    served = [(act, lived.word_of(act.word)) for act in lived.windows]
    windows = tuple(Window(act.start_s, act.end_s, word.action, word.target_kw) for act, word in served)
    known = min(act.known_s for act in lived.told.acts)
    seen_from = max(known - _BEFORE_S, 0)
    first = seen_from - (seen_from + clock.start_epoch_s) % PERIOD_S
    last = min(max(window.end_s for window in windows) + REBOUND_S, clock.end_s)
    starts = np.arange(first, last, PERIOD_S)
    took = delivery.users[lived.responses[delivery.users] == Response.TOOK_PART]
    counts = np.bincount(lived.responses[delivery.users], minlength=len(Response))
    return DispatchView(
        id=lived.id,
        action=lived.word.action,
        method=of.run.scenario.settlement.baseline.name,
        word=lived.word,
        clock=clock,
        scenario=of.run.scenario,
        known_s=known,
        windows=windows,
        n_meters=len(delivery.users),
        n_took_part=len(took),
        responses={Response(i).label: int(n) for i, n in enumerate(counts) if n},
        starts_s=starts,
        metered_kw=_power(delivery.true_readings, starts, clock),
        twin_kw=_power(delivery.twin_readings, starts, clock),
        baseline_kw=_baseline_power(delivery, starts, clock),
        n_without_baseline=delivery.n_without_baseline,
        mean_soc=mean_soc(of.twins.run, took, starts + PERIOD_S),
        twin_mean_soc=mean_soc(of.twins.twin, took, starts + PERIOD_S),
        truth=delivery.truth,
        delivered_kwh=delivery.settlement.totals["delivered_kwh"] or 0.0,
        payment_gbp=delivery.settlement.totals["payment_gbp"] or 0.0,
        others=tuple(
            one.id
            for one in of.run.dispatches
            if one.id != lived.id and any(act.start_s < last and act.end_s > first for act in one.windows)
        ),
    )


def _power(readings: Readings, starts_s: Ints, clock: Clock) -> Floats:
    """(n,) mean net power of all meters in half-hours [kW]; NaN where one is not lived in full."""
    index, period = readings.place(starts_s + clock.start_epoch_s)
    inside = (index >= 0) & (index < len(readings.days))
    kw = np.full(len(starts_s), np.nan)
    for i in np.flatnonzero(inside).tolist():
        kw[i] = readings.kwh[:, index[i], period[i] - 1].sum(dtype=np.float64) * SECONDS_PER_HOUR / PERIOD_S
    return kw


def _baseline_power(delivery: Delivery, starts_s: Ints, clock: Clock) -> Floats:
    kw = np.full(len(starts_s), np.nan)
    for made in delivery.evidence.baselines:
        midnight = int(midnights(np.array([made.day]), delivery.true_readings.timezone)[0])
        begins = midnight + np.arange(made.n_periods) * PERIOD_S - clock.start_epoch_s
        rows = np.searchsorted(begins, starts_s, side="right") - 1
        on = (rows >= 0) & (starts_s < begins[-1] + PERIOD_S) & (begins[np.maximum(rows, 0)] == starts_s)
        kw[on] = made.portfolio[rows[on]] * SECONDS_PER_HOUR / PERIOD_S
    return kw


def mean_soc(run: Results, users: Ints, at_s: Ints) -> Floats:
    """(n,) mean SoC [0-1] of some users at rising instants, from the event log; NaN of nobody."""
    if not len(users):
        return np.full(len(at_s), np.nan)
    place = np.full(len(run.users), -1)
    place[users] = np.arange(len(users))
    order, _ = run.events.by_user()
    row = place[run.events.column("user")[order]]
    mine = order[row >= 0]
    row, when, soc = row[row >= 0], run.events.column("at_s")[mine], run.events.column("soc")[mine]
    slot = np.searchsorted(at_s, when, side="left")  # the first of the instants that an event is not after
    last = np.append((row[1:] != row[:-1]) | (slot[1:] != slot[:-1]), True)
    by_user = np.full((len(users), len(at_s) + 1), np.nan)
    by_user[row[last], slot[last]] = soc[last]
    known = by_user[:, 0].copy()
    total = np.empty(len(at_s))
    for i in range(len(at_s)):
        if i:
            known = np.where(np.isnan(by_user[:, i]), known, by_user[:, i])
        total[i] = known.mean()
    return total

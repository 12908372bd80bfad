"""What a dispatch is paid for: baseline less metered, by settlement period.

A settlement period is whole. One that the window only touches counts whole in the meters, which know no finer, while
the instructed energy is that of the overlap. Sums go meter after meter in float64, so that the same rows give the same
total.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from evsim._errors import ConfigError, name_some
from evsim._tables import Table
from evsim._units import Bools, Floats, Ints
from evsim.market._baselines import Baseline
from evsim.market._readings import Readings, as_day
from evsim.market._windows import Periods, Window, periods_of

ALL = "all"
"""In place of a meter's name: all of them together."""
_PENCE_PER_GBP = 100


# ---- the arithmetic, on arrays


def delivered(baseline_kwh: Floats, metered_kwh: Floats, sign: Floats, *, clips: bool) -> Floats:
    """(n, m) what meters delivered [kWh]; NaN where it is not known.

    sign : (m,) see `Periods`; clips : whether less than nothing counts as nothing
    """
    found = sign * (baseline_kwh - metered_kwh)
    return np.maximum(found, 0.0) if clips else found


def accepted(delivered_kwh: Floats, instructed_kwh: Floats) -> Floats:
    """(m,) what of the delivered counts [kWh]: no more than was instructed, and not less than nothing.

    instructed_kwh : (m,) NaN where as much was asked for as can be
    """
    return np.maximum(np.fmin(delivered_kwh, instructed_kwh), 0.0)


def shortfall(delivered_kwh: Floats, instructed_kwh: Floats) -> Floats:
    """(m,) what was instructed and not delivered [kWh]; 0 where nothing certain was asked for."""
    return np.where(np.isnan(instructed_kwh), 0.0, np.maximum(instructed_kwh - delivered_kwh, 0.0))


def payment(accepted_kwh: Floats, pence_per_kwh: Floats) -> Floats:
    """(m,) what is paid [GBP]."""
    return accepted_kwh * pence_per_kwh / _PENCE_PER_GBP


def in_turn(kwh: Floats) -> Floats:
    """(m,) sums of the rows of (n, m), one row after the other."""
    return np.add.accumulate(kwh, axis=0)[-1] if len(kwh) else np.zeros(kwh.shape[1])


# ---- a dispatch


@dataclass(frozen=True, eq=False)
class Settlement:
    """A dispatch, settled.

    meters : n names; periods : m settlement periods
    baseline_kwh, metered_kwh : (n, m) NaN where not known; delivered_kwh : (n, m) 0 where a reading is missing, NaN
    where only the portfolio has a baseline; is_missing : (n, m) whether a reading is missing
    all_baseline_kwh, all_metered_kwh, all_delivered_kwh : (m,) all meters that are read
    accepted_kwh, shortfall_kwh, payment_gbp : (m,) of the portfolio
    """

    dispatch_id: str
    meters: tuple[str, ...]
    periods: Periods
    baseline_kwh: Floats = field(repr=False)
    metered_kwh: Floats = field(repr=False)
    delivered_kwh: Floats = field(repr=False)
    is_missing: Bools = field(repr=False)
    all_baseline_kwh: Floats = field(repr=False)
    all_metered_kwh: Floats = field(repr=False)
    all_delivered_kwh: Floats = field(repr=False)
    accepted_kwh: Floats = field(repr=False)
    shortfall_kwh: Floats = field(repr=False)
    payment_gbp: Floats = field(repr=False)

    @property
    def n_missing(self) -> Ints:
        """(m,) how many readings are missing."""
        return np.asarray(self.is_missing.sum(axis=0), np.int64)

    @cached_property
    def totals(self) -> dict[str, float | None]:
        """Sums over the periods [kWh, GBP]; of what was instructed None where a window has no target."""
        columns = {
            "baseline_kwh": self.all_baseline_kwh,
            "metered_kwh": self.all_metered_kwh,
            "delivered_kwh": self.all_delivered_kwh,
            "instructed_kwh": self.periods.instructed_kwh,
            "accepted_kwh": self.accepted_kwh,
            "shortfall_kwh": self.shortfall_kwh,
            "payment_gbp": self.payment_gbp,
        }
        sums = {name: float(in_turn(column[:, None])[0]) for name, column in columns.items()}
        return {name: None if np.isnan(total) else total for name, total in sums.items()}

    @cached_property
    def table(self) -> Table:
        """The rows of `settlement.csv`: all meters together, then meter by meter.

        What was instructed, accepted, short and paid is the portfolio's: only that was instructed. A meter's share of
        it would be a rule of our making, so these are empty in its rows.
        """
        if ALL in self.meters:
            raise ConfigError(f'a meter is called "{ALL}", which means all of them; rename it')
        n, m, periods = len(self.meters), len(self.periods.period), self.periods
        own = np.full(n * m, np.nan)
        dates = np.array([str(day) for day in periods.day], object)
        return Table(
            {
                "dispatch_id": np.array([self.dispatch_id] * ((n + 1) * m), object),
                "settlement_date": np.tile(dates, n + 1),
                "settlement_period": np.tile(periods.period, n + 1),
                "start_utc": np.tile(periods.start_s.astype("datetime64[s]"), n + 1),
                "meter_id": np.repeat(np.array([ALL, *self.meters], object), m),
                "baseline_kwh": np.concatenate([self.all_baseline_kwh, self.baseline_kwh.ravel()]),
                "metered_kwh": np.concatenate([self.all_metered_kwh, self.metered_kwh.ravel()]),
                "delivered_kwh": np.concatenate([self.all_delivered_kwh, self.delivered_kwh.ravel()]),
                "instructed_kwh": np.concatenate([periods.instructed_kwh, own]),
                "accepted_kwh": np.concatenate([self.accepted_kwh, own]),
                "shortfall_kwh": np.concatenate([self.shortfall_kwh, own]),
                "payment_gbp": np.concatenate([self.payment_gbp, own]),
                "is_missing": np.concatenate([self.n_missing > 0, self.is_missing.ravel()]).astype(np.int64),
            }
        )


def settle(
    dispatch_id: str, windows: Sequence[Window], readings: Readings, baselines: Iterable[Baseline]
) -> Settlement:
    """Settle a dispatch.

    readings : of the meters of the portfolio; baselines : one for each local date that the windows touch
    A reading that is missing delivers nothing, and is left out of the sums. Where the portfolio as a whole is
    nominated, nothing can be said of a half-hour in which any meter is missing: it delivers nothing.
    Raises ConfigError when a baseline is missing or is one of other meters.
    """
    periods = periods_of(windows, readings.timezone)
    n, m = len(readings.meters), len(periods.period)
    baseline_kwh, metered_kwh, delivered_kwh = (np.full((n, m), np.nan) for _ in range(3))
    nominated = np.full(m, np.nan)
    is_portfolio = np.zeros(m, bool)
    made = _by_day(baselines, readings, periods)
    for day, numbers in periods.by_day():
        at, columns, one = np.flatnonzero(periods.day == day), numbers - 1, made[day]
        baseline_kwh[:, at], metered_kwh[:, at] = one.kwh[:, columns], readings.of_day(day)[:, columns]
        clips = one.method.clips_delivered
        delivered_kwh[:, at] = delivered(baseline_kwh[:, at], metered_kwh[:, at], periods.sign[at], clips=clips)
        if one.nominated_portfolio is not None:
            nominated[at], is_portfolio[at] = one.nominated_portfolio[columns], True
    is_missing = np.where(is_portfolio, np.isnan(metered_kwh), np.isnan(delivered_kwh))
    delivered_kwh[is_missing] = 0.0
    all_metered = in_turn(np.where(is_missing, 0.0, metered_kwh))
    all_baseline = np.where(is_portfolio, nominated, in_turn(np.where(is_missing, 0.0, baseline_kwh)))
    together = np.where(is_missing.any(axis=0), 0.0, np.nan_to_num(periods.sign * (nominated - all_metered)))
    all_delivered = np.where(is_portfolio, together, in_turn(delivered_kwh))
    counts = accepted(all_delivered, periods.instructed_kwh)
    return Settlement(
        dispatch_id=dispatch_id,
        meters=readings.meters,
        periods=periods,
        baseline_kwh=baseline_kwh,
        metered_kwh=metered_kwh,
        delivered_kwh=delivered_kwh,
        is_missing=is_missing,
        all_baseline_kwh=all_baseline,
        all_metered_kwh=all_metered,
        all_delivered_kwh=all_delivered,
        accepted_kwh=counts,
        shortfall_kwh=shortfall(all_delivered, periods.instructed_kwh),
        payment_gbp=payment(counts, periods.pence_per_kwh),
    )


def _by_day(baselines: Iterable[Baseline], readings: Readings, periods: Periods) -> dict[np.datetime64, Baseline]:
    made = {as_day(one.day): one for one in baselines}
    without = [str(day) for day, _ in periods.by_day() if day not in made]
    if without:
        raise ConfigError(f"no baseline of {name_some(without)}; make one for each date of `windows_by_day`")
    if any(one.meters != readings.meters for one in made.values()):
        raise ConfigError("a baseline is of other meters than the readings; make both of the same meters, in one order")
    return made

"""How far a baseline is off: by group of assets and day, summed up in a cell.

    X = baseline - counterfactual, C = counterfactual, T = truly delivered, K = credited by the baseline;
    energies of a group in the window of a day [kWh]. Sums run over the samples, which are pairs (group, day).

    bias          sum X / n / assets [kWh];     sum X / sum C [%]
    mean absolute error  sum |X| / n / assets;  sum |X| / sum C [%]
    over-credit   sum max(K - T, 0) / sum T [%]: credited beyond what was delivered, where each group is settled alone
    under-credit  sum max(T - K, 0) / sum T [%]: delivered and not credited
    net credit    sum (K - T) / sum T [%], which is over-credit less under-credit

A share is of sums, and not a mean of shares: so a day on which a group draws nothing counts with its energy, and no
small denominator blows up a mean. C and T stand beside the shares; where a sum is not over 0 there is no share. In
K - T the metered energy cancels, unless a method clips: over-credit is then the error of the baseline, as a share of
what was delivered.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from evsim._chance import Chance, Purpose
from evsim._units import Anything, Floats, Ints
from evsim.analysis._student import t_quantile
from evsim.analysis._truth_runs import Seen

SIZES = (1, 10, 100, 1_000)
"""Numbers of assets that are looked at, and all of them: powers of ten, as errors of independent assets fall by the
square root."""
_GROUPS, _MOST_SHUFFLES = 100, 50
"""So many groups of a size are drawn, or as many as there are assets for."""
_SHUFFLE_BITS = 10
"""Shuffles of a size have numbers under 1,024."""
_PERCENT = 100
_TENTHS = (0.1, 0.9)


@dataclass(frozen=True)
class Cell:
    """Errors of one method, repeat, kind of day and number of assets; what they are stands above in this file.

    n_groups, n_days : of the samples; n_assets : in each group; energies are means for an asset and day [kWh]
    ..._error_percent : half of a 95% confidence interval; NaN with the days of a single week
    p10_percent, p90_percent : the tenth and ninetieth hundredth of X over all samples, over their mean C
    idle_percent : share of samples that draw and give nothing in the window without a dispatch
    without_history_percent : share of assets and days with too few days for a baseline, which then is what was metered
    n_changed : assets and days on which, at the notice, an earlier dispatch was still felt
    """

    method: str
    repeat: str
    day_type: str
    n_assets: int
    n_groups: int
    n_days: int
    counterfactual_kwh: float
    delivered_kwh: float
    bias_kwh: float
    bias_percent: float
    bias_error_percent: float
    mae_kwh: float
    mae_percent: float
    mae_error_percent: float
    p10_percent: float
    p90_percent: float
    over_credit_percent: float
    over_credit_error_percent: float
    under_credit_percent: float
    net_credit_percent: float
    idle_percent: float
    without_history_percent: float
    n_changed: int

    @property
    def n_samples(self) -> int:
        """Pairs of group and day."""
        return self.n_groups * self.n_days


def sizes_of(n: int) -> tuple[int, ...]:
    """The numbers of assets that are looked at of a portfolio of n: the last is all of it."""
    return (*(size for size in SIZES if size < n), n)


def groups_of(n: int, size: int, seed: int) -> Ints:
    """(n_groups, size) random groups of a portfolio of n: it is shuffled, and cut, until there are enough.

    Within a shuffle no asset is in two groups; all n together are one group, and alone each is in one.
    """
    if size == n:
        return np.arange(n)[None, :]
    per_shuffle = n // size
    n_shuffles = min(_MOST_SHUFFLES, -(-_GROUPS // per_shuffle))
    if size == 1:
        return np.arange(n)[:, None]
    chance = Chance(seed)
    shuffles = (
        np.argsort(chance.uniform(Purpose.GROUP, n, (size << _SHUFFLE_BITS) | i), kind="stable")
        for i in range(n_shuffles)
    )
    return np.concatenate([one[: per_shuffle * size].reshape(per_shuffle, size) for one in shuffles])


def cells_of(
    seen: Seen, names: tuple[str, str, str], method: int, days: Anything, sign: float, seed: int
) -> Iterator[Cell]:
    """The cells of one method on some days, for each number of assets.

    names : of the method, the repeat and the kind of day; days : (n_days,) which of those seen
    """
    rows = np.flatnonzero(days)
    n = seen.true_kwh.shape[1]
    week = (seen.days[rows] - seen.days[:1]).astype(np.int64) // 7
    for size in sizes_of(n) if len(rows) and n else ():
        groups = groups_of(n, size, seed)
        true, metered, said, credited = (
            _summed(kwh[rows], groups)
            for kwh in (seen.true_kwh, seen.metered_kwh, seen.baseline_kwh[method], seen.credited_kwh[method])
        )
        error, delivered = said - true, sign * (true - metered)
        over = credited - delivered
        bias, mae = ratio(error, true, week), ratio(np.abs(error), true, week)
        gained = ratio(np.maximum(over, 0), delivered, week)
        p10, p90 = np.quantile(error, _TENTHS) / true.mean() if true.sum() > 0 else (math.nan, math.nan)
        yield Cell(
            *names,
            n_assets=size,
            n_groups=len(groups),
            n_days=len(rows),
            counterfactual_kwh=float(true.mean() / size),
            delivered_kwh=float(delivered.mean() / size),
            bias_kwh=float(error.mean() / size),
            bias_percent=bias[0],
            bias_error_percent=bias[1],
            mae_kwh=float(np.abs(error).mean() / size),
            mae_percent=mae[0],
            mae_error_percent=mae[1],
            p10_percent=float(_PERCENT * p10),
            p90_percent=float(_PERCENT * p90),
            over_credit_percent=gained[0],
            over_credit_error_percent=gained[1],
            under_credit_percent=ratio(np.maximum(-over, 0), delivered, week)[0],
            net_credit_percent=ratio(over, delivered, week)[0],
            idle_percent=float(_PERCENT * (true == 0).mean()),
            without_history_percent=float(_PERCENT * seen.n_insufficient[method, rows].sum() / (len(rows) * n)),
            n_changed=int(seen.n_changed[rows].sum()),
        )


def _summed(kwh: Floats, groups: Ints) -> Floats:
    """(n_days, n_groups) what groups add up to. kwh : (n_days, n_assets)."""
    return np.stack([day[groups].sum(axis=1) for day in kwh])


def ratio(x: Floats, y: Floats, week: Ints) -> tuple[float, float]:
    """Sum x / sum y [%], and half of its 95% confidence interval; NaN where sum y is not over 0.

    x, y : (n_days, n_groups); week : (n_days,) of which week a day is
    A ratio estimator with weeks as clusters (Cochran, Sampling Techniques, 3rd ed. 1977, chapters 6 and 9A; Student's
    t): groups of one day share its luck, and days of one week much of their history. It is the luck of other weeks
    with these people, and not that of other people.
    """
    below = float(y.sum())
    if not below > 0:
        return math.nan, math.nan
    share = float(x.sum()) / below
    weeks = np.unique(week)
    if len(weeks) == 1:
        return _PERCENT * share, math.nan
    rest = np.array([(x[week == one] - share * y[week == one]).sum() for one in weeks])
    error = math.sqrt(len(weeks) / (len(weeks) - 1) * float((rest**2).sum())) / below
    return _PERCENT * share, _PERCENT * t_quantile(len(weeks) - 1) * error

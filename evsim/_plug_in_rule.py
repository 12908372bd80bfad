"""Whether to plug in tonight: seldom with a full battery, always with a low one, as often as configured.

The rule is that of Gonzalez Venegas, Petit and Perez, "Plug-in behavior of electric vehicles users: Insights from a
large-scale trial and impacts for grid integration studies", eTransportation 10 (2021) 100131: always under `need` =
max(1.5 days of driving, 20%), never over `ENOUGH` = 80%, and in between with the probability
((ENOUGH - soc) / (ENOUGH - need))^n. They fit n to people; we solve it so that the long-run frequency of an archetype
is the configured one. Where no n gives that, some also plug in whatever the battery holds (`anyway`), or some do not
though it is low (`keen` under 1).

Long run: an evening's SoC is a Markov chain that begins anew with each plug-in, since all that are plugged in overnight
reach their target. On a grid of SoC its expected visits between two plug-ins follow by forward substitution.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from evsim._days import Day
from evsim._shapes import MOST_Z, CappedLogNormal, normal_cdfs
from evsim._units import DAYS_PER_YEAR, Floats, Ints

if TYPE_CHECKING:
    from evsim._behaviour import Behaviour
    from evsim._days import Days
    from evsim._user_archetype import UserArchetype

ENOUGH = 0.8
LEAST_NEED = 0.2
DAYS_NEEDED = 1.5
_LEAST_GAP = 0.05
"""Between `need` and `ENOUGH`, for those who drive most of a battery in a day."""

_LEVELS = 160
_LEAST_N, _MOST_N = 1e-3, 1e3
_CLOSE = 1e-9
_MOST_TRIES = 60
_MILEAGES = 9
_SEASONS = 4


class PlugInRule(NamedTuple):
    """p(soc) = anyway + keen x (1 under need, 0 over ENOUGH, ((ENOUGH - soc) / (ENOUGH - need))^n between)."""

    n: float = 0.0
    keen: float = 0.0
    anyway: float = 1.0

    def p(self, soc: Floats, need: Floats) -> Floats:
        """(m,) probability to plug in at `soc`, for people who need `need`."""
        if not self.keen:
            return np.full(len(soc), self.anyway)
        share = np.clip((ENOUGH - soc) / (ENOUGH - need), 0.0, 1.0)
        return self.anyway + self.keen * share**self.n * (share > 0)


def need_of(kwh_per_day: Floats, capacity_kwh: Floats | float) -> Floats:
    """(n,) SoC under which people always plug in [0-1], from their mean day's driving."""
    need = np.maximum(DAYS_NEEDED * kwh_per_day / capacity_kwh, LEAST_NEED)
    return np.minimum(need, ENOUGH - _LEAST_GAP)


class Sample(NamedTuple):
    """A sample of an archetype's drivers in all seasons; each (n,): weight, and what decides how often they plug in.

    kwh_per_day : their own mean over a year; factor : consumption of the season, as a multiple of the year's;
    axes : the values of the three, rising; the sample is their product, the last one fastest
    """

    weight: Floats
    kwh_per_day: Floats
    factor: Floats
    target: Floats
    axes: tuple[Floats, Floats, Floats]

    def most_like(self, kwh_per_day: Floats, factor: float, target: Floats) -> Ints:
        """(m,) the sampled driver most like each of some people."""
        at = [_closest(axis, x) for axis, x in zip(self.axes, (kwh_per_day, np.array([factor]), target), strict=True)]
        return (at[0] * len(self.axes[1]) + at[1]) * len(self.axes[2]) + at[2]


def _closest(axis: Floats, x: Floats) -> Ints:
    return np.searchsorted((axis[1:] + axis[:-1]) / 2, x)


class Settled(NamedTuple):
    """The long run of each of a sample of drivers: plug-ins a day (n,), and how often each level of SoC is seen.

    morning : (n, levels) distribution of SoC when the day begins; soc : (n, levels) the levels [0-1]
    """

    frequency: Floats
    morning: Floats
    soc: Floats


class Habit:
    """One archetype's decision to plug in, solved.

    targets : the targets of its people [0-1] and their shares
    """

    def __init__(
        self, archetype: UserArchetype, behaviour: Behaviour, days: Days, first_day: int, targets: tuple[Floats, Floats]
    ) -> None:
        self._capacity_kwh = archetype.battery_kwh
        self._frequency = archetype.plug_in_frequency_per_day
        self._reserve = behaviour.public_reserve_percent / 100
        kwh = archetype.miles_per_year / DAYS_PER_YEAR / archetype.efficiency_miles_per_kwh
        if self._frequency >= 1 or not behaviour.driving or not kwh:
            self.rule = PlugInRule(anyway=self._frequency)
            return
        self._daily = CappedLogNormal.with_cv(behaviour.miles_cv_between_days)
        self._days = [days.day(first_day + i) for i in range(DAYS_PER_YEAR)]
        self._drivers = _sample(kwh, behaviour, self._days, targets)
        self.rule = self._solve()

    def first_soc(self, luck: Floats, kwh_per_day: Floats, target: Floats, day: Day) -> Floats:
        """(n,) SoC with which a settled day begins: that of the sampled driver most alike, from one uniform each."""
        if not self.rule.keen:
            return target.copy()
        sample = self._drivers
        settled = self._settled(self.rule)
        soc = np.empty(len(luck))
        alike = sample.most_like(kwh_per_day, day.consumption, target)
        for i in set(alike.tolist()):
            rows = np.flatnonzero(alike == i)
            upto = np.cumsum(settled.morning[i])
            level = np.searchsorted(upto / upto[-1], luck[rows])
            soc[rows] = settled.soc[i, np.minimum(level, _LEVELS)]
        return np.minimum(soc, target)

    # ---- solving

    def _solve(self) -> PlugInRule:
        """The rule with the configured frequency."""

        def excess(rule: PlugInRule) -> float:
            return self._mean_frequency(rule) - self._frequency

        if excess(PlugInRule(_LEAST_N, 1.0, 0.0)) < 0:
            return _root(lambda a: PlugInRule(_LEAST_N, 1 - a, a), 0.0, 1.0, excess)
        if excess(PlugInRule(_MOST_N, 1.0, 0.0)) > 0:
            return _root(lambda k: PlugInRule(_MOST_N, k, 0.0), 0.0, 1.0, excess)
        low, high = math.log(_MOST_N), math.log(_LEAST_N)
        return _root(lambda log_n: PlugInRule(math.exp(log_n), 1.0, 0.0), low, high, excess)

    def _mean_frequency(self, rule: PlugInRule) -> float:
        return float(self._drivers.weight @ self._settled(rule).frequency)

    def _settled(self, rule: PlugInRule) -> Settled:
        """By expected visits to each level between plug-ins: v_j = w_j + sum over i <= j of v_i (1 - p_i) w_(j - i)."""
        sample = self._drivers
        grain = (sample.target - self._reserve) / _LEVELS
        soc = sample.target[:, None] - grain[:, None] * np.arange(_LEVELS + 1)
        need = need_of(sample.kwh_per_day, self._capacity_kwh)
        shape = soc.shape
        stays_out = 1 - rule.p(soc.ravel(), np.repeat(need, shape[1])).reshape(shape)
        falls, upto = self._falls
        visits, carried = np.empty(shape), np.zeros(shape)
        for j in range(_LEVELS):
            came = falls[:, j] + np.einsum("ij,ij->i", carried[:, :j], falls[:, j:0:-1])
            visits[:, j] = came / (1 - stays_out[:, j] * falls[:, 0])
            carried[:, j] = visits[:, j] * stays_out[:, j]
        beyond = 1 - upto
        last = beyond[:, _LEVELS - 1] + np.einsum("ij,ij->i", carried[:, :_LEVELS], beyond[:, _LEVELS - 1 :: -1])
        visits[:, _LEVELS] = last / np.maximum(1 - stays_out[:, _LEVELS], _CLOSE)
        carried[:, _LEVELS] = visits[:, _LEVELS] * stays_out[:, _LEVELS]
        cycle = visits.sum(axis=1)
        carried[:, 0] += 1.0
        return Settled(1 / cycle, carried / cycle[:, None], soc)

    @property
    def _falls(self) -> tuple[Floats, Floats]:
        """(n, levels + 1) probability that a day takes so many levels, and its running sum; the mean is kept.

        A day between two levels is split between them: w_k is the second difference of H(t) = E max(t - x, 0).
        """
        if self._known_falls is None:
            sample = self._drivers
            grain = (sample.target - self._reserve) / _LEVELS * self._capacity_kwh
            at = grain[:, None] * np.arange(-1, _LEVELS + 2)
            h = np.zeros_like(at)
            kinds = {(d.is_working, d.p_drive, d.miles): 0 for d in self._days}
            for day in self._days:
                kinds[day.is_working, day.p_drive, day.miles] += 1
            for (_, p_drive, miles), n in kinds.items():
                mean = (sample.kwh_per_day * sample.factor)[:, None] * miles
                put_off = np.maximum(at, 0.0)
                driven = self._expected_rest(put_off, mean) if miles else put_off
                h += n / len(self._days) * (p_drive * driven + (1 - p_drive) * put_off)
            falls = (h[:, 2:] - 2 * h[:, 1:-1] + h[:, :-2]) / grain[:, None]
            falls = np.maximum(falls, 0.0)
            self._known_falls = falls, np.minimum(np.cumsum(falls, axis=1), 1.0)
        return self._known_falls

    _known_falls: tuple[Floats, Floats] | None = None

    def _expected_rest(self, t: Floats, mean: Floats) -> Floats:
        """E max(t - x, 0) of a driving day x with a mean: t F(t) - E(x; x <= t) of the capped log-normal."""
        sigma, divisor = self._daily
        if not sigma:
            return np.maximum(t - mean, 0.0)
        with np.errstate(divide="ignore"):
            z = np.log(np.maximum(t / mean * divisor, 0.0)) / sigma
        below = mean / divisor * math.exp(sigma**2 / 2) * normal_cdfs(z - sigma)
        return np.where(z < MOST_Z, t * normal_cdfs(z) - below, t - mean)


def _root(
    make: Callable[[float], PlugInRule], low: float, high: float, excess: Callable[[PlugInRule], float]
) -> PlugInRule:
    """The rule where `excess`, which rises from `low` to `high`, is 0: by regula falsi (Illinois)."""
    e_low, e_high = excess(make(low)), excess(make(high))
    middle = low if abs(e_low) < abs(e_high) else high
    for _ in range(_MOST_TRIES):
        if e_low >= 0 or e_high <= 0:
            break
        middle = low - e_low * (high - low) / (e_high - e_low)
        error = excess(make(middle))
        if abs(error) < _CLOSE:
            break
        if error < 0:
            low, e_low, e_high = middle, error, e_high / 2
        else:
            high, e_high, e_low = middle, error, e_low / 2
    return make(middle)


def _sample(kwh_per_day: float, behaviour: Behaviour, days: list[Day], targets: tuple[Floats, Floats]) -> Sample:
    """Drivers of all mileages (Gauss-Hermite points of the multiplier) in all seasons, with all targets."""
    z, weight = np.zeros(1), np.ones(1)
    if behaviour.miles_cv_between_users:
        z, weight = np.polynomial.hermite_e.hermegauss(_MILEAGES)
    users = CappedLogNormal.with_cv(behaviour.miles_cv_between_users).of(z)
    users /= np.average(users, weights=weight)
    factor = np.sort([day.consumption for day in days])
    seasons = np.array([part.mean() for part in np.array_split(factor, _SEASONS if behaviour.season else 1)])
    target, share = targets
    axes = kwh_per_day * users, seasons, target
    user, season, goal = (i.ravel() for i in np.indices([len(axis) for axis in axes]))
    weights = (weight / weight.sum())[user] * share[goal] / len(seasons)
    return Sample(weights, axes[0][user], seasons[season], target[goal], axes)


__all__ = ["Habit", "PlugInRule", "need_of"]

"""How much could be sold at each half-hour of the day, and for how long it could be kept up."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from evsim._results import Results
from evsim._tables import Table
from evsim._units import SECONDS_PER_MINUTE, Anything, Floats, Ints
from evsim.analysis._film import Film, Frame
from evsim.analysis._fleets import KINDS, Fleets
from evsim.analysis._local_days import cells, clock_text
from evsim.analysis._possible import HALF_HOUR_S, N_STARTS, half_hours

LENGTHS = (15, 30, 60, 120)
"""Lengths of products [min]."""
_ROUNDING = 1e-9


@dataclass(frozen=True, eq=False, repr=False)
class Envelope:
    """The largest block that a run's cars could hold, from each local half-hour, for each length.

    kinds : turn_down (drawing less), discharge (giving back), both together, turn_up (drawing more)
    days : (n_days,) local dates, datetime64[D]; starts_s : (48,) seconds after midnight; minutes : lengths
    kw : (n_kinds, n_days, 48, n_lengths) beside the power of the run itself [kW at the meter]; NaN where the run does
        not hold the whole of it
    """

    kinds: tuple[str, ...]
    days: Anything
    starts_s: Ints
    minutes: tuple[int, ...]
    kw: Floats

    def __repr__(self) -> str:
        """One line."""
        return f"<Envelope: {', '.join(self.kinds)}; {len(self.days):,} days>"

    @property
    def mean_kw(self) -> Floats:
        """(n_kinds, 48, n_lengths) over the days [kW]."""
        n = (~np.isnan(self.kw)).sum(axis=1)
        return np.asarray(np.divide(np.nansum(self.kw, axis=1), n, out=np.full(n.shape, np.nan), where=n > 0))

    @property
    def n_days(self) -> Ints:
        """(48, n_lengths) on how many days it is known."""
        return np.asarray((~np.isnan(self.kw[0])).sum(axis=0))

    def firm_kw(self, confidence: float) -> Floats:
        """(n_kinds, 48, n_lengths) what there is on a share of the days [0-1], as `firm_of` has it [kW]."""
        return np.apply_along_axis(firm_of, 1, self.kw, confidence)

    def table(self, confidence: float) -> Table:
        """One row for each kind, half-hour and length."""
        shape = (len(self.kinds), N_STARTS, len(self.minutes))
        kind, start, length = (axis.ravel() for axis in np.indices(shape))

        def flat(values: Floats) -> Floats:
            return np.round(np.broadcast_to(values, shape).ravel(), 3)

        named = {"firm_kw": confidence, "median_kw": 0.5, "worst_kw": 1.0, "best_kw": 0.0}
        starts = np.array([clock_text(float(second)) for second in self.starts_s], object)
        return Table(
            {
                "kind": np.array(self.kinds, object)[kind],
                "start_local": starts[start],
                "minutes": np.array(self.minutes)[length],
                "days": np.broadcast_to(self.n_days, shape).ravel(),
                "mean_kw": flat(self.mean_kw),
                **{name: flat(self.firm_kw(share)) for name, share in named.items()},
            }
        )


def firm_of(kw: Floats, confidence: float) -> float:
    """What there is at least on a share `confidence` [0-1] of days: of n, the k-th best with k = ceil(confidence n).

    No interpolation: it is what one of the days had. NaN days are not counted; without days it is NaN.
    """
    best_first = np.sort(kw[~np.isnan(kw)])[::-1]
    if not len(best_first):
        return math.nan
    return float(best_first[place_of(len(best_first), confidence) - 1])


def place_of(n_days: int, confidence: float) -> int:
    """The place of the firm day among n, the best being the first: k = ceil(confidence n)."""
    return max(1, math.ceil(confidence * n_days - _ROUNDING))


class Frames:
    """Frames of a film that rising windows share."""

    def __init__(self, film: Film, most: int) -> None:
        self._film, self._most = film, most
        self._kept: OrderedDict[int, Frame] = OrderedDict()

    def at(self, instants: Ints) -> list[Frame]:
        """Those of some instants, rising."""
        for at in instants.tolist():
            if at not in self._kept:
                self._kept[at] = self._film.at(at)
        found = [self._kept[at] for at in instants.tolist()]
        while len(self._kept) > self._most:
            self._kept.popitem(last=False)
        return found


def envelope(
    results: Results,
    minutes: Sequence[int] = LENGTHS,
    progress: Callable[[int, int], None] | None = None,
) -> Envelope:
    """The largest block from each local half-hour of each day, for each length [min].

    A block is held in every quarter of an hour, and is beside what the same cars do in the run. Cars take turns:
    exactly what `evsim.analysis._deliverable` says of the fleets that `evsim.analysis._fleets` makes. What can be
    held for long can be held for less.
    """
    clock, fleets = results.clock, Fleets(results)
    lengths = tuple(sorted(set(minutes)))
    days, instants = half_hours(clock)
    kw = np.full((len(KINDS), len(days), N_STARTS, len(lengths)), np.nan)
    frames = Frames(Film(results), 2 * lengths[-1] * SECONDS_PER_MINUTE // (HALF_HOUR_S // 2) + 2)
    order = [(int(at), place) for place, at in np.ndenumerate(instants) if at >= 0]
    for done, (begin, (day, start)) in enumerate(sorted(order)):
        for i, length in enumerate(lengths):
            end = begin + length * SECONDS_PER_MINUTE
            if end <= clock.end_s:
                kw[:, day, start, i] = fleets.blocks(frames.at(cells(begin, end)))
        if progress is not None:
            progress(done + 1, len(order))
    longest_first = np.where(np.isnan(kw), -np.inf, kw)[..., ::-1]
    held = np.maximum.accumulate(longest_first, axis=3)[..., ::-1]
    return Envelope(
        kinds=KINDS,
        days=days.astype("datetime64[D]"),
        starts_s=np.arange(N_STARTS) * HALF_HOUR_S,
        minutes=lengths,
        kw=np.where(np.isnan(kw), np.nan, held),
    )

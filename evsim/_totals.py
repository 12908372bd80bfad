"""Running totals by archetype, kept up by differences so that a car that sits still costs nothing.

SoC percentiles come from a histogram of `LEVELS` + 1 levels: a percentile is the level, to the nearest
0.1 percentage point, of a user who has it (the inverted distribution function), never a blend of two users.
"""

from __future__ import annotations

import itertools
from typing import NamedTuple

import numpy as np

from evsim._units import Anything, Floats, Ints

LEVELS = 1000
QUANTILES = (0.1, 0.5, 0.9)
BYTES_PER_SNAPSHOT_AND_ARCHETYPE = (LEVELS + 1) * 4
"""How many of an archetype's users are at each level, after one step."""

_RANK_ROUNDING = 1e-9
_ONE = np.int32(1)  # of the same type as what it is added to: numpy is fifty times slower otherwise


class Totals:
    """Counts, energies and SoC of each archetype in each step of a stretch.

    Changes are noted in the step they fall in and summed up when the stretch is over, so it does not matter
    in which order, or how many steps at a time, a stretch is lived. What happens at the instant between two steps
    belongs to the later one, but for a charge that ends by itself just then.

    archetype : (n_users,) index of each user's archetype
    n_archetypes : how many there are
    step_s : length of a step [s]
    """

    def __init__(self, archetype: Ints, n_archetypes: int, step_s: int) -> None:
        self._archetype = archetype
        self._n, self._step_s = n_archetypes, step_s
        self.n_users = np.bincount(archetype, minlength=n_archetypes)
        self.is_counting = False
        self._first, self._only = 0, 0
        self._is_split = False

    @property
    def is_split(self) -> bool:
        """Whether several steps are lived at a time."""
        return self._is_split

    def count_all(self, soc: Floats, is_plugged_in: Anything, is_charging: Anything, is_away: Anything) -> None:
        """Start from the state of everybody."""
        n, group = self._n, self._archetype
        self._counts = [np.bincount(group[on], minlength=n) for on in (is_plugged_in, is_charging, is_away)]
        self._soc_sum = np.bincount(group, weights=soc, minlength=n)
        at_level = np.bincount(group * (LEVELS + 1) + _level(soc), minlength=n * (LEVELS + 1))
        self._at_level = at_level.astype(np.int32)

    def begin(self, first: int, n_steps: int) -> None:
        """Begin a stretch of steps."""
        self.is_counting = True
        self._first, self._n_steps = first, n_steps
        cells = n_steps * self._n
        self._changes = [np.zeros(cells, np.int64) for _ in range(3)]
        self._import_kwh, self._export_kwh, self._soc_change = np.zeros(cells), np.zeros(cells), np.zeros(cells)
        self._level_change = np.zeros(cells * (LEVELS + 1), np.int32)

    def live(self, step: int, n_steps: int) -> None:
        """Say which steps come next, so that a single one need not be found out."""
        self._only, self._is_split = (step - self._first) * self._n, n_steps > 1

    def _cell(self, at_s: Anything | float, group: Ints, *, is_end: bool = False) -> Ints:
        """Step and archetype of changes at instants."""
        if not self._is_split:
            return group + self._only
        step = np.floor_divide(np.subtract(at_s, 1) if is_end else at_s, self._step_s)
        return group + (np.asarray(step, np.int64) - self._first) * self._n

    def plugged(self, at_s: Anything | float, group: Ints, change: int) -> None:
        """Users of archetypes `group` (n,) plugged in (+1) or out (-1)."""
        self._note(0, self._cell(at_s, group), change)

    def charging(self, at_s: Anything | float, group: Ints, change: int, *, is_end: bool = False) -> None:
        """Users of archetypes `group` (n,) started (+1) or stopped (-1) charging; is_end : by themselves."""
        self._note(1, self._cell(at_s, group, is_end=is_end), change)

    def away(self, at_s: Anything | float, group: Ints, change: int) -> None:
        """Users of archetypes `group` (n,) drove off (+1) or came home (-1)."""
        self._note(2, self._cell(at_s, group), change)

    def _note(self, which: int, cell: Ints, change: int) -> None:
        self._changes[which] += change * np.bincount(cell, minlength=len(self._import_kwh))

    def moved(self, step: Ints | None, group: Ints, before: Floats, after: Floats, kwh: Floats | None = None) -> None:
        """SoC of users of archetypes `group` went from `before` to `after` in a step, with `kwh`; each (n,).

        step : the steps, or None for the one that is being lived; kwh : at the meter, negative where it went out
        """
        cell = group + self._only if step is None else group + (step - self._first) * self._n
        cells = len(self._import_kwh)
        self._soc_change += np.bincount(cell, weights=after - before, minlength=cells)
        if kwh is not None:
            gives = kwh < 0
            if gives.any():
                self._export_kwh -= np.bincount(cell[gives], weights=kwh[gives], minlength=cells)
                kwh = np.where(gives, 0.0, kwh)
            self._import_kwh += np.bincount(cell, weights=kwh, minlength=cells)
        cell *= LEVELS + 1
        np.subtract.at(self._level_change, cell + _level(before), _ONE)
        np.add.at(self._level_change, cell + _level(after), _ONE)

    def series(self) -> Snapshot:
        """The totals of every step of the stretch; the next one begins from its end."""
        shape = (self._n_steps, self._n)
        changes = zip(self._counts, self._changes, strict=True)
        counts = [_run_on(state, change.reshape(shape)) for state, change in changes]
        soc_sum = _run_on(self._soc_sum, self._soc_change.reshape(shape))
        at_level = _run_on(self._at_level, self._level_change.reshape(self._n_steps, -1))
        self._counts, self._soc_sum, self._at_level = [c[-1] for c in counts], soc_sum[-1], at_level[-1].copy()
        import_kwh, export_kwh = self._import_kwh.reshape(shape), self._export_kwh.reshape(shape)
        plugged_in, charging, away = counts
        return Snapshot(import_kwh, export_kwh, plugged_in, charging, away, soc_sum, at_level)


def _run_on(state: Anything, change: Anything) -> Anything:
    """(n_steps, n) what a state becomes, step by step; ten times as fast as `cumsum` down a table."""
    change[0] += state
    for before, after in itertools.pairwise(change):
        np.add(before, after, out=after)
    return change


class Snapshot(NamedTuple):
    """Totals of some steps, each (n_steps, n_archetypes).

    import_kwh, export_kwh : over the step, at the meter; n_plugged_in, n_charging, n_away, soc_sum : at its end;
    at_level (n_steps, n_archetypes * (LEVELS + 1)) : users at each level of SoC
    """

    import_kwh: Floats
    export_kwh: Floats
    n_plugged_in: Ints
    n_charging: Ints
    n_away: Ints
    soc_sum: Floats
    at_level: Anything


def soc_quantiles(at_level: Anything, n_users: Ints) -> Floats:
    """(n_steps, n_archetypes, 3) SoC that 10, 50 and 90% of the users are at or under [0-1].

    NaN for an archetype without users.
    at_level : (n_steps, n_archetypes * (LEVELS + 1)) users at each level; n_users : (n_archetypes,)
    """
    kind = at_level.dtype  # one type throughout: a search in a row of another type copies it
    upto = np.cumsum(at_level, axis=1, dtype=kind)
    ranks = np.maximum(np.ceil(np.outer(n_users, QUANTILES) - _RANK_ROUNDING), 1)
    ranks = (ranks + (np.cumsum(n_users) - n_users)[:, None]).astype(kind)
    found = np.array([np.searchsorted(row, ranks.ravel()) for row in upto]).reshape(-1, *ranks.shape)
    quantiles = (found - (LEVELS + 1) * np.arange(len(n_users))[:, None]) / LEVELS
    quantiles[:, n_users == 0] = np.nan
    return quantiles


def _level(soc: Floats) -> Ints:
    """Which level of the histogram an SoC [0-1] belongs to."""
    return np.rint(soc * LEVELS).astype(np.int64)

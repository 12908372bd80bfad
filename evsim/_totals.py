"""Running totals by archetype, kept up by differences so that a car that sits still costs nothing.

SoC percentiles come from a histogram of `LEVELS` + 1 levels: a percentile is the level, to the nearest
0.1 percentage point, of a user who has it (the inverted distribution function), never a blend of two users.
"""

from __future__ import annotations

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
    """Counts, energies and SoC of each archetype.

    archetype : (n_users,) index of each user's archetype
    n_archetypes : how many there are
    """

    def __init__(self, archetype: Ints, n_archetypes: int) -> None:
        self._archetype = archetype
        self._n = n_archetypes
        self.n_users = np.bincount(archetype, minlength=n_archetypes)
        self.n_plugged_in = np.zeros(n_archetypes, np.int64)
        self.n_charging = np.zeros(n_archetypes, np.int64)
        self.import_kwh = np.zeros(n_archetypes)
        self.export_kwh = np.zeros(n_archetypes)
        self._soc_sum = np.zeros(n_archetypes)
        self._at_level = np.zeros(n_archetypes * (LEVELS + 1), np.int32)

    def count_all(self, soc: Floats, is_plugged_in: Anything, is_charging: Anything) -> None:
        """Start from the state of everybody, with no energy yet."""
        n = self._n
        self.n_plugged_in = np.bincount(self._archetype[is_plugged_in], minlength=n)
        self.n_charging = np.bincount(self._archetype[is_charging], minlength=n)
        self._soc_sum[:] = np.bincount(self._archetype, weights=soc, minlength=n)
        at_level = np.bincount(self._archetype * (LEVELS + 1) + _level(soc), minlength=n * (LEVELS + 1))
        self._at_level = at_level.astype(np.int32)
        self.clear_energy()

    def clear_energy(self) -> None:
        """Begin a new step."""
        self.import_kwh[:] = 0.0
        self.export_kwh[:] = 0.0

    def plugged(self, group: Ints, change: int) -> None:
        """Users of archetypes `group` (n,) plugged in (+1) or out (-1)."""
        self.n_plugged_in += change * np.bincount(group, minlength=self._n)

    def charging(self, group: Ints, change: int) -> None:
        """Users of archetypes `group` (n,) started (+1) or stopped (-1) charging."""
        self.n_charging += change * np.bincount(group, minlength=self._n)

    def moved(self, group: Ints, before: Floats, after: Floats, import_kwh: Floats | None = None) -> None:
        """SoC of users of archetypes `group` went from `before` to `after`, with `import_kwh`; each (n,)."""
        n = self._n
        self._soc_sum += np.bincount(group, weights=after - before, minlength=n)
        if import_kwh is not None:
            self.import_kwh += np.bincount(group, weights=import_kwh, minlength=n)
        base = group * (LEVELS + 1)
        np.subtract.at(self._at_level, base + _level(before), _ONE)
        np.add.at(self._at_level, base + _level(after), _ONE)

    def snapshot(self) -> Snapshot:
        """The totals as they are, copied."""
        return Snapshot(
            self.import_kwh.copy(),
            self.export_kwh.copy(),
            self.n_plugged_in.copy(),
            self.n_charging.copy(),
            self._soc_sum.copy(),
            self._at_level.copy(),
        )


class Snapshot(NamedTuple):
    """Totals of one step, each (n_archetypes,), or of many steps or blocks with more axes in front.

    import_kwh, export_kwh : over the step, at the meter; n_plugged_in, n_charging, soc_sum : at its end;
    at_level (n_archetypes * (LEVELS + 1),) : users at each level of SoC
    """

    import_kwh: Floats
    export_kwh: Floats
    n_plugged_in: Ints
    n_charging: Ints
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

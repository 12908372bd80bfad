"""What is left of a file of real sessions when it has been read and judged."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from evsim._errors import name_some
from evsim._units import Anything, Floats, Ints

REASONS = {
    "too_many_cells": "more cells than there are headers",
    "missing": "plug-in, plug-out or energy is empty",
    "not_a_time": "not a date with a time that can be read",
    "not_a_number": "not a number",
    "out_of_range": "a battery or charger that no car has",
    "soc_out_of_range": "a state of charge outside 0-100%",
    "negative_energy": "energy below zero",
    "no_such_time": "a local time that the clocks skipped",
    "plug_out_not_after_plug_in": "the stay has no length",
    "does_not_fit": "more energy than the stay, the charger or any battery allows",
    "duplicate": "the same session once more",
    "overlap": "begins while an earlier session of the same user lasts",
}
"""Why a row is left out, in the order in which rows are asked: only the first reason counts."""
_MOST_REASONS_TOLD = 4


class Rejected(NamedTuple):
    """A row that is left out: its line, its user (or ""), a word of `REASONS`, and what was found and is allowed."""

    line: int
    user: str
    reason: str
    text: str


@dataclass(frozen=True, eq=False)
class RecordedSessions:
    """Real sessions as columns, by user and then plug-in; never overlapping for a user.

    user : (n,) index of the user
    plug_in_s, plug_out_s : (n,) UTC instants [s since 1970]
    energy_kwh : (n,) at the meter [kWh]
    soc : (n,) SoC at plug-in [0-1], NaN where the file does not say
    line : (n,) line in the file
    user_names : (n_users,) by archetype, then first plug-in
    archetype : (n_users,) index into `archetype_names`, never falling
    archetype_names : by first plug-in
    battery_kwh, charger_kw : (n_users,) [kWh], [kW]
    rejected : the rows that were left out, by line
    n_rows : rows in the file
    n_batteries_enlarged, n_chargers_estimated : users whose battery was too small, whose charger was not told
    sha256 : of the file's bytes
    """

    user: Ints
    plug_in_s: Ints
    plug_out_s: Ints
    energy_kwh: Floats
    soc: Floats
    line: Ints
    user_names: tuple[str, ...]
    archetype: Ints
    archetype_names: tuple[str, ...]
    battery_kwh: Floats
    charger_kw: Floats
    rejected: tuple[Rejected, ...]
    n_rows: int
    n_batteries_enlarged: int
    n_chargers_estimated: int
    sha256: str

    @property
    def n_users(self) -> int:
        """How many users have a session."""
        return len(self.user_names)

    @cached_property
    def n_users_by_archetype(self) -> tuple[int, ...]:
        """How many users are of each archetype."""
        return tuple(np.bincount(self.archetype, minlength=len(self.archetype_names)).tolist())

    @cached_property
    def n_rejected(self) -> dict[str, int]:
        """How many rows were left out for each reason that occurs, in the order of `REASONS`."""
        counts = Counter(row.reason for row in self.rejected)
        return {reason: counts[reason] for reason in REASONS if counts[reason]}

    def notes(self, start_s: int, end_s: int) -> tuple[str, ...]:
        """What somebody should know before a run from one instant to another [s since 1970]."""
        told = []
        n_outside = int(np.count_nonzero((self.plug_in_s < start_s) | (self.plug_in_s >= end_s)))
        if n_outside:
            told.append(f"sessions: {n_outside:,} of {len(self.line):,} do not begin within the run, and are not lived")
        if self.rejected:
            counts = sorted(self.n_rejected.items(), key=lambda item: -item[1])
            why = name_some([f"{n:,} {reason}" for reason, n in counts], _MOST_REASONS_TOLD)
            told.append(f"sessions: {len(self.rejected):,} of {self.n_rows:,} rows are left out ({why})")
        known = self.soc[~np.isnan(self.soc)]
        if len(known) and 0 < known.max() <= 1 / 100:
            told.append("sessions: no state of charge is over 1%; are they fractions? They are read as percentages")
        return tuple(told)

    def __eq__(self, other: object) -> bool:
        """Equal when every column is."""
        if not isinstance(other, RecordedSessions):
            return NotImplemented
        return all(_alike(getattr(self, field.name), getattr(other, field.name)) for field in fields(self))

    def __hash__(self) -> int:
        return hash((self.sha256, self.n_rows, len(self.line)))


def _alike(a: Any, b: Any) -> bool:
    if isinstance(a, np.ndarray):
        return bool(np.array_equal(a, b, equal_nan=a.dtype.kind == "f"))
    return bool(a == b)


def rejected_table(recorded: RecordedSessions) -> dict[str, Anything]:
    """The columns of `sessions_rejected.csv`: line, user, reason, text."""
    columns = list(zip(*recorded.rejected, strict=True)) or [()] * len(Rejected._fields)
    kinds = (np.int64, object, object, object)
    return {name: np.array(column, kind) for name, column, kind in zip(Rejected._fields, columns, kinds, strict=True)}

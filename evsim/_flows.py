"""The flows in progress, into batteries and out of them: one dense row each, so that those of a step lie together."""

from __future__ import annotations

from typing import ClassVar, NamedTuple

import numpy as np

from evsim._battery import ChargeCurve, Wiring, charge, segment
from evsim._splits import Split, by_step
from evsim._units import SECONDS_PER_HOUR, Anything, Bools, Floats, Ints, Who, rows_where

_FIRST_CAPACITY = 64
ROUNDING_S = 1e-6
"""An instant this close to a whole second is that second: the rest is the rounding of float64 [s]."""


class Order(NamedTuple):
    """What a flow is to be; each (n,): most power at the meter [kW; negative to give it back], goal [0-1], end [s], and
    why it would end then.
    """

    max_kw: Floats
    until_soc: Floats
    stop_at: Floats
    stop_reason: Anything | int

    def of(self, rows: Ints) -> Order:
        """The same for some rows."""
        why = self.stop_reason if isinstance(self.stop_reason, int) else self.stop_reason[rows]
        return Order(self.max_kw[rows], self.until_soc[rows], self.stop_at[rows], why)


class Move(NamedTuple):
    """What flowed; each (n,): SoC before and after [0-1], energy at the meter [kWh; negative where it went out]."""

    before: Floats
    after: Floats
    kwh: Floats


class MoveBySteps(NamedTuple):
    """What flowed in each step: the parts, the row of each, what it did, and what the log takes at cuts [kWh]."""

    split: Split
    row: Ints
    move: Move
    logged_kwh: Anything


class Flows:
    """Flows in progress as columns; rows 0 to `n` are in use, in no particular order.

    grain_kwh : what energies in the log are multiples of, so that a step's is exact in float32

    who : user; group : its archetype; since [s] : up to when `soc` [0-1] is true
    unlogged_kwh : energy at the meter that is not in the event log yet [kWh; negative of what goes out]
    max_kw, until_soc, stop_reason : the order; charger_kw, soc_per_kwh : the wiring
    stop_at [s], ends_at_target : when the flow ends, and whether by its target or by its order
    flat_kw, flat_until [s] : power at the meter, and for how long it stays so
    """

    who: Who
    group: Ints
    since: Floats
    soc: Floats
    unlogged_kwh: Floats
    max_kw: Floats
    until_soc: Floats
    stop_reason: Anything
    charger_kw: Floats
    soc_per_kwh: Floats
    stop_at: Floats
    ends_at_target: Bools
    flat_kw: Floats
    flat_until: Floats

    _KINDS: ClassVar[dict[str, type]] = {
        "who": np.int64, "group": np.int64, "since": np.float64, "soc": np.float64, "unlogged_kwh": np.float64,
        "max_kw": np.float64, "until_soc": np.float64, "stop_reason": np.uint8, "charger_kw": np.float64,
        "soc_per_kwh": np.float64, "stop_at": np.float64, "ends_at_target": np.bool_, "flat_kw": np.float64,
        "flat_until": np.float64,
    }  # fmt: skip

    def __init__(self, curve: ChargeCurve, grain_kwh: float) -> None:
        self.curve, self._grain_kwh = curve, grain_kwh
        self.n = 0
        self._capacity = _FIRST_CAPACITY
        for name, kind in self._KINDS.items():
            setattr(self, name, np.empty(_FIRST_CAPACITY, kind))

    def start(
        self,
        who: Who,
        group: Ints,
        at_s: Floats,
        soc: Floats,
        order: Order,
        wiring: Wiring,
        unlogged_kwh: Floats,
    ) -> Ints:
        """Begin flows at `at_s` and foresee their end; returns their rows.

        Out of a battery the power is that of the order, whatever its SoC; `soc_per_kwh` is then a fall for each kWh.
        """
        max_kw, until_soc, stop_at, stop_reason = order
        charger_kw, soc_per_kwh = wiring
        if float(until_soc.max()) <= self.curve.is_flat_to:
            flat_kw = np.minimum(max_kw, charger_kw * self.curve.share[0])
            hours, flat_until = (until_soc - soc) / (soc_per_kwh * flat_kw), np.inf
        else:
            forever = np.full(len(who), np.inf)
            hours = charge(self.curve, wiring, soc, max_kw, until_soc, forever).hours
            part = segment(self.curve, soc, np.minimum(max_kw / charger_kw, 1.0))
            flat_kw = part.share * charger_kw
            rise = np.minimum(part.end_soc, until_soc) - soc
            flat_h = np.where(part.slope == 0, rise / (soc_per_kwh * flat_kw), 0.0)
            flat_until = at_s + flat_h * SECONDS_PER_HOUR
            gives = max_kw < 0
            if gives.any():
                flat_kw[gives], flat_until[gives] = max_kw[gives], np.inf
                hours[gives] = ((until_soc - soc) / (soc_per_kwh * max_kw))[gives]
        reached_at = _whole_if_close(at_s + hours * SECONDS_PER_HOUR)
        return self._add(
            len(who), who=who, group=group, since=at_s, soc=soc, unlogged_kwh=unlogged_kwh,
            max_kw=max_kw, until_soc=until_soc, stop_reason=stop_reason,
            charger_kw=charger_kw, soc_per_kwh=soc_per_kwh,
            stop_at=np.minimum(reached_at, stop_at), ends_at_target=reached_at <= stop_at,
            flat_kw=flat_kw, flat_until=flat_until,
        )  # fmt: skip

    def follows(self, rows: Ints, order: Order) -> Bools:
        """(n,) whether charges go on just as orders from now on would have them."""
        same: Bools = (self.max_kw[rows] == order.max_kw) & (self.until_soc[rows] == order.until_soc)
        ends, stop_at = self.ends_at_target[rows], self.stop_at[rows]
        as_timed = (stop_at == order.stop_at) & (self.stop_reason[rows] == order.stop_reason)
        same &= np.where(ends, order.stop_at >= stop_at, as_timed)
        return same

    def move(self, rows: Ints | slice, to_s: Floats | float) -> Move:
        """Let power flow until `to_s`, which is not after the charges end."""
        return self._moved(rows, to_s, self._flown(rows, to_s))

    def _flown(self, rows: Ints | slice, to_s: Floats | float) -> Move:
        """What flows until `to_s`."""
        before = self.soc[rows].copy()
        hours = (to_s - self.since[rows]) / SECONDS_PER_HOUR
        kwh = self.flat_kw[rows] * hours
        after = before + kwh * self.soc_per_kwh[rows]
        bent = self.flat_until[rows] < to_s
        if bent.any():
            wiring = Wiring(self.charger_kw[rows][bent], self.soc_per_kwh[rows][bent])
            order = self.max_kw[rows][bent], self.until_soc[rows][bent]
            done = charge(self.curve, wiring, before[bent], *order, hours[bent])
            after[bent], kwh[bent] = done.soc, done.import_kwh
        return Move(before, after, kwh)

    def move_by_steps(self, rows: Ints, to_s: Floats, step_s: int, *, is_end: bool) -> MoveBySteps:
        """Let power flow until `to_s` (n,), over step boundaries; is_end : whether the charges end there.

        At each boundary on the way the log takes its energy.
        """
        split = by_step(self.since[rows], to_s, step_s, np.full(len(rows), not is_end))
        every, first, last = rows[split.row], split.first, split.last
        flown = self._flown(every, split.until)
        if is_end:
            ends = self.finish_at(rows)
            flown.after[last], flown.kwh[last] = ends.after, ends.kwh
        before = split.before(flown.before[first], flown.after)
        kwh = flown.kwh - split.before(np.zeros(len(rows)), flown.kwh)
        told = self._whole_grains(self.unlogged_kwh[every] + flown.kwh)
        untold = self.unlogged_kwh[rows] + flown.kwh[last]
        logged = (told - split.before(np.zeros(len(rows)), told))[split.is_cut].astype(np.float32)
        upto = np.where(split.is_cut[last], told[last], np.where(last > first, told[np.maximum(last - 1, 0)], 0.0))
        self.soc[rows], self.since[rows], self.unlogged_kwh[rows] = flown.after[last], to_s, untold - upto
        return MoveBySteps(split, every, Move(before, flown.after, kwh), logged)

    def _whole_grains(self, kwh: Floats) -> Floats:
        """Energies rounded to what a float32 can tell of a step [kWh]."""
        return np.rint(kwh / self._grain_kwh) * self._grain_kwh

    def finish(self, rows: Ints) -> Move:
        """Let power flow until it ends; a flow that ends at its goal ends exactly there."""
        return self._moved(rows, self.stop_at[rows], self.finish_at(rows))

    def finish_at(self, rows: Ints) -> Move:
        """What flows until the end."""
        at_target = self.ends_at_target[rows]
        before, after = self.soc[rows], self.until_soc[rows]
        move = Move(before, after, (after - before) / self.soc_per_kwh[rows])
        if not at_target.all():
            timed_out = rows[~at_target]
            stopped = self._flown(timed_out, self.stop_at[timed_out])
            move.after[~at_target] = stopped.after
            move.kwh[~at_target] = stopped.kwh
        return move

    def _moved(self, rows: Ints | slice, to_s: Floats | float, move: Move) -> Move:
        self.soc[rows] = move.after
        self.since[rows] = to_s
        self.unlogged_kwh[rows] += move.kwh
        return move

    def take_log(self, rows: Ints | slice) -> Anything:
        """Energy for the log, float32 [kWh]; what its rounding leaves stays for the next event of a like flow."""
        exact = self.unlogged_kwh[rows]
        gives = self.max_kw[rows] < 0
        due = np.where(gives, np.minimum(exact, 0.0), np.maximum(exact, 0.0)) if gives.any() else np.maximum(exact, 0.0)
        rounded = self._whole_grains(due).astype(np.float32)
        self.unlogged_kwh[rows] = exact - rounded
        return rounded

    def remove(self, rows: Ints) -> Ints:
        """Remove flows; the last ones move into the gaps. Returns the rows that hold another flow now."""
        n = self.n - len(rows)
        stays = np.ones(self.n - n, np.bool_)
        stays[rows[rows >= n] - n] = False
        gaps, movers = rows[rows < n], n + rows_where(stays)
        for name in self._KINDS:
            column = getattr(self, name)
            column[gaps] = column[movers]
        self.n = n
        return gaps

    def columns(self) -> dict[str, Anything]:
        """The rows in use, by name."""
        return {name: getattr(self, name)[: self.n] for name in self._KINDS}

    def take_columns(self, columns: dict[str, Anything]) -> Ints:
        """Add flows; returns their rows."""
        return self._add(len(columns["who"]), **columns)

    def take_over(self, other: Flows, first_user: int) -> Ints:
        """Add the flows of another block, whose users begin at `first_user`; returns their rows."""
        columns = other.columns()
        return self.take_columns(columns | {"who": columns["who"] + first_user})

    def _add(self, n: int, **columns: Anything | float) -> Ints:
        first, self.n = self.n, self.n + n
        if self.n > self._capacity:
            self._capacity = max(2 * self._capacity, self.n)
            for name, kind in self._KINDS.items():
                roomier: Anything = np.empty(self._capacity, kind)
                roomier[:first] = getattr(self, name)[:first]
                setattr(self, name, roomier)
        for name in self._KINDS:
            getattr(self, name)[first : self.n] = columns[name]
        return np.arange(first, self.n)


def _whole_if_close(at_s: Floats) -> Floats:
    whole = np.rint(at_s)
    with np.errstate(invalid="ignore"):  # a battery that is never full is so at inf
        return np.where(np.abs(at_s - whole) < ROUNDING_S, whole, at_s)

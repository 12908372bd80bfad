"""The people, as columns: one array per quantity for all users, and every verb written once, for a group."""

from __future__ import annotations

import copy
import math
import operator
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from evsim._battery import ChargeCurve, Wiring
from evsim._clock import Clock
from evsim._errors import LeverError, name_some
from evsim._event_kinds import EventKind
from evsim._events import EventStore
from evsim._flows import Flows, Move, Order
from evsim._road import Road
from evsim._totals import Totals
from evsim._units import (
    SECONDS_PER_HOUR,
    SECONDS_PER_MINUTE,
    SOC_TOLERANCE,
    Anything,
    Bools,
    Floats,
    Ints,
    Who,
    pieces,
    rows_where,
)
from evsim._user import User

_IDLE = -1
_FLOAT32_BITS = 24
SPLIT_PIECE = 8_192
"""Charges that are followed over step boundaries at a time: each has some ten parts."""


def _grain_kwh(most_kwh: float) -> float:
    """What energies in the log are multiples of, so that one of at most `most_kwh` is exact in float32 [kWh]."""
    return float(2.0 ** (math.ceil(math.log2(most_kwh)) - _FLOAT32_BITS))


class Population:
    """Users as columns; `population[i]` and iteration give `User`s.

    Columns are (n,) arrays. For good: `archetype` (index into `archetype_names`), `capacity_kwh`, `charger_kw`,
    `efficiency`, `target_soc`, and of those who can give power back `discharge_kw` (0 for the others),
    `discharging_efficiency`, `v2g_reserve_soc`, `wear_gbp_per_kwh`. Changing: `soc`, `is_plugged_in`, `is_charging`,
    `is_discharging`, `plugged_in_at` [s], `is_away`. Powers are at the meter; of an order or a flow, import is
    positive. Books, since `open_books`: `driven_miles`, `driven_kwh`, `public_kwh`; what passed the meter is in
    `events`. `reserve_soc` is the SoC at which drivers stop to charge in public.

    Verbs take `who` (user indices, each at most once) and an instant, one for all or one each, in run seconds; a
    verb in an impossible state is a `LeverError` and changes nothing.
    """

    def __init__(
        self,
        *,
        archetype: Ints,
        archetype_names: tuple[str, ...],
        capacity_kwh: Floats,
        charger_kw: Floats,
        efficiency: Floats,
        target_soc: Floats,
        soc: Floats,
        curve: ChargeCurve,
        clock: Clock,
        discharge_kw: Floats | None = None,
        discharging_efficiency: Floats | None = None,
        v2g_reserve_soc: Floats | None = None,
        wear_gbp_per_kwh: Floats | None = None,
    ) -> None:
        n = len(archetype)
        self.archetype, self.archetype_names = archetype, archetype_names
        self.capacity_kwh, self.charger_kw, self.efficiency = capacity_kwh, charger_kw, efficiency
        self.target_soc = target_soc
        self.discharge_kw = np.zeros(n) if discharge_kw is None else discharge_kw
        self.discharging_efficiency = np.ones(n) if discharging_efficiency is None else discharging_efficiency
        self.v2g_reserve_soc = np.zeros(n) if v2g_reserve_soc is None else v2g_reserve_soc
        self.wear_gbp_per_kwh = np.zeros(n) if wear_gbp_per_kwh is None else wear_gbp_per_kwh
        self.curve, self.clock = curve, clock
        self.soc = soc.copy()
        self.is_plugged_in = np.zeros(n, np.bool_)
        self.is_charging, self.is_discharging = np.zeros(n, np.bool_), np.zeros(n, np.bool_)
        self.plugged_in_at = np.zeros(n)
        self.is_away = np.zeros(n, np.bool_)
        self.driven_kwh, self.public_kwh, self.driven_miles = np.zeros(n), np.zeros(n), np.zeros(n)
        self.reserve_soc = 0.0
        self.first_user = 0  # in the whole population, when these are a block of it
        self.now_s = 0.0
        self.events = EventStore(clock, archetype, archetype_names)
        self.totals = Totals(archetype, len(archetype_names), clock.step_s)
        self.is_recording = False
        self.is_over = False
        self._soc_per_kwh = efficiency / capacity_kwh
        self._grain_kwh = _grain_kwh(float(max(charger_kw.max(), self.discharge_kw.max())) * clock.step_h)
        self._flows = Flows(curve, self._grain_kwh)
        self._row = np.full(n, _IDLE)  # of each user's flow in `_flows`
        self.road = Road(self)
        self._unlogged_kwh, self._unlogged_export_kwh = np.zeros(n), np.zeros(n)  # that no flow has taken along
        self._soc_at_opening = self.soc.copy()

    # ---- people

    def __len__(self) -> int:
        return len(self.soc)

    def __getitem__(self, index: int) -> User:
        return User(self, range(len(self))[operator.index(index)])

    def __iter__(self) -> Iterator[User]:
        return (User(self, i) for i in range(len(self)))

    def __repr__(self) -> str:
        return f"<Population of {len(self):,} users in {len(self.archetype_names)} archetypes>"

    def wiring(self, who: Who) -> Wiring:
        """Charger and battery of `who`, to charge."""
        return Wiring(self.charger_kw[who], self._soc_per_kwh[who])

    def has_power(self, who: Who) -> Bools:
        """(n,) whether power flows, in or out."""
        return np.asarray(self._row[who] != _IDLE)

    def power_kw(self, who: Who) -> Floats:
        """Power at the meter of `who` now [kW]; negative while they give it back."""
        kw, on = np.zeros(len(who)), self.has_power(who)
        most = self.charger_kw[who[on]] * self.curve.share_at(self.soc[who[on]])
        kw[on] = np.minimum(self._flows.max_kw[self._row[who[on]]], most)
        return kw

    def order_kw(self, who: Who) -> Floats:
        """The most power that is ordered for `who` [kW]; negative to give it back, 0 where none flows."""
        kw, on = np.zeros(len(who)), rows_where(self.has_power(who))
        kw[on] = self._flows.max_kw[self._row[who[on]]]
        return kw

    def has_order(self, who: Who, order: Order) -> Bools:
        """(n,) whether power flows already as an order would have it."""
        same = self.has_power(who)
        on = rows_where(same)
        if len(on):
            same[on] = self._flows.follows(self._row[who[on]], order.of(on))
        return same

    # ---- blocks

    def block(self, first: int, end: int) -> Population:
        """Users `first` to `end` as a population of their own on the same columns, with its own log and totals."""
        part = copy.copy(self)
        for name, value in vars(self).items():
            if isinstance(value, np.ndarray):
                setattr(part, name, value[first:end])
        part.first_user = self.first_user + first
        part.events = EventStore(self.clock, part.archetype, self.archetype_names)
        part.totals = Totals(part.archetype, len(self.archetype_names), self.clock.step_s)
        part._flows = Flows(self.curve, self._grain_kwh)
        part.road = Road(part)
        return part

    def take_back(self, blocks: Sequence[Population]) -> None:
        """Be whole again: take over the logs and flows of blocks that cover it, in order."""
        self.events = EventStore.joined([block.events for block in blocks])
        first = 0
        for block in blocks:
            rows = self._flows.take_over(block._flows, first)
            self._row[self._flows.who[rows]] = rows
            self.road.take_over(block.road, first)
            first += len(block)
        self.now_s, self.is_recording = blocks[0].now_s, blocks[0].is_recording

    def for_parent(self) -> tuple[Any, ...]:
        """What the parent of this process needs to know beside the columns, which it shares."""
        return self.events.for_parent(), self._flows.columns(), self.road.trips, self.now_s, self.is_recording

    def take_from_child(self, told: tuple[Any, ...]) -> None:
        """Be the people that a child has lived with."""
        events, flows, trips, self.now_s, self.is_recording = told
        self.events.take_from_child(events)
        self._flows.take_columns(flows)
        self.road.trips = trips

    def check_open(self) -> None:
        """Raise LeverError when these people belong to a run that is over: its results do not change any more."""
        if self.is_over:
            raise LeverError("this run is over, and its results do not change; spawn people of your own to play with")

    # ---- books

    def open_books(self) -> None:
        """Begin to report: every user reports its SoC, plugs and flows in progress begin anew in the log."""
        self.is_recording = True
        for book in (
            self.driven_miles, self.driven_kwh, self.public_kwh, self._unlogged_kwh, self._unlogged_export_kwh,
            self._flows.unlogged_kwh,
        ):  # fmt: skip
            book[:] = 0.0
        self._soc_at_opening[:] = self.soc
        self.totals.count_all(self.soc, self.is_plugged_in, self.is_charging, self.is_away)
        why = self.events.reason_code("run_start")
        self._log(self.now_s, np.arange(len(self)), EventKind.REPORT, why)
        self._log(self.now_s, rows_where(self.is_plugged_in), EventKind.PLUG_IN, why)
        self._log(self.now_s, rows_where(self.is_charging), EventKind.CHARGE_START, why)
        self._log(self.now_s, rows_where(self.is_discharging), EventKind.DISCHARGE_START, why)
        self._log(self.now_s, self.road.trips.who, EventKind.TRIP_START, why)

    def gained_kwh(self) -> Floats:
        """(n,) how much more is in each battery than when the books were opened [kWh]."""
        return (self.soc - self._soc_at_opening) * self.capacity_kwh

    def residual_kwh(self, logged_import_kwh: Floats, logged_export_kwh: Floats) -> Floats:
        """(n,) what each user's books are out by [kWh], given their energy in the log: 0 but for rounding."""
        flows = self._flows
        who, unlogged_kwh = flows.who[: flows.n], flows.unlogged_kwh[: flows.n]
        import_kwh = logged_import_kwh + self._unlogged_kwh
        gives = flows.max_kw[: flows.n] < 0
        import_kwh[who] += np.where(gives, 0.0, unlogged_kwh)
        export_kwh = logged_export_kwh + self._unlogged_export_kwh
        export_kwh[who] += np.where(gives, -unlogged_kwh, 0.0)
        passed = self.efficiency * import_kwh - export_kwh / self.discharging_efficiency
        return self.gained_kwh() - (passed + self.public_kwh - self.driven_kwh)

    # ---- levers

    def plug_in(self, who: Who, at_s: Floats | float, reason: Anything | int = 0) -> None:
        """Connect; nothing flows yet."""
        self._refuse(who, self.is_plugged_in[who], "is plugged in already; plug it out first")
        self.is_plugged_in[who] = True
        self.plugged_in_at[who] = at_s
        if self.totals.is_counting:
            self.totals.plugged(at_s, self.archetype[who], +1)
        self._log(at_s, who, EventKind.PLUG_IN, reason)

    def plug_out(self, who: Who, at_s: Floats | float, reason: int = 0) -> None:
        """Disconnect; power that flows is stopped first, for the reason `unplugged`."""
        self._refuse(who, ~self.is_plugged_in[who], "is not plugged in; plug it in first")
        self.settle(who, at_s)
        on = rows_where(self.has_power(who))
        if len(on):
            when = at_s if isinstance(at_s, float) else at_s[on]
            self._stop(self._row[who[on]], when, self.events.reason_code("unplugged"))
        self.is_plugged_in[who] = False
        if self.totals.is_counting:
            self.totals.plugged(at_s, self.archetype[who], -1)
        self._log(at_s, who, EventKind.PLUG_OUT, reason)

    def start_charging(self, who: Who, at_s: Floats, order: Order, reason: int = 0) -> None:
        """Let power flow from `at_s` (n,) until the order's goal or end, whichever comes first.

        On a car that charges already this changes its power and goal; the same order again changes neither. One that
        gives power back stops that first.
        """
        wiring, (max_kw, until_soc, *_) = self.wiring(who), order
        self.settle(who, at_s)
        soc = self.soc[who]
        possible = self.is_plugged_in[who] & (max_kw > 0) & (max_kw <= wiring.charger_kw) & (until_soc <= 1)
        if not (possible & (soc < until_soc)).all():
            self._refuse_charge(who, order, wiring, soc)
        self._turn(who, at_s, self.is_discharging, reason)
        self._flow(who, at_s, order, reason, wiring, EventKind.CHARGE_START)
        self.is_charging[who] = True

    def start_discharging(self, who: Who, at_s: Floats, order: Order, reason: int = 0) -> None:
        """Give power back from `at_s` (n,) until the order's goal or end: its `max_kw` is negative.

        On a car that does so already this changes its power and goal. One that charges stops that first.
        """
        max_kw, until_soc, *_ = order
        self.settle(who, at_s)
        soc = self.soc[who]
        possible = self.is_plugged_in[who] & (max_kw < 0) & (-max_kw <= self.discharge_kw[who])
        if not (possible & (until_soc >= self.v2g_reserve_soc[who]) & (soc > until_soc)).all():
            self._refuse_discharge(who, order, soc)
        self._turn(who, at_s, self.is_charging, reason)
        wiring = Wiring(self.charger_kw[who], 1 / (self.discharging_efficiency[who] * self.capacity_kwh[who]))
        self._flow(who, at_s, order, reason, wiring, EventKind.DISCHARGE_START)
        self.is_discharging[who] = True

    def _turn(self, who: Who, at_s: Floats, flows_the_other_way: Bools, reason: int) -> None:
        """Stop the power of those through whom it flows the other way."""
        turned = rows_where(flows_the_other_way[who])
        if len(turned):
            self._stop(self._row[who[turned]], at_s[turned], reason)

    def _flow(self, who: Who, at_s: Floats, order: Order, reason: int, wiring: Wiring, kind: EventKind) -> None:
        """Let power flow one way, and log it as `kind`, or as a change where it does so already."""
        group, on = self.archetype[who], rows_where(self.has_power(who))
        if len(on):
            self._repower(who[on], at_s[on], order.max_kw[on], order.until_soc[on], reason)
        charges = kind is EventKind.CHARGE_START
        book = self._unlogged_kwh if charges else self._unlogged_export_kwh
        unlogged_kwh = book[who] if charges else -book[who]
        self._row[who] = self._flows.start(who, group, at_s, self.soc[who], order, wiring, unlogged_kwh)
        book[who] = 0.0
        if self.is_recording:
            if len(on):
                fresh = np.delete(np.arange(len(who)), on)
                who, at_s, group = who[fresh], at_s[fresh], group[fresh]
            if self.totals.is_counting and charges:
                self.totals.charging(at_s, group, +1)
            self._log(at_s, who, kind, reason)

    def _refuse_charge(self, who: Who, order: Order, wiring: Wiring, soc: Floats) -> None:
        """Say why a charge is impossible."""
        max_kw, until_soc, *_ = order
        self._refuse(who, ~self.is_plugged_in[who], "is not plugged in; plug it in before charging")
        self._refuse(who, ~(max_kw > 0), "cannot charge without power; max_kw must be over 0")
        self._refuse(who, max_kw > wiring.charger_kw, "has a charger that gives less than that; see charger_kw")
        self._refuse(who, ~((until_soc >= 0) & (until_soc <= 1)), "cannot charge to that; until_soc is 0 to 1")
        self._refuse(who, soc >= until_soc, "has reached that state of charge; it has nothing to charge")

    def _refuse_discharge(self, who: Who, order: Order, soc: Floats) -> None:
        """Say why giving power back is impossible."""
        max_kw, until_soc, *_ = order
        self._refuse(who, ~self.is_plugged_in[who], "is not plugged in; plug it in before discharging")
        self._refuse(who, self.discharge_kw[who] <= 0, "cannot give power back; see v2g_percent")
        self._refuse(who, ~(max_kw < 0), "cannot discharge without power; give it more than 0 kW to give back")
        self._refuse(who, -max_kw > self.discharge_kw[who], "gives back less power than that; see discharge_kw")
        self._refuse(who, ~((until_soc >= 0) & (until_soc <= 1)), "cannot discharge to that; until_soc is 0 to 1")
        reserve = self.v2g_reserve_soc[who]
        self._refuse(who, ~(until_soc >= reserve), "keeps a reserve over that; see v2g_reserve_soc_percent")
        self._refuse(who, soc <= until_soc, "is at or under that state of charge; it has nothing to give")

    def stop_charging(self, who: Who, at_s: Floats | float, reason: int = 0) -> None:
        """Stop charging; the plug stays in."""
        self._refuse(who, ~self.is_charging[who], "is not charging; there is nothing to stop")
        self.stop_power(who, at_s, reason)

    def stop_discharging(self, who: Who, at_s: Floats | float, reason: int = 0) -> None:
        """Stop giving power back; the plug stays in."""
        self._refuse(who, ~self.is_discharging[who], "is not discharging; there is nothing to stop")
        self.stop_power(who, at_s, reason)

    def stop_power(self, who: Who, at_s: Floats | float, reason: int = 0) -> None:
        """Stop whatever power flows; the plug stays in."""
        self.settle(who, at_s)
        on = self.has_power(who)
        self._stop(self._row[who[on]], at_s if isinstance(at_s, float) else at_s[on], reason)

    def drive(self, who: Who, at_s: Floats | float, kwh: Floats, reason: int = 0) -> None:
        """Drive `kwh` (n,) out of the battery [kWh, battery side], in no time."""
        self._refuse(who, self.is_plugged_in[who], "is plugged in; plug it out before driving")
        self._refuse(who, ~(kwh >= 0), "cannot drive a negative energy; kwh must be 0 or more")
        after = self.soc[who] - kwh / self.capacity_kwh[who]
        self._refuse(who, after < -SOC_TOLERANCE, "has too little charge for that drive")
        self._log(at_s, who, EventKind.TRIP_START, reason)
        self.arrive_with(who, at_s, np.maximum(after, 0.0))
        self._log(at_s, who, EventKind.TRIP_END, reason)

    def arrive_with(self, who: Who, at_s: Floats | float, soc: Floats) -> None:
        """Bring unplugged cars to `soc` (n,), without events: less is booked as driving, more as charged in public."""
        if self.is_recording:
            before = self.soc[who]
            kwh = (before - soc) * self.capacity_kwh[who]
            self.driven_kwh[who] += np.maximum(kwh, 0.0)
            self.public_kwh[who] += np.maximum(-kwh, 0.0)
            if self.totals.is_counting:
                step = np.floor_divide(at_s, self.clock.step_s).astype(np.int64) if self.totals.is_split else None
                self.totals.moved(step, self.archetype[who], before, soc)
        self.soc[who] = soc

    def away(self, who: Who, at_s: Anything | float, *, goes: bool) -> None:
        """Note that cars drive off, or are home again."""
        self.is_away[who] = goes
        if self.totals.is_counting:
            self.totals.away(at_s, self.archetype[who], +1 if goes else -1)

    # ---- time

    def wait(self, hours: float = 0.0, minutes: float = 0.0) -> None:
        """Let time pass by hand, for those who play with users and have no `Simulator`.

        Raises LeverError when that is not a time: negative, or past the end of the clock.
        """
        self.check_open()
        seconds = hours * SECONDS_PER_HOUR + minutes * SECONDS_PER_MINUTE
        left = self.clock.end_s - self.now_s
        if not 0 <= seconds <= left:
            raise LeverError(f"cannot wait {seconds:g} s; time goes forward, and {left:g} s are left on this clock")
        self.elapse(self.now_s + seconds)

    def elapse(self, to_s: float) -> None:
        """Let power flow until `to_s` [s]: only cars with power are touched, and each reports its SoC."""
        flows, report = self._flows, self.events.reason_code("step_end")
        self._finish(rows_where(flows.stop_at[: flows.n] <= to_s))
        if self.totals.is_split:
            self._flow_by_steps(np.arange(flows.n), np.full(flows.n, to_s), is_end=False)
        else:
            for rows in pieces(flows.n):
                who = flows.who[rows]
                self._book(flows.group[rows], who, flows.move(rows, to_s))
                self._log_flow(to_s, rows, EventKind.REPORT, report)
        self.now_s = to_s

    def settle(self, who: Who, at_s: Floats | float) -> None:
        """Bring `who` to `at_s`; flows that end by then end, at their own instant and for their own reason."""
        on = rows_where(self.has_power(who))
        if not len(on):
            return
        when = at_s if isinstance(at_s, float) else at_s[on]
        rows = self._row[who[on]]
        ends = self._flows.stop_at[rows] <= when
        flowing = who[on][~ends]
        self._finish(rows[ends])
        rows = self._row[flowing]
        when = when if isinstance(when, float) else when[~ends]
        if self.totals.is_split:
            self._flow_by_steps(rows, np.broadcast_to(when, rows.shape), is_end=False)
        else:
            self._book(self._flows.group[rows], flowing, self._flows.move(rows, when))

    def _finish(self, rows: Ints) -> None:
        """End flows at the instant and for the reason foreseen."""
        if not len(rows):
            return
        flows = self._flows
        if self.totals.is_split:
            self._flow_by_steps(rows, flows.stop_at[rows], is_end=True)
        else:
            self._book(flows.group[rows], flows.who[rows], flows.finish(rows))
        gives, at_goal, until = flows.max_kw[rows] < 0, flows.ends_at_target[rows], flows.until_soc[rows]
        is_full = at_goal & ~gives & (until >= self.target_soc[flows.who[rows]])
        reason = np.where(is_full, np.uint8(self.events.reason_code("target_reached")), flows.stop_reason[rows])
        is_empty = at_goal & gives & (until <= self.v2g_reserve_soc[flows.who[rows]])
        reason[is_empty] = self.events.reason_code("v2g_reserve")
        self._stop(rows, np.ceil(flows.stop_at[rows]), reason, is_end=True)

    def _flow_by_steps(self, rows: Ints, to_s: Floats, *, is_end: bool) -> None:
        """Let power flow over step boundaries, at each of which cars report."""
        flows, report = self._flows, self.events.reason_code("step_end")
        moves = flows.since[rows] < to_s
        if not moves.all():
            rows, to_s = rows[moves], to_s[moves]
        for piece in pieces(len(rows), SPLIT_PIECE):
            done = flows.move_by_steps(rows[piece], to_s[piece], self.clock.step_s, is_end=is_end)
            self.soc[flows.who[rows[piece]]] = flows.soc[rows[piece]]
            self.totals.moved(done.split.step, flows.group[done.row], *done.move)
            cuts = rows_where(done.split.is_cut)
            told = flows.who[done.row[cuts]], EventKind.REPORT, report, done.move.after[cuts]
            self.events.append(done.split.until[cuts], *told, *_in_and_out(done.logged_kwh))

    def _stop(self, rows: Ints, at_s: Floats | float, reason: Anything | int, *, is_end: bool = False) -> None:
        """End flows now, at the SoC they have; is_end : they end by themselves."""
        flows = self._flows
        gives, kind = flows.max_kw[rows] < 0, EventKind.CHARGE_STOP
        kinds: Anything | EventKind = kind
        who, group, when = flows.who[rows], flows.group[rows], at_s
        if gives.any():
            kinds = np.where(gives, np.uint8(EventKind.DISCHARGE_STOP), np.uint8(kind))
            self.is_discharging[who[gives]] = False
            who, group, when = who[~gives], group[~gives], at_s if isinstance(at_s, float) else at_s[~gives]
        self.is_charging[who] = False
        if self.totals.is_counting:
            self.totals.charging(when, group, -1, is_end=is_end)
        self._log_flow(at_s, rows, kinds, reason)
        self._release(rows)

    def _repower(self, who: Who, at_s: Floats, max_kw: Floats, until_soc: Floats, reason: int) -> None:
        """End flows that go on the same way with another order; a change of power or goal is an event."""
        rows, flows = self._row[who], self._flows
        differs = (flows.max_kw[rows] != max_kw) | (flows.until_soc[rows] != until_soc)
        self._log_flow(at_s[differs], rows[differs], EventKind.POWER_CHANGE, reason)
        self._release(rows)

    def _release(self, rows: Ints) -> None:
        flows = self._flows
        who, unlogged_kwh = flows.who[rows], flows.unlogged_kwh[rows]
        gives = flows.max_kw[rows] < 0
        if gives.any():
            self._unlogged_export_kwh[who[gives]] = -unlogged_kwh[gives]
            self._unlogged_kwh[who[~gives]] = unlogged_kwh[~gives]
        else:
            self._unlogged_kwh[who] = unlogged_kwh
        self._row[who] = _IDLE
        moved = flows.remove(rows)
        self._row[flows.who[moved]] = moved

    # ---- bookkeeping

    def _book(self, group: Ints, who: Who, move: Move) -> None:
        self.soc[who] = move.after
        if self.totals.is_counting:
            self.totals.moved(None, group, *move)

    def _log(self, at_s: Floats | float, who: Who, kind: EventKind, reason: Anything | int) -> None:
        """Log an event of users through whose meter nothing flowed since their last."""
        if self.is_recording:
            self.events.append(at_s, who, kind, reason, self.soc[who])

    def _log_flow(
        self, at_s: Floats | float, rows: Ints | slice, kind: Anything | EventKind, reason: Anything | int
    ) -> None:
        """Log an event of users with power, with the energy since their last."""
        if self.is_recording:
            flows = self._flows
            energies = _in_and_out(flows.take_log(rows))
            self.events.append(at_s, flows.who[rows], kind, reason, flows.soc[rows], *energies)

    def _refuse(self, who: Who, faulty: Bools, why: str) -> None:
        if faulty.any():
            named = name_some(who[faulty].tolist())
            raise LeverError(f"user {named} {why}" if faulty.sum() == 1 else f"users {named}: each {why}")


def _in_and_out(kwh: Anything) -> tuple[Anything, Anything | float]:
    """Energy at the meter (n,), which is negative where it goes out, as import and export [kWh].

    What goes out may be nothing: then it is -0.0.
    """
    gives = np.signbit(kwh)
    if not gives.any():
        return kwh, 0.0
    return np.where(gives, kwh.dtype.type(0), kwh), np.where(gives, -kwh, kwh.dtype.type(0))

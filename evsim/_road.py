"""The road: trips in progress, along which SoC falls, and where cars charge in public when they run low."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import numpy as np

from evsim._event_kinds import EventKind
from evsim._flows import ROUNDING_S
from evsim._splits import by_step
from evsim._trips import NO_TRIPS, Stretch, Trips
from evsim._units import PIECE, SOC_TOLERANCE, Bools, Floats, Who, pieces, rows_where

if TYPE_CHECKING:
    from evsim._population import Population


class Road:
    """The cars of a population that are on the road.

    A trip takes energy evenly from its start to its end. A car that gets down to the reserve stops and buys, in no
    time, what is left of the day's driving (assumption A23), so that it ends the day at the reserve.
    """

    def __init__(self, people: Population) -> None:
        self._people = people
        self.trips = NO_TRIPS

    def take_over(self, other: Road, first_user: int) -> None:
        """Add the trips of another block, whose users begin at `first_user`."""
        self.trips = self.trips.plus(other.trips._replace(who=other.trips.who + first_user))

    def set_off(self, trips: Trips, to_s: float, reason: int) -> None:
        """Begin trips (`at` is when) and drive them until `to_s`, after which they go on with `travel`."""
        who, people = trips.who, self._people
        people._refuse(who, people.is_plugged_in[who], "is plugged in; plug it out before driving")
        people._log(trips.at, who, EventKind.TRIP_START, reason)
        self.trips = self.trips.plus(self._ride(trips, to_s))

    def travel(self, to_s: float) -> None:
        """Drive the trips in progress until `to_s`; those that end by then end, at their own instant."""
        under_way, self.trips = self.trips, NO_TRIPS
        if len(under_way.who):
            self.trips = self._ride(under_way, to_s)

    def _ride(self, trips: Trips, to_s: float) -> Trips:
        """Let SoC fall along trips until `to_s`; returns those that go on."""
        if len(trips.who) <= PIECE:
            return self._ride_piece(trips, to_s) if len(trips.who) else NO_TRIPS
        parts = [self._ride_piece(trips.of(rows), to_s) for rows in pieces(len(trips.who))]
        return functools.reduce(Trips.plus, parts)

    def _ride_piece(self, trips: Trips, to_s: float) -> Trips:
        people = self._people
        stretch, goes_on = trips.upto(to_s), NO_TRIPS
        before, after = self._soc_over(trips, stretch)
        is_low = after < people.reserve_soc - SOC_TOLERANCE
        if is_low.any():
            fine, low = rows_where(~is_low), rows_where(is_low)
            goes_on = self._ride_with_a_stop(trips.of(low), stretch.of(low), to_s)
            if not len(fine):
                return goes_on
            trips, stretch, before, after = trips.of(fine), stretch.of(fine), before[fine], after[fine]
        self._fall(trips, stretch, before, after)
        if people.is_recording and not people.totals.is_split:
            self._log_ride(stretch.until, trips.who, stretch.is_over, after)
        return goes_on.plus(trips.after(stretch))

    def _soc_over(self, trips: Trips, stretch: Stretch) -> tuple[Floats, Floats]:
        """(n,) SoC before and after a stretch, which may be negative."""
        people = self._people
        before = people.soc[trips.who]
        return before, before - stretch.kwh / people.capacity_kwh[trips.who]

    def _fall(self, trips: Trips, stretch: Stretch, before: Floats, after: Floats, *, is_told: bool = True) -> None:
        """Take a stretch out of the batteries; if it goes over step boundaries, tell it, and its end if `is_told`."""
        who, people = trips.who, self._people
        np.maximum(after, 0.0, out=after)  # a reserve of 0 leaves the rounding of float64
        people.soc[who] = after
        if not people.is_recording:
            return
        people.driven_kwh[who] += stretch.kwh
        people.driven_miles[who] += stretch.miles
        if not people.totals.is_split:
            people.totals.moved(None, people.archetype[who], before, after)
            return
        split = by_step(trips.at, stretch.until, people.clock.step_s, ~stretch.is_over & is_told)
        row = split.row
        share = (split.until - trips.at[row]) / (stretch.until - trips.at)[row]
        soc = before[row] + share * (after - before)[row]
        soc[split.last] = after
        people.totals.moved(split.step, people.archetype[who[row]], split.before(before, soc), soc)
        told = rows_where(split.is_cut | stretch.is_over[row])
        self._log_ride(split.until[told], who[row[told]], ~split.is_cut[told], soc[told])

    def _ride_with_a_stop(self, trips: Trips, stretch: Stretch, to_s: float) -> Trips:
        """Stop when the battery is down to the reserve, charge, and drive on; returns the trips that go on."""
        since, trips = trips.at, self._ride_to_reserve(trips, stretch)
        self._charge_in_public(trips, since)
        at_end = trips.at >= to_s
        if not at_end.any():
            return self._ride_piece(trips, to_s)
        return trips.of(rows_where(at_end)).plus(self._ride(trips.of(rows_where(~at_end)), to_s))

    def _ride_to_reserve(self, trips: Trips, stretch: Stretch) -> Trips:
        """Drive until the battery is down to the reserve; returns what is left of the trips."""
        who, people = trips.who, self._people
        kwh = np.maximum(people.soc[who] - people.reserve_soc, 0.0) * people.capacity_kwh[who]
        share = kwh / stretch.kwh
        until = trips.at + share * (stretch.until - trips.at)
        part = Stretch(until, np.zeros(len(who), np.bool_), kwh, stretch.miles * share)
        moves = rows_where(until > trips.at)
        moving, moved = trips.of(moves), part.of(moves)
        self._fall(moving, moved, *self._soc_over(moving, moved), is_told=False)
        return trips.after(part)

    def _charge_in_public(self, trips: Trips, since: Floats) -> None:
        """Charge for what is left of the day's driving, so as to end it at the reserve, or to the brim.

        since : (n,) when the car was last looked at: what happens at the end of a step belongs to it
        """
        who, people = trips.who, self._people
        capacity, before = people.capacity_kwh[who], people.soc[who]
        after = np.minimum(people.reserve_soc + (trips.kwh + trips.kwh_after) / capacity, 1.0)
        people.soc[who] = after
        if not people.is_recording:
            return
        at_s = np.ceil(trips.at - ROUNDING_S)
        self._log_soc(at_s, who, EventKind.REPORT, before)
        self._log_soc(at_s, who, EventKind.PUBLIC_CHARGE, after)
        people.public_kwh[who] += (after - before) * capacity
        step = None
        if people.totals.is_split:
            step_s = people.clock.step_s
            step = np.maximum(np.ceil(trips.at / step_s) - 1, since // step_s).astype(np.int64)
        people.totals.moved(step, people.archetype[who], before, after)

    def _log_ride(self, at_s: Floats, who: Who, is_over: Bools, soc: Floats) -> None:
        """Trips that are over end, the others report."""
        people = self._people
        code = people.events.reason_code
        kind = np.where(is_over, np.uint8(EventKind.TRIP_END), np.uint8(EventKind.REPORT))
        why = np.where(is_over, np.uint8(code("arrived")), np.uint8(code("step_end")))
        people.events.append(at_s, who, kind, why, soc)

    def _log_soc(self, at_s: Floats, who: Who, kind: EventKind, soc: Floats) -> None:
        people = self._people
        if people.is_recording:
            people.events.append(at_s, who, kind, people.events.reason_code("reserve_reached"), soc)

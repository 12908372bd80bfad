"""Which cars trade, between which energies, and what they are ordered: `cheapest` where power can be given back.

A car trades between its reserve and its target, where it charges with one power (`flat_to_soc`). What lies under its
reserve it charges in the hours in which it would without selling, and trades from then on. What lies over that power it
charges in such hours too, or in those that it would use if it had sold all it may, whichever is cheaper, and trades
until then. So a plan with sales is not dearer than the one without, and reaches the target in the same stay.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from evsim._series import Known, Series
from evsim._units import SECONDS_PER_HOUR, Floats, Ints, rows_where
from evsim.strategies._observation import Observation
from evsim.strategies._orders import NEVER, Orders
from evsim.strategies._slots import best_slots, best_stretches
from evsim.strategies._trades import NO_TRADES, Traders, Trades, best_trades, both_prices, joined

_LEAST_KWH = 0.5
"""With less between reserve and ceiling a car does not trade; our choice: a few minutes of power."""
_SPARE_S = 1.0
"""A stay must be longer by so much than charging takes."""
_ROUNDING_S = 1e-6
"""So much of an instant is rounding."""


def slots_and_trades(cars: Observation, import_price: Known, export_price: Known) -> Iterator[Orders]:
    """The cheapest hours of each stay, and for cars that can give power back the dearest hours too, where it pays."""
    rows, trades = _trading(cars, import_price, export_price)
    trades_itself = np.zeros(len(cars), np.bool_)
    trades_itself[rows] = True
    others = rows_where(~trades_itself)
    part = cars if len(others) == len(cars) else cars.of(others)
    for orders in best_slots(part, "cheap_slot", (import_price, 1.0)):
        yield replace(orders, row=others[orders.row])
    if len(rows):
        yield from _orders(cars, trades)


def _orders(cars: Observation, trades: Trades) -> Iterator[Orders]:
    """Full power one way or the other; a car's last charge runs until the target.

    Instants become whole seconds so that a car has no less than planned: sales shrink, charges grow.
    """
    row, start, stop, is_sale = trades
    is_last = np.append(row[1:] != row[:-1], True)
    sales, buys = rows_where(is_sale), rows_where(~is_sale)
    since = np.maximum(np.floor(start[buys] + _ROUNDING_S), cars.now[row[buys]])
    until = np.where(is_last[buys], NEVER, stop[buys])
    yield cars.orders(which=row[buys], start=since, stop=until, reason="cheap_slot", stop_reason="slot_over")
    since = np.maximum(np.ceil(start[sales] - _ROUNDING_S), cars.now[row[sales]])
    until = np.floor(stop[sales] + _ROUNDING_S)
    sales, since, until = sales[until > since], since[until > since], until[until > since]
    yield cars.orders(
        which=row[sales], max_kw=-cars.discharge_kw[row[sales]], until_soc=cars.v2g_reserve_soc[row[sales]],
        start=since, stop=until, reason="dear_slot", stop_reason="slot_over",
    )  # fmt: skip


def _trading(cars: Observation, import_price: Known, export_price: Known) -> tuple[Ints, Trades]:
    """The cars for whom selling pays, and what they do."""
    ceiling = np.minimum(cars.target_soc, cars.flat_to_soc)
    need_s = cars.but(soc=np.minimum(cars.soc, ceiling)).hours_to(cars.target_soc) * SECONDS_PER_HOUR
    can = (cars.discharge_kw > 0) & ((ceiling - cars.v2g_reserve_soc) * cars.capacity_kwh >= _LEAST_KWH)
    rows = rows_where(can & (need_s < cars.expected_departure - cars.now - _SPARE_S))
    if not len(rows):
        return rows, NO_TRADES
    part = cars.of(rows)
    first_s, end_s = float(part.now.min()), float(part.expected_departure.max())
    prices = import_price.between(first_s, end_s), export_price.between(first_s, end_s)
    made, saved_gbp = _tried(part, *prices, is_deep=False)
    bends = rows_where(part.target_soc > part.flat_to_soc)
    if len(bends):
        other, more_gbp = _tried(part.of(bends), *prices, is_deep=True)
        better = more_gbp > saved_gbp[bends]
        saved_gbp[bends] = np.maximum(saved_gbp[bends], more_gbp)
        stays = np.ones(len(rows), np.bool_)
        stays[bends[better]] = False
        other = other.of(better[other.row])
        made = _together(made.of(stays[made.row]), other._replace(row=bends[other.row]))
    pays = saved_gbp > 0
    made = made.of(pays[made.row])
    return rows[pays], made._replace(row=rows[made.row])


def _tried(cars: Observation, price: Series, export_price: Series, *, is_deep: bool) -> tuple[Trades, Floats]:
    """The best trades with what is charged around them, and (n,) what they save [GBP]; none where nothing is sold.

    A car that holds more than its ceiling plans as if it were there: what it has over it need not buy back.
    is_deep : the hours beyond full power are chosen as if the car had sold down to its reserve
    """
    ceiling, reserve = np.minimum(cars.target_soc, cars.flat_to_soc), cars.v2g_reserve_soc
    sunk, capacity_kwh = cars.but(soc=np.minimum(cars.soc, ceiling)), cars.capacity_kwh
    since, until, around = _around(sunk, ceiling, price, is_deep=is_deep)
    traders = Traders(
        since=since,
        until=until,
        first_kwh=np.maximum(sunk.soc, reserve) * capacity_kwh,
        last_kwh=ceiling * capacity_kwh,
        least_kwh=reserve * capacity_kwh,
        most_kwh=ceiling * capacity_kwh,
        in_kw=(ceiling - reserve) * capacity_kwh / cars.but(soc=reserve).hours_to(ceiling),
        out_kw=cars.discharge_kw / cars.discharging_efficiency,
        efficiency=cars.efficiency,
        discharging_efficiency=cars.discharging_efficiency,
        wear_gbp=cars.wear_gbp_per_kwh,
    )
    made = best_trades(both_prices(price, export_price), traders)
    if len(around.row):
        made = _together(made, around)
    saved_gbp = np.full(len(cars), -np.inf)
    saved_gbp[made.row[made.is_sale]] = np.inf
    bends = rows_where((saved_gbp > 0) & (cars.target_soc > ceiling))
    if len(bends):
        some = made.of((cars.target_soc > ceiling)[made.row])
        paid_gbp = np.bincount(some.row, _gbp(some, cars, price, export_price), len(cars))
        saved_gbp[bends] = _charging_gbp(cars.of(bends), price) - paid_gbp[bends]
    return made, saved_gbp


def _together(one: Trades, other: Trades) -> Trades:
    """Both, in the order of car and time; what touches is one."""
    both = Trades(*(np.concatenate(columns) for columns in zip(one, other, strict=True)))
    return joined(both.of(np.lexsort((both.start, both.row))))


def _around(sunk: Observation, ceiling: Floats, price: Series, *, is_deep: bool) -> tuple[Floats, Floats, Trades]:
    """From when to when cars trade (n,) [s], and what they charge before and after: the best hours without selling.

    is_deep : hours are chosen for a car at its reserve, and the last of them are those beyond the ceiling
    """
    since, until = sunk.now.copy(), sunk.expected_departure.copy()
    low_s = sunk.hours_to(sunk.v2g_reserve_soc) * SECONDS_PER_HOUR
    top_s = sunk.but(soc=ceiling).hours_to(sunk.target_soc) * SECONDS_PER_HOUR
    rows = rows_where((low_s > 0) | (top_s > 0))
    if not len(rows):
        return since, until, NO_TRADES
    begins = sunk.but(soc=np.minimum(sunk.soc, sunk.v2g_reserve_soc)) if is_deep else sunk
    need_s, low_s, top_s = (begins.hours_to(sunk.target_soc) * SECONDS_PER_HOUR)[rows], low_s[rows], top_s[rows]
    need_s = np.minimum(need_s, (until - since)[rows] - _SPARE_S)
    row, start, stop = best_stretches(price, since[rows], until[rows], need_s)
    before_s = np.cumsum(stop - start) - (stop - start)
    before_s -= before_s[np.searchsorted(row, row)]
    done_s = before_s + stop - start
    opens = (low_s[row] > before_s) & (low_s[row] <= done_s + _ROUNDING_S)
    since[rows[row[opens]]] = (start + low_s[row] - before_s)[opens]
    rest_s = np.where(top_s > 0, need_s - top_s, np.inf)[row]
    closes = (rest_s >= before_s - _ROUNDING_S) & (rest_s < done_s)
    until[rows[row[closes]]] = (start + np.maximum(rest_s - before_s, 0.0))[closes]
    row = rows[row]
    low = np.where((low_s > 0)[np.searchsorted(rows, row)], np.minimum(stop, since[row]), start)
    high = np.where((top_s > 0)[np.searchsorted(rows, row)], np.maximum(start, until[row]), stop)
    pieces = Trades(np.tile(row, 2), np.append(start, high), np.append(low, stop), np.zeros(2 * len(row), np.bool_))
    return since, until, pieces.of(pieces.stop > pieces.start)


def _gbp(made: Trades, cars: Observation, price: Series, export_price: Series) -> Floats:
    """(m,) what trades cost; a sale earns [GBP]. An hour of charging counts as one of full power."""
    row, hours = made.row, (made.stop - made.start) / SECONDS_PER_HOUR
    wear_gbp = cars.wear_gbp_per_kwh[row] / cars.discharging_efficiency[row]
    sold = cars.discharge_kw[row] * (export_price.mean(made.start, made.stop) - wear_gbp)
    return np.where(made.is_sale, -sold, cars.charger_kw[row] * price.mean(made.start, made.stop)) * hours


def _charging_gbp(cars: Observation, price: Series) -> Floats:
    """(n,) what the cheapest hours cost that are needed [GBP]."""
    cost, need_s = np.zeros(len(cars)), cars.hours_to(cars.target_soc) * SECONDS_PER_HOUR
    rows = rows_where(need_s > _ROUNDING_S)
    if len(rows):
        made = best_stretches(price, cars.now[rows], cars.expected_departure[rows], need_s[rows])
        gbp = cars.charger_kw[rows[made.row]] * price.mean(made.start, made.stop) * (made.stop - made.start)
        cost[rows] = np.bincount(made.row, gbp, len(rows)) / SECONDS_PER_HOUR
    return cost

"""The best a car that can give power back can do with two prices: when to buy, and when to sell.

    slot     a stretch in which both prices stay
    buy_t    what a kWh *in the battery* costs in slot t: import price / charging efficiency
    sell_t   what a kWh *out of the battery* earns: export price x discharging efficiency - wear, at most buy_t
    stock    chances to hold a kWh more than at worst, by cost: not to sell it in t, or to buy it in t

With constant powers the cheapest plan is a linear programme: energy after each slot lies between the reserve and the
ceiling, and is given at the end. It is solved slot by slot. At worst a car sells all the time and never buys; each slot
adds two chances to hold more: not to sell (it forgoes sell_t), to buy (it pays buy_t). Where the worst falls under the
reserve, the cheapest chances so far are taken for good; where the best rises over the ceiling, the dearest are dropped
for good. At the end the cheapest that are left are taken, up to the target. The value of energy after any slot is
concave, its slopes are the stock in order, and a slot adds its own two to them: dynamic programming, with nothing on a
grid. Tests compare it with linear programmes, to 0.000001 GBP.

That sell_t is at most buy_t keeps a car from pumping energy round in circles where, in one and the same hour, export
earns more than import costs: there a sale counts for no more than a purchase saved.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from evsim._series import Series
from evsim._units import SECONDS_PER_HOUR, Bools, Floats, Ints, pieces, rows_where

_ROUNDING_S = 1e-6
"""So much of a slot is rounding."""
_ROUNDING_KWH = 1e-12
_DECIMALS = 9
"""Of a value in GBP/kWh: what differs by less is alike, and no reason to trade."""
_PIECE = 4_096
"""Cars at a time, so that their stock stays in the processor's cache; measured."""


class Prices(NamedTuple):
    """Both prices by slot: `edges` (slots + 1,) [s]; `buy_gbp` of import, `sell_gbp` of export (slots,) [GBP/kWh]."""

    edges: Floats
    buy_gbp: Floats
    sell_gbp: Floats


class Traders(NamedTuple):
    """Cars that can buy and sell; each (n,).

    since, until : [s]; first_kwh, last_kwh : in the battery then, the second within reach
    least_kwh, most_kwh : between which it stays
    in_kw, out_kw : into the battery, and out of it, at full power
    efficiency, discharging_efficiency [0-1]; wear_gbp : for each kWh out of the battery [GBP/kWh]
    """

    since: Floats
    until: Floats
    first_kwh: Floats
    last_kwh: Floats
    least_kwh: Floats
    most_kwh: Floats
    in_kw: Floats
    out_kw: Floats
    efficiency: Floats
    discharging_efficiency: Floats
    wear_gbp: Floats

    def of(self, rows: Ints | slice) -> Traders:
        """The same of some rows."""
        return Traders(*(column[rows] for column in self))


class Trades(NamedTuple):
    """When cars buy and sell; each (m,), by car and then in time order: row, start and stop [s], which of the two."""

    row: Ints
    start: Floats
    stop: Floats
    is_sale: Bools

    def of(self, rows: Bools | Ints) -> Trades:
        """Some of them."""
        return Trades(self.row[rows], self.start[rows], self.stop[rows], self.is_sale[rows])


NO_TRADES = Trades(np.zeros(0, np.int64), np.zeros(0), np.zeros(0), np.zeros(0, np.bool_))


def both_prices(buy: Series, sell: Series) -> Prices:
    """Two prices by slot, from one instant to another; equal neighbours are one slot."""
    edges = np.union1d(buy.edges, sell.edges)
    values = np.stack((buy.at(edges[:-1]), sell.at(edges[:-1])))
    is_new = np.append(True, (values[:, 1:] != values[:, :-1]).any(axis=0))
    return Prices(np.append(edges[:-1][is_new], edges[-1]), *values[:, is_new])


def best_trades(prices: Prices, cars: Traders) -> Trades:
    """The trades of least cost; a car for which none but buying pays may as well be planned without selling.

    Of equal hours the earlier are used. Part of a slot joins the stretch before it, else the one after it, else it is
    the first part.
    """
    alike, kind = _kinds(np.stack((cars.efficiency, cars.discharging_efficiency, cars.wear_gbp)))
    found = []
    for i, (efficiency, discharging_efficiency, wear_gbp) in enumerate(alike.T.tolist()):
        buy = np.round(prices.buy_gbp / efficiency, _DECIMALS)
        sell = np.round(prices.sell_gbp * discharging_efficiency - wear_gbp, _DECIMALS)
        ranked = _ranked(buy, np.minimum(sell, buy))
        mine = rows_where(kind == i)
        for piece in pieces(len(mine), _PIECE):
            rows = mine[piece]
            some = cars.of(rows)
            made = _placed(prices.edges, some, *_amounts(prices.edges, ranked, some))
            found.append(made._replace(row=rows[made.row]))
    made = Trades(*(np.concatenate(columns) for columns in zip(*found, strict=True)))
    return made if len(found) == 1 else made.of(np.lexsort((made.start, made.row)))


def _kinds(columns: Floats) -> tuple[Floats, Ints]:
    """The different columns of (k, n), and the number of each one's; mostly all are alike."""
    if (columns == columns[:, :1]).all():
        return columns[:, :1], np.zeros(columns.shape[1], np.int64)
    alike, kind = np.unique(columns, axis=1, return_inverse=True)
    return alike, kind.reshape(-1)


def _ranked(buy: Floats, sell: Floats) -> Ints:
    """(2 slots,) ranks by cost of not selling in each slot, then of buying in each.

    Of equal ones not to sell comes before buying, a late sale is forgone before an early one, and the earlier bought.
    """
    slot = np.arange(len(buy))
    order = np.lexsort((np.append(-slot, slot), np.repeat((0, 1), len(buy)), np.append(sell, buy)))
    return np.argsort(order)


def _amounts(edges: Floats, ranked: Ints, cars: Traders) -> tuple[Floats, Floats]:
    """(slots, n) for how long each car buys in each slot, and for how long it sells [s]."""
    n_slots, n = len(edges) - 1, len(cars.since)
    there_s = _there(edges, cars)
    stock, taken, known = np.zeros((2 * n_slots, n)), np.zeros((2 * n_slots, n)), list[int]()
    out_kw, in_kw = cars.out_kw / SECONDS_PER_HOUR, cars.in_kw / SECONDS_PER_HOUR
    low, high = cars.first_kwh.copy(), cars.first_kwh.copy()
    keeps, buys = ranked[:n_slots].tolist(), ranked[n_slots:].tolist()
    for slot in range(n_slots):
        for rank, per_s in ((keeps[slot], out_kw), (buys[slot], in_kw)):
            np.multiply(per_s, there_s[slot], out=stock[rank])
            insort(known, rank)
        low -= stock[keeps[slot]]
        high += stock[buys[slot]]
        low += _moved(stock, known, cars.least_kwh - low, taken)
        high -= _moved(stock, reversed(known), high - cars.most_kwh)
    _moved(stock, known, cars.last_kwh - low, taken)
    return taken[buys] / in_kw, np.maximum(there_s - taken[keeps] / out_kw, 0.0)


def _there(edges: Floats, cars: Traders) -> Floats:
    """(slots, n) how much of each slot a car is there [s]."""
    there_s = np.minimum(edges[1:, None], cars.until)
    there_s -= np.maximum(edges[:-1, None], cars.since)
    return np.maximum(there_s, 0.0, out=there_s)


def _moved(stock: Floats, ranks: Iterable[int], kwh: Floats, to: Floats | None = None) -> Floats:
    """(n,) energy taken out of the stock (ranks, n), the first ranks first, in place; what is under 0 is 0 [kWh]."""
    left = np.maximum(kwh, 0.0)
    due = left.copy()
    if left.max() <= _ROUNDING_KWH:
        return due
    for rank in ranks:
        part = np.minimum(stock[rank], left)
        stock[rank] -= part
        left -= part
        if to is not None:
            to[rank] += part
        if left.max() <= _ROUNDING_KWH:
            break
    return due


def _placed(edges: Floats, cars: Traders, buys_s: Floats, sells_s: Floats) -> Trades:
    """Stretches of so much buying or selling in each slot (slots, n) [s]."""
    kind = np.where(sells_s > _ROUNDING_S, np.int8(-1), (buys_s > _ROUNDING_S).astype(np.int8))
    length = np.where(kind < 0, sells_s, buys_s)
    low, high = np.maximum(edges[:-1, None], cars.since), np.minimum(edges[1:, None], cars.until)
    is_whole = length >= high - low - _ROUNDING_S
    is_late = np.zeros_like(is_whole)
    runs_on = np.zeros(len(cars.since), np.bool_)
    for t in range(len(kind)):
        joins = runs_on & (kind[t] == kind[t - 1])
        if t + 1 < len(kind):
            is_late[t] = ~is_whole[t] & ~joins & (kind[t] == kind[t + 1]) & (kind[t] != 0)
        runs_on = (is_whole[t] | is_late[t]) & (kind[t] != 0)
    flat = rows_where((kind.T != 0).ravel())
    row, slot = flat // len(kind), flat % len(kind)
    start = np.where(is_late, high - length, low)[slot, row]
    stop = np.where(is_whole | is_late, high, low + length)[slot, row]
    return joined(Trades(row, start, stop, kind[slot, row] < 0))


def joined(trades: Trades) -> Trades:
    """What touches and goes the same way is one; in the order of car and time already."""
    row, start, stop, is_sale = trades
    if not len(row):
        return trades
    is_same = (row[1:] == row[:-1]) & (is_sale[1:] == is_sale[:-1]) & (start[1:] - stop[:-1] <= _ROUNDING_S)
    begins, ends = np.append(True, ~is_same), np.append(~is_same, True)
    return Trades(row[begins], start[begins], stop[ends], is_sale[begins])

"""The people behind recorded sessions: their kind, battery and charger."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evsim._recorded.judge import RATINGS_KW, VOLTAGE_MARGIN, Judged, hours_for_fit, least_battery_kwh
from evsim._recorded.rows import NOBODY, UNNAMED, Recorded
from evsim._recorded.settings import Sessions
from evsim._units import Floats, Ints


@dataclass(frozen=True)
class People:
    """The users of kept sessions, by archetype, then first plug-in.

    user : (n,) user of each session; code : (n_users,) their codes in the rows
    archetype : (n_users,) index into names; the rest as in `RecordedSessions`
    """

    user: Ints
    code: Ints
    archetype: Ints
    archetype_names: tuple[str, ...]
    battery_kwh: Floats
    charger_kw: Floats
    n_batteries_enlarged: int
    n_chargers_estimated: int


def people_of(rows: Recorded, kept: Judged, sessions: Sessions, efficiency: float, stem: str) -> People:
    """The users of sessions, which are in the order of user and plug-in.

    stem : what people are called when the file names no kinds
    """
    begins = np.flatnonzero(np.diff(rows.user[kept.row], prepend=-1))
    code, first_s = rows.user[kept.row[begins]], kept.plug_in_s[begins]
    kind, kinds = _kinds(rows, kept, begins, stem)
    name = [rows.user_names[i] for i in code.tolist()]
    order = np.lexsort((_rank(name), first_s, kind))
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    battery_kwh, n_enlarged = _batteries(rows, kept, begins, sessions, efficiency)
    charger_kw, n_estimated = _chargers(rows, kept, begins, sessions)
    return People(
        user=np.repeat(place, np.diff(begins, append=len(kept.row))),
        code=code[order],
        archetype=kind[order],
        archetype_names=kinds,
        battery_kwh=battery_kwh[order],
        charger_kw=charger_kw[order],
        n_batteries_enlarged=n_enlarged,
        n_chargers_estimated=n_estimated,
    )


def _rank(names: list[str]) -> Ints:
    """(n,) place of each name in the alphabet, which breaks ties whatever the order of the rows."""
    rank = np.empty(len(names), np.int64)
    rank[sorted(range(len(names)), key=names.__getitem__)] = np.arange(len(names))
    return rank


def _kinds(rows: Recorded, kept: Judged, begins: Ints, stem: str) -> tuple[Ints, tuple[str, ...]]:
    """(n_users,) each user's kind, that of most of its sessions, the earliest of equals; and the kinds by plug-in."""
    names = rows.archetype_names or [stem]
    unnamed = names.index(UNNAMED) if rows.archetype_names else 0
    told = rows.archetype[kept.row]
    user = np.repeat(np.arange(len(begins)), np.diff(begins, append=len(kept.row)))
    is_told = told != NOBODY
    says = np.zeros(len(begins), bool)
    says[user[is_told]] = True
    counts = is_told | ~says[user]
    told = _rank(names)[np.where(is_told, told, unnamed)]
    pair, at, n = np.unique(user[counts] * len(names) + told[counts], return_index=True, return_counts=True)
    who, kind = np.divmod(pair, len(names))
    best = np.lexsort((kind, kept.plug_in_s[counts][at], -n, who))
    kind = kind[best[np.flatnonzero(np.diff(who[best], prepend=-1))]]
    return _by_first_plug_in(kind, kept.plug_in_s[begins], sorted(names))


def _by_first_plug_in(kind: Ints, first_s: Ints, names: list[str]) -> tuple[Ints, tuple[str, ...]]:
    order = np.lexsort((kind, first_s))
    _, seen = np.unique(kind[order], return_index=True)
    kinds = kind[order][np.sort(seen)]
    place = np.zeros(len(names), np.int64)
    place[kinds] = np.arange(len(kinds))
    return place[kind], tuple(names[i] for i in kinds.tolist())


def _batteries(rows: Recorded, kept: Judged, begins: Ints, sessions: Sessions, efficiency: float) -> tuple[Floats, int]:
    """(n_users,) the largest battery that the file says, else the config's, but one that takes every session."""
    told = np.fmax.reduceat(rows.number["battery_kwh"][kept.row], begins)
    told = np.where(np.isnan(told), sessions.battery_kwh, told)
    most_kwh = np.maximum.reduceat(rows.number["energy_kwh"][kept.row], begins)
    need = least_battery_kwh(most_kwh, efficiency)
    return np.where(need > told, np.ceil(need), told), int(np.count_nonzero(need > told))


def _chargers(rows: Recorded, kept: Judged, begins: Ints, sessions: Sessions) -> tuple[Floats, int]:
    """(n_users,) the largest charger that the file says, else the config's, else the smallest usual one that does.

    A session may have drawn up to `VOLTAGE_MARGIN` times a usual power; its user's charger is then that much larger.
    """
    told = np.fmax.reduceat(rows.number["charger_kw"][kept.row], begins)
    if sessions.charger_kw is not None:
        told = np.where(np.isnan(told), sessions.charger_kw, told)
    need_kw = rows.number["energy_kwh"][kept.row] / hours_for_fit(kept.plug_in_s, kept.plug_out_s)
    most_kw, ratings = np.maximum.reduceat(need_kw, begins), np.array(RATINGS_KW)
    least = np.searchsorted(ratings * VOLTAGE_MARGIN, most_kw)
    usual = np.maximum(ratings[np.minimum(least, len(ratings) - 1)], np.ceil(most_kw * 100 * (1 - 1e-9)) / 100)
    return np.where(np.isnan(told), usual, told), int(np.count_nonzero(np.isnan(told)))

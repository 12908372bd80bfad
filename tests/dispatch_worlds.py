"""Fleets that dispatches are sent to, and what such a run delivers against its twin without them."""

from __future__ import annotations

import datetime as dt
from typing import NamedTuple

import numpy as np
from worlds import config, row

from evsim import Results, Scenario, simulate
from evsim._dispatch.record import Response

DAY = "2026-01-14"
PRICES = [["00:00", "04:00", 7], ["04:00", "16:00", 20], ["16:00", "20:00", 40], ["20:00", "00:00", 15]]
DEMAND = [["00:00", "07:00", 5], ["07:00", "00:00", 60]]
KINDS = (
    row("A", 60, v2g_percent=50, v2g_reserve_soc_percent=40, miles_per_year=20_000),
    row("B", 40, v2g_percent=100, charger_kw=11, discharge_kw=5, miles_per_year=15_000)
    | {"plug_in_time": "20:00", "plug_out_time": "09:00"},
)
"""People who come at 18:00 or 20:00; those of A keep 40%, those of B give less than their chargers draw."""


def moment(text):
    """`19:00` of the day on which dispatches are, or a whole instant."""
    return text if "T" in text else f"{DAY}T{text}"


def asks(start, end, action="turn_down", *, id="one", **more):  # noqa: A002 - the key of the config
    """A dispatch."""
    times = {key: moment(more.pop(key)) for key in ("updated_at", "cancelled_at") if key in more}
    return {"id": id, "start": moment(start), "end": moment(end), "action": action} | more | times


def fleet(*dispatches, kinds=KINDS, users=120, **settings):
    """A config of people who drive and differ; from Monday noon, four days."""
    usual = {"days": 4, "step": 5, "habit": 40, "day": 60, "driving": True}
    made = config(*kinds, users=users, **usual | settings)
    return made | {"import_price": PRICES, "demand": DEMAND, "dispatches": list(dispatches)}


def at_home(*dispatches, kinds=None, users=20, **settings):
    """People all alike who come at 18:00 with 50% and want 80%: 20 kWh at 7 kW until 20:51; they leave at 07:00."""
    rows = kinds or [row("A", plug_in_soc_percent=50)]
    made = config(*rows, users=users, days=settings.pop("days", 4), step=5, **settings)
    return made | {"dispatches": list(dispatches)}


class Pair(NamedTuple):
    """A run, and the same without dispatches."""

    run: Results
    twin: Results

    @property
    def less_kw(self):
        """(n_steps,) how much less the fleet draws than without dispatches."""
        return net_kw(self.twin) - net_kw(self.run)

    def within(self, start, end):
        """(k,) of that, the steps between two local (winter) or UTC instants."""
        times = self.run.times
        first, last = (np.datetime64(moment(text)) for text in (start, end))
        return self.less_kw[(times >= first) & (times < last)]

    def responses(self, i=0):
        """How many answered what."""
        counted = np.bincount(self.run.dispatches[i].responses)
        return {Response(code).label: int(n) for code, n in enumerate(counted) if n}


def net_kw(results):
    """(n_steps,) import less export [kW]."""
    return (results.import_kw - results.export_kw).sum(axis=1)


def pair(given) -> Pair:
    """A config lived with and without its dispatches."""
    made = Scenario.from_dict(given)
    return Pair(simulate(made), simulate(made.without_dispatches()))


def lived(given) -> Results:
    """A config lived."""
    return simulate(Scenario.from_dict(given))


def run_second(results, text):
    """An instant in run seconds."""
    at = dt.datetime.fromisoformat(moment(text))
    return int(results.clock.seconds(at))


def events(results):
    """All changes of state and their reasons: (user, second, event, reason)."""
    store = results.events
    keep = store.column("event") != 0
    names = [store.reasons[i] for i in store.column("reason")[keep]]
    return sorted(zip(*(store.column(n)[keep].tolist() for n in ("user", "at_s", "event")), names, strict=True))

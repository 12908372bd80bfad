"""A crowd lived by several processes: the same to the last bit, and nothing is left behind when something fails."""

from __future__ import annotations

import os
import sys

import numpy as np
import pytest
from worlds import config, row

from evsim import InvariantError, Scenario, StrategyError, simulate
from evsim import _crew as crew
from evsim import _simulator as simulator

pytestmark = pytest.mark.skipif(not crew.can_fork(), reason="this system does not fork, or has one core")


def world(**changes):
    rows = row("A", 60), row("B", 40, plug_in_frequency_per_day=0.3)
    return Scenario.from_dict(config(*rows, users=90, days=2, warm_up=2, habit=75, day=130, driving=True, **changes))


def lived(monkeypatch, *, together, made=None):
    monkeypatch.setattr(simulator, "_LEAST_TO_SHARE", 10)
    monkeypatch.setattr(simulator, "can_fork", lambda: together)
    return simulate(world() if made is None else made)


def test_processes_live_what_one_would_have(monkeypatch):
    one, several = (lived(monkeypatch, together=together) for together in (False, True))
    for name in ("import_kw", "n_plugged_in", "n_charging", "n_away", "mean_soc", "soc_quantiles"):
        assert np.array_equal(getattr(one, name), getattr(several, name))
    for name in ("soc", "is_plugged_in", "is_away", "driven_kwh", "driven_miles", "public_kwh"):
        assert np.array_equal(getattr(one.users, name), getattr(several.users, name))
    assert one.certificate == several.certificate
    order = one.events.in_time_order(), several.events.in_time_order()
    assert len(one.events) > 1000
    for name in ("at_s", "user", "event", "reason", "soc", "import_kwh"):
        first, second = (results.events.column(name)[rows] for results, rows in zip((one, several), order, strict=True))
        assert np.array_equal(first, second)
    assert [len(user.log) for user in one.users] == [len(user.log) for user in several.users]


def test_the_children_really_live_it(monkeypatch):
    forked = []
    fork = os.fork
    monkeypatch.setattr(os, "fork", lambda: forked.append(1) or fork())
    lived(monkeypatch, together=True)
    assert len(forked) == min(2, len(os.sched_getaffinity(0)))


def test_a_rule_of_ones_own_is_not_lived_by_children(monkeypatch):
    from evsim import Strategy

    seen = []

    class Remembers(Strategy):
        """Charge, and remember who came."""

        name = "remembers"

        def orders(self, cars):
            seen.append(len(cars))
            return cars.orders()

    made = world()
    told = made.to_dict() | {"charging": {"strategy": "remembers"}}
    lived(monkeypatch, together=True, made=Scenario.from_dict(told, strategies={"remembers": Remembers}))
    assert seen


def test_what_a_child_cannot_bear_its_parent_raises(monkeypatch):
    def fail(*_):
        raise StrategyError("told by a child")

    monkeypatch.setattr(simulator.UserController, "step", fail)
    with pytest.raises(StrategyError, match="told by a child"):
        lived(monkeypatch, together=True)
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


def test_a_child_that_is_killed_is_said_to_have_ended(monkeypatch):
    monkeypatch.setattr(simulator.UserController, "step", lambda *_: os._exit(9))
    with pytest.raises(InvariantError, match="has ended; is there enough memory"):
        lived(monkeypatch, together=True)


def test_stopping_the_parent_leaves_no_child(monkeypatch):
    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(simulator, "can_fork", lambda: True)
    monkeypatch.setattr(simulator, "_LEAST_TO_SHARE", 10)
    with pytest.raises(KeyboardInterrupt):
        simulate(world(), progress=stop)
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


def test_shared_columns_keep_their_kinds_and_values():
    from evsim._pages import Pages

    pages = Pages()
    columns = [
        pages.empty(n, kind) for n, kind in ((3, np.uint8), (5, np.float64), (1 << 23, np.float64), (2, np.int32))
    ]
    for i, column in enumerate(columns):
        column[:] = i
    places = [pages.place_of(column) for column in columns]
    memory = pages.whole()
    for i, (column, place) in enumerate(zip(columns, places, strict=True)):
        assert (np.frombuffer(memory, column.dtype, len(column), place) == i).all()
    assert sys.getsizeof(memory)

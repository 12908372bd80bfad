"""A crowd lived by several processes: the same to the last bit, and nothing is left behind when something fails."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from priced import Priced, every_half_hour, waves
from worlds import config, row

from evsim import InvariantError, Scenario, Simulator, StrategyError, simulate
from evsim import _crew as crew
from evsim import _simulator as simulator
from evsim.strategies import ValleyFill
from evsim.strategies._parts import Said, agreed, together
from evsim.strategies.fleet_limit import FleetLimit

pytestmark = pytest.mark.skipif(not crew.can_fork(), reason="this system does not fork, or has one core")


def world(**changes):
    rows = row("A", 60), row("B", 40, plug_in_frequency_per_day=0.3)
    return Scenario.from_dict(config(*rows, users=90, days=2, warm_up=2, habit=75, day=130, driving=True, **changes))


def lived(monkeypatch, *, forks, made=None, n_blocks=2):
    monkeypatch.setattr(simulator, "_LEAST_TO_SHARE", 10)
    monkeypatch.setattr(simulator, "_CREW", n_blocks)
    monkeypatch.setattr(simulator, "can_fork", lambda: forks)
    return simulate(world() if made is None else made)


def assert_the_same(one, other, *, is_cut_alike=True):
    """To the last bit: series, people, and what the log says of each in the order of time.

    Totals are summed block by block, in floats: the last digit of power and mean SoC depends on where blocks end.
    """
    for name in ("import_kw", "n_plugged_in", "n_charging", "n_away", "mean_soc", "soc_quantiles"):
        first, second = (getattr(results, name) for results in (one, other))
        if is_cut_alike or name not in ("import_kw", "mean_soc"):
            assert first.tobytes() == second.tobytes(), name
        else:
            assert np.allclose(first, second, rtol=1e-12, atol=1e-12), name
    for name in ("soc", "is_plugged_in", "is_away", "driven_kwh", "driven_miles", "public_kwh"):
        assert getattr(one.users, name).tobytes() == getattr(other.users, name).tobytes(), name
    assert one.certificate.max_residual_kwh == other.certificate.max_residual_kwh
    order = one.events.in_time_order(), other.events.in_time_order()
    assert len(one.events) > 1000
    reasons = [np.array(results.events.reasons) for results in (one, other)]
    for name in ("at_s", "user", "event", "soc", "import_kwh"):
        first, second = (results.events.column(name)[rows] for results, rows in zip((one, other), order, strict=True))
        assert np.array_equal(first, second), name
    first, second = (
        told[results.events.column("reason")[rows]]
        for told, results, rows in zip(reasons, (one, other), order, strict=True)
    )
    assert np.array_equal(first, second)


def test_processes_live_what_one_would_have(monkeypatch):
    one, several = (lived(monkeypatch, forks=forks) for forks in (False, True))
    assert_the_same(one, several)
    assert one.certificate == several.certificate
    assert [len(user.log) for user in one.users] == [len(user.log) for user in several.users]


# ---- a fleet in parts

FLEETS = {
    "valley_fill": {"strategy": "valley_fill"},
    "decides by the hour": {"strategy": "valley_fill", "decide_every_minutes": 60},
    "some fill valleys": {"strategy": "immediate", "by_archetype": {"B": {"strategy": "valley_fill"}}},
    "two fleets": {
        "strategy": "valley_fill",
        "by_archetype": {"B": {"strategy": "valley_fill", "decide_every_minutes": 60}},
    },
    "earliest_deadline": {"strategy": "immediate", "fleet_limit_kw": 130},
    "least_laxity": {"strategy": "immediate", "fleet_limit_kw": 130.7, "share_by": "least_laxity"},
    "equally": {"strategy": "immediate", "fleet_limit_kw": 130, "share_by": "equally"},
    "all sorts in a limit": {
        "strategy": "cheapest", "margin_minutes": 30, "boost_percent": 20, "random_delay_seconds": 600,
        "fleet_limit_kw": 90, "share_by": "least_laxity",
        "by_archetype": {"B": {"strategy": "scheduled", "window": ["00:40", "03:10"], "minimum_soc_percent": 40}},
    },
    "fleets in a limit": {"strategy": "valley_fill", "fleet_limit_kw": 40},
    "a guarded fleet": {"strategy": "valley_fill", "minimum_soc_percent": 50},
    "a limit that binds nobody": {"strategy": "immediate", "fleet_limit_kw": 1e6},
}  # fmt: skip


class Steered(Priced):
    """A world whose prices need not be in its config."""

    def verify(self):
        return ()


def fleet(rule, **changes):
    """A world of odd powers, prices and demand."""
    rows = row("A", 60, charger_kw=7.36), row("B", 40, plug_in_frequency_per_day=0.4, charger_kw=3.68)
    settings = {"users": 91, "days": 2, "habit": 75, "day": 130, "driving": True} | changes
    made = Steered.from_dict(config(*rows, charging=rule, **settings))
    made.__dict__["made_by_hand"] = {
        "import_price": waves,
        "demand_kw": lambda clock: every_half_hour(clock, np.random.default_rng(5).random(96) * 200),
    }
    return made


@pytest.mark.parametrize("rule", FLEETS.values(), ids=FLEETS)
def test_a_fleet_is_steered_the_same_however_it_is_cut(monkeypatch, rule):
    whole = lived(monkeypatch, forks=False, made=fleet(rule), n_blocks=1)
    alike = {}
    for n_blocks in (2, 3):
        for forks in (False, True):
            cut = lived(monkeypatch, forks=forks, made=fleet(rule), n_blocks=n_blocks)
            assert_the_same(whole, cut, is_cut_alike=False)
            assert_the_same(alike.setdefault(n_blocks, cut), cut)


def test_parts_without_a_car_that_needs_energy_change_nothing(monkeypatch):
    """Twelve people in twelve blocks: most have none to ask for at a time, and sometimes all."""
    for rule in (FLEETS["valley_fill"], FLEETS["least_laxity"] | {"fleet_limit_kw": 9}):
        made = [fleet(rule, users=12, days=30) for _ in range(2)]
        whole = lived(monkeypatch, forks=False, made=made[0], n_blocks=1)
        assert_the_same(whole, lived(monkeypatch, forks=True, made=made[1], n_blocks=12), is_cut_alike=False)


def test_a_fleet_that_is_advanced_step_by_step_is_steered_the_same(monkeypatch):
    several = [lived(monkeypatch, forks=n > 1, made=fleet(FLEETS["valley_fill"]), n_blocks=n) for n in (1, 3)]
    slowly = Simulator(fleet(FLEETS["valley_fill"]))
    while not slowly.is_over:
        slowly.advance()
    assert_the_same(several[0], slowly.run())
    assert_the_same(several[1], slowly.run(), is_cut_alike=False)


@pytest.mark.parametrize("name", ["valley_fill", "least_laxity"])
def test_a_fleet_in_parts_has_children(monkeypatch, name):
    forked = []
    fork = os.fork
    monkeypatch.setattr(os, "fork", lambda: forked.append(1) or fork())
    lived(monkeypatch, forks=True, made=fleet(FLEETS[name]), n_blocks=3)
    assert len(forked) == min(3, len(os.sched_getaffinity(0)))


@pytest.mark.parametrize("name", ["equally", "fleets in a limit", "a guarded fleet"])
def test_a_fleet_that_cannot_be_cut_is_one_block(name):
    assert Simulator(fleet(FLEETS[name], users=50_000))._n_blocks() == 1


def test_a_limit_round_a_rule_of_ones_own_is_one_block():
    from evsim import Strategy

    class Own(Strategy):
        """Anybody's."""

        name = "own"

        def orders(self, cars):
            return cars.orders()

    rule = {"strategy": "own", "fleet_limit_kw": 90}
    made = Scenario.from_dict(config(row(), users=50_000, charging=rule), strategies={"own": Own})
    assert Simulator(made)._n_blocks() == 1


def in_second_child(monkeypatch, rule, kind, does):
    """Let a method of a rule do something else in the second child, after nine hours."""
    was, forked, fork = getattr(rule, kind), [], os.fork

    def instead(self, cars, *rest):
        if len(forked) == 2 and len(cars) and cars.now[0] > 9 * 3600:
            does()
        return was(self, cars, *rest)

    monkeypatch.setattr(os, "fork", lambda: forked.append(1) or fork())
    monkeypatch.setattr(rule, kind, instead)


def assert_no_child_is_left():
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


@pytest.mark.parametrize("kind", ["look", "orders_of"])
@pytest.mark.parametrize(("rule", "name"), [(ValleyFill, "valley_fill"), (FleetLimit, "least_laxity")])
def test_what_one_child_cannot_bear_while_the_other_waits_its_parent_raises(monkeypatch, rule, name, kind):
    def fail():
        raise ValueError("told by a child")

    in_second_child(monkeypatch, rule, kind, fail)
    with pytest.raises(StrategyError, match=rf"{rule.name}.*ValueError: told by a child"):
        lived(monkeypatch, forks=True, made=fleet(FLEETS[name]))
    assert_no_child_is_left()


@pytest.mark.parametrize("kind", ["look", "orders_of"])
def test_a_child_that_is_killed_while_the_other_waits_is_said_to_have_ended(monkeypatch, kind):
    in_second_child(monkeypatch, ValleyFill, kind, lambda: os._exit(9))
    with pytest.raises(InvariantError, match="has ended; is there enough memory"):
        lived(monkeypatch, forks=True, made=fleet(FLEETS["valley_fill"]))
    assert_no_child_is_left()


def test_a_parent_that_cannot_agree_leaves_no_child(monkeypatch):
    def fail(*_):
        raise ValueError("no")

    monkeypatch.setattr(ValleyFill, "agree", fail)
    with pytest.raises(StrategyError, match=r"valley_fill.*ValueError: no"):
        lived(monkeypatch, forks=True, made=fleet(FLEETS["valley_fill"]))
    assert_no_child_is_left()


@pytest.mark.parametrize("ends", ["two", "none"])
def test_parts_that_are_out_of_step_are_a_bug_of_ours(ends):
    def talk(n, rule):
        for _ in range(n):
            yield Said(rule, None)

    talks = [talk(1, 0), talk(2, 0)] if ends == "two" else [talk(1, 0), talk(1, 1)]
    with pytest.raises(InvariantError, match="a bug of evsim"):
        together(talks, lambda said: agreed([ValleyFill(), ValleyFill()], said) if ends == "none" else [None] * 2)


def test_children_end_when_their_parent_is_killed(tmp_path):
    """The parent dies between a question and its answer."""
    script = f"""
import os, signal, sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
import test_crew
from evsim import _simulator as simulator
from evsim.strategies import ValleyFill
from evsim.strategies._parts import Said, agreed, together
simulator._LEAST_TO_SHARE, simulator._CREW = 10, 3
look = ValleyFill.look
def seen(self, cars):
    open(os.path.join({str(tmp_path)!r}, str(os.getpid())), "w").close()
    return look(self, cars)
ValleyFill.look, ValleyFill.agree = seen, lambda *_: os.kill(os.getpid(), signal.SIGKILL)
simulator.simulate(test_crew.fleet(test_crew.FLEETS["valley_fill"]))
"""
    done = subprocess.run([sys.executable, "-c", script], timeout=60, check=False, capture_output=True)
    assert done.returncode == -signal.SIGKILL, done.stderr
    children = [int(path.name) for path in tmp_path.iterdir()]
    assert len(children) == min(3, len(os.sched_getaffinity(0)))
    until = time.monotonic() + 20
    while any(map(is_alive, children)) and time.monotonic() < until:
        time.sleep(0.05)
    assert not any(map(is_alive, children))


def is_alive(pid):
    """Whether a process of this number runs; one that has ended and that nobody has waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


# ---- processes


def test_the_children_really_live_it(monkeypatch):
    forked = []
    fork = os.fork
    monkeypatch.setattr(os, "fork", lambda: forked.append(1) or fork())
    lived(monkeypatch, forks=True)
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
    lived(monkeypatch, forks=True, made=Scenario.from_dict(told, strategies={"remembers": Remembers}))
    assert seen


def test_what_a_child_cannot_bear_its_parent_raises(monkeypatch):
    def fail(*_):
        raise StrategyError("told by a child")

    monkeypatch.setattr(simulator.UserController, "parley", fail)
    with pytest.raises(StrategyError, match="told by a child"):
        lived(monkeypatch, forks=True)
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


def test_a_child_that_is_killed_is_said_to_have_ended(monkeypatch):
    monkeypatch.setattr(simulator.UserController, "parley", lambda *_: os._exit(9))
    with pytest.raises(InvariantError, match="has ended; is there enough memory"):
        lived(monkeypatch, forks=True)


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

"""Smart charging end to end: config, simulation, events, bills; against optima, another simulator, and by law."""

from __future__ import annotations

import csv
import datetime as dt
from collections import Counter
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import ClassVar
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow.parquet as pq
import pytest
from scipy.optimize import linprog
from smart_worlds import disagreements, stays_of_log, world
from worlds import ALIKE, FLAT, TAPER, config, row

from evsim import ConfigError, Scenario, simulate
from evsim import _crew as crew
from evsim import _simulator as simulator
from evsim._outputs import write_tables
from evsim.analysis._measures import measures
from evsim.market import bills
from evsim.strategies import BUILT_IN, Cheapest, Observation

SHARED = Path(__file__).parent.parent.parent / "shared" / "data"
AGILE = SHARED / "prices" / "agile_2023_regionN_SouthScotland.csv"
CARBON = SHARED / "carbon" / "gb_carbon_intensity_and_temp_hourly_2020_202509.csv"
needs_agile = pytest.mark.skipif(not AGILE.exists(), reason="a year of real prices is not there: ../shared/data/prices")
needs_carbon = pytest.mark.skipif(not CARBON.exists(), reason="real carbon is not there: ../shared/data/carbon")

HOUR_S, HALF_HOUR_S = 3600, 1800
LONDON = ZoneInfo("Europe/London")
START = dt.datetime(2026, 1, 12, 12, tzinfo=dt.UTC)
ALL_GUARDS = {"minimum_soc_percent": 45, "margin_minutes": 30, "boost_percent": 15, "random_delay_seconds": 600}
FLEET_WIDE = {"valley_fill", "fleet_limit"}
LIMITED = {"strategy": "immediate", "fleet_limit_kw": 25}
LIVES = {"driving": True, "habit": 60, "day": 90}


def price_file(path, values, *, start=START, before_days=10):
    """A file of half-hourly prices in p/kWh that begins some days before the run."""
    first = start.astimezone(dt.UTC).replace(hour=0) - dt.timedelta(days=before_days)
    lines = ["from_utc,p_per_kwh"]
    lines += [f"{first + i * dt.timedelta(minutes=30):%Y-%m-%dT%H:%MZ},{value!r}" for i, value in enumerate(values)]
    path.write_text("\n".join(lines))
    return path


def drawn(seed, days=20, low=-15.0, high=45.0):
    """Half-hourly prices, all different, some below zero."""
    return np.random.default_rng(seed).uniform(low, high, 48 * days).tolist()


def priced(path, *rows, published_at="16:00", **settings):
    """A config of `worlds` in which prices, and numbers for carbon and demand, are those of a file."""
    source = {"file": str(path), "published_at": published_at}
    return config(*rows, **settings) | {"import_price": source}


def with_all_signals(path, *rows, **settings):
    """A config for any built-in rule."""
    given = priced(path, *rows, **settings)
    table = [["00:00", "06:30", 90], ["06:30", "15:00", 210], ["15:00", "00:00", 160]]
    return given | {"carbon_intensity": table, "demand": [["00:00", "07:00", 5], ["07:00", "00:00", 30]]}


def lived(given):
    return simulate(Scenario.from_dict(given))


def told(results):
    """All changes of state: what happened to whom when, and why."""
    store = results.events
    keep = store.column("event") != 0
    names = [store.reasons[i] for i in store.column("reason")[keep]]
    columns = (store.column(name)[keep].tolist() for name in ("user", "at_s", "event"))
    return sorted(zip(*columns, names, strict=True))


def kwh_of_sessions(results):
    return np.array([s.import_kwh for user in results.users for s in user.log.sessions()])


# ---- a real year


def agile_year(rule, *, days=363, **more):
    given = config(
        row("Average"), users=30, start="2023-01-02T12:00", days=days, warm_up=1, charging={"strategy": rule}, **LIVES
    )
    return given | {"import_price": {"file": str(AGILE)} | more}


@needs_agile
def test_a_hole_in_a_year_of_prices_is_one_clear_error():
    with pytest.raises(ConfigError) as error:
        Scenario.from_dict(agile_year("cheapest"))
    said = str(error.value)
    assert said.count("\n") == 1
    for words in ("no value for 2 times 30 min", "2023-10-29T01:00Z, 2023-10-29T01:30Z", '"fill": "previous"'):
        assert words in said


@needs_agile
def test_a_real_year_of_prices_from_the_config_to_the_bills():
    """A fill is told, days have 46 and 50 half-hours, nights below zero are used, and all laws hold."""
    made = Scenario.from_dict(agile_year("cheapest", fill="same_time_week_before"))
    note = made.signal_notes["import_price"]
    assert (note["n_filled"], note["filled_utc"]) == (2, ["2023-10-29T01:00Z", "2023-10-29T01:30Z"])
    smart, plain = simulate(made), lived(agile_year("immediate", fill="same_time_week_before"))
    local = [dt.datetime.fromisoformat(f"{t}Z") for t in smart.times]
    steps = Counter(t.astimezone(LONDON).date() for t in local)
    assert steps[dt.date(2023, 3, 26)] == 46
    assert steps[dt.date(2023, 10, 29)] == 50
    assert set(steps.values()) == {24, 46, 48, 50}
    with AGILE.open(newline="", encoding="utf-8") as file:
        price = {line["from_utc"]: float(line["import_p_per_kwh_inc_vat"]) for line in csv.DictReader(file)}
    a_week_before = {"2023-10-29T01:00Z": "2023-10-22T00:00Z", "2023-10-29T01:30Z": "2023-10-22T00:30Z"}
    pence = np.array([price[a_week_before.get(f"{t:%Y-%m-%dT%H:%MZ}", f"{t:%Y-%m-%dT%H:%MZ}")] for t in local])
    below_kwh = [run.import_kw.sum(axis=1)[pence < 0].sum() / 2 for run in (smart, plain)]
    assert below_kwh[0] > 2.5 * below_kwh[1] > 0
    for run in (smart, plain):
        assert run.certificate.max_residual_kwh < 1e-6
        worth = run.import_kw.sum(axis=1) @ pence / 2 / 100
        assert bills(run).total.import_cost_gbp == pytest.approx(worth, rel=1e-9)
    assert bills(smart).total.import_cost_gbp < 0.65 * bills(plain).total.import_cost_gbp
    assert smart.import_kwh.sum() == pytest.approx(plain.import_kwh.sum(), rel=0.01)


@needs_carbon
def test_a_real_month_of_carbon_through_greenest():
    given = config(row(), users=30, start="2023-03-10T12:00", days=28, charging={"strategy": "greenest"}, **LIVES)
    given["carbon_intensity"] = str(CARBON)
    green, plain = lived(given), lived(given | {"charging": {"strategy": "immediate"}})
    assert green.certificate.max_residual_kwh < 1e-6
    assert bills(green).total.mean_g_per_kwh < 0.9 * bills(plain).total.mean_g_per_kwh
    reasons = {event[3] for event in told(green) if event[2] == 2}
    assert reasons <= {"green_slot", "short_stay"}
    assert "green_slot" in reasons


# ---- optimal, end to end


def cheapest_possible(stay, kwh, kw, price):
    """The least that energy can cost in a stay: a linear programme over half-hours [GBP]."""
    since, until = stay
    edges = sorted({since, until, *range(since - since % HALF_HOUR_S + HALF_HOUR_S, until, HALF_HOUR_S)})
    worth = [price(t) for t in edges[:-1]]
    most = [kw * (b - a) / HOUR_S for a, b in pairwise(edges)]
    solved = linprog(worth, A_eq=[[1.0] * len(worth)], b_eq=[kwh], bounds=[(0, m) for m in most], method="highs")
    assert solved.success
    return solved.fun, max(worth) - min(worth)


def costs_of_nights(results, price):
    """Each whole stay of a run: (user, plug-in, plug-out), energy [kWh] and cost [GBP], by the log alone."""
    for user in results.users:
        now = None
        for event in user.log:
            at = int(event.at.astype("datetime64[s]").astype(int))
            if event.event == "plug_in":
                now = [at, 0.0, 0.0] if event.reason != "run_start" else None
            elif now is not None:
                now[1] += event.import_kwh
                now[2] += event.import_kwh * price(at - 1)
                if event.event == "plug_out":
                    yield (user.user_id, now[0], at), now[1], now[2]
                    now = None


@pytest.mark.parametrize("seed", range(4))
def test_every_night_costs_what_the_linear_programme_says_is_least(seed, tmp_path):
    """Needs are whole seconds, and so in float64 too: 16 of 64 kWh at 10 kW are 5,760 s."""
    values = drawn(seed)
    path, first = price_file(tmp_path / "p.csv", values), int(START.timestamp()) - 12 * HOUR_S - 10 * 86_400
    cars = [(64, 10), (64, 6.25), (32, 12.5), (128, 12.5)]
    ways = [("18:00", 25), ("17:13", 50)]
    kinds = [
        row(f"{kwh} {kw} {soc}", 100 / 8, battery_kwh=kwh, charger_kw=kw, plug_in_soc_percent=soc, plug_in_time=comes)
        | {"target_soc_percent": 75}
        for kwh, kw in cars
        for comes, soc in ways
    ]
    given = priced(path, *kinds, published_at="always", users=8, days=5, efficiency=1.0, curve=FLAT)
    results = lived(given | {"charging": {"strategy": "cheapest"}})

    def price(t):
        return values[(t - first) // HALF_HOUR_S] / 100

    n = 0
    for (user, *stay), kwh, cost in costs_of_nights(results, price):
        car = results.scenario.archetypes[results.users.archetype[user]]
        assert kwh == pytest.approx((75 - car.plug_in_soc_percent) / 100 * car.battery_kwh, abs=1e-6)
        least, _ = cheapest_possible(stay, kwh, car.charger_kw, price)
        assert cost == pytest.approx(least, abs=1e-6)
        n += 1
    assert n == 8 * 5


@pytest.mark.parametrize("seed", range(3))
def test_drivers_nights_cost_no_more_than_seconds_above_the_linear_programme(seed, tmp_path):
    """A stretch begins and ends with a whole second: at most the energy of two seconds is in another slot."""
    values = drawn(seed + 10)
    path, first = price_file(tmp_path / "p.csv", values), int(START.timestamp()) - 12 * HOUR_S - 10 * 86_400
    kinds = [row("A", 50, miles_per_year=20_000), row("B", 50, plug_out_time="08:10", miles_per_year=7_000)]
    given = priced(path, *kinds, published_at="always", users=2, days=6, curve=FLAT, **ALIKE)
    results = lived(given | {"charging": {"strategy": "cheapest"}})

    def price(t):
        return values[(t - first) // HALF_HOUR_S] / 100

    nights = list(costs_of_nights(results, price))
    assert len(nights) == 12
    for (_, *stay), kwh, cost in nights:
        least, range_gbp = cheapest_possible(stay, kwh, 7, price)
        assert -1e-6 <= cost - least <= 2 * 7 / HOUR_S * range_gbp + 1e-6


# ---- a bill by hand


def test_a_bill_is_that_of_events_parquet_and_the_price_file_to_the_last_digit(tmp_path):
    """With the csv module, pyarrow and decimals: nothing of evsim but its files."""
    path = price_file(tmp_path / "p.csv", [round(v, 2) for v in drawn(5)])
    given = priced(path, row("A", 60), row("B", 40, plug_in_soc_percent=20), users=20, days=4, **LIVES)
    results = lived(given | {"charging": {"strategy": "cheapest"}})
    write_tables(results, tmp_path)
    with path.open(newline="") as file:
        price = {line["from_utc"]: Decimal(line["p_per_kwh"]) / 100 for line in csv.DictReader(file)}
    rows = pq.read_table(tmp_path / "events.parquet").to_pylist()
    cost, kwh, below, starts = Counter(), Counter(), 0, Counter()
    for event in rows:
        before = event["at_utc"] - dt.timedelta(seconds=1)
        slot = before.replace(minute=before.minute // 30 * 30, second=0)
        energy = Decimal(float(event["import_kwh"]))
        now = price[f"{slot:%Y-%m-%dT%H:%MZ}"]
        cost[event["user_id"]] += energy * now
        kwh[event["user_id"]] += energy
        below += energy > 0 > now
        starts[event["user_id"]] += event["event"] == "charge_start"
    assert below > 100
    assert max(starts.values()) > 3 * 4
    with (tmp_path / "bills.csv").open(newline="") as file:
        bill = list(csv.DictReader(file))
    assert len(bill) == 20
    for line in bill:
        user = int(line["user_id"])
        assert Decimal(line["import_cost_gbp"]) == cost[user].quantize(Decimal("0.000001"))
        assert Decimal(line["import_kwh"]) == kwh[user].quantize(Decimal("0.00001"))
    with (tmp_path / "timeseries.csv").open(newline="") as file:
        steps = list(csv.DictReader(file))
    worth = sum(float(s["import_kw"]) / 2 * float(price[s["start_utc"][:16] + "Z"]) for s in steps)
    assert sum(float(line["import_cost_gbp"]) for line in bill) == pytest.approx(worth, abs=1e-5)


# ---- beside a naive simulator


@pytest.mark.parametrize("block", range(10))
def test_random_worlds_agree_with_the_naive_smart_chargers(block, tmp_path):
    """All rules that plan a stay, with guards, curves, publication times, clock changes and ties of prices."""
    n_stays, wrong = 0, []
    for seed in range(6 * block, 6 * block + 6):
        given, rules, signals = world(seed, tmp_path)
        within_s = 1 if given["battery"]["charge_curve"] == FLAT else 2
        n, found = disagreements(given, rules, signals, within_s=within_s)
        n_stays += n
        wrong += [(seed, *fault) for fault in found]
    assert not wrong, wrong[0]
    assert n_stays > 10


def test_who_came_under_the_minimum_waits_for_the_delay_when_the_timer_opens():
    guards = {"minimum_soc_percent": 30, "random_delay_seconds": 600}
    rule = {"strategy": "scheduled", "window": ["01:00", "06:00"], **guards}
    results = lived(config(row(plug_in_soc_percent=20), users=50, days=1, charging=rule))
    opened = [at for _, at, event, why in told(results) if event == 2 and why == "window_open"]
    assert len(opened) == 50
    assert len(set(opened)) > 40


@pytest.mark.parametrize(
    ("rule", "limit"),
    [
        ({"strategy": "valley_fill", "decide_every_minutes": 5, "random_delay_seconds": 600}, "300 s"),
        ({"strategy": "immediate", "fleet_limit_kw": 50, "random_delay_seconds": 1801}, None),
    ],
)
def test_a_delay_longer_than_the_time_between_two_decisions_is_refused(rule, limit):
    """A start that waits would be forgotten at the next decision, and wait anew for ever."""
    with pytest.raises(ConfigError) as said:
        Scenario.from_dict(config(step=5, charging=rule))
    assert "random_delay_seconds" in str(said.value)
    assert limit is None or limit in str(said.value)


def test_a_fleet_whose_cars_wait_before_they_start_charges_them_all_the_same():
    rule = {"strategy": "valley_fill", "decide_every_minutes": 10}
    settings = {"users": 10, "days": 1, "step": 5, "warm_up": 0, "habit": 60, "curve": FLAT}
    plain, late = (lived(config(**settings, charging=rule | more)) for more in ({}, {"random_delay_seconds": 600}))
    assert late.import_kwh.sum() == pytest.approx(plain.import_kwh.sum(), rel=0.05)


def test_a_need_of_whole_seconds_fills_whole_seconds():
    """11.04 kWh at 3.6 kW are 3 h 04: two hours and a half in the three best slots, and 34 minutes from 03:00 on."""
    given = config(
        row(battery_kwh=48, charger_kw=3.6, plug_in_soc_percent=57), days=3, efficiency=1.0, curve=FLAT,
        charging={"strategy": "cheapest"},
    )  # fmt: skip
    night = [["02:00", "03:00", 9], ["03:00", "04:30", 11], ["04:30", "05:00", 10], ["05:00", "06:00", 20]]
    given["import_price"] = [*night, ["06:00", "07:00", 10], ["07:00", "02:00", 40]]
    assert {at % 60 for _, at, event, _ in told(lived(given)) if event in (2, 4)} == {0}


def test_a_minimum_inside_a_limit_that_cuts_it_does_not_stop_the_run():
    """When only rounding is missing, the order has no length, which breaks the contract: the run ends with status 2."""
    rule = {"strategy": "scheduled", "minimum_soc_percent": 22, "fleet_limit_kw": 3}
    results = lived(config(row(plug_in_soc_percent=20), days=1, curve=FLAT, charging=rule))
    assert results.import_kwh.sum() > 0


def test_the_minimum_is_reached_when_the_log_says_so():
    rule = {"strategy": "scheduled", "minimum_soc_percent": 26, "fleet_limit_kw": 3}
    results = lived(config(row(plug_in_soc_percent=20), days=1, curve=FLAT, charging=rule))
    reached = [event.soc for event in results.users[0].log if event.reason == "minimum_reached"]
    assert reached == [pytest.approx(0.26, abs=1e-3)]


def test_a_delayed_change_of_power_is_a_change_of_power():
    settings = {"users": 10, "days": 1, "habit": 60, "day": 60, "curve": FLAT}
    rule = {"strategy": "balanced", "fleet_limit_kw": 100}
    car = row(plug_in_soc_percent=40)
    plain, late = (lived(config(car, **settings, charging=rule | more)) for more in ({}, {"random_delay_seconds": 600}))
    assert sum(event[2] == 2 for event in told(late)) <= sum(event[2] == 2 for event in told(plain)) + 2


# ---- steps, blocks and processes


def events_by_step(given, steps):
    runs = {}
    for step in steps:
        given["simulation"]["step_minutes"] = step
        runs[step] = lived(given)
    return runs


def rule_called(name):
    return LIMITED if name == "fleet_limit" else {"strategy": name}


@pytest.mark.parametrize("guards", [{}, ALL_GUARDS], ids=["plain", "guarded"])
@pytest.mark.parametrize("name", [*BUILT_IN, "fleet_limit"])
def test_results_do_not_depend_on_the_step(name, guards, tmp_path):
    if name in FLEET_WIDE:  # see test_a_minimum_inside_a_limit_that_cuts_it_does_not_stop_the_run
        guards = {key: value for key, value in guards.items() if key != "minimum_soc_percent"}
    path = price_file(tmp_path / "p.csv", drawn(3))
    kinds = row("A", 60, plug_in_soc_percent=20), row("B", 40, plug_in_frequency_per_day=0.6, target_soc_percent=95)
    given = with_all_signals(path, *kinds, users=10, days=2, charging=rule_called(name) | guards, **LIVES)
    runs = events_by_step(given, (30, 15, 10, 5))
    for run in runs.values():
        assert told(run) == told(runs[30])
        assert kwh_of_sessions(run) == pytest.approx(kwh_of_sessions(runs[30]), abs=1e-6)
        costs = bills(run).import_cost_gbp
        assert costs == pytest.approx(bills(runs[30]).import_cost_gbp, abs=1e-6)


@pytest.mark.parametrize("name", ["cheapest", "greenest"])
@pytest.mark.parametrize("together", [False, True])
def test_blocks_and_processes_give_the_same_bytes_at_news(name, together, tmp_path, monkeypatch):
    if together and not crew.can_fork():
        pytest.skip("this system does not fork, or has one core")
    path = price_file(tmp_path / "p.csv", drawn(4))
    kinds = row("A", 60), row("B", 40, plug_in_frequency_per_day=0.5)
    given = with_all_signals(path, *kinds, users=45, days=2, charging={"strategy": name} | ALL_GUARDS, **LIVES)
    one = lived(given)
    monkeypatch.setattr(simulator, "_BLOCK_SIZE", 7)
    monkeypatch.setattr(simulator, "can_fork", lambda: together)
    several = lived(given)
    orders = one.events.in_time_order(), several.events.in_time_order()
    for column in ("at_s", "user", "event", "soc", "import_kwh"):
        ours, theirs = (run.events.column(column)[rows] for run, rows in zip((one, several), orders, strict=True))
        assert ours.tobytes() == theirs.tobytes()
    reasons = [
        [run.events.reasons[i] for i in run.events.column("reason")[rows]]
        for run, rows in zip((one, several), orders, strict=True)
    ]
    assert reasons[0] == reasons[1]
    assert np.array_equal(bills(one).import_cost_gbp, bills(several).import_cost_gbp)


# ---- laws


@pytest.mark.parametrize("guards", [{}, ALL_GUARDS], ids=["plain", "guarded"])
@pytest.mark.parametrize("name", sorted(set(BUILT_IN) - FLEET_WIDE))
def test_a_user_alone_is_the_same_in_a_crowd(name, guards, tmp_path):
    path = price_file(tmp_path / "p.csv", drawn(6))
    few, many = (
        lived(with_all_signals(path, users=n, days=2, charging={"strategy": name} | guards, **LIVES)) for n in (3, 40)
    )
    assert told(few) == [event for event in told(many) if event[0] < 3]
    assert bills(few).import_cost_gbp.tobytes() == bills(many).import_cost_gbp[:3].tobytes()


@pytest.mark.parametrize(("factor", "constant"), [(3.7, 0.0), (1.0, 13.37), (0.05, -8.0)])
def test_prices_times_a_factor_and_more_by_a_constant_change_nothing_of_cheapest(factor, constant, tmp_path):
    values = drawn(7)
    other = [factor * value + constant for value in values]
    runs = [
        lived(priced(price_file(tmp_path / name, column), users=15, days=4, charging={"strategy": "cheapest"}, **LIVES))
        for name, column in (("one.csv", values), ("other.csv", other))
    ]
    assert told(runs[0]) == told(runs[1])
    ours, theirs = (bills(run) for run in runs)
    expected = factor * ours.import_cost_gbp + constant / 100 * ours.import_kwh
    assert theirs.import_cost_gbp == pytest.approx(expected, abs=1e-9)


def starts_of(results):
    """Each stay's first charge_start [s since the run's start], by user and plug-in."""
    found, now = {}, {}
    for user, at, event, _ in told(results):
        if event == 1:
            now[user] = at
        elif event == 2 and user in now:
            found.setdefault((user, now[user]), at)
    return found


def test_a_limit_above_all_chargers_only_lets_newcomers_wait_for_the_next_decision(tmp_path):
    """Who comes at 18:07 starts at 18:30; the energy is the same, and each charge takes as long."""
    del tmp_path
    settings = {"users": 30, "days": 3, "habit": 60, "curve": TAPER, "warm_up": 0}
    rule = {"strategy": "immediate"}
    free = lived(config(**settings, charging=rule))
    limited = lived(config(**settings, charging=rule | {"fleet_limit_kw": 30 * 7}))
    ours, theirs = starts_of(free), starts_of(limited)
    assert ours.keys() == theirs.keys()
    for (user, plug_in), at in ours.items():
        assert theirs[user, plug_in] == -(-at // HALF_HOUR_S) * HALF_HOUR_S
    assert kwh_of_sessions(limited) == pytest.approx(kwh_of_sessions(free), abs=1e-6)


@pytest.mark.parametrize("rule", [{"strategy": "immediate"}, {"strategy": "scheduled"}, {"strategy": "cheapest"}])
def test_a_limit_above_all_chargers_changes_nothing_for_who_comes_at_a_decision(rule, tmp_path):
    """Of cheapest only the cost is the same, to seconds: of its last slot each decision may take another part."""
    path = price_file(tmp_path / "p.csv", drawn(8))
    kinds = row("A", 50, plug_in_soc_percent=30), row("B", 50, plug_in_time="19:30")
    given = priced(path, *kinds, published_at="always", users=6, days=3)
    free, limited = (lived(given | {"charging": rule | more}) for more in ({}, {"fleet_limit_kw": 42}))
    for one, other in zip(free.users, limited.users, strict=True):
        for ours, theirs in zip(stays_of_log(one), stays_of_log(other), strict=True):
            assert ours[:2] == theirs[:2]
            assert ours[2] == pytest.approx(theirs[2], abs=1e-5)
            assert ours[3] == theirs[3] or rule["strategy"] == "cheapest"
    assert bills(free).import_cost_gbp == pytest.approx(bills(limited).import_cost_gbp, abs=3 * 7 / HOUR_S * 0.6)


@pytest.mark.parametrize("guards", [{}, ALL_GUARDS | {"random_delay_seconds": 1800}], ids=["plain", "guarded"])
@pytest.mark.parametrize("share_by", ["earliest_deadline", "least_laxity", "equally"])
@pytest.mark.parametrize("name", ["immediate", "scheduled", "cheapest", "valley_fill"])
def test_a_limit_holds_in_every_minute_whatever_is_inside(name, share_by, guards, tmp_path):
    path = price_file(tmp_path / "p.csv", drawn(9))
    kinds = row("A", 60, plug_in_soc_percent=20, charger_kw=7.4), row("B", 40, charger_kw=3.6, plug_in_soc_percent=35)
    rule = {"strategy": name, "fleet_limit_kw": 43.21, "share_by": share_by} | guards
    given = with_all_signals(path, *kinds, users=30, days=1, step=1, charging=rule, habit=50, day=60)
    total = lived(given).import_kw.sum(axis=1)
    assert total.max() <= 43.21 * (1 + 1e-12)
    assert total.max() > 0.8 * 43.21


@pytest.mark.parametrize("share_by", ["earliest_deadline", "least_laxity", "equally"])
def test_a_limit_that_is_enough_for_the_night_takes_no_energy_away(share_by):
    """20 cars of 13.3 kWh in 13 h need 20.5 kW on average; 30 kW are enough, in turns or together."""
    settings = {"users": 20, "days": 3, "curve": FLAT}
    free = lived(config(**settings))
    rule = {"strategy": "immediate", "fleet_limit_kw": 30, "share_by": share_by}
    limited = lived(config(**settings, charging=rule))
    assert free.peak.kw == 140
    assert limited.peak.kw <= 30
    assert kwh_of_sessions(limited) == pytest.approx(kwh_of_sessions(free), abs=1e-5)


def test_shortfall_in_the_summary_is_that_of_the_events(tmp_path):
    kinds = row("A", 50, plug_in_soc_percent=20), row("B", 50, charger_kw=2.3, plug_in_soc_percent=10)
    results = lived(config(*kinds, users=10, days=3, day=120, charging={"strategy": "immediate", "fleet_limit_kw": 12}))
    write_tables(results, tmp_path)
    short = Counter()
    for event in pq.read_table(tmp_path / "events.parquet").to_pylist():
        if event["event"] == "plug_out":
            short[event["archetype"]] += max(80 - event["soc_percent"], 0) / 100 * 60
    assert sum(short.values()) > 100
    assert measures(results)["short_kwh"] == pytest.approx(sum(short.values()), rel=1e-6)


# ---- how often a rule is asked


def test_cheapest_is_asked_once_for_each_plug_in_and_once_for_each_publication(tmp_path):
    asked = []

    class Counted(Cheapest):
        name: ClassVar[str] = "counted"

        def orders(self, cars: Observation):
            asked.append((len(cars), float(cars.now.min()), float(cars.now.max())))
            return super().orders(cars)

    path = price_file(tmp_path / "p.csv", drawn(11))
    given = priced(path, users=40, days=3, warm_up=0, charging={"strategy": "counted"}, **LIVES)
    results = simulate(Scenario.from_dict(given, strategies={"counted": Counted}))
    n_plug_ins = sum(event[2] == 1 for event in told(results))
    publications = [16 * HOUR_S - 12 * HOUR_S + 86_400 * day for day in range(3)]
    again = [a for a in asked if a[1] == a[2] and a[1] in publications]
    assert len(again) <= 3 + n_plug_ins
    assert len(asked) <= n_plug_ins + 3
    n_asked_about = sum(n for n, *_ in asked)
    assert n_plug_ins <= n_asked_about <= n_plug_ins + 3 * 40

"""How much can be sold: the formula beside linear programs, a run's blocks beside programs of its own log, and laws."""

from __future__ import annotations

import csv
import json
import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.patches import StepPatch
from matplotlib.text import Text
from PIL import Image
from worlds import ALIKE, FLAT, TAPER, command, config, row, run, scheduled

from evsim import ConfigError, Scenario, simulate
from evsim._commands.firm import FIRM_FILES
from evsim._outputs import FILES
from evsim._reports.firm import power
from evsim.analysis import Fleet, envelope, firm, is_deliverable, largest_block
from evsim.analysis._envelope import firm_of
from evsim.analysis._film import Film
from evsim.analysis._fleets import KINDS, Fleets
from evsim.analysis._local_days import cells
from evsim.analysis._readiness import Readiness, appointments
from evsim.cli import main
from evsim.plots import firm_power, save_firm

linprog = pytest.importorskip("scipy.optimize").linprog

EFFICIENCY = 0.9
OUT = 0.87 / EFFICIENCY


# ---- the formula


def feasible(profile, fleet, *, along=None):
    """Whether a linear program shares a profile out: each car within its powers and its energy over the window.

    along : (low, high) kWh between which each car's energy must also be at the end of every step
    """
    n, n_steps = len(fleet), fleet.n_steps
    each = np.kron(np.eye(n), np.full((1, n_steps), fleet.step_h))
    a_ub, b_ub = [each, -each], [fleet.max_kwh, -fleet.min_kwh]
    if along is not None:
        sums = np.kron(np.eye(n), np.tril(np.full((n_steps, n_steps), fleet.step_h)))
        a_ub += [sums, -sums]
        b_ub += [np.repeat(along[1], n_steps), -np.repeat(along[0], n_steps)]
    bounds = np.repeat(np.stack([fleet.min_kw, fleet.max_kw], 1), n_steps, axis=0)
    found = linprog(
        np.zeros(n * n_steps), np.vstack(a_ub), np.concatenate(b_ub), np.tile(np.eye(n_steps), n), profile,
        bounds=bounds, method="highs",
    )  # fmt: skip
    return found.status == 0


def some_fleet(luck, *, both_ways, kinds=("less", "gives", "mixed")):
    """A small random fleet that can exist; those that cannot are none to ask about."""
    n, n_steps, step_h = luck.integers(1, 6), luck.integers(1, 7), luck.choice([0.25, 0.5, 1.0])
    kind = luck.choice(kinds, n) if both_ways else np.full(n, "less")
    high = np.where(kind == "gives", 0.0, luck.uniform(0, 7, n))
    low = np.where(kind == "less", 0.0, -luck.uniform(0, 7, n))
    ends = np.sort(luck.uniform(low[:, None], high[:, None] + 1e-9, (n, 2)) * n_steps * step_h, axis=1)
    free = luck.random(n) < 0.2
    return Fleet(low, high, np.where(free, -99.0, ends[:, 0]), np.where(free, 99.0, ends[:, 1]), int(n_steps), step_h)


def some_profile(luck, fleet):
    """Sometimes one that a car-by-car choice makes, moved a little: near the border, where it matters."""
    low, high = fleet.min_kw.sum(), fleet.max_kw.sum()
    if luck.random() < 0.3:
        return luck.uniform(low, high, fleet.n_steps)
    own = luck.uniform(fleet.min_kw[:, None], fleet.max_kw[:, None], (len(fleet), fleet.n_steps))
    return own.sum(axis=0) * luck.uniform(0.7, 1.2)


@pytest.mark.parametrize("both_ways", [False, True])
def test_the_formula_is_the_linear_program(both_ways):
    luck = np.random.default_rng(1)
    answers = []
    for _ in range(250):
        fleet = some_fleet(luck, both_ways=both_ways)
        profile = some_profile(luck, fleet)
        answers.append(is_deliverable(profile, fleet))
        assert answers[-1] == feasible(profile, fleet), (fleet, profile)
    assert 40 < sum(answers) < 210


def test_a_car_that_goes_one_way_is_bounded_by_what_is_in_its_battery_too():
    """The charge at every step's end is between its ends, so bounds along the way change nothing."""
    luck = np.random.default_rng(2)
    for _ in range(150):
        fleet = some_fleet(luck, both_ways=True, kinds=("less", "gives"))
        profile = some_profile(luck, fleet)
        along = np.minimum(fleet.min_kwh, 0.0), np.maximum(fleet.max_kwh, 0.0)
        assert is_deliverable(profile, fleet) == feasible(profile, fleet, along=along)


def test_of_cars_that_go_both_ways_the_formula_says_what_is_necessary():
    luck = np.random.default_rng(3)
    n_refused = 0
    for _ in range(150):
        fleet = some_fleet(luck, both_ways=True, kinds=("mixed",))
        profile = some_profile(luck, fleet)
        along = np.minimum(fleet.min_kwh, -0.1), np.maximum(fleet.max_kwh, 0.1)
        in_fact = feasible(profile, fleet, along=along)
        assert is_deliverable(profile, fleet) or not in_fact
        n_refused += is_deliverable(profile, fleet) and not in_fact
    assert n_refused, "it gives before it has charged, and only the sum is right"


def test_an_empty_car_cannot_give_before_it_charges():
    one = Fleet(np.array([-7.0]), np.array([7.0]), np.zeros(1), np.zeros(1), 2, 1.0)
    assert is_deliverable(np.array([-7.0, 7.0]), one)
    assert not feasible(np.array([-7.0, 7.0]), one, along=(np.zeros(1), np.full(1, 99.0)))


def most_under(own, fleet, *, rises=False):
    """The largest block by a linear program: at least so much under, or over, its own power in every step."""
    n, n_steps, sign = len(fleet), fleet.n_steps, -1 if rises else 1
    each = np.hstack([np.kron(np.eye(n), np.full((1, n_steps), fleet.step_h)), np.zeros((n, 1))])
    steps = np.hstack([sign * np.tile(np.eye(n_steps), n), np.ones((n_steps, 1))])
    goal = np.append(np.zeros(n * n_steps), -1.0)
    bounds = [*np.repeat(np.stack([fleet.min_kw, fleet.max_kw], 1), n_steps, axis=0).tolist(), (None, None)]
    finite = [np.isfinite(fleet.max_kwh), np.isfinite(fleet.min_kwh)]
    found = linprog(
        goal, np.vstack([each[finite[0]], -each[finite[1]], steps]),
        np.concatenate([fleet.max_kwh[finite[0]], -fleet.min_kwh[finite[1]], sign * own]),
        bounds=bounds, method="highs",
    )  # fmt: skip
    return max(0.0, -found.fun) if found.status == 0 else 0.0


@pytest.mark.parametrize("rises", [False, True])
def test_the_largest_block_is_that_of_the_linear_program(rises):
    luck = np.random.default_rng(4)
    sizes = []
    for _ in range(150):
        fleet = some_fleet(luck, both_ways=True)
        own = luck.uniform(fleet.min_kw[:, None], fleet.max_kw[:, None], (len(fleet), fleet.n_steps)).sum(axis=0)
        sizes.append(largest_block(fleet, own, rises=rises))
        assert sizes[-1] == pytest.approx(most_under(own, fleet, rises=rises), abs=1e-6)
    assert np.count_nonzero(sizes) > 50


def test_cars_take_turns():
    """Two cars of 7 kW and half an hour's energy each hold 7 kW for an hour, and neither could alone."""
    two = Fleet(np.full(2, -7.0), np.zeros(2), np.full(2, -3.5), np.zeros(2), 2, 0.5)
    assert largest_block(two) == 7
    assert largest_block(two.of(slice(1))) == 3.5
    assert is_deliverable(np.array([-7.0, -7.0]), two)
    assert not is_deliverable(np.array([-14.0, -7.0]), two)


def test_no_cars_hold_nothing():
    nothing = np.zeros(0)
    none = Fleet(nothing, nothing, nothing, nothing, 3, 0.5)
    assert largest_block(none) == 0
    assert is_deliverable(np.zeros(3), none)
    assert not is_deliverable(np.ones(3), none)


# ---- a run's blocks, beside a linear program of its log


@pytest.fixture(scope="module")
def crowd():
    rows = (row("A", 60, v2g_percent=60), row("B", 40, plug_in_time="20:00", miles_per_year=20000))
    return run(*rows, users=40, days=3, habit=75, day=130, driving=True, curve=FLAT)


def blocks(results, begin, minutes):
    film = Film(results)
    at = cells(begin, begin + minutes * 60)
    return dict(zip(KINDS, Fleets(results).blocks([film.at(int(t)) for t in at]), strict=True))


def program(results, begin, minutes, kind):
    """The largest block by a linear program of the log of who stays throughout; who is not ready anyway is left out."""
    people, clock = results.users, results.clock
    edges = clock.to_utc(np.arange(begin, begin + minutes * 60 + 1, 900))
    n_steps, hours = len(edges) - 1, 0.25
    book = appointments(results)
    who, low, high, least, most, own, idle = [], [], [], [], [], [], []
    for u, user in enumerate(people):
        sessions = user.log.sessions()
        if not any(s.plug_in <= edges[0] and (s.plug_out is None or s.plug_out >= edges[-1]) for s in sessions):
            continue
        target, capacity, kw = people.target_soc[u], people.capacity_kwh[u], people.charger_kw[u]
        leaves = float(book.expected_plug_out(np.array([u]), np.array([float(begin)]))[0])
        left_h = max(0.0, (leaves - begin) / 3600 - minutes / 60)
        needs = max(0.0, min(target, target - left_h * kw * EFFICIENCY / capacity))
        if user.log.soc(edges[-1]) < needs - 1e-6 and kind != "turn_up":
            continue
        soc, gives_kw = user.log.soc(edges[0]), people.discharge_kw[u]
        floor = max(needs, people.v2g_reserve_soc[u])
        power = [user.log.power_kw(a, b) for a, b in pairwise(edges)]
        can_give = kind in ("discharge", "both") and gives_kw > 0 and soc > floor + 1e-6
        if kind == "discharge" and not can_give:
            continue
        low.append(-gives_kw if can_give else 0.0)
        high.append(0.0 if can_give else kw)
        spare = (soc - floor) * capacity * OUT
        least.append(-spare if can_give else max(0.0, needs - soc) * capacity / EFFICIENCY - 1e-5)
        most.append((target - soc) * capacity / EFFICIENCY + 1e-5 if kind == "turn_up" else math.inf)
        if kind == "turn_up":
            least[-1] = -math.inf
        own.append(power)
        idle.append(np.minimum(power, 0.0))
        who.append(u)
    columns = (np.array(column, float) for column in (low, high, least, most))
    fleet = Fleet(*columns, n_steps, hours)
    total = np.sum(idle if kind == "discharge" else own, axis=0) if who else np.zeros(n_steps)
    return most_under(total, fleet, rises=kind == "turn_up") if who else 0.0


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("hour", [1, 6, 9, 12, 30])
@pytest.mark.parametrize("minutes", [30, 90])
def test_a_block_is_that_of_a_linear_program_of_the_log(crowd, kind, hour, minutes):
    found = blocks(crowd, hour * 3600, minutes)[kind]
    assert found == pytest.approx(program(crowd, hour * 3600, minutes, kind), abs=0.01)


def test_blocks_of_the_crowd_are_worth_comparing(crowd):
    assert min(blocks(crowd, 30 * 3600, 30)[kind] for kind in ("turn_down", "discharge", "both")) > 5


def test_one_car_by_hand():
    """It draws 7 kW from 18:00 to 19:08:34, and may pause, but not give: then its refill would have to wait."""
    results = run(curve=FLAT)
    assert blocks(results, 6 * 3600, 60) == pytest.approx({"turn_down": 7, "discharge": 0, "both": 7, "turn_up": 0})
    assert blocks(results, 6 * 3600, 75)["turn_down"] == pytest.approx(4, abs=1e-3)
    assert blocks(results, 5 * 3600 + 1800, 60)["turn_down"] == 0, "it is not there throughout"


def test_one_car_that_can_give_by_hand():
    """From 68% to its reserve of 60% are 4.8 kWh, of which 4.64 pass the meter; beside the 7 kW it would draw."""
    results = run(row(v2g_percent=100, v2g_reserve_soc_percent=60), curve=FLAT)
    found = blocks(results, 6 * 3600, 60)
    assert found["discharge"] == pytest.approx(4.8 * OUT, abs=1e-4)
    assert found["both"] == pytest.approx(7 + 4.8 * OUT, abs=1e-4)
    short = blocks(results, 6 * 3600, 30)
    assert short["discharge"] == pytest.approx(7)


def test_a_car_that_must_charge_to_be_ready_holds_nothing():
    """8 kWh and 69 minutes to charge them in: none of them can wait."""
    results = run(row(plug_out_time="19:09"), curve=FLAT)
    assert blocks(results, 6 * 3600, 60)["turn_down"] == pytest.approx(0, abs=0.1)


def test_a_car_may_charge_later_in_the_window():
    """Of two hours it draws in one and needs one: it cannot hold 7 kW for two, nor 3.5, as it draws nothing later."""
    results = run(row(plug_out_time="20:00"), curve=FLAT)
    assert blocks(results, 6 * 3600, 120)["turn_down"] == 0
    assert blocks(results, 6 * 3600, 45)["turn_down"] == pytest.approx(7)


def test_turn_up_goes_to_the_target():
    results = run(charging=scheduled("00:30", "04:30"), curve=FLAT)
    assert blocks(results, 6 * 3600, 60)["turn_up"] == pytest.approx(7)
    assert blocks(results, 6 * 3600, 120)["turn_up"] == pytest.approx(4)
    assert blocks(results, 6 * 3600, 120)["turn_down"] == 0


def test_where_the_curve_bends_power_is_the_least_on_the_way():
    """From 90% to 95% of a curve that falls from 100% at 80 to 30% at 100: 47.5% of 7 kW."""
    results = run(row(target_soc_percent=95, plug_in_soc_percent=90), curve=TAPER, charging=scheduled("00:30", "04:30"))
    assert blocks(results, 6 * 3600, 30)["turn_up"] == pytest.approx(7 * 0.475)


# ---- laws


@pytest.fixture(scope="module")
def held(crowd):
    return envelope(crowd)


def test_longer_products_are_never_firmer(held):
    assert (np.diff(held.kw, axis=3)[~np.isnan(np.diff(held.kw, axis=3))] <= 1e-9).all()
    assert (np.diff(np.nan_to_num(held.firm_kw(0.9)), axis=2) <= 1e-9).all()


def test_both_together_are_no_less_than_either(held):
    down, gives, both, _ = held.kw
    known = ~np.isnan(both)
    assert (both[known] >= np.maximum(down, gives)[known] - 0.01).all()
    assert (both[known] > np.maximum(down, gives)[known] + 1).any()


def test_more_confidence_is_never_more_power(held):
    steps = [np.nan_to_num(held.firm_kw(share)) for share in (0.1, 0.5, 0.9, 1.0)]
    for less, more in pairwise(steps):
        assert (more <= less).all()


def test_a_fleet_is_worth_no_less_than_its_parts():
    """Cars that are alike and alone hold together what they hold alone, and no less."""
    one = run(row(v2g_percent=100), curve=FLAT)
    three = run(row(v2g_percent=100), users=3, curve=FLAT)
    for kind, kw in blocks(one, 6 * 3600, 90).items():
        assert blocks(three, 6 * 3600, 90)[kind] == pytest.approx(3 * kw, abs=1e-3)


def test_every_half_hour_that_the_run_holds_is_known(held, crowd):
    starts = np.array([day.astype("datetime64[s]") + np.arange(48) * 1800 for day in held.days])
    begins = crowd.clock.run_seconds(starts)
    for i, minutes in enumerate(held.minutes):
        within = (begins >= 0) & (begins + minutes * 60 <= crowd.clock.end_s)
        np.testing.assert_array_equal(~np.isnan(held.kw[0, :, :, i]), within)


@given(st.lists(st.floats(0, 1e4), min_size=1, max_size=40), st.floats(0.01, 1))
def test_firm_is_what_so_many_days_have(kw, confidence):
    found, days = firm_of(np.array(kw), confidence), np.array(kw)
    assert (days >= found).sum() >= confidence * len(kw) - 1e-6
    assert (days > found).sum() < confidence * len(kw)
    assert found in kw


DAYS = [(10, 0.9, 9), (7, 0.9, 7), (28, 0.9, 26), (20, 0.95, 19), (1, 0.5, 1)]


@pytest.mark.parametrize(("n", "confidence", "place"), DAYS)
def test_the_rule_is_the_kth_best_day(n, confidence, place):
    assert firm_of(np.arange(float(n)), confidence) == n - place


def test_firm_power_is_of_the_window_asked_for(crowd):
    found = firm(crowd, "19:00", "20:30", 0.9)
    for d, day in enumerate(found.days):
        begin = int(crowd.clock.run_seconds(np.datetime64(day) + np.timedelta64(19, "h")))
        assert found.kw[:, d].tolist() == list(blocks(crowd, begin, 90).values())
    assert len(found.days) == 3
    assert found.lengths == (15, 30, 60, 90, 120)
    for kind in KINDS:
        assert found.worst_kw(kind) == found.firm_kw(kind) <= found.median_kw(kind) <= found.best_kw(kind)
        assert found.firm_kw(kind) <= found.most_firm_kw(kind)
    at = found.lengths.index(90)
    assert found.by_length_kw[:, at].tolist() == [found.firm_kw(kind) for kind in KINDS]


def test_a_window_over_midnight_belongs_to_the_day_it_begins_in(crowd):
    found = firm(crowd, "23:00", "01:00")
    assert [str(day) for day in found.days] == ["2026-01-12", "2026-01-13", "2026-01-14"]
    assert found.kw[:, 0].tolist() == list(blocks(crowd, 11 * 3600, 120).values())


def test_a_window_that_no_day_holds_is_an_error():
    with pytest.raises(ConfigError, match=r"simulation\.days.*13:00-11:00|holds no whole"):
        firm(run(start="2026-01-12T14:00", days=1, users=1), "13:00", "16:00")


def test_days_wanted_are_those_of_which_one_may_fail(crowd):
    assert firm(crowd, "19:00", "20:00", 0.9).days_wanted == 10
    assert firm(crowd, "19:00", "20:00", 0.5).days_wanted == 2


@pytest.mark.parametrize(
    ("kw", "text"), [(0, "0 kW"), (23.44, "23.4 kW"), (665.8, "666 kW"), (9_999, "9,999 kW"), (12_345, "12.35 MW")]
)
def test_powers_are_in_kw_for_small_and_mw_for_large(kw, text):
    assert power(kw) == text


# ---- pictures and the command line


def test_the_picture_is_the_envelope(crowd, held, tmp_path):
    found = firm(crowd, "19:00", "20:00")
    ax = firm_power(crowd, held=held, asked=found)
    tops = [p.get_data().values for p in ax.patches if isinstance(p, StepPatch) and p.get_fill()]
    words = [text.get_text() for text in ax.figure.findobj(Text) if text.get_visible() and text.get_text()]
    shown = [kind for kind in KINDS if np.nanmax(held.firm_kw(0.9)[KINDS.index(kind)]) > 0.05]
    expected = [np.roll(held.firm_kw(0.9)[KINDS.index(kind)], -24, axis=0).T for kind in shown]
    np.testing.assert_allclose(np.array(tops).reshape(len(shown), 4, 48), np.nan_to_num(expected))
    assert any("kW" in text and text.startswith("Power") for text in words)
    assert {"for 15 min", "for 120 min", "Turn-down: drawing less"} <= set(words)
    assert any(text.startswith("19:00-20:00: ") and text.endswith("kW") for text in words)
    save_firm(crowd, held, found, tmp_path)
    with Image.open(tmp_path / "firm_power.png") as picture:
        assert picture.text["Config hash"] == crowd.scenario.config_hash
        assert len(np.unique(np.asarray(picture.convert("L")))) > 20


@pytest.fixture
def place(tmp_path):
    tree = config(row("A", 50, v2g_percent=60), row("B", 50), users=20, days=2, **ALIKE | {"driving": True})
    (tmp_path / "config_json.json").write_text(json.dumps(tree), encoding="utf-8")
    return tmp_path


def ask(place, *arguments):
    return command("-m", "evsim", "firm", *arguments, cwd=place)


def test_the_command_line_says_what_python_says(place):
    done = ask(place, "--window", "18:00-19:00", "--confidence", "80")
    assert done.returncode == 0, done.stderr
    results = simulate(Scenario.from_file(place / "config_json.json"))
    found = firm(results, "18:00", "19:00", 0.8)
    for kind, name in (("turn_down", "turn-down"), ("discharge", "discharge"), ("both", "both together")):
        line = next(line for line in done.stdout.splitlines() if line.startswith(name))
        assert line.removeprefix(name).startswith(" ")
        assert power(found.firm_kw(kind)) in line
    assert "2 days are too few to speak of 80%: it takes 5" in done.stdout
    with (place / "outputs" / "firm.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 4 * 48 * 4
    wanted = next(r for r in rows if (r["kind"], r["start_local"], r["minutes"]) == ("both", "18:00", "60"))
    assert float(wanted["firm_kw"]) == pytest.approx(found.firm_kw("both"), abs=1e-3)
    assert sorted(path.name for path in (place / "outputs").iterdir()) == sorted(FIRM_FILES)
    assert set(FILES).isdisjoint(FIRM_FILES)


def test_a_fleet_that_cannot_discharge_is_told_so(place):
    done = ask(place, "--set", "archetypes[0].v2g_percent=0", "--no-plots")
    assert "No car can discharge; see v2g_percent." in done.stdout
    assert "both together" not in done.stdout


FAULTY = [
    (["--window", "17:00"], "--window"),
    (["--window", "17:00-17:00"], "no length"),
    (["--window", "17:00-25:00"], "--window"),
    (["--confidence", "0"], "--confidence"),
    (["--confidence", "101"], "--confidence"),
    (["--confidence", "most"], "--confidence"),
    (["--days", "0"], "--days"),
    (["nowhere.json"], "nowhere.json"),
]


@pytest.mark.parametrize(("arguments", "named"), FAULTY, ids=[" ".join(a) for a, _ in FAULTY])
def test_a_faulty_argument_is_told_once_and_nothing_is_written(place, arguments, named, monkeypatch, capsys):
    before = sorted(place.rglob("*"))
    monkeypatch.chdir(place)
    with pytest.raises(SystemExit) as left:
        main(["firm", *arguments])
    told = capsys.readouterr()
    assert left.value.code == 2
    assert named in told.err
    assert told.out == ""
    assert sorted(place.rglob("*")) == before


def test_readiness_is_shared_by_both_answers(crowd):
    """What a block leaves is what `still_ready` asks for: with nobody ready anyway, both say nothing."""
    late = run(row(plug_out_time="18:30"), curve=FLAT)
    assert blocks(late, 6 * 3600, 15)["turn_down"] == 0
    assert not late.assets(can_give_kw=1, for_minutes=15, at="18:00", still_ready=True).holds.any()
    assert isinstance(Readiness(crowd.users), Readiness)

"""The shapes of draws, against integrals, scipy, and the tables they come from."""

from __future__ import annotations

import numpy as np
import oracle_diary
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, special, stats
from worlds import row, scenario

from evsim import simulate
from evsim._plug_times import PLUG_IN, PLUG_OUT
from evsim._shapes import MOST_Z, CappedLogNormal, Offsets, normal_cdf, normal_cdfs

CVS = [0.01, 0.3, 0.7, 1.0, 2.0, 3.0]
TABLES = [
    pytest.param(table[kind], id=f"{name} {kind}")
    for name, table in (("plug_in", PLUG_IN), ("plug_out", PLUG_OUT))
    for kind in table
]


def expectation(shape, power):
    """E x^power over the standard normal, by quadrature below the cap and the point mass above it."""

    def integrand(z):
        return shape.of(np.array([z]))[0] ** power * stats.norm.pdf(z)

    below, _ = integrate.quad(integrand, -12, MOST_Z, epsabs=1e-12, epsrel=1e-10, limit=200)
    return below + shape.of(np.array([MOST_Z]))[0] ** power * stats.norm.sf(MOST_Z)


# ---- the normal distribution


def test_the_normal_distribution_is_scipys():
    for z in (-8, -3.3, -1, 0, 0.2, 2.5, 6):
        assert normal_cdf(z) == pytest.approx(special.ndtr(z), rel=1e-13)


def test_the_normal_distribution_of_many_is_scipys_to_a_millionth():
    z = np.linspace(-9, 9, 200_001)
    assert np.abs(normal_cdfs(z) - special.ndtr(z)).max() < 1e-6
    assert (np.diff(normal_cdfs(z)) >= 0).all()


def test_the_millionth_moves_no_time_by_more_than_a_second(monkeypatch):
    """Days on which many times must be drawn again, by a naive diary with the exact distribution function."""
    made = scenario(row(plug_in_time="09:00", plug_out_time="06:00"), users=25, days=6, warm_up=1, habit=75, day=180)
    table = simulate(made).events.sessions()
    monkeypatch.setattr(oracle_diary, "normal_cdf", special.ndtr)
    calendar, n_moved = oracle_diary.Calendar(made), 0
    for user in range(25):
        diary = oracle_diary.Diary(made, made.archetypes[0], user, calendar)
        first = made.simulation.start.date() - oracle_diary.dt.timedelta(days=3)
        outings = [diary.outing(first + oracle_diary.dt.timedelta(days=i)) for i in range(10)]
        mine = (table.user == user) & (table.plug_in > np.datetime64("2026-01-12T12:00"))
        exact = np.array([outing.arrive for outing in outings])
        for at in table.plug_in[mine].astype(np.int64):
            n_moved += (nearest := np.abs(exact - at).min()) > 0
            assert nearest <= 1
    assert n_moved <= 3


# ---- multipliers


@pytest.mark.parametrize("cv", CVS)
def test_a_capped_log_normal_has_mean_one_and_the_spread_that_was_asked_for(cv):
    shape = CappedLogNormal.with_cv(cv)
    assert expectation(shape, 1) == pytest.approx(1, abs=1e-8)
    assert np.sqrt(expectation(shape, 2) - 1) == pytest.approx(cv, rel=1e-6)


@pytest.mark.parametrize("cv", CVS)
def test_the_oracles_log_normal_is_the_same(cv):
    assert oracle_diary.capped_log_normal(cv) == pytest.approx(tuple(CappedLogNormal.with_cv(cv)), rel=1e-8)


def test_without_spread_everybody_has_one():
    assert CappedLogNormal.with_cv(0).of(np.linspace(-8, 8, 5)).tolist() == [1.0] * 5


def test_no_draw_goes_further_than_three_standard_deviations():
    shape = CappedLogNormal.with_cv(0.7)
    assert shape.of(np.array([3.0, 4.0, 9.0])).tolist() == [shape.of(np.array([3.0]))[0]] * 3


@given(st.floats(0.01, 3), st.floats(-8, 8), st.floats(-8, 8))
def test_more_luck_is_never_fewer_miles(cv, one, other):
    shape = CappedLogNormal.with_cv(cv)
    low, high = shape.of(np.array(sorted((one, other))))
    assert 0 < low <= high


# ---- minutes


@pytest.mark.parametrize("table", TABLES)
def test_a_published_shape_rises_through_its_points(table):
    assert (np.diff(table.z) > 0).all()
    assert (np.diff(table.minutes) > 0).all()
    assert table.of(table.z) == pytest.approx(table.minutes)
    assert table.of(np.array([-9.0, 9.0])).tolist() == [table.minutes[0], table.minutes[-1]]
    assert np.abs(table.minutes).max() < 12 * 60


@pytest.mark.parametrize("table", TABLES)
def test_a_shape_can_be_read_both_ways(table):
    z = np.linspace(-3, 3, 301)
    assert table.z_at(table.of(z)) == pytest.approx(z, abs=1e-12)


@given(st.floats(-9, 9), st.floats(-9, 9))
def test_offsets_are_monotone(one, other):
    shape = Offsets(np.array([-1.0, 0.0, 2.0]), np.array([-50.0, 5.0, 10.0]))
    low, high = shape.of(np.array(sorted((one, other))))
    assert -50 <= low <= high <= 10


@pytest.mark.parametrize("table", TABLES)
def test_the_oracle_reads_the_tables_alike(table):
    z = np.linspace(-4, 4, 173)
    naive = [oracle_diary.between(x, table.z.tolist(), table.minutes.tolist()) for x in z]
    assert table.of(z) == pytest.approx(naive, abs=1e-9)

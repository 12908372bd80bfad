"""Luck: where a draw lives, and that draws are spread as they should be."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evsim._chance import Chance, Purpose, normal_quantile

N = 20_000


def draw(seed=1, purpose=Purpose.DAY_PLUG_IN, n=N, day=20_000, first_user=0):
    return Chance(seed).uniform(purpose, n, day, first_user)


@given(st.integers(0, 3_000), st.integers(0, 2**64 - 1))
def test_a_user_alone_has_the_luck_of_the_same_user_in_a_crowd(user, seed):
    assert draw(seed, n=1, first_user=user)[0] == draw(seed, n=3_001)[user]


@given(st.integers(0, 500), st.integers(0, 500))
def test_a_block_of_users_has_the_luck_of_its_place_in_the_crowd(first, n):
    assert (draw(n=n, first_user=first) == draw(n=1_000)[first : first + n]).all()


@pytest.mark.parametrize(
    "other", [{"seed": 2}, {"purpose": Purpose.DAY_PLUG_OUT}, {"day": 20_001}, {"day": -20_000}, {"first_user": 1}]
)
def test_another_address_is_other_luck(other):
    assert not (draw(n=100) == draw(n=100, **other)).any()


@pytest.mark.parametrize("other", [{"seed": 2}, {"purpose": Purpose.DAY_PLUG_OUT}, {"day": 20_001}, {"first_user": 1}])
def test_neighbouring_addresses_are_independent(other):
    assert abs(np.corrcoef(draw(), draw(**other))[0, 1]) < 4 / np.sqrt(N)


def test_no_two_purposes_share_a_code():
    assert len({int(purpose) for purpose in Purpose}) == len(Purpose.__members__)


def test_the_same_address_is_the_same_luck():
    assert (draw() == draw()).all()


def test_the_largest_seed_works():
    assert len(draw(seed=2**64 - 1, n=5)) == 5


def test_uniforms_are_uniform():
    from scipy.stats import kstest

    assert kstest(draw(), "uniform").pvalue > 0.001


def test_normals_are_normal():
    from scipy.stats import kstest

    assert kstest(Chance(1).normal(Purpose.DAY_PLUG_IN, N), "norm").pvalue > 0.001


def test_uniforms_are_inside_the_open_interval():
    drawn = draw(n=500_000)
    assert drawn.min() > 0
    assert drawn.max() < 1


def test_a_normal_takes_exactly_the_one_uniform_of_its_address():
    assert (Chance(7).normal(Purpose.HABIT_PLUG_IN, 9) == normal_quantile(draw(7, Purpose.HABIT_PLUG_IN, 9, 0))).all()


def test_the_normal_quantile_is_scipys_in_the_middle_and_in_both_tails():
    from scipy.special import ndtri

    tails = np.logspace(-300, -1, 3_000)
    p = np.concatenate([tails, np.linspace(0.001, 0.999, 4_001), 1 - np.logspace(-15, -1, 500), draw(n=50_000)])
    ours, theirs = normal_quantile(p), ndtri(p)
    assert np.max(np.abs(ours - theirs) / np.maximum(np.abs(theirs), 1e-3)) < 1e-14


def test_the_normal_quantile_rises_and_is_zero_at_a_half():
    p = np.linspace(0.001, 0.999, 999)
    assert all(low < high for low, high in pairwise(normal_quantile(p)))
    assert normal_quantile(np.array([0.5]))[0] == 0


@pytest.mark.parametrize("edge", [np.finfo(np.float64).tiny, 1 - 2.0**-53])
def test_the_rarest_draws_have_finite_quantiles(edge):
    assert np.isfinite(normal_quantile(np.array([edge]))[0])

"""The battery against closed forms, other people's model and a numerical integrator."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from evsim._battery import ChargeCurve, Wiring, charge

FLAT = ChargeCurve.from_percent([(0, 100), (100, 100)])
TAPER = ChargeCurve.from_percent([(0, 100), (80, 100), (100, 30)])
WAVY = ChargeCurve.from_percent([(0, 40), (15, 90), (40, 100), (55, 60), (70, 75), (100, 20)])


def column(*values):
    return np.array(values, np.float64)


def wiring(charger_kw, capacity_kwh, efficiency):
    return Wiring(column(charger_kw), column(efficiency / capacity_kwh))


def after(curve, wire, soc, hours, kw=np.inf, until=1.0):
    done = charge(curve, wire, column(soc), column(kw), column(until), column(hours))
    return done.soc[0], done.hours[0], done.import_kwh[0]


def time_to(curve, wire, soc, until, kw=np.inf):
    return after(curve, wire, soc, np.inf, kw, until)[1]


@st.composite
def curves(draw, least=5.0):
    inner = draw(st.lists(st.integers(1, 99), max_size=5, unique=True))
    socs = [0, *sorted(inner), 100]
    return ChargeCurve.from_percent([(s, draw(st.floats(least, 100.0))) for s in socs])


cars = st.builds(wiring, st.floats(1.0, 50.0), st.floats(10.0, 150.0), st.floats(0.5, 1.0))
socs = st.floats(0.0, 0.999)


# ---- closed forms


def test_12_kwh_stored_at_7_kw_and_90_percent_take_1_905_hours():
    assert time_to(FLAT, wiring(7, 60, 0.9), 0.2, 0.4) == pytest.approx(12 / 6.3, rel=1e-12)


def test_a_60_kwh_car_from_68_to_80_percent_takes_1_142857_hours_and_8_kwh():
    soc, hours, kwh = after(TAPER, wiring(7, 60, 0.9), 0.68, np.inf, until=0.8)
    assert (soc, hours, kwh) == (0.8, pytest.approx(7.2 / 6.3, rel=1e-12), pytest.approx(8.0, rel=1e-12))


def test_the_tapered_end_takes_the_logarithm_of_the_power_ratio():
    """80 to 100% of 60 kWh, battery power falling from 6.3 to 1.89 kW: (12 / 4.41) ln(6.3 / 1.89) h."""
    assert time_to(TAPER, wiring(7, 60, 0.9), 0.8, 1.0) == pytest.approx(12 / 4.41 * np.log(6.3 / 1.89), rel=1e-12)


def test_energy_at_the_meter_is_what_was_stored_over_the_efficiency():
    soc, _, kwh = after(WAVY, wiring(7, 60, 0.9), 0.1, 3.0)
    assert kwh == pytest.approx((soc - 0.1) * 60 / 0.9, rel=1e-12)


def test_an_order_below_the_curve_is_flat_power():
    assert after(TAPER, wiring(7, 60, 0.9), 0.5, 2.0, kw=2.0)[0] == pytest.approx(0.5 + 2 * 2 * 0.9 / 60, rel=1e-12)


def test_a_curve_that_ends_at_nothing_approaches_full_and_never_arrives():
    curve = ChargeCurve.from_percent([(0, 100), (80, 100), (100, 0)])
    assert time_to(curve, wiring(7, 60, 0.9), 0.5, 1.0) == np.inf
    assert 0.99 < after(curve, wiring(7, 60, 0.9), 0.5, 20.0)[0] < 1


def test_no_time_no_power_or_no_need_leave_the_battery_alone():
    wire = wiring(7, 60, 0.9)
    for hours, kw, until in ((0.0, 7.0, 1.0), (1.0, 0.0, 1.0), (1.0, 7.0, 0.5), (1.0, 7.0, 0.4)):
        assert after(TAPER, wire, 0.5, hours, kw, until) == (0.5, 0.0, 0.0)


def test_many_cars_at_once_are_each_as_if_alone():
    wire = Wiring(column(7, 22, 3.6), column(0.9 / 60, 0.95 / 75, 0.8 / 40))
    soc, kw, until, hours = column(0.1, 0.5, 0.79), column(7, 11, 2), column(1.0, 0.9, 0.8), column(30, 2, 9)
    together = charge(WAVY, wire, soc, kw, until, hours)
    for i in range(3):
        one = charge(WAVY, wire.of(np.array([i])), *(c[i : i + 1] for c in (soc, kw, until, hours)))
        assert [c[0] for c in one] == [c[i] for c in together]


# ---- ACN-Sim's Linear2StageBattery (FIELD F1)


def acn_soc(soc, pilot_kw, max_kw, capacity_kwh, transition, hours):
    r, s_p = pilot_kw * hours / capacity_kwh, 1 - (1 - transition) * pilot_kw / max_kw
    if soc >= s_p:
        return 1 - (1 - soc) * np.exp(-r / (1 - s_p))
    if soc + r <= s_p:
        return soc + r
    return 1 - (1 - s_p) * np.exp(-(r + soc - s_p) / (1 - s_p))


@settings(max_examples=300)
@given(
    soc=st.floats(0.0, 0.999),
    transition=st.floats(0.05, 0.95),
    max_kw=st.floats(1.0, 50.0),
    pilot=st.floats(0.05, 1.0),
    capacity_kwh=st.floats(10.0, 150.0),
    hours=st.floats(0.01, 12.0),
)
def test_acn_sims_two_stage_battery_is_reproduced(soc, transition, max_kw, pilot, capacity_kwh, hours):
    curve = ChargeCurve(column(0, transition, 1), column(1, 1, 0))
    ours = after(curve, wiring(max_kw, capacity_kwh, 1.0), soc, hours, kw=pilot * max_kw)[0]
    assert ours == pytest.approx(acn_soc(soc, pilot * max_kw, max_kw, capacity_kwh, transition, hours), abs=1e-9)


# ---- a numerical integrator


def integrated(curve, wire, soc, kw, hours, n=4000):
    """Runge and Kutta's fourth order, in `n` steps."""

    def rate(s):
        most = wire.charger_kw[0] * np.interp(s, curve.soc, curve.share)
        return min(kw, most) * wire.soc_per_kwh[0] if s < 1 else 0.0

    h = hours / n
    for _ in range(n):
        a = rate(soc)
        b = rate(soc + h * a / 2)
        c = rate(soc + h * b / 2)
        soc += h * (a + 2 * b + 2 * c + rate(soc + h * c)) / 6
    return min(soc, 1.0)


@settings(max_examples=15)
@given(curves(), cars, socs, st.floats(0.1, 1.2), st.floats(0.05, 0.9))
def test_any_piecewise_curve_and_order_agree_with_runge_kutta(curve, wire, soc, share, part):
    kw = share * float(wire.charger_kw[0])
    hours = part * time_to(curve, wire, soc, 1.0, kw)
    ours = after(curve, wire, soc, hours, kw)[0]
    assert ours == pytest.approx(integrated(curve, wire, soc, kw, hours), abs=2e-7)


def test_rising_and_falling_pieces_agree_with_scipys_integrator():
    from scipy.integrate import solve_ivp

    wire, kw = wiring(11, 75, 0.92), 8.0

    def rate(_, s):
        return np.minimum(kw, 11 * np.interp(s, WAVY.soc, WAVY.share)) * 0.92 / 75

    found = solve_ivp(rate, (0, 7.5), [0.02], rtol=1e-11, atol=1e-13, max_step=0.002)
    assert after(WAVY, wire, 0.02, 7.5, kw)[0] == pytest.approx(found.y[0, -1], abs=1e-8)


# ---- laws


@given(curves(), cars, socs, st.floats(0.05, 1.2), st.floats(0.0, 1.0))
def test_the_time_to_reach_a_soc_is_the_inverse_of_the_soc_after_a_time(curve, wire, soc, share, far):
    kw, until = share * float(wire.charger_kw[0]), soc + far * (1 - soc)
    hours = time_to(curve, wire, soc, until, kw)
    assert after(curve, wire, soc, hours, kw)[0] == pytest.approx(until, abs=1e-12)


@given(curves(), cars, socs, st.floats(0.05, 1.2), st.floats(0.0, 30.0), st.floats(0.0, 1.0))
def test_charging_in_two_parts_equals_charging_in_one(curve, wire, soc, share, hours, split):
    kw = share * float(wire.charger_kw[0])
    between, _, first_kwh = after(curve, wire, soc, split * hours, kw)
    end, _, second_kwh = after(curve, wire, between, (1 - split) * hours, kw)
    whole, _, kwh = after(curve, wire, soc, hours, kw)
    assert (end, first_kwh + second_kwh) == (pytest.approx(whole, abs=1e-11), pytest.approx(kwh, abs=1e-8))


@given(curves(least=0.1), cars, socs, socs, st.floats(0.0, 1000.0))
def test_the_target_is_never_passed_and_nothing_is_lost(curve, wire, soc, until, hours):
    end = after(curve, wire, soc, hours, until=until)[0]
    assert soc <= end <= max(soc, until)


@given(curves(), cars, socs, st.floats(0.0, 20.0), st.floats(1.0, 10.0))
def test_a_cap_above_the_charger_changes_nothing(curve, wire, soc, hours, above):
    kw = float(wire.charger_kw[0])
    assert after(curve, wire, soc, hours, kw) == after(curve, wire, soc, hours, above * kw)


@given(curves(), cars, socs, st.floats(0.05, 1.0), st.floats(0.01, 20.0))
def test_mean_power_is_never_over_the_order(curve, wire, soc, share, hours):
    kw = share * float(wire.charger_kw[0])
    _, used, kwh = after(curve, wire, soc, hours, kw)
    assert kwh <= kw * used * (1 + 1e-9) + 1e-9


@given(curves(), cars, socs, st.floats(0.05, 0.9), st.floats(0.01, 20.0))
def test_more_power_never_charges_less(curve, wire, soc, share, hours):
    assume(hours > 0)
    kw = share * float(wire.charger_kw[0])
    slow, fast = (after(curve, wire, soc, hours, power)[0] for power in (kw, 1.1 * kw))
    assert fast >= slow - 1e-12

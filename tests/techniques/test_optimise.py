"""Optimised montages: feasible, certified, and never better than their bound."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from assuage.errors import PlanError
from assuage.techniques.optimise import (
    CURRENT_RESOLUTION_A,
    GAP_RELATIVE,
    Limits,
    OffTarget,
    bound,
    covering_angle,
    half_sphere,
    maximise,
    restrict,
)

LIMITS = Limits(total_A=2e-3, electrode_A=1e-3)
UP = np.array([0.0, 0.0, 1.0])


def matrix(seed, n=20):
    return 200 * np.random.default_rng(seed).normal(size=(n, 3))


def off_target(seed, n=20, share=0.5):
    R = 100 * np.random.default_rng(seed + 1).normal(size=(n, n))
    free = maximise(matrix(seed, n), UP, LIMITS)
    return OffTarget(R=R, limit_V_per_m=share * float(np.linalg.norm(R @ free.currents_A)))


def assert_feasible(currents, limits=LIMITS, off=None):
    assert abs(currents.sum()) < 1e-12
    assert np.abs(currents).max() <= limits.electrode_A * (1 + 1e-9)
    assert np.abs(currents).sum() <= 2 * limits.total_A * (1 + 1e-9)
    if off is not None:
        assert np.linalg.norm(off.R @ currents) <= off.limit_V_per_m * (1 + 1e-9)


@given(seed=st.integers(0, 10**6), n=st.integers(4, 30), share=st.floats(0.3, 1.0))
@settings(max_examples=40)
def test_one_direction_is_the_linear_programme(seed, n, share):
    limits = Limits(total_A=2e-3, electrode_A=2e-3 * share)
    A = matrix(seed, n)
    found = maximise(A, UP, limits)
    assert_feasible(found.currents_A, limits)
    assert found.gap_V_per_m <= 1e-6 * found.dual_V_per_m
    g = np.r_[A[:, 2], -A[:, 2]]
    known = linprog(  # in mA: its tolerances are absolute
        -g, A_eq=np.r_[np.ones(n), -np.ones(n)][None], b_eq=[0], A_ub=np.ones((1, 2 * n)), b_ub=[4],
        bounds=[(0, 1e3 * limits.electrode_A)] * (2 * n),
    )  # fmt: skip
    assert found.primal_V_per_m == pytest.approx(-1e-3 * known.fun, rel=1e-6)


@given(seed=st.integers(0, 10**6), nu=st.floats(-500, 500), mu=st.floats(0, 500), scale=st.floats(-1, 1))
@settings(max_examples=40)
def test_any_multipliers_bound_any_feasible_currents(seed, nu, mu, scale):
    rng = np.random.default_rng(seed)
    off = off_target(seed)
    currents = rng.normal(size=20)
    currents -= currents.mean()
    currents /= max(
        np.abs(currents).max() / LIMITS.electrode_A,
        np.abs(currents).sum() / (2 * LIMITS.total_A),
        np.linalg.norm(off.R @ currents) / off.limit_V_per_m,
    )
    g = matrix(seed) @ UP
    y = scale * rng.normal(size=20)
    assert g @ currents <= bound(g, nu, mu, y, LIMITS, off) * (1 + 1e-9) + 1e-12


def test_off_target_limit_is_kept_and_certified():
    A, off = matrix(3), off_target(3)
    found = maximise(A, UP, LIMITS, off)
    assert_feasible(found.currents_A, off=off)
    assert 0 <= found.gap_V_per_m <= 1e-5 * found.dual_V_per_m
    assert found.primal_V_per_m < maximise(A, UP, LIMITS).primal_V_per_m


@given(seed=st.integers(0, 10**6))
@settings(max_examples=15)
def test_magnitude_beats_every_direction_and_keeps_below_its_bound(seed):
    A = matrix(seed)
    found = maximise(A, None, LIMITS)
    assert_feasible(found.currents_A)
    assert 0 <= found.gap_V_per_m <= 1.01 * GAP_RELATIVE * found.dual_V_per_m
    for d in half_sphere(300):
        assert maximise(A, d, LIMITS).primal_V_per_m <= found.dual_V_per_m * (1 + 1e-12)


def test_magnitude_with_an_off_target_limit():
    A, off = matrix(5, 12), off_target(5, 12)
    found = maximise(A, None, LIMITS, off)
    assert_feasible(found.currents_A, off=off)
    assert 0 <= found.gap_V_per_m <= 1.01 * GAP_RELATIVE * found.dual_V_per_m


def test_fewer_electrodes_and_rounding_stay_inside_the_limits():
    A, off = matrix(7), off_target(7)
    full = maximise(A, UP, LIMITS, off)
    few, keep = restrict(A, full, UP, LIMITS, off, 8)
    assert len(keep) <= 8
    currents = np.zeros(20)
    currents[keep] = few.currents_A
    assert_feasible(currents, off=OffTarget(R=off.R, limit_V_per_m=off.limit_V_per_m * 1.001))
    steps = few.currents_A / CURRENT_RESOLUTION_A
    assert np.allclose(steps, np.round(steps))
    assert 0 < few.primal_V_per_m <= full.primal_V_per_m
    assert few.dual_V_per_m == full.dual_V_per_m


@given(seed=st.integers(0, 10**6), shift=st.floats(-1e3, 1e3))
@settings(max_examples=20)
def test_a_common_constant_changes_nothing(seed, shift):
    A = matrix(seed)
    assert maximise(A + shift, UP, LIMITS).primal_V_per_m == pytest.approx(maximise(A, UP, LIMITS).primal_V_per_m)


def test_more_current_is_never_less_field():
    A = matrix(11)
    doses = [maximise(A, None, Limits(total_A=t, electrode_A=1e-3)).dual_V_per_m for t in (1e-3, 2e-3, 4e-3)]
    assert doses == sorted(doses)


def test_directions_cover_the_half_sphere():
    directions = half_sphere(40)
    assert np.allclose(np.linalg.norm(directions, axis=1), 1)
    probes = np.random.default_rng(0).normal(size=(4000, 3))
    probes /= np.linalg.norm(probes, axis=1, keepdims=True)
    assert np.arccos(np.abs(probes @ directions.T).max(1)).max() <= covering_angle(directions)


@pytest.mark.parametrize(("total", "each"), [(0.0, 1e-3), (2e-3, 0.0), (-1.0, 1.0)])
def test_limits_that_allow_nothing_are_refused(total, each):
    with pytest.raises(PlanError, match="allow no current"):
        Limits(total_A=total, electrode_A=each)

"""Currents with wanted phases: feasible, certified, as good as brute force, and as symmetric as the head."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assuage.errors import PlanError
from assuage.techniques.optimise import CURRENT_RESOLUTION_A, Limits, maximise
from assuage.techniques.phase_lock import Wish, bound, lock, restrict, to_steps
from assuage.techniques.phasors import phase_deg, phasor

LIMITS = Limits(total_A=2e-3, electrode_A=1e-3)
UP = np.array([0.0, 0.0, 1.0])
ASIDE = np.array([1.0, 0.0, 0.0])
seeds = st.integers(0, 10**6)


def matrix(seed, n=20):
    return 200 * np.random.default_rng(seed).normal(size=(n, 3))


def two(seed, phase, n=20, weights=(1.0, 1.0)):
    return [
        Wish(A=matrix(seed, n), direction=UP, weight=weights[0]),
        Wish(A=matrix(seed + 1, n), direction=ASIDE, phase_deg=phase, weight=weights[1]),
    ]


def assert_feasible(currents, limits=LIMITS):
    assert abs(currents.sum()) < 1e-12
    assert np.abs(currents).max() <= limits.electrode_A * (1 + 1e-9)
    assert np.abs(currents).sum() <= 2 * limits.total_A * (1 + 1e-9)


@given(seed=seeds, n=st.integers(4, 24), phase=st.floats(-180, 180), ratio=st.floats(0.3, 3))
@settings(max_examples=25, deadline=None)
def test_feasible_locked_and_certified(seed, n, phase, ratio):
    wishes = two(seed, phase, n, (1.0, ratio))
    found = lock(wishes, LIMITS)
    assert_feasible(found.currents_A)
    assert 0 <= found.gap_V_per_m <= 1e-5 * found.dual_V_per_m
    assert np.abs(found.phase_error_deg).max() < 1e-3
    assert (np.array([1.0, ratio]) * found.amplitude_V_per_m >= found.value_V_per_m * (1 - 1e-12)).all()


@given(seed=seeds, share=st.floats(0.3, 1.0))
@settings(max_examples=15, deadline=None)
def test_one_region_is_the_optimised_montage(seed, share):
    limits = Limits(total_A=2e-3, electrode_A=2e-3 * share)
    A = matrix(seed, 12)
    found, known = lock([Wish(A=A, direction=UP, phase_deg=70.0)], limits), maximise(A, UP, limits)
    assert found.value_V_per_m == pytest.approx(known.primal_V_per_m, rel=1e-6)
    assert found.dual_V_per_m == pytest.approx(known.dual_V_per_m, rel=1e-6)


@given(seed=seeds, phase=st.sampled_from([0.0, 180.0, -180.0, 360.0]))
@settings(max_examples=15, deadline=None)
def test_in_phase_and_anti_phase_need_no_complex_currents(seed, phase):
    straight, turned = lock(two(seed, phase, 10), LIMITS), lock(two(seed, phase, 10), LIMITS, real=False)
    assert np.abs(straight.currents_A.imag).max() == 0
    assert straight.value_V_per_m == pytest.approx(turned.value_V_per_m, rel=1e-5)
    assert turned.value_V_per_m <= straight.dual_V_per_m * (1 + 1e-12)


@given(seed=seeds, phase=st.floats(-180, 180))
@settings(max_examples=25, deadline=None)
def test_three_electrodes_by_trying_every_ratio(seed, phase):
    """Both components, one of them real, fix the currents of three electrodes: one ratio is left to try."""
    wishes = two(seed, phase, 3)
    found = lock(wishes, LIMITS)
    g = np.array([wish.A @ wish.direction for wish in wishes])
    M = g[:, :2] - g[:, 2:]

    def reached(ratio):
        currents = np.linalg.solve(M, np.stack([np.ones_like(ratio), ratio * phasor(1.0, phase)]))
        currents = np.vstack([currents, -currents.sum(0)])
        over = np.maximum(np.abs(currents).max(0) / LIMITS.electrode_A, np.abs(currents).sum(0) / (2 * LIMITS.total_A))
        return np.minimum(1, ratio) / over

    middle, reach = 0.0, 8.0
    for _ in range(4):  # a grid, then finer ones around its best
        ratio = np.exp(middle + np.linspace(-reach, reach, 4001))
        best = reached(ratio)
        middle, reach = float(np.log(ratio[np.argmax(best)])), reach / 100
    best = best.max()
    assert found.value_V_per_m == pytest.approx(best, rel=1e-3)


@given(seed=seeds, phase=st.floats(-180, 180))
@settings(max_examples=10, deadline=None)
def test_no_random_currents_of_five_electrodes_are_better(seed, phase):
    wishes = two(seed, phase, 5)
    g = np.array([wish.A @ wish.direction for wish in wishes])
    M = np.vstack([np.ones(5), g]).astype(complex)
    rng = np.random.default_rng(seed)
    z = np.stack([np.zeros(20000), np.ones(20000), np.exp(rng.normal(size=20000)) * phasor(1.0, phase)])
    any_currents = rng.normal(size=(5, 20000)) + 1j * rng.normal(size=(5, 20000))
    currents = np.linalg.pinv(M) @ z + 0.01 * (np.eye(5) - np.linalg.pinv(M) @ M) @ any_currents
    over = np.maximum(np.abs(currents).max(0) / LIMITS.electrode_A, np.abs(currents).sum(0) / (2 * LIMITS.total_A))
    values = np.abs(g @ currents).min(0) / over
    found = lock(wishes, LIMITS)
    assert 0.5 * found.value_V_per_m <= values.max() <= found.dual_V_per_m * (1 + 1e-9)


def test_two_electrodes_by_hand():
    A = np.array([[0.0, 0.0, 10.0], [0.0, 0.0, -10.0]])
    B = np.array([[0.0, 0.0, -4.0], [0.0, 0.0, 4.0]])
    anti = lock([Wish(A=A, direction=UP), Wish(A=B, direction=UP, phase_deg=180.0)], LIMITS)
    assert anti.amplitude_V_per_m == pytest.approx([20e-3, 8e-3], rel=1e-6)
    together = lock([Wish(A=A, direction=UP), Wish(A=B, direction=UP)], LIMITS)
    assert together.value_V_per_m == pytest.approx(0, abs=1e-8)


@given(seed=seeds, nu=st.complex_numbers(max_magnitude=500), mu=st.floats(0, 500), phase=st.floats(-180, 180))
@settings(max_examples=40, deadline=None)
def test_any_multipliers_bound_any_locked_currents(seed, nu, mu, phase):
    rng = np.random.default_rng(seed)
    wishes = two(seed, phase)
    G = np.array([wish.A @ wish.direction for wish in wishes])
    turned = phasor(1.0, -np.array([0.0, phase]))[:, None] * G
    currents = rng.normal(size=20) + 1j * rng.normal(size=20)
    # meet sum = 0 and both phases by the least change
    rows = np.vstack([np.r_[np.ones(20), np.zeros(20)], np.r_[np.zeros(20), np.ones(20)],
                      np.hstack([turned.imag, turned.real])])  # fmt: skip
    flat = np.r_[currents.real, currents.imag]
    flat = flat - np.linalg.pinv(rows) @ (rows @ flat)
    currents = flat[:20] + 1j * flat[20:]
    currents /= max(np.abs(currents).max() / LIMITS.electrode_A, np.abs(currents).sum() / (2 * LIMITS.total_A))
    lam = rng.dirichlet([1, 1])
    eta = rng.normal(size=2)
    value = min((turned @ currents).real)
    assert value <= bound(G, np.array([0.0, phase]), lam, eta, nu, mu, LIMITS) * (1 + 1e-9) + 1e-12


def mirrored(seed, n=8):
    """Electrodes 0..n/2 on the left, their mirror images on the right; region 2 is the mirror image of region 1."""
    A = matrix(seed, n)
    B = A[np.r_[n // 2 : n, 0 : n // 2]] * [-1, 1, 1]
    return A, B


@pytest.mark.parametrize(("phase", "sign"), [(0.0, 1), (180.0, -1)])
def test_a_mirror_head_gives_mirror_currents(phase, sign):
    A, B = mirrored(4)
    found = lock([Wish(A=A, direction=UP), Wish(A=B, direction=UP, phase_deg=phase)], LIMITS)
    left, right = found.currents_A[:4], found.currents_A[4:]
    np.testing.assert_allclose(left, sign * right, atol=1e-8)
    assert found.amplitude_V_per_m[0] == pytest.approx(found.amplitude_V_per_m[1], rel=1e-6)


@given(seed=seeds, phase=st.floats(-180, 180))
@settings(max_examples=10, deadline=None)
def test_turning_a_direction_round_turns_its_phase(seed, phase):
    wishes = two(seed, phase, 8)
    flipped = Wish(A=wishes[1].A, direction=-ASIDE, phase_deg=phase + 180)
    assert lock(wishes, LIMITS).value_V_per_m == pytest.approx(
        lock([wishes[0], flipped], LIMITS).value_V_per_m, rel=1e-5
    )


@given(seed=seeds, phase=st.floats(-180, 180), turn=st.floats(-180, 180))
@settings(max_examples=10, deadline=None)
def test_only_differences_of_phases_count(seed, phase, turn):
    wishes = two(seed, phase, 8)
    turned = [Wish(A=w.A, direction=w.direction, phase_deg=w.phase_deg + turn) for w in wishes]
    assert lock(turned, LIMITS).value_V_per_m == pytest.approx(lock(wishes, LIMITS).value_V_per_m, rel=1e-5)


@given(seed=seeds, phase=st.sampled_from([0.0, 180.0, 90.0, 37.0]))
@settings(max_examples=12, deadline=None)
def test_fewer_electrodes_and_steps(seed, phase):
    wishes = two(seed, phase)
    full = lock(wishes, LIMITS)
    few, keep = restrict(wishes, full, LIMITS, 8)
    assert len(keep) <= 8
    assert_feasible(few.currents_A)
    assert few.dual_V_per_m == full.dual_V_per_m
    assert 0 < few.value_V_per_m <= full.dual_V_per_m
    assert np.abs(few.phase_error_deg).max() < (1e-9 if phase in {0.0, 180.0} else 1.0)
    steps, angles = np.abs(few.currents_A) / CURRENT_RESOLUTION_A, phase_deg(few.currents_A)
    off = (np.abs(steps - np.round(steps)) > 1e-6) | (np.abs(angles - np.round(angles)) > 1e-6)
    assert off.sum() <= (0 if phase in {0.0, 180.0} else 1)


def test_rounding_keeps_the_limits_of_currents_at_their_limit():
    turn = phasor(1e-3, [0.3, 120.3, 240.3])
    assert_feasible(to_steps(turn - turn.mean(), Limits(total_A=1.5e-3, electrode_A=1e-3)))


def test_what_makes_no_problem_is_refused():
    with pytest.raises(PlanError, match="unit vector"):
        Wish(A=matrix(0), direction=2 * UP)
    with pytest.raises(PlanError, match="above 0"):
        Wish(A=matrix(0), direction=UP, weight=0.0)
    with pytest.raises(PlanError, match="same ones"):
        lock([Wish(A=matrix(0, 4), direction=UP), Wish(A=matrix(0, 5), direction=UP)], LIMITS)
    with pytest.raises(PlanError, match="complex currents"):
        lock(two(0, 90.0), LIMITS, real=True)
    with pytest.raises(PlanError, match="no electrode"):
        lock([Wish(A=np.ones((4, 3)), direction=UP)], LIMITS)

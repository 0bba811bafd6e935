"""The envelope of two carriers: closed form against brute force, and its symmetries."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.optimize import minimize
from scipy.spatial.transform import Rotation

from assuage.errors import PlanError
from assuage.techniques.modulation import along, groups_along, groups_bounds, largest
from assuage.techniques.optimise import half_sphere

SPHERE = half_sphere(4000)
part = st.floats(-2.0, 2.0).map(lambda x: round(x, 6))
fields = hnp.arrays(float, 3, elements=part)
signs = st.sampled_from([-1.0, 1.0])


def grossman(E1, E2):
    """The published closed form, word by word."""
    if np.linalg.norm(E1) < np.linalg.norm(E2):
        E1, E2 = E2, E1
    if E1 @ E2 < 0:
        E2 = -E2
    a, b = np.linalg.norm(E1), np.linalg.norm(E2)
    cos = E1 @ E2 / (a * b)
    if b < a * cos:
        return 2 * b
    return 2 * np.linalg.norm(np.cross(E2, E1 - E2)) / np.linalg.norm(E1 - E2)


def brute_force(E1, E2):
    """The best of many directions, then uphill from the best few."""
    depths = along(E1, E2, SPHERE)
    best = depths.max()
    for start in SPHERE[np.argsort(-depths)[:3]]:
        found = minimize(
            lambda v: -along(E1, E2, v / np.linalg.norm(v)),
            start,
            method="Nelder-Mead",
            options={
                "xatol": 1e-9,
                "fatol": 1e-12,
                "initial_simplex": start + 0.03 * np.vstack([0 * start, np.eye(3)]),
            },
        )
        best = max(best, -found.fun)
    return best


def envelope_depth(E1, E2, n):
    """From the signal itself: extreme values of the envelope of two carriers along n."""
    beat = np.linspace(0, 2 * np.pi, 2001)
    envelope = np.abs(n @ E1 + n @ E2 * np.exp(1j * beat))
    return envelope.max() - envelope.min()


@settings(max_examples=40, deadline=None)
@given(fields, fields)
def test_closed_form_is_the_best_direction(E1, E2):
    assert largest(E1, E2).depth_V_per_m == pytest.approx(brute_force(E1, E2), rel=2e-6, abs=1e-8)


@given(fields, fields)
def test_it_is_the_published_form(E1, E2):
    assume(min(np.linalg.norm(E1), np.linalg.norm(E2)) > 1e-3)
    assume(min(np.linalg.norm(E1 - E2), np.linalg.norm(E1 + E2)) > 1e-3)
    assert largest(E1, E2).depth_V_per_m == pytest.approx(grossman(E1, E2), rel=1e-6, abs=1e-9)


@given(fields, fields, fields)
def test_depth_is_that_of_the_envelope(E1, E2, v):
    assume(np.linalg.norm(v) > 1e-3)
    n = v / np.linalg.norm(v)
    assert along(E1, E2, n) == pytest.approx(envelope_depth(E1, E2, n), abs=1e-9)
    assert along(E1, E2, n) == pytest.approx(abs(abs(n @ (E1 + E2)) - abs(n @ (E1 - E2))), abs=1e-9)
    assert along(E1, E2, n) <= largest(E1, E2).depth_V_per_m + 1e-12


@given(fields, fields)
def test_the_direction_reaches_the_depth(E1, E2):
    found = largest(E1, E2)
    assert along(E1, E2, found.direction) == pytest.approx(found.depth_V_per_m, abs=1e-9)


@given(fields, fields, signs, signs)
def test_symmetric_in_the_fields_and_their_signs(E1, E2, s, t):
    depth = largest(E1, E2).depth_V_per_m
    assert largest(E2, E1).depth_V_per_m == pytest.approx(depth, abs=1e-12)
    assert largest(s * E1, t * E2).depth_V_per_m == pytest.approx(depth, abs=1e-12)


@given(fields, fields, st.floats(0.0, 1e3), st.integers(0, 2**32 - 1))
def test_scales_and_turns_with_the_fields(E1, E2, factor, seed):
    depth = largest(E1, E2).depth_V_per_m
    assert largest(factor * E1, factor * E2).depth_V_per_m == pytest.approx(factor * depth, rel=1e-9, abs=1e-9)
    turn = Rotation.random(rng=seed).as_matrix()
    assert largest(turn @ E1, turn @ E2).depth_V_per_m == pytest.approx(depth, rel=1e-9, abs=1e-9)


@given(fields, fields)
def test_bounded_by_the_weaker_field(E1, E2):
    weaker = min(np.linalg.norm(E1), np.linalg.norm(E2))
    assert largest(E1, E2).depth_V_per_m <= 2 * weaker + 1e-12
    assert largest(E1, E2).depth_V_per_m >= np.sqrt(2) * weaker - 1e-12  # the worst are equal fields at right angles


@given(fields, fields, fields, fields, fields)
def test_groups_add_at_most(E1, E2, E3, E4, v):
    assume(np.linalg.norm(v) > 1e-3)
    n = v / np.linalg.norm(v)
    groups = [(E1, E2), (E3, E4)]
    low, high = groups_bounds(groups)
    each = groups_along(groups, SPHERE)
    assert groups_along(groups, n) == pytest.approx(along(E1, E2, n) + along(E3, E4, n), abs=1e-12)
    assert groups_along(groups, n) <= high + 1e-12
    assert low * 0.99 - 1e-9 <= each.max() <= high + 1e-12


def test_zero_and_equal_fields():
    E = np.array([0.3, -0.2, 0.1])
    assert largest(E, 0 * E).depth_V_per_m == 0
    assert largest(0 * E, 0 * E).depth_V_per_m == 0
    assert (largest(0 * E, 0 * E).direction == 0).all()
    for factor in (1.0, -1.0, 1 + 1e-15, 1 + 1e-9):
        assert largest(E, factor * E).depth_V_per_m == pytest.approx(2 * np.linalg.norm(E), rel=1e-8)
    assert largest(E, E * 1e-200).depth_V_per_m == pytest.approx(2e-200 * np.linalg.norm(E))


def test_arrays_are_worked_on_at_once():
    rng = np.random.default_rng(0)
    E1, E2 = rng.normal(size=(2, 4, 5, 3))
    found = largest(E1, E2)
    assert found.depth_V_per_m.shape == (4, 5)
    assert found.depth_V_per_m[2, 3] == pytest.approx(largest(E1[2, 3], E2[2, 3]).depth_V_per_m)


def test_refusals():
    with pytest.raises(PlanError, match=r"no vectors; give \(\.\.\., 3\)"):
        largest([1.0, 2.0], [1.0, 2.0])
    with pytest.raises(PlanError, match="at least one"):
        groups_along([], [0, 0, 1.0])
    with pytest.raises(PlanError, match="at least one"):
        groups_bounds([])

"""Dipole kernels: the formulas of the module text, and the physics they must obey."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assuage.sources import magnetic_field_T, vector_potential_T_m

RNG = np.random.default_rng(20)
POSITIONS = RNG.uniform(-40, 40, (7, 3)) * [1, 1, 0.2]
MOMENTS = RNG.normal(size=(7, 3)) * 1e-4
POINTS = RNG.uniform(-50, 50, (11, 3)) + np.array([0, 0, 90])


def plain_potential(point, positions, moments):
    total = [0.0, 0.0, 0.0]
    for (px, py, pz), (mx, my, mz) in zip(positions, moments, strict=True):
        dx, dy, dz = ((a - b) * 1e-3 for a, b in zip(point, (px, py, pz), strict=True))
        scale = 1e-7 / math.sqrt(dx**2 + dy**2 + dz**2) ** 3
        total[0] += scale * (my * dz - mz * dy)
        total[1] += scale * (mz * dx - mx * dz)
        total[2] += scale * (mx * dy - my * dx)
    return total


def derivative(function, points, step_mm=1e-2):
    """(n, 3, 3): d function_j / d x_i per metre, at [n, i, j]."""
    columns = [(function(points + step) - function(points - step)) / (2e-3 * step_mm) for step in np.eye(3) * step_mm]
    return np.stack(columns, axis=1)


def curl(jacobian):
    return np.stack(
        [jacobian[:, (k + 1) % 3, (k + 2) % 3] - jacobian[:, (k + 2) % 3, (k + 1) % 3] for k in range(3)], 1
    )


def test_vector_potential_is_the_formula_in_plain_code():
    expected = np.array([plain_potential(point, POSITIONS, MOMENTS) for point in POINTS])
    np.testing.assert_allclose(vector_potential_T_m(POINTS, POSITIONS, MOMENTS), expected, rtol=1e-12)


def test_field_is_the_curl_of_the_potential():
    numeric = curl(derivative(lambda p: vector_potential_T_m(p, POSITIONS, MOMENTS), POINTS))
    np.testing.assert_allclose(magnetic_field_T(POINTS, POSITIONS, MOMENTS), numeric, rtol=1e-5, atol=1e-12)


def test_potential_and_field_have_no_divergence_and_the_field_no_curl():
    for function in (vector_potential_T_m, magnetic_field_T):
        jacobian = derivative(lambda p, f=function: f(p, POSITIONS, MOMENTS), POINTS)
        assert np.abs(np.trace(jacobian, axis1=1, axis2=2)).max() < 1e-5 * np.abs(jacobian).max()
    assert np.abs(curl(jacobian)).max() < 1e-5 * np.abs(jacobian).max()


def test_axial_field_of_one_dipole():
    field = magnetic_field_T(np.array([[0, 0, 100.0]]), np.zeros((1, 3)), np.array([[0, 0, 1.0]]))
    np.testing.assert_allclose(field, [[0, 0, 2e-7 / 0.1**3]], rtol=1e-12)


def test_single_precision_follows_the_points():
    single = vector_potential_T_m(POINTS.astype(np.float32), POSITIONS, MOMENTS)
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, vector_potential_T_m(POINTS, POSITIONS, MOMENTS), rtol=1e-4, atol=1e-12)


def test_no_points_give_no_rows():
    assert vector_potential_T_m(np.empty((0, 3)), POSITIONS, MOMENTS).shape == (0, 3)


@given(scale=st.floats(0.1, 10), shift=st.tuples(*[st.floats(-100, 100)] * 3))
@settings(max_examples=25)
def test_moving_everything_changes_nothing_and_size_scales_as_the_inverse_square(scale, shift):
    base = vector_potential_T_m(POINTS, POSITIONS, MOMENTS)
    moved = vector_potential_T_m(POINTS * scale + shift, POSITIONS * scale + shift, MOMENTS)
    np.testing.assert_allclose(moved * scale**2, base, rtol=1e-6, atol=1e-9 * np.abs(base).max())


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_mirror_image_of_axial_moments(axis):
    """A moment is an axial vector: mirrored along an axis it keeps that component and flips the others."""
    mirror = np.ones(3)
    mirror[axis] = -1
    mirrored = vector_potential_T_m(POINTS * mirror, POSITIONS * mirror, -MOMENTS * mirror)
    np.testing.assert_allclose(mirrored * mirror, vector_potential_T_m(POINTS, POSITIONS, MOMENTS), rtol=1e-12)

"""Warps: affine, displacement, both directions, edges."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assuage.errors import DataError
from assuage.head.mni import MniTransform, Warp


@settings(max_examples=25)
@given(st.integers(0, 2**32 - 1))
def test_affine_round_trip(seed: int) -> None:
    rng = np.random.default_rng(seed)
    linear = np.eye(4)
    linear[:3, :3] += rng.normal(scale=0.1, size=(3, 3))
    linear[:3, 3] = rng.normal(scale=20, size=3)
    transform = MniTransform.affine(linear)
    points = rng.normal(scale=50, size=(7, 3))
    assert np.allclose(transform.head_to_mni(points), points @ linear[:3, :3].T + linear[:3, 3])
    assert transform.round_trip_error_mm(points).max() < 1e-9


def test_displacement_is_trilinear_and_clamped() -> None:
    ticks = np.arange(5.0)
    x, y, z = np.meshgrid(ticks, ticks, ticks, indexing="ij")
    field = np.stack([x, 2 * y, -z + x], axis=-1)
    grid = np.diag([2.0, 2.0, 2.0, 1.0])
    grid[:3, 3] = -4
    warp = Warp(linear=np.eye(4), displacement_mm=field, grid_affine=grid)
    inside = np.array([[-1.0, 0.5, 3.0]])
    i, j, k = (inside[0] + 4) / 2
    assert warp(inside)[0] == pytest.approx(inside[0] + np.array([i, 2 * j, -k + i]))
    assert warp([[100.0, 0, 0]])[0] == pytest.approx([104.0, 4.0, 2.0])


def test_bad_fields_are_refused() -> None:
    with pytest.raises(DataError, match="shape"):
        Warp(linear=np.eye(4), displacement_mm=np.zeros((3, 3, 3)), grid_affine=np.eye(4))
    with pytest.raises(DataError, match="NaN"):
        Warp(linear=np.eye(4), displacement_mm=np.full((3, 3, 3, 3), np.nan), grid_affine=np.eye(4))
    with pytest.raises(DataError, match="invertible"):
        MniTransform.affine(np.zeros((4, 4)))

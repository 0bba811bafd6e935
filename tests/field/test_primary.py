"""dA/dt at the nodes: interpolation where the coil is far, direct sums where it is near."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from small_heads import small_sphere

from assuage import Coil, Conductor
from assuage.field.primary import interpolate, lagrange_matrix, potential_rate_at_nodes
from assuage.sources import vector_potential_T_m

POSE = np.array([[-1.0, 0, 0, 4], [0, 1, 0, -3], [0, 0, -1, 49], [0, 0, 0, 1]])


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("coil", [Coil.figure_of_eight(), Coil.circular()], ids=["figure-eight", "circular"])
def test_interpolated_potential_is_the_direct_sum(coil, turned):
    turn = Rotation.from_euler("xyz", [20, -15, 40], degrees=True).as_matrix() if turned else None
    conductor = Conductor(small_sphere(2.5, rotation=turn), voxel_mm=2.5)
    placed = coil.at(POSE, didt_A_per_s=1e6)
    A = potential_rate_at_nodes(placed, conductor.grid, conductor.touched)
    nodes = np.argwhere(conductor.touched)
    nodes = nodes[np.random.default_rng(0).permutation(len(nodes))[:1500]]
    points = conductor.grid.world_mm(nodes - 1.5)
    exact = vector_potential_T_m(points, placed.positions_mm, placed.moment_rate)
    found = A[(slice(None), *nodes.T)].T @ conductor.grid.axes.T
    error = np.abs(found - exact).max() / np.abs(exact).max()
    assert error < 1e-4
    assert (A[:, ~conductor.touched] == 0).all()


def test_lagrange_weights_reproduce_fifth_degree():
    positions = np.array([0.0, 2.3, 5.5, 9.99, 12.0])
    W = lagrange_matrix(9, -2.0, 2.0, positions)
    for degree in range(6):
        np.testing.assert_allclose(W @ (-2.0 + 2.0 * np.arange(9)) ** degree, positions**degree, rtol=1e-9, atol=1e-9)


def test_interpolation_along_three_axes():
    ticks = np.arange(8.0)
    x, y, z = np.meshgrid(ticks, ticks, ticks, indexing="ij")
    values = np.stack([x * y - z**2, x + 2 * y * z]).astype(np.float32)
    at = np.array([2.25, 3.5])
    W = lagrange_matrix(8, 0.0, 1.0, at)
    found = interpolate(values, [W, W, W])
    x, y, z = np.meshgrid(at, at, at, indexing="ij")
    np.testing.assert_allclose(found, np.stack([x * y - z**2, x + 2 * y * z]), rtol=1e-5, atol=1e-5)

"""The vector potential of a coil at the nodes of the grid, fast.

A coil is a few hundred to a few thousand magnetic dipoles; the grid has millions of nodes. Away from the coil the
vector potential is smooth, so it is summed on a lattice LATTICE_MM apart and interpolated by six-point Lagrange
polynomials along each axis; nodes within NEAR_MM of a dipole get the direct sum.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from assuage.field.grid import Grid
from assuage.sources import PlacedCoil, vector_potential_T_m

Array = NDArray[np.float64]
Array32 = NDArray[np.float32]

LATTICE_MM = 4.0
"""Spacing of the lattice on which the potential is summed; error < 1e-5 of the local potential at 20 mm from a
dipole."""
NEAR_MM = 24.0
"""Nodes closer to a dipole are summed directly, so that no interpolation stencil touches the coil."""
POINTS = 6
"""Lagrange points along each axis."""


def lagrange_matrix(count: int, start: float, step: float, positions: Array) -> Array:
    """Return W (len(positions), count): six-point Lagrange interpolation from start + step * arange(count)."""
    u = (positions - start) / step
    first = np.clip(np.floor(u).astype(int) - POINTS // 2 + 1, 0, count - POINTS)
    t = u - first
    W = np.zeros((len(positions), count))
    rows = np.arange(len(positions))
    for a in range(POINTS):
        weight = np.ones(len(positions))
        for b in range(POINTS):
            if b != a:
                weight *= (t - b) / (a - b)
        W[rows, first + a] = weight
    return W


def interpolate(values: Array32, weights: list[Array]) -> Array32:
    """Return values (c, X, Y, Z) interpolated along three axes: (c, len0, len1, len2)."""
    Wx, Wy, Wz = (w.astype(np.float32) for w in weights)
    step = np.einsum("cxyz,kz->cxyk", values, Wz, optimize=True)
    step = np.einsum("cxyk,jy->cxjk", step, Wy, optimize=True)
    return np.ascontiguousarray(np.einsum("cxjk,ix->cijk", step, Wx, optimize=True), np.float32)


def potential_rate_at_nodes(placed: PlacedCoil, grid: Grid, needed: NDArray[np.bool_]) -> Array32:
    """Return dA/dt (3, *node_shape) along the grid axes, V/m, zero on nodes that are not needed.

    Parameters
    ----------
    placed
        Coil with pose and dI/dt.
    grid
        Grid of the conductor.
    needed
        Padded node mask.
    """
    result = np.zeros((3, *grid.node_shape), np.float32)
    where = np.argwhere(needed)
    low, high = where.min(0), where.max(0) + 1
    box = tuple(slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
    step = max(1, round(LATTICE_MM / grid.voxel_mm))
    lattice = [np.arange(low[a] - 3 * step, high[a] + 3 * step + 1, step, dtype=float) for a in range(3)]
    points = grid.world_mm(np.stack(np.meshgrid(*lattice, indexing="ij"), -1).reshape(-1, 3) - 1.5)
    coarse = vector_potential_T_m(points, placed.positions_mm, placed.moment_rate) @ grid.axes
    shape = tuple(len(axis) for axis in lattice)
    coarse = np.moveaxis(coarse.reshape(*shape, 3), -1, 0).astype(np.float32)
    weights = [
        lagrange_matrix(len(axis), axis[0], step, np.arange(low[a], high[a], dtype=float))
        for a, axis in enumerate(lattice)
    ]
    result[(slice(None), *box)] = interpolate(np.asarray(coarse, np.float32), weights)
    result[:, ~needed] = 0
    near = _near_nodes(points, shape, lattice, placed, low, high, step) & needed[box]
    nodes = np.argwhere(near) + low
    if len(nodes):
        direct = vector_potential_T_m(grid.world_mm(nodes - 1.5), placed.positions_mm, placed.moment_rate) @ grid.axes
        result[(slice(None), *nodes.T)] = direct.T
    return result


def _near_nodes(
    points: Array,
    shape: tuple[int, ...],
    lattice: list[Array],
    placed: PlacedCoil,
    low: NDArray[np.int64],
    high: NDArray[np.int64],
    step: int,
) -> NDArray[np.bool_]:
    """Nodes of the box whose nearest lattice point lies within NEAR_MM of a dipole."""
    distance, _ = cKDTree(placed.positions_mm).query(points, distance_upper_bound=NEAR_MM, workers=-1)
    near = np.isfinite(distance).reshape(shape)
    nearest = [np.rint((np.arange(low[a], high[a]) - lattice[a][0]) / step).astype(int) for a in range(3)]
    return np.asarray(near[np.ix_(*nearest)])

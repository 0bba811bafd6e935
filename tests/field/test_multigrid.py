"""Multigrid and conjugate gradients against slow dense algebra on tiny heads."""

import numpy as np
import pytest
from scipy import linalg
from small_heads import dense_matrix, patchwork

from assuage import Conductor
from assuage.errors import SolverError
from assuage.field import solver
from assuage.field.elements import PAIRS, TRILINEAR
from assuage.field.multigrid import _coarsen, build_hierarchy
from assuage.field.vcycle import VCycle


@pytest.fixture(scope="module")
def conductor():
    return Conductor(patchwork(), voxel_mm=4.0)


@pytest.fixture(scope="module")
def dense(conductor):
    return dense_matrix(conductor.kind, conductor.table.K, conductor.unit_conductance_S)


def v_cycle(hierarchy, r):
    cycle = VCycle(hierarchy, len(r))
    cycle.residual[:, : r.shape[1]] = r
    cycle()
    return cycle.correction[:, : r.shape[1]].astype(float)


def matrix_of(level):
    """Dense K from the stored couplings."""
    K = np.zeros((level.size, level.size))
    for w, shift in zip(level.w, level.shifts, strict=True):
        rows = np.flatnonzero(w)
        K[rows, rows + shift] = K[rows + shift, rows] = -w[rows]
    return K - np.diag(K.sum(1))


def test_matrix_is_the_sum_of_its_elements(conductor, dense):
    level = conductor.hierarchy.levels[0]
    active = level.active
    x = np.random.default_rng(0).normal(size=(2, level.size)) * active
    kept = np.where(active[:, None] & active, dense, 0)  # without the nodes that rounding cuts off
    expected = x @ (kept - np.diag(kept.sum(1)))
    np.testing.assert_allclose(level.times(x)[:, active], expected[:, active], atol=3e-6 * np.abs(expected).max())
    diagonal = -(kept - np.diag(np.diag(kept))).sum(1)
    np.testing.assert_allclose(1 / level.Dinv[: level.size][active], diagonal[active], rtol=1e-4)


def test_constants_are_in_the_null_space_to_rounding(conductor):
    level = conductor.hierarchy.levels[0]
    active = (level.active).astype(float)
    assert np.abs(level.times(active[None])).max() < 1e-12 * (1 / level.Dinv[level.Dinv > 0]).max()


def test_air_nodes_have_no_couplings(conductor, dense):
    level = conductor.hierarchy.levels[0]
    touched = np.diag(dense) > 0
    assert not level.active[~touched].any()
    assert (level.w[:, : level.size][:, ~touched] == 0).all()
    least = conductor.unit_conductance_S[1:].min()
    assert np.diag(dense)[touched & ~level.active].max(initial=0) < 1e-2 * least


def prolongation(fine_shape, coarse_shape):
    """Dense trilinear interpolation between padded node arrays."""
    P = np.zeros((int(np.prod(fine_shape)), int(np.prod(coarse_shape))))
    for node in np.ndindex(*fine_shape):
        place = (np.array(node) + 1) / 2
        for corner in np.ndindex(*(2,) * 3):
            other = np.floor(place).astype(int) + corner
            weight = np.prod(1 - np.abs(place - other))
            if weight > 0 and (other < coarse_shape).all():
                P[np.ravel_multi_index(node, fine_shape), np.ravel_multi_index(other, coarse_shape)] += weight
    return P


def test_coarse_matrix_is_the_galerkin_product(conductor, dense):
    kind, K = _coarsen(conductor.kind, conductor.table.K, conductor.unit_conductance_S)
    P = prolongation([n + 3 for n in conductor.kind.shape], [n + 3 for n in kind.shape])
    expected = P.T @ dense @ P
    coarse = dense_matrix(kind, K, 2 * conductor.unit_conductance_S)
    np.testing.assert_allclose(coarse, expected, atol=2e-6 * np.abs(expected).max())
    level = conductor.hierarchy.levels[1]
    assert level.shape == kind.shape
    np.testing.assert_allclose(matrix_of(level), expected, atol=1e-4 * np.abs(expected).max())


def test_uniform_tissue_coarsens_to_itself():
    kind = np.full((4, 4, 4), -2, np.int32)
    unit = np.array([0.0, 0.7])
    coarse, K = _coarsen(kind, np.empty((0, 28), np.float32), unit)
    assert (coarse == -2).all()
    assert len(K) == 0
    P = prolongation([7, 7, 7], [5, 5, 5])
    fine = dense_matrix(kind, K, unit)
    np.testing.assert_allclose(P.T @ fine @ P, dense_matrix(coarse, K, 2 * unit), atol=1e-12)


@pytest.mark.parametrize("depth", [0, 1])
def test_smoothing_bound_holds(conductor, depth):
    level = conductor.hierarchy.levels[depth]
    active = level.active
    K = matrix_of(level)[np.ix_(active, active)]
    largest = linalg.eigh(K, np.diag(1 / level.Dinv[: level.size][active].astype(float)), eigvals_only=True)[-1]
    assert largest <= level.bound * (1 + 1e-5)
    assert level.bound <= 8


def test_bound_of_the_trilinear_cube_is_exact():
    diagonal = 1 / 3
    K = np.zeros((8, 8))
    K[tuple(PAIRS.T)] = TRILINEAR
    K += K.T + diagonal * np.eye(8)
    np.testing.assert_allclose(np.linalg.eigvalsh(K)[-1] / diagonal, 1.5)


def test_v_cycle_is_symmetric(conductor):
    level = conductor.hierarchy.levels[0]
    active = level.active
    rng = np.random.default_rng(3)
    r = np.where(active, rng.normal(size=(2, level.size)), 0)
    r -= np.where(active, r.sum(1, keepdims=True) / active.sum(), 0)
    z = v_cycle(conductor.hierarchy, r)
    one, other = z[0] @ r[1], z[1] @ r[0]
    size = np.sqrt((z[0] @ r[0]) * (z[1] @ r[1]))
    assert z[0] @ r[0] > 0
    assert abs(one - other) < 1e-5 * size
    assert (z[:, ~active] == 0).all()


def test_one_v_cycle_removes_most_of_the_error(conductor):
    level = conductor.hierarchy.levels[0]
    active = level.active
    x = np.where(active, np.random.default_rng(4).normal(size=(1, level.size)), 0)
    r = level.times(x)
    left = x - v_cycle(conductor.hierarchy, r)
    ratio = np.sqrt((left * level.times(left)).sum() / (x * r).sum())
    assert ratio < 0.5


def random_currents(conductor, count, seed=1):
    b = np.random.default_rng(seed).normal(size=(count, conductor.hierarchy.levels[0].size))
    b *= conductor.active.ravel()
    return b - b.sum(1, keepdims=True) / conductor.active.sum() * conductor.active.ravel()


def test_solution_is_that_of_the_dense_system(conductor):
    active = conductor.active.ravel()
    b = random_currents(conductor, 3)
    found = solver.solve(conductor.hierarchy, b, tolerance=1e-9)
    K = matrix_of(conductor.hierarchy.levels[0])[np.ix_(active, active)]
    expected = np.linalg.lstsq(K, b[:, active].T, rcond=1e-12)[0].T
    expected -= expected.mean(1, keepdims=True)
    np.testing.assert_allclose(found.x[:, active], expected, atol=1e-5 * np.abs(expected).max())
    assert (found.x[:, ~active] == 0).all()
    assert found.residual.max() <= 1e-9


def test_prescribed_potentials(conductor):
    """With fixed nodes the matrix is regular; the solution is zero on them."""
    fixed = np.zeros(conductor.grid.node_shape, bool)
    fixed[:5] = True
    unit = conductor.unit_conductance_S
    hierarchy = build_hierarchy(conductor.kind, conductor.table.K, unit, floor_S=unit[1:].min(), fixed=fixed)
    free = hierarchy.levels[0].active
    assert not (free & fixed.ravel()).any()
    b = np.random.default_rng(2).normal(size=(1, free.size)) * free
    found = solver.solve(hierarchy, b, tolerance=1e-9, singular=False)
    expected = np.linalg.solve(matrix_of(hierarchy.levels[0])[np.ix_(free, free)], b[0, free])
    np.testing.assert_allclose(found.x[0, free], expected, atol=1e-5 * np.abs(expected).max())
    assert (found.x[0, ~free] == 0).all()


def test_right_hand_sides_do_not_mix(conductor):
    b = random_currents(conductor, 3)
    b[1] *= 1e6
    b[2] = 0
    together = solver.solve(conductor.hierarchy, b).x
    alone = solver.solve(conductor.hierarchy, b[:1]).x
    np.testing.assert_allclose(together[0], alone[0], atol=1e-5 * np.abs(alone).max())
    assert (together[2] == 0).all()


def test_failure_to_converge_is_an_error(conductor, monkeypatch):
    monkeypatch.setattr(solver, "MAX_ITERATIONS", 2)
    with pytest.raises(SolverError, match="no convergence in 2 iterations"):
        solver.solve(conductor.hierarchy, random_currents(conductor, 1))

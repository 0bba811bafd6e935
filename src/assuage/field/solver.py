"""Conjugate gradients for K x = b, preconditioned by one multigrid V-cycle, several right-hand sides in one pass.

Outer vectors are float64 on float32 couplings (K x is exact in its null space), the V-cycle is float32. The flexible
(Polak-Ribiere) beta forgives the preconditioner its rounding. Right-hand sides are made to sum to zero over the active
nodes, since a conductor without a fixed potential carries no net current.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assuage.compile import njit, prange
from assuage.errors import SolverError
from assuage.field.multigrid import Hierarchy, VCycle, apply, flat_offsets

Array = NDArray[np.float64]

RELATIVE_TOLERANCE = 1e-6
"""Residual over right-hand side; read-outs change by less than 1e-5 below it, discretisation errors are 1e-2."""
MAX_ITERATIONS = 200
"""Real heads need 15 to 30; beyond this something is wrong with the conductor."""


@dataclass(frozen=True, kw_only=True)
class Solution:
    """Potentials (nrhs, nodes), iterations used, and the relative residual of each right-hand side."""

    x: Array
    iterations: int
    residual: Array


def solve(hierarchy: Hierarchy, b: Array, *, tolerance: float = RELATIVE_TOLERANCE, singular: bool = True) -> Solution:
    """Solve K x = b.

    Parameters
    ----------
    hierarchy
        Of the matrix K.
    b
        (nrhs, nodes) nodal currents, A; entries on inactive nodes are ignored.
    tolerance
        On the relative residual of every right-hand side.
    singular
        K has constants in its null space: b and x are made to have zero mean.

    Raises
    ------
    SolverError
        The tolerance was not reached; the message says how far it came.
    """
    level = hierarchy.levels[0]
    flat = flat_offsets(level)
    rows = (level.lo, level.hi, level.node_shape)
    active = level.Dinv > 0
    count = int(active.sum())
    r = np.where(active, b, 0.0)
    if singular:
        r -= np.where(active, r.sum(1, keepdims=True) / count, 0.0)
    goal = tolerance * np.linalg.norm(r, axis=1)
    nrhs = r.shape[0]
    x, q, p = np.zeros_like(r), np.zeros_like(r), np.zeros_like(r)
    cycle = VCycle(hierarchy, nrhs)
    size = np.maximum(np.abs(r).max(1, keepdims=True), np.finfo(float).tiny)
    rz_old, beta = np.ones(nrhs), np.zeros(nrhs)
    previous = np.zeros_like(r)
    norms = np.linalg.norm(r, axis=1)
    iteration = 0
    while (norms > goal).any():
        if iteration == MAX_ITERATIONS:
            raise SolverError(
                f"no convergence in {MAX_ITERATIONS} iterations: relative residual "
                f"{(norms / np.maximum(goal, 1e-300) * tolerance).max():.2g} > {tolerance:g}; check the labels for "
                "tissue islands and conductivities that differ by more than 1e6"
            )
        iteration += 1
        z = cycle((r / size).astype(np.float32))
        rz, rz_previous = _two_dots(z, r, previous)
        if iteration > 1:
            beta = (rz - rz_previous) / rz_old
        _direction(p, z, beta)
        apply(level.w, flat, *rows, p, q)
        pq = _dots(p, q)
        alpha = np.where((norms > goal) & (pq > 0), rz / np.where(pq > 0, pq, 1.0), 0.0)
        np.copyto(previous, r)
        _advance(x, r, p, q, alpha, level.Dinv)
        if singular:
            r -= np.where(active, r.sum(1, keepdims=True) / count, 0.0)
        rz_old = np.where(rz > 0, rz, 1.0)
        norms = np.linalg.norm(r, axis=1)
    if singular:
        x -= np.where(active, x.sum(1, keepdims=True) / count, 0.0)
    relative = norms / np.where(goal > 0, goal / tolerance, 1.0)
    return Solution(x=x, iterations=iteration, residual=relative)


@njit(cache=True, parallel=True, fastmath={"contract", "reassoc"})
def _dots(a, b):  # type: ignore[no-untyped-def]
    result = np.zeros(a.shape[0])
    for q in range(a.shape[0]):
        total = 0.0
        for n in prange(a.shape[1]):
            total += a[q, n] * b[q, n]
        result[q] = total
    return result


@njit(cache=True, parallel=True, fastmath={"contract", "reassoc"})
def _two_dots(z, r, previous):  # type: ignore[no-untyped-def]
    one, two = np.zeros(r.shape[0]), np.zeros(r.shape[0])
    for q in range(r.shape[0]):
        first, second = 0.0, 0.0
        for n in prange(r.shape[1]):
            first += z[q, n] * r[q, n]
            second += z[q, n] * previous[q, n]
        one[q], two[q] = first, second
    return one, two


@njit(cache=True, parallel=True, fastmath={"contract", "reassoc"})
def _direction(p, z, beta):  # type: ignore[no-untyped-def]
    for q in range(p.shape[0]):
        for n in prange(p.shape[1]):
            p[q, n] = z[q, n] + beta[q] * p[q, n]


@njit(cache=True, parallel=True, fastmath={"contract", "reassoc"})
def _advance(x, r, p, q, alpha, Dinv):  # type: ignore[no-untyped-def]
    for m in range(x.shape[0]):
        for n in prange(x.shape[1]):
            if Dinv[n] > 0:
                x[m, n] += alpha[m] * p[m, n]
                r[m, n] -= alpha[m] * q[m, n]

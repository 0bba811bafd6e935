"""Block conjugate gradients for K X = B, preconditioned by one multigrid V-cycle.

Several right-hand sides share one search space (O'Leary 1980, 10.1016/0024-3795(80)90247-5): the stencil is read once
for all, and fewer iterations are needed than one by one. Outer vectors are float64 on float32 couplings (K x is exact
in its null space), the V-cycle is float32; each direction is made conjugate to the last ones explicitly, which forgives
the preconditioner its rounding (flexible conjugate gradients). Right-hand sides are made to sum to zero over the active
nodes, since a conductor without a fixed potential carries no net current.

| symbol | meaning |
|---|---|
| x, r | solution and residual, (n, stored) float64 |
| z, p | correction of the V-cycle and search directions, float32 |
| q | K p, float64 |
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assuage.compile import njit, prange
from assuage.errors import SolverError
from assuage.field.multigrid import Hierarchy
from assuage.field.stencil import apply
from assuage.field.vcycle import VCycle

Array = NDArray[np.float64]

RELATIVE_TOLERANCE = 1e-6
"""Residual over right-hand side; read-outs change by less than 1e-5 below it, discretisation errors are 1e-2."""
FEWEST = 3
"""Several right-hand sides are filled up to this number by empty ones: kernels are compiled for each number anew."""
RUN = 256
"""Nodes whose vectors are worked on together, within the cache."""
DEPENDENT = 1e-12
"""Directions whose share of their common Gram matrix is below this are dropped: they say nothing new."""
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
    count, size = int(level.active.sum()), level.size
    active, asked = level.active, len(b)
    nrhs = 1 if asked == 1 else max(asked, FEWEST)
    x, r, q = np.zeros((3, nrhs, level.stored))
    p = np.zeros((nrhs, level.stored), np.float32)
    for row, currents in zip(r, b, strict=False):
        np.multiply(currents, active, out=row[:size])
        if singular:
            np.subtract(row[:size], row.sum() / count, out=row[:size], where=active)
    cycle = VCycle(hierarchy, nrhs)
    norms = np.array([np.linalg.norm(row) for row in r])
    whole = np.where(norms > 0, norms, 1.0)
    for row, scaled, norm in zip(r, cycle.residual, whole, strict=True):
        np.divide(row, norm, out=scaled, casting="same_kind")
    runs, ps, qs = _runs_over(active), tuple(p), tuple(q)
    inverse = np.zeros((nrhs, nrhs))
    iteration = 0
    while (norms > tolerance * whole).any():
        if iteration == MAX_ITERATIONS:
            raise SolverError(
                f"no convergence in {MAX_ITERATIONS} iterations: relative residual {(norms / whole).max():.2g} > "
                f"{tolerance:g}; check the labels for tissue islands and conductivities that differ by more than 1e6"
            )
        iteration += 1
        cycle()
        zq, _ = _products(runs, cycle.correction, q, q).sum(0)
        _direction(runs, cycle.correction, -inverse @ zq.T, p)
        apply(level.w, level.shifts, level.chunks, ps, qs)
        pq, pr = _products(runs, p, q, r).sum(0)
        inverse = _inverse_of_gram(pq)
        step = inverse @ pr
        squares = _advance(runs, level.Dinv, p, q, step, 1 / whole, x, r, cycle.residual)
        norms = np.sqrt(squares.sum(0))
    if singular:
        for row in x:
            np.subtract(row[:size], row.sum() / count, out=row[:size], where=active)
    return Solution(x=x[:asked, :size], iterations=iteration, residual=(norms / whole)[:asked])


def _inverse_of_gram(pq: Array) -> Array:
    """Return the pseudo-inverse of p^T K p (n, n), whatever the scales of the directions."""
    scale = np.sqrt(np.maximum(np.diag(pq), 0.0))
    reciprocal = np.where(scale > 0, 1 / np.where(scale > 0, scale, 1.0), 0.0)
    unit = reciprocal[:, None] * (pq + pq.T) / 2 * reciprocal
    return np.asarray(reciprocal[:, None] * np.linalg.pinv(unit, rcond=DEPENDENT, hermitian=True) * reciprocal)


def _runs_over(active: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return the first nodes of the runs of RUN nodes that hold an active one."""
    filled = np.pad(active, (0, -len(active) % RUN)).reshape(-1, RUN).any(1)
    return np.asarray(np.flatnonzero(filled) * RUN)


@njit(cache=True, parallel=True, fastmath={"contract", "reassoc"})
def _products(runs, x, y, z):  # type: ignore[no-untyped-def]
    """Return x^T y and x^T z by runs, (nruns, 2, n, n)."""
    result = np.empty((len(runs), 2, len(x), len(y)))
    for run in prange(len(runs)):
        first, last = runs[run], runs[run] + RUN
        for m in range(len(x)):
            one = x[m, first:last]
            for k in range(len(y)):
                other, third = y[k, first:last], z[k, first:last]
                xy, xz = 0.0, 0.0
                for n in range(len(one)):
                    xy += one[n] * other[n]
                    xz += one[n] * third[n]
                result[run, 0, m, k] = xy
                result[run, 1, m, k] = xz
    return result


@njit(cache=True, parallel=True, fastmath={"contract", "reassoc"})
def _direction(runs, z, beta, p):  # type: ignore[no-untyped-def]
    """p = z + p beta, (n, n)."""
    for run in prange(len(runs)):
        first, last = runs[run], runs[run] + RUN
        new = z[:, first:last].astype(np.float64)
        for m in range(len(p)):
            for k in range(len(p)):
                _add_scaled(new[m], beta[k, m], p[k, first:last])
        for m in range(len(p)):
            pm, nm = p[m, first:last], new[m]
            for n in range(len(pm)):
                pm[n] = nm[n]


@njit(cache=True, parallel=True, fastmath={"contract", "reassoc"})
def _advance(runs, Dinv, p, q, alpha, scale, x, r, scaled):  # type: ignore[no-untyped-def]
    """x += p alpha; r -= q alpha; scaled = scale r, 0 on inactive nodes. Return r^2 by runs, (nruns, n)."""
    result = np.empty((len(runs), len(p)))
    for run in prange(len(runs)):
        first, last = runs[run], runs[run] + RUN
        inverse = Dinv[first:last]
        for m in range(len(p)):
            rm, out = r[m, first:last], scaled[m, first:last]
            for k in range(len(p)):
                _add_scaled(x[m, first:last], alpha[k, m], p[k, first:last])
                _add_scaled(rm, -alpha[k, m], q[k, first:last])
            total = 0.0
            for n in range(len(rm)):
                value = rm[n] if inverse[n] > 0 else 0.0
                total += value * value
                out[n] = scale[m] * value
            result[run, m] = total
    return result


@njit(cache=True, fastmath={"contract"})
def _add_scaled(y, factor, x):  # type: ignore[no-untyped-def]
    """y += factor x."""
    for n in range(len(y)):
        y[n] += factor * x[n]

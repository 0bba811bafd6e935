"""One multigrid V-cycle for several right-hand sides: Chebyshev smoothing, restriction, prolongation.

Smoother: Chebyshev polynomials of degree STEPS in D^-1 K over [bound / SMOOTHING_RANGE, bound], as the three-term
recurrence

    x_next = x + keep (x - x_last) + gain D^-1 (b - K x),

before and after the coarse correction; symmetric, so conjugate gradients may use it. It is bound by memory: x_next
takes the place of x_last, and two vectors besides b are all it needs. Everything is in single precision.

| symbol | meaning |
|---|---|
| b, x, last | right-hand side, correction, the one before: (nrhs, stored) |
| w, shifts, chunks | stencil, see `assuage.field.stencil` |
| Dinv, lo, hi | see `assuage.field.multigrid.Level` |
"""

import numpy as np
from numpy.typing import NDArray

from assuage.compile import njit, prange
from assuage.field.multigrid import Hierarchy, Level
from assuage.field.stencil import CHUNK, block_count, block_of, chunk_times

Array32 = NDArray[np.float32]

SMOOTHING_RANGE = 6.0
"""Ratio of the ends of the interval the smoother damps: what a coarse grid of twice the spacing cannot see."""
STEPS = 3
"""Degree of the smoother."""


class VCycle:
    """One V-cycle as a linear, symmetric operator; holds the scratch memory for a number of right-hand sides."""

    def __init__(self, hierarchy: Hierarchy, nrhs: int) -> None:
        self.hierarchy = hierarchy
        self._work = [np.zeros((3, nrhs, level.stored), np.float32) for level in hierarchy.levels]

    @property
    def residual(self) -> Array32:
        """(nrhs, stored), to be filled with the residual before a call."""
        return np.asarray(self._work[0][0])

    @property
    def correction(self) -> Array32:
        """(nrhs, stored), filled by a call."""
        return np.asarray(self._work[0][1])

    def __call__(self) -> None:
        """Fill `correction` from `residual`."""
        self._cycle(0)

    def _cycle(self, depth: int) -> None:
        """Solve a level; x and last take turns, and the last word falls into the second array of its three."""
        level, (b, last, x) = self.hierarchy.levels[depth], self._work[depth]
        if depth == len(self.hierarchy.levels) - 1:
            nodes = self.hierarchy.coarsest_nodes
            last[:, nodes] = b[:, nodes] @ self.hierarchy.coarsest_inverse
            return
        stencil = (level.w, level.shifts, level.chunks, level.Dinv)
        coarse, below = self.hierarchy.levels[depth + 1], self._work[depth + 1]
        factors = _chebyshev(level)
        _start(level.chunks, level.Dinv, factors[0][1], b, x)
        before = np.float32(0)
        for keep, gain in factors[1:]:
            _step(*stencil, keep, before, gain, b, tuple(x), x, last)
            x, last, before = last, x, np.float32(1)
        _residual(*stencil, b, tuple(x), last)
        _restrict(last, level.node_shape, below[0], coarse.node_shape, coarse.lo, coarse.hi)
        self._cycle(depth + 1)
        _prolong(below[1], coarse.node_shape, x, level.node_shape, level.lo, level.hi, level.Dinv)
        for keep, gain in factors:
            _step(*stencil, keep, before, gain, b, tuple(x), x, last)
            x, last = last, x


def _chebyshev(level: Level) -> list[tuple[np.float32, np.float32]]:
    """Return (keep, gain) of every step."""
    low, high = level.bound / SMOOTHING_RANGE, level.bound
    theta, delta = (high + low) / 2, (high - low) / 2
    factors, rho = [(np.float32(0), np.float32(1 / theta))], delta / theta
    for _ in range(STEPS - 1):
        rho_next = 1 / (2 * theta / delta - rho)
        factors.append((np.float32(rho_next * rho), np.float32(2 * rho_next / delta)))
        rho = rho_next
    return factors


@njit(cache=True, parallel=True, fastmath={"contract", "reassoc"})
def _start(chunks, Dinv, gain, b, x):  # type: ignore[no-untyped-def]
    """First step, from nothing: x = gain Dinv b."""
    for block in prange(block_count(chunks)):
        for start in block_of(chunks, block):
            inverse = Dinv[start : start + CHUNK]
            for q in range(len(b)):
                bq, xq = b[q, start : start + CHUNK], x[q, start : start + CHUNK]
                for n in range(CHUNK):
                    xq[n] = gain * inverse[n] * bq[n]


@njit(cache=True, parallel=True, fastmath={"contract", "reassoc"})
def _step(w, shifts, chunks, Dinv, keep, before, gain, b, rows, x, last):  # type: ignore[no-untyped-def]
    """last = x + keep (x - before last) + gain Dinv (b - K x); before is 0 or 1, rows a tuple of x's."""
    for block in prange(block_count(chunks)):
        y = np.empty((len(b), CHUNK), b.dtype)
        for start in block_of(chunks, block):
            chunk_times(w, shifts, rows, start, y)
            inverse = Dinv[start : start + CHUNK]
            for q in range(len(b)):
                yq, bq = y[q], b[q, start : start + CHUNK]
                xq, lq = x[q, start : start + CHUNK], last[q, start : start + CHUNK]
                for n in range(CHUNK):
                    lq[n] = xq[n] + keep * (xq[n] - before * lq[n]) + gain * inverse[n] * (bq[n] - yq[n])


@njit(cache=True, parallel=True, fastmath={"contract", "reassoc"})
def _residual(w, shifts, chunks, Dinv, b, rows, r):  # type: ignore[no-untyped-def]
    """r = b - K x, and 0 on inactive nodes; rows a tuple of x's."""
    zero = Dinv.dtype.type(0)
    for block in prange(block_count(chunks)):
        y = np.empty((len(b), CHUNK), b.dtype)
        for start in block_of(chunks, block):
            chunk_times(w, shifts, rows, start, y)
            inverse = Dinv[start : start + CHUNK]
            for q in range(len(b)):
                yq, bq, rq = y[q], b[q, start : start + CHUNK], r[q, start : start + CHUNK]
                for n in range(CHUNK):
                    rq[n] = bq[n] - yq[n] if inverse[n] > 0 else zero


@njit(cache=True, parallel=True, fastmath={"contract", "reassoc"})
def _restrict(fine, fine_shape, coarse, coarse_shape, lo, hi):  # type: ignore[no-untyped-def]
    """coarse = P^T fine on the active rows of the coarse grid: nine fine rows to one line, then along it."""
    fy, fz = fine_shape[1], fine_shape[2]
    cy, cz = coarse_shape[1], coarse_shape[2]
    one, half = fine.dtype.type(1), fine.dtype.type(0.5)
    for I in prange(1, coarse_shape[0] - 1):
        line = np.zeros(2 * cz + 1, fine.dtype)
        for J in range(1, cy - 1):
            row = I * cy + J
            if lo[row] >= hi[row]:
                continue
            first, last = 2 * lo[row] - 2, min(2 * hi[row], fz)
            for q in range(len(fine)):
                line[:] = 0
                part = line[first:last]
                for i in range(max(2 * I - 2, 0), min(2 * I + 1, fine_shape[0])):
                    for j in range(max(2 * J - 2, 0), min(2 * J + 1, fy)):
                        weight = (one if i == 2 * I - 1 else half) * (one if j == 2 * J - 1 else half)
                        values = fine[q, (i * fy + j) * fz + first : (i * fy + j) * fz + last]
                        for n in range(len(part)):
                            part[n] += weight * values[n]
                for k in range(lo[row], hi[row]):
                    coarse[q, row * cz + k] = line[2 * k - 1] + half * (line[2 * k - 2] + line[2 * k])


@njit(cache=True, parallel=True, fastmath={"contract", "reassoc"})
def _prolong(coarse, coarse_shape, x, fine_shape, lo, hi, Dinv):  # type: ignore[no-untyped-def]
    """x += P coarse on active nodes of the fine grid."""
    fy, fz = fine_shape[1], fine_shape[2]
    cy, cz = coarse_shape[1], coarse_shape[2]
    half, zero = coarse.dtype.type(0.5), coarse.dtype.type(0)
    for i in prange(1, fine_shape[0] - 1):
        i0, i1 = (i + 1) // 2, (i + 2) // 2
        line, both = np.zeros(cz + 1, coarse.dtype), np.empty(2 * cz + 2, coarse.dtype)
        for j in range(1, fy - 1):
            row = i * fy + j
            if lo[row] >= hi[row]:
                continue
            j0, j1 = (j + 1) // 2, (j + 2) // 2
            first = (lo[row] + 1) // 2
            count = (hi[row] + 1) // 2 - first + 1
            start, stop = row * fz + lo[row], row * fz + hi[row]
            inverse = Dinv[start:stop]
            for q in range(len(x)):
                line[: count + 1] = 0
                for near in ((i0 * cy + j0) * cz, (i0 * cy + j1) * cz, (i1 * cy + j0) * cz, (i1 * cy + j1) * cz):
                    values = coarse[q, near + first : near + first + count]
                    for m in range(count):
                        line[m] += half * half * values[m]
                for m in range(count):  # a fine node lies on every coarse node and another behind it
                    both[2 * m] = line[m]
                    both[2 * m + 1] = half * (line[m] + line[m + 1])
                xq, part = x[q, start:stop], both[lo[row] + 1 - 2 * first : hi[row] + 1 - 2 * first]
                for n in range(len(xq)):
                    xq[n] += part[n] if inverse[n] > 0 else zero

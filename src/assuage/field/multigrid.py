"""Geometric multigrid for the nodal conductance matrix of a voxel grid.

The matrix of every level is a symmetric 27-point stencil with rows that sum to zero. Thirteen couplings per node are
stored, w[o, i] = -K[i, i + offset_o], and K is applied as K x = sum_o w (x_i - x_j): constants are in the null space
to the last bit. Coarse matrices are the Galerkin products K_c = sum over the eight children of P^T K P of element
matrices (8 x 8 per coarse voxel, P trilinear), so a coarse level is a voxel grid again.

Smoother: Chebyshev polynomials of degree 3 in D^-1 K over [lambda_max / SMOOTHING_RANGE, lambda_max], with the rigorous
bound lambda_max(D^-1 K) <= max_e lambda_max(D_e^-1 K_e) over elements e, each element's largest eigenvalue being
bounded by (sum of its eigenvalues^16)^(1/16). Power iteration on the whole matrix underestimates it and can diverge.

Coarsest level: dense pseudo-inverse, so that the null space (a constant per connected body) is removed exactly.

| symbol | meaning |
|---|---|
| w | (13, nodes) couplings to the neighbours at OFFSETS |
| Dinv | (nodes,) reciprocal diagonal, 0 on inactive or fixed nodes |
| lo, hi | (rows,) range of active nodes along z for each padded (x, y) row |
| r, d, x | residual, search direction of the smoother, correction: (nrhs, nodes) |
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assuage.compile import njit, prange
from assuage.field.elements import CORNERS, PAIR_OF, PAIRS, TRILINEAR

Array = NDArray[np.float64]
Array32 = NDArray[np.float32]
Int32Array = NDArray[np.int32]

SMOOTHING_RANGE = 6.0
"""Ratio of the ends of the interval the smoother damps: what a coarse grid of twice the spacing cannot see."""
UNIFORM_BOUND = 1.5
"""Largest eigenvalue of D_e^-1 K_e of a trilinear cube, exact."""
COARSEST_NODES = 600
"""Below this many nodes the pseudo-inverse takes over; it costs less than one smoothing step of the finest level."""
ISOLATED = 1e-3
"""A node whose diagonal is below this fraction of the least conductive tissue's is cut off by rounding: it is
inactive."""

OFFSETS = np.array(
    [(i, j, k) for i in (0, 1) for j in (-1, 0, 1) for k in (-1, 0, 1) if (i, j, k) > (0, 0, 0)], dtype=np.int64
)
"""(13, 3) offsets to the lexicographically later half of the 26 neighbours."""


def _gather_list() -> NDArray[np.int64]:
    """(m, 6): offset, element shift (3) relative to the node, and the stored pair of that element that couples them."""
    rows = []
    for a in range(8):
        for b in range(8):
            if a == b:
                continue
            offset = tuple(int(v) for v in CORNERS[b] - CORNERS[a])
            if offset > (0, 0, 0):
                o = next(n for n in range(13) if tuple(int(v) for v in OFFSETS[n]) == offset)
                rows.append((o, *(-CORNERS[a]), PAIR_OF[a, b]))
    return np.array(rows, dtype=np.int64)


GATHER = _gather_list()

CHILD_WEIGHTS = np.array(
    [
        [[np.prod([1 - abs(CORNERS[A][d] - (CORNERS[c][d] + CORNERS[a][d]) / 2) for d in range(3)]) for A in range(8)]
         for a in range(8)]
        for c in range(8)
    ]
)  # fmt: skip
"""(8 children, 8 corners, 8 parent corners) trilinear weights."""


@dataclass(frozen=True, kw_only=True)
class Level:
    """One grid: couplings, reciprocal diagonal, active rows and the bound of the smoother."""

    shape: tuple[int, int, int]
    w: Array32
    Dinv: Array32
    lo: Int32Array
    hi: Int32Array
    bound: float

    @property
    def node_shape(self) -> tuple[int, int, int]:
        """Padded node array shape."""
        return self.shape[0] + 3, self.shape[1] + 3, self.shape[2] + 3

    @property
    def size(self) -> int:
        """Number of nodes with padding."""
        return int(np.prod(self.node_shape))


@dataclass(frozen=True, kw_only=True)
class Hierarchy:
    """All levels, finest first, and the pseudo-inverse of the coarsest."""

    levels: tuple[Level, ...]
    coarsest_nodes: NDArray[np.int64]
    coarsest_inverse: Array32


# ---------------------------------------------------------------------------------------------------------- set-up


def build_hierarchy(
    kind: Int32Array, K: Array32, unit_conductance_S: Array, *, floor_S: float, fixed: NDArray[np.bool_] | None = None
) -> Hierarchy:
    """Return the multigrid hierarchy of a voxel grid.

    Parameters
    ----------
    kind
        (nx, ny, nz): element kind, >= 0 row of K, < 0 uniform tissue with conductance `unit_conductance_S[-kind - 1]`.
    K
        (n, 28) off-diagonal stiffness of the listed elements, S.
    unit_conductance_S
        Conductivity times voxel edge of each tissue, S; 0 for air.
    floor_S
        Conductivity times edge of the least conductive tissue, S; nodes far below it are inactive.
    fixed
        Padded node mask of nodes with a prescribed potential.
    """
    levels = [_level(kind, K, unit_conductance_S, floor_S, fixed)]
    while levels[-1].size > 0 and int((levels[-1].Dinv > 0).sum()) > COARSEST_NODES:
        kind, K = _coarsen(kind, K, unit_conductance_S)
        unit_conductance_S = 2 * unit_conductance_S
        if fixed is not None:
            fixed = _coarse_nodes(fixed, kind.shape)
        floor_S *= 2
        levels.append(_level(kind, K, unit_conductance_S, floor_S, fixed))
    nodes, inverse = _pseudo_inverse(levels[-1])
    return Hierarchy(levels=tuple(levels), coarsest_nodes=nodes, coarsest_inverse=inverse)


def _level(kind: Int32Array, K: Array32, unit: Array, floor_S: float, fixed: NDArray[np.bool_] | None) -> Level:
    node_shape = tuple(n + 3 for n in kind.shape)
    w = np.zeros((13, *node_shape), np.float32)
    _assemble(kind, K, unit, GATHER, w)
    diagonal = np.zeros(node_shape)
    _diagonal(w, OFFSETS, diagonal)
    inactive = diagonal <= ISOLATED * floor_S
    if fixed is not None:
        inactive |= fixed
    _isolate(w, OFFSETS, (diagonal <= ISOLATED * floor_S))
    _diagonal(w, OFFSETS, diagonal)
    with np.errstate(divide="ignore"):
        Dinv = np.where(inactive, 0.0, 1.0 / np.where(diagonal > 0, diagonal, np.inf)).astype(np.float32)
    active = Dinv > 0
    lo = np.where(active.any(2), active.argmax(2), 0).astype(np.int32)
    hi = np.where(active.any(2), active.shape[2] - active[:, :, ::-1].argmax(2), 0).astype(np.int32)
    bound = max(UNIFORM_BOUND, _largest_bound(K)) if len(K) else UNIFORM_BOUND
    shape = (int(kind.shape[0]), int(kind.shape[1]), int(kind.shape[2]))
    return Level(shape=shape, w=w.reshape(13, -1), Dinv=Dinv.ravel(), lo=lo.ravel(), hi=hi.ravel(), bound=bound)


@njit(cache=True, parallel=True)
def _assemble(kind, K, unit, gather, w):  # type: ignore[no-untyped-def]
    nx, ny, nz = kind.shape
    for i in prange(1, nx + 2):
        for j in range(1, ny + 2):
            for k in range(1, nz + 2):
                for m in range(gather.shape[0]):
                    ei = i - 1 + gather[m, 1]
                    ej = j - 1 + gather[m, 2]
                    ek = k - 1 + gather[m, 3]
                    if ei < 0 or ej < 0 or ek < 0 or ei >= nx or ej >= ny or ek >= nz:
                        continue
                    n = kind[ei, ej, ek]
                    p = gather[m, 4]
                    if n >= 0:
                        w[gather[m, 0], i, j, k] -= K[n, p]
                    elif n < -1:
                        w[gather[m, 0], i, j, k] -= unit[-n - 1] * TRILINEAR[p]


@njit(cache=True, parallel=True)
def _diagonal(w, offsets, diagonal):  # type: ignore[no-untyped-def]
    nx, ny, nz = diagonal.shape
    for i in prange(1, nx - 1):
        for j in range(1, ny - 1):
            for k in range(1, nz - 1):
                total = 0.0
                for o in range(13):
                    total += w[o, i, j, k] + w[o, i - offsets[o, 0], j - offsets[o, 1], k - offsets[o, 2]]
                diagonal[i, j, k] = total


@njit(cache=True)
def _isolate(w, offsets, inactive):  # type: ignore[no-untyped-def]
    nx, ny, nz = inactive.shape
    for i in range(1, nx - 1):
        for j in range(1, ny - 1):
            for k in range(1, nz - 1):
                if inactive[i, j, k]:
                    for o in range(13):
                        w[o, i, j, k] = 0.0
                        w[o, i - offsets[o, 0], j - offsets[o, 1], k - offsets[o, 2]] = 0.0


def _coarsen(kind: Int32Array, K: Array32, unit: Array) -> tuple[Int32Array, Array32]:
    """Galerkin element matrices of the grid of twice the spacing; the fine grid is padded by air to even size."""
    even = np.full([n + n % 2 for n in kind.shape], -1, np.int32)
    even[: kind.shape[0], : kind.shape[1], : kind.shape[2]] = kind
    nx, ny, nz = (n // 2 for n in even.shape)
    children = even.reshape(nx, 2, ny, 2, nz, 2)
    low, high = children.min((1, 3, 5)), children.max((1, 3, 5))
    uniform = (low == high) & (high < 0)
    coarse = np.where(uniform, high, 0).astype(np.int32)
    where = np.argwhere(~uniform)
    coarse[~uniform] = np.arange(len(where), dtype=np.int32)
    K_coarse = np.empty((len(where), 28), np.float32)
    _galerkin(even, K, unit, where, CHILD_WEIGHTS, K_coarse)
    return coarse, K_coarse


@njit(cache=True, parallel=True)
def _galerkin(kind, K, unit, where, weights, out):  # type: ignore[no-untyped-def]
    for n in prange(where.shape[0]):
        total = np.zeros((8, 8))
        fine = np.empty((8, 8))
        half = np.empty((8, 8))
        for c in range(8):
            e = kind[2 * where[n, 0] + (c >> 2 & 1), 2 * where[n, 1] + (c >> 1 & 1), 2 * where[n, 2] + (c & 1)]
            if e == -1:
                continue
            for a in range(8):
                fine[a, a] = 0.0
            for p in range(28):
                value = K[e, p] if e >= 0 else unit[-e - 1] * TRILINEAR[p]
                a, b = PAIRS[p, 0], PAIRS[p, 1]
                fine[a, b] = value
                fine[b, a] = value
                fine[a, a] -= value
                fine[b, b] -= value
            for a in range(8):
                for B in range(8):
                    half[a, B] = 0.0
                for b in range(8):
                    f = fine[a, b]
                    for B in range(8):
                        half[a, B] += f * weights[c, b, B]
            for a in range(8):
                for A in range(8):
                    f = weights[c, a, A]
                    if f != 0.0:
                        for B in range(8):
                            total[A, B] += f * half[a, B]
        for p in range(28):
            out[n, p] = total[PAIRS[p, 0], PAIRS[p, 1]]


def _coarse_nodes(fixed: NDArray[np.bool_], shape: tuple[int, ...]) -> NDArray[np.bool_]:
    coarse = np.zeros([n + 3 for n in shape], bool)
    inner = fixed[1:-1:2, 1:-1:2, 1:-1:2]
    coarse[1 : 1 + inner.shape[0], 1 : 1 + inner.shape[1], 1 : 1 + inner.shape[2]] = inner
    return coarse


@njit(cache=True, parallel=True)
def _element_bounds(K, out):  # type: ignore[no-untyped-def]
    for n in prange(K.shape[0]):
        S = np.zeros((8, 8))
        T = np.empty((8, 8))
        for p in range(28):
            a, b = PAIRS[p, 0], PAIRS[p, 1]
            S[a, b] = K[n, p]
            S[b, a] = K[n, p]
            S[a, a] -= K[n, p]
            S[b, b] -= K[n, p]
        largest = 0.0
        for a in range(8):
            largest = max(largest, S[a, a])
        d = np.empty(8)
        for a in range(8):
            d[a] = 1.0 / np.sqrt(S[a, a]) if S[a, a] > 1e-9 * largest and largest > 0.0 else 0.0
        for a in range(8):
            for b in range(8):
                S[a, b] *= d[a] * d[b]
        for _ in range(3):
            for a in range(8):
                for b in range(8):
                    total = 0.0
                    for c in range(8):
                        total += S[a, c] * S[c, b]
                    T[a, b] = total
            S[:] = T
        total = 0.0
        for a in range(8):
            for b in range(8):
                total += S[a, b] ** 2
        out[n] = total ** (1.0 / 16.0)


def _largest_bound(K: Array32) -> float:
    """Bound of the largest eigenvalue of D_e^-1 K_e over elements: Frobenius norm of the eighth power, 16th root."""
    bounds = np.empty(len(K))
    _element_bounds(K.astype(np.float32), bounds)
    return float(bounds.max(initial=0.0))


def _pseudo_inverse(level: Level) -> tuple[NDArray[np.int64], Array32]:
    nodes = np.flatnonzero(level.Dinv > 0)
    dense = np.zeros((len(nodes), len(nodes)))
    row = np.full(level.size, -1)
    row[nodes] = np.arange(len(nodes))
    _, ny, nz = level.node_shape
    diagonal = np.zeros(len(nodes))
    diagonal[:] = 1.0 / level.Dinv[nodes].astype(np.float64)
    for o, offset in enumerate(OFFSETS):
        other = row[nodes + (offset[0] * ny + offset[1]) * nz + offset[2]]
        here = np.flatnonzero(other >= 0)
        value = level.w[o, nodes[here]].astype(np.float64)
        dense[here, other[here]] -= value
        dense[other[here], here] -= value
    dense[np.diag_indices_from(dense)] = diagonal
    return nodes, np.linalg.pinv(dense, rcond=1e-7, hermitian=True).astype(np.float32)


# ------------------------------------------------------------------------------------------------------ application


@njit(cache=True)
def _row_times(w, offsets, x, start, stop, y):  # type: ignore[no-untyped-def]
    """y[: stop - start] = (K x)[start : stop] along one row of nodes; offsets are flat."""
    length = stop - start
    for n in range(length):
        y[n] = 0
    for o in range(13):
        shift = offsets[o]
        ahead = w[o, start:stop]
        behind = w[o, start - shift : stop - shift]
        here = x[start:stop]
        plus = x[start + shift : stop + shift]
        minus = x[start - shift : stop - shift]
        for n in range(length):
            y[n] += ahead[n] * (here[n] - plus[n]) + behind[n] * (here[n] - minus[n])


@njit(cache=True, parallel=True, fastmath={"contract", "reassoc"})
def apply(w, offsets, lo, hi, node_shape, x, y):  # type: ignore[no-untyped-def]
    """Compute y = K x on active rows; x, y (nrhs, nodes)."""
    ny, nz = node_shape[1], node_shape[2]
    for i in prange(1, node_shape[0] - 1):
        buffer = np.empty(nz, x.dtype)
        for j in range(1, ny - 1):
            row = i * ny + j
            if lo[row] < hi[row]:
                for q in range(x.shape[0]):
                    _row_times(w, offsets, x[q], row * nz + lo[row], row * nz + hi[row], buffer)
                    for n in range(hi[row] - lo[row]):
                        y[q, row * nz + lo[row] + n] = buffer[n]


@njit(cache=True, parallel=True, fastmath={"contract", "reassoc"})
def _smooth_first(Dinv, lo, hi, node_shape, theta, r, d, x, add):  # type: ignore[no-untyped-def]
    """d = Dinv r / theta; x = d or x += d."""
    ny, nz = node_shape[1], node_shape[2]
    scale = r.dtype.type(1.0 / theta)
    for i in prange(1, node_shape[0] - 1):
        for j in range(1, ny - 1):
            row = i * ny + j
            for q in range(r.shape[0]):
                for n in range(row * nz + lo[row], row * nz + hi[row]):
                    value = Dinv[n] * r[q, n] * scale
                    d[q, n] = value
                    x[q, n] = x[q, n] + value if add else value


@njit(cache=True, parallel=True, fastmath={"contract", "reassoc"})
def _smooth_next(w, offsets, Dinv, lo, hi, node_shape, keep, gain, d, r, new, x):  # type: ignore[no-untyped-def]
    """r -= K d; new = keep d + gain Dinv r; x += new."""
    ny, nz = node_shape[1], node_shape[2]
    for i in prange(1, node_shape[0] - 1):
        buffer = np.empty(nz, d.dtype)
        for j in range(1, ny - 1):
            row = i * ny + j
            if lo[row] >= hi[row]:
                continue
            start = row * nz + lo[row]
            length = hi[row] - lo[row]
            for q in range(d.shape[0]):
                _row_times(w, offsets, d[q], start, start + length, buffer)
                rq, dq, nq, xq = (
                    r[q, start : start + length],
                    d[q, start : start + length],
                    new[q, start : start + length],
                    x[q, start : start + length],
                )
                inverse = Dinv[start : start + length]
                for n in range(length):
                    residual = rq[n] - buffer[n] if inverse[n] > 0 else 0 * rq[n]
                    rq[n] = residual
                    value = keep * dq[n] + gain * inverse[n] * residual
                    nq[n] = value
                    xq[n] += value


@njit(cache=True, parallel=True, fastmath={"contract", "reassoc"})
def _subtract(w, offsets, Dinv, lo, hi, node_shape, d, r):  # type: ignore[no-untyped-def]
    """r -= K d on active nodes."""
    ny, nz = node_shape[1], node_shape[2]
    for i in prange(1, node_shape[0] - 1):
        buffer = np.empty(nz, d.dtype)
        for j in range(1, ny - 1):
            row = i * ny + j
            if lo[row] >= hi[row]:
                continue
            start = row * nz + lo[row]
            for q in range(d.shape[0]):
                _row_times(w, offsets, d[q], start, row * nz + hi[row], buffer)
                for n in range(hi[row] - lo[row]):
                    if Dinv[start + n] > 0:
                        r[q, start + n] -= buffer[n]
                    else:
                        r[q, start + n] = 0


@njit(cache=True, parallel=True)
def _restrict(fine, fine_shape, coarse, coarse_shape, lo, hi):  # type: ignore[no-untyped-def]
    """coarse = P^T fine on the active rows of the coarse grid."""
    fy, fz = fine_shape[1], fine_shape[2]
    cy, cz = coarse_shape[1], coarse_shape[2]
    for I in prange(1, coarse_shape[0] - 1):
        for J in range(1, cy - 1):
            row = I * cy + J
            for q in range(fine.shape[0]):
                for k in range(lo[row], hi[row]):
                    total = 0 * fine[q, 0]
                    for di in range(-1, 2):
                        i = 2 * I - 1 + di
                        if i < 0 or i >= fine_shape[0]:
                            continue
                        for dj in range(-1, 2):
                            j = 2 * J - 1 + dj
                            if j < 0 or j >= fy:
                                continue
                            base = (i * fy + j) * fz
                            weight = (1.0 if di == 0 else 0.5) * (1.0 if dj == 0 else 0.5)
                            part = 0 * fine[q, 0]
                            z = 2 * k - 1
                            if z < fz:
                                part += fine[q, base + z]
                            if z - 1 < fz:
                                part += 0.5 * fine[q, base + z - 1]
                            if z + 1 < fz:
                                part += 0.5 * fine[q, base + z + 1]
                            total += weight * part
                    coarse[q, row * cz + k] = total


@njit(cache=True, parallel=True)
def _prolong(coarse, coarse_shape, fine, fine_shape, lo, hi, Dinv):  # type: ignore[no-untyped-def]
    """fine = P coarse on active nodes of the fine grid."""
    fy, fz = fine_shape[1], fine_shape[2]
    cy, cz = coarse_shape[1], coarse_shape[2]
    for i in prange(1, fine_shape[0] - 1):
        i0, i1 = (i + 1) // 2, (i + 2) // 2
        line = np.empty(cz, coarse.dtype)
        for j in range(1, fy - 1):
            row = i * fy + j
            if lo[row] >= hi[row]:
                continue
            j0, j1 = (j + 1) // 2, (j + 2) // 2
            first, last = (lo[row] + 1) // 2, (hi[row] + 1) // 2
            for q in range(fine.shape[0]):
                for k in range(first, last + 1):
                    line[k] = 0.25 * (
                        coarse[q, (i0 * cy + j0) * cz + k]
                        + coarse[q, (i0 * cy + j1) * cz + k]
                        + coarse[q, (i1 * cy + j0) * cz + k]
                        + coarse[q, (i1 * cy + j1) * cz + k]
                    )
                for k in range(lo[row], hi[row]):
                    value = 0.5 * (line[(k + 1) // 2] + line[(k + 2) // 2])
                    fine[q, row * fz + k] = value if Dinv[row * fz + k] > 0 else 0 * value


@dataclass(frozen=True)
class _Work:
    """Scratch vectors of one level, (nrhs, nodes) float32."""

    r: Array32
    x: Array32
    d: Array32
    e: Array32


class VCycle:
    """One V-cycle as a linear, symmetric operator; holds the scratch memory for a number of right-hand sides."""

    def __init__(self, hierarchy: Hierarchy, nrhs: int) -> None:
        self.hierarchy = hierarchy
        self._flat = [flat_offsets(level) for level in hierarchy.levels]
        self._work = [
            _Work(*(np.zeros((nrhs, level.size), np.float32) for _ in range(4))) for level in hierarchy.levels
        ]

    def __call__(self, residual: Array32) -> Array32:
        """Return the correction for a residual (nrhs, nodes); valid until the next call."""
        np.copyto(self._work[0].r, residual)
        self._cycle(0)
        return self._work[0].x

    def _cycle(self, depth: int) -> None:
        level, work, flat = self.hierarchy.levels[depth], self._work[depth], self._flat[depth]
        if depth == len(self.hierarchy.levels) - 1:
            nodes = self.hierarchy.coarsest_nodes
            work.x[:, nodes] = work.r[:, nodes] @ self.hierarchy.coarsest_inverse
            return
        last = self._smooth(level, work, flat, add=False)
        rows = (level.lo, level.hi, level.node_shape)
        _subtract(level.w, flat, level.Dinv, *rows, last, work.r)
        coarse, below = self.hierarchy.levels[depth + 1], self._work[depth + 1]
        _restrict(work.r, level.node_shape, below.r, coarse.node_shape, coarse.lo, coarse.hi)
        self._cycle(depth + 1)
        _prolong(below.x, coarse.node_shape, work.e, level.node_shape, level.lo, level.hi, level.Dinv)
        _subtract(level.w, flat, level.Dinv, *rows, work.e, work.r)
        _add(work.e, work.x, *rows)
        self._smooth(level, work, flat, add=True)

    @staticmethod
    def _smooth(level: Level, work: _Work, flat: NDArray[np.int64], *, add: bool) -> Array32:
        """Three Chebyshev steps on x with residual r; r lacks the last direction, which is returned."""
        low, high = level.bound / SMOOTHING_RANGE, level.bound
        theta, delta = (high + low) / 2, (high - low) / 2
        d, new = work.d, work.e
        _smooth_first(level.Dinv, level.lo, level.hi, level.node_shape, theta, work.r, d, work.x, add)
        rho = delta / theta
        for _ in range(2):
            rho_next = 1 / (2 * theta / delta - rho)
            keep, gain = np.float32(rho_next * rho), np.float32(2 * rho_next / delta)
            _smooth_next(
                level.w, flat, level.Dinv, level.lo, level.hi, level.node_shape, keep, gain, d, work.r, new, work.x
            )
            d, new = new, d
            rho = rho_next
        return d


@njit(cache=True, parallel=True)
def _add(e, x, lo, hi, node_shape):  # type: ignore[no-untyped-def]
    ny, nz = node_shape[1], node_shape[2]
    for i in prange(1, node_shape[0] - 1):
        for j in range(1, ny - 1):
            row = i * ny + j
            for q in range(x.shape[0]):
                for n in range(row * nz + lo[row], row * nz + hi[row]):
                    x[q, n] += e[q, n]


def flat_offsets(level: Level) -> NDArray[np.int64]:
    """(13,) offsets into a flat padded node array."""
    _, ny, nz = level.node_shape
    return np.asarray((OFFSETS[:, 0] * ny + OFFSETS[:, 1]) * nz + OFFSETS[:, 2])

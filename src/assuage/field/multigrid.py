"""Geometric multigrid hierarchy of the nodal conductance matrix of a voxel grid.

The matrix of every level is a symmetric 27-point stencil with rows that sum to zero (`assuage.field.stencil`). Coarse
matrices are the Galerkin products K_c = sum over the eight children of P^T K P of element matrices (8 x 8 per coarse
voxel, P trilinear), so a coarse level is a voxel grid again.

The smoother needs a bound of the eigenvalues of D^-1 K: lambda_max(D^-1 K) <= max_e lambda_max(D_e^-1 K_e) over
elements e, each element's largest eigenvalue being bounded by (sum of its eigenvalues^16)^(1/16). Power iteration on
the whole matrix underestimates it and can diverge.

Coarsest level: dense pseudo-inverse, so that the null space (a constant per connected body) is removed exactly.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assuage.compile import njit, prange
from assuage.field.elements import CORNERS, PAIR_OF, PAIRS, TRILINEAR
from assuage.field.stencil import CHUNK, OFFSETS, apply, chunks_over, flat_shifts

Array = NDArray[np.float64]
Array32 = NDArray[np.float32]
Int32Array = NDArray[np.int32]

UNIFORM_BOUND = 1.5
"""Largest eigenvalue of D_e^-1 K_e of a trilinear cube, exact."""
COARSEST_NODES = 600
"""Below this many nodes the pseudo-inverse takes over; it costs less than one smoothing step of the finest level."""
ISOLATED = 1e-3
"""A node whose diagonal is below this fraction of the least conductive tissue's is cut off by rounding: it is
inactive."""


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


@dataclass(frozen=True, kw_only=True, eq=False)
class Level:
    """One grid of the hierarchy.

    Parameters
    ----------
    shape
        Voxels along the three axes.
    w
        (13, stored) couplings, S.
    Dinv
        (stored,) reciprocal diagonal, 1/S; 0 on inactive or fixed nodes.
    chunks
        First nodes of the chunks that cover the active nodes.
    lo, hi
        (rows,) range of active nodes along z for each padded (x, y) row.
    bound
        Of the eigenvalues of D^-1 K.
    """

    shape: tuple[int, int, int]
    w: Array32
    Dinv: Array32
    chunks: NDArray[np.int64]
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

    @property
    def stored(self) -> int:
        """Length of the arrays over nodes."""
        return self.size + CHUNK

    @property
    def active(self) -> NDArray[np.bool_]:
        """(size,) mask of the unknowns."""
        return self.Dinv[: self.size] > 0

    @property
    def shifts(self) -> NDArray[np.int64]:
        """(13,) distances to the coupled nodes in the flat node array."""
        return flat_shifts(self.node_shape)

    def times(self, x: Array) -> Array:
        """Return K x, (n, size), for x (n, size)."""
        padded, result = np.zeros((2, len(x), self.stored))
        padded[:, : self.size] = x
        apply(self.w, self.shifts, self.chunks, tuple(padded), tuple(result))
        return np.asarray(result[:, : self.size])


@dataclass(frozen=True, kw_only=True)
class Hierarchy:
    """All levels, finest first, and the pseudo-inverse of the coarsest."""

    levels: tuple[Level, ...]
    coarsest_nodes: NDArray[np.int64]
    coarsest_inverse: Array32


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
    levels = [build_level(kind, K, unit_conductance_S, floor_S, fixed)]
    while int(levels[-1].active.sum()) > COARSEST_NODES:
        kind, K = _coarsen(kind, K, unit_conductance_S)
        unit_conductance_S = 2 * unit_conductance_S
        if fixed is not None:
            fixed = _coarse_nodes(fixed, kind.shape)
        floor_S *= 2
        levels.append(build_level(kind, K, unit_conductance_S, floor_S, fixed))
    nodes, inverse = _pseudo_inverse(levels[-1])
    return Hierarchy(levels=tuple(levels), coarsest_nodes=nodes, coarsest_inverse=inverse)


def build_level(
    kind: Int32Array, K: Array32, unit: Array, floor_S: float, fixed: NDArray[np.bool_] | None = None
) -> Level:
    """Return the stencil of one grid; as `build_hierarchy`. Products are formed where nodes are active."""
    node_shape = tuple(n + 3 for n in kind.shape)
    size = int(np.prod(node_shape))
    stored = np.zeros((13, size + CHUNK), np.float32)
    w = stored[:, :size].reshape(13, *node_shape)
    _assemble(kind, K, unit, GATHER, w)
    diagonal = np.zeros(node_shape)
    _diagonal(w, OFFSETS, diagonal)
    inactive = diagonal <= ISOLATED * floor_S
    if fixed is not None:
        inactive |= fixed
    _isolate(w, OFFSETS, (diagonal <= ISOLATED * floor_S))
    _diagonal(w, OFFSETS, diagonal)
    Dinv = np.zeros(size + CHUNK, np.float32)
    Dinv[:size] = np.where(inactive, 0.0, 1.0 / np.where(diagonal > 0, diagonal, np.inf)).ravel()
    active = (Dinv[:size] > 0).reshape(node_shape)
    lo = np.where(active.any(2), active.argmax(2), 0).astype(np.int32)
    hi = np.where(active.any(2), active.shape[2] - active[:, :, ::-1].argmax(2), 0).astype(np.int32)
    bound = max(UNIFORM_BOUND, _largest_bound(K)) if len(K) else UNIFORM_BOUND
    shape = (int(kind.shape[0]), int(kind.shape[1]), int(kind.shape[2]))
    return Level(
        shape=shape,
        w=stored,
        Dinv=Dinv,
        chunks=chunks_over(active),
        lo=lo.ravel(),
        hi=hi.ravel(),
        bound=bound,
    )


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
    nodes = np.flatnonzero(level.active)
    dense = np.zeros((len(nodes), len(nodes)))
    row = np.full(level.size, -1)
    row[nodes] = np.arange(len(nodes))
    for o, shift in enumerate(level.shifts):
        other = row[nodes + shift]
        here = np.flatnonzero(other >= 0)
        value = level.w[o, nodes[here]].astype(np.float64)
        dense[here, other[here]] -= value
        dense[other[here], here] -= value
    dense[np.diag_indices_from(dense)] = 1.0 / level.Dinv[nodes].astype(np.float64)
    return nodes, np.linalg.pinv(dense, rcond=1e-7, hermitian=True).astype(np.float32)

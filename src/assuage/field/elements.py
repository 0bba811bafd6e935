"""Element matrices of the conductor.

A voxel of one tissue is a trilinear hexahedral element. A voxel that an interface cuts is an **immersed element**: its
eight basis functions are trilinear not in x but in coordinates x' that solve div(sigma grad x'_i) = 0 for the layering
of its own sub-voxels (harmonic coordinates, Owhadi & Zhang 2007, 10.1002/cpa.20163; for a plane interface the immersed
elements of Li, Lin & Wu 2003, 10.1007/s00211-003-0473-x):

    x'_i = x_i + n_i (zeta(s) - s),     s = n . x,     d zeta / d s = (1 / sigma(s)) / mean(1 / sigma)

so that E along the layers and J across them are continuous inside the element. Non-conducting sub-voxels count nothing:
where air cuts a voxel only the tissue is integrated over, which is the insulating boundary at its true place.

    K_ab = integral sigma grad psi_a . grad psi_b            stiffness, S
    T_ac = integral sigma grad psi_a . (e_c x d) / 2         drive of the curl of dA/dt, S m
    R_a  = mean of grad psi_a over the sub-voxels of one tissue      field read-out, 1/m
    D    = mean of d over the same sub-voxels                        their centre, m

| symbol | meaning |
|---|---|
| a, b | corner of a voxel, a = 4 ix + 2 iy + iz |
| x, d | place relative to the voxel's centre, in voxel edges and in m |
| n | normal of the layering: direction in which ln sigma grows, by least squares over the conducting sub-voxels |
| psi | basis functions, psi_a(corner b) = delta_ab |
| G | (M^3, 3, 8) grad psi at the sub-voxel centres, per voxel edge; integrals are sums over sub-voxels |
| K | stored as its 28 off-diagonal entries a < b: rows sum to zero |
"""

from dataclasses import dataclass

import numpy as np
from numba import njit, prange
from numpy.typing import NDArray

from assuage.field.subvoxel import M, SubvoxelTissue, sub_label

Array = NDArray[np.float64]
Array32 = NDArray[np.float32]

CORNERS = np.array([[a >> 2 & 1, a >> 1 & 1, a & 1] for a in range(8)])
"""(8, 3) corner coordinates in units of the voxel edge."""
PAIRS = np.array([[a, b] for a in range(8) for b in range(a + 1, 8)])
"""(28, 2) corner pairs a < b of the stored off-diagonal entries."""
PAIR_OF = np.full((8, 8), -1)
PAIR_OF[PAIRS[:, 0], PAIRS[:, 1]] = np.arange(28)
PAIR_OF[PAIRS[:, 1], PAIRS[:, 0]] = np.arange(28)
_COUPLING_BY_DISTANCE = {1: 0.0, 2: -1 / 12, 3: -1 / 12}
TRILINEAR = np.array([_COUPLING_BY_DISTANCE[int(np.abs(CORNERS[a] - CORNERS[b]).sum())] for a, b in PAIRS])
"""(28,) off-diagonal stiffness of a trilinear cube of unit conductivity and unit edge."""
MEAN_GRADIENT = (2 * CORNERS.T - 1) / 4.0
"""(3, 8) mean gradient over a trilinear cube of unit edge."""
BINS = 14
"""Layers along the normal, each 1/8 voxel thick: they span the diagonal of a voxel."""


@njit(cache=True)
def block_conductivity(label, block, blocks, sigma, i, j, k, s):  # type: ignore[no-untyped-def]
    """Fill s (M+2, M+2, M+2) with the conductivity of a voxel's sub-voxels and the layer around them."""
    for si in range(-1, M + 1):
        for sj in range(-1, M + 1):
            for sk in range(-1, M + 1):
                s[si + 1, sj + 1, sk + 1] = sigma[sub_label(label, block, blocks, i, j, k, si, sj, sk)]


@njit(cache=True)
def layer_normal(s, n):  # type: ignore[no-untyped-def]
    """Fill n (3,), unit: least-squares gradient of ln sigma over conducting sub-voxels; zero where there is none."""
    count, mean = 0, 0.0
    centre = np.zeros(3)
    d = np.empty(3)
    for i in range(M + 2):
        for j in range(M + 2):
            for k in range(M + 2):
                if s[i, j, k] > 0:
                    count += 1
                    mean += np.log(s[i, j, k])
                    centre[0] += i
                    centre[1] += j
                    centre[2] += k
    mean /= count
    centre /= count
    cov, rhs = np.zeros((3, 3)), np.zeros(3)
    for i in range(M + 2):
        for j in range(M + 2):
            for k in range(M + 2):
                if s[i, j, k] > 0:
                    d[0], d[1], d[2] = i - centre[0], j - centre[1], k - centre[2]
                    value = np.log(s[i, j, k]) - mean
                    for p in range(3):
                        rhs[p] += d[p] * value
                        for q in range(3):
                            cov[p, q] += d[p] * d[q]
    trace = cov[0, 0] + cov[1, 1] + cov[2, 2]
    for p in range(3):
        cov[p, p] += 1e-3 * trace
    n[:] = np.linalg.solve(cov, rhs)
    length = np.sqrt(n[0] ** 2 + n[1] ** 2 + n[2] ** 2)
    if length > 1e-9:
        n /= length
    else:
        n[:] = 0.0


@njit(cache=True)
def layer_profile(s, n, slope, zeta):  # type: ignore[no-untyped-def]
    """Fill slope (BINS,) and zeta (BINS + 1,) at the bin edges, zeta = 0 at s = 0, from sub-voxels within the voxel's span."""
    weight = np.zeros(BINS)
    slope[:] = 0.0
    for i in range(M + 2):
        for j in range(M + 2):
            for k in range(M + 2):
                if s[i, j, k] > 0:
                    place = (n[0] * (i - 2.5) + n[1] * (j - 2.5) + n[2] * (k - 2.5)) / M
                    b = int(np.floor(place * 8 + BINS / 2))
                    if 0 <= b < BINS:
                        weight[b] += 1
                        slope[b] += 1 / s[i, j, k]
    for b in range(BINS):
        if weight[b] > 0:
            slope[b] /= weight[b]
    for b in range(1, BINS):
        if weight[b] == 0 and weight[b - 1] > 0:
            slope[b], weight[b] = slope[b - 1], 1
    for b in range(BINS - 2, -1, -1):
        if weight[b] == 0 and weight[b + 1] > 0:
            slope[b], weight[b] = slope[b + 1], 1
    resistivity = slope.mean()
    slope /= resistivity
    zeta[0] = 0.0
    for b in range(BINS):
        zeta[b + 1] = zeta[b] + slope[b] / 8
    zeta -= zeta[BINS // 2]
    return resistivity


@njit(cache=True)
def _monomials(x, y, z, out):  # type: ignore[no-untyped-def]
    out[0], out[1], out[2], out[3] = 1.0, x, y, z
    out[4], out[5], out[6], out[7] = x * y, x * z, y * z, x * y * z


@njit(cache=True)
def _stretched(x, n, zeta, out):  # type: ignore[no-untyped-def]
    """Fill out (3,) with x' of x (3,)."""
    s = n[0] * x[0] + n[1] * x[1] + n[2] * x[2]
    t = s * 8 + BINS / 2
    b = min(max(int(np.floor(t)), 0), BINS - 1)
    shift = zeta[b] + (t - b) * (zeta[b + 1] - zeta[b]) - s
    for p in range(3):
        out[p] = x[p] + n[p] * shift


@njit(cache=True)
def immersed_gradients(s, G):  # type: ignore[no-untyped-def]
    """Fill G (M^3, 3, 8) from the conductivity s (M+2, M+2, M+2) of a block with its surroundings."""
    n, slope, zeta = np.empty(3), np.empty(BINS), np.empty(BINS + 1)
    layer_normal(s, n)
    resistivity = layer_profile(s, n, slope, zeta)
    x, y = np.empty(3), np.empty(3)
    V = np.empty((8, 8))
    for a in range(8):
        for p in range(3):
            x[p] = CORNERS[a, p] - 0.5
        _stretched(x, n, zeta, y)
        _monomials(y[0], y[1], y[2], V[a])
    C = np.linalg.inv(V)
    gradient = np.empty((3, 8))
    for i in range(M):
        for j in range(M):
            for k in range(M):
                x[0], x[1], x[2] = (i + 0.5) / M - 0.5, (j + 0.5) / M - 0.5, (k + 0.5) / M - 0.5
                own = s[i + 1, j + 1, k + 1]
                local = 1.0 / (own * resistivity) if own > 0 else 1.0
                _stretched(x, n, zeta, y)
                for a in range(8):
                    gradient[0, a] = C[1, a] + C[4, a] * y[1] + C[5, a] * y[2] + C[7, a] * y[1] * y[2]
                    gradient[1, a] = C[2, a] + C[4, a] * y[0] + C[6, a] * y[2] + C[7, a] * y[0] * y[2]
                    gradient[2, a] = C[3, a] + C[5, a] * y[0] + C[6, a] * y[1] + C[7, a] * y[0] * y[1]
                row = (i * M + j) * M + k
                for a in range(8):
                    across = n[0] * gradient[0, a] + n[1] * gradient[1, a] + n[2] * gradient[2, a]
                    for p in range(3):
                        G[row, p, a] = gradient[p, a] + n[p] * (local - 1) * across


@njit(cache=True)
def stiffness(s, G, h, K):  # type: ignore[no-untyped-def]
    """Fill K (28,), S."""
    full = np.zeros((8, 8))
    for i in range(M):
        for j in range(M):
            for k in range(M):
                c = s[i + 1, j + 1, k + 1] * h / M**3
                if c == 0.0:
                    continue
                row = (i * M + j) * M + k
                for p in range(3):
                    for a in range(8):
                        ga = c * G[row, p, a]
                        for b in range(8):
                            full[a, b] += ga * G[row, p, b]
    for p in range(28):
        K[p] = full[PAIRS[p, 0], PAIRS[p, 1]]


@njit(cache=True)
def curl_drive(s, G, h, T):  # type: ignore[no-untyped-def]
    """Fill T (8, 3), S m: currents at the corners, A, driven by a unit curl of dA/dt, V/m^2."""
    T[:] = 0.0
    d = np.empty(3)
    for i in range(M):
        for j in range(M):
            for k in range(M):
                c = s[i + 1, j + 1, k + 1] * h**2 / M**3 / 2
                if c == 0.0:
                    continue
                row = (i * M + j) * M + k
                d[0], d[1], d[2] = h * ((i + 0.5) / M - 0.5), h * ((j + 0.5) / M - 0.5), h * ((k + 0.5) / M - 0.5)
                for axis in range(3):
                    u, v = (axis + 1) % 3, (axis + 2) % 3
                    # (e_u x d) . e_axis = d_v and (e_v x d) . e_axis = -d_u for the cyclic triple (axis, u, v)
                    for a in range(8):
                        T[a, u] += c * G[row, axis, a] * d[v]
                        T[a, v] -= c * G[row, axis, a] * d[u]


@njit(cache=True)
def mean_gradient(G, member, h, R):  # type: ignore[no-untyped-def]
    """Fill R (3, 8), 1/m, with the mean gradient over sub-voxels where member (M, M, M) is set."""
    R[:] = 0.0
    count = 0
    for i in range(M):
        for j in range(M):
            for k in range(M):
                if member[i, j, k]:
                    count += 1
                    R += G[(i * M + j) * M + k]
    if count > 0:
        R /= h * count


@njit(cache=True)
def centre_of(member, h, D):  # type: ignore[no-untyped-def]
    """Fill D (3,), m: mean place of the sub-voxels where member (M, M, M) is set, relative to the voxel's centre."""
    D[:] = 0.0
    count = 0
    for i in range(M):
        for j in range(M):
            for k in range(M):
                if member[i, j, k]:
                    count += 1
                    D[0] += i
                    D[1] += j
                    D[2] += k
    for c in range(3):
        D[c] = h * ((D[c] / count + 0.5) / M - 0.5) if count > 0 else 0.0


@njit(cache=True)
def own_at_centre(tissues, own, member):  # type: ignore[no-untyped-def]
    """Fill member (M, M, M): the sub-voxels of tissue `own` nearest the centre: the middle ones, or all if none."""
    found = False
    for i in range(M):
        for j in range(M):
            for k in range(M):
                middle = abs(2 * i + 1 - M) == 1 and abs(2 * j + 1 - M) == 1 and abs(2 * k + 1 - M) == 1
                member[i, j, k] = middle and tissues[i, j, k] == own
                found = found or member[i, j, k]
    if not found:
        for i in range(M):
            for j in range(M):
                for k in range(M):
                    member[i, j, k] = tissues[i, j, k] == own


@dataclass(frozen=True, kw_only=True, eq=False)
class ElementTable:
    """The immersed elements of a grid, in the order of their blocks; symbols as in the module docstring.

    Parameters
    ----------
    K
        (n, 28), S.
    T
        (n, 8, 3), S m.
    R
        (n, 3, 8), 1/m, of the tissue at the voxel's centre.
    D
        (n, 3), m, of the same.
    """

    K: Array32
    T: Array32
    R: Array32
    D: Array32


def immersed_table(tissue: SubvoxelTissue, sigma_S_per_m: Array, voxel_m: float) -> ElementTable:
    """Return all immersed elements; `sigma_S_per_m` is indexed like `tissue.tissues`."""
    voxels = np.argwhere(tissue.block >= 0)
    n = len(voxels)
    table = ElementTable(
        K=np.empty((n, 28), np.float32),
        T=np.empty((n, 8, 3), np.float32),
        R=np.empty((n, 3, 8), np.float32),
        D=np.empty((n, 3), np.float32),
    )
    geometry = (tissue.label, tissue.block, tissue.blocks, voxels, sigma_S_per_m, voxel_m)
    _fill_table(*geometry, table.K, table.T, table.R, table.D)
    return table


@njit(cache=True, parallel=True)
def _fill_table(label, block, blocks, voxels, sigma, h, K, T, R, D):  # type: ignore[no-untyped-def]
    for n in prange(voxels.shape[0]):
        i, j, k = voxels[n, 0], voxels[n, 1], voxels[n, 2]
        s = np.empty((M + 2, M + 2, M + 2))
        G = np.empty((M**3, 3, 8))
        member = np.empty((M, M, M), np.bool_)
        k28, t83, r38, d3 = np.empty(28), np.empty((8, 3)), np.empty((3, 8)), np.empty(3)
        block_conductivity(label, block, blocks, sigma, i, j, k, s)
        immersed_gradients(s, G)
        stiffness(s, G, h, k28)
        curl_drive(s, G, h, t83)
        own_at_centre(blocks[n], label[i, j, k], member)
        mean_gradient(G, member, h, r38)
        centre_of(member, h, d3)
        K[n], T[n], R[n], D[n] = k28, t83, r38, d3

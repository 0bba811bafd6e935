"""Element matrices of the conductor.

A voxel of one tissue, with the same tissue around it, is a trilinear hexahedral element. Every other conducting voxel
is a multiscale element on the basis functions of `assuage.field.basis`; the unknowns stay the potentials at the
corners.

    K_ab = integral (sigma grad psi_a) . grad psi_b                  stiffness, S
    T_ac = integral (sigma grad psi_a) . (e_c x d) / 2               drive of the curl of dA/dt, S m
    R_a  = mean of grad psi_a over the sub-voxels of one tissue      field read-out, 1/m
    D    = mean of d over the same sub-voxels                        their centre, m

Integrals are sums over the conducting sub-voxels, at their centres.

| symbol | meaning |
|---|---|
| a, b | corner of a voxel, a = 4 ix + 2 iy + iz |
| d | place relative to the voxel's centre, m |
| h | voxel edge, m |
| G | (8, 3, M^3) grad psi at the sub-voxel centres, per voxel edge |
| F | (8, 3, M^3) sigma grad psi, S/m per voxel edge; sigma is a tensor in tissues that were given one |
| K | stored as its 28 off-diagonal entries a < b: rows sum to zero |
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assuage.compile import njit, prange
from assuage.field.basis import block_conductivity, multiscale_gradients
from assuage.field.subvoxel import M, SubvoxelTissue

Array = NDArray[np.float64]
Array32 = NDArray[np.float32]
Int64Array = NDArray[np.int64]

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


@njit(cache=True)
def flow(s, G, tissues, slot, tensors, factor, F):  # type: ignore[no-untyped-def]
    """Fill F: s G, or factor tensor G in conducting sub-voxels of a tissue t with slot[t] >= 0; tensors (k, 3, 3)."""
    for i in range(M):
        for j in range(M):
            for k in range(M):
                row, sigma = (i * M + j) * M + k, s[i + 1, j + 1, k + 1]
                place = slot[tissues[i, j, k]]
                if place < 0 or sigma == 0.0:
                    for a in range(8):
                        for c in range(3):
                            F[a, c, row] = sigma * G[a, c, row]
                else:
                    for a in range(8):
                        for c in range(3):
                            total = 0.0
                            for d in range(3):
                                total += tensors[place, c, d] * G[a, d, row]
                            F[a, c, row] = factor * total


@njit(cache=True, fastmath={"contract", "reassoc"})
def stiffness(F, G, h, K):  # type: ignore[no-untyped-def]
    """Fill K (28,), S."""
    for a in range(8):
        ours = F[a].ravel()
        for b in range(a + 1, 8):
            theirs = G[b].ravel()
            total = 0.0
            for n in range(3 * M**3):
                total += ours[n] * theirs[n]
            K[PAIR_OF[a, b]] = total * h / M**3


@njit(cache=True, fastmath={"contract", "reassoc"})
def curl_drive(F, h, T):  # type: ignore[no-untyped-def]
    """Fill T (8, 3), S m: currents at the corners, A, driven by a unit curl of dA/dt, V/m^2."""
    d = np.empty((3, M**3))
    for i in range(M):
        for j in range(M):
            for k in range(M):
                row = (i * M + j) * M + k
                d[0, row], d[1, row], d[2, row] = (i + 0.5) / M - 0.5, (j + 0.5) / M - 0.5, (k + 0.5) / M - 0.5
    for a in range(8):
        for u in range(3):
            v, w = (u + 1) % 3, (u + 2) % 3
            total = 0.0  # e_u x d = d_v e_w - d_w e_v for the cyclic triple (u, v, w)
            for n in range(M**3):
                total += F[a, w, n] * d[v, n] - F[a, v, n] * d[w, n]
            T[a, u] = total * h**3 / M**3 / 2


@njit(cache=True, fastmath={"contract", "reassoc"})
def mean_gradient(G, member, h, R):  # type: ignore[no-untyped-def]
    """Fill R (3, 8), 1/m, with the mean gradient over sub-voxels where member (M, M, M) is set."""
    share = np.empty(M**3)
    count = 0.0
    for i in range(M):
        for j in range(M):
            for k in range(M):
                share[(i * M + j) * M + k] = 1.0 if member[i, j, k] else 0.0
                count += share[(i * M + j) * M + k]
    for c in range(3):
        for a in range(8):
            total = 0.0
            for n in range(M**3):
                total += share[n] * G[a, c, n]
            R[c, a] = total / (count * h) if count > 0 else 0.0


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
    """The multiscale elements of a grid, in the order of their blocks; symbols as in the module docstring.

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


def multiscale_table(
    tissue: SubvoxelTissue, sigma_S_per_m: Array, voxel_m: float, slot: Int64Array, tensors_S_per_m: Array32
) -> ElementTable:
    """Return all multiscale elements.

    Parameters
    ----------
    tissue
        Of the grid.
    sigma_S_per_m
        By index of `tissue.tissues`.
    voxel_m
        Edge of a voxel.
    slot, tensors_S_per_m
        See `assuage.field.anisotropy.BlockTensors`.
    """
    voxels = np.argwhere(tissue.block >= 0)
    n = len(voxels)
    table = ElementTable(
        K=np.empty((n, 28), np.float32),
        T=np.empty((n, 8, 3), np.float32),
        R=np.empty((n, 3, 8), np.float32),
        D=np.empty((n, 3), np.float32),
    )
    geometry = (tissue.label, tissue.block, tissue.blocks, voxels, sigma_S_per_m, slot, tensors_S_per_m, voxel_m)
    _fill_table(*geometry, table.K, table.T, table.R, table.D)
    return table


@njit(cache=True, parallel=True)
def _fill_table(label, block, blocks, voxels, sigma, slot, tensors, h, K, T, R, D):  # type: ignore[no-untyped-def]
    for n in prange(voxels.shape[0]):
        i, j, k = voxels[n, 0], voxels[n, 1], voxels[n, 2]
        s = np.empty((M + 2, M + 2, M + 2))
        G, F = np.empty((8, 3, M**3)), np.empty((8, 3, M**3))
        member = np.empty((M, M, M), np.bool_)
        k28, t83, r38, d3 = np.empty(28), np.empty((8, 3)), np.empty((3, 8)), np.empty(3)
        block_conductivity(label, block, blocks, sigma, i, j, k, s)
        multiscale_gradients(s, G)
        flow(s, G, blocks[n], slot, tensors[:, n], 1.0, F)
        stiffness(F, G, h, k28)
        curl_drive(F, h, t83)
        own_at_centre(blocks[n], label[i, j, k], member)
        mean_gradient(G, member, h, r38)
        centre_of(member, h, d3)
        K[n], T[n], R[n], D[n] = k28, t83, r38, d3

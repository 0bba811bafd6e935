"""Multiscale basis functions of a voxel that an interface cuts.

The eight functions psi_a (one per corner) are found on the M x M x M sub-voxels of the voxel in three steps, each
taking the last one's result as boundary values: along the edges (1-D), over the faces (2-D), inside (3-D), every time
from div(sigma grad psi_a) = 0 (Hou & Wu 1997, 10.1006/jcph.1997.5682, "oscillatory boundary conditions"). Edges and
faces use the sub-voxels of all the voxels that share them, so neighbours agree on their common face. The sub-voxel
problem is the seven-point scheme.

Oscillatory traces are right for current across an interface and wrong for current along it, where the potential has no
kink. On edges and faces the resistivity is therefore blended with its mean,

    r'  =  c r + (1 - c) mean(r),        c = |component of n along the edge or in the face| ^ POLARISATION

with n the normal of the layering. POLARISATION = 0 is the purely oscillatory trace, infinity the linear one. On a
sphere with a CSF layer as thin as a voxel, vector error in the brain (deep / up to 4 mm under its surface):

| POLARISATION | electrodes | coil |
|---|---|---|
| 0 | 0.8 / 2.0 % | 2.0 / 2.7 % |
| 0.5 | 1.2 / 1.9 % | 1.5 / 2.1 % |
| 1 | 1.9 / 2.3 % | 1.2 / 1.7 % |
| 2 | 2.8 / 3.1 % | 1.0 / 1.3 % |

Air counts nothing: its sub-voxels take the geometric mean conductivity of the tissue around while psi is found, and
are left out of every integral, which puts the insulating boundary at its true place.

| symbol | meaning |
|---|---|
| s | (M+2)^3 conductivity of the sub-voxels and of the layer around them, S/m |
| g | (3, P, P, P) mean of the four sub-voxels around each sub-edge, S/m |
| psi | (P, P, P, 8) basis functions at the sub-voxel corners |
| G | (M^3, 3, 8) grad psi at the sub-voxel centres, per voxel edge |
"""

import numpy as np

from assuage.compile import njit
from assuage.field.subvoxel import M, sub_label

P = M + 1
POLARISATION = 0.75
"""Exponent of the blend; see the table above."""
INNER = (M - 1) ** 3


@njit(cache=True)
def block_conductivity(label, block, blocks, sigma, i, j, k, s):  # type: ignore[no-untyped-def]
    """Fill s (M+2, M+2, M+2) with the conductivity of a voxel's sub-voxels and the layer around them."""
    for si in range(-1, M + 1):
        for sj in range(-1, M + 1):
            for sk in range(-1, M + 1):
                s[si + 1, sj + 1, sk + 1] = sigma[sub_label(label, block, blocks, i, j, k, si, sj, sk)]


@njit(cache=True)
def fill_air(s, e):  # type: ignore[no-untyped-def]
    """Fill e with s, air replaced by the geometric mean of the rest; return ln of that mean."""
    total, count = 0.0, 0
    for i in range(M + 2):
        for j in range(M + 2):
            for k in range(M + 2):
                if s[i, j, k] > 0:
                    total += np.log(s[i, j, k])
                    count += 1
    mean = total / count
    fill = np.exp(mean)
    for i in range(M + 2):
        for j in range(M + 2):
            for k in range(M + 2):
                e[i, j, k] = s[i, j, k] if s[i, j, k] > 0 else fill
    return mean


@njit(cache=True)
def layer_normal(e, mean, n):  # type: ignore[no-untyped-def]
    """Fill n (3,), unit: direction in which ln e grows, by least squares; zero where there is none."""
    n[:] = 0.0
    for i in range(M + 2):
        for j in range(M + 2):
            for k in range(M + 2):
                value = np.log(e[i, j, k]) - mean
                n[0] += (i - (M + 1) / 2) * value
                n[1] += (j - (M + 1) / 2) * value
                n[2] += (k - (M + 1) / 2) * value
    length = np.sqrt(n[0] ** 2 + n[1] ** 2 + n[2] ** 2)
    if length > 1e-9:
        n /= length
    else:
        n[:] = 0.0


@njit(cache=True)
def edge_conductances(e, g):  # type: ignore[no-untyped-def]
    """Fill g: mean of the four sub-voxels around each sub-edge, indexed by its first sub-node."""
    for i in range(P):
        for j in range(P):
            for k in range(P):
                if i < M:
                    g[0, i, j, k] = 0.25 * (
                        e[i + 1, j, k] + e[i + 1, j + 1, k] + e[i + 1, j, k + 1] + e[i + 1, j + 1, k + 1]
                    )
                if j < M:
                    g[1, i, j, k] = 0.25 * (
                        e[i, j + 1, k] + e[i + 1, j + 1, k] + e[i, j + 1, k + 1] + e[i + 1, j + 1, k + 1]
                    )
                if k < M:
                    g[2, i, j, k] = 0.25 * (
                        e[i, j, k + 1] + e[i + 1, j, k + 1] + e[i, j + 1, k + 1] + e[i + 1, j + 1, k + 1]
                    )


@njit(cache=True)
def solve_banded(A, B, n, band):  # type: ignore[no-untyped-def]
    """Solve the banded SPD system A X = B by Cholesky; A (n, n) lower part and B (n, 8) are overwritten."""
    for c in range(n):
        first = max(0, c - band)
        for r in range(c, min(n, c + band + 1)):
            total = A[r, c]
            for q in range(max(first, r - band), c):
                total -= A[r, q] * A[c, q]
            A[r, c] = np.sqrt(total) if r == c else total / A[c, c]
    for r in range(n):
        for q in range(max(0, r - band), r):
            for a in range(8):
                B[r, a] -= A[r, q] * B[q, a]
        for a in range(8):
            B[r, a] /= A[r, r]
    for r in range(n - 1, -1, -1):
        for q in range(r + 1, min(n, r + band + 1)):
            for a in range(8):
                B[r, a] -= A[q, r] * B[q, a]
        for a in range(8):
            B[r, a] /= A[r, r]


@njit(cache=True)
def _edges(g, normal, psi):  # type: ignore[no-untyped-def]
    """Fill psi on the twelve edges: the potential drops in proportion to the blended resistance."""
    n = np.zeros(3, np.int64)
    for axis in range(3):
        u, v = (axis + 1) % 3, (axis + 2) % 3
        c = abs(normal[axis]) ** POLARISATION
        for eu in range(2):
            for ev in range(2):
                n[axis], n[u], n[v] = 0, eu * M, ev * M
                total = 0.0
                for t in range(M):
                    n[axis] = t
                    total += 1.0 / g[axis, n[0], n[1], n[2]]
                n[axis] = 0
                start = 4 * (n[0] // M) + 2 * (n[1] // M) + n[2] // M
                end = start + (4 >> axis)
                drop = 0.0
                for t in range(1, M):
                    n[axis] = t - 1
                    drop += c / g[axis, n[0], n[1], n[2]] / total + (1 - c) / M
                    n[axis] = t
                    psi[n[0], n[1], n[2], start] = 1.0 - drop
                    psi[n[0], n[1], n[2], end] = drop


@njit(cache=True)
def _face(g, c, axis, side, psi, A, B):  # type: ignore[no-untyped-def]
    """Fill psi on the inner sub-nodes of one face from its edges, with blended resistivities."""
    u, v = (axis + 1) % 3, (axis + 2) % 3
    n = np.zeros(3, np.int64)
    n[axis] = side * M
    mean = 0.0
    for p in range(P):
        for q in range(M):
            n[u], n[v] = q, p
            mean += 1.0 / g[u, n[0], n[1], n[2]]
            n[u], n[v] = p, q
            mean += 1.0 / g[v, n[0], n[1], n[2]]
    rest = (1 - c) * mean / (2 * P * M)
    A[: (M - 1) ** 2, : (M - 1) ** 2] = 0.0
    B[: (M - 1) ** 2] = 0.0
    for pu in range(1, M):
        for pv in range(1, M):
            row = (pu - 1) * (M - 1) + pv - 1
            for direction in range(4):
                along = u if direction < 2 else v
                n[u], n[v] = pu, pv
                if direction % 2 == 0:
                    n[along] -= 1
                conductance = 1.0 / (c / g[along, n[0], n[1], n[2]] + rest)
                if direction % 2:
                    n[along] += 1
                A[row, row] += conductance
                if 0 < n[along] < M:
                    other = (n[u] - 1) * (M - 1) + n[v] - 1
                    if other < row:
                        A[row, other] -= conductance
                else:
                    for a in range(8):
                        B[row, a] += conductance * psi[n[0], n[1], n[2], a]
    solve_banded(A, B, (M - 1) ** 2, M - 1)
    for pu in range(1, M):
        for pv in range(1, M):
            n[u], n[v] = pu, pv
            for a in range(8):
                psi[n[0], n[1], n[2], a] = B[(pu - 1) * (M - 1) + pv - 1, a]


@njit(cache=True)
def _inside(g, psi, A, B):  # type: ignore[no-untyped-def]
    """Fill psi on the inner sub-nodes from the faces."""
    A[:] = 0.0
    B[:] = 0.0
    n = np.zeros(3, np.int64)
    for i in range(1, M):
        for j in range(1, M):
            for k in range(1, M):
                row = ((i - 1) * (M - 1) + j - 1) * (M - 1) + k - 1
                for direction in range(6):
                    axis = direction // 2
                    n[0], n[1], n[2] = i, j, k
                    if direction % 2 == 0:
                        n[axis] -= 1
                    conductance = g[axis, n[0], n[1], n[2]]
                    if direction % 2:
                        n[axis] += 1
                    A[row, row] += conductance
                    if 0 < n[axis] < M:
                        other = ((n[0] - 1) * (M - 1) + n[1] - 1) * (M - 1) + n[2] - 1
                        if other < row:
                            A[row, other] -= conductance
                    else:
                        for a in range(8):
                            B[row, a] += conductance * psi[n[0], n[1], n[2], a]
    solve_banded(A, B, INNER, (M - 1) ** 2)
    for i in range(1, M):
        for j in range(1, M):
            for k in range(1, M):
                for a in range(8):
                    psi[i, j, k, a] = B[((i - 1) * (M - 1) + j - 1) * (M - 1) + k - 1, a]


@njit(cache=True)
def multiscale_gradients(s, G):  # type: ignore[no-untyped-def]
    """Fill G (M^3, 3, 8) from the conductivities s (M+2, M+2, M+2) of a block, of which some must conduct."""
    e, g = np.empty((M + 2, M + 2, M + 2)), np.empty((3, P, P, P))
    psi, normal = np.zeros((P, P, P, 8)), np.empty(3)
    A, B = np.empty((INNER, INNER)), np.empty((INNER, 8))
    layer_normal(e, fill_air(s, e), normal)
    edge_conductances(e, g)
    for a in range(8):
        psi[(a >> 2 & 1) * M, (a >> 1 & 1) * M, (a & 1) * M, a] = 1.0
    _edges(g, normal, psi)
    for axis in range(3):
        c = max(1.0 - normal[axis] ** 2, 0.0) ** (POLARISATION / 2)
        for side in range(2):
            _face(g, c, axis, side, psi, A, B)
    _inside(g, psi, A, B)
    for i in range(M):
        for j in range(M):
            for k in range(M):
                row = (i * M + j) * M + k
                for a in range(8):
                    x, y, z = 0.0, 0.0, 0.0
                    for p in range(2):
                        for q in range(2):
                            x += psi[i + 1, j + p, k + q, a] - psi[i, j + p, k + q, a]
                            y += psi[i + p, j + 1, k + q, a] - psi[i + p, j, k + q, a]
                            z += psi[i + p, j + q, k + 1, a] - psi[i + p, j + q, k, a]
                    G[row, 0, a], G[row, 1, a], G[row, 2, a] = x * M / 4, y * M / 4, z * M / 4

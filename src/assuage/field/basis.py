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
sphere (78/80/86/92 mm, skull 1:165, a CSF layer as thin as a voxel of 2 mm), vector error in the brain (up to 60 /
75 / 78 mm):

| POLARISATION | electrodes | coil |
|---|---|---|
| 0.3 | 0.9 / 1.7 / 2.7 % | 1.2 / 2.0 / 3.2 % |
| 0.5 | 1.0 / 1.7 / 2.4 % | 1.1 / 1.8 / 2.9 % |
| 0.75 | 1.3 / 1.9 / 2.2 % | 0.9 / 1.5 / 2.6 % |

Air counts nothing: its sub-voxels take the geometric mean conductivity of the tissue around while psi is found, and
are left out of every integral, which puts the insulating boundary at its true place.

| symbol | meaning |
|---|---|
| s | (M+2)^3 conductivity of the sub-voxels and of the layer around them, S/m |
| g | (3, P^3) mean of the four sub-voxels around each sub-edge, S/m |
| psi | (P^3, 8) basis functions at the sub-voxel corners |
| G | (8, 3, M^3) grad psi at the sub-voxel centres, per voxel edge |

Arrays over sub-voxel corners are flat: a step along axis c is a step of STRIDE[c].
"""

import numpy as np

from assuage.compile import njit
from assuage.field.subvoxel import M

P = M + 1
POLARISATION = 0.75
"""Exponent of the blend; see the table above."""
INNER = (M - 1) ** 3
STRIDE = (P * P, P, 1)
"""Steps along the three axes in a flat array over the sub-voxel corners."""


@njit(cache=True)
def block_conductivity(label, block, blocks, sigma, i, j, k, s):  # type: ignore[no-untyped-def]
    """Fill s (M+2, M+2, M+2) with the conductivity of a voxel's sub-voxels and the layer around them."""
    nx, ny, nz = label.shape
    for di in range(-1, 2):
        for dj in range(-1, 2):
            for dk in range(-1, 2):
                x, y, z = i + di, j + dj, k + dk
                outside = x < 0 or y < 0 or z < 0 or x >= nx or y >= ny or z >= nz
                n = -1 if outside else block[x, y, z]
                whole = 0.0 if outside else sigma[label[x, y, z]]
                for a in range(M if di == 0 else 1):
                    for b in range(M if dj == 0 else 1):
                        for c in range(M if dk == 0 else 1):
                            value = whole
                            if n >= 0:  # the near side of a neighbour, all of the voxel itself
                                value = sigma[
                                    blocks[n, M - 1 if di < 0 else a, M - 1 if dj < 0 else b, M - 1 if dk < 0 else c]
                                ]
                            s[
                                0 if di < 0 else 1 + di * M + a,
                                0 if dj < 0 else 1 + dj * M + b,
                                0 if dk < 0 else 1 + dk * M + c,
                            ] = value


@njit(cache=True)
def fill_air(s, e, normal):  # type: ignore[no-untyped-def]
    """Fill e with s, air replaced by the geometric mean of the rest.

    Also fill normal (3,), unit: direction in which ln e grows, by least squares; zero where there is none.
    """
    logs = np.empty((M + 2, M + 2, M + 2))
    total, count = 0.0, 0
    for i in range(M + 2):
        for j in range(M + 2):
            for k in range(M + 2):
                if s[i, j, k] > 0:
                    logs[i, j, k] = np.log(s[i, j, k])
                    total += logs[i, j, k]
                    count += 1
    mean = total / count
    fill = np.exp(mean)
    normal[:] = 0.0
    for i in range(M + 2):
        for j in range(M + 2):
            for k in range(M + 2):
                e[i, j, k] = s[i, j, k] if s[i, j, k] > 0 else fill
                value = logs[i, j, k] - mean if s[i, j, k] > 0 else 0.0
                normal[0] += (i - (M + 1) / 2) * value
                normal[1] += (j - (M + 1) / 2) * value
                normal[2] += (k - (M + 1) / 2) * value
    length = np.sqrt(normal[0] ** 2 + normal[1] ** 2 + normal[2] ** 2)
    if length > 1e-9:
        normal /= length
    else:
        normal[:] = 0.0


@njit(cache=True)
def edge_conductances(e, g):  # type: ignore[no-untyped-def]
    """Fill g (3, P^3): mean of the four sub-voxels around each sub-edge, indexed by its first sub-node."""
    for i in range(P):
        for j in range(P):
            for k in range(P):
                node = (i * P + j) * P + k
                if i < M:
                    g[0, node] = 0.25 * (
                        e[i + 1, j, k] + e[i + 1, j + 1, k] + e[i + 1, j, k + 1] + e[i + 1, j + 1, k + 1]
                    )
                if j < M:
                    g[1, node] = 0.25 * (
                        e[i, j + 1, k] + e[i + 1, j + 1, k] + e[i, j + 1, k + 1] + e[i + 1, j + 1, k + 1]
                    )
                if k < M:
                    g[2, node] = 0.25 * (
                        e[i, j, k + 1] + e[i + 1, j, k + 1] + e[i, j + 1, k + 1] + e[i + 1, j + 1, k + 1]
                    )


@njit(cache=True)
def solve_banded(A, B, band):  # type: ignore[no-untyped-def]
    """Solve the banded SPD system A X = B by Cholesky; A (n, n) lower part and B (n, m) are overwritten.

    The diagonal of the factor is stored as its reciprocal: products are cheaper than divisions.
    """
    n, m = B.shape
    for c in range(n):
        first = max(0, c - band)
        for r in range(c, min(n, c + band + 1)):
            total = A[r, c]
            for q in range(max(first, r - band), c):
                total -= A[r, q] * A[c, q]
            A[r, c] = 1.0 / np.sqrt(total) if r == c else total * A[c, c]
    for r in range(n):
        for q in range(max(0, r - band), r):
            for a in range(m):
                B[r, a] -= A[r, q] * B[q, a]
        for a in range(m):
            B[r, a] *= A[r, r]
    for r in range(n - 1, -1, -1):
        for q in range(r + 1, min(n, r + band + 1)):
            for a in range(m):
                B[r, a] -= A[q, r] * B[q, a]
        for a in range(m):
            B[r, a] *= A[r, r]


@njit(cache=True)
def _edges(g, normal, psi):  # type: ignore[no-untyped-def]
    """Fill psi on the twelve edges: the potential drops in proportion to the blended resistance."""
    for axis in range(3):
        step, u, v = STRIDE[axis], (axis + 1) % 3, (axis + 2) % 3
        c = abs(normal[axis]) ** POLARISATION
        for eu in range(2):
            for ev in range(2):
                first = M * (eu * STRIDE[u] + ev * STRIDE[v])
                start = eu * (4 >> u) + ev * (4 >> v)
                end = start + (4 >> axis)
                total = 0.0
                for t in range(M):
                    total += 1.0 / g[axis, first + t * step]
                drop = 0.0
                for t in range(1, M):
                    drop += c / g[axis, first + (t - 1) * step] / total + (1 - c) / M
                    psi[first + t * step, start] = 1.0 - drop
                    psi[first + t * step, end] = drop


@njit(cache=True)
def _face(g, c, axis, side, psi, A, B):  # type: ignore[no-untyped-def]
    """Fill psi of the four corners of a face on its inner sub-nodes from its edges, with blended resistivities."""
    u, v = (axis + 1) % 3, (axis + 2) % 3
    su, sv, origin = STRIDE[u], STRIDE[v], side * M * STRIDE[axis]
    mean = 0.0
    for p in range(P):
        for q in range(M):
            mean += 1.0 / g[u, origin + q * su + p * sv] + 1.0 / g[v, origin + p * su + q * sv]
    rest = (1 - c) * mean / (2 * P * M)
    A[:], B[:] = 0.0, 0.0
    for pu in range(1, M):
        for pv in range(1, M):
            row, node = (pu - 1) * (M - 1) + pv - 1, origin + pu * su + pv * sv
            for direction in range(4):
                along = u if direction < 2 else v
                step = su if direction < 2 else sv
                place = pu if direction < 2 else pv
                back = direction % 2 == 0
                conductance = 1.0 / (c / g[along, node - step if back else node] + rest)
                A[row, row] += conductance
                if place == (1 if back else M - 1):
                    other = node - step if back else node + step
                    for corner in range(4):
                        a = side * (4 >> axis) + (corner >> 1) * (4 >> u) + (corner & 1) * (4 >> v)
                        B[row, corner] += conductance * psi[other, a]
                elif back:
                    A[row, row - (M - 1 if direction < 2 else 1)] -= conductance
    solve_banded(A, B, M - 1)
    for pu in range(1, M):
        for pv in range(1, M):
            for corner in range(4):
                a = side * (4 >> axis) + (corner >> 1) * (4 >> u) + (corner & 1) * (4 >> v)
                psi[origin + pu * su + pv * sv, a] = B[(pu - 1) * (M - 1) + pv - 1, corner]


@njit(cache=True)
def _inside(g, psi, A, B):  # type: ignore[no-untyped-def]
    """Fill psi on the inner sub-nodes from the faces."""
    A[:], B[:] = 0.0, 0.0
    rows = ((M - 1) ** 2, M - 1, 1)
    for i in range(1, M):
        for j in range(1, M):
            for k in range(1, M):
                row, node = ((i - 1) * (M - 1) + j - 1) * (M - 1) + k - 1, (i * P + j) * P + k
                for axis in range(3):
                    place = i if axis == 0 else (j if axis == 1 else k)
                    step = STRIDE[axis]
                    behind, ahead = g[axis, node - step], g[axis, node]
                    A[row, row] += behind + ahead
                    if place > 1:
                        A[row, row - rows[axis]] -= behind
                    else:
                        for a in range(8):
                            B[row, a] += behind * psi[node - step, a]
                    if place == M - 1:
                        for a in range(8):
                            B[row, a] += ahead * psi[node + step, a]
    solve_banded(A, B, (M - 1) ** 2)
    for i in range(1, M):
        for j in range(1, M):
            for k in range(1, M):
                for a in range(8):
                    psi[(i * P + j) * P + k, a] = B[((i - 1) * (M - 1) + j - 1) * (M - 1) + k - 1, a]


@njit(cache=True)
def multiscale_gradients(s, G):  # type: ignore[no-untyped-def]
    """Fill G (8, 3, M^3) from the conductivities s (M+2, M+2, M+2) of a block, of which some must conduct."""
    e, g = np.empty((M + 2, M + 2, M + 2)), np.empty((3, P**3))
    psi, normal = np.zeros((P**3, 8)), np.empty(3)
    fill_air(s, e, normal)
    edge_conductances(e, g)
    for a in range(8):
        psi[M * ((a >> 2 & 1) * STRIDE[0] + (a >> 1 & 1) * STRIDE[1] + (a & 1) * STRIDE[2]), a] = 1.0
    _edges(g, normal, psi)
    A, B = np.empty(((M - 1) ** 2, (M - 1) ** 2)), np.empty(((M - 1) ** 2, 4))
    for axis in range(3):
        c = max(1.0 - normal[axis] ** 2, 0.0) ** (POLARISATION / 2)
        for side in range(2):
            _face(g, c, axis, side, psi, A, B)
    _inside(g, psi, np.empty((INNER, INNER)), np.empty((INNER, 8)))
    _corner_differences(psi, G)


@njit(cache=True)
def _corner_differences(psi, G):  # type: ignore[no-untyped-def]
    """Fill G (8, 3, M^3) with the mean differences of psi over the four sub-edges along each axis, per voxel edge."""
    value = np.empty(P**3)
    for a in range(8):
        for node in range(P**3):
            value[node] = psi[node, a] * M / 4
        for i in range(M):
            for j in range(M):
                row, node = (i * M + j) * M, (i * P + j) * P
                low, high = value[node : node + P], value[node + P : node + 2 * P]
                low_up, high_up = value[node + P * P : node + P * P + P], value[node + P * P + P : node + P * P + 2 * P]
                for k in range(M):
                    here, there = low[k] + low[k + 1], high[k] + high[k + 1]
                    here_up, there_up = low_up[k] + low_up[k + 1], high_up[k] + high_up[k + 1]
                    G[a, 0, row + k] = here_up + there_up - here - there
                    G[a, 1, row + k] = there + there_up - here - here_up
                    G[a, 2, row + k] = (
                        low[k + 1]
                        - low[k]
                        + high[k + 1]
                        - high[k]
                        + low_up[k + 1]
                        - low_up[k]
                        + high_up[k + 1]
                        - high_up[k]
                    )

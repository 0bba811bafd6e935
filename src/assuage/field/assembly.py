"""Loops over the elements of the grid: currents that a coil drives, fields from potentials, and the adjoint of both.

In each element the coil enters through voltages: with A = dA/dt known at the corners and d_i the corner's place
relative to the centre, p_i = (A_i + mean A) . d_i / 2 is the path integral of A from the centre to corner i, and W =
curl A its mean curl. Then

    K phi = -sum_e (K_e p_e + T_e W_e),        E = -R_e (phi_e + p_e) - (W_e x D_e) / 2.

The part of A that is a gradient is cancelled exactly by phi = -p whatever the basis functions; the rest, to first order
the rotation (W x d) / 2, drives current in voxels whose tissue lies off their centre (T = 0, D = 0 in voxels of one
tissue). The adjoint uses the same p and W, so reciprocity holds to rounding.
"""

import numpy as np

from assuage.compile import njit, prange
from assuage.field.elements import CORNERS, MEAN_GRADIENT, PAIRS, TRILINEAR


@njit(cache=True)
def element_voltages(A, i, j, k, h, p, W):  # type: ignore[no-untyped-def]
    """Fill p (8,) and W (3,) of element (i, j, k) from A (3, padded nodes)."""
    mean = np.zeros(3)
    W[:] = 0.0
    for a in range(8):
        x, y, z = i + 1 + CORNERS[a, 0], j + 1 + CORNERS[a, 1], k + 1 + CORNERS[a, 2]
        for c in range(3):
            value = A[c, x, y, z]
            mean[c] += 0.125 * value
            u, v = (c + 1) % 3, (c + 2) % 3  # d_u A_c enters W_v with minus, d_v A_c enters W_u with plus
            W[v] -= MEAN_GRADIENT[u, a] / h * value
            W[u] += MEAN_GRADIENT[v, a] / h * value
    for a in range(8):
        x, y, z = i + 1 + CORNERS[a, 0], j + 1 + CORNERS[a, 1], k + 1 + CORNERS[a, 2]
        total = 0.0
        for c in range(3):
            total += (A[c, x, y, z] + mean[c]) * (CORNERS[a, c] - 0.5)
        p[a] = 0.5 * h * total


@njit(cache=True)
def spread_voltages(q, w, i, j, k, h, J):  # type: ignore[no-untyped-def]
    """Add to J (3, padded nodes) what pairs with A as q (8,) pairs with p and w (3,) with W."""
    for c in range(3):
        mean = 0.0
        for a in range(8):
            mean += q[a] * (CORNERS[a, c] - 0.5)
        u, v = (c + 1) % 3, (c + 2) % 3
        for a in range(8):
            J[c, i + 1 + CORNERS[a, 0], j + 1 + CORNERS[a, 1], k + 1 + CORNERS[a, 2]] += (
                0.5 * h * (q[a] * (CORNERS[a, c] - 0.5) + 0.125 * mean)
                + (w[u] * MEAN_GRADIENT[v, a] - w[v] * MEAN_GRADIENT[u, a]) / h
            )


@njit(cache=True)
def element_times(kind, K, unit, i, j, k, x, y):  # type: ignore[no-untyped-def]
    """Fill y (8,) = K_e x."""
    n = kind[i, j, k]
    y[:] = 0.0
    scale = 1.0 if n >= 0 else unit[-n - 1]
    for p in range(28):
        a, b = PAIRS[p, 0], PAIRS[p, 1]
        flow = scale * (K[n, p] if n >= 0 else TRILINEAR[p]) * (x[b] - x[a])
        y[a] += flow
        y[b] -= flow


@njit(cache=True, parallel=True)
def coil_currents(kind, K, T, unit, h, A, b):  # type: ignore[no-untyped-def]
    """Add the nodal currents that dA/dt drives, A, to b (padded nodes)."""
    nx, ny, nz = kind.shape
    for parity in range(2):
        for half in prange((nx - parity + 1) // 2):
            i = 2 * half + parity
            p, y, W = np.empty(8), np.empty(8), np.empty(3)
            for j in range(ny):
                for k in range(nz):
                    n = kind[i, j, k]
                    if n == -1:
                        continue
                    element_voltages(A, i, j, k, h, p, W)
                    element_times(kind, K, unit, i, j, k, p, y)
                    for a in range(8):
                        if n >= 0:
                            y[a] += T[n, a, 0] * W[0] + T[n, a, 1] * W[1] + T[n, a, 2] * W[2]
                        b[i + 1 + CORNERS[a, 0], j + 1 + CORNERS[a, 1], k + 1 + CORNERS[a, 2]] -= y[a]


@njit(cache=True)
def _add_field(R, D, u, W, weight, E):  # type: ignore[no-untyped-def]
    """Add weight * (-R u - (W x D) / 2) to E (3,)."""
    for c in range(3):
        total = 0.0
        for a in range(8):
            total += R[c, a] * u[a]
        m, n = (c + 1) % 3, (c + 2) % 3
        E[c] -= weight * (total + 0.5 * (W[m] * D[n] - W[n] * D[m]))


@njit(cache=True)
def _voltages(phi, A, magnetic, i, j, k, h, u, W):  # type: ignore[no-untyped-def]
    """Fill u (8,) = phi + p and W (3,) of an element."""
    if magnetic:
        element_voltages(A, i, j, k, h, u, W)
    else:
        u[:] = 0.0
        W[:] = 0.0
    for a in range(8):
        u[a] += phi[i + 1 + CORNERS[a, 0], j + 1 + CORNERS[a, 1], k + 1 + CORNERS[a, 2]]


@njit(cache=True, parallel=True)
def field_map(kind, R, D, label, h, phi, A, magnetic, out):  # type: ignore[no-untyped-def]
    """Fill out (nx, ny, nz, 3) with E along the grid axes, V/m; zero in air. A is read only if magnetic."""
    nx, ny, nz = kind.shape
    for i in prange(nx):
        u, W, E = np.empty(8), np.empty(3), np.empty(3)
        whole, centre = MEAN_GRADIENT / h, np.zeros(3)
        for j in range(ny):
            for k in range(nz):
                n = kind[i, j, k]
                E[:] = 0.0
                if n != -1 and label[i, j, k] != 0:
                    _voltages(phi, A, magnetic, i, j, k, h, u, W)
                    if n >= 0:
                        _add_field(R[n], D[n], u, W, 1.0, E)
                    else:
                        _add_field(whole, centre, u, W, 1.0, E)
                for c in range(3):
                    out[i, j, k, c] = E[c]


@njit(cache=True)
def read_elements(where, R, D, weights, h, phi, A, magnetic):  # type: ignore[no-untyped-def]
    """Return the sum of weights * E over listed elements, (3,) along the grid axes; R (n, 3, 8), D (n, 3)."""
    E, u, W = np.zeros(3), np.empty(8), np.empty(3)
    for n in range(where.shape[0]):
        _voltages(phi, A, magnetic, where[n, 0], where[n, 1], where[n, 2], h, u, W)
        _add_field(R[n], D[n], u, W, weights[n], E)
    return E


@njit(cache=True)
def read_out_vectors(where, R, weights, r):  # type: ignore[no-untyped-def]
    """Add to r (3, padded nodes) the vectors of the read-out of phi: sum of weights * E = -r . phi."""
    for n in range(where.shape[0]):
        for a in range(8):
            x = where[n, 0] + 1 + CORNERS[a, 0]
            y = where[n, 1] + 1 + CORNERS[a, 1]
            z = where[n, 2] + 1 + CORNERS[a, 2]
            for c in range(3):
                r[c, x, y, z] += weights[n] * R[n, c, a]


@njit(cache=True, parallel=True)
def reciprocal_moments(kind, K, T, unit, h, lam, J):  # type: ignore[no-untyped-def]
    """Add the flow of lam (3, padded nodes) to J (3, 3, padded nodes): read-out = sum over nodes of A . J."""
    nx, ny, nz = kind.shape
    for parity in range(2):
        for half in prange((nx - parity + 1) // 2):
            i = 2 * half + parity
            x, q, w = np.empty(8), np.empty(8), np.empty(3)
            for j in range(ny):
                for k in range(nz):
                    n = kind[i, j, k]
                    if n == -1:
                        continue
                    for c in range(3):
                        w[:] = 0.0
                        for a in range(8):
                            x[a] = lam[c, i + 1 + CORNERS[a, 0], j + 1 + CORNERS[a, 1], k + 1 + CORNERS[a, 2]]
                            if n >= 0:
                                for d in range(3):
                                    w[d] += T[n, a, d] * x[a]
                        element_times(kind, K, unit, i, j, k, x, q)
                        spread_voltages(q, w, i, j, k, h, J[c])


@njit(cache=True)
def read_out_moments(where, R, D, weights, h, J):  # type: ignore[no-untyped-def]
    """Add the direct part of the read-out, that of p and W, to J (3, 3, padded nodes)."""
    q, w = np.empty(8), np.empty(3)
    for n in range(where.shape[0]):
        for c in range(3):
            for a in range(8):
                q[a] = -weights[n] * R[n, c, a]
            w[:] = 0.0
            u, v = (c + 1) % 3, (c + 2) % 3
            w[u] = -0.5 * weights[n] * D[n, v]
            w[v] = 0.5 * weights[n] * D[n, u]
            spread_voltages(q, w, where[n, 0], where[n, 1], where[n, 2], h, J[c])

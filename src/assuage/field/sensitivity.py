"""First-order sensitivity of a read-out to the conductivity of each tissue, from adjoint and forward potentials.

    dE_d / d sigma_t = lam_d . (dK / d sigma_t (phi + p) + dT / d sigma_t W)

summed over elements. Uniform elements have dK / d sigma = K / sigma; cut elements integrate the sub-voxels of the
tissue with the basis functions held. A tissue with tensors is scaled as a whole: sigma_t is its nominal conductivity.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from assuage.compile import njit, prange
from assuage.field.assembly import element_voltages
from assuage.field.basis import block_conductivity, multiscale_gradients
from assuage.field.elements import CORNERS, PAIRS, TRILINEAR, curl_drive, flow, stiffness
from assuage.field.subvoxel import M

if TYPE_CHECKING:
    from assuage.field.conductor import Conductor, Field

Array = NDArray[np.float64]
Array32 = NDArray[np.float32]

NO_COIL = np.zeros((1, 3, 1, 1, 1), np.float32)
"""Stands for dA/dt where no field has one."""
TOGETHER = 8
"""Fields that share one pass over the elements, whose basis functions cost more than the fields."""


def sensitivities(conductor: "Conductor", adjoint_V: Array, fields: Sequence["Field"]) -> Array:
    """Return d mean E / d sigma, (nfields, 3, ntissues), V/m per S/m in world axes.

    Parameters
    ----------
    conductor
        Common to all.
    adjoint_V
        (3, *padded nodes).
    fields
        Forward fields of the sources.
    """
    parts = [np.zeros((0, len(adjoint_V), len(conductor.tissue.tissues) - 1))]
    for start in range(0, len(fields), TOGETHER):
        some = fields[start : start + TOGETHER]
        phi = np.stack([field.phi_V for field in some]).astype(np.float32)
        coils = [field.coil_part()[0] if field.coil_part()[1] else None for field in some]
        slot = np.array([-1 if A is None else sum(B is not None for B in coils[:k]) for k, A in enumerate(coils)])
        driven = [A for A in coils if A is not None]
        parts.append(_products(conductor, adjoint_V, phi, np.stack(driven) if driven else NO_COIL, slot))
    return np.concatenate(parts)


def potential_sensitivity(conductor: "Conductor", adjoint_V: Array, phi_V: Array) -> Array:
    """Return adjoint . (dK / d sigma) phi for each tissue, (ntissues,), of two potentials (*padded nodes)."""
    phi = phi_V[None].astype(np.float32)
    return np.asarray(_products(conductor, adjoint_V[None], phi, NO_COIL, np.full(1, -1))[0, 0])


def _products(conductor: "Conductor", adjoint_V: Array, phi: Array32, A: Array32, slot: NDArray[np.int64]) -> Array:
    """Return the products (nfields, nadjoints, ntissues) of adjoints with the fields of phi and A[slot]."""
    tissue = conductor.tissue
    geometry = (tissue.label, tissue.block, tissue.blocks, conductor.sigma_S_per_m, conductor.grid.voxel_m)
    tensors = (conductor.tensors.slot, conductor.tensors.values)
    partial = np.zeros((conductor.grid.shape[0], len(phi), len(adjoint_V), len(tissue.tissues)))
    _accumulate(conductor.kind, *geometry, *tensors, adjoint_V, phi, A, slot, partial)
    return np.asarray(partial.sum(0)[:, :, 1:])


@njit(cache=True, parallel=True)
def _accumulate(kind, label, block, blocks, sigma, h, slot_of, tensors, lam, phi, A, slot, partial):  # type: ignore[no-untyped-def]
    """Add each x-slab of elements to partial (nx, nfields, nadjoints, ntissues); A[slot[f]] drives field f."""
    nx, ny, nz = kind.shape
    for i in prange(nx):
        u, W, lam8 = np.empty((phi.shape[0], 8)), np.empty((phi.shape[0], 3)), np.empty((lam.shape[0], 8))
        s, own = np.empty((M + 2, M + 2, M + 2)), np.empty((M + 2, M + 2, M + 2))
        G, F = np.empty((8, 3, M**3)), np.empty((8, 3, M**3))
        K, T = np.empty(28), np.empty((8, 3))
        for j in range(ny):
            for k in range(nz):
                n = kind[i, j, k]
                if n == -1:
                    continue
                _gather(lam, phi, A, slot, i, j, k, h, u, W, lam8)
                if n < 0:
                    for p in range(28):
                        K[p] = h * TRILINEAR[p]
                    T[:] = 0.0
                    _add_products(K, T, u, W, lam8, -n - 1, partial[i])
                    continue
                block_conductivity(label, block, blocks, sigma, i, j, k, s)
                multiscale_gradients(s, G)
                for t in range(1, sigma.shape[0]):
                    if _share(blocks[n], t, own):
                        flow(own, G, blocks[n], slot_of, tensors[:, n], 1.0 / sigma[t], F)
                        stiffness(F, G, h, K)
                        curl_drive(F, h, T)
                        _add_products(K, T, u, W, lam8, t, partial[i])


@njit(cache=True)
def _gather(lam, phi, A, slot, i, j, k, h, u, W, lam8):  # type: ignore[no-untyped-def]
    """Fill u (nfields, 8) = phi + p, W (nfields, 3) and lam8 (nadjoints, 8) of an element."""
    u[:] = 0.0
    W[:] = 0.0
    for f in range(phi.shape[0]):
        if slot[f] >= 0:
            element_voltages(A[slot[f]], i, j, k, h, u[f], W[f])
    for a in range(8):
        x, y, z = i + 1 + CORNERS[a, 0], j + 1 + CORNERS[a, 1], k + 1 + CORNERS[a, 2]
        for f in range(phi.shape[0]):
            u[f, a] += phi[f, x, y, z]
        for d in range(lam.shape[0]):
            lam8[d, a] = lam[d, x, y, z]


@njit(cache=True)
def _add_products(K, T, u, W, lam8, t, partial):  # type: ignore[no-untyped-def]
    """Add lam . (K u + T W) to partial (nfields, nadjoints, ntissues) at tissue t."""
    y = np.empty(8)
    for f in range(u.shape[0]):
        _times(K, T, u[f], W[f], y)
        for d in range(lam8.shape[0]):
            for a in range(8):
                partial[f, d, t] += lam8[d, a] * y[a]


@njit(cache=True)
def _share(tissues, t, own):  # type: ignore[no-untyped-def]
    """Fill own (M+2, M+2, M+2) with 1 where a sub-voxel is of tissue t; say whether any is."""
    own[:] = 0.0
    found = False
    for i in range(M):
        for j in range(M):
            for k in range(M):
                if tissues[i, j, k] == t:
                    own[i + 1, j + 1, k + 1] = 1.0
                    found = True
    return found


@njit(cache=True)
def _times(K, T, u, W, y):  # type: ignore[no-untyped-def]
    """Fill y (8,) = K u + T W for off-diagonal entries K (28,)."""
    for a in range(8):
        y[a] = T[a, 0] * W[0] + T[a, 1] * W[1] + T[a, 2] * W[2]
    for p in range(28):
        a, b = PAIRS[p, 0], PAIRS[p, 1]
        flow = K[p] * (u[b] - u[a])
        y[a] += flow
        y[b] -= flow

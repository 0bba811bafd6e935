"""Voxel operations shared by the build steps: smoothing, components, distances, total-variation cuts.

A two-region cut minimises ``sum g |grad u| - sum r u`` over ``0 <= u <= 1`` (Chan, Esedoglu & Nikolova 2006,
doi:10.1137/040615286) with the primal-dual iteration of Chambolle & Pock 2011 (doi:10.1007/s10851-010-0251-1).
Its result is a smooth, nearly binary surface: ``r > 0`` where the evidence says inside.
"""

import numpy as np
from numba import njit
from scipy import ndimage as ndi

from assuage.segmentation.morphology import closed, dilate, distance_to, erode, gauss, largest, opened
from assuage.segmentation.morphology import filled as fill
from assuage.segmentation.morphology import without_small as drop_small

__all__ = [
    "ball", "closed", "dilate", "distance_to", "drop_small", "erode", "fill", "gauss", "largest", "opened",
    "signed_distance", "smooth_cut",
]  # fmt: skip


def ball(radius):
    """Boolean ball of a radius in voxels."""
    n = int(np.ceil(radius))
    x, y, z = np.mgrid[-n : n + 1, -n : n + 1, -n : n + 1]
    return x * x + y * y + z * z <= radius * radius + 1e-6


def signed_distance(mask):
    """Signed distance in voxels, negative inside, zero on the voxel faces between in and out."""
    return (ndi.distance_transform_edt(~mask) - ndi.distance_transform_edt(mask)).astype(np.float32) + np.where(
        mask, np.float32(0.5), np.float32(-0.5)
    )


@njit(cache=True)
def _ascend(ubar, p0, p1, p2, weight, sigma):
    nx, ny, nz = ubar.shape
    for i in range(nx):
        for j in range(ny):
            for k in range(nz):
                a = p0[i, j, k] + sigma * (ubar[i + 1, j, k] - ubar[i, j, k] if i + 1 < nx else 0.0)
                b = p1[i, j, k] + sigma * (ubar[i, j + 1, k] - ubar[i, j, k] if j + 1 < ny else 0.0)
                c = p2[i, j, k] + sigma * (ubar[i, j, k + 1] - ubar[i, j, k] if k + 1 < nz else 0.0)
                norm = max(1.0, np.sqrt(a * a + b * b + c * c) / weight)
                p0[i, j, k], p1[i, j, k], p2[i, j, k] = a / norm, b / norm, c / norm


@njit(cache=True)
def _descend(u, ubar, p0, p1, p2, r, tau):
    nx, ny, nz = u.shape
    for i in range(nx):
        for j in range(ny):
            for k in range(nz):
                div = p0[i, j, k] + p1[i, j, k] + p2[i, j, k]
                if i > 0:
                    div -= p0[i - 1, j, k]
                if j > 0:
                    div -= p1[i, j - 1, k]
                if k > 0:
                    div -= p2[i, j, k - 1]
                old = u[i, j, k]
                new = min(1.0, max(0.0, old + tau * (div + r[i, j, k])))
                u[i, j, k] = new
                ubar[i, j, k] = 2.0 * new - old


def smooth_cut(evidence, *, weight, iterations=120):
    """Two-region minimal-surface cut.

    Parameters
    ----------
    evidence : array
        ``r``: positive inside, negative outside, of order one.
    weight : float
        Weight of the surface area against the evidence (voxels).
    iterations : int
        Primal-dual iterations.

    Returns
    -------
    array of float32
        ``u`` in 0..1; cut at 0.5.
    """
    active = np.argwhere(np.abs(evidence) < 5.0)
    lo, hi = np.maximum(active.min(0) - 2, 0), active.max(0) + 3
    box = tuple(slice(a, b) for a, b in zip(lo, hi, strict=True))
    r = np.ascontiguousarray(evidence[box], np.float32)
    u = (r > 0).astype(np.float32)
    ubar = u.copy()
    dual = [np.zeros_like(u) for _ in range(3)]
    step = np.float32(0.28)
    for _ in range(iterations):
        _ascend(ubar, *dual, np.float32(weight), step)
        _descend(u, ubar, *dual, r, step)
    result = (evidence > 0).astype(np.float32)
    result[box] = u
    return result

"""Field recovery per tissue: a straight line through the neighbours of the same tissue.

The field of a cut voxel is that of a few sub-voxels, and near an interface neighbouring elements err alternately.
Within a tissue the field is smooth, so around every cut voxel the field of each voxel is replaced by the value at its
centre of the linear function that fits the 125 voxels around it best, those of its own tissue only; cut voxels weigh
CUT_WEIGHT. Voxels with too few neighbours of their tissue keep their value. Means over a target do not pass through
here. (Patch recovery after Zienkiewicz & Zhu 1992, 10.1002/nme.1620330702, kept within one tissue.)
"""

import numpy as np

from assuage.compile import njit, prange

CUT_WEIGHT = 0.1
"""Weight of a cut voxel against one inside the tissue: its error is about twice as large."""
REACH = 2
"""Voxels on each side of the patch."""
LEAST_WEIGHT = 2.0
"""A patch lighter than this (four parameters are not to be had from two voxels) keeps the raw value."""
RIDGE = 0.02
"""Added to the patch's second moments: keeps thin sheets, which say nothing of the slope across, from extrapolating."""
PART = 256
"""Listed voxels that one thread takes at a time."""


@njit(cache=True, parallel=True)
def recover(cut, label, raw, out):  # type: ignore[no-untyped-def]
    """Fill out (nx, ny, nz, 3) with the recovered field of raw (nx, ny, nz, 3); cut marks the cut voxels."""
    nx, ny, nz = label.shape
    for i in prange(nx):
        S, v = np.empty((4, 4)), np.empty((4, 3))
        for j in range(ny):
            for k in range(nz):
                _fit(cut, label, raw, i, j, k, S, v, out[i, j, k])


@njit(cache=True, parallel=True)
def recover_at(cut, label, raw, where, out):  # type: ignore[no-untyped-def]
    """Fill out (n, c) at the voxels where (n, 3) only; raw (nx, ny, nz, c) holds several fields side by side."""
    for part in prange((len(where) + PART - 1) // PART):
        S, v = np.empty((4, 4)), np.empty((4, raw.shape[3]))
        for n in range(part * PART, min((part + 1) * PART, len(where))):
            _fit(cut, label, raw, where[n, 0], where[n, 1], where[n, 2], S, v, out[n])


@njit(cache=True)
def _fit(cut, label, raw, i, j, k, S, v, out):  # type: ignore[no-untyped-def]
    """Fill out (c,) with the recovered values of a voxel; S (4, 4) and v (4, c) are scratch."""
    out[:] = raw[i, j, k]
    if label[i, j, k] == 0 or not _near_cut(cut, i, j, k):
        return
    if _moments(cut, label, raw, i, j, k, S, v) < LEAST_WEIGHT:
        return
    for d in range(1, 4):
        S[d, d] += RIDGE * S[0, 0]
    _eliminate(S, v)
    for c in range(len(out)):
        out[c] = v[0, c] / S[0, 0]


@njit(cache=True)
def _near_cut(cut, i, j, k):  # type: ignore[no-untyped-def]
    for x in range(max(i - 1, 0), min(i + 2, cut.shape[0])):
        for y in range(max(j - 1, 0), min(j + 2, cut.shape[1])):
            for z in range(max(k - 1, 0), min(k + 2, cut.shape[2])):
                if cut[x, y, z]:
                    return True
    return False


@njit(cache=True)
def _eliminate(S, v):  # type: ignore[no-untyped-def]
    """Eliminate all but the first unknown of the positive definite system S x = v, from the last upwards, in place."""
    for d in range(3, 0, -1):
        for a in range(d):
            factor = S[a, d] / S[d, d]
            for b in range(d):
                S[a, b] -= factor * S[d, b]
            for c in range(v.shape[1]):
                v[a, c] -= factor * v[d, c]


@njit(cache=True)
def _moments(cut, label, raw, i, j, k, S, v):  # type: ignore[no-untyped-def]
    """Fill the normal equations S (4, 4), v (4, c) of a linear fit around a voxel; return the patch's weight."""
    S[:] = 0.0
    v[:] = 0.0
    p = np.empty(4)
    total = 0.0
    for x in range(max(i - REACH, 0), min(i + REACH + 1, label.shape[0])):
        for y in range(max(j - REACH, 0), min(j + REACH + 1, label.shape[1])):
            for z in range(max(k - REACH, 0), min(k + REACH + 1, label.shape[2])):
                if label[x, y, z] != label[i, j, k]:
                    continue
                weight = CUT_WEIGHT if cut[x, y, z] else 1.0
                p[0], p[1], p[2], p[3] = 1.0, x - i, y - j, z - k
                total += weight
                for a in range(4):
                    for b in range(4):
                        S[a, b] += weight * p[a] * p[b]
                    for c in range(v.shape[1]):
                        v[a, c] += weight * p[a] * raw[x, y, z, c]
    return total

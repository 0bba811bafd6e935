"""Nearest point on a triangle, compiled. The kernels neither validate nor allocate more than their results.

The seven regions of the plane of a triangle (three corners, three edges, the inside) follow Ericson 2005, Real-Time
Collision Detection, section 5.1.5.
"""

import numpy as np
from numpy.typing import NDArray

from assuage.compile import njit

Float = NDArray[np.float64]
Int = NDArray[np.int64]


@njit(cache=True, inline="always")  # type: ignore[untyped-decorator]
def _dot(x0: float, y0: float, z0: float, x1: float, y1: float, z1: float) -> float:
    return x0 * x1 + y0 * y1 + z0 * z1


@njit(cache=True)  # type: ignore[untyped-decorator]
def _closest_weights(p: Float, a: Float, b: Float, c: Float) -> tuple[float, float, float]:  # noqa: PLR0911 seven regions
    """Return barycentric weights of the point of triangle abc nearest to p."""
    abx, aby, abz = b[0] - a[0], b[1] - a[1], b[2] - a[2]
    acx, acy, acz = c[0] - a[0], c[1] - a[1], c[2] - a[2]
    apx, apy, apz = p[0] - a[0], p[1] - a[1], p[2] - a[2]
    d1, d2 = _dot(abx, aby, abz, apx, apy, apz), _dot(acx, acy, acz, apx, apy, apz)
    if d1 <= 0.0 and d2 <= 0.0:
        return 1.0, 0.0, 0.0
    bpx, bpy, bpz = p[0] - b[0], p[1] - b[1], p[2] - b[2]
    d3, d4 = _dot(abx, aby, abz, bpx, bpy, bpz), _dot(acx, acy, acz, bpx, bpy, bpz)
    if d3 >= 0.0 and d4 <= d3:
        return 0.0, 1.0, 0.0
    vc = d1 * d4 - d3 * d2
    if vc <= 0.0 and d1 >= 0.0 and d3 <= 0.0:
        t = d1 / (d1 - d3)
        return 1.0 - t, t, 0.0
    cpx, cpy, cpz = p[0] - c[0], p[1] - c[1], p[2] - c[2]
    d5, d6 = _dot(abx, aby, abz, cpx, cpy, cpz), _dot(acx, acy, acz, cpx, cpy, cpz)
    if d6 >= 0.0 and d5 <= d6:
        return 0.0, 0.0, 1.0
    vb = d5 * d2 - d1 * d6
    if vb <= 0.0 and d2 >= 0.0 and d6 <= 0.0:
        t = d2 / (d2 - d6)
        return 1.0 - t, 0.0, t
    va = d3 * d6 - d5 * d4
    if va <= 0.0 and d4 - d3 >= 0.0 and d5 - d6 >= 0.0:
        t = (d4 - d3) / ((d4 - d3) + (d5 - d6))
        return 0.0, 1.0 - t, t
    total = va + vb + vc
    if total <= 0.0:
        return 1.0, 0.0, 0.0
    return va / total, vb / total, vc / total


@njit(cache=True)  # type: ignore[untyped-decorator]
def nearest_on_candidates(points: Float, vertices: Float, triangles: Int, candidates: Int) -> tuple[Int, Float, Float]:
    """Return per point the nearest of its candidate triangles, the barycentric weights of the foot, and the distance.

    Parameters
    ----------
    points
        (n, 3).
    vertices, triangles
        (v, 3) and (t, 3).
    candidates
        (n, k) triangle numbers; a number >= t is skipped.
    """
    n = len(points)
    best = np.zeros(n, dtype=np.int64)
    weights = np.zeros((n, 3))
    distance = np.full(n, np.inf)
    for i in range(n):
        p = points[i]
        for t in candidates[i]:
            if t >= len(triangles):
                continue
            a, b, c = vertices[triangles[t, 0]], vertices[triangles[t, 1]], vertices[triangles[t, 2]]
            u, v, w = _closest_weights(p, a, b, c)
            gap = 0.0
            for axis in range(3):
                gap += (p[axis] - u * a[axis] - v * b[axis] - w * c[axis]) ** 2
            gap = np.sqrt(gap)
            if gap < distance[i]:
                distance[i] = gap
                best[i] = t
                weights[i, 0], weights[i, 1], weights[i, 2] = u, v, w
    return best, weights, distance

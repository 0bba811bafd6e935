"""Fields of magnetic dipoles in free space, by direct sum.

    A(r) = mu0/4pi  sum_k  m_k x d_k / |d_k|^3                             d_k = r - r_k
    B(r) = mu0/4pi  sum_k (3 (m_k . d_k) d_k / |d_k|^5 - m_k / |d_k|^3)

| symbol | meaning | unit |
|---|---|---|
| r | point | mm |
| r_k | position of dipole k | mm |
| m_k | its moment; per 1 A of coil current: m^2; a moment rate (A m^2/s) gives dA/dt instead of A | A m^2 |
| A | magnetic vector potential (Coulomb gauge) | T m |
| B | magnetic flux density | T |

The kernels neither validate nor guard: a point on a dipole gives infinity. Callers keep the coil outside the head.
Single-precision points select the single-precision kernel (relative error about 1e-6, twice as fast).
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from assuage.compile import njit, prange
from assuage.constants import MU_0_OVER_4_PI_T_M_PER_A
from assuage.units import MM_PER_M

Floats = NDArray[np.floating[Any]]

A_FACTOR = MU_0_OVER_4_PI_T_M_PER_A * MM_PER_M**2
"""mu0/4pi with distances in mm: A falls as the inverse square."""
B_FACTOR = MU_0_OVER_4_PI_T_M_PER_A * MM_PER_M**3


def vector_potential_T_m(points_mm: Floats, positions_mm: Floats, moments: Floats) -> Floats:
    """Return the vector potential of magnetic dipoles.

    Parameters
    ----------
    points_mm
        (n, 3). float32 points are summed in single precision.
    positions_mm, moments
        (k, 3) dipole positions in mm and moments in A m^2 (or A m^2 per A, or A m^2/s).

    Returns
    -------
    (n, 3) in T m (or T m per A, or V/m = T m/s), in the precision of the points.
    """
    points, dipoles = _columns(points_mm, positions_mm, moments, A_FACTOR)
    out = np.empty_like(points)
    _sum_vector_potential(points, dipoles, points.dtype.type(0), points.dtype.type(1), out)
    return out


def magnetic_field_T(points_mm: Floats, positions_mm: Floats, moments: Floats) -> Floats:
    """Return the flux density of magnetic dipoles; arguments as `vector_potential_T_m`, result (n, 3) in T."""
    points, dipoles = _columns(points_mm, positions_mm, moments, B_FACTOR)
    out = np.empty_like(points)
    _sum_magnetic_field(points, dipoles, points.dtype.type(0), points.dtype.type(1), out)
    return out


def _columns(points_mm: Floats, positions_mm: Floats, moments: Floats, factor: float) -> tuple[Floats, Floats]:
    """Return contiguous points and the dipoles as rows x y z mx my mz (scaled), (6, k), in one precision.

    The kernels take zero and one as arguments of that precision: a literal would promote float32 to float64.
    """
    dtype: Any = np.float32 if np.asarray(points_mm).dtype == np.float32 else np.float64
    points = np.ascontiguousarray(points_mm, dtype=dtype)
    rows = np.vstack([np.asarray(positions_mm, dtype=np.float64).T, np.asarray(moments, dtype=np.float64).T * factor])
    return points, np.ascontiguousarray(rows, dtype=dtype)


@njit(cache=True, parallel=True, fastmath=True)
def _sum_vector_potential(points, dipoles, zero, one, out):  # type: ignore[no-untyped-def]
    px, py, pz, mx, my, mz = dipoles[0], dipoles[1], dipoles[2], dipoles[3], dipoles[4], dipoles[5]
    for n in prange(points.shape[0]):
        x, y, z = points[n, 0], points[n, 1], points[n, 2]
        ax, ay, az = zero, zero, zero
        for k in range(px.shape[0]):
            dx, dy, dz = x - px[k], y - py[k], z - pz[k]
            square = dx * dx + dy * dy + dz * dz
            weight = one / (square * np.sqrt(square))
            ax += weight * (my[k] * dz - mz[k] * dy)
            ay += weight * (mz[k] * dx - mx[k] * dz)
            az += weight * (mx[k] * dy - my[k] * dx)
        out[n, 0], out[n, 1], out[n, 2] = ax, ay, az


@njit(cache=True, parallel=True, fastmath=True)
def _sum_magnetic_field(points, dipoles, zero, one, out):  # type: ignore[no-untyped-def]
    px, py, pz, mx, my, mz = dipoles[0], dipoles[1], dipoles[2], dipoles[3], dipoles[4], dipoles[5]
    for n in prange(points.shape[0]):
        x, y, z = points[n, 0], points[n, 1], points[n, 2]
        bx, by, bz = zero, zero, zero
        for k in range(px.shape[0]):
            dx, dy, dz = x - px[k], y - py[k], z - pz[k]
            square = dx * dx + dy * dy + dz * dz
            weight = one / (square * np.sqrt(square))
            along = (mx[k] * dx + my[k] * dy + mz[k] * dz) / square
            along = along + along + along
            bx += weight * (along * dx - mx[k])
            by += weight * (along * dy - my[k])
            bz += weight * (along * dz - mz[k])
        out[n, 0], out[n, 1], out[n, 2] = bx, by, bz

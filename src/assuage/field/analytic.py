"""Exact fields in spheres, the yardstick of the solver: electrodes on nested shells, magnetic dipoles outside.

**Electrodes on N nested shells** (potential theory; three shells: Rush & Driscoll 1968,
Anesth Analg 47:717-723). In shell i, between radii r_{i-1} and r_i, with conductivity sigma_i, degree l of the
potential is

    phi_l(r) = a_i ( (r/r_i)^l + beta_i t_i^l (r_{i-1}/r)^{l+1} ),        t_i = r_{i-1} / r_i

and s = sigma r phi'/phi, like phi itself, is continuous. From the centre (s = l sigma_1, beta_1 = 0) outwards

    beta_i = (l sigma_i - s) / ((l+1) sigma_i + s)                     s at r_{i-1}
    s      = sigma_i (l - (l+1) beta_i t_i^(2l+1)) / (1 + beta_i t_i^(2l+1))   at r_i

Every quantity is bounded, so no degree overflows. At the skin, current I_k through a cap of half-angle alpha_k about
e_k:

    sigma_N phi'_l(R) = sum_k I_k/(4 pi R^2) c_l(alpha_k) P_l(cos gamma_k)
    c_l(alpha) = 2l+1 (point) or (P_{l-1}(cos alpha) - P_{l+1}(cos alpha)) / (1 - cos alpha)   (cap mean of P_l)

and a_i follows inwards from continuity of phi. E = -grad phi.

**Magnetic dipole outside** any conductor whose conductivity depends on r only (Sarvas 1987, Phys Med Biol 32:11-22, by
reciprocity; Heller & van Hulsteyn 1992, Biophys J 63:129-138). For dipole rate m' at r_k and the point r, a = r_k - r:

    F = |a| (|r_k| |a| + r_k^2 - r . r_k)
    grad F = (a^2/|r_k| + a.r_k/|a| + 2|a| + 2|r_k|) r_k - (|a| + 2|r_k| + a.r_k/|a|) r
    E(r) = -mu0/4pi sum_k ( F r x m' - (grad F . m') r x r_k ) / F^2

E has no radial component anywhere (a radial current dipole is silent); for a radial m' it is the primary field -dA/dt.

| symbol | meaning | unit |
|---|---|---|
| r_i, R | outer radius of shell i; of the outermost | mm in, m inside |
| sigma_i | conductivity of shell i | S/m |
| phi, E | potential, electric field | V, V/m |
| I_k, e_k, alpha_k | electrode current, direction from the centre, cap half-angle | A, 1, rad |
| gamma_k | angle between the point and e_k | rad |
| m' | rate of the dipole moment dI/dt x area | A m^2/s |
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from assuage.compile import njit, prange
from assuage.constants import MU_0_OVER_4_PI_T_M_PER_A
from assuage.errors import SolverError, SourceError
from assuage.units import M_PER_MM, MM_PER_M

MAX_DEGREE = 20_000
"""Terms of the longest series; enough for a point 0.1 % of the radius below a point electrode."""
CENTER_FRACTION = 1e-9
"""Points closer to the centre than this fraction of R count as the centre, which has no direction."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LayeredSphere:
    """Nested shells.

    Attributes
    ----------
    radii_mm
        Outer radius of each shell, increasing.
    sigma_S_per_m
        Conductivity of each shell.
    center_mm
        World position of the centre.
    """

    radii_mm: tuple[float, ...]
    sigma_S_per_m: tuple[float, ...]
    center_mm: tuple[float, float, float] = (0.0, 0.0, 0.0)

    def __post_init__(self) -> None:
        """Check that the shells are shells."""
        radii, sigma = np.asarray(self.radii_mm, float), np.asarray(self.sigma_S_per_m, float)
        if radii.ndim != 1 or not len(radii) or radii.shape != sigma.shape:
            raise SourceError(f"radii_mm {radii.shape} and sigma_S_per_m {sigma.shape} need one entry per shell")
        if not (np.isfinite(radii).all() and radii[0] > 0 and (np.diff(radii) > 0).all()):
            raise SourceError(f"radii_mm must be positive and increasing, got {self.radii_mm}")
        if not (np.isfinite(sigma).all() and (sigma > 0).all()):
            raise SourceError(f"sigma_S_per_m must be positive, got {self.sigma_S_per_m}")


def electrode_field(
    sphere: LayeredSphere,
    points_mm: ArrayLike,
    electrodes_mm: ArrayLike,
    currents_A: ArrayLike,
    *,
    radius_mm: float = 0.0,
    tolerance: float = 1e-9,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return potential and field of electrodes on the surface of a layered sphere.

    Parameters
    ----------
    sphere
        The conductor.
    points_mm
        (n, 3) world positions inside.
    electrodes_mm
        (k, 3) world positions; only their direction from the centre counts.
    currents_A
        (k,), positive into the sphere, sum zero.
    radius_mm
        0: point electrodes. Otherwise discs of this radius along the surface with uniform current density.
    tolerance
        Bound of the neglected terms, relative to the field scale I / (sigma R^2); sets the number of terms.

    Returns
    -------
    potential_V, e_V_per_m
        (n,) with zero mean over the surface, and (n, 3).

    Raises
    ------
    SourceError
        Currents that do not sum to zero, points outside, an electrode at the centre or larger than the sphere.
    SolverError
        A point so near the surface that the series needs more than `MAX_DEGREE` terms.
    """
    points, directions, currents, alpha = _check_electrodes(sphere, points_mm, electrodes_mm, currents_A, radius_mm)
    outer = sphere.radii_mm[-1]
    radius = np.linalg.norm(points, axis=1)
    degrees = _degrees_needed(radius / outer, tolerance)
    degree = int(degrees.max(initial=1))
    decay, growth = _shell_coefficients(sphere, degree)
    caps = _cap_coefficients(alpha, degree)
    safe = np.maximum(radius, CENTER_FRACTION * outer)
    radial = np.where((radius > CENTER_FRACTION * outer)[:, None], points / safe[:, None], [0.0, 0.0, 1.0])
    shell = np.minimum(np.searchsorted(np.asarray(sphere.radii_mm), safe * (1 - 1e-12)), len(sphere.radii_mm) - 1)
    potential, e_field = np.zeros(len(points)), np.zeros((len(points), 3))
    inner = np.array([0.0, *sphere.radii_mm[:-1]])
    sizes = (np.asarray(sphere.radii_mm) * M_PER_MM, inner * M_PER_MM)
    _sum_series(
        (safe * M_PER_MM, radial, shell, degrees),
        (directions, currents),
        sizes,
        (decay, growth, caps),
        (potential, e_field),
    )
    return potential, e_field


def dipole_field(
    points_mm: ArrayLike,
    positions_mm: ArrayLike,
    moment_rate: ArrayLike,
    *,
    center_mm: ArrayLike = (0.0, 0.0, 0.0),
) -> NDArray[np.float64]:
    """Return the total E of magnetic dipoles outside a spherically symmetric conductor.

    The radii and conductivities do not enter: only the centre of symmetry does.

    Parameters
    ----------
    points_mm
        (n, 3) inside the conductor.
    positions_mm, moment_rate
        (k, 3) dipoles in mm and A m^2/s (dm/dt), further from the centre than every point.
    center_mm
        Centre of the sphere.

    Returns
    -------
    (n, 3) V/m.

    Raises
    ------
    SourceError
        A dipole is not outside all points.
    """
    center = np.asarray(center_mm, dtype=np.float64)
    points = np.ascontiguousarray(np.asarray(points_mm, dtype=np.float64) - center)
    positions = np.ascontiguousarray(np.asarray(positions_mm, dtype=np.float64) - center)
    rates = np.ascontiguousarray(moment_rate, dtype=np.float64)
    if points.shape[1:] != (3,) or positions.shape != rates.shape or positions.shape[1:] != (3,):
        raise SourceError(
            f"points {points.shape}, positions {positions.shape}, moment_rate {rates.shape} must be (n, 3)"
        )
    farthest, nearest = (
        np.linalg.norm(points, axis=1).max(initial=0.0),
        np.linalg.norm(positions, axis=1).min(initial=np.inf),
    )
    if farthest >= nearest:
        raise SourceError(
            f"a dipole at radius {nearest:.2f} mm is not outside the point at {farthest:.2f} mm; move the coil out"
        )
    e_field = np.empty_like(points)
    _sum_dipoles(points, positions, rates, MU_0_OVER_4_PI_T_M_PER_A * MM_PER_M**2, e_field)
    return e_field


def _check_electrodes(
    sphere: LayeredSphere, points_mm: ArrayLike, electrodes_mm: ArrayLike, currents_A: ArrayLike, radius_mm: float
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], float]:
    """Return points and electrode directions about the centre, currents and the cap half-angle."""
    center = np.asarray(sphere.center_mm, dtype=np.float64)
    points = np.ascontiguousarray(np.asarray(points_mm, dtype=np.float64).reshape(-1, 3) - center)
    electrodes = np.asarray(electrodes_mm, dtype=np.float64).reshape(-1, 3) - center
    currents = np.asarray(currents_A, dtype=np.float64).reshape(-1)
    outer = sphere.radii_mm[-1]
    if len(currents) != len(electrodes):
        raise SourceError(f"{len(electrodes)} electrodes but {len(currents)} currents; give one current each")
    if abs(currents.sum()) > 1e-9 * np.abs(currents).max(initial=0.0):
        raise SourceError(f"currents sum to {currents.sum():.3g} A, not 0; a sphere has no other way out")
    distance = np.linalg.norm(electrodes, axis=1)
    if (distance < CENTER_FRACTION * outer).any():
        raise SourceError("an electrode at the centre has no direction; place it on the surface")
    alpha = radius_mm / outer
    if not 0 <= alpha < math.pi:
        raise SourceError(f"radius_mm {radius_mm} must lie between 0 and half the circumference of the sphere")
    worst = np.linalg.norm(points, axis=1).max(initial=0.0)
    if worst > outer:
        raise SourceError(f"a point lies {worst - outer:.3g} mm outside the sphere of {outer:g} mm; keep points inside")
    return points, np.ascontiguousarray(electrodes / distance[:, None]), currents, alpha


def _degrees_needed(ratio: NDArray[np.float64], tolerance: float) -> NDArray[np.int64]:
    """Return the last degree per point: (L+1)^2 q^(L-1) / (1-q) <= tolerance bounds the tail of the field at q = r/R.

    The degree-l term of the field of a point electrode is at most (2l+1)(l+1)/(8 pi) q^(l-1) of the scale; shells
    multiply it by at most a factor of order one. Discs converge faster.
    """
    q = np.clip(ratio, 1e-3, 1 - 1e-12)
    needed = np.full(q.shape, 8.0)
    for _ in range(60):  # fixed point of L = log(tolerance (1-q) / (L+1)^2) / log q + 1, contracting once L is large
        needed = np.maximum(np.log(tolerance * (1 - q) / (needed + 1) ** 2) / np.log(q) + 1, 2.0)
    if needed.max(initial=0.0) > MAX_DEGREE:
        raise SolverError(
            f"{np.count_nonzero(needed > MAX_DEGREE)} points lie too near the surface (r/R up to {ratio.max():.6f}): "
            f"the series needs more than {MAX_DEGREE} terms; move them inwards or raise the tolerance"
        )
    return np.asarray(np.ceil(needed), dtype=np.int64)


def _shell_coefficients(sphere: LayeredSphere, degree: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return a_i and a_i beta_i t_i^l, both (shells, degree + 1), per unit degree-l current density, in V per A/m^2."""
    radii, sigma = np.asarray(sphere.radii_mm) * M_PER_MM, np.asarray(sphere.sigma_S_per_m)
    order = np.arange(1, degree + 1, dtype=np.float64)
    beta, fold = np.zeros((len(radii), degree)), np.zeros((len(radii), degree))
    admittance = sigma[0] * order
    with np.errstate(under="ignore"):
        for i in range(1, len(radii)):
            ratio = radii[i - 1] / radii[i]
            beta[i] = (sigma[i] * order - admittance) / (sigma[i] * (order + 1) + admittance)
            fold[i] = beta[i] * ratio ** (2 * order + 1)
            admittance = sigma[i] * (order - (order + 1) * fold[i]) / (1 + fold[i])
        decay = np.zeros((len(radii), degree + 1))
        growth = np.zeros_like(decay)
        decay[-1, 1:] = radii[-1] / (admittance * (1 + fold[-1]))
        for i in range(len(radii) - 1, 0, -1):
            step = (radii[i - 1] / radii[i]) ** order
            growth[i, 1:] = decay[i, 1:] * beta[i] * step
            decay[i - 1, 1:] = decay[i, 1:] * step * (1 + beta[i]) / (1 + fold[i - 1])
    return decay, growth


def _cap_coefficients(alpha: float, degree: int) -> NDArray[np.float64]:
    """Return c_l(alpha) / (4 pi), l = 0..degree."""
    order = np.arange(degree + 1, dtype=np.float64)
    if alpha == 0:
        return (2 * order + 1) / (4 * math.pi)
    x = math.cos(alpha)
    legendre = np.empty(degree + 2)
    legendre[:2] = 1.0, x
    for k in range(1, degree + 1):
        legendre[k + 1] = ((2 * k + 1) * x * legendre[k] - k * legendre[k - 1]) / (k + 1)
    mean = np.ones(degree + 1)
    mean[1:] = (legendre[:-2] - legendre[2:]) / (2 * math.sin(alpha / 2) ** 2)
    return mean / (4 * math.pi)


@njit(cache=True, parallel=True)
def _sum_series(where, sources, sizes, coefficients, out):  # type: ignore[no-untyped-def]
    """Add up degrees and electrodes; P_l and P_l' by the three-term recursions, powers of r by running products."""
    radius, radial, shell, degrees = where
    directions, currents = sources
    outer, inner = sizes
    decay, growth, caps = coefficients
    potential, e_field = out
    surface = outer[-1]
    for n in prange(radius.shape[0]):
        i, r = shell[n], radius[n]
        up, down = r / outer[i], inner[i] / r
        for k in range(currents.shape[0]):
            x = radial[n, 0] * directions[k, 0] + radial[n, 1] * directions[k, 1] + radial[n, 2] * directions[k, 2]
            x = min(max(x, -1.0), 1.0)
            before, now = 1.0, x
            slope_before, slope = 0.0, 1.0
            grown, decayed = up, down * down
            phi, radial_slope, angular_slope = 0.0, 0.0, 0.0
            for degree in range(1, degrees[n] + 1):
                density = caps[degree] * currents[k] / surface**2
                rising, falling = decay[i, degree] * grown, growth[i, degree] * decayed
                phi += density * (rising + falling) * now
                radial_slope += density * (degree * rising - (degree + 1) * falling) * now
                angular_slope += density * (rising + falling) * slope
                following = ((2 * degree + 1) * x * now - degree * before) / (degree + 1)
                slope_following = slope_before + (2 * degree + 1) * now
                before, now = now, following
                slope_before, slope = slope, slope_following
                grown *= up
                decayed *= down
            potential[n] += phi
            for axis in range(3):
                tangent = directions[k, axis] - x * radial[n, axis]
                e_field[n, axis] -= (radial_slope * radial[n, axis] + angular_slope * tangent) / r


@njit(cache=True, parallel=True)
def _sum_dipoles(points, positions, rates, factor, out):  # type: ignore[no-untyped-def]
    """Add up E of the module text over dipoles; positions about the centre of the sphere."""
    for n in prange(points.shape[0]):
        x, y, z = points[n, 0], points[n, 1], points[n, 2]
        ex, ey, ez = 0.0, 0.0, 0.0
        for k in range(positions.shape[0]):
            px, py, pz = positions[k, 0], positions[k, 1], positions[k, 2]
            mx, my, mz = rates[k, 0], rates[k, 1], rates[k, 2]
            ax, ay, az = px - x, py - y, pz - z
            a = math.sqrt(ax * ax + ay * ay + az * az)
            p2 = px * px + py * py + pz * pz
            p = math.sqrt(p2)
            a_dot_p = ax * px + ay * py + az * pz
            # F = a (p a + p^2 - r.p), written with a.p = p^2 - r.p
            big_f = a * (p * a + a_dot_p)
            along_p = a * a / p + a_dot_p / a + 2 * a + 2 * p
            along_r = a + 2 * p + a_dot_p / a
            slope = along_p * (px * mx + py * my + pz * mz) - along_r * (x * mx + y * my + z * mz)
            weight = factor / (big_f * big_f)
            ex -= weight * (big_f * (y * mz - z * my) - slope * (y * pz - z * py))
            ey -= weight * (big_f * (z * mx - x * mz) - slope * (z * px - x * pz))
            ez -= weight * (big_f * (x * my - y * mx) - slope * (x * py - y * px))
        out[n, 0], out[n, 1], out[n, 2] = ex, ey, ez

"""Replace the dipoles of a coil by a few hundred that make the same field in the head.

A pose search needs only the linear functional `sum_k m_k . B(r_k)` of fields B made by currents in the head. Any source
in the head sees the coil through its vector potential A, and A is harmonic there, so by the maximum principle it is
enough to match A on a surface that lies between coil and head. On that surface

    minimise  | W (G c - a) |^2 + (lambda |c|)^2,        a = G m        (m_k = c_k u_k)

G holds A of the unit dipoles u_k of the coil, W = 1 / max(|a|, 0.1 max |a|). The dipoles that stay are picked in small
batches by orthogonal least squares (Chen, Cowan & Grant 1991, IEEE Trans Neural Netw 2:302-309): the dipole whose part
orthogonal to those already picked explains most of what is left. The ridge keeps the amplitudes near those of the coil,
so that rounding in an interpolated B is not magnified. The error is then measured on points that were not fitted.

| symbol | meaning | unit |
|---|---|---|
| r_k, m_k | positions and moments of the coil | mm, A m^2 per A |
| u_k, c_k | unit direction of m_k, its amplitude | 1, A m^2 per A |
| a | vector potential of the whole coil on the surface | T m per A |
"""

import math
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve

from assuage.errors import SourceError
from assuage.sources.kernels import A_FACTOR, vector_potential_T_m

if TYPE_CHECKING:
    from assuage.sources.coil import Coil

Float = NDArray[np.float64]

GAP_MM = 10.0
"""Matching surface in front of the coil face: about the depth of the outer brain surface under scalp and skull."""
CLEARANCE_MM = 3.0
"""A bent coil's dipoles keep this further distance from the matching spheres (casing)."""
HEAD_RADII_MM = (65.0, 80.0, 100.0)
"""Radii of the matching spheres of a bent coil: child to flat adult scalp."""
CAP_COSINE = 0.3
"""The matching spheres stop where they turn away from the coil."""
PLANE_GRID_MM = 4.5
"""Spacing of the matching points of a flat coil, a third of the distance to the dipoles."""
SPHERE_GRID_MM = 9.0
"""The same for a bent coil, where three spheres share the work."""
CHECK_SHARE = 0.61
"""The error is measured on a grid finer by this factor, whose points fall between those fitted."""
MARGIN_MM = 20.0
"""The matching plane of a flat coil reaches this far beyond its dipoles."""
FLOOR = 0.1
"""Errors where |A| is below this share of its maximum are weighed against the floor instead."""
BATCH = 5
"""Dipoles picked before the fit is updated; they are `APART_MM` apart so that they do not explain the same thing."""
APART_MM = 12.0
STEP = 25
"""Dipoles added between two measurements of the error."""
MAX_CANDIDATES = 2000
"""Dipoles of a larger coil stand for their neighbours as candidates; the field to match is always that of all."""
MAX_DIPOLES = 800
"""Beyond, nothing is gained over the coil as it is."""
RIDGE = 3e-5
"""Keeps sum |m| within about 5 times that of the coil; ten times more costs a factor 2 in accuracy."""
DEPENDENT = 1e-6
"""A dipole whose orthogonal part is below this share of its norm adds nothing."""


@lru_cache(maxsize=8)
def condense(coil: "Coil", tolerance: float) -> "Coil":
    """Return a coil with fewer dipoles and the same field in the head; see `Coil.condensed`."""
    if not 0 < tolerance < 1:
        raise SourceError(f"tolerance is {tolerance}; give a relative error between 0 and 1, e.g. 5e-4")
    candidates = np.flatnonzero(coil.moments_m2.any(1))
    candidates = candidates[:: math.ceil(len(candidates) / MAX_CANDIDATES)]
    positions = coil.positions_mm[candidates]
    directions = coil.moments_m2[candidates] / np.linalg.norm(coil.moments_m2[candidates], axis=1)[:, None]
    points, checks = (_matching_points(coil.positions_mm, share) for share in (1.0, CHECK_SHARE))
    target, check_target = (_potential(coil, place) for place in (points, checks))
    weight = 1 / np.maximum(np.linalg.norm(target, axis=1), FLOOR * np.linalg.norm(target, axis=1).max())
    columns = _unit_potentials(points, positions, directions, weight)
    rhs = (target * weight[:, None]).ravel()
    gram, match = columns.T @ columns, columns.T @ rhs
    picker = _Picker(gram, match, positions)
    ridge = RIDGE * float(np.linalg.norm(rhs) / np.linalg.norm(coil.moments_m2, axis=1).sum())
    while len(picker.chosen) < min(MAX_DIPOLES, len(coil.positions_mm) - STEP) and picker.pick(STEP):
        chosen = picker.chosen
        moments = _fit(gram[np.ix_(chosen, chosen)], match[chosen], ridge)[:, None] * directions[chosen]
        error = vector_potential_T_m(checks, positions[chosen], moments) - check_target
        relative = float(np.linalg.norm(error) / np.linalg.norm(check_target))
        if relative <= tolerance:
            note = f"condensed from {len(coil.positions_mm)} to {len(chosen)} dipoles, field error {relative:.1e}"
            return replace(coil, positions_mm=positions[chosen], moments_m2=moments, notes=(*coil.notes, note))
    return coil


def _matching_points(positions: Float, share: float) -> Float:
    """Return points (n, 3) on a plane in front of a flat coil, on touching spheres in front of a bent one."""
    if positions[:, 2].max() <= 0:
        low, high = positions[:, :2].min(0) - MARGIN_MM, positions[:, :2].max(0) + MARGIN_MM
        counts = np.ceil((high - low) / (PLANE_GRID_MM * share)).astype(int) + 1
        x, y = (np.linspace(low[k], high[k], counts[k]) for k in (0, 1))
        return np.stack(np.meshgrid(x, y, [GAP_MM], indexing="ij"), axis=-1).reshape(-1, 3)
    return np.concatenate([_touching_cap(positions, radius, SPHERE_GRID_MM * share) for radius in HEAD_RADII_MM])


def _touching_cap(positions: Float, radius: float, spacing: float) -> Float:
    """Return points on a sphere centred on the coil axis, moved towards the coil until it keeps just clear of it."""
    reach = (radius + GAP_MM + CLEARANCE_MM) ** 2 - (positions[:, :2] ** 2).sum(1)
    over = reach > 0
    center = max((positions[over, 2] + np.sqrt(reach[over])).max(initial=-np.inf), radius + GAP_MM)
    index = np.arange(math.ceil(4 * np.pi * radius**2 / spacing**2)) + 0.5
    z = 1 - 2 * index / len(index)
    golden = np.pi * (1 + 5**0.5) * index
    ball = np.stack([np.sqrt(1 - z**2) * np.cos(golden), np.sqrt(1 - z**2) * np.sin(golden), z], axis=1)
    return np.asarray(radius * ball[z < CAP_COSINE] + [0.0, 0.0, center])


def _potential(coil: "Coil", points: Float) -> Float:
    return np.asarray(vector_potential_T_m(points, coil.positions_mm, coil.moments_m2), dtype=np.float64)


def _unit_potentials(points: Float, positions: Float, directions: Float, weight: Float) -> Float:
    """Return W G, (3 points, dipoles)."""
    out = np.empty((len(points), 3, len(positions)))
    for k, (position, direction) in enumerate(zip(positions, directions, strict=True)):
        d = points - position
        out[:, :, k] = np.cross(direction, d) * (A_FACTOR * weight / np.linalg.norm(d, axis=1) ** 3)[:, None]
    return out.reshape(-1, len(positions))


def _fit(gram: Float, match: Float, ridge: float) -> Float:
    """Return the amplitudes of the ridge fit from its normal equations (condition at most about 1 / RIDGE^2 = 1e9)."""
    damped = gram + np.diag(np.full(len(gram), ridge**2 * len(gram)))
    return np.asarray(cho_solve(cho_factor(damped), match))


class _Picker:
    """Orthogonal least squares: picks columns that explain a right-hand side, by pivoted Cholesky of their Gram matrix.

    Attributes
    ----------
    chosen
        Indices picked so far.
    """

    def __init__(self, gram: Float, match: Float, positions: Float) -> None:
        size = np.sqrt(np.diag(gram))
        self.chosen: list[int] = []
        self._positions = positions
        self._gram = gram / size / size[:, None]  # of unit columns
        self._match = match / size  # with the part of the right-hand side not explained yet
        self._energy = np.ones(len(gram))  # of the part of each column orthogonal to the chosen ones
        self._factor = np.empty((min(MAX_DIPOLES + STEP, len(gram)), len(gram)))

    def pick(self, count: int) -> bool:
        """Pick `count` further columns; False if nothing is left that helps."""
        goal = len(self.chosen) + count
        while len(self.chosen) < goal:
            gain = np.where(self._energy > DEPENDENT, self._match**2 / np.maximum(self._energy, DEPENDENT), 0.0)
            gain[self.chosen] = 0.0
            batch: list[int] = []
            for k in np.argsort(-gain)[: 50 * BATCH]:
                apart = np.linalg.norm(self._positions[batch] - self._positions[k], axis=1).min(initial=np.inf)
                if gain[k] > 0 and apart > APART_MM:
                    batch.append(int(k))
            if not batch:
                return False
            for k in batch[: min(BATCH, goal - len(self.chosen))]:
                self._take(k)
        return True

    def _take(self, k: int) -> None:
        count = len(self.chosen)
        above = self._factor[:count]
        pivot = math.sqrt(self._energy[k])
        row = (self._gram[k] - above[:, k] @ above) / pivot
        share = self._match[k] / pivot
        self._factor[count] = row
        self._match -= share * row
        self._energy -= row**2
        self.chosen.append(k)

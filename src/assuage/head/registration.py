"""An approximate MNI frame for a head that brings none: the outline of its brain is laid over the template's outline.

Nine parameters (shift, rotation, scale along three axes) minimise the distances, both ways, between the two outlines:

    sum_i rho(D_template(A p_i)) + sum_j rho(s D_head(A^-1 q_j))

p, q: points on the outlines, mm; D: signed distance to the other outline, mm; s: mean scale; rho: soft L1, so that a
scan that ends higher or lower in the neck does not pull. It is an estimate: it finds fiducials and says roughly where
an MNI coordinate lies; it does not replace a registration of the scan.
"""

from dataclasses import dataclass
from functools import cache
from importlib.resources import as_file, files
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.optimize import least_squares
from scipy.spatial.transform import Rotation
from skimage.measure import marching_cubes

from assuage.head.mni import MniTransform
from assuage.head.surface import block_average

Float = NDArray[np.float64]

SPACING_MM = 4.0
SMOOTH_MM = 4.0
"""Gaussian width that closes sulci, so that only the outline counts."""
MARGIN_MM = 40.0
MINIMUM_VOXELS = 1000
POINTS = 500
ROBUST_MM = 3.0
"""Distances beyond this count linearly."""
START_PITCH_DEG = (0.0, -25.0, 25.0)
ACCEPT_MM = 3.5
"""Median distance between the outlines up to which the fit is used; it is 2.5 mm for the embedded head at any tilt."""
SPACE = "MNI152, affine estimate from the outline of the brain"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Outline:
    """A brain's outline: signed distance (mm, negative inside) on a world-aligned grid, and points on it (n, 3) mm."""

    distance_mm: NDArray[np.float32]
    origin_mm: Float
    points_mm: Float

    def at(self, points_mm: Float) -> Float:
        """Return the signed distance at points (n, 3) mm."""
        index = ((points_mm - self.origin_mm) / SPACING_MM).T
        return np.asarray(ndimage.map_coordinates(self.distance_mm, index, order=1, mode="nearest"), dtype=np.float64)


def outline(brain: NDArray[np.floating[Any]], affine: Float) -> Outline | None:
    """Return the outline of a brain, or None if there is too little of it.

    Parameters
    ----------
    brain
        (nx, ny, nz) share of each voxel that is brain.
    affine
        (4, 4) voxel index to RAS+ mm.
    """
    coarse, affine = block_average(brain, affine)
    smooth = ndimage.gaussian_filter(coarse, SMOOTH_MM / np.linalg.norm(affine[:3, :3], axis=0), mode="constant")
    inside = np.argwhere(smooth > 0.5)
    if len(inside) < MINIMUM_VOXELS:
        return None
    world = inside @ affine[:3, :3].T + affine[:3, 3]
    low, high = world.min(0) - MARGIN_MM, world.max(0) + MARGIN_MM
    counts = np.ceil((high - low) / SPACING_MM).astype(int) + 1
    grid = np.moveaxis(np.indices(counts), 0, -1) * SPACING_MM + low
    inverse = np.linalg.inv(affine)
    index = np.moveaxis(grid @ inverse[:3, :3].T + inverse[:3, 3], -1, 0)
    field = ndimage.map_coordinates(smooth, index, order=1, mode="constant", cval=0.0)
    core = field > 0.5
    distance = ndimage.distance_transform_edt(~core) - ndimage.distance_transform_edt(core)
    vertices = marching_cubes(field, level=0.5)[0]
    chosen = vertices[np.linspace(0, len(vertices) - 1, min(POINTS, len(vertices))).astype(int)]
    return Outline(
        distance_mm=(SPACING_MM * distance).astype(np.float32),
        origin_mm=low,
        points_mm=chosen.astype(np.float64) * SPACING_MM + low,
    )


def estimated_mni(brain: NDArray[np.floating[Any]], affine: Float) -> tuple[MniTransform, float] | None:
    """Fit the template's outline to a brain.

    Parameters
    ----------
    brain
        (nx, ny, nz) share of each voxel that is brain.
    affine
        (4, 4) voxel index to RAS+ mm; the head may be tilted by some 30 degrees.

    Returns
    -------
    The affine transform and the median distance between the outlines, mm; None if the fit is too poor to be used.
    """
    person, template = outline(brain, affine), template_outline()
    if person is None:
        return None
    for pitch in START_PITCH_DEG:
        matrix = _matrix(_fit(person, template, pitch), person, template)
        median = float(np.median(np.abs(template.at(person.points_mm @ matrix[:3, :3].T + matrix[:3, 3]))))
        if median <= ACCEPT_MM:
            return MniTransform.affine(matrix, space=SPACE), median
    return None


@cache
def template_outline() -> Outline:
    """Return the outline of the ICBM152 brain (`tools/build_reference_brain.py` made it)."""
    with as_file(files("assuage.head").joinpath("data/reference_brain.npz")) as path, np.load(path) as stored:
        return Outline(
            distance_mm=stored["distance_mm"].astype(np.float32),
            origin_mm=stored["origin_mm"].astype(np.float64),
            points_mm=stored["points_mm"].astype(np.float64),
        )


def _fit(person: Outline, template: Outline, pitch_deg: float) -> Float:
    start = np.zeros(9)
    start[3] = np.deg2rad(pitch_deg)

    def distances(x: Float) -> Float:
        matrix = _matrix(x, person, template)
        inverse = np.linalg.inv(matrix)
        there = template.at(person.points_mm @ matrix[:3, :3].T + matrix[:3, 3])
        back = person.at(template.points_mm @ inverse[:3, :3].T + inverse[:3, 3]) * np.exp(x[6:].mean())
        return np.concatenate([there, back])

    scale = np.array([10.0] * 3 + [0.1] * 3 + [0.1] * 3)
    found = least_squares(distances, start, x_scale=scale, loss="soft_l1", f_scale=ROBUST_MM, max_nfev=60)
    return np.asarray(found.x, dtype=np.float64)


def _matrix(x: Float, person: Outline, template: Outline) -> Float:
    """Return head to MNI: about the centres, scale, turn, shift."""
    turn = Rotation.from_rotvec(x[3:6]).as_matrix() * np.exp(x[6:])
    matrix = np.eye(4)
    matrix[:3, :3] = turn
    matrix[:3, 3] = template.points_mm.mean(0) + x[:3] - turn @ person.points_mm.mean(0)
    return matrix

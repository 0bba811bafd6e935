"""Layered spheres, sources and error measures shared by the laws."""

from itertools import pairwise

import numpy as np

from assuage import Coil, Montage
from assuage.field.analytic import LayeredSphere, dipole_field, electrode_field
from assuage.head.gallery import sphere_head

RADII_MM = (52.0, 55.0, 61.0, 67.0)
SIGMA_S_PER_M = (0.28, 1.7, 0.012, 0.4)
COIL = Coil.figure_of_eight()


def layered_head(voxel_mm, radii_mm=RADII_MM, sigma=SIGMA_S_PER_M, **options):
    return sphere_head(radii_mm=radii_mm, conductivity_S_per_m=sigma, voxel_mm=voxel_mm, margin_mm=4.0, **options)


def unit(vector):
    vector = np.asarray(vector, float)
    return vector / np.linalg.norm(vector)


def pose_over(direction, outer_mm, *, gap_mm=6.0, handle=(0.3, 1.0, 0.2), center_mm=(0.0, 0.0, 0.0)):
    """Coil flat over the point of a sphere in a direction, z axis inwards."""
    pose = np.eye(4)
    z = -unit(direction)
    y = np.asarray(handle, float)
    y = unit(y - (y @ z) * z)
    pose[:3, :3] = np.stack([np.cross(y, z), y, z], 1)
    pose[:3, 3] = np.asarray(center_mm) - z * (outer_mm + gap_mm)
    return pose


def two_discs(directions, outer_mm, *, current_A=1e-3, radius_mm=10.0, center_mm=(0.0, 0.0, 0.0)):
    points = np.array([unit(d) for d in directions]) * outer_mm + np.asarray(center_mm)
    return Montage.at_points_mm(points, np.array([current_A, -current_A]), radius_mm=radius_mm)


def voxels_of(field, tissue, below_mm, *, count, seed=0, above_mm=0.0, center_mm=(0.0, 0.0, 0.0)):
    """Indices (n, 3) and points (n, 3) of random voxels that carry the field of a tissue, between two radii."""
    index = np.argwhere(field.labels == field.tissues.index(tissue))
    points = field.conductor.grid.world_mm(index)
    radius = np.linalg.norm(points - np.asarray(center_mm), axis=1)
    keep = np.flatnonzero((radius < below_mm) & (radius >= above_mm))
    keep = np.random.default_rng(seed).permutation(keep)[:count]
    return index[keep], points[keep]


def at(values, index):
    return values[tuple(index.T)]


def relative_error(found, exact):
    """L2 error of vectors over L2 size of the exact ones."""
    return float(np.linalg.norm(found - exact) / np.linalg.norm(exact))


def band_errors(field, exact, edges_mm, *, count=6000):
    """Relative vector errors of the brain's field between radii, exact(points) being the truth."""
    errors = []
    for low, high in pairwise(edges_mm):
        index, points = voxels_of(field, "grey_matter", high, count=count, above_mm=low)
        errors.append(relative_error(at(field.e_V_per_m, index), exact(points)))
    return errors


def exact_coil(source):
    return lambda points: dipole_field(points, source.positions_mm, source.moment_rate)


def exact_discs(montage, radii_mm=RADII_MM, sigma=SIGMA_S_PER_M, *, radius_mm=10.0):
    sphere = LayeredSphere(radii_mm=tuple(radii_mm), sigma_S_per_m=tuple(sigma))
    centers = np.array([electrode.center_mm for electrode in montage.electrodes])
    currents = np.array([electrode.current_A for electrode in montage.electrodes])
    return lambda points: electrode_field(sphere, points, centers, currents, radius_mm=radius_mm, tolerance=1e-6)[1]

"""MNI warps and T1 on the large grid, and the container."""

import numpy as np

STEP_MM = 4.0


def lattice(low_mm, high_mm, step_mm=STEP_MM):
    """Grid of points (nx, ny, nz, 3) covering a box, and its affine."""
    axes = [np.arange(a, b + step_mm, step_mm) for a, b in zip(low_mm, high_mm, strict=True)]
    points = np.stack(np.meshgrid(*axes, indexing="ij"), -1)
    affine = np.diag([step_mm, step_mm, step_mm, 1.0])
    affine[:3, 3] = low_mm
    return points, affine


def best_linear(source_mm, image_mm):
    """Least-squares affine (4, 4) between two point sets (n, 3)."""
    ones = np.c_[source_mm, np.ones(len(source_mm))]
    result = np.eye(4)
    result[:3] = np.linalg.lstsq(ones, image_mm, rcond=None)[0].T
    return result


def warp(points_mm, image_mm, linear, grid_affine):
    """Record of one direction: ``image = linear(points) + displacement``."""
    moved = points_mm @ linear[:3, :3].T + linear[:3, 3]
    return {"linear": linear, "grid_affine": grid_affine, "displacement": (image_mm - moved).astype(np.float32)}

"""Eyes (globes found by shape) and internal air (sinuses, nasal passages, mastoid cells, ear canals)."""

import numpy as np
from scipy import ndimage as ndi

from .volume import closed, dilate, distance_to, drop_small, fill, gauss, largest, opened, smooth_cut

VITREOUS = (18.0, 66.0)  # T1 range of the globe's interior; orbital fat lies above 90
GLOBE_RADIUS_MM = 12.0  # adult axial length about 24 mm


def globes(t1, affine, head):
    """Both eyeballs: the dark, round body inside bright orbital fat, one on each side.

    Returns
    -------
    mask : bool array
    centers_mm : dict
        ``left`` and ``right`` centre in mm.
    """
    fine = gauss(t1, 0.7)
    inside = (fine > VITREOUS[0]) & (fine < VITREOUS[1]) & head
    result = np.zeros(t1.shape, bool)
    centers = {}
    for side, sign in (("left", -1.0), ("right", 1.0)):
        seed = np.array([sign * 32.0, 62.0, -36.0])
        i, j, k = np.meshgrid(*[affine[a, 3] + np.arange(t1.shape[a]) - seed[a] for a in range(3)], indexing="ij")
        core = largest(opened(inside & (i * i + j * j + k * k < 18.0**2), 5.0))
        centre = np.array(ndi.center_of_mass(core))
        x, y, z = np.meshgrid(*[np.arange(t1.shape[a]) - centre[a] for a in range(3)], indexing="ij")
        ball = x * x + y * y + z * z < (GLOBE_RADIUS_MM + 1.5) ** 2
        result |= fill(closed(dilate(core, 1.2), 4.0)) & ball
        centers[side] = affine[:3, :3] @ centre + affine[:3, 3]
    return result & head, centers


def internal_air(t1, head, cavity, affine):
    """Smooth membership of air inside the head; a bone sheet to the cavity is kept and the skin stays closed."""
    fine = gauss(t1, 0.45)
    depth = distance_to(~head)
    away = distance_to(cavity)
    edge = air_edge(t1.shape, affine)
    dark = fine < edge
    core = largest_blobs(opened(dark & head & (depth > 2.0), 1.5))
    evidence = np.clip((edge - fine) / 4.0, -1, 1)
    evidence -= np.clip(2.5 - depth, 0, 3) + np.clip(2.5 - away, 0, 3)
    evidence[~dilate(core, 4.0) | ~head | (depth < 1.5) | (edge <= 0)] = -9.0
    air = smooth_cut(evidence, weight=0.3)
    return air * dilate(drop_small(air > 0.5, 60), 1.0)


def air_edge(shape, affine):
    """T1 below which a voxel counts as air: high where bones are thin (sinuses), none where bone is thick."""
    x, y, z = np.meshgrid(*[affine[a, 3] + np.arange(shape[a]) for a in range(3)], indexing="ij", sparse=True)
    edge = np.zeros(shape, np.float32)
    side = np.abs(x)
    edge[np.broadcast_to((y > 0) & (z < -42) & (side < 46), shape)] = 22.0  # nose and maxillary sinuses
    edge[np.broadcast_to((y > -5) & (z >= -42) & (z < -18) & (side < 20), shape)] = 18.0  # sphenoid, ethmoid
    edge[np.broadcast_to((y > 58) & (z >= -22) & (z < 25) & (side < 38), shape)] = 14.0  # frontal sinus
    edge[np.broadcast_to((y > -45) & (y < 0) & (z < -25) & (z > -65) & (side > 55), shape)] = 8.0  # ear canals
    return edge


def largest_blobs(mask, minimum_voxels=40):
    """Components that are more than a crevice."""
    return drop_small(mask, minimum_voxels)

"""Head surface, outer skull surface and the bones of face and skull base."""

import numpy as np

from .volume import closed, dilate, distance_to, drop_small, fill, gauss, largest, opened, smooth_cut

SKIN_EDGE = 22.0  # half of the skin's signal on this average of 27 scans
BONE_SOFT_EDGE = 38.0  # half-way between cortical bone (15) and muscle (65)
BONE_AIR_EDGE = 9.0  # cortical bone 10-22, air 0-8
TABLE_CEILING = 42.0  # the thin outer table, blurred by its bright neighbours
SKULL_MINIMUM_MM = 2.0  # least thickness kept where the scan leaves it open
BASE_THICKNESS_MM = 4.0  # thickness prior of the skull base, where marrow is as bright as soft tissue


def head_mask(t1):
    """Closed head, with the nose, mouth and ear passages filled slice by slice."""
    body = largest(opened(gauss(t1, 0.6) > SKIN_EDGE, 1.0))
    wide = closed(body, 4.0)
    for axis in (0, 1, 2):
        for k in range(wide.shape[axis]):
            section = np.take(wide, k, axis)
            index = [slice(None)] * 3
            index[axis] = k
            wide[tuple(index)] = fill(section)
    return largest(opened(wide, 3.0) | body)


def outer_skull(t1, cavity, head, affine, *, reach_mm=8.0):
    """Smooth membership (0..1) of skull with everything it encloses (cavity, diploe, frontal sinus).

    Parameters
    ----------
    t1 : array
        Scan.
    cavity, head : bool array
        What the skull encloses at least, and the head.
    affine : array (4, 4)
        Voxel to RAS mm.
    reach_mm : float
        Distance from the cavity up to which dark voxels of the vault are bone.
    """
    fine = gauss(t1, 0.45)
    away = distance_to(cavity)
    depth = distance_to(~head)
    z_mm = np.broadcast_to(affine[2, 3] + np.arange(t1.shape[2]), t1.shape)
    evidence = np.clip((BONE_SOFT_EDGE - fine) / 12.0, -1, 1)
    base = np.clip((-15.0 - z_mm) / 15.0, 0, 1)
    thick = SKULL_MINIMUM_MM + (BASE_THICKNESS_MM - SKULL_MINIMUM_MM) * base
    evidence += np.clip(2.5 * (thick - away), 0, 3)
    far = np.where(fine < BONE_AIR_EDGE, 16.0, reach_mm + (6.0 - reach_mm) * base)
    evidence -= np.clip((away - far) / 2.0, 0, 3)
    evidence -= np.clip(3.0 - depth, 0, 3)
    evidence[away > 20.0] = -9.0
    evidence[cavity] = 9.0
    evidence[~head] = -9.0
    outer = smooth_cut(evidence, weight=0.7)
    vault = (base < 0.5) & (depth > 2.5)
    return np.maximum(outer, sealed(outer > 0.5, fine, vault & (away < 16.0)))


def sealed(outer, fine, vault):
    """Outer skull with the diploe enclosed where it is as bright as soft tissue: the outer table is followed."""
    table = (fine < TABLE_CEILING) & vault
    wide = fill(closed(largest(outer | table), 5.0))
    return opened(wide, 3.0) & vault


def facial_bone(t1, cranium, head, canal, affine):
    """Cortical bone below and in front of the cranium (jaws, zygoma, vertebral ring round the canal)."""
    fine = gauss(t1, 0.4)
    depth = distance_to(~head)
    z_mm = np.broadcast_to(affine[2, 3] + np.arange(t1.shape[2]), t1.shape)
    evidence = np.clip((36.0 - fine) / 12.0, -1, 1)
    evidence -= np.clip((5.0 - depth) / 2.0, 0, 3)
    evidence -= np.clip((z_mm + 5.0) / 8.0, 0, 2)
    ring = distance_to(canal)
    evidence = np.where((z_mm < -50) & (ring <= 4.0) & ~canal, 4.0, evidence)
    evidence[~head | canal] = -9.0
    evidence[cranium > 0.5] = 0.5
    bone = smooth_cut(evidence, weight=0.45)
    bone[cranium > 0.5] = 0
    keep = drop_small(bone > 0.5, 60)
    return bone * dilate(keep, 1.0)

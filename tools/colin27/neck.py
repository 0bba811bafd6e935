"""The grid beyond the scan: rounded caps on the clipped nose and ears, and a neck below the cut."""

import numpy as np
from scipy import ndimage as ndi

PAD_LOW = (8, 4, 50)  # voxels added at the low end of x, y, z
PAD_HIGH = (8, 12, 0)
NECK_CENTER_MM = (0.0, -38.0)
NECK_SEMI_AXES_MM = (60.0, 62.0)  # circumference 383 mm at the lower end
NOSE_TOP_MM = -38.0  # the cap in front belongs to the nose; the brow ends within the scan


def padded(volume):
    """Volume on the large grid, zero outside the scan."""
    return np.pad(volume, list(zip(PAD_LOW, PAD_HIGH, strict=True)))


def padded_affine(affine):
    """Affine of the large grid."""
    result = affine.copy()
    result[:3, 3] -= affine[:3, :3] @ np.array(PAD_LOW, float)
    return result


def _section_distance(section):
    return (ndi.distance_transform_edt(~section) - ndi.distance_transform_edt(section)).astype(np.float32)


def _cap(head, axis, start, step, length):
    """Close a clipped section with a half-ellipsoid of the given length (voxels)."""
    index = [slice(None)] * 3
    index[axis] = start
    inside = _section_distance(head[tuple(index)])
    depth = min(float(-inside.min()), 2.5 * length)
    for n in range(1, length + 1):
        index[axis] = start + step * n
        rim = depth * (1.0 - np.sqrt(max(0.0, 1.0 - (n / (length + 0.5)) ** 2)))
        head[tuple(index)] = inside < -rim


def extended_head(head, affine):
    """Head on the large grid with caps and neck.

    Parameters
    ----------
    head : bool array
        Head on the scan's grid.
    affine : array (4, 4)
        Affine of the large grid.
    """
    full = padded(head)
    n = head.shape
    _cap(full, 0, PAD_LOW[0] + 1, -1, 4)
    _cap(full, 0, PAD_LOW[0] + n[0] - 2, 1, 4)
    front = PAD_LOW[1] + n[1] - 2
    z_mm = affine[2, 3] + np.arange(full.shape[2])
    nose = full & (z_mm < NOSE_TOP_MM)
    _cap(nose, 1, front, 1, 8)
    full[:, front + 1 :] = nose[:, front + 1 :]
    cut = _section_distance(full[:, :, PAD_LOW[2]])
    x = affine[0, 3] + np.arange(full.shape[0])[:, None]
    y = affine[1, 3] + np.arange(full.shape[1])[None, :]
    radius = np.hypot((x - NECK_CENTER_MM[0]) / NECK_SEMI_AXES_MM[0], (y - NECK_CENTER_MM[1]) / NECK_SEMI_AXES_MM[1])
    neck = (radius - 1.0) * min(NECK_SEMI_AXES_MM)
    for k in range(PAD_LOW[2]):
        s = 1.0 - k / (PAD_LOW[2] - 1.0)
        s = s * s * (3.0 - 2.0 * s)
        soft = ndi.gaussian_filter(cut, 12.0 * s)
        full[:, :, k] = (1.0 - s) * soft + s * neck < 0
    return full


def extended_canal(cord, canal):
    """Cord, canal and bone ring continued straight down to the end of the grid."""
    ring_mm = 3.0
    cord, canal = padded(cord), padded(canal)
    k = PAD_LOW[2]
    for volume in (cord, canal):
        column = volume[:, :, k : k + 4].mean(2) >= 0.5
        volume[:, :, :k] = column[:, :, None]
    ring = np.zeros_like(canal)
    section = ndi.distance_transform_edt(~canal[:, :, 0]) <= ring_mm
    ring[:, :, :k] = (section & ~canal[:, :, 0])[:, :, None]
    return cord, canal, ring

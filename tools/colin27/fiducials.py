"""Fiducials on the skin, found by rule from the head surface and checked by eye in slices."""

import numpy as np
from scipy import ndimage as ndi

PREAURICULAR_MM = {"left_preauricular": (-1.0, -20.0, -50.0), "right_preauricular": (1.0, -20.0, -50.0)}
INION_Z_MM = -21.0  # hindmost bone in the midline, where the neck muscles begin
HOW = {
    "nasion": "deepest point of the midsagittal skin profile between nose and forehead",
    "inion": "skin over the midline at the height of the external occipital protuberance seen on the scan",
    "left_preauricular": "skin in front of the ear canal, height and depth read off the scan",
    "right_preauricular": "skin in front of the ear canal, height and depth read off the scan",
}


def _skin(head, affine, start_mm, direction):
    """Outermost crossing of the head's half level along a ray that comes from outside."""
    steps = np.arange(0, 160, 0.1)
    points = np.asarray(start_mm, float) + steps[:, None] * np.asarray(direction, float)
    index = np.linalg.inv(affine) @ np.c_[points, np.ones(len(points))].T
    inside = ndi.map_coordinates(head, index[:3], order=1) >= 0.5
    return points[inside.argmax()]


def find(fractions, affine):
    """Four fiducials in RAS mm (dict of (3,) arrays)."""
    head = np.sum(list(fractions.values()), axis=0)
    profile = np.array([_skin(head, affine, (0.0, 104.0, z), (0, -1, 0)) for z in np.arange(-45.0, 15.0, 0.5)])
    smooth = ndi.gaussian_filter1d(profile[:, 1], 3)
    chord = np.interp(profile[:, 2], profile[[0, -1], 2], smooth[[0, -1]])
    result = {"nasion": profile[(smooth - chord).argmin()]}
    result["inion"] = _skin(head, affine, (0.0, -130.0, INION_Z_MM), (0, 1, 0))
    for name, (sign, y, z) in PREAURICULAR_MM.items():
        result[name] = _skin(head, affine, (sign * 100.0, y, z), (-sign, 0, 0))
    return result

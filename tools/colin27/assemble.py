"""From smooth memberships to the fractions of one voxel grid, nested so that no layer opens another."""

import numpy as np
from scipy import ndimage as ndi

from assuage.segmentation.morphology import membership as surface

from . import neck
from .volume import dilate, distance_to, drop_small, erode, gauss, largest

SURFACE_SIGMA = 0.6  # voxels: anti-aliasing of small parts
CSF_MINIMUM_MM = 1.5  # grey matter keeps this distance from the skull
AIR_TO_CAVITY_MM = 2.0
TISSUES = ("white_matter", "grey_matter", "csf", "skull", "scalp", "eyes", "air")


MINIMUM_VOXELS = {
    "white_matter": 200,
    "grey_matter": 200,
    "csf": 6,
    "skull": 1000,
    "scalp": 2000,
    "eyes": 500,
    "air": 250,
}


def without_islands(fractions):
    """Replace small components of the argmax labels by the fractions of the nearest voxel outside them."""
    names = list(fractions)
    stack = np.stack([*fractions.values(), 1.0 - np.sum(list(fractions.values()), axis=0)])
    for _ in range(2):
        labels = stack.argmax(0)
        island = np.zeros(labels.shape, bool)
        for k, name in enumerate(names):
            mask = labels == k
            island |= mask & ~drop_small(mask, MINIMUM_VOXELS[name])
        outside = labels == len(names)
        island |= outside & ~largest(outside)
        source = ndi.distance_transform_edt(island, return_distances=False, return_indices=True)
        where = np.nonzero(island)
        stack[(slice(None), *where)] = stack[(slice(None), *(s[where] for s in source))]
    return dict(zip(names, stack[:-1], strict=True))


def tissue_fractions(parts, affine):
    """Fractions on the large grid.

    Parameters
    ----------
    parts : dict
        On the scan's grid: ``head`` ``solid`` ``cord`` ``canal`` ``eyes`` (bool), ``outer`` ``face`` ``air``
        ``grey_matter`` ``white_matter`` (memberships 0..1).
    affine : array (4, 4)
        Affine of the large grid.

    Returns
    -------
    dict of float32 array
        Fractions per tissue, sum <= 1; the remainder is outside.
    """
    head_mask = neck.extended_head(parts["head"], affine)
    cord, canal, ring = neck.extended_canal(parts["cord"], parts["canal"])
    cavity_mask = neck.padded(parts["solid"])
    cavity_mask[:, :, : neck.PAD_LOW[2]] = canal[:, :, : neck.PAD_LOW[2]]
    outer_mask = (neck.padded(parts["outer"]) > 0.5) | ring | cavity_mask
    head_mask |= dilate(outer_mask, 3.0) & (np.arange(head_mask.shape[2]) > neck.PAD_LOW[2] + 20)

    cavity = surface(cavity_mask, 0.9)
    outer = np.maximum(surface(outer_mask, 1.0), cavity)
    head = np.maximum(surface(head_mask, 1.4), outer)

    tissue_room = erode(cavity_mask, CSF_MINIMUM_MM)
    stem = gauss(cord & tissue_room, SURFACE_SIGMA)
    white = np.maximum(gauss(neck.padded(parts["white_matter"]) * tissue_room, 0.45), stem)
    grey = gauss(neck.padded(parts["grey_matter"]) * tissue_room, 0.45)
    scale = cavity / np.maximum(np.maximum(cavity, white + grey), 1e-6)
    white, grey = white * scale, np.minimum(grey * scale, np.maximum(cavity - white * scale, 0))
    csf = np.maximum(cavity - white - grey, 0)

    away = distance_to(cavity_mask)
    air = gauss((neck.padded(parts["air"]) > 0.5) & (away > AIR_TO_CAVITY_MM), SURFACE_SIGMA)
    eyes = gauss(neck.padded(parts["eyes"]) & ~outer_mask, SURFACE_SIGMA)
    face = gauss(neck.padded(parts["face"]), 0.4)
    shell = outer - cavity
    rest = head - outer
    air_shell, air_rest = shell * air, rest * air
    skull = shell - air_shell
    eyes = eyes * (rest - air_rest)
    bone = face * np.maximum(rest - air_rest - eyes, 0)
    scalp = np.maximum(rest - air_rest - eyes - bone, 0)
    values = (white, grey, csf, skull + bone, scalp, eyes, air_shell + air_rest)
    return without_islands(dict(zip(TISSUES, (v.astype(np.float32) for v in values), strict=True)))

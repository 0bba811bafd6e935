"""From posteriors to a head without leaks: cavity within skull within scalp, and the shares of every voxel.

The posteriors of bone are the least sure of a T1, where compact bone is as dark as air and marrow as bright as fat. The
skull is therefore closed by shape: the cranial cavity is solid; over the vault the skull is at least `LEAST_VAULT` of
the template's own thickness at the same place and encloses its marrow; below it, over the orbits above all, where fat
and marrow look alike, it is at least as thick as the template's; grey matter keeps a layer of CSF. Each surface is
anti-aliased and holds the next one inside, so that no layer opens another.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from assuage.segmentation.morphology import (
    closed,
    dilate,
    distance_to,
    erode,
    filled,
    gauss,
    largest,
    membership,
    opened,
    without_small,
)

Mask = NDArray[np.bool_]
Volume = NDArray[np.float32]

LEAST_VAULT, LEAST_BASE = 0.6, 1.0
"""Least thickness of the skull, as a share of the template's at the same place (which is 0 at its openings)."""
LEAST_VAULT_MM = 1.5
"""Least thickness of the vault; on a grid coarser than this, one voxel."""
FURTHEST_BONE_MM = 20.0
CSF_MM = 1.5
"""Grey matter keeps this distance from the skull."""
AIR_TO_CAVITY_MM = 2.0
"""A sinus keeps further from the cavity than this, and by more than a voxel."""
SMALLEST_VOXELS = {
    "white_matter": 100,
    "grey_matter": 100,
    "csf": 30,
    "skull": 500,
    "scalp": 1000,
    "eyes": 500,
    "air": 100,
}


def closed_head(parts: Mapping[str, Volume], *, vault: Volume, skull_mm: Volume, voxel_mm: float) -> dict[str, Volume]:
    """Return the shares of each tissue, sum at most 1; the rest is air outside.

    Parameters
    ----------
    parts
        Tissue name to share (nx, ny, nz); `air` holds the air outside and inside.
    vault
        (nx, ny, nz), 1 over the vault, from the template.
    skull_mm
        (nx, ny, nz), thickness of the template's skull at the nearest place of the cavity, in the person's mm.
    voxel_mm
        Edge of a voxel.
    """
    brain = parts["white_matter"] + parts["grey_matter"]
    body = head_mask(parts["air"], voxel_mm)
    cavity = cavity_mask(brain, brain + parts["csf"], voxel_mm)
    over = vault > 0.5
    outer = outer_skull(cavity, parts["skull"], body, over, skull_mm, voxel_mm)
    return without_islands(_nested(parts, body, cavity, outer, over, voxel_mm))


def head_mask(air: Volume, voxel_mm: float) -> Mask:
    """Return the solid head: everything that the air outside does not reach."""
    body = largest(opened(gauss(1 - air, 0.6) > 0.5, 1.0 / voxel_mm))
    wide = filled(closed(body, 3.0 / voxel_mm))
    return filled(largest(body | opened(wide, 3.0 / voxel_mm)))


def cavity_mask(brain: Volume, inside: Volume, voxel_mm: float) -> Mask:
    """Return the cranial cavity with the spinal canal, solid and without spurs."""
    core = largest(opened(gauss(inside, 0.6) > 0.5, 1.0 / voxel_mm))
    solid = filled(closed(core, 2.0 / voxel_mm))
    return filled(largest(opened(solid, 1.5 / voxel_mm) | (core & dilate(brain > 0.5, 1.0 / voxel_mm))))


def outer_skull(cavity: Mask, skull: Volume, body: Mask, vault: Mask, skull_mm: Volume, voxel_mm: float) -> Mask:
    """Return the skull with everything it encloses."""
    bone = gauss(np.maximum(skull, cavity), 0.6) > 0.5
    away = distance_to(cavity) * np.float32(voxel_mm)
    outer = largest((bone | cavity) & (away < FURTHEST_BONE_MM))
    outer |= opened(filled(closed(outer & vault, 4.0 / voxel_mm)), 2.0 / voxel_mm) & vault
    least_vault_mm = np.maximum(LEAST_VAULT * skull_mm, max(LEAST_VAULT_MM, voxel_mm))
    outer |= away <= np.where(vault, least_vault_mm, LEAST_BASE * skull_mm)
    depth = distance_transform_edt(body) * voxel_mm
    outer &= (depth > 2.0) | cavity
    return filled(outer | cavity)


def _nested(
    parts: Mapping[str, Volume], body_mask: Mask, cavity_mask: Mask, outer_mask: Mask, vault: Mask, voxel_mm: float
) -> dict[str, Volume]:
    cavity = membership(cavity_mask, 0.9)
    outer = np.maximum(membership(outer_mask, 0.9), cavity)
    body = np.maximum(membership(body_mask | dilate(outer_mask, max(2.0 / voxel_mm, 1.0)), 0.9), outer)

    room = erode(cavity_mask, CSF_MM / voxel_mm)
    white, grey = parts["white_matter"] * room, parts["grey_matter"] * room
    scale = cavity / np.maximum(np.maximum(cavity, white + grey), np.float32(1e-6))
    white, grey = white * scale, grey * scale
    csf = np.maximum(cavity - white - grey, 0)

    away = distance_to(cavity_mask) * np.float32(voxel_mm)
    hollow = (parts["air"] > 0.5) & body_mask
    hollow |= dilate(hollow, 1.0) & (parts["skull"] > 0.5)  # the rim of a sinus is half air: as dark as bone
    hollow = without_small(hollow & (away > max(AIR_TO_CAVITY_MM, voxel_mm)), SMALLEST_VOXELS["air"])
    air = gauss(hollow, 0.6)
    shell, rest = outer - cavity, body - outer
    air_shell, air_rest = shell * air, rest * air
    eyes = np.minimum(
        gauss(without_small((parts["eyes"] > 0.5) & ~outer_mask, SMALLEST_VOXELS["eyes"]), 0.6), rest - air_rest
    )
    outside_vault = np.asarray(~vault, dtype=np.float32)
    face = gauss(without_small((parts["skull"] > 0.5) & ~outer_mask, 60), 0.4) * outside_vault
    bone = np.minimum(face, np.maximum(rest - air_rest - eyes, 0))
    return {
        "white_matter": white,
        "grey_matter": grey,
        "csf": csf,
        "skull": shell - air_shell + bone,
        "scalp": np.maximum(rest - air_rest - eyes - bone, 0),
        "eyes": eyes,
        "air": air_shell + air_rest,
    }


def without_islands(shares: Mapping[str, Volume]) -> dict[str, Volume]:
    """Return shares in which small components of the labels take the shares of their nearest neighbour."""
    names = list(shares)
    stack = np.stack([*shares.values(), 1 - np.sum(list(shares.values()), axis=0)])
    labels = stack.argmax(0)
    island = np.zeros(labels.shape, dtype=np.bool_)
    for number, name in enumerate(names):
        mask = labels == number
        island |= mask & ~without_small(mask, SMALLEST_VOXELS[name])
    outside = labels == len(names)
    island |= outside & ~largest(outside)
    source: Any = distance_transform_edt(island, return_distances=False, return_indices=True)
    where: Any = np.nonzero(island)
    stack[(slice(None), *where)] = stack[(slice(None), *(axis[where] for axis in source))]
    return dict(zip(names, stack[:-1], strict=True))

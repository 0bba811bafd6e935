"""The box around an implanted lead: a fine grid along it, the head's tissues on that grid, and the lead in them.

The lead enters sub-voxel by sub-voxel: its body does not conduct, a layer of encapsulation surrounds it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from assuage.errors import SourceError
from assuage.field.conductor import Conductor
from assuage.field.grid import BOX_MULTIPLE, Grid, grid_over
from assuage.field.interfaces import ZERO
from assuage.field.subvoxel import M, SubvoxelTissue, overlaid, subvoxel_tissue, tissue_channels
from assuage.head import Head
from assuage.sources.lead import BODY, ENCAPSULATION, PlacedLead

Array = NDArray[np.float64]
Array32 = NDArray[np.float32]

CAPSULE = "encapsulation"
"""Name of the layer's tissue."""
FINEST_MM = 0.2
"""Least voxel: below, a box holds too many for little more accuracy."""
MARGIN_MM = 10.0
"""From the lead to the faces of the box: the activated region (about 5 mm) keeps clear of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Encapsulation:
    """The layer of tissue that forms around a lead.

    Attributes
    ----------
    thickness_mm
        0: none.
    conductivity_S_per_m
        Of the layer.
    """

    thickness_mm: float
    conductivity_S_per_m: float

    def __post_init__(self) -> None:
        """Refuse what is no layer."""
        if not (0 <= self.thickness_mm <= 2 and 0 < self.conductivity_S_per_m < np.inf):
            raise SourceError(
                f"encapsulation of {self.thickness_mm} mm and {self.conductivity_S_per_m} S/m; give 0 to 2 mm and a "
                "positive conductivity"
            )


def lead_grid(placed: PlacedLead, *, voxel_mm: float, margin_mm: float = MARGIN_MM) -> Grid:
    """Return a grid around the contacts of a lead: along its frame, voxel faces at the lower edge of contact 1."""
    contacts, h = placed.lead.contacts, voxel_mm
    if not (FINEST_MM <= h <= 1.0 and margin_mm >= 4 * h):
        raise SourceError(
            f"voxel_mm = {h:g}, margin_mm = {margin_mm:g}: give voxels of {FINEST_MM:g} to 1 mm and four of margin"
        )
    if h > placed.lead.gap_mm:
        raise SourceError(
            f"voxels of {h:g} mm join contacts of lead {placed.lead.name!r}, which are {placed.lead.gap_mm:.2f} mm "
            "apart; use voxel_mm = 0.25"
        )
    below = int(np.ceil((contacts[0].from_mm + margin_mm) / h))
    count = below + int(np.ceil((contacts[-1].to_mm - contacts[0].from_mm + margin_mm) / h))
    across = BOX_MULTIPLE * int(np.ceil(2 * (placed.lead.radius_mm + margin_mm) / h / BOX_MULTIPLE))
    along = BOX_MULTIPLE * int(np.ceil(count / BOX_MULTIPLE))
    lowest = contacts[0].from_mm - below * h
    affine = placed.frame
    corner = np.array([-across / 2 * h, -across / 2 * h, lowest]) + h / 2
    affine[:3, 3] = placed.world_mm(corner)[0]
    affine[:3, :3] *= h
    return Grid(shape=(across, across, along), affine=affine, voxel_mm=h)


def resampled_labels(head: Head, grid: Grid) -> tuple[NDArray[np.uint8], tuple[str, ...]]:
    """Return the tissue at each voxel centre of any grid, (nx, ny, nz), and the names by label.

    The first, from the inside out, inside whose interpolated boundary the centre lies.
    """
    names, channels = tissue_channels(head)
    to_voxel = np.linalg.inv(head.affine)
    corners = np.array(np.meshgrid(*[(0.0, n - 1.0) for n in grid.shape])).reshape(3, -1).T
    reach = grid.world_mm(np.asarray(corners)) @ to_voxel[:3, :3].T + to_voxel[:3, 3]
    low = np.clip(np.floor(reach.min(0)).astype(int), 0, np.array(head.labels.shape) - 1)
    high = np.clip(np.ceil(reach.max(0)).astype(int) + 1, low + 1, head.labels.shape)
    part = channels[(slice(None), *(slice(a, b) for a, b in zip(low, high, strict=True)))]
    axes = to_voxel[:3, :3] @ grid.affine[:3, :3]
    start = to_voxel[:3, :3] @ grid.affine[:3, 3] + to_voxel[:3, 3] - low
    label = np.zeros(grid.shape, np.uint8)
    for tissue in range(1, len(names)):
        if part[tissue].any():
            value = np.zeros(grid.shape, np.float32)
            ndimage.affine_transform(part[tissue], axes, start, output=value, order=1, mode="grid-constant", cval=0.0)
            label[(label == 0) & (value > ZERO)] = tissue
    return label, names


def lead_conductor(whole: Conductor, placed: PlacedLead, encapsulation: Encapsulation, grid: Grid) -> Conductor:
    """Return the conductor of the box with the lead in it."""
    label, names = resampled_labels(whole.head, grid)
    _refuse_outside(whole.head, placed)
    tissues = {**dict(enumerate(names[1:], 1)), len(names): CAPSULE}
    sigma = {name: whole.head.conductivity_S_per_m[name] for name in names[1:]}
    head = Head.from_labels(
        label,
        grid.affine,
        tissues=tissues,
        conductivity_S_per_m={**sigma, CAPSULE: encapsulation.conductivity_S_per_m},
        name=f"{whole.head.name}, lead",
    )
    grid = grid_over(grid.shape, grid.affine, grid.voxel_mm)
    tensors = _resampled_tensors(whole, head, grid)
    tissue = subvoxel_tissue(head, grid, drop_islands=False, always=tensors)
    tissue = _overlay(placed, encapsulation, grid, tissue, tensors)
    held = replace(head, labels=tissue.label, tissues=dict(enumerate(tissue.tissues[1:], 1)))
    return Conductor(held, grid.voxel_mm, tensor_S_per_m=tensors, tissue=tissue)


def _overlay(
    placed: PlacedLead,
    encapsulation: Encapsulation,
    grid: Grid,
    tissue: SubvoxelTissue,
    always: Mapping[str, Array32],
) -> SubvoxelTissue:
    """Put the lead and its encapsulation into the tissues of the grid."""
    reach = placed.lead.radius_mm + encapsulation.thickness_mm + grid.voxel_mm
    index = np.stack(np.meshgrid(*map(np.arange, grid.shape), indexing="ij"), -1).reshape(-1, 3)
    local = placed.local_mm(grid.world_mm(np.asarray(index, np.float64)))
    near = index[(np.hypot(local[:, 0], local[:, 1]) < reach) & (local[:, 2] > -reach)]
    ticks = (np.arange(M) + 0.5) / M - 0.5
    offsets = np.stack(np.meshgrid(ticks, ticks, ticks, indexing="ij"), -1).reshape(-1, 3)
    points = placed.local_mm(grid.world_mm((near[:, None] + offsets).reshape(-1, 3)))
    part = placed.lead.part_at(points, encapsulation_mm=encapsulation.thickness_mm).reshape(-1, M, M, M)
    rows = tissue.block[tuple(near.T)]
    blocks = np.repeat(tissue.label[tuple(near.T)], M**3).reshape(-1, M, M, M)
    blocks[rows >= 0] = tissue.blocks[rows[rows >= 0]]
    inside = blocks > 0
    blocks[part == BODY] = 0
    blocks[(part == ENCAPSULATION) & inside] = tissue.tissues.index(CAPSULE)
    return overlaid(tissue, near, blocks, always=always)


def _resampled_tensors(whole: Conductor, head: Head, grid: Grid) -> dict[str, Array32]:
    """Return the whole head's tensors on the fine grid, each from the nearest voxel that carries the tissue's label."""
    tensors = {}
    to_voxel = np.linalg.inv(whole.head.affine)
    for name, given in whole.given_tensors.items():
        if name not in head.tissues.values():
            continue
        voxels = np.argwhere(head.mask(name))
        index = np.rint(grid.world_mm(np.asarray(voxels, np.float64)) @ to_voxel[:3, :3].T + to_voxel[:3, 3]).astype(
            int
        )
        index = np.clip(index, 0, np.array(whole.head.labels.shape) - 1)
        nearest = ndimage.distance_transform_edt(~whole.head.mask(name), return_distances=False, return_indices=True)
        values = np.zeros((*grid.shape, 3, 3), np.float32)
        values[tuple(voxels.T)] = given[tuple(nearest[c][tuple(index.T)] for c in range(3))]
        tensors[name] = values
    return tensors


def _refuse_outside(head: Head, placed: PlacedLead) -> None:
    """Refuse a lead any of whose contacts does not lie in a conducting tissue."""
    conducting = {name for name, sigma in head.conductivity_S_per_m.items() if sigma > 0}
    for number, contact in enumerate(placed.lead.contacts):
        found = set(head.tissue_at(placed.face_mm(number)).tolist())
        if found - conducting:
            raise SourceError(
                f"contact {contact.label} of lead {placed.lead.name!r} lies in {', '.join(sorted(found))}; "
                "place the whole array of contacts inside the head"
            )

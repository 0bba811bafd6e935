"""Conductivity tensors of a tissue, voxel by voxel: checked, and turned into the axes and voxels of the grid."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from assuage.errors import HeadError
from assuage.field.grid import Grid
from assuage.field.subvoxel import SubvoxelTissue
from assuage.head import Head

SYMMETRY_TOLERANCE = 1e-4
"""Largest asymmetry relative to the largest entry: float32 files keep 1e-7, rotations 1e-6."""
LARGEST_RATIO = 50.0
"""Between the eigenvalues of a tensor; white matter has about 10, more is a failed fit."""


@dataclass(frozen=True, kw_only=True, eq=False)
class BlockTensors:
    """Tensors of the blocks of a grid.

    Parameters
    ----------
    slot
        (ntissues,) row of `values` by tissue index, -1 for isotropic tissues.
    values
        (k, nblocks, 3, 3), S/m along the grid axes.
    """

    slot: NDArray[np.int64]
    values: NDArray[np.float32]


def check_tensors(head: Head, tensor_S_per_m: Mapping[str, ArrayLike]) -> dict[str, NDArray[np.float32]]:
    """Return the tensors as float32 arrays, or refuse.

    Parameters
    ----------
    head
        Gives the grid and the tissues.
    tensor_S_per_m
        Tissue name -> (nx, ny, nz, 3, 3) symmetric tensors along the world axes, S/m; read where the tissue's label is.

    Raises
    ------
    HeadError
        Unknown tissue, wrong shape, or voxels of the tissue without a symmetric, positive definite tensor.
    """
    checked = {}
    for name, given in tensor_S_per_m.items():
        if head.conductivity_S_per_m.get(name, 0.0) <= 0:
            raise HeadError(f"tensors for {name!r}: no conducting tissue of this head; it has {_conducting(head)}")
        tensors = np.asarray(given, np.float32)
        if tensors.shape != (*head.labels.shape, 3, 3):
            raise HeadError(
                f"tensors for {name!r} have shape {tensors.shape}; this head needs {(*head.labels.shape, 3, 3)}, one "
                "symmetric 3 x 3 tensor per voxel"
            )
        inside = tensors[_labelled(head, name)].astype(np.float64)
        bad = ~_usable(inside)
        if bad.any():
            raise HeadError(
                f"{int(bad.sum())} of {len(bad)} voxels of {name!r} have no symmetric, positive definite tensor with "
                f"eigenvalues within a factor {LARGEST_RATIO:g}; fill them with the tissue's conductivity times the "
                "unit matrix"
            )
        checked[name] = tensors
    return checked


def block_tensors(
    head: Head, grid: Grid, tissue: SubvoxelTissue, tensors: Mapping[str, NDArray[np.float32]]
) -> BlockTensors:
    """Return the tensors of the blocks, each from the nearest voxel of the head that carries the tissue's label."""
    slot = np.full(len(tissue.tissues), -1, np.int64)
    voxels = np.argwhere(tissue.block >= 0)
    values = np.zeros((len(tensors), len(voxels), 3, 3), np.float32)
    places = grid.world_mm(voxels.astype(np.float64))
    index = np.rint((places - head.affine[:3, 3]) @ np.linalg.inv(head.affine[:3, :3]).T).astype(int)
    index = np.clip(index, 0, np.array(head.labels.shape) - 1)
    axes = grid.axes.astype(np.float32)
    for row, (name, given) in enumerate(tensors.items()):
        slot[tissue.tissues.index(name)] = row
        nearest = ndimage.distance_transform_edt(~_labelled(head, name), return_distances=False, return_indices=True)
        source = tuple(nearest[c][tuple(index.T)] for c in range(3))
        values[row] = np.einsum("ji,njk,kl->nil", axes, given[source], axes)
    return BlockTensors(slot=slot, values=values)


def isotropic(tissue: SubvoxelTissue) -> BlockTensors:
    """Return the tensors of a head that has none."""
    return BlockTensors(
        slot=np.full(len(tissue.tissues), -1, np.int64), values=np.zeros((0, len(tissue.blocks), 3, 3), np.float32)
    )


def _usable(tensors: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Say which of n tensors (n, 3, 3) are finite, symmetric, and positive definite within LARGEST_RATIO."""
    finite = np.asarray(np.isfinite(tensors).all((1, 2)))
    safe = np.zeros_like(tensors)
    safe[finite] = tensors[finite]
    asymmetry = np.abs(safe - safe.transpose(0, 2, 1)).max((1, 2), initial=0.0)
    values = np.linalg.eigvalsh((safe + safe.transpose(0, 2, 1)) / 2)
    symmetric = asymmetry <= SYMMETRY_TOLERANCE * np.abs(safe).max((1, 2), initial=0.0)
    return np.asarray(finite & symmetric & (values[:, 0] > 0) & (values[:, 2] <= LARGEST_RATIO * values[:, 0]))


def _labelled(head: Head, name: str) -> NDArray[np.bool_]:
    return np.isin(head.labels, [code for code, tissue in head.tissues.items() if tissue == name])


def _conducting(head: Head) -> str:
    return ", ".join(sorted(name for name, sigma in head.conductivity_S_per_m.items() if sigma > 0))

"""Which tissue lies where inside a voxel: M x M x M sub-voxels of every voxel that an interface cuts or touches.

`assuage.field.interfaces` finds where the interfaces run, as distances at the image's voxels that are interpolated
trilinearly between them; a sub-voxel goes to the first tissue, from the inside out, inside whose boundary it lies. The
grid may be finer or coarser than the image; layers thinner than a voxel survive.
"""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from assuage.compile import njit, prange
from assuage.field.grid import Grid
from assuage.field.interfaces import ZERO, distances_by_volume, distances_to_unions, first_inside, from_inside_out
from assuage.head import Head

M = 4
"""Sub-voxels along a voxel edge."""
NOT_CONDUCTING = ("air", "background", "outside")
UInt8Array = NDArray[np.uint8]


@dataclass(frozen=True, kw_only=True)
class SubvoxelTissue:
    """Tissue of every voxel, and of every sub-voxel where a voxel or its surroundings are mixed.

    Parameters
    ----------
    tissues
        Tissue names; index 0 is everything that does not conduct.
    label
        (nx, ny, nz) index of the tissue at the voxel's centre.
    block
        (nx, ny, nz) row of `blocks`, or -1 where the voxel and its surroundings are of one tissue.
    blocks
        (nblocks, M, M, M) tissue index per sub-voxel.
    plain
        (nblocks,): the block and its surroundings are of one tissue; it is there because it was asked for.
    """

    tissues: tuple[str, ...]
    label: UInt8Array
    block: NDArray[np.int32]
    blocks: UInt8Array
    plain: NDArray[np.bool_]


def subvoxel_tissue(
    head: Head, grid: Grid, *, drop_islands: bool = True, always: Collection[str] = ()
) -> SubvoxelTissue:
    """Return the tissue of the voxels and sub-voxels of a grid over a head.

    Islands, conducting voxels that share no face with the largest body, become air if `drop_islands`. The voxels of the
    tissues named in `always` get a block even if they and their surroundings are of one tissue.
    """
    names, channels = tissue_channels(head)
    winner = first_inside(channels)
    scale = grid.voxel_mm / np.linalg.norm(head.affine[:3, :3], axis=0)
    first = np.linalg.solve(head.affine, np.append(grid.affine[:3, 3], 1.0))[:3]
    label = _nearest_label(head, names, grid, first, scale)
    wanted = np.flatnonzero(np.isin(names, list(always)))
    mixed = _touches_several(winner, grid.shape, first, scale) | np.isin(label, wanted)
    block = np.full(grid.shape, -1, np.int32)
    where = np.flatnonzero(mixed)
    block.ravel()[where] = np.arange(where.size, dtype=np.int32)
    blocks = np.empty((where.size, M, M, M), np.uint8)
    _evaluate_blocks(channels, np.stack(np.unravel_index(where, grid.shape), 1), first, scale, blocks)
    if drop_islands:
        _keep_largest_component(label, block, blocks)
    return _trimmed(names, label, block, blocks, always)


def overlaid(
    tissue: SubvoxelTissue, voxels: NDArray[np.int64], blocks: UInt8Array, *, always: Collection[str] = ()
) -> SubvoxelTissue:
    """Return the tissues with other sub-voxels in some voxels.

    Parameters
    ----------
    tissue
        Of a grid.
    voxels, blocks
        (n, 3) voxels without repeats and (n, M, M, M) their tissues; the label of a voxel becomes that of a sub-voxel
        at its centre.
    always
        As in `subvoxel_tissue`.
    """
    label, block = tissue.label.copy(), np.full(tissue.block.shape, -1, np.int32)
    changed = np.zeros(label.shape, bool)
    changed[tuple(voxels.T)] = True
    around = ndimage.binary_dilation(changed, np.ones((3, 3, 3), bool))
    where = np.flatnonzero((tissue.block >= 0) | around)
    block.ravel()[where] = np.arange(where.size, dtype=np.int32)
    merged = np.empty((where.size, M, M, M), np.uint8)
    merged[:] = label.ravel()[where, None, None, None]
    old = tissue.block.ravel()[where]
    merged[old >= 0] = tissue.blocks[old[old >= 0]]
    merged[block[tuple(voxels.T)]] = blocks
    label[tuple(voxels.T)] = blocks[:, M // 2, M // 2, M // 2]
    return _trimmed(tissue.tissues, label, block, merged, always)


def _trimmed(
    names: tuple[str, ...],
    label: UInt8Array,
    block: NDArray[np.int32],
    blocks: UInt8Array,
    always: Collection[str],
) -> SubvoxelTissue:
    """Keep the blocks that are needed, and let the labels agree with them; label and block are changed in place."""
    where = np.flatnonzero(block.ravel() >= 0)
    wanted = np.flatnonzero(np.isin(names, list(always)))
    uniform = (blocks.reshape(len(blocks), M**3) == blocks[:, :1, 0, 0]).all(1)
    label.ravel()[where[uniform]] = blocks[uniform, 0, 0, 0]
    needed = _surroundings_differ(label, block, blocks, np.append(uniform, False))
    plain = ~needed & np.isin(label.ravel()[where], wanted) & (label.ravel()[where] > 0)
    keep = needed | plain
    block.ravel()[where] = np.where(keep, np.cumsum(keep) - 1, -1)
    blocks = blocks[keep]
    _settle_labels(label, block, blocks)
    return SubvoxelTissue(tissues=names, label=label, block=block, blocks=blocks, plain=plain[keep])


def tissue_channels(head: Head) -> tuple[tuple[str, ...], UInt8Array]:
    """Return tissue names from the inside out (first: not conducting), and coded distances (nt, nx, ny, nz)."""
    conducting = dict.fromkeys(name for name in head.tissues.values() if _conducts(head, name))
    names = ("", *from_inside_out(conducting))
    if head.fractions is None:
        return names, distances_to_unions(_index_of(head, names)[head.labels], len(conducting))
    return names, distances_by_volume([head.fractions[name] for name in names[1:]])


def _conducts(head: Head, name: str) -> bool:
    return name not in NOT_CONDUCTING and head.conductivity_S_per_m[name] > 0


def _nearest_label(
    head: Head, names: tuple[str, ...], grid: Grid, first: NDArray[np.float64], scale: NDArray[np.float64]
) -> UInt8Array:
    """Tissue index at the voxel centres, from the head's own labels."""
    rows = [
        np.clip(np.rint(first[a] + scale[a] * np.arange(grid.shape[a])).astype(int), 0, head.labels.shape[a] - 1)
        for a in range(3)
    ]
    return np.ascontiguousarray(_index_of(head, names)[head.labels[np.ix_(*rows)]])


def _index_of(head: Head, names: tuple[str, ...]) -> UInt8Array:
    """Return the place in names of every label code, 0 for what does not conduct."""
    index = np.zeros(max(int(head.labels.max()), *head.tissues) + 1, np.uint8)
    for code, name in head.tissues.items():
        index[code] = names.index(name) if name in names else 0
    return index


def _touches_several(
    winner: UInt8Array, shape: tuple[int, int, int], first: NDArray[np.float64], scale: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Voxels over whose interpolation neighbourhood the image has more than one winning tissue.

    Where all corners of an interpolation cell agree on the winner, so does every point inside.
    """
    low, high = winner, winner
    bounds = []
    for axis in range(3):
        centre = first[axis] + scale[axis] * np.arange(shape[axis])
        reach = scale[axis] * (M - 1) / (2 * M)
        last = winner.shape[axis] - 1
        bounds.append(
            (
                np.clip(np.floor(centre - reach).astype(int), 0, last),
                np.clip(np.ceil(centre + reach).astype(int), 0, last),
            )
        )
    for axis, (start, stop) in enumerate(bounds):
        low = _running(np.minimum, low, start, stop, axis)
        high = _running(np.maximum, high, start, stop, axis)
    return np.asarray(low != high)


def _running(
    extreme: np.ufunc, values: UInt8Array, start: NDArray[np.intp], stop: NDArray[np.intp], axis: int
) -> UInt8Array:
    """Extreme of values[start..stop] along an axis, for every pair of bounds."""
    result = np.take(values, start, axis)
    for step in range(1, int((stop - start).max()) + 1):
        result = extreme(result, np.take(values, np.minimum(start + step, stop), axis))
    return np.asarray(result)


@njit(cache=True, parallel=True)
def _evaluate_blocks(channels, voxels, first, scale, blocks):  # type: ignore[no-untyped-def]
    """Fill blocks (n, M, M, M) with the first tissue whose interpolated distance is positive."""
    nt, nx, ny, nz = channels.shape
    for n in prange(voxels.shape[0]):
        for si in range(M):
            x = min(max(first[0] + scale[0] * (voxels[n, 0] + (si + 0.5) / M - 0.5), 0.0), nx - 1.0)
            i = min(int(x), nx - 2)
            u = x - i
            for sj in range(M):
                y = min(max(first[1] + scale[1] * (voxels[n, 1] + (sj + 0.5) / M - 0.5), 0.0), ny - 1.0)
                j = min(int(y), ny - 2)
                v = y - j
                for sk in range(M):
                    z = min(max(first[2] + scale[2] * (voxels[n, 2] + (sk + 0.5) / M - 0.5), 0.0), nz - 1.0)
                    k = min(int(z), nz - 2)
                    w = z - k
                    blocks[n, si, sj, sk] = 0
                    for t in range(1, nt):
                        c = channels[t]
                        value = (1 - u) * (
                            (1 - v) * ((1 - w) * c[i, j, k] + w * c[i, j, k + 1])
                            + v * ((1 - w) * c[i, j + 1, k] + w * c[i, j + 1, k + 1])
                        ) + u * (
                            (1 - v) * ((1 - w) * c[i + 1, j, k] + w * c[i + 1, j, k + 1])
                            + v * ((1 - w) * c[i + 1, j + 1, k] + w * c[i + 1, j + 1, k + 1])
                        )
                        if value > ZERO:
                            blocks[n, si, sj, sk] = t
                            break


def _keep_largest_component(label: UInt8Array, block: NDArray[np.int32], blocks: UInt8Array) -> None:
    """Turn conducting islands that touch the largest conducting body by no face into air, in place."""
    conducts = label > 0
    conducts.ravel()[np.flatnonzero(block.ravel() >= 0)] |= blocks.reshape(len(blocks), M**3).any(1)
    components, count = ndimage.label(conducts)
    if count <= 1:
        return
    largest = np.bincount(components.ravel())[1:].argmax() + 1
    stray = conducts & (components != largest)
    label[stray] = 0
    rows = block[stray]
    blocks[rows[rows >= 0]] = 0


@njit(cache=True, parallel=True)
def _surroundings_differ(label, block, blocks, uniform):  # type: ignore[no-untyped-def]
    """Say for each block whether the voxel and the sub-voxel layer around it hold several tissues."""
    nx, ny, nz = label.shape
    needed = np.zeros(blocks.shape[0], np.bool_)
    for i in prange(nx):
        for j in range(ny):
            for k in range(nz):
                n = block[i, j, k]
                if n < 0:
                    continue
                if not uniform[n]:
                    needed[n] = blocks[n].max() > 0
                    continue
                own = label[i, j, k]
                if own == 0:
                    continue
                for si in range(-1, M + 1):
                    for sj in range(-1, M + 1):
                        for sk in range(-1, M + 1):
                            if sub_label(label, block, blocks, i, j, k, si, sj, sk) != own:
                                needed[n] = True
    return needed


@njit(cache=True)
def sub_label(label, block, blocks, i, j, k, si, sj, sk):  # type: ignore[no-untyped-def]
    """Tissue of sub-voxel (si, sj, sk) of voxel (i, j, k); -1 and M reach into the neighbours, air beyond the grid."""
    i += -1 if si < 0 else (1 if si >= M else 0)
    j += -1 if sj < 0 else (1 if sj >= M else 0)
    k += -1 if sk < 0 else (1 if sk >= M else 0)
    if i < 0 or j < 0 or k < 0 or i >= label.shape[0] or j >= label.shape[1] or k >= label.shape[2]:
        return 0
    n = block[i, j, k]
    if n < 0:
        return label[i, j, k]
    return blocks[n, si % M, sj % M, sk % M]


def _settle_labels(label: UInt8Array, block: NDArray[np.int32], blocks: UInt8Array) -> None:
    """Give cut voxels whose label is none of their sub-voxels' the commonest of these, in place."""
    where = np.flatnonzero(block.ravel() >= 0)
    flat = blocks.reshape(len(blocks), M**3)
    own = label.ravel()[where]
    absent = np.flatnonzero(~(flat == own[:, None]).any(1))
    counts = np.stack([(flat[absent] == t).sum(1) for t in range(int(flat.max(initial=0)) + 1)], 1)
    label.ravel()[where[absent]] = counts.argmax(1)

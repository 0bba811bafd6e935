"""A target as a linear functional of the potentials: the mean field over the target's share of every element."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from assuage.compile import njit
from assuage.errors import TargetError
from assuage.field.basis import block_conductivity, multiscale_gradients
from assuage.field.elements import centre_of, mean_gradient
from assuage.field.subvoxel import M
from assuage.targets import Target

if TYPE_CHECKING:
    from assuage.field.conductor import Conductor

Array = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False)
class ReadOut:
    """Mean field over a target.

    Parameters
    ----------
    where
        (n, 3) elements that share in the target.
    R
        (n, 3, 8) mean gradient over the share, 1/m.
    D
        (n, 3) centre of the share relative to the voxel's, m.
    weights
        (n,) share of the target's volume, sum 1.
    volume_mm3
        Volume of the target in its tissue.
    """

    where: NDArray[np.int64]
    R: Array
    D: Array
    weights: Array
    volume_mm3: float

    @classmethod
    def mixed(cls, parts: "Sequence[ReadOut]", weights: Array) -> "ReadOut":
        """Return the weighted mean of read-outs of one conductor, weights (n,) of sum 1: that of a smeared target."""
        return cls(
            where=np.concatenate([part.where for part in parts]),
            R=np.concatenate([part.R for part in parts]),
            D=np.concatenate([part.D for part in parts]),
            weights=np.concatenate([w * part.weights for part, w in zip(parts, weights, strict=True)]),
            volume_mm3=float(sum(w * part.volume_mm3 for part, w in zip(parts, weights, strict=True))),
        )


def read_out(conductor: "Conductor", target: Target) -> ReadOut:
    """Return the read-out of a target: its sub-voxels that lie in the target's tissue."""
    grid, tissue = conductor.grid, conductor.tissue
    candidates = _candidates(conductor, target)
    names = target.tissue_in(conductor.head)
    chosen = np.array([name in names for name in tissue.tissues])
    ticks = (np.arange(M) + 0.5) / M - 0.5
    offsets = np.stack(np.meshgrid(ticks, ticks, ticks, indexing="ij"), -1).reshape(-1, 3)
    inside = np.empty((len(candidates), M**3), bool)
    for start in range(0, len(candidates), 20000):
        part = candidates[start : start + 20000]
        points = grid.world_mm((part[:, None] + offsets).reshape(-1, 3))
        inside[start : start + 20000] = target.inside(points).reshape(-1, M**3)
    member = inside & chosen[_sub_tissue(tissue.label, tissue.block, tissue.blocks, candidates)]
    keep = member.any(1)
    where, member = candidates[keep], member[keep].reshape(-1, M, M, M)
    if not len(where):
        raise TargetError(
            f"target {target.name!r} at {np.round(target.center_mm, 1)} mm holds no {' or '.join(sorted(names))} "
            f"on the {grid.voxel_mm:g} mm grid; move or enlarge it, or name another tissue"
        )
    R, D = np.empty((len(where), 3, 8)), np.empty((len(where), 3))
    _gradients(tissue.label, tissue.block, tissue.blocks, where, conductor.sigma_S_per_m, grid.voxel_m, member, R, D)
    share = member.reshape(-1, M**3).mean(1)
    volume_mm3 = float(share.sum() * grid.voxel_mm**3)
    return ReadOut(where=where, R=R, D=D, weights=share / share.sum(), volume_mm3=volume_mm3)


def _candidates(conductor: "Conductor", target: Target) -> NDArray[np.int64]:
    """Conducting elements whose centre lies in the box around the target, one voxel added."""
    grid = conductor.grid
    elements = np.argwhere(conductor.kind != -1)
    if target.mask is None or target.affine is None:
        centre = grid.index(np.asarray(target.center_mm))[0]
        low = high = centre
        reach = target.radius_mm / grid.voxel_mm + np.sqrt(3)
    else:
        filled = np.argwhere(target.mask)
        faces = np.stack([filled.min(0) - 0.5, filled.max(0) + 0.5], 1)
        box = np.stack(np.meshgrid(*faces, indexing="ij"), -1).reshape(-1, 3)
        corners = grid.index(box @ target.affine[:3, :3].T + target.affine[:3, 3])
        low, high, reach = corners.min(0), corners.max(0), 1.0
    return np.asarray(elements[((elements >= low - reach) & (elements <= high + reach)).all(1)])


@njit(cache=True)
def _sub_tissue(label, block, blocks, voxels):  # type: ignore[no-untyped-def]
    out = np.empty((voxels.shape[0], M**3), np.uint8)
    for n in range(voxels.shape[0]):
        i, j, k = voxels[n, 0], voxels[n, 1], voxels[n, 2]
        if block[i, j, k] < 0:
            out[n] = label[i, j, k]
        else:
            out[n] = blocks[block[i, j, k]].ravel()
    return out


@njit(cache=True)
def _gradients(label, block, blocks, voxels, sigma, h, member, R, D):  # type: ignore[no-untyped-def]
    s = np.empty((M + 2, M + 2, M + 2))
    G = np.empty((8, 3, M**3))
    for n in range(voxels.shape[0]):
        block_conductivity(label, block, blocks, sigma, voxels[n, 0], voxels[n, 1], voxels[n, 2], s)
        multiscale_gradients(s, G)
        mean_gradient(G, member[n], h, R[n])
        centre_of(member[n], h, D[n])

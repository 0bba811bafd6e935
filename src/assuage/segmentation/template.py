"""The embedded head as a template: what it foretells about the tissues of another head, once it is registered to it."""

from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt, gaussian_filter

from assuage.compile import njit, prange
from assuage.head import Head, load_head
from assuage.segmentation.grid import Grid
from assuage.segmentation.mixture import TISSUES, stacked
from assuage.segmentation.morphology import distance_to, erode, filled

Float = NDArray[np.float64]
Volume = NDArray[np.float32]

COARSE_FROM_MM = 1.5
WIDE_MM = 4.0
WIDE_SHARE = 0.02
"""This much of every prior is smoothed by `WIDE_MM`: no tissue is impossible near where the template has it."""
VAULT_REACH_MM = 15.0
DEEP_MM = ((-31.0, 31.0), (-36.0, 26.0), (-16.0, 26.0))
"""Box in MNI space round striatum, pallidum and thalamus, inside the insula."""
DEEP_RIM_MM = 3.0


@dataclass(frozen=True, kw_only=True, eq=False)
class Template:
    """The embedded head on its own grid.

    Attributes
    ----------
    head
        The head.
    parts
        (tissues, nx, ny, nz) shares in the order of `TISSUES`; air includes the air outside.
    seen
        (nx, ny, nz) uint8, 1 where its scan has data.
    vault
        (nx, ny, nz) 0..1: skull vault and occiput with their surroundings, where scalp and bone part clearly.
    skull_mm
        (nx, ny, nz) thickness of the skull at the nearest place of the cavity's rim.
    deep
        (nx, ny, nz) 0..1: where grey matter is that of the deep nuclei.
    """

    head: Head
    parts: Volume
    seen: NDArray[np.uint8]
    vault: Volume
    skull_mm: Volume
    deep: Volume


@cache
def template() -> Template:
    """Return the template; computed once per process."""
    head = load_head("colin27")
    if head.fractions is None:  # the embedded head always has them
        raise AssertionError
    parts = stacked({name: share.astype(np.float32) / np.float32(255) for name, share in head.fractions.items()})
    seen = np.zeros(head.labels.shape, dtype=np.uint8)
    seen[:, :, round(head.metadata["neck_extension"]["cut_z_mm"] - head.affine[2, 3]) + 1 :] = 1
    cavity = parts[:3].sum(0) > 0.5
    vault = _vault(head.labels.shape, head.affine) * (distance_to(cavity) < VAULT_REACH_MM)
    return Template(
        head=head,
        parts=parts,
        seen=seen,
        vault=vault.astype(np.float32),
        skull_mm=_thickness(cavity, parts),
        deep=_deep(head.labels.shape, head.affine),
    )


def _vault(shape: tuple[int, ...], affine: Float) -> Volume:
    """Return 1 over the vault and occiput of the embedded head, 0 over the skull base, by place in MNI space."""
    y_mm = (affine[1, 3] + np.arange(shape[1]))[:, None]
    z_mm = (affine[2, 3] + np.arange(shape[2]))[None, :]
    above = np.clip((z_mm - (-25.0 + 0.25 * np.maximum(y_mm, 0.0))) / 25.0, 0, 1)
    behind = np.clip((-45.0 - y_mm) / 15.0, 0, 1) * np.clip((z_mm + 50.0) / 10.0, 0, 1)
    return np.broadcast_to(np.maximum(above, behind), shape).astype(np.float32)


def _deep(shape: tuple[int, ...], affine: Float) -> Volume:
    """Return 1 in the box of the deep nuclei, falling to 0 over its rim."""
    result = np.ones(shape, dtype=np.float32)
    for axis, (low, high) in enumerate(DEEP_MM):
        at_mm = affine[axis, 3] + affine[axis, axis] * np.arange(shape[axis])
        ramp = np.clip(np.minimum(at_mm - low, high - at_mm) / DEEP_RIM_MM, 0, 1)
        result *= ramp.reshape([-1 if a == axis else 1 for a in range(3)]).astype(np.float32)
    return result


def _thickness(cavity: NDArray[np.bool_], parts: Volume) -> Volume:
    """Return at every voxel the depth of the nearest point of the cavity's rim under the outer surface of the skull,
    mm.
    """
    solid = filled(cavity | (parts[TISSUES.index("skull")] > 0.5))
    depth = distance_transform_edt(solid).astype(np.float32)
    rim = cavity & ~erode(cavity, 1.0)
    nearest: Any = distance_transform_edt(~rim, return_distances=False, return_indices=True)
    return np.asarray(depth[tuple(nearest)], dtype=np.float32)


@dataclass(frozen=True, kw_only=True, eq=False)
class Registered:
    """The template laid over a person:  q = A (p + v(p)).

    Attributes
    ----------
    grid
        The person's grid.
    affine
        (4, 4), A.
    displacement_mm
        (nx, ny, nz, 3), v in world axes, or None.
    """

    grid: Grid
    affine: Float
    displacement_mm: Volume | None = None

    def index(self) -> Volume:
        """Return the template's voxel index at every voxel of the person, (3, nx, ny, nz)."""
        linear = np.linalg.inv(template().head.affine) @ self.affine
        whole = linear @ self.grid.affine
        axes = np.ogrid[tuple(slice(0, n) for n in self.grid.shape)]
        result = np.empty((3, *self.grid.shape), dtype=np.float32)
        for a in range(3):
            result[a] = sum(whole[a, b] * axes[b] for b in range(3)) + whole[a, 3]
        if self.displacement_mm is not None:
            result += np.einsum("ab,...b->a...", linear[:3, :3].astype(np.float32), self.displacement_mm)
        return result

    def carried(self, volumes: NDArray[Any]) -> Volume:
        """Return volumes (n, nx, ny, nz) of the template's grid on the person's grid, trilinear, 0 beyond it."""
        stack = np.ascontiguousarray(np.moveaxis(volumes, 0, -1), dtype=np.float32)
        carried: Volume = trilinear(stack, self.index())
        return carried

    def prior(self, width_mm: float) -> Volume:
        """Return the prior shares (tissues, nx, ny, nz) on the person's grid, sum 1.

        Parameters
        ----------
        width_mm
            How far the person's borders may lie from the template's: width of the Gaussian that blurs them.
        """
        at = self.index()
        sharp, factor = blurred(width_mm)
        result: Volume = trilinear(sharp, _on_coarse(at, factor))
        wide, factor = blurred(WIDE_MM)
        result *= np.float32(1 - WIDE_SHARE)
        result += np.float32(WIDE_SHARE) * trilinear(wide, _on_coarse(at, factor))
        result[TISSUES.index("air")] += np.maximum(1 - result.sum(0), 0)
        result /= result.sum(0)
        return result


@lru_cache(maxsize=6)
def blurred(width_mm: float) -> tuple[Volume, int]:
    """Return the template's shares (nx, ny, nz, tissues) blurred by a Gaussian, and by how much their grid is coarser.

    From `COARSE_FROM_MM` on the blur hides what a grid of 2 mm leaves out.
    """
    parts = template().parts
    factor = 2 if width_mm >= COARSE_FROM_MM else 1
    if factor == 2:
        parts = np.stack([_halved(p) for p in parts])
    smooth = [gaussian_filter(p, width_mm / factor, truncate=3.0) for p in parts]
    return np.ascontiguousarray(np.stack(smooth, -1), dtype=np.float32), factor


def _halved(volume: Volume) -> Volume:
    """Return the means of blocks of two voxels along each axis."""
    even = np.pad(volume, [(0, n % 2) for n in volume.shape], mode="edge")
    blocks = [m for n in even.shape for m in (n // 2, 2)]
    return np.asarray(even.reshape(blocks).mean(axis=(1, 3, 5)), dtype=np.float32)


def _on_coarse(at: Volume, factor: int) -> Volume:
    """Return indices of a grid as indices of its block average."""
    return at if factor == 1 else (at - np.float32(0.5 * (factor - 1))) / np.float32(factor)


@njit(parallel=True, cache=True)
def trilinear(stack, at):  # type: ignore[no-untyped-def]
    """Sample a stack (x, y, z, n) at indices (3, ...), trilinear, 0 beyond it; (n, ...)."""
    nx, ny, nz, n = stack.shape
    mx, my, mz = at.shape[1], at.shape[2], at.shape[3]
    result = np.zeros((n, mx, my, mz), np.float32)
    for i in prange(mx):
        value = np.empty(n, np.float32)
        for j in range(my):
            for k in range(mz):
                x, y, z = at[0, i, j, k], at[1, i, j, k], at[2, i, j, k]
                if not (0 <= x <= nx - 1 and 0 <= y <= ny - 1 and 0 <= z <= nz - 1):
                    continue
                a, b, c = min(int(x), nx - 2), min(int(y), ny - 2), min(int(z), nz - 2)
                u, v, w = x - a, y - b, z - c
                value[:] = 0
                for da in range(2):
                    fa = u if da else 1 - u
                    for db in range(2):
                        fb = fa * (v if db else 1 - v)
                        for dc in range(2):
                            f = fb * (w if dc else 1 - w)
                            for t in range(n):
                                value[t] += f * stack[a + da, b + db, c + dc, t]
                for t in range(n):
                    result[t, i, j, k] = value[t]
    return result

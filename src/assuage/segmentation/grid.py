"""The grid of a built head: cubic voxels along the axes of the scan, wide enough for the neck that the scan lacks."""

from dataclasses import dataclass
from typing import Any

import nibabel as nib
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import affine_transform, gaussian_filter

Float = NDArray[np.float64]
Volume = NDArray[np.float32]

MARGIN_MM = 6.0


@dataclass(frozen=True, kw_only=True, eq=False)
class Grid:
    """Shape (3,) and affine (4, 4) voxel index to RAS+ mm."""

    shape: tuple[int, int, int]
    affine: Float

    @property
    def voxel_mm(self) -> float:
        """Edge of a voxel."""
        return float(np.linalg.norm(self.affine[:3, 0]))

    def resampled(self, volume: NDArray[Any], affine: Float, *, beyond: float = np.nan, order: int = 3) -> Volume:
        """Return a volume on this grid, `beyond` outside it; detail finer than the grid is smoothed first.

        Parameters
        ----------
        volume, affine
            (nx, ny, nz) and its voxel index to mm.
        beyond
            Value where the volume does not reach.
        order
            Order of the spline, 0 for labels.
        """
        matrix = np.linalg.inv(affine) @ self.affine
        spacing = np.linalg.norm(affine[:3, :3], axis=0)
        blur = np.sqrt(np.maximum((self.voxel_mm / spacing) ** 2 - 1, 0)) * 0.5 if order else np.zeros(3)
        smooth = gaussian_filter(volume.astype(np.float32), blur) if blur.any() else volume.astype(np.float32)
        moved: Any = affine_transform(  # type: ignore[call-overload]
            smooth,
            matrix[:3, :3],
            matrix[:3, 3],
            output_shape=self.shape,
            order=order,
            mode="nearest",
            output=np.float32,
        )
        moved[~self.covered(volume.shape, affine)] = beyond
        return np.asarray(moved, dtype=np.float32)

    def covered(self, shape: tuple[int, ...], affine: Float) -> NDArray[np.bool_]:
        """Return which voxels lie within a volume's field of view."""
        matrix = np.linalg.inv(affine) @ self.affine
        inside = np.ones(self.shape, dtype=np.bool_)
        i, j, k = np.ogrid[: self.shape[0], : self.shape[1], : self.shape[2]]
        for row, size in zip(matrix, shape, strict=False):
            index = row[0] * i + row[1] * j + row[2] * k + row[3]
            inside &= (index > -0.5) & (index < size - 0.5)
        return inside


def grid_of(scan_shape: tuple[int, ...], scan_affine: Float, also_mm: Float, *, voxel_mm: float) -> Grid:
    """Return the grid that covers points of interest with voxels along the scan's axes, in the nearest RAS order.

    Parameters
    ----------
    scan_shape, scan_affine
        Field of view of the scan.
    also_mm
        (n, 3) points that must lie within, e.g. the warped template's head.
    voxel_mm
        Edge of a voxel.
    """
    turned = nib.orientations.io_orientation(scan_affine)
    flips = nib.orientations.inv_ornt_aff(turned, scan_shape)
    canonical = scan_affine @ flips
    axes = canonical[:3, :3] / np.linalg.norm(canonical[:3, :3], axis=0)
    points = np.asarray(also_mm, dtype=np.float64) @ axes
    low, high = points.min(0) - MARGIN_MM, points.max(0) + MARGIN_MM
    shape = np.ceil((high - low) / voxel_mm).astype(int) + 1
    affine = np.eye(4)
    affine[:3, :3] = axes * voxel_mm
    affine[:3, 3] = axes @ low
    nx, ny, nz = (int(n) for n in shape)
    return Grid(shape=(nx, ny, nz), affine=affine)

"""The grid of the conductor: cubic voxels along the head's own voxel axes, potentials at the voxel corners.

Node (i, j, k) is the lower corner of voxel (i, j, k). Arrays over nodes carry one layer of padding on every side, so
that a 27-point stencil never leaves the array: node (i, j, k) sits at [i + 1, j + 1, k + 1].
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assuage.errors import HeadError
from assuage.units import M_PER_MM

SAME_SIZE_TOLERANCE = 1e-4
"""Relative difference below which the head's voxels count as the grid's voxels."""
BOX_MULTIPLE = 16
"""Voxels along a box are a multiple of this, so that its faces are faces of the coarser grids too."""


@dataclass(frozen=True, kw_only=True)
class Grid:
    """A box of cubic voxels.

    Parameters
    ----------
    shape
        Number of voxels along the three axes.
    affine
        (4, 4), voxel index -> world mm at voxel centres; axes orthogonal, all of length `voxel_mm`.
    voxel_mm
        Edge of a voxel, mm.
    """

    shape: tuple[int, int, int]
    affine: NDArray[np.float64]
    voxel_mm: float

    @property
    def voxel_m(self) -> float:
        """Edge of a voxel, m."""
        return self.voxel_mm * M_PER_MM

    @property
    def axes(self) -> NDArray[np.float64]:
        """(3, 3), columns are the unit vectors of the grid axes in the world (a reflection for left-handed grids)."""
        return np.asarray(self.affine[:3, :3] / self.voxel_mm)

    @property
    def node_shape(self) -> tuple[int, int, int]:
        """Shape of a padded node array."""
        nx, ny, nz = self.shape
        return nx + 3, ny + 3, nz + 3

    def index(self, points_mm: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return continuous voxel indices (n, 3) of world points (n, 3), mm; integers are voxel centres."""
        return np.asarray((np.atleast_2d(points_mm) - self.affine[:3, 3]) @ self.axes / self.voxel_mm)

    def world_mm(self, index: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return world points (n, 3), mm, of continuous voxel indices (n, 3)."""
        return np.asarray(np.atleast_2d(index) @ self.affine[:3, :3].T + self.affine[:3, 3])


def grid_in_box(grid: Grid, center_mm: NDArray[np.float64], edge_mm: float, voxel_mm: float) -> Grid:
    """Return a grid of finer voxels over a cube within a grid, along the same axes.

    Parameters
    ----------
    grid
        Gives the axes.
    center_mm
        (3,) centre of the cube, world mm.
    edge_mm
        Least edge of the cube; it grows to a multiple of BOX_MULTIPLE voxels.
    voxel_mm
        Edge of the new voxels, mm.
    """
    if not 0.05 <= voxel_mm <= edge_mm / 8:
        raise HeadError(
            f"a box of {edge_mm:g} mm with voxels of {voxel_mm:g} mm: voxels of 0.05 mm to edge / 8 are needed"
        )
    count = BOX_MULTIPLE * int(np.ceil(edge_mm / voxel_mm / BOX_MULTIPLE - 1e-9))
    affine = np.eye(4)
    affine[:3, :3] = grid.axes * voxel_mm
    affine[:3, 3] = np.asarray(center_mm) - affine[:3, :3] @ np.full(3, (count - 1) / 2)
    return Grid(shape=(count, count, count), affine=affine, voxel_mm=voxel_mm)


def grid_over(shape: tuple[int, ...], affine: NDArray[np.float64], voxel_mm: float) -> Grid:
    """Return the grid of cubic voxels over an image: the image's own voxels where they have the asked size.

    Parameters
    ----------
    shape, affine
        Of the image; the affine's columns must be orthogonal.
    voxel_mm
        Edge of the grid's voxels, mm, 0.1 to 20.
    """
    if not 0.1 <= voxel_mm <= 20:
        raise HeadError(f"voxel_mm = {voxel_mm:g} is outside 0.1 to 20 mm; 1 or 2 mm are usual")
    size = np.linalg.norm(affine[:3, :3], axis=0)
    if np.allclose(size, voxel_mm, rtol=SAME_SIZE_TOLERANCE):
        exact = affine.copy()
        exact[:3, :3] *= voxel_mm / size
        return Grid(shape=(shape[0], shape[1], shape[2]), affine=exact, voxel_mm=voxel_mm)
    extent = size * np.asarray(shape[:3])
    counts = np.ceil(extent / voxel_mm - 1e-6).astype(int)
    directions = affine[:3, :3] / size
    grid_affine = np.eye(4)
    grid_affine[:3, :3] = directions * voxel_mm
    centre = affine[:3, :3] @ ((np.asarray(shape[:3]) - 1) / 2) + affine[:3, 3]
    grid_affine[:3, 3] = centre - grid_affine[:3, :3] @ ((counts - 1) / 2)
    return Grid(shape=(int(counts[0]), int(counts[1]), int(counts[2])), affine=grid_affine, voxel_mm=voxel_mm)

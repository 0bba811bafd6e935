"""The probability of the target as an image on a grid of the head's world."""

import numpy as np
from numpy.typing import NDArray

from assuage.connectivity.distribution import TargetDistribution

EDGE_MM = 2.0
SIGMA_MM = 2.5
"""Each point is drawn as a Gaussian of this width: about one voxel of BOLD."""
MARGIN_MM = 16.0


def probability_volume(distribution: TargetDistribution) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """Return the probability of each voxel (nx, ny, nz), sum 1, and the (4, 4) affine to RAS+ mm."""
    low = np.floor((distribution.points_mm.min(0) - MARGIN_MM) / EDGE_MM) * EDGE_MM
    size = np.ceil((distribution.points_mm.max(0) + MARGIN_MM - low) / EDGE_MM).astype(int) + 1
    ticks = [low[axis] + EDGE_MM * np.arange(size[axis]) for axis in range(3)]
    lines = [
        np.exp(-0.5 * ((tick - distribution.points_mm[:, axis, None]) / SIGMA_MM) ** 2)
        for axis, tick in enumerate(ticks)
    ]
    values = np.einsum("n,ni,nj,nk->ijk", distribution.weights, *lines, optimize=True)
    affine = np.diag([EDGE_MM, EDGE_MM, EDGE_MM, 1.0])
    affine[:3, 3] = low
    return (values / values.sum()).astype(np.float32), affine

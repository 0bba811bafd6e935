"""Coordinates of FreeSurfer's average surface (fsaverage, MNI305) in MNI152."""

import numpy as np
from numpy.typing import NDArray

MNI305_TO_MNI152 = np.array(
    [
        [0.9975, -0.0073, 0.0176, -0.0429],
        [0.0146, 1.0009, -0.0024, 1.5496],
        [-0.0130, -0.0093, 0.9971, 1.1840],
    ]
)
"""FreeSurfer wiki, CoordinateSystems, case 8."""


def fsaverage_to_mni_mm(points_mm: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return points (n, 3), mm, of fsaverage in MNI152."""
    return np.asarray(points_mm @ MNI305_TO_MNI152[:, :3].T + MNI305_TO_MNI152[:, 3])

"""Between one head's world and MNI space: an affine, refined by displacement fields.

With p a head point and q an MNI point, both RAS+ mm, A the 4x4 affine head -> MNI:

    head_to_mni(p) = A p + u(p)            u: displacement in mm, sampled on a grid in head space
    mni_to_head(q) = A^-1 q + v(q)         v: displacement in mm, sampled on a grid in MNI space

Displacements are trilinear between nodes; beyond the grid the value at its edge holds: the map stays continuous.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import map_coordinates

from assuage.errors import DataError

Float = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DisplacementField:
    """Displacements (nx, ny, nz, 3) in mm on a grid whose `affine` maps index to RAS+ mm."""

    displacement_mm: NDArray[np.floating]
    affine: Float

    def __post_init__(self) -> None:
        """Refuse a field of the wrong shape."""
        if self.displacement_mm.ndim != 4 or self.displacement_mm.shape[3] != 3:
            raise DataError(f"a displacement field has shape (nx, ny, nz, 3), got {self.displacement_mm.shape}")
        if not np.isfinite(self.displacement_mm).all():
            raise DataError("a displacement field holds NaN or infinity; register again")

    def at(self, points_mm: Float) -> Float:
        """Return the displacement at (n, 3) points, (n, 3) mm, trilinear, constant beyond the grid."""
        inverse = np.linalg.inv(self.affine)
        index = (points_mm @ inverse[:3, :3].T + inverse[:3, 3]).T
        return np.stack(
            [map_coordinates(self.displacement_mm[..., a], index, order=1, mode="nearest") for a in range(3)], axis=1
        ).astype(np.float64)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MniTransform:
    """Both directions between head and MNI space; see the module for the formula.

    Attributes
    ----------
    affine
        (4, 4), head mm to MNI mm.
    forward, backward
        Displacements head to MNI (on a head grid) and MNI to head (on an MNI grid); None for an affine only.
    space
        Name of the MNI template.
    """

    affine: Float
    forward: DisplacementField | None = None
    backward: DisplacementField | None = None
    space: str = "MNI152"

    def head_to_mni(self, points_mm: ArrayLike) -> Float:
        """Return MNI points (n, 3) mm of head points (n, 3) mm."""
        points = np.asarray(points_mm, dtype=np.float64).reshape(-1, 3)
        moved: Float = points @ self.affine[:3, :3].T + self.affine[:3, 3]
        return moved if self.forward is None else moved + self.forward.at(points)

    def mni_to_head(self, points_mm: ArrayLike) -> Float:
        """Return head points (n, 3) mm of MNI points (n, 3) mm."""
        points = np.asarray(points_mm, dtype=np.float64).reshape(-1, 3)
        inverse = np.linalg.inv(self.affine)
        moved: Float = points @ inverse[:3, :3].T + inverse[:3, 3]
        return moved if self.backward is None else moved + self.backward.at(points)

    def round_trip_error_mm(self, head_points_mm: ArrayLike) -> Float:
        """Return the distance (n,) mm between each head point and its image after head -> MNI -> head."""
        points = np.asarray(head_points_mm, dtype=np.float64).reshape(-1, 3)
        return np.asarray(np.linalg.norm(self.mni_to_head(self.head_to_mni(points)) - points, axis=1))

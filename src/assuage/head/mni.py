"""Between one head's world and MNI space: an affine, refined by a displacement field, in each direction.

With p a point in the source space, RAS+ mm:   q = L p + u(p)

L is a 4x4 affine and u a displacement in mm, sampled on a grid of the source space, trilinear between nodes. Beyond the
grid the value at its edge holds, so that the map stays continuous. The two directions are stored apart;
`round_trip_error_mm` says how well one undoes the other.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import map_coordinates

from assuage.errors import DataError

Float = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Warp:
    """One direction of the map.

    Attributes
    ----------
    linear
        (4, 4), source mm to destination mm.
    displacement_mm
        (nx, ny, nz, 3) on a grid of the source space, or None for an affine map.
    grid_affine
        (4, 4), grid index to source mm.
    """

    linear: Float
    displacement_mm: NDArray[np.floating[Any]] | None = None
    grid_affine: Float | None = None

    def __post_init__(self) -> None:
        """Refuse a field of the wrong shape."""
        if self.displacement_mm is None:
            return
        if self.displacement_mm.ndim != 4 or self.displacement_mm.shape[3] != 3 or self.grid_affine is None:
            raise DataError(
                f"a displacement field has shape (nx, ny, nz, 3) and a grid_affine, got {self.displacement_mm.shape}"
            )
        if not np.isfinite(self.displacement_mm).all():
            raise DataError("a displacement field holds NaN or infinity; register again")

    def __call__(self, points_mm: ArrayLike) -> Float:
        """Return the images (n, 3) mm of points (n, 3) mm."""
        points = np.asarray(points_mm, dtype=np.float64).reshape(-1, 3)
        moved: Float = points @ self.linear[:3, :3].T + self.linear[:3, 3]
        if self.displacement_mm is None or self.grid_affine is None:
            return moved
        inverse = np.linalg.inv(self.grid_affine)
        index = (points @ inverse[:3, :3].T + inverse[:3, 3]).T
        for axis in range(3):
            component = np.asarray(self.displacement_mm[..., axis])
            moved[:, axis] += map_coordinates(component, index, order=1, mode="nearest", prefilter=False)
        return moved


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MniTransform:
    """Both directions between head and MNI space; `space` names the template."""

    forward: Warp
    backward: Warp
    space: str = "MNI152"

    @classmethod
    def affine(cls, head_to_mni: ArrayLike, *, space: str = "MNI152") -> "MniTransform":
        """Return the transform of a single (4, 4) affine, head mm to MNI mm."""
        linear = np.array(head_to_mni, dtype=np.float64)
        if linear.shape != (4, 4) or not np.isfinite(linear).all() or abs(np.linalg.det(linear)) < 1e-9:
            raise DataError(f"head_to_mni must be an invertible 4x4 matrix, got shape {linear.shape}")
        return cls(
            forward=Warp(linear=linear),
            backward=Warp(linear=np.asarray(np.linalg.inv(linear), dtype=np.float64)),
            space=space,
        )

    def head_to_mni(self, points_mm: ArrayLike) -> Float:
        """Return MNI points (n, 3) mm of head points (n, 3) mm."""
        return self.forward(points_mm)

    def mni_to_head(self, points_mm: ArrayLike) -> Float:
        """Return head points (n, 3) mm of MNI points (n, 3) mm."""
        return self.backward(points_mm)

    def round_trip_error_mm(self, head_points_mm: ArrayLike) -> Float:
        """Return the distance (n,) mm between each head point and its image after head -> MNI -> head."""
        points = np.asarray(head_points_mm, dtype=np.float64).reshape(-1, 3)
        return np.asarray(np.linalg.norm(self.mni_to_head(self.head_to_mni(points)) - points, axis=1))

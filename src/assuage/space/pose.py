"""A coil pose: one convention, checked wherever a pose enters.

A pose is a 4x4 matrix in mm. Its columns are x, y, z (z points **into** the head) and the coil centre; the handle
points to -y; x = y cross z, det = +1 (the `matsimnibs` convention).
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from assuage.errors import PoseError

ORTHONORMAL_TOLERANCE = 1e-3
"""Largest entry of |R^T R - I|: rounding to 4 digits in a navigator file stays below it, any real shear does not."""

WORTH_SAYING = float(np.sin(np.radians(20.0)))
"""Part of a direction that `handle_words` names."""


def validate_poses(poses: ArrayLike) -> NDArray[np.float64]:
    """Return poses as float64 (n, 4, 4) after checking that each is rigid.

    Parameters
    ----------
    poses
        (n, 4, 4) or (4, 4), mm.

    Raises
    ------
    PoseError
        Wrong shape, not finite, sheared or scaled, mirrored, or a wrong last row.
    """
    matrix = np.asarray(poses, dtype=np.float64)
    if matrix.shape[-2:] != (4, 4) or matrix.ndim not in {2, 3}:
        raise PoseError(f"a pose is a 4x4 matrix in mm, got shape {matrix.shape}; pass (4, 4) or (n, 4, 4)")
    matrix = matrix.reshape(-1, 4, 4)
    if not np.isfinite(matrix).all():
        raise PoseError(
            f"pose {_first(np.asarray(~np.isfinite(matrix).all((1, 2))))} holds NaN or infinity; export it again"
        )
    last_row = np.abs(matrix[:, 3] - [0, 0, 0, 1]).max(1)
    if (last_row > ORTHONORMAL_TOLERANCE).any():
        k = _first(last_row > ORTHONORMAL_TOLERANCE)
        raise PoseError(f"pose {k} has last row {matrix[k, 3]}, not 0 0 0 1; is the matrix transposed?")
    rotation = matrix[:, :3, :3]
    shear = np.abs(np.einsum("nji,njk->nik", rotation, rotation) - np.eye(3)).max((1, 2))
    if (shear > ORTHONORMAL_TOLERANCE).any():
        k = _first(shear > ORTHONORMAL_TOLERANCE)
        raise PoseError(
            f"pose {k} is not rigid: |R'R - I| = {shear[k]:.3g} > {ORTHONORMAL_TOLERANCE:g}; a sheared or scaled pose "
            "would warp the coil, so it is refused: export the pose again or orthonormalise it yourself"
        )
    determinant = np.linalg.det(rotation)
    if (determinant < 0).any():
        k = _first(determinant < 0)
        raise PoseError(f"pose {k} is mirrored (det = {determinant[k]:.3f}); axes must satisfy x = y cross z")
    return matrix


def validate_pose(pose: ArrayLike) -> NDArray[np.float64]:
    """Return one pose as float64 (4, 4) after checking that it is rigid; see `validate_poses`."""
    matrix = np.asarray(pose, dtype=np.float64)
    if matrix.shape != (4, 4):
        raise PoseError(f"a pose is a 4x4 matrix in mm, got shape {matrix.shape}")
    return np.asarray(validate_poses(matrix)[0])


def handle_words(pose: ArrayLike) -> str:
    """Say where the handle of a coil points, e.g. "back and left": parts below 20 degrees to a plane are left out.

    Parameters
    ----------
    pose
        (4, 4), RAS+ mm.
    """
    handle = -validate_pose(pose)[:3, 1]
    names = (("left", "right"), ("back", "front"), ("down", "up"))
    strongest_first = np.argsort(-np.abs(handle), kind="stable")
    words = [names[axis][int(handle[axis] > 0)] for axis in strongest_first if abs(handle[axis]) > WORTH_SAYING]
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def _first(mask: NDArray[np.bool_]) -> int:
    return int(np.flatnonzero(mask)[0])

"""How far coil poses are from the planned one, and whether they can be in the same coordinates at all.

With R0 and R the planned and the delivered axes, R0' R is split into a twist about the planned coil axis z followed by
a tilt about an axis in the plane of the coil:

    twist = 2 atan2(q_z, q_w)  (quaternion q of R0' R),    tilt = acos(z0 . z)
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from assuage.errors import PoseError
from assuage.techniques.scalp import Scalp

Array = NDArray[np.float64]

FRAME_MM = 30.0
"""Mean distance from the plan above which the poses are taken for those of another frame (a working choice: the widest
published placement error without a navigator is 14 mm, the head is 150 mm wide)."""
AWAY_MM = 40.0
"""A coil whose centre is farther from the scalp does not touch the head."""
TURNED_DEG = 120.0
"""A handle turned this far from the plan points the other way."""
LPS = np.array([-1.0, -1.0, 1.0])


@dataclass(frozen=True, kw_only=True, eq=False)
class Deviation:
    """Deviations of n poses from one.

    Attributes
    ----------
    distance_mm
        (n,) between the centres.
    along_scalp_mm, outward_mm
        (n,) its part in the plane of the planned coil, and out of the head along the planned axis.
    tilt_deg, twist_deg
        (n,) 0 to 180, and -180 to 180, clockwise seen from outside, looking into the head.
    """

    distance_mm: Array
    along_scalp_mm: Array
    outward_mm: Array
    tilt_deg: Array
    twist_deg: Array


def deviation(planned: Array, poses: Array) -> Deviation:
    """Return how far poses (n, 4, 4) are from a planned one (4, 4)."""
    shift = (poses[:, :3, 3] - planned[:3, 3]) @ planned[:3, :3]
    turn = np.einsum("ji,njk->nik", planned[:3, :3], poses[:, :3, :3])
    q = Rotation.from_matrix(turn).as_quat().reshape(-1, 4)
    twist = np.rad2deg(2 * np.arctan2(q[:, 2], q[:, 3]))
    return Deviation(
        distance_mm=np.linalg.norm(shift, axis=1),
        along_scalp_mm=np.hypot(shift[:, 0], shift[:, 1]),
        outward_mm=-shift[:, 2],
        tilt_deg=np.rad2deg(np.arctan2(np.hypot(turn[:, 0, 2], turn[:, 1, 2]), turn[:, 2, 2])),
        twist_deg=(twist + 180) % 360 - 180,
    )


def mean_turn_deg(turns_deg: Array) -> float:
    """Return the mean of angles (n,) as directions, -180 to 180."""
    return float(np.rad2deg(np.angle(np.exp(1j * np.deg2rad(turns_deg)).mean())))


def around_mean_deg(turns_deg: Array) -> Array:
    """Return angles (n,) within 180 degrees of their mean, so that a spread around half a turn is not torn apart."""
    middle = mean_turn_deg(turns_deg)
    return np.asarray(middle + (turns_deg - middle + 180) % 360 - 180)


def require_same_frame(
    scalp: Scalp, planned: Array, poses: Array, *, frame_mm: float, source: str
) -> NDArray[np.bool_]:
    """Return which poses (n, 4, 4) are at the head (n,), or refuse poses that are not in the plan's coordinates.

    Raises
    ------
    PoseError
        Most poses off the head or on average farther than `frame_mm` from the plan; any at the head that faces away.
    """
    clearance = scalp.clearance_mm(poses[:, :3, 3])
    at_head = np.abs(clearance) <= AWAY_MM
    apart = np.linalg.norm(poses[:, :3, 3] - planned[:3, 3], axis=1)
    mean_mm = float(apart[at_head].mean()) if at_head.any() else float(apart.mean())
    if 2 * at_head.sum() < len(poses) or mean_mm > frame_mm:
        mirrored = float(np.median(np.linalg.norm(poses[:, :3, 3] * LPS - planned[:3, 3], axis=1)))
        why = (
            "with left-right and front-back exchanged they fit, so RAS and LPS are mixed up: export in RAS (NIfTI)"
            if mirrored <= frame_mm
            else "they belong to another image or another plan: export in the coordinates of the plan's t1.nii.gz"
        )
        raise PoseError(
            f"{source}: the coil is on average {mean_mm:.0f} mm from the plan and {(~at_head).sum()} of {len(poses)} "
            f"poses are off the head; {why} (if the coil really was there, give --frame-mm)"
        )
    outward = scalp.rest_normals(scalp.project(poses[:, :3, 3]))
    facing = -np.einsum("na,na->n", poses[:, :3, 2], outward)
    away = at_head & (facing <= 0)
    if away.any():
        raise PoseError(
            f"{source}: {away.sum()} of {len(poses)} poses at the head face away from it, the first is tracked pulse "
            f"{int(np.flatnonzero(away)[0])}; the coil axis is flipped by 180 degrees: check the axes of the export"
        )
    return at_head


def require_handle(twist_deg: Array, *, source: str) -> None:
    """Refuse a session whose handle pointed the other way.

    Raises
    ------
    PoseError
        The mean twist (of directions) exceeds `TURNED_DEG`.
    """
    mean = mean_turn_deg(twist_deg)
    if abs(mean) > TURNED_DEG:
        raise PoseError(
            f"{source}: the handle is turned by {mean:.0f} degrees against the plan, which reverses the field: the "
            "axes of the export are others, or RAS and LPS are mixed up; if it really was held so, give --as-delivered"
        )

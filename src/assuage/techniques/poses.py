"""Coil poses on a scalp: many at once, each clear of the skin, and one in words.

A pose stands on a scalp point p with the averaged outward normal n. Its z axis is -n; its y axis lies in the plane of
the coil at an angle t from the front of the head, counter-clockwise seen from outside:

    y(t) = cos t f + sin t l,    f = front projected on the plane, l = n x f

so the handle (-y) points backward at t = 0 and to the person's left at t = -90 degrees on the top of the head. The
centre is p + (hair + lift) n, the lift being what keeps the face of the coil out of the hair layer everywhere.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from assuage.techniques.scalp import Axes, Scalp

if TYPE_CHECKING:
    from assuage.head import Head
    from assuage.sources import Coil

Array = NDArray[np.float64]

FACE_POINTS = 40
"""Points of the coil's face that are held clear of the scalp."""

FACE_CENTER_MM = 20.0
"""Dipoles this near to the coil's axis say how thick the casing is between them and the scalp."""

LIFT_ROUNDS = 4
LIFT_SLACK_MM = 0.2
"""The clearance is raised in rounds until what is missing falls below the slack."""

FLAT = 0.3
"""Where the front projects onto the coil plane by less than this (forehead, back of the head), up takes its place."""

MIDLINE_MM = 15.0
"""A coil this near to the midline has no side: its handle is described by left and right."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PoseSet:
    """Poses with where they came from.

    Attributes
    ----------
    poses
        (n, 4, 4), mm.
    place
        (n,) number of the scalp place.
    angle_deg
        (n,) angle of the y axis.
    lift_mm
        (n,) extra distance that keeps the coil face clear.
    """

    poses: Array
    place: NDArray[np.int64]
    angle_deg: Array
    lift_mm: Array


def face_points_mm(coil: "Coil") -> Array:
    """Return (m, 3) points of the face of a coil, in its own frame.

    The face is the layer of dipoles moved along z until its middle touches the plane of the scalp: the casing is as
    thick everywhere as it is in the middle. Points are spread by farthest-point sampling.
    """
    positions = np.asarray(coil.positions_mm, dtype=np.float64)
    radius = np.hypot(positions[:, 0], positions[:, 1])
    middle = positions[radius < FACE_CENTER_MM]
    top = float(middle[:, 2].max() if len(middle) else positions[:, 2].max())
    face = positions + np.array([0.0, 0.0, max(0.0, -top)])
    lowest = np.lexsort((-face[:, 2], np.round(face[:, 1], 0), np.round(face[:, 0], 0)))
    xy = np.round(face[lowest, :2], 0)
    first = np.r_[True, (np.diff(xy, axis=0) != 0).any(1)]
    candidates = np.vstack([[0.0, 0.0, 0.0], face[lowest][first]])
    chosen = [0]
    gap = np.linalg.norm(candidates - candidates[0], axis=1)
    for _ in range(min(FACE_POINTS, len(candidates)) - 1):
        chosen.append(int(gap.argmax()))
        gap = np.minimum(gap, np.linalg.norm(candidates - candidates[chosen[-1]], axis=1))
    return candidates[chosen]


def tangent_axes(normals: Array, axes: Axes) -> tuple[Array, Array]:
    """Return f and l (n, 3) of the module docstring for outward normals (n, 3)."""
    ahead = np.broadcast_to(axes.front, normals.shape)
    flat = ahead - np.einsum("na,na->n", ahead, normals)[:, None] * normals
    # facing front or back, "up the head" continues the frontward direction over the top on both sides of the vertex
    facing = np.sign(normals @ axes.front)[:, None]
    upward = np.broadcast_to(axes.up, normals.shape)
    steep = upward - np.einsum("na,na->n", upward, normals)[:, None] * normals
    front = np.where(np.linalg.norm(flat, axis=1, keepdims=True) >= FLAT, flat, -facing * steep)
    front = front / np.linalg.norm(front, axis=1, keepdims=True)
    return front, np.cross(normals, front)


def make_poses(
    scalp: Scalp, points_mm: Array, angles_deg: Array, *, face_mm: Array, hair_mm: float, place: NDArray[np.int64]
) -> PoseSet:
    """Stand a coil on scalp points.

    Parameters
    ----------
    scalp
        The scalp.
    points_mm
        (n, 3) points on it.
    angles_deg
        (n,) angle of the y axis at each.
    face_mm
        (m, 3) face of the coil in its frame.
    hair_mm
        Thickness of the layer between scalp and coil face.
    place
        (n,) numbers to carry along.

    Returns
    -------
    PoseSet with every face point at least `hair_mm` (less `LIFT_SLACK_MM`) from the scalp.
    """
    # many angles share one point: normals are found once per place
    places, first, back = np.unique(place, return_index=True, return_inverse=True)
    same = len(places) < len(points_mm) and bool((points_mm == points_mm[first][back]).all())
    normals = scalp.rest_normals(points_mm[first])[back] if same else scalp.rest_normals(points_mm)
    front, left = tangent_axes(normals, scalp.axes)
    turn = np.deg2rad(angles_deg)[:, None]
    y = np.cos(turn) * front + np.sin(turn) * left
    poses = np.zeros((len(points_mm), 4, 4))
    poses[:, 3, 3] = 1
    poses[:, :3, 2] = -normals
    poses[:, :3, 1] = y
    poses[:, :3, 0] = np.cross(y, -normals)
    poses[:, :3, 3] = points_mm + hair_mm * normals
    lift = _lift(scalp, poses, face_mm, hair_mm)
    poses[:, :3, 3] += lift[:, None] * normals
    return PoseSet(poses=poses, place=place, angle_deg=np.asarray(angles_deg, dtype=np.float64), lift_mm=lift)


def _lift(scalp: Scalp, poses: Array, face_mm: Array, hair_mm: float) -> Array:
    """Return how far (n,) each pose must move outwards."""
    lift = np.zeros(len(poses))
    open_ = np.arange(len(poses))
    for _ in range(LIFT_ROUNDS):
        pose = poses[open_]
        center = pose[:, :3, 3] - lift[open_, None] * pose[:, :3, 2]
        points = np.einsum("nab,mb->nma", pose[:, :3, :3], face_mm) + center[:, None]
        missing = hair_mm - scalp.clearance_mm(points).min(1)
        rising = missing > LIFT_SLACK_MM
        open_, missing = open_[rising], missing[rising]
        if not len(open_):
            break
        lift[open_] += missing
    return lift


def handle_deg(pose: Array, axes: Axes) -> float:
    """Return where the handle points, degrees: 0 back, 90 to the person's left, -90 right, 180 forward."""
    normal = -pose[None, :3, 2]
    front, left = tangent_axes(normal, axes)
    handle = -pose[:3, 1]
    return float(np.rad2deg(np.arctan2(handle @ left[0], -handle @ front[0])))


def nearest_sites(head: "Head", point_mm: Array, count: int = 3) -> tuple[tuple[str, float], ...]:
    """Return the 10-10 sites nearest to a scalp point with their straight distances in mm."""
    names = list(head.ten_ten_mm)
    distance = np.linalg.norm(np.array([head.ten_ten_mm[name] for name in names]) - point_mm, axis=1)
    return tuple((names[k], float(distance[k])) for k in np.argsort(distance, kind="stable")[:count])


def pose_words(head: "Head", pose: Array, scalp_point_mm: Array, axes: Axes) -> str:
    """Say where the coil stands and where its handle points, for the person who holds it."""
    (first, near), *others = nearest_sites(head, scalp_point_mm)
    offset = scalp_point_mm - np.asarray(head.ten_ten_mm[first])
    parts = []
    for axis, plus, minus in ((axes.front, "in front of", "behind"), (axes.up, "above", "below")):
        along = float(offset @ axis)
        if abs(along) >= 1:
            parts.append(f"{abs(along):.0f} mm {plus if along > 0 else minus}")
    side = float(offset @ axes.right)
    if abs(side) >= 1:
        parts.append(f"{abs(side):.0f} mm to the {'right' if side > 0 else 'left'} of")
    where = f"{near:.0f} mm from {first}" + (f" ({', '.join(parts)} it)" if parts else "")
    also = ", ".join(f"{name} at {mm:.0f} mm" for name, mm in others)
    lateral_mm = float((scalp_point_mm - axes.origin_mm) @ axes.right)
    return f"Coil centre {where}; next sites {also}. {_handle_words(handle_deg(pose, axes), lateral_mm)}"


def _handle_words(angle_deg: float, lateral_mm: float) -> str:
    """Say where the handle points; beside the midline in terms of it, near the midline in terms of left and right."""
    size = abs(angle_deg)
    if size < 2.5:
        return "The handle points straight back, parallel to the midline."
    if size > 177.5:
        return "The handle points straight forward, parallel to the midline."
    base, turn = ("back", size) if size <= 90 else ("forward", 180 - size)
    if abs(lateral_mm) < MIDLINE_MM:
        side = "to the person's " + ("left" if angle_deg > 0 else "right")
    else:
        side = "away from the midline" if (angle_deg > 0) == (lateral_mm < 0) else "towards the midline"
    return f"The handle points {base} and {side}, turned {turn:.0f} degrees from the midline."

"""TMS over a distribution of targets and over where the coil ends up: the pose with the best objective.

1. Every place of the pose set, at every third angle or so, is scored for every group of the distribution.
2. The best places are scored again with the coil misplaced by the same draws at each.
3. The best of these is refined by shrinking steps, misplaced alike.
"""

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from assuage.techniques.aims import Aims
from assuage.techniques.placement import offsets
from assuage.techniques.poses import make_poses, tangent_axes
from assuage.techniques.tms import UNIT_DIDT_A_PER_S, CoilSite, PoseChoice, takes_half_turn, turned

if TYPE_CHECKING:
    from assuage.field import Landscape

Array = NDArray[np.float64]

ANGLE_DEG = 15.0
"""Turns of the first pass: the field of a coil follows the cosine of its turn, so that half a step loses 1 %."""
PLACES = 16
"""Places that are scored with the coil misplaced."""
DRAWS = 12
"""Misplacements in the search; the chosen pose is scored with all draws of the plan."""
STEPS_MM = (2.5, 2.5, 1.25, 0.6)
STEPS_DEG = (5.0, 2.5, 1.25, 0.6)
"""Rounds of refinement, three points each way."""


def best_pose_over(aims: Aims, mean: "Landscape", first: PoseChoice, site: CoilSite, *, seed: int) -> PoseChoice:
    """Return the pose with the best objective over target and placement.

    Parameters
    ----------
    aims
        Groups of the distribution, and what counts.
    mean, first
        Landscape of the target at the mean of the distribution, and its best pose: it competes, and its maps are kept.
    site
        Coil and poses.
    seed
        Of the misplacements.
    """
    points, angles, tried = _coarse(aims, site)
    points = np.vstack([first.scalp_point_mm, points])
    angles = np.append(first.angle_deg, angles)
    values = _misplaced(aims, site, points, angles, seed)
    k = int(np.argmax(values))
    point, angle, refined = _refined(aims, site, points[k], float(angles[k]), float(values[k]), seed)
    evaluated = first.evaluated + tried + refined + len(aims.landscapes) * DRAWS * len(points)
    return _choice(aims, mean, first, site, point, angle, evaluated)


def _coarse(aims: Aims, site: CoilSite) -> tuple[Array, Array, int]:
    """Return points (p, 3) and angles (p,) of the best places, and how many poses were scored."""
    places = len(site.places_mm)
    angles = site.poses.angle_deg[: len(site.poses.angle_deg) // places]
    every = max(1, int(ANGLE_DEG / (angles[1] - angles[0]))) if len(angles) > 1 else 1
    poses = site.poses.poses.reshape(places, len(angles), 4, 4)[:, ::every].reshape(-1, 4, 4)
    means = _means(aims, site, poses)
    value = aims.either_sign(means) if site.antisymmetric else aims.of(means)
    table = value.reshape(places, -1)
    best = np.argsort(-table.max(1), kind="stable")[:PLACES]
    return site.places_mm[best], angles[::every][table[best].argmax(1)], means.shape[0] * means.shape[1]


def _means(aims: Aims, site: CoilSite, poses: Array) -> Array:
    """Return mean fields (K, n, 3), V/m at 1 A/us."""
    return np.stack([item.coil(site.coil, poses, didt_A_per_s=UNIT_DIDT_A_PER_S) for item in aims.landscapes])


def _misplaced(aims: Aims, site: CoilSite, points_mm: Array, angles_deg: Array, seed: int) -> Array:
    """Return the objective (n,) of poses whose coil is misplaced, under the better sign of a reversible coil."""
    shifts, turns = offsets(DRAWS, seed)
    front, left = (axis[:, None] for axis in tangent_axes(site.scalp.rest_normals(points_mm), site.scalp.axes))
    moved = points_mm[:, None] + shifts[:, :1] * front + shifts[:, 1:] * left
    poses = make_poses(
        site.scalp, site.scalp.project(moved.reshape(-1, 3)), (angles_deg[:, None] + turns).ravel(),
        face_mm=site.face_mm, hair_mm=site.hair_mm, place=np.arange(moved.shape[0] * DRAWS),
    ).poses  # fmt: skip
    means = _means(aims, site, poses).reshape(-1, len(points_mm), DRAWS, 3)
    joint = means.transpose(0, 2, 1, 3).reshape(-1, len(points_mm), 3)
    weights = np.repeat(aims.weights / DRAWS, DRAWS)
    return aims.either_sign(joint, weights) if site.antisymmetric else aims.of(joint, weights)


def _refined(
    aims: Aims, site: CoilSite, point: Array, angle: float, value: float, seed: int
) -> tuple[Array, float, int]:
    """Return point, angle and how many fields were read."""
    evaluated = 0
    for step_mm, step_deg in zip(STEPS_MM, STEPS_DEG, strict=True):
        a, b, c = (axis.ravel() for axis in np.meshgrid(*[[-1.0, 0.0, 1.0]] * 3, indexing="ij"))
        front, left = tangent_axes(site.scalp.rest_normals(point[None]), site.scalp.axes)
        points = site.scalp.project(point + step_mm * (a[:, None] * front + b[:, None] * left))
        angles = angle + step_deg * c
        values = _misplaced(aims, site, points, angles, seed)
        evaluated += len(aims.landscapes) * DRAWS * len(points)
        k = int(np.argmax(values))
        if values[k] > value:
            point, angle, value = points[k], float(angles[k]), float(values[k])
    return point, angle, evaluated


def _choice(
    aims: Aims, landscape: "Landscape", first: PoseChoice, site: CoilSite, point: Array, angle: float, evaluated: int
) -> PoseChoice:
    """Return the pose as a choice whose field is that at the mean of the distribution."""
    goal = aims.goal
    stood = make_poses(
        site.scalp, point[None], np.array([angle]), face_mm=site.face_mm, hair_mm=site.hair_mm, place=np.arange(1)
    )
    pose = stood.poses[0]
    means = _means(aims, site, stood.poses)
    expected = np.tensordot(aims.weights, means, 1)
    if site.antisymmetric and takes_half_turn(goal, expected, np.array([angle]))[0]:
        pose, angle = turned(pose), angle + 180.0
    mean = landscape.coil(site.coil, pose[None], didt_A_per_s=UNIT_DIDT_A_PER_S)[0]
    return replace(
        first, pose=pose, scalp_point_mm=point, angle_deg=angle, lift_mm=float(stood.lift_mm[0]),
        mean_e_V_per_m=mean, score_V_per_m=float(goal.score(mean[None])[0]), evaluated=evaluated,
    )  # fmt: skip

"""TMS: every pose of a coil over the scalp, then the neighbourhood of the best one.

A pose set covers the reachable scalp at an even spacing and turns the coil in even steps. A coil that turns into its
own negative by half a turn (any flat figure-of-eight) needs half the angles: the other half is the same field with the
other sign. The best pose is then refined by shrinking steps along the scalp and around the axis.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from assuage.errors import PlanError
from assuage.sources import magnetic_field_T
from assuage.techniques.goal import Goal
from assuage.techniques.poses import PoseSet, face_points_mm, make_poses, tangent_axes
from assuage.techniques.scalp import Scalp

if TYPE_CHECKING:
    from assuage.field import Landscape
    from assuage.sources import Coil

Array = NDArray[np.float64]

UNIT_DIDT_A_PER_S = 1e6
"""Searches run at 1 A/us; the field is linear in dI/dt."""

ANTISYMMETRY_TOLERANCE = 5e-3
"""Relative difference of the field after half a turn; file rounding stays below, a different winding does not."""

HAIR_MM = 4.0
"""Gap between scalp and coil face (the default coil distance of SimNIBS, for hair and cap)."""

STEPS_MM = (2.5, 1.25, 0.6)
STEPS_DEG = (2.5, 1.25, 0.6)
"""Grid steps of the three rounds of refinement: five points each way for place, five angles."""

BATCH = 20000
"""Poses built together: bounds the memory of the clearance test."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CoilSite:
    """A coil and the scalp it may stand on, with all poses to try.

    Attributes
    ----------
    coil
        As used in the search: the condensed coil.
    scalp
        The scalp.
    places_mm
        (p, 3) scalp points.
    poses
        The pose set; `poses.place` numbers the points.
    face_mm
        (m, 3) face of the coil.
    hair_mm
        Gap kept.
    antisymmetric
        Whether half a turn only flips the sign.
    """

    coil: "Coil"
    scalp: Scalp
    places_mm: Array
    poses: PoseSet
    face_mm: Array
    hair_mm: float
    antisymmetric: bool


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PoseChoice:
    """The best pose, and what every scalp place can do.

    Attributes
    ----------
    pose
        (4, 4), mm.
    scalp_point_mm, angle_deg, lift_mm
        Where it stands, its turn, and the extra distance that keeps its face clear.
    mean_e_V_per_m
        (3,) at 1 A/us, by the adjoint.
    score_V_per_m
        Of the goal, at 1 A/us.
    place_score_V_per_m, place_angle_deg
        (p,) best score and its angle at every place of the search.
    candidates, evaluated
        Poses of the search, and with the refinement.
    """

    pose: Array
    scalp_point_mm: Array
    angle_deg: float
    lift_mm: float
    mean_e_V_per_m: Array
    score_V_per_m: float
    place_score_V_per_m: Array
    place_angle_deg: Array
    candidates: int
    evaluated: int


def coil_site(
    scalp: Scalp,
    coil: "Coil",
    *,
    condensed: "Coil | None" = None,
    spacing_mm: float = 5.0,
    angle_step_deg: float = 5.0,
    hair_mm: float = HAIR_MM,
) -> CoilSite:
    """Build all poses of a coil on a scalp.

    Parameters
    ----------
    scalp, coil
        Where and what.
    condensed
        The coil with fewer dipoles, for the search; None makes it.
    spacing_mm, angle_step_deg
        Spacing of places and turns.
    hair_mm
        Gap between scalp and coil face.

    Raises
    ------
    PlanError
        No place is left, or a gap that is not a number of 0 or more.
    """
    if not (np.isfinite(hair_mm) and hair_mm >= 0):
        raise PlanError(f"hair_mm = {hair_mm}; give the gap between scalp and coil as 0 mm or more")
    points = scalp.places(spacing_mm)
    points = points[~scalp.blocked(points)]
    if not len(points):
        raise PlanError(f"head {scalp.head.name!r} has no scalp outside the blocked zones; check its fiducials")
    condensed = condensed or coil.condensed()
    antisymmetric = is_antisymmetric(coil)
    angles = np.arange(0.0, 180.0 if antisymmetric else 360.0, angle_step_deg)
    face = face_points_mm(coil)
    place = np.repeat(np.arange(len(points)), len(angles))
    turn = np.tile(angles, len(points))
    per_batch = max(1, BATCH // len(angles)) * len(angles)
    parts = [
        make_poses(
            scalp, points[place[k : k + per_batch]], turn[k : k + per_batch], face_mm=face, hair_mm=hair_mm,
            place=place[k : k + per_batch],
        )
        for k in range(0, len(place), per_batch)
    ]  # fmt: skip
    poses = PoseSet(
        poses=np.concatenate([part.poses for part in parts]),
        place=place,
        angle_deg=turn,
        lift_mm=np.concatenate([part.lift_mm for part in parts]),
    )
    return CoilSite(
        coil=condensed, scalp=scalp, places_mm=points, poses=poses, face_mm=face, hair_mm=hair_mm,
        antisymmetric=antisymmetric,
    )  # fmt: skip


def best_pose(landscape: "Landscape", goal: Goal, site: CoilSite, *, refine: bool = True) -> PoseChoice:
    """Find the pose with the largest score.

    Parameters
    ----------
    landscape, goal
        The target and what counts in it.
    site
        Coil and poses.
    refine
        Whether to search the neighbourhood of the best pose of the set.
    """
    means = landscape.coil(site.coil, site.poses.poses, didt_A_per_s=UNIT_DIDT_A_PER_S)
    score = goal.score(means)
    ranked = np.abs(score) if site.antisymmetric else score
    place_score, place_angle = _by_place(ranked, goal, means, site)
    k = int(np.argmax(ranked))
    point, angle = site.places_mm[site.poses.place[k]], float(site.poses.angle_deg[k])
    pose, lift, mean, value = site.poses.poses[k], float(site.poses.lift_mm[k]), means[k], float(ranked[k])
    evaluated = len(means)
    for step_mm, step_deg in zip(STEPS_MM, STEPS_DEG, strict=True) if refine else ():
        around = poses_around(site, point, angle, *_grid(step_mm, step_deg))
        means = landscape.coil(site.coil, around.set.poses, didt_A_per_s=UNIT_DIDT_A_PER_S)
        score = goal.score(means)
        ranked = np.abs(score) if site.antisymmetric else score
        evaluated += len(means)
        k = int(np.argmax(ranked))
        if ranked[k] > value:
            point, angle = around.points_mm[k], float(around.set.angle_deg[k])
            pose, lift = around.set.poses[k], float(around.set.lift_mm[k])
            mean, value = means[k], float(ranked[k])
    if site.antisymmetric and takes_half_turn(goal, mean[None], np.array([angle]))[0]:
        pose, angle, mean = turned(pose), angle + 180.0, -mean
    return PoseChoice(
        pose=pose, scalp_point_mm=point, angle_deg=angle, lift_mm=lift, mean_e_V_per_m=mean, score_V_per_m=value,
        place_score_V_per_m=place_score, place_angle_deg=place_angle, candidates=len(site.poses.poses),
        evaluated=evaluated,
    )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Around:
    """Poses near one pose and the scalp points (n, 3) they stand on."""

    set: PoseSet
    points_mm: Array


def poses_around(site: CoilSite, point_mm: Array, angle_deg: float, shift_mm: Array, turn_deg: Array) -> Around:
    """Move a coil along the scalp and turn it.

    Parameters
    ----------
    site
        Coil and scalp.
    point_mm, angle_deg
        Where it stands and its angle.
    shift_mm
        (n, 2) shifts in the plane of the coil, towards the front and the left of the head.
    turn_deg
        (n,) turns added to the angle.
    """
    front, left = tangent_axes(site.scalp.rest_normals(point_mm[None]), site.scalp.axes)
    points = site.scalp.project(point_mm + shift_mm[:, :1] * front + shift_mm[:, 1:] * left)
    poses = make_poses(
        site.scalp, points, angle_deg + turn_deg, face_mm=site.face_mm, hair_mm=site.hair_mm,
        place=np.arange(len(points)),
    )  # fmt: skip
    return Around(set=poses, points_mm=points)


def turned(pose: Array) -> Array:
    """Return a pose turned by half a turn around its z axis."""
    return np.asarray(pose @ np.diag([-1.0, -1.0, 1.0, 1.0]))


def is_antisymmetric(coil: "Coil") -> bool:
    """Say whether half a turn around its axis turns the coil's field into its negative."""
    grid = np.array(np.meshgrid([-40.0, -15.0, 20.0, 45.0], [-35.0, 10.0, 30.0], [25.0, 50.0])).reshape(3, -1).T
    half = np.array([-1.0, -1.0, 1.0])
    here = magnetic_field_T(grid, coil.positions_mm, coil.moments_m2)
    there = magnetic_field_T(grid * half, coil.positions_mm, coil.moments_m2) * half
    return bool(np.abs(here + there).max() <= ANTISYMMETRY_TOLERANCE * np.abs(here).max())


def _by_place(ranked: Array, goal: Goal, means: Array, site: CoilSite) -> tuple[Array, Array]:
    """Return the best score and its angle at every place; the pose set is ordered by place."""
    angles = len(ranked) // len(site.places_mm)
    table = ranked.reshape(len(site.places_mm), angles)
    best = table.argmax(1)
    rows = np.arange(len(table)) * angles + best
    angle: Array = site.poses.angle_deg[rows]
    if site.antisymmetric:
        angle = angle + np.where(takes_half_turn(goal, means[rows], angle), 180.0, 0.0)
    score: Array = table[np.arange(len(table)), best]
    return score, angle


def takes_half_turn(goal: Goal, means: Array, angle_deg: Array) -> NDArray[np.bool_]:
    """Say which poses (n,) of an antisymmetric coil take half a turn more.

    With a direction the sign of the component decides. Without one both senses score alike and the handle goes to the
    back, as it is held by convention.
    """
    if goal.direction is not None:
        return np.asarray(means @ goal.direction < 0)
    return np.asarray(np.cos(np.deg2rad(angle_deg)) < 0)


def _grid(step_mm: float, step_deg: float) -> tuple[Array, Array]:
    steps: Array = np.arange(-2.0, 3.0)
    a, b, c = (axis.ravel() for axis in np.meshgrid(steps, steps, steps, indexing="ij"))
    return np.stack([a, b], 1) * step_mm, c * step_deg

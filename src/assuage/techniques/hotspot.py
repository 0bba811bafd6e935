"""The motor hotspot: the pose at which the motor threshold was taken, and the cortex that answers there.

Four ways, from best to worst: the measured pose; the measured place of the coil, held by convention; the hand knob in
MNI space with the coil held over it by convention; the cortex under C3 or C4. Each gives a place on the scalp; the
cortex that answers is the grey matter nearest to it, the crown of the gyrus. The hand knob itself is the mean of many
brains and lies deep in a sulcus (31 mm under the scalp of Colin27, where the field is half of that on the crown): as
threshold field it would halve every dose that is matched to it. Which way was gone, and what is known about its error,
stands in `Hotspot.assumptions`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from assuage.errors import PlanError, PoseError
from assuage.head.model import site as scalp_site
from assuage.space import validate_pose
from assuage.targets import Target, from_coordinate, nearest_cortex_mm
from assuage.targets.coordinate import DEFAULT_RADIUS_MM
from assuage.techniques.goal import Goal
from assuage.techniques.scalp import Axes
from assuage.techniques.tables import cited, read_table
from assuage.techniques.tms import UNIT_DIDT_A_PER_S, CoilSite, best_pose, poses_around

if TYPE_CHECKING:
    from assuage.field import Landscape
    from assuage.head import Head

Array = NDArray[np.float64]
Side = Literal["left", "right"]
Way = Literal["measured pose", "measured place", "hand knob", "scalp site"]

SITES: Mapping[str, str] = MappingProxyType({"left": "C3", "right": "C4"})

FARTHEST_MM = 30.0
"""A measured coil centre farther than this from the scalp: thick hair, cap and casing together stay below it."""

STEEPEST_DEG = 45.0
"""A measured coil whose axis leaves the scalp's normal by more than this does not rest on the head."""

REACH_MM = 15.0
STEP_MM = 2.5
"""The search for the strongest place goes this far around the start: the cautions' errors are of this order."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Hotspot:
    """Where the motor threshold is taken.

    Attributes
    ----------
    target
        The cortex that answers; its mean field at threshold is the reference of every intensity.
    pose
        (4, 4), mm, of the coil at the hotspot.
    side
        Hemisphere.
    way
        How it was found.
    assumptions
        What the reader must know, each with its source.
    """

    target: Target
    pose: Array
    side: Side
    way: Way
    assumptions: tuple[str, ...]


def measured_hotspot(
    head: "Head",
    pose: ArrayLike,
    *,
    target: Target | None = None,
    radius_mm: float = DEFAULT_RADIUS_MM,
) -> Hotspot:
    """Return the hotspot of a measured pose.

    Parameters
    ----------
    head, pose
        The head, and the (4, 4) pose of the coil, mm, as the navigator stored it in this head's coordinates.
    target
        The cortex that answers, where it is known; None takes the grey matter nearest to the coil centre.
    radius_mm
        Of the sphere around that point.

    Raises
    ------
    PoseError
        A pose that is not rigid, or does not rest on this head.
    """
    matrix = validate_pose(pose)
    _check_rests(head, matrix)
    if target is not None:
        found, assumptions = target, [f"the cortex that answers is {target.name!r}, as given"]
    else:
        center = nearest_cortex_mm(head, matrix[:3, 3])
        found = Target.sphere(center, radius_mm, name="cortex at the measured hotspot")
        assumptions = [*_cautions("measured pose")]
    axes = Axes.of(head)
    side: Side = "right" if float((found.center_mm - axes.origin_mm) @ axes.right) > 0 else "left"
    return Hotspot(target=found, pose=matrix, side=side, way="measured pose", assumptions=tuple(assumptions))


def placed_hotspot(site: CoilSite, point_mm: ArrayLike, *, radius_mm: float = DEFAULT_RADIUS_MM) -> Hotspot:
    """Return the hotspot of a measured place of the coil; its turn was not stored, so it is held back and aside.

    Parameters
    ----------
    site
        Coil and scalp.
    point_mm
        (3,) of the coil centre or of the scalp under it, world mm of this head.
    radius_mm
        Of the target.

    Raises
    ------
    PoseError
        The point is not near the scalp of this head.
    """
    head, point = site.scalp.head, np.asarray(point_mm, dtype=np.float64)
    if point.shape != (3,) or not np.isfinite(point).all():
        raise PoseError(f"the hotspot {point.tolist()} is no point; give three finite numbers, mm in head coordinates")
    foot, _, distance = head.scalp.nearest(point[None])
    if float(distance[0]) > FARTHEST_MM:
        raise PoseError(
            f"the hotspot lies {float(distance[0]):.0f} mm from the scalp of head {head.name!r} (limit "
            f"{FARTHEST_MM:g} mm); give the place of the coil in this head's world coordinates, RAS+ mm"
        )
    side: Side = "right" if float((foot[0] - site.scalp.axes.origin_mm) @ site.scalp.axes.right) > 0 else "left"
    target = Target.sphere(nearest_cortex_mm(head, foot[0]), radius_mm, name="cortex at the measured hotspot")
    pose, handle = _held(site, foot[0], side)
    return Hotspot(
        target=target,
        pose=pose,
        side=side,
        way="measured place",
        assumptions=("the turn of the coil at the hotspot is not known", handle, *_cautions("measured place")),
    )


def anatomical_hotspot(
    site: CoilSite, *, side: Side = "left", radius_mm: float = DEFAULT_RADIUS_MM, use_scalp_site: bool = False
) -> Hotspot:
    """Return the hotspot over the hand knob: the cortex under the scalp there, the handle held back and aside.

    Parameters
    ----------
    site
        Coil and scalp.
    side
        Hemisphere.
    radius_mm
        Of the target.
    use_scalp_site
        On a head without MNI registration, take the cortex under C3 or C4 instead of refusing.

    Raises
    ------
    PlanError
        No MNI registration and no permission for the scalp site, or an unknown side.
    """
    if side not in SITES:
        raise PlanError(f"side = {side!r}; give 'left' or 'right'")
    head, facts = site.scalp.head, read_table("hotspot")
    knob = facts["hand_knob"]
    if head.mni is not None:
        way: Way = "hand knob"
        mni_mm = knob[f"{side}_mni_mm"]
        below = from_coordinate(head, mni_mm, space="mni", radius_mm=radius_mm, name=f"hand knob {side}")
        point = site.scalp.project(below.requested_mm[None])[0]
        name = f"cortex over the hand knob {side}"
        where = f"hand knob at MNI {' '.join(f'{x:g}' for x in mni_mm)} mm by {head.mni.space}: {cited(knob)}"
    elif use_scalp_site:
        way = "scalp site"
        point = scalp_site(head, SITES[side])
        name = f"cortex under {SITES[side]}"
        where = f"head {head.name!r} has no MNI registration: {SITES[side]} stands for the motor hotspot"
    else:
        raise PlanError(
            f"head {head.name!r} has no MNI registration, so the hand knob cannot be found on it; give the measured "
            "pose (measured_hotspot), try Head.with_estimated_mni, or allow the cortex under "
            f"{SITES[side]} with use_scalp_site=True (about 2 cm off)"
        )
    target = Target.sphere(nearest_cortex_mm(head, point), radius_mm, name=name)
    pose, handle = _held(site, point, side)
    return Hotspot(target=target, pose=pose, side=side, way=way, assumptions=(where, handle, *_cautions(way)))


def strongest_place(hotspot: Hotspot, landscape: "Landscape", site: CoilSite) -> Hotspot:
    """Return the hotspot moved to where the coil, held at the same angle, makes the largest field in its cortex.

    That is what a search for the hotspot finds if the cortex is the right one. The measured pose stays where it is.

    Parameters
    ----------
    hotspot, landscape
        The start, and the landscape of its target.
    site
        Coil and scalp.

    Raises
    ------
    PlanError
        The hotspot was measured.
    """
    if hotspot.way == "measured pose":
        raise PlanError("the hotspot was measured; a model does not move it")
    start = site.scalp.project(hotspot.pose[None, :3, 3])[0]
    angle = float(read_table("hotspot")["handle"]["angle_deg"]) * (-1 if hotspot.side == "left" else 1)
    ticks = np.arange(-REACH_MM, REACH_MM + STEP_MM / 2, STEP_MM)
    shift = np.stack(np.meshgrid(ticks, ticks, indexing="ij"), -1).reshape(-1, 2)
    shift = shift[np.linalg.norm(shift, axis=1) <= REACH_MM]
    around = poses_around(site, start, angle, shift, np.zeros(len(shift)))
    # one angle a place, and a sign of its own: half a turn is another hold of the coil
    held = replace(site, places_mm=around.points_mm, poses=around.set, antisymmetric=False)
    magnitude = Goal(direction=None, normal=None)
    best = best_pose(landscape, magnitude, held, refine=False)
    here = landscape.coil(site.coil, hotspot.pose[None], didt_A_per_s=UNIT_DIDT_A_PER_S)
    stays = float(magnitude.score(here)[0]) >= best.score_V_per_m
    moved = 0.0 if stays else float(np.linalg.norm(best.scalp_point_mm - start))
    said = f"the coil was moved {moved:.0f} mm along the scalp to where the model's field in that cortex is largest"
    pose = hotspot.pose if stays else best.pose
    return replace(hotspot, pose=pose, assumptions=(*hotspot.assumptions, said))


def _held(site: CoilSite, point_mm: Array, side: Side) -> tuple[Array, str]:
    """Return the pose of a coil that is held by convention at a scalp point, and the convention in words."""
    handle = read_table("hotspot")["handle"]
    angle = float(handle["angle_deg"]) * (-1 if side == "left" else 1)
    pose = poses_around(site, point_mm, angle, np.zeros((1, 2)), np.zeros(1)).set.poses[0]
    return pose, f"handle back and aside, {abs(angle):g} degrees from the midline: {cited(handle)}"


def _check_rests(head: "Head", pose: Array) -> None:
    """Refuse a pose whose coil is inside, far from, or tilted against the scalp."""
    foot, normal, distance = head.scalp.nearest(pose[None, :3, 3])
    height = float(distance[0]) * (1 if float((pose[:3, 3] - foot[0]) @ normal[0]) >= 0 else -1)
    tilt = float(np.rad2deg(np.arccos(np.clip(-pose[:3, 2] @ normal[0], -1, 1))))
    if not 0 <= height <= FARTHEST_MM:
        where = f"{-height:.0f} mm inside" if height < 0 else f"{height:.0f} mm from"
        raise PoseError(
            f"the coil centre of the hotspot pose lies {where} the scalp of head {head.name!r} (limit "
            f"{FARTHEST_MM:g} mm outside); is the pose in this head's world coordinates, RAS+ mm?"
        )
    if tilt > STEEPEST_DEG:
        raise PoseError(
            f"the axis of the hotspot pose leaves the scalp's normal by {tilt:.0f} degrees (limit {STEEPEST_DEG:g}); "
            "z must point into the head: check the convention of the navigator"
        )


def _cautions(way: Way) -> tuple[str, ...]:
    return tuple(f"{row['text']}: {cited(row)}" for row in read_table("hotspot")["caution"] if way in row["ways"])

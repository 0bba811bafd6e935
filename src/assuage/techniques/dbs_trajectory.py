"""Straight ways from the scalp to a deep target, and how far each keeps from what it should not touch.

Entries are scalp points outside the blocked zones. For each the straight line to the target is sampled every STEP_MM
from the inner face of the skull inwards, and measured:

| column | meaning |
|---|---|
| deep_csf_mm | least distance to CSF deeper than `deep_mm` below the skull (ventricles, cisterns, deep fissures) |
| sulcus_mm | least distance to the other CSF, from `sulcus_skip_mm` below the brain's surface on |
| avoid_mm | least distance to the lesions and regions to avoid |
| skull_angle_deg | between the line and the normal of the outer skull |
| length_mm | from the scalp to the target |
| bone_mm | of the line within bone |

Distances are to the middle of the line. A line is admitted where the deep CSF and the regions to avoid stay `margin_mm`
away, the angle below `largest_angle_deg`, and the bone below `thickest_bone_mm` (more is a skull base or a face). The
admitted ones are ranked by

    clearance = min(deep_csf_mm, avoid_mm, cap_mm) + sulcus_weight min(sulcus_mm, cap_mm)
                - length_mm / per_mm - skull_angle_deg / per_deg

All numbers of `Rules` are working choices of this package, not taken from a source: they are parameters. Vessels are
not in a head model; a plan for a person needs contrast imaging and a surgeon.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from assuage.errors import PlanError
from assuage.head.tissues import BRAIN_NAMES, SKULL_NAMES

if TYPE_CHECKING:
    from assuage.head import Head
    from assuage.targets import Target

Array = NDArray[np.float64]
Array32 = NDArray[np.float32]

STEP_MM = 0.5
"""Distance of the samples along a line."""
NEAR_TARGET_MM = 3.0
"""The last millimetres count for no distance: the target itself may lie beside CSF, and no other line avoids that."""
NORMAL_SIGMA_MM = 3.0
"""Smoothing of the skull before its normal is taken."""
AROUND_MM = 25.0
"""About the brain: what lies further out is neither brain, CSF nor the skull above them."""
FAR_MM = 1e3
"""Distance to what a head does not hold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """Blocked zones and weights, working choices; see the module docstring.

    Attributes
    ----------
    least_height_mm
        Of an entry above the plane of nasion, inion and ears.
    behind_nasion_mm
        Entries have to lie at least this far behind the nasion: face and forehead are blocked.
    before_inion_mm
        And at least this far in front of the inion.
    midline_mm
        And this far from the plane of nasion, inion and vertex (the sagittal sinus).
    same_side
        Only on the target's side of it (both where the target lies within midline_mm).
    largest_lean_deg
        Angle between the line and the head's vertical: flatter lines cross the insula and the temple.
    spacing_mm
        Of the entries tried.
    """

    least_height_mm: float = 60.0
    behind_nasion_mm: float = 30.0
    before_inion_mm: float = 60.0
    midline_mm: float = 15.0
    same_side: bool = True
    largest_lean_deg: float = 45.0
    spacing_mm: float = 4.0
    margin_mm: float = 2.0
    deep_mm: float = 20.0
    sulcus_skip_mm: float = 10.0
    largest_angle_deg: float = 40.0
    thickest_bone_mm: float = 20.0
    cap_mm: float = 6.0
    sulcus_weight: float = 0.5
    per_mm: float = 50.0
    per_deg: float = 20.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Trajectory:
    """One straight way in; columns as in the module docstring.

    Attributes
    ----------
    entry_mm, target_mm
        (3,) on the scalp and in the target.
    admitted
        It breaks none of the rules.
    clearance
        What the ways are ranked by.
    """

    entry_mm: Array
    target_mm: Array
    deep_csf_mm: float
    sulcus_mm: float
    avoid_mm: float
    skull_angle_deg: float
    length_mm: float
    bone_mm: float
    admitted: bool
    clearance: float

    @property
    def direction(self) -> Array:
        """Unit vector from the target to the entry."""
        return np.asarray((self.entry_mm - self.target_mm) / self.length_mm)


def trajectories(
    head: "Head",
    target_mm: ArrayLike,
    *,
    avoid: Sequence["Target"] = (),
    rules: Rules | None = None,
    keep: int = 10,
) -> tuple[Trajectory, ...]:
    """Return the best ways to a point, best first; where none is admitted, those that break the rules least.

    Parameters
    ----------
    head
        With skull; CSF and lesions where it has them.
    target_mm
        (3,) in the brain.
    avoid
        Regions that no line may touch, all of their tissue.
    rules
        Blocked zones and weights; None: the working choices.
    keep
        How many.

    Raises
    ------
    PlanError
        A target outside the brain, a head without skull, or rules that leave no entry.
    """
    rules = rules or Rules()
    target = np.asarray(target_mm, dtype=np.float64)
    tissue = str(head.tissue_at(target[None])[0])
    if tissue not in BRAIN_NAMES:
        raise PlanError(f"the target at {np.round(target, 1)} mm lies in {tissue}, not in the brain; move it")
    if not SKULL_NAMES & set(head.tissues.values()):
        raise PlanError(f"head {head.name!r} has no skull; the way through it cannot be judged")
    entries = entry_points(head, target, rules)
    if not len(entries):
        raise PlanError("the rules leave no entry on the scalp; lower least_height_mm, midline_mm or the zones")
    maps = _Maps.of(head, avoid, rules)
    found = [_measured(maps, entry, target, rules) for entry in entries]
    found.sort(key=lambda way: (not way.admitted, -way.clearance))
    return tuple(found[:keep])


def entry_points(head: "Head", target_mm: Array, rules: Rules) -> Array:
    """Return scalp points (n, 3), mm, outside the blocked zones and about `spacing_mm` apart."""
    fiducials = head.fiducials_mm
    nasion, inion, left, right = (fiducials[name] for name in ("Nz", "Iz", "LPA", "RPA"))
    front = (nasion - inion) / np.linalg.norm(nasion - inion)
    across = right - left
    up = np.cross(across, front)
    up /= np.linalg.norm(up)
    across = np.cross(front, up)
    points = head.scalp.vertices_mm
    base = (left + right + nasion + inion) / 4
    side = (points - nasion) @ across
    free = (points - base) @ up >= rules.least_height_mm
    free &= (nasion - points) @ front >= rules.behind_nasion_mm
    free &= (points - inion) @ front >= rules.before_inion_mm
    free &= np.abs(side) >= rules.midline_mm
    way = points - target_mm
    free &= way @ up >= np.cos(np.radians(rules.largest_lean_deg)) * np.linalg.norm(way, axis=1)
    own = float((target_mm - nasion) @ across)
    if rules.same_side and abs(own) >= 1.0:
        free &= np.sign(side) == np.sign(own)
    points = points[free]
    cell = np.round(points / rules.spacing_mm).astype(int)
    _, first = np.unique(cell, axis=0, return_index=True)
    return np.asarray(points[np.sort(first)])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Maps:
    """Tissue and distances on the head's voxels, cropped to AROUND_MM about the brain."""

    affine: Array
    deep: Array32
    sulcus: Array32
    avoid: Array32
    bone: NDArray[np.bool_]
    brain: NDArray[np.bool_]
    solid: Array32

    @classmethod
    def of(cls, head: "Head", avoid: Sequence["Target"], rules: Rules) -> "_Maps":
        size = head.voxel_mm
        brain = _mask(head, head.labels, BRAIN_NAMES)
        margin = np.ceil(AROUND_MM / size).astype(int)
        index = np.argwhere(brain)
        low = np.maximum(index.min(0) - margin, 0)
        labels = head.labels[tuple(slice(a, b) for a, b in zip(low, index.max(0) + margin + 1, strict=True))]
        affine = head.affine.copy()
        affine[:3, 3] += head.affine[:3, :3] @ low
        csf, bone = _mask(head, labels, {"csf"}), _mask(head, labels, SKULL_NAMES)
        brain, unwanted = _mask(head, labels, BRAIN_NAMES), _mask(head, labels, {"lesion"})
        within = ndimage.binary_closing(csf | brain, iterations=2) & ~bone
        deep = csf & (ndimage.distance_transform_edt(within, sampling=size) > rules.deep_mm)
        for region in avoid:
            found = np.argwhere(labels > 0)
            world = np.asarray(found @ affine[:3, :3].T + affine[:3, 3])
            inside = region.inside(world)
            if not inside.any():  # smaller than a voxel
                inside[np.argmin(np.linalg.norm(world - region.center_mm, axis=1))] = True
            unwanted[tuple(found[inside].T)] = True
        solid = ndimage.gaussian_filter((within | bone).astype(np.float32), NORMAL_SIGMA_MM / size)
        return cls(
            affine=affine,
            deep=_distance(deep, size),
            sulcus=_distance(csf & ~deep, size),
            avoid=_distance(unwanted, size),
            bone=bone,
            brain=brain,
            solid=np.asarray(solid, np.float32),
        )

    def voxels(self, points_mm: Array) -> tuple[tuple[NDArray[np.int64], ...], NDArray[np.bool_]]:
        """Return index arrays of the voxels that hold points, clipped, and which points lie within."""
        inverse = np.linalg.inv(self.affine)
        index = np.rint(points_mm @ inverse[:3, :3].T + inverse[:3, 3]).astype(int)
        clipped = np.clip(index, 0, np.array(self.bone.shape) - 1)
        return tuple(clipped.T), (clipped == index).all(1)

    def normal(self, voxel: tuple[int, ...]) -> Array:
        """Return the outward normal (3,) of the skull about a voxel, world axes, not normalised."""
        slope = np.zeros(3)
        for axis in range(3):
            ahead, behind = list(voxel), list(voxel)
            ahead[axis] = min(voxel[axis] + 1, self.solid.shape[axis] - 1)
            behind[axis] = max(voxel[axis] - 1, 0)
            slope[axis] = float(self.solid[tuple(behind)]) - float(self.solid[tuple(ahead)])
        return np.asarray(slope @ np.linalg.inv(self.affine[:3, :3]))


def _mask(head: "Head", labels: NDArray[np.unsignedinteger[Any]], names: Collection[str]) -> NDArray[np.bool_]:
    return np.isin(labels, [tag for tag, name in head.tissues.items() if name in names])


def _distance(mask: NDArray[np.bool_], size: Array) -> Array32:
    if not mask.any():
        return np.full(mask.shape, FAR_MM, np.float32)
    return np.asarray(ndimage.distance_transform_edt(~mask, sampling=size), np.float32)


def _measured(maps: _Maps, entry: Array, target: Array, rules: Rules) -> Trajectory:
    length = float(np.linalg.norm(target - entry))
    inward = (target - entry) / length
    along = np.arange(0, length + STEP_MM, STEP_MM)
    voxels, known = maps.voxels(entry + along[:, None] * inward)
    bone, brain = maps.bone[voxels] & known, maps.brain[voxels] & known
    first = int(np.argmax(brain)) if brain.any() else len(along) - 1
    counted = (along >= along[first]) & (along <= length - NEAR_TARGET_MM)
    deeper = counted & (along >= along[first] + rules.sulcus_skip_mm)
    deep, avoid = (float(part[voxels][counted].min(initial=FAR_MM)) for part in (maps.deep, maps.avoid))
    sulcus = float(maps.sulcus[voxels][deeper].min(initial=FAR_MM))
    outer = int(np.argmax(bone)) if bone.any() else 0
    normal = maps.normal(tuple(int(axis[outer]) for axis in voxels))
    size = float(np.linalg.norm(normal))
    cosine = abs(float(normal @ inward)) / size if size > 0 else 0.0
    angle = float(np.degrees(np.arccos(np.clip(cosine, 0, 1))))
    thickness = float(bone.sum() * STEP_MM)
    cap = rules.cap_mm
    clearance = min(deep, avoid, cap) + rules.sulcus_weight * min(sulcus, cap)
    admitted = min(deep, avoid) >= rules.margin_mm and angle <= rules.largest_angle_deg
    return Trajectory(
        entry_mm=entry,
        target_mm=target,
        deep_csf_mm=deep,
        sulcus_mm=sulcus,
        avoid_mm=avoid,
        skull_angle_deg=angle,
        length_mm=length,
        bone_mm=thickness,
        admitted=bool(admitted and 0 < thickness <= rules.thickest_bone_mm),
        clearance=clearance - length / rules.per_mm - angle / rules.per_deg,
    )

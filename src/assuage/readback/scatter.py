"""Published placement errors, and what they do to a dose: displaced coils and electrodes, scored by the adjoint.

Displacements are taken as normal in both directions of the scalp, so distances follow Rayleigh's law; the published
mean or median sets its scale:  mean = s sqrt(pi / 2),  median = s sqrt(2 ln 2).  Twists are normal, tilts normal about
both axes in the plane of the coil, their mean sizes as published.
"""

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from assuage.errors import PlanError, SourceError
from assuage.plan.describe import number
from assuage.plan.records import CoilProposal
from assuage.readback.opened import OpenedPlan
from assuage.readback.placement_records import PlacementError, TapeRepeat
from assuage.sources import Coil, Contact, Electrode, Montage, Pad, place
from assuage.techniques.electrodes import injections, sensitivities
from assuage.techniques.poses import PoseSet, face_points_mm
from assuage.techniques.tms import UNIT_DIDT_A_PER_S, CoilSite, is_antisymmetric, poses_around

Array = NDArray[np.float64]

DRAWS = 400
DEFAULT = "cap_marks"
MEAN_OF_RAYLEIGH = float(np.sqrt(np.pi / 2))
MEDIAN_OF_RAYLEIGH = float(np.sqrt(2 * np.log(2)))
HIGH_OF_RAYLEIGH = float(np.sqrt(-2 * np.log(0.05)))
"""Mean, median and 95th percentile in units of the scale."""
PLACEMENTS_PER_ELECTRODE = 24
ASSUMPTION = (
    "normal in both directions along the scalp (distances by Rayleigh's law), twist and tilt normal, all independent; "
    "electrodes independent of each other"
)


@dataclass(frozen=True, kw_only=True)
class Scatter:
    """Scales of a placement error: standard deviations per direction, mm and degrees."""

    shift_mm: float
    twist_deg: float
    tilt_deg: float


@cache
def _table() -> dict[str, Any]:
    text = files("assuage.readback").joinpath("data/placement_errors.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def tape_repeat(repeat_mm: float | None = None) -> TapeRepeat:
    """Return the tape's repeat error: published, or as stated by the user."""
    tape = _table()["tape"]
    if repeat_mm is None:
        return TapeRepeat(**tape)
    return TapeRepeat(repeat_mm=repeat_mm, source="stated by the user", source_level="user")


def placement_error(name: str = DEFAULT) -> tuple[PlacementError, Scatter]:
    """Return a published placement error and its scales.

    Raises
    ------
    PlanError
        No error of that name.
    """
    known = _table()["errors"]
    if name not in known:
        raise PlanError(f"placement error {name!r} is not known; choose from {', '.join(known)}")
    row = known[name]
    mean = row.get("distance_mm")
    shift = mean / MEAN_OF_RAYLEIGH if mean is not None else row["median_mm"] / MEDIAN_OF_RAYLEIGH
    twist, tilt = row.get("twist_deg", 0.0), row.get("tilt_deg", 0.0)
    scatter = Scatter(shift_mm=shift, twist_deg=twist * MEAN_OF_RAYLEIGH, tilt_deg=tilt / MEAN_OF_RAYLEIGH)
    record = PlacementError(
        name=name,
        mean_mm=number(shift * MEAN_OF_RAYLEIGH),
        percentile_95_mm=number(shift * HIGH_OF_RAYLEIGH),
        twist_deg=twist,
        tilt_deg=tilt,
        says=row["says"],
        source=row["source"],
        source_level=row["source_level"],
        assumption=ASSUMPTION,
    )
    return record, scatter


def coil_scatter(
    plan: OpenedPlan, coil: Coil, proposal: CoilProposal, scatter: Scatter, *, count: int, seed: int
) -> Array:
    """Return mean fields (count, 3), V/m at 1 A/us, of a coil placed with an error.

    The displaced coil follows the scalp, keeps the planned gap, and is backed off where a tilt would press it into the
    head.
    """
    rng = np.random.default_rng(seed)
    site = _site(plan, coil, proposal)
    point, angle = np.array(proposal.scalp_point_mm), -proposal.handle_deg
    planned = np.array(proposal.pose)
    home = poses_around(site, point, angle, np.zeros((1, 2)), np.zeros(1)).set.poses[0]
    shifts, twists = rng.normal(0, scatter.shift_mm, (count, 2)), rng.normal(0, scatter.twist_deg, count)
    poses = poses_around(site, point, angle, shifts, twists).set.poses.copy()
    poses[:, :3, 3] -= ((home[:3, 3] - planned[:3, 3]) @ planned[:3, 2]) * poses[:, :3, 2]
    tilted = poses.copy()
    turn = np.zeros((count, 3))
    turn[:, :2] = np.deg2rad(rng.normal(0, scatter.tilt_deg, (count, 2)))
    tilted[:, :3, :3] = poses[:, :3, :3] @ Rotation.from_rotvec(turn).as_matrix()
    missing = np.maximum(_clear(plan, site, poses) - _clear(plan, site, tilted), 0)
    tilted[:, :3, 3] -= missing[:, None] * poses[:, :3, 2]
    return plan.landscape.coil(site.coil, tilted, didt_A_per_s=UNIT_DIDT_A_PER_S)


def montage_scatter(plan: OpenedPlan, montage: Montage, scatter: Scatter, *, count: int, seed: int) -> Array:
    """Return mean fields (count, 3), V/m, of a montage whose electrodes are placed with an error.

    Raises
    ------
    PlanError
        An electrode so near the edge of the skin that hardly any displaced one fits.
    """
    rng = np.random.default_rng(seed)
    contacts: list[Contact] = []
    for electrode in montage.electrodes:
        contacts += _displaced(plan, electrode, scatter, rng)
    electrodes = len(montage.electrodes)
    each = sensitivities(plan.landscape, injections(plan.conductor, contacts))
    table = each.reshape(electrodes, PLACEMENTS_PER_ELECTRODE, 3)
    pick = rng.integers(PLACEMENTS_PER_ELECTRODE, size=(count, electrodes))
    return np.asarray(np.einsum("e,nea->na", montage.currents_A, table[np.arange(electrodes), pick]))


def _site(plan: OpenedPlan, coil: Coil, proposal: CoilProposal) -> CoilSite:
    """Return coil and scalp without the poses of a search."""
    none = np.empty(0)
    return CoilSite(
        coil=coil.condensed(),
        scalp=plan.scalp,
        places_mm=np.empty((0, 3)),
        poses=PoseSet(poses=np.empty((0, 4, 4)), place=none.astype(np.int64), angle_deg=none, lift_mm=none),
        face_mm=face_points_mm(coil),
        hair_mm=proposal.hair_mm,
        antisymmetric=is_antisymmetric(coil),
    )


def _clear(plan: OpenedPlan, site: CoilSite, poses: Array) -> Array:
    """Return the smallest clearance (n,) of the face of the coil, mm."""
    points = np.einsum("nab,mb->nma", poses[:, :3, :3], site.face_mm) + poses[:, None, :3, 3]
    return np.asarray(plan.scalp.clearance_mm(points).min(1))


def _displaced(plan: OpenedPlan, electrode: Electrode, scatter: Scatter, rng: np.random.Generator) -> Sequence[Contact]:
    home = np.array(electrode.center_mm)
    normal = plan.head.scalp.nearest(home[None])[1][0]
    aside = np.cross(normal, np.eye(3)[int(np.argmin(np.abs(normal)))])
    aside = aside / np.linalg.norm(aside)
    plane = np.stack([aside, np.cross(normal, aside)])
    found: list[Contact] = []
    for _ in range(4 * PLACEMENTS_PER_ELECTRODE):
        x, y, z = plan.scalp.project((home + rng.normal(0, scatter.shift_mm, 2) @ plane)[None])[0].tolist()
        shape, turn = electrode.shape, float(rng.normal(0, scatter.twist_deg))
        if isinstance(shape, Pad):
            shape = Pad(shape.width_mm, shape.height_mm, shape.rotation_deg + turn)
        moved = Electrode(name=electrode.name, center_mm=(x, y, z), current_A=electrode.current_A, shape=shape)
        try:
            found.append(place(moved, plan.head))
        except SourceError:
            continue
        if len(found) == PLACEMENTS_PER_ELECTRODE:
            return found
    raise PlanError(
        f"electrode {electrode.label} is so near the edge of the skin that only {len(found)} of "
        f"{4 * PLACEMENTS_PER_ELECTRODE} displaced ones fit; choose another site"
    )

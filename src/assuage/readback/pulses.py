"""A navigator's session held against a plan: delivered pose -> delivered field, pulse by pulse, by the adjoint.

The field in the target is linear in the coil: one landscape answers all pulses of a session, at one interpolation per
dipole and pulse. Fields are compared at equal dI/dt: what the pose changed is kept apart from what the stimulator did.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assuage import __version__
from assuage.errors import NavigatorError, PlanError
from assuage.field import Landscape
from assuage.head.hashing import file_hash
from assuage.head.minors import lines_of
from assuage.plan.describe import matrix, number, point
from assuage.plan.provenance import coil_hash
from assuage.readback.deviation import (
    FRAME_MM,
    TURNED_DEG,
    Deviation,
    around_mean_deg,
    deviation,
    require_handle,
    require_same_frame,
)
from assuage.readback.opened import OpenedPlan, coil_technique
from assuage.readback.records import (
    Counts,
    Drift,
    PlanRef,
    PulseFidelity,
    PulseRecord,
    RegionDelivered,
    SourceRef,
    Spread,
)
from assuage.sources import Coil
from assuage.space import NavigatorSession, read_session
from assuage.techniques.tms import UNIT_DIDT_A_PER_S
from assuage.units import A_PER_S_PER_A_PER_US, S_PER_MIN

Array = NDArray[np.float64]
Progress = Callable[[str, float], None]

TOLERANCE_PERCENT = 10.0
"""A working choice, stated in every result; not a clinical limit."""
ENTERS_MM = -0.5
"""A coil element this deep in the head is inside it: the clearance is known to 0.5 mm."""
LEAST_FOR_DRIFT = 20
"""Pulses used; a tenth of fewer is no mean."""


@dataclass(frozen=True, kw_only=True, eq=False)
class _Delivered:
    """The pulses used: their numbers in the file, and their fields."""

    index: NDArray[np.int64]
    poses: Array
    deviation: Deviation
    scalp_distance_mm: Array
    e_V_per_m: Array
    score_V_per_m: Array
    planned_e_V_per_m: Array
    planned_V_per_m: float
    off_target: dict[str, tuple[float, Array]]

    @property
    def share(self) -> Array:
        """Share of the planned field."""
        return self.score_V_per_m / self.planned_V_per_m


def read_back(
    plan: OpenedPlan,
    coil: Coil,
    path: Path | str,
    *,
    tolerance_percent: float = TOLERANCE_PERCENT,
    frame_mm: float = FRAME_MM,
    as_delivered: bool = False,
    off_target: bool = True,
    progress: Progress | None = None,
) -> PulseFidelity:
    """Return what a session delivered.

    Parameters
    ----------
    plan
        The plan.
    coil
        Its coil.
    path
        The navigator's file of the session.
    tolerance_percent
        Half width of the band about the planned field that counts as delivered.
    frame_mm
        Largest mean distance from the plan that is taken for the same coordinates.
    as_delivered
        The handle really pointed the other way: go on.
    off_target
        Also state the field in the other regions of the circuit, three solves each.
    progress
        Called as ``progress(step, fraction)``.

    Raises
    ------
    AssuageError
        Another coil; a file that cannot be read, holds no pulse, or none that is tracked; poses in another frame,
        facing away from the head, or with the handle reversed.
    """
    say = progress or (lambda *_: None)
    check_tolerance(tolerance_percent)
    technique, proposal = coil_technique(plan.record)
    plan.require_coil(coil)
    session = read_session(path)
    tracked = _tracked(session)
    planned = np.array(proposal.pose)
    poses = np.array([session.pulses[k].pose for k in tracked])
    at_head = require_same_frame(plan.scalp, planned, poses, frame_mm=frame_mm, source=session.source)
    condensed = coil.condensed()
    state = np.full(len(session.pulses), "untracked", dtype=object)
    state[tracked] = np.where(at_head, "used", "away")
    enters = _enters(plan, condensed, poses) & at_head
    state[tracked[enters]] = "inside"
    used = at_head & ~enters
    if not used.any():
        raise NavigatorError(
            f"{session.source}: part of the coil would lie in the head at all {int(enters.sum())} tracked pulses; "
            "check the registration of the head and the calibration of the coil"
        )
    moved = deviation(planned, poses[used])
    if not as_delivered:
        require_handle(moved.twist_deg, source=session.source)
    say("adjoint of the target", 0.1)
    e, home = _fields(plan.landscape, condensed, poses[used], planned)
    plan.require_again(technique, home)
    elsewhere = {}
    regions = plan.regions if off_target else {}
    for k, (region, target) in enumerate(regions.items()):
        say(f"adjoint of {region}", 0.3 + 0.6 * k / len(regions))
        there, here = _fields(Landscape.of(plan.conductor, target), condensed, poses[used], planned)
        elsewhere[region] = (float(np.linalg.norm(here)), np.linalg.norm(there, axis=1))
    delivered = _Delivered(
        index=tracked[used],
        poses=poses[used],
        deviation=moved,
        scalp_distance_mm=plan.scalp.clearance_mm(poses[used][:, :3, 3]),
        e_V_per_m=e,
        score_V_per_m=plan.goal.score(e),
        planned_e_V_per_m=home,
        planned_V_per_m=float(plan.goal.score(home[None])[0]),
        off_target=elsewhere,
    )
    say("statistics", 0.95)
    return _record(plan, coil, Path(path), session, state, delivered, tolerance_percent, as_delivered=as_delivered)


def check_tolerance(percent: float) -> None:
    """Refuse a tolerance that is no share.

    Raises
    ------
    PlanError
        Not above 0 and below 100.
    """
    if not 0 < percent < 100:
        raise PlanError(f"a tolerance of {percent:g} % of the planned field means nothing; give above 0 and below 100")


def plan_ref(plan: OpenedPlan, technique: str) -> PlanRef:
    """Say which plan the delivery is held against."""
    record = plan.record
    quantity = "magnitude of the mean field" if record.target.direction is None else "component of the mean field"
    return PlanRef(
        sha256=plan.sha256,
        title=record.title,
        technique=technique,
        head=record.head.name,
        head_sha256=record.head.sha256,
        target=record.target.name,
        quantity=quantity,
        voxel_mm=float(record.provenance.conductor["voxel_mm"]),
    )


def spread(values: Array) -> Spread:
    """Return the distribution of values (n,)."""
    low, middle, high = np.percentile(values, [5, 50, 95])
    return Spread(
        mean=number(values.mean()),
        sd=number(values.std()),
        percentile_5=number(low),
        median=number(middle),
        percentile_95=number(high),
        least=number(values.min()),
        largest=number(values.max()),
    )


def now_utc() -> str:
    """Return the present moment."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def _tracked(session: NavigatorSession) -> NDArray[np.int64]:
    """Return the numbers of the tracked pulses."""
    if not session.pulses:
        raise NavigatorError(
            f"{session.source} holds no recorded pulse (but {len(session.markers)} markers, which are plans, not "
            "deliveries); export the trigger markers or samples of the session"
        )
    tracked = np.array([k for k, pulse in enumerate(session.pulses) if pulse.pose is not None], dtype=np.int64)
    if not len(tracked):
        raise NavigatorError(
            f"{session.source}: none of {len(session.pulses)} pulses was tracked, so nobody knows where they went; "
            "check that the navigator saw the coil, or read the file of the other coil"
        )
    return tracked


def _enters(plan: OpenedPlan, coil: Coil, poses: Array) -> NDArray[np.bool_]:
    """Say at which poses (n,) an element of the coil would lie in the head."""
    points = np.einsum("nab,mb->nma", poses[:, :3, :3], coil.positions_mm) + poses[:, None, :3, 3]
    return np.asarray(plan.scalp.clearance_mm(points).min(1) < ENTERS_MM)


def _fields(landscape: Landscape, coil: Coil, poses: Array, planned: Array) -> tuple[Array, Array]:
    """Return the mean fields (n, 3) at poses and (3,) at the planned one, V/m at 1 A/us."""
    found = landscape.coil(coil, np.concatenate([planned[None], poses]), didt_A_per_s=UNIT_DIDT_A_PER_S)
    return found[1:], found[0]


def _record(
    plan: OpenedPlan,
    coil: Coil,
    path: Path,
    session: NavigatorSession,
    state: NDArray[Any],
    delivered: _Delivered,
    tolerance_percent: float,
    *,
    as_delivered: bool,
) -> PulseFidelity:
    technique, _ = coil_technique(plan.record)
    share, moved = delivered.share, delivered.deviation
    within = np.abs(share - 1) <= tolerance_percent / 100
    turned = int((np.abs(moved.twist_deg) > TURNED_DEG).sum())
    records = _pulse_records(session, state, delivered, within)
    known = np.array([item.target_V_per_m for item in records if item.target_V_per_m is not None])
    goal = plan.goal
    forward = goal.score(np.array(technique.dose.mean_e_V_per_m)[None])[0]
    return PulseFidelity(
        assuage=__version__,
        created_utc=now_utc(),
        plan=plan_ref(plan, technique.technique),
        source=SourceRef(
            file=session.source,
            sha256=file_hash(path),
            format=session.format,
            coordinate_system=session.frame,
            registration_residuals_mm=session.residuals_mm,
            notes=session.notes,
        ),
        tolerance_percent=tolerance_percent,
        off_target=tuple(
            RegionDelivered(
                region=region,
                planned_V_per_m=number(planned),
                delivered_V_per_m=number(values.mean()),
                sd_V_per_m=number(values.std()),
            )
            for region, (planned, values) in delivered.off_target.items()
        ),
        notes=(
            *lines_of(plan.record.head.metadata.get("warnings")),
            *_notes(session, state, known, turned, as_delivered=as_delivered),
        ),
        coil=coil.name,
        coil_sha256=coil_hash(coil),
        planned_V_per_m_per_A_per_us=number(delivered.planned_V_per_m),
        planned_forward_V_per_m_per_A_per_us=number(forward),
        counts=Counts(
            recorded=len(state),
            used=int((state == "used").sum()),
            untracked=int((state == "untracked").sum()),
            away=int((state == "away").sum()),
            inside=int((state == "inside").sum()),
            without_didt=len(share) - len(known),
        ),
        within_tolerance_percent=number(100 * within.mean()),
        turned_pulses=turned,
        target_V_per_m_per_A_per_us=spread(delivered.score_V_per_m),
        of_planned=spread(share),
        target_V_per_m=spread(known) if len(known) else None,
        distance_mm=spread(moved.distance_mm),
        along_scalp_mm=spread(moved.along_scalp_mm),
        outward_mm=spread(moved.outward_mm),
        tilt_deg=spread(moved.tilt_deg),
        twist_deg=spread(around_mean_deg(moved.twist_deg)),
        drift=_drift(session, delivered),
        pulses=records,
    )


def _pulse_records(
    session: NavigatorSession, state: NDArray[Any], delivered: _Delivered, within: NDArray[np.bool_]
) -> tuple[PulseRecord, ...]:
    row = {int(k): n for n, k in enumerate(delivered.index)}
    axis = delivered.planned_e_V_per_m / np.linalg.norm(delivered.planned_e_V_per_m)
    along = delivered.e_V_per_m @ axis
    found = []
    for k, pulse in enumerate(session.pulses):
        said: dict[str, Any] = {}
        if pulse.pose is not None:
            said |= {"position_mm": point(pulse.pose[:3, 3]), "pose": matrix(pulse.pose)}
        if k in row:
            n, moved = row[k], delivered.deviation
            score = delivered.score_V_per_m[n]
            rate = None if pulse.didt_A_per_s is None else pulse.didt_A_per_s / A_PER_S_PER_A_PER_US
            said |= {
                "scalp_distance_mm": number(delivered.scalp_distance_mm[n]),
                "distance_mm": number(moved.distance_mm[n]),
                "along_scalp_mm": number(moved.along_scalp_mm[n]),
                "outward_mm": number(moved.outward_mm[n]),
                "tilt_deg": number(moved.tilt_deg[n]),
                "twist_deg": number(moved.twist_deg[n]),
                "target_V_per_m_per_A_per_us": number(score),
                "along_planned_V_per_m_per_A_per_us": number(along[n]),
                "of_planned": number(delivered.share[n]),
                "within_tolerance": bool(within[n]),
                "target_V_per_m": None if rate is None else number(score * rate),
                "off_target_V_per_m_per_A_per_us": {
                    region: number(values[n]) for region, (_, values) in delivered.off_target.items()
                },
            }
        found.append(
            PulseRecord(
                index=k, name=pulse.name, state=state[k], time_s=pulse.time_s, didt_A_per_s=pulse.didt_A_per_s,
                amplitude_percent=pulse.amplitude_percent, **said,
            )
        )  # fmt: skip
    return tuple(found)


def _drift(session: NavigatorSession, delivered: _Delivered) -> Drift:
    share, count = delivered.share, len(delivered.share)
    tenth = count // 10
    times = [session.pulses[k].time_s for k in delivered.index]
    clock = np.array([np.nan if time is None else time for time in times])
    slope = None
    if count > 1 and np.isfinite(clock).all() and np.ptp(clock) > 0:
        slope = number(np.polyfit(clock / S_PER_MIN, share, 1)[0])
    if count < LEAST_FOR_DRIFT:
        return Drift(position_mm=None, of_planned_first=None, of_planned_last=None, of_planned_per_minute=slope)
    centres = delivered.poses[:, :3, 3]
    return Drift(
        position_mm=number(np.linalg.norm(centres[-tenth:].mean(0) - centres[:tenth].mean(0))),
        of_planned_first=number(share[:tenth].mean()),
        of_planned_last=number(share[-tenth:].mean()),
        of_planned_per_minute=slope,
    )


def _notes(
    session: NavigatorSession, state: NDArray[Any], known: Array, turned: int, *, as_delivered: bool
) -> tuple[str, ...]:
    used = int((state == "used").sum())
    said = []
    for name, why in (
        ("untracked", "were not tracked: counted, but nothing is known of where they went"),
        ("away", "were fired with the coil off the head: counted, not part of any mean"),
        ("inside", "would have part of the coil in the head (registration or calibration): not part of any mean"),
    ):
        count = int((state == name).sum())
        if count:
            said.append(f"{count} of {len(state)} pulses {why}")
    if len(known) < used:
        said.append(
            f"no dI/dt in the file for {used - len(known)} of {used} pulses used; their field is stated per A/us"
        )
    if turned:
        said.append(f"the handle pointed the other way at {turned} pulses: the field there is reversed")
    if as_delivered:
        said.append("a reversed handle was confirmed by the user")
    if any(pulse.time_s is None for pulse in session.pulses):
        said.append("some pulses have no time; drift is shown by their order")
    return tuple(said)

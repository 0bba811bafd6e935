"""Digitised electrodes held against a planned montage: displacement, exchanged electrodes, delivered field."""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from assuage import __version__
from assuage.errors import AssuageError, NavigatorError, PlanError
from assuage.field import Landscape
from assuage.head.cap import Cap, read_cap
from assuage.head.hashing import file_hash
from assuage.head.minors import lines_of
from assuage.plan.describe import number, point
from assuage.plan.records import ElectrodeRecord, MontageProposal
from assuage.readback.deviation import FRAME_MM, LPS
from assuage.readback.opened import OpenedPlan, montage_technique
from assuage.readback.pulses import TOLERANCE_PERCENT, check_tolerance, now_utc, plan_ref
from assuage.readback.records import ElectrodeDelivered, ElectrodeFidelity, RegionDelivered, SourceRef
from assuage.sources import Disc, Electrode, Montage, Pad, Ring
from assuage.space import read_session
from assuage.space.markers import METRES_REACH_MM

Array = NDArray[np.float64]
Progress = Callable[[str, float], None]

BETTER = 0.5
"""An exchange is told from sloppy placing if it brings the summed squared distance from the plan below this share."""
OFF_SCALP_MM = 15.0
"""The farthest that an electrode is moved to the skin (as `assuage.sources.place`)."""


def read_back_electrodes(
    plan: OpenedPlan,
    path: Path | str,
    *,
    technique: str | None = None,
    tolerance_percent: float = TOLERANCE_PERCENT,
    frame_mm: float = FRAME_MM,
    as_delivered: bool = False,
    off_target: bool = True,
    progress: Progress | None = None,
) -> ElectrodeFidelity:
    """Return what a montage delivered from where its electrodes were digitised.

    Parameters
    ----------
    plan
        The plan.
    path
        A cap table (CSV) or a navigator's file with points named as the electrodes of the plan.
    technique
        Of the plan; needed where it holds several montages.
    tolerance_percent, frame_mm, off_target, progress
        As in `read_back`.
    as_delivered
        Anode and cathode really were exchanged: state the dose so.

    Raises
    ------
    AssuageError
        A file that cannot be read or lacks an electrode, points in another unit or frame or off the scalp, electrodes
        that overlap, or anode and cathode exchanged.
    """
    say = progress or (lambda *_: None)
    check_tolerance(tolerance_percent)
    item, proposal = montage_technique(plan.record, technique)
    path = Path(path)
    source, places = _read(path)
    digitised = np.array([_place(places, electrode.name, path.name) for electrode in proposal.electrodes])
    planned = np.array([electrode.center_mm for electrode in proposal.electrodes])
    delivered, _, off_scalp = plan.head.scalp.nearest(digitised)
    _require_same_frame(planned, digitised, off_scalp, frame_mm=frame_mm, source=path.name)
    notes = _exchanges(proposal.electrodes, planned, delivered, source=path.name, as_delivered=as_delivered)
    displacement = np.linalg.norm(delivered - planned, axis=1)
    if not notes and displacement.mean() > frame_mm:
        raise NavigatorError(
            f"{path.name}: the electrodes are on average {displacement.mean():.0f} mm from the plan; name the plan "
            "that was delivered, or digitise in the coordinates of its image (if that is where they were: --frame-mm)"
        )
    say("adjoint of the target", 0.1)
    as_planned, as_placed = planned_montage(proposal), _montage(proposal, digitised)
    home, there = (plan.landscape.montage(montage) for montage in (as_planned, as_placed))
    plan.require_again(item, home)
    elsewhere = []
    regions = plan.regions if off_target else {}
    for k, (region, target) in enumerate(regions.items()):
        say(f"adjoint of {region}", 0.3 + 0.6 * k / len(regions))
        scape = Landscape.of(plan.conductor, target)
        before, after = (float(np.linalg.norm(scape.montage(montage))) for montage in (as_planned, as_placed))
        elsewhere.append(
            RegionDelivered(
                region=region, planned_V_per_m=number(before), delivered_V_per_m=number(after), sd_V_per_m=None
            )
        )
    wanted, got = (float(plan.goal.score(e[None])[0]) for e in (home, there))
    return ElectrodeFidelity(
        assuage=__version__,
        created_utc=now_utc(),
        plan=plan_ref(plan, item.technique),
        source=source,
        tolerance_percent=tolerance_percent,
        off_target=tuple(elsewhere),
        notes=(*lines_of(plan.record.head.metadata.get("warnings")), *notes, *_pad_note(proposal)),
        electrodes=tuple(
            ElectrodeDelivered(
                name=electrode.name,
                current_A=electrode.current_A,
                planned_mm=electrode.center_mm,
                digitised_mm=point(digitised[k]),
                delivered_mm=point(delivered[k]),
                off_scalp_mm=number(off_scalp[k]),
                displacement_mm=number(displacement[k]),
            )
            for k, electrode in enumerate(proposal.electrodes)
        ),
        mean_displacement_mm=number(displacement.mean()),
        largest_displacement_mm=number(displacement.max()),
        planned_V_per_m=number(wanted),
        delivered_V_per_m=number(got),
        along_planned_V_per_m=number(there @ home / np.linalg.norm(home)),
        of_planned=number(got / wanted),
        within_tolerance=bool(abs(got / wanted - 1) <= tolerance_percent / 100),
        planned_e_V_per_m=point(home),
        delivered_e_V_per_m=point(there),
    )


def _read(path: Path) -> tuple[SourceRef, Cap | Mapping[str, Array]]:
    """Return what the file is and its named places."""
    if not path.is_file():
        raise NavigatorError(f"no such file: {path}; check the path")
    try:
        session = read_session(path)
    except AssuageError as not_a_session:
        try:
            cap = read_cap(path)
        except AssuageError as not_a_cap:
            raise (not_a_cap if path.suffix.lower() == ".csv" else not_a_session) from None
        notes = cap.notes
        return SourceRef(
            file=path.name, sha256=file_hash(path), format="cap", coordinate_system="not stated", notes=notes
        ), cap
    points = {item.name: item.position_mm for item in session.points}
    if len(points) < len(session.points):
        raise NavigatorError(f"{path.name}: two points have one name; rename or remove one")
    return SourceRef(
        file=path.name,
        sha256=file_hash(path),
        format=session.format,
        coordinate_system=session.frame,
        registration_residuals_mm=session.residuals_mm,
        notes=session.notes,
    ), points


def _place(places: Cap | Mapping[str, Array], name: str, source: str) -> Array:
    if isinstance(places, Cap):
        return np.asarray(places.site(name))
    if name not in places:
        raise NavigatorError(f"{source} has no point {name!r}; it has {', '.join(list(places)[:8]) or 'no point'}")
    return np.asarray(places[name])


def _require_same_frame(planned: Array, digitised: Array, off_scalp: Array, *, frame_mm: float, source: str) -> None:
    reach = float(np.linalg.norm(digitised, axis=1).max())
    if reach < METRES_REACH_MM:
        raise NavigatorError(f"{source}: the farthest electrode is {reach:.3g} mm from the origin; write millimetres")
    mean_mm = float(np.linalg.norm(digitised - planned, axis=1).mean())
    mirrored = float(np.linalg.norm(digitised * LPS - planned, axis=1).mean())
    if (mean_mm > frame_mm or off_scalp.max() > OFF_SCALP_MM) and mirrored < 0.5 * mean_mm and mirrored <= frame_mm:
        raise NavigatorError(
            f"{source}: the electrodes are on average {mean_mm:.0f} mm from the plan, but {mirrored:.0f} mm with "
            "left-right and front-back exchanged: RAS and LPS are mixed up; export in RAS (NIfTI)"
        )
    if off_scalp.max() > OFF_SCALP_MM:
        raise NavigatorError(
            f"{source}: an electrode lies {off_scalp.max():.0f} mm from the scalp of the plan's head (limit "
            f"{OFF_SCALP_MM:g}); digitise in the coordinates of the plan's image, in millimetres"
        )


def _exchanges(
    electrodes: tuple[ElectrodeRecord, ...], planned: Array, delivered: Array, *, source: str, as_delivered: bool
) -> tuple[str, ...]:
    """Return notes on electrodes that sit at each other's places; refuse them if that changes the polarity."""
    squared = ((delivered[:, None] - planned[None]) ** 2).sum(2)
    _, place = linear_sum_assignment(squared)
    own, best = float(np.trace(squared)), float(squared[np.arange(len(place)), place].sum())
    if best >= BETTER * own:
        return ()
    moved = [(electrodes[k], electrodes[p]) for k, p in enumerate(place) if k != p]
    reversed_ = [(a, b) for a, b in moved if a.current_A * b.current_A < 0]
    said = ", ".join(f"{a.name} at the place of {b.name}" for a, b in moved)
    if reversed_ and not as_delivered:
        raise PlanError(
            f"{source}: anode and cathode are exchanged ({said}), which reverses the field; correct the names in the "
            "file, or give --as-delivered if the current really flowed that way"
        )
    return (f"electrodes are exchanged: {said}" + ("; confirmed by the user" if reversed_ else ""),)


def planned_montage(proposal: MontageProposal) -> Montage:
    """Return a montage as a plan records it."""
    return _montage(proposal, np.array([electrode.center_mm for electrode in proposal.electrodes]))


def _montage(proposal: MontageProposal, centers_mm: Array) -> Montage:
    return Montage.of(
        Electrode(
            name=electrode.name,
            center_mm=point(center),
            current_A=electrode.current_A,
            shape=_shape(electrode),
        )
        for electrode, center in zip(proposal.electrodes, centers_mm, strict=True)
    )


def _shape(electrode: ElectrodeRecord) -> Disc | Pad | Ring:
    outline = electrode.outline
    if outline is None:
        raise PlanError(f"the plan lacks the outline of electrode {electrode.name}; plan again with this version")
    if outline.kind == "disc":
        return Disc(float(outline.radius_mm or 0))
    if outline.kind == "pad":
        return Pad(float(outline.width_mm or 0), float(outline.height_mm or 0))
    return Ring(float(outline.inner_mm or 0), float(outline.outer_mm or 0))


def _pad_note(proposal: MontageProposal) -> tuple[str, ...]:
    pads = any(electrode.outline is not None and electrode.outline.kind == "pad" for electrode in proposal.electrodes)
    return ("a digitised centre does not say how a pad is turned: taken as planned",) if pads else ()

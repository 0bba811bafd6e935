"""What the options of `assuage plan` mean: read and refused before any work starts, then placed on a head."""

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from assuage.cli.alternating import is_point, rhythm_of
from assuage.cli.anisotropy import check_tensors
from assuage.cli.driving import DEFAULT_SIDE, coil_and_driving
from assuage.cli.sessions import sessions_of
from assuage.connectivity import TargetDistribution, read_target
from assuage.connectivity.group import read_group
from assuage.errors import PlanError
from assuage.head import Head
from assuage.plan import Choosing, check_writable
from assuage.plan.asking import check_coil_options, check_number, check_weights
from assuage.plan.bench import resolve_techniques
from assuage.plan.driving import Driving
from assuage.plan.over_target import check_head
from assuage.plan.sessions import Sessions
from assuage.plan.whereabouts import Whereabouts
from assuage.protocols.courses import CoilCourse
from assuage.protocols.given_course import load_course
from assuage.sources import Coil
from assuage.sources.lead import Lead
from assuage.targets import AtlasRegion, Target, from_coordinate, read_region
from assuage.techniques.aims import Objective
from assuage.techniques.dbs import Implant
from assuage.techniques.dbs_activation import threshold
from assuage.techniques.dbs_dose import Pulse
from assuage.units import S_PER_US

OVER_TARGET_FILE = "target_distribution.json"
"""Fields over the distribution of an individual target; only where one was given."""
MOST_AVOIDED_MM = 50.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """The options of `assuage plan` as typed."""

    head: str
    out: Path
    circuit: str | None
    region: str | None
    target: str | None
    space: str | None
    radius_mm: float
    techniques: str | None
    coil: str | None
    voxel_mm: float
    current_milliampere: float
    hair_mm: float
    age_years: float | None
    weights: str | None
    equipment: str | None
    motor_threshold: str | None
    active_threshold: bool
    stimulator: str | None
    coil_dose: str | None
    hotspot: str | None
    hotspot_side: str
    courses: str | None
    tacs_frequency_Hz: float | None
    tacs_phase: str | None
    tacs_partner: str | None
    dbs_lead: str | None
    dbs_pulse_us: float | None
    dbs_avoid: tuple[str, ...]
    session_minutes: float | None
    ect_stimulus: str | None
    mst_train: str | None
    tissues: Path | None
    seed: int
    force: bool
    tensors: Path | None = None
    tensor_order: str | None = None
    tensor_mapping: str | None = None
    tensor_frame: str | None = None
    target_quantile: float | None = None
    label: str | None = None
    label_table: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the options of `assuage plan` mean, as far as no head is needed to know it."""

    found: TargetDistribution | None
    whereabouts: Whereabouts | None
    point: tuple[float, float, float] | None
    region: AtlasRegion | None
    techniques: tuple[str, ...] | None
    choosing: Choosing
    sessions: Sessions
    coil: Coil | None
    driving: Driving | None
    courses: tuple[CoilCourse, ...]
    second: tuple[float, float, float] | None


def read_request(request: Request) -> Asked:
    """Refuse everything that can be refused before a head is read.

    Raises
    ------
    AssuageError
        What was asked for does not fit together, does not exist, or cannot be written.
    """
    _check(request)
    found = read_target(request.target) if request.target is not None and _is_file(request.target) else None
    whereabouts = _whereabouts(request, found)
    region = (
        None if request.label is None else read_region(Path(str(request.target)), request.label, request.label_table)
    )
    plain = request.target is not None and found is None and region is None
    point = parse_point(str(request.target)) if plain else None
    techniques = None if request.techniques is None else _split(request.techniques)
    _check_coil(request, techniques)
    weights = None if request.weights is None else parse_weights(request.weights)
    choosing = Choosing(weights=weights, **({} if request.equipment is None else parse_equipment(request.equipment)))
    sessions = sessions_of(request)
    check_writable(request.out, force=request.force)
    _check_place(request.out)
    coil, driving = coil_and_driving(request)
    named = () if request.courses is None else _split(request.courses, "--course")
    courses = tuple(load_course(name) for name in named)
    partner = request.tacs_partner
    second = parse_point(partner, "--tacs-partner") if partner is not None and is_point(partner) else None
    rhythm_of(request, partner)
    check_tensors(request)
    return Asked(
        found=found, whereabouts=whereabouts, point=point, region=region, techniques=techniques, choosing=choosing,
        sessions=sessions, coil=coil, driving=driving, courses=courses, second=second,
    )  # fmt: skip


def parse_point(text: str, option: str = "--target") -> tuple[float, float, float]:
    """Return "x,y,z" (commas or spaces) as three numbers.

    Raises
    ------
    PlanError
        Not three finite numbers.
    """
    parts = text.replace(",", " ").split()
    try:
        x, y, z = (float(part) for part in parts)
    except ValueError:
        raise PlanError(f"{option} {text!r} is not three numbers in mm; write for example {option} -44,40,29") from None
    if not all(abs(value) < 1e4 for value in (x, y, z)):
        raise PlanError(f"{option} {text!r} is not a place in a head; write millimetres, for example -44,40,29")
    return x, y, z


def _check(request: Request) -> None:
    if (request.circuit is None) == (request.target is None):
        given = "both" if request.circuit else "neither"
        raise PlanError(
            f"{given} of --circuit and --target given; name one circuit (assuage circuits) or one coordinate"
        )
    if request.region is not None and request.circuit is None:
        raise PlanError(f"--region {request.region!r} belongs to a circuit; add --circuit NAME")
    if request.space is not None and _is_file(request.target):
        raise PlanError(
            f"--space {request.space!r} does not go with {request.target}, which is in head space; leave it out"
        )
    if request.space is not None and request.target is None:
        raise PlanError(f"--space {request.space!r} belongs to a coordinate; add --target X,Y,Z")
    if request.space not in {None, "mni", "head"}:
        raise PlanError(f"--space {request.space!r} is not known; write mni or head")
    _check_label(request)
    _check_numbers(request)


def _check_numbers(request: Request) -> None:
    check_number("voxel_mm", request.voxel_mm, called="--voxel-mm")
    check_number("current_A", request.current_milliampere, called="--current-ma")
    check_number("radius_mm", request.radius_mm, called="--radius-mm")
    check_number("hair_mm", request.hair_mm, called="--hair-mm")
    check_number("seed", request.seed, called="--seed")
    if request.age_years is not None:
        check_number("age_years", request.age_years, called="--age")


def _check_coil(request: Request, techniques: tuple[str, ...] | None) -> None:
    """Refuse options of a coil in a plan that makes none."""
    typed = {
        "--motor-threshold": request.motor_threshold,
        "--active-threshold": request.active_threshold or None,
        "--coil-dose": request.coil_dose,
        "--coil": request.coil,
        "--stimulator": request.stimulator,
        "--hotspot": request.hotspot,
        "--hotspot-side": None if request.hotspot_side == DEFAULT_SIDE else request.hotspot_side,
    }
    given = [option for option, value in typed.items() if value is not None]
    check_coil_options(resolve_techniques(techniques), given)


def _check_place(out: Path) -> None:
    """Refuse a folder that cannot be made, before minutes of work: its nearest existing parent must take files."""
    parent = out.expanduser().absolute().parent
    while not parent.exists():
        parent = parent.parent
    try:
        tempfile.TemporaryDirectory(dir=parent).cleanup()
    except OSError as error:
        raise PlanError(f"--out {out}: cannot write in {parent} ({error.strerror}); name another place") from None


def _is_file(target: str | None) -> bool:
    return target is not None and target.endswith(".json")


def _check_label(request: Request) -> None:
    """Refuse an atlas without a label, and a label without an atlas."""
    is_atlas = request.target is not None and request.target.endswith((".nii", ".nii.gz"))
    if is_atlas and request.label is None:
        raise PlanError(f"--target {request.target} is an atlas; add --label NUMBER|NAME, and --label-table for names")
    if request.label is not None and not is_atlas:
        raise PlanError(f"--label {request.label!r} belongs to an atlas; give one with --target LABELS.nii.gz")
    if request.label_table is not None and request.label is None:
        raise PlanError(f"--label-table {request.label_table} belongs to --label; add it, or leave the table out")


def _whereabouts(request: Request, found: TargetDistribution | None) -> Whereabouts | None:
    """Return what the plan maximises over: the distribution of an individual target with the group's beside it."""
    if found is None:
        if request.target_quantile is not None:
            raise PlanError(
                f"--target-quantile {request.target_quantile:g} needs the distribution of a target; "
                "give --target the target.json of assuage target, or leave it out"
            )
        return None
    assert request.target is not None
    objective = Objective(quantile=request.target_quantile)
    return Whereabouts(distribution=found, objective=objective, group=read_group(request.target))


def individual_target(request: Request, head: Head, found: TargetDistribution) -> Target:
    """Aim at the mean of an individual target's distribution."""
    check_head(found, head)
    axes = " ".join(f"{value:.1f}" for value in found.ellipsoid.semi_axes_mm)
    note = (
        f"individual target by connectivity ({found.method}, {found.minutes:.1f} min): 95 % ellipsoid with semi-axes "
        f"{axes} mm; fields over its distribution are in {OVER_TARGET_FILE}"
    )
    return from_coordinate(
        head, found.mean_mm, space="head", radius_mm=request.radius_mm, name="individual target", notes=(note,)
    )


def aim_of(request: Request, head: Head, asked: Asked) -> Target | str:
    """Return the target on this head, or the name of the circuit."""
    if asked.region is not None:
        return asked.region.on(head, space="head" if request.space == "head" else "mni")
    if asked.point is None:
        assert request.circuit is not None
        return request.circuit
    return sphere_at(request, head, asked.point, request.radius_mm)


def sphere_at(request: Request, head: Head, point: tuple[float, float, float], radius_mm: float) -> Target:
    """Return the sphere about a point in the space that was asked for, or the head's own where it has no MNI."""
    if request.space is None and head.mni is None:
        note = "taken as a head coordinate, because this head has no MNI registration"
        return from_coordinate(head, point, space="head", radius_mm=radius_mm, notes=(note,))
    space: Literal["mni", "head"] = "head" if request.space == "head" else "mni"
    return from_coordinate(head, point, space=space, radius_mm=radius_mm)


def implant_of(request: Request, head: Head) -> Implant:
    """Return lead, pulse and regions to spare; what was not named is as by default."""
    avoid = []
    for text in request.dbs_avoid:
        *place, radius = text.replace(",", " ").split() or [""]
        try:
            radius_mm = float(radius)
            point = parse_point(" ".join(place), "--dbs-avoid")
        except (ValueError, PlanError):
            radius_mm = 0.0
        if not 0 < radius_mm < MOST_AVOIDED_MM:
            raise PlanError(
                f"--dbs-avoid {text!r} is not X,Y,Z,RADIUS in mm with a radius up to {MOST_AVOIDED_MM:g} mm; "
                "write for example --dbs-avoid=-14,4,-8,3"
            )
        avoid.append(replace(sphere_at(request, head, point, radius_mm), name=f"region to spare at {text}"))
    lead = Lead.load(request.dbs_lead) if request.dbs_lead else Implant().lead
    pulse = Pulse() if request.dbs_pulse_us is None else Pulse(width_s=request.dbs_pulse_us * S_PER_US)
    threshold("field", pulse.width_s)  # a width without threshold is refused before the work starts
    return Implant(lead=lead, pulse=pulse, avoid=tuple(avoid))


def parse_weights(text: str) -> dict[Any, float]:
    """Return "focality=2,burden=1" as weights by criterion; the planner knows the criteria.

    Raises
    ------
    PlanError
        Not NAME=NUMBER, a name twice, a number below 0 or not finite, or nothing above 0.
    """
    found: dict[str, float] = {}
    for part in _split(text, "--weights"):
        name, _, typed = part.partition("=")
        try:
            number = float(typed)
        except ValueError:
            raise PlanError(f"--weights {part!r} is not NAME=NUMBER; write for example focality=2,burden=1") from None
        if name.strip() in found:
            raise PlanError(f"--weights names {name.strip()!r} twice; give it once")
        found[name.strip()] = number
    check_weights(found, called="--weights")
    return found


def parse_equipment(text: str) -> dict[str, tuple[str, ...]]:
    """Return "pads,+tes_device" as what the site has and, behind a plus, what it would acquire."""
    names = _split(text, "--equipment")
    return {
        "equipment": tuple(name for name in names if not name.startswith("+")),
        "may_acquire": tuple(name.removeprefix("+").strip() for name in names if name.startswith("+")),
    }


def _split(text: str, option: str = "--techniques") -> tuple[str, ...]:
    names = tuple(part.strip() for part in text.split(",") if part.strip())
    if not names:
        example = {
            "--techniques": "tms,hd-tdcs",
            "--weights": "focality=2,burden=1",
            "--equipment": "tes_device,pads",
            "--course": "macmaster2019",
        }
        raise PlanError(f"{option} is empty; name some, for example {example[option]}, or leave it out for all")
    return names

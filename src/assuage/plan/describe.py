"""Records of what was chosen and what it delivers."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assuage.circuits import Circuit
from assuage.errors import TargetError
from assuage.field import Field, Landscape
from assuage.head import Head, conductivities
from assuage.plan.aim_records import CircuitRecord, RegionRecord, TargetRecord
from assuage.plan.bench import LABELS, Bench
from assuage.plan.choices import Choice
from assuage.plan.record_base import Point, Row4
from assuage.plan.records import (
    OWN_REFERENCE,
    Certificate,
    CoilProposal,
    Dose,
    ElectrodeRecord,
    ErrorBar,
    MontageProposal,
    OffTarget,
    OutlineRecord,
    ScaledDose,
    SearchRecord,
    SiteDistance,
    TechniqueRecord,
    TissueShare,
)
from assuage.plan.regions import RegionTarget
from assuage.safety import Verdict, check, worst
from assuage.sources import Disc, Montage, Pad, PlacedCoil, Ring, place
from assuage.targets import Target
from assuage.techniques.dose import Spread, conductivity_deviation, spread
from assuage.techniques.goal import Goal
from assuage.techniques.placement import ASSUMPTION, coil_draws, montage_draws
from assuage.techniques.poses import handle_deg, nearest_sites, pose_words
from assuage.techniques.tms import UNIT_DIDT_A_PER_S
from assuage.units import A_PER_MA, A_PER_S_PER_A_PER_US

Array = NDArray[np.float64]

CONDUCTIVITY_ASSUMPTION = (
    "each tissue's conductivity independent and uniform over its cited range, first order by the adjoint"
)
LEFT_OUT = (
    "segmentation, anisotropy (or the error of its tensors), contact of the electrodes, numerical error, and the "
    "response of the tissue to the field"
)

EXAMPLE_OUTPUT = 0.5
"""Share of a coil's maximum output at which a scaled dose is shown; an example, the motor threshold decides."""

DIGITS = 7
"""Significant digits written: float32 fields carry no more."""


def number(value: Any) -> float:
    """Round to the digits that mean something."""
    return float(f"{float(value):.{DIGITS}g}")


def point(values: Any) -> Point:
    """Return three numbers."""
    x, y, z = (number(v) for v in values)
    return x, y, z


def matrix(values: Array) -> tuple[Row4, Row4, Row4, Row4]:
    """Return a 4x4 matrix as rows; not rounded, so that a pose stays rigid."""
    a, b, c, d = ((float(w), float(x), float(y), float(z)) for w, x, y, z in np.asarray(values))
    return a, b, c, d


def normal_of(target: Target, head: Head) -> Array | None:
    """Return the mean inward normal of a target, or None where its surfaces cancel."""
    try:
        return replace(target, direction="normal").direction_in(head)
    except TargetError:
        return None


def target_record(
    target: Target, head: Head, *, volume_mm3: float, goal: Goal, requested_mni_mm: Point | None = None
) -> TargetRecord:
    """Describe a target on a head."""
    center_mni = None if head.mni is None else point(head.mni.head_to_mni(target.center_mm[None])[0])
    return TargetRecord(
        name=target.name,
        requested_mm=point(target.requested_mm),
        requested_mni_mm=requested_mni_mm,
        center_mm=point(target.center_mm),
        center_mni_mm=center_mni,
        snapped_mm=number(target.snapped_mm),
        radius_mm=number(target.radius_mm),
        depth_mm=number(head.scalp.nearest(target.center_mm[None])[2][0]),
        tissues=tuple(sorted(target.tissue_in(head))),
        volume_mm3=number(volume_mm3),
        direction=None if goal.direction is None else point(goal.direction),
        normal=None if goal.normal is None else point(goal.normal),
        notes=target.notes,
    )


def circuit_record(
    bench: Bench, circuit: Circuit, found: tuple[RegionTarget, ...], target: Target, why: str
) -> CircuitRecord:
    """Describe a circuit, its regions on this head, and the one that is optimised."""
    records = []
    for item in found:
        region, own = item.region, None
        if item.target is not None:
            own = target_record(
                item.target,
                bench.head,
                volume_mm3=bench.read_out(item.target).volume_mm3,
                goal=Goal(direction=None, normal=normal_of(item.target, bench.head)),
                requested_mni_mm=region.mni_mm,
            )
        records.append(
            RegionRecord(
                key=region.key,
                label=region.label,
                role=region.role,
                named_by=region.named_by,
                mni_mm=region.mni_mm,
                centroid_source=region.source,
                techniques_in_principle=region.techniques_in_principle,
                notes=region.notes,
                primary=item.target is target,
                target=own,
                not_planned_because=item.problem,
            )
        )
    primary = next(record.key for record in records if record.primary)
    return CircuitRecord(domain=circuit.domain, regions=tuple(records), primary=primary, primary_because=why)


def technique_record(  # noqa: PLR0913 (one call, everything named)
    bench: Bench,
    choice: Choice,
    field: Field,
    landscape: Landscape,
    slopes: Array,
    *,
    target: Target,
    goal: Goal,
    reference_V_per_m: float,
    off_target_V_per_m: Mapping[str, float],
    protocol: Mapping[str, Any],
    didt_A_per_s: float | None,
    reference: str = OWN_REFERENCE,
) -> TechniqueRecord:
    """Describe one technique's proposal, from its choice and its forward solution."""
    reached = spread(field, target.tissue_in(bench.head))
    mean = field.mean_over(bench.read_out(target))
    error = error_bar(bench, choice, landscape, slopes, mean, goal)
    magnitude = float(np.linalg.norm(mean))
    source = choice.source
    coil = isinstance(source, PlacedCoil)
    proposal = coil_proposal(bench, choice) if coil else montage_proposal(bench.head, choice, field)
    asked = _asked(bench, choice, reached, proposal, protocol, didt_A_per_s)
    verdicts = verdict_records(asked)
    dose = Dose(
        intensity=choice.intensity or intensity_words(source),
        is_unit=isinstance(source, PlacedCoil) and source.didt_A_per_s == UNIT_DIDT_A_PER_S,
        current_A=None if isinstance(source, PlacedCoil) else number(total_current_A(source)),
        didt_A_per_s=source.didt_A_per_s if isinstance(source, PlacedCoil) else None,
        mean_e_V_per_m=point(mean),
        magnitude_V_per_m=number(magnitude),
        component_V_per_m=None if goal.direction is None else number(mean @ goal.direction),
        normal_V_per_m=None if goal.normal is None else number(mean @ goal.normal),
        adjoint_V_per_m=number(np.linalg.norm(choice.mean_e_V_per_m)),
        e99_V_per_m=number(reached.e99_V_per_m),
        target_over_e99=number(magnitude / reached.e99_V_per_m),
        half_max_volume_mm3=number(reached.half_max_volume_mm3),
        off_target=tuple(
            OffTarget(region=key, magnitude_V_per_m=number(value)) for key, value in off_target_V_per_m.items()
        ),
        reference=reference,
        reference_V_per_m=number(reference_V_per_m),
        relative_to_reference=number(magnitude / reference_V_per_m),
        error=error,
    )
    return TechniqueRecord(
        technique=choice.technique,
        label=LABELS[choice.technique],
        proposal=proposal,
        dose=dose,
        scaled=_scaled(bench, choice, dose, didt_A_per_s),
        verdicts=verdicts,
        worst_verdict=worst(verdict.outcome for verdict in verdicts),
        search=search_record(
            candidates=choice.candidates, evaluated=choice.evaluated, seconds=choice.seconds, words=choice.words
        ),
        field_file=f"fields/{choice.technique}.nii.gz",
        notes=(*choice.notes, *_notes(field)),
        tables=choice.tables,
        quantities=known(asked),
    )


def search_record(*, candidates: int, evaluated: int, seconds: float, words: str) -> SearchRecord:
    """Say how a proposal was found."""
    return SearchRecord(candidates=candidates, evaluated=evaluated, seconds=number(seconds), words=words)


PER_UNIT = "1 A/us, a unit of the coil and not a dose"


def intensity_words(source: PlacedCoil | Montage) -> str:
    """Say how strong a source is; 1 A/us is where a coil's search stands, not how a coil is driven."""
    if isinstance(source, PlacedCoil):
        if source.didt_A_per_s == UNIT_DIDT_A_PER_S:
            return PER_UNIT
        return f"dI/dt = {source.didt_A_per_s / A_PER_S_PER_A_PER_US:.4g} A/us"
    return f"{total_current_A(source) / A_PER_MA:.4g} mA"


def total_current_A(montage: Montage) -> float:
    """Return the current that enters."""
    currents = montage.currents_A
    return float(currents[currents > 0].sum())


def coil_proposal(bench: Bench, choice: Choice) -> CoilProposal:
    """Describe where the coil goes."""
    pose, source = choice.pose, choice.source
    assert pose is not None
    assert isinstance(source, PlacedCoil)
    head, axes = bench.head, bench.places.scalp.axes
    return CoilProposal(
        coil=source.coil.name,
        coil_origin=source.coil.origin,
        coil_max_didt_A_per_s=source.coil.max_didt_A_per_s,
        pose=matrix(pose.pose),
        hair_mm=bench.settings.hair_mm,
        lift_mm=number(pose.lift_mm),
        scalp_distance_mm=number(head.scalp.nearest(pose.pose[None, :3, 3])[2][0]),
        scalp_point_mm=point(pose.scalp_point_mm),
        nearest_sites=tuple(
            SiteDistance(site=site, distance_mm=number(mm)) for site, mm in nearest_sites(head, pose.scalp_point_mm)
        ),
        handle_deg=number(handle_deg(pose.pose, axes)),
        words=pose_words(head, pose.pose, pose.scalp_point_mm, axes),
    )


def montage_proposal(head: Head, choice: Choice, field: Field) -> MontageProposal:
    """Describe where the electrodes go."""
    montage = choice.source
    assert isinstance(montage, Montage)
    electrodes = []
    for electrode in montage.electrodes:
        contact = place(electrode, head)
        electrodes.append(
            ElectrodeRecord(
                name=electrode.label,
                center_mm=point(contact.center_mm),
                current_A=number(electrode.current_A),
                shape=shape_words(electrode.shape),
                area_mm2=number(contact.area_mm2),
                outline=outline(electrode.shape),
            )
        )
    currents = montage.currents_A
    return MontageProposal(
        electrodes=tuple(electrodes),
        total_current_A=number(total_current_A(montage)),
        largest_current_A=number(np.abs(currents).max()),
        certificate=_certificate(choice),
        words=montage_words(montage, field),
        placement=choice.placement,
    )


def outline(shape: Disc | Pad | Ring) -> OutlineRecord:
    """Return an electrode's shape with its sizes."""
    if isinstance(shape, Disc):
        return OutlineRecord(kind="disc", radius_mm=shape.radius_mm)
    if isinstance(shape, Pad):
        return OutlineRecord(kind="pad", width_mm=shape.width_mm, height_mm=shape.height_mm)
    return OutlineRecord(kind="ring", inner_mm=shape.inner_mm, outer_mm=shape.outer_mm)


def shape_words(shape: Disc | Pad | Ring) -> str:
    """Name an electrode's shape."""
    if isinstance(shape, Disc):
        return f"disc, {2 * shape.radius_mm:g} mm across"
    if isinstance(shape, Pad):
        return f"pad, {shape.width_mm:g} x {shape.height_mm:g} mm"
    return f"ring, {2 * shape.inner_mm:g} to {2 * shape.outer_mm:g} mm across"


def montage_words(montage: Montage, field: Field) -> str:
    """Say what goes where, largest currents first, and what the model delivers."""
    order = sorted(montage.electrodes, key=lambda electrode: -abs(electrode.current_A))
    listed: dict[bool, list[str]] = {True: [], False: []}
    for electrode in order:
        listed[electrode.current_A > 0].append(f"{electrode.label} {1e3 * electrode.current_A:+.3g} mA")
    worst_share = max(
        abs(field.current_A[electrode.label] / electrode.current_A - 1) for electrode in montage.electrodes
    )
    shapes = " and ".join(dict.fromkeys(shape_words(electrode.shape) for electrode in montage.electrodes))
    return (
        f"Current enters at {', '.join(listed[True])} and leaves at {', '.join(listed[False])} ({shapes}). The model "
        f"carries these currents to {100 * worst_share:.2g} %."
    )


def error_bar(bench: Bench, choice: Choice, landscape: Landscape, slopes: Array, mean: Array, goal: Goal) -> ErrorBar:
    """Return the standard deviation of a dose from conductivities and from placement."""
    shares = conductivity_deviation(slopes, landscape.tissues, mean, goal, conductivities())
    s = bench.settings
    if choice.pose is not None:
        assert isinstance(choice.source, PlacedCoil)
        site = choice.site or bench.places.coil_site
        draws = coil_draws(landscape, site, choice.pose, count=s.draws, seed=s.seed)
        draws *= choice.source.didt_A_per_s / UNIT_DIDT_A_PER_S
    else:
        assert isinstance(choice.source, Montage)
        draws = montage_draws(landscape, bench.head, choice.source, count=s.draws, seed=s.seed)
    return combined_error(
        shares, landscape.tissues, goal.score(draws), seed=s.seed, assumptions=(CONDUCTIVITY_ASSUMPTION, ASSUMPTION)
    )


def combined_error(
    shares: Mapping[str, float], tissues: tuple[str, ...], scores: Array, *, seed: int, assumptions: tuple[str, str]
) -> ErrorBar:
    """Return an error bar.

    Parameters
    ----------
    shares
        Tissue to the standard deviation that its conductivity causes, V/m.
    tissues
        All tissues; those without a known range are named.
    scores
        (n,) dose under misplacements, V/m.
    seed
        Of the misplacements.
    assumptions
        On conductivity and on placement, in words.
    """
    unknown = sorted(set(tissues) - set(conductivities()) - {"air"})
    by_tissue = float(np.sqrt(sum(share**2 for share in shares.values())))
    deviation = float(scores.std())
    low, high = np.percentile(scores, [5, 95])
    return ErrorBar(
        conductivity_sd_V_per_m=number(by_tissue),
        conductivity_by_tissue=tuple(
            TissueShare(tissue=tissue, sd_V_per_m=number(share))
            for tissue, share in sorted(shares.items(), key=lambda item: -item[1])
        ),
        conductivity_assumption=assumptions[0]
        + (f"; no range known for {', '.join(unknown)}, taken as exact" if unknown else ""),
        placement_sd_V_per_m=number(deviation),
        placement_mean_V_per_m=number(scores.mean()),
        placement_5_95_V_per_m=(number(low), number(high)),
        placement_assumption=assumptions[1],
        placements=len(scores),
        seed=seed,
        combined_sd_V_per_m=number(np.hypot(by_tissue, deviation)),
        left_out=LEFT_OUT,
    )


def _certificate(choice: Choice) -> Certificate | None:
    found = choice.optimum
    if found is None:
        return None
    realised = choice.realised_V_per_m
    if realised is None:
        realised = float(np.linalg.norm(choice.mean_e_V_per_m))
    return Certificate(
        problem=choice.problem,
        solver="sorting (exact)" if found.status == "exact" else "Clarabel by CVXPY",
        status=found.status,
        primal_V_per_m=number(found.primal_V_per_m),
        dual_V_per_m=number(found.dual_V_per_m),
        gap_V_per_m=number(found.gap_V_per_m),
        gap_relative=number(found.gap_V_per_m / found.dual_V_per_m),
        realised_V_per_m=number(realised),
        directions=found.directions,
    )


def _asked(
    bench: Bench,
    choice: Choice,
    reached: Spread,
    proposal: CoilProposal | MontageProposal,
    protocol: Mapping[str, Any],
    didt_A_per_s: float | None,
) -> dict[str, Any]:
    """Return what the cited limits look at."""
    technique = "hd_tdcs" if choice.technique == "hd_tdcs_focal" else choice.technique
    asked: dict[str, Any] = {**protocol, "technique": technique, **choice.quantities}
    if choice.quantities:
        pass  # the technique knows what its limits look at
    elif isinstance(proposal, MontageProposal):
        asked["total_current_A"] = proposal.total_current_A
        asked["skin_density_A_per_m2"] = max(
            abs(electrode.current_A) / (electrode.area_mm2 * 1e-6) for electrode in proposal.electrodes
        )
        asked["brain_density_A_per_m2"] = reached.brain_density_A_per_m2
    else:
        asked["didt_A_per_s"] = stated_didt_A_per_s(bench, didt_A_per_s)
        asked["coil_max_didt_A_per_s"] = bench.coil.max_didt_A_per_s
        asked["coil_source"] = bench.coil.origin
    return asked


def known(asked: Mapping[str, Any]) -> dict[str, float | str]:
    """Return the quantities that have a value, for the record."""
    return {
        key: value if isinstance(value, str) else number(value) for key, value in asked.items() if value is not None
    }


def verdict_records(asked: Mapping[str, Any]) -> tuple[Verdict, ...]:
    """Hold quantities against the cited limits; numbers rounded as everywhere in a plan."""
    return tuple(replace(found, value=_rounded(found.value), limit=_rounded(found.limit)) for found in check(asked))


def _rounded(value: float | None) -> float | None:
    return None if value is None else number(value)


def stated_didt_A_per_s(bench: Bench, didt_A_per_s: float | None) -> float | None:
    """Return the dI/dt at which a coil's dose is stated: the one asked for, else half of the coil's maximum."""
    if didt_A_per_s is not None:
        return didt_A_per_s
    limit = bench.coil.max_didt_A_per_s
    return None if limit is None else EXAMPLE_OUTPUT * limit


def _scaled(bench: Bench, choice: Choice, dose: Dose, didt_A_per_s: float | None) -> tuple[ScaledDose, ...]:
    if choice.quantities:
        return ()
    if isinstance(choice.source, PlacedCoil):
        stated = stated_didt_A_per_s(bench, didt_A_per_s)
        if stated is None:
            return ()
        factor = stated / choice.source.didt_A_per_s
        limit = bench.coil.max_didt_A_per_s
        share = "" if limit is None else f" ({100 * stated / limit:.0f} % of this coil's maximum)"
        words, note = f"dI/dt = {stated / 1e6:.4g} A/us{share}", "an example: the motor threshold sets the intensity"
        current = None
    else:
        stated, factor, current = None, 0.5, 0.5 * bench.settings.current_A
        words, note = f"{1e3 * current:g} mA", "the field is proportional to the current"
    return (
        ScaledDose(
            intensity=words,
            current_A=current,
            didt_A_per_s=stated,
            magnitude_V_per_m=number(factor * dose.magnitude_V_per_m),
            sd_V_per_m=number(factor * dose.error.combined_sd_V_per_m),
            note=note,
        ),
    )


def _notes(field: Field) -> tuple[str, ...]:
    return (f"forward solution: {field.iterations} iterations, relative residual {field.residual:.1g}",)

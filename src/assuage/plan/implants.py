"""Deep brain stimulation in a plan: one lead for a deep region that the circuit's table names for it.

A lead covers a few millimetres, so the region's sphere is made no larger than `REACH_MM`. In a circuit the lead aims at
the plan's region if deep stimulation is named for it in principle, else at the first region for which it is; without
a circuit it aims at the plan's target. The dose is the mean of |E| over the brain tissue of that sphere, on the fine
grid around the lead, at the current that covers it best within the charge limits.
"""

import time
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from assuage.errors import PlanError
from assuage.field.implant_map import whole_head_magnitude
from assuage.plan import describe
from assuage.plan.bench import LABELS
from assuage.plan.further import Aim, Made
from assuage.plan.records import ContactRecord, Dose, ErrorBar, LeadProposal, OffTarget, Table, TechniqueRecord
from assuage.plan.result import Volume
from assuage.safety import worst
from assuage.targets import Target
from assuage.techniques import dbs
from assuage.techniques.dbs_activation import region_share
from assuage.techniques.dbs_trajectory import FAR_MM
from assuage.techniques.dbs_uncertainty import conductivity_deviation
from assuage.techniques.dose import PEAK_PERCENTILE, TargetDose, half_max, target_dose, weighted_percentile
from assuage.techniques.patches import FieldMap, patch_on
from assuage.techniques.references import Reference, make_reference
from assuage.units import A_PER_MA, S_PER_US

Array = NDArray[np.float64]

REACH_MM = 3.5
"""Largest radius of the sphere to be covered (a working choice): about what currents of a few milliampere activate."""
SHIFT_MM = 1.0
"""Displacement of the lead in the error bar (a working choice; the accuracy of a surgical system replaces it)."""
DRAWS = 40
"""Each draw reads the region anew on the fine grid."""
REFERENCE = "field at which axons fire for this pulse"
CONDUCTIVITY = (
    "each tissue's conductivity independent and uniform over its cited range, that of the encapsulation from half to "
    "twice (a working choice); first order in the resistivity, by the adjoint of the fine grid and of the whole head"
)
PLACEMENT = f"lead displaced by up to {SHIFT_MM:g} mm in any direction, uniform in the ball (a working choice)"
SURGICAL = "an option for discussion only: indication, consent and surgery are outside this plan"


def make_dbs(aim: Aim) -> Made:
    """Plan DBS.

    Raises
    ------
    PlanError
        No region of the circuit is named for it, or no lead reaches the region.
    """
    started = time.monotonic()
    target = replace(_deep(aim), direction=None)
    bench = aim.bench
    wanted = aim.implant
    found = dbs.propose(
        bench.head, target, lead=wanted.lead, pulse=wanted.pulse, conductor=bench.conductor, avoid=wanted.avoid
    )
    E = found.fields.e_V_per_m(found.choice.currents_A)
    everywhere = _whole_head(aim, found)
    record = _record(aim, target, found, E, everywhere, time.monotonic() - started)
    volume = Volume(
        array=np.linalg.norm(E, axis=-1).astype(np.float32),
        affine=found.fields.affine,
        says=f"|E| in V/m of {LABELS['dbs']} around the lead, at the proposed current",
    )
    return Made(
        record=record,
        volume=volume,
        values=everywhere,
        reference=_reference(found),
        quantities=found.dose.quantities,
        target=target,
        read=_read(target, found, E),
    )


def _read(target: Target, found: dbs.DbsProposal, E: NDArray[np.float32]) -> TargetDose:
    """Return the field in the lead's region on the fine grid, as the dose has it."""
    weight = np.asarray(region_share(found.fields, target), np.float64)
    inside = weight > 0
    sizes, weights = np.linalg.norm(E, axis=-1)[inside].astype(np.float64), weight[inside] / weight.sum()
    return TargetDose(
        mean_V_per_m=found.dose.mean_magnitude_V_per_m,
        mean_is="mean size",
        mean_e_V_per_m=None,
        normal_V_per_m=None,
        mean_size_V_per_m=found.dose.mean_magnitude_V_per_m,
        e99_V_per_m=weighted_percentile(sizes, weights, PEAK_PERCENTILE),
    )


def _whole_head(aim: Aim, found: dbs.DbsProposal) -> FieldMap:
    conductor = aim.bench.conductor
    return FieldMap(
        head=aim.bench.head,
        values_V_per_m=whole_head_magnitude(conductor, found.fields, found.choice.currents_A),
        labels=conductor.tissue.label,
        tissues=conductor.tissue.tissues,
        affine=conductor.grid.affine,
        says="magnitude of the electric field, near the lead its mean over each voxel of the fine grid's field",
    )


def _reference(found: dbs.DbsProposal) -> Reference:
    return make_reference("dbs", found.dose.activations[0].threshold.value, origin=REFERENCE)


def _deep(aim: Aim) -> Target:
    if not aim.key:
        return _small(aim.target)
    named = [key for key in aim.regions if any("DBS" in name for name in aim.in_principle.get(key, ()))]
    if not named:
        raise PlanError("no located region of this circuit is named for deep brain stimulation in the literature read")
    return _small(aim.regions[named[0]])


def _small(target: Target) -> Target:
    return target if target.mask is not None else replace(target, radius_mm=min(target.radius_mm, REACH_MM))


def _record(
    aim: Aim,
    target: Target,
    found: dbs.DbsProposal,
    E: NDArray[np.float32],
    everywhere: FieldMap,
    seconds: float,
) -> TechniqueRecord:
    dose, number = found.dose, describe.number
    magnitude = np.linalg.norm(E, axis=-1)
    peak, volume_mm3 = half_max(everywhere, target.tissue_in(aim.bench.head))
    reference = _reference(found)
    asked = {**aim.protocol, "technique": "dbs", **dose.quantities}
    verdicts = describe.verdict_records(asked)
    total_A = float(np.abs(found.choice.currents_A[found.choice.currents_A < 0]).sum())
    return TechniqueRecord(
        technique="dbs",
        label=f"{LABELS['dbs']}, {target.name}",
        proposal=_proposal(found, target),
        dose=Dose(
            intensity=f"{total_A / A_PER_MA:.3g} mA, {_width(found)}, {found.pulse.frequency_Hz:g} Hz",
            current_A=number(total_A),
            didt_A_per_s=None,
            mean_e_V_per_m=describe.point(dose.mean_e_V_per_m),
            magnitude_V_per_m=number(dose.mean_magnitude_V_per_m),
            component_V_per_m=None,
            normal_V_per_m=None,
            adjoint_V_per_m=number(dose.mean_magnitude_V_per_m),
            e99_V_per_m=number(peak),
            target_over_e99=number(dose.mean_magnitude_V_per_m / peak),
            half_max_volume_mm3=number(volume_mm3),
            off_target=_off_target(aim, target, everywhere),
            quantity=f"mean of |E| in {target.name}, sphere of {target.radius_mm:g} mm",
            reference=REFERENCE,
            reference_V_per_m=number(reference.value_V_per_m),
            relative_to_reference=number(dose.threshold_ratio),
            error=_error(aim, target, found, magnitude),
        ),
        scaled=(),
        verdicts=verdicts,
        worst_verdict=worst(verdict.outcome for verdict in verdicts),
        search=describe.search_record(
            candidates=found.choice.patterns,
            evaluated=found.choice.patterns,
            seconds=seconds,
            words=f"{len(found.table)} ways in; all contact patterns of the lead",
        ),
        field_file="fields/dbs.nii.gz",
        notes=(SURGICAL, *found.warnings),
        tables=(_ways(found), _activated(found), *_spared(found)),
        aimed_mm=describe.point(target.center_mm),
        quantities=describe.known(asked),
    )


def _off_target(aim: Aim, target: Target, everywhere: FieldMap) -> tuple[OffTarget, ...]:
    """Return the mean of |E| in the regions of the circuit that the lead does not aim at."""
    found = []
    for key, region in aim.regions.items():
        if np.allclose(region.center_mm, target.center_mm):
            continue
        patch = patch_on(aim.bench.conductor, region, reading=aim.bench.read_out(region))
        value = describe.number(target_dose(everywhere, patch).mean_V_per_m)
        found.append(OffTarget(region=key, magnitude_V_per_m=value))
    return tuple(found)


def _proposal(found: dbs.DbsProposal, target: Target) -> LeadProposal:
    lead, number = found.placed.lead, describe.number
    entry = found.placed.tip_mm if found.trajectory is None else found.trajectory.entry_mm
    poles = ", ".join(f"{label} {current / A_PER_MA:+.3g} mA" for label, current in found.dose.currents_A.items())
    returns = "one of the contacts" if found.choice.bipolar else "the case"
    return LeadProposal(
        lead=lead.name,
        lead_source=f"{lead.source} ({lead.source_level})",
        tip_mm=describe.point(found.placed.tip_mm),
        entry_mm=describe.point(entry),
        rotation_deg=0.0,
        contacts=tuple(
            ContactRecord(
                name=charge.label,
                current_A=number(charge.current_A),
                area_mm2=number(1e6 * charge.contact_area_m2),
                charge_per_phase_C=number(charge.charge_per_phase_C),
                charge_density_C_per_m2=number(charge.charge_density_per_phase_C_per_m2),
                shannon_k=number(charge.shannon_k),
            )
            for charge in found.dose.charges
        ),
        impedance_Ohm=number(found.dose.impedance_Ohm),
        words=f"{lead.name} towards {target.name}: contacts {poles}, return through {returns}.",
    )


def _error(aim: Aim, target: Target, found: dbs.DbsProposal, magnitude: Array) -> ErrorBar:
    shares = conductivity_deviation(aim.bench.conductor, found.fields, target, found.choice.currents_A)
    seed = aim.bench.settings.seed
    rng = np.random.default_rng(seed)
    step = rng.normal(size=(DRAWS, 3))
    step *= (SHIFT_MM * rng.random(DRAWS) ** (1 / 3) / np.linalg.norm(step, axis=1))[:, None]
    draws = np.array([_mean_at(target, found, magnitude, shift) for shift in step])
    tissues = aim.bench.conductor.tissue.tissues[1:]
    return describe.combined_error(shares, tissues, draws, seed=seed, assumptions=(CONDUCTIVITY, PLACEMENT))


def _mean_at(target: Target, found: dbs.DbsProposal, magnitude: Array, shift_mm: Array) -> float:
    """Return the mean of |E| where the region lies once the lead is displaced."""
    weight = region_share(found.fields, replace(target, center_mm=np.asarray(target.center_mm) - shift_mm))
    return float((weight * magnitude).sum() / weight.sum())


def _ways(found: dbs.DbsProposal) -> Table:
    number = describe.number
    return Table(
        title="Straight ways in, best first",
        columns=(
            "entry on the scalp, mm",
            "to ventricles and deep CSF, mm",
            "to sulci, mm",
            "to lesions and regions to spare, mm",
            "angle to the bone, deg",
            "length, mm",
            "keeps all rules",
        ),
        rows=tuple(
            (
                ", ".join(f"{value:.0f}" for value in way.entry_mm),
                *(
                    "none there" if gap >= FAR_MM else number(gap)
                    for gap in (way.deep_csf_mm, way.sulcus_mm, way.avoid_mm)
                ),
                number(way.skull_angle_deg),
                number(way.length_mm),
                "yes" if way.admitted else "no",
            )
            for way in found.table[:5]
        ),
    )


def _gap(distance_mm: float) -> str | float:
    return "none there" if distance_mm >= FAR_MM else describe.number(distance_mm)


def _width(found: dbs.DbsProposal) -> str:
    return f"{found.pulse.width_s / S_PER_US:g} us"


def _activated(found: dbs.DbsProposal) -> Table:
    number = describe.number
    return Table(
        title=f"Activated volume by two criteria, pulses of {_width(found)}",
        columns=("criterion", "threshold", "volume, mm3", "region covered", "Dice with the region"),
        rows=tuple(
            (
                name,
                f"{activation.threshold.value:.4g} {unit}",
                number(activation.volume_mm3),
                number(overlap.fraction),
                number(overlap.dice),
            )
            for name, unit, activation, overlap in zip(
                ("field", "activating function"),
                ("V/m", "V/m2"),
                found.dose.activations,
                found.dose.target_overlaps,
                strict=True,
            )
        ),
    )


def _spared(found: dbs.DbsProposal) -> tuple[Table, ...]:
    """Return what is activated of every region to spare, where any was named."""
    by_field, by_function = found.dose.avoid_overlaps
    rows = tuple(
        (one.name, describe.number(one.region_mm3), describe.number(one.fraction), describe.number(other.fraction))
        for one, other in zip(by_field, by_function, strict=True)
    )
    columns = ("region", "volume, mm3", "activated, by the field", "activated, by the activating function")
    return (Table(title="Regions to spare", columns=columns, rows=rows),) if rows else ()

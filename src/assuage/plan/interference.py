"""Temporal interference in a plan: the lead field of all discs, the best two pairs, both carriers solved.

The search reads the lead field (kept on disk: the next plan of the same head and grid starts from it). The dose is
that of two forward solutions, one for each carrier, at the plan's own tolerance. Other regions and the reference cortex
are searched on the same lead field for the largest depth they can have.
"""

import time
from contextlib import suppress

import numpy as np
from numpy.typing import NDArray

from assuage.errors import SolverError, TargetError
from assuage.field import Field
from assuage.field.lead_field import TISSUES
from assuage.field.lead_field_store import lead_field
from assuage.plan import describe, regions
from assuage.plan.bench import LABELS
from assuage.plan.further import Aim, Made
from assuage.plan.interference_error import depth_error
from assuage.plan.interference_tables import arrays_tables, front_table, gain_words
from assuage.plan.matrix import matrix_cell
from assuage.plan.records import (
    Certificate,
    Dose,
    ElectrodeRecord,
    MatrixCell,
    MontageProposal,
    OffTarget,
    ScaledDose,
    TechniqueRecord,
)
from assuage.plan.result import Volume
from assuage.safety import worst
from assuage.sources import Montage, place
from assuage.targets import Target
from assuage.techniques import modulation
from assuage.techniques.dose import half_max, spread
from assuage.techniques.frequencies import Carriers, usual_carriers
from assuage.techniques.hd_tdcs import DISC
from assuage.techniques.patches import FieldMap, Patch, patch_on
from assuage.techniques.ti import DIRECTIONS, LEAST_SHARE, PAIR_SHARE, TiField, TiMontage, TiProposal
from assuage.techniques.ti_gain import TiGain, more_electrodes
from assuage.units import A_PER_MA

Array = NDArray[np.float64]

QUANTITY = "modulation depth"
REFERENCE = f"largest depth of the same technique in the {regions.REFERENCE_NAME}"
LEAD_PART, SEARCH_PART, ARRAYS_PART, DOSE_PART = 0.5, 0.6, 0.8, 0.85
"""Of the technique's own work, what is done after each step (a working choice; the lead field may be on disk)."""
NOTES = (
    "modulation depth: peak-to-peak change of the envelope, mean over the target of its largest value over directions "
    "(or along the direction asked for); half of it is the amplitude of the envelope",
    f"one pair carries at most {100 * PAIR_SHARE:g} % of the plan's current, both together all of it at most",
    "membranes follow a carrier of kHz far less than a slow field: a depth does not compare with the field of tDCS or "
    "tACS, and the unmodulated carrier in the cortex is larger than the depth shown",
)


def make_ti(aim: Aim) -> Made:
    """Plan temporal interference.

    Raises
    ------
    PlanError
        Fewer than four electrodes have a place.
    """
    started, bench = time.monotonic(), aim.bench
    home = regions.reference_target(bench.head, aim.target.radius_mm)
    asked = (aim.target, home, *aim.others.values())
    tissues = TISSUES.union(*(target.tissue_in(bench.head) for target in asked))
    lead = lead_field(
        bench.conductor,
        bench.places.discs.contacts,
        tissues=tissues,
        progress=lambda part: aim.progress("field of every electrode", LEAD_PART * part),
    )
    aim.progress("search of all pairs", LEAD_PART)
    field = TiField(lead=lead, total_current_A=bench.settings.current_A)
    direction = aim.goal.direction
    patch = _patch(aim, aim.target)
    found = field.propose(patch, aim.target, direction=direction)
    reference = field.strongest(_patch(aim, home), home).target_V_per_m
    gain, of_arrays = _more_electrodes(aim, field, found, patch)
    aim.progress("both carriers, error bars", ARRAYS_PART)
    pairs = found.proposed.montages(DISC)
    seconds = time.monotonic() - started
    one, two = bench.conductor.solve(list(pairs))
    values = _map(one, two, direction)
    quantities = _quantities(aim, found.proposed, (one, two), usual_carriers())
    verdicts = describe.verdict_records({**aim.protocol, "technique": "ti", **quantities})
    dose = _dose(aim, found, (one, two), values, patch, reference)
    record = TechniqueRecord(
        technique="ti",
        label=LABELS["ti"],
        proposal=_proposal(aim, found, pairs, (one, two), usual_carriers()),
        dose=dose,
        scaled=(_half(dose),),
        verdicts=verdicts,
        worst_verdict=worst(verdict.outcome for verdict in verdicts),
        search=describe.search_record(
            candidates=found.combinations,
            evaluated=found.combinations,
            seconds=seconds,
            words=f"all {found.combinations} combinations of two of {found.pairs} pairs, currents in steps of a fifth; "
            f"proposed: the largest depth in the target over the root mean square in the cortex, with at least "
            f"{LEAST_SHARE:g} of the largest depth ({found.strongest.target_V_per_m:.3g} V/m)",
        ),
        field_file="fields/ti.nii.gz",
        notes=(
            of_arrays,
            *NOTES,
            f"carriers: {usual_carriers().source}; the field model does not depend on them",
            f"forward solutions: {one.iterations} iterations, relative residual {max(one.residual, two.residual):.1g}",
        ),
        tables=(front_table(found), *(() if gain is None else arrays_tables(found, gain))),
    )
    volume = Volume(
        array=values.magnitude_V_per_m.astype(np.float32),
        affine=values.affine,
        says=f"{values.says}, V/m, of {LABELS['ti']} at the reference intensity",
    )
    aim.progress("other regions", DOSE_PART)
    cells = _cells(aim, field, values, found, reference)
    return Made(record=record, volume=volume, values=values, quantities=quantities, cells=cells)


def _more_electrodes(aim: Aim, field: TiField, found: TiProposal, patch: Patch) -> tuple[TiGain | None, str]:
    """Return what more electrodes in each carrier would gain, if that could be found, and a sentence that says it."""

    def report(part: float) -> None:
        aim.progress("more electrodes in each carrier", SEARCH_PART + (ARRAYS_PART - SEARCH_PART) * part)

    report(0.0)
    try:
        gain = more_electrodes(field, found, patch, aim.target, direction=aim.goal.direction, progress=report)
    except SolverError as error:
        return None, f"what more electrodes in each carrier would gain is not known: {error}"
    return gain, gain_words(gain)


def _patch(aim: Aim, target: Target) -> Patch:
    return patch_on(aim.bench.conductor, target, reading=aim.bench.read_out(target))


def _map(one: Field, two: Field, direction: Array | None) -> FieldMap:
    if direction is not None:
        component = modulation.along(one.e_V_per_m, two.e_V_per_m, direction)
        return FieldMap.on(one, component.astype(np.float32), says=modulation.SAYS_ALONG)
    depth = np.empty(one.labels.shape, np.float32)
    for k in range(len(depth)):  # a slab at a time: the whole grid in float64 takes a GiB
        depth[k] = modulation.largest(one.e_V_per_m[k], two.e_V_per_m[k]).depth_V_per_m
    return FieldMap.on(one, depth, says=modulation.SAYS)


def _mean(values: FieldMap, patch: Patch) -> float:
    return float(patch.weights @ values.magnitude_V_per_m[tuple(patch.index.T)])


def _quantities(aim: Aim, montage: TiMontage, fields: tuple[Field, Field], carriers: Carriers) -> dict[str, float]:
    """Return what the cited limits look at; the density in the brain is an upper bound, both carriers at their peak."""
    tissues = aim.target.tissue_in(aim.bench.head)
    contacts = dict(zip(aim.bench.places.discs.names, aim.bench.places.discs.contacts, strict=True))
    densities = [
        amps / (contacts[name].area_mm2 * 1e-6)
        for pair, amps in zip(montage.pairs, montage.currents_A, strict=True)
        for name in pair
    ]
    return {
        "current_per_pair_A": max(montage.currents_A),
        "total_current_A": sum(montage.currents_A),
        "carrier_frequency_Hz": min(carriers.first_Hz, carriers.second_Hz),
        "difference_frequency_Hz": carriers.difference_Hz,
        "skin_density_A_per_m2": max(densities),
        "brain_density_A_per_m2": sum(spread(field, tissues).brain_density_A_per_m2 for field in fields),
    }


def _dose(
    aim: Aim, found: TiProposal, fields: tuple[Field, Field], values: FieldMap, patch: Patch, reference_V_per_m: float
) -> Dose:
    number = describe.number
    depth = _mean(values, patch)
    peak, half_max_mm3 = half_max(values, patch.tissues)
    means = tuple(field.mean_over(aim.bench.read_out(aim.target)) for field in fields)
    of_means = modulation.largest(*means)
    montage = found.proposed
    off_target = {}
    for key, target in aim.others.items():
        with suppress(TargetError):
            off_target[key] = _mean(values, _patch(aim, target))
    first, second = (f"{amps / A_PER_MA:.3g} mA" for amps in montage.currents_A)
    return Dose(
        intensity=f"{first} in each pair" if first == second else f"{first} and {second} in the two pairs",
        current_A=number(sum(montage.currents_A)),
        didt_A_per_s=None,
        mean_e_V_per_m=describe.point(of_means.depth_V_per_m * of_means.direction),
        magnitude_V_per_m=number(depth),
        component_V_per_m=None if aim.goal.direction is None else number(depth),
        normal_V_per_m=None,
        adjoint_V_per_m=number(montage.target_V_per_m),
        e99_V_per_m=number(peak),
        target_over_e99=number(depth / peak),
        half_max_volume_mm3=number(half_max_mm3),
        off_target=tuple(OffTarget(region=key, magnitude_V_per_m=number(value)) for key, value in off_target.items()),
        quantity=QUANTITY,
        reference=REFERENCE,
        reference_V_per_m=number(reference_V_per_m),
        relative_to_reference=number(depth / reference_V_per_m),
        error=depth_error(aim, montage.montages(DISC), fields, depth),
    )


def _half(dose: Dose) -> ScaledDose:
    assert dose.current_A is not None
    return ScaledDose(
        intensity=f"{0.5 * dose.current_A / A_PER_MA:.3g} mA",
        current_A=describe.number(0.5 * dose.current_A),
        didt_A_per_s=None,
        magnitude_V_per_m=describe.number(0.5 * dose.magnitude_V_per_m),
        sd_V_per_m=describe.number(0.5 * dose.error.combined_sd_V_per_m),
        note="both pairs together; the depth is proportional to the current at a fixed ratio of the pairs",
    )


def _proposal(
    aim: Aim, found: TiProposal, pairs: tuple[Montage, Montage], fields: tuple[Field, Field], carriers: Carriers
) -> MontageProposal:
    number, montage = describe.number, found.proposed
    frequencies = (carriers.first_Hz, carriers.second_Hz)
    electrodes = []
    for pair, frequency_Hz in zip(pairs, frequencies, strict=True):
        for electrode in pair.electrodes:
            contact = place(electrode, aim.bench.head)
            electrodes.append(
                ElectrodeRecord(
                    name=electrode.label,
                    center_mm=describe.point(contact.center_mm),
                    current_A=number(electrode.current_A),
                    shape=describe.shape_words(electrode.shape),
                    area_mm2=number(contact.area_mm2),
                    carrier_Hz=frequency_Hz,
                    outline=describe.outline(electrode.shape),
                )
            )
    said = " and ".join(
        f"{amps / A_PER_MA:.3g} mA at {frequency:g} Hz between {a} and {b}"
        for (a, b), amps, frequency in zip(montage.pairs, montage.currents_A, frequencies, strict=True)
    )
    worst_share = max(
        abs(field.current_A[electrode.label] / electrode.current_A - 1)
        for field, pair in zip(fields, pairs, strict=True)
        for electrode in pair.electrodes
    )
    largest = found.strongest.target_V_per_m
    return MontageProposal(
        electrodes=tuple(electrodes),
        total_current_A=number(sum(montage.currents_A)),
        largest_current_A=number(max(montage.currents_A)),
        certificate=Certificate(
            problem=f"largest mean modulation depth in the target over {len(aim.bench.places.discs.names)} electrodes, "
            f"{PAIR_SHARE * aim.bench.settings.current_A / A_PER_MA:g} mA in each pair; the bound holds for any number "
            "of electrodes under the same limits",
            solver="every combination evaluated",
            status="exact",
            primal_V_per_m=number(largest),
            dual_V_per_m=number(found.bound_V_per_m),
            gap_V_per_m=number(found.bound_V_per_m - largest),
            gap_relative=number((found.bound_V_per_m - largest) / found.bound_V_per_m),
            realised_V_per_m=number(montage.target_V_per_m),
            directions=1 if aim.goal.direction is not None else DIRECTIONS,
        ),
        words=f"Two isolated currents, zero to peak: {said}; the envelope beats at {carriers.difference_Hz:g} Hz "
        f"({describe.shape_words(DISC)}). The model carries these currents to {100 * worst_share:.2g} %.",
    )


def _cells(
    aim: Aim, field: TiField, values: FieldMap, found: TiProposal, reference_V_per_m: float
) -> tuple[MatrixCell, ...]:
    """Return the column of the matrix: the largest depth that any two pairs give each region, by the lead field."""
    cells = []
    for key, target in aim.regions.items():
        with suppress(TargetError):
            patch = _patch(aim, target)
            best = found.strongest if key == aim.key else field.strongest(patch, target)
            tags = [k for k, name in enumerate(field.lead.tissues) if name in target.tissue_in(aim.bench.head)]
            depth = field.depth_V_per_m(best, aim.goal.direction if key == aim.key else None)
            stronger = float((depth[np.isin(field.lead.tissue, tags)] > best.target_V_per_m).mean())
            cells.append(
                matrix_cell(
                    "ti",
                    key,
                    best_V_per_m=best.target_V_per_m,
                    reference_V_per_m=reference_V_per_m,
                    stronger_elsewhere=stronger,
                    proposed_V_per_m=_mean(values, patch),
                )
            )
    return tuple(cells)

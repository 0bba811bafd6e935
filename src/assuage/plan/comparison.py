"""The common dose of every technique of a plan, and the shortlist that the user's weights make of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from assuage.errors import PlanError
from assuage.field import Field, Landscape
from assuage.plan import chooser
from assuage.plan.bench import Bench
from assuage.plan.chooser import Criterion, Site
from assuage.plan.course_records import CombinationRecord, CourseRecord
from assuage.plan.describe import number
from assuage.plan.driving import Driving, calibration_of, hotspot_of
from assuage.plan.further import Made
from assuage.plan.order_records import ChosenRecord, CriterionRecord, LeftOutRecord, ShiftRecord, ShortlistRecord
from assuage.plan.records import CircuitFieldRecord, Currency, Matrix, RegionFieldRecord, TechniqueRecord
from assuage.plan.technique_facts import Facts, equipment_names, evidence_for, technique_facts
from assuage.safety import Verdict
from assuage.targets import Target
from assuage.techniques.calibration import Calibration
from assuage.techniques.charge import delivered_charge, session_duration_s
from assuage.techniques.currency import DoseCurrency, dose_currency
from assuage.techniques.dose import TargetDose
from assuage.techniques.goal import Goal
from assuage.techniques.hotspot import Hotspot
from assuage.techniques.patches import FieldMap, Located, Patch, patch_on
from assuage.techniques.references import Reference, make_reference, reference_montage
from assuage.techniques.tms import UNIT_DIDT_A_PER_S
from assuage.techniques.watched import circuit_patches, sensitive_patches
from assuage.units import MIN_PER_H

ALL_EQUIPMENT = "a site that has everything: name what is there to leave out what cannot be done"
AT_THRESHOLD = (
    "field of the same coil at the same dI/dt over the hand area: the ratio is that at 100 % of motor threshold"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Choosing:
    """What the user weights and has.

    Attributes
    ----------
    weights
        Criterion to weight; None: all alike.
    equipment
        Keys of `technique_facts.equipment_names`; None: everything.
    """

    weights: Mapping[Criterion, float] | None = None
    equipment: tuple[str, ...] | None = None


@dataclass(frozen=True, eq=False)
class CommonDose:
    """States the doses of one plan in the common currency; what they share is set up once."""

    bench: Bench
    target: Target
    goal: Goal
    protocol: Mapping[str, Any] = field(default_factory=dict)
    driving: Driving | None = None

    @cached_property
    def _patch(self) -> Patch:
        return self._make(self.target)

    def _make(self, target: Target) -> Patch:
        return patch_on(self.bench.conductor, target, reading=self.bench.read_out(target))

    @cached_property
    def _circuits(self) -> dict[str, Located]:
        return circuit_patches(self.bench.head, self._make)

    @cached_property
    def _sensitive(self) -> Located:
        return sensitive_patches(self.bench.head, self._make)

    @cached_property
    def hotspot(self) -> Hotspot:
        """Where a motor threshold would be taken."""
        return hotspot_of(self.bench, self.driving)

    @cached_property
    def calibration(self) -> Calibration | None:
        """The plan's coil tied to the motor threshold, where one is given."""
        if self.driving is None:
            return None
        return calibration_of(self.bench, self.driving, self.hotspot, self.hotspot_landscape)

    @cached_property
    def hotspot_landscape(self) -> Landscape:
        """The adjoint of its cortex."""
        return self.bench.conductor.adjoint(self.hotspot.target)

    @cached_property
    def hotspot_V_per_m(self) -> float:
        """Field of the plan's coil there at 1 A/us."""
        coil = self.bench.places.condensed
        mean = self.hotspot_landscape.coil(coil, self.hotspot.pose[None], didt_A_per_s=UNIT_DIDT_A_PER_S)
        return float(np.linalg.norm(mean))

    def reference(self, technique: str) -> Reference:
        """Return the reference of a technique that is compared with the hand area."""
        if technique == "tms":
            return make_reference("tms", self.hotspot_V_per_m, origin=f"{AT_THRESHOLD}; {self.hotspot.way}")
        return reference_montage(technique, self.hotspot_landscape, side=self.hotspot.side)

    def state(
        self,
        values: "Field | FieldMap",
        technique: str,
        reference: Reference,
        quantities: Mapping[str, Any],
        target: Target | None = None,
        read: TargetDose | None = None,
    ) -> Currency:
        """Return a technique's dose in the common currency.

        Parameters
        ----------
        values
            Its field or map at the reference intensity.
        technique, reference
            Name and own reference.
        quantities
            What is known of a session, for charge and duration.
        target
            What the technique aims at, where that is not the plan's target.
        read
            The field in it, where a finer grid than the map's has read it.
        """
        asked = {**self.protocol, **quantities, "technique": technique}
        found = dose_currency(
            values,
            self._patch if target is None else self._make(target),
            technique=technique,
            charge=delivered_charge(asked),
            circuits=self._circuits,
            sensitive=self._sensitive,
            reference=reference,
            normal=self.goal.normal if target is None else None,
            duration_s=session_duration_s(asked),
            read=read,
        )
        return _record(found, reference)


def _record(found: DoseCurrency, reference: Reference) -> Currency:
    target = found.target
    return Currency(
        quantity=found.quantity,
        mean_V_per_m=number(target.mean_V_per_m),
        normal_V_per_m=None if target.normal_V_per_m is None else number(target.normal_V_per_m),
        e99_V_per_m=number(target.e99_V_per_m),
        reference=reference.kind.name,
        reference_V_per_m=number(reference.value_V_per_m),
        reference_origin=reference.origin,
        ratio=number(reference.ratio(target.mean_V_per_m)),
        peak_V_per_m=number(found.peak_V_per_m),
        target_over_peak=number(found.target_over_peak),
        half_max_volume_mm3=number(found.half_max_volume_mm3),
        circuits=tuple(
            CircuitFieldRecord(
                domain=circuit.domain,
                off_target_V_per_m=None if circuit.off_target_V_per_m is None else number(circuit.off_target_V_per_m),
                over_target=None
                if circuit.off_target_V_per_m is None
                else number(circuit.off_target_V_per_m / target.mean_V_per_m),
                regions=len(circuit.regions),
            )
            for circuit in found.circuits
        ),
        sensitive=tuple(
            RegionFieldRecord(
                name=region.name, mean_V_per_m=number(region.mean_V_per_m), over_target=number(region.over_target)
            )
            for region in found.sensitive
        ),
        charge_C=None if found.charge.charge_C is None else number(found.charge.charge_C),
        charge_words=found.charge.words,
        duration_s=found.duration_s,
    )


def with_currency(
    common: CommonDose,
    records: tuple[TechniqueRecord, ...],
    fields: Mapping[str, Field],
    made: Mapping[str, Made],
) -> tuple[TechniqueRecord, ...]:
    """Return all records, each with its dose in the common currency.

    Parameters
    ----------
    common
        Of the plan.
    records, fields
        Of the plan's own searches, by technique.
    made
        Of the techniques that bring their own placements.
    """
    done = []
    for record in records:
        quantities = {} if record.dose.current_A is None else {"total_current_A": record.dose.current_A}
        name = record.technique
        stated = common.state(fields[name], name, common.reference(name), quantities)
        done.append(record.model_copy(update={"currency": stated}))
    for name, item in made.items():
        if item.values is None:
            done.append(item.record)
            continue
        reference = item.reference or common.reference(name)
        stated = common.state(item.values, name, reference, item.quantities, item.target, item.read)
        done.append(item.record.model_copy(update={"currency": stated}))
    return tuple(done)


def shortlist(
    records: tuple[TechniqueRecord, ...],
    choosing: Choosing,
    *,
    combinations: tuple[CombinationRecord, ...] = (),
    matrix: Matrix | None,
    primary: str,
    age_years: float | None,
) -> ShortlistRecord:
    """Order the techniques of a plan by what the user weights.

    Raises
    ------
    PlanError
        Unknown criteria, weights or equipment.
    """
    reached = (
        {} if matrix is None else {cell.technique: cell.reached for cell in matrix.cells if cell.region == primary}
    )
    candidates = [item for record in records for item in _candidates(record, reached.get(record.technique))]
    candidates += [_combined(item, {record.technique: record for record in records}, reached) for item in combinations]
    if choosing.equipment is None:
        site, said = Site(equipment=frozenset(equipment_names())), ALL_EQUIPMENT
    else:
        site = Site(equipment=frozenset(choosing.equipment))
        said = ", ".join(equipment_names()[key] for key in choosing.equipment) or "nothing"
    weights = chooser.EVEN if choosing.weights is None else choosing.weights
    made = chooser.shortlist(candidates, site=site, weights=weights, age_years=age_years)
    return ShortlistRecord(
        rule=made.rule,
        site=said,
        chosen=tuple(
            ChosenRecord(
                place=item.place,
                technique=item.technique,
                label=item.label,
                score=number(item.score),
                criteria=tuple(
                    CriterionRecord(
                        criterion=part.criterion,
                        weight=number(part.weight),
                        value=number(part.value),
                        adds=number(part.adds),
                        words=part.words,
                    )
                    for part in item.contributions
                ),
                cautions=item.cautions,
            )
            for item in made.ranked
        ),
        left_out=tuple(
            LeftOutRecord(technique=item.technique, label=item.label, reasons=item.reasons) for item in made.excluded
        ),
        shifts=tuple(
            ShiftRecord(
                criterion=shift.criterion,
                weight=shift.weight,
                lower=shift.lower,
                lower_first=shift.lower_first,
                upper=shift.upper,
                upper_first=shift.upper_first,
            )
            for shift in made.shifts
        ),
    )


def _candidates(record: TechniqueRecord, reached: bool | None) -> list[chooser.Candidate]:
    """Return a technique as the chooser sees it; a coil with courses is one for each of them."""
    field = chooser.Candidate(
        technique=record.technique,
        label=record.label,
        target_field_ratio=None if record.currency is None else record.currency.ratio,
        target_over_peak=record.dose.target_over_e99,
        verdict=record.worst_verdict,
        stops=_stops(record.verdicts),
        reached=reached,
        evidence=evidence_for(record.technique),
    )
    return [
        replace(
            field,
            technique=course.technique,
            label=course.label,
            target_field_ratio=course.intensity.target_over_threshold,
            verdict=course.worst_verdict,
            stops=_stops(course.verdicts),
            evidence=evidence_for(course.technique),
            basis=course.intensity.words,
            own_facts=_facts(course),
        )
        for course in record.courses
    ] or [field]


def _facts(course: CourseRecord) -> Facts:
    """Return what a course asks of person and site: its own visits and hours, the equipment of its technique."""
    known = technique_facts(course.technique)
    if not course.given:
        return known
    minutes = MIN_PER_H * course.hours_on_site / course.visits - known.other_minutes
    return replace(
        known, visits=course.visits, minutes=minutes, source=course.burden_source, source_level="of the course named"
    )


def _combined(
    item: CombinationRecord, records: Mapping[str, TechniqueRecord], reached: Mapping[str, bool]
) -> chooser.Candidate:
    """Return a combination as the chooser sees it: its fields are not added, so the lower of its parts counts."""
    parts = [records[name] for name in item.parts]
    course = next(course for part in parts for course in part.courses if course.technique == item.course)
    ratios = [None if part.currency is None else part.currency.ratio for part in parts if not part.courses]
    ratios.append(course.intensity.target_over_threshold)
    asked = [reached[name] for name in item.parts if name in reached]
    return chooser.Candidate(
        technique=item.technique,
        label=item.label,
        target_field_ratio=None if None in ratios else min(ratio for ratio in ratios if ratio is not None),
        target_over_peak=min(part.dose.target_over_e99 for part in parts),
        verdict=item.worst_verdict,
        stops=_stops(item.verdicts),
        reached=all(asked) if asked else None,
        evidence=evidence_for(item.technique),
        basis="the lower of its two parts; nothing is added",
    )


def _stops(verdicts: tuple[Verdict, ...]) -> tuple[str, ...]:
    return tuple(verdict.why for verdict in verdicts if verdict.outcome == "stop")


def check_choosing(choosing: Choosing) -> None:
    """Refuse unknown equipment and criteria before any work starts.

    Raises
    ------
    PlanError
        With the known names.
    """
    Site(equipment=frozenset(choosing.equipment or ()))
    unknown = sorted(set(choosing.weights or {}) - set(chooser.CRITERIA))
    if unknown:
        raise PlanError(f"criterion {', '.join(unknown)} is unknown; criteria: {', '.join(chooser.CRITERIA)}")

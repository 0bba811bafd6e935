"""The dose of every technique of a plan in the common currency, and whether its proposal reaches its region."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from assuage.field import Field, Landscape
from assuage.plan.bench import Bench
from assuage.plan.currency_records import CircuitFieldRecord, Currency, RegionFieldRecord
from assuage.plan.describe import number, point
from assuage.plan.driving import Driving, calibration_of, hotspot_of
from assuage.plan.further import Made
from assuage.plan.reach import reach_of
from assuage.plan.records import TechniqueRecord
from assuage.plan.sessions import GIVEN, Sessions
from assuage.targets import Target
from assuage.techniques.calibration import Calibration
from assuage.techniques.charge import delivered_charge, session_duration_s
from assuage.techniques.currency import CircuitDose, DoseCurrency, RegionDose, dose_currency
from assuage.techniques.dose import TargetDose
from assuage.techniques.goal import Goal
from assuage.techniques.hotspot import Hotspot
from assuage.techniques.patches import FieldMap, Located, Patch, patch_on
from assuage.techniques.references import Reference, make_reference, reference_montage
from assuage.techniques.tms import UNIT_DIDT_A_PER_S
from assuage.techniques.watched import circuit_patches, sensitive_patches

AT_THRESHOLD = (
    "field of the same coil at the same dI/dt over the hand area: the ratio is that at 100 % of motor threshold"
)


@dataclass(frozen=True, eq=False)
class CommonDose:
    """States the doses of one plan in the common currency; what they share is set up once."""

    bench: Bench
    target: Target
    goal: Goal
    protocol: Mapping[str, Any] = field(default_factory=dict)
    driving: Driving | None = None
    sessions: Sessions = field(default_factory=Sessions)

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
        asked = {**self.protocol_for(technique), **quantities, "technique": technique}
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
        words = GIVEN if "duration_s" in self.protocol else self.sessions.words(technique)
        return _record(found, reference, (target or self.target).name, words)

    def protocol_for(self, technique: str) -> dict[str, Any]:
        """Return what is known of a technique's session for the cited limits; the user's protocol stands first."""
        return {**self.sessions.quantities(technique), **self.protocol}


def _record(found: DoseCurrency, reference: Reference, name: str, duration_words: str) -> Currency:
    target = found.target
    return Currency(
        target=name,
        quantity=found.quantity,
        mean_V_per_m=number(target.mean_V_per_m),
        mean_is=target.mean_is,
        mean_e_V_per_m=None if target.mean_e_V_per_m is None else point(target.mean_e_V_per_m),
        mean_size_V_per_m=number(target.mean_size_V_per_m),
        normal_V_per_m=None if target.normal_V_per_m is None else number(target.normal_V_per_m),
        e99_V_per_m=number(target.e99_V_per_m),
        reference=reference.kind.name,
        reference_V_per_m=number(reference.value_V_per_m),
        reference_origin=reference.origin,
        ratio=number(reference.ratio(target.mean_V_per_m)),
        peak_V_per_m=number(found.peak_V_per_m),
        target_over_peak=number(found.target_over_peak),
        half_max_volume_mm3=number(found.half_max_volume_mm3),
        stronger_elsewhere=number(found.stronger_elsewhere),
        circuits=tuple(_circuit(circuit, target.mean_V_per_m) for circuit in found.circuits),
        sensitive=tuple(_region(region) for region in found.sensitive),
        sensitive_absent=dict(found.sensitive_absent),
        charge_C=None if found.charge.charge_C is None else number(found.charge.charge_C),
        charge_words=found.charge.words,
        duration_s=found.duration_s,
        duration_words=duration_words,
    )


def _circuit(circuit: CircuitDose, target_V_per_m: float) -> CircuitFieldRecord:
    mean, off = circuit.mean_V_per_m, circuit.off_target_V_per_m
    return CircuitFieldRecord(
        domain=circuit.domain,
        mean_V_per_m=None if mean is None else number(mean),
        off_target_V_per_m=None if off is None else number(off),
        over_target=None if off is None or target_V_per_m <= 0 else number(off / target_V_per_m),
        regions=tuple(_region(region) for region in circuit.regions),
        absent=dict(circuit.absent),
    )


def _region(region: RegionDose) -> RegionFieldRecord:
    return RegionFieldRecord(
        name=region.name,
        mean_V_per_m=number(region.mean_V_per_m),
        over_target=number(region.over_target) if np.isfinite(region.over_target) else None,
        on_target=region.on_target,
    )


def with_currency(
    common: CommonDose,
    records: tuple[TechniqueRecord, ...],
    fields: Mapping[str, Field],
    made: Mapping[str, Made],
) -> tuple[TechniqueRecord, ...]:
    """Return all records, each with its dose in the common currency and whether it reaches its region.

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
        update: dict[str, Any] = {"currency": stated}
        if item.reference is not None:  # both ratios of such a technique are to this one field
            update["dose"] = item.record.dose.model_copy(update={"reference_name": item.reference.kind.name})
        done.append(item.record.model_copy(update=update))
    return tuple(record.model_copy(update={"reach": reach_of(record)}) for record in done)

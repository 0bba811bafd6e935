"""The steps of one plan in the making, from the proposals by the adjoint to the record.

1. Conductor and adjoint of the target; poses and electrodes of the head.
2. Every technique proposes by the adjoint alone.
3. One forward solution per proposal: dose, spread, off-target field, sensitivity to conductivity.
4. The cortex under C3 and, for a circuit, every other region get their own adjoint: what each technique could do there.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assuage.circuits import Circuit
from assuage.errors import PlanError, SolverError, SourceError, TargetError
from assuage.field import Field, Landscape
from assuage.plan import clock as steps
from assuage.plan import describe, maps, regions
from assuage.plan.aim_over import Aimed, aim_over
from assuage.plan.alternating import make_hd_tacs, make_tacs
from assuage.plan.anisotropy import anisotropy_words
from assuage.plan.asking import check_number
from assuage.plan.bench import (
    COMBINATIONS,
    CORE,
    LABELS,
    Bench,
)
from assuage.plan.choices import Choice, choose, choose_focal
from assuage.plan.clock import Clock, region_step, search_step, steps_of
from assuage.plan.common_dose import CommonDose, with_currency
from assuage.plan.comparison import Choosing, shortlist
from assuage.plan.course_records import CombinationRecord
from assuage.plan.courses import combination, with_courses
from assuage.plan.driving import Driving
from assuage.plan.evidence_record import evidence_record
from assuage.plan.further import Aim, Made
from assuage.plan.implants import make_dbs
from assuage.plan.interference import make_ti
from assuage.plan.matrix import circuit_matrix
from assuage.plan.provenance import head_record, provenance, rule_set_record
from assuage.plan.rank import rank
from assuage.plan.records import PlanRecord, TechniqueRecord
from assuage.plan.result import Plan
from assuage.plan.rhythm import Rhythm, partner_target
from assuage.plan.seizure import make_ect, make_mst
from assuage.plan.sessions import Sessions
from assuage.plan.surface_reach import Reach, SurfaceReach, core_cells
from assuage.plan.volumes import volumes
from assuage.plan.whereabouts import Whereabouts
from assuage.protocols.courses import CoilCourse
from assuage.targets import Target
from assuage.techniques.dbs import Implant
from assuage.techniques.goal import Goal

Array = NDArray[np.float64]

DEFAULT_RADIUS_MM = 10.0
LINES = 10
"""Of progress while the off-target field is solved."""

ISOTROPIC = "Isotropic conductivities; one value per tissue."
LIMITS = (
    "Electrodes inject evenly over their area; contact impedance and current crowding at the rim are left out.",
    "The dose is the mean field over the target's tissue. Neurons, networks and clinical response are not modelled.",
    "Doses of different techniques act by different mechanisms; their ratios to the reference are not equivalent.",
    "The reach of a region is a working definition, not a clinical threshold.",
)


FURTHER: dict[str, Callable[[Aim], Made]] = {
    "tacs": make_tacs,
    "hd_tacs": make_hd_tacs,
    "ti": make_ti,
    "ect": make_ect,
    "mst": make_mst,
    "dbs": make_dbs,
}
"""Techniques that join once target and circuit are known."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Work:
    """One plan in the making: what its steps share."""

    bench: Bench
    names: tuple[str, ...]
    clock: Clock
    protocol: Mapping[str, Any]
    didt_A_per_s: float | None
    choosing: Choosing
    driving: Driving | None
    rhythm: Rhythm
    courses: tuple[CoilCourse, ...]
    sessions: Sessions
    implant: Implant
    whereabouts: Whereabouts | None = None
    skipped: dict[str, str] = field(default_factory=dict)

    def for_target(self, target: Target, command: str) -> Plan:
        """Plan a single target."""
        return self._plan(target, None, (), "", command)

    def for_circuit(self, circuit: Circuit, wanted: str | None, radius_mm: float, command: str) -> Plan:
        """Plan the primary region of a circuit and compare all of them."""
        if self.bench.head.mni is None:
            raise PlanError(
                f"head {self.bench.head.name!r} has no MNI registration, so the regions of circuit {circuit.domain!r} "
                "cannot be found on it; name a target in head coordinates"
            )
        targets = regions.region_targets(self.bench.head, circuit, radius_mm=radius_mm)
        primary, why = regions.primary_region(circuit, targets, wanted)
        assert primary.target is not None
        return self._plan(primary.target, circuit, targets, why, command)

    def _plan(
        self,
        target: Target,
        circuit: Circuit | None,
        found: tuple[regions.RegionTarget, ...],
        why: str,
        command: str,
    ) -> Plan:
        bench, clock, head = self.bench, self.clock, self.bench.head
        check_number("radius_mm", target.radius_mm)
        target.tissue_in(head)
        goal = Goal(direction=target.direction_in(head), normal=describe.normal_of(target, head))
        common = CommonDose(bench, target, goal, self.protocol, self.driving, self.sessions)
        if self.driving is not None:
            _ = common.hotspot  # a place that is not on this head is refused before the work starts
        partner = partner_target(self.rhythm, self.names, circuit, found, target)
        others = {
            item.region.key: item.target for item in found if item.target is not None and item.target is not target
        }
        further = [name for name in self.names if name in FURTHER]
        over = self.whereabouts is not None
        clock.expect(steps_of(self.names, further, [other.name for other in others.values()], over=over))
        clock(steps.SET_UP)
        conductor = bench.conductor
        clock(steps.ADJOINT)
        landscape = bench.landscape(target)
        choices = self._choices(landscape, goal, target)
        aimed = self._aim_over(target, goal, choices)
        if aimed is None:
            clock(steps.FORWARD, f"{steps.FORWARD} ({len(choices)})")
            solved = conductor.solve([choice.source for choice in choices.values()])
            fields = dict(zip(choices, solved, strict=True))
        else:
            choices, fields = aimed.choices, aimed.fields
        surface = SurfaceReach(bench, DEFAULT_RADIUS_MM if circuit is None else target.radius_mm)
        reference, best = self._compare(surface, others)
        clock(steps.ERRORS)
        records = self._records(common, choices, fields, landscape, others, reference)
        clock(steps.MAPS)
        arrays, says = maps.scalp_maps(bench, landscape, goal, choices)
        cells = core_cells(bench, records, fields, reference, best, found, target)
        key = next((item.region.key for item in found if item.target is target), "")
        made = self._further(
            common,
            Aim(
                bench=bench, target=target, goal=goal, landscape=landscape, key=key, others=others, surface=surface,
                rhythm=self.rhythm, partner=partner,
                in_principle={item.region.key: item.region.techniques_in_principle for item in found},
                protocol=self.protocol, sessions=self.sessions, implant=self.implant,
            ),
        )  # fmt: skip
        clock(steps.COMMON)
        records = tuple(
            with_courses(common, record, self.courses) if record.technique == "tms" else record
            for record in with_currency(common, records, fields, made)
        )
        if not records:
            raise PlanError("no technique has a place on this head: " + "; ".join(self.skipped.values()))
        combinations = self._combinations(common, records)
        cells += [cell for item in made.values() for cell in item.cells]
        matrix = None if circuit is None else circuit_matrix(circuit, cells)
        record = PlanRecord(
            title=f"{target.name} on {head.name}" if circuit is None else f"{circuit.domain} on {head.name}",
            head=head_record(head),
            target=self._target_record(target, goal, found),
            circuit=None if circuit is None else describe.circuit_record(bench, circuit, found, target, why),
            techniques=records,
            combinations=combinations,
            skipped=self.skipped,
            ranking=rank(records, target.name),
            shortlist=shortlist(
                records,
                self.choosing,
                combinations=combinations,
                target=target.name,
                age_years=self.protocol.get("age_years"),
            ),
            matrix=matrix,
            target_distribution=None if aimed is None else aimed.record,
            evidence=evidence_record(
                [
                    *(name for item in records for name in (item.technique, *(c.technique for c in item.courses))),
                    *(both.technique for both in combinations),
                ],
                circuit,
                key,
                place_mm=None if head.mni is None else head.mni.head_to_mni([target.center_mm])[0].tolist(),
                age_years=self.protocol.get("age_years") or head.age_years,
            ),
            maps=says,
            files=(),
            limits=(anisotropy_words(head) or ISOTROPIC, *LIMITS),
            rule_set=rule_set_record(),
            provenance=self._provenance(target, circuit, command),
        )
        return Plan(
            record=record, head=head, target=target,
            fields=fields | {name: item.values for name, item in made.items() if isinstance(item.values, Field)},
            volumes=volumes(head, fields, target, found)
            | {item.record.field_file: item.volume for item in made.values()},
            maps=arrays,
        )  # fmt: skip

    def _combinations(self, common: CommonDose, records: tuple[TechniqueRecord, ...]) -> tuple[CombinationRecord, ...]:
        """Return two techniques in one course, where that was asked for."""
        found = []
        for name in (name for name in self.names if name in COMBINATIONS):
            made = combination(common, records, self.courses)
            if isinstance(made, str):
                self.skipped[name] = made
            else:
                found.append(made)
        return tuple(found)

    def _further(self, common: CommonDose, aim: Aim) -> dict[str, Made]:
        """Let the techniques that bring their own placements join."""
        found = {}
        asked = [name for name in self.names if name in FURTHER]
        for k, name in enumerate(asked):
            self.clock(LABELS[name], f"{LABELS[name]}: placements and dose ({k + 1} of {len(asked)})")

            def report(step: str, part: float, *, name: str = name) -> None:
                self.clock(LABELS[name], f"{LABELS[name]}: {step}", part=part)

            try:
                found[name] = FURTHER[name](replace(aim, progress=report, protocol=common.protocol_for(name)))
            except (PlanError, SolverError, SourceError, TargetError) as error:
                self.skipped[name] = str(error)
        return found

    def _choices(self, landscape: Landscape, goal: Goal, target: Target) -> dict[str, Choice]:
        """Let every technique propose; one without a place on this head says why and is left out."""
        bench, choices = self.bench, {}
        asked = [name for name in self.names if name in CORE]
        for k, name in enumerate(asked):
            said = f"{search_step(name)} ({k + 1} of {len(asked)})"
            try:
                if name == "hd_tdcs_focal":
                    lead = self._lead_field(target)
                    self.clock(search_step(name), said)
                    choices[name] = choose_focal(bench, landscape, goal, target, lead)
                else:
                    self.clock(search_step(name), said)
                    choices[name] = choose(bench, name, landscape, goal)
            except PlanError as error:
                self.skipped[name] = str(error)
        return choices

    def _aim_over(self, target: Target, goal: Goal, choices: dict[str, Choice]) -> Aimed | None:
        """Choose again by the distribution of the target, where one is known."""
        if self.whereabouts is None:
            return None

        def tell(step: str, part: float) -> None:
            self.clock(steps.OVER, step, part=part)

        others = tuple(name for name in self.names if name in FURTHER)
        return aim_over(self.bench, target, goal, choices, self.whereabouts, others=others, progress=tell)

    def _lead_field(self, target: Target) -> tuple[Array, NDArray[np.float32]]:
        """Return the lead field of all electrodes in the target's tissue; says every tenth part of the way."""
        bench, said = self.bench, 0
        count = len(bench.places.discs.names)
        self.clock(steps.LEAD, f"{steps.LEAD} (0 of {count})")

        def tell(part: float) -> None:
            nonlocal said
            if int(LINES * part) > said:
                said = int(LINES * part)
                self.clock(steps.LEAD, f"{steps.LEAD} ({part * count:.0f} of {count})", part=part)

        return bench.coarse.lead_field(target.tissue_in(bench.head), tell)

    def _compare(
        self, surface: SurfaceReach, others: dict[str, Target]
    ) -> tuple[dict[str, float], dict[str, dict[str, Reach]]]:
        """Return the best dose of every technique in the reference cortex and in the other regions."""
        asked = [name for name in self.names if name in CORE and name not in self.skipped]
        searches = sorted({"hd_tdcs" if name == "hd_tdcs_focal" else name for name in asked})
        best: dict[str, dict[str, Reach]] = {}
        if not searches:
            return {}, {}
        cortex = surface.cortex.name
        self.clock(steps.CORTEX, f"{steps.CORTEX} in the {cortex}")
        reference = {name: surface.reference_V_per_m(name) for name in searches}
        if others:
            self.clock(steps.COARSE, f"{steps.CORTEX} in the {cortex}, coarse grid")
            for name in searches:
                surface.coarse_V_per_m(name)
        for k, (key, other) in enumerate(others.items()):
            self.clock(
                region_step(other.name),
                f"what every technique could do for {other.name} ({k + 1} of {len(others)})",
            )
            best |= surface.of(searches, {key: other})
        if "hd_tdcs" in reference:
            reference["hd_tdcs_focal"] = reference["hd_tdcs"]
        return reference, best

    def _records(
        self,
        common: CommonDose,
        choices: dict[str, Choice],
        fields: dict[str, Field],
        landscape: Landscape,
        others: dict[str, Target],
        reference: dict[str, float],
    ) -> tuple[TechniqueRecord, ...]:
        slopes = landscape.sensitivity(list(fields.values()))
        records = []
        for k, (name, choice) in enumerate(choices.items()):
            self.clock(
                steps.ERRORS,
                f"{steps.ERRORS}: {LABELS[name]} ({k + 1} of {len(choices)})",
                part=(k + 1) / (len(choices) + 1),
            )
            record = describe.technique_record(
                self.bench,
                choice,
                fields[name],
                landscape,
                slopes[k],
                target=common.target,
                goal=common.goal,
                reference_V_per_m=reference[name],
                off_target_V_per_m=self.bench.magnitudes(fields[name], others),
                protocol=common.protocol_for(name),
                didt_A_per_s=self.didt_A_per_s,
            )
            records.append(record)
        return tuple(records)

    def _target_record(self, target: Target, goal: Goal, found: tuple[regions.RegionTarget, ...]) -> Any:
        mni = next((item.region.mni_mm for item in found if item.target is target), None)
        volume = self.bench.read_out(target).volume_mm3
        return describe.target_record(target, self.bench.head, volume_mm3=volume, goal=goal, requested_mni_mm=mni)

    def _provenance(self, target: Target, circuit: Circuit | None, command: str) -> Any:
        asked = {
            "techniques": list(self.names),
            "circuit": None if circuit is None else circuit.domain,
            "target": target.name,
            "radius_mm": target.radius_mm,
            "didt_A_per_s": self.didt_A_per_s,
            "protocol": self.protocol,
            "rhythm": self.rhythm.as_settings,
            "sessions": self.sessions.as_settings,
            "courses": {course.technique: course.given for course in self.courses if course.given},
            "implant": self.implant.as_asked() if "dbs" in self.names else None,
        }
        self.clock.finish()
        what = repr(circuit.domain if circuit is not None else target.name)
        said = command or f"assuage.plan(head {self.bench.head.name!r}, {what}, techniques={self.names})"
        return provenance(self.bench, command=said, seconds=self.clock.seconds, asked=asked)

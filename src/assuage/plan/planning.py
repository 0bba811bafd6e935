"""From a target or circuit to a ranked plan: search by the adjoint, one forward solution per finalist, error bars.

1. Conductor and adjoint of the target; poses and electrodes of the head.
2. Every technique proposes by the adjoint alone.
3. One forward solution per proposal: dose, spread, off-target field, sensitivity to conductivity.
4. The cortex under C3 and, for a circuit, every other region get their own adjoint: what each technique could do there.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assuage.circuits import Circuit, load_circuit
from assuage.errors import PlanError, SolverError, SourceError, TargetError
from assuage.field import Field, Landscape
from assuage.head import Head
from assuage.plan import describe, maps, regions
from assuage.plan.alternating import make_hd_tacs, make_tacs
from assuage.plan.bench import (
    COARSE_TOLERANCE,
    COMBINATIONS,
    CORE,
    COURSES,
    LABELS,
    Bench,
    Places,
    Settings,
    resolve_techniques,
)
from assuage.plan.choices import Choice, choose, choose_focal
from assuage.plan.comparison import Choosing, CommonDose, check_choosing, shortlist
from assuage.plan.course_records import CombinationRecord
from assuage.plan.courses import combination, with_courses
from assuage.plan.driving import Driving
from assuage.plan.further import Aim, Made
from assuage.plan.implants import make_dbs
from assuage.plan.interference import make_ti
from assuage.plan.provenance import head_record, provenance
from assuage.plan.rank import rank
from assuage.plan.records import Matrix, MatrixCell, PlanRecord, RuleSetRecord, TechniqueRecord
from assuage.plan.result import Plan
from assuage.plan.seizure import make_ect, make_mst
from assuage.plan.surface_reach import Reach
from assuage.plan.volumes import volumes
from assuage.safety import load_rule_set
from assuage.sources import Coil
from assuage.targets import Target
from assuage.techniques.dbs import Implant
from assuage.techniques.dose import stronger_share
from assuage.techniques.goal import Goal

Array = NDArray[np.float64]
Progress = Callable[[str, float], None]

DEFAULT_RADIUS_MM = 10.0

LIMITS = (
    "Isotropic conductivities; one value per tissue.",
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


class _Clock:
    """Reports progress and keeps the time of each stage."""

    def __init__(self, progress: Progress | None) -> None:
        self._progress = progress or (lambda _stage, _fraction: None)
        self._stage, self._since, self._done = "", time.monotonic(), 0.0
        self.seconds: dict[str, float] = {}

    def __call__(self, stage: str, fraction: float) -> None:
        now = time.monotonic()
        if self._stage:
            self.seconds[self._stage] = self.seconds.get(self._stage, 0.0) + now - self._since
        self._stage, self._since, self._done = stage, now, max(self._done, fraction)
        self._progress(stage, self._done)


def plan(  # noqa: PLR0913 (every option of a plan is named here)
    head: Head,
    target_or_circuit: Target | Circuit | str,
    techniques: Iterable[str] | None = None,
    *,
    voxel_mm: float = 2.0,
    region: str | None = None,
    radius_mm: float = DEFAULT_RADIUS_MM,
    coil: Coil | None = None,
    didt_A_per_s: float | None = None,
    current_A: float = 2e-3,
    hair_mm: float = 4.0,
    protocol: Mapping[str, Any] | None = None,
    choosing: Choosing | None = None,
    driving: Driving | None = None,
    implant: Implant | None = None,
    command: str = "",
    progress: Progress | None = None,
    **settings: float,
) -> Plan:
    """Plan every technique for a target or a circuit on one head.

    Parameters
    ----------
    head
        The head.
    target_or_circuit
        A target, a circuit, or the name of a circuit.
    techniques
        Names out of `bench.TECHNIQUES` and its aliases ("hd-tdcs": 4x1 and both optimised montages); None: all.
    voxel_mm
        Grid of the plan.
    region
        Of a circuit: the region to optimise, instead of the first that the surface reaches in principle.
    radius_mm
        Radius of the regions of a circuit.
    coil
        None: the parametric 70 mm figure-of-eight.
    didt_A_per_s
        Where the coil's dose is stated; None: half of the coil's maximum.
    current_A
        Total current of the montages.
    hair_mm
        Gap between scalp and coil.
    protocol
        What is known of the session, for the safety rules; see `assuage.safety.check`.
    choosing
        What the user weights, and what the site has; None: all alike, and everything.
    driving
        Motor threshold, devices and how the dose is set; None: 1 A/us, and courses by the ratio to the threshold field.
    implant
        Lead, pulse and regions to spare of deep brain stimulation; None: `Implant()`.
    command
        The command line to record; a call of this function is recorded if it is empty.
    progress
        Called as ``progress(stage, fraction)`` with the fraction of the whole work done.
    **settings
        `spacing_mm`, `angle_step_deg` (coil search), `coarse_voxel_mm` (grid of the off-target field and of the other
        regions), `draws` and `seed` (placement error).

    Raises
    ------
    PlanError, TargetError, DataError
        What was asked for does not exist or has no place on this head.
    """
    names = resolve_techniques(None if techniques is None else tuple(techniques))
    clock = _Clock(progress)
    try:
        made = Settings(voxel_mm=voxel_mm, current_A=current_A, hair_mm=hair_mm, **settings)  # type: ignore[arg-type]
    except TypeError as error:
        raise PlanError(f"{error}; settings are spacing_mm, angle_step_deg, coarse_voxel_mm, draws, seed") from error
    bench = Bench(Places(head, coil or Coil.figure_of_eight(), made), voxel_mm)
    chosen, implant = choosing or Choosing(), implant or Implant()
    check_choosing(chosen)
    work = _Work(bench, names, clock, dict(protocol or {}), didt_A_per_s, chosen, driving, implant)
    if isinstance(target_or_circuit, str):
        target_or_circuit = load_circuit(target_or_circuit)
    if isinstance(target_or_circuit, Circuit):
        return work.for_circuit(target_or_circuit, region, radius_mm, command)
    if region is not None:
        raise PlanError(f"region {region!r} was named, but the plan is for a single target; name a circuit")
    return work.for_target(target_or_circuit, command)


class _Work:
    """One plan in the making: what its steps share."""

    def __init__(
        self,
        bench: Bench,
        names: tuple[str, ...],
        clock: _Clock,
        protocol: dict[str, Any],
        didt_A_per_s: float | None,
        choosing: Choosing,
        driving: Driving | None,
        implant: Implant,
    ) -> None:
        self.bench, self.names, self.clock, self.choosing = bench, names, clock, choosing
        self.protocol, self.didt_A_per_s, self.driving, self.implant = protocol, didt_A_per_s, driving, implant
        self.skipped: dict[str, str] = {}

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
        target.tissue_in(head)
        goal = Goal(direction=target.direction_in(head), normal=describe.normal_of(target, head))
        common = CommonDose(bench, target, goal, self.protocol, self.driving)
        if self.driving is not None:
            _ = common.hotspot  # a place that is not on this head is refused before the work starts
        clock("building the conductor", 0.0)
        conductor = bench.conductor
        clock("adjoint of the target", 0.1)
        landscape = conductor.adjoint(target)
        choices = self._choices(landscape, goal, target)
        clock("forward solutions of the finalists", 0.42)
        solved = conductor.solve([choice.source for choice in choices.values()])
        fields = dict(zip(choices, solved, strict=True))
        others = {
            item.region.key: item.target for item in found if item.target is not None and item.target is not target
        }
        reference, best = self._compare(others)
        clock("error bars", 0.9)
        records = self._records(choices, fields, landscape, target, goal, others, reference)
        clock("maps", 0.96)
        arrays, says = maps.scalp_maps(bench, landscape, goal, choices)
        cells = self._cells(records, fields, reference, best, found, target)
        key = next((item.region.key for item in found if item.target is target), "")
        made = self._further(
            Aim(
                bench=bench, target=target, goal=goal, landscape=landscape, key=key, others=others,
                in_principle={item.region.key: item.region.techniques_in_principle for item in found},
                protocol=self.protocol, implant=self.implant,
            )
        )  # fmt: skip
        self.clock("the common dose", 0.955)
        records = self._with_currency(common, records, fields, made)
        if not records:
            raise PlanError("no technique has a place on this head: " + "; ".join(self.skipped.values()))
        combinations = self._combinations(common, records)
        cells += [cell for item in made.values() for cell in item.cells]
        matrix = None if circuit is None else _matrix(circuit, cells)
        record = PlanRecord(
            title=f"{target.name} on {head.name}" if circuit is None else f"{circuit.domain} on {head.name}",
            head=head_record(head),
            target=self._target_record(target, goal, found),
            circuit=None if circuit is None else describe.circuit_record(bench, circuit, found, target, why),
            techniques=records,
            combinations=combinations,
            skipped=self.skipped,
            ranking=rank(records),
            shortlist=shortlist(
                records,
                self.choosing,
                combinations=combinations,
                matrix=matrix,
                primary=key,
                age_years=self.protocol.get("age_years"),
            ),
            matrix=matrix,
            maps=says,
            files=(),
            limits=LIMITS,
            rule_set=_rule_set(),
            provenance=self._provenance(target, circuit, command),
        )
        return Plan(
            record=record, head=head, target=target,
            fields=fields | {name: item.values for name, item in made.items() if isinstance(item.values, Field)},
            volumes=volumes(head, fields, target, found)
            | {item.record.field_file: item.volume for item in made.values()},
            maps=arrays,
        )  # fmt: skip

    def _with_currency(
        self,
        common: CommonDose,
        records: tuple[TechniqueRecord, ...],
        fields: dict[str, Field],
        made: dict[str, Made],
    ) -> tuple[TechniqueRecord, ...]:
        """Return all records, each with its dose in the common currency, the coil with its courses."""
        done = []
        for record in records:
            quantities = {} if record.dose.current_A is None else {"total_current_A": record.dose.current_A}
            name = record.technique
            stated = common.state(fields[name], name, common.reference(name), quantities)
            stated_record = record.model_copy(update={"currency": stated})
            if name == "tms":
                stated_record = with_courses(common, stated_record, tuple(n for n in self.names if n in COURSES))
            done.append(stated_record)
        for name, item in made.items():
            if item.values is None:
                done.append(item.record)
                continue
            reference = item.reference or common.reference(name)
            stated = common.state(item.values, name, reference, item.quantities, item.target, item.read)
            done.append(item.record.model_copy(update={"currency": stated}))
        return tuple(done)

    def _combinations(self, common: CommonDose, records: tuple[TechniqueRecord, ...]) -> tuple[CombinationRecord, ...]:
        """Return two techniques in one course, where that was asked for."""
        found = []
        for name in (name for name in self.names if name in COMBINATIONS):
            made = combination(common, records)
            if isinstance(made, str):
                self.skipped[name] = made
            else:
                found.append(made)
        return tuple(found)

    def _further(self, aim: Aim) -> dict[str, Made]:
        """Let the techniques that bring their own placements join."""
        found = {}
        for k, name in enumerate(name for name in self.names if name in FURTHER):
            self.clock(LABELS[name], 0.9 + 0.01 * k)
            try:
                found[name] = FURTHER[name](aim)
            except (PlanError, SolverError, SourceError, TargetError) as error:
                self.skipped[name] = str(error)
        return found

    def _choices(self, landscape: Landscape, goal: Goal, target: Target) -> dict[str, Choice]:
        """Let every technique propose; one without a place on this head says why and is left out."""
        bench, choices = self.bench, {}
        for k, name in enumerate(name for name in self.names if name in CORE):
            self.clock(f"search: {LABELS[name]}", 0.16 + 0.04 * k)
            try:
                if name == "hd_tdcs_focal":
                    lead = bench.coarse.lead_field(
                        target.tissue_in(bench.head),
                        lambda part: self.clock("off-target field of every electrode", 0.32 + 0.1 * part),
                    )
                    choices[name] = choose_focal(bench, landscape, goal, target, lead)
                else:
                    choices[name] = choose(bench, name, landscape, goal)
            except PlanError as error:
                self.skipped[name] = str(error)
        return choices

    def _compare(self, others: dict[str, Target]) -> tuple[dict[str, float], dict[str, dict[str, Reach]]]:
        """Return the best dose of every technique in the reference cortex and in the other regions.

        Regions are compared with the reference on the coarse grid, where both are known alike; the ratio is scaled by
        the reference of the plan's grid.
        """
        bench = self.bench
        if not any(name in CORE for name in self.names):
            return {}, {}
        radius_mm = next(iter(others.values())).radius_mm if others else DEFAULT_RADIUS_MM
        target = bench.places.reference_target(radius_mm)
        self.clock(f"reference dose in the {target.name}", 0.5)
        reference = {name: _magnitude(choice) for name, choice in self._best(bench, target).items()}
        best: dict[str, dict[str, Reach]] = {}
        if others:
            self.clock(f"reference dose in the {target.name}, coarse grid", 0.55)
            coarse = {name: _magnitude(choice) for name, choice in self._best(bench.coarse, target).items()}
            for k, (key, other) in enumerate(others.items()):
                self.clock(f"what every technique could do for {other.name}", 0.58 + 0.32 * k / len(others))
                with suppress(TargetError):
                    best[key] = self._reach(other, reference, coarse)
        if "hd_tdcs" in reference:
            reference["hd_tdcs_focal"] = reference["hd_tdcs"]
        return reference, best

    def _best(self, bench: Bench, target: Target) -> dict[str, Choice]:
        """Let every technique propose for a target by magnitude alone; the focused montage counts as the strongest."""
        asked = [name for name in self.names if name in CORE and name not in self.skipped]
        names = {"hd_tdcs" if name == "hd_tdcs_focal" else name for name in asked}
        landscape = bench.landscape(target)
        goal = Goal(direction=None, normal=None)
        return {name: choose(bench, name, landscape, goal, thorough=False) for name in sorted(names)}

    def _reach(self, target: Target, reference: dict[str, float], coarse: dict[str, float]) -> dict[str, Reach]:
        """Return what every technique could do for a region, on the coarse grid."""
        bench = self.bench.coarse
        choices = self._best(bench, target)
        fields = bench.conductor.solve([choice.source for choice in choices.values()], tolerance=COARSE_TOLERANCE)
        tissues = target.tissue_in(bench.head)
        return {
            name: Reach(
                best_V_per_m=_magnitude(choice) * reference[name] / coarse[name],
                stronger_elsewhere=stronger_share(field, tissues, _magnitude(choice)),
            )
            for (name, choice), field in zip(choices.items(), fields, strict=True)
        }

    def _records(
        self,
        choices: dict[str, Choice],
        fields: dict[str, Field],
        landscape: Landscape,
        target: Target,
        goal: Goal,
        others: dict[str, Target],
        reference: dict[str, float],
    ) -> tuple[TechniqueRecord, ...]:
        slopes = landscape.sensitivity(list(fields.values()))
        return tuple(
            describe.technique_record(
                self.bench,
                choice,
                fields[name],
                landscape,
                slopes[k],
                target=target,
                goal=goal,
                reference_V_per_m=reference[name],
                off_target_V_per_m=self.bench.magnitudes(fields[name], others),
                protocol=self.protocol,
                didt_A_per_s=self.didt_A_per_s,
            )
            for k, (name, choice) in enumerate(choices.items())
        )

    def _cells(
        self,
        records: tuple[TechniqueRecord, ...],
        fields: dict[str, Field],
        reference: dict[str, float],
        best: dict[str, dict[str, Reach]],
        found: tuple[regions.RegionTarget, ...],
        target: Target,
    ) -> list[MatrixCell]:
        """Return the matrix; the focused montage is left out, being bounded by the strongest one."""
        cells = []
        tissues = target.tissue_in(self.bench.head)
        for record in records:
            name, dose = record.technique, record.dose
            if name == "hd_tdcs_focal":
                continue
            proposed = {item.region: item.magnitude_V_per_m for item in dose.off_target}
            for item in found:
                key = item.region.key
                if item.target is target:
                    here = dose.magnitude_V_per_m
                    reach = Reach(best_V_per_m=here, stronger_elsewhere=stronger_share(fields[name], tissues, here))
                elif key in best and key in proposed:
                    reach, here = best[key][name], proposed[key]
                else:
                    continue
                share = reach.best_V_per_m / reference[name]
                cells.append(
                    MatrixCell(
                        technique=name,
                        region=key,
                        best_V_per_m=describe.number(reach.best_V_per_m),
                        relative_to_reference=describe.number(share),
                        stronger_elsewhere=describe.number(reach.stronger_elsewhere),
                        reached=regions.is_reached(share, reach.stronger_elsewhere),
                        proposed_V_per_m=describe.number(here),
                    )
                )
        return cells

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
            "implant": self.implant.as_asked() if "dbs" in self.names else None,
        }
        self.clock("done", 1.0)
        what = repr(circuit.domain if circuit is not None else target.name)
        said = command or f"assuage.plan(head {self.bench.head.name!r}, {what}, techniques={self.names})"
        return provenance(self.bench, command=said, seconds=self.clock.seconds, asked=asked)


def _magnitude(choice: Choice) -> float:
    return float(np.linalg.norm(choice.mean_e_V_per_m))


def _rule_set() -> RuleSetRecord:
    rules = load_rule_set()
    return RuleSetRecord(name=rules.name, version=rules.version, sha256=rules.sha256)


def _matrix(circuit: Circuit, cells: list[MatrixCell]) -> Matrix:
    return Matrix(
        criterion=regions.CRITERION,
        reference=regions.REFERENCE_NAME,
        threshold=regions.DOSE_SHARE,
        selectivity_threshold=regions.STRONGER_SHARE,
        cells=tuple(cells),
        reached_by_none=regions.reached_by_none(cells),
        without_centroid=tuple(region.key for region in circuit.without_centroid),
    )

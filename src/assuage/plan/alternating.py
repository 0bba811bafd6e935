"""tACS in a plan: two pads for the target, and a montage of many electrodes for one region or two.

In a circuit HD-tACS brings the target's region and the other region that the surface reaches best into phase, and shows
what a quarter cycle and anti-phase would give. All intensities are amplitudes from zero to peak.
"""

import time
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assuage.errors import PlanError, TargetError
from assuage.plan import describe, two_regions
from assuage.plan.bench import LABELS
from assuage.plan.choices import Choice, choose
from assuage.plan.describe import number
from assuage.plan.further import Aim, Made
from assuage.plan.records import (
    Certificate,
    Dose,
    MontageProposal,
    PhaseRecord,
    PhasorRecord,
    RhythmRecord,
    Table,
    TechniqueRecord,
)
from assuage.plan.result import Volume
from assuage.plan.surface_reach import cells
from assuage.safety import worst
from assuage.sources import Montage
from assuage.targets import Target
from assuage.techniques.dose import half_max, spread
from assuage.techniques.hd_tdcs import DISC
from assuage.techniques.patches import FieldMap
from assuage.techniques.phasors import Complex, largest_amplitude, phase_deg
from assuage.techniques.tacs import AMPLITUDE, PhasorField, Wave, example_wave, oriented_peak, solve_phasors
from assuage.units import A_PER_MA

Array = NDArray[np.float64]

QUANTITY = "amplitude of the mean field, zero to peak"
MODEL = (
    "resistive model: frequency does not enter the field, and phases come from the currents alone; permittivity of "
    "tissue is left out"
)
NO_ENTRAINMENT = "whether cells follow the rhythm is not modelled"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Proposed:
    """A montage that alternates.

    Attributes
    ----------
    choice
        Its search; the source holds the currents at the instant at which the target's field has its peak.
    currents_A
        (n,) complex, in the order of the source's electrodes.
    axis
        Direction (3,) in the target whose component has phase 0.
    certificate, tables, phasors, notes, phase
        For the technique's page.
    """

    choice: Choice
    currents_A: Complex
    axis: Array
    certificate: Certificate | None = None
    tables: tuple[Table, ...] = ()
    phasors: tuple[PhasorRecord, ...] = ()
    notes: tuple[str, ...] = ()
    phase: PhaseRecord | None = None


def make_tacs(aim: Aim) -> Made:
    """Plan tACS with the two pads that give the target the largest amplitude.

    Parameters
    ----------
    aim
        Head, target, circuit, and the frequency; None: the example for one region.
    """
    started = time.monotonic()
    proposed = _one_region(aim, "tacs", "tdcs")
    return _Doing(aim, _wave(aim, "one_region"), started, "tdcs").finish(proposed)


def make_hd_tacs(aim: Aim) -> Made:
    """Plan HD-tACS: two regions with a phase difference if the circuit has a second one, else one.

    Parameters
    ----------
    aim
        Head, target, circuit, and what is asked: frequency (None: an example), phase (None: in phase), second place.

    Raises
    ------
    PlanError
        A phase is asked for, and there is no second place.
    SolverError
        The convex solver found no optimum.
    """
    started = time.monotonic()
    other, why = two_regions.partner(aim, aim.surface.alone("hd_tdcs", aim.regions, aim.key))
    if other is not None:
        wave = _wave(aim, "two_regions")
        proposed = _two_regions(aim, other, why, wave)
    elif aim.rhythm.phase_deg is not None:
        raise PlanError(f"a phase of {aim.rhythm.phase_deg:g} degrees needs a second place, but {why}; name one")
    else:
        wave = _wave(aim, "one_region")
        proposed = _one_region(aim, "hd_tacs", "hd_tdcs", why if aim.key else "")
    return _Doing(aim, wave, started, "hd_tdcs").finish(proposed)


def _wave(aim: Aim, example: str) -> Wave:
    """Return what was asked for; the frequency of an example where none was."""
    wave = Wave(frequency_Hz=aim.rhythm.frequency_Hz) if aim.rhythm.frequency_Hz else example_wave(example)
    return replace(wave, phase_deg=aim.rhythm.wished_deg)


def _one_region(aim: Aim, technique: str, search: str, note: str = "") -> Proposed:
    choice = choose(aim.bench, search, aim.landscape, aim.goal)
    assert isinstance(choice.source, Montage)
    mean = choice.mean_e_V_per_m
    axis = next((d for d in (aim.goal.direction, aim.goal.normal) if d is not None), mean / np.linalg.norm(mean))
    return Proposed(
        choice=replace(choice, technique=technique, words=f"{choice.words}; the currents alternate"),
        currents_A=choice.source.currents_A.astype(np.complex128),
        axis=axis,
        notes=(note,) if note else (),
    )


def _two_regions(aim: Aim, other: Target, why: str, wave: Wave) -> Proposed:
    bench = aim.bench
    found = two_regions.pair(aim, other, why, wave.phase_deg)
    variant = next(item for item in found.variants.values() if item.wished_deg == wave.phase_deg)
    currents = variant.few.currents_A
    sites = list(bench.places.discs.names)
    A = bench.disc_sensitivities(aim.landscape)[[sites.index(name) for name in variant.names]]
    first, second = (target.name for target in found.targets)
    what = f"the smaller of the amplitudes in {first} and {second}, {variant.label}"
    limits = bench.limits
    return Proposed(
        choice=Choice(
            technique="hd_tacs",
            source=Montage(dict(zip(variant.names, map(float, currents.real), strict=True)), shape=DISC),
            mean_e_V_per_m=oriented_peak(currents @ A),
            candidates=len(sites),
            evaluated=len(found.variants),
            seconds=0.0,
            words=f"all currents and phases of {len(sites)} electrodes for {what}; {why}",
        ),
        currents_A=currents,
        axis=found.directions[0],
        certificate=Certificate(
            problem=f"maximise {what}, along the directions stated; {1e3 * limits.total_A:g} mA in all, "
            f"{1e3 * limits.electrode_A:g} mA each, zero to peak",
            solver="Clarabel by CVXPY",
            status=variant.full.status,
            primal_V_per_m=number(variant.full.value_V_per_m),
            dual_V_per_m=number(variant.full.dual_V_per_m),
            gap_V_per_m=number(variant.full.gap_V_per_m),
            gap_relative=number(variant.full.gap_V_per_m / variant.full.dual_V_per_m),
            realised_V_per_m=number(variant.few.value_V_per_m),
            directions=1,
        ),
        tables=(two_regions.variants_table(found), two_regions.electrodes_table(found)),
        phasors=two_regions.phasor_records(found),
        phase=PhaseRecord(
            region=first,
            partner=second,
            partner_because=why.removeprefix(f"partner: {second}, "),
            wanted_deg=wave.phase_deg,
            asked=aim.rhythm.phase_deg is not None,
            reached_deg=two_regions.degrees(variant.difference_deg),
            spread_deg=two_regions.degrees(variant.spread_deg),
        ),
        notes=(
            *(f"{target.name}: {how}" for target, how in zip(found.targets, found.hows, strict=True)),
            "whatever directions and phases, no currents give both regions more than "
            f"{found.free_bound_V_per_m:.3g} V/m",
        ),
    )


@dataclass(frozen=True, eq=False)
class _Doing:
    """What both techniques do with their proposal: solve it, and describe it."""

    aim: Aim
    wave: Wave
    started: float
    search: str
    """Of direct currents: what the technique could do for a region alone, and its reference."""

    @cached_property
    def reference_V_per_m(self) -> float:
        """Best magnitude in the reference cortex."""
        return self.aim.surface.reference_V_per_m(self.search)

    def finish(self, proposed: Proposed) -> Made:
        """Solve and describe."""
        aim, source = self.aim, proposed.choice.source
        assert isinstance(source, Montage)
        solved = solve_phasors(
            aim.bench.conductor, source.labels, proposed.currents_A, shape=source.electrodes[0].shape
        )
        amplitudes = solved.amplitude_map()
        record = self._record(proposed, solved, amplitudes)
        alone = aim.surface.alone(self.search, aim.regions, aim.key)
        technique = record.technique
        peak_A = number(np.abs(proposed.currents_A).sum() / 2)
        here = {aim.key: record.dose.magnitude_V_per_m} | {
            item.region: item.magnitude_V_per_m for item in record.dose.off_target
        }
        return Made(
            record=record,
            volume=Volume(
                array=amplitudes.magnitude_V_per_m.astype(np.float32),
                affine=amplitudes.affine,
                says=f"{AMPLITUDE}, in V/m, of {LABELS[technique]} at the reference intensity",
            ),
            # in line, the amplitude is the field of the real currents: read by the same functional as tDCS
            values=solved.real if solved.imaginary is None else amplitudes,
            quantities={"total_current_A": peak_A, "peak_current_A": peak_A, "frequency_Hz": self.wave.frequency_Hz},
            cells=cells(technique, alone, self.reference_V_per_m, here),
        )

    def _record(self, proposed: Proposed, solved: PhasorField, amplitudes: FieldMap) -> TechniqueRecord:
        aim, bench, wave = self.aim, self.aim.bench, self.wave
        total_A = float(np.abs(proposed.currents_A).sum() / 2)
        choice = replace(
            proposed.choice,
            seconds=time.monotonic() - self.started,
            intensity=f"{total_A / A_PER_MA:.4g} mA, {wave.frequency_Hz:g} Hz",
            notes=(
                *proposed.notes, MODEL, NO_ENTRAINMENT,
                "intensities are amplitudes from zero to peak",
            ),
            tables=(*proposed.tables, two_regions.regions_table(aim, solved, proposed.axis)),
        )  # fmt: skip
        off_target = {}
        for key, target in aim.others.items():
            with suppress(TargetError):
                off_target[key] = float(largest_amplitude(solved.mean_over(bench.read_out(target))))
        record = describe.technique_record(
            bench,
            choice,
            solved.real,
            aim.landscape,
            aim.landscape.sensitivity([solved.real])[0],
            target=aim.target,
            goal=aim.goal,
            reference_V_per_m=self.reference_V_per_m,
            off_target_V_per_m=off_target,
            protocol=aim.protocol,
            didt_A_per_s=None,
        )
        assert isinstance(record.proposal, MontageProposal)
        proposal = self._proposal(record.proposal, proposed)
        verdicts = describe.verdict_records(self._asked(record.technique, proposal, amplitudes))
        return record.model_copy(
            update={
                "proposal": proposal,
                "dose": self._dose(record.dose, solved, amplitudes, total_A),
                "verdicts": verdicts,
                "worst_verdict": worst(verdict.outcome for verdict in verdicts),
                "phasors": proposed.phasors,
                "rhythm": RhythmRecord(
                    frequency_Hz=wave.frequency_Hz, frequency_source=wave.says, phase=proposed.phase
                ),
            }
        )

    def _proposal(self, said: MontageProposal, proposed: Proposed) -> MontageProposal:
        """Return the electrodes with amplitude and phase instead of a signed current."""
        currents = proposed.currents_A
        source = proposed.choice.source
        assert isinstance(source, Montage)
        electrodes = tuple(
            electrode.model_copy(
                update={
                    "current_A": number(abs(current)),
                    "phase_deg": number(phase_deg(current)) + 0.0,
                    "carrier_Hz": self.wave.frequency_Hz,
                }
            )
            for electrode, current in zip(said.electrodes, currents, strict=True)
        )
        shapes = " and ".join(dict.fromkeys(electrode.shape for electrode in electrodes))
        return said.model_copy(
            update={
                "electrodes": electrodes,
                "total_current_A": number(np.abs(currents).sum() / 2),
                "largest_current_A": number(np.abs(currents).max()),
                "certificate": proposed.certificate or said.certificate,
                "words": f"{self.wave.frequency_Hz:g} Hz, amplitudes zero to peak: "
                f"{two_regions.electrode_words(source.labels, currents)} ({shapes}).",
            }
        )

    def _asked(self, technique: str, proposal: MontageProposal, amplitudes: FieldMap) -> dict[str, Any]:
        """Return what the cited limits look at; the peak of the wave is what they are held against."""
        reached = spread(amplitudes, self.aim.target.tissue_in(self.aim.bench.head))
        return {
            **self.aim.protocol,
            "technique": technique,
            "total_current_A": proposal.total_current_A,
            "peak_current_A": proposal.total_current_A,
            "frequency_Hz": self.wave.frequency_Hz,
            "skin_density_A_per_m2": max(e.current_A / (e.area_mm2 * 1e-6) for e in proposal.electrodes),
            "brain_density_A_per_m2": reached.brain_density_A_per_m2,
        }

    def _dose(self, dose: Dose, solved: PhasorField, amplitudes: FieldMap, total_A: float) -> Dose:
        """Return the dose read from the amplitudes; for currents in line only its name changes."""
        named = {"quantity": QUANTITY, "current_A": number(total_A)}
        if solved.imaginary is None:
            return dose.model_copy(update=named)
        bench, target, goal = self.aim.bench, self.aim.target, self.aim.goal
        mean = solved.mean_over(bench.read_out(target))
        magnitude = float(largest_amplitude(mean))
        peak_V_per_m, volume_mm3 = half_max(amplitudes, target.tissue_in(bench.head))
        return dose.model_copy(
            update={
                **named,
                "mean_e_V_per_m": describe.point(oriented_peak(mean)),
                "magnitude_V_per_m": number(magnitude),
                "component_V_per_m": None if goal.direction is None else number(abs(mean @ goal.direction)),
                "normal_V_per_m": None if goal.normal is None else number(abs(mean @ goal.normal)),
                "e99_V_per_m": number(peak_V_per_m),
                "target_over_e99": number(magnitude / peak_V_per_m),
                "half_max_volume_mm3": number(volume_mm3),
                "relative_to_reference": number(magnitude / self.reference_V_per_m),
            }
        )

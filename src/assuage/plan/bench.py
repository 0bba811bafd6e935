"""The workbench of one plan: places, conductor and electrodes of one head, set up once and used for every target."""

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from assuage.errors import PlanError, TargetError
from assuage.field import Conductor, Field, Landscape, ReadOut
from assuage.field.solver import RELATIVE_TOLERANCE
from assuage.head import Head
from assuage.plan.asking import check_number
from assuage.plan.records import Table
from assuage.plan.regions import reference_target
from assuage.protocols.courses import COIL_COURSES, coil_course, combined_course
from assuage.sources import Coil, Disc, Montage, Pad, PlacedCoil
from assuage.targets import Target
from assuage.techniques import off_target, optimise
from assuage.techniques.electrodes import ElectrodeSet, electrode_set, injections, sensitivities
from assuage.techniques.goal import Goal
from assuage.techniques.hd_tdcs import DISC, Rings, best_ring, rings
from assuage.techniques.scalp import Scalp
from assuage.techniques.tdcs import PADS, best_pair
from assuage.techniques.tms import UNIT_DIDT_A_PER_S, CoilSite, PoseChoice, best_pose, coil_site

Array = NDArray[np.float64]

CORE = ("tms", "tdcs", "hd_tdcs_4x1", "hd_tdcs", "hd_tdcs_focal")
"""Techniques whose proposal is found by the adjoint of any target, so that every region can be asked for."""
COURSES = COIL_COURSES
"""What the field of the coil is repeated as: one field, several courses."""
COMBINATIONS = ("tdcs_rtms",)
"""Two techniques in one course: two doses, no field of its own."""
TECHNIQUES = (*CORE, *COURSES, "tacs", "hd_tacs", "ti", "ect", "mst", "dbs", *COMBINATIONS)

LABELS = {
    "tms": "TMS",
    "tdcs": "tDCS, two pads",
    "hd_tdcs_4x1": "HD-tDCS 4x1",
    "hd_tdcs": "HD-tDCS, strongest",
    "hd_tdcs_focal": "HD-tDCS, focused",
    "tacs": "tACS, two pads",
    "hd_tacs": "HD-tACS",
    "ti": "Temporal interference",
    "ect": "ECT",
    "mst": "MST",
    "dbs": "DBS",
    **{name: coil_course(name).label for name in COURSES},
    "tdcs_rtms": combined_course().label,
}

ALIASES = {
    "all": TECHNIQUES,
    "tms": ("tms", *COURSES),
    "rtms": COURSES[:2],
    "tbs": ("itbs", "ctbs"),
    "tes": CORE[1:],
    "hd-tdcs": CORE[2:],
    "4x1": ("hd_tdcs_4x1",),
    "hd-tdcs-4x1": ("hd_tdcs_4x1",),
    "hd-tdcs-focal": ("hd_tdcs_focal",),
}
"""What a user may write; "hd-tdcs": the 4x1 ring and both optimised montages, "tms": the coil with all its courses."""

NEEDS = {**{name: ("tms",) for name in COURSES}, "tdcs_rtms": ("tms", "rtms_10hz", "tdcs")}
"""What a technique is made of, planned with it."""


COARSE_SPACING_MM = 10.0
COARSE_ANGLE_DEG = 15.0
"""First pass of the coil search for the regions of a circuit; its best pose is refined as usual."""

ELECTRODE_LIMIT_SHARE = 0.5
"""One electrode of an optimised montage carries at most this share of the total (a working choice)."""

MAX_ELECTRODES = 8
"""Channels of common HD stimulators; the optimum is solved again on this many (a working choice)."""

COARSE_TOLERANCE = 1e-4
"""Relative residual of what is solved on the coarse grid: two digits better than the grid itself."""

FOCAL_SHARE = 0.5
"""The focused montage makes at most this share of the off-target field of the strongest one (a working choice)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a plan is made with."""

    voxel_mm: float = 2.0
    current_A: float = 2e-3
    hair_mm: float = 4.0
    spacing_mm: float = 5.0
    angle_step_deg: float = 5.0
    coarse_voxel_mm: float = 4.0
    draws: int = 400
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse what no plan can be made with."""
        for item in fields(self):
            check_number(item.name, getattr(self, item.name))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Choice:
    """What one technique proposes for one target.

    Attributes
    ----------
    technique
        Its name.
    source
        Coil or montage at the reference intensity (1 A/us, or the plan's current).
    mean_e_V_per_m
        (3,) at the reference intensity, by the adjoint.
    candidates, evaluated, seconds, words
        How it was found.
    pose
        Of a coil.
    optimum
        Of an optimised montage: the certified optimum over all electrodes.
    problem
        Its objective and limits in words.
    site
        Of a coil other than the plan's.
    intensity, quantities
        In words, and what the cited limits look at, where the technique brings its own.
    notes, tables
        For the technique's page.
    placement
        Name of a standard placement of electrodes.
    """

    technique: str
    source: PlacedCoil | Montage
    mean_e_V_per_m: Array
    candidates: int
    evaluated: int
    seconds: float
    words: str
    pose: PoseChoice | None = None
    optimum: optimise.Optimum | None = None
    problem: str = ""
    site: CoilSite | None = None
    intensity: str = ""
    quantities: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    tables: tuple[Table, ...] = ()
    placement: str = ""


@dataclass(frozen=True, eq=False)
class Places:
    """Where coil and electrodes of a plan may go on one head; the same for every grid and target."""

    head: Head
    coil: Coil
    settings: Settings

    @cached_property
    def scalp(self) -> Scalp:
        """The scalp."""
        return Scalp(self.head)

    @cached_property
    def condensed(self) -> Coil:
        """The coil with fewer dipoles, for searches."""
        return self.coil.condensed()

    @cached_property
    def coil_site(self) -> CoilSite:
        """All poses of the coil."""
        return self._coil_site(self.settings.spacing_mm, self.settings.angle_step_deg)

    @cached_property
    def coarse_site(self) -> CoilSite:
        """Fewer poses, for the regions of a circuit."""
        s = self.settings
        return self._coil_site(max(COARSE_SPACING_MM, s.spacing_mm), max(COARSE_ANGLE_DEG, s.angle_step_deg))

    def _coil_site(self, spacing_mm: float, angle_step_deg: float) -> CoilSite:
        return coil_site(
            self.scalp,
            self.coil,
            condensed=self.condensed,
            spacing_mm=spacing_mm,
            angle_step_deg=angle_step_deg,
            hair_mm=self.settings.hair_mm,
        )

    @cached_property
    def discs(self) -> ElectrodeSet:
        """A disc on every site."""
        return electrode_set(self.scalp, DISC)

    @cached_property
    def rings(self) -> Rings:
        """4x1 rings of the discs."""
        return rings(self.discs)

    @cached_property
    def _references(self) -> dict[float, Target]:
        return {}

    def reference_target(self, radius_mm: float) -> Target:
        """Return the cortex under C3, the same object for every call with a radius."""
        if radius_mm not in self._references:
            self._references[radius_mm] = reference_target(self.head, radius_mm)
        return self._references[radius_mm]

    @cached_property
    def pads(self) -> dict[Pad, ElectrodeSet]:
        """Pads on every site, by size."""
        return {pad: electrode_set(self.scalp, pad) for pad in PADS}


@dataclass(frozen=True, eq=False)
class Bench:
    """A head on one grid: its conductor and the electrodes of its places."""

    places: Places
    voxel_mm: float

    @property
    def head(self) -> Head:
        """The head."""
        return self.places.head

    @property
    def coil(self) -> Coil:
        """The coil."""
        return self.places.coil

    @property
    def settings(self) -> Settings:
        """The settings of the plan."""
        return self.places.settings

    @cached_property
    def conductor(self) -> Conductor:
        """The conductor."""
        return Conductor(self.head, self.voxel_mm)

    @cached_property
    def _readings(self) -> dict[int, tuple[Target, ReadOut]]:
        return {}

    def read_out(self, target: Target) -> ReadOut:
        """Return the read-out of a target on this grid; every field of a plan is read by the same ones."""
        if id(target) not in self._readings:
            self._readings[id(target)] = (target, self.conductor.read_out(target))
        return self._readings[id(target)][1]

    @cached_property
    def _landscapes(self) -> dict[int, tuple[Target, Landscape]]:
        return {}

    def landscape(self, target: Target) -> Landscape:
        """Return the adjoint of a target on this grid, solved once; on the coarse grid to `COARSE_TOLERANCE`."""
        if id(target) not in self._landscapes:
            tolerance = RELATIVE_TOLERANCE if self.voxel_mm == self.settings.voxel_mm else COARSE_TOLERANCE
            self._landscapes[id(target)] = (target, Landscape.of(self.conductor, target, tolerance=tolerance))
        return self._landscapes[id(target)][1]

    def magnitudes(self, field: Field, targets: Mapping[str, Target]) -> dict[str, float]:
        """Return the magnitude of the mean field in each target, V/m; targets that this grid misses are left out."""
        found = {}
        for key, target in targets.items():
            with suppress(TargetError):
                found[key] = float(np.linalg.norm(field.mean_over(self.read_out(target))))
        return found

    @cached_property
    def coarse(self) -> "Bench":
        """The same places on the coarse grid, for off-target field and regions; never finer than the plan's."""
        voxel_mm = max(self.settings.coarse_voxel_mm, self.voxel_mm)
        return self if voxel_mm == self.voxel_mm else Bench(self.places, voxel_mm)

    @cached_property
    def _disc_injections(self) -> csr_array:
        return injections(self.conductor, self.places.discs.contacts)

    @cached_property
    def _pad_injections(self) -> dict[Pad, csr_array]:
        return {pad: injections(self.conductor, pads.contacts) for pad, pads in self.places.pads.items()}

    def disc_sensitivities(self, landscape: Landscape) -> Array:
        """Return the sensitivity (n, 3) of a target to the disc on every site, V/m per A."""
        return sensitivities(landscape, self._disc_injections)

    def pad_sensitivities(self, landscape: Landscape) -> dict[Pad, Array]:
        """Return the sensitivities (n, 3) of a target to the pads on every site, V/m per A."""
        return {pad: sensitivities(landscape, injected) for pad, injected in self._pad_injections.items()}

    @property
    def limits(self) -> optimise.Limits:
        """Limits of optimised montages."""
        total = self.settings.current_A
        return optimise.Limits(total_A=total, electrode_A=ELECTRODE_LIMIT_SHARE * total)

    def lead_field(
        self, tissues: frozenset[str], progress: Callable[[float], None] | None = None
    ) -> tuple[Array, NDArray[np.float32]]:
        """Return the lead field of the discs on this grid."""
        return off_target.lead_field(self.conductor, self.places.discs, DISC, tissues=tissues, progress=progress)


def resolve_techniques(techniques: tuple[str, ...] | None) -> tuple[str, ...]:
    """Return the techniques meant and what they are made of, in the package's order.

    Raises
    ------
    PlanError
        An unknown name.
    """
    if techniques is None:
        return TECHNIQUES
    wanted: set[str] = set()
    for name in techniques:
        key = name.strip().lower()
        if key in ALIASES:
            wanted |= set(ALIASES[key])
        elif key.replace("-", "_") in TECHNIQUES:
            wanted.add(key.replace("-", "_"))
        else:
            known = ", ".join([*TECHNIQUES, *(alias for alias in ALIASES if alias not in TECHNIQUES)])
            raise PlanError(f"technique {name!r} is unknown; choose from {known}")
    if not wanted:
        raise PlanError("no technique was named; leave techniques out for all of them")
    wanted |= {part for name in wanted for part in NEEDS.get(name, ())}
    return tuple(name for name in TECHNIQUES if name in wanted)


def choose(bench: Bench, technique: str, landscape: Landscape, goal: Goal, *, thorough: bool = True) -> Choice:
    """Let one technique propose for one target; `hd_tdcs_focal` is `choose_focal`.

    Parameters
    ----------
    bench, technique, landscape, goal
        Head, technique, target and what counts in it.
    thorough
        The full coil search; else the coarse one and its refinement.

    Raises
    ------
    PlanError
        The technique has no place on this head.
    """
    started = time.monotonic()
    if technique == "tms":
        choice = _choose_tms(bench, landscape, goal, thorough=thorough)
    elif technique == "tdcs":
        pair = best_pair(
            bench.pad_sensitivities(landscape), goal, bench.places.pads, current_A=bench.settings.current_A
        )
        choice = Choice(
            technique=technique, source=pair.montage, mean_e_V_per_m=pair.mean_e_V_per_m, candidates=pair.pairs,
            evaluated=pair.pairs, seconds=0.0, words="every pair of 10-10 sites, pads of 50 x 70 and 50 x 50 mm",
        )  # fmt: skip
    elif technique == "hd_tdcs_4x1":
        ring = best_ring(
            bench.disc_sensitivities(landscape), goal, bench.places.discs, bench.places.rings,
            current_A=bench.settings.current_A,
        )  # fmt: skip
        choice = Choice(
            technique=technique, source=ring.montage, mean_e_V_per_m=ring.mean_e_V_per_m, candidates=ring.rings,
            evaluated=ring.rings, seconds=0.0, words="every 10-10 site that four others surround",
        )  # fmt: skip
    else:
        choice = _choose_strongest(bench, landscape, goal)
    return replace(choice, seconds=time.monotonic() - started)


def choose_focal(
    bench: Bench, landscape: Landscape, goal: Goal, target: Target, lead: tuple[Array, NDArray[np.float32]]
) -> Choice:
    """Let the optimised montage propose with a limit on the field elsewhere.

    Parameters
    ----------
    bench, landscape, goal, target
        Head, target and what counts in it.
    lead
        Points and field of `Bench.lead_field` in the target's tissue.
    """
    started = time.monotonic()
    A = bench.disc_sensitivities(landscape)
    strongest = _oriented(optimise.maximise(A, goal.direction, bench.limits), goal)
    R = off_target.root_mean_square_matrix(*lead, target)
    before = float(np.linalg.norm(R @ strongest.currents_A))
    limit = optimise.OffTarget(R=R, limit_V_per_m=FOCAL_SHARE * before)
    choice = _optimised(bench, A, goal, limit, technique="hd_tdcs_focal")
    share = float(np.linalg.norm(strongest.mean_e_V_per_m))
    words = (
        f"root mean square field off target limited to {limit.limit_V_per_m:.3g} V/m, {FOCAL_SHARE:g} of that of the "
        f"strongest montage, which makes {share:.3g} V/m in the target"
    )
    return replace(choice, seconds=time.monotonic() - started, words=f"{choice.words}; {words}")


def _choose_tms(bench: Bench, landscape: Landscape, goal: Goal, *, thorough: bool) -> Choice:
    site = bench.places.coil_site if thorough else bench.places.coarse_site
    pose = best_pose(landscape, goal, site)
    return Choice(
        technique="tms",
        source=bench.coil.at(pose.pose, didt_A_per_s=UNIT_DIDT_A_PER_S),
        mean_e_V_per_m=pose.mean_e_V_per_m,
        candidates=pose.candidates,
        evaluated=pose.evaluated,
        seconds=0.0,
        words=f"{len(site.places_mm)} places on the scalp, all turns, then the neighbourhood of the best",
        pose=pose,
    )


def _choose_strongest(bench: Bench, landscape: Landscape, goal: Goal) -> Choice:
    A = bench.disc_sensitivities(landscape)
    return _optimised(bench, A, goal, None, technique="hd_tdcs")


def _optimised(bench: Bench, A: Array, goal: Goal, limit: optimise.OffTarget | None, *, technique: str) -> Choice:
    limits = bench.limits
    full = optimise.maximise(A, goal.direction, limits, limit)
    few, keep = optimise.restrict(A, full, goal.direction, limits, limit, MAX_ELECTRODES)
    few = _oriented(few, goal)
    names = [bench.places.discs.names[k] for k in keep]
    carrying = np.abs(few.currents_A) >= optimise.CURRENT_RESOLUTION_A
    montage = Montage(
        {name: float(amps) for name, amps, on in zip(names, few.currents_A, carrying, strict=True) if on},
        shape=Disc(DISC.radius_mm),
    )
    problem = (
        f"maximise the {'component' if goal.direction is not None else 'magnitude'} of the mean target field over "
        f"{len(A)} electrodes; {1e3 * limits.total_A:g} mA in all, {1e3 * limits.electrode_A:g} mA each"
        + (f"; off-target field at most {limit.limit_V_per_m:.4g} V/m" if limit is not None else "")
    )
    return Choice(
        technique=technique,
        source=montage,
        mean_e_V_per_m=few.mean_e_V_per_m,
        candidates=len(A),
        evaluated=full.directions,
        seconds=0.0,
        words=(
            f"all currents of {len(A)} electrodes ({full.primal_V_per_m:.4g} V/m, bound {full.dual_V_per_m:.4g}), then "
            f"on the {int(carrying.sum())} that carry most, in steps of 1 uA"
        ),
        optimum=full,
        problem=problem,
    )


def _oriented(optimum: optimise.Optimum, goal: Goal) -> optimise.Optimum:
    if goal.direction is not None or goal.polarity(optimum.mean_e_V_per_m) > 0:
        return optimum
    return replace(optimum, currents_A=-optimum.currents_A, mean_e_V_per_m=-optimum.mean_e_V_per_m)

"""The workbench of one plan: places, conductor and electrodes of one head, set up once and used for every target."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, fields
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from assuage.errors import PlanError, TargetError
from assuage.field import Conductor, Field, Landscape, ReadOut
from assuage.field.solver import RELATIVE_TOLERANCE
from assuage.head import Head
from assuage.plan.asking import check_number
from assuage.plan.regions import reference_target
from assuage.protocols.courses import COIL_COURSES, coil_course, combined_course
from assuage.sources import Coil, Pad
from assuage.targets import Target
from assuage.techniques import off_target, optimise
from assuage.techniques.electrodes import ElectrodeSet, electrode_set, injections, sensitivities
from assuage.techniques.hd_tdcs import DISC, Rings, rings
from assuage.techniques.scalp import Scalp
from assuage.techniques.tdcs import PADS
from assuage.techniques.tms import CoilSite, coil_site

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

COARSE_TOLERANCE = 1e-4
"""Relative residual of what is solved on the coarse grid: two digits better than the grid itself."""


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

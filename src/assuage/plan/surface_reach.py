"""What a montage or a coil optimised for one region alone could do for it: the matrix, and the partners of tACS.

Regions are compared with the cortex under C3 on the coarse grid, where both are known alike, and the ratio is scaled by
the reference of the plan's grid. Direct and alternating currents share the searches, so nothing is solved twice.
"""

from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from assuage.errors import TargetError
from assuage.field import Field
from assuage.plan.bench import COARSE_TOLERANCE, Bench
from assuage.plan.choices import choose
from assuage.plan.matrix import matrix_cell
from assuage.plan.records import MatrixCell, TechniqueRecord
from assuage.plan.regions import RegionTarget
from assuage.targets import Target
from assuage.techniques.dose import stronger_share
from assuage.techniques.goal import Goal

ANY_DIRECTION = Goal(direction=None, normal=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """Best magnitude in a region, V/m, and the share of its tissue in the head that then gets more."""

    best_V_per_m: float
    stronger_elsewhere: float


@dataclass(frozen=True, eq=False)
class SurfaceReach:
    """What the searches of `bench.CORE` find by magnitude alone; every forward solution is made once.

    Attributes
    ----------
    bench
        The plan's grid; regions are searched on its coarse one.
    radius_mm
        Of the reference cortex: that of the regions.
    """

    bench: Bench
    radius_mm: float

    @property
    def cortex(self) -> Target:
        """The cortex under C3."""
        return self.bench.places.reference_target(self.radius_mm)

    @cached_property
    def _best(self) -> dict[tuple[str, float, int], float]:
        return {}

    @cached_property
    def _reaches(self) -> dict[tuple[str, int], Reach]:
        return {}

    def reference_V_per_m(self, search: str) -> float:
        """Return the best magnitude in the cortex under C3, V/m, on the plan's grid.

        Raises
        ------
        PlanError
            The search has no place on this head.
        """
        return self._magnitude(self.bench, search, self.cortex)

    def coarse_V_per_m(self, search: str) -> float:
        """Return the same on the coarse grid."""
        return self._magnitude(self.bench.coarse, search, self.cortex)

    def of(self, searches: Collection[str], regions: Mapping[str, Target]) -> dict[str, dict[str, Reach]]:
        """Return region's key -> search -> reach; what is not known yet is solved together.

        Parameters
        ----------
        searches
            Names out of `bench.CORE` that `bench.choose` knows.
        regions
            By key; a region that the coarse grid misses is left out.
        """
        bench, open_ = self.bench.coarse, {}
        found = {}
        for key, target in regions.items():
            with suppress(TargetError):
                landscape = bench.landscape(target)
                for search in searches:
                    if (search, id(target)) not in self._reaches:
                        open_[search, key] = choose(bench, search, landscape, ANY_DIRECTION, thorough=False)
                found[key] = target
        fields = bench.conductor.solve([choice.source for choice in open_.values()], tolerance=COARSE_TOLERANCE)
        for ((search, key), choice), field in zip(open_.items(), fields, strict=True):
            magnitude = float(np.linalg.norm(choice.mean_e_V_per_m))
            self._reaches[search, id(regions[key])] = Reach(
                best_V_per_m=magnitude * self.reference_V_per_m(search) / self.coarse_V_per_m(search),
                stronger_elsewhere=stronger_share(field, regions[key].tissue_in(bench.head), magnitude),
            )
        return {key: {s: self._reaches[s, id(target)] for s in searches} for key, target in found.items()}

    def alone(self, search: str, regions: Mapping[str, Target], own: str) -> dict[str, Reach]:
        """Return the reach of one search by region's key; the plan's own region is searched on the plan's grid."""
        found = {key: reach[search] for key, reach in self.of((search,), regions).items()}
        if own in found:
            best = self._magnitude(self.bench, search, regions[own])
            found[own] = replace(found[own], best_V_per_m=best)
        return found

    def _magnitude(self, bench: Bench, search: str, target: Target) -> float:
        key = (search, bench.voxel_mm, id(target))
        if key not in self._best:
            choice = choose(bench, search, bench.landscape(target), ANY_DIRECTION, thorough=False)
            self._best[key] = float(np.linalg.norm(choice.mean_e_V_per_m))
        return self._best[key]


def cells(
    technique: str, alone: Mapping[str, Reach], reference: float, proposed_V_per_m: Mapping[str, float]
) -> tuple[MatrixCell, ...]:
    """Return the column of a technique in the matrix.

    Parameters
    ----------
    technique, alone, reference
        Its name, what it could do for each region, and its best in the reference cortex, V/m.
    proposed_V_per_m
        What the proposal of the plan gives to each region.
    """
    return tuple(
        matrix_cell(
            technique,
            key,
            best_V_per_m=reach.best_V_per_m,
            reference_V_per_m=reference,
            stronger_elsewhere=reach.stronger_elsewhere,
            proposed_V_per_m=proposed_V_per_m[key],
        )
        for key, reach in alone.items()
        if key in proposed_V_per_m
    )


def core_cells(
    bench: Bench,
    records: tuple[TechniqueRecord, ...],
    fields: dict[str, Field],
    reference: dict[str, float],
    best: dict[str, dict[str, Reach]],
    found: tuple[RegionTarget, ...],
    target: Target,
) -> list[MatrixCell]:
    """Return the matrix; the focused montage is left out, being bounded by the strongest one."""
    cells = []
    tissues = target.tissue_in(bench.head)
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
            cells.append(
                matrix_cell(
                    name,
                    key,
                    best_V_per_m=reach.best_V_per_m,
                    reference_V_per_m=reference[name],
                    stronger_elsewhere=reach.stronger_elsewhere,
                    proposed_V_per_m=here,
                )
            )
    return cells

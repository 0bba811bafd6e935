"""What a montage optimised for one region alone could do for each region of a circuit.

As for the plan's own montages: regions are compared with the cortex under C3 on the coarse grid, where both are known
alike, and the ratio is scaled by the reference of the plan's grid.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace

import numpy as np

from assuage.errors import TargetError
from assuage.plan.bench import COARSE_TOLERANCE, Bench
from assuage.plan.choices import choose
from assuage.plan.describe import number
from assuage.plan.further import Aim
from assuage.plan.records import MatrixCell
from assuage.plan.regions import is_reached
from assuage.targets import Target
from assuage.targets.coordinate import DEFAULT_RADIUS_MM
from assuage.techniques.dose import stronger_share
from assuage.techniques.goal import Goal


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """Best magnitude in a region, V/m, and the share of its tissue in the head that then gets more."""

    best_V_per_m: float
    stronger_elsewhere: float


def reference_V_per_m(aim: Aim, search: str) -> float:
    """Return the best magnitude that a search of `bench.CORE` finds in the cortex under C3, V/m."""
    return _best(aim.bench, aim.bench.places.reference_target(_radius_mm(aim)), search)


def reach_alone(aim: Aim, search: str, reference: float) -> dict[str, Reach]:
    """Return what a search of `bench.CORE` could do for every region, by key; what the grid misses is left out.

    The target's own region is searched on the plan's grid, as for every technique.

    Parameters
    ----------
    aim, search
        The circuit, and the technique whose search is used.
    reference
        `reference_V_per_m` of the same search.
    """
    if not aim.key:
        return {}
    bench = aim.bench.coarse
    scale = reference / _best(bench, bench.places.reference_target(_radius_mm(aim)), search)
    choices = {}
    for key, target in aim.regions.items():
        with suppress(TargetError):
            choices[key] = choose(bench, search, bench.landscape(target), Goal(direction=None, normal=None))
    fields = bench.conductor.solve([choice.source for choice in choices.values()], tolerance=COARSE_TOLERANCE)
    found = {}
    for (key, choice), field in zip(choices.items(), fields, strict=True):
        magnitude = float(np.linalg.norm(choice.mean_e_V_per_m))
        tissues = aim.regions[key].tissue_in(bench.head)
        stronger = stronger_share(field, tissues, magnitude)
        found[key] = Reach(best_V_per_m=scale * magnitude, stronger_elsewhere=stronger)
    here = choose(aim.bench, search, aim.landscape, Goal(direction=None, normal=None)).mean_e_V_per_m
    if aim.key in found:
        found[aim.key] = replace(found[aim.key], best_V_per_m=float(np.linalg.norm(here)))
    return found


def cells(
    technique: str, alone: Mapping[str, Reach], reference: float, proposed_V_per_m: Mapping[str, float]
) -> tuple[MatrixCell, ...]:
    """Return the column of a technique in the matrix.

    Parameters
    ----------
    technique, alone, reference
        Its name, `reach_alone` and `reference_V_per_m`.
    proposed_V_per_m
        What the proposal of the plan gives to each region.
    """
    return tuple(
        MatrixCell(
            technique=technique,
            region=key,
            best_V_per_m=number(reach.best_V_per_m),
            relative_to_reference=number(reach.best_V_per_m / reference),
            stronger_elsewhere=number(reach.stronger_elsewhere),
            reached=is_reached(reach.best_V_per_m / reference, reach.stronger_elsewhere),
            proposed_V_per_m=number(proposed_V_per_m[key]),
        )
        for key, reach in alone.items()
        if key in proposed_V_per_m
    )


def _best(bench: Bench, target: Target, search: str) -> float:
    found = choose(bench, search, bench.landscape(target), Goal(direction=None, normal=None))
    return float(np.linalg.norm(found.mean_e_V_per_m))


def _radius_mm(aim: Aim) -> float:
    return aim.target.radius_mm if aim.key else DEFAULT_RADIUS_MM

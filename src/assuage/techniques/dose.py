"""What one solved field delivers: in the target, in the strongest cortex, and how far it spreads."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from assuage.techniques.goal import Goal

if TYPE_CHECKING:
    from assuage.field import Field
    from assuage.head.tissues import Conductivity

Array = NDArray[np.float64]

PEAK_PERCENTILE = 99.0
"""The strongest field of a tissue; the last percent holds the voxels where a grid is least certain."""

EXTREME_PERCENTILE = 99.9
"""Percentile that stands for the peak current density in the brain."""

BRAIN = frozenset({"white_matter", "grey_matter", "lesion"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """Field over the target tissue of the whole head.

    Attributes
    ----------
    e99_V_per_m
        99th percentile of |E|.
    half_max_volume_mm3
        Volume with |E| of at least half of it.
    brain_density_A_per_m2
        Peak current density in the brain.
    """

    e99_V_per_m: float
    half_max_volume_mm3: float
    brain_density_A_per_m2: float


def spread(field: "Field", tissues: frozenset[str]) -> Spread:
    """Measure a field over the tissues of the target, everywhere in the head."""
    tags = [tag for tag, tissue in enumerate(field.tissues) if tissue in tissues]
    magnitude = field.magnitude_V_per_m
    values = magnitude[np.isin(field.labels, tags)]
    e99 = float(np.percentile(values, PEAK_PERCENTILE))
    voxel_mm3 = float(abs(np.linalg.det(field.affine[:3, :3])))
    density = 0.0
    for tag, tissue in enumerate(field.tissues):
        inside = field.labels == tag
        if (tissue in BRAIN or tissue in tissues) and tag > 0 and inside.any():
            peak = float(np.percentile(magnitude[inside], EXTREME_PERCENTILE))
            density = max(density, peak * field.head.conductivity_S_per_m[tissue])
    return Spread(
        e99_V_per_m=e99,
        half_max_volume_mm3=float((values >= e99 / 2).sum() * voxel_mm3),
        brain_density_A_per_m2=density,
    )


def stronger_share(field: "Field", tissues: frozenset[str], magnitude_V_per_m: float) -> float:
    """Return the share of the tissues, over the whole head, whose field is stronger than a value."""
    tags = [tag for tag, tissue in enumerate(field.tissues) if tissue in tissues]
    values = field.magnitude_V_per_m[np.isin(field.labels, tags)]
    return float((values > magnitude_V_per_m).mean())


def conductivity_deviation(
    slopes: Array, tissues: tuple[str, ...], mean_e_V_per_m: Array, goal: Goal, ranges: dict[str, "Conductivity"]
) -> dict[str, float]:
    """Return the standard deviation of the score, V/m, that each tissue's conductivity range causes.

    First order in the conductivity, each uniform over its published range and independent of the others:
    ``|d score / d sigma| (high - low) / sqrt(12)``.

    Parameters
    ----------
    slopes
        (3, t) derivative of the mean field by the conductivity of each tissue, V/m per S/m.
    tissues
        (t,) names.
    mean_e_V_per_m
        (3,) mean field.
    goal
        What counts.
    ranges
        Published ranges; a tissue without one contributes nothing and must be named where this is shown.
    """
    along = goal.slope(mean_e_V_per_m) @ slopes
    return {
        tissue: float(abs(slope) * (ranges[tissue].high - ranges[tissue].low) / np.sqrt(12))
        for tissue, slope in zip(tissues, along, strict=True)
        if tissue in ranges
    }

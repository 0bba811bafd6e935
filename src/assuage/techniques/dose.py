"""What a field delivers inside a target, in the strongest tissue, and how far it spreads; `docs/dose.md` defines each.

With the voxels v and weights w_v of a patch, E_v the vector and |E_v| the size of the field there:

    mean        |sum_v w_v E_v|; of a map of sizes  sum_v w_v |E_v|
    normal      n . sum_v w_v E_v                              n the mean inward cortical normal
    e99         least x with  sum over |E_v| <= x of w_v  >= 0.99
    peak        99th percentile of |E| in the target's tissue of the whole head
    half_max    volume of that tissue where |E| >= peak / 2
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from assuage.errors import DataError
from assuage.techniques.goal import Goal
from assuage.techniques.patches import FieldMap, Patch, check_same_grid

if TYPE_CHECKING:
    from assuage.field import Field
    from assuage.head.tissues import Conductivity

Array = NDArray[np.float64]

PEAK_PERCENTILE = 99.0
"""The strongest field of a tissue; the last percent holds the voxels where a grid is least certain."""

EXTREME_PERCENTILE = 99.9
"""Percentile that stands for the peak current density in the brain."""

SUM_SLACK = 1e-12
"""Rounding of a sum of weights."""

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
        Peak current density in the brain; an upper bound where the tissue has tensors.
    """

    e99_V_per_m: float
    half_max_volume_mm3: float
    brain_density_A_per_m2: float


def spread(field: "Field | FieldMap", tissues: frozenset[str]) -> Spread:
    """Measure a field over the tissues of the target, everywhere in the head."""
    peak_of_tissue, volume_mm3 = half_max(field, tissues)
    sigma = field.largest_S_per_m
    if sigma is None:
        raise DataError("the map does not know the conductivity of its voxels; make it with FieldMap.on")
    densities = field.magnitude_V_per_m * sigma
    density = 0.0
    for tag, tissue in enumerate(field.tissues):
        inside = field.labels == tag
        if (tissue in BRAIN or tissue in tissues) and tag > 0 and inside.any():
            density = max(density, float(np.percentile(densities[inside], EXTREME_PERCENTILE)))
    return Spread(e99_V_per_m=peak_of_tissue, half_max_volume_mm3=volume_mm3, brain_density_A_per_m2=density)


def half_max(values: "FieldMap | Field", tissues: frozenset[str]) -> tuple[float, float]:
    """Return the 99th percentile of |E| over tissues of the whole map, V/m, and the volume with half of it, mm3."""
    sizes = _sizes_of(values, tissues)
    peak = float(np.percentile(sizes, PEAK_PERCENTILE))
    voxel_mm3 = float(abs(np.linalg.det(values.affine[:3, :3])))
    return peak, float((sizes >= peak / 2).sum() * voxel_mm3)


def stronger_share(values: "FieldMap | Field", tissues: frozenset[str], magnitude_V_per_m: float) -> float:
    """Return the share of the tissues, over the whole map, whose field is stronger than a value."""
    return float((_sizes_of(values, tissues) > magnitude_V_per_m).mean())


def _sizes_of(values: "FieldMap | Field", tissues: frozenset[str]) -> NDArray[np.floating]:
    tags = [tag for tag, tissue in enumerate(values.tissues) if tissue in tissues]
    return values.magnitude_V_per_m[np.isin(values.labels, tags)]


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


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TargetDose:
    """The field inside a target.

    Attributes
    ----------
    mean_V_per_m
        Magnitude of the mean vector; of a map of sizes, their mean.
    mean_is
        Which of the two, in words.
    mean_e_V_per_m
        (3,) mean vector; None for sizes.
    normal_V_per_m
        Its component along the mean inward normal; None for sizes and where the surfaces cancel.
    mean_size_V_per_m
        Mean of |E|: larger than the magnitude of the mean where the field turns within the target.
    e99_V_per_m
        99th percentile of |E| inside.
    """

    mean_V_per_m: float
    mean_is: str
    mean_e_V_per_m: Array | None
    normal_V_per_m: float | None
    mean_size_V_per_m: float
    e99_V_per_m: float


def target_dose(values: "FieldMap | Field", patch: Patch, *, normal: Array | None = None) -> TargetDose:
    """Measure a map inside a target.

    Parameters
    ----------
    values, patch
        The map, and the target on its grid.
    normal
        (3,) mean inward cortical normal.

    Raises
    ------
    DataError
        The patch belongs to another grid.
    """
    check_same_grid(values, patch)
    sizes = np.asarray(values.magnitude_V_per_m[tuple(patch.index.T)], dtype=np.float64)
    vector = _mean_vector(values, patch)
    mean_size = float(patch.weights @ sizes)
    return TargetDose(
        mean_V_per_m=mean_size if vector is None else float(np.linalg.norm(vector)),
        mean_is="mean size" if vector is None else "magnitude of the mean vector",
        mean_e_V_per_m=vector,
        normal_V_per_m=None if vector is None or normal is None else float(vector @ normal),
        mean_size_V_per_m=mean_size,
        e99_V_per_m=weighted_percentile(sizes, patch.weights, PEAK_PERCENTILE),
    )


def weighted_percentile(values: Array, weights: Array, percent: float) -> float:
    """Return the least of n values up to which at least a percentage of the weights lies."""
    order = np.argsort(values, kind="stable")
    below = np.cumsum(weights[order])
    reached = below >= percent / 100 * below[-1] - SUM_SLACK
    return float(values[order[int(np.argmax(reached))]])


def _mean_vector(values: "FieldMap | Field", patch: Patch) -> Array | None:
    """Return the mean vector (3,) over a patch, or None for a map of sizes."""
    if isinstance(values, FieldMap):
        if not values.is_vector:
            return None
        return np.asarray(patch.weights @ values.values_V_per_m[tuple(patch.index.T)], dtype=np.float64)
    if patch.reading is not None:
        return values.mean_over(patch.reading)
    return np.asarray(patch.weights @ values.e_V_per_m[tuple(patch.index.T)], dtype=np.float64)

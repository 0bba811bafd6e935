"""What more electrodes in each carrier of temporal interference would gain over two pairs.

The montages of two pairs are found by `ti` out of all. From each, arrays are sought (`ti_arrays`) that carry no more
current and make no more depth in the cortex off target, and more in the target: first with every electrode of the lead
field, then with the few that carry most. What is stated is measured on all voxels, with currents in a stimulator's
steps, and is never worse than the two pairs.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from assuage.targets import Target
from assuage.techniques import ti_arrays
from assuage.techniques.optimise import rounded
from assuage.techniques.patches import Patch
from assuage.techniques.ti import SAMPLE, TiField, TiMontage, TiProposal
from assuage.techniques.ti_search import Region

Array = NDArray[np.float64]

COUNTS = (3, 4, 6, 8)
"""Electrodes in each carrier that are compared with the two of a pair."""
FEW = 4
"""Electrodes in each carrier along the front: eight in all, as an HD stimulator drives."""
LEVELS = 6
"""Montages of the front that arrays start from, beside the proposed one."""
FIRST_VOXELS, FIRST_SAMPLE = 80, 1500
"""Voxels in and off target, evenly taken, on which electrodes are picked out of all; their currents then count all."""
SHRINK = 0.9995
"""Step in which rounded currents are reduced until the cortex has no more than before."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TiArrays:
    """Several electrodes in each carrier and what they do, all by the lead field.

    Attributes
    ----------
    electrodes
        How many each carrier may have.
    currents_A
        Of each carrier, by site, zero to peak, positive into the head at one instant; no site is in both.
    target_V_per_m, cortex_V_per_m, cortex_peak_V_per_m
        As of `TiMontage`.
    pairs
        The two pairs that the arrays are compared with: no less in the target, no more in the cortex.
    """

    electrodes: int
    currents_A: tuple[dict[str, float], dict[str, float]]
    target_V_per_m: float
    cortex_V_per_m: float
    cortex_peak_V_per_m: float
    pairs: TiMontage

    @property
    def focality(self) -> float:
        """Depth in the target over the root mean square off target."""
        return self.target_V_per_m / self.cortex_V_per_m

    @property
    def gain(self) -> float:
        """Share by which the depth in the target exceeds that of the pairs."""
        return self.target_V_per_m / self.pairs.target_V_per_m - 1


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TiGain:
    """What more electrodes in each carrier would do.

    Attributes
    ----------
    by_count
        One for each of `COUNTS`, in place of the proposed two pairs; none is worse than one with fewer electrodes.
    front
        `FEW` electrodes in each carrier in place of montages along the front, the largest depth first.
    """

    by_count: tuple[TiArrays, ...]
    front: tuple[TiArrays, ...]

    @property
    def few(self) -> TiArrays:
        """The arrays of `FEW` electrodes in place of the proposed two pairs."""
        return self.by_count[COUNTS.index(FEW)]


def more_electrodes(
    field: TiField,
    found: TiProposal,
    patch: Patch,
    target: Target,
    *,
    direction: Array | None = None,
    progress: Callable[[float], None] | None = None,
) -> TiGain:
    """Return what more electrodes in each carrier would do.

    Parameters
    ----------
    field, found
        The lead field, and what `TiField.propose` found on it.
    patch, target, direction
        As there.
    progress
        Called with the fraction done.

    Raises
    ------
    SolverError
        The convex solver found no optimum.
    """
    near, far = field.near(patch, direction), field.off_target(target)
    every = _Places(field, patch, far, direction)
    away, coarse = field.sample(far, SAMPLE, direction), field.sample(far, FIRST_SAMPLE, direction)
    few = _some(near, FIRST_VOXELS)
    starts = list(dict.fromkeys([found.proposed, *found.front[:: -(-len(found.front) // LEVELS)]]))
    by_count: list[TiArrays] = []
    front: list[TiArrays] = []
    for k, pairs in enumerate(starts):
        start = field.currents_A(pairs)
        limits = ti_arrays.ArrayLimits(
            carrier_A=field.pair_current_A,
            electrode_A=field.pair_current_A,
            elsewhere_V_per_m=ti_arrays.root_mean_square(away, start),
        )
        dense = ti_arrays.rise(few, coarse, start, limits=limits)
        best = every.as_arrays(start, pairs, 2)
        for count in COUNTS if k == 0 else (FEW,):
            kept, at = ti_arrays.thin(dense, count), dense
            while True:
                at = ti_arrays.rise(near, away, at, limits=limits, allowed=kept)
                fewer = ti_arrays.thin(at, count)
                if fewer.sum() == kept.sum():
                    break
                kept = fewer
            item = every.spared(at, pairs, count)
            best = item if item.target_V_per_m > best.target_V_per_m else replace(best, electrodes=count)
            if k == 0:
                by_count.append(best)
            if count == FEW:
                front.append(best)
        if progress is not None:
            progress((k + 1) / len(starts))
    return TiGain(by_count=tuple(by_count), front=_unbeaten(front))


@dataclass(frozen=True, slots=True, kw_only=False, eq=False)
class _Places:
    """Where arrays are measured: all voxels in and off a target."""

    field: TiField
    patch: Patch
    far: NDArray[np.int64]
    direction: Array | None

    def as_arrays(self, currents_A: Array, pairs: TiMontage, count: int) -> TiArrays:
        """Return the record of currents (2, n)."""
        names = self.field.lead.names
        first, second = ({names[k]: float(row[k]) for k in np.flatnonzero(row)} for row in currents_A)
        depths = self.field.depths_V_per_m(currents_A, self.patch, self.far, self.direction)
        return TiArrays(
            electrodes=count,
            currents_A=(first, second),
            target_V_per_m=depths[0],
            cortex_V_per_m=depths[1],
            cortex_peak_V_per_m=depths[2],
            pairs=pairs,
        )

    def spared(self, currents_A: Array, pairs: TiMontage, count: int) -> TiArrays:
        """Return currents in a stimulator's steps, reduced until the cortex has no more than of the pairs."""
        share = 1.0
        while True:
            item = self.as_arrays(np.stack([rounded(share * row) for row in currents_A]), pairs, count)
            if item.cortex_V_per_m <= pairs.cortex_V_per_m:
                return item
            share *= min(SHRINK, pairs.cortex_V_per_m / item.cortex_V_per_m)


def _unbeaten(arrays: list[TiArrays]) -> tuple[TiArrays, ...]:
    """Return the arrays that no other beats in target and cortex, the largest depth first."""
    kept: list[TiArrays] = []
    for item in sorted(arrays, key=lambda item: (-item.target_V_per_m, item.cortex_V_per_m)):
        if not kept or item.cortex_V_per_m < kept[-1].cortex_V_per_m:
            kept.append(item)
    return tuple(kept)


def _some(region: Region, count: int) -> Region:
    """Return at most so many voxels of a region, evenly taken."""
    some = slice(None, None, -(-len(region.weights) // count))
    weights = region.weights[some]
    return Region(field_V_per_m_per_A=region.field_V_per_m_per_A[:, some], weights=weights / weights.sum())

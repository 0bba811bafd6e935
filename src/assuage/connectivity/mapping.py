"""One search region's target and its spread: block length, moments, method, resampling."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assuage.connectivity.blocks import block_frames, effective_frames
from assuage.connectivity.bootstrap import PIECES, Spread, draw_count, spread
from assuage.connectivity.distribution import TargetDistribution, ellipsoid
from assuage.connectivity.methods import METHODS, Geometry, resolution_mm2, scores
from assuage.connectivity.moments import correlations, moments

Float = NDArray[np.float64]

STRONGEST = 40
"""Series whose products with the seed set the block length."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Mapped:
    """A target with its spread.

    Attributes
    ----------
    spread
        What resampling says.
    seed_map
        (V,) correlation with the seed.
    block_frames
        Frames of a block.
    effective_frames
        Independent frames that a correlation rests on.
    resolution_mm2
        Variance along an axis that the spacing of the points leaves, `methods.resolution_mm2`.
    """

    spread: Spread
    seed_map: Float
    block_frames: int
    effective_frames: float
    resolution_mm2: float


def map_target(
    series: Float,
    references: Float,
    where: Geometry,
    *,
    method: str,
    polarity: int,
    tr_s: float,
    free_share: float,
    seed: int,
) -> Mapped:
    """Find the target of denoised series (T, V) by references (T, K), the seed first.

    `free_share` is the share of the degrees of freedom that the regression left.
    """
    locate_in = METHODS[method]
    products = references[:, :1] * series
    top = np.argsort(-np.abs(products.mean(0)))[:STRONGEST]
    block = block_frames(products[:, top], tr_s=tr_s)
    sums = moments(series, references, piece_frames=max(1, round(block / PIECES)))

    effective = free_share * effective_frames(references[:, 0], series[:, top])
    draws = draw_count(sums, top, effective=effective, seed=seed)

    def locate(weights: Float) -> Float:
        return locate_in(scores(correlations(sums, weights), where, polarity), where)

    whole = correlations(sums, np.ones((1, sums.pieces)))[0]
    return Mapped(
        spread=spread(locate, pieces=sums.pieces, draws=draws, seed=seed),
        seed_map=whole[0],
        block_frames=block,
        effective_frames=effective,
        resolution_mm2=resolution_mm2(method, scores(whole, where, polarity), where),
    )


def distribution_of(
    mapped: Mapped, where: Geometry, *, method: str, minutes: float, provenance: Mapping[str, Any]
) -> TargetDistribution:
    """Put the draws on the nearest search points; no axis of the covariance is narrower than the points resolve."""
    found = mapped.spread
    around = found.draws_mm - found.mean_mm
    value, vector = np.linalg.eigh(around.T @ around / len(around))
    covariance = (vector * np.maximum(value, mapped.resolution_mm2)) @ vector.T
    distance = np.linalg.norm(found.draws_mm[:, None] - where.points_mm[None], axis=2)
    count = np.bincount(distance.argmin(1), minlength=len(where.points_mm))
    used = np.flatnonzero(count)
    return TargetDistribution(
        points_mm=where.points_mm[used],
        weights=count[used] / count.sum(),
        mean_mm=found.mean_mm,
        covariance_mm2=covariance,
        ellipsoid=ellipsoid(found.mean_mm, covariance, samples=min(len(around), found.blocks)),
        method=method,
        minutes=minutes,
        provenance=provenance,
    )

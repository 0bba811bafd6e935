"""One search region's target and its spread: block length, moments, method, resampling."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assuage.connectivity.blocks import block_frames, effective_frames
from assuage.connectivity.bootstrap import PIECES, Spread, spread
from assuage.connectivity.methods import Geometry, method_named, scores
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
    """

    spread: Spread
    seed_map: Float
    block_frames: int
    effective_frames: float


def map_target(
    series: Float, references: Float, where: Geometry, *, method: str, polarity: int, tr_s: float, seed: int
) -> Mapped:
    """Find the target of denoised series (T, V) by references (T, K), the seed first.

    Raises
    ------
    DataError
        An unknown method.
    """
    locate_in = method_named(method)
    products = references[:, :1] * series
    top = np.argsort(-np.abs(products.mean(0)))[:STRONGEST]
    block = block_frames(products[:, top], tr_s=tr_s)
    sums = moments(series, references, piece_frames=max(1, round(block / PIECES)))

    def locate(weights: Float) -> Float:
        return locate_in(scores(correlations(sums, weights), where, polarity), where)

    return Mapped(
        spread=spread(locate, pieces=sums.pieces, seed=seed),
        seed_map=correlations(sums, np.ones((1, sums.pieces)))[0, 0],
        block_frames=block,
        effective_frames=effective_frames(references[:, 0], series[:, top]),
    )

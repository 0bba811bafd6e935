"""Correlations of a bootstrap replicate from sums over short pieces of time, so that the data are read once.

The recording is cut into `pieces` a. With n_a frames, reference series s and series x_v,

    A_a = sum s,  B_a = sum s^2,  X_av = sum x_v,  Y_av = sum x_v^2,  C_av = sum s x_v        over the frames of piece a

and a replicate that takes piece a w_a times has the moments sum_a w_a A_a and so on, hence the correlation

    r_v = (C/N - A/N X/N) / sqrt((B/N - (A/N)^2) (Y/N - (X/N)^2)),        N = sum_a w_a n_a.

All replicates together are five matrix products.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]

TINY = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Moments:
    """Sums over the pieces of a recording.

    Attributes
    ----------
    frames
        (P,) frames of each piece.
    s, ss
        (P, K) sums of the K reference series and of their squares.
    x, xx
        (P, V) sums of the series and of their squares.
    sx
        (K, P, V) sums of the products.
    """

    frames: Float
    s: Float
    ss: Float
    x: Float
    xx: Float
    sx: Float

    @property
    def pieces(self) -> int:
        """Number of pieces."""
        return len(self.frames)


def moments(series: NDArray[np.floating], references: NDArray[np.floating], *, piece_frames: int) -> Moments:
    """Sum series (T, V) and references (T, K) over pieces of `piece_frames` frames; the last takes the remainder."""
    count = max(1, len(series) // piece_frames)
    starts = np.arange(count) * piece_frames
    x, s = np.asarray(series, dtype=np.float64), np.asarray(references, dtype=np.float64)
    return Moments(
        frames=np.diff(np.append(starts, len(x))).astype(np.float64),
        s=np.add.reduceat(s, starts),
        ss=np.add.reduceat(s**2, starts),
        x=np.add.reduceat(x, starts),
        xx=np.add.reduceat(x**2, starts),
        sx=np.stack([np.add.reduceat(column[:, None] * x, starts) for column in s.T]),
    )


def correlations(sums: Moments, weights: Float) -> Float:
    """Return the correlation of every series with every reference in every replicate, (R, K, V).

    Parameters
    ----------
    sums
        Of a recording.
    weights
        (R, P) how often a replicate takes each piece.
    """
    total = (weights @ sums.frames)[:, None]
    mean_s, mean_x = weights @ sums.s / total, weights @ sums.x / total
    var_s = np.maximum(weights @ sums.ss / total - mean_s**2, TINY)
    var_x = np.maximum(weights @ sums.xx / total - mean_x**2, TINY)
    result = np.empty((len(weights), sums.s.shape[1], sums.x.shape[1]))
    for k in range(result.shape[1]):
        covariance = weights @ sums.sx[k] / total - mean_s[:, k, None] * mean_x
        result[:, k] = covariance / np.sqrt(var_s[:, k, None] * var_x)
    return np.clip(result, -1.0, 1.0)

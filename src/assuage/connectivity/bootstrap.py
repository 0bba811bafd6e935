"""How far the target would move in another recording of the same length: bagging, and a double block bootstrap.

Let theta be the method's target as a function of how often each block of time is taken. The target of a person is the
mean of theta over replicates (bagging, Breiman 1996), because the strongest point of one noisy map moves about twice as
far as the mean of many. Its covariance comes from a double bootstrap: every outer replicate stands for another
recording, and is bagged by inner replicates of its own,

    mean   = average over r of theta(blocks_r)
    Sigma  = average over o of (theta_o - mean)(theta_o - mean)^T - W / INNER,
             theta_o = average over i of theta(blocks_oi),    W = covariance of theta(blocks_oi) within o

The last term is what so few inner replicates add to the spread of their average: noise of the computation, not of the
recording.

Where disjoint halves of the recording, each bagged, lie farther apart than Sigma allows (E|d|^2 = 4 tr Sigma for
halves), Sigma is enlarged to match them.

Blocks know too little: of a correlation's variance between recordings, a block bootstrap of 10 min finds about half
(blocks cut slow fluctuations, and resampling does not see the degrees of freedom that regression took). A replicate
therefore draws fewer blocks than the recording has, `draw_count`, so that the variance of Fisher's z over replicates is
that of Bartlett's formula, 1 / (n_eff - 3), with n_eff reduced by the share of regressors.

Blocks are circular (Politis and Romano 1992) and made of `PIECES` pieces, so that they start at finer steps than
their length.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assuage.connectivity.moments import Moments, correlations

Float = NDArray[np.float64]
Index = NDArray[np.intp]
Locate = Callable[[Float], Float]
"""From weights (R, pieces) to targets (R, 3) mm."""

PIECES = 2
OUTER = 80
INNER = 32
BAGGED = 400
PAIRS = 24
FRACTIONS = (0.25, 1 / 3, 0.5)
DRAWN_MIN = 0.25
DRAWS_MIN = 4
"""Bounds of `draw_count`; with fewer draws a replicate is no recording any more."""
TINY = 1e-12
CHUNK = 400
"""Replicates located at once; bounds the memory at chunk x points."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Spread:
    """What resampling says about a target.

    Attributes
    ----------
    single_mm
        (3,) target of the whole recording without bagging.
    mean_mm
        (3,) bagged target.
    draws_mm
        (OUTER, 3) targets of other recordings of the same length, as resampling imagines them; their mean is `mean_mm`.
    plain_mm
        (BAGGED, 3) targets of single replicates.
    inflation
        Factor on the standard deviation so that the halves agree; 1: not needed.
    halves_mm
        Fraction of the recording -> distances (PAIRS,) between the targets of two disjoint parts of that length.
    ends_mm
        Distance between the targets of the first and of the second half.
    blocks, draws
        Number of blocks in the recording, and how many a replicate draws.
    """

    single_mm: Float
    mean_mm: Float
    draws_mm: Float
    plain_mm: Float
    inflation: float
    halves_mm: dict[float, Float]
    ends_mm: float
    blocks: int
    draws: int


def draw_count(sums: Moments, chosen: Index, *, effective: float, seed: int) -> int:
    """Return how many blocks a replicate draws, for the series `chosen` and `effective` independent frames."""
    blocks = max(2, sums.pieces // PIECES)
    rng = np.random.default_rng(seed)
    weights = block_weights(rng.integers(sums.pieces, size=(CHUNK, blocks)), sums.pieces)
    found = float(np.arctanh(correlations(sums, weights)[:, 0, chosen].clip(-0.999, 0.999)).var(0).mean())
    share = np.clip(found * (effective - 3.0), DRAWN_MIN, 1.0)
    return max(DRAWS_MIN, round(blocks * float(share)))


def spread(locate: Locate, *, pieces: int, draws: int, seed: int) -> Spread:
    """Resample a recording of `pieces` pieces, `draws` blocks at a time; the same seed gives the same result."""
    rng = np.random.default_rng(seed)
    blocks = max(2, pieces // PIECES)
    plain = _located(locate, rng.integers(pieces, size=(BAGGED, draws)), pieces)
    mean = plain.mean(0)
    inner = inner_targets(locate, rng.integers(pieces, size=(OUTER, draws)), pieces, draws, rng)
    parts = {fraction: _parts(locate, pieces, draws, fraction, rng) for fraction in FRACTIONS}
    around, covariance = spread_of(inner, mean)
    total = float(np.trace(covariance))
    inflation = float(np.sqrt(max(1.0, (parts[0.5] ** 2).mean() / (4 * total)))) if total > 0 else 1.0
    halves = np.arange(blocks // 2) * PIECES + np.array([[0], [(blocks - blocks // 2) * PIECES]])
    ends = bagged(locate, halves, pieces, max(2, draws // 2), rng)
    return Spread(
        single_mm=locate(np.ones((1, pieces)))[0],
        mean_mm=mean,
        draws_mm=mean + inflation * _with_covariance(around, covariance),
        plain_mm=plain,
        inflation=inflation,
        halves_mm=parts,
        ends_mm=float(np.linalg.norm(ends[0] - ends[1])),
        blocks=blocks,
        draws=draws,
    )


def spread_of(inner: Float, mean: Float) -> tuple[Float, Float]:
    """Return the bagged targets about their own mean (O, 3) and Sigma (3, 3), from targets (O, I, 3)."""
    outer = inner.mean(1)
    around, off = outer - outer.mean(0), outer.mean(0) - mean
    within = inner - outer[:, None]
    noise = np.einsum("oia,oib->ab", within, within) / (within.shape[1] - 1) / within.shape[1]
    value, vector = np.linalg.eigh((around.T @ around - noise) / len(around))
    return around, (vector * np.maximum(value, 0.0)) @ vector.T + np.outer(off, off)


def _with_covariance(around: Float, covariance: Float) -> Float:
    """Return points (O, 3) of mean 0 stretched to a covariance (3, 3), along the axes where they have any spread."""
    value, vector = np.linalg.eigh(around.T @ around / len(around))
    inverse = np.where(value > TINY, 1 / np.sqrt(np.maximum(value, TINY)), 0.0)
    wanted, axes = np.linalg.eigh(covariance)
    root = (axes * np.sqrt(np.maximum(wanted, 0.0))) @ axes.T
    return np.asarray(around @ (vector * inverse) @ vector.T @ root)


def bagged(locate: Locate, starts: Index, pieces: int, draws: int, rng: np.random.Generator) -> Float:
    """Return the bagged targets (O, 3) of recordings made of blocks that start at `starts` (O, B)."""
    return np.asarray(inner_targets(locate, starts, pieces, draws, rng).mean(1))


def inner_targets(locate: Locate, starts: Index, pieces: int, draws: int, rng: np.random.Generator) -> Float:
    """Return the targets (O, INNER, 3) of replicates of recordings made of blocks that start at `starts` (O, B)."""
    outer, blocks = starts.shape
    pick = rng.integers(blocks, size=(outer, INNER * draws))
    inner = np.take_along_axis(starts, pick, axis=1).reshape(outer * INNER, draws)
    return _located(locate, inner, pieces).reshape(outer, INNER, 3)


def block_weights(starts: Index, pieces: int) -> Float:
    """Return how often each piece is taken, (R, pieces), by circular blocks that start at `starts` (R, B)."""
    replicates = len(starts)
    flat = starts % pieces + np.arange(replicates)[:, None] * pieces
    count = np.bincount(flat.reshape(-1), minlength=replicates * pieces).reshape(replicates, pieces)
    return np.asarray(sum(np.roll(count, k, axis=1) for k in range(PIECES)), dtype=np.float64)


def _located(locate: Locate, starts: Index, pieces: int) -> Float:
    chunks = [starts[k : k + CHUNK] for k in range(0, len(starts), CHUNK)]
    return np.concatenate([locate(block_weights(chunk, pieces)) for chunk in chunks])


def _parts(locate: Locate, pieces: int, draws: int, fraction: float, rng: np.random.Generator) -> Float:
    """Return the distances (PAIRS,) between the bagged targets of two random disjoint sets of blocks."""
    blocks = max(2, pieces // PIECES)
    size, drawn = max(1, int(blocks * fraction)), max(2, round(draws * fraction))
    order = np.array([rng.permutation(blocks) for _ in range(PAIRS)]) * PIECES + rng.integers(pieces, size=(PAIRS, 1))
    one = bagged(locate, order[:, :size], pieces, drawn, rng)
    other = bagged(locate, order[:, size : 2 * size], pieces, drawn, rng)
    return np.asarray(np.linalg.norm(one - other, axis=1))

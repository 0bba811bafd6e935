"""A dose over target, placement and conductivity together, and how much of its variance each makes.

    E_kmc = E_km + S_k (sigma_c - sigma)     group k of the target, placement m, conductivities c

E_km by the adjoint of the group, S_k its derivative by the conductivities at the intended placement: first order. All
combinations are taken, so that the shares of the variance are exact for the draws: with a dot for the mean over an
index

    V = var(E_kmc),   V_target = var_k(E_k..),   V_placement = var_m(E_.m.),   V_conductivity = var_c(E_..c)

and the rest is what only their acting together makes.

Two placements are compared for the same target and the same conductivities, each averaged over its own misplacements:
what both have in common cancels.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import qmc

from assuage.head.tissues import Conductivity
from assuage.techniques.aims import Aims, weighted_quantile

Array = NDArray[np.float64]

CONDUCTIVITIES = 64
"""Draws, spread evenly over each range (Latin hypercube)."""
QUANTILES = (0.05, 0.5, 0.95)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class JointSpread:
    """A dose over everything that is not known; shares of its variance, sum 1 with the joint one.

    `scores` (K, c) are means over the misplacements, with `weights` (K, c) of sum 1.
    """

    expected: float
    sd: float
    quantiles: dict[float, float]
    objective: float
    target_share: float
    placement_share: float
    conductivity_share: float
    scores: Array
    weights: Array

    @property
    def joint_share(self) -> float:
        """Share of the variance that no cause makes alone."""
        return 1.0 - self.target_share - self.placement_share - self.conductivity_share if self.sd > 0 else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """What one placement gives more than another: mean, standard deviation, and the share of cases where it is more."""

    mean: float
    sd: float
    better: float


def difference(one: JointSpread, other: JointSpread) -> Difference:
    """Compare two placements of one technique over the same targets and conductivities."""
    more, weights = one.scores - other.scores, one.weights
    mean = float((weights * more).sum())
    return Difference(
        mean=mean,
        sd=float(np.sqrt((weights * (more - mean) ** 2).sum())),
        better=float(weights[more > 0].sum()),
    )


def conductivity_draws(
    tissues: tuple[str, ...], used_S_per_m: Mapping[str, float], ranges: Mapping[str, Conductivity], *, seed: int
) -> Array:
    """Return deviations (CONDUCTIVITIES, t), S/m, from those used; 0 for a tissue without a range."""
    unit = qmc.LatinHypercube(len(tissues), seed=seed).random(CONDUCTIVITIES)
    low, high = (
        np.array([getattr(ranges[name], end) if name in ranges else used_S_per_m[name] for name in tissues])
        for end in ("low", "high")
    )
    used = np.array([used_S_per_m[name] for name in tissues])
    return np.asarray(low + unit * (high - low) - used)


def joint_spread(aims: Aims, means: Array, slopes: Array, deviations: Array) -> JointSpread:
    """Return the spread of a dose.

    Parameters
    ----------
    aims
        Groups of the distribution, and what counts.
    means
        (K, m, 3) mean field of the misplaced source in each group, V/m.
    slopes
        (K, 3, t) derivatives by conductivity, V/m per S/m.
    deviations
        (c, t) S/m.
    """
    moved = np.einsum("kat,ct->kca", slopes, deviations)
    values = aims.goal.score(means[:, :, None] + moved[:, None])
    _, placed, drawn = values.shape
    w = aims.weights
    flat = values.reshape(-1)
    share = np.repeat(w / (placed * drawn), placed * drawn)
    expected = float(share @ flat)
    variance = float(share @ (flat - expected) ** 2)

    def part(main: Array, weights: Array) -> float:
        return float(weights @ (main - expected) ** 2) / variance if variance > 0 else 0.0

    over_groups = np.tensordot(w, values, 1)
    return JointSpread(
        expected=expected,
        sd=float(np.sqrt(variance)),
        quantiles={q: float(weighted_quantile(flat, share, q)) for q in QUANTILES},
        objective=float(aims.objective.of(flat, share)),
        target_share=part(values.mean((1, 2)), w),
        placement_share=part(over_groups.mean(1), np.full(placed, 1 / placed)),
        conductivity_share=part(over_groups.mean(0), np.full(drawn, 1 / drawn)),
        scores=values.mean(1),
        weights=np.repeat(w[:, None] / drawn, drawn, axis=1),
    )

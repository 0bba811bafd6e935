"""Which treatment is best, and how sure: P-scores, rank probabilities, SUCRA.

| symbol | meaning |
|---|---|
| P_i = mean over j of Phi((d_i - d_j) / se_ij) | P-score, d signed so that more is better (Ruecker & Schwarzer 2015) |
| r_i, P(r_i = k) | rank of treatment i in a draw of all effects from their multivariate normal; 1 is best |
| SUCRA_i = (T - mean r_i) / (T - 1) | area under the cumulative rank probabilities (Salanti 2011); its limit is P_i |
| intervals | quantiles of r_i over the draws; on the scale of SUCRA (T - r) / (T - 1) |

Sources: Ruecker & Schwarzer 2015, BMC Med Res Methodol 15:58, 10.1186/s12874-015-0060-8. Salanti, Ades & Ioannidis
2011, J Clin Epidemiol 64:163, 10.1016/j.jclinepi.2010.03.016.
"""

from dataclasses import dataclass

import numpy as np
from scipy import stats

from assuage.synthesis.network_model import Array


@dataclass(frozen=True, slots=True, kw_only=True)
class Rank:
    """How one treatment ranks; rank 1 is best, P-score and SUCRA 1 is certain to be best."""

    treatment: str
    p_score: float
    sucra: float
    sucra_interval: tuple[float, float]
    mean_rank: float
    median_rank: float
    rank_interval: tuple[float, float]
    best_probability: float
    probabilities: tuple[float, ...]


def p_scores(effects: Array, covariance: Array, *, small_is_good: bool) -> Array:
    """Return the P-score (t,) of every treatment from effects (t,) and their covariance (t, t)."""
    sign = -1.0 if small_is_good else 1.0
    spread = np.diag(covariance)
    variance = spread[:, None] + spread[None, :] - 2 * covariance
    np.fill_diagonal(variance, 1.0)
    better = stats.norm.cdf(sign * (effects[:, None] - effects[None, :]) / np.sqrt(variance))
    np.fill_diagonal(better, 0.0)
    return np.asarray(better.sum(axis=1) / (len(effects) - 1))


def rank_treatments(
    treatments: tuple[str, ...],
    effects: Array,
    covariance: Array,
    *,
    small_is_good: bool,
    level: float,
    draws: int,
    seed: int,
) -> tuple[Rank, ...]:
    """Return how the treatments rank, best P-score first; the draws are those of `seed`."""
    count = len(treatments)
    values, vectors = np.linalg.eigh(covariance)
    root = vectors * np.sqrt(np.clip(values, 0.0, None))
    sample = effects + np.random.default_rng(seed).standard_normal((draws, count)) @ root.T
    order = np.argsort(sample if small_is_good else -sample, axis=1)
    ranks = np.empty_like(order)
    np.put_along_axis(ranks, order, np.arange(1, count + 1)[None, :], axis=1)
    scores = p_scores(effects, covariance, small_is_good=small_is_good)
    tails = [(1 - level) / 2, 0.5, (1 + level) / 2]
    table = []
    for i, name in enumerate(treatments):
        own = ranks[:, i]
        low, middle, high = (float(q) for q in np.quantile(own, tails, method="inverted_cdf"))
        shares = np.bincount(own, minlength=count + 1)[1:] / draws
        table.append(
            Rank(
                treatment=name, p_score=float(scores[i]), sucra=float((count - own.mean()) / (count - 1)),
                sucra_interval=((count - high) / (count - 1), (count - low) / (count - 1)),
                mean_rank=float(own.mean()), median_rank=middle, rank_interval=(low, high),
                best_probability=float(shares[0]), probabilities=tuple(float(s) for s in shares),
            )
        )  # fmt: skip
    return tuple(sorted(table, key=lambda rank: -rank.p_score))

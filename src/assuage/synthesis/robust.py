r"""Standard errors that hold under dependence nobody modelled: sandwich estimators by cluster.

S: model covariance (block diagonal by cluster j), W = S⁻¹, M = (X'WX)⁻¹, e_j residuals, m clusters, k effects.

| kind | covariance | degrees of freedom |
|---|---|---|
| CR1 | m/(m − 1) times M (Σ X_j'W_j e_j e_j'W_j X_j) M | m − 1 |
| CR1p | m/(m − p) | m − p |
| CR2 | e_j replaced by A_j e_j, A_j = D'(D B_j D')^(−1/2) D, D'D = S_j, B_j = S_j − X_j M X_j' | Satterthwaite |

Bell and McCaffrey 2002; Pustejovsky and Tipton 2018, doi:10.1080/07350015.2016.1247004. Satterthwaite for coefficient
c: (tr G)²/tr GG, G_ij = p_i'S p_j, p_j = (I − H)_j'A_j'W_j X_j M c, H = X M X'W.
"""

import math
from collections.abc import Sequence

import numpy as np
from scipy.stats import t

from assuage.errors import DataError
from assuage.synthesis.heterogeneity import Array
from assuage.synthesis.pooling import Coefficients

KINDS = ("CR1", "CR1p", "CR2")


def robust_coefficients(
    y: Array,
    x: Array,
    beta: Array,
    M: Array,
    blocks: Sequence[np.ndarray],
    sigma: Sequence[Array],
    *,
    names: tuple[str, ...],
    kind: str = "CR2",
    level: float = 0.95,
) -> Coefficients:
    """Return coefficients with cluster-robust intervals; `blocks` are the rows of each cluster, `sigma` their S.

    Raises
    ------
    DataError
        Another kind, or fewer than two clusters.
    """
    m, p = len(blocks), x.shape[1]
    if kind not in KINDS:
        raise DataError(f"robust standard errors {kind!r} are not known; take one of {', '.join(KINDS)}")
    if m < 2 or (kind == "CR1p" and m <= p):
        raise DataError(f"{m} cluster(s) are too few for robust standard errors; name another --cluster")
    residual = y - x @ beta
    scores, maps = [], []
    for rows, s in zip(blocks, sigma, strict=True):
        weighted = np.linalg.solve(s, x[rows]).T
        adjust = _cr2(s, s - x[rows] @ M @ x[rows].T) if kind == "CR2" else np.eye(rows.size)
        maps.append(M @ weighted @ adjust)
        scores.append(maps[-1] @ residual[rows])
    covariance = sum((np.outer(score, score) for score in scores), np.zeros((p, p)))
    factor = {"CR1": m / (m - 1), "CR1p": m / (m - p) if m > p else math.nan, "CR2": 1.0}[kind]
    covariance = covariance * factor
    if kind == "CR2":
        df = np.array([_satterthwaite(x, M, blocks, sigma, maps, i) for i in range(p)])
    else:
        df = np.full(p, float(m - 1 if kind == "CR1" else m - p))
    se = np.sqrt(np.diag(covariance))
    quantile = np.asarray(t.ppf(0.5 + level / 2, df))
    return Coefficients(
        names=names, estimate=beta, se=se, statistic=beta / se, p_value=np.asarray(2 * t.sf(np.abs(beta / se), df)),
        ci_low=beta - quantile * se, ci_high=beta + quantile * se, df=float(df[0]) if p == 1 else None,
        covariance=covariance, df_each=tuple(float(value) for value in df),
    )  # fmt: skip


def _cr2(s: Array, b: Array) -> Array:
    """Return A = D'(D B D')^(−1/2) D on the range of D B D', D the upper Cholesky factor of s."""
    d = np.linalg.cholesky(s).T
    values, vectors = np.linalg.eigh(d @ b @ d.T)
    keep = values > 1e-10 * max(float(values.max()), 1e-300)
    root = (vectors[:, keep] / np.sqrt(values[keep])) @ vectors[:, keep].T
    return np.asarray(d.T @ root @ d)


def _satterthwaite(
    x: Array, m: Array, blocks: Sequence[np.ndarray], sigma: Sequence[Array], maps: Sequence[Array], i: int
) -> float:
    """Return the degrees of freedom of coefficient i: G_ab = c'maps_a (delta_ab S_a − X_a M X_b') maps_b'c."""
    rows = [maps[j][i] for j in range(len(blocks))]
    through = np.array([row @ x[block] for row, block in zip(rows, blocks, strict=True)])
    g = -through @ m @ through.T
    g[np.diag_indices_from(g)] += [float(row @ s @ row) for row, s in zip(rows, sigma, strict=True)]
    return float(np.trace(g) ** 2 / np.sum(g * g))

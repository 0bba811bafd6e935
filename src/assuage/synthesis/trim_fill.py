r"""Trim and fill: how many studies a symmetric funnel would lack, and the effect with their mirror images added.

The funnel is turned so that the missing side is the left. Repeat until k0 stays: take the k0 largest effects away,
pool the rest, rank the absolute distances of all k effects to that centre, S the sum of the ranks of the effects
above it, g the number of effects in the rightmost run of ranks above it.

| estimator | k0 | variance |
|---|---|---|
| L0 | (4S − k(k + 1))/(2k − 1) | 16 Var S/(2k − 1)² |
| R0 | g − 1 | 2 max(0, k0) + 2 |
| Q0 | k − ½ − sqrt(2k² − 4S + ¼) | 4 Var S/((k − ½)² − k0(2k − k0 − 1)) |

Var S = [k(k + 1)(2k + 1) + 10 k0³ + 27 k0² + 17 k0 − 18 k k0² − 18 k k0 + 6 k² k0]/24, at k0 before it is rounded and
cut at 0. Duval and Tweedie 2000, doi:10.1111/j.0006-341X.2000.00455.x and doi:10.2307/2669529. The missing side is
where the slope of the effect on its standard error (`small_study`, mixed) says: left for a positive slope, right
otherwise.
"""

import math
from dataclasses import dataclass

import numpy as np

from assuage.errors import DataError
from assuage.synthesis.heterogeneity import Array, estimate_tau2, project
from assuage.synthesis.pooling import Fit, pool

ESTIMATORS = ("L0", "R0", "Q0")
MOST_ROUNDS = 100


@dataclass(frozen=True, kw_only=True)
class TrimFill:
    """The number of missing studies with its standard error, the added effects, and the pooled effect with them."""

    estimator: str
    side: str
    missing: int
    se: float
    added_y: Array
    added_v: Array
    fit: Fit


def trim_and_fill(
    y: Array,
    v: Array,
    *,
    estimator: str = "L0",
    side: str | None = None,
    method: str = "REML",
    test: str = "z",
    level: float = 0.95,
) -> TrimFill:
    """Trim and fill effects y (k,) with variances v (k,).

    Raises
    ------
    DataError
        Another estimator or side, or fewer than 3 effects.
    """
    y, v = np.asarray(y, float), np.asarray(v, float)
    if estimator not in ESTIMATORS or side not in {None, "left", "right"}:
        raise DataError(f"trim and fill by {estimator!r} on {side!r} is not known; take L0, R0 or Q0 and left or right")
    if y.size < 3:
        raise DataError(f"{y.size} effects are too few for trim and fill; it needs 3")
    side = side or _side(y, v, method)
    sign = 1.0 if side == "left" else -1.0
    order = np.argsort(sign * y, kind="stable")
    turned, spread = sign * y[order], v[order]
    k0, se, centre = _search(turned, spread, estimator, method)
    filled_y, filled_v = 2 * centre - turned[y.size - k0 :], spread[y.size - k0 :]
    fit = pool(
        np.concatenate([turned, filled_y]) * sign,
        np.concatenate([spread, filled_v]),
        method=method,
        test=test,
        level=level,
    )
    return TrimFill(
        estimator=estimator, side=side, missing=k0, se=se, added_y=filled_y * sign, added_v=filled_v, fit=fit
    )


def _side(y: Array, v: Array, method: str) -> str:
    x = np.column_stack([np.ones_like(y), np.sqrt(v)])
    if np.linalg.matrix_rank(x) < 2:
        return "left"
    tau2 = estimate_tau2(y, v, x, method).value
    return "left" if project(y, x, 1 / (v + tau2)).beta[1] >= 0 else "right"


def _search(y: Array, v: Array, estimator: str, method: str) -> tuple[int, float, float]:
    """Return k0, its standard error and the centre of the trimmed funnel; y ascending, missing on the left."""
    k, k0, se = y.size, 0, math.nan
    centre = math.nan
    for _ in range(MOST_ROUNDS):
        kept = k - k0
        if kept < 1:
            raise DataError("it would take every study away and has no answer for these effects")
        centre = float(pool(y[:kept], v[:kept], method=method, with_intervals=False).coefficients.estimate[0])
        away = y - centre
        ranks = np.empty(k)
        ranks[np.argsort(np.abs(away), kind="stable")] = np.arange(1, k + 1)
        raw, se = _estimate(estimator, k, ranks, away)
        after = max(0, round(raw))
        if after == k0:
            break
        k0 = after
    return k0, se, centre


def _estimate(estimator: str, k: int, ranks: Array, away: Array) -> tuple[float, float]:
    s = float(np.sum(ranks[away > 0]))
    if estimator == "R0":
        below = ranks[away < 0]
        raw = k - (float(np.max(below)) if below.size else 0.0) - 1
        return raw, math.sqrt(2 * max(0.0, raw) + 2)
    if estimator == "L0":
        raw = (4 * s - k * (k + 1)) / (2 * k - 1)
        return raw, 4 * math.sqrt(max(0.0, _variance(k, raw))) / (2 * k - 1)
    raw = k - 0.5 - math.sqrt(max(0.0, 2 * k**2 - 4 * s + 0.25))
    scale = (k - 0.5) ** 2 - raw * (2 * k - raw - 1)
    return raw, 2 * math.sqrt(max(0.0, _variance(k, raw)) / scale) if scale > 0 else math.nan


def _variance(k: int, k0: float) -> float:
    return (
        k * (k + 1) * (2 * k + 1) + 10 * k0**3 + 27 * k0**2 + 17 * k0 - 18 * k * k0**2 - 18 * k * k0 + 6 * k**2 * k0
    ) / 24

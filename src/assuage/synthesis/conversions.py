r"""From a test statistic, a p-value, an interval or another effect size to the effect that is pooled.

| from | to | formula | source |
|---|---|---|---|
| t, n1, n2 | d | t sqrt(1/n1 + 1/n2) | Rosenthal 1994, in Cooper and Hedges |
| F (1 and q degrees of freedom) | t | ± sqrt F; the sign has to be given | |
| two-sided p, n1, n2 | t | ± quantile 1 − p/2 of t with n1 + n2 − 2; the sign has to be given | |
| log odds ratio L | d | L sqrt 3/π, variance times 3/π² | [1] |
| d | log odds ratio | d π/sqrt 3, variance times π²/3 | [1] |
| r | d | 2r/sqrt(1 − r²), variance 4 var(r)/(1 − r²)³ | Borenstein et al. 2009, Introduction to Meta-Analysis, ch. 7 |
| d, n1, n2 | r | d/sqrt(d² + h), h = (n1 + n2)²/(n1 n2), variance h² var(d)/(d² + h)³ | the same |
| t, degrees of freedom q | r | t/sqrt(t² + q) | Rosenthal 1994 |
| interval of level L | se | (high − low)/(2 z), z normal quantile of (1 + L)/2, on the log scale for ratios | [2] |
| effect, two-sided p | se | absolute effect/z of 1 − p/2 | [2] |

[1] Hasselblad and Hedges 1995, doi:10.1037/0033-2909.117.1.167; d and log odds ratio back by the same.
[2] Higgins et al., Cochrane Handbook for Systematic Reviews 6.3, ch. 6.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm, t

Array = NDArray[np.float64]
ASYMMETRIC = 0.04
"""An estimate further than this share of its interval from the middle is not in the middle."""
_PER_LOGIT = np.sqrt(3) / np.pi


def d_from_t(value: Array, n1: Array, n2: Array) -> Array:
    """Return Cohen's d of a two-sample t."""
    return np.asarray(value * np.sqrt(1 / n1 + 1 / n2))


def t_from_f(value: Array, sign: Array) -> Array:
    """Return the t of an F with one numerator degree of freedom."""
    return np.asarray(np.sign(sign) * np.sqrt(value))


def t_from_p(p_value: Array, df: Array, sign: Array) -> Array:
    """Return the t of a two-sided p-value."""
    return np.asarray(np.sign(sign) * t.isf(p_value / 2, df))


def d_from_log_odds(y: Array, v: Array) -> tuple[Array, Array]:
    """Return d and its variance of a log odds ratio."""
    return y * _PER_LOGIT, v * _PER_LOGIT**2


def log_odds_from_d(y: Array, v: Array) -> tuple[Array, Array]:
    """Return a log odds ratio and its variance of a d."""
    return y / _PER_LOGIT, v / _PER_LOGIT**2


def d_from_r(r: Array, variance: Array) -> tuple[Array, Array]:
    """Return d and its variance of a correlation with its variance."""
    return 2 * r / np.sqrt(1 - r**2), 4 * variance / (1 - r**2) ** 3


def r_from_d(d: Array, variance: Array, n1: Array, n2: Array) -> tuple[Array, Array]:
    """Return a (point-biserial) correlation and its variance of a d."""
    h = (n1 + n2) ** 2 / (n1 * n2)
    return d / np.sqrt(d**2 + h), h**2 * variance / (d**2 + h) ** 3


def r_from_t(value: Array, df: Array) -> Array:
    """Return the correlation of a t."""
    return np.asarray(value / np.sqrt(value**2 + df))


def se_from_interval(low: Array, high: Array, level: float) -> Array:
    """Return the standard error of a normal interval (logs of a ratio's bounds)."""
    return np.asarray((high - low) / (2 * norm.ppf(0.5 + level / 2)))


def off_middle(y: Array, low: Array, high: Array) -> float:
    """Return how far estimates (k,) lie from the middles of their intervals, as a share of these; the median."""
    return float(np.median(np.abs((low + high) / 2 - y) / (high - low)))


def asymmetry(y: Array, low: Array, high: Array) -> tuple[float, float]:
    """Return `off_middle` plainly and on the log scale; all numbers are above 0."""
    return off_middle(y, low, high), off_middle(np.log(y), np.log(low), np.log(high))


def tells_scale(found: tuple[float, float]) -> bool:
    """Return whether intervals of this `asymmetry` are symmetric on one of the two scales only."""
    return max(found) > ASYMMETRIC and min(found) < max(found) / 3


def are_ratios(found: tuple[float, float]) -> bool:
    """Return whether intervals of this `asymmetry` are symmetric on the log scale only, as those of ratios."""
    plain, logged = found
    return tells_scale(found) and logged < plain


def se_from_p(estimate: Array, p_value: Array) -> Array:
    """Return the standard error of an estimate with a two-sided normal p-value."""
    return np.asarray(np.abs(estimate) / norm.isf(p_value / 2))

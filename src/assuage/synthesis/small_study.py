r"""Whether small studies say something else than large ones: regression, rank and fail-safe figures.

| test | what is computed | source |
|---|---|---|
| Egger, mixed | slope of the standard error in a meta-regression with tau²; its intercept is the limit | [1] |
| Egger, classical | the same by least squares, weights 1/v, free dispersion, t with k − 2 | [2] |
| rank | Kendall's tau of (y − b)/sqrt(v − 1/Σw) and v, b the common effect; exact without ties | [3] |
| PET | intercept of the classical regression: the effect at standard error 0 | [4] |
| PEESE | intercept of the same with v for the standard error | the same |
| fail-safe N | k (Z/z_α)² − k, Z = Σ y/sqrt(v)/sqrt k, z_α one-sided | [5] |
| fail-safe N, weighted | k [(Σ w y)²/z² − Σ w]/Σ w, z two-sided | [6] |

[1] Sterne and Egger 2005, in Rothstein, Sutton, Borenstein
[2] Egger et al. 1997, doi:10.1136/bmj.315.7109.629
[3] Begg and Mazumdar 1994, doi:10.2307/2533446
[4] Stanley and Doucouliagos 2014, doi:10.1002/jrsm.1095
[5] Rosenthal 1979, doi:10.1037/0033-2909.86.3.638
[6] Rosenberg 2005, doi:10.1111/j.0014-3820.2005.tb01004.x

PET-PEESE: PEESE where the PET intercept differs from 0 at p < 0.1 two-sided, otherwise PET. All need at least 3
effects.
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy.stats import kendalltau, norm

from assuage.errors import DataError
from assuage.synthesis.heterogeneity import Array, project
from assuage.synthesis.pooling import Coefficients, coefficients_of, pool

FEWEST = 3
PET_P_VALUE = 0.1
FAIL_SAFE_ALPHA = 0.05


@dataclass(frozen=True, kw_only=True)
class RegressionTest:
    """A regression on the standard error: its slope is the test, its intercept the limit at standard error 0."""

    model: str
    coefficients: Coefficients

    @property
    def statistic(self) -> float:
        """z or t of the slope."""
        return float(self.coefficients.statistic[1])

    @property
    def p_value(self) -> float:
        """p-value of the slope."""
        return float(self.coefficients.p_value[1])


@dataclass(frozen=True, kw_only=True)
class RankTest:
    """Kendall's tau with its p-value and whether that is exact."""

    tau: float
    p_value: float
    exact: bool


@dataclass(frozen=True, kw_only=True)
class SmallStudy:
    """Every small-study figure of one set of effects."""

    egger_mixed: RegressionTest | None
    egger_classical: RegressionTest
    rank: RankTest
    peese: Coefficients
    pet_peese: str
    fail_safe_rosenthal: int
    fail_safe_rosenberg: int


def small_study(y: Array, v: Array, *, method: str = "REML", test: str = "z", level: float = 0.95) -> SmallStudy:
    """Return every small-study figure of effects y (k,) with variances v (k,).

    Raises
    ------
    DataError
        Fewer than 3 effects, or all of the same variance.
    """
    y, v = np.asarray(y, float), np.asarray(v, float)
    if y.size < FEWEST:
        raise DataError(f"{y.size} effects are too few for small-study tests; they need {FEWEST}")
    if np.ptp(v) < 1e-12 * float(np.max(v)):
        raise DataError("all effects have the same variance; small-study tests need small and large studies")
    classical = egger_classical(y, v, level=level)
    return SmallStudy(
        egger_mixed=egger_mixed(y, v, method=method, test=test, level=level),
        egger_classical=classical,
        rank=rank_test(y, v),
        peese=_dispersed(y, v, v, names=("effect at variance 0", "variance"), level=level),
        pet_peese="PEESE" if classical.coefficients.p_value[0] < PET_P_VALUE else "PET",
        fail_safe_rosenthal=rosenthal(y, v),
        fail_safe_rosenberg=rosenberg(y, v),
    )


def egger_mixed(y: Array, v: Array, *, method: str, test: str, level: float) -> RegressionTest | None:
    """Return the meta-regression on the standard error; None where tau² cannot be estimated beside it."""
    if y.size < FEWEST:
        return None
    x = np.column_stack([np.ones_like(y), np.sqrt(v)])
    fit = pool(y, v, x, names=("limit at se 0", "se"), method=method, test=test, level=level, with_intervals=False)
    return RegressionTest(model="mixed", coefficients=fit.coefficients)


def egger_classical(y: Array, v: Array, *, level: float) -> RegressionTest:
    """Return Egger's regression; its intercept is PET."""
    coefficients = _dispersed(y, v, np.sqrt(v), names=("limit at se 0", "se"), level=level)
    return RegressionTest(model="classical", coefficients=coefficients)


def _dispersed(y: Array, v: Array, predictor: Array, *, names: tuple[str, str], level: float) -> Coefficients:
    fit = project(y, np.column_stack([np.ones_like(y), predictor]), 1 / v)
    df = y.size - 2
    return coefficients_of(fit.beta, fit.M * (fit.rss / df), names, test="t", level=level, df=df)


def rank_test(y: Array, v: Array) -> RankTest:
    """Return Begg and Mazumdar's rank correlation."""
    w = 1 / v
    centre = float(np.sum(w * y) / np.sum(w))
    deviate = (y - centre) / np.sqrt(v - 1 / np.sum(w))
    exact = np.unique(deviate).size == y.size and np.unique(v).size == y.size
    result = kendalltau(deviate, v, method="exact" if exact else "asymptotic")
    return RankTest(tau=float(result.statistic), p_value=float(result.pvalue), exact=bool(exact))


def rosenthal(y: Array, v: Array) -> int:
    """Return how many effects of 0 would bring the combined one-sided p to 0.05."""
    z = abs(float(np.sum(y / np.sqrt(v)))) / math.sqrt(y.size)
    return max(0, math.ceil(y.size * (z / float(norm.isf(FAIL_SAFE_ALPHA))) ** 2 - y.size))


def rosenberg(y: Array, v: Array) -> int:
    """Return how many effects of 0 of mean weight would bring the common effect's two-sided p to 0.05."""
    w = 1 / v
    missing = float(np.sum(w * y)) ** 2 / float(norm.isf(FAIL_SAFE_ALPHA / 2)) ** 2 - float(np.sum(w))
    return max(0, math.ceil(y.size * missing / float(np.sum(w))))

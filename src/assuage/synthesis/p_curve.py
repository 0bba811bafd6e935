r"""P-curve: whether the significant results of a literature could be all noise, or all weakly powered.

Only two-sided p < 0.05 enters. x is the squared statistic, chi² with 1 (z) or F with 1 and q (t) degrees of freedom,
non-centrality c; F_c its distribution, c33 the c at which the power of p < 0.05 is 1/3, h its power of p < 0.025.

| pp-value | full curve | half curve (p < 0.025) |
|---|---|---|
| right skew (no effect) | p/0.05 | p/0.025 |
| flatter than 33 % power | (F_c33(x) − 2/3)/(1/3) | (F_c33(x) − (1 − h))/h |

Each row is combined by Stouffer: Z = Σ Φ⁻¹(pp)/sqrt k, p = Φ(Z). Binomial tests hold the share of p < 0.025 against ½
and against 3h. Power: the one at which Z of (F_c(x) − (1 − power))/power is 0, between 5 % and 99 %; 90 % interval
where Φ(Z) is 0.95 and 0.05. Evidential value: half p < 0.05, or half and full p < 0.1. Inadequate: flat full p <
0.05, or flat half and binomial p < 0.1. The half-curve test of flatness of p-curve.com (app 4) puts 3h for h in
the table, so that its pp-values start at 2/3 under 33 % power and not at 0; the table is the definition.
Simonsohn, Nelson and Simmons 2014, doi:10.1037/a0033242; 2015,
doi:10.1037/xge0000104.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq
from scipy.stats import binom, chi2, f, ncf, ncx2, norm

from assuage.errors import DataError
from assuage.synthesis.heterogeneity import Array

TINY = 2.2e-16
LEAST_POWER, MOST_POWER = 0.051, 0.99


@dataclass(frozen=True, kw_only=True)
class CurveTest:
    """One hypothesis: binomial p, and Z and p of the full and the half curve (nan without p < 0.025)."""

    binomial_p: float
    full_z: float
    full_p: float
    half_z: float
    half_p: float


@dataclass(frozen=True, kw_only=True)
class PCurve:
    """A p-curve: how many results entered, both tests, power in percent with its 90 % interval, and the verdicts.

    `flat_half_z_of_the_app` is what p-curve.com and its ports print for the half curve; nothing here uses it.
    """

    given: int
    significant: int
    below_025: int
    right_skew: CurveTest
    flat: CurveTest
    flat_half_z_of_the_app: float
    power_percent: float
    power_ci_percent: tuple[float, float]
    evidential_value: bool
    inadequate: bool


def p_curve(statistics: Array, df: Array | None = None) -> PCurve:
    """Return the p-curve of z statistics (k,), or of t statistics with degrees of freedom df (k,).

    Raises
    ------
    DataError
        No statistic is significant.
    """
    statistics = np.asarray(statistics, float)
    df = np.full(statistics.size, np.inf) if df is None else np.asarray(df, float)
    x, p = statistics**2, _upper(statistics**2, df, np.zeros(statistics.size))
    chosen = p < 0.05
    if not np.any(chosen):
        raise DataError("no result has p < 0.05; a p-curve needs at least one")
    x, p, q = x[chosen], p[chosen], df[chosen]
    half = p < 0.025
    c33 = np.array([_noncentrality(1 / 3, float(value)) for value in q])
    h = _upper(_critical(0.025, q), q, c33)
    flat_full = 3 * (_lower(x, q, c33) - 2 / 3)
    flat_half = (_lower(x, q, c33) - (1 - h)) / h
    k, r = int(p.size), int(np.sum(half))
    skew = _test(float(binom.sf(r - 1, k, 0.5)), 20 * p, 40 * p[half])
    flat = _test(float(binom.cdf(r, k, float(np.mean(3 * h)))), flat_full, flat_half[half])
    power = _power(x, q, 0.5)
    return PCurve(
        given=int(statistics.size), significant=k, below_025=r, right_skew=skew, flat=flat,
        flat_half_z_of_the_app=_stouffer((_lower(x, q, c33)[half] - (1 - 3 * h[half])) / (3 * h[half])),
        power_percent=100 * power, power_ci_percent=(100 * _power(x, q, 0.95), 100 * _power(x, q, 0.05)),
        evidential_value=skew.half_p < 0.05 or (skew.half_p < 0.1 and skew.full_p < 0.1),
        inadequate=flat.full_p < 0.05 or (flat.half_p < 0.1 and flat.binomial_p < 0.1),
    )  # fmt: skip


def _test(binomial_p: float, full: Array, half: Array) -> CurveTest:
    full_z, half_z = _stouffer(full), _stouffer(half)
    return CurveTest(
        binomial_p=binomial_p,
        full_z=full_z,
        full_p=float(norm.cdf(full_z)),
        half_z=half_z,
        half_p=float(norm.cdf(half_z)),
    )


def _stouffer(pp: Array) -> float:
    if pp.size == 0:
        return math.nan
    return float(np.sum(norm.ppf(np.clip(pp, TINY, 1 - TINY))) / math.sqrt(pp.size))


def _upper(x: Array, q: Array, c: Array) -> Array:
    return np.array([_tail(*each, sf=True) for each in np.broadcast(x, q, c)])


def _lower(x: Array, q: Array, c: Array) -> Array:
    return np.array([_tail(*each, sf=False) for each in np.broadcast(x, q, c)])


def _tail(x: float, q: float, c: float, *, sf: bool) -> float:
    if c == 0:
        return float(
            (chi2.sf(x, 1) if sf else chi2.cdf(x, 1)) if math.isinf(q) else f.sf(x, 1, q) if sf else f.cdf(x, 1, q)
        )
    return float(
        (ncx2.sf(x, 1, c) if sf else ncx2.cdf(x, 1, c))
        if math.isinf(q)
        else ncf.sf(x, 1, q, c)
        if sf
        else ncf.cdf(x, 1, q, c)
    )


def _critical(p: float, q: Array) -> Array:
    return np.array([float(chi2.isf(p, 1) if math.isinf(value) else f.isf(p, 1, value)) for value in q])


def _noncentrality(power: float, q: float) -> float:
    critical = float(_critical(0.05, np.array([q]))[0])
    return float(brentq(lambda c: _tail(critical, q, c, sf=True) - power, 1e-9, 40.0, xtol=1e-12))


def _power(x: Array, q: Array, target: float) -> float:
    """Return the power at which Φ(Z) is `target`, cut to the range of the search."""

    def level(power: float) -> float:
        known = {value: _noncentrality(power, value) for value in set(q.tolist())}
        c = np.array([known[value] for value in q.tolist()])
        return float(norm.cdf(_stouffer((_lower(x, q, c) - (1 - power)) / power))) - target

    return _cut_root(level)


def _cut_root(level: Callable[[float], float]) -> float:
    low, high = level(LEAST_POWER), level(MOST_POWER)
    if low <= 0:
        return LEAST_POWER
    if high >= 0:
        return MOST_POWER
    return float(brentq(level, LEAST_POWER, MOST_POWER, xtol=1e-6))

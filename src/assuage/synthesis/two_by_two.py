r"""Mantel-Haenszel and Peto: pooling counts themselves, so that sparse tables need no correction.

a b c d, n1 n2 N, x t as in `measures`; sums run over studies; R = Σ a n2/N etc.

| measure | pooled | variance |
|---|---|---|
| OR | log R/S, R = Σ ad/N, S = Σ bc/N | ½[ΣPR/R² + Σ(PS + QR)/(RS) + ΣQS/S²], P = (a + d)/N, Q = (b + c)/N [1] |
| RR | log R/S, R = Σ a n2/N, S = Σ c n1/N | Σ(n1 n2 (a + c)/N² − ac/N)/(RS) [2] |
| RD | Σ(a n2 − c n1)/N / Σ n1 n2/N | Sato, Greenland and Robins 1989, doi:10.2307/2531515 |
| IRR | log R/S, R = Σ x1 t2/T, S = Σ x2 t1/T | Σ(t1 t2 (x1 + x2)/T²)/(RS) [3] |
| IRD | Σ(x1 t2 − x2 t1)/T / Σ t1 t2/T | Σ (t1 t2/T)² (x1/t1² + x2/t2²)/(Σ t1 t2/T)² (the same) |
| Peto OR | Σ(O − E)/ΣV | 1/ΣV (Yusuf et al. 1985, doi:10.1016/S0033-0620(85)80003-7) |

[1] Robins, Breslow, Greenland 1986, doi:10.2307/2531052
[2] Greenland and Robins 1985, doi:10.2307/2530643
[3] Rothman, Greenland, Lash 2008, Modern Epidemiology, ch. 15

Q = Σ (y − pooled)²/v over the studies' own effects (½ added to the cells of a study with a zero for Mantel-Haenszel;
no study without events, or with events only, in both arms counts there for OR and RR). H² = Q/(k − 1), I² = max(0, 1
− 1/H²). Cochran-Mantel-Haenszel test with continuity correction: (max(0, |Σ(a − E)| − ½))²/ΣV.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.stats import chi2, norm

from assuage.errors import DataError
from assuage.synthesis.heterogeneity import Array
from assuage.synthesis.measures import MEASURES, peto, with_half
from assuage.synthesis.pooling import Omnibus

Given = Mapping[str, Array]

MANTEL_HAENSZEL = ("OR", "RR", "RD", "IRR", "IRD")


@dataclass(frozen=True, kw_only=True)
class CountFit:
    """A pooled effect of counts (log scale for ratios)."""

    method: str
    measure: str
    level: float
    k: int
    estimate: float
    se: float
    statistic: float
    p_value: float
    ci_low: float
    ci_high: float
    q: Omnibus
    i2_percent: float
    h2: float
    association: Omnibus | None


def mantel_haenszel(measure: str, given: Given, *, level: float = 0.95) -> CountFit:
    """Pool counts a b c d, or x1 t1 x2 t2, each (k,), by Mantel and Haenszel (1959).

    Raises
    ------
    DataError
        Another measure, or no events that would inform it.
    """
    if measure not in MANTEL_HAENSZEL:
        raise DataError(f"method MH pools {', '.join(MANTEL_HAENSZEL)}, not {measure}; take --method REML")
    estimate, variance = _POOLED[measure](given)
    if not (math.isfinite(estimate) and math.isfinite(variance) and variance > 0):
        raise DataError(f"method MH: the events of all studies together leave {measure} undefined; take --measure RD")
    informative = _informative(measure, given)
    corrected, _ = with_half(measure, {name: values[informative] for name, values in given.items()})
    compute = MEASURES[measure].compute
    assert compute is not None
    with np.errstate(divide="ignore", invalid="ignore"):
        y, v = compute(corrected)
    return _fit("MH", measure, estimate, variance, y, v, level=level, association=_association(given))


def pool_peto(given: Given, *, level: float = 0.95) -> CountFit:
    """Pool counts a b c d (k,) by Peto's method; studies without any event, or only events, carry nothing.

    Raises
    ------
    DataError
        No study carries information.
    """
    y, v = peto(given)
    informative = np.isfinite(v)
    if not np.any(informative):
        raise DataError("method Peto: no study has both events and non-events; take --measure RD")
    y, v = y[informative], v[informative]
    total = float(np.sum(1 / v))
    return _fit("Peto", "PETO", float(np.sum(y / v)) / total, 1 / total, y, v, level=level, association=None)


def _fit(
    method: str, measure: str, estimate: float, variance: float, y: Array, v: Array,
    *, level: float, association: Omnibus | None,
) -> CountFit:  # fmt: skip
    se = math.sqrt(variance)
    half = float(norm.ppf(0.5 + level / 2)) * se
    df = max(int(y.size) - 1, 0)
    q = float(np.sum((y - estimate) ** 2 / v))
    return CountFit(
        method=method, measure=measure, level=level, k=int(y.size), estimate=estimate, se=se,
        statistic=estimate / se, p_value=float(2 * norm.sf(abs(estimate / se))),
        ci_low=estimate - half, ci_high=estimate + half,
        q=Omnibus(statistic=q, df1=df, df2=None, p_value=float(chi2.sf(q, df)) if df else 1.0),
        h2=q / df if df else 1.0, i2_percent=max(0.0, 100 * (q - df) / q) if df and q > 0 else 0.0,
        association=association,
    )  # fmt: skip


def _informative(measure: str, t: Given) -> np.ndarray:
    if measure == "OR":
        return np.asarray((t["a"] + t["c"] > 0) & (t["b"] + t["d"] > 0))
    if measure == "RR":
        return np.asarray((t["a"] + t["c"] > 0) & (t["b"] + t["d"] > 0))
    if measure == "IRR":
        return np.asarray(t["x1"] + t["x2"] > 0)
    return np.ones(next(iter(t.values())).shape, bool)


def _mh_or(t: Given) -> tuple[float, float]:
    a, b, c, d = t["a"], t["b"], t["c"], t["d"]
    n = a + b + c + d
    p, q, r, s = (a + d) / n, (b + c) / n, a * d / n, b * c / n
    big_r, big_s = float(np.sum(r)), float(np.sum(s))
    if big_r == 0 or big_s == 0:
        return math.nan, math.nan
    variance = 0.5 * (
        np.sum(p * r) / big_r**2 + np.sum(p * s + q * r) / (big_r * big_s) + np.sum(q * s) / big_s**2
    )  # fmt: skip
    return math.log(big_r / big_s), float(variance)


def _mh_rr(t: Given) -> tuple[float, float]:
    a, c, n1, n2 = t["a"], t["c"], t["a"] + t["b"], t["c"] + t["d"]
    n = n1 + n2
    r, s = float(np.sum(a * n2 / n)), float(np.sum(c * n1 / n))
    if r == 0 or s == 0:
        return math.nan, math.nan
    return math.log(r / s), float(np.sum(n1 * n2 * (a + c) / n**2 - a * c / n) / (r * s))


def _mh_rd(t: Given) -> tuple[float, float]:
    a, c, n1, n2 = t["a"], t["c"], t["a"] + t["b"], t["c"] + t["d"]
    n = n1 + n2
    weight = float(np.sum(n1 * n2 / n))
    pooled = float(np.sum((a * n2 - c * n1) / n)) / weight
    p = (n1**2 * c - n2**2 * a + n1 * n2 * (n2 - n1) / 2) / n**2
    q = (a * (n2 - c) + c * (n1 - a)) / (2 * n)
    return pooled, float(pooled * np.sum(p) + np.sum(q)) / weight**2


def _mh_irr(t: Given) -> tuple[float, float]:
    total = t["t1"] + t["t2"]
    r, s = float(np.sum(t["x1"] * t["t2"] / total)), float(np.sum(t["x2"] * t["t1"] / total))
    if r == 0 or s == 0:
        return math.nan, math.nan
    return math.log(r / s), float(np.sum(t["t1"] * t["t2"] * (t["x1"] + t["x2"]) / total**2) / (r * s))


def _mh_ird(t: Given) -> tuple[float, float]:
    total = t["t1"] + t["t2"]
    weight = t["t1"] * t["t2"] / total
    pooled = float(np.sum((t["x1"] * t["t2"] - t["x2"] * t["t1"]) / total) / np.sum(weight))
    variance = np.sum(weight**2 * (t["x1"] / t["t1"] ** 2 + t["x2"] / t["t2"] ** 2)) / np.sum(weight) ** 2
    return pooled, float(variance)


_POOLED = {"OR": _mh_or, "RR": _mh_rr, "RD": _mh_rd, "IRR": _mh_irr, "IRD": _mh_ird}


def _association(t: Given) -> Omnibus | None:
    """Return the Mantel-Haenszel test of association with continuity correction; None without variance."""
    if "a" in t:
        a, n1, n2, m1 = t["a"], t["a"] + t["b"], t["c"] + t["d"], t["a"] + t["c"]
        n = n1 + n2
        expected, variance = n1 * m1 / n, n1 * n2 * m1 * (n - m1) / (n**2 * (n - 1))
    else:
        a, n = t["x1"], t["t1"] + t["t2"]
        expected = t["t1"] * (t["x1"] + t["x2"]) / n
        variance = (t["x1"] + t["x2"]) * t["t1"] * t["t2"] / n**2
    total = float(np.sum(variance))
    if total <= 0:
        return None
    statistic = max(0.0, abs(float(np.sum(a - expected))) - 0.5) ** 2 / total
    return Omnibus(statistic=statistic, df1=1, df2=None, p_value=float(chi2.sf(statistic, 1)))

r"""One model for pooling and meta-regression: y = X b + u + e, solved by weighted least squares.

| symbol | meaning |
|---|---|
| w | 1/(v + tau²) |
| b, M | M X'Wy and (X'WX)⁻¹ |
| Q, QE | Σ (y − Xb)²/v with weights 1/v: (residual) heterogeneity, chi² with k − p degrees of freedom |
| QM | b'C⁻¹b over the moderators: chi² with m degrees of freedom, or F = QM/m with m and k − p |
| R² | share of the tau² without moderators that the moderators take away (Raudenbush 2009), not below 0 |

| test | standard errors | reference |
|---|---|---|
| `z` | sqrt(diag M) | normal |
| `t` | sqrt(diag M) | t with k − p |
| `hk` | sqrt(s diag M), s = Σ w (y − Xb)²/(k − p) | t with k − p [1] |
| `hk-adhoc` | the same with max(1, s): never narrower than `t` | [2] |

[1] Hartung and Knapp 2001, doi:10.1002/sim.791; Knapp and Hartung 2003, doi:10.1002/sim.1482
[2] Röver, Knapp and Friede 2015, doi:10.1186/s12874-015-0091-1

Prediction interval of the true effect of a new study: b ± q sqrt(se² + tau²), q of the test's own reference, or t
with k − p − 1 degrees of freedom with `prediction_df="k-2"` (Higgins, Thompson and Spiegelhalter 2009,
doi:10.1111/j.1467-985X.2008.00552.x).

Log likelihoods carry their constants (also ½ log det X'X in the restricted one, Harville 1974); AIC, BIC and AICc
count p + 1 parameters (p for EE) and k observations, k − p for the restricted likelihood.
"""

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.stats import chi2, f, norm, t

from assuage.errors import DataError
from assuage.synthesis.heterogeneity import (
    Array,
    Projection,
    estimate_tau2,
    h2_ratio,
    i2_from_q,
    i2_percent,
    project,
    require_independent,
    tau2_interval,
    typical_variance,
)

TESTS = ("z", "t", "hk", "hk-adhoc")
PREDICTION_DF = ("test", "k-2")


@dataclass(frozen=True, kw_only=True)
class Coefficients:
    """Coefficients (p,) with standard errors, test statistics, p-values and interval bounds."""

    names: tuple[str, ...]
    estimate: Array
    se: Array
    statistic: Array
    p_value: Array
    ci_low: Array
    ci_high: Array
    df: float | None
    covariance: Array
    df_each: tuple[float, ...] | None = None

    def rows(self) -> list[dict[str, Any]]:
        """Return one record per coefficient."""
        return [
            {
                "name": name,
                "estimate": float(self.estimate[i]),
                "se": float(self.se[i]),
                "statistic": float(self.statistic[i]),
                "p_value": float(self.p_value[i]),
                "ci_low": float(self.ci_low[i]),
                "ci_high": float(self.ci_high[i]),
                "df": self.df if self.df_each is None else self.df_each[i],
            }
            for i, name in enumerate(self.names)
        ]


@dataclass(frozen=True, kw_only=True)
class Omnibus:
    """A test of several coefficients, or of heterogeneity (`df2` None: chi², else F)."""

    statistic: float
    df1: int
    df2: float | None
    p_value: float


@dataclass(frozen=True, kw_only=True)
class Information:
    """Log likelihood and information criteria."""

    log_likelihood: float
    aic: float
    bic: float
    aicc: float


@dataclass(frozen=True, kw_only=True)
class Heterogeneity:
    """How much true effects differ, with the interval of each figure."""

    tau2: float
    tau2_se: float
    tau2_ci: tuple[float, float]
    i2_percent: float
    i2_ci: tuple[float, float]
    h2: float
    h2_ci: tuple[float, float]
    q: Omnibus
    i2_from_q: tuple[float, float, float]
    """I² = 1 − df/Q in percent with its bounds."""


@dataclass(frozen=True, kw_only=True)
class Fit:
    """A pooled effect or a meta-regression of k effects.

    y, v, x: the data (k,), (k,), (k, p); weights_percent (k,) of the first coefficient where it stands alone.
    """

    method: str
    test: str
    level: float
    y: Array
    v: Array
    x: Array
    coefficients: Coefficients
    prediction: tuple[float, float] | None
    prediction_df: float | None
    heterogeneity: Heterogeneity
    moderators: Omnibus | None
    r2_percent: float | None
    weights_percent: Array
    likelihood: dict[str, Information]
    model_covariance: Array

    @property
    def k(self) -> int:
        """Number of effects."""
        return int(self.y.size)

    @property
    def tau2(self) -> float:
        """Variance of true effects around the model."""
        return self.heterogeneity.tau2

    @property
    def intercept_only(self) -> bool:
        """Whether this is a plain pooled effect."""
        return self.x.shape[1] == 1 and bool(np.all(self.x == 1))


def pool(
    y: Array,
    v: Array,
    x: Array | None = None,
    *,
    names: tuple[str, ...] = ("intercept",),
    method: str = "REML",
    test: str = "z",
    level: float = 0.95,
    prediction_df: str = "test",
    with_intervals: bool = True,
) -> Fit:
    """Pool effects y (k,) of variances v (k,), or regress them on x (k, p).

    `with_intervals=False` leaves out the Q-profile interval and R², for the many refits of a leave-one-out.

    Raises
    ------
    DataError
        A method or test that is not known, a variance that is not positive, or too few studies.
    """
    y, v = np.asarray(y, float), np.asarray(v, float)
    x = np.ones((y.size, 1)) if x is None else np.asarray(x, float)
    _require(y, v, x, test=test, level=level, prediction_df=prediction_df)
    k, p = x.shape
    if k == 1:
        method, test = "EE", "z"
    tau2 = estimate_tau2(y, v, x, method)
    fit = project(y, x, 1 / (v + tau2.value))
    coefficients = coefficients_of(fit.beta, fit.M, names, test=test, level=level, df=k - p, scale=_scale(fit, k - p))
    heterogeneity = _heterogeneity(y, v, x, tau2.value, tau2.se, method=method, level=level, full=with_intervals)
    result = Fit(
        method=method, test=test, level=level, y=y, v=v, x=x, coefficients=coefficients,
        prediction=None, prediction_df=None, heterogeneity=heterogeneity,
        moderators=omnibus(coefficients, x, df2=None if test == "z" else k - p),
        r2_percent=_r2(y, v, x, tau2.value, method) if with_intervals else None,
        weights_percent=100 * fit.w / float(np.sum(fit.w)),
        likelihood=_likelihoods(fit, x, with_tau2=method != "EE"),
        model_covariance=fit.M,
    )  # fmt: skip
    return _with_prediction(result, prediction_df) if method != "EE" and result.intercept_only else result


def _require(y: Array, v: Array, x: Array, *, test: str, level: float, prediction_df: str) -> None:
    if y.size == 0:
        raise DataError("no study is left to pool; give at least one row with an effect and its variance")
    if test not in TESTS:
        raise DataError(f"test {test!r} is not known; take one of {', '.join(TESTS)}")
    if prediction_df not in PREDICTION_DF:
        raise DataError(f"prediction interval {prediction_df!r} is not known; take one of {', '.join(PREDICTION_DF)}")
    if not 0 < level < 1:
        raise DataError(f"level {level:g} is not between 0 and 1; write for example 0.95")
    if not (np.all(np.isfinite(y)) and np.all(np.isfinite(v)) and np.all(v > 0)):
        raise DataError("an effect or variance is missing or not positive; every study needs both")
    if x.shape[0] < x.shape[1]:
        raise DataError(f"{x.shape[0]} studies cannot carry {x.shape[1]} coefficients; take fewer moderators")
    require_independent(x)


def _scale(fit: Projection, df: int) -> float:
    return fit.rss / df if df > 0 else math.nan


def coefficients_of(
    beta: Array,
    covariance: Array,
    names: tuple[str, ...],
    *,
    test: str,
    level: float,
    df: float,
    scale: float = 1.0,
) -> Coefficients:
    """Return coefficients with intervals and p-values by one of `TESTS`."""
    factor = {"hk": scale, "hk-adhoc": max(1.0, scale) if scale == scale else math.nan}.get(test, 1.0)  # noqa: PLR0124
    covariance = covariance * factor
    se = np.sqrt(np.diag(covariance))
    with np.errstate(divide="ignore", invalid="ignore"):
        statistic = beta / se
    if test == "z":
        p_value, quantile = 2 * norm.sf(np.abs(statistic)), float(norm.ppf(0.5 + level / 2))
    elif df > 0:
        p_value, quantile = 2 * t.sf(np.abs(statistic), df), float(t.ppf(0.5 + level / 2, df))
    else:
        p_value, quantile = np.full_like(beta, math.nan), math.nan
    return Coefficients(
        names=names, estimate=beta, se=se, statistic=statistic, p_value=np.asarray(p_value, float),
        ci_low=beta - quantile * se, ci_high=beta + quantile * se,
        df=None if test == "z" else float(df), covariance=covariance,
    )  # fmt: skip


def omnibus(coefficients: Coefficients, x: Array, *, df2: float | None) -> Omnibus | None:
    """Test all coefficients but the intercept together; None where there is nothing but an intercept."""
    chosen = [i for i in range(x.shape[1]) if not np.all(x[:, i] == 1)]
    if not chosen:
        return None
    beta = coefficients.estimate[chosen]
    quadratic = float(beta @ np.linalg.solve(coefficients.covariance[np.ix_(chosen, chosen)], beta))
    m = len(chosen)
    if df2 is None:
        return Omnibus(statistic=quadratic, df1=m, df2=None, p_value=float(chi2.sf(quadratic, m)))
    p_value = float(f.sf(quadratic / m, m, df2)) if df2 > 0 else math.nan
    return Omnibus(statistic=quadratic / m, df1=m, df2=df2, p_value=p_value)


def _heterogeneity(
    y: Array, v: Array, x: Array, tau2: float, se: float, *, method: str, level: float, full: bool
) -> Heterogeneity:
    k, p = x.shape
    q = project(y, x, 1 / v).rss
    cochran = Omnibus(statistic=q, df1=k - p, df2=None, p_value=float(chi2.sf(q, k - p)) if k > p else 1.0)
    none = (math.nan, math.nan)
    if k == p:
        return Heterogeneity(
            tau2=tau2, tau2_se=math.nan, tau2_ci=none, i2_percent=0.0, i2_ci=none, h2=1.0, h2_ci=none, q=cochran,
            i2_from_q=(0.0, *none),
        )  # fmt: skip
    s2 = typical_variance(v, x)
    interval = tau2_interval(y, v, x, level) if full else none
    if method == "EE":
        h2, i2 = q / (k - p), max(0.0, 100 * (1 - (k - p) / q)) if q > 0 else 0.0
    else:
        h2, i2 = h2_ratio(tau2, s2), i2_percent(tau2, s2)
    return Heterogeneity(
        tau2=tau2, tau2_se=se, tau2_ci=interval, i2_percent=i2,
        i2_ci=(i2_percent(interval[0], s2), i2_percent(interval[1], s2)), h2=h2,
        h2_ci=(h2_ratio(interval[0], s2), h2_ratio(interval[1], s2)), q=cochran,
        i2_from_q=i2_from_q(q, k - p, level),
    )  # fmt: skip


def _r2(y: Array, v: Array, x: Array, tau2: float, method: str) -> float | None:
    has_intercept = any(np.all(column == 1) for column in x.T)
    if x.shape[1] == 1 or not has_intercept or method == "EE":
        return None
    without = estimate_tau2(y, v, np.ones((y.size, 1)), method).value
    return max(0.0, 100 * (without - tau2) / without) if without > 0 else None


def _likelihoods(fit: Projection, x: Array, *, with_tau2: bool) -> dict[str, Information]:
    k, p = x.shape
    log_w = float(np.sum(np.log(fit.w)))
    ml = 0.5 * (log_w - k * math.log(2 * math.pi) - fit.rss)
    reml = 0.5 * (
        log_w - (k - p) * math.log(2 * math.pi) - fit.rss
        + float(np.linalg.slogdet(fit.M)[1]) + float(np.linalg.slogdet(x.T @ x)[1])
    )  # fmt: skip
    parameters = p + with_tau2
    return {"ML": information(ml, parameters, k), "REML": information(reml, parameters, k - p)}


def information(log_likelihood: float, parameters: int, observations: int) -> Information:
    """Return AIC, BIC and AICc (Hurvich and Tsai 1989, doi:10.1093/biomet/76.2.297)."""
    most = max(observations, parameters + 2)
    return Information(
        log_likelihood=log_likelihood,
        aic=2 * parameters - 2 * log_likelihood,
        bic=parameters * math.log(observations) - 2 * log_likelihood if observations > 0 else math.nan,
        aicc=2 * parameters * most / (most - parameters - 1) - 2 * log_likelihood,
    )


def _with_prediction(fit: Fit, prediction_df: str) -> Fit:
    df = fit.k - 2 if prediction_df == "k-2" else fit.coefficients.df
    if df is not None and df <= 0:
        return fit
    low, high = prediction_interval(
        float(fit.coefficients.estimate[0]), float(fit.coefficients.se[0]), fit.tau2, level=fit.level, df=df
    )
    return replace(fit, prediction=(low, high), prediction_df=df)


def prediction_interval(
    estimate: float, se: float, variance: float, *, level: float, df: float | None
) -> tuple[float, float]:
    """Return the interval of the true effect of a new study; df None: normal."""
    quantile = float(norm.ppf(0.5 + level / 2) if df is None else t.ppf(0.5 + level / 2, df))
    half = quantile * math.sqrt(se**2 + variance)
    return estimate - half, estimate + half

r"""How much true effects differ: seven estimators of tau², its interval, and I² and H² that follow from it.

Model: y = X b + u + e, u ~ N(0, tau²), e ~ N(0, v_i) with v_i known.

| symbol | meaning |
|---|---|
| y, v | effect (k,) and its sampling variance (k,) |
| X | design (k, p); a column of ones where nothing is regressed on |
| w | 1/(v + tau²); w0 = 1/v |
| M, P | (X'WX)⁻¹ and W − W X M X'W; RSS = y'Py |
| Q(tau²) | y'Py at tau²; Cochran's Q = Q(0) with k − p degrees of freedom |
| s² | typical sampling variance (k − p)/tr P at tau² = 0 (Higgins and Thompson 2002) |

| method | tau² (all are cut at 0) | source |
|---|---|---|
| REML | maximum of −½[Σ log(v + tau²) + log det X'WX + RSS] | Raudenbush 2009, in Cooper, Hedges, Valentine |
| ML | maximum of −½[Σ log(v + tau²) + RSS] | Hardy and Thompson 1996, doi:10.1002/(SICI)1097-0258(19960330)15:6<619 |
| DL | (Q(0) − (k − p))/tr P, w = w0 | DerSimonian and Laird 1986, doi:10.1016/0197-2456(86)90046-2 |
| PM, EB | Q(tau²) = k − p | Paule and Mandel 1982, doi:10.6028/jres.087.022; Morris 1983, doi:10.2307/2287098 |
| HE | (RSS − tr PV)/(k − p), w = 1 | Hedges and Olkin 1985, Statistical Methods for Meta-Analysis |
| HS | (Q(0) − k)/Σ w0 | Hunter and Schmidt 2004, Methods of Meta-Analysis |
| SJ | t0 Q(t0)/(k − p), t0 = Σ(y − mean)²/k | Sidik and Jonkman 2005, doi:10.1111/j.1467-9876.2005.00489.x |

PM and EB are the same number (Veroniki et al. 2016, doi:10.1002/jrsm.1164). The likelihood may have several maxima
where the variances differ by orders of magnitude: the highest is taken. Interval of tau²: Q-profile (Viechtbauer
2007, doi:10.1002/sim.2514), the tau² at which Q(tau²) is a quantile of chi² with k − p degrees of freedom. I² =
tau²/(tau² + s²), H² = 1 + tau²/s²; for a model without tau²: H² = Q/(k − p), I² = max(0, 1 − 1/H²).

Standard errors of tau²: REML sqrt(2/tr PP), ML sqrt(2/Σw²) (expected information); DL, HE, HS, SJ the variance of the
quadratic form, 2 tr(AΣAΣ), Σ = V + tau² (Biggerstaff and Tweedie 1997); PM by the delta method, k sqrt(2/(k − p))/Σw.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.stats import chi2, norm

from assuage.errors import DataError

Array = NDArray[np.float64]

METHODS = ("EE", "REML", "ML", "DL", "PM", "EB", "HE", "HS", "SJ")
"""EE: one common effect, tau² = 0."""


@dataclass(frozen=True, kw_only=True)
class Projection:
    """Weighted least squares at given weights: what every formula above is made of."""

    x: Array
    w: Array
    M: Array
    beta: Array
    residual: Array
    rss: float
    diagonal: Array

    @property
    def trace(self) -> float:
        """tr P."""
        return float(np.sum(self.diagonal))

    @property
    def trace_squared(self) -> float:
        """tr PP, the sum of the squares of P's elements, each pair of rows once: no difference of large numbers."""
        scaled = self.w[:, None] * self.x
        above = np.cumsum(scaled[:-1, :, None] * scaled[:-1, None, :], axis=0)
        turned = scaled[1:] @ self.M
        return float(np.sum(self.diagonal**2) + 2 * np.sum(turned[:, None, :] @ above @ turned[:, :, None]))


def project(y: Array, x: Array, w: Array) -> Projection:
    """Fit y (k,) on x (k, p) of full rank with weights w (k,)."""
    a = x.T @ (w[:, None] * x)
    scale = np.sqrt(np.diag(a))
    m = np.linalg.inv(a / np.outer(scale, scale)) / np.outer(scale, scale)
    beta = m @ (x.T @ (w * y))
    residual = y - x @ beta
    leverage = w * np.einsum("ij,jk,ik->i", x, m, x)
    return Projection(
        x=x, w=w, M=m, beta=beta, residual=residual, rss=float(np.sum(w * residual**2)),
        diagonal=w * np.maximum(0.0, 1 - leverage),
    )  # fmt: skip


def require_independent(x: Array) -> None:
    """Refuse a design (k, p) whose columns do not vary independently.

    Raises
    ------
    DataError
        Its rank is below p.
    """
    if np.linalg.matrix_rank(x / np.maximum(np.linalg.norm(x, axis=0), 1e-300)) < x.shape[1]:
        raise DataError("the moderators are not independent of each other over these studies; leave one out")


@dataclass(frozen=True, kw_only=True)
class Tau2:
    """An estimate of tau² and its standard error (nan where there is none)."""

    value: float
    se: float


def estimate_tau2(y: Array, v: Array, x: Array, method: str) -> Tau2:
    """Estimate tau² of effects y (k,) with variances v (k,) around x (k, p) by one of `METHODS`.

    Raises
    ------
    DataError
        The method is not known, or there are no more studies than coefficients.
    """
    k, p = x.shape
    if method not in METHODS:
        raise DataError(f"method {method!r} is not known; take one of {', '.join(METHODS)}")
    if method == "EE":
        return Tau2(value=0.0, se=float("nan"))
    if k <= p:
        raise DataError(f"{k} studies cannot carry {p} coefficients and tau²; take --method EE or fewer moderators")
    return _ESTIMATORS[method](y, v, x)


def _likelihood(y: Array, v: Array, x: Array, *, restricted: bool) -> Tau2:
    def at(tau2: float) -> Projection:
        return project(y, x, 1 / (v + tau2))

    def heights(tau2: Array) -> Array:
        w = 1 / (v[None, :] + tau2[:, None])
        a = np.einsum("tk,ki,kj->tij", w, x, x)
        beta = np.linalg.solve(a, np.einsum("tk,ki,k->ti", w, x, y)[:, :, None])[:, :, 0]
        rss = np.sum(w * (y[None, :] - beta @ x.T) ** 2, axis=1)
        penalty = np.linalg.slogdet(a)[1] if restricted else 0.0
        return np.asarray(0.5 * (np.sum(np.log(w), axis=1) - penalty - rss))

    def slope(tau2: float) -> float:
        fit = at(tau2)
        return 0.5 * (float(np.sum((fit.w * fit.residual) ** 2)) - (fit.trace if restricted else float(np.sum(fit.w))))

    value = _highest(heights, slope, scale=max(float(np.var(y)), float(np.median(v))))
    fit = at(value)
    information = fit.trace_squared if restricted else float(np.sum(fit.w**2))
    se = math.sqrt(2 / information) if information > 0 else math.nan
    return Tau2(value=value, se=se)


def _highest(heights: Callable[[Array], Array], slope: Callable[[float], float], *, scale: float) -> float:
    """Return the tau² >= 0 of the largest height: the best of a fine grid, then the root of the slope."""
    grid = np.concatenate([[0.0], scale * np.geomspace(1e-6, 1e2, 49)])
    best = int(np.argmax(heights(grid)))
    low, high = float(grid[max(best - 1, 0)]), float(grid[min(best + 1, grid.size - 1)])
    if slope(low) > 0 > slope(high):
        return float(brentq(slope, low, high, xtol=1e-14 * scale, rtol=1e-13))
    return float(grid[best])


def generalised_q(y: Array, v: Array, x: Array, tau2: float) -> float:
    """Return Q(tau²) = Σ (y − Xb)²/(v + tau²)."""
    return project(y, x, 1 / (v + tau2)).rss


def _where_q_is(target: float, y: Array, v: Array, x: Array) -> float:
    """Return the tau² >= 0 at which Q falls to `target`; 0 where it is below it already."""
    if generalised_q(y, v, x, 0.0) <= target:
        return 0.0
    high = float(np.var(y)) + float(np.max(v))
    while generalised_q(y, v, x, high) > target:
        high *= 4
    return float(brentq(lambda t: generalised_q(y, v, x, t) - target, 0.0, high, xtol=1e-14 * high, rtol=1e-13))


def _paule_mandel(y: Array, v: Array, x: Array) -> Tau2:
    k, p = x.shape
    value = _where_q_is(k - p, y, v, x)
    return Tau2(value=value, se=float(k * np.sqrt(2 / (k - p)) / np.sum(1 / (v + value))))


def _dersimonian_laird(y: Array, v: Array, x: Array) -> Tau2:
    k, p = x.shape
    fit = project(y, x, 1 / v)
    value = max(0.0, (fit.rss - (k - p)) / fit.trace)
    return Tau2(value=value, se=_quadratic_se(fit, k - p, value, fit.trace))


def _hunter_schmidt(y: Array, v: Array, x: Array) -> Tau2:
    k, p = x.shape
    fit = project(y, x, 1 / v)
    total = float(np.sum(fit.w))
    value = max(0.0, (fit.rss - k) / total)
    return Tau2(value=value, se=_quadratic_se(fit, k - p, value, total))


def _quadratic_se(fit: Projection, df: int, tau2: float, divisor: float) -> float:
    """Return the standard error of y'Py/divisor with P of the weights 1/v, where PVP = P."""
    return math.sqrt(2 * df + 4 * tau2 * fit.trace + 2 * tau2**2 * fit.trace_squared) / divisor


def _unweighted(y: Array, x: Array) -> tuple[Projection, Array]:
    fit = project(y, x, np.ones_like(y))
    hat = x @ fit.M @ x.T
    return fit, np.eye(y.size) - hat


def _hedges(y: Array, v: Array, x: Array) -> Tau2:
    k, p = x.shape
    fit, projector = _unweighted(y, x)
    value = max(0.0, (fit.rss - float(np.diag(projector) @ v)) / (k - p))
    return Tau2(value=value, se=_se_of_form(projector / (k - p), v + value))


def _sidik_jonkman(y: Array, v: Array, x: Array) -> Tau2:
    k, p = x.shape
    start = float(np.var(y))
    if start == 0.0:
        return Tau2(value=0.0, se=float("nan"))
    fit = project(y, x, 1 / (v + start))
    value = start * fit.rss / (k - p)
    full = np.diag(fit.w) - (fit.w[:, None] * x) @ fit.M @ (x * fit.w[:, None]).T
    return Tau2(value=value, se=_se_of_form(full * start / (k - p), v + value))


def _se_of_form(a: Array, sigma: Array) -> float:
    product = a * sigma[None, :]
    return float(np.sqrt(2 * np.sum(product * product.T)))


_ESTIMATORS: dict[str, Callable[[Array, Array, Array], Tau2]] = {
    "REML": lambda y, v, x: _likelihood(y, v, x, restricted=True),
    "ML": lambda y, v, x: _likelihood(y, v, x, restricted=False),
    "DL": _dersimonian_laird,
    "PM": _paule_mandel,
    "EB": _paule_mandel,
    "HE": _hedges,
    "HS": _hunter_schmidt,
    "SJ": _sidik_jonkman,
}


def tau2_interval(y: Array, v: Array, x: Array, level: float) -> tuple[float, float]:
    """Return the Q-profile interval of tau² (Viechtbauer 2007); (0, 0) where even tau² = 0 gives too small a Q."""
    k, p = x.shape
    tail = (1 - level) / 2
    low, high = (float(chi2.ppf(q, k - p)) for q in (1 - tail, tail))
    return _where_q_is(low, y, v, x), _where_q_is(high, y, v, x)


def typical_variance(v: Array, x: Array) -> float:
    """Return s² = (k − p)/tr P (Higgins and Thompson 2002, doi:10.1002/sim.1186)."""
    k, p = x.shape
    return float(k - p) / project(np.zeros_like(v), x, 1 / v).trace


def i2_percent(tau2: float, s2: float) -> float:
    """Return I² in percent."""
    return 100 * tau2 / (tau2 + s2)


def i2_from_q(q: float, df: int, level: float) -> tuple[float, float, float]:
    """Return I² = 1 − df/Q in percent with the test-based bounds of Higgins and Thompson 2002, doi:10.1002/sim.1186.

    The bounds are those of log H ± z se, H² = Q/df; se = ½ (log Q − log df)/(sqrt(2Q) − sqrt(2 df − 1)) where
    Q > df + 1, else sqrt((1 − 1/(3(df − 1)²))/(2(df − 1))); nan for df < 2.
    """
    if df < 1 or q <= 0:
        return 0.0, math.nan, math.nan
    share = max(0.0, 100 * (1 - df / q))
    if df < 2:
        return share, math.nan, math.nan
    if q > df + 1:
        se = 0.5 * (math.log(q) - math.log(df)) / (math.sqrt(2 * q) - math.sqrt(2 * df - 1))
    else:
        se = math.sqrt((1 - 1 / (3 * (df - 1) ** 2)) / (2 * (df - 1)))
    log_h, z = 0.5 * max(0.0, math.log(q / df)), float(norm.ppf(0.5 + level / 2))
    low, high = (max(0.0, 100 * (1 - math.exp(-2 * (log_h + sign * z * se)))) for sign in (-1, 1))
    return share, low, high


def h2_ratio(tau2: float, s2: float) -> float:
    """Return H²."""
    return 1 + tau2 / s2

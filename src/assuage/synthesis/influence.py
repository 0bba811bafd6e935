r"""What each study does to the result: leave-one-out and deletion diagnostics.

(i) marks a fit without study i, tau² estimated anew. b, M, w, tau² as in `pooling`; Viechtbauer and Cheung 2010,
doi:10.1002/jrsm.11, after Belsley, Kuh and Welsch 1980 and Cook and Weisberg 1982.

| figure | definition |
|---|---|
| hat h | diagonal of X M X'W |
| rstudent | (y − x b(i))/sqrt(v + tau²(i) + x M(i) x') |
| dffits | (x b − x b(i))/sqrt(h (v + tau²(i))) |
| Cook's distance | (b − b(i))' M⁻¹ (b − b(i)) |
| covratio | det M(i)/det M |
| dfbetas | (b − b(i))/sqrt(diag (X'W(i)X)⁻¹), W(i) of all studies at tau²(i) |

A study is marked influential where |dffits| > 3 sqrt(p/(k − p)), chi² with p degrees of freedom puts more than half
below Cook's distance, h > 3 p/k, or any |dfbetas| > 1.
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy.stats import chi2

from assuage.errors import DataError
from assuage.synthesis.heterogeneity import project
from assuage.synthesis.pooling import Fit, pool


@dataclass(frozen=True, kw_only=True)
class Deletion:
    """The result without one study, and what the study does by leaving; nan where it cannot be left out."""

    index: int
    estimate: float
    se: float
    p_value: float
    ci_low: float
    ci_high: float
    q: float
    q_p_value: float
    tau2: float
    i2_percent: float
    h2: float
    rstudent: float
    dffits: float
    cook: float
    covratio: float
    hat: float
    dfbetas: tuple[float, ...]
    weight_percent: float
    influential: bool


def leave_one_out(fit: Fit) -> tuple[Deletion, ...]:
    """Return what happens without each study in turn; the estimate is that of the first coefficient."""
    hat = np.einsum("ij,jk,ik->i", fit.x, fit.model_covariance, fit.x) / (fit.v + fit.tau2)
    return tuple(_without(fit, i, float(hat[i])) for i in range(fit.k))


def _without(fit: Fit, i: int, hat: float) -> Deletion:
    keep = np.arange(fit.k) != i
    try:
        rest = pool(
            fit.y[keep], fit.v[keep], fit.x[keep], names=fit.coefficients.names,
            method=fit.method, test=fit.test, level=fit.level, with_intervals=False,
        )  # fmt: skip
    except DataError:
        return _impossible(fit, i, hat)
    p = fit.x.shape[1]
    row = fit.x[i]
    change = fit.coefficients.estimate - rest.coefficients.estimate
    spread = float(fit.v[i]) + rest.tau2
    at_rest = project(fit.y, fit.x, 1 / (fit.v + rest.tau2)).M
    dfbetas = change / np.sqrt(np.diag(at_rest))
    dffits = float(row @ change) / math.sqrt(hat * spread)
    cook = float(change @ np.linalg.solve(fit.model_covariance, change))
    return Deletion(
        index=i,
        estimate=float(rest.coefficients.estimate[0]), se=float(rest.coefficients.se[0]),
        p_value=float(rest.coefficients.p_value[0]),
        ci_low=float(rest.coefficients.ci_low[0]), ci_high=float(rest.coefficients.ci_high[0]),
        q=rest.heterogeneity.q.statistic, q_p_value=rest.heterogeneity.q.p_value,
        tau2=rest.tau2, i2_percent=rest.heterogeneity.i2_percent, h2=rest.heterogeneity.h2,
        rstudent=float(fit.y[i] - row @ rest.coefficients.estimate)
        / math.sqrt(spread + float(row @ rest.model_covariance @ row)),
        dffits=dffits, cook=cook,
        covratio=float(np.linalg.det(rest.model_covariance) / np.linalg.det(fit.model_covariance)),
        hat=hat, dfbetas=tuple(float(value) for value in dfbetas), weight_percent=float(fit.weights_percent[i]),
        influential=bool(
            (fit.k > p and abs(dffits) > 3 * math.sqrt(p / (fit.k - p)))
            or chi2.cdf(cook, p) > 0.5
            or hat > 3 * p / fit.k
            or np.any(np.abs(dfbetas) > 1)
        ),
    )  # fmt: skip


def _impossible(fit: Fit, i: int, hat: float) -> Deletion:
    """Return the record of a study without which the model cannot be fitted."""
    n = math.nan
    return Deletion(
        index=i, estimate=n, se=n, p_value=n, ci_low=n, ci_high=n, q=n, q_p_value=n, tau2=n, i2_percent=n, h2=n,
        rstudent=n, dffits=n, cook=n, covratio=n, hat=hat, dfbetas=(n,) * fit.x.shape[1],
        weight_percent=float(fit.weights_percent[i]), influential=hat > 3 * fit.x.shape[1] / fit.k,
    )  # fmt: skip

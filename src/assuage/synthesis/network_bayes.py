"""A Bayesian check: the same network with a prior on tau, integrated exactly, without sampling.

With flat priors on the effects the normal model leaves one hard parameter, tau. Its posterior is prior times restricted
likelihood; given tau the effects are normal with the mean and covariance of the weighted regression:

    p(tau | y) ~ p(tau) exp(l_REML(tau^2)),      p(b | y) = integral N(b; b_hat(tau), C(tau)) p(tau | y) dtau

The integral is a Gauss-Legendre sum over s, tau = upper s^2 (dense near 0); quantiles are roots of the mixed
distribution function. `docs/network_meta_analysis.md` holds it against the published Markov chains of TSD 2.

| prior of tau | density |
|---|---|
| uniform:U | 1/U on (0, U) |
| half-normal:S | sqrt(2/pi)/S exp(-tau^2 / (2 S^2)) |

Counts are normal here through their log odds ratios; `network_binomial` (extra `bayes`) has the binomial likelihood.

Sources: Lu & Ades 2004, Stat Med 23:3105, 10.1002/sim.1875. Dias, Sutton, Ades & Welton 2013, Med Decis Making 33:607,
10.1177/0272989X12458724 (NICE Technical Support Document 2). Roever 2020, J Stat Softw 93(6), 10.18637/jss.v093.i06
(the same integral for pairs).
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import optimize, stats

from assuage.errors import DataError
from assuage.synthesis.network_arms import RATIOS
from assuage.synthesis.network_model import Array, Network, consistency_columns, fit, log_likelihood, rows_of

NODES = 400
"""Of the Gauss-Legendre sum; twice as many change no digit that is shown (a test holds it)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prior:
    """Of the between-study standard deviation tau."""

    kind: str
    scale: float

    @property
    def upper(self) -> float:
        """Where the integral ends."""
        return self.scale if self.kind == "uniform" else 8.0 * self.scale

    def log_density(self, tau: Array) -> Array:
        """Log density, up to a constant."""
        return np.zeros_like(tau) if self.kind == "uniform" else -0.5 * (tau / self.scale) ** 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Posterior:
    """Mean, standard deviation and the three quantiles of a parameter."""

    name: str
    mean: float
    sd: float
    low: float
    median: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class BayesCheck:
    """Posterior of tau and of every effect against the reference."""

    prior: Prior
    tau: Posterior
    effects: tuple[Posterior, ...]

    def as_json(self) -> dict[str, Any]:
        """Return it for machines."""

        def row(p: Posterior) -> dict[str, Any]:
            return {"mean": p.mean, "sd": p.sd, "ci_low": p.low, "median": p.median, "ci_high": p.high}

        return {
            "prior": f"{self.prior.kind}:{self.prior.scale:g}", "tau": row(self.tau),
            "against_reference": [{"treatment": p.name, **row(p)} for p in self.effects],
        }  # fmt: skip


def read_prior(text: str | None, network: Network) -> Prior:
    """Read `uniform:5` or `half-normal:1`; by default uniform up to 5 (log ratios, SMD) or to the largest contrast.

    Raises
    ------
    DataError
        Another form, or a scale that is not above 0.
    """
    if text is None:
        if network.measure in {*RATIOS, "SMD"}:
            return Prior(kind="uniform", scale=5.0)
        return Prior(kind="uniform", scale=float(max(np.abs(study.effects).max() for study in network.studies)) or 5.0)
    kind, _, number = text.partition(":")
    try:
        scale = float(number)
    except ValueError:
        scale = math.nan
    if kind not in {"uniform", "half-normal"} or not 0 < scale < math.inf:
        raise DataError(f"--bayes-prior {text!r} is not known; write uniform:5 or half-normal:1")
    return Prior(kind=kind, scale=scale)


def bayes_check(
    network: Network, *, reference: str, prior: Prior, level: float = 0.95, nodes: int = NODES
) -> BayesCheck:
    """Return the exact posterior of tau and of all effects against `reference`, flat priors on the effects."""
    rows = rows_of(network)
    columns = consistency_columns(rows, network.treatments, reference)
    s, weight = np.polynomial.legendre.leggauss(nodes)
    s, weight = (s + 1) / 2, weight / 2
    tau = prior.upper * s**2
    log_posterior = prior.log_density(tau) + np.array(
        [log_likelihood(rows, columns, float(t * t), restricted=True) for t in tau]
    )
    mass = weight * s * np.exp(log_posterior - log_posterior.max())
    mass /= mass.sum()
    fits = [fit(rows, columns, float(t * t)) for t in tau]
    means = np.array([done.beta for done in fits])
    spreads = np.array([np.sqrt(np.diag(done.covariance)) for done in fits])
    names = [name for name in network.treatments if name != reference]
    effects = tuple(_mixture(name, mass, means[:, i], spreads[:, i], level) for i, name in enumerate(names))
    return BayesCheck(prior=prior, tau=_of_tau(prior, tau, mass, level), effects=effects)


def _of_tau(prior: Prior, tau: Array, mass: Array, level: float) -> Posterior:
    """Summarise tau; the distribution function is the integral of the Legendre series through the nodes."""
    mean = float((mass * tau).sum())
    x = np.polynomial.legendre.leggauss(len(tau))[0]
    degrees = np.arange(len(tau) // 2)
    series = (degrees + 0.5) * (np.polynomial.legendre.legvander(x, len(degrees) - 1).T @ mass)
    below = np.polynomial.legendre.legint(series, lbnd=-1)

    def quantile(q: float) -> float:
        at = optimize.brentq(lambda t: float(np.polynomial.legendre.legval(t, below)) - q, -1.0, 1.0, xtol=1e-12)
        return prior.upper * ((float(at) + 1) / 2) ** 2

    low, middle, high = (quantile(q) for q in ((1 - level) / 2, 0.5, (1 + level) / 2))
    return Posterior(
        name="tau", mean=mean, sd=math.sqrt(float((mass * (tau - mean) ** 2).sum())), low=low, median=middle, high=high
    )


def _mixture(name: str, mass: Array, means: Array, spreads: Array, level: float) -> Posterior:
    mean = float((mass * means).sum())
    sd = math.sqrt(float((mass * (spreads**2 + (means - mean) ** 2)).sum()))
    keep = mass > 1e-12

    def quantile(q: float) -> float:
        def excess(x: float) -> float:
            return float((mass[keep] * stats.norm.cdf((x - means[keep]) / spreads[keep])).sum()) - q

        reach = 20 * float(spreads[keep].max()) + float(np.abs(means[keep]).max())
        return float(optimize.brentq(excess, -reach, reach, xtol=1e-10))

    low, middle, high = (quantile(q) for q in ((1 - level) / 2, 0.5, (1 + level) / 2))
    return Posterior(name=name, mean=mean, sd=sd, low=low, median=middle, high=high)

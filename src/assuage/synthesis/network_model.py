"""The model of network meta-analysis: studies as contrasts, weighted least squares, heterogeneity.

A study i compares k_i treatments. It enters as its k_i (k_i - 1) / 2 contrasts y_ab = a - b and their variances v_ab;
for independent arms v_ab = s_a^2 + s_b^2. Double centring turns the variances into the covariance of the arms about
their mean,

    G_i = -1/2 C V_i C,   C = I - 1 1'/k,     L_i = pinv(G_i + tau^2/2 C)     (Ruecker 2012)

so that the off-diagonal of -L_i holds the reduced weights of the contrasts of a multi-arm study. With G_i = U diag(l)
U', the k_i - 1 combinations z = U' theta_i are independent with variances l + tau^2/2, whatever tau is: the whole
network is one ordinary weighted regression z = U' X b + e. Between-study variance tau^2 is the same for every contrast
(correlation 1/2).

| symbol | meaning |
|---|---|
| b | parameters: effects against a reference treatment (consistency), or further ones (inconsistency models) |
| w = 1 / (l + tau^2/2) | weights of the independent combinations |
| Q = sum w (z - X b)^2 | generalised Q at tau^2 = 0; chi-square with df = sum (k_i - 1) - rank X when nothing varies |
| DL | tau^2 = max(0, 2 (Q - df) / tr M), M = W - W X (X'WX)^-1 X'W: moments, with multi-arm studies |
| ML, REML | maximum of -1/2 [sum log(l + tau^2/2) + Q(tau^2) (+ log det X'WX for REML)] |
| I^2 = max(0, (Q - df)/Q) | interval by the test-based method for H of Higgins & Thompson 2002 |
| interval of tau^2 | Q-profile: the tau^2 at which Q(tau^2) meets the quantiles of chi-square (Viechtbauer 2007) |

Where the contrasts of a multi-arm study contradict each other slightly (rounded numbers, standardised differences),
theta_i is their weighted least-squares fit with those reduced weights, and what does not fit is counted in Q, as
Ruecker does.

Sources: Ruecker 2012, Res Synth Methods 3:312, 10.1002/jrsm.1058. Ruecker & Schwarzer 2014, Stat Med 33:4353,
10.1002/sim.6236. DerSimonian & Laird 1986, 10.1016/0197-2456(86)90046-2; Jackson, White & Riley 2012, Stat Med 31:3805,
10.1002/sim.5453 (moments for several effects). White et al. 2012, Res Synth Methods 3:111, 10.1002/jrsm.1045. Higgins &
Thompson 2002, Stat Med 21:1539, 10.1002/sim.1186. Viechtbauer 2007, Stat Med 26:37, 10.1002/sim.2514.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, stats

from assuage.errors import DataError

Array = NDArray[np.float64]
METHODS = ("DL", "REML", "ML")


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkStudy:
    """One study: k treatments, its m = k (k - 1) / 2 contrasts in the order of `itertools.combinations`."""

    name: str
    treatments: tuple[str, ...]
    effects: Array
    """(m,) first minus second treatment, on the scale of analysis (log for ratios)."""
    variances: Array
    """(m,) of each contrast, as reported, not reduced for further arms."""
    participants: tuple[float | None, ...] = ()
    events: tuple[float | None, ...] = ()
    """(k,) as reported, where arms are counts."""
    moderators: dict[str, Any] = field(default_factory=dict)

    @property
    def design(self) -> tuple[str, ...]:
        """The set of treatments compared, sorted."""
        return tuple(sorted(self.treatments))

    def contrast(self, first: str, second: str) -> tuple[float, float] | None:
        """Effect and variance of first minus second, or None where the study does not compare them."""
        for (a, b), effect, variance in zip(
            combinations(self.treatments, 2), self.effects, self.variances, strict=True
        ):
            if (a, b) == (first, second):
                return float(effect), float(variance)
            if (b, a) == (first, second):
                return -float(effect), float(variance)
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """Studies of one connected network, and how they were read."""

    studies: tuple[NetworkStudy, ...]
    treatments: tuple[str, ...]
    measure: str
    notes: tuple[str, ...] = ()
    excluded: tuple[tuple[str, str], ...] = ()
    columns: dict[str, str] = field(default_factory=dict)

    @property
    def designs(self) -> tuple[tuple[str, ...], ...]:
        """Sets of treatments that were compared within one study, sorted."""
        return tuple(sorted({study.design for study in self.studies}))


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """The independent combinations of all studies: z = design @ theta with variances spread + tau^2/2."""

    design: Array
    """(r, t) over all treatments."""
    spread: Array
    """(r,)"""
    study: NDArray[np.intp]
    """(r,) index of the study a combination belongs to."""
    fixed_z: Array
    loose: tuple[tuple[slice, Array, Array, Array, Array], ...]
    """Studies whose contrasts do not close: rows, U, spread, incidence B, contrasts y."""

    def response(self, tau2: float) -> tuple[Array, float]:
        """Return z (r,) and the misfit inside the studies, both at this tau^2."""
        if not self.loose:
            return self.fixed_z, 0.0
        z, misfit = self.fixed_z.copy(), 0.0
        for place, basis, spread, incidence, y in self.loose:
            laplacian = basis @ np.diag(1.0 / (spread + tau2 / 2)) @ basis.T
            weights = -laplacian[np.triu_indices(len(laplacian), 1)]
            z[place] = (basis.T @ (incidence.T @ (weights * y))) * (spread + tau2 / 2)
            rest = y - incidence @ (basis @ z[place])
            misfit += float(rest @ (weights * rest))
        return z, misfit


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """Least squares at one tau^2: parameters (p,), covariance (p, p), Q and residual degrees of freedom."""

    beta: Array
    covariance: Array
    q: float
    df: int
    tau2: float
    parts: Array
    """(r,) what each combination adds to Q; misfit inside studies is not in it."""


def incidence(k: int) -> Array:
    """Return the matrix (m, k) that takes k arms to their contrasts in the order of `itertools.combinations`."""
    first, second = np.triu_indices(k, 1)
    matrix = np.zeros((len(first), k))
    matrix[np.arange(len(first)), first] = 1.0
    matrix[np.arange(len(first)), second] = -1.0
    return matrix


def centred_covariance(variances: Array, k: int) -> Array:
    """Return G (k, k), the covariance of k arms about their mean, from the variances (m,) of all contrasts."""
    square = np.zeros((k, k))
    square[np.triu_indices(k, 1)] = variances
    square += square.T
    centre = np.eye(k) - 1.0 / k
    return np.asarray(-0.5 * centre @ square @ centre)


def rows_of(network: Network) -> Rows:
    """Turn every study into its k - 1 independent combinations.

    Raises
    ------
    DataError
        The variances of a multi-arm study cannot belong to one set of arms.
    """
    place = {name: i for i, name in enumerate(network.treatments)}
    designs, spreads, owners, responses, loose = [], [], [], [], []
    start = 0
    for index, study in enumerate(network.studies):
        k = len(study.treatments)
        values, vectors = np.linalg.eigh(centred_covariance(study.variances, k))
        spread, basis = values[1:], vectors[:, 1:]
        if values[0] < -1e-9 * values[-1] or spread[0] <= 1e-12 * values[-1]:
            raise DataError(
                f"study {study.name}: the standard errors of its contrasts ("
                + ", ".join(f"{math.sqrt(v):.4g}" for v in study.variances)
                + ") cannot belong to one multi-arm study; check them or give arm data"
            )
        arms = incidence(k)
        theta = np.linalg.pinv(arms) @ study.effects
        rest = study.effects - arms @ theta
        block = np.zeros((k - 1, len(network.treatments)))
        block[:, [place[t] for t in study.treatments]] = basis.T
        if np.max(np.abs(rest)) > 1e-9 * max(1.0, float(np.max(np.abs(study.effects)))):
            loose.append((slice(start, start + k - 1), basis, spread, arms, study.effects))
        designs.append(block)
        spreads.append(spread)
        responses.append(basis.T @ theta)
        owners += [index] * (k - 1)
        start += k - 1
    return Rows(
        design=np.vstack(designs), spread=np.concatenate(spreads), study=np.array(owners),
        fixed_z=np.concatenate(responses), loose=tuple(loose),
    )  # fmt: skip


def fit(rows: Rows, columns: Array, tau2: float) -> Fit:
    """Weighted least squares of the combinations on `columns` (r, p) of full rank at a given tau^2."""
    z, misfit = rows.response(tau2)
    root = np.sqrt(1.0 / (rows.spread + tau2 / 2))
    q_matrix, r_matrix = np.linalg.qr(root[:, None] * columns)
    inverse = np.linalg.solve(r_matrix, np.eye(r_matrix.shape[1]))
    beta = inverse @ (q_matrix.T @ (root * z))
    parts = (root * (z - columns @ beta)) ** 2
    return Fit(
        beta=beta, covariance=inverse @ inverse.T, q=float(parts.sum()) + misfit,
        df=columns.shape[0] - columns.shape[1], tau2=tau2, parts=parts,
    )  # fmt: skip


def log_likelihood(rows: Rows, columns: Array, tau2: float, *, restricted: bool) -> float:
    """Return the (restricted) log likelihood of tau^2, up to a constant."""
    z, misfit = rows.response(tau2)
    w = 1.0 / (rows.spread + tau2 / 2)
    factor = np.linalg.cholesky((columns * w[:, None]).T @ columns)
    beta = np.linalg.solve(factor.T, np.linalg.solve(factor, columns.T @ (w * z)))
    value = 0.5 * (float(np.log(w).sum()) - float((w * (z - columns @ beta) ** 2).sum()) - misfit)
    return value - float(np.log(np.diag(factor)).sum()) if restricted else value


def observed_covariance(rows: Rows, columns: Array, done: Fit, *, restricted: bool) -> Array:
    """Return the covariance of the parameters that also counts the uncertainty of tau^2 (observed information).

    It is the block of b in the inverse of minus the second derivatives of the (restricted) log likelihood in b and
    tau^2,
    which programs such as Stata's mvmeta print; at tau^2 = 0 it is that of `done`.
    """
    if done.tau2 <= 0:
        return done.covariance
    w = 1.0 / (rows.spread + done.tau2 / 2)
    rest = rows.response(done.tau2)[0] - columns @ done.beta
    slope = columns.T @ (w**2 * rest) / 2
    curve = 0.5 * float((-(w**2) / 4 + w**3 * rest**2 / 2).sum())
    if restricted:
        second = done.covariance @ (columns.T @ (w[:, None] ** 2 * columns))
        third = done.covariance @ (columns.T @ (w[:, None] ** 3 * columns))
        curve += 0.25 * float(np.trace(third) - np.trace(second @ second) / 2)
    information = np.linalg.inv(done.covariance) - np.outer(slope, slope) / curve
    return np.asarray(np.linalg.inv(information), dtype=np.float64)


def estimate_tau2(rows: Rows, columns: Array, method: str) -> float | None:
    """Return tau^2 by DL, REML or ML; None where no degree of freedom is left to estimate it.

    Raises
    ------
    DataError
        An unknown method.
    """
    if method not in METHODS:
        raise DataError(f"--method {method!r} is not known; write one of {', '.join(METHODS)}, or common")
    common = fit(rows, columns, 0.0)
    if common.df < 1:
        return None
    if method == "DL":
        weights = 1.0 / rows.spread
        leverage = np.einsum("rp,pq,rq->r", columns, common.covariance, columns)
        return max(0.0, 2.0 * (common.q - common.df) / float((weights - weights**2 * leverage).sum()))
    restricted = method == "REML"
    return (
        _maximum(lambda tau: log_likelihood(rows, columns, tau * tau, restricted=restricted), _largest_tau(rows)) ** 2
    )


def _largest_tau(rows: Rows) -> float:
    """A tau that nothing in the data can ask for: the spread of all that was observed."""
    return 4.0 * float(np.max(np.abs(rows.fixed_z)) + math.sqrt(float(np.max(rows.spread))))


def _maximum(function: Callable[[float], float], upper: float) -> float:
    """Return where a function of tau in [0, upper] is largest: a grid finds the hill, golden sections its top."""
    grid = np.concatenate([[0.0], np.geomspace(upper * 1e-4, upper, 36)])
    values = [function(float(t)) for t in grid]
    best = int(np.argmax(values))
    low, high = grid[max(best - 1, 0)], grid[min(best + 1, len(grid) - 1)]
    found = optimize.minimize_scalar(
        lambda t: -function(float(t)), bounds=(low, high), method="bounded", options={"xatol": 1e-9 * upper}
    )
    # a hill lower than rounding is no hill
    return float(found.x) if -found.fun > values[0] + 1e-10 else 0.0


def tau2_interval(rows: Rows, columns: Array, level: float) -> tuple[float, float] | None:
    """Q-profile interval of tau^2, or None without degrees of freedom (Viechtbauer 2007)."""
    df = columns.shape[0] - columns.shape[1]
    if df < 1:
        return None

    def solve(target: float) -> float:
        def excess(tau2: float) -> float:
            return fit(rows, columns, tau2).q - target

        if excess(0.0) <= 0:
            return 0.0
        high = 1e-3 * float(np.max(rows.spread))
        while excess(high) > 0:
            high *= 4.0
        return float(optimize.brentq(excess, 0.0, high, xtol=1e-14, rtol=1e-12))

    tail = (1.0 - level) / 2
    return solve(float(stats.chi2.ppf(1 - tail, df))), solve(float(stats.chi2.ppf(tail, df)))


def i_squared(q: float, df: int, level: float) -> tuple[float, tuple[float, float] | None] | None:
    """Return I^2 and its interval as fractions; None without degrees of freedom (Higgins & Thompson 2002)."""
    if df < 1:
        return None
    value = max(0.0, (q - df) / q) if q > 0 else 0.0
    k = df + 1
    if q > k:
        error = 0.5 * (math.log(q) - math.log(k - 1)) / (math.sqrt(2 * q) - math.sqrt(2 * k - 3))
    elif k > 2:
        error = math.sqrt(1 / (2 * (k - 2)) * (1 - 1 / (3 * (k - 2) ** 2)))
    else:
        return value, None
    log_h = 0.5 * math.log(max(q / df, 1.0))
    z = float(stats.norm.ppf(0.5 + level / 2))
    low, high = (max(1.0, math.exp(log_h + sign * z * error)) for sign in (-1, 1))
    return value, (1 - 1 / low**2, 1 - 1 / high**2)


def consistency_columns(rows: Rows, treatments: Sequence[str], reference: str) -> Array:
    """Return the columns (r, t - 1) of the consistency model: effects of every other treatment against one."""
    keep = [i for i, name in enumerate(treatments) if name != reference]
    return rows.design[:, keep]


def all_effects(done: Fit, treatments: Sequence[str], reference: str) -> tuple[Array, Array]:
    """Return effects (t,) against the reference and their covariance (t, t), the reference itself 0."""
    keep = [i for i, name in enumerate(treatments) if name != reference]
    effects = np.zeros(len(treatments))
    covariance = np.zeros((len(treatments), len(treatments)))
    effects[keep] = done.beta[: len(keep)]
    covariance[np.ix_(keep, keep)] = done.covariance[: len(keep), : len(keep)]
    return effects, covariance

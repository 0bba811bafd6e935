r"""Dependent effects: nested random effects and correlated sampling errors.

y = X b + Σ_l u_l + e, u_l ~ N(0, s_l) for every unit of level l (a, a/b, a/b/c, outermost first), e ~ N(0, V).
V_ij = rho sqrt(v_i v_j) within a unit of the outermost level, v_i on the diagonal (rho = 0: independent).

| symbol | meaning |
|---|---|
| S | V + Σ_l s_l Z_l Z_l', block diagonal by the outermost level |
| M, b | (X'S⁻¹X)⁻¹, M X'S⁻¹y |
| P | S⁻¹ − S⁻¹X M X'S⁻¹ |
| restricted log likelihood | −½[(k − p) log 2π − log det X'X + log det S + log det X'S⁻¹X + y'Py] |
| log likelihood | −½[k log 2π + log det S + y'Py] |

Goldstein 2011, Multilevel Statistical Models; Konstantopoulos 2011, doi:10.1002/jrsm.35. The likelihood may
have several maxima where the variances differ by orders of magnitude: the highest is taken, climbed to from every
summit of a coarse grid by quasi-Newton steps, then by Fisher scoring on ½[y'P Z Z' P y − tr(P Z Z')].
Interval of s_l: the values at which twice the profile log likelihood falls by the quantile of chi² with one degree of
freedom. Share of each level of the total variance: s_l/(Σ s + s²), s² = (k − p)/tr P at s = 0 (Higgins and Thompson
2002; Cheung 2014, doi:10.1037/a0032968). Q = y'Py at s = 0.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import maximum_filter
from scipy.optimize import brentq, minimize
from scipy.stats import chi2

from assuage.errors import DataError
from assuage.synthesis.heterogeneity import Array, require_independent
from assuage.synthesis.pooling import (
    Coefficients,
    Information,
    Omnibus,
    coefficients_of,
    information,
    omnibus,
    prediction_interval,
)

ROWS_TOGETHER = 24
"""Outermost units are taken together up to this many rows: fewer matrices, too small to be split among threads."""

GRID_STEPS = {1: 49, 2: 13, 3: 7, 4: 5}
"""Steps per level of the grid on which the climb starts: 8 decades, from a millionth of the effects' variance."""


@dataclass(frozen=True, kw_only=True)
class Level:
    """Variance s of one level, its profile interval and its share of the total variance."""

    name: str
    units: int
    variance: float
    ci: tuple[float, float]
    share_percent: float


@dataclass(frozen=True, kw_only=True)
class MultilevelFit:
    """A multilevel fit; `blocks` are the rows of each outermost unit, `sigma` the S of each."""

    method: str
    test: str
    level: float
    rho: float
    coefficients: Coefficients
    levels: tuple[Level, ...]
    i2_percent: float
    q: Omnibus
    moderators: Omnibus | None
    likelihood: Information
    prediction: tuple[float, float] | None
    y: Array
    x: Array
    blocks: tuple[np.ndarray, ...]
    sigma: tuple[Array, ...]
    M: Array

    @property
    def k(self) -> int:
        """Number of effects."""
        return int(self.y.size)


@dataclass(frozen=True, kw_only=True)
class _Block:
    """One or more outermost units: their rows, sampling covariance, and Z Z' of every level."""

    rows: np.ndarray
    V: Array
    same: tuple[Array, ...]


@dataclass(frozen=True, kw_only=True)
class _State:
    """The likelihood at one s: its height, gradient and expected information, and the fit."""

    height: float
    gradient: Array
    fisher: Array
    beta: Array
    M: Array
    rss: float
    trace: float


def fit_multilevel(
    y: Array,
    v: Array,
    levels: Sequence[tuple[str, Sequence[str]]],
    x: Array | None = None,
    *,
    names: tuple[str, ...] = ("intercept",),
    method: str = "REML",
    test: str = "z",
    level: float = 0.95,
    rho: float = 0.0,
) -> MultilevelFit:
    """Fit effects y (k,) of variances v (k,) with a random effect for each nested level.

    `levels` names each level and gives its label for every effect, outermost first; a label counts within the level
    above.

    Raises
    ------
    DataError
        Another method or test, a correlation outside [0, 1), or too few effects or units.
    """
    y, v = np.asarray(y, float), np.asarray(v, float)
    x = np.ones((y.size, 1)) if x is None else np.asarray(x, float)
    _require(y, x, levels, method=method, test=test, rho=rho)
    units = _nested(levels)
    alone = next((name for (name, _), unit in zip(levels, units, strict=True) if unit.max() == 0), None)
    if alone is not None:
        raise DataError(f"--cluster {alone} has one unit only, which has no variance; leave it out")
    blocks = _blocks(v, units, rho, rows_at_least=ROWS_TOGETHER)
    restricted = method == "REML"
    require_independent(x)

    def state(s: Array) -> _State:
        return _evaluate(y, x, blocks, s, restricted=restricted)

    s = _maximise(state, scale=max(float(np.var(y)), float(np.median(v))), levels=len(units))
    best = state(s)
    k, p = x.shape
    at_zero = state(np.zeros(len(units)))
    typical = (k - p) / at_zero.trace
    coefficients = coefficients_of(best.beta, best.M, names, test=test, level=level, df=k - p)
    clusters = _blocks(v, units, rho, rows_at_least=1)
    total = float(np.sum(s)) + typical
    intercept_only = p == 1 and bool(np.all(x == 1))
    q = Omnibus(statistic=at_zero.rss, df1=k - p, df2=None, p_value=float(chi2.sf(at_zero.rss, k - p)))
    return MultilevelFit(
        method=method,
        test=test,
        level=level,
        rho=rho,
        coefficients=coefficients,
        levels=tuple(
            Level(
                name="/".join(name for name, _ in levels[: i + 1]),
                units=int(units[i].max()) + 1,
                variance=float(s[i]),
                ci=_profile(state, s, i, best.height, level),
                share_percent=100 * float(s[i]) / total,
            )
            for i in range(len(units))
        ),
        i2_percent=100 * float(np.sum(s)) / total,
        q=q,
        moderators=omnibus(coefficients, x, df2=None if test == "z" else k - p),
        likelihood=information(best.height, p + len(units), k - p if restricted else k),
        prediction=prediction_interval(
            float(coefficients.estimate[0]),
            float(coefficients.se[0]),
            float(np.sum(s)),
            level=level,
            df=coefficients.df,
        )
        if intercept_only
        else None,
        y=y,
        x=x,
        blocks=tuple(block.rows for block in clusters),
        sigma=tuple(_sigma(block, s) for block in clusters),
        M=best.M,
    )


def _require(
    y: Array, x: Array, levels: Sequence[tuple[str, Sequence[str]]], *, method: str, test: str, rho: float
) -> None:
    if method not in {"REML", "ML"}:
        raise DataError(f"method {method} has no multilevel form; take --method REML or ML")
    if test not in {"z", "t"}:
        raise DataError(f"test {test} has no multilevel form; take --test z or t, or --robust")
    if not 0 <= rho < 1:
        raise DataError(f"rho {rho:g} is not in [0, 1); write for example 0.6")
    if not levels:
        raise DataError("a multilevel model needs at least one level; name its column with --cluster")
    if y.size <= x.shape[1] + 1:
        raise DataError(f"{y.size} effects are too few for a multilevel model; leave --cluster out")


def _nested(levels: Sequence[tuple[str, Sequence[str]]]) -> list[np.ndarray]:
    """Return the number of the unit of every effect, level by level; equal labels under different parents differ."""
    result: list[np.ndarray] = []
    path: list[tuple[str, ...]] = [() for _ in levels[0][1]]
    for _, labels in levels:
        path = [(*above, label) for above, label in zip(path, labels, strict=True)]
        number = {unit: i for i, unit in enumerate(dict.fromkeys(path))}
        result.append(np.array([number[unit] for unit in path]))
    return result


def _blocks(v: Array, units: list[np.ndarray], rho: float, *, rows_at_least: int) -> list[_Block]:
    """Return the outermost units, small ones together: fewer and larger blocks are quicker, and no less exact."""
    groups: list[list[int]] = [[]]
    for unit in range(int(units[0].max()) + 1):
        if len(groups[-1]) >= rows_at_least:
            groups.append([])
        groups[-1] += np.flatnonzero(units[0] == unit).tolist()
    blocks = []
    for group in groups:
        rows = np.array(group)
        same = tuple((level[rows][:, None] == level[rows][None, :]).astype(float) for level in units)
        root = np.sqrt(v[rows])
        covariance = rho * np.outer(root, root) * same[0]
        np.fill_diagonal(covariance, v[rows])
        blocks.append(_Block(rows=rows, V=covariance, same=same))
    return blocks


def _sigma(block: _Block, s: Array) -> Array:
    return block.V + sum((s[i] * block.same[i] for i in range(s.size)), np.zeros_like(block.V))


def _evaluate(y: Array, x: Array, blocks: list[_Block], s: Array, *, restricted: bool) -> _State:
    """Return the likelihood at s, one small inverse per block."""
    k, p = x.shape
    a, c, log_det = np.zeros((p, p)), np.zeros(p), 0.0
    inverses = []
    for block in blocks:
        sigma = _sigma(block, s)
        inverse = np.linalg.inv(sigma)
        inverses.append(inverse)
        log_det += float(np.linalg.slogdet(sigma)[1])
        xs = x[block.rows].T @ inverse
        a += xs @ x[block.rows]
        c += xs @ y[block.rows]
    m: Array = np.asarray(np.linalg.inv(a), float)
    beta = m @ c
    n = s.size
    gradient, fisher, rss, trace = np.zeros(n), np.zeros((n, n)), 0.0, 0.0
    inner = np.zeros((n, p, p))
    for block, inverse in zip(blocks, inverses, strict=True):
        xb = x[block.rows]
        weighted = inverse @ (y[block.rows] - xb @ beta)
        rss += float((y[block.rows] - xb @ beta) @ weighted)
        ix = inverse @ xb
        trace += float(np.trace(inverse)) - float(np.trace(ix @ m @ ix.T))
        moved = [inverse @ same for same in block.same]
        for i in range(n):
            inner[i] += ix.T @ block.same[i] @ ix
            gradient[i] += 0.5 * (float(weighted @ block.same[i] @ weighted) - float(np.trace(moved[i])))
            for j in range(i, n):
                fisher[i, j] += 0.5 * float(np.sum(moved[i] * moved[j].T))
                fisher[j, i] = fisher[i, j]
    height = -0.5 * (k * math.log(2 * math.pi) + log_det + rss)
    if restricted:
        gradient += 0.5 * np.einsum("ij,nji->n", m, inner)
        height += 0.5 * (
            p * math.log(2 * math.pi) + float(np.linalg.slogdet(m)[1]) + float(np.linalg.slogdet(x.T @ x)[1])
        )
    return _State(height=height, gradient=gradient, fisher=fisher, beta=beta, M=m, rss=rss, trace=trace)


def _maximise(state: Callable[[Array], _State], *, scale: float, levels: int) -> Array:
    """Return the s >= 0 of the highest likelihood: quasi-Newton from each summit of a grid, then scoring."""

    def objective(theta: Array) -> tuple[float, Array]:
        here = state(theta**2)
        return -here.height, -2 * theta * here.gradient

    found = [
        minimize(objective, np.sqrt(start), jac=True, method="L-BFGS-B", options={"gtol": 1e-10, "ftol": 1e-14}).x ** 2
        for start in _summits(state, scale=scale, levels=levels)
    ]
    found = [_polish(state, np.where(s < 1e-9 * scale, 0.0, s)) for s in found]
    return max(found, key=lambda s: state(s).height)


def _summits(state: Callable[[Array], _State], *, scale: float, levels: int) -> list[Array]:
    """Return the points of a grid of variances, equal steps of their logarithm, that no neighbour overlooks."""
    steps = GRID_STEPS.get(levels, 3)
    values = scale * np.geomspace(1e-6, 1e2, steps)
    grid = np.stack(np.meshgrid(*[values] * levels, indexing="ij"), axis=-1)
    heights = np.apply_along_axis(lambda s: state(s).height, -1, grid)
    return list(grid[heights >= maximum_filter(heights, size=3, mode="nearest")])


def _polish(state: Callable[[Array], _State], s: Array, *, held: int | None = None, tolerance: float = 1e-12) -> Array:
    """Return s after Fisher scoring on all components but `held` that are not at 0 or want to leave it."""
    here = state(s)
    for _ in range(50):
        active = ((s > 0) | (here.gradient > 0)) & (np.arange(s.size) != held)
        if not np.any(active):
            break
        step = np.zeros_like(s)
        step[active] = np.linalg.lstsq(here.fisher[np.ix_(active, active)], here.gradient[active], rcond=None)[0]
        for halving in range(30):
            trial = np.maximum(s + step * 0.5**halving, 0.0)
            after = state(trial)
            if after.height >= here.height:
                break
        else:
            break
        moved = float(np.max(np.abs(trial - s)))
        s, here = trial, after
        if moved <= tolerance * max(float(np.max(s)), 1e-12):
            break
    return s


def _profile(
    state: Callable[[Array], _State], s: Array, i: int, height: float, level: float
) -> tuple[float, float]:  # fmt: skip
    """Return the profile-likelihood interval of s_i."""
    drop = float(chi2.ppf(level, 1)) / 2
    last = [s.copy()]

    def deficit(value: float) -> float:
        start = last[0].copy()
        start[i] = value
        last[0] = _polish(state, start, held=i, tolerance=1e-6)
        return height - state(last[0]).height - drop

    centre = float(s[i])
    low = 0.0 if centre == 0 or deficit(0.0) <= 0 else _root(deficit, 0.0, centre)
    last[0] = s.copy()
    high = max(2 * centre, 0.1 * float(np.sum(s)), 1e-4)
    for _ in range(60):
        if deficit(high) > 0:
            return low, _root(deficit, centre, high)
        high *= 2
    return low, math.inf


def _root(deficit: Callable[[float], float], low: float, high: float) -> float:
    """Return where the profile crosses its drop; nan where rounding hides it (variances many orders apart)."""
    if deficit(low) * deficit(high) > 0:
        return math.nan
    return float(brentq(deficit, low, high, xtol=1e-8 * high, rtol=1e-8))

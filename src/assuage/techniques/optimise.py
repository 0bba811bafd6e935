"""The best currents of n electrodes under limits, with proof.

With A (n, 3) the sensitivities, d a unit direction and R such that |R I|^2 is the mean square field off target:

    maximise    d . A^T I
    subject to  sum I = 0,  sum |I| <= 2 T,  |I_i| <= m,  |R I| <= L  (the last where a limit is asked for)

For every nu, mu >= 0 and y, with g = A d, weak duality bounds the optimum from above:

    d . A^T I  <=  2 T mu + m sum_i max(|g_i - nu - (R^T y)_i| - mu, 0) + L |y|

`bound` evaluates the right-hand side in plain arithmetic from the solver's multipliers, so the proof does not rest on
the solver's own word. Without off-target limit the problem is a fractional knapsack that sorting solves exactly; with
it Clarabel does.

Without a direction the magnitude |A^T I| is the maximum over d of these problems, h(d). If d lies within an angle t of
the best direction, the optimum is at most h(d) / cos t. So the half-sphere is covered by caps, and every cap whose
bound h / cos t may still beat the best value found is covered by seven caps of half its size, until the gap is small.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assuage.errors import PlanError, SolverError

Array = NDArray[np.float64]

DIRECTIONS = 40
"""Caps that first cover the half-sphere."""

GAP_RELATIVE = 2e-3
"""The cover is refined until the bound is this near to the value: far below every other uncertainty of a dose."""

MAX_HALVINGS = 6

CURRENT_RESOLUTION_A = 1e-6
"""Currents are rounded to this; stimulators set 1 to 10 uA steps."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Limits of a montage.

    Attributes
    ----------
    total_A
        Largest current that enters the head in all.
    electrode_A
        Largest current of one electrode.
    """

    total_A: float
    electrode_A: float

    def __post_init__(self) -> None:
        """Refuse limits that allow nothing."""
        if not (self.total_A > 0 and self.electrode_A > 0):
            raise PlanError(f"limits of {self.total_A} A in all and {self.electrode_A} A each allow no current")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class OffTarget:
    """Limit of the root mean square field off target: R (k, n) with |R I| that field in V/m, and its limit."""

    R: Array
    limit_V_per_m: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Optimum:
    """Currents and the proof of their quality.

    Attributes
    ----------
    currents_A
        (n,), sum 0.
    mean_e_V_per_m
        (3,) field in the target.
    primal_V_per_m
        What was reached: component along the direction, or magnitude.
    dual_V_per_m
        What no currents under the same limits exceed.
    directions
        How many directions were tried.
    status
        Of the solver, for the last problem.
    """

    currents_A: Array
    mean_e_V_per_m: Array
    primal_V_per_m: float
    dual_V_per_m: float
    directions: int
    status: str

    @property
    def gap_V_per_m(self) -> float:
        """Bound less value."""
        return self.dual_V_per_m - self.primal_V_per_m


def maximise(A: Array, direction: Array | None, limits: Limits, off_target: OffTarget | None = None) -> Optimum:
    """Find the currents with the largest target field.

    Parameters
    ----------
    A
        (n, 3) sensitivities, V/m per A, up to a common constant.
    direction
        Unit vector (3,) or None for the magnitude.
    limits
        Total and per-electrode limits.
    off_target
        Limit of the field elsewhere, or None.

    Raises
    ------
    SolverError
        The convex solver found no optimum.
    """
    A = A - A.mean(0)
    problem = problem_of(len(A), limits, off_target)
    if direction is not None:
        currents, dual = problem.solve(A @ direction)
        return _optimum(A, currents, float(direction @ (currents @ A)), dual, 1, problem.status)
    currents, dual, tried = _over_directions(A, problem)
    return _optimum(A, currents, float(np.linalg.norm(currents @ A)), dual, tried, problem.status)


def restrict(
    A: Array, optimum: Optimum, direction: Array | None, limits: Limits, off_target: OffTarget | None, count: int
) -> tuple[Optimum, NDArray[np.int64]]:
    """Solve again on the electrodes that carry most, and round the currents.

    Returns
    -------
    The optimum over `count` electrodes, whose `dual_V_per_m` stays the bound of the problem with all of them, and the
    numbers of these electrodes.
    """
    keep = np.sort(np.argsort(-np.abs(optimum.currents_A), kind="stable")[:count])
    keep = keep[np.abs(optimum.currents_A[keep]) >= CURRENT_RESOLUTION_A]
    axis = direction if direction is not None else optimum.mean_e_V_per_m / np.linalg.norm(optimum.mean_e_V_per_m)
    fewer = None if off_target is None else OffTarget(R=off_target.R[:, keep], limit_V_per_m=off_target.limit_V_per_m)
    centred = A - A.mean(0)
    problem = problem_of(len(keep), limits, fewer)
    currents, _ = problem.solve(centred[keep] @ axis)
    currents = rounded(currents)
    mean = currents @ centred[keep]
    value = float(mean @ direction) if direction is not None else float(np.linalg.norm(mean))
    return (
        Optimum(
            currents_A=currents,
            mean_e_V_per_m=mean,
            primal_V_per_m=value,
            dual_V_per_m=optimum.dual_V_per_m,
            directions=optimum.directions,
            status=problem.status,
        ),
        keep,
    )


def bound(g: Array, nu: float, mu: float, y: Array, limits: Limits, off_target: OffTarget | None) -> float:
    """Return the upper bound of the module docstring for multipliers nu, mu >= 0 and y."""
    rest = g - nu - (off_target.R.T @ y if off_target is not None else 0.0)
    value = 2 * limits.total_A * mu + limits.electrode_A * np.maximum(np.abs(rest) - mu, 0).sum()
    if off_target is not None:
        value += off_target.limit_V_per_m * np.linalg.norm(y)
    return float(value)


def half_sphere(count: int) -> Array:
    """Return (count, 3) unit vectors spread evenly over half the sphere (spiral of equal areas)."""
    k = np.arange(count) + 0.5
    z = 1 - k / count
    azimuth = np.pi * (1 + 5**0.5) * k
    return np.stack([np.sqrt(1 - z**2) * np.cos(azimuth), np.sqrt(1 - z**2) * np.sin(azimuth), z], 1)


def covering_angle(directions: Array) -> float:
    """Return the largest angle, rad, from any direction (up to sign) to the nearest of a set, by dense sampling."""
    probes = half_sphere(40 * len(directions))
    spacing = np.sqrt(2 * np.pi / len(probes))
    nearest = np.abs(probes @ directions.T).max(1).min()
    return float(np.arccos(np.clip(nearest, -1, 1)) + spacing)


class _Knapsack:
    """The problem without off-target limit: fill the largest g, empty the smallest, until the total is spent."""

    status = "exact"

    def __init__(self, limits: Limits) -> None:
        self.limits = limits

    def solve(self, g: Array) -> tuple[Array, float]:
        """Return the currents (n,) in A and the bound in V/m for the objective g, V/m per A."""
        order = np.argsort(-g, kind="stable")
        whole = self.limits.total_A / self.limits.electrode_A
        share = np.clip(whole - np.arange(len(g)), 0, 1) * self.limits.electrode_A
        currents = np.zeros(len(g))
        currents[order] = share - share[::-1]
        last = min(max(int(np.ceil(whole)) - 1, 0), len(g) // 2 - 1)
        high, low = g[order[last]], g[order[len(g) - 1 - last]]
        return currents, bound(g, (high + low) / 2, (high - low) / 2, np.zeros(0), self.limits, None)


def problem_of(n: int, limits: Limits, off_target: OffTarget | None) -> "_Knapsack | _Cone":
    """Return the solver that fits; with few electrodes both ends of the knapsack would meet, so the cone takes over."""
    if off_target is None and 2 * np.ceil(limits.total_A / limits.electrode_A) <= n:
        return _Knapsack(limits)
    return _Cone(n, limits, off_target)


class _Cone:
    """The convex problem with the objective as its parameter, compiled once."""

    def __init__(self, n: int, limits: Limits, off_target: OffTarget | None) -> None:
        import cvxpy as cp  # noqa: PLC0415 (takes a second; only optimised montages need it)

        self.limits, self.off_target, self.status = limits, off_target, ""
        # scaled: currents in units of the per-electrode limit, the off-target field in units of its limit
        self._current = cp.Variable(n)
        self._objective = cp.Parameter(n)
        self._sum = cp.sum(self._current) == 0
        self._total = cp.norm1(self._current) <= 2 * limits.total_A / limits.electrode_A
        constraints = [self._sum, self._total, cp.abs(self._current) <= 1]
        self._cone = None
        if off_target is not None:
            scale = limits.electrode_A / off_target.limit_V_per_m
            self._cone = cp.SOC(cp.Constant(1.0), (off_target.R * scale) @ self._current)
            constraints.append(self._cone)
        self._problem = cp.Problem(cp.Maximize(self._objective @ self._current), constraints)
        self._solver = cp.CLARABEL

    def solve(self, g: Array) -> tuple[Array, float]:
        """Return the currents (n,) in A and the bound in V/m for the objective g, V/m per A."""
        size = float(np.abs(g - g.mean()).max())
        if size == 0:
            return np.zeros(len(g)), 0.0
        self._objective.value = (g - g.mean()) / size
        self._problem.solve(solver=self._solver)
        self.status = str(self._problem.status)
        if self._current.value is None or self.status not in {"optimal", "optimal_inaccurate"}:
            raise SolverError(f"the montage optimiser ended with {self.status!r}; relax the limits")
        currents = self._feasible(np.asarray(self._current.value) * self.limits.electrode_A)
        nu = float(np.ravel(self._sum.dual_value)[0]) * size + g.mean()
        mu = max(float(np.ravel(self._total.dual_value)[0]), 0.0) * size
        y = np.zeros(0)
        if self._cone is not None and self.off_target is not None:
            scale = size / self.off_target.limit_V_per_m * self.limits.electrode_A
            y = np.ravel(self._cone.dual_value[1]) * scale
        return currents, self._bound(g, nu, mu, y)

    def _bound(self, g: Array, nu: float, mu: float, y: Array) -> float:
        """Evaluate the bound for both signs of the multipliers (sign conventions differ) and keep the better."""
        signs = [(s, t) for s in (1, -1) for t in ((1, -1) if len(y) else (1,))]
        values = [bound(g, g.mean() + s * (nu - g.mean()), mu, t * y, self.limits, self.off_target) for s, t in signs]
        return min(values)

    def _feasible(self, currents: Array) -> Array:
        """Pull the interior-point answer strictly inside the limits (it exceeds them by rounding)."""
        currents = currents - currents.mean()
        over = max(
            np.abs(currents).sum() / (2 * self.limits.total_A),
            np.abs(currents).max() / self.limits.electrode_A,
            0.0
            if self.off_target is None
            else np.linalg.norm(self.off_target.R @ currents) / self.off_target.limit_V_per_m,
            1.0,
        )
        return np.asarray(currents / over)


def _over_directions(A: Array, problem: "_Knapsack | _Cone") -> tuple[Array, float, int]:
    """Maximise |A^T I| over all directions; return the currents, the bound, and how many directions were tried."""
    cells = half_sphere(DIRECTIONS)
    angle = covering_angle(cells)
    best, currents, discarded, tried = 0.0, np.zeros(len(A)), 0.0, 0
    ceiling = np.inf
    for halving in range(MAX_HALVINGS + 1):
        solved = [problem.solve(A @ d) for d in cells]
        tried += len(cells)
        values = [float(np.linalg.norm(found @ A)) for found, _ in solved]
        k = int(np.argmax(values))
        if values[k] > best:
            best, currents = values[k], solved[k][0]
        above = np.array([bounded for _, bounded in solved]) / np.cos(angle)
        ceiling = max(float(above.max()), discarded)
        if ceiling <= best * (1 + GAP_RELATIVE) or halving == MAX_HALVINGS:
            break
        open_ = above > best * (1 + GAP_RELATIVE)
        discarded = max(discarded, float(above[~open_].max(initial=0.0)))
        cells, angle = np.concatenate([_seven(cell, angle) for cell in cells[open_]]), angle / 2
    return currents, max(ceiling, best), tried


def _seven(direction: Array, angle: float) -> Array:
    """Return the middles (7, 3) of seven caps of half the angle that cover a cap."""
    aside = np.cross(direction, np.eye(3)[int(np.argmin(np.abs(direction)))])
    aside = aside / np.linalg.norm(aside)
    over = np.cross(direction, aside)
    turn = np.arange(6) * np.pi / 3
    ring = np.cos(turn)[:, None] * aside + np.sin(turn)[:, None] * over
    out = angle * np.sqrt(3) / 2
    return np.vstack([direction, np.cos(out) * direction + np.sin(out) * ring])


def _optimum(A: Array, currents: Array, value: float, dual: float, directions: int, status: str) -> Optimum:
    return Optimum(
        currents_A=currents,
        mean_e_V_per_m=currents @ A,
        primal_V_per_m=value,
        dual_V_per_m=dual,
        directions=directions,
        status=status,
    )


def rounded(currents: Array) -> Array:
    """Round to the stimulator's steps; the largest electrode takes what is left so that the sum stays 0."""
    steps = np.trunc(currents / CURRENT_RESOLUTION_A)
    left = steps.sum()
    if left:
        side = np.flatnonzero(np.sign(steps) == np.sign(left))
        k = side[int(np.argmax(np.abs(steps[side])))]
        steps[k] -= left
    return np.asarray(steps * CURRENT_RESOLUTION_A)

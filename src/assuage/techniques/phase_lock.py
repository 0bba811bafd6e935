"""The best complex currents of n electrodes for regions that oscillate with given phases, with proof.

For region k with sensitivities A_k (n, 3), direction d_k, weight w_k > 0 and wanted phase p_k, let g_k = w_k A_k d_k
and z_k = exp(-i p_k) g_k . I, the weighted component turned back by its phase. Then

    maximise    t
    subject to  Re z_k >= t,  Im z_k = 0                        for every region k
                sum I = 0,  sum |I_i| <= 2 T,  |I_i| <= m       I complex (n,)

is convex, because the phases are given. At no instant do more than T enter, or more than m through one electrode. For
all l_k >= 0 that sum to 1, all e_k, complex nu and mu >= 0, weak duality bounds the optimum from above: with

    h = sum_k (l_k - i e_k) exp(-i p_k) g_k
    t  <=  2 T mu + m sum_i max(|h_i - nu| - mu, 0)

`bound` evaluates that in plain arithmetic from the solver's multipliers: the proof does not rest on the solver's word.

Where all phases differ by 0 or 180 degrees real currents suffice: the real part of any feasible I keeps every z_k, its
sum, and no |I_i| grows. One region is the problem of `optimise`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assuage.errors import PlanError, SolverError
from assuage.techniques.optimise import CURRENT_RESOLUTION_A, Limits, rounded
from assuage.techniques.phasors import Complex, phase_deg, phasor, wrapped_deg

Array = NDArray[np.float64]

PHASE_STEP_DEG = 1.0
"""Phases are rounded to this; stimulators set steps of this order (a working choice)."""
SAME_LINE = 1e-9
"""Sine of a phase that counts as 0 or 180 degrees."""
SHRINKS = 12
"""Rounding may carry the return electrode past its limit; then all currents shrink by the excess, so often at most."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Wish:
    """What is wanted in one region.

    Attributes
    ----------
    A
        (n, 3) sensitivities of the region to the electrodes, V/m per A, up to a common constant.
    direction
        Unit vector (3,) whose component counts; its sign gives 0 degrees a meaning.
    phase_deg
        Wanted phase.
    weight
        The smallest of weight times amplitude is maximised.
    """

    A: Array
    direction: Array
    phase_deg: float = 0.0
    weight: float = 1.0

    def __post_init__(self) -> None:
        """Refuse a direction that is not a unit vector, and a weight that counts for nothing."""
        length = float(np.linalg.norm(self.direction))
        if abs(length - 1) > 1e-6:
            raise PlanError(f"direction {self.direction} has length {length:.4g}; give a unit vector")
        if not self.weight > 0:
            raise PlanError(f"weight = {self.weight}; give a number above 0")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Locked:
    """Complex currents, what they reach, and the proof of their quality.

    Attributes
    ----------
    currents_A
        (n,) complex, sum 0.
    component_V_per_m
        (k,) complex component of each region's mean field along its direction.
    phase_error_deg
        (k,) reached less wanted phase, up to the phase common to all that makes the first 0.
    value_V_per_m
        Smallest of weight times amplitude.
    dual_V_per_m
        What no currents under the same limits exceed.
    status
        Of the solver.
    """

    currents_A: Complex
    component_V_per_m: Complex
    phase_error_deg: Array
    value_V_per_m: float
    dual_V_per_m: float
    status: str

    @property
    def gap_V_per_m(self) -> float:
        """Bound less value."""
        return self.dual_V_per_m - self.value_V_per_m

    @property
    def amplitude_V_per_m(self) -> Array:
        """(k,) amplitudes along the directions."""
        return np.abs(self.component_V_per_m)


def lock(wishes: Sequence[Wish], limits: Limits, *, real: bool | None = None) -> Locked:
    """Find the currents with the largest smallest weighted amplitude at the wanted phases.

    Parameters
    ----------
    wishes
        What is wanted in each region; electrodes in the same order.
    limits
        Total and per-electrode limits, both from zero to peak.
    real
        Search real currents only; None: where they suffice.

    Raises
    ------
    PlanError
        Regions with different numbers of electrodes, none at all, or real currents for phases between.
    SolverError
        The convex solver found no optimum.
    """
    R, phases = _rows(wishes)
    in_line = bool((np.abs(np.sin(np.deg2rad(phases - phases[0]))) < SAME_LINE).all())
    if real and not in_line:
        raise PlanError(
            f"phases of {phases} degrees need complex currents; ask for 0 and 180 degrees, or leave real out"
        )
    straight = in_line if real is None else real
    currents, dual, status = _solve(R, phases - phases[0], limits, real=straight)
    return _locked(wishes, currents, dual, status)


def restrict(wishes: Sequence[Wish], found: Locked, limits: Limits, count: int) -> tuple[Locked, NDArray[np.int64]]:
    """Solve again on the electrodes that carry most, and round to the stimulator's steps.

    Returns
    -------
    What the rounded currents of `count` electrodes reach (its `dual_V_per_m` stays the bound of all electrodes, its
    phase error is that of the rounding), and the numbers of these electrodes.
    """
    sizes = np.abs(found.currents_A)
    keep = np.sort(np.argsort(-sizes, kind="stable")[:count])
    keep = keep[sizes[keep] >= CURRENT_RESOLUTION_A]
    fewer = [
        Wish(A=(wish.A - wish.A.mean(0))[keep], direction=wish.direction, phase_deg=wish.phase_deg, weight=wish.weight)
        for wish in wishes
    ]
    again = lock(fewer, limits)
    stepped = to_steps(again.currents_A, limits)
    return _locked(fewer, stepped, found.dual_V_per_m, again.status), keep


def to_steps(currents_A: Complex, limits: Limits) -> Complex:
    """Round currents to `CURRENT_RESOLUTION_A` and `PHASE_STEP_DEG`.

    Real currents stay real. Otherwise the electrode that carries most is the return: its current follows from the
    others and is the only one off the steps.
    """
    J = np.asarray(currents_A, dtype=np.complex128)
    largest = float(np.abs(J).max(initial=0.0))
    if np.abs(J.imag).max(initial=0.0) <= SAME_LINE * largest:
        return rounded(J.real).astype(np.complex128)
    last = int(np.argmax(np.abs(J)))
    for _ in range(SHRINKS):
        steps = np.trunc(np.abs(J) / CURRENT_RESOLUTION_A + 1e-6) * CURRENT_RESOLUTION_A
        out = phasor(steps, np.round(phase_deg(J) / PHASE_STEP_DEG) * PHASE_STEP_DEG)
        out[last] -= out.sum()
        over = max(np.abs(out).max() / limits.electrode_A, np.abs(out).sum() / (2 * limits.total_A))
        if over <= 1 + 1e-12:
            return np.asarray(out)
        J = J / (over * (1 + 1e-3))
    raise SolverError(f"no rounding of the currents keeps within {limits}; relax the limits")


def bound(R: Array, phases_deg: Array, lam: Array, eta: Array, nu: complex, mu: float, limits: Limits) -> float:
    """Return the upper bound of the module docstring for rows R (k, n) and multipliers; lam >= 0 sums to 1, mu >= 0."""
    h = ((lam - 1j * eta) * phasor(1.0, -phases_deg)) @ R
    rest = np.maximum(np.abs(h - nu) - mu, 0).sum()
    return float(2 * limits.total_A * mu + limits.electrode_A * rest)


def _rows(wishes: Sequence[Wish]) -> tuple[Array, Array]:
    """Return the weighted, centred sensitivities (k, n) along the directions, and the phases (k,)."""
    counts = {len(wish.A) for wish in wishes}
    if len(counts) != 1:
        raise PlanError(
            f"the regions list {sorted(counts)} electrodes; give at least one region, all with the same ones"
        )
    R = np.array([wish.weight * ((wish.A - wish.A.mean(0)) @ wish.direction) for wish in wishes])
    return R, np.array([wish.phase_deg for wish in wishes], dtype=np.float64)


def _locked(wishes: Sequence[Wish], currents: Complex, dual: float, status: str) -> Locked:
    z = np.array([currents @ (wish.A @ wish.direction) for wish in wishes])
    wanted = np.array([wish.phase_deg for wish in wishes])
    reached = phase_deg(z * np.conj(z[0]))
    return Locked(
        currents_A=currents,
        component_V_per_m=z,
        phase_error_deg=wrapped_deg(reached - (wanted - wanted[0])),
        value_V_per_m=float(min(wish.weight * abs(value) for wish, value in zip(wishes, z, strict=True))),
        dual_V_per_m=dual,
        status=status,
    )


def _solve(R: Array, phases: Array, limits: Limits, *, real: bool) -> tuple[Complex, float, str]:
    """Return currents (n,), the bound in V/m, and the solver's status; currents in units of the per-electrode limit."""
    import cvxpy as cp  # noqa: PLC0415 (takes a second; only optimised montages need it)

    size = float(np.abs(R).max())
    if size == 0:
        raise PlanError("no electrode reaches one of the regions; the sensitivities are all alike")
    turned = phasor(1.0, -phases)[:, None] * (R / size)
    L, V = turned.real, turned.imag
    n = R.shape[1]
    x, t = cp.Variable(n), cp.Variable()
    if real:
        lower, straight, sums = [L @ x >= t], [], [cp.sum(x) == 0]
        sizes: Any = cp.abs(x)
    else:
        y = cp.Variable(n)
        lower, straight = [L @ x - V @ y >= t], [V @ x + L @ y == 0]
        sums = [cp.sum(x) == 0, cp.sum(y) == 0]
        sizes = cp.norm(cp.vstack([x, y]), 2, axis=0)
    total = cp.sum(sizes) <= 2 * limits.total_A / limits.electrode_A
    problem = cp.Problem(cp.Maximize(t), [*lower, *straight, *sums, total, sizes <= 1])
    problem.solve(solver=cp.CLARABEL)
    status = str(problem.status)
    if x.value is None or status not in {"optimal", "optimal_inaccurate"}:
        raise SolverError(f"the optimiser of phases ended with {status!r}; relax the limits")
    J = np.asarray(x.value) + (0j if real else 1j * np.asarray(y.value))
    lam = np.maximum(np.ravel(lower[0].dual_value), 0)
    lam = lam / lam.sum()
    eta = np.zeros(len(R)) if real else np.ravel(straight[0].dual_value)
    nu = complex(*(float(np.ravel(each.dual_value)[0]) for each in sums))
    mu = max(float(np.ravel(total.dual_value)[0]), 0.0)
    dual = min(  # sign conventions of solvers differ: every choice bounds, the least counts
        bound(R / size, phases, lam, s * eta, r * (nu if c > 0 else nu.conjugate()), mu, limits)
        for s in (1, -1)
        for r in (1, -1)
        for c in (1, -1)
    )
    return _feasible(J * limits.electrode_A, limits), dual * size, status


def _feasible(J: Complex, limits: Limits) -> Complex:
    """Pull the interior-point answer strictly inside the limits (it exceeds them by rounding)."""
    J = J - J.mean()
    over = max(np.abs(J).sum() / (2 * limits.total_A), np.abs(J).max() / limits.electrode_A, 1.0)
    return np.asarray(J / over)

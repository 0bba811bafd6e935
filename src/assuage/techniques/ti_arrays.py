"""Temporal interference with several electrodes in each carrier: two arrays instead of two pairs.

Carrier c carries currents I_c (n,) that sum to zero; E_c = sum_i I_ci F_i. With M of `modulation`

    maximise    sum_v w_v M(E_1, E_2)                          over the target's voxels
    subject to  sqrt(sum_v u_v M(E_1, E_2)^2) <= L             over voxels of the cortex off target
                sum |I_c| <= 2 T,   |I_1i| + |I_2i| <= m

which is not convex. But with s the sign of E_1.E_2, M = 2 max over n of min(n.E_1, s n.E_2) = 2 min over k of
|k E_1 + (1 - k) s E_2|, so for every n, k and s held fixed

    2 min(n.E_1, s n.E_2)  <=  M                                        concave in the currents
    M  <=  2 |k E_1 + (1 - k) s E_2|        where E_1.E_2 keeps s       convex in the currents

and both are equal to M at the best n, k and s. `rise` therefore solves a convex problem with the first for the target
and the second for the cortex, takes n, k and s anew where that led, and so on (majorisation-minimisation). Where
E_1.E_2 changed its sign the second may fail, so every step is scaled until the true depth keeps L, also tried at
a half and a quarter, and not made if none gains: the limits hold throughout, and nothing is ever lost.
It ends where a step gains nothing, which may be a local maximum: an ascent, not a proof. Huang, Datta and Parra 2020
(10.1088/1741-2552/ab92b3, abstract read) proposed arrays for both carriers and found them by numerical search.

`thin` keeps the electrodes of each carrier that carry most, no electrode in both.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from assuage.errors import PlanError, SolverError
from assuage.techniques import modulation
from assuage.techniques.ti_search import Region

Array = NDArray[np.float64]

STEPS = 40
SHARES = (1.0, 0.5, 0.25)
"""Of a step, that are tried, once there is a point within the limits to start from."""
GAIN = 1e-3
"""The ascent ends when a step gains less than this share: far below every other uncertainty of a dose."""
TRACE = 0.02
"""Electrodes with less than this share of their carrier's largest current are not worth a disc."""
RIDGE = 1e-12
"""Added to a Gram matrix, which may be singular, so that its root exists: it raises the ceiling, never lowers it."""
INSIDE = 1e-9
"""Share by which a solution is pulled inside its limits, above the rounding of its own check."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArrayLimits:
    """Limits of two arrays.

    Attributes
    ----------
    carrier_A
        Largest current that enters the head in one carrier.
    electrode_A
        Largest current of one electrode, both carriers together.
    elsewhere_V_per_m
        Largest root mean square depth off target; infinite: none.
    """

    carrier_A: float
    electrode_A: float
    elsewhere_V_per_m: float = np.inf

    def __post_init__(self) -> None:
        """Refuse limits that allow nothing.

        Raises
        ------
        PlanError
            With the limits.
        """
        if not (self.carrier_A > 0 and self.electrode_A > 0 and self.elsewhere_V_per_m > 0):
            raise PlanError(
                f"limits of {self.carrier_A} A in a carrier, {self.electrode_A} A in an electrode and "
                f"{self.elsewhere_V_per_m} V/m off target allow nothing; give numbers above 0"
            )


def depth(region: Region, currents_A: Array) -> Array:
    """Return the modulation depth (v,) of two arrays with currents (2, n)."""
    return modulation.largest(*_fields(region, currents_A)).depth_V_per_m


def rise(
    target: Region, elsewhere: Region, start_A: Array, *, limits: ArrayLimits, allowed: NDArray[np.bool_] | None = None
) -> Array:
    """Return currents (2, n) with more modulation of the target, as long as a step gains some.

    Parameters
    ----------
    target, elsewhere
        The same n electrodes at the target's voxels and at those that count off target.
    start_A
        (2, n). If it keeps the limits, the result is never worse; if not, it only gives the first direction.
    limits
        What the result keeps.
    allowed
        (2, n) electrodes that may carry each carrier; None: all.

    Raises
    ------
    SolverError
        The convex solver found no optimum at the first step.
    """
    free = np.ones(start_A.shape, bool) if allowed is None else allowed
    at = np.where(free, start_A, 0.0)
    kept = _keeps(elsewhere, at, limits)
    best = float(target.weights @ depth(target, at)) if kept else 0.0
    found = at if kept else np.zeros_like(at)
    for _ in range(STEPS):
        ahead = _step(target, elsewhere, at, limits, free)
        tried = (_inside(elsewhere, at + share * (ahead - at), limits) for share in (SHARES if best > 0 else (1.0,)))
        moved, value = max(
            ((currents, float(target.weights @ depth(target, currents))) for currents in tried),
            key=lambda item: item[1],
        )
        if value <= best:
            break
        gained, best, found, at = value - best, value, moved, moved
        if gained < GAIN * best:
            break
    return found


def thin(currents_A: Array, count: int) -> NDArray[np.bool_]:
    """Return which electrodes (2, n) carry each carrier if it keeps at most so many and no traces; none is in both."""
    size = np.abs(currents_A)
    own = np.stack([size[0] >= size[1], size[1] > size[0]])
    kept = np.zeros(size.shape, bool)
    for carrier in range(2):
        order = np.argsort(-np.where(own[carrier], size[carrier], -1.0), kind="stable")[:count]
        kept[carrier, order] = own[carrier, order] & (size[carrier, order] > TRACE * size[carrier].max())
    return kept


def _fields(region: Region, currents_A: Array) -> tuple[Array, Array]:
    one, two = np.tensordot(currents_A, region.field_V_per_m_per_A.astype(np.float64), 1)
    return one, two


def root_mean_square(region: Region, currents_A: Array) -> float:
    """Return the root mean square depth of two arrays with currents (2, n) over a region, V/m."""
    return float(np.sqrt(region.weights @ depth(region, currents_A) ** 2))


def _excess(elsewhere: Region, currents_A: Array, limits: ArrayLimits) -> float:
    """Return the largest ratio of what is carried to its limit; 1 at most within all of them."""
    size = np.abs(currents_A)
    off = root_mean_square(elsewhere, currents_A) if np.isfinite(limits.elsewhere_V_per_m) else 0.0
    return max(
        float(size.sum(1).max()) / (2 * limits.carrier_A),
        float(size.sum(0).max()) / limits.electrode_A,
        off / limits.elsewhere_V_per_m,
    )


def _keeps(elsewhere: Region, currents_A: Array, limits: ArrayLimits) -> bool:
    even = np.abs(currents_A.sum(1)).max() <= INSIDE * limits.carrier_A
    return bool(even) and _excess(elsewhere, currents_A, limits) <= 1 + INSIDE


def _inside(elsewhere: Region, currents_A: Array, limits: ArrayLimits) -> Array:
    """Scale an interior-point answer, which exceeds its limits by rounding, into them."""
    over = _excess(elsewhere, currents_A, limits)
    return currents_A / (over * (1 + INSIDE)) if over > 1 else currents_A


def _step(target: Region, elsewhere: Region, at_A: Array, limits: ArrayLimits, free: NDArray[np.bool_]) -> Array:
    """Solve the convex problem around currents (2, n).

    Unknowns, in this order: x = I / T of the m allowed electrodes of both carriers, their sizes a >= |x|, and
    t_v <= min(n.E_1, s n.E_2) / scale for every voxel of the target.
    """
    import clarabel  # noqa: PLC0415 (only arrays and optimised montages need it)

    carrier, electrode = np.nonzero(free)
    m, v, unit_A = len(carrier), len(target.weights), limits.carrier_A
    best = modulation.largest(*_fields(target, at_A))
    signed = np.stack([best.direction, best.sign[:, None] * best.direction])
    near = unit_A * np.einsum("mvc,mvc->mv", target.field_V_per_m_per_A[electrode].astype(np.float64), signed[carrier])
    scale = float(np.abs(near).max()) or 1.0
    eye, ends = sparse.eye_array(m, format="csc"), np.arange(m)
    owns = sparse.csc_array((np.ones(m), (carrier, ends)), (2, m))
    sites = sparse.csc_array((np.ones(m), (electrode, ends)), (free.shape[1], m))
    halves = [sparse.csc_array(-near.T / scale * (carrier == c)) for c in range(2)]
    rows: list[list[Any]] = [
        [owns, None, None],
        [eye, -eye, None],
        [-eye, -eye, None],
        [None, owns, None],
        [None, sites, None],
        *([half, None, sparse.eye_array(v, format="csc")] for half in halves),
    ]
    site_limits = np.full(free.shape[1], limits.electrode_A / unit_A)
    upper = [np.zeros(2 + 2 * m), np.full(2, 2.0), site_limits, np.zeros(2 * v)]
    cones = [clarabel.ZeroConeT(2), clarabel.NonnegativeConeT(2 * m + 2 + free.shape[1] + 2 * v)]
    if np.isfinite(limits.elsewhere_V_per_m):
        R = unit_A / limits.elsewhere_V_per_m * _ceiling(elsewhere, at_A, carrier, electrode)
        rows += [[sparse.csc_array((1, m)), None, None], [sparse.csc_array(-R), None, None]]
        upper += [np.ones(1), np.zeros(len(R))]
        cones.append(clarabel.SecondOrderConeT(1 + len(R)))
    settings = clarabel.DefaultSettings()
    settings.verbose = False
    cost = np.concatenate([np.zeros(2 * m), -target.weights])
    flat = sparse.csc_array((len(cost), len(cost)))
    A, b = sparse.csc_array(sparse.block_array(rows)), np.concatenate(upper)
    answer = clarabel.DefaultSolver(flat, cost, A, b, cones, settings).solve()
    if str(answer.status) not in {"Solved", "AlmostSolved"}:
        raise SolverError(f"the search for arrays ended with {str(answer.status)!r}; relax the limits")
    currents = np.zeros(free.shape)
    currents[carrier, electrode] = unit_A * np.asarray(answer.x)[:m]
    spread = free * (currents.sum(1) / np.maximum(free.sum(1), 1))[:, None]
    return np.asarray(currents - spread)


def _ceiling(elsewhere: Region, at_A: Array, carrier: NDArray[np.int64], electrode: NDArray[np.int64]) -> Array:
    """Return R (m, m) with |R I| >= the root mean square depth for all currents I (m,), equal at those given."""
    best = modulation.largest(*_fields(elsewhere, at_A))
    root = 2 * np.sqrt(elsewhere.weights)
    share = np.stack([best.share, best.sign * (1 - best.share)]) * root
    flat = (elsewhere.field_V_per_m_per_A[electrode] * share[carrier][..., None]).reshape(len(carrier), -1)
    Q = flat @ flat.T
    return np.asarray(np.linalg.cholesky(Q + RIDGE * np.trace(Q) * np.eye(len(Q))).T)

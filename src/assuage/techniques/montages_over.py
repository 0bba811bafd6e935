"""Electrodes over a distribution of targets: pairs of pads and 4x1 rings by trying all, currents by convex steps.

With A_k the sensitivities of group k and w_k its weight, the expected magnitude sum_k w_k |A_k^T I| is the largest of

    sum_k w_k d_k . A_k^T I    over unit vectors d_k,

linear in the currents I for fixed d_k. Turning every d_k along A_k^T I and solving the linear problem again never
lowers it (minorise and maximise), so the climb starts from many common directions and keeps the best. With a direction
wanted the problem is linear and solved once. No currents exceed the objective of the groups' own certified optima.

A quantile is no such sum. The climb is repeated with weights that grow where the field is small (multiplicative
weights), and of all currents met the one with the best quantile is kept: good, but not certified.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assuage.sources import Montage, Pad
from assuage.sources.contact import edge_distance_mm
from assuage.techniques import optimise
from assuage.techniques.aims import Aims
from assuage.techniques.electrodes import ElectrodeSet
from assuage.techniques.hd_tdcs import DISC, Rings
from assuage.techniques.tdcs import GAP_MM, pairs_apart

Array = NDArray[np.float64]

SETTLED = 1e-6
MAX_CLIMB = 50
"""A climb ends when it gains less than this share; it takes a few steps."""
REWEIGHTINGS = 12
EAGERNESS = 1.0
"""Rounds of the weights for a quantile, and how fast they move, per standard deviation of the field."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Currents:
    """Currents (n,) in A of the electrodes `keep`, their objective, that of no limit on their number, and its bound."""

    currents_A: Array
    keep: NDArray[np.int64]
    reached_V_per_m: float
    full: optimise.Optimum


def best_pairs_over(
    aims: Aims, sensitivity: Mapping[Pad, Array], sets: Mapping[Pad, ElectrodeSet], *, current_A: float, count: int
) -> list[Montage]:
    """Return the best pairs of pads, best first; `sensitivity` holds (K, n, 3) per pad."""
    found = []
    for pad, pads in sets.items():
        first, second = pairs_apart(pads, min(pad.width_mm, pad.height_mm))
        A = sensitivity[pad]
        value, sign = aims.signed(current_A * (A[:, first] - A[:, second]))
        kept = 0
        for k in np.argsort(-value, kind="stable"):
            a, b = (first[k], second[k]) if sign[k] > 0 else (second[k], first[k])
            if edge_distance_mm(pads.contacts[a], pads.contacts[b]) >= GAP_MM:
                montage = Montage.pads(pads.names[a], pads.names[b], current_A=current_A, pad=pad)
                found.append((float(value[k]), montage))
                kept += 1
            if kept == count:
                break
    return [montage for _, montage in sorted(found, key=lambda item: -item[0])[:count]]


def best_rings_over(
    aims: Aims, A: Array, sites: ElectrodeSet, offered: Rings, *, current_A: float, count: int
) -> list[Montage]:
    """Return the best 4x1 rings, best first; A (K, n, 3)."""
    means = current_A * np.stack([A[:, center] - A[:, list(returns)].mean(1) for center, returns in offered], axis=1)
    value, sign = aims.signed(means)
    montages = []
    for k in np.argsort(-value, kind="stable")[:count]:
        center, returns = offered[k]
        around = [sites.names[r] for r in returns]
        montages.append(Montage.four_by_one(sites.names[center], around, current_A=sign[k] * current_A, shape=DISC))
    return montages


def best_currents_over(aims: Aims, A: Array, limits: optimise.Limits, *, count: int) -> Currents:
    """Return the best currents on at most `count` electrodes, rounded; A (K, n, 3) V/m per A, up to a constant each."""
    A = A - A.mean(1, keepdims=True)
    own = [optimise.maximise(part, aims.goal.direction, limits) for part in A]
    starts = np.vstack([optimise.half_sphere(optimise.DIRECTIONS), *(_unit(item.mean_e_V_per_m) for item in own)])
    currents, solved, status = _climb_all(aims, A, limits, starts)
    bound = float(aims.objective.of(np.array([item.dual_V_per_m for item in own]), aims.weights))
    keep = np.sort(np.argsort(-np.abs(currents), kind="stable")[:count])
    keep = keep[np.abs(currents[keep]) >= optimise.CURRENT_RESOLUTION_A]
    few = optimise.rounded(_climb_all(aims, A[:, keep], limits, _unit(currents @ A))[0])
    if aims.goal.direction is None:
        few = few * aims.goal.polarity(np.tensordot(aims.weights, few @ A[:, keep], 1))
    full = optimise.Optimum(
        currents_A=currents,
        mean_e_V_per_m=np.tensordot(aims.weights, currents @ A, 1),
        primal_V_per_m=float(aims.of(currents @ A)),
        dual_V_per_m=bound,
        directions=solved,
        status=status,
    )
    return Currents(currents_A=few, keep=keep, reached_V_per_m=float(aims.of(few @ A[:, keep])), full=full)


def _climb_all(aims: Aims, A: Array, limits: optimise.Limits, starts: Array) -> tuple[Array, int, str]:
    """Return the best currents (n,) of climbs from common directions (m, 3), how many problems were solved, and how."""
    problem = optimise.problem_of(A.shape[1], limits, None)
    met: list[Array] = []

    def climb(along: Array, weights: Array) -> Array:
        value, currents = -np.inf, np.zeros(A.shape[1])
        for _ in range(MAX_CLIMB):
            new, _ = problem.solve(np.einsum("k,kna,ka->n", weights, A, along))
            met.append(new)
            means = new @ A
            reached = float(weights @ aims.goal.score(means))
            if reached <= value * (1 + SETTLED):
                break
            value, currents = reached, new
            if aims.goal.direction is not None:
                break
            along = _unit(means)
        return currents

    if aims.goal.direction is not None:
        starts = aims.goal.direction[None]
    groups = len(A)
    climbs = [climb(np.broadcast_to(start, (groups, 3)), aims.weights) for start in starts]
    best = max(climbs, key=lambda currents: float(aims.weights @ aims.goal.score(currents @ A)))
    if aims.objective.quantile is None:
        return best, len(met), problem.status
    weights = aims.weights
    for _ in range(REWEIGHTINGS):
        scores = aims.goal.score(best @ A)
        size = float(scores.std())
        if size == 0:
            break
        weights = weights * np.exp(-EAGERNESS * (scores - scores.mean()) / size)
        weights = weights / weights.sum()
        along = (
            np.broadcast_to(aims.goal.direction, (groups, 3)) if aims.goal.direction is not None else _unit(best @ A)
        )
        best = climb(along, weights)
    return max(met, key=lambda currents: float(aims.of(currents @ A))), len(met), problem.status


def _unit(vectors: Array) -> Array:
    """Return unit vectors (n, 3) along vectors, or the first axis where one vanishes."""
    rows = np.atleast_2d(vectors)
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(np.where(length > 0, rows / np.where(length > 0, length, 1.0), np.eye(3)[:1]))

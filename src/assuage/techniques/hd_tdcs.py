"""4x1 HD-tDCS: one disc in the centre, four returns around it, all on 10-10 sites.

For every centre the four returns are the sites at 30 to 75 mm that surround it most evenly, preferring 50 mm (ring
radii in use: 3 to 7.5 cm, 5 common; Datta 2009, Villamar 2013; from memory, unverified).
"""

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from assuage.errors import PlanError
from assuage.sources import Disc, Montage
from assuage.techniques.electrodes import ElectrodeSet
from assuage.techniques.goal import Goal

Array = NDArray[np.float64]
Rings = tuple[tuple[int, tuple[int, int, int, int]], ...]

DISC = Disc(6.0)
"""Disc of 12 mm diameter (the HD electrode default of ROAST)."""

RING_MM = (30.0, 75.0)
RING_USUAL_MM = 50.0
UNEVEN_DEG = 40.0
"""A centre whose returns leave a right angle by more than this is not offered: the ring does not surround it."""

DEG_PER_MM = 1.0
"""One degree of unevenness weighs as one millimetre of radius in the choice of the returns."""

NEAREST = 12
"""Sites considered for one ring; the ones nearest to the usual radius."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RingChoice:
    """The best 4x1 montage, with its (3,) mean field by the adjoint and the number of rings scored."""

    montage: Montage
    mean_e_V_per_m: Array
    score_V_per_m: float
    rings: int


def rings(sites: ElectrodeSet) -> Rings:
    """Return (centre, four returns) as site numbers for every site that other sites surround."""
    found = []
    for center in range(len(sites.names)):
        returns = _returns(sites.centers_mm, center)
        if returns is not None:
            found.append((center, returns))
    return tuple(found)


def best_ring(A: Array, goal: Goal, sites: ElectrodeSet, offered: Rings, *, current_A: float) -> RingChoice:
    """Choose the 4x1 ring with the largest score.

    Parameters
    ----------
    A, goal
        (n, 3) sensitivities of the target to the discs, and what counts in it.
    sites, offered
        Discs on the sites, and `rings` of them.
    current_A
        Current of the centre.

    Raises
    ------
    PlanError
        No site of this head is surrounded by others.
    """
    if not offered:
        raise PlanError("no 10-10 site of this head is surrounded by four others; 4x1 HD-tDCS has no place")
    means = current_A * np.array([A[center] - A[list(returns)].mean(0) for center, returns in offered])
    k = int(np.argmax(np.abs(goal.score(means))))
    sign = goal.polarity(means[k])
    center, returns = offered[k]
    montage = Montage.four_by_one(
        sites.names[center], [sites.names[r] for r in returns], current_A=sign * current_A, shape=DISC
    )
    mean = sign * means[k]
    score = float(goal.score(mean[None])[0])
    return RingChoice(montage=montage, mean_e_V_per_m=mean, score_V_per_m=score, rings=len(offered))


def _returns(centers_mm: Array, center: int) -> tuple[int, int, int, int] | None:
    offset = centers_mm - centers_mm[center]
    distance = np.linalg.norm(offset, axis=1)
    near = np.flatnonzero((distance >= RING_MM[0]) & (distance <= RING_MM[1]))
    if len(near) < 4:
        return None
    near = near[np.argsort(np.abs(distance[near] - RING_USUAL_MM), kind="stable")[:NEAREST]]
    normal = _outward(centers_mm, center)
    first = offset[near[0]] - (offset[near[0]] @ normal) * normal
    first = first / np.linalg.norm(first)
    azimuth = np.rad2deg(np.arctan2(offset[near] @ np.cross(normal, first), offset[near] @ first))
    best: tuple[float, tuple[int, ...]] | None = None
    for four in combinations(range(len(near)), 4):
        order = np.sort(azimuth[list(four)])
        uneven = float(np.abs(np.diff(np.append(order, order[0] + 360)) - 90).max())
        if uneven > UNEVEN_DEG:
            continue
        cost = uneven * DEG_PER_MM + float(np.abs(distance[near[list(four)]] - RING_USUAL_MM).mean())
        if best is None or cost < best[0]:
            best = (cost, four)
    if best is None:
        return None
    a, b, c, d = (int(near[k]) for k in best[1])
    return a, b, c, d


def _outward(centers_mm: Array, center: int) -> Array:
    """Return the direction from the middle of all sites; good enough to order the azimuths of a ring."""
    outward = centers_mm[center] - centers_mm.mean(0)
    return np.asarray(outward / np.linalg.norm(outward))

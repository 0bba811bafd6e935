"""Conventional tDCS: two pads on any pair of 10-10 sites.

Every pair of every orientation is scored from the sensitivities of the pads themselves (footprint included); pads whose
edges come closer than `GAP_MM` are left out.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assuage.errors import PlanError
from assuage.sources import Montage, Pad
from assuage.sources.contact import edge_distance_mm
from assuage.techniques.electrodes import ElectrodeSet
from assuage.techniques.goal import Goal

Array = NDArray[np.float64]

PADS = (Pad(50.0, 70.0), Pad(50.0, 50.0))
"""Common pad sizes (5 x 7 and 5 x 5 cm; from memory, unverified)."""

GAP_MM = 10.0
"""Least gap between two pads: closer pads shunt through the skin and the saline that runs out of them bridges them."""

CHORD = 0.9
"""Chord over arc of a pad's side on a head: a little less than 1 for 50 mm on a radius of 80 mm."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PairChoice:
    """The best pair of pads.

    Attributes
    ----------
    montage
        At the current asked for.
    mean_e_V_per_m
        (3,) by the adjoint.
    score_V_per_m
        Of the goal.
    pairs
        How many pairs were scored.
    """

    montage: Montage
    mean_e_V_per_m: Array
    score_V_per_m: float
    pairs: int


def best_pair(
    sensitivity: Mapping[Pad, Array], goal: Goal, sets: Mapping[Pad, ElectrodeSet], *, current_A: float
) -> PairChoice:
    """Choose the pair of pads with the largest score.

    Parameters
    ----------
    sensitivity, goal
        (n, 3) sensitivities of the target to the pads of each set, and what counts in it.
    sets
        Pads placed on the sites, by pad.
    current_A
        Current of the anode.

    Raises
    ------
    PlanError
        No two pads fit on this head without touching.
    """
    best: PairChoice | None = None
    pairs = 0
    for pad, pads in sets.items():
        A = sensitivity[pad]
        n = len(A)
        pairs += n * (n - 1) // 2
        found = _best_of(A, goal, pads, current_A, min(pad.width_mm, pad.height_mm))
        if found is None:
            continue
        anode, cathode, mean = found
        score = float(goal.score(mean[None])[0])
        if best is None or score > best.score_V_per_m:
            montage = Montage.pads(pads.names[anode], pads.names[cathode], current_A=current_A, pad=pad)
            best = PairChoice(montage=montage, mean_e_V_per_m=mean, score_V_per_m=score, pairs=0)
    if best is None:
        raise PlanError("no two pads fit on this head without touching; use smaller pads")
    return PairChoice(
        montage=best.montage, mean_e_V_per_m=best.mean_e_V_per_m, score_V_per_m=best.score_V_per_m, pairs=pairs
    )


def _best_of(
    A: Array, goal: Goal, pads: ElectrodeSet, current_A: float, shortest_mm: float
) -> tuple[int, int, Array] | None:
    """Return anode, cathode and mean field of the best pair of one kind of pad that does not touch."""
    first, second = pairs_apart(pads, shortest_mm)
    means = current_A * (A[first] - A[second])
    for k in np.argsort(-np.abs(goal.score(means)), kind="stable"):
        a, b = int(first[k]), int(second[k])
        if edge_distance_mm(pads.contacts[a], pads.contacts[b]) < GAP_MM:
            continue
        sign = goal.polarity(means[k])
        return (a, b, means[k]) if sign > 0 else (b, a, -means[k])
    return None


def pairs_apart(pads: ElectrodeSet, shortest_mm: float) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the pairs of pads, by their shorter side, whose centres are not so near that they touch at any turn."""
    first, second = np.triu_indices(len(pads.names), 1)
    apart = np.linalg.norm(pads.centers_mm[first] - pads.centers_mm[second], axis=1) > CHORD * shortest_mm
    return first[apart], second[apart]

"""Depth of the envelope that two carriers of nearby frequency make together.

Two fields E1 cos(w1 t) and E2 cos(w2 t) beat at w2 - w1. Along a unit direction n the envelope swings between
||n.E1| - |n.E2|| and |n.E1| + |n.E2|; its peak-to-peak change, the **modulation depth** of this package, is

    M(n) = | |n.(E1 + E2)| - |n.(E1 - E2)| | = 2 min(|n.E1|, |n.E2|)

(the same with any signs of E1 and E2; half of it is the amplitude of the envelope around its mean). Its maximum over n
(Grossman et al. 2017, 10.1016/j.cell.2017.05.024), with |E1| >= |E2| and the sign of E2 such that the angle a between
them is at most 90 degrees:

    M = 2 |E2|                                  if |E2| < |E1| cos a
    M = 2 |E2 x (E1 - E2)| / |E1 - E2|          otherwise

Both cases are one: the largest min(n.E1, n.E2) over unit n is the distance of the origin from the segment between E1
and E2 (the maximum over n and the minimum over the weights of the two may be exchanged), so

    M = 2 |k E1 + (1 - k) E2|,      k = E2.(E2 - E1) / |E1 - E2|^2  limited to 0 ... 1

which needs no division of small differences. The direction of that vector is the best n.

Several groups of two carriers, all beating at one frequency, add along each direction at most; groups that beat in
phase, seen by tissue that follows the sum of their envelopes, add exactly. What a tissue follows is not known.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from assuage.errors import PlanError

Array = NDArray[np.float64]

SAYS = "peak-to-peak change of the envelope, largest over directions"
SAYS_ALONG = "peak-to-peak change of the envelope along the wanted direction"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Largest:
    """The largest modulation over directions.

    Attributes
    ----------
    depth_V_per_m
        (...) peak-to-peak change of the envelope.
    direction
        (..., 3) unit vectors along which it is reached; 0 where there is no modulation.
    share
        (...) weight k of the first field in the module docstring.
    sign
        (...) 1 or -1: the sign of the second field that makes the angle at most 90 degrees.
    """

    depth_V_per_m: Array
    direction: Array
    share: Array
    sign: Array


def along(E1_V_per_m: ArrayLike, E2_V_per_m: ArrayLike, direction: ArrayLike) -> Array:
    """Return the modulation depth along a direction.

    Parameters
    ----------
    E1_V_per_m, E2_V_per_m
        (..., 3) amplitudes of the two carriers, V/m.
    direction
        (3,) or (..., 3) unit vectors.

    Returns
    -------
    (...) peak-to-peak change of the envelope, V/m.
    """
    one, two = _pair(E1_V_per_m, E2_V_per_m)
    n = np.asarray(direction, dtype=np.float64)
    return np.asarray(2 * np.minimum(np.abs((one * n).sum(-1)), np.abs((two * n).sum(-1))))


def largest(E1_V_per_m: ArrayLike, E2_V_per_m: ArrayLike) -> Largest:
    """Return the modulation depth along the best direction, and that direction; parameters as `along`."""
    one, two = _pair(E1_V_per_m, E2_V_per_m)
    sign = np.where((one * two).sum(-1) < 0, -1.0, 1.0)
    two = sign[..., None] * two
    across = one - two
    length = (across**2).sum(-1)
    toward = -(two * across).sum(-1)
    share = np.clip(np.divide(toward, length, out=np.zeros_like(length), where=length > 0), 0.0, 1.0)
    nearest = share[..., None] * one + (1 - share[..., None]) * two
    half = np.linalg.norm(nearest, axis=-1)
    unit = np.divide(nearest, half[..., None], out=np.zeros_like(nearest), where=half[..., None] > 0)
    return Largest(depth_V_per_m=2 * half, direction=unit, share=share, sign=sign)


def groups_along(groups: Sequence[tuple[ArrayLike, ArrayLike]], direction: ArrayLike) -> Array:
    """Return the sum of the modulation depths of several groups of two carriers along a direction, (...) V/m.

    It is what groups that beat in phase do to tissue that follows the sum of their envelopes, and bounds all others.

    Raises
    ------
    PlanError
        No group.
    """
    _some(groups)
    return np.asarray(np.sum([along(E1, E2, direction) for E1, E2 in groups], axis=0))


def groups_bounds(groups: Sequence[tuple[ArrayLike, ArrayLike]]) -> tuple[Array, Array]:
    """Return a lower and an upper bound (...), V/m, of the maximum of `groups_along` over directions.

    The largest of the groups' own maxima, and their sum: each group is at its best along a direction of its own.
    """
    _some(groups)
    each = [largest(E1, E2).depth_V_per_m for E1, E2 in groups]
    return np.asarray(np.max(each, axis=0)), np.asarray(np.sum(each, axis=0))


def _some(groups: Sequence[tuple[ArrayLike, ArrayLike]]) -> None:
    if not groups:
        raise PlanError("no group of two carriers was given; the envelope needs at least one")


def _pair(first: ArrayLike, second: ArrayLike) -> tuple[Array, Array]:
    one, two = np.broadcast_arrays(np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64))
    if one.shape[-1:] != (3,):
        raise PlanError(f"fields of shape {one.shape} are no vectors; give (..., 3)")
    return one, two

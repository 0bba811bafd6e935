"""Error bars of a modulation depth, from those of the mean fields of its two carriers by the chain rule.

With n, k, s of `modulation.Largest` the depth of two fields changes by

    d M = 2 n . (k dE1 + (1 - k) s dE2)

since at the best direction and weight a change of either counts to second order only. Along a given direction M follows
the weaker component. The depth of the dose is a mean over voxels; it is taken to change in proportion.
"""

import numpy as np
from numpy.typing import NDArray

from assuage.field import Field
from assuage.head import conductivities
from assuage.plan import describe
from assuage.plan.further import Aim
from assuage.plan.records import ErrorBar
from assuage.sources import Montage
from assuage.techniques import modulation
from assuage.techniques.dose import conductivity_deviation
from assuage.techniques.goal import Goal
from assuage.techniques.placement import ASSUMPTION, montage_draws

Array = NDArray[np.float64]

PROPORTION = "of the depth that the two mean fields make; the mean depth in proportion to it"
CONDUCTIVITY = f"{describe.CONDUCTIVITY_ASSUMPTION}, {PROPORTION}"
PLACEMENT = f"{ASSUMPTION}; {PROPORTION}"


def depth_error(
    aim: Aim, pairs: tuple[Montage, Montage], fields: tuple[Field, Field], depth_V_per_m: float
) -> ErrorBar:
    """Return the error bar of a modulation depth.

    Parameters
    ----------
    aim
        Target, what counts in it, and its adjoint.
    pairs, fields
        What carries each carrier, and its solved field.
    depth_V_per_m
        Mean depth over the target.
    """
    settings = aim.bench.settings
    reading = aim.bench.read_out(aim.target)
    one, two = (field.mean_over(reading) for field in fields)
    nominal = float(depth_of(one, two, aim.goal))
    scale = depth_V_per_m / nominal if nominal > 0 else 0.0
    first, second = aim.landscape.sensitivity(list(fields))
    along = slopes_of(one, two, aim.goal)
    slopes = (along[0] @ first + along[1] @ second) * scale
    tissues = aim.landscape.tissues
    axis = np.array([1.0, 0.0, 0.0])
    shares = conductivity_deviation(
        np.outer(axis, slopes), tissues, axis, Goal(direction=axis, normal=None), conductivities()
    )
    drawn = [
        montage_draws(aim.landscape, aim.bench.head, pair, count=settings.draws, seed=settings.seed + k)
        for k, pair in enumerate(pairs)
    ]
    depths = scale * depth_of(drawn[0], drawn[1], aim.goal)
    return describe.combined_error(shares, tissues, depths, seed=settings.seed, assumptions=(CONDUCTIVITY, PLACEMENT))


def depth_of(one: Array, two: Array, goal: Goal) -> Array:
    """Return the depth (...) that counts, of two fields (..., 3)."""
    if goal.direction is not None:
        return modulation.along(one, two, goal.direction)
    return modulation.largest(one, two).depth_V_per_m


def slopes_of(one: Array, two: Array, goal: Goal) -> tuple[Array, Array]:
    """Return the gradients (3,) of the depth by the two mean fields."""
    if goal.direction is not None:
        parts = (float(one @ goal.direction), float(two @ goal.direction))
        weaker = int(abs(parts[1]) < abs(parts[0]))
        steep = 2 * np.sign(parts[weaker]) * goal.direction
        return (np.zeros(3), steep) if weaker else (steep, np.zeros(3))
    best = modulation.largest(one, two)
    return 2 * best.share * best.direction, 2 * (1 - best.share) * best.sign * best.direction

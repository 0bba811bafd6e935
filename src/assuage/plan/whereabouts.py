"""Where the target of a plan may lie, as the plan is asked to take it into account, and its adjoints on a workbench."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from assuage.connectivity import TargetDistribution
from assuage.connectivity.group import GroupTarget
from assuage.errors import PlanError
from assuage.field import Landscape, ReadOut
from assuage.plan.bench import Bench
from assuage.targets import Target, from_coordinate
from assuage.techniques.aims import Aims, Objective, grouped, rms_within
from assuage.techniques.goal import Goal

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Whereabouts:
    """What `plan` maximises over.

    Attributes
    ----------
    distribution
        Of the target, in head coordinates.
    objective
        Expected field, or a quantile of it.
    group
        The group target beside it; None: not known.
    """

    distribution: TargetDistribution
    objective: Objective = field(default_factory=Objective)
    group: GroupTarget | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Located:
    """The groups of a distribution on a workbench, and the group target if there is one.

    Attributes
    ----------
    aims
        Adjoints of the groups.
    centers_mm
        (K, 3).
    within_mm
        Root mean square distance of a place from the centre of its group.
    group, group_landscape
        Target and adjoint of the group target; None: there is none.
    """

    aims: Aims
    centers_mm: Array
    within_mm: float
    group: Target | None
    group_landscape: Landscape | None


def locate(bench: Bench, target: Target, goal: Goal, whereabouts: Whereabouts) -> Located:
    """Group the distribution and solve the adjoints of all groups and of the group target.

    Raises
    ------
    PlanError
        A target that is a mask: its distribution says where a centre lies.
    TargetError
        A place without grey matter near it.
    """
    if target.mask is not None:
        raise PlanError(
            f"target {target.name!r} is a mask, and a distribution says where the centre of a sphere lies; "
            "plan with a sphere, or without the distribution"
        )
    found = whereabouts.distribution
    known = found.weights > 0
    points, weights = found.points_mm[known], found.weights[known] / found.weights[known].sum()
    label = grouped(points, weights, seed=bench.settings.seed)
    readings = [bench.conductor.read_out(_sphere(bench, target, point, "place")) for point in points]
    aims: list[tuple[Target, ReadOut]] = []
    shares, centers = [], []
    for k in range(label.max() + 1):
        members = np.flatnonzero(label == k)
        share = float(weights[members].sum())
        center = weights[members] @ points[members] / share
        mixed = ReadOut.mixed([readings[m] for m in members], weights[members] / share)
        aims.append((Target.sphere(center, target.radius_mm, name=f"group {k + 1}"), mixed))
        shares.append(share)
        centers.append(center)
    group = None
    if whereabouts.group is not None:
        group = _sphere(bench, target, whereabouts.group.mean_mm, f"group target {whereabouts.group.label}")
        aims.append((group, bench.read_out(group)))
    landscapes = Landscape.together(bench.conductor, aims)
    return Located(
        aims=Aims(
            landscapes=tuple(landscapes[: len(shares)]),
            weights=np.array(shares),
            goal=goal,
            objective=whereabouts.objective,
        ),
        centers_mm=np.array(centers),
        within_mm=rms_within(points, weights, label),
        group=group,
        group_landscape=None if group is None else landscapes[-1],
    )


def _sphere(bench: Bench, target: Target, point_mm: Array, name: str) -> Target:
    return from_coordinate(bench.head, point_mm, space="head", radius_mm=target.radius_mm, name=name)

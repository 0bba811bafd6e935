"""Targets of a plan: the regions of a circuit, and the cortex under C3 that every technique is compared with."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assuage.circuits import Circuit, Region
from assuage.errors import PlanError, TargetError
from assuage.head import Head
from assuage.plan.records import MatrixCell
from assuage.targets import Target, from_coordinate
from assuage.targets.target import OUTSIDE_BRAIN

Array = NDArray[np.float64]

REFERENCE_SITE = "C3"
"""Over the hand area of the left motor cortex, where motor thresholds are taken."""

REFERENCE_NAME = f"cortex under {REFERENCE_SITE}"

DOSE_SHARE = 0.5
"""A reached region gets at least this share of what the technique gives the reference cortex."""

STRONGER_SHARE = 0.1
"""A reached region is in the strongest tenth: at most this share of its tissue in the head gets more."""

CRITERION = (
    "working definition, no clinical threshold: a technique reaches a region if, optimised for it, it gives the region "
    f"at least {DOSE_SHARE:g} of the mean field that it gives the {REFERENCE_NAME} when optimised for that, and if at "
    f"most {STRONGER_SHARE:g} of the same tissue in the whole head then gets a stronger field. The second part is what "
    "a diffuse field fails: it gets everywhere, and nowhere in particular. ECT, MST and DBS are held against their "
    "threshold field instead of the field under C3. The shortlist asks the same of what is proposed"
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RegionTarget:
    """A region of a circuit with its target on a head, or the reason why there is none."""

    region: Region
    target: Target | None
    problem: str


def region_targets(head: Head, circuit: Circuit, *, radius_mm: float) -> tuple[RegionTarget, ...]:
    """Make a target of every region with a centroid; a region that the head does not hold says why."""
    found = []
    for region in circuit.regions:
        if region.mni_mm is None:
            found.append(RegionTarget(region=region, target=None, problem="no centroid in the literature read"))
            continue
        try:
            target = from_coordinate(head, region.mni_mm, space="mni", radius_mm=radius_mm, name=region.label)
            target.tissue_in(head)
        except TargetError as error:
            found.append(RegionTarget(region=region, target=None, problem=str(error)))
            continue
        found.append(RegionTarget(region=region, target=target, problem=""))
    return tuple(found)


def primary_region(circuit: Circuit, targets: tuple[RegionTarget, ...], wanted: str | None) -> tuple[RegionTarget, str]:
    """Choose the region that the plan optimises, with the reason.

    Raises
    ------
    PlanError
        The region wanted has no target, or no region of the circuit can be planned.
    """
    if wanted is not None:
        region = circuit.find(wanted)
        chosen = next(item for item in targets if item.region is region)
        if chosen.target is None:
            raise PlanError(f"region {region.label!r} cannot be planned: {chosen.problem}; name another region")
        return chosen, "named by the user"
    for item in targets:
        if item.target is not None and item.region.surface_in_principle:
            return item, (
                "first region of the table with a centroid that a surface technique reaches in principle; the table's "
                "order is no ranking of evidence, name another region if you prefer"
            )
    reasons = "; ".join(f"{item.region.label}: {item.problem}" for item in targets if item.problem)
    raise PlanError(f"no region of circuit {circuit.domain!r} can be planned on this head ({reasons}); name a target")


def reference_target(head: Head, radius_mm: float) -> Target:
    """Return the cortex nearest to C3: where every technique's reference dose is taken.

    Raises
    ------
    PlanError
        The head has no such site or no brain.
    """
    if REFERENCE_SITE not in head.ten_ten_mm:
        raise PlanError(f"head {head.name!r} has no site {REFERENCE_SITE}; the reference dose needs it")
    names = set(head.tissues.values())
    wanted = {"grey_matter"} if "grey_matter" in names else names - OUTSIDE_BRAIN
    tags = [tag for tag, tissue in head.tissues.items() if tissue in wanted]
    index = np.argwhere(np.isin(head.labels, tags))
    if not len(index):
        raise PlanError(f"head {head.name!r} holds no brain tissue; name its tissues")
    points = index @ head.affine[:3, :3].T + head.affine[:3, 3]
    nearest = points[int(np.linalg.norm(points - head.ten_ten_mm[REFERENCE_SITE], axis=1).argmin())]
    return Target.sphere(nearest, radius_mm, name=REFERENCE_NAME)


def is_reached(relative_to_reference: float, stronger_elsewhere: float) -> bool:
    """Say whether a technique reaches a region by the working definition."""
    return relative_to_reference >= DOSE_SHARE and stronger_elsewhere <= STRONGER_SHARE


def reached_by_none(cells: list[MatrixCell]) -> tuple[str, ...]:
    """Return the regions that no technique of the matrix reaches."""
    regions = dict.fromkeys(cell.region for cell in cells)
    return tuple(key for key in regions if not any(cell.reached for cell in cells if cell.region == key))

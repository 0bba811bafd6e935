"""The size of the field of a finished plan over the distribution of its target, for every technique alike.

For every place where the target may lie, the size of the field is averaged over the target's tissue within its radius.
Unlike `aim_over`, which is exact for the mean vector and joins placement and conductivity, this reads the images alone
and so knows the techniques that have no adjoint.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from assuage.connectivity import TargetDistribution
from assuage.errors import PlanError
from assuage.head import Head
from assuage.head.hashing import head_hash
from assuage.plan.result import Plan, Volume
from assuage.targets import Target

SAYS = (
    "|E| in V/m at the reference intensity of each technique, mean over the target's tissue within its radius, over "
    "the distribution of the target; conductivity and placement errors are not in it. target_distribution of plan.json "
    "says what the proposals aim at, and joins these errors where a technique has an adjoint"
)


def check_head(distribution: TargetDistribution, head: Head) -> None:
    """Refuse a distribution that was made on another head.

    Raises
    ------
    PlanError
        The head's hash differs, or the distribution carries none.
    """
    made_on = distribution.provenance.get("head_sha256")
    if made_on != head_hash(head):
        name = distribution.provenance.get("head", "an unknown head")
        raise PlanError(
            f"the target was found on {name}, not on {head.name!r} as loaded; run assuage target on this head"
        )


def over_target(plan: Plan, distribution: TargetDistribution) -> dict[str, Any]:
    """Return expected value, standard deviation and quantiles of every technique's field over the distribution."""
    rows = {}
    for item in plan.record.techniques:
        values = _means(plan.volumes[item.field_file], plan.head, plan.target, distribution.points_mm)
        known = distribution.over(values)
        rows[item.technique] = {
            "expected_V_per_m": known.expected,
            "sd_V_per_m": known.sd,
            "quantiles_V_per_m": {f"{q:g}": value for q, value in known.quantiles.items()},
        }
    return {"says": SAYS, "method": distribution.method, "minutes": distribution.minutes, "techniques": rows}


def _means(volume: Volume, head: Head, target: Target, points_mm: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mean (n,) of an image over the target's tissue within its radius of each point (n, 3)."""
    size = np.array(volume.array.shape)
    inverse = np.linalg.inv(volume.affine)
    reach = target.radius_mm / np.linalg.norm(volume.affine[:3, :3], axis=0).min() + 1
    middle = points_mm @ inverse[:3, :3].T + inverse[:3, 3]
    low = np.clip(np.floor(middle.min(0) - reach), 0, size).astype(int)
    high = np.clip(np.ceil(middle.max(0) + reach) + 1, 0, size).astype(int)
    index = np.stack(np.meshgrid(*map(np.arange, low, high), indexing="ij"), -1).reshape(-1, 3)
    centers = index @ volume.affine[:3, :3].T + volume.affine[:3, 3]
    inside = np.isin(head.tissue_at(centers), list(target.tissue_in(head)))
    if not inside.any():
        raise PlanError("no voxel of the field lies in the target's tissue; make the target again on this head")
    values = np.asarray(volume.array, dtype=np.float64)[tuple(index[inside].T)]
    tree = cKDTree(centers[inside])
    near = tree.query_ball_point(points_mm, target.radius_mm)
    nearest = np.asarray(tree.query(points_mm)[1])
    return np.array([values[item].mean() if item else values[k] for item, k in zip(near, nearest, strict=True)])

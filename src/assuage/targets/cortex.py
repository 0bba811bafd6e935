"""The mean cortical normal of a target, from smoothed tissue.

With white matter at 1, grey matter at 1/2 and everything else at 0, the smoothed map u rises from the outer (pial)
surface into the white matter, and

    n = sum over target voxels of grad u / |sum over target voxels of grad u|

points inward. Opposite banks of a sulcus cancel; `COHERENCE_MIN` says when what is left means nothing.
"""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from assuage.errors import TargetError

if TYPE_CHECKING:
    from assuage.head import Head

SMOOTHING_MM = 2.0
"""Standard deviation of the smoothing: most of a cortical thickness, so that single voxels do not turn the normal."""

COHERENCE_MIN = 0.1
"""Least |sum of gradients| / sum of |gradients|: randomly turned normals over a 10 mm target stay below it."""

LEVEL = {"white_matter": 1.0, "lesion": 1.0, "grey_matter": 0.5}


def mean_inward_normal(head: "Head", inside: NDArray[np.bool_], *, name: str) -> NDArray[np.float64]:
    """Average the cortical normal over voxels of a head.

    Parameters
    ----------
    head
        The head; fractions are used where it has them, labels otherwise.
    inside
        (nx, ny, nz) bool, the voxels to average over.
    name
        Name of the target, for the message.

    Returns
    -------
    Unit vector (3,) in world axes, from the outer surface inward.

    Raises
    ------
    TargetError
        The surfaces in the target face opposite ways.
    """
    margin = np.ceil(4 * SMOOTHING_MM / np.asarray(head.voxel_mm)).astype(int)
    index = np.argwhere(inside)
    low = np.maximum(index.min(0) - margin, 0)
    high = np.minimum(index.max(0) + margin + 1, inside.shape)
    box = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
    level = gaussian_filter(_level(head, box), SMOOTHING_MM / np.asarray(head.voxel_mm))
    slope = np.stack([np.gradient(level, axis=axis) for axis in range(3)], -1)[inside[box]] @ np.linalg.inv(
        head.affine[:3, :3]
    )
    total = slope.sum(0)
    coherence = float(np.linalg.norm(total) / max(np.linalg.norm(slope, axis=1).sum(), 1e-12))
    if coherence < COHERENCE_MIN:
        raise TargetError(
            f"target {name!r} has no mean cortical normal: its surfaces cancel (coherence {coherence:.2f} < "
            f"{COHERENCE_MIN}); give a unit vector, a smaller radius, or direction=None"
        )
    return np.asarray(total / np.linalg.norm(total), dtype=np.float64)


def _level(head: "Head", box: tuple[slice, ...]) -> NDArray[np.float64]:
    names = set(head.tissues.values())
    levels = LEVEL if "white_matter" in names else {**LEVEL, "grey_matter": 1.0}
    known = {name: level for name, level in levels.items() if name in names}
    if not known:
        raise TargetError(f"head {head.name!r} has no white or grey matter, so no cortical normal; give a unit vector")
    total = np.zeros(head.labels[box].shape)
    for name, level in known.items():
        if head.fractions is not None and name in head.fractions:
            total += level / 255 * head.fractions[name][box]
        else:
            tags = [tag for tag, tissue in head.tissues.items() if tissue == name]
            total += level * np.isin(head.labels[box], tags)
    return total

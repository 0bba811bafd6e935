"""The field that n electrodes make outside the target, as one matrix.

One forward solution per electrode against a common return on a coarse grid gives the field F_i (per ampere) at every
voxel v of the target's tissue outside the target; then for currents I that sum to zero

    mean_v |E_v|^2 = |R I|^2,    R^T R = Q,    Q_ij = mean_v F_i . F_j

Off target means farther from the centre than `FAR` times the target's radius: the fringe around a target belongs to
neither side.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from assuage.errors import PlanError
from assuage.sources import Montage
from assuage.techniques.electrodes import ElectrodeSet

if TYPE_CHECKING:
    from assuage.field import Conductor
    from assuage.sources.montage import Shape
    from assuage.targets import Target

Array = NDArray[np.float64]

FAR = 2.0
BATCH = 3
TOLERANCE = 1e-4
"""Relative residual: the lead field is a constraint, far from deciding the digits of a dose."""

PROBE_A = 1e-3
"""Current of the unit solutions; the field is linear in it."""


def lead_field(
    conductor: "Conductor",
    sites: ElectrodeSet,
    shape: "Shape",
    *,
    tissues: frozenset[str],
    progress: Callable[[float], None] | None = None,
) -> tuple[Array, NDArray[np.float32]]:
    """Solve for every electrode against the last one.

    Parameters
    ----------
    conductor
        Usually a coarse one: the lead field is a constraint, not a result.
    sites, shape
        The electrodes.
    tissues
        Tissues whose voxels count.
    progress
        Called with the fraction done.

    Returns
    -------
    points_mm
        (v, 3) voxel centres in those tissues.
    field
        (n, v, 3) V/m per A; 0 for the last electrode.
    """
    common = sites.names[-1]
    chosen: NDArray[np.bool_] | None = None
    points = np.zeros((0, 3))
    parts = []
    for start in range(0, len(sites.names) - 1, BATCH):
        names = sites.names[start : min(start + BATCH, len(sites.names) - 1)]
        montages = [Montage({name: PROBE_A, common: -PROBE_A}, shape=shape) for name in names]
        for field in conductor.solve(montages, tolerance=TOLERANCE):
            if chosen is None:
                tags = [tag for tag, tissue in enumerate(field.tissues) if tissue in tissues]
                chosen = np.isin(field.labels, tags)
                points = np.argwhere(chosen) @ field.affine[:3, :3].T + field.affine[:3, 3]
            parts.append(field.raw_e_V_per_m[chosen] / np.float32(PROBE_A))
        if progress is not None:
            progress((start + len(names)) / (len(sites.names) - 1))
    parts.append(np.zeros_like(parts[0]))
    return points, np.stack(parts)


def root_mean_square_matrix(points_mm: Array, field: NDArray[np.float32], target: "Target") -> Array:
    """Return R (k, n) with |R I| the root mean square field (V/m) off target for currents I (A).

    Raises
    ------
    PlanError
        Nothing of the tissue lies off target.
    """
    far = np.linalg.norm(points_mm - target.center_mm, axis=1) > FAR * target.radius_mm
    if not far.any():
        raise PlanError(f"no tissue lies farther than {FAR:g} radii from target {target.name!r}; use a smaller radius")
    flat = field[:, far].reshape(len(field), -1).astype(np.float64)
    Q = flat @ flat.T / int(far.sum())
    values, vectors = np.linalg.eigh(Q)
    keep = values > values[-1] * 1e-10
    return np.asarray(np.sqrt(values[keep])[:, None] * vectors[:, keep].T)

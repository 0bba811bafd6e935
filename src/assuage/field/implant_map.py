"""The field of an implanted lead over the whole head, on the coarse grid.

Far from the lead its field is that of point sources at the contacts, with the return of `implant`. In voxels that the
fine grid covers, it is the mean size of the fine field over the sub-volume of the brain that lies in the voxel, so that
targets a few millimetres wide keep their dose.
"""

import numpy as np
from numpy.typing import NDArray

from assuage.errors import SourceError
from assuage.field.conductor import Conductor
from assuage.field.implant import ContactFields, point_drive
from assuage.field.implant_box import CAPSULE
from assuage.field.solver import RELATIVE_TOLERANCE, solve

Array = NDArray[np.float64]
Array32 = NDArray[np.float32]

COVERED = 0.5
"""Share of a voxel that has to lie in tissue of the fine grid for its mean to count."""


def whole_head_magnitude(
    conductor: Conductor, fields: ContactFields, currents_A: Array, *, tolerance: float = RELATIVE_TOLERANCE
) -> Array32:
    """Return |E| (nx, ny, nz), V/m, of currents (n,) from the contacts, on the grid of the whole head.

    Parameters
    ----------
    conductor
        The one that the contact fields were solved with.
    fields, currents_A
        Fields of every contact, and what each sends into the tissue.
    tolerance
        Relative residual of the linear solver.

    Raises
    ------
    SourceError
        The conductor is of another head.
    """
    if conductor.head is not fields.whole:
        raise SourceError(
            f"the lead lies in head {fields.whole.name!r}, the map was asked for on {conductor.head.name!r}"
        )
    b = currents_A @ point_drive(conductor, fields.placed.contact_centers_mm())
    phi = solve(conductor.hierarchy, b[None], tolerance=tolerance).x[0]
    far = np.linalg.norm(conductor.recovered_field(phi.reshape(conductor.grid.node_shape), None), axis=-1)
    near, share = _means(conductor, fields, currents_A)
    return np.where(share >= COVERED, near, far).astype(np.float32)


def _means(conductor: Conductor, fields: ContactFields, currents_A: Array) -> tuple[Array, Array]:
    """Return the mean size of the fine field in each coarse voxel, and the share of the voxel that it is taken over."""
    fine, coarse = fields.conductor, conductor.grid
    usable = [n for n, name in enumerate(fine.tissue.tissues) if n and name != CAPSULE]
    index = np.argwhere(np.isin(fine.tissue.label, usable))
    at = np.rint(coarse.index(fine.grid.world_mm(index.astype(np.float64)))).astype(np.int64)
    within = ((at >= 0) & (at < coarse.shape)).all(1)
    flat = np.ravel_multi_index(tuple(at[within].T), coarse.shape)
    size = np.linalg.norm(fields.e_V_per_m(currents_A), axis=-1)[tuple(index[within].T)]
    cells = int(np.prod(coarse.shape))
    count = np.bincount(flat, minlength=cells)
    total = np.bincount(flat, weights=size.astype(np.float64), minlength=cells)
    share = count * (fine.grid.voxel_mm / coarse.voxel_mm) ** 3
    mean = np.asarray(total / np.maximum(count, 1))
    return mean.reshape(coarse.shape), np.asarray(share).reshape(coarse.shape)

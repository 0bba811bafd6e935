"""The lead field: what every electrode of a set does to every voxel of chosen tissues.

With F_i the field per ampere that enters at contact i and leaves at the common return (the last contact, F = 0),
any montage with currents I that sum to zero makes

    E(voxel) = sum_i I_i F_i(voxel)

The field is that of `Field.e_V_per_m`: recovered per tissue, V/m, world axes.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from assuage.errors import DataError, SourceError
from assuage.field.recovery import recover_at
from assuage.field.solver import solve
from assuage.sources import Contact

if TYPE_CHECKING:
    from assuage.field.conductor import Conductor

Array = NDArray[np.float64]
Array32 = NDArray[np.float32]

TISSUES = frozenset({"grey_matter", "white_matter"})
TOLERANCE = 1e-4
"""Relative residual of every solution: the field changes by less than 1e-3 of its maximum below it, the grid errs by
1e-2."""


@dataclass(frozen=True, kw_only=True, eq=False)
class LeadField:
    """Fields per ampere of n contacts at v voxels.

    Attributes
    ----------
    names
        Of the contacts; current leaves at the last.
    index
        (v, 3) voxels of the conductor's grid.
    tissue
        (v,) number of each voxel's tissue among `tissues`.
    tissues
        Names.
    points_mm
        (v, 3) voxel centres, world mm.
    field_V_per_m_per_A
        (n, v, 3) in world axes; 0 for the last contact.
    voxel_mm
        Edge of the grid's voxels.
    """

    names: tuple[str, ...]
    index: NDArray[np.int32]
    tissue: NDArray[np.uint8]
    tissues: tuple[str, ...]
    points_mm: Array
    field_V_per_m_per_A: Array32
    voxel_mm: float

    def montage_V_per_m(self, currents_A: ArrayLike) -> Array32:
        """Return the field (v, 3), V/m, of currents (n,) that sum to zero.

        Raises
        ------
        SourceError
            Another number of currents, or a sum other than zero.
        """
        currents = np.asarray(currents_A, dtype=np.float64)
        if currents.shape != (len(self.names),):
            raise SourceError(f"currents of shape {currents.shape} for {len(self.names)} contacts; give one for each")
        if abs(currents.sum()) > 1e-9 * np.abs(currents).max(initial=0.0):
            raise SourceError(f"the currents add up to {currents.sum():g} A; what enters has to leave")
        return np.asarray(np.tensordot(currents.astype(np.float32), self.field_V_per_m_per_A, 1))

    def rows(self, index: ArrayLike) -> NDArray[np.int64]:
        """Return the numbers (k,) of voxels (k, 3) of the grid; -1 where a voxel is not among them."""
        wanted = np.asarray(index, dtype=np.int64).reshape(-1, 3)
        shape = tuple(np.maximum(self.index.max(0), wanted.max(0, initial=0)) + 1)
        known = np.ravel_multi_index(tuple(self.index.T.astype(np.int64)), shape)
        asked = np.ravel_multi_index(tuple(wanted.T), shape)
        place = np.clip(np.searchsorted(known, asked), 0, len(known) - 1)
        return np.where(known[place] == asked, place, -1)


def solve_lead_field(
    conductor: "Conductor",
    contacts: Sequence[Contact],
    *,
    tissues: frozenset[str] = TISSUES,
    tolerance: float = TOLERANCE,
    progress: Callable[[float], None] | None = None,
) -> LeadField:
    """Solve for every contact against the last one; `lead_field_store.lead_field` keeps the result on disk.

    Parameters
    ----------
    conductor, contacts
        The head and the electrodes (`techniques.electrodes.ElectrodeSet.contacts`).
    tissues
        Tissues whose voxels count.
    tolerance
        Relative residual of the solver.
    progress
        Called with the fraction done.

    Raises
    ------
    SourceError
        Fewer than two contacts, or one off the scalp.
    DataError
        The head holds none of the tissues.
    SolverError
        No convergence.
    """
    from assuage.field.conductor import BATCH  # noqa: PLC0415 (the conductor is set up before a lead field)

    if len(contacts) < 2:
        raise SourceError(f"{len(contacts)} contacts make no lead field; give two or more")
    index = tissue_voxels(conductor, tissues)
    n = len(contacts)
    field = np.zeros((n, len(index), 3), np.float32)
    back, share = conductor.injection(contacts[-1])
    patch = np.empty((len(index), 3 * BATCH), np.float32)
    raw = np.empty((*conductor.grid.shape, 3 * BATCH), np.float32)
    turn = conductor.grid.axes.T.astype(np.float32)
    for start in range(0, n - 1, BATCH):
        some = contacts[start : min(start + BATCH, n - 1)]
        b = np.zeros((len(some), conductor.active.size))
        for row, contact in zip(b, some, strict=True):
            nodes, current = conductor.injection(contact)
            row[nodes] += current
            row[back] -= share
        solution = solve(conductor.hierarchy, b, tolerance=tolerance)
        for k, x in enumerate(solution.x):
            raw[..., 3 * k : 3 * k + 3] = conductor.element_field(x.reshape(conductor.grid.node_shape))
        recover_at(conductor.cut, conductor.tissue.label, raw, index, patch)
        for k in range(len(some)):
            np.matmul(patch[:, 3 * k : 3 * k + 3], turn, out=field[start + k])
        if progress is not None:
            progress((start + len(some)) / (n - 1))
    return as_lead_field(conductor, contacts, index, field)


def tissue_voxels(conductor: "Conductor", tissues: frozenset[str]) -> NDArray[np.int32]:
    """Return the voxels (v, 3) of a conductor's grid that belong to tissues, in the grid's order.

    Raises
    ------
    DataError
        There is none.
    """
    tags = [tag for tag, tissue in enumerate(conductor.tissue.tissues) if tissue in tissues]
    index = np.argwhere(np.isin(conductor.tissue.label, tags)).astype(np.int32)
    if not len(index):
        raise DataError(
            f"head {conductor.head.name!r} holds no voxel of {' or '.join(sorted(tissues))} on the "
            f"{conductor.grid.voxel_mm:g} mm grid; name tissues it has"
        )
    return index


def as_lead_field(
    conductor: "Conductor", contacts: Sequence[Contact], index: NDArray[np.int32], field: Array32
) -> LeadField:
    """Return the record of fields (n, v, 3) at the voxels `tissue_voxels` (v, 3) of a conductor."""
    return LeadField(
        names=tuple(contact.label for contact in contacts),
        index=index,
        tissue=conductor.tissue.label[tuple(index.T)],
        tissues=conductor.tissue.tissues,
        points_mm=conductor.grid.world_mm(index.astype(np.float64)),
        field_V_per_m_per_A=field,
        voxel_mm=conductor.grid.voxel_mm,
    )

"""A finer conductor inside a box of a coarser one: potentials on the faces of the box from the coarse field.

The box must lie where the coarse field is good: its error enters through the faces. Sources inside the box (the coil's
vector potential everywhere) are taken anew on the fine grid.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from assuage.errors import SourceError
from assuage.field.conductor import Conductor, Field
from assuage.field.grid import Grid
from assuage.field.multigrid import Hierarchy
from assuage.field.solver import RELATIVE_TOLERANCE, solve
from assuage.sources import Montage, place_montage

Array = NDArray[np.float64]


def face_nodes(grid: Grid) -> NDArray[np.bool_]:
    """Return the padded node mask of the faces of a box."""
    inner = np.zeros(grid.node_shape, bool)
    inner[1:-1, 1:-1, 1:-1] = True
    inner[2:-2, 2:-2, 2:-2] = False
    return inner


def potential_at(conductor: Conductor, phi_V: Array, points_mm: Array) -> Array:
    """Return a potential of a conductor, given at its padded nodes, at world points (n, 3), (n,) V.

    Nodes in air take their neighbours' mean.
    """
    active = conductor.active.astype(float)
    spread = ndimage.uniform_filter(np.where(active > 0, phi_V, 0.0), 3, mode="constant")
    weight = ndimage.uniform_filter(active, 3, mode="constant")
    phi = np.where(active > 0, phi_V, spread / np.maximum(weight, 1e-12))
    where = conductor.grid.index(points_mm) + 1.5
    return np.asarray(ndimage.map_coordinates(phi, where.T, order=1, mode="nearest"))


@dataclass(frozen=True)
class Zoom:
    """A fine conductor within a coarse one; build it with `Conductor.zoom`."""

    coarse: Conductor
    fine: Conductor

    @cached_property
    def faces(self) -> NDArray[np.bool_]:
        """Padded node mask of the faces of the box."""
        return face_nodes(self.fine.grid)

    @cached_property
    def hierarchy(self) -> Hierarchy:
        """Of the fine conductor with the potential prescribed on the faces."""
        return self.fine.build_hierarchy(self.faces)

    def solve(self, field: Field, *, tolerance: float = RELATIVE_TOLERANCE) -> Field:
        """Return the field of the same source on the fine grid.

        Parameters
        ----------
        field
            Of the coarse conductor.
        tolerance
            Relative residual of the linear solver.

        Raises
        ------
        SourceError
            The field is not of the coarse conductor, or an electrode touches the box.
        """
        if field.conductor is not self.coarse:
            raise SourceError("the field belongs to another conductor; solve it with the one that was zoomed")
        shape = self.fine.grid.node_shape
        phi = np.where(self.faces & self.fine.active, self._coarse_potential(field), 0.0)
        b, potential = np.zeros(phi.size), None
        if isinstance(field.source, Montage):
            self._refuse_electrodes(field.source)
        else:
            b, potential = self.fine.drive(field.source)
        flow = self.hierarchy.levels[0].times(phi.reshape(1, -1))
        solution = solve(self.hierarchy, b[None] - flow, tolerance=tolerance, singular=False)
        phi += solution.x.reshape(shape)
        return Field(self.fine, field.source, phi, potential, {}, solution.iterations, float(solution.residual[0]))

    def _coarse_potential(self, field: Field) -> Array:
        """Coarse potential at the faces of the box, (padded node array)."""
        fine = self.fine.grid
        result = np.zeros(fine.node_shape)
        nodes = np.argwhere(self.faces).astype(np.float64)
        result[self.faces] = potential_at(self.coarse, field.phi_V, fine.world_mm(nodes - 1.5))
        return result

    def _refuse_electrodes(self, montage: Montage) -> None:
        half = np.array(self.fine.grid.shape) / 2 + 1
        for contact in place_montage(montage, self.fine.head):
            index = self.fine.grid.index(contact.points_mm)
            if (np.abs(index - (np.array(self.fine.grid.shape) - 1) / 2) <= half).all(1).any():
                raise SourceError(f"electrode {contact.label!r} touches the zoom box; move the box inwards")

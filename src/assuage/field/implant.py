"""The field of every contact of an implanted lead, on a fine grid of its own along the lead.

The grid is aligned with the lead, so that every slice across it is alike and turning the lead turns the grid. Its
tissues are those of the head, resampled; the lead enters sub-voxel by sub-voxel: its body does not conduct, a layer of
encapsulation surrounds it. Metal is equipotential, whether the contact is driven or floats. So each contact k gets a
few current densities over its face: an even one that carries 1 A, and MODES m that carry no net current. With
A_km,ln the mean over face k, weighted by mode m, of the potential that mode n of contact l causes, the modes that
currents c call for follow from  sum_ln A_km,ln q_ln = 0  for every mode m > 0 with q_k0 = c_k: the potential varies
over no face, as far as the modes can see. (What was tried and lost: contacts as tissue of very high conductivity, which
joins neighbouring segments wherever one element holds parts of both. Prescribed node potentials would tie the contacts'
shape to whole voxels.)

On the faces of the box the potential is that of a point source at the contact in the whole head (body and layer left
out), whose current leaves at the lowest conducting layer of the head, the neck: the way to a generator in the chest.
Potentials are relative to that layer. The modes without net current get 0 on the faces.

Everything else is superposition. With currents c (n,) from the contacts into the tissue, A,

    E = sum_k c_k E_k,    phi = sum_k c_k phi_k,    V = R c,

where R_ik, Ohm, is the potential of contact i per ampere from contact k. What leaves by no contact leaves at the neck.
A battery between contacts and case sets V; the currents are R^-1 V over the driven contacts. The interface between
metal and fluid is not modelled: its impedance adds to R and does not change the field at a given current.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.polynomial.legendre import legval
from numpy.typing import NDArray

from assuage.errors import SourceError
from assuage.field.conductor import BATCH, Conductor
from assuage.field.implant_box import MARGIN_MM, Encapsulation, lead_conductor, lead_grid
from assuage.field.multigrid import Hierarchy
from assuage.field.solver import RELATIVE_TOLERANCE, solve
from assuage.field.zoom import face_nodes, potential_at
from assuage.head import Head
from assuage.sources import Contact
from assuage.sources.lead import PlacedLead
from assuage.units import MM_PER_M

Array = NDArray[np.float64]
Array32 = NDArray[np.float32]

RING_MODES = ((1, 0), (2, 0), (4, 0))
SEGMENT_MODES = ((1, 0), (2, 0), (0, 1), (0, 2))
"""Degrees of the Legendre polynomials along the axis and the arc: the modes of a face beside the even one. Degree 4
lowers the resistance of a ring by 1 %; more would be finer than the grid."""
RETURN_MM = 10.0
"""Height of the lowest layer of the head through which the current leaves."""


@dataclass(frozen=True, kw_only=True, eq=False)
class ContactFields:
    """Fields of one ampere from each contact of a placed lead; symbols as in the module docstring.

    Attributes
    ----------
    whole
        The head without the lead.
    placed, encapsulation
        What is implanted.
    conductor
        The fine grid with the lead in it.
    uneven, uneven_Ohm
        The modes of all faces that carry no net current, as padded nodes and their currents, and their matrix A.
    e_per_A
        (n, nx, ny, nz, 3), V/m per A, world axes; the elements' own field: a fit over two voxels, which the maps of
        other sources use, would flatten it where it falls off within a millimetre of the contact.
    phi_per_A
        (n, *padded nodes), V per A, 0 at the return.
    resistance_Ohm
        (n, n), symmetric.
    asymmetry
        Of the resistances before they were made symmetric, relative to the largest: an error of the box's faces.
    iterations
        Of the linear solver, largest.
    """

    whole: Head
    placed: PlacedLead
    encapsulation: Encapsulation
    conductor: Conductor
    uneven: tuple[tuple[NDArray[np.int64], Array], ...] = field(repr=False)
    uneven_Ohm: Array = field(repr=False)
    e_per_A: Array32 = field(repr=False)
    phi_per_A: Array32 = field(repr=False)
    resistance_Ohm: Array
    asymmetry: float
    iterations: int

    @property
    def affine(self) -> Array:
        """(4, 4) of the fine grid, mm."""
        return self.conductor.grid.affine

    def currents_A(self, by_contact: Mapping[str, float]) -> Array:
        """Return the vector (n,) of currents given by contact label; contacts that are not named carry none."""
        currents = np.zeros(len(self.placed.lead.contacts))
        for label, current in by_contact.items():
            currents[self.placed.lead.index(label)] = current
        return currents

    def e_V_per_m(self, currents_A: Array) -> Array32:
        """Return E (nx, ny, nz, 3), V/m, of currents (n,) from the contacts."""
        return np.asarray(np.tensordot(currents_A.astype(np.float32), self.e_per_A, 1))

    def phi_V(self, currents_A: Array) -> Array:
        """Return the potential at the padded nodes, V, of currents (n,) from the contacts."""
        return np.asarray(np.tensordot(currents_A, self.phi_per_A.astype(np.float64), 1))

    def voltages_V(self, currents_A: Array) -> Array:
        """Return the potentials (n,) of the contacts against the case."""
        return np.asarray(self.resistance_Ohm @ currents_A)

    def currents_for_voltages_A(self, by_contact: Mapping[str, float], *, case: bool = True) -> Array:
        """Return the currents (n,) under voltage control.

        Parameters
        ----------
        by_contact
            Contact label to its potential, V; the contacts that are not named float.
        case
            Potentials are against the case, which returns what is left over. False: the case is not connected, only
            differences between the named contacts count.

        Raises
        ------
        SourceError
            No contact named, one that the lead has not, or a single contact without the case.
        """
        rows = [self.placed.lead.index(label) for label in by_contact]
        if not rows or (len(rows) < 2 and not case):
            raise SourceError(f"{len(rows)} contacts are driven; name one against the case, or two without it")
        R, V = self.resistance_Ohm[np.ix_(rows, rows)], np.array(list(by_contact.values()), dtype=np.float64)
        driven = np.linalg.solve(R, V)
        if not case:
            per_volt = np.linalg.solve(R, np.ones(len(rows)))
            driven = driven - driven.sum() / per_volt.sum() * per_volt
        currents = np.zeros(len(self.placed.lead.contacts))
        currents[rows] = driven
        return currents

    def impedance_Ohm(self, currents_A: Array) -> float:
        """Return the impedance that the generator sees: power over the square of the current that it drives round."""
        driven = max(np.maximum(currents_A, 0).sum(), np.maximum(-currents_A, 0).sum())
        if driven == 0:
            raise SourceError("no contact carries current; an impedance needs one")
        return float(currents_A @ self.resistance_Ohm @ currents_A / driven**2)


def implant(
    conductor: Conductor,
    placed: PlacedLead,
    encapsulation: Encapsulation,
    *,
    voxel_mm: float = 0.5,
    margin_mm: float = MARGIN_MM,
    tolerance: float = RELATIVE_TOLERANCE,
) -> ContactFields:
    """Solve for the field of every contact of a lead.

    Parameters
    ----------
    conductor
        Of the whole head; 2 mm do, since only the potential on the faces of the box comes from it.
    placed, encapsulation
        The lead and the layer around it.
    voxel_mm
        Of the fine grid.
    margin_mm
        From the contacts to the faces of the box.
    tolerance
        Relative residual of the linear solver.

    Raises
    ------
    SourceError
        A contact that does not lie in a conducting tissue, or a grid that cannot hold the lead.
    """
    grid = lead_grid(placed, voxel_mm=voxel_mm, margin_mm=margin_mm)
    fine = lead_conductor(conductor, placed, encapsulation, grid)
    return _superposed(conductor, fine, placed, encapsulation, tolerance)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Mode:
    """A current density over the face of a contact: padded nodes, flat, and their currents, A; even: carries 1 A."""

    contact: int
    even: bool
    nodes: NDArray[np.int64]
    current_A: Array


def _modes(placed: PlacedLead, fine: Conductor, active: NDArray[np.bool_]) -> list[_Mode]:
    """Return the even density of every contact and its modes on the active nodes (padded mask)."""
    modes = []
    for number, contact in enumerate(placed.lead.contacts):
        points, place = placed.lead.face(number)
        world = placed.world_mm(points)
        for degrees in ((0, 0), *(SEGMENT_MODES if contact.kind == "segment" else RING_MODES)):
            weights = np.prod([legval(x, np.eye(n + 1)[n]) for x, n in zip(place.T, degrees, strict=True)], axis=0)
            weights = weights - (0.0 if degrees == (0, 0) else weights.mean())
            face = Contact(
                label=f"{placed.lead.name} {contact.label}",
                points_mm=world,
                weights=weights / len(weights),
                area_mm2=contact.area_m2 * MM_PER_M**2,
                center_mm=world.mean(0),
            )
            nodes, current = fine.injection(face, active=active)
            modes.append(_Mode(contact=number, even=degrees == (0, 0), nodes=nodes, current_A=current))
    return modes


def far_potentials(conductor: Conductor, points_mm: Array, at_mm: Array, *, tolerance: float) -> Array:
    """Return the potentials (k, n), V, at points (n, 3) of 1 A entering the head at each of (k, 3) points.

    The current leaves through the lowest RETURN_MM of the conductor, whose mean potential is zero.
    """
    leaving = return_nodes(conductor)
    rows = []
    for start in range(0, len(points_mm), BATCH):
        b = point_drive(conductor, points_mm[start : start + BATCH])
        for x in solve(conductor.hierarchy, b, tolerance=tolerance).x:
            phi = (x - x[leaving].mean()).reshape(conductor.grid.node_shape)
            rows.append(potential_at(conductor, phi, at_mm))
    return np.array(rows)


def point_drive(conductor: Conductor, points_mm: Array) -> Array:
    """Return nodal currents (k, nodes), A, of 1 A entering at each of k points and leaving at the neck."""
    leaving = return_nodes(conductor)
    b = np.zeros((len(points_mm), int(np.prod(conductor.grid.node_shape))))
    for row, point in zip(b, points_mm, strict=True):
        source = Contact(label="lead", points_mm=point[None], weights=np.ones(1), area_mm2=0.0, center_mm=point)
        nodes, current = conductor.injection(source)
        row[nodes] += current
        row[leaving] -= 1.0 / len(leaving)
    return b


def return_nodes(conductor: Conductor) -> NDArray[np.int64]:
    """Return the conducting nodes of the lowest layer of the head, flat."""
    nodes = np.argwhere(conductor.active)
    height = conductor.grid.world_mm(np.asarray(nodes - 1.5))[:, 2]
    lowest = nodes[height <= height.min() + RETURN_MM]
    return np.asarray(np.ravel_multi_index(tuple(lowest.T), conductor.grid.node_shape))


def _superposed(
    whole: Conductor, fine: Conductor, placed: PlacedLead, encapsulation: Encapsulation, tolerance: float
) -> ContactFields:
    """Solve for one mode after the other, and join the modes of each contact."""
    faces = face_nodes(fine.grid)
    hierarchy, where = fine.build_hierarchy(faces), faces & fine.touched
    modes = _modes(placed, fine, hierarchy.levels[0].active.reshape(fine.grid.node_shape) | where)
    points = fine.grid.world_mm(np.asarray(np.argwhere(where) - 1.5))
    far = far_potentials(whole, placed.contact_centers_mm(), points, tolerance=tolerance)
    potentials, iterations = _mode_potentials(hierarchy, modes, where.ravel(), far, tolerance)
    A = np.array([[p[mode.nodes] @ mode.current_A for p in potentials] for mode in modes])
    even = np.array([mode.even for mode in modes])
    q = np.zeros((len(modes), int(even.sum())))
    q[even] = np.eye(int(even.sum()))
    q[~even] = -np.linalg.solve(A[np.ix_(~even, ~even)], A[np.ix_(~even, even)])
    R = (A @ q)[even]
    shape, n = fine.grid.node_shape, len(R)
    phi, e = np.empty((n, *shape), np.float32), np.empty((n, *fine.grid.shape, 3), np.float32)
    axes = fine.grid.axes.T.astype(np.float32)
    for number in range(n):
        joined = np.tensordot(q[:, number].astype(np.float32), potentials, 1).reshape(shape)
        phi[number] = joined
        e[number] = fine.element_field(joined.astype(np.float64)) @ axes
    return ContactFields(
        whole=whole.head,
        placed=placed,
        encapsulation=encapsulation,
        conductor=fine,
        uneven=tuple((mode.nodes, mode.current_A) for mode in modes if not mode.even),
        uneven_Ohm=A[np.ix_(~even, ~even)],
        e_per_A=e,
        phi_per_A=phi,
        resistance_Ohm=(R + R.T) / 2,
        asymmetry=float(np.abs(R - R.T).max() / np.abs(R).max()),
        iterations=iterations,
    )


def _mode_potentials(
    hierarchy: Hierarchy, modes: Sequence[_Mode], where: NDArray[np.bool_], far: Array, tolerance: float
) -> tuple[Array32, int]:
    """Return the potentials of the modes at the padded nodes, (modes, nodes) V, and the largest iteration count.

    Parameters
    ----------
    hierarchy, modes
        With the potential on the faces prescribed.
    where, far
        (nodes,) mask of the faces, and their potentials (contacts, nodes on the faces) per ampere of a contact.
    tolerance
        Of the linear solver.
    """
    result, iterations = np.zeros((len(modes), where.size), np.float32), 0
    for start in range(0, len(modes), BATCH):
        batch = modes[start : start + BATCH]
        full, b = np.zeros((2, len(batch), where.size))
        for row, mode in enumerate(batch):
            b[row, mode.nodes] = mode.current_A
            full[row, where] = far[mode.contact] if mode.even else 0.0
        b -= hierarchy.levels[0].times(full)
        solution = solve(hierarchy, b, tolerance=tolerance, singular=False)
        iterations = max(iterations, solution.iterations)
        result[start : start + len(batch)] = full + solution.x
    return result, iterations

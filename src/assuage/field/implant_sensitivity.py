"""First-order sensitivity of the dose of an implanted lead to the conductivity of each tissue, by the adjoint.

The dose is J = sum_v w_v |E_v| over the elements of the fine grid, at fixed currents c of the contacts. Symbols as in
`implant`: K on the nodes inside the box, g on its faces, B the modes without net current (they keep the metal
equipotential, B^T phi = 0), k the whole head's grid. With r = -dJ / d phi,

    K lam = r + B p,    B^T lam = 0    =>    p = -A^-1 B^T K^-1 r
    s = r - K lam  on the faces,       K_k mu = s spread over the nodes of the whole head's grid

    dJ / d sigma_t = lam . (dK / d sigma_t) phi  +  mu . (dK_k / d sigma_t) phi_k

The second term is what the tissue does to the potential on the faces. Two solves in the box and two in the head, for
all tissues together. At fixed currents J is homogeneous of degree -1 in the conductivities:  sum_t sigma_t dJ/dsigma_t
= -J, which the tests hold it to.
"""

import numpy as np
from numpy.typing import NDArray

from assuage.errors import SourceError
from assuage.field.conductor import Conductor
from assuage.field.elements import CORNERS, MEAN_GRADIENT
from assuage.field.implant import ContactFields, point_drive
from assuage.field.multigrid import build_level
from assuage.field.sensitivity import potential_sensitivity
from assuage.field.solver import RELATIVE_TOLERANCE, solve
from assuage.field.zoom import face_nodes
from assuage.sources import Contact

Array = NDArray[np.float64]


def size_sensitivity(
    conductor: Conductor,
    fields: ContactFields,
    currents_A: Array,
    weight: Array,
    *,
    tolerance: float = RELATIVE_TOLERANCE,
) -> dict[str, float]:
    """Return the derivative of a weighted mean of |E| by the conductivity of each tissue, V/m per S/m.

    Parameters
    ----------
    conductor
        The one that the contact fields were solved with.
    fields, currents_A
        Fields of every contact, and what each sends into the tissue, (n,).
    weight
        (nx, ny, nz) of the fine grid's elements; divided by its sum. Away from the faces.
    tolerance
        Relative residual of the linear solver.

    Raises
    ------
    SourceError
        The conductor is of another head, or the weights are all 0.
    """
    if conductor.head is not fields.whole:
        raise SourceError(
            f"the lead lies in head {fields.whole.name!r}, the sensitivity was asked for on {conductor.head.name!r}"
        )
    fine = fields.conductor
    phi = fields.phi_V(currents_A)
    r = _size_read_out(fine, phi, weight)
    adjoint, s = _adjoint(fields, r, tolerance)
    slopes = dict(zip(fine.tissue.tissues[1:], potential_sensitivity(fine, adjoint, phi).tolist(), strict=True))
    b = np.stack([_spread(conductor, fine, s), currents_A @ point_drive(conductor, fields.placed.contact_centers_mm())])
    far, phi_far = solve(conductor.hierarchy, b, tolerance=tolerance).x.reshape(2, *conductor.grid.node_shape)
    for name, slope in zip(
        conductor.tissue.tissues[1:], potential_sensitivity(conductor, far, phi_far).tolist(), strict=True
    ):
        slopes[name] = slopes.get(name, 0.0) + slope
    return slopes


def _size_read_out(fine: Conductor, phi: Array, weight: Array) -> Array:
    """Return r (padded nodes): minus the derivative of the weighted mean of |E| by the potentials."""
    where = np.argwhere((weight > 0) & (fine.tissue.label > 0))
    if not len(where):
        raise SourceError("no element of the fine grid has a weight; name a region that the grid around the lead holds")
    place = tuple(where.T)
    share, kind = weight[place] / weight.sum(), fine.kind[place]
    E = fine.element_field(phi)[place].astype(np.float64)
    along = share[:, None] * E / np.maximum(np.linalg.norm(E, axis=1), 1e-300)[:, None]
    R = np.broadcast_to(MEAN_GRADIENT / fine.grid.voxel_m, (len(where), 3, 8)).copy()
    R[kind >= 0] = fine.table.R[kind[kind >= 0]]
    r = np.zeros(fine.grid.node_shape)
    corners = where[:, None] + 1 + CORNERS
    np.add.at(r, tuple(corners.reshape(-1, 3).T), np.einsum("nc,nca->na", along, R).ravel())
    return r


def _adjoint(fields: ContactFields, r: Array, tolerance: float) -> tuple[Array, Array]:
    """Return lam (padded nodes), and s on the padded nodes, 0 off the faces."""
    fine = fields.conductor
    faces = face_nodes(fine.grid)
    hierarchy = fine.build_hierarchy(faces)

    def solved(b: Array) -> Array:
        return np.asarray(solve(hierarchy, b.reshape(1, -1), tolerance=tolerance, singular=False).x[0])

    first = solved(r)
    p = -np.linalg.solve(fields.uneven_Ohm, [first[nodes] @ current for nodes, current in fields.uneven])
    b = r.ravel().copy()
    for (nodes, current), amount in zip(fields.uneven, p, strict=True):
        b[nodes] += amount * current
    lam = solved(b)
    unit = fine.unit_conductance_S
    K = build_level(fine.kind, fine.table.K, unit, float(unit[1:].min()))  # the hierarchy's leaves the faces out
    s = np.where(faces.ravel(), b - K.times(lam[None])[0], 0.0)
    return lam.reshape(fine.grid.node_shape), s.reshape(fine.grid.node_shape)


def _spread(conductor: Conductor, fine: Conductor, s: Array) -> Array:
    """Return nodal currents (nodes,) on the whole head's grid: the transpose of reading the potential on the faces."""
    where = np.argwhere((s != 0) & fine.touched)
    points = fine.grid.world_mm(np.asarray(where - 1.5))
    source = Contact(label="faces", points_mm=points, weights=s[tuple(where.T)], area_mm2=0.0, center_mm=points.mean(0))
    nodes, current = conductor.injection(source)
    b = np.zeros(int(np.prod(conductor.grid.node_shape)))
    b[nodes] = current
    return b

"""The conductor of a head, and the fields it carries."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, overload
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial import cKDTree

from assuage.errors import HeadError, SourceError
from assuage.field import assembly
from assuage.field.anisotropy import BlockTensors, block_tensors, check_tensors, isotropic
from assuage.field.elements import ElementTable, multiscale_table
from assuage.field.grid import Grid, grid_in_box, grid_over
from assuage.field.multigrid import Hierarchy, build_hierarchy
from assuage.field.primary import potential_rate_at_nodes
from assuage.field.readout import ReadOut, read_out
from assuage.field.recovery import recover
from assuage.field.solver import RELATIVE_TOLERANCE, solve
from assuage.field.subvoxel import SubvoxelTissue, subvoxel_tissue
from assuage.head import Head
from assuage.sources import Contact, Montage, PlacedCoil, place_montage
from assuage.targets import Target

if TYPE_CHECKING:
    from assuage.field.landscape import Landscape
    from assuage.field.zoom import Zoom

Array = NDArray[np.float64]
Array32 = NDArray[np.float32]
Source = PlacedCoil | Montage

BATCH = 3
"""Right-hand sides solved together: the stencil is read once for all; more only cost memory."""
LEAST_WHOLE_MM = 1.0
"""Voxel of the grid that only lends its axes to a box."""
REMEMBERED = 2
"""Grids whose elements are kept with a head."""
SNAP_VOXELS = 2.0
"""An electrode point further than this from any conducting node is not on the scalp."""


@dataclass(frozen=True, kw_only=True, eq=False)
class _Elements:
    """What a conductor's set-up spends its time on."""

    tissue: SubvoxelTissue
    sigma_S_per_m: Array
    tensors: BlockTensors
    table: ElementTable


_elements_by_head: WeakKeyDictionary[Head, dict[tuple[Any, ...], _Elements]] = WeakKeyDictionary()


def _build_elements(head: Head, grid: Grid, tensors: Mapping[str, Array32], tissue: SubvoxelTissue) -> _Elements:
    """Return the multiscale elements of a head's sub-voxel tissues on a grid."""
    sigma = np.array([0.0, *(head.conductivity_S_per_m[name] for name in tissue.tissues[1:])])
    if len(sigma) == 1 or not (tissue.label > 0).any():
        raise HeadError(f"head {head.name!r} holds no conducting tissue on a {grid.voxel_mm:g} mm grid")
    chosen = block_tensors(head, grid, tissue, tensors) if tensors else isotropic(tissue)
    table = multiscale_table(tissue, sigma, grid.voxel_m, chosen.slot, chosen.values)
    return _Elements(tissue=tissue, sigma_S_per_m=sigma, tensors=chosen, table=table)


def _elements_of(owner: Head, head: Head, grid: Grid, *, drop_islands: bool) -> _Elements:
    """Return the elements with the head's own tensors if it has any, remembered with the head that owns them."""
    known = _elements_by_head.setdefault(owner, {})
    key = (grid.shape, grid.affine.tobytes(), drop_islands, *sorted(head.conductivity_S_per_m.items()))
    if key not in known:
        while len(known) >= REMEMBERED:
            del known[next(iter(known))]
        tissue = subvoxel_tissue(head, grid, drop_islands=drop_islands, always=head.tensor_S_per_m)
        known[key] = _build_elements(head, grid, head.tensor_S_per_m, tissue)
    return known[key]


def _coil_part(rate: Array32 | None) -> tuple[Array32, bool]:
    """Return dA/dt at the nodes and whether there is any, as the loops over elements want it."""
    return (np.zeros((3, 1, 1, 1), np.float32), False) if rate is None else (rate, True)


class Conductor:
    """A head as a conductor: grid, element matrices and multigrid hierarchy, set up once.

    Parameters
    ----------
    head
        Labels or tissue fractions with conductivities.
    voxel_mm
        Edge of the cubic voxels, mm; the grid follows the head's own voxel axes.
    conductivity_S_per_m
        Overrides by tissue name, S/m.
    tensor_S_per_m
        Tissue name -> (nx, ny, nz, 3, 3) symmetric conductivity tensors on the head's voxels, along the world axes, S/m
        (from diffusion imaging, say). What cannot be used is refused. None: the head's own.
    box_mm
        Centre (3,) and edge of a cube to which the conductor is confined; `zoom` gives it the field around it.
    tissue
        Sub-voxel tissues of the grid where they are known better than the head's fractions tell; all voxels of the
        tissues with tensors need a block.

    Attributes
    ----------
    head, grid, tissue
        Head, grid, and tissue of the voxels and sub-voxels.
    kind
        (nx, ny, nz): >= 0 row of `table` (multiscale element), -1 air, -t - 1 an element of tissue t alone.
    table
        The multiscale elements.
    sigma_S_per_m, tensors
        Conductivity by index of `tissue.tissues`, and the tensors of the multiscale elements.
    given_tensors
        As checked, by tissue name.
    """

    def __init__(
        self,
        head: Head,
        voxel_mm: float = 1.0,
        *,
        conductivity_S_per_m: Mapping[str, float] | None = None,
        tensor_S_per_m: Mapping[str, ArrayLike] | None = None,
        box_mm: tuple[ArrayLike, float] | None = None,
        tissue: SubvoxelTissue | None = None,
    ) -> None:
        self.head = head.with_conductivities(conductivity_S_per_m) if conductivity_S_per_m else head
        whole = grid_over(head.labels.shape, head.affine, max(voxel_mm, LEAST_WHOLE_MM) if box_mm else voxel_mm)
        self.grid: Grid = grid_in_box(whole, np.asarray(box_mm[0], float), box_mm[1], voxel_mm) if box_mm else whole
        given = self.head.tensor_S_per_m if tensor_S_per_m is None else tensor_S_per_m
        self.given_tensors = check_tensors(self.head, given)
        shared = tensor_S_per_m is None or not (self.given_tensors or self.head.tensors)
        if tissue is None and not shared:
            tissue = subvoxel_tissue(self.head, self.grid, drop_islands=box_mm is None, always=self.given_tensors)
        if tissue is not None:
            elements = _build_elements(self.head, self.grid, self.given_tensors, tissue)
        else:
            elements = _elements_of(head, self.head, self.grid, drop_islands=box_mm is None)
        self.tissue, self.sigma_S_per_m = elements.tissue, elements.sigma_S_per_m
        self.tensors, self.table = elements.tensors, elements.table
        self.kind: NDArray[np.int32] = np.where(
            self.tissue.block >= 0, self.tissue.block, -1 - self.tissue.label.astype(np.int32)
        )
        self.unit_conductance_S = self.sigma_S_per_m * self.grid.voxel_m

    def build_hierarchy(self, fixed: NDArray[np.bool_] | None = None) -> Hierarchy:
        """Return the multigrid hierarchy, with the potential prescribed on the fixed nodes (padded mask) if any."""
        unit = self.unit_conductance_S
        return build_hierarchy(self.kind, self.table.K, unit, floor_S=float(unit[1:].min()), fixed=fixed)

    @cached_property
    def hierarchy(self) -> Hierarchy:
        """The multigrid hierarchy of the whole conductor."""
        return self.build_hierarchy()

    @cached_property
    def active(self) -> NDArray[np.bool_]:
        """Padded node mask of the unknowns."""
        return self.hierarchy.levels[0].active.reshape(self.grid.node_shape)

    @cached_property
    def cut(self) -> NDArray[np.bool_]:
        """(nx, ny, nz): voxels that an interface cuts or touches."""
        rows = np.append(~self.tissue.plain, False)
        return np.asarray(rows[np.where(self.tissue.block >= 0, self.tissue.block, -1)])

    @cached_property
    def largest_S_per_m(self) -> Array32:
        """(nx, ny, nz) conductivity at the voxel centres, S/m; the largest eigenvalue where there are tensors."""
        sigma = self.sigma_S_per_m.astype(np.float32)[self.tissue.label]
        for tag in np.flatnonzero(self.tensors.slot >= 0):
            inside = self.tissue.label == tag
            own = self.tensors.values[self.tensors.slot[tag], self.tissue.block[inside]]
            sigma[inside] = np.linalg.eigvalsh(own)[:, 2]
        return sigma

    @cached_property
    def touched(self) -> NDArray[np.bool_]:
        """Padded node mask of the corners of all conducting voxels."""
        nodes = np.zeros(self.grid.node_shape, bool)
        conducting = self.kind != -1
        nx, ny, nz = self.grid.shape
        for i, j, k in np.ndindex(2, 2, 2):
            nodes[1 + i : 1 + i + nx, 1 + j : 1 + j + ny, 1 + k : 1 + k + nz] |= conducting
        return nodes

    @overload
    def solve(self, sources: Source, *, tolerance: float = ...) -> "Field": ...
    @overload
    def solve(self, sources: Sequence[Source], *, tolerance: float = ...) -> "list[Field]": ...
    def solve(
        self, sources: Source | Sequence[Source], *, tolerance: float = RELATIVE_TOLERANCE
    ) -> "Field | list[Field]":
        """Return the field of a source, or of each of several.

        Parameters
        ----------
        sources
            Montages and placed coils.
        tolerance
            Relative residual of the linear solver.

        Raises
        ------
        SourceError
            Coil elements inside the head, electrodes off the scalp, overlapping, or without balance.
        SolverError
            No convergence.
        """
        if isinstance(sources, PlacedCoil | Montage):
            return self._solve_batch([sources], tolerance)[0]
        fields: list[Field] = []
        for start in range(0, len(sources), BATCH):
            fields += self._solve_batch(list(sources[start : start + BATCH]), tolerance)
        return fields

    def adjoint(self, target: Target) -> "Landscape":
        """Return the landscape of a target: its mean field for every coil pose and montage, from three solves."""
        from assuage.field.landscape import Landscape  # noqa: PLC0415 (the landscape needs this class)

        return Landscape.of(self, target)

    def zoom(self, center_mm: ArrayLike, *, edge_mm: float = 48.0, voxel_mm: float = 0.25) -> "Zoom":
        """Return a finer conductor inside a cube, to which the fields of this one give the potential on its faces."""
        from assuage.field.zoom import Zoom  # noqa: PLC0415 (the zoom needs this class)

        fine = Conductor(self.head, voxel_mm, tensor_S_per_m=self.given_tensors, box_mm=(center_mm, edge_mm))
        return Zoom(coarse=self, fine=fine)

    def read_out(self, target: Target) -> ReadOut:
        """Return the mean field over a target as a linear functional."""
        return read_out(self, target)

    def injection(
        self, contact: Contact, *, active: NDArray[np.bool_] | None = None
    ) -> tuple[NDArray[np.int64], Array]:
        """Return the flat indices of the nodes a contact touches and their currents, A, when it carries 1 A.

        Trilinear weights; the share of a point that falls on air goes to the nearest conducting node.

        Parameters
        ----------
        contact
            Points with weights.
        active
            Padded node mask of the conducting nodes where it is known without the hierarchy; None: `active`.
        """
        active = self.active if active is None else active
        shape = self.grid.node_shape
        index = self.grid.index(contact.points_mm) + 1.5
        base = np.clip(np.floor(index).astype(int), 0, np.array(shape) - 2)
        t = index - base
        nodes, weights = [], []
        lost = np.zeros(len(index))
        for corner in np.ndindex(2, 2, 2):
            node = np.ravel_multi_index(tuple((base + corner).T), shape)
            weight = contact.weights * np.prod(np.where(corner, t, 1 - t), axis=1)
            on = active.ravel()[node]
            nodes.append(node[on])
            weights.append(weight[on])
            lost += np.where(on, 0, weight)
        points = np.flatnonzero(lost != 0)
        if len(points):
            nodes.append(self._nearest_nodes(contact, index[points], active))
            weights.append(lost[points])
        touched, place = np.unique(np.concatenate(nodes).astype(np.int64), return_inverse=True)
        return touched, np.asarray(np.bincount(place, np.concatenate(weights)), dtype=np.float64)

    def _nearest_nodes(self, contact: Contact, index: Array, active: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Return the conducting node nearest to each padded node index (n, 3), flat."""
        low = np.maximum(np.floor(index.min(0)).astype(int) - 4, 0)
        high = np.ceil(index.max(0)).astype(int) + 5
        box = active[low[0] : high[0], low[1] : high[1], low[2] : high[2]]
        nodes = np.argwhere(box) + low
        if not len(nodes):
            raise SourceError(f"electrode {contact.label!r} touches no conducting voxel; is it on this head's scalp?")
        distance, nearest = (np.asarray(found) for found in cKDTree(nodes).query(index))
        if distance.max() > SNAP_VOXELS:
            raise SourceError(
                f"electrode {contact.label!r} reaches {distance.max() * self.grid.voxel_mm:.1f} mm from the conductor; "
                "place it on the scalp, clear of the border of the image"
            )
        return np.asarray(np.ravel_multi_index(tuple(nodes[nearest].T), self.grid.node_shape))

    def drive(self, source: PlacedCoil) -> tuple[Array, Array32]:
        """Return the nodal currents (nodes,), A, that a coil drives, and its dA/dt at the nodes along the grid axes."""
        A = potential_rate_at_nodes(source, self.grid, self.touched)
        current = np.zeros(self.grid.node_shape)
        elements = (self.kind, self.table.K, self.table.T, self.unit_conductance_S, self.grid.voxel_m)
        assembly.coil_currents(*elements, A, current)
        return current.ravel(), A

    def element_field(self, phi_V: Array, rate: Array32 | None = None) -> Array32:
        """Return each element's own E along the grid axes, (nx, ny, nz, 3) V/m, for the tissue at its centre.

        Parameters
        ----------
        phi_V
            Potential at the padded nodes, V.
        rate
            dA/dt (3, *padded nodes) along the grid axes, or None.
        """
        out = np.empty((*self.grid.shape, 3), np.float32)
        elements = (self.kind, self.table.R, self.table.D, self.tissue.label, self.grid.voxel_m)
        assembly.field_map(*elements, phi_V, *_coil_part(rate), out)
        return out

    def recovered_field(self, phi_V: Array, rate: Array32 | None = None) -> Array32:
        """Return E in world axes, (nx, ny, nz, 3) V/m, recovered per tissue around interfaces; as `element_field`."""
        out = np.empty((*self.grid.shape, 3), np.float32)
        recover(self.cut, self.tissue.label, self.element_field(phi_V, rate), out)
        return np.asarray(out @ self.grid.axes.T.astype(np.float32))

    def _solve_batch(self, sources: list[Source], tolerance: float) -> "list[Field]":
        shape = self.grid.node_shape
        b = np.zeros((len(sources), int(np.prod(shape))))
        potentials: list[Array32 | None] = []
        contacts: list[dict[str, tuple[NDArray[np.int64], Array]]] = []
        for row, source in enumerate(sources):
            if isinstance(source, Montage):
                placed = place_montage(source, self.head)
                patterns = {contact.label: self.injection(contact) for contact in placed}
                for electrode, (nodes, current) in zip(source.electrodes, patterns.values(), strict=True):
                    b[row, nodes] += electrode.current_A * current
                potentials.append(None)
                contacts.append(patterns)
            else:
                self._refuse_inside(source)
                b[row], A = self.drive(source)
                potentials.append(A)
                contacts.append({})
        solution = solve(self.hierarchy, b, tolerance=tolerance)
        return [
            Field(self, source, x.reshape(shape), A, self._carried(x, patterns), solution.iterations, float(residual))
            for source, x, A, patterns, residual in zip(
                sources, solution.x, potentials, contacts, solution.residual, strict=True
            )
        ]

    def _carried(self, x: Array, patterns: dict[str, tuple[NDArray[np.int64], Array]]) -> dict[str, float]:
        """Current in A that the discrete solution carries away from each electrode's nodes."""
        if not patterns:
            return {}
        flow = self.hierarchy.levels[0].times(x[None])
        total = np.zeros(x.size)
        for nodes, current in patterns.values():
            total[nodes] += current
        total[total == 0.0] = 1.0  # a node that a contact point interpolates with weight zero carries nothing
        return {label: float((current / total[nodes]) @ flow[0, nodes]) for label, (nodes, current) in patterns.items()}

    def holds(self, points_mm: Array) -> NDArray[np.bool_]:
        """Return which points (n, 3), mm, lie in voxels of the head, (n,)."""
        index = np.rint(self.grid.index(np.asarray(points_mm, dtype=float))).astype(int)
        within = ((index >= 0) & (index < self.grid.shape)).all(1)
        inside = np.zeros(len(index), bool)
        inside[within] = self.kind[tuple(index[within].T)] != -1
        return inside

    def _refuse_inside(self, source: PlacedCoil) -> None:
        """Refuse a coil any of whose elements lies in the head."""
        positions = source.positions_mm
        inside = self.holds(positions)
        if inside.any():
            _, _, depth = self.head.scalp.nearest(positions[inside])
            raise SourceError(
                f"{int(inside.sum())} of {len(positions)} elements of coil {source.coil.name!r} lie inside the head, "
                f"up to {depth.max():.1f} mm deep; move the coil outwards along its z axis or check the pose's frame"
            )


class Field:
    """The electric field of one source in a conductor.

    Attributes
    ----------
    conductor, source, head
        What it was solved for.
    affine
        (4, 4) of the voxel grid, mm.
    current_A
        Electrode label -> current that the discrete solution carries, A; empty for a coil.
    iterations, residual
        Of the linear solver.
    """

    def __init__(
        self,
        conductor: Conductor,
        source: Source,
        phi_V: Array,
        potential_rate: Array32 | None,
        current_A: dict[str, float],
        iterations: int,
        residual: float,
    ) -> None:
        self.conductor = conductor
        self.source = source
        self.head = conductor.head
        self.affine = conductor.grid.affine
        self.current_A = current_A
        self.iterations = iterations
        self.residual = residual
        self._phi_V = phi_V
        self._potential_rate = potential_rate

    @property
    def labels(self) -> NDArray[np.uint8]:
        """(nx, ny, nz) index into `tissues` of the tissue that the field of a voxel belongs to."""
        return self.conductor.tissue.label

    @property
    def tissues(self) -> tuple[str, ...]:
        """Tissue names by label; the first does not conduct."""
        return self.conductor.tissue.tissues

    @property
    def phi_V(self) -> Array:
        """Potential at the voxel corners, V, padded by one node on every side."""
        return self._phi_V

    @cached_property
    def e_V_per_m(self) -> Array32:
        """(nx, ny, nz, 3) E at the voxel centres, V/m, world axes, of the tissue at the centre; 0 outside the head.

        Recovered per tissue around interfaces; `raw_e_V_per_m` is the elements' own field.
        """
        return self.conductor.recovered_field(self._phi_V, self._potential_rate)

    @property
    def raw_e_V_per_m(self) -> Array32:
        """(nx, ny, nz, 3) E as each element has it, V/m, world axes; computed anew at every call."""
        own = self.conductor.element_field(self._phi_V, self._potential_rate)
        return np.asarray(own @ self.conductor.grid.axes.T.astype(np.float32))

    @cached_property
    def magnitude_V_per_m(self) -> Array32:
        """(nx, ny, nz) magnitude of E, V/m."""
        return np.asarray(np.linalg.norm(self.e_V_per_m, axis=-1))

    @property
    def largest_S_per_m(self) -> Array32:
        """(nx, ny, nz) conductivity at the voxel centres, S/m; the largest eigenvalue where there are tensors."""
        return self.conductor.largest_S_per_m

    def mean_in(self, target: Target) -> Array:
        """Return the mean E over a target's tissue, (3,) V/m in world axes: the read-out of the adjoint."""
        return self.mean_over(self.conductor.read_out(target))

    def mean_over(self, reading: ReadOut) -> Array:
        """Return the mean E of a read-out, (3,) V/m in world axes."""
        mean = assembly.read_elements(
            reading.where,
            reading.R,
            reading.D,
            reading.weights,
            self.conductor.grid.voxel_m,
            self._phi_V,
            *self.coil_part(),
        )
        return np.asarray(self.conductor.grid.axes @ mean)

    def coil_part(self) -> tuple[Array32, bool]:
        """Return dA/dt at the nodes along the grid axes and whether there is any."""
        return _coil_part(self._potential_rate)

    def __repr__(self) -> str:
        """Say what carries what."""
        kind: Any = self.source.coil.name if isinstance(self.source, PlacedCoil) else self.source.labels
        return f"Field({kind}, {self.conductor.grid.shape} voxels of {self.conductor.grid.voxel_mm:g} mm)"

"""The landscape of a target: its mean field for every coil pose and every montage, from three adjoint solves.

For the read-out  E_d = -r_d . phi - (read-out of p and W)  and  K phi = b  the adjoint potential  K lam_d = r_d  gives

    montage:   E_d = -sum_i I_i lam_d(electrode i)
    coil:      E_d = sum over nodes of dA/dt . J_d  =  sum_k dm_k/dt . B_d(r_k)

with J_d the reciprocal current (current times length at the nodes, divergence-free up to the read-out), B_d its
Biot-Savart field,  B(r) = mu0 / 4 pi  sum_n J_n x (r - x_n) / |r - x_n|^3.  B is found on a lattice around the head by
FFT convolution and interpolated tricubically, so that a pose costs one interpolation per dipole.

The conductivity of tissue t changes the read-out by  dE_d / d sigma_t = lam_d . (dK / d sigma_t) (phi + p)  and its
like for T; the derivative of every element matrix is taken with its basis functions held, which is exact to first order
inside uniform voxels and, as for any energy-minimising basis, nearly so in cut ones.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import fft

from assuage.compile import njit, prange
from assuage.constants import MU_0_OVER_4_PI_T_M_PER_A
from assuage.errors import SourceError
from assuage.field import assembly
from assuage.field.conductor import Conductor, Field
from assuage.field.primary import lagrange_matrix
from assuage.field.readout import ReadOut
from assuage.field.sensitivity import sensitivities
from assuage.field.solver import RELATIVE_TOLERANCE, solve
from assuage.sources import Coil, Disc, Electrode, Montage, place, place_montage
from assuage.space import validate_poses
from assuage.targets import Target
from assuage.units import M_PER_MM

Array = NDArray[np.float64]
Array32 = NDArray[np.float32]

LATTICE_MM = 4.0
"""Spacing of the lattice of B; with its six-point source spreading and cubic interpolation the error of a figure-eight
coil on the scalp stays below 1e-3."""
REACH_MM = 100.0
"""The lattice extends this far beyond the head: wings of every known coil lie within."""
TOGETHER = 3
"""Targets in one block of adjoint problems: nine right-hand sides take little longer than three."""
SLOPES_TOGETHER = 6
"""Landscapes in one pass over the elements for slopes, whose basis functions cost more than the products."""
SITE_RADIUS_MM = 6.0
"""Disc used where a sensitivity is asked for at bare points."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Landscape:
    """Answers for one target; build it with `Conductor.adjoint`.

    Attributes
    ----------
    conductor, target
        What it was made for.
    reading
        The target as a linear functional.
    adjoint_V
        (3, *padded nodes) potentials lam_d for d along the world axes, V per unit read-out.
    iterations
        Of the three solves together.
    """

    conductor: Conductor
    target: Target
    reading: ReadOut
    adjoint_V: Array = field(repr=False)
    iterations: int

    @classmethod
    def of(cls, conductor: Conductor, target: Target, *, tolerance: float = RELATIVE_TOLERANCE) -> "Landscape":
        """Solve the three adjoint problems of a target."""
        return cls.together(conductor, [(target, conductor.read_out(target))], tolerance=tolerance)[0]

    @classmethod
    def together(
        cls, conductor: Conductor, aims: Sequence[tuple[Target, ReadOut]], *, tolerance: float = RELATIVE_TOLERANCE
    ) -> "list[Landscape]":
        """Solve the adjoint problems of several targets with their read-outs, `TOGETHER` targets in one block."""
        shape, found = conductor.grid.node_shape, []
        for start in range(0, len(aims), TOGETHER):
            some = aims[start : start + TOGETHER]
            r = np.zeros((len(some), 3, *shape))
            for (_, reading), vectors in zip(some, r, strict=True):
                assembly.read_out_vectors(reading.where, reading.R, reading.weights, vectors)
            solution = solve(conductor.hierarchy, r.reshape(3 * len(some), -1), tolerance=tolerance)
            for (target, reading), x in zip(some, solution.x.reshape(len(some), 3, -1), strict=True):
                lam = np.tensordot(conductor.grid.axes, x, 1).reshape(3, *shape)
                found.append(
                    cls(
                        conductor=conductor, target=target, reading=reading, adjoint_V=lam,
                        iterations=solution.iterations,
                    )
                )  # fmt: skip
        return found

    # ------------------------------------------------------------------------------------------------- electrodes

    def montage(self, montage: Montage) -> Array:
        """Return the mean field of a montage in the target, (3,) V/m in world axes."""
        contacts = place_montage(montage, self.conductor.head)
        total = np.zeros(3)
        for electrode, contact in zip(montage.electrodes, contacts, strict=True):
            total -= electrode.current_A * self._at(self.conductor.injection(contact))
        return total

    def electrodes(self, sites: ArrayLike | Mapping[str, ArrayLike], *, radius_mm: float = SITE_RADIUS_MM) -> Array:
        """Return the mean field per ampere into a disc at each of n sites, (n, 3) V/m per A in world axes.

        The current is taken out evenly at all the sites, so that differences between rows give every pair: a montage
        with currents I (summing to zero) makes I @ rows.

        Parameters
        ----------
        sites
            (n, 3) scalp points, mm, or names to points.
        radius_mm
            Of the discs.
        """
        points = np.array(list(sites.values()) if isinstance(sites, Mapping) else sites, dtype=float).reshape(-1, 3)
        head = self.conductor.head
        rows = np.empty((len(points), 3))
        for row, (x, y, z) in zip(rows, points, strict=True):
            electrode = Electrode(center_mm=(float(x), float(y), float(z)), current_A=1.0, shape=Disc(radius_mm))
            row[:] = -self._at(self.conductor.injection(place(electrode, head)))
        return np.asarray(rows - rows.mean(0))

    def _at(self, pattern: tuple[NDArray[np.int64], Array]) -> Array:
        nodes, current = pattern
        return np.asarray(self.adjoint_V.reshape(3, -1)[:, nodes] @ current)

    # ------------------------------------------------------------------------------------------------------- coils

    def coil(self, coil: Coil, poses: ArrayLike, *, didt_A_per_s: float) -> Array:
        """Return the mean field of a coil in the target for every pose, (n, 3) V/m in world axes.

        Parameters
        ----------
        coil
            With many dipoles, pass `coil.condensed()`: the time is proportional to their number.
        poses
            (n, 4, 4), mm; not checked against the head (`Conductor.solve` refuses a coil inside).
        didt_A_per_s
            Rate of change of the coil current.

        Raises
        ------
        PoseError
            A pose that is not rigid.
        SourceError
            A coil element further than REACH_MM from the box of the head.
        """
        matrices = validate_poses(poses)
        low, values = self._lattice
        axes = self.conductor.grid.axes
        out = np.empty((len(matrices), 3))
        rotation = np.einsum("ji,njk->nik", axes, matrices[:, :3, :3])
        centre = (matrices[:, :3, 3] - self.conductor.grid.affine[:3, 3]) @ axes
        missed = _score(
            values,
            low,
            1 / LATTICE_MM,
            np.ascontiguousarray(rotation),
            np.ascontiguousarray(centre),
            np.ascontiguousarray(coil.positions_mm, dtype=np.float64),
            np.ascontiguousarray(coil.moments_m2, dtype=np.float64),
            out,
        )
        if missed:
            raise SourceError(
                f"{missed} of {len(matrices)} poses put part of coil {coil.name!r} further than {REACH_MM:g} mm from "
                "the head; are the poses in this head's world coordinates?"
            )
        return np.asarray(didt_A_per_s * out)

    @cached_property
    def _lattice(self) -> tuple[Array, Array32]:
        """First lattice point (3,), mm along the grid axes from voxel 0, and B (X, Y, Z, 9), direction-major."""
        J = self._reciprocal_current()
        grid = self.conductor.grid
        nodes = [(np.arange(n, dtype=np.float64) - 1.5) * grid.voxel_mm for n in grid.node_shape]
        source = [np.arange(x[0] - 3 * LATTICE_MM, x[-1] + 3 * LATTICE_MM, LATTICE_MM) for x in nodes]
        W = [lagrange_matrix(len(s), s[0], LATTICE_MM, x) for s, x in zip(source, nodes, strict=True)]
        margin = int(np.ceil(REACH_MM / LATTICE_MM))
        low = np.array([s[0] - margin * LATTICE_MM for s in source])
        shape = tuple(len(s) + 2 * margin for s in source)
        padded = [fft.next_fast_len(n + len(s), real=True) for n, s in zip(shape, source, strict=True)]
        kernel = _kernel_spectra(tuple(padded), shape, margin)
        values = np.empty((*shape, 9), np.float32)
        handed = float(np.linalg.det(grid.axes))
        for d in range(3):
            lattice = [self._spread(J[d, c], W) for c in range(3)]
            spectra = [fft.rfftn(handed * part, padded, workers=-1) for part in lattice]
            for c in range(3):
                u, v = (c + 1) % 3, (c + 2) % 3
                product = spectra[u] * kernel[v]
                product -= spectra[v] * kernel[u]
                full = fft.irfftn(product, padded, workers=-1, overwrite_x=True)
                values[..., 3 * d + c] = full[: shape[0], : shape[1], : shape[2]]
        return low, values

    @staticmethod
    def _spread(part: Array32, W: list[Array]) -> Array32:
        """Node values moved to the lattice so that any smooth function is summed alike."""
        step = np.tensordot(part, W[2].astype(np.float32), (2, 0))
        step = np.tensordot(step, W[1].astype(np.float32), (1, 0))
        return np.ascontiguousarray(np.tensordot(W[0].astype(np.float32), step, (0, 0)).transpose(0, 2, 1))

    def _reciprocal_current(self) -> Array32:
        """J (3 directions, 3 components along the grid axes, *padded nodes), m per unit read-out."""
        c = self.conductor
        J = np.zeros((3, 3, *c.grid.node_shape), np.float32)
        elements = (c.kind, c.table.K, c.table.T, c.unit_conductance_S, c.grid.voxel_m)
        assembly.reciprocal_moments(*elements, self.adjoint_V, J)
        direct = np.zeros_like(J)
        reading = self.reading
        assembly.read_out_moments(reading.where, reading.R, reading.D, reading.weights, c.grid.voxel_m, direct)
        J += np.tensordot(c.grid.axes.astype(np.float32), direct, 1)
        return J

    # ------------------------------------------------------------------------------------------------ sensitivity

    @property
    def tissues(self) -> tuple[str, ...]:
        """Tissue names along the last axis of `sensitivity`."""
        return self.conductor.tissue.tissues[1:]

    def sensitivity(self, fields: Sequence[Field]) -> Array:
        """Return d mean E / d sigma for each field, (nfields, 3, ntissues), V/m per S/m, from no further solve."""
        return sensitivities(self.conductor, self.adjoint_V, fields)


def sensitivities_of(landscapes: Sequence[Landscape], fields: Sequence[Field]) -> Array:
    """Return `Landscape.sensitivity` of several landscapes of one conductor, (nlandscapes, nfields, 3, ntissues)."""
    found = []
    for start in range(0, len(landscapes), SLOPES_TOGETHER):
        some = landscapes[start : start + SLOPES_TOGETHER]
        adjoints = np.concatenate([item.adjoint_V for item in some])
        rows = sensitivities(some[0].conductor, adjoints, fields)
        found.append(rows.reshape(len(fields), len(some), 3, -1).swapaxes(0, 1))
    return np.concatenate(found)


@lru_cache(maxsize=2)
def _kernel_spectra(padded: tuple[int, ...], shape: tuple[int, ...], margin: int) -> list[NDArray[np.complexfloating]]:
    """Spectra of mu0 / 4 pi  R_c / |R|^3, T m per A m, for lattice offsets R; zero at R = 0."""
    offsets = []
    for n, length in zip(shape, padded, strict=True):
        index = np.arange(length)
        offsets.append((np.where(index < n, index, index - length) - margin) * LATTICE_MM * M_PER_MM)
    R = np.meshgrid(*offsets, indexing="ij", sparse=True)
    cube = (R[0] ** 2 + R[1] ** 2 + R[2] ** 2) ** 1.5
    cube[cube == 0] = np.inf
    return [fft.rfftn((MU_0_OVER_4_PI_T_M_PER_A * part / cube).astype(np.float32), workers=-1) for part in R]


@njit(cache=True)
def _cubic(t, w):  # type: ignore[no-untyped-def]
    """Fill w (4,): Lagrange weights at -1, 0, 1, 2 for 0 <= t < 1."""
    w[0] = -t * (t - 1) * (t - 2) / 6
    w[1] = (t + 1) * (t - 1) * (t - 2) / 2
    w[2] = -(t + 1) * t * (t - 2) / 2
    w[3] = (t + 1) * t * (t - 1) / 6


@njit(cache=True, parallel=True, fastmath={"contract", "reassoc"})
def _score(values, low, per_mm, rotation, centre, positions, moments, out):  # type: ignore[no-untyped-def]
    """Fill out (n, 3) with sum_k m_k . B_d(r_k) per pose; return how many poses left the lattice."""
    left = np.zeros(rotation.shape[0], np.int64)
    nx, ny, nz = values.shape[0], values.shape[1], values.shape[2]
    for n in prange(rotation.shape[0]):
        wx, wy, wz = np.empty(4, np.float32), np.empty(4, np.float32), np.empty(4, np.float32)
        b = np.empty(9, np.float32)
        R = rotation[n]
        total = np.zeros(3)
        for k in range(positions.shape[0]):
            p, m = positions[k], moments[k]
            x = (R[0, 0] * p[0] + R[0, 1] * p[1] + R[0, 2] * p[2] + centre[n, 0] - low[0]) * per_mm
            y = (R[1, 0] * p[0] + R[1, 1] * p[1] + R[1, 2] * p[2] + centre[n, 1] - low[1]) * per_mm
            z = (R[2, 0] * p[0] + R[2, 1] * p[1] + R[2, 2] * p[2] + centre[n, 2] - low[2]) * per_mm
            i, j, l = int(np.floor(x)), int(np.floor(y)), int(np.floor(z))
            if i < 1 or j < 1 or l < 1 or i > nx - 3 or j > ny - 3 or l > nz - 3:
                left[n] = 1
                continue
            _cubic(x - i, wx)
            _cubic(y - j, wy)
            _cubic(z - l, wz)
            b[:] = 0
            for u in range(4):
                for v in range(4):
                    wuv = wx[u] * wy[v]
                    for w in range(4):
                        weight = wuv * wz[w]
                        for c in range(9):
                            b[c] += weight * values[i - 1 + u, j - 1 + v, l - 1 + w, c]
            for d in range(3):
                for c in range(3):
                    total[d] += (R[c, 0] * m[0] + R[c, 1] * m[1] + R[c, 2] * m[2]) * b[3 * d + c]
        for d in range(3):
            out[n, d] = total[d]
    return left.sum()

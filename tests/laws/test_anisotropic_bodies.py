"""Exact fields in anisotropic bodies, from a tensor file to the field in the head.

| body | exact |
|---|---|
| slab of two layers, one anisotropic, oblique | E uniform in each layer; tangential E and normal current continuous |
| anisotropic ball in a shell, uniform field far off | E uniform in the ball, 3 s / (s_i + 2 s) along each main axis |
| layered sphere, core anisotropic along the radius | degree l of the core goes as r^nu (de Munck 1988) |

J.C. de Munck 1988, J Appl Phys 64:464-470. With s_r along the radius and s_t across it,

    nu (nu + 1) s_r = l (l + 1) s_t

Seen from outside, the core is like an isotropic one whose conductivity depends on the degree: nu s_r / l.
"""

from dataclasses import replace

import numpy as np
import pytest
from numpy.polynomial.legendre import legval
from scipy.spatial.transform import Rotation
from spheres import two_discs

from assuage import Conductor, Head
from assuage.field.analytic import LayeredSphere, electrode_field
from assuage.field.solver import solve
from assuage.head.diffusion import packed
from assuage.head.gallery import slab_head, sphere_head
from assuage.head.tissue_tensors import TissueTensors
from assuage.sources import Contact

TURN = Rotation.from_euler("xyz", [20, -35, 50], degrees=True).as_matrix()
FIBRE = Rotation.from_euler("zyx", [70, 10, -40], degrees=True).as_matrix()


def with_tensor(head: Head, sigma) -> Head:
    """Attach tensors (3, 3) or (n, 3, 3), S/m, to the white matter."""
    count = int(head.mask("white_matter").sum())
    relative = np.broadcast_to(np.asarray(sigma) / head.conductivity_S_per_m["white_matter"], (count, 3, 3))
    return head.with_tensors(TissueTensors(tissue="white_matter", relative=packed(relative).astype(np.float32)))


def field_of_currents(conductor, points_mm, currents_A):
    """E (nx, ny, nz, 3) world axes when given currents enter at points of the surface."""
    contact = Contact(
        label="surface", points_mm=points_mm, weights=currents_A, area_mm2=0.0, center_mm=points_mm.mean(0)
    )
    nodes, current = conductor.injection(contact)
    b = np.zeros((1, int(np.prod(conductor.grid.node_shape))))
    b[0, nodes] = current - current.mean()
    solution = solve(conductor.hierarchy, b)
    return conductor.recovered_field(solution.x[0].reshape(conductor.grid.node_shape))


def slab_errors(voxel_mm, *, depth_mm):
    """Relative L2 error of E in both layers of an oblique slab, rims of two voxels left out."""
    sigma_top, e_top = 0.3, np.array([1.0, -2.0, 0.5])
    sigma = FIBRE @ np.diag([0.6, 0.2, 0.06]) @ FIBRE.T
    width, height = 36.0, 24.0
    head = slab_head(
        thicknesses_mm=(depth_mm, height - depth_mm), tissues=("grey_matter", "white_matter"), width_mm=width,
        voxel_mm=voxel_mm, rotation=TURN, conductivity_S_per_m={"grey_matter": sigma_top, "white_matter": 0.2},
    )  # fmt: skip
    conductor = Conductor(with_tensor(head, TURN @ sigma @ TURN.T), voxel_mm)
    normal_current = sigma_top * e_top[2]
    e_low = np.append(e_top[:2], (normal_current - sigma[2, :2] @ e_top[:2]) / sigma[2, 2])
    ticks = {
        axis: np.arange(-size / 2 + voxel_mm / 8, size / 2, voxel_mm / 4) for axis, size in ((0, width), (2, height))
    }
    points, currents = [], []
    for axis in range(3):
        first, second = (ticks[2] if c == 2 else ticks[0] for c in range(3) if c != axis)
        grid = np.stack(np.meshgrid(first, second, indexing="ij"), -1).reshape(-1, 2)
        for side in (-1, 1):
            place = np.insert(grid, axis, side * (height if axis == 2 else width) / 2, axis=1)
            top = place[:, 2] > height / 2 - depth_mm
            flow = np.where(top, sigma_top * e_top[axis], (sigma @ e_low)[axis])
            points.append(place)
            currents.append(-side * flow * (voxel_mm / 4 * 1e-3) ** 2)
    local = np.concatenate(points) - [0, 0, height / 2]
    found = field_of_currents(conductor, local @ TURN.T, np.concatenate(currents)) @ TURN
    index = np.argwhere(conductor.tissue.label > 0)
    place = conductor.grid.world_mm(index) @ TURN + [0, 0, height / 2]
    inside = (np.abs(place) < np.array([width, width, height]) / 2 - 2 * voxel_mm).all(1)
    e, z = found[tuple(index.T)][inside], place[inside, 2]
    exact = np.where((z > height / 2 - depth_mm)[:, None], e_top, e_low)
    return float(np.linalg.norm(e - exact) / np.linalg.norm(exact))


@pytest.mark.parametrize(("depth_mm", "coarse", "fine"), [(12.0, 0.012, 0.006), (10.7, 0.07, 0.02)])
def test_a_slab_with_oblique_tensors_on_and_off_the_faces_of_the_grid(depth_mm, coarse, fine):
    assert slab_errors(3.0, depth_mm=depth_mm) < coarse
    assert slab_errors(1.5, depth_mm=depth_mm) < fine


def ball_errors(voxel_mm):
    """Relative L2 errors of E in an anisotropic ball and in the shell around it, and of the ball taken as isotropic."""
    inner, outer, shell = 24.0, 45.0, 0.3
    principal = np.array([0.9, 0.3, 0.1])
    head = sphere_head(
        radii_mm=(inner, outer), tissues=("white_matter", "csf"), voxel_mm=voxel_mm, rotation=TURN,
        conductivity_S_per_m={"white_matter": 0.3, "csf": shell},
    )  # fmt: skip
    far = np.array([1.0, -0.7, 0.8])
    along = FIBRE.T @ far
    inside_e = FIBRE @ (3 * shell / (principal + 2 * shell) * along)
    moment = FIBRE @ ((principal - shell) / (principal + 2 * shell) * along) * inner**3

    def shell_e(points):
        r = np.linalg.norm(points, axis=1, keepdims=True)
        unit = points / r
        return far + (3 * (unit @ moment)[:, None] * unit - moment) / r**3

    rng = np.random.default_rng(0)
    unit = rng.normal(size=(200_000, 3))
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    unit = np.concatenate([unit, -unit])
    flow = -shell * (shell_e(outer * unit) * unit).sum(1)
    currents = flow * 4 * np.pi * (outer * 1e-3) ** 2 / len(unit)
    errors = []
    for body in (with_tensor(head, FIBRE @ np.diag(principal) @ FIBRE.T), head):
        conductor = Conductor(body, voxel_mm)
        found = field_of_currents(conductor, outer * unit, currents)
        index = np.argwhere(conductor.tissue.label > 0)
        points = conductor.grid.world_mm(index)
        r = np.linalg.norm(points, axis=1)
        around = (r > inner + voxel_mm) & (r < outer - 3 * voxel_mm)
        for part, exact in ((r < inner - voxel_mm, None), (around, shell_e)):
            e = found[tuple(index[part].T)]
            truth = np.broadcast_to(inside_e, e.shape) if exact is None else exact(points[part])
            errors.append(float(np.linalg.norm(e - truth) / np.linalg.norm(truth)))
    return errors


def test_an_anisotropic_ball_in_a_shell():
    coarse, fine = ball_errors(4.0), ball_errors(2.0)
    assert max(coarse[:2]) < 0.035
    assert max(fine[:2]) < 0.01
    assert fine[0] < coarse[0]
    assert min(fine[2], coarse[2]) > 0.2  # the tensors matter


RADII_MM = (36.0, 39.0, 44.0, 49.0)
SIGMA = (0.126, 1.7, 0.012, 0.4)
RADIAL, ACROSS = SIGMA[0] * 4.0 ** (2 / 3), SIGMA[0] * 4.0 ** (-1 / 3)


def exact_core_field(points_mm, montage, *, radius_mm=10.0, degrees=60):
    """E (n, 3) in the core: each degree from the isotropic sphere whose core conducts nu s_r / l."""
    r = np.linalg.norm(points_mm, axis=1)
    unit = points_mm / r[:, None]
    e = np.zeros_like(points_mm)
    core = RADII_MM[0]
    for degree in range(1, degrees):
        nu = (np.sqrt(1 + 4 * degree * (degree + 1) * ACROSS / RADIAL) - 1) / 2
        sphere = LayeredSphere(radii_mm=RADII_MM, sigma_S_per_m=(nu * RADIAL / degree, *SIGMA[1:]))
        for electrode in montage.electrodes:
            axis = np.asarray(electrode.center_mm) / np.linalg.norm(electrode.center_mm)
            # the potential on the rim of the core by degree: the isotropic solution projected along a meridian
            nodes, weights = np.polynomial.legendre.leggauss(2 * degrees)
            side = np.cross(axis, [0.3, 0.5, 0.8])
            side /= np.linalg.norm(side)
            rim = core * 0.999999 * (nodes[:, None] * axis + np.sqrt(1 - nodes**2)[:, None] * side)
            balance = np.array([electrode.center_mm, -np.asarray(electrode.center_mm)])
            potential, _ = electrode_field(
                sphere, rim, balance, [electrode.current_A, -electrode.current_A], radius_mm=radius_mm, tolerance=1e-7
            )
            one = np.zeros(degree + 1)
            one[degree] = 1.0
            amount = (2 * degree + 1) / 2 * (weights * potential * legval(nodes, one)).sum()
            amount *= 0.5 if degree % 2 else 0.0  # the opposite electrode doubles odd degrees and cancels even ones
            x = unit @ axis
            slope = legval(x, np.polynomial.legendre.legder(one))
            grow = (r / core) ** nu
            e -= (amount * grow / r * nu * legval(x, one))[:, None] * unit * 1e3
            e -= (amount * grow / r * slope)[:, None] * (axis - x[:, None] * unit) * 1e3
    return e


def core_error(voxel_mm):
    head = sphere_head(
        radii_mm=RADII_MM, tissues=("white_matter", "csf", "skull", "scalp"), voxel_mm=voxel_mm, rotation=TURN,
        conductivity_S_per_m=SIGMA, margin_mm=4.0,
    )  # fmt: skip
    points = np.argwhere(head.mask("white_matter")) @ head.affine[:3, :3].T + head.affine[:3, 3]
    unit = points / np.maximum(np.linalg.norm(points, axis=1, keepdims=True), 1e-9)
    sigma = ACROSS * np.eye(3) + (RADIAL - ACROSS) * unit[:, :, None] * unit[:, None, :]
    montage = two_discs([(0.2, 0.3, 1.0), (-0.2, -0.3, -1.0)], RADII_MM[-1])
    errors = []
    for body in (with_tensor(head, sigma), head):
        field = Conductor(body, voxel_mm).solve(montage)
        index = np.argwhere(field.labels == field.tissues.index("white_matter"))
        places = field.conductor.grid.world_mm(index)
        radius = np.linalg.norm(places, axis=1)
        keep = np.flatnonzero((radius > 10) & (radius < RADII_MM[0] - 2))[:: max(1, len(index) // 4000)]
        exact = exact_core_field(places[keep], montage, degrees=24)
        found = field.e_V_per_m[tuple(index[keep].T)]
        errors.append(float(np.linalg.norm(found - exact) / np.linalg.norm(exact)))
    return errors


def test_a_layered_sphere_with_a_radially_anisotropic_core():
    coarse, fine = core_error(3.0), core_error(2.0)
    assert coarse[0] < 0.06
    assert fine[0] < 0.035
    assert min(coarse[1], fine[1]) > 0.3  # the tensors matter


def test_a_change_of_conductivity_scales_the_tensors():
    head = sphere_head(
        radii_mm=(20.0, 30.0), tissues=("white_matter", "csf"), voxel_mm=4.0,
        conductivity_S_per_m={"white_matter": 0.2, "csf": 1.6},
    )  # fmt: skip
    body = with_tensor(head, np.diag([0.4, 0.2, 0.1]))
    doubled = body.with_conductivities({"white_matter": 0.4})
    inside = head.mask("white_matter")
    np.testing.assert_allclose(
        doubled.tensor_S_per_m["white_matter"][inside], 2 * body.tensor_S_per_m["white_matter"][inside], rtol=1e-6
    )
    assert (Conductor(body, 4.0).tensors.slot >= 0).any()
    assert not (Conductor(body, 4.0, tensor_S_per_m={}).tensors.slot >= 0).any()
    assert not (Conductor(replace(body, tensors=None), 4.0).tensors.slot >= 0).any()

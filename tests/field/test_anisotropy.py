"""Conductivity tensors: exact cases, and refusals of what cannot be used."""

import numpy as np
import pytest
from scipy import ndimage
from scipy.spatial.transform import Rotation
from small_heads import SIGMA, dense_matrix, full, patchwork, small_sphere

from assuage import Conductor, Montage, Target
from assuage.errors import HeadError
from assuage.field.elements import CORNERS
from assuage.head.gallery import slab_head

VOXEL_MM = 3.0
DISCS = Montage.at_points_mm(np.array([[0, 0, 43.0], [43.0, 0, 0]]), np.array([1e-3, -1e-3]), radius_mm=6)


@pytest.fixture(scope="module")
def sphere():
    return small_sphere(VOXEL_MM)


def everywhere(head, tensor):
    return np.broadcast_to(np.asarray(tensor, float), (*head.labels.shape, 3, 3)).copy()


def test_isotropic_tensors_change_nothing_but_the_quadrature(sphere):
    plain = Conductor(sphere, VOXEL_MM)
    tensors = {"grey_matter": everywhere(sphere, SIGMA[0] * np.eye(3)), "csf": everywhere(sphere, SIGMA[1] * np.eye(3))}
    tensorial = Conductor(sphere, VOXEL_MM, tensor_S_per_m=tensors)
    target = Target.sphere((5.0, -8.0, 14.0), 6.0)
    one, other = (c.solve(DISCS).mean_in(target) for c in (plain, tensorial))
    assert np.linalg.norm(one - other) < 0.01 * np.linalg.norm(one)
    np.testing.assert_array_equal(tensorial.cut, plain.cut)


def test_linear_potential_solves_a_uniform_anisotropic_box():
    """No current arises inside, and the energy density is e . sigma e, whatever the tensor and the grid's turn."""
    turn = Rotation.from_euler("xyz", [20, -35, 50], degrees=True).as_matrix()
    head = slab_head(thicknesses_mm=(24.0,), tissues=("grey_matter",), width_mm=24.0, voxel_mm=VOXEL_MM, rotation=turn)
    fibre = Rotation.from_euler("zyx", [70, 10, -40], degrees=True).as_matrix()
    sigma = fibre @ np.diag([0.6, 0.2, 0.05]) @ fibre.T
    c = Conductor(head, VOXEL_MM, tensor_S_per_m={"grey_matter": everywhere(head, sigma)})
    K = dense_matrix(c.kind, c.table.K, c.unit_conductance_S)
    index = np.stack(np.meshgrid(*[np.arange(n) for n in c.grid.node_shape], indexing="ij"), -1).reshape(-1, 3)
    place_m = c.grid.world_mm(index - 1.5) * 1e-3
    e = np.array([1.0, -2.0, 0.5])
    phi = place_m @ e
    deep = ndimage.binary_erosion(c.kind != -1, np.ones((3, 3, 3)))  # elements, and below nodes amid eight of them
    inner = ndimage.minimum_filter(np.pad(deep, ((1, 2),) * 3), 2, mode="constant")
    assert inner.sum() == 5**3
    assert np.abs((K @ phi).reshape(c.grid.node_shape)[inner]).max() < 1e-5 * np.abs(K @ phi).max()
    element = full(c.table.K[c.kind[tuple(np.argwhere(deep)[0])]])
    corner_V = CORNERS * c.grid.voxel_m @ (c.grid.axes.T @ e)
    np.testing.assert_allclose(corner_V @ element @ corner_V, c.grid.voxel_m**3 * e @ sigma @ e, rtol=1e-5)


def test_adjoint_is_forward_and_fields_add_up(sphere):
    sigma = np.diag([0.5, 0.1, 0.2])
    c = Conductor(sphere, VOXEL_MM, tensor_S_per_m={"grey_matter": everywhere(sphere, sigma)})
    target = Target.sphere((5.0, -8.0, 14.0), 6.0)
    scape, field = c.adjoint(target), c.solve(DISCS)
    exact = field.mean_in(target)
    assert np.linalg.norm(scape.montage(DISCS) - exact) < 1e-4 * np.linalg.norm(exact)
    slopes = scape.sensitivity([field])[0]
    nominal = np.array([sphere.conductivity_S_per_m[name] for name in scape.tissues])
    np.testing.assert_allclose(slopes @ nominal, -exact, rtol=0.02, atol=0.01 * np.linalg.norm(exact))


def test_current_prefers_the_fibres(sphere):
    """Of the same mean conductivity, the field falls along the well conducting axis and grows across it."""
    target = Target.sphere((0.0, 0.0, 0.0), 8.0)
    pair = Montage.at_points_mm(np.array([[43.0, 0, 0], [-43.0, 0, 0]]), np.array([1e-3, -1e-3]), radius_mm=6)
    along, across = (
        Conductor(sphere, VOXEL_MM, tensor_S_per_m={"grey_matter": everywhere(sphere, np.diag(d))})
        .solve(pair)
        .mean_in(target)[0]
        for d in ([0.6, 0.15, 0.15], [0.15, 0.6, 0.15])
    )
    assert abs(along) < 0.8 * abs(across)


def test_zoom_keeps_the_tensors(sphere):
    c = Conductor(sphere, VOXEL_MM, tensor_S_per_m={"grey_matter": everywhere(sphere, np.diag([0.5, 0.1, 0.2]))})
    fine = c.zoom((0, 0, 0), edge_mm=24.0, voxel_mm=1.5).fine
    assert (fine.tensors.slot >= 0).any()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: {"bone_marrow": t}, "no conducting tissue"),
        (lambda t: {"grey_matter": t[..., 0]}, "have shape"),
        (lambda t: {"grey_matter": -t}, "positive definite"),
        (lambda t: {"grey_matter": t * [1, 1, 100.0]}, "within a factor 50"),
        (lambda t: {"grey_matter": t * np.nan}, "positive definite"),
        (lambda t: {"grey_matter": t + np.eye(3, k=1) / 20}, "symmetric"),
    ],
)
def test_unusable_tensors_are_refused(change, message):
    head = patchwork()
    with pytest.raises(HeadError, match=message):
        Conductor(head, 4.0, tensor_S_per_m=change(everywhere(head, 0.3 * np.eye(3))))

"""The skin: place, area, normals and nearest points on spheres and slabs, open where the scan is cut."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from assuage.errors import HeadError
from assuage.head import Head
from assuage.head.gallery import slab_head, sphere_head
from assuage.head.triangles import nearest_on_candidates

OBLIQUE = Rotation.from_euler("xyz", [20, -35, 50], degrees=True).as_matrix()


@pytest.mark.parametrize(
    ("options", "place_mm", "tilt"),
    [
        ({"voxel_mm": 2.0}, 0.2, 1e-3),
        ({"voxel_mm": 2.0, "hard_labels": True}, 1.2, 1e-2),
        ({"voxel_mm": (1.0, 1.5, 3.0)}, 0.4, 5e-3),
        ({"voxel_mm": 2.0, "rotation": OBLIQUE, "center_mm": (30.0, -20.0, 10.0)}, 0.2, 1e-3),
        ({"voxel_mm": 4.0, "offset_voxels": (0.3, 0.1, 0.4)}, 0.5, 5e-3),
    ],
)
def test_sphere_skin(options, place_mm, tilt) -> None:
    skin = sphere_head(**options).scalp
    center = np.array(options.get("center_mm", (0, 0, 0)))
    out = skin.vertices_mm - center
    radius = np.linalg.norm(out, axis=1)
    assert np.abs(radius - 92).max() < place_mm
    assert abs(radius.mean() - 92) < 0.15
    assert skin.areas_mm2.sum() == pytest.approx(4 * np.pi * 92**2, rel=0.02)
    assert np.allclose(np.linalg.norm(skin.normals, axis=1), 1)
    assert (np.einsum("na,na->n", skin.normals, out) / radius).min() > 1 - tilt
    assert skin.is_closed


def test_triangles_turn_outwards() -> None:
    skin = sphere_head(voxel_mm=3.0, rotation=OBLIQUE).scalp
    a, b, c = (skin.vertices_mm[skin.triangles[:, k]] for k in range(3))
    volume = np.einsum("na,na->", a, np.cross(b, c)) / 6
    assert volume == pytest.approx(4 / 3 * np.pi * 92**3, rel=0.01)


def test_mirrored_voxel_axis_keeps_normals_outward() -> None:
    head = sphere_head(voxel_mm=3.0)
    affine = head.affine.copy()
    affine[0] *= -1
    skin = Head.from_labels(head.labels, affine, tissues=head.tissues).scalp
    a, b, c = (skin.vertices_mm[skin.triangles[:, k]] for k in range(3))
    assert np.einsum("na,na->", a, np.cross(b, c)) > 0
    assert np.einsum("na,na->n", skin.normals, skin.vertices_mm).min() > 0


def test_nearest_equals_trying_every_triangle() -> None:
    skin = sphere_head(voxel_mm=4.0, radii_mm=(30.0,), tissues=("scalp",)).scalp
    rng = np.random.default_rng(3)
    points = rng.normal(size=(60, 3)) * 25
    points = points[np.linalg.norm(points, axis=1) > 15]
    every = np.tile(np.arange(len(skin.triangles)), (len(points), 1))
    _, _, exact = nearest_on_candidates(points, skin.vertices_mm, skin.triangles, every)
    foot, normal, distance = skin.nearest(points)
    assert np.abs(distance - exact).max() < 0.02
    assert np.allclose(np.linalg.norm(points - foot, axis=1), distance)
    assert np.allclose(np.linalg.norm(normal, axis=1), 1)


def test_nearest_point_of_one_triangle_in_slow_plain_code() -> None:
    vertices = np.array([[0.0, 0, 0], [3, 0, 0], [0, 2, 0]])
    triangles = np.array([[0, 1, 2]])
    rng = np.random.default_rng(0)
    points = rng.uniform(-3, 5, (200, 3))
    _, weights, distance = nearest_on_candidates(points, vertices, triangles, np.zeros((200, 1), dtype=np.int64))
    u, v = np.meshgrid(np.linspace(0, 1, 201), np.linspace(0, 1, 201))
    inside = (u + v) <= 1
    grid = u[inside, None] * vertices[1] + v[inside, None] * vertices[2]
    slow = np.array([np.linalg.norm(grid - p, axis=1).min() for p in points])
    assert (distance <= slow + 1e-9).all()
    assert np.abs(distance - slow).max() < 0.02
    assert np.allclose(weights.sum(1), 1)
    assert weights.min() >= 0


def test_foot_of_a_point_off_the_sphere() -> None:
    skin = sphere_head(voxel_mm=2.0).scalp
    direction = np.array([[0.36, 0.48, 0.8]])
    foot, normal, distance = skin.nearest(direction * 100)
    assert np.linalg.norm(foot - 92 * direction) < 1.5
    assert distance[0] == pytest.approx(8, abs=0.2)
    assert normal[0] @ direction[0] > 0.999


def test_ear_canal_is_bridged_and_inner_air_is_no_skin() -> None:
    head = sphere_head(voxel_mm=2.0, hard_labels=True)
    labels = head.labels.copy()
    x, y, z = (
        np.einsum("ab,bijk->aijk", head.affine[:3, :3], np.indices(labels.shape)) + head.affine[:3, 3, None, None, None]
    )
    labels[(y**2 + z**2 < 3.0**2) & (x > 60)] = 0
    labels[(x + 40) ** 2 + y**2 + z**2 < 15**2] = 0
    skin = Head.from_labels(labels, head.affine, tissues=head.tissues).scalp
    assert np.linalg.norm(skin.vertices_mm, axis=1).min() > 87


def test_cut_head_is_open_and_the_cut_is_no_skin() -> None:
    head = sphere_head(voxel_mm=2.0)
    keep = slice(24, None)
    affine = head.affine.copy()
    affine[:3, 3] += affine[:3, 2] * 24
    cut = Head.from_labels(head.labels[:, :, keep], affine, tissues=head.tissues)
    assert not cut.scalp.is_closed
    assert np.ptp(cut.scalp.rim_mm[:, 2]) < 0.1
    assert len(cut.scalp.rim_mm) > 200
    assert np.linalg.norm(cut.scalp.vertices_mm, axis=1).min() > 90
    assert cut.scalp.normals[:, 2].min() > -0.6


def test_loose_piece_is_dropped() -> None:
    head = sphere_head(voxel_mm=3.0, hard_labels=True)
    labels = head.labels.copy()
    labels[1:3, 1:3, 1:3] = 4
    skin = Head.from_labels(labels, head.affine, tissues=head.tissues).scalp
    assert np.abs(np.linalg.norm(skin.vertices_mm, axis=1) - 92).max() < 2


def test_slab_faces() -> None:
    skin = slab_head().scalp
    top = skin.vertices_mm[np.abs(skin.vertices_mm[:, :2]).max(1) < 30]
    top = top[top[:, 2] > -20]
    assert np.abs(top[:, 2]).max() < 0.05


def test_volume_without_air_is_refused() -> None:
    head = Head.from_labels(np.ones((6, 6, 6), dtype=int), np.diag([2.0, 2, 2, 1]), tissues={1: "scalp"})
    with pytest.raises(HeadError, match="no outer skin"):
        _ = head.scalp


def test_nearest_refuses_nan() -> None:
    with pytest.raises(HeadError, match="NaN"):
        sphere_head(voxel_mm=4.0).scalp.nearest([np.nan, 0, 0])

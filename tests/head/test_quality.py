"""Quality control on heads whose figures are known; the picture is written."""

import numpy as np
import pytest
from matplotlib.image import imread

from assuage.head import Head, qc
from assuage.head.gallery import slab_head, sphere_head
from assuage.head.pictures import overlay_figure


@pytest.fixture(scope="module")
def sphere() -> Head:
    return sphere_head(voxel_mm=2.0)


def with_labels(head: Head, labels: np.ndarray) -> Head:
    return Head.from_labels(labels, head.affine, tissues=head.tissues).with_fiducials(head.fiducials_mm)


def radius_mm(head: Head) -> np.ndarray:
    points = np.argwhere(head.labels >= 0) @ head.affine[:3, :3].T + head.affine[:3, 3]
    return points.reshape(*head.labels.shape, 3)


def test_sphere_figures(sphere) -> None:
    found = qc(sphere)
    volumes = {volume.name: volume for volume in found.volumes}
    assert volumes["skull"].volume_ml == pytest.approx(4 / 3 * np.pi * (86**3 - 80**3) / 1e3, rel=0.005)
    assert volumes["skull"].within_cited_range is None
    assert volumes["brain"].within_cited_range is False
    assert volumes["intracranial"].volume_ml == pytest.approx(4 / 3 * np.pi * 80**3 / 1e3, rel=0.005)
    assert found.skull.mean_mm == pytest.approx(6, abs=0.05)
    assert found.skull.high_mm - found.skull.low_mm < 0.5
    assert found.skull.missing_share == 0
    assert found.leak_count == 0
    assert found.brain_skull_share == 0
    assert max(abs(value) for value in found.asymmetry.values()) < 0.002
    assert any("outside the cited adult range" in line for line in found.warnings)


def test_every_cited_range_names_its_source(sphere) -> None:
    for volume in qc(sphere).volumes:
        if volume.reference is not None:
            assert volume.reference.low < volume.reference.high
            assert volume.reference.source
            assert volume.reference.source_level


def test_hole_in_the_skull_is_found_where_it_is(sphere) -> None:
    labels, points = sphere.labels.copy(), radius_mm(sphere)
    hole = (labels == 3) & (np.hypot(points[..., 0], points[..., 1]) < 8) & (points[..., 2] > 0)
    labels[hole] = 4
    found = qc(with_labels(sphere, labels))
    assert found.leak_calvaria_count == found.leak_count > 10
    assert np.linalg.norm(found.leaks_mm - [0, 0, 80], axis=1).max() < 12
    assert 0 < found.skull.missing_share < 0.05
    assert any("without bone" in line for line in found.warnings)


def test_hole_at_the_base_is_not_in_the_calvaria(sphere) -> None:
    labels, points = sphere.labels.copy(), radius_mm(sphere)
    labels[(labels == 3) & (np.hypot(points[..., 0], points[..., 1]) < 15) & (points[..., 2] < 0)] = 2
    found = qc(with_labels(sphere, labels))
    assert found.leak_count > 50
    assert found.leak_calvaria_count == 0


def test_brain_against_bone_is_counted(sphere) -> None:
    labels, points = sphere.labels.copy(), radius_mm(sphere)
    labels[(labels == 2) & (points[..., 0] > 0)] = 1
    assert qc(with_labels(sphere, labels)).brain_skull_share == pytest.approx(0.5, abs=0.1)


def test_lopsided_tissue_shows_with_its_sign(sphere) -> None:
    labels, points = sphere.labels.copy(), radius_mm(sphere)
    labels[(labels == 3) & (points[..., 0] > 0) & (points[..., 2] > 20)] = 4
    found = qc(with_labels(sphere, labels))
    assert found.asymmetry["skull"] > 0.2
    assert found.asymmetry["scalp"] < -0.1


def test_slab_and_one_tissue_head_lack_only_what_they_lack() -> None:
    assert qc(slab_head()).leak_count >= 0
    found = qc(sphere_head(radii_mm=(80.0,), tissues=("scalp",), voxel_mm=4.0))
    assert found.skull is None
    assert found.brain_skull_share is None


@pytest.mark.parametrize("with_t1", [False, True])
def test_picture_shows_tissues(tmp_path, with_t1) -> None:
    sphere = sphere_head(voxel_mm=4.0)
    t1 = (sphere.labels.astype(np.float32) * 40) if with_t1 else None
    head = Head.from_labels(sphere.labels, sphere.affine, tissues=sphere.tissues, fractions=sphere.fractions, t1=t1)
    path = overlay_figure(head, tmp_path / "head.png", dpi=60)
    picture = imread(path)[..., :3]
    assert picture.shape[1] > 700
    assert len(np.unique((picture * 255).astype(int).reshape(-1, 3), axis=0)) > 50

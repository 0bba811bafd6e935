"""Tissue of voxels and sub-voxels: volumes, islands, other grids than the image's."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from small_heads import small_sphere

from assuage.field.grid import grid_over
from assuage.field.subvoxel import M, subvoxel_tissue
from assuage.head import Head

RADII_MM = (40.0, 46.0, 52.0)
TISSUES = ("grey_matter", "skull", "scalp")
EXACT_MM3 = np.diff(4 / 3 * np.pi * np.array((0.0, *RADII_MM)) ** 3)


def sphere(voxel_mm, **options):
    return small_sphere(voxel_mm, radii_mm=RADII_MM, tissues=TISSUES, conductivity_S_per_m=(0.3, 0.01, 0.4), **options)


def split(head, voxel_mm):
    grid = grid_over(head.labels.shape, head.affine, voxel_mm)
    return grid, subvoxel_tissue(head, grid)


def volumes_mm3(grid, tissue):
    """Volume of each tissue, the first not counted."""
    count = len(tissue.tissues)
    whole = np.bincount(tissue.label[tissue.block < 0], minlength=count)
    parts = np.bincount(tissue.blocks.ravel(), minlength=count) / M**3
    return (whole + parts)[1:] * grid.voxel_mm**3


def centroid_mm(grid, tissue):
    """Of everything that conducts."""
    ticks = (np.arange(M) + 0.5) / M - 0.5
    whole = np.argwhere((tissue.block < 0) & (tissue.label > 0))
    cut = np.argwhere(tissue.block >= 0)
    n, i, j, k = np.nonzero(tissue.blocks)
    parts = cut[n] + np.stack([ticks[i], ticks[j], ticks[k]], 1)
    weight = np.concatenate([np.full(len(whole), M**3), np.ones(len(parts))])
    return grid.world_mm(np.average(np.concatenate([whole, parts]), axis=0, weights=weight))[0]


@pytest.mark.parametrize("hard", [False, True], ids=["fractions", "labels"])
def test_volumes_of_a_sphere(hard):
    found = volumes_mm3(*split(sphere(2.0, hard_labels=hard, offset_voxels=(0.2, 0.4, 0.1)), 2.0))
    np.testing.assert_allclose(found, EXACT_MM3, rtol=0.01)


@pytest.mark.parametrize(("voxel_mm", "grid_mm"), [(1.5, 3.0), (1.5, 2.4), (3.0, 2.0)])
def test_grid_of_another_size_than_the_image(voxel_mm, grid_mm):
    found = volumes_mm3(*split(sphere(voxel_mm), grid_mm))
    np.testing.assert_allclose(found, EXACT_MM3, rtol=0.015)


def test_oblique_anisotropic_image():
    turn = Rotation.from_euler("xyz", [20, -15, 40], degrees=True).as_matrix()
    center = np.array([5.0, -12.0, 8.0])
    head = sphere((1.5, 2.0, 2.5), rotation=turn, center_mm=center)
    grid, tissue = split(head, 2.0)
    np.testing.assert_allclose(grid.axes, turn, atol=1e-12)
    np.testing.assert_allclose(volumes_mm3(grid, tissue), EXACT_MM3, rtol=0.015)
    np.testing.assert_allclose(centroid_mm(grid, tissue), center, atol=0.05)


def test_left_handed_image_stands_where_it_stood():
    head = sphere(2.0, center_mm=(3.0, 4.0, 5.0))
    mirror = np.diag([-1.0, 1, 1, 1])
    mirror[0, 3] = head.labels.shape[0] - 1
    flipped = Head.from_labels(
        head.labels[::-1].copy(),
        head.affine @ mirror,
        tissues=head.tissues,
        conductivity_S_per_m=head.conductivity_S_per_m,
        fractions={name: share[::-1].copy() for name, share in head.fractions.items()},
    )
    grid, tissue = split(flipped, 2.0)
    assert np.linalg.det(grid.axes) < 0
    np.testing.assert_allclose(centroid_mm(grid, tissue), [3.0, 4.0, 5.0], atol=0.05)
    np.testing.assert_allclose(volumes_mm3(grid, tissue), EXACT_MM3, rtol=0.01)


def boxes(*corners, shape=(20, 18, 16)):
    labels = np.zeros(shape, np.uint8)
    for (low, high), value in corners:
        labels[tuple(slice(a, b) for a, b in zip(low, high, strict=True))] = value
    return Head.from_labels(
        labels, np.diag([2.0, 2, 2, 1]), tissues={1: "grey_matter", 2: "scalp"}, conductivity_S_per_m=None
    )


def test_island_is_dropped_and_the_body_kept():
    head = boxes((((2, 2, 2), (12, 12, 12)), 1), (((15, 13, 13), (18, 16, 15)), 2))
    grid, tissue = split(head, 2.0)
    found = dict(zip(tissue.tissues[1:], volumes_mm3(grid, tissue), strict=True))
    assert found["scalp"] == 0
    assert found["grey_matter"] > 7500
    assert (tissue.label[14:] == 0).all()


def test_tissue_air_and_label_zero_do_not_conduct():
    labels = np.full((10, 10, 10), 1, np.uint8)
    labels[4:7, 4:7, 4:7] = 3
    head = Head.from_labels(labels, np.diag([2.0, 2, 2, 1]), tissues={1: "grey_matter", 3: "air"})
    _, tissue = split(head, 2.0)
    assert tissue.tissues == ("", "grey_matter")
    assert tissue.label[5, 5, 5] == 0


def test_uniform_inside_needs_no_blocks():
    _, tissue = split(boxes((((2, 2, 2), (18, 16, 14)), 1)), 2.0)
    assert (tissue.block[4:16, 4:14, 4:12] == -1).all()
    assert (tissue.block[1:3, 5, 5] >= 0).any()


def test_label_of_a_cut_voxel_is_among_its_sub_voxels():
    _, tissue = split(sphere(3.0, hard_labels=True), 3.0)
    rows = tissue.blocks[tissue.block[tissue.block >= 0]].reshape(-1, M**3)
    assert (rows == tissue.label[tissue.block >= 0][:, None]).any(1).all()


@pytest.mark.parametrize(("voxel_mm", "within"), [(2.0, 0.01), (4.0, 0.025)])
def test_volumes_follow_the_fractions(voxel_mm, within):
    """Of a CSF layer thinner than a voxel too, on the image's own grid and on a coarser one."""
    head = small_sphere(2.0, radii_mm=(20.0, 21.5, 26.0, 31.0))
    tissue = subvoxel_tissue(head, grid_over(head.labels.shape, head.affine, voxel_mm))
    pure = np.bincount(tissue.label[tissue.block < 0], minlength=len(tissue.tissues))
    counts = M**3 * pure + np.bincount(tissue.blocks.ravel(), minlength=len(tissue.tissues))
    for k, name in enumerate(tissue.tissues[1:], 1):
        found = counts[k] * (voxel_mm / M) ** 3
        exact = head.fractions[name].sum(dtype=float) / 255 * 8
        assert abs(found - exact) < within * exact, name

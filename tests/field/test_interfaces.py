"""Interfaces between tissues: where they run, thin layers, details that must survive, order of tissues."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from assuage.field.interfaces import (
    PER_VOXEL,
    ZERO,
    distances_by_volume,
    distances_to_unions,
    first_inside,
    from_inside_out,
)

SIZE = 56
PLACES = np.indices((SIZE,) * 3).reshape(3, -1).T


def distances(label, count):
    return (distances_to_unions(label.astype(np.uint8), count).astype(float) - ZERO) / PER_VOXEL


def shells(radii, offset=(0.31, 0.12, -0.23)):
    """Labels of concentric balls and the radius of every voxel's centre."""
    radius = np.linalg.norm(PLACES - SIZE / 2 - np.array(offset), axis=1).reshape((SIZE,) * 3)
    return np.where(radius < radii[-1], np.searchsorted(radii, radius) + 1, 0), radius


@given(st.tuples(*[st.floats(-0.5, 0.5)] * 3), st.floats(18.0, 22.0))
def test_boundary_of_a_ball(offset, radius):
    label, places = shells((radius,), offset)
    near = np.abs(places - radius) < 0.75
    error = distances(label, 1)[1][near] - (radius - places[near])
    assert abs(error.mean()) < 0.05  # a centred ball of a whole radius: its labels are too small
    assert error.std() < 0.06


def test_layer_thinner_than_a_voxel_keeps_its_thickness():
    """Half a voxel: the label image shows it as a sieve."""
    label, places = shells((18.0, 18.5, 22.0))
    inner, outer = distances(label, 3)[1:3]
    near = np.abs(places - 18.25) < 0.75
    np.testing.assert_allclose((outer - inner)[near].mean(), 0.5, atol=0.02)
    assert (outer - inner)[near].min() > 0.25


def test_oblique_plane_is_straight():
    normal = np.array([0.96, 0.2, 0.2]) / np.linalg.norm([0.96, 0.2, 0.2])
    height = ((PLACES - SIZE / 2) @ normal).reshape((SIZE,) * 3)
    inner = (slice(12, -12),) * 3
    found = distances((height < 0).astype(int), 1)[1][inner]
    near = np.abs(height[inner]) < 1
    assert np.abs(found + height[inner])[near].max() < 0.15


def test_details_are_not_smoothed_away():
    """A sheet two voxels thick, a rod and a single voxel keep their labels; the wide Gaussian would lose them."""
    label = np.zeros((40, 40, 40), np.uint8)
    label[5:35, 5:35, 5:35] = 2
    label[10:12, 8:32, 8:32] = 1
    label[20:23, 20:23, 8:32] = 1
    label[28, 28, 28] = 1
    found = first_inside(distances_to_unions(label, 2))
    corners = ndimage.generic_filter((label > 0).astype(float), np.mean, 3) < 0.5
    rod = np.zeros_like(label, bool)
    rod[20:23, 20:23] = rod[28, 28, 28] = True
    differs = (found != label) & ~corners & ~rod
    assert not differs[12:].any()
    assert differs.sum() <= 4 * 24  # the rim of the sheet
    assert (found == 1)[21, 21, 10:30].all()


def test_most_labels_of_noise_survive():
    """Where no smooth surface agrees with the labels, the narrow Gaussian rules."""
    rough = ndimage.gaussian_filter(np.random.default_rng(0).normal(size=(40,) * 3), 2.0) > 0
    label = np.where(rough, 1, 2)
    found = first_inside(distances_to_unions(label.astype(np.uint8), 2))
    edge = ndimage.maximum_filter(label, 3) != ndimage.minimum_filter(label, 3)
    assert (found != label)[edge].mean() < 0.03


def test_mirrored_labels_give_mirrored_distances():
    label, _ = shells((17.0, 19.0, 23.0))
    np.testing.assert_array_equal(distances(label[::-1], 3), distances(label, 3)[:, ::-1])


def test_nothing_inside():
    assert not first_inside(distances_to_unions(np.zeros((8, 8, 8), np.uint8), 0)).any()


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (("scalp", "grey_matter", "skull", "csf"), ("grey_matter", "csf", "skull", "scalp")),
        (("gel", "scalp", "white_matter"), ("white_matter", "scalp", "gel")),
    ],
)
def test_order_from_the_inside_out(names, expected):
    assert from_inside_out(names) == expected


def shares(radii, noise=0.0):
    """Fractions * 255 of concentric shells, exact but for rounding, or with noise where they are mixed."""
    _, radius = shells(radii)
    rng = np.random.default_rng(1)
    running = [np.clip(r - radius + 0.5, 0, 1) for r in radii]
    running = [np.clip(f + noise * rng.normal(size=f.shape) * ((f > 0) & (f < 1)), 0, 1) for f in running]
    inner = np.zeros_like(radius)
    found = []
    for outer in running:
        found.append(np.rint(255 * np.clip(outer - inner, 0, 1)).astype(np.uint8))
        inner = outer
    return found, radius


@pytest.mark.parametrize(("noise", "rough"), [(0.0, 0.05), (0.2, 0.13)])
def test_boundary_by_fractions(noise, rough):
    """Noise of a fifth of a voxel roughens the boundary by less than it would move single voxels."""
    found, radius = shares((20.0,), noise)
    near = np.abs(radius - 20.0) < 0.75
    error = (distances_by_volume(found)[1][near].astype(float) - ZERO) / PER_VOXEL - (20.0 - radius[near])
    assert abs(error.mean()) < 0.02
    assert error.std() < rough


def test_thin_layer_by_fractions():
    found, radius = shares((18.0, 18.5, 22.0))
    inner, outer = (distances_by_volume(found).astype(float) - ZERO)[1:3] / PER_VOXEL
    near = np.abs(radius - 18.25) < 0.3
    np.testing.assert_allclose((outer - inner)[near].mean(), 0.5, atol=0.03)
    assert (outer - inner)[near].min() > 0.4


def test_no_tissue_by_fractions():
    assert distances_by_volume([]).shape[0] == 1

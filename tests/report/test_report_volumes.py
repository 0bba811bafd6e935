import base64
import gzip

import nibabel as nib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from assuage.report.slices import orthogonal_png, sample
from assuage.report.volumes import Volume, as_base64, display_range, outlined, thinned


def blob(shape=(30, 36, 28), *, seed=0, center=(2.0, 5.0, -3.0), width=18.0):
    """A smooth volume on an oblique grid, given by a formula in world mm."""
    rng = np.random.default_rng(seed)
    affine = np.eye(4)
    affine[:3, :3] = Rotation.from_rotvec(rng.normal(0, 0.3, 3)).as_matrix() * [2.0, 2.2, 2.4]
    affine[:3, 3] = -affine[:3, :3] @ (np.array(shape) - 1) / 2
    index = np.stack(np.meshgrid(*[np.arange(n) for n in shape], indexing="ij"), -1)
    world = index @ affine[:3, :3].T + affine[:3, 3]
    data = 5 * np.exp(-(((world - center) / width) ** 2).sum(-1))
    return Volume(data=(data * (data > 0.05)).astype(np.float32), affine=affine)


def back(text):
    return nib.Nifti1Image.from_bytes(gzip.decompress(base64.b64decode(text)))


def test_what_the_viewer_gets_is_the_volume_to_8_bits():
    volume = blob()
    image = back(as_base64(volume, high=5.0))
    assert image.get_data_dtype() == np.uint8
    assert image.header.get_xyzt_units()[0] == "mm"
    np.testing.assert_allclose(image.affine, volume.affine, atol=1e-5)
    np.testing.assert_allclose(image.get_fdata(), volume.data, atol=5 / 255 / 2 + 1e-6)


def test_values_beyond_the_scale_are_clipped_not_wrapped():
    volume = Volume(data=np.full((2, 2, 2), 7.0, np.float32), affine=np.eye(4))
    assert back(as_base64(volume, high=5.0)).get_fdata().max() == pytest.approx(5.0)


@settings(max_examples=30)
@given(st.integers(0, 1000), st.integers(200, 20_000))
def test_thinning_keeps_every_voxel_where_it_was(seed, limit):
    volume = blob(seed=seed)
    small = thinned(volume, limit=limit)
    assert small.data.size <= limit
    inverse = np.linalg.inv(volume.affine) @ small.affine
    corner = inverse[:3, 3]
    i, j, k = np.round(corner).astype(int)
    np.testing.assert_allclose(corner, [i, j, k], atol=1e-6)
    assert small.data[0, 0, 0] == volume.data[i, j, k]


def test_display_range_ignores_one_hot_voxel_and_an_empty_volume():
    data = np.ones((20, 20, 20))
    data[0, 0, 0] = 1000
    assert display_range(data) == (0.0, pytest.approx(1.0))
    assert display_range(np.zeros((3, 3, 3))) == (0.0, 1.0)


def test_outline_surrounds_the_mask_and_leaves_it_free():
    mask = np.zeros((9, 9, 9), np.uint8)
    mask[3:6, 3:6, 3:6] = 1
    ring = outlined(Volume(data=mask, affine=np.eye(4)))
    assert 0 < ring.data.sum() == 6 * 9
    inside = np.linalg.inv(ring.affine) @ [4, 4, 4, 1]
    assert ring.data[tuple(inside[:3].astype(int))] == 0


def test_planes_are_cut_in_the_world_whatever_the_grid():
    volume = blob()
    rng = np.random.default_rng(3)
    points = rng.uniform(-12, 12, (200, 3))
    wanted = 5 * np.exp(-(((points - [2.0, 5.0, -3.0]) / 18.0) ** 2).sum(-1))
    np.testing.assert_allclose(sample(volume, points), wanted, atol=0.1)
    assert sample(volume, np.array([[900.0, 0, 0]]))[0] == 0


def test_stills_are_png():
    volume = blob()
    text = orthogonal_png(volume, volume, center_mm=(2, 5, -3), radius_mm=8, high=5.0, label="V/m")
    assert base64.b64decode(text.removeprefix("data:image/png;base64,"))[:8] == b"\x89PNG\r\n\x1a\n"

"""Any rigid pose survives every format; conversions are rotations that keep the centre."""

import string

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from navigator_files import t1
from scipy.spatial.transform import Rotation

from assuage.space import Marker, brainsight, invesalius, localite, read_markers, read_reference, write_markers
from assuage.space.markers import readable_name
from assuage.space.navigator import WRITE_FORMATS

DIGITS = {"brainsight": 1e-4, "localite-ras": 1e-12, "localite-lps": 1e-12, "visor": 1e-12}

quaternions = st.lists(st.floats(-1, 1), min_size=4, max_size=4).filter(lambda q: np.linalg.norm(q) > 0.1)
places = st.lists(st.floats(-90, 90), min_size=3, max_size=3).filter(lambda p: np.linalg.norm(p) > 2)
names = st.text(string.printable + "äß µ漢", max_size=20).map(lambda text: readable_name(text, "marker"))


def turned_in(pose):
    """Turn a pose by 180 degrees about the handle if it looks away from the origin."""
    inward = pose[:3, 2] @ -pose[:3, 3]
    return pose @ np.diag([-1.0, 1, -1, 1]) if inward < 0 else pose


@st.composite
def poses(draw):
    pose = np.eye(4)
    pose[:3, :3] = Rotation.from_quat(draw(quaternions)).as_matrix()
    pose[:3, 3] = draw(places)
    return turned_in(pose)


@pytest.fixture(scope="module")
def image(tmp_path_factory):
    path = tmp_path_factory.mktemp("image") / "t1.nii.gz"
    return read_reference(t1(path))


@pytest.mark.parametrize("form", WRITE_FORMATS)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pose=poses(), name=names)
def test_round_trip(image, tmp_path, form, pose, name):
    path = tmp_path / "file"
    path.unlink(missing_ok=True)
    # the image's middle is (-1.5, -1.5, -1.5), not the origin
    if pose[:3, 2] @ (-1.5 - pose[:3, 3]) <= 0:
        pose = pose @ np.diag([-1.0, 1, -1, 1])
    write_markers(path, [Marker(name=name, pose=pose)], format=form, image=image)
    (again,) = read_markers(path, image=image)
    assert again.name == name
    np.testing.assert_allclose(again.pose, pose, rtol=0, atol=DIGITS[form])


@given(pose=poses())
def test_conversions_are_rotations_of_the_coil_or_of_the_world(pose):
    for on_coil in (brainsight.FLIP, localite.SWAP, invesalius.AXES):
        assert np.linalg.det(on_coil[:3, :3]) == pytest.approx(1)
        np.testing.assert_array_equal(on_coil @ on_coil, np.eye(4))
        np.testing.assert_array_equal((pose @ on_coil)[:3, 3], pose[:3, 3])
    for world in localite.WORLD.values():
        assert np.linalg.det(world[:3, :3]) == pytest.approx(1)
        np.testing.assert_array_equal(world @ world, np.eye(4))
    # the handle is what a technician sees: it is +y of Localite, -y of Brainsight, -x (back) of InVesalius
    handle = -pose[:3, 1]
    np.testing.assert_allclose((pose @ localite.SWAP)[:3, 1], handle)
    np.testing.assert_allclose(-(pose @ brainsight.FLIP)[:3, 1], handle)
    np.testing.assert_allclose(-(pose @ invesalius.AXES)[:3, 0], handle)

"""A head as another lab would bring it: other voxels, oblique, tilted, with a lesion label, no MNI frame, no fiducials.

The embedded head is the known truth; the template that the estimate uses is another brain (ICBM152).
"""

import nibabel as nib
import numpy as np
import pytest
from scipy.ndimage import map_coordinates
from scipy.spatial.transform import Rotation

from assuage.errors import HeadError
from assuage.head import Head, load_head, qc
from assuage.head.gallery import sphere_head
from assuage.head.registration import SPACE

LESION = 9


@pytest.fixture(scope="module")
def colin() -> Head:
    return load_head("colin27")


@pytest.fixture(scope="module")
def foreign(colin: Head, tmp_path_factory: pytest.TempPathFactory) -> Head:
    """The embedded head's labels on an oblique 2.2 x 2.2 x 2.6 mm grid, with a lesion, as a file with names beside."""
    size = np.array([2.2, 2.2, 2.6])
    axes = Rotation.from_euler("xyz", [12, -9, 20], degrees=True).as_matrix()
    shape = np.array([110, 124, 104])
    affine = np.eye(4)
    affine[:3, :3] = axes * size
    middle = colin.affine[:3, :3] @ (np.array(colin.labels.shape) / 2) + colin.affine[:3, 3]
    affine[:3, 3] = middle - affine[:3, :3] @ ((shape - 1) / 2)
    world = np.moveaxis(np.indices(shape), 0, -1) @ affine[:3, :3].T + affine[:3, 3]
    inverse = np.linalg.inv(colin.affine)
    index = np.moveaxis(world @ inverse[:3, :3].T + inverse[:3, 3], -1, 0)
    labels = map_coordinates(colin.labels, index, order=0, mode="constant", cval=0)
    labels[np.linalg.norm(world - [30, 10, 30], axis=-1) < 9] = LESION
    path = tmp_path_factory.mktemp("foreign") / "sub-01.nii.gz"
    image = nib.Nifti1Image(labels.astype(np.uint8), affine)
    image.set_sform(affine, code=1)
    image.set_qform(affine, code=1)
    image.header.set_xyzt_units("mm")
    nib.save(image, path)
    rows = "\n".join(f'{key} = "{name}"' for key, name in {**colin.tissues, LESION: "lesion"}.items())
    path.with_name("sub-01.tissues.toml").write_text(f"[tissues]\n{rows}\n[conductivity_S_per_m]\nlesion = 0.8\n")
    return load_head(path)


def test_foreign_labels_become_a_head_with_sites_where_they_belong(foreign: Head, colin: Head) -> None:
    head = foreign
    assert head.conductivity_S_per_m["lesion"] == 0.8
    assert list(head.tissue_at([[30, 10, 30]])) == ["lesion"]
    assert head.mni is not None
    assert head.mni.space == SPACE
    assert any("MNI coordinates are placed by an affine estimate" in line for line in head.warnings)
    assert any("10-10 sites may be off" in line for line in head.warnings)
    upper = [name for name in colin.ten_ten_mm if name[-1] in "z123456" or name in {"T7", "T8", "F7", "F8"}]
    apart = [np.linalg.norm(head.ten_ten_mm[name] - colin.ten_ten_mm[name]) for name in upper if name != "Fpz"]
    assert np.mean(apart) < 7
    assert np.max(apart) < 15
    skin, _, distance = colin.scalp.nearest(head.scalp.vertices_mm)
    above = skin[:, 2] > -20
    assert np.median(distance[above]) < 1.0


def test_own_fiducials_bring_the_sites_back(foreign: Head, colin: Head) -> None:
    head = foreign.with_fiducials(colin.fiducials_mm)
    apart = [np.linalg.norm(head.ten_ten_mm[name] - colin.ten_ten_mm[name]) for name in ("F3", "C4", "Pz", "Cz", "T8")]
    assert max(apart) < 3.5
    assert not any("10-10" in line for line in head.warnings)


def test_quality_control_of_a_foreign_head(foreign: Head) -> None:
    found = qc(foreign)
    assert {"lesion", "brain", "intracranial"} <= {volume.name for volume in found.volumes}
    assert found.skull is not None


@pytest.mark.parametrize("angles_deg", [(0, 0, 0), (-25, 5, 10), (10, -15, 40)])
def test_mni_estimate_finds_a_tilted_brain(colin: Head, angles_deg) -> None:
    turn = np.eye(4)
    turn[:3, :3] = Rotation.from_euler("xyz", angles_deg, degrees=True).as_matrix()
    turn[:3, 3] = [10, -20, 30]
    tilted = Head.from_labels(colin.labels, turn @ colin.affine, tissues=colin.tissues).with_estimated_mni()
    grey = np.argwhere(colin.mask("grey_matter"))[::997] @ colin.affine[:3, :3].T + colin.affine[:3, 3]
    truth = colin.mni.head_to_mni(grey)
    found = tilted.mni.head_to_mni(grey @ turn[:3, :3].T + turn[:3, 3])
    error = np.linalg.norm(found - truth, axis=1)
    assert error.mean() < 4
    assert np.percentile(error, 95) < 7


def test_a_sphere_gets_no_mni_frame() -> None:
    with pytest.raises(HeadError, match="does not fit the MNI template"):
        sphere_head(voxel_mm=4.0).with_estimated_mni()


def test_half_a_brain_gets_no_mni_frame(colin: Head) -> None:
    labels = colin.labels[::2, ::2, ::2].copy()
    labels[: labels.shape[0] // 2] = 0
    affine = colin.affine.copy()
    affine[:3, :3] *= 2
    with pytest.raises(HeadError, match="does not fit the MNI template"):
        Head.from_labels(labels, affine, tissues=colin.tissues).with_estimated_mni()

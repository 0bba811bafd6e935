"""Heads from files: names given, beside, or of SimNIBS; refusals instead of guesses."""

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from assuage.errors import HeaderError, HeadError
from assuage.head import load_head
from assuage.head.gallery import sphere_head

TOML = """
[tissues]
1 = "GM"
2 = "cerebrospinal fluid"
3 = "bone"
4 = "Skin"
9 = "tumor"
[conductivity_S_per_m]
tumor = 0.8
"""
OBLIQUE = Rotation.from_euler("xyz", [8, -12, 30], degrees=True).as_matrix()


def write(path: Path, data: np.ndarray, affine: np.ndarray) -> Path:
    image = nib.Nifti1Image(data, affine)
    image.set_sform(affine, code=1)
    image.set_qform(affine, code=1)
    image.header.set_xyzt_units("mm")
    nib.save(image, path)
    return path


@pytest.fixture(scope="module")
def labels() -> tuple[np.ndarray, np.ndarray]:
    head = sphere_head(voxel_mm=(3.0, 3.0, 4.0), rotation=OBLIQUE, hard_labels=True)
    data = head.labels.copy()
    data[20:23, 20:23, 20:23] = 9
    return data, head.affine


def test_names_beside_the_labels(tmp_path, labels) -> None:
    path = write(tmp_path / "sub.nii.gz", *labels)
    (tmp_path / "sub.tissues.toml").write_text(TOML)
    head = load_head(path)
    assert np.array_equal(head.labels, labels[0])
    assert np.allclose(head.affine, labels[1], atol=1e-4)
    assert head.tissues == {1: "grey_matter", 2: "csf", 3: "skull", 4: "scalp", 9: "lesion"}
    assert head.conductivity_S_per_m["lesion"] == 0.8
    assert head.metadata["origin"] == "labels sub.nii.gz"
    assert len(head.metadata["input_sha256"]) == 64
    assert any("coarse voxels" in line for line in head.warnings)
    assert len(head.ten_ten_mm) >= 64


def test_json_beside_with_fiducials(tmp_path, labels) -> None:
    path = write(tmp_path / "sub.nii", *labels)
    fiducials = '{"Nz": [0, 85, -35], "Iz": [0, -85, -35], "LPA": [-85, 0, -35], "RPA": [85, 0, -35]}'
    (tmp_path / "sub.tissues.json").write_text(
        '{"tissues": {"1": "gm", "2": "csf", "3": "skull", "4": "skin", "9": "fat"}, "fiducials_mm": ' + fiducials + "}"
    )
    head = load_head(path)
    assert head.fiducial_origin == "given"
    assert head.fiducials_mm["Nz"] == pytest.approx([0, 85, -35], abs=2.5)


def test_argument_names_and_values_win(tmp_path, labels) -> None:
    path = write(tmp_path / "sub.nii.gz", *labels)
    (tmp_path / "sub.tissues.toml").write_text(TOML)
    names = {1: "white_matter", 2: "csf", 3: "skull", 4: "scalp", 9: "lesion"}
    head = load_head(str(path), tissues=names, conductivity_S_per_m={"lesion": 0.3, "skull": 0.02})
    assert head.tissues[1] == "white_matter"
    assert head.conductivity_S_per_m["lesion"] == 0.3
    assert head.conductivity_S_per_m["skull"] == 0.02


def test_lesion_without_conductivity_is_refused(tmp_path, labels) -> None:
    path = write(tmp_path / "sub.nii.gz", *labels)
    (tmp_path / "sub.tissues.toml").write_text(TOML.split("[conductivity", maxsplit=1)[0])
    with pytest.raises(HeadError, match="no known conductivity for 'lesion'"):
        load_head(path)


def test_meaning_of_labels_is_not_guessed(tmp_path, labels) -> None:
    path = write(tmp_path / "sub.nii.gz", *labels)
    with pytest.raises(HeadError, match=r"holds labels \[1, 2, 3, 4, 9\].*sub\.tissues\.toml"):
        load_head(path)


def simnibs_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "m2m_ernie"
    (folder / "toMNI").mkdir(parents=True)
    (folder / "eeg_positions").mkdir()
    head = sphere_head(voxel_mm=3.0, tissues=("white_matter", "grey_matter", "csf", "scalp"), hard_labels=True)
    tags = np.array([0, 1, 2, 3, 5], dtype=np.uint16)[head.labels]
    write(folder / "final_tissues.nii.gz", tags, head.affine)
    write(folder / "T1.nii.gz", (tags * 10.5).astype(np.float32), head.affine)
    index = np.moveaxis(np.indices(tags.shape), 0, -1)
    here = (index @ head.affine[:3, :3].T + head.affine[:3, 3]).astype(np.float32)
    write(folder / "toMNI" / "Conform2MNI_nonl.nii.gz", here * 1.1 + 2, head.affine)
    write(folder / "toMNI" / "MNI2Conform_nonl.nii.gz", (here - 2) / 1.1, head.affine)
    rows = ["Type,x,y,z,name", "Fiducial,0,85,-35,Nz", "Fiducial,0,-85,-35,Iz", "Fiducial,-85,0,-35,LPA"]
    (folder / "eeg_positions" / "Fiducials.csv").write_text("\n".join([*rows, "Fiducial,85,0,-35,RPA"]) + "\n")
    return folder


def test_simnibs_folder(tmp_path) -> None:
    folder = simnibs_folder(tmp_path)
    head = load_head(folder)
    assert head.name == "ernie"
    assert head.tissues == {1: "white_matter", 2: "grey_matter", 3: "csf", 5: "scalp"}
    assert head.t1 is not None
    assert head.fiducial_origin == "given"
    assert head.mni is not None
    points = np.array([[10.0, 20, 30], [-40, 5, 50]])
    assert np.allclose(head.mni.head_to_mni(points), points * 1.1 + 2, atol=1e-3)
    assert head.mni.round_trip_error_mm(points).max() < 1e-2
    assert load_head(folder / "final_tissues.nii.gz").tissues == head.tissues


def test_simnibs_tag_out_of_table_is_refused(tmp_path) -> None:
    folder = simnibs_folder(tmp_path)
    image = nib.load(folder / "final_tissues.nii.gz")
    data = np.asarray(image.dataobj).copy()
    data[30, 30, 30] = 77
    write(folder / "final_tissues.nii.gz", data, image.affine)
    with pytest.raises(HeadError, match=r"\[77\]"):
        load_head(folder)


def test_t1_is_refused_as_an_intensity_image(tmp_path, labels) -> None:
    rng = np.random.default_rng(0)
    data = (rng.normal(500, 100, labels[0].shape)).astype(np.float32)
    path = write(tmp_path / "T1.nii.gz", data, labels[1])
    with pytest.raises(HeaderError, match=r"intensity image.*separate step"):
        load_head(path)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("none.nii.gz", None, "does not exist"),
        ("text.nii.gz", b"no image", "cannot be read as NIfTI"),
        ("scan.mgz", b"", "cannot be read as NIfTI or MGZ"),
        ("scan.nrrd", b"", "not NIfTI"),
    ],
)
def test_bad_paths(tmp_path, name, content, words) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(HeaderError, match=words):
        load_head(path)


def test_folder_without_labels_is_refused(tmp_path) -> None:
    with pytest.raises(HeaderError, match=r"holds no final_tissues\.nii\.gz"):
        load_head(tmp_path)


@pytest.mark.parametrize("content", ["[tissues", "[names]\n1 = 'a'\n", "[tissues]\na = 'scalp'\n"])
def test_bad_file_beside_is_refused(tmp_path, labels, content) -> None:
    path = write(tmp_path / "sub.nii.gz", *labels)
    (tmp_path / "sub.tissues.toml").write_text(content)
    with pytest.raises(HeadError):
        load_head(path)


def test_disagreeing_forms_can_be_decided(tmp_path, labels) -> None:
    path = write(tmp_path / "sub.nii.gz", *labels)
    image = nib.load(path)
    other = labels[1].copy()
    other[0, 3] += 25
    image.set_qform(other, code=1)
    nib.save(image, path)
    (tmp_path / "sub.tissues.toml").write_text(TOML)
    with pytest.raises(HeaderError, match="sform and qform disagree"):
        load_head(path)
    moved = load_head(path, orientation="qform").affine - load_head(path, orientation="sform").affine
    assert moved[0, 3] == pytest.approx(25, abs=1e-3)

"""Heads of other programs: ROAST's masks, MGZ labels with names, `assuage head import`; the orientation is kept."""

import gzip
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from assuage.cli.app import run
from assuage.errors import HeaderError, HeadError
from assuage.head import load_head
from assuage.head.gallery import sphere_head

OBLIQUE = Rotation.from_euler("xyz", [8, -12, 30], degrees=True).as_matrix()
LAS = np.diag([-1.0, 1.0, 1.0])
TO_ROAST = {"grey_matter": 2, "csf": 3, "skull": 4, "scalp": 5}
SPOT_MM = np.array([40.0, 10.0, 25.0])
"""In the brain; marked by white matter on one side only, so that a flip shows."""


def marked(rotation: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return ROAST labels (nx, ny, nz) of a layered sphere with a spot at `SPOT_MM`, and their affine."""
    head = sphere_head(voxel_mm=(3.0, 3.0, 4.0), rotation=rotation, hard_labels=True)
    labels = np.zeros(head.labels.shape, np.uint8)
    for name, number in TO_ROAST.items():
        labels[head.mask(name)] = number
    index = np.moveaxis(np.indices(labels.shape), 0, -1) @ head.affine[:3, :3].T + head.affine[:3, 3]
    labels[np.linalg.norm(index - SPOT_MM, axis=-1) < 8] = 1
    return labels, head.affine


def write(path: Path, data: np.ndarray, affine: np.ndarray) -> Path:
    if path.suffix == ".mgz":
        nib.save(nib.MGHImage(data.astype(np.int32), affine), path)
        return path
    image = nib.Nifti1Image(data, affine)
    image.set_sform(affine, code=1)
    image.set_qform(affine, code=1)
    image.header.set_xyzt_units("mm")
    nib.save(image, path)
    return path


def centre_mm(head) -> np.ndarray:
    index = np.argwhere(head.mask("white_matter")).mean(0)
    return head.affine[:3, :3] @ index + head.affine[:3, 3]


@pytest.mark.parametrize("rotation", [np.eye(3), LAS, OBLIQUE], ids=["RAS", "LAS", "oblique"])
@pytest.mark.parametrize("ending", ["T1orT2_masks.nii", "ras_T1andT2_masks.nii.gz", "multiaxial_masks.nii"])
def test_roast_masks_keep_names_and_place(tmp_path, rotation, ending):
    head = load_head(write(tmp_path / f"sub_{ending}", *marked(rotation)))
    assert set(head.tissues.values()) == {"white_matter", *TO_ROAST}
    assert centre_mm(head) == pytest.approx(SPOT_MM, abs=0.8)


def test_the_scan_of_roast_is_found(tmp_path):
    labels, affine = marked(LAS)
    write(tmp_path / "sub.nii", labels.astype(np.float32) * 10, affine)
    head = load_head(write(tmp_path / "sub_T1orT2_masks.nii", labels, affine))
    assert head.t1 is not None
    assert np.array_equal(head.t1, labels * 10)


def test_other_masks_are_not_taken_for_roast(tmp_path):
    labels, affine = marked(np.eye(3))
    with pytest.raises(HeadError, match="nothing says what they mean"):
        load_head(write(tmp_path / "sub_masks.nii", labels, affine))
    labels[0, 0, 0] = 7
    with pytest.raises(HeadError, match="nothing says what they mean"):
        load_head(write(tmp_path / "sub_T1orT2_masks.nii", labels, affine))


@pytest.mark.parametrize("rotation", [LAS, OBLIQUE], ids=["LAS", "oblique"])
def test_mgz_labels_with_names_beside(tmp_path, rotation):
    labels, affine = marked(rotation)
    names = {1: "white_matter"} | {number: name for name, number in TO_ROAST.items()}
    rows = "\n".join(f'{number} = "{name}"' for number, name in names.items())
    (tmp_path / "sub.tissues.toml").write_text(f"[tissues]\n{rows}\n", encoding="utf-8")
    head = load_head(write(tmp_path / "sub.mgz", labels, affine))
    assert np.array_equal(head.labels, labels)
    assert centre_mm(head) == pytest.approx(SPOT_MM, abs=0.8)


def test_an_mgz_without_orientation_is_refused(tmp_path):
    labels, affine = marked(np.eye(3))
    path = write(tmp_path / "sub.mgz", labels, affine)
    content = bytearray(gzip.decompress(path.read_bytes()))
    content[28:30] = b"\0\0"
    path.write_bytes(gzip.compress(content))
    with pytest.raises(HeaderError, match="goodRASFlag"):
        load_head(tmp_path / "sub.mgz", tissues={1: "white_matter"})


def test_a_brain_alone_is_sent_to_head_build(tmp_path):
    labels, affine = marked(np.eye(3))
    labels = np.choose(labels, [0, 2, 41, 3, 42, 24]).astype(np.uint8)
    with pytest.raises(HeadError, match=r"without skull and scalp.*--brain aseg.mgz"):
        load_head(write(tmp_path / "aseg.mgz", labels, affine))


def test_head_import_writes_a_folder_that_loads(tmp_path, capsys):
    source = write(tmp_path / "sub_T1orT2_masks.nii", *marked(OBLIQUE))
    other = np.random.default_rng(0).uniform(1, 99, (60, 60, 60)).astype(np.float32)
    affine = np.diag([4.0, 4.0, 4.0, 1.0])
    affine[:3, 3] = -118
    scan = write(tmp_path / "T1.nii.gz", other, affine)
    out = tmp_path / "head"
    assert run(["head", "import", str(source), "--t1", str(scan), "--out", str(out)]) == 0
    assert "estimated from the shape of the head" in capsys.readouterr().out.replace("\n", " ")
    before, after = load_head(source), load_head(out)
    assert np.array_equal(before.labels, after.labels)
    assert np.allclose(before.affine, after.affine, atol=1e-4)
    assert after.t1 is not None
    assert after.t1.shape == after.labels.shape
    assert after.fiducial_origin == before.fiducial_origin, "an estimate is not turned into a measurement"
    assert after.warnings == before.warnings


def test_head_import_refuses_in_one_line(tmp_path, capsys):
    source = write(tmp_path / "sub_masks.nii", *marked(np.eye(3)))
    for wrong in (source, tmp_path / "nowhere.nii", tmp_path):
        assert run(["head", "import", str(wrong), "--out", str(tmp_path / "head")]) == 2
        assert len(capsys.readouterr().err.strip().splitlines()) == 1
        assert not (tmp_path / "head").exists()

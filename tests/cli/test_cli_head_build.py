"""`assuage head build` refuses before it works: one line, exit code 2, no folder."""

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from assuage.cli.app import run
from assuage.errors import HeadError

SHAPE = (60, 70, 60)
AFFINE = np.diag([3.0, 3.0, 3.0, 1.0])


def scan(path: Path, values: np.ndarray | None = None, affine: np.ndarray = AFFINE) -> Path:
    """Write a NIfTI of grey values with equal sform and qform."""
    random = np.random.default_rng(0)
    image = nib.Nifti1Image(random.uniform(0, 100, SHAPE).astype(np.float32) if values is None else values, affine)
    image.set_sform(affine, code=1)
    if np.allclose(affine[:3, :3] @ affine[:3, :3].T, np.diag(np.diag(affine[:3, :3] @ affine[:3, :3].T))):
        image.set_qform(affine, code=1)
    nib.save(image, path)
    return path


def refused(capsys: pytest.CaptureFixture[str], out: Path, *arguments: object) -> str:
    code = run(["head", "build", *map(str, arguments), "--out", str(out)])
    lines = capsys.readouterr().err.strip().splitlines()
    assert code == 2
    assert len(lines) == 1, lines
    assert not out.exists()
    return lines[0]


def test_no_file_a_folder_and_no_nifti(capsys, tmp_path) -> None:
    out = tmp_path / "head"
    assert "is no file" in refused(capsys, out, tmp_path / "T1.nii.gz")
    assert "dcm2niix" in refused(capsys, out, tmp_path)
    text = tmp_path / "T1.nii"
    text.write_text("no scan", encoding="utf-8")
    assert "cannot be read" in refused(capsys, out, text)


def test_values_that_are_no_scan(capsys, tmp_path) -> None:
    out = tmp_path / "head"
    mask = scan(tmp_path / "mask.nii.gz", (np.indices(SHAPE)[0] > 20).astype(np.float32))
    assert "mask or labels" in refused(capsys, out, mask)
    hole = np.random.default_rng(0).uniform(0, 100, SHAPE).astype(np.float32)
    hole[3, 3, 3] = np.nan
    assert "NaN" in refused(capsys, out, scan(tmp_path / "nan.nii.gz", hole))
    several = scan(tmp_path / "bold.nii.gz", np.random.default_rng(0).uniform(0, 9, (*SHAPE, 3)).astype(np.float32))
    assert "bold.nii.gz" in refused(capsys, out, several)


def test_a_sheared_header(capsys, tmp_path) -> None:
    sheared = AFFINE.copy()
    sheared[0, 1] = 0.6
    assert "shear" in refused(capsys, tmp_path / "head", scan(tmp_path / "T1.nii.gz", affine=sheared))


def test_sform_and_qform_that_disagree(capsys, tmp_path) -> None:
    path = scan(tmp_path / "T1.nii.gz")
    image = nib.load(path)
    moved = AFFINE.copy()
    moved[:3, 3] = 12
    image.set_sform(moved, code=1)
    other = tmp_path / "other.nii.gz"
    nib.save(image, other)
    assert "sform" in refused(capsys, tmp_path / "head", other)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--age", "abc"], "'abc'"),
        (["--age", "-3"], "no age in years"),
        (["--lesion-conductivity", "0.8"], "without --lesion"),
        (["--orientation", "oblique"], "oblique"),
        (["--t2", "no-such.nii.gz"], "no-such.nii.gz"),
    ],
)
def test_options_that_cannot_be(capsys, tmp_path, options, said) -> None:
    assert said in refused(capsys, tmp_path / "head", scan(tmp_path / "T1.nii.gz"), *options)


def test_a_lesion_needs_a_conductivity_and_the_grid_of_the_scan(capsys, tmp_path) -> None:
    t1, out = scan(tmp_path / "T1.nii.gz"), tmp_path / "head"
    lesion = scan(tmp_path / "lesion.nii.gz", np.ones(SHAPE, np.float32))
    assert "--lesion-conductivity" in refused(capsys, out, t1, "--lesion", lesion)
    small = scan(tmp_path / "small.nii.gz", np.ones((40, 40, 40), np.float32))
    assert "another grid" in refused(capsys, out, t1, "--lesion", small, "--lesion-conductivity", 0.8)
    empty = scan(tmp_path / "empty.nii.gz", np.zeros(SHAPE, np.float32))
    assert "empty" in refused(capsys, out, t1, "--lesion", empty, "--lesion-conductivity", 0.8)


def test_an_existing_folder_is_left_alone(capsys, tmp_path) -> None:
    t1, out = scan(tmp_path / "T1.nii.gz"), tmp_path / "head"
    out.mkdir()
    (out / "note.txt").write_text("mine", encoding="utf-8")
    code = run(["head", "build", str(t1), "--out", str(out)])
    assert code == 2
    assert "not empty" in capsys.readouterr().err
    assert [p.name for p in out.iterdir()] == ["note.txt"]


@pytest.mark.parametrize(("folder", "name"), [("sub-01/head", "sub-01"), ("sub-01_head", "sub-01_head")])
def test_a_folder_called_head_takes_the_name_above(capsys, tmp_path, monkeypatch, folder, name) -> None:
    def told(*_: object, **options: object) -> None:
        raise HeadError(f"the name is {options['name']};")

    monkeypatch.setattr("assuage.cli.build.build_head", told)
    (tmp_path / "sub-01").mkdir()
    assert f"the name is {name};" in refused(capsys, tmp_path / folder, scan(tmp_path / "T1.nii.gz"))

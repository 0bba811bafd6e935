"""A label of an atlas becomes the head's own grey matter there; wrong files, names and spaces are one line."""

from dataclasses import replace

import nibabel as nib
import numpy as np
import pytest

from assuage.cli.app import run
from assuage.errors import TargetError
from assuage.head.gallery import sphere_head
from assuage.head.mni import MniTransform
from assuage.targets import read_region
from assuage.targets.atlas import read_label_table

SHIFT_MM = np.array([4.0, -6.0, 2.0])


@pytest.fixture(scope="module")
def head():
    shift = np.eye(4)
    shift[:3, 3] = SHIFT_MM
    return replace(sphere_head(voxel_mm=4.0), mni=MniTransform.affine(shift))


@pytest.fixture
def atlas(tmp_path):
    """Left half 3, right half 402, in a cube of 4 mm voxels; and its two tables."""
    values = np.zeros((60, 60, 60), dtype=np.int16)
    values[:29], values[31:] = 3, 402
    affine = np.diag([4.0, 4.0, 4.0, 1.0])
    affine[:3, 3] = -4.0 * 29.5
    nib.save(nib.Nifti1Image(values, affine), tmp_path / "atlas.nii.gz")
    (tmp_path / "dseg.tsv").write_text("index\tname\tcolor\n3\tleft part\t#fff\n402\tright part\t#000\n")
    (tmp_path / "lut.txt").write_text("# a lookup table\n3 left 1 2 3 0\n402 right 4 5 6 0\n")
    return tmp_path


def test_the_label_is_the_grey_matter_on_its_side_in_either_space(atlas, head):
    region = read_region(atlas / "atlas.nii.gz", "left part", atlas / "dseg.tsv")
    own, mni = region.on(head, space="head"), region.on(head, space="mni")
    assert own.name == mni.name == "left part"
    grey = head.mask("grey_matter")
    for target, edge in ((own, -2.0), (mni, -2.0 - SHIFT_MM[0])):
        inside = np.argwhere(target.mask) @ head.affine[:3, :3].T + head.affine[:3, 3]
        assert (inside[:, 0] < edge + 2.0).all()
        assert not (target.mask & ~grey).any()
    assert own.mask.sum() > mni.mask.sum()


@pytest.mark.parametrize("table", ["dseg.tsv", "lut.txt"])
def test_both_kinds_of_table_name_the_same_labels(atlas, table):
    assert sorted(read_label_table(atlas / table)) == [3, 402]
    by_number = read_region(atlas / "atlas.nii.gz", "402")
    name = "right part" if table == "dseg.tsv" else "right"
    assert (read_region(atlas / "atlas.nii.gz", name.upper(), atlas / table).mask == by_number.mask).all()


@pytest.mark.parametrize(
    ("label", "table", "says"),
    [
        ("7", None, "no voxel with label 7; its labels are 3, 402"),
        ("left part", None, "add the table"),
        ("middle", "dseg.tsv", "is not in .*left part, right part"),
    ],
)
def test_a_label_that_is_not_there_is_refused(label, table, says, atlas):
    with pytest.raises(TargetError, match=says):
        read_region(atlas / "atlas.nii.gz", label, None if table is None else atlas / table)


def test_an_image_of_intensities_and_a_broken_table_are_refused(atlas, tmp_path):
    grey = np.random.default_rng(0).random((60, 60, 60))
    nib.save(nib.Nifti1Image(grey, np.diag([4.0, 4.0, 4.0, 1.0])), tmp_path / "t1.nii")
    with pytest.raises(TargetError, match="no whole numbers"):
        read_region(tmp_path / "t1.nii", "1")
    (tmp_path / "bad.tsv").write_text("index\tname\n3\n")
    with pytest.raises(TargetError, match="row 1 has no number and name"):
        read_region(atlas / "atlas.nii.gz", "left part", tmp_path / "bad.tsv")


def test_an_atlas_in_another_space_has_too_little_grey_matter(atlas, head):
    region = read_region(atlas / "atlas.nii.gz", "3")
    far = np.eye(4)
    far[:3, 3] = 500.0
    with pytest.raises(TargetError, match="0 voxels of grey matter"):
        region.on(replace(head, mni=MniTransform.affine(far)), space="mni")
    with pytest.raises(TargetError, match="no MNI registration"):
        region.on(replace(head, mni=None), space="mni")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--target", "atlas.nii.gz"), "add --label"),
        (("--target", "-44,40,29", "--label", "3"), "belongs to an atlas"),
        (("--target", "-44,40,29", "--label-table", "x.tsv"), "belongs to --label"),
        (("--target", "none.nii.gz", "--label", "3"), "cannot be read"),
    ],
)
def test_options_that_do_not_fit_are_refused_before_a_head_is_read(options, says, tmp_path, capsys):
    assert run(["plan", "--head", "colin27", *options, "--out", str(tmp_path / "plan")]) == 2
    assert says in capsys.readouterr().err
    assert not (tmp_path / "plan").exists()

"""`assuage plan --tensors`: what cannot be used stops in one line, what can is in the plan."""

import json
import sys
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from assuage.cli.app import run
from assuage.head import load_head
from assuage.head.gallery import sphere_head
from assuage.head.tensor_gallery import anatomy, scan_grid, write_tensors

SHELLS = ("white_matter", "grey_matter", "csf", "skull", "scalp")


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A sphere in a label file, and its tensors as FSL writes them."""
    folder = tmp_path_factory.mktemp("aniso")
    head = sphere_head(radii_mm=(60.0, 78.0, 80.0, 86.0, 92.0), tissues=SHELLS, voxel_mm=4.0, hard_labels=True)
    nib.save(nib.Nifti1Image(np.asarray(head.labels).astype(np.uint8), head.affine), folder / "head.nii.gz")
    rows = [f"{name} = {[float(x) for x in place]}" for name, place in head.given_fiducials_mm.items()]
    names = [f'{key} = "{name}"' for key, name in head.tissues.items()]
    text = "\n".join(["head_to_mni = [[1,0,0,0],[0,1,0,0],[0,0,1,0],[0,0,0,1]]", "[tissues]", *names, "[fiducials_mm]",
                      *rows])  # fmt: skip
    (folder / "head.tissues.toml").write_text(text + "\n", encoding="utf-8")
    loaded = load_head(folder / "head.nii.gz")
    affine, shape = scan_grid(loaded, 4.0, turn_deg=(5, -4, 6))
    write_tensors(folder / "dti.nii.gz", anatomy(loaded, affine, shape), affine)
    return folder


def ask(files: Path, out: Path, *more: str) -> int:
    typed = [
        "plan", "--head", str(files / "head.nii.gz"), "--target=-40,32,46", "--space", "head", "--techniques", "tdcs",
        "--voxel-mm", "8", "--out", str(out), *more,
    ]  # fmt: skip
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(sys, "argv", ["assuage", *typed])  # what the plan records as its command
        return run(typed)


def test_tensors_reach_the_plan_and_are_needed_to_read_it_back(files, tmp_path, capsys):
    out = tmp_path / "plan"
    given = ("--tensors", str(files / "dti.nii.gz"), "--tensor-order", "fsl", "--tensor-mapping", "direct")
    assert ask(files, out, *given) == 0
    plan = json.loads((out / "plan.json").read_text(encoding="utf-8"))
    found = plan["head"]["anisotropy"]
    assert (found["file"], found["order"], found["mapping"]) == ("dti.nii.gz", "fsl", "direct")
    assert found["isotropic_share"] < 0.01
    assert found["checks"]["continuity"] > found["checks"]["continuity_otherwise"] - 0.02
    assert plan["limits"][0].startswith("white matter is anisotropic by dti.nii.gz")
    assert "Conductivity tensors of white matter" in (out / "report.html").read_text(encoding="utf-8")
    capsys.readouterr()
    moved = files / "away.nii.gz"
    (files / "dti.nii.gz").rename(moved)
    electrodes = tmp_path / "caps.csv"
    electrodes.write_text("x,y,z\n", encoding="utf-8")
    try:
        assert run(["readback", "--electrodes", str(electrodes), "--plan", str(out)]) == 2
    finally:
        moved.rename(files / "dti.nii.gz")
    assert "the tensors of the plan" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (("--tensors", "{dti}"), "--tensor-order fsl|mrtrix|dipy|ants"),
        (("--tensor-order", "fsl"), "belongs to tensors; add --tensors FILE"),
        (("--tensor-mapping", "direct"), "belongs to tensors; add --tensors FILE"),
        (("--tensors", "{dti}", "--tensor-order", "spm"), "--tensor-order 'spm' is not known"),
        (("--tensors", "{dti}", "--tensor-order", "fsl", "--tensor-mapping", "x"), "--tensor-mapping 'x' is not known"),
        (("--tensors", "none.nii", "--tensor-order", "fsl"), "--tensors none.nii does not exist"),
        (("--tensors", "{dti}", "--tensor-order", "mrtrix"), "state that order if FSL dtifit"),
        (("--tensors", "{dti}", "--tensor-order", "fsl", "--tensor-frame", "voxel"), "state the frame"),
    ],
)
def test_what_cannot_be_used_stops_in_one_line(files, tmp_path, capsys, more, says):
    typed = [word.format(dti=files / "dti.nii.gz") for word in more]
    assert ask(files, tmp_path / "plan", *typed) == 2
    said = capsys.readouterr().err.strip()
    assert says in said.replace("\n", " ")
    assert not (tmp_path / "plan").exists()

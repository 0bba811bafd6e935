"""`assuage navigator` at the command line: a Localite session to Brainsight, and refusals of one line."""

import json

import nibabel as nib
import numpy as np
import pytest

from assuage.cli.app import run
from assuage.space import Marker, read_markers, write_markers
from assuage.space.pose import handle_words

POSE = np.array(
    [[-0.4698, 0.6470, 0.6006, -45], [0.4698, 0.7592, -0.4504, 45], [-0.7474, 0.0705, -0.6606, 60], [0, 0, 0, 1]]
)


@pytest.fixture
def markers(tmp_path):
    path = tmp_path / "markers.xml"
    write_markers(path, [Marker(name="dlPFC", pose=POSE)], format="localite-lps")
    return path


@pytest.fixture
def t1(tmp_path):
    affine = np.diag([4.0, 4.0, 4.0, 1.0])
    affine[:3, 3] = (-98.0, -118.0, -98.0)
    image = nib.Nifti1Image(np.zeros((50, 60, 50), np.uint8), affine)
    image.set_sform(affine, 2)
    image.set_qform(affine, 2)
    nib.save(image, tmp_path / "t1.nii.gz")
    return tmp_path / "t1.nii.gz"


def test_convert_says_what_to_set(markers, t1, tmp_path, capsys):
    out = tmp_path / "targets.txt"
    assert run(["navigator", "convert", str(markers), str(out), "--format", "brainsight", "--image", str(t1)]) == 0
    said = capsys.readouterr().out
    assert f"written: {out} (1 markers)" in said
    assert '"NIfTI:Aligned"' in said
    assert "not held against" not in said
    (again,) = read_markers(out)
    np.testing.assert_allclose(again.pose, POSE, atol=1e-4)


@pytest.mark.parametrize("form", ["localite-ras", "visor"])
def test_convert_for_machines(markers, t1, tmp_path, capsys, form):
    arguments = ["navigator", "convert", str(markers), str(tmp_path / "out"), "--format", form, "--image", str(t1)]
    assert run([*arguments, "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["format"] == form
    np.testing.assert_allclose(shown["markers"][0]["pose"], POSE)
    assert shown["markers"][0]["handle_points"] == "back and left"
    assert shown["loading"]


def test_show(markers, capsys):
    assert run(["navigator", "show", str(markers)]) == 0
    said = capsys.readouterr().out
    assert "coordinates LPS" in said
    assert "-45.0 45.0 60.0" in said
    assert "back and left" in said
    assert "1 markers, 0 points, 0 pulses" in said
    assert "not held against an image" in said


def test_show_pulses_counts_what_is_missing(tmp_path, capsys):
    unset = " ".join(f'data{r}{c}="{float(r == c)}"' for r in range(4) for c in range(4))
    pulse = f'<TriggerMarker recordingTime="1000" set="false"><Matrix4D {unset}/></TriggerMarker>'
    path = tmp_path / "pulses.xml"
    path.write_text(f'<TriggerMarkerList coordinateSpace="RAS">{pulse * 12}</TriggerMarkerList>', encoding="utf-8")
    assert run(["navigator", "show", str(path)]) == 0
    said = capsys.readouterr().out
    assert "12 of 12 pulses were not tracked" in said
    assert "dI/dt is missing for 12 of 12 pulses" in said
    assert "2 further pulses" in said
    assert run(["navigator", "show", str(path), "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert (shown["pulses_untracked"], shown["pulses_tracked"], len(shown["pulses"])) == (12, 0, 12)
    assert shown["pulses"][0] == {
        "name": "pulse 0", "tracked": False, "pose": None, "time_s": 1.0, "didt_A_per_s": None,
        "amplitude_percent": None,
    }  # fmt: skip


def test_refusals_are_one_line_and_leave_nothing(markers, tmp_path, capsys):
    out = tmp_path / "out.txt"
    for arguments, said in (
        (["convert", str(markers), str(out), "--format", "brainsight"], "give the T1"),
        (["convert", str(markers), str(out), "--format", "stmpx"], "stmpx"),
        (["convert", str(markers), str(markers), "--format", "localite-ras"], "exists"),
        (["convert", str(tmp_path / "none"), str(out), "--format", "visor"], "no such file"),
        (["show", str(tmp_path / "none")], "no such file"),
        (["show", str(markers), "--image", str(markers)], "cannot be read as NIfTI"),
    ):
        assert run(["navigator", *arguments]) == 2
        lines = capsys.readouterr().err.strip().splitlines()
        assert len(lines) == 1
        assert said in lines[0]
        assert not out.exists()


@pytest.mark.parametrize(
    ("handle", "words"),
    [
        ((0, -1, 0), "back"),
        ((-1, -1.2, 0), "back and left"),
        ((1, 1.1, 1.2), "up, front and right"),
        ((0, 0, -1), "down"),
    ],
)
def test_handle_words(handle, words):
    y = -np.array(handle, dtype=float) / np.linalg.norm(handle)
    z = np.cross(y, [0.3, 0.2, 0.9] if abs(y[2]) < 0.9 else [1, 0, 0])
    z /= np.linalg.norm(z)
    pose = np.eye(4)
    pose[:3, :3] = np.stack([np.cross(y, z), y, z], axis=1)
    assert handle_words(pose) == words

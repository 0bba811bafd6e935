"""Brainsight files: the test vector, columns by name, frames, missing values, and what is refused."""

import numpy as np
import pytest
from navigator_files import BRAINSIGHT, SAMPLES, SIMNIBS, TARGETS, brainsight, brainsight_row, t1

from assuage.errors import HeaderError, NavigatorError, PoseError
from assuage.space import Marker, read_markers, read_reference, read_session, write_markers


@pytest.fixture
def put(tmp_path):
    def write(text):
        path = tmp_path / "export.txt"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_the_test_vector_is_read(put):
    (marker,) = read_markers(put(brainsight(TARGETS, brainsight_row("dlPFC", BRAINSIGHT))))
    assert marker.name == "dlPFC"
    np.testing.assert_allclose(marker.pose, SIMNIBS, atol=1e-12)


def test_the_test_vector_is_written(tmp_path):
    image = read_reference(t1(tmp_path / "t1.nii.gz", sform=2, qform=2))
    said = write_markers(tmp_path / "out.txt", [Marker(name="dlPFC", pose=SIMNIBS)], format="brainsight", image=image)
    lines = (tmp_path / "out.txt").read_text(encoding="utf-8").splitlines()
    assert lines[:2] == ["# Version: 12", "# Coordinate system: NIfTI:Aligned"]
    assert lines[-2:] == [TARGETS, brainsight_row("dlPFC", BRAINSIGHT)]
    assert "NIfTI:Aligned" in " ".join(said)
    assert "t1.nii.gz" in " ".join(said)


@pytest.mark.parametrize(
    ("sform", "qform", "frame"),
    [(1, 1, "Scanner"), (2, 2, "Aligned"), (1, 2, "Aligned"), (2, 1, "Aligned"), (4, 0, "MNI-152"), (0, 1, "Scanner")],
)
def test_the_frame_is_named_by_the_codes(tmp_path, sform, qform, frame):
    image = read_reference(t1(tmp_path / "t1.nii.gz", sform=sform, qform=qform))
    assert image.frame_name == f"NIfTI:{frame}"


def test_qform_and_sform_that_differ_are_refused(tmp_path):
    image = read_reference(t1(tmp_path / "t1.nii.gz", shift_mm=0.5))
    with pytest.raises(HeaderError, match=r"qform .* and sform .* 0\.50 mm apart"):
        write_markers(tmp_path / "out.txt", [Marker(name="a", pose=SIMNIBS)], format="brainsight", image=image)
    assert not (tmp_path / "out.txt").exists()


def test_samples_are_pulses_by_the_names_of_the_columns(put):
    cells = brainsight_row("", BRAINSIGHT).lstrip("\t")
    text = brainsight(
        TARGETS,
        brainsight_row("T", BRAINSIGHT),
        SAMPLES,
        f"Sample 1\tSession 1\t1\t{cells}\t48\t2021-06-25\t11:48:47.500\t(null)",
        f"Sample 2\tSession 1\t2\t{cells}\t(null)\t2021-06-25\t11:48:52.750\t(null)",
        "Sample 3\tSession 1\t3\t" + "\t".join(["(null)"] * 12) + "\t50\t(null)\t(null)\t(null)",
        "# Planned Landmark Name\tLoc. X\tLoc. Y\tLoc. Z",
        "Nasion\t0.0\t83.0\t-40.0",
        "# Session Name\tDate",
        "Session 1\t2021-06-25",
    )
    session = read_session(put(text))
    assert [pulse.time_s for pulse in session.pulses] == [0.0, 5.25, None]
    assert [pulse.amplitude_percent for pulse in session.pulses] == [48.0, None, 50.0]
    assert [pulse.didt_A_per_s for pulse in session.pulses] == [None, None, None]
    assert (session.untracked_count, session.missing_didt_count) == (1, 3)
    assert session.started.startswith("2021-06-25 11:48:47.5")
    np.testing.assert_allclose(session.tracked[1].pose, SIMNIBS, atol=1e-12)
    assert [(point.name, point.kind) for point in session.points] == [("Nasion", "planned landmark")]


def test_columns_in_another_order_give_the_same_pose(put):
    names = TARGETS.removeprefix("# ").split("\t")
    cells = dict(zip(names, brainsight_row("x", BRAINSIGHT).split("\t"), strict=True))
    order = [names[0], *reversed(names[1:])]
    text = brainsight("# " + "\t".join(order), "\t".join(cells[name] for name in order))
    np.testing.assert_allclose(read_markers(put(text))[0].pose, SIMNIBS, atol=1e-12)


@pytest.mark.parametrize("frame", ["NIfTI:Q:Aligned", "NIfTI:S:Aligned", "NIfTI:Scanner", "NIfTI:MNI-152"])
@pytest.mark.parametrize("version", [7, 14, 99])
def test_versions_and_frames(put, frame, version):
    session = read_session(put(brainsight(TARGETS, brainsight_row("x", BRAINSIGHT), frame=frame, version=version)))
    assert (session.frame, session.version) == (frame, str(version))
    assert bool(session.notes) == (version == 99)


def test_three_decimals_are_read_and_said(put):
    turned = BRAINSIGHT.copy()
    turned[:3, 0] = (0.418, 0.907, 0.066)
    turned[:3, 1] = (-0.538, 0.189, 0.822)
    turned[:3, 2] = (0.731, -0.377, 0.567)
    session = read_session(put(brainsight(TARGETS, brainsight_row("x", turned, decimals=3))))
    assert "orthonormal" in session.notes[0]
    pose = session.markers[0].pose
    np.testing.assert_allclose(pose[:3, :3].T @ pose[:3, :3], np.eye(3), atol=1e-12)
    np.testing.assert_allclose(pose[:3, 1], turned[:3, 1], atol=1.5e-3)
    with pytest.raises(PoseError, match="not rigid"):
        read_session(put(brainsight(TARGETS, brainsight_row("x", turned, decimals=4))))


def test_the_frame_is_held_against_the_image(put, tmp_path):
    text = brainsight(TARGETS, brainsight_row("x", BRAINSIGHT), frame="NIfTI:Q:Aligned")
    fits = read_reference(t1(tmp_path / "a.nii.gz", sform=1, qform=2))
    assert len(read_markers(put(text), image=fits)) == 1
    with pytest.raises(HeaderError, match="qform_code 1"):
        read_session(put(text), image=read_reference(t1(tmp_path / "b.nii.gz", sform=2, qform=1)))


SHEARED = BRAINSIGHT + np.array([[0, 0.05, 0, 0]] + [[0] * 4] * 3)


@pytest.mark.parametrize(
    ("text", "error", "said"),
    [
        (brainsight(TARGETS, brainsight_row("x", SHEARED)), PoseError, "not rigid"),
        (brainsight(TARGETS, brainsight_row("x", BRAINSIGHT @ np.diag([-1, 1, 1, 1]))), PoseError, "mirrored"),
        (brainsight(TARGETS, "cut off\t1.0\t2.0"), NavigatorError, "3 columns instead of 13"),
        (
            brainsight(TARGETS, brainsight_row("x", BRAINSIGHT).replace("45.0", "4b.0")),
            NavigatorError,
            "not all numbers",
        ),
        (brainsight(TARGETS, brainsight_row("x", BRAINSIGHT).replace("60.0000", "inf")), NavigatorError, "infinity"),
        (brainsight(TARGETS, frame="Brainsight"), NavigatorError, "'Brainsight' is not the world of an image"),
        (brainsight(TARGETS, frame="World"), NavigatorError, "'World'"),
        (brainsight(TARGETS, units="# Units: metres"), NavigatorError, "'metres'"),
        (brainsight(TARGETS, units="# Other: x"), NavigatorError, "'not given'"),
        (brainsight(TARGETS), NavigatorError, "holds no coil marker"),
    ],
)
def test_what_would_be_misread_is_refused(put, text, error, said):
    with pytest.raises(error, match=said) as caught:
        read_markers(put(text))
    assert "\n" not in str(caught.value)


def test_metres_that_call_themselves_millimetres_are_refused(put):
    small = BRAINSIGHT.copy()
    small[:3, 3] /= 1000
    with pytest.raises(NavigatorError, match="metres; export in millimetres"):
        read_session(put(brainsight(TARGETS, brainsight_row("x", small))))


def test_targets_that_were_never_set_are_counted(put):
    unset = "\t".join(["empty", "0", "0", "0", "1", "0", "0", "0", "1", "0", "0", "0", "1"])
    session = read_session(put(brainsight(TARGETS, unset, brainsight_row("x", BRAINSIGHT))))
    assert (len(session.markers), session.unset_markers) == (1, 1)

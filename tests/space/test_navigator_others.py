"""visor2, InVesalius and SofTaxic files, and what all formats share."""

import json

import numpy as np
import pytest
from navigator_files import LOCALITE_RAS, SIMNIBS, instrument, instruments, t1
from scipy.spatial.transform import Rotation

from assuage.errors import HeaderError, NavigatorError, PoseError
from assuage.space import Marker, read_reference, read_session, write_markers
from assuage.space.navigator import open_words


@pytest.fixture
def put(tmp_path):
    def write(text):
        path = tmp_path / "file"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def mrk(tmp_path, **changes):
    image = read_reference(t1(tmp_path / "t1.nii.gz"))
    path = tmp_path / "made.mrk"
    write_markers(path, [Marker(name="a", pose=SIMNIBS)], format="visor", image=image, created_by="x 1")
    content = json.loads(path.read_text(encoding="utf-8"))
    content["TargetMarkers"][0]["CoilTarget"] |= changes
    path.unlink()
    return content, image


def test_visor_holds_the_pose_and_the_qform(tmp_path, put):
    content, image = mrk(tmp_path)
    target = content["TargetMarkers"][0]["CoilTarget"]
    assert target["CoilPose"]["RigidTransformMatrix4x4"] == SIMNIBS.tolist()
    assert target["CoilAxesConvention"] == "simnibs"
    info = content["Configuration"]["AssociatedImageInfo"]
    assert info == {"NIfTI_quatern": [0, 0, 0], "NIfTI_qoffset": [-96, -120, -96], "NIfTI_pixdim": [1, 3, 3, 3]}
    session = read_session(put(json.dumps(content)), image=image)
    np.testing.assert_array_equal(session.markers[0].pose, SIMNIBS)
    assert (session.software, session.version, session.notes) == ("x", "1", ())
    assert read_session(put(json.dumps(content))).notes


@pytest.mark.parametrize("key", ["NIfTI_quatern", "NIfTI_qoffset", "NIfTI_pixdim"])
def test_visor_stops_at_another_image(tmp_path, put, key):
    content, image = mrk(tmp_path)
    content["Configuration"]["AssociatedImageInfo"][key][1] += 0.01
    with pytest.raises(HeaderError, match=f"{key} is .* belong to another image"):
        read_session(put(json.dumps(content)), image=image)
    del content["Configuration"]["AssociatedImageInfo"][key]
    with pytest.raises(HeaderError, match=f"{key} is None"):
        read_session(put(json.dumps(content)), image=image)


@pytest.mark.parametrize(
    ("key", "value"),
    [("PositionalUnit", "m"), ("CoordinateSystem", "NLR"), ("CoilAxesConvention", "visor")],
)
def test_visor_refuses_another_convention(tmp_path, put, key, value):
    content, _ = mrk(tmp_path, **{key: value})
    with pytest.raises(NavigatorError, match=f"{key} is '{value}'"):
        read_session(put(json.dumps(content)))


def test_visor_refuses_broken_files(tmp_path, put):
    content, _ = mrk(tmp_path)
    with pytest.raises(NavigatorError, match="not a complete"):
        read_session(put(json.dumps(content)[:-40]))
    del content["TargetMarkers"][0]["CoilTarget"]["CoilPose"]
    with pytest.raises(NavigatorError, match="CoilPose"):
        read_session(put(json.dumps(content)))
    content, _ = mrk(tmp_path, CoilPose={"RigidTransformMatrix4x4": np.eye(4).tolist()})
    with pytest.raises(PoseError, match="identity"):
        read_session(put(json.dumps(content)))


def test_visor_needs_a_qform(tmp_path):
    image = read_reference(t1(tmp_path / "t1.nii.gz", sform=1, qform=0))
    with pytest.raises(HeaderError, match="has no qform"):
        write_markers(tmp_path / "a.mrk", [Marker(name="a", pose=SIMNIBS)], format="visor", image=image)


COLUMNS = (
    "x y z alpha beta gamma label marker_type is_tracked x_world y_world z_world alpha_world beta_world gamma_world"
)
FRONT_LEFT_OUT = np.array([[0.0, 1, 0], [1, 0, 0], [0, 0, -1]])


def mkss(*rows, columns=COLUMNS):
    names = columns.split()
    lines = ["##INVESALIUS3_MARKER_FILE_4", "\t".join(f'"{name}"' for name in names)]
    lines += ["\t".join(str(row.get(name, "None")) for name in names) for row in rows]
    return "\n".join(lines) + "\n"


def mkss_row(*, kind=3, degrees=True, label='"coil"', **changes):
    coil = SIMNIBS[:3, :3] @ FRONT_LEFT_OUT
    turns = Rotation.from_matrix(coil).as_euler("xyz", degrees=degrees)
    row = {"x": 1, "y": 2, "z": 3, "marker_type": kind, "is_tracked": "True", "label": label}
    row |= dict(zip(("x_world", "y_world", "z_world"), SIMNIBS[:3, 3], strict=True))
    row |= dict(zip(("alpha_world", "beta_world", "gamma_world"), turns, strict=True))
    row |= dict(zip(("alpha", "beta", "gamma"), turns, strict=True))
    return row | changes


def test_invesalius_axes_front_left_out_and_degrees(put):
    session = read_session(put(mkss(mkss_row(), mkss_row(kind=1, label='"LEI"', alpha=None), mkss_row(kind=4))))
    np.testing.assert_allclose(session.markers[0].pose, SIMNIBS, atol=1e-4)
    assert [(point.name, point.kind) for point in session.points] == [("LEI", "landmark")]
    np.testing.assert_allclose(session.pulses[0].pose, SIMNIBS, atol=1e-4)
    assert (session.version, session.missing_didt_count) == ("4", 1)
    assert "opposite to the front" in session.notes[1]


def test_invesalius_untracked(put):
    rows = [mkss_row(), mkss_row(kind=4, is_tracked="False"), mkss_row(kind=4, gamma=None)]
    assert read_session(put(mkss(*rows))).untracked_count == 2


def test_invesalius_before_types_were_written(put):
    columns = COLUMNS.replace("marker_type is_tracked ", "")
    rows = [mkss_row(), mkss_row(label='"NAI"'), mkss_row(label='"spot"', alpha=None)]
    session = read_session(put(mkss(*rows, columns=columns)))
    assert len(session.markers) == 1
    assert [point.kind for point in session.points] == ["fiducial", "landmark"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (mkss(mkss_row(degrees=False)), "degrees and radians cannot be told apart"),
        (mkss(mkss_row(x_world="N/A")), "x_world is missing"),
        (mkss(mkss_row(x_world="left")), "'left', not a number"),
        (mkss(mkss_row(kind=7)), "marker_type '7'"),
        (mkss(mkss_row(alpha=None)), "has no orientation"),
        (mkss(mkss_row(), columns=COLUMNS.replace("gamma_world", "")), "no column 'gamma_world'"),
        (mkss(mkss_row()) + "1\t2\n", "2 columns instead of 15"),
    ],
)
def test_invesalius_refuses(put, text, said):
    with pytest.raises(NavigatorError, match=said):
        read_session(put(text))


def stmpx(*, inward=1.0, brain_mm=40.0, extra="", axes=None):
    x, y, z = SIMNIBS[:3, 0], SIMNIBS[:3, 1], SIMNIBS[:3, 2]
    m = np.stack([y, -inward * x, inward * z], axis=1) if axes is None else axes
    brain = SIMNIBS[:3, 3] + brain_mm * z
    cells = " ".join(f'm{i}{j}="{m[i, j]:.6g}"' for i in range(3) for j in range(3))
    place = "".join(f' {a}="{v}"' for a, v in zip("xyz", SIMNIBS[:3, 3], strict=True))
    where = "".join(f' {a}="{v}"' for a, v in zip("xyz", brain, strict=True))
    inner = f"<b{where}/>" if brain_mm else ""
    return (
        f'<!DOCTYPE stmp>\n<stmp><fmpm dataset="D1"><fmp id="P001" global="0"><fp id="1" ts="5" {cells}{place}>'
        f"{inner}</fp>{extra}</fmp></fmpm></stmp>"
    )


@pytest.mark.parametrize("inward", [1.0, -1.0])
def test_softaxic_is_decided_by_the_brain_point(put, inward):
    session = read_session(put(stmpx(inward=inward, extra='<fp id="2"/>')))
    np.testing.assert_allclose(session.markers[0].pose, SIMNIBS, atol=1e-12)
    assert (session.markers[0].name, session.unset_markers) == ("P001", 1)


def test_softaxic_refuses_what_is_not_decided(put):
    with pytest.raises(NavigatorError, match="names no point of the brain"):
        read_session(put(stmpx(brain_mm=0)))
    crossed = np.stack([SIMNIBS[:3, 2], SIMNIBS[:3, 0], SIMNIBS[:3, 1]], axis=1)
    with pytest.raises(NavigatorError, match=r"cosine .* is -?0\.00"):
        read_session(put(stmpx(axes=crossed)))
    with pytest.raises(PoseError, match="identity"):
        read_session(put(stmpx(axes=np.eye(3))))
    with pytest.raises(PoseError, match="not rigid"):
        read_session(put(stmpx(axes=np.stack([SIMNIBS[:3, 1] * 1.1, -SIMNIBS[:3, 0], SIMNIBS[:3, 2]], axis=1))))


def test_unknown_files_are_refused_in_one_line(tmp_path, put):
    with pytest.raises(NavigatorError, match="is no navigator file that is known"):
        read_session(put("hello"))
    with pytest.raises(NavigatorError, match="not UTF-8 text"):
        read_session(t1(tmp_path / "t1.nii.gz"))
    with pytest.raises(NavigatorError, match="is a folder"):
        read_session(tmp_path)
    with pytest.raises(NavigatorError, match="no such file"):
        read_session(tmp_path / "nothing.txt")


def test_writing_refuses(tmp_path):
    marker = Marker(name="a", pose=SIMNIBS)
    with pytest.raises(NavigatorError, match="no marker to write"):
        write_markers(tmp_path / "a", [], format="localite-ras")
    with pytest.raises(NavigatorError, match="two markers are called 'a'"):
        write_markers(tmp_path / "a", [marker, marker], format="localite-ras")
    for form in ("brainsight", "visor"):
        with pytest.raises(NavigatorError, match="give the T1"):
            write_markers(tmp_path / "a", [marker], format=form)
    write_markers(tmp_path / "a", [marker], format="localite-ras")
    with pytest.raises(NavigatorError, match="exists and is not replaced"):
        write_markers(tmp_path / "a", [marker], format="localite-ras")
    with pytest.raises(NavigatorError, match="cannot write"):
        write_markers(tmp_path / "none" / "a", [marker], format="localite-ras")
    with pytest.raises(NavigatorError, match="format 'stmpx' is not written"):
        write_markers(tmp_path / "b", [marker], format="stmpx", image=read_reference(t1(tmp_path / "t1.nii.gz")))


def test_marker_records_are_checked():
    with pytest.raises(PoseError, match="'a' is the identity"):
        Marker(name="a", pose=np.eye(4))
    for name in ("", "a\tb", "# a", "(null)", " a"):
        with pytest.raises(NavigatorError, match="marker name"):
            Marker(name=name, pose=SIMNIBS)


def test_open_words(put):
    session = read_session(put(instruments(instrument("b", LOCALITE_RAS), instrument("a", np.eye(4), is_set="false"))))
    assert list(open_words(session)) == ["1 markers were never set and are left out"]


def test_reference_refuses_what_is_no_image(tmp_path, put):
    with pytest.raises(HeaderError, match="cannot be read as NIfTI"):
        read_reference(put("hello"))
    with pytest.raises(HeaderError, match="no orientation"):
        read_reference(t1(tmp_path / "t1.nii.gz", sform=0, qform=0))

"""Localite files: test vectors in RAS and LPS, untracked pulses, missing dI/dt, residuals, and what is refused."""

import numpy as np
import pytest
from navigator_files import (
    LOCALITE_LPS,
    LOCALITE_RAS,
    SIMNIBS,
    instrument,
    instruments,
    t1,
    trigger,
    triggers,
)

from assuage.errors import NavigatorError, PoseError
from assuage.space import Marker, read_markers, read_reference, read_session, write_markers


@pytest.fixture
def put(tmp_path):
    def write(text, name="markers.xml"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    return write


@pytest.mark.parametrize(("space", "matrix"), [("RAS", LOCALITE_RAS), ("LPS", LOCALITE_LPS)])
def test_the_test_vectors(put, tmp_path, space, matrix):
    (marker,) = read_markers(put(instruments(instrument("dlPFC", matrix), space=f'coordinateSpace="{space}"')))
    np.testing.assert_allclose(marker.pose, SIMNIBS, atol=1e-12)
    said = write_markers(tmp_path / "out.xml", [marker], format=f"localite-{space.lower()}")
    assert ("NIfTI" if space == "RAS" else "DICOM") in said[0]
    written = (tmp_path / "out.xml").read_bytes()
    assert b"\r" not in written
    assert f'coordinateSpace="{space}"'.encode() in written
    assert f'data00="{matrix[0, 0]}"'.encode() in written
    (again,) = read_markers(tmp_path / "out.xml")
    np.testing.assert_array_equal(again.pose, marker.pose)


def test_names_survive_xml(tmp_path):
    names = ['left "M1" & <right>', "Stirn links für F3"]
    write_markers(tmp_path / "a.xml", [Marker(name=name, pose=SIMNIBS) for name in names], format="localite-ras")
    assert [marker.name for marker in read_markers(tmp_path / "a.xml")] == names


def test_pulses(put):
    zeros = np.zeros((4, 4))
    zeros[3, 3] = 1
    session = read_session(
        put(
            triggers(
                trigger(LOCALITE_RAS, ms=1500, didt="62.0"),
                trigger(np.eye(4), ms=2500, didt="62.0", is_set="false"),
                trigger(np.eye(4), ms=3500, didt="62.0"),
                trigger(zeros, ms=4500, didt="62.0"),
                trigger(LOCALITE_RAS, ms=5500, didt="62.0", is_set="false"),
                trigger(LOCALITE_RAS, ms=6500, didt="NaN"),
                trigger(LOCALITE_RAS, ms=7500, didt="0.0"),
                trigger(LOCALITE_RAS, ms=8500, didt=None, percent="NaN"),
            )
        )
    )
    assert session.started == "17:06:40.58"
    assert [pulse.tracked for pulse in session.pulses] == [True, False, False, False, False, True, True, True]
    assert session.untracked_count == 4
    np.testing.assert_allclose([pulse.time_s for pulse in session.pulses], np.arange(1.5, 9))
    assert [pulse.didt_A_per_s for pulse in session.pulses] == [62e6] * 5 + [None] * 3
    assert session.missing_didt_count == 3
    assert [pulse.amplitude_percent for pulse in session.pulses] == [45.0] * 7 + [None]
    np.testing.assert_allclose(session.pulses[0].pose, SIMNIBS, atol=1e-12)


def test_didt_without_a_unit_is_missing(put):
    session = read_session(put(triggers(trigger(LOCALITE_RAS, ms=0, didt="62.0"), unit="")))
    assert session.pulses[0].didt_A_per_s is None
    assert "unit" in session.notes[0]


def test_entry_and_target_are_points_in_ras(put):
    def place(kind, name, x):
        where = f'<ColVec3D data0="{x}" data1="-45" data2="60"/>'
        return f'<{kind}><Marker description="{name}" set="true">{where}</Marker></{kind}>'

    pair = place("Entry", "skin", 45) + place("Target", "cortex", 30)
    text = f'<EntryTargetList coordinateSpace="LPS">{pair}</EntryTargetList>'
    session = read_session(put(text))
    assert [(point.kind, point.name, *point.position_mm) for point in session.points] == [
        ("entry", "skin", -45, 45, 60),
        ("target", "cortex", -30, 45, 60),
    ]
    assert "turned" in session.notes[0]


def test_residuals_are_those_of_the_last_registration_before_the_file(put):
    put(
        "Landmark registration\nRMS: 3,22 mm\n",
        "Registrations/LocatorRegistrations/TransformationRMS20210409165000000.txt",
    )
    put("RMS 5.65 mm", "Registrations/LocatorRegistrations/TransformationRMS20210409180000000.txt")
    text = triggers(trigger(LOCALITE_RAS, ms=0, didt="62.0"))
    assert read_session(put(text, "TMSTrigger/TriggerMarkers_Coil0_20210409170817799.xml")).residuals_mm == (3.22,)
    assert read_session(put(text, "TMSTrigger/TriggerMarkers_Coil0_20210409190000000.xml")).residuals_mm == (5.65,)
    assert read_session(put(text, "TMSTrigger/TriggerMarkers_Coil0_20210409160000000.xml")).residuals_mm == ()
    alone = read_session(put("Marker RMS\n 3.22 mm\n 5.65 mm\n", "TransformationRMS.txt"))
    assert alone.residuals_mm == (3.22, 5.65)


def test_markers_that_were_never_set_are_counted(put):
    session = read_session(put(instruments(instrument("a", np.eye(4), is_set="false"), instrument("b", LOCALITE_RAS))))
    assert ([marker.name for marker in session.markers], session.unset_markers) == (["b"], 1)


SHEARED = LOCALITE_RAS + np.array([[0, 0.01, 0, 0]] + [[0] * 4] * 3)
NESTED = instrument("a", LOCALITE_RAS).replace("<Marker ", '<Marker coordinateSpace="LPS" ')


@pytest.mark.parametrize(
    ("text", "error", "said"),
    [
        (instruments(instrument("a", SHEARED)), PoseError, "marker 'a': .* not rigid"),
        (instruments(instrument("a", np.eye(4))), PoseError, "'a' is the identity matrix"),
        (instruments(instrument("a", np.zeros((4, 4)))), PoseError, "'a' is the identity matrix"),
        (instruments(instrument("a", LOCALITE_RAS @ np.diag([1, -1, 1, 1]))), PoseError, "mirrored"),
        (instruments(instrument("a", LOCALITE_RAS), space=""), NavigatorError, "coordinateSpace is None"),
        (instruments(instrument("a", LOCALITE_RAS), space='coordinateSpace="LAS"'), NavigatorError, "'LAS'"),
        (instruments(NESTED), NavigatorError, "mixes coordinate spaces LPS and RAS"),
        (instruments(instrument("a", LOCALITE_RAS).replace("Matrix4D", "M")), NavigatorError, "no Matrix4D"),
        (instruments(instrument("a", LOCALITE_RAS).replace('data13="45.0"', "")), NavigatorError, "data13 is None"),
        (instruments(instrument("a", LOCALITE_RAS))[:-9], NavigatorError, "not well-formed"),
        (triggers(trigger(LOCALITE_RAS, ms=0, didt="62"), unit='unit="V"'), NavigatorError, "dI/dt is in 'V'"),
        ("<!DOCTYPE a [<!ENTITY b 'c'>]><InstrumentMarkerList/>", NavigatorError, "entities"),
        ("<x><InstrumentMarkerList coordinateSpace='RAS'/></x>", NavigatorError, "is a x"),
        (triggers(), NavigatorError, "holds no coil marker"),
    ],
)
def test_what_would_be_misread_is_refused(put, text, error, said):
    with pytest.raises(error, match=said) as caught:
        read_markers(put(text))
    assert "\n" not in str(caught.value)


def test_a_coil_turned_by_180_degrees_is_stopped_by_the_image(put, tmp_path):
    image = read_reference(t1(tmp_path / "t1.nii.gz"))
    good = instruments(instrument("a", LOCALITE_RAS))
    assert len(read_markers(put(good), image=image)) == 1
    about_handle = np.diag([-1.0, -1.0, 1.0, 1.0])
    about_handle[:2, :2] = [[-1, 0], [0, 1]]
    about_handle[2, 2] = -1
    turned = instruments(instrument("a", LOCALITE_RAS @ about_handle))
    assert len(read_markers(put(turned))) == 1, "without an image nothing tells where the head is"
    with pytest.raises(PoseError, match=r"'a' at -45\.0 45\.0 60\.0 mm faces away from the head in t1\.nii\.gz"):
        read_markers(put(turned), image=image)
    pulse = triggers(trigger(LOCALITE_RAS @ about_handle, ms=0, didt="1"))
    with pytest.raises(PoseError, match="faces away"):
        read_session(put(pulse), image=image)


def test_a_coil_of_another_image_is_stopped(put, tmp_path):
    image = read_reference(t1(tmp_path / "t1.nii.gz"))
    far = LOCALITE_RAS.copy()
    far[0, 3] = -200
    with pytest.raises(PoseError, match=r"lies 1\d\d mm outside t1\.nii\.gz"):
        read_session(put(instruments(instrument("a", far))), image=image)

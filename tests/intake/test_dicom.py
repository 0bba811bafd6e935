"""DICOM in: the world coordinates survive, one series is chosen or none, and nobody's name is kept."""

import json
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from build_requests import request
from dicom_files import HOSPITAL, LANDMARK, NAME, OBLIQUE, PERSON, T1, T2, write_series

from assuage.cli.app import run
from assuage.cli.scans import scans_of
from assuage.errors import DataError, HeaderError
from assuage.intake import Identity, facts, refuse_two_people
from assuage.intake import dicom as converting
from assuage.intake.dicom import kind_of
from assuage.segmentation import read_scan

NAMES = (NAME, "Quillon", PERSON, HOSPITAL, "2010-01-15", "20100115")
FLAT = {"shape": (256, 256, 176), "voxel_mm": (1.0, 1.0, 1.0)}


def test_a_landmark_of_an_oblique_scan_keeps_its_place(tmp_path):
    folder = write_series(tmp_path / "dicom")
    with scans_of(request(tmp_path, t1=folder)) as scans:
        scan = read_scan(scans.t1)
    found = np.argwhere(scan.values > 900).mean(0)
    expected_mm = OBLIQUE @ [*LANDMARK, 1]
    assert scan.affine @ [*found, 1] == pytest.approx(expected_mm, abs=1e-3)
    assert not (tmp_path / scans.t1.parent).exists(), "the converted files are gone"


def test_the_same_dicom_gives_the_same_bytes(tmp_path):
    folder = write_series(tmp_path / "dicom")
    made = []
    for _ in range(2):
        with scans_of(request(tmp_path, t1=folder)) as scans:
            made.append(read_scan(scans.t1).sha256)
    assert made[0] == made[1], "an interrupted build would not find its steps"


def test_the_head_knows_the_scan_and_not_the_person(tmp_path):
    folder = write_series(tmp_path / "dicom")
    kept = tmp_path / "kept"
    kept.mkdir()
    with scans_of(request(tmp_path, t1=folder)) as scans:
        metadata = scans.noted_in({"warnings": [], "origin": f"built from {scans.t1.name}"})
        scans.keep(kept)
    assert scans.age_years == 16
    assert metadata["acquisition"]["t1"]["EchoTime"] == pytest.approx(0.0023)
    assert metadata["acquisition"]["t1"]["SeriesDescription"] == "t1_mprage_sag"
    written = [json.dumps(metadata), (kept / "source_T1.json").read_text(encoding="utf-8")]
    image = nib.load(kept / "source_T1.nii.gz")
    written.append(image.header.binaryblock.decode("latin-1"))
    for text in written:
        assert not [name for name in NAMES if name in text]
    assert len(image.header.extensions) == 0


def test_t1_and_t2_are_told_apart_in_one_folder(tmp_path):
    folder = write_series(tmp_path / "dicom")
    write_series(folder, number=5, **T2)
    write_series(folder, number=7, **{**T2, "SeriesDescription": "t2_flair_sag"})
    with scans_of(request(tmp_path, t1=folder, t2=folder)) as scans:
        assert scans.acquisition["t1"]["SeriesNumber"] == 3
        assert scans.acquisition["t2"]["SeriesNumber"] == 5
        assert scans.t2 is not None
        assert scans.t1 != scans.t2
        assert scans.notes == ()


def test_two_t1_are_listed_and_one_is_named(tmp_path):
    folder = write_series(tmp_path / "dicom")
    write_series(folder, number=4, **{**T1, "SeriesDescription": "t1_mprage_repeat"})
    with (
        pytest.raises(DataError, match=r"holds 2 series that are surely") as refusal,
        scans_of(request(tmp_path, t1=folder)),
    ):
        pass
    assert all(part in str(refusal.value) for part in ('3 "t1_mprage_sag"', '4 "t1_mprage_repeat"', "--series 3"))
    with scans_of(request(tmp_path, t1=folder, series="4")) as scans:
        assert scans.acquisition["t1"]["SeriesDescription"] == "t1_mprage_repeat"
    with pytest.raises(DataError, match="no series 9"), scans_of(request(tmp_path, t1=folder, series="9")):
        pass


def test_scans_of_two_people_are_refused(tmp_path):
    first = write_series(tmp_path / "a")
    second = write_series(tmp_path / "b", person="MRN5", **T2)
    with (
        pytest.raises(DataError, match="two people: patient ID") as refusal,
        scans_of(request(tmp_path, t1=first, t2=second)),
    ):
        pass
    assert "MRN" not in str(refusal.value)
    mixed = write_series(tmp_path / "a", person="MRN5", number=8, **T2)
    with pytest.raises(DataError, match="several people"), scans_of(request(tmp_path, t1=mixed)):
        pass


def test_another_day_is_said(tmp_path):
    first = write_series(tmp_path / "a")
    second = write_series(tmp_path / "b", day="20260309", **T2)
    with scans_of(request(tmp_path, t1=first, t2=second)) as scans:
        (note,) = scans.notes
    assert "different days" in note


def test_a_t2_as_nifti_with_a_sidecar_is_held_against_the_dicom(tmp_path):
    folder = write_series(tmp_path / "a")
    (tmp_path / "T2.json").write_text('{"PatientID": "MRN5"}', encoding="utf-8")
    with (
        pytest.raises(DataError, match="two people"),
        scans_of(request(tmp_path, t1=folder, t2=tmp_path / "T2.nii.gz")),
    ):
        pass


def test_labels_of_two_participants_are_refused(tmp_path):
    files = {"t1": tmp_path / "sub-01_T1w.nii.gz", "t2": tmp_path / "sub-02_T2w.nii.gz"}
    with pytest.raises(DataError, match="two participants"), scans_of(request(tmp_path, **files)):
        pass


def test_a_label_is_kept_with_the_head(tmp_path):
    with scans_of(request(tmp_path, t1=tmp_path / "T1.nii.gz", participant="sub-07")) as scans:
        assert scans.noted_in({"warnings": []})["participant"] == "07"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "neither of T1 and --bids"),
        ({"t1": "T1.nii.gz", "series": "3"}, "--series 3 belongs to a folder of DICOM"),
        ({"t1": "T1.nii.gz", "session": "1"}, "--session 1 belongs to --bids"),
        ({"bids": Path("study")}, "--bids study without --participant"),
        ({"t1": "sub-01_T1w.nii.gz", "participant": "02"}, "two participants"),
        ({"t1": "sub-01_desc-brain_T1w.nii.gz"}, "skull-stripped"),
    ],
)
def test_options_that_contradict_each_other(tmp_path, options, said):
    paths = {key: tmp_path / value if key == "t1" else value for key, value in options.items()}
    with pytest.raises((DataError, HeaderError), match=said), scans_of(request(tmp_path, **paths)):
        pass


def test_one_line_where_there_is_no_dicom_and_no_converter(tmp_path, capsys, monkeypatch):
    (tmp_path / "empty").mkdir()
    arguments = ["head", "build", str(tmp_path / "empty"), "--out", str(tmp_path / "head")]
    assert run(arguments) == 2
    assert "gave no image" in capsys.readouterr().err
    monkeypatch.setattr(converting.importlib.util, "find_spec", lambda _name: None)
    monkeypatch.setattr(converting.shutil, "which", lambda _name: None)
    assert run(arguments) == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1
    assert "assuage[dicom]" in lines[0]
    assert [path.name for path in tmp_path.iterdir()] == ["empty"]


@pytest.mark.parametrize(
    ("sidecar", "kind"),
    [
        ({"SeriesDescription": "Sag MPRAGE"}, "T1"),
        ({"SeriesDescription": "FSPGR BRAVO", "EchoTime": 0.003}, "T1"),
        ({"SeriesDescription": "T2 CUBE", "EchoTime": 0.09}, "T2"),
        ({"SeriesDescription": "T2 FLAIR CUBE", "EchoTime": 0.12}, None),
        ({"SeriesDescription": "t1_mprage_post_gad"}, None),
        ({"SeriesDescription": "t1_mprage", "ImageType": ["DERIVED", "SECONDARY", "MPR"]}, None),
        ({"SeriesDescription": "t1_tse", "EchoTime": 0.09}, None),
        ({"SeriesDescription": "anat", "ScanningSequence": "GR\\IR", "MRAcquisitionType": "3D", "EchoTime": 0.003,
          "InversionTime": 0.9}, "T1"),
        ({"SeriesDescription": "anat"}, None),
        ({"SeriesDescription": "t1_t2_map"}, None),
    ],
)  # fmt: skip
def test_what_counts_as_t1_and_t2(sidecar, kind):
    assert kind_of(sidecar, **FLAT) == kind


def test_a_stack_of_slices_and_a_slab_are_no_head():
    named = {"SeriesDescription": "t1_mprage"}
    assert kind_of(named, (256, 256, 40), (0.9, 0.9, 4.0)) is None
    assert kind_of(named, (256, 256, 60), (1.0, 1.0, 1.0)) is None
    assert kind_of(named, (256, 256, 176, 2), (1.0, 1.0, 1.0)) is None


def test_a_description_with_the_persons_name_is_left_out():
    assert "SeriesDescription" not in facts({"SeriesDescription": "t1 QUILLON", "PatientName": NAME})
    assert facts({"SeriesDescription": "t1", "PatientName": NAME, "InstitutionName": HOSPITAL}) == {
        "SeriesDescription": "t1"
    }


def test_what_is_not_known_contradicts_nothing():
    known, unknown = Identity.of("a", {"PatientID": "1"}), Identity.of("b", {"PatientSex": "F", "PatientID": " "})
    assert refuse_two_people(known, unknown) is None

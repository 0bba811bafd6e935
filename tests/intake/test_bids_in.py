"""Files of a BIDS dataset by participant: one answer or a line that lists them; never a derivative T1."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from build_requests import request
from connectivity.bold_example import head, write_bold

from assuage.cli import target
from assuage.cli.app import run
from assuage.cli.scans import scans_of
from assuage.errors import DataError
from assuage.intake import find_anatomy, find_recording, participant_in
from assuage.intake.bids import parsed


def touch(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"")


def describe(root: Path, kind: str) -> None:
    root.mkdir(parents=True, exist_ok=True)
    (root / "dataset_description.json").write_text(json.dumps({"DatasetType": kind}), encoding="utf-8")


@pytest.fixture
def raw(tmp_path) -> Path:
    root = tmp_path / "study"
    describe(root, "raw")
    touch(root, "sub-01/anat/sub-01_T1w.nii.gz", "sub-01/anat/sub-01_T1w.json", "sub-01/anat/sub-01_T2w.nii.gz",
          "sub-02/ses-a/anat/sub-02_ses-a_T1w.nii", "sub-02/ses-b/anat/sub-02_ses-b_T1w.nii.gz",
          "sub-03/anat/sub-03_run-1_T1w.nii.gz", "sub-03/anat/sub-03_run-2_T1w.nii.gz",
          "sub-04/anat/sub-04_desc-brain_T1w.nii.gz", "sub-04/anat/sub-04_space-MNI_T1w.nii.gz")  # fmt: skip
    (root / "participants.tsv").write_text(
        "participant_id\tage\tsex\nsub-01\t16\tF\nsub-02\tn/a\tM\nsub-03\t89+\tF\n", encoding="utf-8"
    )
    return root


@pytest.fixture
def fmriprep(tmp_path) -> Path:
    root = tmp_path / "fmriprep"
    describe(root, "derivative")
    names = []
    for space in ("T1w", "MNI152NLin2009cAsym"):
        stem = f"sub-01/func/sub-01_task-rest_space-{space}"
        names += [
            f"{stem}_desc-preproc_bold.nii.gz",
            f"{stem}_desc-brain_mask.nii.gz",
            f"{stem}_desc-preproc_bold.json",
        ]
    touch(root, *names, "sub-01/func/sub-01_task-rest_desc-confounds_timeseries.tsv")
    return root


def test_names_in_parts():
    found = parsed(Path("sub-01_ses-1_task-rest_space-T1w_desc-preproc_bold.nii.gz"))
    assert found is not None
    assert found.entities == {"sub": "01", "ses": "1", "task": "rest", "space": "T1w", "desc": "preproc"}
    assert (found.suffix, found.extension) == ("bold", ".nii.gz")
    assert participant_in("sub-01_T1w.nii.gz") == "01"
    assert participant_in("T1.nii.gz") is None
    assert participant_in("subject_head.nii.gz") is None


def test_t1_t2_and_age(raw):
    found = find_anatomy(raw, "sub-01")
    assert (found.t1.name, found.t2 and found.t2.name) == ("sub-01_T1w.nii.gz", "sub-01_T2w.nii.gz")
    assert found.age_years == 16
    assert found.participant == "01"


def test_sessions(raw):
    with pytest.raises(DataError, match="2 sessions; choose with --session: a, b"):
        find_anatomy(raw, "02")
    found = find_anatomy(raw, "02", "ses-b")
    assert found.t1.name == "sub-02_ses-b_T1w.nii.gz"
    assert found.age_years is None
    with pytest.raises(DataError, match="no session 'c'; there are: a, b"):
        find_anatomy(raw, "02", "c")


def test_several_t1_are_listed(raw):
    with pytest.raises(DataError, match=r"sub-03_run-1_T1w.nii.gz, sub-03_run-2_T1w.nii.gz"):
        find_anatomy(raw, "03")


def test_a_derived_t1_is_no_answer(raw, fmriprep):
    with pytest.raises(DataError, match="holds no T1w"):
        find_anatomy(raw, "04")
    with pytest.raises(DataError, match="derivatives"):
        find_anatomy(fmriprep, "01")


def test_an_unknown_participant_and_no_dataset(raw, tmp_path):
    with pytest.raises(DataError, match="no participant '9'; there are: 01, 02, 03, 04"):
        find_anatomy(raw, "9")
    with pytest.raises(DataError, match="is no folder"):
        find_anatomy(tmp_path / "nowhere", "01")


def test_an_age_that_is_no_number_of_years(raw):
    touch(raw, "sub-03/anat/x")
    (raw / "sub-03/anat/sub-03_run-2_T1w.nii.gz").unlink()
    with pytest.raises(DataError, match=r"'89\+'.*--age"):
        find_anatomy(raw, "03")
    assert find_anatomy(raw, "03", with_age=False).age_years is None
    (raw / "participants.json").write_text('{"age": {"Units": "months"}}', encoding="utf-8")
    with pytest.raises(DataError, match="'months', not in years"):
        find_anatomy(raw, "01")


def test_the_scans_of_a_head_build(raw, tmp_path):
    with scans_of(request(tmp_path, bids=raw, participant="01")) as scans:
        assert (scans.t1.name, scans.age_years, scans.participant) == ("sub-01_T1w.nii.gz", 16, "01")
        assert scans.noted_in({"warnings": []})["participant"] == "01"
    with scans_of(request(tmp_path, bids=raw, participant="01", age_years=15.0)) as scans:
        assert scans.age_years == 15


def test_a_run_with_what_belongs_to_it(fmriprep):
    found = find_recording(fmriprep, "01")
    assert "space-T1w" in found.bold.name
    assert found.mask.name == "sub-01_task-rest_space-T1w_desc-brain_mask.nii.gz"
    assert found.confounds.name == "sub-01_task-rest_desc-confounds_timeseries.tsv"
    assert "MNI152" in find_recording(fmriprep, "01", space="mni").mask.name


def test_a_raw_dataset_knows_its_derivatives(raw, fmriprep):
    shutil.copytree(fmriprep, raw / "derivatives" / "fmriprep")
    assert find_recording(raw, "01").bold.is_relative_to(raw / "derivatives" / "fmriprep")


def test_what_is_missing_is_named(fmriprep):
    (fmriprep / "sub-01/func/sub-01_task-rest_space-T1w_desc-brain_mask.nii.gz").unlink()
    with pytest.raises(DataError, match=r"lacks desc-brain_mask.nii.gz in the same space beside it"):
        find_recording(fmriprep, "01")
    (fmriprep / "sub-01/func/sub-01_task-rest_desc-confounds_timeseries.tsv").unlink()
    with pytest.raises(DataError, match=r"lacks desc-confounds_timeseries.tsv and desc-brain_mask"):
        find_recording(fmriprep, "01")
    (fmriprep / "sub-01/func/sub-01_task-rest_space-T1w_desc-preproc_bold.nii.gz").unlink()
    with pytest.raises(DataError, match="no BOLD in space-T1w, only in MNI152NLin2009cAsym"):
        find_recording(fmriprep, "01", space="head")
    with pytest.raises(DataError, match="no desc-preproc_bold task-nback"):
        find_recording(fmriprep, "01", task="nback")


def test_several_runs_are_listed(fmriprep):
    touch(fmriprep, "sub-01/func/sub-01_task-nback_space-T1w_desc-preproc_bold.nii.gz")
    with pytest.raises(DataError, match=r"2 files that could be the BOLD run: .*nback.*rest.*--task"):
        find_recording(fmriprep, "01")
    assert "rest" in find_recording(fmriprep, "01", task="task-rest").bold.name


def test_target_from_a_dataset(tmp_path, monkeypatch, capsys):
    root = tmp_path / "fmriprep"
    describe(root, "derivative")
    func = root / "sub-01" / "func"
    func.mkdir(parents=True)
    write_bold(func, name="sub-01_task-rest_space-T1w_desc-preproc_bold")
    (func / "confounds.tsv").rename(func / "sub-01_task-rest_desc-confounds_timeseries.tsv")
    asked = ["target", "--bids", str(root), "--participant", "01", "--head", "made", "--circuit", "emotion_regulation"]
    other = replace(head(), metadata={"participant": "02"})
    monkeypatch.setattr(target, "load", lambda _name, _tissues: other)
    assert run([*asked, "--out", str(tmp_path / "out")]) == 2
    assert "is of participant 02" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
    monkeypatch.setattr(target, "load", lambda _name, _tissues: head())
    assert run([*asked, "--out", str(tmp_path / "out")]) == 0
    record = json.loads((tmp_path / "out" / "target.json").read_text(encoding="utf-8"))
    assert "sub-01_task-rest_desc-confounds_timeseries.tsv" in json.dumps(record)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ([], "neither of --bold and --bids"),
        (["--bold", "x.nii.gz", "--task", "rest"], "--task rest belongs to --bids"),
        (["--bids", "x"], "belong together"),
    ],
)
def test_options_of_target_that_contradict_each_other(tmp_path, capsys, options, said):
    asked = ["target", "--head", "colin27", "--circuit", "emotion_regulation", "--out", str(tmp_path / "out"), *options]
    assert run(asked) == 2
    assert said in capsys.readouterr().err

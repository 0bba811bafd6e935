"""Bad input: exit code 2, one line on stderr that says what, the value and the way out, and nothing on disk."""

import os
import signal
import threading

import nibabel as nib
import numpy as np
import pytest

from assuage.cli.app import run
from assuage.cli.refusal import EXIT_DEFECT, EXIT_INTERRUPTED, EXIT_TERMINATED, guarded
from assuage.errors import SolverError


@pytest.fixture
def labels(tmp_path):
    """A label image without names for its labels."""
    data = np.zeros((60, 60, 60), np.uint8)
    data[5:55, 5:55, 5:55] = 7
    path = tmp_path / "labels.nii.gz"
    nib.save(nib.Nifti1Image(data, np.diag([3.0, 3.0, 3.0, 1.0])), path)
    return path


def refused(arguments, capsys):
    code = run([str(argument) for argument in arguments])
    output = capsys.readouterr()
    assert code == 2
    assert output.out == ""
    lines = output.err.strip().splitlines()
    assert len(lines) == 1, output.err
    assert lines[0].startswith("assuage: ")
    return lines[0]


PLAN = ["plan", "--head", "colin27", "--out", "OUT"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nonsense"], "nonsense"),
        (["plan"], "Missing option '--head'; write for example assuage plan --head colin27 --circuit"),
        (["plan", "--head", "colin27"], "--out"),
        ([*PLAN], "neither of --circuit and --target"),
        ([*PLAN, "--circuit", "pain", "--target", "1,2,3"], "both of --circuit and --target"),
        ([*PLAN, "--target", "-44,40"], "'-44,40' is not three numbers"),
        ([*PLAN, "--target", "a,b,c"], "'a,b,c'"),
        ([*PLAN, "--target", "nan,0,0"], "nan"),
        ([*PLAN, "--target", "1,2,3", "--space", "talairach"], "talairach"),
        ([*PLAN, "--target", "1,2,3", "--region", "amygdala"], "--circuit"),
        ([*PLAN, "--circuit", "pain", "--space", "mni"], "--target"),
        ([*PLAN, "--circuit", "pain", "--voxel-mm", "0"], "--voxel-mm 0 "),
        ([*PLAN, "--circuit", "pain", "--voxel-mm", "nan"], "--voxel-mm nan"),
        ([*PLAN, "--circuit", "pain", "--voxel-mm", "fine"], "fine"),
        ([*PLAN, "--circuit", "pain", "--radius-mm", "500"], "--radius-mm 500"),
        ([*PLAN, "--circuit", "pain", "--hair-mm", "-5"], "--hair-mm -5"),
        ([*PLAN, "--circuit", "pain", "--hair-mm", "nan"], "--hair-mm nan"),
        ([*PLAN, "--circuit", "pain", "--seed", "-1"], "--seed -1"),
        ([*PLAN, "--circuit", "pain", "--age", "abc"], "'abc' is not a number; write for example 16"),
        ([*PLAN, "--circuit", "pain", "--age", "150"], "--age 150 is no age in years"),
        ([*PLAN, "--circuit", "pain", "--motor-threshold", "0A/us"], "is 0 A/us (0 A/s); give 1 to 1000 A/us"),
        (
            [*PLAN, "--circuit", "pain", "--motor-threshold", "65A/us", "--techniques", "tdcs,ti"],
            "--motor-threshold belongs to rTMS or theta burst, and no technique of this plan uses the coil (tdcs, ti)",
        ),
        (
            [*PLAN, "--circuit", "pain", "--coil-dose", "mt", "--hotspot-side", "right", "--techniques", "tdcs"],
            "--coil-dose, --hotspot-side belong to rTMS",
        ),
        ([*PLAN, "--circuit", "pain", "--weights", "focality=-1"], "focality=-1"),
        ([*PLAN, "--circuit", "pain", "--weights", "focality=nan"], "focality=nan"),
        ([*PLAN, "--circuit", "pain", "--weights", "focality=0,burden=0"], "focality=0,burden=0"),
        ([*PLAN, "--circuit", "pain", "--weights", "burden=1,burden=2"], "'burden' twice"),
        ([*PLAN, "--circuit", "pain", "--hotspot-side", "right"], "stays the hand area of the left hemisphere"),
        ([*PLAN, "--circuit", "pain", "--hotspot-side", "up"], "'up' is no side"),
        ([*PLAN, "--circuit", "pain", "--techniques", ","], "--techniques"),
        ([*PLAN, "--circuit", "pain", "--coil", "no-such.ccd"], "no-such.ccd"),
        ([*PLAN, "--circuit", "pain", "--colour", "red"], "--colour"),
        (["plan", "--head", "no-such.nii.gz", "--circuit", "pain", "--out", "OUT"], "no-such.nii.gz"),
        (["circuits", "--circuit", "sleep"], "emotion_regulation"),
        (["head", "show", "no-such.nii.gz"], "no-such.nii.gz"),
    ],
)
def test_bad_input_is_refused_in_one_line(arguments, said, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert said in refused(arguments, capsys)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_refused_before_the_work(capsys, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("", encoding="utf-8")
    monkeypatch.setattr("assuage.cli.planning.load", lambda *_: pytest.fail("the head was loaded"))
    line = refused(["plan", "--head", "colin27", "--circuit", "pain", "--out", tmp_path / "file" / "plan"], capsys)
    assert "file" in line
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_labels_without_names_are_not_guessed(labels, capsys, tmp_path):
    line = refused(["head", "show", labels, "--out", tmp_path / "qc"], capsys)
    assert "7" in line
    assert not (tmp_path / "qc").exists()


@pytest.mark.parametrize("text", ["tissues = [", "[tissues]\nskin = 'scalp'", "tissues = 3"])
def test_a_broken_table_of_names_is_refused(text, labels, capsys, tmp_path):
    table = tmp_path / "names.toml"
    table.write_text(text, encoding="utf-8")
    assert "names.toml does not name labels" in refused(["head", "show", labels, "--tissues", table], capsys)


def test_an_output_folder_that_is_in_use_is_left_alone(capsys, tmp_path):
    (tmp_path / "thesis.txt").write_text("precious", encoding="utf-8")
    for extra in ([], ["--force"]):
        command = ["plan", "--head", "colin27", "--circuit", "pain", "--out", tmp_path, *extra]
        assert str(tmp_path) in refused(command, capsys)
    assert (tmp_path / "thesis.txt").read_text(encoding="utf-8") == "precious"
    assert len(list(tmp_path.iterdir())) == 1


def test_an_earlier_plan_is_kept_without_force(capsys, tmp_path):
    (tmp_path / "plan.json").write_text("{}", encoding="utf-8")
    assert "already holds a plan" in refused(
        ["plan", "--head", "colin27", "--circuit", "pain", "--out", tmp_path], capsys
    )


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (SolverError("no convergence:\n residual 3e-2; use 2 mm"), "no convergence: residual 3e-2; use 2 mm"),
        (FileNotFoundError(2, "No such file", "x.ccd"), "no such file or folder: x.ccd"),
        (PermissionError(13, "Permission denied", "/x"), "not allowed to read or write /x"),
        (OSError(28, "No space left on device", "/x"), "No space left on device: /x"),
        (MemoryError(), "--voxel-mm"),
    ],
)  # fmt: skip
def test_every_refusal_is_one_line(error, said, capsys):
    def fail():
        raise error

    assert guarded(fail) == 2
    assert said in capsys.readouterr().err


def test_a_defect_is_called_a_defect(capsys, monkeypatch):
    monkeypatch.delenv("ASSUAGE_TRACEBACK", raising=False)

    def fail():
        raise ZeroDivisionError("division by zero")

    assert guarded(fail) == EXIT_DEFECT
    assert capsys.readouterr().err.count("\n") == 1
    monkeypatch.setenv("ASSUAGE_TRACEBACK", "1")
    with pytest.raises(ZeroDivisionError):
        guarded(fail)


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, EXIT_INTERRUPTED), (signal.SIGTERM, EXIT_TERMINATED)], ids=["int", "term"]
)
def test_an_interruption_is_one_line(number, code, capsys):
    def wait():
        threading.Timer(0.05, os.kill, (os.getpid(), number)).start()
        threading.Event().wait(20)

    assert guarded(wait) == code
    assert capsys.readouterr().err == "assuage: interrupted; nothing half-written was left behind\n"

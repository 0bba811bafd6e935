"""`assuage person`: three commands in order, refused early, kept when nothing changed."""

import json
import sys
from pathlib import Path

import pytest

from assuage.cli.app import run
from assuage.cli.person import RECORD_FILE, Request, make, steps_of
from assuage.errors import DataError


class Recorder:
    """Stands for the command line: notes the words and sys.argv, and fills the folder."""

    def __init__(self) -> None:
        self.ran: list[list[str]] = []
        self.typed: list[list[str]] = []
        self.fail_at = ""

    def __call__(self, words: list[str]) -> None:
        if "--dry-run" in words:
            return
        if words[0] == self.fail_at:
            raise DataError("no")
        self.ran.append(words)
        self.typed.append(sys.argv)
        folder = Path(words[words.index("--out") + 1])
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "made").write_text("x", encoding="utf-8")


@pytest.fixture
def request_of(tmp_path):
    (tmp_path / "T1.nii.gz").write_bytes(b"t1")
    (tmp_path / "bold.nii.gz").write_bytes(b"bold")

    def build(**given) -> Request:
        whole = dict.fromkeys(Request.__slots__) | {
            "t1": tmp_path / "T1.nii.gz",
            "circuit": "reward",
            "out": tmp_path / "sub",
            "for_plan": (),
        }
        return Request(**(whole | given))

    return build


def test_without_bold_the_plan_is_for_the_circuit(request_of):
    head, plan = steps_of(request_of(age_years=15, for_plan=("--techniques", "tms")))
    assert head.words[:2] == ("head", "build")
    assert head.words[3:5] == ("--age", "15")
    assert "--circuit" in plan.words
    assert plan.words[-5:-3] == ("--techniques", "tms")


def test_with_bold_the_plan_is_for_the_persons_own_target(request_of, tmp_path):
    _, target, plan = steps_of(request_of(bold=tmp_path / "bold.nii.gz", method="peak"))
    assert target.words[target.words.index("--method") + 1] == "peak"
    assert plan.words[plan.words.index("--target") + 1] == str(tmp_path / "sub" / "target" / "target.json")


def test_every_step_records_its_own_words(request_of, tmp_path):
    command, before = Recorder(), list(sys.argv)
    found = make(request_of(bold=tmp_path / "bold.nii.gz"), command)
    assert [words[0] for words in command.ran] == ["head", "target", "plan"]
    assert [typed[1:] for typed in command.typed] == command.ran
    assert sys.argv == before
    assert found["report"].endswith("report.html")


def test_what_is_done_is_kept_and_what_failed_goes_on(request_of, tmp_path):
    command = Recorder()
    command.fail_at = "target"
    asked = request_of(bold=tmp_path / "bold.nii.gz")
    with pytest.raises(DataError):
        make(asked, command)
    command.fail_at = ""
    make(asked, command)
    assert [words[0] for words in command.ran] == ["head", "target", "plan"]
    make(asked, command)
    assert len(command.ran) == 3
    make(request_of(bold=tmp_path / "bold.nii.gz", for_plan=("--techniques", "tms")), command)
    assert [words[0] for words in command.ran[3:]] == ["plan"]


def test_a_signed_head_is_planned_again(request_of, tmp_path):
    command = Recorder()
    make(request_of(), command)
    (tmp_path / "sub" / "head" / "signoff.json").write_text("{}", encoding="utf-8")
    make(request_of(), command)
    assert [words[0] for words in command.ran] == ["head", "plan", "plan"]


@pytest.mark.parametrize("change", ["another scan", "another option"])
def test_a_head_of_something_else_is_not_taken(request_of, tmp_path, change):
    command = Recorder()
    make(request_of(), command)
    if change == "another scan":
        (tmp_path / "T1.nii.gz").write_bytes(b"another")
    with pytest.raises(DataError, match="was made from other files or options"):
        make(request_of(age_years=None if change == "another scan" else 12.0), command)
    assert len(command.ran) == 2


def test_another_version_does_not_take_what_was_made(request_of, tmp_path):
    make(request_of(), Recorder())
    path = tmp_path / "sub" / RECORD_FILE
    path.write_text(json.dumps(json.loads(path.read_text()) | {"assuage": "0"}), encoding="utf-8")
    with pytest.raises(DataError, match="was made from other"):
        make(request_of(), Recorder())


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ([], "neither of T1 and --bids"),
        (["T1.nii.gz", "--task", "rest"], "belongs to --bids"),
        (["T1.nii.gz", "--confounds", "c.tsv"], "belongs to BOLD"),
        (["missing.nii.gz"], "no such file or folder: missing.nii.gz"),
        (["T1.nii.gz", "--bold", "missing.nii.gz"], "missing.nii.gz"),
        (["T1.nii.gz", "--", "--head", "colin27"], "--head behind -- is set by assuage person"),
        (["T1.nii.gz", "--", "--techniques", "tss"], "technique 'tss' is unknown"),
    ],
)
def test_refused_in_one_line_before_a_head_is_built(options, said, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("T1.nii.gz").write_bytes(b"no image")
    positional, own, plan = [], options, []
    if "--" in options:
        at = options.index("--")
        own, plan = options[:at], options[at:]
    assert run(["person", *positional, *own, "--circuit", "reward", "--out", "sub", *plan]) == 2
    error = capsys.readouterr().err.strip()
    assert said in error
    assert "\n" not in error
    assert not Path("sub").exists()

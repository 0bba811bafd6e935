import json
import subprocess
import sys
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assuage import __version__
from assuage.circuits import circuit_names, load_circuit
from assuage.cli import doctor
from assuage.cli.app import run
from assuage.cli.head import read_tissues
from assuage.cli.output import fresh_directory
from assuage.cli.plan_request import parse_point
from assuage.cli.progress import StepProgress
from assuage.errors import AssuageError

COMMANDS = [
    ["plan"], ["head", "show"], ["circuits"], ["doctor"], ["check"], ["navigator", "show"], ["navigator", "convert"],
    ["head", "build"], ["head", "import"], ["target"], ["export", "bids"],
]  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_explains_itself_with_an_example(command, capsys):
    assert run([*command, "--help"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "Example: assuage " + " ".join(command) in shown
    assert "--json" in shown


def test_version(capsys):
    assert run(["--version"]) == 0
    assert capsys.readouterr().out == f"assuage {__version__}\n"


def test_no_arguments_show_the_commands(capsys):
    assert run([]) == 2
    output = capsys.readouterr()
    assert "circuits" in output.out + output.err


def test_circuits_name_regions_without_centroid(capsys):
    assert run(["circuits", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert [entry["circuit"] for entry in shown] == list(circuit_names())
    for entry in shown:
        circuit = load_circuit(entry["circuit"])
        assert entry["without_centroid"] == [region.label for region in circuit.without_centroid]
        assert all(region["centroid_source"] for region in entry["regions"] if region["mni_mm"])
    assert run(["circuits", "--circuit", "pain_processing"]) == 0
    assert "no centroid in the literature read: periaqueductal grey" in capsys.readouterr().out


def test_doctor_looks_at_everything(capsys):
    code = run(["doctor", "--json"])
    shown = json.loads(capsys.readouterr().out)
    assert code == (0 if shown["ok"] else 1)
    names = {finding["name"] for finding in shown["findings"]}
    assert {"python", "numpy", "memory", "cores", "kernel cache", "embedded head", "viewer script", "test"} <= names
    for finding in shown["findings"]:
        assert finding["ok"] or finding["remedy"], finding


def test_doctor_says_how_to_get_what_is_missing(monkeypatch, capsys):
    monkeypatch.setattr(doctor, "_version_of", lambda name: None if name in {"scipy", "pyamg"} else "1.0")
    assert run(["doctor"]) == 1
    shown = capsys.readouterr().out
    assert 'python -m pip install "scipy' in shown
    assert "pip install -e '.[bench]'" in shown
    assert "1 required part(s) missing" in shown


@given(st.tuples(*[st.floats(-200, 200)] * 3), st.sampled_from([",", ", ", " ", "  "]))
def test_coordinates_parse_with_their_sign(point, between):
    assert parse_point(between.join(repr(x) for x in point)) == point


@pytest.mark.parametrize("text", ["", "1,2", "1,2,3,4", "1,2,x", "inf,0,0", "1,2,99999"])
def test_what_is_no_coordinate_is_refused(text):
    with pytest.raises(AssuageError, match="--target"):
        parse_point(text)


def test_tissue_names_are_read_with_and_without_a_table(tmp_path):
    toml, flat, js = tmp_path / "a.toml", tmp_path / "b.toml", tmp_path / "c.json"
    toml.write_text('[tissues]\n1 = "white_matter"\n12 = "lesion"\n', encoding="utf-8")
    flat.write_text('1 = "white_matter"\n12 = "lesion"\n', encoding="utf-8")
    js.write_text('{"1": "white_matter", "12": "lesion"}', encoding="utf-8")
    assert read_tissues(toml) == read_tissues(flat) == read_tissues(js) == ({1: "white_matter", 12: "lesion"}, {})
    toml.write_text('[tissues]\n12 = "lesion"\n[conductivity_S_per_m]\nlesion = 0.8\n', encoding="utf-8")
    assert read_tissues(toml) == ({12: "lesion"}, {"lesion": 0.8})
    toml.write_text('[tissues]\n12 = "lesion"\n[conductivity]\nlesion = 0.8\n', encoding="utf-8")
    with pytest.raises(AssuageError, match="conductivity is not known here"):
        read_tissues(toml)


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_a_folder_appears_whole_or_not_at_all(error, tmp_path):
    def half(folder):
        (folder / "half").write_text("x", encoding="utf-8")
        raise error

    with pytest.raises(error), fresh_directory(tmp_path / "out") as folder:
        half(folder)
    assert list(tmp_path.iterdir()) == []
    with fresh_directory(tmp_path / "deep" / "out") as folder:
        (folder / "whole").write_text("x", encoding="utf-8")
        assert not (tmp_path / "deep" / "out").exists()
    assert [p.name for p in (tmp_path / "deep").iterdir()] == ["out"]
    with pytest.raises(AssuageError, match="not empty"), fresh_directory(tmp_path / "deep"):
        pass


def test_progress_goes_to_stderr_one_line_a_step(capsys):
    with StepProgress() as progress:
        for fraction in (0.0, 0.1, 0.2):
            progress("set up", fraction)
        progress("solve", 0.5)
    output = capsys.readouterr()
    assert output.out == ""
    assert [line.split("%  ")[1] for line in output.err.splitlines()] == ["set up", "solve"]


def test_help_is_quick():
    start = time.perf_counter()
    subprocess.run([sys.executable, "-m", "assuage.cli", "--help"], check=True, capture_output=True)
    assert time.perf_counter() - start < 3.0  # measured 0.3 s; the margin is for a loaded machine
    code = (
        "import sys, assuage.cli.app as a; a.run(['--help']);"
        "print([m for m in ('numpy','numba','scipy','matplotlib') if m in sys.modules])"
    )
    shown = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert shown.splitlines()[-1] == "[]"

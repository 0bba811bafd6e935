"""`assuage evidence nma` from end to end: JSON, tables, pictures, words, and one line for what cannot be."""

import csv
import json
import re
import subprocess
import sys

import pytest
from network_cases import DATA

from assuage.cli.app import run

SENN, DOGLIOTTI = str(DATA / "senn2013.csv"), str(DATA / "dogliotti2014.csv")


def words_in(picture):
    """Return the words of a drawing, whose letters are outlines: they stand beside them as comments."""
    return "\n".join(re.findall(r"<!-- (.*?) -->", picture.read_text(encoding="utf-8")))


def said(capsys, *arguments):
    assert run(["evidence", "nma", *arguments]) == 0
    return capsys.readouterr().out


def test_json_holds_what_a_checker_looks_for(capsys):
    found = json.loads(said(capsys, SENN, "--reference", "placebo", "--json", "--bayes", "normal"))
    assert (found["n_studies"], found["n_treatments"], found["n_designs"]) == (26, 10, 15)
    assert found["n_pairwise_comparisons"] == 28
    assert found["tau2"] == pytest.approx(0.10871, abs=1e-5)
    row = next(r for r in found["random"]["against_reference"] if r["treatment"] == "metformin")
    assert row["estimate"] == pytest.approx(-1.1268, abs=5e-5)
    assert row["ci_low"] < row["estimate"] < row["ci_high"]
    assert row["prediction"][0] < row["ci_low"]
    assert len(found["random"]["league"]) == len(found["common"]["league"]) == 45
    assert len(found["random"]["covariance"]["matrix"]) == 9
    assert found["random"]["ranks"][0]["treatment"] == "rosiglitazone"
    assert {"transitivity", "confidence", "study_weights", "bayes", "inconsistency"} <= found.keys()


def test_ratios_are_given_as_such(capsys):
    found = json.loads(said(capsys, DOGLIOTTI, "--reference", "VKAs", "--json", "--method", "REML"))
    row = next(r for r in found["random"]["against_reference"] if r["treatment"] == "Aspirin")
    assert found["scale"] == "log"
    assert row["ratio"] == pytest.approx(2.718281828459045 ** row["estimate"])
    assert row["se_observed"] >= row["se"]
    assert found["excluded"] == [{"study": "WASPO, 2007", "why": "no event in any arm"}]


def test_the_common_effect_alone(capsys):
    found = json.loads(said(capsys, SENN, "--method", "common", "--json"))
    assert (found["random"], found["tau2"]) == (None, None)
    assert found["reference"] == "placebo"


def test_capitals_of_options_do_not_matter(capsys):
    found = json.loads(said(capsys, SENN, "--method", "reml", "--measure", "md", "--reference", "Placebo", "--json"))
    assert (found["method"], found["measure"], found["reference"]) == ("REML", "MD", "placebo")


@pytest.mark.parametrize(("called", "means"), [("FE", "common"), ("fixed", "common"), ("random", "DL")])
def test_other_names_of_methods(capsys, called, means):
    assert json.loads(said(capsys, SENN, "--method", called, "--json"))["method"] == means


def test_words_where_direct_and_indirect_evidence_differ(capsys, tmp_path):
    path = tmp_path / "loop.csv"
    rows = ["one,A,B,-0.9,0.1", "two,B,C,-0.8,0.1", "three,A,C,0.4,0.1"]
    path.write_text("\n".join(["study,treat1,treat2,TE,seTE", *rows]), encoding="utf-8")
    assert "differ (p < 0.10): A - B (p < 0.0001)" in said(capsys, str(path), "--method", "common")


def test_words(capsys):
    text = said(capsys, SENN, "--reference", "placebo")
    assert "26 studies, 10 treatments, 15 designs; MD, random effects, tau^2 by DL" in text
    assert "Q 96.98, df 18, p < 0.0001" in text
    assert "small values were taken as desirable" in text
    assert "small values were taken" not in said(capsys, SENN, "--small-values", "undesirable")
    assert len(text.splitlines()) < 25


def test_tables_and_pictures(capsys, tmp_path):
    out, plots = tmp_path / "nma", tmp_path / "pictures"
    said(capsys, DOGLIOTTI, "--out", str(out), "--plots", str(plots))
    names = {
        "nma.json",
        "league_table.csv",
        "league.csv",
        "ranks.csv",
        "node_splits.csv",
        "transitivity.csv",
        "confidence.csv",
    }
    assert {path.name for path in out.iterdir()} == names
    with (out / "league.csv").open(encoding="utf-8") as file:
        assert len(list(csv.DictReader(file))) == 28
    with (out / "league_table.csv").open(encoding="utf-8") as file:
        square = {row["treatment"]: row for row in csv.DictReader(file)}
    assert next(iter(square)) == "Dabigatran 150mg"
    assert square["Aspirin"]["Aspirin"] == ""
    assert square["Aspirin"]["VKAs"] == "1.854 (1.522 to 2.26)"
    assert square["VKAs"]["Aspirin"] == "1.702 (1.324 to 2.187)"
    assert square["Dabigatran 150mg"]["Placebo/Control"] == ""
    pictures = {f"{name}.{kind}" for name in ("network", "forest", "ranks") for kind in ("svg", "png")}
    assert {path.name for path in plots.iterdir()} == pictures
    texts = words_in(plots / "network.svg")
    assert "19 studies, 8 treatments" in texts
    assert "n = 28,672" in texts
    assert "Odds ratio against VKAs" in words_in(plots / "forest.svg")


def test_pictures_without_counts_of_people_or_random_effects(capsys, tmp_path):
    said(capsys, str(DATA / "triangle.csv"), "--measure", "RR", "--method", "common", "--plots", str(tmp_path / "p"))
    texts = words_in(tmp_path / "p" / "forest.svg")
    assert "common effect, 95 % interval" in texts
    assert "Risk ratio against DrugA" in texts
    assert "n =" not in words_in(tmp_path / "p" / "network.svg")


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["nowhere.csv"], "no such file"),
        ([SENN, "--measure", "OR"], "--measure OR cannot be made of"),
        ([SENN, "--reference", "water"], "--reference 'water'"),
        ([SENN, "--level", "wide"], "'wide' is not a number"),
        ([SENN, "--columns", "events"], "is not role=name"),
        ([SENN, "--bayes-prior", "uniform:5"], "is without --bayes"),
        ([SENN, "--bayes", "gibbs"], "--bayes 'gibbs' is not known"),
        ([SENN, "--bayes", "binomial"], "--bayes binomial needs arms with events"),
        ([SENN, "--important", "-2"], "--important -2"),
        ([SENN, "--out", "x", "--plots", "x"], "name two folders"),
    ],
)
def test_refusals(capsys, tmp_path, monkeypatch, arguments, text):
    monkeypatch.chdir(tmp_path)
    assert run(["evidence", "nma", *arguments]) == 2
    output = capsys.readouterr()
    assert output.out == ""
    assert len(output.err.strip().splitlines()) == 1
    assert text in output.err
    assert list(tmp_path.iterdir()) == []


def test_a_filled_folder_is_left_alone(capsys, tmp_path):
    (tmp_path / "kept.txt").write_text("mine", encoding="utf-8")
    assert run(["evidence", "nma", SENN, "--out", str(tmp_path)]) == 2
    assert "is not empty" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["kept.txt"]


def test_help_loads_no_numbers():
    code = (
        "import sys\nfrom assuage.cli.app import run\nrun(['evidence', 'nma', '--help'])\n"
        "print([m for m in ('numpy', 'scipy', 'matplotlib') if m in sys.modules], file=sys.stderr)"
    )
    shown = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert shown.stderr.strip() == "[]"
    assert "trials.csv" in shown.stdout

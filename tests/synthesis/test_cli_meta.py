"""`assuage evidence meta` end to end."""

import json
from pathlib import Path

import pytest

from assuage.cli.app import run

DATA = Path(__file__).parent / "data"
BCG = str(DATA / "colditz1994.csv")


def document(capsys, *arguments):
    assert run(["evidence", "meta", *arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_json_holds_every_figure(capsys):
    d = document(capsys, BCG, "--measure", "RR")
    assert d["k"] == 13
    assert d["estimate"] == pytest.approx(-0.7145, abs=5e-5)
    assert d["back_transformed"]["estimate"] == pytest.approx(0.4894, abs=5e-5)
    assert d["tau2_ci"] == pytest.approx([0.1197, 1.1115], abs=6e-5)
    assert d["prediction_interval"]["df"] is None
    assert set(d["by_method"]) == {"EE", "REML", "ML", "DL", "PM", "EB", "HE", "HS", "SJ"}
    assert set(d["by_test"]) == {"z", "t", "hk", "hk-adhoc"}
    assert len(d["studies"]) == len(d["influence"]) == 13
    assert sum(study["weight_percent"] for study in d["studies"]) == pytest.approx(100)
    assert {fit["method"] for fit in d["mantel_haenszel_and_peto"]} == {"MH"}
    assert d["trim_and_fill"]["L0"]["missing"] == 1
    assert "NaN" not in json.dumps(d)


def test_subgroups_and_regression(capsys):
    d = document(capsys, BCG, "--measure", "RR", "--subgroup", "alloc")
    assert [group["k"] for group in d["subgroups"]["groups"]] == [2, 7, 4]
    assert d["subgroups"]["between_separate_tau2"]["df"] == 2
    regression = document(capsys, BCG, "--measure", "RR", "--moderators", "alloc", "--test", "hk")
    assert regression["moderator_test"]["kind"] == "F"
    assert [row["name"] for row in regression["coefficients"]] == ["intercept", "alloc=random", "alloc=systematic"]
    assert regression["prediction_interval"] is None


def test_common_tau2_between_groups_is_the_omnibus_test_of_a_regression(capsys):
    d = document(capsys, BCG, "--measure", "RR", "--subgroup", "alloc")
    regression = document(capsys, BCG, "--measure", "RR", "--moderators", "alloc")
    assert d["subgroups"]["between_common_tau2"]["statistic"] == pytest.approx(
        regression["moderator_test"]["statistic"]
    )


def test_multilevel_with_robust_errors(capsys):
    file = str(DATA / "konstantopoulos2011.csv")
    d = document(capsys, file, "--cluster", "district,study", "--robust", "CR2", "--rho", "0.3")
    assert d["model"]["kind"] == "multilevel"
    assert [c["level"] for c in d["variance_components"]] == ["district", "district/study"]
    assert 5 < d["df"] < 11


def test_people_get_a_short_table(capsys):
    assert run(["evidence", "meta", str(DATA / "yusuf1985_table6.csv"), "--method", "Peto"]) == 0
    text = capsys.readouterr().out
    assert "0.9332" in text
    assert "left out: row 9, Snow 1" in text
    assert len(text.splitlines()) < 15


def test_plots_and_document_are_written_whole(tmp_path, capsys):
    out, plots = tmp_path / "meta.json", tmp_path / "plots"
    arguments = [
        "evidence",
        "meta",
        BCG,
        "--measure",
        "RR",
        "--subgroup",
        "alloc",
        "--plots",
        str(plots),
        "--out",
        str(out),
    ]
    assert run(arguments) == 0
    assert sorted(path.name for path in plots.iterdir()) == [
        f"{name}.{kind}" for name in ("albatross", "forest", "funnel") for kind in ("png", "svg")
    ]
    assert json.loads(out.read_text())["k"] == 13
    before = out.read_bytes()
    capsys.readouterr()
    assert run(arguments) == 2
    assert "exists" in capsys.readouterr().err
    assert out.read_bytes() == before


@pytest.mark.parametrize(
    ("file", "options"),
    [
        ("konstantopoulos2011", ["--cluster", "district,study"]), ("molloy2014", ["--moderators", "quality"]),
        ("miller1978", ["--measure", "PLO"]), ("normand1999", ["--measure", "MD", "--test", "hk"]),
        ("rothman2008_deaths", ["--measure", "OR", "--method", "MH"]), ("hart1999", ["--method", "EE"]),
    ],
)  # fmt: skip
def test_every_kind_of_result_can_be_drawn(tmp_path, file, options):
    plots = tmp_path / "plots"
    assert run(["evidence", "meta", str(DATA / f"{file}.csv"), *options, "--plots", str(plots)]) == 0
    assert (plots / "forest.svg").read_text().count("<path") > 10
    assert (plots / "albatross.svg").exists() == (
        file not in {"konstantopoulos2011", "miller1978", "rothman2008_deaths"}
    )


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nowhere.csv"], "no such file"),
        ([BCG, "--measure", "RR", "--level", "high"], "is not a number"),
        ([BCG, "--measure", "RR", "--moderators", "latitude"], "there is no column 'latitude'"),
        ([], "assuage evidence meta bcg.csv"),
    ],
)
def test_refusals_are_one_line_with_code_2(arguments, words, capsys):
    assert run(["evidence", "meta", *arguments]) == 2
    error = capsys.readouterr().err
    assert words in error
    assert error.count("\n") == 1


def test_help_shows_an_example(capsys):
    assert run(["evidence", "meta", "--help"]) == 0
    assert "assuage evidence meta" in capsys.readouterr().out

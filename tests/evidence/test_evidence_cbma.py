"""Pooling of peaks: refused with the counts where there are too few, by NiMARE where there are enough."""

import subprocess
import sys
from importlib.util import find_spec

import nibabel as nib
import numpy as np
import pytest

from assuage.cli.app import run
from assuage.errors import DataError
from assuage.evidence import load_evidence
from assuage.evidence.cbma import FEWEST_EXPERIMENTS, eligible, pool


@pytest.fixture
def enough(tmp_path, write, valid):
    """Return a folder with as many experiments as ALE needs, each with a peak in the left striatum."""
    study, peak = valid["studies"][0], valid["coordinates"][0]
    names = [f"study{i}" for i in range(FEWEST_EXPERIMENTS)]
    studies = [{**study, "id": n, "doi": "", "pmid": "", "citation": f"{n * 4} 2024"} for n in names]
    peaks = [
        {**peak, "id": f"{n}-p{k}", "study_id": n, "finding_id": "", "x": str(x), "y": str(10 + i % 3)}
        for i, n in enumerate(names)
        for k, x in enumerate((-12, 30 + i))
    ]
    return write(tmp_path, {"studies": studies, "coordinates": peaks})


@pytest.mark.parametrize("method", ["ale", "mkda"])
def test_today_nothing_can_be_pooled(capsys, method):
    assert run(["evidence", "cbma", "--method", method]) == 2
    said = capsys.readouterr().err
    assert f"cannot: {method.upper()} needs 20 experiments at least" in said
    assert "0 may be pooled" in said
    assert "people not chosen because of non-suicidal self-injury: niedtfeld2010" in said
    assert "contrast not known: westlundschreiner2017" in said
    assert "55 studies have no peaks" in said
    assert said.count("\n") == 1


def test_enough_is_enough_and_one_less_is_not(enough):
    found = eligible(load_evidence(enough), method="ale", domain="reward")
    assert found.enough
    assert len(found.experiments) == FEWEST_EXPERIMENTS
    assert not eligible(load_evidence(enough), method="ale", domain="pain").experiments
    assert eligible(load_evidence(enough), method="mkda", direction="decrease").enough
    fewer = eligible(load_evidence(enough), method="mkda", direction="increase")
    assert len(fewer.left_out["the other direction"]) == FEWEST_EXPERIMENTS


@pytest.mark.parametrize(
    ("column", "value", "table", "reason"),
    [
        ("design", "review", "studies", "no data of its own"),
        ("nssi_sample", "part", "studies", "people not chosen because of non-suicidal self-injury"),
        ("comparison", "unknown", "coordinates", "contrast not known"),
        ("comparison", "within_group", "coordinates", "not between groups"),
        ("direction", "not_read", "coordinates", "direction not known"),
    ],
)
def test_what_may_not_be_pooled_is_left_out(tmp_path, write, valid, column, value, table, reason):
    valid[table][0][column] = value
    found = eligible(load_evidence(write(tmp_path, valid)), method="mkda")
    assert found.experiments == ()
    assert "new2024" in found.left_out[reason]


def test_ale_needs_people(tmp_path, write, valid):
    valid["coordinates"][0]["n_subjects"] = ""
    valid["studies"][0].update(n_nssi="", n_control="", n_total="")
    evidence = load_evidence(write(tmp_path, valid))
    assert eligible(evidence, method="ale").left_out["number of people not known"] == ("new2024",)
    assert len(eligible(evidence, method="mkda").experiments) == 1


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"method": "sdm"}, "method 'sdm' is unknown; choose ale, mkda"),
        ({"method": "ale", "domain": "memory"}, "domain 'memory' is unknown"),
        ({"method": "ale", "direction": "up"}, "direction 'up' is unknown; choose increase, decrease"),
    ],
)
def test_unknown_words(options, said):
    with pytest.raises(DataError, match=said):
        eligible(load_evidence(), **options)


def test_without_nimare(enough, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("assuage.evidence.cbma.find_spec", lambda _: None)
    arguments = ["evidence", "cbma", "--method", "ale", "--tables", str(enough)]
    assert run(arguments) == 2
    assert "name a folder for the maps with --out" in capsys.readouterr().err
    assert run([*arguments, "--out", str(tmp_path / "maps")]) == 2
    assert "pip install 'assuage[cbma]'" in capsys.readouterr().err
    assert not (tmp_path / "maps").exists()


def test_too_few_are_never_pooled(tmp_path):
    with pytest.raises(DataError, match="cannot: ALE needs 20"):
        pool(eligible(load_evidence(), method="ale"), tmp_path, iterations=100)


def test_a_run_that_fails_is_one_line_and_leaves_nothing(enough, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("assuage.evidence.cbma.find_spec", lambda name: name)
    monkeypatch.setattr("assuage.evidence.cbma.RUNNER", "no_such_module_anywhere")
    arguments = ["evidence", "cbma", "--method", "ale", "--tables", str(enough), "--out", str(tmp_path / "maps")]
    assert run(arguments) == 2
    assert "NiMARE stopped: " in capsys.readouterr().err
    assert not (tmp_path / "maps").exists()


@pytest.mark.skipif(find_spec("nimare") is None, reason="needs the extra cbma, whose nilearn is older than the lock's")
@pytest.mark.parametrize("method", ["ale", "mkda"])
def test_nimare_finds_the_planted_place_after_correction(enough, tmp_path, method):
    out = tmp_path / "maps"
    options = ["--tables", str(enough), "--domain", "reward", "--iterations", "100", "--out", str(out)]
    assert run(["evidence", "cbma", "--method", method, *options]) == 0
    image = nib.load(out / "logp_desc-mass_level-cluster_corr-FWE_method-montecarlo.nii.gz")
    values = np.asarray(image.dataobj)

    def at(*mm):
        return values[tuple(np.round(np.linalg.inv(image.affine) @ [*mm, 1]).astype(int)[:3])]

    assert at(-12, 11, -8) > -np.log10(0.05)
    assert at(-12, -60, 20) < 0.1


def test_nimare_is_never_imported_here():
    """It loads a package under the GPL; only a process of its own may."""
    code = "import sys, assuage.evidence.cbma; sys.exit(any(name.split('.')[0] == 'nimare' for name in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

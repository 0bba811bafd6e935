"""Effect directions side by side, and the sign test only where there are studies enough."""

import json
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assuage.cli.app import run
from assuage.errors import DataError
from assuage.evidence import load_evidence
from assuage.evidence.directions import effect_directions, sign_test


def tally(found, region, measure):
    (only,) = (t for t in found.regions if (t.region, t.measure) == (region, measure))
    return only


def many(valid, directions, sample="yes"):
    """Return tables with one study and one finding for each direction."""
    study, finding = valid["studies"][0], valid["findings"][0]
    names = [f"study{i}" for i in range(len(directions))]
    return {
        "studies": [
            {**study, "id": n, "doi": "", "pmid": "", "citation": f"{n * 4} 2024", "nssi_sample": sample} for n in names
        ],
        "findings": [
            {**finding, "id": f"{n}-1", "study_id": n, "direction": d, "region": "claustrum", "statistic": ""}
            for n, d in zip(names, directions, strict=True)
        ],
    }


@pytest.mark.parametrize(
    ("region", "measure", "up", "down"),
    [
        ("dorsolateral prefrontal cortex", "activation", {"liu2025nirs"}, {"dahlgren2018"}),
        ("amygdala", "FC", {"westlundschreiner2017"}, {"santamarina2019", "basgoze2021"}),
        ("orbitofrontal cortex", "activation", {"vega2018", "hooley2020"}, {"sauder2016", "kraus2010"}),
    ],
)
def test_contradictions_stay_visible(region, measure, up, down):
    found = tally(effect_directions(load_evidence()), region, measure)
    assert up <= set(found.up)
    assert down <= set(found.down) | ({"kraus2010"} & found.other_samples)
    assert found.conflict


def test_reward_is_higher_and_lower():
    found = effect_directions(load_evidence(), domain="reward")
    (activation,) = (t for t in found.overall if t.measure == "activation")
    assert {"poon2019", "vega2018"} == set(activation.up) == activation.other_samples
    assert {"sauder2016", "case2021"} == set(activation.down)
    assert activation.conflict
    assert activation.p is None
    alone = effect_directions(load_evidence(), domain="reward", nssi_only=True)
    assert not any(t.other_samples for t in (*alone.overall, *alone.regions))


def test_no_correlation_is_counted():
    found = effect_directions(load_evidence(), domain="impulse_control")
    assert found.left_out["correlations and predictors"] > 0
    assert "basgoze2023" not in {s for t in found.regions for s in (*t.up, *t.down, *t.mixed, *t.altered)}
    counted = effect_directions(load_evidence())
    pooled = {row.id for row in load_evidence().rows["studies"] if row["design"] != "primary"}
    assert not pooled & {s for t in counted.regions for s in (*t.up, *t.down)}


def test_a_study_with_both_directions_is_mixed():
    found = tally(effect_directions(load_evidence()), "amygdala", "activation")
    assert found.mixed == ("hooley2020",)


@given(st.integers(0, 9), st.integers(0, 9))
def test_sign_test_against_every_outcome(up, down):
    n = up + down
    outcomes = [sum(flips) for flips in product((0, 1), repeat=min(n, 10))] if n <= 10 else None
    if outcomes is None:
        return
    far = abs(up - n / 2)
    slow = sum(abs(k - n / 2) >= far - 1e-12 for k in outcomes) / len(outcomes)
    assert sign_test(up, down) == pytest.approx(slow)


def test_sign_test_as_published():
    # Hilton Boon, Thomson, Cochrane Colloquium 2019: P = 0.0039 and 0.2188, that is 9 of 9 and 7 of 9 or 5 of 6
    assert sign_test(9, 0) == pytest.approx(0.0039, abs=5e-5)
    assert sign_test(5, 1) == pytest.approx(0.2188, abs=5e-5)


@pytest.mark.parametrize(
    ("directions", "p"),
    [
        (["decrease"] * 5, None),
        (["decrease"] * 6, 2 / 64),
        (["decrease"] * 5 + ["increase"], 14 / 64),
        (["decrease"] * 5 + ["no_difference", "altered"], None),
    ],
)
def test_sign_test_needs_six_studies(tmp_path, write, valid, directions, p):
    found = tally(effect_directions(load_evidence(write(tmp_path, many(valid, directions)))), "claustrum", "activation")
    assert found.p == (None if p is None else pytest.approx(p))


def test_other_samples_are_shown_and_not_tested(tmp_path, write, valid):
    evidence = load_evidence(write(tmp_path, many(valid, ["decrease"] * 8, sample="no")))
    found = tally(effect_directions(evidence), "claustrum", "activation")
    assert len(found.down) == len(found.other_samples) == 8
    assert found.p is None


def test_an_unknown_domain(capsys):
    with pytest.raises(DataError, match="no word of domain"):
        effect_directions(load_evidence(), domain="memory")
    assert run(["evidence", "directions", "--domain", "reward"]) == 0
    said = capsys.readouterr().out
    assert "conflict: all regions, activation: higher: vega2018*, poon2019*; lower: sauder2016, case2021" in said
    assert "left out: 1 row: correlations and predictors" in said
    assert run(["evidence", "directions", "--json"]) == 0
    assert {"overall", "regions", "left_out"} == set(json.loads(capsys.readouterr().out))

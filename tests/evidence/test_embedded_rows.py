"""Embedded rows that were read again: what they say now, and which rows have no identifier."""

from math import sqrt

import pytest

from assuage.circuits import load_circuit
from assuage.circuits.weights import Share, weigh
from assuage.evidence import load_evidence
from assuage.evidence.grades import load_trials
from assuage.evidence.strata import strata

WITHOUT = {
    "studies": {
        "santamarina2019", "mayo2021", "reitz2015", "behan2015", "shu_ale", "lee2023nirs", "morph_vbm", "ica_fc",
    },
    "trials": {
        "liu2024", "gao2020", "zhang2024", "plewnia2014", "mitra2023", "edwards2013", "tor2021", "rootesmurdy2019",
        "lisanby2002", "lisanby2001", "deng2024", "sun2016", "koch2022", "thesis_bilat",
    },
}  # fmt: skip
"""No text that was read ties a DOI, PubMed number or registration to them."""


def test_which_rows_have_no_identifier():
    evidence = load_evidence()
    for name, ids in WITHOUT.items():
        assert {row.id for row in evidence.rows[name] if not row.identifier} == ids


def test_a_primary_study_is_no_review_and_an_unsigned_difference_gives_no_direction():
    evidence = load_evidence()
    study = evidence.row("studies", "zahid2022")
    assert (study["design"], study["nssi_sample"], study["modality"]) == ("primary", "part", "fNIRS")
    weighed = weigh(load_circuit("impulse_control"), evidence)
    left = weighed.of(weighed.circuit.find("dorsolateral prefrontal cortex L"))
    assert {r.finding: r.why_not for r in left.reports if r.study == "zahid2022"} == {
        "zahid2022-1": "",
        "zahid2022-2": "change within a group",
    }
    assert {r.why_not for r in left.reports if r.study == "guo2024"} == {
        "groups that differ in something else than self-injury"
    }
    assert weighed.studies == 3
    # dahlgren2018 and zahid2022 name it; ml2023nirs names the prefrontal cortex, which holds three regions
    assert left.weight.mean == pytest.approx(Share.of(2 + 1 / 3, 2 / 3).mean)
    # lower in dahlgren2018, higher in ml2023nirs: "altered" is neither
    assert left.higher.mean == pytest.approx(Share.of(1 / 3, 1).mean)


def test_a_mean_below_double_sham_is_not_called_worse_without_a_test():
    row = load_evidence().row("trials", "zhoud2024_tdcs")
    assert row["effect"] == "9.21 (SD 4.61)"
    double_sham = load_evidence().row("trials", "zhoud2024_comb")
    assert "vs 10.77 (5.67)" in double_sham["effect"]
    t = (9.21 - 10.77) / sqrt((4.61**2 + 5.67**2) / int(row["n_active"]))
    assert abs(t) < 1.96
    (trial,) = [trial for trial in load_trials() if trial.id == "zhoud2024_tdcs"]
    assert trial.result == "unclear"


def test_a_trial_of_adolescents_is_graded_among_adolescents():
    (trial,) = [trial for trial in load_trials() if trial.id == "itbs2025"]
    assert trial.result == "better"
    (young,) = [s for s in strata("itbs", load_trials()) if "itbs2025" in s.trials]
    assert (young.age, young.sample, young.grade, set(young.trials)) == (
        "adolescents", "other", "C", {"liux2025", "itbs2025"},
    )  # fmt: skip


def test_findings_of_both_signs_are_coded_where_the_abstract_has_both():
    evidence = load_evidence()
    assert evidence.row("findings", "quevedo2016-4")["direction"] == "decrease"
    thicker = evidence.row("findings", "morph_vbm-8")
    assert (thicker["measure"], thicker["direction"], thicker["hemisphere"]) == ("cortical thickness", "increase", "L")


def test_arms_of_one_report_have_one_age():
    ages: dict[str, set[str]] = {}
    for row in load_evidence().rows["trials"]:
        ages.setdefault(row["report"], set()).add(row["age_group"])
    assert {report for report, found in ages.items() if len(found) > 1} == set()


def test_two_trials_pooled_by_their_authors_are_a_pooled_analysis():
    row = load_evidence().row("trials", "si_pool")
    assert (row["design"], row["year"]) == ("meta_analysis", "2018")

"""The evidence of a plan: techniques and regions with their rows, what speaks against, the connectome or none."""

import pytest

from assuage.circuits import load_circuit
from assuage.evidence import load_evidence
from assuage.plan.evidence_record import EvidenceRecord, evidence_record

PLACE = (-44.0, 40.0, 29.0)


@pytest.fixture(scope="module")
def made():
    circuit = load_circuit("emotion_regulation")
    return evidence_record(["tms", "snt", "snt"], circuit, circuit.primary.key, place_mm=PLACE)


def test_every_row_is_one_of_the_tables(made):
    evidence = load_evidence()
    assert list(made.techniques) == ["tms", "snt"]
    for technique in made.techniques.values():
        assert technique.listed == len(technique.trials)
        for trial in technique.trials:
            row = evidence.row("trials", trial.id)
            assert row["citation"] == trial.citation
            assert trial.counted == (trial.why_not == "")
    for region in made.regions:
        for finding in region.findings:
            assert evidence.row("findings", finding.finding)["study_id"] == finding.study
            assert (finding.vote > 0) == (finding.why_not == "")


def test_what_speaks_against_the_target_is_said(made):
    text = " ".join(made.against)
    assert "votes of" in text
    assert "disagree" in text
    assert "adults in this domain: 1" in text


def test_a_single_target_has_techniques_and_no_regions():
    single = evidence_record(["ect"], None, "", place_mm=None)
    assert single.regions == ()
    assert single.against == ()
    assert "no place" in single.network.missing
    assert single.techniques["ect"].grade == "C"


def test_a_region_below_the_cortex_has_no_reach_and_no_package_is_said(monkeypatch):
    reward = load_circuit("reward")
    deep = evidence_record(["dbs"], reward, "nucleus_accumbens_L", place_mm=(-9.0, 9.0, -8.0))
    assert "no place" in deep.network.missing
    monkeypatch.setattr("assuage.circuits.connectome.find_spec", lambda _: None)
    absent = evidence_record(["dbs"], reward, "orbitofrontal_cortex_L", place_mm=(-23.0, 38.0, -18.0))
    assert "assuage[connectome]" in absent.network.missing
    assert absent.network.couplings == ()


def test_grades_of_the_planned_region_stand_first_for_the_age_of_the_person(made):
    young = evidence_record(["itbs"], load_circuit("emotion_regulation"), "dorsolateral_prefrontal_cortex_L",
                            place_mm=None, age_years=15.0)  # fmt: skip
    assert (young.age_group, made.age_group) == ("adolescents", "")
    assert young.region == "left dorsolateral prefrontal cortex"
    strata = young.techniques["itbs"].strata
    assert [(s.target, s.people) for s in strata[:2]] == [
        (young.region, "NSSI sample, adolescents"),
        (young.region, "NSSI sample, adults"),
    ]
    evidence = load_evidence()
    for stratum in strata:
        assert all(evidence.row("trials", name) for name in stratum.trials)
        assert (stratum.grade == "none") == (stratum.reason == "no trial")
    assert {name for s in strata for name in s.trials} == {trial.id for trial in young.techniques["itbs"].trials}


def test_a_plan_without_strata_is_still_read(made):
    old = made.model_dump(
        exclude={"age_group": True, "region": True, "techniques": {"tms": {"strata"}, "snt": {"strata"}}}
    )
    again = EvidenceRecord.model_validate(old)
    assert again.techniques["tms"].strata == ()

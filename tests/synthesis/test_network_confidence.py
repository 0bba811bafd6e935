"""What is said of transitivity and confidence, and that a domain without evidence is never said to be fine."""

from dataclasses import replace

import numpy as np
import pytest
from network_cases import network_of, random_studies

from assuage.errors import DataError
from assuage.synthesis.network_analysis import network_meta_analysis
from assuage.synthesis.network_confidence import confidence, study_weights, transitivity
from assuage.synthesis.network_tables import read_network


def judged(*, important=None, reporting=None, moderators=None, seed=3, **options):
    network = network_of(random_studies(seed, count=15)[0])
    if moderators:
        studies = tuple(replace(s, moderators=moderators(i)) for i, s in enumerate(network.studies))
        network = replace(network, studies=studies)
    return confidence(network_meta_analysis(network, draws=100, **options), important=important, reporting=reporting)


def test_without_judgements_nothing_is_said_to_be_fine():
    for found in judged():
        states = {name: domain.judgement for name, domain in found.domains.items()}
        assert states.pop("incoherence") in {"no concerns", "some concerns", "major concerns"}
        assert set(states.values()) == {"not judged"}
        assert found.grade.startswith("at most ")
        assert "5 of 6 domains not judged" in found.grade


@pytest.mark.parametrize(
    ("level", "judgement"), [("low", "no concerns"), ("unclear", "some concerns"), ("High", "major concerns")]
)
def test_studies_of_one_risk_of_bias_make_comparisons_of_it(level, judgement):
    for found in judged(moderators=lambda _: {"rob": level, "indirectness": "low"}):
        assert found.domains["within-study bias"].judgement == judgement
        assert found.domains["indirectness"].judgement == "no concerns"


def test_one_contributing_study_without_risk_of_bias_leaves_the_domain_open():
    for found in judged(moderators=lambda i: {} if i == 0 else {"rob": "low"}):
        assert found.domains["within-study bias"].judgement == "not judged"


def test_mantel_haenszel_says_of_which_designs_the_studies_differ(tmp_path):
    arms = {"a": (("x", 3), ("y", 6)), "b": (("x", 4), ("y", 9)), "c": (("y", 5), ("z", 9)), "d": (("x", 2), ("z", 8))}
    bias = {"a": "low", "b": "high", "c": "low", "d": "low"}
    lines = [f"{study},{arm},{events},40,{bias[study]}" for study, both in arms.items() for arm, events in both]
    (tmp_path / "t.csv").write_text("\n".join(["study,treatment,events,n,rob", *lines]))
    network = read_network(tmp_path / "t.csv", measure="OR")
    for found in confidence(network_meta_analysis(network, draws=100, method="MH")):
        bias_domain = found.domains["within-study bias"]
        assert bias_domain.judgement == "not judged"
        assert bias_domain.why == "rob is not the same in all studies of x : y, which Mantel-Haenszel makes one of"
        assert (
            found.domains["indirectness"].why == "indirectness (low, some, high) is not said of 3 contributing studies"
        )
    for found in confidence(network_meta_analysis(network, draws=100)):
        assert found.domains["within-study bias"].judgement in {"no concerns", "some concerns", "major concerns"}


def test_imprecision_and_heterogeneity_ask_for_the_smallest_effect_that_matters():
    tiny, huge = judged(important=1e-4), judged(important=50.0)
    assert {found.domains["imprecision"].judgement for found in huge} == {"no concerns"}
    assert {found.domains["heterogeneity"].judgement for found in huge} == {"no concerns"}
    assert "major concerns" in {found.domains["imprecision"].judgement for found in tiny}
    common = judged(important=1.0, method="common")
    assert {found.domains["heterogeneity"].judgement for found in common} == {"not judged"}


def test_with_all_six_judged_there_is_a_grade():
    fine = {"rob": "low", "indirectness": "low"}
    for found in judged(important=50.0, reporting="low", moderators=lambda _: fine):
        assert (
            found.grade
            == {"no concerns": "high", "some concerns": "moderate", "major concerns": "low"}[
                found.domains["incoherence"].judgement
            ]
        )
    for found in judged(important=50.0, reporting="high", moderators=lambda _: fine | {"rob": "high"}):
        assert found.grade == "very low"
    with pytest.raises(DataError, match="--reporting-bias 'none'"):
        judged(reporting="none")


def test_the_smallest_effect_that_matters_has_a_scale():
    with pytest.raises(DataError, match="--important -1: MD needs a difference above 0"):
        judged(important=-1.0)
    result = network_meta_analysis(network_of(random_studies(3)[0], measure="OR"), draws=100)
    with pytest.raises(DataError, match=r"--important 0\.8: OR needs a ratio above 1"):
        confidence(result, important=0.8)


def test_study_weights_add_up_and_a_lone_pair_has_the_textbook_ones():
    result = network_meta_analysis(network_of(random_studies(3)[0]), draws=100)
    for shares in study_weights(result).values():
        assert sum(shares.values()) == pytest.approx(1.0)
        assert min(shares.values()) >= 0.0
    v = np.array([0.1, 0.2, 0.4])
    pair = network_of([[("A", 0.0, x / 2), ("B", 0.1, x / 2)] for x in v])
    shares = study_weights(network_meta_analysis(pair, method="common", draws=100))["A", "B"]
    assert list(shares.values()) == pytest.approx((1 / v) / (1 / v).sum())


def test_transitivity_counts_and_averages_by_comparison():
    network = network_of(
        [[("A", 0, 0.1), ("B", 1, 0.1)], [("A", 0, 0.1), ("B", 1, 0.1)], [("B", 0, 0.1), ("C", 1, 0.1)]]
    )
    said = [{"age": "15", "setting": "school"}, {"age": "19", "setting": "clinic"}, {"setting": "clinic"}]
    studies = tuple(
        replace(s, moderators=m, participants=(10.0, 12.0)) for s, m in zip(network.studies, said, strict=True)
    )
    first, second = transitivity(replace(network, studies=studies))
    assert (first["treatment1"], first["treatment2"], first["studies"], first["participants"]) == ("A", "B", 2, 44.0)
    age = first["moderators"]["age"]
    assert (age["mean"], age["min"], age["max"], age["missing"]) == (17.0, 15.0, 19.0, 0)
    assert second["moderators"]["age"] == {"missing": 1, "counts": {}} or second["moderators"]["age"] == {"missing": 1}
    assert first["moderators"]["setting"]["counts"] == {"school": 1, "clinic": 1}

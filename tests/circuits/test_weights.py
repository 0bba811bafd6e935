"""Votes, larger areas, conflicts and ages: the formula of `weights`, in slow plain code and by hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import beta

from assuage.circuits import circuit_names, load_circuit
from assuage.circuits.weights import Share, weigh
from assuage.evidence import Evidence, Row, load_evidence

DOMAIN = "reward"


def rows(table, *cells):
    return tuple(
        Row(table=table, cells={"id": f"{table}-{k}", **values}, file="test", line=k + 2)
        for k, values in enumerate(cells)
    )


def study(name, **other):
    return {
        "id": name, "citation": name, "year": "2020", "nssi_sample": "yes", "design": "primary",
        "age_group": "adolescents", "coded_from": "abstract", **other,
    }  # fmt: skip


def finding(name, region, direction="increase", **other):
    return {
        "study_id": name, "region": region, "hemisphere": "", "measure": "activation", "direction": direction,
        "comparison": "group", "domain": DOMAIN, "coded_from": "abstract", **other,
    }  # fmt: skip


def found(studies, findings):
    tables = {"studies": rows("studies", *studies), "findings": rows("findings", *findings)}
    return weigh(load_circuit(DOMAIN), Evidence(rows=tables, headings={}))


def of(weighed, label):
    return weighed.of(weighed.circuit.find(label))


def test_a_share_is_the_posterior_of_jeffreys_prior():
    share = Share.of(2.5, 3.5)
    assert share.mean == pytest.approx(3.0 / 7.0)
    inside, _ = quad(lambda p: beta.pdf(p, 3.0, 4.0), share.low, share.high)
    assert inside == pytest.approx(0.95, abs=1e-6)


def test_studies_are_counted_and_not_findings():
    weighed = found(
        [study("a"), study("b")], [finding("a", "putamen"), finding("a", "putamen"), finding("b", "caudate")]
    )
    assert weighed.studies == 2
    assert of(weighed, "putamen R").weight.yes == pytest.approx(1.0)
    assert of(weighed, "putamen R").weight.no == pytest.approx(1.0)


def test_opposite_findings_keep_the_weight_and_widen_the_direction():
    same = found([study("a"), study("b")], [finding("a", "putamen"), finding("b", "putamen")])
    split = found([study("a"), study("b")], [finding("a", "putamen"), finding("b", "putamen", "decrease")])
    assert of(split, "putamen L").weight == of(same, "putamen L").weight
    assert of(split, "putamen L").conflict
    assert of(split, "putamen L").wanted == "open"
    assert of(split, "putamen L").higher.mean == pytest.approx(0.5)
    assert of(same, "putamen L").wanted == "decrease"
    wide, narrow = of(split, "putamen L").higher, of(same, "putamen L").higher
    assert wide.high - wide.low > narrow.high - narrow.low


def test_a_study_that_found_both_gives_half_to_each():
    weighed = found([study("a")], [finding("a", "putamen"), finding("a", "putamen", "decrease")])
    assert (of(weighed, "putamen L").higher.yes, of(weighed, "putamen L").higher.no) == (0.5, 0.5)
    assert of(weighed, "putamen L").weight.yes == 1.0


def test_a_larger_area_counts_one_of_its_parts():
    weighed = found([study("a")], [finding("a", "dorsal striatum")])
    assert of(weighed, "putamen L").weight.yes == pytest.approx(0.5)
    assert of(weighed, "caudate R").weight.yes == pytest.approx(0.5)
    assert of(weighed, "nucleus accumbens L").weight.yes == 0.0


def test_a_side_in_front_of_an_area_is_the_side_of_that_area_alone():
    weighed = found(
        [study("a"), study("b")],
        [finding("a", "L putamen;amygdala"), finding("b", "R putamen;L amygdala", hemisphere="B")],
    )
    left, right = (of(weighed, f"putamen {side}") for side in "LR")
    assert ([r.study for r in left.reports], [r.study for r in right.reports]) == (["a"], ["b"])
    assert of(weighed, "amygdala R").weight.yes == 1


def test_the_other_side_does_not_count_and_no_side_counts_for_both():
    left = found([study("a")], [finding("a", "putamen", hemisphere="L")])
    assert of(left, "putamen L").weight.yes == 1.0
    assert of(left, "putamen R").weight.yes == 0.0
    assert not of(left, "putamen R").reports


@pytest.mark.parametrize(
    ("of_study", "of_finding", "why"),
    [
        ({"design": "meta_analysis"}, {}, "pools studies"),
        ({"nssi_sample": "no"}, {}, "not a sample"),
        ({}, {"coded_from": "title"}, "only title read"),
        ({}, {"comparison": "dimensional", "direction": "positive_correlation"}, "relation to severity"),
        ({}, {"comparison": "within_group"}, "change within a group"),
        ({}, {"direction": "no_difference"}, "no difference"),
    ],
)
def test_what_does_not_count_is_listed_with_its_reason(of_study, of_finding, why):
    weighed = found([study("a", **of_study)], [finding("a", "putamen", **of_finding)])
    item = of(weighed, "putamen L")
    assert item.weight.yes == 0.0
    assert [why in report.why_not for report in item.reports] == [True]
    assert item.why() == "open: no counted study compared its function between groups"


def test_structure_counts_in_the_weight_and_gives_no_direction():
    item = of(found([study("a")], [finding("a", "putamen", "decrease", measure="volume")]), "putamen L")
    assert item.weight.yes == 1.0
    assert item.higher == Share.of(0.0, 0.0)


def test_adolescents_and_adults_are_weighed_apart():
    weighed = found(
        [study("a"), study("b", age_group="adults"), study("c", age_group="")],
        [finding("a", "putamen"), finding("b", "caudate"), finding("c", "putamen")],
    )
    item = of(weighed, "putamen L")
    assert weighed.by_age == {"adolescents": 1, "adults": 1}
    assert item.by_age["adolescents"] == Share.of(1.0, 0.0)
    assert item.by_age["adults"] == Share.of(0.0, 1.0)
    assert item.weight == Share.of(2.0, 1.0)


@pytest.mark.parametrize(
    ("words", "age"),
    [("older_adults", "adults"), ("adults;older_adults", "adults"), ("children", ""), ("children;adolescents", ""),
     ("youth", ""), ("adolescents;adults", "")],
)  # fmt: skip
def test_an_age_group_is_that_of_the_grades_and_every_age_counts_in_all(words, age):
    weighed = found([study("a", age_group=words)], [finding("a", "putamen")])
    assert weighed.by_age == {"adolescents": 0, "adults": 0, **({age: 1} if age else {})}
    assert of(weighed, "putamen L").weight == Share.of(1.0, 0.0)


def test_an_area_without_a_region_is_named():
    weighed = found([study("a")], [finding("a", "precuneus; putamen")])
    assert weighed.elsewhere == ("precuneus",)
    assert of(weighed, "putamen L").weight.yes == 1.0


@given(st.lists(st.sampled_from(["increase", "decrease", "altered"]), min_size=1, max_size=6))
def test_a_share_never_leaves_zero_to_one_and_votes_never_exceed_studies(directions):
    names = [f"s{k}" for k in range(len(directions))]
    weighed = found(
        [study(name) for name in names], [finding(n, "putamen", d) for n, d in zip(names, directions, strict=True)]
    )
    item = of(weighed, "putamen R")
    assert item.weight.yes == len(directions)
    assert item.higher.yes + item.higher.no == sum(d != "altered" for d in directions)
    assert 0 <= item.weight.low < item.weight.mean <= item.weight.high <= 1


def test_the_embedded_evidence_weighs_every_region_of_every_circuit():
    evidence = load_evidence()
    for name in circuit_names():
        weighed = weigh(load_circuit(name), evidence)
        assert len(weighed.regions) == len(weighed.circuit.regions)
        assert weighed.studies >= 3
        means = [item.weight.mean for item in weighed.regions]
        assert means == sorted(means, reverse=True)
        for item in weighed.regions:
            assert item.weight.yes <= weighed.studies
            assert item.region.mni_mm is None or item.region.source


def test_orbitofrontal_findings_stand_side_by_side():
    """Higher in vega2018, lower in sauder2016: the weight stays, the direction is open."""
    item = of(weigh(load_circuit("reward"), load_evidence()), "orbitofrontal cortex L")
    assert item.conflict
    assert item.wanted == "open"
    assert {"vega2018", "sauder2016"} <= {report.study for report in item.reports if report.counted}

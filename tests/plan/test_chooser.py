"""The chooser: who is out, the score in plain code, monotone, blind to order and scale, and when its first changes."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from assuage.errors import PlanError
from assuage.evidence.grades import evidence_for, graded, load_trials
from assuage.plan.chooser import CRITERIA, Candidate, Site, shortlist
from assuage.plan.technique_facts import (
    age_limits,
    equipment_names,
    scales,
    technique_facts,
)

TECHNIQUES = (
    "tms", "rtms_1hz", "rtms_10hz", "itbs", "ctbs", "snt", "tdcs", "hd_tdcs_4x1", "hd_tdcs", "hd_tdcs_focal", "tacs",
    "hd_tacs", "ti", "ect", "mst", "dbs", "tdcs_rtms",
)  # fmt: skip
EVERYTHING = Site(equipment=frozenset(equipment_names()))
HALF = frozenset(sorted(equipment_names())[::2])
GROWING = Site(equipment=HALF, may_acquire=frozenset(equipment_names()) - HALF)


def candidate(technique, ratio=1.0, focality=0.5, **options):
    return Candidate(
        technique=technique,
        label=technique,
        target_field_ratio=ratio,
        target_over_peak=focality,
        **{"verdict": "within cited range", "reached": True, "evidence": evidence_for(technique)} | options,
    )


doses = st.one_of(st.none(), st.floats(0, 10))
weight = st.floats(0, 10)
weightings = st.fixed_dictionaries(dict.fromkeys(CRITERIA, weight)).filter(
    lambda w: sum(w.values()) - w["equipment"] > 1e-3  # which counts nothing where the site acquires nothing
)


@st.composite
def fields_of_candidates(draw, least=1):
    names = draw(st.lists(st.sampled_from(TECHNIQUES), min_size=least, max_size=6, unique=True))
    verdicts = st.sampled_from(["within cited range", "cannot say", "warn", "stop"])
    return [
        candidate(
            name,
            draw(doses),
            draw(doses),
            verdict=draw(verdicts),
            reached=draw(st.sampled_from([True, False, None])),
            evidence=draw(st.sampled_from([None, evidence_for(name)])),
        )
        for name in names
    ]


# ------------------------------------------------------------------------------------------------------------- score


def test_score_by_the_formulas_of_the_page():
    weights = {
        "target_field": 3.0,
        "focality": 1.0,
        "evidence": 2.0,
        "burden": 1.0,
        "invasiveness": 1.0,
        "equipment": 0,
    }
    [found] = shortlist([candidate("ect", 2.0, 0.25)], site=EVERYTHING, weights=weights, age_years=30).ranked
    facts = technique_facts("ect")
    hours = facts.visits * (facts.minutes + facts.other_minutes) / 60
    grade = {"A": 1, "B": 0.75, "C": 0.5, "D": 0.25, "none": 0}[evidence_for("ect").grade]
    expected = (3 * 2 / 3 + 1 * 0.25 / 0.75 + 2 * grade + 10 / (10 + hours) + 0.4) / 8
    assert found.score == pytest.approx(expected)
    assert found.score == pytest.approx(sum(part.adds for part in found.contributions))
    assert [part.criterion for part in found.contributions] == [name for name in CRITERIA if name != "equipment"]
    assert any("target gets 2.00 times its own reference field" in words for words in found.words)
    assert any("needs anaesthesia" in words for words in found.words)


@given(candidates=fields_of_candidates(), weights=weightings)
def test_scores_stay_between_0_and_1_and_fall_along_the_list(candidates, weights):
    found = shortlist(candidates, site=GROWING, weights=weights)
    scores = [item.score for item in found.ranked]
    assert all(-1e-12 <= score <= 1 + 1e-12 for score in scores)
    assert all(a >= b - 1e-11 for a, b in pairwise(scores))
    assert [item.place for item in found.ranked] == list(range(1, len(scores) + 1))
    assert {item.technique for item in found.ranked} | {item.technique for item in found.excluded} == {
        item.technique for item in candidates
    }


def score_of(item, weights, **options):
    site = options.pop("site", EVERYTHING)
    [found] = shortlist([item], site=site, weights=weights, **options).ranked
    return found.score


@given(low=st.floats(0, 10), more=st.floats(0.01, 10), name=st.sampled_from(["target_field_ratio", "target_over_peak"]))
def test_more_field_or_focus_never_lowers_the_score(low, more, name):
    item = candidate("tdcs")
    weights = {"target_field": 1.0, "focality": 2.0, "burden": 1.0}
    before, after = (score_of(replace(item, **{name: value}), weights) for value in (low, low + more))
    assert after > before
    assert before >= score_of(replace(item, **{name: None}), weights)


def test_better_grades_less_burden_and_less_invasive_score_higher():
    trials = load_trials()
    row = replace(trials[0], nssi="yes", controlled="yes", result_read="yes", level="abstract")
    grades = [
        graded(rows)
        for rows in (
            (),
            (replace(row, controlled="no"),),
            (replace(row, nssi="no"),),
            (row,),
            (row, replace(row, report="another")),
        )
    ]
    assert [found.grade for found in grades] == ["none", "D", "C", "B", "A"]
    scores = [score_of(candidate("tdcs", evidence=found), {"evidence": 1.0}) for found in grades]
    assert scores == sorted(set(scores))
    assert score_of(candidate("tdcs", evidence=None), {"evidence": 1.0}) == 0
    by_hours = sorted(TECHNIQUES, key=lambda name: technique_facts(name).hours_on_site)
    burdens = [score_of(candidate(name), {"burden": 1.0}, age_years=30) for name in by_hours]
    assert burdens == sorted(burdens, reverse=True)
    kinds = [score_of(candidate(name), {"invasiveness": 1.0}, age_years=30) for name in ("tdcs", "mst", "dbs")]
    assert kinds == sorted(set(kinds), reverse=True)


def partly(wanted, n):
    """Return a site that has the first n and would acquire the others, and one more so that there is always one."""
    return Site(equipment=frozenset(wanted[:n]), may_acquire=frozenset(equipment_names()) - set(wanted[:n]))


def test_every_piece_of_equipment_more_scores_higher_where_it_may_be_acquired():
    wanted = technique_facts("snt").equipment
    scores = [score_of(candidate("snt"), {"equipment": 1.0}, site=partly(wanted, n)) for n in range(len(wanted) + 1)]
    assert scores == pytest.approx([n / len(wanted) for n in range(len(wanted) + 1)])


@given(candidates=fields_of_candidates(), weights=weightings, data=st.data())
def test_the_order_of_the_candidates_does_not_matter(candidates, weights, data):
    shuffled = data.draw(st.permutations(candidates))
    assert shortlist(candidates, site=GROWING, weights=weights) == shortlist(shuffled, site=GROWING, weights=weights)


@given(candidates=fields_of_candidates(), weights=weightings, power=st.integers(-4, 4))
def test_only_proportions_of_weights_matter(candidates, weights, power):
    scaled = {name: 2.0**power * value for name, value in weights.items()}
    one = shortlist(candidates, site=GROWING, weights=weights)
    other = shortlist(candidates, site=GROWING, weights=scaled)
    assert [(item.technique, item.score) for item in one.ranked] == [
        (item.technique, item.score) for item in other.ranked
    ]


@given(candidates=fields_of_candidates(least=2), weights=weightings)
def test_a_technique_more_changes_no_other_score(candidates, weights):
    few = shortlist(candidates[1:], site=GROWING, weights=weights)
    many = {item.technique: item.score for item in shortlist(candidates, site=GROWING, weights=weights).ranked}
    assert all(many[item.technique] == item.score for item in few.ranked)


# --------------------------------------------------------------------------------------------------------- exclusion


@given(candidates=fields_of_candidates(), weights=weightings, owned=st.sets(st.sampled_from(sorted(equipment_names()))))
def test_an_excluded_technique_never_ranks(candidates, weights, owned):
    found = shortlist(candidates, site=Site(equipment=frozenset(owned)), weights=weights, age_years=12)
    ranked = {item.technique for item in found.ranked}
    for item in candidates:
        out = (
            item.verdict == "stop"
            or item.reached is False
            or not set(technique_facts(item.technique).equipment) <= owned
            or item.technique == "ect"
        )
        assert out == (item.technique not in ranked)
    assert all(item.reasons for item in found.excluded)


def test_the_weight_of_equipment_alone_orders_nothing_where_nothing_is_acquired():
    with pytest.raises(PlanError, match="at least one above 0"):
        shortlist([candidate("itbs")], site=EVERYTHING, weights={"equipment": 1.0})


def test_every_reason_is_said():
    stops, numbers = ("too much of something",), "gets 0.38 of its best, and 0.5 is asked"
    item = candidate("ect", verdict="stop", stops=stops, reached=False, reach_words=numbers)
    [out] = shortlist([item], site=Site(equipment=frozenset()), age_years=12).excluded
    said = " | ".join(out.reasons)
    assert "the site lacks: ECT device, anaesthesia team" in said
    assert "a limit stops it: too much of something" in said
    assert f"does not reach the region by the working definition: {numbers}" in said
    assert "21 CFR 882.5940" in said
    assert shortlist([item], site=EVERYTHING).ranked == ()


def test_cautions_are_said_and_do_not_exclude():
    found = shortlist([candidate("ect"), candidate("itbs", verdict="warn", reached=None)], site=EVERYTHING)
    said = {item.technique: " | ".join(item.words) for item in found.ranked}
    assert "age not stated: US rule for ECT" in said["ect"]
    assert "verdict of the limits: warn" in said["itbs"]
    assert "was not asked" in said["itbs"]
    young = shortlist([candidate("itbs")], site=EVERYTHING, age_years=14)
    assert "caution, age 14" in " | ".join(young.ranked[0].words)
    assert shortlist([candidate("ect")], site=EVERYTHING, age_years=13).ranked[0].cautions == ()


# ------------------------------------------------------------------------------------------------------- sensitivity


def test_a_shift_by_hand():
    # strong (x = 3: 0.75) without focus against focused (x = 0.5: 0.5) with little field (x = 1: 0.5)
    strong, focused = candidate("hd_tdcs", 3.0, 0.0), candidate("hd_tdcs_focal", 1.0, 0.5)
    weights = {"target_field": 3.0, "focality": 1.0}
    found = shortlist([strong, focused], site=EVERYTHING, weights=weights)
    shift = {item.criterion: item for item in found.shifts}
    assert found.ranked[0].technique == "hd_tdcs"
    # 0.25 W_field = 0.5 W_focus at equality
    assert shift["target_field"].lower == pytest.approx(2.0)
    assert shift["target_field"].lower_first == "hd_tdcs_focal"
    assert shift["target_field"].upper is None
    assert shift["focality"].upper == pytest.approx(1.5)
    assert (shift["burden"].lower, shift["burden"].upper) == (None, None)


@given(candidates=fields_of_candidates(least=2), weights=weightings, criterion=st.sampled_from(CRITERIA))
def test_the_first_place_changes_where_it_is_said_to(candidates, weights, criterion):
    found = shortlist(candidates, site=GROWING, weights=weights)
    assume(len(found.ranked) > 1 and found.ranked[0].score - found.ranked[1].score > 1e-6)
    first = found.ranked[0].technique
    shift = next(item for item in found.shifts if item.criterion == criterion)

    def first_at(value):
        changed = weights | {criterion: value}
        assume(sum(changed.values()) > 1e-6)
        return shortlist(candidates, site=GROWING, weights=changed).ranked

    for meets, inward in ((shift.lower, 1), (shift.upper, -1)):
        if meets is None or meets > 1e6:
            continue
        near = first_at(meets)
        assert {shift.lower_first, shift.upper_first} & {item.technique for item in near}
        scores = {item.technique: item.score for item in near}
        rival = shift.lower_first if inward == 1 else shift.upper_first
        assert scores[rival] == pytest.approx(scores[first], abs=1e-6)
        assert first_at((meets + weights[criterion]) / 2)[0].technique == first
    if shift.lower is None:
        assert first_at(0.0)[0].score <= {item.technique: item.score for item in first_at(0.0)}[first] + 1e-9
    if shift.upper is None:
        assert first_at(1e4)[0].score <= {item.technique: item.score for item in first_at(1e4)}[first] + 1e-9


def test_one_technique_has_no_rival():
    assert shortlist([candidate("tdcs")], site=EVERYTHING).shifts == ()
    assert shortlist([], site=EVERYTHING).ranked == ()


# ---------------------------------------------------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("weights", "words"),
    [
        ({"price": 1.0}, "criterion price is unknown"),
        ({"burden": -1.0}, "at least one above 0"),
        ({"burden": float("nan")}, "at least one above 0"),
        ({"burden": 0.0}, "at least one above 0"),
        ({}, "at least one above 0"),
    ],
)
def test_weights_that_are_none_are_refused(weights, words):
    with pytest.raises(PlanError, match=words):
        shortlist([candidate("tdcs")], site=EVERYTHING, weights=weights)


def test_other_refusals():
    with pytest.raises(PlanError, match="given more than once"):
        shortlist([candidate("tdcs"), candidate("tdcs")], site=EVERYTHING)
    with pytest.raises(PlanError, match="equipment kettle is unknown"):
        Site(equipment=frozenset({"kettle"}))
    with pytest.raises(PlanError, match="age_years = -3"):
        shortlist([candidate("tdcs")], site=EVERYTHING, age_years=-3)
    with pytest.raises(PlanError, match="number of 0 or more, or None"):
        candidate("tdcs", ratio=float("inf"))
    with pytest.raises(PlanError, match="nothing is known about the burden"):
        shortlist([replace(candidate("tdcs"), technique="eeg")], site=EVERYTHING)


# -------------------------------------------------------------------------------------------------------------- data


@pytest.mark.parametrize("technique", TECHNIQUES)
def test_every_technique_has_facts_with_a_source(technique):
    facts = technique_facts(technique)
    assert facts.source
    assert facts.source_level
    assert facts.hours_on_site > 0
    assert facts.equipment
    assert facts.invasiveness in scales().invasiveness
    assert all(limit.source for limit in age_limits(technique))


def test_the_page_lists_the_equipment_that_can_be_named():
    text = (Path(__file__).parents[2] / "docs" / "chooser.md").read_text(encoding="utf-8")
    assert [name for name in equipment_names() if f"`{name}`" not in text] == []

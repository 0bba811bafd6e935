"""Grades count controlled trials whose result was read, one vote for each publication, embedded or a user's alike."""

from dataclasses import replace

import pytest

from assuage.errors import DataError
from assuage.evidence import load_evidence
from assuage.evidence.grades import Trial, evidence_for, graded, load_trials, trial_of
from assuage.evidence.schema import table
from assuage.evidence.strata import strata
from assuage.evidence.tables import Row
from assuage.plan.bench import COMBINATIONS
from assuage.plan.bench import TECHNIQUES as PLANNED
from assuage.protocols.courses import COIL_COURSES

TECHNIQUES = {*PLANNED, *COIL_COURSES, *COMBINATIONS}
WORDS = {
    "ctbs": "grade C: 0 controlled in NSSI and 1 in other populations, 1 without a clear advantage; 0 more listed",
    "dbs": "grade D: 0 controlled in NSSI and 0 in other populations; 1 more listed",
    "ect": "grade C: 0 controlled in NSSI and 0 in other populations, and 1 pooled analysis; 3 more listed",
    "hd_tacs": "grade D: 0 controlled in NSSI and 0 in other populations; 2 more listed",
    "hd_tdcs": "grade D: 0 controlled in NSSI and 0 in other populations; 1 more listed",
    "hd_tdcs_4x1": "grade D: 0 controlled in NSSI and 0 in other populations; 1 more listed",
    "hd_tdcs_focal": "grade D: 0 controlled in NSSI and 0 in other populations; 1 more listed",
    "itbs": "grade C: 0 controlled in NSSI and 3 in other populations, 2 of them of adolescents, 1 without a "
    "clear advantage; 4 more listed",
    "mst": "grade C: 0 controlled in NSSI and 0 in other populations, and 1 pooled analysis, 1 without a clear "
    "advantage; 4 more listed",
    "rtms_10hz": "grade B: 1 controlled in NSSI and 2 in other populations, 1 of them of adolescents, 1 without a "
    "clear advantage; 1 more listed",
    "rtms_1hz": "grade C: 0 controlled in NSSI and 1 in other populations, 1 without a clear advantage; 2 more listed",
    "snt": "grade C: 0 controlled in NSSI and 2 in other populations; 1 more listed",
    "tacs": "grade D: 0 controlled in NSSI and 0 in other populations; 2 more listed",
    "tdcs": "grade C: 0 controlled in NSSI and 1 in other populations; 3 more listed",
    "tdcs_rtms": "grade C: 0 controlled in NSSI and 1 in other populations; 1 more listed",
    "ti": "grade D: 0 controlled in NSSI and 0 in other populations; 1 more listed",
    "tms": "grade B: 1 controlled in NSSI and 2 in other populations, 1 of them of adolescents, and 2 pooled analyses, "
    "2 without a clear advantage; 10 more listed",
}
"""Of the embedded tables."""
COUNTED_STRATA = {
    ("ctbs", "other", "age not stated"): ("wjbp2015",),
    ("ect", "other", "adults"): ("mutz2019_bt", "mutz2019_rul", "deng2024"),
    ("itbs", "other", "age not stated"): ("wjbp2015",),
    ("itbs", "other", "adolescents"): ("liux2025", "itbs2025"),
    ("mst", "other", "age not stated"): ("cai2023",),
    ("rtms_10hz", "other", "age not stated"): ("wjbp2015",),
    ("rtms_10hz", "other", "adults"): ("oreardon2007",),
    ("rtms_10hz", "nssi", "adolescents"): ("xu2024",),
    ("rtms_1hz", "other", "age not stated"): ("wjbp2015",),
    ("snt", "other", "age not stated"): ("cole2022", "kratter2026"),
    ("tdcs", "other", "age not stated"): ("woodham",),
    ("tdcs_rtms", "other", "adults"): ("zhoud2024_comb",),
    ("tms", "other", "age not stated"): ("wjbp2015", "si_pool", "berlim_tbs"),
    ("tms", "other", "adults"): ("oreardon2007",),
    ("tms", "nssi", "adolescents"): ("xu2024", "thesis_bilat", "gao2020", "zhao2023"),
}
"""Rows of the strata in which a trial counts, over their targets."""


def row(**cells):
    blank = {"id": "mine", "report": "mine", "citation": "Mine 2026", "nssi_sample": "yes", "technique": "rtms",
             "coded_from": "abstract"}  # fmt: skip
    return Row(table="trials", cells={**blank, **cells}, file="mine/trials.csv", line=2)


def test_every_technique_named_is_one_of_a_plan():
    assert {name for trial in load_trials() for name in trial.techniques} <= TECHNIQUES
    assert all(trial.source and trial.level for trial in load_trials())


def test_the_grades_of_the_embedded_tables():
    assert {name: evidence_for(name).words for name in TECHNIQUES if evidence_for(name).listed} == WORDS
    assert evidence_for("ect").pooled_analyses == 1, "two arms of one network meta-analysis"
    assert evidence_for("eeg").grade == "none"
    found = {}
    for name in WORDS:
        for stratum in strata(name, load_trials()):
            if stratum.grade in {"A", "B", "C"}:
                key = (name, stratum.sample, stratum.age)
                found[key] = (*found.get(key, ()), *stratum.trials)
    assert found == COUNTED_STRATA


def test_every_embedded_row_that_is_graded_was_judged_and_techniques_are_those_of_a_plan():
    assert all(not trial.not_judged for trial in load_trials())
    assert all(known["plan_technique"] for known in load_evidence().rows["trials"])
    words = set(table("trials").column("plan_technique").words)
    assert words - {"none"} == TECHNIQUES


@pytest.mark.parametrize(
    "change",
    [{"controlled": "no"}, {"result_read": "no"}, {"level": "title"}, {"level": "registry"}, {"level": "secondary"}],
)
def test_a_trial_that_was_not_read_does_not_count_and_says_why(change):
    row = next(trial for trial in load_trials() if trial.counted)
    assert isinstance(row, Trial)
    assert row.why_not == ""
    assert not replace(row, **change).counted
    assert replace(row, **change).why_not


def test_arms_of_one_report_are_one_trial_and_a_report_counts_once():
    row = next(trial for trial in load_trials() if trial.counted)
    one = replace(row, nssi="yes", age_groups=frozenset({"adolescents"}))
    assert graded([one, replace(one, id="arm")]).grade == "B"
    both = graded([one, replace(one, id="elsewhere", nssi="no")])
    assert (both.nssi_controlled, both.other_controlled, both.adolescent_controlled) == (1, 0, 1)
    assert graded([one, replace(one, report="another")]).grade == "A"


@pytest.mark.parametrize(
    ("trials", "pooled", "grade"),
    [("yes", "", "B"), ("yes", "yes yes", "B"), ("", "yes yes", "B"), ("no", "yes", "B"), ("", "no no", "C"),
     ("no", "no", "C"), ("yes yes", "no", "A")],
)  # fmt: skip
def test_a_pooled_analysis_says_that_there_are_trials_and_is_no_trial_more(trials, pooled, grade):
    row = next(trial for trial in load_trials() if trial.counted and not trial.pools)
    rows = [
        replace(row, id=f"{pools}{k}", report=f"{pools}{k}", nssi=nssi, pools=pools)
        for pools, words in ((False, trials), (True, pooled))
        for k, nssi in enumerate(words.split())
    ]
    found = graded(rows)
    assert found.grade == grade
    assert (found.nssi_controlled, found.other_controlled) == (trials.count("yes"), trials.count("no"))
    assert found.pooled_analyses == len(pooled.split())
    assert trial_of(load_evidence().row("trials", "cai2023")).pools


@pytest.mark.parametrize(
    ("cells", "techniques"),
    [
        ({}, {"tms"}),
        ({"technique": "aitbs"}, {"itbs"}),
        ({"technique": "rtms;drug"}, {"tms"}),
        ({"technique": "tdcs;rtms"}, set()),
        ({"technique": "tdcs;rtms", "plan_technique": "tdcs_rtms"}, {"tdcs_rtms"}),
        ({"technique": "closed_loop"}, set()),
        ({"plan_technique": "tms;rtms_1hz"}, {"tms", "rtms_1hz"}),
        ({"plan_technique": "none"}, set()),
    ],
)
def test_a_row_speaks_for_what_its_coder_says_else_for_its_one_stimulation(cells, techniques):
    trial = trial_of(row(**cells))
    assert trial.techniques == techniques
    assert ("plan_technique" in trial.not_judged) == ("plan_technique" not in cells)


@pytest.mark.parametrize(
    ("cells", "why"),
    [
        ({"design": "rct", "effect": "lower than sham"}, ""),
        ({"design": "rct", "controlled": "no", "effect": "lower"}, "not controlled"),
        ({"design": "cohort", "controlled": "yes", "effect": "lower"}, ""),
        ({"design": "cohort", "effect": "lower"}, "not controlled"),
        ({"effect": "lower"}, "control not stated"),
        ({"design": "meta_analysis", "effect": "lower"}, "whether controlled is not judged"),
        ({"design": "rct"}, "no result read"),
        ({"design": "rct", "result": "no_difference", "result_words": "no clear difference"}, ""),
        ({"design": "rct", "effect": "lower", "coded_from": "secondary"}, "read from secondary only"),
    ],
)
def test_what_a_row_counts_for_where_nobody_judged_it(cells, why):
    trial = trial_of(row(**cells))
    assert (trial.why_not, trial.counted) == (why, not why)


def test_a_result_that_nobody_judged_counts_and_is_said():
    trial = trial_of(row(design="rct", effect="SMD -0.4 (-0.9 to 0.1)"))
    assert (trial.result, trial.says) == ("not_judged", "SMD -0.4 (-0.9 to 0.1)")
    assert graded([trial]).words == (
        "grade B: 1 controlled in NSSI and 0 in other populations, 1 whose result is not judged; 0 more listed"
    )
    judged = trial_of(row(design="rct", effect="SMD -0.4", result="worse", result_words="worse than sham"))
    assert (judged.result, judged.says, judged.not_judged) == ("worse", "worse than sham", ("plan_technique",))


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        ({"controlled": "maybe"}, "controlled: 'maybe' is unknown"),
        ({"plan_technique": "rtms"}, "plan_technique: 'rtms' is unknown; words: tms, rtms_1hz"),
        ({"plan_technique": "tms;none"}, "plan_technique: 'none' stands beside others"),
        ({"result": "better"}, "result: 'better', but no result stands in effect"),
        ({"coded_from": "title", "effect": "lower"}, "effect: claims more than its source level allows"),
        ({"coded_from": ""}, "coded_from: blank"),
        ({"nssi_sample": "some"}, "nssi_sample: 'some' is unknown"),
        ({"age_group": "teens"}, "age_group: 'teens' is unknown"),
    ],
)
def test_a_cell_that_decides_and_cannot_stand_is_refused(cells, said):
    with pytest.raises(DataError) as refused:
        trial_of(row(**cells))
    assert f"mine/trials.csv line 2, mine, {said}" in str(refused.value)
    assert "\n" not in str(refused.value)
    trial_of(row(doi="no doi"))  # what does not decide is for `validate`


def test_a_result_that_stands_in_words_alone_was_read():
    trial = trial_of(row(design="rct", result_words="fewer days with urges than under sham"))
    assert (trial.result_read, trial.result, trial.why_not) == ("yes", "not_judged", "")


def test_results_that_do_not_speak_for_a_technique_are_counted_beside_the_others():
    assert "without a clear advantage" in evidence_for("ctbs").words
    row = next(trial for trial in load_trials() if trial.counted)
    assert "advantage" not in graded([replace(row, result="better")]).words

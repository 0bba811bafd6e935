"""Grades count controlled trials whose result was read, one vote for each publication, and nothing else."""

from dataclasses import replace

import pytest

from assuage.errors import DataError
from assuage.evidence import load_evidence
from assuage.evidence.grades import Trial, _trial, evidence_for, graded, load_trials
from assuage.plan.bench import COMBINATIONS
from assuage.plan.bench import TECHNIQUES as PLANNED
from assuage.protocols.courses import COIL_COURSES

TECHNIQUES = {*PLANNED, *COIL_COURSES, *COMBINATIONS}
ROW = {"id": "woodham", "techniques": "tdcs", "controlled": "yes", "result_read": "yes", "result": "better", "says": ""}


def test_every_technique_named_is_one_of_a_plan():
    assert {name for trial in load_trials() for name in trial.techniques} <= TECHNIQUES
    assert all(trial.source and trial.level for trial in load_trials())


def test_the_grades_of_the_embedded_tables():
    grades = {name: evidence_for(name).grade for name in TECHNIQUES}
    assert grades["rtms_10hz"] == "B"
    assert grades["tdcs"] == grades["ect"] == "C"
    assert grades["ti"] == grades["dbs"] == grades["tacs"] == "D"
    assert evidence_for("ect").other_controlled == 1, "two arms of one network meta-analysis"
    assert evidence_for("eeg").grade == "none"
    assert "0 controlled in NSSI" in evidence_for("tdcs").words
    assert evidence_for("itbs").adolescent_controlled >= 1


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


def test_a_row_without_its_trial_or_with_another_answer_is_refused():
    facts = load_evidence().row("trials", "woodham")
    assert _trial(ROW, facts).counted
    with pytest.raises(DataError, match="no trial of the table"):
        _trial(ROW, None)
    with pytest.raises(DataError, match="unknown answer in controlled"):
        _trial(ROW | {"controlled": "maybe"}, facts)
    with pytest.raises(DataError, match="unknown answer in result"):
        _trial(ROW | {"result": ""}, facts)


def test_results_that_do_not_speak_for_a_technique_are_counted_beside_the_others():
    assert "without a clear advantage" in evidence_for("ctbs").words
    row = next(trial for trial in load_trials() if trial.counted)
    assert "advantage" not in graded([replace(row, result="better")]).words

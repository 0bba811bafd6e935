"""Grades of a stratum come from its own trials; what counts elsewhere is named as indirect and lends nothing."""

import json
from dataclasses import replace

import pytest

from assuage.circuits import circuit_names, load_circuit
from assuage.cli.app import run
from assuage.evidence.grades import graded, load_trials
from assuage.evidence.strata import (
    AGES,
    NO_AGE,
    NO_TARGET,
    SEVERAL,
    age_group,
    age_of,
    region_of,
    strata,
    target_name,
    target_of,
)

TECHNIQUES = sorted({name for trial in load_trials() for name in trial.techniques})
LEFT = target_name("dorsolateral prefrontal cortex", "L")


def found(technique, sample, age, target=LEFT, trials=None):
    every = strata(technique, load_trials() if trials is None else trials, target=target)
    (one,) = [s for s in every if (s.target, s.sample, s.age) == (target, sample, age)]
    return one


@pytest.mark.parametrize("technique", TECHNIQUES)
def test_every_trial_lies_in_one_stratum_and_grades_are_those_of_its_trials_alone(technique):
    own = {trial.id: trial for trial in load_trials() if technique in trial.techniques}
    made = strata(technique, load_trials())
    assert sorted(name for stratum in made for name in stratum.trials) == sorted(own)
    for stratum in made:
        inside = [own[name] for name in stratum.trials]
        assert stratum.grade == graded(inside).grade
        assert all((trial.nssi == "yes") == (stratum.sample == "nssi") for trial in inside)
        assert all(age_of(trial.age_groups) == stratum.age and target_of(trial) == stratum.target for trial in inside)
        assert stratum.grade not in {"A", "B"} or stratum.sample == "nssi"
        assert (stratum.reason == "no trial") == (stratum.trials == ()) == (stratum.grade == "none")
        counts = any(trial.counted for trial in inside)
        elsewhere = {trial.id for trial in own.values() if trial.counted} - set(stratum.trials)
        assert {name for item in stratum.indirect for name in item.trials} == (set() if counts else elsewhere)
        assert all(item.differs for item in stratum.indirect)
    pairs = {(s.target, s.sample, s.age) for s in made}
    assert all((s.target, sample, age) in pairs for s in made for sample in ("nssi", "other") for age in AGES)


def test_an_indirect_pooled_analysis_is_said_to_be_one():
    pools = {trial.id for trial in load_trials() if trial.pools}
    indirect = found("tms", "nssi", "adults").indirect
    assert any(pools & set(item.trials) for item in indirect)
    assert all(("pooled analysis" in item.differs) == (name in pools) for item in indirect for name in item.trials)


def test_adolescents_and_adults_are_kept_apart():
    young, grown = found("itbs", "other", "adolescents"), found("itbs", "other", "adults")
    assert (young.grade, young.trials) == ("C", ("liux2025", "itbs2025"))
    assert (grown.grade, grown.reason) == ("none", "no trial")
    assert ("adolescents",) in [item.differs for item in grown.indirect]
    registered = found("itbs", "nssi", "adolescents")
    assert registered.grade == "D"
    assert "nct06210100 (read from registry only)" in registered.reason
    assert registered.indirect_words.startswith("liux2025, itbs2025 (other sample)")


def test_one_trial_more_in_a_stratum_changes_that_grade_and_no_other():
    row = next(trial for trial in load_trials() if trial.id == "xu2024")
    moved = replace(row, id="new", report="new", techniques=frozenset({"itbs"}), target="left DLPFC")
    before = {(s.target, s.sample, s.age): s.grade for s in strata("itbs", load_trials())}
    after = {(s.target, s.sample, s.age): s.grade for s in strata("itbs", [*load_trials(), moved])}
    changed = {key for key in after if after[key] != before.get(key)}
    assert changed == {(LEFT, "nssi", "adolescents")}
    assert after[LEFT, "nssi", "adolescents"] == "B"
    twice = [*load_trials(), moved, replace(moved, id="again", report="again")]
    assert found("itbs", "nssi", "adolescents", trials=twice).grade == "A"
    assert (
        found("itbs", "nssi", "adolescents", trials=twice).reason
        == "2 controlled trials with a result read: new, again"
    )


@pytest.mark.parametrize(
    ("ages", "age"),
    [((), NO_AGE), (("adolescents",), "adolescents"), (("adults", "older_adults"), "adults"), (("youth",), SEVERAL),
     (("adolescents", "adults"), SEVERAL), (("children",), SEVERAL)],
)  # fmt: skip
def test_an_age_is_what_the_row_says_and_no_more(ages, age):
    assert age_of(ages) == age


@pytest.mark.parametrize(
    ("years", "word"),
    [(None, ""), (9.9, ""), (10, "adolescents"), (17.9, "adolescents"), (18, ""), (19.9, ""), (20, "adults")],
)
def test_a_person_has_the_age_group_whose_word_holds_alone(years, word):
    assert age_group(years) == word


def test_regions_of_targets_are_regions_of_circuits():
    names = {region.name for circuit in circuit_names() for region in load_circuit(circuit).regions}
    regions = {region_of(trial)[0] for trial in load_trials()} - {""}
    assert regions
    assert regions <= names
    for name in names:
        for words, side in ((name, ""), (f"Left  {name}", "L"), (f"R {name}", "R")):
            assert region_of(replace(load_trials()[0], target=words)) == (name, side)
    assert region_of(replace(load_trials()[0], target="left F3")) == ("", "")
    assert target_of(replace(load_trials()[0], target="")) == NO_TARGET
    assert target_of(replace(load_trials()[0], target="bifrontal")) == "bifrontal"


def test_a_technique_without_trials_has_strata_that_say_so():
    made = strata("eeg", load_trials(), target=LEFT)
    assert [(s.target, s.reason, s.indirect) for s in made] == [(LEFT, "no trial", ())] * 4
    assert {s.target for s in strata("eeg", load_trials())} == {NO_TARGET}


def test_the_command_shows_the_strata_with_their_trials(capsys):
    assert run(["evidence", "grades", "--technique", "itbs", "--target", "left DLPFC", "--age", "adolescents"]) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert "liux2025" in text
    assert "2 strata" in text
    insula = ["--target", "left anterior insula", "--nssi-only", "--json"]
    assert run(["evidence", "grades", "--technique", "tdcs", *insula]) == 0
    made = json.loads(capsys.readouterr().out)["strata"]
    assert [(s["age"], s["grade"], s["reason"]) for s in made] == [(age, "none", "no trial") for age in AGES]
    assert made[0]["indirect"][0]["trials"] == ["woodham"]
    assert run(["evidence", "grades"]) == 0
    assert "strata without a trial are not shown" in " ".join(capsys.readouterr().out.split())


def test_a_row_of_the_user_is_graded_by_its_own_columns(tmp_path, capsys, write):
    row = {"id": "xu2024", "report": "xu2024", "citation": "Xu 2024", "nssi_sample": "yes", "technique": "rtms",
           "age_group": "adults", "target": "Left DLPFC", "coded_from": "abstract", "coded_by": "A"}  # fmt: skip
    others = {
        "outside": {"technique": "closed_loop"},
        "open": {"design": "rct", "effect": "lower", "target": "right putamen"},
    }
    folder = write(
        tmp_path, {"trials": [row, *({**row, "id": name, "report": name, **own} for name, own in others.items())]}
    )
    assert run(["evidence", "grades", "--technique", "rtms_10hz", "--tables", str(folder), "--json"]) == 0
    said = capsys.readouterr()
    assert "stands in place of" in said.err
    made = json.loads(said.out)
    assert not any("xu2024" in s["trials"] for s in made["strata"]), "its row does not say 10 Hz any more"
    assert made["own_rows_not_graded"] == ["outside"]
    assert made["not_judged"] == {
        "xu2024": ["plan_technique"], "outside": ["plan_technique"], "open": ["plan_technique", "result"],
    }  # fmt: skip
    assert run(["evidence", "grades", "--technique", "tms", "--tables", str(folder), "--json"]) == 0
    strata_made = {name: s for s in json.loads(capsys.readouterr().out)["strata"] for name in s["trials"]}
    (laid, own) = strata_made["xu2024"], strata_made["open"]
    assert (laid["target"], laid["age"], laid["grade"], laid["people"]) == (LEFT, "adults", "D", "NSSI sample, adults")
    assert (own["target"], own["grade"]) == ("right putamen", "B")
    assert run(["evidence", "grades", "--technique", "tms", "--tables", str(folder)]) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert "not graded, for no technique of a plan: outside (column plan_technique)" in text
    assert (
        "not judged, so taken by the rule of docs/evidence.md: xu2024 (plan_technique); open (plan_technique, result)"
        in text
    )
    assert run(["evidence", "grades", "--technique", "itbs", "--json"]) == 0
    embedded = json.loads(capsys.readouterr().out)
    assert (embedded["own_rows_not_graded"], embedded["not_judged"]) == ([], {})


def test_a_broken_row_of_the_user_is_refused_in_one_line(tmp_path, capsys, write):
    row = {"id": "mine", "report": "mine", "citation": "Mine 2026", "nssi_sample": "yes", "technique": "laser",
           "coded_from": "abstract", "coded_by": "A"}  # fmt: skip
    folder = str(write(tmp_path, {"trials": [row]}))
    for command in (["grades"], ["report", "--out", str(tmp_path / "x.html")]):
        assert run(["evidence", *command, "--tables", folder]) == 2
        said = capsys.readouterr().err
        assert "line 2, mine, technique: 'laser' is unknown" in said
        assert said.count("\n") == 1
    assert not (tmp_path / "x.html").exists()


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--technique", "eeg"], "--technique 'eeg' has no trial; techniques: ctbs"),
        (["--age", "children"], "--age 'children' is no age of the grades; ages: adolescents, adults"),
        (["--target", "moon"], "--target 'moon' is no region of a circuit and no target of a trial"),
    ],
)
def test_what_there_is_no_stratum_for_is_refused(capsys, more, said):
    assert run(["evidence", "grades", *more]) == 2
    refused = capsys.readouterr().err
    assert said in refused
    assert refused.count("\n") == 1

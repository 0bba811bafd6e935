"""The living review: cells, effects and sentences come from rows of the tables, and none claims more than its level."""

import csv
import re

import pytest

from assuage.circuits.circuits import circuit_names, load_circuit
from assuage.circuits.review import ELSEWHERE, NOT_STATED, domains_of, review
from assuage.circuits.weights import weigh
from assuage.cli.app import run
from assuage.evidence import load_evidence
from assuage.evidence.grades import load_trials
from assuage.evidence.schema import levels


@pytest.fixture(scope="module")
def found():
    return review(load_evidence())


def test_every_trial_is_in_the_map_and_cells_add_up_to_no_more(found):
    for trial in load_trials():
        columns = domains_of(trial)
        assert columns <= set(found.columns)
        for technique in trial.techniques:
            assert all(trial in found.cells[technique, column].trials for column in columns)
    assert all(cell.listed == len(cell.trials) for cell in found.cells.values())


def test_a_target_leads_to_the_domains_that_have_it():
    by_id = {trial.id: trial for trial in load_trials()}
    assert domains_of(by_id["liux2025"]) == {"emotion_regulation", "impulse_control"}
    assert domains_of(by_id["gorodetsky2024"]) == {"reward"}
    assert domains_of(by_id["xu2024"]) == {NOT_STATED}
    assert domains_of(by_id["woodham"]) == {ELSEWHERE}


def test_a_trial_of_the_user_is_in_the_map_by_the_same_rule_as_in_the_pooled_effects(tmp_path):
    cells = {
        "nssi_sample": "yes", "technique": "rtms", "age_group": "adolescents", "design": "rct", "comparator": "sham",
        "outcome": "episodes", "coded_from": "abstract", "coded_by": "A. Coder", "target": "right putamen",
    }  # fmt: skip
    rows = [
        {"id": "xu2024", "report": "xu2024", "citation": "Xu 2026", "effect": "SMD -0.4 (-0.9 to 0.1)", **cells},
        {"id": "mine", "report": "mine", "citation": "Mine 2026", "effect": "SMD -0.7 (-1.3 to -0.1)", **cells,
         "result": "worse", "result_words": "worse than sham"},
        {"id": "loop", "report": "loop", "citation": "Loop 2026", **cells, "technique": "closed_loop"},
    ]  # fmt: skip
    with (tmp_path / "trials.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[1]), restval="")
        writer.writeheader()
        writer.writerows(rows)
    made = review(load_evidence(tmp_path))
    cell = made.cells["tms", "reward"]
    assert (cell.grade, [trial.id for trial in cell.trials]) == ("A", ["mine", "xu2024"])
    (group,) = [group for group in made.groups if group.pooled]
    assert {taken.row.id for taken in group.pooled[0].taken} == {"mine", "xu2024"}
    assert group.plan_techniques == ("tms",)
    assert "xu2024" not in {trial.id for trial in made.trials["rtms_10hz"].trials}
    assert ("tms", "mine") in [(technique, trial.id) for technique, trial in made.against]
    assert ([t.id for t in made.outside], [t.id for t in made.unjudged]) == (["loop"], ["xu2024"])
    assert run(["evidence", "report", "--out", str(tmp_path / "x.html"), "--tables", str(tmp_path)]) == 0
    text = (tmp_path / "x.html").read_text(encoding="utf-8")
    assert 'column <code>plan_technique</code> names none: <a href="#row-loop">loop</a>' in text
    assert '(column <code>result</code>): <a href="#row-xu2024">xu2024</a>' in text
    assert "3 of the trials in tables of your own" in text
    assert "Mine 2026, rTMS: SMD" in text, "the word of the table is written out"


def test_a_difference_of_means_is_listed_and_not_drawn(tmp_path):
    row = {"id": "mine", "report": "mine", "citation": "A long title without an author, of a journal 2026",
           "nssi_sample": "yes", "technique": "rtms", "outcome": "episodes", "effect": "MD -1.8 (-3.2 to -0.4)",
           "coded_from": "abstract", "coded_by": "A. Coder"}  # fmt: skip
    second = {**row, "id": "other", "report": "other", "effect": "OR 0.5 (0.3 to 0.9)", "technique_printed": "x" * 60}
    with (tmp_path / "trials.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(second), restval="")
        writer.writeheader()
        writer.writerows([row, second])
    found = review(load_evidence(tmp_path))
    assert [e.is_drawn for e in found.effects if e.trial == "mine"] == [False]
    assert run(["evidence", "report", "--out", str(tmp_path / "x.html"), "--tables", str(tmp_path)]) == 0
    text = (tmp_path / "x.html").read_text(encoding="utf-8")
    assert "MD -1.8 (-3.2 to -0.4)" in text
    assert "stand in the table only" in text
    assert f"2 of the {len(found.effects)} are from people chosen because of self-injury" in text
    assert "A long title without an author, …: OR" in text, "no label takes the room of the picture"


def test_effects_are_printed_ones_and_of_levels_that_may_claim(found):
    evidence = load_evidence()
    assert found.effects
    for effect in found.effects:
        row = evidence.row("trials", effect.trial)
        assert levels()[effect.level].claims
        assert effect.low <= effect.value <= effect.high
        assert effect.says in row["effect"]
        assert f"{effect.value:g}" in row["effect"]


def test_results_against_are_listed_once(found):
    ids = [trial.id for _, trial in found.against]
    assert len(ids) == len(set(ids))
    assert {"wjbp2015", "khosravani2025", "ronnqvist2021"} <= set(ids)


def test_registered_trials_have_no_result(found):
    assert all(row["effect"] == "" for row in found.registered)
    assert {"nct06139484_snt", "nct06127056"} <= {row.id for row in found.registered}


def test_the_page_is_one_file_that_names_rows_and_hash(tmp_path, capsys):
    assert run(["evidence", "report", "--out", str(tmp_path / "review.html")]) == 0
    text = (tmp_path / "review.html").read_text(encoding="utf-8")
    assert "review.html" in capsys.readouterr().out
    for mark in ("not a medical device", "No full text was read", "liux2025", "NCT06139484", "Evidence-gap map"):
        assert mark in text
    assert all(word not in text for word in ('src="http', "<script", "<link", "@import"))


def test_the_circuits_page_links_every_located_region(tmp_path):
    assert run(["circuits", "show", "--circuit", "reward", "--out", str(tmp_path / "reward.html")]) == 0
    text = (tmp_path / "reward.html").read_text(encoding="utf-8")
    for key in ("orbitofrontal_cortex_L", "nucleus_accumbens_R", "ventromedial_prefrontal_cortex"):
        assert f'href="#reward-{key}"' in text
        assert f'id="reward-{key}"' in text
    assert "studies disagree" in text


def test_the_harvest_plot_has_a_bar_for_every_finding_with_a_direction(tmp_path):
    out = tmp_path / "review.html"
    assert run(["evidence", "report", "--out", str(out)]) == 0
    page = out.read_text(encoding="utf-8")
    tables = re.findall(r'<table class="harvest">.*?</table>', page, flags=re.DOTALL)
    assert len(tables) == len(circuit_names())
    for name, table in zip(circuit_names(), tables, strict=True):
        regions = weigh(load_circuit(name), load_evidence()).regions
        columns = ("decrease", "no_difference", "altered", "increase")
        told = [r for region in regions for r in region.reports if r.direction in columns]
        assert table.count('class="own"') == sum(r.nssi_sample == "yes" for r in told)
        assert table.count('class="other"') == sum(r.nssi_sample != "yes" for r in told)
        cells = [
            re.findall(r"<td>(.*?)</td>", row) for row in re.findall(r"<tr><th.*?</tr>", table, flags=re.DOTALL)[1:]
        ]
        for region, row in zip(regions, cells, strict=True):
            for direction, cell in zip(columns, row, strict=True):
                assert cell.count("<svg") == sum(r.direction == direction for r in region.reports)

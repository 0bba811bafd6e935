"""The validator: the embedded tables are clean, and each of many seeded errors is named by row and column."""

import pytest

from assuage.evidence import load_evidence, validate
from assuage.evidence.validate import errors, known_problems

SEEDS = [
    # types, ranges, words, forms
    ("studies", {"year": "20 24"}, "year", "type"),
    ("studies", {"n_nssi": "14.5"}, "n_nssi", "type"),
    ("studies", {"year": "1824"}, "year", "range"),
    ("studies", {"n_control": "-3"}, "n_control", "range"),
    ("studies", {"age_max": "171"}, "age_max", "range"),
    ("studies", {"citation": ""}, "citation", "required"),
    ("studies", {"coded_by": ""}, "coded_by", "required"),
    ("findings", {"coded_from": ""}, "coded_from", "required"),
    ("studies", {"domain": "rewards"}, "domain", "word"),
    ("studies", {"modality": "fMRI, sMRI"}, "modality", "word"),
    ("findings", {"direction": "lower"}, "direction", "word"),
    ("findings", {"coded_from": "memory"}, "coded_from", "word"),
    ("trials", {"technique": "rTMS"}, "technique", "word"),
    ("trials", {"design": "RCT"}, "design", "word"),
    ("studies", {"doi": "https://doi.org/10.1234/new.2024"}, "doi", "doi-form"),
    ("studies", {"doi": "10.1234/new.2024."}, "doi", "doi-form"),
    ("studies", {"pmid": "PMC7184534"}, "pmid", "pmid-form"),
    ("studies", {"pmcid": "7184534"}, "pmcid", "pmcid-form"),
    ("trials", {"registration": "NCT1234567"}, "registration", "registration-form"),
    ("studies", {"added": "1.11.2026"}, "added", "date-form"),
    ("studies", {"author": "New"}, "author", "column"),
    ("studies", {"notes": "a\x07b"}, "notes", "control"),
    # the brain
    ("coordinates", {"x": "-210"}, "x", "range"),
    ("coordinates", {"z": "99"}, "z", "brain"),
    ("coordinates", {"y": ""}, "y", "required"),
    ("coordinates", {"space": "TAL"}, "space", "word"),
    # rows against each other
    ("findings", {"study_id": "koenig2031"}, "study_id", "orphan"),
    ("coordinates", {"finding_id": "new2024-9"}, "finding_id", "orphan"),
    ("studies", {"doi": "10.1016/J.JAD.2017.06.004"}, "doi", "doi-twice"),
    ("studies", {"pmid": "28628767"}, "pmid", "pmid-twice"),
    ("trials", {"doi": "10.1136/bmj.l1079"}, "doi", "doi-twice"),
    ("studies", {"citation": "Brown et al., 2017, Front. Psychiatry", "year": "2017", "doi": ""}, "citation", "alike"),
    ("findings", {"coded_from": "full_text"}, "coded_from", "level"),
    ("findings", {"direction": "negative_correlation"}, "comparison", "comparison"),
    ("studies", {"n_total": "50"}, "n_total", "total"),
    ("trials", {"n_total": "30"}, "n_total", "total"),
    ("studies", {"age_min": "18"}, "age_min", "ages"),
    # what the level of text allows
    ("findings", {"coded_from": "title", "statistic": ""}, "direction", "claims-more"),
    ("findings", {"coded_from": "registry", "direction": "not_read"}, "statistic", "claims-more"),
    ("trials", {"coded_from": "registry"}, "effect", "claims-more"),
    ("coordinates", {"coded_from": "database"}, "direction", "claims-more"),
    # statistics
    ("findings", {"statistic": "t(58)=2.31, p=.24"}, "statistic", "p-statistic"),
    ("findings", {"statistic": "t[58]=2.31, p<0.01"}, "statistic", "p-statistic"),
    ("findings", {"statistic": "F(1,40)=2.10, p=.001"}, "statistic", "p-statistic"),
    ("findings", {"statistic": "r(58)=.10, p=.03"}, "statistic", "p-statistic"),
    ("findings", {"statistic": "chi2(1, N=60)=1.2, p=.02"}, "statistic", "p-statistic"),
    ("findings", {"statistic": "z=1.5, p=.01"}, "statistic", "p-statistic"),
    ("findings", {"statistic": "r=0.10, p=0.01"}, "statistic", "p-n"),
    ("findings", {"statistic": "chi2=0.01, p=0.001"}, "statistic", "p-n"),
    ("findings", {"statistic": "t(75)=2.31, p=.024"}, "statistic", "df"),
    ("findings", {"statistic": "F(40)=4.1, p=.05"}, "statistic", "df"),
    ("findings", {"statistic": "r=1.2"}, "statistic", "statistic-range"),
    ("findings", {"statistic": "p=1.2"}, "statistic", "p-range"),
    ("findings", {"statistic": "t(58)=12.1, p=.000"}, "statistic", "p-range"),
    ("trials", {"effect": "OR 2.79 (9.97-0.78)"}, "effect", "interval"),
    ("trials", {"effect": "HR 1.22 (1.30-2.16)"}, "effect", "interval"),
    ("trials", {"effect": "RR 1.36 (-0.2 to 2.36)"}, "effect", "interval"),
    ("trials", {"effect": "OR 2.79 (0.78-5.10)"}, "effect", "interval-middle"),
    ("trials", {"effect": "SMD 0.21 (-0.29 to 0.95)"}, "effect", "interval-middle"),
    ("trials", {"effect": "OR 2.79 (0.78-9.97), SE 0.25"}, "effect", "se"),
    ("trials", {"effect": "OR 2.79 (0.78-9.97), p=0.01"}, "effect", "p-interval"),
    ("trials", {"effect": "HAM-D17 57.05 (SD 4.10) vs 14.20 (SD 4.30)"}, "effect", "scale"),
    ("trials", {"effect": "HAM-D17 10.05 (SD 27.0) vs 14.20 (SD 4.30)"}, "effect", "scale"),
    ("trials", {"effect": "HAM-D17 10.07 (SD 4.10) vs 14.20 (SD 4.30)"}, "effect", "grim"),
    ("trials", {"effect": "HAM-D17 10.05 (SD 4.10) vs 14.20 (SD 4.30), t=-6.1"}, "effect", "t-means"),
    ("trials", {"effect": "12 (45.0%) vs 7 (35.0%)"}, "effect", "count"),
    ("trials", {"effect": "12 (60.0%) vs 27 (35.0%)"}, "effect", "count"),
    ("trials", {"effect": "12/20 (60%) vs 14/20 (60%)"}, "effect", "count"),
    ("trials", {"effect": "25/20 vs 7/20"}, "effect", "count"),
    ("trials", {"effect": "12 of 20 (60%) vs 21 of 20 (105%)"}, "effect", "count"),
    ("trials", {"effect": "HAM-D17 10.1 (SD 4.1), 9.2 (SD 4.0) and 77.2 (SD 4.0)"}, "effect", "scale"),
    ("trials", {"effect": "response 61% vs 35%"}, "effect", "percent-n"),
    ("trials", {"effect": "response 160% vs 35%"}, "effect", "percent"),
]  # fmt: skip


def test_the_embedded_tables_are_clean():
    assert validate(load_evidence()) == ()


@pytest.mark.parametrize(
    "effect",
    ["12/20 (60%) vs 7/20 (35%)", "12 of 20 (60.0%) vs 7 of 20 (35.0%)", "12/20 vs 7/20", "12 (60%) vs 7 (35%)"],
)
def test_counts_that_fit_are_no_problem(tmp_path, write, valid, effect):
    valid["trials"][0]["effect"] = effect
    assert validate(load_evidence(write(tmp_path, valid))) == ()


def test_every_known_oddity_is_still_there():
    found = validate(load_evidence(), with_known=True)
    unexplained = [p.text for p in found if not any(known.covers(p) for known in known_problems())]
    idle = [known for known in known_problems() if not any(known.covers(p) for p in found)]
    assert unexplained == []
    assert idle == []
    assert all(len(known.reason) > 20 for known in known_problems())


def test_the_valid_rows_are_valid(tmp_path, write, valid):
    assert validate(load_evidence(write(tmp_path, valid))) == ()


@pytest.mark.parametrize(("table", "change", "column", "rule"), SEEDS, ids=lambda v: str(v)[:60])
def test_a_seeded_error_is_named_by_row_and_column(tmp_path, write, valid, table, change, column, rule):
    valid[table].insert(0, dict(valid[table][0]))  # the second of two rows is spoilt: the line has to be found
    blank = dict.fromkeys(("doi", "pmid", "registration", "finding_id"), "")
    valid[table][0].update(blank, id="first", report="first", contrast="other")
    valid[table][0].update(citation="First 1999 Quite Another Journal", year="1999")
    valid[table] = [{k: v for k, v in row.items() if k in valid[table][1]} for row in valid[table]]
    valid[table][1].update(change)
    problems = validate(load_evidence(write(tmp_path, valid)))
    line = 1 if rule == "column" else 3
    assert (table, line, column, rule) in {(p.table, p.line, p.column, p.rule) for p in problems}
    spoilt = [p for p in problems if p.rule == rule]
    assert all(p.file.endswith(f"{table}.csv") and p.column == column for p in spoilt)
    assert all(p.line == line for p in spoilt)


def test_the_same_id_twice_in_one_file(tmp_path, write, valid):
    valid["studies"].append({**valid["studies"][0], "doi": "10.1234/other", "pmid": "", "citation": "Other 2024"})
    (problem,) = validate(load_evidence(write(tmp_path, valid)))
    assert (problem.rule, problem.line, problem.column) == ("id", 3, "id")
    assert "line 2" in problem.message


def test_the_same_result_twice(tmp_path, write, valid):
    valid["findings"].append({**valid["findings"][0], "id": "new2024-2"})
    valid["coordinates"].append({**valid["coordinates"][0], "id": "new2024-p2"})
    assert [p.rule for p in validate(load_evidence(write(tmp_path, valid)))] == ["repeated", "repeated"]


def test_a_cell_too_many(tmp_path, write, valid):
    folder = write(tmp_path, valid)
    text = (folder / "studies.csv").read_text(encoding="utf-8")
    (folder / "studies.csv").write_text(text.rstrip("\n") + ",one more\n", encoding="utf-8")
    assert [(p.rule, p.line) for p in validate(load_evidence(folder))] == [("surplus", 2)]


def test_a_missing_column(tmp_path):
    (tmp_path / "studies.csv").write_text("id,citation\nnew,New 2024\n", encoding="utf-8")
    found = {(p.line, p.column, p.rule) for p in validate(load_evidence(tmp_path))}
    assert {(1, "domain", "column"), (1, "coded_from", "column"), (2, "domain", "required")} <= found


def test_known_oddities_excuse_no_row_of_a_user(tmp_path, write):
    own = [dict(load_evidence().row("findings", "guo2024-6").cells)]
    problems = validate(load_evidence(write(tmp_path, {"findings": own})))
    assert [(p.row, p.rule) for p in problems] == [("guo2024-6", "p-n")]
    assert errors(problems) == ()


def test_no_embedded_row_claims_more_than_was_read():
    for row in load_evidence():
        if row["coded_from"] in {"title", "registry", "database"}:
            assert row["statistic"] == row["effect"] == row["adverse_events"] == ""
            assert row["direction"] in {"", "not_read"}


def test_no_share_alike_peaks_are_bundled():
    peaks = load_evidence().rows["coordinates"]
    assert {row["licence"] for row in peaks} == {"BSD-3-Clause"}
    assert "vega2018" not in {row["study_id"] for row in peaks}

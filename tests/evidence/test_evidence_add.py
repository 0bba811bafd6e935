"""Adding rows: checked as a whole, written whole, with coder and level; from prompts, --set, BibTeX and RIS."""

import json
import sys

import pytest

from assuage.cli.app import run
from assuage.errors import DataError
from assuage.evidence import load_evidence, validate
from assuage.evidence.adding import add_rows
from assuage.evidence.bibliography import identifier_of, read_bibtex, read_ris

BIBTEX = r"""
@article{k, title = {A {Study} of {\"o}ther things}, author = {K{\"o}nig, Jana and Doe, Ann and Roe, Bob}, year = 2025,
  journal = {Journal of Tests}, doi = {https://doi.org/10.1234/abc.2025}, pmid = {39123456}}
@article{l, title = {Another one entirely}, author = {Santos, Maria}, date = {2024-05-01}, journaltitle = {Tests},
  doi = {10.1016/j.jad.2017.06.004}}
"""
RIS = """TY  - JOUR
TI  - A study of other things
AU  - König, Jana
AU  - Doe, Ann
PY  - 2025
JO  - Journal of Tests
DO  - 10.1234/abc.2025
AN  - 39123456
ER  -
"""
FIXED = ["--set", "domain=reward", "--set", "nssi_sample=yes", "--set", "design=primary"]
CODER = ["--coded-by", "A. Coder", "--level", "title"]


def test_a_row_is_added_with_coder_level_and_day(tmp_path, capsys):
    folder = tmp_path / "mine"
    arguments = ["evidence", "add", "--to", str(folder), *CODER, *FIXED, "--set", "citation=Neu et al. 2025 J Tests"]
    assert run([*arguments, "--set", "year=2025"]) == 0
    assert "neu2025" in capsys.readouterr().out
    row = load_evidence(folder).row("studies", "neu2025")
    assert (row["coded_by"], row["coded_from"], row.line) == ("A. Coder", "title", 2)
    assert row["added"][:2] == "20"
    assert validate(load_evidence(folder)) == ()


def test_a_second_row_stands_behind_the_first(tmp_path, write, valid):
    folder = write(tmp_path, valid)
    row = {**valid["findings"][0], "id": "new2024-2", "region": "insula"}
    added = add_rows(folder, "findings", [row])
    assert [r.id for r in load_evidence(folder).rows["findings"][-2:]] == ["new2024-1", "new2024-2"]
    assert added.rows[0].line == 3
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (["year=1825"], "1825 lies outside 1900 to 2100; nothing was added"),
        (["doi=10.1016/j.jad.2017.06.004"], "belongs to westlundschreiner2017 (embedded/studies.csv line"),
        (["id=koenig2021"], "'koenig2021' stands in embedded/studies.csv line"),
        (["colour=red"], "has no column 'colour'"),
        (["domain"], "write COLUMN=VALUE"),
        (["domain=pain"], "--set names domain twice"),
    ],
)
def test_what_cannot_stand_is_refused_and_nothing_written(tmp_path, capsys, settings, said):
    folder = tmp_path / "mine"
    arguments = [part for setting in settings for part in ("--set", setting)]
    fixed = [*FIXED, "--set", "citation=Neu et al. 2025 J Tests"]
    assert run(["evidence", "add", "--to", str(folder), *CODER, *fixed, *arguments]) == 2
    refused = capsys.readouterr().err
    assert said in refused
    assert refused.count("\n") == 1
    assert not folder.exists()


def test_a_result_from_a_title_is_refused(tmp_path, write, valid):
    row = {**valid["findings"][0], "id": "new2024-2", "region": "insula", "coded_from": "title"}
    with pytest.raises(DataError, match="claims more than its source level allows"):
        add_rows(write(tmp_path, valid), "findings", [row])


def test_a_file_with_unknown_columns_loses_nothing(tmp_path, write, valid):
    valid["studies"][0]["mood"] = "calm"
    folder = write(tmp_path, valid)
    before = (folder / "studies.csv").read_bytes()
    with pytest.raises(DataError, match="'mood', which the schema does not know"):
        add_rows(folder, "studies", [{**valid["studies"][0], "id": "other"}])
    assert (folder / "studies.csv").read_bytes() == before


def test_what_is_missing_is_named_where_nobody_can_be_asked(tmp_path, capsys):
    assert run(["evidence", "add", "--to", str(tmp_path), *CODER, "--set", "citation=Neu 2025 J Tests"]) == 2
    assert "lacks nssi_sample, design, domain; give --set nssi_sample=..." in capsys.readouterr().err


def test_prompts_ask_again_until_a_cell_can_stand(tmp_path, monkeypatch, capsys):
    answers = {
        "study_id": ["koenig2031", "koenig2021"],
        "statistic": ["t(58)=2.31, p=.2", "t(58)=2.31, p=.02"], "region": ["", "insula"], "measure": ["activation"],
        "direction": ["up", "increase"], "comparison": ["group"], "domain": ["pain"],
        "hemisphere": ["left", "L"],
    }  # fmt: skip
    monkeypatch.setattr("typer.prompt", lambda text, **_: (answers.get(text.strip()) or [""]).pop(0))
    arguments = ["--table", "findings", "--coded-by", "A. Coder", "--level", "abstract"]
    assert run(["evidence", "add", "--to", str(tmp_path / "mine"), *arguments]) == 0
    said = capsys.readouterr().out
    assert "'up' is unknown; words: increase, decrease" in said
    assert "'koenig2031' is in no row of studies" in said
    assert "gives p = 0.024 to 0.025, not p = 0.2" in said
    assert "blank; region as the source names it" in said
    (row,) = (r for r in load_evidence(tmp_path / "mine").rows["findings"] if r["coded_by"] == "A. Coder")
    assert (row.id, row["hemisphere"], row["direction"]) == ("koenig2021-3", "L", "increase")


def test_bibtex_says_what_it_says():
    pytest.importorskip("bibtexparser")
    first, second = read_bibtex(BIBTEX, name="refs.bib")
    assert first == {
        "citation": "König et al. 2025 Journal of Tests", "title": "A Study of öther things", "year": "2025",
        "doi": "10.1234/abc.2025", "pmid": "39123456",
    }  # fmt: skip
    assert second["citation"] == "Santos 2024 Tests"
    with pytest.raises(DataError, match="line 2: this entry is no BibTeX"):
        read_bibtex("\n@article{bad, title={x", name="refs.bib")
    with pytest.raises(DataError, match="holds no record"):
        read_bibtex("nothing here", name="refs.bib")


@pytest.mark.parametrize(("year", "taken"), [("in press", ""), ("2021-05-03", "2021"), ("1820", None), ("21", None)])
def test_a_year_of_a_record_is_taken_or_refused(year, taken):
    pytest.importorskip("bibtexparser")
    text = f"@article{{x, author={{Roe, A}}, title={{Some trial}}, year={{{year}}}}}"
    if taken is None:
        with pytest.raises(DataError, match=f"refs.bib, Some trial: '{year}' holds no year from 1900 to 2100"):
            read_bibtex(text, name="refs.bib")
    else:
        assert read_bibtex(text, name="refs.bib")[0].get("year", "") == taken


def test_ris_says_what_it_says():
    pytest.importorskip("rispy")
    (record,) = read_ris(RIS, name="refs.ris")
    assert record["citation"] == "König and Doe 2025 Journal of Tests"
    assert (record["doi"], record["pmid"]) == ("10.1234/abc.2025", "39123456")
    with pytest.raises(DataError, match="holds no record"):
        read_ris("nothing here", name="refs.ris")


def test_records_with_a_known_doi(tmp_path, capsys):
    pytest.importorskip("bibtexparser")
    file, folder = tmp_path / "refs.bib", tmp_path / "mine"
    file.write_text(BIBTEX, encoding="utf-8")
    arguments = ["evidence", "add", "--to", str(folder), *CODER, *FIXED, "--bibtex", str(file)]
    assert run(arguments) == 2
    assert "belongs to westlundschreiner2017" in capsys.readouterr().err
    assert not folder.exists()
    assert run([*arguments, "--skip-known", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["added"] == ["koenig2025"]
    assert "westlundschreiner2017" in shown["skipped"][0]
    row = load_evidence(folder).row("studies", "koenig2025")
    assert row["source"].startswith("record of refs.bib, SHA-256 ")


def test_a_missing_reader_is_named(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "bibtexparser", None)
    file = tmp_path / "refs.bib"
    file.write_text(BIBTEX, encoding="utf-8")
    assert run(["evidence", "add", "--to", str(tmp_path / "mine"), *CODER, *FIXED, "--bibtex", str(file)]) == 2
    assert "needs bibtexparser, which is not installed: pip install 'assuage[records]'" in capsys.readouterr().err


def test_records_are_of_publications(tmp_path, capsys):
    file = tmp_path / "refs.bib"
    file.write_text(BIBTEX, encoding="utf-8")
    arguments = ["evidence", "add", "--to", str(tmp_path / "mine"), *CODER, "--bibtex", str(file)]
    assert run([*arguments, "--table", "findings"]) == 2
    assert "--table findings holds none" in capsys.readouterr().err
    assert run([*arguments, "--ris", str(file)]) == 2
    assert "one file at a time" in capsys.readouterr().err


def test_identifiers():
    assert identifier_of({"citation": "van der Berg et al. 2021 J Tests", "year": "2021"}, set()) == "vanderberg2021"
    assert identifier_of({"citation": "König 2021 J Tests", "year": "2021"}, {"koenig2021"}) == "koenig2021b"
    assert identifier_of({"citation": "", "year": ""}, set()) == "study"

"""Reading tables: a folder laid over the embedded ones, provenance of every row, files that cannot be read."""

import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assuage.cli.app import run
from assuage.errors import DataError
from assuage.evidence import load_evidence
from assuage.evidence.schema import table, tables
from assuage.evidence.tables import Row, read_table, write_table


def test_every_embedded_row_says_who_coded_it_and_from_what():
    evidence = load_evidence()
    assert {name: len(rows) for name, rows in evidence.rows.items()} == {
        "studies": 57, "findings": 122, "trials": 74, "coordinates": 61,
    }  # fmt: skip
    for row in evidence:
        assert row["coded_by"]
        assert row["coded_from"]
        assert row["added"]
        assert row.file == f"embedded/{row.table}.csv"
    assert evidence.overlaid == ()


def test_the_page_has_the_counts():
    page = (Path(__file__).parents[2] / "docs" / "evidence.md").read_text(encoding="utf-8")
    for name, rows in load_evidence().rows.items():
        assert f"| `{name}` | {len(rows)} |" in page


def test_a_folder_is_laid_over(tmp_path, write, valid):
    evidence = load_evidence(write(tmp_path, {"studies": valid["studies"]}))
    assert len(evidence.rows["studies"]) == 58
    assert len(evidence.rows["trials"]) == 74
    assert evidence.row("studies", "new2024").place == f"{tmp_path}/studies.csv line 2"
    assert evidence.row("studies", "koenig2021").file == "embedded/studies.csv"


def test_a_row_of_the_same_id_is_said(tmp_path, write, valid, capsys):
    mine = {**valid["studies"][0], "id": "koenig2021"}
    evidence = load_evidence(write(tmp_path, {"studies": [mine]}))
    assert len(evidence.rows["studies"]) == 57
    assert evidence.row("studies", "koenig2021")["citation"] == "New et al. 2024 J Tests"
    (said,) = evidence.overlaid
    assert said == (
        f"studies koenig2021: the row of {tmp_path}/studies.csv line 2 stands in place of embedded/studies.csv line 2"
    )
    own = str(tmp_path)
    for arguments in (["query", "--tables", own], ["directions", "--tables", own], ["validate", own]):
        assert run(["evidence", *arguments]) == 0
        assert said in capsys.readouterr().err
    assert load_evidence().row("studies", "koenig2021")["citation"].startswith("Koenig")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "has no heading"),
        (b"id,id\na,b\n", "names the column 'id' twice"),
        (b'id,citation\na,"b\n', "line 2: unexpected end of data; save it as CSV"),
        ("id,citation\na,Kö\n".encode("latin-1"), "is not UTF-8"),
    ],
)
def test_files_that_cannot_be_read(tmp_path, content, said):
    (tmp_path / "studies.csv").write_bytes(content)
    with pytest.raises(DataError, match=said):
        load_evidence(tmp_path)


def test_folders_that_hold_nothing(tmp_path):
    with pytest.raises(DataError, match="holds no table; it may hold any of studies"):
        load_evidence(tmp_path)
    with pytest.raises(DataError, match="is no folder"):
        load_evidence(tmp_path / "none")


def test_a_byte_order_mark_and_lines_within_cells(tmp_path):
    text = '\ufeffid,citation,notes\na,A 2024,"one\ntwo"\n\nb,B 2024,\n'
    (tmp_path / "studies.csv").write_text(text, encoding="utf-8")
    rows = [row for row in load_evidence(tmp_path).rows["studies"] if row.id in {"a", "b"}]
    assert [(row.id, row.line) for row in rows] == [("a", 2), ("b", 5)]


TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"], include_characters="\n\t"), max_size=12)


@given(st.lists(st.fixed_dictionaries(dict.fromkeys(("id", "citation", "notes"), TEXTS)), max_size=5))
def test_what_is_written_is_read_again(entries):
    rows = [Row(table="studies", cells=entry, file="f", line=0) for entry in entries]
    heading, again = read_table(write_table(table("studies"), rows), table="studies", file="f")
    assert heading == table("studies").names
    kept = [row for row in rows if any(row[name] for name in heading)]
    assert [[row[name] for name in heading] for row in again] == [[row[name] for name in heading] for row in kept]


def test_the_schema_answers():
    with pytest.raises(DataError, match="there is no table 'stories'; tables: studies, findings"):
        table("stories")
    with pytest.raises(DataError, match="has no column 'colour'; columns: id"):
        table("studies").column("colour")
    for schema in tables().values():
        assert {"id", "coded_from", "coded_by", "added"} <= set(schema.names)
        assert all(column.meaning for column in schema.columns)
        assert all(re.fullmatch(r"[a-z_]+(mA)?", name) for name in schema.names)


def test_validate_on_the_command_line(tmp_path, write, valid, capsys):
    assert run(["evidence", "validate"]) == 0
    assert capsys.readouterr().out == ("57 studies, 122 findings, 74 trials, 61 coordinates: 0 errors, 0 warnings\n")
    assert run(["evidence", "validate", "--with-known"]) == 0
    assert "0 errors, 5 warnings" in capsys.readouterr().out
    valid["studies"][0]["year"] = "1824"
    folder = str(write(tmp_path, valid))
    assert run(["evidence", "validate", folder]) == 2
    said = capsys.readouterr().out
    assert f"error: {folder}/studies.csv line 2 (new2024), year: 1824 lies outside 1900 to 2100 [range]" in said
    assert run(["evidence", "validate", folder, "--json"]) == 2
    (problem,) = json.loads(capsys.readouterr().out)["problems"]
    assert (problem["row"], problem["column"], problem["line"], problem["severity"]) == ("new2024", "year", 2, "error")
    assert run(["evidence", "validate", str(tmp_path / "none")]) == 2
    assert "is no folder" in capsys.readouterr().err

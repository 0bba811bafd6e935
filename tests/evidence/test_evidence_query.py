"""Queries select, by column and by filter, and can do nothing else."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assuage.cli.app import run
from assuage.errors import DataError
from assuage.evidence import load_evidence
from assuage.evidence.queries import Filters, compile_expression, query, visible_columns

THETA = {"tbs", "itbs", "aitbs", "snt"}


@pytest.fixture(scope="module")
def evidence():
    return load_evidence()


def slow(evidence, table, test):
    """Return the ids of the rows that a plain Python function keeps."""
    studies = {row.id: row for row in evidence.rows["studies"]}
    return [row.id for row in evidence.rows[table] if test(row, studies.get(row["study_id"]))]


@pytest.mark.parametrize(
    ("expression", "table", "test"),
    [
        (
            "domain == 'reward' and year >= 2020",
            "findings",
            lambda r, s: r["domain"] == "reward" and (s.number("year") or 0) >= 2020,
        ),
        ("not (direction in ['increase', 'decrease'])", "findings", lambda r, _: r["direction"][2:] != "crease"),
        (
            "'INSULA' in region or hemisphere == 'B'",
            "findings",
            lambda r, _: "insula" in r["region"] or r["hemisphere"] == "B",
        ),
        ("hemisphere != 'L'", "findings", lambda r, _: r["hemisphere"] in {"R", "B"}),
        ("hemisphere == ''", "findings", lambda r, _: not r["hemisphere"]),
        ("'insula' not in region", "findings", lambda r, _: "insula" not in r["region"]),
        ("domain == 'pain'", "studies", lambda r, _: "pain" in r["domain"].split(";")),
        ("15 <= n_nssi < 20", "studies", lambda r, _: r["n_nssi"] in {"15", "16", "17", "18", "19"}),
        ("n_nssi != 15", "studies", lambda r, _: r["n_nssi"] not in {"", "15"}),
        ("x < -40 and z > -10.5", "coordinates", lambda r, _: float(r["x"]) < -40 and float(r["z"]) > -10.5),
        ("nssi_sample == 'yes'", "coordinates", lambda _, s: s["nssi_sample"] == "yes"),
        ("current_mA >= 2", "trials", lambda r, _: float(r["current_mA"] or 0) >= 2),
    ],
)  # fmt: skip
def test_an_expression_selects_like_plain_python(evidence, expression, table, test):
    wanted = slow(evidence, table, test)
    assert wanted
    assert [row.id for row in query(evidence, expression, table=table).rows] == wanted


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("__import__('os').system('true')", "no comparison"),
        ("().__class__ == 1", "one column with one constant"),
        ("year.real == 2020", "one column with one constant"),
        ("year == (lambda: 2020)()", "neither a column nor a number"),
        ("year == 2000 + 20", "neither a column nor a number"),
        ("[x for x in region] == 1", "one column with one constant"),
        ("year == n_nssi", "one column with one constant"),
        ("year", "no comparison"),
        ("year ==", "is no query"),
        ("yaer == 2020", "no column 'yaer'"),
        ("year == '2020'", "without quotes"),
        ("region == 1", "between quotes"),
        ("region < 'b'", "cannot be ordered"),
        ("domain == 'rewards'", "no word of domain"),
        ("2020 in year", "only a text"),
        ("year is 2020", "not Is"),
        ("year == True", "neither a column"),
        ("f'{year}' == region", "neither a column"),
        ("(" * 500 + "year == 1" + ")" * 500, "is no query"),
        ("year == 1 or " * 200 + "year == 1", "characters"),
        ("\x00", "is no query"),
    ],
)
def test_anything_else_is_refused(evidence, expression, said):
    with pytest.raises(DataError, match=said):
        query(evidence, expression)


@given(st.text(max_size=80))
def test_no_text_does_anything_but_select_or_be_refused(text):
    try:
        test = compile_expression(text, visible_columns("findings"))
    except DataError:
        return
    assert test(lambda _: "") in {True, False}


@pytest.mark.parametrize(
    ("filters", "table", "test"),
    [
        ({"domain": "pain"}, "findings", lambda r, _: r["domain"] == "pain"),
        ({"technique": "tbs"}, "trials", lambda r, _: bool(THETA & set(r["technique"].split(";")))),
        ({"technique": "snt"}, "trials", lambda r, _: r["technique"] == "snt"),
        ({"population": "bpd"}, "findings", lambda _, s: "BPD" in s["population"]),
        ({"age": "children"}, "studies", lambda r, _: "children" in r["age_group"]),
        ({"age": "18-30"}, "studies", lambda r, _: r["age_max"] != "" and int(r["age_max"]) >= 18),
        ({"level": "secondary"}, "trials", lambda r, _: r["coded_from"] in {"secondary", "abstract", "full_text"}),
        ({"nssi_only": True}, "findings", lambda _, s: s["nssi_sample"] == "yes"),
    ],
)  # fmt: skip
def test_filters(evidence, filters, table, test):
    wanted = slow(evidence, table, test)
    assert wanted
    assert [row.id for row in query(evidence, table=table, filters=Filters(**filters)).rows] == wanted


@pytest.mark.parametrize(
    ("filters", "table", "said"),
    [
        ({"domain": "reward"}, "trials", "have no domain; tables that do: studies, findings, coordinates"),
        ({"technique": "tms"}, "findings", "have no technique; tables that do: trials"),
        ({"technique": "TMS"}, "trials", "no word of technique"),
        ({"level": "memory"}, "trials", "no word of coded_from"),
        ({"age": "teenagers"}, "studies", "no word of age_group"),
        ({"age": "30-18"}, "studies", "the lower age comes first"),
    ],
)
def test_filters_that_cannot_be(evidence, filters, table, said):
    with pytest.raises(DataError, match=said):
        query(evidence, table=table, filters=Filters(**filters))


def test_what_must_not_be_pooled_is_said(evidence):
    notes = " ".join(query(evidence, "domain == 'impulse_control'").notes)
    assert "of correlations or predictors beside" in notes
    assert "never pool the two" in notes
    assert "not chosen because of" in notes
    alone = " ".join(query(evidence, "comparison == 'dimensional'").notes)
    assert "never pool" not in alone


def test_pandas_at_the_edge(evidence):
    frame = evidence.frame("coordinates")
    assert len(frame) == len(evidence.rows["coordinates"])
    assert frame["x"].dtype.kind == "f"
    assert frame["file"].iloc[0] == "embedded/coordinates.csv"
    assert frame["line"].iloc[0] == 2


def test_on_the_command_line(capsys):
    assert run(["evidence", "query", "'insula' in region", "--domain", "pain", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert {row["domain"] for row in shown["rows"]} == {"pain"}
    assert all(row["coded_by"] and row["coded_from"] and row["file"] and row["line"] for row in shown["rows"])
    assert (
        run(["evidence", "query", "--table", "trials", "--technique", "snt", "--csv", "--columns", "id,n_total"]) == 0
    )
    assert capsys.readouterr().out.splitlines()[0] == "id,n_total,file,line"
    assert run(["evidence", "query", "year >= 2024", "--table", "studies"]) == 0
    assert "rows of studies" in capsys.readouterr().out
    assert run(["evidence", "query", "year >= 2024", "--table", "stories"]) == 2
    assert "there is no table 'stories'; tables: studies" in capsys.readouterr().err
    assert run(["evidence", "query", "--columns", "colour"]) == 2
    assert "no column of findings" in capsys.readouterr().err

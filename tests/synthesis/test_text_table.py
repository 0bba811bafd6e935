"""One reader for the tables of meta and nma: marks between cells, comments, row numbers, encodings, lines."""

import pytest

from assuage.errors import DataError
from assuage.synthesis import read_network
from assuage.synthesis.reading import read_studies
from assuage.synthesis.text_table import parse_table, text_of

ROWS = [{"study": "a", "events": "1", "n": "20"}, {"study": "b", "events": "", "n": "22"}]


def table(text):
    return parse_table(text, source="t.csv", is_missing=lambda cell: not cell)


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("study,events,n\na,1,20\nb,,22\n", [2, 3]),
        ("study,events,n,\na,1,20,\nb,,22,\n", [2, 3]),
        ("study,events,n\na,1,20,\nb,,22,\n", [2, 3]),
        ("study;events;n\r\na;1;20\r\nb;;22\r\n", [2, 3]),
        ("# from a file\n\nstudy\tevents\tn\n# first\na\t1\t20\n\nb\t\t22\n", [5, 7]),
        ("study,events,n\n1,a,1,20\n2,b,,22\n", [2, 3]),
        ("study,events,n\na,1,20\nb,,22\nEND,,\n", [2, 3]),
        (",study,events,n\n0,a,1,20\n1,b,,22\n", [2, 3]),
    ],
)
def test_rows_and_their_lines(text, lines):
    found = table(text)
    assert (found.header, found.rows, found.lines) == (["study", "events", "n"], ROWS, lines)


def test_cells_at_the_end_may_be_left_out_except_between_blanks():
    assert table("study,events,n\na,1\nb,1,2\n").rows[0] == {"study": "a", "events": "1", "n": ""}
    with pytest.raises(DataError, match="row 2: 2 fields under 3 columns; quote text with blanks"):
        table("study events n\na 1\nb 1 2\n")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_encodings(tmp_path, encoding):
    path = tmp_path / "t.csv"
    path.write_bytes("study,yi,vi\nMüller,0.1,0.2\n".encode(encoding))
    assert text_of(path).splitlines()[1] == "Müller,0.1,0.2"
    assert read_studies(path).labels == ("Müller",)


def test_a_network_names_the_line_of_its_file(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("# arms\nstudy;treatment;mean;sd;n\n\ns;A;1,5;2,5;20\ns;B;x;2;20\n")
    with pytest.raises(DataError, match="row 5, study s, arm B: 'x' in column mean is not a number"):
        read_network(path)
    path.write_text("study;treatment;mean;sd;n\ns;A;1,5;2,5;20\ns;B;2;2;20\ns;C;NR;2;20\n")
    network = read_network(path, measure="MD")
    assert network.studies[0].effects[0] == pytest.approx(-0.5)
    assert network.treatments == ("A", "B")


@pytest.mark.parametrize("last", ["open", "x" * 140_000])
def test_a_quotation_mark_left_open_hides_no_rows(last):
    rows = ["study,yi,vi,notes", "a,0.1,0.2,", 'b,0.2,0.2,"open', *["c,0.3,0.2,", f"d,0.4,0.2,{last}"]]
    with pytest.raises(DataError, match="quotation mark"):
        table("\n".join(rows))


def test_commas_of_which_nothing_tells_what_they_are_are_asked_about():
    with pytest.raises(DataError, match=r"column n: '1,140' could be 1140 or 1\.140"):
        table("study\tn\na\t1,140\nb\t2,300\n")
    assert [row["n"] for row in table("study\tn\na\t1,140\nb\t2,300.5\n").rows] == ["1140", "2300.5"]
    assert [row["n"] for row in table("study\tn\na\t1,140\nb\t0,35\n").rows] == ["1,140", "0,35"]
    means = 'study,mean (SD) treated\na,"1,140 (230)"\nb,980 (210)\n'
    assert [row["mean treated"] for row in table(means).rows] == ["1140", "980"]
    assert table("study\tn/N\na\t51/1,140\nb\t20/2,140\n").rows[0]["total"] == "1140"

"""`assuage protocol`: what each command writes, and its refusals in one line."""

import json

import pytest

from assuage.cli.app import run
from assuage.protocols import json_schema, read_protocol, write_protocol
from assuage.protocols.gallery import example, example_content


@pytest.fixture
def file(tmp_path):
    return write_protocol(example("rtms_10hz"), tmp_path / "protocol.json")


def done(capsys, *arguments):
    code = run(["protocol", *map(str, arguments)])
    output = capsys.readouterr()
    assert code == 0, output.err
    return output.out


def refused(capsys, *arguments):
    code = run(["protocol", *map(str, arguments)])
    output = capsys.readouterr()
    assert (code, output.out, output.err.count("\n")) == (2, "", 1)
    assert output.err.startswith("assuage: ")
    return output.err


@pytest.mark.parametrize("command", ["list", "show", "new", "sheet", "checklist", "schema"])
def test_help_has_an_example(command, capsys):
    assert f"Example: assuage protocol {command}" in " ".join(done(capsys, command, "--help").split())


def test_list_and_show(capsys):
    assert "macmaster2019" in done(capsys, "list")
    listed = json.loads(done(capsys, "list", "--json"))
    assert all(entry["source_level"] and isinstance(entry["not_reported"], list) for entry in listed)
    text = done(capsys, "show", "macmaster2019")
    assert "dose.session.trains: 75" in text
    assert "not_reported: dose.pulse.shape" in text
    shown = json.loads(done(capsys, "show", "nct06127056", "--json"))
    assert shown["evidence_row"] == "nct06127056"
    assert shown["dose"]["timing"] == {"duration_s": 1200, "ramp_up_s": 15, "ramp_down_s": 15}


def test_new_then_fill_then_sheet(capsys, tmp_path):
    path, sheet = tmp_path / "p.json", tmp_path / "s.html"
    assert "fields are open" in done(capsys, "new", "macmaster2019", "--out", path)
    said = refused(capsys, "sheet", path, "--out", sheet)
    assert "header.study_id" in said
    assert "dose.pulse.shape (pulse shape" in said
    assert not sheet.exists()
    content = json.loads(path.read_text(encoding="utf-8"))
    full = example_content("rtms_10hz")
    filled = {**full, "dose": {**content["dose"], "pulse": full["dose"]["pulse"]}, "evidence": content["evidence"]}
    path.write_text(json.dumps(filled), encoding="utf-8")
    answer = json.loads(done(capsys, "sheet", path, "--out", sheet, "--json"))
    assert answer["protocol_sha256"] == read_protocol(path).sha256
    assert answer["protocol_sha256"] in sheet.read_text(encoding="utf-8")


def test_new_says_which_fields_are_open(capsys, tmp_path):
    answer = json.loads(done(capsys, "new", "itbs", "--out", tmp_path / "p.json", "--json"))
    assert answer["technique"] == "itbs"
    assert "dose.session.trains" in answer["open_fields"]


def test_checklist_forms(capsys, tmp_path, file):
    assert "| 1 |" in done(capsys, "checklist", file, "--list", "tidier")
    assert done(capsys, "checklist", file, "--list", "tidier", "--form", "csv").startswith(
        "list,complete,item,group,says,status,value"
    )
    document = json.loads(done(capsys, "checklist", file, "--list", "chipchase", "--json"))
    assert len(document["rows"]) == 30
    for ending in ("md", "csv", "json"):
        out = tmp_path / f"list.{ending}"
        assert "12 items" in done(capsys, "checklist", file, "--list", "tidier", "--out", out)
        assert out.stat().st_size > 500


def test_a_list_that_could_not_be_read_says_so_in_every_form(capsys, tmp_path):
    path = tmp_path / "tdcs.json"
    write_protocol(example("tdcs"), path)
    assert "not obtained" in done(capsys, "checklist", path, "--list", "rates")
    assert json.loads(done(capsys, "checklist", path, "--list", "rates", "--json"))["complete"] is False
    assert ",no,participants-1," in done(capsys, "checklist", path, "--list", "rates", "--form", "csv")
    assert "the list is incomplete" in done(capsys, "checklist", path, "--list", "rates", "--out", tmp_path / "r.csv")


def test_schema(capsys, tmp_path):
    assert json.loads(done(capsys, "schema")) == json_schema()
    done(capsys, "schema", "--out", tmp_path / "s.json")
    assert json.loads((tmp_path / "s.json").read_text(encoding="utf-8")) == json_schema()


def contents(folder):
    return {p.relative_to(folder): p.is_file() and p.read_bytes() for p in folder.rglob("*")}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["show", "nobody1999"], "no published protocol 'nobody1999'"),
        (["new", "astrology", "--out", "NEW"], "neither a technique"),
        (["new", "itbs"], "--out"),
        (["new", "itbs", "--out", "FILE"], "exists; name a new file"),
        (["sheet", "missing.json", "--out", "s.html"], "no such file or folder: missing.json"),
        (["sheet", "FOLDER", "--out", "s.html"], "folder is a folder; name a file in it"),
        (["sheet", "DEEP", "--out", "s.html"], "deep.json is not JSON"),
        (["sheet", "FILE", "--out", "none/s.pdf"], "there is no folder none; make it first"),
        (["checklist", "FILE", "--list", "tidier", "--out", "none/t.md"], "there is no folder none"),
        (["new", "itbs", "--out", "none/p.json"], "there is no folder none"),
        (["sheet", "FILE", "--out", "s.docx"], "neither .html nor .pdf"),
        (["sheet", "FILE", "--out", "TAKEN"], "exists; name a new file"),
        (["checklist", "FILE", "--list", "x"], "no checklist 'x'"),
        (["checklist", "FILE"], "--list"),
        (["checklist", "FILE", "--list", "tidier", "--out", "x.docx"], "ends in none of .md, .csv, .json"),
        (["checklist", "FILE", "--list", "tidier", "--form", "pdf"], "pdf"),
        (["schema", "--out", "FILE"], "exists"),
    ],
)
def test_refusals(arguments, said, capsys, file, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "taken.html").write_text("precious", encoding="utf-8")
    (tmp_path / "deep.json").write_text("[" * 100_000, encoding="utf-8")
    (tmp_path / "folder").mkdir()
    before = contents(tmp_path)
    names = {"FILE": file, "TAKEN": "taken.html", "NEW": "new.json", "FOLDER": "folder", "DEEP": "deep.json"}
    assert said in refused(capsys, *(names.get(a, a) for a in arguments))
    assert contents(tmp_path) == before

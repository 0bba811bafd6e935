"""`assuage readback` at the command line: a page and a JSON file that its schema accepts, and refusals of one line."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from delivered_plans import poses_near, proposal, write_session
from pydantic import TypeAdapter

from assuage.cli.app import run
from assuage.readback import json_schema
from assuage.readback.placement_records import json_schema as placement_schema
from assuage.readback.records import Fidelity

DOCS = Path(__file__).parents[2] / "docs"


def test_a_session_becomes_a_page_and_a_file(written, planned, tmp_path, capsys):
    path = write_session(tmp_path / "s.xml", poses_near(planned, 30, shift_mm=1.0), tracked=[True, False], didt=[80])
    out = tmp_path / "delivered"
    assert run(["readback", str(path), "--plan", str(written[1] / "plan.json"), "--out", str(out)]) == 0
    said = capsys.readouterr().out
    assert "30 pulses recorded: 29 used, 1 untracked" in said
    found = TypeAdapter(Fidelity).validate_json((out / "fidelity.json").read_bytes())
    assert found.counts.used == 29
    page = (out / "fidelity.html").read_text(encoding="utf-8")
    assert "<svg" in page
    assert "<script" not in page
    assert "1 not tracked" in page
    assert not re.search(r"(src|href)=.?https?:|url\((?!#)", page)


def test_electrodes_for_machines(written, tmp_path, capsys):
    item = proposal(written[1], "tdcs")
    lines = [
        f"Electrode,{','.join(map(str, each['center_mm']))},{each['name']}" for each in item["proposal"]["electrodes"]
    ]
    path = tmp_path / "cap.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    arguments = ["readback", "--electrodes", str(path), "--plan", str(written[1]), "--technique", "tdcs"]
    assert run([*arguments, "--out", str(tmp_path / "out"), "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert (shown["kind"], shown["within_tolerance"]) == ("electrodes", True)
    assert "delivered 100" in (tmp_path / "out" / "fidelity.html").read_text(encoding="utf-8").replace(" ", " ")


def test_refusals_are_one_line_and_leave_nothing(written, planned, tmp_path, capsys):
    path = write_session(tmp_path / "s.xml", np.repeat(planned[None], 3, 0))
    lost = write_session(tmp_path / "lost.xml", np.repeat(planned[None], 3, 0), tracked=[False] * 3)
    plan, out = ["--plan", str(written[1])], tmp_path / "out"
    for arguments, said in (
        ([*plan], "neither of SESSION_FILE and --electrodes"),
        ([str(path), *plan, "--technique", "tdcs"], "belongs to --electrodes"),
        ([str(path), "--plan", str(tmp_path)], "cannot read"),
        ([str(path), *plan, "--head", "colin27"], "is not the head of the plan"),
        ([str(path), *plan, "--coil", str(path)], "unknown coil file type"),
        ([str(path), *plan, "--tolerance", "0"], "tolerance of 0 %"),
        ([str(lost), *plan], "none of 3 pulses was tracked"),
        ([str(tmp_path / "none.xml"), *plan], "no such file"),
    ):
        assert run(["readback", *arguments, "--out", str(out)]) == 2
        lines = [line for line in capsys.readouterr().err.splitlines() if not line.startswith("[")]
        assert len(lines) == 1
        assert said in lines[0]
        assert list(tmp_path.glob("*out*")) == []


@pytest.mark.parametrize(
    ("name", "schema"), [("fidelity.schema.json", json_schema), ("placement.schema.json", placement_schema)]
)
def test_schemas_in_the_docs_are_current(name, schema):
    assert json.loads((DOCS / name).read_text(encoding="utf-8")) == schema()

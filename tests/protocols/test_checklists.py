"""Reporting checklists: sourced lists, every field real, honest about what could not be read, exporters."""

import csv
import io
import json
from collections import Counter

import pytest

from assuage.errors import DataError
from assuage.protocols import checklist_names, fill, load_checklist
from assuage.protocols.checklists import DERIVED, to_csv, to_json, to_markdown
from assuage.protocols.draft import draft
from assuage.protocols.gallery import TECHNIQUES, example
from assuage.protocols.mandatory import look_up

NAMES = checklist_names()


def rows(name, technique="itbs", **changes):
    return {row.item: row for row in fill(name, example(technique, **changes))}


@pytest.mark.parametrize("name", NAMES)
def test_each_list_names_its_source_and_its_items_are_fields(name):
    checklist = load_checklist(name)
    assert checklist.checklist_id == name
    assert checklist.source
    assert checklist.source_level
    assert checklist.read_at
    assert len({item.item_id for item in checklist.items}) == len(checklist.items)
    drafts = [draft("itbs"), draft("tdcs")]
    for path in (path for item in checklist.items for path in (*item.fields, *item.also)):
        if path.startswith("@"):
            assert path[1:] in DERIVED
        else:
            section, last = path.rsplit(".", maxsplit=1)
            assert any(last in (look_up(content, section) or {}) for content in drafts), path


@pytest.mark.parametrize("name", NAMES)
def test_a_complete_list_has_the_number_of_items_of_its_source(name):
    checklist = load_checklist(name)
    numbers = {item.item_id.rstrip("abcd") for item in checklist.items}
    if checklist.complete:
        assert len(numbers) == checklist.items_in_source
    else:
        assert "not obtained" in checklist.note


def test_lists_that_could_not_be_obtained_say_so():
    assert {name for name in NAMES if not load_checklist(name).complete} == {"rates", "contes", "spirit-c"}


def test_tidier_of_a_full_protocol():
    found = rows("tidier")
    assert len(found) == 12
    assert found["1"].status == "filled"
    assert found["8"].value.startswith("1 session a day on 15 days (5 a week)")
    assert "600 pulses in 3 min 12 s" in found["8"].value
    assert found["12"].status == "missing"
    assert "actual column" in found["12"].value


def test_an_item_is_filled_only_if_all_its_fields_are():
    assert rows("chipchase")["13"].status == "filled"
    partly = rows("chipchase", device__coil__size=None)["13"]
    assert partly.status == "missing"
    assert partly.value == "figure of eight; not given: device.coil.size"


def test_an_empty_list_of_medicines_is_an_answer():
    assert rows("chipchase")["5"].value == "none"
    assert rows("chipchase")["5"].status == "filled"
    assert rows("spirit", blinding__blinded=[])["24a"].status == "missing"


def test_a_number_keeps_its_unit():
    given = {"person__height_m": 1.7, "person__sleep_hours": 7, "threshold__criterion_V": 5e-5}
    found = {item: row.value for item, row in rows("tms-rat", **given).items()}
    assert (found["A1"], found["A4"], found["B6"], found["H3"]) == ("16 years", "1.7 m", "7 h of sleep", "50 µV")
    assert found["E3"] == "left dorsolateral prefrontal cortex; mni (-44, 40, 29) mm"
    assert found["E6"] == "navigation: none; 3 mm; 5 degrees; every session against this sheet"
    assert found["C9"] == "hearing protection: yes; 30 dB"
    assert found["H5"] == "50 % of the stimulator's output"


def test_what_does_not_apply():
    assert {row.status for row in rows("chipchase", "tdcs").values()} == {"not applicable"}
    assert rows("chipchase")["26"].status == "not applicable"
    assert {row.status for row in rows("spirit-c", person__age_years=30).values()} == {"not applicable"}
    assert rows("spirit-c")["d"].status == "filled"
    assert {row.status for row in rows("rates", "itbs").values()} == {"not applicable"}


@pytest.mark.parametrize("technique", TECHNIQUES)
@pytest.mark.parametrize("name", NAMES)
def test_every_list_fills_for_every_technique(name, technique):
    for row in fill(name, example(technique)):
        assert row.status in {"filled", "missing", "not applicable"}
        assert row.value, "a row always says something"


@pytest.mark.parametrize("technique", ["itbs", "snt", "rtms_10hz", "tdcs_rtms"])
def test_tms_rat_has_the_sections_of_its_source(technique):
    """Items a section as the authors list them: 72 in A to M, the number of version 1.0, and 8 in N."""
    found = rows("tms-rat", technique)
    counts = Counter(item[0] for item in found)
    assert "".join(f"{section}{count}" for section, count in counts.items()) == "A5B7C9D4E6F3G3H5I3J9K7L7M4N8"
    assert {row.status for item, row in found.items() if item[0] in "KLM"} == {"not applicable"}
    assert found["N2"].value == ("1" if technique in {"rtms_10hz", "tdcs_rtms"} else "3")


def test_tms_rat_says_the_pulses_as_planned():
    found = {item: row.value for item, row in rows("tms-rat").items()}
    assert [found[f"N{k}"] for k in range(1, 7)] == [
        "50 Hz",
        "3",
        "0.2 s from start to start",
        "10 in a train",
        "8 s",
        "20",
    ]
    assert found["F2"] == "60 % of the stimulator's output"
    assert found["F3"] == "120 % of the resting motor threshold"
    unmeasured = rows("tms-rat", threshold__percent_mso=None)
    assert (unmeasured["F2"].status, unmeasured["H5"].status) == ("missing", "missing")


def test_a_list_whose_definitions_were_not_read_says_so():
    assert "definitions of full reporting were not read" in load_checklist("tms-rat").note


def test_exporters_hold_the_same_rows():
    checklist, protocol = load_checklist("rates"), example("tdcs")
    found = fill(checklist, protocol)
    table = list(csv.DictReader(io.StringIO(to_csv(checklist, found))))
    document = json.loads(json.dumps(to_json(checklist, found, protocol)))
    text = to_markdown(checklist, found, protocol)
    assert {(row.pop("list"), row.pop("complete")) for row in table} == {(f"{checklist.title} (2025)", "no")}
    assert table == document["rows"]
    assert document["protocol_sha256"] == protocol.sha256
    assert document["complete"] is False
    assert "not obtained" in text
    assert text.count("\n| ") == len(found) + 1


def test_a_value_cannot_break_the_table():
    protocol = example("itbs", header__title="a | b\n<script>")
    text = to_markdown(load_checklist("tidier"), fill("tidier", protocol), protocol)
    line = next(line for line in text.splitlines() if line.startswith("| 1 |"))
    assert "a \\| b &lt;script>" in line


def test_an_unknown_list_is_refused():
    with pytest.raises(DataError, match=r"no checklist 'x'; known: tidier"):
        load_checklist("x")

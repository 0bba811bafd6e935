"""The technician's sheet: everything planned stands on it, nothing from a text can act in it, one page, no network."""

import re
import shutil
from html.parser import HTMLParser

import pytest

from assuage.errors import DataError
from assuage.protocols.gallery import POSE, TECHNIQUES, example
from assuage.report import sheet as sheets
from assuage.report.sheet import render_sheet, write_sheet
from assuage.report.sheet_rows import sections


class Page(HTMLParser):
    """Text and tags of a page."""

    def __init__(self, html):
        super().__init__()
        self.text, self.tags = "", []
        self.feed(html)

    def handle_data(self, data):
        self.text += data

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))


def verdict(outcome, rule="some-rule"):
    return {
        "rule_id": rule,
        "outcome": outcome,
        "why": "because",
        "source": "Somebody 2020",
        "source_level": "abstract",
    }


@pytest.mark.parametrize("technique", TECHNIQUES)
def test_every_planned_line_stands_on_the_page(technique):
    protocol = example(technique, target__coil_pose=POSE)
    page = Page(render_sheet(protocol))
    for section in sections(protocol):
        assert section.title in page.text
        for row in section.rows:
            assert row.planned in page.text
            assert row.actual in page.text
    assert protocol.sha256 in page.text
    assert "Research planning aid, not a medical device" in page.text
    assert "signature" in page.text
    assert "has not been held against cited limits" in page.text


def test_the_page_needs_nothing_else():
    page = Page(render_sheet(example("itbs")))
    assert not [attrs for _, attrs in page.tags if {"src", "href"} & attrs.keys()]
    policy = next(attrs["content"] for tag, attrs in page.tags if "http-equiv" in attrs)
    assert policy.startswith("default-src 'none'")


def test_a_text_stays_a_text():
    hostile = "<script>alert(1)</script> & \"'"
    protocol = example("itbs", header__title=hostile, notes=[hostile])
    html = render_sheet(protocol, verdicts=[{**verdict("warn"), "why": hostile}])
    assert "<script>alert" not in html
    assert hostile in Page(html).text
    assert sum(tag == "script" for tag, _ in Page(html).tags) == 1


def test_the_dose_is_said_as_a_technician_needs_it():
    text = Page(render_sheet(example("rtms_10hz"))).text
    for said in ("75 trains, 26 s between them: 3000 pulses in 37 min 4 s", "60 % of its output", "____ of 15"):
        assert said in text
    unmeasured = Page(render_sheet(example("rtms_10hz", threshold__percent_mso=None, header__session_number=3))).text
    assert "from the threshold of the day" in unmeasured
    assert "3 of 15" in unmeasured
    both = Page(render_sheet(example("tdcs_rtms"))).text
    assert "not known to add up" in both
    assert "F3 +2 mA, F4 -2 mA" in both


@pytest.mark.parametrize("technique", TECHNIQUES)
def test_every_line_has_room_or_a_box_for_what_was_done(technique):
    rows = [row for section in sections(example(technique)) for row in section.rows]
    assert not [row.label for row in rows if not row.actual]
    assert len({row.label for row in rows}) == len(rows)
    assert any(row.key for row in rows)


def test_what_papers_omit_most_stands_on_the_sheet():
    """The fields that the fewest studies report, of a session with a motor threshold."""
    text = Page(render_sheet(example("itbs"))).text
    for said in ("biphasic", "anterior to posterior", "sertraline 50 mg", "plays the violin", "5 to 7 s apart",
                 "others: watched on EMG", "before: none for 10 min", "awake, eyes open", "right-handed",
                 "major depression", "belly and tendon"):  # fmt: skip
        assert said in text


def test_a_tracked_coil_is_read_back():
    tracked = {row.label: row.actual for s in sections(example("itbs", target__navigation="N 1")) for row in s.rows}
    by_eye = {row.label: row.actual for s in sections(example("itbs")) for row in s.rows}
    assert "untracked:" in tracked["Navigation, fidelity"]
    assert by_eye["Navigation, fidelity"] == "as planned: ☐"


def test_a_motor_threshold_stands_where_the_dose_refers_to_it():
    titles = {technique: [s.title for s in sections(example(technique))] for technique in ("itbs", "mst", "tdcs")}
    assert "Device and motor threshold" in titles["itbs"]
    assert "Device" in titles["mst"]
    assert "Device" in titles["tdcs"]


@pytest.mark.parametrize("technique", ["tdcs", "ti", "tdcs_rtms", "dbs", "ect"])
def test_impedance_can_be_written_down(technique):
    prompts = " ".join(row.actual for section in sections(example(technique)) for row in section.rows)
    assert "Ω):" in prompts


def test_the_rules_are_named_and_their_sources_said_in_words():
    text = Page(render_sheet(example("itbs"), verdicts=[verdict("warn")], rules="limits 1.0 (sha256 ab)")).text
    assert "limits 1.0 (sha256 ab)" in text
    assert "Somebody 2020; abstract read" in text
    planned = Page(render_sheet(example("itbs", safety__rule_set="limits 0.9"), verdicts=[verdict("warn")])).text
    assert "limits 0.9" in planned


def test_the_head_of_the_hash_stands_beside_the_version():
    protocol = example("itbs")
    assert f"1.2 · {protocol.sha256[:12]}" in Page(render_sheet(protocol)).text


def test_no_stop_is_ever_cut_off():
    many = [verdict("warn", f"warning-{k}") for k in range(9)] + [verdict("stop", f"stop-{k}") for k in range(8)]
    text = Page(render_sheet(example("itbs"), verdicts=many)).text
    assert all(f"stop-{k}" in text for k in range(8))
    assert "17 limits: 8 stop, 9 warn" in text
    assert "9 warnings more" in text
    few = Page(render_sheet(example("itbs"), verdicts=[*many[:2], verdict("within cited range")])).text
    assert "warning-1" in few
    assert "more: see the check" not in few
    assert "not a statement of safety" in few


def test_a_verdict_that_says_something_else_is_refused():
    with pytest.raises(DataError, match="'fine'; it says one of stop, warn"):
        render_sheet(example("itbs"), verdicts=[verdict("fine")])


def test_the_file_is_written_whole(tmp_path):
    path = write_sheet(example("ti"), tmp_path / "sheet.html")
    assert path.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert [p.name for p in tmp_path.iterdir()] == ["sheet.html"]


# --- PDF through a browser, which may be absent: its part is played by a script -------------------------------------


@pytest.fixture
def stand_in(tmp_path, monkeypatch):
    """Put a stand-in for the browser first on the path."""

    def install(script):
        folder = tmp_path / "bin"
        folder.mkdir()
        program = folder / "chromium"
        program.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")

    return install


def test_the_browser_prints_the_page(stand_in, tmp_path):
    stand_in('for a; do case $a in --print-to-pdf=*) out=${a#*=};; file://*) page=${a#file://};; esac; done\n'
             '(echo %PDF; cat "$page") > "$out"')  # fmt: skip
    path = write_sheet(example("ti"), tmp_path / "sheet.pdf")
    printed = path.read_text(encoding="utf-8")
    assert printed.startswith("%PDF")
    assert example("ti").sha256 in printed
    assert {p.name for p in tmp_path.iterdir()} == {"sheet.pdf", "bin"}


def test_without_a_browser_the_way_out_is_said(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DataError, match=r"none was found.*write sheet\.html instead and print it"):
        write_sheet(example("ti"), tmp_path / "sheet.pdf")
    assert list(tmp_path.iterdir()) == []


def test_a_browser_that_fails_is_quoted(stand_in, tmp_path):
    stand_in("echo no display >&2; exit 3")
    with pytest.raises(DataError, match=r"did not print the sheet \(no display\)"):
        write_sheet(example("ti"), tmp_path / "sheet.pdf")
    assert not (tmp_path / "sheet.pdf").exists()


def test_a_browser_that_hangs_is_left(stand_in, tmp_path, monkeypatch):
    stand_in("exec sleep 30")
    monkeypatch.setattr(sheets, "BROWSER_PATIENCE_S", 0.2)
    with pytest.raises(DataError, match="did not print within"):
        write_sheet(example("ti"), tmp_path / "sheet.pdf")


@pytest.mark.skipif(not any(map(shutil.which, sheets.BROWSERS)), reason="needs Chromium, an optional program")
def test_a_full_sheet_is_one_a4_page(tmp_path):
    notes = ["a note of the study team that takes some room on the sheet"] * 4
    full = example("tdcs_rtms", target__coil_pose=POSE, notes=notes)
    path = write_sheet(full, tmp_path / "sheet.pdf", verdicts=[verdict("warn", f"rule-{k}") for k in range(6)])
    pages = path.read_bytes()
    assert len(re.findall(rb"/Type\s*/Page\b", pages)) == 1
    box = re.search(rb"/MediaBox\s*\[\s*0\s+0\s+([\d.]+)\s+([\d.]+)", pages)
    assert [round(float(x)) for x in box.groups()] == [595, 842]

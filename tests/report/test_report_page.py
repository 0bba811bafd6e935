import json
import re
import shutil
from html.parser import HTMLParser

import pytest
from plan_example import example_record, write_example

from assuage.errors import AssuageError
from assuage.plan.currency_records import Currency
from assuage.plan.order_records import ChosenRecord, CriterionRecord, ShortlistRecord
from assuage.report import niivue, words, write_report
from assuage.report import page as page_module

VOID = {"meta", "img", "br", "input", "link", "hr"}


class Reader(HTMLParser):
    """Collects text, links and what the tags lack."""

    def __init__(self):
        super().__init__()
        self.open, self.text, self.ids, self.anchors, self.external, self.no_alt = [], [], set(), [], [], 0
        self.labels = []

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        if tag not in VOID:
            self.open.append(tag)
        if "id" in found and "svg" not in self.open:
            assert found["id"] not in self.ids, f"id {found['id']} twice"
            self.ids.add(found["id"])
        if tag == "img":
            self.no_alt += not found.get("alt")
        for key in ("src", "href", "xlink:href"):
            value = found.get(key) or ""
            if value.startswith("#") and tag == "a":
                self.anchors.append(value[1:])
            elif value and not value.startswith(("#", "data:")):
                self.external.append(value)
        if found.get("role") == "region":
            assert found.get("aria-label")
            assert found.get("tabindex") == "0"

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        if not {"script", "style"} & set(self.open):
            self.text.append(data)


@pytest.fixture(scope="module")
def read(page):
    reader = Reader()
    reader.feed(page)
    reader.close()
    assert reader.open == []
    return reader


@pytest.fixture(scope="module")
def text(read):
    return re.sub(r"\s+", " ", "".join(read.text))


def test_report_needs_nothing_from_elsewhere(page, read):
    assert read.external == []
    assert "default-src 'none'" in page
    assert len(page.encode()) < 25_000_000


def test_every_link_of_the_contents_leads_somewhere(read):
    assert set(read.anchors) <= read.ids
    assert {"asked", "proposed", "field", "scalp", "doses", "circuit", "verdicts", "head", "limits"} <= set(
        read.anchors
    )


def test_pictures_have_words(page, read):
    assert read.no_alt == 0
    assert page.count("<figure") == page.count("<figcaption")


def test_it_says_what_it_is_not_at_the_top_at_the_bottom_and_in_print(page, text):
    assert text.index("Research planning aid, not a medical device") < 200
    assert "Research planning aid, not a medical device" in text[-900:]
    assert '@bottom-center { content:"Research planning aid, not a medical device"' in page


def test_doses_stand_with_their_errors(text):
    for item in example_record().techniques:
        dose = item.dose
        assert item.label in text
        assert words.with_error(dose.magnitude_V_per_m, dose.error.combined_sd_V_per_m) in text
        assert item.proposal.words[1:] in text


def test_ranking_reasons_limits_and_sources_are_there(text):
    assert "Smallest placement error" in text
    assert "Blood vessels and dura are not modelled." in text
    assert "Bikson 2016" in text
    assert "(not verified)" in text
    assert "No technique of this plan reaches: amygdala R." in text
    assert "periaqueductal grey" in text
    assert "no proposal. No montage keeps the field" in text
    assert "The neck is not on the scan." in text


def test_navigator_files_are_named_with_the_setting_they_need(page, text):
    assert "the associated image must be t1.nii.gz" in text
    assert "<code>navigator/visor2.mrk</code>" in page


def test_no_outcome_is_called_safe(text):
    assert set(re.findall(r"[^.]*\bsafe\b[^.]*\.", text)) == {" No outcome says that something is safe."}


def test_text_from_a_plan_cannot_become_markup(page):
    assert "<b>hair thickness</b>" not in page
    assert "&lt;b&gt;hair thickness&lt;/b&gt;" in page.replace("&lt;B", "&lt;b")


def test_viewer_has_every_technique_and_the_target(page):
    data = json.loads(re.search(r'id="viewer-data">(.*?)</script>', page, re.S)[1])
    assert len(data["fields"]) == len(example_record().techniques)
    assert data["target_mm"] == list(example_record().target.center_mm)
    assert {"anatomy", "target"} <= data.keys()
    assert "Copyright (c) 2021, Niivue" in page


def test_equal_plans_give_equal_reports(plan_folder, page, tmp_path):
    assert write_report(plan_folder, tmp_path / "again.html").read_text(encoding="utf-8") == page


def test_without_the_viewer_script_the_stills_remain(plan_folder, tmp_path, monkeypatch):
    monkeypatch.setattr(niivue, "script", lambda: None)
    plain = write_report(plan_folder, tmp_path / "plain.html").read_text(encoding="utf-8")
    assert "viewer-data" not in plain
    assert plain.count('<figure><img src="data:image/png') == len(example_record().techniques)


def test_a_bare_coordinate_plan_has_no_circuit(tmp_path):
    record = example_record(circuit=False)
    folder = write_example(tmp_path / "bare", record=record)
    (folder / "maps.npz").unlink()
    (folder / "target.nii.gz").unlink()
    text = write_report(folder, tmp_path / "bare.html").read_text(encoding="utf-8")
    assert 'id="circuit"' not in text
    assert 'href="#circuit"' not in text
    assert 'href="#scalp"' not in text


def test_the_group_target_stands_beside_the_individual_one(tmp_path):
    folder = write_example(tmp_path / "plan", record=example_record(circuit=False))
    page = write_report(folder, tmp_path / "r.html").read_text(encoding="utf-8")
    shown = Reader()
    shown.feed(page)
    text = " ".join(" ".join(shown.text).split())
    assert "distribution" in shown.ids
    assert "not worth more than the group target" in text
    assert "In dose, individualising is not worth it" in text
    assert "0.012 ± 0.029" in text
    assert "more in 71 % of cases" in text
    assert "Temporal interference (every place would need its own search)" in text


def test_what_is_not_a_plan_is_refused(tmp_path):
    with pytest.raises(AssuageError, match=r"plan\.json"):
        write_report(tmp_path, tmp_path / "x.html")
    (tmp_path / "plan.json").write_text("{}", encoding="utf-8")
    with pytest.raises(AssuageError, match="plan again"):
        write_report(tmp_path, tmp_path / "x.html")
    assert not (tmp_path / "x.html").exists()


def test_an_interrupted_write_leaves_the_old_report(plan_folder, tmp_path, monkeypatch):
    out = tmp_path / "report.html"
    out.write_text("old", encoding="utf-8")

    def stop(*_args):
        raise KeyboardInterrupt

    monkeypatch.setattr(page_module.Path, "replace", stop)
    with pytest.raises(KeyboardInterrupt):
        write_report(plan_folder, out)
    assert out.read_text(encoding="utf-8") == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["report.html"]


def test_a_head_outside_its_cited_range_is_a_caution(plan_folder, tmp_path):
    folder = tmp_path / "plan"
    shutil.copytree(plan_folder, folder)
    (folder / "head_qc").mkdir()
    figures = {
        "volumes": [], "leak_faces": 0, "leak_faces_calvaria": 0, "asymmetry": {},
        "warnings": ["brain volume 2000 ml is outside the cited adult range 874-1626 ml"],
    }  # fmt: skip
    (folder / "head_qc" / "qc.json").write_text(json.dumps(figures), encoding="utf-8")
    page = write_report(folder, folder / "report.html").read_text(encoding="utf-8")
    cautions = page.split("Before anyone relies on this")[1].split("</div>")[0]
    assert "The head model: brain volume 2000 ml is outside the cited adult range" in cautions


def test_every_quantity_of_the_common_dose_stands_in_its_table(tmp_path):
    dose = Currency(
        target="another region", quantity="made for tests", mean_V_per_m=1.11, mean_is="", mean_e_V_per_m=None,
        mean_size_V_per_m=1.2, stronger_elsewhere=0.01, sensitive_absent={"brainstem": "no centroid was read"},
        duration_words="an example of 999 s", normal_V_per_m=2.22, e99_V_per_m=3.33, reference="made for tests",
        reference_V_per_m=4.44, reference_origin="", ratio=0.55, peak_V_per_m=6.66, target_over_peak=0.77,
        half_max_volume_mm3=88e3, circuits=(), sensitive=(), charge_C=None, charge_words="duration_s not stated",
        duration_s=999.0,
    )  # fmt: skip
    record = example_record()
    first = record.techniques[0].model_copy(update={"currency": dose})
    folder = write_example(
        tmp_path / "p", record=record.model_copy(update={"techniques": (first, *record.techniques[1:])})
    )
    page = write_report(folder, folder / "report.html").read_text(encoding="utf-8")
    table = page.split('aria-label="Common dose"')[1].split("</table>")[0]
    for value in ("1.11", "2.22", "3.33", "4.44", "0.55", "88", "duration not stated", "999", "an example of 999 s"):
        assert value in table, value
    assert "Without a number, which is not a zero: brainstem: no centroid was read." in page
    for table in ("Common dose", "Doses"):
        row = page.split(f'aria-label="{table}"')[1].split("</table>")[0]
        assert "in another region, not in the target" in row, table


def test_what_holds_for_a_unit_of_the_coil_is_marked_and_has_no_bar(tmp_path):
    record = example_record()
    unit = record.techniques[0].model_copy(
        update={"dose": record.techniques[0].dose.model_copy(update={"is_unit": True}), "scaled": ()}
    )
    folder = write_example(
        tmp_path / "p", record=record.model_copy(update={"techniques": (unit, *record.techniques[1:])})
    )
    page = write_report(folder, folder / "report.html").read_text(encoding="utf-8")
    table = page.split('aria-label="Doses"')[1].split("</table>")[0]
    assert table.count("for each A/µs") == 1
    assert "no dose without a motor threshold" in page


def test_the_shortlist_says_in_its_line_that_numbers_stand_elsewhere(tmp_path):
    criteria = (CriterionRecord(criterion="focality", weight=1.0, value=0.5, adds=0.5, words="half"),)
    first = ChosenRecord(
        place=1, technique="dbs", label="DBS", elsewhere="another region", score=0.5, criteria=criteria, cautions=()
    )  # fmt: skip
    made = ShortlistRecord(rule="made for tests", site="all", chosen=(first,), left_out=(), shifts=())
    folder = write_example(tmp_path / "p", record=example_record().model_copy(update={"shortlist": made}))
    page = write_report(folder, folder / "report.html").read_text(encoding="utf-8")
    row = page.split('aria-label="Shortlist"')[1].split("</tr></tbody>")[0]
    assert "its numbers stand in another region, not in the target" in row

"""The grades on the page are those of the person's age group; without an age both stand there, and no trial is said."""

import re
from html import escape

import pytest
from plan_example import example_record, write_example

from assuage.circuits import load_circuit
from assuage.evidence.grades import load_trials
from assuage.plan.evidence_record import evidence_record
from assuage.report import write_report
from assuage.report.words import address


def page_of(folder, **options):
    circuit = load_circuit("emotion_regulation")
    names = ["tms", "itbs", "hd_tdcs_4x1", "tdcs", "hd_tdcs"]
    evidence = evidence_record(names, circuit, "dorsolateral_prefrontal_cortex_L", place_mm=None, **options)
    write_example(folder, record=example_record().model_copy(update={"evidence": evidence}))
    page = write_report(folder, folder / "report.html").read_text(encoding="utf-8")
    return page.partition('<section id="evidence"')[2].partition("</section>")[0]


@pytest.mark.parametrize(("age", "young", "grown"), [(15.0, True, False), (40.0, False, True), (None, True, True)])
def test_the_age_group_of_the_person_has_its_columns(tmp_path, age, young, grown):
    page = page_of(tmp_path / "plan", age_years=age)
    assert ("At target: adolescents, NSSI" in page) == young
    assert ("At target: adults, others" in page) == grown
    assert "no trial" in page
    assert ("<td>NSSI sample, adolescents</td>" in page) == young
    linked = ", ".join(f'<a href="#trial-itbs-{name}">{name}</a>' for name in ("liux2025", "itbs2025"))
    assert (f"2 controlled trials with a result read: {linked}" in page) == young
    row = page.partition('<a href="#trials-itbs">iTBS')[2].partition("</tr>")[0]
    if age == 15.0:
        assert row.endswith("<td><strong>D</strong></td><td><strong>C</strong></td>")


def test_every_number_leads_to_its_rows_and_every_row_to_its_source(tmp_path):
    page = page_of(tmp_path / "plan", age_years=None)
    anchors = re.findall(r'id="([^"]+)"', page)
    assert len(anchors) == len(set(anchors))
    inner = set(re.findall(r'href="#([^"]+)"', page))
    assert inner <= set(anchors)
    assert {"trials-tms", "trial-itbs-liux2025"} <= inner | set(anchors)
    for trial in load_trials():
        if f"trial-itbs-{trial.id}" in anchors:
            row = page.partition(f'id="trial-itbs-{trial.id}"')[2].partition("</tr>")[0]
            assert escape(trial.source) in row
            for one in filter(None, trial.identifier.split(";")):
                assert f'<a href="{address(one)}">{one}</a>' in row
    assert "https://doi.org/10." in page.partition('<details id="findings-')[2].partition("</details>")[0]


@pytest.mark.parametrize(
    ("identifier", "leads_to"),
    [
        ("10.1038/s41380-025-03125-7", "https://doi.org/10.1038/s41380-025-03125-7"),
        ("NCT04567890", "https://clinicaltrials.gov/study/NCT04567890"),
        ("PMID 39761754", "https://pubmed.ncbi.nlm.nih.gov/39761754"),
        ("PMC8182302", "https://pmc.ncbi.nlm.nih.gov/articles/PMC8182302"),
        ("ChiCTR2400000000", ""),
        ("", ""),
    ],
)
def test_where_an_identifier_leads(identifier, leads_to):
    assert address(identifier) == leads_to

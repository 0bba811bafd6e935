"""The grades on the page are those of the person's age group; without an age both stand there, and no trial is said."""

import pytest
from plan_example import example_record, write_example

from assuage.circuits import load_circuit
from assuage.plan.evidence_record import evidence_record
from assuage.report import write_report


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
    assert "1 controlled trial with a result read: liux2025" in page or not young
    row = page.partition('<tr><th scope="row">iTBS')[2].partition("</tr>")[0]
    if age == 15.0:
        assert row.endswith("<td><strong>D</strong></td><td><strong>C</strong></td>")

"""Every report made on an adult's template for a minor says so: plan, placement, session read back, session sheet."""

from dataclasses import replace

import numpy as np
import pytest
from delivered_plans import CENTER_MM, COMMAND, SETTINGS, proposal, write_head, write_session
from test_readback_electrodes import places_of, write_cap

from assuage.head import load_head
from assuage.head.folder import EMBEDDED
from assuage.head.gallery import sphere_head
from assuage.head.minors import MARK, lines_of, template_line, with_age
from assuage.plan import SCHEMA_VERSION
from assuage.plan import plan as make_plan
from assuage.plan.drafting import draft_protocol
from assuage.protocols.gallery import example
from assuage.readback import open_plan, place_plan, place_site, read_back, read_back_electrodes
from assuage.readback.tape import Measures
from assuage.report import head_quality, write_report
from assuage.report.fidelity import render_fidelity
from assuage.report.placement import render_placement
from assuage.report.quality_page import write_quality_page
from assuage.report.sheet import render_sheet
from assuage.sources import Coil
from assuage.targets import Target

SAID = MARK[1:]
"""Without its first letter, which a sentence makes large."""
TAPED = Measures(nasion_inion_mm=362.0, tragus_tragus_mm=362.0, circumference_mm=580.0)


@pytest.fixture(scope="module")
def minor(tmp_path_factory):
    """A plan for a person of 15 on a head whose metadata know no age: the plan's folder, opened."""
    place = tmp_path_factory.mktemp("minor")
    path = write_head(place)
    made = make_plan(
        load_head(path),
        Target.sphere(CENTER_MM, 12.0, name="left frontal"),
        ["tms", "tdcs"],
        command=COMMAND.format(head=path),
        protocol={"age_years": 15.0},
        **SETTINGS,
    )
    made.write(place / "plan")
    return open_plan(place / "plan", load_head(path))


def test_the_age_of_the_plan_is_enough(minor):
    assert load_head(minor.folder.parent / "head.nii.gz").age_years is None
    (line,) = lines_of(minor.record.head.metadata["warnings"])
    assert "age 15" in line
    assert minor.record.schema_version == SCHEMA_VERSION


def test_the_report_of_the_plan(minor):
    page = write_report(minor.folder, minor.folder / "report.html").read_text(encoding="utf-8")
    assert SAID in page
    assert "(nobody has signed off this head)" in page
    assert "Nobody has signed off this head." in page


def test_the_read_back_of_pulses_and_of_electrodes(minor, tmp_path):
    pose = np.array(proposal(minor.folder, "tms")["proposal"]["pose"])
    pulses = read_back(minor, Coil.figure_of_eight(), write_session(tmp_path / "s.xml", pose[None]))
    assert SAID in render_fidelity(pulses)
    cap = write_cap(tmp_path / "cap.csv", places_of(proposal(minor.folder, "tdcs")))
    assert SAID in render_fidelity(read_back_electrodes(minor, cap, technique="tdcs"))


def test_the_placement_sheet_of_a_plan_and_of_a_site(minor):
    assert SAID in render_placement(place_plan(minor, Coil.figure_of_eight(), TAPED, draws=20))
    assert SAID not in render_placement(place_site(minor.head, "F3", TAPED))
    assert SAID in render_placement(place_site(with_age(minor.head, 15.0), "F3", TAPED))


def test_the_session_sheet_of_a_draft(minor):
    notes = draft_protocol(minor.record, "tdcs", plan_sha256="0" * 64)["notes"]
    assert SAID in render_sheet(example("tdcs").model_copy(update={"notes": tuple(notes)}))


def test_the_quality_page(tmp_path):
    head = with_age(sphere_head(voxel_mm=5.0), 15.0)
    figures = head_quality.as_json(head_quality.qc(head))
    page = write_quality_page(head, figures, tmp_path, at=tmp_path / "it's").read_text(encoding="utf-8")
    assert SAID in page
    assert "no range with a source for age 15" in page.lower()
    assert page.count("data:image/png") == 3
    assert "head sign" in page
    assert "assuage head import" in write_quality_page(head, figures, tmp_path, at=None).read_text(encoding="utf-8")


def test_who_is_told_and_who_is_not():
    head = sphere_head(voxel_mm=5.0)
    assert with_age(head, None) is head
    assert with_age(head, 18.0) is head
    once = with_age(head, 17.9)
    assert with_age(once, 15.0) is once
    built = replace(head, metadata={"prior_mm": 1.5})
    assert with_age(built, 15.0).warnings[0] == template_line(15.0)
    embedded = with_age(replace(head, sign_off=EMBEDDED), 15.0)
    assert "embedded adult man" in embedded.warnings[0]
    assert embedded.age_years is None

"""From a plan to a protocol: what the plan knows arrives, what a person decides stays open; then check and sheet."""

import json
from dataclasses import asdict

import pytest
from typer.testing import CliRunner

from assuage.cli.app import app
from assuage.cli.check import check_file
from assuage.errors import PlanError, ProtocolError
from assuage.head.gallery import sphere_head
from assuage.plan import Driving, json_schema
from assuage.plan import plan as make_plan
from assuage.plan.drafting import DOSES, draft_protocol, planned_techniques
from assuage.plan.records import ContactRecord, LeadProposal
from assuage.plan.sessions import GIVEN
from assuage.protocols import draft, from_content, quantities
from assuage.protocols.draft import open_fields
from assuage.protocols.gallery import example_content
from assuage.protocols.given_course import load_course
from assuage.report.sheet import write_sheet
from assuage.safety import check
from assuage.targets import Target

COARSE = {"voxel_mm": 4.0, "coarse_voxel_mm": 8.0, "spacing_mm": 30.0, "angle_step_deg": 60.0, "draws": 20}
SHA = "ab" * 32
HERE = ("rtms_1hz", "rtms_10hz", "itbs", "ctbs", "snt", "tdcs", "hd_tdcs_4x1", "hd_tdcs", "ect", "mst", "tdcs_rtms")


@pytest.fixture(scope="module")
def plan(tmp_path_factory):
    named = draft("nct06139484_rtms")
    named["dose"]["course"]["phases"][0]["day"]["session_interval_s"] = 14400
    file = tmp_path_factory.mktemp("course") / "course.json"
    file.write_text(json.dumps(named), encoding="utf-8")
    target = Target.sphere([-38.0, 30.0, 48.0], 12.0, name="left frontal")
    asked = ["tms", "tdcs", "4x1", "hd_tdcs", "ect", "mst", "tdcs_rtms"]
    courses = [load_course(str(file))]
    driving = Driving(threshold_percent_output=45.0, stimulator="Magstim Rapid", stimulator_coil="D70")
    return make_plan(sphere_head(voxel_mm=4.0), target, asked, driving=driving, courses=courses, **COARSE)


@pytest.fixture(scope="module")
def record(plan):
    return plan.record


def completed(content, technique):
    """Fill every open field with that of a complete example, as a person would; leave what the plan says."""
    return fill(content, example_content(technique))


def fill(value, example):
    if value is None:
        return example
    if isinstance(value, dict) and isinstance(example, dict):
        return {key: fill(value.get(key), example.get(key)) for key in [*value, *(set(example) - set(value))]}
    if isinstance(value, list) and isinstance(example, list):
        return [fill(each, example[k] if k < len(example) else None) for k, each in enumerate(value)]
    return value


def finished(record, technique):
    content = completed(draft_protocol(record, technique, plan_sha256=SHA), technique)
    content["dose"].pop("stated", None)  # totals of the example, not of the plan
    return content


def test_a_named_course_goes_through_the_plan_into_the_draft(record):
    coil = next(item for item in record.techniques if item.technique == "tms")
    course = next(course for course in coil.courses if course.technique == "rtms_10hz")
    assert (course.pulses_per_session, course.sessions, course.days) == (4000, 10, 5)
    assert course.intensity.percent_mt == 90
    assert course.quantities["pulses_per_session"] == 4000
    assert course.given.startswith("file course.json")
    listed = next(item for item in record.shortlist.chosen if item.technique == "rtms_10hz")
    burden = next(part for part in listed.criteria if part.criterion == "burden")
    assert "5 visits" in burden.words
    assert record.provenance.settings["courses"] == {"rtms_10hz": course.given}
    content = draft_protocol(record, "rtms_10hz", plan_sha256=SHA)
    assert content["dose"]["session"]["trains"] == 100
    assert content["dose"]["course"]["phases"][0]["day"] == {"sessions": 2, "session_interval_s": 14400}
    assert content["evidence"][0]["evidence_row"] == "nct06139484_rtms"
    assert any(note.startswith("course as named by the user: file course.json") for note in content["notes"])


def test_the_plan_names_what_it_holds(record):
    assert planned_techniques(record) == HERE


@pytest.mark.parametrize("technique", HERE)
def test_a_draft_is_refused_until_a_person_has_filled_it(record, technique):
    content = draft_protocol(record, technique, plan_sha256=SHA)
    with pytest.raises(ProtocolError, match=r"have to be known are missing: .*study_id"):
        from_content(content)
    assert "person.age_years" in open_fields(content)


@pytest.mark.parametrize("technique", HERE)
def test_the_whole_path_to_check_and_sheet(record, technique, tmp_path):
    protocol = from_content(finished(record, technique))
    asked = quantities(protocol)
    verdicts = check(asked)
    assert verdicts
    out = write_sheet(protocol, tmp_path / "sheet.html", verdicts=[asdict(verdict) for verdict in verdicts])
    assert protocol.sha256 in out.read_text(encoding="utf-8")
    path = tmp_path / "protocol.json"
    path.write_text(protocol.model_dump_json(exclude_none=True), encoding="utf-8")
    assert check_file(path).technique == technique
    assert protocol.target.head.endswith(record.head.sha256)
    assert any(SHA in note for note in protocol.notes)
    assert record.rule_set.version in protocol.safety.rule_set


@pytest.mark.parametrize("technique", HERE[:5])
def test_a_course_keeps_its_numbers_on_the_way(record, technique):
    coil = next(item for item in record.techniques if item.technique == "tms")
    course = next(item for item in coil.courses if item.technique == technique)
    asked = quantities(from_content(finished(record, technique)))
    for key in ("pulses_per_session", "sessions_per_day", "days", "train_duration_s", "pulses_in_course", "duration_s"):
        assert asked[key] == pytest.approx(course.quantities[key])
    assert asked["intensity_percent_mt"] == course.intensity.percent_mt
    assert asked.get("didt_A_per_s") == course.intensity.didt_A_per_s


def test_the_threshold_arrives_only_where_the_course_is_set_by_it(record):
    resting = draft_protocol(record, "snt", plan_sha256=SHA)
    assert resting["threshold"]["percent_mso"] == 45
    assert resting["threshold"]["state"] == "rest"
    assert resting["dose"]["intensity"]["expected_V_per_m"] > 0
    active = draft_protocol(record, "ctbs", plan_sha256=SHA)
    assert active["threshold"]["state"] == "isometric contraction"
    assert active["threshold"]["percent_mso"] is None
    assert active["dose"]["intensity"]["expected_V_per_m"] is None


def test_montages_keep_their_currents_and_places(record):
    item = next(item for item in record.techniques if item.technique == "tdcs")
    content = draft_protocol(record, "tdcs", plan_sha256=SHA)
    assert [e["current_A"] for e in content["dose"]["electrodes"]] == [e.current_A for e in item.proposal.electrodes]
    assert all(e["shape"]["kind"] == "pad" and e["center_mm"] for e in content["dose"]["electrodes"])
    assert content["dose"]["timing"]["ramp_up_s"] is None


def test_a_session_length_goes_into_the_draft_only_where_the_user_gave_it(record):
    item = next(item for item in record.techniques if item.technique == "tdcs")
    assert draft_protocol(record, "tdcs", plan_sha256=SHA)["dose"]["timing"]["duration_s"] is None
    stated = item.currency.model_copy(update={"duration_s": 1500.0, "duration_words": GIVEN})
    planned = record.model_copy(update={"techniques": (item.model_copy(update={"currency": stated}),)})
    assert draft_protocol(planned, "tdcs", plan_sha256=SHA)["dose"]["timing"]["duration_s"] == 1500.0


def test_the_combination_is_refused_with_an_electrode_under_the_coil(record):
    (both,) = record.combinations
    content = finished(record, "tdcs_rtms")
    content["dose"]["electrodes_stay_on"] = True
    if both.under_coil:
        with pytest.raises(ProtocolError, match=both.under_coil[0].electrode):
            from_content(content)
    else:
        from_content(content)


def test_a_lead_becomes_a_protocol_with_its_way_back(record):
    ect = next(item for item in record.techniques if item.technique == "ect")
    contact = {"area_mm2": 5.98, "charge_per_phase_C": 1.8e-7, "charge_density_C_per_m2": 0.03, "shannon_k": 0.5}
    lead = LeadProposal(
        lead="a lead", lead_source="here", tip_mm=(-10.0, 8.0, -4.0), entry_mm=(-40.0, 60.0, 60.0), rotation_deg=0.0,
        contacts=(
            ContactRecord(name="1", current_A=-0.002, **contact), ContactRecord(name="2", current_A=-0.001, **contact),
            ContactRecord(name="3", current_A=0.0, **contact),
        ),
        impedance_Ohm=1000.0, words="towards the target",
    )  # fmt: skip
    item = ect.model_copy(
        update={
            "technique": "dbs", "proposal": lead, "quantities": {"pulse_width_s": 60e-6, "frequency_Hz": 130.0},
        }
    )  # fmt: skip
    planned = record.model_copy(update={"techniques": (item,), "combinations": ()})
    protocol = from_content(finished(planned, "dbs"))
    assert [(c.name, float(c.current_A)) for c in protocol.dose.contacts] == [
        ("1", -0.002), ("2", -0.001), ("case", 0.003),
    ]  # fmt: skip
    assert protocol.dose.side == "left"
    assert quantities(protocol)["charge_per_phase_C"] == pytest.approx(0.002 * 60e-6)


def test_alternating_currents_and_carriers_need_one_line(record):
    item = next(item for item in record.techniques if item.technique == "hd_tdcs_4x1")
    pads = [e.model_copy(update={"phase_deg": 0.0, "carrier_Hz": 20.0}) for e in item.proposal.electrodes]
    proposal = item.proposal.model_copy(update={"electrodes": tuple(pads)})
    planned = record.model_copy(
        update={"techniques": (item.model_copy(update={"technique": "hd_tacs", "proposal": proposal}),)}
    )
    assert draft_protocol(planned, "hd_tacs", plan_sha256=SHA)["dose"]["frequency_Hz"] == 20
    assert {"tacs", "hd_tacs", "ti"} <= set(DOSES)


def test_a_technique_that_the_plan_does_not_hold_is_refused(record):
    with pytest.raises(PlanError, match=r"no 'dbs'.*snt, tdcs"):
        draft_protocol(record, "dbs", plan_sha256=SHA)


def test_the_command_writes_a_draft(plan, tmp_path):
    plan.write(tmp_path / "plan")
    run = CliRunner().invoke
    out = tmp_path / "snt.json"
    made = run(app, ["protocol", "new", "--plan", str(tmp_path / "plan"), "--technique", "snt", "--out", str(out)])
    assert made.exit_code == 0
    assert json.loads(out.read_text(encoding="utf-8"))["dose"]["technique"] == "snt"
    for wrong, says in (
        (["--plan", str(tmp_path / "plan")], "--technique is missing; the plan holds rtms_1hz"),
        (["--plan", str(tmp_path / "none"), "--technique", "snt"], "cannot read"),
        (["itbs", "--plan", str(tmp_path / "plan")], "both of NAME and --plan"),
        ([], "neither of NAME and --plan"),
        (["itbs", "--technique", "snt"], "belongs to a plan"),
    ):
        refused = run(app, ["protocol", "new", *wrong, "--out", str(tmp_path / "x.json")])
        assert refused.exit_code != 0
        assert says in str(refused.exception)
    assert not (tmp_path / "x.json").exists()


def test_the_schema_of_the_plan_describes_courses():
    assert {"CourseRecord", "CombinationRecord", "DrivingRecord", "RuleSetRecord"} <= set(json_schema()["$defs"])

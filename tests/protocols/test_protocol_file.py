"""protocol.json: round trip, hash, everything that is missing in one error, contradictions between sections."""

import json
import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assuage.errors import ProtocolError
from assuage.protocols import Protocol, draft, from_content, json_schema, read_protocol, write_protocol
from assuage.protocols.draft import open_fields, technique_names
from assuage.protocols.gallery import POSE, TECHNIQUES, example, example_content
from assuage.protocols.mandatory import look_up, mandatory_items
from assuage.protocols.protocol import canonical_json, planned_percent_mso

ROOT = Path(__file__).parents[2]


def without(content, path):
    *sections, last = path.split(".")
    look_up(content, ".".join(sections)).pop(last) if sections else content.pop(last)
    return content


@pytest.mark.parametrize("technique", TECHNIQUES)
def test_every_technique_survives_a_file(technique, tmp_path):
    protocol = example(technique)
    path = write_protocol(protocol, tmp_path / "protocol.json")
    again = read_protocol(path)
    assert again == protocol
    assert again.sha256 == protocol.sha256
    assert [p.name for p in tmp_path.iterdir()] == ["protocol.json"]


def test_the_gallery_knows_every_technique():
    assert set(TECHNIQUES) == set(technique_names())


@given(
    st.fractions(min_value="0.01", max_value=400, max_denominator=997),
    st.integers(2, 200),  # with the longest pauses a session just fits into a day
    st.fractions(min_value="0.01", max_value=100, max_denominator=997),
)
def test_any_fraction_survives_a_file(pause, trains, percent):
    content = example_content("tms", dose__session__trains=trains, dose__stated={})
    content["dose"]["session"]["inter_train_interval_s"] = str(pause)
    content["dose"]["intensity"]["percent_mt"] = str(percent)
    protocol = from_content(content)
    again = from_content(json.loads(protocol.model_dump_json(exclude_none=True)))
    assert again == protocol
    assert again.dose.session.inter_train_interval_s == pause
    assert again.sha256 == protocol.sha256


# --- hash -----------------------------------------------------------------------------------------------------------


def shuffled(value, rng):
    if isinstance(value, dict):
        pairs = [(key, shuffled(each, rng)) for key, each in value.items()]
        rng.shuffle(pairs)
        return dict(pairs)
    return [shuffled(each, rng) for each in value] if isinstance(value, list) else value


@given(st.integers(0, 10**6), st.sampled_from(TECHNIQUES))
def test_the_order_of_keys_does_not_change_the_hash(seed, technique):
    content = example_content(technique)
    assert from_content(shuffled(content, random.Random(seed))).sha256 == from_content(content).sha256


@pytest.mark.parametrize(
    ("path", "spellings"),
    [
        ("dose__session__inter_train_interval_s", [8, 8.0, "8", "16/2"]),
        ("person__age_years", [16, 16.0]),
        ("target__mni_mm", [[-44, 40, 0], [-44.0, 40.0, -0.0]]),
        ("person__weight_kg", [None, ...]),
    ],
)
def test_the_spelling_of_a_number_does_not_change_the_hash(path, spellings):
    hashes = {example("itbs", **({} if s is ... else {path: s})).sha256 for s in spellings}
    assert len(hashes) == 1


@pytest.mark.parametrize(
    "change",
    [{"header__visit": "V2"}, {"dose__intensity__percent_mt": 119}, {"person__cns_active_drugs": ["caffeine"]},
     {"notes": ["one"]}],
)  # fmt: skip
def test_a_changed_content_changes_the_hash(change):
    assert example("itbs", **change).sha256 != example("itbs").sha256


def test_the_canonical_form_has_no_room_for_layout():
    text = canonical_json(example("ti"))
    assert text == json.dumps(json.loads(text), sort_keys=True, separators=(",", ":"), ensure_ascii=False)


# --- what is missing ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("technique", TECHNIQUES)
def test_each_mandatory_item_is_named_when_it_is_missing(technique):
    wanted = [item.path_for(technique) for item in mandatory_items() if technique in item.techniques]
    assert len(wanted) >= 9
    for path in wanted:
        with pytest.raises(ProtocolError, match=rf"1 item\(s\).*{path}"):
            from_content(without(example_content(technique), path))


def test_the_items_that_papers_leave_out_most_are_mandatory_for_a_coil():
    wanted = {
        item.path for item in mandatory_items() if "itbs" in item.techniques and (item.reported_percent or 99) < 61
    }
    assert wanted == {
        "dose.pulse.shape", "dose.pulse.induced_current", "person.prescribed_medication", "person.cns_active_drugs",
        "person.repetitive_motor_history", "person.handedness", "person.neuro_psychiatric_disorders",
        "person.other_medical_conditions", "conditions.attention", "threshold.inter_pulse_interval_s",
        "threshold.other_muscles_relaxed", "threshold.prior_motor_activity",
    }  # fmt: skip


def test_an_empty_list_is_an_answer_and_a_blank_is_not():
    example("itbs", person__prescribed_medication=[])
    with pytest.raises(ProtocolError, match=r"person\.prescribed_medication"):
        example("itbs", person__prescribed_medication=None)
    with pytest.raises(ProtocolError, match=r"person\.repetitive_motor_history"):
        example("itbs", person__repetitive_motor_history="  ")


def test_a_young_person_and_a_guardian_are_asked():
    for field in ("assent", "guardian_consent"):
        with pytest.raises(ProtocolError, match=rf"consent\.{field}"):
            example("tdcs", **{f"consent__{field}": None})
        example("tdcs", **{f"consent__{field}": None, "person__age_years": 18})


def test_a_personal_target_needs_its_rule_and_every_target_a_place():
    with pytest.raises(ProtocolError, match=r"target\.rule"):
        example("itbs", target__personalised=True)
    with pytest.raises(ProtocolError, match=r"target\.placement \(where"):
        from_content(without(without(example_content("itbs"), "target.placement"), "target.mni_mm"))


def test_everything_that_is_wrong_stands_in_one_error():
    content = example_content("itbs", dose__session__trains=0, dose__stated={"pulses_per_session": 5})
    content["colour"] = "red"
    content["person"]["age_years"] = "sixteen"
    for path in ("header.study_id", "person.handedness", "dose.pulse.shape"):
        without(content, path)
    with pytest.raises(ProtocolError) as error:
        from_content(content)
    said = str(error.value)
    parts = (
        "header.study_id",
        "person.handedness",
        "dose.pulse.shape",
        "person.age_years",
        "'sixteen'",
        "colour is not",
    )
    for part in (*parts, "trains per session is 0"):
        assert part in said
    assert "itbs." not in said, "the name of the form is no part of a path"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"dose": {"technique": "astrology"}}, "dose"),
        ({"dose": None}, "dose"),
        ({"schema_version": "2.0"}, "'2.0'; this version of assuage reads 1.x"),
        ({"blinding": {"design": "quintuple"}}, "blinding.design"),
        ({"safety__screening": {"seizure_history": "perhaps"}}, "safety.screening.seizure_history"),
        ({"safety__screening": {"Seizure history": "no"}}, "screening"),
        ({"target__coil_pose": [[1, 0, 0, 0], [0, 2, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]}, "not rigid"),
        ({"target__coil_pose": 3}, "target.coil_pose"),
        ({"dose__session__train__burst_rate_Hz": "fast"}, "'fast' is not a finite number"),
        ({"dose__session__train__bursts": 10.5}, "dose.session.train.bursts"),
        ({"dose__session__speed": 3}, "dose.session.speed is not a field"),
    ],
)
def test_a_wrong_value_is_refused_with_its_place(changes, said):
    with pytest.raises(ProtocolError, match=said):
        example("itbs", **changes)


# --- contradictions between sections --------------------------------------------------------------------------------


def test_the_setting_follows_from_the_threshold():
    assert planned_percent_mso(example("itbs")) == 60
    assert planned_percent_mso(example("itbs", threshold__percent_mso=None)) is None
    assert planned_percent_mso(example("tdcs")) is None
    example("itbs", dose__intensity__percent_mso=60, threshold__percent_mso=50)
    example("itbs", dose__intensity__percent_mso=62, threshold__percent_mso=52)  # 62.4: the knob has whole percents


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"dose__intensity__percent_mso": 61}, "120 % of a threshold of 50 % output is 60 %, but percent_mso is 61"),
        ({"threshold__percent_mso": 90}, "is 108 %, more than the stimulator gives"),
        ({"threshold__state": "isometric contraction"}, "refers to the resting motor threshold, but threshold.state"),
        ({"dose__intensity__expected_V_per_m": 90, "dose__intensity__model_version": "x"}, "give threshold.pose"),
    ],
)
def test_an_intensity_that_contradicts_the_threshold_is_refused(changes, said):
    with pytest.raises(ProtocolError, match=said):
        example("itbs", **changes)


def test_an_expected_field_needs_the_pose_of_the_threshold_or_the_rate_of_current():
    field = {"dose__intensity__expected_V_per_m": 90, "dose__intensity__model_version": "assuage 0.1"}
    example("itbs", **field, threshold__pose=POSE)
    example("itbs", **field, dose__intensity__didt_A_per_s=7e7, dose__intensity__didt_source="display")


# --- files ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "is not JSON"),
        ("[]", "a protocol is a JSON object, got list"),
        ('{"a": NaN}', "NaN, which is no number"),
        ('{"header": {"visit": "1", "visit": "2"}}', "gives visit twice"),
    ],
)
def test_a_file_that_is_none_is_refused_with_its_name(text, said, tmp_path):
    path = tmp_path / "p.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ProtocolError, match=f"{said}"):
        read_protocol(path)
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ProtocolError, match=r"p\.json is not JSON"):
        read_protocol(path)


def test_an_editor_may_name_the_schema():
    assert from_content({"$schema": "protocol.schema.json", **example_content("ti")}) == example("ti")


def test_a_failed_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "taken"
    path.mkdir()
    with pytest.raises(OSError):
        write_protocol(example("ti"), path)
    assert [p.name for p in tmp_path.iterdir()] == ["taken"]


def test_the_published_schema_is_current():
    published = json.loads((ROOT / "docs" / "protocol.schema.json").read_text(encoding="utf-8"))
    assert published == json_schema(), "renew it: assuage protocol schema --out docs/protocol.schema.json"


def test_every_field_that_is_not_its_own_explanation_says_what_it_is():
    schema = json_schema()
    silent = [
        f"{name}.{field}"
        for name in ("Protocol", "CoilPlan", "TesPlan", "TiPlan", "EctPlan", "MstPlan", "DbsPlan", "TdcsRtmsPlan")
        for field, node in (schema if name == "Protocol" else schema["$defs"][name])["properties"].items()
        if not node.get("description")
    ]
    assert silent == []


# --- drafts ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("technique", TECHNIQUES)
def test_a_draft_has_every_field_and_states_nothing(technique):
    empty = draft(technique, screening=["seizure_history"])
    assert set(empty) == set(Protocol.model_fields)
    assert empty["safety"]["screening"] == {"seizure_history": "unknown"}
    said = set(leaves(empty)) - {"1.0", technique, "unknown"}
    assert said <= {"ti"}, "only names of techniques and the version are filled in"
    assert "dose.course.phases.0.day.sessions" in open_fields(empty) or technique in {"dbs", "tdcs_rtms"}
    with pytest.raises(ProtocolError, match=r"item\(s\) that have to be known are missing"):
        from_content(empty)


def leaves(value):
    if isinstance(value, dict):
        return [leaf for each in value.values() for leaf in leaves(each)]
    if isinstance(value, list):
        return [leaf for each in value for leaf in leaves(each)]
    return [] if value is None else [value]


def test_a_filled_draft_is_a_protocol():
    full, empty = example_content("itbs"), draft("itbs")

    def fill(base, values):
        if isinstance(base, dict) and isinstance(values, dict):
            return base | {key: fill(base.get(key), value) for key, value in values.items()}
        return values

    assert from_content(fill(empty, full)) == from_content(full)

"""A course that a user names: only what its source or a person says, and whose each part is."""

import json

import pytest

from assuage.errors import AssuageError, DataError, PlanError, ProtocolError
from assuage.plan.courses import chosen_courses
from assuage.plan.technique_facts import course_facts, technique_facts
from assuage.protocols import draft, published_protocols
from assuage.protocols.courses import COIL_COURSES, coil_course
from assuage.protocols.given_course import is_course, load_course

PAUSE_S = 14_400


@pytest.fixture
def course_file(tmp_path):
    """The rTMS arm of NCT06139484 with the one number that its registration leaves out."""

    def write(name="nct06139484_rtms", **changes):
        content = draft(name)
        content["dose"]["course"]["phases"][0]["day"]["session_interval_s"] = PAUSE_S
        for section, value in changes.items():
            content["dose"][section] |= value
        path = tmp_path / "course.json"
        path.write_text(json.dumps(content), encoding="utf-8")
        return str(path)

    return write


def test_a_published_protocol_that_reports_all_is_a_course():
    course = load_course("macmaster2019")
    assert (course.technique, course.dose.session.pulses, course.dose.course.days) == ("rtms_10hz", 3000, 15)
    assert float(course.dose.intensity.percent_mt) == 120
    assert {str(part) for part in course.parts.values()} == {
        "MacMaster et al. 2019 Front Psychiatry 10:170 (PubMed Central PMC6449763) [abstract]"
    }
    assert "row of the table of trials: none" in course.given


@pytest.mark.parametrize("published", published_protocols(), ids=lambda p: p.name)
def test_every_published_protocol_is_a_course_or_says_why_not(published):
    if is_course(published):
        assert load_course(published.name).published == published.name
        return
    with pytest.raises(AssuageError) as refused:
        load_course(published.name)
    message = str(refused.value)
    assert "\n" not in message
    if published.technique in COIL_COURSES:
        assert "does not give" in message
        assert f"assuage protocol new {published.name}" in message
    else:
        assert f"is of technique {published.technique}" in message


def test_what_is_missing_is_named():
    with pytest.raises(ProtocolError, match=r"does not give course\.phases\.0\.day\.session_interval_s; "):
        load_course("nct06139484_rtms")


def test_a_completed_draft_says_which_numbers_are_whose(course_file):
    course = load_course(course_file())
    assert course.dose.session.pulses == 4000
    assert course.dose.course.sessions == 10
    assert course.published == "nct06139484_rtms"
    assert "sha256" in course.given
    assert "user" not in str(course.parts["session"])
    assert str(course.parts["calendar"]).endswith("given by the user: phases.0.day.session_interval_s [registry, user]")


def test_what_the_user_changed_is_the_users(course_file):
    course = load_course(course_file(intensity={"percent_mt": 100, "threshold": "active"}))
    assert course.parts["intensity"].source == "given by the user: percent_mt, threshold"
    assert course.parts["intensity"].source_level == "user"


def test_a_contradiction_with_what_the_source_prints_is_refused(course_file):
    with pytest.raises(ProtocolError, match="4000"):
        load_course(course_file(session={"trains": 90}))


def test_a_file_that_is_none_is_refused(tmp_path):
    with pytest.raises(DataError, match="cannot read the course"):
        load_course(str(tmp_path / "none.json"))
    (tmp_path / "list.json").write_text("[]", encoding="utf-8")
    with pytest.raises(ProtocolError, match="a protocol is a JSON object"):
        load_course(str(tmp_path / "list.json"))


def test_the_plan_takes_the_named_course_and_the_examples_for_the_rest(course_file):
    named = load_course(course_file())
    found = {course.technique: course for course in chosen_courses(("tms", "rtms_10hz", "itbs"), [named])}
    assert found == {"rtms_10hz": named, "itbs": coil_course("itbs")}


def test_a_course_of_another_technique_or_twice_is_refused(course_file):
    named = load_course(course_file())
    with pytest.raises(PlanError, match="is a course of rtms_10hz, but the plan makes itbs; add rtms_10hz"):
        chosen_courses(("tms", "itbs"), [named])
    with pytest.raises(PlanError, match="are both courses of rtms_10hz"):
        chosen_courses(("tms", "rtms_10hz"), [named, load_course("macmaster2019")])


@pytest.mark.parametrize("name", COIL_COURSES)
def test_the_burden_of_a_course_is_that_of_the_table_where_the_course_is(name):
    own, table = course_facts(name, coil_course(name).dose, "itself"), technique_facts(name)
    assert own.visits == table.visits
    assert own.other_minutes == pytest.approx(table.other_minutes)
    assert own.hours_on_site == pytest.approx(table.hours_on_site, rel=0.02)


def test_the_burden_of_a_named_course_follows_by_hand(course_file):
    facts = course_facts("rtms_10hz", load_course(course_file()).dose, "the file")
    session_min = (100 * 4 + 99 * 26) / 60
    assert facts.hours_on_site == pytest.approx(5 * (2 * session_min + PAUSE_S / 60 + 15) / 60)

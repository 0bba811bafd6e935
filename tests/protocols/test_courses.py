"""The courses that plans show: arithmetic by hand, sources, and agreement with what the chooser takes as burden."""

import pytest

from assuage.errors import DataError
from assuage.plan.technique_facts import technique_facts
from assuage.protocols import load_published
from assuage.protocols.courses import COIL_COURSES, PARTS, coil_course, combined_course

# pulses a session, seconds a session, sessions a day, days, pulses in all: by hand
BY_HAND = {
    "rtms_1hz": (1000, 1000, 1, 15, 15_000),
    "rtms_10hz": (75 * 40, 75 * 4 + 74 * 26, 1, 15, 45_000),
    "itbs": (20 * 10 * 3, 20 * 2 + 19 * 8, 1, 20, 12_000),
    "ctbs": (200 * 3, 40, 1, 20, 12_000),
    "snt": (60 * 10 * 3, 60 * 2 + 59 * 8, 10, 5, 90_000),
}


@pytest.mark.parametrize("name", COIL_COURSES)
def test_arithmetic_is_that_done_by_hand(name):
    dose = coil_course(name).dose
    found = (
        dose.session.pulses, dose.session.duration_s, dose.course.most_sessions_per_day, dose.course.days,
        dose.session.pulses * dose.course.sessions,
    )  # fmt: skip
    assert found == BY_HAND[name]


@pytest.mark.parametrize("name", COIL_COURSES)
def test_every_part_has_a_source(name):
    course = coil_course(name)
    assert set(course.parts) == set(PARTS)
    assert all(part.source and part.source_level for part in course.parts.values())
    if course.published:
        assert load_published(course.published).technique == name


@pytest.mark.parametrize("name", COIL_COURSES)
def test_the_burden_of_the_chooser_is_that_of_the_course(name):
    dose, facts = coil_course(name).dose, technique_facts(name)
    minutes = float(dose.course.most_sessions_per_day * dose.session.duration_s) / 60
    assert facts.visits == dose.course.days
    assert facts.minutes == pytest.approx(minutes, rel=0.02, abs=0.05)  # the table rounds


def test_snt_takes_a_long_day():
    dose = coil_course("snt").dose
    assert dose.course.phases[0].day.length_s(dose.session.duration_s) == 10 * 592 + 9 * 3000
    facts = technique_facts("snt")
    assert facts.other_minutes == pytest.approx(9 * 50 + 15)


def test_the_combination_follows_its_trial():
    combined = combined_course()
    published = load_published(combined.published).parts["dose"]
    assert (combined.order, combined.gap_s, combined.gap_at_most_s) == ("tdcs first", 1800, 3600)
    assert combined.gap_s == published["gap_s"]
    assert combined.calendar.sessions == published["tdcs"]["stated"]["sessions_in_course"]
    assert combined.calendar.sessions == technique_facts("tdcs_rtms").visits


def test_an_unknown_course_lists_the_known_ones():
    with pytest.raises(DataError, match=r"'dbs'.*rtms_1hz"):
        coil_course("dbs")

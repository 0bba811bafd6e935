"""From the pulse to the course: counts and times against slow plain loops, and every refusal."""

from dataclasses import FrozenInstanceError, replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assuage.errors import ProtocolError
from assuage.protocols.course import (
    Burst,
    Course,
    Day,
    Phase,
    Session,
    Train,
    plain_session,
    simple_course,
    theta_burst_session,
)


@st.composite
def sessions(draw):
    pulses = draw(st.integers(1, 4))
    frequency = draw(st.integers(30, 100)) if pulses > 1 else None
    burst = Burst(pulses=pulses, frequency_Hz=None if frequency is None else Fraction(frequency))
    rate = draw(st.fractions(min_value=Fraction(1, 4), max_value=7, max_denominator=50))
    train = Train(bursts=draw(st.integers(1, 12)), burst_rate_Hz=rate, burst=burst)
    trains = draw(st.integers(1, 8))
    pause = draw(st.fractions(min_value="0.1", max_value=60, max_denominator=20)) if trains > 1 else None
    return Session(train=train, trains=trains, inter_train_interval_s=pause)


def pulse_times(session):
    """The moment of every pulse, one by one."""
    train, burst = session.train, session.train.burst
    times, start = [], Fraction(0)
    for _ in range(session.trains):
        for k in range(train.bursts):
            begin = start + k / train.burst_rate_Hz
            times += [begin + (j / burst.frequency_Hz if j else 0) for j in range(burst.pulses)]
        start += train.duration_s + (session.inter_train_interval_s or 0)
    return times


@given(sessions())
def test_pulses_and_times_are_those_of_a_plain_loop(session):
    times = pulse_times(session)
    assert len(times) == session.pulses
    assert times == sorted(set(times)), "no two pulses coincide and none overtakes another"
    assert times[-1] < session.duration_s <= session.duration_with_last_pause_s
    assert session.duration_with_last_pause_s - session.duration_s == (session.inter_train_interval_s or 0)
    assert 0 < session.duty <= 1
    assert session.duty * session.duration_s == session.trains * session.train.duration_s


@given(sessions(), st.lists(st.tuples(st.integers(1, 5), st.integers(1, 3)), min_size=1, max_size=3))
def test_sums_over_the_course_are_those_of_a_plain_loop(session, phases):
    course = Course(
        phases=tuple(
            Phase(days=days, day=Day(sessions=n, session_interval_s=Fraction(60) if n > 1 else None))
            for days, n in phases
        )
    )
    sums, total = [], 0
    for days, n in phases:
        for _ in range(days):
            total += n * session.pulses
            sums.append(total)
    assert course.cumulative(session.pulses) == tuple(sums)
    assert course.sessions * session.pulses == total
    assert course.days == len(sums)


def test_itbs_is_600_pulses_in_192_s():
    itbs = theta_burst_session(bursts_per_train=10, trains=20, pause_s=8)
    assert (itbs.pulses, itbs.duration_s) == (20 * 10 * 3, 20 * 2 + 19 * 8) == (600, 192)
    assert itbs.duty == Fraction(40, 192)


def test_ctbs_is_600_pulses_in_40_s():
    ctbs = theta_burst_session(bursts_per_train=200)
    assert (ctbs.pulses, ctbs.duration_s, ctbs.duty) == (600, 40, 1)


def test_75_trains_of_4_s_are_3000_pulses_in_37_and_a_half_minutes():
    session = plain_session(frequency_Hz=10, pulses_per_train=40, trains=75, pause_s=26)
    assert (session.pulses, session.train.duration_s) == (3000, 4)
    assert session.duration_with_last_pause_s == Fraction("37.5") * 60
    assert session.duration_s == 2224


def test_no_float_drifts_into_a_total():
    session = plain_session(frequency_Hz=0.1, pulses_per_train=3, trains=10, pause_s=0.1)
    assert session.duration_s == Fraction("300.9")


def test_the_calendar():
    weekdays = simple_course(days=15, days_per_week=5)
    assert (weekdays.sessions, weekdays.least_calendar_days) == (15, 19)
    assert Phase(days=5, days_per_week=5).least_calendar_days == 5
    assert Phase(days=6, days_per_week=5).least_calendar_days == 8
    assert Phase(days=3, days_per_week=1).least_calendar_days == 15
    assert Phase(days=9).least_calendar_days == 9


def test_pauses_over_night_count():
    ten = simple_course(days=5, sessions_per_day=10, session_interval_s=3000)
    length = 10 * 592 + 9 * 3000
    assert ten.phases[0].day.length_s(Fraction(592)) == length
    assert ten.shortest_interval_s(Fraction(592)) == 3000
    assert simple_course(days=2).shortest_interval_s(Fraction(3600)) == 23 * 3600
    assert simple_course(days=1).shortest_interval_s(Fraction(3600)) is None
    single_day = simple_course(days=1, sessions_per_day=2, session_interval_s=80_000)
    assert single_day.shortest_interval_s(Fraction(60)) == 80_000


TRAIN = Train(bursts=10, burst_rate_Hz=Fraction(5), burst=Burst(pulses=3, frequency_Hz=Fraction(50)))


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Burst(pulses=0), "0"),
        (lambda: Burst(pulses=True), "True"),
        (lambda: Burst(pulses=3), "leave it out for one"),
        (lambda: Burst(pulses=1, frequency_Hz=Fraction(50)), "leave it out for one"),
        (lambda: Burst(pulses=3, frequency_Hz=Fraction(-50)), "-50"),
        (lambda: Train(bursts=10, burst_rate_Hz=Fraction(0)), "burst_rate_Hz is 0"),
        # 5 Hz and 50 Hz swapped: three pulses would take longer than the pause to the next burst
        (
            lambda: Train(bursts=10, burst_rate_Hz=Fraction(50), burst=Burst(pulses=3, frequency_Hz=Fraction(5))),
            "0.4 s",
        ),
        (lambda: Session(train=TRAIN, trains=2), "inter_train_interval_s none"),
        (lambda: Session(train=TRAIN, trains=1, inter_train_interval_s=Fraction(8)), "inter_train_interval_s 8"),
        (lambda: Session(train=TRAIN, trains=2, inter_train_interval_s=Fraction(0)), "above 0"),
        (lambda: Day(sessions=2), "session_interval_s none"),
        (lambda: Day(sessions=1, session_interval_s=Fraction(5)), "session_interval_s 5"),
        (lambda: Phase(days=0), "0"),
        (lambda: Phase(days=1, days_per_week=8), "a week has 7"),
        (lambda: Course(phases=()), "no phase"),
    ],
)
def test_what_cannot_be_is_refused(make, said):
    with pytest.raises(ProtocolError, match=said):
        make()


def test_a_pause_shorter_than_the_study_allows_is_refused_with_both():
    course = simple_course(days=2, sessions_per_day=2, session_interval_s=3600)
    with pytest.raises(ProtocolError, match=r"3600 s apart.*at least 14400 s"):
        replace(course, minimum_interval_s=Fraction(14400))


def test_a_short_night_is_refused():
    course = replace(simple_course(days=2), minimum_interval_s=Fraction(80_000))
    course.check_days(Fraction(60))
    with pytest.raises(ProtocolError, match=r"76400 s \(over night\)"):
        course.check_days(Fraction(10_000))


def test_a_day_that_does_not_hold_its_sessions_is_refused():
    course = simple_course(days=1, sessions_per_day=3, session_interval_s=40_000)
    with pytest.raises(ProtocolError, match=r"81800 s.*\(86400|more than a day"):
        course.check_days(Fraction(3000))


def test_records_do_not_change():
    with pytest.raises(FrozenInstanceError):
        TRAIN.bursts = 3  # type: ignore[misc]

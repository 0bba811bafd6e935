"""Coil techniques: one field, different courses. rTMS at 1 and 10 Hz, iTBS, cTBS, SNT, and any other train (`tms`)."""

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Literal

from assuage.protocols.course import STRICT, Course, Session, computed
from assuage.protocols.exact import Exact, check_stated, positive, require, show

LARGEST_PERCENT_MSO = 100

CoilTechnique = Literal["tms", "rtms_1hz", "rtms_10hz", "itbs", "ctbs", "snt"]
PulseShape = Literal["monophasic", "biphasic", "half-sine", "biphasic burst", "near-rectangular", "other"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CoilPulse:
    """The waveform of one pulse; most papers leave it out, although thresholds depend on it."""

    __pydantic_config__ = STRICT

    shape: PulseShape | None = None
    """Waveform of the coil current."""
    width_s: Exact | None = None
    """Duration of the pulse."""
    induced_current: str | None = None
    """Direction of the induced current in the brain at the first phase, for example "posterior to anterior"."""

    def __post_init__(self) -> None:
        """Check the width."""
        positive("pulse width_s", self.width_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class Intensity:
    """How strong, in every unit that is known; each conversion names its source."""

    __pydantic_config__ = STRICT

    percent_mt: Exact | None = None
    """Percent of the motor threshold."""
    threshold: Literal["resting", "active"] | None = None
    """Which motor threshold; needed with percent_mt."""
    percent_mso: Exact | None = None
    """Percent of the stimulator's maximum output."""
    didt_A_per_s: Exact | None = None
    """Rate of the coil current at the start of the pulse."""
    didt_source: str | None = None
    """Where didt_A_per_s comes from: a measured curve of this stimulator and coil, or a display."""
    expected_V_per_m: float | None = None
    """Model estimate of the field in the target."""
    model_version: str | None = None
    """What made the estimate; needed with expected_V_per_m."""
    escalation: str | None = None
    """How the intensity rises over the first sessions, if it does."""

    def __post_init__(self) -> None:
        """Check that something is given and that nothing stands without its reference."""
        given = (self.percent_mt, self.percent_mso, self.didt_A_per_s)
        require(
            any(value is not None for value in given),
            "intensity is empty; give percent_mt, percent_mso or didt_A_per_s",
        )
        for name, value in zip(("percent_mt", "percent_mso", "didt_A_per_s"), given, strict=True):
            positive(name, value)
        positive("expected_V_per_m", self.expected_V_per_m)
        require(
            self.percent_mt is None or self.threshold is not None,
            f"intensity is {show(self.percent_mt or 0)} % of a motor threshold, but not of which; say resting or "
            "active",
        )
        require(
            (self.percent_mso or 0) <= LARGEST_PERCENT_MSO,
            f"percent_mso is {show(self.percent_mso or 0)}; a stimulator gives at most 100 %",
        )
        require(
            self.didt_A_per_s is None or bool(self.didt_source),
            f"didt_A_per_s = {show(self.didt_A_per_s or 0)} has no didt_source; name the measured curve or leave it "
            "out",
        )
        require(
            self.expected_V_per_m is None or bool(self.model_version),
            f"expected_V_per_m = {self.expected_V_per_m} has no model_version; name what computed it or leave it out",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CoilPlan:
    """Dose of a coil technique."""

    __pydantic_config__ = STRICT

    technique: CoilTechnique
    """Name; it has to fit the session."""
    pulse: CoilPulse
    """The pulse."""
    intensity: Intensity
    """How strong."""
    session: Session
    """One session."""
    course: Course
    """The calendar."""
    stated: dict[str, Exact] = field(default_factory=dict)
    """Totals as a source or a registry states them; a contradiction is refused."""

    def __post_init__(self) -> None:
        """Check the name against the session, the days, and the stated totals."""
        _check_name(self)
        self.course.check_days(self.session.duration_s)
        check_stated(self.stated, self.totals(), what=self.technique)

    def totals(self) -> dict[str, tuple[Fraction, ...]]:
        """Return what follows from the parts; two values of a duration: without and with the last pause."""
        session, train = self.session, self.session.train
        found = computed(
            {
                "pulses_per_train": train.pulses,
                "train_duration_s": train.duration_s,
                "trains_per_session": session.trains,
                "pulses_per_session": session.pulses,
                "pulses_in_course": self.course.sessions * session.pulses,
            }
        )
        found["duration_s"] = (session.duration_s, session.duration_with_last_pause_s)
        calendar = self.course.totals()
        if "sessions_per_day" in calendar:
            found |= computed({"pulses_per_day": self.course.most_sessions_per_day * session.pulses})
        return found | calendar


def _check_name(plan: CoilPlan) -> None:
    """Refuse a session that is not what the technique's name says."""
    train, name = plan.session.train, plan.technique
    rate = {"rtms_1hz": 1, "rtms_10hz": 10}.get(name)
    if rate is not None:
        found = f"{train.burst.pulses} pulse(s) at {show(train.burst_rate_Hz)} Hz"
        require(
            train.burst.pulses == 1 and train.burst_rate_Hz == rate,
            f"{name} means single pulses at {rate} Hz, but the train has {found}; correct the train, or call it tms",
        )
    if name in {"itbs", "ctbs", "snt"}:
        require(
            train.burst.pulses > 1,
            f"{name} means bursts, but the train repeats single pulses; give burst.pulses and its frequency_Hz",
        )
        require(
            (plan.session.trains == 1) == (name == "ctbs"),
            f"{name} means {'one train' if name == 'ctbs' else 'several trains'}, but the session has "
            f"{plan.session.trains}; correct trains, or the technique",
        )
    require(
        name != "snt" or plan.course.most_sessions_per_day > 1,
        "snt means several sessions a day, but the course has one; give sessions and session_interval_s, or call it "
        "itbs",
    )

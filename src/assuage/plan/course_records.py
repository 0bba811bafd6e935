"""Records of what a coil's field is repeated as, how strong the coil is driven, and what is combined with it."""

from typing import Any

from pydantic import Field

from assuage.plan.record_base import Point, Record, Row4
from assuage.safety import Outcome, Verdict


class IntensityRecord(Record):
    """How strong a course drives the coil; docs/intensity.md has the ways."""

    way: str = Field(description="percent_mt, matched_field, didt or percent_output")
    words: str
    percent_mt: float | None
    threshold: str | None = Field(description="resting or active: of which threshold")
    didt_A_per_s: float | None
    percent_output: float | None = Field(description="only for a stimulator and coil with a sourced largest dI/dt")
    target_V_per_m: float | None = Field(description="magnitude of the mean field in the target")
    sd_V_per_m: float | None = Field(description="of that field at this dI/dt")
    hotspot_V_per_m: float | None = Field(description="what the same dI/dt makes at the hotspot")
    target_over_threshold: float | None = Field(description="field in the target over the hotspot's at threshold")
    per_threshold_V_per_m: float | None = Field(
        description="where the threshold is open: field in the target for each A/us of it"
    )
    deliverable: bool | None = Field(description="None: the largest dI/dt of the devices is not known")
    shortfall: str
    assumptions: tuple[str, ...]
    source: str
    open_because: str = Field(description="why no dI/dt is stated; empty if it is")


class DrivingRecord(Record):
    """What is known of the motor threshold and the devices, and how the dose is set."""

    way: str
    amount: float | None
    threshold_state: str | None
    threshold_given_as: str | None = Field(description="didt or percent_output: the other one is computed")
    threshold_didt_A_per_s: float | None
    threshold_percent_output: float | None
    threshold_e_V_per_m: float | None = Field(description="mean field in the hotspot's cortex at threshold")
    hotspot: str
    hotspot_way: str
    hotspot_mm: Point = Field(description="centre of the cortex that answers")
    hotspot_pose: tuple[Row4, Row4, Row4, Row4]
    devices: str
    devices_source: str
    max_didt_A_per_s: float | None
    assumptions: tuple[str, ...]


class RepeatedRecord(Record):
    """What is repeated over a course: the cited limits, the evidence and the burden of it."""

    technique: str
    label: str
    quantities: dict[str, float | str] = Field(description="what was held against the cited limits, SI")
    verdicts: tuple[Verdict, ...]
    worst_verdict: Outcome
    evidence_grade: str
    evidence: str
    visits: int
    hours_on_site: float
    burden_source: str
    notes: tuple[str, ...]


class CourseRecord(RepeatedRecord):
    """A course of the coil: what its field is repeated as, in exact arithmetic."""

    pattern: str = Field(description="pulses and trains in words")
    pulses_per_train: int
    trains_per_session: int
    train_s: float
    pause_s: float | None = Field(description="between trains; None: one train")
    session_s: float = Field(description="start of the first train to the end of the last")
    duty: float = Field(description="share of the session within trains")
    pulses_per_session: int
    sessions_per_day: int
    session_interval_s: float | None = Field(description="end to start; None: one session a day")
    day_s: float = Field(description="start of the first session to the end of the last")
    days: int
    days_per_week: int | None
    least_calendar_days: int
    sessions: int
    pulses: int = Field(description="of the course")
    sources: dict[str, str] = Field(description="session, calendar, intensity: where each was read, and how far")
    published: str = Field(
        description="the published protocol that it is, or the nearest one; see assuage protocol show; empty: none"
    )
    given: str = Field(description="what the user named it by; empty: the example of data/courses.toml")
    session: dict[str, Any] = Field(description="as dose.session of protocol.json")
    calendar: dict[str, Any] = Field(description="as dose.course of protocol.json")
    intensity: IntensityRecord


class UnderCoilRecord(Record):
    """An electrode that the coil covers."""

    electrode: str
    overlap_mm: float = Field(description="how far its outline reaches under the windings")
    below_mm: float = Field(description="from the plane of the coil to its centre")


class CombinationRecord(RepeatedRecord):
    """Two techniques of the plan in one course. It has two doses; their fields are not added."""

    parts: tuple[str, ...] = Field(description="techniques of this plan whose placement and dose hold")
    course: str = Field(description="the coil's course")
    order: str
    gap_s: float
    gap_at_most_s: float
    days: int
    sessions: int
    tdcs_duration_s: float
    footprint_mm: tuple[float, float] = Field(description="outline of the windings: across and along the coil")
    footprint_words: str
    under_coil: tuple[UnderCoilRecord, ...]
    words: tuple[str, ...]
    not_additive: str
    source: str
    invasiveness: str

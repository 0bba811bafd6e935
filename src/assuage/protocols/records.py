"""The parts of `protocol.json` around the dose: who, with what, where, under which conditions.

Every model is frozen and refuses unknown fields. None means "not asked" or "not known yet"; an empty list means
"asked, none". Which of the optional fields a technique cannot do without stands in `data/mandatory.toml`.
"""

import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from assuage.errors import PoseError
from assuage.protocols.exact import Exact
from assuage.space import validate_pose

Point = tuple[float, float, float]
Row4 = tuple[float, float, float, float]
Answer = Literal["yes", "no", "unknown"]
Topic = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]


def _rigid(value: object) -> object:
    try:
        return value if value is None else validate_pose(value).tolist()  # type: ignore[arg-type]
    except (PoseError, TypeError, ValueError) as error:
        raise ValueError(str(error)) from None


Pose = Annotated[tuple[Row4, Row4, Row4, Row4], BeforeValidator(_rigid)]
"""4x4, mm: x, y, z (into the head), centre; the handle points to -y."""


class Record(BaseModel):
    """Base of all parts: frozen, no unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False)


class Header(Record):
    """What this protocol is, and for which visit."""

    study_id: Text
    """Of the study, for example its registry number."""
    title: Text
    """In one line."""
    protocol_version: Text
    """Of the study team."""
    rationale: Text | None = None
    """Why this technique, target and dose."""
    subject_code: Text | None = None
    """Pseudonym; never a name."""
    visit: Text | None = None
    """Label of the visit."""
    session_number: Annotated[int, Field(ge=1)] | None = None
    """Of the course."""
    date: datetime.date | None = None
    """Planned."""
    site: Text | None = None
    """Where."""
    operators: tuple[Text, ...] = ()
    """Who delivers it, with training."""
    approver: Text | None = None
    """Who signs."""
    registry_ids: tuple[Text, ...] = ()
    """Registrations of the study."""


class Medication(Record):
    """One medicine."""

    name: Text
    dose: Text | None = None
    last_taken: Text | None = None


class Person(Record):
    """The person; a pseudonym stands in the header."""

    age_years: Annotated[float, Field(ge=0, le=120)] | None = None
    sex: Literal["female", "male", "intersex", "not stated"] | None = None
    handedness: Literal["right", "left", "both"] | None = None
    height_m: Annotated[float, Field(gt=0.3, lt=2.6)] | None = None
    weight_kg: Annotated[float, Field(gt=5, lt=400)] | None = None
    head_circumference_mm: Annotated[float, Field(gt=300, lt=800)] | None = None
    """Around the head, at the cap's edge."""
    nasion_inion_mm: Annotated[float, Field(gt=200, lt=600)] | None = None
    """Over the vertex."""
    preauricular_mm: Annotated[float, Field(gt=200, lt=600)] | None = None
    """Left to right over the vertex."""
    neuro_psychiatric_disorders: tuple[Text, ...] | None = None
    """Diagnoses; an empty list: asked, none."""
    other_medical_conditions: tuple[Text, ...] | None = None
    """An empty list: asked, none."""
    prescribed_medication: tuple[Medication, ...] | None = None
    """With dose and when last taken; an empty list: asked, none."""
    cns_active_drugs: tuple[Text, ...] | None = None
    """Anything that acts on the brain, prescribed or not; an empty list: asked, none."""
    nicotine: Text | None = None
    alcohol_last_24_h: Text | None = None
    caffeine: Text | None = None
    sleep_hours: Annotated[float, Field(ge=0, le=24)] | None = None
    """Last night."""
    repetitive_motor_history: Text | None = None
    """Instruments, sports or work that train the tested muscle; "none" is an answer."""


class Consent(Record):
    """Consent, assent, and support on the day."""

    consent_version: Text | None = None
    """Of the form that was signed."""
    guardian_consent: bool | None = None
    """Under 18."""
    assent: bool | None = None
    """Under 18: the young person's own agreement."""
    risk_reviewed_today: Text | None = None
    """By whom, and the level in the words of the study."""
    support_contact: Text | None = None
    """Who is called, and how, if the person needs support."""


class Apparatus(Record):
    """One apparatus."""

    make: Text
    model: Text
    serial: Text | None = None
    firmware: Text | None = None
    calibrated: datetime.date | None = None


class Coil(Record):
    """The coil."""

    make: Text
    model: Text
    serial: Text | None = None
    shape: Text
    """Figure of eight, circular, double cone, ..."""
    size: Text | None = None
    handle: Text | None = None
    cooling: Text | None = None
    max_didt_A_per_s: Annotated[float, Field(gt=0)] | None = None
    """At full output of this stimulator."""
    max_didt_source: Text | None = None
    """Where that number stands."""


class Device(Record):
    """What delivers the stimulation."""

    stimulator: Apparatus
    coil: Coil | None = None
    """Coil techniques and MST."""
    recording: Text | None = None
    """EMG or EEG hardware, sampling, filters, notch."""


class Threshold(Record):
    """How the motor threshold is found, and where."""

    muscle: Text | None = None
    side: Literal["left", "right"] | None = None
    """Of the muscle."""
    state: Literal["rest", "isometric contraction", "movement"] | None = None
    contraction_percent_mvc: Annotated[float, Field(ge=0, le=100)] | None = None
    """Of the tested muscle during the measurement."""
    criterion_V: Annotated[float, Field(gt=0)] | None = None
    """Peak-to-peak size that counts as a response."""
    method: Text | None = None
    """Relative frequency, adaptive (PEST), visible movement."""
    hits: Text | None = None
    """For example "5 of 10"."""
    pulses: Annotated[int, Field(ge=1)] | None = None
    """Responses recorded per measurement."""
    response_size_method: Text | None = None
    """How the size of a response is measured."""
    inter_pulse_interval_s: Text | None = None
    """Between single pulses, for example "5 to 7 s, random"."""
    emg_electrodes: Text | None = None
    """Position and contact."""
    other_muscles_relaxed: Text | None = None
    """How relaxation of the other muscles is checked."""
    prior_motor_activity: Text | None = None
    """Activity of the tested muscle before the measurement."""
    percent_mso: Exact | None = None
    """The threshold of this person; None: to be measured at the visit."""
    hotspot: Text | None = None
    """How it is found, and where: cm from Cz, or a coordinate."""
    pose: Pose | None = None
    """Of the coil at the hotspot."""


class TargetPlan(Record):
    """Where, and how exactly."""

    circuit: Text | None = None
    """Domain, with the code of its rationale."""
    region: Text
    """Region of interest."""
    personalised: bool | None = None
    """Whether the target is the person's own."""
    rule: Text | None = None
    """How the place follows from the person's data."""
    mni_mm: Point | None = None
    subject_mm: Point | None = None
    """World RAS+ mm of the head's image."""
    head: Text | None = None
    """Image or head model, with its hash."""
    coil_pose: Pose | None = None
    """In the same space."""
    orientation: Text | None = None
    """Of the coil, in words a technician can follow."""
    placement: Text | None = None
    """In words a technician can follow, without a navigator."""
    coil_scalp_distance_mm: Annotated[float, Field(ge=0, le=100)] | None = None
    hair_mm: Annotated[float, Field(ge=0, le=50)] | None = None
    navigation: Text | None = None
    """System and version; "none" is an answer."""
    registration_residual_mm: Annotated[float, Field(ge=0, le=50)] | None = None


class Conditions(Record):
    """What happens around the stimulation."""

    attention: Text | None = None
    """State of attention or arousal, and how it is kept."""
    delivery: Text | None = None
    """One to one or in a group; at the site or at home, and under whose eyes."""
    activity: Text | None = None
    """Rest or task during the session."""
    room: Text | None = None
    skin_preparation: Text | None = None
    electrode_fixation: Text | None = None
    """Cap size, straps, holders."""


class Safety(Record):
    """Screening, protection, and when to stop."""

    rule_set: Text | None = None
    """Identifier and version of the rules that the protocol was held against."""
    screening: dict[Topic, Answer] = Field(default_factory=dict)
    """Topic to answer."""
    hearing_protection: bool | None = None
    """For the person and for those nearby."""
    hearing_attenuation_decibel: Annotated[float, Field(ge=0, le=60)] | None = None
    """Attenuation."""
    stop_criteria: tuple[Text, ...] | None = None
    """When the session or the course ends early."""
    emergency_contact: Text | None = None
    adverse_events_method: Text | None = None
    """How they are asked for and graded."""


class Blinding(Record):
    """Who knows what, and what sham is."""

    design: Literal["open", "single blind", "double blind", "triple blind"]
    blinded: tuple[Text, ...] = ()
    """Who."""
    sham: Text | None = None
    """How it looks, sounds and feels like the real one; None in a study without sham."""
    blinding_check: Text | None = None
    """Whether the guess of group is asked, and when."""
    unblinding: Text | None = None
    """When and how a person's group is revealed early."""


class Fidelity(Record):
    """How exactly the plan has to be kept, and what is measured."""

    tolerance_mm: Annotated[float, Field(gt=0)] | None = None
    """Largest distance of the coil from its planned place."""
    tolerance_deg: Annotated[float, Field(gt=0)] | None = None
    """Largest turn of the coil from its planned direction."""
    least_percent_within: Annotated[float, Field(ge=0, le=100)] | None = None
    """Share of pulses that have to lie within."""
    planned: Text | None = None
    """How adherence is assessed, by whom, and how it is kept up."""
    modifications: Text | None = None
    """How changes to the protocol during the study are recorded."""


class EvidenceRef(Record):
    """A published study that the protocol starts from."""

    name: Text
    citation: Text
    source: Text
    source_level: Text
    """How far the source was read."""
    evidence_row: Text | None = None
    """Identifier in the table of evidence."""
    not_reported: tuple[Text, ...] = ()
    """What the source, as read, does not say about the dose."""

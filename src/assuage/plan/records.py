"""What a plan says, as records that are written to `plan.json`.

Every model is frozen and refuses unknown fields. Units stand in the names; coordinates are world RAS+ mm of the head's
image. `json_schema` publishes the JSON Schema; `docs/plan_json.md` explains the fields in words.
"""

from typing import Any, Literal

from pydantic import Field

from assuage.plan.aim_records import CircuitRecord, HeadRecord, TargetRecord
from assuage.plan.course_records import CombinationRecord, CourseRecord, DrivingRecord
from assuage.plan.currency_records import Currency, ReachRecord
from assuage.plan.distribution_records import TargetDistributionRecord
from assuage.plan.evidence_record import EvidenceRecord
from assuage.plan.order_records import Ranking, ShortlistRecord
from assuage.plan.record_base import Point, Record, Row4
from assuage.safety import Outcome, Verdict

SCHEMA_VERSION = "2.4"

DISCLAIMER = (
    "Research planning aid, not a medical device. Doses are model estimates. A qualified person checks the target, the "
    "placement and the protocol before anyone is stimulated. 'Within cited range' is not a statement of safety."
)

OWN_REFERENCE = "best magnitude of the same technique in the cortex under C3"
UNDER_C3 = "own best under C3"


class FileRecord(Record):
    """A file of the plan's folder."""

    path: str = Field(description="relative to the folder")
    sha256: str
    bytes: int
    says: str = Field(description="what it holds")


class SiteDistance(Record):
    """A 10-10 site near a point."""

    site: str
    distance_mm: float


class CoilProposal(Record):
    """Where a coil goes."""

    kind: Literal["coil"] = "coil"
    coil: str
    coil_origin: str
    coil_max_didt_A_per_s: float | None
    pose: tuple[Row4, Row4, Row4, Row4] = Field(
        description="4x4, mm: x, y, z (into the head), centre; the handle points to -y"
    )
    hair_mm: float = Field(description="assumed gap between scalp and coil face")
    lift_mm: float = Field(description="further gap so that no part of the coil face enters that layer")
    scalp_distance_mm: float = Field(description="coil centre to scalp")
    scalp_point_mm: Point
    nearest_sites: tuple[SiteDistance, ...]
    handle_deg: float = Field(
        description="0: handle points back (down at the back of the head), 90: to the person's left, -90: right, "
        "180: forward; in the plane of the coil"
    )
    words: str


class OutlineRecord(Record):
    """Flat outline of an electrode: the sizes of its kind, as in protocol.json."""

    kind: Literal["disc", "pad", "ring"]
    radius_mm: float | None = None
    width_mm: float | None = None
    height_mm: float | None = None
    inner_mm: float | None = None
    outer_mm: float | None = None


class ElectrodeRecord(Record):
    """One electrode of a montage."""

    name: str
    center_mm: Point
    current_A: float = Field(description="positive into the head; the amplitude, zero to peak, where a phase is given")
    shape: str
    area_mm2: float
    outline: OutlineRecord | None = None
    phase_deg: float | None = Field(default=None, description="of an alternating current")
    carrier_Hz: float | None = Field(default=None, description="of an alternating current")


class Certificate(Record):
    """Proof of how good an optimum is: no montage under the same limits exceeds `dual`."""

    problem: str
    solver: str
    status: str
    primal_V_per_m: float
    dual_V_per_m: float
    gap_V_per_m: float
    gap_relative: float
    realised_V_per_m: float = Field(description="what the proposed montage, on few electrodes and rounded, reaches")
    directions: int = Field(description="directions tried; 1 where the direction was given")


class MontageProposal(Record):
    """Where electrodes go and what they carry."""

    kind: Literal["montage"] = "montage"
    electrodes: tuple[ElectrodeRecord, ...]
    total_current_A: float
    largest_current_A: float
    certificate: Certificate | None
    words: str
    placement: str = Field(default="", description="name of a standard placement, if it is one")


class ContactRecord(Record):
    """One contact of an implanted lead."""

    name: str
    current_A: float = Field(description="positive into the tissue")
    area_mm2: float
    charge_per_phase_C: float
    charge_density_C_per_m2: float
    shannon_k: float | None


class LeadProposal(Record):
    """Where a lead goes and which contacts are active."""

    kind: Literal["lead"] = "lead"
    lead: str
    lead_source: str
    tip_mm: Point
    entry_mm: Point
    rotation_deg: float
    contacts: tuple[ContactRecord, ...]
    impedance_Ohm: float | None
    words: str


class Table(Record):
    """What a technique's page shows beside the dose: alternatives, regions, courses."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str | float | None, ...], ...]


class PhasorRecord(Record):
    """Component of an alternating field along an axis of a region."""

    panel: str = Field(description="which phasors belong together, for example 'in phase'")
    region: str
    amplitude_V_per_m: float
    phase_deg: float = Field(description="by how much it leads the first of its panel")


class PhaseRecord(Record):
    """How two places swing together."""

    region: str
    partner: str
    partner_because: str
    wanted_deg: float = Field(description="by how much the partner shall lead the region")
    asked: bool = Field(description="whether the user asked for this phase; else the plan shows in phase")
    reached_deg: float = Field(description="after rounding to the stimulator's steps, along the axes in the notes")
    spread_deg: float = Field(description="root mean square about the wanted phase when electrodes are misplaced")


class RhythmRecord(Record):
    """What alternates: frequency with its source, and the phase between two places if there are two."""

    frequency_Hz: float
    frequency_source: str
    phase: PhaseRecord | None


class TissueShare(Record):
    """What one tissue's conductivity range contributes to the error bar."""

    tissue: str
    sd_V_per_m: float


class ErrorBar(Record):
    """Standard deviations of the dose (its magnitude, or its component where a direction was asked for)."""

    conductivity_sd_V_per_m: float
    conductivity_by_tissue: tuple[TissueShare, ...]
    conductivity_assumption: str
    placement_sd_V_per_m: float
    placement_mean_V_per_m: float
    placement_5_95_V_per_m: tuple[float, float]
    placement_assumption: str
    placements: int
    seed: int
    combined_sd_V_per_m: float
    left_out: str = Field(description="what this error bar does not cover")


class OffTarget(Record):
    """Mean field of the proposal in another region of the circuit."""

    region: str
    magnitude_V_per_m: float


class Dose(Record):
    """What the proposal delivers, from one forward solution at the reference intensity."""

    intensity: str = Field(description="in words, for example '2 mA'")
    is_unit: bool = Field(default=False, description="stated for 1 A/us of the coil: a unit and not a dose")
    current_A: float | None
    didt_A_per_s: float | None
    mean_e_V_per_m: Point = Field(
        description="mean field vector; of temporal interference the best direction times the depth of the mean fields"
    )
    magnitude_V_per_m: float = Field(description="of the mean field vector, or what `quantity` says")
    component_V_per_m: float | None = Field(description="along the wanted direction")
    normal_V_per_m: float | None = Field(description="along the mean inward normal")
    adjoint_V_per_m: float = Field(description="the same magnitude from the search, for comparison")
    e99_V_per_m: float = Field(description="99th percentile of |E| in the target tissue of the whole head")
    target_over_e99: float
    half_max_volume_mm3: float = Field(description="target tissue of the whole head with |E| of at least e99 / 2")
    off_target: tuple[OffTarget, ...]
    quantity: str = Field(default="mean field", description="what the magnitude is: mean field, or modulation depth")
    reference: str = Field(default=OWN_REFERENCE, description="what the reference is")
    reference_name: str = Field(
        default=UNDER_C3, description="the same in two or three words; where a technique has a threshold, its name"
    )
    reference_V_per_m: float
    relative_to_reference: float
    error: ErrorBar


class ScaledDose(Record):
    """The dose at another intensity (the field is linear in it)."""

    intensity: str
    current_A: float | None
    didt_A_per_s: float | None
    magnitude_V_per_m: float
    sd_V_per_m: float
    note: str


class SearchRecord(Record):
    """How the proposal was found."""

    candidates: int
    evaluated: int
    seconds: float
    words: str


class TechniqueRecord(Record):
    """One technique: proposal, dose, verdicts."""

    technique: str
    label: str
    proposal: CoilProposal | MontageProposal | LeadProposal = Field(discriminator="kind")
    dose: Dose
    scaled: tuple[ScaledDose, ...]
    verdicts: tuple[Verdict, ...]
    worst_verdict: Outcome
    search: SearchRecord
    field_file: str = Field(description="NIfTI of the dose's quantity in V/m at the reference intensity")
    notes: tuple[str, ...]
    tables: tuple[Table, ...] = ()
    phasors: tuple[PhasorRecord, ...] = ()
    rhythm: RhythmRecord | None = Field(default=None, description="of an alternating current of one frequency")
    currency: Currency | None = None
    reach: ReachRecord | None = Field(default=None, description="of the proposal; None: no field to judge it by")
    aimed_mm: Point | None = Field(default=None, description="centre of its own region, where it is not the target")
    quantities: dict[str, float | str] = Field(
        default_factory=dict, description="what was held against the cited limits, SI"
    )
    courses: tuple[CourseRecord, ...] = Field(default=(), description="of a coil: one field, several courses")
    driving: DrivingRecord | None = Field(default=None, description="of a coil: motor threshold and devices")


class MatrixCell(Record):
    """The best dose that a technique, optimised for a region, gives to it; of the proposal: `TechniqueRecord.reach`."""

    technique: str
    region: str
    best_V_per_m: float
    relative_to_reference: float
    stronger_elsewhere: float | None = Field(
        default=None, description="share of the region's tissue in the whole head that gets a stronger field"
    )
    reached: bool
    proposed_V_per_m: float = Field(description="what the proposal of this plan gives there")


class Matrix(Record):
    """Techniques by regions."""

    criterion: str
    reference: str
    threshold: float = Field(description="least relative_to_reference of a reached region")
    selectivity_threshold: float | None = Field(
        default=None, description="largest stronger_elsewhere of a reached region"
    )
    cells: tuple[MatrixCell, ...]
    reached_by_none: tuple[str, ...] = Field(
        description="keys of located regions that no technique of the plan reaches"
    )
    without_centroid: tuple[str, ...]


class Provenance(Record):
    """Everything needed to repeat the plan."""

    created_utc: str
    command: str
    assuage: str
    versions: dict[str, str]
    platform: str
    seed: int
    settings: dict[str, Any]
    conductor: dict[str, Any]
    seconds: dict[str, float]


class RuleSetRecord(Record):
    """The cited limits that the plan was held against."""

    name: str
    version: str
    sha256: str


class PlanRecord(Record):
    """The whole of plan.json."""

    schema_version: str = SCHEMA_VERSION
    disclaimer: str = DISCLAIMER
    title: str
    head: HeadRecord
    target: TargetRecord
    circuit: CircuitRecord | None
    techniques: tuple[TechniqueRecord, ...]
    combinations: tuple[CombinationRecord, ...] = ()
    skipped: dict[str, str] = Field(description="technique to the reason why there is no proposal")
    ranking: Ranking
    shortlist: ShortlistRecord | None = None
    matrix: Matrix | None
    target_distribution: TargetDistributionRecord | None = Field(
        default=None, description="of an individual target: what the plan maximised over it"
    )
    evidence: EvidenceRecord | None = Field(default=None, description="studies behind techniques and regions")
    maps: dict[str, str] = Field(description="arrays of maps.npz: name to what it holds")
    files: tuple[FileRecord, ...] = Field(description="filled when the plan is written")
    limits: tuple[str, ...] = Field(description="what the model leaves out, in words")
    rule_set: RuleSetRecord | None = None
    provenance: Provenance


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema of plan.json."""
    return PlanRecord.model_json_schema()

"""What was delivered, as records that are written to `fidelity.json`; `docs/readback.md` explains them in words.

Every model is frozen and refuses unknown fields. Units stand in the names; coordinates are world RAS+ mm of the plan's
image. null is what is not known: nothing is put in its place.
"""

from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter

from assuage.plan.record_base import Point, Record, Row4
from assuage.plan.records import DISCLAIMER

SCHEMA_VERSION = "1.1"

State = Literal["used", "untracked", "away", "inside"]


class Spread(Record):
    """Distribution of a quantity over the pulses used."""

    mean: float
    sd: float
    percentile_5: float
    median: float
    percentile_95: float
    least: float
    largest: float


class PlanRef(Record):
    """The plan that the delivery is held against."""

    sha256: str = Field(description="of plan.json")
    title: str
    technique: str
    head: str
    head_sha256: str
    target: str
    quantity: str = Field(description="what counts in the target: magnitude of the mean field, or a component of it")
    voxel_mm: float = Field(description="of the grid of the fields")


class SourceRef(Record):
    """The file that was read back."""

    file: str
    sha256: str
    format: str
    coordinate_system: str
    registration_residuals_mm: tuple[float, ...] = ()
    notes: tuple[str, ...] = ()


class PulseRecord(Record):
    """One pulse. Fields of a coil are stated per A/us; in V/m only where the file gives dI/dt."""

    index: int
    name: str
    state: State = Field(
        description="used; untracked: no pose in the file; away: more than 40 mm from the scalp; inside: part of the "
        "coil would lie in the head. Only used pulses count"
    )
    time_s: float | None
    didt_A_per_s: float | None
    amplitude_percent: float | None
    position_mm: Point | None = None
    pose: tuple[Row4, Row4, Row4, Row4] | None = Field(
        default=None, description="in the head, mm: columns x, y, z (into the head) and the centre, as in the plan"
    )
    scalp_distance_mm: float | None = None
    distance_mm: float | None = Field(default=None, description="between planned and delivered centre")
    along_scalp_mm: float | None = Field(default=None, description="its part in the plane of the planned coil")
    outward_mm: float | None = Field(default=None, description="its part out of the head along the planned coil axis")
    tilt_deg: float | None = Field(default=None, description="between the coil axes")
    twist_deg: float | None = Field(
        default=None, description="about the coil axis, -180 to 180, clockwise seen from outside"
    )
    target_V_per_m_per_A_per_us: float | None = None
    along_planned_V_per_m_per_A_per_us: float | None = Field(
        default=None, description="component along the planned field; negative if the field is reversed"
    )
    of_planned: float | None = Field(default=None, description="target over planned field, at equal dI/dt")
    within_tolerance: bool | None = None
    target_V_per_m: float | None = None
    off_target_V_per_m_per_A_per_us: dict[str, float] = Field(default_factory=dict, description="by region")


class Counts(Record):
    """How many pulses, by what is known of them."""

    recorded: int
    used: int
    untracked: int
    away: int
    inside: int
    without_didt: int = Field(description="of those used")


class Drift(Record):
    """Change over the session."""

    position_mm: float | None = Field(
        description="between the mean centres of the first and the last tenth of the pulses used; null below 20 pulses"
    )
    of_planned_first: float | None = Field(description="mean share of the planned field in the first tenth")
    of_planned_last: float | None
    of_planned_per_minute: float | None = Field(description="slope of a straight line; null where times are missing")


class RegionDelivered(Record):
    """Field in another region of the circuit."""

    region: str
    planned_V_per_m: float = Field(description="at 1 A/us, or at the planned currents")
    delivered_V_per_m: float = Field(description="mean over the pulses used, at 1 A/us, or at the planned currents")
    sd_V_per_m: float | None


class Common(Record):
    """What both forms of fidelity.json share."""

    schema_version: str = SCHEMA_VERSION
    disclaimer: str = DISCLAIMER
    assuage: str
    created_utc: str
    plan: PlanRef
    source: SourceRef
    tolerance_percent: float = Field(description="of the planned field; chosen by the user, not a clinical limit")
    off_target: tuple[RegionDelivered, ...]
    notes: tuple[str, ...]


class PulseFidelity(Common):
    """Delivered pulses of a coil against its plan."""

    kind: Literal["pulses"] = "pulses"
    coil: str
    coil_sha256: str
    planned_V_per_m_per_A_per_us: float = Field(description="by the same adjoint as the pulses")
    planned_forward_V_per_m_per_A_per_us: float = Field(description="of the plan's forward solution, for comparison")
    counts: Counts
    within_tolerance_percent: float = Field(description="of the pulses used")
    turned_pulses: int = Field(description="used pulses whose handle is more than 120 degrees from the plan")
    target_V_per_m_per_A_per_us: Spread
    of_planned: Spread
    target_V_per_m: Spread | None = Field(description="of the used pulses whose dI/dt is known")
    distance_mm: Spread
    along_scalp_mm: Spread
    outward_mm: Spread
    tilt_deg: Spread
    twist_deg: Spread
    drift: Drift
    pulses: tuple[PulseRecord, ...]


class ElectrodeDelivered(Record):
    """Where one electrode was."""

    name: str
    current_A: float = Field(description="as planned, positive into the head")
    planned_mm: Point
    digitised_mm: Point = Field(description="as in the file")
    delivered_mm: Point = Field(description="moved to the nearest skin of the head model")
    off_scalp_mm: float = Field(description="how far it was moved")
    displacement_mm: float = Field(description="between planned and delivered centre on the skin, straight")


class ElectrodeFidelity(Common):
    """Delivered electrodes against their plan, at the planned currents."""

    kind: Literal["electrodes"] = "electrodes"
    electrodes: tuple[ElectrodeDelivered, ...]
    mean_displacement_mm: float
    largest_displacement_mm: float
    planned_V_per_m: float
    delivered_V_per_m: float
    along_planned_V_per_m: float = Field(description="component along the planned field; negative if reversed")
    of_planned: float
    within_tolerance: bool
    planned_e_V_per_m: Point
    delivered_e_V_per_m: Point


Fidelity = Annotated[PulseFidelity | ElectrodeFidelity, Field(discriminator="kind")]


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema of fidelity.json."""
    schema = TypeAdapter(Fidelity).json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}

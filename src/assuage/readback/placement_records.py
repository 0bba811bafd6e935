"""What a placement sheet says, as records that are written to `placement.json`; `docs/placement.md` explains them.

Frozen; unknown fields are refused. Lengths along the scalp are mm here and cm on the sheet; coordinates are world RAS+
mm of the head model.
"""

from typing import Any

from pydantic import Field

from assuage.plan.record_base import Point, Record
from assuage.plan.records import DISCLAIMER
from assuage.readback.records import PlanRef

SCHEMA_VERSION = "1.0"


class TapedLength(Record):
    """One length of the person's head against the head model."""

    what: str
    taped_mm: float
    model_mm: float
    difference_mm: float = Field(description="taped less model")
    differs: bool = Field(description="by more than the tape's repeat error")


class TapeRepeat(Record):
    """How well a tape repeats itself."""

    repeat_mm: float
    source: str
    source_level: str


class PlaceByTape(Record):
    """A place on the scalp, as the tape finds it."""

    name: str
    point_mm: Point = Field(description="on the head model")
    side: str = Field(description="left or right of Fpz, along the circumference")
    around_percent: float = Field(description="of the circumference, from Fpz to the mark")
    around_mm: float = Field(description="the same on the person")
    down_percent: float = Field(description="of the tape from the vertex to that mark")
    radial_mm: float = Field(description="expected on the person: vertex to mark")
    down_mm: float = Field(description="expected on the person: vertex to place")
    followed_back_mm: float = Field(description="distance from the place to where these steps lead on the head model")
    steps: tuple[str, ...]
    words: str = Field(description="how the coil is held there, or what the electrode carries")


class PlacementError(Record):
    """The published error that is expected."""

    name: str
    mean_mm: float
    percentile_95_mm: float
    twist_deg: float = Field(description="mean size; 0: the source gives none")
    tilt_deg: float
    says: str
    source: str
    source_level: str
    assumption: str


class PlacedDose(Record):
    """The dose in the target under that error, at the plan's reference intensity."""

    intensity: str
    planned_V_per_m: float
    mean_V_per_m: float
    percentile_5_V_per_m: float
    percentile_95_V_per_m: float
    mean_of_planned: float
    percentile_5_of_planned: float
    percentile_95_of_planned: float
    draws: int
    seed: int


class Placement(Record):
    """The whole of placement.json."""

    schema_version: str = SCHEMA_VERSION
    disclaimer: str = DISCLAIMER
    assuage: str
    created_utc: str
    title: str
    head: str
    head_sha256: str
    plan: PlanRef | None = Field(description="null: a 10-20 site without a plan")
    tape: TapeRepeat
    lengths: tuple[TapedLength, ...]
    warnings: tuple[str, ...]
    first_steps: tuple[str, ...] = Field(description="the same for every place")
    places: tuple[PlaceByTape, ...]
    error: PlacementError
    dose: PlacedDose | None = Field(description="null: no plan, so no target")
    notes: tuple[str, ...]


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema of placement.json."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **Placement.model_json_schema()}

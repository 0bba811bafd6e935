"""What all records of a plan share: the frozen base, points and rows, and what a cited limit says."""

from pydantic import BaseModel, ConfigDict

from assuage.safety import Outcome

Point = tuple[float, float, float]
Row4 = tuple[float, float, float, float]


class Record(BaseModel):
    """Base of all records: frozen, no unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class VerdictRecord(Record):
    """What one cited limit says."""

    rule_id: str
    quantity: str
    outcome: Outcome
    value: float | None
    limit: float | None
    unit: str
    population: str
    source: str
    source_level: str
    why: str

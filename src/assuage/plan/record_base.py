"""What all records of a plan share: the frozen base, points and rows."""

from pydantic import BaseModel, ConfigDict

Point = tuple[float, float, float]
Row4 = tuple[float, float, float, float]


class Record(BaseModel):
    """Base of all records: frozen, no unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")

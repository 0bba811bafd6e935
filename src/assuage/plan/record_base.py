"""What all records of a plan share: the frozen base, points and rows."""

from typing import Self

from pydantic import BaseModel, ConfigDict

Point = tuple[float, float, float]
Row4 = tuple[float, float, float, float]


class Record(BaseModel):
    """Base of all records: frozen, no unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @classmethod
    def taken_from(cls, found: object) -> Self:
        """Return what was found as a record: each field from the attribute of its name, records within it alike."""
        return cls.model_validate(found, from_attributes=True)

"""Records of the order of techniques: by the field in the target, and by what the user weights."""

from pydantic import Field

from assuage.plan.record_base import Record


class CriterionRecord(Record):
    """What one criterion adds to a technique's score."""

    criterion: str
    weight: float
    value: float
    adds: float
    words: str


class ChosenRecord(Record):
    """A technique on the shortlist."""

    place: int
    technique: str
    label: str
    elsewhere: str = Field(default="", description="its numbers stand in this region, not in that of the plan")
    score: float
    criteria: tuple[CriterionRecord, ...]
    cautions: tuple[str, ...]


class LeftOutRecord(Record):
    """A technique that is not on the shortlist, with every reason."""

    technique: str
    label: str
    reasons: tuple[str, ...]


class ShiftRecord(Record):
    """The nearest weights of a criterion, the others held, at which another technique comes first; None: never."""

    criterion: str
    weight: float
    lower: float | None
    lower_first: str | None
    upper: float | None
    upper_first: str | None


class ShortlistRecord(Record):
    """Techniques by what the user weights."""

    rule: str
    site: str = Field(description="what the site was taken to have")
    chosen: tuple[ChosenRecord, ...]
    left_out: tuple[LeftOutRecord, ...]
    shifts: tuple[ShiftRecord, ...]


class Rank(Record):
    """A place in the ranking, with its reasons."""

    place: int
    technique: str
    score: float
    reasons: tuple[str, ...]


class Ranking(Record):
    """The order of the techniques and how it was made."""

    rule: str
    ranks: tuple[Rank, ...]

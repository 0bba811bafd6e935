"""Records of a dose in quantities that every technique has, and of whether it reaches the region that it aims at."""

from pydantic import Field

from assuage.plan.record_base import Point, Record


class RegionFieldRecord(Record):
    """Field of the proposal in a region."""

    name: str
    mean_V_per_m: float
    over_target: float | None = Field(description="None: the target gets no field")
    on_target: bool = Field(description="at least half of the region lies in the target")


class CircuitFieldRecord(Record):
    """Field of the proposal in the located regions of a circuit."""

    domain: str
    mean_V_per_m: float | None = Field(description="mean over the located regions; None: none is located")
    off_target_V_per_m: float | None = Field(description="the same without the regions that the target covers")
    over_target: float | None = Field(description="off_target_V_per_m over the field in the target")
    regions: tuple[RegionFieldRecord, ...]
    absent: dict[str, str] = Field(description="the other regions: why no field is given, which is not a zero")


class Currency(Record):
    """The dose in quantities that every technique has; docs/dose.md defines them."""

    target: str = Field(description="where all numbers stand: the region that this technique aims at")
    quantity: str
    mean_V_per_m: float
    mean_is: str
    mean_e_V_per_m: Point | None
    normal_V_per_m: float | None
    mean_size_V_per_m: float
    e99_V_per_m: float = Field(description="99th percentile inside the target")
    reference: str = Field(description="name of the reference field; docs/dose.md defines each")
    reference_V_per_m: float
    reference_origin: str
    ratio: float = Field(description="mean over reference field; not equal across techniques")
    peak_V_per_m: float = Field(description="99th percentile in the target's tissue of the whole head")
    target_over_peak: float
    half_max_volume_mm3: float
    stronger_elsewhere: float = Field(description="share of that tissue that gets more than the target's mean")
    circuits: tuple[CircuitFieldRecord, ...]
    sensitive: tuple[RegionFieldRecord, ...]
    sensitive_absent: dict[str, str] = Field(description="the other sensitive regions: why no field is given")
    charge_C: float | None
    charge_words: str
    duration_s: float | None
    duration_words: str = Field(description="where the length of a session comes from, or why there is none")


class ReachRecord(Record):
    """Whether a proposal, as it stands, reaches the region that it aims at; `Matrix.criterion` has the definition."""

    target: str
    relative_to_reference: float
    stronger_elsewhere: float
    reached: bool
    words: str

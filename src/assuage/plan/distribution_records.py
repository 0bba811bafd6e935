"""Records of a plan over the distribution of its target."""

from typing import Literal

from pydantic import Field

from assuage.plan.record_base import Point, Record

MadeFor = Literal["distribution", "mean", "group"]


class SpreadRecord(Record):
    """A dose over target, placement and conductivity, at the technique's reference intensity."""

    expected_V_per_m: float
    sd_V_per_m: float
    quantiles_V_per_m: dict[str, float] = Field(description="at 0.05, 0.5 and 0.95")
    objective_V_per_m: float = Field(description="what the plan maximises")
    target_share: float = Field(description="of the variance that the target's place alone makes")
    placement_share: float = Field(description="of the coil or the electrodes alone")
    conductivity_share: float = Field(description="of the conductivities alone")
    joint_share: float = Field(description="what only their acting together makes")


class GainRecord(Record):
    """What the proposal gives more than the one for the group target, over the same targets and conductivities."""

    objective_gain: float = Field(description="objective over that of the group's proposal, less 1")
    mean_V_per_m: float
    sd_V_per_m: float = Field(description="over target and conductivities, which both proposals share")
    better_share: float = Field(description="share of the cases in which the proposal gives more")
    worth: bool = Field(description="the mean is larger than the standard deviation (a working rule)")


class AimRecord(Record):
    """One technique over the distribution."""

    technique: str
    label: str
    aims_at: Literal["distribution", "mean"]
    because: str
    moved_mm: float | None = Field(description="of a coil: from the best pose for the mean; None: no coil")
    made_for: MadeFor = Field(description="what the proposal was searched for; the best of the three is kept")
    over: SpreadRecord | None = Field(description="of the proposal; None: not computed for this technique")
    of_mean: SpreadRecord | None = Field(description="of the proposal for the mean of the distribution")
    of_group: SpreadRecord | None = Field(description="of the proposal for the group target, over the same places")
    in_group_V_per_m: float | None = Field(description="field of the proposal in the group target")
    group_in_group_V_per_m: float | None = Field(description="field there of the proposal for it")
    over_group: GainRecord | None = Field(description="None: no proposal for the group target")


class PlaceRecord(Record):
    """A group of places where the target may lie."""

    center_mm: Point
    weight: float


class GroupTargetRecord(Record):
    """The group target beside the individual one."""

    label: str
    center_mm: Point
    distance_mm: float
    worth_individualising: bool = Field(description="by the recording, from target.json")
    says: tuple[str, ...]


class TargetDistributionRecord(Record):
    """What the plan maximised over the distribution of an individual target, and what comes of it."""

    method: str
    minutes: float
    objective: str
    quantile: float | None = Field(description="None: the expected value")
    mean_mm: Point
    semi_axes_mm: Point = Field(description="of the 95 % ellipsoid, longest first")
    places: tuple[PlaceRecord, ...] = Field(description="groups of the distribution, each with an adjoint of its own")
    within_mm: float = Field(description="root mean square distance of a place from the centre of its group")
    placements: int
    conductivities: int
    seed: int
    techniques: tuple[AimRecord, ...]
    group: GroupTargetRecord | None
    says: tuple[str, ...]

"""Records of the head that a plan is made on, and of what it aims at there."""

from typing import Any, Literal

from pydantic import Field

from assuage.plan.record_base import Point, Record, Row4


class TissueRecord(Record):
    """A tissue of the head with the conductivity used and its published range (None: no range known)."""

    name: str
    volume_ml: float
    conductivity_S_per_m: float
    low_S_per_m: float | None
    high_S_per_m: float | None
    source: str
    source_level: str
    range_source: str
    range_source_level: str


class AnisotropyRecord(Record):
    """Conductivity tensors of a tissue, from diffusion imaging; shares are of the tissue's voxels."""

    tissue: str
    file: str
    sha256: str
    order: str = Field(description="whose order of components, as stated")
    frame: str = Field(description="axes of the components, as stated: fsl, voxel or world")
    mapping: str = Field(description="volume-normalised or direct")
    voxel_mm: Point
    diffusion: float = Field(description="cube root of the mean determinant, in the unit of the file")
    median_ratio: float = Field(description="largest to smallest eigenvalue")
    isotropic_share: float = Field(description="no usable tensor: isotropic there")
    outside_share: float = Field(description="of it, outside the map")
    empty_share: float = Field(description="of it, 0 or not finite")
    not_positive_share: float = Field(description="of it, an eigenvalue of 0 or below")
    clipped_share: float = Field(description="small eigenvalues raised to a tenth of the largest")
    capped_share: float = Field(description="largest eigenvalue lowered to 2 S/m")
    checks: dict[str, Any] = Field(description="what was measured to check order, place and axes; null: not checked")


class SignOffRecord(Record):
    """Who looked at the head before the plan was made, and what they decided."""

    state: Literal["signed", "rejected", "void", "embedded"] = Field(
        description="void: head or quality figures changed since; embedded: the head of the package, which needs none"
    )
    by: str
    signed_utc: str
    note: str
    decision: str = Field(description="signed or rejected, also where it is void; empty for the embedded head")
    head_sha256: str = Field(description="of the head as it was looked at")
    quality_sha256: str = Field(description="of its quality figures (qc.json) as they were looked at")
    why: str = Field(description="of a void sign-off: what changed")


class HeadRecord(Record):
    """The head that was planned on."""

    name: str
    sha256: str = Field(description="of labels, affine and fractions as loaded")
    shape: tuple[int, int, int]
    voxel_mm: Point
    affine: tuple[Row4, Row4, Row4, Row4]
    tissues: tuple[TissueRecord, ...]
    fiducials_mm: dict[str, Point]
    ten_ten_mm: dict[str, Point]
    metadata: dict[str, Any]
    anisotropy: AnisotropyRecord | None = Field(default=None, description="None: every tissue is isotropic")
    sign_off: SignOffRecord | None = Field(default=None, description="None: nobody has signed off this head")


class TargetRecord(Record):
    """The region that was aimed at."""

    name: str
    requested_mm: Point = Field(description="asked for, in head coordinates")
    requested_mni_mm: Point | None = Field(description="as given in MNI space, if it was")
    center_mm: Point
    center_mni_mm: Point | None
    snapped_mm: float = Field(description="how far the centre was moved to reach grey matter")
    radius_mm: float
    depth_mm: float = Field(description="from the centre to the nearest scalp")
    tissues: tuple[str, ...]
    volume_mm3: float = Field(description="on the grid of the field, tissue only")
    direction: Point | None = Field(description="unit vector whose component was maximised; None: the magnitude")
    normal: Point | None = Field(description="mean cortical normal, pointing inward; None: the surfaces cancel")
    notes: tuple[str, ...]


class RegionRecord(Record):
    """A region of the circuit."""

    key: str
    label: str
    role: str
    named_by: tuple[str, ...]
    mni_mm: Point | None
    centroid_source: str
    techniques_in_principle: tuple[str, ...]
    notes: str
    primary: bool
    target: TargetRecord | None = Field(description="None where no centroid is known or the head holds no tissue there")
    not_planned_because: str = Field(description="empty if it was")


class CircuitRecord(Record):
    """The circuit that was asked for, and which of its regions the plan optimises."""

    domain: str
    regions: tuple[RegionRecord, ...]
    primary: str = Field(description="key of the region that the techniques were optimised for")
    primary_because: str

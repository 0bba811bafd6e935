"""tDCS and rTMS in one course: two plans, their order and gap, and electrodes that the coil would cover.

The effects of the two are not known to add up; nothing here adds them.

An electrode lies under the coil if its outline reaches into the coil's footprint (a rectangle in the plane of the coil,
seen along the coil's z axis) and its centre is not far behind that plane, round the curve of the head. With R and c
the axes and the centre of the pose, an electrode at p has the coil coordinates ``R' (p - c)``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from assuage.protocols.coil import CoilPlan
from assuage.protocols.course import STRICT, computed
from assuage.protocols.electrodes import PlannedElectrode, TesPlan
from assuage.protocols.exact import Exact, positive, require, show
from assuage.space import validate_pose

NOT_ADDITIVE = (
    "The effects of tDCS and rTMS are not known to add up: each is planned and checked on its own, and no sum of the "
    "two is a dose."
)
ROUND_THE_HEAD_MM = 30.0
"""An electrode this far behind the coil's plane lies on another side of the head: on a sphere of 80 mm the scalp falls
30 mm below the tangent plane at 62 mm from the point of contact, beyond the casing of common coils."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Footprint:
    """Outline of the coil's casing in its plane."""

    __pydantic_config__ = STRICT

    width_mm: float
    """Along the coil's x axis (across both wings of a figure of eight)."""
    length_mm: float
    """Along the coil's y axis (the handle points to -y and does not count)."""

    def __post_init__(self) -> None:
        """Check the sizes."""
        positive("footprint width_mm", self.width_mm)
        positive("footprint length_mm", self.length_mm)


@dataclass(frozen=True, slots=True, kw_only=True)
class UnderCoil:
    """An electrode that the coil covers."""

    electrode: str
    overlap_mm: float
    """How far the electrode's outline reaches into the footprint."""
    below_mm: float
    """Distance of its centre from the plane of the coil."""


def electrodes_under_coil(
    electrodes: Sequence[PlannedElectrode], *, coil_pose: ArrayLike, footprint: Footprint
) -> tuple[UnderCoil, ...]:
    """Return the electrodes that a coil covers.

    Parameters
    ----------
    electrodes
        Those with a position; the others are not seen.
    coil_pose
        (4, 4), mm, z into the head.
    footprint
        Of the casing.

    Raises
    ------
    PoseError
        The pose is not rigid.
    """
    pose = validate_pose(coil_pose)
    half = np.array([footprint.width_mm, footprint.length_mm]) / 2
    found = []
    for electrode in electrodes:
        if electrode.center_mm is None:
            continue
        local = pose[:3, :3].T @ (np.asarray(electrode.center_mm) - pose[:3, 3])
        beyond = np.abs(local[:2]) - half
        distance = float(np.hypot(*np.maximum(beyond, 0)) + min(beyond.max(), 0.0))
        overlap = electrode.shape.reach_mm - distance
        if overlap > 0 and abs(local[2]) <= ROUND_THE_HEAD_MM:
            found.append(UnderCoil(electrode=electrode.name, overlap_mm=overlap, below_mm=float(local[2])))
    return tuple(found)


@dataclass(frozen=True, slots=True, kw_only=True)
class TdcsRtmsPlan:
    """Dose of tDCS combined with rTMS."""

    __pydantic_config__ = STRICT

    technique: Literal["tdcs_rtms"]
    """Name."""
    tdcs: TesPlan
    """The direct current."""
    rtms: CoilPlan
    """The coil."""
    order: Literal["tdcs first", "rtms first", "together"]
    """Which comes first."""
    electrodes_stay_on: bool
    """Whether the electrodes are on the head during rTMS."""
    gap_s: Exact | None = None
    """End of the first to the start of the second; none if together."""
    gap_at_most_s: Exact | None = None
    """Upper end, where the gap is a range."""
    footprint: Footprint | None = None
    """Outline of the coil, to find electrodes under it."""
    under_coil_reason: str | None = None
    """Why an electrode under the coil is intended; without it such a plan is refused."""

    def __post_init__(self) -> None:
        """Check the gap, the kind of current, and that both share one calendar."""
        together = self.order == "together"
        require(not self.tdcs.alternating, f"tdcs_rtms combines direct current with rTMS, got {self.tdcs.technique}")
        positive("gap_s", self.gap_s, zero=True)
        require(
            together == (self.gap_s is None),
            f"order is {self.order!r} and gap_s is {'none' if self.gap_s is None else show(self.gap_s)}; give the gap "
            "between two sessions that follow each other, and none for sessions at the same time",
        )
        require(
            self.gap_at_most_s is None or (self.gap_s is not None and self.gap_at_most_s >= self.gap_s),
            "gap_at_most_s is below gap_s; give a range from the shortest to the longest gap",
        )
        require(
            self.electrodes_stay_on or not together,
            "the two are given together, but the electrodes are off during rTMS; correct electrodes_stay_on or order",
        )
        require(
            self.tdcs.course == self.rtms.course,
            f"tDCS has {self.tdcs.course.sessions} sessions and rTMS {self.rtms.course.sessions}, or their days "
            "differ; both "
            "parts of a combined course share one calendar",
        )
        self.rtms.course.check_days(self.session_s)

    @property
    def session_s(self) -> Fraction:
        """Both, with the longest gap between them."""
        current, coil = self.tdcs.timing.session_s, self.rtms.session.duration_s
        if self.order == "together":
            return max(current, coil)
        return current + coil + (self.gap_at_most_s or self.gap_s or Fraction(0))

    def under_coil(self, coil_pose: ArrayLike | None) -> tuple[UnderCoil, ...]:
        """Return the electrodes under the coil; none where they are off, or pose or footprint are not known."""
        if coil_pose is None or self.footprint is None or not self.electrodes_stay_on:
            return ()
        return electrodes_under_coil(self.tdcs.electrodes, coil_pose=coil_pose, footprint=self.footprint)

    def totals(self) -> dict[str, Any]:
        """Return what follows from the parts."""
        return computed({"pulses_per_session": self.rtms.session.pulses}) | self.rtms.course.totals()

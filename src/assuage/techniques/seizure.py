"""What ECT and MST share: the field in the brain against the threshold of neurons, in numbers.

| quantity | over |
|---|---|
| percentiles of abs(E), share above threshold, volume above half the 99th percentile | all brain voxels of the head |
| mean and 99th percentile of abs(E), share above threshold | brain voxels within `REGION_MM` of a region's centroid |

The threshold is that of a single pulse in a resting neuron (`excitation`). A share above threshold is a statement
about the field, not about a seizure: how long and how often pulses come does not enter it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from assuage.circuits import Region, circuit_names, load_circuit
from assuage.errors import PlanError, TargetError
from assuage.head.tissues import BRAIN_NAMES
from assuage.targets import Target, from_coordinate
from assuage.techniques.dose import EXTREME_PERCENTILE, PEAK_PERCENTILE
from assuage.techniques.scalp import Scalp

if TYPE_CHECKING:
    from assuage.field import Conductor, Field
    from assuage.head import Head

Array = NDArray[np.float64]

REGION_MM = 8.0
"""Radius around a centroid: most of an amygdala, the head of a hippocampus; larger spheres take in the cortex below."""

REGIONS = ("hippocampus", "amygdala", "dorsolateral prefrontal cortex")
"""Reported for every placement, on both sides: memory, the other limbic region, and the frontal reference."""

MEMORY, EMOTION = "hippocampus", "amygdala"


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionField:
    """The field of one region, or the reason why there is none.

    Attributes
    ----------
    name
        With its side.
    mean_V_per_m, e99_V_per_m
        Mean and 99th percentile of abs(E); None where the head does not hold the region.
    mean_over_threshold
        The mean in units of the threshold.
    suprathreshold_share
        Share of the region's voxels at or above threshold.
    voxels
        How many voxels were read.
    note
        How the region was placed, or why it was not.
    """

    name: str
    mean_V_per_m: float | None
    e99_V_per_m: float | None
    mean_over_threshold: float | None
    suprathreshold_share: float | None
    voxels: int
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SeizureDose:
    """The field of one placement in the brain.

    Attributes
    ----------
    threshold_V_per_m
        Of a neuron for this pulse.
    e50_V_per_m, e90_V_per_m, e99_V_per_m, e999_V_per_m, largest_V_per_m
        Median, 90th, 99th and 99.9th percentile and maximum of abs(E) in the brain. The maximum belongs to one voxel
        and depends on the grid; it is here because the literature reports it.
    suprathreshold_share, suprathreshold_left, suprathreshold_right
        Share of the brain, and of each hemisphere, at or above threshold.
    half_max_volume_mm3
        Volume of brain with at least half of the 99th percentile: small is focal.
    brain_density_A_per_m2
        99.9th percentile of the current density, in the brain tissue where it is largest; an upper bound with tensors.
    threshold_scale
        Factor on the amplitude at which the 99th percentile meets the threshold.
    regions
        Fields of named regions.
    """

    threshold_V_per_m: float
    e50_V_per_m: float
    e90_V_per_m: float
    e99_V_per_m: float
    e999_V_per_m: float
    largest_V_per_m: float
    suprathreshold_share: float
    suprathreshold_left: float
    suprathreshold_right: float
    half_max_volume_mm3: float
    brain_density_A_per_m2: float
    threshold_scale: float
    regions: tuple[RegionField, ...]

    @property
    def e50_over_threshold(self) -> float:
        """The median field in units of the threshold."""
        return self.e50_V_per_m / self.threshold_V_per_m

    @property
    def e99_over_threshold(self) -> float:
        """The 99th percentile in units of the threshold."""
        return self.e99_V_per_m / self.threshold_V_per_m

    def mean_of(self, name: str) -> float | None:
        """Return the mean field over the regions of that name, with or without side, V/m; None if the head holds none.

        Raises
        ------
        PlanError
            No region of that name was asked for.
        """
        sides = (name, f"{name} L", f"{name} R")
        named = [region for region in self.regions if region.name in sides]
        if not named:
            raise PlanError(f"no region {name!r} in this dose; it has {', '.join(r.name for r in self.regions)}")
        found = [region.mean_V_per_m for region in named if region.mean_V_per_m is not None]
        return sum(found) / len(found) if found else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A region to read: its target on a head, or None and the reason."""

    name: str
    target: Target | None
    note: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BrainMap:
    """Which voxels of a conductor's grid are brain, on which side, and in which region. Built once, read per field.

    Attributes
    ----------
    brain
        (b,) flat numbers of the brain voxels.
    tissue
        (b,) index of the tissue of each.
    right
        (b,) whether a voxel lies in the right hemisphere.
    places, members
        The regions, and the positions in `brain` of each one's voxels.
    voxel_mm3
        Volume of a voxel.
    """

    brain: NDArray[np.int64]
    tissue: NDArray[np.uint8]
    right: NDArray[np.bool_]
    places: tuple[Place, ...]
    members: tuple[NDArray[np.int64], ...]
    voxel_mm3: float

    @classmethod
    def of(cls, conductor: "Conductor", scalp: Scalp, places: Iterable[Place]) -> "BrainMap":
        """Map the brain of a conductor.

        Raises
        ------
        PlanError
            The conductor holds no brain.
        """
        tissue = conductor.tissue
        tags = [tag for tag, name in enumerate(tissue.tissues) if name in BRAIN_NAMES]
        brain = np.flatnonzero(np.isin(tissue.label, tags))
        if not len(brain):
            raise PlanError(
                f"head {conductor.head.name!r} holds no brain ({', '.join(sorted(BRAIN_NAMES))}); name its tissues"
            )
        affine = conductor.grid.affine
        points = np.stack(np.unravel_index(brain, tissue.label.shape), 1) @ affine[:3, :3].T + affine[:3, 3]
        label = tissue.label.ravel()[brain]
        names = np.array(tissue.tissues)[label]
        kept, members = [], []
        for asked in places:
            place, inside = asked, np.zeros(0, np.int64)
            if place.target is not None:
                inside = np.flatnonzero(place.target.inside(points))
                inside = inside[np.isin(names[inside], list(place.target.tissue_in(conductor.head)))]
                if not len(inside):
                    place = Place(name=place.name, target=None, note="no voxel of the grid lies in it; use a finer one")
            kept.append(place)
            members.append(inside)
        return cls(
            brain=brain, tissue=label, right=(points - scalp.axes.origin_mm) @ scalp.axes.right > 0,
            places=tuple(kept), members=tuple(members), voxel_mm3=conductor.grid.voxel_mm**3,
        )  # fmt: skip


def seizure_regions(head: "Head", names: Iterable[str] = REGIONS, *, radius_mm: float = REGION_MM) -> tuple[Place, ...]:
    """Return both sides of each named region of the circuit table on a head.

    A side that the table lacks is the mirror image of the other in MNI space, and says so. A head without a map to MNI
    space holds none of them: each place then says why.
    """
    found = []
    for name in names:
        for side in ("L", "R"):
            mni_mm, note = _centroid(name, side)
            label = f"{name} {side}"
            try:
                target = from_coordinate(head, mni_mm, space="mni", radius_mm=radius_mm, name=label)
            except TargetError as error:
                found.append(Place(name=label, target=None, note=str(error)))
                continue
            found.append(Place(name=label, target=target, note="; ".join([note, *target.notes])))
    return tuple(found)


def seizure_map(conductor: "Conductor", scalp: Scalp, target: Target | None = None) -> BrainMap:
    """Return the brain of a conductor with the regions reported for every placement and, last, a target."""
    aimed = () if target is None else (Place(name=target.name, target=target, note="the target"),)
    return BrainMap.of(conductor, scalp, (*seizure_regions(conductor.head), *aimed))


def measure(field: "Field", brain: BrainMap, *, threshold_V_per_m: float, scale: float = 1.0) -> SeizureDose:
    """Measure a field.

    Parameters
    ----------
    field
        Solved on the conductor that `brain` maps.
    brain
        Its brain.
    threshold_V_per_m
        Of a neuron for the pulse.
    scale
        Factor on the field: it is linear in the amplitude, so another amplitude needs no other solve.
    """
    values = scale * field.magnitude_V_per_m.ravel()[brain.brain].astype(np.float64)
    e50, e90, e99, e999 = (float(e) for e in np.percentile(values, [50.0, 90.0, PEAK_PERCENTILE, EXTREME_PERCENTILE]))
    above = values >= threshold_V_per_m
    densities = values * field.largest_S_per_m.ravel()[brain.brain]
    density = max(
        (float(np.percentile(densities[brain.tissue == tag], EXTREME_PERCENTILE)) for tag in np.unique(brain.tissue)),
        default=0.0,
    )
    return SeizureDose(
        threshold_V_per_m=threshold_V_per_m,
        e50_V_per_m=e50,
        e90_V_per_m=e90,
        e99_V_per_m=e99,
        e999_V_per_m=e999,
        largest_V_per_m=float(values.max()),
        suprathreshold_share=float(above.mean()),
        suprathreshold_left=_share(above[~brain.right]),
        suprathreshold_right=_share(above[brain.right]),
        half_max_volume_mm3=float((values >= e99 / 2).sum() * brain.voxel_mm3),
        brain_density_A_per_m2=density,
        threshold_scale=threshold_V_per_m / e99,
        regions=tuple(
            _region(place, values[inside], threshold_V_per_m)
            for place, inside in zip(brain.places, brain.members, strict=True)
        ),
    )


def over_memory(dose: SeizureDose, target: str) -> float | None:
    """Return the mean field of a region over that of the hippocampi; None where the head holds one of them not."""
    aimed, memory = dose.mean_of(target), dose.mean_of(MEMORY)
    return None if aimed is None or memory is None else aimed / memory


class Aimed(Protocol):
    """A proposal with a field in a target and in the hippocampi, or not."""

    @property
    def target_over_hippocampus(self) -> float | None:
        """Ratio of the mean fields."""


Proposal = TypeVar("Proposal", bound=Aimed)


def rank(proposals: Iterable[Proposal]) -> tuple[Proposal, ...]:
    """Order proposals by the field in the target over that in the hippocampi, largest first.

    Raises
    ------
    PlanError
        A proposal without a target, or on a head without hippocampi.
    """
    rated = [(item.target_over_hippocampus, item) for item in proposals]
    known = [(ratio, item) for ratio, item in rated if ratio is not None]
    if len(known) < len(rated):
        raise PlanError(
            f"{len(rated) - len(known)} of {len(rated)} proposals have no field in both target and hippocampi to rank "
            "by; give propose a target= and use a head with a map to MNI space"
        )
    return tuple(item for _, item in sorted(known, key=lambda pair: pair[0], reverse=True))


def extent_note(scalp: Scalp) -> str:
    """Say how far a head model reaches down: a field between electrodes low on the head depends on it."""
    head = scalp.head
    to_up = scalp.axes.up @ head.affine[:3, :3]
    i, j, k = (np.arange(n, dtype=np.float32) * step for n, step in zip(head.labels.shape, to_up, strict=True))
    height = (i[:, None, None] + j[:, None] + k).min(where=head.labels > 0, initial=np.inf)
    below_mm = -float(scalp.axes.height_mm(head.affine[:3, 3][None])[0]) - float(height)
    return f"the head model reaches {below_mm:.0f} mm below the plane of nasion, inion and ears"


def _share(above: NDArray[np.bool_]) -> float:
    return float(above.mean()) if len(above) else 0.0


def _region(place: Place, values: Array, threshold_V_per_m: float) -> RegionField:
    if place.target is None:
        return RegionField(
            name=place.name, mean_V_per_m=None, e99_V_per_m=None, mean_over_threshold=None,
            suprathreshold_share=None, voxels=0, note=place.note,
        )  # fmt: skip
    mean = float(values.mean())
    return RegionField(
        name=place.name,
        mean_V_per_m=mean,
        e99_V_per_m=float(np.percentile(values, PEAK_PERCENTILE)),
        mean_over_threshold=mean / threshold_V_per_m,
        suprathreshold_share=float((values >= threshold_V_per_m).mean()),
        voxels=len(values),
        note=place.note,
    )


def _centroid(name: str, side: str) -> tuple[tuple[float, float, float], str]:
    """Return the MNI centroid of a region on one side, and where it comes from."""
    regions = [region for domain in circuit_names() for region in load_circuit(domain).located]
    named = {region.hemisphere: region for region in reversed(regions) if region.name == name}
    if side in named:
        return _located(named[side]), f"centroid: {named[side].source}"
    other = named.get("R" if side == "L" else "L")
    if other is None:
        known = ", ".join(sorted({region.name for region in regions}))
        raise PlanError(f"region {name!r} has no centroid on either side; regions: {known}")
    x, y, z = _located(other)
    return (-x, y, z), f"mirror image of the other side's centroid: {other.source}"


def _located(region: Region) -> tuple[float, float, float]:
    if region.mni_mm is None:
        raise PlanError(f"region {region.label!r} has no centroid")
    return region.mni_mm

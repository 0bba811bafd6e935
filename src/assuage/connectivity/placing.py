"""Where the recording lies in the head: its points, the seed's, the search region's; refused where they do not fit."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from assuage.connectivity.recording import Recording
from assuage.connectivity.seeds import Place, Question
from assuage.errors import DataError
from assuage.head import Head

Float = NDArray[np.float64]
Index = NDArray[np.int64]

IN_BRAIN_MIN = 0.8
"""Share of the recording's points that must lie in the head's brain; a mask of it is above 0.95."""
IN_BRAIN_USUAL = 0.92
"""Share below which the recording may be another person's: of 56 pairs of simulated people, the brain of one in the
head of the other, 53 have less (0.67 to 0.95, median 0.80).
"""
BRAIN = frozenset({"white_matter", "grey_matter", "csf", "blood", "lesion"})
SEED_POINTS_MIN = 5
REGION_POINTS_MIN = 30
PARCELS_MIN = 3
COVERED_MIN = 0.25
"""Share of a seed's or region's ball that a volume must cover; half of a ball near the midline is no grey matter."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Placed:
    """A recording in the head with what a question needs of it.

    Attributes
    ----------
    recording
        In head space, all points.
    search, seed
        Indices of the search region's and the seed's points.
    rivals
        Indices of the points of the other regions that the recording covers.
    group_mm
        (3,) group target in the head.
    """

    recording: Recording
    search: Index
    seed: Index
    rivals: tuple[Index, ...]
    group_mm: Float

    def needed(self, group_map: Float | None) -> tuple[Recording, list[NDArray[np.intp]]]:
        """Keep only the series that are needed, and say where search, seed and rivals lie among them.

        A group map replaces the seed by one series: the map-weighted sum of all standardised series.
        """
        groups = [self.search, self.seed, *self.rivals]
        kept = np.unique(np.concatenate(groups))
        series, points = self.recording.series[:, kept], self.recording.points_mm[kept]
        places = [np.searchsorted(kept, group) for group in groups]
        if group_map is not None:
            spread = self.recording.series.std(0)
            standard = (self.recording.series - self.recording.series.mean(0)) / np.where(spread > 0, spread, 1.0)
            series = np.column_stack([series, standard @ np.nan_to_num(group_map).astype(np.float32)])
            points = np.vstack([points, points[:1]])
            places[1] = np.array([len(kept)])
        return replace(self.recording, series=series, points_mm=points), places


def place(recording: Recording, head: Head, asked: Question) -> Placed:
    """Find seed, search region and rivals of a question in a recording.

    Raises
    ------
    DataError
        Another space than the head's, or a seed or region outside the recording.
    """
    placed = in_head(recording, head)
    if head.mni is None:
        raise DataError(
            f"head {head.name!r} has no MNI registration, so seed and region cannot be found on it; use a head with one"
        )
    wanted = (asked.seed, asked.region, *asked.rivals)
    centers = np.asarray(head.mni.mni_to_head(np.array([item.mni_mm for item in wanted])), dtype=np.float64)
    others = [placed.within(c, p.radius_mm) for c, p in zip(centers[2:], asked.rivals, strict=True)]
    search = _covered(placed, asked.region, centers[1], REGION_POINTS_MIN)
    return Placed(
        recording=placed,
        search=_grey(placed, search, head, asked.region),
        seed=_covered(placed, asked.seed, centers[0], SEED_POINTS_MIN),
        rivals=tuple(points for points in others if len(points)),
        group_mm=centers[1],
    )


def in_head(recording: Recording, head: Head) -> Recording:
    """Bring the points of a recording to the head and check that they lie in its brain.

    Raises
    ------
    DataError
        MNI data for a head without registration, or points of which too few lie in the brain.
    """
    if recording.space == "mni":
        if head.mni is None:
            raise DataError(
                f"{recording.name} is in MNI space, and head {head.name!r} has no MNI registration; "
                "give the data in the person's T1 space"
            )
        recording = recording.at(head.mni.mni_to_head(recording.points_mm), "head")
    every = max(1, len(recording.points_mm) // 5000)
    share = float(np.isin(head.tissue_at(recording.points_mm[::every]), list(BRAIN)).mean())
    if share < IN_BRAIN_MIN:
        raise DataError(
            f"{share:.0%} of {recording.name} lie in the brain of head {head.name!r}, below {IN_BRAIN_MIN:.0%}: "
            "it is in another space; register it to the T1 of this head"
        )
    if share < IN_BRAIN_USUAL:
        said = (
            f"only {share:.0%} of {recording.name} lie in the brain of head {head.name!r}, where a person's own "
            f"recording has above {IN_BRAIN_USUAL:.0%}: make sure that T1 and BOLD are of the same person"
        )
        return replace(recording, notes=(*recording.notes, said))
    return recording


def _covered(recording: Recording, region: Place, center_mm: Float, least: int) -> Index:
    """Return the points of a place, or refuse one that the recording does not cover."""
    found = recording.within(center_mm, region.radius_mm)
    if recording.kind == "parcels":
        return found if len(found) else recording.within(center_mm, 2 * region.radius_mm)
    full = 4 / 3 * np.pi * region.radius_mm**3 / max(recording.spacing_mm, 1e-3) ** 3
    share = len(found) / full if recording.kind == "volume" else 1.0
    if len(found) < least or share < COVERED_MIN:
        raise DataError(
            f"{region.label} at {_said(center_mm)} mm lies outside {recording.name} or its mask: {len(found)} points "
            f"within {region.radius_mm:g} mm; check mask and field of view, or name another place"
        )
    return found


def _grey(recording: Recording, index: Index, head: Head, region: Place) -> Index:
    """Keep the search points with grey matter of the head within half a voxel; all where the head knows none."""
    if recording.kind != "volume":
        least = PARCELS_MIN if recording.kind == "parcels" else REGION_POINTS_MIN
        if len(index) < least:
            raise DataError(f"{region.label}: {len(index)} points of {recording.name}, at least {least} are needed")
        return index
    if "grey_matter" not in head.tissues.values():
        return index
    half = recording.spacing_mm / 2
    near = np.zeros(len(index), dtype=bool)
    for offset in np.array(np.meshgrid(*[[-half, 0.0, half]] * 3)).reshape(3, -1).T:
        near |= np.asarray(head.tissue_at(recording.points_mm[index] + offset)) == "grey_matter"
    if near.sum() < REGION_POINTS_MIN:
        raise DataError(
            f"{region.label} holds {int(near.sum())} grey matter points of {recording.name}, at least "
            f"{REGION_POINTS_MIN} are needed; check that data and head fit, or search a larger radius"
        )
    return index[near]


def _said(point_mm: Float) -> str:
    return " ".join(f"{value:.0f}" for value in point_mm)

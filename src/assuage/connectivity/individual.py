"""From a recording and a question to a person's target: where, how sure, and beside the group's.

1. Points to the head; the recording has to lie in its brain.
2. Seed and search region; refused where the recording does not cover them.
3. Denoise; one reference series for the seed, and for `network` one for every rival region.
4. Moments over pieces of time, the method's target, its spread by resampling (`bootstrap`).
5. The record: distribution, halves, curve of minutes against precision, group target, words.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assuage.connectivity import bootstrap, words
from assuage.connectivity.blocks import block_frames, effective_frames
from assuage.connectivity.confounds import FD_LIMIT_MM, Confounds
from assuage.connectivity.denoise import HIGH_PASS_HZ, LOW_PASS_HZ, Cleaning, denoise, signal_to_noise
from assuage.connectivity.distribution import SCHEMA, SCHEMA_VERSION, TargetDistribution, ellipsoid
from assuage.connectivity.methods import SMOOTHING_FWHM_MM, Geometry, geometry, method_named, scores
from assuage.connectivity.moments import correlations, moments
from assuage.connectivity.recording import Recording
from assuage.connectivity.seeds import Place, Question
from assuage.errors import DataError
from assuage.head import Head

Float = NDArray[np.float64]
Index = NDArray[np.int64]

IN_BRAIN_MIN = 0.8
"""Share of the recording's points that must lie in the head's brain; a shift of 20 mm gives about 0.6."""
BRAIN = frozenset({"white_matter", "grey_matter", "csf", "blood", "lesion"})
SEED_POINTS_MIN = 5
REGION_POINTS_MIN = 30
PARCELS_MIN = 3
COVERED_MIN = 0.25
"""Share of a seed's or region's ball that a volume must cover; half of a ball near the midline is no grey matter."""
STRONGEST = 40
"""Series whose products with the seed set the block length."""
FARTHER = 2.0
"""The curve is continued to this many times the minutes at hand, as an extrapolation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CurvePoint:
    """Expected distance between the targets of two recordings of a length; `how` is measured, resampled or extrapolated."""

    minutes: float
    repeat_mm: float
    how: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class IndividualTarget:
    """A person's target with its error bar.

    Attributes
    ----------
    question, cleaning
        What was asked, and what denoising left.
    distribution
        Where the target may lie, in the head.
    single_mm
        (3,) target of the whole recording without bagging.
    group_mm, group_distance_mm
        (3,) the group target in the head, and how far from it the person's lies.
    group_inside
        Whether the 95 % ellipsoid holds the group target.
    repeat_mm
        Expected distance between the targets of two recordings of this length.
    ends_mm
        Distance between the targets of the first and second half.
    chance_mm
        Expected distance between two points drawn at random in the search region.
    curve
        Minutes against precision.
    strength
        Correlation with the seed at the person's target.
    figures
        Further numbers: block length, effective frames, coverage, tSNR of the seed.
    worth, says
        Whether the data carry an individual target, and why, in words.
    search_mm, map_z
        (V, 3) search points in the head and (V,) smoothed Fisher z with its own sign.
    """

    question: Question
    cleaning: Cleaning
    distribution: TargetDistribution
    single_mm: Float
    group_mm: Float
    group_distance_mm: float
    group_inside: bool
    repeat_mm: float
    ends_mm: float
    chance_mm: float
    curve: tuple[CurvePoint, ...]
    strength: float
    figures: Mapping[str, float]
    worth: bool
    says: tuple[str, ...]
    search_mm: Float = field(repr=False)
    map_z: Float = field(repr=False)

    def as_json(self) -> dict[str, Any]:
        """Return the record of target.json."""
        asked = self.question
        return {
            "schema": SCHEMA,
            "schema_version": SCHEMA_VERSION,
            "distribution": self.distribution.as_json(),
            "individual": {
                "worth_individualising": self.worth,
                "says": list(self.says),
                "single_mm": _point(self.single_mm),
                "strength_r": round(self.strength, 4),
                "repeat_mm": round(self.repeat_mm, 2),
                "halves_mm": round(self.ends_mm, 2),
                "chance_mm": round(self.chance_mm, 2),
                "curve": [
                    {"minutes": round(p.minutes, 2), "repeat_mm": round(p.repeat_mm, 2), "how": p.how} for p in self.curve
                ],
            },
            "group": {
                "label": asked.region.label,
                "mni_mm": list(asked.region.mni_mm),
                "mean_mm": _point(self.group_mm),
                "distance_mm": round(self.group_distance_mm, 2),
                "inside_ellipsoid": self.group_inside,
                "source": asked.region.source,
            },
            "question": {
                "circuit": asked.circuit,
                "seed": asked.seed.label,
                "seed_mni_mm": list(asked.seed.mni_mm),
                "seed_radius_mm": asked.seed.radius_mm,
                "region": asked.region.label,
                "search_radius_mm": asked.region.radius_mm,
                "polarity": asked.polarity,
                "why": asked.why,
                "source": asked.source,
                "source_level": asked.source_level,
            },
            "cleaning": {
                "frames": self.cleaning.frames,
                "kept": self.cleaning.kept,
                "minutes_recorded": round(self.cleaning.minutes_recorded, 2),
                "minutes": round(self.cleaning.minutes, 2),
                "fd_limit_mm": self.cleaning.fd_limit_mm,
                "fd_mean_mm": None if self.cleaning.fd_mean_mm is None else round(self.cleaning.fd_mean_mm, 3),
                "regressors": list(self.cleaning.regressors),
                "band_hz": list(self.cleaning.band_hz),
                "degrees_of_freedom": self.cleaning.degrees_of_freedom,
            },
            "figures": {name: round(float(value), 3) for name, value in self.figures.items()},
            "contested": words.evidence_json(),
        }


def individual_target(  # noqa: PLR0913 (every choice of the analysis is named here)
    recording: Recording,
    confounds: Confounds,
    head: Head,
    asked: Question,
    *,
    method: str = "cluster",
    fd_limit_mm: float = FD_LIMIT_MM,
    band_hz: tuple[float, float] = (HIGH_PASS_HZ, LOW_PASS_HZ),
    fwhm_mm: float = SMOOTHING_FWHM_MM,
    group_map: Float | None = None,
    seed: int = 0,
    provenance: Mapping[str, Any] | None = None,
) -> IndividualTarget:
    """Find a person's target and how sure it is.

    Parameters
    ----------
    recording, confounds
        As read; not yet denoised.
    head
        The head the target is meant for; its T1 is the one of a recording in space "head".
    asked
        Seed, region and sign.
    method
        Name out of `methods.METHODS`.
    fd_limit_mm, band_hz
        Scrubbing and pass band.
    fwhm_mm
        Smoothing of the map.
    group_map
        (V,) group connectivity of the seed at the recording's points; for the method `seed_map` only.
    seed
        Of the resampling.
    provenance
        JSON values to keep with the result.

    Raises
    ------
    DataError
        Another space than the head's, too little left after scrubbing, or a seed or region outside the recording.
    """
    locate_in = method_named(method)
    if (method == "seed_map") != (group_map is not None):
        raise DataError(f"method {method!r} {'needs' if method == 'seed_map' else 'takes no'} --group-map; see docs/fmri.md")
    if method == "network" and not asked.rivals:
        raise DataError(f"circuit {asked.circuit!r} has no other located region to set against the seed; use cluster")
    placed = in_head(recording, head)
    centers = _centers_mm(head, (asked.seed, asked.region, *asked.rivals))
    seed_points = _covered(placed, asked.seed, centers[0], SEED_POINTS_MIN)
    search = _covered(placed, asked.region, centers[1], REGION_POINTS_MIN)
    search = _grey(placed, search, head, asked.region)
    ratio = signal_to_noise(placed)
    clean, cleaning = denoise(placed, confounds, fd_limit_mm=fd_limit_mm, band_hz=band_hz)
    groups = [seed_points] + [clean.within(c, p.radius_mm) for c, p in zip(centers[2:], asked.rivals, strict=True)]
    if method != "network":
        groups = groups[:1]
    references = np.stack([_mean(clean, points) for points in groups if len(points)], axis=1)
    if group_map is not None:
        references = (clean.series @ np.nan_to_num(group_map).astype(np.float32)).astype(np.float64)[:, None]
    if method == "network" and references.shape[1] < 2:
        raise DataError(f"{recording.name} covers no other region of circuit {asked.circuit!r}; use cluster")
    where = geometry(
        clean.points_mm[search], spacing_mm=clean.spacing_mm, reach_mm=clean.reach_mm, fwhm_mm=fwhm_mm
    )
    series = clean.series[:, search].astype(np.float64)
    products = references[:, :1] * series
    top = np.argsort(-np.abs(products.mean(0)))[:STRONGEST]
    block = block_frames(products[:, top], tr_s=clean.tr_s)
    sums = moments(series, references, piece_frames=max(1, round(block / bootstrap.PIECES)))

    def locate(weights: Float) -> Float:
        return locate_in(scores(correlations(sums, weights), where, asked.polarity), where)

    found = bootstrap.spread(locate, pieces=sums.pieces, seed=seed)
    whole = correlations(sums, np.ones((1, sums.pieces)))
    distribution = _distribution(
        found, where, method=method, minutes=cleaning.minutes, provenance={**(provenance or {}), "seed": seed}
    )
    curve = _curve(found, cleaning.minutes)
    at_target = int(np.linalg.norm(where.points_mm - found.mean_mm, axis=1).argmin())
    facts = {
        "group_distance_mm": float(np.linalg.norm(found.mean_mm - centers[1])),
        "group_inside": bool(distribution.ellipsoid.contains(centers[1])[0]),
        "repeat_mm": curve[len(bootstrap.FRACTIONS)].repeat_mm,
        "ends_mm": found.ends_mm,
        "chance_mm": _chance_mm(where.points_mm, seed),
        "strength": float(whole[0, 0, at_target]),
    }
    half = curve[len(bootstrap.FRACTIONS) - 1].repeat_mm
    worth, says = words.verdict(facts, cleaning, polarity=asked.polarity, half_mm=half, minutes=cleaning.minutes)
    return IndividualTarget(
        question=asked,
        cleaning=cleaning,
        distribution=distribution,
        single_mm=found.single_mm,
        group_mm=centers[1],
        curve=curve,
        figures={
            "block_s": block * clean.tr_s,
            "blocks": found.blocks,
            "effective_frames": effective_frames(references[:, 0], series[:, top]),
            "inflation_by_halves": found.inflation,
            "search_points": len(search),
            "seed_points": len(seed_points),
            "seed_tsnr_over_median": float(ratio[seed_points].mean() / max(np.median(ratio), 1e-9)),
        },
        worth=worth,
        says=(*says, *recording.notes, *words.seed_warning(ratio, seed_points)),
        search_mm=where.points_mm,
        map_z=asked.polarity * scores(whole[0, 0], where, asked.polarity),
        **facts,
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
            f"{share:.0%} of {recording.name} lie in the brain of head {head.name!r}, at least {IN_BRAIN_MIN:.0%} must: "
            "it is in another space; register it to the T1 of this head"
        )
    return recording


def _centers_mm(head: Head, places: tuple[Place, ...]) -> Float:
    if head.mni is None:
        raise DataError(
            f"head {head.name!r} has no MNI registration, so seed and region cannot be found on it; use a head with one"
        )
    return np.asarray(head.mni.mni_to_head(np.array([place.mni_mm for place in places])), dtype=np.float64)


def _covered(recording: Recording, place: Place, center_mm: Float, least: int) -> Index:
    """Return the points of a place, or refuse one that the recording does not cover."""
    found = recording.within(center_mm, place.radius_mm)
    if recording.kind == "parcels":
        return found if len(found) else recording.within(center_mm, 2 * place.radius_mm)
    full = 4 / 3 * np.pi * place.radius_mm**3 / max(recording.spacing_mm, 1e-3) ** 3
    share = len(found) / full if recording.kind == "volume" else 1.0
    if len(found) < least or share < COVERED_MIN:
        raise DataError(
            f"{place.label} at {_said(center_mm)} mm lies outside {recording.name} or its mask: {len(found)} points "
            f"within {place.radius_mm:g} mm; check mask and field of view, or name another place"
        )
    return found


def _grey(recording: Recording, index: Index, head: Head, place: Place) -> Index:
    """Keep the search points with grey matter of the head within half a voxel; all where the head knows none."""
    if recording.kind != "volume":
        least = PARCELS_MIN if recording.kind == "parcels" else REGION_POINTS_MIN
        if len(index) < least:
            raise DataError(f"{place.label}: {len(index)} points of {recording.name}, at least {least} are needed")
        return index
    if "grey_matter" not in head.tissues.values():
        return index
    half = recording.spacing_mm / 2
    near = np.zeros(len(index), dtype=bool)
    for offset in np.array(np.meshgrid(*[[-half, 0.0, half]] * 3)).reshape(3, -1).T:
        near |= np.asarray(head.tissue_at(recording.points_mm[index] + offset)) == "grey_matter"
    if near.sum() < REGION_POINTS_MIN:
        raise DataError(
            f"{place.label} holds {int(near.sum())} grey matter points of {recording.name}, at least "
            f"{REGION_POINTS_MIN} are needed; check that data and head fit, or search a larger radius"
        )
    return index[near]


def _mean(recording: Recording, points: Index) -> Float:
    return np.asarray(recording.series[:, points].mean(1, dtype=np.float64))


def _distribution(
    found: bootstrap.Spread, where: Geometry, *, method: str, minutes: float, provenance: Mapping[str, Any]
) -> TargetDistribution:
    """Put the draws on the nearest search points; the covariance adds the width of a voxel."""
    around = found.draws_mm - found.mean_mm
    covariance = around.T @ around / len(around) + np.eye(3) * where.spacing_mm**2 / 12
    distance = np.linalg.norm(found.draws_mm[:, None] - where.points_mm[None], axis=2)
    count = np.bincount(distance.argmin(1), minlength=len(where.points_mm))
    used = np.flatnonzero(count)
    return TargetDistribution(
        points_mm=where.points_mm[used],
        weights=count[used] / count.sum(),
        mean_mm=found.mean_mm,
        covariance_mm2=covariance,
        ellipsoid=ellipsoid(found.mean_mm, covariance, samples=min(len(around), found.blocks)),
        method=method,
        minutes=minutes,
        provenance=provenance,
    )


def _curve(found: bootstrap.Spread, minutes: float) -> tuple[CurvePoint, ...]:
    """Return repeat distance against minutes: measured on disjoint parts, resampled for the whole, then continued."""
    points = [
        CurvePoint(minutes=fraction * minutes, repeat_mm=float(distance.mean()), how="measured")
        for fraction, distance in found.halves_mm.items()
    ]
    pair = found.draws_mm[: len(found.draws_mm) // 2] - found.draws_mm[len(found.draws_mm) // 2 :]
    points.append(CurvePoint(minutes=minutes, repeat_mm=float(np.linalg.norm(pair, axis=1).mean()), how="resampled"))
    x = np.log([point.minutes for point in points])
    y = np.log([max(point.repeat_mm, 1e-3) for point in points])
    slope = float(np.clip(np.polyfit(x, y, 1)[0], -1.0, 0.0))
    last = points[-1]
    for factor in (1.5, FARTHER):
        points.append(
            CurvePoint(minutes=factor * minutes, repeat_mm=last.repeat_mm * factor**slope, how="extrapolated")
        )
    return tuple(points)


def _chance_mm(points_mm: Float, seed: int) -> float:
    rng = np.random.default_rng(seed)
    one, other = rng.integers(len(points_mm), size=(2, 2000))
    return float(np.linalg.norm(points_mm[one] - points_mm[other], axis=1).mean())


def _point(point_mm: Float) -> list[float]:
    return [round(float(value), 2) for value in point_mm]


def _said(point_mm: Float) -> str:
    return " ".join(f"{value:.0f}" for value in point_mm)

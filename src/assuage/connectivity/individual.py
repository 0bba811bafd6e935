"""From a recording and a question to a person's target: where, how sure, and beside the group's.

1. Points to the head; the recording has to lie in its brain.
2. Seed and search region; refused where the recording does not cover them.
3. Denoise; one reference series for the seed, and for `network` one for every rival region.
4. Moments over pieces of time, the method's target, its spread by resampling (`bootstrap`).
5. The record: distribution, halves, curve of minutes against precision, group target, words.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assuage.connectivity import bootstrap, words
from assuage.connectivity.confounds import FD_LIMIT_MM, Confounds
from assuage.connectivity.denoise import HIGH_PASS_HZ, LOW_PASS_HZ, Cleaning, denoise, signal_to_noise
from assuage.connectivity.distribution import SCHEMA, SCHEMA_VERSION, TargetDistribution
from assuage.connectivity.mapping import distribution_of, map_target
from assuage.connectivity.methods import SMOOTHING_FWHM_MM, geometry, method_named
from assuage.connectivity.placing import place
from assuage.connectivity.recording import Recording
from assuage.connectivity.seeds import Question
from assuage.connectivity.words import Facts
from assuage.errors import DataError
from assuage.head import Head

Float = NDArray[np.float64]

FARTHER = (1.5, 2.0)
"""The curve is continued to these multiples of the minutes at hand, as an extrapolation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CurvePoint:
    """Expected distance between the targets of two recordings of a length, and how it was found.

    `how` is "measured" on disjoint parts, "resampled" for the whole recording, or "extrapolated".
    """

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
    group_mm
        (3,) the group target in the head.
    facts
        Distances to the group target, between repeats and halves, and the correlation found.
    curve
        Minutes against precision.
    figures
        Further numbers: block length, effective frames, coverage, tSNR of the seed.
    worth, says
        Whether the data carry an individual target, and why, in words.
    search_mm, seed_map
        (V, 3) search points in the head and (V,) their correlation with the seed.
    """

    question: Question
    cleaning: Cleaning
    distribution: TargetDistribution
    single_mm: Float
    group_mm: Float
    facts: Facts
    curve: tuple[CurvePoint, ...]
    figures: Mapping[str, float]
    worth: bool
    says: tuple[str, ...]
    search_mm: Float = field(repr=False)
    seed_map: Float = field(repr=False)

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
                "strength_r": round(self.facts.strength, 4),
                "repeat_mm": round(self.facts.repeat_mm, 2),
                "halves_mm": round(self.facts.ends_mm, 2),
                "chance_mm": round(self.facts.chance_mm, 2),
                "curve": [
                    {"minutes": round(p.minutes, 2), "repeat_mm": round(p.repeat_mm, 2), "how": p.how}
                    for p in self.curve
                ],
            },
            "group": {
                "label": asked.region.label,
                "mni_mm": list(asked.region.mni_mm),
                "mean_mm": _point(self.group_mm),
                "distance_mm": round(self.facts.group_distance_mm, 2),
                "inside_ellipsoid": self.facts.group_inside,
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
    method_named(method, with_map=group_map is not None)
    placed = place(recording, head, asked)
    if method != "network":
        placed = replace(placed, rivals=())
    elif not placed.rivals:
        raise DataError(f"{recording.name} covers no other region of circuit {asked.circuit!r}; use method cluster")
    ratio = signal_to_noise(placed.recording)
    needed, places = placed.needed(group_map)
    clean, cleaning = denoise(needed, confounds, fd_limit_mm=fd_limit_mm, band_hz=band_hz)
    where = geometry(clean.points_mm[places[0]], spacing_mm=clean.spacing_mm, reach_mm=clean.reach_mm, fwhm_mm=fwhm_mm)
    mapped = map_target(
        clean.series[:, places[0]].astype(np.float64),
        np.stack([clean.series[:, points].mean(1, dtype=np.float64) for points in places[1:]], axis=1),
        where,
        method=method,
        polarity=asked.polarity,
        tr_s=clean.tr_s,
        free_share=cleaning.free_share,
        seed=seed,
    )
    distribution = distribution_of(
        mapped, where, method=method, minutes=cleaning.minutes, provenance={**(provenance or {}), "seed": seed}
    )
    curve = _curve(mapped.spread, cleaning.minutes)
    at_target = int(np.linalg.norm(where.points_mm - distribution.mean_mm, axis=1).argmin())
    facts = Facts(
        group_distance_mm=float(np.linalg.norm(distribution.mean_mm - placed.group_mm)),
        group_inside=bool(distribution.ellipsoid.contains(placed.group_mm)[0]),
        repeat_mm=curve[len(bootstrap.FRACTIONS)].repeat_mm,
        half_mm=curve[len(bootstrap.FRACTIONS) - 1].repeat_mm,
        ends_mm=mapped.spread.ends_mm,
        chance_mm=_chance_mm(where.points_mm, seed),
        strength=float(mapped.seed_map[at_target]),
    )
    worth, says = words.verdict(facts, cleaning, polarity=asked.polarity)
    return IndividualTarget(
        question=asked,
        cleaning=cleaning,
        distribution=distribution,
        single_mm=mapped.spread.single_mm,
        group_mm=placed.group_mm,
        facts=facts,
        curve=curve,
        figures={
            "block_s": mapped.block_frames * clean.tr_s,
            "blocks": mapped.spread.blocks,
            "blocks_drawn": mapped.spread.draws,
            "effective_frames": mapped.effective_frames,
            "inflation_by_halves": mapped.spread.inflation,
            "search_points": len(placed.search),
            "seed_points": len(placed.seed),
            "seed_tsnr_over_median": words.relative(ratio, placed.seed),
        },
        worth=worth,
        says=(*says, *placed.recording.notes, *words.seed_warning(ratio, placed.seed)),
        search_mm=where.points_mm,
        seed_map=mapped.seed_map,
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
    longer = [
        CurvePoint(minutes=factor * minutes, repeat_mm=last.repeat_mm * factor**slope, how="extrapolated")
        for factor in FARTHER
    ]
    return (*points, *longer)


def _chance_mm(points_mm: Float, seed: int) -> float:
    rng = np.random.default_rng(seed)
    one, other = rng.integers(len(points_mm), size=(2, 2000))
    return float(np.linalg.norm(points_mm[one] - points_mm[other], axis=1).mean())


def _point(point_mm: Float) -> list[float]:
    return [round(float(value), 2) for value in point_mm]

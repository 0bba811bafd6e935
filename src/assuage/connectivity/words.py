"""What the numbers mean, in words: is an individual target worth having with these data, and what is contested."""

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assuage.connectivity.denoise import MINUTES_GOOD, Cleaning

CHANCE_SHARE = 0.7
"""Halves that lie as far apart as this share of two random points of the region carry no target."""
WEAK_R = 0.05
FD_HIGH_MM = 0.25
"""Mean displacement above which studies commonly exclude a recording; a working choice for a warning."""
DROPOUT_SHARE = 0.5
"""A seed with less than this share of the median signal-to-noise lies in signal dropout."""

NOT_WORTH = "With these data an individual target is not worth more than the group target"


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """The numbers a verdict rests on.

    Attributes
    ----------
    group_distance_mm, group_inside
        From the individual to the group target, and whether the 95 % ellipsoid holds the group target.
    repeat_mm
        Expected distance between the targets of two recordings of this length.
    half_mm, ends_mm
        Mean distance between the targets of random disjoint halves, and between those of first and second half.
    chance_mm
        Mean distance between two random points of the search region.
    strength
        Correlation with the seed at the individual target.
    """

    group_distance_mm: float
    group_inside: bool
    repeat_mm: float
    half_mm: float
    ends_mm: float
    chance_mm: float
    strength: float


def verdict(facts: Facts, cleaning: Cleaning, *, polarity: int) -> tuple[bool, tuple[str, ...]]:
    """Return whether individualising is worth it with these data, and the sentences that say why."""
    group, repeat, minutes = facts.group_distance_mm, facts.repeat_mm, cleaning.minutes
    against = []
    if facts.half_mm > CHANCE_SHARE * facts.chance_mm:
        against.append(
            f"halves of the recording disagree by {facts.half_mm:.0f} mm, nearly as two random points of the region "
            f"({facts.chance_mm:.0f} mm)"
        )
    if facts.group_inside:
        against.append("the group target lies inside the 95 % ellipsoid")
    if repeat > group:
        against.append(
            f"a second recording would move the target by {repeat:.1f} mm, farther than it lies from the group target "
            f"({group:.1f} mm)"
        )
    if polarity * facts.strength < WEAK_R:
        against.append(f"the correlation with the seed at the target is {facts.strength:.2f}, not of the wanted sign")
    if against:
        lines = [f"{NOT_WORTH}: {'; '.join(against)}."]
    else:
        lines = [
            f"The individual target lies {group:.1f} mm from the group target, and a second recording of this length "
            f"would move it by {repeat:.1f} mm. That it can be told apart does not show that it is the better target."
        ]
    if minutes < MINUTES_GOOD:
        lines.append(
            f"{minutes:.1f} min are left after scrubbing; reliability rises greatly up to {MINUTES_GOOD:g} min "
            "(Birn et al. 2013)."
        )
    if cleaning.fd_mean_mm is None:
        lines.append("Head motion is not known: nothing was scrubbed, and motion can make and move correlations.")
    elif cleaning.fd_mean_mm > FD_HIGH_MM:
        lines.append(f"Mean framewise displacement is {cleaning.fd_mean_mm:.2f} mm: much motion for connectivity.")
    if "global_signal" in cleaning.regressors and polarity < 0:
        lines.append("The global signal was regressed out, which shifts correlations down and makes anticorrelations.")
    return not against, tuple(lines)


def relative(ratio: NDArray[np.float64], points: NDArray[np.int64]) -> float:
    """Return the signal-to-noise of the seed's points over the median of all (V,); 1 where there is none to compare."""
    median = float(np.median(ratio))
    return float(ratio[points].mean()) / median if median > 0 else 1.0


def seed_warning(ratio: NDArray[np.float64], points: NDArray[np.int64]) -> tuple[str, ...]:
    """Return a warning where the seed's temporal signal-to-noise is far below the recording's median."""
    share = relative(ratio, points)
    if share >= DROPOUT_SHARE:
        return ()
    return (
        f"The seed's signal-to-noise is {share:.0%} of the median: it lies in signal dropout, and its correlations are "
        "mostly noise.",
    )


def statement() -> str:
    """Return the sentence that every output carries: aiming by connectivity is contested."""
    return str(_evidence()["statement"])


def evidence_json() -> dict[str, Any]:
    """Return the statement and the studies for and against, each with what was read of it."""
    found = _evidence()
    return {"statement": found["statement"], "studies": found["study"]}


@cache
def _evidence() -> dict[str, Any]:
    return tomllib.loads(files("assuage.connectivity").joinpath("data/evidence.toml").read_text(encoding="utf-8"))

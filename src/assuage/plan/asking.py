"""What a plan may be asked for: held before any work starts, by Python and the command line alike."""

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any

from assuage.errors import PlanError

WIDEST_MM = 50.0
"""A region or a gap of more than this is no part of a head."""
OLDEST_YEARS = 120.0
COIL = "tms"
"""The technique that motor threshold, devices and dose of a coil belong to; every course of a coil brings it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """Values of a number that make sense: finite, from `low` to `high`.

    Attributes
    ----------
    low, high
        Ends of the range; `high` belongs to it.
    above
        Whether `low` itself is refused.
    whole
        Whether only whole numbers count.
    fault
        What a value outside is not, in words.
    """

    fault: str
    low: float = 0.0
    high: float = math.inf
    above: bool = True
    whole: bool = False

    def holds(self, value: object) -> bool:
        """Say whether a value lies inside."""
        if isinstance(value, bool) or not isinstance(value, Integral if self.whole else Real):
            return False
        number = float(value)
        inside = math.isfinite(number) and self.low <= number <= self.high
        return inside and not (self.above and number == self.low)

    @property
    def words(self) -> str:
        """The range in words."""
        kind = "a whole number" if self.whole else "a number"
        start = f"above {self.low:g}" if self.above else f"of {self.low:g}"
        if math.isfinite(self.high):
            return f"{kind} {start} up to {self.high:g}"
        return f"{kind} {start}" if self.above else f"{kind} {start} or more"


RANGES: Mapping[str, Range] = {
    "voxel_mm": Range(fault="is no voxel"),
    "coarse_voxel_mm": Range(fault="is no voxel"),
    "current_A": Range(fault="is no current"),
    "spacing_mm": Range(fault="is no distance between coil places"),
    "angle_step_deg": Range(fault="is no step between turns of a coil", high=180.0),
    "hair_mm": Range(fault="is no gap under a coil", high=WIDEST_MM, above=False),
    "radius_mm": Range(fault="is no radius of a target", high=WIDEST_MM),
    "draws": Range(fault="is no number of draws", whole=True),
    "seed": Range(fault="is no seed", above=False, whole=True),
    "age_years": Range(fault="is no age in years", high=OLDEST_YEARS),
}


def check_number(name: str, value: object, *, called: str = "") -> None:
    """Refuse a number that no plan can be made with.

    Parameters
    ----------
    name
        Key of `RANGES`.
    value
        As given.
    called
        What the user typed it as; empty: the name itself.

    Raises
    ------
    PlanError
        With the value and the range.
    """
    allowed = RANGES[name]
    if not allowed.holds(value):
        said = f"{value:g}" if isinstance(value, float) else f"{value}"
        raise PlanError(f"{f'{called} {said}' if called else f'{name} = {said}'} {allowed.fault}; give {allowed.words}")


def check_weights(weights: Mapping[Any, float] | None, *, called: str = "weights") -> None:
    """Refuse weights of which one is below 0 or not finite, or none is above 0.

    Raises
    ------
    PlanError
        With the weight.
    """
    if weights is None:
        return
    for name, value in weights.items():
        if isinstance(value, bool) or not isinstance(value, Real) or not 0 <= float(value) < math.inf:
            raise PlanError(f"{called}: {name}={value} is no weight; give a number of 0 or more")
    if not any(weights.values()):
        said = ",".join(f"{name}={value:g}" for name, value in weights.items()) or "nothing"
        raise PlanError(f"{called}: {said} gives no criterion any weight; give at least one a number above 0")


def check_coil_options(names: Collection[str], given: Collection[str]) -> None:
    """Refuse what is said about a coil in a plan without one: it would be ignored.

    Parameters
    ----------
    names
        Techniques of the plan.
    given
        What was said about the coil, as the user called it.

    Raises
    ------
    PlanError
        With the options.
    """
    if given and COIL not in names:
        verb, them = ("belongs", "it") if len(given) == 1 else ("belong", "them")
        raise PlanError(
            f"{', '.join(given)} {verb} to rTMS or theta burst, and no technique of this plan uses the coil "
            f"({', '.join(names)}); add for example rtms_10hz, or leave {them} out"
        )

"""A coil tied to a person's motor threshold, by one adjoint at the motor hotspot.

    E_MT = |e_h| dI/dt_MT

with e_h the mean field per dI/dt in the hotspot's cortex, coil at the hotspot, and dI/dt_MT the measured threshold.
Another coil reaches threshold where it makes the same E_MT there (`transfer`).
"""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from assuage.errors import PlanError
from assuage.techniques.hotspot import Hotspot
from assuage.techniques.stimulators import Pair
from assuage.techniques.tables import cited, read_table
from assuage.techniques.tms import UNIT_DIDT_A_PER_S
from assuage.units import A_PER_S_PER_A_PER_US

if TYPE_CHECKING:
    from assuage.field import Landscape
    from assuage.sources import Coil

Array = NDArray[np.float64]

LEAST_DIDT_A_PER_S = 1e6
MOST_DIDT_A_PER_S = 1e9
"""1 to 1000 A/us: known coils reach 80 to 250 A/us, so what lies outside is a unit mix-up (A/us, kA/s)."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Calibration:
    """A coil tied to a person's motor threshold.

    Attributes
    ----------
    coil
        Name of the coil it holds for.
    hotspot
        Where the threshold is taken.
    unit_e_V_per_m
        (3,) mean field in the hotspot's cortex at 1 A/us, coil at the hotspot.
    threshold_didt_A_per_s
        dI/dt at motor threshold.
    pair
        The stimulator-coil pair, where % of its output can be converted.
    max_didt_A_per_s
        Largest dI/dt of the pair, or of the coil alone; None if unknown.
    assumptions
        In words, with sources.
    """

    coil: str
    hotspot: Hotspot
    unit_e_V_per_m: Array
    threshold_didt_A_per_s: float
    pair: Pair | None
    max_didt_A_per_s: float | None
    assumptions: tuple[str, ...]

    @property
    def threshold_e_V_per_m(self) -> float:
        """Field at the hotspot at motor threshold: magnitude of the mean vector."""
        return size(self.unit_e_V_per_m) * self.threshold_didt_A_per_s / UNIT_DIDT_A_PER_S


def calibrate(
    landscape: "Landscape",
    hotspot: Hotspot,
    coil: "Coil",
    *,
    threshold_didt_A_per_s: float | None = None,
    threshold_percent_output: float | None = None,
    pair: Pair | None = None,
) -> Calibration:
    """Tie a coil to a motor threshold that was measured with it.

    Parameters
    ----------
    landscape
        Of the hotspot's target.
    hotspot, coil
        Where, and with which coil (the condensed one will do).
    threshold_didt_A_per_s, threshold_percent_output
        The threshold, one way or the other; % of output needs the pair.
    pair
        Stimulator and coil.

    Raises
    ------
    PlanError
        Not exactly one threshold, a threshold out of range or above the coil's maximum, a landscape of another target.
    SourceError
        An output setting that no stimulator has.
    """
    if landscape.target is not hotspot.target:
        raise PlanError(
            f"the landscape is of target {landscape.target.name!r}, the hotspot's cortex is {hotspot.target.name!r}; "
            "pass conductor.adjoint(hotspot.target)"
        )
    if (threshold_didt_A_per_s is None) == (threshold_percent_output is None):
        raise PlanError("give the motor threshold once: as threshold_didt_A_per_s or as threshold_percent_output")
    if threshold_percent_output is not None:
        if pair is None:
            raise PlanError(
                f"a motor threshold of {threshold_percent_output:g} % of output needs the stimulator-coil pair it "
                "was taken with (find_pair); without one, give it as dI/dt"
            )
        didt = pair.didt_A_per_s(threshold_percent_output)
    else:
        didt = checked_didt(threshold_didt_A_per_s, "threshold_didt_A_per_s")
    limit = pair.max_didt_A_per_s if pair is not None else coil.max_didt_A_per_s
    if limit is not None and didt > limit:
        raise PlanError(
            f"a motor threshold of {shown(didt)} lies above the largest dI/dt of coil {coil.name!r}, {shown(limit)}: "
            "it cannot have been measured with it; check the unit and the pair"
        )
    return Calibration(
        coil=coil.name,
        hotspot=hotspot,
        unit_e_V_per_m=_unit_field(landscape, hotspot, coil),
        threshold_didt_A_per_s=didt,
        pair=pair,
        max_didt_A_per_s=limit,
        assumptions=(*hotspot.assumptions, *_driven(coil, pair)),
    )


def transfer(
    calibration: Calibration, landscape: "Landscape", coil: "Coil", *, pose: ArrayLike | None = None, pair: Pair | None
) -> Calibration:
    """Return the calibration of another coil, at whose threshold the hotspot's cortex gets the same field.

    Parameters
    ----------
    calibration, landscape
        Of the coil that the threshold was measured with, and the landscape of the hotspot's target.
    coil, pair
        The other coil, and its pair if it has one.
    pose
        (4, 4) of the other coil at the hotspot; None takes the same pose.
    """
    hotspot = calibration.hotspot
    if pose is not None:
        hotspot = replace(hotspot, pose=np.asarray(pose, dtype=np.float64))
    unit = _unit_field(landscape, hotspot, coil)
    return Calibration(
        coil=coil.name,
        hotspot=hotspot,
        unit_e_V_per_m=unit,
        threshold_didt_A_per_s=calibration.threshold_e_V_per_m / size(unit) * UNIT_DIDT_A_PER_S,
        pair=pair,
        max_didt_A_per_s=pair.max_didt_A_per_s if pair is not None else coil.max_didt_A_per_s,
        assumptions=(*calibration.hotspot.assumptions, *_driven(coil, pair), *assumptions_of("transfer")),
    )


def _unit_field(landscape: "Landscape", hotspot: Hotspot, coil: "Coil") -> Array:
    return mean_field(landscape.coil(coil, hotspot.pose[None], didt_A_per_s=UNIT_DIDT_A_PER_S)[0])


def _driven(coil: "Coil", pair: Pair | None) -> tuple[str, ...]:
    return () if pair is None else (f"coil {coil.name!r} is driven as {pair.label}", *pair.assumptions)


def mean_field(value: ArrayLike) -> Array:
    """Return a mean field (3,), V/m, after checking that it is one."""
    field = np.asarray(value, dtype=np.float64)
    if field.shape != (3,) or not np.isfinite(field).all() or not field.any():
        raise PlanError(f"the mean field at 1 A/us is {field}; give three finite numbers, V/m, not all 0")
    return field


def checked_didt(value: float | None, name: str) -> float:
    """Return a dI/dt, A/s, after checking that it is no unit mix-up."""
    if value is None or not LEAST_DIDT_A_PER_S <= value <= MOST_DIDT_A_PER_S:
        said = "nothing" if value is None else f"{shown(value)} ({value:g} A/s)"
        raise PlanError(
            f"{name} is {said}; give {LEAST_DIDT_A_PER_S / A_PER_S_PER_A_PER_US:g} to "
            f"{MOST_DIDT_A_PER_S / A_PER_S_PER_A_PER_US:g} A/us, in Python as A/s (65 A/us is 6.5e7)"
        )
    return float(value)


def size(field: Array) -> float:
    """Return the magnitude of a vector."""
    return float(np.linalg.norm(field))


def shown(didt_A_per_s: float) -> str:
    """Say a dI/dt as people read it."""
    return f"{didt_A_per_s / A_PER_S_PER_A_PER_US:.3g} A/us"


def assumptions_of(way: str) -> tuple[str, ...]:
    """Return what a way of setting an intensity takes for granted, each with its source."""
    rows = read_table("intensity")["assumption"]
    return tuple(f"{row['text']}: {cited(row)}" for row in rows if way in row["ways"])

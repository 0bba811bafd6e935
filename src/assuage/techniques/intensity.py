"""How strong a coil is driven: four ways to say it, one record that holds all of them.

One adjoint at the motor hotspot gives the field per dI/dt there, e_h, for the coil in its pose at the hotspot; the
adjoint of the target gives e_t for the treatment pose. With the measured threshold dI/dt_MT everything is proportion:

    E_MT = |e_h| dI/dt_MT                        field at the hotspot at motor threshold
    percent_mt      p:  dI/dt = p / 100 dI/dt_MT
    percent_output  q:  dI/dt = q / 100 dI/dt_max            only for a pair with a sourced dI/dt_max
    matched_field   f:  dI/dt = f E_MT / score(e_t)          the target gets f times the threshold field

Fields are vectors (3,), V/m, and enter at 1 A/us (`UNIT_DIDT_A_PER_S`), as the coil search gives them; |.| is the
magnitude of the mean vector, score the magnitude or the wanted component (`Goal`).
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from assuage.errors import PlanError
from assuage.techniques.calibration import Calibration, assumptions_of, checked_didt, mean_field, shown, size
from assuage.techniques.goal import Goal
from assuage.techniques.stimulators import Pair
from assuage.techniques.tms import UNIT_DIDT_A_PER_S

Array = NDArray[np.float64]
Way = Literal["percent_mt", "didt", "percent_output", "matched_field"]

WEAKEST_SHARE = 1e-3
"""A component of the target's field below this share of its magnitude cannot be scaled up to a wanted field."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Intensity:
    """How strong a coil is driven, in every unit that is known.

    Attributes
    ----------
    way
        How it was set.
    didt_A_per_s
        Rate of the coil current at the start of the pulse.
    percent_mt
        % of motor threshold; None without a calibration.
    percent_output
        % of stimulator output; None without a pair.
    e_at_target_V_per_m
        (3,) mean field in the target.
    e_at_hotspot_V_per_m
        Field that the same dI/dt makes in the hotspot's cortex with the coil at the hotspot: magnitude of the mean
        vector; None without a calibration.
    target_over_threshold
        Magnitude at the target over the motor-threshold field; None without a calibration.
    max_didt_A_per_s
        Largest dI/dt of the devices; None if unknown.
    assumptions, source
        In words, with sources; and where the threshold or setting comes from.
    """

    way: Way
    didt_A_per_s: float
    percent_mt: float | None
    percent_output: float | None
    e_at_target_V_per_m: Array
    e_at_hotspot_V_per_m: float | None
    target_over_threshold: float | None
    max_didt_A_per_s: float | None
    assumptions: tuple[str, ...]
    source: str

    @property
    def deliverable(self) -> bool | None:
        """Whether the devices reach it; None where their maximum is unknown."""
        return None if self.max_didt_A_per_s is None else self.didt_A_per_s <= self.max_didt_A_per_s

    @property
    def shortfall(self) -> str:
        """Why the devices do not deliver it, in words; empty if they do."""
        if self.deliverable:
            return ""
        if self.max_didt_A_per_s is None:
            return f"whether the devices reach {shown(self.didt_A_per_s)} is unknown: no sourced largest dI/dt"
        share = 100 * self.didt_A_per_s / self.max_didt_A_per_s
        largest = shown(self.max_didt_A_per_s)
        return f"{shown(self.didt_A_per_s)} is {share:.0f} % of the largest dI/dt of the devices, {largest}"


def at_didt(
    didt_A_per_s: float,
    unit_e_V_per_m: ArrayLike,
    *,
    calibration: Calibration | None = None,
    pair: Pair | None = None,
    max_didt_A_per_s: float | None = None,
) -> Intensity:
    """Return the intensity of a given dI/dt.

    Parameters
    ----------
    didt_A_per_s
        The rate.
    unit_e_V_per_m
        (3,) mean field in the target at 1 A/us, coil at the treatment pose.
    calibration, pair
        Motor threshold and stimulator of the same coil, where known.
    max_didt_A_per_s
        Largest dI/dt of the coil, where neither of them knows it.

    Raises
    ------
    PlanError
        A rate out of range, a field that is none, or a pair other than the calibration's.
    """
    didt = checked_didt(didt_A_per_s, "didt_A_per_s")
    devices = _devices(calibration, pair, max_didt_A_per_s)
    return _intensity("didt", didt, unit_e_V_per_m, calibration, devices)


def at_percent_output(
    percent: float, unit_e_V_per_m: ArrayLike, *, pair: Pair, calibration: Calibration | None = None
) -> Intensity:
    """Return the intensity of a setting of the stimulator, %; parameters and refusals as `at_didt`."""
    devices = _devices(calibration, pair, None)
    return _intensity("percent_output", pair.didt_A_per_s(percent), unit_e_V_per_m, calibration, devices)


def at_percent_mt(percent: float, unit_e_V_per_m: ArrayLike, *, calibration: Calibration) -> Intensity:
    """Return the intensity of a percentage of motor threshold; parameters and refusals as `at_didt`."""
    if not (np.isfinite(percent) and percent > 0):
        raise PlanError(f"{percent} % of motor threshold; give a number above 0, for example 120")
    didt = percent / 100 * calibration.threshold_didt_A_per_s
    return _intensity("percent_mt", didt, unit_e_V_per_m, calibration, _devices(calibration, None, None))


def at_matched_field(
    unit_e_V_per_m: ArrayLike, *, calibration: Calibration, factor: float = 1.0, goal: Goal | None = None
) -> Intensity:
    """Return the intensity at which the target gets the motor-threshold field times a factor.

    Parameters
    ----------
    unit_e_V_per_m
        (3,) mean field in the target at 1 A/us, coil at the treatment pose.
    calibration
        Motor threshold of the same coil.
    factor
        Wanted multiple of the threshold field.
    goal
        What counts in the target; None: the magnitude.

    Raises
    ------
    PlanError
        A factor that is not above 0, or a target that gets nothing of the wanted component.
    """
    if not (np.isfinite(factor) and factor > 0):
        raise PlanError(f"factor = {factor}; give the wanted multiple of the motor-threshold field, above 0")
    unit = mean_field(unit_e_V_per_m)
    score = float((goal or Goal(direction=None, normal=None)).score(unit))
    if score <= WEAKEST_SHARE * size(unit):
        raise PlanError(
            f"the coil makes {score:.3g} V/m of the wanted component at 1 A/us, {size(unit):.3g} V/m in all: no "
            "dI/dt brings it to the threshold field; turn the coil or drop the direction"
        )
    didt = factor * calibration.threshold_e_V_per_m / score * UNIT_DIDT_A_PER_S
    return _intensity("matched_field", didt, unit, calibration, _devices(calibration, None, None))


def require_deliverable(intensity: Intensity) -> Intensity:
    """Return the intensity if the devices reach it.

    Raises
    ------
    PlanError
        They do not, or their maximum is unknown.
    """
    if intensity.deliverable:
        return intensity
    way_out = (
        "name the stimulator-coil pair (find_pair)"
        if intensity.max_didt_A_per_s is None
        else "lower the intensity, take a stronger pair, or a pose that reaches the target better"
    )
    raise PlanError(f"{intensity.shortfall}; {way_out}")


def _intensity(
    way: Way,
    didt_A_per_s: float,
    unit_e_V_per_m: ArrayLike,
    calibration: Calibration | None,
    devices: tuple[Pair | None, float | None],
) -> Intensity:
    pair, limit = devices
    e_target = mean_field(unit_e_V_per_m) * (didt_A_per_s / UNIT_DIDT_A_PER_S)
    said = [*assumptions_of(way)]
    source = "as set by the user"
    percent_mt = e_hotspot = ratio = None
    if calibration is not None:
        share = didt_A_per_s / calibration.threshold_didt_A_per_s
        percent_mt, e_hotspot = 100 * share, share * calibration.threshold_e_V_per_m
        ratio = size(e_target) / calibration.threshold_e_V_per_m
        said += calibration.assumptions
        source = f"motor threshold {shown(calibration.threshold_didt_A_per_s)}, {calibration.hotspot.way}"
    percent_output = None
    if pair is not None:
        percent_output = pair.percent_output(didt_A_per_s)
        said += [line for line in pair.assumptions if line not in said]
        source += f"; largest dI/dt of {pair.label}: {pair.source} [{pair.source_level}]"
    return Intensity(
        way=way,
        didt_A_per_s=didt_A_per_s,
        percent_mt=percent_mt,
        percent_output=percent_output,
        e_at_target_V_per_m=e_target,
        e_at_hotspot_V_per_m=e_hotspot,
        target_over_threshold=ratio,
        max_didt_A_per_s=limit,
        assumptions=tuple(said),
        source=source,
    )


def _devices(
    calibration: Calibration | None, pair: Pair | None, max_didt_A_per_s: float | None
) -> tuple[Pair | None, float | None]:
    """Return the pair and its largest dI/dt; refuse two pairs that contradict each other."""
    if calibration is None:
        return pair, pair.max_didt_A_per_s if pair is not None else max_didt_A_per_s
    if pair is not None and pair != calibration.pair:
        held = "no pair" if calibration.pair is None else calibration.pair.label
        raise PlanError(
            f"the motor threshold is calibrated for {held}, the intensity for {pair.label}; calibrate with that "
            "pair, or carry the threshold over to the other coil (transfer)"
        )
    return calibration.pair, calibration.max_didt_A_per_s or max_didt_A_per_s

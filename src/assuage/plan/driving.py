"""How strong the coil of a plan is driven: what the user measured and wants, and what follows on this head.

A user gives the motor threshold, as dI/dt or as % of the output of a stimulator whose largest dI/dt has a source, and
where it was taken; and how the dose is set: a percentage of the threshold (each course has its own), the field of the
threshold matched in the target, a dI/dt, or a setting of the stimulator. `techniques.intensity` has the formulas.

A percentage of the active threshold is never taken of a resting one, or the reverse: the active threshold is lower, by
an amount that belongs to the person.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from assuage.errors import PlanError
from assuage.field import Landscape
from assuage.plan.bench import Bench
from assuage.plan.course_records import DrivingRecord, IntensityRecord
from assuage.plan.describe import matrix, number, point
from assuage.plan.records import Dose
from assuage.protocols.coil import Intensity as CourseIntensity
from assuage.space import validate_pose
from assuage.techniques import intensity
from assuage.techniques.calibration import Calibration, calibrate, checked_didt, shown
from assuage.techniques.goal import Goal
from assuage.techniques.hotspot import Hotspot, Side, anatomical_hotspot, measured_hotspot, placed_hotspot
from assuage.techniques.intensity import Way
from assuage.techniques.stimulators import Pair, find_pair
from assuage.techniques.tms import UNIT_DIDT_A_PER_S

Array = NDArray[np.float64]
ThresholdState = Literal["resting", "active"]

ERROR_WORDS = "the error bar is that of the field at this dI/dt; the error of the measured threshold is not in it"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Driving:
    """How strong the coil is driven.

    Attributes
    ----------
    threshold_didt_A_per_s, threshold_percent_output
        The motor threshold, one way or the other, or neither.
    threshold_state
        Muscle at rest or contracted while it was measured.
    stimulator, stimulator_coil
        The devices; needed for anything in % of output.
    hotspot_pose
        (4, 4) of the coil at the motor hotspot, mm, as the navigator stored it in this head's coordinates.
    hotspot_mm
        (3,) of the coil there, where its turn is not known; with neither the hand knob stands for it.
    side
        Hemisphere of the hand knob.
    way, amount
        How the dose is set, and its number: % of the threshold, multiple of the threshold field, A/s, or % of output.
        None: what each course names, or the threshold field itself.
    """

    threshold_didt_A_per_s: float | None = None
    threshold_percent_output: float | None = None
    threshold_state: ThresholdState = "resting"
    stimulator: str = ""
    stimulator_coil: str = ""
    hotspot_pose: ArrayLike | None = None
    hotspot_mm: ArrayLike | None = None
    side: Side = "left"
    way: Way = "percent_mt"
    amount: float | None = None

    def __post_init__(self) -> None:
        """Refuse what does not fit together, before any work starts.

        Raises
        ------
        PlanError, SourceError, PoseError
            With the way out.
        """
        _check_threshold(self)
        _check_dose(self)
        if self.hotspot_pose is not None and self.hotspot_mm is not None:
            raise PlanError("the hotspot is given as a pose and as a point; give one of them")
        if self.hotspot_pose is not None:
            validate_pose(self.hotspot_pose)

    @property
    def has_threshold(self) -> bool:
        """Whether a motor threshold is given."""
        return self.threshold_didt_A_per_s is not None or self.threshold_percent_output is not None

    @property
    def pair(self) -> Pair | None:
        """The stimulator with its coil; None where none is named."""
        if not (self.stimulator or self.stimulator_coil):
            return None
        return find_pair(self.stimulator, self.stimulator_coil)


def _check_threshold(driving: Driving) -> None:
    didt, percent, pair = driving.threshold_didt_A_per_s, driving.threshold_percent_output, driving.pair
    if didt is not None and percent is not None:
        raise PlanError("the motor threshold is given as dI/dt and as % of output; give it once")
    if didt is not None:
        checked_didt(didt, "the motor threshold")
    if percent is not None and pair is None:
        raise PlanError(
            f"a motor threshold of {percent:g} % of output needs the stimulator and its coil; name both, or give the "
            "threshold as dI/dt in A/us"
        )
    if percent is not None and pair is not None:
        pair.didt_A_per_s(percent)


def _check_dose(driving: Driving) -> None:
    if driving.way in {"percent_mt", "matched_field"} and not driving.has_threshold:
        raise PlanError(
            "a dose by motor threshold or matched field needs a motor threshold; give one, or set the dose as dI/dt"
        )
    if driving.amount is not None and not (np.isfinite(driving.amount) and driving.amount > 0):
        raise PlanError(f"the dose is {driving.amount:g}; give a number above 0")
    if driving.way in {"didt", "percent_output"} and driving.amount is None:
        raise PlanError("a dose as dI/dt or % of output needs its number")
    if driving.way == "didt":
        checked_didt(driving.amount, "the dose")
    if driving.way == "percent_output":
        if driving.pair is None:
            raise PlanError("a dose in % of output needs the stimulator and its coil; name both, or give it as dI/dt")
        driving.pair.didt_A_per_s(driving.amount or 0.0)


def hotspot_of(bench: Bench, driving: Driving | None) -> Hotspot:
    """Return where the motor threshold is taken: as measured, else over the hand knob, else under C3 or C4.

    Raises
    ------
    PoseError
        A measured place that is not on this head.
    """
    if driving is not None and driving.hotspot_pose is not None:
        return measured_hotspot(bench.head, driving.hotspot_pose)
    if driving is not None and driving.hotspot_mm is not None:
        return placed_hotspot(bench.places.coil_site, driving.hotspot_mm)
    side: Side = "left" if driving is None else driving.side
    return anatomical_hotspot(bench.places.coil_site, side=side, use_scalp_site=True)


def calibration_of(bench: Bench, driving: Driving, hotspot: Hotspot, landscape: Landscape) -> Calibration | None:
    """Return the plan's coil tied to the motor threshold; None where no threshold is given.

    Raises
    ------
    PlanError
        A threshold that the coil cannot have been driven to.
    """
    if not driving.has_threshold:
        return None
    return calibrate(
        landscape,
        hotspot,
        bench.places.condensed,
        threshold_didt_A_per_s=driving.threshold_didt_A_per_s,
        threshold_percent_output=driving.threshold_percent_output,
        pair=driving.pair,
    )


def driving_record(driving: Driving, hotspot: Hotspot, calibration: Calibration | None) -> DrivingRecord:
    """Describe what was measured and what follows from it."""
    pair = driving.pair
    given = None
    if driving.has_threshold:
        given = "didt" if driving.threshold_didt_A_per_s is not None else "percent_output"
    known = () if calibration is None else calibration.assumptions
    didt = None if calibration is None else calibration.threshold_didt_A_per_s
    return DrivingRecord(
        way=driving.way,
        amount=None if driving.amount is None else number(driving.amount),
        threshold_state=driving.threshold_state if driving.has_threshold else None,
        threshold_given_as=given,
        threshold_didt_A_per_s=None if didt is None else number(didt),
        threshold_percent_output=None if didt is None or pair is None else number(pair.percent_output(didt)),
        threshold_e_V_per_m=None if calibration is None else number(calibration.threshold_e_V_per_m),
        hotspot=hotspot.target.name,
        hotspot_way=hotspot.way,
        hotspot_mm=point(hotspot.target.center_mm),
        hotspot_pose=matrix(hotspot.pose),
        devices="" if pair is None else pair.label,
        devices_source="" if pair is None else f"{pair.source} [{pair.source_level}]",
        max_didt_A_per_s=None if pair is None else number(pair.max_didt_A_per_s),
        assumptions=tuple(dict.fromkeys((*hotspot.assumptions, *known, ERROR_WORDS))),
    )


def driven(
    wanted: CourseIntensity,
    dose: Dose,
    *,
    goal: Goal,
    hotspot_V_per_m: float,
    driving: Driving | None,
    calibration: Calibration | None,
    coil_max_didt_A_per_s: float | None,
) -> IntensityRecord:
    """Return how strong one course drives the coil.

    Parameters
    ----------
    wanted
        What the course names: % of a motor threshold, and of which.
    dose
        Of the coil at 1 A/us.
    goal
        What counts in the target.
    hotspot_V_per_m
        Field at the hotspot at 1 A/us.
    driving, calibration
        Of the plan.
    coil_max_didt_A_per_s
        Of the coil alone, for where no pair is named.
    """
    if driving is None:
        return _open(wanted, dose, hotspot_V_per_m, "no motor threshold is given")
    own = driving.way == "percent_mt" and driving.amount is None
    if own and driving.threshold_state != wanted.threshold:
        why = (
            f"the course names the {wanted.threshold} threshold, the one given is the {driving.threshold_state}: one "
            "does not follow from the other; measure it, or set the dose another way"
        )
        return _open(wanted, dose, hotspot_V_per_m, why)
    unit_e = np.asarray(dose.mean_e_V_per_m)
    try:
        found = _intensity(driving, float(wanted.percent_mt or 0), unit_e, goal, calibration, coil_max_didt_A_per_s)
    except PlanError as error:
        return _open(wanted, dose, hotspot_V_per_m, str(error))
    factor = found.didt_A_per_s / UNIT_DIDT_A_PER_S
    return IntensityRecord(
        way=found.way,
        words=_words(found, driving),
        percent_mt=None if found.percent_mt is None else number(found.percent_mt),
        threshold=driving.threshold_state if driving.has_threshold else None,
        didt_A_per_s=number(found.didt_A_per_s),
        percent_output=None if found.percent_output is None else number(found.percent_output),
        target_V_per_m=number(factor * dose.magnitude_V_per_m),
        sd_V_per_m=number(factor * dose.error.combined_sd_V_per_m),
        hotspot_V_per_m=None if found.e_at_hotspot_V_per_m is None else number(found.e_at_hotspot_V_per_m),
        target_over_threshold=None if found.target_over_threshold is None else number(found.target_over_threshold),
        per_threshold_V_per_m=None,
        deliverable=found.deliverable,
        shortfall=found.shortfall,
        assumptions=found.assumptions,
        source=found.source,
        open_because="",
    )


def _intensity(
    driving: Driving,
    percent: float,
    unit_e: Array,
    goal: Goal,
    calibration: Calibration | None,
    coil_max_didt_A_per_s: float | None,
) -> intensity.Intensity:
    pair = driving.pair
    if driving.way == "didt":
        assert driving.amount is not None
        return intensity.at_didt(
            driving.amount, unit_e, calibration=calibration, pair=pair, max_didt_A_per_s=coil_max_didt_A_per_s
        )
    if driving.way == "percent_output":
        assert driving.amount is not None
        assert pair is not None
        return intensity.at_percent_output(driving.amount, unit_e, pair=pair, calibration=calibration)
    assert calibration is not None
    if driving.way == "matched_field":
        factor = 1.0 if driving.amount is None else driving.amount
        return intensity.at_matched_field(unit_e, calibration=calibration, factor=factor, goal=goal)
    return intensity.at_percent_mt(driving.amount or percent, unit_e, calibration=calibration)


def _words(found: intensity.Intensity, driving: Driving) -> str:
    said = [f"dI/dt = {shown(found.didt_A_per_s)}"]
    if found.percent_mt is not None:
        said.append(f"{found.percent_mt:.3g} % of the {driving.threshold_state} motor threshold")
    if found.percent_output is not None:
        said.append(f"{found.percent_output:.3g} % of output")
    if found.way == "matched_field":
        said.append(f"the target gets {driving.amount or 1:.3g} times the field of the hotspot at threshold")
    return ", ".join(said)


def _open(wanted: CourseIntensity, dose: Dose, hotspot_V_per_m: float, why: str) -> IntensityRecord:
    """Return what can be said without the threshold: the ratio to its field, and the field per A/us of it."""
    percent = float(wanted.percent_mt or 0)
    return IntensityRecord(
        way="percent_mt",
        words=f"{percent:g} % of the {wanted.threshold} motor threshold",
        percent_mt=percent,
        threshold=wanted.threshold,
        didt_A_per_s=None,
        percent_output=None,
        target_V_per_m=None,
        sd_V_per_m=None,
        hotspot_V_per_m=None,
        target_over_threshold=number(percent / 100 * dose.magnitude_V_per_m / hotspot_V_per_m),
        per_threshold_V_per_m=number(percent / 100 * dose.magnitude_V_per_m),
        deliverable=None,
        shortfall="",
        assumptions=(),
        source="the course",
        open_because=why,
    )

"""One coil field, several courses: what rTMS at 1 and 10 Hz, iTBS, cTBS and SNT make of the same pose.

They share the search, the forward solution and its image; they differ in pulses, time, intensity, limits, evidence and
burden. So a plan holds the field once, as technique "tms", and its courses in `TechniqueRecord.courses`; the ranking by
field and the matrix of regions have one row for all of them, the shortlist one for each.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
from pydantic import TypeAdapter

from assuage.errors import PlanError
from assuage.evidence.grades import evidence_for
from assuage.plan.common_dose import CommonDose
from assuage.plan.course_records import CombinationRecord, CourseRecord, IntensityRecord, UnderCoilRecord
from assuage.plan.describe import known, number, verdict_records
from assuage.plan.driving import driven, driving_record
from assuage.plan.records import CoilProposal, MontageProposal, ScaledDose, TechniqueRecord
from assuage.plan.technique_facts import Facts, course_facts, technique_facts
from assuage.protocols import electrodes_under_coil
from assuage.protocols.coil import CoilPlan
from assuage.protocols.combined import NOT_ADDITIVE, Footprint
from assuage.protocols.courses import COIL_COURSES, CoilCourse, CombinedCourse, coil_course, combined_course
from assuage.protocols.electrodes import ElectrodeShape, PlannedElectrode
from assuage.protocols.quantities import dose_quantities
from assuage.safety import worst
from assuage.techniques.calibration import shown
from assuage.techniques.tms import UNIT_DIDT_A_PER_S

COMBINED = "tdcs_rtms"
FOOTPRINT_WORDS = (
    "outline of the coil's windings in its plane, a rectangle; the casing reaches some millimetres further, by an "
    "amount that is not known here, and electrodes are taken by the circle around them"
)
GOES_TOGETHER = ("tdcs", "hd_tdcs_4x1", "hd_tdcs", "hd_tdcs_focal")
"""Montages that the combination can take, the first of the plan's."""


def chosen_courses(names: tuple[str, ...], given: Iterable[CoilCourse]) -> tuple[CoilCourse, ...]:
    """Return one course for every coil technique of a plan: the one given, else the example of the package.

    Raises
    ------
    PlanError
        A course of a technique that the plan does not make, or two of one technique.
    """
    chosen = {name: coil_course(name) for name in names if name in COIL_COURSES}
    by_user: dict[str, CoilCourse] = {}
    for course in given:
        name = course.technique
        if name not in chosen:
            made = ", ".join(chosen) or "no course of a coil"
            raise PlanError(
                f"{_short(course)} is a course of {name}, but the plan makes {made}; add {name} to techniques"
            )
        if name in by_user:
            raise PlanError(
                f"{_short(course)} and {_short(by_user[name])} are both courses of {name}; name one of them"
            )
        by_user[name] = course
    return tuple((chosen | by_user).values())


def _short(course: CoilCourse) -> str:
    return course.given.partition(":")[0]


def with_courses(common: CommonDose, record: TechniqueRecord, wanted: tuple[CoilCourse, ...]) -> TechniqueRecord:
    """Return the coil's record with its courses, and with the dose at motor threshold where that is known.

    Parameters
    ----------
    common
        Hotspot, threshold and protocol of the plan.
    record
        Of technique "tms", at 1 A/us.
    wanted
        Courses that were asked for.
    """
    courses = tuple(_course(common, record, course) for course in wanted)
    more: dict[str, Any] = {"courses": courses}
    if courses and all(course.worst_verdict == "stop" for course in courses):
        more["worst_verdict"] = "stop"
    if record.currency is not None and courses:
        more["currency"] = record.currency.model_copy(update=_session_lengths(courses))
    if common.driving is not None:
        more["driving"] = driving_record(common.driving, common.hotspot, common.calibration)
    if common.calibration is not None:
        more["scaled"] = (_at_threshold(common, record),)
    return record.model_copy(update=more)


def _session_lengths(courses: tuple[CourseRecord, ...]) -> dict[str, Any]:
    """Return how long a session of each course lasts; one number only where there is one course."""
    words = "; ".join(f"{course.label} {course.session_s:g} s" for course in courses) + " (sources with the courses)"
    return {"duration_s": courses[0].session_s if len(courses) == 1 else None, "duration_words": words}


def _at_threshold(common: CommonDose, record: TechniqueRecord) -> ScaledDose:
    assert common.calibration is not None
    assert common.driving is not None
    didt = common.calibration.threshold_didt_A_per_s
    factor = didt / UNIT_DIDT_A_PER_S
    return ScaledDose(
        intensity=f"dI/dt = {shown(didt)}",
        current_A=None,
        didt_A_per_s=number(didt),
        magnitude_V_per_m=number(factor * record.dose.magnitude_V_per_m),
        sd_V_per_m=number(factor * record.dose.error.combined_sd_V_per_m),
        note=f"100 % of the {common.driving.threshold_state} motor threshold",
    )


def _course(common: CommonDose, record: TechniqueRecord, course: CoilCourse) -> CourseRecord:
    dose = course.dose
    session, train = dose.session, dose.session.train
    intensity = driven(
        dose.intensity,
        record.dose,
        goal=common.goal,
        hotspot_V_per_m=common.hotspot_V_per_m,
        driving=common.driving,
        calibration=common.calibration,
        coil_max_didt_A_per_s=common.bench.coil.max_didt_A_per_s,
    )
    asked = _quantities(common, course.technique, dose_quantities(dose), intensity)
    name = course.technique
    facts = course_facts(name, dose, course.given) if course.given else technique_facts(name)
    phase = dose.course.phases[0]
    return CourseRecord(
        **_repeated(name, course.label, asked, facts),
        pattern=pattern(dose),
        pulses_per_train=train.pulses,
        trains_per_session=session.trains,
        train_s=_float(train.duration_s),
        pause_s=_or_none(session.inter_train_interval_s),
        session_s=_float(session.duration_s),
        duty=_float(session.duty),
        pulses_per_session=session.pulses,
        sessions_per_day=dose.course.most_sessions_per_day,
        session_interval_s=_or_none(phase.day.session_interval_s),
        day_s=_float(phase.day.length_s(session.duration_s)),
        days=dose.course.days,
        days_per_week=phase.days_per_week,
        least_calendar_days=dose.course.least_calendar_days,
        sessions=dose.course.sessions,
        pulses=dose.course.sessions * session.pulses,
        sources={part: str(origin) for part, origin in course.parts.items()},
        published=course.published,
        given=course.given,
        session=_json(dose.session),
        calendar=_json(dose.course),
        intensity=intensity,
        notes=course.notes,
    )


def _repeated(technique: str, label: str, asked: Mapping[str, Any], facts: Facts) -> dict[str, Any]:
    """Return what a `RepeatedRecord` says of a technique: limits, evidence and burden."""
    verdicts, evidence = verdict_records(asked), evidence_for(technique)
    return {
        "technique": technique,
        "label": label,
        "quantities": known(asked),
        "verdicts": verdicts,
        "worst_verdict": worst(verdict.outcome for verdict in verdicts),
        "evidence_grade": evidence.grade,
        "evidence": evidence.words,
        "visits": facts.visits,
        "hours_on_site": number(facts.hours_on_site),
        "burden_source": f"{facts.source} [{facts.source_level}]",
    }


def _quantities(
    common: CommonDose, technique: str, dose: Mapping[str, Any], intensity: IntensityRecord
) -> dict[str, Any]:
    """Return what the cited limits of a coil course look at; the course's own numbers stand before the session's."""
    found: dict[str, Any] = {key: float(value) for key, value in dose.items() if value is not None}
    found["intensity_percent_mt"] = intensity.percent_mt
    found["motor_threshold"] = intensity.threshold
    coil = common.bench.coil
    limit = coil.max_didt_A_per_s
    source = coil.origin
    if common.calibration is not None and common.calibration.pair is not None:
        pair = common.calibration.pair
        limit, source = pair.max_didt_A_per_s, f"{pair.label}: {pair.source}"
    asked = {**found, "didt_A_per_s": intensity.didt_A_per_s, "coil_max_didt_A_per_s": limit, "coil_source": source}
    asked["output_percent_mso"] = intensity.percent_output
    return {
        **common.protocol,
        **{key: value for key, value in asked.items() if value is not None},
        "technique": technique,
    }


def pattern(dose: CoilPlan) -> str:
    """Say what a train is made of: "10 Hz", or "3 pulses at 50 Hz, 5 times a second"."""
    train = dose.session.train
    if train.burst.frequency_Hz is None:
        return f"single pulses at {float(train.burst_rate_Hz):g} Hz"
    within, bursts = float(train.burst.frequency_Hz), float(train.burst_rate_Hz)
    return f"{train.burst.pulses} pulses at {within:g} Hz, {bursts:g} times a second"


def combination(
    common: CommonDose, records: tuple[TechniqueRecord, ...], courses: tuple[CoilCourse, ...]
) -> CombinationRecord | str:
    """Return tDCS with rTMS: two plans of these records in one course; or why there is none.

    Parameters
    ----------
    common
        Of the plan.
    records
        With a coil that has a course, and a montage.
    courses
        Of the coil, as for `with_courses`.
    """
    by_name = {record.technique: record for record in records}
    coil = by_name.get("tms")
    montage = next((by_name[name] for name in GOES_TOGETHER if name in by_name), None)
    if coil is None or montage is None or not coil.courses:
        lacking = "a coil with a course" if coil is None or not coil.courses else "a montage"
        return f"the combination needs {lacking}, and this plan has none"
    combined = combined_course()
    course = next((course for course in coil.courses if course.technique == "rtms_10hz"), coil.courses[0])
    rtms = next(item for item in courses if item.technique == course.technique)
    asked = _combined_quantities(common, course, rtms, montage, combined)
    under, footprint = _under_coil(common, coil, montage)
    facts = technique_facts(COMBINED)
    return CombinationRecord(
        **_repeated(COMBINED, combined.label, asked, facts),
        parts=(montage.technique, "tms"),
        course=course.technique,
        order=combined.order,
        gap_s=float(combined.gap_s),
        gap_at_most_s=float(combined.gap_at_most_s),
        days=combined.calendar.days,
        sessions=combined.calendar.sessions,
        tdcs_duration_s=float(combined.tdcs_duration_s),
        footprint_mm=(number(footprint.width_mm), number(footprint.length_mm)),
        footprint_words=FOOTPRINT_WORDS,
        under_coil=under,
        words=_combined_words(course, montage, under),
        not_additive=NOT_ADDITIVE,
        source=str(combined.origin),
        invasiveness=facts.invasiveness,
        notes=combined.notes,
    )


def _combined_quantities(
    common: CommonDose, course: CourseRecord, rtms: CoilCourse, montage: TechniqueRecord, combined: CombinedCourse
) -> dict[str, Any]:
    """Return what the limits of the combination look at: pulses from rTMS, current and duration from tDCS."""
    calendar = combined.calendar
    dose = replace(rtms.dose, course=calendar, stated={})
    asked = _quantities(common, COMBINED, dose_quantities(dose), course.intensity)
    proposal = montage.proposal
    assert isinstance(proposal, MontageProposal)
    asked |= {
        "total_current_A": proposal.total_current_A,
        "current_per_electrode_A": proposal.largest_current_A,
        "skin_density_A_per_m2": montage.quantities["skin_density_A_per_m2"],
        "duration_s": float(combined.tdcs_duration_s),
        "duration_per_day_s": float(combined.tdcs_duration_s) * calendar.most_sessions_per_day,
    }
    return asked


def _combined_words(
    course: CourseRecord, montage: TechniqueRecord, under: tuple[UnderCoilRecord, ...]
) -> tuple[str, ...]:
    said = [
        f"{montage.label} as proposed above, then {course.label} at the coil pose proposed above",
        "each dose is that of its own part; no field of the two is added",
    ]
    if under:
        listing = ", ".join(f"{item.electrode} ({item.overlap_mm:.0f} mm)" for item in under)
        said.append(
            f"the coil would cover {listing}: take these electrodes off before rTMS, or move one of the two; under the "
            "coil they lift it off the head and carry induced current"
        )
    else:
        said.append("no electrode lies under the coil")
    return tuple(said)


def _under_coil(
    common: CommonDose, coil: TechniqueRecord, montage: TechniqueRecord
) -> tuple[tuple[UnderCoilRecord, ...], Footprint]:
    across, along = 2 * np.abs(np.asarray(common.bench.coil.positions_mm)[:, :2]).max(0)
    footprint = Footprint(width_mm=float(across), length_mm=float(along))
    assert isinstance(montage.proposal, MontageProposal)
    electrodes = [
        PlannedElectrode(
            name=electrode.name,
            current_A=Fraction(repr(electrode.current_A)),
            shape=ElectrodeShape(**electrode.outline.model_dump()),
            center_mm=electrode.center_mm,
        )
        for electrode in montage.proposal.electrodes
        if electrode.outline is not None
    ]
    assert isinstance(coil.proposal, CoilProposal)
    found = electrodes_under_coil(electrodes, coil_pose=coil.proposal.pose, footprint=footprint)
    return (
        tuple(
            UnderCoilRecord(
                electrode=item.electrode, overlap_mm=number(item.overlap_mm), below_mm=number(item.below_mm)
            )
            for item in found
        ),
        footprint,
    )


def _json(value: Any) -> dict[str, Any]:
    """Return a part of a dose as protocol.json has it."""
    content: dict[str, Any] = TypeAdapter(type(value)).dump_python(value, mode="json", exclude_none=True)
    return content


def _float(value: Fraction | int) -> float:
    return number(float(value))


def _or_none(value: Fraction | None) -> float | None:
    return None if value is None else _float(value)

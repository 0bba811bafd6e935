"""A draft of protocol.json out of a plan: what the plan knows is filled in, what a person decides stays null.

`DOSES` has one function for each technique that turns its record into the `dose` of a protocol; a technique that joins
the plan joins here with one line. Nothing is invented: ramps, pulse shape, devices, screening and consent stay open,
and `read_protocol` names what is missing until they are filled.
"""

from collections.abc import Callable, Mapping
from fractions import Fraction
from functools import partial
from typing import Any

import numpy as np
from pydantic import TypeAdapter

from assuage.errors import PlanError
from assuage.head.minors import lines_of
from assuage.plan.course_records import CombinationRecord, CourseRecord
from assuage.plan.records import (
    CoilProposal,
    ElectrodeRecord,
    LeadProposal,
    MontageProposal,
    PhaseRecord,
    PlanRecord,
    TechniqueRecord,
)
from assuage.plan.sessions import GIVEN
from assuage.protocols import draft, load_published
from assuage.protocols.courses import combined_course
from assuage.protocols.draft import evidence_entry, filled
from assuage.protocols.electrodes import SUM_TOLERANCE_A
from assuage.units import M_PER_MM

Content = dict[str, Any]
STATES = {"resting": "rest", "active": "isometric contraction"}
PLACEMENTS = {"feast": "FEAST"}
"""Names of protocol.json where they are not those of the plan without underscores."""


def planned_techniques(record: PlanRecord) -> tuple[str, ...]:
    """Return the techniques of a plan that a protocol can be drafted for; a coil stands for its courses."""
    names = [
        name
        for item in record.techniques
        for name in ([course.technique for course in item.courses] or [item.technique])
        if name in DOSES
    ]
    return (*names, *(item.technique for item in record.combinations))


def draft_protocol(record: PlanRecord, technique: str, *, plan_sha256: str) -> Content:
    """Return a draft of protocol.json for one technique of a plan.

    Parameters
    ----------
    record
        Of the plan.
    technique
        One of `planned_techniques`.
    plan_sha256
        Of its plan.json.

    Raises
    ------
    PlanError
        The plan does not hold the technique; the message lists what it holds.
    """
    name = technique.strip().lower().replace("-", "_")
    known = planned_techniques(record)
    if name not in known:
        raise PlanError(f"the plan holds no {technique!r} to write a protocol of; it holds {', '.join(known)}")
    parts = _parts(record, name)
    over = _common(record, parts, name, plan_sha256)
    if name == "tdcs_rtms":
        both = next(item for item in record.combinations if item.technique == name)
        over["dose"] = _combined(record, both, plan_sha256)
        over["notes"] += [*both.words, f"order, gap and calendar: {both.source}", *both.notes]
    else:
        over["dose"] = DOSES[name](record, parts[0], plan_sha256)
    empty = draft(name)
    if name in COILS:
        over |= _threshold(parts[0], over["dose"])
    return {key: filled(value, over[key]) if key in over else value for key, value in empty.items()}


def _parts(record: PlanRecord, name: str) -> list[TechniqueRecord]:
    by_name = {item.technique: item for item in record.techniques}
    combined = next((item for item in record.combinations if item.technique == name), None)
    if combined is not None:
        return [by_name[part] for part in sorted(combined.parts, key=lambda part: part != "tms")]
    if name in by_name:
        return [by_name[name]]
    return [next(item for item in record.techniques if any(course.technique == name for course in item.courses))]


def _common(record: PlanRecord, parts: list[TechniqueRecord], name: str, plan_sha256: str) -> Content:
    """Return target, device, rule set, evidence and notes."""
    first, target = parts[0], record.target
    rules = record.rule_set
    place: Content = {
        "circuit": None if record.circuit is None else record.circuit.domain,
        "region": target.name,
        "mni_mm": target.center_mni_mm if first.aimed_mm is None else None,
        "subject_mm": first.aimed_mm or target.center_mm,
        "head": f"{record.head.name}, sha256 {record.head.sha256}",
        "placement": " ".join(part.proposal.words for part in parts),
    }
    over: Content = {"header": {"title": f"{_label(record, name)}: {record.title}"}, "target": place}
    if isinstance(first.proposal, CoilProposal):
        coil = first.proposal
        place |= {
            "coil_pose": coil.pose,
            "orientation": f"handle {coil.handle_deg:.0f} degrees from straight back (positive: to the person's left)",
            "coil_scalp_distance_mm": coil.scalp_distance_mm,
            "hair_mm": coil.hair_mm,
        }
        over["device"] = {"coil": _largest(first)}
    if rules is not None:
        over["safety"] = {"rule_set": f"{rules.name} {rules.version}, sha256 {rules.sha256[:12]}"}
    course = _course_of(first, name)
    published = combined_course().published if name == "tdcs_rtms" else "" if course is None else course.published
    if published:
        over["evidence"] = [evidence_entry(load_published(published))]
    over["notes"] = [
        *lines_of(record.head.metadata.get("warnings")),
        f"drafted from a plan: {record.title}, plan.json sha256 {plan_sha256}, assuage {record.provenance.assuage}, "
        f"{record.provenance.created_utc}",
        *(_estimate(part, name) for part in parts),
        *(f"frequency: {part.rhythm.frequency_source}" for part in parts if part.rhythm is not None),
        *(_phase(part.rhythm.phase) for part in parts if part.rhythm is not None and part.rhythm.phase is not None),
    ]
    if course is not None:
        over["notes"] += [f"course as named by the user: {course.given}"] * bool(course.given)
        over["notes"] += [f"{part} of the course: {source}" for part, source in course.sources.items()]
        over["notes"] += list(course.notes)
    return over


def _label(record: PlanRecord, name: str) -> str:
    items: list[TechniqueRecord | CourseRecord | CombinationRecord] = [*record.techniques, *record.combinations]
    items += [course for item in record.techniques for course in item.courses]
    return next(item.label for item in items if item.technique == name)


def _course_of(item: TechniqueRecord, name: str) -> CourseRecord | None:
    return next((course for course in item.courses if course.technique == name), None)


def _largest(item: TechniqueRecord) -> Content:
    """Return the largest dI/dt of the coil, where it is known, with its source."""
    driving, coil = item.driving, item.proposal
    assert isinstance(coil, CoilProposal)
    if driving is not None and driving.max_didt_A_per_s is not None:
        return {"max_didt_A_per_s": driving.max_didt_A_per_s, "max_didt_source": driving.devices_source}
    if coil.coil_max_didt_A_per_s is not None:
        return {"max_didt_A_per_s": coil.coil_max_didt_A_per_s, "max_didt_source": coil.coil_origin}
    return {}


def _estimate(item: TechniqueRecord, name: str) -> str:
    """Say what the model expects in the target."""
    course = _course_of(item, name)
    if course is not None and course.intensity.target_V_per_m is not None:
        field, sd, at = course.intensity.target_V_per_m, course.intensity.sd_V_per_m or 0.0, course.intensity.words
    else:
        field, sd, at = item.dose.magnitude_V_per_m, item.dose.error.combined_sd_V_per_m, item.dose.intensity
    return f"model estimate in the target ({item.dose.quantity}): {field:.3g} +- {sd:.2g} V/m at {at}"


def _phase(phase: PhaseRecord) -> str:
    """Say which phase between two places the electrodes are for."""
    return (
        f"wanted phase of {phase.partner} ({phase.partner_because}) against {phase.region}: {phase.wanted_deg:g} "
        f"degrees; reached {phase.reached_deg:g} +- {phase.spread_deg:g}"
    )


def _json(value: Any) -> Any:
    return TypeAdapter(type(value)).dump_python(value, mode="json", exclude_none=True)


def _coil(record: PlanRecord, item: TechniqueRecord, plan_sha256: str, *, technique: str) -> Content:
    course = _course_of(item, technique)
    assert course is not None
    return {
        "technique": technique,
        "intensity": _intensity(record, course, plan_sha256),
        "session": course.session,
        "course": course.calendar,
    }


def _intensity(record: PlanRecord, course: CourseRecord, plan_sha256: str) -> Content:
    found = course.intensity
    content: Content = {}
    if found.percent_mt is not None and found.way == "percent_mt":
        content |= {"percent_mt": found.percent_mt, "threshold": found.threshold}
    if found.way == "percent_output":
        content["percent_mso"] = found.percent_output
    if found.didt_A_per_s is not None:
        content |= {
            "didt_A_per_s": found.didt_A_per_s,
            "didt_source": found.source,
            "expected_V_per_m": found.target_V_per_m,
            "model_version": f"assuage {record.provenance.assuage}, plan {plan_sha256[:12]}",
        }
    return content


def _threshold(item: TechniqueRecord, dose: Content) -> Content:
    """Return which motor threshold the course needs, and what the plan was told about it where it is that one."""
    driving = item.driving
    intensity = dose.get("rtms", dose)["intensity"]
    content: Content = {"state": STATES.get(intensity.get("threshold", ""))}
    if driving is None or driving.threshold_state is None or "didt_A_per_s" not in intensity:
        return {"threshold": content}
    content["state"] = STATES[driving.threshold_state]
    if driving.threshold_given_as == "percent_output":
        content["percent_mso"] = driving.threshold_percent_output
    if driving.hotspot_way == "measured pose":
        content |= {"pose": driving.hotspot_pose, "hotspot": "measured pose of the coil"}
    return {"threshold": content}


def _montage(_record: PlanRecord, item: TechniqueRecord, _sha: str, *, technique: str) -> Content:
    proposal = item.proposal
    assert isinstance(proposal, MontageProposal)
    content: Content = {
        "technique": technique,
        "electrodes": [_electrode(e) for e in proposal.electrodes],
        **_given_length(item),
    }
    frequencies = {electrode.carrier_Hz for electrode in proposal.electrodes} - {None}
    if len(frequencies) == 1:
        content["frequency_Hz"] = frequencies.pop()
    return content


def _interference(_record: PlanRecord, item: TechniqueRecord, _sha: str) -> Content:
    proposal = item.proposal
    assert isinstance(proposal, MontageProposal)
    carriers = sorted({electrode.carrier_Hz for electrode in proposal.electrodes if electrode.carrier_Hz is not None})
    return {
        "technique": "ti",
        "pairs": [
            {"frequency_Hz": f, "electrodes": [_electrode(e) for e in proposal.electrodes if e.carrier_Hz == f]}
            for f in carriers
        ],
        **_given_length(item),
    }


def _given_length(item: TechniqueRecord) -> Content:
    """Return the length of a session where the user gave it; an example is left for a person to fill."""
    stated = item.currency
    if stated is None or stated.duration_s is None or stated.duration_words != GIVEN:
        return {}
    return {"timing": {"duration_s": stated.duration_s}}


def _electrode(electrode: ElectrodeRecord) -> Content:
    content: Content = {
        "name": electrode.name,
        "current_A": electrode.current_A,
        "center_mm": electrode.center_mm,
        "phase_deg": electrode.phase_deg,
    }
    if electrode.outline is not None:
        content["shape"] = electrode.outline.model_dump(exclude_none=True)
    return content


def _ect(_record: PlanRecord, item: TechniqueRecord, _sha: str) -> Content:
    proposal, known = item.proposal, item.quantities
    assert isinstance(proposal, MontageProposal)
    outline = proposal.electrodes[0].outline
    return {
        "technique": "ect",
        "placement": PLACEMENTS.get(proposal.placement, proposal.placement.replace("_", " ")) or None,
        "electrode": None if outline is None else outline.model_dump(exclude_none=True),
        "current_A": known.get("peak_current_A"),
        "pulse_width_s": known.get("pulse_width_s"),
        "pair_frequency_Hz": known.get("pulse_pair_frequency_Hz"),
        "stimulus_duration_s": known.get("stimulus_duration_s"),
    }


def _mst(record: PlanRecord, item: TechniqueRecord, plan_sha256: str) -> Content:
    proposal, known = item.proposal, item.quantities
    assert isinstance(proposal, CoilProposal)
    intensity: Content = {}
    if "didt_A_per_s" in known:
        intensity = {
            "didt_A_per_s": known["didt_A_per_s"],
            "didt_source": str(known.get("coil_source", proposal.coil_origin)),
            "expected_V_per_m": item.dose.magnitude_V_per_m,
            "model_version": f"assuage {record.provenance.assuage}, plan {plan_sha256[:12]}",
        }
    return {
        "technique": "mst",
        "placement": f"{proposal.coil}: {proposal.words}",
        "pulse": {"width_s": known.get("pulse_width_s")},
        "intensity": intensity,
        "frequency_Hz": known.get("frequency_Hz"),
        "stimulus_duration_s": known.get("stimulus_duration_s"),
    }


def _dbs(record: PlanRecord, item: TechniqueRecord, _sha: str) -> Content:
    proposal, known = item.proposal, item.quantities
    assert isinstance(proposal, LeadProposal)
    driven = [contact for contact in proposal.contacts if contact.current_A != 0]
    contacts: list[Content] = [
        {"name": contact.name, "current_A": contact.current_A, "area_m2": contact.area_mm2 * M_PER_MM**2}
        for contact in driven
    ]
    rest = -sum((Fraction(repr(contact.current_A)) for contact in driven), Fraction(0))
    if abs(rest) > SUM_TOLERANCE_A:
        contacts.append({"name": "case", "current_A": float(rest)})
    return {
        "technique": "dbs",
        "lead": proposal.lead,
        "side": _side(record, proposal.tip_mm),
        "control": "current",
        "contacts": contacts,
        "pulse_width_s": known.get("pulse_width_s"),
        "rate_Hz": known.get("frequency_Hz"),
        "impedance_Ohm": proposal.impedance_Ohm,
    }


def _side(record: PlanRecord, point_mm: tuple[float, float, float]) -> str | None:
    """Return the hemisphere of a point; None for a head without the two points in front of the ears."""
    ears = [np.asarray(record.head.fiducials_mm.get(name, ())) for name in ("LPA", "RPA")]
    if any(ear.size != 3 for ear in ears):
        return None
    left, right = ears
    return "right" if (np.asarray(point_mm) - (left + right) / 2) @ (right - left) > 0 else "left"


def _combined(record: PlanRecord, both: CombinationRecord, plan_sha256: str) -> Content:
    by_name = {item.technique: item for item in record.techniques}
    montage = next(by_name[name] for name in both.parts if name != "tms")
    combined = combined_course()
    calendar = _json(combined.calendar)
    return {
        "technique": both.technique,
        "tdcs": {
            **_montage(record, montage, plan_sha256, technique=montage.technique),
            "timing": {"duration_s": both.tdcs_duration_s},
            "course": calendar,
        },
        "rtms": {**_coil(record, by_name["tms"], plan_sha256, technique=both.course), "course": calendar},
        "order": both.order,
        "gap_s": both.gap_s,
        "gap_at_most_s": both.gap_at_most_s,
        "footprint": {"width_mm": both.footprint_mm[0], "length_mm": both.footprint_mm[1]},
    }


COILS = ("rtms_1hz", "rtms_10hz", "itbs", "ctbs", "snt", "tdcs_rtms")
DOSES: Mapping[str, Callable[[PlanRecord, TechniqueRecord, str], Content]] = {
    **{name: partial(_coil, technique=name) for name in COILS if name != "tdcs_rtms"},
    **{
        name: partial(_montage, technique=name)
        for name in ("tdcs", "hd_tdcs_4x1", "hd_tdcs", "hd_tdcs_focal", "tacs", "hd_tacs")
    },
    "ti": _interference,
    "ect": _ect,
    "mst": _mst,
    "dbs": _dbs,
}
"""Technique to what turns its record into the dose of a protocol."""

"""The lines of the technician's sheet: what a protocol plans, and what is written down beside it."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from assuage.protocols import Protocol
from assuage.protocols.combined import TdcsRtmsPlan
from assuage.protocols.electrodes import TesPlan, TiPlan
from assuage.protocols.implanted import DbsPlan
from assuage.protocols.protocol import coil_intensity
from assuage.protocols.seizure import EctPlan, MstPlan
from assuage.protocols.words import counted, dose_lines, microvolt, setting_words
from assuage.units import A_PER_S_PER_A_PER_US

HANDS = {"right": "right-handed", "left": "left-handed", "both": "uses both hands"}
AS_PLANNED = "as planned: ☐"
PROMPTS = {
    "session": "pulses given:   paused, why:",
    "train": "as planned: ☐   trains given:",
    "duration": "minutes given:   stopped early, why:",
    "current": "mA reached:",
    "pair 1": "mA reached:",
    "pair 2": "mA reached:",
    "impedance": "before / after (kΩ):",
    "charge": "display:",
    "order": "gap (min):",
}
"""What the technician writes down, by the last word of the line's label."""
KEYS = ("session", "electrodes", "duration", "pair 1", "pair 2", "stimulus", "contacts", "train")
"""Lines of the dose that have to be seen first, by the last word of the label."""
SEIZURE_PROMPTS = {
    "electrodes": "impedance (Ω):",
    "stimulus": "as set: ☐   seizure, EEG / motor (s):",
    "train": "as set: ☐   seizure, EEG / motor (s):",
    "threshold": "level, number of stimuli:",
    "anaesthesia": "given:",
}
"""Where a seizure is induced."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line: what, as planned, and what the technician writes down."""

    label: str
    planned: str
    actual: str = ""
    tall: bool = False
    key: bool = False
    """Whether it has to be seen first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """Lines under one heading."""

    title: str
    rows: tuple[Row, ...]


def sections(protocol: Protocol) -> tuple[Section, ...]:
    """Return the lines of the sheet; what the protocol leaves open is blank, for the technician to fill."""
    all_sections = (
        Section(title="Person today", rows=_person(protocol)),
        Section(
            title="Device and motor threshold" if _threshold(protocol) else "Device",
            rows=(*_device(protocol), *_threshold(protocol)),
        ),
        Section(title="Place", rows=_place(protocol)),
        Section(title="Dose", rows=_dose(protocol)),
        Section(title="During and after", rows=(*_conditions(protocol), *_afterwards(protocol))),
    )
    return tuple(section for section in all_sections if section.rows)


def _person(protocol: Protocol) -> tuple[Row, ...]:
    person, consent = protocol.person, protocol.consent
    measures = {
        "head {:g} mm around": person.head_circumference_mm,
        "{:g} mm nasion to inion": person.nasion_inion_mm,
        "{:g} mm between the ears": person.preauricular_mm,
        "{:g} m": person.height_m,
        "{:g} kg": person.weight_kg,
    }
    basics = [f"{person.age_years:g} years", person.sex, HANDS.get(person.handedness or "")]
    basics += [text.format(value) for text, value in measures.items() if value]
    history = [
        ", ".join((*(person.neuro_psychiatric_disorders or ()), *(person.other_medical_conditions or ()))) or "none",
        _named("motor history", person.repetitive_motor_history),
        _screening(protocol),
    ]
    medicines = [
        _join((medicine.name, medicine.dose, medicine.last_taken and f"(last: {medicine.last_taken})"), " ")
        for medicine in person.prescribed_medication or ()
    ]
    agreed = [
        consent.consent_version and f"form {consent.consent_version}",
        consent.assent is not None and f"assent: {_yes(consent.assent)}",
        consent.guardian_consent is not None and f"guardian: {_yes(consent.guardian_consent)}",
        _named("risk reviewed", consent.risk_reviewed_today),
        _named("support", consent.support_contact),
    ]
    return (
        Row(label="Person", planned=_join(basics), actual="code checked: ☐"),
        Row(label="History, screening", planned=_join(history, "; "), actual="done today: ☐   new: ☐ no ☐ yes:"),
        Row(label="Medication", planned=", ".join(medicines) or "none", actual="changed: ☐ no ☐ yes:   last taken:"),
        Row(
            label="CNS-active drugs",
            planned=", ".join(person.cns_active_drugs or ()) or "none",
            actual="alcohol, nicotine, caffeine, sleep (h):",
        ),
        Row(label="Consent, support", planned=_join(agreed, "; "), actual="wellbeing reviewed today by:"),
    )


def _screening(protocol: Protocol) -> str:
    answers = protocol.safety.screening
    if not answers:
        return "screening: no topic answered"
    flagged = [topic.replace("_", " ") for topic, answer in answers.items() if answer != "no"]
    number = Counter(answers.values())["no"]
    return _join([f"screening: {counted(number, 'topic')} answered no", _named("ask about", ", ".join(flagged))], "; ")


def _device(protocol: Protocol) -> tuple[Row, ...]:
    stimulator, coil = protocol.device.stimulator, protocol.device.coil
    rows = [
        Row(
            label="Stimulator",
            planned=_join([f"{stimulator.make} {stimulator.model}", _named("firmware", stimulator.firmware)]),
            actual=_serial(stimulator.serial),
        )
    ]
    if coil is not None and coil_intensity(protocol) is not None:
        most = coil.max_didt_A_per_s and f"at most {coil.max_didt_A_per_s / A_PER_S_PER_A_PER_US:.4g} A/µs"
        parts = [f"{coil.make} {coil.model}", coil.shape, coil.size, _named("handle", coil.handle), coil.cooling, most]
        rows.append(Row(label="Coil", planned=_join(parts), actual=_serial(coil.serial)))
    if protocol.device.recording:
        rows.append(Row(label="Recording", planned=protocol.device.recording, actual=AS_PLANNED))
    return tuple(rows)


def _serial(number: str | None) -> str:
    return f"serial {number}: ☐" if number else "serial:"


def _threshold(protocol: Protocol) -> tuple[Row, ...]:
    threshold = protocol.threshold
    intensity = coil_intensity(protocol)
    if threshold is None or intensity is None or (isinstance(protocol.dose, MstPlan) and intensity.percent_mt is None):
        return ()
    level = "" if threshold.percent_mso is None else f"{float(threshold.percent_mso):g} % of output"
    muscle = [
        threshold.muscle,
        threshold.side,
        threshold.state and f"at {threshold.state}",
        _named("EMG", threshold.emg_electrodes),
    ]
    quiet = [_named("before", threshold.prior_motor_activity), _named("others", threshold.other_muscles_relaxed)]
    how = [
        threshold.method,
        threshold.criterion_V and f"responses above {microvolt(threshold.criterion_V)}",
        threshold.hits,
        threshold.pulses and f"{threshold.pulses} pulses",
        threshold.inter_pulse_interval_s and f"{threshold.inter_pulse_interval_s} apart",
    ]
    return (
        Row(label="Muscle", planned=_join(muscle), actual=AS_PLANNED),
        Row(label="Muscle activity", planned=_join(quiet, "; "), actual=AS_PLANNED),
        Row(label="Method", planned=_join(how), actual="hits / pulses:"),
        Row(
            label="Hotspot, threshold", planned=_join([threshold.hotspot, level], "; "), actual="at:      % of output:"
        ),
    )


def _place(protocol: Protocol) -> tuple[Row, ...]:
    target = protocol.target
    coil = coil_intensity(protocol) is not None
    points = [
        target.mni_mm and f"MNI {_point(target.mni_mm)}",
        target.subject_mm and f"head {_point(target.subject_mm)}",
    ]
    gap = [
        target.coil_scalp_distance_mm is not None and f"{target.coil_scalp_distance_mm:g} mm off the scalp",
        target.hair_mm is not None and f"hair {target.hair_mm:g} mm",
    ]
    place = [target.placement, coil and target.orientation, *(gap if coil else ())]
    rows = [
        Row(label="Target", planned=_join([target.region, *points]), actual=AS_PLANNED),
        Row(label="Placement", planned=_join(place), actual="as planned: ☐ yes ☐ no:", key=True),
        Row(label="Navigation, fidelity", planned=_fidelity(protocol), actual=_fidelity_prompt(protocol)),
    ]
    if coil and target.coil_pose is not None:
        pose = " | ".join(" ".join(f"{value:.6g}" for value in row) for row in target.coil_pose[:3])
        rows.append(Row(label="Coil pose (mm)", planned=f"rows {pose}", actual="loaded: ☐"))
    return tuple(rows)


def _fidelity(protocol: Protocol) -> str:
    fidelity = protocol.fidelity
    allowed = [
        fidelity.tolerance_mm and f"within {fidelity.tolerance_mm:g} mm",
        fidelity.tolerance_deg and f"{fidelity.tolerance_deg:g}°",
        fidelity.least_percent_within and f"at least {fidelity.least_percent_within:g} % of pulses",
    ]
    parts = [protocol.target.navigation, coil_intensity(protocol) and _join(allowed), fidelity.planned]
    return _join(parts, "; ")


def _fidelity_prompt(protocol: Protocol) -> str:
    """Return what is measured of a coil's place, where something tracks it."""
    navigation = protocol.target.navigation
    if coil_intensity(protocol) is None or navigation in {None, "none"}:
        return AS_PLANNED
    return "residual (mm):   mean ± SD (mm, °):   within (%):   untracked:"


def _dose(protocol: Protocol) -> tuple[Row, ...]:
    dose = protocol.dose
    lines = [(label, text) for label, text in dose_lines(dose) if text and label != "Note"]
    if not isinstance(dose, EctPlan):
        lines = [(label, text) for label, text in lines if not label.lower().endswith("charge")]
    current = dose.tdcs if isinstance(dose, TdcsRtmsPlan) else dose
    if isinstance(current, TesPlan | TiPlan) and current.impedance_limit_Ohm is None:
        after = next(k for k, (label, _) in enumerate(lines, start=1) if label.lower().endswith("duration"))
        name = "Impedance" if current is dose else "tDCS, impedance"
        lines.insert(after, (name, "limit not given"))
    rows = [
        Row(label=label, planned=text, actual=_prompt(label, dose), key=label.lower().endswith(KEYS))
        for label, text in lines
    ]
    setting = setting_words(protocol)
    if setting:
        after = next(k for k, row in enumerate(rows, start=1) if row.label.lower().endswith("intensity"))
        rows.insert(after, Row(label="Stimulator set to", planned=setting, actual="% of output:", key=True))
    return tuple(rows)


def _prompt(label: str, dose: object) -> str:
    prompts = PROMPTS | SEIZURE_PROMPTS if isinstance(dose, EctPlan | MstPlan) else PROMPTS
    if isinstance(dose, DbsPlan):
        prompts = PROMPTS | {"impedance": "measured (Ω):"}
    return next((text for key, text in prompts.items() if label.lower().endswith(key)), AS_PLANNED)


def _conditions(protocol: Protocol) -> tuple[Row, ...]:
    conditions, safety, blinding = protocol.conditions, protocol.safety, protocol.blinding
    kept = [conditions.attention, conditions.activity, conditions.skin_preparation, conditions.electrode_fixation]
    rows = [Row(label="Attention, activity", planned=_join(kept, "; "), actual=AS_PLANNED)]
    if blinding.design != "open":
        rows.append(
            Row(
                label="Blinding",
                planned=_join([blinding.design, _named("sham", blinding.sham)], "; "),
                actual="group not revealed: ☐",
            )
        )
    if safety.hearing_protection is not None and coil_intensity(protocol) is not None:
        level = safety.hearing_attenuation_decibel
        planned = _join([_yes(safety.hearing_protection), level and f"{level:g} dB"])
        rows.insert(0, Row(label="Hearing protection", planned=planned, actual="person: ☐   nearby: ☐"))
    stop = [*(safety.stop_criteria or ()), _named("call", safety.emergency_contact)]
    rows.append(Row(label="Stop if", planned=_join(stop, "; "), actual="met: ☐ no ☐ yes:", key=True))
    return tuple(rows)


def _afterwards(protocol: Protocol) -> tuple[Row, ...]:
    method, notes = protocol.safety.adverse_events_method or "", "; ".join(protocol.notes)
    return (
        Row(label="Adverse events", planned=method, actual="☐ none   what, severity, related:", tall=True),
        Row(label="Deviations, notes", planned=notes, actual="what, why, next appointment:", tall=True),
    )


def _join(parts: Iterable[Any], between: str = ", ") -> str:
    return between.join(str(part) for part in parts if part)


def _named(name: str, text: str | None) -> str:
    return f"{name}: {text}" if text else ""


def _yes(value: bool) -> str:
    return "yes" if value else "no"


def _point(point: Sequence[float]) -> str:
    return f"({', '.join(f'{value:g}' for value in point)}) mm"

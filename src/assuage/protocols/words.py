"""A dose in words that a technician can follow: the same for the sheet, the checklists, and the command line."""

from fractions import Fraction
from functools import singledispatch
from typing import Any

from assuage.protocols.coil import CoilPlan, CoilPulse, Intensity
from assuage.protocols.combined import NOT_ADDITIVE, TdcsRtmsPlan
from assuage.protocols.course import Course, Phase, Session
from assuage.protocols.electrodes import (
    ElectrodeShape,
    PlannedElectrode,
    TesPlan,
    Timing,
    TiPlan,
    peak_total_A,
    total_A,
)
from assuage.protocols.exact import show
from assuage.protocols.implanted import ContactSetting, DbsPlan
from assuage.protocols.protocol import Protocol, coil_intensity, planned_percent_mso
from assuage.protocols.seizure import EctPlan, MstPlan
from assuage.units import A_PER_MA, A_PER_S_PER_A_PER_US, V_PER_UV

TECHNIQUES = {
    "tms": "rTMS",
    "rtms_1hz": "rTMS, 1 Hz",
    "rtms_10hz": "rTMS, 10 Hz",
    "itbs": "intermittent theta burst (iTBS)",
    "ctbs": "continuous theta burst (cTBS)",
    "snt": "SNT (iTBS, several sessions a day)",
    "tdcs": "tDCS",
    "hd_tdcs_4x1": "HD-tDCS, 4x1 ring",
    "hd_tdcs": "HD-tDCS, optimised",
    "hd_tdcs_focal": "HD-tDCS, optimised for focality",
    "tacs": "tACS",
    "hd_tacs": "HD-tACS",
    "ti": "temporal interference",
    "ect": "ECT",
    "mst": "MST",
    "dbs": "deep brain stimulation",
    "tdcs_rtms": "tDCS and rTMS",
}

ORDER = {"tdcs first": "tDCS first", "rtms first": "rTMS first"}

Lines = tuple[tuple[str, str], ...]
"""Label and text."""

SECONDS_SHOWN_BELOW = 120
MINUTES_SHOWN_BELOW = 7200


def time_words(seconds: Fraction) -> str:
    """Return a time as people say it, without rounding: "8 s", "3 min 12 s", "1 h 40 min"."""
    if seconds < SECONDS_SHOWN_BELOW:
        return f"{show(seconds)} s"
    minutes, rest = divmod(seconds, 60)
    if seconds < MINUTES_SHOWN_BELOW:
        return f"{minutes} min" + (f" {show(rest)} s" if rest else "")
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h" + (f" {minutes} min" if minutes else "") + (f" {show(rest)} s" if rest else "")


def counted(number: int, noun: str) -> str:
    """Return a number with its noun: "1 day", "2 days"."""
    return f"{number} {noun}" + ("" if number == 1 else "s")


def milliampere(value_A: Fraction | float) -> str:
    """Return a current in mA."""
    return f"{float(value_A) / A_PER_MA:.6g} mA"


def microvolt(value_V: float) -> str:
    """Return the size of a response in µV."""
    return f"{value_V / V_PER_UV:.4g} µV"


@singledispatch
def dose_lines(dose: Any) -> Lines:
    """Return the dose of one session, line by line."""
    raise TypeError(f"{type(dose).__name__} is no dose plan")


@dose_lines.register
def _coil(dose: CoilPlan) -> Lines:
    return (("Intensity", intensity_words(dose.intensity)), *_session(dose.session), ("Pulse", pulse_words(dose.pulse)))


@dose_lines.register
def _tes(dose: TesPlan) -> Lines:
    if not dose.alternating:
        wave = f"direct current, {milliampere(total_A(dose.electrodes))} in total"
    else:
        frequency = f"{show(dose.frequency_Hz)} Hz" if dose.frequency_Hz else f"frequency: {dose.frequency_rule}"
        offset = f", offset {milliampere(dose.offset_A)}" if dose.offset_A else ""
        wave = f"sine, {frequency}, {milliampere(peak_total_A(dose.electrodes))} zero to peak{offset}"
    charge = (
        () if dose.alternating else (("Charge", f"{show(total_A(dose.electrodes) * dose.timing.full_current_s)} C"),)
    )
    return (
        ("Current", wave),
        ("Electrodes", electrode_words(dose.electrodes)),
        ("Duration", timing_words(dose.timing)),
        *charge,
        *_impedance(dose.impedance_limit_Ohm),
    )


@dose_lines.register
def _ti(dose: TiPlan) -> Lines:
    pairs = tuple(
        (
            f"Pair {k}",
            f"{show(pair.frequency_Hz)} Hz, {milliampere(pair.current_A)}: {electrode_words(pair.electrodes)}",
        )
        for k, pair in enumerate(dose.pairs, start=1)
    )
    return (
        *pairs,
        ("Envelope", f"{show(dose.difference_frequency_Hz)} Hz"),
        ("Duration", timing_words(dose.timing)),
        *_impedance(dose.impedance_limit_Ohm),
    )


@dose_lines.register
def _ect(dose: EctPlan) -> Lines:
    of_threshold = f", {show(dose.times_threshold)} times the seizure threshold" if dose.times_threshold else ""
    return (
        ("Electrodes", f"{dose.placement}, {shape_words(dose.electrode)}"),
        ("Stimulus", f"{milliampere(dose.current_A)}, pulse width {show(dose.pulse_width_s * 1000)} ms, "
         f"{show(dose.pair_frequency_Hz)} pulse pairs per second for {show(dose.stimulus_duration_s)} s"),
        ("Charge", f"{show(dose.charge_C * 1000)} mC{of_threshold}"),
        ("Threshold", dose.threshold_method or ""),
        ("Anaesthesia", dose.anaesthesia or ""),
    )  # fmt: skip


@dose_lines.register
def _mst(dose: MstPlan) -> Lines:
    return (
        ("Coil placement", dose.placement),
        ("Intensity", intensity_words(dose.intensity)),
        ("Train", f"{show(dose.frequency_Hz)} Hz for {show(dose.stimulus_duration_s)} s: {show(dose.pulses)} pulses"),
        ("Pulse", pulse_words(dose.pulse)),
        ("Threshold", dose.threshold_method or ""),
        ("Anaesthesia", dose.anaesthesia or ""),
    )


@dose_lines.register
def _dbs(dose: DbsPlan) -> Lines:
    impedance = f"{show(dose.impedance_Ohm)} Ohm" if dose.impedance_Ohm else "to be measured"
    return (
        ("Lead", f"{dose.lead}, {dose.side}"),
        ("Contacts", "; ".join(_contact(contact) for contact in dose.contacts)),
        ("Pulse", f"{show(dose.pulse_width_s * 10**6)} µs at {show(dose.rate_Hz)} Hz, {dose.control} control"),
        ("Impedance", impedance),
        ("Cycling", dose.cycling or "continuous"),
    )


@dose_lines.register
def _combined(dose: TdcsRtmsPlan) -> Lines:
    gap = "at the same time"
    if dose.gap_s is not None:
        most = f" to {time_words(dose.gap_at_most_s)}" if dose.gap_at_most_s else ""
        gap = f"{ORDER[dose.order]}, {time_words(dose.gap_s)}{most} between them"
    on = "stay on" if dose.electrodes_stay_on else "off"
    under = f"; {dose.under_coil_reason}" if dose.under_coil_reason else ""
    return (
        ("Order", f"{gap}; electrodes {on} during rTMS{under}"),
        *((f"tDCS, {label.lower()}", text) for label, text in dose_lines(dose.tdcs)),
        *((f"rTMS, {label.lower()}", text) for label, text in dose_lines(dose.rtms)),
        ("Note", NOT_ADDITIVE),
    )


def schedule_words(dose: Any) -> str:
    """Return the calendar of a dose; "" for implants."""
    if isinstance(dose, DbsPlan):
        return ""
    coil = dose.rtms if isinstance(dose, TdcsRtmsPlan) else dose
    course: Course = coil.course
    parts = ", then ".join(_phase(phase) for phase in course.phases)
    pulses = f", {course.sessions * coil.session.pulses} pulses in all" if isinstance(coil, CoilPlan) else ""
    least = f"; pauses of at least {time_words(course.minimum_interval_s)}" if course.minimum_interval_s else ""
    return f"{parts}: {counted(course.sessions, 'session')}{pulses}{least}"


def intensity_words(intensity: Intensity) -> str:
    """Return an intensity in every unit that is known."""
    parts = []
    if intensity.percent_mt is not None:
        parts.append(f"{show(intensity.percent_mt)} % of the {intensity.threshold} motor threshold")
    if intensity.percent_mso is not None:
        parts.append(f"{show(intensity.percent_mso)} % of the stimulator's output")
    if intensity.didt_A_per_s is not None:
        parts.append(f"{float(intensity.didt_A_per_s) / A_PER_S_PER_A_PER_US:.4g} A/µs ({intensity.didt_source})")
    if intensity.expected_V_per_m is not None:
        parts.append(f"{intensity.expected_V_per_m:.3g} V/m expected ({intensity.model_version})")
    if intensity.escalation:
        parts.append(intensity.escalation)
    return "; ".join(parts)


def setting_words(protocol: Protocol) -> str:
    """Return what the stimulator is set to; "" without a coil."""
    if coil_intensity(protocol) is None:
        return ""
    setting = planned_percent_mso(protocol)
    return "from the threshold of the day" if setting is None else f"{show(setting)} % of its output"


def pulse_words(pulse: CoilPulse) -> str:
    """Return the waveform of a coil pulse."""
    width = f"{show(pulse.width_s * 10**6)} µs" if pulse.width_s else ""
    current = f"induced current {pulse.induced_current}" if pulse.induced_current else ""
    return ", ".join(part for part in (pulse.shape or "", width, current) if part)


def electrode_words(electrodes: tuple[PlannedElectrode, ...]) -> str:
    """Return a montage with its highest mean density; electrodes of one shape and medium share its description."""
    density = f"at most {max(electrode.density_A_per_m2 for electrode in electrodes):.3g} A/m²"
    parts = []
    for electrode in electrodes:
        phase = f" at {show(electrode.phase_deg)}°" if electrode.phase_deg else ""
        parts.append(f"{electrode.name} {float(electrode.current_A) / A_PER_MA:+.6g} mA{phase}")
    kinds = list(dict.fromkeys(f"{shape_words(e.shape)}{f', {e.medium}' if e.medium else ''}" for e in electrodes))
    if len(kinds) == 1:
        return f"{', '.join(parts)} (each {kinds[0]}; {density})"
    shapes = ", ".join(f"{part} ({shape_words(e.shape)})" for part, e in zip(parts, electrodes, strict=True))
    return f"{shapes}; {density}"


def shape_words(shape: ElectrodeShape) -> str:
    """Return an outline with its size and area."""
    size = {
        "disc": f"disc of {shape.radius_mm} mm radius",
        "pad": f"pad of {shape.width_mm} x {shape.height_mm} mm",
        "ring": f"ring of {shape.inner_mm} to {shape.outer_mm} mm radius",
    }[shape.kind]
    return size.replace(".0 ", " ")


def timing_words(timing: Timing) -> str:
    """Return the time at full current and the ramps."""
    ramps = f"{show(timing.ramp_up_s)} s up, {show(timing.ramp_down_s)} s down"
    return f"{time_words(timing.duration_s)} at full current, ramps {ramps}"


def _session(session: Session) -> Lines:
    train = session.train
    if train.burst.pulses == 1:
        rate = f"{show(train.burst_rate_Hz)} Hz"
    else:
        within = f"{train.burst.pulses} at {show(train.burst.frequency_Hz or 0)} Hz"
        rate = f"bursts of {within}, {show(train.burst_rate_Hz)} bursts a second"
    pause = session.inter_train_interval_s
    trains = "1 train" if pause is None else f"{session.trains} trains, {time_words(pause)} between them"
    return (
        ("Train", f"{rate}, {train.pulses} pulses in {time_words(train.duration_s)}"),
        ("Session", f"{trains}: {session.pulses} pulses in {time_words(session.duration_s)}"),
    )


def _phase(phase: Phase) -> str:
    week = f" ({phase.days_per_week} a week)" if phase.days_per_week else ""
    pause = phase.day.session_interval_s
    sessions = (
        "1 session a day" if pause is None else f"{phase.day.sessions} sessions a day, {time_words(pause)} apart,"
    )
    return f"{sessions} on {counted(phase.days, 'day')}{week}"


def _contact(contact: ContactSetting) -> str:
    if contact.current_A is not None:
        return f"{_named(contact.name)}: {float(contact.current_A) / A_PER_MA:+.6g} mA"
    return f"{_named(contact.name)}: {float(contact.voltage_V or 0):+.6g} V"


def _named(contact: str) -> str:
    return f"contact {contact}" if contact[:1].isdigit() else contact


def _impedance(limit_Ohm: Fraction | None) -> Lines:
    return () if limit_Ohm is None else (("Impedance", f"at most {show(limit_Ohm / 1000)} kOhm"),)

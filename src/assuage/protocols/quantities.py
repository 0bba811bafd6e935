"""A protocol as the flat mapping of quantities that cited limits are held against: SI, percent and counts as they are.

What is not known is absent, never guessed. Of several values the one that a limit judges most strictly stands: the
largest current, density, charge and number of sessions a day, the shortest pause between sessions, the lowest carrier
frequency, the shorter ramp.

| quantity | says |
|---|---|
| `frequency_Hz` | rate of single pulses in a train, of alternating current, of MST or DBS; absent for theta burst |
| `duration_s` | one session: coil, first train to the end of the last; current, at full current without ramps |
| `charge_C` | direct current: with half of both ramps; ECT: I PW 2 f T |
| `motor_threshold` | "resting" or "active": what `intensity_percent_mt` is a percentage of |
| `alternating` | 1 for an alternating current, also where its frequency is each person's own |
| `total_current_A`, `peak_current_A` (alternating) | largest that enters the head at any moment, with its offset |

In the combination of tDCS and rTMS, `duration_s` and what belongs to currents come from tDCS, trains and pulses from
rTMS.
"""

from functools import singledispatch
from typing import Any

from assuage.protocols.coil import CoilPlan, Intensity
from assuage.protocols.combined import TdcsRtmsPlan
from assuage.protocols.course import Course
from assuage.protocols.electrodes import ALTERNATING, PlannedElectrode, TesPlan, Timing, TiPlan, peak_total_A, total_A
from assuage.protocols.implanted import DbsPlan, density_C_per_m2, shannon_k
from assuage.protocols.protocol import Protocol, coil_intensity, planned_percent_mso
from assuage.protocols.seizure import EctPlan, MstPlan

Quantities = dict[str, float | str]


def quantities(protocol: Protocol) -> Quantities:
    """Return what is known of a protocol, by the names that safety rules use.

    Screening answers are `screen_<topic>` with "yes", "no" or "unknown".
    """
    found: dict[str, Any] = {"technique": protocol.technique, "age_years": protocol.person.age_years}
    found |= dose_quantities(protocol.dose)
    found["output_percent_mso"] = planned_percent_mso(protocol)
    coil, intensity = protocol.device.coil, coil_intensity(protocol)
    if intensity is not None:
        found["motor_threshold"] = None if intensity.percent_mt is None else intensity.threshold
        found["hearing_protection"] = protocol.safety.hearing_protection
        if coil is not None and coil.max_didt_A_per_s is not None:
            found["coil_max_didt_A_per_s"] = coil.max_didt_A_per_s
            found["coil_source"] = coil.max_didt_source or f"{coil.make} {coil.model}, source not stated"
    found |= {f"screen_{topic}": answer for topic, answer in protocol.safety.screening.items()}
    return {key: value if isinstance(value, str) else float(value) for key, value in found.items() if value is not None}


@singledispatch
def dose_quantities(dose: Any) -> dict[str, Any]:
    """Return what follows from the dose plan alone; None where a value is not known."""
    raise TypeError(f"{type(dose).__name__} is no dose plan")


@dose_quantities.register
def _coil(dose: CoilPlan) -> dict[str, Any]:
    session, train = dose.session, dose.session.train
    burst = train.burst
    bursting = burst.pulses > 1
    return {
        **_intensity(dose.intensity),
        **_calendar(dose.course),
        "pulse_width_s": dose.pulse.width_s,
        "frequency_Hz": None if bursting else train.burst_rate_Hz,
        "pulses_per_burst": burst.pulses if bursting else None,
        "burst_frequency_Hz": burst.frequency_Hz,
        "burst_rate_Hz": train.burst_rate_Hz if bursting else None,
        "pulses_per_train": train.pulses,
        "train_duration_s": train.duration_s,
        "inter_train_interval_s": session.inter_train_interval_s,
        "trains_per_session": session.trains,
        "pulses_per_session": session.pulses,
        "pulses_per_day": dose.course.most_sessions_per_day * session.pulses,
        "pulses_in_course": dose.course.sessions * session.pulses,
        "duration_s": session.duration_s,
        "duration_per_day_s": dose.course.most_sessions_per_day * session.duration_s,
    }


@dose_quantities.register
def _tes(dose: TesPlan) -> dict[str, Any]:
    found = _scalp(dose.electrodes, dose.timing, dose.course)
    if dose.technique in ALTERNATING:
        peak = peak_total_A(dose.electrodes) + abs(float(dose.offset_A or 0))
        wave = {"alternating": 1.0, "frequency_Hz": dose.frequency_Hz}
        return found | wave | {"total_current_A": peak, "peak_current_A": peak}
    total = total_A(dose.electrodes)
    return found | {"total_current_A": total, "charge_C": total * dose.timing.full_current_s}


@dose_quantities.register
def _ti(dose: TiPlan) -> dict[str, Any]:
    return _scalp(dose.electrodes, dose.timing, dose.course) | {
        "total_current_A": sum(pair.current_A for pair in dose.pairs),
        "current_per_pair_A": max(pair.current_A for pair in dose.pairs),
        "peak_current_A": max(pair.current_A for pair in dose.pairs),
        "alternating": 1.0,
        "carrier_frequency_Hz": min(pair.frequency_Hz for pair in dose.pairs),
        "difference_frequency_Hz": dose.difference_frequency_Hz,
    }


@dose_quantities.register
def _ect(dose: EctPlan) -> dict[str, Any]:
    return {
        **_calendar(dose.course),
        "peak_current_A": dose.current_A,
        "pulse_width_s": dose.pulse_width_s,
        "pulse_pair_frequency_Hz": dose.pair_frequency_Hz,
        "stimulus_duration_s": dose.stimulus_duration_s,
        "charge_C": dose.charge_C,
        "impedance_Ohm": dose.impedance_Ohm,
    }


@dose_quantities.register
def _mst(dose: MstPlan) -> dict[str, Any]:
    return {
        **_intensity(dose.intensity),
        **_calendar(dose.course),
        "pulse_width_s": dose.pulse.width_s,
        "frequency_Hz": dose.frequency_Hz,
        "stimulus_duration_s": dose.stimulus_duration_s,
        "pulses_per_train": dose.pulses,
        "trains_per_session": 1,
        "pulses_per_session": dose.pulses,
        "pulses_in_course": dose.pulses * dose.course.sessions,
    }


@dose_quantities.register
def _dbs(dose: DbsPlan) -> dict[str, Any]:
    amplitude = dose.largest_amplitude_A
    driven = [contact for contact in dose.implanted if dose.amplitude_A(contact) != 0]
    voltages = [abs(contact.voltage_V) for contact in dose.implanted if contact.voltage_V is not None]
    areas = [contact.area_m2 for contact in driven if contact.area_m2 is not None]
    return {
        "amplitude_A": amplitude,
        "pulse_width_s": dose.pulse_width_s,
        "frequency_Hz": dose.rate_Hz,
        "charge_per_phase_C": None if amplitude is None else amplitude * dose.pulse_width_s,
        "charge_density_per_phase_C_per_m2": _largest(density_C_per_m2(dose, c) for c in driven),
        "shannon_k": _largest(shannon_k(dose, c) for c in driven),
        "contact_area_m2": min(areas) if areas and len(areas) == len(driven) else None,
        "impedance_Ohm": dose.impedance_Ohm,
        "voltage_V": max(voltages, default=None),
    }


@dose_quantities.register
def _combined(dose: TdcsRtmsPlan) -> dict[str, Any]:
    current, coil = dose_quantities(dose.tdcs), dose_quantities(dose.rtms)
    return coil | current


def _intensity(intensity: Intensity) -> dict[str, Any]:
    return {"intensity_percent_mt": intensity.percent_mt, "didt_A_per_s": intensity.didt_A_per_s}


def _calendar(course: Course) -> dict[str, Any]:
    pauses = [phase.day.session_interval_s for phase in course.phases if phase.day.session_interval_s is not None]
    return {
        "sessions_per_day": course.most_sessions_per_day,
        "session_interval_s": min(pauses, default=None),
        "days": course.days,
        "sessions_in_course": course.sessions,
    }


def _scalp(electrodes: tuple[PlannedElectrode, ...], timing: Timing, course: Course) -> dict[str, Any]:
    density = max(electrode.density_A_per_m2 for electrode in electrodes)
    return {
        **_calendar(course),
        "current_per_electrode_A": max(abs(electrode.current_A) for electrode in electrodes),
        "skin_density_A_per_m2": density,
        "skin_charge_density_C_per_m2": density * float(timing.full_current_s),
        "ramp_s": min(timing.ramp_up_s, timing.ramp_down_s),
        "duration_s": timing.duration_s,
        "duration_per_day_s": course.most_sessions_per_day * timing.duration_s,
    }


def _largest(values: Any) -> float | None:
    """Return the largest value; None where one of them is not known."""
    found = list(values)
    return None if not found or None in found else max(found)

"""What a protocol is made of: known quantities, their units, and those that follow from others.

| quantity | follows from |
|---|---|
| total_current_A | the largest of current_per_electrode_A, current_per_pair_A, peak_current_A |
| peak_current_A (tACS) | total_current_A |
| alternating | frequency_Hz (tACS), carrier_frequency_Hz (interference); 0 where the technique is direct current |
| charge_C (current through the scalp) | total_current_A duration_s |
| charge_C (ECT) | peak_current_A pulse_width_s 2 pulse_pair_frequency_Hz stimulus_duration_s |
| duration_per_day_s | duration_s sessions_per_day |
| skin_charge_density_C_per_m2 | skin_density_A_per_m2 duration_s |
| pulses_per_train | frequency_Hz train_duration_s (MST: stimulus_duration_s) |
| pulses_per_train (theta burst) | pulses_per_burst burst_rate_Hz train_duration_s |
| pulses_per_session, pulses_per_day, pulses_in_course | the next shorter count times trains or sessions |
| charge_per_phase_C | amplitude_A pulse_width_s |
| charge_density_per_phase_C_per_m2 | charge_per_phase_C / contact_area_m2 |
| shannon_k | log10(D / (uC/cm^2)) + log10(Q / uC), D charge density and Q charge of one phase (Shannon 1992) |
| pulses_that_fit | frequency_Hz train_duration_s + 1 (MST: stimulus_duration_s) |
| session_length_s (coil alone) | trains of a session and the pauses between them |
| sessions_that_fit | days sessions_per_day |
| pauses_of_a_day_s | (sessions_per_day - 1) session_interval_s |

Where a quantity is given and also follows from others, the larger value is the one that is judged: a protocol that
contradicts itself cannot gain by it. The last four only show such a contradiction.

Percent of which motor threshold: `intensity_percent_mt` with the text `motor_threshold` ("resting" or "active"), or
`intensity_percent_resting_mt` and `intensity_percent_active_mt` themselves. Where it is not said, both readings are
judged and neither can keep to a limit.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from assuage.errors import DataError
from assuage.units import A_PER_MA, A_PER_S_PER_A_PER_US, C_PER_MC, C_PER_UC, M2_PER_CM2, S_PER_MIN, S_PER_MS, S_PER_US

UNITS: dict[str, tuple[str, float]] = {
    "A": ("current", 1.0),
    "mA": ("current", A_PER_MA),
    "s": ("time", 1.0),
    "min": ("time", S_PER_MIN),
    "ms": ("time", S_PER_MS),
    "us": ("time", S_PER_US),
    "C": ("charge", 1.0),
    "mC": ("charge", C_PER_MC),
    "uC": ("charge", C_PER_UC),
    "A/m^2": ("current density", 1.0),
    "mA/cm^2": ("current density", A_PER_MA / M2_PER_CM2),
    "C/m^2": ("charge density", 1.0),
    "uC/cm^2": ("charge density", C_PER_UC / M2_PER_CM2),
    "A/us": ("rate of current", A_PER_S_PER_A_PER_US),
    "Hz": ("frequency", 1.0),
    "% MT": ("motor threshold", 1.0),
    "% MSO": ("output", 1.0),
    "pulses": ("count", 1.0),
    "trains": ("count", 1.0),
    "sessions": ("count", 1.0),
    "days": ("count", 1.0),
    "topics": ("count", 1.0),
    "years": ("age", 1.0),
    "given": ("answer", 1.0),
    "yes": ("answer", 1.0),
    "Ohm": ("resistance", 1.0),
    "V": ("voltage", 1.0),
    "m^2": ("area", 1.0),
    "k": ("Shannon k", 1.0),
}
"""Dimension and SI value of every unit that a rule or a verdict may use."""

QUANTITIES: dict[str, str] = {
    "age_years": "years",
    "intensity_percent_mt": "% MT",
    "intensity_percent_resting_mt": "% MT",
    "intensity_percent_active_mt": "% MT",
    "output_percent_mso": "% MSO",
    "didt_A_per_s": "A/us",
    "coil_max_didt_A_per_s": "A/us",
    "frequency_Hz": "Hz",
    "pulses_per_burst": "pulses",
    "burst_frequency_Hz": "Hz",
    "burst_rate_Hz": "Hz",
    "train_duration_s": "s",
    "inter_train_interval_s": "s",
    "pulses_per_train": "pulses",
    "pulses_that_fit": "pulses",
    "trains_per_session": "trains",
    "pulses_per_session": "pulses",
    "pulses_per_day": "pulses",
    "sessions_per_day": "sessions",
    "session_interval_s": "min",
    "session_length_s": "min",
    "pauses_of_a_day_s": "min",
    "days": "days",
    "sessions_that_fit": "sessions",
    "sessions_in_course": "sessions",
    "pulses_in_course": "pulses",
    "duration_s": "min",
    "duration_per_day_s": "min",
    "hearing_protection": "given",
    "total_current_A": "mA",
    "current_per_electrode_A": "mA",
    "current_per_pair_A": "mA",
    "peak_current_A": "mA",
    "alternating": "given",
    "charge_C": "C",
    "skin_density_A_per_m2": "mA/cm^2",
    "skin_charge_density_C_per_m2": "C/m^2",
    "brain_density_A_per_m2": "A/m^2",
    "ramp_s": "s",
    "carrier_frequency_Hz": "Hz",
    "difference_frequency_Hz": "Hz",
    "pulse_width_s": "us",
    "pulse_pair_frequency_Hz": "Hz",
    "stimulus_duration_s": "s",
    "amplitude_A": "mA",
    "charge_per_phase_C": "uC",
    "charge_density_per_phase_C_per_m2": "uC/cm^2",
    "shannon_k": "k",
    "contact_area_m2": "m^2",
    "impedance_Ohm": "Ohm",
    "voltage_V": "V",
}
"""Every known quantity, with the unit in which it is shown where no rule names one."""

SIGNED = frozenset({"shannon_k"})
POSITIVE = frozenset({"contact_area_m2"})
SCREEN = "screen_"
ANSWERS = ("yes", "no", "unknown")
YES_NO = {"yes": 1.0, "no": 0.0}
FLAGS = frozenset({"hearing_protection", "alternating"})
THRESHOLDS = {"resting": "intensity_percent_resting_mt", "active": "intensity_percent_active_mt"}
"""State of the muscle at the motor threshold, and the intensity in percent of it."""


def to_shown(value_si: float, unit: str) -> float:
    """Convert a value from SI to a unit of `UNITS`."""
    return value_si / UNITS[unit][1]


def to_si(value: float, unit: str) -> float:
    """Convert a value in a unit of `UNITS` to SI."""
    return value * UNITS[unit][1]


def read_values(protocol: Mapping[str, Any]) -> dict[str, float]:
    """Return the numbers of a protocol, SI.

    Raises
    ------
    DataError
        A known quantity that is no number, or a number that is not finite or below 0.
    """
    values: dict[str, float] = {}
    for key, value in protocol.items():
        is_label = key not in QUANTITIES and isinstance(value, str | bool)
        if value is None or is_label or key.startswith(SCREEN):
            continue
        number = _yes_no(key, value) if key in FLAGS else _number(key, value)
        if number is not None:
            values[key] = number
    return values


def read_answers(protocol: Mapping[str, Any]) -> dict[str, str]:
    """Return the screening answers of a protocol by topic: "yes", "no" or "unknown".

    Raises
    ------
    DataError
        Another answer.
    """
    answers = {}
    for key, value in protocol.items():
        if not key.startswith(SCREEN) or value is None:
            continue
        if value not in ANSWERS:
            raise DataError(f"{key} = {value!r}; a screening answer is one of {', '.join(ANSWERS)}")
        answers[key.removeprefix(SCREEN)] = str(value)
    return answers


def by_threshold(given: Mapping[str, float], which: Any) -> tuple[dict[str, float], frozenset[str]]:
    """Return the intensities by the motor threshold they refer to, and which of them are one reading of two.

    Parameters
    ----------
    given
        Quantities of a protocol.
    which
        Its `motor_threshold`: "resting", "active", or None where it does not say.

    Raises
    ------
    DataError
        Another threshold.
    """
    if which is not None and which not in THRESHOLDS:
        raise DataError(f"motor_threshold = {which!r}; it is one of {', '.join(THRESHOLDS)}")
    found = {name: given[name] for name in THRESHOLDS.values() if name in given}
    amount = given.get("intensity_percent_mt")
    if amount is None:
        return found | ({"intensity_percent_mt": max(found.values())} if found else {}), frozenset()
    names = [THRESHOLDS[which]] if which else list(THRESHOLDS.values())
    unsure = frozenset() if which else frozenset(names) - found.keys()
    return found | {name: max(amount, found.get(name, amount)) for name in names}, unsure


def _yes_no(key: str, value: Any) -> float | None:
    if value == "unknown":
        return None
    if isinstance(value, str) and value in YES_NO:
        return YES_NO[value]
    if isinstance(value, bool) or (isinstance(value, int | float) and value in {0, 1}):
        return float(value)
    raise DataError(f"{key} = {value!r}; it is true or false, or one of {', '.join(ANSWERS)}")


def _number(key: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise DataError(f"{key} = {value!r} is not a number; write it in SI, without a unit (0.002 for 2 mA)")
    number = float(value)
    if not math.isfinite(number) or (number < 0 and key not in SIGNED):
        raise DataError(f"{key} = {value}; a protocol value is a finite number of 0 or more")
    if number == 0 and key in POSITIVE:
        raise DataError(f"{key} = 0; leave out what is not known")
    return number


@dataclass(frozen=True, slots=True)
class Derivation:
    """One quantity that follows from others, for the techniques named (empty: all)."""

    quantity: str
    inputs: tuple[str, ...]
    formula: Callable[..., float | None]
    techniques: frozenset[str] = frozenset()


def _product(*factors: float) -> float:
    return math.prod(factors)


def _shannon_k(density_C_per_m2: float, charge_C: float) -> float | None:
    density, charge = to_shown(density_C_per_m2, "uC/cm^2"), to_shown(charge_C, "uC")
    return math.log10(density) + math.log10(charge) if density > 0 and charge > 0 else None


def _with_pauses(trains: float, train_s: float, pause_s: float) -> float:
    return trains * train_s + max(trains - 1, 0.0) * pause_s


_DIRECT = frozenset({"tdcs", "hd_tdcs", "hd_tdcs_4x1", "hd_tdcs_focal", "tdcs_rtms"})
_TACS, _TI = frozenset({"tacs", "hd_tacs"}), frozenset({"ti"})
_SCALP = _DIRECT | _TACS | _TI
_TRAINS = frozenset({"tms", "rtms_1hz", "rtms_10hz", "tdcs_rtms"})
_BURSTS = frozenset({"itbs", "ctbs", "snt"})
_ECT, _MST = frozenset({"ect"}), frozenset({"mst"})

DERIVATIONS = (
    Derivation("total_current_A", ("current_per_electrode_A",), _product, _SCALP),
    Derivation("total_current_A", ("current_per_pair_A",), _product, _SCALP),
    Derivation("total_current_A", ("peak_current_A",), _product, _SCALP),
    Derivation("peak_current_A", ("total_current_A",), _product, _TACS),
    Derivation("alternating", ("frequency_Hz",), lambda frequency: float(frequency > 0), _TACS),
    Derivation("alternating", ("carrier_frequency_Hz",), lambda frequency: float(frequency > 0), _TI),
    Derivation("charge_C", ("total_current_A", "duration_s"), _product, _SCALP),
    Derivation(
        "charge_C",
        ("peak_current_A", "pulse_width_s", "pulse_pair_frequency_Hz", "stimulus_duration_s"),
        lambda current, width, pairs, duration: 2 * current * width * pairs * duration,
        _ECT,
    ),
    Derivation("duration_per_day_s", ("duration_s", "sessions_per_day"), _product),
    Derivation("skin_charge_density_C_per_m2", ("skin_density_A_per_m2", "duration_s"), _product),
    Derivation("pulses_per_train", ("frequency_Hz", "train_duration_s"), _product, _TRAINS),
    Derivation("pulses_per_train", ("frequency_Hz", "stimulus_duration_s"), _product, _MST),
    Derivation("pulses_per_train", ("pulses_per_burst", "burst_rate_Hz", "train_duration_s"), _product),
    Derivation("pulses_per_session", ("pulses_per_train", "trains_per_session"), _product),
    Derivation("pulses_per_day", ("pulses_per_session", "sessions_per_day"), _product),
    Derivation("pulses_in_course", ("pulses_per_session", "sessions_in_course"), _product),
    Derivation("charge_per_phase_C", ("amplitude_A", "pulse_width_s"), _product),
    Derivation(
        "charge_density_per_phase_C_per_m2",
        ("charge_per_phase_C", "contact_area_m2"),
        lambda charge, area: charge / area,
    ),
    Derivation("shannon_k", ("charge_density_per_phase_C_per_m2", "charge_per_phase_C"), _shannon_k),
    Derivation("pulses_that_fit", ("frequency_Hz", "train_duration_s"), lambda f, duration: f * duration + 1, _TRAINS),
    Derivation("pulses_that_fit", ("frequency_Hz", "stimulus_duration_s"), lambda f, duration: f * duration + 1, _MST),
    Derivation(
        "session_length_s",
        ("trains_per_session", "train_duration_s", "inter_train_interval_s"),
        _with_pauses,
        (_TRAINS | _BURSTS) - _DIRECT,
    ),
    Derivation("sessions_that_fit", ("days", "sessions_per_day"), _product),
    Derivation(
        "pauses_of_a_day_s", ("sessions_per_day", "session_interval_s"), lambda count, pause: max(count - 1, 0) * pause
    ),
)
"""In an order in which every input is complete before it is used."""


def derivations(technique: str) -> tuple[Derivation, ...]:
    """Return the derivations that hold for a technique."""
    return tuple(d for d in DERIVATIONS if not d.techniques or technique in d.techniques)


def assumed(given: Mapping[str, float], technique: str) -> dict[str, float]:
    """Return what the name of a technique says where its protocol says nothing else: direct current, single pulses."""
    found = {}
    if technique in _DIRECT:
        found["alternating"] = 0.0
    if technique in _TRAINS and not {"pulses_per_burst", "burst_frequency_Hz", "burst_rate_Hz"} & given.keys():
        found["pulses_per_burst"] = 1.0
    return found


def with_derived(values: Mapping[str, float], technique: str) -> dict[str, float]:
    """Return the values with all that follows from them; where both exist, the larger one."""
    found = assumed(values, technique) | dict(values)
    for derivation in derivations(technique):
        if all(key in found for key in derivation.inputs):
            value = derivation.formula(*(found[key] for key in derivation.inputs))
            if value is not None and not math.isfinite(value):
                raise DataError(
                    f"{derivation.quantity} from {', '.join(derivation.inputs)} is {value}; check their units"
                )
            if value is not None:
                found[derivation.quantity] = max(value, found.get(derivation.quantity, value))
    return found

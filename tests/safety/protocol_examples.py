"""One complete protocol per technique, of the kind that trials report, with every screening topic answered "no"."""

from assuage.safety import load_rule_set

COURSE = {"age_years": 19, "sessions_per_day": 1, "sessions_in_course": 15}
COIL = {
    "didt_A_per_s": 6e7, "coil_max_didt_A_per_s": 1.5e8, "coil_source": "header of the coil file",
    "hearing_protection": True,
}  # fmt: skip
TRAINS = {
    "intensity_percent_mt": 110, "motor_threshold": "resting", "frequency_Hz": 10, "train_duration_s": 4,
    "inter_train_interval_s": 26, "pulses_per_train": 40, "trains_per_session": 75, "pulses_per_session": 3000,
}  # fmt: skip
BURSTS = {"pulses_per_burst": 3, "burst_frequency_Hz": 50, "burst_rate_Hz": 5}
SCALP = {"total_current_A": 2e-3, "current_per_electrode_A": 2e-3, "duration_s": 1200, "skin_density_A_per_m2": 0.57}
ALTERNATING = {"total_current_A": 1e-3, "current_per_electrode_A": 1e-3, "peak_current_A": 1e-3, "frequency_Hz": 10}

DOSES = {
    "tms": {**COIL, **TRAINS},
    "rtms_10hz": {**COIL, **TRAINS},
    "rtms_1hz": {
        **COIL, "intensity_percent_mt": 110, "motor_threshold": "resting", "frequency_Hz": 1, "train_duration_s": 1200,
        "trains_per_session": 1, "pulses_per_session": 1200,
    },
    "itbs": {
        **COIL, **BURSTS, "intensity_percent_mt": 80, "motor_threshold": "active", "train_duration_s": 2,
        "inter_train_interval_s": 8, "trains_per_session": 20, "pulses_per_session": 600,
    },
    "ctbs": {
        **COIL, **BURSTS, "intensity_percent_mt": 80, "motor_threshold": "active", "train_duration_s": 40,
        "trains_per_session": 1, "pulses_per_session": 600,
    },
    "snt": {
        **COIL, **BURSTS, "intensity_percent_mt": 90, "motor_threshold": "resting", "train_duration_s": 2,
        "inter_train_interval_s": 8, "trains_per_session": 60, "pulses_per_session": 1800, "sessions_per_day": 10,
        "session_interval_s": 3000, "days": 5, "sessions_in_course": 50,
    },
    "tdcs": SCALP,
    "hd_tdcs": SCALP,
    "hd_tdcs_focal": SCALP,
    "hd_tdcs_4x1": SCALP,
    "tacs": {**SCALP, **ALTERNATING},
    "hd_tacs": {**SCALP, **ALTERNATING},
    "ti": {
        **SCALP, "current_per_electrode_A": 1e-3, "current_per_pair_A": 1e-3,
        "carrier_frequency_Hz": 2000, "difference_frequency_Hz": 20,
    },
    "ect": {
        "peak_current_A": 0.8, "pulse_width_s": 0.3e-3, "pulse_pair_frequency_Hz": 20, "stimulus_duration_s": 4,
        "charge_C": 0.0384, "impedance_Ohm": 220,
    },
    "mst": {
        **COIL, "frequency_Hz": 100, "pulse_width_s": 0.37e-3, "stimulus_duration_s": 4, "pulses_per_train": 400,
    },
    "dbs": {
        "amplitude_A": 3e-3, "pulse_width_s": 60e-6, "frequency_Hz": 130, "contact_area_m2": 5.98e-6,
        "impedance_Ohm": 1000, "charge_per_phase_C": 1.8e-7,
    },
    "tdcs_rtms": {**COIL, **TRAINS, **SCALP},
}  # fmt: skip

ANSWERS = {f"screen_{topic.key}": "no" for topic in load_rule_set().topics}


def complete(technique: str, **more: object) -> dict[str, object]:
    """Return the example of a technique with changes; a value of None leaves the quantity out."""
    protocol = {"technique": technique, **COURSE, **ANSWERS, **DOSES[technique], **more}
    return {key: value for key, value in protocol.items() if value is not None}

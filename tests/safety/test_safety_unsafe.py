"""Protocols that must not go ahead: each is stopped, and for the right reason."""

import pytest
from protocol_examples import complete

from assuage.safety import check, load_rule_set
from assuage.safety.records import DEFINITION

UNSAFE = [
    # technique, what is wrong with the usual protocol, the rule that has to stop it
    ("rtms_10hz", {"train_duration_s": 5, "intensity_percent_mt": 120}, "tms-train-duration"),
    ("rtms_10hz", {"frequency_Hz": 20, "train_duration_s": 2, "intensity_percent_mt": 120}, "tms-train-duration"),
    ("rtms_10hz", {"frequency_Hz": 50, "train_duration_s": 0.1}, "tms-train-duration"),
    ("rtms_10hz", {"intensity_percent_mt": 150, "train_duration_s": 0.1}, "tms-train-duration"),
    ("rtms_10hz", {"inter_train_interval_s": 1}, "tms-interval-harm"),
    ("tms", {"inter_train_interval_s": 0.5, "intensity_percent_mt": 100}, "tms-interval-table"),
    ("tms", {"didt_A_per_s": 2e8}, "tms-coil-didt"),
    ("rtms_1hz", {"hearing_protection": False}, "tms-hearing"),
    ("rtms_1hz", {"frequency_Hz": 25, "train_duration_s": 20}, "tms-train-duration"),
    ("rtms_10hz", {"stimulator": "Magstim Rapid2", "train_duration_s": 12}, "rapid2-train-duration"),
    (
        "rtms_10hz",
        {"stimulator": "Magstim Rapid2 single supply", "frequency_Hz": 20, "output_percent_mso": 90},
        "rapid2-single-supply-frequency",
    ),
    (
        "rtms_10hz",
        {"stimulator": "Magstim Rapid²", "output_percent_mso": 100, "inter_train_interval_s": 4},
        "rapid2-on-time-per-minute",
    ),
    ("itbs", {"intensity_percent_mt": 130, "motor_threshold": "resting"}, "tbs-intensity-label"),
    ("itbs", {"pulses_per_session": 2400}, "tbs-pulses-accelerated"),
    ("itbs", {"trains_per_session": 90}, "tbs-pulses-accelerated"),
    ("itbs", {"sessions_per_day": 12}, "tbs-sessions-a-day"),
    ("itbs", {"sessions_per_day": 3, "session_interval_s": 900}, "tbs-session-gap"),
    ("ctbs", {"train_duration_s": 80}, "ctbs-train-duration"),
    ("snt", {"session_interval_s": 600}, "tbs-session-gap"),
    ("snt", {"days": 10}, "snt-days"),
    ("snt", {"sessions_per_day": 15}, "tbs-pulses-a-day"),
    ("snt", {"sessions_in_course": 100}, "snt-pulses-in-course"),
    ("snt", {"intensity_percent_mt": 140}, "snt-intensity-cap"),
    ("tdcs", {"total_current_A": 6e-3}, "tes-current-experience"),
    ("tdcs", {"duration_s": 3600}, "tes-duration-experience"),
    ("tdcs", {"total_current_A": 4e-3, "duration_s": 2400}, "tes-charge-experience"),
    ("tdcs", {"sessions_per_day": 4}, "tes-duration-guideline-2025"),
    ("tdcs", {"skin_density_A_per_m2": 25}, "tes-skin-density"),
    ("tdcs", {"brain_density_A_per_m2": 7}, "tes-brain-density-animal"),
    ("hd_tdcs", {"total_current_A": 5e-3}, "tes-current-guideline-2025"),
    ("hd_tdcs_focal", {"skin_density_A_per_m2": 30}, "tes-skin-density"),
    ("hd_tdcs_4x1", {"duration_s": 4000}, "tes-session-within-a-day"),
    ("tacs", {"peak_current_A": 15e-3}, "tacs-peak-guideline"),
    ("hd_tacs", {"total_current_A": 15e-3}, "tes-current-guideline"),
    ("ti", {"current_per_pair_A": 8e-3}, "ti-pair-guideline"),
    ("ti", {"duration_s": 7200}, "tes-session-within-a-day"),
    ("ect", {"peak_current_A": 1.2}, "ect-current"),
    ("ect", {"charge_C": 2.0}, "ect-charge-highest"),
    ("ect", {"pulse_width_s": 2e-3, "pulse_pair_frequency_Hz": 70, "stimulus_duration_s": 8}, "ect-charge-highest"),
    ("ect", {"stimulus_duration_s": 12}, "ect-duration"),
    ("ect", {"screen_brain_stimulator": "yes"}, "screen-brain-stimulator"),
    ("ect", {"screen_phaeochromocytoma": "yes"}, "screen-phaeochromocytoma"),
    ("dbs", {"screen_diathermy_planned": "yes"}, "screen-diathermy-planned"),
    ("dbs", {"screen_other_brain_stimulation_planned": "yes"}, "screen-other-brain-stimulation-planned"),
    ("itbs", {"screen_brain_stimulator": "yes"}, "implant-under-a-coil"),
    ("ect", {"pulse_pair_frequency_Hz": 200}, "ect-frequency-highest"),
    ("ect", {"age_years": 11}, "ect-age-label"),
    ("ect", {"impedance_Ohm": 5000}, "ect-impedance-high"),
    ("ect", {"impedance_Ohm": 60}, "ect-impedance-low"),
    ("mst", {"stimulus_duration_s": 20}, "mst-train-duration"),
    ("mst", {"frequency_Hz": 200}, "mst-frequency"),
    ("mst", {"pulses_per_train": 2000}, "mst-pulses-per-train"),
    ("mst", {"didt_A_per_s": 3e8}, "tms-coil-didt"),
    ("dbs", {"amplitude_A": 12e-3, "pulse_width_s": 450e-6}, "dbs-charge-density-and-k"),
    ("dbs", {"shannon_k": 2.0}, "dbs-charge-density-and-k"),
    ("dbs", {"stimulator": "Boston Scientific Vercise", "frequency_Hz": 300}, "vercise-rate"),
    ("tdcs_rtms", {"total_current_A": 5e-3}, "tes-current-experience"),
    ("tdcs_rtms", {"inter_train_interval_s": 0.8}, "tms-interval-harm"),
    ("rtms_10hz", {"screen_cochlear_implant": "yes"}, "screen-cochlear-implant"),
    ("itbs", {"screen_metal_in_head": "yes"}, "screen-metal-in-head"),
    ("rtms_1hz", {"screen_recent_seizure": "yes"}, "screen-recent-seizure"),
    ("snt", {"screen_raised_intracranial_pressure": "yes"}, "screen-raised-intracranial-pressure"),
    ("mst", {"screen_pacemaker": "yes"}, "screen-pacemaker"),
    ("tdcs_rtms", {"screen_brain_stimulator": "yes"}, "screen-brain-stimulator"),
]  # fmt: skip


@pytest.mark.parametrize(("technique", "change", "rule_id"), UNSAFE)
def test_it_is_stopped_for_the_right_reason(technique, change, rule_id):
    usual = {verdict.rule_id: verdict.outcome for verdict in check(complete(technique))}
    assert usual.get(rule_id) != "stop"
    found = {verdict.rule_id: verdict for verdict in check(complete(technique, **change))}
    assert found[rule_id].outcome == "stop"
    assert found[rule_id].why


def test_the_table_spans_every_technique_and_most_stops():
    rules = load_rule_set()
    assert {technique for technique, _, _ in UNSAFE} == set(rules.techniques)
    stops = {rule.joint or rule.rule_id for rule in rules.rules if rule.beyond == "stop" and rule.kind != DEFINITION}
    tried = {rule_id for _, _, rule_id in UNSAFE}
    assert stops - tried <= {
        "rapid2-inter-train-interval",  # the harm limit stops it too
        "tes-duration-guideline",  # same limit as the 2025 guideline
        "vercise-amplitude",  # in test_safety.py
        "vercise-pulse-width",
    }

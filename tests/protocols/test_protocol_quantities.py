"""The flat mapping for cited limits: names, SI numbers, nothing guessed, the strictest of several values."""

import math

import pytest

from assuage.protocols import quantities
from assuage.protocols.gallery import TECHNIQUES, example, example_content
from assuage.protocols.protocol import from_content
from assuage.safety import check

KNOWN = {
    "technique", "age_years", "motor_threshold", "alternating",
    "intensity_percent_mt", "output_percent_mso", "didt_A_per_s", "coil_max_didt_A_per_s",
    "coil_source", "frequency_Hz", "pulses_per_burst", "burst_frequency_Hz", "burst_rate_Hz", "train_duration_s",
    "inter_train_interval_s", "pulses_per_train", "trains_per_session", "pulses_per_session", "pulses_per_day",
    "sessions_per_day", "session_interval_s", "days", "sessions_in_course", "pulses_in_course", "duration_s",
    "duration_per_day_s", "hearing_protection", "total_current_A", "current_per_electrode_A", "current_per_pair_A",
    "peak_current_A", "charge_C", "skin_density_A_per_m2", "skin_charge_density_C_per_m2", "ramp_s",
    "carrier_frequency_Hz", "difference_frequency_Hz", "pulse_width_s", "pulse_pair_frequency_Hz",
    "stimulus_duration_s", "amplitude_A", "charge_per_phase_C", "charge_density_per_phase_C_per_m2", "shannon_k",
    "contact_area_m2", "impedance_Ohm", "voltage_V", "screen_seizure_history",
}  # fmt: skip


@pytest.mark.parametrize("technique", TECHNIQUES)
def test_only_known_names_and_finite_numbers(technique):
    found = quantities(example(technique))
    assert found["technique"] == technique
    assert set(found) <= KNOWN
    for key, value in found.items():
        assert isinstance(value, str) == (
            key in {"technique", "coil_source", "motor_threshold"} or key.startswith("screen_")
        )
        assert isinstance(value, str) or math.isfinite(value)


@pytest.mark.parametrize("technique", TECHNIQUES)
def test_no_example_contradicts_its_name_or_itself(technique):
    assert not [verdict for verdict in check(quantities(example(technique))) if verdict.kind == "definition"]


def some(technique, **changes):
    return quantities(example(technique, **changes))


def test_theta_burst_by_hand():
    found = some("snt")
    expected = {
        "pulses_per_burst": 3, "burst_frequency_Hz": 50, "burst_rate_Hz": 5, "pulses_per_train": 30,
        "train_duration_s": 2, "inter_train_interval_s": 8, "trains_per_session": 60, "pulses_per_session": 1800,
        "pulses_per_day": 18000, "sessions_per_day": 10, "session_interval_s": 3000, "days": 5,
        "sessions_in_course": 50, "pulses_in_course": 90000, "duration_s": 592, "duration_per_day_s": 5920,
        "intensity_percent_mt": 120, "motor_threshold": "resting", "output_percent_mso": 60, "hearing_protection": 1,
        "coil_max_didt_A_per_s": 1.5e8, "age_years": 16,
    }  # fmt: skip
    assert {key: found[key] for key in expected} == expected
    assert "frequency_Hz" not in found


def test_the_threshold_is_the_one_of_the_intensity():
    active = {"dose__intensity": {"percent_mt": 80, "threshold": "active"}, "threshold__state": "isometric contraction"}
    assert some("ctbs", **active)["motor_threshold"] == "active"
    assert "motor_threshold" not in some("mst"), "percent of output, not of a threshold"
    assert some("tdcs_rtms")["motor_threshold"] == "resting"


def test_plain_trains_have_a_frequency_and_no_bursts():
    found = some("rtms_10hz")
    assert found["frequency_Hz"] == 10
    assert not {"pulses_per_burst", "burst_frequency_Hz", "burst_rate_Hz"} & set(found)


def test_direct_current_by_hand():
    found = some("tdcs")
    assert found["total_current_A"] == found["current_per_electrode_A"] == 0.002
    assert found["skin_density_A_per_m2"] == pytest.approx(0.002 / 35e-4)
    assert found["charge_C"] == 2.46
    assert found["skin_charge_density_C_per_m2"] == pytest.approx(0.002 / 35e-4 * 1230)
    assert found["duration_s"] == 1200
    assert found["duration_per_day_s"] == 2400
    assert "hearing_protection" not in found


def test_the_densest_electrode_counts():
    small = {"kind": "disc", "radius_mm": 3}
    found = some("hd_tdcs_4x1", dose__electrodes__1__shape=small)
    assert found["skin_density_A_per_m2"] == pytest.approx(max(0.002 / 0.006**2, 0.0005 / 0.003**2) / math.pi)


def test_alternating_current_has_a_peak_and_no_charge():
    found = some("tacs", dose__offset_A=0.0005)
    assert found["peak_current_A"] == found["total_current_A"] == pytest.approx(0.0015)
    assert found["frequency_Hz"] == 20
    assert "charge_C" not in found
    assert "frequency_Hz" not in some("hd_tacs"), "an individual frequency is not known yet"
    assert some("hd_tacs")["alternating"] == some("ti")["alternating"] == 1
    assert "alternating" not in some("tdcs")


def test_interference_by_hand():
    found = some("ti")
    assert found["current_per_pair_A"] == 0.001
    assert found["total_current_A"] == pytest.approx(0.0015)
    assert (found["carrier_frequency_Hz"], found["difference_frequency_Hz"]) == (2000, 20)


def test_seizure_techniques_by_hand():
    assert some("ect")["charge_C"] == pytest.approx(0.1512)
    assert some("ect", dose__impedance_Ohm=220)["impedance_Ohm"] == 220
    assert some("mst")["pulses_per_train"] == 1000


def test_the_combination_holds_both():
    found = some("tdcs_rtms")
    assert found["total_current_A"] == 0.002
    assert found["pulses_per_session"] == 3000
    assert found["duration_s"] == 1200


def test_the_strictest_day_counts():
    content = example_content("tdcs")
    content["dose"]["course"]["phases"] = [
        {"days": 5, "day": {"sessions": 3, "session_interval_s": 7200}},
        {"days": 5, "day": {"sessions": 2, "session_interval_s": 3600}},
    ]
    found = quantities(from_content(content))
    assert (found["sessions_per_day"], found["session_interval_s"], found["sessions_in_course"]) == (3, 3600, 25)


@pytest.mark.parametrize(
    ("changes", "absent"),
    [
        ({"device__coil__max_didt_A_per_s": None}, {"coil_max_didt_A_per_s", "coil_source"}),
        ({"threshold__percent_mso": None}, {"output_percent_mso"}),
        ({"safety__screening": {}}, {"screen_seizure_history"}),
        ({"dose__pulse__width_s": None}, {"pulse_width_s"}),
    ],
)
def test_what_is_not_known_is_absent(changes, absent):
    assert absent <= set(some("itbs"))
    assert not absent & set(some("itbs", **changes))


def test_a_coil_without_a_source_says_so():
    assert "source not stated" in some("itbs", device__coil__max_didt_source=None)["coil_source"]
    assert some("itbs", safety__hearing_protection=False)["hearing_protection"] == 0

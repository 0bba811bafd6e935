"""One record per technique: what follows from its parts, by formula, and every contradiction."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from assuage.errors import PoseError, ProtocolError
from assuage.protocols import electrodes_under_coil
from assuage.protocols.coil import Intensity
from assuage.protocols.combined import NOT_ADDITIVE, ROUND_THE_HEAD_MM, Footprint
from assuage.protocols.electrodes import ElectrodeShape, PlannedElectrode, check_electrodes, peak_total_A
from assuage.protocols.gallery import POSE, example, example_content
from assuage.protocols.protocol import from_content
from assuage.protocols.quantities import dose_quantities

DISC = ElectrodeShape(kind="disc", radius_mm=6.0)
FIGURE_OF_EIGHT = Footprint(width_mm=180, length_mm=100)


def electrode(name, current, phase=None, center=None):
    return PlannedElectrode(
        name=name,
        current_A=Fraction(str(current)),
        shape=DISC,
        phase_deg=None if phase is None else Fraction(phase),
        center_mm=center,
    )


def refused(technique, said, **changes):
    with pytest.raises(ProtocolError, match=said):
        example(technique, **changes)


# --- coil -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("technique", "changes", "said"),
    [
        ("rtms_10hz", {"dose__session__train__burst_rate_Hz": 5}, "means single pulses at 10 Hz.*5 Hz"),
        ("rtms_1hz", {"dose__technique": "rtms_10hz"}, "means single pulses at 10 Hz.*1 Hz"),
        ("rtms_10hz", {"dose__technique": "itbs"}, "itbs means bursts"),
        ("itbs", {"dose__technique": "ctbs"}, "ctbs means one train.*20"),
        ("ctbs", {"dose__technique": "itbs"}, "itbs means several trains"),
        ("itbs", {"dose__technique": "snt"}, "snt means several sessions a day"),
        ("itbs", {"dose__stated": {"pulses_per_session": 1800}}, "pulses_per_session = 1800, but its parts give 600"),
        ("itbs", {"dose__stated": {"duration_s": 190}}, "190, but its parts give 192 or 200"),
        ("rtms_10hz", {"dose__stated": {"pulses_in_course": 3000}}, "3000, but its parts give 45000"),
        ("snt", {"dose__session__trains": 6000}, "more than a day"),
        ("itbs", {"dose__intensity": {}}, "intensity is empty"),
        ("itbs", {"dose__intensity": {"percent_mt": 120}}, "not of which"),
        ("itbs", {"dose__intensity": {"percent_mso": 101}}, "at most 100 %"),
        ("itbs", {"dose__intensity": {"percent_mt": -1, "threshold": "resting"}}, "percent_mt is -1"),
        ("itbs", {"dose__intensity": {"didt_A_per_s": 1e8}}, "no didt_source"),
        ("itbs", {"dose__intensity": {"percent_mso": 50, "expected_V_per_m": 90}}, "no model_version"),
        ("itbs", {"dose__pulse__width_s": 0}, "pulse width_s is 0"),
    ],
)
def test_a_coil_plan_that_contradicts_itself_is_refused(technique, changes, said):
    refused(technique, said, **changes)


def test_an_intensity_is_a_noun_of_its_own():
    assert Intensity(percent_mt=Fraction(110), threshold="active").percent_mt == 110


# --- currents through the scalp -------------------------------------------------------------------------------------


@given(st.lists(st.integers(-2000, 2000).filter(bool), min_size=1, max_size=8))
def test_currents_in_decimals_add_up_exactly_or_are_refused(microampere):
    names = [f"E{k}" for k in range(len(microampere) + 1)]
    currents = [*microampere, -sum(microampere)]
    balanced = [electrode(n, f"{c}e-6") for n, c in zip(names, currents, strict=True)]
    check_electrodes(balanced, alternating=False, what="montage")
    off = [electrode("E0", f"{currents[0] + 1}e-6"), *balanced[1:]]
    with pytest.raises(ProtocolError, match="add up to"):
        check_electrodes(off, alternating=False, what="montage")


@given(st.lists(st.tuples(st.floats(0.1, 2), st.integers(-180, 180)), min_size=1, max_size=6))
def test_the_largest_current_at_any_moment_against_brute_force(parts):
    phasors = [a * np.exp(1j * np.radians(p)) for a, p in parts]
    rest = -sum(phasors)
    electrodes = [electrode(f"E{k}", a, p) for k, (a, p) in enumerate(parts)]
    electrodes.append(electrode("R", abs(rest), str(np.degrees(np.angle(rest)).round(9))))
    moments = np.linspace(0, 2 * np.pi, 20_001)
    brute = max(sum(abs((np.outer([*phasors, rest], np.exp(1j * moments))).real)) / 2)
    assert peak_total_A(electrodes) == pytest.approx(brute, rel=1e-5)


def test_antiphase_may_be_written_either_way():
    by_sign = [electrode("F3", 0.001), electrode("P3", -0.001)]
    by_phase = [electrode("F3", 0.001, 0), electrode("P3", 0.001, 180)]
    for montage in (by_sign, by_phase):
        check_electrodes(montage, alternating=True, what="tacs")
        assert peak_total_A(montage) == pytest.approx(0.001)


def test_three_phases_add_up_to_zero():
    three = [electrode(f"E{k}", 0.001, 120 * k) for k in range(3)]
    check_electrodes(three, alternating=True, what="tacs")
    assert peak_total_A(three) == pytest.approx(0.001)
    with pytest.raises(ProtocolError, match="at every moment"):
        check_electrodes([electrode(f"E{k}", 0.001, 100 * k) for k in range(3)], alternating=True, what="tacs")


def test_ramps_deliver_half_their_charge():
    found = dose_quantities(example("tdcs").dose)
    assert found["charge_C"] == Fraction("0.002") * (1200 + 30)
    moments = np.linspace(0, 1260, 1_260_001)
    current = 0.002 * np.minimum(1, np.minimum(moments, 1260 - moments) / 30)
    assert float(found["charge_C"]) == pytest.approx(np.trapezoid(current, moments), rel=1e-9)


@pytest.mark.parametrize(
    ("technique", "changes", "said"),
    [
        ("tdcs", {"dose__electrodes__0__current_A": 0.001}, "add up to -0.001 A, not 0"),
        ("tdcs", {"dose__electrodes__1__name": "F3"}, "names F3 twice"),
        ("tdcs", {"dose__electrodes__0__name": " "}, "no name"),
        ("tdcs", {"dose__electrodes__0__phase_deg": 90}, "direct current, but an electrode has a phase"),
        ("tdcs", {"dose__electrodes__0__center_mm": [0, 0, float("inf")]}, "three finite numbers|finite"),
        ("tdcs", {"dose__electrodes": []}, r"0 electrode\(s\)"),
        ("tdcs", {"dose__frequency_Hz": 10}, "direct current, but has a frequency"),
        ("tdcs", {"dose__timing__duration_s": 0}, "duration_s is 0"),
        ("tdcs", {"dose__timing__ramp_up_s": -1}, "ramp_up_s is -1"),
        ("tdcs", {"dose__stated": {"charge_C": 3}}, "charge_C = 3, but its parts give 2.46 or 2.4"),
        ("tacs", {"dose__frequency_Hz": None}, "has no frequency"),
        ("tacs", {"dose__frequency_Hz": -10}, "frequency_Hz is -10"),
        ("hd_tdcs", {"dose__technique": "hd_tdcs_4x1"}, "one electrode against four, but 4"),
        ("ti", {"dose__pairs__1__frequency_Hz": 2000}, "two carrier frequencies, got 2000 Hz"),
        ("ti", {"dose__pairs__1__electrodes__0__name": "F7"}, "uses F7 in two pairs"),
        ("ti", {"dose__pairs__0__electrodes__0__current_A": 0.002}, "carrier of 2000 Hz: the currents add up"),
        ("ti", {"dose__stated": {"difference_frequency_Hz": 10}}, "= 10, but its parts give 20"),
        (
            "tdcs",
            {"dose__electrodes__0__shape": {"kind": "disc", "width_mm": 3}},
            "a disc needs radius_mm, got width_mm",
        ),
        ("tdcs", {"dose__electrodes__0__shape": {"kind": "disc", "radius_mm": 0}}, "radius_mm is 0"),
        ("tdcs", {"dose__electrodes__0__shape": {"kind": "ring", "inner_mm": 5, "outer_mm": 5}}, "not smaller"),
    ],
)
def test_a_current_plan_that_contradicts_itself_is_refused(technique, changes, said):
    refused(technique, said, **changes)


def test_no_current_at_all_is_refused():
    with pytest.raises(ProtocolError, match="no electrode carries current"):
        check_electrodes([electrode("A", 0), electrode("B", 0)], alternating=False, what="x")


def test_areas():
    assert DISC.area_m2 == pytest.approx(math.pi * 0.006**2)
    assert ElectrodeShape(kind="pad", width_mm=50.0, height_mm=70.0).area_m2 == pytest.approx(35e-4)
    assert ElectrodeShape(kind="ring", inner_mm=3.0, outer_mm=5.0).area_m2 == pytest.approx(math.pi * 16e-6)
    assert ElectrodeShape(kind="ring", inner_mm=3.0, outer_mm=5.0).reach_mm == 5


# --- seizure techniques and implants --------------------------------------------------------------------------------


def test_ect_charge_is_the_published_check():
    assert example("ect").dose.charge_C == Fraction("0.1512")  # 0.9 A x 0.5 ms x 2 x 140 Hz x 1.2 s


@given(st.integers(1, 900), st.integers(25, 150), st.integers(20, 140), st.integers(5, 80))
def test_ect_charge_is_that_of_a_plain_loop_over_pulses(milliampere, width, pairs, tenths):
    content = example_content(
        "ect", dose__current_A=milliampere / 1000, dose__pulse_width_s=f"{width}/100000", dose__pair_frequency_Hz=pairs,
        dose__stimulus_duration_s=tenths / 10, dose__stated={},
    )  # fmt: skip
    pulses = 2 * pairs * Fraction(tenths, 10)
    assert from_content(content).dose.charge_C == pulses * Fraction(milliampere, 1000) * Fraction(width, 100_000)


@pytest.mark.parametrize(
    ("technique", "changes", "said"),
    [
        ("ect", {"dose__stated": {"charge_C": 0.3}}, "charge_C = 0.3, but its parts give 0.1512"),
        ("ect", {"dose__pulse_width_s": 0.5}, "do not fit into a pair"),
        ("ect", {"dose__current_A": 0}, "current_A is 0"),
        ("mst", {"dose__stimulus_duration_s": 0.125}, "12.5 pulses"),
        ("mst", {"dose__stated": {"pulses_per_train": 1001}}, "1001, but its parts give 1000"),
        ("dbs", {"dose__contacts__1__current_A": 0.002}, "add up to -0.001 A"),
        ("dbs", {"dose__contacts__1__name": "1"}, "names contact 1 twice"),
        ("dbs", {"dose__contacts": [{"name": "1", "current_A": 0}]}, "name both poles"),
        ("dbs", {"dose__contacts__0__voltage_V": 1}, "either current_A or voltage_V"),
        ("dbs", {"dose__control": "voltage"}, "voltage control, but contact 1, case has no voltage_V"),
        ("dbs", {"dose__pulse_width_s": 60}, "do not fit at 130 Hz"),
        ("dbs", {"dose__stated": {"charge_per_phase_C": 1e-6}}, "but its parts give 1.8e-07"),
        ("dbs", {"dose__contacts__0__name": " "}, "no name"),
    ],
)
def test_a_seizure_or_implant_plan_that_contradicts_itself_is_refused(technique, changes, said):
    refused(technique, said, **changes)


def test_charge_density_and_shannon_k_by_hand():
    found = dose_quantities(example("dbs", dose__contacts__0__area_m2=6e-6).dose)
    charge_uC, area_cm2 = 3e3 * 60e-6, 0.06
    assert float(found["charge_per_phase_C"]) == pytest.approx(charge_uC * 1e-6)
    assert found["charge_density_per_phase_C_per_m2"] == pytest.approx(charge_uC / area_cm2 * 1e-2)
    assert found["shannon_k"] == pytest.approx(math.log10(charge_uC / area_cm2) + math.log10(charge_uC))


def test_a_voltage_needs_an_impedance_to_become_a_current():
    contacts = [{"name": "1", "voltage_V": -3, "area_m2": 6e-6}, {"name": "case", "voltage_V": 0}]
    unknown = example("dbs", dose__control="voltage", dose__contacts=contacts)
    assert dose_quantities(unknown.dose)["amplitude_A"] is None
    assert dose_quantities(unknown.dose)["shannon_k"] is None
    known = example("dbs", dose__control="voltage", dose__contacts=contacts, dose__impedance_Ohm=1000)
    assert dose_quantities(known.dose)["amplitude_A"] == Fraction("0.003")
    assert dose_quantities(known.dose)["voltage_V"] == 3


def test_one_unknown_area_leaves_the_largest_density_unknown():
    contacts = [{"name": "1", "current_A": -0.001, "area_m2": 6e-6}, {"name": "2", "current_A": -0.002},
                {"name": "case", "current_A": 0.003}]  # fmt: skip
    found = dose_quantities(example("dbs", dose__contacts=contacts).dose)
    assert found["amplitude_A"] == Fraction("0.002")
    assert found["charge_density_per_phase_C_per_m2"] is None
    assert found["contact_area_m2"] is None


# --- the combination ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"dose__order": "together"}, "none for sessions at the same time"),
        ({"dose__gap_s": None}, "gap_s is none"),
        ({"dose__gap_at_most_s": 60}, "below gap_s"),
        ({"dose__order": "together", "dose__gap_s": None, "dose__gap_at_most_s": None}, "electrodes are off"),
        ({"dose__rtms__course": {"phases": [{"days": 3}]}}, "share one calendar"),
        ({"dose__electrodes_stay_on": True}, "cannot be told"),
        ({"dose__tdcs__technique": "tacs", "dose__tdcs__frequency_Hz": 10}, "combines direct current"),
        ({"dose__gap_s": 86_000, "dose__gap_at_most_s": None}, "more than a day"),
    ],
)
def test_a_combination_that_contradicts_itself_is_refused(changes, said):
    refused("tdcs_rtms", said, **changes)


def test_the_combination_says_that_it_does_not_add_up():
    assert "not known to add up" in NOT_ADDITIVE


def test_an_electrode_under_the_coil_is_found():
    middle, edge, far = (0.0, 0.0, 86.0), (95.0, 0.0, 70.0), (120.0, 0.0, 80.0)
    placed = [electrode("Cz", 1, center=middle), electrode("edge", 1, center=edge), electrode("far", 1, center=far)]
    found = electrodes_under_coil([*placed, electrode("nowhere", 1)], coil_pose=POSE, footprint=FIGURE_OF_EIGHT)
    assert [each.electrode for each in found] == ["Cz", "edge"]
    assert found[0].below_mm == pytest.approx(4)
    assert found[1].overlap_mm == pytest.approx(6 - (95 - 90))


def test_an_electrode_on_another_side_of_the_head_is_not_under_the_coil():
    below = electrode("Oz", 1, center=(0.0, 0.0, 90 - ROUND_THE_HEAD_MM - 1))
    assert electrodes_under_coil([below], coil_pose=POSE, footprint=FIGURE_OF_EIGHT) == ()


@given(st.floats(-150, 150), st.floats(-150, 150), st.tuples(*[st.floats(-3, 3)] * 3))
def test_coil_and_electrode_may_be_turned_together(x, y, angles):
    turn = np.eye(4)
    turn[:3, :3] = Rotation.from_euler("xyz", angles).as_matrix()
    turn[:3, 3] = 5, -7, 11
    moved = turn @ [x, y, 85, 1]
    a = electrodes_under_coil([electrode("E", 1, center=(x, y, 85.0))], coil_pose=POSE, footprint=FIGURE_OF_EIGHT)
    b = electrodes_under_coil(
        [electrode("E", 1, center=tuple(moved[:3]))], coil_pose=turn @ POSE, footprint=FIGURE_OF_EIGHT
    )
    near_edge = any(abs(each.overlap_mm) < 1e-6 for each in (*a, *b))
    assert near_edge or [each.electrode for each in a] == [each.electrode for each in b]


def test_a_sheared_pose_is_refused():
    with pytest.raises(PoseError):
        electrodes_under_coil([], coil_pose=np.diag([1, 1, 2, 1]), footprint=FIGURE_OF_EIGHT)


def stays_on(center_mm, **more):
    return {
        "dose__electrodes_stay_on": True, "target__coil_pose": POSE,
        "dose__footprint": {"width_mm": 180, "length_mm": 100}, "dose__tdcs__electrodes__0__center_mm": center_mm,
        "dose__tdcs__electrodes__1__center_mm": [0, 90, 0], **more,
    }  # fmt: skip


def test_a_plan_with_an_electrode_under_the_coil_is_refused_unless_it_is_meant():
    refused("tdcs_rtms", r"the coil covers F3 \(\d+ mm\)", **stays_on([0, 0, 86]))
    example("tdcs_rtms", **stays_on([0, 90, 10]))
    example("tdcs_rtms", **stays_on([0, 0, 86], dose__under_coil_reason="thin electrodes made for it"))

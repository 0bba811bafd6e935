"""Intensity of a coil on a sphere: proportions, identities, round trips between units, and every refusal."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assuage.errors import PlanError, PoseError, SourceError
from assuage.field import Conductor
from assuage.head.gallery import sphere_head
from assuage.head.mni import MniTransform
from assuage.sources import Coil
from assuage.targets import Target
from assuage.techniques.calibration import calibrate, transfer
from assuage.techniques.goal import Goal
from assuage.techniques.hotspot import anatomical_hotspot, measured_hotspot, strongest_place
from assuage.techniques.intensity import (
    at_didt,
    at_matched_field,
    at_percent_mt,
    at_percent_output,
    require_deliverable,
)
from assuage.techniques.poses import handle_deg
from assuage.techniques.scalp import Scalp
from assuage.techniques.stimulators import find_pair
from assuage.techniques.tms import coil_site

PAIR = find_pair("Magstim Rapid", "D70")
UNIT_E = np.array([0.3, -0.4, 0.1])
"""Mean field at the target, 1 A/us."""


def eight(scale=1.0):
    angle = np.deg2rad(np.arange(0, 360, 45))
    wing = np.stack([40 + 25 * np.cos(angle), 25 * np.sin(angle), np.full(8, -6.0)], 1)
    moments = np.zeros((16, 3))
    moments[:, 2] = np.repeat([8e-4 * scale, -8e-4 * scale], 8)
    return Coil(name=f"toy {scale:g}", positions_mm=np.concatenate([wing, wing * [-1, 1, 1]]), moments_m2=moments)


@pytest.fixture(scope="module")
def plain():
    return sphere_head(voxel_mm=4.0)


@pytest.fixture(scope="module")
def head(plain):
    """MNI space of this sphere: the hand knob lies some way under the surface of its brain."""
    scale = np.diag([0.9, 0.9, 0.9, 1.0])
    return replace(plain, mni=MniTransform.affine(np.linalg.inv(scale)))


@pytest.fixture(scope="module")
def site(head):
    coil = eight()
    return coil_site(Scalp(head), coil, condensed=coil, spacing_mm=40.0, angle_step_deg=90.0)


@pytest.fixture(scope="module")
def hotspot(site):
    return anatomical_hotspot(site)


@pytest.fixture(scope="module")
def conductor(head):
    return Conductor(head, 4.0)


@pytest.fixture(scope="module")
def landscape(conductor, hotspot):
    return conductor.adjoint(hotspot.target)


@pytest.fixture(scope="module")
def calibration(landscape, hotspot):
    return calibrate(landscape, hotspot, eight(), threshold_didt_A_per_s=6e7)


@pytest.fixture(scope="module")
def with_pair(landscape, hotspot):
    return calibrate(landscape, hotspot, eight(), threshold_percent_output=50.0, pair=PAIR)


# ----------------------------------------------------------------------------------------------------------- hotspot


@pytest.mark.parametrize(("side", "sign"), [("left", -1), ("right", 1)])
def test_the_coil_stands_over_the_hand_knob_with_the_handle_back_and_aside(site, head, side, sign):
    spot = anatomical_hotspot(site, side=side)
    assert spot.side == side
    assert np.sign(spot.target.center_mm[0]) == sign
    assert handle_deg(spot.pose, site.scalp.axes) == pytest.approx(-sign * 45, abs=0.5)
    aside = np.cross(spot.pose[:3, 3] - spot.target.center_mm, spot.pose[:3, 2])
    assert np.linalg.norm(aside) < 6.0, "the axis passes the target"
    assert head.scalp.nearest(spot.pose[None, :3, 3])[2][0] >= site.hair_mm - 0.5
    assert any("hand knob" in text and "MNI" in text for text in spot.assumptions)
    knob = head.mni.mni_to_head([[-37.0 if side == "left" else 37.0, -21.0, 58.0]])[0]
    assert np.linalg.norm(spot.target.center_mm) > np.linalg.norm(knob) + 5.0, "the crown, not the depth of a sulcus"
    assert np.linalg.norm(np.cross(spot.target.center_mm, knob)) / np.linalg.norm(knob) < 6.0, "straight over the knob"
    assert all("[" in text for text in spot.assumptions), "every assumption carries its source level"


def test_both_sides_are_mirror_images(site):
    left, right = anatomical_hotspot(site, side="left"), anatomical_hotspot(site, side="right")
    mirror = np.array([-1.0, 1.0, 1.0])
    assert np.abs(left.pose[:3, 3] * mirror - right.pose[:3, 3]).max() < 1.5
    assert np.abs(left.pose[:3, 2] * mirror - right.pose[:3, 2]).max() < 0.03


def test_the_strongest_place_is_nowhere_weaker_and_keeps_the_angle(hotspot, landscape, site):
    found = strongest_place(hotspot, landscape, site)
    before, after = (
        np.linalg.norm(landscape.coil(site.coil, spot.pose[None], didt_A_per_s=1e6)[0]) for spot in (hotspot, found)
    )
    assert after >= before
    assert np.linalg.norm(found.pose[:3, 3] - hotspot.pose[:3, 3]) < 20.0
    assert handle_deg(found.pose, site.scalp.axes) == pytest.approx(45, abs=0.5)
    assert "was moved" in found.assumptions[-1]


def test_a_measured_pose_is_kept_and_finds_its_cortex(head, hotspot, landscape, site):
    spot = measured_hotspot(head, hotspot.pose)
    assert np.array_equal(spot.pose, hotspot.pose)
    assert spot.side == "left"
    assert np.linalg.norm(spot.target.center_mm - hotspot.target.center_mm) < 8.0
    given_ = measured_hotspot(head, hotspot.pose, target=hotspot.target)
    assert given_.target is hotspot.target
    with pytest.raises(PlanError, match="a model does not move it"):
        strongest_place(spot, landscape, site)


def test_a_head_without_mni_is_refused_or_falls_back_to_a_scalp_site(plain):
    coil = eight()
    bare = coil_site(Scalp(plain), coil, condensed=coil, spacing_mm=40.0, angle_step_deg=90.0)
    with pytest.raises(PlanError, match=r"no MNI registration.*measured_hotspot.*use_scalp_site=True"):
        anatomical_hotspot(bare)
    spot = anatomical_hotspot(bare, side="right", use_scalp_site=True)
    toward = plain.ten_ten_mm["C4"] / np.linalg.norm(plain.ten_ten_mm["C4"])
    assert spot.way == "scalp site"
    assert np.linalg.norm(np.cross(spot.target.center_mm, toward)) < 4.0
    assert any("C4 stands for the motor hotspot" in text for text in spot.assumptions)


def test_an_unknown_side_is_refused(site):
    with pytest.raises(PlanError, match="'left' or 'right'"):
        anatomical_hotspot(site, side="middle")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda p: p[:3, 3] + 60 * -p[:3, 2], "from the scalp"),
        (lambda p: p[:3, 3] + 30 * p[:3, 2], "inside the scalp"),
    ],
)
def test_a_pose_that_does_not_rest_on_the_head_is_refused(head, hotspot, change, words):
    pose = hotspot.pose.copy()
    pose[:3, 3] = change(hotspot.pose)
    with pytest.raises(PoseError, match=words):
        measured_hotspot(head, pose)


def test_a_pose_that_looks_away_is_refused(head, hotspot):
    pose = hotspot.pose @ np.diag([-1.0, 1.0, -1.0, 1.0])
    with pytest.raises(PoseError, match="z must point into the head"):
        measured_hotspot(head, pose)


# -------------------------------------------------------------------------------------------------------- identities


def test_threshold_field_is_the_forward_field_at_the_hotspot(conductor, hotspot, calibration):
    field = conductor.solve(eight().at(hotspot.pose, calibration.threshold_didt_A_per_s))
    forward = np.linalg.norm(field.mean_in(hotspot.target))
    assert calibration.threshold_e_V_per_m == pytest.approx(forward, rel=3e-3)


def test_100_percent_at_the_hotspot_pose_gives_the_threshold_field(calibration):
    found = at_percent_mt(100.0, calibration.unit_e_V_per_m, calibration=calibration)
    assert found.didt_A_per_s == pytest.approx(calibration.threshold_didt_A_per_s)
    assert np.linalg.norm(found.e_at_target_V_per_m) == pytest.approx(calibration.threshold_e_V_per_m)
    assert found.e_at_hotspot_V_per_m == pytest.approx(calibration.threshold_e_V_per_m)
    assert found.target_over_threshold == pytest.approx(1.0)


def test_matched_field_at_the_hotspot_pose_is_100_percent(calibration):
    found = at_matched_field(calibration.unit_e_V_per_m, calibration=calibration)
    assert found.percent_mt == pytest.approx(100.0)


@given(factor=st.floats(0.1, 5.0), scale=st.floats(0.2, 5.0))
def test_matched_field_gives_the_target_the_threshold_field_times_the_factor(calibration, factor, scale):
    found = at_matched_field(scale * UNIT_E, calibration=calibration, factor=factor)
    assert np.linalg.norm(found.e_at_target_V_per_m) == pytest.approx(factor * calibration.threshold_e_V_per_m)
    assert found.target_over_threshold == pytest.approx(factor)


def test_matched_field_along_a_direction_scales_the_component(calibration):
    goal = Goal(direction=np.array([1.0, 0.0, 0.0]), normal=None)
    found = at_matched_field(UNIT_E, calibration=calibration, goal=goal)
    assert found.e_at_target_V_per_m[0] == pytest.approx(calibration.threshold_e_V_per_m)


@given(percent=st.floats(1.0, 400.0), times=st.floats(0.1, 3.0))
def test_everything_is_proportional(with_pair, percent, times):
    one = at_percent_mt(percent, UNIT_E, calibration=with_pair)
    other = at_percent_mt(times * percent, UNIT_E, calibration=with_pair)
    for name in ("didt_A_per_s", "percent_mt", "percent_output", "e_at_hotspot_V_per_m", "target_over_threshold"):
        assert getattr(other, name) == pytest.approx(times * getattr(one, name))
    assert other.e_at_target_V_per_m == pytest.approx(times * one.e_at_target_V_per_m)


@given(percent=st.floats(3.0, 190.0))
def test_the_three_units_lead_back_to_each_other(with_pair, percent):
    start = at_percent_mt(percent, UNIT_E, calibration=with_pair)
    by_rate = at_didt(start.didt_A_per_s, UNIT_E, calibration=with_pair)
    by_output = at_percent_output(start.percent_output, UNIT_E, pair=PAIR, calibration=with_pair)
    by_field = at_matched_field(UNIT_E, calibration=with_pair, factor=start.target_over_threshold)
    for found in (by_rate, by_output, by_field):
        assert found.percent_mt == pytest.approx(percent)
        assert found.didt_A_per_s == pytest.approx(start.didt_A_per_s)
        assert found.percent_output == pytest.approx(start.percent_output)
        assert found.e_at_target_V_per_m == pytest.approx(start.e_at_target_V_per_m)


def test_a_threshold_in_output_is_the_same_threshold_in_rate(with_pair, landscape, hotspot):
    other = calibrate(landscape, hotspot, eight(), threshold_didt_A_per_s=0.5 * 114.73e6, pair=PAIR)
    assert other.threshold_didt_A_per_s == pytest.approx(with_pair.threshold_didt_A_per_s)


@settings(max_examples=10)
@given(scale=st.floats(0.3, 3.0))
def test_another_coil_reaches_threshold_at_the_same_field(calibration, landscape, scale):
    other = transfer(calibration, landscape, eight(scale), pair=None)
    assert other.threshold_e_V_per_m == pytest.approx(calibration.threshold_e_V_per_m)
    assert other.threshold_didt_A_per_s == pytest.approx(calibration.threshold_didt_A_per_s / scale)
    assert any("whichever coil" in text for text in other.assumptions)


def test_what_is_unknown_stays_unknown():
    found = at_didt(7e7, UNIT_E)
    assert (found.percent_mt, found.percent_output, found.e_at_hotspot_V_per_m, found.deliverable) == (None,) * 4
    assert found.e_at_target_V_per_m == pytest.approx(70 * UNIT_E)
    assert "unknown" in found.shortfall


def test_assumptions_are_said(with_pair):
    found = at_matched_field(UNIT_E, calibration=with_pair)
    said = " | ".join(found.assumptions)
    assert "answers to the same field as the motor cortex" in said
    assert "proportional to the stimulator's output" in said
    assert "hand knob" in said
    assert len(set(found.assumptions)) == len(found.assumptions)
    assert "Drakaki 2022" in found.source


# ---------------------------------------------------------------------------------------------------------- refusals


def test_an_intensity_beyond_the_devices_is_flagged_and_refused_where_it_must_be_delivered(with_pair):
    strong = at_percent_mt(250.0, UNIT_E, calibration=with_pair)
    assert strong.deliverable is False
    assert strong.percent_output == pytest.approx(125.0)
    with pytest.raises(PlanError, match=r"143 A/us is 125 % of the largest dI/dt.*115 A/us; lower the intensity"):
        require_deliverable(strong)
    fine = at_percent_mt(120.0, UNIT_E, calibration=with_pair)
    assert require_deliverable(fine) is fine
    assert fine.shortfall == ""
    with pytest.raises(PlanError, match=r"unknown.*find_pair"):
        require_deliverable(at_didt(7e7, UNIT_E))


def test_a_coil_that_knows_its_maximum_is_held_to_it(landscape, hotspot):
    coil = replace(eight(), max_didt_A_per_s=1e8)
    held = calibrate(landscape, hotspot, coil, threshold_didt_A_per_s=6e7)
    assert at_percent_mt(150.0, UNIT_E, calibration=held).deliverable
    assert not at_percent_mt(170.0, UNIT_E, calibration=held).deliverable
    with pytest.raises(PlanError, match="above the largest dI/dt"):
        calibrate(landscape, hotspot, coil, threshold_didt_A_per_s=1.1e8)
    assert at_didt(7e7, UNIT_E, max_didt_A_per_s=1e8).deliverable


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "give the motor threshold once"),
        ({"threshold_didt_A_per_s": 6e7, "threshold_percent_output": 50.0}, "give the motor threshold once"),
        ({"threshold_percent_output": 50.0}, "needs the stimulator-coil pair"),
        ({"threshold_didt_A_per_s": 65.0}, "65 A/us is 6.5e7"),
        ({"threshold_didt_A_per_s": float("nan")}, "65 A/us is 6.5e7"),
        ({"threshold_didt_A_per_s": 1.2e8, "pair": PAIR}, "above the largest dI/dt"),
    ],
)
def test_a_threshold_that_makes_no_sense_is_refused(landscape, hotspot, options, words):
    with pytest.raises(PlanError, match=words):
        calibrate(landscape, hotspot, eight(), **options)


def test_the_landscape_of_another_target_is_refused(landscape, hotspot):
    other = replace(hotspot, target=Target.sphere([0.0, 0.0, 60.0], 10.0))
    with pytest.raises(PlanError, match=r"conductor\.adjoint"):
        calibrate(landscape, other, eight(), threshold_didt_A_per_s=6e7)


def test_two_pairs_that_contradict_each_other_are_refused(with_pair):
    other = find_pair("MagPro X100", "MCF-B65")
    with pytest.raises(PlanError, match="transfer"):
        at_percent_output(50.0, UNIT_E, pair=other, calibration=with_pair)


def test_impossible_requests_are_refused(calibration):
    with pytest.raises(PlanError, match="above 0, for example 120"):
        at_percent_mt(0.0, UNIT_E, calibration=calibration)
    with pytest.raises(PlanError, match="65 A/us is"):
        at_didt(70.0, UNIT_E)
    with pytest.raises(PlanError, match="factor = -1"):
        at_matched_field(UNIT_E, calibration=calibration, factor=-1)
    with pytest.raises(PlanError, match="three finite numbers"):
        at_didt(7e7, [0.0, 0.0, 0.0])
    with pytest.raises(SourceError, match="from above 0 to 100 %"):
        at_percent_output(120.0, UNIT_E, pair=PAIR)
    away = Goal(direction=np.array([-1.0, 0.0, 0.0]), normal=None)
    with pytest.raises(PlanError, match="turn the coil or drop the direction"):
        at_matched_field(UNIT_E, calibration=calibration, goal=away)

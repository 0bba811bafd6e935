"""ECT: stimulus arithmetic, recipes on the scalp, and the physics of placements on spheres."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assuage.errors import PlanError
from assuage.field import Conductor
from assuage.head import Head
from assuage.head.gallery import sphere_fiducials_mm, sphere_head
from assuage.head.mni import MniTransform
from assuage.targets import Target
from assuage.techniques import Scalp
from assuage.techniques.ect import EctProposal, Stimulus, propose, with_stimulus
from assuage.techniques.ect_placements import ect_placement, outer_canthus_mm, placement_names, walk
from assuage.techniques.excitation import excitation_law
from assuage.techniques.seizure import BrainMap, measure, rank, seizure_regions

VOXEL_MM = 4.0
RADIUS_MM = 92.0
STIMULUS = Stimulus(current_A=0.8, pulse_width_s=0.3e-3, pair_frequency_Hz=20.0, duration_s=4.0)


@pytest.fixture(scope="module")
def conductor():
    # MNI coordinates lie inside the sphere as they are
    head = replace(sphere_head(voxel_mm=VOXEL_MM), mni=MniTransform.affine(np.eye(4)))
    return Conductor(head, VOXEL_MM)


@pytest.fixture(scope="module")
def scalp(conductor):
    return Scalp(conductor.head)


@pytest.fixture(scope="module")
def target():
    return Target.sphere((40.0, 40.0, 30.0), 10.0, name="right frontal")


@pytest.fixture(scope="module")
def proposals(conductor, scalp, target):
    return {item.placement.name: item for item in propose(conductor, STIMULUS, scalp=scalp, target=target)}


# -- stimulus


def test_charge_of_a_worked_example():
    """0.9 A, 0.5 ms, 140 pairs a second, 1.2 s: 151.2 mC."""
    train = Stimulus(current_A=0.9, pulse_width_s=0.5e-3, pair_frequency_Hz=140.0, duration_s=1.2)
    assert train.charge_C == pytest.approx(0.1512)
    assert train.pulses == pytest.approx(336)


@given(st.floats(0.1, 2.0), st.floats(1e-4, 1e-3), st.floats(1.0, 100.0), st.floats(0.1, 8.0), st.floats(1.1, 2.0))
def test_charge_is_proportional_to_each_factor(current, width, frequency, duration, factor):
    train = Stimulus(current_A=current, pulse_width_s=width, pair_frequency_Hz=frequency, duration_s=duration)
    assert train.charge_C == pytest.approx(current * width * train.pulses)
    for name in ("current_A", "pulse_width_s", "pair_frequency_Hz", "duration_s"):
        other = replace(train, **{name: factor * getattr(train, name)})
        assert other.charge_C == pytest.approx(factor * train.charge_C)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"current_A": 800.0}, "current_A = 800"),
        ({"current_A": 0.0}, "current_A = 0"),
        ({"current_A": math.nan}, "current_A = nan"),
        ({"pulse_width_s": 0.3}, "pulse_width_s = 0.3"),
        ({"pulse_width_s": -1e-3}, "pulse_width_s"),
        ({"pair_frequency_Hz": 0.0}, "pair_frequency_Hz"),
        ({"pair_frequency_Hz": math.inf}, "pair_frequency_Hz"),
        ({"pair_frequency_Hz": 2000.0}, "overlap"),
        ({"duration_s": 4000.0}, "duration_s"),
    ],
)
def test_refuses_what_is_no_stimulus(change, message):
    with pytest.raises(PlanError, match=message):
        replace(STIMULUS, **change)


def test_unusual_stimuli_are_left_to_the_safety_rules():
    wide = replace(STIMULUS, current_A=1.2, pulse_width_s=2e-3)
    assert wide.quantities()["peak_current_A"] == 1.2
    assert set(wide.quantities()) == {
        "technique", "peak_current_A", "pulse_width_s", "pulse_pair_frequency_Hz", "stimulus_duration_s", "charge_C",
    }  # fmt: skip


# -- recipes


@given(st.floats(5.0, 60.0), st.floats(0.0, 360.0))
def test_walk_is_a_great_circle_of_the_right_length(scalp_walk, length, turn):
    start = scalp_walk.head.ten_ten_mm["C4"]
    direction = np.array([0.0, math.cos(math.radians(turn)), math.sin(math.radians(turn))])
    end = walk(scalp_walk, start, direction, length)
    radius = np.linalg.norm(start)
    angle = math.acos(np.clip(start @ end / np.linalg.norm(start) / np.linalg.norm(end), -1, 1))
    assert radius * angle == pytest.approx(length, abs=0.02 * length + 0.3)


@pytest.fixture(scope="module", name="scalp_walk")
def _scalp_walk(scalp):
    return scalp


def test_frontotemporal_is_an_inch_above_the_line_from_canthus_to_tragus(scalp):
    center = ect_placement(scalp, "bitemporal").sites[0].center_mm
    canthus, tragus = outer_canthus_mm(scalp, "right"), scalp.head.fiducials_mm["RPA"]
    middle = scalp.project(((canthus + tragus) / 2)[None])[0]
    line = (tragus - canthus) / np.linalg.norm(tragus - canthus)
    assert abs((center - middle) @ line) < 1.5
    assert np.linalg.norm(center - middle) == pytest.approx(2 * RADIUS_MM * math.sin(25 / 2 / RADIUS_MM), abs=0.6)
    assert (center - middle) @ scalp.axes.up > 0


def test_second_unilateral_electrode_touches_the_midline(scalp):
    beside = ect_placement(scalp, "right_unilateral").sites[1]
    cz = scalp.head.ten_ten_mm["Cz"]
    assert np.linalg.norm(beside.center_mm - cz) == pytest.approx(beside.shape.radius_mm, abs=0.5)
    assert beside.center_mm[0] > cz[0]


def test_feast_has_one_small_and_one_long_electrode(scalp):
    large, small = ect_placement(scalp, "feast").sites
    assert large.shape.area_mm2 > small.shape.area_mm2
    # the long side runs across the head: in the electrode's frame, u turned by the rotation is to the right
    assert large.shape.width_mm > large.shape.height_mm
    assert abs(large.shape.rotation_deg) < 5
    assert ect_placement(scalp, "feast").unidirectional


def test_left_is_the_mirror_of_right(scalp):
    right, left = ect_placement(scalp, "right_unilateral"), ect_placement(scalp, "left_unilateral")
    for one, other in zip(right.sites, left.sites, strict=True):
        assert one.center_mm * [-1, 1, 1] == pytest.approx(other.center_mm, abs=0.3)


@pytest.mark.parametrize("name", placement_names())
def test_words_say_where_and_what_rests_on_memory(scalp, name):
    placement = ect_placement(scalp, name)
    for site in placement.sites:
        assert site.words in placement.words
        assert "10-10" in site.words
        assert "from memory, unverified" in site.words
    assert any("(secondary_web)" in note or "unverified" in note for note in placement.notes)


def test_refuses_unknown_placements(scalp, conductor):
    with pytest.raises(PlanError, match="'frontal' is unknown; placements: right_unilateral"):
        ect_placement(scalp, "frontal")
    with pytest.raises(PlanError, match="no ECT placement asked for"):
        propose(conductor, STIMULUS, placements=(), scalp=scalp)


def test_walk_refuses_a_direction_off_the_skin(scalp):
    start = scalp.head.ten_ten_mm["Cz"]
    normal = scalp.head.scalp.nearest(start[None])[1][0]
    with pytest.raises(PlanError, match="no way along the scalp"):
        walk(scalp, start, normal, 10.0)


# -- fields


def test_all_placements_carry_their_current(proposals):
    assert set(proposals) == set(placement_names())
    for item in proposals.values():
        assert list(item.field.current_A.values()) == pytest.approx([0.8, -0.8], rel=1e-4)


def test_mirrored_placement_gives_the_mirrored_field(proposals):
    right, left = (proposals[name].field.e_V_per_m for name in ("right_unilateral", "left_unilateral"))
    mirrored = left[::-1] * np.array([-1, 1, 1], np.float32)
    brain = proposals["bitemporal"].field.labels == 1
    assert np.linalg.norm((right - mirrored)[brain]) < 0.01 * np.linalg.norm(right[brain])
    assert np.linalg.norm((right - left)[brain]) > 0.5 * np.linalg.norm(right[brain])


def test_bilateral_placements_are_symmetric_and_unilateral_ones_are_not(proposals):
    for name in ("bitemporal", "bifrontal"):
        dose = proposals[name].dose
        assert dose.suprathreshold_left == pytest.approx(dose.suprathreshold_right, abs=0.02)
    for name, sign in (("right_unilateral", 1), ("left_unilateral", -1), ("feast", 1)):
        dose = proposals[name].dose
        assert sign * (dose.suprathreshold_right - dose.suprathreshold_left) > 0.02
        hippocampi = {region.name: region.mean_V_per_m for region in dose.regions}
        assert sign * (hippocampi["hippocampus R"] - hippocampi["hippocampus L"]) > 0


def test_field_is_linear_in_the_current(conductor, scalp, proposals):
    half = replace(STIMULUS, current_A=0.4)
    (solved,) = propose(conductor, half, placements=["bifrontal"], scalp=scalp)
    scaled = with_stimulus(proposals["bifrontal"], half)
    for name in ("e50_V_per_m", "e90_V_per_m", "e99_V_per_m", "brain_density_A_per_m2"):
        assert getattr(solved.dose, name) == pytest.approx(getattr(scaled.dose, name), rel=1e-3)
        assert getattr(scaled.dose, name) == pytest.approx(getattr(proposals["bifrontal"].dose, name) / 2)
    assert "400 mA" in scaled.words
    assert scaled.montage.currents_A == pytest.approx([0.4, -0.4])
    assert with_stimulus(scaled, STIMULUS).dose == proposals["bifrontal"].dose


@given(st.floats(0.05, 2.0), st.floats(1.0, 2.0))
def test_share_above_threshold_rises_with_current_and_pulse_width(dose_of, current, factor):
    weak = dose_of(current, 0.3e-3)
    assert dose_of(factor * current, 0.3e-3).suprathreshold_share >= weak.suprathreshold_share
    assert dose_of(current, factor * 0.3e-3).suprathreshold_share >= weak.suprathreshold_share


@pytest.fixture(scope="module", name="dose_of")
def _dose_of(proposals):
    item = proposals["right_unilateral"]

    def dose(current_A, width_s):
        threshold = excitation_law().rectangular_V_per_m(width_s)
        return measure(item.field, item.brain, threshold_V_per_m=threshold, scale=current_A / 0.8)

    return dose


def test_scale_to_threshold_brings_the_peak_to_it(proposals):
    item = proposals["bitemporal"]
    met = with_stimulus(item, replace(STIMULUS, current_A=0.8 * item.dose.threshold_scale))
    assert met.dose.e99_over_threshold == pytest.approx(1)
    assert met.dose.suprathreshold_share == pytest.approx(0.01, abs=0.002)


def test_dose_counts_what_it_says(proposals):
    item = proposals["feast"]
    magnitude = item.field.magnitude_V_per_m[item.field.labels == 1]
    dose = item.dose
    assert dose.largest_V_per_m == pytest.approx(magnitude.max())
    assert dose.e50_V_per_m == pytest.approx(np.median(magnitude), rel=1e-6)
    assert dose.suprathreshold_share == pytest.approx((magnitude >= dose.threshold_V_per_m).mean())
    volume = (magnitude >= dose.e99_V_per_m / 2).sum() * VOXEL_MM**3
    assert dose.half_max_volume_mm3 == pytest.approx(volume)
    region = next(region for region in dose.regions if region.name == "amygdala R")
    index = np.argwhere(item.field.labels == 1) @ item.field.affine[:3, :3].T + item.field.affine[:3, 3]
    near = np.linalg.norm(index - [28.0, -3.0, -20.0], axis=1) <= 8.0
    assert region.voxels == near.sum()
    assert region.mean_V_per_m == pytest.approx(magnitude[near].mean(), rel=1e-6)


def test_ranking_is_by_target_over_hippocampus(proposals):
    ranked = rank(proposals.values())
    ratios = [item.target_over_hippocampus for item in ranked]
    assert ratios == sorted(ratios, reverse=True)
    assert ranked[0].placement.name in {"right_unilateral", "feast", "bifrontal"}
    dose = ranked[0].dose
    assert ratios[0] == pytest.approx(dose.mean_of("right frontal") / dose.mean_of("hippocampus"))


def test_ranking_refuses_proposals_without_a_target(proposals):
    bare = replace(proposals["feast"], target_name=None)
    with pytest.raises(PlanError, match="1 of 1 proposals have no field in both"):
        rank([bare])
    with pytest.raises(PlanError, match="no region 'cerebellum'"):
        bare.dose.mean_of("cerebellum")


# -- heads that lack something


def test_a_head_without_mni_states_what_it_does_not_hold(conductor):
    head = replace(conductor.head, mni=None)
    places = seizure_regions(head)
    assert len(places) == 6
    assert all(place.target is None and "no MNI registration" in place.note for place in places)
    with pytest.raises(PlanError, match="no centroid on either side"):
        seizure_regions(head, ["cerebellum"])


def test_a_missing_side_is_the_mirror_image_and_says_so(conductor):
    left, right = seizure_regions(conductor.head, ["hippocampus"])
    assert right.target.center_mm == pytest.approx(left.target.center_mm * [-1, 1, 1])
    assert "mirror image" in right.note
    assert "mirror image" not in left.note


def test_refuses_a_head_without_brain():
    head = sphere_head(radii_mm=(86.0, 92.0), tissues=("skull", "scalp"), voxel_mm=5.0)
    with pytest.raises(PlanError, match="holds no brain"):
        BrainMap.of(Conductor(head, 5.0), Scalp(head), ())


def ball_with_neck(neck_mm: float) -> Head:
    """Return a layered ball on a cylinder of scalp tissue of 60 mm radius that reaches `neck_mm` below the ball."""
    n, size = 27, VOXEL_MM
    x, y, z = np.meshgrid(*(np.arange(-n, n + 1) * size,) * 2, np.arange(-n - 20, n + 1) * size, indexing="ij")
    radius = np.sqrt(x**2 + y**2 + z**2)
    labels = np.zeros(x.shape, np.uint8)
    labels[(np.hypot(x, y) < 60) & (z < 0) & (z > -RADIUS_MM - neck_mm)] = 4
    for label, shell in ((4, 92.0), (3, 86.0), (2, 80.0), (1, 78.0)):
        labels[radius < shell] = label
    affine = np.diag([size, size, size, 1.0])
    affine[:3, 3] = -n * size, -n * size, (-n - 20) * size
    tissues = {1: "grey_matter", 2: "csf", 3: "skull", 4: "scalp"}
    return Head.from_labels(labels, affine, tissues=tissues).with_fiducials(sphere_fiducials_mm(RADIUS_MM))


def test_a_neck_takes_current_from_low_electrodes_more_than_from_high_ones():
    proposals: dict[float, dict[str, EctProposal]] = {}
    for neck_mm in (0.0, 60.0):
        found = propose(
            Conductor(ball_with_neck(neck_mm), VOXEL_MM), STIMULUS, placements=["right_unilateral", "bitemporal"]
        )
        proposals[neck_mm] = {item.placement.name: item for item in found}
    change = {
        name: abs(proposals[0.0][name].dose.e50_V_per_m / proposals[60.0][name].dose.e50_V_per_m - 1)
        for name in ("right_unilateral", "bitemporal")
    }
    assert proposals[0.0]["bitemporal"].dose.e50_V_per_m > proposals[60.0]["bitemporal"].dose.e50_V_per_m
    assert change["bitemporal"] > change["right_unilateral"]
    assert "reaches" in proposals[0.0]["bitemporal"].notes[-2]

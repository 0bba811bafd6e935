"""The formulas of docs/dose.md in slow plain code against the functions, on a small sphere; and every refusal."""

import re
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from assuage.errors import DataError, PlanError, TargetError
from assuage.field import Conductor
from assuage.head.gallery import sphere_head
from assuage.head.mni import MniTransform
from assuage.sources import Disc, Montage, Pad
from assuage.targets import Target
from assuage.techniques.charge import Charge, delivered_charge
from assuage.techniques.currency import CircuitDose, DoseCurrency, circuit_dose, dose_currency
from assuage.techniques.dose import TargetDose, half_max, spread, stronger_share, target_dose, weighted_percentile
from assuage.techniques.patches import FieldMap, Located, locate, patch_in, patch_on
from assuage.techniques.references import (
    make_reference,
    motor_threshold_reference,
    reference_kind,
    reference_montage,
)
from assuage.techniques.watched import circuit_patches, sensitive_patches

PAGE = Path(__file__).parents[2] / "docs" / "dose.md"
NO_CHARGE = Charge(charge_C=None, words="not asked")
NOTHING = Located(patches={}, absent={})


@pytest.fixture(scope="module")
def head():
    plain = sphere_head(voxel_mm=4.0)
    labels = plain.labels.copy()
    points = np.argwhere(labels > 0) @ plain.affine[:3, :3].T + plain.affine[:3, 3]
    eye = np.linalg.norm(points - [30.0, 75.0, -20.0], axis=1) < 9
    labels[tuple(np.argwhere(labels > 0)[eye].T)] = 5
    with_eyes = type(plain).from_labels(labels, plain.affine, tissues={**plain.tissues, 5: "eyes"}, name="sphere")
    return replace(
        with_eyes, given_fiducials_mm=plain.given_fiducials_mm, mni=MniTransform.affine(np.diag([1.0, 1.0, 1.0, 1.0]))
    )


@pytest.fixture(scope="module")
def conductor(head):
    return Conductor(head, 4.0)


@pytest.fixture(scope="module")
def field(conductor):
    return conductor.solve(Montage({"C3": 2e-3, "Fp2": -2e-3}, shape=Disc(12.0)))


@pytest.fixture(scope="module")
def target():
    return Target.sphere([-38.0, 30.0, 45.0], 14.0, name="a target")


@pytest.fixture(scope="module")
def patch(conductor, target):
    return patch_on(conductor, target)


def on(conductor):
    return lambda target: patch_on(conductor, target)


# ---------------------------------------------------------------------------------------------- formulas of the page


def plain_percentile(sizes, weights, percent):
    pairs = sorted(zip(sizes, weights, strict=True))
    total, below = sum(weights), 0.0
    for size, weight in pairs:
        below += weight
        if below >= percent / 100 * total - 1e-12:
            return size
    raise AssertionError


def test_in_the_target(field, patch):
    normal = np.array([0.6, 0.0, -0.8])
    found = target_dose(field, patch, normal=normal)
    total = np.zeros(3)
    mean_size = 0.0
    sizes = []
    for (i, j, k), weight in zip(patch.index, patch.weights, strict=True):
        vector = [float(x) for x in field.e_V_per_m[i, j, k]]
        size = sum(x * x for x in vector) ** 0.5
        total += weight * np.array(vector)
        mean_size += weight * size
        sizes.append(size)
    assert found.mean_size_V_per_m == pytest.approx(mean_size, rel=1e-5)
    assert found.e99_V_per_m == pytest.approx(plain_percentile(sizes, patch.weights, 99.0), rel=1e-6)
    assert found.normal_V_per_m == pytest.approx(0.6 * found.mean_e_V_per_m[0] - 0.8 * found.mean_e_V_per_m[2])
    assert found.mean_V_per_m == pytest.approx(sum(x * x for x in found.mean_e_V_per_m) ** 0.5)
    # the read-out averages the elements' own field over shares of voxels, the loop takes voxel centres
    assert np.linalg.norm(found.mean_e_V_per_m - total) < 0.02 * np.linalg.norm(total)


def test_a_solved_field_is_read_as_the_adjoint_reads_it(conductor, field, target, patch):
    found = target_dose(field, patch)
    assert found.mean_e_V_per_m == pytest.approx(field.mean_in(target), rel=1e-12)
    assert conductor.adjoint(target).montage(field.source) == pytest.approx(found.mean_e_V_per_m, rel=1e-3)
    assert found.mean_V_per_m <= found.mean_size_V_per_m * 1.01 <= found.e99_V_per_m * 1.01


def test_maps_of_vectors_and_of_sizes(field, patch):
    vectors = FieldMap.on(field, field.e_V_per_m, says="amplitude, zero to peak")
    sizes = FieldMap.on(field, field.magnitude_V_per_m, says="envelope")
    by_vector, by_size = target_dose(vectors, patch, normal=np.array([1.0, 0, 0])), target_dose(sizes, patch)
    total = sum(w * field.e_V_per_m[tuple(v)].astype(float) for v, w in zip(patch.index, patch.weights, strict=True))
    assert by_vector.mean_e_V_per_m == pytest.approx(total, rel=1e-6)
    assert by_vector.normal_V_per_m == pytest.approx(total[0], rel=1e-6)
    assert by_size.mean_V_per_m == by_size.mean_size_V_per_m == pytest.approx(by_vector.mean_size_V_per_m)
    assert (by_size.mean_e_V_per_m, by_size.normal_V_per_m) == (None, None)
    assert (by_vector.mean_is, by_size.mean_is) == ("magnitude of the mean vector", "mean size")


def test_in_the_rest_of_the_head(field, head):
    grey = frozenset({"grey_matter"})
    peak, volume = half_max(field, grey)
    sizes = [
        float(field.magnitude_V_per_m[voxel])
        for voxel in np.ndindex(field.labels.shape)
        if field.tissues[field.labels[voxel]] == "grey_matter"
    ]
    ordered = sorted(sizes)
    place = 0.99 * (len(ordered) - 1)
    low = int(place)
    expected = ordered[low] + (place - low) * (ordered[low + 1] - ordered[low])
    assert peak == pytest.approx(expected, rel=1e-6)
    assert volume == pytest.approx(sum(size >= peak / 2 for size in sizes) * 4.0**3)
    measured = spread(field, grey)
    assert (measured.e99_V_per_m, measured.half_max_volume_mm3) == (peak, volume)
    assert stronger_share(field, grey, peak) == pytest.approx(0.01, abs=1e-3)
    assert measured.brain_density_A_per_m2 > peak * head.conductivity_S_per_m["grey_matter"]


def test_circuits_and_sensitive_regions(conductor, field, head, patch):
    circuits = circuit_patches(head, on(conductor))
    sensitive = sensitive_patches(head, on(conductor))
    reference = make_reference("tdcs", 0.25, origin="made for a test")
    found = dose_currency(
        field, patch, technique="tdcs", charge=NO_CHARGE, circuits=circuits, sensitive=sensitive, reference=reference
    )
    assert [circuit.domain for circuit in found.circuits] == ["emotion_regulation", "reward", "pain", "impulse_control"]
    for circuit in found.circuits:
        regions = {region.name: region for region in circuit.regions}
        total = 0.0
        for name, place in circuits[circuit.domain].patches.items():
            total += float(np.linalg.norm(field.mean_over(place.reading)))
            assert regions[name].mean_V_per_m == pytest.approx(np.linalg.norm(field.mean_over(place.reading)))
            assert regions[name].over_target == pytest.approx(regions[name].mean_V_per_m / found.target.mean_V_per_m)
        assert circuit.mean_V_per_m == pytest.approx(total / len(regions))
    assert "periaqueductal_grey" in found.circuits[2].absent
    assert {"hippocampus L", "amygdala R", "eyes"} <= {region.name for region in found.sensitive}
    assert "no centroid" in found.sensitive_absent["brainstem"]
    assert found.ratio == pytest.approx(found.target.mean_V_per_m / 0.25)
    assert found.target_over_peak == pytest.approx(found.target.mean_V_per_m / found.peak_V_per_m)
    grey = field.magnitude_V_per_m[np.isin(field.labels, [field.tissues.index("grey_matter")])]
    assert found.stronger_elsewhere == pytest.approx(sum(e > found.target.mean_V_per_m for e in grey) / len(grey))


def test_a_shared_centroid_is_made_into_a_patch_once(head, conductor):
    asked = []

    def make(target):
        asked.append(tuple(target.requested_mm))
        return patch_on(conductor, target)

    circuits = circuit_patches(head, make)
    assert len(asked) == len(set(asked)) < sum(len(c.patches) for c in circuits.values())


def test_regions_under_the_target_are_not_off_target(conductor, field):
    here = Target.sphere([-38.0, 30.0, 45.0], 14.0, name="here")
    inside = Target.sphere([-38.0, 30.0, 45.0], 8.0, name="inside")
    away = Target.sphere([40.0, -30.0, 40.0], 8.0, name="away")
    patch = patch_on(conductor, here)
    located = locate({"inside": inside, "away": away, "nowhere": "not found"}, on(conductor))
    mean = target_dose(field, patch).mean_V_per_m
    found = circuit_dose(field, "made up", located, target=patch, target_mean_V_per_m=mean)
    assert {region.name: region.on_target for region in found.regions} == {"inside": True, "away": False}
    assert found.off_target_V_per_m == pytest.approx(np.linalg.norm(field.mean_in(away)))
    assert found.mean_V_per_m != found.off_target_V_per_m
    assert dict(found.absent) == {"nowhere": "not found"}
    alone = circuit_dose(field, "made up", NOTHING, target=patch, target_mean_V_per_m=mean)
    assert (alone.mean_V_per_m, alone.off_target_V_per_m) == (None, None)


def test_a_map_on_its_own_grid(field, target):
    fine = np.diag([2.0, 2.0, 2.0, 1.0])
    fine[:3, 3] = target.center_mm - 24.0
    index = np.stack(np.meshgrid(*[np.arange(25)] * 3, indexing="ij"), -1).reshape(-1, 3)
    at = np.rint((index @ fine[:3, :3].T + fine[:3, 3] - field.affine[:3, 3]) / 4.0).astype(int)
    labels = field.labels[tuple(at.T)].reshape(25, 25, 25)
    values = field.e_V_per_m[tuple(at.T)].reshape(25, 25, 25, 3)
    zoomed = FieldMap(
        head=field.head, values_V_per_m=values, labels=labels, tissues=field.tissues, affine=fine, says="E"
    )
    patch = patch_in(zoomed, target)
    count = 0
    for voxel in np.ndindex(labels.shape):
        point = fine[:3, :3] @ voxel + fine[:3, 3]
        near = np.linalg.norm(point - target.center_mm) <= 14.0
        count += bool(near and field.tissues[labels[voxel]] == "grey_matter")
    assert len(patch.index) == count
    coarse = target_dose(field, patch_in(field, target)).mean_size_V_per_m
    assert target_dose(zoomed, patch).mean_size_V_per_m == pytest.approx(coarse, rel=0.03)
    far = locate({"far": Target.sphere([40.0, -30.0, 40.0], 8.0, name="far")}, lambda t: patch_in(zoomed, t))
    assert "holds no voxel" in far.absent["far"]


@given(
    sizes=hnp.arrays(float, st.integers(1, 30), elements=st.floats(0, 100)),
    percent=st.floats(1, 100),
    data=st.data(),
)
def test_weighted_percentile(sizes, percent, data):
    weights = data.draw(hnp.arrays(float, len(sizes), elements=st.floats(0.01, 1)))
    weights = weights / weights.sum()
    assert weighted_percentile(sizes, weights, percent) == plain_percentile(sizes, weights, percent)


@given(times=st.floats(0.1, 10))
def test_everything_is_proportional_to_the_field(field, patch, times):
    one = FieldMap.on(field, field.e_V_per_m, says="E")
    other = FieldMap.on(field, times * field.e_V_per_m, says="E")
    options = {"technique": "tdcs", "charge": NO_CHARGE, "circuits": {}, "sensitive": NOTHING}
    a, b = dose_currency(one, patch, **options), dose_currency(other, patch, **options)
    assert b.target.mean_V_per_m == pytest.approx(times * a.target.mean_V_per_m, rel=1e-5)
    assert b.peak_V_per_m == pytest.approx(times * a.peak_V_per_m, rel=1e-5)
    assert b.target_over_peak == pytest.approx(a.target_over_peak, rel=1e-5)
    assert b.half_max_volume_mm3 == pytest.approx(a.half_max_volume_mm3, rel=0.01)
    assert b.ratio is None


# -------------------------------------------------------------------------------------------------------- references


def test_reference_montage_is_the_field_of_two_milliampere(conductor):
    spot = Target.sphere([-45.0, 0.0, 55.0], 10.0, name="hand area")
    landscape = conductor.adjoint(spot)
    steady = reference_montage("tdcs", landscape)
    solved = conductor.solve(Montage.pads("C3", "Fp2", current_A=2e-3, pad=Pad(50.0, 70.0)))
    assert steady.value_V_per_m == pytest.approx(np.linalg.norm(solved.mean_in(spot)), rel=1e-3)
    assert "2 mA, pads at C3 and Fp2, in hand area" in steady.origin
    for technique in ("tacs", "hd_tacs", "ti", "hd_tdcs"):
        assert reference_montage(technique, landscape).value_V_per_m == pytest.approx(steady.value_V_per_m)
    with pytest.raises(PlanError, match=r"'tms' is compared with its motor-threshold field"):
        reference_montage("tms", landscape)


def test_fully_modulated_reference_equals_the_field_of_the_sum(field, patch):
    # two carriers through one montage at half the current each: 2 min(|E1|, |E2|) = |E|
    half = np.linalg.norm(field.e_V_per_m / 2, axis=-1)
    envelope = FieldMap.on(field, 2 * np.minimum(half, half), says="envelope")
    assert target_dose(envelope, patch).mean_V_per_m == pytest.approx(target_dose(field, patch).mean_size_V_per_m)


def test_motor_threshold_reference():
    class Spot:
        way = "measured pose"

    class Calibrated:
        coil, hotspot, threshold_e_V_per_m = "toy", Spot(), 60.0

    found = motor_threshold_reference("snt", Calibrated())
    assert (found.value_V_per_m, found.ratio(30.0)) == (60.0, 0.5)
    assert "toy" in found.origin
    with pytest.raises(PlanError, match="neural threshold field"):
        motor_threshold_reference("ect", Calibrated())


@pytest.mark.parametrize("technique", ["tdcs_rtms", "eeg", ""])
def test_a_technique_without_a_reference_is_refused(technique):
    with pytest.raises(PlanError, match="techniques with one: tms"):
        reference_kind(technique)


def test_references_without_value_or_origin_are_refused():
    for value in (0.0, -1.0, float("nan")):
        with pytest.raises(PlanError, match="needs the threshold at the pulse width"):
            make_reference("ect", value, origin="x")
    with pytest.raises(PlanError, match="say where the value is from"):
        make_reference("ect", 35.0, origin=" ")


def test_each_technique_is_held_against_its_own_reference(field, patch):
    other = make_reference("ect", 35.0, origin="made for a test")
    with pytest.raises(PlanError, match="each technique has its own reference"):
        dose_currency(field, patch, technique="tdcs", charge=NO_CHARGE, circuits={}, sensitive=NOTHING, reference=other)


# ---------------------------------------------------------------------------------------------------------- refusals


def test_patches_of_another_grid_are_refused(field, patch):
    moved = replace(patch, affine=patch.affine + np.eye(4))
    with pytest.raises(DataError, match="make the patch on the map's own grid"):
        target_dose(field, moved)


def test_targets_without_a_voxel_are_refused(field):
    beside = Target.sphere([0.0, 0.0, 20.0], 0.4, name="beside the voxel centres")
    moved = replace(beside, center_mm=np.array([1.9, 1.9, 21.9]))
    with pytest.raises(TargetError, match="holds no voxel of grey_matter on the 4 mm grid"):
        patch_in(field, moved)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda v: v[:-1], "one number or three"),
        (lambda v: np.where(np.arange(v.size).reshape(v.shape) == 5, np.nan, v), "1 values that are NaN"),
        (lambda v: v - 1, "below 0"),
    ],
)
def test_maps_that_are_none_are_refused(field, change, words):
    with pytest.raises(DataError, match=words):
        FieldMap.on(field, change(field.magnitude_V_per_m), says="E")
    with pytest.raises(DataError, match="name the quantity"):
        FieldMap.on(field, field.magnitude_V_per_m, says="")


def test_a_head_without_mni_has_no_regions(head, conductor):
    bare = replace(head, mni=None)
    circuits = circuit_patches(bare, on(conductor))
    assert all(not located.patches for located in circuits.values())
    found = sensitive_patches(bare, on(conductor))
    assert list(found.patches) == ["eyes"]
    assert found.absent["amygdala L"] == "the head has no MNI registration"
    eyeless = sensitive_patches(replace(sphere_head(voxel_mm=5.0), mni=head.mni), on(conductor))
    assert "labels no eyes" in eyeless.absent["eyes"]


# ------------------------------------------------------------------------------------------------------------ charge


@pytest.mark.parametrize(
    ("protocol", "charge"),
    [
        ({"technique": "tdcs", "total_current_A": 2e-3, "duration_s": 1200.0}, 2.4),
        ({"technique": "hd_tdcs", "total_current_A": 2e-3, "duration_s": 1200.0, "charge_C": 2.41}, 2.4),
        ({"technique": "tacs", "peak_current_A": 1e-3, "duration_s": 1200.0}, 1.2),
        ({"technique": "hd_tacs", "total_current_A": 1e-3, "duration_s": 1200.0}, 1.2),
        ({"technique": "ti", "current_per_pair_A": 1e-3, "duration_s": 1800.0}, 3.6),
        (
            {
                "technique": "ect",
                "peak_current_A": 0.9,
                "pulse_width_s": 0.5e-3,
                "pulse_pair_frequency_Hz": 140.0,
                "stimulus_duration_s": 1.2,
            },
            0.1512,
        ),
        (
            {
                "technique": "dbs",
                "amplitude_A": 3e-3,
                "pulse_width_s": 60e-6,
                "frequency_Hz": 130.0,
                "duration_s": 3600.0,
            },
            3e-3 * 60e-6 * 130 * 3600,
        ),
    ],
)
def test_charge_by_the_formulas_of_the_page(protocol, charge):
    assert delivered_charge(protocol).charge_C == pytest.approx(charge)


def test_charge_that_nobody_can_state_stays_empty():
    assert delivered_charge({"technique": "itbs", "duration_s": 190.0}).charge_C is None
    lacking = delivered_charge({"technique": "tdcs", "total_current_A": 2e-3})
    assert (lacking.charge_C, lacking.words) == (None, "duration_s not stated")
    stated = delivered_charge({"technique": "ect", "charge_C": 0.3})
    assert stated.charge_C == 0.3
    assert "as stated" in stated.words


def test_contradictory_or_broken_charges_are_refused():
    with pytest.raises(DataError, match="contradicts total current x duration"):
        delivered_charge({"technique": "tdcs", "total_current_A": 2e-3, "duration_s": 1200.0, "charge_C": 2.0})
    with pytest.raises(DataError, match="number of 0 or more"):
        delivered_charge({"technique": "tdcs", "total_current_A": "2 mA", "duration_s": 1200.0})
    with pytest.raises(DataError, match="number of 0 or more"):
        delivered_charge({"technique": "tdcs", "total_current_A": 2e-3, "duration_s": float("nan")})
    with pytest.raises(PlanError, match="no rule for its charge"):
        delivered_charge({"technique": "tdcs_rtms"})


# -------------------------------------------------------------------------------------------------------------- page


def test_the_page_defines_every_quantity_of_the_target():
    page = PAGE.read_text(encoding="utf-8")
    missing = [item.name for item in fields(TargetDose) if f"`{item.name}`" not in page]
    assert missing == []


def test_the_page_names_every_field_of_the_currency():
    page = PAGE.read_text(encoding="utf-8")
    words = set(re.findall(r"[A-Za-z_0-9]+", page))
    named = {item.name for item in fields(DoseCurrency)} - {"technique"}
    assert named <= words
    assert {item.name for item in fields(CircuitDose)} - {"domain"} <= words


def test_the_page_lists_the_references_that_the_data_hold():
    page = PAGE.read_text(encoding="utf-8")
    rows = re.findall(r"^\| ((?:`\w+` ?)+)\|", page.split("## Against")[1].split("## In the rest")[0], re.MULTILINE)
    on_page = {name for row in rows for name in re.findall(r"`(\w+)`", row)} - {"tdcs_rtms"}
    with pytest.raises(PlanError) as refusal:
        reference_kind("")
    in_data = set(re.search(r"with one: ([\w, ]+) \(", str(refusal.value))[1].split(", "))
    assert on_page == in_data

"""MST: trains, coils on the head, and the physics of their fields on a sphere."""

import math
from dataclasses import replace

import numpy as np
import pytest

from assuage.errors import PlanError
from assuage.field import Conductor
from assuage.head.gallery import sphere_head
from assuage.head.mni import MniTransform
from assuage.safety import check
from assuage.sources import Coil, vector_potential_T_m
from assuage.targets import Target
from assuage.techniques import Scalp
from assuage.techniques.excitation import excitation_law
from assuage.techniques.mst import CASING_MM, PER_UNIT, Train, mst_coils, mst_sites, propose, twin_coil
from assuage.techniques.poses import LIFT_SLACK_MM
from assuage.techniques.seizure import rank
from assuage.techniques.tms import HAIR_MM, is_antisymmetric

VOXEL_MM = 4.0
TRAIN = Train.of(4.0)


@pytest.fixture(scope="module")
def conductor():
    head = replace(sphere_head(voxel_mm=VOXEL_MM), mni=MniTransform.affine(np.eye(4)))
    return Conductor(head, VOXEL_MM)


@pytest.fixture(scope="module")
def scalp(conductor):
    return Scalp(conductor.head)


@pytest.fixture(scope="module")
def coils():
    return mst_coils()


@pytest.fixture(scope="module")
def proposals(conductor, scalp, coils):
    target = Target.sphere((0.0, 0.0, 70.0), 8.0, name="top")
    found = propose(conductor, TRAIN, coils=coils, scalp=scalp, target=target)
    names = [(coil, site.name) for coil in coils for site in mst_sites()]
    return dict(zip(names, found, strict=True))


def test_train_counts_its_pulses_and_names_its_quantities(proposals):
    assert TRAIN.pulses == 400
    quantities = proposals["double_cone", "vertex"].quantities()
    assert quantities["technique"] == "mst"
    assert quantities["pulses_per_session"] == 400
    assert quantities["frequency_Hz"] == 100.0
    assert quantities["didt_A_per_s"] == quantities["coil_max_didt_A_per_s"] == 146.44e6
    assert not [v for v in check(quantities) if v.kind == "definition"], "it contradicts neither its name nor itself"
    unknown = proposals["twin", "vertex"].quantities()
    assert "didt_A_per_s" not in unknown
    assert "coil_max_didt_A_per_s" not in unknown


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"duration_s": 0.0}, "duration_s = 0"),
        ({"duration_s": 1000.0}, "duration_s = 1000"),
        ({"frequency_Hz": math.nan}, "frequency_Hz = nan"),
        ({"frequency_Hz": 5000.0}, "frequency_Hz = 5000"),
        ({"period_s": 0.37}, "period_s = 0.37"),
        ({"didt_A_per_s": -1e6}, "didt_A_per_s"),
        ({"didt_A_per_s": 1e12}, "didt_A_per_s"),
    ],
)
def test_refuses_what_is_no_train(change, message):
    with pytest.raises(PlanError, match=message):
        replace(TRAIN, **change)


def test_refuses_more_than_the_coil_is_known_to_reach(conductor, scalp, coils):
    with pytest.raises(PlanError, match=r"200 A/us is above the 146\.44 A/us"):
        propose(conductor, Train.of(4.0, didt_A_per_s=200e6), coils={"c": coils["double_cone"]}, scalp=scalp)


def test_refuses_unknown_sites_and_no_coil(conductor, scalp):
    with pytest.raises(PlanError, match="MST site occiput; sites: vertex, prefrontal"):
        propose(conductor, TRAIN, sites=["occiput"], scalp=scalp)
    with pytest.raises(PlanError, match="MST site missing"):
        propose(conductor, TRAIN, sites=[], scalp=scalp)
    with pytest.raises(PlanError, match="no MST coil"):
        propose(conductor, TRAIN, coils={}, scalp=scalp)


def test_twin_coil_fills_the_measured_outline_and_has_the_moment_of_its_ellipses():
    coil = twin_coil()
    extent = np.ptp(coil.positions_mm, axis=0)
    assert extent == pytest.approx([162.0, 163.0, 35.0], abs=10.0)
    assert coil.max_didt_A_per_s is None
    assert is_antisymmetric(coil)
    # turns are even circles of mean radius 30 +- 9 mm, stretched twofold: area 2 pi r^2 each
    radii = np.linspace(21.0, 39.0, 6)
    one_wing = np.linalg.norm(coil.moments_m2[coil.positions_mm[:, 0] > 0].sum(0))
    # a turn of width w counts linearly across its copper: pi (r^2 + w^2 / 12)
    assert one_wing == pytest.approx(2 * np.pi * (radii**2 + 2.0**2 / 12).sum() * 1e-6, rel=1e-6)


def test_an_elliptical_wing_has_the_field_of_its_turns():
    """Vector potential on the axis side of the twin coil against straight pieces of its wires, in plain code."""
    row = twin_coil()
    field_points = np.array([[0.0, 0.0, 60.0], [30.0, 20.0, 70.0], [-20.0, 50.0, 80.0]])
    tilt = np.deg2rad(20.0)
    turn = np.array([[np.cos(tilt), 0, -np.sin(tilt)], [0, 1, 0], [np.sin(tilt), 0, np.cos(tilt)]])
    expected = np.zeros((3, 3))
    angle = np.linspace(0, 2 * np.pi, 2001)
    levels, shares = np.polynomial.legendre.leggauss(3)
    for radius in np.linspace(21.0, 39.0, 6):
        for height, share in zip(-3.0 - 3.0 * (1 + levels), shares / 2, strict=True):
            wire = np.stack([40.0 + radius * np.cos(angle), radius * np.sin(angle), np.full_like(angle, height)], 1)
            for mirror in (1, -1):
                bent = (wire @ turn.T) * [mirror, 2.0, 1.0]
                middle, step = (bent[1:] + bent[:-1]) / 2, np.diff(bent, axis=0)
                away = np.linalg.norm(field_points[:, None] - middle, axis=2)
                # mirrored and with the opposite current: the mirror image of the wire runs the other way round
                expected += share * 1e-7 * np.einsum("pw,wa->pa", 1 / away, step)
    found = vector_potential_T_m(field_points, row.positions_mm, row.moments_m2)
    assert found == pytest.approx(expected, rel=0.02, abs=0.02 * np.abs(expected).max())


def test_all_copper_keeps_its_distance(proposals, scalp):
    for item in proposals.values():
        assert scalp.clearance_mm(item.source.positions_mm).min() >= HAIR_MM + CASING_MM - LIFT_SLACK_MM - 0.05


def test_fields_are_linear_in_didt(conductor, scalp, coils, proposals):
    (half,) = propose(
        conductor, Train.of(4.0, didt_A_per_s=73.22e6), coils={"c": coils["double_cone"]}, sites=["vertex"], scalp=scalp
    )
    full = proposals["double_cone", "vertex"]
    assert half.dose.e99_V_per_m == pytest.approx(full.dose.e99_V_per_m / 2, rel=1e-3)
    assert half.threshold_didt_A_per_s == pytest.approx(full.threshold_didt_A_per_s, rel=1e-3)
    assert half.amplitude == "as asked"
    assert full.amplitude == "coil maximum"
    assert full.dose.suprathreshold_share >= half.dose.suprathreshold_share


def test_coils_on_the_midline_are_symmetric(proposals):
    for item in proposals.values():
        magnitude = item.field.magnitude_V_per_m
        assert np.abs(magnitude - magnitude[::-1]).max() < 0.03 * magnitude.max()


def test_no_coil_reaches_the_centre_of_a_sphere(proposals):
    for item in proposals.values():
        centre = np.rint(np.linalg.inv(item.field.affine)[:3, 3]).astype(int)
        assert item.field.magnitude_V_per_m[tuple(centre)] < 0.03 * item.dose.largest_V_per_m


def test_circular_coil_on_the_vertex_turns_around_it(proposals):
    field = proposals["circular", "vertex"].field
    n = field.labels.shape[0] // 2
    k = n + 15
    x, y = field.e_V_per_m[n + 8, n, k], field.e_V_per_m[n, n + 8, k]
    # azimuthal: along y at +x, along -x at +y
    assert abs(x[1]) > 20 * abs(x[0])
    assert y[0] == pytest.approx(-x[1], rel=0.03)


def test_threshold_is_that_of_the_sine_and_words_say_what_holds(proposals):
    for (name, site), item in proposals.items():
        assert item.dose.threshold_V_per_m == excitation_law().sine_V_per_m(TRAIN.period_s)
        assert site in {"vertex", "prefrontal"}
        assert "100 pulses a second" in item.words
        assert ("no maximum is known" in item.words) == (item.amplitude == PER_UNIT) == (name != "double_cone")
    assert any("unverified" in note for note in proposals["twin", "vertex"].notes)


def test_ranking_puts_the_coil_over_the_target_first(proposals):
    ranked = rank(proposals.values())
    assert ranked[0].site.name == "vertex"
    assert ranked[0].target_over_hippocampus > ranked[-1].target_over_hippocampus
    with pytest.raises(PlanError, match="1 of 1 proposals have no field in both"):
        rank([replace(ranked[0], target_name=None)])


def test_a_coil_of_the_user_is_taken_as_it_is(conductor, scalp):
    own = Coil.circular(turns=5, inner_radius_mm=20.0, outer_radius_mm=40.0, wire_width_mm=2.0)
    (item,) = propose(conductor, TRAIN, coils={"own": own}, sites=["vertex"], scalp=scalp)
    assert item.coil is own
    assert item.amplitude == PER_UNIT

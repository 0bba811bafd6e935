"""Activated volumes: thresholds, analytic spheres, grid convergence, overlap."""

from copy import copy
from dataclasses import replace

import numpy as np
import pytest
from dbs_heads import SIGMA, point_fields, shells
from hypothesis import given
from hypothesis import strategies as st

from assuage.errors import PlanError, TargetError
from assuage.field import Conductor, implant_box
from assuage.field.implant import implant
from assuage.field.implant_box import Encapsulation
from assuage.head import checks
from assuage.head.gallery import sphere_head
from assuage.sources.lead import Lead
from assuage.targets import Target
from assuage.techniques.dbs import VOXEL_MM
from assuage.techniques.dbs_activation import (
    Threshold,
    activate,
    activating_function,
    brain_share,
    fibre_directions,
    overlaps,
    part_above,
    region_share,
    threshold,
)

UP = np.array([0.0, 0.0, 1.0])
LAYER = Encapsulation(thickness_mm=0.5, conductivity_S_per_m=0.1)
FIELD = Threshold(criterion="field", value=200.0, pulse_width_s=60e-6, source="test", source_level="test")
FUNCTION = Threshold(
    criterion="activating_function", value=6e4, pulse_width_s=60e-6, source="test", source_level="test"
)


@pytest.fixture(scope="module")
def conductor():
    head = sphere_head(radii_mm=(40.0,), tissues=("grey_matter",), conductivity_S_per_m=(SIGMA,))
    return Conductor(head, 2.0)


@pytest.fixture(scope="module")
def placed():
    return Lead.load("Medtronic 3389").at([0.0, 0.0, -4.0], UP)


@pytest.fixture(scope="module")
def coarse(conductor, placed):
    return implant(conductor, placed, LAYER, margin_mm=8.0)


@pytest.fixture(scope="module")
def fine(conductor, placed):
    return implant(conductor, placed, LAYER, voxel_mm=0.25, margin_mm=7.0)


def test_threshold_at_the_width_of_the_source():
    limit = threshold("field", 60e-6)
    assert np.isclose(limit.value, 200.0)
    assert limit.source_level == "abstract"
    other = threshold("field", 90e-6)
    assert other.source_level == "from memory, unverified"
    assert len(other.warnings) > len(limit.warnings)
    assert any("derived" in line for line in threshold("activating_function", 60e-6).warnings)


@given(st.floats(30e-6, 239e-6), st.floats(1e-6, 100e-6))
def test_thresholds_fall_with_pulse_width(width_s, more_s):
    wider = min(width_s + more_s, 240e-6)
    for criterion in ("field", "activating_function"):
        assert threshold(criterion, wider).value < threshold(criterion, width_s).value
    # Weiss: charge grows linearly with the width
    a, b = threshold("field", width_s).value * width_s, threshold("field", wider).value * wider
    assert np.isclose((b - a) / (wider - width_s), threshold("field", 240e-6).value * 240 / (240 + 70))


def test_both_criteria_agree_at_the_reference():
    """A point cathode of 3.4 mA in grey matter (0.275 S/m): at the radius where |E| = T, phi'' across it is F."""
    T, F = threshold("field", 60e-6).value, threshold("activating_function", 60e-6).value
    r = np.sqrt(3.4e-3 / (4 * np.pi * 0.275 * T))
    assert np.isclose(3.4e-3 / (4 * np.pi * 0.275 * r**3), F)


@pytest.mark.parametrize(("criterion", "power", "level"), [("field", 2, FIELD), ("activating_function", 3, FUNCTION)])
def test_ball_around_a_point_cathode(fine, criterion, power, level):
    """|E| = I / (4 pi sigma r^2); across the radius phi'' = I / (4 pi sigma r^3): balls of known radius."""
    center = fine.placed.world_mm([[5.0, 0.3, 5.2]])[0]
    fields = point_fields(fine, center)
    current = np.array([-2e-3, 0, 0, 0])
    radius_m = (2e-3 / (4 * np.pi * SIGMA * level.value)) ** (1 / power)
    expected = 4 / 3 * np.pi * (radius_m * 1e3) ** 3
    found = activate(fields, current, level)
    assert found.threshold.criterion == criterion
    assert abs(found.volume_mm3 - expected) < 0.04 * expected  # the internode is a quarter of the radius
    assert not found.reaches_border


def test_activating_function_along_fibres(fine):
    center = fine.placed.world_mm([[4.5, 0.0, 5.0]])[0]
    fields = point_fields(fine, center)
    along_z = activating_function(fields, np.array([-1e-3, 0, 0, 0]), fibres=[0.0, 0.0, 1.0])
    grid = fields.conductor.grid
    places = np.argwhere(np.ones(grid.shape, bool))
    offset = (grid.world_mm(places) - center) * 1e-3
    r = np.linalg.norm(offset, axis=1)
    keep = (r > 2e-3) & (r < 2.9e-3) & (np.hypot(*fine.placed.local_mm(grid.world_mm(places))[:, :2].T) > 2.2)
    exact = -1e-3 / (4 * np.pi * SIGMA) * (3 * offset[keep, 2] ** 2 - r[keep] ** 2) / r[keep] ** 5
    found = along_z[tuple(places[keep].T)]
    assert np.linalg.norm(found - exact) < 0.06 * np.linalg.norm(exact)
    largest = activating_function(fields, np.array([-1e-3, 0, 0, 0]))[tuple(places[keep].T)]
    expected = 1e-3 / (4 * np.pi * SIGMA) / r[keep] ** 3
    assert np.linalg.norm(largest - expected) < 0.06 * np.linalg.norm(expected)
    per_voxel = np.broadcast_to([0.0, 0.0, 1.0], (*grid.shape, 3))
    same = activating_function(fields, np.array([-1e-3, 0, 0, 0]), fibres=per_voxel)
    assert np.allclose(same, along_z)


@pytest.fixture(scope="module")
def halved(conductor):
    """One ring on the default grid and on one of half its voxels."""
    lead = Lead.load("Medtronic 3389")
    one = replace(lead, contacts=lead.contacts[:1]).at([0.0, 0.0, -2.0], UP)
    with pytest.MonkeyPatch.context() as patch:  # finer than users may ask for
        patch.setattr(implant_box, "FINEST_MM", 0.1)
        patch.setattr(checks, "VOXEL_MM_RANGE", (0.1, 5.0))
        return [implant(conductor, one, LAYER, voxel_mm=h, margin_mm=4.5) for h in (VOXEL_MM, VOXEL_MM / 2)]


@pytest.mark.parametrize("level", [FIELD, FUNCTION], ids=["field", "function"])
def test_volume_converges(halved, level):
    """Half the voxels change the activated volume by less than 2 %."""
    given, finer = (activate(fields, np.array([-3e-3]), level) for fields in halved)
    assert not given.reaches_border
    assert given.volume_mm3 > 30
    assert abs(given.volume_mm3 - finer.volume_mm3) < 0.02 * finer.volume_mm3


def test_a_coarse_grid_is_as_far_off_as_its_warning_says(fine, coarse):
    currents = fine.currents_A({"2": -3e-3})
    half, quarter = (activate(fields, currents, FIELD).volume_mm3 for fields in (coarse, fine))
    assert abs(half - quarter) < 0.04 * quarter


def test_fibres_of_tensors(coarse):
    """The main axis where there are tensors; elsewhere the direction in which the function is largest."""
    grid, labels = coarse.conductor.grid, coarse.conductor.tissue.label
    axis = np.array([0.6, 0.8, 0.0])
    tensor = 0.1 * np.eye(3) + 0.3 * np.outer(axis, axis)
    known = np.broadcast_to(tensor.astype(np.float32), (*grid.shape, 3, 3))
    conductor = copy(coarse.conductor)
    conductor.given_tensors = {"grey_matter": known}
    fields = replace(coarse, conductor=conductor)
    found = fibre_directions(fields)
    grey = labels == conductor.tissue.tissues.index("grey_matter")
    assert np.allclose(np.abs(found[grey] @ axis), 1, atol=1e-5)
    assert not found[~grey].any()
    currents = coarse.currents_A({"2": -3e-3})
    along, largest = activating_function(fields, currents, fibres=found), activating_function(fields, currents)
    assert np.allclose(along, activating_function(fields, currents, fibres=axis), atol=1e-3 * largest.max())
    assert np.allclose(activating_function(fields, currents, fibres=0 * found), largest)
    assert (
        activate(fields, currents, FUNCTION, fibres=found).volume_mm3 < activate(fields, currents, FUNCTION).volume_mm3
    )
    with pytest.raises(PlanError, match="has no tensors"):
        fibre_directions(coarse)


def test_volume_grows_with_current_and_falls_with_threshold(coarse):
    currents = coarse.currents_A({"2": -1e-3})
    volumes = [activate(coarse, k * currents, FIELD).volume_mm3 for k in (1, 2, 3)]
    assert volumes[0] < volumes[1] < volumes[2]
    assert np.isclose(activate(coarse, -2 * currents, FIELD).volume_mm3, volumes[1])


def test_anodes_and_cathodes_differ_in_the_activating_function(coarse):
    currents = coarse.currents_A({"2": -3e-3})
    cathode, anode = (activate(coarse, sign * currents, FUNCTION).volume_mm3 for sign in (1, -1))
    assert abs(cathode - anode) > 0.1 * cathode


def test_a_surface_cuts_voxels_in_part():
    x = np.arange(10.0)
    values = np.broadcast_to(x[:, None, None], (10, 8, 8))
    for level in (3.0, 3.2, 3.5, 3.9):
        assert np.isclose(part_above(values, level)[:, 0, 0].sum(), 9.5 - level)


def test_brain_share_leaves_the_lead_out(fine):
    share = brain_share(fine)
    h = fine.conductor.grid.voxel_mm
    length = fine.conductor.grid.shape[2] * h - 8.0 - 1.5 + fine.placed.lead.contacts[0].from_mm
    missing = (1 - share).sum() * h**3
    R = fine.placed.lead.radius_mm + LAYER.thickness_mm
    assert 0.8 < missing / (np.pi * R**2 * length) < 1.2


def test_overlap_of_known_balls(fine):
    center = fine.placed.world_mm([[5.5, 0.0, 5.0]])[0]
    fields = point_fields(fine, center)
    radius = np.sqrt(2e-3 / (4 * np.pi * SIGMA * 200.0)) * 1e3
    found = activate(fields, np.array([-2e-3, 0, 0, 0]), FIELD)
    same, away, small = overlaps(
        found,
        fields,
        (
            Target.sphere(center, radius),
            Target.sphere(center + np.array([0, 30.0, 0]), 3.0, name="away"),
            Target.sphere(center, radius / 2),
        ),
    )
    assert same.dice > 0.96
    assert (away.name, away.activated_mm3, away.fraction, away.dice) == ("away", 0.0, 0.0, 0.0)
    assert abs(away.region_mm3 - 4 / 3 * np.pi * 27) < 0.15 * 4 / 3 * np.pi * 27
    assert small.fraction > 0.99
    assert abs(small.dice - 2 / 9) < 0.02


def test_a_mask_is_the_same_region_as_its_sphere(fine):
    center = fine.placed.world_mm([[5.0, 0.0, 5.0]])[0]
    affine = np.eye(4) * 0.25
    affine[:3, 3], affine[3, 3] = center - 5.0, 1.0
    index = np.stack(np.meshgrid(*[np.arange(41)] * 3, indexing="ij"), -1)
    ball = np.linalg.norm(index * 0.25 - 5.0, axis=-1) <= 3.0
    one, two = region_share(fine, Target.from_mask(ball, affine)), region_share(fine, Target.sphere(center, 3.0))
    assert abs(one.sum() - two.sum()) < 0.02 * two.sum()


def test_refusals(coarse):
    with pytest.raises(PlanError, match="30 to 240 us"):
        threshold("field", 450e-6)
    with pytest.raises(PlanError, match="unknown"):
        threshold("heat", 60e-6)
    with pytest.raises(PlanError, match="above 0"):
        Threshold(criterion="field", value=0.0, pulse_width_s=60e-6, source="", source_level="")
    currents = coarse.currents_A({"2": -1e-3})
    with pytest.raises(PlanError, match="knows no fibre direction"):
        activate(coarse, currents, FIELD, fibres=UP)
    with pytest.raises(PlanError, match="unit vectors"):
        activate(coarse, currents, FUNCTION, fibres=[0.0, 0.0, 2.0])
    with pytest.raises(TargetError, match="no tissue of the head"):
        overlaps(activate(coarse, currents, FIELD), coarse, (Target.sphere([200.0, 0, 0], 3.0),))


def test_skull_is_no_brain():
    head = shells()
    assert set(head.tissues.values()) == {"grey_matter", "csf", "skull", "scalp"}
    lead = Lead.load("Medtronic 3389").at([0.0, 0.0, 36.0], UP)
    fields = implant(Conductor(head, 2.0), lead, LAYER, margin_mm=8.0)
    share = brain_share(fields)
    skull = fields.conductor.tissue.label == fields.conductor.tissue.tissues.index("skull")
    assert skull.any()
    assert share[skull & (fields.conductor.tissue.block < 0)].max() == 0

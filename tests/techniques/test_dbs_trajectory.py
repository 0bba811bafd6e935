"""Ways in: zones, distances that are known, refusals."""

from dataclasses import replace

import numpy as np
import pytest
from dbs_heads import RULES, shells

from assuage.errors import PlanError
from assuage.head import Head
from assuage.targets import Target
from assuage.techniques.dbs_trajectory import entry_points, trajectories


@pytest.fixture(scope="module")
def head():
    return shells()


@pytest.fixture(scope="module")
def with_ventricle(head):
    """A ball of CSF, 8 mm in radius, at (10, 10, 15)."""
    index = np.argwhere(np.ones(head.labels.shape, bool))
    world = index @ head.affine[:3, :3].T + head.affine[:3, 3]
    labels = head.labels.copy()
    labels[tuple(index[np.linalg.norm(world - [10.0, 10.0, 15.0], axis=1) < 8].T)] = 2
    holed = Head.from_labels(labels, head.affine, tissues=head.tissues, conductivity_S_per_m=head.conductivity_S_per_m)
    return holed.with_fiducials(head.fiducials_mm)


TARGET = np.array([12.0, 5.0, -8.0])


def distance_to_line(point, way):
    along = (point - way.target_mm) @ way.direction
    return np.linalg.norm(way.target_mm + np.clip(along, 0, way.length_mm) * way.direction - point)


def test_columns_on_a_sphere(head):
    ways = trajectories(head, np.array([10.0, 0.0, 0.0]), rules=replace(RULES, largest_lean_deg=60.0))
    assert ways
    for way in ways:
        assert np.isclose(np.linalg.norm(way.direction), 1)
        assert np.isclose(way.length_mm, np.linalg.norm(way.entry_mm - way.target_mm))
        inward = -way.direction
        cosine = abs(way.entry_mm @ inward) / np.linalg.norm(way.entry_mm)
        assert abs(way.skull_angle_deg - np.degrees(np.arccos(cosine))) < 4
        assert 3 < way.bone_mm * np.cos(np.radians(way.skull_angle_deg)) < 7
        assert way.deep_csf_mm == 1e3  # no CSF but the shell, which is not deep


def test_the_ventricle_is_kept_clear_of(with_ventricle):
    ways = trajectories(with_ventricle, TARGET, rules=RULES, keep=500)
    center = np.array([10.0, 10.0, 15.0])
    for way in ways:
        exact = distance_to_line(center, way) - 8
        if exact > 1:
            assert abs(way.deep_csf_mm - exact) < 2.5
        if exact < -1:
            assert not way.admitted
            assert way.deep_csf_mm < 2
    admitted = [way for way in ways if way.admitted]
    assert admitted
    assert not all(way.admitted for way in ways)
    assert ways[0].admitted
    assert [way.admitted for way in ways] == sorted((way.admitted for way in ways), reverse=True)
    clearances = [way.clearance for way in admitted]
    assert clearances == sorted(clearances, reverse=True)


def test_regions_to_avoid(head):
    free = trajectories(head, TARGET, rules=RULES, keep=1)[0]
    block = Target.sphere(free.target_mm + 25 * free.direction, 4.0)
    ways = trajectories(head, TARGET, rules=RULES, avoid=(block,))
    assert ways[0].avoid_mm >= RULES.margin_mm
    assert distance_to_line(block.center_mm, ways[0]) > 4.0


def test_a_region_smaller_than_a_voxel_is_avoided_too(head):
    free = trajectories(head, TARGET, rules=RULES, keep=1)[0]
    speck = Target.sphere(free.target_mm + 25 * free.direction, 0.1)
    (way,) = trajectories(head, TARGET, rules=RULES, avoid=(speck,), keep=1)
    assert RULES.margin_mm <= way.avoid_mm < 100


def test_zones(head):
    points = entry_points(head, TARGET, RULES)
    nasion = head.fiducials_mm["Nz"]
    assert len(points) > 10
    assert (points[:, 0] >= RULES.midline_mm - 1e-6).all()  # the side of the target
    assert (nasion[1] - points[:, 1] >= RULES.behind_nasion_mm - 1e-6).all()
    both = entry_points(head, TARGET, replace(RULES, same_side=False))
    assert (both[:, 0] < 0).any()
    mirrored = entry_points(head, TARGET * [-1, 1, 1], RULES)
    assert abs(len(mirrored) - len(points)) <= 0.1 * len(points)
    assert (mirrored[:, 0] < 0).all()
    steep = entry_points(head, TARGET, replace(RULES, largest_lean_deg=20.0))
    assert len(steep) < len(points)


def test_refusals(head):
    with pytest.raises(PlanError, match="lies in skull"):
        trajectories(head, np.array([0.0, 0.0, 54.0]), rules=RULES)
    with pytest.raises(PlanError, match="leave no entry"):
        trajectories(head, TARGET, rules=replace(RULES, least_height_mm=500.0))
    bare = shells(radii_mm=(50.0, 56.0), tissues=("grey_matter", "scalp"), conductivity_S_per_m=(0.2, 0.4))
    with pytest.raises(PlanError, match="no skull"):
        trajectories(bare, TARGET, rules=RULES)

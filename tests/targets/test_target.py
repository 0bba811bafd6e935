"""Targets: what is inside, which tissue counts, which way is inward, what is refused."""

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assuage.errors import TargetError
from assuage.targets import MAX_SNAP_MM, Target, from_coordinate, nearest_cortex_mm

TISSUES = {1: "white_matter", 2: "grey_matter", 3: "csf", 4: "skull", 5: "scalp"}
OUTER_MM = {5: 46.0, 4: 42.0, 3: 38.0, 2: 36.0, 1: 32.0}


class ShiftedMni:
    def mni_to_head(self, points_mm):
        return np.asarray(points_mm) + np.array([1.0, -2.0, 3.0])


def ball_head(h=1.0, affine=None, tissues=TISSUES, mni=None):
    """Concentric shells, made of the pieces of a head that targets read."""
    n = int(100 / h)
    if affine is None:
        affine = np.diag([h, h, h, 1.0])
        affine[:3, 3] = -(n - 1) / 2 * h
    index = np.stack(np.meshgrid(*[np.arange(n)] * 3, indexing="ij"), -1)
    r = np.linalg.norm(index @ affine[:3, :3].T + affine[:3, 3], axis=-1)
    labels = np.zeros((n, n, n), np.uint8)
    for tag in (5, 4, 3, 2, 1):
        labels[r < OUTER_MM[tag]] = tag if tag in tissues else 0
    return SimpleNamespace(
        name="ball", labels=labels, affine=affine, tissues=tissues, fractions=None, mni=mni, voxel_mm=np.full(3, h)
    )


@pytest.fixture(scope="module")
def head():
    return ball_head(mni=ShiftedMni())


def test_sphere_mask_agrees_with_the_sphere_on_an_oblique_grid():
    angle = np.deg2rad(25)
    turn = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    affine = np.eye(4)
    affine[:3, :3] = turn @ np.diag([0.8, -1.1, 1.3])
    affine[:3, 3] = [-5, 40, 7]
    index = np.stack(np.meshgrid(*[np.arange(60)] * 3, indexing="ij"), -1).reshape(-1, 3)
    points = index @ affine[:3, :3].T + affine[:3, 3]
    center = points.mean(0)
    sphere = Target.sphere(center, 15.0)
    mask = Target.from_mask(sphere.inside(points).reshape(60, 60, 60), affine)
    assert np.array_equal(mask.inside(points), sphere.inside(points))
    assert np.linalg.norm(mask.center_mm - center) < 1.0
    assert mask.radius_mm == pytest.approx(15.0, rel=0.02)
    assert not mask.inside(np.array([[1e4, 0, 0], [-1e4, 0, 0]])).any()


@given(shift=st.tuples(*[st.floats(-0.49, 0.49)] * 3))
@settings(max_examples=30)
def test_mask_membership_is_that_of_the_nearest_voxel(shift):
    mask = np.zeros((5, 5, 5), bool)
    mask[2, 3, 1] = True
    affine = np.diag([2.0, 3.0, 4.0, 1.0])
    point = np.array([2.0, 3.0, 1.0]) + shift
    assert Target.from_mask(mask, affine).inside((point * [2, 3, 4])[None])[0]


def test_auto_tissue_prefers_grey_then_brain_then_refuses(head):
    assert Target.sphere([0, 0, 34], 5.0).tissue_in(head) == {"grey_matter"}
    assert Target.sphere([0, 0, 0], 5.0).tissue_in(head) == {"white_matter"}
    with pytest.raises(TargetError, match="skull"):
        Target.sphere([0, 0, 40], 1.0).tissue_in(head)
    with pytest.raises(TargetError, match="no tissue"):
        Target.sphere([0, 0, 300], 5.0).tissue_in(head)


def test_auto_tissue_leaves_a_lesion_out_unless_alone():
    head = ball_head(h=2.0, tissues={**TISSUES, 1: "lesion"})
    assert Target.sphere([0, 0, 33], 6.0).tissue_in(head) == {"grey_matter"}
    assert Target.sphere([0, 0, 0], 6.0).tissue_in(head) == {"lesion"}


def test_a_named_tissue_is_held_to(head):
    assert Target.sphere([0, 0, 34], 5.0, tissue="white_matter").tissue_in(head) == {"white_matter"}
    with pytest.raises(TargetError, match="amber"):
        Target.sphere([0, 0, 34], 5.0, tissue="amber").tissue_in(head)
    with pytest.raises(TargetError, match="none of it"):
        Target.sphere([0, 0, 0], 5.0, tissue="grey_matter").tissue_in(head)


def test_mask_in_marks_exactly_the_wanted_tissue(head):
    target = Target.sphere([0, 0, 34], 6.0)
    mask = target.mask_in(head)
    index = np.argwhere(mask)
    assert set(head.labels[mask]) == {2}
    assert target.inside(index + head.affine[:3, 3]).all()
    everywhere = np.argwhere(head.labels == 2)
    assert target.inside(everywhere + head.affine[:3, 3]).sum() == mask.sum()


def test_a_target_smaller_than_a_voxel_takes_the_nearest_one():
    head = ball_head(h=4.0)
    assert Target.sphere([1.0, 1.0, 33.0], 0.5).mask_in(head).sum() == 1


@pytest.mark.parametrize("axis", [[0, 0, 1], [1, 0, 0], [0.6, 0, -0.8]])
def test_the_normal_points_inward(head, axis):
    center = 34 * np.array(axis, float)
    direction = Target.sphere(center, 8.0, "normal").direction_in(head)
    assert np.linalg.norm(direction) == pytest.approx(1.0)
    assert direction @ axis < -0.99


def test_the_normal_is_right_on_a_flipped_oblique_grid():
    affine = np.diag([-1.0, 1.0, 1.0, 1.0])
    c, s = np.cos(0.4), np.sin(0.4)
    affine[:3, :3] = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]]) @ affine[:3, :3]
    affine[:3, 3] = -affine[:3, :3] @ np.full(3, 49.5)
    direction = Target.sphere([34.0, 0, 0], 8.0, "normal").direction_in(ball_head(affine=affine))
    assert direction @ [1, 0, 0] < -0.99


def test_no_normal_where_surfaces_cancel(head):
    with pytest.raises(TargetError, match="cancel"):
        Target.sphere([0, 0, 0], 60.0, "normal").direction_in(head)


def test_directions_pass_through(head):
    assert Target.sphere([0, 0, 34], 5.0).direction_in(head) is None
    assert np.allclose(Target.sphere([0, 0, 34], 5.0, [0, 0.6, 0.8]).direction_in(head), [0, 0.6, 0.8])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (([0, 0], 5.0), "center_mm"),
        (([0, 0, np.nan], 5.0), "center_mm"),
        (([0, 0, 0], 0.0), "radius"),
        (([0, 0, 0], -3.0), "radius"),
        (([0, 0, 0], np.inf), "radius"),
        (([0, 0, 0], 5.0, [0, 0, 2.0]), "length"),
        (([0, 0, 0], 5.0, "outwards"), "normal"),
    ],
)
def test_bad_spheres_are_refused(arguments, said):
    with pytest.raises(TargetError, match=said):
        Target.sphere(*arguments)


@pytest.mark.parametrize(
    ("mask", "affine", "said"),
    [
        (np.zeros((3, 3, 3)), np.eye(4), "empty"),
        (np.ones((3, 3)), np.eye(4), "shape"),
        (np.full((3, 3, 3), np.nan), np.eye(4), "NaN"),
        (np.ones((3, 3, 3)), np.eye(3), "4x4"),
        (np.ones((3, 3, 3)), np.diag([1.0, 0, 1, 1]), "singular"),
    ],
)
def test_bad_masks_are_refused(mask, affine, said):
    with pytest.raises(TargetError, match=said):
        Target.from_mask(mask, affine)


def test_points_need_three_columns():
    with pytest.raises(TargetError, match="shape"):
        Target.sphere([0, 0, 0], 5.0).inside(np.zeros((4, 2)))


def test_a_coordinate_in_grey_matter_stays(head):
    target = from_coordinate(head, [0.0, 0.0, 34.0], radius_mm=6)
    assert target.snapped_mm == 0
    assert np.allclose(target.center_mm, [0, 0, 34])


@given(r=st.one_of(st.floats(24.0, 31.0), st.floats(37.0, 44.0)))
@settings(max_examples=20)
def test_a_coordinate_near_grey_matter_is_moved_by_the_distance_it_reports(head, r):
    target = from_coordinate(head, [0.5, 0.5, r])
    assert 0 < target.snapped_mm <= MAX_SNAP_MM
    assert np.linalg.norm(target.center_mm - [0.5, 0.5, r]) == pytest.approx(target.snapped_mm)
    assert 31.0 <= np.linalg.norm(target.center_mm) <= 37.0
    assert any("nearest grey matter" in note for note in target.notes)


@pytest.mark.parametrize("far", [[0, 0, 0], [0, 0, 49], [0, 0, 500]])
def test_a_coordinate_far_from_grey_matter_is_refused(head, far):
    with pytest.raises(TargetError, match="nearest grey matter"):
        from_coordinate(head, far)


def test_mni_goes_through_the_registration(head):
    target = from_coordinate(head, [0, 0, 31], space="mni")
    assert np.allclose(target.center_mm, [1, -2, 34])
    with pytest.raises(TargetError, match="no MNI registration"):
        from_coordinate(ball_head(h=4.0), [0, 0, 34], space="mni")
    with pytest.raises(TargetError, match="space"):
        from_coordinate(head, [0, 0, 34], space="talairach")


def test_nearest_cortex_lies_under_the_point_asked_about():
    head = ball_head()
    outside = np.array([0.0, 0.0, 60.0])
    found = nearest_cortex_mm(head, outside)
    assert np.linalg.norm(found) == pytest.approx(36.0, abs=1.0)
    assert np.abs(found[:2]).max() <= 1.0


def test_nearest_cortex_refuses_a_head_without_a_brain():
    with pytest.raises(TargetError, match="no brain tissue"):
        nearest_cortex_mm(ball_head(tissues={4: "skull", 5: "scalp"}), [0.0, 0.0, 0.0])

"""The coil record and its placement."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from assuage.errors import PoseError, SourceError
from assuage.sources import Coil, vector_potential_T_m

COIL = Coil(name="toy", positions_mm=[[20, 0, -5.0], [-20, 0, -5]], moments_m2=[[0, 0, 1e-3], [0, 0, -1e-3]])


def pose_of(rotation, center):
    pose = np.eye(4)
    pose[:3, :3] = rotation.as_matrix()
    pose[:3, 3] = center
    return pose


def test_placing_rotates_positions_and_moments_and_scales_with_didt():
    pose = pose_of(Rotation.from_euler("xyz", [30, -50, 100], degrees=True), [10, -20, 70])
    placed = COIL.at(pose, didt_A_per_s=2e6)
    np.testing.assert_allclose(placed.positions_mm[0], pose[:3, 3] + pose[:3, :3] @ [20, 0, -5])
    np.testing.assert_allclose(placed.moment_rate[0], pose[:3, :3] @ [0, 0, 1e-3] * 2e6)
    assert COIL.at(pose, 2e6).didt_A_per_s == 2e6


def test_field_turns_with_the_coil():
    rotation = Rotation.from_rotvec([0.3, -1.2, 0.7])
    points = np.random.default_rng(1).uniform(-30, 30, (5, 3)) + np.array([0, 0, 60])
    base = COIL.at(np.eye(4), 1e6)
    turned = COIL.at(pose_of(rotation, [1, 2, 3]), 1e6)
    np.testing.assert_allclose(
        vector_potential_T_m(rotation.apply(points) + np.array([1, 2, 3]), turned.positions_mm, turned.moment_rate),
        rotation.apply(vector_potential_T_m(points, base.positions_mm, base.moment_rate)),
        rtol=1e-10,
        atol=1e-12,
    )


def test_records_cannot_be_changed():
    with pytest.raises(ValueError, match="read-only"):
        COIL.positions_mm[0, 0] = 1
    with pytest.raises(AttributeError):
        COIL.name = "other"


@pytest.mark.parametrize("didt", [np.nan, np.inf])
def test_rate_that_is_not_finite_is_refused(didt):
    with pytest.raises(SourceError, match="didt_A_per_s is"):
        COIL.at(np.eye(4), didt_A_per_s=didt)


def test_sheared_pose_is_refused():
    pose = np.eye(4)
    pose[0, 1] = 0.05
    with pytest.raises(PoseError, match="not rigid"):
        COIL.at(pose, 1e6)


@pytest.mark.parametrize(
    ("positions", "moments", "message"),
    [
        ([[0, 0, 0]], [[0, 0, 1], [0, 0, 1]], "must both be"),
        (np.empty((0, 3)), np.empty((0, 3)), "must both be"),
        ([[0, np.nan, 0]], [[0, 0, 1]], "1 dipole positions not finite, first at index 0"),
        ([[0, 0, 0]], [[0, 0, 0]], "induces nothing"),
    ],
)
def test_impossible_coils_are_refused(positions, moments, message):
    with pytest.raises(SourceError, match=message):
        Coil(name="bad", positions_mm=positions, moments_m2=moments)


@pytest.mark.parametrize("limit", [0, -1e6, np.nan])
def test_impossible_maximum_is_refused(limit):
    with pytest.raises(SourceError, match="maximum dI/dt"):
        Coil(name="bad", positions_mm=[[0, 0, 0]], moments_m2=[[0, 0, 1]], max_didt_A_per_s=limit)

"""A target as a functional of the field, and the field at the voxels."""

import numpy as np
import pytest
from small_heads import RADII_MM, small_sphere

from assuage import Coil, Conductor, Montage, Target
from assuage.errors import HeadError, SourceError, TargetError
from assuage.head import Head

POSE = np.array([[-1.0, 0, 0, 4], [0, 1, 0, -3], [0, 0, -1, 49], [0, 0, 0, 1]])
COIL = Coil.figure_of_eight()
DISCS = Montage.at_points_mm(np.array([[0, 0, 43.0], [43.0, 0, 0]]), np.array([1e-3, -1e-3]), radius_mm=6)


@pytest.fixture(scope="module")
def conductor():
    return Conductor(small_sphere(2.5), voxel_mm=2.5)


@pytest.fixture(scope="module")
def fields(conductor):
    return conductor.solve([COIL.at(POSE, didt_A_per_s=1e6), DISCS])


@pytest.mark.parametrize("which", [0, 1], ids=["coil", "electrodes"])
def test_mean_inside_is_the_average_over_the_voxels(conductor, fields, which):
    mask = np.zeros(conductor.grid.shape, bool)
    low = np.rint(conductor.grid.index(np.array([[2.0, -4.0, 6.0]]))[0]).astype(int)
    mask[tuple(slice(n, n + 4) for n in low)] = True
    assert (conductor.kind[mask] < -1).all()
    target = Target.from_mask(mask, conductor.grid.affine)
    expected = fields[which].raw_e_V_per_m[mask].mean(0)
    np.testing.assert_allclose(fields[which].mean_in(target), expected, rtol=1e-4, atol=1e-5 * np.abs(expected).max())
    np.testing.assert_allclose(fields[which].e_V_per_m[mask], fields[which].raw_e_V_per_m[mask], rtol=1e-6)


def test_an_oblique_mask_is_read_whole(conductor):
    turn = np.deg2rad(30.0)
    affine = np.eye(4)
    affine[:3, :3] = 1.5 * np.array(
        [[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0.0, 0.0, 1.0]]
    )
    affine[:3, 3] = [-3.0, -8.0, -4.0]
    mask = np.zeros((14, 9, 6), bool)
    mask[2:13, 1:8, 1:5] = True
    target = Target.from_mask(mask, affine, tissue="grey_matter")
    reading = conductor.read_out(target)
    ticks = (np.arange(4) + 0.5) / 4 - 0.5
    offsets = np.stack(np.meshgrid(ticks, ticks, ticks, indexing="ij"), -1).reshape(-1, 3)
    every = np.argwhere(conductor.kind != -1)
    inside = np.array([target.inside(conductor.grid.world_mm(voxel + offsets)).sum() for voxel in every])
    assert reading.volume_mm3 == pytest.approx(inside.sum() * (2.5 / 4) ** 3)
    assert len(reading.where) == (inside > 0).sum()


@pytest.mark.parametrize("radius_mm", [6.0, 10.0])
def test_volume_of_a_sphere_in_the_tissue(conductor, radius_mm):
    reading = conductor.read_out(Target.sphere((4.0, 3.0, -5.0), radius_mm))
    np.testing.assert_allclose(reading.volume_mm3, 4 / 3 * np.pi * radius_mm**3, rtol=0.02)
    np.testing.assert_allclose(reading.weights.sum(), 1)


def test_target_at_the_surface_counts_its_tissue_only(conductor):
    """A sphere centred on the surface of a ball: the volume of the lens."""
    R, r = RADII_MM[0], 8.0
    # spheres of radii R and r, centres d = R apart: V = pi (R + r - d)^2 (d^2 + 2 d (R + r) - 3 (R - r)^2) / (12 d)
    d = R
    lens = np.pi * (R + r - d) ** 2 * (d**2 + 2 * d * (R + r) - 3 * (R - r) ** 2) / (12 * d)
    reading = conductor.read_out(Target.sphere((0.0, 0.0, R), r))
    half_a_sub_voxel_mm3 = conductor.grid.voxel_mm / 8 * np.pi * r**2
    assert abs(reading.volume_mm3 - lens) < half_a_sub_voxel_mm3


def test_mean_over_a_cut_target_is_close_to_the_average_of_its_voxels(fields):
    target = Target.sphere((0.0, 10.0, 26.0), 6.0)
    field = fields[0]
    index = np.argwhere(field.labels == field.tissues.index("grey_matter"))
    inside = index[target.inside(field.conductor.grid.world_mm(index))]
    average = field.e_V_per_m[tuple(inside.T)].mean(0)
    assert np.linalg.norm(field.mean_in(target) - average) < 0.05 * np.linalg.norm(average)


def test_target_outside_the_tissue_is_refused(conductor):
    with pytest.raises(TargetError):
        conductor.read_out(Target.sphere((0.0, 0.0, 60.0), 4.0))
    with pytest.raises(TargetError):
        conductor.adjoint(Target.sphere((0.0, 0.0, 41.0), 1.0, tissue="grey_matter"))


def test_target_that_falls_between_the_sub_voxels_is_refused(conductor):
    with pytest.raises(TargetError, match="move or enlarge it"):
        conductor.read_out(Target.sphere(conductor.grid.world_mm(np.array([[17.0, 17, 17]]))[0], 0.05))


def test_field_is_zero_outside_and_finite_inside(fields):
    for field in fields:
        assert field.e_V_per_m.dtype == np.float32
        assert np.isfinite(field.e_V_per_m).all()
        assert (field.e_V_per_m[field.labels == 0] == 0).all()
        assert (field.magnitude_V_per_m[field.labels > 0] > 0).all()
    assert fields[0].current_A == {}
    np.testing.assert_allclose(list(fields[1].current_A.values()), [1e-3, -1e-3], rtol=0.005)


def test_coil_in_the_head_is_refused_with_count_and_depth(conductor):
    pose = POSE.copy()
    pose[2, 3] = 30.0
    with pytest.raises(SourceError, match=r"\d+ of \d+ elements .* lie inside the head, up to \d+\.\d mm deep"):
        conductor.solve(COIL.at(pose, didt_A_per_s=1e6))


@pytest.mark.parametrize("voxel_mm", [0.0, -1.0, 0.05, 25.0, float("nan")])
def test_silly_voxel_sizes_are_refused(voxel_mm):
    with pytest.raises(HeadError, match="voxel_mm"):
        Conductor(small_sphere(5.0), voxel_mm=voxel_mm)


def test_head_without_conductor_is_refused():
    labels = np.zeros((8, 8, 8), np.uint8)
    labels[2:6, 2:6, 2:6] = 1
    head = Head.from_labels(labels, np.diag([2.0, 2, 2, 1]), tissues={1: "air"})
    with pytest.raises(HeadError, match="no conducting tissue"):
        Conductor(head, voxel_mm=2.0)


def test_electrode_off_the_scalp_is_refused(conductor):
    far = Montage.at_points_mm(np.array([[0, 0, 70.0], [43.0, 0, 0]]), np.array([1e-3, -1e-3]))
    with pytest.raises(SourceError, match="scalp"):
        conductor.solve(far)


def test_conductivities_can_be_overridden(conductor):
    other = Conductor(conductor.head, 2.5, conductivity_S_per_m={"skull": 0.03})
    assert other.head.conductivity_S_per_m["skull"] == 0.03
    assert conductor.head.conductivity_S_per_m["skull"] == 0.015
    easier = np.linalg.norm(other.solve(DISCS).mean_in(Target.sphere((0, 0, 15.0), 5)))
    harder = np.linalg.norm(conductor.solve(DISCS).mean_in(Target.sphere((0, 0, 15.0), 5)))
    assert easier > 1.2 * harder

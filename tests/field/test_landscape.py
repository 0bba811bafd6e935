"""The landscape against forward solves and direct sums; sensitivities against differences of full solves."""

import numpy as np
import pytest
from small_heads import NAMES, SIGMA, small_sphere

from assuage import Coil, Conductor, Montage, Target
from assuage.constants import MU_0_OVER_4_PI_T_M_PER_A
from assuage.errors import PoseError, SourceError
from assuage.sources import Disc, Electrode

VOXEL_MM = 3.0
COIL = Coil.figure_of_eight()
POSE = np.array([[-1.0, 0, 0, 4], [0, 1, 0, -3], [0, 0, -1, 49], [0, 0, 0, 1]])
PLACED = COIL.at(POSE, didt_A_per_s=1e6)
DISCS = Montage.at_points_mm(np.array([[0, 0, 43.0], [43.0, 0, 0]]), np.array([1e-3, -1e-3]), radius_mm=6)
TARGET = Target.sphere((5.0, -8.0, 14.0), 6.0)


@pytest.fixture(scope="module")
def conductor():
    return Conductor(small_sphere(VOXEL_MM), voxel_mm=VOXEL_MM)


@pytest.fixture(scope="module")
def scape(conductor):
    return conductor.adjoint(TARGET)


@pytest.fixture(scope="module")
def fields(conductor):
    return conductor.solve([PLACED, DISCS])


def error(found, exact):
    return np.linalg.norm(found - exact) / np.linalg.norm(exact)


def test_adjoint_is_forward(scape, fields):
    coil = error(scape.coil(COIL, [POSE], didt_A_per_s=1e6)[0], fields[0].mean_in(TARGET))
    discs = error(scape.montage(DISCS), fields[1].mean_in(TARGET))
    assert coil < 1e-3
    assert discs < 1e-4


def test_condensed_coil_agrees(scape):
    whole = scape.coil(COIL, [POSE], didt_A_per_s=1e6)
    few = scape.coil(COIL.condensed(), [POSE], didt_A_per_s=1e6)
    assert error(few, whole) < 2e-3


def test_lattice_is_the_direct_biot_savart_sum(conductor, scape):
    J = scape._reciprocal_current().astype(float)
    nodes = np.argwhere(np.abs(J).max((0, 1)) > 0)
    places = conductor.grid.world_mm(nodes - 1.5) * 1e-3
    current = J[(slice(None), slice(None), *nodes.T)]
    rng = np.random.default_rng(0)
    points = rng.normal(size=(15, 3))
    points *= (rng.uniform(50, 110, 15) / np.linalg.norm(points, axis=1))[:, None]
    exact, found = np.empty((15, 3, 3)), np.empty((15, 3, 3))
    for n, point in enumerate(points):
        R = point * 1e-3 - places
        weight = MU_0_OVER_4_PI_T_M_PER_A / np.linalg.norm(R, axis=1) ** 3
        for d in range(3):
            exact[n, d] = (np.cross(current[d].T, R) * weight[:, None]).sum(0)
        for c in range(3):
            probe = Coil(name="probe", positions_mm=point[None], moments_m2=np.eye(3)[[c]])
            found[n, :, c] = scape.coil(probe, [np.eye(4)], didt_A_per_s=1.0)[0]
    errors = np.linalg.norm(found - exact, axis=(1, 2)) / np.linalg.norm(exact, axis=(1, 2))
    assert errors.max() < 5e-3


def test_pose_out_of_reach_is_refused(scape):
    far = POSE.copy()
    far[2, 3] = 400.0
    with pytest.raises(SourceError, match=r"1 of 2 poses .* further than 100 mm"):
        scape.coil(COIL, [POSE, far], didt_A_per_s=1e6)


def test_sheared_pose_is_refused(scape):
    sheared = POSE.copy()
    sheared[0, 1] = 0.1
    with pytest.raises(PoseError):
        scape.coil(COIL, [sheared], didt_A_per_s=1e6)


def test_differences_of_electrode_rows_are_pairs(scape):
    points = np.array([[0, 0, 43.0], [43.0, 0, 0], [0, -43.0, 0]])
    rows = scape.electrodes(points)
    assert np.abs(rows.sum(0)).max() < 1e-9 * np.abs(rows).max()
    np.testing.assert_allclose(1e-3 * (rows[0] - rows[1]), scape.montage(DISCS), rtol=1e-6)
    named = scape.electrodes({"a": points[0], "b": points[1], "c": points[2]})
    np.testing.assert_allclose(named, rows)


def test_unbalanced_or_unknown_electrodes_are_refused(scape):
    with pytest.raises(SourceError):
        scape.montage(Montage.of([Electrode(name="Q9", current_A=1e-3, shape=Disc(6.0)),
                                  Electrode(name="Q8", current_A=-1e-3, shape=Disc(6.0))]))  # fmt: skip


def test_scaling_all_conductivities(scape, fields):
    """A coil's field does not change, electrodes' goes as one over sigma: Euler's theorem for homogeneous functions."""
    assert scape.tissues == NAMES
    total = scape.sensitivity(fields) @ np.array(SIGMA)
    mean = [field.mean_in(TARGET) for field in fields]
    assert np.abs(total[0]).max() < 1e-4 * np.linalg.norm(mean[0])
    assert error(total[1], -mean[1]) < 1e-4


def test_scaled_conductor_itself_is_homogeneous(conductor, fields):
    scaled = {name: 3 * value for name, value in zip(NAMES, SIGMA, strict=True)}
    coil, discs = Conductor(conductor.head, VOXEL_MM, conductivity_S_per_m=scaled).solve([PLACED, DISCS])
    assert error(coil.e_V_per_m, fields[0].e_V_per_m) < 1e-4
    assert error(3 * discs.e_V_per_m, fields[1].e_V_per_m) < 1e-4


def test_sensitivity_is_the_slope_of_full_solves():
    """A coil barely feels conductivities: its slopes are a few % of its field, so theirs is held against the field."""
    step, voxel_mm = 0.05, 4.0
    head = small_sphere(voxel_mm)
    base = Conductor(head, voxel_mm)
    fields = base.solve([PLACED, DISCS])
    found = base.adjoint(TARGET).sensitivity(fields) * np.array(SIGMA)
    slopes = np.empty_like(found)
    for t, (name, value) in enumerate(zip(NAMES, SIGMA, strict=True)):
        means = []
        for sign in (1, -1):
            change = {name: value * (1 + sign * step)}
            solved = Conductor(head, voxel_mm, conductivity_S_per_m=change).solve([PLACED, DISCS])
            means.append([field.mean_in(TARGET) for field in solved])
        slopes[:, :, t] = (np.array(means[0]) - means[1]) / (2 * step)
    scale = np.abs(slopes).max((1, 2))
    errors = np.abs(found - slopes).max((1, 2)) / scale
    assert errors[0] * scale[0] < 0.02 * np.linalg.norm(fields[0].mean_in(TARGET))
    assert errors[1] < 0.12

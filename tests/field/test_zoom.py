"""The zoom box: a finer solution inside, the coarse potential on its faces."""

import numpy as np
import pytest

from assuage.errors import HeadError, SourceError
from assuage.field import Conductor
from assuage.field.analytic import LayeredSphere, dipole_field, electrode_field
from assuage.head.gallery import sphere_head
from assuage.sources import Coil, Montage

RADII, SIGMA = (52.0, 55.0, 61.0, 67.0), (0.33, 1.7, 0.012, 0.4)
POINTS = np.array([[0.0, 0.0, 67.0], [67.0, 0.0, 0.0]])
POSE = np.array([[-1.0, 0, 0, 0], [0, 1, 0, 0], [0, 0, -1, 75], [0, 0, 0, 1]])


@pytest.fixture(scope="module")
def conductor():
    tissues = ("grey_matter", "csf", "skull", "scalp")
    sigma = dict(zip(tissues, SIGMA, strict=True))
    head = sphere_head(radii_mm=RADII, tissues=tissues, conductivity_S_per_m=sigma, voxel_mm=3.0)
    return Conductor(head, 3.0)


@pytest.fixture(scope="module")
def fields(conductor):
    montage = Montage.at_points_mm(POINTS, [1e-3, -1e-3], radius_mm=8)
    return conductor.solve([montage, Coil.circular().at(POSE, 1e6)])


@pytest.fixture(scope="module")
def zoom(conductor):
    return conductor.zoom([10.0, 5.0, 28.0], edge_mm=20.0, voxel_mm=1.25)


@pytest.mark.parametrize("which", [0, 1])
def test_zoomed_field_is_as_good_as_the_coarse_one(fields, zoom, which):
    coarse = fields[which]
    fine = zoom.solve(coarse)
    grid = fine.conductor.grid
    index = np.argwhere(np.ones(grid.shape, bool))[::7]
    points = grid.world_mm(index)
    if which == 0:
        sphere = LayeredSphere(radii_mm=RADII, sigma_S_per_m=SIGMA)
        exact = electrode_field(sphere, points, POINTS, [1e-3, -1e-3], radius_mm=8.0, tolerance=1e-6)[1]
    else:
        exact = dipole_field(points, coarse.source.positions_mm, coarse.source.moment_rate)
    found = fine.e_V_per_m[tuple(index.T)]
    assert np.linalg.norm(found - exact) < 0.06 * np.linalg.norm(exact)
    nearest = np.rint(coarse.conductor.grid.index(points)).astype(int)
    blocky = coarse.e_V_per_m[tuple(nearest.T)]
    assert np.linalg.norm(found - exact) < 1.1 * np.linalg.norm(blocky - exact)


def test_box_across_the_scalp_meets_the_coarse_field(conductor, fields):
    fine = conductor.zoom([-30.0, 0.0, 52.0], edge_mm=16.0, voxel_mm=1.0).solve(fields[1])
    tags = [k for k, name in enumerate(fine.tissues) if name == "grey_matter"]
    brain = np.isin(fine.labels, tags)
    points = fine.conductor.grid.world_mm(np.argwhere(brain))
    exact = dipole_field(points, fields[1].source.positions_mm, fields[1].source.moment_rate)
    assert np.linalg.norm(fine.e_V_per_m[brain] - exact) < 0.12 * np.linalg.norm(exact)


def test_refusals(conductor, fields, zoom):
    other = Conductor(conductor.head, 6.0).solve(fields[0].source)
    with pytest.raises(SourceError, match="another conductor"):
        zoom.solve(other)
    with pytest.raises(SourceError, match="touches the zoom box"):
        conductor.zoom([0.0, 0.0, 60.0], edge_mm=20.0, voxel_mm=1.25).solve(fields[0])
    with pytest.raises(HeadError, match="box"):
        conductor.zoom([0.0, 0.0, 0.0], edge_mm=2.0, voxel_mm=1.0)

"""Sensitivity of a lead's dose to conductivities: its sum is known, each part is the slope of full solves."""

from dataclasses import replace

import numpy as np
import pytest

from assuage.errors import SourceError
from assuage.field import Conductor
from assuage.field.implant import implant
from assuage.field.implant_box import Encapsulation
from assuage.field.implant_sensitivity import size_sensitivity
from assuage.head import Head
from assuage.head.gallery import sphere_head
from assuage.sources.lead import Lead

SIGMA = {"grey_matter": 0.275, "white_matter": 0.126, "csf": 1.654, "encapsulation": 0.15}
UP = np.array([0.0, 0.0, 1.0])
LEAD = replace(Lead.load("Medtronic 3389"), contacts=Lead.load("Medtronic 3389").contacts[:2])
CURRENTS = np.array([0.5e-3, -2e-3])


def head():
    """White matter in grey in CSF; the lead runs along the border of the white matter."""
    return sphere_head(
        radii_mm=(14.0, 30.0, 36.0),
        tissues=("white_matter", "grey_matter", "csf"),
        conductivity_S_per_m=tuple(SIGMA[name] for name in ("white_matter", "grey_matter", "csf")),
        voxel_mm=2.0,
    )


def solved(whole: Head, layer_S_per_m: float = SIGMA["encapsulation"]):
    layer = Encapsulation(thickness_mm=0.5, conductivity_S_per_m=layer_S_per_m)
    conductor = Conductor(whole, 2.0)
    lead = LEAD.at([10.0, 0.0, -4.0], UP)
    return conductor, implant(conductor, lead, layer, margin_mm=6.0, tolerance=1e-8)


def weight_of(fields):
    """A ball of 3 mm beside the second contact."""
    grid = fields.conductor.grid
    centre = fields.placed.contact_centers_mm()[1] + [3.0, 0.0, 0.0]
    points = grid.world_mm(np.argwhere(np.ones(grid.shape, bool)).astype(float))
    return (np.linalg.norm(points - centre, axis=1) < 3.0).reshape(grid.shape).astype(float)


def mean_size(fields, weight):
    size = np.linalg.norm(fields.e_V_per_m(CURRENTS), axis=-1)
    return float((weight * size).sum() / weight.sum())


@pytest.fixture(scope="module")
def nominal():
    conductor, fields = solved(head())
    weight = weight_of(fields)
    return conductor, fields, weight, size_sensitivity(conductor, fields, CURRENTS, weight, tolerance=1e-8)


def test_at_fixed_currents_the_field_is_of_degree_minus_one(nominal):
    _, fields, weight, slopes = nominal
    total = sum(SIGMA[name] * slope for name, slope in slopes.items())
    assert total == pytest.approx(-mean_size(fields, weight), rel=1e-4)


@pytest.mark.parametrize("tissue", ["encapsulation", "grey_matter", "white_matter"])
def test_each_slope_is_that_of_full_solves(nominal, tissue):
    _, fields, weight, slopes = nominal
    step, sizes = 0.05, []
    for sign in (-1, 1):
        changed = SIGMA[tissue] * (1 + sign * step)
        whole = head() if tissue == "encapsulation" else head().with_conductivities({tissue: changed})
        _, other = solved(whole, changed if tissue == "encapsulation" else SIGMA["encapsulation"])
        sizes.append(mean_size(other, weight))
    expected = (sizes[1] - sizes[0]) / (2 * step)
    scale = mean_size(fields, weight)
    assert SIGMA[tissue] * slopes[tissue] == pytest.approx(expected, abs=0.003 * scale)


@pytest.mark.parametrize("changed", [0.1, 0.4])
def test_over_its_range_the_change_is_linear_in_the_resistivity(nominal, changed):
    """White matter at both ends of its range: within 6 % of the field, else 94 %."""
    _, fields, weight, slopes = nominal
    _, other = solved(head().with_conductivities({"white_matter": changed}))
    size, sigma, slope = mean_size(fields, weight), SIGMA["white_matter"], slopes["white_matter"]
    found = mean_size(other, weight) / size - 1
    assert -(sigma**2) * slope * (1 / changed - 1 / sigma) / size == pytest.approx(found, abs=0.06)


def test_refusals(nominal):
    conductor, fields, weight, _ = nominal
    with pytest.raises(SourceError, match="was asked for on"):
        size_sensitivity(Conductor(head(), 4.0), fields, CURRENTS, weight)
    with pytest.raises(SourceError, match="no element of the fine grid"):
        size_sensitivity(conductor, fields, CURRENTS, 0 * weight)

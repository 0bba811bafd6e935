"""The error bar of a lead's dose: the law of the resistivity, and a head of one tissue where it is exact."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assuage.field import Conductor
from assuage.field.implant import implant
from assuage.field.implant_box import Encapsulation
from assuage.head import conductivities
from assuage.head.gallery import sphere_head
from assuage.sources.lead import Lead
from assuage.targets import Target
from assuage.techniques.dbs_dose import assess
from assuage.techniques.dbs_uncertainty import conductivity_deviation, resistivity_deviation


@given(st.floats(0.05, 1.0), st.floats(1.01, 8.0))
def test_deviation_of_one_over_a_uniform_conductivity(low, factor):
    sigma = low * (1 + (factor - 1) * (np.arange(20000) + 0.5) / 20000)
    assert resistivity_deviation(low, low * factor) == pytest.approx(np.std(1 / sigma), rel=1e-3)


def test_a_conductivity_that_is_known_adds_nothing():
    assert resistivity_deviation(0.2, 0.2) == 0.0


def test_one_tissue_around_a_bare_lead():
    """E goes with 1 / sigma exactly, so the deviation is that of 1 / sigma over the whole range."""
    sigma = 0.275
    head = sphere_head(radii_mm=(36.0,), tissues=("grey_matter",), conductivity_S_per_m=(sigma,), voxel_mm=3.0)
    conductor = Conductor(head, 3.0)
    placed = Lead.load("NeuroPace DL-344-3.5").at([0.0, 0.0, -4.0], [0.0, 0.0, 1.0])
    fields = implant(conductor, placed, Encapsulation(thickness_mm=0.0, conductivity_S_per_m=0.2), margin_mm=5.0)
    target = Target.sphere(placed.contact_centers_mm()[0] + [2.0, 0.0, 0.0], 2.0, name="beside")
    currents = np.array([-2e-3, 0.0, 0.0, 0.0])
    size = assess(fields, target, currents).mean_magnitude_V_per_m
    shares = conductivity_deviation(conductor, fields, target, currents)
    grey = conductivities()["grey_matter"]
    assert shares["grey_matter"] == pytest.approx(size * sigma * resistivity_deviation(grey.low, grey.high), rel=2e-3)
    assert shares.get("encapsulation", 0.0) == 0.0

"""Deep brain stimulation in a plan of a sphere: what was asked for is what is planned, and its error bar adds up."""

import numpy as np
import pytest
from coarse_plans import COARSE

from assuage.head import conductivities
from assuage.head.gallery import sphere_head
from assuage.plan import plan as make_plan
from assuage.plan.records import LeadProposal
from assuage.targets import Target
from assuage.techniques.dbs import Implant
from assuage.techniques.dbs_dose import Pulse
from assuage.techniques.dbs_uncertainty import resistivity_deviation

DEEP = Target.sphere((18.0, 8.0, 2.0), 3.0, name="deep")
SPARE = Target.sphere((18.0, 16.0, 2.0), 2.5, name="spare")


@pytest.fixture(scope="module")
def made():
    implant = Implant(lead="NeuroPace DL-344-3.5", pulse=Pulse(width_s=90e-6, frequency_Hz=125.0), avoid=(SPARE,))
    return make_plan(sphere_head(voxel_mm=4.0), DEEP, ["dbs"], implant=implant, **COARSE)


@pytest.fixture(scope="module")
def item(made):
    (found,) = made.record.techniques
    return found


def table(item, title):
    (found,) = (t for t in item.tables if title in t.title)
    assert all(len(row) == len(found.columns) for row in found.rows)
    return found


def test_what_was_asked_for_is_planned(made, item):
    assert isinstance(item.proposal, LeadProposal)
    assert item.proposal.lead == "NeuroPace DL-344-3.5"
    assert item.dose.intensity.endswith("mA, 90 us, 125 Hz")
    assert item.quantities["pulse_width_s"] == pytest.approx(90e-6)
    asked = made.record.provenance.model_dump(mode="json")
    assert "NeuroPace DL-344-3.5" in str(asked)


def test_regions_to_spare_and_ways_are_in_the_record(item):
    (row,) = table(item, "Regions to spare").rows
    assert row[0] == "spare"
    assert row[1] == pytest.approx(4 / 3 * np.pi * 2.5**3, rel=0.1)
    covered = table(item, "pulses of 90 us").rows[0][3]
    assert row[2] < covered
    ways = table(item, "ways in")
    assert ways.rows[0][-1] == "yes"
    assert ways.rows[0][3] >= 2.0  # Rules.margin_mm from the region to spare


def test_charge_density_and_shannon_are_judged_together(item):
    (joint,) = (verdict for verdict in item.verdicts if verdict.rule_id == "dbs-charge-density-and-k")
    assert "charge density" in joint.why
    assert "Shannon k" in joint.why
    assert joint.value == pytest.approx(max(contact.shannon_k for contact in item.proposal.contacts), abs=1e-4)
    for contact in item.proposal.contacts:
        density, charge = contact.charge_density_C_per_m2, contact.charge_per_phase_C
        assert contact.shannon_k == pytest.approx(np.log10(density * 1e2) + np.log10(charge * 1e6), abs=1e-4)


def test_the_error_bar_adds_up_and_is_below_that_of_one_tissue(made, item):
    error = item.dose.error
    shares = {share.tissue: share.sd_V_per_m for share in error.conductivity_by_tissue}
    assert shares["grey_matter"] > shares["encapsulation"] > 0
    assert error.conductivity_sd_V_per_m == pytest.approx(np.hypot.reduce(list(shares.values())), rel=1e-4)
    assert error.combined_sd_V_per_m == pytest.approx(
        np.hypot(error.conductivity_sd_V_per_m, error.placement_sd_V_per_m), rel=1e-4
    )
    grey = conductivities()["grey_matter"]
    sigma = made.head.conductivity_S_per_m["grey_matter"]
    whole = item.dose.magnitude_V_per_m * sigma * resistivity_deviation(grey.low, grey.high)
    assert 0.5 * whole < shares["grey_matter"] < whole
    assert "encapsulation" in error.conductivity_assumption

"""A whole proposal on a small head: consistency between its parts, linearity, refusals."""

import re
from copy import copy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from dbs_heads import RULES, shells

from assuage.errors import PlanError, SourceError
from assuage.field import Conductor
from assuage.sources.lead import Lead
from assuage.targets import Target
from assuage.techniques import dbs
from assuage.techniques.dbs import Settings, propose
from assuage.techniques.dbs_activation import Threshold
from assuage.techniques.dbs_dose import Pulse, assess
from assuage.techniques.dbs_placement import check_placement, place_along
from assuage.techniques.dbs_trajectory import trajectories

DOCUMENT = Path(__file__).parents[2] / "docs" / "dbs.md"
SETTINGS = Settings(rules=RULES, margin_mm=6.0)
QUICK = Settings(rules=RULES, margin_mm=6.0, voxel_mm=0.5)


@pytest.fixture(scope="module")
def head():
    return shells()


@pytest.fixture(scope="module")
def conductor(head):
    return Conductor(head, 2.0)


@pytest.fixture(scope="module")
def target():
    return Target.sphere([14.0, 4.0, -6.0], 3.0, name="deep")


@pytest.fixture(scope="module")
def spare():
    return Target.sphere([14.0, 13.0, -6.0], 3.0, name="spare")


@pytest.fixture(scope="module")
def proposal(head, conductor, target, spare):
    return propose(head, target, conductor=conductor, avoid=(spare,), settings=QUICK)


def test_the_lead_lies_along_the_way(proposal, target):
    placed, way = proposal.placed, proposal.trajectory
    assert way is proposal.table[0]
    assert way.admitted
    assert np.allclose(placed.direction, way.direction)
    along = (target.center_mm - placed.tip_mm) @ placed.direction
    assert np.allclose(placed.tip_mm + along * placed.direction, target.center_mm, atol=1e-6)
    assert placed.lead.contacts[0].from_mm < along < placed.lead.contacts[1].to_mm


def test_dose_is_consistent(proposal):
    dose = proposal.dose
    assert dose.target_overlaps[0].name == "deep"
    assert dose.target_overlaps[0].fraction > 0.5
    assert dose.target_overlaps[0].activated_mm3 <= dose.activations[0].volume_mm3 + 1e-6
    assert dose.avoid_overlaps[0][0].name == "spare"
    assert dose.avoid_overlaps[0][0].fraction < dose.target_overlaps[0].fraction
    assert np.linalg.norm(dose.mean_e_V_per_m) <= dose.mean_magnitude_V_per_m * (1 + 1e-6)
    assert np.isclose(dose.threshold_ratio, dose.mean_magnitude_V_per_m / dose.activations[0].threshold.value)
    currents = proposal.choice.currents_A
    assert dose.currents_A == {
        label: current for label, current in zip(proposal.placed.lead.labels, currents.tolist(), strict=True) if current
    }
    assert {charge.label for charge in dose.charges} == set(dose.currents_A)
    assert dose.quantities["amplitude_A"] == np.abs(currents).max()
    assert dose.quantities["impedance_Ohm"] == dose.impedance_Ohm
    driven = currents[currents != 0]
    if len(driven) == 1:
        assert np.isclose(dose.voltage_V, abs(driven[0]) * dose.impedance_Ohm)


def test_settings_of_the_same_lead_scale(proposal, target):
    one = assess(proposal.fields, target, proposal.choice.currents_A)
    two = assess(proposal.fields, target, 2 * proposal.choice.currents_A)
    assert np.allclose(two.mean_e_V_per_m, 2 * one.mean_e_V_per_m, rtol=1e-4)
    assert np.isclose(two.voltage_V, 2 * one.voltage_V)
    assert np.isclose(two.impedance_Ohm, one.impedance_Ohm)
    assert two.activations[0].volume_mm3 > one.activations[0].volume_mm3
    shannon = [dose.quantities["shannon_k"] for dose in (one, two)]
    assert np.isclose(shannon[1] - shannon[0], 2 * np.log10(2))


def test_bipolar_supply_is_the_difference(proposal, target):
    fields = proposal.fields
    currents = fields.currents_A({"1": -2e-3, "2": 2e-3})
    dose = assess(fields, target, currents)
    V = fields.voltages_V(currents)
    assert np.isclose(dose.voltage_V, V[1] - V[0])
    assert np.isclose(dose.voltage_V, 2e-3 * dose.impedance_Ohm)


def test_own_thresholds(proposal, target):
    own = tuple(
        Threshold(criterion=name, value=value, pulse_width_s=450e-6, source="mine", source_level="given by the user")
        for name, value in (("field", 100.0), ("activating_function", 3e4))
    )
    dose = assess(proposal.fields, target, proposal.choice.currents_A, pulse=Pulse(width_s=450e-6), thresholds=own)
    assert dose.activations[0].volume_mm3 > proposal.dose.activations[0].volume_mm3
    assert dose.quantities["pulse_width_s"] == 450e-6


def test_warnings_say_what_is_not_verified(proposal):
    text = " | ".join(proposal.warnings)
    assert "unverified" in text
    assert "derived" in text
    assert "0.5 mm grid" in text
    assert len(set(proposal.warnings)) == len(proposal.warnings)


def test_a_lead_placed_by_the_user(head, conductor, target):
    placed = Lead.load("Medtronic 3389").at(target.center_mm - [0, 0, 3.0], [0.0, 0.0, 1.0])
    found = propose(head, target, lead=placed, conductor=conductor, settings=QUICK)
    assert found.placed is placed
    assert found.trajectory is None
    assert found.table == ()


def test_tensors_are_the_fibres_of_the_activating_function(head, target, proposal, monkeypatch):
    """The same fields, once with tensors: along their main axis less is activated than along the best of all."""
    fine = copy(proposal.fields.conductor)
    along_the_lead = np.diag([0.1, 0.1, 0.4]).astype(np.float32)
    fine.given_tensors = {"grey_matter": np.broadcast_to(along_the_lead, (*fine.grid.shape, 3, 3))}
    monkeypatch.setattr(dbs, "implant", lambda *_, **__: replace(proposal.fields, conductor=fine))
    found = propose(head, target, lead=proposal.placed, conductor=proposal.fields.conductor, settings=QUICK)
    free = assess(proposal.fields, target, found.choice.currents_A)
    assert found.dose.activations[1].volume_mm3 < 0.9 * free.activations[1].volume_mm3
    assert found.dose.activations[0].volume_mm3 == pytest.approx(free.activations[0].volume_mm3)


def test_a_directional_lead(head, conductor, target):
    found = propose(head, target, lead="Abbott Directed 6172", conductor=conductor, settings=SETTINGS)
    assert found.fields.conductor.grid.voxel_mm == 0.25
    assert not any("0.5 mm grid" in line for line in found.warnings)


def test_refusals(head, conductor, target, proposal):
    up = np.array([0.0, 0.0, 1.0])
    lead = Lead.load("Medtronic 3389")
    with pytest.raises(SourceError, match="nearest"):
        propose(head, target, lead="Medtronik 3389", conductor=conductor, settings=SETTINGS)
    with pytest.raises(PlanError, match="30 to 240 us"):
        propose(head, target, pulse=Pulse(width_s=450e-6), conductor=conductor)
    with pytest.raises(PlanError, match=r"tip of the lead .* lies in skull"):
        check_placement(head, lead.at([0.0, 0.0, 54.0], up))
    with pytest.raises(PlanError, match=r"contact 4 has .* of its face in the brain"):
        check_placement(head, lead.at([0.0, 0.0, 42.0], up))
    with pytest.raises(PlanError, match="24 mm of bone"):
        check_placement(shells(radii_mm=(50.0, 52.0, 75.0, 80.0)), lead.at([0.0, 0.0, 0.0], up))
    ways = trajectories(head, np.array([0.0, 0.0, 45.0]), rules=RULES)
    with pytest.raises(PlanError, match=r"none of .* trajectories"):
        place_along(head, Lead.load("NeuroPace DL-344-10"), ways)
    with pytest.raises(PlanError, match="fit into one period"):
        Pulse(width_s=5e-3, frequency_Hz=130.0)
    with pytest.raises(PlanError, match="one finite value each"):
        assess(proposal.fields, target, [1e-3])
    with pytest.raises(PlanError, match="not all 0"):
        assess(proposal.fields, target, np.zeros(4))


def test_the_example_of_the_documentation_runs(head, conductor, capsys):
    """On the small head instead of Colin27, with its rules and a 0.5 mm grid."""
    (example,) = re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.S)
    for shown, used in (
        ('assuage.load_head("colin27")', "HEAD"),
        ("assuage.Conductor(head, voxel_mm=2.0)", "CONDUCTOR"),
        ("Settings(encapsulation=layer)", "replace(QUICK, encapsulation=layer)"),
        ("(-10, 10, -8)", "(14, 4, -6)"),
        ("(-10, 19, -8)", "(14, 13, -6)"),
    ):
        assert example.count(shown) == 1
        example = example.replace(shown, used)
    exec(example, {"HEAD": head, "CONDUCTOR": conductor, "QUICK": QUICK, "replace": replace})
    said = capsys.readouterr().out
    assert "ContactCharge" in said
    assert "grey_matter" in said.splitlines()[-1]

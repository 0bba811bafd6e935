"""Techniques that bring their own placements, in a whole plan on a coarse sphere."""

import numpy as np
import pytest
from coarse_plans import COARSE, registered_sphere

from assuage.head.gallery import sphere_head
from assuage.plan import plan as make_plan
from assuage.plan.records import CoilProposal, MontageProposal
from assuage.targets import Target
from assuage.techniques.excitation import excitation_law


@pytest.fixture(scope="module")
def head():
    return registered_sphere()


@pytest.fixture(scope="module")
def seizure(head):
    return make_plan(head, "reward", ["ect", "mst"], **COARSE)


def technique(plan, name):
    return next(item for item in plan.record.techniques if item.technique == name)


def test_doses_are_those_of_the_fields(seizure):
    assert not seizure.record.skipped
    for item in seizure.record.techniques:
        mean = seizure.fields[item.technique].mean_in(seizure.target)
        np.testing.assert_allclose(item.dose.mean_e_V_per_m, mean, rtol=1e-5)
        assert item.dose.adjoint_V_per_m == pytest.approx(item.dose.magnitude_V_per_m, rel=0.03)
        assert item.dose.error.placement_mean_V_per_m == pytest.approx(item.dose.magnitude_V_per_m, rel=0.15)
        assert item.dose.error.placement_sd_V_per_m > 0


def test_the_reference_is_the_threshold_of_neurons(seizure):
    item = technique(seizure, "ect")
    assert item.dose.reference_V_per_m == pytest.approx(excitation_law().rectangular_V_per_m(0.3e-3), rel=1e-6)
    assert any(excitation_law().source in note for note in item.notes)


def test_proposals_say_what_goes_where(seizure):
    ect, mst = technique(seizure, "ect").proposal, technique(seizure, "mst").proposal
    assert isinstance(ect, MontageProposal)
    assert ect.total_current_A == pytest.approx(0.8)
    assert isinstance(mst, CoilProposal)
    assert mst.coil_max_didt_A_per_s == pytest.approx(technique(seizure, "mst").dose.didt_A_per_s)


def test_the_table_holds_every_placement_and_the_proposed_one(seizure):
    for item in seizure.record.techniques:
        (table,) = item.tables
        assert len(table.rows) == item.search.candidates
        assert all(len(row) == len(table.columns) for row in table.rows)
        field = table.columns.index("field in the target, V/m")
        assert any(row[field] == pytest.approx(item.dose.magnitude_V_per_m, rel=1e-5) for row in table.rows)


def test_the_table_shows_both_hemispheres_the_amygdalae_and_the_focality(seizure):
    (table,) = technique(seizure, "ect").tables
    rows = [dict(zip(table.columns, row, strict=True)) for row in table.rows]
    for row in rows:
        sides = sorted((row["left hemisphere"], row["right hemisphere"]))
        assert sides[0] <= row["brain above threshold"] <= sides[1]
        assert row["volume above half of it, ml"] > 0
        assert row["amygdalae, V/m"] > 0
    unilateral = {row["placement"]: row for row in rows}
    assert unilateral["right unilateral"]["right hemisphere"] > unilateral["right unilateral"]["left hemisphere"]
    assert unilateral["left unilateral"]["right hemisphere"] < unilateral["left unilateral"]["left hemisphere"]


def test_the_matrix_takes_the_best_placement_of_each_region(seizure):
    cells = [cell for cell in seizure.record.matrix.cells if cell.technique == "ect"]
    assert {cell.region for cell in cells} == {r.key for r in seizure.record.circuit.regions if r.target is not None}
    assert all(cell.best_V_per_m >= cell.proposed_V_per_m * (1 - 1e-6) for cell in cells)


def test_limits_are_those_of_the_technique(seizure):
    assert any(verdict.quantity == "charge_C" for verdict in technique(seizure, "ect").verdicts)
    assert all(verdict.quantity != "skin_density_A_per_m2" for verdict in technique(seizure, "ect").verdicts)


def test_volumes_are_in_the_plan(seizure):
    for item in seizure.record.techniques:
        assert seizure.volumes[item.field_file].array.max() > 0


def test_a_plan_for_a_target_alone_has_no_matrix():
    head = sphere_head(voxel_mm=4.0)
    made = make_plan(head, Target.sphere((-38.0, 30.0, 48.0), 12.0), ["tdcs", "ect"], **COARSE)
    assert technique(made, "ect").dose.magnitude_V_per_m > 0
    assert made.record.matrix is None


def test_what_needs_anaesthesia_comes_after_what_does_not(head):
    made = make_plan(head, Target.sphere((-38.0, 30.0, 48.0), 12.0), ["4x1", "ect", "mst"], **COARSE)
    assert made.record.ranking.ranks[0].technique == "hd_tdcs_4x1"
    assert any("anaesthesia" in reason for reason in made.record.ranking.ranks[1].reasons)

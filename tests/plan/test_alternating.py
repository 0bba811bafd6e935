"""tACS and HD-tACS in a whole plan on a coarse sphere."""

import numpy as np
import pytest
from coarse_plans import COARSE, registered_sphere

from assuage.plan import alternating, planning
from assuage.plan import plan as make_plan
from assuage.targets import Target
from assuage.techniques.phasors import phase_difference_deg, phasor, wrapped_deg
from assuage.techniques.tacs import Wave


@pytest.fixture(scope="module")
def head():
    return registered_sphere()


@pytest.fixture(scope="module")
def made(head):
    return make_plan(head, "impulse_control", ["tdcs", "hd_tdcs", "tacs", "hd_tacs"], **COARSE)


def technique(plan, name):
    return next(item for item in plan.record.techniques if item.technique == name)


def row_of(item, label, table=0):
    return next(row for row in item.tables[table].rows if row[0] == label)


def test_nothing_is_skipped_and_doses_are_those_of_the_fields(made):
    assert not made.record.skipped
    for name in ("tacs", "hd_tacs"):
        item = technique(made, name)
        mean = made.fields[name].mean_in(made.target)
        np.testing.assert_allclose(item.dose.mean_e_V_per_m, mean, rtol=1e-5)
        assert item.dose.adjoint_V_per_m == pytest.approx(item.dose.magnitude_V_per_m, rel=1e-3)
        assert "zero to peak" in item.dose.quantity
        assert item.currency.mean_V_per_m == pytest.approx(item.dose.magnitude_V_per_m, rel=1e-5)


def test_two_pads_alternate_as_those_of_tdcs(made):
    tacs, tdcs = technique(made, "tacs"), technique(made, "tdcs")
    assert tacs.dose.magnitude_V_per_m == pytest.approx(tdcs.dose.magnitude_V_per_m, rel=1e-5)
    assert tacs.dose.relative_to_reference == pytest.approx(tdcs.dose.relative_to_reference, rel=1e-5)
    assert [e.name for e in tacs.proposal.electrodes] == [e.name for e in tdcs.proposal.electrodes]
    assert sorted(e.phase_deg for e in tacs.proposal.electrodes) == [0.0, 180.0]
    assert all(e.carrier_Hz == 10.0 and e.current_A > 0 for e in tacs.proposal.electrodes)


def test_currents_of_all_electrodes_add_up_to_nothing(made):
    for name in ("tacs", "hd_tacs"):
        electrodes = technique(made, name).proposal.electrodes
        assert abs(sum(phasor(e.current_A, e.phase_deg) for e in electrodes)) < 1e-9
        assert technique(made, name).dose.current_A <= 2e-3 * (1 + 1e-9)


def test_two_regions_swing_together(made):
    item = technique(made, "hd_tacs")
    assert "partner: " in item.search.words
    assert [row[0] for row in item.tables[0].rows] == ["in phase", "a quarter cycle apart", "in anti-phase"]
    for label, phase in (("in phase", 0.0), ("a quarter cycle apart", 90.0), ("in anti-phase", 180.0)):
        row = row_of(item, label)
        assert abs(wrapped_deg(row[4] - phase)) < 1.0
        assert min(row[1:3]) <= row[3] * (1 + 1e-9)
        assert min(row[1:3]) >= 0.8 * row[3]
    assert item.proposal.certificate.gap_relative < 1e-4
    electrodes = {row[0]: row[1] for row in item.tables[1].rows if row[1] != "–"}
    assert set(electrodes) == {e.name for e in item.proposal.electrodes}


def test_the_regions_table_shows_what_the_forward_solution_does(made):
    item = technique(made, "hd_tacs")
    primary = next(region for region in made.record.circuit.regions if region.primary)
    partner = item.phasors[1].region
    (first, second) = (row_of(item, name, -1) for name in (primary.label, partner))
    assert first[2] == pytest.approx(item.phasors[0].amplitude_V_per_m, rel=0.02)
    assert second[2] == pytest.approx(item.phasors[1].amplitude_V_per_m, rel=0.02)
    assert first[3] == second[3] == 0.0


def test_limits_look_at_the_peak(made):
    verdicts = {v.quantity: v for v in technique(made, "tacs").verdicts}
    assert verdicts["peak_current_A"].value == pytest.approx(2.0)
    assert technique(made, "hd_tacs").worst_verdict == "warn"


def test_the_matrix_knows_them(made):
    cells = {(c.technique, c.region): c for c in made.record.matrix.cells}
    for (name, region), cell in cells.items():
        if name in {"tacs", "hd_tacs"}:
            steady = cells[(name.replace("tacs", "tdcs"), region)]
            assert cell.best_V_per_m == pytest.approx(steady.best_V_per_m, rel=1e-3)
            assert cell.proposed_V_per_m <= cell.best_V_per_m * (1.1 if name == "tacs" else 1.2)


def test_a_target_alone_gets_one_region(head):
    plan = make_plan(head, Target.sphere((-38.0, 30.0, 48.0), 12.0), ["hd_tdcs", "hd_tacs"], **COARSE)
    alternating_, steady = technique(plan, "hd_tacs"), technique(plan, "hd_tdcs")
    assert alternating_.dose.magnitude_V_per_m == pytest.approx(steady.dose.magnitude_V_per_m, rel=1e-5)
    assert alternating_.phasors == ()
    assert alternating_.proposal.certificate.dual_V_per_m == steady.proposal.certificate.dual_V_per_m


def test_a_quarter_cycle_solves_both_parts(head, monkeypatch):
    wave = Wave(frequency_Hz=7.0, phase_deg=90.0)
    monkeypatch.setitem(planning.FURTHER, "hd_tacs", lambda aim: alternating.make_hd_tacs(aim, wave))
    plan = make_plan(head, "impulse_control", ["hd_tacs"], **COARSE)
    item = technique(plan, "hd_tacs")
    assert "hd_tacs" not in plan.fields
    assert plan.volumes[item.field_file].array.max() > 0
    assert abs(sum(phasor(e.current_A, e.phase_deg) for e in item.proposal.electrodes)) < 1e-8
    partner = item.phasors[3].region
    assert row_of(item, partner, -1)[3] == pytest.approx(90.0, abs=2.0)
    assert phase_difference_deg(1.0, phasor(1.0, item.phasors[3].phase_deg)) == pytest.approx(90.0, abs=1.0)
    assert item.dose.magnitude_V_per_m == pytest.approx(item.dose.adjoint_V_per_m, rel=0.01)

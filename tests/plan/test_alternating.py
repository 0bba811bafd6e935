"""tACS and HD-tACS in a whole plan on a coarse sphere."""

import numpy as np
import pytest
from coarse_plans import COARSE, registered_sphere

from assuage.circuits import load_circuit
from assuage.errors import DataError, PlanError
from assuage.plan import Rhythm
from assuage.plan import plan as make_plan
from assuage.plan.bench import Bench, Places, Settings
from assuage.plan.regions import region_targets
from assuage.plan.rhythm import partner_target
from assuage.plan.surface_reach import SurfaceReach
from assuage.sources import Coil
from assuage.targets import Target
from assuage.techniques.phasors import phase_difference_deg, phasor, wrapped_deg


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


def test_the_rhythm_says_what_was_not_asked(made):
    one, two = (technique(made, name).rhythm for name in ("tacs", "hd_tacs"))
    assert (one.frequency_Hz, one.phase) == (10.0, None)
    assert two.frequency_source.startswith("an example")
    assert (two.phase.wanted_deg, two.phase.asked) == (0.0, False)
    assert two.phase.partner == technique(made, "hd_tacs").phasors[1].region


REGIONS = region_targets(registered_sphere(), load_circuit("impulse_control"), radius_mm=10.0)
LOCATED = [item.target for item in REGIONS if item.target is not None]


@pytest.mark.parametrize(
    ("rhythm", "names", "circuit", "says"),
    [
        ({"frequency_Hz": 10.0}, ("tdcs",), True, "no current of this plan alternates"),
        ({"phase_deg": 90.0}, ("tacs",), True, "tacs has two pads"),
        ({"phase_deg": 90.0}, ("hd_tacs",), False, "a phase of 90 degrees needs a second place"),
        ({"partner": "right amygdala"}, ("hd_tacs",), False, "is a region of a circuit"),
        ({"partner": "nowhere"}, ("hd_tacs",), True, "region 'nowhere' of circuit"),
        ({"partner": LOCATED[0]}, ("hd_tacs",), True, "the target itself"),
        ({"partner": Target.sphere(LOCATED[0].center_mm, 5.0)}, ("hd_tacs",), False, "overlap by 15.0 mm"),
    ],
)
def test_a_rhythm_that_does_not_fit_is_refused(rhythm, names, circuit, says):
    found = load_circuit("impulse_control") if circuit else None
    with pytest.raises((PlanError, DataError), match=says):
        partner_target(Rhythm(**rhythm), names, found, REGIONS if circuit else (), LOCATED[0])


@pytest.mark.parametrize("asked", [{"frequency_Hz": 0.0}, {"frequency_Hz": float("nan")}, {"phase_deg": float("inf")}])
def test_what_is_no_rhythm_is_refused(asked):
    with pytest.raises(PlanError, match="give"):
        Rhythm(**asked)


def test_what_direct_current_could_do_is_not_solved_again_for_alternating(head):
    bench = Bench(Places(head, Coil.figure_of_eight(), Settings(**COARSE)), COARSE["voxel_mm"])
    surface = SurfaceReach(bench, 10.0)
    solved = []
    conductor = bench.coarse.conductor
    solve = conductor.solve
    object.__setattr__(
        conductor, "solve", lambda sources, **more: solved.append(len(sources)) or solve(sources, **more)
    )
    regions = {"one": LOCATED[0], "two": LOCATED[1]}
    both = surface.of(("tdcs", "hd_tdcs"), regions)
    alone = surface.alone("tdcs", regions, "one")
    assert solved == [4, 0]
    assert alone["two"] == both["two"]["tdcs"]
    assert alone["one"].stronger_elsewhere == both["one"]["tdcs"].stronger_elsewhere
    assert 0.5 < alone["one"].best_V_per_m / both["one"]["tdcs"].best_V_per_m < 2.0


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


def test_a_quarter_cycle_with_a_second_place_solves_both_parts(head):
    second = Target.sphere((38.0, 30.0, 48.0), 12.0, name="right")
    rhythm = Rhythm(frequency_Hz=7.0, phase_deg=-270.0, partner=second)
    plan = make_plan(head, Target.sphere((-38.0, 30.0, 48.0), 12.0), ["hd_tacs"], rhythm=rhythm, **COARSE)
    item = technique(plan, "hd_tacs")
    assert item.rhythm.frequency_Hz == 7.0
    assert {e.carrier_Hz for e in item.proposal.electrodes} == {7.0}
    assert (item.rhythm.phase.partner, item.rhythm.phase.wanted_deg) == ("right", 90.0)
    assert item.rhythm.phase.asked
    assert item.rhythm.phase.reached_deg == pytest.approx(90.0, abs=1.0)
    assert plan.record.provenance.settings["rhythm"] == {"frequency_Hz": 7.0, "phase_deg": -270.0, "partner": "right"}
    assert "hd_tacs" not in plan.fields
    assert plan.volumes[item.field_file].array.max() > 0
    assert abs(sum(phasor(e.current_A, e.phase_deg) for e in item.proposal.electrodes)) < 1e-8
    partner = item.phasors[3].region
    assert partner == "right"
    assert row_of(item, partner, -1)[3] == pytest.approx(90.0, abs=2.0)
    assert phase_difference_deg(1.0, phasor(1.0, item.phasors[3].phase_deg)) == pytest.approx(90.0, abs=1.0)
    assert item.dose.magnitude_V_per_m == pytest.approx(item.dose.adjoint_V_per_m, rel=0.01)

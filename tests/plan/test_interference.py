"""Temporal interference in a whole plan on a coarse sphere: consistent with its own fields, and its error bar."""

import numpy as np
import pytest
from coarse_plans import COARSE, registered_sphere
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from assuage.errors import SolverError
from assuage.field import Conductor
from assuage.field.lead_field_store import FOLDER_VARIABLE
from assuage.head import conductivities
from assuage.plan import interference
from assuage.plan import plan as make_plan
from assuage.plan.interference_error import depth_of, slopes_of
from assuage.plan.interference_tables import (
    ARRAYS,
    ARRAYS_COLUMNS,
    ARRAYS_FRONT,
    CORTEX,
    FRONT,
    FRONT_COLUMNS,
    PROPOSED,
    STRONGEST,
    TARGET,
)
from assuage.sources import Disc, Montage
from assuage.targets import Target
from assuage.techniques import modulation
from assuage.techniques.goal import Goal
from assuage.techniques.patches import patch_on
from assuage.techniques.ti_gain import COUNTS, FEW

vectors = hnp.arrays(float, 3, elements=st.floats(-2, 2).map(lambda x: round(x, 3)))


@pytest.fixture(scope="module")
def head():
    return registered_sphere()


@pytest.fixture(scope="module")
def steps():
    return []


@pytest.fixture(scope="module")
def made(head, steps, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv(FOLDER_VARIABLE, str(tmp_path_factory.mktemp("cache")))
        yield make_plan(head, "reward", ["ti"], progress=lambda *step: steps.append(step), **COARSE)


@pytest.fixture(scope="module")
def item(made):
    (found,) = made.record.techniques
    return found


@pytest.fixture(scope="module")
def solved(made, item):
    """Both carriers solved again from what the record says."""
    conductor = Conductor(made.head, 4.0)
    carriers = sorted({e.carrier_Hz for e in item.proposal.electrodes})
    return conductor, [
        conductor.solve(
            Montage({e.name: e.current_A for e in item.proposal.electrodes if e.carrier_Hz == carrier}, shape=Disc(6.0))
        )
        for carrier in carriers
    ]


def test_the_dose_is_that_of_the_electrodes_in_the_record(made, item, solved):
    conductor, (one, two) = solved
    patch = patch_on(conductor, made.target)
    depth = modulation.largest(one.e_V_per_m, two.e_V_per_m).depth_V_per_m
    assert item.dose.magnitude_V_per_m == pytest.approx(float(patch.weights @ depth[tuple(patch.index.T)]), rel=1e-4)
    assert item.dose.adjoint_V_per_m == pytest.approx(item.dose.magnitude_V_per_m, rel=1e-2)
    np.testing.assert_allclose(made.volumes[item.field_file].array, depth, rtol=1e-3, atol=1e-5)


def test_pairs_are_apart_and_within_the_current(item):
    electrodes = item.proposal.electrodes
    assert len({e.name for e in electrodes}) == 4
    assert sorted({e.carrier_Hz for e in electrodes}) == [2000, 2020]
    for carrier in (2000, 2020):
        assert sum(e.current_A for e in electrodes if e.carrier_Hz == carrier) == pytest.approx(0)
    assert item.proposal.largest_current_A == pytest.approx(1e-3)
    assert item.proposal.total_current_A <= 2e-3 * (1 + 1e-9)


def test_the_front_holds_the_proposed_and_the_strongest(item):
    table = item.tables[0]
    assert table.title == FRONT
    assert table.columns == FRONT_COLUMNS
    marked = next(row for row in table.rows if PROPOSED in row[0])
    assert marked[1] == pytest.approx(item.dose.adjoint_V_per_m)
    assert all(e.name in marked[0] for e in item.proposal.electrodes)
    assert STRONGEST in table.rows[0][0]
    assert item.proposal.certificate.primal_V_per_m == max(row[1] for row in table.rows)
    assert item.proposal.certificate.dual_V_per_m >= item.proposal.certificate.primal_V_per_m


def test_more_electrodes_are_compared_with_the_proposed_pairs(item):
    _, arrays, along = item.tables
    assert (arrays.title, along.title) == (ARRAYS, ARRAYS_FRONT)
    depth, cortex = ARRAYS_COLUMNS.index(TARGET), ARRAYS_COLUMNS.index(CORTEX)
    pairs, *more = arrays.rows
    assert pairs[depth] == pytest.approx(item.dose.adjoint_V_per_m)
    assert [int(row[0].partition(":")[0]) for row in more] == list(COUNTS)
    for row in more:
        assert row[cortex] <= pairs[cortex]
        assert row[-1] == pytest.approx(100 * (row[depth] / pairs[depth] - 1), abs=0.1)
        assert row[-1] >= 0
        assert row[depth] <= item.proposal.certificate.dual_V_per_m
    few = more[COUNTS.index(FEW)]
    assert any(f"{few[depth]:.3g} V/m instead of {pairs[depth]:.3g} V/m" in note for note in item.notes)
    assert all(int(row[0].partition(":")[0]) == FEW for row in along.rows)


def test_progress_is_told_of_the_lead_field_and_of_what_follows(made, steps):
    fractions = [fraction for _, fraction in steps]
    assert fractions == sorted(fractions)
    parts = [fraction for step, fraction in steps if "field of every electrode" in step]
    assert len(set(parts)) > 3
    assert parts[-1] - parts[0] > 0.2
    names = dict.fromkeys(step for step, _ in steps)
    told = [name.partition(": ")[2] for name in names if name.startswith("Temporal interference: ")]
    assert told == [
        "placements and dose (1 of 1)", "field of every electrode", "search of all pairs",
        "more electrodes in each carrier", "both carriers, error bars", "other regions",
    ]  # fmt: skip
    assert made.record.provenance.seconds["Temporal interference"] > 0


def test_without_an_answer_of_the_solver_the_pairs_stand(head, tmp_path, monkeypatch):
    def fails(*_args, **_options):
        raise SolverError("no convergence")

    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path))
    monkeypatch.setattr(interference, "more_electrodes", fails)
    made = make_plan(head, Target.sphere((-38.0, 30.0, 48.0), 12.0), ["ti"], **COARSE)
    (item,) = made.record.techniques
    assert [table.title for table in item.tables] == [FRONT]
    assert any("is not known: no convergence" in note for note in item.notes)


def test_the_matrix_holds_the_best_of_every_region(made):
    cells = made.record.matrix.cells
    assert {cell.region for cell in cells} == {r.key for r in made.record.circuit.regions if r.target is not None}
    assert all(cell.best_V_per_m >= cell.proposed_V_per_m * (1 - 1e-2) for cell in cells)
    assert all(0 <= cell.stronger_elsewhere <= 1 for cell in cells)


def test_limits_and_currency_are_those_of_the_technique(item):
    rules = {verdict.rule_id for verdict in item.verdicts}
    assert {"ti-pair-guideline", "ti-envelope-highest", "tes-skin-density"} <= rules
    assert item.currency.quantity == modulation.SAYS
    assert item.currency.mean_V_per_m == pytest.approx(item.dose.magnitude_V_per_m, rel=1e-5)
    assert item.currency.reference == "2 mA reference montage, fully modulated"
    assert item.dose.quantity == "modulation depth"


def test_the_conductivity_error_is_that_of_new_solutions(made, item, solved):
    """The skull's share against plans solved with its conductivity moved: the whole depth, not that of the means."""
    conductor, fields = solved
    patch, skull = patch_on(conductor, made.target), conductivities()["skull"]
    base = made.head.conductivity_S_per_m["skull"]
    depths = []
    for factor in (0.95, 1.05):
        moved = Conductor(made.head, 4.0, conductivity_S_per_m={"skull": factor * base})
        one, two = (moved.solve(field.source).e_V_per_m[tuple(patch.index.T)] for field in fields)
        depths.append(float(patch.weights @ modulation.largest(one, two).depth_V_per_m))
    slope = abs(depths[1] - depths[0]) / (0.1 * base)
    expected = slope * (skull.high - skull.low) / np.sqrt(12)
    share = next(s.sd_V_per_m for s in item.dose.error.conductivity_by_tissue if s.tissue == "skull")
    assert share == pytest.approx(expected, rel=0.1)
    assert item.dose.error.placement_mean_V_per_m == pytest.approx(item.dose.magnitude_V_per_m, rel=0.1)
    assert item.dose.error.placement_sd_V_per_m > 0


@given(vectors, vectors, vectors, vectors, st.booleans())
def test_slopes_are_those_of_the_depth(one, two, first, second, fixed):
    goal = Goal(direction=np.array([0.0, 0.6, 0.8]) if fixed else None, normal=None)
    h = 1e-6
    up, down = (depth_of(one + s * h * first, two + s * h * second, goal) for s in (1, -1))
    at = depth_of(one, two, goal)
    smooth = abs((up - at) - (at - down)) < 1e-4 * h * (1 + np.abs(first).max() + np.abs(second).max())
    if smooth:  # at a kink (equal or orthogonal fields) there is no slope
        along = slopes_of(one, two, goal)
        assert along[0] @ first + along[1] @ second == pytest.approx((up - down) / (2 * h), abs=1e-3)


def test_along_a_direction(head, tmp_path, monkeypatch):
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path))
    d = np.array([0.6, 0.0, 0.8])
    made = make_plan(head, Target.sphere((-38.0, 30.0, 48.0), 12.0, direction=d), ["ti"], **COARSE)
    (item,) = made.record.techniques
    assert item.dose.component_V_per_m == item.dose.magnitude_V_per_m
    assert item.currency.quantity == modulation.SAYS_ALONG
    assert item.dose.adjoint_V_per_m == pytest.approx(item.dose.magnitude_V_per_m, rel=1e-2)
    assert made.record.matrix is None
